"""Each futures method beside market, account and plain orders sends what it says."""

from __future__ import annotations

import inspect
import json
from decimal import Decimal
from typing import Any

import pytest

from bitmart_async import FuturesClientV2, ParameterError
from bitmart_async.models.enums import (
    AffiliateContractType,
    ExecutionType,
    FundingTransferType,
    FuturesOrderMode,
    FuturesSide,
    FuturesTransferType,
    MarginMode,
    MoneyMovement,
    PlanCategory,
    PlanOrderType,
    PlanTypeFilter,
    PriceType,
    PriceWay,
    TpSlType,
)
from bitmart_async.rest import ENDPOINTS, Effect, Endpoint
from tests.kept import SHARED, needs_shared


class _Answer:
    data = None


class _Wiretap:
    """Stands for the transport: keeps the endpoint and the encoded parameters of each call."""

    def __init__(self, *, strict: bool = True) -> None:
        self.strict = strict
        self.endpoint: Endpoint[Any] | None = None
        self.sent: dict[str, object] = {}

    async def call(self, endpoint: Endpoint[Any], given: dict[str, object]) -> _Answer:
        self.endpoint = endpoint
        self.sent = endpoint.encode(given, strict=self.strict)
        return _Answer()


def _client(*, strict: bool = True) -> tuple[FuturesClientV2, _Wiretap]:
    client = FuturesClientV2.__new__(FuturesClientV2)
    tap = _Wiretap(strict=strict)
    client._transport = tap  # type: ignore[assignment]
    return client, tap


async def _send(method: str, given: dict[str, object], *, strict: bool = True) -> _Wiretap:
    client, tap = _client(strict=strict)
    await getattr(client, method)(**given)
    return tap


_D = Decimal
_PRESETS_GIVEN = {
    "preset_take_profit_price_type": PriceType.MARK,
    "preset_stop_loss_price_type": 1,
    "preset_take_profit_price": _D("70000.5"),
    "preset_stop_loss_price": "60000",
}
_PRESETS_SENT = {
    "preset_take_profit_price_type": 2,
    "preset_stop_loss_price_type": 1,
    "preset_take_profit_price": "70000.5",
    "preset_stop_loss_price": "60000",
}
_SUB = {"request_no": "a-1", "amount": _D("1E+1"), "currency": "USDT"}
_SUB_SENT = {"requestNo": "a-1", "amount": "10", "currency": "USDT"}
_WINDOW = {"start_time": 1770000000, "end_time": 1770086400}

