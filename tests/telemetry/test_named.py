"""Sinks by name: built-in ones, registered ones, entry points; and what a wrong name is told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import telemetry
from llmkit.telemetry import _named
from llmkit.testing import scripted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODEL = "openai/gpt-4o-mini"
ASK: list[Any] = [{"role": "user", "content": "Hi"}]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test makes or registers is gone behind it."""
    made, registered = dict(_named._made), dict(_named._registered)
    yield
    for one, before in ((_named._made, made), (_named._registered, registered)):
        one.clear()
        one.update(before)


def test_the_same_name_is_the_same_sink(tmp_path: Path) -> None:
    """Clients share what they name alike; other paths are other sinks."""
    name = f"jsonl:{tmp_path}/a.jsonl"
    assert telemetry.sink(name) is telemetry.sink(name)
    assert telemetry.sink(name) is not telemetry.sink(f"jsonl:{tmp_path}/b.jsonl")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jsonl", "needs a path"),
        ("sqlite:", "no path behind its colon"),
        ("otel:x", "takes nothing behind a colon"),
        ("sqlit:x", "did you mean sqlite"),
        ("langfuze", "did you mean langfuse"),
        ("nobody", "There are jsonl, langfuse, otel, prometheus, sqlite"),
    ],
)
def test_wrong_names(name: str, message: str) -> None:
    """They are told when the client is made."""
    with pytest.raises(llmkit.ConfigurationError, match=message):
        llmkit.Client(callbacks=[name])


@pytest.mark.parametrize("wrong", [[3], [None], 3, ["jsonl:x", object()]])
def test_what_is_no_callback(wrong: Any) -> None:
    """It is refused when the client is made, not logged at each call."""
    with pytest.raises(llmkit.ConfigurationError, match="callbacks are functions of one event"):
        llmkit.Client(callbacks=wrong)


def test_a_class_in_place_of_a_sink() -> None:
    """It would be made anew of each event, and fail each time."""
    with pytest.raises(llmkit.ConfigurationError, match=r"make one: JSONL\(\)"):
        llmkit.Client(callbacks=[telemetry.JSONL])  # type: ignore[list-item]


def test_one_alone(client: Callable[..., llmkit.Client]) -> None:
    """One function needs no list around it."""
    seen: list[Any] = []
    with (
        scripted("x"),
        llmkit.Client(callbacks=seen.append, environ={"OPENAI_API_KEY": "k"}) as one,
    ):  # type: ignore[arg-type]
        one.completion(MODEL, ASK)
    assert len(seen) == 3


def test_a_registered_sink(client: Callable[..., llmkit.Client]) -> None:
    """A name of one's own, with and without something behind a colon; built-in names stay."""
    seen: list[Any] = []
    telemetry.register_sink("mine", lambda *said: lambda event: seen.append((said, event)))
    with scripted("x"):
        client("mine", "mine:more").completion(MODEL, ASK)
    assert [said for said, _ in seen[:2]] == [(), ("more",)]
    with pytest.raises(llmkit.ConfigurationError, match="built-in"):
        telemetry.register_sink("otel", print)
    telemetry.register_sink("wrong", lambda: 3)
    with pytest.raises(llmkit.ConfigurationError, match="no function of one event"):
        telemetry.sink("wrong")


def test_an_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Callable[..., llmkit.Client]
) -> None:
    """A package that is installed brings a name."""
    info = tmp_path / "acme_sink-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sink\nVersion: 1\n", "utf-8")
    (info / "entry_points.txt").write_text("[llmkit.telemetry]\nacme = acme_sink:make\n", "utf-8")
    (tmp_path / "acme_sink.py").write_text(
        "seen = []\ndef make():\n    return seen.append\n", "utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with scripted("x"):
        client("acme").completion(MODEL, ASK)
    assert len(sys.modules.pop("acme_sink").seen) == 3


@pytest.mark.parametrize(
    ("name", "library"), [("otel", "opentelemetry"), ("prometheus", "prometheus_client")]
)
def test_without_the_library(name: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to install."""
    for module in [
        one
        for one in sys.modules
        if one.startswith(
            (library, "llmkit.telemetry._otel", "llmkit.telemetry._prom", "llmkit.telemetry._fam")
        )
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(llmkit.ConfigurationError, match=rf"pip install 'llmkit\[{name}\]'"):
        telemetry.sink(name)
