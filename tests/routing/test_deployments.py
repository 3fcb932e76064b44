from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from llmkit._call import Timeouts
from llmkit._control.routing.deployment import LAST, Deployment, distinct
from llmkit._secret import Secret
from llmkit.errors import ConfigurationError

KEY = "sk-" + "made-up-for-deployments"


def token() -> str:
    """A function that says a key."""
    return KEY


class Tokens:
    def __call__(self) -> str:
        return KEY


def test_a_deployment_is_written_as_a_call_is() -> None:
    """Options and parameters of a call are keywords; what is a limit is a field; the key is a secret."""
    one = Deployment(
        "gpt",
        "openai/gpt-4o",
        api_key=f" {KEY} ",
        rpm=500,
        weight=2,
        tags="eu",
        api_base="https://example.test/v1",
        max_retries=0,
        temperature=0.2,
        params={"dimensions": 3},
        max_budget=0.1,
        info={"mode": "chat"},
    )

    assert (one.group, one.model, one.rpm, one.weight, one.tags) == (
        "gpt",
        "openai/gpt-4o",
        500,
        2.0,
        ("eu",),
    )
    assert [key.reveal() for key in one.keys] == [KEY]
    assert one.options == {"base_url": "https://example.test/v1"}
    assert one.params == {"temperature": 0.2, "dimensions": 3}
    assert one.num_retries == 0
    assert one.max_budget == Decimal("0.1")
    assert one.info == {"mode": "chat"}


def test_what_is_not_said_is_nothing() -> None:
    """A deployment of two words has no limits, no key and the last order."""
    one = Deployment("gpt", "openai/gpt-4o")

    assert (one.keys, one.options, one.params, one.tags) == ((), {}, {}, ())
    assert (one.rpm, one.tpm, one.rpd, one.tpd, one.itpm, one.otpm) == (None,) * 6
    assert one.order == LAST
    assert one.region is None
    assert one.numbered


def test_several_keys() -> None:
    """Keys may be texts, secrets and functions, in their order."""
    one = Deployment("gpt", "openai/gpt-4o", api_key=["first", Secret("second"), token])

    assert one.keys == (Secret("first"), Secret("second"), token)


@pytest.mark.parametrize("name", ["region_name", "aws_region_name", "vertex_location"])
def test_where_it_stands(name: str) -> None:
    """A region is what is said, or what the provider is told."""
    told: dict[str, Any] = {name: "eu-west-1"}

    assert Deployment("a", "openai/x", **told).region == "eu-west-1"
    assert Deployment("a", "openai/x", region="eu", **told).region == "eu"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"group": ""}, "group is a text, and not an empty one, not ''"),
    ({"model": None}, "model is a text, and not an empty one, not None"),
    ({"rpm": 0}, "rpm is a whole number of at least 1, not 0"),
    ({"tpm": 2.5}, "tpm is a whole number of at least 1, not 2.5"),
    ({"weight": -1}, "weight is a number of at least 0, not -1"),
    ({"order": -1}, "order is a whole number of at least 0, not -1"),
    ({"max_parallel": True}, "max_parallel is a whole number of at least 1, not True"),
    ({"max_retries": -1}, "num_retries is a whole number of at least 0, not -1"),
    ({"cooldown_time": float("inf")}, "cooldown_time is a number of seconds, 0 or more, not inf"),
    ({"tags": [""]}, "each of tags is a text"),
    ({"tag_regex": ["("]}, "tag_regex: '(' is no pattern"),
    ({"id": ""}, "id is a text"),
    ({"max_budget": -1}, "max_budget is 0 or more"),
    ({"api_key": 7}, "api_key is a text, a function, or a list of them, not int"),
    ({"api_key": ""}, "not an empty text"),
    ({"api_key": [KEY, Secret(KEY)]}, "api_key: the same key is given twice"),
    ({"base_url": "example.test"}, "base_url 'example.test' is no http(s) address"),
    ({"base_url": "https://a/v1", "api_base": "https://b/v1"}, "are one option"),
    ({"timeout": -1}, "timeout: it must be a positive, finite number of seconds"),
    ({"input_cost_per_token": "much"}, "input_cost_per_token: 'much' is not a price"),
    ({"rmp": 5}, "a deployment knows no 'rmp'; did you mean 'rpm'"),
    ({"quux": 5}, "a deployment knows no 'quux'; fields of one provider go in extra_body"),
    ({"fallbacks": ["b"]}, "'fallbacks' is said by a call, or the router: not by a deployment"),
    ({"params": {"vioce": "a"}}, "a deployment knows no 'vioce'"),
    ({"params": [1]}, "params is a mapping of names, not list"),
]


