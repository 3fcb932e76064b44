"""Whose a call is: what its keywords, its metadata and ``llmkit.context`` say, as values by kind.

Budgets and limits are kept by these. Nothing here knows a budget; what is said is neither checked nor sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, Self

from .._call import CONTEXT
from .._secret import is_plain, redact
from ..errors import ConfigurationError

__all__ = [
    "NAMED",
    "Attributes",
    "attributes",
    "context",
    "noted",
    "overheard",
    "shown",
    "told",
    "whose",
]

Attributes = Mapping[str, tuple[str, ...]]

NAMED: Final = ("team", "customer", "subscription", "session", "tags")
"""The options of a call that say whose it is; ``user`` is a parameter, which providers are told too."""
_NAMED: Final = frozenset(NAMED)
NOBODYS: Final[Attributes] = MappingProxyType({})

# What metadata calls them: our names, then LiteLLM's, in the order in which they win.
_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("user", "user_id", "user_api_key_user_id"),
    "team": ("team", "team_id", "user_api_key_team_id"),
    "organisation": (
        "organisation", "organization", "organisation_id", "organization_id", "org_id", "user_api_key_org_id",
    ),
    "customer": ("customer", "customer_id", "end_user", "end_user_id", "user_api_key_end_user_id"),
    "subscription": ("subscription", "subscription_id", "external_subscription_id"),
    "key": ("key", "user_api_key_hash", "user_api_key"),
    "session": ("session", "session_id", "litellm_session_id"),
    "tag": ("tags", "tag"),
    "deployment": ("deployment", "model_id"),
}  # fmt: skip


class context:  # noqa: N801 - it is used like a function
    """Say whose the calls within are: ``with llmkit.context(user="ann", team="red", tags=["batch"]):``.

    It holds for what the same thread or task calls, and for tasks begun within; a stream belongs to whom it was
    opened for. One within another replaces what it names, and adds its tags; what a call itself says goes before both,
    unless the context is ``final``.

    Args:
        user, team, organisation, customer, subscription, key, session: an id each. The subscription is billed, and no
            budget's affair.
        tags: one or several.
        metadata: what settlements and events keep of the calls within, beside their own metadata. It is not sent.
        final: whether it goes before what calls themselves say, and before the contexts within: for who makes calls
            that others have written, such as a gateway. What a call tells the model (``user``, ``metadata``) then
            says nothing of whose it is.

    Raises:
        ConfigurationError: one of these is no text, or the metadata no mapping.
    """

    def __init__(
        self,
        *,
        user: str | None = None,
        team: str | None = None,
        organisation: str | None = None,
        customer: str | None = None,
        subscription: str | None = None,
        key: str | None = None,
        session: str | None = None,
        tags: str | Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        final: bool = False,
    ) -> None:
        if not isinstance(metadata, Mapping | None):
            raise ConfigurationError(f"metadata is a mapping, not {type(metadata).__name__}")
        self.final, self.metadata = final, metadata
        given = {
            "user": user,
            "team": team,
            "organisation": organisation,
            "customer": customer,
            "subscription": subscription,
            "key": key,
            "session": session,
            "tag": tags,
        }
        self.says = _said(given)
        self.shows: Attributes | None = None
        """The same without what looks like a secret, where that is known."""

    @classmethod
    def of(cls, whose: Whose, metadata: Mapping[str, Any] | None) -> Self:
        """A final one, for who makes many that say the same of whose calls are: ``whose`` is worked out once."""
        made = cls.__new__(cls)
        made.final, made.metadata = True, metadata
        made.says, made.shows = whose
        return made

    def hears(self, event: Any) -> None:
        """What the calls within tell (see ``llmkit.events``), for contexts that override it; here nobody listens."""

    def __enter__(self) -> Self:
        CONTEXT.set((*CONTEXT.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        kept = CONTEXT.get()
        if kept and kept[-1] is self:
            CONTEXT.set(kept[:-1])
            return
        # One that is left out of turn, as in generators, takes out itself and nobody else.
        around = list(reversed(kept))
        if self in around:
            around.remove(self)
        CONTEXT.set(tuple(reversed(around)))


def attributes(
    params: Mapping[str, Any], options: Mapping[str, Any], metadata: Mapping[str, Any]
) -> Attributes:
    """Whose a call is: what its keywords say, then its metadata, then the contexts around it, the inner ones first.

    Those that are final go before all, and what is sent with the call does not count within them. Tags add up; of all
    else there is one.
    """
    found: dict[str, tuple[str, ...]] = {}
    around = CONTEXT.get()
    first = [one.says for one in around if one.final] if around else ()
    last = [one.says for one in reversed(around) if not one.final] if around else ()
    if first:
        params = metadata = NOBODYS
    for said in (*first, _keywords(params, options), _of_metadata(metadata), *last):
        for kind, values in said.items():
            if kind == "tag":
                found[kind] = tuple(dict.fromkeys((*found.get(kind, ()), *values)))
            else:
                found.setdefault(kind, values)
    return found or NOBODYS


def noted(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """A call's metadata with that of the contexts around it: the final ones go before it, the others after."""
    for one in reversed(CONTEXT.get()):
        if one.metadata and not one.final:
            metadata = {**one.metadata, **metadata}
    for one in reversed(CONTEXT.get()):
        if one.metadata and one.final:
            metadata = {**metadata, **one.metadata} if metadata else one.metadata
    return metadata


