"""The Gemini API's list of models, from all its pages.

Source: ``Model`` of the v1beta reference, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._call import Call
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.answer import Answer
from ...types.listing import ListedModel, ModelList
from .. import Step, Steps
from .._actions import chosen, named
from .._objects import asked, built, items
from .._params import Ledger
from ..gemini._failures import failed
from ._where import model_path, object_in

__all__ = ["GeminiModels"]

_MOST, _PAGES = 1000, 50


@dataclass(frozen=True, slots=True)
class GeminiModels:
    """The wire."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call; of a list, its first page."""
        ledger = Ledger(call)
        named(ledger, {})
        if chosen(ledger, call, {"list": True, "retrieve": False}):
            return asked(ledger, to, "/models", {"pageSize": _MOST})
        return asked(ledger, to, model_path(ledger, call.target))

    def steps(self, call: ResourceCall, to: Endpoint) -> Steps:
        """A model is one request, a list as many as it has pages."""
        response = yield Step(self.build(call, to))
        if call.action != "list":
            return self.parse(call, response)
        data = object_in(call, response)
        found = items(data.get("models"))
        for _ in range(_PAGES):
            if not data.get("nextPageToken"):
                break
            query = {"pageSize": _MOST, "pageToken": data["nextPageToken"]}
            response = yield Step(asked(Ledger(call), to, "/models", query))
            data = object_in(call, response)
            found += items(data.get("models"))
        return built(ModelList, {"data": [_known(model) for model in found]})

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a model, or a page of them."""
        if call.action == "retrieve":
            return built(ListedModel, _known(object_in(call, response, "name")))
        data = object_in(call, response)
        return built(ModelList, {"data": [_known(model) for model in items(data.get("models"))]})

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)


def _known(model: dict[str, Any]) -> dict[str, Any]:
    """A model in OpenAI's words, beside the provider's own."""
    return model | {
        "id": str(model.get("name") or "").removeprefix("models/"),
        "object": "model",
        "display_name": model.get("displayName"),
        "max_input_tokens": model.get("inputTokenLimit"),
        "max_output_tokens": model.get("outputTokenLimit"),
    }
