"""What every decoder promises, as functions of bytes: each fails an assertion, or raises what it may not, or nothing.

hypothesis and atheris call the same ones, so only llmkit and the standard library are imported here.
"""

from __future__ import annotations

import gzip
import json
import math
import pickle
import zlib
from typing import TYPE_CHECKING, Any

from llmkit._call import ChatCall, MediaPolicy
from llmkit._control.address import addressed, resolve
from llmkit._control.environment import missing_keys
from llmkit._control.media import fetched
from llmkit._control.plan import asked, legs
from llmkit._control.structured import parse_answer
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPResponse
from llmkit._io._inflate import Inflate
from llmkit._json import NotJSON, dump, load
from llmkit._ratelimit import rate_limits, retry_after
from llmkit._secret import HIDDEN, Secret, redact
from llmkit._sse import SSEDecoder, TooLong
from llmkit.errors import APIError, JSONSchemaValidationError, LLMKitError
from llmkit.types.chat import ChatCompletion
from llmkit.wires.anthropic_messages import AnthropicMessages
from llmkit.wires.gemini import Gemini
from llmkit.wires.gemini._frames import Frames
from llmkit.wires.openai_chat import OpenAIChat

from . import _chats
from ._traffic import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from llmkit.wires import ChatDecoder, ChatWire

__all__ = ["TARGETS", "WIRES", "answers", "call_of", "checked", "pieces", "refuses", "streams"]

WIRES: dict[str, ChatWire] = {
    "openai_chat": OpenAIChat(),
    "anthropic_messages": AnthropicMessages(),
    "gemini": Gemini(),
    **_chats.WIRES,
}
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
_SECRET = Secret(KEY)
_NOW = 1_700_000_000.0
_MODELS = {"anthropic_messages": "claude-sonnet-4-5", "gemini": "gemini-3-x"}
_SHOWN = 12
"""So much of a key says too much: less is what all keys of a provider begin with."""


