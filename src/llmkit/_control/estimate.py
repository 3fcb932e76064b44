"""What a call used, guessed from its texts: for answers that broke off before they said. Always flagged.

Nothing is tokenised here: it happens while a caller waits, or at the collector's hands. The weights of words and
the sizes of attachments are the catalogue's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import tokens
from .._call import Call, ChatCall
from ..catalogue import Catalogue, default
from ..types.answer import Answer
from ..types.usage import Usage

__all__ = ["estimated", "prompted"]

# What calls are about, and what goes along with it.
_SUBJECTS = ("messages", "input", "prompt")
_BESIDE = ("system", "instructions")
_SCHEMAS = ("tools", "functions", "response_format")
# What stands beside the texts of a block: names of kinds, references, seals, and data of pictures and sounds.
_UNREAD = frozenset({
    "type", "id", "call_id", "tool_use_id", "status", "index", "signature", "encrypted_content", "data", "file_data",
    "image_url", "url", "media_type",
})  # fmt: skip


def estimated(answer: Answer, call: Call | None) -> Usage | None:
    """Tokens of an answer that does not tell all of them; ``None`` for one that is no text, or goes on elsewhere."""
    wrote = answer.wrote()
    if wrote is None or (call is not None and call.params.get("background")):
        return None
    rule = _rule(call)
    # Some providers tell at the start of a stream what the prompt used: then only the rest is a guess.
    told = answer.counted() or Usage()
    prompt = told.prompt_tokens
    if prompt is None:
        prompt = 0 if call is None else _asked(call, rule)
    # A count that ran along counts what cannot be seen, too.
    completion = max(told.completion_tokens or 0, _counted(wrote, rule))
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    return told.model_copy(update={**counts, "total_tokens": prompt + completion})


def prompted(call: Call) -> Usage | None:
    """Tokens of a request that has no answer: its prompt's. ``None`` where that is no text, or nobody can tell."""
    if call.concerns is not None or call.params.get("background"):
        return None
    prompt = _asked(call, _rule(call))
    counts = {"prompt_tokens": prompt, "completion_tokens": 0, "total_tokens": prompt}
    return Usage.model_validate(counts) if prompt else None


def _rule(call: Call | None) -> Mapping[str, Any]:
    """How the model's tokens are estimated; what would load an encoding is left out."""
    if call is None:
        return {}
    known: Catalogue = default() if call.catalogue is None else call.catalogue
    rule = known.counting(call.provider, call.priced_as or call.model)
    return {name: value for name, value in rule.items() if name != "encoding"}


def _asked(call: Call, rule: Mapping[str, Any]) -> int:
    """What a call is about, as far as it is text, or an attachment whose size is told."""
    if isinstance(call, ChatCall):
        schemas = {name: call.params[name] for name in _SCHEMAS if call.params.get(name)}
        return int(tokens.count(rule, messages=[*map(_plain, call.messages)], **schemas))
    about = [getattr(call, name, None) for name in _SUBJECTS]
    return _counted([*about, *(call.params.get(name) for name in _BESIDE)], rule)


def _counted(value: Any, rule: Mapping[str, Any]) -> int:
    return int(tokens.count(rule, text=list(_texts(value))))


def _texts(value: Any) -> Iterator[str]:
    value = _plain(value)
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _UNREAD:
                yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value
