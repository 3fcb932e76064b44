"""What holds of every call, whatever deployments answer and however they are grouped."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llmkit import errors
from llmkit._control.admitting import Admission
from llmkit._control.routing.deployment import Deployment
from llmkit._control.routing.failing import rule_of
from llmkit._control.routing.member import Member
from llmkit._control.routing.route import Route
from llmkit._control.routing.steps import Go, Wait

from ._world import World, deployment

GROUPS = ("g", "h", "i")
DEADLINE = 120.0


def error(kind: int) -> Exception | None:
    """A failure of each kind; ``None`` is an answer."""
    kinds: list[Any] = [
        lambda: None,
        lambda: errors.InternalServerError("x", sent="yes"),
        lambda: errors.APITimeoutError("x", sent="maybe"),
        lambda: errors.RateLimitError("x", sent="yes"),
        lambda: errors.RateLimitError("x", sent="yes", retry_after=3.0),
        lambda: errors.OverloadedError("x", sent="yes", retry_after=45.0),
        lambda: errors.AuthenticationError("x", sent="yes"),
        lambda: errors.NotFoundError("x", sent="yes"),
        lambda: errors.BadRequestError("x", sent="yes"),
        lambda: errors.ContextWindowExceededError("x", sent="yes"),
        lambda: errors.ContentPolicyViolationError("x", sent="yes"),
        lambda: errors.InvalidRequestError("x"),
        lambda: errors.ConfigurationError("x"),
        lambda: errors.StreamInterruptedError("x", sent="yes"),
        lambda: errors.BudgetUnavailableError("x"),
    ]
    made: Exception | None = kinds[kind % len(kinds)]()
    return made


KINDS = st.integers(0, 14)
HARMLESS = st.integers(0, 7)
"""Failures that say nothing against any other deployment."""


@st.composite
def deployments(draw: st.DrawFn) -> list[Deployment]:
    """A few deployments in up to three groups, some of one model, some with several keys or limits."""
    made = []
    for number in range(draw(st.integers(1, 6))):
        said: dict[str, Any] = {}
        if draw(st.booleans()):
            said["model"] = draw(st.sampled_from(["openai/one", "anthropic/two"]))
        if draw(st.integers(0, 3)) == 0:
            said["api_key"] = [f"key-{number}-{n}-0123456789" for n in range(2)]
        if draw(st.integers(0, 3)) == 0:
            said["max_parallel"] = 1
        if draw(st.integers(0, 3)) == 0:
            said["rpm"] = draw(st.integers(1, 3))
        if draw(st.integers(0, 3)) == 0:
            said["order"] = draw(st.integers(0, 2))
        group = "g" if number == 0 else draw(st.sampled_from(GROUPS))
        made.append(deployment(f"d{number}", group, **said))
    return made


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A router of them, with fallbacks in any shape, circles too."""
    made = draw(deployments())
    there = sorted({one.group for one in made})
    fallbacks = {
        group: draw(st.lists(st.sampled_from(there), max_size=3))
        for group in there
        if draw(st.booleans())
    }
    return World(
        made,
        fallbacks=fallbacks,
        default_fallbacks=draw(st.lists(st.sampled_from(there), max_size=2)),
        num_retries=draw(st.integers(0, 2)),
        allowed_fails=draw(st.sampled_from([None, 0, 2])),
        when_busy=draw(st.sampled_from(["wait", "raise"])),
        store=Admission() if draw(st.booleans()) else None,
    )


