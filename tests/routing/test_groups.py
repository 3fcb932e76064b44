"""Names that callers ask for, and what a table knows of deployments that come and go."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit import errors
from llmkit._control.routing.facts import describing
from llmkit._control.routing.groups import Target, Terms, instead_of, targets
from llmkit._control.routing.member import Member
from llmkit._control.routing.settings import Settings
from llmkit._control.routing.steps import Go
from llmkit._operations import FOR_EVER, Candidate, Quota
from llmkit.catalogue import default
from llmkit.events import DeploymentCooledDown, DeploymentRecovered

from ._world import World, deployment, several

DOWN = errors.InternalServerError("down", sent="yes")


# --- names


def test_groups_aliases_and_ids_are_found() -> None:
    """A caller may ask for a group, by another name of it, or for one deployment by its id."""
    world = World([*several("a b", "g"), *several("c", "h")], aliases={"nick": "g"})
    assert [member.id for member in world.table.find("g").members] == ["a", "b"]
    assert world.table.find("nick") is world.table.find("g")
    assert [member.id for member in world.table.find("b").members] == ["b"]


def test_a_name_nobody_has_is_told_near_ones() -> None:
    """What is no group is an error that names those that are like it, or what there is."""
    world = World([*several("a", "gpt-large"), *several("b", "other")])
    with pytest.raises(errors.UnknownModelError, match="did you mean 'gpt-large'"):
        world.route("gpt-lagre")
    with pytest.raises(errors.UnknownModelError, match="there are gpt-large, other"):
        world.route("zzzzzz")
    with pytest.raises(errors.UnknownModelError, match="there are none"):
        World([]).route("g")


def wild() -> World:
    """Wildcards of several kinds."""
    return World(
        [
            deployment("all", "*", "openai/*"),
            deployment("claude", "anthropic/*", "anthropic/*"),
            deployment(
                "haiku", "anthropic/*haiku*".replace("haiku*", "haiku"), "anthropic/*-haiku"
            ),
            deployment("one", "anthropic/claude-one", "anthropic/claude-1"),
            deployment("fixed", "same/*", "openai/gpt-fixed"),
        ]
    )


@pytest.mark.parametrize(
    ("asked", "member", "model"),
    [
        ("anthropic/claude-one", "one", "anthropic/claude-1"),
        ("anthropic/claude-two", "claude:claude-two", "anthropic/claude-two"),
        ("anthropic/x-haiku", "haiku:x-", "anthropic/x--haiku"),
        ("gpt-4o", "all:gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o", "all:openai/gpt-4o", "openai/gpt-4o"),
        ("same/whatever", "fixed", "openai/gpt-fixed"),
    ],
)
def test_the_most_particular_pattern_is_meant(asked: str, member: str, model: str) -> None:
    """Names go before patterns, and of these the one that says most; ``*`` is filled in."""
    found = wild().table.find(asked).members
    assert [(one.id, one.deployment.model) for one in found] == [(member, model)]


def test_a_wildcards_models_have_a_health_of_their_own() -> None:
    """A model that is not there does not take all others of the wildcard away; limits are shared."""
    world = World(
        [deployment("w", "openai/*", "openai/*", rpm=3), deployment("v", "openai/*", "openai/*")]
    )
    missing = errors.NotFoundError("no such model", sent="yes")
    played = world.play({"w:x": missing, "v:x": missing}, group="openai/x")
    assert (played.asked, played.error) == (["w:x", "v:x"], missing)
    assert world.play(group="openai/y").asked == ["w:y"]
    assert world.play(group="openai/z").asked == ["w:z"]
    assert world.play(group="openai/z").asked == ["v:z"]


def test_a_wildcards_names_are_kept_within_bounds() -> None:
    """Callers choose the names: the last thousand are remembered."""
    world = wild()
    first = world.table.find("gpt-0")
    assert world.table.find("gpt-0") is first
    for number in range(1001):
        world.table.find(f"gpt-{number}")
    assert world.table.find("gpt-0") is not first


_SETTINGS = (
    {"fallbacks": {"g": ["nobody"]}},
    {"fallbacks": {"nobody": ["g"]}},
    {"default_fallbacks": ["nobody"]},
    {"default_fallbacks": [{"model": "nobody"}]},
    {"context_window_fallbacks": {"g": ["nobody"]}},
    {"content_policy_fallbacks": {"*": ["nobody"]}},
    {"aliases": {"nick": "nobody"}},
)


@pytest.mark.parametrize("settings", _SETTINGS, ids=str)
def test_settings_that_name_nobody_are_refused(settings: dict[str, object]) -> None:
    """A fallback that is written wrong is heard of where it is written, not when it is needed."""
    with pytest.raises(errors.ConfigurationError, match="nobody"):
        World(several("a"), **settings)  # type: ignore[arg-type]
    World([], **settings)  # type: ignore[arg-type]


# --- what to try instead


@given(
    why=st.sampled_from(["plain", "context", "content", "none"]),
    own=st.booleans(),
    special=st.booleans(),
    call=st.booleans(),
    off=st.booleans(),
)
def test_what_is_tried_instead(
    *, why: str, own: bool, special: bool, call: bool, off: bool
) -> None:
    """The call's word goes before the router's, the special before the plain, the group's before the defaults."""
    kinds = {
        "context_window_fallbacks": {"g": ["long"]},
        "content_policy_fallbacks": {"g": ["safe"]},
    }
    settings = Settings(
        fallbacks={"g": ["own"]} if own else {"*": ["star"]},
        default_fallbacks=["default"],
        **(kinds if special else {}),  # type: ignore[arg-type]
    )
    terms = Terms(fallbacks=targets(["called"]) if call else None, disable_fallbacks=off)
    found = [target.group for target in instead_of("g", why, terms, settings)]  # type: ignore[arg-type]
    if off or why == "none":
        assert found == []
    elif call:
        assert found == ["called"]
    elif special and why != "plain":
        assert found == [{"context": "long", "content": "safe"}[why]]
    else:
        assert found == (["own"] if own else ["star", "default"])


