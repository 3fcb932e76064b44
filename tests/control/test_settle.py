from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest

from llmkit import errors
from llmkit._call import Call, CallInfo, ChatCall
from llmkit._calls import TextCall
from llmkit._control.estimate import estimated
from llmkit._control.settle import Account
from llmkit._flow import Cancelled, Notify, Store
from llmkit._http import HTTPResponse
from llmkit._settlements import Settle, Settlement, Settlements
from llmkit.ledger import MemoryLedger, Totals
from llmkit.types.answer import Answer
from llmkit.types.chat import ChatCompletion, Message

from ._drive import COST, KEY, USAGE, answer, drive, refusal


def settled(send: Any, **keywords: Any) -> Settlement:
    """The settlement of a call that meets this, at once."""
    run = drive(send, num_retries=0, **keywords)
    with contextlib.suppress(errors.APIError):
        run.run()
    return run.settlement


@pytest.mark.parametrize(
    ("send", "outcome", "sent", "error", "cost", "status"),
    [
        (answer(), "completed", "yes", None, Decimal(COST), "exact"),
        (refusal(400), "failed", "yes", "BadRequestError 400", Decimal(0), "none"),
        (refusal(429), "failed", "yes", "RateLimitError 429", Decimal(0), "none"),
        (refusal(500), "failed", "yes", "InternalServerError 500", Decimal(0), "none"),
        # a gateway that gave up does not know what its upstream did
        (refusal(408), "failed", "yes", "InternalServerError 408", None, "unknown"),
        (refusal(524), "failed", "yes", "InternalServerError 524", None, "unknown"),
        (refusal(502), "failed", "yes", "BadGatewayError 502", None, "unknown"),
        (refusal(504), "failed", "yes", "GatewayTimeoutError 504", None, "unknown"),
        (
            errors.APIConnectionError("x", sent="no"),
            "failed",
            "no",
            "APIConnectionError",
            Decimal(0),
            "none",
        ),
        (
            errors.APIConnectionError("x", sent="maybe"),
            "failed",
            "maybe",
            "APIConnectionError",
            None,
            "unknown",
        ),
        (
            errors.APITimeoutError("x", sent="yes"),
            "failed",
            "yes",
            "APITimeoutError",
            None,
            "unknown",
        ),
        (
            HTTPResponse(200, {}, b"<html>"),
            "failed",
            "yes",
            "APIResponseValidationError",
            None,
            "unknown",
        ),
        (ValueError("driver"), "failed", "maybe", "ValueError", None, "unknown"),
    ],
)
def test_endings(
    send: Any, outcome: str, sent: str, error: str | None, cost: Decimal | None, status: str
) -> None:
    """Each ending says what was sent, what it may cost, and why it failed."""
    run = drive(send, num_retries=0)
    with contextlib.suppress(errors.APIError, ValueError):
        run.run()
    made = run.settlement
    assert (made.outcome, made.sent, made.error, made.cost, made.cost_status) == (
        outcome,
        sent,
        error,
        cost,
        status,
    )
    assert (made.attempts, made.provider, made.model, made.stream) == (
        1,
        "openai",
        "gpt-4o-mini",
        False,
    )
    assert (made.cost is None) is bool(made.cost_reason and status == "unknown")
    assert made.started == 1_763_800_000.0


def test_usage_and_metadata() -> None:
    """Reported tokens, request id, duration and the caller's tags are recorded."""
    made = settled(answer(x_request_id="r1"), metadata={"team": "a"})
    assert (made.prompt_tokens, made.completion_tokens, made.usage_source) == (
        1000,
        100,
        "reported",
    )
    assert (made.request_id, made.metadata, made.seconds) == ("r1", {"team": "a"}, 0.0)


def test_no_usage_is_none_of_a_failure() -> None:
    """A failure has no usage."""
    made = settled(refusal(400))
    assert (made.prompt_tokens, made.completion_tokens, made.usage_source) == (None, None, "none")


@pytest.mark.parametrize(("usage", "prompt"), [(None, 17), ({"prompt_tokens": 9}, 9)])
def test_usage_that_is_not_whole(usage: Any, prompt: int) -> None:
    """A usage without the answer's tokens is estimated but for what it tells, and the cost says so."""
    made = settled(answer(usage=usage))
    assert (made.usage_source, made.prompt_tokens, made.cost_status) == (
        "estimated",
        prompt,
        "estimated",
    )


