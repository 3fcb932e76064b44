"""Tags: which deployments they lead to, as LiteLLM's documentation and its tests have it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.errors import ConfigurationError

from ._candidates import chat, member, names, pool, seeded

FREE = member("free", tags=["free"])
PAID = member("paid", tags=["paid", "fast"])
DEFAULT = member("default", tags=["default"])
PLAIN = member("plain")
ALL = [FREE, PAID, DEFAULT, PLAIN]


def led(members: list[Any], *tags: str, agent: str = "", **said: Any) -> set[str]:
    """Where a call with these tags may go."""
    made, wanted = pool(members, tag_filtering=True, **said), chat(tags=tags, agent=agent)
    found = names(made.plan(wanted, seeded(), 0.0))
    out = made.excluded(wanted)
    assert set(out) == {one.id for one in members} - set(found)
    assert set(out.values()) <= {"its tags are not those of the call"}
    return set(found)


@pytest.mark.parametrize(
    ("tags", "where"),
    [
        ((), {"default"}),
        (("free",), {"free"}),
        (("paid",), {"paid"}),
        (("free", "paid"), {"free", "paid"}),
        (("nobody",), {"default"}),
        (("nobody", "free"), {"free"}),
        (("!free",), {"paid", "default", "plain"}),
        (("!free", "!default"), {"paid", "plain"}),
        (("free", "!free"), set()),
        (("paid", "!fast"), set()),
        (("&fast",), {"paid"}),
        (("&fast", "free"), set()),
        (("&fast", "paid"), {"paid"}),
        (("&nobody",), set()),
        (("!", "&"), {"default"}),
    ],
)
def test_one_tag_in_common_is_enough(tags: tuple[str, ...], where: set[str]) -> None:
    """A call goes where one of its tags is; ``!`` keeps away, ``&`` is a must; unknown tags lead to ``default``."""
    assert led(ALL, *tags) == where


@pytest.mark.parametrize(
    ("tags", "where"),
    [
        (("paid",), {"paid"}),
        (("paid", "fast"), {"paid"}),
        (("paid", "free"), set()),
        (("nobody", "other"), {"default"}),
        ((), {"default"}),
    ],
)
def test_all_tags_are_needed(tags: tuple[str, ...], where: set[str]) -> None:
    """Where any match is not enough, a deployment has every tag of the call."""
    assert led(ALL, *tags, tag_match_any=False) == where


def test_without_default() -> None:
    """Where nobody is tagged ``default``, calls without tags go anywhere, and unknown tags nowhere."""
    members = [FREE, PAID, PLAIN]
    assert led(members) == {"free", "paid", "plain"}
    assert led(members, "nobody") == set()


def test_tags_mean_nothing_unless_asked_for() -> None:
    """Without tag filtering, tags are for budgets."""
    made = pool(ALL)
    assert len(names(made.plan(chat(tags=("free",)), seeded(), 0.0))) == 4


def test_a_prefix_tells_them_apart() -> None:
    """With a prefix, only tags that have it say where a call goes, and without it they are the deployments'."""
    assert led(ALL, "route:free", "paid", tag_prefix="route:") == {"free"}
    assert led(ALL, "paid", tag_prefix="route:") == {"default"}
    assert led(ALL, "route:!free", tag_prefix="route:") == {"paid", "default", "plain"}


def test_patterns_of_programmes() -> None:
    """A deployment may ask for callers by their ``User-Agent``; where all tags must match, not in their place."""
    coder = member("coder", tag_regex=["^User-Agent: coder/"])
    both = member("both", tags=["paid"], tag_regex=["coder"])
    members = [coder, both, DEFAULT]
    assert led(members, agent="coder/1.2") == {"coder", "both"}
    assert led(members, agent="browser") == {"default"}
    assert led(members) == {"default"}
    assert led(members, "paid", agent="coder/1.2") == {"coder", "both"}
    assert led(members, "paid") == {"both"}
    assert led(members, agent="coder/1.2", tag_match_any=False) == {"coder"}
    assert led(members, "!paid", agent="coder/1.2") == {"coder"}


def test_a_pattern_that_is_none() -> None:
    """A pattern that cannot be read is heard of when the router is made."""
    with pytest.raises(ConfigurationError, match="tag_regex"):
        pool([member(tag_regex=["("])], tag_filtering=True)


def test_tags_of_callers_are_not_kept_for_ever() -> None:
    """However many tags are made up, what is remembered of them has an end."""
    made = pool(ALL, tag_filtering=True)
    for number in range(400):
        assert made.unfit(chat(tags=(f"x{number}",))) == 0b1011
    assert made._tagged is not None
    assert len(made._tagged._known) <= 256


TAGS = st.sampled_from(["a", "b", "c", "default"])


@given(
    declared=st.lists(st.lists(TAGS, max_size=3), min_size=1, max_size=6),
    asked=st.lists(TAGS | st.sampled_from(["!a", "!b", "&a", "&c", "z"]), max_size=4),
    any_of_them=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_against_the_rules_said_one_by_one(
    *, declared: list[list[str]], asked: list[str], any_of_them: bool
) -> None:
    """Masks come to what the rules say of each deployment by itself."""
    members = [member(f"m{place}", tags=tags) for place, tags in enumerate(declared)]
    without = {tag[1:] for tag in asked if tag[0] == "!"}
    must = {tag[1:] for tag in asked if tag[0] == "&"}
    wished = {tag for tag in asked if tag[0] not in "!&"}
    allowed = [one for one in members if not without & set(one.deployment.tags)]
    allowed = [one for one in allowed if must <= set(one.deployment.tags)]
    if wished:
        needed = any if any_of_them else all
        found = [one for one in allowed if needed(tag in one.deployment.tags for tag in wished)]
        known = any(wished & set(one.deployment.tags) for one in members)
        if not found and not known:
            found = [one for one in allowed if "default" in one.deployment.tags]
    elif asked:
        found = allowed
    else:
        found = [one for one in allowed if "default" in one.deployment.tags] or allowed
    assert led(members, *asked, tag_match_any=any_of_them) == {one.id for one in found}
