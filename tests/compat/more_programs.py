"""More common LiteLLM code, after the pages of LiteLLM's documentation; see ``programs.py`` for how it is run.

python tests/compat/more_programs.py litellm http://127.0.0.1:PORT/v1
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import json
import sys
from typing import Any

MODEL = "openai/gpt-4o-mini"
SAY = [{"role": "user", "content": "Say hi"}]
CLOSED = "http://127.0.0.1:9"


def _to(base: str) -> dict[str, Any]:
    return {"api_base": base, "api_key": "sk-" + "test"}


def _text(response: Any) -> Any:
    return response.choices[0].message.content


def json_mode(litellm: Any, base: str) -> Any:
    """Answers in JSON: ``json_object``, a schema, a pydantic class, and how models are asked whether they can."""
    from pydantic import BaseModel

    class Event(BaseModel):
        """What is asked for."""

        name: str
        people: list[str]

    shape = {
        "type": "json_schema",
        "json_schema": {"name": "Event", "schema": Event.model_json_schema(), "strict": False},
    }
    told: dict[str, Any] = {}
    for name, form in (("object", {"type": "json_object"}), ("schema", shape), ("class", Event)):
        asked = [{"role": "user", "content": "Answer in JSON"}]
        response = litellm.completion(MODEL, asked, response_format=form, **_to(base))
        told[name] = sorted(json.loads(_text(response)))
    told["asked"] = "response_format" in litellm.get_supported_openai_params("gpt-4o-mini")
    told["can"] = litellm.supports_response_schema(
        model="gpt-4o-mini", custom_llm_provider="openai"
    )
    return told


def functions_by_hand(litellm: Any, base: str) -> Any:
    """The loop of the page on function calling, with a stream of tool calls after it."""

    def get_current_weather(location: str, unit: str = "fahrenheit") -> str:
        """Get the current weather in a given location.

        Parameters
        ----------
        location : str
            The city and state, e.g. San Francisco, CA
        unit : {'celsius', 'fahrenheit'}
            Temperature unit
        """
        return json.dumps({"location": location, "temperature": "10", "unit": unit})

    tool = {
        "type": "function",
        "function": {
            "name": "get_current_weather",
            "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
        },
    }
    asked: dict[str, Any] = {"tools": [tool], "tool_choice": "required", **_to(base)}
    response = litellm.completion(MODEL, SAY, **asked)
    message = response.choices[0].message
    messages = [*SAY, message]
    for call in message.tool_calls:
        arguments = json.loads(call.function.arguments)
        content = get_current_weather(location=str(arguments.get("location")))
        messages.append({
            "tool_call_id": call.id, "role": "tool", "name": call.function.name, "content": content,
        })  # fmt: skip
    second = litellm.completion(model=MODEL, messages=messages, **_to(base))
    chunks = list(litellm.completion(MODEL, SAY, stream=True, **asked))
    whole = litellm.stream_chunk_builder(chunks)
    streamed = whole.choices[0].message.tool_calls[0]
    return {
        "second": second.choices[0].finish_reason,
        "same": streamed.function.arguments == message.tool_calls[0].function.arguments,
        "name": streamed.function.name,
        "finish": whole.choices[0].finish_reason,
        "content": message.content,
        "can": litellm.supports_parallel_function_calling(model="gpt-4o-mini"),
    }


def budget_of_users(litellm: Any, base: str) -> Any:
    """``BudgetManager``, as its page has it."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    here = Path.cwd()
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        manager = litellm.BudgetManager(project_name="test_project")
        user = "1234"
        told: dict[str, Any] = {"before": bool(manager.is_valid_user(user))}
        manager.create_budget(total_budget=10, user=user)
        told["after"] = bool(manager.is_valid_user(user))
        response = litellm.completion(MODEL, SAY, **_to(base))
        manager.update_cost(completion_obj=response, user=user)
        told["cost"] = round(manager.get_current_cost(user), 9)
        manager.update_cost(
            user=user, model="gpt-3.5-turbo", input_text="hello world", output_text="sunny"
        )
        told["more"] = manager.get_current_cost(user) > told["cost"]
        told["total"] = manager.get_total_budget(user)
        told["projected"] = (
            manager.projected_cost(model="gpt-3.5-turbo", messages=SAY, user=user) > 0
        )
        told["users"] = list(manager.get_users())
        manager.reset_cost(user)
        told["reset"] = manager.get_current_cost(user)
    assert Path.cwd() == here
    return told


