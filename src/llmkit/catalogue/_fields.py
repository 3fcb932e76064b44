"""From fields that somebody wrote of a model (ours, or LiteLLM's spellings) to a ``Patch``.

One reader for files, for registered models and for prices given with a call. What is wrong is named.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

from .. import _json
from ._capabilities import LITELLM, unknown_capability
from ._columns import PER, Columns, columns, money
from ._model import CAPABILITIES, FrozenMap, Rate, Uplift
from ._patch import Patch

__all__ = ["FIELDS", "Care", "is_price", "mark_of", "patch_of", "prices"]

Care = Literal["all", "prices", "none"]

_MODES: Final = frozenset({
    "chat", "completion", "responses", "embedding", "rerank", "image_generation", "image_edit",
    "audio_transcription", "audio_speech", "video_generation", "moderation", "realtime", "ocr",
    "search",
})  # fmt: skip
_CONDITIONS: Final = frozenset({
    "service_tier", "input_tokens_over", "ttl", "speed", "region", "from", "until", "size", "quality",
    "resolution", "steps", "utc", "weekdays", "search_context_size", "search_tool", "cache",
})  # fmt: skip
_SUPPORTS: Final = "supports_"
# Prices in a unit that the vendor itself does not bill in, beside those in USD: nothing is lost with them.
_BESIDE: Final = frozenset({"input_dbu_cost_per_token", "output_dbu_cost_per_token"})


def is_price(name: str) -> bool:
    """Whether a keyword is the price of something, as LiteLLM spells them."""
    return bool(columns({name: "1"}).rates)


def prices(fields: Mapping[str, Any], mode: str, source: str) -> tuple[Rate, ...]:
    """The rates that fields of prices alone name. Raises ValueError for what is no price."""
    found = columns(fields, mode)
    for name in found.unknown:
        raise ValueError(f"{name}: {fields[name]!r:.80} is not a price")
    return _rates(found, source, "")


def mark_of(content: bytes | Mapping[str, Any]) -> str:
    """What stands for something laid over the catalogue: the beginning of its SHA-256."""
    data = content if isinstance(content, bytes) else _json.dump(_sorted(content))
    return hashlib.sha256(data).hexdigest()[:12]


def _sorted(value: Any) -> Any:
    """The same, whatever order it was written in; numbers as they are spelled."""
    if isinstance(value, Mapping):
        return {str(key): _sorted(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [_sorted(one) for one in value]
    return repr(value) if isinstance(value, float) else str(value)


def patch_of(
    provider: str,
    name: str,
    fields: Mapping[str, Any],
    *,
    mark: str,
    origin: str,
    read: str = "",
    like: tuple[str, str] | None = None,
    care: Care = "all",
) -> Patch:
    """What the fields say of a model.

    ``origin`` and ``read`` are the source and date of what names none. ``care`` says which fields must be understood:
    ``all``; ``prices``, as LiteLLM's rows hold much that is not ours; or ``none``: a model with a price that is
    not understood then has no prices at all, as unknown is better than wrong.

    Raises:
        ValueError: a field is unknown or its value is not what it must be; the message names the field.
    """
    given = {key: value for key, value in fields.items() if value is not None}
    source, day = str(given.get("source") or origin), str(given.get("read") or read)
    perhaps = {k: v for k, v in given.items() if k not in _NO_PRICES}
    found = columns(perhaps, _mode(given, care="none"))
    if care == "all":
        _check_names(given, found)
    elif care == "prices" and found.unknown:
        raise ValueError(_unknown(found.unknown[0], ()))
    facts = dict(_facts(given, care=care))
    known = dict(_flags(given, care=care))
    rates = () if found.unknown else (*_rates(found, source, day), *_own_rates(given, source, day))
    return Patch(
        provider,
        name,
        mark,
        FrozenMap(facts),
        rates,
        tuple(_uplifts(given, found)),
        adds=frozenset(name for name, flag in known.items() if flag),
        drops=frozenset(name for name, flag in known.items() if not flag),
        like=like,
        whole=bool(given.get("whole")) or bool(found.unknown),
    )


def _flags(given: Mapping[str, Any], *, care: Care) -> Iterator[tuple[str, bool]]:
    """Single capabilities; a text such as "false" is neither yes nor no."""
    for key, value in given.items():
        name = LITELLM.get(key.removeprefix(_SUPPORTS)) if key.startswith(_SUPPORTS) else None
        if name and isinstance(value, bool):
            yield name, value
        elif care == "all" and (name or key == "whole") and not isinstance(value, bool):
            raise ValueError(f"{key}: {value!r:.80} is neither true nor false")


def _rates(found: Columns, source: str, read: str) -> tuple[Rate, ...]:
    return tuple(
        Rate(r.dimension, r.unit, r.usd, r.per, FrozenMap(r.condition), source, read)
        for r in found.rates
    )


def _uplifts(given: Mapping[str, Any], found: Columns) -> Iterator[Uplift]:
    for condition, factor in found.uplifts:
        yield Uplift(FrozenMap(condition), factor)
    for condition, factor in given.get("uplifts", ()):
        yield Uplift(FrozenMap(_condition(condition)), money(factor, "uplifts"))


def _own_rates(given: Mapping[str, Any], source: str, read: str) -> Iterator[Rate]:
    """``rates``: groups of ``{"when": condition, "usd": {key: price}}``, as vendors quote them."""
    groups = given.get("rates", ())
    if not isinstance(groups, list | tuple):
        raise ValueError(f"rates must be a list, not {type(groups).__name__}")  # noqa: TRY004
    for group in groups:
        if not isinstance(group, Mapping) or not isinstance(group.get("usd"), Mapping):
            raise ValueError('each of rates must have "usd": {dimension: price}')  # noqa: TRY004
        _check(group, _IN_GROUP, "rates")
        condition = FrozenMap(_condition(group.get("when") or {}))
        origin = (condition, str(group.get("source") or source), str(group.get("read") or read))
        for key, usd in group["usd"].items():
            _check_key(key)
            dimension, _, unit = key.partition("/")
            unit = unit or "token"
            per = PER.get(unit, 1) if group.get("per") is None else _whole(group["per"], "per")
            yield Rate(dimension, unit, _text_price(usd, key), per, *origin)


def _check_key(key: Any) -> None:
    """Raise for what is nearly a kind of rate that there is; a plugin may measure by a kind of its own."""
    near = difflib.get_close_matches(str(key), _KEYS, n=2, cutoff=0.8)
    if not isinstance(key, str) or not key.strip() or (near and key not in _KEYS):
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"usd: {key!r:.80} is no kind of rate{hint}")


_KEYS: Final = frozenset({
    "input", "output", "reasoning", "citation", "cached_read", "cached_audio_read",
    "cached_image_read", "cache_write", "cache_audio_write", "cache_image_write",
    "audio_input", "audio_output", "image_input",
    "image_output", "video_input", "video_output", "input/character", "output/character",
    "audio_input/second", "audio_output/second", "video_input/second", "video_output/second",
    "time/second", "image_input/image", "image_input/pixel", "image_output/image",
    "image_output/pixel", "image_output/step", "input/page", "output/page", "annotation/page", "search/search",
    "web_search/call", "web_search/prompt", "x_search/call", "file_search/call",
    "maps_search/call", "maps_search/prompt", "code_interpreter/call",
    "code_interpreter/session", "search_source/source", "text_message/message",
    "request/request",
})  # fmt: skip
_IN_GROUP: Final = frozenset({"when", "usd", "per", "source", "read"})


def _text_price(value: Any, name: str) -> Decimal:
    if isinstance(value, bool):
        raise ValueError(f"{name}: {value!r} is not a price")  # noqa: TRY004
    return money(value, name)


def _condition(when: Any) -> dict[str, str | int]:
    if not isinstance(when, Mapping):
        raise ValueError(f"a condition must be a mapping, not {type(when).__name__}")  # noqa: TRY004
    _check(when, _CONDITIONS, "a condition")
    return {key: _condition_value(key, value) for key, value in when.items()}


def _condition_value(key: str, value: Any) -> str | int:
    """What a condition compares with; a day or an hour that is none would never hold, and nobody be told."""
    if key == "input_tokens_over":
        return _whole(value, key)
    text = str(value)
    pattern = _SHAPES.get(key)
    if pattern and not re.fullmatch(pattern, text):
        raise ValueError(f"{key}: {value!r:.80} is not of the form {_EXAMPLES[key]}")
    return _day(text) if key in _DAYS else text


_DAYS: Final = frozenset({"from", "until"})
_HOUR: Final = r"([01]\d|2[0-3]):[0-5]\d"
_SHAPES: Final = {"utc": f"{_HOUR}-({_HOUR}|24:00)", "weekdays": "[1-7]+"}
_EXAMPLES: Final = {"utc": "16:30-00:30", "weekdays": "67"}


def _day(value: Any) -> str:
    """An ISO date."""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError(f"{value!r:.80} is no day such as 2026-11-22") from None


def _whole(value: Any, name: str) -> int:
    """A whole number above zero."""
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) == 0:
        raise ValueError(f"{name}: {value!r:.80} is not a whole number above zero")
    return int(value)


# --- facts -----------------------------------------------------------------------------------


def _facts(given: Mapping[str, Any], *, care: Care) -> Iterator[tuple[str, Any]]:
    """Fields of a ``ModelInfo``, each read by its own reader."""
    if "max_tokens" in given and "max_output_tokens" not in given and not _is_embedding(given):
        given = {**given, "max_output_tokens": given["max_tokens"]}
    for name, (field, reader) in FIELDS.items():
        if name not in given:
            continue
        try:
            yield field, reader(given[name])
        except (ValueError, TypeError, AttributeError) as error:
            if care != "none":
                raise ValueError(f"{name}: {error}") from None
    if mode := _mode(given, care=care):
        yield "mode", mode


def _is_embedding(given: Mapping[str, Any]) -> bool:
    return given.get("mode") in {"embedding", "rerank"}


def _mode(given: Mapping[str, Any], *, care: Care) -> str | None:
    mode = given.get("mode")
    if mode is None or mode in _MODES or care != "all":
        return None if mode is None else str(mode)
    near = difflib.get_close_matches(str(mode), _MODES, n=2)
    hint = f"; did you mean {' or '.join(near)}" if near else ""
    raise ValueError(f"mode: {mode!r:.80} is not one of {', '.join(sorted(_MODES))}{hint}")


def _count(value: Any) -> int:
    number = int(value)
    if isinstance(value, bool) or number != Decimal(str(value)) or number < 0:
        raise ValueError(f"{value!r:.80} is not a count of tokens")
    return number


def _words(value: Any) -> Sequence[str]:
    """Names, in a list or parted by blanks."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(v, str) for v in value):
        return tuple(value)
    raise ValueError(f"{value!r:.80} is not a list of names")


