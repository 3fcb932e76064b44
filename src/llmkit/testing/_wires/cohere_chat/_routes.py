"""Cohere's chat as it is met: its path, its refusals, and the form of every answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .._wire import Reply, Say
from ._check import check
from ._door import Refusal, answered, encoded, refused
from ._read import asked
from ._write import event, events, whole

__all__ = ["CohereChat"]

# Whatever stands before the version is a proxy's.
_PATH: Final = re.compile(r".*/v2/chat")


class CohereChat:
    """The second version of the chat, under any prefix of its path."""

    name: Final = "cohere_chat"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether the path is the chat's."""
        return _PATH.fullmatch(path.partition("?")[0].rstrip("/")) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""

        def answer(given: dict[str, Any]) -> Reply:
            check(given)
            said = say(asked(given))
            if given.get("stream"):
                return Reply(200, frames=tuple(events(given, said)))
            return Reply(200, encoded(whole(given, said)))

        return answered(method, headers, body, answer)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer."""
        return refused(Refusal(status, message))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The error as the last event of a stream: a message that ended with one."""
        reason = "TIMEOUT" if status == 504 else "ERROR"  # noqa: PLR2004
        return event("message-end", delta={"finish_reason": reason, "error": message})
