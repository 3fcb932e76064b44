"""SageMaker's endpoints as their server speaks them: a container with OpenAI's chat, and texts continued.

Pure: what the container says is the simulated OpenAI's; here it is put into AWS's envelope.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ..._eventstream import encoded
from .._asked import Asked, fingerprint
from .._tokens import split
from ._wire import Reply, Say
from .bedrock_converse._refusal import Refusal, exception_frame, refused
from .bedrock_converse._routes import authenticate, parsed
from .openai_chat import OpenAIChat

__all__ = ["SageMaker"]

_PATH: Final = re.compile(r".*/endpoints/([^/]+)/invocations(-response-stream)?")
_CHAT: Final = "/v1/chat/completions"
_KEY: Final = {"authorization": "Bearer a-container-asks-for-none"}
_STREAM: Final = {"Content-Type": "application/vnd.amazon.eventstream"}
_PART: Final = {":event-type": "PayloadPart", ":message-type": "event"}
_FAILED: Final = 400


class SageMaker:
    """Endpoints of any name, whose container is the simulated OpenAI."""

    name: Final = "sagemaker"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether the path is that of an endpoint."""
        return _PATH.fullmatch(urlsplit(path).path) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        request_id = fingerprint(body.decode(errors="replace"), method, path)
        try:
            made = _routed(method, urlsplit(path).path, headers, body, say)
        except Refusal as refusal:
            made = refused(refusal)
        except RecursionError:
            made = refused(Refusal(400, "the request is nested too deeply"))
        named = {"x-amzn-requestid": request_id, **made.headers}
        return Reply(made.status, made.body, made.frames, named)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer with the name that goes with *status*."""
        return refused(Refusal(status, message))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as a frame of a stream."""
        return exception_frame(status, message)


def _routed(method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    found = _PATH.fullmatch(path)
    if found is None or method != "POST":
        raise Refusal(404, "Not Found", "UnknownOperationException")
    authenticate(headers.get("authorization", ""))
    given = parsed(body)
    name = unquote(found[1])
    if isinstance(given.get("inputs"), str) and not found[2]:
        return _text(name, given, say)
    return _chat({**given, "model": given.get("model", name)}, say, stream=found[2] is not None)


def _text(name: str, given: Mapping[str, Any], say: Say) -> Reply:
    """A text continued, as text-generation-inference answers."""
    parameters = given.get("parameters")
    limit = parameters.get("max_new_tokens") if isinstance(parameters, dict) else None
    text = given["inputs"]
    asked = Asked(name, fingerprint(given), len(split(text)), text=text, limit=limit)
    said = say(asked).choices[0]
    return Reply(200, json.dumps([{"generated_text": said.content or ""}]).encode())


def _chat(given: Mapping[str, Any], say: Say, *, stream: bool) -> Reply:
    """The container's own answer; in a stream its bytes are the frames'."""
    asked = {**given, "stream": True} if stream else given
    answer = OpenAIChat().reply("POST", _CHAT, _KEY, json.dumps(asked).encode(), say)
    if answer.status >= _FAILED:
        text = f"Received client error ({answer.status}) from primary: {answer.body.decode()}"
        raise Refusal(424, text, "ModelError")
    if not stream:
        return Reply(200, answer.body)
    return Reply(200, frames=tuple(encoded(_PART, f) for f in answer.frames), headers=_STREAM)
