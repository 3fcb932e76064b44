"""Headers that are read when they are asked for are what they would have been, wherever they are looked at."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, replace
from typing import Any

from llmkit._call import CallInfo, keep_headers, keep_limits
from llmkit._headers import LateHeaders
from llmkit._secret import HIDDEN, Secret

GIVEN = {
    "content-type": "application/json",
    "set-cookie": "a=b",
    "x-ratelimit-remaining-tokens": "7",
    "x-request-id": "req_1",
}
KEPT = {name: value for name, value in GIVEN.items() if name != "set-cookie"}
KEY = "made-up-" + "key-of-nobody"


def late(given: dict[str, str] = GIVEN) -> tuple[LateHeaders, list[str]]:
    """Headers, and what was asked of them."""
    asked: list[str] = []

    def look(there: dict[str, str], name: str) -> str | None:
        asked.append(name)
        return there.get(name)

    def read(there: dict[str, str]) -> dict[str, str]:
        asked.append("all")
        return dict(there)

    return LateHeaders(given, look, read), asked


def told(headers: Any) -> CallInfo:
    """A call whose answer had these headers."""
    info = CallInfo("call_1")
    keep_headers(info, headers)
    keep_limits(info, None)
    return info


def test_one_is_looked_up_without_the_others() -> None:
    """And all are read once."""
    headers, asked = late()
    assert headers.get("x-request-id") == "req_1"
    assert "retry-after" not in headers
    assert headers.get("retry-after", "9") == "9"
    assert asked == ["x-request-id", "retry-after", "retry-after"]
    assert dict(headers) == KEPT == headers
    assert (len(headers), headers["content-type"]) == (3, "application/json")
    assert headers.get("x-request-id") == "req_1"
    assert asked.count("all") == 1


def test_cookies_stay_behind() -> None:
    """However they are asked for."""
    assert late()[0].get("set-cookie") is None
    assert "set-cookie" not in late()[0]
    assert "set-cookie" not in dict(late()[0])


def test_a_credential_that_comes_back_is_hidden() -> None:
    """In one header as in all; a short one occurs by chance."""
    echo = {"x-echo": f"Bearer {KEY}", "x-other": "one"}
    for secrets in ((Secret(KEY),), (Secret("one"), Secret(KEY))):
        headers, _ = late(echo)
        headers.hide(secrets)
        assert KEY not in headers.get("x-echo")
        assert headers.get("x-other") == "one"
        headers, _ = late(echo)
        headers.hide(secrets)
        assert KEY not in repr(headers)
        assert HIDDEN in headers["x-echo"]


def test_a_call_shows_them_as_a_dict() -> None:
    """Read when looked at, and the same ever after."""
    headers, asked = late()
    info = told(headers)
    assert asked == []
    assert info.rate_limits == {"x-ratelimit-remaining-tokens": "7"}
    assert type(info.headers) is dict
    assert info.headers == KEPT
    assert info.headers is info.headers
    assert info.rate_limits is info.rate_limits
    assert json.loads(json.dumps(info.headers)) == KEPT


def test_a_call_is_copied_and_kept_with_them() -> None:
    """As a pickle, a copy, a dict, a replaced one."""
    forms = (
        lambda info: pickle.loads(pickle.dumps(info)),  # noqa: S301 - one that was just made
        copy.copy,
        copy.deepcopy,
        lambda info: replace(info, seconds=1.0),
        lambda info: CallInfo(**asdict(info)),
    )
    for form in forms:
        made = form(told(late()[0]))
        assert made.headers == KEPT
        assert made.rate_limits == {"x-ratelimit-remaining-tokens": "7"}
    assert "req_1" in repr(told(late()[0]))
    assert told(late()[0]) == told(KEPT)
    assert pickle.loads(pickle.dumps(late()[0])) == KEPT  # noqa: S301 - as above


def test_what_was_said_holds() -> None:
    """A call that is made up has what it was given, and nothing where it was given nothing."""
    assert CallInfo("a").headers == {} == CallInfo("a").rate_limits
    made = CallInfo("a", headers=KEPT, rate_limits={"x": "y"})
    assert (made.headers, made.rate_limits) == (KEPT, {"x": "y"})
    made.headers = {"b": "c"}
    assert made.headers == {"b": "c"}
