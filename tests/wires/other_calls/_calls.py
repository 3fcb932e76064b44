"""Every wire of a call beside chat with one call for each thing it can do, and short ways to ask and answer."""

from __future__ import annotations

import json
from typing import Any

from llmkit._call import Adjustment, Call, ChatCall
from llmkit._calls import (
    CountCall,
    EmbeddingCall,
    ImageCall,
    ModerationCall,
    ResourceCall,
    TextCall,
)
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit._upload import Upload
from llmkit.errors import APIError
from llmkit.wires._errors import api_error
from llmkit.wires.anthropic_resources.batches import AnthropicBatches
from llmkit.wires.anthropic_resources.counting import AnthropicCount
from llmkit.wires.anthropic_resources.files import AnthropicFiles
from llmkit.wires.anthropic_resources.models import AnthropicModels
from llmkit.wires.batch_bags import BatchBags
from llmkit.wires.batch_jobs import BatchJobs
from llmkit.wires.gemini_resources.batches import GeminiBatches
from llmkit.wires.gemini_resources.caches import GeminiCaches
from llmkit.wires.gemini_resources.counting import GeminiCount
from llmkit.wires.gemini_resources.embeddings import GeminiEmbeddings
from llmkit.wires.gemini_resources.files import GeminiFiles
from llmkit.wires.gemini_resources.images import GeminiImages
from llmkit.wires.gemini_resources.models import GeminiModels
from llmkit.wires.openai_images import OpenAIImages
from llmkit.wires.openai_moderation import OpenAIModeration
from llmkit.wires.openai_resources.batches import OpenAIBatches
from llmkit.wires.openai_resources.counting import OpenAICount
from llmkit.wires.openai_resources.files import OpenAIFiles
from llmkit.wires.openai_resources.models import OpenAIModels
from llmkit.wires.openai_text import OpenAIText

HERE = Endpoint("https://h.test/v1")
HELLO = [{"role": "user", "content": "Hello"}]
WHO = ("call_1", "acme", "m")


def kept(resource: str, action: str, target: str | None = None, **more: Any) -> ResourceCall:
    """A call for a kept thing."""
    fields = {"params", "extra_body", "drop_params", "stream", "allowed"} & more.keys()
    options = {name: more.pop(name) for name in fields}
    return ResourceCall(*WHO, resource, action, target, **more, **options)  # type: ignore[arg-type]


def upload(content: bytes = b"Hello", name: str = "a.txt") -> Upload:
    """A file."""
    return Upload.of((name, content))


