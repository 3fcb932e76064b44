"""``CountedTokens``: a number of tokens that says how far it can be trusted. No counting happens here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from typing_extensions import override

__all__ = ["CountedTokens"]


class CountedTokens(int):
    """How many tokens; an ``int`` in every way.

    ``exact``: a provider bills this very number. ``at_most``: a proven upper bound, or ``None`` where
    there is none (an exact count is its own). ``notes``: what was assumed, left out or looked up, each once.
    Adding two adds their bounds and is exact if both are; a plain number counts as exact.
    """

    exact: bool
    at_most: int | None
    notes: tuple[str, ...]

    def __new__(
        cls,
        value: int,
        exact: bool = True,  # noqa: FBT001, FBT002 - as it pickles and as it is written down
        at_most: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> Self:
        """Raises ValueError for a negative number, and for a bound that is below the number."""
        self = super().__new__(cls, value)
        if value < 0 or (at_most is not None and at_most < value):
            raise ValueError(f"{value} tokens, at most {at_most}")
        self.__dict__.update(
            exact=exact,
            at_most=int(value) if exact else at_most,
            notes=tuple(dict.fromkeys(notes)),
        )
        return self

    # An annotation alone would let these be assigned, and a sum would then forget it.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(f"{name} of a count cannot be set")

    @override
    def __add__(self, other: int) -> CountedTokens:
        if not isinstance(other, CountedTokens):
            if not isinstance(other, int) or other < 0:
                return NotImplemented  # int's own addition answers, with a plain number
            other = CountedTokens(other)
        bound = None
        if self.at_most is not None and other.at_most is not None:
            bound = self.at_most + other.at_most
        return CountedTokens(
            int(self) + int(other), self.exact and other.exact, bound, self.notes + other.notes
        )

    __radd__ = __add__

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (int(self), self.exact, self.at_most, self.notes)

    @override
    def __str__(self) -> str:
        return int.__repr__(self)

    @override
    def __repr__(self) -> str:
        said = [int.__repr__(self)]
        if not self.exact:
            said += ["exact=False", f"at_most={self.at_most}"]
        if self.notes:
            said.append(f"notes={self.notes!r}")
        return f"CountedTokens({', '.join(said)})"
