"""The account of one call: its attempts, what it used and cost, and its one settlement.

Rule 1: a settlement is decided once; asking again gives the same record.
Rule 2: it is stored before the callbacks hear of it, and they hear of it once.
Rule 3: where no flow can run any more (a dropped stream), it goes on the queue instead.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from .. import pricing
from .._call import Adjustment, Attempt, Call, CallInfo, Sent
from .._flow import Flow, notify, store
from .._http import HTTPResponse
from .._operations import Outcome, Settle, Settlement, UsageSource
from .._ratelimit import rate_limits
from .._secret import HIDDEN, SHORTEST, Secret, redact_headers
from ..catalogue import Catalogue, ModelInfo, default
from ..errors import APIResponseValidationError, APIStatusError
from ..events import CallFinished
from ..types.answer import Answer
from ..types.usage import Usage
from .address import model_of
from .retry import refused

if TYPE_CHECKING:
    from .hold import Holds
    from .job import Leg

__all__ = ["Account"]

A = TypeVar("A", bound=Answer)

_UNSAID = "the answer does not say what was used"
_SENT_ORDER: tuple[Sent, ...] = ("no", "maybe", "yes")


class Account:
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
    ) -> None:
        self.info = info
        self.holds = holds
        """What is held for the call, where it has a budget."""
        self._stream, self._clock, self._heard = stream, clock, heard
        self._abandon = abandon
        self._catalogue = default() if catalogue is None else catalogue
        self._begun = clock()
        self.sent: Sent = "no"
        self._billable = False
        self.call: Call | None = None
        self.whole: Callable[[], Answer] | None = None
        """What gives a stream's answer as far as it has come."""
        self.counted = True
        """Whether what an answer says of its usage is all of it; a stream's grows until its end."""
        self.mocked = False
        self.secrets: tuple[Secret, ...] = ()
        self.seam: Any = None
        """Where a stream broke and another host writes on: what came before, and what has come since."""
        self._numbers = count(1)
        self._number = 0
        """Of the attempt under way; 0: none is."""
        self._record: CallFinished | None = None
        self._stored = self._told = False

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
        return other

    def merge(self, other: Account, *, goes_on: bool) -> None:
        """Take over what a fork has come to; once more changes nothing.

        ``goes_on``: the call is what became of the fork: its answer, its host, the hold that is open.
        """
        mine = self.info
        if self.holds is not None and other.holds is not None:
            self.holds.merge(other.holds, goes_on=goes_on)
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
        if self.holds is not None and self.holds.owing:
            self._abandon(self.holds)

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
            self.holds.ended(self._own(self._record.settlement))
        return self._record

    def _own(self, settlement: Settlement) -> Settlement:
        """The settlement of what the open hold is for: what came before a stream went on elsewhere has had its own."""
        if self.seam is None:
            return settlement
        part = self.seam.part()
        usage, cost = self._usage_of(part)[0] or Usage(), self._cost_of(part)
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

    def _usage(self, response: Answer | None) -> tuple[Usage | None, UsageSource]:
        if self.seam is None or response is None:
            return self._usage_of(response)
        usage, _ = self._usage_of(self.seam.part())
        return self.seam.joined(usage), "none" if usage is None else "estimated"

    def _usage_of(self, response: Answer | None) -> tuple[Usage | None, UsageSource]:
        told = None if response is None else response.counted()
        if response is None or self._told_all(told):
            return told, "reported" if told is not None else "none"
        guessed = None if self._concerns() else self._guessed(response)
        return guessed, "none" if guessed is None else "estimated"

    def _guessed(self, answer: Answer) -> Usage | None:
        # Only for what broke off.
        from .estimate import estimated  # noqa: PLC0415

        return estimated(answer, self.call)

    def _told_all(self, usage: Usage | None) -> bool:
        return self.counted and usage is not None and usage.completion_tokens is not None

    def _concerns(self) -> tuple[str, str] | None:
        return None if self.call is None else self.call.concerns

    def _cost(self, answer: Answer) -> pricing.Cost:
        if self.seam is None:
            return self._cost_of(answer)
        before: pricing.Cost = self.seam.cost
        return before + self._cost_of(self.seam.part())

    def _cost_of(self, answer: Answer) -> pricing.Cost:
        if self.mocked:
            return _free("no provider was asked")
        if (concerned := self._concerns()) is not None:
            return _of_none(self.info.provider, *concerned)
        usage = answer.counted()
        known, measures = self._told_all(usage), answer.measured(self.call)
        amount = _stated(answer, usage)
        guessed = None if known else self._guessed(answer)
        usage = guessed or usage
        if usage is None and not measures and amount is None:
            return pricing.unknown(_UNSAID)
        name = self._priced_as(answer)
        model = self._model(answer, name)
        if model is None and amount is None and (home := _at_home(self.info)) is not None:
            return home
        return pricing.cost(
            usage,
            model,
            measures=measures,
            service_tier=answer.tier() or self._asked_tier(),
            reported=amount and amount.usd,
            said_in=amount.place if amount else "",
            estimated=not known and (guessed is not None or not (self.counted and measures)),
            model_name=f"{self.info.provider}/{name}",
            on=self.info.started or None,
            seconds=self.info.seconds,
            conditions=self.call.facts if self.call else None,
            find=self._find,
        )

    def _find(self, name: str) -> ModelInfo | None:
        return model_of(self._catalogue, self.info.provider, name)

    def _model(self, answer: Answer, name: str) -> ModelInfo | None:
        """Whose rates hold: those given with the call, else of the model that answered, where that is another."""
        given: ModelInfo | None = self.call.price if self.call else None
        if given is not None:
            return given
        asked, served = self._find(name), getattr(answer, "model", None)
        said = self.call.priced_as if self.call else None
        if said is not None or not isinstance(served, str) or served in ("", name):
            return asked
        return self._catalogue.find(self.info.provider, served) or asked

    def _priced_as(self, answer: Answer) -> str:
        """The model whose price holds."""
        said = self.call.priced_as if self.call else None
        if said is None:
            return self.info.model
        return said or str(answer.get("model") or self.info.model)

    def _asked_tier(self) -> str | None:
        tier = self.call.params.get("service_tier") if self.call else None
        return tier if isinstance(tier, str) else None

    def _cost_of_failure(self, error: BaseException | None) -> pricing.Cost:
        if not self._billable:
            return _free("nothing was sent, or the provider refused")
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


