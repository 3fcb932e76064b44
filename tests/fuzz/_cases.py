"""Inputs that grow: for each, what reads one of size n. Everything is made before the reading is measured."""

from __future__ import annotations

import contextlib
import gzip
import json
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from llmkit._control.address import resolve
from llmkit._control.environment import missing_keys
from llmkit._control.structured import parse_answer
from llmkit._fold import fold
from llmkit._io._inflate import Inflate
from llmkit._json import load
from llmkit._ratelimit import rate_limits, retry_after
from llmkit._secret import Secret, redact
from llmkit._sse import SSEDecoder
from llmkit.errors import LLMKitError
from llmkit.types.chat import ChatCompletion

from ._targets import WIRES, _written, answers, call_of, pieces, refuses
from ._traffic import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["CASES", "LONG", "stream"]

_TEXT = "Grüße an alle, " * 4
LONG = "x" * 4000 + "ü\n"
"""A piece long enough that copying what came before shows in the time it takes."""


def _event(data: Any, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _decoded(wire: str, given: Iterable[bytes]) -> Any:
    """Read a stream to its end and put it together, or stop at its error."""
    decoder = WIRES[wire].decoder(call_of(wire))
    chunks: list[Any] = []
    with contextlib.suppress(LLMKitError):
        for piece in given:
            chunks += decoder.feed(piece)
        chunks += decoder.finish()
    return fold(chunks)


def stream(wire: str, given: Iterable[bytes]) -> Callable[[], Any]:
    made = list(given)
    return lambda: _decoded(wire, made)


# --- server-sent events -------------------------------------------------------------------------


def _events(given: Iterable[bytes]) -> Callable[[], Any]:
    made = list(given)

    def read() -> Any:
        decoder = SSEDecoder()
        return [event for piece in made for event in decoder.feed(piece)] + list(decoder.finish())

    return read


SSE: dict[str, Callable[[int], Callable[[], Any]]] = {
    "line by bytes": lambda n: _events(pieces(b"data: " + b"x" * 20 * n, 1)),
    "line by kibibytes": lambda n: _events(pieces(b"data: " + b"x" * 1000 * n, 1024)),
    "tiny events": lambda n: _events([b"data: 1\n\n" * n]),
    "tiny events one by one": lambda n: _events([b"data: 1\n\n"] * n),
    "carriage returns": lambda n: _events(pieces(b"data: 1\r\r" * n, 1)),
    "lines of one event": lambda n: _events([b"data: x\n"] * n),
    "bare fields": lambda n: _events([b"data\n" * n]),
    "comments": lambda n: _events([b": ping\n"] * n),
    "names": lambda n: _events([b"event: a\nid: 1\n"] * n),
    "blank lines": lambda n: _events([b"\n" * n]),
}

# --- OpenAI's chat ------------------------------------------------------------------------------


def _openai(deltas: Iterable[Any], **last: Any) -> Callable[[], Any]:
    said = ({"choices": [{"index": 0, "delta": delta}]} for delta in deltas)
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", **last}]}
    return stream("openai_chat", map(_event, chain(said, [end])))


def _calling(n: int, **fields: Any) -> Callable[[], Any]:
    """Calls, each of one piece; ``index`` as its fields say, or n different ones."""
    made = (
        {"id": f"c{i}", "function": {"name": "f", "arguments": "{}"}, **fields} for i in range(n)
    )
    return _openai({"tool_calls": [call]} for call in made)


def _grown(n: int, **function: Any) -> Callable[[], Any]:
    call = {"index": 0, "function": function}
    return _openai(repeat({"tool_calls": [call]}, n))


OPENAI: dict[str, Callable[[int], Callable[[], Any]]] = {
    "line by bytes": lambda n: stream("openai_chat", pieces(b"data: " + b" " * 20 * n, 1)),
    "text": lambda n: _openai(repeat({"content": LONG}, n)),
    "reasoning": lambda n: _openai(repeat({"reasoning": LONG}, n)),
    "refusal": lambda n: _openai(repeat({"refusal": LONG}, n)),
    "parts": lambda n: _openai(repeat({"content": [{"type": "text", "text": LONG}]}, n)),
    "parts after text": lambda n: _openai(
        [*repeat({"content": LONG}, n), *repeat({"content": [{"type": "text", "text": "b"}]}, n)]
    ),
    "parts of thinking": lambda n: _openai(
        repeat({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": LONG}]}]}, n)
    ),
    "parts of other types": lambda n: _openai({"content": [{"type": f"t{i}"}]} for i in range(n)),
    "details": lambda n: _openai(
        repeat({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": LONG}]}, n)
    ),
    "blocks": lambda n: _openai(repeat({"thinking_blocks": [{"thinking": LONG, "index": 0}]}, n)),
    "sound": lambda n: _openai(repeat({"audio": {"id": "a", "data": LONG}}, n)),
    "images": lambda n: _openai(repeat({"images": [{"image_url": {"url": LONG}}]}, n)),
    "annotations": lambda n: _openai(repeat({"annotations": [{"type": "x"}]}, n)),
    "arguments": lambda n: _grown(n, arguments=LONG),
    "names of calls": lambda n: _grown(n, name=LONG),
    "custom input": lambda n: _openai(
        repeat({"tool_calls": [{"index": 0, "custom": {"input": LONG}}]}, n)
    ),
    "function call": lambda n: _openai(repeat({"function_call": {"arguments": LONG}}, n)),
    "calls": lambda n: _openai(
        {"tool_calls": [{"index": i, "function": {"name": "f"}}]} for i in range(n)
    ),
    "calls without index": _calling,
    "calls of index 0": lambda n: _calling(n, index=0),
    "calls of odd index": lambda n: _calling(n, index="a"),
    "calls in one chunk": lambda n: _openai([{"tool_calls": [{"id": f"c{i}"} for i in range(n)]}]),
    "unknown fields": lambda n: _openai({f"field_{i}": i} for i in range(n)),
    "fields of one chunk": lambda n: _openai([{f"field_{i}": i for i in range(n)}]),
    "choices": lambda n: stream(
        "openai_chat",
        (_event({"choices": [{"index": i, "delta": {"content": "a"}}]}) for i in range(n)),
    ),
    "choices of one chunk": lambda n: stream(
        "openai_chat", [_event({"choices": [{"index": i, "delta": {}} for i in range(n)]})]
    ),
    "usages": lambda n: stream(
        "openai_chat", repeat(_event({"choices": [], "usage": {"prompt_tokens": 1}}), n)
    ),
    "logprobs": lambda n: stream(
        "openai_chat",
        repeat(_event({"choices": [{"logprobs": {"content": [{"token": "a"}]}}]}), n),
    ),
    "wrong types": lambda n: stream(
        "openai_chat", [_event({"choices": [{"delta": {"content": 5}}] * n})]
    ),
    "plain body": lambda n: stream(
        "openai_chat", pieces(json.dumps({"choices": [], "x": "y" * 1000 * n}).encode(), 1024)
    ),
    "plain calls": lambda n: stream(
        "openai_chat",
        [json.dumps({"choices": [{"message": {"tool_calls": [{"id": "c"}] * n}}]}).encode()],
    ),
}

# --- Anthropic's messages -----------------------------------------------------------------------


def _anthropic(said: Iterable[dict[str, Any]], **block: Any) -> Callable[[], Any]:
    """Deltas of one block, or whole events where they have a type of their own."""
    began = {"type": "content_block_start", "index": 0, "content_block": block}
    made = (
        event
        if event["type"].startswith(("content", "message"))
        else {"type": "content_block_delta", "index": 0, "delta": event}
        for event in said
    )
    ends = [{"type": "content_block_stop", "index": 0}, {"type": "message_stop"}]
    return stream("anthropic_messages", map(_event, chain([began], made, ends)))


def _blocks(n: int, **block: Any) -> Callable[[], Any]:
    return _anthropic(
        event
        for i in range(1, n)
        for event in (
            {"type": "content_block_start", "index": i, "content_block": block},
            {"type": "content_block_stop", "index": i},
        )
    )


ANTHROPIC: dict[str, Callable[[int], Callable[[], Any]]] = {
    "line by bytes": lambda n: stream("anthropic_messages", pieces(b"data: " + b" " * 20 * n, 1)),
    "text": lambda n: _anthropic(repeat({"type": "text_delta", "text": LONG}, n), type="text"),
    "thinking": lambda n: _anthropic(
        repeat({"type": "thinking_delta", "thinking": LONG}, n), type="thinking"
    ),
    "arguments": lambda n: _anthropic(
        repeat({"type": "input_json_delta", "partial_json": LONG}, n), type="tool_use", id="t"
    ),
    "citations": lambda n: _anthropic(
        repeat({"type": "citations_delta", "citation": {"url": "https://a.test"}}, n), type="text"
    ),
    "compaction": lambda n: _anthropic(
        ({"type": "compaction_delta", f"field_{i}": i} for i in range(n)), type="compaction"
    ),
    "texts": lambda n: _blocks(n, type="text", text=_TEXT),
    "calls": lambda n: _blocks(n, type="tool_use", id="t", name="f", input={}),
    "thoughts": lambda n: _blocks(n, type="redacted_thinking", data="x"),
    "unknown blocks": lambda n: _blocks(n, type="new"),
    "usages": lambda n: _anthropic(
        {"type": "message_delta", "delta": {}, "usage": {f"count_{i}": 1}} for i in range(n)
    ),
    "beside": lambda n: _anthropic(
        {"type": "message_delta", "delta": {f"field_{i}": 1}} for i in range(n)
    ),
    "pings": lambda n: _anthropic(repeat({"type": "message_ping"}, n)),
}

# --- Gemini -------------------------------------------------------------------------------------


def _candidates(said: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    end = {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]}
    return [*({"candidates": [candidate]} for candidate in said), end]


def _gemini(said: Iterable[dict[str, Any]]) -> Callable[[], Any]:
    return stream("gemini", map(_event, _candidates(said)))


def _parts(said: Iterable[dict[str, Any]]) -> Callable[[], Any]:
    return _gemini({"content": {"parts": [part]}} for part in said)


def _partial(n: int, path: str, **more: Any) -> Callable[[], Any]:
    made = ({"jsonPath": path.format(i), "stringValue": LONG, **more} for i in range(n))
    calls = ({"functionCall": {"partialArgs": [piece], "willContinue": True}} for piece in made)
    begun = {"functionCall": {"name": "f", "willContinue": True}}
    return _parts(chain([begun], calls))


def _grounding(n: int, i: int) -> dict[str, Any]:
    segment = {"startIndex": i, "endIndex": i + 9, "text": f"passage {i % 9}"}
    return {
        "webSearchQueries": [f"query {i}"],
        "groundingChunks": [{"web": {"uri": f"https://a.test/{i}"}}],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [i]}],
    }


def _grounded(n: int, text: str) -> Callable[[], Any]:
    said = ({"groundingMetadata": _grounding(n, i)} for i in range(n))
    return _gemini(chain([{"content": {"parts": [{"text": text}]}}], said))


def _array(n: int, text: str, size: int) -> Callable[[], Any]:
    """Candidates as one JSON array, in pieces."""
    events = _candidates(repeat({"content": {"parts": [{"text": text}]}}, n))
    return stream("gemini", pieces(json.dumps(events).encode(), size))


GEMINI: dict[str, Callable[[int], Callable[[], Any]]] = {
    "line by bytes": lambda n: stream("gemini", pieces(b"data: " + b" " * 20 * n, 1)),
    "text": lambda n: _parts(repeat({"text": LONG}, n)),
    "signed text": lambda n: _parts(repeat({"text": _TEXT, "thoughtSignature": "s"}, n)),
    "thoughts": lambda n: _parts(repeat({"text": LONG, "thought": True}, n)),
    "calls": lambda n: _parts(repeat({"functionCall": {"name": "f", "args": {"a": 1}}}, n)),
    "sound": lambda n: _parts(repeat({"inlineData": {"mimeType": "audio/x", "data": "AAAA"}}, n)),
    "uneven sound": lambda n: _parts(
        repeat({"inlineData": {"mimeType": "audio/x", "data": "A" * 1366 + "=="}}, n)
    ),
    "sound of one event": lambda n: _gemini(
        [
            {
                "content": {
                    "parts": [{"inlineData": {"mimeType": "audio/x", "data": "AAAA" * 250}}] * n
                }
            }
        ]
    ),
    "text of one event": lambda n: _gemini([{"content": {"parts": [{"text": LONG}] * n}}]),
    "images": lambda n: _parts(repeat({"inlineData": {"mimeType": "image/x", "data": LONG}}, n)),
    "code": lambda n: _parts(repeat({"executableCode": {"code": _TEXT}}, n)),
    "pieces of an argument": lambda n: _partial(n, "$.a", willContinue=True),
    "many arguments": lambda n: _partial(n, "$.a{}"),
    "arguments in a list": lambda n: _partial(n, "$.a[{}]"),
    "grounding": lambda n: _grounded(n, "passage 3" * 9),
    "grounding of a long text": lambda n: _grounded(n, "passage 3 ü" * n),
    "grounding nowhere": lambda n: _grounded(n, "nothing here " * n),
    "candidates": lambda n: _gemini(
        {"index": i, "content": {"parts": [{"text": "a"}]}} for i in range(n)
    ),
    "candidates of one event": lambda n: stream(
        "gemini", [_event({"candidates": [{"index": i, "finishReason": "STOP"} for i in range(n)]})]
    ),
    "usages": lambda n: stream(
        "gemini",
        (_event({"candidates": [], "usageMetadata": {f"count{i}": 1}}) for i in range(n)),
    ),
    "told": lambda n: stream("gemini", (_event({f"fieldName{i}": 1}) for i in range(n))),
    "logprobs": lambda n: _gemini(
        repeat({"logprobsResult": {"chosenCandidates": [{"token": "a"}]}}, n)
    ),
    "array by bytes": lambda n: _array(n, _TEXT, 1),
    "array of long texts": lambda n: _array(n, LONG, 1024),
    "array whole": lambda n: _array(n, _TEXT, 1 << 30),
    "escapes": lambda n: stream("gemini", pieces(b'[{"a": "' + b'\\"{' * 20 * n + b'"}]', 64)),
    "brackets": lambda n: stream("gemini", pieces(b"{" * 20 * n, 64)),
    "objects": lambda n: stream("gemini", [b"{}" * n]),
    "quotes": lambda n: stream("gemini", [b'["' + b'" "' * n]),
    "stray lines": lambda n: stream("gemini", [b"data: {}\n\n", *[b'"error": {\n'] * n]),
}

# --- answers in one piece -----------------------------------------------------------------------


def _answer(wire: str, data: Any) -> Callable[[], Any]:
    body = json.dumps(data).encode()
    return lambda: answers(wire, body)


def _message(**message: Any) -> Callable[[], Any]:
    return _answer("openai_chat", {"choices": [{"message": message}]})


ANSWERS: dict[str, Callable[[int], Callable[[], Any]]] = {
    "openai choices": lambda n: _answer("openai_chat", {"choices": [{"message": {}}] * n}),
    "openai calls": lambda n: _message(tool_calls=[{"function": {"arguments": {"a": [1]}}}] * n),
    "openai parts": lambda n: _message(content=[{"type": "text", "text": LONG}] * n),
    "openai wrong types": lambda n: _message(tool_calls=[{"function": 7, "id": 5}] * n),
    "openai wrong lists": lambda n: _message(annotations=[7] * n),
    "openai depth": lambda n: _answer(
        "openai_chat", {"choices": [json.loads("[" * 90 + "]" * 90)] * n}
    ),
    "anthropic blocks": lambda n: _answer(
        "anthropic_messages", {"content": [{"type": "text", "text": LONG, "citations": [{}]}] * n}
    ),
    "anthropic calls": lambda n: _answer(
        "anthropic_messages", {"content": [{"type": "tool_use", "input": {"a": 1}}] * n}
    ),
    "gemini parts": lambda n: _answer(
        "gemini", {"candidates": [{"content": {"parts": [{"text": LONG}] * n}}]}
    ),
    "gemini calls": lambda n: _answer(
        "gemini", {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}] * n}}]}
    ),
    "gemini citations": lambda n: _answer(
        "gemini",
        {
            "candidates": [
                {
                    "content": {"parts": [{"text": "ü" * 100 * n}]},
                    "citationMetadata": {"citationSources": [{"uri": "u", "endIndex": 9}] * n},
                }
            ]
        },
    ),
}

