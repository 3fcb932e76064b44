"""Bedrock's address and keys: every place that keys come from, hand-fed; and refusals that say what to do."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

import llmkit
from llmkit import errors, providers
from llmkit._flow import Acquire, Deadlines, Read, Send
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit._io._limit import ParallelLimit
from llmkit._secret import Secret
from llmkit.providers import Identity, Tokens, Where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BEDROCK = providers.get("bedrock")
NOW = 1_800_000_000.0
URL = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse"
ROLE = "arn:aws:iam::123456789012:role/reader"
KEYS = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "env-" + "secret"}
JWT = "eyJ0." + "eyJzdWIiOiJ4In0." + "c2ln"
NO_INSTANCE = {"AWS_EC2_METADATA_DISABLED": "true"}


@dataclass
class World:
    """What the flows ask for: files by path, answers by what stands in the request's URL or body."""

    environ: Mapping[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    now: float = NOW
    sent: list[HTTPRequest] = field(default_factory=list)
    deadlines: list[Deadlines] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    tokens: Tokens = field(default_factory=lambda: Tokens(ParallelLimit))

    def identity(self, options: Mapping[str, Any], secret: str | None = None) -> Identity:
        """Who calls in this world."""
        return Identity(
            Secret(secret) if secret else None,
            options,
            self.environ,
            lambda: self.now,
            Deadlines(1e9, 10.0, 600.0, 120.0),
            self.tokens,
            lambda secret: self.shown.append(secret.reveal()),
        )

    def run(self, flow: Any) -> Any:
        """Perform the flow's effects."""
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = self._done(effect)
                except errors.APIError as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as end:
            return end.value

    def _done(self, effect: Any) -> Any:
        if isinstance(effect, Read):
            text = self.files.get(effect.path)
            return None if text is None else text.encode()
        if isinstance(effect, Acquire):
            return effect.limit.acquire(1e9)
        assert isinstance(effect, Send)
        self.sent.append(effect.request)
        self.deadlines.append(effect.deadlines)
        asked = f"{effect.request.method} {effect.request.url} {effect.request.body.decode()}"
        for part, answer in self.answers.items():
            if part in asked:
                return answer if isinstance(answer, HTTPResponse) else HTTPResponse(200, {}, answer)
        raise errors.APIConnectionError("nobody there", sent="no")

    def signed(
        self, options: Mapping[str, Any] | None = None, url: str = URL, secret: str | None = None
    ) -> dict[str, str]:
        """The headers of a request that was authorised in this world."""
        request = HTTPRequest("POST", url, {"content-type": "application/json"}, b"{}")
        flow = BEDROCK.auth.authorize(request, self.identity(options or {}, secret))
        made: HTTPRequest = self.run(flow)
        return dict(made.headers)

    def key(self, options: Mapping[str, Any] | None = None, url: str = URL) -> str:
        """Whose key a request was signed with, its region, and its session token."""
        headers = self.signed(options, url)
        scope = headers["authorization"].partition("Credential=")[2].split("/")
        return f"{scope[0]} {scope[2]} {scope[3]} {headers.get('x-amz-security-token', '-')}"


def sts(key: str, expires: str = "2027-01-15T09:00:00Z") -> bytes:
    """An answer of STS, in XML as it is."""
    return (
        "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
        f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s&amp;{key}</SecretAccessKey>"
        f"<SessionToken>t-{key}</SessionToken><Expiration>{expires}</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ).encode()


def role_json(key: str) -> bytes:
    """An answer of a container's or an instance's service."""
    made = {"Code": "Success", "AccessKeyId": key, "SecretAccessKey": "s", "Token": f"t-{key}"}
    return json.dumps(made | {"Expiration": "2027-01-15T09:00:00Z"}).encode()


def test_a_bearer_key_goes_first() -> None:
    """An API key of Bedrock is shown as it is; nothing is signed and nobody is asked."""
    world = World(environ=KEYS)
    assert world.signed(secret="ABSK-" + "key")["authorization"] == "Bearer ABSK-key"
    assert world.sent == []


def test_a_header_of_the_callers_own_stays() -> None:
    """Who signs by himself is not signed for."""
    request = HTTPRequest("POST", URL, {"Authorization": "mine"}, b"")
    world = World(environ=KEYS)
    assert world.run(BEDROCK.auth.authorize(request, world.identity({}))) is request


def test_options_go_before_the_environment() -> None:
    """Keys of the call win, with their token; the region is the address's."""
    options = {"aws_access_key_id": Secret("AKOPT"), "aws_secret_access_key": Secret("x" * 9)}
    assert World(environ=KEYS).key(options) == "AKOPT eu-west-1 bedrock -"
    options["aws_session_token"] = Secret("tok")
    assert World(environ=KEYS).key(options) == "AKOPT eu-west-1 bedrock tok"


def test_the_environment() -> None:
    """Keys of the environment sign, and are hidden from then on."""
    world = World(environ={**KEYS, "AWS_SESSION_TOKEN": "envtok"})
    assert world.key() == "AKENV eu-west-1 bedrock envtok"
    assert {"env-secret", "envtok"} <= {*world.shown}


@pytest.mark.parametrize("missing", sorted(KEYS))
def test_half_a_key(missing: str) -> None:
    """One half without the other is a mistake, and named."""
    environ = {name: value for name, value in KEYS.items() if name != missing}
    with pytest.raises(llmkit.ConfigurationError, match=f"{missing} is missing"):
        World(environ=environ).signed()


FILES = {
    "/h/.aws/config": (
        "[default]\nregion = ap-south-1\n"
        "[profile dev]\naws_access_key_id = AKCONF\naws_secret_access_key = c\n"
        "[profile reader]\nrole_arn = " + ROLE + "\nsource_profile = dev\nexternal_id = e1\n"
        "[profile self]\nrole_arn = " + ROLE + "\nsource_profile = self\n"
        "aws_access_key_id = AKSELF\naws_secret_access_key = c\n"
        "[profile env]\nrole_arn = " + ROLE + "\ncredential_source = Environment\n"
        "[profile ecs]\nrole_arn = " + ROLE + "\ncredential_source = EcsContainer\n"
        "[profile ec2]\nrole_arn = " + ROLE + "\ncredential_source = Ec2InstanceMetadata\n"
        "[profile odd]\nrole_arn = " + ROLE + "\ncredential_source = Moon\n"
        "[profile web]\nrole_arn = " + ROLE + "\nweb_identity_token_file = /h/token\n"
        "[profile lost]\nrole_arn = " + ROLE + "\nsource_profile = nowhere\n"
        "[profile sso]\nsso_session = corp\nsso_account_id = 1\n"
        "[profile process]\ncredential_process = /bin/keys\n"
        "[profile empty]\nregion = us-east-2\n"
    ),
    "/h/.aws/credentials": "[dev]\naws_access_key_id=AKCRED\naws_secret_access_key=c\n"
    "[default]\naws_access_key_id=AKDEF\naws_secret_access_key=d\naws_session_token=dt\n",
    "/h/token": JWT + "\n",
}


@pytest.mark.parametrize(
    ("options", "environ", "key"),
    [
        ({}, {}, "AKDEF eu-west-1 bedrock dt"),
        ({"aws_profile_name": "dev"}, {}, "AKCRED eu-west-1 bedrock -"),
        ({"aws_profile_name": "dev"}, KEYS, "AKCRED eu-west-1 bedrock -"),
        ({}, {"AWS_PROFILE": "dev"}, "AKCRED eu-west-1 bedrock -"),
        ({}, {"AWS_PROFILE": "dev", **KEYS}, "AKENV eu-west-1 bedrock -"),
        ({}, {"AWS_PROFILE": "reader"}, "ASIA eu-west-1 bedrock t-ASIA"),
        ({}, {"AWS_PROFILE": "self"}, "ASIA eu-west-1 bedrock t-ASIA"),
        ({"aws_profile_name": "env"}, KEYS, "ASIA eu-west-1 bedrock t-ASIA"),
        ({"aws_profile_name": "web"}, {}, "ASIA eu-west-1 bedrock t-ASIA"),
    ],
)
def test_profiles(options: dict[str, Any], environ: dict[str, str], key: str) -> None:
    """Profiles of both files, chosen by the call or the environment, with keys or with a role."""
    world = World({"HOME": "/h", **environ}, FILES, {"https://sts.eu-west-1.": sts("ASIA")})
    assert world.key(options) == key


def test_a_role_is_asked_for_with_the_sources_keys() -> None:
    """AssumeRole is signed for STS with the source profile's keys, and has the external id."""
    world = World({"HOME": "/h", "AWS_PROFILE": "reader"}, FILES, {"sts": sts("ASIA")})
    world.key()
    (request,) = world.sent
    assert request.url == "https://sts.eu-west-1.amazonaws.com/"
    fields = {name: value[0] for name, value in parse_qs(request.body.decode()).items()}
    assert fields == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "llmkit",
        "ExternalId": "e1",
    }
    assert "Credential=AKCRED/" in request.headers["authorization"]
    assert "/eu-west-1/sts/" in request.headers["authorization"]
    assert {"s&ASIA", "t-ASIA"} <= {*world.shown}


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ("sso", "Identity Center.*aws configure export-credentials --profile sso"),
        ("process", "external process"),
        ("lost", "'lost' names 'nowhere', which is not there"),
        ("odd", "gives no keys"),
        ("nobody", "no AWS profile 'nobody'"),
    ],
)
def test_profiles_that_cannot_be_used(profile: str, says: str) -> None:
    """What is not supported, or not there, says so, and what to do."""
    with pytest.raises(llmkit.ConfigurationError, match=says):
        World({"HOME": "/h", **NO_INSTANCE}, FILES).signed({"aws_profile_name": profile})


