"""What a call may cost, counted instead of timed: the same on every machine, so a regression is seen the day it comes.

Python's own calls are counted by a profiler in this thread; the simulator works in others. `benchmarks/` has the times.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import llmkit
from llmkit.testing import Simulator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

QUESTION = [{"role": "user", "content": "hello"}]
MODEL = "openai/gpt-4o-mini"
KEY = "sk-" + "gates"
MOST_MODULES = 40
"""Of `import llmkit`, the standard library's included."""
MOST_MODULES_READY = 1.5
"""Up to the first answer, over those of httpx."""
MOST_CALLS = 1.0
"""Python calls of a completion, over those of `client.post(url, json=…).json()`."""
MOST_CALLS_ABOVE_A_LINE = 40
"""Python calls for a chunk, more than httpx needs for a line and `json` for parsing it."""
MOST_CALLS_OF_A_MESSAGE = 3
RUNS = 5
"""Of which the least counts: a socket may hand over an answer in two pieces, and that is not ours."""
TURNS = 3
"""Until everything that is made once is made."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """Answers in this process, but not in this thread."""
    with Simulator() as started:
        yield started


@pytest.fixture(scope="module")
def complete(simulator: Simulator) -> Iterator[Callable[[list[Any]], object]]:
    """A completion on a kept client that has made some before."""
    with llmkit.Client(base_url=simulator.base_url, api_key=KEY) as client:

        def call(messages: list[Any]) -> object:
            return client.completion(MODEL, messages).choices[0].message.content

        for _ in range(TURNS):
            call(QUESTION)
        yield call


def counted(call: Callable[[], object]) -> Counter[str]:
    """What one call runs: qualified names of Python functions, and of C functions behind a colon."""
    found: Counter[str] = Counter()

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            found[f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"] += 1
        elif event == "c_call":
            found[f":{argument.__qualname__}"] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return found


def python_calls(call: Callable[[], object]) -> int:
    """How many Python functions one call runs at least."""
    runs = (counted(call) for _ in range(RUNS))
    return min(sum(n for name, n in run.items() if not name.startswith(":")) for run in runs)


def loaded(code: str) -> int:
    """How many modules a fresh process has after some code, beyond those of a bare start."""
    probe = f"import sys; before = set(sys.modules)\n{code}\nprint(len(set(sys.modules) - before))"
    command = [sys.executable, "-c", probe]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_few_modules_are_loaded() -> None:
    """An import that grows is felt by everyone who starts a process."""
    assert loaded("import llmkit") <= MOST_MODULES


def test_few_modules_are_loaded_for_the_first_answer(simulator: Simulator) -> None:
    """What a first call loads late counts as well."""
    url, base = f"{simulator.base_url}/chat/completions", f"base_url={simulator.base_url!r}"
    body = {"model": "m", "messages": QUESTION}
    headers = {"Authorization": f"Bearer {KEY}"}
    theirs = loaded(f"import httpx\nhttpx.Client().post({url!r}, headers={headers}, json={body})")
    ours = loaded(
        f"import llmkit\nllmkit.completion({MODEL!r}, {QUESTION}, {base}, api_key={KEY!r})"
    )
    assert ours <= MOST_MODULES_READY * theirs, f"{ours} modules, httpx alone loads {theirs}"


def test_json_is_written_once_and_read_once(complete: Callable[[list[Any]], object]) -> None:
    """A request is serialised once and its answer parsed once, both by pydantic-core."""
    found = counted(lambda: complete(QUESTION))
    assert (found[":to_json"], found[":from_json"]) == (1, 1)
    assert not [name for name in found if name.startswith("json.")]


def test_what_is_made_once_is_not_made_again(complete: Callable[[list[Any]], object]) -> None:
    """No address is parsed, no TLS context made, nothing copied deeply, nothing looked for and not found."""
    found = counted(lambda: complete(QUESTION))
    made = (".URL.__init__", ".urlsplit", "ssl.create_default_context", "ssl.SSLContext.__new__")
    assert not [name for name in found if name.endswith((*made, "copy.deepcopy"))]
    assert not [name for name in found if name.startswith("importlib.")]


def test_a_completion_calls_less_than_httpx_alone(
    complete: Callable[[list[Any]], object], simulator: Simulator
) -> None:
    """What a prepared request saves pays for the translation."""
    body = {"model": "gpt-4o-mini", "messages": QUESTION}
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}) as client:

        def post() -> object:
            return client.post(f"{simulator.base_url}/chat/completions", json=body).json()

        for _ in range(TURNS):
            post()
        theirs = python_calls(post)
    ours = python_calls(lambda: complete(QUESTION))
    assert ours <= MOST_CALLS * theirs, f"{ours} calls, httpx alone needs {theirs}"


async def async_calls(call: Callable[[], Awaitable[object]]) -> int:
    """`python_calls` of a coroutine, what its loop runs included."""
    for _ in range(TURNS):
        await call()
    found: list[Counter[str]] = []
    for _ in range(RUNS):
        found.append(events := Counter())
        sys.setprofile(lambda frame, event, argument, to=events: to.update([event]))
        try:
            await call()
        finally:
            sys.setprofile(None)
    return min(events["call"] for events in found)


def test_an_async_completion_calls_less_than_httpx_alone(simulator: Simulator) -> None:
    """The same on asyncio."""
    body = {"model": "gpt-4o-mini", "messages": QUESTION}
    url = f"{simulator.base_url}/chat/completions"

    async def both() -> tuple[int, int]:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with (
            httpx.AsyncClient(headers=headers) as raw,
            llmkit.Client(base_url=simulator.base_url, api_key=KEY) as client,
        ):
            ours = await async_calls(lambda: client.acompletion(MODEL, QUESTION))
            return ours, await async_calls(lambda: raw.post(url, json=body))

    ours, theirs = asyncio.run(both())
    assert ours <= MOST_CALLS * theirs, f"{ours} calls, httpx alone needs {theirs}"


def of_a_chunk(read: Callable[[str], int]) -> float:
    """Python calls for each further chunk of a stream; `read` says how many chunks there were."""
    short, long = "word", "word " * 60
    more = read(long) - read(short)
    assert more > 50
    return (python_calls(lambda: read(long)) - python_calls(lambda: read(short))) / more


def test_a_chunk_calls_little_more_than_its_line(simulator: Simulator) -> None:
    """Beside httpx reading lines and parsing each, a chunk's decoding, folding and model are few calls."""
    url = f"{simulator.base_url}/chat/completions"
    raw = httpx.Client(headers={"Authorization": f"Bearer {KEY}"})
    client = llmkit.Client(base_url=simulator.base_url, api_key=KEY)

    def ours(text: str) -> int:
        with client.completion(MODEL, [{"role": "user", "content": text}], stream=True) as stream:
            return sum(1 for _ in stream)

    def theirs(text: str) -> int:
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}
        with raw.stream("POST", url, json=body) as response:
            lines = (line for line in response.iter_lines() if line.startswith("data: {"))
            return sum(1 for line in lines if json.loads(line[6:]))

    with raw, client:
        above = of_a_chunk(ours) - of_a_chunk(theirs)
    assert above <= MOST_CALLS_ABOVE_A_LINE, f"{above:.0f} calls more for each chunk"


def test_cost_grows_with_the_messages_and_no_faster(
    complete: Callable[[list[Any]], object],
) -> None:
    """The second thousand of messages costs what the first did, and that is little for each."""
    roles = ("user", "assistant")

    def calls(count: int) -> int:
        messages = [{"role": roles[turn % 2], "content": "x"} for turn in range(count - 1)]
        return python_calls(lambda: complete([*messages, *QUESTION]))

    few, thousand, two = calls(2), calls(1000), calls(2000)
    assert two - thousand <= 1.1 * (thousand - few) + 50
    assert (two - few) / 2000 <= MOST_CALLS_OF_A_MESSAGE
