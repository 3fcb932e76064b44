"""What a call meets in each fault: one row a fault, for a plain call and a stream, and for a wire where it differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from llmkit import errors
from llmkit.testing import faults

from ._places import ENDS, PLACES, AtOnce, Ends

WIRES = ("openai", "anthropic", "gemini")
KEY = "sk-" + "matrix-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call ends. ``late`` names the limit that has to run out for it."""

    error: type[errors.APIError] | None = None
    status: int | None = None
    retryable: bool = False
    sent: str = "yes"
    settled: str = "failed"
    cost: str = "unknown"
    usage: str = "none"
    late: str = ""

    @property
    def begun(self) -> bool:
        """Whether the reader of a stream has seen a part of the answer."""
        return self.settled == "interrupted"

    @property
    def passes(self) -> bool:
        """Whether another attempt may answer: there is time, and nobody has seen anything of this one."""
        return self.retryable and not self.begun and self.late != "total"


def later(outcome: Outcome) -> Outcome:
    """The same behind a stream's first chunk: what has come is counted, as an estimate."""
    return replace(outcome, settled="interrupted", cost="estimated", usage="estimated")


def refused(kind: type[errors.APIError], status: int, *, cost: str = "none") -> Outcome:
    """An error that the provider tells; what it refused cost nothing."""
    return Outcome(kind, status, retryable=kind.default_retryable, cost=cost)


