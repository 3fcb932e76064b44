"""A text completion to a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._calls import TextCall
from ..._http import Endpoint, HTTPRequest
from .._objects import posted, taken
from .._params import Ledger

if TYPE_CHECKING:
    from . import OpenAIText

__all__ = ["build"]


def build(wire: OpenAIText, call: TextCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/completions``."""
    ledger = Ledger(call)
    body: dict[str, Any] = {"model": call.model, "prompt": _prompt(ledger, call.prompt)}
    params = taken(ledger, wire.refused, wire.renamed)
    options = params.pop("stream_options", None)
    body |= params
    if call.stream:
        body |= {"stream": True} | _stream_options(wire, ledger, options)
    return posted(ledger, to, wire.path, body)


def _prompt(ledger: Ledger, prompt: Any) -> Any:
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, list | tuple) and prompt and _is_prompts(prompt):
        return list(prompt)
    raise ledger.invalid(
        "prompt must be a text, a list of texts, a list of token ids, or a list of such lists; "
        "messages are for completion()"
    )


def _is_prompts(prompt: list[Any] | tuple[Any, ...]) -> bool:
    return all(isinstance(item, str | int | list | tuple) for item in prompt)


def _stream_options(wire: OpenAIText, ledger: Ledger, given: Any) -> dict[str, Any]:
    # Usage is asked for even when the caller did not: without it there is no cost, only a guess.
    if given is not None and not isinstance(given, Mapping):
        raise ledger.invalid(f"stream_options must be a dict, not {type(given).__name__}")
    if not wire.stream_usage or "stream_options" in ledger.call.extra_body:
        return {}
    return {"stream_options": {"include_usage": True} | dict(given or {})}
