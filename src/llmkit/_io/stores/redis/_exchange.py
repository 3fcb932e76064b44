"""What is said to the server for one operation.

An operation is one command. It is repeated once where the connection breaks, since each is idempotent by its id; its
script is told that it is a repetition. It is sent with the script's whole text where the server has lost it, and to
where the server says that the ledger is. Nothing else is repeated, a timeout least of all.
"""

from __future__ import annotations

from ._failures import is_broken, is_unknown_script, moved_to
from ._scripts import Script
from ._talking import Commands

__all__ = ["exchange"]

# A cluster whose nodes send us on and on has not agreed yet.
_MOVES = 3


def exchange(script: Script, key: str, argument: str) -> Commands[str]:
    """Run a script on a ledger; return what it answers."""
    repeated: tuple[str, ...] = ()
    moves = 0
    sent: str = script.sha
    while True:
        try:
            name = "EVALSHA" if sent is script.sha else "EVAL"
            return (yield (name, sent, 1, key, argument, *repeated))  # type: ignore[no-any-return]
        except Exception as error:
            if is_unknown_script(error) and sent is script.sha:
                sent = script.text
            elif moved_to(error) is not None and moves < _MOVES:
                moves += 1
            elif is_broken(error) and not repeated:
                repeated = ("again",)
            else:
                raise
