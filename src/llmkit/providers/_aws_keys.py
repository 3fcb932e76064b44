"""Where AWS keys come from: the call, the environment, profiles, roles, containers, instances. Flows only.

Sources, read 2026-11-22: https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html,
…/feature-container-credentials.html, …/feature-imds-credentials.html, and the pages of STS's AssumeRole and
AssumeRoleWithWebIdentity. What is granted for a while is kept in ``_tokens`` and renewed there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._flow import Flow
from .._secret import Secret
from .._sigv4 import Credentials
from ..errors import ConfigurationError, MissingKeyError
from ._auth import Identity
from ._aws_grants import assumed, from_container, from_instance, from_web_identity
from ._aws_profile import Profiles, chosen, profiles
from ._tokens import Grant, granted

__all__ = ["REGIONS", "found"]

REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_REGION_NAME")
"""Where a region may be said, in this order."""

_FILES_LAST = 300.0
_UNSUPPORTED = {
    "sso_session": "IAM Identity Center (SSO)",
    "sso_start_url": "IAM Identity Center (SSO)",
    "sso_account_id": "IAM Identity Center (SSO)",
    "login_session": "a console login",
    "credential_process": "an external process",
}


def found(identity: Identity, region: str) -> Flow[Credentials]:
    """The keys to sign with, renewed where they end.

    Raises:
        MissingKeyError: there are none in any place; the message says which places there are.
        AuthenticationError: they were asked for and refused.
        ConfigurationError: a profile cannot be used as it is.
    """
    keys = yield from _found(identity, region)
    for secret in (keys.secret_key, keys.token):
        if secret:
            identity.show(secret)
    return keys


def _found(identity: Identity, region: str) -> Flow[Credentials]:
    options = identity.options
    token, role = options.get("aws_web_identity_token"), options.get("aws_role_name")
    session, external = options.get("aws_session_name"), options.get("aws_external_id")
    if token is not None:
        needed = _needed(role)
        return (yield from from_web_identity(identity, region, needed, token, session))
    keys = yield from _base(identity, region)
    if not role:
        return keys
    return (yield from assumed(identity, region, keys, str(role), session, external))


def _needed(role: Any) -> str:
    if not role:
        raise ConfigurationError("aws_web_identity_token needs aws_role_name, the role to take on")
    return str(role)


def _base(identity: Identity, region: str) -> Flow[Credentials]:
    """The first place that has keys."""
    options, environ = identity.options, identity.environ
    given = _told(options, "aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    if given is not None:
        return given
    if not options.get("aws_profile_name"):
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        if (given := _told(environ, *names)) is not None:
            return given
        if (role := environ.get("AWS_ROLE_ARN")) and environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
            path = environ["AWS_WEB_IDENTITY_TOKEN_FILE"]
            session = environ.get("AWS_ROLE_SESSION_NAME")
            return (yield from from_web_identity(identity, region, role, path, session))
    if (given := (yield from _from_profiles(identity, region))) is not None:
        return given
    if (given := (yield from from_container(identity))) is not None:
        return given
    if (given := (yield from from_instance(identity))) is not None:
        return given
    raise MissingKeyError(
        "no AWS keys: set AWS_BEARER_TOKEN_BEDROCK (or api_key), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
        "(or give them to the call), or AWS_PROFILE; roles of containers and instances were asked for, too"
    )


def _told(source: Mapping[str, Any], key: str, secret: str, token: str) -> Credentials | None:
    """Keys that stand in the options, the environment or a profile; half of them are a mistake."""
    given = {name: _secret(source.get(name)) for name in (key, secret, token)}
    key_id, private = given[key], given[secret]
    if key_id is None and private is None:
        return None
    if key_id is None or private is None:
        missing = secret if private is None else key
        raise ConfigurationError(
            f"{missing} is missing beside {key if private is None else secret}"
        )
    return Credentials(key_id.reveal(), private, given[token])


def _secret(value: Any) -> Secret | None:
    if value is None or isinstance(value, Secret):
        return value or None
    return Secret(str(value).strip()) if str(value).strip() else None


def _from_profiles(identity: Identity, region: str) -> Flow[Credentials | None]:
    def look() -> Flow[Grant]:
        now = identity.wall()
        return Grant((yield from profiles(identity.environ)), now + _FILES_LAST, now)

    files = ("HOME", "USERPROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    key = ("aws profiles", *(identity.environ.get(name) for name in files))
    known: Profiles = yield from granted(identity, key, look)
    name = chosen(identity.options, identity.environ)
    if name in known:
        return (yield from _profile(identity, region, known, name, ()))
    if identity.options.get("aws_profile_name") or identity.environ.get("AWS_PROFILE"):
        raise ConfigurationError(f"there is no AWS profile {name!r:.80} in the configuration files")
    return None


def _profile(
    identity: Identity, region: str, known: Profiles, name: str, seen: tuple[str, ...]
) -> Flow[Credentials | None]:
    """The keys of a profile: its own, or of a role that it may take on."""
    profile = known.get(name)
    if profile is None:
        raise ConfigurationError(
            f"AWS profile {seen[-1]!r:.80} names {name!r:.80}, which is not there"
        )
    own = _told(profile, "aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    role = profile.get("role_arn")
    if role is None or name in seen:
        if own is None:
            _check_supported(name, profile)
        return own
    session = profile.get("role_session_name")
    if token := profile.get("web_identity_token_file"):
        return (yield from from_web_identity(identity, region, role, token, session))
    source = yield from _source(identity, region, known, name, (*seen, name))
    external = profile.get("external_id")
    return (yield from assumed(identity, region, source, role, session, external))


def _source(
    identity: Identity, region: str, known: Profiles, name: str, seen: tuple[str, ...]
) -> Flow[Credentials]:
    """Whose keys ask for a profile's role."""
    profile = known[name]
    given: Credentials | None = None
    if (other := profile.get("source_profile")) is not None:
        given = yield from _profile(identity, region, known, other, seen)
    elif (place := profile.get("credential_source")) == "Environment":
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        given = _told(identity.environ, *names)
    elif place == "EcsContainer":
        given = yield from from_container(identity)
    elif place == "Ec2InstanceMetadata":
        given = yield from from_instance(identity)
    if given is None:
        raise ConfigurationError(
            f"AWS profile {name!r:.80} has a role_arn, and its source_profile or credential_source gives no keys"
        )
    return given


def _check_supported(name: str, profile: Mapping[str, str]) -> None:
    for setting, what in _UNSUPPORTED.items():
        if setting in profile:
            raise ConfigurationError(
                f"AWS profile {name!r:.80} takes its keys from {what} ({setting}), which is not supported: run "
                f"'aws configure export-credentials --profile {name} --format env' and set what it prints"
            )