def trimming(litellm: Any, base: str) -> Any:
    """``trim_messages``, with and without a limit."""
    from_utils = importlib.import_module(f"{litellm.__name__}.utils")
    long = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "word " * 50},
        {"role": "user", "content": "the last question?"},
    ]
    cut = from_utils.trim_messages(long, model="gpt-4o-mini", max_tokens=40)
    return {
        "untouched": from_utils.trim_messages(SAY, "gpt-4o-mini") == SAY,
        "fits": litellm.token_counter("gpt-4o-mini", messages=cut) <= 40,
        "last": cut[-1]["content"],
        "system": cut[0]["role"],
    }


def several(litellm: Any, base: str) -> Any:
    """``batch_completion`` and its kin."""
    asked = [[{"role": "user", "content": word}] for word in ("one", "two", "three")]
    many = litellm.batch_completion(model=MODEL, messages=asked, max_tokens=9, **_to(base))
    first = litellm.batch_completion_models(
        models=[MODEL, "openai/gpt-4o"], messages=SAY, **_to(base)
    )
    every = litellm.batch_completion_models_all_responses(
        models=[MODEL, "openai/gpt-4o"], messages=SAY, **_to(base)
    )
    return [[_text(one)[-3:] for one in many], "hi" in _text(first), len(every)]


def fallbacks(litellm: Any, base: str) -> Any:
    """Of a call: names and dicts."""
    told = []
    for other in (MODEL, {"model": MODEL, "api_base": base, "api_key": "sk-" + "test"}):
        bad = {"api_base": CLOSED, "api_key": "sk-" + "test"}
        good = [other] if isinstance(other, dict) else [{"model": other, **_to(base)}]
        response = litellm.completion(
            "openai/gpt-4o", SAY, fallbacks=good, num_retries=0, max_retries=0, timeout=20, **bad
        )
        told.append([_text(response), response.model])
    return told


def text_completions(litellm: Any, base: str) -> Any:
    """``text_completion``, whole and streamed."""
    whole = litellm.text_completion(
        model="text-completion-openai/gpt-3.5-turbo-instruct", prompt="good morning", max_tokens=9, **_to(base)
    )  # fmt: skip
    pieces = litellm.text_completion(
        model="text-completion-openai/gpt-3.5-turbo-instruct", prompt="good morning", stream=True, **_to(base)
    )  # fmt: skip
    streamed = "".join(piece.choices[0].text or "" for piece in pieces)
    return {
        "class": type(whole).__name__,
        "object": whole.object,
        "text": whole["choices"][0]["text"],
        "streamed": bool(streamed),
        "usage": whole.usage.total_tokens > 0,
    }


def pictures(litellm: Any, base: str) -> Any:
    """``image_generation``."""
    made = litellm.image_generation(
        prompt="A cute baby sea otter", model="openai/dall-e-3", n=1, **_to(base)
    )
    later = asyncio.run(
        litellm.aimage_generation(prompt="An otter", model="openai/dall-e-3", **_to(base))
    )
    return [len(made.data), bool(made.data[0].url or made.data[0].b64_json), len(later.data)]


def sounds(litellm: Any, base: str) -> Any:
    """``speech`` and ``transcription``."""
    spoken = litellm.speech(
        model="openai/tts-1", voice="alloy", input="the quick brown fox", **_to(base)
    )
    file = io.BytesIO(b"RIFF....WAVE")
    file.name = "speech.wav"
    heard = litellm.transcription(model="openai/whisper-1", file=file, **_to(base))
    return [len(spoken.content) > 0, isinstance(heard.text, str), heard["text"] == heard.text]


