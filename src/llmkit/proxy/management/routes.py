"""How management's functions are asked over HTTP: by path, query and body, read by the function's own annotations.

FastAPI describes the same functions (``described``), and is loaded for nothing else: with it, a gateway took 8 MB
more. What a request must be is worked out when its path is first asked, so that a path that nobody asks costs nothing.
What it means is the functions' affair.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..._json import NotJSON, dump, load
from ..auth.shown import shown_by
from ..endpoints.asking import subject_of
from ..failure import Refused
from ..gateway import Gateway
from .asking import Asking

__all__ = ["Entry", "Routes", "of", "parameters"]

Work = Callable[..., Awaitable[Any]]
_FEW: Final = 5
"""Mistakes that are told at once."""
_LONGEST: Final = 2000
_EMPTY: Final = inspect.Parameter.empty
_UNSAID: Final = frozenset({"", "text/plain", "application/x-www-form-urlencoded"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A function, and where it is asked."""

    method: str
    path: str
    work: Work
    tags: tuple[str, ...]
    described: bool
    """Whether it stands in the OpenAPI document: LiteLLM's older names do not."""


class Routes:
    """The functions of one part of management, in the order in which their paths are looked at."""

    def __init__(self, *, tags: tuple[str, ...] = ()) -> None:
        self._tags = tags
        self.entries: list[Entry] = []

    def get(self, path: str, *, include_in_schema: bool = True) -> Callable[[Work], Work]:
        """Ask the function below by ``GET``."""
        return self._at("GET", path, include_in_schema)

    def post(self, path: str, *, include_in_schema: bool = True) -> Callable[[Work], Work]:
        """Ask the function below by ``POST``."""
        return self._at("POST", path, include_in_schema)

    def delete(self, path: str) -> Callable[[Work], Work]:
        """Ask the function below by ``DELETE``."""
        return self._at("DELETE", path, True)

    def patch(self, path: str) -> Callable[[Work], Work]:
        """Ask the function below by ``PATCH``."""
        return self._at("PATCH", path, True)

    def _at(self, method: str, path: str, described: bool) -> Callable[[Work], Work]:  # noqa: FBT001 - its own
        def kept(work: Work) -> Work:
            self.entries.append(Entry(method, path, work, self._tags, described))
            return work

        return kept


def of(entry: Entry, gateway: Gateway) -> Route:
    """A function as a route of a gateway's."""
    name = getattr(entry.work, "__name__", "")
    return Route(entry.path, _Answered(entry, gateway), methods=[entry.method], name=name)


def parameters(work: Work) -> dict[str, inspect.Parameter]:
    """What a function takes, with annotations that are types."""
    return dict(inspect.signature(work, eval_str=True).parameters)


class _Answered:
    """ASGI: one function, asked and answered."""

    def __init__(self, entry: Entry, gateway: Gateway) -> None:
        self._entry, self._gateway = entry, gateway
        self._plan: _Plan | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        # Who may not ask is told nothing of what could be asked.
        asking = Asking(self._gateway, await subject_of(self._gateway, request))
        if self._plan is None:
            self._plan = _Plan.of(self._entry)
        given = await self._plan.read(request, asking)
        body = dump(await self._entry.work(**given))
        await Response(body, media_type="application/json")(scope, receive, send)


class _Read(NamedTuple):
    """One parameter that is read from a request."""

    name: str
    adapter: TypeAdapter[Any]
    default: Any


class _Plan(NamedTuple):
    """Where a function's parameters come from."""

    asking: tuple[str, ...]
    request: tuple[str, ...]
    path: tuple[_Read, ...]
    query: tuple[_Read, ...]
    body: _Read | None

    @classmethod
    def of(cls, entry: Entry) -> _Plan:
        """A function's."""
        taken = parameters(entry.work)
        kinds = {name: one.annotation for name, one in taken.items()}
        asking = tuple(name for name, kind in kinds.items() if kind is Asking)
        request = tuple(name for name, kind in kinds.items() if kind is Request)
        rest = [
            _Read(name, TypeAdapter(kind), taken[name].default)
            for name, kind in kinds.items()
            if name not in {*asking, *request}
        ]
        bodies = [one for one in rest if _is_body(kinds[one.name])]
        path = tuple(one for one in rest if f"{{{one.name}}}" in entry.path)
        query = tuple(one for one in rest if one not in bodies and one not in path)
        return cls(asking, request, path, query, bodies[0] if bodies else None)

    async def read(self, request: Request, asking: Asking) -> dict[str, Any]:
        """What the function is called with. Raises ``Refused`` (422) where something is not what it must be."""
        wrong: list[tuple[str, str]] = []
        found: dict[str, Any] = dict.fromkeys(self.asking, asking)
        found |= dict.fromkeys(self.request, request)
        found |= _checked(self.path, request.path_params, wrong)
        found |= _checked(self.query, request.query_params, wrong)
        if self.body is not None:
            given = await _body(request)
            values = {} if given is _EMPTY else {self.body.name: given}
            found |= _checked((self.body,), values, wrong, within="")
        if wrong:
            raise _misspelled(wrong)
        return found


def _is_body(kind: Any) -> bool:
    kinds = [one for one in get_args(kind) or (kind,) if one is not NoneType]
    return all(isinstance(one, type) and issubclass(one, BaseModel) for one in kinds)


def _checked(
    reads: tuple[_Read, ...],
    given: Mapping[str, Any],
    wrong: list[tuple[str, str]],
    within: str | None = None,
) -> dict[str, Any]:
    """These parameters; what is wrong is added to what was. ``within``: what places begin with, else the name."""
    found = {}
    for one in reads:
        if one.name not in given:
            found[one.name] = one.default
            if one.default is _EMPTY:
                wrong.append((one.name, "Field required"))
            continue
        try:
            found[one.name] = one.adapter.validate_python(given[one.name])
        except ValidationError as error:
            before = () if within == "" else (one.name,)
            wrong += [
                (".".join(map(str, (*before, *each["loc"]))) or one.name, each["msg"])
                for each in error.errors(include_url=False, include_input=False)
            ]
    return found


async def _body(request: Request) -> Any:
    """What stands in the body; ``_EMPTY`` where nothing does. Raises ``Refused`` (422) where it is no JSON."""
    text = await request.body()
    if not text:
        return _EMPTY
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    _, _, form = kind.partition("/")
    # ``curl -d`` says that it is a form. A page of another origin may send texts and forms without asking, and a
    # browser adds a session's cookie, but no key.
    unsaid = kind in _UNSAID and shown_by(request.headers)
    if form != "json" and not form.endswith("+json") and not unsaid:
        raise _misspelled([("body", "it is JSON, and its content-type application/json")])
    try:
        return load(text)
    except NotJSON:
        raise _misspelled([("body", "it is no JSON")]) from None


def _misspelled(wrong: list[tuple[str, str]]) -> Refused:
    """Which field is wrong, and how; never what it was, which may be a secret."""
    told = "; ".join(f"{place}: {what}" for place, what in wrong[:_FEW])[:_LONGEST]
    return Refused(422, told, "validation_error", param=wrong[0][0])
