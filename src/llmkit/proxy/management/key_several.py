"""``/key/bulk_update`` and ``/key/health``: many keys changed by one request, and whether one is good."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from ..failure import Refused
from . import fields
from .asking import Asked
from .keys import update

__all__ = ["router"]

router = APIRouter(tags=["key management"])


class Several(fields.Said):
    """``/key/bulk_update``: each as ``/key/update`` takes it."""

    keys: Annotated[list[fields.UpdatedKey], Field(min_length=1, max_length=500)]


@router.post("/key/bulk_update")
async def update_several(asking: Asked, body: Several) -> dict[str, Any]:
    """Change keys, each by itself: what is wrong with one keeps no other from its change."""
    asking.must_be_administrator()
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for one in body.keys:
        try:
            done.append({"key": one.key, "key_info": await update(asking, one)})
        except Refused as refused:
            failed.append({"key": one.key, "key_info": None, "failed_reason": refused.message})
    return {
        "total_requested": len(body.keys),
        "successful_updates": done,
        "failed_updates": failed,
    }


@router.post("/key/health")
async def health(asking: Asked) -> dict[str, Any]:
    """Whether the key that asks is good: another one is refused before. Keys log nowhere of their own here."""
    return {"key": "healthy", "logging_callbacks": None}
