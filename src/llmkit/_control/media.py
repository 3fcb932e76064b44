"""``fetch_media=``: for wires that take only bytes, what a URL points at is fetched and put in its place.

Only where the caller asks for it, because a URL in a prompt may come from a stranger: the policy says which schemes,
how much, for how long, and that the address must be public. What is fetched is decided here, and done by a driver.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from .._call import Adjustment, ChatCall, MediaPolicy
from .._flow import Flow, fetch
from .._http import HTTPResponse
from ..errors import ConfigurationError, InvalidRequestError

__all__ = ["fetched", "followed", "media_policy"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = 200
_URL_SAFE = "/%:@!$&'()*+,;=~?[]"
_PLACES = (("image_url", "url"), ("file", "file_data"), ("file", "file_url"), ("video_url", "url"))


def media_policy(given: Any) -> MediaPolicy | None:
    """``fetch_media``: ``True`` for the default policy, a ``MediaPolicy``, or nothing."""
    if given is None or given is False:
        return None
    if given is True:
        return MediaPolicy()
    if isinstance(given, MediaPolicy):
        return given
    raise ConfigurationError(
        f"fetch_media must be True or a MediaPolicy, not {type(given).__name__}"
    )


def fetched(call: ChatCall, reads: Callable[[str], bool], policy: MediaPolicy) -> Flow[ChatCall]:
    """Fetch the URLs that the provider does not read by itself; return the call with data URLs in their place.

    Raises:
        InvalidRequestError: a URL is against the policy, or what came is not what was wanted.
    """
    data: dict[str, str] = {}
    for url in dict.fromkeys(_urls(call.messages)):
        if not reads(url):
            data[url] = yield from _fetched(call, url, policy)
    if not data:
        return call
    messages = [_replaced(message, data) for message in call.messages]
    listed = tuple(
        Adjustment("messages", "moved", url, f"{len(sent)} characters of base64", "fetch_media")
        for url, sent in data.items()
    )
    return replace(call, messages=messages, adjustments=(*call.adjustments, *listed))


def _urls(messages: Sequence[Any]) -> Iterator[str]:
    for message in messages:
        content = message.get("content") if isinstance(message, Mapping) else None
        for part in content if isinstance(content, list | tuple) else ():
            yield from _urls_of_part(part)


def _urls_of_part(part: Any) -> Iterator[str]:
    if not isinstance(part, Mapping):
        return
    for kind, name in _PLACES:
        inner = part.get(kind)
        url = inner.get(name) if isinstance(inner, Mapping) else inner
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            yield url


def _fetched(call: ChatCall, url: str, policy: MediaPolicy) -> Flow[str]:
    def refused(url: str, why: str) -> InvalidRequestError:
        return _refused(call, url, why)

    response = yield from followed(url, policy, refused)
    return _data_url(call, url, response, policy)


def followed(
    url: str, policy: MediaPolicy, refused: Callable[[str, str], Exception]
) -> Flow[HTTPResponse]:
    """Fetch a URL and what it redirects to, under the policy. ``refused``: the error of a URL, for a reason."""
    at = url
    for _ in range(policy.redirects + 1):
        at = _check(at, policy, refused)
        response = yield from fetch(at, policy)
        if response.status not in _REDIRECTS:
            return response
        at = _next(url, at, response.headers.get("location", ""), refused)
    raise refused(url, f"it redirects more than {policy.redirects} times")


def _next(url: str, at: str, location: str, refused: Callable[[str, str], Exception]) -> str:
    try:
        return urljoin(at, location)
    except ValueError:
        raise refused(url, "it redirects to what is no address") from None


def _check(url: str, policy: MediaPolicy, refused: Callable[[str, str], Exception]) -> str:
    """The address in ASCII, as it is asked for; it is refused where the policy does."""
    try:
        parts = urlsplit(url)
        ascii_url = _ascii(parts)
    except ValueError:
        raise refused(url, "it is no address") from None
    if parts.scheme not in policy.schemes:
        raise refused(url, f"its scheme is not one of {', '.join(policy.schemes)}")
    if not parts.hostname or parts.username or parts.password:
        raise refused(url, "it has no host, or credentials in it")
    return ascii_url


def _ascii(parts: SplitResult) -> str:
    """An address as HTTP writes it. Raises ``ValueError`` where its host cannot be one."""
    host = (parts.hostname or "").encode("idna").decode("ascii")
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    path, query = quote(parts.path, safe=_URL_SAFE), quote(parts.query, safe=_URL_SAFE)
    return urlunsplit((parts.scheme, host + port, path, query, ""))


def _data_url(call: ChatCall, url: str, response: HTTPResponse, policy: MediaPolicy) -> str:
    if response.status != _OK:
        raise _refused(call, url, f"its server answered {response.status}")
    kind = response.content_type
    if not kind.startswith(policy.types):
        raise _refused(call, url, f"its type is {kind or 'not given'}")
    return f"data:{kind};base64,{base64.b64encode(response.body).decode('ascii')}"


def _refused(call: ChatCall, url: str, why: str) -> InvalidRequestError:
    # Without its query, which often holds a signature.
    shown = url.partition("?")[0]
    return InvalidRequestError(
        f"fetch_media: {shown!r:.200} was not fetched: {why}",
        provider=call.provider,
        model=call.model,
    )


def _replaced(message: Any, data: Mapping[str, str]) -> Any:
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, list | tuple):
        return message
    parts = [_replaced_part(part, data) for part in content]
    same = all(new is old for new, old in zip(parts, content, strict=True))
    return message if same else {**message, "content": parts}


def _replaced_part(part: Any, data: Mapping[str, str]) -> Any:
    if not isinstance(part, Mapping):
        return part
    for kind, name in _PLACES:
        inner = part.get(kind)
        if isinstance(inner, str) and inner in data:
            return {**part, kind: {name: data[inner]}}
        if isinstance(inner, Mapping) and inner.get(name) in data:
            # A fetched file is data, whatever the place its address stood in.
            target = "file_data" if kind == "file" else name
            rest = {k: v for k, v in inner.items() if k != name}
            return {**part, kind: {**rest, target: data[inner[name]]}}
    return part
