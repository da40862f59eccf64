"""Every method of both clients is called against the sandbox over real sockets, and answers as declared.

Once with what a call cannot do without, then with everything it takes. Where parameters exclude each
other, several calls together give all of them. What the exchange refuses by its own rules is named with
the error its caller gets.
"""

from __future__ import annotations

import inspect
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args, get_origin

import aiohttp
import pytest
import pytest_asyncio

from bitmart_async import FuturesClientV2, RestClient
from bitmart_async.errors import ApiError, EndpointRetired, PositionConflict
from bitmart_async.ratelimit import RateLimits
from bitmart_async.rest import ENDPOINTS, section
from bitmart_async.rest.params import snake
from bitmart_async.sandbox import Sandbox
from tests.contract.catalog import ROWS, Row
from tests.contract.test_methods import methods
from tests.sandbox.life import STOP, TRON, live, request_no

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Given = dict[str, Any]
RESTING = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.001", "price": "50000"}
MARKET = {"symbol": "BTC_USDT", "side": "buy", "type": "market", "notional": "50"}
ALGO = {"symbol": "BTC_USDT", "side": "buy", "type": "trigger", "trigger_price": "60000",
        "trigger_type": "limit", "price": "60000", "size": "0.001"}  # fmt: skip
SWAP = {"symbol": "BTCUSDT", "side": 1, "size": 1, "price": "50000"}
PRESETS = {"preset_take_profit_price_type": 1, "preset_stop_loss_price_type": 2,
           "preset_take_profit_price": "90000", "preset_stop_loss_price": "40000"}  # fmt: skip
PLAN = {"symbol": "BTCUSDT", "side": 1, "leverage": "10", "open_type": "cross", "size": 1,
        "trigger_price": "60000", "executive_price": "60001", "price_way": 2, "price_type": 1}  # fmt: skip
TRAIL = {"symbol": "BTCUSDT", "side": 1, "leverage": "10", "open_type": "cross", "size": 1,
         "activation_price": "50000", "callback_rate": "1", "activation_price_type": 1}  # fmt: skip
GUARD = {"symbol": "BTCUSDT", "type": "stop_loss", "side": 3, "trigger_price": "50000",
         "executive_price": "0", "price_type": 1}  # fmt: skip
HISTORY = {"symbol": "BTC_USDT", "start_time": "$week_ms", "end_time": "$now_ms", "limit": 20,
           "recv_window": 6000}  # fmt: skip
WEEK = {"start_time": "$week_s", "end_time": "$now_s"}
WEEK_MS = {"start_time": "$week_ms", "end_time": "$now_ms"}
CANDLES = {"symbol": "BTC_USDT"}
PAGE = {"current_page": 1, "size_page": 10}
LOAN = {"symbol": "BTC_USDT", "currency": "USDT", "amount": "10"}
SUB = {"request_no": "$uuid", "amount": "0.01", "currency": "BTC"}
FUTURES_SUB = {"request_no": "$uuid", "amount": "0.01", "currency": "USDT"}
CHAIN = {"currency": "USDT-TRC20", "amount": "20", "address": TRON}
WINDOW = {"recv_window": 6000}
PAIR = {"symbol": "BTC_USDT"}
SWAPS = {"symbol": "BTCUSDT"}


@dataclass
class Case:
    """How one method is called: first with least, then with more."""

    least: Given = field(default_factory=dict)
    more: tuple[Given, ...] = ()
    sub: bool = False
    """With a sub-account's key."""
    refused: dict[int, tuple[type[ApiError], int]] = field(default_factory=dict)
    """Calls (0 is the one with least) that the exchange refuses by its rules."""

    @property
    def calls(self) -> list[Given]:
        return [self.least, *self.more]


def case(least: Given | None = None, *more: Given, **options: Any) -> Case:
    return Case(least or {}, more, **options)


