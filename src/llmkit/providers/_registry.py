"""Finding a provider by its name: what was registered, a module of its own, a row, an entry point.

Registering imports nothing. A name is checked before anything is imported, because it may come from a stranger.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points

from ..errors import ConfigurationError, UnknownProviderError
from ._provider import Provider

__all__ = ["Registry"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_GROUP = "llmkit.providers"
_MOST_MISSING = 1024


def _normal(name: str) -> str:
    return name.strip().lower().replace("-", "_")


class Registry:
    """Providers by name: a built-in one wins over an entry point, unless it is replaced explicitly."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._found: dict[str, Provider] = {}
        self._missing: set[str] = set()
        self._unlisted: set[str] = set()
        self._lock = threading.RLock()
        self.changes = 0
        """How often another provider took a name: what was found before may not be what is found now."""

    def get(self, name: str) -> Provider:
        """Return the provider of this name or alias.

        Raises:
            UnknownProviderError: there is none; the message names near misses.
        """
        found = self._found.get(name)
        if found is not None:
            return found
        normal = _normal(name)
        if not _NAME.fullmatch(normal):
            raise UnknownProviderError(f"{name!r:.80} is not a provider's name{self._near(normal)}")
        found = self._load(normal)
        if found is None:
            raise UnknownProviderError(f"no provider is called {normal!r:.80}{self._near(normal)}")
        return found

    def has(self, name: str) -> bool:
        """Whether ``get`` would find it."""
        if name in self._found:
            return True
        normal = _normal(name)
        if normal in self._missing or not _NAME.fullmatch(normal):
            return False
        if self._load(normal) is not None:
            return True
        # Model names of other hosts come by here with every call, and looking everywhere takes milliseconds.
        if len(self._missing) >= _MOST_MISSING:
            self._missing.clear()
        self._missing.add(normal)
        return False

    def register(
        self, provider: Provider, *, replace: bool = False, listed: bool = True
    ) -> Provider:
        """Add a provider at run time.

        Args:
            provider: found from now on by its name and aliases.
            replace: whether it may take the place of another.
            listed: whether ``names`` has it: not one that only some callers can use.

        Raises:
            ConfigurationError: its name is malformed, or taken and ``replace`` is not set.
        """
        if not _NAME.fullmatch(provider.name):
            raise ConfigurationError(
                f"{provider.name!r} is no provider's name: use lower case, digits and underscores"
            )
        with self._lock:
            malformed = [n for n in provider.aliases if not _NAME.fullmatch(n)]
            if malformed:
                raise ConfigurationError(
                    f"{malformed[0]!r} is no alias: use lower case and underscores"
                )
            taken = [n for n in (provider.name, *provider.aliases) if not replace and self.has(n)]
            if taken:
                raise ConfigurationError(
                    f"provider {taken[0]!r} exists; pass replace=True to take its place"
                )
            self._found |= dict.fromkeys((provider.name, *provider.aliases), provider)
            (self._unlisted.discard if listed else self._unlisted.add)(provider.name)
            self._missing.clear()
            self.changes += 1
        return provider

    @contextmanager
    def lend(self, provider: Provider) -> Iterator[None]:
        """Have a provider found under its names for a block, in place of what is there; for its tests."""
        names = (provider.name, *provider.aliases)
        before = {name: self._found[name] for name in names if name in self._found}
        self._found |= dict.fromkeys(names, provider)
        self._missing.clear()
        self.changes += 1
        try:
            yield
        finally:
            # In place: whoever else has laid something over the same names takes it off the same dict.
            for name in names:
                self._found.pop(name, None)
            self._found |= before
            # Afterwards: what was found until now is of the count before.
            self.changes += 1

    def names(self) -> tuple[str, ...]:
        """All providers that can be had, sorted, entry points included; aliases are left out."""
        registered = {p.name for p in self._found.values()} - self._unlisted
        return tuple(sorted({*self._modules(), *self._rows(), *self._entries(), *registered}))

    def _load(self, name: str) -> Provider | None:
        with self._lock:
            found = self._found.get(name) or self._module(name) or self._rows().get(name)
            found = found or self._aliased(name) or self._entry(name)
            if found is not None:
                self._found[name] = found
            return found

    def _module(self, name: str) -> Provider | None:
        path = f"{self._package}.{name}"
        # find_spec, not try-import: a failing import inside the module must be seen, not taken for absence.
        if name not in self._modules() or importlib.util.find_spec(path) is None:
            return None
        provider = importlib.import_module(path).PROVIDER
        if not isinstance(provider, Provider):
            raise ConfigurationError(f"{path}.PROVIDER is not a Provider")
        return provider

    def _modules(self) -> tuple[str, ...]:
        path = importlib.import_module(self._package).__path__
        names = (module.name for module in pkgutil.iter_modules(path))
        return tuple(n for n in names if not n.startswith("_") and n != "compatible")

    def _rows(self) -> dict[str, Provider]:
        rows: dict[str, Provider] = importlib.import_module(f"{self._package}.compatible").ROWS
        return rows

    def _entries(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=_GROUP)}

    def _entry(self, name: str) -> Provider | None:
        entry = self._entries().get(name)
        if entry is None:
            return None
        provider = entry.load()
        if not isinstance(provider, Provider):
            raise ConfigurationError(
                f"the entry point {name!r} of {_GROUP} is not a Provider: {entry.value}"
            )
        return provider

    def _aliased(self, name: str) -> Provider | None:
        """Look among the aliases: the rows' first, the modules' only where nothing else has the name."""
        rows = self._rows().values()
        found = next((provider for provider in rows if name in provider.aliases), None)
        if found is not None:
            return found
        modules = (self._module(module) for module in self._modules())
        return next((p for p in modules if p is not None and name in p.aliases), None)

    def _near(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names(), n=3)
        if near:
            return f"; did you mean {' or '.join(near)}?"
        return "; llmkit.providers.names() lists them, register_provider(…) adds one"
