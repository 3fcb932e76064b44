"""What every endpoint asks of a request first: whose it is, what its body holds, and what it says beside.

No model is asked from here, and nothing is answered: each mistake is a ``Refused`` that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, HTTPConnection

from ..._control.attributes import context
from ..._json import NotJSON, load
from ..auth.allowed import covered, may_use
from ..auth.permissions import permit
from ..failure import Refused
from ..subject import Subject
from .beside import Beside, wrong

if TYPE_CHECKING:
    from starlette.types import Receive

    from ..gateway import Gateway

__all__ = [
    "around",
    "body_of",
    "fields_of",
    "headers_of",
    "may_ask",
    "model_of",
    "subject_of",
]

_NO_COOKIES: dict[str, str] = {}
_LONGEST = 512
"""Characters of a model's name; what is longer names nothing, and would stand in every log."""
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""What gzip's and zstd's bytes begin with; JSON cannot."""


async def subject_of(
    gateway: Gateway,
    connection: HTTPConnection,
    shown: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Subject:
    """Who asks; also in the connection's ``state``, for logs and metrics.

    Args:
        gateway: whose bearers they are.
        connection: a request, or a web socket.
        shown: a key that came in by another way than by a header.
        headers: the connection's, where they have been looked at.

    Raises:
        Refused: 401, nobody that is known; 403, not at this path.
    """
    scope = connection.scope
    if headers is None:
        headers = headers_of(connection)
    cookies = connection.cookies if "cookie" in headers else _NO_COOKIES
    subject = await gateway.bearers.subject(headers, cookies, shown)
    scope.setdefault("state", {})["subject"] = subject
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    permit(subject, scope.get("method", "GET"), path)
    return subject


def headers_of(connection: HTTPConnection) -> dict[str, str]:
    """A request's headers, names in lower case; of several of one name, the first.

    Starlette looks through all of them for each that is asked for, and some twenty are.
    """
    found: dict[str, str] = {}
    for name, value in reversed(connection.scope["headers"]):
        found[name.decode("latin-1")] = value.decode("latin-1")
    return found


async def body_of(receive: Receive, most: int) -> bytes:
    """A request's body.

    Raises:
        Refused: 413, it has more than ``most`` bytes.
        ClientDisconnect: the client went before its end.
    """
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > most:
            raise Refused(413, f"a request's body may have {most} bytes", "bad_request_error")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def fields_of(body: bytes) -> dict[str, Any]:
    """A body as the JSON object that it must be. Raises ``Refused`` (400)."""
    if not body.strip():
        raise wrong("the body is empty: send a JSON object")
    try:
        made = load(body)
    except NotJSON as error:
        if body.startswith(_COMPRESSED):
            raise wrong("the body is compressed: send the JSON itself") from None
        raise wrong(f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(made, dict):
        raise wrong(f"the body must be a JSON object, not {_kind(made)}")
    return made


def _kind(value: Any) -> str:
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def model_of(subject: Subject, given: Any, beside: Beside | None = None) -> str:
    """The model that is asked for, which the subject may use; and so the fallbacks that it names.

    Raises:
        Refused: 400, none is named; 403, it is not the subject's to use.
    """
    if given is None and beside and beside.held:
        given = next((one.default_model for one in beside.held if one.default_model), None)
    if not isinstance(given, str) or not given.strip():
        raise wrong("model is missing: name one that GET /v1/models lists", "model")
    if len(given) > _LONGEST:
        raise wrong(f"model has more than {_LONGEST} characters", "model")
    if subject.models is None and not (beside and (beside.held or beside.options)):
        return given  # as most are
    may_ask(subject, given, beside)
    for other in beside.options.get("fallbacks", ()) if beside else ():
        may_ask(subject, other, beside)
    return given


def may_ask(subject: Subject, model: str, beside: Beside | None) -> None:
    """Raise ``Refused`` (403) unless the subject may use a model, and so may its customer and its tags."""
    may_use(subject, model)
    for one in beside.held if beside else ():
        if one.models and not covered(model, one.models):
            raise Refused(
                403,
                f"the {one.kind} {one.name!r} may not use the model {model[:200]!r}",
                f"{one.kind}_model_access_denied",
                param="model",
            )


def around(
    connection: HTTPConnection, subject: Subject, beside: Beside, *, call_type: str, group: str
) -> context:
    """What a call is made in: budgets and limits then hold by its subject, and the request log knows whose it was.

    Args:
        connection: the request.
        subject: who asks.
        beside: what the request says of itself.
        call_type: LiteLLM's word for the call, such as ``acompletion``.
        group: the model that was asked for; empty where none is.
    """
    client = connection.client
    told: dict[str, Any] = {
        "http_id": connection.scope.get("state", {}).get("http_id"),
        "key": subject.key,
        "key_alias": subject.alias,
        "user": subject.user,
        "team": subject.team,
        "organisation": subject.organisation,
        "end_user": beside.customer,
        "session": beside.session,
        "tags": [*dict.fromkeys((*subject.tags, *beside.tags))],
        "ip": None if client is None else client.host,
        "group": group,
        "call_type": call_type,
        "metadata": beside.metadata,
    }
    return subject.around(beside.customer, beside.session, beside.tags, {"proxy": told})
