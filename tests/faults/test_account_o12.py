"""O12: the program dies with live orders."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async import FuturesClientV2
from bitmart_async.errors import ApiError, OutcomeUnknown, ParameterError, TransportError
from bitmart_async.rest.dead_mans_switch import DeadMansSwitch, SwitchState
from bitmart_async.sandbox import Sandbox
from tests.ports import ports_of
from tests.scripted_ws import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATH = "/contract/private/cancel-all-after"
_LIMIT: dict[str, Any] = {"side": 1, "type": "limit", "size": 1, "price": "50000"}

_BOT = """
import asyncio, json, sys
from bitmart_async import Credentials, FuturesClientV2, local

async def main():
    told = json.loads(sys.argv[1])
    futures = FuturesClientV2(environment=local(**told["ports"]), credentials=Credentials(**told["keys"]))
    async with futures, futures.dead_mans_switch("BTCUSDT", timeout=5):
        for _ in range(3):
            await futures.submit_futures_order("BTCUSDT", side=1, type="limit", size=1, price="50000")
        print("live", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def _world() -> AsyncIterator[tuple[Sandbox, FuturesClientV2]]:
    async with Sandbox(lively=False) as sandbox, FuturesClientV2(**sandbox.client_options) as futures:
        yield sandbox, futures


def _timeouts(sandbox: Sandbox) -> list[int]:
    return [int(json.loads(request.body)["timeout"]) for request in sandbox.journal.requests(PATH)]


async def _break_inside(switch: DeadMansSwitch, futures: FuturesClientV2) -> None:
    async with switch:
        await futures.submit_futures_order("BTCUSDT", **_LIMIT)
        raise ZeroDivisionError


async def test_O12_a_killed_program_leaves_no_order() -> None:
    """SIGKILL with three live orders: they live on, and are gone five seconds later by the exchange's clock."""
    async with Sandbox(lively=False) as sandbox:
        told = json.dumps({"ports": ports_of(sandbox), "keys": dict(sandbox.keys)})
        bot = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _BOT, told, stdout=asyncio.subprocess.PIPE
        )
        assert bot.stdout is not None
        assert await asyncio.wait_for(bot.stdout.readline(), 30) == b"live\n"
        await until(lambda: len(_timeouts(sandbox)) >= 2, 10)  # refreshed once
        assert len(sandbox.account().open_orders) == 3
        os.kill(bot.pid, signal.SIGKILL)
        await bot.wait()
        sandbox.faults.skew(3_000)  # the last refresh is less than two seconds old
        await asyncio.sleep(0.15)  # beats of the exchange, which does then what is due
        assert len(sandbox.account().open_orders) == 3
        sandbox.faults.skew(5_000)
        await until(lambda: not sandbox.account().open_orders)
        bot._transport.close()  # type: ignore[attr-defined]  # the pipe of a killed child


async def test_O12_a_clean_end_takes_it_off_and_leaves_the_orders() -> None:
    """The last call says 0; no order is touched."""
    async with _world() as (sandbox, futures):
        async with futures.dead_mans_switch("BTCUSDT", timeout=5) as switch:
            await futures.submit_futures_order("BTCUSDT", **_LIMIT)
            assert switch.state is SwitchState.ARMED
            assert switch.guarding
        assert (switch.state, switch.guarding) == (SwitchState.OFF, False)
        assert _timeouts(sandbox) == [5, 0]
        sandbox.faults.skew(10_000)
        await asyncio.sleep(0.15)  # two beats of the sandbox: a timer that was left would have fired
        assert len(sandbox.account().open_orders) == 1


@pytest.mark.parametrize("on_error", ["leave", "cancel"])
async def test_O12_an_end_by_error_leaves_it_armed(on_error: Any) -> None:
    """After an exception the timer runs out, and the orders go; with "cancel" they go at once."""
    async with _world() as (sandbox, futures):
        switch = futures.dead_mans_switch("BTCUSDT", timeout=5, on_error=on_error)
        with pytest.raises(ZeroDivisionError):
            await _break_inside(switch, futures)
        assert switch.state is SwitchState.LEFT
        assert _timeouts(sandbox) == [5]
        assert len(sandbox.account().open_orders) == (1 if on_error == "leave" else 0)
        sandbox.faults.skew(5_500)
        await until(lambda: not sandbox.account().open_orders)


async def test_O12_a_switch_that_cannot_be_armed_raises() -> None:
    """A refusal is raised on entry, before any order could rely on the switch; nonsense is not sent."""
    async with _world() as (sandbox, futures):
        with pytest.raises(ApiError):
            await futures.dead_mans_switch("NOSUCHUSDT", timeout=5).__aenter__()
        for bad in ({"timeout": 4}, {"timeout": 5.5}, {"on_error": "ignore"}):
            with pytest.raises(ParameterError):
                futures.dead_mans_switch("BTCUSDT", **bad)  # type: ignore[arg-type]
        with pytest.raises(ParameterError):
            futures.dead_mans_switch([])
        assert len(sandbox.journal.requests(PATH)) == 1


async def test_O12_a_switch_that_cannot_be_taken_off_raises() -> None:
    """The orders will be cancelled although the block ended well: the program is told."""
    async with _world() as (sandbox, futures):
        switch = futures.dead_mans_switch("BTCUSDT", timeout=5)
        with pytest.raises((OutcomeUnknown, TransportError)):
            async with switch:
                sandbox.faults.drop_answer(PATH, times=1_000, after=False)
        assert switch.state is SwitchState.LEFT