class Asking:
    """A chat's wire that writes its messages as another API's input."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write input, tools, and what an answer would need."""
        body = {"model": call.model, "input": list(call.messages), "store": False}
        adjustment = Adjustment("store", "defaulted", None, False, "nothing is kept")
        raw = json.dumps(body | dict(call.extra_body) | dict(call.params)).encode()
        return HTTPRequest("POST", f"{to.base_url}/responses?a=b", {}, raw, (adjustment,))

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error as that API has it."""
        return api_error(call, response)


CHAT = {"custom_id": "1", "body": {"model": "acme/m", "messages": HELLO}}

# Each wire, a call, and the least that a right answer to it has.
CASES: dict[str, tuple[Any, Call, Any]] = {
    "moderation": (OpenAIModeration(), ModerationCall(*WHO, ("x",)), {"results": []}),
    "text": (OpenAIText(), TextCall(*WHO, "x"), {"choices": []}),
    "image": (OpenAIImages(), ImageCall(*WHO, "x"), {"data": []}),
    "edit": (
        OpenAIImages(),
        ImageCall(*WHO, "x", images=(upload(),), action="edit"),
        {"data": []},
    ),
    "openai-file": (OpenAIFiles(), kept("files", "retrieve", "f"), {"id": "f"}),
    "openai-upload": (
        OpenAIFiles(),
        kept("files", "create", file=upload(), params={"purpose": "batch"}),
        {"id": "f"},
    ),
    "openai-files": (OpenAIFiles(), kept("files", "list"), {"data": []}),
    "openai-delete": (OpenAIFiles(), kept("files", "delete", "f"), {"id": "f"}),
    "openai-batch": (OpenAIBatches(), kept("batches", "retrieve", "b"), {"id": "b"}),
    "openai-batches": (OpenAIBatches(), kept("batches", "list"), {"data": []}),
    "openai-models": (OpenAIModels(), kept("models", "list"), {"data": []}),
    "openai-model": (OpenAIModels(), kept("models", "retrieve", "m"), {"id": "m"}),
    "openai-model-gone": (OpenAIModels(), kept("models", "delete", "m"), {"id": "m"}),
    "jobs": (BatchJobs(), kept("batches", "list"), {"data": []}),
    "job": (BatchJobs(), kept("batches", "retrieve", "b"), {"id": "b"}),
    "bags": (BatchBags(), kept("batches", "list"), {"batches": []}),
    "bag": (BatchBags(), kept("batches", "retrieve", "b"), {"batch_id": "b"}),
    "bag-results": (BatchBags(), kept("batches", "content", "b"), {"results": []}),
    "anthropic-file": (AnthropicFiles(), kept("files", "retrieve", "f"), {"id": "f"}),
    "anthropic-files": (AnthropicFiles(), kept("files", "list"), {"data": []}),
    "anthropic-delete": (AnthropicFiles(), kept("files", "delete", "f"), {"id": "f"}),
    "anthropic-batch": (AnthropicBatches(), kept("batches", "retrieve", "b"), {"id": "b"}),
    "anthropic-batches": (AnthropicBatches(), kept("batches", "list"), {"data": []}),
    "anthropic-models": (AnthropicModels(), kept("models", "list"), {"data": []}),
    "anthropic-model": (AnthropicModels(), kept("models", "retrieve", "m"), {"id": "m"}),
    "anthropic-count": (AnthropicCount(), CountCall(*WHO, HELLO), {"input_tokens": 3}),
    "openai-count": (OpenAICount(Asking()), CountCall(*WHO, HELLO), {"input_tokens": 3}),  # type: ignore[arg-type]
    "gemini-file": (GeminiFiles(), kept("files", "retrieve", "files/f"), {"name": "files/f"}),
    "gemini-files": (GeminiFiles(), kept("files", "list"), {"files": []}),
    "gemini-cache": (GeminiCaches(), kept("caches", "retrieve", "c"), {"name": "cachedContents/c"}),
    "gemini-caches": (GeminiCaches(), kept("caches", "list"), {"cachedContents": []}),
    "gemini-batch": (GeminiBatches(), kept("batches", "retrieve", "b"), {"name": "batches/b"}),
    "gemini-batches": (GeminiBatches(), kept("batches", "list"), {"operations": []}),
    "gemini-models": (GeminiModels(), kept("models", "list"), {"models": []}),
    "gemini-model": (GeminiModels(), kept("models", "retrieve", "m"), {"name": "models/m"}),
    "gemini-count": (GeminiCount(), CountCall(*WHO, HELLO), {"totalTokens": 3}),
    "gemini-embedding": (
        GeminiEmbeddings(),
        EmbeddingCall(*WHO, ("x",)),
        {"embeddings": [{"values": [0.5]}]},
    ),
    "gemini-image": (
        GeminiImages(),
        ImageCall(*WHO, "x"),
        {"predictions": [{"bytesBase64Encoded": "aGk=", "mimeType": "image/png"}]},
    ),
}
GOOGLE = sorted(name for name in CASES if name.startswith("gemini"))
ANTHROPIC = sorted(name for name in CASES if name.startswith("anthropic"))
OTHERS = sorted(CASES.keys() - {*GOOGLE, *ANTHROPIC})


def said(body: Any, status: int = 200, **headers: str) -> HTTPResponse:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPResponse(status, {"content-type": "application/json", **headers}, raw)


def built(wire: Any, call: Call, to: Endpoint = HERE) -> HTTPRequest:
    """What a wire sends."""
    made = wire.build(call, to)
    assert isinstance(made, HTTPRequest)
    return made


def body_of(request: HTTPRequest) -> Any:
    """A request's JSON."""
    return json.loads(request.body)


def walked(steps: Any, *answers: HTTPResponse) -> tuple[list[HTTPRequest], Any]:
    """Feed a call of several requests; return what it asked and what it made of the answers."""
    asked = [next(steps).request]
    try:
        for answer in answers:
            asked.append(steps.send(answer).request)  # noqa: PERF401 - what came before the end counts
    except StopIteration as done:
        return asked, done.value
    raise AssertionError("it asks for more")
