"""The files that AWS's tools share, ``~/.aws/config`` and ``~/.aws/credentials``, as mappings by profile.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html, read 2026-11-22. What a profile means is not
decided here.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from typing import Any

from .._flow import Flow, read
from ..errors import ConfigurationError

__all__ = ["Profiles", "chosen", "profiles"]

Profiles = Mapping[str, Mapping[str, str]]
_DEFAULT = "default"
_FILES = (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
_PREFIX = "profile "


def chosen(options: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """The profile that is meant."""
    given = options.get("aws_profile_name") or environ.get("AWS_PROFILE")
    return str(given or environ.get("AWS_DEFAULT_PROFILE") or _DEFAULT)


def profiles(environ: Mapping[str, str]) -> Flow[Profiles]:
    """All profiles of both files; what the file of credentials says holds."""
    merged: dict[str, dict[str, str]] = {}
    for variable, name in _FILES:
        path = _path(environ, variable, name)
        data = None if path is None else (yield from read(path))
        for section, values in _parsed(data or b"", str(path)).items():
            bare = section.removeprefix(_PREFIX).strip() if name == "config" else section
            merged.setdefault(bare, {}).update(values)
    return merged


def _path(environ: Mapping[str, str], variable: str, name: str) -> str | None:
    home = environ.get("HOME") or environ.get("USERPROFILE")
    given = environ.get(variable)
    if given and not given.startswith("~"):
        return given
    if not home:
        return None
    return home + given[1:] if given else f"{home}/.aws/{name}"


def _parsed(data: bytes, path: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read_string(data.decode("utf-8-sig"))
    except (configparser.Error, UnicodeDecodeError):
        # The error's own text would show the line, which may be a key.
        raise ConfigurationError(f"{path} cannot be read: it is no file of AWS profiles") from None
    return {name: dict(parser[name]) for name in parser.sections()}
