"""Check an installed wheel as a stranger has it: weight, laziness, typing marker, command.

usage: PYTHON_OF_THE_VENV wheel_check.py   (run by the interpreter that the wheel was installed for)
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

MOST_DISTRIBUTIONS = 20
# 32 without what makes counts and costs work offline: two encodings (1.2) and the catalogue (1.0), with their code;
# 1.4 of stores and budgets, 1.4 of the router, 1.8 of billing and the fake Lago, 1.8 of the gateway and what stores and
# the router got for it, and 1.5 of notebooks, telemetry, the cache and LiteLLM's names; half of it bytecode.
MOST_MEGABYTES = 44
# What a new virtual environment holds before anything is installed.
BROUGHT_BY_VENV = {"pip", "setuptools", "wheel"}
SETUPTOOLS = {"_distutils_hack", "pkg_resources", "distutils-precedence"}
MEGABYTE = 1_000_000


def distributions() -> list[importlib.metadata.Distribution]:
    """What was installed, without what the environment came with."""
    found = importlib.metadata.distributions()
    return [one for one in found if one.metadata["Name"].lower() not in BROUGHT_BY_VENV]


def size(path: Path) -> int:
    """Bytes on disk of everything installed, compiled files included."""
    skipped = tuple(str(path / name) for name in BROUGHT_BY_VENV | SETUPTOOLS)
    files = (file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.stat().st_size for file in files if not str(file).startswith(skipped))


def check_weight() -> None:
    """The base install stays small."""
    names = sorted(str(one.metadata["Name"]) for one in distributions())
    megabytes = size(Path(sysconfig.get_path("purelib"))) / MEGABYTE
    print(f"{len(names)} distributions, {megabytes:.1f} MB: {', '.join(names)}")
    if len(names) > MOST_DISTRIBUTIONS or megabytes > MOST_MEGABYTES:
        raise SystemExit(f"over {MOST_DISTRIBUTIONS} distributions or {MOST_MEGABYTES} MB")


def check_contents() -> None:
    """The wheel holds llmkit and nothing else, is typed, and does not come from a source tree."""
    files = importlib.metadata.files("llmkit") or []
    tops = {file.parts[0] for file in files if ".." not in file.parts}
    strange = {top for top in tops if top != "llmkit" and not top.endswith(".dist-info")}
    if strange or not any(file.name == "py.typed" for file in files):
        raise SystemExit(f"the wheel holds {strange or 'no py.typed'}")
    spec = importlib.util.find_spec("llmkit")
    if spec is None or "site-packages" not in str(spec.origin):
        raise SystemExit(f"this is not the installed wheel: {spec}")


def check_import() -> None:
    """Importing loads none of the dependencies."""
    heavy = {"anyio", "httpx", "pydantic", "tenacity", "tiktoken"}
    code = f"import sys, llmkit; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if done.stdout.strip() != "set()":
        raise SystemExit(f"import llmkit loads {done.stdout.strip()}")


def check_extras() -> None:
    """SQLite is there; a store whose extra is not says which it is."""
    from llmkit import ConfigurationError, stores  # noqa: PLC0415 - the others look at it from outside

    stores.SQLiteStore("never-opened.db")
    for name, address, extra in (
        ("PostgresStore", "postgresql://localhost/x", "llmkit[postgres]"),
        ("RedisStore", "redis://localhost", "llmkit[redis]"),
    ):
        try:
            getattr(stores, name)(address)
        except ConfigurationError as error:
            if extra not in str(error):
                raise SystemExit(f"{name} does not name {extra}: {error}") from error
        else:
            raise SystemExit(f"{name} can be made without {extra}")


if __name__ == "__main__":
    check_weight()
    check_contents()
    check_import()
    check_extras()
