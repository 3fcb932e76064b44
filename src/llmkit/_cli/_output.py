"""What is printed of an answer: its text, its JSON, and the line about its cost.

Answers go to stdout and nothing else does; what is about them goes to stderr.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types.chat import ChatCompletion, Choice, Delta

__all__ = ["Writer", "as_json", "note", "plain", "remarks", "summary"]

# What else a call knows is long, of bytes, or said elsewhere in the response.
_LEFT_OUT: Final = frozenset({"raw", "headers"})
_STEERING: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ENDINGS: Final[Mapping[str, str]] = {
    "length": "the answer was cut off at its token limit (-o max_tokens=N raises it)",
    "content_filter": "the provider's filter ended the answer",
}


class Writer:
    """Writes an answer to stdout piece by piece, and ends its last line whatever happens."""

    def __init__(self) -> None:
        self._last = "\n"

    def write(self, text: str | None) -> None:
        """Show *text* at once."""
        if not text:
            return
        if sys.stdout.isatty():
            # A model's text must not steer the terminal; in a file or a pipe it stays as it is.
            text = _STEERING.sub("", text)
        sys.stdout.write(text)
        sys.stdout.flush()
        self._last = text[-1:] or self._last

    def end_line(self) -> None:
        """Start a new line unless one was just started."""
        self.write("" if self._last == "\n" else "\n")

    def delta(self, delta: Delta) -> None:
        """Show what one chunk adds; calls are shown whole, at the end."""
        self.write(delta.content)
        self.write(delta.refusal)

    def choice(self, choice: Choice) -> None:
        """Show one whole answer."""
        self.write(choice.message.content)
        self.write(choice.message.refusal)
        self.end_line()
        self.calls(choice)

    def calls(self, choice: Choice) -> None:
        """Show the tool calls of an answer, one JSON object a line."""
        for call in choice.message.tool_calls or ():
            self.end_line()
            self.write(f"{json.dumps(call.model_dump(mode='json'), ensure_ascii=False)}\n")


def note(text: str) -> None:
    """Tell the user something that is not the answer."""
    print(f"llmkit: {text}", file=sys.stderr)


def remarks(response: ChatCompletion) -> list[str]:
    """What must not go unsaid about an answer that looks complete."""
    reasons = {choice.finish_reason or "" for choice in response.choices}
    return [_ENDINGS[reason] for reason in sorted(reasons & _ENDINGS.keys())]


def summary(response: ChatCompletion) -> list[str]:
    """Who answered, tokens, cost and time; then each parameter that was changed on its way."""
    call, usage = response.call, response.usage
    tokens = "no usage reported"
    if usage is not None:
        tokens = f"{usage.prompt_tokens} tokens in, {usage.completion_tokens} out"
    first = f"{call.provider}/{call.model}, {tokens}, cost {response.cost}, {call.seconds:.1f} s"
    changes = [f"{a.parameter} was {a.change}: {a.reason}" for a in call.ledger]
    return [first, *changes]


def as_json(response: ChatCompletion) -> str:
    """The response with `cost` and `call`, as indented JSON."""
    whole = {
        **response.model_dump(mode="json"),
        "cost": response.cost.to_dict(),
        "call": plain(response.call),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def plain(value: Any) -> Any:
    """*value* as JSON has it: records as objects, money and what is unknown as text."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.name not in _LEFT_OUT]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
