"""Every recorded exchange that llmkit has a call for: the call's name, its arguments, and the recorded answer.

The other tests' own readings of the requests are taken; here they are put in one form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from . import (
    _bedrock_rows,
    _cohere_requests,
    _gemini_rows,
    _ollama_chat,
    _other_calls,
    _other_rows,
    _reader,
    _responses_rows,
)
from . import test_anthropic_messages as anthropic
from . import test_bedrock_converse as converse
from . import test_bedrock_invoke as invoke
from . import test_cohere_chat as cohere
from . import test_embeddings as embeddings
from . import test_gemini as gemini
from . import test_ollama_chat as ollama
from . import test_openai_chat as chat
from . import test_other_calls as other
from . import test_responses as responses
from ._scope import OPENAI_CHAT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._reader import Row

BASE = "http://recorded.invalid/v1"
NATIVE = {"xai": "xai", "azure": "azure", "openai": "openai", "openrouter": "openrouter"}
"""Who answers in the Responses form: the file's name up to its dot → the provider."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call of the public client, and what was answered."""

    row: Row
    function: str
    keywords: dict[str, Any]

    @property
    def id(self) -> str:
        """The row's."""
        return self.row.id

    @property
    def provider(self) -> str:
        """Who is asked, as the model's name begins."""
        named = self.keywords.get("model") or self.keywords.get("custom_llm_provider") or ""
        return str(named).partition("/")[0]

    def answer(self) -> httpx.Response:
        """The recorded answer."""
        headers = {k: v for k, v in self.row.headers.items() if k.lower() != "content-encoding"}
        return httpx.Response(self.row.status, headers=headers, content=self.row.body)


class _Nowhere:
    """Stands for the server of the other tests: its address is all that is wanted."""

    def base_url(self, row: Row, cut: int = 0) -> str:
        return BASE


def every() -> Iterator[Exchange]:
    """All of them whose request was recorded and that were answered, file by file."""
    if _reader.directory() is None:
        return
    for source in _SOURCES:
        for made in source():
            if made.row.status < 300 and made.row.request is not None and not _filled(made):
                yield made


def _filled(made: Exchange) -> bool:
    """Whether a request stands there that was never sent, as the recorded one cannot be passed."""
    hello = [{"role": "user", "content": "Hello"}]
    return made.keywords.get("messages") == hello and '"Hello"' not in str(made.row.request)


def _made(row: Row, keywords: dict[str, Any], function: str = "completion") -> Exchange:
    given = {k: v for k, v in keywords.items() if k not in ("base_url", "api_key")}
    return Exchange(row, function, given)


def _chats() -> Iterator[Exchange]:
    directory = _reader.directory()
    assert directory is not None
    for api in OPENAI_CHAT:
        for row in _reader.rows(directory, api):
            yield _made(row, chat.asking(row))


def _messages() -> Iterator[Exchange]:
    for row in anthropic.rows():
        yield _made(row, anthropic.asking(row, BASE))


def _generated() -> Iterator[Exchange]:
    for found in _gemini_rows.exchanges():
        made = gemini.asking(found)
        made["model"] = made["model"].replace("_openapi/", "/")
        yield _made(found.row, made)


def _converse() -> Iterator[Exchange]:
    for api in converse.APIS:
        for found in _bedrock_rows.exchanges(api):
            yield _made(found.row, converse.asking(found, BASE))


def _invoked() -> Iterator[Exchange]:
    for api in invoke.APIS:
        for found in _bedrock_rows.exchanges(api):
            if invoke.makers.maker(found) in invoke.CHATS:
                yield _made(found.row, invoke.asking(found, BASE))


def _cohere() -> Iterator[Exchange]:
    for row in cohere.rows():
        if (sent := row.sent()) is not None:
            keywords = _cohere_requests.as_call(sent)
            yield _made(row, {**keywords, "stream": row.streaming})


def _ollama() -> Iterator[Exchange]:
    for found in _ollama_chat.exchanges(ollama.API):
        yield _made(found.row, ollama.asking(found))


def _responses() -> Iterator[Exchange]:
    for row in _responses_rows.rows():
        host = NATIVE.get(row.api.partition(".")[0])
        if host is not None and row.sent() is not None:
            made = responses.asking(row, BASE)
            made["model"] = f"{host}/{made['model'].partition('/')[2]}"
            yield _made(row, made, "responses")


def _embeddings() -> Iterator[Exchange]:
    for row in embeddings._rows().values():
        yield _made(row, embeddings.asking(row, _Nowhere()), "embedding")  # type: ignore[arg-type]


def _others() -> Iterator[Exchange]:
    for found in _other_rows.exchanges():
        if found.id not in other.NOT_THIS and found.method:
            function, keywords = _other_calls.asked(found)
            model = str(keywords.get("model") or "").replace("_openapi/", "/")
            stream = {"stream": True} if found.row.is_event_stream else {}
            yield _made(
                found.row, {**keywords, **({"model": model} if model else {}), **stream}, function
            )


_SOURCES = (
    _chats, _messages, _generated, _converse, _invoked, _cohere, _ollama, _responses, _embeddings, _others,
)  # fmt: skip
