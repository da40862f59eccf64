"""The exchange's own Python SDK against the sandbox, pointed there by its ``url`` and ``stream_url`` arguments."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.peers import python_missing

from .conftest import plain_and_packed
from .peers import Peer, PeerError, Remote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bitmart_async.sandbox import Sandbox

_MISSING = python_missing("bitmart-python-sdk-api")
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=_MISSING)

PAIR, CONTRACT = "BTC_USDT", "BTCUSDT"
_CLASSES = {
    "spot": "bitmart.api_spot:APISpot",
    "account": "bitmart.api_account:APIAccount",
    "loan": "bitmart.api_margin_loan:APIMarginLoan",
    "subs": "bitmart.api_spot_sub_account:APISpotSubAccount",
    "finance": "bitmart.api_finance:APIFinance",
    "broker": "bitmart.api_broker:APIBroker",
    "contract": "bitmart.api_contract:APIContract",
    "contract_subs": "bitmart.api_contract_sub_account:APIContractSubAccount",
}


class Section:
    """One of the SDK's classes; the reply's ``data``, after a look at its envelope and limit headers."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: object, **kwargs: object) -> Any:
            reply, limits = await getattr(self._remote, method)(*args, **kwargs)
            assert reply.get("errno") == "OK" or int(reply["code"]) == 1000
            assert set(limits) in (set(), {"Remaining", "Limit", "Reset", "Mode"})
            return reply["data"]

        return call


class Sdk:
    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.spot, self.account, self.loan = (
            Section(peer.remote(name)) for name in ("spot", "account", "loan")
        )
        self.subs, self.finance = Section(peer.remote("subs")), Section(peer.remote("finance"))
        self.broker = Section(peer.remote("broker"))
        self.contract = Section(peer.remote("contract"))
        self.contract_subs = Section(peer.remote("contract_subs"))


@pytest.fixture
async def sdk(sandbox: Sandbox) -> AsyncIterator[Sdk]:
    keys, urls = sandbox.keys, sandbox.environment
    async with Peer.python() as peer:
        for name, where in _CLASSES.items():
            host = urls.futures_rest if name.startswith("contract") else urls.spot_rest
            options = {
                "api_key": keys["api_key"],
                "secret_key": keys["api_secret"],
                "memo": keys["api_memo"],
                "url": host,
            }
            await peer.make(where, name, kwargs=options)
        yield Sdk(peer)


async def socket(sdk: Sdk, sandbox: Sandbox, market: str, url: str, name: str) -> Remote:
    """A socket of the SDK; what its ``on_message`` is given becomes events of that name."""
    keys = sandbox.keys
    await sdk.peer.make(
        f"bitmart.websocket.{market.lower()}_socket_client:{market}SocketClient",
        name,
        kwargs={
            "stream_url": url,
            "api_key": keys["api_key"],
            "api_secret_key": keys["api_secret"],
            "api_memo": keys["api_memo"],
        },
        callbacks={"on_message": name},
    )
    return sdk.peer.remote(name)


def refusal(error: PeerError) -> tuple[int, int]:
    """HTTP status and code of the SDK's APIException."""
    status = int(error.text.partition("status=")[2].partition(")")[0])
    return status, json.loads(error.text.partition("response=")[2])["code"]


