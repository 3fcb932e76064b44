"""What a call may cost, counted and not timed: the same on any machine, so it can be a gate.

The numbers are those of the code as it is, with little room. Whoever makes a call cheaper lowers them; whoever makes it
dearer has to say so here.
"""

from __future__ import annotations

import asyncio
import collections
import copy
import gc
import importlib
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest

import llmkit
from llmkit.budget import Budget, BudgetManager
from llmkit.ledger import MemoryLedger
from llmkit.testing import Simulator

from .io._server import END, Server, piece, streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# --- the bars ---------------------------------------------------------------------------------

SYNC_RATIO = 0.95
"""Python calls of a completion, by those of ``client.post(url, json=…).json()`` with httpx."""
ASYNC_RATIO = 0.90
STREAM_OPENING = 120
"""Python calls of a stream, beside those of its chunks, beyond those of a raw one."""
PER_CHUNK = 48
"""Python calls of a streamed chunk, beyond those of reading it raw."""
PER_MESSAGE = 2
"""Python calls of one more message."""
PAIR = 150
"""Python calls of a hold and its settlement, by a budget's manager in memory."""
BUDGETED = 240
"""Python calls of a completion with a budget in memory, beyond those of one without."""
BILLED = 158
"""Python calls of a completion that is billed, beyond those of one that is not, without those of who bills."""
IMPORTED = 40
"""Modules that ``import llmkit`` brings into a bare interpreter, the standard library's included."""
FIRST_CALL = 199
"""Modules that the first call loads beyond those of httpx doing the same: a small one for each kind of call, too."""
URLS = 0
"""``httpx.URL`` made by a call on a connection that is there."""
ENVIRONMENT = 4
"""Variables of the environment that a call looks up."""
KEPT_OBJECTS = 20
KEPT_BYTES = 32_768
"""What hundreds of calls may leave, as the collector and the allocator see it: the simulator's part is most of it."""

# What a first call needs, beyond what httpx loads: data models, and nothing else that is not Python's own.
NEEDED = {
    "llmkit",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
}
# Loaded late, or by others only.
DENIED = {
    "tenacity",
    "tiktoken",
    "anyio",
    "asyncio",
    "concurrent",
    "multiprocessing",
    "sqlite3",
    "http.server",
    "unittest",
}
DENIED_AT_IMPORT = DENIED | {
    "httpx",
    "pydantic",
    "pydantic_core",
    "ssl",
    "json",
    "logging",
    "decimal",
    "trio",
    "sniffio",
}

ASK: list[Any] = [{"role": "user", "content": "Hi"}]
MODEL = "openai/gpt-4o-mini"
KEY = "sk-" + "gates-0123456789"


# --- counting ---------------------------------------------------------------------------------


class Counts(NamedTuple):
    """Calls of Python functions by file and name, and of C functions by name."""

    python: collections.Counter[tuple[str, str]]
    native: collections.Counter[str]

    @property
    def total(self) -> int:
        """All calls of Python functions; a generator resumed is a call."""
        return self.python.total()

    def of(self, file: str, *names: str) -> int:
        """Calls of these functions of a file, or of all of them."""
        found = ((where, name) for where, name in self.python if where.endswith(file))
        return sum(self.python[key] for key in found if not names or key[1] in names)


def counted(act: Callable[[], Any]) -> Counts:
    """What one run calls in this thread."""
    counts = Counts(collections.Counter(), collections.Counter())

    def profile(frame: Any, event: str, argument: Any) -> None:
        # A guard of another test's network listens to the interpreter for the rest of the process.
        if event == "call" and not frame.f_code.co_filename.endswith("_network.py"):
            counts.python[frame.f_code.co_filename, frame.f_code.co_name] += 1
        elif event == "c_call":
            counts.native[getattr(argument, "__name__", "?")] += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(before)
    return counts


