"""The gateway inside another app, and a test of what calls it. Checked by type checkers, never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount

import llmkit
from llmkit.proxy import Settings, create_app
from llmkit.testing import Simulator

gateway = create_app(Settings(database_url="sqlite:///gateway.db"))


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None]:
    """Frameworks do not tell what they mount of their start."""
    async with gateway:
        yield


app = Starlette(routes=[Mount("/llm", gateway)], lifespan=lifespan)


def test_it() -> None:
    """Offline."""
    with Simulator() as simulator:
        messages = [{"role": "user", "content": "hello"}]
        answer = llmkit.completion("offline", messages, base_url=simulator.base_url, api_key="any")
        assert "hello" in answer.text
        assert len(simulator.requests) == 1
