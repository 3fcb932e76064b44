"""A text completion's JSON to its model."""

from __future__ import annotations

from typing import Any

from ..._calls import TextCall
from ..._http import HTTPResponse
from ...types.text import TextCompletion
from .._objects import built, items, object_of
from ..openai_chat._decode import FINISH, normalize_usage

__all__ = ["normalized", "parse"]


def parse(call: TextCall, response: HTTPResponse) -> TextCompletion:
    """Read an answer below 300."""
    data = normalized(object_of(call, response, "choices"))
    data["id"] = data.get("id") or call.id
    data["model"] = data.get("model") or call.model
    return built(TextCompletion, data)


def normalized(data: dict[str, Any]) -> dict[str, Any]:
    """Freshly parsed JSON, of an answer or a chunk, brought to OpenAI's form in place."""
    data["object"] = "text_completion"
    data["choices"] = items(data.get("choices"))
    for position, choice in enumerate(data["choices"]):
        _normalize_choice(choice, position)
    if isinstance(data.get("usage"), dict):
        normalize_usage(data["usage"])
    return data


def _said(choice: dict[str, Any]) -> str:
    """Mistral's completions of code say it in a message, or in a delta, as a chat would."""
    places = (choice.get("message"), choice.get("delta"))
    texts = (place.get("content") for place in places if isinstance(place, dict))
    return next((text for text in texts if isinstance(text, str)), "")


def _normalize_choice(choice: dict[str, Any], position: int) -> None:
    if not isinstance(choice.get("index"), int):
        choice["index"] = position
    if choice.get("text") is None:
        choice["text"] = _said(choice)
    if choice.get("logprobs") is None and isinstance(choice.get("log_probs"), dict):
        choice["logprobs"] = choice["log_probs"]
    finish = choice.get("finish_reason")
    if isinstance(finish, str) and finish in FINISH:
        choice["finish_reason"] = FINISH[finish]
