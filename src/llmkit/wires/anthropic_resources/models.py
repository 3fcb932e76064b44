"""Anthropic's list of models, from all its pages.

Source: the types of anthropic 2.12.0, read 2026-11-22.
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
from .._objects import built, items, object_of
from .._params import Ledger
from .._times import unix
from ..anthropic_messages._errors import error
from ._where import cursor, get, one

__all__ = ["AnthropicModels"]

_MOST, _PAGES = 1000, 50


@dataclass(frozen=True, slots=True)
class AnthropicModels:
    """The wire."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call; of a list, its first page."""
        ledger = Ledger(call)
        named(ledger, {})
        if chosen(ledger, call, {"list": True, "retrieve": False}):
            return get(ledger, to, "/models", {"limit": _MOST})
        return get(ledger, to, f"/models/{one(ledger, 'model', call.target)}")

    def steps(self, call: ResourceCall, to: Endpoint) -> Steps:
        """A model is one request, a list as many as it has pages."""
        response = yield Step(self.build(call, to))
        if call.action != "list":
            return self.parse(call, response)
        page = cursor(object_of(call, response, "data"))
        found = items(page["data"])
        for _ in range(_PAGES):
            if page["next_cursor"] is None:
                break
            query = {"limit": _MOST, "after_id": page["next_cursor"]}
            response = yield Step(get(Ledger(call), to, "/models", query))
            page = cursor(object_of(call, response, "data"))
            found += items(page["data"])
        return built(ModelList, {"data": [_known(model) for model in found]})

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a model, or a page of them."""
        if call.action == "retrieve":
            return built(ListedModel, _known(object_of(call, response, "id")))
        data = object_of(call, response, "data")
        return built(ModelList, {"data": [_known(model) for model in items(data["data"])]})

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return error(call, response)


def _known(model: dict[str, Any]) -> dict[str, Any]:
    """A model in OpenAI's words, beside the provider's own."""
    return model | {
        "object": "model",
        "created": unix(model.get("created_at")),
        "max_output_tokens": model.get("max_tokens"),
    }
