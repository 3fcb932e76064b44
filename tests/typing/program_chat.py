"""A chat that remembers, with errors told apart. Checked by type checkers, never run."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, assert_type

import llmkit


class Chat:
    """One conversation, and what it has cost so far."""

    def __init__(self, model: str, *, instructions: str) -> None:
        self.model = model
        self.messages: list[Any] = [{"role": "system", "content": instructions}]
        self.spent = Decimal(0)

    def say(self, text: str) -> str:
        """Ask, and remember both sides."""
        self.messages.append({"role": "user", "content": text})
        try:
            answer = llmkit.completion(
                model=self.model,
                messages=self.messages,
                temperature=0.2,
                max_tokens=400,
                timeout=30,
            )
        except llmkit.RateLimitError as error:
            return f"busy, again in {error.retry_after or 1.0:.0f} s"
        except llmkit.APIError as error:
            return f"{error.provider}: {error.message}"
        self.messages.append(answer.choices[0].message)
        if answer.cost.total is not None:
            self.spent += answer.cost.total
        if answer.usage is not None:
            assert_type(answer.usage.prompt_tokens, int | None)
        return answer.text

    def stream(self, text: str) -> str:
        """The same, piece by piece."""
        self.messages.append({"role": "user", "content": text})
        said: list[str] = []
        with llmkit.completion(model=self.model, messages=self.messages, stream=True) as stream:
            for chunk in stream:
                said += [choice.delta.content or "" for choice in chunk.choices]
        assert_type(stream.cost.total, Decimal | None)
        return "".join(said)


async def ask_all(questions: list[str]) -> list[str]:
    """Many at once, by one client."""
    async with llmkit.Client(num_retries=3) as client:

        async def ask(question: str) -> str:
            messages = [{"role": "user", "content": question}]
            answer = await client.acompletion(model="openai/gpt-4o-mini", messages=messages)
            return answer.text

        return await asyncio.gather(*(ask(question) for question in questions))


async def read_aloud(question: str) -> llmkit.ChatCompletion:
    """An asynchronous stream, and its whole answer."""
    messages = [{"role": "user", "content": question}]
    opened = await llmkit.acompletion(model="openai/gpt-4o-mini", messages=messages, stream=True)
    async with opened as stream:
        async for chunk in stream:
            assert_type(chunk, llmkit.ChatCompletionChunk)
    return stream.response
