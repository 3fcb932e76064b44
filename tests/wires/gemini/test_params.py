"""Parameters to generationConfig and its neighbours: sent, refused, or in the ledger."""

from __future__ import annotations

from typing import Any

import pytest

import llmkit
from llmkit._http import Endpoint
from llmkit.types.params import ModelParams
from llmkit.wires.gemini import Gemini

from ._wire import BASE, LEVELLED, body, calling, changes, config, ledger, request

SENT: list[tuple[str, Any, dict[str, Any]]] = [
    ("temperature", 0.5, {"temperature": 0.5}),
    ("top_p", 0.9, {"topP": 0.9}),
    ("top_k", 3, {"topK": 3}),
    ("n", 2, {"candidateCount": 2}),
    ("stop", "END", {"stopSequences": ["END"]}),
    ("stop", ("a", "b"), {"stopSequences": ["a", "b"]}),
    ("max_tokens", 5, {"maxOutputTokens": 5}),
    ("max_completion_tokens", 5, {"maxOutputTokens": 5}),
    ("presence_penalty", 1, {"presencePenalty": 1}),
    ("frequency_penalty", 1, {"frequencyPenalty": 1}),
    ("seed", 7, {"seed": 7}),
    ("logprobs", True, {"responseLogprobs": True}),
    ("top_logprobs", 2, {"logprobs": 2}),
    ("modalities", ["text", "image"], {"responseModalities": ["TEXT", "IMAGE"]}),
    (
        "audio",
        {"voice": "Kore", "format": "pcm16"},
        {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
    ),
    ("response_format", {"type": "json_object"}, {"responseMimeType": "application/json"}),
    (
        "response_format",
        {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}, "description": "d"},
        },
        {
            "responseMimeType": "application/json",
            "responseJsonSchema": {"description": "d", "type": "object"},
        },
    ),
]


@pytest.mark.parametrize(("name", "value", "wanted"), SENT)
def test_sent(name: str, value: Any, wanted: dict[str, Any]) -> None:
    """What the format has a field for is sent under its name, and is no matter for the ledger."""
    assert config(**{name: value}) == wanted
    assert changes(**{name: value}) == []


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("service_tier", "flex", {"serviceTier": "flex"}),
        ("service_tier", "default", {"serviceTier": "standard"}),
        ("store", False, {"store": False}),
        ("web_search_options", {}, {"tools": [{"googleSearch": {}}]}),
    ],
)
def test_beside_the_config(name: str, value: Any, wanted: dict[str, Any]) -> None:
    """Some fields stand beside ``generationConfig``."""
    made = body(**{name: value})
    del made["contents"]
    assert made == wanted


