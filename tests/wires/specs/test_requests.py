"""Requests by the providers' documents: each property of a request can be said, and is said as it was given.

What is said by a keyword, by ``extra_body`` or not at all is a table: a property that is new in a document fails here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import llmkit
from llmkit._call import Call
from llmkit._calls import (
    CountCall,
    EmbeddingCall,
    ImageCall,
    MessagesCall,
    ModerationCall,
    ResponsesCall,
    SpeechCall,
    TextCall,
    TranscriptionCall,
)
from llmkit._http import Endpoint
from llmkit.types import (
    audio,
    batch,
    cache,
    embedding,
    image,
    messages,
    moderation,
    responses,
    text,
)
from llmkit.types import file as files
from llmkit.types.params import ModelParams
from llmkit.wires.anthropic_messages.native import MESSAGES
from llmkit.wires.anthropic_resources.batches import AnthropicBatches
from llmkit.wires.anthropic_resources.counting import AnthropicCount
from llmkit.wires.anthropic_resources.files import AnthropicFiles
from llmkit.wires.gemini_resources.batches import GeminiBatches
from llmkit.wires.gemini_resources.caches import GeminiCaches
from llmkit.wires.gemini_resources.embeddings import GeminiEmbeddings
from llmkit.wires.gemini_resources.files import GeminiFiles
from llmkit.wires.openai_audio import SPEECH, TRANSCRIPTION
from llmkit.wires.openai_embeddings import EMBEDDINGS
from llmkit.wires.openai_images import IMAGES
from llmkit.wires.openai_moderation import MODERATIONS
from llmkit.wires.openai_resources.batches import BATCHES
from llmkit.wires.openai_resources.counting import OpenAICount
from llmkit.wires.openai_resources.files import FILES
from llmkit.wires.openai_responses import CHAT, RESPONSES
from llmkit.wires.openai_responses.stored import STORED
from llmkit.wires.openai_text import TEXTS

from .._openapi import document, faults
from ._asked import ANTHROPIC, GEMINI, OPENAI, SAID, WHO, file, kept
from ._samples import Samples

HERE = Endpoint("https://h.test/v1")


@dataclass(frozen=True)
class Asking:
    """A kind of call: its document and schema, how it is made, its parameters, and what is not among them.

    ``subject``: properties that the call is about. ``renamed``: keyword to property. ``extra``: properties for
    ``extra_body``. ``absent``: properties that are not offered, with the reason.
    """

    spec: str
    schema: str
    wire: Any
    call: Call
    params: Any
    subject: frozenset[str] = frozenset()
    renamed: dict[str, str] = field(default_factory=dict)
    extra: frozenset[str] = frozenset()
    absent: dict[str, str] = field(default_factory=dict)

    @property
    def properties(self) -> dict[str, Any]:
        """The properties of the request, those of all that it is made of included."""
        return properties(document(self.spec), {"$ref": f"#/{self.schema}"})

    @property
    def keywords(self) -> dict[str, str]:
        """Keyword to the property that it says."""
        named = {name: self.renamed.get(name, name) for name in self.params.__annotations__}
        return {ours: theirs for ours, theirs in named.items() if theirs in self.properties}


def properties(spec: Any, schema: Any) -> dict[str, Any]:
    """All properties of a schema."""
    while "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    made = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        made |= properties(spec, part)
    return made


INPUT = frozenset({"model", "input"})
PICTURE = frozenset({"model", "prompt", "stream"})
HEARD = frozenset({"model", "file", "stream"})
WRITTEN = "what a chat would send is counted, and is written by the chat's wire"
KEPT = "the provider's own: it is said by an answer"

ASKED: dict[str, Asking] = {
    "embedding": Asking(
        OPENAI, "CreateEmbeddingRequest", EMBEDDINGS, EmbeddingCall(*WHO, ("x",)),
        embedding.EmbeddingModelParams, INPUT,
    ),
    "moderation": Asking(
        OPENAI, "CreateModerationRequest", MODERATIONS, ModerationCall(*WHO, ("x",)),
        moderation.ModerationModelParams, INPUT,
    ),
    "text_completion": Asking(
        OPENAI, "CreateCompletionRequest", TEXTS, TextCall(*WHO, "x", stream=True),
        text.TextModelParams, frozenset({"model", "prompt", "stream"}),
    ),
    "image_generation": Asking(
        OPENAI, "CreateImageRequest", IMAGES, ImageCall(*WHO, "x"), image.ImageModelParams, PICTURE,
    ),
    "image_edit": Asking(
        OPENAI, "CreateImageEditRequest", IMAGES,
        ImageCall(*WHO, "x", images=(file(),), mask=file(), action="edit"),
        image.ImageModelParams, PICTURE | {"image", "mask"},
    ),
    "image_edit by address": Asking(
        OPENAI, "EditImageBodyJsonParam", IMAGES,
        ImageCall(*WHO, "x", images=({"file_id": "f"},), action="edit"),  # type: ignore[arg-type]
        image.ImageModelParams, PICTURE | {"images", "mask"},
    ),
    "image_variation": Asking(
        OPENAI, "CreateImageVariationRequest", IMAGES,
        ImageCall(*WHO, None, images=(file(),), action="vary"),
        image.ImageModelParams, frozenset({"model", "image"}),
    ),
    "transcription": Asking(
        OPENAI, "CreateTranscriptionRequest", TRANSCRIPTION, TranscriptionCall(*WHO, file()),
        audio.TranscriptionModelParams, HEARD,
    ),
    "translation": Asking(
        OPENAI, "CreateTranslationRequest", TRANSCRIPTION, TranscriptionCall(*WHO, file(), True),
        audio.TranscriptionModelParams, HEARD - {"stream"},
    ),
    "speech": Asking(
        OPENAI, "CreateSpeechRequest", SPEECH, SpeechCall(*WHO, "x", "alloy"),
        audio.SpeechModelParams, INPUT | {"voice"},
    ),
    "responses": Asking(
        OPENAI, "CreateResponse", RESPONSES, ResponsesCall(*WHO, "x"),
        responses.ResponsesModelParams, INPUT | {"stream"},
    ),
    "create_file": Asking(
        OPENAI, "CreateFileRequest", FILES, kept("files", "create", file=file()),
        files.FileModelParams, frozenset({"file"}),
    ),
    "create_batch": Asking(
        OPENAI, "CreateBatchRequest", BATCHES, kept("batches", "create"), batch.BatchModelParams,
    ),
    "count_tokens": Asking(
        OPENAI, "TokenCountsBody", OpenAICount(CHAT), CountCall(*WHO, SAID), ModelParams,
        INPUT | {"instructions"},
        extra=frozenset({"previous_response_id", "conversation", "personality", "truncation"}),
        absent=dict.fromkeys(("text", "reasoning", "tools", "tool_choice"), WRITTEN),
    ),
    "messages": Asking(
        ANTHROPIC, "BetaCreateMessageParams", MESSAGES, MessagesCall(*WHO, SAID),
        messages.MessagesModelParams, frozenset({"model", "messages", "stream"}),
        absent={"user_profile_id": "the API's own client has it as a header: extra_headers"},
    ),
    "count_tokens (Anthropic)": Asking(
        ANTHROPIC, "BetaCountMessageTokensParams", AnthropicCount(), CountCall(*WHO, SAID),
        ModelParams, frozenset({"model", "messages", "system"}),
        extra=frozenset({
            "cache_control", "context_management", "mcp_servers", "output_config", "output_format", "speed",
        }),
        absent=dict.fromkeys(("tools", "tool_choice", "thinking"), WRITTEN),
    ),
    "embedding (Gemini)": Asking(
        GEMINI, "EmbedContentRequest", GeminiEmbeddings(), EmbeddingCall(*WHO, ("x",)),
        embedding.EmbeddingModelParams, frozenset({"model", "content"}),
        renamed={"dimensions": "outputDimensionality", "task": "taskType"},
        absent={"embedContentConfig": "the same fields again, one deeper"},
    ),
    "create_cache": Asking(
        GEMINI, "CachedContent", GeminiCaches(), kept("caches", "create", body={"messages": SAID}),
        cache.CacheModelParams, frozenset({"model", "contents", "systemInstruction"}),
        renamed={"display_name": "displayName", "expire_time": "expireTime"},
        absent={
            **dict.fromkeys(("name", "createTime", "updateTime", "usageMetadata"), KEPT),
            **dict.fromkeys(("tools", "toolConfig"), WRITTEN),
        },
    ),
    "create_batch (Gemini)": Asking(
        GEMINI, "GenerateContentBatch", GeminiBatches(), kept("batches", "create"),
        batch.BatchModelParams, frozenset({"model", "inputConfig"}),
        renamed={"display_name": "displayName"}, extra=frozenset({"priority"}),
        absent=dict.fromkeys(
            ("name", "createTime", "updateTime", "endTime", "state", "batchStats", "output"), KEPT
        ),
    ),
}  # fmt: skip
each_kind = pytest.mark.parametrize("kind", list(ASKED))
# Kinds whose keywords are bodies of their own, or another format's: test_requests of other_calls has them.
WRITTEN_OTHERWISE = {
    "count_tokens", "count_tokens (Anthropic)", "create_cache", "create_batch (Gemini)",
    "embedding (Gemini)",
}  # fmt: skip


@each_kind
def test_every_property_is_decided(kind: str) -> None:
    """A property is the call's subject, a keyword, for ``extra_body``, or not offered; each is one of them."""
    asking = ASKED[kind]
    keywords = set(asking.keywords.values()) - asking.absent.keys() - asking.extra
    decided = [asking.subject, keywords, asking.extra, set(asking.absent)]
    assert set().union(*decided) == set(asking.properties)
    assert not (asking.subject & asking.extra) | (asking.subject & asking.absent.keys())