def steady(act: Callable[[], Any]) -> Counts:
    """The least of several runs: sockets bring bytes in more or fewer pieces, and first uses make things."""
    for _ in range(3):
        act()
    return min((counted(act) for _ in range(5)), key=lambda counts: counts.total)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A server on loopback."""
    with Simulator() as running:
        yield running


class Asking:
    """One question asked in four ways, through llmkit and through httpx alone."""

    def __init__(self, base_url: str) -> None:
        # The ledger keeps its latest thousand settlements; fewer show whether it is all that is kept.
        ledger = MemoryLedger(keep=20)
        self.client = llmkit.Client(api_key=KEY, base_url=base_url, ledger=ledger)
        self.raw = httpx.Client(headers={"authorization": f"Bearer {KEY}"})
        self.url = f"{base_url}/chat/completions"

    def complete(self, messages: Any = None) -> Any:
        """Ask llmkit."""
        return self.client.completion(MODEL, messages or ASK)

    def stream(self, messages: Any = None) -> int:
        """Stream from llmkit; how many chunks came."""
        return sum(1 for _ in self.client.completion(MODEL, messages or ASK, stream=True))

    def body(self, messages: Any, **more: Any) -> dict[str, Any]:
        """What llmkit sends."""
        return {"model": "gpt-4o-mini", "messages": messages or ASK, **more}

    def post(self, messages: Any = None) -> Any:
        """Ask with httpx."""
        return self.raw.post(self.url, json=self.body(messages)).json()

    def iterate(self, messages: Any = None) -> int:
        """Stream with httpx; how many bytes came."""
        wanted = self.body(messages, stream=True, stream_options={"include_usage": True})
        with self.raw.stream("POST", self.url, json=wanted) as response:
            return sum(map(len, response.iter_raw()))


@pytest.fixture
def asking(simulator: Simulator) -> Iterator[Asking]:
    """Clients, both to the simulator."""
    made = Asking(simulator.base_url)
    with made.client, made.raw:
        yield made


def words(count: int) -> list[Any]:
    """A question whose answer has this many words more."""
    return [{"role": "user", "content": "w " * count}]


def talk(count: int) -> list[Any]:
    """A conversation of this many messages, then a question."""
    roles = ("user", "assistant")
    said = [{"role": roles[i % 2], "content": f"message {i}"} for i in range(count)]
    return [*said, *ASK]


# --- calls ------------------------------------------------------------------------------------


def test_calls_of_a_completion(asking: Asking) -> None:
    """A completion is little more than the request that it makes."""
    ours, raw = steady(asking.complete).total, steady(asking.post).total
    assert ours <= SYNC_RATIO * raw, (ours, raw, ours / raw)


def test_calls_of_a_pair() -> None:
    """A hold is taken and settled in few steps: they are dearer than what each of them does."""
    manager = BudgetManager(budgets=[Budget(10**6, "30d")])
    found = steady(lambda: manager.reserve(0.002, user="ann").settle(0.001))
    assert found.of("memory.py", "perform") == 2
    assert found.total <= PAIR, found.total


def test_calls_of_a_completion_with_a_budget(asking: Asking, simulator: Simulator) -> None:
    """Its bound, its hold and its settlement are all that a budget adds to a call."""
    budget = BudgetManager(budgets=[Budget(10**6, "30d")])
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url, budget=budget) as client:
        ours = steady(lambda: client.completion(MODEL, ASK, max_tokens=9))
    without = steady(lambda: asking.client.completion(MODEL, ASK, max_tokens=9))
    assert ours.of("memory.py", "perform") == 2
    assert ours.total - without.total <= BUDGETED, (ours.total, without.total)


def test_calls_of_a_completion_that_is_billed(asking: Asking, simulator: Simulator) -> None:
    """Its bound, its intent and its charge are all that billing adds to a call."""
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url, billing=Billing()) as client:
        ours = steady(lambda: client.completion(MODEL, ASK, max_tokens=9))
    without = steady(lambda: asking.client.completion(MODEL, ASK, max_tokens=9))
    assert ours.of("test_gates.py", "perform") == 2
    assert without.of("tab.py") == without.of("charging.py") == 0
    assert ours.total - without.total <= BILLED, (ours.total, without.total)


class Billing:
    """What bills for calls, and does nothing about it."""

    @property
    def desk(self) -> Any:
        """Itself."""
        return self

    def perform(self, operation: Any) -> Any:
        """Say that it is done."""
        return operation


def test_calls_of_an_async_completion(simulator: Simulator) -> None:
    """Nor is it in async code."""

    async def measure() -> tuple[int, int]:
        async with (
            llmkit.Client(api_key=KEY, base_url=simulator.base_url) as client,
            httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}) as raw,
        ):
            url, body = f"{simulator.base_url}/chat/completions", {"model": "m", "messages": ASK}
            ours = await least(lambda: client.acompletion(MODEL, ASK))
            return ours, await least(lambda: raw.post(url, json=body))

    ours, raw = asyncio.run(measure())
    assert ours <= ASYNC_RATIO * raw, (ours, raw, ours / raw)


async def least(act: Callable[[], Any]) -> int:
    """The least calls of several runs, those of the event loop included."""
    totals = []
    for _ in range(8):
        counts = collections.Counter[str]()
        sys.setprofile(lambda _frame, event, _argument, counts=counts: counts.update((event,)))
        try:
            await act()
        finally:
            sys.setprofile(None)
        totals.append(counts["call"])
    return min(totals[3:])


def whole(count: int) -> bytes:
    """A stream of so many words that is written at once, so that it is read in as many pieces on any machine."""
    steps = streamed(*(piece("w ") for _ in range(count)), END)
    return b"".join(step for step in steps if isinstance(step, bytes))


def test_calls_of_a_chunk() -> None:
    """A chunk costs the same whichever it is, and little more than its bytes do."""
    counts, chunks, ours, raw = (20, 60, 140), [], [], []
    with Server() as server:
        asking = Asking(server.url)
        with asking.client, asking.raw:
            for count in counts:
                server.always(whole(count))
                chunks.append(asking.stream())
                ours.append(steady(asking.stream).total)
                raw.append(steady(asking.iterate).total)
    above = [a - b for a, b in zip(ours, raw, strict=True)]
    first = (above[1] - above[0]) / (chunks[1] - chunks[0])
    later = (above[2] - above[1]) / (chunks[2] - chunks[1])
    assert later <= PER_CHUNK, (chunks, ours, raw, later)
    assert later <= 1.1 * first, (first, later)
    assert above[0] - later * chunks[0] <= STREAM_OPENING, (above[0], later, chunks[0])


def test_calls_of_a_message(asking: Asking) -> None:
    """A message costs the same whether a hundred or two hundred stand before it."""
    talks = [talk(count) for count in (0, 100, 200)]
    none, hundred, two = (steady(lambda said=said: asking.complete(said)).total for said in talks)
    assert hundred - none <= 100 * PER_MESSAGE, (none, hundred)
    assert two - hundred <= 1.1 * (hundred - none), (none, hundred, two)


# --- what a call never does -------------------------------------------------------------------

# A file's functions, or all of them; and an act that shows that the count would see them.
NEVER: dict[str, tuple[str, tuple[str, ...], Callable[[], Any]]] = {
    "the standard library's JSON": (
        "/json/__init__.py",
        ("dump", "dumps", "load", "loads"),
        lambda: json.loads("{}"),
    ),
    "copies of trees": ("/copy.py", ("copy", "deepcopy"), lambda: copy.deepcopy([])),
    "TLS contexts": ("/ssl.py", ("create_default_context", "__new__"), ssl.create_default_context),
    "compiled patterns": ("/re/_compiler.py", ("compile",), lambda: re.compile(os.urandom(4).hex())),
    "imports": (
        "<frozen importlib._bootstrap>",
        ("_find_and_load", "_find_spec"),
        lambda: importlib.util.find_spec("llmkit.nothing"),
    ),
    "scans of the environment": ("os>", ("__iter__", "copy"), lambda: list(os.environ)),
    "threads": (
        "/threading.py",
        ("start",),
        lambda: threading.Thread(target=lambda: None).start(),
    ),
    "signatures": ("/inspect.py", (), lambda: __import__("inspect").signature(words)),
    "schemas": (
        "/pydantic/_internal/_generate_schema.py",
        (),
        lambda: __import__("pydantic").TypeAdapter(list[int]),
    ),
}  # fmt: skip
NEVER_NATIVE = (
    "open",
    "connect",
    "getaddrinfo",
    "strftime",
    "strptime",
    "listdir",
    "stat",
    "load_verify_locations",
    "fork_exec",
)


@pytest.mark.parametrize("way", ["complete", "stream"])
def test_what_a_call_never_does(asking: Asking, way: str) -> None:
    """On a connection that is there, nothing is imported, compiled, copied, connected or read from a disk."""
    counts = steady(getattr(asking, way))
    found = {name: counts.of(file, *names) for name, (file, names, _) in NEVER.items()}
    found |= {name: counts.native[name] for name in NEVER_NATIVE}
    assert not {name: count for name, count in found.items() if count}


@pytest.mark.parametrize("name", NEVER)
def test_the_count_would_see_it(name: str) -> None:
    """Each thing that is never done is counted when it is done."""
    file, names, act = NEVER[name]
    assert counted(act).of(file, *names)


def reads(counts: Counts) -> int:
    """How often JSON was read, to plain data or to models."""
    return counts.native["from_json"] + counts.native["validate_json"]


def test_json_is_read_and_written_once(asking: Asking) -> None:
    """The request is written once; the answer, or each event, is read once."""
    counts = steady(asking.complete)
    assert (counts.native["to_json"], reads(counts)) == (1, 1)
    chunks = asking.client.completion(MODEL, ASK, stream=True)
    events = sum(1 for _ in chunks)
    counts = steady(asking.stream)
    assert counts.native["to_json"] == 1
    # The usage comes in an event of its own, which is not handed over. Events that are alike are read together, and
    # what they have in common is found by reading one of them twice more.
    assert 1 <= reads(counts) <= events + 1 + 2


@pytest.mark.parametrize("way", ["complete", "stream"])
def test_addresses_and_environment(asking: Asking, way: str) -> None:
    """Addresses are read when they are new; of the environment only what may have changed is looked up."""
    counts = steady(getattr(asking, way))
    assert counts.of("/httpx/_urls.py", "__init__") <= URLS
    assert counts.of("os>", "__getitem__") <= ENVIRONMENT


# --- what is loaded ---------------------------------------------------------------------------


def loaded(code: str) -> set[str]:
    """The modules that code loads in a fresh interpreter."""
    program = f"import sys; before = set(sys.modules); {code}; print(*set(sys.modules) - before)"
    names = ("PYTHONPATH", "PATH", "SYSTEMROOT", "HOME")
    env = {name: os.environ[name] for name in names if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def tops(modules: set[str]) -> set[str]:
    """The packages that these modules are of, and the modules themselves."""
    return {name.partition(".")[0] for name in modules} | modules


def test_modules_of_the_import() -> None:
    """``import llmkit`` is next to nothing."""
    modules = loaded("import llmkit")
    assert not tops(modules) & DENIED_AT_IMPORT
    assert not [name for name in modules if "billing" in name or "outbox" in name]
    assert len(modules) <= IMPORTED, sorted(modules)


@pytest.mark.parametrize("stream", [False, True])
def test_modules_of_the_first_call(simulator: Simulator, *, stream: bool) -> None:
    """A first call loads what httpx does for the same, the data models, and llmkit."""
    url = simulator.base_url
    raw = loaded(
        f"import httpx; httpx.Client().post('{url}/chat/completions', json={{}}, headers={{'a': 'b'}}).json()"
    )
    call = (
        f"llmkit.completion('{MODEL}', {ASK}, base_url='{url}', api_key='{KEY}', stream={stream})"
    )
    ours = loaded(f"import llmkit; made = {call}; made.text if not {stream} else list(made)") - raw
    others = {name for name in tops(ours) if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name.partition(".")[0] for name in others} - mine() <= NEEDED
    assert not tops(ours) & DENIED
    assert not [name for name in ours if "billing" in name or "outbox" in name]
    assert len(ours) <= FIRST_CALL, sorted(ours)


@pytest.mark.parametrize("stream", [False, True])
def test_modules_of_the_first_call_over_pyreqwest(simulator: Simulator, *, stream: bool) -> None:
    """Nothing of another HTTP library, Python's own included. Its coroutines need asyncio."""
    call = (
        f"llmkit.Client(base_url='{simulator.base_url}', api_key='{KEY}', transport='reqwest')"
        f".completion('{MODEL}', {ASK}, stream={stream})"
    )
    ours = loaded(f"import llmkit; made = {call}; made.text if not {stream} else list(made)")
    others = {"httpcore", "httpx", "h11", "http.client", "urllib.request"}
    assert not tops(ours) & (DENIED - {"anyio", "asyncio", "concurrent"} | others)


