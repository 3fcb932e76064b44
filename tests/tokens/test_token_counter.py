from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import llmkit
from llmkit.catalogue import Catalogue
from llmkit.errors import (
    ConfigurationError,
    InvalidRequestError,
    UnknownProviderError,
    UnsupportedParamsError,
)
from llmkit.types import Message

if TYPE_CHECKING:
    from llmkit.tokens import CountedTokens

HELLO = [{"role": "user", "content": "Hello!"}]
KEY = "sk-" + "ant-counting"


def add(a: int, b: int) -> int:
    """Add two integers"""
    return a + b


class Answer(BaseModel):
    answer: str


def test_a_client_counts_by_its_own_catalogue() -> None:
    """A model that was said to be like another is counted like it, by a bare name, too; other clients are not told."""
    client = llmkit.Client(catalogue=Catalogue())
    client.register_model("together_ai/house-model", like="openai/gpt-4o")
    like = llmkit.token_counter("openrouter/openai/gpt-4o", HELLO)
    for model in ("together_ai/house-model", "house-model"):
        found = client.token_counter(model, HELLO)
        assert (int(found), found.exact, found.at_most) == (int(like), like.exact, like.at_most)
    assert llmkit.token_counter("together_ai/house-model", HELLO).at_most != like.at_most


def test_what_is_laid_over_a_model_does_not_change_how_it_is_counted() -> None:
    """A price alone says nothing of tokens; and what is like it is counted as it is."""
    client = llmkit.Client(catalogue=Catalogue())
    client.register_model("openai/gpt-4o", input_cost_per_token=1e-6)
    client.register_model("openai/house-model", like="openai/gpt-4o")
    client.register_model("openai/our-model", like="openai/house-model")
    known = llmkit.token_counter("openai/gpt-4o", HELLO)
    for model in ("openai/gpt-4o", "openai/house-model", "openai/our-model"):
        assert (client.token_counter(model, HELLO), client.token_counter(model, HELLO).exact) == (
            known,
            True,
        )


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("openai/gpt-4o", 9),
        ("openai:gpt-4o", 9),
        ("gpt-4o-mini", 9),
        ("azure/gpt-4o", 9),
        ("openrouter/openai/gpt-4o", 9),
        ("openai/gpt-5", 8),
    ],
)
def test_a_model_string_finds_the_rule(model: str, tokens: int) -> None:
    """As any call reads it; a model served elsewhere counts as its maker does."""
    assert llmkit.token_counter(model, HELLO) == tokens


def test_other_models_are_estimated() -> None:
    """The number says so, and what it is at most."""
    counted = llmkit.token_counter("anthropic/claude-haiku-4-5", HELLO)
    assert not counted.exact
    assert counted.at_most is not None
    assert counted.notes


def test_a_bare_name_that_nobody_lists_is_counted_by_its_looks() -> None:
    """Nothing is called, so no provider has to be known."""
    assert llmkit.token_counter("gpt-4o-that-is-yet-to-come", HELLO) == 9


def test_a_provider_that_is_not_known_is_refused() -> None:
    """As everywhere else: a typo is not an estimate."""
    with pytest.raises(UnknownProviderError):
        llmkit.token_counter("opnai/gpt-4o", HELLO)


def test_text_is_counted_bare() -> None:
    """One text or several."""
    assert repr(llmkit.token_counter("openai/gpt-4o", text="Hello!")) == "CountedTokens(2)"
    assert repr(llmkit.token_counter("openai/gpt-4o", text=["Hello!", "Hi"])) == "CountedTokens(3)"


def test_functions_and_classes_are_described() -> None:
    """They count as what a chat would send of them."""
    bare = llmkit.token_counter("openai/gpt-4o", HELLO)
    assert llmkit.token_counter("openai/gpt-4o", HELLO, tools=[add]) > bare + 30
    assert llmkit.token_counter("openai/gpt-4o", HELLO, response_format=Answer) > bare + 20
    named = {"type": "function", "function": {"name": "add"}}
    chosen = llmkit.token_counter("openai/gpt-4o", HELLO, tools=[add], tool_choice=named)
    assert chosen == llmkit.token_counter("openai/gpt-4o", HELLO, tools=[add]) + 8


def test_messages_of_answers_are_messages() -> None:
    """What an answer holds goes into the next conversation as it is."""
    said = Message(role="assistant", content="Hi there!")
    plain = {"role": "assistant", "content": "Hi there!"}
    counted = llmkit.token_counter("openai/gpt-4o", [*HELLO, said])
    assert repr(counted) == repr(llmkit.token_counter("openai/gpt-4o", [*HELLO, plain]))


