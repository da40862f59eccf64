"""P: the account's state, against a sandbox whose private pushes are lost, repeated, late and strange."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import random
import signal
import sys
from typing import TYPE_CHECKING, Any

from bitmart_async import FuturesClientV2, Market, RestClient
from bitmart_async.account.changes import (
    AccountGap,
    AccountState,
    Filled,
    OrderChanged,
    Resynced,
    ResyncFailed,
    UnknownState,
)
from bitmart_async.account.views import OrderStatus
from bitmart_async.sandbox import Sandbox
from tests.account.world import FUTURES, SPOT, World, status_of, world
from tests.fast_time import fast_time
from tests.ports import ports_of
from tests.scripted_ws import until

if TYPE_CHECKING:
    from collections.abc import Callable

_SPOT_PATHS = ("/spot/v4/query/open-orders", "/spot/v4/query/trades")
_FUTURES_PATHS = ("/contract/private/get-open-orders", "/contract/private/trades")


async def _outage(w: World) -> None:
    """Cut the private sockets; whatever happens until they are back is never pushed."""
    w.frames.meddle = lambda topic, frame, send: None
    await w.sandbox.faults.cut("spot_private")
    await w.sandbox.faults.cut("futures_private")
    await until(lambda: w.tracker.state is not AccountState.LIVE)


async def test_P1_what_happened_during_an_outage_is_found_and_told_once() -> None:
    """Gap, then every missed event marked reconciled, then Resynced; the open orders are the true ones."""
    async with world() as w:
        cancelled, filled = await w.limit("49000"), await w.limit("55000")
        contract = await w.contract("49000")
        await w.trade()
        await w.settle()
        begun = len(w.notes.changes)
        await _outage(w)
        assert w.tracker.state in (AccountState.OFFLINE, AccountState.RESYNCING)
        await w.rest.cancel_spot_order_v3(SPOT, order_id=cancelled)
        await w.futures.cancel_futures_order(FUTURES, order_id=contract)
        w.sandbox.tick(SPOT, "54000.00")
        await w.trade()
        short_lived = await w.limit("40000")
        await w.rest.cancel_spot_order_v3(SPOT, order_id=short_lived)
        still_open = await w.contract("41000")
        w.frames.meddle = None
        await w.settle()
        missed = w.notes.changes[begun:]
        for market in Market:
            kinds = [type(change) for change in missed if change.market is market]
            assert kinds[0] is AccountGap
            assert kinds[-1] is Resynced
        assert all(change.reconciled for change in missed if isinstance(change, Filled | OrderChanged))
        assert filled in {change.fill.order_id for change in missed if isinstance(change, Filled)}
        assert [order.order_id for order in w.tracker.orders] == [still_open]
        assert w.tracker.order(cancelled).status is OrderStatus.CANCELED
        assert w.tracker.order(short_lived).status is OrderStatus.CANCELED
        w.notes.announced()


async def test_P1_a_waiting_program_learns_of_what_it_missed() -> None:
    """filled() returns although the fill happened while nothing was connected."""
    async with world() as w:
        order_id = await w.limit("55000")
        waiting = asyncio.create_task(w.tracker.order(order_id).filled(timeout=10))
        await w.settle()
        await _outage(w)
        w.sandbox.tick(SPOT, "54000.00")
        w.frames.meddle = None
        assert (await waiting).status is OrderStatus.FILLED


async def test_P2_replays_and_duplicates_change_nothing() -> None:
    """The server repeats its last 50 private frames, in order and shuffled: nothing of it is told."""
    async with world() as w:
        rng = random.Random(2)
        for _ in range(25):
            await w.something(rng)
        await w.settle()
        told = w.notes.of(Filled, OrderChanged, AccountGap)
        last = w.frames.sent[-50:]
        for topic, frame, send in last + rng.sample(last, len(last)):
            if "order" in topic:
                send(frame)
        await w.trade()  # its pushes come behind the replays
        await w.settle()
        after = w.notes.of(Filled, OrderChanged, AccountGap)
        assert after[: len(told)] == told
        new = after[len(told) :]
        assert len([change for change in new if isinstance(change, Filled)]) == 2
        assert not [change for change in new if isinstance(change, AccountGap)]


@fast_time(20)
async def test_P3_frames_lost_on_a_healthy_link_are_found_within_a_minute() -> None:
    """One push in twenty and the last ones of all vanish silently: the check of each minute finds them."""
    patient = {
        "connect_timeout": 60,
        "login_timeout": 60,
        "ack_timeout": 30,
        "ping_interval": 60,
        "pong_timeout": 60,
    }
    async with world(ws_options=patient, reconcile_every=60.0) as w:
        rng = random.Random(3)

        def lossy(topic: str, frame: Any, send: Callable[[Any], None]) -> None:
            if rng.random() > 0.05:
                send(frame)

        w.frames.meddle = lossy
        for _ in range(60):
            await w.something(rng)
        w.frames.meddle = lambda topic, frame, send: None
        await w.trade()
        await w.limit("43210")
        w.frames.meddle = None
        begun = asyncio.get_running_loop().time()
        await w.settle(150)
        assert (
            asyncio.get_running_loop().time() - begun <= 60 + 15
        )  # and what the check itself takes, 20 fold
        w.notes.announced()
        # a jump of the cumulative fill is noticed at once, without waiting for the minute
        size = await w.contract("70000", size=1, side=4)
        await w.settle(150)
        dropped: list[Any] = []

        def without_the_first_fill(topic: str, frame: Any, send: Callable[[Any], None]) -> None:
            if topic == "futures/order" and frame["data"][0]["action"] == 1 and not dropped:
                dropped.append(frame)
            else:
                send(frame)

        w.frames.meddle = without_the_first_fill
        begun = asyncio.get_running_loop().time()
        ack = await w.futures.submit_futures_order(FUTURES, side=4, type="market", size=400)
        await w.settle(150)
        if len([fill for fill in w.sandbox.account().fills if fill.order_id == ack.order_id]) > 1:
            assert asyncio.get_running_loop().time() - begun < 30
        assert size


def _slow(w: World, seconds: float) -> None:
    """REST's news comes late: what it tells was true ``seconds`` before it is believed."""
    for side in w.tracker._sides.values():
        read = side.looks.source.read

        async def late(account: Any, look: Any, read: Any = read) -> None:
            await read(account, look)
            await asyncio.sleep(seconds)

        side.looks.source.read = late  # type: ignore[method-assign]


