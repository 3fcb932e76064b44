"""Recorded usage as the oracle of counts: each recorded prompt of OpenAI's, and what ``usage`` says of it.

A count is the number that was billed, or the row is in ``DIFFERENT`` with by how much, and why. Where a count claims
to be exact the reason lies in the recording; else it is a form that too few recordings show to make a rule of.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from llmkit.catalogue import counting
from llmkit.tokens import CountedTokens, count

from . import _reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ._reader import Row

CHAT = ("openai.chat", "azure.chat")
RESPONSES = ("openai.responses", "azure.responses")
TEXT = ("openai.completions", "azure.completions", "openai.embeddings", "azure.embeddings")

_OLD_FUNCTIONS = "not the usage of this request: less than its message and functions have"
_NESTED = "an object with comments in an array: three recordings of one schema"
_NO_DESCRIPTION = "a tool without a description at this family: recordings of one call"
_HIDDEN = "for some weeks 18 tokens were put before each prompt of this API and model"
_PRO = "this mode answers by several rounds, all of which are in the usage"
_AGENT = "written by hand: its ids are made up"

DIFFERENT: dict[str, tuple[int, str]] = {
    "i03138": (-58, _OLD_FUNCTIONS),
    "i03184": (-46, _OLD_FUNCTIONS),
    "i03356": (1, "the oldest snapshot, behind a name that does not say so"),
    "i05737": (
        -3,
        "this one is three under the same call at the other host, and under that of its kin",
    ),
    "i03362": (19, "a custom tool: one recording"),
    "i11573": (7, "a model that is no more: one recording"),
    "i07411": (34, _NESTED),
    "i07423": (34, _NESTED),
    **dict.fromkeys(
        ("i10953", "i11001", "i11185", "i11266", "i11415", "i11500"), (-1, _NO_DESCRIPTION)
    ),
    **dict.fromkeys(("i03436", "i05295", "i05300", "i09892", "i11751"), (18, _HIDDEN)),
    "i11774": (1, _AGENT),
    "i01861": (1547, _PRO),
    "i01862": (1642, _PRO),
    "i01863": (1734, _PRO),
    "i01864": (1832, _PRO),
    "i01865": (1990, _PRO),
    "i01866": (1511, _PRO),
    "i09874": (-1, _AGENT),
    "i03221": (1, "an empty text is billed as one token"),
}
"""Row → usage minus count, and why."""

# Beyond these even the bound is: what was billed is not what the request says.
BEYOND = {*(row for row, (_, why) in DIFFERENT.items() if why in {_HIDDEN, _PRO}), "i03221"}

SHARES = {
    "plain": 0.97,
    "tools": 0.9,
    "history": 0.95,
    "schema": 1.0,
    "responses": 0.85,
    "text": 0.9,
}
"""Group → how much of it has to be counted exactly; the sealed rows are of the same kinds."""


class Case(NamedTuple):
    """A prompt, what it is, and what was billed."""

    id: str
    group: str
    model: str
    billed: int
    said: Mapping[str, Any]
    provider: str

    def counted(self) -> CountedTokens:
        """What llmkit makes of it."""
        return count(counting(self.provider, self.model), **self.said)


@cache
def _cases() -> dict[str, Case]:
    recordings = _reader.directory()
    if recordings is None:
        return {}
    found = (
        case
        for apis, read in ((CHAT, _chat), (RESPONSES, _responses), (TEXT, _text))
        for api in apis
        for row in _reader.rows(recordings, api)
        if (case := _case(row, read)) is not None
    )
    return {case.id: case for case in found}


def _case(row: Row, read: Any) -> Case | None:
    sent, (usage, model) = row.sent(), _usage(row)
    if sent is None or usage is None:
        return None
    asked = read(sent)
    name = model or sent.get("model") or ""
    rule = counting(row.api.partition(".")[0], name)
    if asked is None or (rule.get("assumed") and name != "gpt-35-turbo"):
        return None
    # Of the oldest models the encoding is in tiktoken's cache or nowhere.
    if rule.get("encoding") not in {"o200k_base", "cl100k_base"}:
        return None
    group, said = asked
    return Case(row.id, group, name, usage, said, row.api.partition(".")[0])


def _usage(row: Row) -> tuple[int | None, str]:
    """Tokens of the prompt, and who answered; from the answer or the last event that says so."""
    tokens, model = None, ""
    for event in _events(row):
        event = event.get("response") or event  # noqa: PLW2901 - the Responses API wraps it
        usage = event.get("usage") or {}
        tokens = usage.get("prompt_tokens", usage.get("input_tokens", tokens))
        model = event.get("model") or model
    return tokens, model


def _events(row: Row) -> Iterator[dict[str, Any]]:
    text = row.body.decode(errors="replace")
    lines = text.splitlines() if row.is_event_stream else [text]
    for line in lines:
        try:
            event = json.loads(line.removeprefix("data:"))
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


_PARAMS = ("tools", "functions", "tool_choice", "function_call", "response_format")


def _chat(sent: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    messages = sent.get("messages")
    if not isinstance(messages, list) or not all(map(_only_text, messages)):
        return None
    said = {"messages": messages, **{key: sent[key] for key in _PARAMS if sent.get(key)}}
    if any(message.get("tool_calls") for message in messages):
        return "history", said
    if said.keys() & {"tools", "functions"}:
        return "tools", said
    asked = (sent.get("response_format") or {}).get("type")
    return ("schema" if asked == "json_schema" else "plain"), said


def _only_text(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return all(isinstance(part, str) or part.get("type") == "text" for part in parts)


def _responses(sent: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Texts alone: how this API shows tools and schemas is its own."""
    given = sent.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given or []
    format_ = (sent.get("text") or {}).get("format", {}).get("type")
    stored = {"previous_response_id", "conversation", "prompt", "tools"} & {
        k for k in sent if sent[k]
    }
    if stored or format_ == "json_schema" or not all(map(_is_message, items)):
        return None
    messages = [{"role": item["role"], "content": _joined(item["content"])} for item in items]
    if sent.get("instructions"):
        messages.insert(0, {"role": "system", "content": sent["instructions"]})
    return "responses", {"messages": messages}


