"""Whatever a provider's wire makes of a limit, the bound is not below what is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit.catalogue import Catalogue, ModelInfo, _allowances

from ._bounded import HELLO, most, priced

OWN_LIMIT = 50_000
LIMITS = {
    "max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens", "max_new_tokens",
    "num_predict", "max_tokens_to_sample", "max_gen_len", "maxTokenCount", "max_length",
}  # fmt: skip
ASKED: dict[str, Any] = {
    "vertex_project": "p", "vertex_location": "l", "aws_region_name": "eu-west-1", "project_id": "p",
    "account_id": "a", "base_url": "http://nowhere.invalid/v1", "api_version": "2024-10-21", "api_key": "test-key",
}  # fmt: skip
MODELS = {"bedrock": "anthropic.claude-x", "vertex_ai": "gemini-x", "sagemaker": "endpoint"}


class Everything(Catalogue):
    """Has every model."""

    def find(self, provider: str, model: str) -> ModelInfo:
        """The same one under each name."""
        return priced(
            {"input": "1", "output": "1"},
            provider=provider,
            name=model,
            max_output_tokens=OWN_LIMIT,
        )


@pytest.fixture(scope="module")
def client() -> Iterator[llmkit.Client]:
    """A client with a price for everything."""
    with llmkit.Client(environ={}, catalogue=Everything()) as made:
        yield made


def limits(body: Any) -> Iterator[int]:
    """Every limit that a body has, wherever."""
    if isinstance(body, Mapping):
        for name, value in body.items():
            if name in LIMITS and isinstance(value, int):
                yield value
            yield from limits(value)


def dry(client: llmkit.Client, provider: str, **asked: Any) -> Any:
    """What would be sent to a provider; skips where it has no chat, or wants what a test cannot give."""
    model = f"{provider}/{MODELS.get(provider, 'some-model')}"
    try:
        return client.completion(model, HELLO, dry_run=True, drop_params=True, **ASKED, **asked)
    except (llmkit.ConfigurationError, llmkit.InvalidRequestError) as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("provider", providers.names())
@pytest.mark.parametrize(
    "asked", [{}, {"max_tokens": 7}, {"max_completion_tokens": 7}, {"reasoning_effort": "high"}],
    ids=["none", "max_tokens", "max_completion_tokens", "effort"],
)  # fmt: skip
def test_no_wire_sends_a_higher_limit(
    client: llmkit.Client, provider: str, asked: dict[str, Any]
) -> None:
    """And where it sends none, the model's own holds."""
    made = dry(client, provider, **asked)
    if isinstance(made.bound, llmkit.Unbounded):
        assert made.bound.reason in {r["refused"] for r in refusals()}
        return
    output = most(made.bound)["output"]
    assert output >= max(limits(made.body), default=OWN_LIMIT)


def refusals() -> Iterator[dict[str, str]]:
    """The reasons that the data of providers has."""
    for rows in _allowances._rows().values():
        yield from (facts for _, facts in rows if "refused" in facts)
