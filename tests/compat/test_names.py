"""What of LiteLLM's names the compat layer has, as the documentation says it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("litellm_names", ROOT / "scripts/litellm_names.py")


@pytest.fixture(scope="module")
def names() -> Any:
    """The script that makes the page."""
    assert SPEC is not None
    assert SPEC.loader is not None
    made = importlib.util.module_from_spec(SPEC)
    SPEC.loader.exec_module(made)
    return made


def test_the_page_is_of_today(names: Any) -> None:
    """Otherwise: ``python scripts/litellm_names.py``."""
    assert names.PAGE.read_text(encoding="utf-8") == names.page()


def test_what_is_absent_is_an_error_with_words(names: Any) -> None:
    """Each function, class and module of LiteLLM's that is not here; none is silently something else."""
    for kind, name, how, _ in names.rows():
        if how == "absent" and kind in {"function", "class", "module"}:
            ours = importlib.import_module(names.HERE)
            with pytest.raises(AttributeError, match=r"not in llmkit: |; did you mean |lists all"):
                getattr(ours, name)
    assert len(json.loads(names.FACTS.read_text(encoding="utf-8"))["functions"]) > 400
