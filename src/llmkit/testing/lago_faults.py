"""What can go wrong with a request to `FakeLago`: values, which can be combined with ``&``.

lago.fail(lago_faults.lost_ack() & lago_faults.slow(0.2), times=3)
"""

from __future__ import annotations

from ._lago._faults import (
    LagoFault,
    answered,
    details,
    empty,
    garbage,
    hang,
    html,
    lost_ack,
    partial_commit,
    rate_limited,
    reset,
    slow,
    status,
    truncated,
    wrong_date,
)

__all__ = [
    "LagoFault", "answered", "details", "empty", "garbage", "hang", "html", "lost_ack", "partial_commit",
    "rate_limited", "reset", "slow", "status", "truncated", "wrong_date",
]  # fmt: skip
