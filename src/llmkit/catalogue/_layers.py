"""``Catalogue``: the built-in data (or a bundle in its place), a user's files over it, registered models over those.

What it holds is one immutable ``State``, swapped whole under a lock: who looks something up meanwhile sees the old or
the new, never a mixture. How layers are made is in ``_laying``, which is loaded only where there are any.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from typing_extensions import override

from ..errors import CatalogueError, ConfigurationError
from ._load import DataFile, index, mentions, open_file, provider_names
from ._model import CAPABILITIES, FrozenMap, ModelInfo

if TYPE_CHECKING:
    from ._bundle import Bundle
    from ._fields import Care
    from ._patch import Layer, Patch

__all__ = ["BuiltIn", "Catalogue", "State"]


class Base(Protocol):
    """The lowest layer: a data file for each provider."""

    @property
    def revision(self) -> str:
        """What it is called in a revision."""

    def names(self) -> tuple[str, ...]:
        """Providers, the makers of models first."""

    def makes(self, provider: str) -> bool:
        """Whether the provider makes the models that it lists."""

    def mentions(self, provider: str, model: str) -> bool:
        """Whether the provider's file could list the model; ``False`` only where it surely does not."""

    def open(self, provider: str) -> DataFile | None:
        """The provider's file."""


class BuiltIn:
    """The data in the package."""

    @property
    def revision(self) -> str:
        """ISO date of the newest file."""
        return str(index()["revision"])

    def names(self) -> tuple[str, ...]:
        """See ``Base``."""
        return provider_names()

    def makes(self, provider: str) -> bool:
        """See ``Base``."""
        return provider in index()["makers"]

    def mentions(self, provider: str, model: str) -> bool:
        """See ``Base``."""
        return mentions(provider, model)

    # Itself, as prices are looked up with every call.
    open = staticmethod(open_file)


@dataclass(frozen=True)
class State:
    """What a catalogue holds at one moment; what was found is kept, and goes with it."""

    base: Base = field(default_factory=BuiltIn)
    files: tuple[Layer, ...] = ()
    registered: Layer | None = None
    made: dict[tuple[str, str], ModelInfo] = field(default_factory=dict)
    homes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    layers: tuple[Layer, ...] = field(init=False)
    """What lies over the base, the topmost last."""

    def __post_init__(self) -> None:
        layers = (*self.files, self.registered) if self.registered else self.files
        object.__setattr__(self, "layers", layers)

    def over(self, **changes: Any) -> State:
        """With these changes, and nothing kept of what was found."""
        return replace(self, **changes, made={}, homes={})

    def find(self, provider: str, model: str) -> ModelInfo | None:
        """See ``Catalogue.find``."""
        layers = self.layers
        if not layers:
            file = self.base.open(provider)
            return None if file is None else file.model(model)
        known = self.made.get((provider, model))
        if known is not None:
            return known
        record = self._found(layers, provider, model)
        if record is None:
            return None
        # One record for all its names.
        record = self.made.setdefault((record.provider, record.name), record)
        return self.made.setdefault((provider, model), record)

    def _found(self, layers: tuple[Layer, ...], provider: str, model: str) -> ModelInfo | None:
        if not layers:
            file = self.base.open(provider)
            return file.model(model) if file else None
        top, rest = layers[-1], layers[:-1]
        patch = top.patches.get((provider, model))
        if patch is None:
            found = self._found(rest, provider, model)
            # What is said of a model holds for its dated snapshots, which are the same record.
            patch = top.patches.get((provider, found.name)) if found else None
            if patch is None:
                return found
        below = self._found(rest, *(patch.like or (provider, patch.name)))
        return patch.over(below, self.head(provider))

    def counting(self, provider: str, model: str) -> Mapping[str, Any]:
        """See ``Catalogue.counting``."""
        from ._counting import counting  # noqa: PLC0415 - only when something is counted

        like = provider, model
        for layer in reversed(self.layers):
            patch = layer.patches.get(like)
            if patch is not None and patch.like is not None:
                like = patch.like
        rule = counting(*like)
        # What stands around messages is known of the maker's own service alone.
        return (
            FrozenMap({**rule, "relayed": True}) if like[0] != provider and "chat" in rule else rule
        )

    def head(self, provider: str) -> Mapping[str, Any]:
        """What the provider's file says of all its models; nothing where there is none."""
        file = self.base.open(provider)
        return {} if file is None else file.head

    def own(self, provider: str) -> bool:
        """Whether the provider makes the models that it lists."""
        for layer in reversed(self.layers):
            if provider in layer.own:
                return layer.own[provider]
        return self.base.makes(provider)

    def providers(self) -> tuple[str, ...]:
        """Who lists models, the makers first."""
        listed = self.base.names()
        added = {name for layer in self.layers for name in (*layer.providers, *layer.own)}
        if not added:
            return listed
        every = (*listed, *sorted(added - set(listed)))
        return tuple(sorted(every, key=lambda name: not self.own(name)))

    def models(self, provider: str) -> Iterator[ModelInfo]:
        """Every model of one provider."""
        file = self.base.open(provider)
        names = [model.name for model in file.models()] if file else []
        names += [name for layer in self.layers for name in layer.names(provider)]
        for name in dict.fromkeys(names):
            found = self.find(provider, name)
            if found is not None:
                yield found

    def homes_of(self, model: str) -> tuple[str, ...]:
        """See ``Catalogue.providers_of``."""
        known = self.homes.get(model)
        if known is None:
            known = self._homes(model)
            if known:  # what strangers make up is not kept
                self.homes[model] = known
        return known

    def _homes(self, model: str) -> tuple[str, ...]:
        names = self.providers()
        makers = tuple(n for n in names if self.own(n) and self._lists(n, model))
        return makers or tuple(n for n in names if self._lists(n, model))

    def _lists(self, provider: str, model: str) -> bool:
        """Whether the provider lists it; a file that does not have the name in it is not parsed to see that."""
        layered = any(provider in layer.providers for layer in self.layers)
        if not layered and not self.base.mentions(provider, model):
            return False
        return self.find(provider, model) is not None

    @property
    def revision(self) -> str:
        """See ``Catalogue.revision``."""
        return "+".join([self.base.revision, *(layer.mark for layer in self.layers)])