async def test_market_data(sandbox: Sandbox, sdk: Sdk) -> None:
    """Symbols, tickers, books, trades and candles of both markets."""
    sandbox.tick(PAIR, "64010.25")
    sandbox.tick(CONTRACT, "64010.5")
    now_s = sandbox.now_ms() // 1_000
    spot, contract = sdk.spot, sdk.contract
    assert PAIR in (await spot.get_symbols())["symbols"]
    assert {row["id"] for row in (await spot.get_currencies())["currencies"]} >= {"BTC", "USDT"}
    details = {row["symbol"]: row for row in (await spot.get_symbol_detail())["symbols"]}
    assert details[PAIR]["trade_status"] == "trading"
    assert {row[0] for row in await spot.get_v3_tickers()} == set(details)
    assert (await spot.get_v3_ticker(PAIR))["last"] == "64010.25"
    book = await spot.get_v3_depth(PAIR, limit=5)
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    assert (await spot.get_v3_trades(PAIR))[0][2] == "64010.25"
    for candles in (
        await spot.get_v3_latest_kline(PAIR, step=5, limit=3),
        await spot.get_v3_history_kline(PAIR, step=5, limit=3, after=now_s - 3_600, before=now_s),
    ):
        assert len(candles) == 3
    contracts = {row["symbol"]: row for row in (await contract.get_details())["symbols"]}
    assert contracts[CONTRACT]["last_price"] == "64010.5"
    assert (await contract.get_depth(CONTRACT))["bids"]
    assert (await contract.get_market_trade(CONTRACT, 5))[0]["price"] == "64010.5"
    assert len(await contract.get_kline(CONTRACT, 5, now_s - 900, now_s)) == 3
    assert len(await contract.get_mark_price_kline(CONTRACT, 5, now_s - 900, now_s)) == 3
    assert int((await contract.get_open_interest(CONTRACT))["open_interest"]) > 0
    assert (await contract.get_funding_rate(CONTRACT))["funding_time"] > sandbox.now_ms()
    assert len((await contract.get_fund_rate_history(CONTRACT, 3))["list"]) == 3
    assert {row["symbol"] for row in (await contract.get_funding_rate_v2())["list"]} == set(contracts)
    assert (await contract.get_leverage_bracket(CONTRACT))["rules"][0]["brackets"]


async def test_spot_orders(sandbox: Sandbox, sdk: Sdk) -> None:
    """Place, see, fill and cancel on spot, by id and by own id, alone and in batches."""
    spot, truth = sdk.spot, sandbox.account()
    number = (await spot.post_submit_order(PAIR, "buy", "limit", size="0.01", price="60000"))["order_id"]
    seen = await spot.v4_query_order_by_id(number, "open")
    assert (seen["state"], seen["price"], seen["size"]) == ("new", "60000.00", "0.01000")
    assert [row["orderId"] for row in await spot.v4_query_open_orders(PAIR)] == [number]
    frozen = next(row for row in (await spot.get_wallet())["wallet"] if row["id"] == "USDT")["frozen"]
    assert Decimal(frozen) == truth.balances["spot", "USDT"].frozen
    assert (await spot.post_cancel_order_by_orderid(PAIR, number))["result"] is True
    await spot.post_submit_order(PAIR, "buy", "limit", client_order_id="own1", size="0.01", price="60000")
    assert (await spot.v4_query_order_by_order_client_id("own1", "open"))["state"] == "new"
    await spot.post_cancel_order_by_clientid(PAIR, "own1")
    rows = [
        {"side": "buy", "type": "limit", "size": "0.01", "price": "60000", "clientOrderId": f"own{number}"}
        for number in (2, 3)
    ]
    assert len((await spot.post_batch_orders(PAIR, rows, recv_window=5_000))["data"]["orderIds"]) == 2
    assert (await spot.post_cancel_orders(PAIR, None, ["own2"]))["successIds"] == ["own2"]
    await spot.post_cancel_all_order(PAIR)
    assert not truth.open_orders

    bought = (await spot.post_submit_order(PAIR, "buy", "market", notional="100"))["order_id"]
    (fill,) = truth.fills
    (row,) = await spot.v4_query_order_trade_list(bought)
    assert (row["tradeId"], row["tradeRole"]) == (fill.trade_id, "taker")
    assert Decimal(row["fee"]) == fill.fee
    assert [row["tradeId"] for row in await spot.v4_query_account_trade_list(PAIR)] == [fill.trade_id]
    states = {row["orderId"]: row["state"] for row in await spot.v4_query_account_orders(PAIR, "spot")}
    assert len(states) == 5
    assert states[number] == "canceled"
    with pytest.raises(PeerError) as told:
        await spot.post_submit_order(PAIR, "buy", "limit", size="100", price="60000")
    assert refusal(told.value) == (400, 50020)


