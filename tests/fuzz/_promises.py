"""What the wires of calls beside chat promise, as functions of bytes; the same that ``_targets`` asks of chat's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit._json import load
from llmkit.errors import APIError, LLMKitError

from ._kinds import KINDS
from ._targets import checked, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["TARGETS", "parsed", "refused", "streamed", "walked"]

HERE = Endpoint("https://a.test/v1")
_MOST_STEPS = 12
Outcome = tuple[Any, str, str]


def _shown(answer: Any) -> str:
    """All that can be asked of an answer can be told."""
    written = answer.model_dump_json()
    assert isinstance(load(written), dict)
    assert answer.to_dict() is not None
    counted = answer.counted()
    assert counted is None or counted.model_dump_json()
    return str(written)


def streamed(kind: str, data: bytes, sizes: Iterable[int] = (1, 7)) -> Outcome:
    """A stream gives events and at most one error of ours, the same however it is cut; so is the whole."""
    whole = _gathered(kind, [data])
    for size in sizes:
        cut = _gathered(kind, pieces(data, size))
        assert cut == whole, (size, cut, whole)
    return whole


def _gathered(kind: str, given: Iterable[bytes]) -> Outcome:
    subject = KINDS[kind]
    decoder = subject.wire.decoder(subject.call)
    events: list[Any] = []
    failure = ""
    try:
        for piece in given:
            was_done, before = decoder.done, len(events)
            events += decoder.feed(piece)
            assert not was_done or (decoder.done and len(events) == before)
        events += decoder.finish()
        assert decoder.done
    except LLMKitError as error:
        checked(error)
        failure = repr(error)
    told: Any = [event.model_dump_json() for event in events if not isinstance(event, bytes)]
    # Sound has no events: where its pieces end is where they were cut.
    told = told or b"".join(event for event in events if isinstance(event, bytes))
    return told, failure, _shown(decoder.result())


def parsed(kind: str, body: bytes) -> Any:
    """An answer is read, or refused with an error of ours; what was read can be written."""
    subject = KINDS[kind]
    try:
        read = subject.wire.parse(subject.call, HTTPResponse(200, subject.headers, body))
    except LLMKitError as error:
        checked(error)
        return None
    _shown(read)
    return read


def refused(kind: str, body: bytes, status: int = 400) -> APIError:
    """An error is made of any body."""
    subject = KINDS[kind]
    made = subject.wire.error(subject.call, HTTPResponse(status, {}, body))
    checked(made)
    assert isinstance(made, APIError)
    assert made.status_code == status
    return made


def walked(kind: str, bodies: Sequence[bytes]) -> Any:
    """A call of several requests asks, and comes to an answer or to an error of ours."""
    subject = KINDS[kind]
    steps = subject.wire.steps(subject.call, HERE)
    try:
        step = next(steps)
        for place in range(_MOST_STEPS):
            _asks(step)
            step = steps.send(
                HTTPResponse(200, subject.headers, bodies[min(place, len(bodies) - 1)])
            )
    except StopIteration as done:
        _shown(done.value)
        return done.value
    except LLMKitError as error:
        checked(error)
    finally:
        steps.close()
    return None


def _asks(step: Any) -> None:
    """What is asked for could be sent."""
    request: HTTPRequest = step.request
    assert 0 <= step.wait <= 60
    assert request.url.startswith("http")
    request.url.encode("ascii")
    assert all(value.isprintable() for value in request.headers.values())


def has_steps(kind: str) -> bool:
    """Whether a call of this kind takes several requests."""
    return getattr(KINDS[kind].wire, "steps", None) is not None


def _target(kind: str) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        parsed(kind, data)
        refused(kind, data, 429)
        if KINDS[kind].streams:
            streamed(kind, data)
        if has_steps(kind):
            told = [answer.encode() for answer in KINDS[kind].answers]
            for place in range(len(told)):
                walked(kind, [*told[:place], data, *told[place + 1 :]])

    return target


TARGETS: dict[str, Callable[[bytes], None]] = {f"kind {kind}": _target(kind) for kind in KINDS}
"""Each wire's name, and its promises."""
