"""Who asks: keys as clients spell them, what their owners' rows add, and one answer to all that is not known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from starlette.datastructures import Headers

from llmkit.proxy.auth.allowed import may_use, usable
from llmkit.proxy.auth.keys import generate, key_name, token_of
from llmkit.proxy.data.database import Database
from llmkit.proxy.failure import Refused
from llmkit.proxy.subject import ADMINISTRATOR

from ._kit import (
    MASTER,
    bearers_of,
    change,
    delete,
    new_key,
    now,
    organisation,
    person,
    refusal,
    shown,
    team,
)

pytestmark = pytest.mark.asyncio


async def test_a_key_says_whose_it_is(database: Database) -> None:
    """All that its row says, and nothing of the key itself."""
    person(database, "ann")
    key = new_key(
        database,
        user_id="ann",
        key_alias="first",
        tags=["batch"],
        details={"plan": "gold"},
        models=["openai/*"],
        allowed_routes=["llm_api_routes"],
        account="a" * 64,
    )
    with bearers_of(database) as bearers:
        subject = await bearers.subject(shown(key), {})
    assert (subject.key, subject.key_name) == (token_of(key), f"sk-...{key[-4:]}")
    assert (subject.role, subject.user, subject.alias) == ("internal_user", "ann", "first")
    assert (subject.tags, dict(subject.metadata)) == (("batch",), {"plan": "gold"})
    assert (subject.models, subject.routes) == (frozenset({"openai/*"}), ("llm_api_routes",))
    assert subject.account == "a" * 64
    assert key not in repr(subject)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer KEY"},
        {"authorization": "bearer  KEY "},
        {"authorization": "KEY"},
        {"x-api-key": "KEY"},
        {"x-goog-api-key": "KEY"},
        {"api-key": "KEY"},
        {"x-litellm-api-key": "Bearer KEY"},
        {"x-litellm-api-key": "KEY", "authorization": "Bearer for-somebody-else"},
        {"authorization": "Bearer KEY", "x-api-key": "for-somebody-else"},
    ],
)
async def test_every_client_s_header(database: Database, headers: dict[str, str]) -> None:
    """OpenAI's, Anthropic's, Google's, Azure's and LiteLLM's clients each have one of their own."""
    key = new_key(database)
    with bearers_of(database) as bearers:
        given = {name: value.replace("KEY", key) for name, value in headers.items()}
        assert (await bearers.subject(given, {})).key == token_of(key)
        # As they come from a socket, with others, and each twice: the first one counts.
        raw = [(name.encode(), value.encode()) for name, value in given.items()]
        twice = [(b"accept", b"*/*"), *raw, *((name, b"sk-" + b"other") for name, _ in raw)]
        assert (await bearers.subject(Headers(raw=twice), {})).key == token_of(key)


async def test_a_key_that_came_elsewhere(database: Database) -> None:
    """Gemini's clients have it in the query; a header goes before it."""
    key, other = new_key(database), new_key(database)
    with bearers_of(database) as bearers:
        assert (await bearers.subject({}, {}, key)).key == token_of(key)
        assert (await bearers.subject(shown(other), {}, key)).key == token_of(other)


@pytest.mark.parametrize("remembered", [False, True])
async def test_the_master_key(database: Database, remembered: bool) -> None:  # noqa: FBT001
    """It is an administrator's, and a row that has its hash changes nothing of that."""
    with bearers_of(database) as bearers:
        if remembered:
            await bearers.subject(shown(MASTER), {})
        assert await bearers.subject(shown(MASTER), {}) is ADMINISTRATOR


async def test_one_answer_to_all_that_is_not_known(database: Database) -> None:
    """No key, a wrong one, one that is nearly right, a deleted one, a token, a session, bytes: nobody learns which."""
    gone = new_key(database)
    known = new_key(database)
    delete(database, gone)
    wrong = [
        "",
        "x",
        generate(),
        gone,
        known[:-1],
        known + "x",
        known.upper(),
        token_of(known),
        generate("session-"),
        "a.b.c",
        "sk-" + "é" * 40,
        "sk-\udcff",
        "' OR 1=1 --",
        "x" * 100_000,
    ]
    with bearers_of(database) as bearers:
        answers = [await refusal(bearers, shown(key)) for key in wrong] + [
            await refusal(bearers, {})
        ]
    bodies = {str(answer.body()) for answer in answers}
    assert len(bodies) == 1
    assert {answer.status for answer in answers} == {401}
    assert {str(answer.headers) for answer in answers} == {"{'www-authenticate': 'Bearer'}"}


async def test_an_expired_key(database: Database) -> None:
    """To the second, also while it is remembered."""
    at = now() + timedelta(hours=1)
    key = new_key(database, expires=at)
    clock = [0.0]
    with bearers_of(database, clock=lambda: clock[0]) as bearers:
        expires = (await bearers.subject(shown(key), {})).expires
        assert expires is not None
        clock[0] = expires - 0.001
        await bearers.subject(shown(key), {})
        clock[0] = expires
        answer = await refusal(bearers, shown(key))
    assert (answer.status, answer.type) == (401, "expired_key")


