from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

import llmkit
from llmkit import catalogue, errors, providers
from llmkit._call import Timeouts
from llmkit._control import plan
from llmkit._control.address import resolve
from llmkit._control.environment import missing_keys
from llmkit._control.job import Leg
from llmkit._secret import Secret

DEFAULT = Timeouts()
USER = [{"role": "user", "content": "hi"}]


def legs(model: Any, environ: dict[str, str] | None = None, **keywords: Any) -> list[Leg]:
    """The deployments of a call."""
    stream = keywords.pop("stream", False)
    keyless = keywords.pop("keyless", False)
    asked = plan.asked(keywords, {})
    return plan.legs(
        "c", model, {"messages": USER}, asked, stream=stream, environ=environ or {}, keyless=keyless
    )


def leg(model: Any = "openai/m", environ: dict[str, str] | None = None, **keywords: Any) -> Leg:
    """The first deployment of a call with a key."""
    return legs(model, environ, **{"api_key": "k-1", **keywords})[0]


# --- keywords ------------------------------------------------------------------------------------


def test_keywords_are_told_apart() -> None:
    """Parameters go to the model, options stay here; ``None`` is absent, false is not."""
    made = plan.asked(
        {"temperature": 0, "stop": None, "timeout": 5, "store": False, "api_key": None},
        {"num_retries": 3},
    )
    assert made.params == {"temperature": 0, "store": False}
    assert made.options == {"timeout": 5, "num_retries": 3}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "did you mean 'temperature'"),
        ("max_token", "did you mean 'max_tokens'"),
        ("guided_regex", "fields of one provider go in extra_body"),
        ("dry_run", r"Client\(\).dry_run\('completion', …\) shows what it would send"),
        ("stream", "its answer comes whole"),
    ],
)
def test_unknown_keywords(name: str, hint: str) -> None:
    """A keyword that nobody knows is refused with what it may have meant."""
    with pytest.raises(errors.UnsupportedParamsError, match=hint) as caught:
        plan.asked({name: 1}, {})
    assert caught.value.param == name


@pytest.mark.parametrize(
    ("ours", "other"),
    [("base_url", "api_base"), ("num_retries", "max_retries"), ("extra_headers", "headers")],
)
def test_two_spellings_of_one_option(ours: str, other: str) -> None:
    """Either name works, the call's goes before the client's, and two different values are refused."""
    assert plan.asked({other: 1}, {}).options == {ours: 1}
    assert plan.asked({other: 1}, {ours: 2}).options == {ours: 1}
    assert plan.asked({ours: 1}, {other: 2}).options == {ours: 1}
    assert plan.asked({}, {other: 2}).options == {ours: 2}
    assert plan.asked({ours: 1, other: 1}, {}).options == {ours: 1}
    with pytest.raises(errors.ConfigurationError, match="are one option"):
        plan.asked({ours: 1, other: 2}, {})


def test_additional_drop_params() -> None:
    """Parameters named there are left out and listed, whatever the provider takes."""
    made = plan.asked({"seed": 1, "user": "u", "additional_drop_params": ["seed", "n"]}, {})
    assert made.params == {"user": "u"}
    assert [(a.parameter, a.change, a.given, a.sent) for a in made.adjustments] == [
        ("seed", "dropped", 1, None)
    ]


class Wanted(BaseModel):
    n: int


def test_tools_and_formats_are_translated() -> None:
    """Functions and classes among the keywords become OpenAI's form."""

    def add(a: int) -> int:
        return a

    made = plan.asked({"tools": [add], "response_format": Wanted}, {})
    assert made.params["tools"][0]["function"]["name"] == "add"
    assert made.params["response_format"]["json_schema"]["name"] == "Wanted"
    assert made.wanted is Wanted


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({}, DEFAULT),
        ({"timeout": Timeouts(1, 2, 3, 4)}, Timeouts(1, 2, 3, 4)),
        ({"timeout": 60}, Timeouts(10, 60, 60, 60)),
        ({"timeout": 5.5}, Timeouts(5.5, 5.5, 5.5, 5.5)),
        ({"stream_timeout": 7}, Timeouts(10, 7, 120, 1800)),
        ({"timeout": 5, "stream_timeout": 7}, Timeouts(5, 7, 5, 7)),
        ({"timeout": SimpleNamespace(connect=3, read=4)}, Timeouts(3, 4, 4, 1800)),
        ({"timeout": SimpleNamespace(connect=None, read=None)}, Timeouts(10, 600, 600, 1800)),
        ({"timeout": SimpleNamespace(connect=3, read=4000)}, Timeouts(3, 4000, 4000, 4000)),
    ],
)
def test_timeouts(given: dict[str, Any], made: Timeouts) -> None:
    """Seconds, ``Timeouts`` and httpx's object are all understood."""
    assert plan.timeouts(given, DEFAULT, stream=True) == made


