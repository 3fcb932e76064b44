"""Who bills: llmkit, Lago's own SDK, LiteLLM's callback. Each makes the same call, with its billing and without."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bench.payload import KEY, MODEL, SMALL

SUBSCRIPTION = "sub_1"


@dataclass(frozen=True, slots=True)
class Where:
    """The provider, Lago (its origin), the key, and a folder that stays over restarts."""

    provider: str
    lago: str
    key: str
    folder: str


class Contestant(Protocol):
    """One process's client."""

    def bare(self) -> None:
        """A call that is not billed."""

    def billed(self) -> None:
        """A call that is."""

    def close(self, seconds: float) -> None:
        """Deliver what is left, as the library's documentation says, within this time."""


class _LLMKit:
    """`Client(billing=LagoBilling(…))` with an outbox in a file."""

    def __init__(self, where: Where) -> None:
        # Each contestant is there in its own environment only.
        llmkit: Any = importlib.import_module("llmkit")
        self._lago: Any = importlib.import_module("llmkit.billing").LagoBilling(
            f"{where.lago}/api/v1",
            where.key,
            outbox=f"{where.folder}/outbox.db",
            subscription=SUBSCRIPTION,
            entitlement=None,
        )
        self._bare = llmkit.Client(base_url=where.provider, api_key=KEY)
        self._billed = llmkit.Client(base_url=where.provider, api_key=KEY, billing=self._lago)

    def bare(self) -> None:
        self._bare.completion(f"openai/{MODEL}", SMALL)

    def billed(self) -> None:
        self._billed.completion(f"openai/{MODEL}", SMALL)

    def close(self, seconds: float) -> None:
        self._bare.close()
        self._billed.close()
        self._lago.flush(seconds)
        self._lago.close(seconds)


class _AgentSDK:
    """`LagoSDK.wrap(openai.OpenAI(…))`, as its documentation begins."""

    def __init__(self, where: Where) -> None:
        openai: Any = importlib.import_module("openai")
        self._sdk: Any = importlib.import_module("lago_agent_sdk").LagoSDK(
            where.key, f"{where.lago}/api/v1", SUBSCRIPTION
        )
        self._bare = openai.OpenAI(base_url=where.provider, api_key=KEY)
        self._billed = self._sdk.wrap(openai.OpenAI(base_url=where.provider, api_key=KEY))

    def bare(self) -> None:
        self._bare.chat.completions.create(model=MODEL, messages=SMALL)

    def billed(self) -> None:
        self._billed.chat.completions.create(model=MODEL, messages=SMALL)

    def close(self, seconds: float) -> None:
        self._sdk.flush(seconds)
        self._sdk.shutdown(seconds)


class _LiteLLM:
    """`litellm.callbacks = ["lago"]`, charged by the user's id, as its documentation has it for the SDK."""

    def __init__(self, where: Where) -> None:
        os.environ |= {
            "LAGO_API_BASE": where.lago,
            "LAGO_API_KEY": where.key,
            "LAGO_API_EVENT_CODE": "llm",
            "LAGO_API_CHARGE_BY": "user_id",
        }
        self._litellm: Any = importlib.import_module("litellm")
        self._call = {"model": f"openai/{MODEL}", "api_base": where.provider, "api_key": KEY}

    def bare(self) -> None:
        self._with([])

    def billed(self) -> None:
        self._with(["lago"])

    def close(self, seconds: float) -> None:
        """Its threads are waited for when the interpreter ends."""

    def _with(self, callbacks: list[str]) -> None:
        litellm = self._litellm
        if litellm.callbacks != callbacks:
            litellm.callbacks = list(callbacks)
            litellm.success_callback, litellm._async_success_callback = [], []  # noqa: SLF001
            litellm.failure_callback, litellm._async_failure_callback = [], []  # noqa: SLF001
            litellm.input_callback, litellm.service_callback = [], []
        metadata = {"user_api_key_user_id": SUBSCRIPTION}
        litellm.completion(**self._call, messages=SMALL, metadata=metadata)


CONTESTANTS: dict[str, Callable[[Where], Contestant]] = {
    "llmkit": _LLMKit,
    "lago_agent_sdk": _AgentSDK,
    "litellm": _LiteLLM,
}
