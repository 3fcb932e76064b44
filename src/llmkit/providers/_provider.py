"""``Provider``: who is called, as data. One frozen value per provider; no subclass, no behaviour of its own.

A provider says which wires it speaks, with what differences, where, and under which names its key is found.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._flow import Flow
from .._http import Endpoint
from ..wires import ChatWire
from ..wires.openai_chat import OpenAIChat
from ._auth import Auth, Bearer

__all__ = ["OPENAI_CALLS", "Provider", "Where", "named", "openai_compatible"]

OPENAI_CALLS: Mapping[str, str] = {
    "embedding": "llmkit.wires.openai_embeddings:EMBEDDINGS",
    "moderation": "llmkit.wires.openai_moderation:MODERATIONS",
    "text_completion": "llmkit.wires.openai_text:OPEN",
    "image": "llmkit.wires.openai_images:IMAGES",
    "files": "llmkit.wires.openai_resources.files:FILES",
    "batches": "llmkit.wires.openai_resources.batches:BATCHES",
    "models": "llmkit.wires.openai_resources.models:MODELS",
    "speech": "llmkit.wires.openai_audio:SPEECH",
    "transcription": "llmkit.wires.openai_audio:TRANSCRIPTION",
    "rerank": "llmkit.wires.cohere_rerank:RERANK",
    "responses": "llmkit.wires.openai_responses:RESPONSES",
    "stored_responses": "llmkit.wires.openai_responses.stored:STORED",
    "count_tokens": "llmkit.providers._openai_calls:COUNT",
}
"""The kinds of call in OpenAI's form (or in the one that most hosts share), and where their wires live."""

_OVER_CHAT: Mapping[str, str] = {
    "responses": "llmkit.fronts.over_chat:responses_over",
    "messages": "llmkit.fronts.over_chat:messages_over",
}
"""Kinds of call that whoever can chat can answer, and what makes their wire of a chat wire."""


