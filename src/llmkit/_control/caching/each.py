"""The flow of a call whose inputs are kept one by one: look for each, ask for those that are not known, keep them.

It is ``Caching`` in all else: who waits for whom, how it ends, and what becomes of a store that fails. What an entry
has in it, and how one answer is made of several, is ``vectors``'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..._entries import KeepEach, LookEach
from ..._flow import Flow, notify
from ..._http import HTTPResponse
from ...errors import LLMKitError
from ...events import CacheHit, CacheMissed, EntryUnreadable
from ...types.answer import Answer
from .. import cache_key
from ..job import Job, Leg
from .entry import DamagedEntry, Entry, packed, unpacked
from .fit import asks, whole
from .flow import Caching, Found, Ready
from .naming import parts_of
from .vectors import Each, Vector, apart, composed, read, written

if TYPE_CHECKING:
    from ..settle import Account
    from .controls import Control

__all__ = ["CachingEach"]


class _Plan:
    """One deployment that may answer: the keys of all inputs there, and what is known of them."""

    __slots__ = ("keys", "known", "ready", "seat")

    def __init__(self, ready: Ready, keys: Sequence[str], seat: str) -> None:
        self.ready, self.keys, self.seat = ready, keys, seat
        self.known: Mapping[str, Vector] = {}

    def takes(self, found: Mapping[str, Vector]) -> None:
        """Know these, as far as they are its own: of several models' vectors those of the latest."""
        mine = {key: found[key] for key in self.keys if key in found}
        if mine:
            latest = max(mine.values(), key=lambda vector: vector.made).model
            mine = {key: vector for key, vector in mine.items() if vector.model == latest}
        self.known = mine

    @property
    def whole(self) -> bool:
        """Whether nobody need be asked."""
        return all(key in self.known for key in self.keys)


