"""The account of one call: its attempts, what it used and cost, and its one settlement.

Rule 1: a settlement is decided once; asking again gives the same record.
Rule 2: it is stored before the callbacks hear of it, and they hear of it once.
Rule 3: where no flow can run any more (a dropped stream), it goes on the queue instead.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from .. import pricing
from .._call import Adjustment, Attempt, CallInfo, Sent
from .._flow import Flow, notify, store
from .._http import HTTPResponse
from .._operations import Outcome, Settle, Settlement
from .._ratelimit import rate_limits
from .._secret import HIDDEN, SHORTEST, Secret, redact_headers
from ..catalogue import Catalogue, default
from ..errors import APIResponseValidationError, APIStatusError
from ..events import CallFinished
from ..types.answer import Answer
from ..types.usage import Usage
from .retry import refused
from .tally import Tally, free

if TYPE_CHECKING:
    from .billing.tab import Tab
    from .hold import Holds
    from .job import Leg

__all__ = ["Account"]

A = TypeVar("A", bound=Answer)

_SENT_ORDER: tuple[Sent, ...] = ("no", "maybe", "yes")


class Account(Tally):
    """Everything that is known of one call while it runs."""

    def __init__(
        self,
        info: CallInfo,
        clock: Callable[[], float],
        abandon: Any,
        *,
        stream: bool,
        heard: bool = True,
        catalogue: Catalogue | None = None,
        holds: Holds | None = None,
        tab: Tab | None = None,
    ) -> None:
        self.info = info
        self.holds = holds
        """What is held for the call, where it has a budget."""
        self.tab = tab
        """What billing is told of the call, where there is any."""
        self._stream, self._clock, self._heard = stream, clock, heard
        self._abandon = abandon
        self._catalogue = default() if catalogue is None else catalogue
        self._begun = clock()
        self.sent: Sent = "no"
        self._billable = False
        self.whole: Callable[[], Answer] | None = None
        """What gives a stream's answer as far as it has come."""
        self.secrets: tuple[Secret, ...] = ()
        self._numbers = count(1)
        self._number = 0
        """Of the attempt under way; 0: none is."""
        self._record: CallFinished | None = None
        self._stored = self._told = False

    @property
    def drains(self) -> float:
        """Seconds for which a stream that is closed early is read on; 0: it is not."""
        return 0.0 if self.tab is None else self.tab.drains

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock() - self._begun

    def leaving(self, leg: Leg, ledger: tuple[Adjustment, ...]) -> None:
        """A request is about to go out on this leg."""
        call, info = leg.call, self.info
        self.call = call
        info.provider, info.model, info.deployment = call.provider, call.model, leg.deployment
        info.ledger, info.key_source, info.base_url = ledger, leg.key_source, leg.endpoint.base_url

    def shows(self, secret: Secret | None) -> None:
        """This credential goes out: wherever it comes back from now on, it is hidden."""
        if secret and secret not in self.secrets:
            self.secrets = (*self.secrets, secret)

    def asking(self) -> None:
        """An exchange begins: nothing of an earlier one belongs to it."""
        self.unanswered()
        if self.holds is not None:
            self.holds.leaving()
        if self.tab is not None and self.call is not None:
            self.tab.asking(self.number(), self.call, self.info.base_url)

    def failed(self, error: BaseException, method: str) -> None:
        """An attempt has failed: decide what becomes of what it held, and whether it may be billed."""
        if self.holds is not None:
            self.holds.failed(error, method)
        if self.tab is not None:
            self.tab.failed(error, method)

    def went_well(self) -> None:
        """A request has been answered, which is not the whole answer yet."""
        if self.holds is not None:
            self.holds.went_well()
        if self.tab is not None:
            self.tab.went_well()

    def given_up(self) -> None:
        """No more is asked on this deployment: what it has asked may be billed."""
        if self.holds is not None:
            self.holds.given_up()
        if self.tab is not None:
            self.tab.given_up()

    def broke_off(self) -> None:
        """A stream has broken, and may go on elsewhere: what it has come to is known, and what it held is spent."""
        if self.tab is not None and (partial := self.partial()) is not None:
            self.tab.broke(*self.part(partial))
        self.given_up()

    def pays(self) -> Flow[None]:
        """Settle what of its holds has ended."""
        if self.holds is not None:
            yield from self.holds.close()

    def left_behind(self, other: Account) -> None:
        """A fork is not waited for: what it has asked may have been done, and nobody will know more of it in time."""
        if self.tab is not None and other.tab is not None:
            self.tab.left_behind(other.tab)

    def late(self, other: Account) -> None:
        """A fork that was left behind has ended: what it holds is settled by whoever comes next."""
        other.given_up()
        if other.holds is not None and other.holds.owing:
            self._abandon(other.holds)
        if self.tab is not None and other.tab is not None and self.tab.owes_again(other.tab):
            self._abandon(self.tab)

    def unanswered(self) -> None:
        """No answer belongs to what is tried now."""
        info = self.info
        info.status_code = info.request_id = None
        info.headers, info.rate_limits, info.raw = {}, {}, b""

    def answered(self, response: HTTPResponse) -> None:
        """An answer's head (and body) is there; a key that it echoes is not kept."""
        if any(_echoes(response, secret.reveal()) for secret in self.secrets):
            headers = redact_headers(response.headers, self.secrets)
            response = HTTPResponse(response.status, headers, self._hidden(response.body))
        self._take(response)

    def _hidden(self, body: bytes) -> bytes:
        for secret in self.secrets:
            if len(key := secret.reveal()) >= SHORTEST:
                body = body.replace(key.encode(), HIDDEN.encode())
        return body

    def _take(self, response: HTTPResponse) -> None:
        info = self.info
        info.status_code, info.request_id = response.status, response.request_id
        info.headers, info.rate_limits = response.headers, rate_limits(response.headers)
        info.raw = response.body

    def number(self) -> int:
        """The number of the attempt under way; those that run beside each other have different ones."""
        self._number = self._number or next(self._numbers)
        return self._number

    def tried(self, attempt: Attempt, error: BaseException | None) -> None:
        """An attempt has ended; ``error`` is what it ended with."""
        self.info.attempts.append(attempt)
        self._number = 0
        self.left(attempt.sent, billable=error is None or not refused(error))

    def left(self, sent: Sent, *, billable: bool = True) -> None:
        """A request left, or may have; ``billable`` unless the provider refused it."""
        self.sent = max(self.sent, sent, key=_SENT_ORDER.index)
        self._billable = self._billable or (billable and sent != "no")

    def broke(self, error: BaseException) -> None:
        """The stream of the attempt that went well has broken."""
        if attempts := self.info.attempts:
            attempts[-1] = attempts[-1]._replace(error=type(error).__name__)

    def so_far(self) -> tuple[Usage | None, pricing.Cost]:
        """What the call has used and cost, as far as its stream has come."""
        partial = self.partial()
        assert partial is not None  # noqa: S101 - only who reads a stream asks
        return self._usage(partial)[0], partial.cost

    def fork(self) -> Account:
        """An account of what runs beside others for this call; it is not settled, but merged."""
        other = copy.copy(self)
        other.info = replace(self.info, attempts=[])
        other._number = 0  # noqa: SLF001 - its own class
        if self.holds is not None:
            other.holds = self.holds.fork()
        if self.tab is not None:
            other.tab = self.tab.fork()
        return other

    def merge(self, other: Account, *, goes_on: bool) -> None:
        """Take over what a fork has come to; once more changes nothing.

        ``goes_on``: the call is what became of the fork: its answer, its host, the hold that is open.
        """
        mine = self.info
        if self.holds is not None and other.holds is not None:
            self.holds.merge(other.holds, goes_on=goes_on)
        if self.tab is not None and other.tab is not None:
            self.tab.merge(other.tab, goes_on=goes_on)
        self.left(other.sent, billable=other._billable)
        known = {attempt.number for attempt in mine.attempts}
        mine.attempts += [a for a in other.info.attempts if a.number not in known]
        mine.attempts.sort(key=_number)
        for secret in other.secrets:
            self.shows(secret)
        if goes_on:
            self.call = other.call
            for name in _OF_ATTEMPTS:
                setattr(mine, name, getattr(other.info, name))

    def priced(self, completion: A) -> A:
        """Put cost and call onto an answer."""
        self.info.seconds = self.elapsed()
        completion._call = self.info  # noqa: SLF001 - this is the one who may
        completion._cost = self._cost(completion)  # noqa: SLF001
        if rows := completion.rows():
            # Few calls have any, and what reads all their forms is large.
            from .rows import price_rows  # noqa: PLC0415

            price_rows(rows, self._catalogue, self.info.provider)
        return completion

    def settle(
        self,
        outcome: Outcome,
        response: Answer | None = None,
        error: BaseException | None = None,
    ) -> Flow[None]:
        """Store the settlement, then tell the callbacks; each happens once, however often this is run."""
        finished = self._decide(outcome, response, error)
        interrupted: BaseException | None = None
        while not self._told:
            try:
                yield from self._recorded(finished)
            except GeneratorExit:
                self.abandon()
                raise
            except Exception:
                raise
            except BaseException as interruption:  # noqa: BLE001 - cancelled, Ctrl-C: it goes on below
                interrupted = interruption
        if interrupted is not None:
            raise interrupted

    def _recorded(self, finished: CallFinished) -> Flow[None]:
        failure: Exception | None = None
        if self.holds is not None:
            yield from self.holds.close()
        if self.tab is not None:
            failure = yield from self.tab.settle()
        if not self._stored:
            try:
                yield from store(Settle(finished.settlement))
            except Exception as error:  # noqa: BLE001 - raised below: a ledger's failure silences nothing
                failure = error
            self._stored = True
        self._told = True
        if self._heard:
            yield from notify(finished)
        if failure is not None:
            raise failure

    def abandon(self) -> None:
        """The flow was dropped: leave the settlement where the next call finds it."""
        if not self._told:
            finished = self._decide("abandoned", self.partial(), None)
            self._told = True
            self._abandon(finished)
        for owing in (self.holds, self.tab):
            if owing is not None and owing.owing:
                self._abandon(owing)

    def partial(self) -> Answer | None:
        """A stream's answer as far as it has come."""
        return None if self.whole is None else self.priced(self.whole())

    def _decide(
        self, outcome: Outcome, response: Answer | None, error: BaseException | None
    ) -> CallFinished:
        if self._record is None:
            settlement = self._settlement(outcome, response, error)
            self._record = CallFinished(settlement, response, error)
        if self.holds is not None:
            self.holds.ended(self._own(self._record))
        if self.tab is not None and not self.tab.decided:
            self.tab.ended(self, self._record.settlement, self._record.response)
        return self._record

    def _own(self, finished: CallFinished) -> Settlement:
        """The settlement of what the open hold is for: what came before a stream went on elsewhere has had its own."""
        settlement, answer = finished.settlement, finished.response
        if self.seam is None or answer is None:
            return settlement
        counted, _, cost = self.part(answer)
        usage = counted or Usage()
        return settlement._replace(
            cost=cost.total,
            cost_status=cost.status,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
        )

    def _settlement(
        self, outcome: Outcome, response: Answer | None, error: BaseException | None
    ) -> Settlement:
        usage, source = self._usage(response)
        cost = self._cost_of_failure(error) if response is None else response.cost
        info = self.info
        info.seconds = self.elapsed()
        return Settlement(
            call_id=info.id,
            outcome=outcome,
            provider=info.provider,
            model=info.model,
            stream=self._stream,
            sent=self.sent,
            attempts=len(info.attempts),
            started=info.started,
            seconds=info.seconds,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            usage_source=source,
            cost=cost.total,
            cost_status=cost.status,
            cost_reason=cost.reason,
            error=None if error is None else _named(error),
            request_id=info.request_id,
            metadata=info.metadata,
            kind=info.kind,
        )

    def _cost_of_failure(self, error: BaseException | None) -> pricing.Cost:
        if not self._billable:
            return free("nothing was sent, or the provider refused")
        reason = "an answer came that could not be read" if _unread(error) else "no answer came"
        return pricing.unknown(f"{reason}; what was sent may have been billed")


def _number(attempt: Attempt) -> int:
    return attempt.number


# What says of a call which of its attempts answered.
_OF_ATTEMPTS = tuple(f.name for f in fields(CallInfo) if f.name not in (
    "id", "attempts", "started", "seconds", "first_chunk_seconds", "metadata", "attributes",
))  # fmt: skip


def _echoes(response: HTTPResponse, key: str) -> bool:
    if len(key) < SHORTEST:
        return False
    return key.encode() in response.body or any(key in v for v in response.headers.values())


def _unread(error: BaseException | None) -> bool:
    return isinstance(error, APIResponseValidationError)


def _named(error: BaseException) -> str:
    status = error.status_code if isinstance(error, APIStatusError) else None
    return f"{type(error).__name__} {status}" if status else type(error).__name__
