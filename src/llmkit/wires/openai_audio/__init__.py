"""OpenAI's audio API, which many hosts have taken over: ``/audio/transcriptions``, ``/translations``, ``/speech``.

Sources: https://platform.openai.com/docs/api-reference/audio and github.com/openai/openai-openapi (openapi.yaml 2.3.0),
both read 2026-11-22. Hosts differ by the fields below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..._calls import SpeechCall, TranscriptionCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.audio import Speech, Transcription
from .._errors import api_error
from ._heard import TranscriptionDecoder, parse
from ._listen import build
from ._speak import build_speech
from ._spoken import SpeechDecoder, parse_speech

__all__ = [
    "SPEECH",
    "TRANSCRIPTION",
    "OpenAISpeech",
    "OpenAITranscription",
    "SpeechDecoder",
    "TranscriptionDecoder",
]

# Parameters that OpenAI itself has none of: refused where nobody says that they are taken.
_NOT_OPENAIS = frozenset({"diarize", "num_speakers", "seed", "sample_rate"})


@dataclass(frozen=True, slots=True)
class OpenAITranscription:
    """The wire of transcription and translation. Each field states how a host differs from OpenAI's own API."""

    taken: frozenset[str] = frozenset()
    """Parameters beyond OpenAI's."""
    refused: frozenset[str] = frozenset()
    """What the host does not take: parameters; response formats (``srt`` …); ``translation``; ``stream``."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Parameter to the host's name for the same thing."""
    url_field: str | None = None
    """The field for the address of a file that the host fetches itself, where it does."""
    listed: str = "{}[]"
    """How the name of a field that comes several times is written."""

    def build(self, call: TranscriptionCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a form. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        return build(self, call, to)

    def parse(self, call: TranscriptionCall, response: HTTPResponse) -> Transcription:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        return parse(call, response)

    def decoder(self, call: TranscriptionCall) -> TranscriptionDecoder:
        """A decoder for one stream."""
        return TranscriptionDecoder(call)

    def error(self, call: TranscriptionCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return api_error(call, response)

    def takes(self, name: str) -> bool:
        """Whether a parameter is sent."""
        known = name not in _NOT_OPENAIS or name in self.taken or name in self.renamed
        return known and name not in self.refused


@dataclass(frozen=True, slots=True)
class OpenAISpeech:
    """The wire of speech. Each field states how a host differs from OpenAI's own API."""

    taken: frozenset[str] = frozenset()
    """Parameters beyond OpenAI's."""
    refused: frozenset[str] = frozenset()
    """Parameters that the host does not take."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Parameter (``voice`` too) to the host's name for the same thing."""
    stream_field: bool = False
    """Whether a stream is asked for by ``stream``; OpenAI sends every answer as it is made."""

    def build(self, call: SpeechCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        return build_speech(self, call, to)

    def parse(self, call: SpeechCall, response: HTTPResponse) -> Speech:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        return parse_speech(call, response)

    def decoder(self, call: SpeechCall) -> SpeechDecoder:
        """A decoder for one stream."""
        return SpeechDecoder(call)

    def error(self, call: SpeechCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return api_error(call, response)

    def takes(self, name: str) -> bool:
        """Whether a parameter is sent."""
        return (name in _SPOKEN or name in self.taken) and name not in self.refused


_SPOKEN = frozenset({"response_format", "speed", "instructions", "stream_format"})

TRANSCRIPTION = OpenAITranscription()
SPEECH = OpenAISpeech()
