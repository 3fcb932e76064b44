"""How each of the compat layer's calls is made: its arguments and the settings in, LiteLLM's answer or exception out.

The calls themselves are llmkit's, of a client or a router; custom providers' are ``_custom``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple

from ..._control.address import resolve
from ..._control.plan import Kind
from ..._io._observe import resolved_sync
from ..._io.aio_stream import AsyncStream
from ..._io.sync_stream import Stream
from ...client import Client
from ...errors import LLMKitError
from . import _custom, _mock
from ._answers import shaped
from ._arguments import told, with_positions
from ._clients import client_for
from ._hooks import after_call, after_failure, before_call, check_hooks
from ._record import Record
from ._settings import setting
from ._streams import CustomStreamWrapper, raised
from ._telling import check_loggers, finish, noting

__all__ = ["KINDS", "Prepared", "acall", "call", "prepared"]


class _Form(NamedTuple):
    """A call's kind, and the arguments that are not parameters."""

    kind: Kind
    subject: frozenset[str]


def _form(name: str, function: str, params: str, subject: str) -> _Form:
    names = frozenset(subject.split()) | {"model", "stream"}
    return _Form(Kind(name, function, "_call:ChatCall", params), names)


_NONE: Final = "types.params:CallOptions"
KINDS: Final[dict[str, _Form]] = {
    form.kind.function: form
    for form in (
        _form("chat", "completion", "types.params:ModelParams", "messages dry_run"),
        _form("embedding", "embedding", "types.embedding:EmbeddingModelParams", "input"),
        _form("text_completion", "text_completion", "types.text:TextModelParams", "prompt"),
        _form("responses", "responses", "types.responses:ResponsesModelParams", "input"),
        _form("image", "image_generation", "types.image:ImageModelParams", "prompt"),
        _form("image", "image_edit", "types.image:ImageModelParams", "image prompt mask"),
        _form("image", "image_variation", "types.image:ImageModelParams", "image"),
        _form("transcription", "transcription", "types.audio:TranscriptionModelParams", "file"),
        _form("speech", "speech", "types.audio:SpeechModelParams", "input voice"),
        _form("rerank", "rerank", "types.rerank:RerankModelParams", "query documents"),
        _form("messages", "messages", "types.messages:MessagesModelParams", "messages"),
        _form("count_tokens", "count_tokens", "types.params:ModelParams", "messages"),
        *(
            _form("stored_responses", name, "types.responses:StoredModelParams", "response_id")
            for name in (
                "get_responses",
                "delete_responses",
                "cancel_responses",
                "list_input_items",
            )
        ),
        _form("moderation", "moderation", "types.moderation:ModerationModelParams", "input"),
        _form("files", "create_file", "types.file:FileModelParams", "file"),
        _form("files", "file_content", _NONE, "file_id"),
        _form("files", "file_retrieve", _NONE, "file_id"),
        _form("files", "file_delete", _NONE, "file_id"),
        _form("files", "file_list", "types.file:FileListModelParams", ""),
        _form("batches", "create_batch", "types.batch:BatchModelParams", ""),
        _form("batches", "retrieve_batch", _NONE, "batch_id"),
        _form("batches", "cancel_batch", _NONE, "batch_id"),
        _form("batches", "list_batches", "types.batch:BatchListModelParams", ""),
    )
}
_OURS: Final = {
    "file_retrieve": "retrieve_file",
    "file_delete": "delete_file",
    "file_list": "list_files",
}


class Prepared(NamedTuple):
    """A call about to be made."""

    name: str
    arguments: dict[str, Any]
    record: Record


def prepared(
    name: str, given: Mapping[str, Any], *, awaited: bool, routed: bool = False
) -> Prepared:
    """Read the settings, and tell the arguments apart.

    Raises:
        LLMKitError: one of them is not honoured.
    """
    check_loggers()
    check_hooks()
    _custom.register()
    form = KINDS[name]
    arguments = _settled(form, given, routed=routed)
    ours, optional = told(form.kind, sorted(form.subject), arguments)
    stands_in = _mock.mocked(name, arguments)
    made = {**arguments, "optional_params": optional}
    record = Record(
        f"a{name}" if awaited else name, str(arguments.get("model") or ""), made, awaited=awaited
    )
    record.mocked = bool(stands_in)
    return Prepared(name, {**ours, **stands_in}, record)


