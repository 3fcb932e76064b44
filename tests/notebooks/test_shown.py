"""How things are shown in a notebook: what a model says stays text; bars, tables and streams without a kernel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit.types import ChatCompletion

from .conftest import KEY, MODEL

if TYPE_CHECKING:
    from llmkit.testing import Simulator

MESSAGES = [{"role": "user", "content": "Hi"}]
MARKUP = "<img src=x onerror=alert(1)>"


def answer(**message: Any) -> ChatCompletion:
    """One with this message."""
    return ChatCompletion.model_validate(
        {"model": MARKUP, "choices": [{"message": message, "finish_reason": "length"}]}
    )


def test_nothing_that_a_model_wrote_is_markup() -> None:
    """Its text, reasoning, refusal, calls and name; code, headings and bold words are set, the rest is text."""
    call = {"id": MARKUP, "function": {"name": MARKUP, "arguments": MARKUP}}
    made = answer(
        content=f"# Title\n**{MARKUP}** `{MARKUP}`\n```html\n{MARKUP}\n```\n![a](http://b.test)",
        reasoning_content=MARKUP,
        refusal=MARKUP,
        tool_calls=[call],
    )
    page = made._repr_html_()
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") == 8
    assert "<strong>Title</strong>" in page
    assert "<details><summary>reasoning</summary>" in page
    assert "ended by: length" in page
    marked = made._repr_markdown_()
    assert "![" not in marked
    # In code, tags are text anyway.
    assert marked.count("<img") == 4
    assert marked.count("&lt;img") == 4


def test_costs_unfold_into_their_lines(client: llmkit.Client) -> None:
    """Each with its rate, and where that is from."""
    made = client.completion(MODEL, MESSAGES)
    for page in (made._repr_html_(), made.cost._repr_html_()):
        assert f"<summary>{made.cost} exact</summary>" in page
        assert all(line.source in page for line in made.cost.lines)
    assert "openai" in made._repr_html_()


@pytest.mark.parametrize("kind", ["responses", "messages", "text"])
def test_other_forms_of_answers(client: llmkit.Client, kind: str) -> None:
    """Responses, messages and text completions are shown alike."""
    made: Any
    if kind == "responses":
        made = client.responses(MARKUP, MODEL)
    elif kind == "messages":
        made = client.messages(MODEL, [{"role": "user", "content": MARKUP}], max_tokens=50)
    else:
        made = client.text_completion("openai/gpt-3.5-turbo-instruct", MARKUP)
    assert "&lt;img" in made._repr_html_()
    assert "<img" not in made._repr_html_()
    assert "tokens" in made._repr_markdown_()


def test_budgets_have_bars(simulator: Simulator) -> None:
    """One for each limit, for the ones who spent where it is everyone's."""
    limits = [
        llmkit.Budget(1, None),
        llmkit.Budget(2, "day", "user"),
        llmkit.Budget(1, "day", "team"),
    ]
    manager = llmkit.BudgetManager(budgets=limits)
    manager.update_spend("0.25", user="ann")
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url, budget=manager) as client:
        client.completion(MODEL, MESSAGES, user="bob", max_tokens=5)
    page = manager._repr_html_()
    assert "width:25.0%" in page
    assert "user=ann" in page
    assert "user=bob" in page
    assert "team=*: nobody has spent yet" in page
    assert "width:12.5%" in manager.check_budget(user="ann")._repr_html_()
    assert "0.25" in manager.get_usage()._repr_html_()


def test_routers_and_ledgers_have_tables(simulator: Simulator) -> None:
    """How each deployment is, and what was used."""
    entry = {"model": MODEL, "api_key": KEY, "api_base": simulator.base_url}
    with llmkit.Router(model_list=[{"model_name": "fast", "litellm_params": entry}]) as router:
        assert "no call yet" in router.ledger._repr_html_()  # type: ignore[attr-defined]
        router.completion("fast", MESSAGES)
        assert "<td>well</td>" in router._repr_html_()
        assert KEY not in router._repr_html_()
        assert "<td>gpt-4o-mini</td><td>1</td>" in router.ledger._repr_html_()  # type: ignore[attr-defined]


def test_a_stream_is_printed_where_there_is_no_notebook(
    client: llmkit.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in plain IPython: its text, then its cost; an async one by its task, or not at all without a loop."""
    stream = client.completion(MODEL, MESSAGES, stream=True)
    stream._ipython_display_()
    assert capsys.readouterr().out == f"{stream.response.text}\n{stream.cost}\n"

    async def cell() -> str:
        shown = await client.acompletion(MODEL, MESSAGES, stream=True)
        shown._ipython_display_()
        return (await shown.until_done()).text

    assert asyncio.run(cell()) in capsys.readouterr().out


def test_a_hit_says_why_it_costs_nothing(client: llmkit.Client) -> None:
    """In one line; and of an embedding how many vectors were known."""
    client.cache = True
    pages = [client.completion(MODEL, MESSAGES)._repr_html_() for _ in range(2)]
    assert "$0 · answered from the cache" in pages[1]
    assert "<details>" not in pages[1]
    texts = "openai/text-embedding-3-small"
    made = [client.embedding(texts, one) for one in (["a"], ["a", "b"])]
    assert "1 token" in made[1]._repr_markdown_()
    assert "1 from the cache" in made[1]._repr_markdown_()
