"""The bounded queue before each consumer."""

from __future__ import annotations

import asyncio

import pytest

from bitmart_async.errors import ParameterError, SlowConsumer
from bitmart_async.websocket.mailbox import Mailbox, Overflow, Pressure, check_overflow


def _box(overflow: Overflow, size: int = 3, told: list[object] | None = None) -> Mailbox[str]:
    return Mailbox(
        overflow,
        size,
        key=lambda item: item[0],
        told=(lambda box: told.append(box.dropped)) if told is not None else lambda _: None,
    )


async def _begun(overflow: Overflow, size: int = 3, told: list[object] | None = None) -> Mailbox[str]:
    """A mailbox whose consumer has begun to take."""
    box = _box(overflow, size, told)
    box.put("first")
    assert await box.get() == "first"
    return box


async def _drain(box: Mailbox[str]) -> list[str]:
    return [await box.get() for _ in range(len(box))]


@pytest.mark.parametrize("overflow", ["block", "drop_oldest", "raise"])
async def test_order_is_kept(overflow: Overflow) -> None:
    """First in, first out, whatever the policy."""
    box = await _begun(overflow, 100)
    for number in range(100):
        box.put(f"{number:03}")
    assert await _drain(box) == [f"{number:03}" for number in range(100)]
    assert box.dropped == 0


async def test_the_oldest_goes_and_is_counted() -> None:
    """drop_oldest keeps the newest; one message tells that an overflow began."""
    told: list[object] = []
    box = await _begun("drop_oldest", 3, told)
    for item in "abcdef":
        box.put(item)
    assert (box.dropped, told) == (3, [1])
    assert await _drain(box) == ["d", "e", "f"]
    for item in "ghijk":
        box.put(item)
    assert (box.dropped, len(told)) == (5, 2)


async def test_latest_keeps_one_per_key() -> None:
    """Only the newest of each topic and symbol is kept, in order of arrival; the others are counted."""
    box = await _begun("latest", 3)
    for item in ("a1", "b1", "a2", "c1", "a3"):
        box.put(item)
    assert len(box) == 3
    assert await _drain(box) == ["b1", "c1", "a3"]
    assert box.dropped == 2


async def test_latest_is_bounded_too() -> None:
    """More keys than queue_size: the oldest key goes."""
    box = await _begun("latest", 2)
    for item in ("a", "b", "c"):
        box.put(item)
    assert await _drain(box) == ["b", "c"]
    assert box.dropped == 1


async def test_raise_tells_after_what_was_queued_and_before_what_comes_later() -> None:
    """The consumer sees an unbroken row, then SlowConsumer with the exact loss, then goes on."""
    box = await _begun("raise", 3)
    for item in "abcde":
        box.put(item)
    assert await box.get() == "a"
    box.put("f")  # there is room again, but the loss before it is not told yet
    assert await _drain(box) == ["b", "c"]
    with pytest.raises(SlowConsumer) as caught:
        await box.get()
    assert caught.value.dropped == box.dropped == 3
    box.put("g")
    assert await box.get() == "g"


@pytest.mark.parametrize("overflow", ["block", "drop_oldest"])
async def test_nobody_is_slow_before_the_first_take(overflow: Overflow) -> None:
    """Until the consumer begins, the newest updates are kept and nothing is raised; ``block`` tells, for it promises
    that nothing is lost."""
    told: list[object] = []
    box = _box(overflow, 2, told)
    for item in "abcd":
        box.put(item)
    assert not box.full
    assert await _drain(box) == ["c", "d"]
    assert (box.dropped, len(told)) == (2, int(overflow == "block"))
    box.put("e")
    assert await box.get() == "e"


async def test_raise_says_what_was_lost_before_the_first_take() -> None:
    """An iteration that begins late learns first that updates are missing, then gets the newest."""
    told: list[object] = []
    box = _box("raise", 2, told)
    for item in "abcd":
        box.put(item)
    with pytest.raises(SlowConsumer) as caught:
        await box.get()
    assert caught.value.dropped == 2
    assert not told
    assert await _drain(box) == ["c", "d"]


