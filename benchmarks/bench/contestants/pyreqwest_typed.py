"""The least that could be called the same by hand: raw pyreqwest, and a typed answer, its price in decimals, a record.

No limit on any wait but the whole, no retry, no error explained, no credential hidden, no stream: what remains between
this and llmkit is what llmkit is made of, and what remains between this and raw pyreqwest nobody could leave out.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel
from typing_extensions import override

from bench.contestants import pyreqwest as raw

_PER_TOKEN = (Decimal("0.15") / 1_000_000, Decimal("0.6") / 1_000_000)


class _Message(BaseModel):
    role: str
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class _Choice(BaseModel):
    index: int
    message: _Message
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None


class _Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class _Answer(BaseModel):
    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: _Usage


class _Record(NamedTuple):
    id: str
    at: float
    seconds: float
    model: str
    tokens: int
    cost: Decimal


_ledger: deque[_Record] = deque(maxlen=1000)


def _settled(body: bytes, began: float) -> str:
    answer = _Answer.model_validate_json(body)
    usage = answer.usage
    cost = usage.prompt_tokens * _PER_TOKEN[0] + usage.completion_tokens * _PER_TOKEN[1]
    seconds = time.monotonic() - began
    _ledger.append(
        _Record(
            str(uuid.uuid4()), time.time(), seconds, answer.model, usage.completion_tokens, cost
        )
    )
    return answer.choices[0].message.content or ""


class Sync(raw.Sync):
    """``raw.Sync``, and what is made of its answer."""

    @override
    def call(self, asked: dict[str, Any]) -> str:
        """One answer."""
        began = time.monotonic()
        response = self._client.post(self._url).body_json(asked).build().send()
        return _settled(bytes(response.bytes()), began)


class Async(raw.Async):
    """``raw.Async``, and what is made of its answer."""

    @override
    async def call(self, asked: dict[str, Any]) -> str:
        """One answer."""
        began = time.monotonic()
        response = await self._client.post(self._url).body_json(asked).build().send()
        return _settled(bytes(await response.bytes()), began)
