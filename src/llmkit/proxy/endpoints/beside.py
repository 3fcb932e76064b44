"""What a request says beside what it asks of a model: how to call, whose it is, what to note; and what it may not say.

Headers are LiteLLM's (``x-litellm-…``), and so are the fields of bodies: https://docs.litellm.ai/docs/proxy/request_headers
and …/proxy/user_keys, read 2026-11-23. docs/proxy-chats.md tells which are taken. Nobody is asked from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..._control.caching.controls import CONTROLS, KNOWN
from ..._control.prices import is_price
from ..._json import NotJSON, dump, load
from ...types.params import CallOptions, ModelParams
from ..failure import Refused
from ..restricted import Restricted, Restriction
from ..settings import Settings
from ..subject import Subject

__all__ = ["Beside", "beside_of", "refuse", "wrong"]

_LONGEST: Final = 255
"""Characters of an id: what a column of the request log holds."""
_TAGS: Final = 64
_METADATA: Final = 16 * 1024
_HOUR: Final = 3600.0
_RETRIES: Final = 10


@dataclass(slots=True, kw_only=True)
class Beside:
    """What a request says of itself, and nothing to a model. Every request has one: nobody changes it.

    ``options``: keywords for the call. ``metadata``: the client's own, for the request log.
    ``held``: what its customer and its tags may not.
    """

    options: dict[str, Any] = field(default_factory=dict)
    customer: str | None = None
    session: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    held: tuple[Restriction, ...] = ()


def wrong(message: str, param: str | None = None) -> Refused:
    """The refusal of a request that has a mistake in it."""
    return Refused(400, message, "bad_request_error", param=param)


def refuse(fields: Mapping[str, Any], subject: Subject, settings: Settings) -> None:
    """See that no field says who is asked, with what key, or what that costs. All that is the gateway's to say.

    With ``allow_base_url`` an address may be named, together with a key for it: the gateway's own is for nobody else.
    An administrator may have an answer made up (``mock_response``).

    Raises:
        Refused: 400; the message names the field.
    """
    if _INNOCENT.issuperset(fields):
        return
    found = [name for name in fields if name in _FORBIDDEN or is_price(name)]
    found = [name for name in found if fields[name] is not None]
    if subject.role == "proxy_admin" and isinstance(fields.get("mock_response"), str):
        found.remove("mock_response")
    if settings.allow_base_url:
        found = _beyond_address(found, fields)
    if found:
        raise wrong(f"{found[0]} is not a caller's to say here: remove it", found[0])


_ADDRESS: Final = frozenset({"api_base", "api_key", "api_version", "base_url"})


def _beyond_address(found: list[str], fields: Mapping[str, Any]) -> list[str]:
    key = fields.get("api_key")
    if not _ADDRESS.isdisjoint(found) and not (isinstance(key, str) and key.strip()):
        raise wrong("base_url needs an api_key of its own beside it", "api_key")
    return [name for name in found if name not in _ADDRESS]


def beside_of(
    headers: Mapping[str, str],
    fields: MutableMapping[str, Any],
    subject: Subject,
    settings: Settings,
) -> Beside:
    """What a request says beside; its fields are taken out, so that what is left is the model's.

    ``metadata`` is read and left: whether a provider is told of it is its endpoint's affair.

    Args:
        headers: with names in lower case.
        fields: of a JSON body, or of a form.
        subject: who asks.
        settings: the gateway's.

    Raises:
        Refused: 400; the message names the header or field. 403: the customer or a tag is blocked.
    """
    refuse(fields, subject, settings)
    if _SAYS.isdisjoint(fields) and _HEADED.isdisjoint(headers) and subject.restricted is None:
        # As most are.
        return Beside()
    told = {name: headers[header] for header, name in _HEADERS.items() if header in headers}
    for name in _OWN & fields.keys():
        value = fields.pop(name)
        if value is not None:
            told.setdefault(name, value)
    notes = _notes(told, fields.get("metadata"))
    tags = _tags(told.get("tags", notes.get("tags")))
    session = _first(told, "litellm_session_id", "litellm_trace_id")
    customer = _id(told["customer"], "x-litellm-end-user-id") if "customer" in told else None
    made = Beside(
        options={
            name: _OPTIONS[name](value, name) for name, value in told.items() if name in _OPTIONS
        },
        customer=customer or _end_user(fields, notes),
        session=session or _quiet(notes.get("session_id")) or _quiet(notes.get("trace_id")),
        tags=tags,
        metadata=notes,
    )
    return made if subject.restricted is None else _held(made, subject, subject.restricted)


def _held(beside: Beside, subject: Subject, restricted: Restricted) -> Beside:
    """What holds for its customer and its tags, and the key's. Raises ``Refused`` (403) where one is blocked."""
    held = tuple(restricted.of(beside.customer, dict.fromkeys((*subject.tags, *beside.tags))))
    for one in held:
        if one.blocked:
            raise Refused(
                403, f"the {one.kind} {one.name!r} is blocked: ask an administrator", "auth_error"
            )
    options, region = beside.options, next((one.region for one in held if one.region), None)
    if region is not None:
        # What a client says of it counts no more.
        options = {**options, "allowed_model_region": region}
    return replace(beside, options=options, held=held)


def _first(told: Mapping[str, Any], *names: str) -> str | None:
    found = (_id(told[name], name) for name in names if name in told)
    return next((one for one in found if one), None)


def _end_user(fields: Mapping[str, Any], notes: Mapping[str, Any]) -> str | None:
    """Whom the client asks for: OpenAI's ``user``, and Anthropic's ``metadata.user_id``."""
    user = fields.get("user")
    if isinstance(user, str):
        return _id(user, "user")
    return _quiet(notes.get("user_id"))


