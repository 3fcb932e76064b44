"""A transport's failures to ours. By class name, because a caller's client may be httpx's, httpx2's or a like one.

The transport's exception does not travel along: it would hold a request, and with it a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .._call import Sent
from .._secret import redact
from ..errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    ConfigurationError,
    LLMKitError,
    StreamInterruptedError,
)
from ._progress import Progress

__all__ = ["causes", "explain", "texts"]

_CONNECTING = frozenset({"ConnectTimeout", "PoolTimeout"})
_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
# httpx's RequestError, and the roots of httpcore's errors.
_TRANSPORT = frozenset(
    {
        "InvalidURL",
        "NetworkError",
        "ProtocolError",
        "ProxyError",
        "RequestError",
        "TimeoutException",
        "UnsupportedProtocol",
    }
)
_CONFIGURATION = frozenset({"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"})
# TLS about certificates, in OpenSSL's words and in rustls'. A server that refuses ours has not read what was sent with
# it: in TLS 1.3 that leaves before the refusal comes.
_DISTRUSTED = re.compile(r"CERTIFICATE VERIFY FAILED|invalid peer certificate")
_UNWELCOME = re.compile(
    r"alert\W*(handshake|certificate|bad.?cert|unsupported.?cert|unknown.?ca|access.?denied)",
    re.IGNORECASE,
)
# And proxies, where another attempt would hear the same: the four hundreds, SOCKS' rules, and credentials.
_FORBIDDEN = re.compile(
    r"\b4\d\d\b|credentials|username|acceptable methods|authori[sz]|rule|not supported",
    re.IGNORECASE,
)


def explain(error: Exception, progress: Progress, *, streaming: bool = False) -> Exception:
    """Return the error of ours that this failure of a transport is, or itself where it is none."""
    names = [kind.__name__ for kind in type(error).__mro__]
    if isinstance(error, LLMKitError) or not _is_transport(error, names):
        return error
    sent: Sent = "no" if _NEVER_SENT & set(names) else progress.sent
    if "TimeoutException" in names or isinstance(error, TimeoutError):
        which = progress.limiting if _CONNECTING.isdisjoint(names) else progress.connecting
        which = "total" if "WriteTimeout" in names else which
        return APITimeoutError(f"timed out: {which} ({_words(error)})", sent=sent)
    if _CONFIGURATION & set(names):
        return ConfigurationError(f"the request cannot be sent: {_words(error)}")
    if "DecodingError" in names:
        return APIResponseValidationError(
            f"the answer cannot be decompressed: {_words(error)}", sent="yes"
        )
    return _broken(error, sent, streaming=streaming)


def _broken(error: Exception, sent: Sent, *, streaming: bool) -> APIError:
    if streaming:
        return StreamInterruptedError(
            f"the stream broke: {_words(error)}", retryable=True, sent="yes"
        )
    text = f"no answer: {_words(error)}"
    why = " ".join(texts(error)).replace("_", " ")
    if _DISTRUSTED.search(why):
        return APIConnectionError(
            f"{text}; verify=… says whom to trust", retryable=False, sent=sent
        )
    if unwelcome := _UNWELCOME.search(why):
        return APIConnectionError(
            f"{text}; a server that asks for a certificate is shown that of cert=…",
            # A handshake fails for other reasons, too, and some of them pass.
            retryable=unwelcome[1].lower() == "handshake",
            sent="no",
        )
    forbidden = type(error).__name__ == "ProxyError" and _FORBIDDEN.search(why)
    return APIConnectionError(text, retryable=not forbidden, sent=sent)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that it came from: on trio only the last of them says why TLS failed, or one beside it."""
    waiting, seen = [error], set[int]()
    while waiting:
        error = waiting.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            yield error
            waiting += [error.__cause__, error.__context__]


def _is_transport(error: Exception, names: list[str]) -> bool:
    return not _TRANSPORT.isdisjoint(names) or isinstance(error, OSError)


def _words(error: Exception) -> str:
    # A transport's own error may say nothing but what kind it is.
    text = next(texts(error), "")
    name = type(error).__name__
    return redact(f"{name}: {text}" if text else name)


def texts(error: Exception) -> Iterator[str]:
    """What it and the system's errors behind it say, each in one line; what else is behind it is not the network's."""
    for cause in causes(error):
        if cause is error or isinstance(cause, OSError):
            yield from filter(None, [re.sub(r"\s+", " ", str(cause)).strip()])
