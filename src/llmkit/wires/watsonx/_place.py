"""Where a call goes: a model under ``/ml/v1/text``, or a deployment under its own id; and who pays for it.

Source: https://cloud.ibm.com/apidocs/watsonx-ai, as the package says. A deployment has its model and its space.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..._http import Endpoint, join_url

__all__ = ["concerned", "url"]

_PREFIXES = ("deployment/", "deployments/")
_SCOPES = ("project_id", "space_id")


def url(model: str, what: str, to: Endpoint) -> str:
    """The address of one method, such as ``chat``."""
    query = {name: value for name, value in to.query.items() if name not in _SCOPES}
    deployment = _deployment(model)
    root = "/ml/v1" if deployment is None else f"/ml/v1/deployments/{quote(deployment, safe='')}"
    return join_url(to.base_url, f"{root}/text/{what}", query)


def concerned(model: str, to: Endpoint) -> dict[str, Any]:
    """What the body says of the model and of who pays; a deployment's address says both."""
    if _deployment(model) is not None:
        return {}
    return {"model_id": model, **_scope(to.query)}


def _scope(query: Mapping[str, str]) -> dict[str, str]:
    """A project goes before a space: the service takes one of them."""
    return next(({name: query[name]} for name in _SCOPES if query.get(name)), {})


def _deployment(model: str) -> str | None:
    prefix = next((prefix for prefix in _PREFIXES if model.startswith(prefix)), None)
    return None if prefix is None else model.removeprefix(prefix)