async def test_P4_older_news_never_moves_a_state_back() -> None:
    """REST answers half a second old, and pushes out of order: filled, state and time only grow."""
    async with world() as w:
        order, contract = await w.limit("55000", "0.03"), await w.contract("55000", 5)
        await w.settle()
        _slow(w, 0.5)
        w.doubt(Market.SPOT)
        w.doubt(Market.FUTURES)
        await until(lambda: len(w.sandbox.journal.requests("/contract/private/position-v2")) >= 2)
        held: list[tuple[Any, Callable[[Any], None]]] = []
        w.frames.meddle = lambda topic, frame, send: (
            held.append((frame, send)) if "order" in topic else send(frame)
        )
        w.sandbox.tick(SPOT, "54000.00")
        w.sandbox.tick(FUTURES, "54000.0")
        await w.trade()
        w.frames.meddle = None
        for frame, send in reversed(held):
            send(frame)
        await w.settle()
        assert w.tracker.order(order).status is OrderStatus.FILLED
        assert w.tracker.order(contract).status is OrderStatus.FILLED


async def test_P5_live_events_while_reconciling_wait_for_it_and_come_once() -> None:
    """Pushes during the REST calls are kept back: first what REST shows, then they, each order in order."""
    async with world() as w:
        await w.limit("49000")
        await w.settle()
        _slow(w, 0.4)
        await _outage(w)
        missed = (await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.01")).order_id
        w.frames.meddle = None
        asked = len(w.sandbox.journal.requests("/spot/v1/wallet"))
        await until(
            lambda: len(w.sandbox.journal.requests("/spot/v1/wallet")) > asked
        )  # read; not yet believed
        await until(lambda: w.sandbox.seen.sockets["spot_private"].open_sessions == 1)
        told = len(w.notes.changes)
        live = (await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")).order_id
        await asyncio.sleep(0.1)
        assert not [change for change in w.notes.changes[told:] if change.market is Market.SPOT]
        await w.settle()
        orders = [change.fill.order_id for change in w.notes.changes[told:] if isinstance(change, Filled)]
        assert orders == [missed, live]
        w.notes.announced()


async def test_P6_a_reconcile_that_fails_is_told_and_repeated() -> None:
    """503 with a page, dropped answers: RESYNCING all the time, ResyncFailed, and pushes still come."""
    async with world() as w:
        await w.settle()
        faults = w.sandbox.faults
        faults.reply(_SPOT_PATHS[0], 503, b"<html>maintenance</html>", times=2)
        faults.drop_answer(_FUTURES_PATHS[1], times=3)
        await _outage(w)
        await w.trade()
        w.frames.meddle = None
        states: set[AccountState] = set()
        while len(w.notes.of(ResyncFailed)) < 2:
            states.add(w.tracker.state)
            await asyncio.sleep(0.01)
        assert AccountState.LIVE not in states
        await w.trade()
        await w.settle(15)
        for market in Market:
            kinds = [type(change) for change in w.notes.changes if change.market is market]
            gap, failed = kinds.index(AccountGap), kinds.index(ResyncFailed)
            assert gap < failed < len(kinds) - 1 - kinds[::-1].index(Resynced)
            assert Resynced not in kinds[gap:failed]
        w.notes.announced()


_CHILD = """
import asyncio, json, os, sys
from bitmart_async import AccountTracker, Credentials, FuturesClientV2, RestClient, WebsocketClient, local

async def main():
    told = json.loads(sys.argv[1])
    where = {"environment": local(**told["ports"]), "credentials": Credentials(**told["keys"])}
    log = os.open(told["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    async with RestClient(**where) as rest, FuturesClientV2(**where) as futures, WebsocketClient(**where) as ws:
        tracker = AccountTracker(
            ws=ws, rest=rest, futures=futures, since=told["since"], futures_symbols=["BTCUSDT"]
        )

        def keep(change):
            row = {"kind": type(change).__name__, "cursor": tracker.cursor()}
            if row["kind"] == "Filled":
                row["fill"] = [change.market.value, change.fill.trade_id, change.fill.order_id]
            if row["kind"] == "OrderChanged":
                order = change.order
                row["order"] = [change.market.value, order.order_id, order.status.value, str(order.filled)]
            os.write(log, (json.dumps(row) + "\\n").encode())

        tracker.on_change(keep)
        async with tracker:
            await tracker.ready()
            os.write(log, (json.dumps({"kind": "ready", "cursor": tracker.cursor()}) + "\\n").encode())
            await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_P7_a_killed_program_goes_on_where_it_was(tmp_path: Any) -> None:
    """SIGKILL at random moments, restarted with the last cursor it saved: every event once over all lives."""
    rng = random.Random(int.from_bytes(os.urandom(4), "big"))
    log = tmp_path / "changes"
    log.touch()

    def rows() -> list[dict[str, Any]]:
        whole = log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        where = sandbox.client_options
        async with RestClient(**where) as rest, FuturesClientV2(**where) as futures:
            hand = World(sandbox, rest, futures, None, None, None, None)  # type: ignore[arg-type]
            since: dict[str, Any] | None = None
            for life in range(3):
                told = {
                    "ports": ports_of(sandbox),
                    "keys": dict(sandbox.keys),
                    "since": since,
                    "log": str(log),
                }
                child = await asyncio.create_subprocess_exec(sys.executable, "-c", _CHILD, json.dumps(told))
                if life == 0:
                    await until(lambda: any(row["kind"] == "ready" for row in rows()), 30)
                else:
                    seen = len(rows())
                    await until(lambda seen=seen: len(rows()) > seen, 30)  # it has begun to tell
                for _ in range(rng.randrange(5, 20)):
                    await hand.something(rng)
                if life < 2:
                    await asyncio.sleep(rng.uniform(0, 0.1))
                    os.kill(child.pid, signal.SIGKILL)
                    await child.wait()
                    for _ in range(5):  # while nobody looks
                        await hand.something(rng)
                    since = rows()[-1]["cursor"]
            truth = sandbox.account()

            def complete() -> bool:
                fills = [tuple(row["fill"]) for row in rows() if row["kind"] == "Filled"]
                last = {tuple(row["order"][:2]): tuple(row["order"][2:]) for row in rows() if "order" in row}
                return sorted(fills) == sorted(
                    (f.market, f.trade_id, f.order_id) for f in truth.fills
                ) and last == {
                    (o.market, o.order_id): (
                        status_of(o).value,
                        last.get((o.market, o.order_id), ("", "x"))[1],
                    )
                    for o in truth.orders
                }

            with contextlib.suppress(TimeoutError):
                await until(complete, 15)
            fills = [tuple(row["fill"]) for row in rows() if row["kind"] == "Filled"]
            assert sorted(fills) == sorted((f.market, f.trade_id, f.order_id) for f in truth.fills)
            assert complete()
            changes = [tuple(row["order"]) for row in rows() if "order" in row]
            assert len(changes) == len(set(changes))
            os.kill(child.pid, signal.SIGKILL)
            await child.wait()


async def test_P8_flapping_starves_nothing() -> None:
    """Cut every 0.2 s: what happens between is found while it still flaps, all of it soon after the calm."""
    async with world() as w:
        rng = random.Random(8)
        known = 0
        for _ in range(12):
            await w.sandbox.faults.cut("spot_private")
            await w.sandbox.faults.cut("futures_private")
            await w.something(rng)
            await asyncio.sleep(0.2)
            known = max(known, len(w.notes.of(OrderChanged)))
        assert known >= 5
        await w.settle(10)
        w.notes.announced()


async def test_P9_an_unknown_state_is_unknown_until_the_exchange_says_more() -> None:
    """A word nobody knows in a push: UNKNOWN with the word, told, reconciled; never filled or cancelled."""
    async with world() as w:

        def strange(topic: str, frame: Any, send: Callable[[Any], None]) -> None:
            frame = copy.deepcopy(frame)
            row = frame["data"][0] if isinstance(frame["data"], list) else {}
            if topic.startswith("spot/user/orders"):
                row["order_state"] = "meditating"
            elif topic == "futures/order":
                row["order"]["state"] = 99
            send(frame)

        w.frames.meddle = strange
        ids = {await w.limit("49000"), await w.contract("49000")}
        await until(lambda: len(w.notes.of(UnknownState)) == 2)
        assert {change.order.raw_state for change in w.notes.of(UnknownState)} == {"meditating", "99"}
        assert {change.order.status for change in w.notes.of(UnknownState)} == {OrderStatus.UNKNOWN}
        w.frames.meddle = None
        await w.settle()  # REST knows the word for it
        for order_id in ids:
            words = [
                change.order.status
                for change in w.notes.of(OrderChanged)
                if change.order.order_id == order_id
            ]
            assert words == [OrderStatus.UNKNOWN, OrderStatus.NEW]
        assert w.tracker.live


async def test_P6_keys_refused_in_mid_life_leave_the_state_offline() -> None:
    """The exchange takes the keys no longer: OFFLINE, told as a gap, never LIVE; REST is still read."""
    async with world(futures=None) as w:
        w.sandbox.faults.refuse_login("spot", times=5)
        await w.sandbox.faults.cut("spot_private")
        await until(lambda: w.tracker.state is AccountState.OFFLINE)
        await w.trade()
        side = w.tracker._sides[Market.SPOT]
        side.account.due = 0.0  # a period later
        side.looks.stir()
        await until(lambda: [change for change in w.notes.of(Resynced) if not change.live])
        assert len(w.notes.of(Filled)) == 1
        assert w.tracker.state is AccountState.OFFLINE
        assert len(w.notes.of(AccountGap)) == 1


async def test_P_a_private_frame_that_cannot_be_read_is_a_gap() -> None:
    """Undecodable bytes in place of a fill: Gap, and REST finds the fill."""
    async with world() as w:
        broken: list[Any] = []

        def spoil(topic: str, frame: Any, send: Callable[[Any], None]) -> None:
            if "order" in topic:
                broken.append(frame)
                frame = {**frame, "data": [{"symbol": 7}]}
            send(frame)

        w.frames.meddle = spoil
        await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")
        await until(lambda: broken)
        w.frames.meddle = None
        await w.settle()
        assert w.notes.of(AccountGap)
        w.notes.announced()
