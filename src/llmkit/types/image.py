"""Pictures made by models: parameters, whole answers and the events of a stream, in OpenAI's form. Data only.

Sources: the types of openai 3.54.0, and recorded traffic of xAI for its two parameters, read 2026-11-22.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import TypedDict, override

from .._call import Call
from .._cost import Measure
from ._model import Model, beside, lenient
from .answer import Answer
from .params import CallOptions
from .usage import Usage

__all__ = [
    "Image",
    "ImageEvent",
    "ImageModelParams",
    "ImageParams",
    "ImageResponse",
    "ImageTokens",
    "ImageUsage",
]

_USUAL = "image/png"


class ImageModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    n: int | None
    """How many pictures."""
    size: str | None
    """``1024x1024``, ``auto`` …: width and height in pixels."""
    quality: str | None
    """``low``, ``medium``, ``high``, ``xhigh``, ``max``, ``auto``; older models: ``standard``, ``hd``."""
    style: Literal["vivid", "natural"] | None
    """For older models."""
    response_format: Literal["url", "b64_json"] | None
    """An address of the picture, or the picture itself; newer models of OpenAI only send it itself."""
    background: Literal["transparent", "opaque", "auto"] | None
    """What is behind the subject."""
    output_format: str | None
    """``png``, ``webp``, ``jpeg``, ``gif``, ``svg``."""
    output_compression: int | None
    """Quality of ``webp`` and ``jpeg``, 0 to 100."""
    moderation: Literal["low", "auto"] | None
    """How strictly pictures are filtered."""
    partial_images: int | None
    """How many unfinished pictures a stream shows before the finished one, 0 to 3."""
    input_fidelity: Literal["high", "low"] | None
    """How closely an edit keeps to the picture given."""
    complexity: Literal["low", "medium", "high"] | None
    """How much the picture is planned beforehand."""
    frame_count: int | None
    """Frames of a ``gif``."""
    frame_duration_ms: int | None
    """Milliseconds between the frames of a ``gif``."""
    svg: Mapping[str, Any] | None
    """Which model writes an ``svg``, and with how much effort."""
    aspect_ratio: str | None
    """``4:3`` …, where the provider has it instead of ``size`` (xAI)."""
    resolution: str | None
    """``1k``, ``2k``, where the provider has it (xAI)."""
    user: str | None
    """Your end user's id, for the provider's abuse detection."""
    safety_identifier: str | None
    """A stable, hashed id of your end user, for the provider's safety systems."""


class ImageParams(ImageModelParams, CallOptions, total=False):
    """All keywords of ``image_generation`` and its kin but the model, the prompt, the pictures and ``stream``."""


class Image(Model):
    """One picture: its bytes in base64, or its address (which expires)."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"mime_type"})

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    mime_type: str | None = None

    @property
    def content(self) -> bytes | None:
        """The picture's bytes, where the answer has them. Raises ``ValueError`` where they are no base64."""
        return None if self.b64_json is None else base64.b64decode(self.b64_json, validate=True)

    def _repr_markdown_(self) -> str:
        return _picture(self.url, self.b64_json, self.mime_type)


class ImageTokens(Model):
    """What kinds of token were counted."""

    text_tokens: int | None = None
    image_tokens: int | None = None


class ImageUsage(Model):
    """Tokens of a picture. ``None`` means that the provider did not say."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"output_tokens_details"})

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: ImageTokens | None = None
    output_tokens_details: ImageTokens | None = None

    def in_chat_terms(self) -> Usage | None:
        """The same counts as a chat's usage, and what is told beside them; ``None`` where nothing is."""
        if self.input_tokens is None and self.output_tokens is None:
            return lenient(Usage, beside(self)) if beside(self) else None
        given, made = self.input_tokens_details, self.output_tokens_details
        counts = {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.total_tokens,
            "prompt_tokens_details": given and given.to_dict(),
            # A model that makes pictures says what else its output is; if it does not, all of it is picture.
            "completion_tokens_details": made.to_dict()
            if made
            else {"text_tokens": 0, "image_tokens": self.output_tokens},
        }
        return lenient(Usage, beside(self) | counts)


