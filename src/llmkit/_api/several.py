"""Several chats at once, by LiteLLM's names: many conversations with one model, or one conversation with many models.

Signatures: https://docs.litellm.ai/docs/completion/batching (read 2026-11-23). ``llmkit.map`` does more of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from .._io._together import together
from .._mapping._several import asked_all, asked_first, models_of
from ..types.chat import ChatCompletion
from ._default import default_client

__all__ = [
    "abatch_completion",
    "batch_completion",
    "batch_completion_models",
    "batch_completion_models_all_responses",
]


def batch_completion(
    model: str, messages: Sequence[Sequence[Any]], *, max_workers: int = 100, **params: Any
) -> list[Any]:
    """Ask one model several things: answers in their order, or the exceptions that they failed with.

    Args:
        model: as of ``completion``.
        messages: the conversations.
        max_workers: how many are asked at a time.
        **params: as of ``completion``.

    Raises:
        ConfigurationError: nothing could be asked at all; Ctrl-C ends all calls.
    """
    calls = [{"model": model, "messages": one, **params} for one in messages]
    return asked_all(default_client(), calls, max_workers)


async def abatch_completion(
    model: str, messages: Sequence[Sequence[Any]], **params: Any
) -> list[Any]:
    """``batch_completion`` for async code; all are asked at once (``llmkit.amap`` has a ``concurrency``)."""
    ask = default_client().acompletion
    return await together([partial(ask, model, one, **params) for one in messages])


def batch_completion_models(
    models: Sequence[str] | str, messages: Sequence[Any], **params: Any
) -> ChatCompletion:
    """Ask several models the same at once, and take the first answer; the others are stopped, and may be billed.

    Raises what the last one failed with, where all did.
    """
    calls = [{"model": one, "messages": messages, **params} for one in models_of(models)]
    answer: ChatCompletion = asked_first(default_client(), calls)
    return answer


def batch_completion_models_all_responses(
    models: Sequence[str] | str, messages: Sequence[Any], **params: Any
) -> list[Any]:
    """Ask several models the same at once: all answers in the models' order, or the exceptions they failed with."""
    calls = [{"model": one, "messages": messages, **params} for one in models_of(models)]
    return asked_all(default_client(), calls, max(1, len(calls)))
