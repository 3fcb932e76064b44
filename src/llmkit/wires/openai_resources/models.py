"""OpenAI's list of models, as a hundred compatible hosts have it; some answer a bare list.

Source: the types of openai 3.54.0 and the recorded lists of eleven hosts, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..._call import Call
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.answer import Answer
from ...types.listing import ListedModel, ModelDeleted, ModelList
from .._actions import chosen, named
from .._errors import api_error
from .._objects import asked, built, items, loaded, object_of
from .._params import Ledger

__all__ = ["MODELS", "OpenAIModels"]

_METHODS = {"list": "GET", "retrieve": "GET", "delete": "DELETE"}


@dataclass(frozen=True, slots=True)
class OpenAIModels:
    """The wire."""

    path: str = "/models"
    """Where the models are, below the base URL."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        ledger = Ledger(call)
        method = chosen(ledger, call, _METHODS)
        named(ledger, {})
        if call.action == "list":
            return asked(ledger, to, self.path)
        return asked(ledger, to, f"{self.path}/{_name(ledger, call.target)}", method=method)

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a model, or all of them."""
        if call.action == "delete":
            return built(ModelDeleted, object_of(call, response, "id"))
        if call.action == "retrieve":
            return built(ListedModel, object_of(call, response, "id"))
        data = loaded(call, response)
        if not isinstance(data, list) or not all(isinstance(m, dict) and "id" in m for m in data):
            data = object_of(call, response, "data")
            return built(ModelList, {**data, "object": "list", "data": _listed(data["data"])})
        return built(ModelList, {"data": _listed(data)})

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


def _name(ledger: Ledger, name: str | None) -> str:
    """A model's name may have slashes: they divide the path as they divide the name."""
    if not name or any(not part.strip(".") for part in name.split("/")):
        raise ledger.invalid(f"model {name!r:.80} is no model's name")
    return quote(name, safe=":@~/")


def _listed(models: Any) -> list[dict[str, Any]]:
    return [_known(model) for model in items(models)]


def _known(model: dict[str, Any]) -> dict[str, Any]:
    model["object"] = "model"
    if model.get("max_input_tokens") is None:
        # OpenRouter, Mistral, Groq: each its own word for the same.
        limits = (
            model.get(name) for name in ("context_length", "max_context_length", "context_window")
        )
        model["max_input_tokens"] = next((n for n in limits if isinstance(n, int)), None)
    return model


MODELS = OpenAIModels()
