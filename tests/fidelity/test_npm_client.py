"""The npm package bitmart-api against the sandbox, pointed there by its ``baseUrl`` and ``wsUrl`` options.

``wsUrl`` names one socket for the whole client, so each of the four gets a WebsocketClient of its own.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.peers import npm_missing

from .conftest import plain_and_packed
from .peers import Peer, PeerError, Remote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bitmart_async.sandbox import Sandbox

pytestmark = pytest.mark.skipif(bool(npm_missing("bitmart-api")), reason=npm_missing("bitmart-api"))

PAIR, CONTRACT = "BTC_USDT", "BTCUSDT"


class Npm:
    """The package's clients in a Node process."""

    def __init__(self, peer: Peer, keys: dict[str, str]) -> None:
        self.peer = peer
        self.keys = keys
        self.rest: Remote = peer.remote("rest")
        self.futures: Remote = peer.remote("futures")

    async def stream(self, name: str, url: str) -> Remote:
        """A WebsocketClient for one socket: its updates become events of its name, the rest has a suffix."""
        heard = {"update": name, "response": f"{name} response", "authenticated": f"{name} login"}
        await self.peer.make(
            "bitmart-api:WebsocketClient", name, {**self.keys, "wsUrl": url}, callbacks=heard
        )
        return self.peer.remote(name)

    async def ask(self, name: str, method: str, *args: object) -> None:
        """Call a method of a stream whose result, a list of sockets, is nothing to print."""
        await self.peer.ask({"on": name, "call": method, "args": args, "mute": True})


@pytest.fixture
async def npm(sandbox: Sandbox) -> AsyncIterator[Npm]:
    urls = sandbox.environment
    keys = {
        "apiKey": sandbox.keys["api_key"],
        "apiSecret": sandbox.keys["api_secret"],
        "apiMemo": sandbox.keys["api_memo"],
    }
    async with Peer.node() as peer:
        await peer.make("bitmart-api:RestClient", "rest", {**keys, "baseUrl": urls.spot_rest})
        await peer.make("bitmart-api:FuturesClientV2", "futures", {**keys, "baseUrl": urls.futures_rest})
        yield Npm(peer, keys)


def data(reply: Any) -> Any:
    assert reply["code"] == 1000
    return reply["data"]


async def test_market_data(sandbox: Sandbox, npm: Npm) -> None:
    """Symbols, tickers, books, trades and candles of both markets."""
    sandbox.tick(PAIR, "64010.25")
    sandbox.tick(CONTRACT, "64010.5")
    now_s = sandbox.now_ms() // 1_000
    rest, futures = npm.rest, npm.futures
    assert abs(data(await rest.getSystemTime())["server_time"] - sandbox.now_ms()) < 5_000
    details = {row["symbol"]: row for row in data(await rest.getSpotTradingPairDetailsV1())["symbols"]}
    assert details[PAIR]["trade_status"] == "trading"
    assert {row[0] for row in data(await rest.getSpotTickersV3())} == set(details)
    assert data(await rest.getSpotTickerV3({"symbol": PAIR}))["last"] == "64010.25"
    book = data(await rest.getSpotOrderBookDepthV3({"symbol": PAIR, "limit": 5}))
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    assert data(await rest.getSpotRecentTrades({"symbol": PAIR}))[0][2] == "64010.25"
    assert len(data(await rest.getSpotLatestKlineV3({"symbol": PAIR, "step": 5, "limit": 3}))) == 3
    assert len(data(await rest.getSpotHistoryKlineV3({"symbol": PAIR, "step": 5, "limit": 3}))) == 3
    rows = data(await futures.getFuturesContractDetails())["symbols"]
    assert {row["symbol"]: row for row in rows}[CONTRACT]["last_price"] == "64010.5"
    symbol = {"symbol": CONTRACT}
    assert data(await futures.getFuturesContractDepth(symbol))["bids"]
    assert data(await futures.getFuturesMarketTrade(symbol))[0]["price"] == "64010.5"
    span = {**symbol, "step": 5, "start_time": now_s - 900, "end_time": now_s}
    assert len(data(await futures.getFuturesKlines(span))) == 3
    assert len(data(await futures.getFuturesMarkPriceKlines(span))) == 3
    assert data(await futures.getFuturesFundingRate(symbol))["rate_value"]
    assert data(await futures.getFuturesOpenInterest(symbol))["open_interest"]
    assert data(await futures.getFuturesLeverageBracket(symbol))["rules"][0]["brackets"]


