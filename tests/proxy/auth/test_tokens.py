"""Tokens of an identity provider's: what is taken, and the forgeries that are not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.warnings import InsecureKeyLengthWarning
from typing_extensions import override

from llmkit._secret import Secret
from llmkit.errors import ConfigurationError
from llmkit.proxy.auth.published import Published, fetch
from llmkit.proxy.auth.tokens import Tokens
from llmkit.proxy.data.database import Database
from llmkit.proxy.failure import Refused
from llmkit.proxy.loading import load_settings
from llmkit.proxy.settings import IdentityProvider

from .._kit import called
from ._kit import bearers_of, organisation, person, refusal, shown, team

pytestmark = pytest.mark.asyncio

SECRET = "a secret of the tests, and long enough for it"
ISSUER, AUDIENCE = "https://login.example", "llmkit"
HS = IdentityProvider(
    issuer=ISSUER, audience=AUDIENCE, algorithms=("HS256",), secret=Secret(SECRET)
)
KEY: RSAPrivateKey = generate_private_key(65537, 2048)
OTHER: RSAPrivateKey = generate_private_key(65537, 2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
RS = IdentityProvider(issuer=ISSUER, audience=AUDIENCE, public_key=PEM)


def claims(**more: Any) -> dict[str, Any]:
    """What a good token says; ``None`` leaves a claim out."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": now + 600, "iat": now, **more}
    return {name: value for name, value in said.items() if value is not None}


def hs(**more: Any) -> str:
    """A good token, but for this."""
    return jwt.encode(claims(**more), SECRET, "HS256")


def rs(key: Any = KEY, headers: dict[str, Any] | None = None, **more: Any) -> str:
    """The same with RS256."""
    return jwt.encode(claims(**more), key, "RS256", headers=headers)


