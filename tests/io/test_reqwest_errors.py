"""What pyreqwest says of a failure, and what that is called over _faults."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit import APIResponseValidationError
from llmkit._io import _faults
from llmkit._io._reqwest_errors import fault_of, head_has_come

CONNECT, SEND = "client error (Connect)", "client error (SendRequest)"
ADDRESS = "error sending request for url (http://host/v1?key=secret)"


def failed(name: str, *causes: str) -> Exception:
    """A failure as pyreqwest tells it: a class, and causes as text."""
    kind = type(name, (Exception,), {"__module__": "pyreqwest.exceptions"})
    error: Any = kind("failed")
    error.details = {"causes": [{"message": cause} for cause in causes]}
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (failed("ConnectError", ADDRESS, CONNECT, "tcp connect error"), _faults.ConnectError),
        (failed("ConnectTimeoutError", ADDRESS, CONNECT, "timed out"), _faults.ConnectTimeout),
        (failed("ConnectTimeoutError", ADDRESS, "operation timed out"), _faults.ReadTimeout),
        (failed("ConnectError", ADDRESS, CONNECT, "tunnel error: no"), _faults.ProxyError),
        (failed("ConnectError", ADDRESS, CONNECT, "SOCKS error: no"), _faults.ProxyError),
        (failed("ConnectError", ADDRESS, SEND, "connection closed"), _faults.RemoteProtocolError),
        (failed("ConnectError", ADDRESS, SEND, "Connection reset by peer"), _faults.ReadError),
        (failed("RequestError", ADDRESS, SEND, "Broken pipe (os error 32)"), _faults.WriteError),
        (failed("DecodeError", ADDRESS, SEND, "invalid HTTP"), _faults.RemoteProtocolError),
        (failed("BodyDecodeError", "Unknown frame descriptor"), APIResponseValidationError),
        (failed("BuilderError", "URL scheme is not allowed"), _faults.LocalProtocolError),
    ],
)
def test_what_it_is_called(error: Exception, kind: type[Exception]) -> None:
    """Each has the class of httpcore's that means the same, and no address, which may hold a key."""
    made = fault_of(error)
    assert type(made) is kind
    assert "secret" not in str(made)


def test_a_failure_without_causes() -> None:
    """Where it says nothing of its causes, its own words are told."""
    assert str(fault_of(failed("RequestError"))) == "failed"


@pytest.mark.parametrize(("name", "come"), [("ReadError", True), ("ConnectError", False)])
def test_whether_an_answer_had_begun(name: str, come: bool) -> None:  # noqa: FBT001 - a row
    """Failures of a body mean that its head has come."""
    assert head_has_come(failed(name)) is come
