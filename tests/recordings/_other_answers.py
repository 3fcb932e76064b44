"""What the answers of the calls beside chat must say, read from the raw bodies, and requests made comparable.

Nothing here is llmkit's: its objects are read by their attributes, as users read them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _anthropic_request, _gemini_requests, _other_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._other_rows import Exchange

Json = dict[str, Any]


class Read(NamedTuple):
    """A stream that was read: its events, and the whole answer."""

    events: list[Any]
    whole: Any


def unix(text: str | None) -> int | None:
    """RFC 3339 as seconds."""
    return None if text is None else int(datetime.fromisoformat(text).timestamp())


# --- requests ----------------------------------------------------------------------------------


def where(exchange: Exchange) -> str:
    """The path that llmkit asks: always a batch of contents to embed, and whole files of results."""
    path = exchange.where
    if ":embedContent" in path:
        return path.replace(":embedContent", ":batchEmbedContents")
    return path


def comparable(exchange: Exchange, body: bytes) -> Any:
    """A body as JSON without nulls and defaults, in one spelling."""
    if not body.strip() or body.strip() == b"{}":
        return None
    made = json.loads(body)
    for suffix, read in _COMPARABLE.items():
        if exchange.where.endswith(suffix):
            return read(exchange, made)
    return _without(made)


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without(v) for k, v in value.items() if v is not None and v is not False}
    return [_without(item) for item in value] if isinstance(value, list) else value


def _text(exchange: Exchange, body: Json) -> Json:
    # Its usage is always asked for, and an empty table of biases is none.
    body = {k: v for k, v in _without(body).items() if (k, v) != ("logit_bias", {})}
    return {k: v for k, v in body.items() if k != "stream_options"}


def _count(exchange: Exchange, body: Json) -> Json:
    return _anthropic_request.by_blocks(body)  # type: ignore[no-any-return]


def _gemini_count(exchange: Exchange, body: Json) -> Json:
    body = body.get("generateContentRequest", body)
    return _other_calls.gemini_body({k: v for k, v in body.items() if k != "model"})


def _cache(exchange: Exchange, body: Json) -> Json:
    kept = _other_calls.gemini_body({"contents": [], **body})
    if "ttl" in kept:
        kept["ttl"] = float(kept["ttl"].removesuffix("s"))
    return {**kept, "model": body.get("model")}


def _batch(exchange: Exchange, body: Json) -> Json:
    calls = body["batch"]["inputConfig"]["requests"]["requests"]
    for call in calls:
        call["metadata"] = [*call["metadata"].values()]
    return _without(body)  # type: ignore[no-any-return]


def _embedding(exchange: Exchange, body: Json) -> Json:
    requests = body.get("requests", [body])
    return {"requests": [_gemini_requests._spelled(request) for request in requests]}


_COMPARABLE: dict[str, Callable[[Exchange, Json], Any]] = {
    "/count_tokens": _count,
    ":countTokens": _gemini_count,
    "/completions": _text,
    "/cachedContents": _cache,
    ":batchGenerateContent": _batch,
    ":batchEmbedContents": _embedding,
    ":embedContent": _embedding,
}


# --- errors ------------------------------------------------------------------------------------


def check_error(exchange: Exchange, error: Any) -> None:
    """The error says what the body says."""
    assert error.status_code == exchange.row.status
    body = exchange.answer()
    inner = body.get("error", body)
    assert error.message in (inner.get("message"), inner.get("detail"))
    assert error.provider == exchange.provider
    assert error.body == body


# --- answers -----------------------------------------------------------------------------------


def _moderation(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    assert (made.id, made.model) == (raw["id"], raw["model"])
    assert len(made.results) == len(raw["results"])
    for result, told in zip(made.results, raw["results"], strict=True):
        assert result.flagged == told["flagged"]
        assert result.categories.to_dict() == told["categories"]
        assert result.category_scores.to_dict() == told["category_scores"]
        assert result.categories["self-harm/intent"] == result.categories.self_harm_intent


def _text_completion(exchange: Exchange, made: Any) -> None:
    if isinstance(made, Read):
        _streamed_text(exchange, made)
        return
    raw = exchange.answer()
    assert [c.text for c in made.choices] == [c["text"] for c in raw["choices"]]
    assert [c.finish_reason for c in made.choices] == [
        {"eos": "stop"}.get(c.get("finish_reason"), c.get("finish_reason")) for c in raw["choices"]
    ]
    for choice, told in zip(made.choices, raw["choices"], strict=True):
        if told.get("logprobs"):
            assert choice.logprobs.tokens == told["logprobs"]["tokens"]
            assert choice.logprobs.token_logprobs == told["logprobs"]["token_logprobs"]
    _usage(made.usage, raw.get("usage"))
    assert made.model == raw["model"]


def _usage(usage: Any, told: Json | None) -> None:
    if told is None:
        assert usage is None
        return
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert getattr(usage, name) == told.get(name)


def _streamed_text(exchange: Exchange, made: Read) -> None:
    """The folded whole, and the pieces put together by hand, say what the events say."""
    texts: dict[int, str] = defaultdict(str)
    ends: dict[int, str] = {}
    usage = None
    for line in exchange.row.body.decode().replace("\r\n", "\n").split("\n"):
        if not line.startswith("data:") or line[5:].strip() == "[DONE]":
            continue
        event = json.loads(line[5:])
        usage = event.get("usage") or usage
        for choice in event.get("choices", [{"text": event.get("value", "")}]):
            index = choice.get("index", 0)
            texts[index] += choice.get("text", "")
            if choice.get("finish_reason"):
                ends[index] = choice["finish_reason"]
    assert {c.index: c.text for c in made.whole.choices} == dict(texts)
    assert {c.index: c.finish_reason for c in made.whole.choices if c.finish_reason} == ends
    _usage(made.whole.usage, usage)
    pieces: dict[int, str] = defaultdict(str)
    for choice in (choice for chunk in made.events for choice in chunk.choices):
        pieces[choice.index] += choice.text
    assert pieces == texts


def _images(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    for image, told in zip(made.data, raw["data"], strict=True):
        for name in ("b64_json", "url", "revised_prompt"):
            assert getattr(image, name) == told.get(name)
    assert made.created == raw.get("created")
    usage = raw.get("usage", {})
    if "input_tokens" in usage:
        counted = made.counted()
        assert counted.prompt_tokens == usage["input_tokens"]
        assert counted.completion_tokens == usage["output_tokens"]
        details = usage["output_tokens_details"]
        assert counted.completion_tokens_details.image_tokens == details["image_tokens"]
    elif usage:
        assert made.usage["cost_in_usd_ticks"] == usage["cost_in_usd_ticks"]
        assert made.counted()["cost_in_usd_ticks"] == usage["cost_in_usd_ticks"]


def _file(exchange: Exchange, made: Any) -> None:
    _one_file(exchange.answer(), made)


def _one_file(raw: Json, made: Any) -> None:
    raw = raw.get("file", raw)
    if "sizeBytes" in raw:
        assert (made.id, made.bytes) == (raw["name"], int(raw["sizeBytes"]))
        assert (made.uri, made.mime_type) == (raw["uri"], raw["mimeType"])
        assert made.filename == raw.get("displayName")
        assert (made.created_at, made.expires_at) == (
            unix(raw["createTime"]), unix(raw["expirationTime"]),
        )  # fmt: skip
        assert made.status == {"ACTIVE": "processed"}[raw["state"]]
    elif "size_bytes" in raw:
        assert (made.id, made.bytes) == (raw["id"], raw["size_bytes"])
        assert (made.filename, made.mime_type) == (raw["filename"], raw["mime_type"])
        assert (made.created_at, made.downloadable) == (
            unix(raw["created_at"]),
            raw["downloadable"],
        )
    else:
        for name, value in raw.items():
            assert made[name] == value


def _file_list(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    told = raw.get("data", raw.get("files"))
    assert len(made.data) == len(told)
    for file, one in zip(made.data, told, strict=True):
        _one_file(one, file)
    more = raw.get("has_more", "nextPageToken" in raw)
    assert made.has_more == bool(more)
    assert (made.next_cursor is not None) == bool(more)


def _file_deleted(exchange: Exchange, made: Any) -> None:
    assert made.deleted is True
    assert made.id.rpartition("/")[2] == exchange.path.rpartition("/")[2]


def _file_content(exchange: Exchange, made: Any) -> None:
    assert made.content == exchange.row.body


def _batch_made(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    if raw.get("object") == "batch" and "input_file_id" in raw:
        for name, value in raw.items():
            seen = made[name].to_dict() if hasattr(made[name], "to_dict") else made[name]
            assert seen == value, name
        return
    status, id_name = _STATUS[exchange.provider]
    assert made.id == raw[id_name]
    assert made.status == status(raw)
    counts = _COUNTS[exchange.provider](raw)
    assert (made.request_counts.total, made.request_counts.completed) == counts


def _anthropic_status(raw: Json) -> str:
    words = {"in_progress": "in_progress", "canceling": "cancelling", "ended": "completed"}
    return words[raw["processing_status"]]


def _mistral_status(raw: Json) -> str:
    words = {"QUEUED": "validating", "RUNNING": "in_progress", "SUCCESS": "completed"}
    return words[raw["status"]]


def _xai_status(raw: Json) -> str:
    state = raw["state"]
    if not state["num_requests"]:
        return "validating"
    return "in_progress" if state["num_pending"] else "completed"


def _gemini_status(raw: Json) -> str:
    words = {"PENDING": "validating", "RUNNING": "in_progress", "SUCCEEDED": "completed"}
    return words[raw["metadata"]["state"].removeprefix("BATCH_STATE_")]


def _gemini_counts(raw: Json) -> tuple[int, int | None]:
    stats = raw["metadata"]["batchStats"]
    done = stats.get("successfulRequestCount")
    return int(stats["requestCount"]), None if done is None else int(done)


_STATUS: dict[str, tuple[Callable[[Json], str], str]] = {
    "anthropic": (_anthropic_status, "id"),
    "mistral": (_mistral_status, "id"),
    "xai": (_xai_status, "batch_id"),
    "gemini": (_gemini_status, "name"),
}
_COUNTS: dict[str, Callable[[Json], tuple[int, int | None]]] = {
    "anthropic": lambda raw: (
        sum(raw["request_counts"].values()), raw["request_counts"]["succeeded"],
    ),
    "mistral": lambda raw: (raw["total_requests"], raw["succeeded_requests"]),
    "xai": lambda raw: (raw["state"]["num_requests"], raw["state"]["num_success"]),
    "gemini": _gemini_counts,
}  # fmt: skip


def _batch_results(exchange: Exchange, made: Any) -> None:
    if exchange.provider == "anthropic":
        lines = [json.loads(line) for line in exchange.row.body.splitlines() if line.strip()]
        texts = {
            line["custom_id"]: "".join(
                b.get("text", "") for b in line["result"]["message"]["content"]
            )
            for line in lines
        }
        usages = {
            line["custom_id"]: line["result"]["message"]["usage"]["output_tokens"] for line in lines
        }
    else:
        told = {o["batch_request_id"]: _xai_answer(o) for o in exchange.answer()["results"]}
        texts = {name: answer["choices"][0]["message"]["content"] for name, answer in told.items()}
        usages = {name: answer["usage"]["completion_tokens"] for name, answer in told.items()}
    found = made.by_id()
    assert {name: result.response.text for name, result in found.items()} == texts
    assert {n: r.response.usage.completion_tokens for n, r in found.items()} == usages
    assert {result.status for result in made.data} == {"succeeded"}


def _xai_answer(result: Json) -> Json:
    return result["batch_result"]["response"]["chat_get_completion"]  # type: ignore[no-any-return]


def _model_list(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    told = raw.get("data", raw.get("models"))
    names = [one.get("id") or one["name"].removeprefix("models/") for one in told]
    assert made.ids == names
    for model, one in zip(made.data, told, strict=True):
        _one_model(one, model)


def _one_model(raw: Json, made: Any) -> None:
    if "created" in raw:
        assert made.created == raw["created"]
    if "created_at" in raw and "display_name" in raw:
        assert made.created == unix(raw["created_at"])
        assert (made.display_name, made.max_output_tokens) == (
            raw["display_name"], raw.get("max_tokens"),
        )  # fmt: skip
    if "inputTokenLimit" in raw:
        assert made.max_input_tokens == raw["inputTokenLimit"]
        assert made.max_output_tokens == raw["outputTokenLimit"]
    for name in raw.keys() - {"object", "created", "name"}:
        assert name in made


def _model(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    assert made.id == raw["id"]
    _one_model(raw, made)


def _model_deleted(exchange: Exchange, made: Any) -> None:
    assert (made.id, made.deleted) == (exchange.answer()["id"], True)


def _token_count(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    assert made.input_tokens == made.total_tokens == raw.get("input_tokens", raw.get("totalTokens"))
    assert made.details == raw.get("promptTokensDetails")


def _one_cache(raw: Json, made: Any) -> None:
    assert (made.id, made.model) == (raw["name"], raw["model"])
    assert made.total_tokens == raw["usageMetadata"]["totalTokenCount"]
    assert (made.created_at, made.updated_at) == (unix(raw["createTime"]), unix(raw["updateTime"]))
    told = unix(raw["expireTime"]), raw.get("displayName")
    assert (made.expires_at, made.display_name) == told


def _cached(exchange: Exchange, made: Any) -> None:
    _one_cache(exchange.answer(), made)


def _cached_list(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    assert len(made.data) == len(raw.get("cachedContents", ()))
    for one, told in zip(made.data, raw.get("cachedContents", ()), strict=True):
        _one_cache(told, one)
    assert made.next_cursor == raw.get("nextPageToken")


def _cache_deleted(exchange: Exchange, made: Any) -> None:
    assert made.deleted is True


def _vectors(exchange: Exchange, made: Any) -> None:
    raw = exchange.answer()
    told = raw.get("embeddings") or [raw["embedding"]]
    assert made.vectors == [one["values"] for one in told]
    assert [item.index for item in made.data] == list(range(len(told)))
    read = raw.get("usageMetadata", {}).get("promptTokenCount")
    assert (made.usage.prompt_tokens if made.usage else None) == read


def _stored(exchange: Exchange, made: Any) -> None:
    assert made.to_dict() == exchange.answer()
    assert made.counted() is None


CHECKS: dict[str, Callable[[Exchange, Any], None]] = {
    "moderation": _moderation,
    "text_completion": _text_completion,
    "image_generation": _images,
    "image_edit": _images,
    "image_variation": _images,
    "create_file": _file,
    "retrieve_file": _file,
    "list_files": _file_list,
    "delete_file": _file_deleted,
    "file_content": _file_content,
    "create_batch": _batch_made,
    "retrieve_batch": _batch_made,
    "cancel_batch": _batch_made,
    "batch_results": _batch_results,
    "list_models": _model_list,
    "retrieve_model": _model,
    "delete_model": _model_deleted,
    "count_tokens": _token_count,
    "create_cache": _cached,
    "retrieve_cache": _cached,
    "update_cache": _cached,
    "list_caches": _cached_list,
    "delete_cache": _cache_deleted,
    "embedding": _vectors,
    "get_responses": _stored,
    "delete_responses": _stored,
    "list_input_items": _stored,
}