def _stated(answer: Answer, usage: Usage | None) -> Any:
    """What the provider itself says that it cost: always in fields that are not OpenAI's."""
    if not (answer.__pydantic_extra__ or (usage is not None and usage.__pydantic_extra__)):
        return None
    from .stated import stated  # noqa: PLC0415 - few providers do

    return stated(answer, usage)


def _of_none(provider: str, resource: str, action: str) -> pricing.Cost:
    """What a call costs that asks for no model's answer."""
    from ..providers._unbilled import unbilled  # noqa: PLC0415 - few calls are such

    found = unbilled(provider, resource, action)
    return _free(found.reason) if found.known else pricing.unknown(found.reason)


def _at_home(info: CallInfo) -> pricing.Cost | None:
    """Nothing, where a model without a price runs on this machine."""
    from ..providers._unbilled import at_home  # noqa: PLC0415 - most models have prices

    why = at_home(info.provider, info.base_url)
    return None if why is None else _free(why)


def _free(reason: str) -> pricing.Cost:
    return pricing.Cost(total=Decimal(0), status="none", lines=(), reason=reason, revision="")


def _named(error: BaseException) -> str:
    status = error.status_code if isinstance(error, APIStatusError) else None
    return f"{type(error).__name__} {status}" if status else type(error).__name__
