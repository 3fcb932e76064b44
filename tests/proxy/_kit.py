"""A gateway for tests: over a real socket (``gateway``), or called as the ASGI app that it is (``called``).

Its provider is a ``Simulator``; its database is a file below ``tmp_path``.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from llmkit._secret import Secret
from llmkit.proxy.app import Proxy, create_app
from llmkit.proxy.gateway import Gateway
from llmkit.proxy.settings import Settings
from llmkit.testing import Simulator

MASTER = "sk-" + "master-of-tests"
MODEL = "openai/gpt-4o-mini"
"""What the simulator answers for; ``fast`` is the same, by a group's name."""


@dataclass
class Served:
    """A gateway that listens."""

    origin: str
    app: Proxy
    simulator: Simulator

    @property
    def gateway(self) -> Gateway:
        return self.app.gateway

    def client(self, key: str | None = MASTER, **how: Any) -> httpx.Client:
        """A client that shows this key. Close it."""
        return httpx.Client(base_url=self.origin, headers=shown(key), **how)

    def aclient(self, key: str | None = MASTER, **how: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.origin, headers=shown(key), **how)


@dataclass
class Called:
    """A gateway that is called in this event loop; nothing listens."""

    http: httpx.AsyncClient
    app: Proxy
    simulator: Simulator

    @property
    def gateway(self) -> Gateway:
        return self.app.gateway


def shown(key: str | None) -> dict[str, str]:
    """The header that shows a key."""
    return {} if key is None else {"authorization": f"Bearer {key}"}


def config_of(simulator: Simulator, directory: Path) -> Path:
    """A configuration whose deployments are at the simulator: ``fast``, ``careful``, … and all of OpenAI's."""
    openai = {"api_key": "sk-" + "upstream", "api_base": simulator.base_url}
    claude = {"api_key": "sk-" + "upstream", "api_base": simulator.base_url_for("anthropic")}
    gemini = {"api_key": "sk-" + "upstream", "api_base": simulator.base_url_for("gemini")}
    models = [
        ("fast", {"model": MODEL, **openai}),
        ("careful", {"model": "openai/gpt-4o", **openai}),
        ("claude", {"model": "anthropic/claude-haiku-4-5", **claude}),
        ("gemini", {"model": "gemini/gemini-2.5-flash", **gemini}),
        ("vectors", {"model": "gemini/gemini-embedding-001", **gemini}),
        (
            "reranker",
            {"model": "cohere/rerank-v3.5", **openai, "api_base": simulator.base_url_for("cohere")},
        ),
        ("openai/*", {"model": "openai/*", **openai}),
    ]
    path = directory / "config.json"
    listed = [{"model_name": name, "litellm_params": params} for name, params in models]
    path.write_text(httpx.Response(200, json={"model_list": listed}).text)
    return path


def settings_of(simulator: Simulator, directory: Path, **said: Any) -> Settings:
    """Settings of a gateway of tests; ``said`` replaces them one by one."""
    usual: dict[str, Any] = {
        "database_url": f"sqlite:///{directory / 'proxy.db'}",
        "master_key": Secret(MASTER),
        "transport": "httpx",
        "requests_a_minute": 10_000,
    }
    if "config" not in said:
        usual["config"] = config_of(simulator, directory)
    return Settings(**{**usual, **said})


@contextmanager
def gateway(directory: Path, **said: Any) -> Iterator[Served]:
    """A gateway on a loopback port, with a simulator behind it."""
    with Simulator() as simulator:
        app = create_app(settings_of(simulator, directory, **said))
        with _listening(app) as origin:
            yield Served(origin, app, simulator)


@asynccontextmanager
async def called(directory: Path, key: str | None = MASTER, **said: Any) -> AsyncIterator[Called]:
    """A gateway in this event loop, whose client shows this key. Its streams come when they are whole."""
    with Simulator() as simulator:
        async with create_app(settings_of(simulator, directory, **said)) as app:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://gateway", headers=shown(key)
            ) as http:
                yield Called(http, app, simulator)


@contextmanager
def _listening(app: Any) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, log_config=None, lifespan="on", ws="websockets-sansio", timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),), daemon=True)
        thread.start()
        try:
            _wait(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    end = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the gateway did not start: see its log"
        assert time.monotonic() < end, "the gateway does not start"
        time.sleep(0.005)