@pytest.mark.parametrize(
    ("usage", "cost", "status"),
    [
        ({**USAGE, "cost": 0.25}, Decimal("0.25"), "provider_reported"),
        ({**USAGE, "cost": "0.1"}, Decimal("0.1"), "provider_reported"),
        ({**USAGE, "cost": 0}, Decimal(0), "provider_reported"),
        ({**USAGE, "cost": {"total_cost": 0.005}}, Decimal("0.005"), "provider_reported"),
        ({**USAGE, "cost_in_usd_ticks": 25_000_000}, Decimal("0.0025"), "provider_reported"),
        (
            {
                **USAGE,
                "cost": 0.01,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 0.2},
            },
            Decimal("0.21"),
            "provider_reported",
        ),
        (
            {
                **USAGE,
                "cost": 0.01,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": None},
            },
            Decimal("0.01"),
            "provider_reported",
        ),
        (
            {
                **USAGE,
                "cost": 0.01,
                "is_byok": False,
                "cost_details": {"upstream_inference_cost": 0.2},
            },
            Decimal("0.01"),
            "provider_reported",
        ),
        ({**USAGE, "cost": -1}, Decimal(COST), "exact"),
        ({**USAGE, "cost": "free"}, Decimal(COST), "exact"),
        ({**USAGE, "cost": True}, Decimal(COST), "exact"),
        ({**USAGE, "cost": {"total": 1}}, Decimal(COST), "exact"),
        ({**USAGE, "cost": []}, Decimal(COST), "exact"),
        ({**USAGE, "cost": "NaN"}, Decimal(COST), "exact"),
    ],
)
def test_reported_cost(usage: Any, cost: Decimal, status: str) -> None:
    """What the provider says it cost goes before the catalogue; nonsense does not."""
    made = settled(answer(usage=usage))
    assert (made.cost, made.cost_status) == (cost, status)


def test_unknown_price() -> None:
    """A model without a price costs an unknown amount, never nothing."""
    made = settled(answer(), model="openai/no-such-model")
    assert (made.cost, made.cost_status) == (None, "unknown")
    assert "no-such-model" in (made.cost_reason or "")


def test_service_tier_of_the_request() -> None:
    """The tier that was asked for counts where the answer names none."""
    flex = settled(answer(), model="openai/gpt-5-mini", service_tier="flex")
    standard = settled(answer(), model="openai/gpt-5-mini")
    assert flex.cost is not None
    assert standard.cost is not None
    assert flex.cost < standard.cost


def test_what_was_sent_is_the_most_of_all_tries() -> None:
    """One try that may have been billed makes the call's cost unknown, whatever follows."""
    run = drive(errors.APITimeoutError("x", sent="yes"), refusal(400))
    with pytest.raises(errors.BadRequestError):
        run.run()
    assert (run.settlement.sent, run.settlement.cost_status) == ("yes", "unknown")


def account() -> tuple[Account, list[Any]]:
    """An account and its queue."""
    queue: list[Any] = []
    return Account(CallInfo("call_1", "acme", "m"), lambda: 5.0, queue.append, stream=False), queue


def test_a_settlement_is_decided_once() -> None:
    """Settling again, or dropping, gives neither a second record nor a second word."""
    made, queue = account()
    first = list(made.settle("failed", None, ValueError("x")))
    assert [type(effect) for effect in first] == [Store, Notify]
    assert list(made.settle("completed", ChatCompletion())) == []
    made.abandon()
    assert queue == []


def test_a_settlement_whose_storing_is_interrupted() -> None:
    """A settlement whose storing was interrupted is stored again as it was, told, and then the interruption goes on."""
    made, queue = account()
    flow = made.settle("completed", ChatCompletion())
    first = next(flow)
    again = flow.throw(Cancelled("maybe"))
    assert isinstance(first, Store)
    assert isinstance(again, Store)
    assert again.operation.settlement is first.operation.settlement
    assert first.operation.settlement.outcome == "completed"
    assert isinstance(flow.send(None), Notify)
    with pytest.raises(Cancelled):
        flow.send(None)
    assert queue == []


def test_a_settlement_that_is_dropped_while_it_is_stored() -> None:
    """A settlement that can no longer be stored goes on the queue, as it was decided."""
    made, queue = account()
    flow = made.settle("failed", None, ValueError("x"))
    next(flow)
    flow.close()
    assert [finished.settlement.outcome for finished in queue] == ["failed"]
    assert list(made.settle("completed")) == []


def test_estimates_count_what_the_model_wrote() -> None:
    """An answer in one piece is estimated by its texts, reasoning and arguments."""
    calls = [{"function": {"name": "f", "arguments": "x" * 8}}, {"custom": {"name": "c"}}]
    message = {"content": "x" * 8, "reasoning_content": "x" * 16, "tool_calls": calls}
    send = answer(usage=None)
    body = json.loads(send.body)
    body["choices"][0]["message"] = message
    made = settled(HTTPResponse(200, {}, json.dumps(body).encode()))
    assert made.completion_tokens == 7


