"""Calls of several steps, as data: inputs in batches, jobs that are asked for, uploads, exchanges of credentials.

Their server answers by what it is asked and not in turn: a request that was given up may come whenever it likes.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import anyio
from typing_extensions import override

from llmkit import MediaPolicy, providers
from llmkit.providers import Provider
from llmkit.wires.openai_embeddings import OpenAIEmbeddings

from ..io._colour import KEY, MESSAGES
from ..io._server import Answer, Peer, Request, answer, completion, head
from ._world import Routed, World

__all__ = ["STEPS", "Brisk", "Stepping", "Steps", "lent", "world_of"]

SIZE = 150_000
"""Bytes of a file that is sent: three pieces."""
LIFE = 1000
"""Seconds that a token lives which is renewed before its end."""
PAST = "2020-01-01T00:00:00Z"
ROLE = "arn:aws:iam::123456789012:role/reader"
STEPPED = Provider(
    name="stepped",
    base_url=None,
    calls={"embedding": OpenAIEmbeddings(most=2)},
    idempotency_header="Idempotency-Key",
)


class Brisk:
    """A clock whose waits are a thousandth of what is asked for; its date can be moved on."""

    now = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.ahead = 0.0

    def wall(self) -> float:
        """The date."""
        return time.time() + self.ahead

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait."""
        self.slept.append(seconds)
        time.sleep(seconds / 1000)

    async def asleep(self, seconds: float) -> None:
        """Wait, awaiting it."""
        self.slept.append(seconds)
        await anyio.sleep(seconds / 1000)


class Stepping(Routed):
    """Providers and token servers in one. A job is under way when it is first asked for, and done at the second time.

    The ``hold``-th request from now on is not answered before ``gate`` is set, and ``came`` is called. Of one that is
    longer than ``sips`` no more is read, where that is not 0.
    """

    def __init__(self, size: int = SIZE) -> None:
        super().__init__()
        self._size = size
        self._numbers = itertools.count(1)
        self._asked: Counter[str] = Counter()
        self._folder = tempfile.TemporaryDirectory()
        self.hold = self.sips = 0
        self.gate = threading.Event()
        self.came: Callable[[], object] = bool

    @override
    def __enter__(self) -> Self:
        with self.file.open("wb") as file:
            file.truncate(self._size)
        self.token.write_text("ey" + "J0.x", encoding="ascii")
        return super().__enter__()

    @override
    def stop(self) -> None:
        self.gate.set()
        super().stop()
        self._folder.cleanup()

    @property
    def file(self) -> Path:
        """A recording."""
        return Path(self._folder.name) / "spoken.wav"

    @property
    def token(self) -> Path:
        """A file with a token, as a cluster writes it."""
        return Path(self._folder.name) / "token"

    @override
    def _next(self, request: Request) -> Answer:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            self.hold -= 1
            held = self.hold == 0
        if held:
            self.came()
            self.gate.wait(10)
        path = request.target.partition("?")[0]
        return next(made for part, made in _ROUTES.items() if part in path)(self, request, path)

    @override
    def _more(self, peer: Peer, data: bytes) -> bytes:
        if self.sips and len(data) > self.sips:
            self.came()
            self.gate.wait(10)
            return data
        return super()._more(peer, data)

    def number(self) -> str:
        """A name for something new."""
        return f"n{next(self._numbers)}"

    def is_done(self, path: str) -> bool:
        """Whether what is made there is done by now."""
        with self._changed:
            self._asked[path] += 1
            return self._asked[path] > 1


def _vectors(server: Stepping, request: Request, path: str) -> Answer:
    many = range(len(request.json()["input"]))
    data = [{"object": "embedding", "index": i, "embedding": [1.0, 0.5]} for i in many]
    usage = {"prompt_tokens": len(many), "total_tokens": len(many)}
    return answer({"object": "list", "model": "m", "data": data, "usage": usage})


