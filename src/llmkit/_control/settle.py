"""The account of one call: its attempts, what it used and cost, and its one settlement.

Rule 1: a settlement is decided once; asking again gives the same record.
Rule 2: it is stored before the callbacks hear of it, and they hear of it once.
Rule 3: where no flow can run any more (a dropped stream), it goes on the queue instead.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from .. import pricing
from .._call import Adjustment, Attempt, CallInfo, Sent, keep_headers, keep_limits
from .._flow import Flow, Notify, Store
from .._headers import LateHeaders
from .._http import HTTPResponse
from .._secret import HIDDEN, SHORTEST, Secret, redact_headers
from .._settlements import Outcome, Settle, Settlement
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

_Decided = tuple[Settlement, Answer | None, BaseException | None]
_tuple = tuple.__new__
_no_rows = Answer.rows


class Account(Tally):
    """Everything that is known of one call while it runs."""

    # What is so at first stands here, in the class: every call makes one.
    sent: Sent = "no"
    _billable = False
    whole: Callable[[], Answer] | None = None
    """What gives a stream's answer as far as it has come."""
    secrets: tuple[Secret, ...] = ()
    under_way = 0
    """The number of the attempt under way, once it is asked for; 0: none is."""
    _priced: tuple[Answer, pricing.Cost] | None = None
    _record: _Decided | None = None
    """What a ``CallFinished`` is made of, once it is decided."""
    _stored = _told = False

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
        self._numbers = count(1)

    @property
    def drains(self) -> float:
        """Seconds for which a stream that is closed early is read on; 0: it is not."""
        return 0.0 if self.tab is None else self.tab.drains

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock() - self._begun

    def leaving(
        self, leg: Leg, ledger: tuple[Adjustment, ...], secret: Secret | None = None
    ) -> None:
        """A request is about to go out on this leg, with this credential as far as it is known already."""
        call, info = leg.call, self.info
        self.call = call
        info.provider, info.model, info.deployment = call.provider, call.model, leg.deployment
        info.ledger, info.key_source, info.base_url = ledger, leg.key_source, leg.endpoint.base_url
        if secret is not None and secret not in self.secrets:
            self.secrets = (*self.secrets, secret)

    def shows(self, secret: Secret | None) -> None:
        """This credential goes out: wherever it comes back from now on, it is hidden."""
        if secret is not None and secret not in self.secrets:
            self.secrets = (*self.secrets, secret)

    def asking(self) -> None:
        """An exchange begins: nothing of an earlier one belongs to it."""
        info = self.info
        info.status_code = info.request_id = None
        info.headers, info.rate_limits, info.raw = {}, {}, b""
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

    def replays(self) -> None:
        """What follows is an answer that was kept, and costs nothing."""
        self.cached = self.info.cache_hit = True

    def unanswered(self) -> None:
        """No answer belongs to what is tried now."""
        info = self.info
        info.status_code = info.request_id = None
        info.headers, info.rate_limits, info.raw = {}, {}, b""

    def answered(self, response: HTTPResponse) -> None:
        """An answer's head (and body) is there; a key that it echoes is not kept."""
        headers = response.headers
        # Those that are read later hide it by themselves.
        if late := headers.__class__ is LateHeaders:
            headers.hide(self.secrets)
        for secret in self.secrets:
            key = secret.reveal()
            if len(key) < SHORTEST:
                continue
            if key.encode() in response.body or (not late and key in "\n".join(headers.values())):
                headers = redact_headers(headers, self.secrets)
                response = HTTPResponse(response.status, headers, self._hidden(response.body))
                break
        info = self.info
        info.status_code, info.request_id = response.status, response.request_id
        keep_headers(info, headers)
        keep_limits(info, None)
        info.raw = response.body

    def _hidden(self, body: bytes) -> bytes:
        for secret in self.secrets:
            if len(key := secret.reveal()) >= SHORTEST:
                body = body.replace(key.encode(), HIDDEN.encode())
        return body

    def number(self) -> int:
        """The number of the attempt under way; those that run beside each other have different ones."""
        self.under_way = self.under_way or next(self._numbers)
        return self.under_way

    def tried(self, attempt: Attempt, error: BaseException | None) -> None:
        """An attempt has ended; ``error`` is what it ended with."""
        self.info.attempts.append(attempt)
        self.under_way = 0
        if error is None:
            self.sent, self._billable = "yes", True
        else:
            self.left(attempt.sent, billable=not refused(error))

    def left(self, sent: Sent, *, billable: bool = True) -> None:
        """A request left, or may have; ``billable`` unless the provider refused it."""
        if sent == "yes" or self.sent == "no":
            self.sent = sent
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
        other.under_way = 0
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
        info = self.info
        info.seconds = self._clock() - self._begun
        cost = self._cost_of(completion) if self.seam is None else self._joined(completion)
        self._priced = completion, cost
        completion.came(info, cost)
        if type(completion).rows is not _no_rows and (rows := completion.rows()):
            # Few calls have any, and what reads all their forms is large.
            from .rows import price_rows  # noqa: PLC0415

            price_rows(rows, self._catalogue, info.provider)
        return completion

    def settle(
        self,
        outcome: Outcome,
        response: Answer | None = None,
        error: BaseException | None = None,
    ) -> Flow[None]:
        """Store the settlement, then tell the callbacks; each happens once, however often this is run."""
        decided = self._decide(outcome, response, error)
        interrupted: BaseException | None = None
        while not self._told:
            failure: Exception | None = None
            try:
                owed = self.holds is not None or self.tab is not None
                failure = (yield from self._charged(decided[0])) if owed else None
                if not self._stored:
                    try:
                        yield Store(Settle(decided[0]))
                    except Exception as error_of_store:  # noqa: BLE001 - raised below: a ledger's failure silences nothing
                        failure = error_of_store
                    self._stored = True
                self._told = True
                if self._heard:
                    yield Notify(CallFinished(*decided, self.info))
                if failure is not None:
                    raise failure
            except GeneratorExit:
                self.abandon()
                raise
            except Exception:
                raise
            except BaseException as interruption:  # noqa: BLE001 - cancelled, Ctrl-C: it goes on below
                interrupted = interruption
            finally:
                # It knows this frame: what both hold would wait for the collector.
                failure = None
        if interrupted is not None:
            raise interrupted

    def _charged(self, settlement: Settlement) -> Flow[Exception | None]:
        """Settle what was held, and store how the call ended with it if that can be; what is billed; its failure."""
        if self.holds is not None:
            # Before it is stored, billing has been told.
            early = None if self._stored or self.tab is not None else settlement
            if (yield from self.holds.close(early)):
                self._stored = True
        if self.tab is None:
            return None
        return (yield from self.tab.settle())

    def abandon(self) -> None:
        """The flow was dropped: leave the settlement where the next call finds it."""
        if not self._told:
            decided = self._decide("abandoned", self.partial(), None)
            self._told = True
            self._abandon(CallFinished(*decided, self.info))
        for owing in (self.holds, self.tab):
            if owing is not None and owing.owing:
                self._abandon(owing)

    def partial(self) -> Answer | None:
        """A stream's answer as far as it has come."""
        return None if self.whole is None else self.priced(self.whole())

    def _decide(
        self, outcome: Outcome, response: Answer | None, error: BaseException | None
    ) -> _Decided:
        decided = self._record
        if decided is None:
            settlement = self._settlement(outcome, response, error)
            decided = self._record = settlement, response, error
        if self.holds is not None:
            self.holds.ended(self._own(*decided[:2]))
        if self.tab is not None and not self.tab.decided:
            self.tab.ended(self, *decided[:2])
        return decided

    def _own(self, settlement: Settlement, answer: Answer | None) -> Settlement:
        """The settlement of what the open hold is for: what came before a stream went on elsewhere has had its own."""
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
        seen, known = self._seen, self._priced
        # What it was priced by is not read a second time.
        if seen is None or seen[0] is not response or seen[1] is not self.counted or self.seam:
            usage, source = self._usage(response)
        else:
            usage, source = seen[2:]
        if response is None:
            cost = self._cost_of_failure(error)
        else:
            cost = known[1] if known is not None and known[0] is response else response.cost
        info = self.info
        info.seconds = self._clock() - self._begun
        # In the order of its fields: every call makes one, and its own __new__ is three times as slow.
        return _tuple(Settlement, (
            info.id, outcome, info.provider, info.model, self._stream, self.sent, len(info.attempts),
            info.started, info.seconds,
            None if usage is None else usage.prompt_tokens,
            None if usage is None else usage.completion_tokens,
            source, cost.total, cost.status, cost.reason,
            None if error is None else _named(error), info.request_id,
            info.metadata if info.saved_cache_cost is None else _saving(info.metadata, info.saved_cache_cost),
            info.kind,
        ))  # fmt: skip

    def _cost_of_failure(self, error: BaseException | None) -> pricing.Cost:
        if not self._billable:
            return free("nothing was sent, or the provider refused")
        reason = "an answer came that could not be read" if _unread(error) else "no answer came"
        return pricing.unknown(f"{reason}; what was sent may have been billed")


def _saving(metadata: Mapping[str, Any], saved: pricing.Cost) -> Mapping[str, Any]:
    """What a hit's settlement keeps beside, in LiteLLM's word: a ledger's columns have no place for it."""
    total = None if saved.total is None else f"{saved.total:f}"
    return {"saved_cache_cost": total, **metadata}


def _number(attempt: Attempt) -> int:
    return attempt.number


# What says of a call which of its attempts answered.
_OF_ATTEMPTS = tuple(f.name for f in fields(CallInfo) if f.name not in (
    "id", "attempts", "started", "seconds", "first_chunk_seconds", "metadata", "attributes",
))  # fmt: skip


def _unread(error: BaseException | None) -> bool:
    return isinstance(error, APIResponseValidationError)


def _named(error: BaseException) -> str:
    status = error.status_code if isinstance(error, APIStatusError) else None
    return f"{type(error).__name__} {status}" if status else type(error).__name__
