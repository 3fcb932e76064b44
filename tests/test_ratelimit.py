from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit import _ratelimit
from llmkit._ratelimit import rate_limits, retry_after

NOW = 1_763_800_000.0  # 2025-11-22T08:26:40Z


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "Sat, 22 Nov 2025 08:26:50 GMT"}, 10.0),
        ({"retry-after": "Sat, 22 Nov 2025 08:26:30 GMT"}, 0.0),
        ({"retry-after": "2025-11-22T08:26:45Z"}, 5.0),
        ({"retry-after": "2025-11-22T08:26:45"}, 5.0),
        ({"retry-after": "2025-11-22T09:26:45+01:00"}, 5.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "6m0s"}, 360.0),
        ({"retry-after": "1h"}, 3600.0),
        ({"retry-after": "1d"}, 86400.0),
        ({"retry-after": "250ms"}, 0.25),
        ({"retry-after": "2m59.56s"}, 179.56),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "-1"}, 0.0),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        # what cannot be read is no answer, but the limits may have one
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1 s"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "9" * 400 + "s"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon", "x-ratelimit-reset-requests": "4s"}, 4.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds go before seconds, a date or a duration; nonsense says nothing."""
    found = retry_after(headers, NOW)
    assert found == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        # OpenAI, Groq: durations; a limit with room left is not the one that was hit
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "500",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            1.0,
        ),
        # Anthropic: instants; the latest of those used up
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2025-11-22T08:26:45Z",
                "anthropic-ratelimit-tokens-remaining": "0",
                "anthropic-ratelimit-tokens-reset": "2025-11-22T08:27:40Z",
            },
            60.0,
        ),
        # OpenRouter: milliseconds since the epoch; others: seconds since it
        ({"x-ratelimit-reset": "1763800007000"}, 7.0),
        ({"x-ratelimit-reset": "1763800007"}, 7.0),
        ({"ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-reset": "1763799000"}, 0.0),
        ({"x-ratelimit-reset": "never"}, None),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "9"}, None),
        ({"x-ratelimit-remaining": "?", "x-ratelimit-reset": "9"}, 9.0),
        ({"x-other-reset": "9"}, None),
        ({"x-ratelimit-limit": "9"}, None),
    ],
)
def test_resets(headers: dict[str, str], seconds: float | None) -> None:
    """Without ``Retry-After``, the reset of the limit that is used up counts."""
    assert retry_after(headers, NOW) == seconds


def test_rate_limits() -> None:
    """All headers about limits are kept as they came, and no others."""
    limits = {
        "x-ratelimit-limit-tokens": "9",
        "anthropic-ratelimit-x": "1",
        "ratelimit-policy": "p",
    }
    assert (
        rate_limits({**limits, "retry-after": "1", "date": "x", "not-x-ratelimit-limit": "1"})
        == limits
    )


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(
    st.text(max_size=12)
    | st.floats().map(str)
    | st.from_regex(
        r"\w{3}, \d{1,25} (Jan|Feb) \d{1,12} \d{1,4}:\d{1,4}:\d{1,4} [+-]\d{1,9}", fullmatch=True
    )
    | st.from_regex(r"\d{1,30}(ms|s|m|h|d)", fullmatch=True)
    | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?", fullmatch=True),
    st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens"]),
)
def test_any_header(value: str, name: str) -> None:
    """Whatever a header says, the outcome is finite seconds, or nothing."""
    found = retry_after({name: value}, NOW)
    assert found is None or (math.isfinite(found) and found >= 0)


def test_which_headers_are_limits_is_kept_for_a_bounded_number_of_servers() -> None:
    """What strangers make up does not add up, and what is kept is right for the same headers with other values."""
    for number in range(300):
        headers = {f"x-{number}": "a", "x-ratelimit-limit": str(number), "my-ratelimit-limit": "b"}
        assert rate_limits(headers) == {"x-ratelimit-limit": str(number)}
        assert rate_limits({**headers, "x-ratelimit-limit": "c"}) == {"x-ratelimit-limit": "c"}
    assert len(_ratelimit._KNOWN) <= _ratelimit._MOST_KNOWN
    assert rate_limits({}) == {}
