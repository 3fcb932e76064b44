"""A Responses request in the internal form: what only a server that keeps answers can do is native.

Source: https://platform.openai.com/docs/api-reference/responses/create, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._call import Adjustment
from ...wires.openai_responses._tools import (
    SEARCHES,
    chat_choice,
    chat_format,
    chat_tool,
    search_options,
)
from .. import Asked
from .._checks import listed, mapping, present, text
from ._items import Messages

__all__ = ["ENCRYPTED", "read"]

Json = dict[str, Any]
ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
# What an answer says again of its request.
_REPEATED = (
    "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key",
    "reasoning", "safety_identifier", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "user",
)  # fmt: skip
_SAME = frozenset({
    "temperature", "top_p", "top_logprobs", "parallel_tool_calls", "user", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "service_tier",
})  # fmt: skip
_HANDLED = frozenset({"model", "input", "instructions", "stream"})


def read(body: Mapping[str, Any]) -> Asked:
    """A request's body in the internal form. Raises ``InvalidRequestError``."""
    given = present(mapping(body, "the request"))
    messages = Messages()
    if "instructions" in given:
        messages.say("system", text(given["instructions"], "instructions"))
    messages.take(given.get("input", []))
    params = _Params()
    for name, value in given.items():
        if name not in _HANDLED:
            params.take(name, value)
    return Asked(
        model=text(given.get("model"), "model"),
        messages=messages.made(),
        params=params.made,
        stream=bool(given.get("stream")),
        native=params.native,
        adjustments=tuple(params.adjustments),
        kept={name: given[name] for name in _REPEATED if name in given},
    )


class _Params:
    """A request's other fields on their way to params, or to what is native."""

    def __init__(self) -> None:
        self.made: Json = {}
        self.native: Json = {}
        self.adjustments: list[Adjustment] = []

    def take(self, name: str, value: Any) -> None:
        """Sort one field in."""
        if name in _SAME:
            self.made[name] = value
        elif name in _FIELDS:
            _FIELDS[name](self, name, value)
        else:
            self.native[name] = value

    def _drop(self, name: str, value: Any, why: str) -> None:
        self.adjustments.append(Adjustment(name, "dropped", value, None, why))

    def _limit(self, name: str, value: Any) -> None:
        self.made["max_completion_tokens"] = value

    def _metadata(self, name: str, value: Any) -> None:
        if mapping(value, name):
            self._drop(
                name, value, "nothing is kept that it could stand beside; the answer repeats it"
            )

    def _store(self, name: str, value: Any) -> None:
        if value:
            self._drop(name, value, "nothing is kept here: put the answer into the next input")

    def _truncation(self, name: str, value: Any) -> None:
        if value != "disabled":
            self.native[name] = value

    def _background(self, name: str, value: Any) -> None:
        if value:
            self.native[name] = value

    def _stream_options(self, name: str, value: Any) -> None:
        """They pad events against traffic analysis, which whoever sends them decides."""

    def _include(self, name: str, value: Any) -> None:
        rest = [what for what in listed(value, name) if what not in (ENCRYPTED, _LOGPROBS)]
        if _LOGPROBS in value:
            self.made["logprobs"] = True
        if rest:
            self.native[name] = rest

    def _reasoning(self, name: str, value: Any) -> None:
        given = present(mapping(value, name))
        if "effort" in given:
            self.made["reasoning_effort"] = given.pop("effort")
        for shown in ("summary", "generate_summary"):
            if shown in given:
                why = "what a model shows of its thoughts is shown"
                self._drop(f"{name}.{shown}", given.pop(shown), why)
        if given:
            self.native[name] = given

    def _text(self, name: str, value: Any) -> None:
        given = present(mapping(value, name))
        if "verbosity" in given:
            self.made["verbosity"] = given.pop("verbosity")
        form = mapping(given.pop("format", {}), "text.format")
        if form and form.get("type") != "text":
            self.made["response_format"] = chat_format(form)
        if given:
            self.native[name] = given

    def _tools(self, name: str, value: Any) -> None:
        tools: list[Any] = []
        for i, given in enumerate(listed(value, name)):
            tool = mapping(given, f"tools[{i}]")
            made = chat_tool(tool)
            if tool.get("type") in SEARCHES and "web_search_options" not in self.made:
                self.made["web_search_options"] = search_options(tool)
            else:
                # Hosted tools go as they are: who has them knows them by name, and nobody else takes them.
                tools.append(tool if made is None else made)
        if tools:
            self.made[name] = tools

    def _choice(self, name: str, value: Any) -> None:
        made = chat_choice(value)
        if made is None:
            self.native[name] = value
        else:
            self.made[name] = made


_FIELDS: dict[str, Callable[[_Params, str, Any], None]] = {
    "max_output_tokens": _Params._limit,  # noqa: SLF001 - the class's own table
    "metadata": _Params._metadata,  # noqa: SLF001
    "store": _Params._store,  # noqa: SLF001
    "truncation": _Params._truncation,  # noqa: SLF001
    "background": _Params._background,  # noqa: SLF001
    "stream_options": _Params._stream_options,  # noqa: SLF001
    "include": _Params._include,  # noqa: SLF001
    "reasoning": _Params._reasoning,  # noqa: SLF001
    "text": _Params._text,  # noqa: SLF001
    "tools": _Params._tools,  # noqa: SLF001
    "tool_choice": _Params._choice,  # noqa: SLF001
}
