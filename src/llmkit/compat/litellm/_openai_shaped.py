"""``LiteLLM``: LiteLLM's client in the shape of openai's, ``LiteLLM(api_key=…).chat.completions.create(…)``."""

from __future__ import annotations

from typing import Any

from ._calling import call

__all__ = ["LiteLLM"]


class _Completions:
    def __init__(self, usual: dict[str, Any]) -> None:
        self._usual = usual

    def create(self, messages: Any, model: str | None = None, **named: Any) -> Any:
        """As ``litellm.completion``, with what the client was given."""
        told = {name: value for name, value in self._usual.items() if value is not None}
        return call("completion", (), {**told, "model": model, "messages": messages, **named})


class _Chat:
    def __init__(self, usual: dict[str, Any]) -> None:
        self.completions = _Completions(usual)


class LiteLLM:
    """A key and an address, for the calls made through it.

    Args:
        api_key: the provider's key.
        organization: whose it is.
        base_url: the address.
        timeout: seconds for a call with its retries.
        max_retries: how often to try again.
        default_headers: sent along.
    """

    def __init__(
        self,
        *,
        api_key: Any = None,
        organization: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        default_headers: Any = None,
    ) -> None:
        self.chat = _Chat(
            {
                "api_key": api_key,
                "organization": organization,
                "base_url": base_url,
                "timeout": timeout,
                "max_retries": max_retries,
                "extra_headers": default_headers,
            }
        )
