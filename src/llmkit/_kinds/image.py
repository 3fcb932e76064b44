"""Pictures: ``image_generation``, ``image_edit``, ``image_variation`` and their async twins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core
from ..errors import InvalidRequestError
from ._kept import model_of, upload

if TYPE_CHECKING:
    from .._io.aio_stream import AsyncStream
    from .._io.sync_stream import Stream
    from ..types.image import ImageEvent, ImageParams, ImageResponse

__all__ = ["ImageCalls"]

_GENERATION, _EDIT, _VARIATION = (
    Kind("image", function, "_calls:ImageCall", "types.image:ImageModelParams")
    for function in ("image_generation", "image_edit", "image_variation")
)


class ImageCalls(Core):
    """Pictures."""

    @overload
    def image_generation(
        self,
        prompt: str,
        model: str | None = None,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[ImageParams],
    ) -> ImageResponse: ...
    @overload
    def image_generation(
        self,
        prompt: str,
        model: str | None = None,
        *,
        stream: Literal[True],
        **params: Unpack[ImageParams],
    ) -> Stream[ImageEvent, ImageResponse]: ...
    def image_generation(
        self,
        prompt: str,
        model: str | None = None,
        *,
        stream: bool | None = None,
        **params: Unpack[ImageParams],
    ) -> ImageResponse | Stream[ImageEvent, ImageResponse]:
        """Have pictures made from a description.

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
        name, keywords = model_of(model, params)
        run: Any = self._stream if stream else self._run
        return run(_GENERATION, name, {"prompt": _text(prompt)}, keywords)  # type: ignore[no-any-return]

    @overload
    async def aimage_generation(
        self,
        prompt: str,
        model: str | None = None,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[ImageParams],
    ) -> ImageResponse: ...
    @overload
    async def aimage_generation(
        self,
        prompt: str,
        model: str | None = None,
        *,
        stream: Literal[True],
        **params: Unpack[ImageParams],
    ) -> AsyncStream[ImageEvent, ImageResponse]: ...
    async def aimage_generation(
        self,
        prompt: str,
        model: str | None = None,
        *,
        stream: bool | None = None,
        **params: Unpack[ImageParams],
    ) -> ImageResponse | AsyncStream[ImageEvent, ImageResponse]:
        """``image_generation`` for async code, on asyncio or trio.

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
        name, keywords = model_of(model, params)
        run: Any = self._astream if stream else self._arun
        return await run(_GENERATION, name, {"prompt": _text(prompt)}, keywords)  # type: ignore[no-any-return]

    @overload
    def image_edit(
        self,
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
        self,
        image: Any,
        prompt: str,
        model: str | None = None,
        *,
        mask: Any = None,
        stream: Literal[True],
        **params: Unpack[ImageParams],
    ) -> Stream[ImageEvent, ImageResponse]: ...
    def image_edit(
        self,
        image: Any,
        prompt: str,
        model: str | None = None,
        *,
        mask: Any = None,
        stream: bool | None = None,
        **params: Unpack[ImageParams],
    ) -> ImageResponse | Stream[ImageEvent, ImageResponse]:
        """Have pictures changed, or put together.

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
        name, keywords = model_of(model, params)
        run: Any = self._stream if stream else self._run
        return run(_EDIT, name, _edit(image, prompt, mask), keywords)  # type: ignore[no-any-return]

    @overload
    async def aimage_edit(
        self,
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
        self,
        image: Any,
        prompt: str,
        model: str | None = None,
        *,
        mask: Any = None,
        stream: Literal[True],
        **params: Unpack[ImageParams],
    ) -> AsyncStream[ImageEvent, ImageResponse]: ...
    async def aimage_edit(
        self,
        image: Any,
        prompt: str,
        model: str | None = None,
        *,
        mask: Any = None,
        stream: bool | None = None,
        **params: Unpack[ImageParams],
    ) -> ImageResponse | AsyncStream[ImageEvent, ImageResponse]:
        """``image_edit`` for async code, on asyncio or trio.

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
        name, keywords = model_of(model, params)
        run: Any = self._astream if stream else self._arun
        return await run(_EDIT, name, _edit(image, prompt, mask), keywords)  # type: ignore[no-any-return]

    def image_variation(
        self, image: Any, model: str | None = None, **params: Unpack[ImageParams]
    ) -> ImageResponse:
        """Have variations made of a picture; for older models. See ``image_edit`` for what may be given.

        Args:
            image: a picture: a path, bytes, an open file, or ``(name, content)``.
            model: ``provider/model``, such as ``"openai/dall-e-2"``.
            **params: see ``llmkit.types.ImageParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        name, keywords = model_of(model, params)
        answer: ImageResponse = self._run(_VARIATION, name, _variation(image), keywords)
        return answer

    async def aimage_variation(
        self, image: Any, model: str | None = None, **params: Unpack[ImageParams]
    ) -> ImageResponse:
        """``image_variation`` for async code, on asyncio or trio.

        Args:
            image: a picture: a path, bytes, an open file, or ``(name, content)``.
            model: ``provider/model``, such as ``"openai/dall-e-2"``.
            **params: see ``llmkit.types.ImageParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        name, keywords = model_of(model, params)
        answer: ImageResponse = await self._arun(_VARIATION, name, _variation(image), keywords)
        return answer


def _text(prompt: Any) -> str:
    if not isinstance(prompt, str):
        raise InvalidRequestError(
            f"prompt must be a text, not {type(prompt).__name__}", param="prompt"
        )
    return prompt


def _edit(image: Any, prompt: str, mask: Any) -> dict[str, Any]:
    many = image if isinstance(image, list) else [image]
    return {
        "prompt": None if prompt is None else _text(prompt),
        "images": tuple(_picture(one) for one in many),
        "mask": None if mask is None else _picture(mask),
        "action": "edit",
    }


def _variation(image: Any) -> dict[str, Any]:
    return {"prompt": None, "images": (_picture(image),), "action": "vary"}


def _picture(given: Any) -> Any:
    """A picture that is named, not sent, stays as it is given."""
    if isinstance(given, str) and given.startswith("data:"):
        return {"image_url": given}
    return given if isinstance(given, Mapping) else upload(given)
