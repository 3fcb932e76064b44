"""A conversation's tokens for models of which it is known what stands around messages, tools and schemas.

The numbers are in ``_forms``. A count is exact where recorded usage shows it to be; whatever else a conversation has
is counted alike and noted, with a bound in bytes. Models without a known encoding are ``_estimate``'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ._attached import apart
from ._counted import CountedTokens
from ._declared import declared_schema, declared_tools
from ._encodings import tokenizer
from ._estimate import prompt_tokens
from ._forms import FORMS, Form
from ._media import part_tokens
from ._pieces import BLOCK
from ._text import count_text

__all__ = ["count_chat"]

Message = Mapping[str, Any]
Rule = Mapping[str, Any]

_LEADING: Final = frozenset({"system", "developer"})
_PLAIN_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})
# Fields of a message that the count knows, or that no model is shown.
_KNOWN: Final = frozenset({"role", "content", "tool_calls", "tool_call_id", "annotations"})
# What a model has thought: much of it is encrypted, and most is left out of the next prompt.
_THOUGHT: Final = frozenset(
    {"reasoning", "reasoning_content", "reasoning_details", "thinking_blocks"}
)
_WHOLE_SCHEMA: Final = "json_schema"
_RELAYED: Final = "who relays calls may do it by another API, which shows tools, schemas and earlier calls otherwise"


def count_chat(rule: Rule, messages: Sequence[Message], params: Mapping[str, Any]) -> CountedTokens:
    """The tokens of a prompt. ``params``: ``tools``, ``functions``, ``tool_choice``, ``response_format``."""
    parts: list[Mapping[str, Any]] = []
    said = messages if all(map(_is_plain, messages)) else apart(messages, parts)
    tally = _Tally(rule)
    tally.prompt(said, params)
    tally.sounds(parts)
    if rule.get("relayed") and tally.declares:
        tally.notes.append(_RELAYED)
    value = max(tally.tokens, 0)
    notes = (*dict.fromkeys(tally.notes), *rule.get("notes", ()))
    total = CountedTokens(value, exact=True)
    if notes or rule.get("assumed"):
        bound = prompt_tokens(said, rule, params).at_most
        most = None if bound is None else max(bound, value)
        total = CountedTokens(value, exact=False, at_most=most, notes=notes)
    for part in parts:
        total += part_tokens(part, rule) or CountedTokens(0)
    return total


class _Tally:
    """Adds up a conversation, and notes what is not certain."""

    def __init__(self, rule: Rule) -> None:
        self.tokens = 0
        self.declares = False
        """Whether there is more than messages: tools, a schema, calls."""
        self.notes: list[str] = []
        self._encoding: str = rule["encoding"]
        self._tokens = tokenizer(self._encoding).encode_ordinary
        form = FORMS.get(rule.get("chat", ""))
        if form is None:
            self.notes.append(
                "what stands around this model's messages is not known: counted as others'"
            )
        self._form: Form = form or FORMS["openai-chat"]

    def prompt(self, messages: Sequence[Message], params: Mapping[str, Any]) -> None:
        """All of it: what comes first, the messages, what is asked for, and what starts the answer."""
        self.tokens += self._form.primer
        headed = bool(messages) and str(messages[0].get("role")) in _LEADING
        sections = list(self._sections(params))
        if sections:
            self._head(sections, headed=headed)
        place = 0
        while place < len(messages):
            joined = "\n\n" if sections and place == 0 and headed else ""
            place += self._turn(messages, place, joined)
        self._choice(params.get("tool_choice") or params.get("function_call"))

    def sounds(self, parts: Sequence[Mapping[str, Any]]) -> None:
        """What stands around each piece of sound; what it is itself worth is ``_media``'s."""
        self.tokens += self._form.sound * sum(part.get("type") == "input_audio" for part in parts)

    def _sections(self, params: Mapping[str, Any]) -> Iterator[str]:
        older = map(_mapping, _listed(params.get("functions")))
        functions = [*_functions(_listed(params.get("tools"))), *older]
        if functions:
            yield self._tools(functions)
        asked = params.get("response_format")
        if isinstance(asked, Mapping) and asked.get("type") == _WHOLE_SCHEMA:
            if functions:
                self._shown("tools and schema")
            yield self._schema(_mapping(asked.get(_WHOLE_SCHEMA)), alone=not functions)

    def _tools(self, functions: Sequence[Mapping[str, Any]]) -> str:
        self._shown("tools")
        self.tokens += self._form.tools
        if not self._form.undescribed and not all(f.get("description") for f in functions):
            self._note("how a tool without a description is shown to this model is not known")
        if not all(f.get("name") for f in functions):
            self._note("a tool that is no function is counted by its JSON")
        found = declared_tools(functions)
        self.notes += found.notes
        return found.text

    def _schema(self, asked: Mapping[str, Any], *, alone: bool) -> str:
        self._shown("schema")
        name = str(asked.get("name", ""))
        if self._form.schema is not None and alone:
            self.tokens += self._form.schema
            self._text(name)
        found = declared_schema(name, asked.get("description"), _mapping(asked.get("schema")))
        self.notes += found.notes
        return found.text

    def _head(self, sections: Sequence[str], *, headed: bool) -> None:
        """Sections stand in the first message if that instructs, else in one of their own."""
        if headed:
            self.tokens += self._form.instructed
            if "# Response" in sections[0]:
                self._shown("headed schema")
        else:
            self.tokens += self._form.message + 1
        self._text("\n\n".join(sections))

    def _turn(self, messages: Sequence[Message], place: int, joined: str) -> int:
        """One message, or calls with their results; how many that were."""
        message = messages[place]
        calls = _listed(message.get("tool_calls"))
        if not calls:
            self._message(message, joined)
            return 1
        results = []
        for following in messages[place + 1 :]:
            if following.get("role") != "tool":
                break
            results.append(following)
        self._calls(message, calls, results)
        return 1 + len(results)

    def _message(self, message: Message, joined: str) -> None:
        role = str(message.get("role", ""))
        self.tokens += self._form.message + (1 if role in _PLAIN_ROLES else self._count(role))
        if role == "assistant":
            self.tokens += self._form.answer
        if role not in _PLAIN_ROLES:
            self._note(f"what stands around a message of the role {role!r} is not known")
        if joined or not _is_plain(message):
            self._text(self._content(message) + joined)
            self._unknown(message)
        else:
            self.tokens += self._count(message["content"])

    def _calls(self, message: Message, calls: Sequence[Any], results: Sequence[Message]) -> None:
        """Calls and what they answered. Several at once are one message, as a call of a tool that calls others."""
        self._shown("history")
        made = [_made(call) for call in calls]
        if self._content(message):
            self._note("how a text beside a call of a tool is counted is not known")
            self._text(self._content(message))
        if len(results) != len(calls) or any(name is None for name, _ in made):
            self._note(
                "calls of tools without their results, or not of functions, are counted as others are"
            )
        if len(made) == 1:
            self._call(str(made[0][0] or ""), made[0][1], results)
        else:
            self._several(made, results)
        for result in results:
            self._unknown(result, allowed="name")
        self._unknown(message)

    def _call(self, name: str, arguments: str, results: Sequence[Message]) -> None:
        self.tokens += self._form.call
        self._text(f".{name}")
        self._text(arguments)
        if arguments != _compact(arguments):
            self._note("arguments that are not compact JSON may be rewritten")
        for result in results:
            self.tokens += self._form.result
            self._text(name)
            self._text(self._content(result))

    def _several(self, made: Sequence[tuple[str | None, str]], results: Sequence[Message]) -> None:
        self._shown("parallel")
        if not all(arguments.isascii() for _, arguments in made):
            self._note("how calls made at once are shown that are not in ASCII is not known")
        self.tokens += self._form.calls
        uses = [
            {"recipient_name": f"functions.{name}", "parameters": _parsed(arguments)}
            for name, arguments in made
        ]
        self._text(_written({"tool_uses": uses}))
        if results:
            self.tokens += self._form.results
            self._text(json.dumps([self._content(result) for result in results]))

    def _choice(self, choice: Any) -> None:
        if self._form.choice is None or choice in (None, "auto", "required"):
            return
        self._shown("choice")
        name = _chosen(choice)
        if name is None:
            self.tokens += 1
            self._note(f"what the choice {choice!r} adds is not known")
        else:
            self.tokens += self._form.choice
            self._text(f".{name}")

    def _content(self, message: Message) -> str:
        content = message.get("content")
        if content is None or isinstance(content, str):
            return content or ""
        if not isinstance(content, list | tuple):
            self._note("content that is neither a text nor parts is counted by its JSON")
            return _written(content)
        return "".join(map(self._part, content))

    def _part(self, part: Any) -> str:
        if isinstance(part, str):
            return part
        if (
            isinstance(part, Mapping)
            and part.get("type") == "text"
            and isinstance(part.get("text"), str)
        ):
            text: str = part["text"]
            return text
        self._note("a part that is no text is counted by its JSON")
        return _written(part)

    def _unknown(self, message: Message, allowed: str = "") -> None:
        """Count what else a message says, and note it."""
        for key, value in message.items():
            if key in _KNOWN or key == allowed or not value:
                continue
            self._note(f"how {key!r} of a message is counted is not known")
            if key in _THOUGHT:
                continue
            self._text(value if isinstance(value, str) else _written(value))

    def _text(self, text: str) -> None:
        self.tokens += self._count(text)

    def _count(self, text: str) -> int:
        if len(text) < 2 * BLOCK:  # no long run in it: most texts
            return len(self._tokens(text))
        found = count_text(self._encoding, text)
        if not found.exact:
            self.notes += found.notes
        return int(found)

    def _shown(self, kind: str) -> None:
        self.declares = True
        if kind not in self._form.shown:
            self._note(f"no recorded usage shows how this model counts this: {kind}")

    def _note(self, note: str) -> None:
        self.notes.append(note)


def _is_plain(message: Message) -> bool:
    """Whether a role and a text is all there is of it: most messages are so."""
    return len(message) == 2 and isinstance(message.get("content"), str)  # noqa: PLR2004


def _functions(tools: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for tool in tools:
        found = tool.get("function") if isinstance(tool, Mapping) else None
        # Another kind of tool: as much text as it has.
        yield found if isinstance(found, Mapping) else {"name": "", "description": _written(tool)}


def _made(call: Any) -> tuple[str | None, str]:
    """Name and arguments of a call; no name where it is not of a function."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        return None, _written(call)
    arguments = function.get("arguments")
    return function["name"], arguments if isinstance(arguments, str) else _written(arguments)


def _chosen(choice: Any) -> str | None:
    name = _mapping(_mapping(choice).get("function") or choice).get("name")
    return name if isinstance(name, str) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _compact(arguments: str) -> str:
    return _written(_parsed(arguments))


def _written(value: Any) -> str:
    """Compact JSON; what JSON cannot say, as Python shows it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return repr(value)
