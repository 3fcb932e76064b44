"""uvloop in asyncio's place, for whole suites: ``python -m pytest -p tests.on_uvloop``."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
import uvloop

_UNSEEN: Final = "uvloop connects in C, which no audit hook sees"
_ASYNCIOS: Final = {
    "test_a_wait_that_is_prolonged": "it looks into asyncio's own timers",
    "test_a_loop_that_is_closed_over_a_call": "uvloop warns of its own handles then",
    "test_trio_within_asyncios_loop_has_a_pool_of_its_own": "both want the process's signals",
    "test_the_guard_sees_each_of_them": _UNSEEN,
    "test_every_way_out_is_closed": _UNSEEN,
    "test_an_async_call_of_llmkit": _UNSEEN,
}

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pass over what is about asyncio's own loop."""
    for item in items:
        if (why := _ASYNCIOS.get(item.name.partition("[")[0])) is not None:
            item.add_marker(pytest.mark.skip(reason=why))
