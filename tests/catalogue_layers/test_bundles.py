"""Bundles: a whole catalogue in one file, checked part by part."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit import catalogue
from llmkit.catalogue import Catalogue
from llmkit.catalogue import _bundle as bundles
from llmkit.catalogue._bundle import is_bundle, read_bundle, write_bundle
from llmkit.catalogue._load import FORMAT
from llmkit.errors import CatalogueError

from ._parts import bundle, part


def test_a_bundle_is_read_as_it_was_written() -> None:
    """Each model is there, makers stand first, and the same parts give the same bytes."""
    data = bundle()
    assert data == bundle()
    assert is_bundle(data)
    assert not is_bundle(b"{}")
    read = read_bundle(data, "x")
    assert read.names() == ("acme", "host")
    assert (read.makes("acme"), read.makes("host"), read.makes("nobody")) == (True, False, False)
    mark = hashlib.sha256(data).hexdigest()[:12]
    assert read.revision == f"2026-12-01+{mark}"
    file = read.open("acme")
    assert file
    found = file.model("road-1")
    assert found
    assert (found.name, found.revision) == ("road", f"2026-12-01+{mark}")
    assert read.open("nobody") is None


def test_a_bundle_takes_the_place_of_the_built_in_data(tmp_path: Path) -> None:
    """Wholly: what it does not list is not listed. Files lie over it in any order."""
    path, over = tmp_path / "all.bundle", tmp_path / "ours.json"
    path.write_bytes(bundle())
    over.write_text(json.dumps({"acme/road": {"input_cost_per_token": 1}}), encoding="utf-8")
    known = Catalogue(path)
    assert known.providers() == ("acme", "host")
    assert known.providers_of("road") == ("acme",)
    assert known.find("openai", "gpt-4o") is None
    assert [model.name for model in known.models()] == ["road", "road"]
    for files in ((path, over), (over, path)):
        found = Catalogue(*files).find("acme", "road")
        assert found
        assert found.rates[0].usd == 1_000_000
        assert found.revision.startswith(f"{known.revision}+")


def test_the_built_in_data_makes_a_bundle() -> None:
    """Every file of the package goes through, and comes back the same."""
    data = Path(catalogue.__file__).parent / "data"
    names = catalogue.default().providers()
    parts = {name: (data / f"{name}.json").read_bytes() for name in names}
    written = write_bundle(parts, catalogue.revision())
    read = read_bundle(written, "built-in")
    assert read.names() == names
    assert len(written) < bundles.LARGEST / 4
    file = read.open("openai")
    assert file
    found, listed = file.model("gpt-4o"), catalogue.find("openai", "gpt-4o")
    assert found
    assert listed
    assert found.rates == listed.rates


def manifest(data: bytes, **changes: Any) -> bytes:
    """The bundle with another manifest over the same parts."""
    line, _, rest = data.partition(b"\n")
    told = {**json.loads(line), **changes}
    return json.dumps(told, separators=(",", ":")).encode() + b"\n" + rest


def swapped(text: str) -> bytes:
    """A bundle whose only part is this text."""
    data = text.encode()
    told = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    head = {"llmkit_bundle": 1, "revision": "2026-12-01", "parts": {"acme": told}}
    return json.dumps(head, separators=(",", ":")).encode() + b"\n" + data


GOOD = bundle()
PART = part("acme").decode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>", "it does not begin as a bundle does"),
        (b'{"llmkit_bundle":1', "its manifest is cut"),
        (b'{"llmkit_bundle":1,}\n', "its manifest is not JSON"),
        (manifest(GOOD, llmkit_bundle=2), "it is a bundle of version 2, this reads 1"),
        (manifest(GOOD, revision="soon"), "its revision is 'soon', not a date"),
        (manifest(GOOD, parts={}), "its manifest names no parts"),
        (manifest(GOOD, parts={"acme": 5}), "does not say how long 'acme' is"),
        (manifest(GOOD, parts={"acme": {"bytes": -1}}), "does not say how long 'acme' is"),
        (GOOD[:-1], "the part 'host' is cut or changed"),
        (GOOD + b" ", "1 bytes follow its last part"),
        (GOOD.replace(b"input 0.1", b"input 0.2", 1), "the part 'acme' is cut or changed"),
        (swapped("{"), "the part 'acme' cannot be read"),
        (swapped("5"), "the part 'acme' cannot be read"),
        (swapped(PART.replace('"acme"', '"other"', 1)), "it is the file of 'other'"),
        (swapped(PART.replace(f'"format": {FORMAT}', '"format": 99')), "format 99, this reads"),
        (swapped(PART.replace('"sources"', '"source"')), "the part 'acme' cannot be read"),
        (swapped(PART.replace("input 0.1", "input free")), "the part 'acme' cannot be read"),
    ],
)
def test_a_broken_bundle_says_how(data: bytes, message: str) -> None:
    """Whatever is wrong with it, nothing but a typed error comes out."""
    with pytest.raises(CatalogueError, match=message) as caught:
        read_bundle(data, "some.bundle")
    assert str(caught.value).startswith("catalogue bundle 'some.bundle': ")


def test_no_cut_of_a_bundle_passes() -> None:
    """Not at any byte."""
    for end in range(len(GOOD)):
        with pytest.raises(CatalogueError):
            read_bundle(GOOD[:end], "cut")


def test_a_bundle_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its length alone is looked at."""
    monkeypatch.setattr(bundles, "LARGEST", len(GOOD) - 1)
    with pytest.raises(CatalogueError, match="it has more than"):
        read_bundle(GOOD, "x")


def test_what_is_no_bundle_is_not_written() -> None:
    """A part that could not be read later is refused at once."""
    with pytest.raises(CatalogueError, match="the part 'acme' cannot be read"):
        write_bundle({"acme": b"{}"}, "2026-12-01")


def test_the_builder_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it prints is what ``refresh_catalogue`` wants to be told."""
    script = Path(__file__).resolve().parents[2] / "scripts" / "build_catalogue.py"
    monkeypatch.setattr(sys, "path", [*sys.path])
    main = runpy.run_path(str(script))["main"]
    path = tmp_path / "all.bundle"
    assert main(["--bundle", str(path)]) == 0
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert capsys.readouterr().out.split()[0] == sha256
    with llmkit.Client(catalogue=Catalogue()) as client:
        revision = client.refresh_catalogue(path, sha256=sha256)
    assert revision == f"{catalogue.revision()}+{sha256[:12]}"
    with pytest.raises(SystemExit):
        main([])
