"""How answers, costs and tables look in a notebook: HTML in which nothing that a model wrote is markup.

Everything that comes from outside is escaped first; nothing here loads anything from anywhere, or runs. No colours but
the reader's own. Data in, text out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from .._cost import Cost, plain

__all__ = [
    "answer_markdown",
    "answer_page",
    "bar",
    "card",
    "cost_page",
    "escaped",
    "folded",
    "ledger_page",
    "markdown",
    "prose",
    "rows_page",
    "table",
]

_FENCE: Final = re.compile(
    r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_CODE: Final = re.compile(r"`([^`\n]+)`")
_BOLD: Final = re.compile(r"\*\*([^*\n]+)\*\*")
_HEADING: Final = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
_LINE: Final = "1px solid rgba(128,128,128,.4)"
_CARD: Final = f"border:{_LINE};border-radius:6px;padding:.6em .9em;margin:.3em 0;max-width:60em"
_BOX: Final = "background:rgba(128,128,128,.12);padding:.5em;overflow-x:auto;white-space:pre"
# Between two dollars a notebook sets a formula, unless MathJax (2 and 3) is told to leave an element alone:
# https://docs.mathjax.org/en/latest/options/document.html, "ignoreHtmlClass" (read 2026-11-23).
_NO_FORMULAS: Final = "tex2jax_ignore mathjax_ignore"
_TABLE: Final = "border-spacing:.7em .15em;text-align:left"
_LONGEST: Final = 20_000
"""Characters of one text that are shown."""
_MOST_ROWS: Final = 100


def escaped(value: Any) -> str:
    """A value as text that is no markup."""
    return html.escape(str(value))


def prose(text: str) -> str:
    """A text with its code, headings and bold words set as such; everything else stands as it was written."""
    shown, parts, end = text[:_LONGEST], list[str](), 0
    for found in _FENCE.finditer(shown):
        parts += [
            _lines(shown[end : found.start()]),
            f'<pre style="{_BOX}">{escaped(found[1])}</pre>',
        ]
        end = found.end()
    parts.append(_lines(shown[end:]))
    if len(text) > _LONGEST:
        parts.append(f"<em>… {len(text) - _LONGEST:,} more characters</em>")
    return "".join(parts)


def _lines(text: str) -> str:
    if not text.strip():
        return ""
    said = _CODE.sub(r"<code>\1</code>", escaped(text.strip("\n")))
    said = _HEADING.sub(r"<strong>\1</strong>", _BOLD.sub(r"<strong>\1</strong>", said))
    return f'<div style="white-space:pre-wrap">{said}</div>'


def markdown(text: str) -> str:
    """A model's text for a Markdown cell: its tags are no tags, and its pictures are not fetched."""
    parts = re.split(
        r"(^[ \t]*```.*?(?:^[ \t]*```[ \t]*$|\Z)|`[^`\n]+`)", text, flags=re.DOTALL | re.MULTILINE
    )
    inert = (_inert(part) if number % 2 == 0 else part for number, part in enumerate(parts))
    return "".join(inert)


def _inert(text: str) -> str:
    return text.replace("<", "&lt;").replace("![", "!\\[")


def folded(summary: str, inner: str) -> str:
    """Something to unfold; ``inner`` is HTML."""
    return f"<details><summary>{escaped(summary)}</summary>{inner}</details>"


