"""LangChain over llmkit, in the program: ``ChatLLMKit`` and ``LLMKitEmbeddings``, of any provider or a ``Router``.

They need langchain-core (the extra ``langchain``), and no other package of LangChain's. What a call is, and how it is
made, is llmkit's: retries, budgets, caches and errors are those of the client that is given. Translation only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import make_invalid_tool_call, parse_tool_call
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field, model_validator
from typing_extensions import override

from .._api._default import default_client

__all__ = ["ChatLLMKit", "LLMKitEmbeddings"]

_SECRET = ("api_key", "aws_secret_access_key", "extra_headers", "headers", "vertex_credentials")


class ChatLLMKit(BaseChatModel):
    """A chat model of LangChain's: ``ChatLLMKit(model="openai/gpt-4o-mini", temperature=0)``.

    Args:
        model: ``provider/model``, or a router's group.
        client: an ``llmkit.Client`` or ``llmkit.Router``; by default the one of ``llmkit.completion``.
        **params: whatever ``llmkit.completion`` takes, for every call: ``temperature``, ``max_tokens``, ``api_key`` …

    Messages have ``usage_metadata``, and in ``response_metadata`` the ``cost`` in USD (``None`` where it is not known),
    ``model_name``, ``model_provider``, ``finish_reason`` and ``call_id``. Errors are llmkit's.
    """

    model: str
    client: Any = Field(default=None, exclude=True, repr=False)
    params: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, given: Any) -> Any:
        """What is no field is a parameter of the calls, which llmkit looks at."""
        if not isinstance(given, Mapping):
            return given
        own = {name: value for name, value in given.items() if name in cls.model_fields}
        more = {name: value for name, value in given.items() if name not in own}
        return {**own, "params": {**own.get("params", {}), **more}}

    @property
    @override
    def _llm_type(self) -> str:
        return "llmkit"

    @property
    @override
    def _identifying_params(self) -> dict[str, Any]:
        shown = {name: value for name, value in self.params.items() if name not in _SECRET}
        return {"model": self.model, **shown}

    def _asked(
        self, messages: list[BaseMessage], stop: list[str] | None, more: Mapping[str, Any]
    ) -> dict[str, Any]:
        told = {**self.params, **more}
        if stop is not None:
            told["stop"] = stop
        return {"model": self.model, "messages": convert_to_openai_messages(messages), **told}

    def _calls(self) -> Any:
        return self.client or default_client()

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(self._calls().completion(**self._asked(messages, stop, kwargs)))

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(await self._calls().acompletion(**self._asked(messages, stop, kwargs)))

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        asked = self._asked(messages, stop, kwargs)
        with self._calls().completion(**asked, stream=True) as stream:
            for chunk in stream:
                for piece in _pieces(chunk):
                    if run_manager:
                        run_manager.on_llm_new_token(piece.text, chunk=piece)
                    yield piece
            yield _last(stream)

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        asked = self._asked(messages, stop, kwargs)
        async with await self._calls().acompletion(**asked, stream=True) as stream:
            async for chunk in stream:
                for piece in _pieces(chunk):
                    if run_manager:
                        await run_manager.on_llm_new_token(piece.text, chunk=piece)
                    yield piece
            yield _last(stream)

    @override
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | Any],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[Any, AIMessage]:
        """The model with tools: functions, pydantic classes, LangChain's or OpenAI's. ``tool_choice``: a name, too."""
        made = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        named = {tool.get("function", {}).get("name") for tool in made}
        if tool_choice is True or tool_choice == "any":
            tool_choice = "required"
        elif isinstance(tool_choice, str) and tool_choice in named:
            tool_choice = {"type": "function", "function": {"name": tool_choice}}
        told = {"tool_choice": tool_choice} if tool_choice else {}
        return self.bind(tools=made, **told, **kwargs)

    @override
    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        """Answers in a schema: by a tool, or with ``method="json_schema"`` by the provider's own JSON mode."""
        if kwargs.get("method") != "json_schema" or include_raw:
            return super().with_structured_output(schema, include_raw=include_raw, **kwargs)
        parser: Runnable[Any, Any]
        form: Any
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            parser, form = PydanticOutputParser(pydantic_object=schema), schema
        else:
            told = convert_to_openai_tool(schema)["function"]
            body = {"name": told["name"], "schema": told["parameters"]}
            parser, form = JsonOutputParser(), {"type": "json_schema", "json_schema": body}
        return self.bind(response_format=form) | parser


