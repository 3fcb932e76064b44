"""Where the runtime has a model's methods. A route (``invoke/…``) before the name of the model is no part of it."""

from __future__ import annotations

import re
from urllib.parse import quote

from .._http import Endpoint, join_url

__all__ = ["bare", "model_url", "region_in"]

_SAFE = "-._~"
_REGION = re.compile(r"(?:^|[.-])((?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-[a-z]+)+-\d)(?:[.]|$)")
_ROUTES = ("invoke/", "converse/")


def bare(model: str) -> str:
    """The model's name without the route to it."""
    for route in _ROUTES:
        model = model.removeprefix(route)
    return model


def model_url(to: Endpoint, model: str, method: str) -> str:
    """The address of a model's method; ARNs have slashes and colons, which are escaped."""
    return join_url(to.base_url, f"/model/{quote(bare(model), safe=_SAFE)}/{method}", to.query)


def region_in(host: str) -> str | None:
    """The region that a host's name has in it; ``None`` for a gateway's."""
    match = _REGION.search(host)
    return match.group(1) if match else None