def test_files_elsewhere_and_broken() -> None:
    """The files' places can be said; what is no such file is an error that shows nothing of it."""
    environ = {"HOME": "/h", "AWS_SHARED_CREDENTIALS_FILE": "~/keys", "AWS_CONFIG_FILE": "/c"}
    files = {"/h/keys": "[default]\naws_access_key_id=AKX\naws_secret_access_key=d\n"}
    assert World(environ, files).key() == "AKX eu-west-1 bedrock -"
    with pytest.raises(llmkit.ConfigurationError) as caught:
        World(environ, {"/c": "aws_secret = hidden-thing\n"}).signed()
    assert "/c cannot be read" in str(caught.value)
    assert "hidden-thing" not in str(caught.value)


def test_files_are_read_once_in_a_while() -> None:
    """Files are not read for every call, but again after some minutes."""
    world = World({"HOME": "/h"}, dict(FILES))
    assert world.key().startswith("AKDEF")
    world.files = {}
    assert world.key().startswith("AKDEF")
    world.now += 600
    world.environ = {"HOME": "/h", **KEYS}
    assert world.key().startswith("AKENV")


@pytest.mark.parametrize("place", ["environment", "option", "path"])
def test_web_identity(place: str) -> None:
    """A token of another provider, from a file or given, is exchanged without a signature."""
    options: dict[str, Any] = {"aws_role_name": ROLE, "aws_session_name": "me"}
    environ: dict[str, str] = {}
    if place == "environment":
        options = {}
        environ = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "/h/token"}
        environ["AWS_ROLE_SESSION_NAME"] = "me"
    else:
        options["aws_web_identity_token"] = Secret(JWT if place == "option" else "/h/token")
    world = World(environ, FILES, {"sts": sts("ASIAW")})
    assert world.key(options) == "ASIAW eu-west-1 bedrock t-ASIAW"
    (request,) = world.sent
    fields = parse_qs(request.body.decode())
    assert fields["Action"] == ["AssumeRoleWithWebIdentity"]
    assert fields["WebIdentityToken"] == [JWT]
    assert fields["RoleSessionName"] == ["me"]
    assert "authorization" not in request.headers
    assert JWT in world.shown