def ranks(litellm: Any, base: str) -> Any:
    """``rerank``, at Cohere's form."""
    found = litellm.rerank(
        model="cohere/rerank-english-v3.0",
        query="What is the capital of the United States?",
        documents=["Carson City is a capital.", "Washington, D.C. is the capital."],
        top_n=2,
        **(_to(base) | {"api_base": base.removesuffix("/v1")}),
    )
    first = found.results[0]
    return [len(found.results), first["index"], first["relevance_score"]]


def moderated(litellm: Any, base: str) -> Any:
    """``moderation``."""
    found = litellm.moderation(input="hello", model="omni-moderation-latest", **_to(base))
    return [found.results[0].flagged, len(found.results)]


def responses_api(litellm: Any, base: str) -> Any:
    """``responses``: whole, streamed, from async code."""
    whole = litellm.responses(model=MODEL, input="Say hi", max_output_tokens=100, **_to(base))
    events = [
        e.type for e in litellm.responses(model=MODEL, input="Say hi", stream=True, **_to(base))
    ]

    async def main() -> Any:
        return await litellm.aresponses(model=MODEL, input="Say hi", **_to(base))

    later = asyncio.run(main())
    return {
        "text": whole.output[0].content[0].text,
        "status": whole.status,
        "first": events[0] == "response.created",
        "last": events[-1] == "response.completed",
        "tokens": whole.usage.total_tokens > 0,
        "later": later.output[0].content[0].text == whole.output[0].content[0].text,
    }


def in_anthropics_form(litellm: Any, base: str) -> Any:
    """``litellm.anthropic.messages``."""

    async def main() -> Any:
        return await litellm.anthropic.messages.acreate(
            messages=[{"role": "user", "content": "Hello"}],
            model=MODEL,
            max_tokens=100,
            **_to(base),
        )

    answer = asyncio.run(main())
    return [answer["role"], answer["content"][0]["type"], answer["stop_reason"], answer["type"]]


def costs(litellm: Any, base: str) -> Any:
    """What things cost: of answers, texts, tokens; prices of one's own."""
    response = litellm.completion(MODEL, SAY, **_to(base))
    answer = litellm.completion_cost(completion_response=response)
    texts = litellm.completion_cost(model="gpt-4o-mini", prompt="Hello there", completion="General")
    own = litellm.completion(
        MODEL, SAY, input_cost_per_token=1e-6, output_cost_per_token=2e-6, **_to(base)
    )
    litellm.register_model({
        "openai/my-new-model": {
            "max_tokens": 8192, "input_cost_per_token": 2e-05, "output_cost_per_token": 6e-05,
            "litellm_provider": "openai", "mode": "chat",
        },
    })  # fmt: skip
    new = litellm.cost_per_token("openai/my-new-model", prompt_tokens=5, completion_tokens=10)
    return {
        "answer": round(answer, 12),
        "texts": round(texts, 12),
        "own": round(own._hidden_params["response_cost"], 12),
        "new": [round(one, 12) for one in new],
        "window": litellm.model_cost["openai/my-new-model"]["max_tokens"],
    }


def what_models_can(litellm: Any, base: str) -> Any:
    """``supports_…``, ``get_model_info``, ``get_llm_provider``, ``get_max_tokens``."""
    asked = {
        "vision": litellm.supports_vision(model="openai/gpt-4o"),
        "no vision": litellm.supports_vision(model="openai/gpt-3.5-turbo"),
        "reasoning": litellm.supports_reasoning(model="openai/o3-mini"),
        "pdf": litellm.supports_pdf_input("anthropic/claude-sonnet-4-5"),
        "caching": litellm.utils.supports_prompt_caching(model="anthropic/claude-sonnet-4-5"),
    }
    info = litellm.get_model_info("gpt-4o")
    return {
        **asked,
        "info": [info["max_input_tokens"], info["litellm_provider"], info["mode"]],
        "bare": list(litellm.get_llm_provider("gpt-4o")[:2]),
        "anthropic": list(litellm.get_llm_provider("anthropic/claude-sonnet-4-5")[:2]),
        "max": litellm.get_max_tokens("gpt-4o"),
    }


