"""Who is told, how far each is, and who is woken: without an exchange."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bitmart_async.account import consumers as module
from bitmart_async.account.changes import BalanceChanged, OrderChanged, Resynced
from bitmart_async.account.consumers import Consumers
from bitmart_async.account.core import MarketAccount
from bitmart_async.account.cursor import Place
from bitmart_async.account.views import AccountOrder, CoinBalance, OrderStatus
from bitmart_async.account.waiting import Waiters
from bitmart_async.errors import ClientClosed, SlowConsumer
from bitmart_async.models.enums import Side
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from bitmart_async.account.changes import Change

_ORDER = AccountOrder(
    market=Market.SPOT,
    order_id="100",
    client_order_id="mine",
    symbol="BTC_USDT",
    side=Side.BUY,
    type="limit",
    price=Decimal(1),
    size=Decimal(1),
    notional=None,
    filled=Decimal(0),
    average=None,
    status=OrderStatus.NEW,
    raw_state="new",
    created_ms=1,
    updated_ms=1,
)
_RESYNCED = Resynced(market=Market.SPOT, through_ms=2, found=0, live=True)


def _consumers() -> Consumers:
    """Those of a tracker that has read an empty account."""
    account, place = MarketAccount(Market.SPOT), Place()
    account.apply(account.begin(0.0, 1), 0.0)
    place.begin(account)
    return Consumers(place, logging.getLogger("bitmart_async"))


def _balance(amount: int) -> BalanceChanged:
    row = CoinBalance(
        market=Market.SPOT,
        currency="USDT",
        available=Decimal(amount),
        frozen=Decimal(0),
        margin=Decimal(0),
    )
    return BalanceChanged(market=Market.SPOT, balance=row, before=None)


def _saved(consumers: Consumers) -> list[str]:
    """The balances a restart would begin with."""
    market = consumers.dump()["spot"]
    assert isinstance(market, dict)
    return [row["available"] for row in market["balances"]]


async def test_the_place_is_where_the_slowest_consumer_is() -> None:
    """A handler has everything at once; an iterator has what was taken from it."""
    consumers = _consumers()
    seen: list[Change] = []
    consumers.handle(seen.append)
    slow = consumers.iterate()
    for amount in (1, 2, 3):
        consumers.tell(_balance(amount))
    assert len(seen) == 3
    assert _saved(consumers) == []
    await anext(slow)
    assert _saved(consumers) == ["1"]
    slow.close()
    assert _saved(consumers) == ["3"]


async def test_a_consumer_that_lost_changes_holds_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told so, after what was queued for it; a restart gives again what it did not get."""
    monkeypatch.setattr(module, "MOST_QUEUED", 2)
    consumers = _consumers()
    slow = consumers.iterate()
    consumers.tell(_balance(1))
    await anext(slow)
    for amount in (2, 3, 4, 5):
        consumers.tell(_balance(amount))
    assert [await anext(slow), await anext(slow)] == [_balance(2), _balance(3)]
    with pytest.raises(SlowConsumer):
        await anext(slow)
    assert _saved(consumers) == ["1"]


async def test_a_handler_that_raises_takes_nothing_from_the_others(log_lines: list[str]) -> None:
    """Neither its error nor its CancelledError: each is logged once."""
    consumers = _consumers()
    seen: list[Change] = []

    def breaks(change: Change) -> None:
        raise ValueError("broken")

    def cancels(change: Change) -> None:
        raise asyncio.CancelledError

    for handler in (breaks, cancels, seen.append):
        consumers.handle(handler)
    consumers.tell(_balance(1))
    consumers.tell(_balance(2))
    assert seen == [_balance(1), _balance(2)]
    assert len([line for line in log_lines if "breaks raised ValueError" in line]) == 1
    assert len([line for line in log_lines if "cancels raised" in line]) == 1


async def test_an_order_wakes_who_waits_for_either_of_its_ids() -> None:
    """Both ids, no other order; a reading of the account wakes all; who is gone leaves nothing behind."""
    waiters = Waiters()
    news = {any_id: waiters.news_of(any_id) for any_id in ("100", "mine", "200")}
    waiters.wake(OrderChanged(market=Market.SPOT, order=_ORDER, before=None, explained=Decimal(0)))
    assert {any_id for any_id, one in news.items() if one.done()} == {"100", "mine"}
    waiters.wake(_RESYNCED)
    assert news["200"].done()
    await asyncio.sleep(0)
    assert not waiters
    unnamed = replace(_ORDER, order_id="300", client_order_id="")
    waiters.wake(OrderChanged(market=Market.SPOT, order=unnamed, before=None, explained=Decimal(0)))
    assert "100" not in waiters


async def test_nobody_waits_for_a_tracker_that_is_closed() -> None:
    """Who waits is woken to look why; who comes later is told at once."""
    waiters = Waiters()
    news = waiters.news_of("100")
    resynced = asyncio.create_task(waiters.resynced())
    await asyncio.sleep(0)
    waiters.close()
    await asyncio.wait_for(resynced, 1)
    assert news.done()
    with pytest.raises(ClientClosed):
        waiters.news_of("100")
