"""``responses`` and its kin with the default client."""

from __future__ import annotations

from typing import Any, Literal, overload

from typing_extensions import Unpack

from .._io.aio_stream import AsyncStream
from .._io.sync_stream import Stream
from ..types.responses import (
    DeletedResponse,
    InputItems,
    Response,
    ResponseEvent,
    ResponsesParams,
    StoredParams,
)
from ._default import default_client

__all__ = [
    "acancel_responses",
    "adelete_responses",
    "aget_responses",
    "alist_input_items",
    "aresponses",
    "cancel_responses",
    "delete_responses",
    "get_responses",
    "list_input_items",
    "responses",
]


@overload
def responses(
    input: Any,
    model: str,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[ResponsesParams],
) -> Response: ...
@overload
def responses(
    input: Any, model: str, *, stream: Literal[True], **params: Unpack[ResponsesParams]
) -> Stream[ResponseEvent, Response]: ...
@overload
def responses(
    input: Any, model: str, *, stream: bool | None, **params: Unpack[ResponsesParams]
) -> Response | Stream[ResponseEvent, Response]: ...
def responses(
    input: Any, model: str, *, stream: bool | None = None, **params: Unpack[ResponsesParams]
) -> Response | Stream[ResponseEvent, Response]:
    """Ask a model in the form of OpenAI's Responses API, with the default client.

    Args:
        input: a text, or a list of items in the Responses API's form.
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        stream: whether to return a stream of events instead of the whole answer.
        **params: see ``llmkit.types.ResponsesParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().responses(input, model, stream=stream, **params)


@overload
async def aresponses(
    input: Any,
    model: str,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[ResponsesParams],
) -> Response: ...
@overload
async def aresponses(
    input: Any, model: str, *, stream: Literal[True], **params: Unpack[ResponsesParams]
) -> AsyncStream[ResponseEvent, Response]: ...
@overload
async def aresponses(
    input: Any, model: str, *, stream: bool | None, **params: Unpack[ResponsesParams]
) -> Response | AsyncStream[ResponseEvent, Response]: ...
async def aresponses(
    input: Any, model: str, *, stream: bool | None = None, **params: Unpack[ResponsesParams]
) -> Response | AsyncStream[ResponseEvent, Response]:
    """``responses`` from async code, with the default client.

    Args:
        input: a text, or a list of items in the Responses API's form.
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        stream: whether to return a stream of events instead of the whole answer.
        **params: see ``llmkit.types.ResponsesParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aresponses(input, model, stream=stream, **params)


@overload
def get_responses(
    response_id: str, *, stream: Literal[False] | None = None, **params: Unpack[StoredParams]
) -> Response: ...
@overload
def get_responses(
    response_id: str, *, stream: Literal[True], **params: Unpack[StoredParams]
) -> Stream[ResponseEvent, Response]: ...
@overload
def get_responses(
    response_id: str, *, stream: bool | None, **params: Unpack[StoredParams]
) -> Response | Stream[ResponseEvent, Response]: ...
def get_responses(
    response_id: str, *, stream: bool | None = None, **params: Unpack[StoredParams]
) -> Response | Stream[ResponseEvent, Response]:
    """Look up an answer that the provider keeps.

    Args:
        response_id: the answer's ``id``.
        stream: whether to return a ``Stream`` of the answer's events, as they come and as they came.
        **params: ``custom_llm_provider`` says who keeps it (by default OpenAI); see ``llmkit.types``.

    Raises:
        NotFoundError: nobody keeps such an answer.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().get_responses(response_id, stream=stream, **params)


@overload
async def aget_responses(
    response_id: str, *, stream: Literal[False] | None = None, **params: Unpack[StoredParams]
) -> Response: ...
@overload
async def aget_responses(
    response_id: str, *, stream: Literal[True], **params: Unpack[StoredParams]
) -> AsyncStream[ResponseEvent, Response]: ...
@overload
async def aget_responses(
    response_id: str, *, stream: bool | None, **params: Unpack[StoredParams]
) -> Response | AsyncStream[ResponseEvent, Response]: ...
async def aget_responses(
    response_id: str, *, stream: bool | None = None, **params: Unpack[StoredParams]
) -> Response | AsyncStream[ResponseEvent, Response]:
    """``get_responses`` from async code.

    Args:
        response_id: the answer's ``id``.
        stream: whether to return an ``AsyncStream`` of the answer's events, as they come and as they came.
        **params: ``custom_llm_provider`` says who keeps it (by default OpenAI); see ``llmkit.types``.

    Raises:
        NotFoundError: nobody keeps such an answer.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aget_responses(response_id, stream=stream, **params)


def delete_responses(response_id: str, **params: Unpack[StoredParams]) -> DeletedResponse:
    """Have the provider forget an answer.

    Args:
        response_id: the stored response's: ``response.id``.
        **params: see ``llmkit.types.StoredParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().delete_responses(response_id, **params)


async def adelete_responses(response_id: str, **params: Unpack[StoredParams]) -> DeletedResponse:
    """``delete_responses`` from async code.

    Args:
        response_id: the stored response's: ``response.id``.
        **params: see ``llmkit.types.StoredParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().adelete_responses(response_id, **params)


def cancel_responses(response_id: str, **params: Unpack[StoredParams]) -> Response:
    """Stop an answer that is being made in the background.

    Args:
        response_id: the stored response's: ``response.id``.
        **params: see ``llmkit.types.StoredParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().cancel_responses(response_id, **params)


async def acancel_responses(response_id: str, **params: Unpack[StoredParams]) -> Response:
    """``cancel_responses`` from async code.

    Args:
        response_id: the stored response's: ``response.id``.
        **params: see ``llmkit.types.StoredParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().acancel_responses(response_id, **params)


def list_input_items(response_id: str, **params: Unpack[StoredParams]) -> InputItems:
    """What was asked in an answer that the provider keeps.

    Args:
        response_id: the stored response's: ``response.id``.
        **params: see ``llmkit.types.StoredParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().list_input_items(response_id, **params)


async def alist_input_items(response_id: str, **params: Unpack[StoredParams]) -> InputItems:
    """``list_input_items`` from async code.

    Args:
        response_id: the stored response's: ``response.id``.
        **params: see ``llmkit.types.StoredParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().alist_input_items(response_id, **params)
