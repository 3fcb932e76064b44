"""``Client``: both colours of each call, over one set of options, connections, callbacks and one ledger.

It owns drivers and runs flows; what happens to a call is decided in ``_control``.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from typing_extensions import Unpack

from ._call import Timeouts, new_call_id
from ._control import plan
from ._control.call import Clock, Job, chat
from ._control.dry import DryRun, dry
from ._control.media import media_policy
from ._control.retry import RetryPolicy
from ._io import aio_stream, sync_stream
from ._io._borrowed import Borrowed, is_async_client
from ._io._http import SyncTransports
from ._io._limit import ParallelLimit
from ._io._loops import Loops
from ._io._observe import Observers, configure_log, log_level
from ._io._tap import athrough, through, transport
from ._io.aio import AsyncDriver
from ._io.aio_stream import AsyncStream
from ._io.sync import SyncDriver
from ._io.sync_stream import Stream
from ._operations import Settle, Store
from ._secret import Secret
from .errors import ConfigurationError
from .events import CallFinished
from .ledger import MemoryLedger
from .types.chat import ChatCompletion
from .types.params import CallOptions, ChatParams

__all__ = ["Client"]

_CLOCK = Clock(time.monotonic, time.time)
_TRANSPORTS = ("httpx",)
_clients: weakref.WeakSet[Client] = weakref.WeakSet()
_AnyStream = TypeVar("_AnyStream", Stream, AsyncStream)


class Client:
    """Calls to every provider, with shared connections and settings. Thread-safe and fork-safe.

    Args:
        callbacks: callables (or coroutine functions) of one event; see ``llmkit.events``.
        hooks: guardrails with ``before_call`` and ``after_call``; see ``llmkit.events.Hook``.
        ledger: where settlements go; by default a ``MemoryLedger``.
        retry: how to try again; ``num_retries`` changes only how often.
        max_parallel: most calls at once.
        http_client: your own httpx (or httpx2) client, sync or async; it is never closed here.
        verify: TLS: an ``ssl.SSLContext``, a CA file, or ``False``.
        transport: the HTTP library; ``httpx``.
        environ: where keys are looked up; by default the process's environment.
        **defaults: options of every call, such as ``api_key``, ``base_url``, ``timeout``, ``num_retries``.
    """

    def __init__(
        self,
        *,
        callbacks: Iterable[Callable[[Any], Any]] = (),
        hooks: Iterable[Any] = (),
        ledger: Store | None = None,
        retry: RetryPolicy | None = None,
        max_parallel: int | None = None,
        http_client: Any = None,
        verify: Any = None,
        transport: str = "httpx",
        environ: Mapping[str, str] | None = None,
        **defaults: Unpack[CallOptions],
    ) -> None:
        if transport not in _TRANSPORTS:
            raise ConfigurationError(
                f"transport must be one of {', '.join(_TRANSPORTS)}, not {transport!r}"
            )
        self.ledger: Any = MemoryLedger() if ledger is None else ledger
        self._hooks = tuple(hooks)
        self._policy = retry or RetryPolicy()
        self._limit = None if max_parallel is None else ParallelLimit(max_parallel)
        self._environ = os.environ if environ is None else environ
        self._defaults = _kept(plan.asked(defaults, {}).options)
        self._observers = Observers(tuple(callbacks))
        self._transports = SyncTransports(verify)
        self._loops = Loops(verify)
        self._borrowed = None if http_client is None else Borrowed(http_client)
        self._borrowed_async = http_client is not None and is_async_client(http_client)
        self._transport_name = (
            type(http_client).__module__.partition(".")[0] if http_client else transport
        )
        self._streams: weakref.WeakSet[Stream | AsyncStream] = weakref.WeakSet()
        configure_log(log_level())
        _known(self)

    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[False] | None = None,
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion: ...
    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[True],
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> Stream: ...
    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: Literal[True],
        **params: Unpack[ChatParams],
    ) -> DryRun: ...
    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None,
        dry_run: bool | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | Stream | DryRun: ...
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: bool | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | Stream | DryRun:
        """Ask a model.

        Args:
            model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
            messages: the conversation, in OpenAI's form; messages of earlier answers fit as they are.
            stream: whether to return a ``Stream`` of chunks instead of the whole answer.
            dry_run: whether to return the request that would be sent, and send nothing.
            **params: see ``llmkit.types.ChatParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        self._drain()
        job = self._job(model, messages, params, stream=bool(stream), dry_run=bool(dry_run))
        driver = self._driver()
        if dry_run:
            return driver.run(dry(job))  # type: ignore[no-any-return]
        if stream:
            return self._opened(sync_stream.opened(driver, chat(job)))
        return driver.run(chat(job))  # type: ignore[no-any-return]

    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[False] | None = None,
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion: ...
    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[True],
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> AsyncStream: ...
    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: Literal[True],
        **params: Unpack[ChatParams],
    ) -> DryRun: ...
    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None,
        dry_run: bool | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | AsyncStream | DryRun: ...
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: bool | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | AsyncStream | DryRun:
        """``completion`` for async code, on asyncio or trio."""
        await self._adrain()
        job = self._job(model, messages, params, stream=bool(stream), dry_run=bool(dry_run))
        driver = await self._async_driver()
        if dry_run:
            return await driver.run(dry(job))  # type: ignore[no-any-return]
        if stream:
            return self._opened(await aio_stream.opened(driver, chat(job)))
        return await driver.run(chat(job))  # type: ignore[no-any-return]

    @property
    def chat(self) -> _Chat:
        """``client.chat.completions.create(…)``, and ``acreate``: the calls under the openai SDK's names."""
        # Made anew each time: kept, it would be a cycle, and a client would not be freed when it is let go.
        return _Chat(self)

    def close(self) -> None:
        """Settle what is left and close the sync connections. The client can be used again after it.

        Connections of an event loop are closed by ``aclose``, or by that loop's end.
        """
        self._drain()
        self._transports.close()

    async def aclose(self) -> None:
        """Close the connections of the running loop, and the sync ones."""
        await self._adrain()
        await self._loops.aclose()
        self._transports.close()

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

    def _job(
        self,
        model: str,
        messages: Sequence[Any],
        params: Mapping[str, Any],
        *,
        stream: bool,
        dry_run: bool,
    ) -> Job:
        asked = plan.asked(params, self._defaults)
        call_id = new_call_id()
        options = asked.options
        keyless = dry_run or options.get("mock_response") is not None
        metadata = asked.params.get("metadata")
        return Job(
            id=call_id,
            legs=plan.legs(
                call_id,
                model,
                messages,
                asked,
                stream=stream,
                environ=self._environ,
                keyless=keyless,
            ),
            policy=_policy(self._policy, options.get("num_retries")),
            timeouts=plan.timeouts(options, _DEFAULT_TIMEOUTS, stream=stream),
            clock=_CLOCK,
            abandon=functools.partial(_leave, _dropped, self),
            stream=stream,
            hooks=self._hooks,
            wanted=asked.wanted,
            mock=options.get("mock_response"),
            transport=transport(self._transport_name),
            limit=self._limit,
            media=media_policy(options.get("fetch_media")),
            metadata=metadata if isinstance(metadata, Mapping) else {},
        )

    def _driver(self) -> SyncDriver:
        if self._borrowed is None:
            return SyncDriver(through(self._transports.send), self._observers, self.ledger)
        if self._borrowed_async:
            raise ConfigurationError("http_client is async: give a sync one for completion()")
        return SyncDriver(through(self._borrowed.send), self._observers, self.ledger)

    async def _async_driver(self) -> AsyncDriver:
        pool = await self._loops.here()
        if self._borrowed is None:
            return AsyncDriver(
                athrough(pool.transports.send), self._observers, self.ledger, pool.later
            )
        if not self._borrowed_async:
            raise ConfigurationError("http_client is sync: give an async one for acompletion()")
        return AsyncDriver(athrough(self._borrowed.asend), self._observers, self.ledger, pool.later)

    def _drain(self) -> None:
        """Settle the streams that were dropped."""
        for client, finished in _taken():
            client._observers.tell(finished)  # noqa: SLF001 - another one's perhaps, but a client

    async def _adrain(self) -> None:
        for client, finished in _taken():
            await client._observers.atell(finished)  # noqa: SLF001

    def _opened(self, stream: _AnyStream) -> _AnyStream:
        self._streams.add(stream)
        return stream

    def _at_exit(self) -> None:
        for stream in tuple(self._streams):
            stream.abandon()
        self.close()

    def _after_fork(self) -> None:
        self._streams.clear()
        self._loops.forget()


