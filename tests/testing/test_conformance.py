"""The conformance suite, on every provider there is, and on adapters that are broken on purpose."""

from __future__ import annotations

import inspect
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typing_extensions import override

from llmkit import errors, providers
from llmkit.providers import Provider
from llmkit.testing._wires import WIRES
from llmkit.testing.conformance import ProviderConformance
from llmkit.testing.conformance._samples import PARAMS
from llmkit.types.params import ModelParams
from llmkit.wires.openai_chat import OpenAIChat

from . import _broken as broken

SPOKEN = {wire.name for wire in WIRES}
NATIVE = {"anthropic": "anthropic_messages", "gemini": "gemini"}
# An answer, or a credential, takes several requests there, which the suite does not make.
NATIVE |= {"replicate": "replicate", "watsonx": "watsonx"}
MODELS = {"ragflow": "chat/an-id/some-model"}
ROWS = [name for name in providers.names() if name not in NATIVE and providers.get(name).chat]


def suite_of(provider: Any, **more: Any) -> ProviderConformance:
    """The suite of a provider, to be run by hand."""
    return type("Suite", (ProviderConformance,), {"provider": provider, **more})()  # type: ignore[no-any-return]


def checks(suite: ProviderConformance) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every check with each of its parameters, as pytest would run it."""
    for name, _ in inspect.getmembers(type(suite), inspect.isfunction):
        if not name.startswith("test_"):
            continue
        method = getattr(suite, name)
        cases: list[dict[str, Any]] = [{}]
        for mark in getattr(method, "pytestmark", ()):
            argument, values = mark.args
            cases = [{**case, argument: value} for case in cases for value in values]
        for case in cases:
            label = "-".join([name, *map(str, case.values())])
            yield label, lambda method=method, case=case: method(**case)  # type: ignore[misc]


def elsewhere(provider: Provider) -> dict[str, Any]:
    """What a provider needs to be addressed."""
    host = "https://somewhere.example"
    places = (name for variable in provider.variables for name in provider.names_of(variable))
    environ = {name: host for name in places if not name.islower()}
    model = MODELS.get(provider.name, "some-model")
    base = None if provider.base_url else f"{host}/v1"
    return {"environ": environ, "base_url": base, "model": model}


@pytest.mark.parametrize("name", ROWS)
def test_every_compatible_provider(name: str) -> None:
    """Each row passes all checks; what is the wire's own is sampled, for the wire is one and the same."""
    provider = providers.get(name)
    for _, check in checks(suite_of(provider, cut_every=97, **elsewhere(provider))):
        check()


class TestOpenAI(ProviderConformance):
    """Collected and run by pytest, as in a third party's tests."""

    provider = providers.get("openai")
    model = "gpt-4o-mini"


if "anthropic_messages" in SPOKEN:

    class TestAnthropic(ProviderConformance):
        """The same, on a wire of its own."""

        provider = providers.get("anthropic")
        model = "claude-haiku-4-5"


if "gemini" in SPOKEN:

    class TestGemini(ProviderConformance):
        """The same, on a wire of its own."""

        provider = providers.get("gemini")
        model = "gemini-3.5-flash"


if "cohere_chat" in SPOKEN:

    class TestCohere(ProviderConformance):
        """The same, on a wire of its own."""

        provider = providers.get("cohere")
        model = "command-a-03-2025"


class TestOwnWire(ProviderConformance):
    """A wire that the simulator does not speak brings its own bytes."""

    provider = broken.provider(chat=broken.Wire(builds=broken.at_odd_path))
    model = "acme-large"
    answer_text = "Hi"
    answer_body = broken.BODY
    stream_bytes = broken.STREAM
    tool_body = broken.TOOL_BODY
    tool_stream = broken.TOOL_STREAM
    stream_error = b'data: {"error": {"message": "no", "code": 500}}\n\n'

    @override
    def error_body(self, status: int, message: str) -> bytes:
        return json.dumps({"error": {"message": message, "code": status}}).encode()


OWN = {"provider": TestOwnWire.provider, "error_body": TestOwnWire.error_body}


