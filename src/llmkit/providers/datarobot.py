"""DataRobot's LLM gateway. Its variable holds a host, or the host's ``/api/v2``, as its own packages want it.

https://docs.datarobot.com/en/docs/gen-ai/genai-code/dr-llm-gateway.html and
https://docs.litellm.ai/docs/providers/datarobot (the variables), read 2026-11-22.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from .._flow import Flow
from .._http import Endpoint
from ..wires.openai_chat import OpenAIChat
from ._provider import Provider, Where

__all__ = ["PROVIDER"]

_GATEWAY = "/api/v2/genai/llmgw"


def locate(where: Where) -> Flow[Endpoint]:
    """The gateway of a host; an address that says more than ``/api/v2`` is taken as it is."""
    yield from ()
    parts = urlsplit(where.base_url or "")
    whole = parts.path.strip("/") not in ("", "api/v2")
    base = parts if whole else parts._replace(path=_GATEWAY)
    return Endpoint(urlunsplit(base).rstrip("/"), where.headers, where.query)


PROVIDER = Provider(
    name="datarobot",
    base_url=f"https://app.datarobot.com{_GATEWAY}",
    chat=OpenAIChat(),
    key_env=("DATAROBOT_API_TOKEN", "DATAROBOT_API_KEY"),
    base_env=("DATAROBOT_ENDPOINT", "DATAROBOT_API_BASE"),
    locate=locate,
    docs="https://docs.datarobot.com/en/docs/gen-ai/genai-code/dr-llm-gateway.html",
    read="2026-11-22",
)
