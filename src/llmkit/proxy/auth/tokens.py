"""Tokens (JWT, RFC 7519) that an identity provider has signed, read and checked. Whom they are about is all they say.

A token chooses nothing: not its algorithm beyond those of the settings, not where its key is, not what is required. The
advice is RFC 8725's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

import jwt
from jwt.algorithms import RSAAlgorithm

from ...errors import ConfigurationError
from ..failure import Refused
from ..settings import IdentityProvider
from ..subject import Role
from .keys import token_of
from .published import LEAST_BITS, Published

__all__ = ["Person", "Tokens"]

_LEEWAY: Final = 10
"""Seconds that clocks may differ by."""
_LEAST_SECRET: Final = 32
"""Bytes of a secret for HS256 (RFC 7518 3.2)."""
_LONGEST: Final = 255
"""Characters of a name."""
_CLAIMS: Final[Mapping[str, str]] = {"user": "sub"}
_BROKEN = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError, AttributeError)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a token is about."""

    user: str
    key: str
    """A hash of who this is, and by whose word: what limits of keys are kept by."""
    expires: float
    """Unix time."""
    team: str | None = None
    organisation: str | None = None
    role: Role | None = None


class Tokens:
    """Reads the tokens of one identity provider.

    Raises:
        ConfigurationError: the settings let tokens in that anybody could have made, or none.
    """

    def __init__(self, provider: IdentityProvider, published: Published | None = None) -> None:
        _check(provider)
        self._provider = provider
        self._claims = {**_CLAIMS, **provider.claims}
        self._public = None if provider.public_key is None else _public(provider.public_key)
        self._published = published
        if published is None and provider.jwks_url is not None:
            self._published = Published(provider.jwks_url)

    async def person(self, token: str) -> Person | None:
        """Whom a token is about; ``None``: it is not to be believed.

        Raises:
            Refused: 401, it was good and has expired. 503: the keys cannot be fetched.
        """
        try:
            header = jwt.get_unverified_header(token)
        except _BROKEN:
            return None
        for key in await self._keys(header):
            try:
                return self._read(token, key, header["alg"])
            except jwt.ExpiredSignatureError:
                raise Refused(
                    401, "this token has expired: ask for a new one", "expired_key"
                ) from None
            except _BROKEN:
                continue
        return None

    async def _keys(self, header: Mapping[str, Any]) -> list[Any]:
        """What may have signed this: of the algorithm's own kind, so that no public key is taken for a secret."""
        algorithm, name = header.get("alg"), header.get("kid")
        if algorithm not in self._provider.algorithms or "crit" in header:
            return []
        if algorithm == "HS256":
            secret = self._provider.shared
            return [] if secret is None else [secret.reveal().encode()]
        keys = [] if self._public is None else [self._public]
        if self._published is not None and (name is None or isinstance(name, str)):
            key = await self._published.key(name)
            keys += [] if key is None else [key]
        return keys

    def _read(self, token: str, key: Any, algorithm: str) -> Person:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._provider.audience,
            issuer=self._provider.issuer,
            leeway=_LEEWAY,
            options={"require": ["exp", "iss", "aud"]},
        )
        user = self._name(claims, "user")
        if user is None:
            raise ValueError("a token about nobody")
        return Person(
            user=user,
            key=token_of(f"{self._provider.issuer}\n{user}"),
            expires=float(claims["exp"]) + _LEEWAY,
            team=self._name(claims, "team"),
            organisation=self._name(claims, "organisation"),
            role=_role(self._said(claims, "role")),
        )

    def _said(self, claims: Mapping[str, Any], what: str) -> Any:
        """What a token says, where it says it: a claim's name, or a path with dots."""
        where = self._claims.get(what)
        if where is None:
            return None
        if where in claims:
            return claims[where]
        found: Any = claims
        for step in where.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def _name(self, claims: Mapping[str, Any], what: str) -> str | None:
        said = self._said(claims, what)
        if said is None or said == "":
            return None
        if not isinstance(said, str) or len(said) > _LONGEST or not said.isprintable():
            raise ValueError(f"{what} is no name")
        return said


def _role(said: Any) -> Role | None:
    """The first of our roles that a token names; of several, the one that may most."""
    named = said if isinstance(said, list) else [said]
    return next((role for role in get_args(Role) if role in named), None)


def _check(provider: IdentityProvider) -> None:
    _check_forms(provider)
    wrong = set(provider.algorithms) - {"HS256", "RS256"}
    if wrong or not provider.algorithms:
        raise ConfigurationError("algorithms of an identity provider are HS256 and RS256")
    if not provider.issuer or not provider.audience:
        raise ConfigurationError("an identity provider needs an issuer and an audience")
    secret = provider.shared
    if "HS256" in provider.algorithms and (
        secret is None or len(secret.reveal().encode()) < _LEAST_SECRET
    ):
        raise ConfigurationError(f"HS256 needs a secret of at least {_LEAST_SECRET} bytes")
    if "RS256" in provider.algorithms and not (provider.public_key or provider.jwks_url):
        raise ConfigurationError("RS256 needs a public_key or a jwks_url")
    if unknown := set(provider.claims) - {"user", "team", "organisation", "role"}:
        raise ConfigurationError(
            f"claims of an identity provider are user, team, organisation and role, not {min(unknown)!r}"
        )


def _check_forms(provider: IdentityProvider) -> None:
    """What comes from a file may be anything."""
    for name in ("issuer", "audience", "public_key", "jwks_url"):
        said = getattr(provider, name)
        if said is not None and not isinstance(said, str):
            raise ConfigurationError(f"{name} of an identity provider is a text")
    claims: Any = provider.claims
    if not isinstance(claims, dict) or not all(isinstance(one, str) for one in claims.values()):
        raise ConfigurationError("claims of an identity provider are names of claims, by ours")


def _public(pem: str) -> Any:
    try:
        key: Any = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(pem)
    except _BROKEN:
        key = None
    if key is None or hasattr(key, "private_numbers") or key.key_size < LEAST_BITS:
        raise ConfigurationError(
            f"public_key is an RSA public key of {LEAST_BITS} bits or more, in PEM"
        )
    return key
