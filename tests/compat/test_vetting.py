"""``CustomLogger``'s methods that say which of a router's deployments may be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from llmkit.compat import litellm
from llmkit.compat.litellm import _settings
from llmkit.compat.litellm.integrations.custom_logger import CustomLogger
from llmkit.testing import Simulator, faults

SAY = [{"role": "user", "content": "Hi"}]
KEYS = {one: f"sk-{one}" + "-of-tests" for one in ("a", "b", "c")}


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """As they were."""
    yield
    _settings._values.clear()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """The provider of all deployments."""
    with Simulator() as made:
        yield made


@pytest.fixture
def router(simulator: Simulator) -> Any:
    """Two deployments of a group, and a third of another, which it falls back to."""
    rows = [
        {
            "model_name": "other" if one == "c" else "group",
            "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": key, "api_base": simulator.base_url},
            "model_info": {"id": one},
        }
        for one, key in KEYS.items()
    ]  # fmt: skip
    return litellm.Router(rows, num_retries=0, fallbacks=[{"group": ["other"]}])


class Filter(CustomLogger):
    """Lets these be asked, and says what it was told."""

    def __init__(self, *allowed: str) -> None:
        super().__init__()
        self.allowed = allowed
        self.told: list[tuple[str, list[str], Any, Any]] = []

    @override
    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[Any],
        messages: Any,
        request_kwargs: Any = None,
        parent_otel_span: Any = None,
    ) -> Any:
        await asyncio.sleep(0)
        names = [one["model_info"]["id"] for one in healthy_deployments]
        self.told.append((model, names, messages, (request_kwargs or {}).get("temperature")))
        return [one for one in healthy_deployments if one["model_info"]["id"] in self.allowed]


def asked(router: Any, simulator: Simulator, times: int = 8, **how: Any) -> list[str]:
    """Whose key the provider was shown, for so many async calls."""
    before = len(simulator.requests)

    async def main() -> None:
        for _ in range(times):
            answer = await router.acompletion("group", SAY, **how)
            if how.get("stream"):
                [_ async for _ in answer]

    asyncio.run(main())
    shown = [one.headers["authorization"] for one in simulator.requests[before:]]
    return [name for one in shown for name, key in KEYS.items() if key in one]


@pytest.mark.parametrize("stream", [False, True])
def test_only_those_that_are_left_are_asked(
    router: Any, simulator: Simulator, *, stream: bool
) -> None:
    """Of all calls, once for each; the next logger is given what the one before has left."""
    first, second = Filter("b", "a"), Filter("b", "c")
    litellm.callbacks = [first, second]
    assert asked(router, simulator, temperature=0.5, stream=stream) == ["b"] * 8
    assert first.told == [("group", ["a", "b"], SAY, 0.5)] * 8
    assert [names for _, names, _, _ in second.told] == [["a", "b"]] * 8


def test_a_group_of_which_none_is_left_falls_back(router: Any, simulator: Simulator) -> None:
    """And the group that is fallen back to is filtered, too; nobody's health suffers."""
    litellm.callbacks = [one := Filter("c")]
    assert asked(router, simulator, 3) == ["c"] * 3
    assert [(group, names) for group, names, _, _ in one.told[:2]] == [
        ("group", ["a", "b"]),
        ("other", ["c"]),
    ]
    assert {state.state for state in router.llmkit.deployments()} == {"well"}
    litellm.callbacks = [Filter()]
    with pytest.raises(litellm.BadRequestError, match=r"leaves .* out"):
        asked(router, simulator)
    litellm.callbacks = []
    assert set(asked(router, simulator, 30)) == {"a", "b"}


def test_what_failed_is_not_hidden_by_who_was_left_out(router: Any, simulator: Simulator) -> None:
    """The call's error is that of who was asked."""
    litellm.callbacks = [Filter("b")]
    simulator.fail_always(faults.Status(500))
    with pytest.raises(litellm.InternalServerError):
        asked(router, simulator, 1)


def test_what_a_filter_raises_is_the_calls(router: Any, simulator: Simulator) -> None:
    """Nobody is asked, in no other group either."""

    class Raising(CustomLogger):
        @override
        async def async_filter_deployments(self, *_: Any, **__: Any) -> Any:
            raise litellm.RateLimitError("nobody", "openai", "m")

    litellm.callbacks = [Raising()]
    with pytest.raises(litellm.RateLimitError, match="nobody"):
        asked(router, simulator)
    assert not simulator.requests
    assert {state.state for state in router.llmkit.deployments()} == {"well"}


class Check(CustomLogger):
    """Has no room at one of them."""

    def __init__(self, full: str) -> None:
        super().__init__()
        self.full = full
        self.seen: list[str] = []

    @override
    def pre_call_check(self, deployment: dict[str, Any]) -> Any:
        self.seen.append(deployment["model_info"]["id"])
        if self.seen[-1] == self.full:
            raise litellm.RateLimitError("full", "openai", "m")

    @override
    async def async_pre_call_check(self, deployment: dict[str, Any], parent_otel_span: Any) -> Any:
        return self.pre_call_check(deployment)


@pytest.mark.parametrize("awaited", [False, True])
def test_who_has_no_room_is_let_be(router: Any, simulator: Simulator, *, awaited: bool) -> None:
    """Another is asked in its place, of either colour; it is let be as after a 429. A sync call is not filtered."""
    litellm.callbacks = [one := Check("a"), Filter("b") if awaited else Filter()]
    if awaited:
        assert set(asked(router, simulator, 20)) == {"b"}
        assert set(one.seen) == {"b"}
        return
    for _ in range(20):
        assert router.completion("group", SAY).choices
    assert one.seen.count("a") <= 1
    states = {state.id: state.state for state in router.llmkit.deployments()}
    assert states["b"] == "well"
    assert all(KEYS["a"] not in one.headers["authorization"] for one in simulator.requests)


def test_nobody_is_asked_without_a_router(simulator: Simulator) -> None:
    """As there."""
    litellm.callbacks = [one := Filter()]
    answer = litellm.completion(
        "openai/gpt-4o-mini", SAY, api_key=KEYS["a"], api_base=simulator.base_url
    )
    assert answer.choices
    assert not one.told