# --- what may be said, and how


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 < number <= _HOUR:
        raise wrong(f"{name} must be a number of seconds, at most {_HOUR:.0f}", name)
    return number


def _count(value: Any, name: str) -> int:
    return _whole(value, name, _RETRIES)


def _whole(value: Any, name: str, most: int) -> int:
    """A whole number, perhaps as its digits."""
    text = str(value).strip()
    digits = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    if isinstance(value, bool) or not digits or int(text) > most:
        raise wrong(f"{name} must be a whole number from 0 to {most}", name)
    return int(text)


def _rank(value: Any, name: str) -> int:
    return _whole(value, name, _TOP)


_TOP: Final = 1000


def _switch(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(f"{name} must be true or false", name)
    return value


def _names(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise wrong(f"{name} must be a list of names", name)
    if len(value) > _TAGS:
        raise wrong(f"{name} has more than {_TAGS} names", name)
    return value


def _id(value: Any, name: str) -> str:
    """A text that can stand in a log, a database (PostgreSQL holds no null character) and a budget's scope."""
    if not _is_id(value):
        raise wrong(
            f"{name} must be a text of at most {_LONGEST} characters, all printable, and not '*'",
            name,
        )
    return str(value).strip()


def _is_id(value: Any) -> bool:
    fits = isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()
    # In a scope it stands for each.
    return fits and value.strip() != "*"


def _text(value: Any, name: str) -> str:
    """A text that says something."""
    if not (said := _id(value, name)):
        raise wrong(f"{name} is empty", name)
    return said


def _mock(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise wrong(f"{name} must be a text", name)
    return value


def _cache(value: Any, name: str) -> Mapping[str, Any]:
    """What a call wants of the cache; without one, there is nothing to want."""
    if not isinstance(value, Mapping) or any(one not in KNOWN for one in value):
        raise wrong(f"{name} must be an object of {', '.join(CONTROLS)}", name)
    return value


_OPTIONS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "timeout": _number,
    "stream_timeout": _number,
    "num_retries": _count,
    "max_retries": _count,
    "priority": _rank,
    "drop_params": _switch,
    "disable_fallbacks": _switch,
    "additional_drop_params": _names,
    "allowed_openai_params": _names,
    "fallbacks": _names,
    "allowed_model_region": _text,
    "cache": _cache,
    "mock_response": _mock,
    **dict.fromkeys(_ADDRESS, _mock),
}
"""Keywords of the library's that a caller may say, each with what it must be. ``refuse`` has seen the last ones."""
_HEADERS: Final[Mapping[str, str]] = {
    "x-litellm-timeout": "timeout",
    "x-litellm-stream-timeout": "stream_timeout",
    "x-litellm-num-retries": "num_retries",
    "x-litellm-priority": "priority",
    "x-litellm-tags": "tags",
    "x-litellm-customer-id": "customer",
    "x-litellm-end-user-id": "customer",
    "x-litellm-session-id": "litellm_session_id",
    "x-litellm-trace-id": "litellm_trace_id",
    "x-litellm-spend-logs-metadata": "noted",
}
_OWN: Final = frozenset(
    {*_OPTIONS, "tags", "litellm_metadata", "litellm_session_id", "litellm_trace_id"}
)
_FORBIDDEN: Final = (
    frozenset(CallOptions.__annotations__) - frozenset(_OPTIONS) - {"tags"}
) | frozenset({
    # Who is asked and with what, by the names of the SDKs and of LiteLLM.
    *_ADDRESS, "mock_response", "extra_body", "http_client", "model_list", "litellm_params", "litellm_credential_name",
    "litellm_call_id", "litellm_logging_obj", "user_config", "proxy_server_request", "secret_fields", "model_info",
    "mock_tool_calls", "mock_timeout", "ssl_verify", "client", "deployment_id", "api_type", "user_api_key_dict",
})  # fmt: skip
_INNOCENT: Final = frozenset(
    name
    for name in (*ModelParams.__annotations__, "model", "messages", "stream", "input", "prompt")
    if name not in _FORBIDDEN and not is_price(name)
)
_SAYS: Final = _OWN | {"metadata", "user"}
_HEADED: Final = frozenset(_HEADERS)


# --- what is noted


def _notes(told: Mapping[str, Any], metadata: Any) -> dict[str, Any]:
    """The client's own metadata, from all places where it can stand."""
    notes: dict[str, Any] = {}
    for name, given in (
        ("metadata", metadata),
        ("litellm_metadata", told.get("litellm_metadata")),
        ("x-litellm-spend-logs-metadata", _parsed(told.get("noted"))),
    ):
        if isinstance(given, str):
            given = _parsed(given)  # noqa: PLW2901 - forms have nothing but texts
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise wrong(f"{name} must be an object", name)
        notes |= given
    if notes:
        _keepable(notes)
    return notes


def _keepable(notes: Mapping[str, Any]) -> None:
    written = dump(notes)
    if len(written) > _METADATA:
        raise wrong(f"metadata has more than {_METADATA} bytes", "metadata")
    if b"\\u0000" in written:
        raise wrong("metadata must not hold null characters", "metadata")


def _parsed(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return load(given)
    except NotJSON:
        raise wrong("metadata must be a JSON object", "metadata") from None


def _tags(given: Any) -> tuple[str, ...]:
    """Tags, in a list or with commas between them."""
    if given is None:
        return ()
    several = given.split(",") if isinstance(given, str) else given
    if not isinstance(several, list) or len(several) > _TAGS:
        raise wrong(f"tags must be a list of at most {_TAGS} texts", "tags")
    return tuple(dict.fromkeys(tag for one in several if (tag := _id(one, "tags"))))


def _quiet(given: Any) -> str | None:
    """An id from metadata, which may hold anything under these names."""
    return given.strip() or None if _is_id(given) else None
