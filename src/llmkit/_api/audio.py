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
    """Write down what is said, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-transcribe"``.
        file: a path, bytes, an open binary file, ``(name, content)`` or ``(name, content, media type)``; it is sent
            in pieces, and never read whole. An ``https`` address, where the provider fetches audio itself.
        stream: whether to return a ``Stream`` of events instead of the whole answer, where the provider offers it.
        **params: see ``llmkit.types.TranscriptionParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: the file is nothing that can be sent; ``UnsupportedParamsError``: the provider does not
            take a parameter.
        APIError: the call failed; its subclasses say how.
    """
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
    """Write down what is said, from async code, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-transcribe"``.
        file: a path, bytes, an open binary file, ``(name, content)`` or ``(name, content, media type)``; it is sent
            in pieces, and never read whole. An ``https`` address, where the provider fetches audio itself.
        stream: whether to return an ``AsyncStream`` of events instead of the whole answer, where the provider
            offers it.
        **params: see ``llmkit.types.TranscriptionParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: the file is nothing that can be sent; ``UnsupportedParamsError``: the provider does not
            take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().atranscription(model, file, stream=stream, **params)


def translation(
    model: str, file: FileTypes, **params: Unpack[TranscriptionParams]
) -> Transcription:
    """Write down in English what is said, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/whisper-1"``.
        file: the sound: a path, bytes, an open file, or ``(name, content)``.
        **params: see ``llmkit.types.TranscriptionParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().translation(model, file, **params)


async def atranslation(
    model: str, file: FileTypes, **params: Unpack[TranscriptionParams]
) -> Transcription:
    """Write down in English what is said, from async code.

    Args:
        model: ``provider/model``, such as ``"openai/whisper-1"``.
        file: the sound: a path, bytes, an open file, or ``(name, content)``.
        **params: see ``llmkit.types.TranscriptionParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
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
    """Speak a text, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini-tts"``.
        input: the text.
        voice: as the provider names it; some have it in the model's name.
        stream: whether to return a stream of bytes, which come as they are made.
        **params: see ``llmkit.types.SpeechParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
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
    """Speak a text, from async code, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini-tts"``.
        input: the text.
        voice: as the provider names it; some have it in the model's name.
        stream: whether to return a stream of bytes, which come as they are made.
        **params: see ``llmkit.types.SpeechParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aspeech(model, input, voice, stream=stream, **params)
