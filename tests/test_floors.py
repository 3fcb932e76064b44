"""The architecture, kept by reading the source: floors, seams, names and sizes.

Everything here is `ast` over `src/llmkit`; nothing is imported but the list of provider names. When
the design changes, change the data in the first part, and `docs/architecture.md` with it.
"""

from __future__ import annotations

import ast
import statistics
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1] / "src" / "llmkit"

# --- the data ---------------------------------------------------------------------------------

# Longest dotted prefix wins; "" is the package root. A module that no row covers fails the test.
FLOORS = {
    "": 7,
    "__main__": 7,
    "_cli": 7,
    "compat": 7,
    "proxy": 7,
    "testing": 7,
    "_api": 6,
    "_core": 6,
    "_given": 6,
    "_kinds": 6,
    "_left": 6,
    "_mapping": 6,
    "billing": 6,
    "budget": 6,
    "cache": 6,
    "client": 6,
    "ledger": 6,
    "router": 6,
    "stores": 6,
    "telemetry": 6,
    "_io": 5,
    "_control": 4,
    "providers": 3,
    "plugins": 3,
    "catalogue": 2,
    "fronts": 2,
    "pricing": 2,
    "tokens": 2,
    "wires": 2,
    "_eventstream": 1,
    "_flow": 1,
    "_fold": 1,
    "_multipart": 1,
    "_ndjson": 1,
    "_parts": 1,
    "_operations": 1,
    "_settlements": 1,
    "_entries": 1,
    "_outbox": 1,
    "_billing_events": 1,
    "_sigv4": 1,
    "_sse": 1,
    "events": 1,
    "_call": 0,
    "_calls": 0,
    "_cost": 0,
    "_headers": 0,
    "_late_names": 0,
    "_http": 0,
    "_json": 0,
    "_normal": 0,
    "_ratelimit": 0,
    "_secret": 0,
    "_upload": 0,
    "errors": 0,
    "types": 0,
}

# Who may import what comes from outside: library -> modules or packages. A library not named here
# may not be imported at all (typing_extensions is vocabulary, and free).
SEAMS = {
    "alembic": {
        "proxy.data"
    },  # the extra "proxy", as are fastapi, jwt, prometheus_client, starlette, uvicorn
    "anyio": {"_io", "proxy"},
    "cryptography": {
        "_control.billing.signature",  # the extra "lago": whose webhooks are signed as JWTs
        "providers._google",  # the extra "vertex": whoever has a service account's key
        "proxy.management",  # credentials that are kept are sealed
    },
    "certifi": {"_io._reqwest_clients", "_io._tls"},  # comes with httpx: whom it trusts
    "fastapi": {"proxy.management"},
    "IPython": {"_io._live"},  # no dependency: it is there if its kernel runs
    "httpcore": {"_io"},
    "httpx": {"_io", "compat._answered"},  # the latter: for programs that look at an error's answer
    "langchain_core": {"compat._langchain"},  # the extra "langchain"
    "matplotlib": {"telemetry._plot"},  # the extra "plot"
    "openai": {"compat.openai_errors"},  # no dependency: whoever wants its errors has it
    # No dependency of the gateway: it is there if somebody listens. The extra "otel".
    "opentelemetry": {"proxy.operation.spans", "telemetry._otel"},
    "psycopg": {"_io"},  # the extra "postgres"
    "jwt": {"proxy.auth"},
    "prometheus_client": {
        "proxy.operation",
        "telemetry._families",  # the extra "prometheus"
        "telemetry._prometheus",
    },
    # The caller's class may be the answer's format.
    "pydantic": {"types", "_control.structured", "compat._langchain", "proxy.management"},
    "pydantic_core": {"_json", "types._model"},  # whose error of dumping pydantic does not export
    # No dependency: whoever imports these runs it.
    "pytest": {
        "testing._fixtures_kit",
        "testing.conformance",
        "testing.plugin",
        "testing.store_conformance",
    },
    "pyreqwest": {"_io._reqwest_clients"},  # the extra "fast"
    "redis": {"_io"},  # the extra "redis"
    "sniffio": {"_io"},
    "sqlalchemy": {"proxy"},
    "starlette": {"proxy"},
    "tenacity": {"_control.retry"},
    "tiktoken": {"tokens._encodings"},
    "tqdm": {"_io._bar"},  # the extra "notebook"
    "uvicorn": {"proxy.operation"},
    # The extra "yaml", and who records with vcrpy has it.
    "yaml": {"_io._config", "testing._cassette._vcr"},
    "trio": {"_io"},  # no dependency: it is there if its loop is running
}
FREE = {"typing_extensions"}

