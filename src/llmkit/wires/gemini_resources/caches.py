"""The Gemini API's cached contents: prompts kept under a name. What is kept is written as a chat would write it.

Source: ``CachedContent`` of the v1beta reference, read 2026-11-22. Only how long it is kept can be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from ..._call import Adjustment, Call, ChatCall
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.answer import Answer
from ...types.cache import Cached, CacheDeleted, CachedList
from .._actions import chosen, named
from .._objects import asked, built, items, posted, written
from .._params import Ledger
from .._times import unix
from ..gemini import Gemini
from ..gemini._failures import failed
from ._where import LISTING, model_path, object_in, page, resource

__all__ = ["GeminiCaches"]

_COLLECTION = "cachedContents"
_KEPT = ("contents", "systemInstruction", "tools", "toolConfig")
_TIMES = {"ttl": "ttl", "expire_time": "expireTime"}
_CREATE = {**_TIMES, "display_name": "displayName", "tools": "tools", "tool_choice": "tool_choice"}
_INSTRUCTING = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True)
class GeminiCaches:
    """The wire. ``chat`` writes the messages and tools."""

    chat: Gemini = field(default_factory=Gemini)
    path: str = f"/{_COLLECTION}"
    """Where the caches are, below the base URL."""

    full_names: bool = False
    """Whether a model is named from its project on, which the base URL ends with."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        ledger = Ledger(call)
        return chosen(ledger, call, _BUILD)(self, ledger, call, to)  # type: ignore[no-any-return]

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a cached prompt, or a page of them."""
        if call.action == "delete":
            object_in(call, response)
            return CacheDeleted(id=call.target or "")
        if call.action == "list":
            data = object_in(call, response)
            caches = [_known(cache) for cache in items(data.get(_COLLECTION))]
            return built(CachedList, page(data, _COLLECTION, caches))
        return built(Cached, _known(object_in(call, response, "name")))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)


def _known(cache: dict[str, Any]) -> dict[str, Any]:
    """A cached prompt in plain words, beside the provider's own."""
    usage = cache.get("usageMetadata")
    return cache | {
        "id": cache.get("name"),
        "object": "cache",
        "display_name": cache.get("displayName"),
        "created_at": unix(cache.get("createTime")),
        "updated_at": unix(cache.get("updateTime")),
        "expires_at": unix(cache.get("expireTime")),
        "total_tokens": usage.get("totalTokenCount") if isinstance(usage, Mapping) else None,
    }


def _create(wire: GeminiCaches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    given = named(ledger, _CREATE)
    messages = (call.body or {}).get("messages")
    chat = ChatCall(
        call.id,
        call.provider,
        call.model,
        messages or (),
        params={name: given.pop(name) for name in ("tools", "tool_choice") if name in given},
        drop_params=call.drop_params,
        allowed=call.allowed,
        catalogue=call.catalogue,
    )
    made = wire.chat.build(chat, Endpoint(to.base_url))
    whole = written(made)
    body = {name: whole[name] for name in _KEPT if whole.get(name)}
    moved = _instructed(messages, body)
    ledger.adjustments += (a for a in made.adjustments if not (moved and _is_moved(a)))
    body = {"model": _model(wire, ledger, call, to), **body, **_times(ledger, given)}
    return posted(ledger, to, wire.path, body)


def _model(wire: GeminiCaches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> str:
    path = model_path(ledger, call.model)
    if not wire.full_names or call.model.startswith("projects/"):
        return path[1:]
    _, found, place = to.base_url.partition("/projects/")
    name = wire.chat.model_path.format(model=call.model)
    return unquote(found + place)[1:] + name if found else name[1:]


def _instructed(messages: Any, body: dict[str, Any]) -> bool:
    """A chat says a lone instruction as its user; a cache can hold it as what it is."""
    roles = {m.get("role") for m in messages or () if isinstance(m, Mapping)}
    if not roles or not roles <= _INSTRUCTING or "systemInstruction" in body:
        return False
    (content,) = body.pop("contents")
    body["systemInstruction"] = {"parts": content["parts"]}
    return True


def _is_moved(change: Adjustment) -> bool:
    return change.parameter == "messages" and change.change == "moved"


def _times(ledger: Ledger, given: Mapping[str, Any]) -> dict[str, Any]:
    if "ttl" in given and "expireTime" in given:
        raise ledger.invalid("give 'ttl' or 'expire_time', not both")
    told = dict(given)
    if isinstance(ttl := told.get("ttl"), int | float):
        told["ttl"] = f"{ttl}s"
    return told


def _update(wire: GeminiCaches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    body = _times(ledger, named(ledger, _TIMES))
    if not body:
        raise ledger.invalid("give 'ttl' or 'expire_time': nothing else of a cache can be changed")
    where = replace(to, query={**to.query, "updateMask": ",".join(body)})
    made = posted(ledger, where, _path(wire, ledger, call.target), body)
    made.method = "PATCH"
    return made


def _list(wire: GeminiCaches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    return asked(ledger, to, wire.path, named(ledger, LISTING))


def _one(wire: GeminiCaches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    method = "DELETE" if call.action == "delete" else "GET"
    return asked(ledger, to, _path(wire, ledger, call.target), method=method)


def _path(wire: GeminiCaches, ledger: Ledger, name: str | None) -> str:
    """A cache's own path: on the enterprise host its name begins with its project's."""
    own = (name or "").rpartition(f"{_COLLECTION}/")[2]
    return wire.path + resource(ledger, _COLLECTION, own).removeprefix(f"/{_COLLECTION}")


_BUILD = {"create": _create, "update": _update, "list": _list, "retrieve": _one, "delete": _one}