def _is_message(item: Mapping[str, Any]) -> bool:
    parts = item.get("content") if isinstance(item.get("content"), list) else []
    types = {part.get("type") for part in parts or ()}
    return item.get("type", "message") == "message" and types <= {"input_text", "output_text"}


def _joined(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _text(sent: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    given = sent.get("prompt", sent.get("input"))
    texts = [given] if isinstance(given, str) else given or []
    return ("text", {"text": texts}) if all(isinstance(text, str) for text in texts) else None


each_case = pytest.mark.parametrize("name", list(_cases()) or ["none"])


@each_case
def test_the_count_is_what_was_billed(recordings: Path, name: str) -> None:
    """Or differs by what the table says, for the reason that stands there."""
    case = _cases()[name]
    counted = case.counted()
    difference, _ = DIFFERENT.get(name, (0, ""))
    assert case.billed - counted == difference, counted


@each_case
def test_the_bound_holds(recordings: Path, name: str) -> None:
    """No more is billed than a count says that it can be."""
    case = _cases()[name]
    counted = case.counted()
    if name in BEYOND or (counted.exact and name in DIFFERENT):
        return
    assert counted.at_most is not None
    assert case.billed <= counted.at_most


def test_shares(recordings: Path) -> None:
    """Most of each group is counted exactly, and says so."""
    whole, equal = Counter(), Counter()  # type: ignore[var-annotated]
    for case in _cases().values():
        counted = case.counted()
        whole[case.group] += 1
        equal[case.group] += counted == case.billed
    shares = {group: equal[group] / whole[group] for group in whole}
    assert shares.keys() == SHARES.keys()
    assert all(shares[group] >= SHARES[group] for group in SHARES), shares


def test_every_difference_is_there(recordings: Path) -> None:
    """A row of the table that is no longer counted is taken off it."""
    assert set(DIFFERENT) <= set(_cases())
