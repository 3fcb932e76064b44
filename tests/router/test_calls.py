"""Calls through a router, end to end: who answers, who is asked instead, and what is told of it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

import llmkit
from llmkit import errors
from llmkit.events import CallFinished, CallStarted, FallingBack, Rerouted, RetryScheduled
from llmkit.router import Deployment, Router
from llmkit.testing import Cut, Raw, scripted

from ..io._colour import Colour, Seen, each_colour, text_of
from ._kit import ASK, answering, deployment, idle, key_of, router

A, B = deployment("a", order=1), deployment("b", order=2, model="openai/gpt-4o")


async def ask(colour: Colour, made: Router, group: str = "g", **more: Any) -> Any:
    """One completion of a group."""
    if colour.is_sync:
        return made.completion(group, ASK, **more)
    return await made.acompletion(group, ASK, **more)


@each_colour
async def test_the_first_answers(colour: Colour, seen: Seen) -> None:
    """A call says which deployment of which group has answered."""
    made = router(A, B, callbacks=[seen])
    with answering(a="hello", b="never") as answers:
        said = await ask(colour, made)
    assert said.text == "hello"
    assert (said.call.group, said.call.deployment, answers.asked) == ("g", "a", ["a"])
    assert [one.deployment for one in said.call.attempts] == ["a"]
    assert [e.provider for e in seen.of(CallStarted)] == ["openai"]
    assert len(seen.of(CallFinished)) == 1
    assert idle(made)


@each_colour
async def test_another_answers_at_once(colour: Colour, seen: Seen) -> None:
    """Where one fails, the next of the group is asked without a wait, and both attempts are on the call."""
    made = router(A, B, callbacks=[seen])
    with answering(a=500, b="hello") as answers:
        said = await ask(colour, made)
    assert answers.asked == ["a", "b"]
    tried = [(one.deployment, one.model, one.error, one.waited) for one in said.call.attempts]
    assert tried == [
        ("a", "gpt-4o-mini", "InternalServerError", 0.0),
        ("b", "gpt-4o", None, 0.0),
    ]
    [rerouted] = seen.of(Rerouted)
    assert (rerouted.group, rerouted.deployment, rerouted.error.status_code) == ("g", "b", 500)
    assert made._clock.slept == []
    assert idle(made)


@each_colour
async def test_another_group_answers(colour: Colour, seen: Seen) -> None:
    """Where a group has nobody left, its fallback is asked."""
    other = deployment("c", "h", "anthropic/claude-haiku-4-5")
    made = router(A, B, other, fallbacks=[{"g": ["h"]}], callbacks=[seen])
    with answering(a=500, b=503, c="hello") as answers:
        said = await ask(colour, made)
    assert (said.text, said.call.provider, answers.asked) == ("hello", "anthropic", ["a", "b", "c"])
    assert (said.call.group, said.call.deployment) == ("g", "c")
    [falling] = seen.of(FallingBack)
    assert (falling.provider, falling.model) == ("anthropic", "claude-haiku-4-5")


@each_colour
async def test_all_are_asked_again(colour: Colour, seen: Seen) -> None:
    """After all others, the same ones are asked once more, after a wait that is told of."""
    made = router(A, B, callbacks=[seen], num_retries=1, cooldown_time=0)
    with answering(a=[500, "hello"], b=503) as answers:
        said = await ask(colour, made)
    assert answers.asked == ["a", "b", "a"]
    assert len(seen.of(RetryScheduled)) == 1
    assert made._clock.slept
    assert said.call.attempts[-1].waited == pytest.approx(sum(made._clock.slept))
    assert idle(made)


@each_colour
async def test_the_latest_failure_is_raised(colour: Colour) -> None:
    """Where nobody is left, the call fails with the latest error, which has every attempt."""
    made = router(A, B, num_retries=0)
    with answering(a=500, b=503), pytest.raises(errors.ServiceUnavailableError) as caught:
        await ask(colour, made)
    assert [one.deployment for one in caught.value.attempts] == ["a", "b"]
    assert [one.outcome for one in made.ledger.settlements] == ["failed"]
    assert idle(made)


@each_colour
async def test_a_stream_from_another(colour: Colour) -> None:
    """Before a stream's first chunk every failure goes on to the next deployment."""
    made = router(A, B)
    with answering(a=Cut("hello", after=0), b="hello") as answers:
        chunks, stream = await colour.read(made, model="g")
    assert text_of(chunks) == "hello"
    assert answers.asked == ["a", "b"]
    assert stream.call.deployment == "b"
    assert idle(made)


