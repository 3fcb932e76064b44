"""A conversation cut down to a limit: the oldest turns go, a tool's call and its result stay together.

Pure: what a conversation measures is asked of the caller's function, a number of times that grows with the
logarithm of its length. How tokens are counted belongs elsewhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..errors import ConfigurationError, InvalidRequestError
from ._attached import attached

__all__ = ["SHORTENED", "CannotTrimError", "Trimmed", "trim", "trimmed"]

Message = Mapping[str, Any]
Measure = Callable[[Sequence[Message]], int]

SHORTENED: Final = "\n[…]\n"
"""Stands where the middle of a text was left out."""

_KEPT: Final = frozenset({"system", "developer"})
_RESULT_ROLES: Final = frozenset({"tool", "function"})
_RESULT_TYPES: Final = frozenset({"tool_result", "function_call_output", "custom_tool_call_output"})
_CALL_TYPES: Final = frozenset({"tool_use", "function_call", "custom_tool_call"})
_JOINERS: Final = frozenset("\u200d\ufe0e\ufe0f")
_LONGEST_CLUSTER: Final = 64


class CannotTrimError(ConfigurationError):
    """Even the least that must stay of a conversation is over the limit. Nothing was sent.

    Attributes:
        least: what the least measures.
        limit: the limit.
    """

    def __init__(self, least: int, limit: int) -> None:
        super().__init__(
            f"the least that must stay of these messages (instructions, the newest question and what "
            f"came last) measures {least}, over the limit of {limit}"
        )
        self.least = least
        self.limit = limit


class Trimmed(NamedTuple):
    """The messages, and how many tokens the limit leaves for the answer (``None``: no limit was known)."""

    messages: list[Message]
    response_tokens: int | None


def trimmed(
    messages: Sequence[Message],
    measure: Measure,
    *,
    max_tokens: int | None = None,
    max_input_tokens: int | None = None,
    trim_ratio: float = 0.75,
) -> Trimmed:
    """What ``trim_messages`` answers: trimmed to ``max_tokens`` or, without it, to that part of the model's
    input limit. With neither known the messages come back as they are. Texts are shortened if they must be.

    Raises:
        CannotTrimError: as ``trim`` does.
        InvalidRequestError: a limit is no number, or below zero.
    """
    for name, number in (("max_tokens", max_tokens), ("trim_ratio", trim_ratio)):
        _check_number(name, number)
    limit = max_tokens
    if limit is None and max_input_tokens is not None:
        limit = int(max_input_tokens * trim_ratio)
    if limit is None:
        return Trimmed(list(messages), None)
    kept = trim(messages, limit, measure, shorten=True)
    return Trimmed(kept, limit - measure(kept))


def _check_number(name: str, number: Any) -> None:
    if number is None and name == "max_tokens":
        return
    if isinstance(number, bool) or not isinstance(number, int | float) or not number >= 0:
        raise InvalidRequestError(
            f"{name} must be a number, zero or more, not {number!r:.80}", param=name
        )


def trim(
    messages: Sequence[Message], limit: int, measure: Measure, *, shorten: bool = False
) -> list[Message]:
    """The messages without as many of the oldest as it takes to measure at most ``limit``.

    System and developer messages stay, and the newest turns. A call of a tool and its results stay or go
    together. If not even the newest turn fits, its question stays with the newest of what followed. Only if
    that does not fit either, and only with ``shorten``, is a text shortened in the middle: the question's, then
    the results'. Nothing given is changed; the list is new, its messages are the ones given, but for a
    shortened one. ``measure`` should not grow when messages are left out.

    Raises:
        CannotTrimError: the least that must stay does not fit.
    """
    if measure(messages) <= limit:
        return list(messages)
    plan = _Plan(messages)
    choices = plan.choices()
    found = _first(choices, lambda choice: measure(plan.shown(choice)) <= limit)
    if found is not None:
        return plan.shown(found)
    least = plan.shown(choices[-1])
    shorter = _shortened(least, limit, measure) if shorten else None
    if shorter is None:
        raise CannotTrimError(measure(least), limit)
    return shorter


def _first(choices: Sequence[_Choice], fits: Callable[[_Choice], bool]) -> _Choice | None:
    """The first choice that fits; each keeps less than the one before, so halving finds it."""
    low, high, found = 0, len(choices) - 1, None
    while low <= high:
        middle = (low + high) // 2
        if fits(choices[middle]):
            found, high = choices[middle], middle - 1
        else:
            low = middle + 1
    return found


# --- groups and turns ----------------------------------------------------------------------


class _Choice(NamedTuple):
    """Groups to keep: all from ``start`` on, and before them the one of a question, if any."""

    start: int
    question: int | None = None


class _Plan:
    """Which messages go together: groups of a call and its results, turns from one question to the next."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._fixed = [i for i, message in enumerate(messages) if _role(message) in _KEPT]
        self._groups = _groups(messages)

    def shown(self, choice: _Choice) -> list[Message]:
        """What a choice keeps, with the instructions, in their order."""
        kept = self._groups[choice.start :]
        if choice.question is not None:
            kept = [self._groups[choice.question], *kept]
        indices = {*self._fixed, *(i for group in kept for i in group)}
        return [self._messages[i] for i in sorted(indices)]

    def choices(self) -> list[_Choice]:
        """What could be kept, the most first: whole turns from some question on, then the last question with
        ever less of what followed. From anywhere, if nobody asks anything.
        """
        size = len(self._groups)
        starts = [at for at, group in enumerate(self._groups) if self._asks(group[0])]
        if not starts:
            return [_Choice(at) for at in range(max(size, 1))]
        last = starts[-1]
        return [*map(_Choice, starts), *(_Choice(at, last) for at in range(last + 2, size))]

    def _asks(self, index: int) -> bool:
        message = self._messages[index]
        return _role(message) == "user" and not _has_result(message)