def test_an_answers_own_tokens() -> None:
    """Without what a prompt would put around it."""
    said = {
        "role": "assistant",
        "content": [{"type": "text", "text": "Hello!"}, "Hi"],
        "tool_calls": [{"id": "1", "function": {"name": "add", "arguments": "{}"}}],
    }
    counted = llmkit.token_counter("openai/gpt-4o", [said], count_response_tokens=True)
    assert counted == 2 + 1 + 1 + 1


@pytest.mark.parametrize("text", [7, [7], b"x", ["a", None]])
def test_what_is_no_text_is_refused(text: Any) -> None:
    """Bytes have an encoding that only the caller knows."""
    with pytest.raises(InvalidRequestError, match="text must be"):
        llmkit.token_counter("openai/gpt-4o", text=text)


@pytest.mark.parametrize("given", [{}, {"messages": ["Hello!"]}])
def test_nothing_to_count_is_refused(given: dict[str, Any]) -> None:
    """And so is what is no message."""
    with pytest.raises(InvalidRequestError, match="message"):
        llmkit.token_counter("openai/gpt-4o", **given)


def test_a_typo_is_refused() -> None:
    """Options are those of a call."""
    with pytest.raises(UnsupportedParamsError, match="tool_chioce"):
        llmkit.token_counter("openai/gpt-4o", HELLO, tool_chioce="auto")  # type: ignore[call-arg]


class Counting(llmkit.Client):
    """A client whose provider counts 42."""

    asked: list[Any]

    def count_tokens(self, model: str, messages: Any, **params: Any) -> Any:
        """What is asked of it is kept."""
        self.asked = [model, messages, params]
        return llmkit.TokenCount(model=model, input_tokens=42)

    async def acount_tokens(self, model: str, messages: Any, **params: Any) -> Any:
        """The same, on a loop."""
        return self.count_tokens(model, messages, **params)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_exact_asks_the_provider_where_it_must(way: str) -> None:
    """Only for an estimate; the answer says who counted."""
    client = Counting()
    client.asked = []

    def count(model: str, **more: Any) -> CountedTokens:
        if way == "sync":
            return client.token_counter(model, HELLO, exact=True, **more)
        return asyncio.run(client.atoken_counter(model, HELLO, exact=True, **more))

    assert count("openai/gpt-4o") == 9
    assert client.asked == []
    counted = count("anthropic/claude-haiku-4-5", tools=[add], api_key=KEY)
    assert repr(counted) == "CountedTokens(42, notes=('counted by the provider',))"
    model, messages, params = client.asked
    assert (model, messages, params["api_key"]) == ("anthropic/claude-haiku-4-5", HELLO, KEY)
    assert params["tools"][0]["function"]["name"] == "add"


def test_the_async_twin_counts_without_asking() -> None:
    """Where the count is exact, nothing is awaited."""
    assert asyncio.run(llmkit.atoken_counter("openai/gpt-4o", HELLO)) == 9


@pytest.mark.parametrize(
    "given",
    [
        {"text": "Hello!"},
        {"messages": HELLO, "text": "x"},
        {"messages": HELLO, "count_response_tokens": True},
    ],
)
def test_a_provider_counts_messages_alone(given: dict[str, Any]) -> None:
    """Anything else it would count with something around it."""
    with pytest.raises(ConfigurationError, match="messages alone"):
        llmkit.token_counter("anthropic/claude-haiku-4-5", exact=True, **given)


def test_a_provider_without_a_count_is_said() -> None:
    """With those that have one."""
    with pytest.raises(ConfigurationError, match="has no count_tokens"):
        llmkit.token_counter("groq/llama-3.3-70b-versatile", HELLO, exact=True, api_key=KEY)


def test_encode_and_decode() -> None:
    """There and back, for models whose encoding is public."""
    tokens = llmkit.encode("openai/gpt-4o", "Hello, <|endoftext|>!")
    assert llmkit.decode("gpt-4o", tokens) == "Hello, <|endoftext|>!"
    with pytest.raises(ConfigurationError, match="no public encoding"):
        llmkit.encode("anthropic/claude-haiku-4-5", "Hello")


def test_trimming_measures_by_the_model() -> None:
    """The newest messages that fit; what is left for the answer, if asked."""
    many = [{"role": "user", "content": "word " * 50}, *HELLO] * 5
    kept = llmkit.trim_messages(many, "openai/gpt-4o", max_tokens=40)
    assert kept == HELLO
    found = llmkit.trim_messages(many, "openai/gpt-4o", max_tokens=40, return_response_tokens=True)
    assert (found.messages, found.response_tokens) == (HELLO, 31)


def test_trimming_knows_the_models_limit() -> None:
    """Three quarters of it by default; a model without a known limit keeps all."""
    many = [{"role": "user", "content": "word " * 1000}] * 130
    assert len(llmkit.trim_messages(many, "openai/gpt-4o")) == 95
    assert llmkit.trim_messages(many, "mystery") == many


