"""What a router can be asked and told: decisions, states, deployments, settings, health checks, several calls."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

from llmkit import errors
from llmkit.events import DeploymentCooledDown, DeploymentRecovered
from llmkit.router import Deployment, Router
from llmkit.testing import Raw

from ..faults._world import eventually
from ..io._colour import Colour, Seen, each_colour
from ._kit import ASK, answering, deployment, idle, key_of, router

A, B = deployment("a", order=1), deployment("b", order=2, model="openai/gpt-4o")


# --- deciding


def test_a_decision_says_who_and_why() -> None:
    """``route`` says who would be asked, why, and why not the others; nothing is taken."""
    made = router(A, B)
    made.cooldown_deployment("a", 30, "maintenance")
    decision = made.route("g", ASK)
    assert (decision.deployment.id, decision.group, decision.wait) == ("b", "g", 0.0)
    assert decision.why.startswith("simple-shuffle")
    assert "maintenance" in decision.excluded["a"]
    assert idle(made)


def test_a_decision_where_nobody_can() -> None:
    """A group that is not there, or that nobody of can take the call, is said so."""
    made = router(deployment("a", region_name="us-east-1"))
    with pytest.raises(errors.UnknownModelError, match="did you mean"):
        router(deployment("a", "great")).route("greet", ASK)
    with pytest.raises(errors.NoDeploymentError, match="us-east-1"):
        made.route("g", ASK, allowed_model_region="eu")


def test_deployments_show_their_state() -> None:
    """Each deployment's row shows how it is, as the calls find it."""
    made = router(deployment("a", order=1, rpm=5), B)
    with answering(a="hello", b="hello"):
        stream = made.completion("g", ASK, stream=True)
        [a, _] = made.deployments()
        assert (a.id, a.state, a.running, a.provider, a.used["rpm"]) == (
            "a",
            "well",
            1,
            "openai",
            1,
        )
        stream.close()
    with answering(a=[429, "hello"], b="hello"):
        made.completion("g", ASK)
    [a, b] = made.deployments("g")
    assert (a.state, a.cooling_for, a.strikes, a.reason) == ("cooling", 5.0, 1, "429")
    assert (b.state, b.running) == ("well", 0)
    made._clock.advance(6)
    assert made.deployments()[0].state == "to be probed"


def test_marks(seen: Seen) -> None:
    """What others have seen of a deployment counts as what a call sees."""
    made = router(A, B, callbacks=[seen])
    made.mark_failure("a", errors.RateLimitError("busy", retry_after=20.0))
    assert made.deployments()[0].cooling_for == 20.0
    made.mark_success("a")
    assert made.deployments()[0].state == "well"
    made.cooldown_deployment("a")
    assert made.deployments()[0].cooling_for == 5.0
    assert seen.names == ["DeploymentCooledDown", "DeploymentRecovered", "DeploymentCooledDown"]
    with pytest.raises(errors.ConfigurationError, match="no deployment"):
        made.mark_success("z")
    assert [e.deployment for e in seen.of(DeploymentCooledDown)] == ["a", "a"]
    assert [e.deployment for e in seen.of(DeploymentRecovered)] == ["a"]


# --- LiteLLM's names


def test_what_there_is() -> None:
    """The deployments are shown as LiteLLM writes them, without their keys."""
    made = router(
        A, deployment("c", "h"), model_group_alias={"x": "g", "y": {"model": "g", "hidden": True}}
    )
    assert made.get_model_names() == ["g", "h", "x"]
    [entry] = made.get_model_list("g")
    assert entry["litellm_params"]["model"] == "openai/gpt-4o-mini"
    assert key_of("a") not in repr(made.get_model_list())
    assert [one["model_info"]["id"] for one in made.get_model_list()] == ["a", "c"]
    assert made.get_model_list("nobody") == []
    assert made.get_available_deployment("g", ASK)["model_info"]["id"] == "a"


