"""Containers in which a provider runs code: whose answer names one has it, and may go on in it.

Only what the provider itself says where it says it counts. What a model has written, such as a tool's arguments, may
name anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from . import kept, places

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["Noted", "in_chat", "in_message", "in_response", "runs_code"]

_OWN: Final = frozenset({"function", "custom", None})
"""Kinds of tools that the caller runs."""


def runs_code(fields: Mapping[str, Any]) -> bool:
    """Whether its answer may name a container: it asks for what runs at the provider, or goes on in one."""
    if fields.get("container") is not None:
        return True
    tools = fields.get("tools")
    if not isinstance(tools, list):
        return False
    return any(isinstance(tool, dict) and tool.get("type") not in _OWN for tool in tools)


def in_response(told: Mapping[str, Any]) -> Iterator[str]:
    """Ids in one of OpenAI's Responses, or an event of one.

    Source: https://platform.openai.com/docs/api-reference/responses/object, read 2026-11-23.
    """
    answer = told.get("response", told)
    items = [*_list(answer, "output"), told.get("item")]
    for item in items:
        if not isinstance(item, Mapping):
            continue
        if item.get("type") == "code_interpreter_call":
            yield from _text(item, "container_id")
        elif item.get("type") == "shell_call" and isinstance(item.get("environment"), Mapping):
            yield from _text(item["environment"], "container_id")


def in_message(told: Mapping[str, Any]) -> Iterator[str]:
    """Ids in one of Anthropic's messages, or an event of one.

    Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool, read 2026-11-23.
    """
    for holder in (told, told.get("message"), told.get("delta")):
        found = holder.get("container") if isinstance(holder, Mapping) else None
        if isinstance(found, Mapping):
            yield from _text(found, "id")


def in_chat(told: Mapping[str, Any]) -> Iterator[str]:
    """Ids in a chat's answer, or a chunk of one: what chat's form has no place for stands as it came.

    Anthropic's is beside the choices; items of OpenAI's Responses are in the message's ``provider_specific_fields``.
    """
    yield from in_message(told)
    for choice in _list(told, "choices"):
        for name in ("message", "delta"):
            said = choice.get(name) if isinstance(choice, Mapping) else None
            beside = said.get("provider_specific_fields") if isinstance(said, Mapping) else None
            yield from in_response({"output": _list(beside, "output_items")})


class Noted:
    """Notes containers as the sender's of a request.

    Args:
        exchange: the request.
        model: that it is for.
    """

    def __init__(self, exchange: Exchange, model: str) -> None:
        self._exchange, self._model = exchange, model
        self._known: set[str] = set()

    async def note(self, answer: Any, found: Iterator[str]) -> None:
        """Note these, before anybody is told of them; ``answer``: in whose answer, or stream, they are."""
        gateway, subject = self._exchange.gateway, self._exchange.subject
        for id_ in {one for one in found if kept.plausible(one)} - self._known:
            self._known.add(id_)
            there = places.where(gateway, answer.call)
            told = {"id": id_}
            await kept.note(
                gateway, "container", kept.owner_of(subject), there, told, [self._model]
            )

    def in_chunks(self, stream: Any) -> Callable[[Any], Awaitable[None]]:
        """What is to be called with each chunk of a chat's stream, before anybody is told of it."""

        async def noted(chunk: Any) -> None:
            await self.note(stream, in_chat(chunk.to_dict()))

        return noted


def _list(holder: Any, name: str) -> list[Any]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, list) else []


def _text(holder: Mapping[str, Any], name: str) -> Iterator[str]:
    if isinstance(found := holder.get(name), str) and found:
        yield found
