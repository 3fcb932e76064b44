"""``Langfuse``: calls as observations in Langfuse, over its OTLP endpoint; no SDK, neither its own nor OpenTelemetry's.

Endpoint and names: https://langfuse.com/integrations/native/opentelemetry, read 2026-11-23 (OTLP over HTTP as JSON,
basic auth with the project's keys, ``x-langfuse-ingestion-version: 4``; ``langfuse.*`` goes before other names).
"""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from typing_extensions import override

from .._secret import Secret
from ..errors import ConfigurationError
from . import _attributes
from ._record import Record
from ._written import Entry, Written

__all__ = ["Langfuse", "langfuse_attributes"]

_CLOUD: Final = "https://cloud.langfuse.com"
_PATH: Final = "/api/public/otel/v1/traces"
_CLIENT: Final = 3
_FAILED: Final = 2
_PAUSES: Final = (0.5, 2.0)
"""Seconds before another try, where Langfuse is busy or away."""
_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
_NANOSECONDS: Final = 1_000_000_000


class Langfuse(Written):
    """Sends calls to Langfuse, in batches, by a thread behind them: ``Client(callbacks=["langfuse"])``.

    Each call is a trace of one generation, whose id is the call's without ``call_``; user, session, tags and metadata
    are the trace's. To have calls within traces of your own, point OpenTelemetry's exporter at Langfuse instead, and
    use ``OpenTelemetry(langfuse=True)``.

    Args:
        public_key: the project's; by default ``LANGFUSE_PUBLIC_KEY``.
        secret_key: the project's; by default ``LANGFUSE_SECRET_KEY``.
        host: where Langfuse is; by default ``LANGFUSE_HOST`` (or ``LANGFUSE_BASE_URL``), else its European cloud.
        content: whether prompts and answers are sent.
        redact: is given each text of these, and says what is sent of it.
        environment: what Langfuse calls ``environment``, such as ``production``.
        timeout: seconds for a batch to be sent in.
        size: so many calls may wait to be sent.

    Raises:
        ConfigurationError: a key is missing, or the address is none.
    """

    def __init__(
        self,
        public_key: str | None = None,
        secret_key: str | None = None,
        host: str | None = None,
        *,
        content: bool = False,
        redact: Callable[[str], str] | None = None,
        environment: str | None = None,
        timeout: float = 10.0,
        size: int = 10_000,
    ) -> None:
        public = _given(public_key, "LANGFUSE_PUBLIC_KEY")
        secret = _given(secret_key, "LANGFUSE_SECRET_KEY")
        found = host or os.environ.get("LANGFUSE_HOST") or os.environ.get("LANGFUSE_BASE_URL")
        self._address = _address(found or _CLOUD)
        self._auth = Secret(base64.b64encode(f"{public}:{secret}".encode()).decode())
        self._environment, self._timeout = environment, timeout
        # Redirects would take the keys along.
        self._opener = urllib.request.build_opener(_NoRedirects())
        name = f"Langfuse({urlsplit(self._address).hostname})"
        super().__init__(name, size=size, content=content, redact=redact, lingers=1.0)

    @override
    def _write(self, entries: Sequence[Entry]) -> None:
        spans = [_span(entry, self._environment) for entry in entries]
        scope = {"scope": {"name": "llmkit"}, "spans": spans}
        service = _plain([("service.name", os.environ.get("OTEL_SERVICE_NAME", "llmkit"))])
        told = {"resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": [scope]}]}
        body = json.dumps(told).encode()
        for pause in (*_PAUSES, None):
            if (wrong := self._sent(body)) is None:
                return
            if pause is None or not wrong[0]:
                raise OSError(wrong[1])
            time.sleep(pause)

    def _sent(self, body: bytes) -> tuple[bool, str] | None:
        """Send it; where that fails, whether trying again can help, and what is wrong."""
        headers = {
            "Authorization": f"Basic {self._auth.reveal()}",
            "Content-Type": "application/json",
            "x-langfuse-ingestion-version": "4",
        }
        request = urllib.request.Request(self._address, body, headers, method="POST")  # noqa: S310 - checked when it was made
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            hint = ": check its keys and its region" if error.code in {401, 403} else ""
            return error.code in _AGAIN, f"it answered {error.code}{hint}"
        except OSError as error:
            return True, f"it cannot be reached: {error}"
        return None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    @override
    def redirect_request(self, *_: Any) -> None:
        return None


