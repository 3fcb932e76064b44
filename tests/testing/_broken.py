"""Adapters that are broken on purpose, each in one way: what the conformance suite must see."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from llmkit import errors
from llmkit._http import HTTPRequest, HTTPResponse
from llmkit.providers import HeaderKey, Identity, Provider, openai_compatible
from llmkit.wires.openai_chat import OpenAIChat

HEALTHY = openai_compatible(
    "acme",
    "https://api.acme.example/v1",
    "ACME_API_KEY",
    "ACME_TOKEN",
    docs="https://acme.example/docs",
    read="2026-11-22",
)

# Set when the threads of an adapter that leaves them may end.
STOP = threading.Event()
Change = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Wire:
    """OpenAI's wire, with what a broken one does in place of its methods."""

    builds: Callable[[Any, HTTPRequest], HTTPRequest] = lambda call, made: made
    parses: Callable[[Any, HTTPResponse, Any], Any] = lambda call, response, parse: parse()
    decodes: Callable[[Any, Any], Any] = lambda call, decoder: decoder
    fails: Callable[[Any, errors.APIError], errors.APIError] = lambda call, error: error

    def build(self, call: Any, to: Any) -> HTTPRequest:
        """Write, and break it."""
        return self.builds(call, OpenAIChat().build(call, to))

    def parse(self, call: Any, response: HTTPResponse) -> Any:
        """Read, broken."""
        return self.parses(call, response, lambda: OpenAIChat().parse(call, response))

    def decoder(self, call: Any) -> Any:
        """Decode, broken."""
        return self.decodes(call, OpenAIChat().decoder(call))

    def reads_url(self, url: str) -> bool:
        """As OpenAI's."""
        return True

    def error(self, call: Any, response: HTTPResponse) -> errors.APIError:
        """Read an error, broken."""
        return self.fails(call, OpenAIChat().error(call, response))


def provider(**fields: Any) -> Provider:
    """The healthy one, but for these."""
    return replace(HEALTHY, **fields)


def built(change: Change) -> Provider:
    """One whose bodies are changed."""

    def builds(call: Any, made: HTTPRequest) -> HTTPRequest:
        body = json.loads(made.body)
        changed = change(body)
        return replace(made, body=json.dumps(body if changed is None else changed).encode())

    return provider(chat=Wire(builds=builds))


def parsed(change: Callable[[Any], None]) -> Provider:
    """One whose answers are changed."""

    def parses(call: Any, response: HTTPResponse, parse: Any) -> Any:
        answer = parse()
        change(answer)
        return answer

    return provider(chat=Wire(parses=parses))


def failing(**attributes: Any) -> Provider:
    """One whose errors have other attributes."""

    def fails(call: Any, error: errors.APIError) -> errors.APIError:
        for name, value in attributes.items():
            setattr(error, name, value)
        return error

    return provider(chat=Wire(fails=fails))


class Decoder:
    """A decoder around the real one, to be broken."""

    def __init__(self, call: Any, inner: Any) -> None:
        self.call, self.inner = call, inner

    @property
    def done(self) -> bool:
        """As the real one."""
        return bool(self.inner.done)

    def feed(self, data: bytes) -> Iterator[Any]:
        """As the real one."""
        yield from self.inner.feed(data)

    def finish(self) -> Iterator[Any]:
        """As the real one."""
        yield from self.inner.finish()


def decoding(kind: Callable[[Any, Any], Any]) -> Provider:
    """One with this decoder."""
    return provider(chat=Wire(decodes=kind))


class CutsLines(Decoder):
    """Takes every piece for a line of its own."""

    def feed(self, data: bytes) -> Iterator[Any]:
        """Lose what is not a whole event."""
        yield from self.inner.feed(data if data.endswith(b"\n\n") else b"")


class Shared(Decoder):
    """Every decoder of the process is one."""

    one: Any = None
    used = 0

    def __init__(self, call: Any, inner: Any) -> None:
        # From the second one on, which is where two are used at once.
        super().__init__(call, inner)
        Shared.one = self.inner = Shared.one or inner


class NeverDone(Decoder):
    """Has no end."""

    done = False  # type: ignore[assignment]


class AlwaysComplete(Decoder):
    """Takes every end for the end."""

    def finish(self) -> Iterator[Any]:
        """Nothing is ever missing."""
        yield from ()


