"""LiteLLM's functions: names and arguments. How a call is made is ``_calling``'s business."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import Parameter, Signature
from typing import Any, Final

from ..._api._default import validate_environment as _environment
from ..._control.structured import function_tool
from ...client import Client
from ...errors import InvalidRequestError, LLMKitError, UnsupportedParamsError
from ._calling import KINDS, acall, call
from ._clients import client_for
from ._positions import order_of
from .exceptions import AuthenticationError

__all__ = [  # beside these, the calls and their async twins, which are made below
    "acompletion_with_retries",
    "check_valid_key",
    "completion_with_retries",
    "function_to_dict",
    "get_supported_openai_params",
    "mock_completion",
    "validate_environment",
]


def _sync(name: str) -> Callable[..., Any]:
    def function(*given: Any, **named: Any) -> Any:
        return call(name, given, named)

    made: Callable[..., Any] = _called(
        function, name, f"LiteLLM's ``{name}``: see ``llmkit.{name}``."
    )
    return made


def _async(name: str) -> Callable[..., Awaitable[Any]]:
    async def function(*given: Any, **named: Any) -> Any:
        return await acall(name, given, named)

    made: Callable[..., Awaitable[Any]] = _called(
        function, f"a{name}", f"``{name}`` for async code."
    )
    return made


def _called(function: Any, name: str, doc: str) -> Any:
    known = [Parameter(n, Parameter.POSITIONAL_OR_KEYWORD, default=None) for n in order_of(name)]
    function.__signature__ = Signature([*known, Parameter("params", Parameter.VAR_KEYWORD)])
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


# All alike, and each under two names: written out, they would be two hundred lines that say nothing.
globals().update({name: _sync(name) for name in KINDS})
globals().update({f"a{name}": _async(name) for name in KINDS})


completion_with_fallbacks = globals()["completion"]
responses_with_retries = globals()["responses"]
aresponses_with_retries = globals()["aresponses"]


def completion_with_retries(*given: Any, **named: Any) -> Any:
    """``completion`` that is tried again three times unless ``num_retries`` says otherwise."""
    return call("completion", given, {"num_retries": 3, **named})


async def acompletion_with_retries(*given: Any, **named: Any) -> Any:
    """``completion_with_retries`` for async code."""
    return await acall("completion", given, {"num_retries": 3, **named})


def mock_completion(model: str, messages: Any, stream: bool | None = False, **named: Any) -> Any:  # noqa: FBT001, FBT002
    """``completion`` that asks nobody; without ``mock_response`` it says that it is mocked."""
    told = {"mock_response": "This is a mock request", "stream": stream or None, **named}
    return call("completion", (model, messages), told)


def validate_environment(
    model: str | None = None,
    api_key: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
) -> dict[str, Any]:
    """``keys_in_environment`` and ``missing_keys`` of a model; what is given here is not missing."""
    told = _environment(model or "")
    given = {"KEY": api_key, "BASE": api_base, "VERSION": api_version}
    here = tuple(word for word, value in given.items() if value)
    missing = [n for n in told["missing_keys"] if not (here and n.endswith(here))]
    return {"keys_in_environment": not missing, "missing_keys": missing}


def check_valid_key(model: str, api_key: str) -> bool:
    """Whether a key is taken: asks the model for ten tokens at most, which may cost something."""
    try:
        call(
            "completion",
            (model, [{"role": "user", "content": "Hey"}]),
            {"api_key": api_key, "max_tokens": 10},
        )
    except AuthenticationError:
        return False
    return True


def get_supported_openai_params(
    model: str, custom_llm_provider: str | None = None, request_type: str = "chat_completion"
) -> list[str] | None:
    """The chat parameters that are sent to the model; ``None`` where its provider has no chat. Nothing is sent.

    Raises:
        UnknownProviderError: no provider is named and none can be found.
    """
    if request_type != "chat_completion":
        raise InvalidRequestError(
            f"request_type must be 'chat_completion', not {request_type!r:.80}"
        )
    target = {"model": model, "custom_llm_provider": custom_llm_provider, "messages": _HI}
    client = client_for(awaited=False)
    client.dry_run("completion", **target)
    return [name for name, value in _SAMPLES.items() if _is_sent(client, target, name, value)]


_HI: Final = [{"role": "user", "content": "Hi"}]
_FUNCTION: Final = {"name": "f", "parameters": {"type": "object", "properties": {}}}
_TOOLS: Final = [{"type": "function", "function": _FUNCTION}]
_SAMPLES: Final[dict[str, Any]] = {
    "temperature": 0.5, "top_p": 0.5, "n": 2, "stop": ["."], "max_tokens": 9, "max_completion_tokens": 9,
    "presence_penalty": 0.5, "frequency_penalty": 0.5, "logit_bias": {"1": 1}, "logprobs": True, "top_logprobs": 1,
    "seed": 1, "user": "u", "tools": _TOOLS, "tool_choice": "auto", "parallel_tool_calls": True,
    "functions": [_FUNCTION], "function_call": "auto", "response_format": {"type": "json_object"},
    "reasoning_effort": "low", "thinking": {"type": "enabled", "budget_tokens": 1024}, "verbosity": "low",
    "modalities": ["text"], "prediction": {"type": "content", "content": "x"}, "web_search_options": {},
    "service_tier": "auto", "store": False, "stream_options": {"include_usage": True},
}  # fmt: skip
"""Parameters, with a value to try each with."""
_BESIDE: Final = {
    "tool_choice": "tools",
    "parallel_tool_calls": "tools",
    "function_call": "functions",
    "top_logprobs": "logprobs",
}


def _is_sent(client: Client, target: Mapping[str, Any], name: str, value: Any) -> bool:
    more = {other: _SAMPLES[other] for other in (_BESIDE.get(name),) if other}
    try:
        client.dry_run("completion", **target, **more, **{name: value})
    except UnsupportedParamsError:
        return False
    except LLMKitError:
        return True
    return True


def function_to_dict(input_function: Callable[..., Any]) -> dict[str, Any]:
    """A Python function as a tool's ``function``: name, description and parameters."""
    made: dict[str, Any] = function_tool(input_function)["function"]
    return made
