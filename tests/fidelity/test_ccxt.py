"""ccxt's asyncio client against the sandbox, pointed there by its ``urls`` option alone."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.peers import python_missing
from bitmart_async.sandbox import Sandbox

from .peers import Peer, PeerError, Remote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.skipif(bool(python_missing("ccxt")), reason=python_missing("ccxt"))

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"


def settings(sandbox: Sandbox, *, throttled: bool = False) -> dict[str, Any]:
    """The configuration a ccxt user would write."""
    urls, keys = sandbox.environment, sandbox.keys
    return {
        "enableRateLimit": throttled,
        "apiKey": keys["api_key"],
        "secret": keys["api_secret"],
        "uid": keys["api_memo"],
        "urls": {
            "api": {
                "spot": urls.spot_rest,
                "swap": urls.futures_rest,
                "ws": {
                    "spot": {"public": urls.spot_public, "private": urls.spot_private},
                    "swap": {"public": urls.futures_public, "private": urls.futures_private},
                },
            }
        },
    }


@pytest.fixture
async def ccxt(sandbox: Sandbox) -> AsyncIterator[Remote]:
    async with Peer.python() as peer:
        await peer.make("ccxt.async_support:bitmart", "exchange", settings(sandbox))
        exchange = peer.remote("exchange", inline=True)
        yield exchange
        await exchange.close()


def money(value: float | str) -> Decimal:
    """ccxt's floats back as the numbers they stand for."""
    return Decimal(str(value))


async def test_markets_and_market_data(sandbox: Sandbox, ccxt: Remote) -> None:
    """It loads every market with steps, limits and fees, and reads tickers, books, trades and candles."""
    markets = await ccxt.load_markets()
    spot, swap = markets[SPOT], markets[SWAP]
    assert spot["active"]
    assert spot["precision"] == {"amount": 1e-05, "price": 0.01}
    assert spot["limits"]["cost"]["min"] == 5
    assert swap["active"]
    assert swap["contractSize"] == 0.001
    assert swap["precision"] == {"amount": 1, "price": 0.1}
    assert swap["limits"]["leverage"] == {"min": 1, "max": 100}

    sandbox.tick("BTC_USDT", "64010.25")
    sandbox.tick("BTCUSDT", "64010.5")
    for symbol, last in ((SPOT, 64010.25), (SWAP, 64010.5)):
        ticker = await ccxt.fetch_ticker(symbol)
        assert ticker["last"] == last
        assert ticker["low"] <= last <= ticker["high"]
        assert ticker["baseVolume"] > 0
        assert ticker["quoteVolume"] > 0
        book = await ccxt.fetch_order_book(symbol)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert abs(book["timestamp"] - sandbox.now_ms()) < 5_000
        assert all(level[1] > 0 for level in book["bids"] + book["asks"])
        candles = await ccxt.fetch_ohlcv(symbol, "5m", None, 3)
        assert len(candles) == 3
        assert candles[-1][4] == last
        assert [row[0] % 300_000 for row in candles] == [0, 0, 0]
    since = candles[0][0]
    assert [row[0] for row in await ccxt.fetch_ohlcv(SPOT, "5m", since, 2)] == [since, since + 300_000]

    (trade,) = (await ccxt.fetch_trades(SPOT))[-1:]
    assert trade["price"] == 64010.25
    assert trade["side"] in ("buy", "sell")
    assert abs(trade["timestamp"] - sandbox.now_ms()) < 5_000
    spot_tickers = await ccxt.fetch_tickers(None, {"type": "spot"})
    assert set(spot_tickers) == {symbol for symbol, market in markets.items() if market["spot"]}
    assert spot_tickers[SPOT]["bid"] < spot_tickers[SPOT]["ask"]
    swap_tickers = await ccxt.fetch_tickers(None, {"type": "swap"})
    assert set(swap_tickers) == {symbol for symbol, market in markets.items() if market["swap"]}


