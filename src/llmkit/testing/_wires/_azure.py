"""What Azure does around OpenAI's API: keys, versions, deployments' names, and what its content filter saw.

Pure; the API itself is the other wires'. Forms of paths and bodies as recorded, read 2026-11-22.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from ._wire import Reply, Say, Wire

__all__ = ["AtAzure", "at_azure"]

_DEPLOYED: Final = re.compile(r".*/openai/deployments/([^/]+)/.*")
_DATED: Final = re.compile(r".*/openai/(?!v1/).*")
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?|v1|preview")
_SAFE: Final = {"filtered": False, "severity": "safe"}
_RESULTS: Final = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), _SAFE)
_PROMPT: Final = [{"prompt_index": 0, "content_filter_results": _RESULTS}]
_DENIED: Final = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_NO_DEPLOYMENT: Final = "The API deployment for this resource does not exist."
_DATA: Final = b"data: "
_CHUNK: Final = b'"chat.completion.chunk"'


@dataclass(frozen=True, slots=True)
class AtAzure:
    """A wire as Azure serves it: a key or a token is looked at here, the rest is the wire's."""

    wire: Wire
    deployment: str | None
    refused: bool
    """Whether there is no such place without a version."""

    @property
    def name(self) -> str:
        """The wire's name."""
        return self.wire.name

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether it is one of Azure's requests to this wire."""
        return at_azure(self.wire, path, headers) is not self.wire

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The wire's answer, with what the filter saw, or Azure's own refusal."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = headers.get("api-key") or (token if scheme.lower() == "bearer" else "")
        if not key.strip() or "invalid" in key:
            return _error(401, "401", _DENIED)
        if self.refused:
            return _error(404, "404", "Resource not found")
        if self.deployment == "missing-model":
            return _error(404, "DeploymentNotFound", _NO_DEPLOYMENT)
        headers = {**headers, "authorization": "Bearer taken-by-azure"}
        return filtered(self.wire.reply(method, path, headers, self.named(body), say))

    def failure(self, status: int, message: str) -> Reply:
        """An error answer as the wire writes it."""
        return self.wire.failure(status, message)

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream."""
        return self.wire.failure_frame(status, message)

    def named(self, body: bytes) -> bytes:
        """The body with the deployment as its model: the address says it, so that the body need not."""
        if self.deployment is None:
            return body
        try:
            asked = json.loads(body)
        except ValueError:
            return body
        return (
            json.dumps(asked | {"model": self.deployment}).encode()
            if isinstance(asked, dict)
            else body
        )


def filtered(reply: Reply) -> Reply:
    """The answer of a chat with what the filter saw in it; a stream begins with what it saw in the prompt."""
    if any(_CHUNK in frame for frame in reply.frames):
        first = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
        opening = _framed({**first, "prompt_filter_results": _PROMPT})
        return replace(reply, frames=(opening, *map(_seen_frame, reply.frames)))
    if reply.frames or not reply.body.startswith(b"{"):
        return reply
    body = json.loads(reply.body)
    if "choices" not in body:
        return reply
    seen = _seen(body) | {"prompt_filter_results": _PROMPT}
    return replace(reply, body=json.dumps(seen, ensure_ascii=False).encode())


def at_azure(wire: Wire, path: str, headers: Mapping[str, str]) -> Wire:
    """The wire as Azure serves it, where a path, a version or the header of a key is Azure's."""
    bare, _, query = path.partition("?")
    version = next(iter(parse_qs(query).get("api-version", ())), None)
    found = _DEPLOYED.fullmatch(bare)
    if found is None and version is None and "api-key" not in headers:
        return wire
    dated = version is not None and _VERSION.fullmatch(version) is not None
    refused = _DATED.fullmatch(bare) is not None and not dated
    return AtAzure(wire, unquote(found[1]) if found else None, refused)


def _seen_frame(frame: bytes) -> bytes:
    text = frame.removeprefix(_DATA).strip()
    return _framed(_seen(json.loads(text))) if text.startswith(b"{") else frame


def _seen(body: dict[str, Any]) -> dict[str, Any]:
    choices = [
        {**choice, "content_filter_results": _RESULTS} for choice in body.get("choices") or ()
    ]
    return {**body, "choices": choices}


def _framed(value: Any) -> bytes:
    return _DATA + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _error(status: int, code: str, message: str) -> Reply:
    body = {"error": {"code": code, "message": message}}
    return Reply(status, json.dumps(body).encode(), headers={"apim-request-id": "simulator"})
