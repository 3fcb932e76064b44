"""Recorded requests of the calls beside chat as calls of llmkit: which function, and with what arguments.

What an answer must say is in ``_other_answers``. Nothing of llmkit.
"""

from __future__ import annotations

import re
from typing import Any

from . import _anthropic_request, _gemini_requests
from ._other_rows import Exchange, exchanges

Json = dict[str, Any]
Asked = tuple[str, Json]
_PROJECT = re.compile(r"/projects/([^/]+)/locations/([^/]+)(?:/publishers/google)?")
FILLING = "i07519"
"""The row in which a batch that was made before is filled."""
NAMELESS = {
    "openai.moderations": ("moderation", {"input": "Hello"}),
    "openai.completions": ("text_completion", {"prompt": "Hello", "model": "unnamed"}),
    "openai.images.generations": ("image_generation", {"prompt": "A sea otter"}),
    "gemini.embeddings": ("embedding", {"input": "Hello", "model": "unnamed"}),
}
"""What is asked where only the answer was recorded."""


def asked(exchange: Exchange) -> Asked:
    """The function, and its keywords but for key and address."""
    function, keywords = _asked(exchange)
    provider = f"{exchange.provider}_openapi" if _is_openapi(exchange) else exchange.provider
    if keywords.get("model"):
        keywords["model"] = f"{provider}/{keywords['model']}"
    else:
        keywords["custom_llm_provider"] = provider
    if (project := _PROJECT.match(exchange.where)) is not None:
        keywords |= {"vertex_project": project[1], "vertex_location": project[2]}
    return function, keywords


def _is_openapi(exchange: Exchange) -> bool:
    """Whether the request has schemas in OpenAPI's subset: then that is what llmkit is told to write."""
    if not exchange.where.endswith((":countTokens", "/cachedContents")) or not exchange.body:
        return False
    body = exchange.json()
    body = body.get("generateContentRequest", body)
    return _gemini_requests.uses_openapi(gemini_body({"contents": [], **body}))


def _asked(exchange: Exchange) -> Asked:
    if not exchange.method:
        function, keywords = NAMELESS[exchange.row.api]
        return function, dict(keywords)
    for method, pattern, read in ROUTES:
        found = re.fullmatch(pattern, _PROJECT.sub("", exchange.where))
        if found and method == exchange.method:
            return read(exchange, *found.groups())  # type: ignore[no-any-return,operator]
    raise AssertionError(f"no call for {exchange.method} {exchange.where}")


def _moderation(e: Exchange) -> Asked:
    return "moderation", e.json()


def _text(e: Exchange) -> Asked:
    body = {k: v for k, v in e.json().items() if v is not None}
    known = _beyond(body, {"repetition_penalty", "min_p", "safety_model"})
    return "text_completion", known


def _generation(e: Exchange) -> Asked:
    return "image_generation", e.json()


def _edit(e: Exchange) -> Asked:
    if not e.form():
        body = e.json()
        body["image"] = body.pop("images")
        return "image_edit", body
    return "image_edit", _of_form(e)


def _variation(e: Exchange) -> Asked:
    return "image_variation", _of_form(e)


def _of_form(e: Exchange) -> Json:
    """The fields of a form; numbers are texts there."""
    made: Json = {}
    for part in e.form():
        if part.filename is not None:
            made[part.name] = (part.filename, part.content, part.media_type)
        else:
            text = part.content.decode()
            made[part.name] = int(text) if text.isdecimal() else text
    return made


def _beyond(body: Json, names: set[str]) -> Json:
    extra = {k: body.pop(k) for k in names & body.keys()}
    return body | ({"extra_body": extra} if extra else {})


def _create_file(e: Exchange) -> Asked:
    return "create_file", _of_form(e)


def _list_files(e: Exchange) -> Asked:
    return "list_files", {k: v for k, v in e.query.items() if k != "beta"}


def _file(e: Exchange, name: str) -> Asked:
    function = "retrieve_file" if e.method == "GET" else "delete_file"
    return function, {"file_id": name}


def _content(e: Exchange, name: str) -> Asked:
    return "file_content", {"file_id": name}


def _create_batch(e: Exchange) -> Asked:
    body = e.json()
    if "batch" in body:
        return "create_batch", _gemini_batch(e)
    if "name" in body:
        filling = next(other for other in exchanges() if other.id == FILLING).json()
        calls = [
            {"custom_id": one["batch_request_id"], "params": one["batch_request"]}
            for one in filling["batch_requests"]
        ]
        return "create_batch", {"display_name": body["name"], "requests": calls}
    return "create_batch", body


def _gemini_batch(e: Exchange) -> Json:
    batch = e.json()["batch"]
    calls = batch["inputConfig"]["requests"]["requests"]
    return {
        "display_name": batch["displayName"],
        "model": e.where.partition("/models/")[2].partition(":")[0],
        "requests": [
            {"custom_id": call["metadata"]["custom_id"], "params": call["request"]}
            for call in calls
        ],
    }


def _batch(e: Exchange, name: str) -> Asked:
    return "retrieve_batch", {"batch_id": name}


def _cancel(e: Exchange, name: str) -> Asked:
    return "cancel_batch", {"batch_id": name}


def _results(e: Exchange, name: str) -> Asked:
    return "batch_results", {"batch_id": name}


def _models(e: Exchange) -> Asked:
    return "list_models", {}


def _model(e: Exchange, name: str) -> Asked:
    function = "retrieve_model" if e.method == "GET" else "delete_model"
    return function, {"model": name}