def _prediction(server: Stepping, request: Request, path: str) -> Answer:
    if request.method == "POST":
        made = server.number()
        told = {"status": "starting", "urls": {"stream": f"{server.origin}/stream/{made}"}}
        return answer({"id": made, **told}, 201)
    made = path.rpartition("/")[2]
    if not server.is_done(path):
        return answer({"id": made, "status": "processing"})
    return answer({"id": made, "status": "succeeded", "output": ["Hello", " there"]})


def _stream(server: Stepping, request: Request, path: str) -> Answer:
    said = b"event: output\ndata: Hello\n\nevent: done\ndata: {}\n\n"
    return [head(200, "text/event-stream", content_length=len(said)) + said]


def _transcript(server: Stepping, request: Request, path: str) -> Answer:
    if request.method == "POST":
        return answer({"id": server.number(), "status": "queued"})
    if path.endswith("/srt"):
        return answer("1\n00:00:00,000 --> 00:00:01,000\nHello\n", content_type="text/plain")
    done = server.is_done(path)
    told = {"status": "completed", "text": "Hello"} if done else {"status": "processing"}
    return answer({"id": path.rpartition("/")[2], **told})


def _file(server: Stepping, request: Request, path: str) -> Answer:
    made = {"id": server.number(), "object": "file", "bytes": SIZE, "created_at": 1}
    return answer({**made, "filename": "spoken.wav", "purpose": "user_data"})


def _lasting(server: Stepping, request: Request, path: str) -> Answer:
    return answer({"access_token": f"tok-{server.number()}", "expires_in": LIFE})


def _passing(server: Stepping, request: Request, path: str) -> Answer:
    """A token that serves once: the next call needs another."""
    return answer({"access_token": f"tok-{server.number()}", "expires_in": 0})


def _keys(server: Stepping, request: Request, path: str) -> Answer:
    found = {"AccessKeyId": "AK" + "1", "SecretAccessKey": "sec" + "ret", "Expiration": PAST}
    if path.startswith("/sts"):
        told = "".join(f"<{name}>{value}</{name}>" for name, value in found.items())
        return answer(f"<Answer>{told}</Answer>", content_type="text/xml")
    return answer(found | {"Token": "session"})


def _says(body: Any) -> Callable[[Stepping, Request, str], Answer]:
    said = answer(body)
    return lambda server, request, path: said


_GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
}  # fmt: skip
_CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}
_ROUTES: Mapping[str, Callable[[Stepping, Request, str], Answer]] = {
    "/embeddings": _vectors,
    "/predictions": _prediction,
    "/stream/": _stream,
    "/upload": lambda server, request, path: answer({"upload_url": "https://kept.invalid/1"}),
    "/transcript": _transcript,
    "/files": _file,
    "/lasting/": _lasting,
    "/oauth2/": _passing,
    "/subject": _says("ey" + "J0.subject"),
    "/google-sts": _passing,
    "/impersonated": lambda server, request, path: answer(
        {"accessToken": server.number(), "expireTime": PAST}
    ),
    ":generateContent": _says(_GEMINI),
    "/converse": _says(_CONVERSE),
    "/latest/api/token": _says("imds-" + "token"),
    "/security-credentials/reader": _keys,
    "/security-credentials/": _says("reader"),
    "/sts": _keys,
    "/image": lambda server, request, path: answer(b"\x89PNG", content_type="image/png"),
    "/api/chat": _says({"model": "m", "message": {"content": "Hi"}, "done": True}),
    "/chat/completions": lambda server, request, path: completion(),
}


Params = Callable[[Stepping], Mapping[str, Any]]


@dataclass(frozen=True)
class Steps:
    """A call, the same in each colour."""

    call: str
    """The client's method."""
    asks: str
    """Its requests in turn: ``c`` of the call itself, ``t`` to others: a token server, one that has an image."""
    params: Params
    environ: Params = field(default=lambda server: {})
    key: bool = True
    """Whether its client has a key."""
    renews: bool = False
    """Whether the token it has is to be renewed."""

    async def awaited(self, world: World) -> Any:
        """Make the call."""
        made = await getattr(world.client, f"a{self.call}")(**self._given(world))
        return await made.until_done() if hasattr(made, "until_done") else made

    def blocking(self, world: World) -> Any:
        """Make the call in sync code."""
        made = getattr(world.client, self.call)(**self._given(world))
        return made.until_done() if hasattr(made, "until_done") else made

    def _given(self, world: World) -> Mapping[str, Any]:
        if self.renews:
            world.client._clock.ahead += 0.85 * LIFE
        return {**self.params(world.server), "num_retries": 0}


