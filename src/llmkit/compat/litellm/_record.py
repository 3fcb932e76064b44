"""One call as LiteLLM's loggers are told of it: their ``kwargs``, with the flat ``standard_logging_object``.

Data only; who is told is ``_telling``'s business.
"""

from __future__ import annotations

import datetime as dt
import time
import traceback
import uuid
from collections.abc import Mapping
from typing import Any

from ._answers import hidden_params
from ._settings import setting

__all__ = ["Record"]

REDACTED = "redacted-by-litellm"


class Record:
    """A call, from its arguments to its end."""

    def __init__(
        self, call_type: str, model: str, told: Mapping[str, Any], *, awaited: bool
    ) -> None:
        self.awaited, self.ended = awaited, False
        self.first_chunk: float | None = None
        self.mocked = False
        self.asked_for = model
        self.fell: BaseException | None = None
        self.failure: BaseException | None = None
        self.timeout = told.get("timeout")
        self.quiet = bool(told.get("no-log"))
        self.logger_fn = told.get("logger_fn")
        self.id: str = told.get("litellm_call_id") or str(uuid.uuid4())
        self.started = time.time()
        given = told.get("messages", told.get("input", told.get("prompt")))
        self.asked = REDACTED if setting("turn_off_message_logging") else given
        optional = dict(told.get("optional_params") or {})
        self.kwargs: dict[str, Any] = {
            "model": model,
            "messages": _messages(self.asked),
            "input": self.asked,
            "call_type": call_type,
            "stream": bool(told.get("stream")),
            "user": told.get("user"),
            "optional_params": optional,
            "litellm_params": _litellm_params(told, self.id, awaited=awaited),
            "litellm_call_id": self.id,
            "litellm_trace_id": told.get("litellm_trace_id"),
            "start_time": _at(self.started),
            "log_event_type": "pre_api_call",
            "additional_args": {},
            "standard_callback_dynamic_params": {},
            "cache_hit": None,
            **optional,
        }

    def leaving(self, provider: str, model: str, url: str) -> None:
        """A request is about to leave; it comes with each attempt."""
        self.kwargs |= {"custom_llm_provider": provider, "model": model}
        self.kwargs["additional_args"] = {"api_base": url, "complete_input_dict": {}}
        self.kwargs["api_call_start_time"] = _at(time.time())

    def end(self, response: Any, error: BaseException | None, call: Any = None) -> None:
        """It ended: with an answer or an error."""
        now = time.time()
        stream, answered = self.kwargs["stream"], error is None
        cost = getattr(getattr(response, "cost", None), "total", None) if answered else 0
        self.kwargs |= {
            "end_time": _at(now),
            "completion_start_time": _at(self.first_chunk or now),
            "log_event_type": "successful_api_call" if answered else "failed_api_call",
            "response_cost": None if cost is None else float(cost),
            "original_response": None,
        }
        if error is not None:
            trace = "".join(traceback.format_exception(error))
            self.kwargs |= {"exception": error, "traceback_exception": trace}
        elif stream:
            whole = "async_complete_streaming_response" if self.awaited else ""
            for name in filter(None, ("complete_streaming_response", whole)):
                self.kwargs[name] = response
        self.kwargs["standard_logging_object"] = self._standard(response, error, now, call)

    @property
    def start_time(self) -> dt.datetime:
        """When it began, as the loggers want it: naive, in local time."""
        return _at(self.started)

    def _standard(
        self, response: Any, error: BaseException | None, now: float, call: Any
    ) -> dict[str, Any]:
        kwargs, metadata = self.kwargs, self.kwargs["litellm_params"]["metadata"]
        info = call or getattr(response, "call", None)
        hidden = hidden_params(info, getattr(response, "cost", None)) if info else {}
        return {
            "id": str(getattr(response, "id", "") or self.id),
            "trace_id": kwargs["litellm_trace_id"] or self.id,
            "litellm_call_id": self.id,
            "call_type": kwargs["call_type"],
            "stream": kwargs["stream"],
            "status": "success" if error is None else "failure",
            "custom_llm_provider": kwargs.get("custom_llm_provider")
            or hidden.get("custom_llm_provider"),
            "model": getattr(info, "model", "") or kwargs["model"],
            "model_group": getattr(info, "group", "") or "",
            "model_id": getattr(info, "deployment", "") or "",
            "model_map_information": {"model_map_key": kwargs["model"], "model_map_value": None},
            "model_parameters": kwargs["optional_params"],
            "api_base": hidden.get("api_base") or "",
            "startTime": self.started,
            "endTime": now,
            "completionStartTime": self.first_chunk or now,
            "response_time": now - self.started,
            "response_cost": kwargs["response_cost"],
            "response_cost_failure_debug_info": _why_unknown(response),
            **_counts(response),
            "cache_hit": getattr(info, "cache_hit", None) or None,
            "cache_key": getattr(info, "cache_key", None),
            "saved_cache_cost": _saved(info),
            "metadata": {**metadata, "requester_metadata": metadata or None},
            "request_tags": list(metadata.get("tags") or ()),
            "end_user": kwargs["user"],
            "requester_ip_address": None,
            "messages": self.asked,
            "response": self._shown(response),
            "hidden_params": hidden,
            "guardrail_information": None,
            **_failure(error),
        }

    def _shown(self, response: Any) -> Any:
        if response is None or self.asked == REDACTED:
            return None if response is None else REDACTED
        return response.model_dump() if hasattr(response, "model_dump") else str(response)


def _litellm_params(told: Mapping[str, Any], call_id: str, *, awaited: bool) -> dict[str, Any]:
    metadata = {**(told.get("litellm_metadata") or {}), **(told.get("metadata") or {})}
    return {
        "acompletion": awaited,
        "metadata": metadata,
        "litellm_call_id": call_id,
        "litellm_trace_id": told.get("litellm_trace_id"),
        "litellm_session_id": told.get("litellm_session_id"),
        "api_base": told.get("api_base") or told.get("base_url"),
        "custom_llm_provider": told.get("custom_llm_provider"),
        "logger_fn": told.get("logger_fn"),
        "no-log": told.get("no-log"),
        "model_info": told.get("model_info"),
        "proxy_server_request": None,
    }


def _messages(given: Any) -> Any:
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def _at(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds)  # noqa: DTZ006 - LiteLLM's are naive, in local time


def _counts(response: Any) -> dict[str, int]:
    """Tokens; LiteLLM's loggers add them up, so that 0 stands for what is not known."""
    counted = getattr(response, "counted", None)
    usage = counted() if callable(counted) else None
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: getattr(usage, name, None) or 0 for name in names}


def _why_unknown(response: Any) -> dict[str, Any] | None:
    cost = getattr(response, "cost", None)
    if cost is None or cost.total is not None:
        return None
    return {"error_str": cost.reason, "model": str(getattr(response, "model", "") or "")}


def _failure(error: BaseException | None) -> dict[str, Any]:
    if error is None:
        return {"error_str": None, "error_information": None}
    told = {
        "error_code": str(getattr(error, "status_code", "") or ""),
        "error_class": type(error).__name__,
        "llm_provider": getattr(error, "llm_provider", None) or "",
        "error_message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }
    return {"error_str": str(error), "error_information": told}


def _saved(info: Any) -> float | None:
    """What a hit saved; ``None`` where nobody knows it, which LiteLLM has no word for."""
    cost = getattr(info, "saved_cache_cost", None)
    if cost is None:
        return 0.0
    return None if cost.total is None else float(cost.total)
