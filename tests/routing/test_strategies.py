"""Strategies by themselves: whole orders, shares by weight, and the numbers that they go by."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit._control.routing.strategies import arguments_of, strategy_of
from llmkit._control.routing.strategies import names as known
from llmkit._control.routing.strategy import State
from llmkit.errors import ConfigurationError

from ._candidates import chat, member, names, pool, seeded, several

if TYPE_CHECKING:
    from pathlib import Path

OWN = (
    "simple-shuffle",
    "least-busy",
    "latency-based-routing",
    "usage-based-routing",
    "usage-based-routing-v2",
    "cost-based-routing",
)


def order(
    strategy: str, members: list[Any], seed: int = 7, now: float = 100.0, **said: Any
) -> list[str]:
    """The whole order that a strategy makes, by itself."""
    made = strategy_of(strategy, said.pop("arguments", {}))
    return names(made.plan(chat(**said), State(members, seeded(seed)), now))


def shares(made: Any, calls: int = 4000, **said: Any) -> Counter[str]:
    """How often each member of a pool goes first."""
    draw = seeded()
    return Counter(next(made.plan(chat(**said), draw, 100.0)).id for _ in range(calls))


def test_names_are_litellms() -> None:
    """Every strategy of LiteLLM's that is promised can be named, and says its own name."""
    assert known()[: len(OWN)] == OWN
    assert [strategy_of(name).name for name in OWN] == list(OWN)


def test_what_has_to_be_known() -> None:
    """Only what strategies say they look at is asked for before a choice: of all processes, or of what was used."""
    made = [strategy_of(name) for name in OWN] + [strategy_of(Named("m0"))]
    assert [one.name for one in made if one.counts] == [OWN[1], OWN[3], OWN[4]]
    assert [one.name for one in made if one.used] == [OWN[3], OWN[4]]


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_an_order_is_everybody_once(data: st.DataObject) -> None:
    """Whatever is known of members, each is in the order exactly once, and the same numbers make the same order."""
    amounts = st.none() | st.integers(1, 5)
    members = []
    for number in range(data.draw(st.integers(0, 12))):
        weight = data.draw(st.none() | st.floats(0, 5))
        priced = data.draw(st.none() | st.sampled_from([("0.1", "1"), ("2", "0.3")]))
        one = member(
            f"m{number}",
            weight=weight,
            rpm=data.draw(amounts),
            tpm=data.draw(amounts),
            price=priced,
        )
        one.running = data.draw(st.integers(0, 3))
        one.used = {"rpm": data.draw(st.integers(0, 9)), "tpm": data.draw(st.integers(0, 9))}
        one.latency = data.draw(st.none() | st.floats(0, 9))
        one.first_chunk = data.draw(st.none() | st.floats(0, 9))
        members.append(one)
    seed, stream = data.draw(st.integers()), data.draw(st.booleans())
    for name in OWN:
        first = order(name, members, seed, stream=stream)
        assert sorted(first) == sorted(names(members))
        assert order(name, members, seed, stream=stream) == first


@pytest.mark.parametrize("name", OWN)
def test_an_order_is_lazy(name: str) -> None:
    """Who only wants the first makes no more draws than that takes, and does not sort the others."""
    drawn: list[float] = []
    draw = seeded()

    def counted() -> float:
        drawn.append(draw())
        return drawn[-1]

    made = pool(several(50, weight=2.0), name)
    next(made.plan(chat(), counted, 0.0))
    assert len(drawn) <= 2


# --- simple-shuffle


@pytest.mark.parametrize(
    ("declared", "parts"),
    [
        ([{"weight": 1}, {"weight": 3}], (0.25, 0.75)),
        ([{"weight": 1, "rpm": 900}, {"weight": 3, "rpm": 1}], (0.25, 0.75)),
        ([{"rpm": 10, "tpm": 9000}, {"rpm": 30, "tpm": 1}], (0.25, 0.75)),
        ([{"tpm": 1000}, {"tpm": 3000}], (0.25, 0.75)),
        ([{}, {}], (0.5, 0.5)),
        ([{"weight": 0, "rpm": 10}, {"weight": 0, "rpm": 30}], (0.25, 0.75)),
        ([{"weight": 1}, {}], (1.0, 0.0)),
        ([{"api_key": ["k1", "k2"]}, {}], (1 / 3, 2 / 3)),
    ],
)
def test_shares_are_weights(declared: list[dict[str, Any]], parts: tuple[float, float]) -> None:
    """Weight goes before rpm, rpm before tpm, and without all three all are drawn alike; keys share a weight."""
    members = [member(f"m{place}", **one) for place, one in enumerate(declared)]
    found = shares(pool(members))
    assert [found[one.id] / 4000 for one in members] == pytest.approx(parts, abs=0.03)


