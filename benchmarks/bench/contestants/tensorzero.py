"""TensorZero's embedded gateway (Rust), without a database: observability is off."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import tensorzero

from bench.payload import KEY, MODEL

_CONFIG = """\
[gateway]
observability.enabled = false
[models.bench]
routing = ["bench"]
[models.bench.providers.bench]
type = "openai"
model_name = "{model}"
api_base = "{base_url}/"
api_key_location = "env::BENCHMARK_KEY"
"""


def _config(base_url: str) -> str:
    os.environ["BENCHMARK_KEY"] = KEY
    with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False) as file:
        file.write(_CONFIG.format(model=MODEL, base_url=base_url))
    return file.name


def _forget(config: str) -> None:
    Path(config).unlink()


def _prepare(messages: list[Any], tools: list[Any] | None) -> dict[str, Any]:
    told = [message for message in messages if message["role"] != "system"]
    said = [message["content"] for message in messages if message["role"] == "system"]
    functions = [tool["function"] for tool in tools or ()]
    system = {"system": "\n".join(said)} if said else {}
    asked = {"model_name": "bench", "input": {"messages": told, **system}}
    return {**asked, **({"additional_tools": functions} if functions else {})}


class Sync:
    """``TensorZeroGateway.inference``."""

    def __init__(self, base_url: str) -> None:
        config = _config(base_url)
        self._gateway = tensorzero.TensorZeroGateway.build_embedded(config_file=config)
        _forget(config)

    prepare = staticmethod(_prepare)

    def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return self._gateway.inference(**asked).content[0].text

    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The chunks of one answer."""
        yield from self._gateway.inference(**asked, stream=True)

    def close(self) -> None:
        """Leave nothing open."""
        self._gateway.close()


class Async:
    """``AsyncTensorZeroGateway.inference``; the gateway is built by the first call, which is never measured."""

    def __init__(self, base_url: str) -> None:
        self._config = _config(base_url)
        self._gateway: Any = None

    prepare = staticmethod(_prepare)

    async def _built(self) -> Any:
        if self._gateway is None:
            build = tensorzero.AsyncTensorZeroGateway.build_embedded
            self._gateway = await build(config_file=self._config)
            _forget(self._config)
        return self._gateway

    async def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return (await (await self._built()).inference(**asked)).content[0].text

    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The chunks of one answer."""
        async for chunk in await (await self._built()).inference(**asked, stream=True):
            yield chunk

    async def close(self) -> None:
        """Leave nothing open."""
        if self._gateway is not None:
            await self._gateway.close()