def test_stream_timeout_is_for_streams() -> None:
    """Without a stream its timeout says nothing."""
    assert plan.timeouts({"stream_timeout": 7}, DEFAULT, stream=False) == DEFAULT


@pytest.mark.parametrize("wrong", [0, -1, float("inf"), float("nan"), "soon", [], {}])
@pytest.mark.parametrize("name", ["timeout", "stream_timeout"])
def test_wrong_timeouts(name: str, wrong: Any) -> None:
    """A timeout that is no positive, finite number is refused."""
    with pytest.raises(errors.ConfigurationError, match="timeout"):
        plan.timeouts({name: wrong}, DEFAULT, stream=True)


# --- who -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "provider", "found", "name"),
    [
        ("openai/gpt-4o", None, "openai", "gpt-4o"),
        ("openrouter/anthropic/claude", None, "openrouter", "anthropic/claude"),
        ("together/m", None, "together_ai", "m"),
        ("groq:llama", None, "groq", "llama"),
        ("gpt-4o-mini", None, "openai", "gpt-4o-mini"),
        ("anything/at-all", "groq", "groq", "anything/at-all"),
        ("groq/llama", "groq", "groq", "llama"),
    ],
)
def test_model_strings(model: str, provider: str | None, found: str, name: str) -> None:
    """A model string names provider and model, or the catalogue knows it."""
    made = resolve(model, provider)
    assert (made[0].name, made[1]) == (found, name)


def test_model_behind_an_address() -> None:
    """With an address, a name that nobody knows is what is served there."""
    assert resolve("my-model:7b", None, elsewhere=True)[0].name == "openai_like"


@pytest.mark.parametrize("model", ["no-such-model", "nobody/model", "opnai/gpt-4o", "a b/c", "x:y"])
def test_unknown_providers(model: str) -> None:
    """A model that names no provider, or none that exists, is refused with what to write."""
    with pytest.raises(errors.UnknownProviderError) as caught:
        resolve(model, None)
    assert "write 'provider/model'" in caught.value.message or "provider" in caught.value.message


def test_near_misses() -> None:
    """A slip in a provider's name is told."""
    with pytest.raises(errors.UnknownProviderError, match="did you mean openai"):
        resolve("opnai/gpt-4o", None)


@pytest.mark.parametrize("model", ["", "  ", None, 7, ["gpt"]])
def test_model_of_a_wrong_type(model: Any) -> None:
    """A model that is no text is refused."""
    with pytest.raises(errors.ConfigurationError, match="model must be a text"):
        resolve(model, None)


# --- where ---------------------------------------------------------------------------------------


def test_address_from_argument_environment_and_row() -> None:
    """What the call says goes before the environment, and that before the provider's own."""
    environ = {"OPENAI_BASE_URL": "http://env.test/v1"}
    assert leg(environ=environ, base_url="http://call.test/v1/").endpoint.base_url.startswith(
        "http://call.test"
    )
    assert leg(environ=environ).endpoint.base_url == "http://env.test/v1"
    assert leg().endpoint.base_url == "https://api.openai.com/v1"


def test_rules_behind_another_address() -> None:
    """Behind somebody else's address, a provider's own rules do not hold, and no key is needed."""
    here, there = leg(), leg(base_url="http://localhost:9/v1")
    assert here.wire != there.wire
    assert legs("openai/m", base_url="http://localhost:9/v1")[0].key is None


@pytest.mark.parametrize(
    "base",
    [
        "ftp://h/v1",
        "h/v1",
        "http://",
        "http://h:99999/v1",
        "http://h/ v1",
        "http://h/\n",
        "http://[::1",
        "",
        "x",
    ],
)
def test_wrong_addresses(base: str) -> None:
    """What is no http address is refused with an example, unless it is empty."""
    if not base:
        assert leg(base_url=base).endpoint.base_url == "https://api.openai.com/v1"
        return
    with pytest.raises(errors.ConfigurationError, match="base_url"):
        leg(base_url=base)