# --- texts that patterns are tried on -----------------------------------------------------------


def _refused(data: Any, *, status: int = 400) -> Callable[[], Any]:
    body = data.encode() if isinstance(data, str) else json.dumps(data).encode()
    return lambda: [refuses(wire, body, status) for wire in WIRES]


def _said(text: str) -> Callable[[], Any]:
    error = {"type": "invalid_request_error", "message": text, "status": "INVALID_ARGUMENT"}
    return _refused({"error": error})


ERRORS: dict[str, Callable[[int], Callable[[], Any]]] = {
    name: lambda n, text=text: _said(text * 20 * n)
    for name, text in {
        "usage limits": "reached your ",
        "usage limits in words": "exceeded the a ",
        "token counts": "token count ",
        "exceeds": "exceeds the max ",
        "contents": "content management ",
        "keys": "api key ",
        "letters": "a",
        "spaces": " ",
        "key": f"{KEY} ",
        "half a key": KEY[:14],
        "bearer": "bearer ",
    }.items()
} | {
    "html": lambda n: _refused("<" * 100 * n),
    "scripts": lambda n: _refused("<script>" * 20 * n),
    "text": lambda n: _refused("no JSON " * 100 * n),
    "fields": lambda n: _refused({"error": {f"field_{i}": KEY for i in range(n)}}),
    "codes": lambda n: _refused({"error": {"code": [KEY] * n, "type": {"a": "b" * n}}}),
    "details": lambda n: _refused(
        {"error": {"status": "X", "details": [{"@type": "a.RetryInfo", "retryDelay": "9" * 99}] * n}}
    ),
    "delay": lambda n: _refused(
        {"error": {"status": "X", "details": [{"@type": "a.RetryInfo", "retryDelay": "9" * 20 * n}]}}
    ),
}  # fmt: skip


