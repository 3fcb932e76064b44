"""Which models there are, for who asks: the router's groups; and where one stands for many, the catalogue's models.

Nobody is asked. What somebody may not use is not there for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from ..._json import dump
from ..auth.allowed import usable
from ..failure import Refused
from ..gateway import Gateway
from ..subject import Subject
from .answering import Line
from .asking import subject_of
from .making import Endpoint

__all__ = ["models", "routes"]

_PREFIXES: Final = ("/v1", "", "/openai")


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Where they are listed, and told one by one."""
    listed, one = Endpoint(gateway, _listed), Endpoint(gateway, _one)
    return [
        *(Route(f"{prefix}/models", listed, methods=["GET"]) for prefix in _PREFIXES),
        *(Route(f"{prefix}/models/{{model:path}}", one, methods=["GET"]) for prefix in _PREFIXES),
    ]


def models(gateway: Gateway, subject: Subject) -> dict[str, str]:
    """What this subject may ask for, by its name, with whose it is.

    In place of a name with ``*`` there are the models that it is known to stand for.
    """
    every: dict[str, str] = {}
    for name in gateway.calls.get_model_names():
        for one, owner in _meant(gateway, name) if "*" in name else [(name, "")]:
            every.setdefault(one, owner)
    return {name: owner for name, owner in every.items() if usable(subject, name)}


def _meant(gateway: Gateway, pattern: str) -> Iterable[tuple[str, str]]:
    """The names that a group's ``*`` is known to stand for, each with its provider."""
    for entry in gateway.calls.get_model_list(pattern):
        declared = entry["litellm_params"]["model"]
        provider, slash, _ = declared.partition("/")
        asked = provider if slash and "*" not in provider else None
        head, _, tail = declared.partition("*")
        for model in gateway.calls.get_valid_models(custom_llm_provider=asked):
            if model.startswith(head) and model.endswith(tail):
                filled = pattern.replace("*", model[len(head) : len(model) - len(tail)], 1)
                yield filled, model.partition("/")[0]


async def _listed(gateway: Gateway, request: Request, line: Line) -> None:
    subject = await subject_of(gateway, request)
    found = models(gateway, subject).items()
    data = [_shown(gateway, name, owner) for name, owner in found]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    await line.whole(dump({"object": "list", "data": data, "has_more": False, **ends}))


async def _one(gateway: Gateway, request: Request, line: Line) -> None:
    subject = await subject_of(gateway, request)
    name = request.path_params["model"]
    info = gateway.calls.get_model_group_info(name) if usable(subject, name) else None
    if info is None or "*" in name:
        raise Refused(
            404,
            f"there is no model {name[:200]!r}: GET /v1/models lists those that there are",
            "not_found_error",
            param="model",
        )
    await line.whole(dump(_shown(gateway, name)))


def _shown(gateway: Gateway, name: str, owner: str = "") -> dict[str, Any]:
    """A model as OpenAI lists it. When it was made is not known."""
    told: dict[str, Any] = {"id": name, "object": "model", "created": 0, "owned_by": owner}
    info = None if owner else gateway.calls.get_model_group_info(name)
    if info is None:
        return told
    told["owned_by"] = ", ".join(info.providers)
    for limit in ("max_input_tokens", "max_output_tokens"):
        if (most := getattr(info, limit)) is not None:
            told[limit] = most
    return told
