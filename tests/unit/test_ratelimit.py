"""Windows, gates and bans: first come first served, believed headers, nothing leaks away."""

from __future__ import annotations

import asyncio

import pytest

from bitmart_async.errors import Fate, IpBanned
from bitmart_async.ratelimit import (
    BAN_SECONDS,
    Gate,
    Quota,
    RateLimits,
    RateLimitState,
    Scope,
    Window,
)
from tests.fast_time import virtual_time

HOST = "h:1"


def state(used: int, limit: int = 10, window: float = 2.0) -> RateLimitState:
    return RateLimitState(used, limit, window, "IP")


def headers(used: object = 3, limit: object = 12, reset: object = 2) -> dict[str, str]:
    return {
        "X-BM-RateLimit-Remaining": str(used),
        "X-BM-RateLimit-Limit": str(limit),
        "X-BM-RateLimit-Reset": str(reset),
    }


def test_headers_are_read_in_their_odd_sense() -> None:
    """Remaining counts calls used, Reset is the window's length."""
    assert RateLimitState.of({**headers(3, 12, "2"), "X-BM-RateLimit-Mode": "IP"}) == RateLimitState(
        3, 12, 2.0, "IP"
    )
    assert RateLimitState.of(headers(3, 12, "0.5")) == RateLimitState(3, 12, 0.5, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        headers(used="x"),
        headers(limit=""),
        headers(reset="soon"),
        headers(reset="nan"),
        headers(reset="inf"),
        headers(reset=0),
        headers(reset=-2),
        headers(limit=0),
        headers(limit=-1),
        headers(used=-1),
        headers(reset=1_790_000_000),
        headers(reset=1_790_000_000_000),
    ],
)
def test_headers_without_sense_are_ignored(wrong: dict[str, str]) -> None:
    """A moment in time, NaN or nothing in Reset must not close a window for good."""
    assert RateLimitState.of(wrong) is None


def test_a_window_fills_and_frees() -> None:
    """A place comes back ``per`` after the answer, an unsent call's at once."""
    window = Window(2, 2.0)
    window.take()
    window.take()
    assert window.delay(0.0) is None  # both under way: nobody can tell
    window.give_back(1.0)
    assert window.delay(1.0) == 2.0
    window.give_back(1.5, sent=False)
    assert window.delay(1.5) == 0.0
    assert window.used(2.9) == 1
    assert window.used(3.0) == 0


def test_R5_a_pause_closes_the_window() -> None:
    """Until then nothing passes, room or not; a shorter pause does not shorten it."""
    window = Window(5, 2.0)
    window.pause(10.0)
    window.pause(4.0)
    assert window.delay(3.0) == 7.0
    assert window.paused_for(3.0) == 7.0
    assert window.delay(10.0) == 0.0
    assert window.paused_for(11.0) == 0.0


def test_correct_believes_more_use() -> None:
    """Calls of another program with the same key count."""
    window = Window(10, 2.0)
    window.correct(state(used=10), 5.0)
    assert window.used(5.0) == 10
    assert window.delay(5.0) == 2.0


def test_correct_never_believes_less() -> None:
    """Our own calls count whatever the headers say."""
    window = Window(10, 2.0)
    for _ in range(6):
        window.take()
    window.correct(state(used=1), 0.0)
    assert window.used(0.0) == 6


def test_correct_forgets_what_has_left_the_window_first() -> None:
    """Old answers of ours do not stand for somebody else's new calls."""
    window = Window(10, 2.0)
    for _ in range(6):
        window.take()
        window.give_back(0.0)
    window.correct(state(used=6), 5.0)
    assert window.used(5.0) == 6


def test_correct_takes_the_stricter_rate() -> None:
    """A lower limit or a longer window is taken over, a looser one is not."""
    window = Window(40, 2.0)
    window.correct(state(used=0, limit=20), 0.0)
    assert (window.requests, window.per) == (20, 2.0)
    window.correct(state(used=0, limit=60), 0.0)
    assert (window.requests, window.per) == (20, 2.0)
    window.correct(state(used=0, limit=20, window=3.0), 0.0)
    assert (window.requests, window.per) == (20, 3.0)


def test_correct_does_not_compare_different_windows() -> None:
    """100 calls in a minute say nothing about the last 2 seconds: no stall."""
    window = Window(10, 2.0)
    window.correct(state(used=100, limit=600, window=60.0), 0.0)
    assert window.delay(0.0) == 0.0


