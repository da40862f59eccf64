"""The types users see. Checked by mypy and pyright in strict mode; pytest only imports it."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from bitmart_async import (
    AccountFill,
    AccountOrder,
    AccountTracker,
    Change,
    CoinBalance,
    Envelope,
    Event,
    FuturesClientV2,
    FuturesSide,
    History,
    Market,
    OrderStatus,
    RestClient,
    Side,
    StreamData,
    Subscription,
    SubscriptionRefused,
    Topic,
    Update,
    WebsocketClient,
    topics,
)
from bitmart_async.models.futures import ContractDetails, FuturesCandle, FuturesOrder, FuturesOrderAck
from bitmart_async.models.futures_plan import PlanOrder
from bitmart_async.models.spot import SpotAlgoOrder, SpotOrder, SpotOrderAck, SpotTicker
from bitmart_async.models.streams_spot import SpotStreamTicker
from bitmart_async.models.system import SystemTime
from bitmart_async.rest.system import SYSTEM_TIME


async def rest_calls(rest: RestClient, futures: FuturesClientV2) -> None:
    """Every call has the type of its data; money is Decimal."""
    ticker = await rest.get_spot_ticker_v3("BTC_USDT")
    assert_type(ticker, SpotTicker)
    assert_type(ticker.last, Decimal)
    assert_type(ticker.ts, int)
    assert_type(
        await rest.submit_spot_order_v2("BTC_USDT", side=Side.BUY, type="market", notional="10"), SpotOrderAck
    )
    assert_type(await rest.get_spot_open_orders_v4(), list[SpotOrder])
    history = rest.iter_spot_historic_orders_v4()
    assert_type(history, History[SpotOrder])
    async for order in history:
        assert_type(order, SpotOrder)
    assert_type(await futures.iter_futures_klines("BTCUSDT").all(), list[FuturesCandle])
    assert_type(
        await rest.resolve_order(symbol="BTC_USDT", client_order_id="x"), SpotOrder | SpotAlgoOrder | None
    )
    assert_type(await rest.call(SYSTEM_TIME), Envelope[SystemTime])
    assert_type(await rest.request("GET", "/spot/v1/symbols"), Envelope[object])
    assert_type(await futures.get_futures_contract_details("BTCUSDT"), ContractDetails)
    assert_type(
        await futures.submit_futures_order(
            "BTCUSDT", side=FuturesSide.BUY_OPEN_LONG, size=1, price=Decimal(1)
        ),
        FuturesOrderAck,
    )
    assert_type(
        await futures.resolve_order(symbol="BTCUSDT", client_order_id="x"), FuturesOrder | PlanOrder | None
    )


async def streams(ws: WebsocketClient) -> None:
    """Builders give handlers and iterators the type of their data; text gives the union of all."""
    assert_type(topics.spot.ticker("BTC_USDT"), Topic[SpotStreamTicker])
    typed = await ws.subscribe(topics.spot.ticker("BTC_USDT"))
    assert_type(typed, Subscription[SpotStreamTicker])
    async for update in typed:
        assert_type(update, Update[SpotStreamTicker])
        assert_type(update.data.last_price, Decimal)
    text = await ws.subscribe("spot/ticker:BTC_USDT")
    assert_type(text, Subscription[StreamData])

    def on_ticker(update: Update[SpotStreamTicker]) -> None:
        assert_type(update.data.bid_px, Decimal)

    async def on_ticker_async(update: Update[SpotStreamTicker]) -> None:
        assert_type(update.received_ns, int)

    await ws.subscribe(topics.spot.ticker("BTC_USDT"), handler=on_ticker)
    await ws.subscribe([topics.spot.ticker("BTC_USDT")], handler=on_ticker_async)

    @ws.on("live")
    def live(event: Event) -> None:
        assert_type(event.topics, tuple[str, ...])

    @ws.on("update")
    async def every(update: Update[StreamData]) -> None:
        assert_type(update.topic, str)

    async for event in ws.events():
        assert_type(event, Event)


def test_checked_by_type_checkers() -> None:
    """The functions above are for mypy and pyright, which fail when a type changes."""
    assert callable(rest_calls)
    assert callable(streams)


async def account(tracker: AccountTracker) -> None:
    """What a tracker shows and tells is typed."""
    assert_type(tracker.orders, tuple[AccountOrder, ...])
    assert_type(tracker.fills, tuple[AccountFill, ...])
    assert_type(tracker.balances[Market.SPOT, "USDT"], CoinBalance)
    assert_type(await tracker.order("1").filled(timeout=1), AccountOrder)
    assert_type(tracker.order("1").status, OrderStatus | None)
    async for change in tracker.changes():
        assert_type(change, Change)


async def refused_topics(ws: WebsocketClient) -> None:
    """What is left of a refused call is a subscription."""
    try:
        await ws.subscribe(["spot/ticker:BTC_USDT", "spot/ticker:NOPE_USDT"])
    except SubscriptionRefused as error:
        assert_type(error.subscription, Subscription[object] | None)
        if error.subscription is not None:
            assert_type(error.subscription.dropped, int)
