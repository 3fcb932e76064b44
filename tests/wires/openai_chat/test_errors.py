from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit import errors
from llmkit._secret import Secret
from llmkit.wires.openai_chat import OpenAIChat

from ._given import answer, call


def error(data: Any, status: int = 400, **headers: str) -> errors.APIError:
    """What an answer of this status and body is raised as."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return OpenAIChat().error(call(), answer(data, status=status, headers=spelled))


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (302, errors.APIStatusError, False),
        (400, errors.BadRequestError, False),
        (401, errors.AuthenticationError, False),
        (402, errors.PaymentRequiredError, False),
        (403, errors.PermissionDeniedError, False),
        (404, errors.NotFoundError, False),
        (405, errors.APIStatusError, False),
        (408, errors.InternalServerError, True),
        (409, errors.ConflictError, True),
        (413, errors.RequestTooLargeError, False),
        (418, errors.APIStatusError, False),
        (422, errors.UnprocessableEntityError, False),
        (429, errors.RateLimitError, True),
        (500, errors.InternalServerError, True),
        (502, errors.BadGatewayError, True),
        (503, errors.ServiceUnavailableError, True),
        (504, errors.GatewayTimeoutError, True),
        (524, errors.InternalServerError, True),
        (529, errors.OverloadedError, True),
    ],
)
def test_status(status: int, kind: type[errors.APIError], retryable: bool) -> None:  # noqa: FBT001 - a table
    """The status decides the class and whether to try again; the call's names and ids are on the error."""
    made = error(
        {"error": {"message": "no", "type": "t", "param": "p", "code": 7}},
        status,
        x_request_id="r1",
    )
    assert type(made) is kind
    assert (made.status_code, made.retryable) == (status, retryable)
    assert (made.provider, made.llm_provider, made.model, made.request_id) == (
        "acme",
        "acme",
        "m1",
        "r1",
    )
    assert (made.message, made.type, made.param, made.code, made.sent) == (
        "no",
        "t",
        "p",
        "7",
        "yes",
    )
    assert made.body == {"error": {"message": "no", "type": "t", "param": "p", "code": 7}}
    assert str(made) == f"[acme/m1 {status}] no (request r1)"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"error": {"message": "no"}}, "no"),
        ({"error": "no"}, "no"),
        ({"code": "x", "error": "no"}, "no"),
        ({"object": "error", "message": "no", "code": 400}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"detail": [{"msg": "field required"}]}, "field required"),
        ({"error": {"msg": "no"}}, "no"),
        ([{"error": {"message": "no"}}], "no"),
        (b"no", "no"),
        ({"error": {"message": {"nested": "no"}}}, "{'nested': 'no'}"),
        (
            {"error": {"message": "failed", "metadata": {"raw": "upstream says no"}}},
            "failed: upstream says no",
        ),
        (
            {"error": {"message": "upstream says no", "metadata": {"raw": "says no"}}},
            "upstream says no",
        ),
        ({"error": {"metadata": {"raw": "upstream says no"}}}, "upstream says no"),
        ({"error": {"message": "no", "metadata": "x"}}, "no"),
        ({"error": {}}, "the provider answered 400 and no message"),
        ({}, "the provider answered 400 and no message"),
        ([], "the provider answered 400 and no message"),
        (b"", "the provider answered 400 and no message"),
        (b"null", "the provider answered 400 and no message"),
        (b"[7]", "7"),
    ],
)
def test_message(data: Any, message: str) -> None:
    """Wherever a host puts its message, it is found."""
    assert error(data).message == message


def test_page_of_html() -> None:
    """A page of HTML is told as its text, with what to check."""
    page = b"<html><style>p {}</style><body><h1>502  Bad Gateway</h1>\n<p>nginx</p></body></html>"
    made = error(page, 502)
    assert made.message == "a page of HTML, not JSON (is base_url right?): 502 Bad Gateway nginx"
    assert isinstance(made, errors.BadGatewayError)
    assert made.body == page.decode()


