"""What authors of providers import is there, and is the same thing as inside."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

from llmkit import plugins, providers
from llmkit.wires.openai_chat import OpenAIChat

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "provider-plugin"


def test_names_are_there() -> None:
    """Each name that is promised can be had, once, and nothing else is public."""
    assert all(hasattr(plugins, name) for name in plugins.__all__)
    assert len(set(plugins.__all__)) == len(plugins.__all__)
    assert plugins.OpenAIChat is OpenAIChat
    assert plugins.register_provider is providers.register_provider


def test_llmkit_does_not_load_it() -> None:
    """Who writes no provider does not pay for it."""
    code = "import llmkit, sys; sys.exit('llmkit.plugins' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_example_declares_its_entry_point() -> None:
    """The example's entry point is in llmkit's group, and leads to its declaration."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]["llmkit.providers"]
    assert points == {"parrot": "llmkit_parrot:PROVIDER"}


def test_the_example_imports_what_is_stable() -> None:
    """The example's code takes everything from ``llmkit.plugins``, and only names that are there."""
    for path in (EXAMPLE / "src" / "llmkit_parrot").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "from llmkit.plugins import" in text, path.name
        assert "from llmkit._" not in text, path.name
        assert "from llmkit." not in text.replace("from llmkit.plugins import", ""), path.name
    assert importlib.import_module("llmkit.plugins") is plugins
