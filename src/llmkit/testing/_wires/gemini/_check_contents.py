"""What the simulated Gemini refuses in `contents`: empty turns and parts, roles, and calls without their results.

Pure. The wording is Google's as it is reported and recorded; signatures are looked for as the thought signature
guide asks (https://ai.google.dev/gemini-api/docs/thought-signatures, read 2026-11-22): in the running turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ._fields import ONE_OF
from ._refusal import bad_request

__all__ = ["check_turns", "content_faults"]

Content = Mapping[str, Any]
_ROLES: Final = ("user", "model")
_DATA: Final = ONE_OF["Part"][1]
# A part's field -> the fields inside that may not be empty, with what is said if they are.
_NEEDED: Final[Mapping[str, Mapping[str, str]]] = {
    "inlineData": {"mimeType": "mime_type: must be specified.", "data": "data: must not be empty."},
    "fileData": {"fileUri": "file_uri: must be specified."},
    "functionCall": {"name": "name: Name cannot be empty."},
    "functionResponse": {"name": "name: Name cannot be empty."},
}
_SNAKE: Final[Mapping[str, str]] = {
    "inlineData": "inline_data",
    "fileData": "file_data",
    "functionCall": "function_call",
    "functionResponse": "function_response",
}


def content_faults(request: Mapping[str, Any]) -> Iterator[str]:
    """A line for each fault of *request*'s contents and system instruction, as a validator finds them."""
    contents = request.get("contents")
    if not contents:
        yield "contents: contents is not specified"
    for index, content in enumerate(contents or ()):
        where = f"contents[{index}]"
        if not content.get("parts"):
            yield f"{where}.parts: contents.parts must not be empty."
        yield from _parts_faults(content, where)
    yield from _parts_faults(request.get("systemInstruction", {}), "system_instruction")


def _parts_faults(content: Content, where: str) -> Iterator[str]:
    """A line for each part of *content* that holds nothing, or not all that its kind needs."""
    for index, part in enumerate(content.get("parts", ())):
        path = f"{where}.parts[{index}]"
        if _DATA.isdisjoint(part):
            yield f"{path}.data: required oneof field 'data' must have one initialized field"
        for kind, needed in _NEEDED.items():
            missing = (text for name, text in needed.items() if not part.get(kind, {}).get(name))
            yield from (f"{path}.{_SNAKE[kind]}.{text}" for text in missing if kind in part)


class _Turn(NamedTuple):
    """Neighbouring contents of one role, which count as one; *position* is the first one's, from 1."""

    is_model: bool
    position: int
    parts: list[Mapping[str, Any]]

    def having(self, kind: str) -> list[Mapping[str, Any]]:
        """The parts that hold *kind*."""
        return [part for part in self.parts if kind in part]


def check_turns(contents: Sequence[Content], model: str) -> None:
    """Raise the `Refusal` that the order of *contents* deserves; return if it is fine."""
    for content in contents:
        if content.get("role", "user") not in (*_ROLES, ""):
            raise bad_request("Please use a valid role: user, model.")
    turns = _turns(contents)
    if turns[0].having("functionCall"):
        raise bad_request(
            "Please ensure that function call turn comes immediately after a user turn or after a "
            "function response turn."
        )
    calls = 0
    for turn in turns:
        _check_results(len(turn.having("functionResponse")), calls)
        calls = len(turn.having("functionCall"))
    if "gemini-3" in model:
        _check_signatures(turns)


def _turns(contents: Sequence[Content]) -> list[_Turn]:
    turns: list[_Turn] = []
    for position, content in enumerate(contents, 1):
        is_model = content.get("role") == "model"
        if not turns or turns[-1].is_model != is_model:
            turns.append(_Turn(is_model, position, []))
        turns[-1].parts.extend(content["parts"])
    return turns


def _check_results(results: int, calls: int) -> None:
    """Compare a turn's *results* with the *calls* of the turn before; none at all is let pass, as recorded."""
    if results and not calls:
        raise bad_request(
            "Please ensure that function response turn comes immediately after a function call turn."
        )
    if results not in (0, calls):
        raise bad_request(
            "Please ensure that the number of function response parts is equal to the number of "
            "function call parts of the function call turn."
        )


def _check_signatures(turns: Sequence[_Turn]) -> None:
    """Each step since the user last spoke has a signature on the first of its calls."""
    spoken = (i for i, t in enumerate(turns) if not t.is_model and not t.having("functionResponse"))
    for turn in turns[max(spoken, default=0) :]:
        calls = turn.having("functionCall")
        if calls and not calls[0].get("thoughtSignature"):
            raise _unsigned(calls[0]["functionCall"]["name"], turn.position)


def _unsigned(name: str, position: int) -> Exception:
    return bad_request(
        "Function call is missing a thought_signature in functionCall parts. This is required for "
        "tools to work correctly, and missing thought_signature may lead to degraded model "
        f"performance. Additional data, function call `default_api:{name}` , position {position}. "
        "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
    )
