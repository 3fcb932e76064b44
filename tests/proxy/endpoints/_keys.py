"""Keys for tests, put where the gateway looks for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmkit.proxy.auth.keys import generate, key_name, token_of
from llmkit.proxy.data.models import Key

from .._kit import Served


def new_key(served: Served, **said: Any) -> str:
    """A key; ``said``: columns of its row."""
    key, now = generate(), datetime.now(UTC).replace(tzinfo=None)
    row = Key(token=token_of(key), key_name=key_name(key), created_at=now, updated_at=now, **said)
    served.gateway.database.run_sync(lambda session: session.add(row))
    return key