def test_what_is_known_of_a_group() -> None:
    """The most that any can do, the most that one costs; limits add up where all have one."""
    made = router(deployment("a", rpm=5), deployment("b", rpm=7, model="openai/gpt-4o", tpm=9))
    info = made.get_model_group_info("g")
    assert info is not None
    assert (info.providers, info.mode, info.rpm, info.tpm) == (("openai",), "chat", 12, None)
    assert (info.max_input_tokens or 0) >= 100_000
    assert info.input_cost_per_token is not None
    assert "tools" in info.capabilities
    assert made.get_model_group_info("z") is None


def test_deployments_come_and_go() -> None:
    """What is added is asked, what is deleted is not, and what stays keeps what is known of it."""
    made = router(A)
    made.add_deployment(deployment("b", "h"))
    with pytest.raises(errors.ConfigurationError, match="upsert_deployment"):
        made.add_deployment(deployment("b", "h"))
    with answering(b="hello") as answers:
        made.completion("h", ASK)
        made.upsert_deployment(deployment("b", "h", temperature=0.5))
        made.completion("h", ASK)
    assert answers.sent[1].json()["temperature"] == 0.5
    assert "temperature" not in answers.sent[0].json()
    found = made.delete_deployment("b")
    assert found is not None
    assert found.id == "b"
    assert made.delete_deployment("b") is None
    with pytest.raises(errors.UnknownModelError):
        made.completion("h", ASK)
    made.cooldown_deployment("a", 50)
    made.set_model_list([A, Deployment("i", "openai/gpt-4o", api_key=key_of("c"), id="c")])
    assert [(row.id, row.state) for row in made.deployments()] == [("a", "cooling"), ("c", "well")]


def test_settings_change() -> None:
    """Settings are changed one by one, from the next call on."""
    made = router(A, B, num_retries=0, cooldown_time=7)
    made.update_settings(allowed_fails=5, timeout=9, max_fallbacks=2)
    settings = made.get_settings()
    assert (settings["allowed_fails"], settings["cooldown_time"], settings["timeout"]) == (5, 7, 9)
    with answering(a=500, b="hello"):
        made.completion("g", ASK)
    assert made.deployments()[0].state == "well"
    with pytest.raises(errors.ConfigurationError, match="no setting"):
        made.update_settings(redis_url="redis://x")
    with pytest.raises(errors.ConfigurationError):
        made.update_settings(cooldown_time=-1)


def test_settings_that_are_several_change() -> None:
    """A strategy (its arguments are not another's), aliases and groups' strategies change like all others."""
    made = router(A, B, routing_strategy="latency-based-routing", routing_strategy_args={"ttl": 9})
    made.update_settings(cooldown_time=9, routing_strategy="latency-based-routing")
    assert made.get_settings()["routing_strategy_args"] == {"ttl": 9}
    made.update_settings(routing_strategy="least-busy")
    assert made.route("g").why.startswith("least-busy")
    made.update_settings(model_group_alias={"x": "g", "y": {"model": "g", "hidden": True}})
    assert made.route("y").deployment.id == "a"
    assert made.get_model_names() == ["g", "x"]
    entry = {"group_name": "r", "models": ["g"], "routing_strategy": "cost-based-routing"}
    made.update_settings(routing_groups=[entry])
    assert made.route("x").why.startswith("cost-based-routing")
    before = made.get_settings()
    made.update_settings(**before)
    assert made.get_settings() == before
    with pytest.raises(errors.ConfigurationError, match="default_litellm_params"):
        made.update_settings(default_litellm_params={"temperature": 0})


def test_checks_in_the_background_are_begun_and_ended() -> None:
    """Where the interval is changed, checks go on by the new one, or end."""
    made = router(A)
    with answering(a="fine") as answers:
        made.update_settings(health_check_interval=0.01)
        eventually(lambda: len(answers.asked) >= 2)
        made.update_settings(health_check_interval=None)
        assert made._stop is None
    made.close()


def test_an_own_strategy() -> None:
    """A strategy of one's own decides, from now on."""

    class Last:
        name, counts = "the last one", False

        def plan(self, call: Any, state: Any, now: float) -> Any:
            return reversed(state.members)

    made = router(deployment("a"), deployment("b"))
    made.set_custom_routing_strategy(Last())
    assert {made.route("g", ASK).deployment.id for _ in range(20)} == {"b"}
    assert made.route("g", ASK).why == "the last one"


