"""The Responses API's calls: ``responses`` and ``aresponses``, and those about answers that the provider keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from typing_extensions import Unpack

from .._control.plan import Kind
from .._control.structured import as_response_format, parse_text
from .._core import Core
from ..errors import ConfigurationError, InvalidRequestError
from ..providers import FIRST

if TYPE_CHECKING:
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

__all__ = ["RESPONSES", "STORED", "Responses", "ResponsesCalls"]

RESPONSES = Kind(
    "responses", "responses", "_calls:ResponsesCall", "types.responses:ResponsesModelParams"
)
STORED = Kind(
    "stored_responses",
    "get_responses",
    "_calls:ResourceCall",
    "types.responses:StoredModelParams",
)


class ResponsesCalls(Core):
    """OpenAI's Responses API: natively where the provider has it, over its chat elsewhere."""

    @property
    def responses(self) -> Responses:
        """Ask a model in the form of OpenAI's Responses API: ``client.responses(input, model, …)``.

        ``client.responses.create`` is the same; beside it are ``retrieve``, ``delete``, ``cancel``, and
        ``input_items.list``, as the openai SDK has them.
        """
        # Made anew each time: kept, it would be a cycle, and a client would not be freed when it is let go.
        return Responses(self)

    @overload
    async def aresponses(
        self,
        input: Any,
        model: str,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[ResponsesParams],
    ) -> Response: ...
    @overload
    async def aresponses(
        self, input: Any, model: str, *, stream: Literal[True], **params: Unpack[ResponsesParams]
    ) -> AsyncStream[ResponseEvent, Response]: ...
    @overload
    async def aresponses(
        self, input: Any, model: str, *, stream: bool | None, **params: Unpack[ResponsesParams]
    ) -> Response | AsyncStream[ResponseEvent, Response]: ...
    async def aresponses(
        self,
        input: Any,
        model: str,
        *,
        stream: bool | None = None,
        **params: Unpack[ResponsesParams],
    ) -> Response | AsyncStream[ResponseEvent, Response]:
        """``responses`` for async code, on asyncio or trio.

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
        asked, wanted = _formed(params)
        subject = {"input": _plain(input)}
        if stream:
            return await self._astream(RESPONSES, model, subject, asked)
        return _parsed(await self._arun(RESPONSES, model, subject, asked), wanted)

    @overload
    def get_responses(
        self,
        response_id: str,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[StoredParams],
    ) -> Response: ...
    @overload
    def get_responses(
        self, response_id: str, *, stream: Literal[True], **params: Unpack[StoredParams]
    ) -> Stream[ResponseEvent, Response]: ...
    @overload
    def get_responses(
        self, response_id: str, *, stream: bool | None, **params: Unpack[StoredParams]
    ) -> Response | Stream[ResponseEvent, Response]: ...
    def get_responses(
        self, response_id: str, *, stream: bool | None = None, **params: Unpack[StoredParams]
    ) -> Response | Stream[ResponseEvent, Response]:
        """Look up an answer that the provider keeps; also one that is being made in the background.

        Args:
            response_id: the answer's ``id``.
            stream: whether to return a ``Stream`` of the answer's events, as they come and as they came.
            **params: ``custom_llm_provider`` says who keeps it (by default OpenAI); see ``llmkit.types``.

        Raises:
            NotFoundError: nobody keeps such an answer.
            APIError: the call failed; its subclasses say how.
        """
        run: Any = self._stream if stream else self._run
        return run(STORED, *_stored("retrieve", response_id, params))  # type: ignore[no-any-return]

    @overload
    async def aget_responses(
        self,
        response_id: str,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[StoredParams],
    ) -> Response: ...
    @overload
    async def aget_responses(
        self, response_id: str, *, stream: Literal[True], **params: Unpack[StoredParams]
    ) -> AsyncStream[ResponseEvent, Response]: ...
    @overload
    async def aget_responses(
        self, response_id: str, *, stream: bool | None, **params: Unpack[StoredParams]
    ) -> Response | AsyncStream[ResponseEvent, Response]: ...
    async def aget_responses(
        self, response_id: str, *, stream: bool | None = None, **params: Unpack[StoredParams]
    ) -> Response | AsyncStream[ResponseEvent, Response]:
        """``get_responses`` for async code.

        Args:
            response_id: the answer's ``id``.
            stream: whether to return an ``AsyncStream`` of the answer's events, as they come and as they came.
            **params: ``custom_llm_provider`` says who keeps it (by default OpenAI); see ``llmkit.types``.

        Raises:
            NotFoundError: nobody keeps such an answer.
            APIError: the call failed; its subclasses say how.
        """
        run: Any = self._astream if stream else self._arun
        return await run(STORED, *_stored("retrieve", response_id, params))  # type: ignore[no-any-return]

    def delete_responses(self, response_id: str, **params: Unpack[StoredParams]) -> DeletedResponse:
        """Have the provider forget an answer. Raises as ``get_responses``.

        Args:
            response_id: the stored response's: ``response.id``.
            **params: see ``llmkit.types.StoredParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: DeletedResponse = self._run(STORED, *_stored("delete", response_id, params))
        return gone

    async def adelete_responses(
        self, response_id: str, **params: Unpack[StoredParams]
    ) -> DeletedResponse:
        """``delete_responses`` for async code.

        Args:
            response_id: the stored response's: ``response.id``.
            **params: see ``llmkit.types.StoredParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: DeletedResponse = await self._arun(STORED, *_stored("delete", response_id, params))
        return gone

    def cancel_responses(self, response_id: str, **params: Unpack[StoredParams]) -> Response:
        """Stop an answer that is being made in the background. Raises as ``get_responses``.

        Args:
            response_id: the stored response's: ``response.id``.
            **params: see ``llmkit.types.StoredParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        stopped: Response = self._run(STORED, *_stored("cancel", response_id, params))
        return stopped

    async def acancel_responses(self, response_id: str, **params: Unpack[StoredParams]) -> Response:
        """``cancel_responses`` for async code.

        Args:
            response_id: the stored response's: ``response.id``.
            **params: see ``llmkit.types.StoredParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        stopped: Response = await self._arun(STORED, *_stored("cancel", response_id, params))
        return stopped

    def list_input_items(self, response_id: str, **params: Unpack[StoredParams]) -> InputItems:
        """What was asked in an answer that the provider keeps, a page of it. Raises as ``get_responses``.

        Args:
            response_id: the stored response's: ``response.id``.
            **params: see ``llmkit.types.StoredParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        page: InputItems = self._run(STORED, *_stored("list", response_id, params))
        return page

    async def alist_input_items(
        self, response_id: str, **params: Unpack[StoredParams]
    ) -> InputItems:
        """``list_input_items`` for async code.

        Args:
            response_id: the stored response's: ``response.id``.
            **params: see ``llmkit.types.StoredParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        page: InputItems = await self._arun(STORED, *_stored("list", response_id, params))
        return page


class Responses:
    """``client.responses``: a call, and what the openai SDK has under that name."""

    def __init__(self, client: ResponsesCalls) -> None:
        self._client = client
        self._run, self._stream = client._run, client._stream  # noqa: SLF001 - a part of the client
        self.acreate = client.aresponses
        self.retrieve, self.aretrieve = client.get_responses, client.aget_responses
        self.delete, self.adelete = client.delete_responses, client.adelete_responses
        self.cancel, self.acancel = client.cancel_responses, client.acancel_responses

    @property
    def input_items(self) -> _Items:
        """``input_items.list(…)``: what was asked in an answer that the provider keeps."""
        return _Items(self._client)

    @overload
    def create(
        self,
        input: Any,
        model: str,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[ResponsesParams],
    ) -> Response: ...
    @overload
    def create(
        self, input: Any, model: str, *, stream: Literal[True], **params: Unpack[ResponsesParams]
    ) -> Stream[ResponseEvent, Response]: ...
    @overload
    def create(
        self, input: Any, model: str, *, stream: bool | None, **params: Unpack[ResponsesParams]
    ) -> Response | Stream[ResponseEvent, Response]: ...
    def create(
        self,
        input: Any,
        model: str,
        *,
        stream: bool | None = None,
        **params: Unpack[ResponsesParams],
    ) -> Response | Stream[ResponseEvent, Response]:
        """Ask a model in the form of OpenAI's Responses API.

        Args:
            input: a text, or a list of items; items of earlier answers fit as they are.
            model: ``provider/model``, such as ``"openai/gpt-5-mini"``.
            stream: whether to return a ``Stream`` of events instead of the whole answer.
            **params: see ``llmkit.types.ResponsesParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter, or cannot keep what it refers to.
            APIError: the call failed; its subclasses say how. ``body`` of one whose answer failed is the answer.
        """
        asked, wanted = _formed(params)
        subject = {"input": _plain(input)}
        if stream:
            return self._stream(RESPONSES, model, subject, asked)
        return _parsed(self._run(RESPONSES, model, subject, asked), wanted)

    __call__ = create


class _Items:
    """``client.responses.input_items``."""

    def __init__(self, client: ResponsesCalls) -> None:
        self.list, self.alist = client.list_input_items, client.alist_input_items


def _formed(params: Mapping[str, Any]) -> tuple[dict[str, Any], type | None]:
    """The parameters with the class of the answer written as its format."""
    asked = dict(params)
    wanted = asked.pop("text_format", None)
    if wanted is None:
        return asked, None
    asked["text"] = {
        **(asked.get("text") or {}),
        "format": _flat(wanted),
    }
    return asked, wanted


def _flat(wanted: Any) -> dict[str, Any]:
    """A class as this API's format: a class with free-form parts is not strict."""
    if not isinstance(wanted, type):
        raise InvalidRequestError("text_format must be a class", param="text_format")
    return {"type": "json_schema", **as_response_format(wanted)[0]["json_schema"]}