@virtual_time
async def test_R13_a_gate_is_first_come_first_served() -> None:
    """Callers pass in the order they came, in groups of the quota, a window apart."""
    gate, loop = Gate(Window(3, 2.0)), asyncio.get_running_loop()
    passed: list[tuple[int, float]] = []
    began = loop.time()

    async def caller(number: int) -> None:
        await gate.enter()
        passed.append((number, round(loop.time() - began)))
        gate.leave()

    async with asyncio.TaskGroup() as group:
        for number in range(9):
            group.create_task(caller(number))
    assert passed == [(number, 2 * (number // 3)) for number in range(9)]


@virtual_time
async def test_a_newcomer_never_overtakes_the_queue() -> None:
    """Even when a place is free at the moment it comes."""
    gate = Gate(Window(1, 2.0))
    order: list[str] = []

    async def caller(name: str) -> None:
        await gate.enter()
        order.append(name)
        await asyncio.sleep(1)
        gate.leave()

    async with asyncio.TaskGroup() as group:
        group.create_task(caller("first"))
        await asyncio.sleep(0)
        group.create_task(caller("second"))
        await asyncio.sleep(3)  # the place of the first is free at this very moment
        group.create_task(caller("third"))
    assert order == ["first", "second", "third"]


@virtual_time
@pytest.mark.parametrize("victim", [0, 1, 2, 3])
async def test_a_cancelled_waiter_gives_its_place_back(victim: int) -> None:
    """Whoever leaves the queue, the others pass as if he had never come."""
    gate = Gate(Window(1, 2.0))
    passed: list[int] = []

    async def caller(number: int) -> None:
        await gate.enter()
        passed.append(number)
        gate.leave()

    tasks = [asyncio.create_task(caller(number)) for number in range(4)]
    await asyncio.sleep(0)
    tasks[victim].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert passed == [number for number in range(4) if number != victim or number == 0]
    assert gate.waiting == 0


@virtual_time
async def test_a_place_granted_to_a_leaving_caller_goes_on() -> None:
    """Cancelled between the grant and its first step: the place is free at once for the next."""
    gate = Gate(Window(1, 2.0))
    await gate.enter()
    leaving, staying = asyncio.create_task(gate.enter()), asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    gate.leave(sent=False)  # grants the place to the first of the two
    leaving.cancel()
    await asyncio.gather(leaving, staying, return_exceptions=True)
    assert leaving.cancelled()
    assert staying.done()
    assert gate.window.used(asyncio.get_running_loop().time()) == 1
    gate.leave()


@virtual_time
async def test_a_cancel_in_the_turn_of_the_grant_is_a_cancel() -> None:
    """The queue may drop a cancelled caller before that one runs: it sees CancelledError, nothing else."""
    gate = Gate(Window(1, 2.0))
    await gate.enter()
    leaving = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    leaving.cancel()
    gate.leave(sent=False)
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert gate.waiting == 0
    assert gate.window.used(asyncio.get_running_loop().time()) == 0


@virtual_time
async def test_R5_waiters_pass_after_a_pause_in_order() -> None:
    """Nobody passes in the pause, all do after it."""
    gate, loop = Gate(Window(5, 1.0)), asyncio.get_running_loop()
    began = loop.time()
    gate.window.pause(began + 4.0)
    passed: list[tuple[int, float]] = []

    async def caller(number: int) -> None:
        await gate.enter()
        passed.append((number, round(loop.time() - began, 3)))
        gate.leave()

    await asyncio.gather(*(caller(number) for number in range(5)))
    assert passed == [(number, 4.0) for number in range(5)]


async def test_who_shares_a_gate() -> None:
    """IP windows are shared by all keys, KEY and UID windows by one key, endpoints and hosts by nobody."""
    limits = RateLimits()
    ip, key, uid = Quota(1), Quota(1, scope=Scope.KEY), Quota(1, scope=Scope.UID)
    assert limits.gate("GET /a", ip, host=HOST, key="k1") is limits.gate("GET /a", ip, host=HOST, key="k2")
    for quota in (key, uid):
        name = f"GET /{quota.scope.value}"
        assert limits.gate(name, quota, host=HOST, key="k1") is limits.gate(name, quota, host=HOST, key="k1")
        assert limits.gate(name, quota, host=HOST, key="k1") is not limits.gate(
            name, quota, host=HOST, key="k2"
        )
    assert limits.gate("GET /a", ip, host=HOST, key="") is not limits.gate("GET /b", ip, host=HOST, key="")
    assert limits.gate("GET /a", ip, host=HOST, key="") is not limits.gate("GET /a", ip, host="h:2", key="")


async def test_the_default_quota_is_for_the_unknown() -> None:
    """8 per 2 s when nobody knows, or what the user says."""
    window = RateLimits().gate("GET /x", None, host=HOST, key="").window
    assert (window.requests, window.per) == (8, 2.0)
    limits = RateLimits(default=Quota(3, 1))
    window = limits.gate("GET /x", None, host=HOST, key="").window
    assert (window.requests, window.per) == (3, 1)
    assert limits.gate("GET /x", None, host=HOST, key="k1") is not limits.gate(
        "GET /x", None, host=HOST, key="k2"
    )


@virtual_time
async def test_R6_a_ban_holds_its_time_for_its_host() -> None:
    """Inside it every call is refused unsent with the seconds left; another host is not concerned."""
    limits = RateLimits()
    limits.ban(HOST)
    limits.ban(HOST, 5.0)  # a shorter one does not shorten it
    await asyncio.sleep(BAN_SECONDS - 10)
    with pytest.raises(IpBanned) as caught:
        limits.check_ban(HOST, "GET /a")
    assert caught.value.retry_after == pytest.approx(10)
    assert (caught.value.fate, caught.value.http_status, caught.value.endpoint) == (
        Fate.NOT_SENT,
        418,
        "GET /a",
    )
    limits.check_ban("other", "GET /a")
    await asyncio.sleep(11)
    limits.check_ban(HOST, "GET /a")


@virtual_time
async def test_use_tells_how_full_the_windows_are() -> None:
    """Used, limit, length, queue and pause by name."""
    limits = RateLimits()
    gate = limits.gate("GET /a", Quota(2), host=HOST, key="")
    await gate.enter()
    gate.window.pause(asyncio.get_running_loop().time() + 3)
    waiter = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    use = limits.use()[f"{HOST} GET /a"]
    assert (use.used, use.limit, use.per, use.waiting, round(use.paused_for, 6)) == (1, 2, 2.0, 1, 3.0)
    await waiter
    gate.leave()
    gate.leave()
