"""The most tokens that a prompt can have: messages, items and parts, each walked once.

Text is bounded by its UTF-8 bytes, as a token stands for at least one. What is no text needs a gauge.
What the parameters of a call do belongs in ``_params_bound``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from .. import _json
from .._normal import normal_size
from ._rates import Unpriceable

__all__ = ["MESSAGE_TOKENS", "RESTATED", "TOOL_TOKENS", "Gauges", "Meter"]

# What a provider adds around the caller's bytes. Chat templates spend 3 to 8 tokens a message.
MESSAGE_TOKENS: Final = 16
TOOL_TOKENS: Final = 64
# A schema, or a tool's call, may be restated in the provider's own notation beside the original.
RESTATED: Final = 2
# Text that is written as JSON with only ASCII in it: six characters for two bytes, at worst.
_ESCAPED: Final = 3
# Where a document is to be cited, its sentences are numbered: a number has 16 tokens at most, a sentence two bytes.
CITED: Final = 8

_MARKERS: Final = frozenset({"cache_control", "cachePoint", "cache_point"})
_TEXTS: Final = frozenset({
    "text", "input_text", "output_text", "refusal", "thinking", "redacted_thinking", "reasoning",
    "reasoning_text", "summary_text", "reasoning.text", "reasoning.summary", "reasoning.encrypted",
})  # fmt: skip
_CALLS: Final = frozenset({"tool_use", "tool_call", "function_call", "custom_tool_call"})
_RESULTS: Final = frozenset(
    {"tool_result", "function_call_output", "custom_tool_call_output", "search_result"}
)
_HEARD: Final = frozenset(
    {"input_audio", "audio", "audio_url", "video", "video_url", "input_video"}
)
_SEEN: Final = frozenset({"image", "image_url", "input_image", "document", "file", "input_file"})
# Blocks that have their kind for a name.
_NAMED: Final = {"toolUse": "tool_use", "toolResult": "tool_result", "cachePoint": "cachePoint"}
# What an item of a conversation may be, beside a message.
_ITEMS: Final = _CALLS | _RESULTS | {"reasoning"}
_CONTENTS: Final = frozenset({"content", "output"})
# What a message may have beside its content, and is text wherever it ends up.
_MESSAGE_TEXTS: Final = frozenset({
    "role", "name", "tool_call_id", "refusal", "reasoning_content", "reasoning", "reasoning_details",
    "thinking_blocks", "tool_name", "id", "status", "type", "phase", "annotations", "provider_specific_fields",
})  # fmt: skip
# Where an answer's own blocks are kept, to be sent back as they came.
_KEPT: Final = frozenset({
    "annotations", "provider_specific_fields", "reasoning_details", "thinking_blocks",
})  # fmt: skip
_NO_TEXT: Final = frozenset({
    "image", "image_url", "input_image", "document", "file", "file_id", "input_file", "input_audio", "video",
    "item_reference", "inlineData", "inline_data", "fileData", "file_data", "container_upload", "image_generation_call",
})  # fmt: skip
# Where a part has what it attaches, or its address.
_PAYLOADS: Final = frozenset({
    "image_url", "video_url", "document_url", "input_audio", "file", "url", "uri", "data", "file_data", "file_url",
    "file_id",
})  # fmt: skip
_OF_A_PICTURE: Final = frozenset({
    "type", "detail", "format", "media_type", "mime_type", "resolution",
})  # fmt: skip
_MESSAGE_CALLS: Final = frozenset({"tool_calls", "function_call"})
# A field by such a name may stand for what is not in the request.
_REFERS: Final = re.compile(r"file|image|audio|video|url|document|media|attach", re.IGNORECASE)


def plain_tokens(messages: object) -> int | None:
    """The most tokens of messages of a role and a text in ASCII each; ``None``: there are others."""
    if type(messages) is not list or not messages:
        return None
    tokens = 0
    for message in messages:
        if type(message) is not dict or len(message) != 2:  # noqa: PLR2004 - as nearly all are
            return None
        content, role = message.get("content"), message.get("role")
        size = _ROLES.get(role) if type(role) is str else None
        if size is None or type(content) is not str or not content.isascii():
            return None
        tokens += MESSAGE_TOKENS + size + len(content)
    return tokens


def _nothing(_: Any) -> None:
    return None


class Gauges(NamedTuple):
    """What measures what is no plain text; each gives ``None`` for what it cannot.

    ``part``: the most tokens of a part (picture, sound, file). ``seconds``: the longest that an uploaded
    sound can last. ``text``: the most tokens of a text, where that is known better than by its bytes.
    """

    part: Callable[[Mapping[str, Any]], int | None] = _nothing
    seconds: Callable[[Any], float | None] = _nothing
    text: Callable[[str], int | None] | None = None


# What ``data`` says of them.
_ROLES: Final = {
    role: len(role) + 2 for role in ("system", "developer", "user", "assistant", "tool", "function")
}


class Meter:
    """Adds up what it is shown. Every method raises ``Unpriceable`` for what cannot be bounded."""

    __slots__ = ("_gauges", "_longer", "_marker", "heard", "marked", "payload", "shown", "tokens")

    def __init__(
        self, gauges: Gauges, longer: tuple[str, ...] = (), marker: str | None = None
    ) -> None:
        self._gauges, self._longer, self._marker = gauges, longer, marker
        self.tokens = 0
        self.heard = False
        """Whether some part may be sound."""
        self.marked = False
        """Whether something is marked to be written to a cache."""
        self.shown = 0
        """How many parts are no text."""
        self.payload = 0
        """Bytes of the request that hold pictures and the like."""

    def text(self, text: str) -> int:
        """The most tokens of a text."""
        if self._gauges.text is not None and (counted := self._gauges.text(text)) is not None:
            return counted
        return self._bytes(text)

    def _bytes(self, text: str) -> int:
        if text.isascii():
            return len(text)
        size = len(text.encode("utf-8", "surrogatepass"))
        # Normal forms can be longer: one ligature of three bytes becomes 33.
        for form in self._longer:
            size = max(size, normal_size(form, text))
        return size

    def data(self, value: object, what: str) -> int:
        """The most tokens of what becomes JSON."""
        if value is None:
            return 0
        if isinstance(value, str) and value.isascii() and "\\" not in value and '"' not in value:
            # Control characters would be escaped.
            return len(value) + 2 if value.isprintable() else len(_dumped(value, what))
        dumped = _dumped(value, what)
        self._mark(dumped)
        if dumped.isascii():
            return len(dumped)
        return max(len(dumped) * _ESCAPED, self._bytes(dumped.decode("utf-8", "surrogatepass")))

    def schema(self, value: object, what: str) -> int:
        """The most tokens of a schema or a call, which may be restated."""
        return RESTATED * self.data(value, what)

    def _mark(self, dumped: bytes) -> None:
        if not self.marked:
            names = _MARKERS if self._marker is None else {*_MARKERS, self._marker}
            self.marked = any(name.encode() in dumped for name in names)

    def messages(self, messages: object) -> None:
        """A chat's messages, or the items of a response's input."""
        by_bytes = self._gauges.text is None
        for message in _listed(messages, "messages"):
            if type(message) is dict and len(message) == 2:  # noqa: PLR2004 - as nearly all are
                role, content = message.get("role"), message.get("content")
                if type(role) is str and type(content) is str:
                    size = _ROLES.get(role) or self.data(role, "a role")
                    size += len(content) if by_bytes and content.isascii() else self.text(content)
                    self.tokens += MESSAGE_TOKENS + size
                    continue
            self._message(message)

    def _message(self, message: object) -> None:
        given = mapping(message, "a message")
        if given.get("role") is None:
            self._item(given)
            return
        self.tokens += MESSAGE_TOKENS
        for name, value in given.items():
            if value is not None:
                self._field(name, value, given)

    def _field(self, name: object, value: object, message: Mapping[str, Any]) -> None:
        if name == "content":
            self.content(value, quoted=message.get("role") in ("tool", "function"))
        elif name in _MESSAGE_CALLS:
            self.tokens += self.schema(value, "a tool's call")
        elif name in _MARKERS or name == self._marker:
            self.marked = True
        elif name in _MESSAGE_TEXTS:
            if name in _KEPT and (odd := _native(value)) is not None:
                raise Unpriceable(f"a message has {odd:.80} in {name}, whose tokens cannot be told")
            self.tokens += self.data(value, "a message")
        else:
            self._other(name, value)

    def _other(self, name: object, value: object) -> None:
        """A field that is not known: it is text if nothing speaks against it."""
        dumped = _dumped(value, "a message")
        if _REFERS.search(str(name)) or _REFERS.search(_keys(value)):
            if value in ([], {}, "", False):
                return
            raise Unpriceable(f"a message has {name!s:.80}, whose tokens cannot be told")
        self._mark(dumped)
        self.tokens += (len(dumped) + len(str(name))) * _ESCAPED

    def _item(self, item: Mapping[str, Any]) -> None:
        kind = item.get("type")
        if kind is None and "content" in item:
            raise Unpriceable("a message has no role, whose tokens cannot be told")
        if kind is None or (kind == "reasoning" and _stored(item)):
            raise Unpriceable(
                "an item that has an id alone: what is stored at the provider joins the prompt"
            )
        if kind not in _ITEMS:
            raise Unpriceable(f"how many tokens an item of type {kind!s:.80} has is not known")
        self.part(item)

    def content(self, content: object, *, quoted: bool = False) -> None:
        """What a message says: a text, or parts. ``quoted``: it may be written as JSON."""
        if isinstance(content, str):
            # Where the tokens themselves are known, so is how a result is written.
            escaped = quoted and self._gauges.text is None
            size = self.text(content)
            self.tokens += max(size, self.data(content, "a result")) if escaped else size
        elif content is not None:
            for part in _listed(content, "content"):
                self.part(part, quoted=quoted)

    def part(self, part: object, *, quoted: bool = False) -> None:
        """One part of a content."""
        self.tokens += MESSAGE_TOKENS
        if isinstance(part, str):
            self.content(part, quoted=quoted)
            return
        given = mapping(part, "a part of a message")
        if "type" not in given and len(given) == 1:
            given = _typed(given)
        kind = given.get("type", "text" if "text" in given else None)
        if not isinstance(kind, str):
            raise Unpriceable("a part of a message has no type")
        self._mark_part(given)
        if kind == "json":
            self.tokens += self.data(given["json"], "a result")
        elif kind in _TEXTS:
            self._text_part(given, kind, quoted=quoted)
        elif kind in _CALLS:
            self.tokens += self.schema(given, f"a part of type {kind}")
        elif kind in _RESULTS or _has_content(given):
            before = self.tokens
            self._result(given, kind)
            if _cited(given):
                self.tokens += CITED * (self.tokens - before)
        elif kind not in _MARKERS:
            self._media(given, kind)

    def _mark_part(self, part: Mapping[str, Any]) -> None:
        names = part.keys()
        if not _MARKERS.isdisjoint(names) or self._marker in names or part.get("type") in _MARKERS:
            self.marked = True

    def _text_part(self, part: Mapping[str, Any], kind: str, *, quoted: bool) -> None:
        for name, value in part.items():
            if name in ("text", "input_text") and isinstance(value, str):
                self.content(value, quoted=quoted)
            elif name not in ("type", *_MARKERS) and value is not None:
                self.tokens += self._named(name, value, f"a part of type {kind}")

    def _named(self, name: object, value: object, what: str) -> int:
        return len(str(name)) * _ESCAPED + self.data(value, what)

    def _result(self, part: Mapping[str, Any], kind: str) -> None:
        """A result: what it holds is content again, and may be quoted."""
        for name, value in part.items():
            if name in _CONTENTS:
                self.content(value, quoted=True)
            elif name == "source" and isinstance(value, Mapping):
                self.content(value.get("content", value.get("data")), quoted=True)
            elif name != "type" and name not in _MARKERS and value is not None:
                self.tokens += self._named(name, value, f"a part of type {kind}")

    def _media(self, part: Mapping[str, Any], kind: str) -> None:
        if (kind not in _HEARD and kind not in _SEEN) or _cited(part):
            raise Unpriceable(f"how many tokens a part of type {kind:.80} has is not known")
        tokens = self._gauges.part(part)
        if type(tokens) is not int or tokens < 0:
            raise Unpriceable(f"how many tokens a part of type {kind} has is not known")
        self.heard = self.heard or kind in _HEARD
        self.shown += 1
        self.tokens += tokens
        self._beside(part)

    def _beside(self, part: Mapping[str, Any]) -> None:
        """What holds the picture itself has been measured; what else is said with it, may be read."""
        for name, value in part.items():
            if isinstance(value, Mapping):
                self._beside(value)
            elif isinstance(value, str) and name in _PAYLOADS:
                self.payload += len(value)
            elif value is not None and name not in _MARKERS and name not in _OF_A_PICTURE:
                self.tokens += self._named(name, value, "a part of a message")


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """What was given as a mapping: one, or a model that stands for one."""
    if isinstance(value, Mapping):
        return value
    if value is None or isinstance(value, str | bytes | int | float | list | tuple):
        raise Unpriceable(f"{what} is not a mapping")
    made = _json.load(_dumped(value, what))
    if not isinstance(made, dict):
        raise Unpriceable(f"{what} is not a mapping")
    return made


def _typed(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A block that has its kind for a name, as one that says it."""
    ((name, inner),) = part.items()
    if name == "json":
        return {"type": name, name: inner}
    named = _NAMED.get(name)
    return {**mapping(inner, "a part of a message"), "type": named} if named else part