def card(*parts: str, footer: str = "") -> str:
    """A box with these parts, which are HTML, and a small line below."""
    last = (
        f'<div style="opacity:.7;font-size:.85em;margin-top:.4em">{footer}</div>' if footer else ""
    )
    return f'<div class="{_NO_FORMULAS}" style="{_CARD}">{"".join(parts)}{last}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; cells are texts, or ``Html`` as it stands."""
    names = "".join(f"<th>{escaped(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<table style="{_TABLE}"><tr>{names}</tr>{body}</table>'


class Html(str):
    """A cell that is HTML already."""

    __slots__ = ()


def _cell(value: Any) -> str:
    inner = value if isinstance(value, Html) else escaped("" if value is None else value)
    return f"<td>{inner}</td>"


def bar(share: Decimal | float, more: Decimal | float = 0) -> Html:
    """A bar that is filled to this share, and paler to so much more (what is held)."""
    first = min(max(float(share), 0.0), 1.0)
    second = min(max(float(more), 0.0), 1.0 - first)
    pieces = (
        f'<span style="display:inline-block;height:100%;width:{part * 100:.1f}%;'
        f'background:currentColor;opacity:{shade}"></span>'
        for part, shade in ((first, ".7"), (second, ".3"))
    )
    box = f"display:inline-block;width:10em;height:.7em;border:{_LINE};line-height:0;font-size:1em"
    return Html(f'<span style="{box}" title="{first * 100:.1f} %">{"".join(pieces)}</span>')


# --- answers --------------------------------------------------------------------------------------


def cost_page(cost: Cost) -> str:
    """A cost, to be unfolded into its lines and where each rate is from."""
    if cost.status == "none" and not cost.lines:
        # Nothing was to be paid: why is all there is to say.
        return escaped(" · ".join(filter(None, [str(cost), cost.reason])))
    said = str(cost) if not cost.known else f"{cost} {cost.status}"
    notes = [cost.reason] if cost.known and cost.reason else []
    if cost.revision:
        notes.append(f"catalogue of {cost.revision}")
    if cost.ours is not None:
        notes.append(f"by the catalogue {cost.ours}")
    inner = f"<div>{escaped(' · '.join(notes))}</div>" if notes else ""
    if cost.lines:
        inner = (
            table(
                ("what", "quantity", "USD", "of", "amount", "since", "source"),
                map(_rate, cost.lines),
            )
            + inner
        )
    return folded(said, inner) if inner else escaped(said)


def _rate(line: Any) -> tuple[str, ...]:
    facts = ", ".join(f"{name} {value}" for name, value in line.condition.items())
    what = f"{line.dimension} ({facts})" if facts else line.dimension
    per = line.unit if line.per == 1 else f"{line.per:,} {line.unit}s"
    amounts = (plain(line.quantity), plain(line.rate), per, plain(line.amount))
    return (what, *amounts, str(line.effective), line.source)


Parts = Sequence[tuple[str, str, str]]


def answer_page(answer: Any, parts: Parts) -> str:
    """An answer: what was said, thought and called, and how much of what it took and cost."""
    said = [_part(*part) for part in parts] or [f"<code>{escaped(repr(answer))}</code>"]
    return card(*said, cost_page(answer.cost), footer=escaped(_facts(answer)))


def _part(kind: str, name: str, text: str) -> str:
    if kind == "text":
        return prose(text)
    if kind == "reasoning":
        return folded("reasoning", prose(text))
    if kind == "call":
        box = f'<pre style="{_BOX}">{escaped(text)}</pre>'
        return f"<div>calls <code>{escaped(name)}</code>{box}</div>"
    note = f"<em>{escaped(_NOTES[kind].format(name))}</em>"
    return f"<div>{note}{prose(text)}</div>"


_NOTES: Final = {"refusal": "refused", "end": "ended by: {}", "choice": "choice {}"}


def answer_markdown(answer: Any, parts: Parts) -> str:
    """The same in Markdown; the cost in a line."""
    said = "\n\n".join(_markdown_part(*part) for part in parts)
    facts = _facts(answer)
    if answer.counted() is None:
        facts += " · no usage"
    return f"{said}\n\n---\n*{markdown(facts)} · {markdown(str(answer.cost))}*".replace("$", "\\$")


def _markdown_part(kind: str, name: str, text: str) -> str:
    if kind == "text":
        return markdown(text)
    if kind == "reasoning":
        inner = f"<summary>reasoning</summary>\n\n{markdown(text)}\n\n"
        return f"<details>{inner}</details>"
    if kind == "call":
        return f"calls `{name.replace('`', '')}`\n\n```\n{text.replace('```', '')}\n```"
    return f"*{_NOTES[kind].format(name)}* {markdown(text)}"


def _facts(answer: Any) -> str:
    """Who answered, with how many tokens, in what time."""
    info, usage = answer.call, answer.counted()
    facts = [str(answer.get("model") or info.model or "")]
    if info.provider:
        facts.append(f"by {info.provider}")
    if usage is not None:
        facts.append(f"{usage.prompt_tokens} + {usage.completion_tokens} tokens")
        details = usage.completion_tokens_details
        if details is not None and details.reasoning_tokens:
            facts.append(f"{details.reasoning_tokens} of them reasoning")
    if info.seconds:
        facts.append(f"{info.seconds:.2f} s")
    if len(info.attempts) > 1:
        facts.append(f"{len(info.attempts)} attempts")
    if info.cache_hit:
        saved = info.saved_cache_cost
        told = "" if saved is None or saved.total is None else f", which saved ${saved.total:f}"
        facts.append(f"from the cache{told}")
    changed = [f"{one.parameter} {one.change}" for one in info.ledger]
    return " · ".join(filter(None, [*facts, *changed]))


# --- ledgers --------------------------------------------------------------------------------------


def ledger_page(totals: Any) -> str:
    """What was used of each model: the totals of a ledger."""
    rows = [
        (
            provider,
            model,
            f"{one.calls:,}",
            f"{one.prompt_tokens:,}",
            f"{one.completion_tokens:,}",
            _sum(one),
        )
        for (provider, model), one in sorted(totals.items())
    ]
    head = ("provider", "model", "calls", "prompt tokens", "completion tokens", "USD")
    return card(table(head, rows) if rows else "<em>no call yet</em>")


def _sum(one: Any) -> str:
    more = f" + {one.unknown_costs:,} of unknown cost" if one.unknown_costs else ""
    return f"{plain(one.cost)}{more}"


def rows_page(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of the same fields as a table, at most a hundred of them."""
    if not rows:
        return card("<em>nothing yet</em>")
    head = list(rows[0])
    shown = [[_shown(row.get(name)) for name in head] for row in rows[:_MOST_ROWS]]
    more = f"<em>… {len(rows) - _MOST_ROWS:,} more</em>" if len(rows) > _MOST_ROWS else ""
    return card(table(head, shown), more)


def _shown(value: Any) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return plain(value)
    return "" if value is None else str(value)
