"""A chat's stream that broke goes on at another deployment: whether it may, what that one is asked, how both are one.

Who is asked, and how, is the router's flow's. Nothing here is on without ``continue_streams``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ..._call import Adjustment, Call, ChatCall
from ..._cost import Cost
from ..._flow import Flow, Opened, notify
from ..._fold import Fold
from ...catalogue import default
from ...errors import APIError, LLMKitError
from ...events import Continued
from ...types.chat import ChatCompletion, ChatCompletionChunk
from ...types.usage import Usage
from ..job import Job, Leg
from ..session import Session
from ..settle import Account

__all__ = ["Another", "Change", "Continuing", "Seam", "continued"]

_MOST: Final = 3
"""So often a stream goes on elsewhere."""
_LIMITS: Final = ("max_tokens", "max_completion_tokens")
_GO_ON: Final = (
    "Your answer above was cut off in the middle. Write on from exactly where it ends: begin with the very next "
    "character, repeat nothing of it, and say nothing about this."
)

Change = Callable[[Leg], Leg]
Another = Callable[[Account, Change, APIError], Flow[tuple[str, Opened]]]
"""Asks somebody else, on an account of its own: given what makes a leg ask for the rest, and what broke. Deployment and
stream; raises where nobody can."""


class Seam:
    """Where one host's stream ends and another's begins. What came before is an account that is closed."""

    def __init__(self, whole: ChatCompletion, usage: Usage | None, cost: Cost) -> None:
        self.usage, self.cost = usage, cost
        """Of all that came before."""
        self._id, self._created = whole.id, whole.created
        self._blank = _text(whole)[-1:].isspace()
        self._part = Fold()

    def part(self) -> ChatCompletion:
        """What has come since."""
        return self._part.result()

    def joined(self, usage: Usage | None) -> Usage | None:
        """What was used before, and since."""
        if usage is None or self.usage is None:
            return usage or self.usage
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        both = {n: (getattr(self.usage, n), getattr(usage, n)) for n in names}
        return usage.model_copy(
            update={n: (a or 0) + b for n, (a, b) in both.items() if b is not None}
        )

    def take(self, chunk: ChatCompletionChunk) -> None:
        """Make a chunk one of the same stream: its reader does not see that another host wrote it."""
        self._part.add(chunk)
        chunk.id, chunk.created = self._id, self._created
        chunk.usage = None if chunk.usage is None else self.joined(chunk.usage)
        for choice in chunk.choices:
            delta = choice.delta
            delta.role = None
            if self._blank and delta.content:
                # What ended in white space was sent without it, and so it comes again.
                delta.content = delta.content.lstrip() or None
                self._blank = delta.content is None


class Continuing:
    """What mends a stream that breaks: called with its session and what broke it, it returns what it goes on with."""

    def __init__(self, job: Job, account: Account, another: Another) -> None:
        self._job, self._account, self._another = job, account, another
        self._left = _MOST

    def __call__(self, session: Any, error: APIError) -> Flow[Opened]:
        """Ask somebody to write on.

        Raises:
            APIError: what broke the stream, as it is, where that cannot be, or nobody can.
        """
        opened: Opened | None = None
        try:
            self._account.broke(error)
            if self._left and _may_go_on(self._job, session, error):
                self._left -= 1
                opened = yield from self._elsewhere(session, error)
            if opened is None:
                raise error
            return opened
        finally:
            # It knows this frame: what both hold would wait for the collector.
            del error

    def _elsewhere(self, session: Session, error: APIError) -> Flow[Opened | None]:
        account, whole = self._account, session.fold.result()
        seam = Seam(whole, *account.so_far())
        account.broke_off()
        yield from account.pays()
        change = _Change(whole, seam.usage, error).of
        fork, opened = account.fork(), None
        try:
            name, opened = yield from self._another(fork, change, error)
        except LLMKitError:
            return None
        finally:
            try:
                account.merge(fork, goes_on=opened is not None)
            except BaseException:
                # An interrupt: what was held by then is not to be forgotten.
                account.merge(fork, goes_on=opened is not None)
                raise
        try:
            account.seam = seam
            session.go_on(opened, seam)
            # Whoever keeps the event shall not keep the stream, which the frames know that the error came through.
            yield from notify(Continued(self._job.id, name, error.with_traceback(None)))
            return opened
        finally:
            del error


def _may_go_on(job: Job, session: Any, error: APIError) -> bool:
    """Whether there is a text that was cut off, and nothing but a text."""
    if not isinstance(session, Session) or not error.retryable or session.holding:
        return False
    params = {**session.call.params, **session.call.extra_body}
    wanted = params.get("response_format")
    form = wanted.get("type") if isinstance(wanted, dict) else wanted
    if job.wanted is not None or form not in (None, "text") or params.get("n", 1) != 1:
        return False
    choices = session.fold.result().choices
    return len(choices) <= 1 and all(_is_text(choice.message) for choice in choices)


def _is_text(message: Any) -> bool:
    others = (message.tool_calls, message.function_call, message.audio, message.refusal)
    return not any(others)


def _text(whole: ChatCompletion) -> str:
    return (whole.choices[0].message.content or "") if whole.choices else ""


class _Change:
    """What somebody else is asked instead of the call: to write on."""

    def __init__(self, whole: ChatCompletion, usage: Usage | None, broken: APIError) -> None:
        self._text, self._why = _text(whole), type(broken).__name__
        self._used = (usage.completion_tokens if usage is not None else None) or 0

    def of(self, leg: Leg) -> Leg:
        """The leg that asks for the rest."""
        call = leg.call
        assert isinstance(call, ChatCall)  # noqa: S101 - only chats have a session
        return replace(leg, call=continued(call, self._text, self._used, self._why, leg.wire))


def continued(call: ChatCall, text: str, used: int, why: str, wire: Any) -> ChatCall:
    """The call that asks for what follows ``text``, of which ``used`` tokens were written before it broke.

    The text is begun as the assistant's, where the model and its wire go on with that; otherwise an instruction
    says so.
    """
    reason = f"{why} after {len(text)} characters"
    if not text.strip():
        note = Adjustment(
            "messages", "emulated", None, "asked again", f"{reason}: nothing to go on from"
        )
        return replace(call, adjustments=(*call.adjustments, note))
    begun = _goes_on(call, wire)
    added: list[Any] = [{"role": "assistant", "content": text.rstrip() if begun else text}]
    if not begun:
        added.append({"role": "user", "content": _GO_ON})
    how = "begun as the assistant's" if begun else "with an instruction to go on"
    note = Adjustment("messages", "emulated", None, how, f"{reason}: the answer is written on")
    made = replace(call, messages=[*call.messages, *added], adjustments=(*call.adjustments, note))
    return _shorter(made, used, reason)


def _shorter(call: ChatCall, used: int, reason: str) -> ChatCall:
    """What is left of the longest answer that was asked for."""
    changes, params = list(call.adjustments), dict(call.params)
    for name in _LIMITS:
        most = params.get(name)
        if isinstance(most, int) and used:
            params[name] = max(1, most - used)
            changes.append(
                Adjustment(name, "clamped", most, params[name], f"{reason}: what is left")
            )
    return replace(call, params=params, adjustments=tuple(changes))


def _goes_on(call: Call, wire: Any) -> bool:
    if (
        not getattr(wire, "prefills", False)
        or call.params.get("thinking")
        or call.params.get("reasoning_effort")
    ):
        return False
    known = default() if call.catalogue is None else call.catalogue
    model = known.find(call.provider, call.priced_as or call.model)
    return model is not None and model.supports("assistant_prefill")
