"""Cohere's first text completions as their server answers them. Pure: a request's parts in, a `Reply` out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .._answer import Answer, Choice
from .._asked import Asked, fingerprint
from .._tokens import split
from ._wire import Reply, Say
from .cohere_chat._door import Refusal, answered, encoded, refused

__all__ = ["CohereGenerate"]

_PATH: Final = re.compile(r".*/v1/generate")
_LINES: Final = {"content-type": "application/stream+json"}
_MOST: Final = 5


class CohereGenerate:
    """Text completions, under any prefix of their path."""

    name: Final = "cohere_generate"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether a text is to be continued."""
        return _PATH.fullmatch(path.partition("?")[0].rstrip("/")) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""

        def answer(given: dict[str, Any]) -> Reply:
            said = say(_asked(given))
            if given.get("stream"):
                return Reply(200, frames=tuple(_lines(given, said)), headers=_LINES)
            return Reply(200, encoded(_whole(given, said)))

        return answered(method, headers, body, answer)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer."""
        return refused(Refusal(status, message))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The error as the last line of a stream."""
        return _line("stream-error", is_finished=True, finish_reason="ERROR", err=message)


def _asked(body: Mapping[str, Any]) -> Asked:
    prompt, count = body.get("prompt"), body.get("num_generations", 1)
    if not isinstance(prompt, str) or not prompt:
        raise Refusal(400, "invalid request: prompt must be at least 1 token long")
    if not isinstance(count, int) or not 1 <= count <= _MOST:
        raise Refusal(400, f"invalid request: num_generations must be between 1 and {_MOST}")
    return Asked(
        model=body["model"],
        digest=fingerprint(body),
        prompt_tokens=len(split(prompt)),
        text=prompt,
        count=count,
        stops=tuple(body.get("end_sequences") or ()),
        limit=body.get("max_tokens"),
    )


def _whole(body: Mapping[str, Any], said: Answer) -> dict[str, Any]:
    counts = {"input_tokens": said.prompt_tokens, "output_tokens": said.completion_tokens}
    return {
        "id": fingerprint(body),
        "prompt": body["prompt"],
        "generations": [_generation(body, choice) for choice in said.choices],
        "meta": {"api_version": {"version": "1"}, "billed_units": counts},
    }


def _generation(body: Mapping[str, Any], choice: Choice) -> dict[str, Any]:
    reason = "MAX_TOKENS" if choice.finish_reason == "length" else "COMPLETE"
    made = {"id": fingerprint(body, choice.index), "index": choice.index, "text": choice.content}
    return made | {"finish_reason": reason}


def _lines(body: Mapping[str, Any], said: Answer) -> Iterator[bytes]:
    for choice in said.choices:
        for token in split(choice.content or ""):
            yield _line("text-generation", text=token, index=choice.index)
    ended = {"finish_reason": "COMPLETE", "response": _whole(body, said)}
    yield _line("stream-end", is_finished=True, **ended)


def _line(kind: str, *, is_finished: bool = False, **members: Any) -> bytes:
    return encoded({"is_finished": is_finished, "event_type": kind, **members}) + b"\n"
