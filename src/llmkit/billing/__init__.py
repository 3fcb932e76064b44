"""Billing: entitlements before a call, usage events after it, through Lago, with coins of one's own.

Names only; each is loaded on first use.
"""

from __future__ import annotations

__all__: list[str] = []