def _anthropic_count(e: Exchange) -> Asked:
    body = e.json()
    return "count_tokens", {"model": body["model"], **_anthropic_request.as_call(body)}


def _openai_count(e: Exchange) -> Asked:
    """What a Responses request says, as the chat that would send it."""
    body = e.json()
    call: Json = {"messages": [_message(item) for item in body["input"]]}
    if "tools" in body:
        call["tools"] = [_nested(tool) for tool in body["tools"]]
    if "text" in body:
        made = dict(body["text"]["format"])
        call["response_format"] = {"type": made.pop("type"), "json_schema": made}
    beside = {k: v for k, v in body.items() if k in ("model", "tool_choice")}
    return "count_tokens", {**beside, **call}


def _message(item: Json) -> Json:
    content = item["content"]
    if isinstance(content, list):
        content = [{"type": "text", "text": part["text"]} for part in content]
    return {"role": item["role"], "content": content}


def _nested(tool: Json) -> Json:
    return {"type": tool["type"], "function": {k: v for k, v in tool.items() if k != "type"}}


def _stored(e: Exchange, name: str) -> Asked:
    function = "get_responses" if e.method == "GET" else "delete_responses"
    return function, {"response_id": name, **e.query}


def _stored_items(e: Exchange, name: str) -> Asked:
    return "list_input_items", {"response_id": name, **e.query}


def _gemini_count(e: Exchange, model: str) -> Asked:
    body = e.json()
    request = body.get("generateContentRequest", body)
    body = gemini_body({k: v for k, v in request.items() if k != "model"})
    return "count_tokens", {"model": model, **_gemini_requests.as_call(body, model)}


def gemini_body(body: Json) -> Json:
    """One spelling, and nothing that is empty."""
    made = _gemini_requests.canonical(body)
    said = (made.get("systemInstruction") or {}).get("parts") or []
    if not any(part.get("text") for part in said):
        made.pop("systemInstruction", None)
    return made


def _create_cache(e: Exchange) -> Asked:
    body = e.json()
    kept = {
        k: body[k] for k in ("contents", "systemInstruction", "tools", "toolConfig") if k in body
    }
    model = body["model"].rpartition("models/")[2]
    call = _gemini_requests.as_call(
        {"contents": [], **gemini_body({"contents": [], **kept})}, model
    )
    names = {"ttl": "ttl", "expireTime": "expire_time", "displayName": "display_name"}
    given = {ours: body[theirs] for theirs, ours in names.items() if theirs in body}
    return "create_cache", {"model": model, **call, **given}


def _list_caches(e: Exchange) -> Asked:
    names = {"pageSize": "limit", "pageToken": "after"}
    return "list_caches", {names[k]: v for k, v in e.query.items()}


def _cache(e: Exchange, name: str) -> Asked:
    function = {"GET": "retrieve_cache", "DELETE": "delete_cache", "PATCH": "update_cache"}[
        e.method
    ]
    given = e.json() if e.method == "PATCH" else {}
    names = {"ttl": "ttl", "expireTime": "expire_time"}
    return function, {"name": name, **{names[k]: v for k, v in (given or {}).items()}}


def _embedding(e: Exchange, model: str) -> Asked:
    body = e.json()
    first, *others = body.get("requests", [body])
    texts = [request["content"]["parts"][0]["text"] for request in (first, *others)]
    names = {
        "outputDimensionality": "dimensions",
        "output_dimensionality": "dimensions",
        "taskType": "task",
    }
    told = {names[k]: v for k, v in first.items() if k in names}
    return "embedding", {"model": model, "input": texts, **told}


ROUTES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/moderations", _moderation),
    ("POST", "/completions", _text),
    ("POST", "/images/generations", _generation),
    ("POST", "/images/edits", _edit),
    ("POST", "/images/variations", _variation),
    ("POST", "/files", _create_file),
    ("GET", "/files", _list_files),
    ("GET", "/files/([^/]+)", _file),
    ("DELETE", "/files/([^/]+)", _file),
    ("GET", "/files/([^/]+)/content", _content),
    (
        "POST",
        "/batches|/messages/batches|/batch/jobs|/models/[^/]+:batchGenerateContent",
        _create_batch,
    ),
    ("GET", "(?:/messages)?(?:/batches|/batch/jobs)/([^/]+)", _batch),
    ("POST", "(?:/messages)?/batches/([^/]+)/cancel", _cancel),
    ("GET", "(?:/messages)?/batches/([^/]+)/results", _results),
    ("GET", "/models", _models),
    ("GET", "/models/([^/]+)", _model),
    ("DELETE", "/models/([^/]+)", _model),
    ("POST", "/messages/count_tokens", _anthropic_count),
    ("POST", "/models/([^/]+):countTokens", _gemini_count),
    ("POST", "/responses/input_tokens", _openai_count),
    ("GET", "/responses/([^/]+)", _stored),
    ("DELETE", "/responses/([^/]+)", _stored),
    ("GET", "/responses/([^/]+)/input_items", _stored_items),
    ("POST", "/cachedContents", _create_cache),
    ("GET", "/cachedContents", _list_caches),
    ("GET", "/cachedContents/([^/]+)", _cache),
    ("PATCH", "/cachedContents/([^/]+)", _cache),
    ("DELETE", "/cachedContents/([^/]+)", _cache),
    ("POST", "/models/([^/]+):(?:batchEmbedContents|embedContent)", _embedding),
)
