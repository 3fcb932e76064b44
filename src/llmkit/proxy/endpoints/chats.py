"""Chat completions, text completions and embeddings, in OpenAI's form; and all paths of this kind.

What is asked for is the library's to refuse or to send; what a caller may ask is ``asking``'s and ``beside``'s.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import BaseRoute, Route

from ..._json import dump
from ...errors import UnsupportedParamsError
from ...fronts import chat as front
from ...types.embedding import EmbeddingModelParams
from ...types.text import TextModelParams
from ..failure import Refused
from . import generating, messages, responses
from .beside import wrong
from .containers import Noted, in_chat, runs_code
from .exchange import Endpoint, Exchange, written
from .relay import whole

if TYPE_CHECKING:
    from ..gateway import Gateway

__all__ = ["ChatTeller", "kept_of", "opened", "routes", "split"]

_CHAT: Final = "chat.completion"
_TEXT: Final = "text_completion"


def routes(gateway: Gateway) -> list[BaseRoute]:
    """All paths that chats are asked at."""
    found: list[BaseRoute] = []
    for work, name in (
        (chat, "chat/completions"),
        (text, "completions"),
        (embedding, "embeddings"),
    ):
        endpoint = Endpoint(gateway, work)
        found += [
            Route(f"{before}/{name}", endpoint, methods=["POST"])
            for before in ("/v1", "", "/engines/{model:path}", "/openai/deployments/{model:path}")
        ]
    for others in (responses, messages, generating):
        found += others.routes(gateway)
    return found


def split(
    fields: Mapping[str, Any], known: frozenset[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A body's fields: those that the library knows as parameters, and those that one provider may know."""
    given = {name: value for name, value in fields.items() if value is not None}
    params = {name: value for name, value in given.items() if name in known}
    return params, {name: value for name, value in given.items() if name not in known}


def kept_of(params: dict[str, Any], native: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords for a call: parameters, and what one provider may know, as it is."""
    return {**params, "extra_body": dict(native)} if native else params


# --- chat completions


class ChatTeller:
    """A stream of chat, or of text: the chunk that only tells the usage is for those who asked for it."""

    def __init__(self, params: Mapping[str, Any], kind: str) -> None:
        options = params.get("stream_options")
        self._usage = isinstance(options, Mapping) and bool(options.get("include_usage"))
        self._kind = kind
        self.as_sent = kind == f"{_CHAT}.chunk"
        """Whether what a provider of the same form sends is what is to be told."""

    def piece(self, chunk: Any) -> bytes:
        """A chunk as an event."""
        if not (chunk.choices or self._usage):
            return b""
        return b"data: " + written(chunk, self._kind) + b"\n\n"

    def last(self) -> bytes:
        """OpenAI's own end."""
        return front.DONE

    def failed(self, refused: Refused) -> bytes:
        """The error, as an event; its readers expect no end after it."""
        return front.frame(refused.body())


async def opened(exchange: Exchange, *, streams: bool) -> tuple[Any, dict[str, Any]]:
    """The answer to a chat, or its stream; and the parameters that it was asked with."""
    model, messages, params = _asked(exchange)
    with exchange.around("acompletion", model):
        calls = exchange.gateway.calls
        answer = await calls.acompletion(model, messages, stream=streams, **params)
    return answer, params


def _asked(exchange: Exchange) -> tuple[str, Any, dict[str, Any]]:
    """Model, messages and parameters of a chat."""
    model = exchange.model()
    asked = front.read({**exchange.fields, "model": model})
    kept = kept_of(asked.params, asked.native) if asked.native else asked.params
    params = {**kept, **exchange.beside.options}
    if not params.get("store"):
        # OpenAI takes tags for what it keeps, and refuses them elsewhere; LiteLLM's clients send theirs always.
        params.pop("metadata", None)
    return model, asked.messages, params


async def chat(exchange: Exchange) -> None:
    """``POST /v1/chat/completions``."""
    streams = exchange.streams
    model, messages, params = _asked(exchange)
    containers = Noted(exchange, model) if runs_code(exchange.fields) else None
    with exchange.around("acompletion", model):
        calls = exchange.gateway.calls
        answer = await calls.acompletion(model, messages, stream=streams, **params)
    if streams:
        noted = containers.in_chunks(answer) if containers else None
        await exchange.relay(answer, ChatTeller(params, f"{_CHAT}.chunk"), noted=noted)
    else:
        if containers:
            await containers.note(answer, in_chat(answer.to_dict()))
        await exchange.tell(answer, whole(answer, _written_chat))


def _written_chat(answer: Any) -> bytes:
    return written(answer, _CHAT)


# --- text completions

_OF_TEXT: Final = frozenset(TextModelParams.__annotations__)
_OF_EMBEDDING: Final = frozenset(EmbeddingModelParams.__annotations__)


async def text(exchange: Exchange) -> None:
    """``POST /v1/completions``."""
    model, streams, calls = exchange.model(), exchange.streams, exchange.gateway.calls
    exchange.fields.pop("metadata", None)
    prompt = exchange.fields.pop("prompt", None)
    if not isinstance(prompt, str | list):
        raise wrong("prompt must be a text or a list", "prompt")
    params = {**kept_of(*split(exchange.fields, _OF_TEXT)), **exchange.beside.options}
    with exchange.around("atext_completion", model):
        answer = await calls.atext_completion(prompt, model, stream=streams, **params)
    if streams:
        await exchange.relay(answer, ChatTeller(params, _TEXT))
    else:
        await exchange.tell(answer, written(answer, _TEXT))


# --- embeddings


async def embedding(exchange: Exchange) -> None:
    """``POST /v1/embeddings``. OpenAI's SDKs ask for base64 of everybody; who has only numbers is asked for those."""
    model = exchange.model()
    exchange.fields.pop("metadata", None)
    given = exchange.fields.pop("input", None)
    if not isinstance(given, str | list) or not given:
        raise wrong("input must be a text or a list that is not empty", "input")
    params = {**kept_of(*split(exchange.fields, _OF_EMBEDDING)), **exchange.beside.options}
    packed = params.get("encoding_format") == "base64"
    with exchange.around("aembedding", model):
        answer = await _embedded(exchange.gateway.calls, model, given, params)
    whole = answer.model_dump(exclude_unset=True) if packed else None
    if whole is None or all(isinstance(one["embedding"], str) for one in whole["data"]):
        await exchange.tell(answer, written(answer, "list"))
        return
    for one in whole["data"]:
        one["embedding"] = _packed(one["embedding"])
    await exchange.tell(answer, dump({"object": "list", **whole}))


async def _embedded(calls: Any, model: str, given: Any, params: dict[str, Any]) -> Any:
    try:
        return await calls.aembedding(model, given, **params)
    except UnsupportedParamsError as error:
        if error.param != "encoding_format" or params.get("encoding_format") != "base64":
            raise
    # Nothing was sent.
    rest = {name: value for name, value in params.items() if name != "encoding_format"}
    return await calls.aembedding(model, given, **rest)


def _packed(vector: Any) -> Any:
    """Numbers as base64 of little-endian 32-bit floats, which is OpenAI's."""
    if isinstance(vector, str):
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
