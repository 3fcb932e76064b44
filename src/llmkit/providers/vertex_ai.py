"""Google Vertex AI: Gemini, Claude, tuned models, and the open models that it serves in OpenAI's form.

Sources, read 2026-11-22: google-genai 3.4.0 (hosts, express mode, which path a model's name stands for), anthropic
2.12.0 (``lib/vertex``), mistralai 3.7.0 (``gcp``), of https://docs.cloud.google.com/vertex-ai/generative-ai/docs the
pages maas/call-open-model-apis and partner-models/claude/structured_outputs; recorded traffic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from .._flow import Flow
from .._http import Endpoint
from ..errors import ConfigurationError
from ..wires.anthropic_messages import AnthropicMessages, Hosted
from ..wires.gemini import Gemini
from ..wires.openai_chat import OpenAIChat
from ..wires.raw_predict import RawPredict
from ._google import (
    CREDENTIALS_ENV,
    PROJECT_ENV,
    PROJECT_OPTIONS,
    Google,
    express,
    opened,
    source_of,
)
from ._provider import Provider, Where
from .anthropic import CLAUDE

__all__ = ["CLAUDE_CHAT", "GEMINI_CHAT", "PROVIDER", "host"]

_GLOBAL = "global"
_MULTI = frozenset({"us", "eu"})
_LOCATION_ENV = (
    "VERTEXAI_LOCATION", "VERTEX_LOCATION", "GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION", "CLOUD_ML_REGION",
)  # fmt: skip
_LOCATION = re.compile(r"[a-z0-9][a-z0-9-]*")
_VERSION = re.compile(r"v\d\w*")
_VERSIONED = re.compile(r"/v\d\w*$")
# Names that say where they are from the project on.
_FULL = re.compile(r"projects/[^/]+/locations/(?P<location>[^/]+)/.+")
_OPENAPI = "/endpoints/openapi"


def host(location: str) -> str:
    """The host that serves a location. Raises ``ConfigurationError``: it is none."""
    if not _LOCATION.fullmatch(location):
        raise ConfigurationError(f"vertex_location {location!r:.80} is no location of Google Cloud")
    if location == _GLOBAL:
        return "https://aiplatform.googleapis.com"
    if location in _MULTI:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def locate(where: Where) -> Flow[Endpoint]:
    """The address of one call: below it, a model's publisher and name follow.

    Raises:
        ConfigurationError: no project is named, or the location is none.
    """
    parent = yield from _parent(where)
    query = {k: v for k, v in where.query.items() if k != "api-version"}
    return Endpoint(_root(where) + parent, where.headers, query)


def openapi(where: Where) -> Flow[Endpoint]:
    """The same, for what is in OpenAI's form."""
    found = yield from locate(where)
    known = found.base_url.endswith(_OPENAPI)
    return found if known else replace(found, base_url=found.base_url + _OPENAPI)


def _root(where: Where) -> str:
    """Host and version. What the caller gives may end with the version, or go on to the project."""
    own = where.provider.base_url or ""
    base = (where.base_url or own).rstrip("/")
    said = str(where.options.get("api_version") or "")
    version = f"/{said}" if _VERSION.fullmatch(said) else urlsplit(own).path
    if base == own.rstrip("/"):
        return host(_location(where)) + version
    if "/projects/" in base or _VERSIONED.search(base):
        return base
    return base + version


def _parent(where: Where) -> Flow[str]:
    """Project and location, where the name of the model, the base URL or the kind of key does not say them."""
    if _FULL.fullmatch(where.model) or "/projects/" in (where.base_url or ""):
        return ""
    project = _said(where.options, PROJECT_OPTIONS)
    if project is None and express(where.options, where.environ) and _keyed(where):
        return ""
    project = project or _said(where.environ, PROJECT_ENV) or (yield from _own_project(where))
    if project is None and where.base_url != where.provider.base_url:
        return ""  # behind a gateway the project may be the gateway's
    if project is None:
        raise ConfigurationError(
            "Vertex AI needs a project: give vertex_project, or set VERTEXAI_PROJECT or GOOGLE_CLOUD_PROJECT"
        )
    location = quote(_location(where), safe="")
    return f"/projects/{quote(project, safe=':')}/locations/{location}"


def _keyed(where: Where) -> bool:
    return bool(where.options.get("api_key") or _said(where.environ, where.provider.key_env))


def _own_project(where: Where) -> Flow[str | None]:
    """The project of the credentials."""
    if callable(where.options.get("vertex_credentials")):
        return None
    source = source_of(where.options, where.environ)
    info = None if source is None else (yield from opened(source))
    found = info and (info.get("project_id") or info.get("quota_project_id"))
    return str(found) if found else None


