"""``llmkit billing`` over an outbox in PostgreSQL, whose password nobody sees."""

from __future__ import annotations

import json

import pytest

from llmkit._cli import main
from llmkit.billing import LagoBilling
from llmkit.stores import PostgresStore
from llmkit.testing import FakeLago

from ..stores._postgres import PostgresServer


def test_an_outbox_in_postgresql_is_looked_after(
    postgres_server: PostgresServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its address: what is queued there is seen, and sent; the address is not shown."""
    password = "hun" + "ter2hunter2"
    url = f"postgresql://llmkit:{password}@127.0.0.1:{postgres_server.port}/postgres"
    monkeypatch.setenv("LLMKIT_OUTBOX", url)
    store = PostgresStore(url)
    with FakeLago() as lago:
        lago.furnish("sub")
        monkeypatch.setenv("LAGO_API_KEY", lago.api_key)
        LagoBilling(lago.api_url, outbox=store, background=False).report_usage(
            "0.5", subscription="sub"
        )
        store.close()
        assert main(["billing", "status"]) == 0
        assert main(["billing", "flush", "--json", "--api-url", lago.api_url]) == 0
        assert lago.units("sub") == 500_000
    out, err = capsys.readouterr()
    assert out.startswith("outbox in PostgreSQL: green\n")
    assert json.loads(out[out.index("{") :])["delivered"] == 1
    assert password not in out + err


def test_durability_is_the_outboxs() -> None:
    """What is said of durability holds for an outbox in PostgreSQL as well."""
    lago = LagoBilling(api_key="a" * 20, outbox="postgresql://127.0.0.1:1/none", durability="power")
    assert lago.desk.outbox.store.durability == "power"
