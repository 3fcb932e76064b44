"""``litellm.router``: the path that LiteLLM's programs import ``Router`` from."""

from __future__ import annotations

from ._routers import Router
from .types.router import AllowedFailsPolicy, Deployment, LiteLLM_Params, RetryPolicy

__all__ = ["AllowedFailsPolicy", "Deployment", "LiteLLM_Params", "RetryPolicy", "Router"]
