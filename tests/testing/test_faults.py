"""Each fault as it goes over the wire, seen through a socket; nothing here knows how it is made."""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from typing_extensions import override

from llmkit._eventstream import BadFrame, Frames, encoded
from llmkit._ndjson import LineDecoder
from llmkit._ratelimit import retry_after
from llmkit._sse import SSEDecoder
from llmkit.testing import Simulator, faults
from llmkit.testing.faults._framing import framing_of

from ._raw import HELLO, Raw, answered, chunks, connected, request

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def sdk(sim: Simulator) -> Iterator[Any]:
    """The official SDK (untyped), without retries."""
    with openai.OpenAI(base_url=sim.base_url, api_key="k", max_retries=0, timeout=5) as made:
        yield made


def ask(sdk: Any, *, stream: bool = False) -> str:
    """The text of one answer through the SDK."""
    got = sdk.chat.completions.create(model="offline", messages=HELLO, stream=stream)
    if not stream:
        return str(got.choices[0].message.content)
    return "".join(chunk.choices[0].delta.content or "" for chunk in got)


def events(raw: Raw) -> list[bytes]:
    """The events of a stream, undecoded."""
    return [event for event in raw.body.split(b"\n\n") if event]


# --- in which order ---------------------------------------------------------------------------


def test_requests_meet_faults_in_turn(sim: Simulator) -> None:
    """First what was given, `None` as no fault, then the standing one, until it is healed."""
    sim.fail(faults.Status(503), None)
    sim.fail(faults.Status(429))
    sim.fail_always(faults.Status(529))
    assert [answered(sim).status for _ in range(5)] == [503, 200, 429, 529, 529]
    sim.fail(faults.Status(500))
    sim.heal()
    assert [answered(sim).status for _ in range(2)] == [200, 200]