def test_addresses_that_hold_too_much() -> None:
    """The path that is added, and credentials, do not belong into an address; a password is not shown."""
    with pytest.raises(errors.ConfigurationError, match="must end before"):
        leg(base_url="https://h/v1/chat/completions")
    with pytest.raises(errors.ConfigurationError) as caught:
        leg(base_url="https://me:hunter2@h/v1")
    assert "hunter2" not in str(caught.value)


def test_addresses_with_variables() -> None:
    """A provider's address is filled in from the environment, and says what is missing."""
    environ = {"CLOUDFLARE_ACCOUNT_ID": "acc", "CLOUDFLARE_API_KEY": "k-1"}
    assert "/accounts/acc/ai" in legs("cloudflare/m", environ)[0].endpoint.base_url
    with pytest.raises(errors.ConfigurationError, match="set CLOUDFLARE_ACCOUNT_ID"):
        leg("cloudflare/m")
    with pytest.raises(errors.ConfigurationError, match="no address of its own"):
        leg("openai_like/m")


def test_addresses_without_their_path() -> None:
    """A bare host in a vendor's own variable gets the provider's path, and its scheme."""
    for given in ("127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:1/"):
        made = legs("ollama/m", {"OLLAMA_API_BASE": given})[0]
        assert made.endpoint.base_url == "http://127.0.0.1:1"
    made = legs("ollama/m", {"OLLAMA_API_BASE": "http://h.test/own"})[0]
    assert made.endpoint.base_url == "http://h.test/own"


