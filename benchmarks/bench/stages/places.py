"""Which module of llmkit does what: the stages of a call, and how a place in the code is found to belong to one.

What libraries do is done for whoever called them: a place belongs to the innermost function of llmkit around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from types import CodeType, FrameType
from typing import NamedTuple


class Stage(NamedTuple):
    """One part of a call."""

    name: str
    does: str
    modules: tuple[str, ...] = ()
    """Patterns of module names within llmkit; the first stage that has one for a module has the module."""


CALLER = Stage("the caller", "the loop around the calls, and reading the text of the answer")
LOOP = Stage("event loop", "asyncio's own: scheduling, callbacks, waiting for whoever is next")
TRANSPORT = Stage(
    "transport",
    "the request's way to the server and the answer's way back, the wait for it included",
    (
        "_headers",
        "_io._answers",
        "_io._faults",
        "_io._http",
        "_io._instead",
        "_io._transports",
        "_io._pool",
        "_io._backend",
        "_io._tls",
        "_io._network",
        "_io._inflate",
        "_io._borrowed",
        "_io._lanes*",
        "_io._proxy*",
        "_io._reqwest*",
        "_io._waiting*",
        "_io._driving*",
    ),
)
STAGES = (
    Stage(
        "the call",
        "from the method's arguments to a job: the request's parts, the client's settings",
        ("_api*", "_core*", "_kinds*", "_given", "_left", "client", "_call", "_calls", "router*"),
    ),
    Stage(
        "settlement",
        "what was used, by whom, at what price; the record of the attempt, ledgers and callbacks",
        (
            "_control.settle*",
            "_control.account*",
            "_control.tally*",
            "_control.attempts*",
            "_control.costing*",
            "_control.prices*",
            "_ratelimit",
            "ledger*",
            "events*",
            "_control.happening*",
        ),
    ),
    Stage(
        "money",
        "prices found and multiplied, in decimals",
        ("pricing*", "_cost*", "types.usage*"),
    ),
    Stage(
        "driver",
        "performing what the call's plan asks for: sending, reading, deadlines, retries, closing",
        ("_flow*", "_control.call*", "_control.retry*", "_control.session*", "_io*"),
    ),
    Stage(
        "parsing",
        "the answer's bytes, or a stream's events, into typed objects",
        (
            "wires.*_decode*",
            "wires.*stream*",
            "wires.*_at_once*",
            "wires._alike*",
            "_sse*",
            "_ndjson*",
            "_fold*",
            "_parts*",
            "types*",
        ),
    ),
    Stage(
        "request",
        "the provider's own form of the request, its JSON and its headers",
        ("wires*", "_http*", "_multipart*", "_upload*"),
    ),
    Stage(
        "planning",
        "which provider, model, address and key; limits, retries and fallbacks; what is supported",
        ("_control*", "catalogue*", "providers*", "_operations*", "_secret*", "plugins*"),
    ),
)
REST = Stage("the rest", "what belongs to none of these")
ALL = (CALLER, *STAGES, TRANSPORT, LOOP, REST)
ORDER = (
    "the caller",
    "the call",
    "planning",
    "request",
    "driver",
    "transport",
    "event loop",
    "parsing",
    "money",
    "settlement",
    "the rest",
)

_PASSED_OVER = ("_json*", "_normal*")
"""What serves several: it is done for whoever called it."""


def stage_of(module: str) -> str | None:
    """The stage that a module of llmkit belongs to; ``None`` for one that works for its caller."""
    if any(fnmatchcase(module, pattern) for pattern in _PASSED_OVER):
        return None
    for stage in (TRANSPORT, *STAGES):
        if any(fnmatchcase(module, pattern) for pattern in stage.modules):
            return stage.name
    return REST.name


# Where the package lies; a folder of that name around the whole project is not it.
_PACKAGE = re.compile(r".*/(?:src|site-packages)/llmkit/(.+)")


@cache
def _known(file: str) -> str | None:
    """The stage of a file; ``None`` where one has to look further out."""
    path = file.removesuffix(".py").replace("\\", "/")
    if "/contestants/" in path:
        return CALLER.name
    inside = _PACKAGE.fullmatch(path)
    return stage_of(inside[1].replace("/", ".").removesuffix(".__init__")) if inside else None


def around(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and those that called it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


class Place(NamedTuple):
    """A stage, and the function in it."""

    stage: str
    function: str


def place(frame: FrameType | None) -> Place:
    """What is being done there."""
    looping = False
    for one in around(frame):
        stage = _known(one.f_code.co_filename)
        if stage is not None:
            return Place(stage, _name(one.f_code))
        looping = looping or one.f_globals.get("__name__", "").startswith("asyncio")
    return Place(LOOP.name if looping else CALLER.name, "")


@cache
def _name(code: CodeType) -> str:
    file = code.co_filename.replace("\\", "/")
    for folder in ("/contestants/", "/llmkit/"):
        file = file.rpartition(folder)[2]
    return f"{file}:{code.co_qualname}"
