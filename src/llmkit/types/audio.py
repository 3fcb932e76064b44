"""Audio: parameters and answers of transcription and speech, in OpenAI's form.

Source: https://platform.openai.com/docs/api-reference/audio, read 2026-11-22 (openapi.yaml 2.3.0). What other providers
add is named with theirs; what a provider does not take is refused before anything is sent.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import TypedDict, override

from .._call import Call
from .._calls import SpeechCall
from .._cost import Measure
from ._model import Model, beside, lenient
from .answer import Answer
from .params import CallOptions
from .usage import Usage

__all__ = [
    "Speech",
    "SpeechModelParams",
    "SpeechParams",
    "SpeechUsage",
    "Transcription",
    "TranscriptionEvent",
    "TranscriptionModelParams",
    "TranscriptionParams",
    "TranscriptionSegment",
    "TranscriptionUsage",
    "TranscriptionWord",
]


class TranscriptionModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    language: str | None
    """The language that is spoken, as ISO 639-1 (``"en"``); some providers take ``"en-US"``, too."""
    languages: Sequence[str] | None
    """The languages that may be spoken; OpenAI's newer models."""
    prompt: str | None
    """A text that leads the model's style, or what came before."""
    response_format: str | None
    """``json``, ``text``, ``srt``, ``vtt``, ``verbose_json`` or ``diarized_json``."""
    timestamp_granularities: Sequence[str] | None
    """``"word"``, ``"segment"`` or both: what times are told for."""
    temperature: float | None
    """Randomness, 0 to 1."""
    include: Sequence[str] | None
    """What else the answer shall have: ``"logprobs"``."""
    chunking_strategy: str | Mapping[str, Any] | None
    """How long audio is cut: ``"auto"``, or voice-activity detection with its settings; OpenAI's."""
    keywords: Sequence[str] | None
    """Words that are likely to be heard, such as names; each provider has its own name for it."""
    diarize: bool | None
    """Whether to tell speakers apart; at OpenAI a model and ``response_format="diarized_json"`` do."""
    num_speakers: int | None
    """How many people speak, where that is known."""
    known_speaker_names: Sequence[str] | None
    """Names of the speakers whose voices are given; OpenAI's."""
    known_speaker_references: Sequence[str] | None
    """Their voices, 2 to 10 seconds each, as data URLs; OpenAI's."""
    seed: int | None
    """For answers as repeatable as the provider can make them."""


class TranscriptionParams(TranscriptionModelParams, CallOptions, total=False):
    """All keywords of ``transcription`` but ``model``, ``file`` and ``stream``."""


class SpeechModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    response_format: str | None
    """``mp3`` (where nothing else is said), ``opus``, ``aac``, ``flac``, ``wav`` or ``pcm``; or the provider's own."""
    speed: float | None
    """How fast, 1 being normal."""
    instructions: str | None
    """How to speak: tone, accent, mood."""
    stream_format: str | None
    """``audio`` or, for OpenAI's newer models, ``sse``, which tells the usage. What is read is audio either way."""
    sample_rate: int | None
    """Samples a second, where the provider lets one choose."""
    language: str | None
    """The language of the text, where the provider wants to be told."""
    seed: int | None
    """For speech as repeatable as the provider can make it."""


class SpeechParams(SpeechModelParams, CallOptions, total=False):
    """All keywords of ``speech`` but ``model``, ``input``, ``voice`` and ``stream``."""


class TranscriptionWord(Model):
    """One word; times in seconds from the beginning."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"speaker", "confidence"})

    word: str = ""
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    confidence: float | None = None


class TranscriptionSegment(Model):
    """A sentence or another stretch of speech; times in seconds from the beginning."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"speaker", "confidence"})

    id: int | str | None = None
    start: float | None = None
    end: float | None = None
    text: str = ""
    speaker: str | None = None
    confidence: float | None = None


