"""Who lacks an extra's libraries is told what to install."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import llmkit

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(llmkit.__file__).parent
LIBRARIES = (
    "pyreqwest",
    "psycopg",
    "redis",
    "opentelemetry",
    "prometheus_client",
    "tqdm",
    "yaml",
    "langchain_core",
)
# What first needs the library; tests/proxy, tests/telemetry, tests/billing and tests/wires have the others.
NEEDS = {
    "fast": "llmkit.Client(transport='reqwest').completion('openai/x', [], api_key='any')",
    "postgres": "llmkit.stores.PostgresStore('postgresql://127.0.0.1/x').start()",
    "redis": "llmkit.stores.RedisStore('redis://127.0.0.1')",
    "otel": "llmkit.telemetry.OpenTelemetry()",
    "prometheus": "llmkit.telemetry.Prometheus()",
    "langchain": "__import__('llmkit.compat.langchain')",
    "yaml": "llmkit.router.Router.from_config('config.yaml')",
    "notebook": "llmkit.map(['a'], 'say {row}', progress=True, model='openai/gpt-4o-mini', api_key='any')",
}
PROGRAM = """
import json, pathlib, sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
import llmkit, llmkit.stores, llmkit.telemetry, llmkit.router
pathlib.Path("config.yaml").write_text("model_list: []")
told = {}
for extra, code in json.loads(sys.argv[2]).items():
    try:
        eval(code)
    except (llmkit.LLMKitError, ImportError) as error:
        told[extra] = str(error)
    except Exception as error:
        told[extra] = repr(error)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What is said where none of the libraries is there."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(LIBRARIES), json.dumps(NEEDS)],
        cwd=tmp_path_factory.mktemp("bare"),
        env={"PYTHONPATH": str(SOURCE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("extra", NEEDS)
def test_it_says_what_to_install(told: dict[str, str], extra: str) -> None:
    """The command, as it is typed."""
    assert f"pip install 'llmkit[{extra}]'" in told[extra]


def test_every_extra_is_named_by_a_message() -> None:
    """An extra that nobody is told of is not found."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].keys() - {"all", "dev", "docs"}
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    assert not [extra for extra in extras if f"pip install 'llmkit[{extra}]'" not in text]
