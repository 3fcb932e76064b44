"""Virtual environments for the contestants: made once, kept, and made again when their pins change."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from bench.peers import OWN, PINS

_CONTENTS = """
import importlib.metadata, json
print(json.dumps({d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}))
"""
_MARK = "installed.json"


def python(environment: Path) -> Path:
    """The environment's interpreter."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ready(name: str, cache: Path, tree: Path) -> Path:
    """The interpreter of an environment that holds what it should; it is made if there is none."""
    environment = _directory(name, cache, tree)
    wanted = _wanted(name, tree)
    mark = environment / _MARK
    known = json.loads(mark.read_text()) if mark.exists() else None
    if known == wanted:
        return python(environment)
    print(f"making the environment {environment}", file=sys.stderr, flush=True)
    if known is None or known["pins"] != wanted["pins"]:
        _run(sys.executable, "-m", "venv", "--clear", str(environment))
        _install(environment, *PINS[name], *([str(tree)] if name == OWN else []))
    else:
        _install(environment, "--force-reinstall", "--no-deps", str(tree))
    mark.write_text(json.dumps(wanted))
    return python(environment)


def contents(interpreter: Path) -> dict[str, str]:
    """Every distribution of an environment, with its version."""
    versions: dict[str, str] = json.loads(_run(str(interpreter), "-c", _CONTENTS))
    return dict(sorted(versions.items()))


def _directory(name: str, cache: Path, tree: Path) -> Path:
    """Of llmkit there is one for each tree that is measured, and for what it is measured beside."""
    place = hashlib.sha256(repr((str(tree), PINS[name])).encode()).hexdigest()[:8]
    return cache / (f"{name}-{place}" if name == OWN else name)


def _wanted(name: str, tree: Path) -> dict[str, object]:
    if name != OWN:
        return {"pins": list(PINS[name]), "source": ""}
    if tree.is_file():
        return {"pins": list(PINS[name]), "source": _digest([tree])}
    files = sorted(path for path in (tree / "src").rglob("*") if "__pycache__" not in path.parts)
    project = tree / "pyproject.toml"
    return {"pins": [*PINS[name], _digest([project])], "source": _digest([project, *files])}


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if path.is_file():
            digest.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _install(environment: Path, *arguments: str) -> None:
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(str(python(environment)), *pip, *arguments)


def _run(*command: str) -> str:
    # Compiled files are what makes an import warm.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return done.stdout
