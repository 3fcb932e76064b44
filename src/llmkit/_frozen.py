"""``FrozenMap``: a small read-only mapping that can be hashed and pickled. Nothing else lives here."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping
from typing import Any, Generic, TypeVar

from typing_extensions import override

__all__ = ["FrozenMap"]

V = TypeVar("V")


class FrozenMap(Mapping[str, V], Generic[V]):
    """A small read-only mapping. Unlike ``MappingProxyType`` it can be hashed and pickled."""

    __slots__ = ("_items",)
    _items: dict[str, V]

    def __init__(self, items: Mapping[str, V] | None = None) -> None:
        object.__setattr__(self, "_items", dict(items or {}))

    @override
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is read-only")

    @override
    def __getitem__(self, key: str) -> V:
        return self._items[key]

    # The mixin's own go by way of __getitem__ and its KeyError; prices are looked up in every call.
    @override
    def __contains__(self, key: object) -> bool:
        return key in self._items

    @override
    def get(self, key: str, default: Any = None) -> Any:
        return self._items.get(key, default)

    @override
    def keys(self) -> KeysView[str]:
        return self._items.keys()

    @override
    def items(self) -> ItemsView[str, V]:
        return self._items.items()

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    @override
    def __len__(self) -> int:
        return len(self._items)

    @override
    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    @override
    def __reduce__(self) -> tuple[type[FrozenMap[V]], tuple[dict[str, V]]]:
        return type(self), (dict(self._items),)

    @override
    def __repr__(self) -> str:
        return repr(self._items)
