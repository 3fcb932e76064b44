"""Messages to one prompt: a single question is the prompt itself, a conversation is written out, turn by turn.

Whatever is not just that is in the ledger as emulated. What no text can say (pictures, calls of tools) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._params import Ledger

__all__ = ["prompted"]

_SYSTEM = ("system", "developer")
_SPEAKERS = {"user": "User", "assistant": "Assistant"}
_LOST = {
    "name": "a prompt tells no speakers apart",
    "cache_control": "prompts have no marks",
    "reasoning_content": "a prompt has no place for what was thought",
    "thinking_blocks": "a prompt has no place for what was thought",
    "audio": "a prompt has no place for what was spoken",
}
_WHY = "a model's input has one prompt: the conversation is written out in it"


def prompted(ledger: Ledger, messages: Any, instruction: str | None) -> dict[str, Any]:
    """The input's ``prompt``, and ``system_prompt`` where something is to be said in it."""
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise ledger.invalid(
            "messages must be a list of messages such as {'role': 'user', 'content': …}"
        )
    system: list[str] = []
    turns: list[tuple[str, str]] = []
    for i, message in enumerate(messages):
        role, text = _turn(ledger, f"messages[{i}]", message)
        if role in _SYSTEM:
            system.append(text)
        else:
            turns.append((role, text))
    if instruction:
        system.append(instruction)
    made = {"prompt": _written(ledger, turns)}
    return made | ({"system_prompt": "\n\n".join(system)} if system else {})


def _written(ledger: Ledger, turns: list[tuple[str, str]]) -> str:
    if [role for role, _ in turns] in ([], ["user"]):
        return "".join(text for _, text in turns)
    said = [f"{_SPEAKERS[role]}: {text}" for role, text in turns]
    if turns[-1][0] == "user":
        said.append(f"{_SPEAKERS['assistant']}:")
    prompt = "\n\n".join(said)
    ledger.adjust("messages", "emulated", f"{len(turns)} turns", prompt, _WHY)
    return prompt


def _turn(ledger: Ledger, path: str, message: Any) -> tuple[str, str]:
    given = message if isinstance(message, Mapping) else _dumped(message)
    if given is None:
        kind = type(message).__name__
        raise ledger.invalid(f"{path} must be a dict or a message of a response, not {kind}")
    role = given.get("role")
    if role in ("tool", "function") or given.get("tool_calls"):
        raise ledger.invalid(
            f"{path}: {ledger.call.provider} takes no tools, nor their calls and results"
        )
    if role not in (*_SYSTEM, *_SPEAKERS):
        known = ", ".join((*_SYSTEM, *_SPEAKERS))
        raise ledger.invalid(f"{path}.role is {role!r}; it must be one of {known}")
    _note_lost(ledger, path, given)
    said = given.get("content")
    return str(role), _text(
        ledger, f"{path}.content", given.get("refusal") if said is None else said
    )


def _note_lost(ledger: Ledger, path: str, given: Mapping[str, Any]) -> None:
    for name, reason in _LOST.items():
        if given.get(name):
            ledger.adjust(f"{path}.{name}", "dropped", given[name], None, reason)


def _text(ledger: Ledger, path: str, content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, Sequence) or isinstance(content, bytes):
        kind = type(content).__name__
        raise ledger.invalid(f"{path} must be text or a list of parts, not {kind}")
    return "\n".join(_part(ledger, f"{path}[{i}]", part) for i, part in enumerate(content))


def _part(ledger: Ledger, path: str, part: Any) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
    text = part.get(kind) if isinstance(part, Mapping) and kind in ("text", "refusal") else None
    if not isinstance(text, str):
        raise ledger.invalid(
            f"{path}: {ledger.call.provider} takes no {kind!r} parts; what a model takes beside its prompt "
            "goes in extra_body, such as {'input': {'image': …}}"
        )
    _note_lost(ledger, path, part)
    return text


def _dumped(message: Any) -> dict[str, Any] | None:
    """One of our (or the openai SDK's) message models, as the dict it stands for."""
    dump = getattr(message, "model_dump", None)
    return dump(exclude_none=True) if dump is not None else None
