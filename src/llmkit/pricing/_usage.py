"""A usage object as quantities of dimensions, no token twice.

Reads counts in OpenAI's names, of objects and of mappings, and what else a usage tells. Rates are looked at only for
whether a kind of token has one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ..catalogue import FrozenMap
from ._rates import Call, Unpriceable

__all__ = [
    "NONE",
    "calls",
    "completion_of",
    "count",
    "field",
    "plain",
    "prompt_of",
    "tokens",
    "tokens_of",
    "told",
]

NONE: Final[Mapping[str, str]] = FrozenMap()

_INPUT: Final = (
    ("audio", "audio_tokens", "audio_input", "cached_audio_read"),
    ("image", "image_tokens", "image_input", "cached_image_read"),
    ("video", "video_tokens", "video_input", "cached_video_read"),
)
_OUTPUT: Final = (
    ("reasoning", "reasoning_tokens"),
    ("audio_output", "audio_tokens"),
    ("image_output", "image_tokens"),
    ("video_output", "video_tokens"),
)
# What a usage says that rates can depend on.
_FACTS: Final = (
    ("speed", "speed"),
    ("inference_geo", "region"),
    ("search_context_size", "search_context_size"),
)
# Calls of a provider's own tools by where they are counted.
_TOOLS: Final = (
    ("web_search_calls", "web_search/call"),
    ("x_search_calls", "x_search/call"),
    ("file_search_calls", "file_search/call"),
    ("document_search_calls", "document_search/call"),
    ("code_interpreter_calls", "code_interpreter/call"),
)

Quantity = tuple[str, int, Mapping[str, str]]


def told(usage: object) -> dict[str, str]:
    """What else the usage says that rates can depend on."""
    found = {}
    for theirs, name in _FACTS:
        if isinstance(value := field(usage, theirs), str):
            found[name] = value
    return found


def prompt_of(usage: object) -> int | None:
    return count(usage, "prompt_tokens")


def completion_of(usage: object) -> int | None:
    """Tokens of the answer, reasoning included; where the total shows that it is not, it is added."""
    completion = count(usage, "completion_tokens")
    reasoning = count(field(usage, "completion_tokens_details"), "reasoning_tokens") or 0
    prompt, total = prompt_of(usage), count(usage, "total_tokens")
    if completion is None or prompt is None or total != prompt + completion + reasoning:
        return completion
    return completion + reasoning


def tokens_of(usage: object, dimension: str) -> int:
    """How many tokens of a kind of input or output were counted by themselves."""
    kind, _, side = dimension.partition("_")
    details = "prompt_tokens_details" if side == "input" else "completion_tokens_details"
    return count(field(usage, details), f"{kind}_tokens") or 0


def tokens(
    call: Call, usage: object, sides: frozenset[str], instead: frozenset[str]
) -> Iterator[Quantity]:
    """The tokens of the sides, each once, by dimension; not those ``instead`` of which something else is billed."""
    if "input" in sides:
        writes = _cache_writes(call, usage)
        for dimension, quantity in _input(call, usage, sum(writes.values())):
            if dimension not in instead:
                yield dimension, quantity, NONE
        for ttl, quantity in writes.items():
            yield "cache_write", quantity, {"ttl": ttl} if ttl else NONE
    if "output" in sides:
        for dimension, quantity in _output(call, usage):
            if dimension not in instead:
                yield dimension, quantity, NONE


def calls(call: Call, usage: object) -> Iterator[Quantity]:
    """What is billed by the call: the request itself, searches, tools."""
    if call.has("request/request"):
        yield "request/request", 1, NONE
    own, counted = _own_tools(usage), field(usage, "server_tool_use")
    searches = None if counted is None else count(counted, "web_search_requests")
    if searches is None and "web_search/call" not in own and "search_context_size" in call.facts:
        searches = 1 if call.has("web_search/call") else 0
    searches = max(searches or 0, own.pop("web_search/call", 0))
    if call.has("web_search/prompt"):
        # However often it searched for it.
        yield "web_search/prompt", min(searches, 1), NONE
    # A model that charges a search with every request has it in that fee.
    elif call.has("web_search/call") or not call.has("request/request"):
        yield "web_search/call", searches, NONE
    for key, quantity in own.items():
        yield key, quantity, NONE


def _own_tools(usage: object) -> dict[str, int]:
    """Calls of the provider's tools, as xAI counts them; sources of its older search are billed one by one."""
    details = field(usage, "server_side_tool_usage_details")
    others = field(usage, "server_tool_use_details")
    found = {} if details is None else {key: count(details, name) or 0 for name, key in _TOOLS}
    if sources := count(usage, "num_sources_used"):
        found["search_source/source"] = sources
    # Which tools they were is told for searches only.
    if others is not None and count(others, "web_search_requests") is None:
        found["server_tool/call"] = count(others, "tool_calls_executed") or 0
    return found


