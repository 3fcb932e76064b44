"""The flow of a call with a cache: look, wait for whoever asks the same, ask, keep. It never waits by itself.

Rule 1: a cache that fails is no failure of a call's: it is told, counted, and let be for a while.
Rule 2: who leads says in any case how it ended, so that nobody waits for what does not come.
Rule 3: streams wait for nobody: whoever reads them may stop in the middle, or be the same thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..._entries import Claim, Claimed, Founding, Keep, Look, Release
from ..._flow import Flow, Opened, acquire, notify, sleep, store
from ..._http import HTTPRequest
from ...errors import APITimeoutError, LLMKitError
from ...events import CacheHit, CacheMissed, CacheReached, CacheUnreachable, EntryUnreadable
from ...types.answer import Answer
from ..job import Job, Leg
from .entry import DamagedEntry, Entry, packed, unpacked
from .fit import asks, whole
from .naming import named
from .tape import Taped, replayed

if TYPE_CHECKING:
    from ..settle import Account
    from .controls import Control

__all__ = ["Caching", "Found", "Ready"]

Ready = tuple[Leg, HTTPRequest]
_AHEAD: Final = 5.0
"""Seconds by which the clocks of machines may differ."""
_POLLS: Final = (0.02, 0.5)
"""Seconds between two looks at what another process does: the first, and the longest."""


class Caching:
    """One call's part in a cache.

    Args:
        cache: what is shared by all calls: see ``llmkit.cache.Cache``.
        control: what the call says.
        tenant: whose it is, as far as that separates entries.
    """

    __slots__ = (
        "_by_key", "_cache", "_control", "_keys", "_leased", "_refused", "_seat", "_taped", "_tenant", "_who",
    )  # fmt: skip

    def __init__(self, cache: Any, control: Control, tenant: Sequence[Any]) -> None:
        self._cache, self._control, self._tenant = cache, control, tenant
        self._keys: tuple[str, ...] = ()
        self._by_key: dict[str, Ready] = {}
        self._taped: list[tuple[Leg, HTTPRequest, Any]] = []
        self._seat: Any = None
        self._leased = False
        self._refused: bytes | None = None
        self._who = ""

    @property
    def _single(self) -> bool:
        """Whether it may wait for others, and others for it."""
        return self._control.reads and self._control.keeps

    # --- before anybody is asked

    def find(self, job: Job, account: Account, ready: Sequence[Ready]) -> Flow[Found]:
        """What there is for one of these requests, or the requests, so that their answers can be kept.

        Raises:
            APITimeoutError: somebody else asks the same, and takes longer than this call may.
        """
        first = [one for one in ready if asks(one[0].call)]
        if not first or not self._ready(job):
            return Found(ready)
        keys = yield from self._name(job, account, first)
        if not keys:
            return Found(ready)
        # Whoever wants the same goes by the same one, whichever order theirs are in.
        self._by_key = dict(zip(keys, first, strict=True))
        self._keys = tuple(sorted(self._by_key))
        if self._control.reads:
            hit = yield from self._looked(job, account)
            if hit is None and self._single and not job.stream:
                hit = yield from self._turn(job, account)
            if hit is not None:
                return Found(ready, hit)
            self._cache.count("misses")
            if job.heard:
                yield from notify(CacheMissed(job.id, self._keys[0]))
        return Found([self.taped(one) for one in ready])

    def _ready(self, job: Job) -> bool:
        """Whether such calls are kept, and the store may be asked."""
        self._who = job.id
        return job.kind in self._cache.kinds and self._cache.open()

    def taped(self, ready: Ready) -> Ready:
        """A request whose answer is remembered."""
        leg, request = ready
        if not self._control.keeps or not self._keys:
            return ready
        wire = Taped(leg.wire, self._cache.max_entry_bytes)
        leg = replace(leg, wire=wire)
        self._taped.append((leg, request, wire))
        return leg, request

    def _name(self, job: Job, account: Account, ready: Sequence[Ready]) -> Flow[list[str]]:
        """The keys of some requests; none where the cache cannot be asked, or a call has no key."""
        if not (yield from self._salted(job)):
            return []
        keys = []
        for leg, request in ready:
            key = yield from self._named(job, account, leg, request)
            if key is None:
                return []
            keys.append(key)
        return keys

    def _salted(self, job: Job) -> Flow[bool]:
        """Know what keys are salted with; whether it is known."""
        cache = self._cache
        if cache.unsalted:
            # Of a store that was emptied the old one goes on, unless another has founded it since.
            salt = yield from self._asked(job, Founding(cache.salt or cache.fresh_salt()))
            if salt is None:
                return False
            cache.salted(salt)
        return True

    @property
    def _space(self) -> str:
        namespace = self._control.namespace
        return str(self._cache.namespace if namespace is None else namespace)

    @property
    def _ttl(self) -> float | None:
        ttl: float | None = self._cache.ttl if self._control.ttl is None else self._control.ttl
        return ttl

    def _named(
        self, job: Job, account: Account, leg: Leg, request: HTTPRequest
    ) -> Flow[str | None]:
        about = (self._space, self._tenant)
        return (yield from named(self._cache, job, account, leg, request, *about))

    def _looked(self, job: Job, account: Account) -> Flow[Any]:
        """What is kept, as an answer."""
        entry = yield from self._asked(job, Look(self._keys))
        if entry is None:
            return None
        return (yield from self._read(job, account, entry))

    def _read(self, job: Job, account: Account, data: bytes) -> Flow[Answer | Opened | None]:
        """An entry as an answer, unless it is too old, or none, or was so before."""
        if data == self._refused:
            return None
        self._refused = data
        try:
            entry = unpacked(data, self._keys)
            if entry is None:
                return None
            age = job.clock.wall() - entry.made
            if self._too_old(age):
                return None
            leg, request = self._by_key[entry.key]
            answer, head = replayed(entry, leg, stream=job.stream)
        except Exception as error:  # noqa: BLE001 - what cannot be read is a miss
            reason = (
                str(error)
                if isinstance(error, DamagedEntry | LLMKitError)
                else type(error).__name__
            )
            self._cache.count("unreadable")
            yield from notify(EntryUnreadable(job.id, self._keys[0], reason))
            return None
        self._cache.count("hits")
        account.info.cache_key = entry.key
        account.leaving(leg, request.adjustments)
        account.answered(head)
        account.replays()
        if job.heard:
            yield from notify(CacheHit(job.id, entry.key, max(0.0, age)))
        return answer

    def _too_old(self, age: float) -> bool:
        """Whether an entry of this age is not wanted. One that was made in the future may be of any."""
        return self._control.max_age is not None and not -_AHEAD < age <= self._control.max_age

    # --- others who ask the same

    def _turn(self, job: Job, account: Account) -> Flow[Any]:
        """Lead, or wait for who does; the answer, where there is one by then."""
        self._seat = seat = self._cache.flights.seat(self._keys[0])
        leads: Any = yield from acquire(
            seat, job.clock.now() + job.timeouts.total - account.elapsed()
        )
        if not leads:
            self._seat = None
            self._cache.count("waited")
            return (yield from self._looked(job, account))
        if seat.waited:
            self._cache.count("waited")
        wait, longest = _POLLS
        while True:
            found = yield from self._asked(job, Claim(self._keys, self._who, self._cache.lease))
            if not isinstance(found, Claimed):
                return None
            if found.entry is not None:
                return (yield from self._came(job, account, found.entry))
            if not found.taken:
                self._leased = self._cache.lease > 0
                return None
            yield from self._paused(job, account, min(wait, found.taken))
            wait = min(longest, wait * 1.5)

    def _came(self, job: Job, account: Account, entry: bytes) -> Flow[Answer | Opened | None]:
        """Somebody has kept it meanwhile."""
        answer = yield from self._read(job, account, entry)
        if answer is not None:
            self.left(kept=True)
        return answer

    def _paused(self, job: Job, account: Account, seconds: float) -> Flow[None]:
        left = job.timeouts.total - account.elapsed()
        if left <= 0:
            provider, model = job.named
            raise APITimeoutError(
                f"the call's {job.timeouts.total:g} s were used up waiting for who asks the same",
                provider=provider,
                model=model,
                sent="no",
            )
        yield from sleep(min(seconds, left))

    # --- its end

    def keep(self, job: Job, account: Account, answer: Answer) -> Flow[None]:
        """Keep an answer that is settled, if it is whole; whoever waits is told in any case."""
        kept = False
        try:
            if not account.cached and self._control.keeps:
                kept = yield from self._kept(job, account, answer)
            if self._leased and not kept:
                yield from self._asked(job, Release(self._keys[0], self._who))
                self._leased = False
        finally:
            self.left(kept=kept or account.cached)

    def _kept(self, job: Job, account: Account, answer: Answer) -> Flow[bool]:
        found = [one for one in self._taped if one[0].call is account.call]
        if (
            not found
            or self._ttl == 0
            or account.mocked
            or account.seam
            or not whole(job.kind, answer)
        ):
            return False
        leg, request, tape = found[-1]
        info = account.info
        exchanges = tape.exchanges((info.status_code, info.headers) if job.stream else None)
        key = yield from self._named(job, account, leg, request)
        info.cache_key = key
        if exchanges is None or key is None:
            self._cache.count("unkept")
            return False
        data = packed(Entry(key, job.clock.wall(), job.stream, exchanges), account.secrets)
        if data is None or len(data) > self._cache.max_entry_bytes:
            self._cache.count("unkept")
            return False
        claim = (self._keys[0], self._who) if self._leased else ("", "")
        done = yield from self._asked(job, Keep(key, data, self._ttl, *claim))
        self._leased = self._leased and not done
        self._cache.count("kept" if done else "unkept")
        return bool(done)

    def failed(self, job: Job, account: Account) -> Flow[None]:
        """Nothing will be kept: whoever waits asks."""
        try:
            if self._leased:
                self._leased = False
                yield from self._asked(job, Release(self._keys[0], self._who))
        finally:
            self.left(kept=False, failed=True)

    def left(self, *, kept: bool, failed: bool = False) -> None:
        """Wait for nothing any more, and be waited for by nobody. Again and again is fine."""
        seat, self._seat = self._seat, None
        if seat is not None:
            seat.leave(hands_over=failed and not kept)

    # --- the store

    def _asked(self, job: Job, operation: Any) -> Flow[Any]:
        """What the store says; ``None`` where it cannot be asked."""
        cache = self._cache
        if not cache.open():
            return None
        failure: Exception | None = None
        try:
            try:
                answer = yield from store(operation, cache.store)
            except Exception as error:  # noqa: BLE001 - whatever it is, the call goes on without
                failure = error
            if failure is not None:
                if cache.broke():
                    yield from notify(CacheUnreachable(repr(cache.store), failure))
                return None
        finally:
            # It knows this frame: what both hold would wait for the collector.
            failure = None
        if (seconds := cache.works()) is not None:
            yield from notify(CacheReached(repr(cache.store), seconds))
        return answer


class Found(NamedTuple):
    """The requests that are left to make, or the answer that makes them needless."""

    ready: Sequence[Ready]
    answer: Answer | Opened | None = None
