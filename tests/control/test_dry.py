from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llmkit import providers
from llmkit._control.dry import DryRun, dry
from llmkit._flow import consult

from ._drive import KEY, drive

if TYPE_CHECKING:
    import pytest

    from llmkit._flow import Flow
    from llmkit._http import HTTPRequest
    from llmkit.providers import Identity


def described(**keywords: Any) -> DryRun:
    """What a call would be; nothing may be asked for on the way."""
    flow = dry(drive(**keywords).job)
    try:
        effect = next(flow)
    except StopIteration as stop:
        made: DryRun = stop.value
        return made
    raise TypeError(effect)


def test_dry_run() -> None:
    """A dry run is the request as it would leave, without its secrets."""
    made = described(temperature=0, max_tokens=10, extra_headers={"x-echo": KEY})
    assert (made.provider, made.model, made.method) == ("openai", "gpt-4o-mini", "POST")
    assert made.url == "https://api.openai.com/v1/chat/completions"
    assert made.headers["authorization"] == "[redacted]"
    assert made.headers["x-echo"] == "[redacted]"
    assert made.body["max_completion_tokens"] == 10
    assert made.key_source == "api_key"
    assert KEY not in repr(made)
    assert KEY not in json.dumps(made.to_dict())


def test_bound() -> None:
    """The most that a call may cost is told, in USD."""
    bound = described(max_tokens=10).bound
    total = getattr(bound, "total", None)
    assert isinstance(total, Decimal)
    assert Decimal(0) < total < Decimal(1)


def test_changes_and_fallbacks() -> None:
    """The ledger and the requests that would follow are part of it, as plain data too."""
    made = described(top_k=3, drop_params=True, fallbacks=["groq/g"])
    assert [a.parameter for a in made.ledger] == ["top_k"]
    assert [f.model for f in made.fallbacks] == ["g"]
    data = made.to_dict()
    assert data["ledger"][0]["change"] == "dropped"
    assert data["fallbacks"][0]["provider"] == "groq"
    assert data["request"]["body"]["model"] == "gpt-4o-mini"


def test_key_from_a_function_is_not_asked_for() -> None:
    """A dry run asks nobody for a key."""

    def key() -> str:
        raise AssertionError("asked for the key")

    assert described(api_key=key).headers["authorization"] == "[redacted]"


class Exchange:
    """An auth that needs an exchange before it can sign."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Ask somebody first."""
        token = yield from consult(str)
        return request.with_headers({"authorization": token})


def test_auth_that_needs_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that would be obtained is only named."""
    made = providers.Provider(
        name="exchanging",
        base_url="https://h.test",
        chat=providers.get("groq").chat,
        auth=Exchange(),
    )
    monkeypatch.setitem(providers._registry._found, "exchanging", made)
    assert described(model="exchanging/m").headers["authorization"] == "[redacted]"