def _groups(messages: Sequence[Message]) -> list[list[int]]:
    """What may only stay or go as a whole. A result whose call is unknown goes with what stands before it."""
    groups: list[list[int]] = []
    called: dict[str, int] = {}
    joined = False
    for i, message in enumerate(messages):
        if _role(message) in _KEPT:
            continue
        at = len(groups)
        if groups and (joined or _has_result(message)):
            at -= 1
            at = min([at, *(called.get(name, at) for name in _ids(message, _RESULT_IDS))])
        if at < len(groups) - 1:
            called = {name: min(place, at) for name, place in called.items()}
        groups[at:] = [[j for group in groups[at:] for j in group] + [i]]
        called.update(dict.fromkeys(_ids(message, _CALL_IDS), at))
        # Items of the Responses API: reasoning belongs to what it led to, calls stand side by side.
        joined = _type(message) in {"reasoning", *_CALL_TYPES}
    return groups


_CALL_IDS: Final = ("id", "call_id", "toolUseId")
_RESULT_IDS: Final = ("tool_call_id", "tool_use_id", "call_id", "toolUseId")


def _ids(message: Message, names: Sequence[str]) -> list[str]:
    """Ids by which a message, its calls and its parts name calls."""
    places: list[Any] = [message]
    for key in ("tool_calls", "content", "parts"):
        held = message.get(key)
        places += held if isinstance(held, list | tuple) else ()
    nested = [part.get(key) for part in places if isinstance(part, Mapping) for key in _INNER]
    found = [p.get(name) for p in (*places, *nested) if isinstance(p, Mapping) for name in names]
    return [name for name in found if isinstance(name, str)]


_INNER: Final = ("toolUse", "toolResult", "functionCall", "functionResponse")


def _role(message: Message) -> str:
    return str(message.get("role", ""))


def _type(message: Message) -> str:
    return str(message.get("type", "")) if "role" not in message else ""