def call_of(wire: str, messages: Any = None, **params: Any) -> ChatCall:
    said = [{"role": "user", "content": "hi"}] if messages is None else messages
    return ChatCall("call_1", "acme", _MODELS.get(wire, "m1"), said, params=params, stream=True)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The bytes in pieces of this size; 0 leaves them whole."""
    step = size or len(data) or 1
    return (data[at : at + step] for at in range(0, len(data), step))


Outcome = tuple[list[str], str]


def _read(decoder: ChatDecoder, given: Iterable[bytes]) -> tuple[list[Any], LLMKitError | None]:
    """The chunks of a stream up to its end or its failure; what follows the end adds none."""
    chunks: list[Any] = []
    try:
        for piece in given:
            was_done = decoder.done
            before = len(chunks)
            chunks.extend(decoder.feed(piece))
            assert not was_done or (decoder.done and len(chunks) == before)
        chunks.extend(decoder.finish())
    except LLMKitError as error:
        return chunks, error
    assert decoder.done
    return chunks, None


def _gathered(decoder: ChatDecoder, given: Iterable[bytes]) -> Outcome:
    chunks, error = _read(decoder, given)
    completion = fold(chunks)
    completion.model_dump_json()
    assert completion.text is not None
    if error is not None:
        checked(error)
    return [chunk.model_dump_json() for chunk in chunks], repr(error)


def streams(wire: str, data: bytes, sizes: Iterable[int] = (1, 7), **params: Any) -> Outcome:
    """A stream gives chunks and at most one error of ours, the same however it is cut."""
    call = call_of(wire, **params)
    whole = _gathered(WIRES[wire].decoder(call), [data])
    for size in sizes:
        cut = _gathered(WIRES[wire].decoder(call), pieces(data, size))
        assert cut == whole, (size, cut, whole)
    return whole


def answers(wire: str, body: bytes, **params: Any) -> ChatCompletion | None:
    """An answer is read, or refused with an error of ours; what was read can be written."""
    call = call_of(wire, **params)
    try:
        read = WIRES[wire].parse(call, HTTPResponse(200, {}, body))
    except LLMKitError as error:
        checked(error)
        return None
    assert isinstance(load(read.model_dump_json()), dict)
    assert read.to_dict() is not None
    assert read.text is not None
    return read


def refuses(wire: str, body: bytes, status: int = 400) -> APIError:
    """An error is made of any body."""
    made = WIRES[wire].error(call_of(wire), HTTPResponse(status, {"x-request-id": KEY}, body))
    checked(made)
    assert made.status_code == status
    return made


def checked(error: LLMKitError) -> None:
    """It can be shown, sent and kept; and the key, or much of it, is nowhere in it."""
    if isinstance(error, APIError):
        assert error.retry_after is None or math.isfinite(error.retry_after)
        error.scrub([_SECRET])
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert str(copied) == str(error)
    shown = (str(error), repr(error), repr(vars(error)))
    assert not any(KEY[:_SHOWN] in text for text in shown), shown


def _sse(data: bytes) -> None:
    assert _events(pieces(data, 0)) == _events(pieces(data, 1)) == _events(pieces(data, 5))


def _events(given: Iterable[bytes]) -> Any:
    decoder, found = SSEDecoder(1 << 16), []
    try:
        for piece in given:
            found += decoder.feed(piece)
        found += decoder.finish()
    except TooLong:
        return [*found, None]
    return found


def _frames(data: bytes) -> None:
    assert _framed(pieces(data, 0)) == _framed(pieces(data, 1)) == _framed(pieces(data, 5))


def _framed(given: Iterable[bytes]) -> list[bytes]:
    frames = Frames()
    found = [text for piece in given for text in frames.feed(piece)]
    return [*found, *frames.finish()]


def _rate_limits(data: bytes) -> None:
    value = data.decode("latin-1")
    for name in (
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-reset-tokens",
        "anthropic-ratelimit-reset",
    ):
        for remaining in ("0", value):
            headers = {name: value, name.replace("reset", "remaining"): remaining} | {name: value}
            seconds = retry_after(headers, _NOW)
            assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
            assert rate_limits(headers).keys() <= headers.keys()


def _json(data: bytes) -> None:
    for given in (data, data.decode("utf-8", "surrogateescape"), data.decode("latin-1")):
        try:
            value = load(given)
        except NotJSON:
            continue
        assert json.dumps(load(dump(value))) == json.dumps(load(dump(load(dump(value)))))
        dump(value).decode("utf-8")


def _inflate(data: bytes) -> None:
    packed = gzip.compress(data, mtime=0)
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bare = raw.compress(data) + raw.flush()
    for given in (
        data,
        packed,
        packed + data,
        packed[: len(data)],
        packed + packed,
        zlib.compress(data),
        bare,
    ):
        whole = _inflated(pieces(given, 0))
        assert whole[-1:] == _inflated(pieces(given, 1))[-1:] == _inflated(pieces(given, 3))[-1:]
    assert _inflated(pieces(packed, 1)) == [data]
    assert _inflated(pieces(zlib.compress(data), 1)) == [data]


def _inflated(given: Iterable[bytes]) -> list[bytes | None]:
    """What came out, or ``None`` where it could not be read."""
    inflate, made = Inflate(), b""
    try:
        for piece in given:
            made += b"".join(inflate.pieces(piece))
    except LLMKitError as error:
        checked(error)
        return [None]
    return [made]


def _redact(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    shown = redact(text, [_SECRET, Secret(text[:30]), Secret("")])
    assert KEY not in shown
    assert redact(shown, [_SECRET]).count(HIDDEN) >= shown.count(HIDDEN)
    assert KEY not in redact(f"{text}{KEY}{text}", [_SECRET])
    assert "Bearer " + "A" * 20 not in redact(f"{text} Bearer {'A' * 20}")


def _structured(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for wanted in (dict, list[dict[str, int | None]], int, str, ChatCompletion):
        for content in (text, f"```json\n{text}\n```", data.decode("utf-8", "surrogateescape")):
            message = {"role": "assistant", "content": content}
            choice = {"index": 0, "message": message, "finish_reason": "length"}
            completion = ChatCompletion.model_validate({"choices": [choice]})
            try:
                parse_answer(completion, wanted)  # type: ignore[arg-type]
            except JSONSchemaValidationError as error:
                _unfit(error, completion)


def _unfit(error: JSONSchemaValidationError, completion: ChatCompletion) -> None:
    assert error.completion is completion
    assert "does not fit" in str(error)


def _model_string(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": text, "ANTHROPIC_API_KEY": text}
    about: dict[str, Any] = {"messages": []}
    tries: tuple[Callable[[], Any], ...] = (
        lambda: resolve(text, None),
        lambda: resolve("m", text),
        lambda: resolve(text, None, elsewhere=True),
        lambda: missing_keys(text, environ),
        lambda: addressed(f"openai/{text}", {}, environ, keyless=False),
        lambda: addressed(f"anthropic/{text}", {}, environ, keyless=False),
        lambda: addressed("openai/m", {"base_url": text, "api_key": KEY}, {}, keyless=True),
        lambda: addressed("ollama/m", {}, {"OLLAMA_API_BASE": text}, keyless=True),
        lambda: asked({text: 1}, {}),
        lambda: legs("c", text, about, asked({"extra_headers": {text: text}}, {}), stream=False, environ=environ),
        lambda: legs("c", "openai/m", about, asked({"fallbacks": [text]}, {}), stream=False, environ=environ),
    )  # fmt: skip
    for attempt in tries:
        try:
            attempt()
        except LLMKitError as error:
            _hides(error, text)


def _hides(error: LLMKitError, text: str) -> None:
    assert KEY in text or KEY not in str(error)


def _media(data: bytes) -> None:
    """Addresses of media in a prompt, as each wire writes them, and as they are fetched."""
    text = data.decode("utf-8", "replace")
    for url in (text, f"data:{text}", f"data:image/png;base64,{text}", f"http://{text}"):
        content = [
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "file", "file": {"file_data": url, "filename": text}},
            {"type": "input_audio", "input_audio": {"data": url, "format": text}},
            {"type": "video_url", "video_url": {"url": url}},
        ]
        for part in content:
            for wire in WIRES:
                _written(wire, [{"role": "user", "content": [part]}])
        _fetched([{"role": "user", "content": content}], text)


def _written(wire: str, messages: Any) -> None:
    try:
        request = WIRES[wire].build(call_of(wire, messages), Endpoint("https://a.test/v1"))
    except LLMKitError:
        return
    load(request.body)


def _fetched(messages: Any, text: str) -> None:
    """The flow of fetching: what it asks for is answered with redirects and with bytes."""
    replies = [
        HTTPResponse(302, {"location": text}),
        HTTPResponse(200, {"content-type": "image/png"}, b"x"),
        HTTPResponse(200, {"content-type": text}, text.encode("utf-8", "replace")),
    ]
    flow = fetched(call_of("openai_chat", messages), lambda url: False, MediaPolicy())
    try:
        next(flow)
        for at in range(64):
            flow.send(replies[at % len(replies)])
    except (StopIteration, LLMKitError):
        return


def _stream_target(wire: str, **params: Any) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        streams(wire, data, **params)
        answers(wire, data, **params)

    return target


def _error_target(wire: str) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        for status in (301, 400, 413, 422, 429, 500, 529, 599):
            refuses(wire, data, status)

    return target


TARGETS: dict[str, Callable[[bytes], None]] = {
    "sse": _sse,
    "frames": _frames,
    "rate_limits": _rate_limits,
    "json": _json,
    "inflate": _inflate,
    "redact": _redact,
    "structured": _structured,
    "model_string": _model_string,
    "media": _media,
    **{f"{wire}_stream": _stream_target(wire) for wire in WIRES},
    "anthropic_by_tool": _stream_target("anthropic_messages", response_format=_SCHEMA),
    **{f"{wire}_error": _error_target(wire) for wire in WIRES},
}
"""Each decoder's name, and its promises."""
