"""AccountTracker against the sandbox in good health."""

from __future__ import annotations

import asyncio
import json
import random
from decimal import Decimal

import pytest

from bitmart_async import Credentials, FuturesClientV2, Market, RestClient, WebsocketClient
from bitmart_async.account.changes import AccountGap, AccountState, Change, Filled, OrderChanged, Resynced
from bitmart_async.account.tracker import AccountTracker
from bitmart_async.account.views import OrderStatus
from bitmart_async.errors import ClientClosed, ConfigurationError, EdgeBlocked, OrderNotFilled, ParameterError
from bitmart_async.websocket import refused
from tests.account.world import FUTURES, SPOT, Notes, World, world
from tests.conftest import KEYS
from tests.scripted_ws import until


async def test_what_happens_is_told_once_and_shown() -> None:
    """Orders, fills, balances and positions of both markets, as they happen; none of them reconciled."""
    async with world() as w:
        rng = random.Random(4)
        for _ in range(40):
            await w.something(rng)
        await w.settle()
        assert not [change for change in w.notes.of(Filled, OrderChanged) if change.reconciled]
        assert w.notes.of(Filled)
        assert {balance.market for balance in w.tracker.balances.values()} == {Market.SPOT, Market.FUTURES}


async def test_an_order_can_be_waited_for_before_and_after_its_push() -> None:
    """filled() and done() by either id, registered before the submit or long after."""
    async with world() as w:
        early = asyncio.create_task(w.tracker.order("myown1").filled(timeout=5))
        await asyncio.sleep(0)
        ack = await w.rest.submit_spot_order_v2(
            SPOT, side="sell", type="market", size="0.01", client_order_id="myown1"
        )
        order = await early
        assert (order.status, order.order_id, order.filled) == (
            OrderStatus.FILLED, ack.order_id, Decimal("0.01")
        )  # fmt: skip
        assert (await w.tracker.order(ack.order_id).filled(timeout=5)).client_order_id == "myown1"
        assert order.average is not None
        buy = await w.rest.submit_spot_order_v2(SPOT, side="buy", type="market", notional="100")
        bought = await w.tracker.order(buy.order_id).filled(timeout=5)
        assert bought.complete
        future = await w.futures.submit_futures_order(FUTURES, side=1, type="market", size=2)
        assert (await w.tracker.order(future.order_id).filled(timeout=5)).filled == 2
        resting = await w.contract()
        handle = w.tracker.order(resting)
        assert (await handle.known(timeout=5)).status is OrderStatus.NEW
        assert handle.status == "new"  # its text is as good as the member
        with pytest.raises(
            TimeoutError, match=rf"the order {resting} of {FUTURES} is still new after 0.05 s, 0 f"
        ):
            await handle.filled(timeout=0.05)
        waiting = asyncio.create_task(handle.filled())
        over = asyncio.create_task(handle.done())
        await asyncio.sleep(0)
        await w.futures.cancel_futures_order(FUTURES, order_id=resting)
        with pytest.raises(OrderNotFilled) as ended:
            await waiting
        assert (ended.value.status, ended.value.filled) == ("canceled", "0")
        assert (await over).status is OrderStatus.CANCELED
        assert handle.status is OrderStatus.CANCELED
        with pytest.raises(ParameterError):
            w.tracker.order("")
        await asyncio.sleep(0)
        assert not w.tracker._waiters  # whoever waited has left nothing behind


async def test_changes_reach_iterators_and_both_kinds_of_handlers() -> None:
    """Each consumer gets every change, in the same order; one that raises hurts nobody."""
    async with world() as w:
        later: list[Change] = []

        @w.tracker.on_change
        async def slow(change: Change) -> None:
            await asyncio.sleep(0)
            later.append(change)

        @w.tracker.on_change
        def bad(change: Change) -> None:
            raise RuntimeError("no")

        seen = w.tracker.changes()
        begun = len(w.notes.changes)
        await w.trade()
        await w.settle()
        expected = w.notes.changes[begun:]
        assert expected
        got = [await anext(seen) for _ in expected]
        assert got == expected
        await until(lambda: later == expected)
        fill = next(change for change in got if isinstance(change, Filled))
        assert fill.order.filled >= fill.fill.size
    assert [change async for change in seen] == []
    with pytest.raises(ClientClosed):
        await w.tracker.order("7").done()
    assert w.tracker.state is AccountState.CLOSED


