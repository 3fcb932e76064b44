"""Who shows what: a key, a token of an identity provider's, or a session's cookie."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from ..data.database import Database
from ..failure import Refused
from ..settings import Settings
from ..subject import ADMINISTRATOR, Subject

__all__ = ["Bearers"]


class Bearers:
    """Finds out who asks."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database

    async def subject(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Subject:
        """Who asks, by a request's headers and cookies. Raises ``Refused`` (401) with one text for all unknown keys."""
        shown = headers.get("authorization", "").removeprefix("Bearer ") or headers.get(
            "x-api-key", ""
        )
        master = self._settings.master_key
        if master is not None and hmac.compare_digest(shown.encode(), master.reveal().encode()):
            return ADMINISTRATOR
        raise Refused(401, "the key is not valid", "auth_error")

    async def forget(self, token: str | None = None) -> None:
        """A key (by its SHA-256), or any, has changed: no process of this gateway may go by what it knew of it."""
