"""A call for pictures to a request: JSON where nothing is uploaded, a form where something is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._calls import ImageCall
from ..._http import Endpoint, HTTPRequest, join_url
from ..._multipart import Multipart, form_fields
from ..._upload import Upload
from .._objects import posted, taken
from .._params import Ledger

if TYPE_CHECKING:
    from . import OpenAIImages

__all__ = ["build"]

_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_PATHS = {"generate": "/images/generations", "edit": "/images/edits", "vary": "/images/variations"}
# What there is for one of them only: by the reference's form of each.
_NOT_FOR = {
    "generate": frozenset({"input_fidelity"}),
    "edit": frozenset({"style"}),
    "vary": frozenset({
        "background", "complexity", "frame_count", "frame_duration_ms", "input_fidelity", "moderation",
        "output_compression", "output_format", "partial_images", "quality", "safety_identifier", "style", "svg",
    }),
}  # fmt: skip


def build(wire: OpenAIImages, call: ImageCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/images/…``."""
    ledger = Ledger(call)
    if call.action not in wire.actions:
        raise ledger.invalid(f"{call.provider} cannot be asked to {call.action} pictures")
    body: dict[str, Any] = {"model": call.model} if call.model else {}
    if call.prompt is not None:
        body["prompt"] = call.prompt
    body |= taken(ledger, wire.refused | _NOT_FOR[call.action])
    if (told := body.get("response_format")) is not None:
        body["response_format"] = wire.formats.get(str(told), told)
    if wire.sides and "size" in body:
        body |= _sides(ledger, body.pop("size"))
    if call.stream:
        body["stream"] = True
    if call.action == "generate":
        return posted(ledger, to, _PATHS[call.action], body)
    if not call.images:
        raise ledger.invalid(f"there is no picture to {call.action}")
    if all(_address(image) for image in call.images):
        return _by_address(ledger, call, to, body)
    return _as_form(ledger, call, to, body)


def _sides(ledger: Ledger, size: Any) -> dict[str, int]:
    """A size as its two sides; the model's own needs no word."""
    if size == "auto":
        return {}
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if match is None:
        raise ledger.invalid(f"size must be such as '1024x768', not {size!r:.40}")
    return {"width": int(match[1]), "height": int(match[2])}


def _address(image: Any) -> Mapping[str, Any] | None:
    """How a picture that the provider has, or fetches, is named."""
    if isinstance(image, Mapping):
        return image
    return {"image_url": image.url} if isinstance(image, Upload) and image.url else None


def _by_address(ledger: Ledger, call: ImageCall, to: Endpoint, body: dict[str, Any]) -> HTTPRequest:
    body["images"] = [_address(image) for image in call.images]
    if call.mask is not None:
        mask = _address(call.mask)
        if mask is None:
            raise ledger.invalid("pictures and mask must all be files, or all be addresses")
        body["mask"] = mask
    return posted(ledger, to, _PATHS[call.action], body)


def _as_form(ledger: Ledger, call: ImageCall, to: Endpoint, body: dict[str, Any]) -> HTTPRequest:
    uploads = (*call.images, *((call.mask,) if call.mask is not None else ()))
    if any(_address(upload) for upload in uploads):
        raise ledger.invalid("pictures and mask must all be files, or all be addresses")
    # One picture goes as itself, several as a list, as the reference has it.
    name = "image" if len(call.images) == 1 else "image[]"
    files = [(name, image) for image in call.images]
    files += [("mask", call.mask)] if call.mask is not None else []
    form = Multipart(f"llmkit-{call.id}", form_fields(body | dict(call.extra_body)), files)
    accept = "text/event-stream" if call.stream else "application/json"
    return HTTPRequest(
        method="POST",
        url=join_url(to.base_url, _PATHS[call.action], to.query),
        headers={"content-type": form.content_type, "accept": accept, **to.headers},
        adjustments=(*call.adjustments, *ledger.adjustments),
        upload=form,
    )
