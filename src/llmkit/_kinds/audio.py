"""Audio: ``transcription``, ``translation``, ``speech`` and their ``a…`` twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core
from ..errors import InvalidRequestError
from ._kept import upload

if TYPE_CHECKING:
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

__all__ = ["SPEECH", "TRANSCRIPTION", "TRANSLATION", "AudioCalls"]

_CALL, _PARAMS = "_calls:TranscriptionCall", "types.audio:TranscriptionModelParams"
TRANSCRIPTION = Kind("transcription", "transcription", _CALL, _PARAMS)
TRANSLATION = Kind("transcription", "translation", _CALL, _PARAMS)
SPEECH = Kind("speech", "speech", "_calls:SpeechCall", "types.audio:SpeechModelParams")


class AudioCalls(Core):
    """Speech to text, and text to speech."""

    @overload
    def transcription(
        self,
        model: str,
        file: FileTypes,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[TranscriptionParams],
    ) -> Transcription: ...
    @overload
    def transcription(
        self,
        model: str,
        file: FileTypes,
        *,
        stream: Literal[True],
        **params: Unpack[TranscriptionParams],
    ) -> Stream[TranscriptionEvent, Transcription]: ...
    @overload
    def transcription(
        self,
        model: str,
        file: FileTypes,
        *,
        stream: bool | None,
        **params: Unpack[TranscriptionParams],
    ) -> Transcription | Stream[TranscriptionEvent, Transcription]: ...
    def transcription(
        self,
        model: str,
        file: FileTypes,
        *,
        stream: bool | None = None,
        **params: Unpack[TranscriptionParams],
    ) -> Transcription | Stream[TranscriptionEvent, Transcription]:
        """Write down what is said.

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
        subject = {"file": upload(file), "translate": False}
        if stream:
            return self._stream(TRANSCRIPTION, model, subject, params)
        answer: Transcription = self._run(TRANSCRIPTION, model, subject, params)
        return answer

    @overload
    async def atranscription(
        self,
        model: str,
        file: FileTypes,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[TranscriptionParams],
    ) -> Transcription: ...
    @overload
    async def atranscription(
        self,
        model: str,
        file: FileTypes,
        *,
        stream: Literal[True],
        **params: Unpack[TranscriptionParams],
    ) -> AsyncStream[TranscriptionEvent, Transcription]: ...
    @overload
    async def atranscription(
        self,
        model: str,
        file: FileTypes,
        *,
        stream: bool | None,
        **params: Unpack[TranscriptionParams],
    ) -> Transcription | AsyncStream[TranscriptionEvent, Transcription]: ...
    async def atranscription(
        self,
        model: str,
        file: FileTypes,
        *,
        stream: bool | None = None,
        **params: Unpack[TranscriptionParams],
    ) -> Transcription | AsyncStream[TranscriptionEvent, Transcription]:
        """``transcription`` for async code, on asyncio or trio. Files are read in a worker thread.

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
        subject = {"file": upload(file), "translate": False}
        if stream:
            return await self._astream(TRANSCRIPTION, model, subject, params)
        answer: Transcription = await self._arun(TRANSCRIPTION, model, subject, params)
        return answer

    def translation(
        self, model: str, file: FileTypes, **params: Unpack[TranscriptionParams]
    ) -> Transcription:
        """Write down in English what is said in another language; arguments and errors as ``transcription``'s.

        Args:
            model: ``provider/model``, such as ``"openai/whisper-1"``.
            file: the sound: a path, bytes, an open file, or ``(name, content)``.
            **params: see ``llmkit.types.TranscriptionParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        subject = {"file": upload(file), "translate": True}
        answer: Transcription = self._run(TRANSLATION, model, subject, params)
        return answer

    async def atranslation(
        self, model: str, file: FileTypes, **params: Unpack[TranscriptionParams]
    ) -> Transcription:
        """``translation`` for async code.

        Args:
            model: ``provider/model``, such as ``"openai/whisper-1"``.
            file: the sound: a path, bytes, an open file, or ``(name, content)``.
            **params: see ``llmkit.types.TranscriptionParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        subject = {"file": upload(file), "translate": True}
        answer: Transcription = await self._arun(TRANSLATION, model, subject, params)
        return answer

    @overload
    def speech(
        self,
        model: str,
        input: str,
        voice: Any = None,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[SpeechParams],
    ) -> Speech: ...
    @overload
    def speech(
        self,
        model: str,
        input: str,
        voice: Any = None,
        *,
        stream: Literal[True],
        **params: Unpack[SpeechParams],
    ) -> SpeechStream: ...
    @overload
    def speech(
        self,
        model: str,
        input: str,
        voice: Any = None,
        *,
        stream: bool | None,
        **params: Unpack[SpeechParams],
    ) -> Speech | SpeechStream: ...
    def speech(
        self,
        model: str,
        input: str,
        voice: Any = None,
        *,
        stream: bool | None = None,
        **params: Unpack[SpeechParams],
    ) -> Speech | SpeechStream:
        """Speak a text.

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
        subject = {"text": _text(input), "voice": voice}
        if stream:
            from .._io.speech_stream import SpeechStream  # noqa: PLC0415 - as for files

            made: Any = self._stream(SPEECH, model, subject, params, SpeechStream)
            return made  # type: ignore[no-any-return]
        answer: Speech = self._run(SPEECH, model, subject, params)
        return answer

    @overload
    async def aspeech(
        self,
        model: str,
        input: str,
        voice: Any = None,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[SpeechParams],
    ) -> Speech: ...
    @overload
    async def aspeech(
        self,
        model: str,
        input: str,
        voice: Any = None,
        *,
        stream: Literal[True],
        **params: Unpack[SpeechParams],
    ) -> AsyncSpeechStream: ...
    @overload
    async def aspeech(
        self,
        model: str,
        input: str,
        voice: Any = None,
        *,
        stream: bool | None,
        **params: Unpack[SpeechParams],
    ) -> Speech | AsyncSpeechStream: ...
    async def aspeech(
        self,
        model: str,
        input: str,
        voice: Any = None,
        *,
        stream: bool | None = None,
        **params: Unpack[SpeechParams],
    ) -> Speech | AsyncSpeechStream:
        """``speech`` for async code, on asyncio or trio.

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
        subject = {"text": _text(input), "voice": voice}
        if stream:
            from .._io.speech_stream import AsyncSpeechStream  # noqa: PLC0415

            made: Any = await self._astream(SPEECH, model, subject, params, AsyncSpeechStream)
            return made  # type: ignore[no-any-return]
        answer: Speech = await self._arun(SPEECH, model, subject, params)
        return answer


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise InvalidRequestError(
            f"input must be a text, not {type(given).__name__}", param="input"
        )
    return given