def test_later_places_are_drawn_by_weight_too() -> None:
    """Whoever is second was drawn from those that were left by their weights, also after many misses."""
    members = [member("a", weight=96), member("b", weight=3), member("c", weight=1)]
    seconds: Counter[str] = Counter()
    draw, made = seeded(), pool(members)
    for _ in range(4000):
        first, second, _third = names(made.plan(chat(), draw, 0.0))
        if first == "a":
            seconds[second] += 1
    assert seconds["b"] / seconds.total() == pytest.approx(0.75, abs=0.03)


def test_members_without_weight_come_last() -> None:
    """Where others weigh something, one that weighs nothing is there for when they are all out."""
    members = [member("none", weight=0), member("unsaid"), member("some", weight=0.1)]
    orders = {tuple(order("simple-shuffle", members, seed)) for seed in range(50)}
    assert orders == {("some", "none", "unsaid"), ("some", "unsaid", "none")}


def test_the_highest_draw_is_somebody() -> None:
    """A draw just below 1 does not fall off the end."""
    members = [member("a", weight=0.1), member("b", weight=0.2), member("c", weight=0.7)]
    for strategy in OWN:
        made = strategy_of(strategy)
        assert len(set(made.plan(chat(), State(members, lambda: 1 - 2**-53), 0.0))) == 3


# --- least-busy


def test_least_busy_goes_by_calls_on_their_way() -> None:
    """The fewest calls first, in order; of those with equally many, each is first at times."""
    members = several(4)
    for one, running in zip(members, (2, 0, 1, 0), strict=True):
        one.running = running
    orders = {tuple(order("least-busy", members, seed)) for seed in range(30)}
    assert orders == {("m1", "m3", "m2", "m0"), ("m3", "m1", "m2", "m0")}


# --- latency-based-routing


def timed(*seconds: float | None) -> list[Any]:
    """Members that take so long."""
    members = several(len(seconds))
    for one, latency in zip(members, seconds, strict=True):
        one.latency = latency
        one.measured = 90.0
    return members


def test_the_sooner_of_two_goes_first() -> None:
    """Of two members the faster always goes first; the slowest of several never does."""
    assert {tuple(order("latency-based-routing", timed(2.0, 1.0), n)) for n in range(20)} == {
        ("m1", "m0")
    }
    found = shares(pool(timed(1.0, 2.0, 3.0), "latency-based-routing"))
    assert found["m2"] == 0
    assert found["m0"] / 4000 == pytest.approx(2 / 3, abs=0.03)


def test_calls_on_their_way_count() -> None:
    """A fast member with a queue is slower than a slow one without."""
    fast, slow = timed(1.0, 2.0)
    fast.running = 3
    assert order("latency-based-routing", [fast, slow]) == ["m1", "m0"]


def test_streams_go_by_the_first_chunk() -> None:
    """What counts for a stream is when it begins, for an answer when it is there."""
    one, other = timed(5.0, 1.0)
    one.first_chunk, other.first_chunk = 0.1, 0.9
    assert order("latency-based-routing", [one, other], stream=True) == ["m0", "m1"]
    assert order("latency-based-routing", [one, other]) == ["m1", "m0"]


def test_who_is_not_known_gets_a_turn() -> None:
    """A member without a measured time goes before one that is as busy, and not before one that is less so."""
    new, known_one = timed(None, 0.001)
    assert order("latency-based-routing", [new, known_one]) == ["m0", "m1"]
    new.running = 1
    assert order("latency-based-routing", [new, known_one]) == ["m1", "m0"]
    known_one.running = 2
    assert order("latency-based-routing", [new, known_one]) == ["m0", "m1"]


def test_a_measured_time_ends() -> None:
    """After ``ttl`` seconds a slow member is tried again, as one that is new."""
    slow, fast = timed(9.0, 1.0)
    fast.measured = 1000.0
    assert order("latency-based-routing", [slow, fast], now=149.0) == ["m1", "m0"]
    assert order("latency-based-routing", [slow, fast], now=151.0) == ["m0", "m1"]
    slow.running = 1
    assert order("latency-based-routing", [slow, fast], now=151.0) == ["m1", "m0"], "one finds out"
    slow.running = 0
    long = {"arguments": {"ttl": 3600}}
    assert order("latency-based-routing", [slow, fast], now=151.0, **long) == ["m1", "m0"]


