"""A usage object as quantities of dimensions, no token twice.

Reads counts in OpenAI's names, of objects and of mappings, and what else a usage tells. Rates are looked at only for
whether a kind of token has one of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from .._cost import Measure
from ._rates import Call, Unpriceable

__all__ = [
    "BY_NONE",
    "BY_TOKENS",
    "FACTS",
    "NONE",
    "RARE",
    "Billed",
    "Counts",
    "calls",
    "completion_of",
    "count",
    "field",
    "plain",
    "tokens",
    "tokens_of",
    "told",
]

NONE: Final[Mapping[str, str]] = MappingProxyType({})

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
    ("web_search_tool", "search_tool"),
)
# Calls of a provider's own tools by where they are counted.
_TOOLS: Final = (
    ("web_search_calls", "web_search/call"),
    ("x_search_calls", "x_search/call"),
    ("file_search_calls", "file_search/call"),
    ("document_search_calls", "document_search/call"),
    ("code_interpreter_calls", "code_interpreter/call"),
)

FACTS: Final = frozenset(theirs for theirs, _ in _FACTS)
"""Their names in a usage."""

Quantity = tuple[str, int, Mapping[str, str]]
Counts = Mapping[str, object]
"""A usage's own fields; what is in them may still be objects."""


class Billed(NamedTuple):
    """``sides`` of the call that are billed by its tokens, but for the dimensions ``instead`` of which measures are."""

    sides: frozenset[str]
    measures: Sequence[Measure] = ()
    instead: frozenset[str] = frozenset()


BY_TOKENS: Final = Billed(frozenset({"input", "output"}))
BY_NONE: Final = Billed(frozenset())


def told(usage: Counts) -> dict[str, str]:
    """What else the usage says that rates can depend on."""
    seen = [(name, usage.get(theirs)) for theirs, name in _FACTS]
    return {key: value for key, value in seen if isinstance(value, str)}


def completion_of(usage: Counts, prompt: int | None) -> int | None:
    """Tokens of the answer, reasoning included; where the total shows that it is not, it is added."""
    completion = count(usage, "completion_tokens")
    details = usage.get("completion_tokens_details")
    if details is None or completion is None or prompt is None:
        return completion
    reasoning = count(details, "reasoning_tokens") or 0
    if count(usage, "total_tokens") != prompt + completion + reasoning:
        return completion
    return completion + reasoning


def tokens_of(usage: Counts, dimension: str) -> int:
    """How many tokens of a kind of input or output were counted by themselves."""
    kind, _, side = dimension.partition("_")
    details = "prompt_tokens_details" if side == "input" else "completion_tokens_details"
    return count(usage.get(details), f"{kind}_tokens") or 0


def tokens(
    call: Call, usage: Counts, sides: frozenset[str], instead: frozenset[str]
) -> list[Quantity]:
    """The tokens of the sides, each once, by dimension; not those ``instead`` of which something else is billed."""
    found: list[Quantity] = []
    if "input" in sides:
        writes = _cache_writes(call, usage)
        _input(call, usage, sum(writes.values()), found)
        found += [("cache_write", n, {"ttl": ttl} if ttl else NONE) for ttl, n in writes.items()]
    if "output" in sides:
        _output(call, usage, found)
    return [one for one in found if one[0] not in instead] if instead else found


def calls(call: Call, usage: Counts) -> list[Quantity]:
    """What is billed by the call: the request itself, searches, tools."""
    found: list[Quantity] = []
    if call.has("request/request"):
        found.append(("request/request", 1, NONE))
    own, counted = _own_tools(usage), usage.get("server_tool_use")
    searches = None if counted is None else count(counted, "web_search_requests")
    if searches is None and "web_search/call" not in own and "search_context_size" in call.facts:
        searches = 1 if call.has("web_search/call") else 0
    searches = max(searches or 0, own.pop("web_search/call", 0))
    if searches and call.has("web_search/prompt"):
        # However often it searched for it.
        found.append(("web_search/prompt", 1, NONE))
    # A model that charges a search with every request has it in that fee.
    elif searches and (call.has("web_search/call") or not call.has("request/request")):
        found.append(("web_search/call", searches, NONE))
    return found + [(key, quantity, NONE) for key, quantity in own.items()] if own else found


