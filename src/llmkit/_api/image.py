"""``image_generation`` and its kin, with the default client."""

from __future__ import annotations

from typing import Any, Literal, overload

from typing_extensions import Unpack

from .._io.aio_stream import AsyncStream
from .._io.sync_stream import Stream
from ..types.image import ImageEvent, ImageParams, ImageResponse
from ._default import default_client

__all__ = [
    "aimage_edit",
    "aimage_generation",
    "aimage_variation",
    "image_edit",
    "image_generation",
    "image_variation",
]


@overload
def image_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[ImageParams],
) -> ImageResponse: ...


@overload
def image_generation(
    prompt: str, model: str | None = None, *, stream: Literal[True], **params: Unpack[ImageParams]
) -> Stream[ImageEvent, ImageResponse]: ...


def image_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: bool | None = None,
    **params: Unpack[ImageParams],
) -> ImageResponse | Stream[ImageEvent, ImageResponse]:
    """With the default client.

    Args:
        prompt: what to show.
        model: ``provider/model``, such as ``"openai/gpt-image-2"``.
        stream: whether to return a ``Stream`` of events: unfinished pictures, then the finished one.
        **params: see ``llmkit.types.ImageParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    call: Any = default_client().image_generation
    return call(prompt, model, stream=stream, **params)  # type: ignore[no-any-return]


@overload
async def aimage_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[ImageParams],
) -> ImageResponse: ...


@overload
async def aimage_generation(
    prompt: str, model: str | None = None, *, stream: Literal[True], **params: Unpack[ImageParams]
) -> AsyncStream[ImageEvent, ImageResponse]: ...


async def aimage_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: bool | None = None,
    **params: Unpack[ImageParams],
) -> ImageResponse | AsyncStream[ImageEvent, ImageResponse]:
    """With the default client.

    Args:
        prompt: what to show.
        model: ``provider/model``, such as ``"openai/gpt-image-2"``.
        stream: whether to return an ``AsyncStream`` of events: unfinished pictures, then the finished one.
        **params: see ``llmkit.types.ImageParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    call: Any = default_client().aimage_generation
    return await call(prompt, model, stream=stream, **params)  # type: ignore[no-any-return]


@overload
def image_edit(
    image: Any,
    prompt: str,
    model: str | None = None,
    *,
    mask: Any = None,
    stream: Literal[False] | None = None,
    **params: Unpack[ImageParams],
) -> ImageResponse: ...


@overload
def image_edit(
    image: Any,
    prompt: str,
    model: str | None = None,
    *,
    mask: Any = None,
    stream: Literal[True],
    **params: Unpack[ImageParams],
) -> Stream[ImageEvent, ImageResponse]: ...


def image_edit(
    image: Any,
    prompt: str,
    model: str | None = None,
    *,
    mask: Any = None,
    stream: bool | None = None,
    **params: Unpack[ImageParams],
) -> ImageResponse | Stream[ImageEvent, ImageResponse]:
    """With the default client.

    Args:
        image: a path, bytes, an open file, ``(name, content)``, an address (``http(s)`` or ``data:``),
            ``{"file_id": …}``, or a list of such.
        prompt: what to show.
        model: ``provider/model``, such as ``"openai/gpt-image-2"``.
        mask: a picture that is transparent where the first may be changed.
        stream: whether to return a ``Stream`` of events: unfinished pictures, then the finished one.
        **params: see ``llmkit.types.ImageParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: a picture is nothing that can be sent.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    call: Any = default_client().image_edit
    return call(image, prompt, model, mask=mask, stream=stream, **params)  # type: ignore[no-any-return]


@overload
async def aimage_edit(
    image: Any,
    prompt: str,
    model: str | None = None,
    *,
    mask: Any = None,
    stream: Literal[False] | None = None,
    **params: Unpack[ImageParams],
) -> ImageResponse: ...


@overload
async def aimage_edit(
    image: Any,
    prompt: str,
    model: str | None = None,
    *,
    mask: Any = None,
    stream: Literal[True],
    **params: Unpack[ImageParams],
) -> AsyncStream[ImageEvent, ImageResponse]: ...


async def aimage_edit(
    image: Any,
    prompt: str,
    model: str | None = None,
    *,
    mask: Any = None,
    stream: bool | None = None,
    **params: Unpack[ImageParams],
) -> ImageResponse | AsyncStream[ImageEvent, ImageResponse]:
    """With the default client.

    Args:
        image: a path, bytes, an open file, ``(name, content)``, an address (``http(s)`` or ``data:``),
            ``{"file_id": …}``, or a list of such.
        prompt: what to show.
        model: ``provider/model``, such as ``"openai/gpt-image-2"``.
        mask: a picture that is transparent where the first may be changed.
        stream: whether to return an ``AsyncStream`` of events: unfinished pictures, then the finished one.
        **params: see ``llmkit.types.ImageParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: a picture is nothing that can be sent.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    call: Any = default_client().aimage_edit
    return await call(image, prompt, model, mask=mask, stream=stream, **params)  # type: ignore[no-any-return]


def image_variation(
    image: Any, model: str | None = None, **params: Unpack[ImageParams]
) -> ImageResponse:
    """With the default client.

    Args:
        image: a picture: a path, bytes, an open file, or ``(name, content)``.
        model: ``provider/model``, such as ``"openai/dall-e-2"``.
        **params: see ``llmkit.types.ImageParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().image_variation(image, model, **params)


async def aimage_variation(
    image: Any, model: str | None = None, **params: Unpack[ImageParams]
) -> ImageResponse:
    """With the default client.

    Args:
        image: a picture: a path, bytes, an open file, or ``(name, content)``.
        model: ``provider/model``, such as ``"openai/dall-e-2"``.
        **params: see ``llmkit.types.ImageParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aimage_variation(image, model, **params)