async def test_futures_orders(sandbox: Sandbox, sdk: Sdk) -> None:
    """Mode, leverage, place, amend, fill, cancel; positions in every form; history."""
    contract, truth = sdk.contract, sandbox.account()
    await contract.post_set_position_mode("hedge_mode")
    assert (await contract.get_position_mode())["position_mode"] == "hedge_mode"
    await contract.post_submit_leverage(CONTRACT, "isolated", "7")
    options = {"leverage": "7", "open_type": "isolated", "size": 2}
    number = (
        await contract.post_submit_order(
            CONTRACT, client_order_id="own1", side=1, mode=1, type="limit", price="60000", **options
        )
    )["order_id"]
    await contract.post_modify_limit_order(CONTRACT, order_id=number, price="60001", size=3)
    seen = await contract.get_order(CONTRACT, str(number))
    assert (seen["price"], seen["size"], seen["client_order_id"]) == ("60001", "3", "own1")
    assert [row["order_id"] for row in await contract.get_open_order(CONTRACT, "limit")] == [str(number)]
    await contract.post_cancel_order(CONTRACT, str(number))
    await contract.post_submit_order(CONTRACT, side=1, type="market", **options)
    (held,) = truth.positions
    (position,) = await contract.get_position(CONTRACT)
    assert (position["current_amount"], position["position_type"]) == ("2", 1)
    assert Decimal(position["position_cross"]) == held.margin
    long_leg = (await contract.get_position_v2(CONTRACT))[0]
    assert (long_leg["position_side"], long_leg["position_amount"]) == ("long", "2")
    assert (await contract.get_position_risk(CONTRACT))[0]["position_side"] == "Long"
    assets = {row["currency"]: row for row in await contract.get_assets_detail()}
    assert Decimal(assets["USDT"]["available_balance"]) == truth.balances["futures", "USDT"].available
    await contract.post_close_all_position(1)
    assert not truth.positions
    assert len(await contract.get_trades(CONTRACT)) == len(truth.fills) == 2
    now_s = sandbox.now_ms() // 1_000
    history = await contract.get_order_history(CONTRACT, now_s - 60, now_s + 1)
    assert str(number) in {row["order_id"] for row in history}
    flows = {row["type"] for row in await contract.get_transaction_history(CONTRACT)}
    assert "Commission Fee" in flows


async def test_futures_orders_that_wait(sandbox: Sandbox, sdk: Sdk) -> None:
    """Plan, take-profit and trailing orders are taken, changed, listed and cancelled."""
    contract = sdk.contract
    await contract.post_submit_order(
        CONTRACT, side=1, type="market", size=3, leverage="7", open_type="isolated"
    )
    plan = await contract.post_submit_plan_order(
        CONTRACT,
        type="limit",
        side=3,
        leverage="7",
        open_type="isolated",
        mode=1,
        size=1,
        trigger_price="90000",
        executive_price="90000",
        price_way=1,
        price_type=1,
    )
    assert [row["order_id"] for row in await contract.get_current_plan_order(CONTRACT)] == [
        str(plan["order_id"])
    ]
    await contract.post_cancel_plan_order(CONTRACT, str(plan["order_id"]))
    prices = {"trigger_price": "95000", "executive_price": "95000", "price_type": 1, "plan_category": 1}
    take = await contract.post_submit_tp_sl_order(CONTRACT, type="take_profit", side=3, size=1, **prices)
    await contract.post_modify_tp_sl_order(
        CONTRACT, order_id=take["order_id"], **{**prices, "trigger_price": "96000"}
    )
    (row,) = await contract.get_current_plan_order(CONTRACT)
    assert row["trigger_price"] == "96000"
    trail = await contract.post_submit_trail_order(CONTRACT, 3, "7", "isolated", 1, "90000", "1", 1)
    (row,) = await contract.get_open_order(CONTRACT, "trailing")
    assert row["order_id"] == str(trail["order_id"])
    await contract.post_cancel_trail_order(CONTRACT, row["order_id"])
    assert (await contract.post_cancel_all_after(CONTRACT, 60))["result"] is True