def test_web_identity_mistakes() -> None:
    """A token without a role, and a file that is not there, are told."""
    with pytest.raises(llmkit.ConfigurationError, match="aws_role_name"):
        World().signed({"aws_web_identity_token": Secret(JWT)})
    environ = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "/gone"}
    with pytest.raises(llmkit.ConfigurationError, match="cannot be read"):
        World(environ).signed()


def test_a_role_of_the_call() -> None:
    """A role of the call is taken on with whatever keys there are, at the STS that is named."""
    world = World(KEYS, answers={"https://sts.test/": sts("ASIAR")})
    options = {"aws_role_name": ROLE, "aws_sts_endpoint": "https://sts.test"}
    assert world.key(options) == "ASIAR eu-west-1 bedrock t-ASIAR"


def test_a_role_is_kept_and_renewed() -> None:
    """Keys of a role are asked for once, and again when they end."""
    answers = {"sts": sts("ASIA1", "2027-01-15T09:00:00Z")}
    world = World(KEYS, answers=answers)
    options = {"aws_role_name": ROLE}
    assert world.key(options) == world.key(options)
    assert len(world.sent) == 1
    world.answers = {"sts": sts("ASIA2", "2027-01-16T09:00:00Z")}
    world.now += 86_400
    assert world.key(options).startswith("ASIA2")


