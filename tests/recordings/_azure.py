"""Recorded calls to Azure as calls of llmkit: the deployment is the model, the version is an option."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from ._reader import Row

_DEPLOYMENT = re.compile(r"/+openai/deployments/([^/]+)/")
_INFERENCE = "/models/"


def asking(row: Row, sent: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """The call at the address that was recorded."""
    provider, _, model = call["model"].partition("/")
    provider = "azure_ai" if row.path.startswith(_INFERENCE) else provider
    found = _DEPLOYMENT.match(row.path)
    made = {**call, "model": f"{provider}/{found[1] if found else model}"}
    if row.query:
        made["api_version"] = row.query["api-version"]
    if found and sent.get("model") not in (None, found[1]):
        # Where the path says it, the body may say anything.
        made["extra_body"] = {**call["extra_body"], "model": sent["model"]}
    return made


def same_address(row: Row, path: str) -> bool:
    """Whether a request went where the recorded one did."""
    bare, _, query = path.partition("?")
    recorded = re.sub("^/+", "/", row.path)
    return bare == recorded and (not row.query or dict(parse_qsl(query)) == dict(row.query))
