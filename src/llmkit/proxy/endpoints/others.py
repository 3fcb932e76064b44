"""Calls beside chat that one model answers: speech, pictures, reranking, moderation. And which models there are.

Each reads its fields, makes the library's call of the same name, and sends what comes. Of models nothing is known here.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from ...fronts._sse import named
from ...types.audio import SpeechModelParams, TranscriptionModelParams
from ...types.image import ImageModelParams
from ...types.moderation import ModerationModelParams
from ...types.rerank import RerankModelParams
from ..gateway import Gateway
from . import listing
from .answering import Line
from .asking import subject_of
from .beside import wrong
from .making import Asked, Endpoint, asked, asked_json, at, streamed, text, told
from .reading import flag, typed
from .uploads import Form, form_of

__all__ = ["routes"]

_MODERATES: Final = "omni-moderation-latest"
"""OpenAI's, where none is named: https://platform.openai.com/docs/api-reference/moderations, read 2026-11-23."""
_TEXTS: Final = frozenset({"text", "srt", "vtt"})
"""Forms of a transcription that are no JSON."""
_SOUNDS: Final[Mapping[str, str]] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Where they are."""
    return [
        *at(gateway, "/audio/transcriptions", _transcription),
        *at(gateway, "/audio/translations", _translation),
        *at(gateway, "/audio/speech", _speech),
        *at(gateway, "/images/generations", _generation),
        *at(gateway, "/images/edits", _edit),
        *at(gateway, "/rerank", _rerank),
        Route("/v2/rerank", Endpoint(gateway, _rerank), methods=["POST"]),
        *at(gateway, "/moderations", _moderation),
        *listing.routes(gateway),
    ]


# --- speech to text


async def _transcription(gateway: Gateway, request: Request, line: Line) -> None:
    subject = await subject_of(gateway, request)
    async with form_of(request) as form:
        call = asked(gateway, request, subject, typed(form.texts))
        stream = flag(call.fields, "stream")
        given = _spoken(call, form)
        how = {"stream": True} if stream else {}
        with line:
            with call.around("atranscription"):
                answer = await gateway.calls.atranscription(**given, **how)
            await (streamed(call, line, answer) if stream else _heard(call, line, answer, given))


async def _translation(gateway: Gateway, request: Request, line: Line) -> None:
    subject = await subject_of(gateway, request)
    async with form_of(request) as form:
        call = asked(gateway, request, subject, typed(form.texts))
        given = _spoken(call, form)
        with line:
            with call.around("atranslation"):
                answer = await gateway.calls.atranslation(**given)
            await _heard(call, line, answer, given)


def _spoken(call: Asked, form: Form) -> dict[str, Any]:
    file = form.file()
    call.fields.pop("user", None)
    keywords = call.keywords(TranscriptionModelParams.__annotations__)
    return {**keywords, "model": call.model, "file": file}


async def _heard(call: Asked, line: Line, answer: Any, given: Mapping[str, Any]) -> None:
    if given.get("response_format") in _TEXTS:
        headers = {"content-type": "text/plain; charset=utf-8", **await call.headers(answer)}
        await line.whole(answer.text.encode(), headers)
    else:
        await told(call, line, answer)


# --- text to speech


async def _speech(gateway: Gateway, request: Request, line: Line) -> None:
    call = await asked_json(gateway, request)
    given, voice = text(call.fields, "input"), call.fields.pop("voice", None)
    call.fields.pop("user", None)
    events = call.fields.get("stream_format") == "sse"
    kind = _SOUNDS.get(str(call.fields.get("response_format") or "mp3"), "application/octet-stream")
    keywords = call.keywords(SpeechModelParams.__annotations__)
    with line:
        with call.around("aspeech"):
            stream = await gateway.calls.aspeech(call.model, given, voice, stream=True, **keywords)
        async with stream:
            said = stream.call.headers.get("content-type", "")
            kind = said if said.startswith("audio/") else kind
            more = await call.headers(stream, ended=False)
            line.open(more if events else {"content-type": kind, **more}, comments=events)
            async for piece in _events(stream) if events else stream:
                await line.say(piece)
            await line.end()


async def _events(stream: Any) -> AsyncIterator[bytes]:
    """Speech as OpenAI's events: pieces of audio in base64, then what was used."""
    async for piece in stream:
        audio = base64.b64encode(piece).decode()
        yield named({"type": "speech.audio.delta", "audio": audio})
    usage = stream.response.usage
    done = {"type": "speech.audio.done"}
    yield named(done if usage is None else {**done, "usage": usage.to_dict()})


# --- pictures


async def _generation(gateway: Gateway, request: Request, line: Line) -> None:
    call = await asked_json(gateway, request)
    given = {"prompt": text(call.fields, "prompt"), "model": call.model}
    await _picture(line, call, "aimage_generation", gateway.calls.aimage_generation, given)


async def _edit(gateway: Gateway, request: Request, line: Line) -> None:
    """Pictures to edit come as files. Those by address or by a file's id are no caller's to name: see the docs."""
    subject = await subject_of(gateway, request)
    async with form_of(request) as form:
        call = asked(gateway, request, subject, typed(form.texts))
        pictures = form.files.get("image", [])
        if not pictures:
            raise wrong("no file is called 'image': the form must have one, or several", "image")
        given: dict[str, Any] = {"image": pictures}
        given |= {"prompt": text(call.fields, "prompt"), "model": call.model}
        if "mask" in form.files:
            given["mask"] = form.file("mask")
        await _picture(line, call, "aimage_edit", gateway.calls.aimage_edit, given)


async def _picture(
    line: Line, call: Asked, call_type: str, ask: Any, given: Mapping[str, Any]
) -> None:
    stream = flag(call.fields, "stream")
    keywords = call.keywords(ImageModelParams.__annotations__)
    how = {"stream": True} if stream else {}
    with line:
        with call.around(call_type):
            answer = await ask(**given, **keywords, **how)
        await (streamed(call, line, answer) if stream else told(call, line, answer))


# --- judging


async def _rerank(gateway: Gateway, request: Request, line: Line) -> None:
    call = await asked_json(gateway, request)
    given = text(call.fields, "query"), call.fields.pop("documents", None)
    keywords = _plain(call, RerankModelParams.__annotations__)
    with line:
        with call.around("arerank"):
            answer = await gateway.calls.arerank(call.model, *given, **keywords)
        await told(call, line, answer)


async def _moderation(gateway: Gateway, request: Request, line: Line) -> None:
    call = await asked_json(gateway, request, _MODERATES)
    given = call.fields.pop("input", None)
    keywords = _plain(call, ModerationModelParams.__annotations__)
    with line:
        with call.around("amoderation"):
            answer = await gateway.calls.amoderation(given, call.model, **keywords)
        await told(call, line, answer)


def _plain(call: Asked, names: Collection[str]) -> dict[str, Any]:
    """Keywords without what clients send with every call; ``metadata`` has been noted."""
    for name in ("user", "metadata"):
        call.fields.pop(name, None)
    return call.keywords(names)
