"""Regions: which part of the world a provider's name for one is in."""

from __future__ import annotations

import pytest

from llmkit._control.routing.regions import area_of, within


@pytest.mark.parametrize(
    "name",
    [
        "eu", "EU", "europe", "eu-west-1", "eu-central-2", "eu-north-1", "eusc-de-east-1", "europe-west4",
        "europe-southwest1", "westeurope", "northeurope", "West Europe", "francecentral", "germanywestcentral",
        "swedencentral", "norwayeast", "switzerlandnorth", "uksouth", "polandcentral", "italynorth", "spaincentral",
        "eu-de", "eu-gb",
    ],
)  # fmt: skip
def test_europe(name: str) -> None:
    """Names of regions in Europe, as AWS, Google, Azure and IBM write them."""
    assert area_of(name) == "eu"


@pytest.mark.parametrize(
    "name",
    [
        "us", "us-east-1", "us-gov-west-1", "us-central1", "us-west4", "eastus", "eastus2", "East US 2", "westus3",
        "centralus", "southcentralus", "westcentralus", "usgovvirginia", "us-south", "eastus2euap",
    ],
)  # fmt: skip
def test_united_states(name: str) -> None:
    """Names of regions in the United States."""
    assert area_of(name) == "us"


@pytest.mark.parametrize(
    "name",
    [
        "", None, "global", "ap-south-1", "ca-central-1", "asia-east1", "northamerica-northeast1", "canadaeast",
        "australiaeast", "japaneast", "brazilsouth", "southafricanorth", "sa-east-1", "me-central-1", "centralindia",
        "usa", "euphoria", "jp-tok", "multi",
    ],
)  # fmt: skip
def test_elsewhere(name: str | None) -> None:
    """What is elsewhere, or anywhere, is in neither."""
    assert area_of(name) is None


def test_within() -> None:
    """A region is within itself and its area, in any case of letters; what is not said is nowhere."""
    assert within("eu-west-1", "eu")
    assert within("EU-West-1", "eu-west-1 ")
    assert within("ap-south-1", "ap-south-1")
    assert not within("ap-south-1", "ap")
    assert not within("us-east-1", "eu")
    assert not within(None, "eu")
    assert not within("global", "us")