async def test_every_market_is_understood() -> None:
    """All that the sandbox can list loads, has steps and limits, a book and a ticker."""
    async with Sandbox(seed=1, lively=False, rate_limits=False, symbols="all") as full, Peer.python() as peer:
        await peer.make("ccxt.async_support:bitmart", "exchange", settings(full))
        exchange = peer.remote("exchange", inline=True)
        markets = await exchange.load_markets()
        assert sum(market["spot"] for market in markets.values()) >= 12
        assert sum(market["swap"] for market in markets.values()) >= 12
        for market in markets.values():
            assert market["active"]
            assert market["precision"]["amount"] > 0
            assert market["precision"]["price"] > 0
            assert market["limits"]["amount"]["min"] > 0
        tickers = await exchange.fetch_tickers(None, {"type": "spot"})
        tickers |= await exchange.fetch_tickers(None, {"type": "swap"})
        assert set(tickers) == set(markets)
        for symbol, ticker in tickers.items():
            assert ticker["last"] > 0, symbol
            book = await exchange.fetch_order_book(symbol)
            assert book["bids"][0][0] < book["asks"][0][0], symbol
            assert book["bids"][0][0] <= ticker["last"] * 1.01, symbol
        await exchange.close()


async def test_the_venue_and_its_contracts(sandbox: Sandbox, ccxt: Remote) -> None:
    """Time, status, currencies with their chains, open interest and funding rates."""
    assert abs(await ccxt.fetch_time() - sandbox.now_ms()) < 5_000
    for kind in ("spot", "swap"):
        assert (await ccxt.fetch_status({"type": kind}))["status"] == "ok"
    currencies = await ccxt.fetch_currencies()
    assert currencies["BTC"]["deposit"]
    assert {"TRC20", "ERC20"} <= set(currencies["USDT"]["networks"])
    assert currencies["USDT"]["networks"]["TRC20"]["fee"] == 1
    interest = await ccxt.fetch_open_interest(SWAP)
    assert interest["openInterestAmount"] == 0, "nobody holds a position yet"
    assert abs(interest["timestamp"] - sandbox.now_ms()) < 5_000
    rate = await ccxt.fetch_funding_rate(SWAP)
    assert abs(rate["fundingRate"]) < 0.01
    assert rate["fundingTimestamp"] > sandbox.now_ms()
    past = await ccxt.fetch_funding_rate_history(SWAP, None, 3)
    assert len(past) == 3
    assert past[-1]["timestamp"] <= sandbox.now_ms()


async def test_spot_orders(sandbox: Sandbox, ccxt: Remote) -> None:
    """Place, see, fill and cancel on spot; its own errors for what the exchange refuses."""
    placed = await ccxt.create_order(SPOT, "limit", "buy", 0.01, 60_000)
    seen = await ccxt.fetch_order(placed["id"], SPOT)
    assert (seen["status"], seen["type"], seen["side"]) == ("open", "limit", "buy")
    assert (seen["price"], seen["amount"], seen["filled"]) == (60_000, 0.01, 0)
    assert abs(seen["timestamp"] - sandbox.now_ms()) < 5_000
    assert [row["id"] for row in await ccxt.fetch_open_orders(SPOT)] == [placed["id"]]
    balance = await ccxt.fetch_balance()
    assert money(balance["USDT"]["used"]) == sandbox.account().balances["spot", "USDT"].frozen > 600
    await ccxt.cancel_order(placed["id"], SPOT)
    assert (await ccxt.fetch_order(placed["id"], SPOT))["status"] == "canceled"
    assert [row["id"] for row in await ccxt.fetch_closed_orders(SPOT)] == [placed["id"]]

    taken = await ccxt.create_order(SPOT, "market", "sell", 0.01)
    bought = await ccxt.create_market_buy_order_with_cost(SPOT, 100)
    rest = await ccxt.create_order(SPOT, "limit", "sell", 0.02, 64_020)
    sandbox.tick("BTC_USDT", "64021")
    for order in (taken, rest):
        done = await ccxt.fetch_order(order["id"], SPOT)
        assert done["status"] == "closed"
        assert done["filled"] == done["amount"]
        assert money(done["cost"]) == money(done["average"]) * money(done["filled"])
    assert {row["id"] for row in await ccxt.fetch_closed_orders(SPOT)} >= {taken["id"], rest["id"]}
    trades = {row["order"]: row for row in await ccxt.fetch_my_trades(SPOT)}
    assert set(trades) == {taken["id"], bought["id"], rest["id"]}
    assert trades[taken["id"]]["takerOrMaker"] == "taker"
    assert trades[rest["id"]]["takerOrMaker"] == "maker"
    for fill in sandbox.account().fills:
        row = trades[fill.order_id]
        assert row["id"] == fill.trade_id
        assert money(row["price"]) == fill.price
        assert money(row["amount"]) == fill.size
        assert (row["fee"]["currency"], money(row["fee"]["cost"])) == ("USDT", fill.fee)
    assert [row["id"] for row in await ccxt.fetch_order_trades(taken["id"], SPOT)] == [
        trades[taken["id"]]["id"]
    ]


