"""A world for tests of delivery: a virtual clock, an outbox in a list, a small Lago, and a driver for one flow."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from llmkit._control.billing.delivery import Delivery, Round, Terms
from llmkit._control.billing.lago import Lago
from llmkit._flow import Cancelled, Flow, Notify, Send, Sleep, Store
from llmkit._http import HTTPRequest, HTTPResponse
from llmkit._outbox import Bill, Count, Counted, Mark, ReleaseLane, Take, Taken
from llmkit._secret import Secret
from llmkit.errors import APIConnectionError

KEY = "lago-test-" + "0123456789abcdef"
URL = "https://lago.test/api/v1"
JSON = {"content-type": "application/json"}

Answer = Callable[["MiniLago", HTTPRequest], HTTPResponse]


def bill(number: int, subscription: str = "sub_0", extra: str = "") -> Bill:
    """A queued bill; its text is an event."""
    id_ = f"call-{number}:askii_coins"
    at = 1_763_780_000_000 + number
    event = {
        "transaction_id": id_,
        "external_subscription_id": subscription,
        "code": "askii_coins",
        "timestamp": f"{at // 1000}.{at % 1000:03}",
        "properties": {"askii_coins": "4200", "usd": "0.0042", "rate": "1000000"},
    }
    body = json.dumps(event, separators=(",", ":")) + extra
    usd = Decimal("0.0042")
    return Bill(
        id_,
        f"call-{number}",
        "queued",
        subscription,
        "askii_coins",
        at,
        body,
        "{}",
        Decimal(4200),
        usd,
    )


def bills(many: int, start: int = 0, subscriptions: int = 1) -> list[Bill]:
    """So many, over so many subscriptions."""
    return [bill(n, f"sub_{n % subscriptions}") for n in range(start, start + many)]


def said(status: int, body: Any = None, **headers: str) -> HTTPResponse:
    """An answer; a text is sent as HTML."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, str):
        return HTTPResponse(status, {"content-type": "text/html", **spelled}, body.encode())
    return HTTPResponse(
        status, {**JSON, **spelled}, b"" if body is None else json.dumps(body).encode()
    )


def invalid(details: Any, status: int = 422) -> HTTPResponse:
    """Lago's envelope around these ``error_details``."""
    envelope = {"status": status, "error": "Unprocessable Entity", "code": "validation_errors"}
    return said(status, {**envelope, "error_details": details})


class MiniLago:
    """All or nothing, duplicates by id: what is said of events' form is said first, and alone."""

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit
        self.stored: dict[str, bytes] = {}
        self.order: list[str] = []
        self.poison: set[str] = set()
        self.commits_refused = False

    def take(self, request: HTTPRequest) -> HTTPResponse:
        """``POST /events/batch``."""
        events = json.loads(request.body)["events"]
        if len(events) > self.limit:
            return invalid({"events": ["too_many_events"]})
        if wrong := self._wrong(events):
            if self.commits_refused:
                self._keep(e for e in events if e["transaction_id"] not in self.poison)
            return invalid(wrong)
        self._keep(events)
        return said(200, {"events": [{"transaction_id": e["transaction_id"]} for e in events]})

    def _wrong(self, events: list[Any]) -> dict[str, Any]:
        ids = [event["transaction_id"] for event in events]
        found = {
            str(at): {"timestamp": ["invalid_format"]}
            for at, id_ in enumerate(ids)
            if id_ in self.poison
        }
        there = {"transaction_id": ["value_already_exist"]}
        return found or {str(at): there for at, id_ in enumerate(ids) if id_ in self.stored}

    def _keep(self, events: Iterable[Any]) -> None:
        for event in events:
            if event["transaction_id"] not in self.stored:
                self.order.append(event["transaction_id"])
                self.stored[event["transaction_id"]] = json.dumps(event).encode()

    def find(self, request: HTTPRequest) -> HTTPResponse:
        """``GET /events/{id}``."""
        id_ = request.url.rsplit("/", 1)[1].replace("%3A", ":")
        if id_ not in self.stored:
            return said(404, {"status": 404, "error": "Not Found", "code": "event_not_found"})
        return said(200, {"event": json.loads(self.stored[id_])})


