"""The holds of one call: one for each attempt that may be billed, taken before it leaves, settled once.

Rule 1: how a hold is to be settled is decided without waiting; what is decided is owed, and a call does not end,
nor is it dropped, before what it owes is paid or left on the queue.
Rule 2: nothing sent, or refused by the provider: released. Not known what became of it: spent as held.
How much to hold belongs in ``holding``; what counts it, and by which limits, in ``budget``.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from .._flow import Flow
from .._settlements import Settlement
from ..errors import BudgetError, LimitReachedError
from .budget.asking import Ask, Divert, Taken
from .retry import refused

__all__ = ["Holds"]

# Of a whole answer: why what is spent is not what the provider said, but what was held.
_UNSAID: Final = {"estimated": "estimated", "unknown": "unknown cost"}


class Holds:
    """The hold that is open, and those that have ended and are still to be settled."""

    __slots__ = (
        "_book",
        "_held",
        "_left",
        "_numbers",
        "_one_store",
        "_open",
        "_owed",
        "_proven",
        "_trying",
        "diverting",
    )

    def __init__(self, book: Any, *, one_store: bool = False) -> None:
        self._book = book
        self._one_store = one_store
        """Whether the budget's store is the one that calls' settlements go to."""
        self._numbers = count(1)
        self._held = False
        """Whether there has been a hold."""
        self._trying: Taken | None = None
        """What is being taken: whether it is held is not known yet."""
        self._open: Taken | None = None
        self._left = False
        """Whether a request has begun under the open hold."""
        self._proven = False
        """Whether one has gone well under it: what it is billed for does not go away any more."""
        self._owed: tuple[tuple[Taken, Any], ...] = ()
        self.diverting = True
        """Whether a cheaper model may be named instead."""

    @property
    def owing(self) -> bool:
        """Whether anything is still to be settled."""
        return bool(self._owed)

    def wanted(self, method: str) -> bool:
        """Whether a request needs a hold: what only looks has that of what it looks for."""
        return self._open is None and (method != "GET" or not self._held)

    def named(self, call_id: str) -> str:
        """The next hold's id. No two have one: of what was given up on nobody knows whether it is held."""
        return f"{call_id}-{next(self._numbers)}"

    def take(self, ask: Ask) -> Flow[Divert | None]:
        """Take a hold, or hear of a cheaper model. Raises what the budget refuses with."""
        try:
            taken: Taken | Divert = yield from self._book.take(
                ask, divert=self.diverting, trying=self._tries
            )
        except (BudgetError, LimitReachedError):
            # Nothing is held; where the store could not be reached, the book sees to that.
            self._trying = None
            raise
        except BaseException:
            self._let_go()
            raise
        if not isinstance(taken, Taken):
            self._trying = None
            return taken
        # No call between the two: an interrupt sees it as being taken, or as open.
        self._open, self._trying = taken, None
        self._held, self._left, self._proven = True, False, False
        return None

    def _tries(self, taken: Taken) -> None:
        self._trying = taken

    def leaving(self) -> None:
        """An exchange begins under the open hold."""
        self._left = True

    def went_well(self) -> None:
        """A request has been answered, which is not the whole answer yet."""
        self._proven = True

    def failed(self, error: BaseException, method: str) -> None:
        """An attempt has failed: decide what becomes of its hold."""
        if self._open is None:
            return
        sent = getattr(error, "sent", "maybe")
        if sent == "no" or refused(error):
            if not self._proven:
                self._owe(self._open, self._open.release(sent_request=sent != "no"))
        elif method != "GET":
            self._owe(self._open, self._open.unknown(_outcome(error)))

    def given_up(self) -> None:
        """No more is asked on this deployment: what is open still may be billed."""
        self._let_go()
        if self._open is not None:
            self._end("failed")

    def ended(self, settlement: Settlement) -> None:
        """The call has ended like this: decide what becomes of the hold that is open."""
        if self._trying is not None:
            self._let_go()
        taken = self._open
        if taken is None:
            return
        if settlement.outcome != "completed" or not self._left:
            self._end(str(settlement.outcome), *_tokens(settlement))
        elif settlement.cost_status == "estimated" or _unknown(settlement):
            # A guess (or nothing at all) is no bill: what was thought of and not shown is not in it.
            self._end(_UNSAID.get(settlement.cost_status, "unknown cost"), *_tokens(settlement))
        else:
            flag = _UNSAID.get(settlement.cost_status, "")
            self._owe(taken, taken.settle(settlement.cost, *_tokens(settlement), flag))

    def fork(self) -> Holds:
        """Holds of what runs beside others for this call; it asks for no cheaper model."""
        other = Holds(self._book, one_store=self._one_store)
        other._numbers, other.diverting = self._numbers, False
        return other

    def merge(self, other: Holds, *, goes_on: bool) -> None:
        """Take over a fork's; once more changes nothing. Unless it ``goes_on``, the one that is open is given up."""
        if not goes_on:
            other.given_up()
        self._owed = (*self._owed, *(owed for owed in other._owed if owed not in self._owed))
        if goes_on:
            self._held, self._left, self._proven = other._held, other._left, other._proven
            self._open, self._trying = other._open, other._trying

    def close(self, settlement: Settlement | None = None) -> Flow[bool]:
        """Settle what has ended. A store that fails is the book's affair: it keeps what could not be done.

        ``settlement``: how the call ended. Where one store has both, it goes there with the last of what is settled;
        whether it did.
        """
        stored = False
        while self._owed:
            taken, operation = self._owed[0]
            if settlement is not None and self._one_store and len(self._owed) == 1:
                operation = operation._replace(settlement=settlement)
            settled = yield from self._book.close(taken, operation)
            stored = settled is not None and settled.stored
            self._owed = self._owed[1:]
        return stored

    def _end(self, flag: str, prompt: int = 0, completion: int = 0) -> None:
        taken = self._open
        assert taken is not None  # noqa: S101 - whoever calls has looked
        if self._left:
            self._owe(taken, taken.unknown(flag, prompt, completion))
        else:
            self._owe(taken, taken.release(sent_request=False))

    def _let_go(self) -> None:
        """Where nobody knows whether it is held, it is released: nothing has left."""
        if (trying := self._trying) is not None:
            owed = (trying, trying.release(sent_request=False))
            self._owed, self._trying = (*self._owed, owed), None

    def _owe(self, taken: Taken, operation: Any) -> None:
        self._owed, self._open = (*self._owed, (taken, operation)), None


def _unknown(settlement: Settlement) -> bool:
    return settlement.cost is None and settlement.prompt_tokens is None


def _tokens(settlement: Settlement) -> tuple[int, int]:
    return settlement.prompt_tokens or 0, settlement.completion_tokens or 0


def _outcome(error: BaseException) -> str:
    """What the ledger is to say of an attempt whose outcome is not known."""
    if not isinstance(error, Exception):
        return "abandoned" if isinstance(error, GeneratorExit) else "cancelled"
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__} {status}" if status else type(error).__name__
