"""Prompts and answers, where the operator wants them kept (``Settings.log_content``). By default nothing comes here."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..._secret import redact
from ..gateway import Gateway
from .models import Content

__all__ = ["contents_of", "keep"]

_MOST: Final = 1_000_000
"""Characters of JSON; of what is longer, as with pictures, only its beginning is kept, as text."""


async def keep(gateway: Gateway, call_id: str, content: Mapping[str, Any]) -> None:
    """Keep what a call was asked and what it answered; nothing, unless the gateway is told to.

    Args:
        gateway: whose settings say whether.
        call_id: the call's, which is the row's ``request_id`` in the log.
        content: JSON: ``messages`` (or ``input``), and ``response``. What looks like a key is hidden.
    """
    if not gateway.settings.log_content:
        return
    text = redact(json.dumps(content, default=str))
    kept = json.loads(text) if len(text) <= _MOST else {"text": text[:_MOST]}
    now = datetime.now(UTC).replace(tzinfo=None)
    row = Content(request_id=call_id, content=kept, kept_at=now)
    await gateway.database.run(lambda session: session.merge(row))


def contents_of(session: Session, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """What is kept of these calls, by their ids."""
    found = session.scalars(select(Content).where(Content.request_id.in_(ids)))
    return {row.request_id: row.content for row in found}
