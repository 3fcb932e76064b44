"""Calls given for a batch: checked, and those that are chats made into the calls that a chat's wire writes.

No dialect's names: how a batch is written is its wire's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._call import ChatCall
from ._params import Ledger

__all__ = ["Asked", "asked_for"]

_NO_PARAMS = frozenset({"model", "messages", "stream"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a batch: as the provider writes it (``native``), or a chat."""

    custom_id: str
    native: Mapping[str, Any] | None = None
    chat: ChatCall | None = None


def asked_for(ledger: Ledger, requests: Any) -> list[Asked]:
    """The calls of a batch. Raises ``InvalidRequestError`` for what is none."""
    if not isinstance(requests, list | tuple) or not requests:
        raise ledger.invalid("requests is missing: the calls, each {'custom_id': …, 'body': …}")
    asked = [_asked(ledger, f"requests[{i}]", request) for i, request in enumerate(requests)]
    if len({one.custom_id for one in asked}) < len(asked):
        raise ledger.invalid("each of the requests needs a custom_id of its own")
    return asked


def _asked(ledger: Ledger, path: str, request: Any) -> Asked:
    if not isinstance(request, Mapping) or not isinstance(request.get("custom_id"), str):
        raise ledger.invalid(f"{path} must be a dict with a custom_id")
    if isinstance(request.get("params"), Mapping):
        return Asked(request["custom_id"], native=request["params"])
    body = request.get("body")
    if not isinstance(body, Mapping) or "messages" not in body:
        raise ledger.invalid(f"{path}.body must be a chat: model, messages, parameters")
    call = ledger.call
    model = str(body.get("model") or call.model).removeprefix(f"{call.provider}/")
    if not model:
        raise ledger.invalid(f"{path}.body.model is missing")
    chat = ChatCall(
        call.id,
        call.provider,
        model,
        body["messages"],
        params={name: value for name, value in body.items() if name not in _NO_PARAMS},
        drop_params=call.drop_params,
        allowed=call.allowed,
        catalogue=call.catalogue,
    )
    return Asked(request["custom_id"], chat=chat)