def _location(where: Where) -> str:
    full = _FULL.fullmatch(where.model)
    said = full["location"] if full else _said(where.options, ("vertex_location",))
    return said or _said(where.environ, _LOCATION_ENV) or _GLOBAL


def _said(values: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(values[name]) for name in names if values.get(name)), None)


GEMINI_CHAT = Gemini(
    model_path="/publishers/google/models/{model}",
    resources=("endpoints/", "projects/", "publishers/", "models/"),
    labels=True,
    refused=frozenset({"store"}),
    # It reads what is public by itself, and Cloud Storage.
    media=("https://", "http://", "gs://"),
)
_CALLS, _EMBEDDINGS = "llmkit.providers._vertex_calls", "llmkit.wires.vertex_embeddings"
_KEYS = ("VERTEX_API_KEY", "VERTEXAI_API_KEY", "GOOGLE_API_KEY")
_FILE = "~/.config/gcloud/application_default_credentials.json"

_VERTEX = Provider(
    name="vertex_ai",
    base_url="https://aiplatform.googleapis.com/v1beta1",
    chat=GEMINI_CHAT,
    key_env=_KEYS,
    base_env=("VERTEXAI_API_BASE", "VERTEX_API_BASE", "GOOGLE_VERTEX_BASE_URL"),
    auth=Google(),
    key_optional=True,
    locate=locate,
    # Credentials may name the project; a key goes without one.
    needs=((*CREDENTIALS_ENV[::-1], _FILE, *_KEYS), (*PROJECT_ENV, *CREDENTIALS_ENV, *_KEYS)),
    calls={
        "caches": f"{_CALLS}:CACHES",
        "count_tokens": f"{_CALLS}:COUNT",
        "embedding": f"{_EMBEDDINGS}:TEXTS",
    },
    price_name=r"(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?models/(?P<model>.+)",
    region=r"//(?:aiplatform\.)?(?P<region>[a-z0-9-]+?)(?:-aiplatform|\.rep)\.googleapis\.com",
    aliases=("vertex", "vertexai", "google_vertex"),
    docs="https://docs.cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis",
    read="2026-11-22",
)
# Structured outputs came to this host with 4.6.
_MODELS = tuple(
    (pattern, replace(traits, schema=traits.schema and "4[.-]5" not in pattern))
    for pattern, traits in CLAUDE
)
CLAUDE_CHAT = AnthropicMessages(
    models=_MODELS,
    hosted=Hosted(
        version="vertex-2023-10-16",
        path="/publishers/anthropic/models/{model}:rawPredict",
        stream_path="/publishers/anthropic/models/{model}:streamRawPredict",
        count_path="/publishers/anthropic/models/count-tokens:rawPredict",
    ),
)
_CLAUDE = replace(
    _VERTEX,
    calls={"count_tokens": f"{_CALLS}:CLAUDE_COUNT"},
    base_url="https://aiplatform.googleapis.com/v1",
    base_env=("ANTHROPIC_VERTEX_BASE_URL", *_VERTEX.base_env),
    chat=CLAUDE_CHAT,
)
_OPEN = replace(
    _VERTEX,
    calls={},
    base_url="https://aiplatform.googleapis.com/v1",
    chat=OpenAIChat(refused=frozenset({"thinking", "cache_control"})),
    locate=openapi,
)
_MISTRAL = replace(
    _OPEN,
    chat=RawPredict(
        OpenAIChat(
            refused=frozenset({
                "top_k", "thinking", "logit_bias", "user", "functions", "function_call", "verbosity",
                "modalities", "audio", "web_search_options", "service_tier", "store",
                "prompt_cache_retention", "safety_identifier", "cache_control", "developer",
            }),
            renamed={"seed": "random_seed", "max_completion_tokens": "max_tokens"},
            stream_usage=False,
            history=("content_parts",),
        ),
        publisher="mistralai",
    ),
    locate=locate,
)  # fmt: skip


def _embedding(wire: str) -> Provider:
    return replace(_VERTEX, calls={"embedding": f"{_EMBEDDINGS}:{wire}"})


_ENDPOINT = replace(_VERTEX, chat=replace(GEMINI_CHAT, model_path="/endpoints/{model}"))

PROVIDER = replace(
    _VERTEX,
    families=(
        (r"^claude-", _CLAUDE),
        (r"^gemini-embedding-001", _embedding("SINGLE_TEXTS")),
        (r"^gemini-embedding", _embedding("CONTENTS")),
        # A model of one's own is a number.
        (r"^\d+$", _ENDPOINT),
        (r"^(mistralai/|(mi|mini|magi)stral-|codestral)", _MISTRAL),
        # publisher/model, as the OpenAI form names them.
        (r"^(?!endpoints/|projects/|publishers/|models/)[^/]+/[^/]+$", _OPEN),
    ),
)
