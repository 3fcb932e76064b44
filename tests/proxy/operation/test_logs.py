from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from llmkit.proxy.operation.logs import JSONLines, about, begin, tell_access

KEY = "sk-" + "proj-0123456789abcdefghijklmnopqrstuvwxyz"


def logged(message: str, *arguments: Any, error: bool = False, **extra: Any) -> dict[str, Any]:
    """What a record is written as."""
    info = sys.exc_info() if error else None
    made = logging.getLogger("llmkit.proxy").makeRecord(
        "llmkit.proxy", logging.INFO, __file__, 1, message, arguments, info, extra=extra
    )
    line = JSONLines().format(made)
    assert "\n" not in line
    said: dict[str, Any] = json.loads(line)
    return said


def test_a_line_is_an_object() -> None:
    """Time, level, logger and message, and what was said beside it."""
    said = logged("%s %d", "GET", 200, status=200, path="/v1/models")
    assert said["message"] == "GET 200"
    assert (said["level"], said["logger"]) == ("info", "llmkit.proxy")
    assert (said["status"], said["path"]) == (200, "/v1/models")
    assert said["time"].endswith("+00:00")
    assert "http_id" not in said


def test_lines_are_about_a_request() -> None:
    """Whatever is logged while a request is answered has its id."""
    with about("req-1"):
        assert logged("inside")["http_id"] == "req-1"
    assert "http_id" not in logged("outside")


def test_no_line_has_a_key() -> None:
    """Neither in a message, nor beside it, nor in what is deep inside, nor in a traceback."""
    try:
        raise ValueError(f"Authorization: Bearer {KEY}")
    except ValueError:
        said = logged("key %s", KEY, error=True, headers={"x": [f"Bearer {KEY}"]}, thing={KEY})
    assert KEY not in json.dumps(said)
    assert said["error"] == "ValueError"
    assert "Traceback" in said["traceback"]


def test_what_other_libraries_say() -> None:
    """Where nobody has asked for it, it is written as everything is: a line, without what looks like a key."""
    program = """
import logging, sys
from llmkit.proxy.operation.logs import begin
begin()
begin()
logging.getLogger("sqlalchemy.pool").info("well")
logging.getLogger("sqlalchemy.pool").error("lost %s\\nand gone", sys.argv[1])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, KEY], capture_output=True, text=True, check=True
    )
    [line] = ran.stderr.splitlines()
    said = json.loads(line)
    assert (said["logger"], said["level"]) == ("sqlalchemy.pool", "error")
    assert said["message"].startswith("lost ")
    assert KEY not in line


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the gateway's handler writes, while it is the only one."""
    stream, loggers = io.StringIO(), ("llmkit", "uvicorn", "uvicorn.error", "py.warnings")
    before = [
        (one, list(one.handlers), one.propagate, one.level)
        for one in map(logging.getLogger, loggers)
    ]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(logging, "captureWarnings", lambda _: None)
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    for logger, *_ in before:
        logger.handlers = []
    begin("info")
    yield stream
    for logger, handlers, propagate, level in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.mark.parametrize("others", [False, True], ids=["alone", "with another"])
def test_a_line_of_the_access_log(
    heard: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, others: bool
) -> None:
    """The same, whether or not others listen: the request's id, what was said, and no key in it."""
    if not others:
        # pytest's own do.
        logger = logging.getLogger("llmkit")
        monkeypatch.setattr(logger, "handlers", logger.handlers[:1])
    said = {"method": "GET", "path": f"/key/{KEY}", "status": 200, "seconds": 0.25, "ip": None}
    said |= {"key": None, "user": None, "team": None}
    with about("req-2"):
        tell_access(logging.INFO, said)
        tell_access(logging.INFO, {**said, "path": "/v1/models"})
        tell_access(logging.DEBUG, said)
    first, second = map(json.loads, heard.getvalue().splitlines())
    assert KEY not in first["path"]
    assert second["message"] == "GET /v1/models 200"
    for line in (first, second):
        assert line.pop("time").endswith("+00:00")
        assert (line["http_id"], line["level"]) == ("req-2", "info")
        assert (line["logger"], line["ip"], line["seconds"]) == ("llmkit.proxy.access", None, 0.25)
    assert set(first) == set(second)


def test_access_lines_of_a_turn_are_one_write(
    heard: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its end; what is logged otherwise comes behind those that were before it, and flushing waits for no loop."""
    said = {"method": "GET", "path": "/v1/models", "status": 200, "seconds": 0.25, "ip": None}
    said |= {"key": None, "user": None, "team": None}
    writes: list[str] = []
    monkeypatch.setattr(heard, "write", writes.append)
    logger = logging.getLogger("llmkit")
    # pytest's own listen as well.
    monkeypatch.setattr(logger, "handlers", logger.handlers[:1])

    async def body() -> None:
        for _ in range(3):
            tell_access(logging.INFO, said)
        assert not writes
        await asyncio.sleep(0)
        tell_access(logging.INFO, said)
        logging.getLogger("llmkit.proxy").warning("a word")
        tell_access(logging.INFO, said)
        logger.handlers[0].flush()

    asyncio.run(body())
    assert [write.count("GET /v1/models 200") for write in writes] == [3, 1, 0, 1]
    assert all(isinstance(json.loads(one), dict) for one in "".join(writes).splitlines())


def test_nobody_reads_the_log(heard: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe whose other end has gone: whoever logs goes on."""
    said = {"method": "GET", "path": "/v1/models", "status": 200, "seconds": 0.25, "ip": None}
    said |= {"key": None, "user": None, "team": None}
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger = logging.getLogger("llmkit")
    # pytest's own listen as well.
    monkeypatch.setattr(logger, "handlers", logger.handlers[:1])

    def gone(_: str) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(heard, "write", gone)

    async def body() -> None:
        tell_access(logging.INFO, said)
        logging.getLogger("llmkit.proxy").warning("a word")
        tell_access(logging.INFO, said)
        logger.handlers[0].flush()

    asyncio.run(body())
