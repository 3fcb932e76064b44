"""Amazon SageMaker: endpoints of one's own; the model's name is the endpoint's."""

from __future__ import annotations

from .._flow import Flow
from .._http import Endpoint
from ..wires.sagemaker import SageMakerChat
from ._aws import NEEDS, SignedOrBearer, located
from ._provider import Provider, Where

__all__ = ["PROVIDER"]


def _locate(where: Where) -> Flow[Endpoint]:
    return located(where, {"": "runtime.sagemaker"})


PROVIDER = Provider(
    name="sagemaker",
    base_url=None,
    chat=SageMakerChat(),
    base_env=("SAGEMAKER_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"),
    key_optional=True,
    auth=SignedOrBearer("sagemaker"),
    calls={"text_completion": "llmkit.wires.sagemaker:SAGEMAKER_TEXT"},
    locate=_locate,
    needs=NEEDS,
    aliases=("sagemaker_chat",),
    docs="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html",
    read="2026-11-22",
)
