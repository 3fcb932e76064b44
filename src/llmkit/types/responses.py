"""Answers and parameters in the form of OpenAI's Responses API.

Source: https://platform.openai.com/docs/api-reference/responses, read 2026-11-22. Data only, no provider.
Items and events are of many kinds, and of more each month: their fields are reached by name, known here or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, PrivateAttr
from typing_extensions import TypedDict, override

from .._call import Call
from .._cost import Measure
from ._model import Model
from .answer import Answer
from .params import CallOptions
from .usage import Usage

__all__ = [
    "DeletedResponse",
    "InputItems",
    "Response",
    "ResponseEvent",
    "ResponseItem",
    "ResponseUsage",
    "ResponsesModelParams",
    "ResponsesParams",
    "StoredModelParams",
    "StoredParams",
]


class ResponsesModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    instructions: str | None
    """What a system message says."""
    max_output_tokens: int | None
    """Most tokens of the answer, reasoning included."""
    max_tool_calls: int | None
    """Most calls of hosted tools."""
    temperature: float | None
    """Randomness, 0 to 2."""
    top_p: float | None
    """Sample from the likeliest tokens that make up this probability, 0 to 1."""
    top_logprobs: int | None
    """How many alternatives for each token, 0 to 20."""
    tools: Sequence[Mapping[str, Any]] | None
    """Tools: functions in this API's flat form, and hosted ones (``{"type": "web_search"}`` …)."""
    tool_choice: str | Mapping[str, Any] | None
    """``auto``, ``none``, ``required``, or one tool."""
    parallel_tool_calls: bool | None
    """Whether several tools may be called at once."""
    text: Mapping[str, Any] | None
    """``format`` and ``verbosity`` of the answer's text."""
    text_format: type | None
    """A pydantic class that the text shall be of; the instance is then ``.parsed``."""
    reasoning: Mapping[str, Any] | None
    """``effort``, ``summary``: how much to think, and what to show of it."""
    include: Sequence[str] | None
    """What more to return, such as ``reasoning.encrypted_content``."""
    previous_response_id: str | None
    """The stored answer that this call goes on from."""
    conversation: str | Mapping[str, Any] | None
    """The stored conversation that this call belongs to."""
    prompt: Mapping[str, Any] | None
    """A stored prompt, with its variables."""
    store: bool | None
    """Whether the provider keeps the answer; OpenAI does unless told not to."""
    background: bool | None
    """Whether the answer is made in the background, to be fetched later."""
    truncation: Literal["auto", "disabled"] | None
    """What to do with an input that is too long."""
    background_options: Mapping[str, Any] | None
    """``completion_window``: until when such an answer shall be there."""
    context_management: Sequence[Mapping[str, Any]] | None
    """When and how to compact what is too long."""
    moderation: Mapping[str, Any] | None
    """``model`` and ``policy``: have the input and the answer judged along the way."""
    access_programs: Mapping[str, Any] | None
    """Programs of the provider by which the model answers what it otherwise would not."""
    image: Mapping[str, Any] | None
    """``context_compression``: what is done with the pictures of the input."""
    metadata: Mapping[str, str] | None
    """Tags that the provider keeps with the answer."""
    service_tier: str | None
    """``auto``, ``default``, ``flex``, ``priority`` …; it changes the price."""
    prompt_cache_key: str | None
    """Requests with one key are sent where their prompt is likely cached."""
    prompt_cache_retention: str | None
    """How long the cached prompt is kept: ``in_memory`` or ``24h``."""
    prompt_cache_options: Mapping[str, Any] | None
    """How the prompt is cached, where one can choose."""
    safety_identifier: str | None
    """A stable, hashed id of your end user, for the provider's safety systems."""
    user: str | None
    """Your end user's id; older name."""
    stream_options: Mapping[str, Any] | None
    """``include_obfuscation``: whether events are padded against traffic analysis."""


class ResponsesParams(ResponsesModelParams, CallOptions, total=False):
    """All keywords of ``responses`` but ``input``, ``model`` and ``stream``."""


class StoredModelParams(TypedDict, total=False):
    """What can be said of an answer that the provider keeps."""

    include: Sequence[str] | None
    """What more to return."""
    starting_after: int | None
    """Stream what comes after the event of this ``sequence_number``."""
    include_obfuscation: bool | None
    """Whether the events of a stream are padded against traffic analysis."""
    after: str | None
    """List what comes after this item."""
    limit: int | None
    """How many items a page has."""
    order: Literal["asc", "desc"] | None
    """Which items come first."""


class StoredParams(StoredModelParams, CallOptions, total=False):
    """All keywords of ``get_responses`` and its kin but ``response_id``."""


