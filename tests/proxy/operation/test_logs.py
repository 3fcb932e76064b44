from __future__ import annotations

import json
import logging
import sys
from typing import Any

from llmkit.proxy.operation.logs import JSONLines, about

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
