"""``/model/…``: deployments added at run time, and what is known of all. Provider keys go in, and never out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter
from sqlalchemy.orm import Session

from ...errors import LLMKitError
from ..auth.allowed import usable
from ..data.models import Model
from . import fields
from .asking import Asked, Asking, missing, refused, there
from .deployments import changing, entry_of, kept_in, reconcile
from .key_lists import Number, Size, Text
from .rows import Page, plain, stamp
from .sealing import sealed, unsealed

__all__ = ["router"]

router = APIRouter(tags=["model management"])
_INFO: Final = (
    "mode",
    "max_input_tokens",
    "max_output_tokens",
    "input_cost_per_token",
    "output_cost_per_token",
)


# --- changing


@router.post("/model/new")
async def new(asking: Asked, body: fields.ModelGiven) -> dict[str, Any]:
    """Add a deployment. Its parameters are stored sealed; every process has it within a second."""
    asking.must_be_administrator()
    if body.model_name is None or not isinstance(body.litellm_params.get("model"), str):
        raise refused("give model_name and litellm_params.model", "model_name")
    row = Model(model_id=_id_in(body) or str(uuid4()), model_name=body.model_name)
    if _has(asking, row.model_id):
        raise refused("there is a deployment of this id: POST /model/update changes it", "id")
    row.model_info = _info(body)
    return await _kept(asking, row, body.litellm_params, new=True)


def _id_in(body: fields.ModelGiven) -> str | None:
    found = body.id or body.model_info.get("id")
    if found is not None and not (isinstance(found, str) and 0 < len(found) <= 255):  # noqa: PLR2004 - as all ids
        raise refused("model_info.id is a text of 255 characters at most", "model_info.id")
    return found


def _info(body: fields.ModelGiven) -> dict[str, Any]:
    ours = {"id", "db_model", "created_at", "created_by", "updated_at", "updated_by"}
    return {name: value for name, value in body.model_info.items() if name not in ours}


def _has(asking: Asking, model_id: str) -> bool:
    entries = asking.gateway.calls.get_model_list()
    return any((one.get("model_info") or {}).get("id") == model_id for one in entries)


async def _kept(asking: Asking, row: Model, params: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """Let this process's router have it, which says what is wrong with it; then the database."""
    gateway = asking.gateway
    stored = sealed(gateway.settings, params)
    stamp(row, asking.name)
    async with changing(gateway):
        try:
            gateway.calls.upsert_deployment(entry_of(row, params))
        except LLMKitError as error:
            raise refused(str(error), "litellm_params") from None
        row.litellm_params = stored
        try:
            await asking.run(lambda session: session.add(row) if new else _merge(session, row))
        except BaseException:
            await reconcile(gateway)
            raise
        return _answer(asking, row)


def _merge(session: Session, row: Model) -> None:
    there(session.get(Model, row.model_id), "model")
    session.merge(row)


def _answer(asking: Asking, row: Model) -> dict[str, Any]:
    found = next(one for one in _entries(asking) if one["model_info"]["id"] == row.model_id)
    return {
        "model_id": row.model_id,
        **found,
        "created_by": row.created_by,
        "updated_by": row.updated_by,
    }


@router.post("/model/update")
async def update(asking: Asked, body: fields.ModelGiven) -> dict[str, Any]:
    """Change a deployment that was added here. Parameters that are not said stay; ``null`` takes one away."""
    if (model_id := _id_in(body)) is None:
        raise refused("say which: model_info.id", "model_info.id")
    return await _updated(asking, model_id, body)


@router.patch("/model/{model_id}/update")
async def update_named(asking: Asked, model_id: str, body: fields.ModelGiven) -> dict[str, Any]:
    """``/model/update`` of the deployment that the path names."""
    return await _updated(asking, model_id, body)


async def _updated(asking: Asking, model_id: str, body: fields.ModelGiven) -> dict[str, Any]:
    asking.must_be_administrator()
    row = await _stored(asking, model_id)
    try:
        params = unsealed(asking.gateway.settings, row.litellm_params)
    except ValueError as error:
        raise refused(f"{error}: delete it and add it anew", "id") from None
    params = {k: v for k, v in {**params, **body.litellm_params}.items() if v is not None}
    row.model_name = body.model_name or row.model_name
    row.model_info = {**(row.model_info or {}), **_info(body)}
    return await _kept(asking, row, params, new=False)


async def _stored(asking: Asking, model_id: str) -> Model:
    row = await asking.read(lambda session: session.get(Model, model_id))
    if row is None and _has(asking, model_id):
        raise refused("this deployment is of the configuration file: change it there", "id")
    return there(row, "model")


@router.post("/model/delete")
async def remove(asking: Asked, body: fields.ModelDeleted) -> dict[str, Any]:
    """Let a deployment go that was added here; calls that are under way end as they would."""
    asking.must_be_administrator()
    await _stored(asking, body.id)

    def work(session: Session) -> None:
        row = session.get(Model, body.id)
        if row is not None:
            session.delete(row)

    async with changing(asking.gateway):
        await asking.run(work)
        if body.id in kept_in(asking.gateway):
            asking.gateway.calls.delete_deployment(body.id)
    return {"message": f"model {body.id} is deleted"}


# --- looking


def _entries(asking: Asking) -> list[dict[str, Any]]:
    """What the caller may ask, as entries of a ``model_list``; where they are, only for who sees all."""
    calls, found = asking.gateway.calls, []
    for entry in calls.get_model_list():
        name, params = entry["model_name"], entry["litellm_params"]
        if not usable(asking.subject, name):
            continue
        group = calls.get_model_group_info(name)
        known = {} if group is None else {k: plain(getattr(group, k, None)) for k in _INFO}
        shown = params if asking.sees_all else {"model": params["model"]}
        info = {**known, "db_model": False, **(entry.get("model_info") or {})}
        found.append(
            {"model_name": name, "litellm_params": plain(shown), "model_info": plain(info)}
        )
    return found


@router.get("/v1/model/info")
@router.get("/model/info")
async def info(asking: Asked, litellm_model_id: Text = None) -> dict[str, Any]:
    """The deployments of what the caller may ask for."""
    found = _entries(asking)
    if litellm_model_id is not None:
        found = [one for one in found if one["model_info"].get("id") == litellm_model_id]
        if not found:
            raise missing("model")
    return {"data": found}


@router.get("/v2/model/info")
async def info_in_pages(
    asking: Asked, page: Number = 1, size: Size = 50, model: Text = None
) -> dict[str, Any]:
    """The same, page by page."""
    found = [one for one in _entries(asking) if model in {None, one["model_name"]}]
    part = Page(page, size, len(found))
    return {
        "data": found[(page - 1) * size : page * size],
        "total_count": part.total,
        "current_page": page,
        "size": size,
        "total_pages": part.pages,
    }


@router.get("/model_group/info")
async def groups(asking: Asked, model_group: Text = None) -> dict[str, Any]:
    """What is known of each group that the caller may ask for."""
    calls = asking.gateway.calls
    names = [one for one in calls.get_model_names() if usable(asking.subject, one)]
    infos = [calls.get_model_group_info(name) for name in names if model_group in {None, name}]
    return {"data": [_group(one) for one in infos if one is not None]}


def _group(one: Any) -> dict[str, Any]:
    found = asdict(one)
    able = found.pop("capabilities")
    found["providers"] = list(found["providers"])
    return plain({**found, **{f"supports_{name}": True for name in sorted(able)}})  # type: ignore[no-any-return]
