"""One process that uses an outbox until it is stopped, or killed: threads that make calls, and one that sends.

usage: outbox_worker.py OUTBOX LOG SENT STOP NAME THREADS LEASE
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

from llmkit._outbox import Bill, Conclude, Intend, Mark, Marked, ReleaseLane, Take
from llmkit.stores import SQLiteStore

PATH, LOG, SENT, STOP, NAME = sys.argv[1:6]
THREADS, LEASE = map(int, sys.argv[6:8])
PATIENCE = 30.0

store = SQLiteStore(PATH, busy_timeout=PATIENCE)
log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sent = os.open(SENT, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def say(file: int, text: str) -> None:
    """One line, in one piece, which a kill does not take back."""
    os.write(file, f"{text}\n".encode())


def calls(thread: int) -> None:
    """Calls of every kind: with one bill, with two, with none."""
    for number in itertools.count():
        if Path(STOP).exists():
            return
        call = f"{NAME}-{thread}-{number}"
        store.perform(Intend(call, "sub", "{}", LEASE * 20, Decimal(1)))
        say(log, f"intended {call}")
        codes = ("m", "mn", "")[number % 7 // 3]
        store.perform(Conclude(call, tuple(bill(call, code) for code in codes)))
        say(log, f"concluded {call} {codes}")


def bill(call: str, code: str) -> Bill:
    """A bill whose text differs each time that it is made."""
    name = f"{call}:{code}"
    body = f'{{"transaction_id":"{name}","timestamp":"{time.time():.3f}"}}'
    return Bill(name, call, "queued", "sub", code, 5, body, usd=Decimal(1))


def sender() -> None:
    """It sends by writing into a file, and may die between that and what it writes down of it."""
    while not Path(STOP).exists():
        taken = store.perform(Take(NAME, 100, LEASE))
        if taken.bills:
            say(sent, f"begin {NAME} {time.time_ns() // 10**6} {taken.until}")
            for one in taken.bills:
                say(sent, f"event {one.id} {one.body}")
            say(sent, f"end {NAME}")
            store.perform(Mark(tuple(Marked(one.id, "delivered") for one in taken.bills)))
        else:
            time.sleep(0.002)
        if taken.now % 5 == 0:
            store.perform(ReleaseLane(NAME))


threads = [threading.Thread(target=calls, args=(n,)) for n in range(THREADS)]
threads.append(threading.Thread(target=sender))
for one in threads:
    one.start()
for one in threads:
    one.join()
store.close()
