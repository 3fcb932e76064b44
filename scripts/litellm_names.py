"""What of LiteLLM's public names the compat layer has: a page of the documentation, made by looking.

    python scripts/litellm_names.py            # write docs/litellm-names.md
    python scripts/litellm_names.py --dump     # under LiteLLM: print what it has, for tests/compat/litellm_names.json

Names, arguments and methods of LiteLLM were read off the installed package; here they are compared with llmkit's.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
FACTS: Final = ROOT / "tests" / "compat" / "litellm_names.json"
PAGE: Final = ROOT / "docs" / "litellm-names.md"
HERE: Final = "llmkit.compat.litellm"
STATES: Final = ("same", "present", "differs", "absent")
CLASSES: Final = ("Router", "CustomLogger", "CustomLLM", "BudgetManager", "Cache", "ModelResponse")
_VARIADIC: Final = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
_PLAIN: Final = (bool, int, float, str, list, dict, set, type(None))
_HEAD: Final = """# LiteLLM's names, one by one

Made by `scripts/litellm_names.py`, which looks at LiteLLM 1.109.1's public functions, classes, modules, settings and
methods (as installed, 2026-11-23) and at `llmkit.compat.litellm`.

- *same*: it is there, and takes all of LiteLLM's arguments, in its order; a setting is honoured.
- *present*: it is there: a class, a module, a method; a setting that leaves nothing to do.
- *differs*: it is there, and some arguments go by name only. What it does differently says [the guide](migration.md).
- *absent*: asking for it is an error that says what to use. Most are LiteLLM's own parts: its providers' and gateway's.

"""


def main() -> None:
    """Write the page, or print LiteLLM's names."""
    if "--dump" in sys.argv:
        print(json.dumps(facts("litellm"), separators=(",", ":"), sort_keys=True))
    else:
        PAGE.write_text(page(), encoding="utf-8")


def facts(package: str) -> dict[str, Any]:
    """What a package has: functions and methods with their arguments, classes, modules, settings."""
    module = importlib.import_module(package)
    found: dict[str, Any] = {"functions": {}, "classes": [], "modules": [], "settings": []}
    for name in sorted({*dir(module), *_lazy(package)}):
        if not name.startswith("_") and hasattr(module, name):
            _sort(found, name, getattr(module, name))
    logger = importlib.import_module(f"{package}.integrations.custom_logger").CustomLogger
    made = {name: getattr(module, name, logger) for name in CLASSES}
    found["methods"] = {name: _methods(kind) for name, kind in made.items()}
    return found


def _lazy(package: str) -> Iterator[str]:
    """What is loaded on first use, which ``dir`` does not say: LiteLLM has lists of it."""
    registry = importlib.import_module(f"{package}._lazy_imports_registry")
    for name, listed in vars(registry).items():
        if name.endswith("_NAMES"):
            yield from listed


def _sort(found: dict[str, Any], name: str, value: Any) -> None:
    home = getattr(value, "__module__", "") or ""
    if inspect.ismodule(value):
        if value.__name__.startswith("litellm"):
            found["modules"].append(name)
    elif inspect.isclass(value):
        if home.startswith("litellm") and not name.endswith("Config"):
            found["classes"].append(name)
    elif callable(value):
        if home.startswith("litellm"):
            found["functions"][name] = _arguments(value)
    elif isinstance(value, _PLAIN) and name.islower() and not name.endswith("_models"):
        found["settings"].append(name)


def _arguments(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        p.name for p in parameters if p.kind not in _VARIADIC and p.name not in {"args", "kwargs"}
    ]


def _methods(kind: type) -> list[str]:
    return sorted(
        name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))
    )


def state(ours: Any, name: str, theirs: list[str] | None = None) -> tuple[str, str]:
    """``same``, ``present``, ``differs`` or ``absent``, and a word on it."""
    try:
        value = getattr(ours, name)
    except AttributeError as error:
        return "absent", str(error).partition(": ")[2]
    if theirs is None:
        return "present", ""
    known = _arguments(value)
    if theirs == known[: len(theirs)] or (_takes_more(value) and known == theirs[: len(known)]):
        return "same", ""
    return "differs", "other arguments: " + ", ".join(n for n in theirs if n not in known)


def _takes_more(function: Any) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Kind, name, state and a word, of all that LiteLLM has."""
    known = json.loads(FACTS.read_text(encoding="utf-8"))
    ours = importlib.import_module(HERE)
    for name, arguments in known["functions"].items():
        yield ("function", name, *state(ours, name, arguments))
    for kind in ("classes", "modules"):
        for name in known[kind]:
            yield ("class" if kind == "classes" else "module", name, *state(ours, name))
    for name in known["settings"]:
        yield ("setting", name, *_setting(name))
    logger = importlib.import_module(f"{HERE}.integrations.custom_logger").CustomLogger
    for kind, methods in known["methods"].items():
        made = getattr(ours, kind, logger)
        for method in methods:
            there = any(callable(getattr(one, method, None)) for one in (made, *_behind(kind)))
            yield (f"{kind}'s", method, "present" if there else "absent", "")


def _behind(kind: str) -> tuple[Any, ...]:
    """What answers for what a class here has not itself."""
    return (importlib.import_module("llmkit").Router,) if kind == "Router" else ()


def _setting(name: str) -> tuple[str, str]:
    from llmkit.compat.litellm import _settings  # noqa: PLC0415 - not under LiteLLM

    if name in _settings.HONOURED or name in {
        "max_budget",
        "budget_duration",
        "model_cost",
        "model_list",
    }:
        return "same", "honoured"
    if name.endswith(("_key", "_api_key")):
        return "same", "honoured"
    if name in _settings._MOOT:  # noqa: SLF001 - of one project
        return "present", "nothing is left to do"
    refused = _settings._REFUSED.get(name)  # noqa: SLF001
    return (
        ("absent", f"setting it is an error: {refused[1]}")
        if refused
        else ("absent", "setting it warns")
    )


def page() -> str:
    """The page's text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(rows())
    counts = Counter((_kind(kind), how) for kind, _, how, _ in found)
    lines = ["| | " + " | ".join(STATES) + " |", "|---" * 5 + "|"]
    lines += [
        f"| {kind} | " + " | ".join(str(counts[kind, how]) for how in STATES) + " |"
        for kind in ("function", "class", "module", "setting", "method")
    ]
    for kind in dict.fromkeys(row[0] for row in found):
        lines += ["", f"## {kind[:1].upper()}{kind[1:]}{'' if kind.endswith('s') else 's'}", ""]
        lines += _section([row[1:] for row in found if row[0] == kind])
    return _HEAD + "\n".join(lines) + "\n"


def _kind(kind: str) -> str:
    return "method" if kind.endswith("'s") else kind


def _section(of_kind: list[tuple[str, str, str]]) -> Iterator[str]:
    """Names that stand alike, in one line."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, how, why in sorted(of_kind, key=lambda row: STATES.index(row[1])):
        groups.setdefault((how, why), []).append(f"`{name}`")
    for (how, why), names in groups.items():
        yield f"- *{how}*{f' ({why})' if why else ''}: {', '.join(names)}"


if __name__ == "__main__":
    main()
