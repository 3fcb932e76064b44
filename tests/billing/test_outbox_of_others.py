"""A store that was given to billing is somebody else's: its file may hold more than bills, and is not moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmkit.billing import LagoBilling
from llmkit.errors import StoreError
from llmkit.stores import SQLiteStore


@pytest.mark.parametrize("ours", [True, False])
def test_only_a_file_of_its_own_is_moved_aside(tmp_path: Path, *, ours: bool) -> None:
    """A damaged file that billing opened itself makes way for a new one; a given store's stays where it is."""
    path = tmp_path / "o.db"
    path.write_bytes(b"no database at all" * 1000)
    outbox = str(path) if ours else SQLiteStore(path)
    billing = LagoBilling(
        "http://127.0.0.1:9", "key-" + "of-nobody", outbox=outbox, background=False
    )
    if ours:
        assert billing.stats().queued == 0
        billing.close()
    else:
        with pytest.raises(StoreError):
            billing.stats()
    assert (len([p for p in tmp_path.iterdir() if "damaged" in p.name]) > 0) is ours