# Waiting and threads begin on floor 5. Below it only these, each with its reason.
WAITING = {"asyncio", "threading", "concurrent", "multiprocessing", "socket", "ssl", "selectors"}
WAITING_EXCEPTIONS: dict[str, set[str]] = {
    "catalogue._layers": {"threading"},  # a lock held while files are read and layers are swapped
    "providers._registry": {"threading"},  # a lock held over a dict look-up and an import
    "_upload": {"threading"},  # a lock held while one piece of a file is read
    "providers._tokens": {"threading"},  # a lock held over a dict look-up
    "tokens._encodings": {"threading"},  # a lock held while an encoding is loaded
}

# Imports from a higher floor: importer -> target. The design wants none.
UPWARDS: dict[str, set[str]] = {}

# Imports inside functions: importer -> what it may load late, and nothing else anywhere.
LAZY_SEAMS: dict[str, set[str]] = {
    # A gateway that is asked in one format, by nobody over a WebSocket, and shows no metrics, loads none of these.
    "proxy.endpoints.generating": {"llmkit.wires.gemini"},
    "proxy.endpoints.owing": {"llmkit._control.foreign"},
    "proxy.operation.metrics": {"llmkit.proxy.operation.showing"},
    "proxy.operation.serving": {"llmkit.proxy.operation.conversing"},
    "proxy.operation.telemetry": {
        "llmkit.proxy.operation.spans",
        "llmkit.telemetry",
    },  # where OpenTelemetry is
    # Only where something is laid over the built-in data, or asked for by a name that a person wrote.
    "catalogue._layers": {
        "llmkit.catalogue._counting",  # only when something is counted
        "llmkit.catalogue._capabilities",
        "llmkit.catalogue._laying",
        "llmkit.catalogue._lookup",
        "llmkit.catalogue._patch",
    },
    "": {"importlib.metadata"},  # only __version__ reads the metadata
    # --help stays quick; the proxy is an extra.
    "_cli": {"llmkit._cli._commands", "llmkit.proxy.__main__"},
    # No other command needs a store, an outbox, or a log.
    "_cli._commands": {"llmkit._cli._billing", "llmkit._cli._budget", "llmkit._cli._log"},
    "_cli._log": {"llmkit.telemetry._plot"},  # few want a picture
    "telemetry._plot": {  # an extra, and only for PNG
        "matplotlib.backends.backend_agg",
        "matplotlib.figure",
    },
    "_cli._parser": {"llmkit"},  # only --version reads the metadata
    "_cli._target": {"llmkit.testing"},  # only where no key is set
    "_control.prices": {
        "llmkit.catalogue._fields",
        "llmkit.catalogue._patch",
    },  # only for calls that are given prices
    "_control.settle": {"llmkit._control.rows"},  # only for the results of a batch
    # Only for what broke off, what has no price, and what says it.
    "_control.tally": {
        "llmkit._control.estimate",
        "llmkit._control.stated",
        "llmkit.providers._unbilled",
    },
    "pricing._actual": {"llmkit.pricing._measures"},  # chats have none
    # Few prices depend on when a call is made.
    "pricing._conditions": {"llmkit.pricing._window"},
    "pricing._rates": {"llmkit.pricing._window"},
    # Only for who asks for a bound, and has attached something or wants texts counted.
    "_control.bounding": {
        "llmkit.catalogue._allowances",
        "llmkit.tokens._longest",
        "llmkit.tokens._media",
        "llmkit.tokens._payload",
        "llmkit.tokens._text",
    },
    # Only for webhooks that are signed as JWTs; an extra.
    "_control.billing.signature": {
        "cryptography.exceptions",
        "cryptography.hazmat.primitives.asymmetric.padding",
        "cryptography.hazmat.primitives.asymmetric.rsa",
        "cryptography.hazmat.primitives.hashes",
        "cryptography.hazmat.primitives.serialization",
    },
    # Only for who has a budget, or says what a call may cost; and for who bills.
    "_control.attempts": {"llmkit._control.holding", "llmkit._control.need"},
    "_control.account": {"llmkit._control.hold", "llmkit._control.billing.tab"},
    "_control.mapping.results": {"llmkit._control.mapping.looks"},  # only in notebooks
    "_control.call": {"llmkit._control.billing.rows", "llmkit._control.unasked"},
    "_control.plan": {"llmkit._control.lacking"},  # a mistake
    "_control.billing.tab": {"llmkit._control.billing.rows"},  # few calls look at a batch
    "_control.dry": {"llmkit._control.bounding"},  # few calls are run dry
    "_control.retry": {"tenacity"},  # only after a first failure
    "budget._opening": {"llmkit._io.stores.catch_up"},  # SQLite comes with it
    "compat.litellm._settings": {"llmkit.budget"},  # few set them
    "compat.litellm._streams": {"llmkit.compat.openai_errors"},  # only where it was asked for
    "compat.litellm.exceptions": {"llmkit.compat._answered"},  # few look at an error's answer
    "_control.routing.counting": {"llmkit.tokens"},  # only for prompts that may be too long
    # Only for who asks for a bound, and for who says whose a call is.
    "_core": {"llmkit._control.attributes", "llmkit._control.bounding"},
    # Few clients have a cache, or name a sink.
    "_given": {
        "llmkit.telemetry",
        "llmkit._control.caching.controls",
        "llmkit._control.caching.each",
        "llmkit._control.caching.flow",
        "llmkit._control.caching.naming",
        "llmkit.cache",
    },
    "_api._default": {"llmkit._control.environment"},  # few programs ask
    "_io.stores.catch_up": {"anyio.to_thread"},  # only while a store cannot be reached
    "_io._bar": {"tqdm.notebook", "tqdm.std"},  # an extra
    "_io._config": {"yaml"},  # an extra, and only for files in YAML
    "_io.sync": {
        "llmkit._io._files",
        "llmkit._io._media",
    },  # few calls have files to read, or to fetch
    "_io.aio": {"llmkit._io._files", "llmkit._io._media"},
    "_io._files": {"anyio.to_thread"},  # few calls have files to read
    "_io._hooked": {"httpx"},  # only where somebody has loaded and hooked it
    "_io._borrowed": {"llmkit._io._sending"},  # only for uploads
    "_io.stores._sqlite_seat": {"ctypes"},  # only where a fork was hidden from Python
    # Only for what is odd, for uploads and for proxies.
    "_io._http": {"httpx", "llmkit._io._proxy", "llmkit._io._sending"},
    "_cost": {"llmkit.types._page"},  # this and the next ones: only in notebooks
    "_control.budget.checking": {"llmkit._control.budget.looks"},
    "_control.budget.usage": {"llmkit.types._page"},
    "_io._live": {"IPython.display"},
    "_io.aio_stream": {"llmkit._io._live"},
    "_io.sync_stream": {"llmkit._io._live"},
    "budget._calls": {"llmkit._control.budget.looks"},
    "ledger": {"llmkit.types._page"},
    "router._router": {"llmkit.router._looks"},
    "types.answer": {"llmkit.types._page"},
    "types.audio": {"html"},
    "_io._loops": {"trio"},  # only under it
    "_io._network": {  # only the one that is asked for
        "llmkit._io._http",
        "llmkit._io._instead",
        "llmkit._io._reqwest",
    },
    "_io._transports": {"llmkit._io._proxy", "urllib.request"},  # only where a proxy is named
    "_io._reqwest": {  # only in a child that was forked, and for uploads
        "ctypes",
        "llmkit._io._reqwest_uploads",
        "llmkit._io._sending",
    },
    "_io._reqwest_clients": {  # an extra
        "pyreqwest.client",
        "pyreqwest.exceptions",
        "pyreqwest.http",
        "pyreqwest.proxy",
    },
    "_io._running": {"asyncio", "trio"},  # only the one whose loop is running
    "_io._observe": {  # only for coroutines, and where something is put off
        "anyio",
        "anyio.to_thread",
        "asyncio",
        "llmkit._io._later",
    },
    "_io._sending": {"anyio"},  # only for uploads
    # An extra, which is asked for when a store is made.
    "_io.stores.postgres": {
        "llmkit._io.stores.postgres._pool",
        "llmkit._io.stores.postgres._schema",
    },
    "_io.stores.redis._clients": {"redis.asyncio", "redis.exceptions"},  # an extra
    "_io.speech_stream": {"anyio"},  # only for files
    "_kinds.catalogue": {
        "llmkit._control.refresh",
        "llmkit._io._replace",
    },  # only for who refreshes the catalogue
    "_kinds.money": {"llmkit._control.costing"},  # few programs ask again what a call cost
    "_kinds.audio": {"llmkit._io.speech_stream"},  # only for streams of speech
    "_kinds._kept": {"llmkit._upload"},  # only for calls with a file
    "_kinds.tokens": {"llmkit.tokens"},  # only when something is counted
    # Only where an outbox is damaged.
    "billing._quarantine": {"llmkit._io.stores._sqlite_quarantine"},
    "stores.memory": {"llmkit._control.billing.kept"},  # only for who bills
    "router._caching": {"llmkit.cache"},  # few configurations have one
    "router._routing": {"llmkit.budget"},  # few deployments have a budget of their own
    "providers._google": {
        "cryptography.hazmat.primitives.asymmetric.padding",
        "cryptography.hazmat.primitives.asymmetric.rsa",
        "cryptography.hazmat.primitives.hashes",
        "cryptography.hazmat.primitives.serialization",
    },  # only to sign with a service account's key
    "pricing": {"llmkit.pricing._bound"},  # only for who asks for a bound
    "proxy.auth.bearers": {"llmkit.proxy.auth.tokens"},  # few have an identity provider
    # Few keep models in the database, and what seals them is large.
    "proxy.management.deployments": {"llmkit.proxy.management.sealing"},
    "proxy.management.sealing": {"cryptography.fernet"},
    # Only for that command; only in who answers.
    "proxy.__main__": {"llmkit.proxy.auth.creating", "llmkit.proxy.operation.serving"},
    "proxy.operation.listening": {"llmkit.proxy.app", "llmkit.proxy.operation.serving"},
    "proxy.data.database": {"llmkit.proxy.data.migrate"},  # Alembic, only for older tables
    "tokens._encodings": {"tiktoken"},  # only when text is counted
    "testing._cassette._vcr": {"yaml"},  # only for who has such files
}

