"""A pytest plugin: the kit as fixtures, and cassettes by a marker.

Named in a conftest: `pytest_plugins = ["llmkit.testing.plugin"]`.

Nothing is recorded unless the command line says so: without it a missing cassette fails the test.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from ..errors import ConfigurationError
from ._cassette import Player, Recorder
from ._fixtures_kit import (
    llmkit_clock,
    llmkit_no_network,
    llmkit_scripted,
    llmkit_simulator,
)

__all__ = [
    "llmkit_cassette",
    "llmkit_cassette_options",
    "llmkit_clock",
    "llmkit_no_network",
    "llmkit_scripted",
    "llmkit_simulator",
]

_MODES: Final = ("none", "missing", "all")
_MARKER: Final = "llmkit_cassette"
# What some file system does not take in a name.
_UNSAFE: Final = re.compile(r"[^\w.\[\]=+@ -]")
_LONGEST: Final = 120
_RECORDING: Final = frozenset({"scrub"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--llmkit-record`."""
    parser.getgroup("llmkit").addoption(
        "--llmkit-record",
        choices=_MODES,
        default="none",
        help="record llmkit's cassettes: none (replay only, the default), those missing, or all anew",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(name=None, **options): replay this test's calls from a cassette, under llmkit.testing.replay's"
        " options",
    )


@pytest.fixture(scope="session")
def llmkit_cassette_options() -> Mapping[str, Any]:
    """Options of every cassette, such as `scrub` and `ignore`: override it in a conftest."""
    return {}


@pytest.fixture
def llmkit_cassette(
    request: pytest.FixtureRequest, llmkit_cassette_options: Mapping[str, Any]
) -> Iterator[Player | Recorder]:
    """Replay the test's calls from its cassette, or record them if `--llmkit-record` says so."""
    marker = request.node.get_closest_marker(_MARKER)
    name, options = _marked(marker)
    path = cassette_path(request.node, name)
    with _tap(
        request.config.getoption("--llmkit-record"), path, {**llmkit_cassette_options, **options}
    ) as tap:
        yield tap


@pytest.fixture(autouse=True)
def _llmkit_marked(request: pytest.FixtureRequest) -> None:
    """A test that is marked needs not ask for the fixture as well."""
    if request.node.get_closest_marker(_MARKER) is not None:
        request.getfixturevalue(_MARKER)


def cassette_path(node: pytest.Item, name: str | None = None) -> Path:
    """Where a test's cassette is: beside it, in `cassettes/<module>/<test>.json`, or under the name given."""
    home = node.path.parent / "cassettes"
    if name is not None:
        given = Path(name)
        return home / (given if given.suffix else given.with_name(f"{given.name}.json"))
    classes = [part.name for part in node.listchain() if isinstance(part, pytest.Class)]
    return home / node.path.stem / f"{_file_name('.'.join([*classes, node.name]))}.json"


def _file_name(test: str) -> str:
    """A test's name as a file's; where something had to be changed, a few letters keep it apart from others."""
    safe = _UNSAFE.sub("-", test)[:_LONGEST]
    if safe == test:
        return safe
    return f"{safe}-{hashlib.sha256(test.encode()).hexdigest()[:8]}"


def _marked(marker: pytest.Mark | None) -> tuple[str | None, Mapping[str, Any]]:
    if marker is None:
        return None, {}
    if len(marker.args) > 1 or not all(isinstance(name, str) for name in marker.args):
        raise ConfigurationError(f"{_MARKER} takes one name, and options by keyword")
    return (marker.args[0] if marker.args else None), marker.kwargs


def _tap(mode: str, path: Path, options: Mapping[str, Any]) -> Player | Recorder:
    if mode == "all" or (mode == "missing" and not path.exists()):
        return Recorder(path, **{name: options[name] for name in options if name in _RECORDING})
    # A test that calls nobody needs no file; one that does is told that there is none.
    return Player(path, must_exist=False, **options)