def _parsed(answer: Response, wanted: type | None) -> Response:
    # A dry run has no answer.
    done = wanted is not None and getattr(answer, "status", None) == "completed"
    if done and wanted is not None and answer.output_text:
        answer.keep_parsed(parse_text(answer, answer.output_text, wanted))
    return answer


def _plain(given: Any) -> Any:
    """Items of earlier answers as the dicts that they were."""
    if isinstance(given, str | None):
        return given
    if isinstance(given, bytes) or not isinstance(given, Sequence):
        raise InvalidRequestError(
            f"input must be a text or a list of items, not {type(given).__name__}", param="input"
        )
    return [_item(item) for item in given]


def _item(item: Any) -> Any:
    dump = getattr(item, "to_dict", None) or getattr(item, "model_dump", None)
    return item if isinstance(item, Mapping) or dump is None else dump()


def _stored(
    action: str, response_id: str, params: Mapping[str, Any]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Model string, subject and parameters of a call about a kept answer."""
    if not isinstance(response_id, str) or not response_id.strip():
        raise ConfigurationError("response_id must be a text that is not empty")
    asked = dict(params)
    provider = asked.setdefault("custom_llm_provider", FIRST)
    subject = {"resource": "responses", "action": action, "target": response_id}
    return f"{provider}/responses", subject, asked