ANSWER = Outcome(settled="completed", cost="exact", usage="reported")
BROKEN = Outcome(errors.APIConnectionError, retryable=True)
INTERRUPTED = later(Outcome(errors.StreamInterruptedError, retryable=True))
SILENT = Outcome(errors.APITimeoutError, retryable=True, late="first token")
STALLED = replace(SILENT, late="idle")
ENDLESS = replace(SILENT, late="total")
UNREADABLE = Outcome(errors.APIResponseValidationError, 200)
UNSENT = replace(BROKEN, sent="no", cost="none")
LIMITED = refused(errors.RateLimitError, 429)


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, and what a plain call and a stream meet; ``but`` has both for the wires that differ."""

    fault: faults.Fault
    plain: Outcome
    stream: Outcome
    but: Mapping[str, tuple[Outcome, Outcome]] = field(default_factory=dict)

    def meets(self, wire: str, *, stream: bool) -> Outcome:
        """What a call over this wire meets."""
        return self.but.get(wire, (self.plain, self.stream))[stream]


def row(
    fault: faults.Fault,
    plain: Outcome,
    stream: Outcome | None = None,
    **but: Outcome | tuple[Outcome, Outcome],
) -> Row:
    """A row; where a single outcome stands, both forms meet it."""
    both = {wire: met if isinstance(met, tuple) else (met, met) for wire, met in but.items()}
    return Row(fault, plain, stream or plain, both)


def _known(name: str, *outcomes: Outcome, **but: Outcome | tuple[Outcome, Outcome]) -> Row:
    return row(faults.ALL[name], *outcomes, **but)


FAILED = refused(errors.InternalServerError, 500)
OVERLOADED = refused(errors.OverloadedError, 529)

_ROWS: dict[str, tuple[Outcome, ...]] = {
    "cut": (BROKEN,),
    "cut at the head's end": (BROKEN,),
    "stall": (STALLED, SILENT),
    "stall at the head's end": (SILENT,),
    "split": (ANSWER,),
    "malformed from the start": (UNREADABLE,),
    "error inside": (FAILED,),
    "400": (refused(errors.BadRequestError, 400),),
    # A gateway's time-out says nothing of what its upstream did.
    "408": (replace(refused(errors.InternalServerError, 408), retryable=True, cost="unknown"),),
    "500": (FAILED,),
    "503": (refused(errors.ServiceUnavailableError, 503),),
    "529": (OVERLOADED,),
    "429, retry-after": (LIMITED,),
    "429, retry-after-date": (LIMITED,),
    "429, retry-after-ms": (LIMITED,),
    "429, x-ratelimit-reset": (LIMITED,),
    "429, anthropic-ratelimit-reset": (LIMITED,),
    "429, epoch": (LIMITED,),
    "429, epoch-ms": (LIMITED,),
    "429, body": (LIMITED,),
    "429, none": (LIMITED,),
    "slow start": (ANSWER,),
    "drip head": (SILENT,),
    "drip body": (STALLED, SILENT),
    "reset before": (BROKEN,),
    "reset during": (BROKEN, INTERRUPTED),
    "reset after": (ANSWER,),
    "garbage": (BROKEN,),
    "garbage body": (UNREADABLE,),
    "content type": (ANSWER,),
    "content type html": (ANSWER,),
    "html page": (refused(errors.BadGatewayError, 502, cost="unknown"),),
    "html page, 200": (UNREADABLE,),
    "unasked": (ANSWER,),
    "endless": (ENDLESS, later(ENDLESS)),
    "endless line": (ENDLESS, later(ENDLESS)),
    "bomb": (replace(UNREADABLE, status=None),),
    "close early": (ANSWER,),
    "tls reset": (UNSENT,),
    "tls garbage": (UNSENT,),
    "tls alert": (UNSENT,),
    "tls stall": (replace(UNSENT, error=errors.APITimeoutError, late="connect"),),
}
# Where the wires differ: Anthropic's first event is no part of the answer yet; OpenAI's error inside a 200
# does not say that it was a 529; and Gemini's streams have no last event, so that only their body's end is theirs.
_DIFFERENT: dict[str, Row] = {
    "malformed": _known(
        "malformed", UNREADABLE, later(UNREADABLE), anthropic=(UNREADABLE, UNREADABLE)
    ),
    "malformed sse": _known(
        "malformed sse", UNREADABLE, later(UNREADABLE), anthropic=(UNREADABLE, BROKEN)
    ),
    "error inside, later": _known(
        "error inside, later", OVERLOADED, later(OVERLOADED), openai=(FAILED, later(FAILED))
    ),
    "length too long": _known("length too long", BROKEN, ANSWER, gemini=(BROKEN, INTERRUPTED)),
    "length too short": _known(
        "length too short", UNREADABLE, ANSWER, gemini=(UNREADABLE, later(UNREADABLE))
    ),
}


def _at_places() -> dict[str, Row]:
    """Each way to end at each place."""
    rows = {}
    for how in ENDS:
        stalls = how == "stall"
        unseen = SILENT if stalls else BROKEN
        plain = STALLED if stalls else BROKEN
        broken = later(STALLED) if stalls else INTERRUPTED
        met = {
            "in the head": row(Ends(how, "in the head"), unseen),
            "behind the head": row(Ends(how, "behind the head"), unseen),
            "at the first byte": row(Ends(how, "at the first byte"), plain, unseen),
            "in an event": row(Ends(how, "in an event"), plain, broken),
        }
        for place in ("before the last event", "before the last byte"):
            met[place] = row(Ends(how, place), plain, ANSWER, gemini=(plain, broken))
        assert met.keys() == PLACES.keys()
        rows |= {f"{how} {place}": made for place, made in met.items()}
    return rows


_GIVEN: dict[str, Row] = {
    "split, odd": row(faults.Split(7), ANSWER),
    "malformed, later": row(faults.Malformed(4), UNREADABLE, later(UNREADABLE)),
    "malformed sse, later": row(
        faults.Malformed(4, "sse"),
        UNREADABLE,
        later(UNREADABLE),
        anthropic=(UNREADABLE, INTERRUPTED),
    ),
    "malformed, all at once": row(AtOnce(faults.Malformed(5), 5, 0), UNREADABLE, later(UNREADABLE)),
    "malformed, the rest at once": row(
        AtOnce(faults.Malformed(6), 6, 3), UNREADABLE, later(UNREADABLE)
    ),
    "error inside, the rest at once": row(
        AtOnce(faults.ErrorInside(500, 6), 6, 3), FAILED, later(FAILED)
    ),
    "error inside, 429": row(faults.ErrorInside(429), LIMITED),
    "error inside, 400, later": row(
        faults.ErrorInside(400, 5),
        refused(errors.BadRequestError, 400),
        later(refused(errors.BadRequestError, 400)),
    ),
    "302": row(
        faults.Status(302, headers={"Location": "http://llmkit.invalid/"}),
        refused(errors.APIStatusError, 302),
    ),
    "401": row(faults.Status(401), refused(errors.AuthenticationError, 401)),
    "401, echoing": row(
        faults.Status(401, f"Incorrect API key: {KEY}", {"x-request-id": KEY, "request-id": KEY}),
        refused(errors.AuthenticationError, 401),
    ),
    "error inside, echoing, later": row(
        faults.ErrorInside(400, 5, f"Not allowed with {KEY}"),
        refused(errors.BadRequestError, 400),
        later(refused(errors.BadRequestError, 400)),
    ),
    "403": row(faults.Status(403), refused(errors.PermissionDeniedError, 403)),
    "404": row(faults.Status(404), refused(errors.NotFoundError, 404)),
    "409": row(faults.Status(409), refused(errors.ConflictError, 409)),
    "413": row(faults.Status(413), refused(errors.RequestTooLargeError, 413)),
    "418": row(faults.Status(418), refused(errors.APIStatusError, 418)),
    "422": row(faults.Status(422), refused(errors.UnprocessableEntityError, 422)),
    "502": row(faults.Status(502), refused(errors.BadGatewayError, 502, cost="unknown")),
    "504": row(faults.Status(504), refused(errors.GatewayTimeoutError, 504, cost="unknown")),
    "html page, 503": row(faults.HTMLPage(503), refused(errors.ServiceUnavailableError, 503)),
    "length too long by one": row(faults.Length(1), BROKEN, ANSWER, gemini=(BROKEN, INTERRUPTED)),
    "length too short by one": row(faults.Length(-1), UNREADABLE, ANSWER),
    "unasked line": row(faults.Unasked(b"\r\n"), ANSWER),
    "flood": row(faults.Endless(pause=0), ENDLESS, later(ENDLESS)),
    "small bomb": row(faults.Bomb(3_000_000), ANSWER),
}

TABLE: dict[str, Row] = {
    **{name: _known(name, *outcomes) for name, outcomes in _ROWS.items()},
    **_DIFFERENT,
    **_at_places(),
    **_GIVEN,
}