async def test_spot_orders(sandbox: Sandbox, npm: Npm) -> None:
    """Place, see, fill and cancel on spot. Its signed bodies carry a recvWindow everywhere."""
    rest, truth = npm.rest, sandbox.account()
    bid = {"symbol": PAIR, "side": "buy", "type": "limit", "size": "0.01", "price": "60000"}
    number = data(await rest.submitSpotOrderV2(bid))["order_id"]
    assert b'"recvWindow"' in sandbox.journal.requests("/spot/v2/submit_order")[0].body
    assert data(await rest.getSpotOrderByIdV4({"orderId": number}))["state"] == "new"
    assert [row["orderId"] for row in data(await rest.getSpotOpenOrdersV4({"symbol": PAIR}))] == [number]
    frozen = next(row for row in data(await rest.getSpotWalletBalanceV1())["wallet"] if row["id"] == "USDT")
    assert Decimal(frozen["frozen"]) == truth.balances["spot", "USDT"].frozen
    data(await rest.cancelSpotOrderV3({"symbol": PAIR, "order_id": number}))
    data(await rest.submitSpotOrderV2({**bid, "client_order_id": "own1"}))
    assert data(await rest.getSpotOrderByClientOrderIdV4({"clientOrderId": "own1"}))["state"] == "new"
    row = {name: bid[name] for name in ("side", "type", "size", "price")}
    inner = data(await rest.submitSpotBatchOrdersV4({"symbol": PAIR, "orderParams": [row, row]}))
    assert len(inner["data"]["orderIds"]) == 2
    gone = data(await rest.cancelSpotBatchOrdersV4({"symbol": PAIR, "clientOrderIds": ["own1"]}))
    assert gone["successIds"] == ["own1"]
    data(await rest.cancelAllSpotOrders({"symbol": PAIR}))
    assert not truth.open_orders
    sold = data(
        await rest.submitSpotOrderV2({"symbol": PAIR, "side": "sell", "type": "market", "size": "0.01"})
    )
    (fill,) = truth.fills
    (row,) = data(await rest.getSpotAccountOrderTradesV4({"orderId": sold["order_id"]}))
    assert (row["tradeId"], Decimal(row["fee"])) == (fill.trade_id, fill.fee)
    assert len(data(await rest.getSpotAccountTradesV4({"symbol": PAIR}))) == 1
    assert len(data(await rest.getSpotHistoricOrdersV4({"symbol": PAIR}))) == 5
    with pytest.raises(PeerError) as told:
        await rest.submitSpotOrderV2({**bid, "size": "100"})
    assert (told.value.kind, json.loads(told.value.text)["code"]) == ("400", 50020)


