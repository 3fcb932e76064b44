"""Pools: levels of order, affinity, what a call continues, and that all of it is pure."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit._control.routing.strategies.affinity import nearest, placed
from llmkit._control.routing.strategies.shuffle import weighed

from ._candidates import chat, info, member, names, pool, seeded, several

# --- order


@pytest.mark.parametrize(
    "strategy",
    [
        "simple-shuffle",
        "least-busy",
        "latency-based-routing",
        "usage-based-routing-v2",
        "cost-based-routing",
    ],
)
def test_lower_orders_go_first(strategy: str) -> None:
    """With every strategy, whoever has a lower order stands before all others; without one, at the end."""
    members = [
        member("unsaid", weight=99, price=("0", "0")),
        member("two", order=2, price=("9", "9")),
        member("one-a", order=1, rpm=5, price=("9", "9")),
        member("one-b", order=1, rpm=5, price=("9", "9")),
    ]
    members[2].running = members[3].running = 9
    members[2].used = members[3].used = {"rpm": 5}
    for seed in range(10):
        found = names(pool(members, strategy).plan(chat(), seeded(seed), 0.0))
        assert sorted(found[:2]) == ["one-a", "one-b"]
        assert found[2:] == ["two", "unsaid"]


def test_the_next_order_is_not_looked_at_before_it_is_needed() -> None:
    """What is behind costs nothing while those before are well."""
    drawn: list[int] = []

    def draw() -> float:
        drawn.append(1)
        return 0.5

    made = pool([*several(3, order=1), member("z", order=2)])
    next(made.plan(chat(), draw, 0.0))
    assert len(drawn) == 1


def test_order_and_what_may_yet_be_done() -> None:
    """Order counts for more than whether a capability is listed."""
    able = info(capabilities=frozenset({"json_schema"}))
    members = [
        member("far", order=2, known=able),
        member("near", order=1, known=info()),
        member("nearest", order=1, known=able),
    ]
    wanted = chat(params={"response_format": {"type": "json_schema"}})
    assert names(pool(members).plan(wanted, seeded(), 0.0)) == ["nearest", "near", "far"]


# --- weighted failover


def test_weighted_failover() -> None:
    """The strategy says who is first; whoever is next is drawn by weight."""
    members = [member("busy", weight=1), member("heavy", weight=9), member("idle", weight=9)]
    members[0].running, members[1].running = 1, 2
    assert names(pool(members, "least-busy").plan(chat(), seeded(), 0.0)) == [
        "idle",
        "busy",
        "heavy",
    ]
    made = pool(members, "least-busy", weighted_failover=True)
    found = Counter(tuple(names(made.plan(chat(), seeded(seed), 0.0))) for seed in range(200))
    assert set(found) == {("idle", "heavy", "busy"), ("idle", "busy", "heavy")}
    assert found["idle", "heavy", "busy"] > 150
    assert names(made.plan(chat(region="eu"), seeded(), 0.0)) == []

    class Stranger:
        def plan(self, call: Any, state: Any, now: float) -> list[Any]:
            """Name somebody who is not there, and then one who is."""
            return [member("stranger"), state.members[1]]

    strange = pool(members, Stranger(), weighted_failover=True)
    assert names(strange.plan(chat(), seeded(), 0.0))[0] == "heavy"
    assert sorted(names(strange.plan(chat(), seeded(), 0.0))) == ["busy", "heavy", "idle"]


# --- affinity


def going(made: Any, sessions: int = 600, **said: Any) -> dict[int, str]:
    """Where each session's calls go first."""
    draw = seeded()
    return {
        number: next(made.plan(chat(session=f"s{number}", **said), draw, 0.0)).id
        for number in range(sessions)
    }


def test_a_session_stays() -> None:
    """All calls of a session go to one member, whatever is drawn, and sessions are spread over all."""
    made = pool(several(6), affinity=["session"])
    first = going(made)
    assert going(pool(several(6), affinity=["session"])) == first
    assert min(Counter(first.values()).values()) > 60
    assert len(set(Counter(first.values()))) == 6


def test_calls_without_a_session_are_spread() -> None:
    """Affinity is for calls that name a session; and only where it was asked for."""
    made, draw = pool(several(3), affinity=["session"]), seeded()
    assert len({next(made.plan(chat(), draw, 0.0)).id for _ in range(50)}) == 3
    plain = pool(several(3))
    assert (
        len(
            {
                next(plan).id
                for plan in (plain.plan(chat(session="s"), draw, 0.0) for _ in range(50))
            }
        )
        == 3
    )