def environment(litellm: Any, base: str) -> Any:
    """``validate_environment`` and ``check_valid_key``."""
    told = litellm.validate_environment("openai/gpt-4o", api_key="sk-" + "x")
    litellm.api_base = base
    try:
        good = litellm.check_valid_key(model=MODEL, api_key="sk-" + "test")
    finally:
        litellm.api_base = None
    return {"given": told["keys_in_environment"], "missing": told["missing_keys"], "good": good}


def dropped(litellm: Any, base: str) -> Any:
    """``drop_params``, for a call; ``allowed_openai_params``; a parameter of the provider's own."""
    plain = litellm.completion(MODEL, SAY, drop_params=True, temperature=0.2, **_to(base))
    with contextlib.suppress(litellm.BadRequestError):
        litellm.completion("anthropic/claude-sonnet-4-5", SAY, logit_bias={"1": 1}, api_key="x")
        return "answered"
    return _text(plain)


def retried(litellm: Any, base: str) -> Any:
    """``num_retries`` of a call that nobody answers, and what is caught."""
    told = []
    for ask in (litellm.completion, litellm.text_completion):
        arguments = {"model": MODEL, "messages": SAY, "prompt": "x"}
        arguments.pop("prompt" if ask is litellm.completion else "messages")
        try:
            ask(**arguments, num_retries=0, max_retries=0, timeout=5, api_base=CLOSED, api_key="x")
        except litellm.APIConnectionError as error:
            told.append([error.llm_provider, error.status_code])
        except litellm.InternalServerError as error:
            told.append([error.llm_provider, 500])
    return len(told)


def routed(litellm: Any, base: str) -> Any:
    """A router: strategies, aliases, retries, several groups, embeddings, streams, mocked fallbacks."""
    router = litellm.Router(
        model_list=[
            {"model_name": "gpt", "litellm_params": {"model": MODEL, "rpm": 100, **_to(base)}},
            {"model_name": "gpt", "litellm_params": {"model": "openai/gpt-4o", "tpm": 100000, **_to(base)}},
            {"model_name": "other", "litellm_params": {"model": MODEL, **_to(base)}},
            {"model_name": "vectors", "litellm_params": {"model": "openai/text-embedding-3-small", **_to(base)}},
        ],
        routing_strategy="simple-shuffle",
        model_group_alias={"gpt-4": "gpt"},
        num_retries=1,
        retry_policy=litellm.RetryPolicy(RateLimitErrorRetries=1, BadRequestErrorRetries=0),
        allowed_fails_policy=litellm.AllowedFailsPolicy(RateLimitErrorAllowedFails=100),
        cooldown_time=1,
        timeout=30,
        fallbacks=[{"gpt": ["other"]}],
    )  # fmt: skip

    async def main() -> Any:
        pieces = await router.acompletion("gpt", SAY, stream=True)
        text = "".join([piece.choices[0].delta.content or "" async for piece in pieces])
        both = await router.abatch_completion(models=["gpt", "other"], messages=SAY)
        vectors = await router.aembedding("vectors", ["a"])
        fallen = await router.acompletion("gpt", SAY, mock_testing_fallbacks=True)
        return [text, len(both), len(vectors.data), _text(fallen)]

    return {
        "alias": _text(router.completion("gpt-4", SAY)),
        "awaited": asyncio.run(main()),
        "names": sorted(set(router.get_model_names())),
        "deployments": len(router.model_list),
        "stream": any(
            p.choices[0].finish_reason for p in router.completion("other", SAY, stream=True)
        ),
    }


def cached(litellm: Any, base: str) -> Any:
    """``litellm.cache`` in memory: a second call is not asked, and one can be left out."""
    litellm.cache = litellm.Cache()
    try:
        asked = {"model": MODEL, "messages": [{"role": "user", "content": "cached?"}], **_to(base)}
        first = litellm.completion(caching=True, **asked)
        second = litellm.completion(caching=True, **asked)
        third = litellm.completion(cache={"no-cache": True}, **asked)
    finally:
        litellm.cache = None
    return [first.id == second.id, _text(third) == _text(first), second._hidden_params["cache_hit"]]


