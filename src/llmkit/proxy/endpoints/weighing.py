"""What the calls of a batch cost at most, worked out line by line when they are looked at. Nothing is held here.

Each line's is the library's bound of the same call made by itself, at the prices of single calls: none that is billed
as a batch's costs more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ..._cost import MATH, Cost
from ...errors import LLMKitError
from ..gateway import Gateway
from . import places

__all__ = ["Weighed", "Weights", "path_of"]

_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "/chat/completions": ("completion", "messages"),
    "/completions": ("text_completion", "prompt"),
    "/embeddings": ("embedding", "input"),
    "/moderations": ("moderation", "input"),
    "/responses": ("responses", "input"),
    "/messages": ("messages", "messages"),
}
"""By a line's path: the call that it is, and what its text is called."""
_CHAT, _NATIVE = "/chat/completions", "/messages"
_ENDS: Final = 3 * 86_400.0
"""Seconds within which a batch has ended: a day at OpenAI and Anthropic, two at Google. Announced prices that hold by
then count. https://ai.google.dev/gemini-api/docs/batch-api, read 2026-11-23."""
_NO_FIELDS: Final = frozenset({"model", "stream"})


def path_of(url: str) -> str:
    """A path without its version."""
    return url.removeprefix("/v1")


@dataclass(slots=True)
class Weighed:
    """What the calls for one model cost at most. ``why``: why nobody knows; empty: ``usd`` is it."""

    group: str
    """The model as its sender called it."""
    usd: Decimal = Decimal(0)
    calls: int = 0
    why: str = ""


@dataclass(slots=True)
class Weights:
    """What the calls cost at most that were ``add``ed."""

    gateway: Gateway
    provider: str
    models: dict[str, Weighed] = field(default_factory=dict)
    """By the provider's name for the model."""
    paths: set[str] = field(default_factory=set)
    _asked: dict[str, str] = field(default_factory=dict)

    def add(self, line: Mapping[str, Any], body: Mapping[str, Any], group: str, named: str) -> None:
        """One more call.

        Args:
            line: as it is to be sent.
            body: what it asks.
            group: the model, as its sender calls it.
            named: the same, as the provider does.
        """
        found = self.models.setdefault(named, Weighed(group))
        found.calls += 1
        url = line.get("url")
        if isinstance(url, str):
            self.paths.add(path_of(url))
        if found.why:
            return
        # Where a line says no path, its form says it.
        usual = _NATIVE if "params" in line else _CHAT
        bound = self._bound(path_of(url) if isinstance(url, str) else usual, body, group)
        if isinstance(bound, Decimal):
            found.usd = MATH.add(found.usd, bound)
        else:
            found.why = bound

    def told(self) -> dict[str, Any]:
        """The same as JSON, for ``Kept.money``."""
        bounds = {
            name: {"group": one.group, "usd": str(one.usd), "calls": one.calls, "why": one.why}
            for name, one in self.models.items()
        }
        return {"bounds": bounds, "paths": sorted(self.paths)}

    def _bound(self, path: str, body: Mapping[str, Any], group: str) -> Decimal | str:
        """What it costs at most, or why that is not known."""
        if path not in _KINDS:
            return "what a call at its path costs is not known beforehand"
        kind, text = _KINDS[path]
        if text not in body:
            return f"a call names no {text}"
        asked = {name: value for name, value in body.items() if name not in _NO_FIELDS}
        try:
            bound = self.gateway.calls.cost_bound(
                kind, **_keywords(kind, asked), model=self._model(group), timeout=_ENDS
            )
        except LLMKitError as error:
            return error.message
        except TypeError:
            return "a call has a field that cannot be measured"
        if isinstance(bound, Cost) and bound.total is not None:
            return bound.total
        return getattr(bound, "reason", "") or "its price is not known"

    def _model(self, group: str) -> str:
        """Whom to ask for the bound: whoever the batch goes to, with the prices that were declared for it."""
        found = self._asked.get(group)
        if found is None:
            entries = self.gateway.calls.get_model_list(group)
            here = (e for e in entries if places.declared(e)[0] == self.provider)
            entry = next((e for e in here if "*" not in e["model_name"]), None)
            found = group if entry is None else str(entry["model_info"]["id"])
            self._asked[group] = found
        return found


def _keywords(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """A body as the library's arguments: what it knows as such, and the rest as it is."""
    known = _params(kind)
    given = {name: value for name, value in body.items() if name in known}
    rest = {name: value for name, value in body.items() if name not in known}
    return {**given, "extra_body": rest} if rest else given


def _params(kind: str) -> frozenset[str]:
    found = _KNOWN.get(kind)
    if found is None:
        from ...types import embedding, messages, moderation, params, responses, text  # noqa: PLC0415

        of: dict[str, Any] = {
            "completion": params.ModelParams,
            "text_completion": text.TextModelParams,
            "embedding": embedding.EmbeddingModelParams,
            "moderation": moderation.ModerationModelParams,
            "responses": responses.ResponsesModelParams,
            "messages": messages.MessagesModelParams,
        }
        texts = {"messages", "prompt", "input"}
        found = _KNOWN[kind] = frozenset(of[kind].__annotations__) | texts
    return found


_KNOWN: dict[str, frozenset[str]] = {}
