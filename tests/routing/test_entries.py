from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from llmkit._call import Timeouts
from llmkit._control.routing.deployment import Deployment
from llmkit._control.routing.entries import Reading, deployment_of, deployments_of, entry_of
from llmkit._control.routing.report import Report
from llmkit.catalogue import Catalogue
from llmkit.errors import ConfigurationError, UnknownProviderError

KEY = "sk-" + "made-up-for-entries-of-a-list"


def entry(model_info: Any = None, **params: Any) -> dict[str, Any]:
    """An entry of a ``model_list``."""
    said = {"model": "openai/gpt-4o", **params}
    found: dict[str, Any] = {"model_name": "gpt", "litellm_params": said}
    return found if model_info is None else {**found, "model_info": model_info}


def test_an_entry_of_litellms() -> None:
    """Each key goes where it belongs: limits to fields, options and parameters of calls apart, prices to options."""
    one = deployment_of(
        entry(
            {"id": "mine", "base_model": "gpt-4o", "max_input_tokens": 9, "mode": "chat", "zip": 1},
            api_key=KEY,
            api_base="https://example.test/v1",
            api_version="2026-01-01",
            custom_llm_provider="openai",
            timeout=5,
            stream_timeout=2,
            max_retries=1,
            rpm=1,
            tpm=2,
            rpd=3,
            tpd=4,
            itpm=5,
            otpm=6,
            weight=0.5,
            order=2,
            tags=["eu"],
            tag_regex=["curl"],
            max_parallel_requests=7,
            region_name="westeurope",
            cooldown_time=8,
            max_budget=0.3,
            budget_duration="1d",
            input_cost_per_token=0.1,
            temperature=0,
            metadata={"a": "b"},
            mock_response="hi",
        )
    )

    assert (one.group, one.model, one.id) == ("gpt", "openai/gpt-4o", "mine")
    assert [key.reveal() for key in one.keys] == [KEY]
    assert one.options == {
        "base_url": "https://example.test/v1",
        "api_version": "2026-01-01",
        "custom_llm_provider": "openai",
        "timeout": 5,
        "stream_timeout": 2,
        "region_name": "westeurope",
        "input_cost_per_token": 0.1,
        "mock_response": "hi",
        "base_model": "gpt-4o",
    }
    assert one.params == {"temperature": 0, "metadata": {"a": "b"}}
    assert (one.rpm, one.tpm, one.rpd, one.tpd, one.itpm, one.otpm) == (1, 2, 3, 4, 5, 6)
    assert (one.weight, one.order, one.max_parallel, one.num_retries) == (0.5, 2, 7, 1)
    assert (one.tags, one.tag_regex, one.region) == (("eu",), ("curl",), "westeurope")
    assert (one.cooldown_time, one.max_input_tokens) == (8, 9)
    assert (one.max_budget, one.budget_duration) == (Decimal("0.3"), "1d")
    assert one.info["zip"] == 1


def test_what_is_said_twice_of_a_deployment() -> None:
    """What ``litellm_params`` say goes before ``model_info``; limits may stand beside both, as LiteLLM reads them."""
    info = {"rpm": 1, "tpm": 1, "base_model": "a", "region": "eu"}
    one = deployment_of({**entry(info, rpm=2, base_model="b"), "tpm": 3, "rpd": 4})

    assert (one.rpm, one.tpm, one.rpd) == (2, 3, 4)
    assert one.options["base_model"] == "b"
    assert one.region == "eu"


def test_none_is_not_said() -> None:
    """A key without a value is as if it were not there."""
    one = deployment_of(entry(None, rpm=None, api_key=None, cache=None, temperature=None))

    assert (one.rpm, one.keys, one.params) == (None, (), {})


def test_what_asks_for_nothing_is_taken() -> None:
    """A key that is not honoured is no mistake where it is off."""
    one = deployment_of(entry({"team_id": None}, use_in_pass_through=False, silent_model=""))

    assert one.model == "openai/gpt-4o"


def test_a_deployment_is_an_entry() -> None:
    """Typed deployments and LiteLLM's dicts can stand in one list."""
    typed = Deployment("gpt", "openai/gpt-4o", rpm=5)

    found = deployments_of([typed, entry()], Reading())

    assert found[0] == typed
    assert found[1].id == f"{typed.id}.2"
    assert deployment_of(typed) is typed


