"""What ``llmkit.stores`` offers."""

from __future__ import annotations

import pytest

from llmkit import stores


def test_each_store_is_there_by_its_name() -> None:
    """What is listed can be had, and is what it is called."""
    assert dir(stores) == sorted(stores.__all__)
    assert [getattr(stores, name).__name__ for name in stores.__all__] == list(stores.__all__)


def test_no_other_name_is() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match="no attribute 'MySQLStore'"):
        stores.MySQLStore  # noqa: B018 - looking is the point
