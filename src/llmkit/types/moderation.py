"""Moderation: what was asked, and the verdict on each input. Data only.

Source: the types of openai 3.54.0, read 2026-11-22.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from typing_extensions import TypedDict, override

from .._call import Call
from .._cost import Measure
from ._model import Model
from .answer import Answer
from .params import CallOptions
from .usage import Usage

__all__ = [
    "ModerationModelParams",
    "ModerationParams",
    "ModerationResponse",
    "ModerationResult",
    "Verdicts",
]


class ModerationModelParams(TypedDict, total=False):
    """What goes to the model. Nothing but the input and the model's name is documented."""

    metadata: dict[str, Any] | None
    """Tags that the provider keeps with the request (Mistral)."""


class ModerationParams(ModerationModelParams, CallOptions, total=False):
    """All keywords of ``moderation`` but ``input`` and ``model``."""


class Verdicts(Model):
    """One value for each category, under the provider's own names.

    ``verdicts["self-harm/intent"]`` and ``verdicts.self_harm_intent`` are the same.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    else:

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_"):
                for key, value in (self.__pydantic_extra__ or {}).items():
                    if key.replace("/", "_").replace("-", "_") == name:
                        return value
            return super().__getattr__(name)


class ModerationResult(Model):
    """The verdict on one input.

    ``flagged``: whether any category applies. ``category_scores`` are between 0 and 1.
    ``category_applied_input_types`` says which kinds of input each score was made from.
    """

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"category_applied_input_types"})

    flagged: bool | None = None
    categories: Verdicts = Field(default_factory=Verdicts)
    category_scores: Verdicts = Field(default_factory=Verdicts)
    category_applied_input_types: Verdicts | None = None


class ModerationResponse(Answer):
    """The verdicts, one for each text; one for all parts of an input that is text and images."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"usage"})

    id: str = ""
    model: str = ""
    results: list[ModerationResult] = Field(default_factory=list)
    usage: Usage | None = None

    @override
    def measured(self, call: Call | None) -> tuple[Measure, ...]:
        """The request: who does not count tokens may charge for it, or for nothing."""
        return (Measure("request", 1, "request"),)

    @override
    def _repr_markdown_(self) -> str:
        lines = [f"{place}. {_verdict(result)}" for place, result in enumerate(self.results, 1)]
        return "\n".join([*lines, f"\n---\n*{self.model}*"])


def _verdict(result: ModerationResult) -> str:
    """The categories that apply, and how surely."""
    scores = result.category_scores
    found = [name for name in result.categories.keys() if result.categories[name]]  # noqa: SIM118
    named = ", ".join(f"{name} ({scores.get(name, '?')})" for name in found)
    return " ".join(filter(None, ["**flagged**" if result.flagged else "not flagged", named]))
