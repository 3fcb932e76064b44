"""watsonx.ai's API as its server speaks it: chats, deployments, embeddings, and the service that grants tokens.

Pure. Messages, tools and what is said are OpenAI's there; what stands around them is translated here, both ways. Fields
and error bodies: IBM's SDKs, as `llmkit.wires.watsonx` names them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from .._answer import Answer
from .._asked import Asked, fingerprint
from .._tokens import split
from ._wire import Reply, Say
from .openai_chat import OpenAIChat
from .openai_embeddings import vector

__all__ = ["Watsonx"]

_PLACES: Final = re.compile(
    r".*?(?P<token>/identity/token)|.*?/ml/v1(?:/deployments/(?P<deployment>[^/]+))?/text/"
    r"(?P<what>chat|chat_stream|generation|generation_stream|embeddings)"
)
# What the service has beside OpenAI's fields; the rest is checked as OpenAI's.
_OWN: Final = (
    "model_id", "project_id", "space_id", "time_limit", "tool_choice_option", "chat_template_kwargs",
    "include_reasoning", "repetition_penalty", "length_penalty", "guided_choice", "guided_regex", "guided_grammar",
    "guided_json", "context", "crypto",
)  # fmt: skip
_CODES: Final[Mapping[int, str]] = {
    400: "invalid_request_entity",
    401: "authentication_token_not_valid",
    403: "authorization_rejected",
    404: "model_not_supported",
    429: "consumption_limit_reached",
}
_SERVER_ERROR: Final = "downstream_request_failed"
_TRACE: Final = "0123456789abcdef0123456789abcdef"
_CREATED_AT: Final = "2025-01-01T00:00:00.000Z"
_MOST_INPUTS: Final = 1000
_OK: Final = 200
# Who asks was looked at before.
_KNOWN: Final = {"authorization": "Bearer known"}
_LIFE: Final = 3600
_ENTERED: Final = 1_735_689_600


class Watsonx:
    """The service, under any prefix."""

    name: Final = "watsonx"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether a path is one of its own."""
        return _PLACES.fullmatch(_bare(path)) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        place = _PLACES.fullmatch(_bare(path))
        if place is None or method != "POST":
            return self.failure(405, f"{method} is not allowed here")
        if place["token"]:
            return _granted(body)
        if (refused := _refused(path, headers)) is not None:
            return self.failure(*refused)
        try:
            given = json.loads(body)
        except (ValueError, RecursionError):
            return self.failure(400, "The request body is no JSON")
        if not isinstance(given, dict):
            return self.failure(400, "The request body is no object")
        return self._said(place, given, say)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer with the code that goes with *status*."""
        return Reply(status, _json(_error(status, message)))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream."""
        return b"event: error\ndata: %b\n\n" % _json(_error(status, message))

    def _said(self, place: re.Match[str], given: dict[str, Any], say: Say) -> Reply:
        problem = _unpaid(place, given)
        if problem is not None:
            return self.failure(400, problem)
        model = place["deployment"] or given["model_id"]
        if place["what"] == "embeddings":
            return self._embedded(model, given)
        if place["what"].startswith("generation"):
            return self._continued(model, given, say, streams=place["what"].endswith("stream"))
        streams = place["what"] == "chat_stream"
        asked = json.dumps(_as_openai(model, given, streams=streams)).encode()
        said = OpenAIChat().reply("POST", "/v1/chat/completions", _KNOWN, asked, say)
        if said.status != _OK:
            message = json.loads(said.body)["error"]["message"]
            return Reply(said.status, _json(_error(said.status, message)), headers=said.headers)
        if not streams:
            return Reply(200, _json(_as_watsonx(json.loads(said.body))))
        return Reply(200, frames=tuple(map(_event, range(1, len(said.frames)), said.frames[:-1])))

    def _continued(self, model: str, given: Mapping[str, Any], say: Say, *, streams: bool) -> Reply:
        text, told = given.get("input"), given.get("parameters") or {}
        if not isinstance(text, str) or not isinstance(told, dict):
            return self.failure(400, "input must be a text")
        said = say(
            Asked(
                model=model,
                digest=fingerprint(given),
                prompt_tokens=len(split(text)),
                text=text,
                stops=tuple(told.get("stop_sequences") or ()),
                limit=told.get("max_new_tokens"),
            )
        )
        head = {"model_id": model, "created_at": _CREATED_AT}
        if not streams:
            return Reply(200, _json({**head, "results": [_result(said)]}))
        made = ({**head, "results": [piece]} for piece in _pieces(said))
        return Reply(200, frames=tuple(_framed(i, one) for i, one in enumerate(made, 1)))

    def _embedded(self, model: str, given: Mapping[str, Any]) -> Reply:
        inputs = given.get("inputs")
        texts = inputs if isinstance(inputs, list) else []
        if not texts or not all(isinstance(text, str) for text in texts):
            return self.failure(400, "inputs must be a list of texts that is not empty")
        if len(texts) > _MOST_INPUTS:
            return self.failure(400, f"inputs must have at most {_MOST_INPUTS} items")
        results = [{"embedding": vector(text)} for text in texts]
        head = {"model_id": model, "created_at": _CREATED_AT, "results": results}
        return Reply(200, _json({**head, "input_token_count": sum(len(split(t)) for t in texts)}))