# id, method, required: given and sent, all: given beyond that and sent beyond that
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "futures.submit_plan_order",
        "submit_futures_plan_order",
        {
            "symbol": "BTCUSDT",
            "type": "market",
            "side": 1,
            "leverage": 10,
            "open_type": "cross",
            "size": 3,
            "trigger_price": "65000",
            "price_way": 1,
            "price_type": 1,
        },
        {
            "symbol": "BTCUSDT",
            "type": "market",
            "side": 1,
            "leverage": "10",
            "open_type": "cross",
            "size": 3,
            "trigger_price": "65000",
            "price_way": 1,
            "price_type": 1,
        },
        {
            "type": PlanOrderType.LIMIT,
            "side": FuturesSide.SELL_OPEN_SHORT,
            "open_type": MarginMode.ISOLATED,
            "price_way": PriceWay.FALLING,
            "price_type": PriceType.MARK,
            "mode": FuturesOrderMode.IOC,
            "executive_price": _D("64000.10"),
            "plan_category": PlanCategory.QUANTITY,
            **_PRESETS_GIVEN,
        },
        {
            "type": "limit",
            "side": 4,
            "open_type": "isolated",
            "price_way": 2,
            "price_type": 2,
            "mode": 3,
            "executive_price": "64000.10",
            "plan_category": 1,
            **_PRESETS_SENT,
        },
    ),
    (
        "futures.modify_plan_order",
        "update_futures_plan_order",
        {"symbol": "BTCUSDT", "order_id": "7", "type": "market", "trigger_price": 1, "price_type": 2},
        {"symbol": "BTCUSDT", "order_id": "7", "type": "market", "trigger_price": "1", "price_type": 2},
        {"type": ExecutionType.LIMIT, "executive_price": "2"},
        {"type": "limit", "executive_price": "2"},
    ),
    (
        "futures.cancel_plan_order",
        "cancel_futures_plan_order",
        {"symbol": "BTCUSDT", "order_id": "7"},
        {"symbol": "BTCUSDT", "order_id": "7"},
        {},
        {},
    ),
    (
        "futures.get_plan_orders",
        "get_futures_account_plan_orders",
        {},
        {},
        {"symbol": "BTCUSDT", "type": "limit", "limit": 100, "plan_type": PlanTypeFilter.PROFIT_LOSS},
        {"symbol": "BTCUSDT", "type": "limit", "limit": 100, "plan_type": "profit_loss"},
    ),
    (
        "futures.submit_tp_sl_order",
        "submit_futures_tpsl_order",
        {
            "symbol": "BTCUSDT",
            "type": "stop_loss",
            "side": 3,
            "trigger_price": "60000",
            "executive_price": 0,
            "price_type": 2,
        },
        {
            "symbol": "BTCUSDT",
            "type": "stop_loss",
            "side": 3,
            "trigger_price": "60000",
            "executive_price": "0",
            "price_type": 2,
            "plan_category": 2,
        },
        {
            "type": TpSlType.TAKE_PROFIT,
            "side": FuturesSide.BUY_CLOSE_SHORT,
            "executive_price": "59000",
            "size": 5,
            "plan_category": PlanCategory.QUANTITY,
            "client_order_id": "mine1",
            "category": ExecutionType.LIMIT,
        },
        {
            "type": "take_profit",
            "side": 2,
            "executive_price": "59000",
            "size": 5,
            "plan_category": 1,
            "client_order_id": "mine1",
            "category": "limit",
        },
    ),
    (
        "futures.modify_tp_sl_order",
        "update_futures_tpsl_order",
        {"symbol": "BTCUSDT", "order_id": "7", "trigger_price": "1", "price_type": 1},
        {"symbol": "BTCUSDT", "order_id": "7", "trigger_price": "1", "price_type": 1},
        {"executive_price": "0", "plan_category": 1, "category": "market"},
        {"executive_price": "0", "plan_category": 1, "category": "market"},
    ),
    (
        "futures.modify_preset_plan_order",
        "update_futures_preset_plan_order",
        {"symbol": "BTCUSDT", "order_id": "7", "preset_stop_loss_price": "5"},
        {"symbol": "BTCUSDT", "order_id": "7", "preset_stop_loss_price": "5"},
        _PRESETS_GIVEN,
        _PRESETS_SENT,
    ),
    (
        "futures.submit_trail_order",
        "submit_futures_trail_order",
        {
            "symbol": "BTCUSDT",
            "side": FuturesSide.SELL_CLOSE_LONG,
            "leverage": "5",
            "open_type": MarginMode.CROSS,
            "size": 1,
            "activation_price": _D("70000"),
            "callback_rate": "0.1",
            "activation_price_type": PriceType.LAST,
        },
        {
            "symbol": "BTCUSDT",
            "side": 3,
            "leverage": "5",
            "open_type": "cross",
            "size": 1,
            "activation_price": "70000",
            "callback_rate": "0.1",
            "activation_price_type": 1,
        },
        {},
        {},
    ),
    (
        "futures.cancel_trail_order",
        "cancel_futures_trail_order",
        {"symbol": "BTCUSDT", "order_id": "7"},
        {"symbol": "BTCUSDT", "order_id": "7"},
        {},
        {},
    ),
    (
        "futures.transfer",
        "submit_futures_transfer",
        {"currency": "USDT", "amount": "0.01", "type": FuturesTransferType.SPOT_TO_CONTRACT},
        {"currency": "USDT", "amount": "0.01", "type": "spot_to_contract"},
        {"recv_window": 9000},
        {"recvWindow": 9000},
    ),
    (
        "futures.get_transfer_list",
        "get_futures_transfers",
        {"page": 1, "limit": 10},
        {"page": 1, "limit": 10},
        {
            "currency": "USDT",
            "time_start": 1770000000000,
            "time_end": 1770000000001,
            "recv_window": 1,
        },
        {"currency": "USDT", "time_start": 1770000000000, "time_end": 1770000000001, "recvWindow": 1},
    ),
    (
        "futures.funding_account_transfer",
        "submit_futures_funding_account_transfer",
        {"currency": "USDT", "amount": 3, "type": FundingTransferType.CONTRACT_TO_FUND},
        {"currency": "USDT", "amount": "3", "type": "contract_to_fund"},
        {},
        {},
    ),
    ("futures.claim_demo_funds", "submit_futures_simulated_claim", {}, {}, {}, {}),
    (
        "futures.sub_to_main_from_main",
        "submit_futures_sub_to_main_transfer_from_main",
        {**_SUB, "sub_account": "kid"},
        {**_SUB_SENT, "subAccount": "kid"},
        {},
        {},
    ),
    (
        "futures.main_to_sub_from_main",
        "submit_futures_main_to_sub_transfer_from_main",
        {**_SUB, "sub_account": "kid"},
        {**_SUB_SENT, "subAccount": "kid"},
        {},
        {},
    ),
    (
        "futures.sub_to_main_from_sub",
        "submit_futures_sub_to_main_sub_from_sub",
        _SUB,
        _SUB_SENT,
        {},
        {},
    ),
    (
        "futures.get_sub_wallet",
        "get_futures_sub_wallet",
        {"sub_account": "kid"},
        {"subAccount": "kid"},
        {"currency": "USDT"},
        {"currency": "USDT"},
    ),
    (
        "futures.get_sub_transfers",
        "get_futures_sub_transfers",
        {"sub_account": "kid", "limit": 100},
        {"subAccount": "kid", "limit": 100},
        {},
        {},
    ),
    (
        "futures.get_transfer_history",
        "get_futures_sub_transfer_history",
        {"limit": 1},
        {"limit": 1},
        {},
        {},
    ),
    (
        "futures.get_affiliate_rebate_list",
        "get_futures_affiliate_rebates",
        {"page": 1, "size": 10, "currency": "USDT"},
        {"page": 1, "size": 10, "currency": "USDT"},
        {
            "user_id": "42",
            "rebate_start_time": 1,
            "rebate_end_time": 2,
            "register_start_time": 3,
            "register_end_time": 4,
        },
        {
            "user_id": 42,
            "rebate_start_time": 1,
            "rebate_end_time": 2,
            "register_start_time": 3,
            "register_end_time": 4,
        },
    ),
    (
        "futures.get_affiliate_trade_list",
        "get_futures_affiliate_trades",
        {"user_id": "42", "type": AffiliateContractType.COIN_MARGINED, "page": 1, "size": 10},
        {"user_id": 42, "type": 2, "page": 1, "size": 10},
        _WINDOW,
        _WINDOW,
    ),
    (
        "futures.get_affiliate_rebate_user",
        "get_futures_affiliate_rebate_user",
        {"cid": "42", **_WINDOW},
        {"cid": 42, **_WINDOW},
        {},
        {},
    ),
    (
        "futures.get_affiliate_rebate_api",
        "get_futures_affiliate_rebate_api",
        {"cid": "42", **_WINDOW},
        {"cid": 42, **_WINDOW},
        {},
        {},
    ),
    (
        "futures.check_affiliate_invite",
        "get_futures_affiliate_invite_check",
        {"cid": "42"},
        {"cid": 42},
        {},
        {},
    ),
    (
        "futures.get_affiliate_invited_users",
        "get_futures_affiliate_rebate_invite_user",
        {**_WINDOW, "page": 1, "size": 50},
        {**_WINDOW, "page": 1, "size": 50},
        {"cid": "42"},
        {"cid": 42},
    ),
    (
        "futures.get_affiliate_customer_info",
        "get_futures_affiliate_customer_info",
        {"user_id": "42"},
        {"userId": 42},
        {},
        {},
    ),
    (
        "futures.get_affiliate_deposit_withdrawal_list",
        "get_futures_affiliate_deposit_withdrawal_list",
        {"cid": "42", "page": 1, "size": 50, **_WINDOW},
        {"cid": 42, "page": 1, "size": 50, **_WINDOW},
        {"type": MoneyMovement.WITHDRAWAL},
        {"type": 2},
    ),
    (
        "futures.get_auto_repayment",
        "get_futures_auto_repayment",
        {},
        {},
        {**_WINDOW, "page": 1, "size": 20, "from_coin_code": "BTC", "type": "AUTO_REPAY"},
        {**_WINDOW, "page": 1, "size": 20, "from_coin_code": "BTC", "type": "AUTO_REPAY"},
    ),
    (
        "futures.get_cross_collateral_interest_log",
        "get_futures_cross_collateral_interest_log",
        {},
        {},
        {**_WINDOW, "page": 1, "size": 20, "coin_code": "USDT"},
        {**_WINDOW, "page": 1, "size": 20, "coin_code": "USDT"},
    ),
]
_IDS = [case[0] for case in CASES]
_GIVEN = {case[1]: case[2] for case in CASES}
_TWO_IDS = ("futures.cancel_plan_order", "futures.modify_tp_sl_order")