async def test_spot_orders_of_every_kind(sandbox: Sandbox, ccxt: Remote) -> None:
    """Post-only, IOC, batches, own ids, cancel-all; and its own names for what is refused."""
    maker = await ccxt.create_order(SPOT, "limit", "buy", 0.01, 60_000, {"postOnly": True})
    assert (await ccxt.fetch_order(maker["id"], SPOT))["postOnly"]
    gone = await ccxt.create_order(SPOT, "limit", "buy", 0.01, 60_000, {"timeInForce": "IOC"})
    seen = await ccxt.fetch_order(gone["id"], SPOT)
    assert (seen["status"], seen["timeInForce"]) == ("canceled", "IOC")
    rows = [
        {"symbol": SPOT, "type": "limit", "side": "buy", "amount": 0.01, "price": 60_000 + number}
        for number in range(2)
    ]
    batch = [row["id"] for row in await ccxt.create_orders(rows)]
    assert len(batch) == 2
    assert {row["id"] for row in await ccxt.cancel_orders(batch, SPOT)} == set(batch)
    own = {"clientOrderId": "mine1"}
    await ccxt.create_order(SPOT, "limit", "buy", 0.01, 60_000, own)
    assert {row["clientOrderId"] for row in await ccxt.fetch_open_orders(SPOT)} == {"mine1", maker["id"]}
    for kind, attempt in (
        ("BadRequest", ccxt.create_order(SPOT, "limit", "buy", 0.01, 60_000, own)),
        ("InsufficientFunds", ccxt.create_order(SPOT, "limit", "buy", 100, 60_000)),
        ("OrderNotFound", ccxt.cancel_order("12345", SPOT)),
        ("OrderNotFound", ccxt.fetch_order("12345", SPOT)),
    ):
        with pytest.raises(PeerError) as told:
            await attempt
        assert told.value.kind == kind
    await ccxt.cancel_all_orders(SPOT)
    assert not sandbox.account().open_orders