def test_fallbacks_as_they_are_written() -> None:
    """A fallback is a group, or a mapping with its model and what changes; anything else is told by its names only."""
    assert targets(["g", {"model": "h", "top_p": 1}]) == (Target("g"), Target("h", {"top_p": 1}))
    with pytest.raises(errors.ConfigurationError, match=r"\['api_key'\]"):
        targets([{"api_key": "sk-" + "secret"}])
    with pytest.raises(errors.ConfigurationError, match="int"):
        targets([7])  # type: ignore[list-item]


# --- deployments that come and go


def test_two_deployments_of_one_id_are_refused() -> None:
    """What is known of deployments is known by their ids."""
    with pytest.raises(errors.ConfigurationError, match="'a'"):
        World([deployment("a"), deployment("a", "h")])


def test_deployments_come_and_go_while_calls_are_made() -> None:
    """A call that is on its way ends as it would; the next one goes by what there is then."""
    world = World(several("a b"))
    route = world.route()
    go = world.step(route)
    assert isinstance(go, Go)
    assert world.table.remove("a")
    assert not world.table.remove("a")
    world.table.add(deployment("c", "new"))
    assert world.play().asked == ["b"]
    assert world.play(group="new").asked == ["c"]
    world.done(route.failed(go, DOWN, world.now))
    assert world.step(route).member.id == "b"  # type: ignore[union-attr]
    assert [one.id for one in world.table.deployments] == ["b", "c"]
    assert [one.id for one in world.table.members] == ["b", "c"]