def _same(sent: dict[str, object], wanted: dict[str, object]) -> None:
    """Equal in JSON, where 1 and "1" and 1.0 differ."""
    assert json.dumps(sent, sort_keys=True) == json.dumps(wanted, sort_keys=True)


@pytest.mark.parametrize("case", CASES, ids=_IDS)
async def test_the_required_alone(case: tuple[Any, ...]) -> None:
    """With the least that is needed, exactly that is sent, in the wire's names and types."""
    catalog_id, method, given, sent, _, _ = case
    tap = await _send(method, given)
    assert tap.endpoint is ENDPOINTS[catalog_id]
    _same(tap.sent, sent)


@pytest.mark.parametrize("case", CASES, ids=_IDS)
async def test_all_parameters(case: tuple[Any, ...]) -> None:
    """With everything given, every parameter of the endpoint is sent."""
    catalog_id, method, given, sent, more, more_sent = case
    tap = await _send(method, {**given, **more})
    _same(tap.sent, {**sent, **more_sent})
    wire = {param.wire for param in ENDPOINTS[catalog_id].params}
    assert set(tap.sent) == (wire - {"client_order_id"} if catalog_id in _TWO_IDS else wire)


@pytest.mark.parametrize("case", CASES, ids=_IDS)
async def test_what_is_required_cannot_be_left_out(case: tuple[Any, ...]) -> None:
    """A parameter the endpoint requires is required by the method too."""
    catalog_id, method = case[0], case[1]
    parameters = inspect.signature(getattr(FuturesClientV2, method)).parameters
    for param in ENDPOINTS[catalog_id].params:
        if param.required:
            assert parameters[param.name].default is inspect.Parameter.empty, param.name


