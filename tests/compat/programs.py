"""Common LiteLLM code, as programs of one argument: the module. Run under LiteLLM and under the compat layer.

    python tests/compat/programs.py litellm http://127.0.0.1:PORT/v1

prints what each comes to, as JSON. ``said.json`` is what LiteLLM 1.109.1 printed; ``test_programs.py`` compares.
Nothing here knows llmkit.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import sys
import time
from typing import Any

MODEL = "openai/gpt-4o-mini"
SAY = [{"role": "user", "content": "Say hi"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}  # fmt: skip


def _to(base: str) -> dict[str, Any]:
    return {"api_base": base, "api_key": "sk-" + "test"}


def answer(litellm: Any, base: str) -> Any:
    """An answer's fields, in the ways in which programs reach for them."""
    response = litellm.completion(model=MODEL, messages=SAY, **_to(base))
    return {
        "attribute": response.choices[0].message.content,
        "subscript": response["choices"][0]["message"]["content"],
        "get": response.get("model"),
        "in": "choices" in response,
        "json": response.json()["choices"][0]["message"]["role"],
        "dump": response.model_dump()["usage"]["total_tokens"],
        "finish_reason": response.choices[0].finish_reason,
        "usage": [response.usage.prompt_tokens, response.usage["completion_tokens"]],
        "cached": response.usage.prompt_tokens_details.cached_tokens,
        "object": response.object,
        "class": type(response).__name__,
        "instance": isinstance(response, litellm.ModelResponse),
        "missing": getattr(response.choices[0].message, "reasoning_content", None),
    }


def positions(litellm: Any, base: str) -> Any:
    """Arguments without names."""
    response = litellm.completion(MODEL, SAY, 30, 0.5, **_to(base))
    return response.choices[0].message.content


def stream(litellm: Any, base: str) -> Any:
    """A stream's pieces, and the whole of it."""
    chunks = list(litellm.completion(model=MODEL, messages=SAY, stream=True, **_to(base)))
    whole = litellm.stream_chunk_builder(chunks, messages=SAY)
    return {
        "text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
        "subscript": "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in chunks),
        "finish_reason": chunks[-1].choices[0].finish_reason,
        "whole": whole.choices[0].message.content,
        "class": type(chunks[0]).__name__,
    }


def stream_usage(litellm: Any, base: str) -> Any:
    """The usage at a stream's end; each chunk has a first choice."""
    wants = {"stream": True, "stream_options": {"include_usage": True}}
    response = litellm.completion(model=MODEL, messages=SAY, **wants, **_to(base))
    chunks = list(response)
    return {
        "usage": chunks[-1].usage.total_tokens,
        "choices": {len(chunk.choices) for chunk in chunks} == {1},
        "class": type(response).__name__,
        "so far": response.response_uptil_now,
        "chunks": len(response.chunks) == len(chunks) or len(response.chunks) > 0,
    }


def awaited(litellm: Any, base: str) -> Any:
    """The same from async code."""

    async def main() -> Any:
        whole = await litellm.acompletion(model=MODEL, messages=SAY, **_to(base))
        pieces = await litellm.acompletion(model=MODEL, messages=SAY, stream=True, **_to(base))
        text = [chunk.choices[0].delta.content or "" async for chunk in pieces]
        several = await asyncio.gather(
            *(litellm.acompletion(model=MODEL, messages=SAY, **_to(base)) for _ in range(3))
        )
        return [whole.choices[0].message.content, "".join(text), len(several)]

    return asyncio.run(main())


def tools(litellm: Any, base: str) -> Any:
    """A tool's call, and the answer that goes back with it."""
    messages: list[Any] = [{"role": "user", "content": "Weather in Rome?"}]
    first = litellm.completion(
        model=MODEL, messages=messages, tools=[TOOL], tool_choice="required", **_to(base)
    )
    message = first.choices[0].message
    call = message.tool_calls[0]
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    second = litellm.completion(model=MODEL, messages=messages, tools=[TOOL], **_to(base))
    return {
        "name": call.function.name,
        "arguments": sorted(json.loads(call.function.arguments)),
        "type": call.type,
        "finish_reason": first.choices[0].finish_reason,
        "second": second.choices[0].finish_reason,
    }