class ImageResponse(Answer):
    """The pictures."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"background", "output_format", "quality", "size", "usage", "svg_usage"}
    )

    created: int | None = None
    data: list[Image] = Field(default_factory=list)
    background: str | None = None
    output_format: str | None = None
    quality: str | None = None
    size: str | None = None
    usage: ImageUsage | None = None
    svg_usage: dict[str, Any] | None = None
    """What the model used that wrote an ``svg``, where one did: another than the one that was called."""

    @override
    def counted(self) -> Usage | None:
        """The tokens used, in a chat's terms."""
        counts = self.usage.in_chat_terms() if self.usage else None
        if counts is not None and self.svg_usage is not None:
            counts.beside = [_written(self.svg_usage)]
        return counts

    @override
    def measured(self, call: Call | None) -> tuple[Measure, ...]:
        """The pictures, as they were asked for: by their number, and by their pixels."""
        asked: Mapping[str, Any] = {} if call is None else {**call.params, **call.extra_body}
        told = {name: self.get(name, asked.get(name)) for name in _FACTS}
        facts = {name: fact for name, fact in told.items() if _is_fact(fact)}
        made = [Measure("image_output", len(self.data), "image", facts)] if self.data else []
        if made and (pixels := _pixels(facts.get("size", ""))):
            made.append(Measure("image_output", len(self.data) * pixels, "pixel", facts))
        return tuple(made)

    @override
    def _repr_markdown_(self) -> str:
        kind = f"image/{self.output_format}" if self.output_format else None
        pictures = [_picture(one.url, one.b64_json, one.mime_type or kind) for one in self.data]
        return "\n\n".join([*pictures, f"---\n*{self.cost}*"])


_FACTS = ("size", "quality", "resolution")
"""What the price of a picture can depend on."""


def _is_fact(told: Any) -> bool:
    """``auto`` says nothing of what it came to."""
    return isinstance(told, str) and told != "auto"


def _pixels(size: str) -> int:
    """How many a picture of ``1024x768`` has; 0 where that is not told."""
    width, _, height = size.partition("x")
    return int(width) * int(height) if width.isdecimal() and height.isdecimal() else 0


def _written(told: Mapping[str, Any]) -> Usage:
    """What another model wrote, in a chat's terms and with its name."""
    counts = {
        ours: told.get(theirs)
        for ours, theirs in (
            ("prompt_tokens", "input_tokens"),
            ("completion_tokens", "output_tokens"),
            ("total_tokens", "total_tokens"),
        )
    }
    thought = {"reasoning_tokens": told.get("reasoning_tokens")}
    made = {"model": told.get("model") or "unnamed", "completion_tokens_details": thought}
    return lenient(Usage, counts | made)


def _picture(url: str | None, encoded: str | None, kind: str | None) -> str:
    """A picture for notebooks: its address, or all of it."""
    return f"![]({url or f'data:{kind or _USUAL};base64,{encoded or str()}'})"


class ImageEvent(Model):
    """One event of a stream: an unfinished picture (``…partial_image``) or a finished one (``…completed``)."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"partial_image_index", "usage"})

    type: str = ""
    b64_json: str | None = None
    partial_image_index: int | None = None
    created_at: int | None = None
    background: str | None = None
    output_format: str | None = None
    quality: str | None = None
    size: str | None = None
    usage: ImageUsage | None = None

    @property
    def finished(self) -> bool:
        """Whether this picture is one of the answer's."""
        return self.type.endswith(".completed")

    @property
    def content(self) -> bytes | None:
        """The picture's bytes. Raises ``ValueError`` where they are no base64."""
        return None if self.b64_json is None else base64.b64decode(self.b64_json, validate=True)

    def _repr_markdown_(self) -> str:
        kind = f"image/{self.output_format}" if self.output_format else None
        return _picture(None, self.b64_json, kind)