@dataclass(frozen=True, slots=True)
class Where:
    """What an address can be made of.

    ``base_url``: the one given, or the environment's, or the provider's own; ``given`` says whether it is the
    caller's. ``kind`` is the kind of call. ``headers`` and ``query`` are what goes along in any case.
    """

    provider: Provider
    model: str
    kind: str
    base_url: str | None
    given: bool
    options: Mapping[str, Any]
    environ: Mapping[str, str]
    headers: Mapping[str, str]
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider.

    ``base_url`` may have ``{variables}``, which ``variables`` maps to environment variables, or to options of the
    call, which are in lower case; the first that has a value wins. ``key_env``: the
    first one that is set wins. ``elsewhere`` names the provider whose rules hold when the caller gives another
    ``base_url``: behind somebody else's address, this provider's own rules are only a guess.
    """

    name: str
    base_url: str | None
    chat: ChatWire | None = None
    key_env: tuple[str, ...] = ()
    base_env: tuple[str, ...] = ()
    variables: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    auth: Auth = field(default_factory=Bearer)
    env_auth: Mapping[str, Auth] = field(default_factory=dict)
    """Environment variable to the auth that its value needs, where that is not ``auth``."""
    key_optional: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    header_env: Mapping[str, str] = field(default_factory=dict)
    """Header to the environment variable whose value it carries, where one is set."""
    idempotency_header: str | None = None
    """The header that makes a repeated request safe, where the provider has one."""
    elsewhere: str | None = None
    calls: Mapping[str, Any] = field(default_factory=dict)
    """Kinds of call other than chat to their wires, or to ``module:NAME``, where one is found when first needed."""
    families: tuple[tuple[str, Provider], ...] = ()
    """Pattern in a model's name to whose rules hold for it: wires, address, auth. The first that fits. What its group
    ``model`` finds, where it has one, is the name that is sent."""
    locate: Callable[[Where], Flow[Endpoint]] | None = None
    """Finds the address, where a base URL with variables cannot say it."""
    needs: tuple[tuple[str, ...], ...] = ()
    """What has to be said beside a key: of each, the ways to say it, which are variables (``"A B"``: both) or files
    (``~/…``). Only ``validate_environment`` looks at it, and names the first way where none is gone."""
    own_names: bool = False
    """Whether models are called as their users like: prices go by what the call or the answer says they are."""
    price_name: str = ""
    """Pattern in a model's name; its group ``model`` is what the catalogue knows the model by."""
    price_lists: tuple[str, ...] = ()
    """Other providers whose prices hold for what its own list does not have: one house under two names."""
    region: str = ""
    """Pattern in an address; its group ``region`` is where the call is served, which prices may depend on."""
    aliases: tuple[str, ...] = ()
    default_model: str | None = None
    """What the command line asks when no model is named."""
    docs: str = ""
    read: str = ""
    """The day on which ``docs`` was read, as an ISO date."""

    def auth_of(self, key_source: str | None) -> Auth:
        """How a key from this source is shown."""
        return self.env_auth.get(key_source or "", self.auth)

    def names_of(self, variable: str) -> Sequence[str]:
        """Where the value of a variable in the base URL is looked for."""
        names = self.variables.get(variable, variable.upper())
        return (names,) if isinstance(names, str) else names

    def family_of(self, model: str) -> Provider:
        """Whose rules hold for a model: the provider's own, or those of a family of models that it serves."""
        found = (rules for pattern, rules in self.families if re.search(pattern, model))
        return next(found, self)

    def name_of(self, model: str) -> str:
        """A model's name without what only says whose rules hold for it."""
        matches = (re.search(pattern, model) for pattern, _ in self.families)
        found = next(filter(None, matches), None)
        return model if found is None else found.groupdict().get("model") or model

    def priced_name(self, model: str) -> str:
        """What the catalogue knows a model by: without the route to it, its place, its owner."""
        found = re.fullmatch(self.price_name, model) if self.price_name else None
        return model if found is None else found["model"]

    def facts_at(self, address: str) -> Mapping[str, str]:
        """What an address says that prices can depend on."""
        found = re.search(self.region, address) if self.region else None
        return {} if found is None else {"region": found["region"]}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of call that it offers, for all of its models or some."""
        chat = () if self.chat is None else ("chat", *_OVER_CHAT)
        of_families = (kind for _, rules in self.families for kind in rules.kinds)
        return tuple(dict.fromkeys((*chat, *self.calls, *of_families)))

    def wire(self, kind: str) -> Any:
        """The wire for a kind of call; ``None`` where the provider does not offer it."""
        if kind == "chat" and self.chat is not None:
            return self.chat
        wire = self.calls.get(kind)
        if wire is None and kind in _OVER_CHAT:
            chat = self.wire("chat")
            return chat and named(_OVER_CHAT[kind])(chat)
        return named(wire) if isinstance(wire, str) else wire


@functools.cache
def named(place: str) -> Any:
    """What ``module:NAME`` says."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def openai_compatible(
    name: str,
    base_url: str | None,
    *key_env: str,
    base_env: tuple[str, ...] = (),
    chat: OpenAIChat | None = None,
    key_optional: bool = False,
    variables: Mapping[str, str | Sequence[str]] | None = None,
    headers: Mapping[str, str] | None = None,
    header_env: Mapping[str, str] | None = None,
    auth: Auth | None = None,
    calls: Sequence[str] | Mapping[str, Any] = (),
    aliases: tuple[str, ...] = (),
    default_model: str | None = None,
    docs: str = "",
    read: str = "",
) -> Provider:
    """A provider whose chat is OpenAI's, in one line; ``calls``: what else is OpenAI's, or kinds of call to wires.

    All of them list their models as OpenAI does.

    Example:
        >>> openai_compatible("acme", "https://api.acme.test/v1", "ACME_API_KEY").key_env
        ('ACME_API_KEY',)
    """
    made = Provider(
        name=name,
        base_url=base_url,
        chat=chat or OpenAIChat(),
        key_env=key_env,
        base_env=base_env or (f"{name.upper()}_API_BASE", f"{name.upper()}_BASE_URL"),
        key_optional=key_optional,
        variables=variables or {},
        headers=headers or {},
        header_env=header_env or {},
        calls=_calls(calls),
        aliases=aliases,
        default_model=default_model,
        docs=docs,
        read=read,
    )
    return made if auth is None else replace(made, auth=auth)


def _calls(given: Sequence[str] | Mapping[str, Any]) -> Mapping[str, Any]:
    named = given if isinstance(given, Mapping) else {kind: OPENAI_CALLS[kind] for kind in given}
    return {"models": OPENAI_CALLS["models"], **named}
