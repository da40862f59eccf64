"""The dead man's switch over time: refreshes, failures, health. The exchange is a timer under virtual time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from bitmart_async.errors import ConnectionLost, OutcomeUnknown, ParameterError
from bitmart_async.models.futures import CancelAllAfterAck
from bitmart_async.rest.clients import FuturesClientV2
from bitmart_async.rest.dead_mans_switch import DeadMansSwitch, SwitchState
from tests.fast_time import virtual_time


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Timers:
    """The exchange's side: one timer, and a script of failures."""

    failures: list[BaseException | float] = field(default_factory=list)
    """For the next calls: what they raise, or how long they hang."""
    fires: float | None = None
    calls: list[tuple[float, int]] = field(default_factory=list)
    cancelled: int = 0

    async def cancel_all_futures_orders_after(self, symbol: str, *, timeout: int) -> CancelAllAfterAck:
        self.calls.append((_now(), timeout))
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, BaseException):
                raise failure
            await asyncio.sleep(failure)
        self.fires = _now() + timeout if timeout else None
        return CancelAllAfterAck(result=True, set_time=0)

    async def cancel_all_futures_orders(self, symbol: str) -> None:
        self.cancelled += 1


def _switch(timers: Timers, **options: Any) -> DeadMansSwitch:
    given: dict[str, Any] = {
        "timeout": 30,
        "healthy": None,
        "on_change": None,
        "on_error": "leave",
        **options,
    }
    return DeadMansSwitch(timers, ["BTCUSDT"], logger=logging.getLogger("bitmart_async"), **given)


@virtual_time
async def test_O12_a_refresh_every_third_of_the_timeout() -> None:
    """An hour of health: the timer never comes closer than two thirds, with no call more than needed."""
    timers = Timers()
    async with _switch(timers) as switch:
        for _ in range(3600):
            await asyncio.sleep(1)
            assert timers.fires is not None
            assert timers.fires - _now() >= 19.9
            assert switch.state is SwitchState.ARMED
    assert len(timers.calls) == 1 + 360 + 1 or len(timers.calls) == 1 + 359 + 1
    assert timers.fires is None


@virtual_time
async def test_O12_only_a_healthy_program_refreshes() -> None:
    """Unhealthy (or unable to say): no refresh, the user is told, the timer runs out; healthy: armed again."""
    timers, health, heard = Timers(), [True], []

    def healthy() -> bool:
        return health[0] if health else 1 // 0 > 0

    async with _switch(timers, healthy=healthy, on_change=heard.append) as switch:
        await asyncio.sleep(25)
        calls = len(timers.calls)
        health.clear()  # from now on it raises
        await asyncio.sleep(6)
        assert switch.state is SwitchState.HELD
        assert switch.guarding
        await asyncio.sleep(30)
        assert switch.state is SwitchState.EXPIRED
        assert not switch.guarding
        assert timers.fires is not None
        assert timers.fires < _now()
        assert len(timers.calls) == calls
        health.append(True)
        await asyncio.sleep(3)
        assert switch.state is SwitchState.ARMED
    states = [SwitchState.ARMED, SwitchState.HELD, SwitchState.EXPIRED, SwitchState.ARMED, SwitchState.OFF]
    assert heard == states


@virtual_time
async def test_O12_refreshes_that_fail_are_repeated_within_the_timeout() -> None:
    """Errors and answers that never come: tried again soon, told as FAILING, then ARMED; never expired."""
    timers, heard = Timers(), []
    async with _switch(timers, on_change=heard.append) as switch:
        timers.failures = [OutcomeUnknown("lost"), 3600.0, ConnectionLost("reset"), RuntimeError("a bug")]
        await asyncio.sleep(12)
        assert switch.state is SwitchState.FAILING
        await asyncio.sleep(30)
        assert switch.state is SwitchState.ARMED
        assert switch.last_error is None
    assert heard == [SwitchState.ARMED, SwitchState.FAILING, SwitchState.ARMED, SwitchState.OFF]


@virtual_time
async def test_O12_it_says_when_it_can_guarantee_nothing() -> None:
    """No confirmed refresh for a timeout: EXPIRED on time with the reason, whatever hangs; then armed again."""
    timers, heard = Timers(), []
    async with _switch(timers, on_change=lambda state: heard.append((state, _now()))) as switch:
        began = _now()
        timers.failures = [3600.0] * 20
        await asyncio.sleep(31)
        assert switch.state is SwitchState.EXPIRED
        assert heard[-1][0] is SwitchState.EXPIRED
        assert heard[-1][1] - began <= 30.1
        assert isinstance(switch.last_error, TimeoutError)
        timers.failures.clear()
        await asyncio.sleep(20)
        assert switch.state is SwitchState.ARMED


@virtual_time
async def test_O12_a_refresh_under_way_never_outlives_the_disarm() -> None:
    """A clean end waits for the refresh that is being sent: it must not arm the timer after the disarm."""
    timers = Timers()
    async with _switch(timers) as switch:
        timers.failures = [5.0]
        await asyncio.sleep(11)  # a refresh hangs
    assert switch.state is SwitchState.OFF
    assert [timeout for _, timeout in timers.calls] == [30, 30, 0]
    assert timers.calls[-1][0] - timers.calls[-2][0] >= 5.0
    assert timers.fires is None


@virtual_time
async def test_O12_a_cancellation_let_out_by_the_program_does_not_end_the_refreshing() -> None:
    """By healthy=, on_change= or a refresh: not healthy, told, or a failure; and refreshed again afterwards."""
    timers, health, heard = Timers(), [True], []

    def healthy() -> bool:
        if not health[0]:
            raise asyncio.CancelledError
        return True

    def on_change(state: SwitchState) -> None:
        heard.append(state)
        raise asyncio.CancelledError

    async with _switch(timers, healthy=healthy, on_change=on_change) as switch:
        timers.failures = [asyncio.CancelledError()]
        await asyncio.sleep(15)
        assert switch.state is SwitchState.ARMED
        health[0] = False
        await asyncio.sleep(15)
        assert switch.state is SwitchState.HELD
        health[0] = True
        await asyncio.sleep(5)
        assert switch.state is SwitchState.ARMED
    states = [SwitchState.ARMED, SwitchState.FAILING, SwitchState.ARMED, SwitchState.HELD, SwitchState.ARMED]
    assert heard == [*states, SwitchState.OFF]


@virtual_time
async def test_O12_a_coroutine_is_no_health() -> None:
    """healthy=lambda: check() of an async check: an object that is true says nothing, so the timer runs out."""

    async def check() -> bool:
        return False

    timers = Timers()
    async with _switch(timers, healthy=lambda: check()) as switch:
        await asyncio.sleep(15)
        assert switch.state is SwitchState.HELD
        await asyncio.sleep(20)
        assert switch.state is SwitchState.EXPIRED


@pytest.mark.parametrize("name", ["healthy", "on_change"])
async def test_O12_async_functions_are_refused(name: str) -> None:
    """They would never run: an async healthy= would be true for ever."""

    async def never() -> bool:
        return False

    async with FuturesClientV2() as futures:
        with pytest.raises(ParameterError, match=name):
            futures.dead_mans_switch("BTCUSDT", **{name: never})
