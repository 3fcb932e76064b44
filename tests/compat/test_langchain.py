"""``ChatLLMKit`` and ``LLMKitEmbeddings``: what LangChain's programs do with a model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from pydantic import BaseModel

import llmkit
from llmkit.compat.langchain import ChatLLMKit, LLMKitEmbeddings
from llmkit.testing import Raw, Simulator, ToolUse, scripted

MODEL = "openai/gpt-4o-mini"
KEY = "sk-" + "test"


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """A provider."""
    with Simulator() as simulator:
        yield simulator.base_url


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


class City(BaseModel):
    """A city."""

    name: str
    people: int


def test_it_is_asked_in_all_of_langchains_ways(base: str) -> None:
    """invoke, batch, stream, in a chain, and their async twins; with usage, cost and metadata."""
    model = ChatLLMKit(model=MODEL, api_key=KEY, base_url=base, temperature=0)
    answer = model.invoke("Hi")
    assert answer.usage_metadata["total_tokens"] > 0
    assert answer.response_metadata["cost"] > 0
    assert answer.response_metadata["model_provider"] == "openai"
    chain = ChatPromptTemplate.from_messages([("system", "Short."), ("human", "{q}")]) | model
    assert "Rome?" in (chain | StrOutputParser()).invoke({"q": "Rome?"})
    assert len(model.batch(["a", "b"])) == 2
    chunks = list(model.stream("Hi"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert len(chunks) > 2
    assert whole.content == answer.content
    assert whole.usage_metadata["total_tokens"] == answer.usage_metadata["total_tokens"]
    assert whole.response_metadata["cost"] == answer.response_metadata["cost"]

    async def main() -> tuple[Any, str]:
        text = "".join([str(chunk.content) async for chunk in model.astream("Hi")])
        answers = await model.abatch(["a", "b"])
        assert len(answers) == 2
        return await model.ainvoke([HumanMessage("Hi")]), text

    later, text = asyncio.run(main())
    assert later.content == text == answer.content


def test_tools_are_called_and_answered() -> None:
    """Whole and streamed; arguments that are no JSON are an invalid call."""
    model = ChatLLMKit(model=MODEL, api_key=KEY).bind_tools([weather], tool_choice="weather")
    asked: list[Any] = [HumanMessage("Weather in Rome?")]
    use = ToolUse("weather", {"city": "Rome"})
    with scripted(use, use, "It is sunny.") as script:
        answer = model.invoke(asked)
        whole = None
        for chunk in model.stream(asked):
            whole = chunk if whole is None else whole + chunk
        (call,) = answer.tool_calls
        said = [*asked, answer, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
        assert model.invoke(said).content == "It is sunny."
    assert (call["name"], call["args"]) == ("weather", {"city": "Rome"})
    assert whole is not None
    assert whole.tool_calls[0]["args"] == {"city": "Rome"}
    first, last = script.calls[0].request.json(), script.calls[2].request.json()
    assert first["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert [message["role"] for message in last["messages"]] == ["user", "assistant", "tool"]
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{oops"}}
    with scripted({"role": "assistant", "content": None, "tool_calls": [call]}):
        assert model.invoke("?").invalid_tool_calls[0]["args"] == "{oops"


@pytest.mark.parametrize("schema", [City, City.model_json_schema()])
@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_answers_in_a_schema(base: str, method: str, schema: Any) -> None:
    """By a tool or by the provider's JSON mode, as a class or as a dict."""
    model = ChatLLMKit(model=MODEL, api_key=KEY, base_url=base)
    answer = model.with_structured_output(schema, method=method).invoke("Paris?")
    assert isinstance(answer, City if schema is City else dict)
    raw = model.with_structured_output(schema, include_raw=True).invoke("Paris?")
    assert raw["parsed"] is not None
    assert raw["raw"].usage_metadata["total_tokens"] > 0


def test_it_goes_by_a_router_with_its_errors_and_keeps_keys_to_itself() -> None:
    """A client of one's own; what is wrong is llmkit's error; nothing shows the key."""
    rows = [{"model_name": "g", "litellm_params": {"model": MODEL, "api_key": KEY}}]
    with llmkit.Router(rows, num_retries=0) as router:
        model = ChatLLMKit(model="g", client=router)
        with scripted("hello", 429):
            assert model.invoke("Hi", stop=["."]).content == "hello"
            with pytest.raises(llmkit.RateLimitError):
                model.invoke("Hi")
    mine = ChatLLMKit(model=MODEL, api_key=KEY, temprature=1)
    assert KEY not in repr(mine) + str(mine.model_dump()) + str(mine._identifying_params)
    with pytest.raises(llmkit.UnsupportedParamsError, match="temperature"):
        mine.invoke("Hi")


def test_texts_are_embedded(base: str) -> None:
    """Of either colour."""
    vectors = LLMKitEmbeddings("openai/text-embedding-3-small", api_key=KEY, base_url=base)
    assert len(vectors.embed_documents(["a", "b"])) == 2
    assert asyncio.run(vectors.aembed_query("a")) == vectors.embed_query("a")


class Tokens(BaseCallbackHandler):
    """Keeps the pieces that it is told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        """A piece."""
        self.told.append(str(token))


def test_callbacks_are_told_of_each_piece(base: str) -> None:
    """Of both colours, as they come."""
    model, told = ChatLLMKit(model=MODEL, api_key=KEY, base_url=base), Tokens()
    pieces = [piece.content for piece in model.stream("Hi", config={"callbacks": [told]})]
    assert "".join(told.told) == "".join(pieces) != ""

    async def main() -> None:
        again = Tokens()
        async for _ in model.astream("Hi", config={"callbacks": [again]}):
            pass
        assert again.told == told.told

    asyncio.run(main())


def test_what_is_not_known_is_none_and_what_is_no_json_is_said() -> None:
    """A cost without a price, a usage that nobody told, arguments that the model made up; and ``stop`` is sent."""
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{no"}}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [call],
        "reasoning_content": "hm",
    }
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    body = {"id": "a", "object": "chat.completion", "model": "strange", "choices": [choice]}
    with scripted(Raw(body)) as script:
        answer = ChatLLMKit(model="openai/strange", api_key=KEY).invoke("Hi", stop=["x"])
    assert (answer.response_metadata["cost"], answer.usage_metadata) == (None, None)
    assert answer.invalid_tool_calls[0]["args"] == "{no"
    assert not answer.tool_calls
    assert answer.additional_kwargs == {"reasoning_content": "hm"}
    assert script.requests[0].json()["stop"] == ["x"]
