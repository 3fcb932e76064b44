"""Budgets and rate limits: who has them, over what time, and the flows that hold and settle what calls use.

Rules and flows only: nothing here waits, and only stores count.
"""

from __future__ import annotations

from .asking import Ask, Divert, Taken
from .book import Book
from .rules import Budget, RateLimit
from .scopes import fingerprint

__all__ = ["Ask", "Book", "Budget", "Divert", "RateLimit", "Taken", "fingerprint"]