def test_lowest_latency_buffer() -> None:
    """Only those near the lowest are drawn from, and the others stand behind them; 0 is the lowest alone."""
    arguments = {"lowest_latency_buffer": 0.5}
    near = pool(timed(1.0, 1.4, 1.45, 1.6), "latency-based-routing", arguments=arguments)
    found = shares(near)
    assert found["m0"] / 4000 == pytest.approx(2 / 3, abs=0.03)
    assert found["m1"] / 4000 == pytest.approx(1 / 3, abs=0.03)
    assert names(near.plan(chat(), seeded(), 100.0))[3] == "m3"
    new = pool(timed(1.0, 9.0, None), "latency-based-routing", arguments=arguments)
    assert set(shares(new, 100)) == {"m2"}
    only = pool(timed(1.0, 1.01), "latency-based-routing", arguments={"lowest_latency_buffer": 0})
    assert set(shares(only, 100)) == {"m0"}


@pytest.mark.parametrize("arguments", [{}, {"lowest_latency_buffer": 0.2}])
def test_who_cools_down_weighs_against_nobody(arguments: dict[str, Any]) -> None:
    """Those cooling down come last, so that two who are well are weighed."""
    members = timed(0.1, 5.0, 6.0, None)
    members[0].cooling = members[3].cooling = 101.0
    for seed in range(20):
        found = order("latency-based-routing", members, seed, arguments=arguments)
        assert found[:2] == ["m1", "m2"]
    members[0].cooling = 100.0
    assert (
        order("latency-based-routing", members, arguments={"lowest_latency_buffer": 0})[0] == "m0"
    )


@pytest.mark.parametrize("wrong", [{"ttl": -1}, {"ttl": "60"}, {"lowest_latency_buffer": True}])
def test_arguments_are_checked(wrong: dict[str, Any]) -> None:
    """A time that is none is heard of when the strategy is made."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        strategy_of("latency-based-routing", wrong)


# --- usage-based-routing


def used(**taken: int) -> Any:
    """A member that has used so much of 10 rpm and 1000 tpm."""
    made = member("-".join(f"{name}{count}" for name, count in taken.items()), rpm=10, tpm=1000)
    made.used = taken
    return made


def test_the_least_used_share_goes_first() -> None:
    """What counts is the fuller of requests and tokens."""
    members = [used(rpm=5, tpm=0), used(rpm=0, tpm=900), used(rpm=2, tpm=400)]
    for name in ("usage-based-routing", "usage-based-routing-v2"):
        assert order(name, members) == ["rpm2-tpm400", "rpm5-tpm0", "rpm0-tpm900"]


def test_who_has_no_room_comes_last() -> None:
    """A full member is behind all with room for this very call, who stand by their shares."""
    members = [used(rpm=10), used(rpm=9), used(tpm=990), used(rpm=1)]
    assert order("usage-based-routing-v2", members)[:2] == ["rpm1", "rpm9"]


def test_what_was_not_counted_is_nothing() -> None:
    """Who has used nothing of a limit, and who has not used it yet, are alike."""
    members = [used(rpm=0), used(rpd=3)]
    assert {order("usage-based-routing-v2", members, seed)[0] for seed in range(20)} == {
        "rpm0",
        "rpd3",
    }


def test_a_limit_of_its_own_size_is_weighed() -> None:
    """Half of a large limit is more used than a tenth of a small one; no limit is not used at all."""
    large, small, unlimited = member("large", rpm=1000), member("small", rpm=20), member("free")
    large.used, small.used, unlimited.used = {"rpm": 500}, {"rpm": 2}, {"rpm": 9}
    assert order("usage-based-routing-v2", [large, small, unlimited]) == ["free", "small", "large"]


def test_without_limits_the_fewest_tokens_go_first() -> None:
    """Where nobody has a limit, tokens of the last minute count."""
    members = several(3)
    for one, tokens in zip(members, (30, 10, 20), strict=True):
        one.used = {"tpm": tokens}
    assert order("usage-based-routing-v2", members) == ["m1", "m2", "m0"]


# --- cost-based-routing


def test_the_cheapest_for_this_call_goes_first() -> None:
    """A long prompt goes where prompts are cheap, a long answer where answers are; unknown prices come last."""
    reads, writes = (
        member("reads", price=("1e-6", "9e-6")),
        member("writes", price=("3e-6", "2e-6")),
    )
    unknown = member("unknown")
    members = [unknown, reads, writes]
    long = {"messages": [{"role": "user", "content": "x" * 40_000}]}
    assert order("cost-based-routing", members, subject=long) == ["reads", "writes", "unknown"]
    assert order("cost-based-routing", members, params={"max_tokens": 2000}) == [
        "writes",
        "reads",
        "unknown",
    ]


def test_prices_are_weighed_exactly() -> None:
    """Prices of many digits are compared to the last of them."""
    members = [
        member("more", price=("0.000000150000000000001", "1E-6")),
        member("less", price=("0.00000015", "0.000001")),
        member("most", price=("1E+1", "0")),
        member("free", price=("0", "0")),
    ]
    assert order("cost-based-routing", members) == ["free", "less", "more", "most"]


def test_equally_cheap_ones_are_drawn_by_weight() -> None:
    """One price is one choice, which weights make."""
    members = [member("a", price=("1", "1"), weight=1), member("b", price=("1", "1"), weight=3)]
    members.append(member("dear", price=("2", "2"), weight=99))
    found = shares(pool(members, "cost-based-routing"))
    assert found["b"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert found["dear"] == 0


# --- names, arguments, and strategies of others


def test_an_unknown_name_has_near_misses() -> None:
    """A typo is answered with what was meant."""
    with pytest.raises(ConfigurationError, match="did you mean 'least-busy'"):
        strategy_of("least_busy")
    with pytest.raises(ConfigurationError, match="there are simple-shuffle, least-busy"):
        strategy_of("zzz")


def test_an_unknown_argument_is_no_argument() -> None:
    """An argument that a strategy does not have is named, with those that it has."""
    with pytest.raises(ConfigurationError, match="it has ttl, lowest_latency_buffer"):
        strategy_of("latency-based-routing", {"max_latency_list_size": 10})
    with pytest.raises(ConfigurationError, match="no argument 'ttl'; it has none"):
        strategy_of("usage-based-routing-v2", {"ttl": 1})
    assert arguments_of("usage-based-routing") == ()
    assert arguments_of("latency-based-routing") == ("ttl", "lowest_latency_buffer")
    assert arguments_of(lambda **anything: anything) is None


class Backwards:
    """Somebody's strategy: the last declared first. It forgets one, says another twice, and knows a stranger."""

    name = "backwards"
    counts = False

    def plan(self, call: Any, state: State, now: float) -> list[Any]:
        """See ``Strategy``."""
        last = state.members[-1]
        return [last, last, member("stranger"), *reversed(state.members[1:-1])]


