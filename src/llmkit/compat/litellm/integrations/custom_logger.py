"""``CustomLogger``: what LiteLLM's programs derive their loggers from. It does nothing itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

__all__ = ["CustomLogger"]

_Time = dt.datetime


class CustomLogger:
    """A logger. ``kwargs`` is the call as LiteLLM has it; see docs/migration.md for what is in it.

    The methods without ``async_`` are told of sync calls, the others of async ones; ``log_pre_api_call`` and
    ``log_post_api_call`` of both.
    """

    def __init__(self, turn_off_message_logging: bool = False, **more: Any) -> None:  # noqa: FBT001, FBT002
        self.turn_off_message_logging = turn_off_message_logging
        self.__dict__.update(more)

    def log_pre_api_call(self, model: str, messages: Any, kwargs: dict[str, Any]) -> None:
        """A request is about to leave; once for each attempt."""

    def log_post_api_call(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: _Time, end_time: _Time
    ) -> None:
        """A whole answer is there."""

    def log_stream_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: _Time, end_time: _Time
    ) -> None:
        """A piece of an answer is there."""

    def log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: _Time, end_time: _Time
    ) -> None:
        """A sync call has ended with an answer; a stream's is the whole of it."""

    def log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: _Time, end_time: _Time
    ) -> None:
        """A sync call has failed; ``kwargs["exception"]`` says how."""

    async def async_log_pre_api_call(
        self, model: str, messages: Any, kwargs: dict[str, Any]
    ) -> None:
        """``log_pre_api_call`` of an async call."""

    async def async_log_stream_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: _Time, end_time: _Time
    ) -> None:
        """``log_stream_event`` of an async call."""

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: _Time, end_time: _Time
    ) -> None:
        """``log_success_event`` of an async call."""

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: _Time, end_time: _Time
    ) -> None:
        """``log_failure_event`` of an async call."""

    def logging_hook(self, kwargs: dict[str, Any], result: Any, call_type: str) -> tuple[Any, Any]:
        """Change what the loggers are told of a sync call's success: return both."""
        return kwargs, result

    async def async_logging_hook(
        self, kwargs: dict[str, Any], result: Any, call_type: str
    ) -> tuple[Any, Any]:
        """``logging_hook`` of an async call."""
        return kwargs, result

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[Any],
        messages: list[Any] | None,
        request_kwargs: dict[str, Any] | None = None,
        parent_otel_span: Any = None,
    ) -> list[Any]:
        """A router's async call looks for a deployment of a group: return those that may be asked."""
        return healthy_deployments

    def pre_call_check(self, deployment: dict[str, Any]) -> dict[str, Any] | None:
        """A router has chosen a deployment for a sync call: raise ``RateLimitError``, and another is asked."""

    async def async_pre_call_check(
        self, deployment: dict[str, Any], parent_otel_span: Any
    ) -> dict[str, Any] | None:
        """``pre_call_check`` of an async call."""

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: Any
    ) -> dict[str, Any] | None:
        """An async call is about to be made: return its arguments changed, or ``None``; or raise, to refuse it."""

    async def async_post_call_success_deployment_hook(
        self, request_data: dict[str, Any], response: Any, call_type: Any
    ) -> Any:
        """An async call was answered: return another answer, or ``None``."""

    async def async_post_call_failure_deployment_hook(
        self, request_data: Any, exception: Exception, call_type: Any, fallback_depth: Any = None
    ) -> None:
        """An async call failed."""

    async def async_post_call_streaming_deployment_hook(
        self, request_data: dict[str, Any], response_chunk: Any, call_type: Any
    ) -> Any:
        """A piece of an async call's stream: return another, or ``None``."""

    async def log_success_fallback_event(
        self, original_model_group: str, kwargs: dict[str, Any], original_exception: Exception
    ) -> None:
        """A router's call was answered by another group than the one that was asked."""

    async def log_failure_fallback_event(
        self, original_model_group: str, kwargs: dict[str, Any], original_exception: Exception
    ) -> None:
        """A router's call failed, and so did the other groups."""