async def test_block_makes_the_reader_wait_and_loses_nothing() -> None:
    """A full queue holds the reader until half of it is free; what the frame still holds is kept."""
    box = await _begun("block", 4)
    for item in "abcdef":
        box.put(item)
    assert box.full
    readers = asyncio.Event(), asyncio.Event()  # two sockets may feed one consumer
    for reader in readers:
        box.tell_room(reader)
    taken = [await box.get() for _ in range(3)]
    assert not any(reader.is_set() for reader in readers)
    taken.append(await box.get())
    assert all(reader.is_set() for reader in readers)
    taken += await _drain(box)
    assert taken == list("abcdef")
    assert box.dropped == 0


async def test_a_queue_that_fills_up_asks_for_a_turn_and_a_full_one_does_not() -> None:
    """Above half the reader should let the consumer run; once updates are lost it would be in vain."""
    pressure = Pressure()
    box: Mailbox[str] = Mailbox("drop_oldest", 4, key=str, told=lambda _: None, pressure=pressure)
    asked: list[bool] = []
    for item in "abcdef":
        pressure.high = False
        box.put(item)
        asked.append(pressure.high)
    assert asked == [False, False, True, True, False, False]


async def test_closing_frees_a_waiting_reader_and_a_waiting_consumer() -> None:
    """Nobody waits for a mailbox that is closed."""
    box = await _begun("block", 1)
    consumer = asyncio.ensure_future(box.get())
    await asyncio.sleep(0)
    box.close()
    with pytest.raises(StopAsyncIteration):
        await consumer
    full = await _begun("block", 1)
    full.put("a")
    reader = asyncio.Event()
    full.tell_room(reader)
    assert not reader.is_set()
    full.close()
    assert reader.is_set()
    assert await full.get() == "a"


async def test_an_error_comes_once_and_last() -> None:
    """What is queued, then the error that ended it, then the end."""
    box = await _begun("drop_oldest")
    box.put("a")
    box.close(ValueError("gone"))
    box.put("late")
    assert await box.get() == "a"
    with pytest.raises(ValueError, match="gone"):
        await box.get()
    with pytest.raises(StopAsyncIteration):
        await box.get()


async def test_two_iterators_of_one_mailbox_are_refused() -> None:
    """Updates would be torn apart between them."""
    box = _box("drop_oldest")
    first = asyncio.ensure_future(box.get())
    await asyncio.sleep(0)
    with pytest.raises(ParameterError, match="another task"):
        await box.get()
    box.put("a")
    assert await first == "a"


@pytest.mark.parametrize(
    ("overflow", "size"), [("explode", 5), ("block", 0), ("block", True), ("latest", -1)]
)
def test_a_policy_that_does_not_exist_is_refused(overflow: str, size: int) -> None:
    """Before anything is subscribed."""
    with pytest.raises(ParameterError):
        check_overflow(overflow, size)


async def test_who_is_slow_all_the_time_is_told_once() -> None:
    """An episode ends when the queue has emptied, not with each update that is taken."""
    told: list[Mailbox[int]] = []
    policies: tuple[Overflow, ...] = ("drop_oldest", "latest")
    for policy in policies:
        box: Mailbox[int] = Mailbox(policy, 3, key=lambda item: item, told=told.append)
        box.put(0)
        await box.get()
        told.clear()
        for number in range(100):
            box.put(number)
            box.put(number + 1000)
            await box.get()
        assert len(told) == 1
        while len(box):
            await box.get()
        for number in range(5):
            box.put(number)
        assert len(told) == 2


async def test_a_note_is_raised_once_and_nothing_is_lost() -> None:
    """Queued updates follow it; of an error that turns out to be the end only the end is raised."""
    box: Mailbox[int] = Mailbox("drop_oldest", 10, key=lambda item: item, told=lambda _: None)
    box.put(1)
    assert await box.get() == 1
    first, last = ValueError("a"), ValueError("b")
    box.put(2)
    box.note(first)
    box.note(first)
    box.note(last)
    with pytest.raises(ValueError, match="a"):
        await box.get()
    box.close(last)
    assert await box.get() == 2
    with pytest.raises(ValueError, match="b"):
        await box.get()
    with pytest.raises(StopAsyncIteration):
        await box.get()