async def test_money(sandbox: Sandbox, sdk: Sdk) -> None:
    """Wallets, deposits, withdrawals, transfers, loans, sub-accounts, savings."""
    account = sdk.account
    number = sandbox.deposit("BTC", "0.5")
    history = (await account.get_deposit_withdraw_history_v2("deposit", 10))["records"]
    assert [(row["deposit_id"], row["arrival_amount"]) for row in history] == [(number, "0.50000000")]
    assert (await account.get_deposit_withdraw_detail(number))["record"]["currency"] == "BTC"
    saved = next(
        row
        for row in (await account.get_withdraw_address())["list"]
        if (row["currency"], row["network"], row["verifyStatus"]) == ("USDT", "TRC20", 1)
    )
    sent = await account.post_withdraw_apply("USDT-TRC20", "50", address=saved["address"])
    history = (await account.get_deposit_withdraw_history_v2("withdraw", 10))["records"]
    assert [row["withdraw_id"] for row in history] == [sent["withdraw_id"]]
    assert (await account.get_deposit_address("BTC"))["address"]
    assert Decimal((await account.get_withdraw_charge("BTC"))["withdraw_fee"]) > 0
    assert {row["currency"] for row in (await account.get_wallet())["wallet"]} >= {"BTC", "USDT"}
    assert (await account.get_basic_fee_rate())["level"]
    assert (await account.get_actual_trade_fee_rate(PAIR))["buy_taker_fee_rate"]
    await account.margin_asset_transfer(PAIR, "USDT", "1000", "in")
    assert (await sdk.loan.margin_borrow_isolated(PAIR, "USDT", "100"))["borrow_id"]
    await sdk.spot.place_margin_order(PAIR, "buy", "limit", size="0.01", price="60000")
    assert [row.size for row in sandbox.account().open_orders] == [Decimal("0.01")]
    await sdk.loan.margin_repay_isolated(PAIR, "USDT", "50")
    assert (await sdk.loan.borrow_record_isolated(PAIR))["records"]
    assert (await sdk.loan.repayment_record_isolated(PAIR))["records"]
    await sdk.contract.post_transfer("USDT", "10", "spot_to_contract")
    assert (await sdk.contract.get_transfer_list(1, 10))["records"][0]["amount"] == "10"
    await sdk.subs.post_main_to_sub("request1", "5", "USDT", "sub1")
    (row,) = (await sdk.subs.get_sub_spot_wallet("sub1"))["wallet"]
    assert (row["currency"], Decimal(row["available"])) == ("USDT", 5)
    await sdk.contract_subs.post_main_to_sub("request2", "5", "USDT", "sub1")
    assert await sdk.contract_subs.get_sub_wallet("sub1")


async def test_savings(sandbox: Sandbox, sdk: Sdk) -> None:
    """Flexible and fixed products: subscribe, hold, redeem, renew, and the switches for it."""
    finance, number = sdk.finance, itertools.count(10**19)
    (flexible, *_) = (await finance.get_savings_product(1, 10, "USDT"))["list"]
    await finance.post_savings_subscribe(flexible["productId"], "1000", str(next(number)))
    (held,) = (await finance.get_savings_holdings(1, 10))["list"]
    await finance.post_savings_redeem(held["earnId"], "500", str(next(number)))
    (fixed, *_) = (await finance.get_fixed_product(1, 10, "USDT"))["list"]
    await finance.post_fixed_subscribe(fixed["productId"], "100", str(next(number)), "OFF")
    (locked,) = (await finance.get_fixed_holdings(1, 10))["list"]
    await finance.post_fixed_modify_auto_renewal(locked["earnId"], "REINVEST_FIXED")
    await finance.post_fixed_redeem(locked["earnId"], str(next(number)))
    await finance.post_auto_subscribe_toggle("open")
    await finance.get_auto_subscribe_status()
    await finance.post_flexible_auto_subscribe_toggle(flexible["productId"], "open")
    assert (await finance.get_flexible_auto_subscribe_status(flexible["productId"]))[
        "subscribeStatus"
    ] == "ON"
    for kind in ("subscribe", "redeem"):
        assert (await finance.get_savings_records(kind, 1, 10))["list"]
        assert (await finance.get_fixed_records(kind, 1, 10))["list"]
    await finance.get_earn_assets()


