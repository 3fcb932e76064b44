"""``Deployment``: one way to have a group's calls answered, as people declare it. It is checked where it is made.

What LiteLLM writes in its place is read in ``entries``. Nothing here is looked up: neither key nor address nor price.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Self

from typing_extensions import Unpack, override

from ..._call import Timeouts
from ..._secret import Secret
from ...catalogue import default
from ...errors import ConfigurationError
from ...providers import named
from ...types.params import CallOptions, DeploymentOptions, DeploymentParams, ModelParams
from .. import plan
from ..address import check_url
from ..budget.rules import amount_of
from ..prices import is_price, price_of
from . import checked
from .identity import identity_of

__all__ = [
    "FIELDS",
    "LIMITS",
    "UNSAID",
    "Deployment",
    "distinct",
    "keys_of",
    "known_param",
    "unknown",
]

LIMITS: Final = ("rpm", "tpm", "rpd", "tpd", "itpm", "otpm")
"""Requests and tokens in a minute and in a day; tokens of prompts, and of answers, in a minute."""
LAST: Final = 2**31
"""The order of those that say none: where others do, they come after them."""
_OTHER_PARAMS: Final = (
    "types.audio:SpeechModelParams",
    "types.audio:TranscriptionModelParams",
    "types.embedding:EmbeddingModelParams",
    "types.image:ImageModelParams",
    "types.messages:MessagesModelParams",
    "types.moderation:ModerationModelParams",
    "types.rerank:RerankModelParams",
    "types.responses:ResponsesModelParams",
    "types.text:TextModelParams",
)
"""Where the parameters of other calls than chats are declared."""
_OPTIONS: Final = frozenset(DeploymentOptions.__annotations__)
_CHAT: Final = frozenset(ModelParams.__annotations__)
_OF_A_CALL: Final = frozenset(
    CallOptions.__annotations__.keys() - DeploymentOptions.__annotations__.keys() - {"tags"}
)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Deployment:
    """One way to have the calls of a group answered: a model at a provider, with its keys and limits.

    ``Deployment("gpt", "openai/gpt-4o", api_key=[first, second], rpm=500, temperature=0)``

    Args:
        group: what callers ask for (LiteLLM's ``model_name``); ``openai/*`` and ``*`` stand for many.
        model: ``provider/model``; with a ``*`` where ``group`` has one.
        api_key: a text, a ``Secret`` or a function, or several of them; otherwise that of the environment.
        id: by which it is known everywhere; otherwise it is made of where calls go and what they say, and is the
            same in every process. Keys are in it as fingerprints.
        params: what its calls say to the model where they do not say otherwise, of calls of all kinds.
        weight: how often it is drawn, beside others; ``None``: by its limits.
        order: those of a lower order go first; those that say none come last.
        rpm, tpm, rpd, tpd, itpm, otpm: most requests and tokens; see ``LIMITS``.
        max_parallel: most calls at once.
        cooldown_time: seconds; otherwise the router's.
        tags: of which a call has some; ``default``: it takes calls without tags.
        tag_regex: patterns that are looked for in ``User-Agent: …`` of calls without fitting tags.
        region: where it stands, such as ``eu``; otherwise what ``region_name`` and its kin say.
        max_input_tokens: the longest prompt; otherwise the catalogue's.
        max_budget: the most USD that it may cost in ``budget_duration``.
        info: LiteLLM's ``model_info``: whatever else is to be known of it.
        **how: options and parameters of its calls, as in a call. ``num_retries``: most further attempts of a call at
            it; otherwise as the router says.

    Raises:
        ConfigurationError: a value is none of what it can be, or a keyword is unknown; near misses are named.
    """

    group: str
    model: str
    id: str
    keys: tuple[Any, ...]
    """``Secret``s or functions; none: those of the environment."""
    options: Mapping[str, Any]
    """Options of its calls (``llmkit.types.CallOptions``) but for the key."""
    params: Mapping[str, Any]
    """What its calls say to the model where they do not say otherwise."""
    weight: float | None
    order: int
    rpm: int | None
    tpm: int | None
    rpd: int | None
    tpd: int | None
    itpm: int | None
    otpm: int | None
    max_parallel: int | None
    num_retries: int | None
    cooldown_time: float | None
    tags: tuple[str, ...]
    tag_regex: tuple[str, ...]
    region: str | None
    max_input_tokens: int | None
    max_budget: Decimal | None
    budget_duration: str | None
    info: Mapping[str, Any]
    """LiteLLM's ``model_info``."""
    numbered: bool
    """Whether ``id`` was made here."""

    def __init__(
        self,
        group: str,
        model: str,
        *,
        api_key: Any = None,
        id: str | None = None,  # noqa: A002 - LiteLLM's name
        params: Mapping[str, Any] | None = None,
        weight: float | None = None,
        order: int | None = None,
        rpm: int | None = None,
        tpm: int | None = None,
        rpd: int | None = None,
        tpd: int | None = None,
        itpm: int | None = None,
        otpm: int | None = None,
        max_parallel: int | None = None,
        cooldown_time: float | None = None,
        tags: Iterable[str] = (),
        tag_regex: Iterable[str] = (),
        region: str | None = None,
        max_input_tokens: int | None = None,
        max_budget: float | str | Decimal | None = None,
        budget_duration: str | None = None,
        info: Mapping[str, Any] | None = None,
        **how: Unpack[DeploymentParams],
    ) -> None:
        given = {name: value for name, value in locals().items() if name in FIELDS}
        options, said = _told_apart(how)
        given["num_retries"] = options.pop("num_retries", None)
        _set(self, **{name: _checked(name, value) for name, value in given.items()})
        _set(self, group=checked.text(group, "group"), model=checked.text(model, "model"))
        if "*" in model and "*" not in group:
            raise ConfigurationError(f"nothing stands for the * of {model!r}: {group!r} has none")
        _set(self, keys=keys_of(api_key), params=_params(said, params or {}))
        _set(self, options=MappingProxyType(options))
        _set(self, region=self.region or _region(options), info=MappingProxyType(dict(info or {})))
        made = identity_of(self) if id is None else checked.text(id, "id")
        _set(self, id=made, numbered=id is None)

    def changed(self, **values: Any) -> Self:
        """A copy that differs in these fields, which are not checked again."""
        made = copy.copy(self)
        _set(made, **values)
        return made

    def __deepcopy__(self, memo: Any) -> Self:
        # Nothing in it changes, and its keys are not to be had twice.
        return self

    @override
    def __repr__(self) -> str:
        said = {name: getattr(self, name) for name in _SHOWN}
        shown = [f"{name}={value!r}" for name, value in said.items() if value not in UNSAID]
        return f"Deployment({', '.join([repr(self.group), repr(self.model), *shown])})"

    @override
    def __hash__(self) -> int:
        return hash(self.id)


def distinct(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Deployments of which no two have one id: where ids were made of the same, later ones get a number.

    Raises:
        ConfigurationError: two were given the same id.
    """
    found: dict[str, Deployment] = {}
    for one in deployments:
        at, number = one.id, 1
        while at in found:
            if not one.numbered:
                raise ConfigurationError(f"two deployments have the id {one.id!r}")
            number += 1
            at = f"{one.id}.{number}"
        found[at] = one if at == one.id else one.changed(id=at)
    return tuple(found.values())


def keys_of(given: Any) -> tuple[Any, ...]:
    """Keys as ``Secret``s and functions, each once. None of them is shown."""
    listed = given if isinstance(given, list | tuple) else () if given is None else (given,)
    found = tuple(dict.fromkeys(_key(one) for one in listed))
    if len(found) != len(listed):
        raise ConfigurationError("api_key: the same key is given twice")
    return found


def _key(given: Any) -> Any:
    if isinstance(given, str) and given.strip():
        return Secret(given.strip())
    if isinstance(given, Secret) or callable(given):
        return given
    kind = "an empty text" if isinstance(given, str) else type(given).__name__
    raise ConfigurationError(f"api_key is a text, a function, or a list of them, not {kind}")


def _set(one: Deployment, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(one, name, value)


def _told_apart(how: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is an option of a call, and what goes to the model."""
    given = {name: value for name, value in how.items() if value is not None}
    options = {k: v for k, v in given.items() if k in _OPTIONS or is_price(k)}
    said = {name: value for name, value in given.items() if name not in options}
    spelled = plan.asked(options, {}).options
    plan.timeouts(spelled, Timeouts(), stream=True)
    price_of(spelled, plan.CHAT.name, default(), "", "")
    if base := spelled.get("base_url"):
        check_url(checked.text(base, "base_url"))
    return dict(spelled), said


def _params(said: Mapping[str, Any], params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters of calls of any kind; what none of them has is refused."""
    found = {**checked.table(params, "params"), **said}
    for name in found:
        if not known_param(name):
            raise unknown(name)
    return MappingProxyType(found)


def known_param(name: str) -> bool:
    """Whether it is a parameter of some kind of call."""
    # The other kinds' are only loaded where they are asked for.
    return name in _CHAT or any(
        name in named(f"llmkit.{at}").__annotations__ for at in _OTHER_PARAMS
    )


def unknown(name: str) -> ConfigurationError:
    """The error for a keyword that nobody knows."""
    if name in _OF_A_CALL:
        return ConfigurationError(f"{name!r} is said by a call, or the router: not by a deployment")
    near = difflib.get_close_matches(name, (*FIELDS, *_OPTIONS, *_CHAT, "api_key"), 3)
    meant = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
    hint = meant or "fields of one provider go in extra_body"
    return ConfigurationError(f"a deployment knows no {name!r}; {hint}")


def _region(options: Mapping[str, Any]) -> str | None:
    return next((str(options[name]) for name in _REGIONS if options.get(name)), None)


def _limit(given: Any, what: str) -> int:
    return checked.whole(given, what, 1)


def _order(given: Any, what: str) -> int:
    return checked.whole(given, what)


def _patterns(given: Any, what: str) -> tuple[str, ...]:
    found = checked.names(given, what)
    for one in found:
        try:
            re.compile(one)
        except re.error as error:
            raise ConfigurationError(f"{what}: {one!r} is no pattern: {error}") from None
    return found


_REGIONS: Final = ("region_name", "aws_region_name", "vertex_location")
FIELDS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "weight": checked.number,
    "order": _order,
    **dict.fromkeys(LIMITS, _limit),
    "max_parallel": _limit,
    "num_retries": _order,
    "cooldown_time": checked.seconds,
    "tags": checked.names,
    "tag_regex": _patterns,
    "region": checked.text,
    "max_input_tokens": _limit,
    "max_budget": amount_of,
    "budget_duration": checked.text,
}
"""What can be said of a deployment, and how it is checked."""
UNSAID: Final[tuple[Any, ...]] = (None, (), LAST)
"""Values of fields that say nothing."""
_SHOWN: Final = ("id", *FIELDS)


def _checked(name: str, given: Any) -> Any:
    if given is None:
        return LAST if name == "order" else None
    return FIELDS[name](given, name)
