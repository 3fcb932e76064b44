"""Write docs/providers.md from the registry.

usage: provider_table.py [--check]   (--check writes nothing; exit status 1 if the page is not current)
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from llmkit import providers
from llmkit.providers import Provider
from llmkit.wires.openai_chat import OpenAIChat

PAGE = Path(__file__).resolve().parents[1] / "docs" / "providers.md"
NONE = "-"
OPENING = """\
# Providers

The name stands before the slash: `llmkit.completion(model="groq/openai/gpt-oss-20b", ...)`. Of several
variables the first one that is set wins. A `{name}` in an address is filled from the variable beside it.
Any other address that speaks OpenAI's format is `openai_like/MODEL` with `base_url=`.

This page is written by `scripts/provider_table.py`.

"""
CALLS = """
## What they offer

`responses` and `messages` are there for every provider that can chat: where they are not listed, they go by its chat.

"""
DIFFERENCES = """
## Where they differ from OpenAI

A parameter that is refused raises `UnsupportedParamsError` before anything is sent, or is left out
with `drop_params=True`. `json_schema` and `json_object` are emulated by an instruction, the role
`developer` becomes `system`, marks of `cache_control` are left out: each is listed in the response's
ledger. What is renamed means the same.

"""


def code(names: Iterable[str]) -> str:
    """Names as Markdown code, separated by commas."""
    return ", ".join(f"`{name}`" for name in names) or NONE


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def address(provider: Provider) -> tuple[str, ...]:
    """One provider's line in the first table."""
    names = code((provider.name, *provider.aliases))
    keys = code(provider.key_env) + (" (optional)" if provider.key_optional else "")
    bases = code(
        (*provider.base_env, *(name for v in provider.variables for name in provider.names_of(v)))
    )
    source = f"[{provider.read}]({provider.docs})"
    return (names, keys, code(filter(None, [provider.base_url])), bases, source)


def offers(provider: Provider) -> tuple[str, ...]:
    """One provider's line in the table of calls: chat first, then the others by name."""
    chat = ["chat"] if provider.wire("chat") is not None else []
    return (code([provider.name]), code([*chat, *sorted(set(provider.calls) - {"chat"})]))


def difference(provider: Provider) -> tuple[str, ...] | None:
    """One provider's line in the second table, if it has one."""
    chat = provider.chat
    if not isinstance(chat, OpenAIChat) or not (chat.refused or chat.renamed):
        return None
    renamed = ", ".join(f"`{old}` to `{new}`" for old, new in sorted(chat.renamed.items()))
    return (code([provider.name]), code(sorted(chat.refused)), renamed or NONE)


def page() -> str:
    """The whole page."""
    every = [providers.get(name) for name in providers.names()]
    differing = filter(None, map(difference, every))
    return (
        OPENING
        + table(("Provider", "Key", "Address", "Address from", "Source, read"), map(address, every))
        + CALLS
        + table(("Provider", "Calls"), map(offers, every))
        + DIFFERENCES
        + table(("Provider", "Refused", "Renamed"), differing)
    )


def main(arguments: list[str]) -> int:
    """Write or check the page; returns the exit status."""
    if arguments == ["--check"]:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
