"""Signatures equal botocore's, of whatever request; and AWS's own published example comes out."""

from __future__ import annotations

import datetime as dt
from typing import Any
from unittest import mock

import pytest
from botocore import auth as botocore_auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit._secret import Secret
from llmkit._sigv4 import Credentials, signed

PURE = settings(derandomize=True, deadline=None, database=None, max_examples=200)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG" + "+bPxRfiCYEXAMPLEKEY"
NOW = 1_440_938_160  # 2015-08-30T12:36:00Z, the time of AWS's examples
ROOT = "https://bedrock-runtime.us-east-1.amazonaws.com"


def ours(
    url: str, headers: dict[str, str], body: bytes, token: str | None = None
) -> dict[str, str]:
    """What we add to a request."""
    keys = Credentials(KEY, Secret(SECRET), Secret(token) if token else None)
    region, service = "us-east-1", "bedrock"
    return signed("POST", url, headers, body, keys=keys, region=region, service=service, now=NOW)


def theirs(
    url: str, headers: dict[str, str], body: bytes, token: str | None = None
) -> dict[str, str]:
    """What botocore adds to the same request."""
    request: Any = AWSRequest(method="POST", url=url, headers=dict(headers), data=body)
    keys = BotocoreCredentials(KEY, SECRET, token)
    signer: Any = botocore_auth.SigV4Auth(keys, "bedrock", "us-east-1")
    then = dt.datetime.fromtimestamp(NOW, dt.UTC)
    with mock.patch.object(botocore_auth, "get_current_datetime", return_value=then):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize(
    "path",
    [
        "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse",
        "/model/anthropic.claude-3-haiku-20240307-v1:0/converse",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x-v1%3A0/invoke",
        "/model/arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc/converse-stream",
        "/",
        "",
        "/a//b/./c/../d/",
        "/../x",
        "/guardrail/a%20b/version/%E2%82%AC/apply",
        "/p?Action=AssumeRole&Version=2011-06-15",
        "/p?b=2&a=1&a=0&c=&d&e=x%2Fy",
        "/p?",
    ],
)
@pytest.mark.parametrize("token", [None, "FQoG" + "ZXIvYXdzEXAMPLE"])
def test_paths_and_queries(path: str, token: str | None) -> None:
    """A path is escaped once more than it is sent, its dots resolved; a query is sorted."""
    headers = {"content-type": "application/json"}
    made = ours(ROOT + path, headers, b"{}", token)
    expected = theirs(ROOT + path, headers, b"{}", token)
    assert made == {name: expected[name] for name in made}
    assert made.keys() | {"content-type"} == expected.keys()


@pytest.mark.parametrize(
    "url",
    [
        "https://vpce-1.example.com:443/x",
        "https://vpce-1.example.com:8443/x",
        "http://localhost:80/x",
        "http://[::1]:9000/x",
        "https://HOST.Example.com/x",
    ],
)
def test_hosts(url: str) -> None:
    """The host is signed as it is sent: in lower case, without the scheme's own port."""
    assert ours(url, {}, b"")["authorization"] == theirs(url, {}, b"")["authorization"]


def test_a_host_that_is_given() -> None:
    """A host header of the caller's own is what is sent, so it is what is signed."""
    made = ours("https://127.0.0.1:1/x", {"Host": "bedrock.test"}, b"")
    assert made == ours("https://bedrock.test/x", {}, b"")


@PURE
@given(
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#[]@\\"))
    .map(lambda text: "/" + text)
    .filter(lambda text: not text.startswith("//")),
    names=st.dictionaries(
        st.sampled_from(["Content-Type", "X-Amzn-Bedrock-Trace", "x-amz-target"]),
        st.text(st.sampled_from("ab \t;,=")),
    ),
    body=st.binary(max_size=64),
    token=st.sampled_from([None, "a-token"]),
)
def test_equal_to_botocore(
    path: str, names: dict[str, str], body: bytes, token: str | None
) -> None:
    """Any path, any header that is signed, any body: one signature."""
    made = ours(ROOT + path, names, body, token)
    assert made["authorization"] == theirs(ROOT + path, names, body, token)["authorization"]


def test_what_proxies_touch_is_not_signed() -> None:
    """Only the host, the content type and AWS's own headers are part of the signature."""
    named = {"Accept": "*/*", "User-Agent": "x", "Content-Length": "2", "X-Amz-Meta": "y"}
    made = ours(ROOT, {**named, "Content-Type": "text/plain"}, b"{}")
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-meta," in made["authorization"]


def test_the_example_of_awss_documentation() -> None:
    """The request of AWS's general reference has the signature that stands there."""
    keys = Credentials(KEY, Secret(SECRET))
    url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    made = signed("GET", url, kind, b"", keys=keys, region="us-east-1", service="iam", now=NOW)
    signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    assert made["authorization"].endswith(f"Signature={signature}")
    assert made["x-amz-date"] == "20150830T123600Z"


def test_keys_are_not_shown() -> None:
    """Neither key nor token stands in a repr."""
    keys = Credentials(KEY, Secret(SECRET), Secret("a-" + "token"))
    assert SECRET not in repr(keys)
    assert "a-token" not in repr(keys)