def raw(header: Any, said: Any, sign: bytes = b"") -> str:
    """A token made by hand, signed with HMAC where there is something to sign with."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, said)
    ]
    body = b".".join(parts)
    mac = hmac.digest(sign, body, hashlib.sha256) if sign else b""
    return b".".join((body, base64.urlsafe_b64encode(mac).rstrip(b"="))).decode()


def jwk(key: RSAPrivateKey, **more: Any) -> dict[str, Any]:
    """A public key as it is published."""
    said = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**said, **more}


def listed(*keys: dict[str, Any]) -> bytes:
    """What a provider publishes."""
    return json.dumps({"keys": keys}).encode()


@pytest.mark.parametrize("which", ["HS256", "RS256"])
async def test_whom_a_token_is_about(which: str) -> None:
    """Its subject, until it expires; its key is one for each person, whatever token he shows."""
    tokens, made = (Tokens(HS), hs) if which == "HS256" else (Tokens(RS), rs)
    found = await tokens.person(made())
    again = await tokens.person(made(jti="other"))
    other = await tokens.person(made(sub="bob"))
    assert found is not None
    assert again is not None
    assert other is not None
    assert (found.user, found.role, found.team) == ("ann", None, None)
    assert found.expires == pytest.approx(time.time() + 610, abs=30)
    assert found.key == again.key != other.key


HEADER = {"typ": "JWT", "alg": "HS256"}


def forged() -> dict[str, str]:
    """Made when they are looked at: none has expired."""
    return {
        "none": raw({"alg": "none"}, claims()),
        "None": raw({"alg": "None"}, claims()),
        "NONE, signed": raw({"alg": "NONE"}, claims(), SECRET.encode()),
        "no algorithm": raw({}, claims(), SECRET.encode()),
        "a list of algorithms": raw({"alg": ["HS256"]}, claims(), SECRET.encode()),
        "the public key as a secret": raw(HEADER, claims(), PEM.encode()),
        "the public key's line as a secret": raw(HEADER, claims(), PEM.strip().encode()),
        "another secret": jwt.encode(claims(), "x" * 40, "HS256"),
        "an empty secret": raw(HEADER, claims(), b"\0"),
        "another key": rs(OTHER),
        "another key, that it brings": rs(OTHER, {"jwk": jwk(OTHER)}),
        "another algorithm of the same key": jwt.encode(claims(), KEY, "RS512"),
        "a stronger one of the same secret": jwt.encode(claims(), SECRET * 2, "HS512"),
        "a signature cut off": rs().rpartition(".")[0] + ".",
        "a header that is no object": raw([], claims(), SECRET.encode()),
        "claims that are no object": raw(HEADER, [], SECRET.encode()),
        "no JSON": "eyJ.eyJ.x",
        "depth": raw(HEADER, claims(), b"x").replace(".", "." + "W1tb" * 2000, 1),
        "a header of depth": base64.urlsafe_b64encode(b"[" * 9000).decode() + ".e30.x",
        "critical": raw({**HEADER, "crit": ["exp"]}, claims(), SECRET.encode()),
        "detached": raw({**HEADER, "b64": False, "crit": ["b64"]}, claims(), SECRET.encode()),
        "a name that is no text": rs(OTHER, {"kid": "../../dev/null"}),
        "an issuer's neighbour": hs(iss=ISSUER + ".evil"),
        "no issuer": hs(iss=None),
        "another audience": hs(aud="other"),
        "an audience's beginning": hs(aud=AUDIENCE[:-1]),
        "no audience": hs(aud=None),
        "no expiry": hs(exp=None),
        "an expiry that is no number": hs(exp="soon"),
        "an endless expiry": raw(HEADER, claims(exp=float("inf")), SECRET.encode()),
        "not yet": hs(nbf=int(time.time()) + 600),
        "from the future": hs(iat=int(time.time()) + 600),
        "about nobody": hs(sub=None),
        "about an empty name": hs(sub=""),
        "about a number": raw(HEADER, claims(sub=7), SECRET.encode()),
        "about lines": hs(sub="ann\nrole: admin"),
        "about too long a name": hs(sub="a" * 256),
    }


@pytest.mark.parametrize("how", forged())
async def test_no_forgery_is_taken(how: str) -> None:
    """By none of the settings that there can be."""
    token = forged()[how]
    both = replace(HS, algorithms=("HS256", "RS256"), public_key=PEM)
    for provider in (HS, RS, both):
        assert await Tokens(provider).person(token) is None


async def test_a_token_that_was_good_is_told_so() -> None:
    """Only to who has one with a true signature."""
    late = int(time.time()) - 60
    with pytest.raises(Refused) as refused:
        await Tokens(HS).person(hs(exp=late))
    assert refused.value.type == "expired_key"
    assert await Tokens(HS).person(jwt.encode(claims(exp=late), "x" * 40, "HS256")) is None


async def test_an_algorithm_that_is_not_set_is_not_taken() -> None:
    """Though there is a key for it."""
    assert await Tokens(replace(RS, secret=Secret(SECRET))).person(hs()) is None
    assert await Tokens(replace(HS, public_key=PEM)).person(rs()) is None


async def test_claims_where_the_provider_has_them() -> None:
    """By name or path; of several roles the one that may most; none that we do not have."""
    where = {
        "user": "email",
        "team": "https://ours.example/team",
        "organisation": "org.id",
        "role": "realm_access.roles",
    }
    tokens = Tokens(replace(HS, claims=where))
    token = hs(
        email="ann@example.org",
        org={"id": "acme"},
        realm_access={"roles": ["offline", "internal_user", "org_admin"]},
        **{"https://ours.example/team": "red"},
    )
    found = await tokens.person(token)
    assert found is not None
    assert (found.user, found.team, found.organisation) == ("ann@example.org", "red", "acme")
    assert found.role == "org_admin"
    plain = await tokens.person(hs(email="ann", org="acme", realm_access=["proxy_admin"]))
    assert plain is not None
    assert (plain.role, plain.organisation) == (None, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"algorithms": ("none",)}, "HS256 and RS256"),
        ({"algorithms": ()}, "HS256 and RS256"),
        ({"secret": None}, "a secret"),
        ({"secret": Secret("short")}, "32 bytes"),
        ({"issuer": ""}, "an issuer"),
        ({"audience": ""}, "an audience"),
        ({"algorithms": ("RS256",)}, "public_key or a jwks_url"),
        ({"public_key": "no key"}, "in PEM"),
        ({"jwks_url": "http://login.example/keys"}, "https"),
        ({"jwks_url": "file:///etc/passwd"}, "https"),
        ({"jwks_url": "https://[::1"}, "https"),
        ({"claims": {"email": "user"}}, "'email'"),
        ({"claims": "sub"}, "names of claims"),
        ({"claims": {"user": 1}}, "names of claims"),
        ({"issuer": 1}, "a text"),
        ({"jwks_url": ["https://login.example"]}, "a text"),
    ],
)
async def test_settings_that_would_let_anybody_in(change: dict[str, Any], words: str) -> None:
    """They are refused at the start."""
    with pytest.raises(ConfigurationError, match=words):
        Tokens(replace(HS, **change))


async def test_a_private_or_small_key_is_no_public_key() -> None:
    """Whoever has pasted the wrong one is told."""
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    small = generate_private_key(65537, 1024).public_key()  # noqa: S505 - it is to be refused
    pem = small.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for wrong in (private, pem):
        with pytest.raises(ConfigurationError, match="public key of 2048 bits"):
            Tokens(replace(RS, public_key=wrong))


class Source:
    """Published keys that can be counted and broken."""

    def __init__(self, said: bytes | Exception) -> None:
        self.said, self.asked, self.now = said, 0, 0.0

    def load(self, url: str) -> bytes:
        self.asked += 1
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    def tokens(self) -> Tokens:
        url = "https://login.example/keys"
        published = Published(url, load=self.load, clock=lambda: self.now)
        return Tokens(replace(RS, public_key=None, jwks_url=url), published)


async def test_published_keys_are_fetched_once() -> None:
    """A key's name chooses it; one for something else, a private or a small one is not taken."""
    small = generate_private_key(65537, 1024)  # noqa: S505 - it is not to be taken
    source = Source(
        listed(
            jwk(KEY, kid="a"),
            jwk(OTHER, kid="enc", use="enc"),
            jwk(OTHER, kid="other", alg="RS512"),
            jwk(OTHER, kid="private", d="x"),
            jwk(small, kid="small"),
            {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
            {"kty": "RSA", "kid": "broken", "n": "?", "e": 1},
        )
    )
    tokens = source.tokens()
    for _ in range(3):
        assert await tokens.person(rs(headers={"kid": "a"})) is not None
    for name in ("enc", "other", "private", "broken"):
        assert await tokens.person(rs(OTHER, {"kid": name})) is None
    with pytest.warns(InsecureKeyLengthWarning):
        weak = rs(small, {"kid": "small"})
    assert await tokens.person(weak) is None
    assert await tokens.person(raw({**HEADER, "kid": "oct"}, claims(), b"secret")) is None
    assert await tokens.person(rs(headers={"kid": "b"})) is None
    assert await tokens.person(rs()) is not None, (
        "the only key there is, for a token that names none"
    )
    assert source.asked == 1


async def test_unknown_names_do_not_make_us_fetch() -> None:
    """A provider's new key is found; strangers' names lead to one fetch in half a minute."""
    source = Source(listed(jwk(KEY, kid="a")))
    tokens = source.tokens()
    assert await tokens.person(rs(headers={"kid": "a"})) is not None
    source.said = listed(jwk(OTHER, kid="b"))
    for number in range(50):
        assert await tokens.person(rs(OTHER, {"kid": f"stranger-{number}"})) is None
    assert source.asked == 1
    source.now = 31
    assert await tokens.person(rs(OTHER, {"kid": "b"})) is not None
    assert await tokens.person(rs(headers={"kid": "a"})) is None, "it was withdrawn"
    assert source.asked == 2


@pytest.mark.parametrize(
    "broken",
    [
        OSError("gone"),
        ValueError("long"),
        b"no JSON",
        b"[]",
        b'{"keys": {}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
async def test_a_provider_that_fails(broken: bytes | Exception) -> None:
    """What was fetched counts for an hour; then 503, and the provider is not asked all the time."""
    source = Source(listed(jwk(KEY, kid="a")))
    tokens, token = source.tokens(), rs(headers={"kid": "a"})
    assert await tokens.person(token) is not None
    source.said, source.now = broken, 3000.0
    assert await tokens.person(token) is not None
    assert await tokens.person(token) is not None
    source.now = 3601.0
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            await tokens.person(token)
        assert refused.value.status == 503
    assert source.asked == 3


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A server that leads elsewhere, or says too much."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("location", "/keys")
            self.end_headers()
            long = b" " * 300_000 if self.path == "/long" else b""
            self.wfile.write(long + listed(jwk(KEY, kid="a")))

        @override
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_what_is_fetched_has_bounds(elsewhere: str) -> None:
    """Over a real socket: no redirect, no endless answer."""
    assert b'"a"' in fetch(f"{elsewhere}/keys")
    with pytest.raises(OSError, match="302"):
        fetch(f"{elsewhere}/moved")
    with pytest.raises(ValueError, match="bytes"):
        fetch(f"{elsewhere}/long")
    tokens = Tokens(replace(RS, public_key=None, jwks_url=f"{elsewhere}/keys"))
    assert await tokens.person(rs(headers={"kid": "a", "jku": "https://evil.example"})) is not None


async def test_a_token_in_place_of_a_key(database: Database) -> None:
    """Its bearer has what his rows say, and a key for limits to be kept by; no row is needed."""
    organisation(database, "acme")
    team(database, "red", models=["fast"], organization_id="acme")
    person(database, "u-1", sso_user_id="ann", user_role="proxy_admin_viewer")
    provider = replace(HS, claims={"team": "team"})
    with bearers_of(database, identity_provider=provider) as bearers:
        known = await bearers.subject(shown(hs(team="red")), {})
        nobody = await bearers.subject(shown(hs(sub="bob")), {})
        assert str((await refusal(bearers, shown(forged()["none"]))).body()) == str(
            (await refusal(bearers, {})).body()
        )
    assert (known.user, known.role, known.team) == ("u-1", "proxy_admin_viewer", "red")
    assert (known.organisation, known.models) == ("acme", frozenset({"fast"}))
    assert (nobody.user, nobody.role, nobody.models) == ("bob", "internal_user", None)
    assert len(nobody.key) == len(known.key) == 64
    assert nobody.key != known.key


async def test_a_provider_from_a_file(tmp_path: Path) -> None:
    """As general_settings names it, its secret in a variable; it is asked like any key, over HTTP."""
    settings = load_settings(
        identity_provider={
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "algorithms": ["HS256"],
            "secret": SECRET,
            "claims": {"role": "role"},
        }
    )
    async with called(tmp_path, key=None, identity_provider=settings.identity_provider) as app:
        viewer, false = hs(role="proxy_admin_viewer"), forged()["none"]
        answers = [
            await app.http.get("/v1/models", headers=shown(token)) for token in (viewer, false)
        ]
        assert [answer.status_code for answer in answers] == [200, 401]
        refused = await app.http.post("/key/generate", headers=shown(viewer), json={})
        assert refused.status_code == 403
        login = await app.http.post("/login", json={"key": viewer})
        assert login.status_code == 401, "sessions are of keys"


async def test_a_row_that_is_bound_is_nobody_else_s(database: Database) -> None:
    """Whoever calls himself at the provider as an administrator is called here, is not him."""
    person(database, "root", sso_user_id="0001", user_role="proxy_admin")
    person(database, "bob", blocked=True)
    with bearers_of(database, identity_provider=HS) as bearers:
        assert (await bearers.subject(shown(hs(sub="root")), {})).role == "internal_user"
        assert (await bearers.subject(shown(hs(sub="0001")), {})).role == "proxy_admin"
        assert "blocked" in (await refusal(bearers, shown(hs(sub="bob")))).message


async def test_a_remembered_token_expires(database: Database) -> None:
    """It is not verified again for each request, and no later than its end."""
    clock = [time.time()]
    with bearers_of(database, identity_provider=HS, clock=lambda: clock[0]) as bearers:
        headers = shown(hs())
        await bearers.subject(headers, {})
        clock[0] += 611
        assert (await refusal(bearers, headers)).type == "expired_key"


async def test_without_a_provider_no_token_is_taken(database: Database) -> None:
    """It is as unknown as any other key."""
    with bearers_of(database) as bearers:
        assert (await refusal(bearers, shown(hs()))).code == "invalid_api_key"