async def test_swap_orders(sandbox: Sandbox, ccxt: Remote) -> None:
    """Leverage and mode, place, amend, see, cancel and fill on futures, positions and history."""
    assert (await ccxt.fetch_position_mode())["hedged"] is False
    await ccxt.set_leverage(5, SWAP, {"marginMode": "cross"})
    placed = await ccxt.create_order(SWAP, "limit", "buy", 2, 60_000, {"clientOrderId": "mine2"})
    await ccxt.edit_order(placed["id"], SWAP, "limit", "buy", 3, 60_001)
    (seen,) = await ccxt.fetch_open_orders(SWAP)
    assert (seen["id"], seen["clientOrderId"], seen["status"]) == (placed["id"], "mine2", "open")
    assert (seen["price"], seen["amount"]) == (60_001, 3)
    await ccxt.cancel_order(placed["id"], SWAP)
    with pytest.raises(PeerError) as told:
        await ccxt.cancel_order(placed["id"], SWAP)
    assert "InvalidOrder" in told.value.kinds

    opened = await ccxt.create_order(SWAP, "market", "buy", 2)
    done = await ccxt.fetch_order(opened["id"], SWAP)
    assert (done["status"], done["filled"], done["remaining"]) == ("closed", 2, 0)
    assert (await ccxt.fetch_open_interest(SWAP))["openInterestAmount"] == 2
    (held,) = sandbox.account().positions
    position = await ccxt.fetch_position(SWAP)
    assert (position["side"], position["contracts"], position["leverage"]) == ("long", 2, 5)
    assert money(position["entryPrice"]) * 2 == held.cost * 1_000
    assert money(position["collateral"]) == held.margin
    assert position["maintenanceMargin"] > 0
    assert position["unrealizedPnl"] is not None
    (listed,) = await ccxt.fetch_positions([SWAP])
    assert listed["contracts"] == 2
    balance = await ccxt.fetch_balance({"type": "swap"})
    assert money(balance["USDT"]["free"]) == sandbox.account().balances["futures", "USDT"].available

    await ccxt.create_order(SWAP, "market", "sell", 2, None, {"reduceOnly": True})
    assert not sandbox.account().positions
    trades = await ccxt.fetch_my_trades(SWAP)
    assert [(row["side"], row["amount"]) for row in trades] == [("buy", 2), ("sell", 2)]
    for row, fill in zip(trades, sandbox.account().fills, strict=True):
        assert (row["id"], row["order"]) == (fill.trade_id, fill.order_id)
        assert money(row["fee"]["cost"]) == fill.fee
        assert row["takerOrMaker"] == "taker"
    assert {row["id"] for row in await ccxt.fetch_closed_orders(SWAP)} >= {placed["id"], opened["id"]}
    kinds = {row["type"] for row in await ccxt.fetch_ledger("USDT")}
    assert {"transfer", "fee"} <= kinds
    with pytest.raises(PeerError) as told:
        await ccxt.create_order(SWAP, "limit", "buy", 6_000, 60_000)
    assert '"code":42000' in told.value.text, "ccxt has no error of its own for this code"


async def test_swap_orders_that_wait(sandbox: Sandbox, ccxt: Remote) -> None:
    """Trigger, stop-loss, take-profit and trailing orders, presets, and cancel-all."""
    await ccxt.create_order(SWAP, "market", "buy", 3)
    close: dict[str, object] = {"reduceOnly": True}
    plan = await ccxt.create_order(SWAP, "limit", "sell", 1, 90_000, {"triggerPrice": 88_000, **close})
    (waiting,) = await ccxt.fetch_open_orders(SWAP, None, None, {"trigger": True})
    assert waiting["id"] == plan["id"]
    await ccxt.cancel_order(plan["id"], SWAP, {"trigger": True})
    close["plan_category"] = 1  # what ccxt says is the default; the exchange's own has been 2 since 2024
    stop = await ccxt.create_order(SWAP, "market", "sell", 1, None, {"stopLossPrice": 30_000, **close})
    take = await ccxt.create_order(SWAP, "market", "sell", 1, None, {"takeProfitPrice": 95_000, **close})
    shown = await ccxt.fetch_open_orders(SWAP, None, None, {"trigger": True})
    assert {row["id"] for row in shown} == {stop["id"], take["id"]}
    trail = await ccxt.create_order(
        SWAP,
        "trailing",
        "sell",
        1,
        None,
        {"trailingTriggerPrice": 90_000, "trailingPercent": 1, "leverage": 10, **close},
    )
    (trailing,) = await ccxt.fetch_open_orders(SWAP)
    assert (trailing["id"], trailing["triggerPrice"]) == (trail["id"], 90_000)
    await ccxt.cancel_order(trail["id"], SWAP, {"trailing": True})
    presets = {"preset_take_profit_price": "95000", "preset_take_profit_price_type": 1}
    kept = await ccxt.create_order(SWAP, "limit", "buy", 1, 60_000, presets)
    seen = await ccxt.fetch_order(kept["id"], SWAP)
    assert seen["info"]["preset_take_profit_price"] == "95000"
    await ccxt.cancel_all_orders(SWAP)
    sandbox.tick("BTCUSDT", "95000")
    (held,) = sandbox.account().positions
    assert held.volume == 2, "the take-profit has closed one contract"


