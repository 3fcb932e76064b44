"""The models that an Ollama server has: ``/api/tags``, and ``/api/show`` for one of them.

Source: https://docs.ollama.com/api/tags and …/show by their OpenAPI document, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._call import Call
from .._calls import ResourceCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ..errors import APIError
from ..types.answer import Answer
from ..types.listing import ListedModel, ModelList
from ._actions import chosen, named
from ._errors import unreadable
from ._objects import asked, built, items, loaded, posted
from ._params import Ledger
from ._times import unix
from .ollama_chat import error, stream_error

__all__ = ["OLLAMA_MODELS", "OllamaModels"]

_COMPATIBLE = "/v1"


@dataclass(frozen=True, slots=True)
class OllamaModels:
    """The wire. An address that ends in ``/v1`` is the same server's."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        ledger = Ledger(call)
        named(ledger, {})
        home = Endpoint(join_url(_home(to.base_url), ""), to.headers, to.query)
        if chosen(ledger, call, {"list": True, "retrieve": False}):
            return asked(ledger, home, "/api/tags")
        return posted(ledger, home, "/api/show", {"model": call.target})

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a model, or all of them. Raises an ``APIError``: also for an error inside a 200."""
        data = loaded(call, response)
        if isinstance(data, dict) and data.get("error"):
            raise stream_error(call, response, data)
        if call.action == "list":
            if not isinstance(data, dict) or not isinstance(data.get("models"), list):
                raise unreadable(call, response, "it has no models")
            return built(ModelList, {"data": [_known(model) for model in items(data["models"])]})
        if not isinstance(data, dict) or not data.keys() & {"details", "model_info", "modelfile"}:
            raise unreadable(call, response, "it says nothing of a model")
        return built(ListedModel, _known({"name": call.target, **data}))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return error(call, response)


def _home(base: str) -> str:
    path, mark, query = base.partition("?")
    return path.rstrip("/").removesuffix(_COMPATIBLE) + mark + query


def _known(model: dict[str, Any]) -> dict[str, Any]:
    """A model in OpenAI's words, beside the server's own."""
    name = model.get("name") or model.get("model") or ""
    told = {"id": str(name), "object": "model", "created": unix(model.get("modified_at"))}
    return model | told | {"max_input_tokens": _window(model.get("model_info"))}


def _window(info: Any) -> int | None:
    """The length of the context, which stands under the name of the model's architecture."""
    found = info if isinstance(info, dict) else {}
    sizes = (size for name, size in found.items() if str(name).endswith(".context_length"))
    size = next(sizes, None)
    return size if isinstance(size, int) else None


OLLAMA_MODELS = OllamaModels()
