"""Features that are still behind a header: what the request uses, and the name that lets it.

Sources: https://platform.claude.com/docs/en/api/beta-headers and the official SDK's list of betas, 2.12.0, read
2026-11-22. A feature that has left beta needs no name and has none here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

__all__ = ["BETA", "BETA_FIELD", "betas"]

BETA = "anthropic-beta"
BETA_FIELD = "anthropic_beta"
"""Its place in the body, at hosts that want it there."""

# Types of blocks and sources in the messages.
_BY_KIND = {
    "file": "files-api-2025-04-14",
    "container_upload": "files-api-2025-04-14",
    "compaction": "compact-2026-01-12",
    "tool_addition": "mid-conversation-tool-changes-2026-07-01",
    "tool_removal": "mid-conversation-tool-changes-2026-07-01",
}
_BY_TOOL = {
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
    "code_execution_20250522": "code-execution-2025-05-22",
    "advisor_20260301": "advisor-tool-2026-03-01",
}
_EDITS = {"compact_20260112": "compact-2026-01-12"}
_MCP, _MCP_BY_TOOLS = "mcp-client-2025-04-04", "mcp-client-2025-11-20"
_SKILLS = ("code-execution-2025-08-25", "skills-2025-10-02")


def _mcp(body: Mapping[str, Any]) -> Iterator[str]:
    by_tools = any(kind == "mcp_toolset" for kind in _types(body.get("tools")))
    yield _MCP_BY_TOOLS if by_tools else _MCP


def _context(body: Mapping[str, Any]) -> Iterator[str]:
    for kind in _types(body["context_management"].get("edits")):
        yield _EDITS.get(kind, "context-management-2025-06-27")


def _output(body: Mapping[str, Any]) -> Iterator[str]:
    if "task_budget" in body["output_config"]:
        yield "task-budgets-2026-03-13"


def _container(body: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(body["container"], Mapping) and body["container"].get("skills"):
        yield from _SKILLS


def _tools(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (_BY_TOOL[kind] for kind in _types(body["tools"]) if kind in _BY_TOOL)


def _fixed(name: str) -> Callable[[Mapping[str, Any]], Iterator[str]]:
    return lambda body: iter((name,))


_BY_FIELD: dict[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "mcp_servers": _mcp,
    "context_management": _context,
    "output_config": _output,
    "output_format": _fixed("structured-outputs-2025-11-13"),
    "container": _container,
    "tools": _tools,
    "speed": _fixed("fast-mode-2026-02-01"),
    "fallbacks": _fixed("server-side-fallback-2026-07-01"),
}


def betas(body: Mapping[str, Any], kinds: Collection[str]) -> list[str]:
    """The names of all beta features that a request uses; ``kinds`` are the types of its blocks."""
    found = [_BY_KIND[kind] for kind in _BY_KIND if kind in kinds]
    for name, names in _BY_FIELD.items():
        if body.get(name):
            found += names(body)
    return sorted(set(found))


def _types(items: Any) -> list[str]:
    if not isinstance(items, list | tuple):
        return []
    return [str(item.get("type")) for item in items if isinstance(item, Mapping)]