SPOT: dict[str, Case] = {
    "get_system_time": case(),
    "get_system_status": case(),
    "get_spot_currencies_v1": case(),
    "get_spot_trading_pairs_v1": case(),
    "get_spot_trading_pair_details_v1": case(),
    "get_spot_tickers_v3": case(),
    "get_spot_ticker_v3": case(PAIR),
    "get_spot_latest_kline_v3": case(
        PAIR, {**PAIR, "before": "$now_s", "after": "$hour_ago_s", "step": 1, "limit": 10}
    ),
    "get_spot_history_kline_v3": case(
        PAIR, {**PAIR, "before": "$now_s", "after": "$hour_ago_s", "step": 1, "limit": 100}
    ),
    "get_spot_order_book_depth_v3": case(PAIR, {**PAIR, "limit": 5}),
    "get_spot_recent_trades": case(PAIR, {**PAIR, "limit": 5}),
    "get_spot_wallet_balance_v1": case(),
    "get_basic_spot_fee_rate_v1": case(),
    "get_actual_spot_trade_fee_rate_v1": case(PAIR),
    "submit_spot_order_v2": case(
        RESTING, {**RESTING, "client_order_id": "$own", "stp_mode": "cancel_maker"}, MARKET
    ),
    "submit_spot_batch_orders_v4": case(
        {**PAIR, "order_params": [{key: RESTING[key] for key in ("side", "type", "size", "price")}]},
        {
            **PAIR,
            **WINDOW,
            "order_params": [
                {
                    "side": "buy",
                    "type": "limit",
                    "size": "0.001",
                    "price": "50000",
                    "client_order_id": "$own",
                    "stp_mode": "none",
                },
                {"side": "buy", "type": "market", "notional": "10"},
            ],
        },
    ),
    "cancel_spot_order_v3": case(
        {**PAIR, "order_id": "$spot_order"},
        {**PAIR, "order_id": "$spot_order"},
        {**PAIR, "client_order_id": "$spot_own"},
    ),
    "cancel_spot_batch_orders_v4": case(
        {**PAIR, "order_ids": ["$spot_order"]},
        {**PAIR, **WINDOW, "order_ids": ["$spot_order", "$spot_order"]},
        {**PAIR, **WINDOW, "client_order_ids": ["$spot_own"]},
    ),
    "get_spot_order_by_id_v4": case(
        {"order_id": "$spot_order"}, {"order_id": "$spot_order", "query_state": "open", **WINDOW}
    ),
    "get_spot_order_by_client_order_id_v4": case(
        {"client_order_id": "Mine1"}, {"client_order_id": "$spot_own", "query_state": "open", **WINDOW}
    ),
    "get_spot_open_orders_v4": case({}, {**HISTORY, "order_mode": "spot"}),
    "get_spot_historic_orders_v4": case({}, {**HISTORY, "order_mode": "iso_margin"}),
    "get_spot_account_trades_v4": case({}, {**HISTORY, "order_mode": "spot"}),
    "get_spot_account_order_trades_v4": case({"order_id": "$filled"}, {"order_id": "$filled", **WINDOW}),
    "submit_spot_algo_order_v4": case(
        ALGO,
        {**ALGO, "client_order_id": "$own"},
        {
            key: value
            for key, value in {**ALGO, "trigger_type": "market", "notional": "50"}.items()
            if key not in ("price", "size")
        },
    ),
    "cancel_spot_algo_order_v4": case({**PAIR, "order_id": "$algo", "type": "trigger"}),
    "get_spot_algo_order_by_id_v4": case(
        {"order_id": "$algo"}, {"order_id": "$algo", "query_state": "open", **WINDOW}
    ),
    "get_spot_algo_order_by_client_order_id_v4": case(
        {"client_order_id": "$algo_own"}, {"client_order_id": "$algo_own", "query_state": "open", **WINDOW}
    ),
    "get_spot_algo_open_orders_v4": case({}, {**HISTORY, "order_mode": "trigger"}),
    "get_spot_algo_history_orders_v4": case({}, {**HISTORY, "order_mode": "tp/sl"}),
    "get_spot_tickers_v2": case(),
    "get_spot_ticker_v1": case(PAIR),
    "get_spot_kline_steps_v1": case(),
    "get_spot_klines_v1": case(
        {**PAIR, "from_": "$hour_ago_s", "to": "$now_s"},
        {**PAIR, "from_": "$hour_ago_s", "to": "$now_s", "step": 1},
    ),
    "get_spot_order_book_depth_v1": case(PAIR, {**PAIR, "precision": 2, "size": 10}),
    "submit_spot_batch_orders_v2": case(
        {"order_params": [RESTING]},
        {"order_params": [{**RESTING, "client_order_id": "$own", "stp_mode": "none"}, MARKET]},
    ),
    "cancel_spot_orders_v1": case(PAIR, {**PAIR, "side": "buy"}),
    "submit_margin_order_v1": case(
        MARKET, {**RESTING, "client_order_id": "$own"}, {**MARKET, "client_order_id": "$own"}
    ),
    "get_margin_account_details_v1": case({}, PAIR),
    "submit_margin_asset_transfer_v1": case({**LOAN, "side": "in"}),
    "margin_borrow_v1": case(LOAN),
    "margin_repay_v1": case(LOAN),
    "get_margin_borrow_record_v1": case(PAIR, {**PAIR, **WEEK_MS, "borrow_id": "$loan", "n": 10}),
    "get_margin_repay_record_v1": case(
        PAIR, {**PAIR, **WEEK_MS, "repay_id": "$repayment", "currency": "USDT", "n": 10}
    ),
    "get_margin_borrowing_rates_v1": case({}, PAIR),
    "get_account_balances_v1": case(
        {}, {"currency": "USDT", "need_usd_valuation": True, "source_account": "SPOT"}
    ),
    "get_account_info_v1": case(),
    "submit_account_transfer_v1": case({"currency": "USDT", "amount": "1", "type": "spot_to_fund"}),
    "get_account_currencies_v1": case({}, {"currencies": "USDT,BTC"}),
    "get_account_deposit_address_v1": case({"currency": "USDT-TRC20"}),
    "get_account_withdraw_quota_v1": case({"currency": "BTC"}),
    "submit_withdrawal_v1": case(
        CHAIN,
        {**CHAIN, "address_memo": "12", "destination": "a friend", "source_account": "SPOT"},
        {
            "currency": "USDT-TRC20",
            "amount": "20",
            "type": 3,
            "value": "13800000000",
            "area_code": "86",
            "source_account": "SPOT",
        },
        refused={1: (ApiError, 60014), 2: (ApiError, 60053)},
    ),
    "get_withdraw_address_list": case(),
    "get_deposit_withdraw_history_v2": case(
        {"operation_type": "withdraw", "n": 10},
        {"operation_type": "deposit", "n": 10, "currency": "BTC", **WEEK_MS},
    ),
    "get_deposit_withdraw_detail_v1": case({"id": "$withdrawal"}),
    "get_deposit_account_v1": case(),
    "set_deposit_account_v1": case({"account_type": "SPOT"}),
    "submit_main_transfer_sub_to_main_v1": case({**SUB, "sub_account": "sub1"}),
    "submit_sub_transfer_sub_to_main_v1": case(SUB, sub=True),
    "submit_main_transfer_main_to_sub_v1": case({**SUB, "sub_account": "sub1"}),
    "submit_main_transfer_sub_to_sub_v1": case({**SUB, "from_account": "sub1", "to_account": "sub2"}),
    "submit_sub_transfer_sub_to_sub_v1": case({**SUB, "sub_account": "sub2"}, sub=True),
    "get_sub_transfers_v1": case(
        {"move_type": "spot to spot", "n": 10},
        {"move_type": "spot to spot", "n": 10, "account_name": "sub1"},
    ),
    "get_account_sub_transfers_v1": case({"move_type": "spot to spot", "n": 10}),
    "get_sub_spot_wallet_balances_v1": case(
        {"sub_account": "sub1"}, {"sub_account": "sub1", "currency": "BTC"}
    ),
    "get_sub_accounts_v1": case(),
    "get_earn_account_position": case(),
    "get_flexible_saving_products": case(PAGE, {**PAGE, "coin_name": "USDT"}),
    "subscribe_flexible_saving": case({"product_id": "1001", "amount": "1", "request_no": "$digits"}),
    "redeem_flexible_saving": case({"earn_id": "$earn", "amount": "0.01", "request_no": "$digits"}),
    "get_flexible_saving_positions": case(PAGE, {**PAGE, "coin_name": "USDT", "product_id": "1001"}),
    "get_flexible_saving_history": case(
        {**PAGE, "type": "redeem"}, {**PAGE, **WEEK_MS, "type": "subscribe", "coin_name": "USDT"}
    ),
    "get_fixed_saving_products": case(PAGE, {**PAGE, "coin_name": "USDT"}),
    "subscribe_fixed_saving": case(
        {"product_id": "2001", "amount": "100", "request_no": "$digits", "auto_subscribe": "OFF"}
    ),
    "get_fixed_saving_positions": case(PAGE, {**PAGE, "coin_name": "USDT", "product_id": "2001"}),
    "get_fixed_saving_history": case(
        {**PAGE, "type": "subscribe"}, {**PAGE, **WEEK_MS, "type": "interest", "coin_name": "USDT"}
    ),
    "redeem_fixed_saving_early": case({"earn_id": "$fixed_redeem", "request_no": "$digits"}),
    "update_fixed_saving_auto_reinvest": case({"earn_id": "$fixed", "auto_subscribe": "REINVEST_FIXED"}),
    "set_auto_saving_batch": case({"auto_subscribe": "open"}),
    "get_auto_saving_batch_status": case(),
    "set_flexible_saving_auto_subscribe": case({"product_id": "1001", "auto_subscribe": "close"}),
    "get_flexible_saving_auto_subscribe_status": case({"product_id": "1001"}),
    "get_broker_rebate": case({}, WEEK),
    "cancel_all_spot_algo_orders_v4": case({"type": "tp/sl"}, {"type": "trigger", **PAIR}),
    "cancel_all_spot_orders": case(PAIR, {**PAIR, "side": "buy"}),
}