@given(world=worlds(), answers=st.lists(KINDS, min_size=1, max_size=40), calls=st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_every_call_ends_in_time_and_goes_in_no_circle(
    world: World, answers: list[int], calls: int
) -> None:
    """A call ends by its deadline, visits a group once, and asks one deployment once in a round."""
    said = iter(answers * 1000)
    for _ in range(calls):
        began = world.now
        played = world.play(lambda member, now: error(next(said)), until=DEADLINE)
        assert all(time < began + DEADLINE for time in played.times)
        entered = [b for a, b in zip([None, *played.groups], played.groups, strict=False) if a != b]
        firsts = [how for how in played.hows if how in ("first", "fallback")]
        assert len(firsts) <= len(set(played.groups)) <= len(entered) or not played.asked
        rounds = Counter(played.asked)
        assert max(rounds.values(), default=0) <= 1 + world.settings.num_retries
        assert all(wait.seconds > 0 for wait in played.waits)
        assert all(member.running == 0 for member in world.table.members)


@given(
    made=deployments(),
    answers=st.lists(HARMLESS, min_size=8, max_size=8),
    well=st.integers(0, 100),
    cooling=st.lists(st.booleans(), min_size=8, max_size=8),
    shared=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_no_call_fails_while_somebody_healthy_has_room(
    *, made: list[Deployment], answers: list[int], well: int, cooling: list[bool], shared: bool
) -> None:
    """Whatever the others fail with, an untried deployment that is well and has room is asked before a call fails."""
    there = sorted({one.group for one in made})
    world = World(
        made,
        default_fallbacks=there,
        num_retries=0,
        when_busy="raise",
        store=Admission() if shared else None,
    )
    members = world.table.members
    healthy = members[well % len(members)]
    for member, cools in zip(members, cooling, strict=False):
        if cools and member.deployment.id != healthy.deployment.id:
            world.done(world.table.cool(member.id, 500.0, 0.0))
    kinds = dict(zip([member.id for member in members], answers, strict=False))

    def answer(member: Member, now: float) -> Exception | None:
        # Its other keys may fail as keys do, not as a host that is down.
        failure = None if member is healthy else error(kinds.get(member.id, 0))
        ours = failure is not None and member.deployment.id == healthy.deployment.id
        # What they ask counts as its own, so that there may be no room left after them.
        counted = member.deployment.rpm is not None
        if ours and failure and (rule_of(failure).whole or _asks(failure) or counted):
            return None
        return failure

    played = world.play(answer)
    assert played.error is None


def _asks(failure: Exception) -> bool:
    return bool(getattr(failure, "retry_after", None))


class Many(RuleBasedStateMachine):
    """Many calls at once on one router, in any order of steps, beside what is said of its deployments by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            [
                deployment("a", max_parallel=2),
                deployment("b", rpm=5),
                deployment("c", api_key=["first-key-012345", "second-key-01234"]),
                deployment("d", "h"),
            ],
            fallbacks={"g": ["h"]},
        )
        self.open: list[Route] = []
        self.out: list[tuple[Route, Go]] = []
        self.ends: dict[str, float] = {}

    @rule()
    def begin(self) -> None:
        """A call begins."""
        self.open.append(self.world.route(until=300.0))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99))
    def go_on(self, which: int) -> None:
        """A call goes on: it asks somebody, waits, or ends."""
        route = self.open.pop(which % len(self.open))
        try:
            step = self.world.step(route)
        except errors.LLMKitError:
            return
        if isinstance(step, Wait):
            self.open.append(route)
            return
        member = step.member
        assert member.cooling <= self.world.now
        assert step.probe is (member.strikes > 0)
        self.out.append((route, step))

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 99), kind=KINDS)
    def ends_with(self, which: int, kind: int) -> None:
        """An attempt ends."""
        route, go = self.out.pop(which % len(self.out))
        failure = error(kind)
        if failure is None:
            self.world.done(route.worked(go, self.world.now, 0.5))
            return
        self.world.done(route.failed(go, failure, self.world.now))
        asked = getattr(failure, "retry_after", None)
        if asked:
            assert go.member.cooling >= self.world.now + asked
        self.open.append(route)

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 99))
    def given_up(self, which: int) -> None:
        """Somebody gives a call up."""
        route, go = self.out.pop(which % len(self.out))
        self.world.done(route.left(go, self.world.now))

    @rule(seconds=st.floats(0.0, 40.0))
    def time_passes(self, seconds: float) -> None:
        """Time passes."""
        self.world.now += seconds

    @rule(which=st.sampled_from(["a", "b", "c", "c#1", "d"]), seconds=st.floats(0.1, 60.0))
    def by_hand(self, which: str, seconds: float) -> None:
        """Somebody lets a deployment be."""
        self.world.done(self.world.table.cool(which, seconds, self.world.now))

    @invariant()
    def one_probe_at_a_time(self) -> None:
        """Of each member, at most one call that is a probe for what it cools down for now is out."""
        probes = Counter(
            go.member.id for _, go in self.out if go.probe and go.began > go.member.since
        )
        assert all(number == 1 for number in probes.values())

    @invariant()
    def places_are_kept(self) -> None:
        """What is running is what is out, and never more than the limit."""
        running = Counter(go.member.id for _, go in self.out)
        for member in self.world.table.members:
            assert member.running == running[member.id]
        assert running["a"] <= 2

    @invariant()
    def no_cooldown_is_shortened(self) -> None:
        """While a member is not well, the end of its cooldown only moves to later."""
        for member in self.world.table.members:
            before = self.ends.get(member.id, 0.0)
            assert not member.strikes or member.cooling >= before
            self.ends[member.id] = member.cooling if member.strikes else 0.0


Many.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_many_calls_at_once = Many.TestCase
