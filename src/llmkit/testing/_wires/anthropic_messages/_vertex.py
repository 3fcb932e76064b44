"""Claude at Vertex AI: the same API, with the model in the path, and version and betas in the body.

Pure: such a request as the plain API's. https://docs.anthropic.com/en/api/claude-on-vertex-ai, read 2026-11-22.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from ._refusal import Refusal, invalid

__all__ = ["is_vertex", "plain"]

_PATH: Final = re.compile(
    r".*/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/anthropic/models/"
    r"(?P<model>[^/]+):(?P<method>rawPredict|streamRawPredict)"
)
_VERSION: Final = "vertex-2023-10-16"
_COUNT: Final = "count-tokens"


def is_vertex(path: str) -> bool:
    """Whether a path (without its query) is one of Vertex AI's for Claude."""
    return _PATH.fullmatch(path) is not None


def plain(path: str, headers: Mapping[str, str], body: bytes) -> tuple[str, dict[str, str], bytes]:
    """Path, headers and body as Anthropic's own API would have them. Raises `Refusal`."""
    found = _PATH.fullmatch(path)
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if found is None or not isinstance(asked, dict):
        raise Refusal(400, "The request body is not valid JSON: an object is expected")
    if asked.pop("anthropic_version", None) != _VERSION:
        raise invalid("anthropic_version", f"must be {_VERSION}")
    streams = found["method"] == "streamRawPredict"
    if bool(asked.get("stream")) != streams:
        raise invalid("stream", f"does not fit {found['method']}")
    made = {name: value for name, value in headers.items() if name != "x-api-key"}
    made |= {"anthropic-version": "2023-06-01"}
    if "x-goog-api-key" in made:
        made["authorization"] = f"Bearer {made['x-goog-api-key']}"
    betas = asked.pop("anthropic_beta", None)
    if betas:
        made["anthropic-beta"] = ",".join(map(str, betas))
    model = unquote(found["model"])
    if model == _COUNT:
        return "/v1/messages/count_tokens", made, json.dumps(asked).encode()
    if "model" in asked:
        raise invalid("model", "Extra inputs are not permitted")
    return "/v1/messages", made, json.dumps({**asked, "model": model}).encode()