async def test_algo_orders_and_what_else_it_can_call(sandbox: Sandbox, sdk: Sdk) -> None:
    """Spot orders that wait for a price; reports; account and sub-account calls without a test of their own."""
    spot, contract, now_s = sdk.spot, sdk.contract, sandbox.now_ms() // 1_000
    fields = {"trigger_price": "60000", "trigger_type": "limit", "price": "60000", "size": "0.001"}
    number = (await spot.v4_algo_submit_order(PAIR, "buy", "trigger", "algo1", fields))["order_id"]
    assert (await spot.v4_query_algo_order_by_id(number))["orderId"] == number
    assert (await spot.v4_query_algo_order_by_client_id("algo1"))["orderId"] == number
    assert [row["orderId"] for row in await spot.v4_query_algo_open_orders(PAIR)] == [number]
    await spot.v4_algo_cancel_order(PAIR, number, "trigger")
    assert [row["orderId"] for row in await spot.v4_query_algo_history_orders(PAIR)] == [number]
    await spot.v4_algo_cancel_all("trigger", PAIR)
    assert (await sdk.account.get_account_info())["cid"]
    await sdk.account.post_set_deposit_account("SPOT")
    assert (await sdk.account.get_deposit_account())["account_type"] == "SPOT"
    await sdk.account.post_account_transfer("USDT", "5", "spot_to_fund")
    await contract.post_account_transfer("USDT", "5", "fund_to_contract")
    assert (await sdk.account.get_margin_account_details_isolated(PAIR))["symbols"]
    assert (await sdk.loan.trading_pair_borrowing_rate_and_amount(PAIR))["symbols"]
    assert (await contract.post_claim())["currency"] == "USDT"
    span = (now_s - 86_400, now_s)
    customer = 20001
    for reply in (
        sdk.broker.broker_rebates(),
        contract.get_auto_repayment(),
        contract.get_cross_collateral_interest_log(),
        contract.get_affiliate_aff_customer_info(customer),
        contract.get_affiliate_deposit_withdrawal_list(1, 10, customer, *span),
        contract.get_affiliate_rebate_invite_user(*span, 1, 10),
        contract.get_affiliate_invite_check(customer),
        contract.get_affiliate_rebate_user(customer, *span),
        contract.get_affiliate_rebate_api(customer, *span),
        contract.get_affiliate_rebate_list(1, 10, "USDT"),
        contract.get_affiliate_trade_list(customer, 1, 1, 10),
        contract.get_trade_fee_rate(CONTRACT),
        sdk.subs.get_sub_account_list(),
        sdk.subs.get_sub_transfer_list("spot to spot", 10),
        sdk.subs.get_account_transfer_history("spot to spot", 10),
        sdk.contract_subs.get_sub_transfer_list("sub1", 10),
        sdk.contract_subs.get_sub_transfer_history(10),
    ):
        assert await reply is not None