async def test_the_account_as_it_is_comes_without_changes() -> None:
    """What was there before the tracker is shown, not told; what comes after is told."""
    async with world() as w:
        await w.limit()
        await w.contract()
        await w.trade()
        second = Notes()
        tracker = AccountTracker(ws=w.ws, rest=w.rest, futures=w.futures)
        tracker.on_change(second.hear)
        async with tracker:
            await tracker.ready(timeout=5)
            assert {type(change) for change in second.changes} == {Resynced}
            assert len(tracker.orders) == 2
            assert len(tracker.positions) == 1
            assert tracker.fills == ()
            await w.trade()
            await until(lambda: len(second.of(Filled)) == 2)
        await w.settle()


async def test_one_market_alone() -> None:
    """Without futures= only spot is tracked, and only its topics are asked for."""
    async with world(futures=None) as w:
        await w.trade()
        await until(lambda: w.notes.of(Filled))
        assert {change.market for change in w.notes.changes} == {Market.SPOT}
        assert w.tracker.state_of(Market.FUTURES) is AccountState.CLOSED
        assert w.sandbox.seen.sockets["futures_private"].sessions == 0


async def test_a_cursor_is_plain_json_and_goes_on_where_it_was_taken() -> None:
    """Saved at any moment and given to another tracker: what came after it is told, nothing else."""
    async with world() as w:
        await w.limit()
        await w.trade()
        await w.settle()
        saved = json.loads(json.dumps(w.tracker.cursor()))
        told = len(w.notes.changes)
        order_id = await w.contract()
        await w.trade()
        await w.settle()
        expected = {
            (c.fill.trade_id, c.fill.order_id) for c in w.notes.changes[told:] if isinstance(c, Filled)
        }
        again = Notes()
        tracker = AccountTracker(
            ws=w.ws, rest=w.rest, futures=w.futures, since=saved, futures_symbols=[FUTURES]
        )
        tracker.on_change(again.hear)
        async with tracker:
            await tracker.ready(timeout=5)
            assert {(c.fill.trade_id, c.fill.order_id) for c in again.of(Filled)} == expected
            assert len(again.of(Filled)) == len(expected) == 2
            assert all(change.reconciled for change in again.changes)
            orders = {change.order.order_id for change in again.of(OrderChanged)}
            assert orders == {*(key[1] for key in expected), order_id}
            assert {o.order_id for o in tracker.orders} == {o.order_id for o in w.tracker.orders}
    for bad in ({"version": 2}, {"version": 1, "spot": {}}, {"version": 1, "spot": {"orders": 7}}):
        with pytest.raises(ParameterError):
            AccountTracker(ws=w.ws, rest=w.rest, since=bad)


async def test_a_cursor_of_another_account_is_refused() -> None:
    """Other keys, or the same keys at another exchange, with a saved cursor: an error that names the way out, before
    anything is sent. A cursor without that note, of an earlier release or with the entry removed, is taken."""
    other = Credentials("another-key", KEYS["api_secret"], KEYS["api_memo"])
    async with WebsocketClient(credentials=other) as ws:
        mine = RestClient(**KEYS), FuturesClientV2(**KEYS)
        saved = json.loads(json.dumps(AccountTracker(ws=ws, rest=mine[0], futures=mine[1]).cursor()))
        assert set(saved["accounts"]) == {"spot", "futures"}
        assert not any(secret in json.dumps(saved) for secret in KEYS.values())
        AccountTracker(ws=ws, rest=mine[0], futures=mine[1], since=saved)
        theirs = RestClient(credentials=other), FuturesClientV2(**KEYS, demo_trading=True)
        with pytest.raises(
            ConfigurationError, match=r"another account or key \(spot: .*one cursor for each"
        ) as one:
            AccountTracker(ws=ws, rest=theirs[0], since=saved)
        assert "another-key" not in str(one.value)
        with pytest.raises(
            ConfigurationError, match=r"futures: api-cloud-v2.* this client: demo-api-cloud-v2"
        ):
            AccountTracker(ws=ws, futures=theirs[1], since=saved)
        without = {name: value for name, value in saved.items() if name != "accounts"}
        for since in (without, {**saved, "accounts": None}):
            tracker = AccountTracker(ws=ws, rest=theirs[0], since=since)
            assert tracker.cursor()["accounts"] == {"spot": theirs[0].whose}
        alone = AccountTracker(ws=ws, futures=mine[1], since=saved)
        assert alone.cursor()["accounts"] == saved["accounts"], "what the other market was is kept"
        with pytest.raises(ParameterError):
            AccountTracker(ws=ws, rest=mine[0], since={**saved, "accounts": {"moon": "x"}})
        for client in (*mine, *theirs):
            await client.aclose()


