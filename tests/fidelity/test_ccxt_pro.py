"""ccxt.pro's streams against the sandbox.

Not called, because ccxt 4.5.70 itself cannot in Python: spot ``watch_trades`` (its parser reads a variable
that spot trades never set, and the socket's reader dies of it), ``un_watch_*`` of public channels (it waits
for a name under which nothing is filed), a second candle length of one symbol (both are filed alike).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.peers import python_missing

from .conftest import plain_and_packed
from .peers import Peer, PeerError
from .test_ccxt import SPOT, SWAP, money, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bitmart_async.sandbox import Sandbox

    from .peers import Remote

    Subscribed = Callable[[str], Awaitable[None]]

pytestmark = pytest.mark.skipif(bool(python_missing("ccxt")), reason=python_missing("ccxt"))

PAIR, CONTRACT = "BTC_USDT", "BTCUSDT"


class Watcher:
    """ccxt.pro in a process, with the loops a program would have around its ``watch`` methods."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.exchange: Remote = peer.remote("exchange", inline=True)

    async def follow(self, method: str, *args: object) -> None:
        await self.peer.follow("exchange", method, *args, name=method)

    async def until(self, method: str, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        return await self.peer.event(method, fits)


@pytest.fixture
async def ccxt(sandbox: Sandbox) -> AsyncIterator[Watcher]:
    async with Peer.python() as peer:
        await peer.make("ccxt.pro:bitmart", "exchange", {**settings(sandbox), "newUpdates": False})
        watcher = Watcher(peer)
        await watcher.exchange.load_markets()
        yield watcher
        await watcher.exchange.close()


def has(order_id: str, status: str) -> Callable[[Any], bool]:
    return lambda rows: any((row["id"], row["status"]) == (order_id, status) for row in rows)


@plain_and_packed
async def test_spot_market_data(sandbox: Sandbox, ccxt: Watcher) -> None:
    """Ticker, best bid and ask, a book kept from snapshot and changes, and candles follow the spot market."""
    for method in ("watch_ticker", "watch_order_book"):
        await ccxt.follow(method, SPOT)
    await ccxt.follow("watch_bids_asks", [SPOT])
    await ccxt.follow("watch_ohlcv", SPOT, "5m")
    first = await ccxt.until("watch_order_book")
    assert first["bids"][0][0] < first["asks"][0][0]
    for method in ("watch_ticker", "watch_bids_asks", "watch_ohlcv"):
        await ccxt.until(method)
    sandbox.tick(PAIR, "64010.25")
    ticker = await ccxt.until("watch_ticker", lambda row: row["last"] == 64010.25)
    assert abs(ticker["timestamp"] - sandbox.now_ms()) < 5_000
    assert ticker["baseVolume"] > 0
    candles = await ccxt.until("watch_ohlcv", lambda rows: rows[-1][4] == 64010.25)
    assert candles[-1][0] % 300_000 == 0
    best = await ccxt.until("watch_bids_asks", lambda rows: rows[SPOT]["ask"] > 64010.25)
    assert best[SPOT]["bid"] < best[SPOT]["ask"]
    fetched = await ccxt.exchange.fetch_order_book(SPOT)
    await ccxt.until(
        "watch_order_book",
        lambda book: all(book[side][:20] == fetched[side][:20] for side in ("asks", "bids")),
    )


async def test_swap_market_data(sandbox: Sandbox, ccxt: Watcher, subscribed: Subscribed) -> None:
    """Ticker, trades, book, candles and funding rate follow the contract."""
    for method in ("watch_ticker", "watch_trades", "watch_order_book", "watch_funding_rate"):
        await ccxt.follow(method, SWAP)
    await ccxt.follow("watch_ohlcv", SWAP, "1h")
    book = await ccxt.until("watch_order_book")
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(book["bids"]) == 50
    rate = await ccxt.until("watch_funding_rate")
    assert rate["fundingRate"]
    assert rate["nextFundingTimestamp"] > sandbox.now_ms()
    for topic in ("ticker", "trade", "klineBin1H"):
        await subscribed(f"futures/{topic}:{CONTRACT}")
    sandbox.tick(CONTRACT, "64010.5")
    ticker = await ccxt.until("watch_ticker", lambda row: row["last"] == 64010.5)
    assert ticker["bid"] < ticker["ask"]
    assert ticker["markPrice"] > 0
    assert ticker["indexPrice"] > 0
    trades = await ccxt.until("watch_trades", lambda rows: rows[-1]["price"] == 64010.5)
    assert trades[-1]["id"]
    assert trades[-1]["side"] in ("buy", "sell")
    assert abs(trades[-1]["timestamp"] - sandbox.now_ms()) < 5_000
    candles = await ccxt.until("watch_ohlcv", lambda rows: rows[-1][4] == 64010.5)
    assert candles[-1][0] % 3_600_000 == 0
    fetched = await ccxt.exchange.fetch_order_book(SWAP)
    await ccxt.until(
        "watch_order_book",
        lambda book: all(book[side] == [row[:2] for row in fetched[side]] for side in ("asks", "bids")),
    )


@plain_and_packed
async def test_spot_orders_and_balance(sandbox: Sandbox, ccxt: Watcher, subscribed: Subscribed) -> None:
    """It logs in and is told of an order's life and of what it did to the wallet."""
    await ccxt.follow("watch_balance", {"type": "spot"})
    await ccxt.until("watch_balance", lambda row: row["BTC"]["free"] == 2)
    await ccxt.follow("watch_orders", SPOT)
    for topic in (f"spot/user/order:{PAIR}", "spot/user/balance:BALANCE_UPDATE"):
        await subscribed(topic)
    bid = await ccxt.exchange.create_order(SPOT, "limit", "buy", 0.01, 60_000)
    (told,) = await ccxt.until("watch_orders", has(bid["id"], "open"))
    assert (told["side"], told["type"], told["symbol"]) == ("buy", "limit", SPOT)
    assert (told["price"], told["amount"], told["filled"]) == (60_000, 0.01, 0)
    sold = await ccxt.exchange.create_order(SPOT, "market", "sell", 0.01)
    rows = await ccxt.until("watch_orders", has(sold["id"], "closed"))
    assert [row["filled"] for row in rows if row["id"] == sold["id"]] == [0.01]
    owned = sandbox.account().balances["spot", "BTC"]
    await ccxt.until(
        "watch_balance",
        lambda row: (money(row["BTC"]["free"]), money(row["BTC"]["used"])) == (owned.available, owned.frozen),
    )
    await ccxt.exchange.cancel_order(bid["id"], SPOT)
    await ccxt.until("watch_orders", has(bid["id"], "canceled"))
    assert await ccxt.exchange.un_watch_orders(SPOT)


async def test_swap_orders_balance_and_positions(
    sandbox: Sandbox, ccxt: Watcher, subscribed: Subscribed
) -> None:
    """It logs in on futures and is told of order, fill, asset and position."""
    await ccxt.follow("watch_balance", {"type": "swap"})
    await ccxt.until("watch_balance", lambda row: row["USDT"]["free"] == 50_000)
    await ccxt.follow("watch_orders", SWAP)
    await ccxt.follow("watch_positions", [SWAP])
    for topic in ("futures/order", "futures/position", "futures/asset:USDT"):
        await subscribed(topic)
    opened = await ccxt.exchange.create_order(SWAP, "market", "buy", 3)
    rows = await ccxt.until("watch_orders", has(opened["id"], "closed"))
    (told,) = [row for row in rows if row["id"] == opened["id"]]
    assert (told["side"], told["amount"], told["filled"], told["remaining"]) == ("buy", 3, 3, 0)
    (position,) = await ccxt.until("watch_positions", lambda rows: rows[-1]["contracts"] == 3)
    (held,) = sandbox.account().positions
    assert (position["side"], position["marginMode"]) == ("long", "cross")
    assert money(position["entryPrice"]) * 3 == held.cost * 1_000
    left = sandbox.account().balances["futures", "USDT"].available
    await ccxt.until("watch_balance", lambda row: money(row["USDT"]["free"]) == left)
    closed = await ccxt.exchange.create_order(SWAP, "market", "sell", 3, None, {"reduceOnly": True})
    await ccxt.until("watch_orders", has(closed["id"], "closed"))
    await ccxt.until("watch_positions", lambda rows: rows[-1]["contracts"] == 0)
    assert await ccxt.exchange.un_watch_orders(None, {"type": "swap"})
    assert await ccxt.exchange.un_watch_positions()


async def test_a_wrong_key_is_told(sandbox: Sandbox) -> None:
    """A refused login is an error to whoever watches, on both markets."""
    async with Peer.python() as peer:
        await peer.make("ccxt.pro:bitmart", "exchange", {**settings(sandbox), "secret": "wrong"})
        exchange = peer.remote("exchange", inline=True)
        for symbol, kind in ((SPOT, "ExchangeError"), (SWAP, "AuthenticationError")):
            with pytest.raises(PeerError) as told:
                await exchange.watch_orders(symbol)
            assert told.value.kind == kind
        await exchange.close()
