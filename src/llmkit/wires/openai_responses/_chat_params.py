"""A chat call's parameters to a Responses request: each is sent, respelled, refused, or listed in the ledger.

Source: https://platform.openai.com/docs/api-reference/responses/create, read 2026-11-22. Chat keeps nothing unless
it is asked to; this API keeps everything unless it is told not to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._listed import listed
from .._params import Ledger, check_value
from ._tools import flat_choice, flat_format, flat_tool, search_tool

__all__ = ["ENCRYPTED", "Params"]

Body = dict[str, Any]
ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
_SAME = frozenset({
    "temperature", "top_p", "parallel_tool_calls", "metadata", "user", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "service_tier", "top_logprobs",
})  # fmt: skip
# What asks for nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"], ("text",)),
}
_HINTS = {
    "n": "it gives one answer a call",
    "stop": "the API has no such field",
    "functions": "use tools",
    "function_call": "use tool_choice",
    "thinking": "use reasoning_effort",
}


class Params:
    """One call's parameters on their way to the body."""

    def __init__(self, ledger: Ledger, refused: frozenset[str]) -> None:
        self._ledger, self._call, self._refused = ledger, ledger.call, refused

    def write(self, body: Body) -> None:
        """Put them into the body. Raises ``UnsupportedParamsError``."""
        for name, value in self._call.params.items():
            if value is not None and value not in _NEUTRAL.get(name, ()):
                check_value(self._ledger, name, value)
                self._one(name, value, body)
        self._keep(body)
        self._ledger.settle()

    def _one(self, name: str, value: Any, body: Body) -> None:
        known = name in _SAME or name in _WRITE
        if name in self._call.allowed and (name in self._refused or not known):
            body[name] = value
        elif name in self._refused or not known:
            self._ledger.refuse(name, value, _HINTS.get(name, ""))
        elif name in _SAME:
            body[name] = value
        else:
            _WRITE[name](self, name, value, body)

    def _keep(self, body: Body) -> None:
        """Ask for nothing to be kept, and for reasoning in a form that can be sent back all the same."""
        if "store" not in body and "store" not in self._refused:
            body["store"] = False
            why = "chat keeps nothing unless asked to; this API would"
            self._ledger.adjust("store", "defaulted", None, False, why)
        if not body.get("store") and self._reasons(body) and "include" not in self._refused:
            body["include"] = [*body.get("include", ()), ENCRYPTED]

    def _reasons(self, body: Body) -> bool:
        """Whether reasoning is to come: other models refuse to be asked for it."""
        if "reasoning" in body:
            return True
        known = listed(self._call, self._call.model.rpartition("/")[2])
        return known is not None and known.supports("reasoning")

    def _limit(self, name: str, value: Any, body: Body) -> None:
        if body.setdefault("max_output_tokens", value) != value:
            raise self._ledger.invalid(
                "give 'max_tokens' or 'max_completion_tokens', not both: they are one parameter here"
            )

    def _effort(self, name: str, value: Any, body: Body) -> None:
        body.setdefault("reasoning", {})["effort"] = value

    def _store(self, name: str, value: Any, body: Body) -> None:
        body["store"] = value

    def _logprobs(self, name: str, value: Any, body: Body) -> None:
        body.setdefault("include", []).append(_LOGPROBS)

    def _format(self, name: str, value: Any, body: Body) -> None:
        if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
            raise self._ledger.invalid("response_format must be {'type': …} or a pydantic class")
        body.setdefault("text", {})["format"] = flat_format(value)

    def _verbosity(self, name: str, value: Any, body: Body) -> None:
        body.setdefault("text", {})["verbosity"] = value

    def _tools(self, name: str, value: Any, body: Body) -> None:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise self._ledger.invalid("tools must be a list")
        if not all(isinstance(tool, Mapping) for tool in value):
            raise self._ledger.invalid("tools must be a list of dicts")
        made = [flat_tool(self._unmarked(i, tool)) for i, tool in enumerate(value)]
        body["tools"] = [*made, *body.get("tools", ())]

    def _unmarked(self, position: int, tool: Mapping[str, Any]) -> Mapping[str, Any]:
        if "cache_control" not in tool:
            return tool
        path, why = f"tools[{position}].cache_control", "the provider caches prompts by itself"
        self._ledger.adjust(path, "dropped", tool["cache_control"], None, why)
        return {name: value for name, value in tool.items() if name != "cache_control"}

    def _search(self, name: str, value: Any, body: Body) -> None:
        if not isinstance(value, Mapping):
            raise self._ledger.invalid("web_search_options must be a dict; {} turns the search on")
        body["tools"] = [*body.get("tools", ()), search_tool(value)]

    def _choice(self, name: str, value: Any, body: Body) -> None:
        body["tool_choice"] = flat_choice(value)

    def _nothing(self, name: str, value: Any, body: Body) -> None:
        """Usage comes in any case, whatever chunks of it are wanted."""


_Write = Callable[[Params, str, Any, Body], None]
_WRITE: dict[str, _Write] = {
    "max_tokens": Params._limit,  # noqa: SLF001 - the class's own table
    "max_completion_tokens": Params._limit,  # noqa: SLF001
    "reasoning_effort": Params._effort,  # noqa: SLF001
    "store": Params._store,  # noqa: SLF001
    "logprobs": Params._logprobs,  # noqa: SLF001
    "response_format": Params._format,  # noqa: SLF001
    "verbosity": Params._verbosity,  # noqa: SLF001
    "tools": Params._tools,  # noqa: SLF001
    "web_search_options": Params._search,  # noqa: SLF001
    "tool_choice": Params._choice,  # noqa: SLF001
    "stream_options": Params._nothing,  # noqa: SLF001
}