@pytest.mark.parametrize("who", ["key", "user", "team", "organization"])
async def test_who_is_blocked(database: Database, who: str) -> None:
    """A key, and each of those whose it is."""
    organisation(database, "acme", blocked=who == "organization")
    team(database, "red", blocked=who == "team", organization_id="acme")
    person(database, "ann", blocked=who == "user")
    key = new_key(database, user_id="ann", team_id="red", blocked=who == "key")
    with bearers_of(database) as bearers:
        answer = await refusal(bearers, shown(key))
    assert (answer.status, answer.type) == (401, "auth_error")
    assert f"{who} " in answer.message
    assert "blocked" in answer.message


async def test_a_team_that_is_gone_gives_nobody_more(database: Database) -> None:
    """Its models and limits are gone with it, so its keys are not taken."""
    with bearers_of(database) as bearers:
        assert "team" in (await refusal(bearers, shown(new_key(database, team_id="gone")))).message
        key = new_key(database, organization_id="gone")
        assert "organization" in (await refusal(bearers, shown(key))).message


async def test_roles(database: Database) -> None:
    """The user's; a key of nobody's has the least; an organisation's administrator is none elsewhere."""
    organisation(database, "acme")
    organisation(database, "other")
    person(database, "root", user_role="proxy_admin")
    person(database, "odd", user_role="emperor")
    person(database, "boss", user_role="org_admin", organization_id="acme")
    keys = {
        new_key(database): "team",
        new_key(database, user_id="never seen"): "team",
        new_key(database, user_id="root"): "proxy_admin",
        new_key(database, user_id="odd"): "internal_user_viewer",
        new_key(database, user_id="boss"): "org_admin",
        new_key(database, user_id="boss", organization_id="other"): "internal_user",
    }
    with bearers_of(database) as bearers:
        roles = {key: (await bearers.subject(shown(key), {})).role for key in keys}
    assert roles == keys


async def test_an_administrator_of_teams(database: Database) -> None:
    """Of those where he is named so."""
    person(database, "ann")
    team(database, "red", admins=("ann",))
    team(database, "blue", admins=("bob",))
    with bearers_of(database) as bearers:
        subject = await bearers.subject(shown(new_key(database, user_id="ann", team_id="blue")), {})
    assert subject.admin_of == {"red"}
    assert subject.teams == {"red", "blue"}
    assert subject.team == "blue"


@pytest.mark.parametrize(
    ("of_key", "of_team", "of_user", "of_all", "expected"),
    [
        ([], None, [], [], None),
        (["fast"], None, [], [], {"fast"}),
        (["openai/*"], None, ["openai/gpt-4o", "claude"], [], {"openai/gpt-4o"}),
        (["all-proxy-models"], None, [], [], None),
        (["*"], ["fast"], [], [], {"fast"}),
        (["all-team-models"], ["fast"], ["slow"], [], {"fast"}),
        (["all-team-models"], None, [], [], set()),
        (["no-default-models"], None, [], [], set()),
        (["a", "b"], ["b", "c"], [], [], {"b"}),
        ([], ["b", "c"], [], ["c"], {"c"}),
        (["a"], ["b"], [], [], set()),
    ],
)
async def test_models_of_all_owners(
    database: Database,
    of_key: list[str],
    of_team: list[str] | None,
    of_user: list[str],
    of_all: list[str],
    expected: set[str] | None,
) -> None:
    """What the key, its team (or else its user) and its organisation all allow."""
    organisation(database, "acme", models=of_all)
    person(database, "ann", models=of_user)
    if of_team is not None:
        team(database, "red", models=of_team)
    key = new_key(
        database,
        models=of_key,
        user_id="ann",
        organization_id="acme",
        team_id=None if of_team is None else "red",
    )
    with bearers_of(database) as bearers:
        assert (await bearers.subject(shown(key), {})).models == expected


async def test_a_model_that_a_subject_may_not_use(database: Database) -> None:
    """It is refused with what to do, and whose list is too short."""
    team(database, "red", models=["fast", "openai/*"])
    with bearers_of(database) as bearers:
        subject = await bearers.subject(
            shown(new_key(database, team_id="red", models=["fast"])), {}
        )
    may_use(subject, "fast")
    assert not usable(subject, "faster")
    with pytest.raises(Refused) as of_key:
        may_use(subject, "openai/gpt-4o")
    with pytest.raises(Refused) as of_team:
        may_use(subject, "claude")
    assert (of_key.value.status, of_key.value.type) == (403, "key_model_access_denied")
    assert of_team.value.type == "team_model_access_denied"
    assert "GET /v1/models" in of_team.value.message


async def test_a_change_is_seen_at_once(database: Database) -> None:
    """By the process that made it; without word of it, what is remembered counts."""
    key = new_key(database)
    with bearers_of(database) as bearers:
        await bearers.subject(shown(key), {})
        change(database, key, blocked=True)
        await bearers.subject(shown(key), {})
        await bearers.forget(token_of(key))
        assert "blocked" in (await refusal(bearers, shown(key))).message


async def test_a_database_that_fails(database: Database) -> None:
    """503, and nothing of what went wrong."""
    database.run_sync(lambda transaction: transaction.execute(text("DROP TABLE proxy_key")))
    with bearers_of(database) as bearers:
        answer = await refusal(bearers, shown(generate()))
    assert (answer.status, answer.type, dict(answer.headers)) == (
        503,
        "no_db_connection",
        {"retry-after": "1"},
    )
    assert "proxy_key" not in answer.message


async def test_keys_are_long_and_never_the_same() -> None:
    """256 bits each; of what is shown of one, nothing can be guessed."""
    keys = {generate() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {46}
    assert key_name("sk-" + "1234") == "sk-..."
