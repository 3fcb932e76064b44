"""Prompts with gaps: ``"Translate {text}"``, a list of messages, or a call's arguments, filled from a row.

``{name}`` is a column's value, ``{row}`` a row that is no mapping, ``{{name}}`` stays ``{name}``; all other braces are
text, so that a prompt may show JSON. What a row says is never read as a template.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ...errors import ConfigurationError, InvalidRequestError
from .rows import missing

__all__ = ["ROW", "checked", "filled", "names_in"]

ROW: Final = "row"
"""What a row that has no columns is called."""
_GAP: Final = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|\{([A-Za-z_]\w*)\}")


def names_in(template: Any) -> set[str]:
    """The names of the gaps in it, wherever in it they stand."""
    if isinstance(template, str):
        return {found[2] for found in _GAP.finditer(template) if found[2]}
    return {name for part in _parts(template) for name in names_in(part)}


def _parts(template: Any) -> Iterable[Any]:
    if isinstance(template, Mapping):
        return template.values()
    return template if isinstance(template, Sequence) and not isinstance(template, bytes) else ()


def checked(template: Any, rows: Iterable[Any]) -> None:
    """See to it that each gap can be filled for one row at least: a name that no row has is a slip of the pen.

    Raises:
        ConfigurationError: no row has a column of this name; the message names near ones.
    """
    wanted, known = names_in(template), set[str]()
    rows = list(rows)
    for row in rows:
        if wanted <= known:
            return
        known.update(_columns(row))
    for name in sorted(wanted - known) if rows else ():
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {{{near[0]}}}?" if near else f"there are {', '.join(sorted(known))}"
        raise ConfigurationError(
            f"no row has a column {name!r}: {hint}; {{{{{name}}}}} stands for itself"
        )


def _columns(row: Any) -> Iterator[str]:
    if isinstance(row, Mapping):
        yield from (str(name) for name in row)
    else:
        yield ROW


def filled(template: Any, row: Any) -> Any:
    """The template with a row's values in it. A text that is nothing but one gap becomes the value as it is.

    Raises:
        InvalidRequestError: the row has no such value; the provider was not asked.
    """
    values = row if isinstance(row, Mapping) else {ROW: row}
    return _filled(template, lambda name: _value(values, name))


def _filled(template: Any, value: Callable[[str], Any]) -> Any:
    if isinstance(template, str):
        whole = _GAP.fullmatch(template)
        if whole and whole[2]:
            return value(whole[2])
        return _GAP.sub(
            lambda found: _text(value(found[2])) if found[2] else found[0][1:-1], template
        )
    if isinstance(template, Mapping):
        return {name: _filled(part, value) for name, part in template.items()}
    if isinstance(template, list | tuple):
        return [_filled(part, value) for part in template]
    return template


def _value(values: Mapping[str, Any], name: str) -> Any:
    value = values.get(name)
    if missing(value):
        said = "is empty" if name in values else "is not there"
        raise InvalidRequestError(f"the column {name!r} of this row {said}", param=name)
    return value


def _text(value: Any) -> str:
    """A value inside a text: what has parts is written as JSON."""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
