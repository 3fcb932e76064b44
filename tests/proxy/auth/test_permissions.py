"""What each role may: LiteLLM's paths, rows, and what a key of one's own narrows."""

from __future__ import annotations

import pytest

from llmkit.proxy.auth.permissions import GROUPS, administers, changes, permit, sees
from llmkit.proxy.failure import Refused
from llmkit.proxy.subject import ADMINISTRATOR, Role, Subject

EVERYBODY = "proxy_admin org_admin internal_user internal_user_viewer team customer"
WRITERS = "proxy_admin org_admin internal_user"
READERS = "proxy_admin proxy_admin_viewer org_admin internal_user internal_user_viewer team"
PATHS = {
    "POST /chat/completions": EVERYBODY,
    "POST /v1/chat/completions": EVERYBODY,
    "POST /v1/messages/count_tokens": EVERYBODY,
    "POST /v1beta/models/gemini-2.5-pro:generateContent": EVERYBODY,
    "POST /v1/models/gemini-2.5-pro:generateContent": EVERYBODY,
    "POST /openai/deployments/fast/chat/completions": EVERYBODY,
    "POST /engines/fast/completions": EVERYBODY,
    "POST /v2/rerank": EVERYBODY,
    "DELETE /v1/files/file-1": EVERYBODY,
    "GET /v1/responses/r-1/input_items": EVERYBODY,
    "GET /v1/models": EVERYBODY + " proxy_admin_viewer",
    "GET /key/info": READERS,
    "POST /v2/key/info": READERS,
    "GET /v1/model/info": READERS,
    "GET /spend/logs": READERS,
    "GET /spend/logs/v2": READERS,
    "POST /spend/calculate": READERS,
    "POST /key/generate": WRITERS,
    "POST /key/delete": WRITERS,
    "POST /key/sk-1/regenerate": WRITERS,
    "POST /team/new": "proxy_admin org_admin",
    "POST /team/member_add": "proxy_admin org_admin",
    "POST /user/new": "proxy_admin org_admin",
    "GET /user/list": "proxy_admin proxy_admin_viewer org_admin",
    "PATCH /organization/member_update": "proxy_admin org_admin",
    "POST /budget/info": "proxy_admin proxy_admin_viewer",
    "GET /budget/list": "proxy_admin proxy_admin_viewer",
    "GET /customer/list": "proxy_admin proxy_admin_viewer",
    "POST /customer/new": "proxy_admin",
    "GET /metrics": "proxy_admin proxy_admin_viewer",
    "GET /health": "proxy_admin proxy_admin_viewer",
    "POST /organization/new": "proxy_admin",
    "POST /user/delete": "proxy_admin",
    "POST /budget/new": "proxy_admin",
    "POST /model/new": "proxy_admin",
    "POST /global/spend/reset": "proxy_admin",
    "POST /spend/logs": "proxy_admin",
    "POST /user/info": "proxy_admin",
    "POST /config/update": "proxy_admin",
    "POST /something/new": "proxy_admin",
    "POST /v1/v1/chat/completions": "proxy_admin",
    "POST /chat/completionsx": "proxy_admin",
    "POST /modelsx": "proxy_admin",
    "POST /key/a/b/regenerate": "proxy_admin",
    "POST //key/generate": "proxy_admin",
    "POST /KEY/generate": "proxy_admin",
}
ROLES: tuple[Role, ...] = (
    "proxy_admin",
    "proxy_admin_viewer",
    "org_admin",
    "internal_user",
    "internal_user_viewer",
    "team",
    "customer",
)


def lets(subject: Subject, line: str) -> bool:
    """Whether a subject may call this."""
    method, path = line.split(" ")
    try:
        permit(subject, method, path)
    except Refused as refused:
        return bool((refused.status, refused.type) != (403, "auth_error"))
    return True


@pytest.mark.parametrize("line", PATHS)
def test_which_role_may_what(line: str) -> None:
    """What nobody has thought of is an administrator's."""
    may = {role for role in ROLES if lets(Subject(role=role, user="ann"), line)}
    assert may == set(PATHS[line].split())


@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer", "team", "customer"])
def test_an_administrator_of_a_team_changes_it(role: Role) -> None:
    """One who only looks does not, whatever he is called in the team."""
    of_team = Subject(role=role, user="ann", admin_of=frozenset({"red"}))
    assert lets(of_team, "POST /team/member_add") == (role == "internal_user")
    assert not lets(of_team, "POST /team/new")


