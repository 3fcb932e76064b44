"""Anthropic's files. They have no purpose, and what was uploaded cannot be downloaded again.

Source: the types and resources of anthropic 2.12.0, read 2026-11-22, where no beta is named any more. The recorded
traffic of the same year has the beta's header, and pages by id: both are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._call import Call
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ..._multipart import Multipart, form_fields
from ...errors import APIError
from ...types.answer import Answer
from ...types.file import FileContent, FileDeleted, FileList, FileObject
from .._actions import chosen, named
from .._objects import built, items, object_of
from .._params import Ledger
from .._times import unix
from ..anthropic_messages._errors import error
from ._where import cursor, get, one, rooted, with_beta

__all__ = ["AnthropicFiles"]

_FEATURE = "files-api-2025-04-14"
_PAGE = "page_"


@dataclass(frozen=True, slots=True)
class AnthropicFiles:
    """The wire."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        ledger = Ledger(call)
        return with_beta(chosen(ledger, call, _BUILD)(ledger, call, to), _FEATURE)

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a file, a page of files, or a file's content."""
        if call.action == "content":
            return FileContent(content=response.body, media_type=response.content_type or None)
        if call.action == "list":
            data = object_of(call, response, "data")
            data["data"] = [_known(file) for file in items(data["data"])]
            return built(FileList, {**cursor(data), "object": "list"})
        data = object_of(call, response, "id")
        if call.action == "delete":
            return built(FileDeleted, {**data, "deleted": True})
        return built(FileObject, _known(data))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return error(call, response)


def _known(file: dict[str, Any]) -> dict[str, Any]:
    """A file in OpenAI's words, beside the provider's own."""
    return file | {
        "object": "file",
        "bytes": file.get("size_bytes"),
        "created_at": unix(file.get("created_at")),
        "expires_at": unix(file.get("expires_at")),
        "status": "processed",
    }


def _create(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    if call.file is None:
        raise ledger.invalid("there is no file to upload")
    given = named(ledger, {n: n for n in ("purpose", "expires_after", "expires_in_seconds")})
    if given.get("purpose") is not None:
        ledger.adjust("purpose", "dropped", given["purpose"], None, "files have no purpose there")
    form = Multipart(f"llmkit-{call.id}", _fields(ledger, call, given), [("file", call.file)])
    return HTTPRequest(
        method="POST",
        url=join_url(rooted(to).base_url, "/files", to.query),
        headers={"content-type": form.content_type, "accept": "application/json", **to.headers},
        adjustments=(*call.adjustments, *ledger.adjustments),
        upload=form,
    )


def _fields(ledger: Ledger, call: ResourceCall, given: dict[str, Any]) -> list[tuple[str, str]]:
    seconds, after = given.get("expires_in_seconds"), given.get("expires_after")
    if isinstance(after, Mapping):
        after = after.get("seconds")
    if seconds is not None and after is not None and seconds != after:
        raise ledger.invalid("give 'expires_after' or 'expires_in_seconds', not both")
    seconds = after if seconds is None else seconds
    told = {} if seconds is None else {"expires_in_seconds": seconds}
    return list(form_fields(told | dict(call.extra_body)))


def _list(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    after = call.params.get("after")
    name = "page" if isinstance(after, str) and after.startswith(_PAGE) else "after_id"
    return get(ledger, to, "/files", named(ledger, {"limit": "limit", "after": name}))


def _one(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    path = f"/files/{one(ledger, 'file_id', call.target)}"
    if call.action == "content":
        return get(ledger, to, f"{path}/content", accept="*/*")
    return get(ledger, to, path, method="DELETE" if call.action == "delete" else "GET")


_BUILD = {"create": _create, "list": _list, "retrieve": _one, "delete": _one, "content": _one}
