"""Errors that are openai's, too: for programs that catch ``openai.RateLimitError`` and its kin.

``Client`` and ``Router`` of this module raise them; llmkit's own never do. The compat layer of LiteLLM raises them with
``litellm.openai_errors = True``. The package ``openai`` must be installed; nothing else imports it.
"""

from __future__ import annotations

import functools
from typing import Any, Final, TypeVar, cast

from typing_extensions import override

from .. import client as _client
from .. import errors
from .._io.aio import AsyncDriver
from .._io.sync import SyncDriver
from ..errors import ConfigurationError, LLMKitError
from ..router import Router as _Router
from ._answered import request_of, response_of

try:
    import openai
except ModuleNotFoundError as _missing:
    raise ConfigurationError(
        "errors that are openai's, too, need its package: pip install openai"
    ) from _missing

__all__ = ["Client", "Router", "also_openais"]

_E = TypeVar("_E", bound=LLMKitError)
_OPENAIS: Final[dict[type[LLMKitError], type[Exception]]] = {
    errors.APIConnectionError: openai.APIConnectionError,
    errors.APIError: openai.APIError,
    errors.APIResponseValidationError: openai.APIResponseValidationError,
    errors.APIStatusError: openai.APIStatusError,
    errors.APITimeoutError: openai.APITimeoutError,
    errors.AuthenticationError: openai.AuthenticationError,
    errors.BadRequestError: openai.BadRequestError,
    errors.ConfigurationError: openai.OpenAIError,
    errors.ConflictError: openai.ConflictError,
    errors.InternalServerError: openai.InternalServerError,
    errors.MissingKeyError: openai.AuthenticationError,
    errors.NotFoundError: openai.NotFoundError,
    errors.PermissionDeniedError: openai.PermissionDeniedError,
    errors.RateLimitError: openai.RateLimitError,
    errors.UnprocessableEntityError: openai.UnprocessableEntityError,
}


class _Both:
    """What openai's errors have beside their texts."""

    @functools.cached_property
    def request(self) -> Any:
        """An ``httpx.Request`` to nowhere in particular: errors keep no address."""
        return request_of()

    @functools.cached_property
    def response(self) -> Any:
        """An ``httpx.Response`` of the error's status and body."""
        return response_of(cast("errors.APIError", self))

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        kind: type[LLMKitError] = type(self)._llmkits  # type: ignore[attr-defined] # noqa: SLF001 - one's own
        made, (named, *rest) = kind.__reduce__(cast("LLMKitError", self))
        rest[-1] = {n: v for n, v in rest[-1].items() if n not in {"request", "response"}}
        return (_again, (made, (kind if named is type(self) else named, *rest)))


@functools.cache
def _twin(kind: Any) -> Any:
    """A class that is this one and openai's of the same meaning; itself, where openai has none."""
    theirs = next((_OPENAIS[one] for one in kind.__mro__ if one in _OPENAIS), None)
    if theirs is None or issubclass(kind, _Both):
        return kind
    its = {"__module__": __name__, "_llmkits": kind, "__doc__": kind.__doc__}
    return type(kind.__name__, (_Both, kind, theirs), its)


def also_openais(error: _E) -> _E:
    """The same error, which ``except openai.…`` catches, too.

    Where there is none of openai's with its meaning, it stays what it is.
    """
    kind = _twin(type(error))  # type: ignore[arg-type] # as all classes, it can be hashed
    if kind is not type(error):
        error.__class__ = kind
    return error


def _again(made: Any, given: tuple[Any, ...]) -> LLMKitError:
    error: LLMKitError = made(*given)
    return also_openais(error)


class _Sync(SyncDriver):
    @override
    def advance(self, *given: Any) -> Any:
        try:
            return super().advance(*given)
        except LLMKitError as error:
            also_openais(error)
            raise


class _Async(AsyncDriver):
    @override
    async def advance(self, *given: Any) -> Any:
        try:
            return await super().advance(*given)
        except LLMKitError as error:
            also_openais(error)
            raise


class Client(_client.Client):
    """An ``llmkit.Client`` whose errors are openai's, too."""

    @override
    def _job(self, *given: Any, **named: Any) -> Any:
        try:
            return super()._job(*given, **named)
        except LLMKitError as error:
            also_openais(error)
            raise

    @override
    def _driver(self) -> SyncDriver:
        driver = super()._driver()
        driver.__class__ = _Sync
        return driver

    @override
    async def _async_driver(self) -> AsyncDriver:
        driver = await super()._async_driver()
        driver.__class__ = _Async
        return driver


class Router(Client, _Router):
    """An ``llmkit.Router`` whose errors are openai's, too."""