def embedding(litellm: Any, base: str) -> Any:
    """Vectors."""
    response = litellm.embedding(
        model="openai/text-embedding-3-small", input=["a", "b"], **_to(base)
    )
    return {
        "many": len(response.data),
        "length": len(response.data[0]["embedding"]),
        "usage": response.usage.prompt_tokens,
        "object": response["object"],
    }


def mocks(litellm: Any, base: str) -> Any:
    """Answers of nobody."""
    told: dict[str, Any] = {}
    told["text"] = litellm.completion(MODEL, SAY, mock_response="mocked").choices[0].message.content
    several = litellm.completion(MODEL, SAY, mock_response="mocked", n=2)
    told["n"] = [choice.index for choice in several.choices]
    told["usage"] = several.usage.total_tokens
    pieces = litellm.completion(MODEL, SAY, mock_response="mocked", stream=True)
    told["stream"] = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calls = litellm.completion(MODEL, SAY, mock_response="", mock_tool_calls=[call])
    told["tool"] = calls.choices[0].message.tool_calls[0].function.name
    for name in ("RateLimitError", "ContextWindowExceededError", "InternalServerError"):
        try:
            litellm.completion(MODEL, SAY, mock_response=f"litellm.{name}")
        except getattr(litellm, name) as error:
            told[name] = error.status_code
    mine = litellm.RateLimitError(message="slow", llm_provider="openai", model="m")
    try:
        litellm.completion(MODEL, SAY, mock_response=mine, num_retries=0)
    except litellm.RateLimitError as error:
        told["mine"] = [error.status_code, error.llm_provider, "slow" in error.message]
    whole = {"choices": [{"message": {"role": "assistant", "content": "whole"}}]}
    told["dict"] = litellm.completion(MODEL, SAY, mock_response=whole).choices[0].message.content
    return told


def failures(litellm: Any, base: str) -> Any:
    """Exceptions by the names that programs catch."""
    told: dict[str, Any] = {}
    with contextlib.suppress(
        litellm.APIConnectionError, litellm.Timeout, litellm.InternalServerError
    ):
        litellm.completion(
            MODEL,
            SAY,
            num_retries=0,
            max_retries=0,
            timeout=2,
            api_base="http://127.0.0.1:9",
            api_key="x",
        )
        told["nobody there"] = "answered"
    try:
        litellm.completion("nowhere-known/model", SAY)
    except litellm.BadRequestError as error:
        told["provider"] = [type(error).__mro__[-3:] != (), error.status_code]
    try:
        litellm.completion(
            "anthropic/claude-3-5-haiku-20241022", SAY, n=3, logit_bias={"1": 1}, api_key="x"
        )
    except litellm.UnsupportedParamsError as error:
        told["parameter"] = [error.status_code, isinstance(error, litellm.BadRequestError)]
    order = [litellm.ContextWindowExceededError, litellm.ContentPolicyViolationError]
    told["subclasses"] = [issubclass(one, litellm.BadRequestError) for one in order]
    told["no parent"] = issubclass(litellm.RateLimitError, litellm.APIError)
    spent = litellm.BudgetExceededError(current_cost=2.5, max_budget=1.0)
    told["budget"] = [spent.current_cost, spent.max_budget, "2.5" in str(spent)]
    return told