FUTURES: dict[str, Case] = {
    "get_system_time": case(),
    "get_system_status": case(),
    "get_futures_contract_details": case({}, SWAPS),
    "get_futures_contract_depth": case(SWAPS),
    "get_futures_market_trade": case(SWAPS, {**SWAPS, "limit": 5}),
    "get_futures_open_interest": case(SWAPS),
    "get_futures_funding_rate": case(SWAPS),
    "get_futures_funding_rate_v2": case({}, SWAPS),
    "get_futures_funding_rate_history": case(SWAPS, {**SWAPS, "limit": 5}),
    "get_futures_klines": case({**SWAPS, **WEEK}, {**SWAPS, **WEEK, "step": 60}),
    "get_futures_mark_price_klines": case({**SWAPS, **WEEK}, {**SWAPS, **WEEK, "step": 60}),
    "get_futures_leverage_bracket": case({}, SWAPS),
    "get_futures_account_assets": case(),
    "get_futures_trade_fee_rate": case(SWAPS),
    "get_futures_account_positions": case({}, {**SWAPS, "account": "futures"}),
    "get_futures_account_positions_v2": case({}, {**SWAPS, "account": "futures"}),
    "get_position_risk_details": case({}, {**SWAPS, "account": "futures"}),
    "get_position_mode": case(),
    "set_position_mode": case(
        {"position_mode": "one_way_mode"},
        {"position_mode": "hedge_mode"},
        refused={1: (PositionConflict, 40059)},
    ),
    "set_futures_leverage": case(
        {**SWAPS, "open_type": "cross"}, {**SWAPS, "open_type": "cross", "leverage": "10"}
    ),
    "get_futures_account_transaction_history": case(
        {}, {**SWAPS, **WEEK_MS, "flow_type": 0, "account": "futures", "page_size": 10}
    ),
    "submit_futures_order": case(
        SWAP,
        {
            **SWAP,
            **PRESETS,
            "client_order_id": "$own",
            "type": "limit",
            "leverage": "10",
            "open_type": "cross",
            "mode": 1,
            "stp_mode": 1,
        },
    ),
    "update_futures_limit_order": case(
        {**SWAPS, "order_id": "$swap_order", "price": "50001"},
        {**SWAPS, "order_id": "$swap_order", "price": "50001", "size": 2},
        {**SWAPS, "client_order_id": "$swap_own", "price": "50001", "size": 2},
    ),
    "cancel_futures_order": case(
        {**SWAPS, "order_id": "$swap_order"}, {**SWAPS, "client_order_id": "$swap_own"}
    ),
    "cancel_all_futures_orders_after": case({**SWAPS, "timeout": 60}),
    "get_futures_account_order": case(
        {**SWAPS, "order_id": "$swap_order"}, {**SWAPS, "order_id": "$swap_order", "account": "futures"}
    ),
    "get_futures_account_order_history": case(
        SWAPS,
        {**SWAPS, **WEEK, "account": "futures", "order_id": "$swap_order", "client_order_id": "$own"},
    ),
    "get_futures_account_open_orders": case(
        {}, {**SWAPS, "type": "limit", "order_state": "all", "limit": 10}
    ),
    "get_futures_account_trades": case(
        {}, {**SWAPS, **WEEK, "account": "futures", "order_id": "$swap_order", "client_order_id": "$own"}
    ),
    "submit_futures_plan_order": case(
        PLAN, {**PLAN, **PRESETS, "type": "limit", "mode": 1, "plan_category": 1}
    ),
    "update_futures_plan_order": case(
        {**SWAPS, "order_id": "$plan", "type": "market", "trigger_price": "59000", "price_type": 2},
        {
            **SWAPS,
            "order_id": "$plan",
            "type": "limit",
            "trigger_price": "59000",
            "price_type": 2,
            "executive_price": "59001",
        },
    ),
    "cancel_futures_plan_order": case(
        {**SWAPS, "order_id": "$plan"}, {**SWAPS, "client_order_id": "$stop_own"}
    ),
    "get_futures_account_plan_orders": case({}, {**SWAPS, "type": "limit", "limit": 10, "plan_type": "plan"}),
    "submit_futures_tpsl_order": case(
        GUARD, {**GUARD, "size": 1, "plan_category": 1, "client_order_id": "$own", "category": "market"}
    ),
    "update_futures_tpsl_order": case(
        {**SWAPS, "order_id": "$stop", "trigger_price": "51000", "price_type": 1, "plan_category": 2},
        {
            **SWAPS,
            "client_order_id": "$stop_own",
            "trigger_price": "51000",
            "price_type": 1,
            "executive_price": "50900",
            "plan_category": 1,
            "category": "limit",
        },
    ),
    "update_futures_preset_plan_order": case(
        {**SWAPS, "order_id": "$swap_order", "preset_take_profit_price": "90000"},
        {**SWAPS, **PRESETS, "order_id": "$swap_order"},
    ),
    "submit_futures_trail_order": case(TRAIL),
    "cancel_futures_trail_order": case({**SWAPS, "order_id": "$trail"}),
    "submit_futures_transfer": case(
        {"currency": "USDT", "amount": "1", "type": "spot_to_contract"},
        {"currency": "USDT", "amount": "1", "type": "contract_to_spot", **WINDOW},
    ),
    "get_futures_transfers": case(
        {"page": 1, "limit": 10},
        {
            "page": 1,
            "limit": 10,
            "currency": "USDT",
            "time_start": "$week_ms",
            "time_end": "$now_ms",
            **WINDOW,
        },
    ),
    "submit_futures_funding_account_transfer": case(
        {"currency": "USDT", "amount": "1", "type": "fund_to_contract"}
    ),
    "submit_futures_simulated_claim": case(),
    "submit_futures_sub_to_main_transfer_from_main": case({**FUTURES_SUB, "sub_account": "sub1"}),
    "submit_futures_main_to_sub_transfer_from_main": case({**FUTURES_SUB, "sub_account": "sub1"}),
    "submit_futures_sub_to_main_sub_from_sub": case(FUTURES_SUB, sub=True),
    "get_futures_sub_wallet": case({"sub_account": "sub1"}, {"sub_account": "sub1", "currency": "USDT"}),
    "get_futures_sub_transfers": case({"sub_account": "sub1", "limit": 10}),
    "get_futures_sub_transfer_history": case({"limit": 10}),
    "get_futures_affiliate_rebates": case(
        {"page": 1, "size": 10, "currency": "USDT"},
        {
            "page": 1,
            "size": 10,
            "currency": "USDT",
            "user_id": "20001",
            "rebate_start_time": "$week_s",
            "rebate_end_time": "$now_s",
            "register_start_time": "$week_s",
            "register_end_time": "$now_s",
        },
    ),
    "get_futures_affiliate_trades": case(
        {"user_id": "20001", "type": 1, "page": 1, "size": 10},
        {"user_id": "20001", "type": 1, "page": 1, "size": 10, **WEEK},
    ),
    "get_futures_affiliate_rebate_user": case({"cid": "20001", **WEEK}),
    "get_futures_affiliate_rebate_api": case({"cid": "20001", **WEEK}),
    "get_futures_affiliate_invite_check": case({"cid": "20001"}),
    "get_futures_affiliate_rebate_invite_user": case(
        {**WEEK, "page": 1, "size": 10}, {**WEEK, "page": 1, "size": 10, "cid": "20001"}
    ),
    "get_futures_affiliate_customer_info": case({"user_id": "20001"}),
    "get_futures_affiliate_deposit_withdrawal_list": case(
        {"cid": "20001", "page": 1, "size": 10, **WEEK},
        {"cid": "20001", "page": 1, "size": 10, "type": 1, **WEEK},
    ),
    "get_futures_auto_repayment": case(
        {}, {**WEEK, "page": 1, "size": 10, "from_coin_code": "USDT", "type": "AUTO_REPAY"}
    ),
    "get_futures_cross_collateral_interest_log": case(
        {}, {**WEEK, "page": 1, "size": 10, "coin_code": "USDT"}
    ),
    "close_all_futures_positions": case(
        {"contract_type": 1}, {"contract_type": 1, **SWAPS, "position_side": "long"}
    ),
    "cancel_all_futures_orders": case(SWAPS),
}

