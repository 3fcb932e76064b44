"""``Client``: both colours of each kind of call, over one set of options, connections, callbacks and one ledger."""

from __future__ import annotations

from ._kinds.caches import CacheCalls
from ._kinds.catalogue import CatalogueMethods
from ._kinds.messages import MessagesCalls
from ._kinds.money import MoneyCalls
from ._kinds.rerank import RerankCalls
from ._kinds.responses import ResponsesCalls
from ._kinds.sdk_names import SDKNames
from ._kinds.tokens import TokenCalls

__all__ = ["Client"]


class Client(
    SDKNames,
    RerankCalls,
    CacheCalls,
    TokenCalls,
    MessagesCalls,
    ResponsesCalls,
    MoneyCalls,
    CatalogueMethods,
):
    """Calls to every provider, with shared connections and settings. Thread-safe and fork-safe.

    Args:
        callbacks: callables (or coroutine functions) of one event, see ``llmkit.events``; or names of sinks, such as
            ``"sqlite:calls.db"``, see ``llmkit.telemetry``.
        hooks: guardrails with ``before_call`` and ``after_call``; see ``llmkit.events.Hook``.
        ledger: where settlements go; by default a ``MemoryLedger``.
        budget: a ``BudgetManager``: what calls may cost, and how many there may be.
        billing: a ``LagoBilling``: who may call, and whose bill it goes on.
        cache: a ``Cache``, or where one is kept: ``"memory"``, a path, ``redis://…``; see ``llmkit.cache``.
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
