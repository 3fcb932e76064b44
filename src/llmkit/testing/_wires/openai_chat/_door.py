"""What OpenAI's server looks at first, whatever is asked: key, JSON, model. Everything raises `Refusal`."""

from __future__ import annotations

import json
from typing import Any, Final

from ._refusal import Refusal, bad_request

__all__ = ["authenticate", "known", "parsed"]

_MISSING_MODEL: Final = "missing-model"
_LIMITED_MODEL: Final = "rate-limited"
# A shorter key would be half given away by the ends that are shown.
_SHOWN_FROM: Final = 12


def authenticate(authorization: str) -> None:
    """Raise the `Refusal` that a missing or wrong key deserves."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refusal(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization "
            "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        )
    if "invalid" in key:
        # Masked the way the real API does it: a part of the key comes back in the message.
        masked = f"{key[:4]}{'*' * 12}{key[-4:]}" if len(key) > _SHOWN_FROM else "****"
        raise Refusal(401, f"Incorrect API key provided: {masked}.", code="invalid_api_key")


def parsed(body: bytes) -> Any:
    """The JSON of a body. Raises `Refusal`."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request("We could not parse the JSON body of your request.") from error


def known(model: str) -> None:
    """Raise the `Refusal` that the model's name asks for."""
    if model == _MISSING_MODEL:
        text = f"The model `{model}` does not exist or you do not have access to it."
        raise Refusal(404, text, code="model_not_found")
    if model == _LIMITED_MODEL:
        raise Refusal(
            429,
            f"Rate limit reached for {model}: Limit 1, Used 1. Please try again in 1s.",
            kind="requests",
            code="rate_limit_exceeded",
            headers={"retry-after": "1", "retry-after-ms": "1000"},
        )