def _result(answer: Any) -> ChatResult:
    made = [_generation(answer, choice) for choice in answer.choices]
    return ChatResult(generations=made, llm_output={"model_name": answer.model, "id": answer.id})


def _generation(answer: Any, choice: Any) -> ChatGeneration:
    calls, bad = [], []
    for call in choice.message.tool_calls or ():
        raw = call.to_dict()
        try:
            calls.append(parse_tool_call(raw, return_id=True))
        except Exception as error:  # noqa: BLE001 - the model's arguments are no JSON
            bad.append(make_invalid_tool_call(raw, str(error)))
    message = AIMessage(
        content=choice.message.content or "",
        tool_calls=[call for call in calls if call],
        invalid_tool_calls=bad,
        additional_kwargs=_thoughts(choice.message),
        usage_metadata=_usage(answer.usage),
        response_metadata=_about(answer, choice.finish_reason),
        id=answer.id or None,
    )
    return ChatGeneration(message=message, generation_info={"finish_reason": choice.finish_reason})


def _about(answer: Any, finish_reason: str | None) -> dict[str, Any]:
    return {
        "model_name": answer.model,
        "model_provider": answer.call.provider,
        "finish_reason": finish_reason,
        "cost": answer.cost.total,
        "call_id": answer.call.id,
    }


def _thoughts(message: Any) -> dict[str, Any]:
    text = getattr(message, "reasoning_content", None)
    return {"reasoning_content": text} if text else {}


def _usage(usage: Any) -> UsageMetadata | None:
    """Tokens; ``None`` where the provider did not say."""
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    into, out = usage.prompt_tokens_details, usage.completion_tokens_details
    told = {"audio": "audio_tokens", "cache_read": "cached_tokens"}
    read = {name: getattr(into, field, None) for name, field in told.items()}
    made = {name: getattr(out, f"{name}_tokens", None) for name in ("audio", "reasoning")}
    total = usage.total_tokens or usage.prompt_tokens + usage.completion_tokens
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=total,
        input_token_details={n: v for n, v in read.items() if v},  # type: ignore[typeddict-item] # its names
        output_token_details={n: v for n, v in made.items() if v},  # type: ignore[typeddict-item] # its names
    )


def _pieces(chunk: Any) -> Iterator[ChatGenerationChunk]:
    for choice in chunk.choices:
        delta = choice.delta
        calls = [
            tool_call_chunk(
                name=call.function and call.function.name,
                args=call.function and call.function.arguments,
                id=call.id,
                index=call.index,
            )
            for call in delta.tool_calls or ()
        ]
        message = AIMessageChunk(
            content=delta.content or "",
            tool_call_chunks=calls,
            additional_kwargs=_thoughts(delta),
            id=chunk.id or None,
        )
        yield ChatGenerationChunk(message=message)


def _last(stream: Any) -> ChatGenerationChunk:
    """What is known at a stream's end: usage, cost, why it ended."""
    answer = stream.response
    finish = answer.choices[0].finish_reason if answer.choices else None
    message = AIMessageChunk(
        content="",
        usage_metadata=_usage(answer.usage),
        response_metadata=_about(answer, finish),
        id=answer.id or None,
    )
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": finish})


class LLMKitEmbeddings(Embeddings):
    """Embeddings of LangChain's: ``LLMKitEmbeddings("openai/text-embedding-3-small", dimensions=256)``.

    Args:
        model: ``provider/model``, or a router's group.
        client: an ``llmkit.Client`` or ``llmkit.Router``; by default the one of ``llmkit.embedding``.
        **params: whatever ``llmkit.embedding`` takes, for every call.
    """

    def __init__(self, model: str, client: Any = None, **params: Any) -> None:
        self.model, self.client, self._params = model, client, params

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        calls = self.client or default_client()
        answer = calls.embedding(self.model, texts, **self._params)
        return [row.embedding for row in answer.data]

    @override
    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    @override
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        calls = self.client or default_client()
        answer = await calls.aembedding(self.model, texts, **self._params)
        return [row.embedding for row in answer.data]

    @override
    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aembed_documents([text]))[0]