class ResponseItem(Model):
    """One item of an answer: a message, a call, reasoning …, as ``type`` says."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"id", "status"})

    type: str = "message"
    id: str | None = None
    status: str | None = None


class InputTokensDetails(Model):
    """What the input's tokens were; each part is included in ``input_tokens``."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"cached_tokens"})

    cached_tokens: int | None = None


class OutputTokensDetails(Model):
    """What the output's tokens were; each part is included in ``output_tokens``."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"reasoning_tokens"})

    reasoning_tokens: int | None = None


class ResponseUsage(Model):
    """Tokens of a call. ``None`` means that the provider did not say; it never means zero."""

    input_tokens: int | None = None
    input_tokens_details: InputTokensDetails | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputTokensDetails | None = None
    total_tokens: int | None = None


_TOOLS: Final = {
    "file_search_call": ("file_search", "call"),
    "code_interpreter_call": ("code_interpreter", "session"),
    "image_generation_call": ("image_generation", "call"),
}
"""Items that are billed by themselves: by the call, or by the container that several of them ran in."""


class Response(Answer):
    """A whole answer. ``status`` says whether it is: ``completed``, ``incomplete``, ``in_progress`` …"""

    id: str = ""
    object: str = "response"
    created_at: float | None = None
    model: str = ""
    status: str | None = None
    output: list[ResponseItem] = Field(default_factory=list)
    error: dict[str, Any] | None = None
    incomplete_details: dict[str, Any] | None = None
    usage: ResponseUsage | None = None

    _counted: Usage | None = PrivateAttr(default=None)
    _parsed: Any = PrivateAttr(default=None)

    def count(self, usage: Usage | None) -> None:
        """Say what was used, in a chat's terms; whoever reads the answer does."""
        self._counted = usage

    @override
    def counted(self) -> Usage | None:
        """The tokens used, in a chat's terms."""
        return self._counted

    @override
    def wrote(self) -> Any:
        """The items."""
        return self.output

    @override
    def measured(self, call: Call | None) -> tuple[Measure, ...]:
        """Calls of the provider's own tools; searches of the web are counted in the usage."""
        used = {
            (item.type, item.get("container_id") or place)
            for place, item in enumerate(self.output)
            if item.type in _TOOLS
        }
        counts = Counter(kind for kind, _ in used)
        return tuple(
            Measure(dimension, counts[kind], unit)
            for kind, (dimension, unit) in _TOOLS.items()
            if kind in counts
        )

    @property
    def output_text(self) -> str:
        """All texts of the answer, one after another."""
        return "".join(self._texts())

    def _texts(self) -> Iterator[str]:
        for item in self.output:
            content = item.get("content") if item.type == "message" else None
            for part in content if isinstance(content, list) else ():
                if isinstance(part, Mapping) and part.get("type") == "output_text":
                    yield str(part.get("text") or "")

    @property
    def parsed(self) -> Any:
        """The answer as an instance of the class given as ``text_format``; ``None`` without one."""
        return self._parsed

    def keep_parsed(self, instance: Any) -> None:
        """Say what the text is an instance of; whoever asked for one does."""
        self._parsed = instance

    @override
    def _parts(self) -> list[tuple[str, str, str]]:
        found = []
        for item in self.output:
            if item.type == "reasoning":
                told = (part.get("text", "") for part in item.get("summary", ()))
                found.append(("reasoning", "", "\n\n".join(told)))
            elif item.type == "function_call":
                found.append(("call", str(item.get("name", "")), str(item.get("arguments", ""))))
        return [*found, ("text", "", self.output_text)]

    @override
    def _repr_markdown_(self) -> str:
        return self._markdown()

    def _repr_html_(self) -> str:
        return self._html()


class ResponseEvent(Model):
    """One event of a stream: ``type`` says which, and its own fields are beside."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"sequence_number"})

    type: str = ""
    sequence_number: int | None = None

    @property
    def text(self) -> str:
        """The text that the answer gains by this event."""
        delta = self.get("delta")
        said = self.type == "response.output_text.delta" and isinstance(delta, str)
        return delta if said else ""


class DeletedResponse(Answer):
    """What is said of an answer that the provider keeps no longer."""

    id: str = ""
    object: str = "response"
    deleted: bool = False


class InputItems(Answer):
    """What was asked in an answer that the provider keeps, a page of it, to be iterated."""

    object: str = "list"
    data: list[ResponseItem] = Field(default_factory=list)
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False

    @override
    def __iter__(self) -> Iterator[ResponseItem]:  # type: ignore[override]
        return iter(self.data)
