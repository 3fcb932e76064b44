"""What a request may say beside what it asks, and what it may not; one by one, without a gateway."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit.proxy.endpoints.asking import fields_of
from llmkit.proxy.endpoints.beside import Beside, beside_of
from llmkit.proxy.failure import Refused
from llmkit.proxy.settings import Settings
from llmkit.proxy.subject import ADMINISTRATOR, Subject

SOMEBODY = Subject(key="0" * 64)
PLAIN, OPEN = Settings(), Settings(allow_base_url=True)


def told(
    fields: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    *,
    who: Subject = SOMEBODY,
    settings: Settings = PLAIN,
) -> Beside:
    """What is made of a request."""
    return beside_of(headers or {}, {} if fields is None else fields, who, settings)


FORBIDDEN = [
    "api_key", "base_url", "api_base", "api_version", "organization", "custom_llm_provider", "extra_headers", "headers",
    "extra_body", "extra_query", "model_list", "litellm_params", "max_cost", "base_model", "input_cost_per_token",
    "output_cost_per_token_above_200k_tokens", "mock_response", "vertex_credentials", "aws_role_name",
    "aws_profile_name",
    "aws_web_identity_token", "azure_ad_token", "region_name", "project_id", "fetch_media", "team", "customer",
    "subscription", "session", "context_window_fallbacks", "content_policy_fallbacks", "user_config", "http_client",
]  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_not_a_callers_to_say(name: str) -> None:
    """Who is asked, with what, at what price and in whose name: a 400 that names the field. Null says nothing."""
    with pytest.raises(Refused) as caught:
        told({name: "x", "model": "m"})
    assert (caught.value.status, caught.value.param) == (400, name)
    assert told({name: None}).options == {}


def test_an_address_where_that_is_allowed() -> None:
    """It needs a key of its own: the gateway's is for nobody else."""
    fields = {"base_url": "https://example.com", "api_key": "sk-" + "own", "model": "m"}
    assert told(dict(fields), settings=OPEN).options == {
        k: fields[k] for k in ("base_url", "api_key")
    }
    for key in (None, "", " "):
        with pytest.raises(Refused, match="api_key of its own"):
            told({**fields, "api_key": key}, settings=OPEN)
    with pytest.raises(Refused, match="extra_headers"):
        told({**fields, "extra_headers": {}}, settings=OPEN)


def test_an_administrator_may_have_an_answer_made_up() -> None:
    """For trying a gateway out; an address is not theirs to say either."""
    assert told({"mock_response": "hi"}, who=ADMINISTRATOR).options == {"mock_response": "hi"}
    with pytest.raises(Refused, match="mock_response"):
        told({"mock_response": {"raise": 1}}, who=ADMINISTRATOR)
    with pytest.raises(Refused, match="base_url"):
        told({"base_url": "http://169.254.169.254"}, who=ADMINISTRATOR)


def test_what_headers_say() -> None:
    """LiteLLM's headers, which go before the body."""
    headers = {
        "x-litellm-timeout": "2.5",
        "x-litellm-stream-timeout": "1",
        "x-litellm-num-retries": "0",
        "x-litellm-priority": "3",
        "x-litellm-tags": "a, b,,a",
        "x-litellm-end-user-id": "ann",
        "x-litellm-session-id": "s1",
        "x-litellm-spend-logs-metadata": '{"job": 7}',
    }
    fields: dict[str, Any] = {"timeout": 9, "user": "bob", "litellm_trace_id": "t", "model": "m"}
    made = told(fields, headers)
    assert made.options == {"timeout": 2.5, "stream_timeout": 1.0, "num_retries": 0, "priority": 3}
    assert (made.customer, made.session, made.tags) == ("ann", "s1", ("a", "b"))
    assert made.metadata == {"job": 7}
    assert fields == {"user": "bob", "model": "m"}


def test_what_bodies_say() -> None:
    """The same as fields, which are taken out; ``metadata`` stays, for who knows what to do with it."""
    fields: dict[str, Any] = {
        "num_retries": 2,
        "drop_params": True,
        "fallbacks": ["other"],
        "tags": ["x"],
        "metadata": {"user_id": "ann", "session_id": "s", "tags": ["no"], "k": 1},
        "litellm_metadata": {"l": 2},
    }
    made = told(fields)
    assert made.options == {"num_retries": 2, "drop_params": True, "fallbacks": ["other"]}
    assert (made.customer, made.session, made.tags) == ("ann", "s", ("x",))
    assert made.metadata == {"user_id": "ann", "session_id": "s", "tags": ["no"], "k": 1, "l": 2}
    assert list(fields) == ["metadata"]


def test_forms_have_nothing_but_texts() -> None:
    """They are read as what they say."""
    made = told({"timeout": "5", "metadata": '{"tags": ["a"]}', "tags": "b,c"})
    assert (made.options, made.tags, made.metadata) == (
        {"timeout": 5.0},
        ("b", "c"),
        {"tags": ["a"]},
    )


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"timeout": "soon"}, "timeout"),
    ({"timeout": float("inf")}, "timeout"),
    ({"timeout": True}, "timeout"),
    ({"num_retries": 1.5}, "num_retries"),
    ({"num_retries": "٣"}, "num_retries"),
    ({"priority": -1}, "priority"),
    ({"drop_params": "yes"}, "drop_params"),
    ({"fallbacks": "one"}, "fallbacks"),
    ({"fallbacks": [{"model": "x", "api_base": "http://x"}]}, "fallbacks"),
    ({"tags": {"a": 1}}, "tags"),
    ({"tags": ["x" * 300]}, "tags"),
    ({"tags": ["x"] * 65}, "tags"),
    ({"user": "a\x00b"}, "user"),
    ({"user": "x" * 256}, "user"),
    ({"user": "*"}, "user"),
    ({"tags": ["a", " *"]}, "tags"),
    ({"litellm_session_id": 7}, "litellm_session_id"),
    ({"metadata": []}, "metadata"),
    ({"metadata": {"k": "\x00"}}, "metadata"),
    ({"metadata": {"k": "x" * 20_000}}, "metadata"),
    ({"metadata": "{"}, "metadata"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG)
def test_mistakes(fields: dict[str, Any], param: str) -> None:
    """Each names its field."""
    with pytest.raises(Refused) as caught:
        told(fields)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_deep_bodies() -> None:
    """What is nested without end is no reason to fail."""
    with pytest.raises(Refused, match="not JSON"):
        fields_of(b"[" * 100_000)