async def test_money_in_out_and_around(sandbox: Sandbox, ccxt: Remote) -> None:
    """Transfers, deposits, withdrawals, addresses, fees."""
    moved = await ccxt.transfer("USDT", 10, "spot", "swap")
    assert (moved["status"], moved["amount"]) == ("ok", 10)
    (listed,) = await ccxt.fetch_transfers("USDT", None, None, {"page": 1, "limit": 10})
    assert (listed["fromAccount"], listed["toAccount"], listed["amount"]) == ("spot", "swap", 10)
    number = sandbox.deposit("BTC", "0.5")
    (came,) = await ccxt.fetch_deposits("BTC")
    assert (came["id"], came["currency"], came["amount"], came["status"]) == (number, "BTC", 0.5, "ok")
    assert (await ccxt.fetch_deposit(number))["id"] == number
    address = await ccxt.fetch_deposit_address("USDT", {"network": "TRC20"})
    assert (address["currency"], address["network"]) == ("USDT", "TRC20")
    (saved,) = await ccxt.fetch_withdraw_addresses("USDT")
    sent = await ccxt.withdraw("USDT", 50, saved["address"], None, {"network": "TRC20"})
    (gone,) = await ccxt.fetch_withdrawals()
    assert (gone["id"], gone["currency"], gone["network"]) == (sent["id"], "USDT", "TRC20")
    assert (gone["fee"]["cost"], gone["address"], gone["status"]) == (1, saved["address"], "pending")
    with pytest.raises(PeerError) as told:
        await ccxt.withdraw("USDT", 50, "TNobody", None, {"network": "TRC20"})
    assert told.value.kind == "InvalidAddress"


async def test_isolated_margin(sandbox: Sandbox, ccxt: Remote) -> None:
    """Transfer in, borrow, trade and repay on isolated margin."""
    await ccxt.transfer("USDT", 1_000, "spot", "margin", {"symbol": "BTC_USDT"})
    rate = await ccxt.fetch_isolated_borrow_rate(SPOT)
    assert rate["quoteRate"] > 0
    loan = await ccxt.borrow_isolated_margin(SPOT, "USDT", 100)
    assert loan["id"]
    order = await ccxt.create_order(SPOT, "limit", "buy", 0.01, 60_000, {"marginMode": "isolated"})
    assert order["id"] in {row.order_id for row in sandbox.account().open_orders}
    balance = await ccxt.fetch_balance({"type": "margin"})
    assert balance[SPOT]["USDT"]["used"] > 600
    await ccxt.cancel_order(order["id"], SPOT)
    await ccxt.repay_isolated_margin(SPOT, "USDT", 50)
    (interest,) = await ccxt.fetch_borrow_interest("USDT", SPOT)
    assert (interest["currency"], interest["symbol"]) == ("USDT", SPOT)


async def test_a_wrong_key_is_told(sandbox: Sandbox) -> None:
    """A wrong secret is its AuthenticationError."""
    async with Peer.python() as peer:
        await peer.make("ccxt.async_support:bitmart", "exchange", {**settings(sandbox), "secret": "wrong"})
        exchange = peer.remote("exchange", inline=True)
        with pytest.raises(PeerError) as told:
            await exchange.create_order(SPOT, "limit", "buy", 0.01, 60_000)
        assert told.value.kind == "AuthenticationError"
        await exchange.close()


async def _busy(*, throttled: bool) -> int:
    """What a program asks for that does not care about limits, which are all in force; calls refused for them."""
    async with Sandbox(seed=1, lively=False) as strict, Peer.python() as peer:
        await peer.make("ccxt.async_support:bitmart", "exchange", settings(strict, throttled=throttled))
        exchange = peer.remote("exchange", inline=True)
        await exchange.load_markets()
        tickers = (exchange.fetch_ticker(symbol) for symbol in (SPOT, SWAP) * 14)
        await asyncio.gather(*tickers, return_exceptions=not throttled)
        if throttled:
            order = await exchange.create_order(SPOT, "limit", "buy", 0.01, 60_000)
            await exchange.fetch_open_orders(SPOT)
            await exchange.cancel_order(order["id"], SPOT)
        await exchange.close()
        assert strict.seen.requests > 28
        return strict.seen.over_limit


async def test_its_own_throttle_is_enough() -> None:
    """ccxt's idea of the rate limits never runs into the exchange's; without it the same calls do."""
    assert await _busy(throttled=True) == 0
    assert await _busy(throttled=False) > 0
