from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from llmkit._io._config import read_config
from llmkit.errors import ConfigurationError

SECRET = "hunter" + "2hunter2"
YAML = "router_settings:\n  num_retries: 3\n  retry_after: 1.5\nmodel_list: []\n"
JSON = '{"router_settings": {"num_retries": 3, "retry_after": 1.5}, "model_list": []}'
TOML = "model_list = []\n[router_settings]\nnum_retries = 3\nretry_after = 1.5\n"
SAYS = {"router_settings": {"num_retries": 3, "retry_after": 1.5}, "model_list": []}


def written(folder: Path, files: dict[str, str]) -> Path:
    """Files in a folder; the first of them."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / next(iter(files))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", YAML),
        ("config.yml", YAML),
        ("config", YAML),
        ("config.json", JSON),
        ("config.JSON", JSON),
        ("config.toml", TOML),
        ("marked.json", "\ufeff" + JSON),
    ],
)
def test_three_ways_to_write_a_configuration(tmp_path: Path, name: str, text: str) -> None:
    """YAML, JSON and TOML say the same; a path may be a text."""
    path = written(tmp_path, {name: text})

    assert read_config(path).sections == SAYS
    assert read_config(str(path)).notes == ()


WRONG = [
    ("a.yaml", f"a: [{SECRET}", "a.yaml is no YAML: see line 1, column 19"),
    ("a.yaml", f"a: {SECRET}\na: 1", "a.yaml: 'a' is there twice, again in line 2"),
    ("a.yaml", "b: &x [1]\na: [{c: *x, d: {e: 1, f: 2, e: 3}}]", "'e' is there twice, again in line 2"),
    ("a.yaml", f"- {SECRET}", "a configuration is a mapping of sections"),
    ("a.yaml", "1: 2", "a configuration is a mapping of sections"),
    ("a.yaml", "# nothing", "a.yaml is empty"),
    ("a.yaml", "a: !!python/object/apply:os.getcwd []", "a.yaml is no YAML: see line 1, column 4"),
    ("a.yaml", "a: 2026-99-99", "a.yaml is no YAML"),
    ("a.yaml", "a: \x07", "a.yaml is no YAML"),
    ("a.json", f'{{"a": {SECRET}}}', "a.json is no JSON: Expecting value in line 1, column 7"),
    ("a.json", f'{{"b": 1, "a": "{SECRET}", "a": 1}}', "a.json: 'a' is there twice"),
    ("a.json", "[]", "a configuration is a mapping of sections"),
    ("a.json", " ", "a.json is empty"),
    ("a.toml", f"a = {SECRET}", "a.toml is no TOML: see line 1, column 5"),
    ("a.json", "[" * 200_000, "a.json is nested too deeply"),
    ("a.yaml", "include: 3", "include is a list of paths"),
    ("a.yaml", "include: [b.yaml]", "there is no file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "why"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_with_a_file(tmp_path: Path, name: str, text: str, why: str) -> None:
    """The message says which file and where in it, and nothing that stands there."""
    with pytest.raises(ConfigurationError) as caught:
        read_config(written(tmp_path, {name: text}))

    assert why in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is missing, a folder, and what is no text are said as such."""
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")

    with pytest.raises(ConfigurationError, match="there is no file"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationError, match="cannot be read: "):
        read_config(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read: it is no UTF-8"):
        read_config(tmp_path / "latin.yaml")


def test_without_pyyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, YAML says what to install, and the other forms go on."""
    load = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return load(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(
        ConfigurationError, match=r"pip install 'llmkit\[yaml\]', or write the file"
    ):
        read_config(written(tmp_path, {"a.yaml": YAML}))
    assert read_config(written(tmp_path, {"a.json": JSON})).sections == SAYS


def test_included_files_are_added(tmp_path: Path) -> None:
    """Lists grow, sections are laid over each other key by key, in the order in which files are included."""
    path = written(
        tmp_path,
        {
            "config.yaml": "include: [models/a.json, models/b.yaml]\nmodel_list: [1]\nrouter_settings: {a: 1}\n",
            "models/a.json": json.dumps({"model_list": [2], "router_settings": {"b": [1]}}),
            "models/b.yaml": "include: c.yaml\nmodel_list: [3]\nrouter_settings: {b: [2]}",
            "models/c.yaml": "model_list: [4]\nextra: {d: {e: 1}}",
        },
    )  # fmt: skip
    config = read_config(path)

    assert config.sections == {
        "model_list": [1, 2, 3, 4],
        "router_settings": {"a": 1, "b": [1, 2]},
        "extra": {"d": {"e": 1}},
    }
    assert config.notes == ()


def test_what_two_files_say_differently_is_noted(tmp_path: Path) -> None:
    """As with LiteLLM an included file's value holds; that another one does not is no secret."""
    path = written(
        tmp_path,
        {
            "config.yaml": "include: b.yaml\ntop: 1\nsame: 1\nrouter_settings: {a: 1, b: {c: 1}, d: 1}",
            "b.yaml": "top: 2\nsame: 1\nrouter_settings: {a: 2, b: {c: 2}, d: 1}",
        },
    )
    config = read_config(path)

    assert config.sections["router_settings"] == {"a": 2, "b": {"c": 2}, "d": 1}
    assert [key for key, _ in config.notes] == ["top", "router_settings.a", "router_settings.b"]
    assert config.notes[0][1] == "it is said in two files: what b.yaml says holds"


def test_no_file_is_read_twice(tmp_path: Path) -> None:
    """Files that include each other, or one of them twice, are read once each."""
    path = written(
        tmp_path,
        {
            "a.yaml": "include: [b.yaml, ./b.yaml, a.yaml]\nmodel_list: [1]",
            "b.yaml": "include: a.yaml\nmodel_list: [2]",
        },
    )

    assert read_config(path).sections == {"model_list": [1, 2]}


def test_there_is_an_end_to_files(tmp_path: Path) -> None:
    """A chain of files that never ends is a mistake, and found."""
    files = {f"{n}.yaml": f"include: {n + 1}.yaml" for n in range(101)}

    with pytest.raises(ConfigurationError, match="includes more than 100 files"):
        read_config(written(tmp_path, files))


def test_aliases_and_merges_of_yaml(tmp_path: Path) -> None:
    """Anchors, aliases and merge keys are YAML's, and no key is taken to be there twice for them."""
    text = "a: &x {k: 1}\nb: {<<: *x, k: 2}\nc: [*x, *x]\nd: &y [1, *y]\n"
    sections = read_config(written(tmp_path, {"a.yaml": text})).sections

    assert sections["b"] == {"k": 2}
    assert sections["c"] == [{"k": 1}, {"k": 1}]
    assert sections["d"][1] is sections["d"]
