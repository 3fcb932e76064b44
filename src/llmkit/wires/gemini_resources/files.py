"""The Gemini API's files: announced first, then uploaded in one piece to the address that the announcement gave.

Source: ``File`` of the v1beta reference and how google-genai 3.4.0 uploads and downloads, read 2026-11-22. What was
uploaded cannot be downloaded; what the provider made can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..._call import Call
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._upload import Upload
from ...errors import APIError
from ...types.answer import Answer
from ...types.file import FileContent, FileDeleted, FileList, FileObject
from .. import Step, Steps
from .._actions import chosen, named
from .._errors import unreadable
from .._numbers import whole
from .._objects import asked, built, items, posted
from .._params import Ledger
from .._times import unix
from ..gemini._failures import failed
from ._where import LISTING, downloaded, object_in, page, resource

__all__ = ["GeminiFiles"]

_STATUS = {"PROCESSING": "uploaded", "ACTIVE": "processed", "FAILED": "error"}
_ADDRESS = "x-goog-upload-url"


@dataclass(frozen=True, slots=True)
class GeminiFiles:
    """The wire."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call; of an upload, its announcement."""
        ledger = Ledger(call)
        return chosen(ledger, call, _BUILD)(ledger, call, to)  # type: ignore[no-any-return]

    def steps(self, call: ResourceCall, to: Endpoint) -> Steps:
        """One request; two for an upload."""
        first = self.build(call, to)
        # One address is one file, however often its bytes are sent there.
        response = yield Step(first, repeatable=True)
        if call.file is not None:
            sent = _upload(call, call.file, to, response)
            sent.adjustments = first.adjustments
            response = yield Step(sent, repeatable=True)
        return self.parse(call, response)

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a file, or a page of files."""
        if call.action == "content":
            return FileContent(content=response.body, media_type=response.content_type or None)
        if call.action == "delete":
            object_in(call, response)
            return FileDeleted(id=call.target or "")
        if call.action == "list":
            data = object_in(call, response)
            files = [_known(file) for file in items(data.get("files"))]
            return built(FileList, page(data, "files", files))
        data = object_in(call, response)
        inner = data.get("file")
        file = inner if isinstance(inner, dict) else data
        if "name" not in file:
            raise unreadable(call, response, "it has no name")
        return built(FileObject, _known(file))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)


def _known(file: dict[str, Any]) -> dict[str, Any]:
    """A file in OpenAI's words, beside the provider's own."""
    return file | {
        "id": file.get("name"),
        "object": "file",
        "bytes": whole(file.get("sizeBytes")),
        "created_at": unix(file.get("createTime")),
        "expires_at": unix(file.get("expirationTime")),
        "filename": file.get("displayName"),
        "status": _STATUS.get(str(file.get("state")), file.get("state")),
        "mime_type": file.get("mimeType"),
    }


def _create(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    if call.file is None:
        raise ledger.invalid("there is no file to upload")
    given = named(ledger, {"purpose": "purpose", "display_name": "display_name"})
    if given.get("purpose") is not None:
        ledger.adjust("purpose", "dropped", given["purpose"], None, "files have no purpose there")
    name = given.get("display_name") or call.file.name
    parts = urlsplit(to.base_url)
    base = parts._replace(path="/upload" + parts.path.rstrip("/")).geturl()
    announced = posted(
        ledger, Endpoint(base, to.headers, to.query), "/files", {"file": {"displayName": name}}
    )
    length = call.file.length
    return announced.with_headers(
        {
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-type": call.file.media_type,
            **({} if length is None else {"x-goog-upload-header-content-length": str(length)}),
        }
    )


def _upload(call: ResourceCall, file: Upload, to: Endpoint, response: HTTPResponse) -> HTTPRequest:
    url = response.headers.get(_ADDRESS, "")
    told, own = urlsplit(url), urlsplit(to.base_url)
    if (told.scheme, told.netloc) != (own.scheme, own.netloc):
        # The key goes along: to nobody but who was asked.
        raise unreadable(call, response, f"it gives no address of its own in {_ADDRESS}")
    return HTTPRequest(
        method="POST",
        url=url,
        headers={
            "content-type": file.media_type,
            "x-goog-upload-command": "upload, finalize",
            "x-goog-upload-offset": "0",
            **to.headers,
        },
        upload=file,
    )


def _list(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    return asked(ledger, to, "/files", named(ledger, LISTING))


def _one(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    if call.action == "content":
        return downloaded(ledger, to, call.target)
    method = "DELETE" if call.action == "delete" else "GET"
    return asked(ledger, to, resource(ledger, "files", call.target), method=method)


_BUILD = {"create": _create, "list": _list, "retrieve": _one, "delete": _one, "content": _one}
