"""What can be seen of a call without counting: how long it is at most, and what it needs a model to be able to do.

Each message is looked at once, and none is copied. What it is counted as exactly is ``tokens``' affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..._json import NotSerializable, dump

__all__ = ["answer_of", "needs_of", "plain_size", "said", "size_of", "texts_of"]

# A character has at most so many bytes, and a token at least one.
_BYTES: Final = 4
# What stands around a message or a part of one, well above what any model is known to have.
_AROUND: Final = 32
# No picture, page or sound is known to be worth more; whoever has one is counted before anything is said of it.
_ATTACHED: Final = 50_000
# What a tool's schema that is not written yet may come to.
_UNWRITTEN: Final = 4_000

# A schema may be told to the model in the provider's own notation, beside the original.
_RESTATED: Final = 2

# Parameters that are part of the prompt.
_SAID: Final = ("tools", "functions", "response_format", "system", "instructions", "text")
# Those, and the ones that ask for something which not every model can do.
_TELLING: Final = frozenset({
    *_SAID, "modalities", "reasoning_effort", "thinking", "web_search_options"
})  # fmt: skip
# Subjects that are several texts, each of which is read by itself.
_EACH: Final = frozenset({"inputs", "documents"})


def size_of(subject: Mapping[str, Any], params: Mapping[str, Any]) -> int:
    """Tokens of a prompt at the very most, but for what is attached to it: of that a high guess is made."""
    total = _AROUND
    for name, value in subject.items():
        if name == "messages" and isinstance(value, list | tuple):
            total += _messages(value)
        elif name in _EACH and isinstance(value, list | tuple):
            total += max(map(_weight, value), default=0)
        elif value is not None:
            total += _weight(value)
    for name in _SAID:
        if params.get(name):
            total += _RESTATED * _written(params[name])
    return total


def plain_size(subject: Mapping[str, Any], params: Mapping[str, Any]) -> int:
    """``size_of`` for a chat of texts alone that needs nothing, as most are; -1: it is another."""
    messages = subject.get("messages")
    if type(messages) is not list or len(subject) != 1 or not _TELLING.isdisjoint(params):
        return -1
    total = _AROUND
    for message in messages:
        if type(message) is not dict or len(message) != 2:  # noqa: PLR2004 - a role and a text
            return -1
        content = message.get("content")
        if type(content) is not str:
            return -1
        total += _AROUND + (len(content) if content.isascii() else _BYTES * len(content))
    return total


def _written(value: Any) -> int:
    """Bytes of what is mostly structure: written as a whole, which takes less than looking at each part."""
    try:
        return _AROUND + len(dump(value))
    except (NotSerializable, ValueError, TypeError):
        return _weight(value)


def _messages(messages: Iterable[Any]) -> int:
    total = 0
    for message in messages:
        known = type(message) is dict or isinstance(message, Mapping)
        content = message.get("content") if known else message
        if isinstance(content, str) and len(message) == 2:  # noqa: PLR2004 - a role and a text: most are so
            total += _AROUND + (len(content) if content.isascii() else _BYTES * len(content))
        else:
            total += _weight(message)
    return total


def _weight(value: Any) -> int:
    """Bytes of all texts in it, and something for each thing that it is made of."""
    if isinstance(value, str):
        return _AROUND + (len(value) if value.isascii() else _BYTES * len(value))
    if isinstance(value, Mapping):
        if _is_attached(value):
            return _ATTACHED
        return _AROUND + sum([len(str(name)) + _weight(inner) for name, inner in value.items()])
    if isinstance(value, list | tuple):
        return _AROUND + sum(map(_weight, value))
    return _AROUND if value is None or isinstance(value, int | float) else _UNWRITTEN


# Kinds of parts, as chat, messages and responses have them: what a model must be able to do with one.
_ATTACHMENTS: Final[Mapping[str, str]] = {
    "image": "vision",
    "image_url": "vision",
    "input_image": "vision",
    "input_audio": "audio_input",
    "audio": "audio_input",
    "video": "video_input",
    "video_url": "video_input",
    "input_video": "video_input",
    "document": "pdf",
    "file": "pdf",
    "input_file": "pdf",
}


def _is_attached(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return isinstance(kind, str) and kind in _ATTACHMENTS


def needs_of(subject: Mapping[str, Any], params: Mapping[str, Any]) -> frozenset[str]:
    """Capabilities that a call cannot do without."""
    found = set(_asked(params))
    said = subject.get("messages") or subject.get("input")
    if isinstance(said, list | tuple):
        for one in said:
            known = type(one) is dict or isinstance(one, Mapping)
            content = one.get("content") if known else None
            if isinstance(content, list | tuple):
                found.update(_attached(content))
    return frozenset(found)


def _attached(parts: Iterable[Any]) -> Iterable[str]:
    for part in parts:
        if isinstance(part, Mapping) and _is_attached(part):
            need = _ATTACHMENTS[part["type"]]
            if need != "pdf" or _is_pdf(part):
                yield need


def _is_pdf(part: Mapping[str, Any]) -> bool:
    """Whether a file says that it is one; what it is otherwise, other models may read, too."""
    texts = texts_of(tuple(part.values()))
    return any("application/pdf" in text[:80] or text[-4:].lower() == ".pdf" for text in texts)


def _asked(params: Mapping[str, Any]) -> Iterable[str]:
    """What parameters ask for; one that says that something is not wanted asks for nothing."""
    if not params:
        return
    if params.get("tools") or params.get("functions"):
        yield "tools"
    if _kind(params.get("response_format")) == "json_schema":
        yield "json_schema"
    if params.get("web_search_options") is not None:
        yield "web_search"
    modalities = params.get("modalities")
    if isinstance(modalities, list | tuple) and "audio" in modalities:
        yield "audio_output"
    effort = params.get("reasoning_effort")
    if effort not in (None, "none") or _kind(params.get("thinking")) in ("enabled", "adaptive"):
        yield "reasoning"


def _kind(given: Any) -> Any:
    return given.get("type") if isinstance(given, Mapping) else None


# How long an answer may be, by the names that it is said with.
_LIMITS: Final = ("max_completion_tokens", "max_tokens", "max_output_tokens")


def answer_of(params: Mapping[str, Any]) -> int:
    """Tokens that an answer may have; 0 where the call does not say."""
    for name in _LIMITS if params else ():
        given = params.get(name)
        if isinstance(given, int) and given > 0:
            return given
    return 0


def texts_of(value: Any) -> Iterable[str]:
    """Every text in a call; what is attached, names of fields, and marks for machines are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        if not _is_attached(value):
            for name, inner in value.items():
                if name not in _MARKS:
                    yield from texts_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_of(inner)


_MARKS: Final = frozenset({"role", "type", "id", "tool_call_id"})


def said(subject: Mapping[str, Any], params: Mapping[str, Any]) -> Iterable[Any]:
    """What a model reads at a time: each of several inputs by itself, else all together, and instructions with it."""
    shared = tuple([params[name] for name in _SAID if params.get(name)])
    several = [value for name, value in subject.items() if name in _EACH]
    rest = [value for name, value in subject.items() if name not in _EACH]
    if several and isinstance(several[0], list | tuple):
        return [(*rest, one) for one in several[0]]
    return [(*shared, *rest, *several)]