@pytest.mark.parametrize("method", ["cancel_futures_plan_order", "update_futures_tpsl_order"])
async def test_an_own_id_does_instead(method: str) -> None:
    """Where the exchange knows the client order id, it names the order."""
    given = {name: value for name, value in _GIVEN[method].items() if name != "order_id"}
    tap = await _send(method, {**given, "client_order_id": "mine1"})
    assert tap.sent["client_order_id"] == "mine1"
    assert "order_id" not in tap.sent


@needs_shared
def test_every_endpoint_of_the_catalog_has_its_method() -> None:
    """The client has a method for each futures row of the catalog, under the catalog's name."""
    for row in json.loads((SHARED / "rest-futures.json").read_text()):
        assert row["id"] in ENDPOINTS
        assert inspect.iscoroutinefunction(getattr(FuturesClientV2, row["method_name"])), row["method_name"]


def test_what_a_lost_answer_means() -> None:
    """Orders, changes and reads are declared as what they are, whatever the HTTP method."""
    for catalog_id, method, *_ in CASES:
        endpoint = ENDPOINTS[catalog_id]
        if method.startswith("get_"):
            wanted = Effect.READ
        elif "order" in method:
            wanted = Effect.ORDER
        else:
            wanted = Effect.CHANGE
        assert endpoint.effect is wanted, catalog_id
    assert ENDPOINTS["futures.get_transfer_list"].method == "POST"
    assert ENDPOINTS["futures.submit_tp_sl_order"].own_id == "client_order_id"


