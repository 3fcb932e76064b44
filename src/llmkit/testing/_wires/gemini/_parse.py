"""Proto JSON, read strictly: a body into a message with camel-case names, or all its violations at once.

Both spellings of a name are taken, a lone value where a list belongs, a number as a string, an enumeration in
any case or by its number, base64 in both alphabets; nulls are dropped (https://protobuf.dev/programming-guides/json,
read 2026-11-22). What a field may hold beyond its type is checked elsewhere.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ._fields import ENUMS, ONE_OF, SCALARS, Field, fields_of
from ._refusal import bad_request, violations

__all__ = ["Message", "parsed"]

Message = Mapping[str, Any]
_DEEPEST: Final = 100
_INVALID: Final = "Invalid JSON payload received."
_INT32: Final = 2**31
_INT64: Final = 2**63
_SHOWN: Final = 400


def parsed(body: bytes, message: str, package: str) -> dict[str, Any]:
    """*body* as a *message* of *package*. Raises `Refusal`; an empty body is an empty message."""
    value = _json(body) if body.strip() else {}
    _check_depth(value, 0)
    if not isinstance(value, dict):
        text = f'{_INVALID} Unknown name "": Root element must be a message.'
        raise violations([("", text)])
    reader = _Reader(package)
    made = reader.message(value, message, "")
    if reader.faults:
        raise violations(reader.faults)
    return made


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        shown = body[:_SHOWN].decode(errors="replace")
        raise violations([("", f"{_INVALID} Unexpected token.\n{shown}\n^")]) from error


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _check_depth(value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise bad_request(
            f"{_INVALID} Message too deep. Max recursion depth reached for {depth} levels."
        )
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _check_depth(item, depth + 1)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", name)


class _Wrong(ValueError):
    """A value that is not of its field's kind; the text, where there is one, says why."""


class _Reader:
    """Reads one body and gathers what is wrong with it."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._vertex = "aiplatform" in package
        self.faults: list[tuple[str, str]] = []

    def message(self, value: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
        """*value* read as a message *name* that stands at the path *where*."""
        fields = fields_of(name, vertex=self._vertex) or {}
        made: dict[str, Any] = {}
        for given, inner in value.items():
            camel = given if given in fields else _camel(given)
            if camel not in fields:
                self._unknown(given, where, "Cannot find field.")
            elif inner is not None and self._is_free(name, camel, made, where):
                path = f"{where}.{_snake(camel)}".lstrip(".")
                self._member(made, camel, fields[camel], inner, path)
        return made

    def _unknown(self, name: str, where: str, why: str) -> None:
        at = f" at '{where}'" if where else ""
        self.faults.append((where, f'{_INVALID} Unknown name "{name}"{at}: {why}'))

    def _is_free(self, message: str, name: str, made: Message, where: str) -> bool:
        """Whether *name* may still be set: of a group, one field may."""
        group, members = ONE_OF.get(message, ("", frozenset()))
        if name not in members or members.isdisjoint(made):
            return True
        text = f"oneof field '{group}' is already set. Cannot set '{name}'"
        self.faults.append((where, f"Invalid value at '{where}' (oneof), {text}"))
        return False

    def _member(
        self, made: dict[str, Any], name: str, field: Field, value: Any, where: str
    ) -> None:
        if field.mapped:
            made[name] = self._map(field, value, where)
        elif field.repeated:
            # One value stands for a list of one, as Google's parser has it.
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            paths = [(where if i is None else f"{where}[{i}]", item) for i, item in items]
            made[name] = [self._value(field.kind, item, path) for path, item in paths]
        elif isinstance(value, list) and field.kind != "any":
            parent, _, own = where.rpartition(".")
            self._unknown(own, parent, "Proto field is not repeating, cannot start list.")
        else:
            made[name] = self._value(field.kind, value, where)

    def _map(self, field: Field, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._invalid(where, "Map", value)
            return {}
        items = enumerate(value.items())
        return {
            key: self._value(field.kind, item, f"{where}[{index}].value")
            for index, (key, item) in items
        }

    def _value(self, kind: str, value: Any, where: str) -> Any:
        if kind in SCALARS or kind in ENUMS:
            return self._scalar(kind, value, where)
        if isinstance(value, dict):
            return self.message(value, kind, where)
        self._invalid(where, f"type.googleapis.com/{self._package}.{kind}", value)
        return {}

    def _scalar(self, kind: str, value: Any, where: str) -> Any:
        try:
            return _enum(kind, value) if kind in ENUMS else _READERS[kind](value)
        except _Wrong as wrong:
            self._invalid(where, self._type_name(kind), value, str(wrong))
            return None

    def _type_name(self, kind: str) -> str:
        if kind in ENUMS:
            return f"type.googleapis.com/{self._package}.{kind}"
        is_struct = kind == "struct"
        return "type.googleapis.com/google.protobuf.Struct" if is_struct else f"TYPE_{kind.upper()}"

    def _invalid(self, where: str, kind: str, value: Any, why: str = "") -> None:
        shown = why or json.dumps(value, ensure_ascii=False)[:_SHOWN]
        if isinstance(value, dict) and not why:
            shown = "Starting an object on a scalar field"
        self.faults.append((where, f"Invalid value at '{where}' ({kind}), {shown}"))


def _enum(kind: str, value: Any) -> str:
    names = ENUMS[kind]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return names[value]
    if not isinstance(value, str):
        raise _Wrong
    name = "UNSPECIFIED" if value.upper().endswith("UNSPECIFIED") else value.upper()
    if name not in names:
        raise _Wrong
    return name


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong
    return value


def _bool(value: Any) -> bool:
    known = {"true": True, "false": False}.get(value) if isinstance(value, str) else value
    if not isinstance(known, bool):
        raise _Wrong
    return known


def _number(limit: float) -> Callable[[Any], float]:
    """A reader of numbers, given as one or as a string, up to *limit*; infinity is past any."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _Wrong
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise _Wrong from None
        if not -limit <= number <= limit:
            raise _Wrong
        return number

    return read


def _integer(limit: int) -> Callable[[Any], int]:
    """A reader of whole numbers below *limit*; 40.0 is one."""
    number = _number(limit)

    def read(value: Any) -> int:
        read = number(value)
        if read != int(read) or read == limit:
            raise _Wrong
        return int(read)

    return read


def _bytes(value: Any) -> str:
    """Base64 in either alphabet, padded or not, kept as it is."""
    text = _string(value)
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        shown = json.dumps(text[:_SHOWN], ensure_ascii=False)
        raise _Wrong(f"Base64 decoding failed for {shown}") from None
    return text


def _struct(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong
    return value


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "any": lambda value: value,
    "bool": _bool,
    "bytes": _bytes,
    "double": _number(1.7976931348623157e308),
    "float": _number(3.4028235e38),
    "int32": _integer(_INT32),
    "int64": _integer(_INT64),
    "string": _string,
    "struct": _struct,
}
