"""What an answer has used and cost, as far as it has come: counted by its provider, or guessed; and whose rates hold.

It is one half of an ``Account``; what is decided once, stored and told, is the other.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .. import pricing
from .._call import Call, CallInfo
from .._settlements import UsageSource
from ..catalogue import Catalogue, ModelInfo
from ..types.answer import Answer
from ..types.usage import Usage
from .address import model_of

__all__ = ["Tally", "free"]

_nothing = Answer.measured
_UNSAID = "the answer does not say what was used"
_KEPT = "answered from the cache"


class Tally:
    """What one call's answer has used and cost."""

    info: CallInfo
    call: Call | None = None
    counted = True
    """Whether what an answer says of its usage is all of it; a stream's grows until its end."""
    mocked = False
    cached = False
    """Whether the answer is one that was kept: nothing was used for it."""
    seam: Any = None
    """Where a stream broke and another host writes on: what came before, and what has come since."""
    _catalogue: Catalogue
    _seen: tuple[Answer, bool, Usage | None, UsageSource] | None = None
    """An answer that was looked at for its price, whether it was all, and what it had used."""

    def _usage(self, response: Answer | None) -> tuple[Usage | None, UsageSource]:
        if self.seam is None or response is None:
            return self._usage_of(response)
        usage, _ = self._usage_of(self.seam.part())
        return self.seam.joined(usage), "none" if usage is None else "estimated"

    def part(self, answer: Answer) -> tuple[Usage | None, UsageSource, pricing.Cost]:
        """What the host that answers now has used and costs: a part of the answer, where a stream went on elsewhere."""
        if self.seam is None:
            return *self._usage_of(answer), answer.cost
        own = self.seam.part()
        return *self._usage_of(own), self._cost_of(own)

    def _usage_of(self, response: Answer | None) -> tuple[Usage | None, UsageSource]:
        if response is None or self.cached:
            return None, "none"
        seen = self._seen
        if seen is not None and seen[0] is response and seen[1] is self.counted:
            return seen[2:]
        told = response.counted()
        if self.counted and told is not None and told.completion_tokens is not None:
            return told, "reported"
        concerns = None if self.call is None else self.call.concerns
        guessed = None if concerns is not None else self._guessed(response)
        return guessed, "none" if guessed is None else "estimated"

    def _guessed(self, answer: Answer) -> Usage | None:
        # Only for what broke off.
        from .estimate import estimated  # noqa: PLC0415

        return estimated(answer, self.call)

    def _joined(self, answer: Answer) -> pricing.Cost:
        """What both hosts cost, where a stream went on elsewhere."""
        before: pricing.Cost = self.seam.cost
        return before + self._cost_of(self.seam.part())

    def _cost_of(self, answer: Answer) -> pricing.Cost:
        if self.cached:
            self.info.saved_cache_cost = self._asked_for(answer)
            # What it had used is not what this call has used.
            self._seen = None
            return free(_KEPT)
        if self.mocked:
            return free("no provider was asked")
        return self._asked_for(answer)

    def _asked_for(self, answer: Answer) -> pricing.Cost:
        """What an answer costs that was asked for."""
        call, info = self.call, self.info
        if call is not None and (concerned := call.concerns) is not None:
            return _of_none(info.provider, *concerned)
        usage = answer.counted()
        # Most answers have nothing to be measured, and are not asked.
        measures = () if type(answer).measured is _nothing else answer.measured(call)
        more = answer.__pydantic_extra__ or (usage is not None and usage.__pydantic_extra__)
        amount = _stated(answer, usage) if more else None
        known = self.counted and usage is not None and usage.completion_tokens is not None
        guessed = None if known else self._guessed(answer)
        source: UsageSource = "reported" if known else "none" if guessed is None else "estimated"
        self._seen = answer, self.counted, usage if known else guessed, source
        usage = guessed or usage
        if usage is None and not measures and amount is None:
            return pricing.unknown(_UNSAID)
        name, model = self._model(answer, call)
        if model is None and amount is None:
            home = _at_home(info.provider, info.base_url)
            if home is not None:
                return home
        return pricing.cost(
            usage,
            model,
            measures=measures,
            service_tier=answer.tier() or _tier(call),
            reported=amount and amount.usd,
            said_in=amount.place if amount else "",
            estimated=not known and (guessed is not None or not (self.counted and measures)),
            model_name=f"{info.provider}/{name}",
            on=info.started or None,
            seconds=info.seconds,
            conditions=call.facts if call is not None else None,
            find=self._find,
        )

    def _find(self, name: str) -> ModelInfo | None:
        return model_of(self._catalogue, self.info.provider, name)

    def _model(self, answer: Answer, call: Call | None) -> tuple[str, ModelInfo | None]:
        """The name, and whose rates hold: those given with the call, else those of the model that answered."""
        name, said = self.info.model, None
        if call is not None:
            said = call.priced_as
            if said is not None:
                name = said or str(answer.get("model") or name)
            if call.price is not None:
                return name, call.price
        served = getattr(answer, "model", None)
        if said is None and isinstance(served, str) and served not in ("", name):
            found = self._catalogue.find(self.info.provider, served)
            if found is not None:
                return name, found
        return name, self._find(name)

    def asked(self, call: Call, address: str) -> tuple[Usage | None, UsageSource, pricing.Cost]:
        """What is known of a request that has no answer, and may have been done: its prompt, at its model's rates."""
        from .estimate import prompted  # noqa: PLC0415 - few calls have none

        usage, name = prompted(call), call.model if call.priced_as is None else call.priced_as
        model = call.price or model_of(self._catalogue, call.provider, name)
        if model is None and (home := _at_home(call.provider, address)) is not None:
            return usage, "none", home
        if usage is None:
            return (
                None,
                "none",
                pricing.unknown("no answer came; what was sent may have been billed"),
            )
        cost = pricing.cost(
            usage,
            model,
            service_tier=_tier(call),
            estimated=True,
            model_name=f"{call.provider}/{name}",
            on=self.info.started or None,
            conditions=call.facts,
            find=lambda other: model_of(self._catalogue, call.provider, other),
        )
        return usage, "estimated", cost


def _tier(call: Call | None) -> str | None:
    tier = call.params.get("service_tier") if call else None
    return tier if isinstance(tier, str) else None


def _stated(answer: Answer, usage: Usage | None) -> Any:
    """What the provider itself says that it cost: always in fields that are not OpenAI's."""
    from .stated import stated  # noqa: PLC0415 - few providers do

    return stated(answer, usage)


def _of_none(provider: str, resource: str, action: str) -> pricing.Cost:
    """What a call costs that asks for no model's answer."""
    from ..providers._unbilled import unbilled  # noqa: PLC0415 - few calls are such

    found = unbilled(provider, resource, action)
    return free(found.reason) if found.known else pricing.unknown(found.reason)


def _at_home(provider: str, address: str) -> pricing.Cost | None:
    """Nothing, where a model without a price runs on this machine."""
    from ..providers._unbilled import at_home  # noqa: PLC0415 - most models have prices

    why = at_home(provider, address)
    return None if why is None else free(why)


def free(reason: str) -> pricing.Cost:
    """Nothing, for this reason."""
    return pricing.Cost(total=Decimal(0), status="none", lines=(), reason=reason, revision="")
