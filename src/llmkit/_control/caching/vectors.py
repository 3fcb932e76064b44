"""Embeddings kept one by one: what is kept of each input, and a wire that asks only for what is not known. Pure.

An entry has one vector as it came, and what is needed to make an answer of several: whose vector it is, what it used
of the tokens that its answer did, and what else that answer said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ..._call import Call
from ..._calls import EmbeddingCall
from ..._json import dump, load
from ...errors import APIResponseValidationError
from ...types._model import lenient
from ...types.embedding import Embedding, EmbeddingResponse
from ...wires._batches import joined
from .entry import DamagedEntry, Entry, Exchange

__all__ = ["Each", "Vector", "apart", "composed", "read", "written"]

_TOGETHER: Final = frozenset({"late_chunking"})
"""Parameters that make all inputs one text: a vector is then not its own input's alone."""
_OWN: Final = frozenset({"data", "model", "object", "usage"})
_BESIDE: Final = 2000
"""Bytes: what an answer says beside its vectors is kept with each of them, unless it is longer."""


class Vector(NamedTuple):
    """What is kept of one input."""

    item: Mapping[str, Any]
    """As the answer had it, without its place."""
    code: str
    """What base64 holds, as ``struct`` has it."""
    tokens: int | None
    """What it used: what the provider said, or its share of that by its length."""
    model: str
    """The model that made it, as the provider names it: another one's vectors cannot stand beside it."""
    answer: str
    """The id of the call in which it came."""
    many: int
    """So many were asked for there."""
    usage: Any
    """What they all used."""
    beside: Mapping[str, Any]
    made: float = 0.0


def apart(call: Call) -> bool:
    """Whether each of a call's inputs has a vector of its own, whatever stands beside it: a text, or token ids."""
    if not isinstance(call, EmbeddingCall):
        return False
    if any(call.params.get(name) or call.extra_body.get(name) for name in _TOGETHER):
        return False
    return all(_is_text(item) or _is_ids(item) for item in call.inputs)


def _is_text(item: Any) -> bool:
    # A picture may be asked for otherwise where it stands beside texts.
    return isinstance(item, str) and not item.startswith("data:")


def _is_ids(item: Any) -> bool:
    return isinstance(item, list | tuple) and all(type(one) is int for one in item)


class Each:
    """A wire of embeddings that asks for those inputs that are not known, and answers for all.

    Args:
        wire: the one that asks.
        call: with all inputs.
        keys: of each input, in their order; ``None``: they are not known yet, and all are asked for.
        known: vectors by their keys.
        bounded: whether something is held for what is asked for, and no more may be asked.
    """

    def __init__(
        self,
        wire: Any,
        call: EmbeddingCall,
        keys: Sequence[str] | None,
        known: Mapping[str, Vector],
        *,
        bounded: bool = False,
    ) -> None:
        self._wire, self.call, self.keys, self.known = wire, call, keys, known
        self.places = _unknown(call, keys, known)
        """Of the inputs that are asked for."""
        self.came: EmbeddingResponse | None = None
        """What came for them, once it has; ``None`` where it was not a vector for each."""
        self._used, self._bounded = known, bounded
        every = len(self.places) == len(call.inputs)
        self.asked = call if every else self._part(self.places)
        """The call for what is not known; the same one where that is all."""
        self.outdated = False
        """Whether what is known turned out to be another model's, and there was no leave to ask for it anew."""
        if getattr(wire, "steps", None) is not None:
            self.steps = self._steps

    def __getattr__(self, name: str) -> Any:
        # What else a wire has.
        return getattr(self._wire, name)

    def parse(self, call: Call, response: Any) -> Any:
        """Read an answer, and put to it what was known."""
        return self._whole(self._wire.parse(call, response))

    def _part(self, places: Sequence[int]) -> EmbeddingCall:
        return replace(self.call, inputs=tuple([self.call.inputs[place] for place in places]))

    def _steps(self, call: EmbeddingCall, to: Any) -> Any:
        # It may be asked again, after a failure.
        self.places, self._used, self.outdated = (
            _unknown(self.call, self.keys, self.known),
            self.known,
            False,
        )
        answer = yield from self._wire.steps(call, to)
        if any(vector.model != answer.model for vector in self.known.values()):
            # The provider serves another model by this name since: vectors of two are not to be compared.
            answer = yield from self._anew(answer, to)
        return self._whole(answer)

    def _anew(self, answer: EmbeddingResponse, to: Any) -> Any:
        """Ask for what was known, too. Raises APIResponseValidationError where that is not held for."""
        if self._bounded:
            self.outdated, self.came = True, answer
            raise self._error(
                f"the provider answers as {answer.model!r} now, and the vectors in the cache are another model's: "
                "ask again, and all are asked for (no more was held for than for the others)"
            )
        self._used, before = {}, self.places
        rest = [place for place in _unknown(self.call, self.keys, {}) if place not in set(before)]
        more = yield from self._wire.steps(self._part(rest), to)
        self.places = [*before, *rest]
        return joined((answer, more), (len(before), len(rest)))

    def _error(self, text: str) -> APIResponseValidationError:
        call = self.call
        return APIResponseValidationError(
            text, provider=call.provider, model=call.model, sent="yes"
        )

    def _whole(self, answer: EmbeddingResponse) -> EmbeddingResponse:
        alone = len(self.places) == len(self.call.inputs)
        if [item.index for item in answer.data] != list(range(len(self.places))):
            self.came = None
            if alone:
                return answer
            raise self._error(
                f"{len(answer.data)} vectors came for {len(self.places)} inputs, and which is whose is not known; "
                "cache={'no-cache': True} asks for all of them"
            )
        self.came = answer.model_copy()
        if not alone:
            self._fill(answer)
        return answer

    def _fill(self, answer: EmbeddingResponse) -> None:
        """Put the known vectors, and those that are wanted twice, to those that came."""
        keys = self.keys or ()
        known = self._used
        found = {key: _item(vector) for key, vector in known.items()}
        found |= {keys[place]: item for place, item in zip(self.places, answer.data, strict=True)}
        answer.data = _placed(found, keys)
        answer.reuse([known[key].tokens for key in keys if key in known])