@pytest.mark.parametrize(
    ("more", "name", "message"),
    [
        ({}, "test_an_answer", "set answer_body"),
        ({}, "test_each_status-400", None),
        ({"answer_body": broken.BODY, "answer_text": "No"}, "test_an_answer", "read as 'Hi'"),
    ],
)
def test_bytes_of_ones_own(more: dict[str, Any], name: str, message: str | None) -> None:
    """Without them the suite says what to set; with them they are what is read."""
    check = dict(checks(suite_of(**OWN, **more)))[name]
    if message is None:
        check()
        return
    with pytest.raises(pytest.fail.Exception, match=message):
        check()


@pytest.mark.parametrize(
    "name", ["test_tool_calls", "test_an_error_inside_a_stream", "test_over_a_socket"]
)
def test_what_cannot_be_checked_is_skipped(name: str) -> None:
    """A check for which a wire of one's own has brought nothing says so."""
    own = {**OWN, "answer_body": broken.BODY, "stream_bytes": broken.STREAM}
    with pytest.raises(pytest.skip.Exception):
        getattr(suite_of(**own), name)()


def test_nothing_stays_registered() -> None:
    """A suite's provider is found during its calls, and not after them."""
    suite = suite_of(broken.HEALTHY)
    assert suite.talk().result.text == suite.answer_text
    assert not providers.has("acme")
    lent = broken.provider(name="groq")
    with providers.lend(lent):
        assert providers.get("groq") is lent
    assert providers.get("groq") is not lent


def test_a_healthy_adapter() -> None:
    """The adapter that the broken ones are made of passes all checks, at every byte."""
    for _, check in checks(suite_of(broken.HEALTHY)):
        check()
    for _, check in checks(suite_of(broken.provider(chat=broken.Wire()))):
        check()


def test_an_adapter_that_refuses_much() -> None:
    """What is refused by its name is not missed: pictures, tools, formats, and every parameter."""
    wire = OpenAIChat(refused=frozenset({*PARAMS, "image_url"}))
    for _, check in checks(suite_of(broken.provider(chat=wire), cut_every=97)):
        check()


def test_an_adapter_that_finds_mistakes() -> None:
    """A combination that is refused as a mistake is no parameter dropped in silence."""
    suite = suite_of(broken.strict_about("seed", "'seed' is a mistake", errors.InvalidRequestError))
    suite.test_what_is_refused_can_be_dropped()


def set_on(name: str, value: Any) -> Callable[[Any], None]:
    """Change an answer's first choice."""

    def change(answer: Any) -> None:
        setattr(answer.choices[0], name, value)

    return change


def no_usage(answer: Any) -> None:
    """Forget the usage."""
    answer.usage = None


def no_tools(answer: Any) -> None:
    """Forget what was called."""
    answer.choices[0].message.tool_calls = None


def no_ids(answer: Any) -> None:
    """Forget a call's id."""
    for call in answer.choices[0].message.tool_calls or ():
        call.id = None


def other_name(answer: Any) -> None:
    """Call another tool."""
    for call in answer.choices[0].message.tool_calls or ():
        call.function.name = "other"


def upper(answer: Any) -> None:
    """Shout."""
    message = answer.choices[0].message
    message.content = (message.content or "").upper()


