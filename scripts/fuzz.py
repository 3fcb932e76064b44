"""Fuzz every decoder with atheris, guided by coverage: fuzz.py [--seconds N] [--runs N] [decoder ...]

What must hold is in tests/fuzz/_targets.py. Needs llmkit and atheris in this interpreter's environment. Each decoder
has a process of its own, begins from real-shaped traffic, and ends at its first failure, whose input is printed.
"""

from __future__ import annotations

import argparse
import importlib
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 20
"""Seconds that one input may take, and megabytes that all may."""
MEMORY = 2048
LONGEST = 4096


def main() -> int:
    """Fuzz the decoders named, or all of them; return how many failed."""
    options = _options()
    if options.one:
        _fuzz(options.one, options.rest)
    targets = _loaded().TARGETS
    unknown = sorted({*options.rest} - {*targets})
    if unknown:
        print(f"no decoder is called {', '.join(unknown)}; there are {', '.join(targets)}")
        return 2
    return sum(not _passes(name, options) for name in options.rest or targets)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fuzz every decoder with atheris.")
    parser.add_argument("--seconds", type=int, default=60, help="for each decoder (default: 60)")
    parser.add_argument("--runs", type=int, default=-1, help="most inputs for each decoder")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    options.rest = rest
    return options


def _loaded() -> Any:
    sys.path.insert(0, str(ROOT))
    return importlib.import_module("tests.fuzz._targets")


def _passes(name: str, options: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory(prefix="llmkit-fuzz.") as work:
        corpus = Path(work) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(_seeds(name)):
            (corpus / f"seed_{number}").write_bytes(seed)
        done = subprocess.run(
            [
                *(sys.executable, __file__, "--one", name, str(corpus)),
                f"-artifact_prefix={work}/failed_",
                *(f"-max_total_time={options.seconds}", f"-runs={options.runs}"),
                *(f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEMORY}", f"-max_len={LONGEST}"),
                "-print_final_stats=1",
            ],
            capture_output=True,
            check=False,
        )
        _told(name, done, Path(work))
    return done.returncode == 0


def _told(name: str, done: subprocess.CompletedProcess[bytes], work: Path) -> None:
    log = done.stderr.decode("utf-8", "replace") + done.stdout.decode("utf-8", "replace")
    lines = (line for line in log.splitlines() if "number_of_executed_units" in line)
    runs = next(lines, "? ?").split()[-1]
    print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'} after {runs} inputs", flush=True)
    if done.returncode:
        print(log[-6000:])
        for path in sorted(work.glob("failed_*")):
            print(f"{path.name}: {path.read_bytes()!r}")


def _seeds(name: str) -> list[bytes]:
    _loaded()
    traffic = importlib.import_module("tests.fuzz._traffic")
    framing = importlib.import_module("tests.fuzz._framing")
    # The most particular first: one chat's name may be another's beginning.
    named = sorted(traffic.STREAMS, key=len, reverse=True)
    fitting = [wire for wire in named if name.startswith(f"{wire}_")]
    fitting += [wire for wire in traffic.STREAMS if name.startswith(wire.partition("_")[0])]
    wire = next(iter(fitting), None)
    if wire is None:
        return [b"", b"1h2m", b"openai/gpt-4o", b"data:image/png;base64,AAAA", traffic.KEY.encode()]
    said = traffic.ERRORS[wire] if name.endswith("error") else traffic.ANSWERS[wire]
    whole = [text.encode() for text in said]
    return [*whole, *(framing.framing_of(wire)(e, None) for e in traffic.STREAMS[wire])]


def _fuzz(name: str, flags: list[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    atheris = importlib.import_module("atheris")
    warnings.simplefilter("error")
    with atheris.instrument_imports(include=["llmkit"]):
        targets = _loaded().TARGETS
    atheris.Setup([__file__, *flags], targets[name], custom_mutator=_mutator(atheris))
    atheris.Fuzz()


def _mutator(atheris: Any) -> Any:
    """Half of the inputs are broken in structure, half in their bytes."""
    mutate = importlib.import_module("tests.fuzz._mutate")

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.randrange(2):
            # Looked up here: before ``Fuzz`` is under way it is another function.
            return bytes(atheris.Mutate(data, most))
        return bytes(mutate.broken_bytes(data, chance)[:most])

    return mutated


if __name__ == "__main__":
    sys.exit(main())
