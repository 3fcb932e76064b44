"""Calls in their few shapes, for those who interrupt them: whole, tried again, fallen back, streamed, let go of."""

from __future__ import annotations

from typing import Any

from ._world import ASK, World


def plain(world: World, **more: Any) -> Any:
    """A call."""
    return world.client.completion(**{**ASK, **more})


def retried(world: World, **more: Any) -> Any:
    """A call that waits and tries again."""
    return world.client.completion(**{**ASK, **more, "num_retries": 1})


def fallen_back(world: World, **more: Any) -> Any:
    """A call that falls back."""
    return world.client.completion(**{**ASK, **more}, fallbacks=["openai/gpt-4o"])


def read_through(world: World, **more: Any) -> Any:
    """A stream, read to its end."""
    return world.client.completion(**{**ASK, **more}, stream=True).until_done()


def left_early(world: World, **more: Any) -> Any:
    """A stream, left in the middle of it."""
    with world.client.completion(**{**ASK, **more}, stream=True) as stream:
        return next(stream)


def dropped(world: World, **more: Any) -> Any:
    """A stream that is let go of."""
    return next(world.client.completion(**{**ASK, **more}, stream=True))