def test_who_leaves_moves_only_its_own() -> None:
    """When a member goes, its sessions go each where they stood second; nobody else's move. The same backwards."""
    whole = several(8)
    before = going(pool(whole, affinity=["session"]))
    after = going(pool([one for one in whole if one.id != "m3"], affinity=["session"]))
    for number, where in before.items():
        if where != "m3":
            assert after[number] == where
        else:
            order = names(
                pool(whole, affinity=["session"]).plan(chat(session=f"s{number}"), seeded(), 0.0)
            )
            assert after[number] == order[1]
    assert len({after[n] for n, where in before.items() if where == "m3"}) == 7


@given(
    ids=st.lists(st.text(min_size=1), min_size=1, max_size=12, unique=True),
    key=st.text(),
    out=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_rendezvous(ids: list[str], key: str, out: st.DataObject) -> None:
    """Everybody once, in an order of which whoever leaves takes out only itself, however they are listed."""
    members = [member(f"m{name}") for name in ids]
    found = names(nearest(key, placed(members)))
    assert sorted(found) == sorted(names(members))
    shuffled = out.draw(st.permutations(members))
    assert names(nearest(key, placed(shuffled))) == found
    gone = out.draw(st.sampled_from(members))
    rest = [one for one in members if one is not gone]
    assert names(nearest(key, placed(rest))) == [name for name in found if name != gone.id]


def test_other_processes_agree() -> None:
    """Where a session goes depends on nothing that differs between processes."""
    code = (
        "from llmkit._control.routing.deployment import Deployment\n"
        "from llmkit._control.routing.member import Member\n"
        "from llmkit._control.routing.strategies.affinity import nearest, placed\n"
        "those = [Member(Deployment('g', 'openai/x', id=f'm{n}')) for n in range(9)]\n"
        "print(*(one.id for one in nearest('session s', placed(those))))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == names(nearest("session s", placed(several(9))))


def test_sessions_are_spread_by_weight() -> None:
    """A member of three times the weight has three times the sessions; one without is there when all are out."""
    members = [member("a", weight=1), member("b", weight=3), member("none", weight=0)]
    found = Counter(going(pool(members, affinity=["session"]), 2000).values())
    assert found["b"] / 2000 == pytest.approx(0.75, abs=0.04)
    assert found["none"] == 0
    made = pool(members, affinity=["session"])
    assert names(made.plan(chat(session="s"), seeded(), 0.0))[2] == "none"
    assert weighed(members) == [1.0, 3.0, 0.0]
    spare = pool([*members, member("other", weight=0)], affinity=["session"])
    third = {names(spare.plan(chat(session=f"s{n}"), seeded(), 0.0))[2] for n in range(20)}
    assert third == {"none", "other"}, "those who weigh nothing have an order of their own"


def test_a_session_is_kept_within_what_fits() -> None:
    """A call that its member cannot take goes to the next in the session's own order, and back again."""
    members = [
        member(f"m{n}", known=info(max_input_tokens=100 if n % 2 else None)) for n in range(6)
    ]
    made = pool(members, affinity=["session"])
    whole = names(made.plan(chat(session="s"), seeded(), 0.0))
    long = names(made.plan(chat("x " * 2000, session="s"), seeded(), 0.0))
    assert long == [name for name in whole if int(name[1:]) % 2 == 0]


def firsts(made: Any, calls: list[Any]) -> set[str]:
    """Who goes first for these calls, whatever is drawn."""
    return {next(made.plan(call, seeded(seed), 0.0)).id for call in calls for seed in range(8)}


def test_users_and_cache_keys() -> None:
    """A user, or a prompt's name, keeps calls together where that was asked for; the session goes before them."""
    made = pool(several(9), affinity=["user", "session", "prompt"])
    assert len(firsts(made, [chat(user="ann")])) == 1
    assert len(firsts(made, [chat(params={"prompt_cache_key": "k"})])) == 1
    assert len({*firsts(made, [chat(user=f"u{n}") for n in range(40)])}) > 5
    both = chat(user="ann", session="s")
    assert firsts(made, [both]) == firsts(made, [chat(user="bob", session="s")])
    only = pool(several(9), affinity=["prompt"])
    assert len(firsts(only, [chat(user="ann", session="s")])) > 1


def test_prompts_that_begin_alike_go_together() -> None:
    """A beginning that is long enough to be cached keeps calls together, tools and instructions first."""
    made = pool(several(9), affinity=["prompt"])
    rules = "You are a careful clerk. " * 200
    calls = [chat(rules + "?", f"question {n}") for n in range(5)]
    assert len(firsts(made, calls)) == 1
    others = [chat(f"{n}. {rules}", "question") for n in range(40)]
    assert len(firsts(made, others)) > 5
    tools = [{"tools": [{"function": {"name": f"x{n}"}}]} for n in range(40)]
    assert len(firsts(made, [chat(rules, params=one) for one in tools])) > 5
    assert len(firsts(made, [chat("short")])) > 1


def test_groups_may_keep_other_things_together() -> None:
    """What a group says of affinity goes before what the router says."""
    assert len(firsts(pool(several(9), group_affinity={"g": ["user"]}), [chat(user="u")])) == 1
    off = pool(several(9), affinity=["user"], group_affinity={"g": []})
    assert len(firsts(off, [chat(user="u")])) > 1


# --- what a call continues


def test_what_is_continued_goes_first() -> None:
    """Who has what a call continues is asked first, whatever its order; unless it cannot take the call."""
    members = [*several(3, order=1), member("z", order=2, region="us")]
    made = pool(members)
    assert names(made.plan(chat(at="z"), seeded(), 0.0))[0] == "z"
    assert sorted(names(made.plan(chat(at="z"), seeded(), 0.0))) == ["m0", "m1", "m2", "z"]
    assert names(made.plan(chat(at="z", region="eu"), seeded(), 0.0)) == []
    assert sorted(names(made.plan(chat(at="gone"), seeded(), 0.0))) == ["m0", "m1", "m2", "z"]


# --- what is said, and kept


def test_why() -> None:
    """A choice is explained by what made it."""
    made = pool(several(2), "least-busy", affinity=["session"])
    one = made.members[0]
    assert made.why(chat(), one) == "least-busy: 0 calls on their way there"
    assert made.why(chat(session="s"), one) == "affinity: calls that belong together stay together"
    assert made.why(chat(at="m0"), one) == "it has what the call continues"


def test_sets_of_members_are_not_kept_for_ever() -> None:
    """However many different calls there are, what is prepared for them has an end."""
    members = [member(f"m{n}", region=f"r{n}") for n in range(3)]
    made = pool(members)
    made._parts.update({-n: made._part(0b111) for n in range(1, 1025)})
    assert next(made.plan(chat(region="r1"), seeded(), 0.0)).id == "m1"
    assert len(made._parts) == 1


STRATEGIES = ("simple-shuffle", "least-busy", "latency-based-routing", "cost-based-routing")


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_same_call_goes_the_same_way(data: st.DataObject) -> None:
    """The same members, call, draws and time make the same order; and nothing is changed by being ordered."""
    members = [
        member(
            f"m{number}",
            weight=data.draw(st.integers(0, 3)),
            order=data.draw(st.integers(0, 2)),
            region=data.draw(st.sampled_from(["eu", "us"])),
            tags=data.draw(st.lists(st.sampled_from(["a", "default"]), max_size=2, unique=True)),
            known=data.draw(st.none() | st.just(info())),
        )
        for number in range(data.draw(st.integers(0, 8)))
    ]
    wanted = chat(
        "x" * data.draw(st.integers(0, 3000)),
        tags=tuple(data.draw(st.lists(st.sampled_from(["a", "!a"]), max_size=1))),
        region=data.draw(st.none() | st.just("eu")),
        session=data.draw(st.none() | st.just("s")),
        count=lambda: 900,
    )
    seed, strategy = data.draw(st.integers()), data.draw(st.sampled_from(STRATEGIES))
    made = pool(members, strategy, affinity=["session"], tag_filtering=True)
    state = [{name: getattr(one, name) for name in type(one).__slots__} for one in members]
    kept = copy.deepcopy(
        [{k: v for k, v in s.items() if k not in ("deployment", "host", "info")} for s in state]
    )
    first = names(made.plan(wanted, seeded(seed), 5.0))
    assert names(made.plan(wanted, seeded(seed), 5.0)) == first
    again = pool(members, strategy, affinity=["session"], tag_filtering=True)
    assert names(again.plan(wanted, seeded(seed), 5.0)) == first
    assert set(first) == {one.id for one in members} - set(made.excluded(wanted))
    assert len(set(first)) == len(first)
    now = [{name: getattr(one, name) for name in s} for one, s in zip(members, kept, strict=True)]
    assert now == kept
