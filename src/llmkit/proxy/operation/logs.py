"""The gateway's log: one JSON object for each line on stderr, with the id of the request that it is about.

What looks like a secret is hidden in whatever is logged, by whomever. Prompts and answers are not logged at all.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from typing_extensions import override

from ..._json import dump_text
from ..._secret import is_plain, redact

__all__ = ["REQUEST", "JSONLines", "about", "begin", "tell_access"]

REQUEST: Final[ContextVar[str]] = ContextVar("llmkit_proxy_request", default="")
"""The id of the request that is answered here; tasks begun for it have it, too."""
_LOGGERS: Final = ("llmkit", "uvicorn", "uvicorn.error", "py.warnings")
_USUAL: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_ACCESS: Final = logging.getLogger("llmkit.proxy.access")
_COLOURS: Final = "color_message"
"""The same message again, for terminals: uvicorn's."""


class JSONLines(logging.Formatter):
    """A record as a JSON object: ``time`` (UTC), ``level``, ``logger``, ``message``, ``http_id``, and its ``extra``."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if http_id := REQUEST.get():
            said["http_id"] = http_id
        said |= {k: v for k, v in record.__dict__.items() if k not in _USUAL and k != _COLOURS}
        if record.exc_info and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__
            said["traceback"] = self.formatException(record.exc_info)
        return _line(said)


def _line(said: dict[str, Any]) -> str:
    return json.dumps(_hidden(said), default=str, ensure_ascii=False)


def _hidden(value: Any) -> Any:
    """Text by text: hidden in the line as a whole, a quotation mark could become part of a secret."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {str(key): _hidden(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(one) for one in value]
    # What JSON has no word for is shown as a text, which may have something in it, too.
    return value if isinstance(value, int | float | type(None)) else redact(str(value))


def begin(level: str = "info") -> None:
    """Log like this from now on: what llmkit and the server say from ``level`` on. Again, it only sets the level."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, _Handler) for one in logger.handlers):
            logger.handlers = [_handler()] if "." not in name or name == "py.warnings" else []
        logger.propagate = name == "uvicorn.error"
        logger.setLevel(number)
    if not isinstance(logging.lastResort, _Handler):
        # What other libraries say where nobody has asked for it: it would go out as it is.
        logging.lastResort = others = _handler()
        others.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    # The gateway has an access log of its own, which has no query strings.
    logging.getLogger("uvicorn.access").disabled = True


class _Handler(logging.StreamHandler[Any]):
    """Our own, to be recognised."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        """Access lines that are written at the end of the loop's turn, all in one."""
        self._taking = threading.RLock()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.write()
        super().emit(record)

    @override
    def flush(self) -> None:
        self.write()
        super().flush()

    def tell(self, level: int, said: Mapping[str, Any]) -> None:
        """Write an access line; in an event loop, at the end of its turn."""
        who = said["ip"], said["key"], said["user"], said["team"]
        head, middle, end = _parts(level, said["method"], said["path"], said["status"], *who)
        http_id, seconds = REQUEST.get(), said["seconds"]
        made = f'{{"time":"{_now()}{head}{http_id}{middle}{seconds!r}{end}' if head else ""
        with self._taking:
            self._lines.append(made or _line(_said(level, said)))
            if len(self._lines) > 1:
                return
        # Who only watches over workers does not load it for this.
        asyncio = sys.modules.get("asyncio")
        loop = asyncio and asyncio._get_running_loop()  # noqa: SLF001 - documented for those who make event loops
        if loop is None:
            self.write()
        else:
            loop.call_soon(self.write)

    def write(self) -> None:
        """Write what is still to be written."""
        with self._taking:
            if self._lines:
                lines, self._lines = self._lines, []
                # Where nobody reads any more, requests are answered all the same.
                with suppress(OSError, ValueError):
                    self.stream.write(self.terminator.join([*lines, ""]))
                    self.stream.flush()


def _said(level: int, said: Mapping[str, Any]) -> dict[str, Any]:
    """An access line."""
    return {
        "time": _now(),
        "level": logging.getLevelName(level).lower(),
        "logger": _ACCESS.name,
        "message": f"{said['method']} {said['path']} {said['status']}",
        "http_id": REQUEST.get(),
        **said,
    }


@lru_cache(1024)
def _parts(
    level: int, method: str, path: str, status: int,
    ip: str | None, key: str | None, user: str | None, team: str | None,
) -> tuple[str, str, str]:  # fmt: skip
    """What stands in an access line between its time and its id, between that and its seconds, and behind these.

    Nothing, where some of it looks like a secret. Most lines differ in nothing else.
    """
    asked = {"method": method, "path": path, "status": status}
    whose = {"ip": ip, "key": key, "user": user, "team": team}
    said = {**asked, **whose}
    if len(path) > _LONGEST or not is_plain([one for one in said.values() if isinstance(one, str)]):
        return "", "", ""
    before = {name: value for name, value in _said(level, said).items() if name in _BEFORE}
    head = f'",{dump_text(before)[1:-1]},"http_id":"'
    return head, f'",{dump_text(asked)[1:-1]},"seconds":', f",{dump_text(whose)[1:]}"


_BEFORE: Final = frozenset({"level", "logger", "message"})
_LONGEST: Final = 512
"""Characters of a path whose lines are remembered: callers choose it."""


def _now() -> str:
    """The time, in UTC, with its milliseconds."""
    now = time.time()
    second = int(now)
    return f"{_second(second)}.{int((now - second) * 1000):03d}+00:00"


@lru_cache(2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _handler() -> _Handler:
    handler = _Handler(sys.stderr)
    handler.setFormatter(JSONLines())
    return handler


def tell_access(level: int, said: Mapping[str, Any]) -> None:
    """One line of the access log, of what ``JSONLines`` would write of it.

    Where the gateway's own handler is the only one to hear it, no record is made: that takes longer than the line.
    """
    if not _ACCESS.isEnabledFor(level):
        return
    if (handler := _only_handler()) is not None:
        handler.tell(level, said)
    else:
        said = _hidden(said)
        _ACCESS.log(level, "%s %s %d", said["method"], said["path"], said["status"], extra=said)


def _only_handler() -> _Handler | None:
    """The gateway's own, where nobody else listens to the access log."""
    found: list[logging.Handler] = []
    logger: logging.Logger | None = _ACCESS
    while logger is not None:
        found += logger.handlers
        logger = logger.parent if logger.propagate else None
    return found[0] if len(found) == 1 and isinstance(found[0], _Handler) else None


@contextmanager
def about(http_id: str) -> Iterator[None]:
    """What is logged within is about this request."""
    token = REQUEST.set(http_id)
    try:
        yield
    finally:
        REQUEST.reset(token)
