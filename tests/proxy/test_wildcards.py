"""A wildcard of the configuration stays up for all, whatever models one caller makes up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from llmkit._secret import Secret
from llmkit.proxy.app import create_app
from llmkit.proxy.settings import Settings
from llmkit.testing import Raw, scripted

from ._kit import MASTER, shown

_STATUSES = {"nope": 404, "*": 404, "denied": 403, "refused": 401}


def provider(request: Any) -> Any:
    """OpenAI, with few models, and a file that has expired."""
    body = request.json()
    if "input" in body:
        return Raw({"error": {"message": "No such file", "param": "file_id"}}, status=404)
    status = _STATUSES.get(body["model"])
    return Raw({"error": {"message": "no"}}, status=status) if status else "Here."


def settings(tmp_path: Path, workers: int) -> Settings:
    """Two accounts for all of OpenAI's models: that another could answer is when a failure rests the first."""
    keys = ("sk-" + "one", "sk-" + "two")
    params = [{"model": "openai/*", "api_key": key} for key in keys]
    listed = [{"model_name": "openai/*", "litellm_params": one} for one in params]
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_list": listed}))
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'proxy.db'}",
        master_key=Secret(MASTER),
        transport="httpx",
        config=config,
        workers=workers,
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("workers", [1, 2])
async def test_a_wrong_model_rests_nobody_else(tmp_path: Path, workers: int) -> None:
    """Neither one that there is not, nor one that the account may not use, nor a file that is gone."""
    with scripted(otherwise=provider):
        async with create_app(settings(tmp_path, workers)) as app:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://gateway", headers=shown(MASTER)
            ) as http:
                for model in _STATUSES:
                    asked = {"model": f"openai/{model}", "messages": _SAID, "num_retries": 0}
                    assert (await http.post("/v1/chat/completions", json=asked)).status_code >= 400
                gone = {"model": "openai/gpt-4o", "input": "Read it.", "num_retries": 0}
                assert (await http.post("/v1/responses", json=gone)).status_code == 404
                states = app.gateway.calls.deployments("openai/gpt-4o")
                assert {state.state for state in states} == {"well"}
                asked = {"model": "openai/gpt-4o", "messages": _SAID}
                assert (await http.post("/v1/chat/completions", json=asked)).status_code == 200


_SAID = [{"role": "user", "content": "Hi"}]
