"""Who shows what: a key, a token of an identity provider's, or a session's cookie."""

from __future__ import annotations

from collections.abc import Mapping

from ..subject import Subject

__all__ = ["Bearers"]


class Bearers:
    """Finds out who asks."""

    async def subject(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Subject:
        """Who asks, by a request's headers and cookies. Raises ``Refused`` (401) with one text for all unknown keys."""
        raise NotImplementedError

    async def forget(self, token: str | None = None) -> None:
        """A key (by its SHA-256), or any, has changed: no process of this gateway may go by what it knew of it."""
        raise NotImplementedError