def test_a_key_that_is_echoed_is_not_kept() -> None:
    """Neither headers nor the raw body of an answer keep the key."""
    run = drive(answer(f"your key is {KEY}", x_echo=f"key={KEY}"))
    call = run.run().call
    assert KEY not in repr(call.headers)
    assert KEY.encode() not in call.raw
    assert call.headers["x-echo"] == "key=[redacted]"


def test_dropping_twice() -> None:
    """A flow that is dropped twice is recorded once."""
    made, queue = account()
    made.abandon()
    made.abandon()
    assert [finished.settlement.outcome for finished in queue] == ["abandoned"]


TEXT = "Hello there, how are you doing today?"
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUFB" * 100_000}}


def estimate(answer: Answer, call: Call | None) -> tuple[int | None, int | None]:
    """The tokens of a guess."""
    usage = estimated(answer, call)
    assert usage is not None
    return usage.prompt_tokens, usage.completion_tokens


def chat(*messages: Any, **params: Any) -> ChatCall:
    """A chat with somebody whose tokenizer is not public."""
    return ChatCall("c", "acme", "m", messages, params=params)


@pytest.mark.parametrize(
    ("made", "tokens"),
    [
        ({"content": TEXT}, 9),
        ({"content": TEXT, "reasoning_content": TEXT, "reasoning": TEXT}, 18),
        ({"refusal": TEXT}, 9),
        ({"tool_calls": [{"id": "x" * 99, "function": {"name": "hello", "arguments": TEXT}}]}, 10),
        ({"tool_calls": [{"type": "custom", "custom": {"name": "hello", "input": TEXT}}]}, 10),
        ({"function_call": {"name": "hello", "arguments": TEXT}}, 10),
        ({"content": "\ud800"}, 1),
        ({}, 0),
    ],
)
def test_an_estimate_reads_all_that_was_written(made: dict[str, Any], tokens: int) -> None:
    """Texts, thoughts and calls count, each once; what stands beside them does not."""
    whole = ChatCompletion.model_validate({"choices": [{"message": made}]})
    assert estimate(whole, None) == (0, tokens)


@pytest.mark.parametrize(
    ("call", "prompt"),
    [
        (chat(), 4),
        (chat({"role": "user", "content": TEXT}), 17),
        (chat(Message(role="user", content=TEXT)), 17),
        (chat({"role": "user", "content": TEXT}, tools=[{"type": "function"}]), 124),
        (chat("nothing of the kind"), 12),
        (chat(object(), {"content": 7}), 12),
        (TextCall("c", "acme", "m", prompt=TEXT), 9),
    ],
)
def test_an_estimate_of_what_was_asked(call: Call, prompt: int) -> None:
    """Messages with what stands around them, tools; whatever a provider took, a guess fails no call."""
    assert estimate(ChatCompletion(), call) == (prompt, 0)


def test_a_picture_is_not_read_as_text() -> None:
    """Its bytes are no words: it counts as the most that such a one can."""
    prompt, _ = estimate(ChatCompletion(), chat({"role": "user", "content": [PICTURE]}))
    assert prompt is not None
    assert prompt < 20_000


def test_ledger_keeps_the_first() -> None:
    """A second settlement of one call is refused; totals are of all calls, the list of the latest."""
    ledger = MemoryLedger(keep=2)
    made = [
        Settlement(f"c{i}", "completed", "acme", "m", False, "yes", 1, 0.0, 1.0, 3, 4)
        for i in range(3)
    ]
    assert [ledger.perform(Settle(each)) for each in [*made, made[2]]] == [True, True, True, False]
    assert [each.call_id for each in ledger.settlements] == ["c1", "c2"]
    assert ledger.totals == {("acme", "m"): Totals(3, 9, 12, Decimal(0), 3)}


def test_a_call_that_was_never_prepared() -> None:
    """A call that fails before it is known has an estimate of nothing."""
    made, _ = account()
    assert made.priced(ChatCompletion()).cost.total is None
    made.call = ChatCall("c", "acme", "m", [{"content": "12345678"}], params={"service_tier": 7})
    assert made.priced(ChatCompletion()).call.id == "call_1"


def test_a_ledger_performs_nothing_but_settlements() -> None:
    """Another operation is a mistake, and changes nothing."""
    ledger = MemoryLedger()
    with pytest.raises(TypeError, match="no Settlements"):
        ledger.perform(Settlements())  # type: ignore[arg-type]
    assert ledger.totals == {}
