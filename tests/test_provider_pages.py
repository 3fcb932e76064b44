"""The pages of providers: one for each, made of what the wires do, the same each time, and linked from the table."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmkit import providers
from llmkit.testing import Raw, scripted

PLACES = {
    "DATABRICKS_HOST": "https://host.example",
    "VERTEXAI_PROJECT": "a-project",
    "WATSONX_PROJECT_ID": "a-project",
}
ANSWERS: dict[str, Any] = {
    "deepgram": {"results": {"channels": [{"alternatives": [{"transcript": "Hello"}]}]}},
    "replicate": {"id": "1", "status": "succeeded", "output": ["Hello"]},
}
"""What neither a script's text nor the plainest JSON says."""
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """The script's functions."""
    return runpy.run_path(str(ROOT / "scripts" / "provider_pages.py"))


@pytest.fixture(scope="module")
def pages(script: dict[str, Any]) -> dict[str, str]:
    """All pages."""
    made: dict[str, str] = script["pages"]()
    return made


def test_each_provider_has_a_page(pages: dict[str, str]) -> None:
    """Nobody is left out, and each page says where its facts are from."""
    assert pages.keys() == set(providers.names())
    for name, text in pages.items():
        provider = providers.get(name)
        assert text.startswith(f"# {name}\n")
        assert f"({provider.docs}), read {provider.read}." in text
        for variable in (*provider.key_env, *provider.base_env):
            assert f"`{variable}`" in text


def test_pages_are_the_same_each_time(script: dict[str, Any], pages: dict[str, str]) -> None:
    """Nothing in them depends on when they are made."""
    assert script["pages"]() == pages


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mistral", "| `seed` | sent as `random_seed` |"),
        ("mistral", "| `user` | refused |"),
        ("mistral", "| `reasoning_effort` | clamped: there is 'none' and 'high' only |"),
        ("mistral", "Refused: `video_url`."),
        ("deepseek", "| `response_format` | emulated: by a system message with the schema |"),
        ("openai", "| `max_tokens` | sent as `max_completion_tokens` |"),
        ("openai_like", "| `top_k` | sent |"),
        ("gemini", "| `top_p` | sent as `generationConfig.topP` |"),
        ("groq", "| shown as | `authorization: Bearer KEY` |"),
        ("sarvam", "| shown as | `api-subscription-key: KEY` |"),
        ("snowflake", "| `{account_id}` in it | `account_id=`, `SNOWFLAKE_ACCOUNT_ID`"),
        ("cloudflare", "Calls: [`chat`](../quickstart.md), [`embedding`](../embedding.md)"),
        ("deepgram", 'llmkit.transcription("deepgram/'),
        ("jina_ai", 'llmkit.embedding("jina_ai/'),
        ("anthropic", "[more](../wires/anthropic.md)"),
    ],
)
def test_what_pages_say(pages: dict[str, str], name: str, line: str) -> None:
    """A page says what the provider's wire does, in so many words."""
    assert line in pages[name]


def test_examples_run(
    pages: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The call that each page begins with is made, in its provider's own format, and answered."""
    monkeypatch.chdir(tmp_path)
    for name, value in PLACES.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "meeting.mp3").write_bytes(b"ID3")
    for name, text in pages.items():
        provider = providers.get(name)
        for variable in provider.variables:
            named = next(n for n in provider.names_of(variable) if n.isupper())
            monkeypatch.setenv(named, PLACES.get(named, "x"))
        if provider.base_url is None and provider.base_env:
            monkeypatch.setenv(provider.base_env[0], "https://host.example/v1")
        code = text.partition("```python\n")[2].partition("```")[0]
        other = "llmkit.completion(" not in code or name in ANSWERS
        answer = Raw(ANSWERS.get(name, {"data": [], "text": "Hello"})) if other else "Hello."
        with scripted(otherwise=answer) as script:
            exec(code, {})  # noqa: S102 - it is our own page
        assert script.requests, name


def test_notes_are_of_providers(script: dict[str, Any]) -> None:
    """No note is left over of a provider that is gone."""
    assert script["NOTES"].keys() <= set(providers.names())


def test_the_table_is_linked(script: dict[str, Any]) -> None:
    """Each name in the table leads to its page; other pages stay as they are."""
    table = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    page = SimpleNamespace(file=SimpleNamespace(src_uri="providers.md"))
    made = script["on_page_markdown"](table, page, config=None)
    for name in providers.names():
        assert f"| [`{name}`](providers/{name}.md)" in made
    other = SimpleNamespace(file=SimpleNamespace(src_uri="index.md"))
    assert script["on_page_markdown"](table, other) == table


def test_pages_can_be_written(script: dict[str, Any], tmp_path: Path) -> None:
    """The command writes them into a directory."""
    assert script["main"]([str(tmp_path / "made")]) == 0
    written = {path.stem for path in (tmp_path / "made").glob("*.md")}
    assert written == set(providers.names())
