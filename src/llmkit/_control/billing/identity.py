"""Who is billed for a call: the first of an order that names somebody. Nobody is ever made up.

What the call and the contexts around it said comes merged, as attributes; the finding of an entitlement's gate for a
customer, which comes last, is the desk's to ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from ...errors import ConfigurationError
from .facts import usable

__all__ = ["Identity", "Resolver", "identity_of", "named"]

Resolver = Callable[[Mapping[str, tuple[str, ...]]], str | None]

_NONE: Final = ("",)


class Identity(NamedTuple):
    """How a subscription is found: the call's own, its contexts', the resolver's, the default.

    ``trust_user``: what a call's ``user`` says stands for a subscription where none is named; off, it is never used:
    whoever calls could bill anybody else. ``unattributed``: ``raise`` refuses a call that nobody is named for, before
    anything is sent; ``hold`` keeps its usage until somebody is.
    """

    resolver: Resolver | None = None
    default: str = ""
    trust_user: bool = False
    unattributed: Literal["hold", "raise"] = "hold"


def identity_of(
    subscription: str | Resolver | None,
    *,
    trust_user: bool = False,
    unattributed: Literal["hold", "raise"] = "hold",
) -> Identity:
    """What was given as ``subscription=``: a default, or a function of the attributes.

    Raises:
        ConfigurationError: it is neither, or no id.
    """
    if subscription is None:
        return Identity(None, "", trust_user, unattributed)
    if callable(subscription):
        return Identity(subscription, "", trust_user, unattributed)
    if not usable(subscription):
        raise ConfigurationError(
            f"subscription is an id, or a function of a call's attributes, not {subscription!r:.80}"
        )
    return Identity(None, subscription, trust_user, unattributed)


def named(attributes: Mapping[str, tuple[str, ...]], identity: Identity) -> tuple[str, str]:
    """The subscription that is billed, ``""`` where nobody is named; and why the resolver failed, if it did."""
    own = _first(attributes, "subscription")
    if not own and identity.trust_user:
        own = _first(attributes, "user")
    if own:
        return own, ""
    found, failure = _resolved(attributes, identity.resolver)
    return found or identity.default, failure


def _first(attributes: Mapping[str, tuple[str, ...]], kind: str) -> str:
    return usable((attributes.get(kind) or _NONE)[0])


def _resolved(
    attributes: Mapping[str, tuple[str, ...]], resolver: Resolver | None
) -> tuple[str, str]:
    if resolver is None:
        return "", ""
    try:
        found: Any = resolver(attributes)
    except Exception as error:  # noqa: BLE001 - somebody else's; a call must not fail for it
        return "", f"the function subscription failed: {type(error).__name__}"
    if found is None or usable(found):
        return found or "", ""
    return "", f"the function subscription gave no id, but {type(found).__name__}"