@dataclass
class World:
    """Everything around one ``Delivery``. ``script``: what answers the next requests; then the Lago does."""

    terms: Terms = field(default_factory=Terms)
    script: list[Answer | Exception] = field(default_factory=list)
    always: Answer | Exception | None = None
    draw: float = 1.0

    def __post_init__(self) -> None:
        self.now = 1000.0
        self.lago = MiniLago()
        self.queue: dict[str, Bill] = {}
        self.marked: dict[str, tuple[str, str]] = {}
        self.tried: Counter[str] = Counter()
        self.lane: tuple[str, float] = ("", 0.0)
        self.told: list[Any] = []
        self.requests: list[tuple[float, HTTPRequest]] = []
        self.sleeps: list[float] = []
        self.steps: list[str] = []
        self.numbers = count(1)
        self.latency = 0.001
        self.store_failure: Exception | None = None
        self.before: Callable[[Any], None] = lambda _: None
        self.delivery = self.another("me")

    def another(self, sender: str) -> Delivery:
        """One more sender of the same outbox."""
        lago = Lago(URL, Secret(KEY))
        return Delivery(lago, sender, lambda: self.now, lambda: self.draw, self.terms)

    def add(self, *added: Bill) -> World:
        """Queue bills."""
        for one in added:
            self.queue[one.id] = one._replace(number=next(self.numbers))
        return self

    def run(self, seconds: float = 3600.0, delivery: Delivery | None = None, **how: Any) -> Round:
        """One ``run`` to its end."""
        found: Round = self.drive((delivery or self.delivery).run(self.now + seconds, **how))
        return found

    def patiently(self) -> int:
        """Run again and again, whenever there is something to do; how many are left."""
        for _ in range(200):
            outcome = self.run(120)
            if not outcome.left:
                break
            self.now += outcome.wait or outcome.due or 0.0
        return outcome.left

    @property
    def waits(self) -> list[float]:
        """How long was slept, but for the distance between two requests."""
        return [round(wait, 3) for wait in self.sleeps if wait > 0.05]

    def drive(self, flow: Flow[Any]) -> Any:
        """Perform a flow's effects to its end."""
        try:
            effect = next(flow)
            while True:
                effect = self.answer(flow, effect)
        except StopIteration as stop:
            return stop.value

    def answer(self, flow: Flow[Any], effect: Any) -> Any:
        """Perform one effect; the next."""
        self.before(effect)
        try:
            outcome = self.perform(effect)
        except Exception as error:  # noqa: BLE001 - it is the flow's to judge
            return flow.throw(error)
        return flow.send(outcome)

    def perform(self, effect: Any) -> Any:
        """What comes of an effect."""
        match effect:
            case Send():
                return self.send(effect)
            case Sleep():
                assert effect.seconds >= 0
                self.sleeps.append(effect.seconds)
                self.now += effect.seconds
                return None
            case Notify():
                self.told.append(effect.event)
                return None
            case Store():
                return self.store(effect.operation)
        raise AssertionError(effect)

    def send(self, effect: Send) -> HTTPResponse:
        """A request leaves, and is answered after the latency."""
        request, start = effect.request, self.now
        self.requests.append((start, request))
        self.steps.append("send")
        answer = self.script.pop(0) if self.script else self.always
        self.now += min(self.latency, max(0.0, effect.deadlines.total - start))
        if self.now >= effect.deadlines.total:
            raise APIConnectionError("cut off", sent="maybe")
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer(self.lago, request)
        return self.lago.find(request) if request.method == "GET" else self.lago.take(request)

    def store(self, operation: Any) -> Any:
        """The outbox, as ``_outbox`` says."""
        if self.store_failure is not None:
            raise self.store_failure
        self.steps.append(type(operation).__name__)
        match operation:
            case Take():
                return self._take(operation)
            case Mark():
                return self._mark(operation)
            case ReleaseLane():
                had = self.lane[0] == operation.sender
                self.lane = ("", 0.0) if had else self.lane
                return had
            case Count():
                states = {"queued": len(self.queue)}
                return Counted(self.milliseconds, states, None, 0, "", 0)
        raise AssertionError(operation)

    @property
    def milliseconds(self) -> int:
        """The store's clock."""
        return round(self.now * 1000)

    def _take(self, take: Take) -> Taken:
        sender, until = self.lane
        if sender not in ("", take.sender) and until > self.milliseconds:
            return Taken(self.milliseconds, sender, int(until))
        self.lane = (take.sender, self.milliseconds + take.lease)
        # By their numbers: nothing is put before what is there.
        head = [b for b, _ in zip(self.queue.values(), range(take.limit), strict=False)]
        return Taken(self.milliseconds, take.sender, int(self.lane[1]), tuple(head))

    def _mark(self, mark: Mark) -> int:
        known = [one for one in mark.marks if self.queue.pop(one.id, None) is not None]
        for one in known:
            assert one.id not in self.marked
            self.marked[one.id] = (one.state, one.reason)
        for id_ in mark.tried:
            self.tried[id_] += 1
            if id_ in self.queue:
                self.queue[id_] = self.queue[id_]._replace(tries=self.queue[id_].tries + 1)
        return len(known)

    def events(self, kind: type) -> list[Any]:
        """What was told, of one kind."""
        return [event for event in self.told if isinstance(event, kind)]

    def sizes(self) -> list[int]:
        """How many events each batch had."""
        posts = (request for _, request in self.requests if request.method == "POST")
        return [len(json.loads(request.body)["events"]) for request in posts]


def cancelled(world: World, flow: Flow[Any], at: int) -> list[Any]:
    """Drive a flow up to its effect number ``at``, cancel it there, and perform what it does then."""
    after: list[Any] = []
    effect = next(flow)
    for _ in range(at):
        effect = world.answer(flow, effect)
    try:
        effect = flow.throw(Cancelled("maybe"))
        while True:
            after.append(effect)
            effect = world.answer(flow, effect)
    except Cancelled:
        return after