async def test_plan_orders_wait_and_fire() -> None:
    """A plan order is open with waits=True, survives a check, ends TRIGGERED; its order has an id of its own."""
    async with world() as w:
        plan = await w.futures.submit_futures_plan_order(
            FUTURES, side=1, type="limit", size=1, leverage="10", open_type="cross", mode=1,
            trigger_price="63000", executive_price="62900", price_way=2, price_type=1,
        )  # fmt: skip
        order = await w.tracker.order(plan.order_id).known(timeout=5)
        assert (order.waits, order.open) == (True, True)
        w.doubt(Market.FUTURES)
        await w.tracker.ready(timeout=5)
        assert w.tracker.order(plan.order_id).status is OrderStatus.NEW
        w.sandbox.tick(FUTURES, "62950.0")
        assert (await w.tracker.order(plan.order_id).done(timeout=5)).status is OrderStatus.TRIGGERED
        await until(lambda: any(o.client_order_id == f"PLAN_{plan.order_id}" for o in w.tracker.orders))


async def test_hedge_mode_has_two_positions() -> None:
    """Long and short of one contract are two positions; each closes by itself, by push and by REST."""
    async with world() as w:
        await w.futures.set_position_mode("hedge_mode")
        await w.futures.submit_futures_order(FUTURES, side=1, type="market", size=3)
        await w.futures.submit_futures_order(FUTURES, side=4, type="market", size=2)
        await w.settle()
        assert len(w.tracker.positions) == 2
        await w.futures.submit_futures_order(FUTURES, side=2, type="market", size=2)
        await w.settle()
        assert [position.side.value for position in w.tracker.positions] == ["long"]
        w.doubt(Market.FUTURES)
        await w.settle()


async def test_an_unknown_id_is_looked_for_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order no push spoke of is found by REST while somebody waits; nobody waits, nobody asks."""
    monkeypatch.setattr("bitmart_async.account.handle._PATIENCE", 0.1)
    async with world() as w:
        w.frames.meddle = lambda topic, frame, send: None
        ack = await w.rest.submit_spot_order_v2(
            SPOT, side="buy", type="limit", size="0.01", price="50000", client_order_id="lost7"
        )
        assert (await w.tracker.order("lost7").known(timeout=10)).order_id == ack.order_id
        with pytest.raises(TimeoutError, match=r"nobody has spoken of the order never within 0\.3 s"):
            await w.tracker.order("never").known(timeout=0.3)
        side = w.tracker._sides[Market.SPOT]
        w.doubt(Market.SPOT)
        await w.tracker.ready(timeout=5)
        assert side.account.wanted == {}


async def test_options_that_cannot_be_used_are_refused() -> None:
    """Nothing to track, or a check that would be a flood."""
    async with world() as w:
        with pytest.raises(ConfigurationError):
            AccountTracker(ws=w.ws)
        with pytest.raises(ConfigurationError):
            AccountTracker(ws=w.ws, rest=w.rest, reconcile_every=1)
        with pytest.raises(ClientClosed):
            await AccountTracker(ws=w.ws, rest=w.rest).ready()


async def test_a_topic_refused_after_a_reconnect_is_a_gap_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not LIVE while one of the topics is missing; served again, REST is read and it is LIVE."""
    monkeypatch.setattr(refused, "FIRST_SECONDS", 0.3)
    for text in ("futures/order", "spot/user/orders:ALL_SYMBOLS", "spot/user/balance:BALANCE_UPDATE"):
        async with world() as w:
            begun = len(w.notes.changes)
            w.sandbox.faults.refuse_topic(text, times=1)
            await w.sandbox.faults.cut("")
            await until(lambda w=w, text=text: _refused(w, text))  # type: ignore[misc]
            await until(lambda w=w: all(c.state == "live" for c in w.ws.health().connections))  # type: ignore[misc]
            await w.trade()
            assert not w.tracker.live
            assert {type(change) for change in w.notes.changes[begun:]} >= {AccountGap}
            await w.settle()
            w.notes.announced()
            assert w.ws.health().live


