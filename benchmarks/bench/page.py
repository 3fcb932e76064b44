"""``docs/benchmarks.md`` from a run's samples: how to read it, the bars, every table, what it was made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench import terminal
from bench.peers import PEERS, PINS
from bench.summary import Table, middle, tables
from bench.verdicts import HEADS, Verdict, cells, verdicts

_INTRODUCTION = """\
# Benchmarks

What llmkit costs on each of its transports, beside a bare HTTP call and beside other libraries. One command makes the
environments, measures, and writes the samples; another makes this page of them:

```sh
python benchmarks/run.py      # everything; --bars, --quick, --only and --peers do less
python benchmarks/report.py   # this page, from the newest results
```

Where the time of a call goes is told in [Performance](performance.md).

![Ratios to raw httpx](benchmarks.svg)

## How to read it

- **llmkit** is the library as it installs, over httpx; **llmkit [fast]** the same calls with `transport="reqwest"`,
  over pyreqwest. Each is held against its own transport used by hand.
- **Raw httpx** is `client.post(url, json=…).json()` on a kept client: what you would write yourself. Its pool's limits
  are out of the way in one row, and as they are when nobody sets them in the other; a bar on many calls at once is held
  against whichever of the two is faster. One call at a time, the two rows differ by noise alone, and show how much of
  it there is.
- **Raw pyreqwest** is `client.post(url).body_json(…).build().send().json()` on a kept client, as its documentation has
  it, and the same awaited. Its streams are read as they come, chunk by chunk (`streamed_read_buffer_limit(1)`): with
  its own 64 KiB nothing of an answer is seen before that much has come, or all.
- **Raw pyreqwest, typed and priced** is the least that could be called the same by hand: that, and the answer in a
  pydantic model, its price in decimals and a record of it. It limits no single wait, explains no error, tries nothing
  again, hides no key. What it takes above raw pyreqwest nobody can leave out who gives typed answers and counts money;
  the bars against raw pyreqwest were set where that took 111 µs a call.
- Each library runs in a process and a virtual environment of its own. In a round all of them are started and warmed up;
  then they take **turns** of a moment each, so that what is compared ran within seconds of each other. A ratio is the
  median over the turns of a round, and then over the rounds; the range in brackets is that of the rounds.
- Of many calls at once it is the steady state that is measured, without the start and the end of the crowd.
- **Wall** is what you wait for. **CPU** is what the process used, user and system, in all its threads. A bar is decided
  by the wall time of calls and by the CPU time of chunks; where the other says less, that is said.
- **Above the raw transport** is the CPU time for a chunk less that of reading the bytes of the same stream with the
  transport alone and making nothing of them: httpx's `iter_raw()`, or for llmkit [fast], pyreqwest and TensorZero
  (which is Rust as well) pyreqwest's `read_chunk()`. On asyncio it can be less than nothing: who makes something of a
  chunk finds the next one there, and who does not is woken for each.
- A bar that is missed by less than 15 % is *within noise*: neither met nor missed.
- *350 ms* to the first answer was said of a machine on which the openai SDK needs 1,150 ms and LiteLLM 4,250; the bars
  beside it say the same on any machine.
- Between client and server is only loopback: no TLS, no distance, and a server that answers from memory, and that does
  not fall asleep within 0.3 ms of its last answer (its waking up would be a third of the fastest calls). A real model
  thinks for seconds, and in one call most of these differences cannot be felt. They are what a busy service pays for in
  processors.
- Memory is measured once, of one contestant after the other. What is left open is counted after everything that can be
  closed was closed. A process of llmkit that does not end as it should is a failure in whatever it measured.
- The garbage collector is on, hashes are seeded with 0, `.pyc` files are warm. The server counts what it is asked: a
  turn in which a library asks more or less often than it answers does not count.