def world_of(steps: Steps, server: Stepping, **options: Any) -> World:
    """A client for this call, whose waits take no time."""
    key = KEY if steps.key else None
    given = {"api_key": key, "clock": Brisk(), "environ": dict(steps.environ(server))}
    return World(server, **{**given, **options})


def lent() -> AbstractContextManager[Any]:
    """While it lasts there is a provider that takes two inputs at a time."""
    return providers.lend(STEPPED)


def _chat(model: str, **params: Any) -> Params:
    return lambda server: {"model": model, "messages": MESSAGES, **params}


def _heard(server: Stepping) -> Mapping[str, Any]:
    return {"model": "assemblyai/best", "file": server.file, "response_format": "srt"}


def _client_credentials(server: Stepping) -> Mapping[str, Any]:
    who = {"tenant_id": "t-1", "client_id": "c-1", "client_secret": "sh" + "h"}
    return {**_chat("azure/gpt-4o")(server), **who}


def _external_account(server: Stepping) -> Mapping[str, Any]:
    info = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/pool",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "credential_source": {"url": f"{server.origin}/subject"},
        "token_url": f"{server.origin}/google-sts",
        "service_account_impersonation_url": f"{server.origin}/impersonated",
    }
    asked = _chat("vertex_ai/gemini-2.5-flash", vertex_project="p-1", vertex_location="us-east1")
    return {**asked(server), "vertex_credentials": info}


_BEDROCK = _chat("bedrock/amazon.nova-lite-v1:0", aws_region_name="us-east-1")


def _seen(server: Stepping) -> Mapping[str, Any]:
    image = {"type": "image_url", "image_url": {"url": f"{server.origin}/image"}}
    local = MediaPolicy(schemes=("http",), public_only=False)
    asked = {"model": "ollama/m", "messages": [{"role": "user", "content": [image]}]}
    return {**asked, "fetch_media": local}


def _web_identity(server: Stepping) -> Mapping[str, str]:
    return {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(server.token),
        "AWS_ENDPOINT_URL_STS": f"{server.origin}/sts",
    }


def _instance(server: Stepping) -> Mapping[str, str]:
    return {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.origin,
        "AWS_CONFIG_FILE": f"{server.token}.config",
        "AWS_SHARED_CREDENTIALS_FILE": f"{server.token}.credentials",
    }


def _authority(server: Stepping) -> Mapping[str, str]:
    return {"AZURE_AUTHORITY_HOST": server.origin}


STEPS: Mapping[str, Steps] = {
    "batches": Steps(
        "embedding",
        "ccc",
        lambda server: {"model": "stepped/m", "input": ["a", "b", "c", "d", "e"]},
    ),
    "prediction": Steps("completion", "ccc", _chat("replicate/meta/llama-3")),
    "prediction's stream": Steps("completion", "cc", _chat("replicate/meta/llama-3", stream=True)),
    "transcript": Steps("transcription", "ccccc", _heard),
    "file": Steps(
        "create_file",
        "c",
        lambda server: {
            "file": server.file,
            "purpose": "user_data",
            "custom_llm_provider": "openai",
        },
    ),
    "image of a prompt": Steps("completion", "tc", _seen),
    "client credentials": Steps("completion", "tc", _client_credentials, _authority, key=False),
    "renewal": Steps(
        "completion",
        "tc",
        _client_credentials,
        lambda server: {"AZURE_AUTHORITY_HOST": f"{server.origin}/lasting"},
        key=False,
        renews=True,
    ),
    "external account": Steps("completion", "tttc", _external_account, key=False),
    "web identity": Steps("completion", "tc", _BEDROCK, _web_identity, key=False),
    "instance": Steps(
        "completion",
        "tttc",
        _BEDROCK,
        _instance,
        key=False,
    ),
}
