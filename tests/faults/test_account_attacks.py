"""What a hostile exchange, a hostile handler and odd ids do to the account tracker and the switch."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async import Market
from bitmart_async.account.changes import AccountGap, AccountState, Filled, Resynced
from bitmart_async.account.tracker import AccountTracker
from tests.account.world import FUTURES, SPOT, world
from tests.scripted_ws import until

if TYPE_CHECKING:
    from bitmart_async.websocket.health import ConnectionHealth


async def test_a_handler_that_lets_a_cancellation_out_costs_no_change_and_no_check() -> None:
    """It is a handler that raises: the other changes are told, and REST is still read."""
    async with world(futures=None) as w:
        told: list[object] = []

        def bad(change: object) -> None:
            told.append(change)
            raise asyncio.CancelledError

        w.tracker.on_change(bad)
        begun = len(w.notes.changes)
        w.doubt(Market.SPOT)
        await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")
        await w.settle()
        w.doubt(Market.SPOT)
        await w.settle()
        assert told == w.notes.changes[begun:]
        assert len([change for change in told if isinstance(change, Resynced)]) >= 2


@pytest.mark.parametrize("how", ["unsubscribed", "refused"])
async def test_a_tracker_that_lost_a_topic_is_never_live(how: str) -> None:
    """Taken away by the program or refused after a reconnect: OFFLINE, told as a gap, for REST alone sees
    an account only once a minute."""
    async with world(futures=None) as w:
        topic = "spot/user/orders:ALL_SYMBOLS"

        def connection() -> ConnectionHealth:
            return w.ws.health().connection("spot_private")

        if how == "unsubscribed":
            await w.ws.unsubscribe(topic)
        else:
            w.sandbox.faults.refuse_topic(topic)
            await w.sandbox.faults.cut("spot_private")
            await until(lambda: any(one.refused for one in connection().topics))
        await until(lambda: w.tracker.state is AccountState.OFFLINE)
        assert len(w.notes.of(AccountGap)) == 1
        before = connection().generation
        await w.sandbox.faults.cut("spot_private")
        await until(lambda: connection().generation == before + 1)
        await until(lambda: connection().state == "live")
        await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")
        side = w.tracker._sides[Market.SPOT]
        side.account.due = 0.0
        side.looks.stir()
        await until(lambda: w.notes.of(Filled))
        assert w.tracker.state is AccountState.OFFLINE
        assert len(w.notes.of(AccountGap)) == 1


async def test_a_push_with_numbers_beyond_all_bounds_is_a_gap() -> None:
    """What cannot be reckoned with was missed: told as a gap, and REST is asked."""
    async with world(futures=None) as w:
        spoiled: list[Any] = []

        def spoil(topic: str, frame: Any, send: Any) -> None:
            if "orders" in topic:
                spoiled.append(frame)
                rows = [
                    {**row, "filled_size": "1e-999999", "filled_notional": "1e999999"}
                    for row in frame["data"]
                ]
                frame = {**frame, "data": rows}
            send(frame)

        w.frames.meddle = spoil
        await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")
        await until(lambda: spoiled)
        w.frames.meddle = None
        await w.settle(5)
        assert w.notes.of(AccountGap)
        w.notes.announced()


async def test_an_id_that_both_markets_know_is_told_apart() -> None:
    """The same own id on spot and futures: market= or the symbol says which is meant."""
    async with world() as w:
        await w.rest.submit_spot_order_v2(
            SPOT, side="sell", type="market", size="0.01", client_order_id="twin1"
        )
        await w.futures.submit_futures_order(
            FUTURES, side=1, type="limit", size=2, price="50000", client_order_id="twin1"
        )
        await w.settle()
        spot = await w.tracker.order("twin1", market=Market.SPOT).filled(timeout=5)
        assert (spot.market, spot.filled) == (Market.SPOT, Decimal("0.01"))
        contract = w.tracker.order("twin1", market=Market.FUTURES)
        with pytest.raises(TimeoutError):
            await contract.filled(timeout=0.05)
        assert contract.order is not None
        assert contract.order.market is Market.FUTURES
        by_symbol = w.tracker.order("twin1", symbol=FUTURES).order
        assert by_symbol is not None
        assert by_symbol.market is Market.FUTURES


@pytest.mark.parametrize("name", ["gap", "stale"])
async def test_T2_T17_a_gap_or_silence_of_a_private_topic_is_reconciled(name: str) -> None:
    """The stream says that updates may be missing: REST is read, and what was missed is told."""
    async with world(futures=None) as w:
        w.frames.meddle = lambda topic, frame, send: None
        await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")
        w.frames.meddle = None
        connection = w.ws._pool.holding("spot/user/orders:ALL_SYMBOLS")
        assert connection is not None
        connection._standing.emit(name, topics=("spot/user/orders:ALL_SYMBOLS",))
        await w.settle()
        assert len(w.notes.of(AccountGap)) == 1
        w.notes.announced()


@pytest.mark.parametrize("ahead_ms", [600_000, -600_000])
async def test_C1_a_clock_found_wrong_during_a_look_spoils_no_window(ahead_ms: int) -> None:
    """Ten minutes off, as after a sleep: the look that finds it out is made again, so that what it proves
    reaches to now and no further, and an order outside the first window is told."""
    async with world(futures=None) as w:
        w.frames.meddle = lambda topic, frame, send: None
        await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")
        w.frames.meddle = None
        w.rest.clock.offset_ms += ahead_ms
        w.doubt(Market.SPOT)
        await w.settle()
        through_ms = w.tracker._sides[Market.SPOT].account.through_ms
        assert through_ms is not None
        assert abs(through_ms - w.rest.clock.now_ms()) < 5000
        assert abs(w.rest.clock.offset_ms) < 5000


async def test_L4_trackers_that_come_and_go_leave_no_listener_behind() -> None:
    """One client, many trackers after each other: it is listened to once."""
    async with world(futures=None) as w:
        before = {name: len(listeners) for name, listeners in w.ws._listeners._by_name.items()}
        for _ in range(3):
            async with AccountTracker(ws=w.ws, rest=w.rest) as tracker:
                await tracker.ready(timeout=10)
        assert {name: len(listeners) for name, listeners in w.ws._listeners._by_name.items()} == before
        await w.sandbox.faults.cut("spot_private")
        await until(lambda: w.tracker.state is not AccountState.LIVE)
        await w.settle()