class Changing(Decoder):
    """Changes each chunk."""

    def change(self, chunk: Any) -> None:
        """How."""

    def feed(self, data: bytes) -> Iterator[Any]:
        """Change each."""
        for chunk in self.inner.feed(data):
            self.change(chunk)
            yield chunk


class NoUsage(Changing):
    """Forgets the usage of streams."""

    def change(self, chunk: Any) -> None:
        """Forget it."""
        chunk.usage = None


class OtherUsage(Changing):
    """Counts streams otherwise."""

    def change(self, chunk: Any) -> None:
        """One more."""
        if chunk.usage is not None:
            chunk.usage.prompt_tokens += 1


class NoTools(Changing):
    """Loses the arguments of streamed tool calls."""

    def change(self, chunk: Any) -> None:
        """Lose them."""
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or ():
                call.function.arguments = ""


class Deaf(Decoder):
    """Passes over errors."""

    def feed(self, data: bytes) -> Iterator[Any]:
        """Swallow what is raised."""
        try:
            yield from self.inner.feed(data)
        except errors.APIError:
            return

    def finish(self) -> Iterator[Any]:
        """Swallow it here as well."""
        try:
            yield from self.inner.finish()
        except errors.APIError:
            return


class Fragile(Decoder):
    """Takes JSON for granted."""

    def feed(self, data: bytes) -> Iterator[Any]:
        """Raise what the parser raises."""
        if data.startswith(b"data: {\n"):
            json.loads(data[6:])
        yield from self.inner.feed(data)


def once(*names: str) -> Change:
    """Drop these fields of the body."""
    return lambda body: [body.pop(name, None) for name in names] and None


def muddle(body: dict[str, Any]) -> None:
    """Two messages change places."""
    messages = body["messages"]
    if len(messages) == 4 and messages[3]["role"] == "user":
        messages[1], messages[3] = messages[3], messages[1]


def without_system(body: dict[str, Any]) -> None:
    """System messages are lost."""
    body["messages"] = [m for m in body["messages"] if m["role"] != "system"]


def stripped(body: dict[str, Any]) -> None:
    """Texts lose what is not ASCII."""
    for message in body["messages"]:
        if isinstance(message["content"], str):
            message["content"] = message["content"].encode("ascii", "ignore").decode()


def without_pictures(body: dict[str, Any]) -> None:
    """Only text is sent."""
    for message in body["messages"]:
        if isinstance(message["content"], list):
            message["content"] = [p for p in message["content"] if p["type"] == "text"]


def without_results(body: dict[str, Any]) -> None:
    """Tool results are lost."""
    body["messages"] = [m for m in body["messages"] if m["role"] != "tool"]


def turned_results(body: dict[str, Any]) -> None:
    """Tool results change places."""
    body["messages"] = [m for m in body["messages"] if m["role"] != "tool"] + [
        m for m in reversed(body["messages"]) if m["role"] == "tool"
    ]


def constant(name: str, value: Any) -> Change:
    """A field that is the same whatever was given."""

    def change(body: dict[str, Any]) -> None:
        if name in body:
            body[name] = value

    return change


def strict_about(
    name: str, message: str, kind: type[errors.APIError] = errors.UnsupportedParamsError
) -> Provider:
    """Refuses a parameter without naming it, or drops it without listing it."""

    def builds(call: Any, made: HTTPRequest) -> HTTPRequest:
        if name in call.params and not call.drop_params:
            raise kind(message)
        body = json.loads(made.body)
        body.pop(name, None)
        return replace(made, body=json.dumps(body).encode())

    return provider(chat=Wire(builds=builds))


def mutating() -> Provider:
    """Changes what the caller gave."""

    def builds(call: Any, made: HTTPRequest) -> HTTPRequest:
        if call.messages[0]["role"] == "user":
            call.messages[0]["content"] += "!"
            call.messages[0]["content"] = call.messages[0]["content"].rstrip("!") + "!"
        return made

    return provider(chat=Wire(builds=builds))


def counting() -> Provider:
    """Writes a different request each time."""
    numbers = iter(range(10**9))
    return built(lambda body: body.update(number=next(numbers)))


def moved(url: str) -> Provider:
    """Sends somewhere else."""
    return provider(chat=Wire(builds=lambda call, made: replace(made, url=url)))