REFUSED = {
    "logit_bias": {"1": 1},
    "user": "ann",
    "verbosity": "low",
    "prediction": {"type": "content", "content": "x"},
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "safety_identifier": "s",
    "metadata": {"a": "b"},
    "parallel_tool_calls": False,
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What the format has no field for is refused, dropped where asked, or sent where insisted on."""
    given = {name: REFUSED[name]}
    with pytest.raises(llmkit.errors.UnsupportedParamsError, match=name):
        request(**given)
    assert changes(drop=True, **given) == [(name, "dropped")]
    assert body(drop=True, **given) == body()


def test_insisted() -> None:
    """``allowed_openai_params`` sends a field that the wire does not know of."""
    assert body(user="ann", allowed=frozenset({"user"}))["user"] == "ann"
    assert body(metadata={"a": "b"}, allowed=frozenset({"metadata"}))["labels"] == {"a": "b"}


def test_every_parameter_is_decided() -> None:
    """No parameter of llmkit is passed on because nobody thought of it."""
    from llmkit.wires.gemini import _encode

    decided = _encode._FIELDS.keys() | _encode._SPECIAL.keys() | _encode._REFUSED.keys()
    assert ModelParams.__annotations__.keys() == decided | _encode._TOGETHER | _encode._BODY


def test_what_nobody_decided_is_refused() -> None:
    """A parameter that is in no table goes nowhere, unless it is insisted on."""
    given = {"of_tomorrow": 1}
    with pytest.raises(llmkit.errors.UnsupportedParamsError, match="of_tomorrow"):
        request(**given)
    assert changes(drop=True, **given) == [("of_tomorrow", "dropped")]
    assert body(allowed=frozenset(given), **given)["of_tomorrow"] == 1


def test_labels() -> None:
    """A host with labels takes ``metadata`` as such."""
    assert body(wire=Gemini(labels=True), metadata={"a": "b"})["labels"] == {"a": "b"}


def test_hosts_refusals() -> None:
    """What a host refuses is refused, parameters that are written late included."""
    wire = Gemini(refused=frozenset({"tools", "seed"}))
    with pytest.raises(llmkit.errors.UnsupportedParamsError, match=r"'tools'.*'seed'"):
        request(wire=wire, tools=[{"googleSearch": {}}], seed=1)
    assert "tools" not in body(wire=wire, drop=True, tools=[{"googleSearch": {}}])


TOLD: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"service_tier": "auto"}, [("service_tier", "dropped")]),
    (
        {"web_search_options": {"search_context_size": "low"}},
        [("web_search_options.search_context_size", "dropped")],
    ),
    ({"parallel_tool_calls": True}, []),
    ({"stream_options": {"include_usage": True}}, []),
    ({"response_format": {"type": "text"}}, []),
]


@pytest.mark.parametrize(("given", "wanted"), TOLD)
def test_told(given: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    """What is not sent, and costs nothing essential, is in the ledger; what is no loss is not."""
    assert changes(**given) == wanted


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"temperature": float("nan")}, "finite"),
    ({"stop": {"a"}}, "not a set"),
    ({"stop": 3}, "must be a list"),
    ({"stop": list("abcdef")}, "at most 5"),
    ({"modalities": ["smell"]}, "smell"),
    ({"modalities": "text"}, "must be a list"),
    ({"audio": {"format": "mp3"}}, "voice"),
    ({"max_tokens": 1, "max_completion_tokens": 2}, "not both"),
    ({"response_format": {"schema": {}}}, "response_format"),
    ({"web_search_options": True}, "must be a dict"),
    ({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}, "not both"),
    ({"thinking": {"type": "sometimes"}}, "thinking must be"),
    ({"thinking": {"type": "enabled", "budget_tokens": "many"}}, "thinking must be"),
    ({"reasoning_effort": "heroic"}, "must be one of"),
    ({"seed": object()}, "JSON"),
    ({"n": "2"}, "whole number"),
    ({"n": True}, "whole number"),
    ({"stream_options": True}, "stream_options must be a dict"),
]


@pytest.mark.parametrize(("given", "words"), WRONG)
def test_mistakes_are_named(given: dict[str, Any], words: str) -> None:
    """What is wrong with a parameter is said before anything is sent."""
    with pytest.raises(llmkit.errors.InvalidRequestError, match=words):
        request(**given)


def test_too_many_stops_may_be_cut() -> None:
    """Who drops what is not taken keeps the first five."""
    assert len(body(drop=True, stop=list("abcdef"))["generationConfig"]["stopSequences"]) == 5
    assert changes(drop=True, stop=list("abcdef")) == [("stop", "clamped")]


def test_formats_of_sound() -> None:
    """There is one format of sound: another is refused, not quietly exchanged."""
    with pytest.raises(llmkit.errors.UnsupportedParamsError, match=r"audio\.format"):
        request(audio={"voice": "Kore", "format": "mp3"})


def shown(**made: Any) -> dict[str, Any]:
    """A thinkingConfig with thoughts."""
    return {**made, "includeThoughts": True}


ENABLED = {"type": "enabled"}
THINKING: list[tuple[str, dict[str, Any], Any, list[str]]] = [
    ("gemini-2.5-flash", {"reasoning_effort": "low"}, shown(thinkingBudget=1024), ["renamed"]),
    ("gemini-2.5-flash", {"reasoning_effort": "high"}, shown(thinkingBudget=24576), ["renamed"]),
    ("gemini-2.5-flash", {"reasoning_effort": "none"}, {"thinkingBudget": 0}, []),
    ("gemini-2.5-pro", {"reasoning_effort": "none"}, {"thinkingBudget": 128}, ["clamped"]),
    (
        "gemini-2.5-pro",
        {"reasoning_effort": "max"},
        shown(thinkingBudget=24576),
        ["clamped", "renamed"],
    ),
    ("gemini-2.5-pro", {"thinking": ENABLED}, shown(thinkingBudget=-1), []),
    (
        "gemini-2.5-pro",
        {"thinking": {**ENABLED, "budget_tokens": 512}},
        shown(thinkingBudget=512),
        [],
    ),
    ("gemini-2.5-flash", {"thinking": {"type": "disabled"}}, {"thinkingBudget": 0}, []),
    ("gemini-2.5-flash", {"thinking": {"type": "adaptive"}}, shown(thinkingBudget=-1), []),
    (
        "gemini-2.5-flash",
        {"thinking": {"type": "adaptive", "display": "omitted"}},
        {"thinkingBudget": -1},
        [],
    ),
    ("gemini-3-flash-preview", {"reasoning_effort": "minimal"}, shown(thinkingLevel="minimal"), []),
    ("gemini-3-flash-preview", {"reasoning_effort": "medium"}, shown(thinkingLevel="medium"), []),
    (
        "gemini-3-flash-preview",
        {"reasoning_effort": "none"},
        {"thinkingLevel": "minimal"},
        ["clamped"],
    ),
    (
        "gemini-3-pro-preview",
        {"reasoning_effort": "minimal"},
        shown(thinkingLevel="low"),
        ["clamped"],
    ),
    (
        "gemini-3-pro-preview",
        {"reasoning_effort": "medium"},
        shown(thinkingLevel="high"),
        ["clamped"],
    ),
    ("gemini-3.1-pro-preview", {"reasoning_effort": "medium"}, shown(thinkingLevel="medium"), []),
    ("gemini-3.1-pro-preview", {"thinking": ENABLED}, shown(), []),
    ("models/gemini-4-argon", {"reasoning_effort": "high"}, shown(thinkingLevel="high"), []),
    (
        "gemini-3-flash-preview",
        {"thinking": {**ENABLED, "budget_tokens": 5000}},
        shown(thinkingLevel="medium"),
        ["renamed"],
    ),
    (
        "gemini-3-pro-preview",
        {"thinking": {**ENABLED, "budget_tokens": 5000}},
        shown(thinkingLevel="high"),
        ["renamed"],
    ),
    (
        "gemini-3-flash-preview",
        {"thinking": {**ENABLED, "budget_tokens": 99999}},
        shown(thinkingLevel="high"),
        ["renamed"],
    ),
]


@pytest.mark.parametrize(("model", "given", "wanted", "told"), THINKING)
def test_thinking(model: str, given: dict[str, Any], wanted: Any, told: list[str]) -> None:
    """Effort and thinking become a budget (2.5) or a level (3), as near as the model allows."""
    assert config(model=model, **given)["thinkingConfig"] == wanted
    assert [change for _, change in changes(model=model, **given)] == told


def test_models_that_do_not_think() -> None:
    """The catalogue knows who does not think: asking for it is refused, asking for none is granted."""
    from dataclasses import replace

    call = replace(calling(model="gemini-2.0-flash", reasoning_effort="low"), provider="gemini")
    with pytest.raises(llmkit.errors.UnsupportedParamsError, match="does not think"):
        Gemini().build(call, BASE)
    none = replace(call, params={"reasoning_effort": "none"})
    assert b"thinking" not in Gemini().build(none, BASE).body


@pytest.mark.parametrize(
    "model", ["gemini-2.5-flash-lite-preview-06-17", "gemini-live-2.5-flash", "nobody-knows-this"]
)
def test_models_that_nobody_tells_about_may_think(model: str) -> None:
    """That the catalogue does not know what a model can do is no reason to refuse."""
    from dataclasses import replace

    call = replace(calling(model=model, reasoning_effort="low"), provider="gemini")
    assert b"thinkingConfig" in Gemini().build(call, BASE).body


SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def test_json_beside_tools() -> None:
    """Up to 2.5 a response type and tools exclude each other: the instruction asks for JSON then."""
    given = {"response_format": SCHEMA, "tools": [{"googleSearch": {}}]}
    made = body(**given)
    assert "generationConfig" not in made
    assert '{"type":"object"}' in made["systemInstruction"]["parts"][0]["text"]
    assert changes(**given) == [("response_format", "emulated")]
    assert "responseJsonSchema" in config(model=LEVELLED, **given)
    plain = body(response_format={"type": "json_object"}, tools=[{"googleSearch": {}}])
    assert "schema" not in plain["systemInstruction"]["parts"][0]["text"]


def test_extra_body() -> None:
    """The caller's own fields are merged at every depth, in either spelling, and win."""
    extra = {
        "cachedContent": "cachedContents/1",
        "generation_config": {"thinkingConfig": {"thinkingBudget": 9}, "mediaResolution": "X"},
        "safety_settings": [{"category": "C", "threshold": "OFF"}],
    }
    made = body(temperature=1, reasoning_effort="low", extra=extra)
    assert made["generationConfig"] == {
        "temperature": 1,
        "thinkingConfig": {"thinkingBudget": 9, "includeThoughts": True},
        "mediaResolution": "X",
    }
    assert made["cachedContent"] == "cachedContents/1"
    assert made["safetySettings"] == [{"category": "C", "threshold": "OFF"}]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-pro", "/models/gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "/models/gemini-2.5-pro"),
        ("tunedModels/mine", "/tunedModels/mine"),
        ("gemini@001", "/models/gemini@001"),
        ("a/../b?x#y", "/models/a%2F..%2Fb%3Fx%23y"),
    ],
)
def test_paths(model: str, path: str) -> None:
    """The model is in the path, escaped; a resource's name is the path itself."""
    assert request(model=model).url == f"{BASE.base_url}{path}:generateContent"


