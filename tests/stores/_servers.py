"""What the tests do where a server's program is not installed: they are skipped, but never where CI counts on them."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

__all__ = ["no_server"]


def no_server(package: str, what: str) -> NoReturn:
    """Skip what needs a server; fail instead under CI, which would otherwise prove nothing and say that it passed."""
    reason = f"these tests need {what}, which {package} brings: pip install 'llmkit[dev]'"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