def _settled(form: _Form, given: Mapping[str, Any], *, routed: bool) -> dict[str, Any]:
    """The arguments, over what the settings say of every call."""
    arguments = {name: value for name, value in given.items() if value is not None}
    if model := arguments.get("model"):
        arguments["model"] = (setting("model_alias_map") or {}).get(model, model)
    usual = {
        "api_base": None if "base_url" in arguments else setting("api_base"),
        "api_version": setting("api_version"),
        "organization": setting("organization"),
        "headers": None if "extra_headers" in arguments else setting("headers"),
        "drop_params": setting("drop_params") or None,
        "num_retries": None if "max_retries" in arguments else setting("num_retries"),
        "timeout": None if "request_timeout" in arguments else setting("request_timeout"),
        "fallbacks": setting("model_fallbacks"),
        "vertex_project": setting("vertex_project"),
        "vertex_location": setting("vertex_location"),
    }
    if routed:  # a deployment's own address and key go before those of everybody
        usual = {"drop_params": usual["drop_params"]}
    elif _custom.is_custom(
        arguments
    ):  # as there, its functions are called once unless somebody says otherwise
        usual |= {"num_retries": usual["num_retries"] or 0, "api_base": None}
    told_ = {name: value for name, value in usual.items() if value is not None}
    return {**told_, **arguments}


def _at_home(ours: dict[str, Any], client: Client) -> Client:
    """The client, with the key that the settings have for the provider, where the call brings none."""
    if "api_key" in ours or "model" not in ours:
        return client
    provider, _ = resolve(
        ours["model"],
        ours.get("custom_llm_provider"),
        client.catalogue,
        elsewhere=bool(ours.get("api_base") or ours.get("base_url")),
    )
    names = (
        f"{name}{end}"
        for name in (provider.name, *provider.aliases)
        for end in ("_key", "_api_key")
    )
    key = next(filter(None, map(setting, names)), None) or setting("api_key")
    if key is not None:
        ours["api_key"] = key
    return client


def call(name: str, given: tuple[Any, ...], named: Mapping[str, Any], target: Any = None) -> Any:
    """Make a call. ``target``: a router that it goes to.

    Raises:
        LLMKitError: as llmkit's call, of LiteLLM's classes.
    """
    record = None
    try:
        made = prepared(
            name, with_positions(name, given, named), awaited=False, routed=target is not None
        )
        record = made.record
        _mock.delay(named)
        with noting(record), _vetted(target, made):
            client = target or _at_home(made.arguments, client_for(awaited=False))
            answer = getattr(client, _OURS.get(name, name))(**made.arguments)
    except LLMKitError as error:
        _unheard(record, error)
        raise raised(error) from _cause(record, error)
    return _handed_out(answer, made)


async def acall(
    name: str, given: tuple[Any, ...], named: Mapping[str, Any], target: Any = None
) -> Any:
    """``call`` for async code."""
    record = None
    placed: Mapping[str, Any] = with_positions(f"a{name}", given, named)
    try:
        placed = await before_call(name, placed)
        made = prepared(name, placed, awaited=True, routed=target is not None)
        record = made.record
        await _mock.adelay(named)
        with noting(record), _vetted(target, made):
            client = target or _at_home(made.arguments, client_for(awaited=True))
            answer = await getattr(client, f"a{_OURS.get(name, name)}")(**made.arguments)
    except LLMKitError as error:
        waiting = _unheard(record, error)
        if waiting is not None:
            await waiting
        failure = raised(error)
        await after_failure(name, placed, failure)
        raise failure from _cause(record, error)
    out = _handed_out(answer, made)
    return out if made.record.kwargs["stream"] else await after_call(name, placed, out)


def _vetted(target: Any, made: Prepared) -> AbstractContextManager[Any]:
    """Where a router makes it: its loggers say who may be asked."""
    if target is None:
        return nullcontext()
    vetting: AbstractContextManager[Any] = target.vetting(
        made.arguments, awaited=made.record.awaited
    )
    return vetting


def _cause(record: Record | None, error: LLMKitError) -> BaseException | None:
    """What a custom provider's function failed with, where it was that."""
    return error.__cause__ or (None if record is None else record.failure)


def _unheard(record: Record | None, error: LLMKitError) -> Any:
    """Tell of what failed before it was a call."""
    waiting = None if record is None else finish(record, None, error)
    if waiting is not None and record is not None and not record.awaited:
        resolved_sync(waiting)
        return None
    return waiting


def _handed_out(answer: Any, made: Prepared) -> Any:
    if isinstance(answer, Stream | AsyncStream):
        call_ = answer.call
        return CustomStreamWrapper(answer, call_.model, made.record, call_.provider)
    whole = shaped(answer)
    if hasattr(type(whole), "_hidden_params"):
        whole._hidden_params["optional_params"] = made.record.kwargs["optional_params"]  # noqa: SLF001
    return whole
