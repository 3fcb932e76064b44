"""In which part of the world a provider's region is, by its name: ``eu``, ``us``, or not known. Data and one look-up.

``eu`` is Europe as providers call it, so with London and Zurich in it, as with LiteLLM; who must stay within the
European Union names the regions. Names are those of AWS, Google Cloud, Azure and IBM Cloud, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["area_of", "region_of", "within"]

_EUROPE: Final = (
    "europe", "france", "germany", "italy", "spain", "sweden", "norway", "switzerland", "poland", "belgium",
    "austria", "denmark", "finland", "greece", "uk", "ireland", "netherlands",
)  # fmt: skip
# An area's own name, and one that begins with it: eu-west-1, europe-west4, us-central1, us-gov-west-1.
_AREAS: Final = re.compile(r"(eu|eusc|europe|us)(?:-.*)?")
# Azure's are one word: a country of Europe, or a part of the United States.
_COUNTRIES: Final = re.compile(
    rf"(?:{'|'.join(_EUROPE)})(?:north|south|east|west|central|westcentral)*\d*"
)
_EUROPE_PARTS: Final = re.compile(r"(?:north|west)europe")
_STATES: Final = re.compile(
    r"(?:east|west|central|northcentral|southcentral|westcentral)us\d*(?:euap|stage)?|us(?:gov|dod|nat|sec).*"
)

# Inference profiles of AWS: such a model is run in any of its area's regions, and a global one anywhere.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html, read 2026-11-22.
_PROFILE: Final = re.compile(r"(?:.*/)?(us-gov|us|eu|apac|jp|au|ca|global)\.[a-z].*")


def region_of(region: str | None, model: str, options: Mapping[str, Any]) -> str | None:
    """Where a deployment is run: as somebody says, or else where its profile, or the region that it is asked in, is.

    ``region``: what is said of it; where that is only among ``options``, it is where requests go in.
    """
    found = _PROFILE.fullmatch(model)
    if found is None or (region is not None and region not in options.values()):
        return region
    return found.group(1)


def area_of(region: str | None) -> str | None:
    """``eu``, ``us``, or ``None`` where a region is elsewhere or its name is not known."""
    if not region:
        return None
    name = region.strip().lower().replace(" ", "").replace("_", "-")
    found = _AREAS.fullmatch(name)
    if found is not None:
        return "us" if found.group(1) == "us" else "eu"
    if _COUNTRIES.fullmatch(name) or _EUROPE_PARTS.fullmatch(name):
        return "eu"
    return "us" if _STATES.fullmatch(name) else None


def within(region: str | None, allowed: str) -> bool:
    """Whether a region is the one that is allowed, or in it."""
    if not region:
        return False
    wanted = allowed.strip().lower()
    return region.strip().lower() == wanted or area_of(region) == wanted
