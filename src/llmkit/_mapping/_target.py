"""What is done for each row: a call of a client's, with its prompt filled in, or a user's function."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from .._api._default import default_client
from .._control.mapping.identity import NEUTRAL, function_name
from .._control.mapping.template import checked, filled
from .._core import Core
from .._cost import Cost, Unbounded
from .._io._crew import awaited
from ..client import Client
from ..errors import ConfigurationError, InvalidRequestError

__all__ = ["CallTarget", "FunctionTarget", "Target", "target_of"]

_CHATS: Final = frozenset({"messages"})
_API: Final = "llmkit._api."


class Target(Protocol):
    """What is done for a row."""

    name: str
    wanted: type | None
    """What answers are instances of, as ``response_format`` says."""

    def checked(self, rows: Iterable[Any]) -> None:
        """Whether it can be done for rows like these. Raises ConfigurationError where not."""

    def about(self, row: Any) -> Any:
        """What is done it with. Raises what says that it cannot be."""

    def identity(self, about: Any) -> tuple[Any, ...]:
        """What its result depends on."""

    def bound(self, about: Any) -> Cost | Unbounded | None:
        """The most that one try costs; ``None`` where nobody can ask."""

    def call(self, about: Any) -> Any:
        """Do it, blocking."""

    async def acall(self, about: Any) -> Any:
        """Do it, awaiting."""


class CallTarget:
    """A call of a client's. The template is a prompt, messages, or arguments; ``None``: the row says it all."""

    def __init__(self, client: Core, name: str, template: Any, params: Mapping[str, Any]) -> None:
        self.client, self.name, self._params = client, name, params
        self._method: Any = getattr(client, name, None)
        if name.startswith("_") or not callable(self._method):
            raise ConfigurationError(f"call={name!r:.80} is no call of a client's")
        if params.get("stream"):
            raise ConfigurationError("map asks for whole answers: leave stream= out")
        names = list(inspect.signature(self._method).parameters)
        self._subject = next((one for one in names if one != "model"), "input")
        self._template = self._arranged(template)
        given = params.get("response_format")
        self.wanted = given if isinstance(given, type) else None

    def _arranged(self, template: Any) -> Any:
        """A template of arguments, out of one of a prompt."""
        if template is None or isinstance(template, Mapping):
            return template
        return {self._subject: self._as_subject(template)}

    def _as_subject(self, given: Any) -> Any:
        if self._subject in _CHATS and isinstance(given, str):
            return [{"role": "user", "content": given}]
        return given

    def checked(self, rows: Iterable[Any]) -> None:
        """See ``Target``."""
        if self._template is not None:
            checked(self._template, rows)

    def about(self, row: Any) -> dict[str, Any]:
        """See ``Target``."""
        if self._template is not None:
            said = filled(self._template, row)
        elif isinstance(row, Mapping):
            said = row
        else:
            said = {self._subject: self._as_subject(row)}
        about = {**self._params, **said}
        if about.get("model") is None and "model" in inspect.signature(self._method).parameters:
            raise ConfigurationError("say which model is asked: map(…, model='openai/gpt-4o-mini')")
        for message in about.get("messages") or ():
            _only_texts(message)
        return about

    def identity(self, about: Mapping[str, Any]) -> tuple[Any, ...]:
        """See ``Target``: all that is said in the call or by the client, but how it is made."""
        told = {**self.client.__dict__.get("_defaults", {}), **about}
        return self.name, {name: value for name, value in told.items() if name not in NEUTRAL}

    def bound(self, about: Mapping[str, Any]) -> Cost | Unbounded | None:
        """See ``Target``."""
        return self.client.cost_bound(self.name, **about)

    def under(self, **changes: Any) -> None:
        """Ask by a copy of the client with these attributes from now on."""
        self.client = copy.copy(self.client)
        self.client._performs = None  # noqa: SLF001 - one's own copy
        for name, value in changes.items():
            setattr(self.client, name, value)
        self._method = getattr(self.client, self.name)

    def call(self, about: Mapping[str, Any]) -> Any:
        """See ``Target``."""
        return self._method(**about)

    async def acall(self, about: Mapping[str, Any]) -> Any:
        """See ``Target``."""
        return await getattr(self.client, f"a{self.name}")(**about)