def deaf_to_streams() -> Provider:
    """Asks for a whole answer where a stream is wanted."""
    return built(once("stream", "stream_options"))


@dataclass(frozen=True, slots=True)
class Leaky:
    """An auth that puts the key where it should not be."""

    place: str

    def authorize(self, request: HTTPRequest, identity: Identity) -> Any:
        """Sign, badly."""
        yield from ()
        secret = identity.secret
        if secret is None:
            return request
        key = secret.reveal()
        if self.place == "url":
            return replace(request, url=f"{request.url}?key={key}")
        if self.place == "body":
            return replace(request, body=json.dumps({"key": key}).encode())
        return request.with_headers({"authorization": f"Bearer {key}", "x-also": key})


@dataclass(frozen=True, slots=True)
class Misplaced(HeaderKey):
    """Declares one header and uses another."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Any:
        """Sign elsewhere."""
        yield from ()
        secret = identity.secret
        return request.with_headers({"x-other": secret.reveal()}) if secret else request


def readdressing() -> Provider:
    """Changes the address where it should only show a key."""

    @dataclass(frozen=True, slots=True)
    class Moving(HeaderKey):
        def authorize(self, request: HTTPRequest, identity: Identity) -> Any:
            yield from ()
            secret = identity.secret
            if not secret:
                return request
            signed = request.with_headers({"authorization": "Bearer " + secret.reveal()})
            return replace(signed, url=f"{request.url}?signed=1")

    return provider(auth=Moving("authorization", "Bearer "))


def talkative() -> Provider:
    """Logs what it is told."""

    def fails(call: Any, error: errors.APIError) -> errors.APIError:
        logging.getLogger("acme").warning("failed: %s", error.message)
        return error

    return provider(chat=Wire(fails=fails))


def littering() -> Provider:
    """Keeps what it needs in the environment."""

    def builds(call: Any, made: HTTPRequest) -> HTTPRequest:
        os.environ["ACME_LAST_MODEL"] = call.model
        return made

    return provider(chat=Wire(builds=builds))


def threading_along() -> Provider:
    """Starts a thread that does not end by itself."""

    def builds(call: Any, made: HTTPRequest) -> HTTPRequest:
        threading.Thread(target=lambda: STOP.wait(30), daemon=True).start()
        return made

    return provider(chat=Wire(builds=builds))


def believing() -> Provider:
    """Takes whatever comes with a 200 for an answer."""

    def parses(call: Any, response: HTTPResponse, parse: Any) -> Any:
        try:
            return parse()
        except errors.APIError:
            from llmkit import ChatCompletion

            return ChatCompletion(id="x")

    return provider(chat=Wire(parses=parses))


def unreadable() -> Provider:
    """Raises what its parser raises."""

    def parses(call: Any, response: HTTPResponse, parse: Any) -> Any:
        json.loads(response.body)
        return parse()

    return provider(chat=Wire(parses=parses))


def waiting() -> Provider:
    """Says a wait of its own."""
    return failing(retry_after=99.0)


def at_odd_path(call: Any, made: HTTPRequest) -> HTTPRequest:
    """At a path that no simulated server has."""
    return replace(made, url="https://api.acme.example/v1/ask")


def _bytes(value: Any) -> bytes:
    return json.dumps({"id": "1", "model": "acme-large", **value}).encode()


_USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
_CALL = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
_CALLS = [{"index": 0, "id": "c", "type": "function", "function": _CALL}]


def _whole(message: dict[str, Any], end: str) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": end}
    return _bytes({"choices": [choice], "usage": _USAGE})


def _stream(delta: dict[str, Any], end: str) -> bytes:
    first = {"choices": [{"index": 0, "delta": delta}]}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": end}], "usage": _USAGE}
    return b"data: %b\n\ndata: %b\n\ndata: [DONE]\n\n" % (_bytes(first), _bytes(last))


BODY = _whole({"role": "assistant", "content": "Hi"}, "stop")
STREAM = _stream({"role": "assistant", "content": "Hi"}, "stop")
TOOL_BODY = _whole({"role": "assistant", "content": None, "tool_calls": _CALLS}, "tool_calls")
TOOL_STREAM = _stream({"role": "assistant", "tool_calls": _CALLS}, "tool_calls")