def _bare(path: str) -> str:
    return path.partition("?")[0].rstrip("/")


def _refused(path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
    if "version" not in parse_qs(path.partition("?")[2]):
        return 400, "Missing required query parameter 'version'"
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme not in ("Bearer", "ZenApiKey") or not key or "invalid" in key:
        return 401, "Failed to authenticate the request due to invalid token"
    return None


def _unpaid(place: re.Match[str], given: Mapping[str, Any]) -> str | None:
    """What is missing of the model and of who pays; a deployment says both by its place."""
    if place["deployment"]:
        return "model_id is not taken by a deployment" if "model_id" in given else None
    if not isinstance(given.get("model_id"), str):
        return "Missing required field 'model_id'"
    paid = sum(name in given for name in ("project_id", "space_id"))
    return None if paid == 1 else "Exactly one of 'project_id' and 'space_id' must be given"


def _as_openai(model: str, given: Mapping[str, Any], *, streams: bool) -> dict[str, Any]:
    made = {name: value for name, value in given.items() if name not in _OWN}
    made["model"] = model
    if "tool_choice_option" in given:
        made["tool_choice"] = given["tool_choice_option"]
    if streams:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return made


def _as_watsonx(said: dict[str, Any]) -> dict[str, Any]:
    head = {"model_id": said["model"], "model_version": "1.0.0", "created_at": _CREATED_AT}
    usage = said.get("usage")
    if usage:
        head["usage"] = {name: n for name, n in usage.items() if not name.endswith("_details")}
    return {**said, **head}


def _event(number: int, frame: bytes) -> bytes:
    said = _as_watsonx(json.loads(frame.removeprefix(b"data: ")))
    if said.get("usage") is None:
        said.pop("usage", None)
    return _framed(number, said)


def _framed(number: int, said: Mapping[str, Any]) -> bytes:
    return b"id: %d\nevent: message\ndata: %b\n\n" % (number, _json(said))


def _result(said: Answer) -> dict[str, Any]:
    choice = said.choices[0]
    reason = "max_tokens" if choice.finish_reason == "length" else "eos_token"
    return {
        "generated_text": choice.content or "",
        "generated_token_count": said.completion_tokens,
        "input_token_count": said.prompt_tokens,
        "stop_reason": "stop_sequence" if choice.stopped_by else reason,
    }


def _pieces(said: Answer) -> Iterator[dict[str, Any]]:
    """The text token by token; what was made is counted as it grows, the prompt at first."""
    whole = _result(said)
    yield {**whole, "generated_text": "", "generated_token_count": 0, "stop_reason": "not_finished"}
    tokens = split(whole["generated_text"])
    for count, token in enumerate(tokens, 1):
        reason = whole["stop_reason"] if count == len(tokens) else "not_finished"
        counts = {"generated_token_count": count, "input_token_count": 0}
        yield {"generated_text": token, **counts, "stop_reason": reason}


def _granted(body: bytes) -> Reply:
    """A token for a key; a key that calls itself invalid gets none."""
    key = parse_qs(body.decode("utf-8", "replace")).get("apikey", [""])[0]
    if not key or "invalid" in key:
        told = {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}
        return Reply(400, _json(told))
    token = {"access_token": f"simulated-token-{len(key)}", "token_type": "Bearer"}
    return Reply(200, _json({**token, "expires_in": _LIFE, "expiration": _ENTERED + _LIFE}))


def _error(status: int, message: str) -> dict[str, Any]:
    code = _CODES.get(status, _SERVER_ERROR)
    return {"errors": [{"code": code, "message": message}], "trace": _TRACE, "status_code": status}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