@each_colour
async def test_requests_are_repeated_as_they_were(colour: Colour) -> None:
    """A deployment that is asked again gets the same request under the same idempotency key; another one its own."""
    made = router(A, B, num_retries=1, cooldown_time=0)
    with answering(a=[500, "hello"], b=503) as answers:
        await ask(colour, made)
    first, other, again = [sent.headers["idempotency-key"] for sent in answers.sent]
    assert first == again != other
    assert answers.sent[0].body == answers.sent[2].body


def test_what_a_deployment_says_is_under_what_the_call_says() -> None:
    """Parameters of a deployment are sent where the call says nothing else; headers and fields add up."""
    one = deployment("a", temperature=0.1, top_p=0.5, extra_headers={"x-a": "1", "x-b": "1"})
    made = router(one)
    with answering(a="hello") as answers:
        made.completion("g", ASK, temperature=0.9, extra_headers={"x-b": "2"})
    sent = answers.sent[0]
    assert (sent.json()["temperature"], sent.json()["top_p"]) == (0.9, 0.5)
    assert (sent.headers["x-a"], sent.headers["x-b"]) == ("1", "2")


def test_parameters_of_chats_are_not_sent_with_embeddings() -> None:
    """What a deployment says of one kind of call is nothing to another."""
    made = router(deployment("a", model="openai/text-embedding-3-small", temperature=0.1))
    vectors = {"object": "embedding", "index": 0, "embedding": [0.5]}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    with answering(a=Raw({"data": [vectors], "model": "m", "usage": usage})) as answers:
        said = made.embedding("g", "hi")
    assert "temperature" not in answers.sent[0].json()
    assert said.call.deployment == "a"
    assert idle(made)


def test_parameters_to_drop() -> None:
    """What is to be dropped is dropped wherever it comes from, and listed once."""
    made = router(deployment("a", additional_drop_params=["seed"], top_p=0.5))
    with answering(a="hello") as answers:
        said = made.completion("g", ASK, seed=1, additional_drop_params=["top_p"])
    assert "top_p" not in answers.sent[0].json()
    assert [one.parameter for one in said.call.ledger] == ["top_p"]


@pytest.mark.parametrize(
    "said",
    [
        {"api_key": "k"},
        {"base_url": "http://x"},
        {"api_base": "http://x"},
        {"custom_llm_provider": "openai"},
        {"input_cost_per_token": 1},
    ],
)
def test_connections_are_deployments_own(said: dict[str, Any]) -> None:
    """A call, and a router as a whole, cannot say whose connection is used."""
    with pytest.raises(errors.ConfigurationError, match="a deployment has its own"):
        router(A).completion("g", ASK, **said)
    with pytest.raises(errors.ConfigurationError, match="a deployment has its own"):
        router(A, **said)


@pytest.mark.parametrize(
    "option",
    [
        {"priority": 1},
        {"disable_fallbacks": True},
        {"context_window_fallbacks": [{"a": ["b"]}]},
        {"content_policy_fallbacks": [{"a": ["b"]}]},
        {"allowed_model_region": "eu"},
    ],
)
def test_a_client_refuses_what_only_a_router_can(option: dict[str, Any]) -> None:
    """Options that say where a call goes are refused where there is nobody to choose from."""
    client = llmkit.Client(api_key=key_of("a"))
    with pytest.raises(errors.ConfigurationError, match="a Router can"):
        client.completion("openai/gpt-4o-mini", ASK, **option)