def functions_as_tools(litellm: Any, base: str) -> Any:
    """``function_to_dict``, of a function with a docstring."""

    def add(number: int, other: int = 1) -> int:
        """Add two numbers.

        Parameters
        ----------
        number : int
            The first.
        other : int
            The second.
        """
        return number + other

    add.__annotations__ = {"number": int, "other": int, "return": int}
    told = litellm.utils.function_to_dict(add)
    return [told["name"], sorted(told["parameters"]["properties"]), told["parameters"]["required"]]


def messages_of_all_kinds(litellm: Any, base: str) -> Any:
    """Pictures, documents, names, assistants' words, and what was said before, as objects and as dicts."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    first = litellm.completion(
        MODEL,
        [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}],
        **_to(base),
    )
    said = first.choices[0].message
    for turn in (said, said.model_dump(), said.json()):
        second = litellm.completion(
            MODEL, [*SAY, turn, {"role": "user", "name": "a", "content": "more"}], **_to(base)
        )
    return [
        _text(first) is not None,
        "more" in _text(second),
        said["role"],
        said.get("content") == said.content,
    ]


def embedded(litellm: Any, base: str) -> Any:
    """Vectors: of one text, of several, from async code, with dimensions, and what they cost."""
    one = litellm.embedding("text-embedding-3-small", input="good morning", **_to(base))
    few = litellm.embedding(
        model="openai/text-embedding-3-small", input=["a"], dimensions=5, **_to(base)
    )
    later = asyncio.run(
        litellm.aembedding("openai/text-embedding-3-small", ["a", "b"], **_to(base))
    )
    return {
        "one": len(one["data"]),
        "embedding": isinstance(one.data[0]["embedding"][0], float),
        "index": [row["index"] for row in later.data],
        "few": len(few.data),
        "tokens": one.usage.total_tokens,
        "cost": round(litellm.completion_cost(one), 15),
        "model": later.model,
    }


def made_by_hand(litellm: Any, base: str) -> Any:
    """Answers that tests make, and chunks of a stream."""
    types = importlib.import_module(f"{litellm.__name__}.types.utils")
    made = types.ModelResponse(
        id="x",
        choices=[
            types.Choices(
                finish_reason="stop",
                index=0,
                message=types.Message(content="hello", role="assistant"),
            )
        ],
        model="gpt-4o",
        usage=types.Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3),
    )
    delta = types.Delta(content="he", role="assistant")
    chunk = types.ModelResponseStream(choices=[types.StreamingChoices(index=0, delta=delta)])
    call = types.ChatCompletionMessageToolCall(
        id="1", type="function", function=types.Function(name="f", arguments="{}")
    )
    cost = litellm.completion_cost(completion_response=made)
    return {
        "text": made["choices"][0]["message"]["content"],
        "dump": made.model_dump()["choices"][0]["message"]["content"],
        "total": made.usage.total_tokens,
        "delta": chunk.choices[0].delta.content,
        "call": [call.function.name, call["function"]["arguments"]],
        "cost": round(cost, 12),
        "json": json.loads(made.model_dump_json())["model"],
        "dict": dict(made)["id"],
    }


PROGRAMS = (
    json_mode, functions_by_hand, budget_of_users, trimming, several, fallbacks, text_completions, pictures, sounds,
    ranks, moderated, responses_api, in_anthropics_form, costs, what_models_can, environment, dropped, retried, routed,
    cached, functions_as_tools, messages_of_all_kinds, embedded, made_by_hand,
)  # fmt: skip


def main() -> None:
    """Run all; what one fails with is what it comes to."""
    name, base = sys.argv[1:]
    litellm = importlib.import_module(name)
    litellm.suppress_debug_info = True  # type: ignore[attr-defined]
    said = {}
    for program in PROGRAMS:
        try:
            said[program.__name__] = program(litellm, base)
        except Exception as error:  # noqa: BLE001
            said[program.__name__] = f"{type(error).__name__}: {error}"
    print(json.dumps(said, indent=1, default=str))  # noqa: T201 - that is what it is for


if __name__ == "__main__":
    main()
