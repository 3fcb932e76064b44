"""What billing costs those who do not use it, and before it is used: nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import llmkit.billing

SOURCE = Path(__file__).resolve().parents[2] / "src"


def told(program: str, *arguments: str) -> Any:
    """What a program of its own process prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        # A module that is compiled for the first time is written, and renamed.
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_who_does_not_bill_loads_nothing_of_it() -> None:
    """Neither importing llmkit, nor a client, nor its calls of either kind load a module of billing."""
    found = told(
        """
        import json, sys
        import llmkit
        from llmkit.testing import Simulator
        with Simulator() as sim:
            client = llmkit.Client(base_url=sim.base_url, api_key="sk-" + "of-nobody-0123")
            asked = "openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}]
            client.completion(*asked)
            for _ in client.completion(*asked, stream=True):
                pass
        words = ("billing", "_outbox")
        print(json.dumps([name for name in sys.modules if any(word in name for word in words)]))
        """
    )
    assert found == []


def test_naming_the_package_loads_none_of_its_modules() -> None:
    """``import llmkit.billing`` is the package alone; a name brings its module, and not all others."""
    found = told(
        """
        import json, sys
        import llmkit.billing
        first = [name for name in sys.modules if "billing" in name]
        llmkit.billing.BillDead
        second = [name for name in sys.modules if "billing" in name]
        print(json.dumps([first, second]))
        """
    )
    assert found == [["llmkit.billing"], ["llmkit.billing", "llmkit._billing_events"]]


def test_an_object_that_is_made_and_not_used_has_done_nothing(tmp_path: Path) -> None:
    """No thread is begun, no file opened or made, no socket, no lookup; neither by making it nor by showing it."""
    found = told(
        """
        import json, os, sys, threading
        from llmkit.billing import LagoBilling
        LagoBilling(api_key="lago-" + "key-0123")  # what is loaded late is loaded now
        heard = []
        watched = ("sqlite3.", "socket.", "_thread.", "os.mkdir", "os.rename", "os.fork")

        def hear(event, arguments):
            if event.startswith(watched) or (event == "open" and sys.argv[1] in str(arguments[0])):
                heard.append(event)

        sys.addaudithook(hear)
        path = os.path.join(sys.argv[1], "billing.db")
        made = [
            LagoBilling(api_key="lago-" + "key-0123", outbox=path),
            LagoBilling("https://lago.invalid", lambda: 1 / 0, durability="power", outbox=path),
            LagoBilling(api_key="lago-" + "key-0123", entitlement="authorize", publisher_id="p"),
        ]
        for lago in made:
            repr(lago), lago.desk, lago.convert_to_askii("0.0042"), lago.dead_letter
        print(json.dumps([heard, os.listdir(sys.argv[1]), threading.active_count()]))
        """,
        str(tmp_path),
    )
    assert found == [[], [], 1]


@pytest.mark.parametrize("name", llmkit.billing.__all__)
def test_every_name_is_there(name: str) -> None:
    """Whatever the package lists can be had, says what it is, and is listed where names are looked for."""
    found = getattr(llmkit.billing, name)
    assert found.__doc__
    assert name in dir(llmkit.billing)


def test_names_are_in_one_order_and_another_is_none() -> None:
    """The lists agree; a name that is not there says so."""
    assert llmkit.billing.__all__ == sorted(llmkit.billing._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'Lago'"):
        llmkit.billing.Lago  # noqa: B018
