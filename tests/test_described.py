"""What an editor shows of a call: each parameter is described where it is written, in every spelling of the call."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import llmkit

SOURCE = Path(llmkit.__file__).parent
CALLS = (
    "batch_results", "cancel_batch", "completion", "count_tokens", "create_batch", "create_cache", "create_file",
    "delete_batch", "delete_cache", "delete_file", "embedding", "file_content", "image_edit", "image_generation",
    "image_variation", "list_models", "moderation", "refresh_catalogue", "rerank", "retrieve_batch",
    "retrieve_file", "speech", "text_completion", "token_counter", "transcription", "translation",
)  # fmt: skip


def undescribed(called: Any) -> list[str]:
    """Parameters of a function that its docstring does not have."""
    said = inspect.getdoc(called) or ""
    names = [name for name in inspect.signature(called).parameters if name != "self"]
    return [name for name in names if not re.search(rf"^    (\*\*)?{name}: \S", said, re.MULTILINE)]


@pytest.mark.parametrize(
    "where", [llmkit, llmkit.Client, llmkit.Router], ids=["functions", "client", "router"]
)
@pytest.mark.parametrize("name", CALLS)
def test_parameters_are_described(where: Any, name: str) -> None:
    """In the module, of a client, of a router; in both colours."""
    for spelt in (name, f"a{name}"):
        assert undescribed(getattr(where, spelt)) == [], spelt
        assert "Raises:" in getattr(where, spelt).__doc__


@pytest.mark.parametrize("name", ["messages", "responses"])
def test_the_other_forms_are_described(name: str) -> None:
    """As functions; of a client they are ``create``."""
    for called in (
        getattr(llmkit, name),
        getattr(llmkit, f"a{name}"),
        getattr(llmkit.Client, f"a{name}"),
    ):
        assert undescribed(called) == []


def test_keywords_are_described_in_place() -> None:
    """Each key of what is taken as ``**params`` has its sentence below it, which editors show."""
    bare: list[str] = []
    found = 0
    for path in sorted((SOURCE / "types").glob("*.py")):
        for made in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(made, ast.ClassDef) and re.search(
                "Params|Options|TypedDict", ast.unparse(made)[:200]
            ):
                after = [*made.body[1:], ast.Pass()]
                for one, following in zip(made.body, after, strict=True):
                    if isinstance(one, ast.AnnAssign) and made.name.endswith(("Params", "Options")):
                        found += 1
                        if not isinstance(getattr(following, "value", None), ast.Constant):
                            bare.append(f"{made.name}.{ast.unparse(one.target)}")
    assert bare == []
    assert found > 200