def test_a_strategy_of_somebody_else() -> None:
    """An object with ``plan`` is taken as it is; whom its order leaves out is asked last."""
    made = pool(several(4), Backwards())
    assert names(made.plan(chat(), seeded(), 0.0)) == ["m3", "m2", "m1", "m0"]
    assert made.why(chat(), made.members[0]) == "backwards"


def test_a_strategy_that_says_nothing_of_itself() -> None:
    """``plan`` alone is enough; what else a strategy may have is used where it is there."""

    class Bare:
        def plan(self, call: Any, state: State, now: float) -> Any:
            """See ``Strategy``."""
            return state.prepared or state.members

    class Prepared(Bare):
        counts = True

        def prepare(self, members: Any) -> Any:
            """Backwards."""
            return members[::-1]

        def why(self, call: Any, one: Any) -> str:
            """Say so."""
            return f"{one.id} is last"

    bare, prepared = strategy_of(Bare()), strategy_of(Prepared())
    assert (bare.name, bare.counts, bare.used, prepared.counts) == ("Bare", False, False, True)
    assert names(pool(several(3), Bare()).plan(chat(), seeded(), 0.0)) == ["m0", "m1", "m2"]
    made = pool(several(3), Prepared())
    assert names(made.plan(chat(), seeded(), 0.0)) == ["m2", "m1", "m0"]
    assert made.why(chat(), made.members[2]) == "m2 is last"
    assert strategy_of(bare) is not bare
    own = strategy_of("least-busy")
    assert strategy_of(own) is own


PACKAGE = """
class Sized:
    counts = used = False

    def __init__(self, size=1):
        self.name = f"sized {size}"

    def plan(self, call, state, now):
        return state.members[::-1]


READY = Sized(0)
"""
POINTS = """[llmkit.routing_strategies]
acme-ready = llmkit_acme_routing:READY
acme-sized = llmkit_acme_routing:Sized
least-busy = llmkit_acme_routing:Sized
"""


