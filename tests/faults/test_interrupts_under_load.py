"""Real signals at random moments, while other threads call through the same client."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from ..io._server import Server, completion
from ._world import FULL, eventually

SCRIPT = """
    import gc, json, random, signal, sys, threading, traceback
    import llmkit

    rounds, stop, failures = int(sys.argv[2]), threading.Event(), []
    told = []
    def tell(event):
        if type(event).__name__ == "CallFinished":
            told.append(event.settlement.call_id)
    client = llmkit.Client(api_key="test-key-0123456789", base_url=sys.argv[1], max_parallel=2,
        num_retries=0, callbacks=[tell], ledger=llmkit.MemoryLedger(keep=10**6))
    ask = dict(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])

    def works():
        while not stop.is_set():
            try:
                client.completion(**{**ask, "num_retries": 2})
            except BaseException as error:
                failures.append(traceback.format_exc())

    def alarm(*_):
        if armed:
            raise KeyboardInterrupt

    # Once what is loaded late is there: an interrupt within an import can leave CPython's own lock of it locked.
    client.completion(**ask)
    import tenacity

    # What comes within a finalizer is lost; the next one comes soon.
    sys.unraisablehook = lambda given: None
    random.seed(7)
    signal.signal(signal.SIGALRM, alarm)
    threads = [threading.Thread(target=works) for _ in range(2)]
    for thread in threads:
        thread.start()
    interrupted = 0
    for _ in range(rounds):
        armed = True
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0002, 0.004), 0.02)
            while True:
                client.completion(**ask)
        except KeyboardInterrupt:
            armed = False
            interrupted += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    stop.set()
    for thread in threads:
        thread.join(10)
    gc.collect()
    answer = client.completion(**ask).choices[0].message.content
    client.close()
    settled = [s.call_id for s in client.ledger.settlements]
    print(json.dumps({
        "interrupted": interrupted, "failures": failures, "alive": sum(t.is_alive() for t in threads),
        "answer": answer, "free": client._limit._free, "waiting": len(client._limit._waiters),
        "settled twice": len(settled) - len(set(settled)), "told twice": len(told) - len(set(told)),
        "told, not settled": len(set(told) - set(settled)),
        "totals": sum(t.calls for t in client.ledger.totals.values()) - len(settled),
        "many": len(settled) > rounds // 2,
    }))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX timers")
@pytest.mark.parametrize("transport", ["httpx", "reqwest"])
def test_signals_at_random_moments(monkeypatch: pytest.MonkeyPatch, transport: str) -> None:
    """Hundreds of interrupts: nothing is settled twice, no place is lost, nobody else's call is disturbed."""
    if transport == "reqwest":
        pytest.importorskip("llmkit._io._reqwest", exc_type=ImportError)
    monkeypatch.setenv("LLMKIT_TRANSPORT", transport)
    rounds = 3000 if FULL else 150
    with Server(always=completion()) as server:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), server.url, str(rounds)],
            capture_output=True,
            text=True,
            timeout=30 + rounds / 10,
            check=False,
        )
        assert done.stderr == ""
        assert json.loads(done.stdout) == {
            "interrupted": rounds,
            "failures": [],
            "alive": 0,
            "answer": "Hello there",
            "free": 2,
            "waiting": 0,
            "settled twice": 0,
            "told twice": 0,
            "told, not settled": 0,
            "totals": 0,
            "many": True,
        }
        eventually(lambda: server.open == 0)
        assert server.open == 0
