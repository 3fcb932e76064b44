"""Files that providers keep: sent, listed, told, had back, deleted, each by whoever made it. Batches: ``batches``.

What is listed is what was noted when it was made, so a list asks no provider.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from ..._json import dump
from ..._upload import Upload
from ...errors import NotFoundError
from ...types.file import FileModelParams
from ..data import keeping
from ..data.keeping import Wanted
from ..gateway import Gateway
from . import batches, kept, lines, places
from .answering import Line
from .asking import subject_of
from .beside import beside_of, wrong
from .making import Asked, Endpoint, Work, known, told
from .reading import typed, whole
from .uploads import Form, form_of

__all__ = ["routes"]

_PREFIXES: Final = ("/v1", "", "/openai")
_BATCH: Final = "batch"
_MOST: Final = 10_000
"""Files on a page, as at OpenAI: https://platform.openai.com/docs/api-reference/files/list, read 2026-11-23."""


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Where they are."""
    table: list[tuple[str, str, Work]] = [
        ("POST", "/files", _create),
        ("GET", "/files", _list),
        # Gemini's ids have a slash in them.
        ("GET", "/files/{id:path}/content", _content),
        ("GET", "/files/{id:path}", _retrieve),
        ("DELETE", "/files/{id:path}", _delete),
        *batches.TABLE,
    ]
    return [
        Route(f"{prefix}{path}", Endpoint(gateway, work), methods=[method])
        for method, path, work in table
        for prefix in _PREFIXES
    ]


async def _create(gateway: Gateway, request: Request, line: Line) -> None:
    subject = await subject_of(gateway, request)
    async with form_of(request) as form:
        fields = typed(form.texts)
        said = _said(request, fields)
        beside = beside_of(request.headers, fields, subject, gateway.settings)
        fields.pop("metadata", None)
        call = Asked(gateway, request, subject, beside, fields)
        place = places.place_of(gateway, subject, said)
        file, models, money = await _file(gateway, call, form, place)
        given = call.keywords(FileModelParams.__annotations__)
        try:
            with line:
                with call.around("acreate_file", place):
                    answer = await gateway.calls.acreate_file(
                        file, **given, custom_llm_provider=place
                    )
                there = places.where(gateway, answer.call)
                owner = kept.owner_of(subject)
                await kept.note(gateway, "file", owner, there, answer.to_dict(), models, money)
                await told(call, line, answer)
        finally:
            if file is not form.files["file"][0]:
                file.source.close()


def _said(request: Request, fields: dict[str, Any]) -> str | None:
    """Where the file is to be: a provider or a model's group, by LiteLLM's names for them."""
    names = ("custom_llm_provider", "model", "target_model_names")
    found = [fields.pop(name) for name in names if name in fields]
    found += [request.query_params[name] for name in names[:2] if name in request.query_params]
    if not all(isinstance(one, str) and one for one in found) or len(set(found)) > 1:
        raise wrong("say once where the file is to be: a provider or a model", names[0])
    return found[0] if found else None


async def _file(
    gateway: Gateway, call: Asked, form: Form, place: str
) -> tuple[Upload, list[str], dict[str, Any] | None]:
    """What is sent; and, where it is for a batch, which models it asks for and what that costs at most."""
    file = form.file()
    if call.fields.get("purpose") != _BATCH:
        return file, [], None
    calls = batches.calls_at(gateway, call, place)
    made = await run_sync(lines.rewritten, file, calls)
    try:
        await batches.check(gateway, call, calls)
    except BaseException:
        made.source.close()
        raise
    return made, list(calls.models), batches.weighed(calls)


async def _retrieve(gateway: Gateway, request: Request, line: Line) -> None:
    call, row = await batches.about(gateway, request, "file")
    with line:
        with call.around("afile_retrieve", row.place):
            answer = await gateway.calls.aretrieve_file(row.kept_id, **places.at(gateway, row))
        await told(call, line, answer)


async def _content(gateway: Gateway, request: Request, line: Line) -> None:
    call, row = await batches.about(gateway, request, "file")
    with line:
        with call.around("afile_content", row.place):
            answer = await gateway.calls.afile_content(row.kept_id, **places.at(gateway, row))
        # Whatever it is, a browser must not take it for a page of ours.
        kind = {"content-type": "application/octet-stream", "x-content-type-options": "nosniff"}
        await line.whole(answer.content, {**kind, "content-disposition": "attachment"})


async def _delete(gateway: Gateway, request: Request, line: Line) -> None:
    call, row = await batches.about(gateway, request, "file")
    with line:
        if not await gateway.database.read(lambda session: keeping.shared(session, row)):
            # It may be gone by then, and its maker told of it late.
            with call.around("afile_delete", row.place), contextlib.suppress(NotFoundError):
                await gateway.calls.adelete_file(row.kept_id, **places.at(gateway, row))
        await gateway.database.run(lambda session: keeping.drop(session, row))
        await line.whole(dump({"id": row.kept_id, "object": "file", "deleted": True}))


async def _list(gateway: Gateway, request: Request, line: Line) -> None:
    subject = await subject_of(gateway, request)
    query = dict(request.query_params)
    known(query, {"after", "api-version", "limit", "order", "purpose", "custom_llm_provider"})
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise wrong("order must be asc or desc", "order")
    wanted = Wanted(
        kind="file",
        owner=kept.whose(subject),
        limit=whole(query.get("limit", "100"), "limit", 1, _MOST) + 1,
        after=batches.plain(query, "after"),
        oldest_first=order == "asc",
        purpose=batches.plain(query, "purpose"),
    )
    rows = await gateway.database.read(lambda session: keeping.page(session, wanted))
    await line.whole(dump(batches.page_of([row.told for row in rows], wanted.limit - 1)))
