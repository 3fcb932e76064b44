"""The most that each kind of call can use: tokens, searches, characters, pictures, seconds.

What they cost at most is worked out with the rates of ``_worst``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from .._call import Call
from .._calls import (
    EmbeddingCall,
    ImageCall,
    ModerationCall,
    RerankCall,
    SpeechCall,
    TextCall,
    TranscriptionCall,
)
from .._cost import CostLine
from ..catalogue import ModelInfo
from ..catalogue._allowances import Allowance
from ._params_bound import Wishes
from ._prompt_bound import MESSAGE_TOKENS, Gauges, Meter
from ._rates import STANDARD, Unpriceable, check_tier, tiers
from ._worst import Ceiling, Terms, Usual, Worst

__all__ = ["KINDS", "Ask", "longest", "usual_lines"]

# What is put before a text that is to be embedded or ranked: an instruction, a role.
INPUT_TOKENS: Final = 64
# Seconds are billed one by one, from ten on, or in steps of fifteen.
SECONDS_STEP: Final = 15
# A picture that is shown while it is made costs 100 tokens, at the provider that has such.
PARTIAL_TOKENS: Final = 128

_INPUT: Final = frozenset({
    "input", "input/character", "cached_read", "cached_image_read", "cached_video_read", "image_input", "video_input",
})  # fmt: skip
_INPUT_WRITTEN: Final = _INPUT | {"cache_write"}
_AUDIO_INPUT: Final = frozenset({"audio_input", "cached_audio_read"})
_OUTPUT: Final = frozenset({"output", "output/character", "reasoning"})
_AUDIO_OUTPUT: Final = frozenset({"audio_output"})
_IMAGE_OUTPUT: Final = frozenset({"image_output", "video_output"})
_REQUEST: Final = "request/request"
_FEE: Final = frozenset({_REQUEST})
_PIXELS = re.compile(r"(\d{1,5})[xX*](\d{1,5})")


@dataclass(slots=True)
class Ask:
    """One call on its way to a bound. ``sent``: bytes of its request, where that is written already."""

    call: Any
    model: ModelInfo
    allowance: Allowance
    gauges: Gauges
    meter: Meter
    wishes: Wishes
    last: str | None
    ceiling: Ceiling
    sent: int = 0

    def prompt(self) -> int:
        """The most tokens of one prompt."""
        tokens = self.meter.tokens + self.allowance.preamble
        if self.wishes.schemas:
            tokens += self.allowance.tools
        return max(tokens, self.sent - self.meter.payload)

    def terms(self, prompt: int) -> Terms:
        """What is known of the call that its rates depend on."""
        if not (self.wishes.tiers or self.wishes.facts or self.call.facts):
            return Terms(self.ceiling.tiers, (), self.last, prompt)
        billed = {tier for spelled in self.wishes.tiers for tier in _tiers(self.model, spelled)}
        billed = billed or set(tiers(self.model, None))
        said = dict(self.wishes.settled)
        # Said of the address and asked for in the request, it is not known which holds.
        apart = {
            k for k, v in self.call.facts.items() if k in self.wishes.facts and said.get(k) != v
        }
        facts = {**said, **self.call.facts, **self._faster()}
        known = tuple(
            (k, v) for k, v in sorted(facts.items()) if v.lower() != "auto" and k not in apart
        )
        return Terms(frozenset(billed), known, self.last, prompt)

    def _faster(self) -> dict[str, str]:
        """The other speed that is asked for. Raises Unpriceable where its price is not known."""
        asked = {speed.lower() for speed in self.wishes.facts.get("speed", ())} - {STANDARD}
        if not asked:
            return {}
        conditions = [rate.condition for rate in self.model.rates]
        conditions += [uplift.condition for uplift in self.model.uplifts]
        if len(asked) > 1 or not asked <= {each.get("speed") for each in conditions}:
            raise Unpriceable(f"speed={min(asked)!r:.80}: what it costs is not known")
        return {"speed": asked.pop()}

    def line(
        self, name: str, keys: frozenset[str], quantity: int | Decimal, terms: Terms
    ) -> CostLine:
        """So many units at the dearest of these rates. Raises Unpriceable where there is none."""
        return self.worst(name, keys, terms).line(name, quantity, self.model.revision)

    def worst(self, name: str, keys: frozenset[str], terms: Terms) -> Worst:
        """The dearest of these rates. Raises Unpriceable where there is none."""
        worst: Worst | None = self.ceiling.worst(keys, terms)
        if worst is None:
            raise Unpriceable(f"no {name.partition('/')[0]} rate for {self.model.name}")
        return worst

    @property
    def is_plain(self) -> bool:
        """Whether its rates depend on nothing but the model, the day and the length of the prompt."""
        wishes, meter = self.wishes, self.meter
        return not (
            wishes.tiers
            or wishes.facts
            or wishes.made
            or self.call.facts
            or meter.heard
            or meter.shown
            or meter.marked
        )

    def has(self, key: str) -> bool:
        """Whether the model has a rate of this key."""
        return key in self.ceiling.keys


def _tiers(model: ModelInfo, spelled: str) -> tuple[str, ...]:
    if spelled in model.tiers or spelled == STANDARD:
        return tiers(model, spelled)
    if spelled in _PLAIN_TIERS:
        return (STANDARD, *tiers(model, None))
    check_tier(model, spelled, [])
    return tiers(model, spelled)


# Words for what nobody asked for.
_PLAIN_TIERS: Final = frozenset({"auto", "default", "standard_only", "on_demand"})


# --- calls that are billed by tokens in and out -----------------------------------------------


def _chat(ask: Ask) -> Iterable[CostLine]:
    ask.meter.messages(ask.call.messages)
    return _conversation(ask, 1)


def _responses(ask: Ask) -> Iterator[CostLine]:
    given = ask.call.input
    if isinstance(given, str):
        ask.meter.part(given)
    else:
        ask.meter.messages(given)
    yield from _conversation(ask, 1)


def _text(ask: Ask) -> Iterator[CostLine]:
    given = ask.call.prompt
    if isinstance(given, str) or (given and all(type(item) is int for item in given)):
        given = (given,)
    for prompt in given:
        ask.meter.tokens += MESSAGE_TOKENS + _size(ask, prompt)
    yield from _conversation(ask, max(1, len(given)))


def _conversation(ask: Ask, prompts: int) -> Iterable[CostLine]:
    prompt, plain = ask.prompt(), ask.is_plain
    if plain and (usual := ask.ceiling.usual(prompt, ask.last)) is not None:
        return _plainly(ask, usual, prompt, prompts)
    n, terms = ask.wishes.n, ask.terms(prompt)
    lines = [ask.line("input", _input_keys(ask, terms), prompt * n, terms)]
    lines += _seen(ask, terms, n)
    answer = output_limit(ask) + ask.wishes.predicted
    lines.append(ask.line("output", _output_keys(ask, terms), answer * n * prompts, terms))
    lines += _fee(ask, terms, n * prompts)
    if plain:
        ask.ceiling.keep(prompt, ask.last, _usual(ask, terms))
    return lines


def _plainly(ask: Ask, usual: Usual, prompt: int, prompts: int) -> list[CostLine]:
    """The lines of a conversation that says nothing of its price, by the rates that were found for one before."""
    n = ask.wishes.n
    answer = output_limit(ask) + ask.wishes.predicted
    return usual_lines(usual, prompt * n, answer * n * prompts, n * prompts, ask.model.revision)


def usual_lines(
    usual: Usual, prompt: int, answer: int, requests: int, revision: str
) -> list[CostLine]:
    """The lines of so many tokens of prompts and of answers, and so many requests."""
    given, made, fee = usual
    lines = [given.line("input", prompt, revision), made.line("output", answer, revision)]
    return lines if fee is None else [*lines, fee.line(_REQUEST, requests, revision)]


def _usual(ask: Ask, terms: Terms) -> Usual:
    """The rates of a plain conversation, which has them."""
    return (
        ask.worst("input", _input_keys(ask, terms), terms),
        ask.worst("output", _output_keys(ask, terms), terms),
        ask.worst(_REQUEST, _FEE, terms) if _REQUEST in ask.ceiling.keys else None,
    )


def _seen(ask: Ask, terms: Terms, times: int) -> Iterable[CostLine]:
    """What is billed by the picture, and not by its tokens."""
    if ask.meter.shown and ask.has("image_input/image"):
        keys = frozenset({"image_input/image"})
        return (ask.line("image_input/image", keys, ask.meter.shown * times, terms),)
    return ()


def _input_keys(ask: Ask, terms: Terms) -> frozenset[str]:
    keys = _INPUT
    if ask.model.cache_write_marker is None or ask.meter.marked:
        keys = _INPUT_WRITTEN
    if ask.meter.heard:
        if ask.has("audio_input/second") and not isinstance(ask.call, TranscriptionCall):
            raise Unpriceable("how long the sound lasts is not known")
        ask.ceiling.needed("audio_input", terms)
        keys |= _AUDIO_INPUT
    ask.ceiling.needed("input/character" if _spelled(ask, "input") else "input", terms)
    return keys


def _output_keys(ask: Ask, terms: Terms) -> frozenset[str]:
    keys, made = _OUTPUT, ask.wishes.made
    writes = "text" in ask.model.output_modalities or not ask.model.output_modalities
    if "audio" in made or not writes:
        if "audio" in made:
            ask.ceiling.needed("audio_output", terms)
        keys |= _AUDIO_OUTPUT
    draws = _draws(ask)
    if draws:
        if ask.has("image_output/image"):
            raise Unpriceable(f"how many pictures {ask.model.name} makes is not known")
        keys |= _IMAGE_OUTPUT
    if writes and not draws:
        ask.ceiling.needed("output/character" if _spelled(ask, "output") else "output", terms)
    return keys


def _spelled(ask: Ask, name: str) -> bool:
    """Whether its text is billed by characters."""
    return name not in ask.ceiling.keys and f"{name}/character" in ask.ceiling.keys


def _draws(ask: Ask) -> bool:
    return "image" in ask.model.output_modalities or not ask.wishes.made.isdisjoint(
        {"image", "video"}
    )


def output_limit(ask: Ask) -> int:
    """The most tokens that one answer can be billed for."""
    wishes = ask.wishes
    given = max(wishes.limits) if wishes.limits else 0
    holds = bool(wishes.limits) and not wishes.open
    return longest(ask.model, ask.allowance, given, wishes.budgets, holds=holds, draws=_draws(ask))


def longest(
    model: ModelInfo,
    allowed: Allowance,
    given: int,
    budgets: Sequence[int] = (),
    *,
    holds: bool,
    draws: bool,
) -> int:
    """The same by itself.

    ``given``: the limit that was said; ``holds``: whether it does; ``draws``: whether pictures may be made.
    """
    most = model.max_output_tokens
    if not holds:
        given = max(given, _known(most, f"no max_tokens, and the output limit of {model.name}"))
    limit = max(given, allowed.least) + allowed.slack
    # Thinking that may be longer than the answer is not within it.
    if budgets:
        limit += sum(budget for budget in budgets if budget >= given)
    # Nothing is longer than what the model can hold; a limit of the answer is not one of the thinking.
    room = max(most or 0, model.max_input_tokens or 0) or None
    most = room if most is None else most
    # The catalogue may not know that a model thinks.
    if allowed.beyond in ("unproven", "reasoning"):
        limit += _known(room, "thinking is billed above the limit, and the model's own")
    if allowed.beyond == "answer" or draws:
        limit = max(limit, _known(most, "the limit may not be kept, and the model's own"))
    return limit


def _known(most: int | None, what: str) -> int:
    if most is None:
        raise Unpriceable(f"{what} is not known")
    return most


def _fee(ask: Ask, terms: Terms, requests: int) -> Iterable[CostLine]:
    if _REQUEST in ask.ceiling.keys:
        return (ask.line(_REQUEST, _FEE, requests, terms),)
    return ()


# --- texts to be compared ---------------------------------------------------------------------


def _size(ask: Ask, item: object) -> int:
    """The most tokens of a text, or of a list of token ids."""
    if isinstance(item, str):
        return ask.meter.text(item)
    if isinstance(item, list | tuple) and all(type(token) is int for token in item):
        return len(item)
    raise Unpriceable("an input is neither text nor a list of token ids")


def _inputs(ask: Ask) -> Iterator[CostLine]:
    for item in ask.call.inputs:
        ask.meter.tokens += INPUT_TOKENS
        if isinstance(item, Mapping):
            _piece(ask, item)
        else:
            ask.meter.tokens += _size(ask, item)
    prompt = ask.prompt()
    terms = ask.terms(prompt)
    yield ask.line("input", _input_keys(ask, terms), prompt, terms)
    yield from _seen(ask, terms, 1)
    yield from _fee(ask, terms, max(1, len(ask.call.inputs)))


def _piece(ask: Ask, item: Mapping[str, Any]) -> None:
    if "content" in item and "type" not in item:
        ask.meter.content(item["content"])
    else:
        ask.meter.part(item)


def _rerank(ask: Ask) -> Iterator[CostLine]:
    query = _size(ask, ask.call.query)
    sizes = [_document(ask, document) for document in ask.call.documents]
    prompt = sum(sizes) + len(sizes) * (query + INPUT_TOKENS) + ask.prompt()
    terms = ask.terms(prompt)
    if ask.has("search/search"):
        yield ask.line(
            "search/search", frozenset({"search/search"}), _searches(ask, query, sizes), terms
        )
    else:
        yield ask.line("input", _input_keys(ask, terms), prompt, terms)
    yield from _fee(ask, terms, 1)


def _document(ask: Ask, document: object) -> int:
    if isinstance(document, str):
        return ask.meter.text(document)
    return ask.meter.data(document, "a document")


def _searches(ask: Ask, query: int, sizes: list[int]) -> int:
    """One for so many documents; a long one, together with the query, counts as several."""
    many, chunk = ask.allowance.documents, ask.allowance.chunk
    if many is None or chunk is None:
        raise Unpriceable("how many documents are one search is not known")
    room = max(1, chunk - query)
    return max(1, -(-sum(max(1, -(-size // room)) for size in sizes) // many))


# --- sound and pictures -----------------------------------------------------------------------


def _heard(ask: Ask) -> Iterator[CostLine]:
    if isinstance(ask.call.params.get("prompt"), str):
        ask.meter.content(ask.call.params["prompt"])
    by_second = ask.has("audio_input/second") or ask.has("input/second")
    seconds = tuple(_seconds(ask)) if by_second else ()
    if by_second and not ask.has("audio_input"):
        # Its text may be billed by tokens beside the sound.
        yield from (*seconds, *(_conversation(ask, 1) if ask.has("output") else ()))
        return
    # What a model cannot take in, it cannot bill.
    ask.meter.tokens += _known(ask.model.max_input_tokens, "how many tokens the sound has")
    ask.meter.heard = True
    tokens = tuple(_conversation(ask, 1))
    # Listed both ways, it is billed one of them.
    yield from max(seconds, tokens, key=lambda lines: sum(line.amount for line in lines))


def _seconds(ask: Ask) -> Iterator[CostLine]:
    seconds, heard = ask.gauges.seconds(ask.call.file), ask.allowance.seconds
    seconds = heard if seconds is None else seconds if heard is None else min(seconds, heard)
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        raise Unpriceable("how long the sound lasts is not known, as it is of WAV, FLAC or Ogg")
    billed = max(1, math.ceil(seconds / SECONDS_STEP)) * SECONDS_STEP
    terms = ask.terms(0)
    keys = frozenset({"audio_input/second", "input/second"})
    yield ask.line("audio_input/second", keys, billed, terms)
    yield from _fee(ask, terms, 1)


def _spoken(ask: Ask) -> Iterator[CostLine]:
    ask.meter.content(ask.call.text)
    if ask.has("input/character"):
        terms = ask.terms(0)
        # Bytes: some count a character of several as two.
        yield ask.line("input/character", frozenset({"input/character"}), ask.meter.tokens, terms)
        yield from _fee(ask, terms, 1)
        return
    if ask.has("audio_output/second"):
        raise Unpriceable("how long the speech lasts is not known")
    ask.wishes.made.add("audio")
    yield from _conversation(ask, 1)


def _pictures(ask: Ask) -> Iterator[CostLine]:
    call: ImageCall = ask.call
    ask.meter.content(call.prompt)
    n, prompt = ask.wishes.n, ask.prompt()
    terms = ask.terms(prompt)
    yield from _made(ask, n, terms)
    given = len(call.images) + (call.mask is not None)
    if given and ask.has("image_input/image"):
        yield ask.line("image_input/image", frozenset({"image_input/image"}), given * n, terms)
    elif given and (ask.has("image_input") or ask.has("input")):
        raise Unpriceable("how many tokens the given pictures have is not known")
    if ask.has("input"):
        yield ask.line("input", _input_keys(ask, terms), prompt * n, terms)
    yield from _fee(ask, terms, n)


def _made(ask: Ask, n: int, terms: Terms) -> Iterator[CostLine]:
    """What is made: by the picture, by the pixel, or by tokens."""
    one = frozenset({"image_output/image"})
    if ask.has("image_output/image"):
        _settled(ask, terms)
        yield ask.line("image_output/image", one, n, terms)
    elif ask.has("image_output/pixel"):
        size = _PIXELS.fullmatch(dict(terms.facts).get("size", ""))
        if size is None:
            raise Unpriceable("the size of the picture is not known")
        pixels = int(size[1]) * int(size[2]) * n
        yield ask.line("image_output/pixel", frozenset({"image_output/pixel"}), pixels, terms)
    else:
        most = ask.allowance.picture or ask.model.max_output_tokens
        tokens = _known(most, "how many tokens a picture has")
        partial = ask.call.params.get("partial_images") or 0
        if type(partial) is not int or partial < 0:
            raise Unpriceable(f"partial_images={partial!r:.80} is not a count")
        quantity = (tokens + partial * PARTIAL_TOKENS) * n
        yield ask.line("image_output", _OUTPUT | _IMAGE_OUTPUT, quantity, terms)


def _settled(ask: Ask, terms: Terms) -> None:
    """Raises where more was asked for than the listed price may be of."""
    conditions = {key for rate in ask.model.rates for key in rate.condition}
    for key, value in terms.facts:
        if key in ("quality", "resolution") and key not in conditions and value not in _USUAL:
            raise Unpriceable(f"what {key} {value!r:.80} costs is not known")


_USUAL: Final = frozenset({"standard", "medium", "low", "1k"})


KINDS: Final[Mapping[type[Call], Callable[[Ask], Iterable[CostLine]]]] = {
    TextCall: _text,
    EmbeddingCall: _inputs,
    ModerationCall: _inputs,
    RerankCall: _rerank,
    TranscriptionCall: _heard,
    SpeechCall: _spoken,
    ImageCall: _pictures,
}
CHAT: Final = _chat
RESPONSES: Final = _responses