def _only_texts(message: Any) -> None:
    """What a gap became: a number is no message's content."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, bool | int | float):
        message["content"] = str(content)


class FunctionTarget:
    """A user's function of a row."""

    wanted = None

    def __init__(self, function: Callable[..., Any], params: Mapping[str, Any]) -> None:
        self._function, self._params = function, params
        self._awaitable = _is_async(function)
        self.most: Decimal | None = None
        """What a row costs at most, in USD, where that was said."""
        self.name = function_name(function)

    @property
    def is_async(self) -> bool:
        """Whether it has to be awaited."""
        return self._awaitable

    def checked(self, rows: Iterable[Any]) -> None:
        """See ``Target``."""

    def about(self, row: Any) -> Any:
        """See ``Target``."""
        return row

    def identity(self, about: Any) -> tuple[Any, ...]:
        """See ``Target``."""
        return self._function, self._params, about

    def bound(self, about: Any) -> Cost | Unbounded | None:
        """See ``Target``: nobody knows what a function does, but who wrote it."""
        return (
            None if self.most is None else Cost(self.most, "estimated", reason="as max_cost says")
        )

    def call(self, about: Any) -> Any:
        """See ``Target``."""
        return self._function(about, **self._params)

    async def acall(self, about: Any) -> Any:
        """See ``Target``; what is no coroutine function runs in a thread."""
        if self._awaitable:
            return await self.call(about)
        return await awaited(self.call, about)


def _is_async(function: Any) -> bool:
    inner = function.func if isinstance(function, functools.partial) else function
    called = type(inner).__call__ if callable(inner) else inner
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(called)


def target_of(what: Any, client: Any, call: str | None, params: Mapping[str, Any]) -> Any:
    """What is done for each row.

    Raises:
        ConfigurationError: it is no prompt, no call and no function.
    """
    if client is not None and not isinstance(client, Core):
        raise ConfigurationError(f"client is a Client or a Router, not {type(client).__name__}")
    if what is None or isinstance(what, str | Mapping) or _is_list(what):
        if what is None and call is None:
            raise ConfigurationError("map needs a prompt, call='embedding', or a function")
        return CallTarget(client or default_client(), call or "completion", what, params)
    if not callable(what):
        raise ConfigurationError(
            f"what is done for each row is a prompt, messages or a function, not {type(what).__name__}"
        )
    if call is not None:
        raise ConfigurationError("call= goes with a prompt; a function says itself what it calls")
    found = _of_client(what)
    if found is None and client is not None:
        raise ConfigurationError("client= goes with a prompt: the function has a client of its own")
    if found is not None:
        return CallTarget(found[0] or client or default_client(), found[1], None, params)
    return FunctionTarget(what, params)


def _is_list(what: Any) -> bool:
    if not isinstance(what, Sequence) or isinstance(what, bytes):
        return False
    if not all(isinstance(one, Mapping) for one in what) or not what:
        raise InvalidRequestError("a list of messages is a list of dicts with role and content")
    return True


def _of_client(function: Any) -> tuple[Core | None, str] | None:
    """The client and the name of a call, where the function is one: ``llmkit.embedding``, ``router.acompletion``."""
    owner = getattr(function, "__self__", None)
    name = str(getattr(function, "__name__", ""))
    if not (isinstance(owner, Core) or str(getattr(function, "__module__", "")).startswith(_API)):
        return None
    plain = name[1:] if name.startswith("a") and hasattr(Client, name[1:]) else name
    return (owner if isinstance(owner, Core) else None), plain
