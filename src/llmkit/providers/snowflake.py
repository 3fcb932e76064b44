"""Snowflake Cortex, whose chat is OpenAI's; its older ``inference:complete`` is another form, and not spoken here.

Sources, read 2026-11-22: https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api,
https://docs.snowflake.com/en/developer-guide/snowflake-rest-api/authentication (the kind of a token may be left
unsaid: it is then looked at), and https://github.com/anomalyco/opencode/pull/29901 (``max_completion_tokens`` only).
"""

from __future__ import annotations

from dataclasses import dataclass

from .._flow import Flow
from .._http import HTTPRequest
from .._secret import Secret
from ..wires.openai_chat import OpenAIChat
from ._auth import Identity
from ._provider import Provider

__all__ = ["PROVIDER", "Token"]

_KIND = "X-Snowflake-Authorization-Token-Type"
_PAT = "PROGRAMMATIC_ACCESS_TOKEN"
_MARK = "pat/"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as a bearer's, with its kind, where that is known; ``pat/`` before it says so, too, as in LiteLLM."""

    kind: str | None = None

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Put the token on, unless the caller did."""
        yield from ()
        secret = identity.secret
        if not secret or "authorization" in (name.lower() for name in request.headers):
            return request
        text = secret.reveal()
        kind = _PAT if text.startswith(_MARK) else self.kind
        text = text.removeprefix(_MARK)
        identity.show(Secret(text))
        return request.with_headers(
            {"authorization": f"Bearer {text}", **({_KIND: kind} if kind else {})}
        )


PROVIDER = Provider(
    name="snowflake",
    base_url="https://{account_id}.snowflakecomputing.com/api/v2/cortex/v1",
    chat=OpenAIChat(
        renamed={"max_tokens": "max_completion_tokens"}, history=("reasoning_details",)
    ),
    key_env=("SNOWFLAKE_JWT", "SNOWFLAKE_PAT"),
    base_env=("SNOWFLAKE_BASE_URL",),
    variables={"account_id": ("account_id", "SNOWFLAKE_ACCOUNT_ID", "SNOWFLAKE_ACCOUNT")},
    auth=Token(),
    env_auth={"SNOWFLAKE_JWT": Token("KEYPAIR_JWT"), "SNOWFLAKE_PAT": Token(_PAT)},
    docs="https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api",
    read="2026-11-22",
)
