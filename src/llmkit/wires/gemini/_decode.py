"""An answer's JSON to models, whole or an event at a time. Unknown fields are kept; only errors and blocks raise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ...types._model import lenient
from ...types.chat import ChatCompletion
from .._errors import unreadable
from ._answer import Answer, snake
from ._failures import blocked, failure, is_error
from ._models import thinks_by_level
from ._usage import merge, usage

__all__ = ["Reading", "parse"]

_HEAD = frozenset({"candidates", "usageMetadata", "responseId", "modelVersion", "createTime"})
_OURS = frozenset({"candidates", "promptFeedback", "responseId", "modelVersion"})
# Vertex AI's word for the tier that a call was served in.
_TIERS = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}


class Reading:
    """One answer under construction, from one event or many."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._answers: dict[int, Answer] = {}
        self._usage: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._head: dict[str, Any] = {"id": call.id, "created": None, "model": call.model}
        self._named = False
        self._searches = 0

    @property
    def finished(self) -> bool:
        """Whether every candidate so far has its finish reason, and there is one."""
        answers = self._answers.values()
        return bool(answers) and all(answer.finished for answer in answers)

    def add(self, response: HTTPResponse, data: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Take one event, which is no error; return its choices. Raises where the prompt was blocked."""
        candidates = data.get("candidates")
        candidates = candidates if isinstance(candidates, list) else []
        feedback = data.get("promptFeedback")
        if not candidates and isinstance(feedback, Mapping) and feedback.get("blockReason"):
            raise blocked(self._call, response, data)
        self._note(data)
        found = [c for c in candidates if isinstance(c, Mapping)]
        return [self._added(self._of(i, c), c) for i, c in enumerate(found)]

    def _added(self, answer: Answer, candidate: Mapping[str, Any]) -> dict[str, Any]:
        before = answer.searches
        choice = answer.add(candidate)
        # Searches as they are billed: each query from version 3 on, each answer before.
        if thinks_by_level(self._call.model):
            self._searches += answer.searches - before
        elif not before and answer.searches:
            self._searches += 1
        return choice

    def _of(self, position: int, candidate: Mapping[str, Any]) -> Answer:
        index = candidate.get("index")
        index = index if isinstance(index, int) else position
        if index not in self._answers:
            self._answers[index] = Answer(str(self._head["id"]), index)
        return self._answers[index]

    def _note(self, data: Mapping[str, Any]) -> None:
        if not self._named and data.get("responseId"):
            self._named = True
            self._head["id"] = str(data["responseId"])
        self._head["model"] = data.get("modelVersion") or self._head["model"]
        self._head["created"] = _seconds(data.get("createTime")) or self._head["created"]
        merge(self._usage, data.get("usageMetadata"))
        for name, value in data.items():
            if name not in _HEAD and value is not None:
                self._told[snake(name)] = value

    def close(self) -> list[dict[str, Any]]:
        """Nothing more comes: each candidate's last choice."""
        return [answer.close() for _, answer in sorted(self._answers.items())]

    def head(self) -> dict[str, Any]:
        """Id, model, time and counts, as far as they are known."""
        counted = usage(self._usage, self._searches)
        return self._head | ({} if counted is None else {"usage": counted})

    def end(self) -> dict[str, Any]:
        """The head with what belongs to the whole answer."""
        tier = self._usage.get("serviceTier") or _TIERS.get(str(self._usage.get("trafficType")))
        return self._told | self.head() | ({} if tier is None else {"service_tier": tier})


def parse(call: ChatCall, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 400."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    if is_error(data):
        raise failure(call, response, data)
    if not isinstance(data, Mapping) or not data.keys() & _OURS:
        raise unreadable(call, response, "it has no candidates")
    reading = Reading(call)
    begun = reading.add(response, data)
    choices = [_choice(a, b) for a, b in zip(begun, reading.close(), strict=False)]
    made = reading.end() | {"object": "chat.completion", "choices": choices or [_nothing()]}
    return lenient(ChatCompletion, made)


def _choice(begun: Mapping[str, Any], ended: Mapping[str, Any]) -> dict[str, Any]:
    """The two deltas of a candidate that came whole, as one message."""
    first, last = begun["delta"], ended["delta"]
    message = {"content": None, **first, **last}
    if "audio" in first and "audio" in last:
        message["audio"] = first["audio"] | {"data": first["audio"]["data"] + last["audio"]["data"]}
    calls = [*first.get("tool_calls", ()), *last.get("tool_calls", ())]
    if calls:
        message["tool_calls"] = [{k: v for k, v in c.items() if k != "index"} for c in calls]
    rest = {k: v for k, v in (*begun.items(), *ended.items()) if k != "delta"}
    return rest | {"message": message}


def _nothing() -> dict[str, Any]:
    """The choice of an answer without candidates: people read ``choices[0]``."""
    return {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "error"}


def _seconds(moment: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(moment).timestamp()) if moment else None
    except (TypeError, ValueError, OverflowError):
        return None
