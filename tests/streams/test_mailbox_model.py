"""The mailbox beside a model of what its table promises: any order of putting, taking, giving up, noting, closing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from bitmart_async.errors import SlowConsumer
from bitmart_async.websocket.mailbox import Mailbox, Overflow

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = 3
_POLICIES: tuple[Overflow, ...] = get_args(Overflow)


class _Model:
    """One list, and no quick way."""

    def __init__(self, overflow: Overflow, size: int) -> None:
        self.overflow, self.size = overflow, size
        self.queue: list[int] = []
        self.notes: list[Exception] = []
        self.error: Exception | None = None
        self.lost = self.dropped = self.told = 0
        self.taken = self.closed = self.reader_waits = False

    @property
    def full(self) -> bool:
        return self.overflow == "block" and self.taken and len(self.queue) >= self.size

    def _lose(self) -> None:
        self.dropped += 1
        self.lost += 1
        self.told += self.lost == 1 and (self.taken or self.overflow == "block")

    def put(self, item: int) -> None:
        if self.closed:
            return
        if self.overflow == "raise" and self.taken and (self.lost or len(self.queue) >= self.size):
            self._lose()
            return
        alike = [one for one in self.queue if one % _KEYS == item % _KEYS]
        if self.overflow == "latest" and alike:
            self.queue.remove(alike[0])
            self.dropped += 1
        elif len(self.queue) >= self.size and not self.full:
            del self.queue[0]
            self._lose()
        self.queue.append(item)

    def ask(self) -> object:
        """What a consumer that asks is given at once; None: it waits."""
        lost, first = self.lost, not self.taken
        if first:
            self.taken, self.lost = True, 0
            if lost and self.overflow == "raise":
                return ("lost", lost)
        if self.notes:
            return self.notes.pop(0)
        if self.queue:
            item = self.queue.pop(0)
            if self.overflow != "raise" and not self.queue:
                self.lost = 0
            if len(self.queue) <= self.size // 2:
                self.reader_waits = False
            return item
        if self.lost and self.overflow == "raise":
            lost, self.lost = self.lost, 0
            return ("lost", lost)
        if self.error is not None:
            error, self.error = self.error, None
            return error
        return "end" if self.closed else None

    def note(self, error: Exception) -> None:
        if not self.closed and error not in self.notes:
            self.notes.append(error)

    def close(self, error: Exception | None) -> None:
        if not self.closed:
            self.closed, self.error, self.reader_waits = True, error, False
            self.notes = [note for note in self.notes if note is not error]


async def _asked(mailbox: Mailbox[int]) -> object:
    try:
        return await anext(mailbox)
    except StopAsyncIteration:
        return "end"
    except SlowConsumer as slow:
        return ("lost", slow.dropped)
    except ValueError as error:
        return error


def _spelled(steps: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """To take several is several steps; to put several is one, between which nobody runs."""
    for step, count in steps:
        yield from [(step, count)] * (count if step == "ask" else 1)


async def _compare(overflow: Overflow, size: int, steps: list[tuple[str, int]]) -> None:
    told: list[object] = []
    mailbox = Mailbox[int](overflow, size, key=lambda item: item % _KEYS, told=told.append)
    model = _Model(overflow, size)
    errors = [ValueError("one"), ValueError("two")]
    reader = asyncio.Event()
    reader.set()
    asking: asyncio.Task[object] | None = None
    number = 0
    for step, count in _spelled(steps):
        if step == "put":
            for _ in range(count):
                number += 1
                mailbox.put(number)
                model.put(number)
        elif step == "ask" and asking is None:
            asking = asyncio.create_task(_asked(mailbox))
        elif step == "give up" and asking is not None:  # an update that came meanwhile stays
            asking.cancel()
            await asyncio.wait([asking])
            asking = None
        elif step == "note":
            mailbox.note(errors[count % 2])
            model.note(errors[count % 2])
        elif step == "close":
            mailbox.close(errors[count % 2] if count > 2 else None)
            model.close(errors[count % 2] if count > 2 else None)
        elif step == "wait for room" and not model.reader_waits:
            reader.clear()
            mailbox.tell_room(reader)
            model.reader_waits = model.full and not model.closed
        if asking is not None and step != "put":
            expected = model.ask()
            for _ in range(3):
                await asyncio.sleep(0)
            assert asking.done() == (expected is not None)
            if asking.done():
                assert asking.result() == expected
                asking = None
        assert (len(mailbox), mailbox.dropped, len(told)) == (len(model.queue), model.dropped, model.told)
        assert (mailbox.oldest, mailbox.full) == (next(iter(model.queue), None), model.full)
        assert mailbox.taken == model.taken
        assert reader.is_set() == (not model.reader_waits)
    if asking is not None:
        asking.cancel()
        await asyncio.wait([asking])


_steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["put", "put", "put", "ask", "ask", "ask", "wait for room", "give up", "note", "close"]
        ),
        st.integers(1, 8),
    ),
    min_size=12,
    max_size=50,
)


@settings(max_examples=700, deadline=None)
@given(st.sampled_from(_POLICIES), st.integers(1, 5), _steps)
def test_L1_a_mailbox_does_what_its_table_says(
    overflow: Overflow, size: int, steps: list[tuple[str, int]]
) -> None:
    """Nothing is lost, doubled or out of order but what the policy says, and that is counted and told."""
    asyncio.run(_compare(overflow, size, steps))