def _cache_writes(call: Call, usage: object) -> dict[str, int]:
    """Tokens written to the cache by TTL; under ``""`` those whose TTL is not told."""
    split = field(usage, "cache_creation")
    inner = count(field(usage, "prompt_tokens_details"), "cache_write_tokens") or 0
    outer = count(usage, "cache_creation_input_tokens") or 0
    if split is None:
        return {"": max(inner, outer)} if inner or outer else {}
    found = {ttl: count(split, f"ephemeral_{ttl}_input_tokens") or 0 for ttl in call.sheet.ttls}
    written = sum(found.values())
    return {**found, "": max(inner, outer, written) - written}


def _cache_reads(call: Call, usage: object) -> int:
    inner = count(field(usage, "prompt_tokens_details"), "cached_tokens")
    outer = count(usage, "cache_read_input_tokens")
    known = [number for number in (inner, outer) if number is not None]
    if inner is not None and outer is not None and inner != outer:
        call.notes.append("two counts of cached tokens differ, the smaller was priced")
    return min(known, default=0)


def _input(call: Call, usage: object, written: int) -> Iterator[tuple[str, int]]:
    cached = _cache_reads(call, usage)
    fresh = call.prompt - cached - written
    if fresh < 0:
        fresh = call.prompt
        call.notes.append("cached tokens exceed the prompt, which was priced in full beside them")
    details = field(usage, "prompt_tokens_details")
    for kind, name, dimension, again in _INPUT if details else ():
        number = count(details, name)
        if number and _apart(call, dimension):
            reread = _reread(call, details, (kind, name), number, fresh, cached)
            own = number - reread
            fresh -= min(own, fresh)
            cached -= reread
            yield again, reread
            yield dimension, own
    yield "input", fresh
    yield "cached_read", cached
    if call.has("citation"):
        yield "citation", count(usage, "citation_tokens") or 0


def _reread(
    call: Call, details: object, names: tuple[str, str], number: int, fresh: int, cached: int
) -> int:
    """How many tokens of a kind came from the cache.

    Where the usage does not say, none as far as the fresh ones can hold it all: that is the dearest reading.
    """
    kind, name = names
    known = count(field(details, "cached_tokens_details"), name)
    if known is not None and known <= min(number, cached):
        return known
    if cached:
        call.notes.append(
            f"which cached tokens were {kind} is not told, as few as possible assumed"
        )
    beyond = number - min(number, fresh)
    if beyond > cached:
        call.notes.append(f"{kind} tokens exceed the prompt")
    return min(beyond, cached)


def _output(call: Call, usage: object) -> Iterator[tuple[str, int]]:
    details = field(usage, "completion_tokens_details")
    parts = {name: count(details, theirs) or 0 for name, theirs in _OUTPUT} if details else {}
    rest = call.completion - sum(parts.values())
    if rest < 0:
        rest = call.completion
        call.notes.append("details exceed the completion, which was priced in full beside them")
    for dimension, number in parts.items():
        if number and _apart(call, dimension):
            yield dimension, number
        else:
            rest += number
    yield "output", rest


def _apart(call: Call, dimension: str) -> bool:
    """Whether such tokens get a line of their own: a rate of their own, or none at all."""
    return call.has(dimension) or dimension not in call.model.priced_as


def plain(source: object, depth: int) -> object:
    """A response model as the mapping that it stands for: looking one up for what it lacks is slow."""
    fields = getattr(source, "__dict__", None) if hasattr(source, "__pydantic_extra__") else None
    if fields is None or not depth:
        return source
    named = {**fields, **(getattr(source, "__pydantic_extra__", None) or {})}
    return {
        name: value if type(value) is int else plain(value, depth - 1)
        for name, value in named.items()
        if value is not None
    }


def field(source: object, name: str) -> object:
    """An attribute or a key; ``None`` where there is none."""
    if source is None:
        return None
    if type(source) is dict or isinstance(source, Mapping):
        return source.get(name)
    return getattr(source, name, None)


def count(source: object, name: str) -> int | None:
    """A count; ``None`` where there is none. Raises Unpriceable for what is there and no count."""
    value = source.get(name) if type(source) is dict else field(source, name)
    if value is None or (type(value) is int and value >= 0):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unpriceable(f"the usage has {name}={value!r}")
    return value