def test_what_is_known_of_a_deployment_outlives_its_changes() -> None:
    """A deployment that gets another weight still cools down; one that gets another key is looked at afresh."""
    world = World(several("a b"))
    world.play({"a": DOWN})
    world.table.add(deployment("a", weight=5.0))
    assert world.member("a").strikes == 1
    assert world.member("a").deployment.weight == 5.0
    world.table.add(deployment("a", api_key="another-key-0123"))
    assert world.member("a").strikes == 0
    world.table.replace([deployment("b"), deployment("c")])
    assert [one.id for one in world.table.find("g").members] == ["b", "c"]


def test_a_deployment_that_is_gone_fails_for_itself() -> None:
    """A failure of a deployment that was let go meanwhile is its own, and no other's."""
    made = deployment("a", api_key=["first-key-012345", "second-key-01234"])
    world = World([made, deployment("b")])
    route = world.route()
    go = world.step(route)
    assert isinstance(go, Go)
    world.table.remove("a")
    world.done(route.failed(go, DOWN, world.now))
    assert [event.deployment for event in world.told(DeploymentCooledDown)] == ["a#0", "a#1"]


# --- what somebody says


def test_a_deployment_is_let_be_and_let_in_by_hand() -> None:
    """``cool`` and ``mark_success`` are of a deployment with all its keys, or of one key."""
    made = deployment("a", api_key=["first-key-012345", "second-key-01234"])
    world = World([made, deployment("b")])
    world.done(world.table.cool("a", 30.0, 0.0))
    assert world.play().asked == ["b"]
    world.done(world.table.mark_success("a#1"))
    assert world.play().asked == ["a#1"]
    assert len(world.told(DeploymentCooledDown)) == 2
    assert len(world.told(DeploymentRecovered)) == 1
    assert world.table.mark_success("a#1").events == []


def test_failures_are_counted_by_hand() -> None:
    """``mark_failure`` is what a call's failure would have been."""
    world = World(several("a b"))
    world.done(world.table.mark_failure("a", DOWN, 0.0))
    assert world.play().asked == ["b"]
    wide = World([deployment("w", "*", "openai/*")])
    wide.play(group="x")
    wide.done(wide.table.mark_failure("w:x", errors.RateLimitError("busy"), 0.0))
    assert wide.member("w:x").strikes == 1
    for unknown in ("nobody", "a#7"):
        with pytest.raises(errors.ConfigurationError, match="no deployment has the id"):
            world.table.mark_failure(unknown, DOWN, 0.0)


# --- limits


def test_what_a_call_takes() -> None:
    """Requests, prompt and answer are taken of what limits them; of what fits, never more than there is."""
    made = deployment("a", rpm=5, rpd=6, tpm=1000, tpd=9000, itpm=800, otpm=300, max_parallel=2)
    world = World([made])
    subject = {"messages": [{"role": "user", "content": "x" * 30}]}
    wanted = world.route(subject=subject, params={"max_tokens": 400}).visits[0].wanted
    found = world.table.limits.candidate(world.member("a"), wanted)
    taken = {quota.name: quota.amount for quota in found.quotas}
    prompt = taken["itpm"]
    assert 0 < prompt <= wanted.size
    assert taken == {
        "rpm": 1,
        "rpd": 1,
        "tpm": prompt + 400,
        "tpd": wanted.size + 400,
        "itpm": prompt,
        "otpm": 300,
    }
    assert (found.deployment, found.parallel) == ("a", 2)
    widths = {quota.name: quota.width for quota in found.quotas}
    assert (widths["rpm"], widths["tpd"]) == (1_000, 1_440_000)


def test_a_share_of_every_limit() -> None:
    """A process by itself has its share, and at least one of each."""
    world = World([deployment("a", rpm=100, max_parallel=1)])
    wanted = world.route().visits[0].wanted
    found = world.table.limits.candidate(world.member("a"), wanted, 0.25)
    assert found == Candidate("a", (Quota("rpm", 1_000, 25, 1),), 1)


