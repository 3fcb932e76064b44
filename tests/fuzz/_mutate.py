"""JSON broken in structure: fields dropped, doubled, moved, retyped, nested; any random source chooses.

Objects are lists of pairs here, because a field may come twice; what JSON has no value for is ``Raw``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ._traffic import KEY

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from ._traffic import Event

__all__ = ["broken_bytes", "broken_events", "broken_text", "framed"]


class Object(list[tuple[str, Any]]):
    """An object as it is written."""


class Raw(str):
    """JSON, or what somebody takes for it."""

    __slots__ = ()


NASTY = [
    Raw(text)
    for text in (
        "null", "true", "false", "0", "-1", "1", "7", "99999", "100000", "1.5", "-0.0", "1e999", "NaN", "Infinity",
        "-Infinity", "429", "9" * 25, "-" + "9" * 400, "9" * 5000, '""', '"0"', '"1"', '"x"', '" "', '"\\ud800"',
        '"\\udc00\\ud800"', '"\\u0000"', '"\\u2028"', '"[DONE]"', '"error"', '"data:,"', '"function"', '"text"',
        '"thinking"', '"tool_use"', '"2026-13-99T99:99:99Z"', '"0001-01-01T00:00:00+23:59"', '"9999999s"',
        '"$' + ".a" * 300 + '"', '"$' + "[99999]" * 40 + '"', '"$[' + "9" * 5000 + ']"', '"' + "9" * 500 + 's"',
        "[]", "[[]]", "[null]", "[{}]", "[0]", '[""]', "{}", '{"": null}', '{"error": {}}', '{"type": []}',
        "[" * 90 + "]" * 90, "[" * 300 + "]" * 300, '{"a":' * 90 + "1" + "}" * 90,
        '{"top_logprobs":[' * 60 + "]}" * 60, json.dumps(KEY), json.dumps(f"key {KEY}"), json.dumps("x" * 5000),
        json.dumps("Ä" * 300 + KEY), json.dumps("<" + " " * 290 + KEY),
    )
]  # fmt: skip
KEYS = (
    "", "cls", "self", "_fields_set", "values", "_cost", "_call", "__class__", "__dict__", "__pydantic_extra__",
    "model_config", "model_fields", "model_fields_set", "malformed", "error", "index", "type", "id", "data", "text",
    "content", "content_parts", "thinking", "reasoning", "reasoning_details", "parsed", "get", "keys", "to_dict",
    "usage", "message", "delta", "custom", "input", "function", "function_call", "tool_calls", "audio", "logprobs",
    "name", "object", "choices", "finish_reason", "created", "model", "args", "partialArgs", "willContinue",
    "\ud83d\ude00", KEY,
)  # fmt: skip


def parsed(text: str) -> Any:
    """JSON with its pairs kept; text that is none is ``Raw``."""
    try:
        return json.loads(text, object_pairs_hook=Object)
    except ValueError:
        return Raw(text)


def written(tree: Any) -> str:
    """The JSON of a tree."""
    if isinstance(tree, Raw):
        return tree
    if isinstance(tree, Object):
        said = (f"{json.dumps(name)}: {written(value)}" for name, value in tree)
        return f"{{{', '.join(said)}}}"
    if isinstance(tree, list):
        return f"[{', '.join(map(written, tree))}]"
    return json.dumps(tree, ensure_ascii=False)


def _places(tree: Any) -> list[tuple[list[Any], int]]:
    """Each place of a value: its container, and its position there."""
    found, open_ = [], [tree]
    while open_:
        inner = open_.pop()
        for position, item in enumerate(inner if isinstance(inner, list) else ()):
            found.append((inner, position))
            open_.append(item[1] if isinstance(inner, Object) else item)
    return found


def _put(container: list[Any], at: int, value: Any) -> None:
    container[at] = (container[at][0], value) if isinstance(container, Object) else value


def _value(container: list[Any], at: int) -> Any:
    return container[at][1] if isinstance(container, Object) else container[at]


def _retype(container: list[Any], at: int, chance: random.Random) -> None:
    _put(container, at, chance.choice(NASTY))


def _drop(container: list[Any], at: int, chance: random.Random) -> None:
    del container[at]


def _double(container: list[Any], at: int, chance: random.Random) -> None:
    container.insert(chance.randrange(len(container) + 1), container[at])


def _move(container: list[Any], at: int, chance: random.Random) -> None:
    container.insert(chance.randrange(len(container)), container.pop(at))


def _wrap(container: list[Any], at: int, chance: random.Random) -> None:
    inner = _value(container, at)
    _put(container, at, chance.choice(([inner], Object([(chance.choice(KEYS), inner)]))))


def _unwrap(container: list[Any], at: int, chance: random.Random) -> None:
    inner = _value(container, at)
    if isinstance(inner, list) and inner:
        _put(container, at, _value(inner, chance.randrange(len(inner))))


def _add(container: list[Any], at: int, chance: random.Random) -> None:
    key, value = chance.choice(KEYS), chance.choice(NASTY)
    container.insert(at, (key, value) if isinstance(container, Object) else value)


def _rename(container: list[Any], at: int, chance: random.Random) -> None:
    if isinstance(container, Object):
        container[at] = (chance.choice(KEYS), container[at][1])


def _copy(container: list[Any], at: int, chance: random.Random) -> None:
    """Put some other value of the same container here."""
    _put(container, at, _value(container, chance.randrange(len(container))))


BREAKS: tuple[Callable[[list[Any], int, random.Random], None], ...] = (
    _retype, _retype, _drop, _double, _move, _wrap, _unwrap, _add, _rename, _copy,
)  # fmt: skip


def broken_text(text: str, chance: random.Random) -> str:
    """One JSON text with up to four breaks."""
    tree = [parsed(text)]
    for _ in range(chance.randrange(5)):
        container, at = chance.choice(_places(tree) or [(tree, 0)])
        if at < len(container):
            chance.choice(BREAKS)(container, at, chance)
    return "".join(map(written, tree))


def broken_events(events: Sequence[Event], chance: random.Random) -> list[Event]:
    """A stream whose events are broken, dropped, doubled, moved or replaced, and some left as they were."""
    made = [
        (name, broken_text(data, chance) if chance.randrange(4) == 0 else data)
        for name, data in events
    ]
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(made) + 1)
        foreign = (chance.choice(("", "error", "ping", "message")), chance.choice(NASTY))
        again = chance.choice(list(events))
        # What stands between these two places, and what comes there instead.
        end = chance.choice((at, at, at + 1, len(made)))
        made[at:end] = chance.choice(([foreign], [again], [], [("", "[DONE]")]))
    return made


def framed(events: Sequence[Event], chance: random.Random) -> bytes:
    """Events as they stand in a stream, with line ends of one kind, some as comments or without a blank line."""
    end = chance.choice(("\n", "\n", "\r\n", "\r"))
    lines: list[str] = []
    for name, data in events:
        lines += [f"event: {name}"] * bool(name)
        lines += [f"data: {piece}" for piece in data.split("\n")]
        lines += [""] * chance.choice((1, 1, 1, 1, 1, 1, 2, 0))
        lines += [": ping"] * (chance.randrange(9) == 0)
    return end.join([*lines, ""]).encode("utf-8", "surrogatepass")


def broken_bytes(data: bytes, chance: random.Random) -> bytes:
    """Bytes broken as what they seem to be: a stream of events, or one JSON text."""
    try:
        return _broken(data.decode("utf-8", "replace"), chance)
    except RecursionError:  # by now it is too deep for the standard library
        return data


def _broken(text: str, chance: random.Random) -> bytes:
    lines = text.splitlines()
    said = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    if said:
        names = ("message_start", "error") if "event:" in text else ("",)
        events = [(chance.choice(names), line) for line in said]
        return framed(broken_events(events, chance), chance)
    return broken_text(text, chance).encode("utf-8", "surrogatepass")