class CachingEach(Caching):
    """One call's part in a cache, where it is one of embeddings. Arguments as ``Caching``'s."""

    __slots__ = ("_plans", "_slept")

    def __init__(self, cache: Any, control: Control, tenant: Sequence[Any]) -> None:
        super().__init__(cache, control, tenant)
        self._plans: list[_Plan] = []
        self._slept = False

    @override
    def find(self, job: Job, account: Account, ready: Sequence[Ready]) -> Flow[Found]:
        fits = bool(ready) and all(asks(leg.call) and apart(leg.call) for leg, _ in ready)
        if not fits or not self._ready(job):
            return (yield from super().find(job, account, ready))
        self._plans = yield from self._planned(job, account, ready)
        if not self._plans:
            return Found(ready)
        self._keys = tuple(sorted({plan.seat for plan in self._plans}))
        if self._control.reads:
            hit = yield from self._looked(job, account)
            if hit is None and self._single:
                hit = yield from self._turn(job, account)
            if hit is not None:
                return Found(ready, hit)
            yield from self._missed(job)
        return Found([self._asking(job, plan) for plan in self._plans])

    def _missed(self, job: Job) -> Flow[None]:
        known = sum(key in self._plans[0].known for key in self._plans[0].keys)
        self._cache.count("misses")
        self._cache.count("inputs", known)
        if job.heard:
            yield from notify(CacheMissed(job.id, self._keys[0], known))

    def _asking(self, job: Job, plan: _Plan) -> Ready:
        """The request for what is not known there."""
        leg, request = plan.ready
        call: Any = leg.call
        if not plan.known and not self._control.keeps:
            return plan.ready
        known = plan.known if self._control.reads else {}
        # Who is to ask anew asks for all of it as it stands.
        keys = plan.keys if self._control.reads else None
        wire = Each(leg.wire, call, keys, known, bounded=_bounded(job, leg))
        if wire.asked is call:
            return self._taping(replace(leg, wire=wire), request)
        asked = replace(leg, wire=wire, call=wire.asked)
        request = leg.wire.build(asked.call, leg.endpoint).with_headers(leg.headers)
        return self._taping(asked, request)

    def _taping(self, leg: Leg, request: Any) -> Ready:
        self._taped.append((leg, request, leg.wire))
        return leg, request

    @override
    def taped(self, ready: Ready) -> Ready:
        leg, request = ready
        call: Any = leg.call
        if not self._plans:
            return super().taped(ready)
        if not self._control.keeps or not apart(call):
            return ready
        return self._taping(replace(leg, wire=Each(leg.wire, call, None, {})), request)

    # --- keys

    def _planned(self, job: Job, account: Account, ready: Sequence[Ready]) -> Flow[list[_Plan]]:
        """The keys of each input at each deployment; none where the cache cannot be asked, or it has no key."""
        plans: list[_Plan] = []
        if (yield from self._salted(job)):
            for one in ready:
                keys = yield from self._named_each(job, account, *one)
                if keys is None:
                    return []
                plans.append(_Plan(one, keys[:-1], keys[-1]))
        return plans

    def _named_each(
        self, job: Job, account: Account, leg: Leg, request: Any
    ) -> Flow[list[str] | None]:
        """The keys of a call's inputs, and that of all together; ``None`` where they have none.

        Each is that of the request for it alone: all that such a request says beside its input, and the input.
        """
        call: Any = leg.call
        probe = replace(leg, call=replace(call, inputs=("x",), alone=False))
        try:
            request = leg.wire.build(probe.call, leg.endpoint).with_headers(leg.headers)
            items = [cache_key.spelled(item) for item in call.inputs]
        except (LLMKitError, TypeError, ValueError):
            return None
        parts = yield from parts_of(self._cache, job, account, probe, request, self._tenant)
        if parts is None:
            return None
        space = self._space
        return cache_key.keys(
            self._cache.salt, space, [*parts, b"input"], [*items, b"\0".join([b"", *items])]
        )

    # --- what there is

    @override
    def _looked(self, job: Job, account: Account) -> Flow[Any]:
        keys = tuple(dict.fromkeys(key for plan in self._plans for key in plan.keys))
        entries = yield from self._asked(job, LookEach(keys))
        if entries is None:
            return None
        found: dict[str, Vector] = {}
        for key, data in zip(keys, entries, strict=True):
            if data is None:
                continue
            vector = yield from self._opened(job, key, data)
            if vector is not None:
                found[key] = vector
        for plan in self._plans:
            plan.takes(found)
        done = next((plan for plan in self._plans if plan.whole), None)
        return None if done is None else (yield from self._hit(job, account, done))

    def _opened(self, job: Job, key: str, data: bytes) -> Flow[Vector | None]:
        try:
            entry = unpacked(data, (key,))
            if entry is None:
                return None
            if self._too_old(job.clock.wall() - entry.made):
                return None
            return read(entry)
        except DamagedEntry as error:
            reason = str(error)
        self._cache.count("unreadable")
        yield from notify(EntryUnreadable(job.id, key, reason))
        return None

    def _hit(self, job: Job, account: Account, plan: _Plan) -> Flow[Answer]:
        leg, request = plan.ready
        answer = composed(plan.known, plan.keys)
        self._cache.count("hits")
        account.leaving(leg, request.adjustments)
        account.answered(HTTPResponse(200))
        account.replays()
        if job.heard:
            made = min(vector.made for vector in plan.known.values())
            age = max(0.0, job.clock.wall() - made)
            yield from notify(CacheHit(job.id, plan.seat, age))
        return answer

    # --- others who ask the same

    @override
    def _turn(self, job: Job, account: Account) -> Flow[Any]:
        answer = yield from super()._turn(job, account)
        if answer is None and self._slept:
            # Another process has asked meanwhile, and what it has kept is found under other keys than its claim.
            answer = yield from self._looked(job, account)
        return answer

    @override
    def _paused(self, job: Job, account: Account, seconds: float) -> Flow[None]:
        self._slept = True
        return super()._paused(job, account, seconds)

    # --- its end

    @override
    def keep(self, job: Job, account: Account, answer: Answer) -> Flow[None]:
        yield from super().keep(job, account, answer)
        for leg, _, wire in self._taped:
            if leg.call is account.call and isinstance(wire, Each):
                # What was asked is settled; whoever looks at the answer has asked for more.
                account.call = wire.call
                return

    @override
    def failed(self, job: Job, account: Account) -> Flow[None]:
        for leg, request, wire in self._taped:
            if isinstance(wire, Each) and wire.outdated and self._control.keeps:
                # What came is the new model's: by it the next call knows that the rest is not.
                wire.outdated = False
                entries = yield from self._entries(job, account, leg, request, wire)
                yield from self._asked(job, KeepEach(entries, self._ttl))
        yield from super().failed(job, account)

    @override
    def _kept(self, job: Job, account: Account, answer: Answer) -> Flow[bool]:
        if not self._plans:
            return (yield from super()._kept(job, account, answer))
        found = [one for one in self._taped if one[0].call is account.call]
        if not found or self._ttl == 0 or account.mocked or not whole(job.kind, answer):
            return False
        entries = yield from self._entries(job, account, *found[-1])
        if not entries:
            self._cache.count("unkept")
            return False
        claim = (self._keys[0], self._who) if self._leased else ("", "")
        done = yield from self._asked(job, KeepEach(entries, self._ttl, *claim))
        self._leased = self._leased and done is None
        self._cache.count("kept" if done else "unkept")
        return bool(done)

    def _entries(
        self, job: Job, account: Account, leg: Leg, request: Any, wire: Each
    ) -> Flow[tuple[tuple[str, bytes], ...]]:
        """What came, input by input, as it is kept."""
        keys: Sequence[str] | None = wire.keys
        if keys is None or callable(leg.key):
            # By the key that a function says now: it may be another's than when the call began.
            plain = replace(leg, wire=wire._wire, call=wire.call)  # noqa: SLF001 - one of us
            keys = yield from self._named_each(job, account, plain, request)
        if keys is None:
            return ()
        now, most = job.clock.wall(), self._cache.max_entry_bytes
        made: Iterable[tuple[str, bytes | None]] = (
            (keys[place], packed(Entry(keys[place], now, False, exchanges), account.secrets))
            for place, exchanges in written(wire, job.id)
        )
        return tuple([(key, data) for key, data in made if data is not None and len(data) <= most])


def _bounded(job: Job, leg: Leg) -> bool:
    """Whether something is held for a request, by its call: then nothing more may be asked under it."""
    return job.book is not None or job.desk is not None or "max_cost" in leg.options