def test_a_guardrails_refusal_is_final() -> None:
    """What a hook refuses is refused for every deployment, and says nothing of the one that was chosen."""

    class Guard:
        def before_call(self, call: Any) -> None:
            raise errors.InvalidRequestError("no")

    made = router(A, B, hooks=[Guard()])
    with (
        answering(a="hello", b="hello") as answers,
        pytest.raises(errors.InvalidRequestError, match="no"),
    ):
        made.completion("g", ASK)
    assert answers.asked == []
    assert idle(made)


def test_hooks_see_each_request_once() -> None:
    """A hook is consulted for each deployment, once, however often that is asked."""

    class Guard:
        seen: ClassVar[list[str]] = []

        def before_call(self, call: Any) -> None:
            self.seen.append(call.model)

    made = router(A, B, hooks=[Guard()], num_retries=1, cooldown_time=0)
    with answering(a=[500, "hello"], b=503):
        made.completion("g", ASK)
    assert Guard.seen == ["gpt-4o-mini", "gpt-4o"]


def test_what_one_provider_does_not_take_another_may() -> None:
    """A parameter that a deployment's provider has no word for goes to one whose provider has."""
    cohere = deployment("a", order=1, model="cohere/command-a-03-2025")
    made = router(cohere, B)
    with answering(a="never", b="hello") as answers:
        said = made.completion("g", ASK, logit_bias={"1": 1})
    assert (said.text, answers.asked) == ("hello", ["b"])
    assert idle(made)


def test_a_deployment_without_a_key_is_passed_by() -> None:
    """A key that is missing is one deployment's trouble."""
    keyless = {"model_name": "g", "litellm_params": {"model": "groq/m", "order": 1}}
    made = Router([keyless, B], environ={})
    with scripted("hello", strict=False):
        assert made.completion("g", ASK).text == "hello"


def test_fallbacks_of_a_call_replace_the_routers() -> None:
    """A call's own fallbacks are groups, and may change what is asked."""
    c, d = deployment("c", "h"), deployment("d", "i")
    made = router(deployment("a"), c, d, fallbacks=[{"g": ["h"]}], num_retries=0)
    with answering(a=500, c="from h", d="from i") as answers:
        said = made.completion("g", ASK, fallbacks=[{"model": "i", "temperature": 0.5}])
        assert (said.text, answers.sent[-1].json()["temperature"]) == ("from i", 0.5)
        with pytest.raises(errors.InternalServerError):
            made.completion("g", ASK, disable_fallbacks=True)


def test_every_kind_of_call_is_routed() -> None:
    """No call of a client goes by a router's deployments."""
    plain = {name for name in dir(llmkit.Client) if not name.startswith("_")}
    assert plain <= set(dir(Router))
    made = router(deployment("a", model="openai/gpt-4o-mini"))
    answers: dict[str, Any] = {
        "responses": {"id": "r", "output": [], "usage": {"input_tokens": 1, "output_tokens": 1}},
        "moderation": {"id": "m", "model": "x", "results": []},
    }
    with answering(a=Raw(answers["responses"])) as asked:
        assert made.responses("hi", "g").call.deployment == "a"
    with answering(a=Raw(answers["moderation"])):
        assert made.moderation("hi", model="g").call.deployment == "a"
        assert made.moderation("hi").call.deployment == "a"
    assert asked.asked == ["a"]
    assert idle(made)


def test_who_keeps_things_is_named() -> None:
    """Calls about what is kept name a group, a deployment, or a provider that has one deployment."""
    file = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "f"}
    one = router(A, deployment("c", "h", "anthropic/claude-haiku-4-5"))
    with answering(a=Raw(file), c=Raw(file)) as answers:
        assert one.retrieve_file("file-1").call.deployment == "a"
        for name in ("anthropic", "c", "h"):
            assert one.retrieve_file("file-1", custom_llm_provider=name).call.deployment == "c"
    assert answers.asked == ["a", "c", "c", "c"]
    with pytest.raises(errors.ConfigurationError, match="2 deployments are at 'openai'"):
        router(A, B).retrieve_file("file-1")
    with pytest.raises(errors.ConfigurationError, match="no deployment is at 'groq'"):
        router(A, B).retrieve_file("file-1", custom_llm_provider="groq")
    anybody = router(deployment("c", "*", "*"))
    with answering(c=Raw(file)):
        assert anybody.retrieve_file("file-1").call.provider == "openai"
    with pytest.raises(errors.ConfigurationError, match="no deployment is at 'openai'"):
        anybody.moderation("a text, by no model")