def _listed(value: object, what: str) -> Sequence[object]:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str | bytes | bytearray | memoryview) or not isinstance(value, Sequence):
        raise Unpriceable(f"{what} is neither text nor a list")
    return value


def _cited(part: Mapping[str, Any]) -> bool:
    asked = part.get("citations")
    return isinstance(asked, Mapping) and asked.get("enabled") is not False


def _has_content(part: Mapping[str, Any]) -> bool:
    """Whether a document has its text in itself."""
    source = part.get("source")
    return isinstance(source, Mapping) and source.get("type") in ("text", "content")


def _stored(item: Mapping[str, Any]) -> bool:
    """Whether it stands for thoughts that the provider has, and the request has not."""
    return item.get("id") is not None and not item.get("encrypted_content")


def _native(value: object) -> str | None:
    """What among the blocks that a provider's answer was kept in is no text."""
    if isinstance(value, list | tuple):
        return next(filter(None, map(_native, value)), None)
    if not isinstance(value, Mapping):
        return None
    kind = value.get("type")
    if isinstance(kind, str) and (kind in _NO_TEXT or kind.endswith("_tool_result")):
        return kind
    if kind == "reasoning" and _stored(value):
        return "reasoning"
    odd: str | None = next((str(n) for n in value if n in _NO_TEXT and value[n]), None)
    return odd or _native([*value.values()])


def _dumped(value: object, what: str) -> bytes:
    try:
        return _json.dump(value)
    except (ValueError, TypeError, UnicodeError):
        raise Unpriceable(f"{what} cannot be written as JSON, so not measured") from None


def _keys(value: object) -> str:
    """The names of all fields in a value."""
    if isinstance(value, Mapping):
        return " ".join(f"{name} {_keys(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_keys, value))
    return ""