def test_installed_strategies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package's entry point is a strategy, or what makes one of arguments; a built-in name stays what it is."""
    (tmp_path / "llmkit_acme_routing.py").write_text(PACKAGE, encoding="utf-8")
    about = tmp_path / "llmkit_acme_routing-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: llmkit-acme-routing\nVersion: 1.0\n"
    )
    (about / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "llmkit_acme_routing", None)
    monkeypatch.delitem(sys.modules, "llmkit_acme_routing")
    assert known()[-2:] == ("acme-ready", "acme-sized")
    ready = pool(several(3), "acme-ready")
    assert names(ready.plan(chat(), seeded(), 0.0)) == ["m2", "m1", "m0"]
    assert strategy_of("acme-sized", {"size": 3}).name == "sized 3"
    assert arguments_of("acme-ready") == ()
    assert arguments_of("acme-sized") == ("size",)
    assert strategy_of("least-busy").name == "least-busy"
    with pytest.raises(ConfigurationError, match="acme-sized"):
        strategy_of("acme-size")


class Named:
    """A strategy in LiteLLM's form."""

    def __init__(self, chosen: Any) -> None:
        self.chosen, self.asked = chosen, {}

    def get_available_deployment(self, **asked: Any) -> Any:
        """Name one."""
        self.asked = asked
        return self.chosen


@pytest.mark.parametrize("chosen", ["m2", {"model_info": {"id": "m2"}}, member("m2").deployment])
def test_litellms_custom_strategy(chosen: Any) -> None:
    """Whom it names goes first, whatever it names it by; all others stand behind."""
    named = Named(chosen)
    found = names(pool(several(4), named).plan(chat("hi", tags=("x",)), seeded(), 0.0))
    assert found[0] == "m2"
    assert sorted(found) == ["m0", "m1", "m2", "m3"]
    assert named.asked == {
        "model": "g",
        "messages": [{"role": "user", "content": "hi"}],
        "input": None,
        "specific_deployment": False,
        "request_kwargs": {"metadata": {"tags": ["x"]}},
    }


@pytest.mark.parametrize("chosen", [None, "nobody", {"model_info": None}, {}])
def test_litellms_custom_strategy_names_nobody(chosen: Any) -> None:
    """Where it makes no choice that can be kept to, everybody is drawn by weight."""
    members = [member("a", weight=1), member("b", weight=3)]
    assert shares(pool(members, Named(chosen)))["b"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_what_is_no_strategy() -> None:
    """An object that can neither plan nor name one at once is refused, with what it would need."""

    class Waits:
        async def get_available_deployment(self) -> None:
            """Wait."""

    class Plans:
        async def plan(self, call: Any, state: State, now: float) -> None:
            """Wait."""

    for wrong in (Waits(), Plans(), object(), 5):
        with pytest.raises(ConfigurationError, match="plan"):
            strategy_of(wrong)


def test_a_choice_only_for_async_code_is_not_passed_over() -> None:
    """Where LiteLLM's base class is only given the async form, its empty plain form would choose nobody, silently."""

    class Base:
        async def async_get_available_deployment(self, **asked: Any) -> Any:
            """Choose."""

        def get_available_deployment(self, **asked: Any) -> Any:
            """Choose."""

    class Waits(Base):
        async def async_get_available_deployment(self, **asked: Any) -> Any:
            """Choose."""
            return "m1"

    class Both(Waits):
        def get_available_deployment(self, **asked: Any) -> Any:
            """Choose."""
            return "m1"

    with pytest.raises(ConfigurationError, match="write get_available_deployment as well"):
        strategy_of(Waits())
    assert names(pool(several(3), Both()).plan(chat(), seeded(), 0.0))[0] == "m1"


def test_why() -> None:
    """Each strategy says in words what it went by."""
    one = member(rpm=10, price=("1e-6", "2e-6"))
    one.running, one.latency, one.used = 3, 1.5, {"rpm": 4}
    said = {name: pool([one], name).why(chat(), one) for name in OWN}
    assert said["simple-shuffle"] == "simple-shuffle: drawn by weight"
    assert said["least-busy"] == "least-busy: 3 calls on their way there"
    assert said["latency-based-routing"] == (
        "latency-based-routing: 1.5 s for an answer, or 100 tokens of it; 3 calls on their way there"
    )
    assert (
        said["usage-based-routing"] == "usage-based-routing: 50% of its limits used, with this call"
    )
    assert said["cost-based-routing"].startswith("cost-based-routing: about $0.0010 for some")
    one.first_chunk = 0.25
    streamed = pool([one], "latency-based-routing").why(chat(stream=True), one)
    assert "0.25 s until the first chunk; 3" in streamed
    new = member("b")
    new.used = {"tpm": 30}
    usage = pool([new], "usage-based-routing").why(chat(), new)
    assert usage == "usage-based-routing: no limit, 30 tokens in the last minute"
    assert "not measured" in pool([new], "latency-based-routing").why(chat(), new)
    assert "not known" in pool([new], "cost-based-routing").why(chat(), new)
