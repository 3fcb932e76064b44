from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from llmkit import errors
from llmkit._call import Attempt
from llmkit._secret import Secret
from llmkit.types.chat import ChatCompletion

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.LLMKitError)
]


def test_the_tree_is_the_docstring() -> None:
    """The tree in the module's docstring is the tree of the classes."""
    rows = re.findall(r"^( *)\* (\w+)", errors.__doc__ or "", re.MULTILINE)
    parents: list[str] = []
    listed = set()
    for indent, name in rows:
        depth = len(indent) // 4
        parents[depth:] = [name]
        kind = getattr(errors, name)
        listed.add(kind)
        assert depth == 0 or issubclass(kind, getattr(errors, parents[depth - 1])), name
    assert listed == set(CLASSES)


def full() -> errors.APIError:
    """An error with everything on it."""
    made = errors.RateLimitError(
        "slow down",
        provider="acme",
        model="m",
        code="c",
        type="t",
        param="p",
        request_id="r",
        body={"error": ["x"]},
        retry_after=2.0,
        sent="yes",
    )
    made.attempts = (Attempt(1, "acme", "m", 0.0, 1.0),)
    made.partial = ChatCompletion(id="a")
    return made


@pytest.mark.parametrize(
    "again",
    [
        lambda e: pickle.loads(pickle.dumps(e)),  # noqa: S301 - our own bytes
        copy.copy,
        copy.deepcopy,
    ],
)
def test_errors_travel(again: object) -> None:
    """An error that was pickled or copied is the same error, with all that it says."""
    made = again(full())  # type: ignore[operator]
    assert type(made) is errors.RateLimitError
    assert made.__dict__ == full().__dict__
    assert (str(made), made.args) == (str(full()), ("slow down",))


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_travels(kind: type[errors.LLMKitError]) -> None:
    """Every class can be made of a message alone, shown, and pickled."""
    made = kind("no")
    assert "no" in str(made)
    there = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert (type(there), there.message, there.__dict__) == (kind, "no", made.__dict__)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.APIError("no"), "no"),
        (errors.APIError("no", provider="a"), "[a] no"),
        (errors.APIError("no", provider="a", model="m"), "[a/m] no"),
        (errors.NotFoundError("no"), "no"),
        (errors.NotFoundError("no", provider="a", sent="yes"), "[a 404] no"),
        (errors.NotFoundError("no", model="m", request_id="r"), "[m] no (request r)"),
        (errors.LLMKitError("no"), "no"),
    ],
)
def test_text(error: errors.LLMKitError, text: str) -> None:
    """An error says who was asked, the status, and the request's id, as far as they are known."""
    assert str(error) == text


def test_defaults() -> None:
    """A class has its status and whether it is worth retrying; what is given goes before."""
    assert errors.OverloadedError("x").status_code == 529
    assert errors.OverloadedError("x").retryable
    assert errors.BadGatewayError("x", status_code=520, retryable=False).status_code == 520
    assert not errors.BadGatewayError("x", retryable=False).retryable
    assert errors.APITimeoutError("x").retryable
    assert errors.APIConnectionError("x").status_code is None
    assert errors.UnsupportedParamsError("x").sent == "no"
    assert errors.Timeout is errors.APITimeoutError
    assert issubclass(errors.MissingKeyError, errors.AuthenticationError)
    assert errors.MissingKeyError("x").status_code == 401


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (418, errors.APIStatusError),
        (599, errors.InternalServerError),
    ],
)
def test_for_status(status: int, kind: type[errors.APIStatusError]) -> None:
    """Each status has a class, of its own or its family's."""
    assert errors.for_status(status) is kind
    for own, expected in errors.STATUS_ERRORS.items():
        assert errors.for_status(own) is expected


def test_scrub() -> None:
    """Scrubbing removes a secret from every text of an error, at any depth, and leaves the rest."""
    made = full()
    made.message, made.code = "bad hunter2", "hunter2"
    made.body = {"hunter2": ["hunter2", 7, None, {"deep": "x hunter2"}], "n": 1.5}
    made.scrub([Secret("hunter2")])
    assert made.args == ("bad [redacted]",)
    assert made.body == {"[redacted]": ["[redacted]", 7, None, {"deep": "x [redacted]"}], "n": 1.5}
    assert (made.code, made.type, made.request_id) == ("[redacted]", "t", "r")
