"""The pytest plugin: a fixture and a marker that replay, and an option without which nothing is recorded."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest

import llmkit
from llmkit.testing import Simulator

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
pytest_plugins = ["llmkit.testing.plugin"]
"""
ASK = """
import pytest
import llmkit
from llmkit import ReplayMissError

def ask(text="hi", **options):
    messages = [{"role": "user", "content": text}]
    return llmkit.completion("openai/gpt-4o-mini", messages, base_url=URL, api_key="key-0123456789", **options)
"""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Something to record from."""
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def everything_loaded() -> None:
    """A run within this process forgets what it has loaded: llmkit must be there before, or there would be two."""
    for found in pkgutil.walk_packages(llmkit.__path__, "llmkit."):
        if not found.name.endswith(("__main__", ".plugin")):
            importlib.import_module(found.name)


@pytest.fixture(autouse=True)
def only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs within load no other plugins: they would be imported anew for each."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def project(
    pytester: pytest.Pytester, simulator: Simulator, tests: str, conftest: str = ""
) -> None:
    """A project whose tests ask the simulator."""
    pytester.makeconftest(CONFTEST + conftest)
    pytester.makepyfile(test_it=f"URL = {simulator.base_url!r}\n{ASK}\n{tests}")


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """One run of it."""
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "--strict-markers", *options)


BOTH = """
def test_fixture(llmkit_cassette):
    assert "hi" in ask().choices[0].message.content

@pytest.mark.llmkit_cassette
def test_marker():
    ask("marked")

class TestClass:
    @pytest.mark.parametrize("what", ["a", "b/c"])
    def test_parameters(self, llmkit_cassette, what):
        ask(what)

def test_of_nobody(llmkit_cassette):
    pass
"""


def test_records_only_when_told(pytester: pytest.Pytester, simulator: Simulator) -> None:
    """By default a missing cassette fails; with "missing" it is made, beside the test; then it is replayed."""
    project(pytester, simulator, BOTH)
    result = run(pytester)
    result.assert_outcomes(failed=4, passed=1)
    result.stdout.fnmatch_lines(["*ReplayMissError*there is no such file*"])
    assert not simulator.requests
    run(pytester, "--llmkit-record=missing").assert_outcomes(passed=5)
    assert len(simulator.requests) == 4
    home = pytester.path / "cassettes" / "test_it"
    names = sorted(path.name for path in home.iterdir())
    assert names[:3] == [
        "TestClass.test_parameters[a].json",
        names[1],
        "test_fixture.json",
    ]
    assert names[1].startswith("TestClass.test_parameters[b-c]-")
    assert names[3:] == ["test_marker.json"]
    assert "key-0123456789" not in (home / "test_fixture.json").read_text()
    simulator.stop()
    for options in ([], ["--llmkit-record=missing"]):
        run(pytester, *options).assert_outcomes(passed=5)


def test_all_are_recorded_anew(pytester: pytest.Pytester, simulator: Simulator) -> None:
    """With "all" the calls are real again, and the cassettes replaced."""
    project(pytester, simulator, "def test_a(llmkit_cassette):\n    ask()\n")
    run(pytester, "--llmkit-record=missing").assert_outcomes(passed=1)
    path = pytester.path / "cassettes" / "test_it" / "test_a.json"
    path.write_text('{"llmkit_cassette": 1, "exchanges": []}')
    run(pytester).assert_outcomes(failed=1)
    run(pytester, "--llmkit-record=missing").assert_outcomes(failed=1)
    run(pytester, "--llmkit-record=all").assert_outcomes(passed=1)
    assert len(simulator.requests) == 2
    assert len(json.loads(path.read_text())["exchanges"]) == 1
    run(pytester).assert_outcomes(passed=1)


NAMED = """
@pytest.mark.llmkit_cassette("shared", repeat=True, ignore="user")
def test_one():
    ask(user="a")
    assert ask(user="b").call.transport in ("httpx", "replay")

@pytest.mark.llmkit_cassette("sub/other.json")
def test_two(llmkit_cassette):
    ask()
"""


def test_names_and_options(pytester: pytest.Pytester, simulator: Simulator) -> None:
    """A marker may name the file, and give the options of `replay`."""
    project(pytester, simulator, NAMED)
    run(pytester, "--llmkit-record=missing").assert_outcomes(passed=2)
    home = pytester.path / "cassettes"
    assert sorted(path.relative_to(home).as_posix() for path in home.rglob("*.json")) == [
        "shared.json",
        "sub/other.json",
    ]
    shared = home / "shared.json"
    kept = json.loads(shared.read_text())
    kept["exchanges"] = kept["exchanges"][:1]
    shared.write_text(json.dumps(kept))
    simulator.stop()
    run(pytester).assert_outcomes(passed=2)


def test_options_of_all_cassettes(
    pytester: pytest.Pytester, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project overrides one fixture to set options for all cassettes."""
    conftest = """
@pytest.fixture(scope="session")
def llmkit_cassette_options():
    return {"all_used": True, "scrub": ["a private word"]}
"""
    tests = """
import os

def test_a(llmkit_cassette):
    ask("say a private word")
    if not os.environ.get("LESS"):
        ask("more")
"""
    project(pytester, simulator, tests, conftest)
    run(pytester, "--llmkit-record=missing").assert_outcomes(passed=1)
    path = pytester.path / "cassettes" / "test_it" / "test_a.json"
    assert "a private word" not in path.read_text()
    run(pytester).assert_outcomes(passed=1)
    monkeypatch.setenv("LESS", "1")
    result = run(pytester)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*CassetteError*requests that were never made*"])


@pytest.mark.parametrize(
    ("marker", "why"),
    [
        ('("a", "b")', "takes one name"),
        ("(3)", "takes one name"),
        ("(nonsense=1)", "nonsense"),
    ],
)
def test_mistakes(pytester: pytest.Pytester, simulator: Simulator, marker: str, why: str) -> None:
    """A marker with other arguments is an error that names them."""
    project(
        pytester, simulator, f"@pytest.mark.llmkit_cassette{marker}\ndef test_a():\n    ask()\n"
    )
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{why}*"])


def test_help_names_the_option(pytester: pytest.Pytester) -> None:
    """The option and the marker explain themselves."""
    pytester.makeconftest(CONFTEST)
    pytester.runpytest_inprocess("--help").stdout.fnmatch_lines(["*--llmkit-record=*"])
    markers = pytester.runpytest_inprocess("--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.llmkit_cassette(name=None, ?*options)*"])
