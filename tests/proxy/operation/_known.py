"""Bearers for tests that are not of keys: who is known by what name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from llmkit.proxy.auth.bearers import Bearers
from llmkit.proxy.failure import Refused
from llmkit.proxy.subject import ADMINISTRATOR, Subject

VIEWER = Subject(role="proxy_admin_viewer", user="vera")
ANN = Subject(role="internal_user", user="ann", key="a" * 64, alias="ann's", team="red")
BOB = Subject(role="internal_user", user="bob", key="b" * 64, team="red", admin_of=frozenset({"red"}))  # fmt: skip


class Known(Bearers):
    """``Bearer root`` is the administrator, ``vera``, ``ann`` and ``bob`` are themselves."""

    def __init__(self) -> None:
        self.people = {"root": ADMINISTRATOR, "vera": VIEWER, "ann": ANN, "bob": BOB}

    @override
    async def subject(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], *_: Any, **__: Any
    ) -> Subject:
        name = headers.get("authorization", "").removeprefix("Bearer ")
        if name not in self.people:
            raise Refused(401, "no such key", "auth_error")
        return self.people[name]