class Catalogue:
    """Facts about models, layer over layer: the built-in data, files, what was registered. Thread-safe.

    Args:
        *files: paths of catalogue files, each laid over those before it: llmkit's own form, LiteLLM's price map, or a
            bundle, which takes the place of the built-in data.

    Raises:
        CatalogueError: a file cannot be read or is not what it should be; the message says what, and where.
    """

    def __init__(self, *files: str | os.PathLike[str]) -> None:
        self._lock = threading.RLock()
        self._files: Callable[[], Iterable[str | os.PathLike[str]]] = lambda: files
        self._now: State | None = None
        self._named_by = ""
        self.ready()

    @classmethod
    def later(
        cls, files: Callable[[], Iterable[str | os.PathLike[str]]], named_by: str = ""
    ) -> Catalogue:
        """One that asks for the names of its files, and reads them, when something is first looked up.

        ``named_by`` is where the names are from: for messages.
        """
        made = cls()
        made._files, made._now, made._named_by = files, None, named_by
        return made

    @override
    def __repr__(self) -> str:
        return f"<Catalogue {self.revision}>"

    def ready(self) -> None:
        """Read the files now, if that was not done. Raises as the constructor does."""
        if self._now is None:
            with self._lock:
                if self._now is None:
                    self._now = self._opened()

    def _opened(self) -> State:
        try:
            return _read(tuple(self._files()))
        except CatalogueError as error:
            if not self._named_by:
                raise
            raise CatalogueError(f"{self._named_by}: {error}") from None

    def forget(self) -> None:
        """Let go of all that was registered and fetched, and read the files anew when next asked."""
        with self._lock:
            self._now = None

    @property
    def _state(self) -> State:
        state = self._now
        if state is None:
            self.ready()
            return self._state
        return state

    def moment(self) -> object:
        """What it holds now: the same object for as long as nothing in it has changed."""
        return self._now or self._state

    @property
    def revision(self) -> str:
        """The built-in data's ISO date (or the bundle's) and, after a ``+`` each, what was laid over it.

        A layer is named by the beginning of its SHA-256, so that equal revisions mean equal facts. A record that a
        layer touches names it in its own ``revision``.
        """
        return self._state.revision

    def find(self, provider: str, model: str) -> ModelInfo | None:
        """The provider's model of exactly this id or alias (dated snapshots are aliases)."""
        state, key = self._now or self._state, (provider, model)
        # Kept by the state, and so only as long as what lies over what is as it was.
        found = state.made.get(key)
        if found is None:
            found = state.find(provider, model)
            if found is not None:
                state.made[key] = found
        return found

    def counting(self, provider: str, model: str) -> Mapping[str, Any]:
        """The rule that counts the model's tokens: that of the model which it was said to be like, else its own.

        See ``_counting.counting``, which says what is in a rule.
        """
        return self._state.counting(provider, model)

    def unlisted(self, provider: str, model: str) -> ModelInfo:
        """A record of a model that is not listed: no price, no limit, only how the provider's tiers are read."""
        from ._patch import unlisted  # noqa: PLC0415 - only for prices given with a call

        return unlisted(provider, model, self._state.head(provider))

    def lookup(self, model: str, provider: str | None = None) -> ModelInfo:
        """The model of this name: ``provider/model``, or a bare name that leads to one provider alone.

        Raises:
            UnknownModelError: it is not listed, or by several; the message names near misses.
        """
        from ._lookup import looked_up  # noqa: PLC0415 - calls do without

        return looked_up(self._state, model, provider)

    def supports(self, provider: str, model: str, capability: str) -> bool:
        """Whether the vendor documents the capability: ``"tools"``, ``"vision"`` ….

        Raises:
            UnknownModelError: the model is not listed. A model of which nothing is known is not one that lacks all.
            ConfigurationError: there is no such capability; the message names near misses.
        """
        if not isinstance(capability, str) or capability not in CAPABILITIES:
            from ._capabilities import unknown_capability  # noqa: PLC0415 - a mistake

            raise ConfigurationError(unknown_capability(capability))
        return self.lookup(model, provider).supports(capability)

    def providers_of(self, model: str) -> tuple[str, ...]:
        """The providers that a bare name can mean: those that make the model, or else all that list it."""
        return self._state.homes_of(model)

    def providers(self) -> tuple[str, ...]:
        """Every provider that lists models; those that make their own come first."""
        return self._state.providers()

    def models(self, provider: str | None = None) -> tuple[ModelInfo, ...]:
        """Every model of one provider, or of all, in the order of the files."""
        state = self._state
        names = state.providers() if provider is None else (provider,)
        return tuple(model for name in names for model in state.models(name))

    def register(self, models: Iterable[ModelInfo]) -> None:
        """Lay whole records over what is there, under their names and aliases."""
        from ._laying import whole  # noqa: PLC0415 - only where something is laid over

        self._lay([whole(model) for model in models])

    def register_fields(
        self,
        models: Mapping[str, Mapping[str, Any]],
        *,
        like: str | None = None,
        care: Care = "all",
    ) -> tuple[ModelInfo, ...]:
        """Lay fields of models over what is there, all or none of them; return the records that come of it.

        See ``llmkit.register_model``, which says what a field may be.

        Raises:
            CatalogueError: a field is unknown or its value is not what it must be; nothing was registered.
            UnknownModelError: the model that another is to be like is not listed.
        """
        from ._laying import registered  # noqa: PLC0415 - only where something is laid over

        with self._lock:
            state = self._state
            patches = [
                registered(state, name, about, like, care=care) for name, about in models.items()
            ]
            self._lay(patches)
            return tuple(self.lookup(patch.name, patch.provider) for patch in patches)

    def unregister(self, provider: str, model: str) -> bool:
        """Take off what was registered of a model. Returns whether there was anything."""
        from ._laying import without  # noqa: PLC0415 - only where something is laid over

        with self._lock:
            state = self._state
            gone = state.registered and state.registered.patches.get((provider, model))
            if gone:
                self._now = state.over(registered=without(state.registered, gone))
            return bool(gone)

    def adopt(self, bundle: Bundle, *, allow_older: bool = False) -> None:
        """Take a bundle in the place of the built-in data, in one step; files and registered models stay over it.

        Raises:
            CatalogueError: it is older than what is there.
        """
        with self._lock:
            self.check_age(bundle, allow_older=allow_older)
            self._now = self._state.over(base=bundle)

    def check_age(self, bundle: Bundle, *, allow_older: bool = False) -> None:
        """Raise ``CatalogueError`` if a bundle is older than the data that it would replace."""
        if not allow_older:
            bundle.check_age(self._state.base.revision)

    def _lay(self, patches: Iterable[Patch]) -> None:
        from ._laying import laid  # noqa: PLC0415 - only where something is laid over

        with self._lock:
            state = self._state
            self._now = state.over(registered=laid(state.registered, patches))


def _read(files: tuple[str | os.PathLike[str], ...]) -> State:
    """What the files lay over the built-in data."""
    if not files:
        return State()
    from ._laying import read  # noqa: PLC0415 - only where something is laid over

    return read(files)
