"""OpenAI's calls beside chat and embeddings as their server answers them: moderations, texts, images, files, batches.

Pure: a request's parts in, a `Reply` out. Models behave as for chat; a text is flagged that has ``harm`` in it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .._asked import Asked, fingerprint
from .._tokens import split
from ._kept import CREATED, Got, Routes, form, ids, routed
from ._wire import Reply, Say
from .openai_chat import OpenAIChat
from .openai_chat._door import authenticate, known, parsed
from .openai_chat._refusal import Refusal, bad_request, missing, wrong_type

__all__ = ["PICTURE", "OpenAIOthers"]

_SERVED: Final = re.compile(
    r".*/(?:moderations|(?<!chat/)completions|images/(?:generations|edits|variations)|files(?:/.+)?|batches(?:/.+)?)"
)
# One dot, as small as a PNG can be.
PICTURE: Final = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fcffff"
        "3f0300080002ff2a3bd1a70000000049454e44ae426082"
    )
).decode()
_CATEGORIES: Final = ("harassment", "hate", "self-harm/intent", "sexual", "violence")


class OpenAIOthers:
    """Moderations, text completions, images, files and batches, under any prefix; they fail as chat does."""

    name: Final = "openai_others"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """By the path."""
        return _SERVED.fullmatch(path.partition("?")[0].rstrip("/")) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            authenticate(headers.get("authorization", ""))
            if method == "POST" and path.partition("?")[0].endswith("/completions"):
                return _text(parsed(body), say)
            answer = routed(_ROUTES, method, path, headers, body)
            if answer is None:
                raise Refusal(404, f"Invalid URL ({method} {path.partition('?')[0]})")
        except Refusal as refusal:
            shown = json.dumps({"error": refusal.error}).encode()
            return Reply(refusal.status, shown, headers=refusal.headers)
        return answer

    failure = staticmethod(OpenAIChat().failure)
    failure_frame = staticmethod(OpenAIChat().failure_frame)


def _shown(value: Any) -> Reply:
    return Reply(200, json.dumps(value).encode())


def _event(value: Any, name: str = "") -> bytes:
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(value)}\n\n".encode()


def _object(got: Got) -> dict[str, Any]:
    value = parsed(got.body)
    if not isinstance(value, dict):
        raise bad_request("The body of your request must be a JSON object.")
    return value


# --- moderations ---------------------------------------------------------------------------------


def _moderation(got: Got) -> Reply:
    body = _object(got)
    given = body.get("input")
    if not given:
        raise missing("input")
    known(str(body.get("model")))
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list):
        raise wrong_type("input", "a string or an array", given)
    texts = inputs if all(isinstance(one, str) for one in inputs) else [json.dumps(inputs)]
    model = body.get("model") or "omni-moderation-latest"
    return _shown(
        {"id": ids("modr-", given), "model": model, "results": [_judged(text) for text in texts]}
    )


def _judged(text: str) -> dict[str, Any]:
    flagged = "harm" in text.lower()
    categories = {name: flagged and name == "violence" for name in _CATEGORIES}
    scores = {name: 0.9 if applies else 0.01 for name, applies in categories.items()}
    return {"flagged": flagged, "categories": categories, "category_scores": scores}


# --- texts ---------------------------------------------------------------------------------------


def _text(body: Any, say: Say) -> Reply:
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise missing("model")
    known(body["model"])
    prompt = body.get("prompt")
    if prompt is None:
        raise missing("prompt")
    prompts = prompt if isinstance(prompt, list) and isinstance(prompt[:1], list) else [prompt]
    prompts = prompts if all(isinstance(one, str) for one in prompts) else [json.dumps(prompt)]
    whole = _texts(body, prompts, say)
    if not body.get("stream"):
        return _shown(whole)
    return Reply(200, frames=tuple(_chunks(body, whole)))


def _texts(body: Mapping[str, Any], prompts: list[str], say: Say) -> dict[str, Any]:
    choices: list[dict[str, Any]] = []
    read = written = 0
    for prompt in prompts:
        tokens = len(split(prompt))
        limit = body.get("max_tokens")
        question = Asked(
            body["model"],
            fingerprint(dict(body), prompt),
            tokens,
            text=prompt,
            count=body.get("n") or 1,
            limit=limit if type(limit) is int else None,
        )
        for choice in say(question).choices:
            text = choice.content or ""
            finish = "length" if choice.finish_reason == "length" else "stop"
            choices.append(
                {"text": text, "index": len(choices), "logprobs": None, "finish_reason": finish}
            )
            written += len(split(text))
        read += tokens
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    head = {"id": ids("cmpl-", prompts, body["model"]), "object": "text_completion"}
    return {**head, "created": CREATED, "model": body["model"], "choices": choices, "usage": usage}


def _chunks(body: Mapping[str, Any], whole: dict[str, Any]) -> list[bytes]:
    head = {k: v for k, v in whole.items() if k not in ("choices", "usage")}
    frames = []
    for choice in whole["choices"]:
        for piece in split(choice["text"]):
            delta = {**choice, "text": piece, "finish_reason": None}
            frames.append(_event({**head, "choices": [delta]}))
        frames.append(_event({**head, "choices": [{**choice, "text": ""}]}))
    if (body.get("stream_options") or {}).get("include_usage"):
        frames.append(_event({**head, "choices": [], "usage": whole["usage"]}))
    return [*frames, b"data: [DONE]\n\n"]


# --- images --------------------------------------------------------------------------------------


def _image(got: Got) -> Reply:
    fields = form(got)
    if fields:
        body: dict[str, Any] = {k: v[1].decode("utf-8", "replace") for k, v in fields.items()}
    else:
        body = _object(got)
    known(str(body.get("model")))
    if got.places["verb"] != "variations" and not body.get("prompt"):
        raise missing("prompt")
    tokens = len(split(str(body.get("prompt"))))
    usage = {
        "input_tokens": tokens,
        "output_tokens": 272,
        "total_tokens": tokens + 272,
        "input_tokens_details": {"text_tokens": tokens, "image_tokens": 0},
        "output_tokens_details": {"text_tokens": 0, "image_tokens": 272},
    }
    told = {"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"}
    if str(body.get("stream")).lower() == "true":
        return Reply(200, frames=_image_events(body, got.places["verb"], usage | {}, told))
    # An address that shows the same picture, without a server to be asked for it.
    addressed = body.get("response_format") == "url"
    picture = {"url": f"data:image/png;base64,{PICTURE}"} if addressed else {"b64_json": PICTURE}
    pictures = [picture] * int(body.get("n") or 1)
    return _shown({"created": CREATED, "data": pictures, "usage": usage, **told})


def _image_events(
    body: Mapping[str, Any], verb: str, usage: dict[str, Any], told: dict[str, Any]
) -> tuple[bytes, ...]:
    kind = "image_generation" if verb == "generations" else "image_edit"
    shared = {"b64_json": PICTURE, "created_at": CREATED, **told}
    name = f"{kind}.partial_image"
    count = int(body.get("partial_images") or 0)
    partial = [{"type": name, "partial_image_index": i, **shared} for i in range(count)]
    last = {"type": f"{kind}.completed", **shared, "usage": usage}
    return tuple(_event(event, str(event["type"])) for event in (*partial, last))


# --- files and batches ---------------------------------------------------------------------------


def _created_file(got: Got) -> Reply:
    fields = form(got)
    if "file" not in fields:
        raise missing("file")
    if "purpose" not in fields:
        raise missing("purpose")
    name, content = fields["file"]
    purpose = fields["purpose"][1].decode("utf-8", "replace")
    made = _file(ids("file-", name, purpose, content))
    return _shown({**made, "filename": name, "bytes": len(content), "purpose": purpose})


def _file(name: str) -> dict[str, Any]:
    if "missing" in name:
        raise Refusal(404, f"No such File object: {name}", param="id")
    return {
        "object": "file",
        "id": name,
        "purpose": "batch",
        "filename": "simulated.jsonl",
        "bytes": len(_lines(name)),
        "created_at": CREATED,
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }


def _lines(name: str) -> bytes:
    """The results of a batch of one chat."""
    message = {"role": "assistant", "content": f"The simulator's answer in {name}."}
    usage = {"prompt_tokens": 1, "completion_tokens": 6, "total_tokens": 7}
    body = {
        "id": ids("chatcmpl-", name),
        "object": "chat.completion",
        "created": CREATED,
        "model": "offline",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    response = {"status_code": 200, "request_id": ids("req_", name), "body": body}
    line = {"id": ids("batch_req_", name), "custom_id": "1", "response": response, "error": None}
    return json.dumps(line).encode() + b"\n"


def _listed(one: dict[str, Any]) -> Reply:
    page = {"object": "list", "data": [one], "first_id": one["id"], "last_id": one["id"]}
    return _shown({**page, "has_more": False})


def _deleted(got: Got) -> Reply:
    return _shown({"object": "file", "deleted": True, "id": _file(got.places["id"])["id"]})


def _created_batch(got: Got) -> Reply:
    body = _object(got)
    for name in ("input_file_id", "endpoint", "completion_window"):
        if not body.get(name):
            raise missing(name)
    return _shown({**_batch(ids("batch_", body), "validating"), **body})


def _batch(name: str, status: str = "completed") -> dict[str, Any]:
    if "missing" in name:
        raise Refusal(404, f"No batch found with id '{name}'.")
    return {
        "id": name,
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "errors": None,
        "input_file_id": ids("file-", name),
        "completion_window": "24h",
        "status": status,
        "output_file_id": ids("file-", name, "output") if status == "completed" else None,
        "error_file_id": None,
        "created_at": CREATED,
        "request_counts": {"total": 1, "completed": int(status == "completed"), "failed": 0},
        "metadata": None,
    }


_ROUTES: Final[Routes] = (
    ("POST", "/moderations", _moderation),
    ("POST", "/images/(?P<verb>generations|edits|variations)", _image),
    ("POST", "/files", _created_file),
    ("GET", "/files", lambda got: _listed(_file(ids("file-", "listed")))),
    ("GET", "/files/(?P<id>[^/]+)", lambda got: _shown(_file(got.places["id"]))),
    ("DELETE", "/files/(?P<id>[^/]+)", _deleted),
    ("GET", "/files/(?P<id>[^/]+)/content", lambda got: Reply(200, _lines(_file(got.places["id"])["id"]))),
    ("POST", "/batches", _created_batch),
    ("GET", "/batches", lambda got: _listed(_batch(ids("batch_", "listed")))),
    ("GET", "/batches/(?P<id>[^/]+)", lambda got: _shown(_batch(got.places["id"]))),
    ("POST", "/batches/(?P<id>[^/]+)/cancel", lambda got: _shown(_batch(got.places["id"], "cancelling"))),
)  # fmt: skip
