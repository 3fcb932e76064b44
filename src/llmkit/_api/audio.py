"""``transcription``, ``translation``, ``speech`` and their ``a…`` twins with the default client."""

from __future__ import annotations

from typing import Any, Literal, overload

from typing_extensions import Unpack

from .._io.aio_stream import AsyncStream
from .._io.speech_stream import AsyncSpeechStream, SpeechStream
from .._io.sync_stream import Stream
from .._upload import FileTypes
from ..types.audio import (
    Speech,
    SpeechParams,
    Transcription,
    TranscriptionEvent,
    TranscriptionParams,
)
from ._default import default_client

__all__ = ["aspeech", "atranscription", "atranslation", "speech", "transcription", "translation"]


@overload
def transcription(
    model: str,
    file: FileTypes,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[TranscriptionParams],
) -> Transcription: ...
@overload
def transcription(
    model: str,
    file: FileTypes,
    *,
    stream: Literal[True],
    **params: Unpack[TranscriptionParams],
) -> Stream[TranscriptionEvent, Transcription]: ...
@overload
def transcription(
    model: str,
    file: FileTypes,
    *,
    stream: bool | None,
    **params: Unpack[TranscriptionParams],
) -> Transcription | Stream[TranscriptionEvent, Transcription]: ...
def transcription(
    model: str,
    file: FileTypes,
    *,
    stream: bool | None = None,
    **params: Unpack[TranscriptionParams],
) -> Transcription | Stream[TranscriptionEvent, Transcription]:
    """Write down what is said, with the default client; see ``Client.transcription``."""
    return default_client().transcription(model, file, stream=stream, **params)


@overload
async def atranscription(
    model: str,
    file: FileTypes,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[TranscriptionParams],
) -> Transcription: ...
@overload
async def atranscription(
    model: str,
    file: FileTypes,
    *,
    stream: Literal[True],
    **params: Unpack[TranscriptionParams],
) -> AsyncStream[TranscriptionEvent, Transcription]: ...
@overload
async def atranscription(
    model: str,
    file: FileTypes,
    *,
    stream: bool | None,
    **params: Unpack[TranscriptionParams],
) -> Transcription | AsyncStream[TranscriptionEvent, Transcription]: ...
async def atranscription(
    model: str,
    file: FileTypes,
    *,
    stream: bool | None = None,
    **params: Unpack[TranscriptionParams],
) -> Transcription | AsyncStream[TranscriptionEvent, Transcription]:
    """Write down what is said, from async code, with the default client; see ``Client.transcription``."""
    return await default_client().atranscription(model, file, stream=stream, **params)


def translation(
    model: str, file: FileTypes, **params: Unpack[TranscriptionParams]
) -> Transcription:
    """Write down in English what is said, with the default client; see ``Client.translation``."""
    return default_client().translation(model, file, **params)


async def atranslation(
    model: str, file: FileTypes, **params: Unpack[TranscriptionParams]
) -> Transcription:
    """Write down in English what is said, from async code; see ``Client.translation``."""
    return await default_client().atranslation(model, file, **params)


@overload
def speech(
    model: str,
    input: str,
    voice: Any = None,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[SpeechParams],
) -> Speech: ...
@overload
def speech(
    model: str,
    input: str,
    voice: Any = None,
    *,
    stream: Literal[True],
    **params: Unpack[SpeechParams],
) -> SpeechStream: ...
@overload
def speech(
    model: str,
    input: str,
    voice: Any = None,
    *,
    stream: bool | None,
    **params: Unpack[SpeechParams],
) -> Speech | SpeechStream: ...
def speech(
    model: str,
    input: str,
    voice: Any = None,
    *,
    stream: bool | None = None,
    **params: Unpack[SpeechParams],
) -> Speech | SpeechStream:
    """Speak a text, with the default client; see ``Client.speech``."""
    return default_client().speech(model, input, voice, stream=stream, **params)


@overload
async def aspeech(
    model: str,
    input: str,
    voice: Any = None,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[SpeechParams],
) -> Speech: ...
@overload
async def aspeech(
    model: str,
    input: str,
    voice: Any = None,
    *,
    stream: Literal[True],
    **params: Unpack[SpeechParams],
) -> AsyncSpeechStream: ...
@overload
async def aspeech(
    model: str,
    input: str,
    voice: Any = None,
    *,
    stream: bool | None,
    **params: Unpack[SpeechParams],
) -> Speech | AsyncSpeechStream: ...
async def aspeech(
    model: str,
    input: str,
    voice: Any = None,
    *,
    stream: bool | None = None,
    **params: Unpack[SpeechParams],
) -> Speech | AsyncSpeechStream:
    """Speak a text, from async code, with the default client; see ``Client.speech``."""
    return await default_client().aspeech(model, input, voice, stream=stream, **params)
