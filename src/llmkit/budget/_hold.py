"""``Hold``: money held for a call that is made elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from typing_extensions import override

from .._control.budget.asking import Taken
from .._control.budget.book import Book
from .._control.budget.rules import amount_of
from .._operations import Settled, SettleHold

__all__ = ["Hold"]


class Hold:
    """Money held for a call that you make yourself. It is settled once; what comes later changes nothing.

    As a context manager, what was neither settled nor released at its end is settled at what was held: nobody
    knows what it cost. Not a call's own: a client holds and settles by itself.
    """

    def __init__(
        self,
        book: Book,
        taken: Taken,
        run: Callable[[Any], Any],
        arun: Callable[[Any], Coroutine[Any, Any, Any]],
    ) -> None:
        self._book, self._taken = book, taken
        self._run, self._arun = run, arun
        self.done = False

    @property
    def id(self) -> str:
        """The hold's id, and that of its entry in the ledger."""
        return self._taken.ask.hold

    @property
    def usd(self) -> Decimal:
        """How much is held."""
        return self._taken.usd

    @property
    def expires_at(self) -> datetime:
        """When it becomes spend, if it is not settled."""
        return datetime.fromtimestamp(self._taken.reserved.expires / 1000, UTC)

    def settle(
        self, usd: Any, *, prompt_tokens: int = 0, completion_tokens: int = 0, flag: str = ""
    ) -> Settled | None:
        """It cost so much. ``usd=None``: nobody knows, so what was held."""
        return self._end(self._settling(usd, prompt_tokens, completion_tokens, flag))

    async def asettle(
        self, usd: Any, *, prompt_tokens: int = 0, completion_tokens: int = 0, flag: str = ""
    ) -> Settled | None:
        """``settle``, awaited."""
        return await self._aend(self._settling(usd, prompt_tokens, completion_tokens, flag))

    def release(self, *, sent: bool = False) -> Settled | None:
        """It cost nothing. ``sent``: a request left, and counts as one."""
        return self._end(self._taken.release(sent_request=sent))

    async def arelease(self, *, sent: bool = False) -> Settled | None:
        """``release``, awaited."""
        return await self._aend(self._taken.release(sent_request=sent))

    def _settling(self, usd: Any, prompt: int, completion: int, flag: str) -> SettleHold:
        amount = None if usd is None else amount_of(usd, "usd")
        return self._taken.settle(amount, prompt, completion, flag)

    def _end(self, operation: SettleHold) -> Settled | None:
        self.done = True
        settled: Settled | None = self._run(self._book.close(self._taken, operation))
        return settled

    async def _aend(self, operation: SettleHold) -> Settled | None:
        self.done = True
        settled: Settled | None = await self._arun(self._book.close(self._taken, operation))
        return settled

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.done:
            self._end(self._taken.unknown("unsettled"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.done:
            await self._aend(self._taken.unknown("unsettled"))

    @override
    def __repr__(self) -> str:
        return f"Hold({self.id!r}, usd={self.usd}, done={self.done})"