def test_what_is_kept_elsewhere_is_looked_for_there() -> None:
    """A file that one deployment does not know is asked of the next, and nobody is let be for it."""
    file = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "f"}
    made = router(A, B)
    with answering(a=404, b=Raw(file)) as answers:
        assert made.retrieve_file("file-1", custom_llm_provider="g").call.deployment == "b"
    assert answers.asked == ["a", "b"]
    assert [row.state for row in made.deployments()] == ["well", "well"]


def test_deployments_may_be_typed() -> None:
    """A ``Deployment`` is as good as LiteLLM's dict."""
    one = Deployment("g", "openai/gpt-4o-mini", api_key=key_of("a"), id="a")
    made = router(one)
    with answering(a="hello"):
        assert made.completion("g", ASK).call.deployment == "a"


def test_a_dry_run_shows_who_would_be_asked() -> None:
    """A dry run shows the chosen deployment's request, and those that would follow; nobody is asked."""
    other = deployment("c", "h", "anthropic/claude-haiku-4-5")
    made = router(A, B, other, fallbacks=[{"g": ["h"]}])
    shown = made.completion("g", ASK, dry_run=True)
    assert (shown.deployment, shown.body["model"]) == ("a", "gpt-4o-mini")
    assert [one.deployment for one in shown.fallbacks] == ["b", "c"]
    assert shown.to_dict()["deployment"] == "a"
    assert made.dry_run("completion", model="g", messages=ASK).deployment == "a"
    assert idle(made)


def test_a_dry_run_passes_by_who_cannot_be_asked() -> None:
    """Who cannot take the call is in no dry run; where nobody can, it fails as the call would."""
    cohere = deployment("a", order=1, model="cohere/command-a-03-2025")
    shown = router(cohere, B).completion("g", ASK, dry_run=True, logit_bias={"1": 1})
    assert (shown.deployment, shown.fallbacks) == ("b", ())
    with pytest.raises(errors.InvalidRequestError):
        router(cohere).completion("g", ASK, dry_run=True, logit_bias={"1": 1})


def test_a_bound_holds_for_whoever_answers() -> None:
    """What a call can cost is the most that it can cost at any deployment."""
    made = router(A, B)
    dear = router(B).cost_bound("g", ASK, max_tokens=10)
    assert made.cost_bound("g", ASK, max_tokens=10).total == dear.total
    unknown = router(A, deployment("x", model="openai/not-listed"))
    assert isinstance(unknown.cost_bound("g", ASK, max_tokens=10), llmkit.Unbounded)


def test_mocks() -> None:
    """A mocked answer is a deployment's, or the call's own; nobody is asked for either."""
    made = router(deployment("a", mock_response="from it"))
    said = made.completion("g", ASK)
    assert (said.text, said.call.mocked, said.call.deployment) == ("from it", True, "a")
    assert made.completion("g", ASK, mock_response="from me").text == "from me"
    assert [one.outcome for one in made.ledger.settlements] == ["mocked", "mocked"]
    assert idle(made)


def test_a_mocked_failure_goes_on_to_the_next() -> None:
    """A deployment that is mocked to fail is no different from one that fails."""
    failing = deployment("a", order=1, mock_response=errors.RateLimitError("busy"))
    with answering(b="hello"):
        assert router(failing, B).completion("g", ASK).text == "hello"


def test_a_deployments_timeout_is_each_attempts() -> None:
    """A deployment says how long it may take, and the call goes on elsewhere; the call's own limit stays."""
    made = router(deployment("a", order=1, timeout=5, stream_timeout=2), B)
    job = made._job(_chat(), "g", {"messages": ASK}, {"timeout": 60})
    [first, second] = job.way.legs()
    assert (first.timeouts.total, second.timeouts, job.timeouts.total) == (5, None, 60)


def _chat() -> Any:
    from llmkit._control.plan import CHAT

    return CHAT
