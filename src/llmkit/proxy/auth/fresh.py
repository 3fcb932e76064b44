"""When what is remembered of keys is out of date: a number that changes whenever a key or its owner does, anywhere.

Processes of one machine share it in a mapped file beside the SQLite file: reading it is reading memory. PostgreSQL
tells all machines (``LISTEN``/``NOTIFY``); while it cannot, nothing that is remembered is trusted. What has changed is
not said here, nor what is remembered.
"""

from __future__ import annotations

import itertools
import logging
import mmap
import os
import secrets
import threading
import time
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Engine, text
from typing_extensions import override

__all__ = ["Alone", "Deaf", "Fresh", "Heard", "Mapped", "fresh_by"]

_log = logging.getLogger("llmkit.proxy")

_BYTES: Final = 8
_CHANNEL: Final = "llmkit_proxy_keys"
_EVERY: Final = 2.0
"""Seconds between two checks that what PostgreSQL says is heard."""
_TRUST: Final = 5.0
"""Seconds that such a check is good for: so old, at most, is what is remembered, however a network fails."""
_PAUSE: Final = 0.5
"""Seconds before PostgreSQL is asked again."""


class Fresh(Protocol):
    """How one process knows that others have changed something."""

    def number(self) -> int | None:
        """Another one than before, once anything has changed; ``None`` where nobody knows."""

    def change(self) -> None:
        """Something has changed, and is committed. Waits for the database, where it is that which tells."""

    def close(self) -> None:
        """Nothing will be asked any more."""


def fresh_by(engine: Engine) -> Fresh:
    """How processes that share this database tell each other."""
    if engine.dialect.name == "postgresql":
        return Heard(engine)
    path = engine.url.database
    if not path or path == ":memory:":
        return Alone()
    try:
        return Mapped(Path(f"{path}-keys"))
    except OSError as error:
        _log.warning("keys are read anew for each request: %s-keys: %s", path, error.strerror)
        return Deaf()


class Alone(Fresh):
    """There is no other process: the database is in this one's memory."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._number = 0

    @override
    def number(self) -> int | None:
        return self._number

    @override
    def change(self) -> None:
        self._number = next(self._numbers)

    @override
    def close(self) -> None:
        pass


class Deaf(Alone):
    """Nothing can be shared: nothing is remembered."""

    @override
    def number(self) -> int | None:
        return None


class Mapped(Fresh):
    """Eight bytes of a file that all processes of a machine have mapped.

    A change writes a random number: writers need not wait for each other, and whichever is last, it is a new one.
    """

    def __init__(self, path: Path) -> None:
        nothing_else = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        file = os.open(path, os.O_RDWR | os.O_CREAT | nothing_else, 0o600)
        try:
            os.ftruncate(file, _BYTES)
            self._map = mmap.mmap(file, _BYTES)
        finally:
            os.close(file)
        # Aligned, and one load or store of the processor's.
        self._numbers = memoryview(self._map).cast("Q")

    @override
    def number(self) -> int | None:
        return self._numbers[0]

    @override
    def change(self) -> None:
        self._numbers[0] = secrets.randbits(63)

    @override
    def close(self) -> None:
        self._numbers.release()
        self._map.close()


class Heard(Fresh):
    """A thread that listens to PostgreSQL, on a connection of its own.

    Every two seconds it says something to itself through the server. A connection that looks well and hears nothing
    (a pooler between, a network that has gone) is found out by that.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numbers = itertools.count(1)
        self._number, self._until = 0, 0.0
        self._ended = threading.Event()
        self._own = f"{_CHANNEL}_{secrets.token_hex(8)}"
        self._thread = threading.Thread(target=self._listen, name=_CHANNEL, daemon=True)
        self._thread.start()

    @override
    def number(self) -> int | None:
        return self._number if time.monotonic() < self._until else None

    @override
    def change(self) -> None:
        self._number = next(self._numbers)
        self._say(_CHANNEL)

    @override
    def close(self) -> None:
        self._ended.set()
        self._until = 0.0
        try:
            self._say(self._own)
        except Exception:  # noqa: BLE001 - the server has gone, and the thread does not wait for it
            _log.debug("the thread that listens to PostgreSQL ends by itself")
        self._thread.join(_EVERY + 1)

    def _say(self, channel: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(f"NOTIFY {channel}"))

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                self._heed()
            except Exception as error:  # noqa: BLE001 - whatever it was: it is tried again
                # Its text may name the server, and who logs in there.
                _log.warning("PostgreSQL cannot be listened to: %s", type(error).__name__)
            self._until = 0.0
            self._ended.wait(_PAUSE)

    def _heed(self) -> None:
        connection = self._engine.raw_connection()
        raw: Any = connection.driver_connection
        connection.detach()
        try:
            raw.autocommit = True
            raw.execute(f"LISTEN {_CHANNEL}")
            raw.execute(f"LISTEN {self._own}")
            # What was said before, nobody here has heard.
            self._number = next(self._numbers)
            while not self._ended.is_set():
                self._hear(raw)
        finally:
            # Not the pool's: it would roll back first, and complain where the server has gone.
            raw.close()

    def _hear(self, raw: Any) -> None:
        """Until the next check."""
        asked, heard = time.monotonic(), False
        raw.execute(f"NOTIFY {self._own}")
        for said in raw.notifies(timeout=_EVERY):
            if said.channel == _CHANNEL:
                self._number = next(self._numbers)
            else:
                heard, self._until = True, asked + _TRUST
            if self._ended.is_set():
                return
        if not heard:
            raise ConnectionError("what was said was not heard")