def test_litellms_own_class_is_an_entry() -> None:
    """An object that says itself as a dict, as LiteLLM's ``Deployment`` does, is read as that."""
    one = deployment_of(SimpleNamespace(model_dump=lambda **_: entry({"id": "mine"}, rpm=5)))

    assert (one.id, one.rpm) == ("mine", 5)


def test_several_organizations_are_several_deployments() -> None:
    """LiteLLM's list of organizations makes one deployment of each, with an id of its own."""
    found = deployments_of([entry({"id": "mine"}, organization=["a", "b"])], Reading())

    assert [one.id for one in found] == ["mine", "mine.2"]
    assert [one.options["organization"] for one in found] == ["a", "b"]
    with pytest.raises(ConfigurationError, match="stands for 2 deployments"):
        deployment_of(entry(organization=["a", "b"]))


def test_the_environment_is_looked_up_where_it_is_named() -> None:
    """``os.environ/X`` is replaced, however deep; a number that came as text is a number."""
    environ = {"K": KEY, "RPM": "7", "T": "0.5", "H": "x", "U": "5"}
    one = deployment_of(
        entry(
            api_key="os.environ/K",
            rpm="os.environ/RPM",
            temperature="os.environ/T",
            extra_headers={"X-A": "os.environ/H"},
            logit_bias={"5": 1},
            user="os.environ/U",
            drop_params="TRUE",
        ),
        Reading(environ=environ),
    )

    assert one.keys[0].reveal() == KEY
    assert one.rpm == 7
    assert one.params == {"temperature": 0.5, "logit_bias": {"5": 1}, "user": "5"}
    assert one.options["extra_headers"] == {"X-A": "x"}
    assert one.options["drop_params"] is True


def test_a_key_out_of_the_environment_is_not_shown_where_it_does_not_belong() -> None:
    """A variable that is used for the wrong thing is named; its value is not."""
    environ = {"PASSWORD": "hunter" + "2"}
    with pytest.raises(ConfigurationError) as caught:
        deployment_of(entry(rpm="os.environ/PASSWORD"), Reading(environ=environ))

    assert "rpm is a whole number of at least 1, not os.environ/PASSWORD" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("environ", "state"), [({}, "not set"), ({"KEY": " "}, "empty")])
def test_a_variable_that_is_missing(environ: dict[str, str], state: str) -> None:
    """What is not in the environment is said with the place where it was to be read."""
    with pytest.raises(ConfigurationError) as caught:
        deployments_of([entry(), entry(api_key="os.environ/KEY")], Reading(environ=environ))

    where = "model_list[1].litellm_params.api_key"
    assert str(caught.value) == f"{where}: the environment variable 'KEY' is {state}"


def test_a_variable_that_is_nearly_there() -> None:
    """A name that looks like one that is set is said."""
    with pytest.raises(ConfigurationError, match="did you mean 'OPENAI_API_KEY'"):
        deployment_of(
            entry(api_key="os.environ/OPENAI_APIKEY"), Reading(environ={"OPENAI_API_KEY": "x"})
        )


def test_timeouts_between_pieces() -> None:
    """LiteLLM's ``ttft_timeout`` and ``stream_idle_timeout`` become ours."""
    one = deployment_of(entry(ttft_timeout=3, stream_idle_timeout="4", timeout=60))

    assert one.options["stream_timeout"] == 3
    assert one.options["timeout"] == Timeouts(connect=10, first_token=60, idle=4, total=60)
    assert deployment_of(entry(stream_idle_timeout=4)).options["timeout"] == Timeouts(idle=4)
    assert deployment_of(entry(ttft_timeout=3, stream_timeout=1)).options["stream_timeout"] == 1
    with pytest.raises(ConfigurationError, match="timeout has to be in seconds then"):
        deployment_of(entry(stream_idle_timeout=4, timeout=Timeouts()))
    with pytest.raises(ConfigurationError, match="must be a positive, finite number"):
        deployment_of(entry(stream_idle_timeout=0))


