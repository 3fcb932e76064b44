"""The key of one request: what has to be found out for it, such as the content of its files, and who asks.

What it is made of is ``cache_key``'s affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..._call import Call
from ..._flow import Flow, store
from ..._http import HTTPRequest
from ..._multipart import Multipart
from ..._upload import Upload
from .. import cache_key
from ..attempts import told
from ..job import Job, Leg

if TYPE_CHECKING:
    from ..settle import Account

__all__ = ["named", "parts_of", "tenant_of"]

_OF_ACCOUNTS: Final = frozenset({
    "account_id", "aws_access_key_id", "aws_external_id", "aws_profile_name", "aws_role_name",
    "aws_secret_access_key", "aws_web_identity_token", "azure_ad_token", "client_id", "client_secret",
    "organization", "project_id", "space_id", "tenant_id", "vertex_credentials", "vertex_project",
})  # fmt: skip
"""Options that say whose account is used. A temporary key's token is not one: it is another each hour."""
_ASKED: Final = "azure_ad_token_provider"


def tenant_of(
    attributes: Mapping[str, tuple[str, ...]], params: Mapping[str, Any], kinds: Sequence[str]
) -> Sequence[Any]:
    """Whose a call is, by those kinds that separate entries."""
    said = {kind: attributes[kind] for kind in kinds if kind in attributes}
    if "user" in kinds and "user" not in said and params.get("user"):
        said["user"] = (str(params["user"]),)
    return sorted((kind, *values) for kind, values in said.items())


def named(
    cache: Any,
    job: Job,
    account: Account,
    leg: Leg,
    request: HTTPRequest,
    namespace: str,
    tenant: Sequence[Any],
) -> Flow[str | None]:
    """The key of a request; ``None`` where it has none: what it sends cannot be read twice."""
    parts = yield from parts_of(cache, job, account, leg, request, tenant)
    return None if parts is None else cache_key.key(cache.salt, namespace, parts)


def parts_of(
    cache: Any,
    job: Job,
    account: Account,
    leg: Leg,
    request: HTTPRequest,
    tenant: Sequence[Any],
) -> Flow[list[bytes] | None]:
    """What the key of a request is made of; ``None`` where it has none."""
    call, salt = leg.call, cache.salt
    files = list(_files(request, call))
    digests: list[str] = []
    for file in files:
        digest = yield from store(file, cache.reader)
        digests.append(digest)
    who = b""
    if cache.separates:
        who = cache_key.account(salt, (yield from _credentials(job, account, leg)))
    header = leg.provider.idempotency_header
    parts = [
        repr(
            (job.kind, call.provider, call.model, job.stream, leg.endpoint.base_url, tenant)
        ).encode("utf-8", "surrogatepass"),
        who,
        *cache_key.request_parts(request, digests, () if header is None else (header,)),
    ]
    if getattr(leg.wire, "steps", None) is not None:
        by_file = {id(file): digest for file, digest in zip(files, digests, strict=True)}
        try:
            parts.append(cache_key.subject(call, by_file))
        except (TypeError, ValueError, RecursionError):
            return None
    return parts


def _files(request: HTTPRequest, call: Call) -> Iterator[Any]:
    """What is sent and is not in memory."""
    upload = request.upload
    seen = set()
    if isinstance(upload, Multipart):
        for _, file in upload.files:
            seen.add(id(file))
            yield file
    elif upload is not None:
        yield upload
        seen.add(id(upload))
    for name in ("file", "mask"):
        one = getattr(call, name, None)
        if isinstance(one, Upload) and id(one) not in seen:
            seen.add(id(one))
            yield one
    yield from (file for file in getattr(call, "images", ()) if id(file) not in seen)


def _credentials(job: Job, account: Account, leg: Leg) -> Flow[list[tuple[str, Any]]]:
    """What says whose account is used: the key, or what takes its place; of a function, what it says."""
    options = leg.options
    found = [(name, options[name]) for name in _OF_ACCOUNTS & options.keys()]
    key = (yield from told(leg.key, account)) if callable(leg.key) else leg.key
    if key is not None:
        return [*found, ("key", key)]
    if callable(ask := options.get(_ASKED)):
        found.append(("token", (yield from told(ask, account)) or ""))
    environ = job.environ
    needed = {name for ways in leg.provider.needs for way in ways for name in way.split()}
    return [*found, *((f"${name}", environ[name]) for name in needed if environ.get(name))]
