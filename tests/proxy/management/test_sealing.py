"""Deployments' credentials, as they are stored."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit._secret import Secret
from llmkit.proxy.failure import Refused
from llmkit.proxy.management.sealing import sealed, unsealed
from llmkit.proxy.settings import Settings

OPEN, KEYED = Settings(), Settings(master_key=Secret("sk-" + "master"))
KEY = "sk-" + "of-a-provider"


def test_sealed_with_the_master_key() -> None:
    """Nothing of it can be read, and all of it comes back."""
    params = {"model": "openai/gpt-4o", "api_key": KEY}
    stored = sealed(KEYED, params)
    assert KEY not in str(stored)
    assert unsealed(KEYED, stored) == params
    for settings, why in (
        (OPEN, "no master key"),
        (Settings(master_key=Secret("other")), "another"),
    ):
        with pytest.raises(ValueError, match=why):
            unsealed(settings, stored)


@pytest.mark.parametrize(
    "params",
    [
        {"model": "openai/gpt-4o"},
        {"model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"},
        {"model": "openai/gpt-4o", "api_base": "https://host/v1", "rpm": 5},
    ],
)
def test_what_is_no_secret_needs_no_key(params: dict[str, Any]) -> None:
    """It is stored as it is."""
    assert unsealed(OPEN, sealed(OPEN, params)) == params


@pytest.mark.parametrize(
    ("name", "value"),
    [("api_key", KEY), ("api_base", "https://ann:word@host/v1"), ("extra_headers", {"a": KEY})],
)
def test_secrets_need_a_master_key(name: str, value: Any) -> None:
    """Refused, by name; the value is not said again."""
    with pytest.raises(Refused, match=rf"^{name}: to be stored") as caught:
        sealed(OPEN, {"model": "openai/gpt-4o", name: value})
    assert caught.value.status == 400
    assert str(value) not in str(caught.value)
