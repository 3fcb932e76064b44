"""Write tests/pricing/peer_prices.json: what two price packages say that the same calls cost.

Runs in an environment of its own, since litellm brings some sixty packages that nothing here needs:

    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install litellm==1.109.1 genai-prices==0.2.3
    LITELLM_LOCAL_MODEL_COST_MAP=True /tmp/peers/bin/python scripts/peer_prices.py

Asks nothing of the network. A scenario is a provider, a model and a shape of usage; it is written down where
both packages give an amount above zero (for either, zero is also what it says of what it has no price for).
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "tests" / "pricing" / "peer_prices.json"
NOW = "2026-11-23T12:00:00Z"  # a Monday, outside every vendor's peak hours

Shape = Mapping[str, Any]

# llmkit's name -> genai-prices' provider, litellm's providers, prefixes of litellm's keys
PROVIDERS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "anthropic": ("anthropic", ("anthropic",), ""),
    "avian": ("avian", ("avian",), "avian/"),
    "azure": ("azure", ("azure", "azure_text"), "azure/"),
    "azure_ai": ("azure", ("azure_ai",), "azure_ai/"),
    "baseten": ("baseten", ("baseten",), "baseten/"),
    "bedrock": ("aws", ("bedrock",), ""),
    "bigmodel": ("zhipuai", ("bigmodel",), "bigmodel/"),
    "cerebras": ("cerebras", ("cerebras",), "cerebras/"),
    "cloudflare": ("cloudflare", ("cloudflare",), "cloudflare/"),
    "cohere": ("cohere", ("cohere", "cohere_chat"), ""),
    "databricks": ("databricks", ("databricks",), "databricks/"),
    "deepseek": ("deepseek", ("deepseek",), "deepseek/"),
    "doubleword": ("doubleword", ("doubleword",), "doubleword/"),
    "elevenlabs": ("elevenlabs", ("elevenlabs",), "elevenlabs/"),
    "fireworks_ai": (
        "fireworks",
        ("fireworks_ai", "fireworks_ai-embedding-models"),
        "fireworks_ai/",
    ),
    "gemini": ("google", ("gemini",), "gemini/"),
    "github_copilot": ("github-copilot", ("github_copilot",), "github_copilot/"),
    "groq": ("groq", ("groq",), "groq/"),
    "meta": ("meta", ("meta",), "meta/"),
    "minimax": ("minimax", ("minimax",), "minimax/"),
    "mistral": ("mistral", ("mistral",), "mistral/"),
    "moonshot": ("moonshotai", ("moonshot",), "moonshot/"),
    "novita": ("novita", ("novita",), "novita/"),
    "openai": ("openai", ("openai", "text-completion-openai"), ""),
    "openrouter": ("openrouter", ("openrouter",), "openrouter/"),
    "ovhcloud": ("ovhcloud", ("ovhcloud",), "ovhcloud/"),
    "perplexity": ("perplexity", ("perplexity",), "perplexity/"),
    "together_ai": ("together", ("together_ai",), "together_ai/"),
    "vertex_ai": ("google", ("vertex_ai",), "vertex_ai/"),
    "voyage": ("voyageai", ("voyage",), "voyage/"),
    "xai": ("x-ai", ("xai",), "xai/"),
    "zai": ("zai", ("zai",), "zai/"),
}

# Where a path before the name is a region (or a way of calling), which genai-prices has no prices for.
BY_REGION = frozenset({"azure", "bedrock"})

# What a call used. `prompt` and `completion` include their parts. Which shapes a model is asked for says
# `wanted`: those that either package has a price for.
SHAPES: dict[str, Shape] = {
    "plain": {"prompt": 1000, "completion": 500},
    "cached": {"prompt": 10000, "cached": 8000, "completion": 500},
    "written": {"prompt": 10000, "written": 4000, "completion": 500},
    "written 1h": {"prompt": 10000, "written_1h": 4000, "completion": 500},
    "read and written": {"prompt": 10000, "cached": 5000, "written": 3000, "completion": 500},
    "reasoning": {"prompt": 1000, "completion": 2000, "reasoning": 1500},
    "heard": {"prompt": 1000, "audio": 600, "completion": 500},
    "heard again": {"prompt": 1000, "audio": 600, "cached_audio": 400, "completion": 500},
    "spoken": {"prompt": 1000, "completion": 500, "audio_out": 300},
    "seen": {"prompt": 1000, "image": 600, "completion": 500},
    "drawn": {"prompt": 1000, "completion": 1500, "image_out": 1290},
    "searched": {"prompt": 1000, "completion": 500, "searches": 2},
    "searched once": {"prompt": 1000, "completion": 500, "searches": 1},
    "searched once cached": {"prompt": 10000, "cached": 8000, "completion": 500, "searches": 1},
    "batch": {"prompt": 1000, "completion": 500, "tier": "batch"},
    "batch cached": {"prompt": 10000, "cached": 8000, "completion": 500, "tier": "batch"},
    "flex": {"prompt": 1000, "completion": 500, "tier": "flex"},
    "flex cached": {"prompt": 10000, "cached": 8000, "completion": 500, "tier": "flex"},
    "priority": {"prompt": 1000, "completion": 500, "tier": "priority"},
    "batch written": {"prompt": 10000, "written": 4000, "completion": 500, "tier": "batch"},
    "flex written": {"prompt": 10000, "written": 4000, "completion": 500, "tier": "flex"},
    "priority written": {"prompt": 10000, "written": 4000, "completion": 500, "tier": "priority"},
    "priority cached": {"prompt": 10000, "cached": 8000, "completion": 500, "tier": "priority"},
    "fast": {"prompt": 1000, "completion": 500, "speed": "fast"},
    "peak": {"prompt": 1000, "completion": 500, "at": "2026-11-23T02:00:00Z"},
    "peak cached": {
        "prompt": 10000,
        "cached": 8000,
        "completion": 500,
        "at": "2026-11-23T02:00:00Z",
    },
    "evening": {"prompt": 1000, "completion": 500, "at": "2026-11-23T20:00:00Z"},
    "weekend": {"prompt": 1000, "completion": 500, "at": "2026-11-22T02:00:00Z"},
    "next year": {"prompt": 1000, "completion": 500, "at": "2027-01-04T12:00:00Z"},
    "spoken alone": {"prompt": 1000, "completion": 500, "audio_out": 500},
    "drawn alone": {"prompt": 1000, "completion": 1500, "image_out": 1500},
    "embedded": {"prompt": 1000, "completion": 0},
    "seconds": {"seconds": 90},
    "characters": {"characters": 1200},
    "pages": {"pages": 7},
}
STEPS = (32_000, 100_000, 128_000, 200_000, 256_000, 272_000, 512_000)
SPELLED = {step: f"{step // 1000}k" for step in STEPS}
for _step in STEPS:
    _k = SPELLED[_step]
    SHAPES[f"at {_k}"] = {"prompt": _step, "completion": 1000}
    SHAPES[f"over {_k}"] = {"prompt": _step + 1, "completion": 1000}
    SHAPES[f"over {_k} cached"] = {
        "prompt": _step + 1,
        "cached": _step // 2,
        "completion": 1000,
    }
    SHAPES[f"over {_k} written"] = {"prompt": _step + 1, "written": 50_000, "completion": 1000}
    for _tier in ("batch", "flex", "priority"):
        SHAPES[f"over {_k} {_tier}"] = {"prompt": _step + 1, "completion": 1000, "tier": _tier}

CHAT = frozenset({"chat", "completion", "responses", "realtime"})
# What a call of another kind uses: tokens of its own sort, or a unit of its own.
ALONE = {
    "embedding": ("embedded",),
    "rerank": ("embedded",),
    "audio_transcription": ("seconds", "heard"),
    "audio_speech": ("characters", "spoken alone"),
    "image_generation": ("drawn alone",),
    "ocr": ("pages",),
}


def main() -> int:
    """Write the file; returns the exit status."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    logging.disable(logging.CRITICAL)
    package: Any = importlib.import_module("litellm")
    package.suppress_debug_info = True  # it prints to stdout
    found = {name: dict(sorted(dict(models(name)).items())) for name in PROVIDERS}
    used = {shape for rows in found.values() for row in rows.values() for shape in row}
    head = {
        "written by": "scripts/peer_prices.py",
        "genai-prices": version("genai-prices"),
        "litellm": version("litellm"),
        "now": NOW,
        "shapes": {name: shape for name, shape in SHAPES.items() if name in used},
    }
    PAGE.write_text(laid_out(head, {n: rows for n, rows in found.items() if rows}), "utf-8")
    sys.stdout.write(f"{sum(len(r) for rows in found.values() for r in rows.values())} scenarios\n")
    return 0