WRONG: list[tuple[Any, str]] = [
    (3, "x: an entry is a mapping with model_name and litellm_params, or a Deployment, not int"),
    ({}, "x.model_name is missing"),
    ({"model_name": 3, "litellm_params": {}}, "x.model_name is a text"),
    ({"model_name": "a"}, "x.litellm_params is missing"),
    ({**entry(), "model_name": None, "model_nam": "a"}, "'model_nam' is no key of an entry"),
    ({"model_name": "a", "litelm_params": {}}, "'litelm_params' is no key of an entry"),
    ({"model_name": "a", "model": "openai/x"}, "model, api_key and the like stand in it"),
    (entry(model="openai/*"), "nothing stands for the * of 'openai/*': 'gpt' has none"),
    ({"model_name": "a", "litellm_params": 3}, "x.litellm_params is a mapping of names, not int"),
    ({"model_name": "a", "litellm_params": {}}, "x.litellm_params.model is a text"),
    ({**entry(), "model_infos": {}}, "x.model_infos: a deployment knows no 'model_infos'"),
    (entry(rpm="many"), "x.litellm_params.rpm is a whole number of at least 1, not 'many'"),
    (entry(max_parallel_requests=0), "x.litellm_params.max_parallel_requests is a whole number"),
    (entry({"max_input_tokens": -1}), "x.model_info.max_input_tokens is a whole number"),
    (entry({"supports_vision": "yes"}), "x.model_info.supports_vision is True or False"),
    (entry(rmp=1), "x.litellm_params.rmp: a deployment knows no 'rmp'; did you mean 'rpm'"),
    (entry(cache=True), "x.litellm_params.cache: answers are cached by the router"),
    (entry({"team_id": "t"}), "x.model_info.team_id: it is for requests that come in by HTTP"),
    (
        entry(timeout="soon"),
        "x.litellm_params: timeout: it must be a positive, finite number of seconds",
    ),
    (entry(api_base="nowhere"), "x.litellm_params: base_url 'nowhere' is no http(s) address"),
    (entry(model="auto_router/a"), "x: left out: models that choose other models"),
    (entry(litellm_credential_name="c"), "credential_list has no 'c'"),
    (entry(fallbacks=["b"]), "'fallbacks' is said by a call, or the router"),
]


@pytest.mark.parametrize(("given", "why"), WRONG, ids=[why[:50] for _, why in WRONG])
def test_what_is_wrong_is_said_with_its_place(given: Any, why: str) -> None:
    """In code each mistake, and each key that is not honoured, is an error that says where."""
    with pytest.raises(ConfigurationError) as caught:
        deployment_of(given, path="x")

    assert why in str(caught.value)


def test_an_unknown_provider_is_heard_of_at_once() -> None:
    """A provider's name with a slip is said with near misses, before any call."""
    with pytest.raises(ConfigurationError, match="did you mean openai"):
        deployment_of(entry(model="opnai/gpt-4o"))


def test_models_that_need_no_look_up() -> None:
    """Wildcards, and names that another address serves, are taken as they are."""
    for model in ("openai/*", "*"):
        assert deployment_of({**entry(model=model), "model_name": "*"}).model == model
    assert deployment_of(entry(model="mine", api_base="https://a.test/v1")).model == "mine"


def test_a_bare_name_is_looked_up_where_the_router_says(tmp_path: Any) -> None:
    """The catalogue is the router's own where it has one."""
    file = tmp_path / "models.json"
    file.write_text(
        '{"my-own-model": {"litellm_provider": "openai", "mode": "chat",'
        ' "input_cost_per_token": 0.1, "output_cost_per_token": 0.1}}'
    )
    reading = Reading(catalogue=Catalogue(file))

    assert deployment_of(entry(model="my-own-model"), reading).model == "my-own-model"
    with pytest.raises(ConfigurationError, match="no provider is named in 'my-own-model'"):
        deployment_of(entry(model="my-own-model"))


def test_what_is_not_honoured_is_reported_in_a_file() -> None:
    """With a report, keys that are not honoured are rows, and the deployment is made without them."""
    report = Report()
    found = deployments_of(
        [entry({"ptu_count": 3}, use_in_pass_through=True, quux=1), entry(model="auto_router/a")],
        Reading(refusals=report),
    )

    assert len(found) == 1
    assert [row.key for row in report] == [
        "model_list[0].model_info.ptu_count",
        "model_list[0].litellm_params.use_in_pass_through",
        "model_list[0].litellm_params.quux",
        "model_list[1]",
    ]


def test_an_invalid_entry_can_be_left_out() -> None:
    """Where that is asked for, an entry that is wrong is a row of the report and the others stay."""
    report = Report()
    found = deployments_of(
        [entry(rpm="many"), entry(), "x"], Reading(refusals=report, lenient=True)
    )

    assert len(found) == 1
    assert [(row.key, row.why[:30]) for row in report] == [
        ("model_list[0]", "left out: litellm_params.rpm i"),
        ("model_list[2]", "left out: an entry is a mapping"[:30]),
    ]


