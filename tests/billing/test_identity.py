from __future__ import annotations

from typing import Any

import pytest

from llmkit._control.billing.identity import identity_of, named
from llmkit.errors import ConfigurationError


@pytest.mark.parametrize(
    ("attributes", "given", "trust", "subscription"),
    [
        ({"subscription": ("own",), "user": ("u",)}, "default", True, "own"),
        ({"user": ("u",)}, "default", True, "u"),
        ({"user": ("u",)}, "default", False, "default"),
        ({"user": ("u",)}, None, False, ""),
        ({"customer": ("c",)}, None, False, ""),
        ({}, "default", False, "default"),
        ({"team": ("red",)}, lambda a: "sub-" + a["team"][0], False, "sub-red"),
        ({"subscription": ("own",)}, lambda _: "resolved", False, "own"),
        ({}, lambda _: None, False, ""),
        ({"subscription": ("a\x00b",)}, "default", False, "default"),
        ({"subscription": ()}, "default", False, "default"),
    ],
)
def test_the_first_who_names_somebody_wins(
    attributes: Any, given: Any, trust: Any, subscription: str
) -> None:
    """The call's own and its contexts', then the resolver, then the default; ``user`` only where it is trusted."""
    assert named(attributes, identity_of(given, trust_user=trust)) == (subscription, "")


@pytest.mark.parametrize("answer", [3, "", "  ", b"s", ["s"]])
def test_a_resolver_that_gives_no_id_names_nobody_and_is_told(answer: Any) -> None:
    """Nobody is made up out of what it gives."""
    subscription, failure = named({}, identity_of(lambda _: answer))
    assert subscription == ""
    assert type(answer).__name__ in failure


def test_a_resolver_that_fails_names_nobody_and_shows_no_secret() -> None:
    """Only the kind of its failure is told: its message may be anything."""

    def failing(_: Any) -> str:
        raise RuntimeError("SECRET")

    subscription, failure = named({}, identity_of(failing))
    assert subscription == ""
    assert "RuntimeError" in failure
    assert "SECRET" not in failure


@pytest.mark.parametrize("wrong", ["", " ", 3, ["s"], "a\nb"])
def test_a_default_that_is_no_id_is_refused(wrong: Any) -> None:
    """At construction, not at the first call."""
    with pytest.raises(ConfigurationError):
        identity_of(wrong)