def mine() -> set[str]:
    """Python's own modules that are named after the platform."""
    return {name for name in sys.modules if name.startswith("_sysconfigdata")}


# --- what is left -----------------------------------------------------------------------------


def descriptors() -> int:
    """Open files and sockets, where the system tells."""
    here = Path("/proc/self/fd")
    return len(list(here.iterdir())) if here.exists() else 0


class Left(NamedTuple):
    """What is there now: objects that the collector knows, descriptors and threads, and bytes."""

    objects: int
    open: tuple[int, int]
    memory: int


def left() -> Left:
    """Count it all."""
    gc.collect()
    memory = tracemalloc.get_traced_memory()[0]
    return Left(len(gc.get_objects()), (descriptors(), threading.active_count()), memory)


@pytest.mark.parametrize(("way", "many"), [("complete", 300), ("stream", 100)])
def test_nothing_is_left_after_many_calls(
    simulator: Simulator, asking: Asking, way: str, many: int
) -> None:
    """Hundreds of calls leave no object, no memory, no descriptor and no thread behind."""
    act = getattr(asking, way)

    def run(times: int) -> None:
        for _ in range(times):
            act()
        simulator.requests.clear()

    tracemalloc.start()
    try:
        # The simulator is in this process, too, and comes to its size only after some hundred requests.
        run(many)
        before = left()
        run(many)
        after = left()
    finally:
        tracemalloc.stop()
    assert after.objects - before.objects <= KEPT_OBJECTS
    assert after.open == before.open
    assert after.memory - before.memory <= KEPT_BYTES
