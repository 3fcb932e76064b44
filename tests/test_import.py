"""`import llmkit` costs next to nothing and does nothing: seen from a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

PROBE = """
import sys, json, atexit, os, signal, sysconfig, threading, warnings

opened, events = [], []
recording = True

def hook(event, args):
    if not recording:
        return
    if event == "open":
        opened.append([str(args[0]), str(args[1])])
    elif event.split(".")[0] in {"socket", "subprocess", "sqlite3", "ctypes"}:
        events.append(event)
    elif event in {"_thread.start_new_thread", "os.fork", "os.mkdir", "os.putenv", "os.system"}:
        events.append(event)

def state():
    return {
        "filters": repr(warnings.filters),
        "threads": threading.active_count(),
        "exits": atexit._ncallbacks(),
        "signals": repr([signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]),
        "environment": dict(os.environ),
        "excepthook": repr(sys.excepthook),
        "path": list(sys.path),
    }

loaded, before = set(sys.modules), state()
sys.addaudithook(hook)
import llmkit
recording = False
json.dump({
    "loaded": sorted(set(sys.modules) - loaded),
    "before": before,
    "after": state(),
    "opened": opened,
    "events": events,
    "home": os.path.dirname(llmkit.__file__),
    "stdlib": [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")],
}, sys.stderr)
"""

# Standard-library modules that are slow to load, or a sign that something was started.
HEAVY = {
    "asyncio",
    "concurrent",
    "email",
    "http",
    "logging",
    "multiprocessing",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "unittest",
    "urllib.request",
}


def fresh(code: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter (not measured for coverage: the tracer opens files itself)."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE_", "COV_CORE_"))}
    return subprocess.run(
        [sys.executable, "-B", *flags, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@cache
def probe() -> dict[str, Any]:
    """What one import did."""
    done = fresh(PROBE)
    assert done.returncode == 0, done.stderr
    return {"stdout": done.stdout, **json.loads(done.stderr)}


def test_import_loads_only_the_standard_library() -> None:
    """Neither httpx nor pydantic nor any other installed distribution is loaded."""
    outside = {
        name
        for name in probe()["loaded"]
        if name.partition(".")[0] not in sys.stdlib_module_names | {"llmkit"}
    }
    assert not outside


def test_import_loads_nothing_heavy() -> None:
    """No event loop, no TLS, no sockets, no logging: those come with the first call."""
    loaded = set(probe()["loaded"])
    assert not {name for name in loaded if name in HEAVY or name.partition(".")[0] in HEAVY}


def test_import_opens_only_source_files() -> None:
    """The import system reads modules; nothing reads a data file, a cache or a configuration."""
    homes = tuple(os.path.realpath(path) + os.sep for path in [probe()["home"], *probe()["stdlib"]])
    strange = [
        path
        for path, mode in probe()["opened"]
        if not path.endswith((".py", ".pyc"))
        or not os.path.realpath(path).startswith(homes)
        or set(mode) & set("wa+x")
    ]
    assert probe()["opened"], "the hook saw nothing, so it would see nothing wrong either"
    assert not strange


def test_import_starts_nothing() -> None:
    """No thread, socket, subprocess or database."""
    assert probe()["events"] == []


@pytest.mark.parametrize(
    "what", ["filters", "threads", "exits", "signals", "environment", "excepthook", "path"]
)
def test_import_leaves_the_process_as_it_was(what: str) -> None:
    """Warning filters, exit hooks, signal handlers, environment and path are the caller's."""
    assert probe()["after"][what] == probe()["before"][what]


def test_import_prints_nothing() -> None:
    """A library has nothing to say before it is asked."""
    done = fresh("import llmkit")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_import_warns_of_nothing() -> None:
    """The import is clean with every warning an error, deprecations and encodings included."""
    done = fresh("import llmkit", "-W", "error", "-X", "warn_default_encoding", "-X", "dev")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_name_says_so() -> None:
    """Laziness keeps Python's manners: a missing attribute is an AttributeError that names it."""
    done = fresh("import llmkit; llmkit.compleshun")
    assert done.returncode == 1
    assert "AttributeError" in done.stderr
    assert "compleshun" in done.stderr


DRY = """
import sys, llmkit
llmkit.Client(environ={{}}).dry_run("completion", messages=[{{"role": "user", "content": "a"}}], {})
print(*(name for name in sys.modules if name.startswith(("llmkit.providers.", "cryptography"))))
"""


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        ("model='openai/m'", {"openai"}),
        ("model='ollama/m'", {"ollama"}),
        ("model='azure/m', api_key='k' * 9, base_url='https://h.test'", {"azure"}),
        ("model='watsonx/m', region_name='us-south', project_id='p'", {"watsonx"}),
        # Which models of Anthropic's there are, is said in one place.
        ("model='bedrock/m', aws_region_name='us-east-1'", {"bedrock", "anthropic"}),
        ("model='vertex_ai/gemini-2.5-flash', vertex_project='p'", {"vertex_ai", "anthropic"}),
    ],
)
def test_a_call_loads_its_provider(arguments: str, loaded: set[str]) -> None:
    """And no other, nor what only signing with a private key needs."""
    done = fresh(DRY.format(arguments))
    assert done.returncode == 0, done.stderr
    names = {name.removeprefix("llmkit.providers.") for name in done.stdout.split()}
    assert {name for name in names if not name.startswith("_")} == loaded