def test_an_end_that_cannot_be_read() -> None:
    """Keys whose end is no date are taken as lasting; the service will say when they have ended."""
    world = World(KEYS, answers={"sts": sts("ASIA", "soon")})
    assert world.key({"aws_role_name": ROLE}).startswith("ASIA")
    assert world.key({"aws_role_name": ROLE}).startswith("ASIA")
    assert len(world.sent) == 1


def test_sts_refuses() -> None:
    """A refusal is an authentication error; an answer without keys is one, too."""
    refusal = HTTPResponse(403, {}, b"<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(llmkit.AuthenticationError, match=r"STS, for arn:.*AccessDenied"):
        World(KEYS, answers={"sts": refusal}).signed({"aws_role_name": ROLE})
    with pytest.raises(llmkit.AuthenticationError, match="no keys in it"):
        World(KEYS, answers={"sts": b"<html/>"}).signed({"aws_role_name": ROLE})
    with pytest.raises(llmkit.APIConnectionError):
        World(KEYS).signed({"aws_role_name": ROLE})


@pytest.mark.parametrize(
    ("environ", "url", "token"),
    [
        ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/k"}, "http://169.254.170.2/v2/k", None),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/k"},
            "http://127.0.0.1:9/k",
            None,
        ),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://keys.test/k",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "direct",
            },
            "https://keys.test/k",
            "direct",
        ),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/h/token",
            },
            "http://169.254.170.23/v1/credentials",
            JWT,
        ),
    ],
)
def test_containers(environ: dict[str, str], url: str, token: str | None) -> None:
    """A container's role is asked for where it says, with its token."""
    world = World(environ, FILES, {"GET": role_json("ASIAC")})
    assert world.key() == "ASIAC eu-west-1 bedrock t-ASIAC"
    (request,) = world.sent
    assert (request.url, request.headers.get("authorization")) == (url, token)


def test_container_mistakes() -> None:
    """A token is sent in the open to nobody else, and a file of it must be there."""
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.test/k"}
    with pytest.raises(llmkit.ConfigurationError, match=r"must be https.*evil\.test"):
        World(environ).signed()
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://keys.test/k",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/gone",
    }
    with pytest.raises(llmkit.ConfigurationError, match="TOKEN_FILE cannot be read"):
        World(environ).signed()