def _refused(w: World, text: str) -> bool:
    return any(topic.refused for c in w.ws.health().connections for topic in c.topics if topic.topic == text)


async def test_a_topic_given_up_is_asked_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client gives a refused topic up after ten minutes; the tracker goes on asking."""
    monkeypatch.setattr(refused, "FIRST_SECONDS", 0.02)
    monkeypatch.setattr(refused, "MOST_TRIES", 1)
    monkeypatch.setattr("bitmart_async.account.feed._ASK_AGAIN", 0.05)
    async with world(futures=None) as w:
        text = "spot/user/orders:ALL_SYMBOLS"
        w.sandbox.faults.refuse_topic(text)
        await w.sandbox.faults.cut("")
        await until(lambda: text not in {t.topic for c in w.ws.health().connections for t in c.topics})
        await until(lambda: len(_asked(w, text)) > 5)
        assert w.tracker.state is AccountState.OFFLINE
        await w.rest.submit_spot_order_v2("BTC_USDT", side="sell", type="market", size="0.02")
        await w.sandbox.faults.clear()
        await w.settle()
        w.notes.announced()


def _asked(w: World, text: str) -> list[str]:
    messages = w.sandbox.journal.messages("spot_private")
    return [message.text for message in messages if "subscribe" in message.text and text in message.text]


async def test_resync_shows_what_was_lost_without_a_trace() -> None:
    """A pushed fill that is lost leaves LIVE and an open order; resync() tells it before it returns."""
    async with world() as w:
        order_id = await w.limit(price="64900")
        await until(lambda: w.tracker.order(order_id).status)
        w.frames.meddle = lambda topic, frame, send: None
        ack = await w.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")
        contract = await w.futures.submit_futures_order(FUTURES, side=1, type="market", size=3)
        assert w.tracker.order(ack.order_id).order is None
        assert w.tracker.live
        await asyncio.gather(w.tracker.resync(timeout=10), w.tracker.resync(timeout=10))
        assert w.tracker.order(ack.order_id).status is OrderStatus.FILLED
        assert w.tracker.order(contract.order_id).status is OrderStatus.FILLED
        assert w.notes.wrong(w.sandbox, w.tracker) == []
        w.notes.announced()


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


async def test_a_resync_that_cannot_read_raises_what_rest_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """No silent success: the error of the call; a look that works later tells the next caller; closed is closed."""
    async with world(futures=None, reconcile_every=3600) as w:
        w.sandbox.faults.edge(times=50)
        with pytest.raises(EdgeBlocked):
            await w.tracker.resync(timeout=10)
        await w.sandbox.faults.clear()
        await w.tracker.resync(timeout=10)
        monkeypatch.setattr(w.tracker._sides[Market.SPOT].looks.source, "read", _never)
        waiting = asyncio.create_task(w.tracker.resync())
        await until(lambda: w.tracker._sides[Market.SPOT].looks.answering)
    with pytest.raises(ClientClosed):
        await waiting
    with pytest.raises(ClientClosed):
        await w.tracker.resync()


async def test_resync_waits_for_a_look_of_its_own() -> None:
    """A look that had begun before the call may have read too early: another one follows."""
    async with world(futures=None, reconcile_every=3600) as w:
        side = w.tracker._sides[Market.SPOT]
        first = asyncio.create_task(w.tracker.resync(timeout=10))
        await until(lambda: side.looks.answering)
        second = asyncio.create_task(w.tracker.resync(timeout=10))
        await first
        assert not second.done()
        await second
