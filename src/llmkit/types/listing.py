"""Models as their providers list them, and the tokens of a prompt as they count them. Data only.

Sources: the types of openai 3.54.0 and anthropic 2.12.0, and Gemini's v1beta reference, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import TypedDict, override

from ._shown import plural
from .answer import Answer

__all__ = ["ListedModel", "ModelDeleted", "ModelList", "NoParams", "TokenCount"]


class NoParams(TypedDict, total=False):
    """Of calls that have nothing to be said but whom they are for."""


class ListedModel(Answer):
    """A model. What the provider says beyond this is kept under its own names."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"display_name", "max_input_tokens", "max_output_tokens"}
    )

    id: str = ""
    object: str = "model"
    created: int | None = None
    owned_by: str | None = None
    display_name: str | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None


class ModelList(Answer):
    """All models that the key may use, from all pages, to be iterated."""

    object: str = "list"
    data: list[ListedModel] = Field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The names to call them by, without the provider's."""
        return [model.id for model in self.data]

    @override
    def __iter__(self) -> Iterator[ListedModel]:  # type: ignore[override]
        return iter(self.data)

    @override
    def _repr_markdown_(self) -> str:
        return "\n".join(
            [f"{plural(len(self.data), 'model')}\n", *(f"- {name}" for name in self.ids)]
        )


class ModelDeleted(Answer):
    """A fine-tuned model that is gone."""

    id: str = ""
    object: str = "model"
    deleted: bool = True


class TokenCount(Answer):
    """How many tokens a prompt has, as its provider counts it. Nothing was answered, and nothing is billed.

    ``cached_tokens``: how many of them are in a cached content. ``details``: by kind of content, where it is said.
    """

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"cached_tokens", "details"})

    object: str = "token_count"
    model: str = ""
    input_tokens: int = 0
    cached_tokens: int | None = None
    details: list[dict[str, Any]] | None = None

    @property
    def total_tokens(self) -> int:
        """LiteLLM's name for ``input_tokens``."""
        return self.input_tokens

    @override
    def _repr_markdown_(self) -> str:
        return f"{plural(self.input_tokens, 'token')}\n\n---\n*{self.model}*"
