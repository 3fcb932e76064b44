"""Mistral's chat completions as its server speaks them, below ``/mistral``: elsewhere the path would be OpenAI's.

The answer is made by the OpenAI wire; what Mistral refuses is in ``_check``, how it writes is in ``_shape``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .._wire import Reply, Say
from ..openai_chat import OpenAIChat
from ._check import Refused, check, refusal
from ._shape import asked, event, streamed, whole

__all__ = ["ROOT", "MistralChat"]

ROOT: Final = "/mistral"
_CHAT = re.compile(rf"{ROOT}(/[^?]*)?/chat/completions/?")
_INNER: Final = OpenAIChat()
_INNER_PATH: Final = "/v1/chat/completions"
_REFUSES: Final = 400


class MistralChat:
    """Mistral's chat completions."""

    name: Final = "mistral_chat"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """What is asked for below its root."""
        return path.startswith(f"{ROOT}/")

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        if not _CHAT.fullmatch(path.partition("?")[0]):
            return Reply(404, _json({"message": "no Route matched with those values"}))
        try:
            sent = check(method, headers, body)
        except Refused as refused:
            return Reply(refused.status, _json(refused.body))
        made = _INNER.reply("POST", _INNER_PATH, headers, _json(asked(sent)), say)
        if made.status >= _REFUSES:
            return self.failure(made.status, _message(made.body))
        if made.frames:
            return Reply(200, frames=streamed(made.frames), headers=made.headers)
        return Reply(200, _json(whole(json.loads(made.body))), headers=made.headers)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer in Mistral's form."""
        return Reply(status, _json(refusal(status, message)))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream."""
        return event(refusal(status, message))


def _message(body: bytes) -> str:
    said: Any = json.loads(body)
    return str(said["error"]["message"])


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")
