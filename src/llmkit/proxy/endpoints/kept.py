"""Whose something is that a provider keeps: all keys share its account, so it tells nobody apart."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..data import keeping
from ..failure import Refused
from ..subject import Subject

if TYPE_CHECKING:
    from ..gateway import Gateway

__all__ = ["check_ids", "owner_of"]


def owner_of(subject: Subject) -> str:
    """Under what its things are kept."""
    return f"key:{subject.key}"


async def check_ids(gateway: Gateway, subject: Subject, ids: Collection[str]) -> None:
    """Raise ``Refused`` (404) unless all of these are the subject's; an administrator's are all."""
    if subject.role == "proxy_admin" or not ids:
        return
    owner, wanted = owner_of(subject), set(ids)
    found = await gateway.database.run(lambda session: keeping.owned(session, wanted, owner))
    if wanted - found:
        raise Refused(404, "there is nothing of yours by this id", "not_found_error")