def loggers(litellm: Any, base: str) -> Any:
    """``CustomLogger`` and functions: what is called, in which order, and what is in it."""
    module = importlib.import_module(f"{litellm.__name__}.integrations.custom_logger")
    rows: list[Any] = []

    class Logger(module.CustomLogger):  # type: ignore[misc, name-defined]
        """All methods that LiteLLM's page on custom callbacks shows."""

        def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
            rows.append(["pre", model, messages[0]["content"]])

        def log_success_event(
            self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            rows.append(
                [
                    "success",
                    kwargs["model"],
                    kwargs["litellm_params"]["metadata"].get("run"),
                    end_time >= start_time,
                ]
            )
            flat = kwargs["standard_logging_object"]
            names = (
                "status",
                "model",
                "total_tokens",
                "response_cost",
                "model_parameters",
                "error_str",
                "call_type",
            )
            rows.append({name: flat[name] for name in names})

        def log_failure_event(
            self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            flat = kwargs["standard_logging_object"]
            rows.append(
                ["failure", flat["status"], type(kwargs["exception"]).__name__, response_obj]
            )
            rows.append(flat["error_information"]["error_class"])

        async def async_log_success_event(
            self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            rows.append(
                ["async success", response_obj.choices[0].message.content, kwargs["stream"]]
            )

        async def async_log_failure_event(
            self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            rows.append(["async failure", type(kwargs["exception"]).__name__])

    async def main() -> None:
        await litellm.acompletion(model=MODEL, messages=SAY, **_to(base))
        await asyncio.sleep(_PATIENCE)
        pieces = await litellm.acompletion(model=MODEL, messages=SAY, stream=True, **_to(base))
        async for _ in pieces:
            pass
        await asyncio.sleep(_PATIENCE)
        with contextlib.suppress(litellm.RateLimitError):
            await litellm.acompletion(MODEL, SAY, mock_response="litellm.RateLimitError")
        await asyncio.sleep(_PATIENCE)

    litellm.callbacks = [Logger()]
    try:
        litellm.completion(MODEL, SAY, temperature=0.5, metadata={"run": 7}, **_to(base))
        time.sleep(_PATIENCE)
        with contextlib.suppress(litellm.RateLimitError):
            litellm.completion(MODEL, SAY, mock_response="litellm.RateLimitError")
        time.sleep(_PATIENCE)
        rows.append("awaited")
        asyncio.run(main())
    finally:
        litellm.callbacks = []
    return list(rows)


def functions(litellm: Any, base: str) -> Any:
    """Plain functions that are told of answers and failures."""
    rows: list[Any] = []

    def function(kwargs: Any, response: Any, start_time: Any, end_time: Any) -> None:
        rows.append(
            ["function", response["choices"][0]["message"]["content"], kwargs["response_cost"]]
        )

    def failed(kwargs: Any, response: Any, start_time: Any, end_time: Any) -> None:
        rows.append(["failed", str(kwargs["exception"]) != "", response])

    litellm.success_callback, litellm.failure_callback = [function], [failed]
    try:
        litellm.completion(MODEL, SAY, **_to(base))
        time.sleep(_PATIENCE)
        with contextlib.suppress(litellm.RateLimitError):
            litellm.completion(MODEL, SAY, mock_response="litellm.RateLimitError")
        time.sleep(_PATIENCE)
    finally:
        litellm.success_callback, litellm.failure_callback = [], []
    return rows


_PATIENCE = 0.0
"""Seconds until LiteLLM has told its loggers, which it does in a thread of its own."""


def custom(litellm: Any, base: str) -> Any:
    """A provider of one's own."""
    kind = getattr(litellm, "CustomLLM", None) or litellm.llms.custom_llm.CustomLLM

    class Mine(kind):  # type: ignore[misc, valid-type]
        """As LiteLLM's page on custom servers shows it."""

        def completion(self, *args: Any, **kwargs: Any) -> Any:
            warmth = kwargs["optional_params"].get("temperature")
            text = f"I am {kwargs['model']}: {kwargs['messages'][-1]['content']} {warmth}"
            return litellm.completion("gpt-3.5-turbo", SAY, mock_response=text)

        def streaming(self, *args: Any, **kwargs: Any) -> Any:
            for word in ("one", "two", ""):
                yield {
                    "finish_reason": "" if word else "stop",
                    "index": 0,
                    "is_finished": not word,
                    "text": word,
                    "tool_use": None,
                    "usage": {"completion_tokens": 2, "prompt_tokens": 1, "total_tokens": 3},
                }

        async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
            return self.completion(*args, **kwargs)

    litellm.custom_provider_map = [{"provider": "mine", "custom_handler": Mine()}]
    try:
        whole = litellm.completion(model="mine/m1", messages=SAY, temperature=0.5)
        pieces = litellm.completion(model="mine/m1", messages=SAY, stream=True)
        text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
        later = asyncio.run(litellm.acompletion(model="mine/m1", messages=SAY))
        return [whole.choices[0].message.content, text, later.choices[0].message.content]
    finally:
        litellm.custom_provider_map = []


def router(litellm: Any, base: str) -> Any:
    """A router: groups, fallbacks, names."""
    made = litellm.Router(
        model_list=[
            {"model_name": "good", "litellm_params": {"model": MODEL, **_to(base)}, "model_info": {"id": "g1"}},
            {"model_name": "bad", "litellm_params": {"model": MODEL, "api_key": "x", "api_base": "http://127.0.0.1:9"}},
        ],
        fallbacks=[{"bad": ["good"]}],
        num_retries=0,
        timeout=20,
    )  # fmt: skip
    good = made.completion(model="good", messages=SAY)
    fallen = asyncio.run(made.acompletion(model="bad", messages=SAY))
    return {
        "text": good.choices[0].message.content,
        "id": good._hidden_params["model_id"],
        "fallback": fallen.choices[0].message.content,
        "names": sorted(made.get_model_names()),
        "list": sorted(row["model_name"] for row in made.get_model_list()),
    }


def knowledge(litellm: Any, base: str) -> Any:
    """What is known of models, tokens and money."""
    response = litellm.completion(model=MODEL, messages=SAY, **_to(base))
    into, out = litellm.cost_per_token(
        model="gpt-4o-mini", prompt_tokens=1000, completion_tokens=1000
    )
    return {
        "cost": litellm.completion_cost(completion_response=response),
        "hidden": response._hidden_params["response_cost"],
        "provider": response._hidden_params["custom_llm_provider"],
        "per token": [into, out],
        "tokens": litellm.token_counter(model="gpt-4o-mini", messages=SAY),
        "text": litellm.token_counter(model="gpt-4o-mini", text="hello world"),
        "coded": litellm.decode(model="gpt-4o-mini", tokens=litellm.encode(model="gpt-4o-mini", text="hello")),
        "max": litellm.get_max_tokens("gpt-4o-mini"),
        "window": litellm.get_model_info("gpt-4o-mini")["max_input_tokens"],
        "price": litellm.model_cost["gpt-4o-mini"]["input_cost_per_token"],
        "vision": litellm.supports_vision("gpt-4o-mini"),
        "tools": litellm.supports_function_calling("gpt-4o-mini"),
        "split": list(litellm.get_llm_provider("groq/llama-3.1-8b-instant")[:2]),
        "keys": litellm.validate_environment("cohere/command-r")["missing_keys"],
        "params": "temperature" in litellm.get_supported_openai_params("gpt-4o-mini"),
        "trimmed": litellm.utils.trim_messages(SAY, "gpt-4o-mini"),
    }  # fmt: skip


def settings(litellm: Any, base: str) -> Any:
    """Module settings, and what comes of them."""
    told: dict[str, Any] = {}
    litellm.api_base, litellm.api_key = base, "sk-" + "test"
    litellm.model_alias_map = {"short": MODEL}
    litellm.drop_params = True
    try:
        response = litellm.completion(model="short", messages=SAY)
        told["answered"] = response.choices[0].message.content
    finally:
        litellm.api_base = litellm.api_key = None
        litellm.model_alias_map = {}
        litellm.drop_params = False
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.set_verbose = False
    told["read"] = [litellm.drop_params, litellm.suppress_debug_info, litellm.telemetry]
    return told


PROGRAMS = (
    functions, loggers, answer, positions, stream, stream_usage, awaited, tools, embedding, mocks, failures, custom,
    router, knowledge, settings,
)  # fmt: skip


def main() -> None:
    """Run all; what one fails with is what it comes to."""
    global _PATIENCE  # noqa: PLW0603
    name, base = sys.argv[1:]
    litellm = importlib.import_module(name)
    litellm.suppress_debug_info = True  # type: ignore[attr-defined]
    _PATIENCE = 0.5
    said = {}
    for program in PROGRAMS:
        try:
            said[program.__name__] = program(litellm, base)
        except Exception as error:  # noqa: BLE001
            said[program.__name__] = f"{type(error).__name__}: {error}"
    print(json.dumps(said, indent=1, default=str))  # noqa: T201 - that is what it is for


if __name__ == "__main__":
    main()