@pytest.mark.parametrize(
    ("routes", "allowed", "refused"),
    [
        (("llm_api_routes",), "POST /v1/chat/completions", "GET /key/info"),
        (("info_routes",), "GET /key/info", "POST /v1/chat/completions"),
        (("management_routes",), "POST /key/generate", "POST /v1/chat/completions"),
        (("/chat/completions",), "POST /v1/chat/completions", "POST /v1/embeddings"),
        (("/v1/chat/completions",), "POST /chat/completions", "POST /v1/embeddings"),
        (("/v1/*",), "POST /v1/embeddings", "GET /key/info"),
        (("/key/*",), "POST /key/generate", "POST /team/new"),
    ],
)
def test_a_key_that_is_for_some_paths_only(
    routes: tuple[str, ...], allowed: str, refused: str
) -> None:
    """An administrator's, too; and none gets what its role has not."""
    key = Subject(role="proxy_admin", routes=routes)
    assert lets(key, allowed)
    assert not lets(key, refused)
    assert not lets(Subject(role="customer", routes=("*",)), "POST /key/generate")
    assert set(GROUPS) >= {"llm_api_routes", "info_routes", "management_routes"}


ANN = Subject(
    user="ann",
    key="k",
    team="red",
    teams=frozenset({"red", "blue"}),
    admin_of=frozenset({"blue"}),
    organisation="acme",
)
NOBODY = Subject(role="team")
BOSS = Subject(role="org_admin", user="boss", organisation="acme")
VIEWER = Subject(role="internal_user_viewer", user="ann", key="k", admin_of=frozenset({"blue"}))


@pytest.mark.parametrize(
    ("subject", "row", "expected"),
    [
        (ADMINISTRATOR, {}, True),
        (Subject(role="proxy_admin_viewer"), {"user": "bob"}, True),
        (ANN, {"user": "ann"}, True),
        (ANN, {"user": "bob"}, False),
        (ANN, {"user": "bob", "team": "red"}, True),
        (ANN, {"team": "green"}, False),
        (ANN, {"key": "k"}, True),
        (ANN, {"organisation": "acme"}, False),
        (ANN, {}, False),
        (NOBODY, {}, False),
        (NOBODY, {"user": "", "team": "", "organisation": "", "key": ""}, False),
        (NOBODY, {"user": None, "team": None}, False),
        (BOSS, {"user": "bob", "organisation": "acme"}, True),
        (BOSS, {"user": "bob", "organisation": "other"}, False),
        (VIEWER, {"user": "ann"}, True),
    ],
)
def test_whose_rows_one_sees(subject: Subject, row: dict[str, str | None], expected: bool) -> None:  # noqa: FBT001
    """One's own and one's teams'; what is nobody's, nobody's."""
    assert sees(subject, **row) is expected


@pytest.mark.parametrize(
    ("subject", "row", "expected"),
    [
        (ADMINISTRATOR, {}, True),
        (Subject(role="proxy_admin_viewer", user="v"), {"user": "v"}, False),
        (ANN, {"user": "ann"}, True),
        (ANN, {"user": "ann", "team": "red"}, True),
        (ANN, {"user": "ann", "team": "green"}, False),
        (ANN, {"user": "ann", "organisation": "acme"}, True),
        (ANN, {"user": "ann", "organisation": "other"}, False),
        (ANN, {"user": "bob", "team": "red"}, False),
        (ANN, {"user": "bob", "team": "blue"}, True),
        (ANN, {"user": None}, False),
        (NOBODY, {"user": "", "team": ""}, False),
        (BOSS, {"user": "bob", "organisation": "acme"}, True),
        (BOSS, {"user": "bob", "organisation": "other"}, False),
        (VIEWER, {"user": "ann"}, False),
        (VIEWER, {"team": "blue"}, False),
    ],
)
def test_whose_keys_one_changes(
    subject: Subject,
    row: dict[str, str | None],
    expected: bool,  # noqa: FBT001
) -> None:
    """One's own, for teams that one is in; and all of a team or organisation that one administers."""
    assert changes(subject, **row) is expected


def test_who_administers() -> None:
    """To be in a team is not enough, nor to have a key for it."""
    assert administers(ANN, team="blue")
    assert not administers(ANN, team="red")
    assert not administers(ANN, organisation="acme")
    assert administers(BOSS, organisation="acme")
    assert not administers(BOSS, organisation="")
    assert not administers(VIEWER, team="blue")
    assert administers(ADMINISTRATOR)
