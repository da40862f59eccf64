"""The exchange's time: measured, never guessed, never padded."""

from __future__ import annotations

import pytest

from bitmart_async.clock import ROUNDS, Clock
from bitmart_async.errors import TransportError


class World:
    """A wall clock that can step, a monotonic one that cannot, and an exchange with its own time."""

    def __init__(self, *, ahead_ms: float = 0.0) -> None:
        self.wall = 1_700_000_000.0
        self.mono = 5_000.0
        self.ahead_ms = ahead_ms
        self.trips: list[tuple[float, float]] = []
        """Seconds there and back of each coming round trip."""

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.mono)

    async def server_time(self) -> int:
        there, back = self.trips.pop(0)
        self.pass_time(there)
        theirs = round(self.wall * 1000 + self.ahead_ms)
        self.pass_time(back)
        return theirs


def test_C3_a_step_of_the_wall_clock_moves_nothing() -> None:
    """The wall is read once; afterwards only the monotonic clock counts."""
    world = World()
    clock = world.clock()
    before, timer = clock.now_ms(), clock.monotonic()
    world.wall -= 5.0
    world.mono += 2.0
    assert clock.now_ms() == before + 2000
    assert clock.monotonic() == timer + 2.0


async def test_C2_the_fastest_round_trip_counts() -> None:
    """One lopsided trip of 0.9 s among five does not spoil the offset; its error is below half the best."""
    world = World(ahead_ms=-90_000)
    world.trips = [(0.9, 0.0), (0.3, 0.1), (0.02, 0.02), (0.0, 0.5), (0.2, 0.2)]
    clock = world.clock()
    offset = await clock.sync(world.server_time)
    assert offset == clock.offset_ms == pytest.approx(-90_000, abs=1)
    assert clock.round_trip_ms == pytest.approx(40, abs=0.01)
    assert clock.now_ms() == pytest.approx(world.wall * 1000 - 90_000, abs=2)


@pytest.mark.parametrize("lopsided", [(0.06, 0.0), (0.0, 0.06)])
async def test_C2_the_error_is_at_most_half_the_round_trip(lopsided: tuple[float, float]) -> None:
    """Even when the whole delay is on one side."""
    world = World(ahead_ms=1_234)
    world.trips = [lopsided] * ROUNDS
    assert abs(await world.clock().sync(world.server_time) - 1_234) <= 30.5


async def test_C2_slow_round_trips_are_rejected() -> None:
    """Trips above one second say too little: the old offset stays and the error says what happened."""
    world = World(ahead_ms=700)
    clock = world.clock()
    world.trips = [(0.01, 0.01)] * ROUNDS
    await clock.sync(world.server_time)
    kept = clock.offset_ms
    world.ahead_ms = 9_000
    world.trips = [(1.0, 0.5)] * ROUNDS
    with pytest.raises(TransportError, match="longer than 1 s"):
        await clock.sync(world.server_time)
    assert clock.offset_ms == kept


async def test_C1_the_timestamp_is_never_padded() -> None:
    """After a sync the clock shows the exchange's time, not a moment later: a fast clock is refused too."""
    world = World(ahead_ms=0)
    clock = world.clock()
    world.trips = [(0.2, 0.2)] * ROUNDS
    await clock.sync(world.server_time)
    assert world.wall * 1000 - 1 <= clock.now_ms() <= world.wall * 1000 + 1


async def test_a_failed_question_leaves_the_offset() -> None:
    """When the exchange cannot be asked, nothing changes and the error passes."""
    clock = World().clock()

    async def broken() -> int:
        raise TransportError("down")

    with pytest.raises(TransportError, match="down"):
        await clock.sync(broken)
    assert clock.offset_ms == 0.0
    assert clock.round_trip_ms is None


@pytest.mark.parametrize("told", [10**400, -1, 10**15])
async def test_a_time_that_makes_no_sense_moves_nothing(told: int) -> None:
    """What no clock can say is refused, and the old offset stays."""

    async def server_time() -> int:
        return told

    clock = Clock(lambda: 1_700_000_000.0)
    with pytest.raises(TransportError, match="makes no sense"):
        await clock.sync(server_time)
    assert clock.offset_ms == 0
