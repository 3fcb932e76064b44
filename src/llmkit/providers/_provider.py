"""``Provider``: who is called, as data. One frozen value per provider; no subclass, no behaviour of its own.

A provider says which wires it speaks, with what differences, where, and under which names its key is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..wires import ChatWire
from ..wires.openai_chat import OpenAIChat
from ._auth import Auth, Bearer

__all__ = ["Provider", "openai_compatible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider.

    ``base_url`` may have ``{variables}``, which ``variables`` maps to environment variables. ``key_env``: the
    first one that is set wins. ``elsewhere`` names the provider whose rules hold when the caller gives another
    ``base_url``: behind somebody else's address, this provider's own rules are only a guess.
    """

    name: str
    base_url: str | None
    chat: ChatWire | None = None
    key_env: tuple[str, ...] = ()
    base_env: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
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
    aliases: tuple[str, ...] = ()
    default_model: str | None = None
    """What the command line asks when no model is named."""
    docs: str = ""
    read: str = ""
    """The day on which ``docs`` was read, as an ISO date."""

    def auth_of(self, key_source: str | None) -> Auth:
        """How a key from this source is shown."""
        return self.env_auth.get(key_source or "", self.auth)


def openai_compatible(
    name: str,
    base_url: str | None,
    *key_env: str,
    base_env: tuple[str, ...] = (),
    chat: OpenAIChat | None = None,
    key_optional: bool = False,
    variables: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    header_env: Mapping[str, str] | None = None,
    auth: Auth | None = None,
    aliases: tuple[str, ...] = (),
    default_model: str | None = None,
    docs: str = "",
    read: str = "",
) -> Provider:
    """A provider whose chat is OpenAI's, in one line.

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
        aliases=aliases,
        default_model=default_model,
        docs=docs,
        read=read,
    )
    return made if auth is None else replace(made, auth=auth)
