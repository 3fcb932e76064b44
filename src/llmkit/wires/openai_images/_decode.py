"""An answer's JSON to pictures."""

from __future__ import annotations

from ..._calls import ImageCall
from ..._http import HTTPResponse
from ...types.image import ImageResponse
from .._objects import built, items, object_of

__all__ = ["parse"]


def parse(call: ImageCall, response: HTTPResponse) -> ImageResponse:
    """Read an answer below 300."""
    data = object_of(call, response)
    if "data" not in data and (data.get("error") or "created" not in data):
        # Without pictures it is an answer, too; without a time it is something else.
        data = object_of(call, response, "data")
    data["data"] = items(data.get("data"))
    return built(ImageResponse, data)
