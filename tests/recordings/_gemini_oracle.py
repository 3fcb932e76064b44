"""What a recorded generateContent answer says, read with plain dicts: the other opinion. Nothing of llmkit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._gemini_rows import events

if TYPE_CHECKING:
    from ._reader import Row

Json = dict[str, Any]

FINISH = {
    "STOP": "stop", 1: "stop", "MAX_TOKENS": "length", 2: "length", "SAFETY": "content_filter",
    "MODEL_ARMOR": "content_filter", "UNEXPECTED_TOOL_CALL": "error", None: None,
}  # fmt: skip
"""The reasons that were recorded."""

STATUS = {
    400: "BadRequestError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
}
TIER = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}
MODALITY = {1: "TEXT", 2: "IMAGE", 3: "VIDEO", 4: "AUDIO", 5: "DOCUMENT"}


@dataclass(slots=True)
class Said:
    """What an answer says. Fields of candidates are dicts by the candidate's index."""

    id: str | None = None
    model: str | None = None
    text: dict[int, str] = field(default_factory=dict)
    thoughts: dict[int, str] = field(default_factory=dict)
    calls: dict[int, list[Json]] = field(default_factory=dict)
    images: dict[int, list[str]] = field(default_factory=dict)
    sound: dict[int, str] = field(default_factory=dict)
    logprobs: dict[int, list[tuple[str, float]]] = field(default_factory=dict)
    sources: dict[int, list[str]] = field(default_factory=dict)
    cited: dict[int, set[str]] = field(default_factory=dict)
    finish: dict[int, str | None] = field(default_factory=dict)
    signatures: dict[int, list[str]] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """What kind of error an answer is."""

    kind: str
    status: int | None
    message: str
    retry_after: float | None = None


def failure(row: Row) -> Failure | None:
    """The error that a row is, or ``None``."""
    found = events(row)
    if row.status != 200:
        return _refusal(row.status, found[0]["error"])
    feedback = next((e["promptFeedback"] for e in found if "promptFeedback" in e), {})
    if feedback.get("blockReason"):
        message = feedback.get("blockReasonMessage") or feedback["blockReason"]
        return Failure("ContentPolicyViolationError", 400, message)
    candidates = [c for e in found for c in e.get("candidates") or []]
    if not candidates and not row.streaming:
        return Failure("APIResponseValidationError", 200, "")
    if row.streaming and not any(c.get("finishReason") for c in candidates):
        kind = "StreamInterruptedError" if candidates else "APIConnectionError"
        return Failure(kind, None, "")
    return None


def _refusal(status: int, error: Json) -> Failure:
    details = error.get("details") or []
    delays = [d["retryDelay"] for d in details if "retryDelay" in d]
    wrong_key = "API_KEY_INVALID" in [d.get("reason") for d in details]
    kind = "AuthenticationError" if wrong_key else STATUS[status]
    delay = float(delays[0].rstrip("s")) if delays else None
    return Failure(kind, status, error["message"], delay)


def read(row: Row) -> Said:
    """What a row that is no error says."""
    said = Said()
    for event in events(row):
        said.id = said.id or event.get("responseId")
        said.model = event.get("modelVersion") or said.model
        for position, candidate in enumerate(event.get("candidates") or []):
            _candidate(said, candidate.get("index") or position, candidate)
        counts = {k: v for k, v in (event.get("usageMetadata") or {}).items() if v is not None}
        said.usage |= counts
    said.usage = _usage(said.usage)
    for index, calls in said.calls.items():
        if calls and said.finish[index] in ("stop", None):
            said.finish[index] = "tool_calls"
    return said


def _candidate(said: Said, index: int, candidate: Json) -> None:
    for found in (said.text, said.thoughts, said.sound):
        found.setdefault(index, "")
    for listed in (said.calls, said.images, said.logprobs, said.sources, said.signatures):
        listed.setdefault(index, [])  # type: ignore[attr-defined]
    said.cited.setdefault(index, set())
    for part in (candidate.get("content") or {}).get("parts") or []:
        _part(said, index, part)
    reason = FINISH[candidate.get("finishReason")]
    said.finish[index] = reason or said.finish.get(index)
    grounding = candidate.get("groundingMetadata") or {}
    chunks = grounding.get("groundingChunks") or []
    said.sources[index] += [c["web"]["uri"] for c in chunks if "web" in c]
    supports = grounding.get("groundingSupports") or []
    said.cited[index] |= {s["segment"]["text"] for s in supports if _has_page(s, chunks)}
    tokens = (candidate.get("logprobsResult") or {}).get("chosenCandidates") or []
    said.logprobs[index] += [(t["token"], t["logProbability"]) for t in tokens]