# The calls that were given up where nothing could be done about it, and whose they are: any client's next call settles
# them, or the end of the process. Not each client's own: it may be let go of together with its last stream.
_dropped: SimpleQueue[tuple[Client, CallFinished]] = SimpleQueue()


def _leave(
    queue: SimpleQueue[tuple[Client, CallFinished]], client: Client, finished: CallFinished
) -> None:
    queue.put((client, finished))


def _taken() -> Iterable[tuple[Client, CallFinished]]:
    while True:
        try:
            client, finished = _dropped.get_nowait()
        except Empty:
            return
        client.ledger.perform(Settle(finished.settlement))
        yield client, finished


_DEFAULT_TIMEOUTS = Timeouts()


def _kept(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options to keep on a client: its key is not left lying about as text."""
    key = options.get("api_key")
    return {**options, "api_key": Secret(key.strip())} if isinstance(key, str) and key else options


def _policy(policy: RetryPolicy, retries: Any) -> RetryPolicy:
    if retries is None:
        return policy
    try:
        return RetryPolicy(
            retries,
            policy.first_wait,
            policy.longest_wait,
            policy.longest_retry_after,
            policy.draw,
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


class _Completions:
    """``client.chat.completions``, for those who come from the openai SDK."""

    def __init__(self, client: Client) -> None:
        self.create = client.completion
        self.acreate = client.acompletion


class _Chat:
    """``client.chat``."""

    def __init__(self, client: Client) -> None:
        self.completions = _Completions(client)


_registering = threading.Lock()
_registered = False


def _known(client: Client) -> None:
    """Remember a client, weakly, for the end of the process and for forks."""
    global _registered  # noqa: PLW0603 - once for the process
    _clients.add(client)
    with _registering:
        if _registered:
            return
        _registered = True
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_in_child)


def _at_exit() -> None:
    for client in tuple(_clients):
        client._at_exit()  # noqa: SLF001 - the module's own


def _in_child() -> None:
    global _dropped  # noqa: PLW0603 - what was dropped before the fork is the parent's to settle
    _dropped = SimpleQueue()
    for client in tuple(_clients):
        client._after_fork()  # noqa: SLF001 - the module's own
