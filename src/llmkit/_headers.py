"""The headers of an answer that are read when they are asked for: most answers have twenty, of which one is looked at.

How a library that brings them is asked for them is told here; when they are read for a call is ``_call``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, final

from typing_extensions import override

from ._secret import SHORTEST, Secret, redact_headers

__all__ = ["LateHeaders"]


@final
class LateHeaders(Mapping[str, str]):
    """Names in lower case and values, without cookies. A credential that was to be hidden is in none of them.

    Args:
        given: what they are read from.
        look: finds one of them in that, by its name.
        read: makes a dict of all of them.
    """

    __slots__ = ("_all", "_given", "_look", "_read", "_secrets")

    def __init__(
        self,
        given: Any,
        look: Callable[[Any, str], str | None],
        read: Callable[[Any], dict[str, str]],
    ) -> None:
        self._given, self._look, self._read = given, look, read
        self._all: dict[str, str] | None = None
        self._secrets: tuple[Secret, ...] = ()

    def hide(self, secrets: tuple[Secret, ...]) -> None:
        """From now on nobody sees these here, should the server have sent them back."""
        self._secrets = secrets

    def read(self) -> dict[str, str]:
        """All of them."""
        found = self._all
        if found is None:
            found = self._read(self._given)
            found.pop("set-cookie", None)
            if self._shown_in("\n".join(found.values())):
                found = redact_headers(found, self._secrets)
            self._all, self._secrets, self._given = found, (), None
        return found

    def _shown_in(self, text: str) -> bool:
        for secret in self._secrets:
            key = secret.reveal()
            if key in text and len(key) >= SHORTEST:
                return True
        return False

    @override
    def get(self, name: str, default: Any = None) -> Any:
        """One of them."""
        known, given = self._all, self._given
        if known is not None:
            return known.get(name, default)
        found = self._look(given, name)
        if found is None:
            return default
        hidden = name == "set-cookie" or self._shown_in(found)
        return self.read().get(name, default) if hidden else found

    @override
    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    @override
    def __getitem__(self, name: str) -> str:
        return self.read()[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.read())

    @override
    def __len__(self) -> int:
        return len(self.read())

    @override
    def __repr__(self) -> str:
        return repr(self.read())

    @override
    def __reduce__(self) -> tuple[type[dict[str, str]], tuple[dict[str, str]]]:
        # What it is read from is this process's.
        return dict, (self.read(),)