def _own_tools(usage: Counts) -> dict[str, int]:
    """Calls of the provider's tools, as xAI counts them; sources of its older search are billed one by one."""
    details, others = (
        usage.get("server_side_tool_usage_details"),
        usage.get("server_tool_use_details"),
    )
    found = {} if details is None else {key: count(details, name) or 0 for name, key in _TOOLS}
    if usage.get("num_sources_used"):
        found["search_source/source"] = count(usage, "num_sources_used") or 0
    # Which tools they were is told for searches only.
    if others is not None and count(others, "web_search_requests") is None:
        found["server_tool/call"] = count(others, "tool_calls_executed") or 0
    return found


def _cache_writes(call: Call, usage: Counts) -> dict[str, int]:
    """Tokens written to the cache by TTL; under ``""`` those whose TTL is not told."""
    split, details = usage.get("cache_creation"), usage.get("prompt_tokens_details")
    inner = 0 if details is None else count(details, "cache_write_tokens") or 0
    outer = count(usage, "cache_creation_input_tokens") or 0
    if split is None:
        return {"": max(inner, outer)} if inner or outer else {}
    found = {ttl: count(split, f"ephemeral_{ttl}_input_tokens") or 0 for ttl in call.sheet.ttls}
    written = sum(found.values())
    return {**found, "": max(inner, outer, written) - written}


def _cache_reads(call: Call, usage: Counts) -> int:
    details = usage.get("prompt_tokens_details")
    inner = None if details is None else count(details, "cached_tokens")
    outer = count(usage, "cache_read_input_tokens")
    if inner is None or outer is None:
        return inner or outer or 0
    if inner != outer:
        call.notes.append("two counts of cached tokens differ, the smaller was priced")
    return min(inner, outer)


def _input(call: Call, usage: Counts, written: int, found: list[Quantity]) -> None:
    cached = _cache_reads(call, usage)
    fresh = call.prompt - cached - written
    if fresh < 0:
        fresh = call.prompt
        call.notes.append("cached tokens exceed the prompt, which was priced in full beside them")
    details = usage.get("prompt_tokens_details")
    for kind, name, dimension, again in () if details is None else _INPUT:
        number = count(details, name)
        if number and _apart(call, dimension):
            reread = _reread(call, details, (kind, name), number, fresh, cached)
            own = number - reread
            fresh -= min(own, fresh)
            cached -= reread
            found += [(again, reread, NONE), (dimension, own, NONE)]
    found += [("input", fresh, NONE), ("cached_read", cached, NONE)]
    if call.has("citation"):
        found.append(("citation", count(usage, "citation_tokens") or 0, NONE))


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


def _output(call: Call, usage: Counts, found: list[Quantity]) -> None:
    details, rest = usage.get("completion_tokens_details"), call.completion
    numbers = [] if details is None else [(name, count(details, key) or 0) for name, key in _OUTPUT]
    parts = [(name, number) for name, number in numbers if number]
    if parts and sum(number for _, number in parts) > rest:
        rest += sum(number for _, number in parts)
        call.notes.append("details exceed the completion, which was priced in full beside them")
    for dimension, number in parts:
        if _apart(call, dimension):
            found.append((dimension, number, NONE))
            rest -= number
    found.append(("output", rest, NONE))


def _apart(call: Call, dimension: str) -> bool:
    """Whether such tokens get a line of their own: a rate of their own, or none at all."""
    return call.has(dimension) or dimension not in call.model.priced_as


_FIELDS: Final = (
    "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details",
    "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation", "server_tool_use", "beside",
    "speed", "inference_geo", "search_context_size", "num_sources_used", "citation_tokens", "billed_model", "model",
    "server_side_tool_usage_details", "server_tool_use_details", "web_search_tool",
)  # fmt: skip
RARE: Final = frozenset(_FIELDS) - FACTS
"""What is read, and is rare among what llmkit's own usage has no field for."""


def plain(source: object) -> Counts:
    """A usage as a mapping of its own fields: looking a response model up for what it lacks is slow."""
    try:
        more = source.__pydantic_extra__  # type: ignore[attr-defined]
    except AttributeError:
        if isinstance(source, Mapping):
            return source
        return {name: getattr(source, name, None) for name in _FIELDS}
    fields = {**source.__dict__, **more} if more else source.__dict__
    return {
        name: value if type(value) is int else _inner(value)
        for name, value in fields.items()
        if value is not None
    }


def _inner(value: object) -> object:
    """The same, of what a usage has in a field."""
    if not hasattr(value, "__pydantic_extra__"):
        return value
    more = value.__pydantic_extra__
    return {**value.__dict__, **more} if more else value.__dict__


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
