"""Addresses that were worked out before: one client's, for as long as all that they were made of is the same.

What an address depends on is not guessed: the variables and options that were looked at while it was worked out are
remembered, and looked at again by each call. Nothing is decided here, and no key's text is a key of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from typing_extensions import override

from .._secret import Secret
from ..catalogue import Catalogue
from ..providers import Where, registry
from .address import Address, key_of
from .plan import Asked, Kind, address_of

__all__ = ["Places"]

_MOST: Final = 1024
"""Callers may choose the names of models."""
_NO_KEY: Final = object()
V = TypeVar("V")


class _Kept(NamedTuple):
    """An address, and what it was made of. ``key``: the option it is from, where that is a client's: a call's own is
    not kept, nor is a function, which may hold anything.
    """

    address: Address
    key: Any
    changes: int
    moment: object
    options: tuple[str, ...]
    said: tuple[Any, ...]
    variables: tuple[Any, ...]
    seen: tuple[Any, ...]


class Places:
    """The addresses of one client.

    Args:
        environ: where keys and addresses are looked up, with every call.
        catalogue: where bare names are looked up.
    """

    def __init__(self, environ: Mapping[str, str], catalogue: Catalogue) -> None:
        self._environ, self._catalogue = environ, catalogue
        self._look, self._spell = _reading(environ)
        self._kept: dict[tuple[Any, ...], _Kept] = {}
        self._moment: object = None

    def at(self, model: str, how: Asked, kind: Kind, *, keyless: bool) -> Address:
        """Who is called for a model, and where. Raises as ``plan.legs`` does."""
        options = how.options
        given = options.get("api_key")
        mark = model, kind.name, keyless, options.get("base_url"), given is None
        try:
            known = self._kept.get(mark)
        except TypeError:
            # A mistake: whoever works it out says so.
            return address_of(
                model, how, self._environ, keyless=keyless, kind=kind, catalogue=self._catalogue
            )
        if (
            known is None
            or known.seen != tuple(map(self._look, known.variables))
            or known.said != tuple(map(options.get, known.options))
            or known.changes != registry.changes
            or known.moment is not self._catalogue.moment()
        ):
            return self._new(mark, model, how, kind, keyless=keyless)
        if known.key is given and known.address.where is None:
            return known.address
        return self._of(known.address, options, keyless=keyless)

    def _of(self, known: Address, options: Mapping[str, Any], *, keyless: bool) -> Address:
        """The same address for another key, or for other options that its provider looks at by itself."""
        host, environ = known.host, self._environ
        given = options.get("api_key")
        key, source = key_of(host, known.rules, given, environ, keyless=keyless)
        where = known.where
        if where is not None:
            made = (where.provider, where.model, where.kind, where.base_url, where.given)
            where = Where(*made, options, environ, where.headers, where.query)
        found = known.provider, host, known.rules, known.model, known.endpoint, key, source, where
        return Address(*found, known.wire, known.priced_as, known.facts)

    def _new(
        self, mark: tuple[Any, ...], model: str, how: Asked, kind: Kind, *, keyless: bool
    ) -> Address:
        # Before, so that what changes meanwhile is not missed.
        changes, moment = registry.changes, self._catalogue.moment()
        environ, options = _Watched(self._environ), _Watched(how.options)
        watched = Asked(how.params, options)
        address = address_of(
            model, watched, environ, keyless=keyless, kind=kind, catalogue=self._catalogue
        )
        if address.where is not None:
            address = self._of(address, how.options, keyless=keyless)
        said = {name: value for name, value in options.looked.items() if name != "api_key"}
        variables = tuple(map(self._spell, environ.looked))
        seen = tuple(map(self._look, variables))
        searched = environ.searched or options.searched
        if not searched and environ.same() and all(map(_fixed, said.values())):
            if len(self._kept) >= _MOST or self._moment is not moment:
                # What was made of another moment will never do again, and would keep it.
                self._kept.clear()
                self._moment = moment
            given = how.options.get("api_key")
            lasting = given is None or isinstance(given, Secret)
            self._kept[mark] = _Kept(
                address if lasting else replace(address, key=None),
                given if lasting else _NO_KEY,
                changes,
                moment,
                tuple(said),
                tuple(said.values()),
                variables,
                seen,
            )
        return address


def _fixed(value: Any) -> bool:
    """Whether an option's value can be compared with a later one: it cannot change by itself."""
    return value is None or type(value) is str


def _reading(
    environ: Mapping[str, str],
) -> tuple[Callable[[Any], Any], Callable[[str], Any]]:
    """What looks variables up, and how it wants them spelled.

    The process's environment is a mapping over a dict of bytes. That dict is the one that changes: looked at directly,
    a variable costs a thirtieth, and nothing of what it says is missed.
    """
    inner, spell = getattr(environ, "_data", None), getattr(environ, "encodekey", None)
    if type(inner) is dict and spell is not None:
        return inner.get, spell
    return environ.get, str


class _Watched(Mapping[str, V]):
    """A mapping that remembers what was looked up in it."""

    def __init__(self, inner: Mapping[str, V]) -> None:
        self._inner = inner
        self.looked: dict[str, V | None] = {}
        self.searched = False
        """Whether it was gone through."""

    def same(self) -> bool:
        """Whether what was looked up has not changed since."""
        return all(self._inner.get(name) == value for name, value in self.looked.items())

    @override
    def __getitem__(self, name: str) -> V:
        self.looked[name] = self._inner.get(name)
        return self._inner[name]

    @override
    def __iter__(self) -> Iterator[str]:
        self.searched = True
        return iter(self._inner)

    @override
    def __len__(self) -> int:
        self.searched = True
        return len(self._inner)
