"""What all kinds of call of a ``Client`` share: options, connections, callbacks, one ledger, and how a flow is run.

It owns drivers and runs flows; what happens to a call is decided in ``_control``, what kinds there are in ``_kinds``.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from typing_extensions import Unpack

from ._call import CONTEXT, new_call_id
from ._control import plan
from ._control.call import perform
from ._control.dry import DryRun, dry
from ._control.job import Clock as ReadClock
from ._control.job import Job
from ._control.places import Places
from ._control.plan import Kind
from ._control.prices import price_of
from ._control.retry import RetryPolicy
from ._cost import Cost, Unbounded
from ._given import Attached, caching_of, catalogue_of, listeners, no_call
from ._io import _tap, aio_stream, sync_stream
from ._io._borrowed import Borrowed, is_async_client
from ._io._clock import SYSTEM_CLOCK, Clock
from ._io._limit import ParallelLimit
from ._io._loops import Loops
from ._io._network import Network, chosen, refuse_beside
from ._io._observe import Observers, configure_log, log_level
from ._io._tap import athrough, through, transport
from ._io.aio import AsyncDriver
from ._io.aio_stream import AsyncStream
from ._io.sync import SyncDriver
from ._io.sync_stream import Stream
from ._left import asettle_left, known, leaving, perform_late, settle_left
from ._settlements import Store
from .catalogue import Catalogue
from .errors import ConfigurationError
from .ledger import MemoryLedger
from .providers import Tokens
from .types.params import ClientOptions

__all__ = ["NAMED", "Core"]

_new = object.__new__
_AnyStream = TypeVar("_AnyStream", Stream[Any, Any], AsyncStream[Any, Any])


class Core(Attached):
    """Everything of a client but its calls.

    Args:
        callbacks: functions of one event (``llmkit.events``), or sinks' names (``llmkit.telemetry``).
        hooks: guardrails with ``before_call`` and ``after_call``; see ``llmkit.events.Hook``.
        ledger: where settlements go; by default a ``MemoryLedger``.
        budget: a ``BudgetManager``: what calls may cost, and how many there may be.
        billing: a ``LagoBilling``: who may call, and whose bill it goes on.
        cache: a ``Cache``, or where one is kept: ``"memory"``, a path, ``redis://…``; see ``llmkit.cache``.
        billing: a ``LagoBilling``: who is billed for what calls cost, and may make them.
        cache: a ``Cache`` of answers, a path or a Redis URL that one is made of, or ``True`` for one in memory.
        retry: how to try again; ``num_retries`` changes only how often.
        max_parallel: most calls at once.
        http_client: your own httpx (or httpx2) client, sync or async; it is never closed here.
        verify: TLS: an ``ssl.SSLContext``, a CA file, or ``False``.
        cert: TLS: what to show a server that asks for it: a PEM file, or ``(certificate, key)``, or these and the
            key's password.
        proxy: the proxy of all requests, ``http://…`` or ``socks5://…``; by default those of the environment.
        transport: the HTTP library: ``httpx``, or ``reqwest`` (the extra ``fast``); by default what the variable
            ``LLMKIT_TRANSPORT`` says, else ``httpx``.
        http2: whether HTTP/2 may be spoken; with ``reqwest`` alone.
        environ: where keys are looked up; by default the process's environment.
        clock: what time is read from and waited by; ``llmkit.testing.FrozenClock`` waits for nothing.
        catalogue: models and prices: a ``Catalogue``, or a catalogue file's path; by default the process's,
            ``llmkit.catalogue.default()``.
        **defaults: options of every call, such as ``api_key``, ``base_url``, ``timeout``, ``num_retries``.
    """

    # The driver of the calls that no tap sees, for as long as it is what one would be made of.
    _performs: SyncDriver | None = None

    def __init__(
        self,
        *,
        callbacks: Iterable[Callable[[Any], Any] | str] = (),
        hooks: Iterable[Any] = (),
        ledger: Store | None = None,
        budget: Any = None,
        billing: Any = None,
        cache: Any = None,
        retry: RetryPolicy | None = None,
        max_parallel: int | None = None,
        http_client: Any = None,
        verify: Any = None,
        cert: Any = None,
        proxy: str | None = None,
        transport: str | None = None,
        http2: bool = False,
        environ: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        catalogue: Catalogue | str | os.PathLike[str] | None = None,
        **defaults: Unpack[ClientOptions],
    ) -> None:
        if ledger is not None and not callable(getattr(ledger, "perform", None)):
            raise ConfigurationError(
                f"ledger must be a store, such as SQLiteStore('ledger.db'), not {type(ledger).__name__}"
            )
        self.ledger: Any = MemoryLedger() if ledger is None else ledger
        self.budget = budget
        self.billing = billing
        self.cache = cache
        self._hooks, self._observers = tuple(hooks), Observers(listeners(callbacks))
        self._policy = retry or RetryPolicy()
        self._limit = None if max_parallel is None else ParallelLimit(max_parallel)
        self._environ = os.environ if environ is None else environ
        self._clock, self._read_clock = clock, ReadClock(clock.now, clock.wall)
        self._catalogue = catalogue_of(catalogue)
        self._places = Places(self._environ, self._catalogue)
        self._defaults = plan.kept(plan.asked(defaults, {}).options)
        price_of(self._defaults, plan.CHAT.name, self._catalogue, "", "")
        reach: dict[str, Any] = {"verify": verify, "cert": cert, "proxy": proxy, "http2": http2}
        if http_client is None:
            network = Network(chosen(transport, self._environ), **reach)
        else:
            refuse_beside(transport=transport, **reach)
            network = Network()
        self._connect(network.here())
        self._borrowed = None if http_client is None else Borrowed(http_client)
        self._borrowed_async = http_client is not None and is_async_client(http_client)
        lent = type(http_client).__module__.partition(".")[0]
        self._transport_name = lent if http_client else self._network.name
        self._tokens = Tokens(ParallelLimit)
        self._instead: Callable[[Job], Any] | None = None
        self._streams: weakref.WeakSet[Stream[Any, Any] | AsyncStream[Any, Any]] = weakref.WeakSet()
        configure_log(log_level())
        known(self)

    def close(self) -> None:
        """Settle what is left and close the sync connections. The client can be used again after it.

        Connections of an event loop are closed by ``aclose``, or by that loop's end.
        """
        settle_left()
        self._transports.close()
        self._observers.flush()

    async def aclose(self) -> None:
        """Close the connections of the running loop, and the sync ones."""
        await asettle_left()
        await self._loops.aclose()
        self._transports.close()
        await self._observers.aflush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def dry_run(self, function: str, **arguments: Any) -> DryRun:
        """The request that a call would send: ``client.dry_run("embedding", model=…, input=…)``. Nothing is sent.

        Args:
            function: the call's name, such as ``"embedding"``.
            **arguments: all its arguments, by their names.

        Raises:
            ConfigurationError: there is no such call; or what the call itself raises before anything is sent.
        """
        made = self._without_sending(function, arguments, self._run_dry)
        if not isinstance(made, DryRun):
            raise no_call(function, _calls(type(self)), "run dry")
        return made

    def _run_dry(self, job: Job) -> Any:
        return self._driver().run(dry(job))

    def cost_bound(
        self,
        call: str = "completion",
        messages: Sequence[Any] | None = None,
        /,
        *,
        exact: bool = False,
        **arguments: Any,
    ) -> Cost | Unbounded:
        """The most that one attempt at a call can cost. Nothing is sent, and no key is needed.

        ``client.cost_bound("openai/gpt-4o", messages, max_tokens=100)`` for a chat, and for any call
        ``client.cost_bound("embedding", model=…, input=…)``, as with ``dry_run``.

        Args:
            call: a model, for a chat, or the name of a call, such as ``"embedding"``.
            messages: the conversation, where the call is a chat.
            exact: whether to count texts, where the model's encoding is known, instead of taking their
                bytes: a closer bound, and slower. Hooks are not consulted.
            **arguments: all arguments of the call, by their names.

        Returns:
            A ``Cost`` whose total is never below what an attempt costs, or an ``Unbounded`` with the reason.
            Retries and fallbacks are attempts of their own.

        Raises:
            ConfigurationError: there is no such call; or what the call itself raises before anything is sent.
        """
        from ._control.bounding import bounded  # noqa: PLC0415 - few ask for it

        arguments = arguments if messages is None else {"messages": messages, **arguments}
        known = isinstance(call, str) and "/" not in call and call in _calls(type(self))
        name = call if known else "completion"
        if name != call and "model" in arguments:
            raise no_call(call, _calls(type(self)), "bounded")
        if name != call:
            arguments = {"model": call, **arguments}
        made = self._without_sending(name, arguments, functools.partial(bounded, exact=exact))
        if not isinstance(made, Cost | Unbounded):
            raise no_call(call, _calls(type(self)), "bounded")
        return made

    def _without_sending(
        self, function: str, arguments: Mapping[str, Any], instead: Callable[[Job], Any]
    ) -> Any:
        """What is made of a call in place of an answer; ``None`` where there is no such call."""
        one = copy.copy(self)
        one._instead = instead  # noqa: SLF001 - one's own copy
        call = getattr(one, function) if function in _calls(type(self)) else None
        return call(**arguments) if callable(call) else None

    def _run(
        self, kind: Kind, model: str, subject: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Any:
        """Make a call and return its answer."""
        settle_left()
        job = self._job(kind, model, subject, params, dry_run=self._instead is not None)
        return self._driver().run(perform(job)) if self._instead is None else self._instead(job)

    async def _arun(
        self, kind: Kind, model: str, subject: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Any:
        """``_run`` for async code."""
        await asettle_left()
        job = self._job(kind, model, subject, params)
        return await (await self._async_driver()).run(perform(job))

    def _stream(
        self,
        kind: Kind,
        model: str,
        subject: Mapping[str, Any],
        params: Mapping[str, Any],
        form: type[Stream[Any, Any]] | None = None,
    ) -> Stream[Any, Any]:
        """Make a call and return the stream of its answer's events, which may have a form of its own."""
        settle_left()
        job = self._job(
            kind, model, subject, params, stream=True, dry_run=self._instead is not None
        )
        if self._instead is not None:
            return self._instead(job)  # type: ignore[no-any-return]
        return self._opened(sync_stream.opened(self._driver(), perform(job), form))

    async def _astream(
        self,
        kind: Kind,
        model: str,
        subject: Mapping[str, Any],
        params: Mapping[str, Any],
        form: type[AsyncStream[Any, Any]] | None = None,
    ) -> AsyncStream[Any, Any]:
        """``_stream`` for async code."""
        await asettle_left()
        job = self._job(kind, model, subject, params, stream=True)
        driver = await self._async_driver()
        return self._opened(await aio_stream.opened(driver, perform(job), form))

    def _job(
        self,
        kind: Kind,
        model: str,
        subject: Mapping[str, Any],
        params: Mapping[str, Any],
        *,
        stream: bool = False,
        dry_run: bool = False,
    ) -> Job:
        asked = plan.asked(params, self._defaults, kind)
        job = self._blank(kind, asked, stream=stream, dry_run=dry_run)
        address = self._places.at(model, asked, kind, keyless=job.keyless)
        first = plan.leg_at(address, job.id, subject, asked, kind, self._catalogue, stream=stream)
        job.legs = (first,)
        if "fallbacks" in asked.options:
            about = self._about(job, kind)
            job.legs = plan.legs(job.id, model, subject, asked, first=first, **about)
        if self._counts or job.heard or CONTEXT.get() or not NAMED.isdisjoint(asked.options):
            self._attribute(job, asked)
            self._divertible(job, asked, subject, kind)
        return job

    def _about(self, job: Job, kind: Kind) -> dict[str, Any]:
        """What else is needed to make legs of a call."""
        where = {"environ": self._environ, "catalogue": self._catalogue}
        return {"stream": job.stream, "keyless": job.keyless, "kind": kind, **where}

    def _blank(self, kind: Kind, asked: plan.Asked, *, stream: bool, dry_run: bool) -> Job:
        """A call of which all is known but who answers it."""
        metadata = asked.params.get("metadata")
        tapped = transport("") if _tap._taps else ""  # noqa: SLF001 - every call looks
        how = plan.manner(asked.options, self._policy, stream=stream)
        # Field by field: every call makes one, and all these keywords take as long as half of what is here.
        job = _new(Job)
        job.id, job.legs = new_call_id(), ()
        job.policy, job.timeouts, job.mock, job.media = how
        job.clock, job.abandon, job.tokens = self._read_clock, leaving(self), self._tokens
        job.catalogue, job.environ = self._catalogue, self._environ
        job.kind, job.stream, job.wanted, job.shown = kind.name, stream, asked.wanted, {}
        # Where a testing tool answers by itself, a key that is missing is no mistake.
        job.keyless = dry_run or bool(tapped) or how.mock is not None
        job.heard = heard = self._observers.heard
        job.begins = heard and self._observers.begins
        job.hooks, job.limit = self._hooks, self._limit
        job.transport = tapped or self._transport_name
        job.metadata = metadata if metadata and isinstance(metadata, Mapping) else {}
        job.attributes, job.book, job.desk, job.divert, job.way = {}, None, None, None, None
        job.cache, job.one_store = None, False
        return job

    def _attribute(self, job: Job, asked: plan.Asked) -> None:
        """Say whose the call is."""
        from ._control.attributes import overheard, told  # noqa: PLC0415 - few calls say it

        job.attributes, job.shown, job.metadata = told(asked.params, asked.options, job.metadata)
        book = job.book = self._book
        job.desk, job.one_store = self._desk, book is not None and book.store is self.ledger
        if not job.begins and CONTEXT.get() and overheard():
            job.heard = job.begins = True
        if self._cache is not None or not _CACHING.isdisjoint(asked.options):
            job.cache = caching_of(self._cache, job, asked)

    def _divertible(
        self, job: Job, asked: plan.Asked, subject: Mapping[str, Any], kind: Kind
    ) -> None:
        """Say what may answer the call instead, where its budget wants something cheaper."""
        plan.refuse_of_routers(asked.options)
        if self._book is not None:
            job.divert = functools.partial(
                plan.diverted,
                job.legs[0],
                call_id=job.id,
                subject=subject,
                asked_for=asked,
                **self._about(job, kind),
            )

    def _driver(self) -> SyncDriver:
        made = self._performs
        if made is not None and made.store is self.ledger and not _tap._taps:  # noqa: SLF001 - as above
            return made
        if self._borrowed is None:
            send = self._transports.send
        elif self._borrowed_async:
            raise ConfigurationError("http_client is async: give a sync one for completion()")
        else:
            send = self._borrowed.send
        behind = through(send)
        made = SyncDriver(behind, self._observers, self.ledger, self._clock)
        self._performs = made if behind is send else None
        return made

    async def _async_driver(self) -> AsyncDriver:
        pool = self._loops.known() or await self._loops.here()
        made: AsyncDriver | None = pool.driver
        if made is not None and made.store is self.ledger and not _tap._taps:  # noqa: SLF001 - as above
            return made
        if self._borrowed is None:
            send = pool.transports.send
        elif not self._borrowed_async:
            raise ConfigurationError("http_client is sync: give an async one for acompletion()")
        else:
            send = self._borrowed.asend
        behind = athrough(send)
        driver = AsyncDriver(behind, self._observers, self.ledger, pool.later, self._clock)
        if behind is send:
            pool.driver = driver
        return driver

    def _opened(self, stream: _AnyStream) -> _AnyStream:
        self._streams.add(stream)
        return stream

    def _at_exit(self) -> None:
        for stream in tuple(self._streams):
            # A stream that somebody is just reading is theirs; what comes after it is done all the same.
            with contextlib.suppress(Exception):
                stream.abandon()
        self.close()
        if self._book is not None:
            perform_late(self, self._book.outage.end())

    def _connect(self, network: Network) -> None:
        self._network, self._transports, self._performs = network, network.blocking(), None
        self._loops = Loops(network.awaiting)

    def _after_fork(self) -> None:
        if (network := self._network.here()) is not self._network:
            self._connect(network)
            self._transport_name = self._transport_name if self._borrowed else network.name
        self._streams.clear()
        self._loops.forget()


_names: dict[type[Core], frozenset[str]] = {}


def _calls(client: type[Core]) -> frozenset[str]:
    """The names of its calls, which kinds define, not ``Core`` nor a router; those for async code are left out."""
    if client not in _names:
        kinds = (kind for kind in client.__mro__ if issubclass(kind, Core) and _has_calls(kind))
        members = (member for kind in kinds for member in vars(kind).items())
        _names[client] = frozenset(
            n for n, m in members if n[0] != "_" and not inspect.iscoroutinefunction(m)
        )
    return _names[client]


def _has_calls(kind: type[Core]) -> bool:
    return kind is not Core and not vars(kind).get("_manages", False)


# What says whose a call is, and where it goes: such options are looked for in every call.
_CACHING = frozenset({"cache", "caching"})
NAMED = (
    frozenset({"customer", "session", "subscription", "tags", "team"}) | plan.OF_ROUTERS | _CACHING
)
