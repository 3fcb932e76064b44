"""What a block of documentation finds around it besides a simulator: files, other addresses, servers, earlier names.

A page says so above its block, where readers do not see it: ``<!-- run with: meeting.mp3, azure -->``. What has a dot
is a file, put into the block's folder; all else is a name of `STAGES`. Providers never are real ones.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from llmkit import catalogue
from llmkit.catalogue._bundle import write_bundle
from llmkit.testing import Simulator, scripted
from llmkit.testing._wires.openai_others import PICTURE

HERE = Path(__file__).parent
CALLS = {
    "custom_id": "1",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]},
}


@dataclass
class Scene:
    """One block before it is run. A stage changes it, and may hold something open while it runs."""

    code: str
    simulator: Simulator
    names: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    """What the block above left behind."""
    counted: list[Callable[[], int]] = field(default_factory=list)
    """How many requests came, to each that may be asked."""

    def replace(self, old: str, new: str) -> None:
        """What a page has to leave open, filled in."""
        assert old in self.code, f"the block does not say {old!r}"
        self.code = self.code.replace(old, new)


def suits(name: str) -> bytes:
    """What a file of this name holds."""
    kind = name.rpartition(".")[2]
    if kind == "pem":
        return (HERE / "io" / "self_signed.pem").read_bytes()
    return {
        "mp3": b"ID3\x04" + bytes(2000),
        "png": base64.b64decode(PICTURE),
        "jsonl": json.dumps(CALLS).encode(),
        "json": b'{"type": "service_account"}',
    }[kind]


@contextmanager
def staged(words: Sequence[str], scene: Scene) -> Iterator[Scene]:
    """The scene as these words want it."""
    scene.counted.append(lambda: len(scene.simulator.requests))
    with ExitStack() as held:
        for word in words:
            if "." in word:
                Path(word).parent.mkdir(exist_ok=True)
                Path(word).write_bytes(suits(word))
            elif word in STAGES:
                held.enter_context(contextmanager(STAGES[word])(scene))
        yield scene


def _above(scene: Scene) -> Iterator[None]:
    """It goes on from the block before it."""
    scene.names.update(scene.before)
    yield


def _messages(scene: Scene) -> Iterator[None]:
    """It asks what the page does not show once more."""
    scene.names["messages"] = [{"role": "user", "content": "Hi"}]
    yield


def _script(scene: Scene) -> Iterator[None]:
    """It says where it asks; a script answers there."""
    with scripted(otherwise="Hello.") as script:
        scene.counted.append(lambda: len(script.requests))
        yield


def _addresses(scene: Scene) -> Iterator[None]:
    """Hosts besides those that every block has."""
    known = {"ELEVENLABS": "elevenlabs", "HOSTED_VLLM": "hosted_vllm"}
    for variable, provider in known.items():
        os.environ[f"{variable}_API_KEY"] = "made-up"
        os.environ[f"{variable}_BASE_URL"] = os.environ[f"{variable}_API_BASE"] = (
            scene.simulator.base_url if provider == "hosted_vllm" else scene.simulator.origin
        )
    yield


def _lago(scene: Scene) -> Iterator[None]:
    """A key; nothing is sent before a call."""
    os.environ["LAGO_API_KEY"] = "made-up"
    yield


def _watsonx(scene: Scene) -> Iterator[None]:
    """A project's keys."""
    os.environ.update(WATSONX_API_KEY="made-up", WATSONX_REGION="eu-de", WATSONX_PROJECT_ID="p")
    yield


def _bundle(scene: Scene) -> Iterator[None]:
    """A catalogue to fetch, as a file: the built-in one."""
    data = Path(catalogue.__file__).parent / "data"
    parts = {name: (data / f"{name}.json").read_bytes() for name in catalogue.default().providers()}
    bundle = write_bundle(parts, catalogue.revision().partition("+")[0])
    Path("catalogue.bundle").write_bytes(bundle)
    os.environ["HOME"] = str(Path.cwd())
    Path(".cache").mkdir()
    scene.replace("https://example.com/catalogue.bundle", "catalogue.bundle")
    scene.replace('sha256="…"', f'sha256="{hashlib.sha256(bundle).hexdigest()}"')
    yield


def _gateway(scene: Scene) -> Iterator[None]:
    """A gateway, at an address and with a key of its own."""
    # With what a gateway needs: no other page waits for that.
    kit = importlib.import_module("proxy._kit")

    with kit.gateway(Path.cwd()) as served:
        scene.replace("http://localhost:4000", served.origin)
        scene.replace("sk-…", kit.MASTER)
        scene.counted.append(lambda: len(served.simulator.requests))
        yield


class _Taking(BaseHTTPRequestHandler):
    """Takes whatever is posted."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


def _langfuse(scene: Scene) -> Iterator[None]:
    """Something that stands for Langfuse."""
    server = HTTPServer(("127.0.0.1", 0), _Taking)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    os.environ["LANGFUSE_HOST"] = f"http://127.0.0.1:{server.server_port}"
    os.environ.update(LANGFUSE_PUBLIC_KEY="pk-lf-" + "p", LANGFUSE_SECRET_KEY="sk-lf-" + "s")
    yield
    server.shutdown()
    server.server_close()


STAGES: dict[str, Callable[[Scene], Iterator[None]]] = {
    "a bundle": _bundle,
    "a gateway": _gateway,
    "a key of Lago's": _lago,
    "a project at watsonx": _watsonx,
    "a script": _script,
    "Langfuse": _langfuse,
    "messages": _messages,
    "other addresses": _addresses,
    "the block above": _above,
}