# Where a provider may be called by its name.
NAMING = {"providers", "catalogue", "_cli", "testing"}
# The catalogue's data files are called after providers.
CATALOGUE_FILES = {".json", ".toml", ".csv"}
# Provider names that are also words: module -> the literals it uses in their other meaning.
WORDS: dict[str, set[str]] = {
    "compat.litellm._arguments": {"azure"},  # an argument of older programs
    "_secret": {"xai"},  # what keys begin with
    "_control.billing.answers": {"meta"},  # what a page of a list says of itself
    "wires._cohere": {"meta"},  # what an answer says of itself
}

LONGEST_BODY = 40
MEAN_BODY = 8.0
P90_BODY = 20
LONGEST_FILE = 400
# LiteLLM's own paths, which programs import from.
LITELLMS_NAMES = {"compat.litellm.utils", "compat.litellm.types.utils"}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "base", "manager", "handler", "common", "misc"}

# --- reading the source -----------------------------------------------------------------------


class Import(NamedTuple):
    """One imported module, and the circumstances."""

    target: str
    line: int
    late: bool
    """Inside a function."""
    typing_only: bool
    """Under `if TYPE_CHECKING:`."""


class Module(NamedTuple):
    """One source file; `name` is dotted and relative to llmkit ("" is the root)."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """The dotted package that relative imports start from."""
        is_package = self.path.name == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]


@cache
def modules() -> dict[str, Module]:
    """Every module of the package by its relative dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def is_typing_guard(node: ast.AST) -> bool:
    """Whether this is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def walk(
    node: ast.AST, *, late: bool = False, guarded: bool = False
) -> Iterator[tuple[ast.stmt, bool, bool]]:
    """Every import statement below `node`: is it late, and is it for typing only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, late, guarded
        in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from walk(child, late=late or in_function, guarded=guarded or is_typing_guard(child))