def test_a_blocked_entry_is_left_out() -> None:
    """LiteLLM's ``blocked`` is honoured: the deployment is not there."""
    assert deployments_of([{**entry(), "blocked": True}], Reading()) == ()
    assert len(deployments_of([{**entry(), "blocked": False}], Reading())) == 1


def test_a_credential_is_looked_up_by_its_name() -> None:
    """What a credential says is said of the deployment, unless that says otherwise; only then is it resolved."""
    credentials = {
        "c": {"api_key": "os.environ/K", "api_base": "https://a.test/v1"},
        "d": {"api_key": "os.environ/NONE"},
    }
    reading = Reading(environ={"K": KEY}, credentials=credentials)

    one = deployment_of(entry(litellm_credential_name="c", api_base="https://b.test/v1"), reading)

    assert one.keys[0].reveal() == KEY
    assert one.options["base_url"] == "https://b.test/v1"
    with pytest.raises(ConfigurationError, match="has no 'C'; did you mean"):
        deployment_of(entry(litellm_credential_name="C"), Reading(credentials={"CC": {}}))


def test_defaults_are_below_what_a_deployment_says() -> None:
    """Defaults fill what is not said: options, parameters, limits, the key; ids do not change by them."""
    defaults = {"temperature": 1, "top_p": 0.5, "rpm": 9, "timeout": 3, "api_key": "os.environ/K"}
    entries = [entry(temperature=0), entry(rpm=1, api_key="own", timeout=4)]
    plain = deployments_of(entries, Reading(environ={"K": KEY}))
    first, second = deployments_of(entries, Reading(environ={"K": KEY}), defaults)

    assert first.params == {"temperature": 0, "top_p": 0.5}
    assert (first.rpm, second.rpm) == (9, 1)
    assert (first.options["timeout"], second.options["timeout"]) == (3, 4)
    assert [key.reveal() for key in (*first.keys, *second.keys)] == [KEY, "own"]
    assert [one.id for one in plain] == [first.id, second.id]


@pytest.mark.parametrize(
    ("defaults", "why"),
    [
        ({"rpm": 0}, "default_litellm_params.rpm is a whole number"),
        ({"rmp": 1}, "default_litellm_params.rmp: a deployment knows no 'rmp'"),
        ({"api_base": "x"}, "default_litellm_params: base_url 'x' is no"),
        ([1], "default_litellm_params is a mapping of names, not list"),
    ],
)
def test_defaults_are_checked(defaults: Any, why: str) -> None:
    """What is wrong with a default is said once, and of the defaults."""
    with pytest.raises(ConfigurationError) as caught:
        deployments_of([entry()], Reading(), defaults)

    assert why in str(caught.value)


@pytest.mark.parametrize("given", ["gpt", {"model_name": "a"}, 3, None])
def test_a_model_list_is_a_list(given: Any) -> None:
    """What is no list of entries is refused as such."""
    with pytest.raises(ConfigurationError, match="model_list is a list of entries, not"):
        deployments_of(given, Reading())


def test_litellms_form_of_a_deployment() -> None:
    """What is read is written again, but for keys, and reads as the same deployment."""
    one = deployment_of(
        entry(
            {"id": "mine", "mode": "chat"},
            api_key=KEY,
            rpm=5,
            max_parallel_requests=2,
            order=1,
            temperature=0,
            max_retries=3,
        )
    )
    written = entry_of(one)

    assert KEY not in repr(written)
    assert written["model_name"] == "gpt"
    assert written["litellm_params"] == {
        "model": "openai/gpt-4o",
        "temperature": 0,
        "rpm": 5,
        "order": 1,
        "max_parallel_requests": 2,
        "num_retries": 3,
    }
    assert written["model_info"] == {"id": "mine", "mode": "chat"}
    assert deployment_of(written) == one.changed(keys=(), info=written["model_info"])


def test_the_error_of_a_list_is_a_configuration_error() -> None:
    """An unknown provider in a list is an error of the configuration, and says the entry."""
    with pytest.raises(ConfigurationError) as caught:
        deployments_of([entry(model="nowhere/x")], Reading())

    assert str(caught.value).startswith("model_list[0].litellm_params: ")
    assert not isinstance(caught.value, UnknownProviderError)