def test_tools_take_their_room() -> None:
    """What is sent along counts."""
    many = [{"role": "user", "content": "word " * 20}, *HELLO] * 2
    assert llmkit.trim_messages(many, "openai/gpt-4o", max_tokens=64) != HELLO
    assert llmkit.trim_messages(many, "openai/gpt-4o", max_tokens=64, tools=[add]) == HELLO


def test_nothing_is_loaded_until_something_is_counted() -> None:
    """Neither tiktoken nor ``llmkit.tokens`` by the import, a client and a call."""
    program = (
        "import sys, json, llmkit\n"
        "client = llmkit.Client()\n"
        "asked = [{'role': 'user', 'content': 'x'}]\n"
        "client.completion('openai/gpt-4o', asked, api_key='k', dry_run=True)\n"
        "before = sorted({'tiktoken', 'llmkit.tokens'} & set(sys.modules))\n"
        "llmkit.token_counter('openai/gpt-4o', text='x')\n"
        "print(json.dumps([before, 'tiktoken' in sys.modules]))\n"
    )
    source = str(Path(llmkit.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [[], True]


def test_a_provider_that_only_a_catalogue_knows_is_counted() -> None:
    """Its models are estimated as any unknown one."""
    known = llmkit.Catalogue()
    known.register_fields({"acme/road": {"mode": "chat"}})
    with llmkit.Client(catalogue=known) as client:
        count = client.token_counter("acme/road", HELLO)
        assert (count.exact, count) == (False, client.token_counter("nobody-knows", HELLO))
        assert client.trim_messages(HELLO, "acme/road", max_tokens=100) == HELLO


@pytest.mark.parametrize("messages", ["Hello", b"Hello", HELLO[0], 3])
def test_what_are_no_messages_is_said(messages: Any) -> None:
    """And what to write instead."""
    with pytest.raises(InvalidRequestError, match=r"messages must be a list .* text=…"):
        llmkit.token_counter("openai/gpt-4o", messages)
    with pytest.raises(InvalidRequestError, match="messages must be a list"):
        llmkit.trim_messages(messages, "openai/gpt-4o", max_tokens=9)


@pytest.mark.parametrize("messages", [["Hello"], [BaseModel]])
def test_what_is_no_message_is_said(messages: Any) -> None:
    """A text in a list, or a class in place of its instance."""
    with pytest.raises(InvalidRequestError, match="a message must be a dict"):
        llmkit.token_counter("openai/gpt-4o", messages)


@pytest.mark.parametrize("text", [None, b"x", 3])
def test_only_text_is_encoded(text: Any) -> None:
    """Nothing of tiktoken's own leaks out."""
    with pytest.raises(InvalidRequestError, match="text must be a str, not"):
        llmkit.encode("openai/gpt-4o", text)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_tokens": "300"},
        {"max_tokens": -1},
        {"max_tokens": True},
        {"trim_ratio": -1},
        {"trim_ratio": None},
        {"trim_ratio": float("nan")},
    ],
)
def test_a_limit_is_a_number(limits: dict[str, Any]) -> None:
    """What is none is named with its name."""
    with pytest.raises(InvalidRequestError, match=f"{next(iter(limits))} must be a number"):
        llmkit.trim_messages(HELLO, "openai/gpt-4o", **limits)


@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-haiku-4-5", "nobody-knows"])
def test_what_contains_itself_is_refused(model: str) -> None:
    """As is what no JSON can hold; no RecursionError leaves."""
    message: dict[str, Any] = {"role": "user", "content": []}
    message["content"].append(message)
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    tools = [{"type": "function", "function": {"name": "f", "parameters": deep}}]
    for given in ({"messages": [message]}, {"messages": HELLO, "tools": tools}):
        with pytest.raises(InvalidRequestError, match="contain themselves, or are nested"):
            llmkit.token_counter(model, **given)
    with pytest.raises(InvalidRequestError, match="contain themselves"):
        llmkit.trim_messages([message] * 3, model, max_tokens=5)


@pytest.mark.parametrize("given", ["json", 3, ["json_object"]])
def test_a_format_that_no_call_takes_is_not_counted(given: Any) -> None:
    """``completion`` refuses it as well."""
    with pytest.raises(InvalidRequestError, match="response_format must be"):
        llmkit.token_counter("openai/gpt-4o", HELLO, response_format=given)


@pytest.mark.parametrize(
    "answer",
    [
        {"content": [3]},
        {"content": 3},
        {"tool_calls": [3]},
        {"tool_calls": [{"function": "f"}]},
    ],
)
def test_an_answer_of_another_shape_is_refused(answer: dict[str, Any]) -> None:
    """Where only what a model wrote is counted, it must be found."""
    with pytest.raises(InvalidRequestError, match="parts and calls must be dicts"):
        llmkit.token_counter("openai/gpt-4o", [answer], count_response_tokens=True)