def targets(statement: ast.stmt, module: Module) -> Iterator[str]:
    """Absolute dotted names that one import statement loads (a submodule if one is meant)."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        origin = statement.module or ""
        if statement.level:
            package = ["llmkit", *filter(None, module.package.split("."))]
            package = package[: len(package) - statement.level + 1]
            origin = ".".join([*package, *filter(None, [origin])])
        for alias in statement.names:
            inner = f"{origin}.{alias.name}"
            yield inner if internal(inner) in modules() else origin


@cache
def imports(name: str) -> tuple[Import, ...]:
    """Every import of one module."""
    module = modules()[name]
    return tuple(
        Import(target, statement.lineno, late, guarded)
        for statement, late, guarded in walk(module.tree)
        for target in targets(statement, module)
    )


def internal(target: str) -> str | None:
    """The relative name of an llmkit module, or None for anything else."""
    if target == "llmkit":
        return ""
    return target.removeprefix("llmkit.") if target.startswith("llmkit.") else None


def covered(name: str, allowed: set[str]) -> bool:
    """Whether `name` is one of `allowed` or inside one of them."""
    return any(name == row or name.startswith(f"{row}.") for row in allowed)


def floor(name: str) -> int:
    """The floor of a module; KeyError where the map has no row for it."""
    row = name
    while row and row not in FLOORS:
        row = row.rpartition(".")[0]
    if name and not row:
        raise KeyError(name)
    return FLOORS[row]


def where(name: str, line: int) -> str:
    """A place a reader can jump to."""
    return f"{modules()[name].path.relative_to(ROOT.parents[1])}:{line}"


def body_length(lines: list[str], node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of code in a body: no docstring, no comments, no blanks."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not body:
        return 0
    return code_lines(lines[body[0].lineno - 1 : body[-1].end_lineno])


def code_lines(lines: list[str]) -> int:
    """Lines that are neither blank nor a comment alone."""
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))


@cache
def bodies() -> tuple[tuple[int, str], ...]:
    """The length and place of every function."""
    found = []
    for name, module in modules().items():
        lines = module.path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                place = f"{where(name, node.lineno)} {node.name}"
                found.append((body_length(lines, node), place))
    return tuple(sorted(found))


def literals(module: Module) -> Iterator[ast.Constant]:
    """String constants of a module that are not docstrings or other bare strings."""
    bare = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node


@cache
def provider_names() -> frozenset[str]:
    """Every provider the registry or the catalogue knows."""
    from llmkit import providers

    files = (path for path in (ROOT / "catalogue").rglob("*") if path.suffix in CATALOGUE_FILES)
    return frozenset(providers.names()) | {path.stem for path in files}


def report(rows: list[str]) -> None:
    """Fail with one violation a line."""
    assert not rows, "\n" + "\n".join(rows)


# --- the tests --------------------------------------------------------------------------------


def test_every_module_has_a_floor() -> None:
    """A new module says where it stands before it is used."""
    homeless = []
    for name in modules():
        try:
            floor(name)
        except KeyError:
            homeless.append(f"llmkit.{name} has no row in FLOORS")
    report(homeless)


def test_every_floor_row_names_something() -> None:
    """A row for a module that is gone would hide the next one of that name."""
    report([f"FLOORS has {row!r}, the source has not" for row in FLOORS if row not in modules()])


def test_imports_point_downwards() -> None:
    """No module imports from a higher floor, not even for typing or inside a function."""
    rows = []
    for name in modules():
        for item in imports(name):
            target = internal(item.target)
            if target in UPWARDS.get(name, set()):
                continue
            if target is not None and floor(target) > floor(name):
                rows.append(
                    f"{where(name, item.line)} (floor {floor(name)}) imports "
                    f"{item.target} (floor {floor(target)})"
                )
    report(rows)


def test_nobody_imports_the_root() -> None:
    """Names come from where they live. The root is for users, and the command is one of them."""
    report(
        [
            f"{where(name, item.line)} imports llmkit itself"
            for name in modules()
            for item in imports(name)
            if item.target == "llmkit" and not covered(name, {"_cli"})
        ]
    )


def test_imports_at_load_time_have_no_cycle() -> None:
    """Any module can be imported first."""
    graph = {
        name: {
            target
            for item in imports(name)
            if not item.late and not item.typing_only
            if (target := internal(item.target)) is not None and target != name
        }
        for name in modules()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(reversed(error.args[1]))}")


def test_libraries_stay_at_their_seam() -> None:
    """A third-party library is imported where the design says, and no other library at all."""
    known = sys.stdlib_module_names | FREE | {"llmkit"}
    rows = []
    for name in modules():
        for item in imports(name):
            library = item.target.partition(".")[0]
            if library not in known and not covered(name, SEAMS.get(library, set())):
                rows.append(f"{where(name, item.line)} imports {item.target}")
    report(rows)


def test_nothing_waits_below_the_drivers() -> None:
    """Below floor 5 there are no threads, sockets, event loops or sleeps."""
    rows = []
    for name, module in modules().items():
        if floor(name) >= FLOORS["_io"]:
            continue
        allowed = WAITING_EXCEPTIONS.get(name, set())
        loaded = {(item.target.partition(".")[0], item.line) for item in imports(name)}
        rows += [f"{where(name, n)} imports {lib}" for lib, n in loaded if lib in WAITING - allowed]
        rows += [
            f"{where(name, node.lineno)} waits: time.sleep"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep"
        ]
        rows += [
            f"{where(name, node.lineno)} imports time.sleep"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ImportFrom) and node.module == "time"
            if any(alias.name == "sleep" for alias in node.names)
        ]
        rows += [
            f"{where(name, node.lineno)} is coloured: {type(node).__name__}"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
        ]
    report(rows)


def test_providers_are_named_only_at_home() -> None:
    """Elsewhere no literal equals, or starts a model string with, a provider's name."""
    names = provider_names()
    assert len(names) > 5, "the registry is empty, so this test would pass whatever stands there"
    rows = []
    for name, module in modules().items():
        if covered(name, NAMING):
            continue
        for node in literals(module):
            head = str(node.value).partition("/")[0]
            if head in names and head not in WORDS.get(name, set()):
                rows.append(f"{where(name, node.lineno)} names a provider: {node.value!r}")
    report(rows)