def sent(asking: Asking, params: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """What is written: a body, or the fields of a form as texts."""
    values = {name: getattr(asking.call, name) for name in asking.call.__dataclass_fields__}
    call = type(asking.call)(**values | {"params": params, "extra_body": extra})
    made = asking.wire.build(call, HERE)
    assert not [change for change in made.adjustments if change.change == "dropped"]
    if made.upload is None:
        body: dict[str, Any] = json.loads(made.body)
        return body
    found: dict[str, Any] = {}
    for name, value in made.upload.fields:
        found.setdefault(name, []).append(value)
    return found


def as_fields(name: str, value: Any) -> dict[str, list[str]]:
    """A value as the fields of a form that the openai package would write of it."""
    if isinstance(value, dict):
        inner = (as_fields(f"{name}[{k}]", v) for k, v in value.items())
        return {k: v for one in inner for k, v in one.items()}
    if isinstance(value, list):
        texts = [
            one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in value
        ]
        return {f"{name}[]": texts} if texts else {}
    return {} if value is None else as_text(name, value)


def as_text(name: str, value: Any) -> dict[str, list[str]]:
    """A text, or JSON's word."""
    return {name: [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]}


@pytest.mark.parametrize("kind", [kind for kind in ASKED if kind not in WRITTEN_OTHERWISE])
def test_what_is_given_is_sent(kind: str) -> None:
    """Every keyword goes as it was given, in a body or a form; beside it only what the call is about."""
    asking = ASKED[kind]
    made = Samples(document(asking.spec), kind, odd=0)
    form = kind in {"image_edit", "image_variation", "transcription", "translation", "create_file"}
    for _ in range(30):
        given = {
            name: made.make(asking.properties[theirs], 4)
            for name, theirs in asking.keywords.items()
            if name != "stream_options"
        }
        params = {name: value for name, value in given.items() if value is not None}
        body = sent(asking, params, {})
        wanted = {asking.keywords[name]: value for name, value in params.items()}
        if form:
            fields = [as_fields(name, value) for name, value in wanted.items()]
            wanted = {name: value for one in fields for name, value in one.items()}
        assert {name: body[name] for name in wanted} == wanted
        known = set(asking.properties) | {name for name in body if "[" in name}
        assert set(body) <= known


@pytest.mark.parametrize("kind", [k for k in ASKED if ASKED[k].extra])
def test_extra_body_is_sent(kind: str) -> None:
    """What is for ``extra_body`` goes where it belongs."""
    asking = ASKED[kind]
    if kind == "create_batch (Gemini)":
        given = {"requests": [{"custom_id": "1", "params": {"contents": []}}]}
        body = sent(asking, given, {"batch": {"priority": "3"}})["batch"]
        assert body["priority"] == "3"
        assert "inputConfig" in body
        return
    extra = {name: {"any": name} for name in asking.extra}
    assert extra.items() <= sent(asking, {}, extra).items()


JSON = {
    "embedding": {"dimensions": 3, "encoding_format": "base64", "user": "u"},
    "moderation": {},
    "text_completion": {"logprobs": 2, "echo": True, "best_of": 2, "suffix": "!", "n": 2, "stop": ["a"]},
    "image_generation": {"n": 1, "size": "1024x1024", "quality": "low", "partial_images": 1},
    "image_edit by address": {"input_fidelity": "high", "output_format": "png", "background": "auto"},
    "speech": {"speed": 1.5, "response_format": "wav", "stream_format": "sse", "instructions": "calm"},
    "responses": {
        "background": True, "store": True, "include": ["reasoning.encrypted_content"], "truncation": "auto",
        "reasoning": {"effort": "low", "summary": "auto"}, "tools": [{"type": "web_search"}],
        "text": {"format": {"type": "text"}, "verbosity": "low"}, "service_tier": "flex",
    },
    "create_batch": {
        "input_file_id": "f", "endpoint": "/v1/responses", "metadata": {"a": "b"},
        "output_expires_after": {"anchor": "created_at", "seconds": 3600},
    },
    "count_tokens": {},
    "messages": {"system": "Be brief.", "thinking": {"type": "adaptive"}, "speed": "fast"},
    "count_tokens (Anthropic)": {},
    "create_cache": {"ttl": 300, "display_name": "a"},
}  # fmt: skip


@pytest.mark.parametrize("kind", list(JSON))
def test_bodies_fit_the_document(kind: str) -> None:
    """A request with usual parameters is one by its document."""
    asking = ASKED[kind]
    body = sent(asking, JSON[kind], {})
    assert faults(document(asking.spec), asking.schema, body) == []


PROMPTS: list[Any] = ["x", ["x", "y"], [1, 2, 3], [[1, 2], [3]]]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompts_fit_the_document(prompt: Any) -> None:
    """Texts, token ids and lists of both go as they are."""
    made = json.loads(TEXTS.build(TextCall(*WHO, prompt), HERE).body)
    assert made["prompt"] == prompt
    assert faults(document(OPENAI), "CreateCompletionRequest", made) == []
    alone = not isinstance(prompt, list) or isinstance(prompt[0], int)
    call = EmbeddingCall(*WHO, (prompt,) if alone else tuple(prompt), alone=alone)
    made = json.loads(EMBEDDINGS.build(call, HERE).body)
    assert made["input"] == prompt
    assert faults(document(OPENAI), "CreateEmbeddingRequest", made) == []


UNKNOWN: list[tuple[str, dict[str, Any], str, str]] = [
    ("embedding", {"model": "openai/m", "input": "x"}, "dimension", "dimensions"),
    ("moderation", {"input": "x"}, "extra_bodies", "extra_body"),
    ("text_completion", {"prompt": "x", "model": "openai/m"}, "best_off", "best_of"),
    ("image_generation", {"prompt": "x"}, "qualtiy", "quality"),
    ("image_edit", {"image": b"x", "prompt": "x"}, "input_fidelty", "input_fidelity"),
    ("image_variation", {"image": b"x"}, "sise", "size"),
    ("transcription", {"model": "openai/m", "file": b"x"}, "langauge", "language"),
    ("translation", {"model": "openai/m", "file": b"x"}, "temprature", "temperature"),
    ("speech", {"model": "openai/m", "input": "x"}, "instruction", "instructions"),
    ("responses", {"model": "openai/m", "input": "x"}, "max_output_token", "max_output_tokens"),
    ("get_responses", {"response_id": "r"}, "starting_afer", "starting_after"),
    ("create_file", {"file": b"x"}, "purposes", "purpose"),
    ("list_files", {}, "limt", "limit"),
    ("create_batch", {}, "endpiont", "endpoint"),
    ("count_tokens", {"model": "openai/m", "messages": SAID}, "tool", "tools"),
    ("messages", {"model": "anthropic/m", "messages": SAID}, "stop_sequence", "stop_sequences"),
    ("create_cache", {"model": "gemini/m", "messages": SAID}, "display_nam", "display_name"),
]


@pytest.mark.parametrize(("function", "given", "wrong", "right"), UNKNOWN)
def test_what_is_unknown_is_refused(
    function: str, given: dict[str, Any], wrong: str, right: str
) -> None:
    """A keyword that nobody knows is refused before anything is sent, and the right one is named."""
    with (
        llmkit.Client(api_key="test-key") as client,
        pytest.raises(llmkit.UnsupportedParamsError, match=f"'{right}'"),
    ):
        getattr(client, function)(**given, **{wrong: 1})


NOT_FOR = [
    ("image_variation", "quality", "high"),
    ("image_generation", "input_fidelity", "high"),
    ("image_edit", "style", "vivid"),
    ("image_generation", "aspect_ratio", "1:1"),
    ("translation", "language", "en"),
    ("transcription", "diarize", True),
    ("speech", "sample_rate", 16_000),
    ("text_completion", "top_k", 3),
    ("embedding", "input_type", "query"),
    ("moderation", "metadata", {"a": "b"}),
    ("create_file", "display_name", "x"),
    ("create_batch", "timeout_hours", 3),
]


@pytest.mark.parametrize(("kind", "name", "value"), NOT_FOR)
def test_what_is_not_for_a_kind_is_refused(kind: str, name: str, value: Any) -> None:
    """A keyword of another kind of call, or of another provider, is refused and not lost."""
    asking = ASKED[kind]
    assert name not in asking.properties
    with pytest.raises(llmkit.UnsupportedParamsError, match=name):
        sent(
            asking,
            {"purpose": "batch"} | {name: value} if kind == "create_file" else {name: value},
            {},
        )


PAGES = "pages are read forwards: the cursor is an answer's next_cursor"
SCOPES = "files of managed agents' sessions"
QUERIES: dict[tuple[str, str, str], tuple[Any, Call, dict[str, str], dict[str, str]]] = {
    (OPENAI, "/files", "get"): (
        FILES, kept("files", "list"), {n: n for n in ("purpose", "limit", "order", "after")}, {},
    ),
    (OPENAI, "/batches", "get"): (
        BATCHES, kept("batches", "list"), {"limit": "limit", "after": "after"}, {},
    ),
    (OPENAI, "/responses/{response_id}", "get"): (
        STORED, kept("responses", "retrieve"),
        {n: n for n in ("include", "starting_after", "include_obfuscation")},
        {"stream": "a keyword of the function"},
    ),
    (OPENAI, "/responses/{response_id}/input_items", "get"): (
        STORED, kept("responses", "list"), {n: n for n in ("limit", "order", "after", "include")}, {},
    ),
    (ANTHROPIC, "/v1/messages/batches", "get"): (
        AnthropicBatches(), kept("batches", "list"), {"limit": "limit", "after": "after_id"},
        {"before_id": PAGES},
    ),
    (ANTHROPIC, "/v1/files?beta=true", "get"): (
        AnthropicFiles(), kept("files", "list"), {"limit": "limit", "after": "after_id"},
        {"before_id": PAGES, "scope_id": SCOPES},
    ),
    (GEMINI, "/files", "get"): (
        GeminiFiles(), kept("files", "list"), {"limit": "pageSize", "after": "pageToken"}, {},
    ),
    (GEMINI, "/cachedContents", "get"): (
        GeminiCaches(), kept("caches", "list"), {"limit": "pageSize", "after": "pageToken"}, {},
    ),
    (GEMINI, "/batches", "get"): (
        GeminiBatches(), kept("batches", "list"), {"limit": "pageSize", "after": "pageToken"},
        {
            "filter": "the list is short", "returnPartialSuccess": "there is one place only",
        },
    ),
}  # fmt: skip
"""Place → wire, call, keyword to the name in the query, and what is not offered, with the reason."""


@pytest.mark.parametrize("place", list(QUERIES), ids=" ".join)
def test_every_query_is_decided(place: tuple[str, str, str]) -> None:
    """What a list or a look-up can be narrowed by is a keyword, or not offered; a keyword is sent by its name."""
    spec, path, method = place
    wire, call, names, absent = QUERIES[place]
    told = document(spec)["paths"][path]
    found = [*told.get("parameters", ()), *told[method].get("parameters", ())]
    asked = {one["name"] for one in found if one.get("in") == "query"} - GOOGLES
    assert asked == {*names.values(), *absent}
    made = wire.build(replace(call, params=dict.fromkeys(names, "x")), HERE)
    assert parse_qs(urlsplit(made.url).query) == {theirs: ["x"] for theirs in names.values()}


GOOGLES = {
    "$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser",
    "uploadType", "upload_protocol",
}  # fmt: skip
"""What every method of Google's APIs takes: how it answers, not what."""
