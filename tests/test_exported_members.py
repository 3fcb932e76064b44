"""The public names: listed, importable, typed, and all there."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import typing
from pathlib import Path
from types import ModuleType

import pytest

import llmkit
from llmkit import errors

PUBLIC = sorted(llmkit.__all__)
FUNCTIONS = [name for name in PUBLIC if inspect.isfunction(getattr(llmkit, name, None))]


def typing_names() -> set[str]:
    """What a type checker sees: names bound under `if TYPE_CHECKING:` and defined outright."""
    tree = ast.parse(Path(inspect.getfile(llmkit)).read_text(encoding="utf-8"))
    guards = [n for n in tree.body if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]
    statements = [*tree.body, *(inner for guard in guards for inner in guard.body)]
    imported = {
        alias.asname or alias.name
        for node in statements
        if isinstance(node, ast.ImportFrom | ast.Import)
        for alias in node.names
    }
    assigned = {
        node.target.id
        for node in statements
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return imported | assigned


@pytest.mark.parametrize("name", PUBLIC)
def test_every_listed_name_is_there(name: str) -> None:
    """What `__all__` promises can be had, also lazily, and again."""
    assert getattr(llmkit, name) is getattr(llmkit, name)


@pytest.mark.parametrize("name", PUBLIC)
def test_type_checkers_see_every_name(name: str) -> None:
    """A lazy name is declared for type checkers as well."""
    assert name in typing_names()


def test_all_is_a_literal() -> None:
    """Type checkers read `__all__` without running it; a computed one exports nothing to them."""
    tree = ast.parse(Path(inspect.getfile(llmkit)).read_text(encoding="utf-8"))
    listed = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert [ast.literal_eval(value) for value in listed] == [llmkit.__all__]


def test_every_visible_name_is_listed() -> None:
    """`dir(llmkit)` is `__all__`, apart from what every module has and submodules in use."""
    extra = {
        name
        for name in set(dir(llmkit)) - set(PUBLIC)
        if not name.startswith("_") and not isinstance(getattr(llmkit, name), ModuleType)
    }
    # A star must not hide Python's own ``map``.
    assert extra <= {"annotations", "TYPE_CHECKING", "map"}


def test_every_listed_name_is_visible() -> None:
    """Tab completion in a notebook shows the lazy names before their first use."""
    assert set(PUBLIC) <= set(dir(llmkit))


def test_every_error_is_exported() -> None:
    """Whatever can be raised can be caught by a name from the root."""
    tree = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.LLMKitError)
        if not name.startswith("_") and value.__module__ == errors.__name__
    }
    assert len(tree) > 10
    assert tree <= set(PUBLIC)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_type_hints_resolve_at_run_time(name: str) -> None:
    """Frameworks that read signatures find real types behind the strings."""
    hints = typing.get_type_hints(getattr(llmkit, name))
    assert "return" in hints


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_object_is_documented(name: str) -> None:
    """`help()` has something to say of each class and function."""
    value = getattr(llmkit, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert (value.__doc__ or "").strip()


def test_there_are_functions_to_check() -> None:
    """The two main functions are among the parametrized ones, so those tests are not empty."""
    assert {"completion", "acompletion"} <= set(FUNCTIONS)


def test_version_is_the_installed_one() -> None:
    """One place for the version, and the package reports it."""
    try:
        installed = importlib.metadata.version("llmkit")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("llmkit runs from a source tree and is not installed")
    assert llmkit.__version__ == installed
