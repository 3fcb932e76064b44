from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit import LLMKitError, RetryPolicy
from llmkit.billing import LagoBilling
from llmkit.testing import FakeLago, Simulator, faults

# Shaped like no vendor's key, so that nothing finds them by their form alone.
KEY, LAGO_KEY = "provider.key." + "0123456789", "lago.key." + "9876543210"
SHAPED = "sk-" + "a1B2c3D4" * 5
PROMPT, ANSWER, NOTE = "MARKED PROMPT", "MARKED ANSWER", "MARKED NOTE"
MODEL = "openai/gpt-4o-mini"
SAID: dict[str, Any] = {
    "messages": [{"role": "system", "content": PROMPT}, {"role": "user", "content": PROMPT}],
    "metadata": {"project": "blue", "note": NOTE, "leak": SHAPED, "prompt": PROMPT},
}


@pytest.fixture
def lago() -> Iterator[FakeLago]:
    """Where it is all billed."""
    with FakeLago(key=LAGO_KEY) as fake:
        fake.furnish()
        yield fake


def calls(client: Any, sim: Simulator, billing: Any) -> list[str]:
    """Calls of all kinds and ends; what billing answered."""
    ask = client.chat.completions.create
    ask(model=MODEL, **SAID)
    for _ in ask(model=MODEL, stream=True, **SAID):
        pass
    broken = ask(model=MODEL, stream=True, **SAID)
    next(iter(broken))
    broken.close()
    ask(model="openai/nobody-knows-it", **SAID)
    ask(model=MODEL, **{**SAID, "metadata": {"subscription": "sub_1", **SAID["metadata"]}})
    for fault in (faults.Status(500), faults.Status(401), faults.Malformed(), faults.Cut(10)):
        sim.fail(fault)
        with contextlib.suppress(LLMKitError):
            ask(model=MODEL, **SAID)
    foreign = {
        "model": "gpt-4o", "usage": {"prompt_tokens": 3, "completion_tokens": 2, "echo": PROMPT},
        "choices": [{"message": {"role": "assistant", "content": ANSWER}}], "id": "x",
    }  # fmt: skip
    return [repr(billing.report_usage(foreign, metadata=SAID["metadata"]))]


def written(path: Path) -> str:
    """All that is on disk, byte by byte."""
    files = sorted(path.parent.glob(f"{path.name}*"))
    return "".join(file.read_bytes().decode("latin-1") for file in files)


def test_no_key_no_prompt_and_no_answer_gets_anywhere(
    tmp_path: Path, lago: FakeLago, caplog: pytest.LogCaptureFixture
) -> None:
    """Outbox, events, logs, callbacks, reprs and errors after calls of all kinds: only what was allowed is there."""
    caplog.set_level(logging.DEBUG)
    told: list[Any] = []
    path = tmp_path / "billing.db"
    with (
        Simulator() as sim,
        LagoBilling(
            lago.api_url, LAGO_KEY, outbox=path, entitlement=None, background=False,
            subscription=lambda _: "sub_1", properties=("project", "leak"), callbacks=[told.append],
        ) as billing,
        llmkit.Client(
            api_key=KEY, base_url=sim.base_url, billing=billing, retry=RetryPolicy(retries=0),
        ) as client,
    ):  # fmt: skip
        shown = calls(client, sim, billing)
        waiting = billing.unpriced.list()
        on_disk = written(path)
        billing.flush(10)
        shown += [repr(billing), str(billing.health()), str(billing.stats()), repr(waiting)]
    sent = "".join(request.body.decode() for request in lago.requests)
    assert sent.count('"transaction_id"') >= 5
    assert '"project":"blue"' in sent
    assert "[redacted]" in sent
    assert waiting
    for marked in (KEY, LAGO_KEY, SHAPED, PROMPT, ANSWER, NOTE):
        places = {"disk": on_disk, "sent": sent, "told": repr(told), "shown": repr(shown)}
        found = [place for place, text in places.items() if marked in text]
        assert found == [], marked
    # A client's own log of its calls has their metadata, as it was given; billing's lines have none of it.
    own = [line for line in caplog.text.splitlines() if "Bill" in line or "Usage" in line]
    assert own
    assert not [line for line in own if "MARKED" in line]
    for key in (KEY, LAGO_KEY, SHAPED):
        assert key not in caplog.text


def test_what_is_on_disk_is_what_was_looked_at(tmp_path: Path, lago: FakeLago) -> None:
    """The test above could not find anything in a file that holds nothing."""
    path = tmp_path / "billing.db"
    with LagoBilling(
        lago.api_url, LAGO_KEY, outbox=path, entitlement=None, background=False
    ) as billing:
        billing.report_usage(1, subscription="sub_1", metadata={"note": NOTE})
        assert "sub_1" in written(path)
        with contextlib.closing(sqlite3.connect(path)) as database:
            names = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    assert any("bill" in name for name in names)
