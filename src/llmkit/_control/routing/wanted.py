"""``Wanted``: what a call asks of whoever answers it. Counting and measuring is put off until somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from ...catalogue import Catalogue, ModelInfo
from ...errors import InvalidRequestError
from .counting import counted
from .reading import answer_of, needs_of, plain_size, size_of, texts_of

__all__ = ["Wanted"]

# By which part of it an estimate may be above what the provider counts.
_OVER: Final = 10
_ENDLESS: Final = "messages or tools contain themselves, or are nested too deeply"
_NEEDS_NOTHING: Final[frozenset[str]] = frozenset()
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@dataclass(slots=True)
class Wanted:
    """A call as a router sees it, before it is any deployment's."""

    group: str
    kind: str = "chat"
    """The kind of call: ``chat``, ``embedding``, …"""
    stream: bool = False
    subject: Mapping[str, Any] = field(default_factory=_nothing)
    """What the call is about: its messages, its input."""
    params: Mapping[str, Any] = field(default_factory=_nothing)
    """What its caller says to the model."""
    tags: tuple[str, ...] = ()
    region: str | None = None
    session: str | None = None
    """Calls of one session go where it was, as long as that is well."""
    priority: int = 0
    count: Callable[[], int] | None = None
    """What counts the tokens of the prompt; at most as many as its bytes. Without it, each model's own rule does."""
    max_cost: Decimal | None = None
    """USD that one attempt may cost."""
    budgeted: bool = False
    """Whether a budget is asked, which may refuse what has no price."""
    agent: str = ""
    """The ``User-Agent`` that the caller has been called with, or says."""
    user: str = ""
    """Whose call it is."""
    at: str = ""
    """The id of the member that has what the call continues: it goes first."""
    catalogue: Catalogue | None = None
    """What knows how models count; by default the process's."""
    _size: int = field(default=-1, init=False, repr=False, compare=False)
    _needs: frozenset[str] | None = field(default=None, init=False, repr=False, compare=False)
    _letters: int = field(default=-1, init=False, repr=False, compare=False)
    _counted: dict[Any, tuple[int, bool]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def size(self) -> int:
        """Tokens of the prompt at the very most: a token for every byte, and what may stand around it.

        Raises:
            InvalidRequestError: it contains itself, so nobody can be sent it.
        """
        if self._size < 0:
            try:
                self._size = size_of(self.subject, self.params)
            except RecursionError:
                raise InvalidRequestError(_ENDLESS, param="messages") from None
        return self._size

    @property
    def needs(self) -> frozenset[str]:
        """Capabilities (``llmkit.catalogue.CAPABILITIES``) that it cannot do without."""
        if self._needs is None:
            size = plain_size(self.subject, self.params)
            if size < 0:
                self._needs = needs_of(self.subject, self.params)
            else:
                self._size, self._needs = size, _NEEDS_NOTHING
        return self._needs

    @property
    def answer(self) -> int:
        """Tokens that the answer may have, as far as the call says; otherwise 0."""
        return answer_of(self.params)

    @property
    def span(self) -> int:
        """Tokens of prompt and answer at the very most, as far as the call says of its answer. Raises as ``size``."""
        return (self.size if self._size < 0 else self._size) + answer_of(self.params)

    @property
    def letters(self) -> int:
        """Characters of the prompt's texts, which any bound on its cost counts as a token each."""
        if self._letters < 0:
            try:
                self._letters = sum(map(len, texts_of(self.subject)))
            except RecursionError:
                raise InvalidRequestError(_ENDLESS, param="messages") from None
        return self._letters

    def tokens(self, model: ModelInfo | None) -> int:
        """Tokens of the prompt as a model counts them, or as they are estimated; counted once for each model."""
        return self._count(model)[0]

    def at_least(self, model: ModelInfo | None) -> int:
        """The same, but a tenth lower where it is an estimate: nobody is left out for what is not known."""
        tokens, exact = self._count(model)
        return tokens if exact else tokens - tokens // _OVER

    def _count(self, model: ModelInfo | None) -> tuple[int, bool]:
        key = None if model is None or self.count is not None else (model.provider, model.name)
        if self._counted is None:
            self._counted = {}
        found = self._counted.get(key)
        if found is None:
            if self.count is not None:
                found = self.count(), True
            else:
                found = counted(self.subject, self.params, model, self.catalogue)
            self._counted[key] = found
        return found