def told(
    params: Mapping[str, Any], options: Mapping[str, Any], metadata: Mapping[str, Any]
) -> tuple[Attributes, Attributes, Mapping[str, Any]]:
    """Whose a call is, the same as it is shown, and what its settlement keeps beside."""
    around = CONTEXT.get()
    if len(around) == 1 and (one := around[0]).final and _NAMED.isdisjoint(options):
        # Nobody else has anything to say of whose it is.
        says, shows, own = one.says, one.shows, one.metadata
        kept = noted(metadata) if metadata else own or metadata
        return says, dict(shows) if shows else shown(says), kept
    found = attributes(params, options, metadata)
    return found, shown(found), noted(metadata)


Whose = tuple[Attributes, Attributes]
"""Whose calls are, and the same as it is shown."""


def whose(**said: Any) -> Whose:
    """What ``context`` makes of its arguments of these names, to be kept. Raises as it does."""
    says = context(**said).says
    return says, shown(says)


def overheard() -> bool:
    """Whether a context around this call wants to hear of it."""
    around = CONTEXT.get()
    if len(around) == 1 and type(around[0]) is context:
        # As most are.
        return False
    return any(type(one).hears is not context.hears for one in around)


def shown(attributes: Attributes) -> Attributes:
    """The same without what looks like a secret."""
    if is_plain(chain.from_iterable(attributes.values())):
        return dict(attributes)
    return {kind: tuple(map(redact, values)) for kind, values in attributes.items()}


def _keywords(params: Mapping[str, Any], options: Mapping[str, Any]) -> Attributes:
    said = NOBODYS
    if not _NAMED.isdisjoint(options):
        said = _said(
            {
                ("tag" if name == "tags" else name): options[name]
                for name in NAMED
                if name in options
            }
        )
    # A parameter of the call, which the provider is told too, and checks.
    user = _text(params.get("user"))
    return {**said, "user": (user,)} if user else said


def _said(given: Mapping[str, Any]) -> Attributes:
    """What was said to us alone: were it not understood, a limit would not hold, and nobody would know."""
    found: dict[str, tuple[str, ...]] = {}
    for kind, value in given.items():
        if value is None or value == ():
            continue
        if type(value) is str:
            # As most are.
            if text := value.strip():
                found[kind] = (text,)
            continue
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
        values = tuple(value) if kind == "tag" and several else (value,)
        for one in values:
            if one is not None and not _is_id(one):
                what = "a text or a list of texts" if kind == "tag" else "a text"
                raise ConfigurationError(
                    f"{'tags' if kind == 'tag' else kind} is {what}, not {one!r}"
                )
        if said := tuple(dict.fromkeys(text for one in values if (text := _text(one)))):
            found[kind] = said
    return found or NOBODYS


def _of_metadata(metadata: Mapping[str, Any]) -> Attributes:
    if not metadata:
        return NOBODYS
    found = {}
    for kind, names in _SPELLINGS.items():
        values = (_values(kind, metadata.get(name)) for name in names)
        if said := next(filter(None, values), ()):
            found[kind] = said
    return found


def _values(kind: str, given: Any) -> tuple[str, ...]:
    """What was given, as texts; what is no id says nothing."""
    if kind == "tag":
        # Where metadata may hold nothing but texts, several are one.
        several = given.split(",") if isinstance(given, str) else given
        several = several if isinstance(several, list | tuple | set | frozenset) else ()
        return tuple(dict.fromkeys(text for item in several if (text := _text(item))))
    text = _text(given)
    return (text,) if text else ()


def _text(given: Any) -> str:
    return str(given).strip() if _is_id(given) else ""


def _is_id(given: Any) -> bool:
    # A UUID is sent as its text, and would be in no limit. By its name: not everybody has loaded its module.
    known = isinstance(given, str | int) or type(given).__name__ == "UUID"
    return known and not isinstance(given, bool)