async def test_futures_orders(sandbox: Sandbox, npm: Npm) -> None:
    """Mode, leverage, place, amend, fill, cancel, positions, orders that wait, history."""
    futures, truth, symbol = npm.futures, sandbox.account(), {"symbol": CONTRACT}
    data(await futures.setPositionMode({"position_mode": "hedge_mode"}))
    data(await futures.setFuturesLeverage({**symbol, "leverage": "5", "open_type": "cross"}))
    order = {**symbol, "side": 1, "size": 2, "leverage": "5", "open_type": "cross"}
    number = data(await futures.submitFuturesOrder({**order, "type": "limit", "price": "60000"}))["order_id"]
    data(await futures.updateFuturesLimitOrder({**symbol, "order_id": number, "price": "60001", "size": 3}))
    (seen,) = data(await futures.getFuturesAccountOpenOrders(symbol))
    assert (seen["order_id"], seen["price"], seen["size"]) == (str(number), "60001", "3")
    data(await futures.cancelFuturesOrder({**symbol, "order_id": str(number)}))
    data(await futures.submitFuturesOrder({**order, "type": "market"}))
    (held,) = truth.positions
    (position,) = data(await futures.getFuturesAccountPositions(symbol))
    assert (position["current_amount"], Decimal(position["position_cross"])) == ("2", held.margin)
    assert data(await futures.getFuturesAccountPositionsV2(symbol))[0]["position_side"] == "long"
    assert data(await futures.getPositionRiskDetails(symbol))[0]["position_amt"] == "2"
    plan = {**order, "side": 3, "size": 1, "type": "limit", "mode": 1, "price_way": 1, "price_type": 1}
    plan |= {"trigger_price": "90000", "executive_price": "90000"}
    waiting = data(await futures.submitFuturesPlanOrder(plan))["order_id"]
    (row,) = data(await futures.getFuturesAccountPlanOrders(symbol))
    assert row["order_id"] == str(waiting)
    data(await futures.cancelFuturesPlanOrder({**symbol, "order_id": str(waiting)}))
    data(await futures.closeAllFuturesPositions({"contractType": 1}))
    assert not truth.positions
    assert len(data(await futures.getFuturesAccountTrades(symbol))) == len(truth.fills) == 2
    assert str(number) in {
        row["order_id"] for row in data(await futures.getFuturesAccountOrderHistory(symbol))
    }
    assert data(await futures.getFuturesAccountTransactionHistory(symbol))
    assets = {row["currency"]: row for row in data(await futures.getFuturesAccountAssets())}
    assert Decimal(assets["USDT"]["available_balance"]) == truth.balances["futures", "USDT"].available


async def test_money(sandbox: Sandbox, npm: Npm) -> None:
    """Wallets, deposits, withdrawals, transfers, sub-accounts."""
    rest = npm.rest
    number = sandbox.deposit("BTC", "0.5")
    history = data(await rest.getDepositWithdrawHistoryV2({"operation_type": "deposit", "N": 10}))["records"]
    assert [row["deposit_id"] for row in history] == [number]
    assert data(await rest.getDepositWithdrawDetailV1({"id": number}))["record"]["currency"] == "BTC"
    saved = next(
        row
        for row in data(await rest.getWithdrawAddressList())["list"]
        if (row["currency"], row["network"], row["verifyStatus"]) == ("USDT", "TRC20", 1)
    )
    wanted = {"currency": "USDT-TRC20", "amount": "50", "address": saved["address"]}
    sent = data(await rest.submitWithdrawalV1(wanted))["withdraw_id"]
    assert (
        data(await rest.getDepositWithdrawDetailV1({"id": sent}))["record"]["arrival_amount"] == "49.00000000"
    )
    assert data(await rest.getAccountDepositAddressV1({"currency": "BTC"}))["address"]
    assert data(await rest.getAccountWithdrawQuotaV1({"currency": "BTC"}))["withdraw_fee"]
    wallet = {row["currency"]: row for row in data(await rest.getAccountBalancesV1())["wallet"]}
    assert Decimal(wallet["BTC"]["available"]) == sandbox.account().balances["spot", "BTC"].available
    moved = {"currency": "USDT", "amount": "10", "type": "spot_to_contract"}
    data(await npm.futures.submitFuturesTransfer(moved))
    with pytest.raises(PeerError) as told:
        await npm.futures.getFuturesTransfers({"page": 1, "limit": 10})
    assert told.value.kind == "405", "it asks with GET for what the exchange answers to POST"
    request = {"requestNo": "request1", "amount": "5", "currency": "USDT", "subAccount": "sub1"}
    data(await rest.submitMainTransferMainToSubV1(request))
    assert data(await rest.getSubSpotWalletBalancesV1({"subAccount": "sub1"}))["wallet"][0]["available"]
    assert data(await rest.getSubAccountsV1())["subAccountList"]


