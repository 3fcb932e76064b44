"""Streams that are shown while they come: in a notebook's output, else as plain text on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Final

from ..types._page import card, escaped, folded, prose
from ._bar import in_kernel
from ._running import asyncio_loop

__all__ = ["show", "show_async"]

_EVERY: Final = 0.08
"""Seconds between two pictures: more nobody sees, and each is sent."""


class _Screen:
    """What has come so far, and where it is shown."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thought: list[str] = []
        self._next = 0.0
        self._update: Callable[[str], object] | None = _picture() if in_kernel() else None

    def add(self, chunk: Any) -> None:
        """A piece has come."""
        text, thought = _gained(chunk)
        self._text.append(text)
        self._thought.append(thought)
        if self._update is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        elif (now := time.monotonic()) >= self._next:
            self._next = now + _EVERY
            self._update(self._page("…"))

    def end(self, stream: Any, error: BaseException | None = None) -> None:
        """No more comes: show the whole answer, or what there is of it, and why."""
        said = "" if error is None else f"{type(error).__name__}: {error}".rstrip(": ")
        if self._update is None:
            sys.stdout.write(f"\n{said or stream.cost}\n")
        elif error is None:
            page = getattr(stream.response, "_repr_html_", None)
            self._update((page and page()) or card(escaped(repr(stream.response))))
        else:
            self._update(self._page(said))

    def _page(self, said: str) -> str:
        thought, text = "".join(self._thought), "".join(self._text)
        reasoning = folded("reasoning", prose(thought)) if thought else ""
        return card(reasoning, prose(text), footer=escaped(said))


def _picture() -> Callable[[str], object]:
    """Make an output, and return what changes it."""
    from IPython.display import HTML, display  # noqa: PLC0415 - there is a kernel, so there is this

    handle = display(HTML(""), display_id=True)
    return lambda page: handle.update(HTML(page))


def _gained(chunk: Any) -> tuple[str, str]:
    """The text and the reasoning that an answer gains by a chunk of any kind of stream."""
    text = getattr(chunk, "text", None) or getattr(chunk, "said", None) or ""
    choices = getattr(chunk, "choices", None)
    delta = getattr(choices[0], "delta", None) if choices else None
    thought = getattr(delta, "reasoning_content", None) or ""
    return (text if isinstance(text, str) else ""), thought


def show(stream: Any) -> None:
    """Read a stream to its end, and show it meanwhile. Raises what reading it raises, Ctrl-C included."""
    screen = _Screen()
    try:
        for chunk in stream:
            screen.add(chunk)
    except BaseException as error:
        screen.end(stream, error)
        raise
    screen.end(stream)


def show_async(stream: Any) -> Any:
    """The same in a task of the running loop, which goes on behind the cell; the task, or ``None`` without a loop."""
    loop = asyncio_loop()()
    if loop is None:
        sys.stdout.write(f"{stream!r}\n")
        return None
    return loop.create_task(_show_async(stream))


async def _show_async(stream: Any) -> None:
    screen = _Screen()
    try:
        async for chunk in stream:
            screen.add(chunk)
    except Exception as error:  # noqa: BLE001 - nobody awaits it; it is shown
        screen.end(stream, error)
    except BaseException as error:
        screen.end(stream, error)
        raise
    else:
        screen.end(stream)