"""


_QUIET = 0.5
"""The most load that a machine should have before a run."""


def written(result: Mapping[str, Any]) -> str:
    """The page."""
    found = tables(result["samples"])
    parts = [
        _INTRODUCTION,
        *_warnings(result),
        *_bars(verdicts(found)),
        "\n## Results\n",
        *(line for table in found for line in _table(table)),
        *_circumstances(result),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _warnings(result: Mapping[str, Any]) -> Iterator[str]:
    if result["quick"]:
        yield _warning(
            "These are the results of a `--quick` run: they show that it works, and little else."
        )
    if (load := result["load"]["before"]) is not None and load > _QUIET:
        yield _warning(
            f"The machine was not quiet: its load was {load} before the run began. Look at CPU times and"
            " ratios, not at wall times."
        )


def _warning(text: str) -> str:
    return f"!!! warning\n    {text}\n"


def _rows(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table; a short line is a name and a remark."""
    width = len(lines[0])
    for number, line in enumerate(lines):
        cells = [*line, *[""] * (width - len(line))]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield f"|---|{'---:|' * (width - 1)}"


def _bars(found: Sequence[Verdict]) -> Iterator[str]:
    yield "## Bars\n"
    yield from _rows([HEADS, *((*cells(one)[:-1], f"**{one.word}**") for one in found)])


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.measure.title}\n"
    yield from _rows(terminal.lines(table))
    yield ""


def _circumstances(result: Mapping[str, Any]) -> Iterator[str]:
    machine, size, load = result["machine"], result["size"], result["load"]
    server = result["server"]
    yield "## Where and when\n"
    rounds = f"{size['rounds']} rounds of {size['turns']} turns"
    yield f"- {result['date']}; llmkit at `{result['tree']}`; {rounds}."
    yield from _earlier(result)
    yield (
        f"- {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB; {machine['system']};"
        f" Python {machine['python']}."
    )
    pinned = "yes" if server["pinned"] else "no, they were not pinned"
    yield f"- Contestants on one core, the server on another: {pinned}."
    yield (
        f"- The server answered {server['answers_a_second']:,} requests a second to a plain socket loop"
        f" and could, by its CPU time, answer {server['by_its_cpu_time']:,}."
        f" It was busy for at most {_busiest(result['samples']):.0%} of any turn."
    )
    yield f"- Load when it began and ended: {load['before']} and {load['after']}. {_speed(result['samples'])}"
    yield "\n## Versions\n"
    yield from _rows([("library", "version", "with"), *_versions(result["versions"])])


def _earlier(result: Mapping[str, Any]) -> Iterator[str]:
    """Which measures are of earlier runs."""
    made_by: Mapping[str, str] = result.get("made_by", {})
    trees = dict.fromkeys(tree for tree in made_by.values() if tree != result["tree"])
    for tree in trees:
        named = ", ".join(measure for measure, by in made_by.items() if by == tree)
        yield f"- Of an earlier run the same day, llmkit at `{tree}`: {named}."


def _busiest(samples: Sequence[Mapping[str, Any]]) -> float:
    """The greatest share of a turn that the server used its core for."""
    turns = (turn for sample in samples for turn in sample.get("turns", ()))
    return max((turn.get("server_share", 0.0) for turn in turns), default=0.0)


def _speed(samples: Sequence[Mapping[str, Any]]) -> str:
    speeds = middle(sample["machine_us"] for sample in samples)
    if speeds is None:
        return ""
    return (
        f"A fixed piece of Python took {speeds.least:.0f} to {speeds.most:.0f} µs of CPU during the run,"
        f" {speeds.median:.0f} in the middle."
    )


_SHOWN = ("httpx", "pyreqwest", "httpx2", "httpcore", "pydantic", "openai", "anyio")


def _versions(versions: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str, str]]:
    for environment, contents in versions.items():
        label = next(peer.label for peer in PEERS if peer.environment == environment)
        own = "llmkit" if environment == "llmkit" else _distribution(environment)
        others = [f"{name} {contents[name]}" for name in _SHOWN if name in contents and name != own]
        yield label, contents.get(own, "?"), ", ".join(others)


def _distribution(environment: str) -> str:
    """The name that a pin begins with."""
    return PINS[environment][0].partition("==")[0].partition("[")[0]
