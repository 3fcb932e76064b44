"""Calls and answers made of literals, and the official model of the service to hold requests against."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from llmkit import providers
from llmkit._call import ChatCall
from llmkit._eventstream import encoded
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.wires.bedrock_converse import BedrockConverse

CLAUDE = "us.anthropic.claude-sonnet-4-6"
NOVA = "us.amazon.nova-2-lite-v1:0"
UNKNOWN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
HERE = Endpoint("https://bedrock.test")
HI = [{"role": "user", "content": "hi"}]


def wire() -> BedrockConverse:
    """The wire as the provider declares it."""
    chat = providers.get("bedrock").chat
    assert isinstance(chat, BedrockConverse)
    return chat


def call(model: str = CLAUDE, messages: Any = HI, **params: Any) -> ChatCall:
    """A call; options of the call are told from parameters by their names."""
    options = {
        name: params.pop(name)
        for name in ("stream", "extra_body", "drop_params", "allowed")
        if name in params
    }
    return ChatCall("call_0", "bedrock", model, messages, params=params, **options)


@cache
def _model() -> Any:
    loader: Any = Loader()
    found: Any = ServiceModel(loader.load_service_model("bedrock-runtime", "service-2"))
    return found


def valid(body: dict[str, Any], operation: str = "Converse") -> None:
    """Fail unless botocore would send this body."""
    shape = _model().operation_model(operation).input_shape
    report: Any = ParamValidator().validate({"modelId": "m", **body}, shape)
    assert not report.has_errors(), report.generate_report()


def request(made: ChatCall) -> HTTPRequest:
    """The request of a call."""
    return wire().build(made, HERE)


def written(model: str = CLAUDE, messages: Any = HI, **params: Any) -> dict[str, Any]:
    """The body of a call; botocore would take it, too."""
    body: dict[str, Any] = json.loads(request(call(model, messages, **params)).body)
    valid(body)
    return body


def ledger(model: str = CLAUDE, messages: Any = HI, **params: Any) -> list[tuple[str, str]]:
    """Which parameters were changed, and how."""
    made = request(call(model, messages, **params))
    return [(entry.parameter, entry.change) for entry in made.adjustments]


def turns(*messages: Any, model: str = CLAUDE, **params: Any) -> list[dict[str, Any]]:
    """The turns that these messages become."""
    found: list[dict[str, Any]] = written(model, list(messages), **params)["messages"]
    return found


def answer(*content: Any, stop: str = "end_turn", **more: Any) -> HTTPResponse:
    """An answer in one piece."""
    usage = {"inputTokens": 10, "outputTokens": 4, "totalTokens": 14}
    body = {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop,
        "usage": usage,
        "metrics": {"latencyMs": 5},
    }
    return HTTPResponse(200, {}, json.dumps(body | more).encode())


def frame(name: str, **data: Any) -> bytes:
    """One event of a stream."""
    return encoded({":event-type": name, ":message-type": "event"}, json.dumps(data).encode())


def delta(index: int, **data: Any) -> bytes:
    """A piece of a block."""
    return frame("contentBlockDelta", contentBlockIndex=index, delta=data)


def exception(name: str, **data: Any) -> bytes:
    """An exception in a stream."""
    headers = {":exception-type": name, ":message-type": "exception"}
    return encoded(headers, json.dumps(data).encode())


END = (
    frame("messageStop", stopReason="end_turn"),
    frame("metadata", usage={"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, metrics={}),
)