def _unknown(
    call: EmbeddingCall, keys: Sequence[str] | None, known: Mapping[str, Any]
) -> list[int]:
    """The places of what is to be asked for: of equal inputs the first."""
    if keys is None:
        return list(range(len(call.inputs)))
    first: dict[str, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    return [place for key, place in first.items() if key not in known]


def _item(vector: Vector) -> Embedding:
    item = lenient(Embedding, vector.item)
    item._code = vector.code  # noqa: SLF001 - as the wire does
    return item


def _placed(found: Mapping[str, Embedding], keys: Sequence[str]) -> list[Embedding]:
    return [found[key].model_copy(update={"index": place}) for place, key in enumerate(keys)]


def composed(vectors: Mapping[str, Vector], keys: Sequence[str]) -> EmbeddingResponse:
    """The answer of a call all of whose inputs are known."""
    mine = [vectors[key] for key in keys]
    first = mine[0]
    told = [vector.beside.items() for vector in mine]
    beside = {k: v for k, v in first.beside.items() if all((k, v) in items for items in told)}
    said = {**beside, "object": "list", "model": first.model, "usage": _used(vectors, keys)}
    answer = lenient(EmbeddingResponse, said)
    answer.data = _placed({key: _item(vector) for key, vector in vectors.items()}, keys)
    answer.reuse([vector.tokens for vector in mine])
    return answer


def _used(vectors: Mapping[str, Vector], keys: Sequence[str]) -> Any:
    """What they had used when they came: as it was told of them all, or the sum of what each did."""
    mine = [vectors[key] for key in dict.fromkeys(keys)]
    if len({vector.answer for vector in mine}) == 1 and len(mine) == mine[0].many:
        return mine[0].usage
    counts = [vector.tokens for vector in mine]
    total = sum(count for count in counts if count is not None)
    return None if None in counts else {"prompt_tokens": total, "total_tokens": total}


def written(wire: Each, call_id: str) -> Iterator[tuple[int, Sequence[Exchange]]]:
    """What is kept of the answer that came: the place of each input, and its entry's content."""
    answer, inputs = wire.came, wire.call.inputs
    if answer is None:
        return
    counts = _shares(answer, [inputs[place] for place in wire.places])
    shared = {
        "model": answer.model,
        "answer": call_id,
        "many": len(wire.places),
        "usage": None if answer.usage is None else answer.usage.to_dict(),
        "beside": _beside(answer),
    }
    for place, item, tokens in zip(wire.places, answer.data, counts, strict=True):
        own = {**item.__dict__, **(item.__pydantic_extra__ or {})}
        own.pop("index", None)
        told = {"item": own, "code": item._code, "tokens": tokens, **shared}  # noqa: SLF001
        yield place, [Exchange(200, {}, [dump(told)])]


def _beside(answer: EmbeddingResponse) -> Mapping[str, Any]:
    more = {k: v for k, v in (answer.__pydantic_extra__ or {}).items() if k not in _OWN}
    return more if len(dump(more)) <= _BESIDE else {}


def _shares(answer: EmbeddingResponse, inputs: Sequence[Any]) -> list[int | None]:
    """What each input has used of the tokens that the provider counted, by its length; together that is all."""
    usage = answer.usage
    told = None if usage is None else usage.prompt_tokens
    if told is None and usage is not None:
        told = usage.total_tokens
    if told is None:
        return [None] * len(inputs)
    weights = [max(1, len(item)) for item in inputs]
    whole = sum(weights)
    ends = [told * part // whole for part in _running(weights)]
    return [end - begin for begin, end in pairwise([0, *ends])]


def _running(weights: Iterable[int]) -> Iterator[int]:
    total = 0
    for weight in weights:
        total += weight
        yield total


def read(entry: Entry) -> Vector:
    """What is kept of one input. Raises ``DamagedEntry`` where it is something else."""
    try:
        told = load(entry.exchanges[-1].response.body)
        return Vector(**told, made=entry.made)
    except (IndexError, TypeError, ValueError) as error:
        raise DamagedEntry("it is no vector") from error
