"""The provider ``parrot``: who is called, where, and how a key is shown. Found by llmkit through the entry point."""

from __future__ import annotations

from llmkit.plugins import Provider

from ._auth import Signature
from ._wire import Enveloped

__all__ = ["PROVIDER"]

PROVIDER = Provider(
    name="parrot",
    base_url="https://api.parrot.example/v2",
    chat=Enveloped(),
    key_env=("PARROT_API_KEY",),
    base_env=("PARROT_API_BASE",),
    auth=Signature(),
    default_model="grey-1",
    docs="https://parrot.example/docs/generate",
    read="2026-11-22",
)
