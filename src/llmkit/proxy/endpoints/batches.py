"""Batches: made of a file of calls or of calls themselves, told, listed and cancelled, each by whoever made it.

A batch's files of results are its maker's, too: they are noted when the batch that names them is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
from starlette.requests import Request

from ..._control.attributes import context
from ..._json import dump
from ...errors import APIError, LLMKitError
from ...types.batch import BatchModelParams, BatchResult
from ..auth.permissions import permit
from ..data import keeping
from ..data.keeping import Thing, Wanted, Where
from ..data.models import Kept
from ..gateway import Gateway
from . import kept, owing, places
from .answering import Line
from .asking import may_ask, subject_of
from .beside import Beside, beside_of, wrong
from .lines import Calls, inline
from .making import Asked, Work, known, read, told
from .reading import whole
from .weighing import Weights, path_of

__all__ = ["TABLE", "about", "calls_at", "check", "now", "page_of", "plain", "weighed"]

_log = logging.getLogger("llmkit.proxy")

_BATCH: Final = "batch"
_MOST: Final = 100
_AT_ONCE: Final = 8
"""Batches of a list that providers are asked for at the same time."""
_RESULTS: Final = ("output_file_id", "error_file_id")


# --- what files of calls need, too


async def about(gateway: Gateway, request: Request, kind: Thing) -> tuple[Asked, Kept]:
    """Who asks, and the thing of theirs that the path names. Raises ``Refused`` (404) for what is none of theirs."""
    subject = await subject_of(gateway, request)
    beside = beside_of(request.headers, {}, subject, gateway.settings)
    row = await kept.find(gateway, subject, kind, request.path_params["id"])
    return Asked(gateway, request, subject, beside), row


def calls_at(gateway: Gateway, call: Asked, place: str) -> Calls:
    """What looks at the calls of a batch that is to be made there."""
    provider, usual = _place(gateway, place)

    def named(model: str) -> str:
        may_ask(call.subject, model, call.beside)
        found = places.named(gateway, provider, model)
        if found is None:
            raise wrong(
                f"the model {model[:100]!r} is not at {provider}: send it there by itself", "file"
            )
        return found

    if usual is not None:
        may_ask(call.subject, usual, call.beside)
    weights = Weights(gateway, provider)
    return Calls(named, usual, weights, gateway.settings.shared_ids)


def _place(gateway: Gateway, place: str) -> tuple[str, str | None]:
    """The provider there; and the group, where a caller named one, and one model is meant by it."""
    found = map(places.declared, gateway.calls.get_model_list(place))
    provider, name = next((one for one in found if one[0]), (place, "*"))
    group = place in gateway.calls.get_model_names() and "*" not in place + name
    return provider, place if group else None


def weighed(calls: Calls) -> dict[str, Any] | None:
    """What these calls cost at most, as it is kept."""
    return None if calls.weights is None else calls.weights.told()


async def check(gateway: Gateway, call: Asked, calls: Calls) -> None:
    """See that these calls are their sender's to make, as to their paths and the files that they name."""
    for path in calls.paths:
        permit(call.subject, "POST", path)
    await kept.check_ids(gateway, call.subject, calls.files)


def page_of(found: Sequence[Mapping[str, Any]], limit: int) -> dict[str, Any]:
    """A page of a list in OpenAI's form; there is one more than the limit where more follow."""
    data = found[:limit]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return {"object": "list", "data": data, "has_more": len(found) > limit, **ends}


def plain(query: Mapping[str, str], name: str) -> str | None:
    """A text of the address. Raises ``Refused`` (400) for what nothing can be called."""
    value = query.get(name)
    if value is not None and not kept.plausible(value):
        raise wrong(f"{name} is too long, or has characters that do not print", name)
    return value


# --- batches