def test_model_of_several_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that several providers serve is refused with what to write."""
    several = ("openai", "groq", "nobody")
    monkeypatch.setattr(catalogue.Catalogue, "providers_of", lambda self, model: several)
    with pytest.raises(errors.UnknownProviderError, match="write openai/m or groq/m"):
        resolve("m", None)


def test_query_and_headers() -> None:
    """The API's version and further fields go to query and headers; the environment's come too."""
    made = leg(
        environ={"OPENAI_PROJECT_ID": "p"},
        api_version="2024-10-21",
        extra_query={"a": 1},
        headers={"x-a": 2},
        organization="o",
    )
    assert made.endpoint.query == {"a": "1", "api-version": "2024-10-21"}
    assert made.endpoint.headers == {"OpenAI-Project": "p"}
    assert made.call.extra_headers == {"x-a": "2", "OpenAI-Organization": "o"}


@pytest.mark.parametrize(
    "headers", [{"a b": "c"}, {"": "c"}, {"a": "b\r\nc: d"}, {"a": "b\0"}, {"a:": "b"}]
)
def test_wrong_headers(headers: dict[str, str]) -> None:
    """A header that HTTP does not allow is refused, without its value."""
    with pytest.raises(errors.ConfigurationError, match="is not a header that HTTP allows"):
        leg(extra_headers=headers)


@pytest.mark.parametrize("name", ["extra_headers", "extra_body", "extra_query"])
def test_extras_of_a_wrong_type(name: str) -> None:
    """Extra fields are given as a dict."""
    with pytest.raises(errors.ConfigurationError, match=f"{name} must be a dict, not list"):
        leg(**{name: [1]})


# --- with what key -------------------------------------------------------------------------------


def test_keys() -> None:
    """The call's key goes before the environment's, of which the first that is set wins; the source is told."""
    both = {"TOGETHER_AI_API_KEY": " k-3 ", "TOGETHERAI_API_KEY": "k-4", "TOGETHER_API_KEY": " "}
    made = legs("together/m", both)[0]
    assert (made.key, made.key_source) == (Secret("k-3"), "TOGETHER_AI_API_KEY")
    made = leg("together/m", both)
    assert (made.key, made.key_source) == (Secret("k-1"), "api_key")

    def function() -> str:
        return "k"

    assert leg(api_key=function).key is function
    assert leg(api_key=Secret("k-5")).key == Secret("k-5")


def test_missing_key() -> None:
    """Without a key the error names what to set; where nothing is sent, or none is needed, it is no error."""
    with pytest.raises(errors.MissingKeyError, match="set OPENAI_API_KEY") as caught:
        legs("openai/m")
    assert (caught.value.provider, caught.value.status_code) == ("openai", 401)
    assert legs("openai/m", keyless=True)[0].key is None
    assert legs("ollama/m")[0].key is None


@pytest.mark.parametrize("key", ["k\n1", "ké", "k\x001"])
def test_keys_that_no_header_can_carry(key: str) -> None:
    """A key with line breaks or foreign letters is refused, without being shown."""
    for how in ({"api_key": key}, {"environ": {"OPENAI_API_KEY": key}, "api_key": None}):
        with pytest.raises(errors.ConfigurationError, match="no header can carry") as caught:
            leg(**how)  # type: ignore[arg-type]
        assert key not in str(caught.value)


def test_key_of_a_wrong_type() -> None:
    """A key is a text or a function."""
    with pytest.raises(
        errors.ConfigurationError, match="api_key must be a text or a function, not int"
    ):
        leg(api_key=7)


def test_validate_environment() -> None:
    """What a model needs of the environment, and whether it is there."""
    assert missing_keys("openai/m", {"OPENAI_API_KEY": "k"}) == {
        "keys_in_environment": True,
        "missing_keys": [],
        "key_source": "OPENAI_API_KEY",
    }
    assert missing_keys("openai/m", {})["missing_keys"] == ["OPENAI_API_KEY"]
    assert missing_keys("cloudflare/m", {})["missing_keys"] == [
        "CLOUDFLARE_API_KEY",
        "CLOUDFLARE_ACCOUNT_ID",
    ]
    assert missing_keys("ollama/m", {})["keys_in_environment"]


AWS_KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
REGION = {"AWS_DEFAULT_REGION": "us-east-1"}
PRINCIPAL = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}


@pytest.mark.parametrize(
    ("model", "environ", "missing"),
    [
        ("bedrock/m", {}, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]),
        ("bedrock/m", AWS_KEYS, ["AWS_REGION"]),
        ("bedrock/m", {**AWS_KEYS, **REGION}, []),
        ("bedrock/m", {"AWS_ACCESS_KEY_ID": "a", **REGION}, ["AWS_SECRET_ACCESS_KEY"]),
        ("bedrock/m", {"AWS_BEARER_TOKEN_BEDROCK": "k", **REGION}, []),
        ("bedrock/m", {"AWS_PROFILE": "p"}, []),
        ("sagemaker/e", {"AWS_ROLE_ARN": "r", **REGION}, ["AWS_WEB_IDENTITY_TOKEN_FILE"]),
        ("azure/m", {}, ["AZURE_API_KEY", "AZURE_API_BASE"]),
        ("azure/m", {"AZURE_OPENAI_ENDPOINT": "https://h.test", **PRINCIPAL}, []),
        ("azure/m", {"AZURE_API_KEY": "k"}, ["AZURE_API_BASE"]),
        (
            "azure/m",
            {"AZURE_API_BASE": "b", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"},
            ["AZURE_CLIENT_SECRET"],
        ),
        ("azure_ai/m", {}, ["AZURE_AI_API_KEY", "AZURE_AI_API_BASE"]),
        (
            "azure_ai/claude-haiku-4-5",
            {},
            ["ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_FOUNDRY_BASE_URL"],
        ),
        (
            "azure_ai/claude-haiku-4-5",
            {"ANTHROPIC_FOUNDRY_RESOURCE": "r", "AZURE_API_KEY": "k"},
            [],
        ),
        ("vertex_ai/m", {}, ["GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_PROJECT"]),
        ("vertex_ai/m", {"GOOGLE_CLOUD_PROJECT": "p"}, ["GOOGLE_APPLICATION_CREDENTIALS"]),
        ("vertex_ai/m", {"GOOGLE_APPLICATION_CREDENTIALS": "f"}, []),
        ("vertex_ai/m", {"GOOGLE_API_KEY": "k"}, []),
        ("databricks/m", {}, ["DATABRICKS_API_KEY", "DATABRICKS_HOST"]),
        (
            "databricks/m",
            {"DATABRICKS_API_BASE": "b", "DATABRICKS_CLIENT_ID": "c"},
            ["DATABRICKS_CLIENT_SECRET"],
        ),
        ("databricks/m", {"DATABRICKS_API_BASE": "b", "DATABRICKS_TOKEN": "c"}, []),
        ("watsonx/m", {}, ["WATSONX_API_KEY", "WATSONX_PROJECT_ID", "WATSONX_REGION"]),
        ("watsonx/m", {"WATSONX_URL": "u", "WX_API_KEY": "k", "WATSONX_SPACE_ID": "s"}, []),
        ("snowflake/m", {"SNOWFLAKE_PAT": "k"}, ["SNOWFLAKE_ACCOUNT_ID"]),
        ("ragflow/m", {"RAGFLOW_API_KEY": "k"}, ["RAGFLOW_API_BASE"]),
        ("openai_like/m", {}, ["OPENAI_LIKE_API_BASE"]),
        ("replicate/a/b", {}, ["REPLICATE_API_TOKEN"]),
    ],
)
def test_what_the_environment_lacks(
    model: str, environ: dict[str, str], missing: list[str]
) -> None:
    """Of credentials, regions, projects and addresses, too: what the way lacks that was begun, or the first."""
    found = missing_keys(model, environ)
    assert found["missing_keys"] == missing
    assert found["keys_in_environment"] is (not missing)


def test_files_of_other_tools_count() -> None:
    """What AWS' and Google's own tools have written is where keys are found, too."""
    seen: list[str] = []

    def is_file(path: str) -> bool:
        seen.append(path)
        return True

    assert missing_keys("bedrock/m", {}, is_file)["keys_in_environment"]
    assert missing_keys("vertex_ai/m", {"VERTEXAI_PROJECT": "p"}, is_file)["keys_in_environment"]
    assert seen == [
        "~/.aws/credentials",
        "~/.aws/config",
        "~/.config/gcloud/application_default_credentials.json",
    ]


def test_validate_environment_of_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The process's variables and files are what is looked at."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert not llmkit.validate_environment("bedrock/m")["keys_in_environment"]
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\n")
    assert llmkit.validate_environment("bedrock/m")["keys_in_environment"]


@pytest.mark.parametrize("base", [":8080", "localhost:8080", "http://localhost:8080"])
def test_a_port_alone(base: str) -> None:
    """Ollama's own variable may hold one: this machine is meant."""
    made = llmkit.Client(environ={"OLLAMA_HOST": base}).dry_run(
        "completion", model="ollama/m", messages=USER
    )
    assert made.url in ("http://127.0.0.1:8080/api/chat", "http://localhost:8080/api/chat")


