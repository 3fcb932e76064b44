"""What llmkit's public objects say, in the oracle's terms, read through attributes as users do."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ._oracle import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable


def of_completion(completion: Any) -> Reading:
    """Read a whole answer."""
    reading = Reading()
    _add_head(reading, completion)
    for choice in completion.choices:
        _add_message(reading, choice.index, choice.message)
        for call in choice.message.tool_calls or []:
            reading.tool_calls.setdefault(choice.index, []).append(_add_call(_no_call(), call))
        _add_logprobs(reading, choice)
        reading.finish_reason[choice.index] = choice.finish_reason
    return reading


def of_chunks(chunks: Iterable[Any]) -> Reading:
    """Read a stream by putting its deltas together, as people do by hand."""
    reading = Reading()
    calls: dict[tuple[int, int], dict[str, str]] = {}
    for chunk in chunks:
        _add_head(reading, chunk)
        for choice in chunk.choices:
            _add_message(reading, choice.index, choice.delta)
            for call in choice.delta.tool_calls or []:
                _add_call(calls.setdefault((choice.index, call.index), _no_call()), call)
            _add_logprobs(reading, choice)
            earlier = reading.finish_reason.get(choice.index)
            reading.finish_reason[choice.index] = choice.finish_reason or earlier
    for (number, _), made in calls.items():
        reading.tool_calls.setdefault(number, []).append(made)
    return reading


def differences(expected: Reading, actual: Reading) -> dict[str, tuple[Any, Any]]:
    """Name the fields in which two readings differ, with both values; counts one by one."""
    wanted, found = _flat(expected), _flat(actual)
    names = wanted.keys() | found.keys()
    pairs = {name: (wanted.get(name), found.get(name)) for name in sorted(names)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _flat(reading: Reading) -> dict[str, Any]:
    values = {f.name: getattr(reading, f.name) for f in fields(Reading) if f.name != "usage"}
    counts = {f"usage.{name}": count for name, count in (reading.usage or {}).items()}
    return {**values, "usage": reading.usage is not None, **counts}


def _add_head(reading: Reading, answer: Any) -> None:
    reading.id = reading.id or answer.id or None
    reading.model = reading.model or answer.model or None
    if answer.usage is not None:
        reading.usage = _usage(answer.usage)


def _usage(usage: Any) -> dict[str, int | None]:
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached_tokens": prompt and prompt.cached_tokens,
        "reasoning_tokens": completion and completion.reasoning_tokens,
    }


def _add_message(reading: Reading, index: int, message: Any) -> None:
    for texts, piece in (
        (reading.text, message.content),
        (reading.reasoning, message.reasoning_content),
        (reading.refusal, message.refusal),
    ):
        texts[index] = texts.get(index, "") + (piece or "")
    if message.function_call is not None:
        call = reading.function_call.setdefault(index, {"name": "", "arguments": ""})
        call["name"] += message.function_call.name or ""
        call["arguments"] += message.function_call.arguments or ""
    if message.annotations:
        reading.annotations.setdefault(index, []).extend(message.annotations)


def _add_logprobs(reading: Reading, choice: Any) -> None:
    tokens = (choice.logprobs and choice.logprobs.content) or []
    pairs = [(token.token, token.logprob) for token in tokens]
    reading.logprobs.setdefault(choice.index, []).extend(pairs)


def _no_call() -> dict[str, str]:
    return {"id": "", "name": "", "arguments": ""}


def _add_call(call: dict[str, str], piece: Any) -> dict[str, str]:
    call["id"] = call["id"] or piece.id or ""
    function, custom = piece.function, piece.custom or {}
    call["name"] += (function and function.name) or custom.get("name") or ""
    call["arguments"] += (function and function.arguments) or custom.get("input") or ""
    return call