def test_late_imports_only_at_named_seams() -> None:
    """An import inside a function is either a listed lazy seam or a hidden dependency."""
    report(
        [
            f"{where(name, item.line)} imports {item.target} inside a function"
            for name in modules()
            for item in imports(name)
            if item.late and item.target not in LAZY_SEAMS.get(name, set())
        ]
    )


def test_every_exception_is_used() -> None:
    """An allowance that nothing needs any more is taken off its list."""
    rows = []
    for name, allowed in UPWARDS.items():
        loaded = {internal(item.target) for item in imports(name)}
        rows += [f"UPWARDS[{name!r}]: {target}" for target in allowed if target not in loaded]
    for name, allowed in LAZY_SEAMS.items():
        late = {item.target for item in imports(name) if item.late}
        rows += [f"LAZY_SEAMS[{name!r}]: {target}" for target in allowed - late]
    for name, allowed in WAITING_EXCEPTIONS.items():
        loaded = {item.target.partition(".")[0] for item in imports(name)}
        rows += [f"WAITING_EXCEPTIONS[{name!r}]: {target}" for target in allowed - loaded]
    for name, allowed in WORDS.items():
        said = {str(node.value).partition("/")[0] for node in literals(modules()[name])}
        rows += [f"WORDS[{name!r}]: {word}" for word in allowed - said]
    for library, allowed in SEAMS.items():
        users = {n for n in modules() for i in imports(n) if i.target.split(".")[0] == library}
        rows += [
            f"SEAMS[{library!r}]: {row}"
            for row in allowed
            if not any(covered(user, {row}) for user in users)
        ]
    report(rows)


def test_functions_are_short() -> None:
    """No body is over 40 lines, nine in ten are under 20, and the mean is under 8."""
    lengths = [length for length, _ in bodies()]
    report([f"{place}: {length} lines" for length, place in bodies() if length > LONGEST_BODY])
    assert statistics.mean(lengths) < MEAN_BODY
    assert lengths[int(0.9 * len(lengths)) - 1] < P90_BODY


def test_files_are_short_and_say_what_they_hold() -> None:
    """No file is over 400 lines of code, none is called utils, each has a docstring."""
    rows = []
    for name, module in modules().items():
        size = code_lines(module.path.read_text(encoding="utf-8").splitlines())
        if size > LONGEST_FILE:
            rows.append(f"{where(name, 1)} has {size} lines of code")
        if name.rpartition(".")[2].strip("_") in FORBIDDEN_NAMES and name not in LITELLMS_NAMES:
            rows.append(f"{where(name, 1)} has a name that says nothing")
        if not ast.get_docstring(module.tree):
            rows.append(f"{where(name, 1)} has no docstring")
    report(rows)
