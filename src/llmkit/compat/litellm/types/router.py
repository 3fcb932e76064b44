"""``litellm.types.router``: what programs make a router's deployments and policies of, as dicts that it takes."""

from __future__ import annotations

from typing import Any

__all__ = ["AllowedFailsPolicy", "Deployment", "LiteLLM_Params", "ModelInfo", "RetryPolicy"]


class _Row(dict[str, Any]):
    """A dict whose items are its attributes, too; one that is not there is ``None``."""

    def __init__(self, **fields: Any) -> None:
        super().__init__({name: value for name, value in fields.items() if value is not None})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """It, as a dict."""
        return {n: dict(v) if isinstance(v, _Row) else v for n, v in self.items()}

    to_json = model_dump


class RetryPolicy(_Row):
    """How often to try again, by the kind of failure: ``RateLimitErrorRetries=3`` …"""


class AllowedFailsPolicy(_Row):
    """How many failures a minute a deployment may have, by their kind: ``RateLimitErrorAllowedFails=100`` …"""


class ModelInfo(_Row):
    """What is said of a deployment: ``id``, prices, anything."""


class LiteLLM_Params(_Row):  # noqa: N801 - LiteLLM's name
    """A deployment's ``model``, and whatever a call to it has as keywords."""


class Deployment(_Row):
    """A row of ``model_list``: ``model_name``, ``litellm_params``, ``model_info``."""
