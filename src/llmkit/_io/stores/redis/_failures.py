"""What went wrong with Redis, in our words: by the library's class and the code that the server's answer begins with.

The library's own errors end here. Their texts are not repeated where they could hold a password or a user's name.
"""

from __future__ import annotations

import re

from ....errors import LLMKitError, StoreError, StoreUnavailableError

__all__ = ["is_broken", "is_unknown_script", "moved_to", "refused", "translated"]

# Of ours: scripts answer with these, and what follows is for people.
OURS = "LLMKIT "
# The server is there, and cannot serve for now.
_FOR_NOW = {
    "BUSY": "is busy with a script of somebody else",
    "CLUSTERDOWN": "belongs to a cluster that is down",
    "LOADING": "is still loading its data",
    "MASTERDOWN": "is a replica that has lost its master",
    "MISCONF": "cannot write to its disk",
    "NOREPLICAS": "has too few replicas to accept writes",
    "OOM": "has no memory left",
    "READONLY": "is a replica, which takes no writes: give the address of the master",
    "ASK": "is moving the ledger to another server",
    "TRYAGAIN": "is moving the ledger to another server",
}
# It will not serve until something is set right.
_FOR_GOOD = {
    "CROSSSLOT": "is part of a cluster that does not keep the keys of this ledger together",
    "MOVED": "is part of a cluster whose nodes do not agree where this ledger is",
    "NOAUTH": "wants a password: put it into the url",
    "NOPERM": "does not permit this user what a ledger needs (EVALSHA, EVAL, and all keys of the ledger)",
    "WRONGPASS": "does not know this user or password",
    "WRONGTYPE": "has keys of something else under the ledger's name: choose another name=",
}


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def is_broken(error: BaseException) -> bool:
    """Whether the connection is gone, so that another one may do better; nothing is said of what was done."""
    names = _names(error)
    return "ConnectionError" in names and not names & {"AuthenticationError", "AuthorizationError"}


def is_unknown_script(error: BaseException) -> bool:
    """Whether the server has lost the script, after a restart or SCRIPT FLUSH. Nothing was done."""
    return "NoScriptError" in _names(error)


def moved_to(error: BaseException) -> tuple[str, int] | None:
    """The node of the cluster that has the ledger, where this one has not. Nothing was done."""
    # Older versions of the library leave the code in the text, newer ones have a class for it.
    names = _names(error)
    text = f"MOVED {error}" if "MovedError" in names else str(error)
    found = _MOVED.fullmatch(text) if "ResponseError" in names else None
    return (found[1], int(found[2])) if found else None


def refused(error: BaseException) -> bool:
    """Whether the server does not let us ask: a command that is forbidden or renamed."""
    return "ResponseError" in _names(error)


def translated(error: Exception, place: str, seconds: float) -> LLMKitError:
    """The library's error as one of ours."""
    names = _names(error)
    if (code := _CODES.get(type(error).__name__)) is not None:
        return _of_code(code, place)
    if "TimeoutError" in names:
        return StoreUnavailableError(
            f"Redis at {place} gave no answer within {seconds:g} s; whether it did what it was asked is not known"
        )
    if "AuthenticationError" in names or "AuthorizationError" in names:
        return StoreError(f"Redis at {place} does not accept the user or password of the url")
    if _NONE_LEFT in str(error):
        return StoreUnavailableError(f"all connections to Redis at {place} are in use")
    if names & {"ConnectionError", "OSError"}:
        return StoreUnavailableError(f"Redis at {place} cannot be reached ({_reason(error)})")
    return _of_answer(error, place)


def _reason(error: BaseException) -> str:
    """What the operating system said, in its words; the library's may quote the url."""
    below = error.__cause__ or error.__context__
    said = getattr(below, "strerror", None) if isinstance(below, OSError) else None
    return str(said or type(error).__name__)


def _of_answer(error: Exception, place: str) -> LLMKitError:
    text = str(error)
    if OURS in text:
        return StoreError(text.partition(OURS)[2].partition(" script: ")[0])
    # Within the answer of a script that failed, the code stands somewhere in the middle.
    found = _CODE.search(text)
    return _of_code(found[1], place) if found else StoreError(f"Redis at {place} refused: {text}")


def _of_code(code: str, place: str) -> LLMKitError:
    if code in _FOR_NOW:
        return StoreUnavailableError(f"Redis at {place} {_FOR_NOW[code]}")
    return StoreError(f"Redis at {place} {_FOR_GOOD[code]}")


# What the library's pool says.
_NONE_LEFT = "No connection available"
_MOVED = re.compile(r"MOVED \d+ (.*):(\d+)")
_CODE = re.compile(rf"(?:^|[\s-])({'|'.join(_FOR_NOW | _FOR_GOOD)})\b")
# The library takes the code away from texts that it has a class for.
_CODES = {
    "ReadOnlyError": "READONLY",
    "OutOfMemoryError": "OOM",
    "NoPermissionError": "NOPERM",
    "BusyLoadingError": "LOADING",
    "MasterDownError": "MASTERDOWN",
    "ClusterDownError": "CLUSTERDOWN",
    "AskError": "ASK",
    "MovedError": "MOVED",
    "TryAgainError": "TRYAGAIN",
    "ClusterCrossSlotError": "CROSSSLOT",
}
