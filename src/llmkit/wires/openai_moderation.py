"""OpenAI's moderations, as OpenAI and Mistral speak them.

Sources, read 2026-11-22: the types of openai 3.54.0, and Mistral's OpenAPI document, whose results say the categories
and not whether any applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._call import Call
from .._calls import ModerationCall
from .._http import Endpoint, HTTPRequest, HTTPResponse
from ..errors import APIError
from ..types.moderation import ModerationResponse
from ._errors import api_error
from ._objects import built, items, object_of, posted, taken
from ._params import Ledger

__all__ = ["MODERATIONS", "TEXTS", "OpenAIModeration"]


@dataclass(frozen=True, slots=True)
class OpenAIModeration:
    """The wire."""

    refused: frozenset[str] = frozenset({"metadata"})
    """Parameters that the host does not take."""

    images: bool = True
    """Whether content parts are taken beside texts."""

    def build(self, call: ModerationCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…/moderations``."""
        ledger = Ledger(call)
        body: dict[str, Any] = {"input": self._input(ledger, call.inputs)}
        if call.model:
            body["model"] = call.model
        return posted(ledger, to, "/moderations", body | taken(ledger, self.refused))

    def _input(self, ledger: Ledger, inputs: tuple[Any, ...]) -> Any:
        if not inputs:
            raise ledger.invalid("there is nothing to moderate")
        if not self.images and not all(isinstance(item, str) for item in inputs):
            raise ledger.invalid(f"{ledger.call.provider} moderates texts only")
        return inputs[0] if len(inputs) == 1 and isinstance(inputs[0], str) else list(inputs)

    def parse(self, call: ModerationCall, response: HTTPResponse) -> ModerationResponse:
        """Read the verdicts."""
        data = object_of(call, response, "results")
        data["id"] = data.get("id") or call.id
        data["model"] = data.get("model") or call.model
        data["results"] = [_judged(result) for result in items(data["results"])]
        return built(ModerationResponse, data)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


def _judged(result: dict[str, Any]) -> dict[str, Any]:
    categories = result.get("categories")
    if result.get("flagged") is None and isinstance(categories, dict):
        result["flagged"] = any(value is True for value in categories.values())
    return result


MODERATIONS = OpenAIModeration()
# Mistral's: texts alone, with tags.
TEXTS = OpenAIModeration(refused=frozenset(), images=False)