# Refused here -----------------------------------------------------------------------------------

_PLAN, _TPSL = "submit_futures_plan_order", "submit_futures_tpsl_order"
_CHANGE_PLAN, _CHANGE_TPSL = "update_futures_plan_order", "update_futures_tpsl_order"
RULES: list[tuple[str, dict[str, Any], str]] = [
    (_PLAN, {"type": "limit"}, "needs executive_price"),
    (_PLAN, {"type": None}, "needs executive_price"),
    (_PLAN, {"executive_price": "5"}, "has no executive_price"),
    (_PLAN, {"mode": 4}, "MAKER_ONLY"),
    (_PLAN, {"side": 2, "preset_stop_loss_price": "5"}, "orders that open"),
    (_PLAN, {"price_way": 3}, "PriceWay"),
    (_PLAN, {"size": 0}, "at least 1"),
    (_PLAN, {"trigger_price": "0"}, "above zero"),
    (_PLAN, {"symbol": "BTC_USDT"}, "no underscore"),
    (_CHANGE_PLAN, {"type": "limit"}, "needs executive_price"),
    (_CHANGE_PLAN, {"executive_price": "5"}, "has no executive_price"),
    (_CHANGE_PLAN, {"type": "stop_loss"}, "ExecutionType"),
    (_TPSL, {"side": 1}, "must close"),
    (_TPSL, {"plan_category": 1}, "needs size"),
    (_TPSL, {"plan_category": 2, "size": 5}, "whole position"),
    (_TPSL, {"category": "limit"}, "above 0"),
    (_TPSL, {"executive_price": "-1"}, "at least 0"),
    (_TPSL, {"client_order_id": "no-dash"}, "letters and digits"),
    (_CHANGE_TPSL, {"plan_category": 1}, "needs executive_price"),
    (_CHANGE_TPSL, {"category": "limit", "executive_price": "0"}, "above 0"),
    ("update_futures_preset_plan_order", {"preset_stop_loss_price": None}, "preset_take_profit_price"),
    ("submit_futures_trail_order", {"callback_rate": "0.09"}, "at least 0.1"),
    ("submit_futures_trail_order", {"callback_rate": "5.01"}, "at most 5"),
    ("submit_futures_transfer", {"amount": "0.009"}, "at least 0.01"),
    ("submit_futures_transfer", {"amount": "10000000000.01"}, "at most 10000000000"),
    ("submit_futures_transfer", {"type": "fund_to_contract"}, "FuturesTransferType"),
    ("get_futures_transfers", {"limit": 9}, "at least 10"),
    ("get_futures_transfers", {"page": 1001}, "at most 1000"),
    ("get_futures_transfers", {"time_start": 1770000000}, "looks like seconds"),
    ("get_futures_transfers", {"time_start": 1770000000001, "time_end": 1770000000000}, "earlier"),
    ("submit_futures_sub_to_main_sub_from_sub", {"request_no": "x" * 65}, "1 to 64"),
    ("submit_futures_sub_to_main_sub_from_sub", {"amount": "0"}, "above zero"),
    ("get_futures_sub_transfers", {"limit": 101}, "at most 100"),
    ("get_futures_affiliate_rebates", {"rebate_start_time": 5, "rebate_end_time": 5}, "earlier"),
    ("get_futures_affiliate_rebates", {"register_start_time": 1770000000000}, "looks like milliseconds"),
    ("get_futures_affiliate_trades", {"user_id": "me"}, "digits only"),
    ("get_futures_affiliate_rebate_user", {"end_time": 1770000000 + 60 * 86400 + 1}, "60 days"),
    ("get_futures_affiliate_rebate_invite_user", {"size": 51}, "at most 50"),
    ("get_futures_affiliate_deposit_withdrawal_list", {"start_time": 1770000000000}, "milliseconds"),
    ("get_futures_auto_repayment", {"start_time": 2, "end_time": 1}, "earlier"),
    (
        "get_futures_cross_collateral_interest_log",
        {"start_time": 1, "end_time": 2 + 90 * 86400},
        "90 days",
    ),
]


