"""Replicate's pictures: a prediction of a model that makes them, waited for as a chat's is.

Names as official models of pictures have them (``num_outputs``, ``aspect_ratio``, ``output_format`` …); each model's
page lists its own, and what it takes beside these goes in ``extra_body``, such as ``{"input": {"seed": 1}}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._call import Call
from ..._calls import ImageCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ...errors import APIError
from ...types.image import ImageResponse
from .. import Step, Steps
from .._actions import named
from .._errors import unreadable
from .._objects import built
from .._params import HEADERS, Ledger, check_value, merge_extra, serialized
from .._times import unix
from ._errors import failed
from ._input import place
from ._poll import finished
from ._read import checked, prediction

__all__ = ["IMAGES", "ReplicateImages"]

_FIELDS = {
    "n": "num_outputs",
    "aspect_ratio": "aspect_ratio",
    "output_format": "output_format",
    "output_compression": "output_quality",
    "resolution": "resolution",
    "size": "size",
    "response_format": "response_format",
}
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_DATA_URL = re.compile(r"data:(image/[\w.+-]+);base64,(.*)", re.DOTALL)
_READ = frozenset({"input", "logs", "error", "created_at", "output"})


@dataclass(frozen=True, slots=True)
class ReplicateImages:
    """The wire."""

    def build(self, call: ImageCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…/predictions``."""
        ledger = Ledger(call)
        if call.action != "generate" or call.stream:
            raise ledger.invalid(
                f"{call.provider} makes pictures whole, from a text; what a model takes beside it goes in "
                "extra_body, such as {'input': {'image': …}}"
            )
        path, body = place(call.model)
        body = body | {"input": {"prompt": call.prompt, **_told(ledger, call)}}
        merge_extra(body, call.extra_body)
        return HTTPRequest(
            method="POST",
            url=join_url(to.base_url, path, to.query),
            headers={**HEADERS, "prefer": "wait", **to.headers},
            body=serialized(ledger, body),
            adjustments=(*call.adjustments, *ledger.adjustments),
        )

    def steps(self, call: ImageCall, to: Endpoint) -> Steps:
        """Create the prediction, and ask for it until it has ended."""
        response = yield Step(self.build(call, to), repeatable=False)
        data = yield from finished(call, to, response)
        return _pictures(call, response, data)

    def parse(self, call: ImageCall, response: HTTPResponse) -> ImageResponse:
        """Read a prediction that has ended. Raises an ``APIError`` for one that did not succeed."""
        return _pictures(call, response, checked(call, prediction(call, response)))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)


def _told(ledger: Ledger, call: ImageCall) -> dict[str, Any]:
    made = named(ledger, _FIELDS)
    for name, value in made.items():
        check_value(ledger, name, value)
    if made.pop("response_format", "url") != "url":
        raise ledger.invalid("pictures are told by their addresses there: response_format is url")
    size = made.pop("size", None)
    if size in (None, "auto"):
        return made
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        raise ledger.invalid(f"size must be such as '1024x768', not {size!r:.40}")
    return made | {"width": int(found.group(1)), "height": int(found.group(2))}


def _pictures(call: ImageCall, response: HTTPResponse, data: Mapping[str, Any]) -> ImageResponse:
    """One picture or several; a model that tells of none is no maker of pictures."""
    output = data.get("output")
    listed = output if isinstance(output, list) else [output]
    pictures = [made for item in listed if (made := _picture(item))]
    if not pictures:
        raise unreadable(call, response, "its output has no pictures")
    rest = {name: value for name, value in data.items() if name not in _READ and value is not None}
    return built(ImageResponse, {**rest, "created": unix(data.get("created_at")), "data": pictures})


def _picture(item: Any) -> dict[str, Any] | None:
    address = item.get("url") if isinstance(item, Mapping) else item
    if not isinstance(address, str):
        return None
    inline = _DATA_URL.fullmatch(address)
    if inline is not None:
        return {"b64_json": inline.group(2), "mime_type": inline.group(1)}
    return {"url": address} if address.startswith(("http://", "https://")) else None


IMAGES = ReplicateImages()