# --- the call and its fallbacks ------------------------------------------------------------------


def test_call() -> None:
    """The call has what the wire needs to know."""
    call = leg(
        stream=True, drop_params=True, allowed_openai_params=["seed"], extra_body={"a": 1}, seed=3
    ).call
    assert (call.id, call.provider, call.model, call.stream, call.drop_params) == (
        "c",
        "openai",
        "m",
        True,
        True,
    )
    assert (call.allowed, call.extra_body, call.params) == (
        frozenset({"seed"}),
        {"a": 1},
        {"seed": 3},
    )


def test_fallbacks_inherit_and_override() -> None:
    """A fallback has the call's parameters but for what it overrides; another provider has its own key."""
    entry = {"model": "groq/g", "temperature": 0.1, "api_key": "k-2", "messages": []}
    made = legs(
        "openai/m", {"GROQ_API_KEY": "k-3"}, api_key="k-1", temperature=1, n=2, organization="o",
        fallbacks=["openai/other", "groq/f", entry],
    )  # fmt: skip
    assert [each.call.model for each in made] == ["m", "other", "f", "g"]
    assert [each.key.reveal() for each in made if isinstance(each.key, Secret)] == [
        "k-1",
        "k-1",
        "k-3",
        "k-2",
    ]
    assert [each.call.params for each in made[2:]] == [
        {"temperature": 1, "n": 2},
        {"temperature": 0.1, "n": 2},
    ]
    assert ["OpenAI-Organization" in each.call.extra_headers for each in made] == [
        True,
        True,
        False,
        False,
    ]
    assert [list(each.call.messages) for each in made[2:]] == [USER, []]


@pytest.mark.parametrize(
    "fallbacks", ["groq/m", {"model": "groq/m"}, [7], [{"temperature": 1}], [None]]
)
def test_wrong_fallbacks(fallbacks: Any) -> None:
    """Fallbacks are a list of models, or of what differs."""
    with pytest.raises(errors.ConfigurationError, match="fallback"):
        legs("openai/m", api_key="k-1", fallbacks=fallbacks)


def test_fallback_without_a_key() -> None:
    """A fallback that cannot be called is known before anything is sent."""
    with pytest.raises(errors.MissingKeyError, match="GROQ_API_KEY"):
        legs("openai/m", api_key="k-1", fallbacks=["groq/m"])


def test_provider_without_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that has no chat is refused."""
    silent = providers.Provider(name="silent", base_url="https://h.test")
    monkeypatch.setitem(providers._registry._found, "silent", silent)
    with pytest.raises(errors.ConfigurationError) as caught:
        leg("silent/m")
    said = str(caught.value)
    assert said.startswith(
        "silent has no completion(), it has nothing; completion() is offered by openai, "
    )
    assert said.endswith(" …")
