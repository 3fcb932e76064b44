"""What simulated things that a provider keeps are made of: nothing is kept, what is asked for is made up of its id.

Pure. A file that was sent cannot be had back: what comes is made up of its id, the same each time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .._asked import fingerprint
from ._wire import Reply

__all__ = ["CREATED", "CREATED_TEXT", "Got", "Routes", "form", "ids", "routed"]

# A fixed time, so that equal requests get equal bodies.
CREATED: Final = 1735689600
CREATED_TEXT: Final = "2025-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Got:
    """A request that was let in: the parts of its path that a pattern names, and its body."""

    places: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    origin: str

    def json(self) -> dict[str, Any]:
        """The body where it is a JSON object, else an empty one."""
        try:
            made = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            return {}
        return made if isinstance(made, dict) else {}


Routes = tuple[tuple[str, str, Callable[[Got], Reply]], ...]
"""Method, pattern of the path's end, and what answers."""


def routed(
    routes: Routes, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Reply | None:
    """The answer of the first route that fits; ``None`` where none does."""
    bare = path.partition("?")[0].rstrip("/")
    for wanted, pattern, answer in routes:
        found = re.fullmatch(f".*?{pattern}", bare)
        if found and wanted == method:
            origin = f"http://{headers.get('host', 'localhost')}"
            return answer(Got(found.groupdict(), headers, body, origin))
    return None


def ids(prefix: str, *what: object) -> str:
    """An id made of what it stands for."""
    return (
        f"{prefix}{fingerprint([json.dumps(part, sort_keys=True, default=str) for part in what])}"
    )


def form(got: Got) -> dict[str, tuple[str | None, bytes]]:
    """The parts of a form: name to file's name and content."""
    marked = re.search(r"boundary=\"?([^\";]+)", got.headers.get("content-type", ""))
    found: dict[str, tuple[str | None, bytes]] = {}
    for piece in got.body.split(b"--" + marked.group(1).encode())[1:-1] if marked else ():
        head, _, content = piece.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        file = re.search(rb'filename="([^"]*)"', head)
        told = file.group(1).decode("utf-8", "replace") if file else None
        if name:
            found[name.group(1).decode("utf-8", "replace")] = told, content.removesuffix(b"\r\n")
    return found