P, B, A, F, D = broken.provider, broken.built, broken.parsed, broken.failing, broken.decoding
ZOO: dict[str, tuple[Provider, str, str]] = {
    "no chat": (P(chat=None), "test_it_is_a_provider", "no chat wire"),
    "half a wire": (P(chat=object()), "test_it_is_a_provider", "no build, parse"),
    "taken name": (P(name="openai"), "test_the_registry_takes_its_names", "another provider's"),
    "taken alias": (P(aliases=("groq",)), "test_the_registry_takes_its_names", "another provider"),
    "odd name": (P(name="Acme!"), "test_the_registry_takes_its_names", "no provider's name"),
    "odd alias": (P(aliases=("A B",)), "test_the_registry_takes_its_names", "no alias"),
    "plain http": (P(base_url="http://acme.example/v1"), "test_its_address", "not https"),
    "slash": (P(base_url="https://acme.example/v1/"), "test_its_address", "slash"),
    "query": (P(base_url="https://acme.example/v1?a=b"), "test_its_address", "more than a path"),
    "nowhere": (P(base_url=None, base_env=()), "test_its_address", "neither"),
    "odd variable": (P(key_env=("acme-key",)), "test_its_variables", "no variable's name"),
    "twice": (P(key_env=("A_KEY",), base_env=("A_KEY",)), "test_its_variables", "twice"),
    "unused part": (P(variables={"host": "ACME_HOST"}), "test_its_variables", "not in its base"),
    "lost auth": (P(env_auth={"X": broken.Leaky("")}), "test_its_variables", "not in its key_env"),
    "no variable": (P(key_env=()), "test_it_says_where_a_key_is_found", "no key_env"),
    "no source": (P(docs=""), "test_it_names_its_source", "docs is ''"),
    "no day": (P(read="yesterday"), "test_it_names_its_source", "read is"),
    "a day to come": (P(read="2999-01-01"), "test_it_names_its_source", "in the future"),
    "key in the URL": (P(auth=broken.Leaky("url")), "test_a_key_from_each_variable_is_used", "URL"),
    "key in the body": (
        P(auth=broken.Leaky("body")),
        "test_a_key_given_in_the_call_is_used",
        "body",
    ),
    "key in two headers": (
        P(auth=broken.Leaky("")),
        "test_a_key_given_in_the_call_is_used",
        "x-also",
    ),
    "another header": (
        P(auth=broken.Misplaced("x-key")),
        "test_a_key_given_in_the_call_is_used",
        "x-other",
    ),
    "parameter dropped": (
        B(broken.once("temperature")),
        "test_each_parameter-temperature",
        "not listed",
    ),
    "companion dropped": (
        B(broken.once("tool_choice")),
        "test_each_parameter-tool_choice",
        "not listed",
    ),
    "refused in silence": (
        broken.strict_about("seed", "no"),
        "test_each_parameter-seed",
        "does not name it",
    ),
    "one value": (B(broken.constant("seed", 1)), "test_each_value-seed", "whatever its value"),
    "dropped unlisted": (
        broken.strict_about("seed", "no 'seed'"),
        "test_what_is_refused_can_be_dropped",
        "not listed",
    ),
    "no system": (
        B(broken.without_system),
        "test_the_turns_of_a_conversation",
        "system .* 0 times",
    ),
    "out of order": (B(broken.muddle), "test_the_turns_of_a_conversation", "out of order"),
    "ascii": (B(broken.stripped), "test_text_arrives_as_it_is", "as it is"),
    "no pictures": (B(broken.without_pictures), "test_pictures", "dropped"),
    "no results": (B(broken.without_results), "test_tools_round_trip", "conformance-sun"),
    "results turned": (B(broken.turned_results), "test_tools_round_trip", "out of order"),
    "no schema": (B(broken.once("response_format")), "test_structured_output", "does not reach"),
    "own fields dropped": (
        B(broken.once("conformance_extra")),
        "test_extra_body_goes_through",
        "as it is",
    ),
    "mutating": (broken.mutating(), "test_the_callers_values_stay_as_they_are", "caller's values"),
    "not repeatable": (broken.counting(), "test_a_request_is_repeatable-False", "two different"),
    "elsewhere": (
        broken.moved("https://evil.example/"),
        "test_a_request_is_repeatable-True",
        "not below",
    ),
    "a list": (B(lambda body: [body]), "test_a_request_is_repeatable-False", "no JSON object"),
    "no stream": (broken.deaf_to_streams(), "test_a_stream_is_asked_for", "whole answer"),
    "other when dry": (broken.readdressing(), "test_a_dry_run_is_what_is_sent", "dry: "),
    "other text": (A(upper), "test_an_answer", "HELLO"),
    "no end": (A(set_on("finish_reason", None)), "test_an_answer", "ends with None"),
    "no usage": (A(no_usage), "test_an_answer", "usage"),
    "no stream usage": (D(broken.NoUsage), "test_a_stream", "usage"),
    "other usage": (
        D(broken.OtherUsage),
        "test_a_stream_says_what_an_answer_says",
        "usage differs",
    ),
    "text in another case": (A(upper), "test_a_stream_says_what_an_answer_says", "texts differ"),
    "length": (
        A(set_on("finish_reason", "length")),
        "test_a_stream_says_what_an_answer_says",
        "end differ",
    ),
    "no tool calls": (A(no_tools), "test_tool_calls", "0 are read"),
    "no call ids": (A(no_ids), "test_tool_calls", "no id"),
    "another tool": (A(other_name), "test_tool_calls", "'other'"),
    "no arguments": (D(broken.NoTools), "test_tool_calls", "arguments"),
    "tools end with stop": (
        A(set_on("finish_reason", "stop")),
        "test_tool_calls",
        "ends with 'stop'",
    ),
    "cut lines": (
        D(broken.CutsLines),
        "test_a_stream_may_be_cut_anywhere",
        "cut at byte|byte by byte",
    ),
    "never done": (D(broken.NeverDone), "test_the_end_of_a_stream", "not done"),
    "always complete": (
        D(broken.AlwaysComplete),
        "test_the_end_of_a_stream",
        "taken to be complete",
    ),
    "another class": (
        P(chat=broken.Wire(fails=lambda call, error: errors.APIStatusError(error.message))),
        "test_each_status-404",
        "APIStatusError",
    ),
    "no status": (F(status_code=None), "test_each_status-429", "told as None"),
    "never again": (F(retryable=False), "test_each_status-503", "retryable"),
    "always again": (F(retryable=True), "test_each_status-400", "retryable"),
    "no words": (F(message="failed"), "test_each_status-500", "words are lost"),
    "never sent": (F(sent="no"), "test_each_status-401", "sent is 'no'"),
    "nobody": (F(provider=None), "test_each_status-422", "it names"),
    "no id": (F(request_id=None), "test_each_status-402", "id is lost"),
    "believing": (broken.believing(), "test_an_error_inside_a_200", "taken for an answer"),
    "deaf": (D(broken.Deaf), "test_an_error_inside_a_stream", "passed over"),
    "believing in HTML": (broken.believing(), "test_garbage", "taken for an answer"),
    "unreadable": (broken.unreadable(), "test_garbage", "JSONDecodeError"),
    "fragile": (D(broken.Fragile), "test_garbage", "JSONDecodeError"),
    "shouting": (A(upper), "test_a_call-False-sync", "HELLO"),
    "uncounted": (D(broken.NoUsage), "test_a_call-True-async", "no usage"),
    "over a socket": (
        A(lambda answer: set_on("message", type(answer.choices[0].message)())(answer)),
        "test_over_a_socket",
        "said ''",
    ),
    "given up": (F(retryable=False), "test_a_failure_is_tried_again", "503"),
    "another wait": (broken.waiting(), "test_a_wait_that_the_provider_asks_for", "99"),
    "talkative": (broken.talkative(), "test_secrets_are_never_shown-False", "bad key KEY"),
    "threads": (broken.threading_along(), "test_nothing_is_left_behind", "process: threads"),
    "littering": (broken.littering(), "test_nothing_is_left_behind", "the environment"),
}