def _header(value: str) -> Callable[[], Any]:
    return lambda: retry_after({"retry-after": value, "x-ratelimit-reset": value}, 1.7e9)


def _headers(given: dict[str, str]) -> Callable[[], Any]:
    return lambda: (retry_after(given, 1.7e9), rate_limits(given))


def _parsed(text: str, wanted: Any = dict) -> Callable[[], Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    completion = ChatCompletion.model_validate({"choices": [choice]})

    def read() -> None:
        with contextlib.suppress(LLMKitError):
            parse_answer(completion, wanted)

    return read


def _model(text: str) -> Callable[[], Any]:
    def read() -> None:
        for find in (
            lambda: resolve(text, None),
            lambda: resolve("m", text),
            lambda: missing_keys(text, {}),
        ):
            with contextlib.suppress(LLMKitError):
                find()

    return read


def _image(url: str) -> Callable[[], Any]:
    said = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    return lambda: [_written(wire, said) for wire in WIRES]


def _inflating(given: Iterable[bytes]) -> Callable[[], Any]:
    made = list(given)

    def read() -> None:
        inflate = Inflate()
        # On a fast machine the zeros become enough to be taken for a bomb.
        with contextlib.suppress(LLMKitError):
            for piece in made:
                for _ in inflate.pieces(piece):
                    continue

    return read


def _json(text: str) -> Callable[[], Any]:
    def read() -> None:
        with contextlib.suppress(ValueError):
            load(text)

    return read


TEXTS: dict[str, Callable[[int], Callable[[], Any]]] = {
    **{
        f"header {name}": lambda n, text=text: _header(text * 20 * n + "x")
        for name, text in {"digits": "1", "points": "1.", "hours": "1h", "spaces": " ", "commas": ","}.items()
    },
    "headers": lambda n: _headers({f"x-ratelimit-reset-{i}": "1h" for i in range(n)}),
    **{
        f"redact {name}": lambda n, text=text: lambda text=text * 100 * n: redact(text, [Secret(KEY)])
        for name, text in {
            "sk": "sk-", "keys": KEY, "starts": KEY[:15], "bearer": "bearer ", "spaces": "bearer" + " " * 30,
            "letters": "a", "dashes": "sk-a b", "bearers": "bearer\n",
        }.items()
    },
    **{
        f"answer {name}": lambda n, text=text: _parsed(f"```{text * 100 * n}")
        for name, text in {"spaces": " ", "lines": "\n", "fences": "``` ", "words": "json ", "braces": "{"}.items()
    },
    "answer of wrong items": lambda n: _parsed(json.dumps({f"k{i}": "x" for i in range(n)}), dict[str, int]),
    **{
        f"model {name}": lambda n, text=text: _model(text * 20 * n)
        for name, text in {"letters": "a", "slashes": "a/", "colons": "a:", "dots": "openai.", "dashes": "gpt-"}.items()
    },
    **{
        f"media {name}": lambda n, text=text: _image(f"data:{text * 20 * n}")
        for name, text in {
            "types": "image/png;", "semicolons": ";", "commas": ",", "base64": ";base64", "data": "data:",
            "percents": "image/png,%41", "slashes": "//",
        }.items()
    },
    "media bytes": lambda n: _image(f"data:image/png;base64,{'A' * 1000 * n}"),
    "inflate by bytes": lambda n: _inflating(pieces(gzip.compress(json.dumps([*range(n)]).encode()), 1)),
    "inflate after the end": lambda n: _inflating([gzip.compress(b"x"), *[b"y" * 1000] * n]),
    "inflate zeros": lambda n: _inflating(pieces(gzip.compress(bytes(10_000 * n)), 1024)),
    "json halves": lambda n: _json('"' + "\\ud800" * 20 * n + '"'),
    "json backslashes": lambda n: _json('"\\ud' + "\\" * 20 * n),
    "json depth": lambda n: _json("[" * 100 * n),
    "json digits": lambda n: _json("9" * 100 * n),
    "json names": lambda n: _json(json.dumps({f"name {i}": i for i in range(n)})),
}  # fmt: skip

CASES = {
    f"{group}: {name}": case
    for group, cases in {
        "sse": SSE,
        "openai": OPENAI,
        "anthropic": ANTHROPIC,
        "gemini": GEMINI,
        "answer": ANSWERS,
        "error": ERRORS,
        "text": TEXTS,
    }.items()
    for name, case in cases.items()
}