def test_the_instances_role() -> None:
    """An instance's metadata is asked with a token first, and is not waited for long."""
    root = "http://169.254.169.254/latest/"
    place = f"GET {root}meta-data/iam/security-credentials/"
    answers = {
        f"PUT {root}api/token": b"imds-token",
        f"{place}my-role": role_json("ASIAI"),
        place: b"my-role\n",
    }
    world = World(answers=answers)
    assert world.key() == "ASIAI eu-west-1 bedrock t-ASIAI"
    put, listing, last = world.sent
    assert put.headers == {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
    assert listing.headers == last.headers == {"x-aws-ec2-metadata-token": "imds-token"}
    assert all(limits.connect <= 1 and limits.first_token <= 2 for limits in world.deadlines)
    assert world.key().startswith("ASIAI")
    assert len(world.sent) == 3


@pytest.mark.parametrize("source", ["ecs", "ec2"])
def test_sources_of_profiles(source: str) -> None:
    """A profile's role can be taken on with the container's or the instance's keys."""
    base = {"HOME": "/h", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://imds.test/"}
    environ = {**base, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/k"}
    answers = {
        "sts": sts("ASIA"),
        "imds.test/latest/api/token": b"t",
        "credentials/r": role_json("ASIAI"),
        "security-credentials/": b"r",
        "/v2/k": role_json("ASIAC"),
    }
    world = World(environ, FILES, answers)
    assert world.key({"aws_profile_name": source}).startswith("ASIA ")
    signed = {"ecs": "ASIAC", "ec2": "ASIAI"}[source]
    assert f"Credential={signed}/" in world.sent[-1].headers["authorization"]


@pytest.mark.parametrize("environ", [{}, NO_INSTANCE, {"HOME": "/empty"}])
def test_no_keys_anywhere(environ: dict[str, str]) -> None:
    """Without keys the error names the ways to give them; a disabled metadata service is not asked."""
    world = World(environ)
    with pytest.raises(
        llmkit.MissingKeyError, match=r"AWS_BEARER_TOKEN_BEDROCK.*AWS_ACCESS_KEY_ID"
    ):
        world.signed()
    assert len(world.sent) == (0 if environ == NO_INSTANCE else 1)


def test_an_instance_that_answers_nonsense() -> None:
    """What is no role's keys is no role's keys."""
    answers = {"token": b"t", "security-credentials/r": b"<html>", "security-credentials/": b"r"}
    with pytest.raises(llmkit.MissingKeyError):
        World(answers=answers).signed()


# --- regions and addresses -----------------------------------------------------------------------


def located(model: str = "amazon.nova-lite-v1:0", kind: str = "chat", **more: Any) -> str:
    """The address for a model."""
    world = World(more.pop("environ", {}), FILES)
    base, given = more.pop("base_url", None), more.pop("given", False)
    where = Where(BEDROCK, model, kind, base, given, more, world.environ, {"h": "1"}, {})
    assert BEDROCK.locate is not None
    found: Endpoint = world.run(BEDROCK.locate(where))
    assert found.headers == {"h": "1"}
    return found.base_url.removeprefix("https://")


ARN = "arn:aws:bedrock:ap-northeast-1:123456789012:inference-profile/apac.amazon.nova-lite-v1:0"


@pytest.mark.parametrize(
    ("asked", "host"),
    [
        ({"aws_region_name": "us-west-2"}, "bedrock-runtime.us-west-2.amazonaws.com"),
        ({"region_name": "eu-north-1"}, "bedrock-runtime.eu-north-1.amazonaws.com"),
        (
            {"environ": {"AWS_REGION": "us-gov-west-1"}},
            "bedrock-runtime.us-gov-west-1.amazonaws.com",
        ),
        (
            {"environ": {"AWS_DEFAULT_REGION": "cn-north-1"}},
            "bedrock-runtime.cn-north-1.amazonaws.com.cn",
        ),
        ({"environ": {"AWS_REGION_NAME": "sa-east-1"}}, "bedrock-runtime.sa-east-1.amazonaws.com"),
        ({"environ": {"AWS_REGION": "us-iso-east-1"}}, "bedrock-runtime.us-iso-east-1.c2s.ic.gov"),
        (
            {"environ": {"AWS_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"}},
            "bedrock-runtime-fips.us-east-1.amazonaws.com",
        ),
        ({"environ": {"HOME": "/h"}}, "bedrock-runtime.ap-south-1.amazonaws.com"),
        (
            {"environ": {"HOME": "/h"}, "aws_profile_name": "empty"},
            "bedrock-runtime.us-east-2.amazonaws.com",
        ),
        (
            {"model": ARN, "aws_region_name": "us-east-1"},
            "bedrock-runtime.ap-northeast-1.amazonaws.com",
        ),
        (
            {"kind": "rerank", "aws_region_name": "us-west-2"},
            "bedrock-agent-runtime.us-west-2.amazonaws.com",
        ),
        ({"base_url": "https://x.test/", "given": True}, "x.test"),
        ({"base_url": "https://env.test"}, "env.test"),
        ({"aws_bedrock_runtime_endpoint": "https://vpce.test"}, "vpce.test"),
        (
            {
                "base_url": "https://x.test",
                "given": True,
                "aws_bedrock_runtime_endpoint": "https://y.test",
            },
            "x.test",
        ),
        (
            {"kind": "rerank", "base_url": "https://env.test", "aws_region_name": "us-west-2"},
            "bedrock-agent-runtime.us-west-2.amazonaws.com",
        ),
    ],
)
def test_addresses(asked: dict[str, Any], host: str) -> None:
    """The region comes from the ARN, the call, the environment or the profile; partitions have their domains."""
    assert located(**asked) == host


def test_no_region() -> None:
    """Without a region there is no address, and what is none is not put into one."""
    with pytest.raises(llmkit.ConfigurationError, match="aws_region_name, or set AWS_REGION"):
        located()
    with pytest.raises(llmkit.ConfigurationError, match="no region's name"):
        located(aws_region_name="evil.test/us-east-1")


@pytest.mark.parametrize(
    ("url", "options", "region"),
    [
        (
            "https://vpce-1a.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com/x",
            {},
            "ap-southeast-2",
        ),
        ("https://bedrock-runtime-fips.us-gov-east-1.amazonaws.com/x", {}, "us-gov-east-1"),
        (
            "https://gw.test/model/arn%3Aaws%3Abedrock%3Aca-central-1%3A1%3Ax%2Fy/converse",
            {},
            "ca-central-1",
        ),
        ("https://gw.test/model/m/converse", {"aws_region_name": "eu-west-3"}, "eu-west-3"),
    ],
)
def test_signed_regions(url: str, options: dict[str, str], region: str) -> None:
    """A signature is for the region of the host, else of the ARN, else of whoever says one."""
    assert World(KEYS).key(options, url) == f"AKENV {region} bedrock -"


def test_a_gateway_of_no_region() -> None:
    """Behind somebody else's address the region must be said."""
    with pytest.raises(llmkit.ConfigurationError, match="one region"):
        World(KEYS).signed(url="https://gw.test/model/m/converse")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_through_a_client(asynchronous: bool, runner: Callable[[Any], Any]) -> None:  # noqa: FBT001 - a case
    """A call without a bearer key arrives signed; ``dry_run`` tells the address and asks nobody."""
    options = {"aws_access_key_id": "AKCALL", "aws_secret_access_key": "call-" + "secret"}
    client = llmkit.Client(environ={"AWS_REGION": "us-east-1"})
    message = [{"role": "user", "content": "hi"}]
    if asynchronous:
        dry = runner(
            client.acompletion("bedrock/amazon.nova-lite-v1:0", message, dry_run=True, **options)
        )
    else:
        dry = client.completion("bedrock/amazon.nova-lite-v1:0", message, dry_run=True, **options)
    assert (
        dry.url
        == "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse"
    )
    assert "call-secret" not in repr(dry)
    assert "AKCALL" not in repr(dry)


@pytest.fixture
def runner() -> Callable[[Any], Any]:
    """Runs a coroutine."""
    return asyncio.run