@pytest.mark.parametrize(("method", "wrong", "says"), RULES)
async def test_a_rule(method: str, wrong: dict[str, Any], says: str) -> None:
    """A combination that cannot work is refused here, and the text says why."""
    with pytest.raises(ParameterError, match=says):
        await _send(method, {**_GIVEN[method], **wrong})


async def test_the_longest_windows_pass() -> None:
    """Exactly the longest window the exchange takes is no mistake."""
    method, window = "get_futures_affiliate_rebate_user", {"start_time": 1770000000}
    longest = 1770000000 + 60 * 86400
    assert (await _send(method, {"cid": "42", **window, "end_time": longest})).sent["end_time"] == longest
    with pytest.raises(ParameterError):
        await _send(method, {"cid": "42", **window, "end_time": longest + 1})


async def test_a_size_makes_a_tp_sl_order_close_that_quantity() -> None:
    """The exchange's default would close the whole position; the category is therefore always sent."""
    tap = await _send(_TPSL, {**_GIVEN[_TPSL], "size": 5})
    assert tap.sent["plan_category"] == 1
    assert (await _send(_TPSL, _GIVEN[_TPSL])).sent["plan_category"] == 2


def test_a_bare_call_may_not_leave_the_category_to_the_exchange() -> None:
    """client.call() knows no defaults of ours: a size without category would close everything."""
    endpoint = ENDPOINTS["futures.submit_tp_sl_order"]
    with pytest.raises(ParameterError, match="plan_category=1"):
        endpoint.encode({**_GIVEN[_TPSL], "size": 5}, strict=True)


GUARDS: list[tuple[str, dict[str, object]]] = [
    ("futures.cancel_plan_order", {"symbol": "BTCUSDT"}),
    ("futures.cancel_plan_order", {"symbol": "BTCUSDT", "order_id": "", "client_order_id": " "}),
    ("futures.cancel_plan_order", {"symbol": "BTCUSDT", "order_id": "1", "client_order_id": "2"}),
    ("futures.cancel_trail_order", {"symbol": "BTCUSDT"}),
    ("futures.cancel_trail_order", {"symbol": "BTCUSDT", "order_id": " "}),
    ("futures.modify_plan_order", {**_GIVEN[_CHANGE_PLAN], "order_id": None}),
    ("futures.modify_tp_sl_order", {**_GIVEN[_CHANGE_TPSL], "order_id": ""}),
    ("futures.modify_tp_sl_order", {**_GIVEN[_CHANGE_TPSL], "client_order_id": "mine1"}),
    ("futures.modify_preset_plan_order", {"symbol": "BTCUSDT", "order_id": "", "preset_stop_loss_price": 1}),
    ("futures.funding_account_transfer", {"currency": "USDT", "amount": "1"}),
    ("futures.funding_account_transfer", {"currency": "USDT", "type": "fund_to_contract"}),
    ("futures.funding_account_transfer", {"amount": "1", "type": "fund_to_contract"}),
]


@pytest.mark.parametrize(("catalog_id", "given"), GUARDS)
@pytest.mark.parametrize("strict", [True, False])
def test_a_guard(catalog_id: str, given: dict[str, object], *, strict: bool) -> None:
    """What would reach more orders than meant is refused even without strict validation."""
    with pytest.raises(ParameterError, match="give "):
        ENDPOINTS[catalog_id].encode(given, strict=strict)


@pytest.mark.parametrize("case", CASES, ids=_IDS)
async def test_floats_are_refused(case: tuple[Any, ...]) -> None:
    """No money goes out as a float, strict or not."""
    _, method, given, _, more, _ = case
    everything = {**given, **more}
    for name, value in everything.items():
        if isinstance(value, Decimal):
            with pytest.raises(ParameterError, match="float"):
                await _send(method, {**everything, name: float(value)}, strict=False)
