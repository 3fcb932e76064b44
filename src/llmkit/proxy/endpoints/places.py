"""Where files and batches are: at which of the router's deployments, each of which is somebody's account at a provider.

What a call names as ``custom_llm_provider`` is a deployment's id, so that a file is asked for where it was put, and
nobody else is asked instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ... import providers
from ..._call import CallInfo
from ..._control.address import resolve
from ...errors import ConfigurationError
from ..auth.allowed import may_use
from ..data.keeping import Where
from ..data.models import Kept
from ..gateway import Gateway
from ..subject import Subject
from .beside import wrong

__all__ = ["at", "declared", "named", "place_of", "where"]


def place_of(gateway: Gateway, subject: Subject, said: str | None) -> str:
    """Whom to ask for something new.

    Args:
        gateway: whose router is asked.
        subject: who asks.
        said: a group, or a provider; by default OpenAI.

    Raises:
        Refused: 403, the group is not the subject's to use; 400, there is none of this name.
    """
    asked = said or providers.STANDARD
    if asked in gateway.calls.get_model_names():
        may_use(subject, asked)
        return asked
    for entry in gateway.calls.get_model_list():
        if declared(entry)[0] == asked:
            return str(entry["model_info"]["id"])
    if "*" not in gateway.calls.get_model_names():
        raise wrong(
            f"no model is at {asked[:100]!r}: name a provider or a model that GET /v1/models lists",
            "custom_llm_provider",
        )
    return asked


def where(gateway: Gateway, info: CallInfo) -> Where:
    """Where something that was made by this call is."""
    found = _entries(gateway, info.deployment)
    anybodys = not found or not declared(found[0])[0]
    return Where(info.provider if anybodys else info.deployment, info.provider)


def at(gateway: Gateway, row: Kept) -> dict[str, Any]:
    """The keywords of a call about this. Nobody but who has it can say anything of it."""
    # A deployment that was declared anew has another id.
    known = row.place == row.provider or _entries(gateway, row.place)
    place = row.place if known else row.provider
    if not known:
        found = (e for e in gateway.calls.get_model_list() if declared(e)[0] == row.provider)
        place = next((str(e["model_info"]["id"]) for e in found), place)
    return {"custom_llm_provider": place, "disable_fallbacks": True}


def named(gateway: Gateway, provider: str, model: str) -> str | None:
    """What a provider calls a model that callers know by this name; ``None`` where it is not to be had there."""
    entries = gateway.calls.get_model_list(model)
    found: Iterator[tuple[str, str]] = map(declared, entries)
    return next((name for whose, name in found if whose == provider), None)


def declared(entry: Mapping[str, Any]) -> tuple[str, str]:
    """A deployment's provider, and its name for the model; both empty where it is anybody's."""
    params = entry["litellm_params"]
    elsewhere = params.get("base_url") is not None
    try:
        provider, name = resolve(
            params["model"], params.get("custom_llm_provider"), elsewhere=elsewhere
        )
    except ConfigurationError:
        return "", ""
    return provider.name, name


def _entries(gateway: Gateway, id_: str) -> list[dict[str, Any]]:
    every = gateway.calls.get_model_list()
    return [entry for entry in every if entry["model_info"]["id"] == id_]