@pytest.mark.parametrize(("said", "why"), WRONG, ids=[str(sorted(said)) for said, _ in WRONG])
def test_what_is_wrong_is_said(said: dict[str, Any], why: str) -> None:
    """A deployment is checked where it is made, and its keys are not in what is said."""
    given = {"group": "a", "model": "openai/x", **said}

    with pytest.raises(ConfigurationError) as caught:
        Deployment(**given)

    assert why in str(caught.value)
    assert KEY not in str(caught.value)


SAME = [
    {"rpm": 5},
    {"tpm": 5, "weight": 3},
    {"timeout": 5},
    {"timeout": Timeouts(total=5)},
    {"num_retries": 1},
    {"input_cost_per_token": 1},
    {"cooldown_time": 1},
    {"info": {"a": 1}},
    {"max_parallel": 1},
]
OTHER: list[dict[str, Any]] = [
    {"group": "b"},
    {"model": "openai/gpt-4"},
    {"api_key": "another"},
    {"api_key": ["key", "another"]},
    {"api_key": token},
    {"api_key": Tokens()},
    {"base_url": "https://example.test/v1"},
    {"organization": "org"},
    {"extra_headers": {"X-A": "b"}},
    {"temperature": 0},
    {"stop": ["a", "b"]},
    {"tags": ["eu"]},
    {"tag_regex": ["curl"]},
    {"region": "eu"},
    {"order": 1},
]


def make(**said: Any) -> Deployment:
    """A deployment that differs in these."""
    return Deployment(**{"group": "a", "model": "openai/x", "api_key": "key", **said})


@pytest.mark.parametrize("said", SAME, ids=range(len(SAME)))
def test_how_much_it_may_do_can_be_changed(said: dict[str, Any]) -> None:
    """Limits, weights, prices and timeouts are no part of what a deployment is known by."""
    assert make(**said).id == make().id


@pytest.mark.parametrize("said", OTHER, ids=range(len(OTHER)))
def test_where_calls_go_and_what_they_say_makes_it_another(said: dict[str, Any]) -> None:
    """A deployment that sends elsewhere, or says something else, has another id, and always the same one."""
    assert make(**said).id != make().id
    assert make(**said).id == make(**copy.copy(said)).id


def test_ids_differ_pairwise() -> None:
    """No two of these deployments are taken for one."""
    ids = [make(**said).id for said in OTHER]

    assert len(set(ids)) == len(ids)


def test_every_process_finds_the_same_id() -> None:
    """An id depends neither on the process nor on its hash seed."""
    code = (
        "from llmkit._control.routing.deployment import Deployment;"
        "print(Deployment('a', 'openai/x', api_key='key', tags=['b', 'a'],"
        " extra_headers={'X-B': '1', 'X-A': '2'}, vertex_credentials='secret').id)"
    )
    seeds = ("0", "1")
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in seeds
    }

    assert found == {
        make(
            tags=["a", "b"],
            extra_headers={"X-A": "2", "X-B": "1"},
            vertex_credentials="secret",
        ).id
    }


def test_an_id_says_which_model() -> None:
    """What people read in logs begins with the model, and an id that is given is kept."""
    assert make(model="azure/my deployment!").id.startswith("my-deployment-")
    assert make(group="*", model="openai/*").id.startswith("-") is False
    assert make(id="mine").id == "mine"
    assert not make(id="mine").numbered


def test_two_that_are_the_same_are_told_apart() -> None:
    """Where ids were made of the same things, later deployments get a number; ids that were given must differ."""
    first, second, third = distinct([make(), make(rpm=5), make()])

    assert [first.id, second.id, third.id] == [first.id, f"{first.id}.2", f"{first.id}.3"]
    assert second.rpm == 5
    with pytest.raises(ConfigurationError, match="two deployments have the id 'mine'"):
        distinct([make(id="mine"), make(id="mine")])


def test_no_secret_is_shown() -> None:
    """Neither repr nor pickle nor the options' repr shows a key."""
    one = make(
        api_key=[KEY, "short-key"],
        aws_secret_access_key="hunter" + "2",
        base_url="https://example.test/v1?key=hunter" + "2",
    )
    shown = repr(one) + repr(one.keys) + repr(one.options["aws_secret_access_key"])

    assert not any(secret in shown for secret in (KEY, "short-key", "hunter2"))
    assert KEY.encode() not in pickle.dumps(one.keys)


def test_repr_shows_what_was_said() -> None:
    """A deployment is shown as it is written, without what says nothing."""
    one = make(id="mine", rpm=5, tags=["eu"])

    assert repr(one) == "Deployment('a', 'openai/x', id='mine', rpm=5, tags=('eu',))"


def test_a_deployment_is_a_value() -> None:
    """Two of the same words are equal, hash alike, and copies can differ in a field."""
    assert make() == make()
    assert len({make(), make(), make(model="openai/y")}) == 2
    assert make().changed(rpm=7).rpm == 7
    assert make().rpm is None
