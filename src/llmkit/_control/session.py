"""A stream between its bytes and its reader: folded, its end held back until it is settled. Pure; drivers pull bytes.

People stop reading at ``finish_reason``. So the chunk that has it waits here until the usage or the terminal event has
come, or a second has passed, and the call is settled; then it is handed over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from .._call import CallInfo, ChatCall
from .._flow import Opened
from .._fold import Fold
from ..errors import APIResponseValidationError
from ..types.chat import ChatCompletion, ChatCompletionChunk
from .settle import Account

__all__ = ["Session"]

HOLD_SECONDS = 1.0
# With the usage there, only the formal end is missing; some hosts never send it.
AFTER_USAGE_SECONDS = 0.25
_UNLIKE = 4


def _choices(call: ChatCall) -> int:
    """How many choices were asked for; a value that is no number is the provider's to refuse."""
    asked = call.extra_body.get("n", call.params.get("n"))
    return asked if isinstance(asked, int) and asked > 0 else 1


class Session:
    """One stream's state. ``ready`` are the chunks to hand over; ``over`` says that reading is done."""

    def __init__(self, call: ChatCall, opened: Opened, account: Account) -> None:
        self.call = call
        self._account = account
        self.opened = opened
        self.drains = account.drains
        """Seconds for which it is read on when it is closed early, so that what it used is known."""
        self.fold = Fold()
        account.whole = self.fold.result
        self.ready: deque[Any] = deque()
        self._held: list[ChatCompletionChunk] = []
        self._finished: set[int] = set()
        self._expected = _choices(call)
        self.holding = False
        """Whether every choice has finished, and only the end of the stream is awaited."""
        self.over = False
        """Whether nothing more needs to be read."""
        self._usage_chunk_seen = False
        # Some hosts count along in every chunk: only what comes with the end is the whole count.
        self._usage_final = False
        account.counted = False
        self._enough = False
        self.received = 0
        """How many chunks have come: while they do, the end is not overdue."""
        self.pending = opened.pending
        """A failure that came right behind the first chunks, for ``check``."""
        self._seam: Any = None
        self.flowing: Iterator[ChatCompletionChunk] = iter(())
        """Chunks to hand over before those that are ready, made when they are asked for."""
        self._run = getattr(opened.decoder, "run", None)
        self._pieces: list[str] | None = None
        self._relays = False
        self._take(opened.first)

    def relay(self) -> None:
        """From now on hand over bytes in place of chunks, where nothing of these has to be changed."""
        self._relays = getattr(self.opened.decoder, "relays", False)

    def go_on(self, opened: Opened, seam: Any) -> None:
        """Another host writes on; ``seam`` makes its chunks those of the same stream."""
        self.opened, self._seam = opened, seam
        # Each of its chunks is changed by the seam.
        self._run = self._pieces = None
        self._account.counted = self._enough = self._usage_final = False
        self.pending, self.over = opened.pending, False
        self._take(opened.first)

    @property
    def info(self) -> CallInfo:
        """What happened to the call so far."""
        return self._account.info

    def result(self) -> ChatCompletion:
        """The answer as far as it has come, priced."""
        return self._account.priced(self.fold.result())

    @property
    def patience(self) -> float:
        """Seconds to wait for the stream's end, once every choice has finished."""
        return AFTER_USAGE_SECONDS if self._usage_final else HOLD_SECONDS

    def check(self) -> None:
        """Raise the failure that came right behind the first chunks, if one did."""
        pending, self.pending = self.pending, None
        if pending is not None:
            self._judge(pending)

    def feed(self, data: bytes) -> None:
        """Take bytes. Raises what the decoder raises."""
        if self._run is not None and not self.holding:
            if self._relays:
                data = self._relayed(data)
            elif (run := self._run(data)) is not None:
                self._go_on(run)
                data = run.rest
            if not data:
                return
        self._pieces = None
        self._take(self.opened.decoder.feed(data))

    def _relayed(self, data: bytes) -> bytes:
        """Hand over as bytes what can be; what is left. An event that is unlike those before it is taken alone."""
        for _ in range(_UNLIKE):
            assert self._run is not None  # noqa: S101 - whoever calls has looked
            run = self._run(data)
            if run is not None:
                self._grow(run)
                self.ready.append(data[: len(data) - len(run.rest)])
                data = run.rest
            end = data.find(b"\n\n") + 2
            if end == 1 or end == len(data):
                break
            self._pieces = None
            one, data = data[:end], data[end:]
            self._take(self.opened.decoder.feed(one))
            if self.holding or self.over:
                break
        return data

    def _grow(self, run: Any) -> None:
        """Take chunks that nobody wants to have."""
        self.received += len(run.texts)
        if self._pieces is not None:
            self._pieces += run.texts
            return
        for number, chunk in enumerate(run.chunks, 1):
            self.fold.add(chunk)
            self._pieces = self.fold.growing(chunk, run.where)
            if self._pieces is not None:
                self._pieces += run.texts[number:]
                return

    def _go_on(self, run: Any) -> None:
        """Take chunks that differ in their texts only, once one of them has been taken."""
        self.received += len(run.texts)
        if self._pieces is not None:
            self._pieces += run.texts
            self.flowing = run.chunks
            return
        for chunk in run.chunks:
            self.fold.add(chunk)
            self.ready.append(chunk)
        self._pieces = self.fold.growing(chunk, run.where)

    def end(self) -> None:
        """The bytes have ended. Raises where they ended too early."""
        self._take(self.opened.decoder.finish())

    def cut_off(self) -> None:
        """Only the end was awaited, and it does not come: what is there of it may have the usage."""
        self._add_all(self.opened.decoder.finish())

    def discard(self) -> None:
        """Nobody reads what there is to hand over."""
        self.ready.clear()
        self.flowing = iter(())

    def release(self) -> None:
        """The call is settled: let the held chunks go."""
        self.ready.extend(self._held)
        self._held.clear()
        if (
            self.call.wants_usage_chunk
            and self.fold.usage is not None
            and not self._usage_chunk_seen
        ):
            self.ready.append(self._usage_chunk())

    def _take(self, chunks: Iterable[ChatCompletionChunk]) -> None:
        self._add_all(chunks)
        if self.opened.decoder.done:
            self.over = True
            if not self._enough:
                self._account.counted = True

    def _add_all(self, chunks: Iterable[ChatCompletionChunk]) -> None:
        try:
            for chunk in chunks:
                self._add(chunk)
        except APIResponseValidationError as error:
            self._judge(error)

    def _judge(self, failure: Exception) -> None:
        """Behind the last finish reason the answer is whole, whatever cannot be read there."""
        if not (self.holding and isinstance(failure, APIResponseValidationError)):
            raise failure
        if not self._enough:
            self._enough = self.over = True
            self.cut_off()

    def _add(self, chunk: ChatCompletionChunk) -> None:
        self.received += 1
        if self._seam is not None:
            self._seam.take(chunk)
        self.fold.add(chunk)
        choices = chunk.choices
        for choice in choices:
            if choice.finish_reason is not None:
                self._finished.add(choice.index)
                self.holding = len(self._finished) >= self._expected
        if self.holding and chunk.usage is not None:
            self._usage_final = self._account.counted = True
        if not choices and not self._wanted(chunk):
            return
        (self._held if self.holding else self.ready).append(chunk)

    def _wanted(self, chunk: ChatCompletionChunk) -> bool:
        """A chunk without choices breaks ``chunk.choices[0]``: it is for those who asked for it."""
        if chunk.usage is None or not self.call.wants_usage_chunk:
            return False
        if chunk.usage.completion_tokens is None:
            # The prompt's side alone, told at the start, is for the account, not for the reader.
            return False
        self._usage_chunk_seen = True
        return True

    def _usage_chunk(self) -> ChatCompletionChunk:
        folded = self.fold.result()
        return ChatCompletionChunk(
            id=folded.id,
            created=folded.created,
            model=folded.model,
            choices=[],
            usage=self.fold.usage,
        )