@plain_and_packed
async def test_public_streams(sandbox: Sandbox, sdk: Sdk) -> None:
    """The SDK's own sockets: every public channel of both markets is acknowledged and pushed."""
    spot_topics = [
        f"spot/{channel}:{PAIR}"
        for channel in ("ticker", "bookTicker", "trade", "depth5", "depth20", "depth50", "kline1m")
    ]
    channels = ("ticker", "trade", "bookticker", "depth5", "depthAll5", "depthIncrease5", "klineBin1m")
    futures_topics = [
        *(f"futures/{channel}:{CONTRACT}" for channel in channels),
        f"futures/fundingRate:{CONTRACT}",
        f"futures/markPriceKlineBin1m:{CONTRACT}",
    ]
    urls = sandbox.environment
    spot = await socket(sdk, sandbox, "Spot", urls.spot_public, "spot socket")
    futures = await socket(sdk, sandbox, "Futures", urls.futures_public, "futures socket")
    await spot.subscribe(spot_topics)
    await futures.subscribe(futures_topics)
    for topic in spot_topics:
        await sdk.peer.event(
            "spot socket", lambda row, topic=topic: row == {"event": "subscribe", "topic": topic}
        )
    for topic in futures_topics:
        ack = await sdk.peer.event("futures socket", lambda row, topic=topic: row.get("group") == topic)
        assert (ack["action"], ack["success"]) == ("subscribe", True)
    sandbox.tick(PAIR, "64010.25")
    sandbox.tick(CONTRACT, "64010.5")
    for topic in spot_topics:
        table = topic.partition(":")[0]
        frame = await sdk.peer.event("spot socket", lambda row, table=table: row.get("table") == table)
        assert frame["data"]
    for topic in futures_topics:
        frame = await sdk.peer.event(
            "futures socket", lambda row, topic=topic: row.get("group") == topic and "data" in row
        )
        assert frame["data"]
    await spot.unsubscribe(spot_topics[0])
    await sdk.peer.event("spot socket", lambda row: row == {"event": "unsubscribe", "topic": spot_topics[0]})
    await spot.stop()
    await futures.stop()


async def test_private_streams(sandbox: Sandbox, sdk: Sdk) -> None:
    """The SDK logs in with its own signature and hears of orders, wallets and positions."""
    urls = sandbox.environment
    spot = await socket(sdk, sandbox, "Spot", urls.spot_private, "spot socket")
    futures = await socket(sdk, sandbox, "Futures", urls.futures_private, "futures socket")
    await spot.login(timeout=0)
    await futures.login(timeout=0)
    await sdk.peer.event("spot socket", lambda row: row == {"event": "login"})
    await sdk.peer.event("futures socket", lambda row: row == {"action": "access", "success": True})
    await spot.subscribe([f"spot/user/order:{PAIR}", "spot/user/balance:BALANCE_UPDATE"])
    await futures.subscribe(["futures/order", "futures/position", "futures/asset:USDT"])
    await sdk.peer.event("spot socket", lambda row: row.get("topic") == "spot/user/balance:BALANCE_UPDATE")
    await sdk.peer.event("futures socket", lambda row: row.get("group") == "futures/asset:USDT")
    number = (await sdk.spot.post_submit_order(PAIR, "sell", "market", size="0.01"))["order_id"]
    frame = await sdk.peer.event(
        "spot socket",
        lambda row: row.get("table") == "spot/user/order" and row["data"][0]["order_state"] == "filled",
    )
    (order,) = frame["data"]
    (fill,) = sandbox.account().fills
    assert (order["order_id"], order["detail_id"]) == (number, fill.trade_id)
    assert Decimal(order["dealFee"]) == fill.fee
    await sdk.peer.event("spot socket", lambda row: row.get("table") == "spot/user/balance")
    await sdk.contract.post_submit_order(
        CONTRACT, side=1, type="market", size=2, leverage="5", open_type="cross"
    )
    frame = await sdk.peer.event(
        "futures socket",
        lambda row: row.get("group") == "futures/order" and "data" in row and row["data"][0]["action"] == 1,
    )
    assert frame["data"][0]["order"]["deal_size"] == "2"
    frame = await sdk.peer.event(
        "futures socket", lambda row: row.get("group") == "futures/position" and "data" in row
    )
    assert frame["data"][0]["hold_volume"] == "2"
    await sdk.peer.event(
        "futures socket", lambda row: row.get("group") == "futures/asset:USDT" and "data" in row
    )
    await spot.stop()
    await futures.stop()