def test_paths_of_streams() -> None:
    """A stream is asked for as events, whatever else is in the query."""
    made = Gemini().build(calling(stream=True), Endpoint("https://api.test/v1", query={"a": "b"}))
    assert (
        made.url
        == f"https://api.test/v1/models/{calling().model}:streamGenerateContent?alt=sse&a=b"
    )
    assert made.headers["accept"] == "text/event-stream"


def test_another_hosts_path() -> None:
    """The enterprise host has the same methods under another path."""
    wire = Gemini(model_path="/publishers/google/models/{model}", resources=("endpoints/",))
    assert (
        request(wire=wire, model="m").url
        == f"{BASE.base_url}/publishers/google/models/m:generateContent"
    )
    assert (
        request(wire=wire, model="endpoints/7").url
        == f"{BASE.base_url}/endpoints/7:generateContent"
    )


def test_no_way_out_of_the_path() -> None:
    """A model's name cannot climb out of the API's path."""
    with pytest.raises(llmkit.errors.InvalidRequestError, match="no model's name"):
        request(model="models/../../v1/files")


def test_no_key_in_the_address() -> None:
    """A key in the query ends up in logs (BerriAI/litellm#8075): it is refused, and not repeated."""
    with pytest.raises(llmkit.errors.InvalidRequestError, match="header") as caught:
        Gemini().build(calling(), Endpoint("https://api.test/v1", query={"key": "AIza-secret"}))
    assert "AIza-secret" not in str(caught.value)


def test_the_ledger_says_all() -> None:
    """An entry has what was given, what was sent, and why."""
    (entry,) = ledger(reasoning_effort="low")
    assert (entry.given, entry.sent) == ("low", {"thinkingBudget": 1024, "includeThoughts": True})
    assert entry.reason