def langfuse_attributes(
    row: Record, content: tuple[list[Any], list[Any]] | None
) -> Iterator[tuple[str, Any]]:
    """What Langfuse has names of its own for."""
    found: dict[str, Any] = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": row.response_model or row.model,
        "langfuse.user.id": row.user,
        "langfuse.session.id": row.session,
        "langfuse.trace.tags": row.tags or None,
        "langfuse.observation.level": "ERROR" if row.failed else None,
        "langfuse.observation.status_message": row.error or (row.outcome if row.failed else None),
        "langfuse.observation.usage_details": _usage(row),
        # A number of JSON's, with all its digits. Not known, it is not said: Langfuse may then guess by its own prices.
        "langfuse.observation.cost_details": None
        if row.cost is None
        else f'{{"total": {row.cost:f}}}',
        "langfuse.observation.completion_start_time": _first_chunk(row),
    }
    for name, value in row.metadata.items():
        text = value if isinstance(value, str) else json.dumps(value)
        found[f"langfuse.trace.metadata.{name}"] = text
    if content is not None:
        found["langfuse.observation.input"] = json.dumps(content[0])
        found["langfuse.observation.output"] = json.dumps(content[1])
    return ((name, value) for name, value in found.items() if value is not None)


def _usage(row: Record) -> str | None:
    counted = {"input": row.prompt_tokens, "output": row.completion_tokens}
    known = {name: count for name, count in counted.items() if count is not None}
    return json.dumps(known) if known else None


def _first_chunk(row: Record) -> str | None:
    if row.first_chunk_seconds is None:
        return None
    return datetime.fromtimestamp(row.started + row.first_chunk_seconds, UTC).isoformat()


def _span(entry: Entry, environment: str | None) -> dict[str, Any]:
    row, number = entry.record, entry.record.id.removeprefix("call_")
    said = [*_attributes.whole(row), *langfuse_attributes(row, entry.said)]
    if environment:
        said.append(("langfuse.environment", environment))
    failed = {"code": _FAILED, "message": row.error or row.outcome}
    return {
        "traceId": number[:32],
        "spanId": number[:16],
        "name": f"{_attributes.operation(row.kind)} {row.model}".rstrip(),
        "kind": _CLIENT,
        "startTimeUnixNano": str(int(row.started * _NANOSECONDS)),
        "endTimeUnixNano": str(int((row.started + row.seconds) * _NANOSECONDS)),
        "attributes": _plain(said),
        "status": failed if row.failed else {},
    }


def _plain(said: Sequence[tuple[str, Any]]) -> list[Mapping[str, Any]]:
    """Attributes as OTLP writes them in JSON."""
    return [{"key": name, "value": _value(value)} for name, value in said]


def _value(value: Any) -> Mapping[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, tuple | list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": str(value)}


def _given(key: str | None, variable: str) -> str:
    found = (key or os.environ.get(variable, "")).strip()
    if not found:
        raise ConfigurationError(
            f"Langfuse needs the project's keys: set LANGFUSE_PUBLIC_KEY and "
            f"LANGFUSE_SECRET_KEY ({variable} is missing)"
        )
    return found


def _address(host: str) -> str:
    parts = urlsplit(host)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ConfigurationError("host is Langfuse's address, such as https://cloud.langfuse.com")
    return host.rstrip("/").removesuffix(_PATH).removesuffix("/api/public/otel") + _PATH