def _has_page(support: Json, chunks: list[Json]) -> bool:
    return any("web" in chunks[i] for i in support.get("groundingChunkIndices") or ())


def _part(said: Said, index: int, part: Json) -> None:
    if "text" in part:
        into = said.thoughts if part.get("thought") else said.text
        into[index] += part["text"]
    if "functionCall" in part:
        _call(said.calls[index], part["functionCall"])
    if "inlineData" in part:
        kind, data = part["inlineData"]["mimeType"], part["inlineData"]["data"]
        if kind.startswith("image/"):
            said.images[index].append(f"data:{kind};base64,{data}")
        else:
            said.sound[index] += data
    if "thoughtSignature" in part:
        said.signatures[index].append(part["thoughtSignature"])


def _call(calls: list[Json], call: Json) -> None:
    if call.get("name"):
        args = dict(call.get("args") or {})
        calls.append({"id": call.get("id"), "name": call["name"], "args": args})
    for piece in call.get("partialArgs") or []:
        # All recorded paths are one name deep, and all values texts.
        name = piece["jsonPath"].removeprefix("$.")
        args = calls[-1]["args"]
        args[name] = args.get(name, "") + piece["stringValue"]


def _usage(found: Json) -> Json:
    if not {"promptTokenCount", "candidatesTokenCount", "totalTokenCount"} & found.keys():
        return {}
    prompt = found.get("promptTokenCount")
    prompt = prompt and prompt + found.get("toolUsePromptTokenCount", 0)
    completion = found.get("candidatesTokenCount", 0) + found.get("thoughtsTokenCount", 0)
    made = {
        "prompt": prompt,
        "completion": completion,
        "total": found.get("totalTokenCount"),
        "cached": found.get("cachedContentTokenCount"),
        "thoughts": found.get("thoughtsTokenCount"),
        "tier": found.get("serviceTier") or TIER.get(found.get("trafficType")),
    }
    for entry in found.get("promptTokensDetails") or []:
        _add(made, f"prompt.{_modality(entry)}", entry["tokenCount"])
    for entry in found.get("toolUsePromptTokensDetails") or []:
        _add(made, f"prompt.{_modality(entry)}", entry["tokenCount"])
    for entry in found.get("candidatesTokensDetails") or []:
        _add(made, f"completion.{_modality(entry)}", entry["tokenCount"])
    return made


def _modality(entry: Json) -> str:
    return str(MODALITY.get(entry["modality"], entry["modality"])).lower()


def _add(made: Json, name: str, count: int) -> None:
    made[name] = made.get(name, 0) + count


def turn(row: Row) -> list[Json]:
    """The first candidate's parts as one turn: pieces of text joined, nothing signed touched."""
    parts: list[Json] = []
    for event in events(row):
        for candidate in event.get("candidates") or []:
            if not candidate.get("index"):
                for part in (candidate.get("content") or {}).get("parts") or []:
                    _append(parts, json.loads(json.dumps(part)))
    return parts


def _append(parts: list[Json], part: Json) -> None:
    if not part.get("thought"):
        part.pop("thought", None)
    if part.get("text") == "" and part.keys() <= {"text", "thought"}:
        return
    last = parts[-1] if parts else {}
    plain = {"text", "thought"}
    if "text" in part and "text" in last and part.keys() == last.keys() and part.keys() <= plain:
        last["text"] += part["text"]
        return
    call = part.get("functionCall")
    if call is not None and "name" not in call:
        found: list[Json] = [last["functionCall"]]
        _call(found, call)
        return
    if call is not None:
        part["functionCall"] = {
            k: v for k, v in call.items() if k not in ("willContinue", "partialArgs")
        }
        part["functionCall"].setdefault("args", {})
    parts.append(part)
