"""Raw httpx with the limits that it has when nobody sets any: 100 connections, 20 of them kept."""

from __future__ import annotations

import httpx

from bench.contestants import httpx as wide

_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20)


class Sync(wide.Sync):
    """``httpx.Client()``."""

    limits = _LIMITS


class Async(wide.Async):
    """``httpx.AsyncClient()``."""

    limits = _LIMITS