CASES = {RestClient: SPOT, FuturesClientV2: FUTURES}
CALLS = [
    (client, name, number)
    for client, cases in CASES.items()
    for name, one in cases.items()
    for number in range(len(one.calls))
]


def endpoint_row(client: type, name: str) -> Row:
    """The catalog's row of a method; the two of the system section stand under both hosts."""
    [row] = [row for row in ROWS if (row["client"], row["method_name"]) == (client.__name__, name)]
    return row


class World:
    """A sandbox whose accounts have a history, four clients, and what only this run knows."""

    def __init__(self, sandbox: Sandbox, known: dict[str, Any]) -> None:
        sub = sandbox.sub_accounts["sub1"]
        self.rest = RestClient(**sandbox.client_options)
        self.futures = FuturesClientV2(**sandbox.client_options)
        self.sub_rest = RestClient(environment=sandbox.environment, **sub)
        self.sub_futures = FuturesClientV2(environment=sandbox.environment, **sub)
        self.known = known
        self._own = 0
        now_s = sandbox.now_ms() // 1_000
        self.known |= {
            "now_s": now_s, "hour_ago_s": now_s - 3_600, "week_s": now_s - 7 * 86_400,
            "now_ms": now_s * 1_000, "week_ms": (now_s - 7 * 86_400) * 1_000,
        }  # fmt: skip
        self.made: dict[str, Callable[[], Awaitable[Any]]] = {
            "own": self.own, "uuid": self.uuid, "digits": self.digits,
            "spot_order": self.spot_order, "spot_own": self.spot_own, "algo": self.algo,
            "algo_own": self.algo_own, "swap_order": self.swap_order, "swap_own": self.swap_own,
            "plan": self.plan, "stop": self.stop, "stop_own": self.stop_own, "trail": self.trail,
            "loan": self.loan, "repayment": self.repayment,
        }  # fmt: skip

    def client(self, kind: type, *, sub: bool) -> RestClient | FuturesClientV2:
        """Its limits forgotten: the calls of a case are not spread over windows."""
        spot, futures = (self.sub_rest, self.sub_futures) if sub else (self.rest, self.futures)
        for one in (self.rest, self.futures, self.sub_rest, self.sub_futures):
            one._transport.limits = RateLimits()
        return spot if kind is RestClient else futures

    async def aclose(self) -> None:
        for client in (self.rest, self.futures, self.sub_rest, self.sub_futures):
            await client.aclose()

    async def filled_in(self, value: Any) -> Any:
        """The value with what only this run knows put in, and what must be fresh made."""
        if isinstance(value, dict):
            return {key: await self.filled_in(item) for key, item in value.items()}
        if isinstance(value, list):
            return [await self.filled_in(item) for item in value]
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        return await self.made[value[1:]]() if value[1:] in self.made else self.known[value[1:]]

    async def own(self) -> str:
        self._own += 1
        return f"Own{self._own}"

    async def uuid(self) -> str:
        return str(uuid.uuid4())

    async def digits(self) -> str:
        return request_no()

    async def spot_order(self) -> str:
        return (await self.rest.submit_spot_order_v2(**RESTING)).order_id

    async def spot_own(self) -> str:
        own = await self.own()
        await self.rest.submit_spot_order_v2(**RESTING, client_order_id=own)
        return own

    async def algo(self) -> str:
        return (await self.rest.submit_spot_algo_order_v4(**ALGO)).order_id

    async def algo_own(self) -> str:
        own = await self.own()
        await self.rest.submit_spot_algo_order_v4(**ALGO, client_order_id=own)
        return own

    async def swap_order(self) -> str:
        return (await self.futures.submit_futures_order(**SWAP)).order_id

    async def swap_own(self) -> str:
        own = await self.own()
        await self.futures.submit_futures_order(**SWAP, client_order_id=own)
        return own

    async def plan(self) -> str:
        return (await self.futures.submit_futures_plan_order(**PLAN)).order_id

    async def stop(self) -> str:
        return (await self.futures.submit_futures_tpsl_order(**STOP)).order_id

    async def stop_own(self) -> str:
        own = await self.own()
        await self.futures.submit_futures_tpsl_order(**STOP, client_order_id=own)
        return own

    async def trail(self) -> str:
        return (await self.futures.submit_futures_trail_order(**TRAIL)).order_id

    async def loan(self) -> str:
        return (await self.rest.get_margin_borrow_record_v1("BTC_USDT")).records[0].borrow_id

    async def repayment(self) -> str:
        return (await self.rest.get_margin_repay_record_v1("BTC_USDT")).records[0].repay_id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with Sandbox(seed=4, lively=False, rate_limits=False) as sandbox, aiohttp.ClientSession() as http:
        one = World(sandbox, await live(sandbox, http))
        yield one
        await one.aclose()


