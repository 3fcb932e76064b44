"""``CustomLogger``'s methods that look into a call or change it: before it, after it, for each piece of a stream.

Only those that a logger has of its own are called. What is told of a call's end is ``_telling``'s business.
"""

from __future__ import annotations

import datetime as dt
import enum
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from ._record import Record
from ._settings import UnhonouredSettingWarning, outside, setting
from ._telling import loggers, report, safely
from .integrations.custom_logger import CustomLogger

__all__ = [
    "CallTypes",
    "after_call",
    "after_failure",
    "apiece",
    "before_call",
    "check_hooks",
    "of_stream",
    "own",
    "piece",
]

_CALLS: Final = (
    "completion", "embedding", "image_generation", "image_edit", "image_variation", "moderation", "text_completion",
    "transcription", "speech", "rerank", "responses", "create_batch", "retrieve_batch", "create_file", "file_content",
    "file_retrieve", "file_delete", "file_list", "list_batches", "cancel_batch",
)  # fmt: skip
_members = {name: name for one in _CALLS for name in (one, f"a{one}")}
_enum: Any = enum.StrEnum
CallTypes = _enum("CallTypes", _members)
"""Kinds of call, as the hooks are told: ``CallTypes.acompletion`` equals ``"acompletion"``."""
_UNCALLED: Final = {
    "async_pre_request_hook": "use async_pre_call_deployment_hook",
    "async_pre_routing_hook": "use llmkit.Router(hooks=[…])",
    "get_chat_completion_prompt": "give messages: prompts are kept by nobody here",
    "log_model_group_rate_limit_error": "use log_failure_event",
}
"""Methods that LiteLLM calls in a program, and nobody here, with what to do instead."""
_looked_at: set[type] = set()


def own(name: str, settings: str = "callbacks") -> list[Callable[..., Any]]:
    """A method of those loggers that have one of their own."""
    if not setting("callbacks") and not setting(settings):
        return []
    given = loggers(settings) if settings != "callbacks" else list(setting("callbacks"))
    unset = getattr(CustomLogger, name)
    return [
        getattr(one, name)
        for one in given
        if isinstance(one, CustomLogger) and getattr(type(one), name) is not unset
    ]


def check_hooks() -> None:
    """Warn, once for a class, of methods that it has and nobody calls."""
    for one in setting("callbacks") or ():
        if type(one) in _looked_at or not isinstance(one, CustomLogger):
            continue
        _looked_at.add(type(one))
        for name in _UNCALLED.keys() & set(dir(one)):
            warnings.warn(
                f"{type(one).__name__}.{name} is not called: {_UNCALLED[name]}",
                UnhonouredSettingWarning,
                stacklevel=outside(),
            )


def _type_of(name: str) -> Any:
    return getattr(CallTypes, name, None)


async def before_call(name: str, named: Mapping[str, Any]) -> Mapping[str, Any]:
    """``async_pre_call_deployment_hook``: the arguments as the loggers want them. What one raises is the caller's."""
    for hook in own("async_pre_call_deployment_hook"):
        named = await hook(dict(named), _type_of(f"a{name}")) or named
    return named


async def after_call(name: str, named: Mapping[str, Any], answer: Any) -> Any:
    """``async_post_call_success_deployment_hook``: the answer as the loggers want it; one that fails is logged."""
    for hook in own("async_post_call_success_deployment_hook"):
        try:
            changed = await hook(dict(named), answer, _type_of(f"a{name}"))
        except Exception as error:  # noqa: BLE001 - the answer is there
            report(hook, error)
        else:
            answer = answer if changed is None else changed
    return answer


async def after_failure(name: str, named: Mapping[str, Any], error: Exception) -> None:
    """``async_post_call_failure_deployment_hook``; one that fails itself is logged."""
    for hook in own("async_post_call_failure_deployment_hook"):
        try:
            await hook(MappingProxyType(dict(named)), error, _type_of(f"a{name}"))
        except Exception as another:  # noqa: BLE001 - the first one is the caller's
            report(hook, another)


def of_stream(record: Any) -> tuple[list[Callable[..., Any]], list[Callable[..., Any]]]:
    """Who is told of a stream's pieces, and who may change them."""
    if not isinstance(record, Record) or record.quiet:
        return [], []
    if not record.awaited:
        return own("log_stream_event", "success_callback"), []
    told = own("async_log_stream_event", "success_callback")
    return told, own("async_post_call_streaming_deployment_hook")


def piece(record: Record, chunk: Any, told: list[Callable[..., Any]]) -> None:
    """``log_stream_event``, of a sync call."""
    now = dt.datetime.now()  # noqa: DTZ005 - LiteLLM's are naive, in local time
    for method in told:
        safely(method, record.kwargs, chunk, record.start_time, now)


async def apiece(
    record: Record, chunk: Any, told: list[Callable[..., Any]], changing: list[Callable[..., Any]]
) -> Any:
    """``async_post_call_streaming_deployment_hook``, and ``async_log_stream_event`` of what came of it."""
    for hook in changing:
        try:
            changed = await hook(record.kwargs, chunk, _type_of(record.kwargs["call_type"]))
        except Exception as error:  # noqa: BLE001 - no logger can break a stream
            report(hook, error)
        else:
            chunk = chunk if changed is None else changed
    now = dt.datetime.now()  # noqa: DTZ005 - as above
    for method in told:
        try:
            await method(record.kwargs, chunk, record.start_time, now)
        except Exception as error:  # noqa: BLE001 - as above
            report(method, error)
    return chunk