@pytest.mark.parametrize(("adapter", "name", "message"), ZOO.values(), ids=ZOO)
def test_a_broken_adapter_is_found(
    adapter: Provider, name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each check fails for an adapter that is broken in the way it looks for, and says so."""
    monkeypatch.setenv("ACME_LAST_MODEL", "none")
    monkeypatch.setattr(broken, "STOP", threading.Event())
    found = dict(checks(suite_of(adapter)))
    with pytest.raises((pytest.fail.Exception, errors.APIError)) as caught:
        found[name]()
    broken.STOP.set()
    assert re.search(message, str(caught.value))


def test_decoders_that_share_their_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two streams at once are told apart."""
    monkeypatch.setattr(broken.Shared, "one", None)
    with pytest.raises(pytest.fail.Exception, match="mixed up"):
        suite_of(D(broken.Shared)).test_two_streams_at_once()


def test_a_key_that_is_not_needed_but_asked_for() -> None:
    """A key that is missing is told with its variable, or is not needed."""
    monkey = suite_of(P(key_optional=False))
    monkey.test_a_missing_key_is_told()
    suite_of(P(key_optional=True)).test_a_missing_key_is_told()


def test_every_check_is_proven() -> None:
    """No check is without an adapter that it fails for, but those that are proven by themselves above and below."""
    proven = {name.partition("-")[0] for _, name, _ in ZOO.values()}
    every = {name.partition("-")[0] for name, _ in checks(suite_of(broken.HEALTHY))}
    assert every - proven == {"test_two_streams_at_once", "test_a_missing_key_is_told"}


def test_every_parameter_is_asked_for() -> None:
    """A parameter that completion() learns is one that adapters are checked for."""
    assert set(PARAMS) == set(ModelParams.__annotations__) - {"stream_options"}
