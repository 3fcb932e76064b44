"""What wires share when they write a request: the ledger of one call, refusals, extra fields, serialising.

No dialect's names: which parameters exist and what becomes of them is each wire's own table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Generic

from typing_extensions import TypeVar

from .._call import Adjustment, Call
from .._json import NotSerializable, dump
from ..errors import InvalidRequestError, UnsupportedParamsError

__all__ = [
    "HEADERS",
    "STREAM_HEADERS",
    "Ledger",
    "as_json",
    "check_value",
    "merge_extra",
    "serialized",
    "texts",
]

HEADERS = {"content-type": "application/json", "accept": "application/json"}
STREAM_HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}


K_co = TypeVar("K_co", bound=Call, default=Call, covariant=True)


class Ledger(Generic[K_co]):
    """What became of one call's parameters: changes listed, refusals gathered and raised together."""

    def __init__(self, call: K_co) -> None:
        self.call = call
        self.adjustments: list[Adjustment] = []
        self._refused: dict[str, tuple[Any, str]] = {}

    def adjust(self, parameter: str, change: Any, given: Any, sent: Any, reason: str) -> None:
        """List a parameter that is not sent just as it was given."""
        self.adjustments.append(Adjustment(parameter, change, given, sent, reason))

    def refuse(self, name: str, given: Any, reason: str = "") -> None:
        """Note that a parameter cannot be sent; ``settle`` raises, or lists it as dropped."""
        self._refused[name] = (given, reason)

    def invalid(self, message: str) -> InvalidRequestError:
        """An error for a mistake in the request."""
        return InvalidRequestError(message, provider=self.call.provider, model=self.call.model)

    def settle(self) -> None:
        """Raise for all that was refused, or list it where the caller wants it dropped.

        Raises:
            UnsupportedParamsError: something was refused, and ``drop_params`` is not set.
        """
        if not self._refused:
            return
        if not self.call.drop_params:
            raise self._unsupported()
        for name, (given, reason) in self._refused.items():
            why = reason or f"{self.call.provider} does not take it"
            self.adjust(name, "dropped", given, None, why)

    def _unsupported(self) -> UnsupportedParamsError:
        named = ", ".join(
            f"{name!r} ({reason})" if reason else repr(name)
            for name, (_, reason) in self._refused.items()
        )
        return UnsupportedParamsError(
            f"{self.call.provider} does not take {named}; leave it out, set drop_params=True to have it left "
            "out and listed in .call.ledger, or send it as it is in extra_body",
            provider=self.call.provider,
            model=self.call.model,
            param=next(iter(self._refused)),
        )


_SCHEMAS = frozenset({"tools", "functions", "response_format"})
_SURE = frozenset({str, int, bool})


def check_value(ledger: Ledger, name: str, value: Any) -> None:
    """Refuse what JSON would only seem to say. Raises ``InvalidRequestError``.

    Schemas are not searched: they are long, and have none of it.
    """
    if type(value) in _SURE or name in _SCHEMAS:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            check_value(ledger, f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            check_value(ledger, f"{name}[{position}]", inner)
    if isinstance(value, float) and not math.isfinite(value):
        raise ledger.invalid(f"{name} must be a finite number, not {value!r}")
    if isinstance(value, set | frozenset):
        raise ledger.invalid(f"{name} must be a list, not a set: sets have no order")


def texts(ledger: Ledger, name: str, value: Any) -> list[str]:
    """A text, or a list of texts, as a list. Raises ``InvalidRequestError`` where it is neither."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
        raise ledger.invalid(f"{name} must be a text or a list of texts, not {value!r:.80}")
    return list(given)


def merge_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Put the caller's own fields in; two mappings are merged one level deep, anything else replaces."""
    for name, value in extra.items():
        old = body.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        body[name] = {**old, **value} if both else value  # type: ignore[dict-item]


def serialized(ledger: Ledger, body: Mapping[str, Any]) -> bytes:
    """The body as JSON. Raises ``InvalidRequestError`` where it is none."""
    return as_json(ledger.call, body)


def as_json(call: Call, body: Mapping[str, Any]) -> bytes:
    """``serialized``, for a call without a ledger."""
    try:
        return dump(body)
    except (NotSerializable, UnicodeEncodeError) as error:
        text = f"the request cannot be written as JSON: {error}"
        raise InvalidRequestError(text, provider=call.provider, model=call.model) from None
