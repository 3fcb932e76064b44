"""Text completions: parameters, whole answers and chunks, in the form of OpenAI's older API. Data only.

Source: the types of openai 3.54.0, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import TypedDict, override

from ._model import Model
from .answer import Answer
from .params import CallOptions
from .usage import Usage

__all__ = [
    "TextChoice",
    "TextCompletion",
    "TextCompletionChunk",
    "TextLogprobs",
    "TextModelParams",
    "TextParams",
]


class TextModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    best_of: int | None
    """Make so many and return the best ``n``; all of them are billed."""
    echo: bool | None
    """Whether the prompt is repeated before the answer."""
    frequency_penalty: float | None
    """-2 to 2; more than 0 keeps from repeating."""
    logit_bias: Mapping[str, float] | None
    """Token id to bias, -100 to 100."""
    logprobs: int | None
    """How many alternatives to return for each token, 0 to 5."""
    max_tokens: int | None
    """Most tokens of each answer."""
    n: int | None
    """How many answers for each prompt."""
    presence_penalty: float | None
    """-2 to 2; more than 0 drives towards new topics."""
    seed: int | None
    """For answers as repeatable as the provider can make them."""
    stop: str | Sequence[str] | None
    """Texts that end the answer; they are not part of it."""
    suffix: str | None
    """What comes after the text that is to be made."""
    temperature: float | None
    """Randomness, 0 to 2."""
    top_p: float | None
    """Sample from the likeliest tokens that make up this probability, 0 to 1."""
    top_k: int | None
    """Sample from this many likeliest tokens; not OpenAI's."""
    user: str | None
    """Your end user's id, for the provider's abuse detection."""
    stream_options: Mapping[str, Any] | None
    """``include_usage``; it is asked for anyway."""


class TextParams(TextModelParams, CallOptions, total=False):
    """All keywords of ``text_completion`` but ``prompt``, ``model`` and ``stream``."""


class TextLogprobs(Model):
    """Log-probabilities; the four lists have one entry for each token."""

    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None
    text_offset: list[int] | None = None


class TextChoice(Model):
    """One answer, or a piece of it. With several prompts, the first ``n`` belong to the first."""

    text: str = ""
    index: int = 0
    logprobs: TextLogprobs | None = None
    finish_reason: str | None = None


class TextCompletion(Answer):
    """A complete answer."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"system_fingerprint"})

    id: str = ""
    object: str = "text_completion"
    created: int | None = None
    model: str = ""
    choices: list[TextChoice] = Field(default_factory=list)
    usage: Usage | None = None
    system_fingerprint: str | None = None

    @property
    def text(self) -> str:
        """The text of the first choice; empty where there is none."""
        return self.choices[0].text if self.choices else ""

    @override
    def wrote(self) -> Any:
        """The texts."""
        return [choice.text for choice in self.choices]

    @override
    def _parts(self) -> list[tuple[str, str, str]]:
        return [("text", "", choice.text) for choice in self.choices]

    @override
    def _repr_markdown_(self) -> str:
        return self._markdown()

    def _repr_html_(self) -> str:
        return self._html()


class TextCompletionChunk(Model):
    """One piece of a streamed answer: the same form, with what each text gains."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"system_fingerprint", "usage"})

    id: str = ""
    object: str = "text_completion"
    created: int | None = None
    model: str = ""
    choices: list[TextChoice] = Field(default_factory=list)
    usage: Usage | None = None
    system_fingerprint: str | None = None

    @property
    def text(self) -> str:
        """The text that the first choice gains."""
        return self.choices[0].text if self.choices else ""
