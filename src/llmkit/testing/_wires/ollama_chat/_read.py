"""A checked request, read into what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._asked import Asked, Offered, fingerprint
from ..._tokens import count_prompt

__all__ = ["chat_asked", "generate_asked"]

Body = Mapping[str, Any]


def chat_asked(body: Body) -> Asked:
    """What a chat that `check_chat` let pass asks for."""
    messages = body.get("messages") or []
    last = messages[-1]
    said = next((message for message in reversed(messages) if message["role"] == "user"), last)
    return Asked(
        model=body["model"],
        digest=fingerprint(body),
        prompt_tokens=count_prompt(body),
        text=said.get("content") or "",
        attached=("image",) * len(said.get("images") or ()),
        result=last.get("content") or "" if last["role"] == "tool" else None,
        offered=tuple(_tool(tool["function"]) for tool in body.get("tools") or ()),
        **_settings(body),
    )


def generate_asked(body: Body) -> Asked:
    """What a completion that `check_generate` let pass asks for."""
    prompt = body.get("prompt") or ""
    return Asked(
        model=body["model"],
        digest=fingerprint(body),
        prompt_tokens=count_prompt({"messages": [{"content": prompt}]}),
        text=prompt,
        attached=("image",) * len(body.get("images") or ()),
        **_settings(body),
    )


def _settings(body: Body) -> dict[str, Any]:
    options, wanted = body.get("options") or {}, body.get("format")
    return {
        "wants": "schema" if isinstance(wanted, dict) else "object" if wanted == "json" else "text",
        "schema": wanted if isinstance(wanted, dict) else None,
        "reasons": "reason" in body["model"] and body.get("think") is not False,
        "stops": tuple(options.get("stop") or ()),
        # Negative numbers are no limit there.
        "limit": limit if (limit := options.get("num_predict") or 0) > 0 else None,
    }


def _tool(function: Body) -> Offered:
    return Offered(str(function.get("name")), "function", function.get("parameters"))