def test_what_is_counted_without_a_limit() -> None:
    """For strategies that go by use, requests and tokens are counted where nothing limits them."""
    world = World([deployment("a", rpm=7), deployment("b")])
    wanted = world.route().visits[0].wanted
    limits = world.table.limits
    found = limits.candidate(world.member("a"), wanted, counts=True)
    assert [(quota.name, quota.limit < FOR_EVER) for quota in found.quotas] == [
        ("rpm", True),
        ("tpm", True),
    ]
    assert found.quotas[0].limit == 7
    assert limits.candidate(world.member("b"), wanted) == Candidate("b")
    assert limits.counted(world.table.members) == (("rpm", 1_000), ("tpm", 1_000))


def test_a_router_has_a_limit_for_those_that_say_none() -> None:
    """``default_max_parallel_requests`` is for deployments without their own."""
    world = World([deployment("a", max_parallel=5), deployment("b")], max_parallel=2)
    wanted = world.route().visits[0].wanted
    found = [world.table.limits.candidate(one, wanted).parallel for one in world.table.members]
    assert found == [5, 2]


# --- what is known of models


@pytest.mark.parametrize(
    ("model", "options", "listed", "priced"),
    [
        ("openai/gpt-4o", {}, "gpt-4o", True),
        ("openai/text-embedding-3-small", {}, "text-embedding-3-small", True),
        ("openai/nobody-lists-it", {}, None, False),
        ("nobody/x", {}, None, False),
        ("azure/mine", {"base_url": "https://x.openai.azure.com"}, None, False),
        (
            "azure/mine",
            {"base_url": "https://x.openai.azure.com", "base_model": "gpt-4o"},
            "gpt-4o",
            True,
        ),
        ("openai/own", {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}, None, True),
        (
            "azure/mine",
            {
                "base_url": "https://x.openai.azure.com",
                "input_cost_per_token": 1e-6,
                "output_cost_per_token": 2e-6,
            },
            None,
            True,
        ),
        ("ollama/own-model", {}, None, True),
        ("ollama/own-model", {"base_url": "http://gpu.example:11434"}, None, False),
        ("openai/own", {"output_cost_per_token": 2e-6}, None, False),
        ("openai/own", {"input_cost_per_token": 2e-6}, None, False),
    ],
)
def test_what_a_catalogue_knows_of_a_deployment(
    *, model: str, options: dict[str, object], listed: str | None, priced: bool
) -> None:
    """Limits and prices are those of the model that is called, or that the deployment names; unknown is not 0."""
    member = Member(deployment("a", model=model, **options))
    describing(default())(member)
    assert (member.info.name if member.info else None) == listed
    assert (member.price is not None) is priced


def test_prices_are_exact() -> None:
    """A price a token is the price of a million by a million, to the last digit."""
    member = Member(
        deployment("a", model="openai/own", input_cost_per_token=3e-7, output_cost_per_token=0.0)
    )
    describing(default())(member)
    assert member.price == (Decimal("3E-7"), Decimal(0))


def test_a_wildcards_keys_are_of_one_host() -> None:
    """What fails there for one model fails under all its keys; a key's failure is that key's."""
    made = deployment("a", "openai/*", "openai/*", api_key=["key-one-0123456", "key-two-0123456"])
    world = World([made, deployment("b", "openai/*", "openai/*")])
    down = errors.InternalServerError("down", sent="yes")
    played = world.play({"a#0:gpt-x": down}, group="openai/gpt-x", takes=0.0)
    assert played.asked[0] == "a#0:gpt-x"
    first, second, other = world.table.find("openai/gpt-x").members
    assert first.cooling == second.cooling > 0 == other.cooling
    busy = errors.AuthenticationError("no", sent="yes")
    world.play({"a#0:gpt-y": busy}, group="openai/gpt-y", takes=0.0)
    first, second, _ = world.table.find("openai/gpt-y").members
    assert first.cooling > 0 == second.cooling
    assert world.table.find("openai/gpt-y").hosts == 2