async def _create(gateway: Gateway, request: Request, line: Line) -> None:
    subject = await subject_of(gateway, request)
    fields = await read(gateway, request)
    said = fields.pop("custom_llm_provider", None)
    said = fields.pop("model", None) or said
    if not isinstance(said, str | None):
        raise wrong("model must be a text", "model")
    beside = beside_of(request.headers, fields, subject, gateway.settings)
    call = Asked(gateway, request, subject, beside, fields)
    if fields.get("requests") is not None:
        to = await _of_calls(gateway, call, said)
    else:
        to = await _of_file(gateway, call)
    given = {**call.keywords(BatchModelParams.__annotations__), **to.how}
    with line:
        answer, money = await _made(gateway, call, to, given)
        there = places.where(gateway, answer.call)
        owner, said_of = kept.owner_of(subject), answer.to_dict()
        await _note(gateway, owner, there, said_of, to.models, money)
        await told(call, line, answer)


@dataclass(frozen=True, slots=True)
class _Going:
    """A batch that is to be made: at whom, for which models, and what its calls cost at most."""

    how: dict[str, Any]
    provider: str
    models: list[str]
    money: Mapping[str, Any] | None


async def _made(
    gateway: Gateway, call: Asked, to: _Going, given: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The batch, and what is held for its calls. Where nobody knows whether it was made, that stays held."""
    with call.around("acreate_batch", to.how["custom_llm_provider"]):
        money = await owing.hold(gateway, to.provider, to.money, to.models)
        try:
            # What it costs is held already, and this call itself costs nothing.
            answer = await gateway.calls.acreate_batch(**given, max_cost=0)
        except BaseException as error:
            if not owing.uncertain(error):
                await owing.let_go(gateway, money)
            raise
    return answer, money


async def _of_file(gateway: Gateway, call: Asked) -> _Going:
    """Where the batch goes, which is where its file is; and what its calls ask for."""
    id_ = call.fields.get("input_file_id")
    if not isinstance(id_, str) or not id_:
        raise wrong("input_file_id is missing: send a file for a batch first", "input_file_id")
    row = await kept.find(gateway, call.subject, "file", id_)
    if row.purpose != _BATCH:
        raise wrong("the file must have been sent with purpose=batch", "input_file_id")
    for model in row.models:
        may_ask(call.subject, model, call.beside)
    if isinstance(path := call.fields.get("endpoint"), str):
        permit(call.subject, "POST", path)
        _same(path, row)
    return _Going(places.at(gateway, row), row.provider, row.models, row.money)


def _same(path: str, row: Kept) -> None:
    """See that the batch is what its lines say: what they cost at most was worked out by that."""
    other = set((row.money or {}).get("paths", ())) - {path_of(path)}
    if other:
        raise wrong(
            f"the file has calls for {min(other)[:100]!r}: endpoint must be that", "endpoint"
        )


async def _of_calls(gateway: Gateway, call: Asked, said: str | None) -> _Going:
    if call.fields.get("input_file_id") is not None:
        raise wrong("a batch is made of requests or of a file, not of both", "requests")
    place = places.place_of(gateway, call.subject, said)
    calls = calls_at(gateway, call, place)
    call.fields["requests"] = inline(call.fields["requests"], calls)
    await check(gateway, call, calls)
    provider, _ = _place(gateway, place)
    return _Going({"custom_llm_provider": place}, provider, list(calls.models), weighed(calls))


async def _retrieve(gateway: Gateway, request: Request, line: Line) -> None:
    call, row = await about(gateway, request, "batch")
    with line:
        await line.whole(dump(await now(gateway, row, call.around)))


async def _cancel(gateway: Gateway, request: Request, line: Line) -> None:
    call, row = await about(gateway, request, "batch")
    with line:
        with call.around("acancel_batch", row.place):
            answer = await gateway.calls.acancel_batch(row.kept_id, **places.at(gateway, row))
        await _note(gateway, row.owner, _there(row), answer.to_dict())
        await told(call, line, answer)


async def _list(gateway: Gateway, request: Request, line: Line) -> None:
    subject = await subject_of(gateway, request)
    query = dict(request.query_params)
    known(query, {"after", "api-version", "limit", "custom_llm_provider"})
    limit = whole(query.get("limit", "20"), "limit", 1, _MOST)
    wanted = Wanted(
        kind="batch", owner=kept.whose(subject), limit=limit + 1, after=plain(query, "after")
    )
    rows = await gateway.database.read(lambda session: keeping.page(session, wanted))
    call = Asked(gateway, request, subject, Beside())
    with line:
        await line.whole(dump(page_of(await _all_now(gateway, call, rows), limit)))


async def _all_now(gateway: Gateway, call: Asked, rows: Sequence[Kept]) -> list[dict[str, Any]]:
    """How they stand: those that have not ended are asked for."""
    found = [row.told for row in rows]
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def look(place: int) -> None:
        async with limiter:
            try:
                found[place] = await now(gateway, rows[place], call.around)
            except APIError:
                return  # what was said of it last is what is known

    async with anyio.create_task_group() as group:
        for place, row in enumerate(rows):
            if row.told.get("status") not in owing.ENDED or owing.owes(row):
                group.start_soon(look, place)
    return found


async def now(gateway: Gateway, row: Kept, around: Callable[[str, str], context]) -> dict[str, Any]:
    """How a batch stands; what it has made is noted as its maker's, whoever asks, and settled where it has ended.

    Args:
        gateway: whose it is.
        row: the batch, as it is kept.
        around: what calls of these types, for such a place, are made in: it says who looks.
    """
    with around("aretrieve_batch", row.place):
        answer = await gateway.calls.aretrieve_batch(row.kept_id, **places.at(gateway, row))
    said: dict[str, Any] = answer.to_dict()
    money = await _settled(gateway, row, said, around) if owing.owes(row) else None
    await _note(gateway, row.owner, _there(row), said, money=money)
    return said


async def _settled(
    gateway: Gateway,
    row: Kept,
    said: Mapping[str, Any],
    around: Callable[[str, str], context],
) -> dict[str, Any] | None:
    """Settle what is held for a batch that has ended, whoever looks. What is to be kept of it; ``None``: as it was."""
    if said.get("status") not in owing.ENDED:
        return None
    try:
        found: Sequence[BatchResult] = ()
        if _answered(said):
            with around("abatch_results", row.place):
                results = await gateway.calls.abatch_results(row.kept_id, **places.at(gateway, row))
            found = results.data
        return await owing.settle(gateway, row, said, found)
    except LLMKitError as error:
        # It stays held, and becomes spend in the end, unless somebody looks once more.
        _log.warning("batch %s is not settled yet: %s", row.kept_id, type(error).__name__)
        return None


def _answered(said: Mapping[str, Any]) -> bool:
    """Whether there are results: of what failed altogether, or was cancelled at once, there are none to be paid for."""
    if said.get("output_file_id"):
        return True
    counts = said.get("request_counts")
    done = counts.get("completed") if isinstance(counts, dict) else None
    # Who does not count them is asked.
    return bool(done) or (done is None and said.get("status") != "failed")


async def _note(
    gateway: Gateway,
    owner: str,
    there: Where,
    said: Mapping[str, Any],
    models: Sequence[str] = (),
    money: Mapping[str, Any] | None = None,
) -> None:
    await kept.note(gateway, "batch", owner, there, said, models, money)
    for name in _RESULTS:
        if isinstance(id_ := said.get(name), str) and id_:
            file = {"id": id_, "object": "file", "purpose": f"{_BATCH}_output"}
            await kept.note(gateway, "file", owner, there, file)


def _there(row: Kept) -> Where:
    return Where(row.place, row.provider)


TABLE: Final[Sequence[tuple[str, str, Work]]] = (
    ("POST", "/batches", _create),
    ("GET", "/batches", _list),
    ("POST", "/batches/{id:path}/cancel", _cancel),
    ("GET", "/batches/{id:path}", _retrieve),
)
