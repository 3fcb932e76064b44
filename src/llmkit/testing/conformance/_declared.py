"""Checks of what a provider says of itself: names, addresses, variables, sources, and where its key goes."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from urllib.parse import urlsplit

from ... import providers
from ...errors import ConfigurationError, MissingKeyError
from ...providers import HeaderKey, NoAuth, Provider
from ...providers._registry import Registry
from ._samples import KEY
from ._subject import Subject, Talk

__all__ = ["Declared"]

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_METHODS = ("build", "parse", "decoder", "error", "reads_url")


class Declared(Subject):
    """The declaration."""

    def test_it_is_a_provider(self) -> None:
        """``PROVIDER`` is a ``Provider`` whose chat wire has all methods."""
        self.expect(isinstance(self.provider, Provider), "provider must be a Provider")
        missing = [name for name in _METHODS if not callable(getattr(self.wire, name, None))]
        self.expect(not missing, f"its wire has no {', '.join(missing)}()")

    def test_the_registry_takes_its_names(self) -> None:
        """Its name and aliases are well formed and not those of another provider."""
        registry = Registry(providers.__name__)
        names = (self.provider.name, *self.provider.aliases)
        taken = [n for n in names if registry.has(n) and registry.get(n) != self.provider]
        self.expect(not taken, f"the name {taken[:1]} is another provider's")
        try:
            registry.register(self.provider, replace=True)
        except ConfigurationError as error:
            self.fail(str(error))
        found = [registry.get(name) for name in names]
        self.expect(found == [self.provider] * len(names), "the registry does not find it")

    def test_its_address(self) -> None:
        """Its base URL is https (or on this machine), and ends where the wire's own path begins."""
        base = self.provider.base_url
        if base is None:
            self.expect(self.provider.base_env, "it has neither a base_url nor a base_env")
            return
        filled = re.sub(r"^\{\w+\}", "https://host", base)
        parts = urlsplit(re.sub(r"\{\w+\}", "x", filled))
        fine = parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname))
        self.expect(fine, f"base_url {base!r} is not https")
        self.expect(not base.endswith("/"), f"base_url {base!r} ends in a slash")
        self.expect(not (parts.query or parts.fragment), f"base_url {base!r} has more than a path")

    def test_its_variables(self) -> None:
        """Environment variables are spelled as such, and each is read for one thing."""
        own = (*self.provider.key_env, *self.provider.base_env)
        asked = (self.provider.names_of(name) for name in self.provider.variables)
        variables = (name for names in asked for name in names if not name.islower())
        named = (*own, *variables, *self.provider.header_env.values())
        odd = [name for name in named if not _VARIABLE.fullmatch(name)]
        self.expect(not odd, f"{odd[:1]} is no variable's name")
        self.expect(len(set(own)) == len(own), f"a variable is listed twice: {own}")
        used = set(re.findall(r"\{(\w+)\}", self.provider.base_url or ""))
        strange = set(self.provider.variables) - used
        self.expect(not strange, f"variables {sorted(strange)} are not in its base_url")
        unknown = set(self.provider.env_auth) - set(self.provider.key_env)
        self.expect(not unknown, f"env_auth {sorted(unknown)} are not in its key_env")

    def test_it_says_where_a_key_is_found(self) -> None:
        """A provider that needs a key names a variable for it."""
        free = self.provider.key_optional or isinstance(self.provider.auth, NoAuth)
        self.expect(self.provider.key_env or free, "it has no key_env, and its key is not optional")

    def test_it_names_its_source(self) -> None:
        """``docs`` is the page that its facts are from, ``read`` the day on which that was read."""
        self.expect(
            urlsplit(self.provider.docs).scheme == "https", f"docs is {self.provider.docs!r}"
        )
        self.expect(_DATE.fullmatch(self.provider.read), f"read is {self.provider.read!r}")
        day = dt.date.fromisoformat(self.provider.read)
        tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
        self.expect(day <= tomorrow, f"it was read in the future: {day}")

    def test_a_key_from_each_variable_is_used(self) -> None:
        """A key from any of its variables goes where its auth says, and nowhere else; the first one goes before."""
        for variable in self.provider.key_env:
            later = self.provider.key_env[self.provider.key_env.index(variable) + 1 :]
            environ = {variable: KEY, **dict.fromkeys(later, "another-key-0123")}
            talk = self.talk(key=None, environ=environ)
            self.answered_well(talk)
            source = talk.result.call.key_source
            self.expect(source == variable, f"{variable} is set, but the key is from {source}")
            self._placed(talk, variable)

    def test_a_key_given_in_the_call_is_used(self) -> None:
        """``api_key`` goes before every variable."""
        talk = self.talk(environ=dict.fromkeys(self.provider.key_env, "another-key-0123"))
        self.answered_well(talk)
        self._placed(talk, None)

    def test_a_missing_key_is_told(self) -> None:
        """Without a key nothing is sent, and the error names the variable to set."""
        if self.provider.key_optional or not self.provider.key_env:
            talk = self.talk(key=None)
            # A credential that is fetched may be wanted all the same: then nothing is sent without it.
            plain = isinstance(self.provider.auth, HeaderKey | NoAuth)
            if plain or not isinstance(talk.error, ConfigurationError):
                self.answered_well(talk)
            self.expect(talk.error is None or not talk.sent, "a request was sent without a key")
            return
        talk = self.talk(key=None)
        self.expect(isinstance(talk.error, MissingKeyError), f"no key, but {talk.error!r}")
        first = self.provider.key_env[0]
        self.expect(first in str(talk.error), f"the error does not name {first}: {talk.error}")
        self.expect(not talk.sent, "a request was sent without a key")

    def _placed(self, talk: Talk, variable: str | None) -> None:
        """The key is in the header that is declared, and nowhere else."""
        sent, auth = talk.sent[0], self.provider.auth_of(variable)
        self.expect(KEY not in sent.url, "the key is in the URL, which logs and proxies keep")
        self.expect(KEY.encode() not in sent.body, "the key is in the body")
        places = [name for name, value in sent.headers.items() if KEY in value]
        if isinstance(auth, HeaderKey):
            self.expect(places == [auth.header.lower()], f"the key is in {places}")
            value = sent.headers[auth.header.lower()]
            self.expect(value == auth.prefix + KEY, f"{auth.header} has more than prefix and key")
        most = 0 if isinstance(auth, NoAuth) else 1
        self.expect(len(places) <= most, f"the key is in {places}")


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