def test_what_was_seen_is_forgotten() -> None:
    """``flush_cache`` and ``reset`` forget cooldowns and latencies; no callback is touched."""
    seen: list[Any] = []
    made = router(A, B, callbacks=[seen.append])
    made.cooldown_deployment("a", 100)
    made.reset()
    assert made.deployments()[0].state == "well"
    made.cooldown_deployment("a", 100)
    assert len(seen) == 3


# --- several


async def batches(made: Router) -> None:
    """All of LiteLLM's ways to make several calls."""
    with answering(a="from a", b="from b", c=400):
        both = await made.abatch_completion(["g", "h"], ASK)
        assert [one.text for one in both] == ["from a", "from b"]
        rows = await made.abatch_completion(["g", "h"], [ASK, ASK])
        assert [[one.text for one in row] for row in rows] == [["from a", "from b"]] * 2
        several = await made.abatch_completion_one_model_multiple_requests("g", [ASK, ASK])
        assert [one.text for one in several] == ["from a", "from a"]
        mixed = await made.abatch_completion(["g", "i"], ASK)
        assert isinstance(mixed[1], errors.BadRequestError)
        first = await made.abatch_completion_fastest_response("h, i", ASK)
        assert first.text == "from b"
        with pytest.raises(errors.BadRequestError):
            await made.abatch_completion_fastest_response("i", ASK)
        assert (await made.schedule_acompletion("g", ASK, priority=3)).text == "from a"
    with pytest.raises(errors.ConfigurationError):
        await made.abatch_completion_fastest_response("g", ASK, stream=True)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_several_at_once(loop: str) -> None:
    """Several groups, several questions, or whoever is fastest."""
    made = router(deployment("a"), deployment("b", "h"), deployment("c", "i"), num_retries=0)
    Colour(loop).run(batches, made)
    assert idle(made)


# --- health


@each_colour
async def test_health_checks(colour: Colour) -> None:
    """Each deployment is asked something small, and what comes of it counts."""
    embedding = deployment("e", "v", "openai/text-embedding-3-small")
    spoken = deployment("s", "w", "openai/tts-1")
    made = router(A, B, embedding, spoken)
    made.cooldown_deployment("b", 100)
    vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
    vectors = Raw(
        {"data": [vector], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    )
    with answering(a=401, b="hello", e=vectors) as answers:
        check = made.health_check if colour.is_sync else made.ahealth_check
        found = check() if colour.is_sync else await check()
    assert [one.healthy for one in found] == [False, True, True, None]
    assert sorted(answers.asked) == ["a", "b", "e"]
    assert "audio_speech" in found[3].error
    assert [row.state for row in made.deployments()] == ["cooling", "well", "well", "well"]
    assert len(made.ledger.settlements) == 3


def test_health_checks_of_a_group() -> None:
    """Only a group's deployments are asked, where it is named; under each of their keys."""
    keys = {
        "model_name": "g",
        "litellm_params": {"model": "openai/gpt-4o", "api_key": [key_of("a"), key_of("b")]},
    }
    made = router(keys, deployment("c", "h"))
    with answering(a="hello", b=401) as answers:
        found = made.health_check("g")
    assert [one.healthy for one in found] == [True, False]
    assert answers.asked == ["a", "b"]


def test_checks_in_the_background_end_with_the_router() -> None:
    """They begin with the router, and end when it is closed, or let go of."""

    def threads() -> list[Any]:
        return [t for t in threading.enumerate() if t.name == "llmkit-health-checks"]

    with answering(a="hello") as answers:
        made = router(A, health_check_interval=0.01)
        eventually(lambda: len(answers.asked) >= 2)
        assert threads()
        assert threads()[0].daemon
        made.close()
        eventually(lambda: not threads())
        assert not threads()
        dropped = router(A, health_check_interval=0.01)
        gone = weakref.ref(dropped)
        del dropped
        gc.collect()
        eventually(lambda: gone() is None and not threads())
    assert gone() is None
    assert not threads()
    assert len(answers.asked) >= 2