def laid_out(head: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> str:
    """JSON with a model on each line, so that a changed figure is a changed line."""
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    tables = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"{json.dumps(model)}: {json.dumps(row)}" for model, row in table.items())
        + "\n}"
        for name, table in rows.items()
    ]
    return "{\n" + ",\n".join([*parts, '"prices": {\n' + ",\n".join(tables) + "\n}"]) + "\n}\n"


def models(provider: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A provider's models that both price, and the figures of each."""
    ours, theirs, prefix = PROVIDERS[provider]
    known = importlib.import_module("litellm").model_cost
    for key, row in known.items():
        if litellm_provider(row) in theirs and key.startswith(prefix):
            name = key.removeprefix(prefix).removeprefix(f"{provider}/")
            if provider in BY_REGION and "/" in name:
                continue
            figures = scenarios(ours, litellm_provider(row), name, key, row)
            if figures:
                yield name, figures


def litellm_provider(row: Mapping[str, Any]) -> str:
    """The provider that litellm's own functions are asked with."""
    name = str(row.get("litellm_provider"))
    if name.startswith("vertex_ai"):
        return "vertex_ai"
    return {"bedrock_converse": "bedrock"}.get(name, name)


def scenarios(
    ours: str, theirs: str, name: str, key: str, row: Mapping[str, Any]
) -> dict[str, Any]:
    """Shape -> one figure where both packages give the same, else the two of them."""
    sheet = genai_sheet(ours, name)
    figures = {}
    if sheet is not None and not own(ours, sheet):
        # Of a model that it takes from another provider's list it prices no tiers: standard whatever is asked.
        sheet = dataclasses.replace(sheet, price_variants=None)
    for shape in wanted(row, sheet) if sheet is not None else ():
        first = asked(genai, ours, name, SHAPES[shape])
        second = asked(litellm, theirs, key, {**SHAPES[shape], "mode": row.get("mode")})
        if first and second:
            figures[shape] = first if first == second else [first, second]
    return figures


def asked(peer: Callable[..., Any], provider: str, model: str, shape: Shape) -> str | None:
    """A package's figure to twelve digits, as text; ``None`` where it has none."""
    try:
        amount = peer(provider, model, shape)
    except Exception:  # noqa: BLE001 - both raise what they like for what they do not price
        return None
    rounded = Decimal(f"{amount:.12g}")
    text = format(rounded, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if rounded > 0 else None


# --- which shapes ------------------------------------------------------------------------------


def wanted(row: Mapping[str, Any], sheet: Any) -> Iterator[str]:
    """The shapes that a model has a price of its own for, in either package."""
    keys, mode = frozenset(row), str(row.get("mode"))
    prices = genai_prices(sheet)
    yield from ALONE.get(mode, ())
    if mode in CHAT:
        yield from plain(row, prices)
        yield from tiered(keys, sheet, prices)
        yield from timed(keys, sheet)
        yield from long(keys, sheet, prices)


def plain(row: Mapping[str, Any], prices: frozenset[str]) -> Iterator[str]:
    """Shapes of an ordinary call."""
    keys = frozenset(row)
    read = "cache_read_input_token_cost" in keys or "cache_read_mtok" in prices
    # A rate of zero for writing says that nothing is written: such a usage does not occur.
    written = bool(row.get("cache_creation_input_token_cost")) or "cache_write_mtok" in prices
    hour = "cache_creation_input_token_cost_above_1hr" in keys or "cache_write_1h_mtok" in prices
    if "requests_kcount" in prices:  # Perplexity's every call is a search, and its answers say so
        yield "searched once"
        if read:
            yield "searched once cached"
        return
    told = {
        "plain": True,
        "cached": read,
        "written": written,
        "written 1h": hour,
        "read and written": read and written,
        "reasoning": row.get("supports_reasoning") is True,
        "heard": "input_cost_per_audio_token" in keys or "input_audio_mtok" in prices,
        "heard again": "cache_read_input_audio_token_cost" in keys
        or "cache_audio_read_mtok" in prices,
        "spoken": "output_cost_per_audio_token" in keys or "output_audio_mtok" in prices,
        "seen": "input_cost_per_image_token" in keys or "input_image_mtok" in prices,
        "drawn": "output_cost_per_image_token" in keys or "output_image_mtok" in prices,
        "searched": "search_context_cost_per_query" in keys and "web_searches_kcount" in prices,
    }
    yield from (shape for shape, is_told in told.items() if is_told)


def tiered(keys: frozenset[str], sheet: Any, prices: frozenset[str]) -> Iterator[str]:
    """Shapes of the service tiers that both packages have rates for."""
    read = "cache_read_mtok" in prices
    for tier, suffix in (("batch", "_batches"), ("flex", "_flex"), ("priority", "_priority")):
        if f"input_cost_per_token{suffix}" in keys and has_variant(sheet, tier):
            yield tier
            if read:
                yield f"{tier} cached"
            if "cache_write_mtok" in prices:
                yield f"{tier} written"
            for step in steps(keys, sheet):
                yield f"over {SPELLED[step]} {tier}"
    if "provider_specific_entry" in keys and has_variant(sheet, "fast"):
        yield "fast"


def timed(keys: frozenset[str], sheet: Any) -> Iterator[str]:
    """Shapes of the hours and days that a price depends on."""
    limits = [p.constraint for p in sheet.prices if p.constraint] if listed(sheet) else []
    if "off_peak_pricing" in keys or any(hasattr(limit, "start_time") for limit in limits):
        yield from ("peak", "peak cached", "evening", "weekend")
    if any(str(getattr(limit, "start_date", "")) > NOW for limit in limits):
        yield "next year"


def long(keys: frozenset[str], sheet: Any, prices: frozenset[str]) -> Iterator[str]:
    """Shapes on both sides of each length at which a price changes."""
    for step in steps(keys, sheet):
        yield from (f"at {SPELLED[step]}", f"over {SPELLED[step]}", f"over {SPELLED[step]} cached")
        if "cache_write_mtok" in prices:
            yield f"over {SPELLED[step]} written"


def steps(keys: frozenset[str], sheet: Any) -> list[int]:
    """Prompt lengths beyond which a price changes, in either package."""
    ours = {
        tier.start
        for price in (genai_now(sheet) or {}).values()
        for tier in getattr(price, "tiers", ())
    }
    theirs = {
        step for step in STEPS if any(f"_above_{SPELLED[step]}_tokens" in key for key in keys)
    }
    return sorted((ours | theirs) & set(STEPS))


# --- genai-prices ------------------------------------------------------------------------------


def genai_sheet(provider: str, model: str) -> Any:
    """The package's record of a model, or ``None``."""
    snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
    try:
        return snapshot.find_provider_model(model, None, provider, None)[1]
    except LookupError:
        return None


def own(provider: str, sheet: Any) -> bool:
    """Whether the record is the provider's, and not that of one which it falls back on."""
    snapshot = importlib.import_module("genai_prices.data_snapshot")
    found = snapshot.find_provider_by_id(snapshot.get_snapshot().providers, provider)
    return any(sheet is model for model in found.models)


def listed(sheet: Any) -> bool:
    """Whether the record's prices have conditions."""
    return isinstance(sheet.prices, list)


def genai_now(sheet: Any) -> dict[str, Any]:
    """The standard prices that hold now."""
    return dict(sheet.get_prices(moment(NOW)).__dict__)


def genai_prices(sheet: Any) -> frozenset[str]:
    """Names of the prices that the record has now."""
    return frozenset(key for key, value in genai_now(sheet).items() if value is not None)


def has_variant(sheet: Any, value: str) -> bool:
    """Whether the record has prices of its own for a tier or a speed."""
    return any(value in variant.when.values() for variant in sheet.price_variants or ())


def moment(text: str) -> datetime:
    """An instant of the scenarios."""
    return datetime.fromisoformat(text).astimezone(UTC)


def genai(provider: str, model: str, shape: Shape) -> Decimal:
    """What genai-prices makes of a shape."""
    package = importlib.import_module("genai_prices")
    context = {
        "batch": {"processing": "batch"},
        "flex": {"service_tier": "flex"},
        "priority": {"service_tier": "priority"},
    }.get(shape.get("tier", ""), {})
    if "speed" in shape:
        context = {"speed": shape["speed"]}
    found = package.calc_price(
        package.Usage(**genai_usage(shape)),
        model,
        provider_id=provider,
        genai_request_timestamp=moment(shape.get("at", NOW)),
        price_context=context,
    )
    return Decimal(found.total_price)


def genai_usage(shape: Shape) -> dict[str, int]:
    """The shape in the package's words; it wants the overlaps of two parts said as well."""
    reheard = shape.get("cached_audio", 0)
    return {
        "input_tokens": shape.get("prompt", 0),
        "output_tokens": shape.get("completion", 0),
        "cache_read_tokens": shape.get("cached", 0) + reheard,
        "cache_write_tokens": shape.get("written", 0) + shape.get("written_1h", 0),
        "cache_write_5m_tokens": 0,
        "cache_write_1h_tokens": shape.get("written_1h", 0),
        "input_audio_tokens": shape.get("audio", 0),
        "cache_audio_read_tokens": reheard,
        "input_image_tokens": shape.get("image", 0),
        "cache_image_read_tokens": 0,
        "output_audio_tokens": shape.get("audio_out", 0),
        "output_image_tokens": shape.get("image_out", 0),
        "output_reasoning_tokens": shape.get("reasoning", 0),
        "output_text_reasoning_tokens": shape.get("reasoning", 0),
        "web_searches": shape.get("searches", 0),
        "audio_seconds": shape.get("seconds", 0),
        "input_audio_seconds": shape.get("seconds", 0),
        "input_characters": shape.get("characters", 0),
        "input_document_pages": shape.get("pages", 0),
    }


# --- litellm -----------------------------------------------------------------------------------


def litellm(provider: str, model: str, shape: Shape) -> float:
    """What litellm makes of a shape."""
    package: Any = importlib.import_module("litellm")
    pinned = importlib.import_module("litellm._internal_context").pinned_billing_time
    with pinned(moment(shape.get("at", NOW))):
        prompt, completion = package.cost_per_token(
            model=model, custom_llm_provider=provider, **litellm_call(shape)
        )
    return float(prompt) + float(completion) + litellm_searches(provider, model, shape)


def litellm_call(shape: Shape) -> dict[str, Any]:
    """The arguments that say what was used."""
    if "seconds" in shape:
        return {
            "call_type": "transcription",
            "audio_transcription_file_duration": shape["seconds"],
        }
    if "characters" in shape:
        return {"call_type": "speech", "prompt_characters": shape["characters"]}
    if "pages" in shape:
        return {"call_type": "ocr", "response": litellm_pages(shape["pages"])}
    usage = litellm_usage(shape)
    if shape.get("mode") == "rerank":
        return {"call_type": "rerank", "rerank_billed_units": {"total_tokens": shape["prompt"]}}
    tier = shape.get("tier")
    if tier == "batch":
        return {"call_type": "retrieve_batch", "usage_object": usage}
    return {"usage_object": usage, "service_tier": tier}


def litellm_pages(count: int) -> Any:
    """An answer of an OCR call."""
    types = importlib.import_module("litellm.llms.base_llm.ocr.transformation")
    return types.OCRResponse(pages=[], model="", usage_info={"pages_processed": count})


def litellm_usage(shape: Shape) -> Any:
    """A usage as litellm's own readers of answers make it: totals with all of their parts inside."""
    types = importlib.import_module("litellm.types.utils")
    usual, hour = shape.get("written", 0), shape.get("written_1h", 0)
    reheard = shape.get("cached_audio", 0)
    cached = shape.get("cached", 0) + reheard
    inner = types.PromptTokensDetailsWrapper(
        cached_tokens=cached,
        audio_tokens=shape.get("audio"),
        image_tokens=shape.get("image"),
        web_search_requests=shape.get("searches"),
        **({"cached_tokens_details": {"audio_tokens": reheard}} if reheard else {}),
        **litellm_written(types, usual, hour),
    )
    outer = types.CompletionTokensDetailsWrapper(
        reasoning_tokens=shape.get("reasoning"),
        audio_tokens=shape.get("audio_out"),
        image_tokens=shape.get("image_out"),
    )
    more: dict[str, Any] = {"speed": shape["speed"]} if "speed" in shape else {}
    if count := shape.get("searches"):
        more["server_tool_use"] = types.ServerToolUse(web_search_requests=count)
        more["server_side_tool_usage_details"] = {"web_search_calls": count}
    return types.Usage(
        prompt_tokens=shape["prompt"],
        completion_tokens=shape["completion"],
        total_tokens=shape["prompt"] + shape["completion"],
        prompt_tokens_details=inner,
        completion_tokens_details=outer,
        cache_read_input_tokens=cached,
        cache_creation_input_tokens=usual + hour,
        **more,
    )


def litellm_written(types: Any, usual: int, hour: int) -> dict[str, Any]:
    """Tokens written to a cache, as details of the prompt: for the vendor's usual time, or an hour."""
    if not usual + hour:
        return {}
    split = types.CacheCreationTokenDetails(ephemeral_1h_input_tokens=hour)
    more = {"cache_creation_token_details": split} if hour else {}
    return {"cache_creation_tokens": usual + hour, **more}


def litellm_searches(provider: str, model: str, shape: Shape) -> float:
    """What it charges for the searches, which cost_per_token leaves to others."""
    count = shape.get("searches", 0)
    if not count or provider == "perplexity":
        return 0.0
    package = importlib.import_module("litellm")
    tools = importlib.import_module(
        "litellm.litellm_core_utils.llm_cost_calc.tool_call_cost_tracking"
    ).StandardBuiltInToolCostTracking
    info = package.get_model_info(model=model, custom_llm_provider=provider)
    by_usage = importlib.import_module("litellm.llms").get_cost_for_web_search_request
    counted = by_usage(custom_llm_provider=provider, usage=litellm_usage(shape), model_info=info)
    if counted is not None:
        return float(counted)
    return float(count * tools.get_cost_for_web_search(model_info=info))


if __name__ == "__main__":
    raise SystemExit(main())