@plain_and_packed
async def test_public_streams(sandbox: Sandbox, npm: Npm) -> None:
    """Every public channel of both markets is acknowledged and pushed."""
    urls, hear = sandbox.environment, npm.peer.event
    spot_topics = [
        f"spot/{channel}:{PAIR}"
        for channel in ("ticker", "bookTicker", "trade", "depth5", "depth/increase100", "kline1m")
    ]
    channels = ("ticker", "trade", "bookticker", "depth5", "depthAll5", "depthIncrease5", "klineBin1m")
    futures_topics = [f"futures/{channel}:{CONTRACT}" for channel in (*channels, "fundingRate")]
    await npm.stream("spot", urls.spot_public)
    await npm.stream("swap", urls.futures_public)
    await npm.ask("spot", "subscribe", spot_topics, "spot")
    await npm.ask("swap", "subscribe", futures_topics, "futures")
    for topic in spot_topics:
        await hear("spot response", lambda row, topic=topic: row["topic"] == topic)
    for topic in futures_topics:
        await hear("swap response", lambda row, topic=topic: row["group"] == topic)
    sandbox.tick(PAIR, "64010.25")
    sandbox.tick(CONTRACT, "64010.5")
    for topic in spot_topics:
        table = topic.partition(":")[0]
        assert (await hear("spot", lambda row, table=table: row["table"] == table))["data"]
    for topic in futures_topics:
        assert (await hear("swap", lambda row, topic=topic: row["group"] == topic))["data"]
    await npm.ask("spot", "unsubscribe", spot_topics[:1], "spot")
    await hear("spot response", lambda row: (row["event"], row["topic"]) == ("unsubscribe", spot_topics[0]))
    for name in ("spot", "swap"):
        await npm.ask(name, "closeAll", True)


async def test_private_streams(sandbox: Sandbox, npm: Npm) -> None:
    """It logs in by itself and hears of orders, wallets and positions."""
    urls, hear = sandbox.environment, npm.peer.event
    await npm.stream("spot", urls.spot_private)
    await npm.stream("swap", urls.futures_private)
    await npm.ask(
        "spot", "subscribe", [f"spot/user/order:{PAIR}", "spot/user/balance:BALANCE_UPDATE"], "spot", True
    )
    await npm.ask(
        "swap", "subscribe", ["futures/order", "futures/position", "futures/asset:USDT"], "futures", True
    )
    await hear("spot login", lambda row: row["event"] == "login")
    await hear("swap login", lambda row: row["success"] is True)
    await hear("spot response", lambda row: row["topic"] == "spot/user/balance:BALANCE_UPDATE")
    await hear("swap response", lambda row: row["group"] == "futures/asset:USDT")
    sold = {"symbol": PAIR, "side": "sell", "type": "market", "size": "0.01"}
    number = data(await npm.rest.submitSpotOrderV2(sold))["order_id"]
    frame = await hear(
        "spot", lambda row: row["table"] == "spot/user/order" and row["data"][0]["order_state"] == "filled"
    )
    assert frame["data"][0]["order_id"] == number
    await hear("spot", lambda row: row["table"] == "spot/user/balance")
    opened = {
        "symbol": CONTRACT,
        "side": 1,
        "type": "market",
        "size": 2,
        "leverage": "5",
        "open_type": "cross",
    }
    data(await npm.futures.submitFuturesOrder(opened))
    frame = await hear("swap", lambda row: row["group"] == "futures/order" and row["data"][0]["action"] == 1)
    assert frame["data"][0]["order"]["deal_size"] == "2"
    frame = await hear("swap", lambda row: row["group"] == "futures/position")
    assert frame["data"][0]["hold_volume"] == "2"
    await hear("swap", lambda row: row["group"] == "futures/asset:USDT")
    for name in ("spot", "swap"):
        await npm.ask(name, "closeAll", True)


async def test_it_comes_back_after_a_cut(sandbox: Sandbox, npm: Npm) -> None:
    """Sockets that were reset are opened, logged in and subscribed anew by the client itself."""
    urls, hear = sandbox.environment, npm.peer.event
    await npm.stream("spot", urls.spot_private)
    await npm.ask("spot", "subscribe", ["spot/user/balance:BALANCE_UPDATE"], "spot", True)
    await hear("spot response", lambda row: row["topic"] == "spot/user/balance:BALANCE_UPDATE")
    assert await sandbox.faults.cut("spot_private") == 1
    await sandbox.until(
        lambda seen: seen.sockets["spot_private"].logins == 2 and seen.sockets["spot_private"].messages >= 4,
        15,
    )
    sold = {"symbol": PAIR, "side": "sell", "type": "market", "size": "0.01"}
    data(await npm.rest.submitSpotOrderV2(sold))
    await hear("spot", lambda row: row["table"] == "spot/user/balance")
    await npm.ask("spot", "closeAll", True)
