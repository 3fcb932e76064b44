"""OpenAI's files: uploaded as a form, in pieces.

Source: the types of openai 3.54.0, read 2026-11-22; Mistral's OpenAPI document has the same form, with pages by number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._call import Call
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ..._multipart import Multipart, form_fields
from ...errors import APIError
from ...types.answer import Answer
from ...types.file import FileContent, FileDeleted, FileList, FileObject
from .._actions import chosen, named
from .._errors import api_error
from .._objects import asked, built, items, object_of, segment
from .._params import Ledger

__all__ = ["FILES", "PAGED", "OpenAIFiles"]

_LISTING = {"purpose": "purpose", "limit": "limit", "after": "after", "order": "order"}


@dataclass(frozen=True, slots=True)
class OpenAIFiles:
    """The wire."""

    listing: Mapping[str, str] = field(default_factory=lambda: _LISTING)
    """Parameter of a listing to the host's name for it."""

    expiry: bool = True
    """Whether a file can be given a time after which it is removed."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        ledger = Ledger(call)
        return chosen(ledger, call, _BUILD)(self, ledger, call, to)  # type: ignore[no-any-return]

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a file, a page of files, or a file's content."""
        if call.action == "content":
            return FileContent(content=response.body, media_type=response.content_type or None)
        if call.action == "list":
            return _page(object_of(call, response, "data"))
        data = object_of(call, response, "id")
        if call.action == "delete":
            return built(FileDeleted, data)
        return built(FileObject, data)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


def _page(data: dict[str, Any]) -> FileList:
    files = data["data"] = items(data["data"])
    more = data["has_more"] = bool(data.get("has_more"))
    last = data.get("last_id") or (files[-1].get("id") if files else None)
    data["next_cursor"] = last if more else None
    return built(FileList, data)


def _create(wire: OpenAIFiles, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    if call.file is None:
        raise ledger.invalid("there is no file to upload")
    names = {"purpose": "purpose"} | ({"expires_after": "expires_after"} if wire.expiry else {})
    given = named(ledger, names)
    if not given.get("purpose"):
        raise ledger.invalid("purpose is missing: batch, user_data, fine-tune, vision, evals …")
    expiry = given.pop("expires_after", None)
    if isinstance(expiry, int | float):
        expiry = {"anchor": "created_at", "seconds": expiry}
    fields = form_fields({**given, "expires_after": expiry, **call.extra_body})
    form = Multipart(f"llmkit-{call.id}", fields, [("file", call.file)])
    return HTTPRequest(
        method="POST",
        url=join_url(to.base_url, "/files", to.query),
        headers={"content-type": form.content_type, "accept": "application/json", **to.headers},
        adjustments=(*call.adjustments, *ledger.adjustments),
        upload=form,
    )


def _list(wire: OpenAIFiles, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    return asked(ledger, to, "/files", named(ledger, wire.listing))


def _one(wire: OpenAIFiles, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    path = f"/files/{segment(ledger, 'file_id', call.target)}"
    if call.action == "content":
        return asked(ledger, to, f"{path}/content", accept="*/*")
    return asked(ledger, to, path, method="DELETE" if call.action == "delete" else "GET")


_BUILD = {"create": _create, "list": _list, "retrieve": _one, "delete": _one, "content": _one}


FILES = OpenAIFiles()
# Mistral's: pages have numbers, and files no end.
_PAGES = {"purpose": "purpose", "limit": "page_size", "after": "page"}
PAGED = OpenAIFiles(listing=_PAGES, expiry=False)