def test_requests_at_once_meet_each_fault_once(sim: Simulator) -> None:
    """However many threads serve them, no fault is met twice and none is lost."""
    sim.fail(*[faults.Status(status) for status in range(500, 530)])
    met: list[int] = []
    threads = [threading.Thread(target=lambda: met.append(answered(sim).status)) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(met) == [200, 200, *range(500, 530)]


def test_faults_can_be_given_before_the_start() -> None:
    """They wait for the first request, and outlive a restart."""
    sim = Simulator()
    sim.fail(faults.Status(503), faults.Status(504))
    with sim:
        assert answered(sim).status == 503
    with sim:
        assert answered(sim).status == 504


def test_what_is_no_request_meets_no_fault(sim: Simulator) -> None:
    """A request that cannot be read is refused as ever, and the fault is still there for the next."""
    sim.fail(faults.Status(503))
    with connected(sim) as raw:
        raw.sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: many\r\n\r\n")
        assert raw.read().status == 400
    assert answered(sim).status == 503


@pytest.mark.parametrize("name", faults.ALL)
def test_every_fault_is_a_value(name: str) -> None:
    """Equal by its fields, unchangeable, with a repr that makes it again."""
    fault = faults.ALL[name]
    assert eval(repr(fault), vars(faults)) == fault  # noqa: S307 - our own repr
    assert len({id(fault), *map(id, faults.ALL.values())}) == len(faults.ALL)
    with pytest.raises((AttributeError, TypeError)):
        fault.at = 3  # type: ignore[attr-defined]


def test_all_has_every_kind() -> None:
    """No kind of fault is missing from the collection that matrices are made of."""
    kinds = {getattr(faults, name) for name in faults.__all__ if name not in ("ALL", "Fault")}
    assert {type(fault) for fault in faults.ALL.values()} == kinds


WRONG: list[Callable[[], faults.Fault]] = [
    lambda: faults.Cut(at=-1),
    lambda: faults.Stall(at=-1),
    lambda: faults.Split(size=0),
    lambda: faults.Malformed(after=-1),
    lambda: faults.Malformed(how="xml"),  # type: ignore[arg-type]
    lambda: faults.ErrorInside(status=200),
    lambda: faults.ErrorInside(after=-1),
    lambda: faults.Status(200),
    lambda: faults.Status(600),
    lambda: faults.RateLimited(seconds=-1),
    lambda: faults.RateLimited(style="later"),  # type: ignore[arg-type]
    lambda: faults.SlowStart(-1),
    lambda: faults.DripHead(0),
    lambda: faults.DripBody(0),
    lambda: faults.Reset("sometimes"),  # type: ignore[arg-type]
    lambda: faults.Garbage("tail"),  # type: ignore[arg-type]
    lambda: faults.HTMLPage(100),
    lambda: faults.Length(0),
    lambda: faults.Endless(pause=-1),
    lambda: faults.Bomb(-1),
    lambda: faults.BreakTLS("politely"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("make", WRONG)
def test_what_makes_no_sense_is_refused(make: Callable[[], faults.Fault]) -> None:
    """A value out of range is an error where it is written, not in the server's thread."""
    with pytest.raises(ValueError, match="must"):
        make()


# --- on the way -------------------------------------------------------------------------------


@each_form
@pytest.mark.parametrize("at", [0, 1, 2, 50, 120, 121, 300, 10**6])
def test_cut(sim: Simulator, at: int, *, stream: bool) -> None:
    """The head is as usual; so many bytes follow it, then the end."""
    good = answered(sim, stream=stream, keep=False)
    sim.fail(faults.Cut(at=at))
    cut = answered(sim, stream=stream)
    assert cut.behind == good.behind[:at]
    assert cut.headers.keys() == good.headers.keys()
    assert (cut.status, cut.end) == (200, "closed")


@each_form
@pytest.mark.parametrize("at", [0, 120])
def test_stall(sim: Simulator, at: int, *, stream: bool) -> None:
    """After so many bytes there is silence, and the simulator sees the client go."""
    good = answered(sim, stream=stream)
    sim.fail(faults.Stall(at=at))
    with connected(sim) as raw:
        raw.ask(stream=stream).read(most=len(good.data) - len(good.behind) + at)
        assert raw.read(0.05).end == "silent"
        assert raw.behind == good.behind[:at]
        assert sim.connections_open == 1
    sim.wait_closed(1)


@each_form
def test_a_client_that_sends_on_during_a_stall_is_not_gone(sim: Simulator, *, stream: bool) -> None:
    """Bytes from the client do not end the silence; its end behind them does."""
    sim.fail(faults.Stall(at=0))
    with connected(sim) as raw:
        raw.ask(stream=stream, keep=True).ask(keep=True).read(most=100)
        assert raw.read(0.05).end == "silent"
    sim.wait_closed(1)
    assert len(sim.requests) == 1


def test_what_is_sent_during_a_wait_is_read_afterwards(sim: Simulator) -> None:
    """A request that comes while another is being waited for is not lost."""
    sim.fail(faults.SlowStart(0.1))
    with connected(sim) as raw:
        raw.ask(keep=True)
        time.sleep(0.03)
        raw.ask().read()
    assert raw.data.count(b"HTTP/1.1 200") == 2
    assert len(sim.requests) == 2


@each_form
@pytest.mark.parametrize("size", [1, 3, 50, 10**6])
def test_split(sim: Simulator, size: int, *, stream: bool) -> None:
    """The same body; a stream's chunks have that size, and no longer one event each."""
    good = answered(sim, stream=stream)
    sim.fail(faults.Split(size=size))
    split = answered(sim, stream=stream)
    assert split.body == good.body
    if stream:
        sizes = [len(chunk) for chunk in chunks(split.behind)][:-1]
        assert set(sizes[:-1]) <= {size}
        assert sizes[-1] <= size


@each_form
def test_split_pieces_are_sent_one_by_one(sim: Simulator, *, stream: bool) -> None:
    """No step of the plan sends more than that, so that a chunk's size is cut, too."""
    from llmkit.testing._sending import Turn
    from llmkit.testing._wires import Reply, wire_for

    reply = Reply(200, frames=(b"data: 1\n\n", b"data: 2\n\n")) if stream else Reply(200, b"x" * 7)
    steps = list(faults.Split(size=2).steps(Turn(reply, wire_for("", {}), 1, 0.0)))
    assert all(isinstance(step, bytes) and len(step) <= 2 for step in steps[1:])
    assert b"".join(map(bytes, steps[1:]))[-5:] == (b"0\r\n\r\n" if stream else b"xxxxx")  # type: ignore[arg-type]


@each_form
def test_slow_start(sim: Simulator, *, stream: bool) -> None:
    """Not one byte before its time, then the answer as usual."""
    good = answered(sim, stream=stream)
    sim.fail(faults.SlowStart(0.15))
    begun = time.monotonic()
    with connected(sim) as raw:
        raw.ask(stream=stream).read(most=1)
        assert time.monotonic() - begun >= 0.15
        assert raw.read().body == good.body


@each_form
def test_drip_head(sim: Simulator, *, stream: bool) -> None:
    """The head needs as many waits as it has bytes; the body none."""
    good = answered(sim, stream=stream)
    sim.fail(faults.DripHead(per_second=2000))
    begun = time.monotonic()
    slow = answered(sim, stream=stream)
    assert time.monotonic() - begun >= len(slow.head) / 2000
    assert slow.body == good.body


@each_form
def test_drip_body(sim: Simulator, *, stream: bool) -> None:
    """The head comes at once, then byte by byte."""
    good = answered(sim, stream=stream, max_tokens=1)
    sim.fail(faults.DripBody(per_second=20), faults.DripBody(per_second=100_000))
    head = len(good.data) - len(good.behind)
    with connected(sim) as raw:
        raw.ask(stream=stream, max_tokens=1).read(most=head)
        begun = time.monotonic()
        raw.read(most=head + 3)
        assert time.monotonic() - begun >= 0.09
        assert good.behind.startswith(raw.behind)
    sim.wait_closed(1)
    assert answered(sim, stream=stream, max_tokens=1).body == good.body


@each_form
@pytest.mark.parametrize(("when", "part"), [("before", 0), ("during", 0.5), ("after", 1)])
def test_reset(sim: Simulator, when: Any, part: float, *, stream: bool) -> None:
    """The connection is torn down where it was said, and the bytes before it arrive."""
    good = answered(sim, stream=stream)
    sim.fail(faults.Reset(when))
    raw = answered(sim, stream=stream)
    assert raw.end == "reset"
    assert raw.behind == good.behind[: int(len(good.behind) * part)]
    assert bool(raw.head) == (when != "before")
    sim.wait_closed(1)


@each_form
def test_a_length_that_is_too_long(sim: Simulator, *, stream: bool) -> None:
    """More is announced than comes before the end."""
    good = answered(sim, stream=stream)
    sim.fail(faults.Length(5))
    raw = answered(sim, stream=stream, keep=True)
    assert raw.behind == good.body
    assert int(raw.headers["content-length"]) == len(raw.behind) + 5
    assert "transfer-encoding" not in raw.headers
    assert raw.end == "closed"


@each_form
@pytest.mark.parametrize("off", [-5, -(10**6)])
def test_a_length_that_is_too_short(sim: Simulator, off: int, *, stream: bool) -> None:
    """More comes than was announced, and the connection serves the next request."""
    good = answered(sim, stream=stream)
    sim.fail(faults.Length(off))
    with connected(sim) as raw:
        raw.ask(stream=stream, keep=True).ask().read()
    assert int(raw.headers["content-length"]) == max(0, len(good.body) + off)
    first, _, second = raw.behind.partition(b"HTTP/1.1 ")
    assert first == good.body
    assert second.startswith(b"200 OK")


@each_form
def test_unasked(sim: Simulator, *, stream: bool) -> None:
    """Behind the right answer stands another one, or what one gives it; the connection is kept."""
    good = answered(sim, stream=stream)
    sim.fail(faults.Unasked(), faults.Unasked(b"more"), faults.Unasked())
    with connected(sim) as raw:
        raw.ask(stream=stream, keep=True).ask(stream=stream, keep=True).ask(stream=stream).read()
    first, second, third, fourth, fifth = raw.data.split(b"HTTP/1.1 ")[1:]
    assert first.endswith(good.behind)
    assert second.startswith(b"500 ")
    assert third.endswith(good.behind + b"more")
    assert fourth.endswith(good.behind)
    assert fifth.startswith(b"500 ")


@each_form
def test_close_early(sim: Simulator, *, stream: bool) -> None:
    """The answer says nothing of an end, and the end comes."""
    good = answered(sim, stream=stream)
    sim.fail(faults.CloseEarly())
    raw = answered(sim, stream=stream, keep=True)
    assert raw.behind == good.behind
    assert "connection" not in raw.headers
    assert raw.end == "closed"


# --- in what is said --------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 3])
def test_malformed_events(sim: Simulator, after: int) -> None:
    """So many good events, and none behind them that is JSON."""
    good = events(answered(sim, stream=True))
    sim.fail(faults.Malformed(after=after))
    bad = events(answered(sim, stream=True))
    assert bad[:after] == good[:after]
    assert len(bad) == len(good)
    for event in bad[after:]:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra"):
            json.loads(event.removeprefix(b"data: "))


def test_malformed_sse(sim: Simulator) -> None:
    """So many good events, then a line that never ends."""
    good = events(answered(sim, stream=True))
    sim.fail(faults.Malformed(after=2, how="sse"))
    bad = answered(sim, stream=True)
    assert events(bad)[:2] == good[:2]
    assert bad.body.endswith(b"".join(good[2:]))


def test_a_stream_is_malformed_however_short_it_is(sim: Simulator) -> None:
    """With more good events asked for than there are, the last one is broken."""
    good = events(answered(sim, stream=True))
    sim.fail(faults.Malformed(after=10**6))
    bad = events(answered(sim, stream=True))
    assert bad[:-1] == good[:-1]
    assert bad[-1] != good[-1]


@pytest.mark.parametrize("how", ["json", "sse"])
def test_malformed_body(sim: Simulator, how: Any) -> None:
    """A plain answer is half a JSON, of the right length."""
    sim.fail(faults.Malformed(how=how))
    raw = answered(sim)
    assert int(raw.headers["content-length"]) == len(raw.behind)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(raw.body)


def test_broken_frames_keep_their_names() -> None:
    """An event's name stands before its data and is left; a frame without data is halved."""
    halve = framing_of([b"event: x"]).halve
    assert halve(b'event: delta\ndata: {"a": 1}\n\n') == b'event: delta\ndata: {"a"\n\n'
    assert halve(b'[{"a": 1}') == b'[{"a\n\n'


def test_other_streams_are_broken_in_their_own_way() -> None:
    """A line has half of its JSON, or no end; a frame has half of its payload under right checksums, or none."""
    line, frame = b'{"a": 1}\n', encoded({":event-type": "x"}, b'{"a": 1}')
    assert framing_of([line]).halve(line) == b'{"a"\n'
    assert framing_of([line]).run_on(line) == b'{"a": 1}'
    (half,) = Frames().feed(framing_of([frame]).halve(frame))
    assert (half.text(":event-type"), half.payload) == ("x", b'{"a"')
    with pytest.raises(BadFrame):
        [*Frames().feed(framing_of([frame]).run_on(frame) + frame)]


@pytest.mark.parametrize("size", [0, 70, 1000, 64 * 1024, 300_000])
def test_padding_means_nothing(size: int) -> None:
    """It is as long as it was to be, and each kind of stream reads over it."""
    line, frame = b"{}\n", encoded({":event-type": "x"}, b"{}")
    assert [*SSEDecoder().feed(framing_of([b"data: 1\n\n"]).pad(size) + b"data: 1\n\n")]
    assert [*LineDecoder().feed(framing_of([line]).pad(size) + line)] == [b"{}"]
    *idle, last = Frames().feed(framing_of([frame]).pad(size) + frame)
    assert last.text(":event-type") == "x"
    assert {one.text(":event-type") for one in idle} <= {"padding"}
    assert all(json.loads(one.payload) == {} for one in idle)
    assert json.loads(framing_of([]).pad(size) + b"{}") == {}
    for first in (b"data: 1\n\n", line, frame):
        assert len(framing_of([first]).pad(size)) == size


def test_what_never_ends_has_begun() -> None:
    """A line, or a frame of the greatest size, that only needs more bytes."""
    frame = encoded({":event-type": "x"}, b"{}")
    frames, lines = Frames(), LineDecoder()
    assert not [*frames.feed(framing_of([frame]).opening + b"x" * 1_000_000)]
    assert len(frames.pending) > 1_000_000
    assert not [*lines.feed(framing_of([b"{}"]).opening + b"x" * 1_000_000)]


def test_an_error_inside_a_body(sim: Simulator) -> None:
    """The status is 200, the body is the error's."""
    sim.fail(faults.ErrorInside(status=429, message="not today"))
    raw = answered(sim)
    error = json.loads(raw.body)["error"]
    assert (raw.status, error["message"], error["code"]) == (
        200,
        "not today",
        "rate_limit_exceeded",
    )


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_inside_a_stream(sim: Simulator, sdk: Any, after: int) -> None:
    """So many good events, the error, and a proper end without more; the SDK raises it."""
    good = events(answered(sim, stream=True))
    sim.fail(*[faults.ErrorInside(after=after, message="not today")] * 2)
    raw = answered(sim, stream=True)
    assert events(raw)[:-1] == good[:after]
    assert b"not today" in events(raw)[-1]
    assert raw.behind.endswith(b"0\r\n\r\n")
    with pytest.raises(openai.APIError, match="not today"):
        ask(sdk, stream=True)


@each_form
@pytest.mark.parametrize("status", [301, 400, 408, 500, 502, 503, 529, 599])
def test_status(sim: Simulator, status: int, *, stream: bool) -> None:
    """Any status, with the provider's body and whatever headers were given."""
    sim.fail(faults.Status(status, "no", {"X-Should-Retry": "false", "content-type": "a/b"}))
    raw = answered(sim, stream=stream)
    assert raw.status == status
    assert json.loads(raw.body)["error"]["message"] == "no"
    assert raw.headers["x-should-retry"] == "false"
    assert raw.headers["content-type"] == "a/b"
    assert raw.head.count(b"content-type") == 1


STYLES = {
    "retry-after": {"retry-after": r"90\.5"},
    "retry-after-date": {"retry-after": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"},
    "retry-after-ms": {"retry-after-ms": "90500"},
    "x-ratelimit-reset": {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-requests": r"1m30\.5s",
        "x-ratelimit-reset-tokens": r"1m30\.5s",
    },
    "anthropic-ratelimit-reset": {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "anthropic-ratelimit-output-tokens-reset": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    },
    "epoch": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": r"\d{10}"},
    "epoch-ms": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": r"\d{13}"},
    "body": {},
    "none": {},
}


@each_form
@pytest.mark.parametrize("style", STYLES)
def test_rate_limited(sim: Simulator, style: Any, *, stream: bool) -> None:
    """Each style has its headers and no other's, and llmkit reads the same time out of all of them."""
    sim.fail(faults.RateLimited(90.5, style))
    raw = answered(sim, stream=stream)
    told = {k: v for k, v in raw.headers.items() if "retry" in k or "ratelimit" in k}
    for name, pattern in STYLES[style].items():
        assert re.fullmatch(pattern, told[name])
    assert raw.status == 429
    assert json.loads(raw.body)["error"]["code"] == "rate_limit_exceeded"
    if STYLES[style]:
        read = retry_after(told, parsedate_to_datetime(raw.headers["date"]).timestamp())
        assert read is not None
        assert 90.5 <= read < 92.6
    else:
        assert told == {}
    assert ('"retryDelay": "90.5s"' in raw.body.decode()) == (style == "body")


def test_a_wires_own_habit_is_another_style() -> None:
    """Where a wire says by itself when to come back, only the style that was asked for is left."""
    from llmkit.testing._sending import Turn
    from llmkit.testing._wires import Reply
    from llmkit.testing._wires.openai_chat import OpenAIChat

    class Talkative(OpenAIChat):
        @override
        def failure(self, status: int, message: str) -> Reply:
            told = {"Retry-After": "9", "X-RateLimit-Reset": "9", "X-Kept": "yes"}
            return Reply(status, b"{}", headers=told)

    turn = Turn(Reply(200), Talkative(), 1, 0.0)
    for style, left in (("none", {}), ("retry-after-ms", {"retry-after-ms": "2000"})):
        reply = faults.RateLimited(2, style).reply(turn)  # type: ignore[arg-type]
        assert reply.headers == {"X-Kept": "yes", **left}


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (0.12, "120ms"), (1, "1s"), (1.5, "1.5s"), (360, "6m0s"), (3661, "1h1m1s")],
)
def test_durations(sim: Simulator, seconds: float, written: str) -> None:
    """OpenAI's form of a duration."""
    sim.fail(faults.RateLimited(seconds, "x-ratelimit-reset"))
    assert answered(sim).headers["x-ratelimit-reset-tokens"] == written


def test_retry_information_needs_an_error_to_stand_in() -> None:
    """A body that is not an object with an error stays as it is."""
    from llmkit.testing.faults._answers import _with_retry_info

    for body in (b"[]", b'{"error": "no"}', b"{}"):
        assert _with_retry_info(body, 1) == body
    told = json.loads(_with_retry_info(b'{"error": {"details": [1]}}', 1))["error"]["details"]
    assert told[0] == 1
    assert told[1]["retryDelay"] == "1s"


@each_form
def test_content_type(sim: Simulator, *, stream: bool) -> None:
    """The right body is said to be something else: the other form, or what one gives."""
    good = answered(sim, stream=stream)
    sim.fail(faults.ContentType(), faults.ContentType("text/html"))
    swapped, html = answered(sim, stream=stream), answered(sim, stream=stream)
    assert swapped.body == html.body == good.body
    other = "application/json" if stream else "text/event-stream; charset=utf-8"
    assert swapped.headers["content-type"] == other != good.headers["content-type"]
    assert html.headers["content-type"] == "text/html"


@each_form
@pytest.mark.parametrize("status", [200, 502])
def test_html_page(sim: Simulator, status: int, *, stream: bool) -> None:
    """What a proxy answers is HTML and says so."""
    sim.fail(faults.HTMLPage(status))
    raw = answered(sim, stream=stream)
    assert (raw.status, raw.headers["content-type"]) == (status, "text/html")
    assert raw.body.startswith(b"<!DOCTYPE html>")


# --- no answer at all -------------------------------------------------------------------------


@each_form
def test_garbage(sim: Simulator, *, stream: bool) -> None:
    """The same noise every time, which no HTTP client can read."""
    sim.fail(faults.Garbage(), faults.Garbage(), faults.Garbage())
    first, second = answered(sim, stream=stream), answered(sim, stream=stream)
    assert first.data == second.data
    assert len(first.data) > 100
    assert not first.data.startswith(b"HTTP")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{sim.base_url}/models", trust_env=False)


@each_form
def test_garbage_in_a_body(sim: Simulator, *, stream: bool) -> None:
    """The head is right, also about the length; the body is binary."""
    sim.fail(faults.Garbage("body"))
    raw = answered(sim, stream=stream)
    assert raw.status == 200
    assert raw.end == "closed"
    assert len(set(raw.body)) > 200
    assert stream or int(raw.headers["content-length"]) == len(raw.behind)


@each_form
@pytest.mark.parametrize("newline", [True, False])
def test_endless(sim: Simulator, *, newline: bool, stream: bool) -> None:
    """It goes on and on; where it should be one line, there is no line end any more."""
    sim.fail(faults.Endless(newline=newline, pause=0))
    with connected(sim) as raw:
        assert raw.ask(stream=stream).read(most=1_000_000).end == "much"
    assert b"chunked" in raw.head
    tail = b"".join(list(chunks(raw.behind))[50:])
    assert (b"\n" in tail) == (newline and stream)
    sim.wait_closed(1)


def test_an_endless_stream_repeats_an_event(sim: Simulator) -> None:
    """What comes over and over is a part of the answer, so that a reader folds an ever longer one."""
    sim.fail(faults.Endless(pause=0))
    with connected(sim) as raw:
        raw.ask(stream=True).read(most=100_000)
    tail = events(raw)[-50:-1]
    assert len(set(tail)) == 1
    assert json.loads(tail[0].removeprefix(b"data: "))["choices"][0]["delta"]["content"]


def test_an_endless_answer_pauses(sim: Simulator) -> None:
    """With a pause it is no flood."""
    sim.fail(faults.Endless(pause=0.05))
    with connected(sim) as raw:
        raw.ask(stream=True).read(most=100)
        begun = time.monotonic()
        raw.read(most=len(raw.data) + 1000)
        assert time.monotonic() - begun > 0.05


@each_form
@pytest.mark.parametrize("size", [0, 1, 1000, 1 << 20, (3 << 20) + 12345])
def test_bomb(sim: Simulator, size: int, *, stream: bool) -> None:
    """It is proper gzip of so many bytes and the answer, at a thousandth of the size."""
    good = answered(sim, stream=stream)
    sim.fail(faults.Bomb(size))
    raw = answered(sim, stream=stream)
    assert raw.headers["content-encoding"] == "gzip"
    plain = zlib.decompress(raw.body, 31)
    assert len(plain) == size + len(good.body)
    assert plain.endswith(good.body)
    if stream:
        assert list(SSEDecoder().feed(plain)) == list(SSEDecoder().feed(good.body))
    else:
        assert json.loads(plain) == json.loads(good.body)
    assert len(raw.body) < size / 500 + 2000


@each_form
def test_clients_read_small_bombs(sim: Simulator, sdk: Any, *, stream: bool) -> None:
    """What stands before the answer means nothing: a client that can hold it reads the answer."""
    sim.fail(faults.Bomb(3_000_000))
    assert "hello there" in ask(sdk, stream=stream)


@each_form
def test_a_big_bomb_is_cheap(sim: Simulator, *, stream: bool) -> None:
    """A terabyte begins at once, and ends when the client leaves."""
    sim.fail(faults.Bomb(1 << 40))
    begun = time.monotonic()
    with connected(sim) as raw:
        raw.ask(stream=stream).read(most=50_000)
    sim.wait_closed(1)
    assert time.monotonic() - begun < 1


def test_old_clients_get_no_chunks(sim: Simulator) -> None:
    """For HTTP/1.0 the end of the connection ends what has no length."""
    for fault in (faults.Bomb(1000), faults.Split(3), faults.ErrorInside()):
        sim.fail(fault)
        raw = answered(sim, stream=True, version="1.0", keep=True)
        assert b"chunked" not in raw.head
        assert raw.end == "closed"


# --- the server -------------------------------------------------------------------------------

CONCURRENT = {name: f for name, f in faults.ALL.items() if not isinstance(f, faults.BreakTLS)}


@each_form
@pytest.mark.parametrize("name", CONCURRENT)
def test_stopping_is_prompt(name: str, *, stream: bool) -> None:
    """While a fault is under way, and nobody reads, `stop` returns at once and leaves no thread."""
    before = set(threading.enumerate())
    with Simulator() as sim:
        sim.fail_always(CONCURRENT[name])
        with connected(sim) as raw:
            raw.ask(stream=stream, keep=True)
            while not sim.requests:
                time.sleep(0.001)
            time.sleep(0.01)
            begun = time.monotonic()
            sim.stop()
            assert time.monotonic() - begun < 0.5
            assert set(threading.enumerate()) <= before


@each_form
@pytest.mark.parametrize("name", CONCURRENT)
def test_a_client_that_leaves_is_noticed(sim: Simulator, name: str, *, stream: bool) -> None:
    """Whatever is under way ends when the client does, and the next one is answered."""
    sim.fail(CONCURRENT[name])
    with connected(sim) as raw:
        raw.ask(stream=stream, keep=True)
        while not sim.requests:
            time.sleep(0.001)
    sim.wait_closed(1)
    assert answered(sim, stream=stream).status == 200


def test_a_client_may_ask_before_it_sends(sim: Simulator) -> None:
    """`Expect: 100-continue` is answered first, then the request."""
    head, _, body = request().partition(b"\r\n\r\n")
    with connected(sim) as raw:
        raw.sock.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert raw.read(most=25).data == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sock.sendall(body)
        assert raw.read().behind.startswith(b"HTTP/1.1 200 OK")


def test_connections_are_counted(sim: Simulator) -> None:
    """A connection is open until both sides have closed it, whoever began."""
    assert sim.connections_open == 0
    sim.wait_closed(0)
    sim.fail(faults.Cut(at=0))
    with connected(sim) as one, connected(sim) as two:
        assert one.ask().read().end == "closed"
        two.ask(keep=True).read(most=1)
        assert sim.connections_open == 2
        with pytest.raises(TimeoutError, match="2"):
            sim.wait_closed(0.02)
    sim.wait_closed(1)
    assert sim.connections_open == 0
    sim.stop()
    assert sim.connections_open == 0
    sim.wait_closed(0)


def test_somebody_else_may_answer() -> None:
    """`say` decides what is said; the wire writes it."""
    from llmkit.testing._answer import Answer, Choice
    from llmkit.testing._asked import Asked

    def say(asked: Asked) -> Answer:
        return Answer((Choice(0, f"echo: {asked.text}", "", (), "stop"),), asked.prompt_tokens)

    with Simulator(say=say) as sim:
        said = json.loads(answered(sim).body)["choices"][0]["message"]["content"]
    assert said == "echo: hello there"


# --- for what it is made ----------------------------------------------------------------------


def test_a_retry_policy_is_tested(sim: Simulator) -> None:
    """The SDK tries again after a 503 and a 429, and gives up after the third failure."""
    with openai.OpenAI(base_url=sim.base_url, api_key="k", max_retries=2) as sdk:
        sim.fail(faults.Status(503, headers={"retry-after-ms": "1"}))
        sim.fail(faults.RateLimited(0.001, "retry-after-ms"))
        assert "hello there" in ask(sdk)
        assert len(sim.requests) == 3
        sim.fail_always(faults.RateLimited(0.001, "retry-after-ms"))
        with pytest.raises(openai.RateLimitError):
            ask(sdk)
        assert len(sim.requests) == 6


def documented() -> dict[str, Any]:
    """The names that the page's examples define."""
    page = Path(__file__).parents[2].joinpath("docs", "faults.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        if "def " in code:
            exec(code, names)  # noqa: S102 - our own page
    return names


@pytest.mark.parametrize("name", ["test_two_failures_are_survived", "test_a_third_one_is_not"])
def test_the_documented_tests_pass(sim: Simulator, name: str) -> None:
    """What the page shows is what works."""
    documented()[name](sim)


@pytest.mark.parametrize("name", ["cut", "503", "tls alert", "stall", "split"])
def test_the_documented_test_of_all_faults_passes(sim: Simulator, name: str) -> None:
    """So does its loop over everything, of which a few will do here."""
    documented()["test_no_fault_surprises_us"](sim, name)
    assert sim.connections_open == 0


SDK_SEES: dict[str, Any] = {
    "cut": (faults.Cut(at=120), openai.APIConnectionError),
    "stall": (faults.Stall(at=120), openai.APITimeoutError),
    "malformed": (faults.Malformed(), json.JSONDecodeError),
    "reset": (faults.Reset("during"), openai.APIConnectionError),
    "endless": (faults.Endless(pause=0.3), openai.APITimeoutError),
}


@pytest.mark.parametrize("name", SDK_SEES)
def test_what_the_sdk_sees_of_a_stream(sim: Simulator, name: str) -> None:
    """A fault within a stream reaches a stranger's client as what it is."""
    fault, error = SDK_SEES[name]
    sim.fail(fault)
    made = openai.OpenAI(base_url=sim.base_url, api_key="k", max_retries=0, timeout=0.15)
    with made as sdk, pytest.raises(error):
        ask(sdk, stream=True)
    sim.wait_closed(1)
