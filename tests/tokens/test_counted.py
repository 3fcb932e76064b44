from __future__ import annotations

import copy
import json
import pickle

import pytest

from llmkit.tokens import CountedTokens


def test_it_is_a_number() -> None:
    """A count compares, prints, divides and is written as JSON as an int does."""
    count = CountedTokens(12)
    assert (count, f"{count}", json.dumps({"n": count}), count // 5) == (12, "12", '{"n": 12}', 2)


def test_an_exact_count_is_its_own_bound() -> None:
    """Nothing has to be said of it twice."""
    assert (CountedTokens(12).exact, CountedTokens(12).at_most) == (True, 12)


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [
        (CountedTokens(1), CountedTokens(2), "CountedTokens(3)"),
        (CountedTokens(1), 2, "CountedTokens(3)"),
        (
            CountedTokens(1, exact=False, at_most=5, notes=("a",)),
            CountedTokens(2, exact=True, notes=("b", "a")),
            "CountedTokens(3, exact=False, at_most=7, notes=('a', 'b'))",
        ),
        (
            CountedTokens(1, exact=False),
            CountedTokens(2),
            "CountedTokens(3, exact=False, at_most=None)",
        ),
    ],
)
def test_two_are_one(left: CountedTokens, right: CountedTokens, shown: str) -> None:
    """A sum is exact if both are, has a bound if both have, and each note once."""
    assert repr(left + right) == shown


def test_a_list_is_summed() -> None:
    """``sum`` begins with a plain zero."""
    assert repr(sum([CountedTokens(1), CountedTokens(2)])) == "CountedTokens(3)"


def test_other_numbers_stay_numbers() -> None:
    """What is no count of tokens makes the sum a plain number."""
    assert type(CountedTokens(5) + -3) is int
    assert CountedTokens(5) + 0.5 == 5.5


def _through_pickle(count: CountedTokens) -> CountedTokens:
    """Pickled and read again."""
    again: CountedTokens = pickle.loads(pickle.dumps(count))  # noqa: S301 - our own bytes
    return again


@pytest.mark.parametrize("again", [copy.deepcopy, _through_pickle])
def test_it_survives_copying(again: object) -> None:
    """Pickled or copied, it says the same of itself."""
    count = CountedTokens(1, exact=False, at_most=5, notes=("why",))
    assert repr(again(count)) == repr(count)  # type: ignore[operator]


def test_it_cannot_be_changed() -> None:
    """A number has no parts to assign."""
    with pytest.raises(AttributeError, match="exact"):
        CountedTokens(1).exact = False


@pytest.mark.parametrize(("value", "most"), [(-1, None), (3, 2)])
def test_nonsense_is_refused(value: int, most: int | None) -> None:
    """No count is negative, and none is over its own bound."""
    with pytest.raises(ValueError, match="at most"):
        CountedTokens(value, exact=False, at_most=most)