def fits(value: object, kind: Any) -> bool:
    """Whether the value is of the declared type, rows of a list included."""
    if kind is object:
        return True
    if get_origin(kind) is list:
        return isinstance(value, list) and all(fits(item, get_args(kind)[0]) for item in value)
    return isinstance(value, get_origin(kind) or kind)


def spelled(kind: Any) -> str:
    """A type as an annotation spells it."""
    if kind is type(None):
        return "None"
    inner = ", ".join(spelled(one) for one in get_args(kind))
    name = (get_origin(kind) or kind).__name__
    return f"{name}[{inner}]" if inner else str(name)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("client", "name", "number"), CALLS, ids=[f"{client.__name__}.{name}-{n}" for client, name, n in CALLS]
)
async def test_a_call_answers_as_declared(
    world: World, monkeypatch: pytest.MonkeyPatch, client: type, name: str, number: int
) -> None:
    """The result has the declared type; a refusal and a retired endpoint are told by their error."""
    row, one = endpoint_row(client, name), CASES[client][name]
    method = getattr(world.client(client, sub=one.sub), name)
    given = await world.filled_in(one.calls[number])
    if row["deprecated"]:
        monkeypatch.setattr(section, "_warned", set())
        with pytest.warns(DeprecationWarning, match=row["path"]), pytest.raises(EndpointRetired) as retired:
            await method(**given)
        assert retired.value.code == 30031
    elif number in one.refused:
        kind, code = one.refused[number]
        with pytest.raises(kind) as refused:
            await method(**given)
        assert refused.value.code == code
    else:
        returns = ENDPOINTS[row["id"]].returns
        assert inspect.signature(method).return_annotation == spelled(returns)
        assert fits(await method(**given), returns)


@pytest.mark.parametrize("client", CASES, ids=lambda client: client.__name__)
def test_no_method_is_forgotten(client: type) -> None:
    """Every method of the client stands above, and none besides."""
    offered = {name for kind, name in methods() if issubclass(client, kind)}
    assert offered - set(CASES[client]) == set(), "methods without a call"
    assert set(CASES[client]) - offered == set(), "calls of no method"


@pytest.mark.parametrize(
    ("client", "name"),
    [(client, name) for client, cases in CASES.items() for name in cases],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_no_parameter_is_forgotten(client: type, name: str) -> None:
    """The calls of a method together give every parameter it has, nested ones too."""
    calls = CASES[client][name].calls
    for param in endpoint_row(client, name)["params"]:
        key = snake(param["name"])
        assert any(key in call for call in calls), f"{key} is never given"
        nested = {snake(inner["name"]) for inner in param.get("fields", ())}
        given = {inner for call in calls if nested for row in call[key] for inner in row}
        assert nested <= given, f"{key}: {nested - given} is never given"
