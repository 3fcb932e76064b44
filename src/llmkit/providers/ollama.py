"""Ollama, on this machine as a rule; ollama.com with a key.

Its default address and what ``OLLAMA_HOST`` may hold are in the server's ``envconfig/config.go``, the key in
https://docs.ollama.com/cloud; both read 2026-11-22.
"""

from __future__ import annotations

from ..wires.ollama_chat import OllamaChat
from ._provider import Provider

PROVIDER = Provider(
    name="ollama",
    base_url="http://localhost:11434",
    chat=OllamaChat(),
    key_env=("OLLAMA_API_KEY",),
    base_env=("OLLAMA_API_BASE", "OLLAMA_HOST"),
    key_optional=True,
    aliases=("ollama_chat",),
    docs="https://docs.ollama.com/api/chat",
    read="2026-11-22",
)