def _has_result(message: Message) -> bool:
    if _role(message) in _RESULT_ROLES or _type(message) in _RESULT_TYPES:
        return True
    content = message.get("content", message.get("parts"))
    return isinstance(content, list | tuple) and any(map(_is_result, content))


def _is_result(part: Any) -> bool:
    if not isinstance(part, Mapping):
        return False
    return part.get("type") in _RESULT_TYPES or "functionResponse" in part or "toolResult" in part


# --- shortening ----------------------------------------------------------------------------


def _shortened(messages: list[Message], limit: int, measure: Measure) -> list[Message] | None:
    """The messages with a text shortened: a question's if that is enough, else a result's, else both by turns.
    ``None``: to no avail.
    """
    order = [i for i, m in enumerate(messages) if _role(m) == "user" and not _has_result(m)]
    order += [i for i, m in enumerate(messages) if _has_result(m)]
    for i in order:
        alone = _shortened_at(messages, i, limit, measure)
        if alone is not None:
            return alone
    shown = list(messages)
    for i in order:
        shorter = _shortened_at(shown, i, limit, measure)
        if shorter is not None:
            return shorter
        shown[i] = _with_text(shown[i], 0)
    return None


def _shortened_at(
    messages: list[Message], i: int, limit: int, measure: Measure
) -> list[Message] | None:
    """With one message's texts as long as they can be; ``None`` if it does not fit even without them."""
    low, high = 0, max((len(text) for *_, text in _fields(messages[i])), default=0)
    best: list[Message] | None = None
    while low <= high:
        middle = (low + high) // 2 if best is not None else 0
        shown = [*messages[:i], _with_text(messages[i], middle), *messages[i + 1 :]]
        if measure(shown) <= limit:
            best, low = shown, middle + 1
        elif best is None:
            return None
        else:
            high = middle - 1
    return best


def _fields(message: Message) -> list[tuple[str, int | None, str]]:
    """Where the message has texts: a field, or a field's part."""
    found: list[tuple[str, int | None, str]] = []
    for key in ("content", "output", "parts"):
        held = message.get(key)
        if isinstance(held, str):
            found.append((key, None, held))
        for i, part in enumerate(held if isinstance(held, list | tuple) else ()):
            text = _part_text(part)
            if text:
                found.append((key, i, text))
    return found


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping) or attached(part) is not None:
        return ""
    text = part.get("text", part.get("content"))
    return text if isinstance(text, str) else ""


def _with_text(message: Message, most: int) -> Message:
    """The message with each of its texts cut to so many characters."""
    made = dict(message)
    for key, at, text in _fields(message):
        cut = _cut(text, most)
        if cut is text:
            continue
        made[key] = cut if at is None else _with_part(made[key], at, cut)
    return made


def _with_part(parts: Sequence[Any], at: int, text: str) -> list[Any]:
    part = parts[at]
    field = "text" if "text" in part else "content"
    cut = text if isinstance(part, str) else {**part, field: text}
    return [*parts[:at], cut, *parts[at + 1 :]]


def _cut(text: str, most: int) -> str:
    """The text with its middle left out, so that ``most`` of its characters stay at most. A text that the mark
    would not make shorter stays as it is.
    """
    if len(text) <= most + len(SHORTENED):
        return text
    head = _border(text, (most + 1) // 2, -1)
    tail = _border(text, len(text) - most // 2, 1)
    return text[:head] + SHORTENED + text[tail:]


def _border(text: str, at: int, step: int) -> int:
    """The nearest place in this direction that is not inside a character that is drawn as one."""
    for _ in range(_LONGEST_CLUSTER):
        if not 0 < at < len(text) or not _inside(text, at):
            break
        at += step
    return at


def _inside(text: str, at: int) -> bool:
    after, before = text[at], text[at - 1]
    return bool(unicodedata.combining(after)) or after in _JOINERS or before == "\u200d"