def _capabilities(value: Any) -> frozenset[str]:
    found = frozenset(_words(value))
    for name in sorted(found - CAPABILITIES):
        raise ValueError(unknown_capability(name))
    return found


def _table(value: Any) -> FrozenMap[str]:
    return FrozenMap({str(key): str(to) for key, to in value.items()})


def _tiers(value: Any) -> FrozenMap[tuple[str, ...]]:
    return FrozenMap({str(key): tuple(_words(to)) for key, to in value.items()})


# The name that it is given by: the field of ``ModelInfo``, and what reads it.
FIELDS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "aliases": ("aliases", lambda value: tuple(_words(value))),
    "max_input_tokens": ("max_input_tokens", _count),
    "max_output_tokens": ("max_output_tokens", _count),
    "input_modalities": ("input_modalities", lambda value: frozenset(_words(value))),
    "supported_modalities": ("input_modalities", lambda value: frozenset(_words(value))),
    "output_modalities": ("output_modalities", lambda value: frozenset(_words(value))),
    "supported_output_modalities": ("output_modalities", lambda value: frozenset(_words(value))),
    "capabilities": ("capabilities", _capabilities),
    "deprecated": ("deprecated", _day),
    "deprecation_date": ("deprecated", _day),
    "source": ("source", str),
    "read": ("read", str),
    "tiers": ("tiers", _tiers),
    "defaults": ("defaults", _table),
    "priced_as": ("priced_as", _table),
    "cache_write_marker": ("cache_write_marker", str),
    "vector_size": ("vector_size", _count),
    "output_vector_size": ("vector_size", _count),
}
_OTHER_FIELDS: Final = frozenset({
    "mode", "max_tokens", "rates", "uplifts", "whole", "like", "litellm_provider",
})  # fmt: skip


_NO_PRICES: Final = _BESIDE | _OTHER_FIELDS | frozenset(FIELDS)


def _check_names(given: Mapping[str, Any], found: Columns) -> None:
    """Every field is a fact, a price, or a capability."""
    flags = {f"{_SUPPORTS}{name}" for name in LITELLM}
    known = _NO_PRICES | flags
    for name in given:
        if name in found.unknown or not (name in known or _priced(name, given[name])):
            raise ValueError(_unknown(name, known))


def _priced(name: str, value: Any) -> bool:
    made = columns({name: value})
    return bool(made.rates or made.uplifts)


def _check(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{where}: {_unknown(name, known)}")


_COMMON: Final = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "input_cost_per_second",
    "output_cost_per_image",
)


def _unknown(name: str, known: Any) -> str:
    near = difflib.get_close_matches(str(name), [*known, *_COMMON], n=2, cutoff=0.75)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{name!r:.80} is not understood{hint}"