def test_long_text_is_cut() -> None:
    """Five megabytes of anything make a short error."""
    made = error(b"x" * 5_000_000, 500)
    assert len(made.message) == 300
    assert len(made.body) == 2400


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        ({"code": "context_length_exceeded"}, 400, errors.ContextWindowExceededError),
        ({"type": "exceed_context_size_error"}, 400, errors.ContextWindowExceededError),
        ({"code": "content_filter"}, 400, errors.ContentPolicyViolationError),
        ({"code": "content_policy_violation"}, 400, errors.ContentPolicyViolationError),
        ({"code": "ResponsibleAIPolicyViolation"}, 400, errors.ContentPolicyViolationError),
        (
            {"message": "This model's maximum context length is 8192 tokens"},
            400,
            errors.ContextWindowExceededError,
        ),
        ({"message": "prompt is too long: 9 > 8"}, 413, errors.ContextWindowExceededError),
        (
            {"message": "blocked by our content management policy"},
            400,
            errors.ContentPolicyViolationError,
        ),
        ({"message": "rejected by our safety system"}, 400, errors.ContentPolicyViolationError),
        ({"code": "context_length_exceeded"}, 422, errors.ContextWindowExceededError),
        # text decides nothing where a code or another status does
        ({"message": "context window"}, 422, errors.UnprocessableEntityError),
        (
            {"message": "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9 `inputs`"},
            422,
            errors.ContextWindowExceededError,
        ),
        (
            {"message": "context window", "code": "content_filter"},
            400,
            errors.ContentPolicyViolationError,
        ),
        ({"message": "maximum context length"}, 429, errors.RateLimitError),
        ({"code": "context_length_exceeded"}, 500, errors.InternalServerError),
        ({"message": "bad temperature"}, 400, errors.BadRequestError),
    ],
)
def test_refinement(data: Any, status: int, kind: type[errors.APIError]) -> None:
    """A full context and a refused content have classes of their own; the status stays what it was."""
    made = error({"error": data}, status)
    assert type(made) is kind
    assert made.status_code == status


def test_a_status_is_no_type() -> None:
    """Azure repeats the HTTP status as a number, Google's services tell a kind of error by that name."""
    assert error({"error": {"message": "m", "status": 400}}).type is None
    assert (
        error({"error": {"message": "m", "status": "INVALID_ARGUMENT"}}).type == "INVALID_ARGUMENT"
    )
    assert error({"error": {"message": "m", "status": 404}}, 200).status_code == 404


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid_api_key", 401),
        ("rate_limit_exceeded", 429),
        ("overloaded_error", 529),
        ("timeout_error", 504),
        (403, 403),
        ("502", 502),
        (200, None),
        (700, None),
        (-400, None),
        ("9" * 5000, None),
        (None, None),
        (["x"], None),
    ],
)
def test_code_inside_a_200(code: Any, status: int | None) -> None:
    """Inside a 200 the code stands for the status, where it is one."""
    with pytest.raises(errors.APIError) as caught:
        OpenAIChat().parse(call(), answer({"error": {"message": "no", "code": code}}))
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    ("told", "status", "retryable"),
    [("true", 400, True), ("false", 503, False), ("perhaps", 503, True), ("perhaps", 400, False)],
)
def test_x_should_retry(told: str, status: int, retryable: bool) -> None:  # noqa: FBT001 - a table
    """The host's own word on trying again goes before the status."""
    assert error({}, status, x_should_retry=told).retryable is retryable


@pytest.mark.parametrize(
    "code", ["insufficient_quota", "billing_hard_limit_reached", "credits_exhausted"]
)
@pytest.mark.parametrize("name", ["code", "type"])
def test_used_up_quota(code: str, name: str) -> None:
    """A quota that is used up does not come back by waiting."""
    assert not error({"error": {name: code}}, 429).retryable
    assert error({"error": {name: code}}, 429, x_should_retry="true").retryable


def test_keys_that_a_provider_echoes() -> None:
    """A key that the provider repeats is removed wherever it stands, whatever its form."""
    key = "my/odd key+1"
    data = {
        "error": {
            "message": f"Incorrect API key provided: {key}",
            "type": key,
            "param": "my%2Fodd%20key%2B1",
            "code": f"bad {key}",
            key: [{"deep": (f"Bearer {key}")}],
        }
    }
    made = error(data, 401, x_request_id=f"req-{key}")
    made.scrub([Secret(key)])
    shown = f"{made} {made!r} {made.__dict__} {made.args}"
    assert key not in shown
    assert "my%2Fodd" not in shown
    assert made.message == "Incorrect API key provided: [redacted]"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["429", "tokens"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "message", "code", "type", "param", "metadata", "raw", "detail", "status"]
            ),
            inner,
        )
    ),
    max_leaves=10,
)


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(JSON | st.binary(max_size=40), st.integers(300, 599))
def test_any_body(data: Any, status: int) -> None:
    """Whatever the body of an error, it becomes an error of ours with its status."""
    made = error(data, status)
    made.scrub([Secret("sk-1")])
    assert made.status_code == status
    assert isinstance(made.message, str)
    assert str(made)