class TranscriptionUsage(Model):
    """What is billed: tokens, or seconds of audio. ``None`` means that the provider did not say."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"seconds", "input_tokens", "output_tokens", "total_tokens", "input_token_details"}
    )

    type: str = ""
    """``tokens`` or ``duration``."""
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_token_details: Mapping[str, Any] | None = None


class Transcription(Answer):
    """What was said.

    ``text`` is the text, or the subtitles just as they came where ``response_format`` is ``srt`` or ``vtt``.
    """

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"task", "language", "duration", "words", "segments", "logprobs", "usage"}
    )

    text: str = ""
    task: str | None = None
    language: str | None = None
    """As the provider names it: ``"en"``, ``"english"``, ``"eng"``."""
    duration: float | None = None
    """Seconds of audio."""
    words: list[TranscriptionWord] | None = None
    segments: list[TranscriptionSegment] | None = None
    logprobs: list[dict[str, Any]] | None = None
    usage: TranscriptionUsage | None = None

    @property
    def speakers(self) -> list[str]:
        """Who speaks, in order of appearance; empty where speakers were not told apart."""
        parts: Iterable[Any] = [*(self.segments or ()), *(self.words or ())]
        return list(dict.fromkeys(part.speaker for part in parts if part.speaker is not None))

    @override
    def counted(self) -> Usage | None:
        """Tokens as a chat's, audio among the prompt's, and what is told beside them; ``None`` where nothing is.

        Seconds are no tokens.
        """
        usage = self.usage
        if usage is None:
            return None
        return _counted(usage, prompt_tokens_details=usage.input_token_details)

    @override
    def measured(self, call: Call | None) -> tuple[Measure, ...]:
        """The seconds that were heard: those that are billed, where they are told apart from those there were."""
        told = self.usage.seconds if self.usage is not None else None
        seconds = self.duration if told is None else told
        if seconds is None or not 0 <= seconds < float("inf"):
            return ()
        return (Measure("audio_input", Decimal(repr(seconds)), "second"),)

    @override
    def _repr_markdown_(self) -> str:
        facts = [fact for fact in (self.language, _seconds(self.duration)) if fact]
        return f"{self.text}\n\n---\n*{' · '.join([*facts, str(self.cost)])}*"


def _counted(usage: TranscriptionUsage | SpeechUsage, **details: Any) -> Usage | None:
    """Tokens in a chat's terms, and what is told beside them."""
    made = beside(usage)
    if usage.input_tokens is not None:
        made |= {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens,
            **details,
        }
    return lenient(Usage, made) if made else None


def _seconds(duration: float | None) -> str | None:
    return None if duration is None else f"{duration:g} s"


class TranscriptionEvent(Model):
    """One event of a streamed transcription.

    ``type``: ``transcript.text.delta`` (``delta`` has more text), ``transcript.text.segment`` (a stretch,
    with times and perhaps a speaker), ``transcript.text.done`` (``text`` has all of it), or the provider's own.
    """

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"delta", "text", "id", "start", "end", "speaker", "segment_id", "logprobs", "usage"}
    )

    type: str = ""
    delta: str | None = None
    text: str | None = None
    id: int | str | None = None
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    segment_id: str | None = None
    logprobs: list[dict[str, Any]] | None = None
    usage: TranscriptionUsage | None = None


class SpeechUsage(Model):
    """What is billed: tokens, or characters of the text. ``None`` means that the provider did not say."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"input_tokens", "output_tokens", "total_tokens", "characters"}
    )

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    characters: int | None = None


class Speech(Answer):
    """Spoken text. ``content`` is the audio, ``media_type`` what it is, as far as the provider said."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"usage"})

    content: bytes = Field(default=b"", repr=False, exclude=True)
    """All of the audio; not dumped."""
    media_type: str = ""
    usage: SpeechUsage | None = None

    def read(self) -> bytes:
        """All of the audio."""
        return self.content

    def iter_bytes(self, chunk_size: int = 65536) -> Iterator[bytes]:
        """The audio in pieces."""
        starts = range(0, len(self.content), chunk_size)
        return (self.content[start : start + chunk_size] for start in starts)

    def write_to_file(self, file: str | PathLike[str]) -> None:
        """Write the audio to a file, in place of what was there."""
        Path(file).write_bytes(self.content)

    def stream_to_file(self, file: str | PathLike[str]) -> None:
        """``write_to_file``, by the openai SDK's other name for it."""
        self.write_to_file(file)

    @override
    def counted(self) -> Usage | None:
        """Tokens as a chat's, the answer's being audio, and what is told beside them; ``None`` where nothing is.

        Characters are no tokens.
        """
        usage = self.usage
        if usage is None:
            return None
        return _counted(usage, completion_tokens_details={"audio_tokens": usage.output_tokens})

    @override
    def measured(self, call: Call | None) -> tuple[Measure, ...]:
        """The characters of the text: as many as are told, or as there are, where those are more."""
        told = self.usage.characters if self.usage is not None else None
        there = len(call.text) if isinstance(call, SpeechCall) else None
        counts = [count for count in (told, there) if count is not None]
        return (Measure("input", max(counts), "character"),) if counts else ()

    @override
    def __repr__(self) -> str:
        return f"Speech({len(self.content)} bytes of {self.media_type or 'audio'})"

    @override
    def _repr_markdown_(self) -> str:
        return f"{self!r}\n\n---\n*{self.cost}*"

    def _repr_html_(self) -> str | None:
        """For notebooks, which can play it; ``None`` for raw samples, which no browser can."""
        kind = self.media_type.partition(";")[0]
        if not self.content or kind in _RAW or not kind.startswith("audio/"):
            return None
        encoded = base64.b64encode(self.content).decode()
        import html  # noqa: PLC0415 - only in notebooks

        caption = html.escape(f"{self!r} · {self.cost}")
        return f'<audio controls src="data:{html.escape(kind)};base64,{encoded}"></audio><br><em>{caption}</em>'


_RAW = frozenset({"audio/pcm", "audio/l16", "audio/L16", "audio/basic", "audio/x-mulaw"})
