"""Margin, algo, funding, sub-account, earn, broker and legacy calls: what is refused, warned of, and sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from bitmart_async import (
    AlgoOrderType,
    AlgoTriggerType,
    Fate,
    OrderFateUnknown,
    OrderNotFound,
    OutcomeUnknown,
    ParameterError,
    PendingOrder,
    RestClient,
    SpotOrderRequestV2,
    WithdrawAccountType,
)
from bitmart_async.decoding import Reader
from bitmart_async.errors import ConnectionLost
from bitmart_async.models.account import AccountWallet
from bitmart_async.models.margin import BorrowRecord, RepayRecord
from bitmart_async.models.spot import SpotAlgoOrder
from bitmart_async.rest import ENDPOINTS, Effect, proof, section
from bitmart_async.rest.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

Sent = list[tuple[str, str, str, dict[str, Any]]]


class _FakeWire:
    """Instead of the socket: remembers what would be sent, and answers as told."""

    closed = False

    def __init__(self) -> None:
        self.sent: Sent = []
        self.replies: dict[str, object] = {}
        self.lost = False

    async def send(
        self, method: str, url: str, query: str, headers: Mapping[str, str], body: bytes | None, **_: object
    ) -> Answer:
        path = url.removeprefix("https://api-cloud.bitmart.com")
        self.sent.append((method, path, query, json.loads(body) if body else {}))
        if self.lost:
            raise ConnectionLost("cut", fate=Fate.UNKNOWN)
        status, reply = 200, self.replies.get(path, {"code": 1000, "message": "OK", "trace": "t", "data": {}})
        if isinstance(reply, int):
            status, reply = 400, {"code": reply, "message": "no", "trace": "t", "data": {}}
        return Answer(status=status, headers={}, body=json.dumps(reply).encode())

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def wire() -> _FakeWire:
    return _FakeWire()


@pytest.fixture
def rest(wire: _FakeWire) -> RestClient:
    client = RestClient(api_key="key", api_secret="secret", api_memo="memo")
    client._transport.wire = wire  # type: ignore[assignment]
    return client


@pytest.fixture
def fresh_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has warned of nothing yet."""
    monkeypatch.setattr(section, "_warned", set())


def _data(value: object) -> dict[str, object]:
    return {"code": 1000, "message": "OK", "trace": "t", "data": value}


# What is sent --------------------------------------------------------------------------------


async def test_a_withdrawal_keeps_the_mixed_wire_names(rest: RestClient, wire: _FakeWire) -> None:
    """address_memo is snake_case, areaCode and sourceAccount camelCase, in one body."""
    wire.replies["/account/v1/withdraw/apply"] = _data({"withdraw_id": "121212"})
    ack = await rest.submit_withdrawal_v1(
        "USDT-TRC20", amount="10.50", address="T1", address_memo="7", source_account="FUND"
    )
    assert ack.withdraw_id == "121212"
    await rest.submit_withdrawal_v1(
        "USDT-TRC20", amount=10, type=WithdrawAccountType.PHONE, value="400", area_code="61"
    )
    assert [body for *_, body in wire.sent] == [
        {
            "currency": "USDT-TRC20",
            "amount": "10.50",
            "address": "T1",
            "address_memo": "7",
            "sourceAccount": "FUND",
        },
        {"currency": "USDT-TRC20", "amount": "10", "type": 3, "value": "400", "areaCode": "61"},
    ]


async def test_a_margin_order_carries_an_id_in_camel_case(rest: RestClient, wire: _FakeWire) -> None:
    """The exchange ignores client_order_id there; and its numeric order id becomes text."""
    wire.replies["/spot/v1/margin/submit_order"] = _data({"order_id": 1223181})
    ack = await rest.submit_margin_order_v1("BTC_USDT", side="buy", type="limit", size="1", price="2")
    assert ack.order_id == "1223181"
    assert len(wire.sent[0][3]["clientOrderId"]) == 32
    assert rest.pending_orders == ()


async def test_an_algo_order_is_sent_in_snake_case(rest: RestClient, wire: _FakeWire) -> None:
    """A v4 path that takes snake_case, with an id of ours."""
    wire.replies["/spot/v4/algo/submit_order"] = _data({"order_id": "1"})
    await rest.submit_spot_algo_order_v4(
        "BTC_USDT",
        side="sell",
        type=AlgoOrderType.TP_SL,
        trigger_price="9",
        trigger_type=AlgoTriggerType.MARKET,
        size="1",
    )
    [(method, _, _, body)] = wire.sent
    own = body.pop("client_order_id")
    assert (method, len(own)) == ("POST", 32)
    assert body == {
        "symbol": "BTC_USDT",
        "side": "sell",
        "type": "tp/sl",
        "trigger_price": "9",
        "trigger_type": "market",
        "size": "1",
    }


async def test_texts_and_flags_in_a_query(rest: RestClient, wire: _FakeWire) -> None:
    """Spaces are escaped, true is a word, N is a capital."""
    wire.replies["/account/sub-account/v1/transfer-history"] = _data({"total": 0, "historyList": []})
    wire.replies["/account/v1/wallet"] = _data({"wallet": []})
    await rest.get_account_sub_transfers_v1(move_type="spot to spot", n=5)
    await rest.get_account_balances_v1(need_usd_valuation=True)
    assert [query for _, _, query, _ in wire.sent] == ["moveType=spot+to+spot&N=5", "needUsdValuation=true"]


@pytest.mark.usefixtures("fresh_warnings")
async def test_a_v2_batch_gives_every_order_an_id(rest: RestClient, wire: _FakeWire) -> None:
    """Structs and mappings, symbol inside each; refused rows have no data."""
    wire.replies["/spot/v2/batch_orders"] = _data(
        {
            "responses": [
                {"code": 0, "msg": "success", "data": {"order_id": "7"}},
                {"code": 50020, "msg": "Balance not enough"},
            ]
        }
    )
    with pytest.warns(DeprecationWarning, match="submit_spot_batch_orders_v4"):
        acks = await rest.submit_spot_batch_orders_v2(
            [
                SpotOrderRequestV2(symbol="BTC_USDT", side="buy", type="limit", size="1", price="2"),
                {"symbol": "ETH_USDT", "side": "sell", "type": "market", "size": "3"},
            ]
        )
    first, second = acks.responses
    assert first.data is not None
    assert (first.data.order_id, second.code, second.data) == ("7", 50020, None)
    rows = wire.sent[0][3]["order_params"]
    assert [row["symbol"] for row in rows] == ["BTC_USDT", "ETH_USDT"]
    assert all(len(row["client_order_id"]) == 32 for row in rows)


async def test_a_lost_change_is_not_repeated(rest: RestClient, wire: _FakeWire) -> None:
    """Money may have moved: one send, and the error says that nobody knows."""
    wire.lost = True
    with pytest.raises(OutcomeUnknown) as caught:
        await rest.subscribe_flexible_saving("1001", amount="1", request_no="0" * 20)
    assert not isinstance(caught.value, OrderFateUnknown)
    assert len(wire.sent) == 1


def test_what_moves_money_is_no_read() -> None:
    """Signed calls that are no queries change something; orders are orders."""
    orders = {name for name, endpoint in ENDPOINTS.items() if endpoint.effect is Effect.ORDER}
    assert {
        "margin.submit_order",
        "spot.algo_submit_order",
        "spot.algo_cancel_order",
        "spot.algo_cancel_all",
        "spot.batch_orders_v2",
        "spot.cancel_orders_v1",
    } <= orders
    for name, endpoint in ENDPOINTS.items():
        if endpoint.effect is Effect.READ and endpoint.method == "POST":
            assert "/query/" in endpoint.path or endpoint.path.endswith("-list"), name
        if name.split(".")[0] in ("account", "sub_account", "earn", "margin") and endpoint.method == "POST":
            assert endpoint.effect is not Effect.READ, name


# What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "say where to"),
        ({"address_memo": "7"}, "say where to"),
        ({"address": ""}, "say where to"),
        ({"address": "T1", "type": 1, "value": "9"}, "one of the two sets"),
        ({"address": "T1", "area_code": "61"}, "one of the two sets"),
        ({"address_memo": "7", "type": 1, "value": "9"}, "one of the two sets"),
        ({"type": 1}, "type= and value="),
        ({"value": "9"}, "type= and value="),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
async def test_an_ambiguous_withdrawal_is_never_sent(
    wire: _FakeWire, arguments: dict[str, Any], why: str, strict: bool
) -> None:
    """Whatever the client's options: the exchange would pick a destination by itself."""
    client = RestClient(api_key="k", api_secret="s", api_memo="m", strict_param_validation=strict)
    client._transport.wire = wire  # type: ignore[assignment]
    with pytest.raises(ParameterError, match=why):
        await client.submit_withdrawal_v1("USDT-TRC20", amount=1, **arguments)
    assert not wire.sent


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.usefixtures("fresh_warnings")
async def test_the_old_cancel_never_cancels_everything(wire: _FakeWire, strict: bool) -> None:
    """Its name does not say that without arguments it would empty the account's book."""
    client = RestClient(api_key="k", api_secret="s", api_memo="m", strict_param_validation=strict)
    client._transport.wire = wire  # type: ignore[assignment]
    with (
        pytest.warns(DeprecationWarning, match="cancel_orders"),
        pytest.raises(ParameterError, match="cancel_all_spot_orders"),
    ):
        await client.cancel_spot_orders_v1()
    assert not wire.sent
    await client.cancel_spot_orders_v1(side="buy")
    assert wire.sent[0][3] == {"side": "buy"}


_ALGO: dict[str, Any] = {
    "side": "buy",
    "type": "trigger",
    "trigger_price": "9",
    "trigger_type": "limit",
    "price": "9",
    "size": "1",
}
_DAY = 86_400_000


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        (
            "submit_margin_order_v1",
            {"symbol": "BTC_USDT", "side": "buy", "type": "market", "size": "1"},
            "notional=",
        ),
        (
            "submit_margin_order_v1",
            {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "1"},
            "price=",
        ),
        (
            "submit_spot_algo_order_v4",
            {"symbol": "BTC_USDT", **_ALGO, "trigger_price": None},
            "trigger_price=",
        ),
        ("submit_spot_algo_order_v4", {"symbol": "BTC_USDT", **_ALGO, "trigger_type": None}, "trigger_type="),
        ("submit_spot_algo_order_v4", {"symbol": "BTC_USDT", **_ALGO, "price": None}, "price="),
        (
            "submit_spot_algo_order_v4",
            {"symbol": "BTC_USDT", **_ALGO, "trigger_type": "market"},
            "trigger_type limit",
        ),
        (
            "submit_spot_algo_order_v4",
            {"symbol": "BTC_USDT", **_ALGO, "trigger_type": "market", "price": None},
            "notional=",
        ),
        ("submit_withdrawal_v1", {"currency": "BTC", "amount": 1, "type": 3, "value": "400"}, "area_code="),
        (
            "submit_withdrawal_v1",
            {"currency": "BTC", "amount": 1, "type": 2, "value": "a@b", "area_code": "61"},
            "PHONE",
        ),
        (
            "get_deposit_withdraw_history_v2",
            {
                "operation_type": "deposit",
                "n": 1,
                "start_time": 1_700_000_000_000,
                "end_time": 1_700_000_000_000 + 90 * _DAY,
            },
            "less than 90 days",
        ),
        (
            "get_deposit_withdraw_history_v2",
            {"operation_type": "deposit", "n": 1, "start_time": 1_700_000_000},
            "milliseconds",
        ),
        ("get_margin_borrow_record_v1", {"symbol": "BTC_USDT", "start_time": 1_700_000_000}, "milliseconds"),
        (
            "get_margin_repay_record_v1",
            {"symbol": "BTC_USDT", "start_time": 1_700_000_000_001, "end_time": 1_700_000_000_000},
            "later",
        ),
        ("get_spot_algo_open_orders_v4", {"end_time": 1_700_000_000}, "milliseconds"),
        ("get_spot_algo_history_orders_v4", {"order_mode": "spot"}, "tp/sl"),
        (
            "get_flexible_saving_history",
            {"type": "redeem", "current_page": 1, "size_page": 1, "start_time": 5},
            "milliseconds",
        ),
        (
            "get_fixed_saving_history",
            {"type": "redeem", "current_page": 1, "size_page": 1, "end_time": 5},
            "milliseconds",
        ),
        ("get_broker_rebate", {"start_time": 1_700_000_000_000}, "seconds"),
        ("get_broker_rebate", {"start_time": 1_700_000_001, "end_time": 1_700_000_000}, "later"),
        ("subscribe_flexible_saving", {"product_id": "1", "amount": 1, "request_no": "123"}, "20 digits"),
        (
            "submit_sub_transfer_sub_to_main_v1",
            {"currency": "BTC", "amount": 1, "request_no": "x" * 65},
            "64 characters",
        ),
        ("get_account_currencies_v1", {"currencies": "BTC, ETH"}, "commas"),
        ("get_account_currencies_v1", {"currencies": ",".join(["BTC"] * 21)}, "1 to 20"),
        ("get_margin_borrowing_rates_v1", {"symbol": "BTC_USDT,ETHUSDT"}, "commas"),
        (
            "submit_account_transfer_v1",
            {"currency": "USDT", "amount": 0, "type": "spot_to_fund"},
            "above zero",
        ),
        ("margin_borrow_v1", {"symbol": "BTC_USDT", "currency": "BTC", "amount": 0.1}, "float"),
    ],
)
async def test_what_cannot_work_is_refused_here(
    rest: RestClient, wire: _FakeWire, name: str, arguments: dict[str, Any], why: str
) -> None:
    """A call that the exchange would refuse, or misread, is not sent; the text says what to do."""
    with pytest.raises(ParameterError, match=why):
        await getattr(rest, name)(**arguments)
    assert not wire.sent


@pytest.mark.parametrize(
    ("window", "why"),
    [
        ({"from_": 10, "to": 10}, "earlier"),
        ({"from_": 0, "to": 30_001, "step": 1}, "500 candles"),
        ({"from_": 1_700_000_000_000, "to": 1_700_000_000_001}, "seconds"),
    ],
)
@pytest.mark.usefixtures("fresh_warnings")
async def test_old_candles_are_asked_in_windows_that_answer(
    rest: RestClient, wire: _FakeWire, window: dict[str, int], why: str
) -> None:
    """Too many candles would come back as an empty list."""
    with pytest.warns(DeprecationWarning, match="kline"), pytest.raises(ParameterError, match=why):
        await rest.get_spot_klines_v1("BTC_USDT", **window)
    wire.replies["/spot/v1/symbols/kline"] = _data({"klines": []})
    await rest.get_spot_klines_v1("BTC_USDT", from_=0, to=30_000, step=1)
    assert wire.sent[0][2] == "symbol=BTC_USDT&from=0&to=30000&step=1"


async def test_a_comma_list_is_one_text(rest: RestClient, wire: _FakeWire) -> None:
    """Several pairs or coins go in one parameter."""
    wire.replies["/spot/v1/margin/isolated/pairs"] = _data({"symbols": []})
    wire.replies["/account/v1/currencies"] = _data({"currencies": []})
    await rest.get_margin_borrowing_rates_v1(symbol="BTC_USDT,ETH_USDT")
    await rest.get_account_currencies_v1(currencies="BTC,USDT-TRC20")
    assert [query for _, _, query, _ in wire.sent] == [
        "symbol=BTC_USDT%2CETH_USDT",
        "currencies=BTC%2CUSDT-TRC20",
    ]


# What is warned of ---------------------------------------------------------------------------

_Case: TypeAlias = tuple[str, str, dict[str, Any], object]
_DEPRECATED: list[_Case] = [
    ("get_spot_tickers_v2", "/spot/v2/ticker", {}, {"tickers": []}),
    ("get_spot_ticker_v1", "/spot/v1/ticker_detail", {"symbol": "BTC_USDT"}, None),
    ("get_spot_kline_steps_v1", "/spot/v1/steps", {}, {"steps": [1, 3]}),
    (
        "get_spot_klines_v1",
        "/spot/v1/symbols/kline",
        {"symbol": "BTC_USDT", "from_": 1, "to": 2},
        {"klines": []},
    ),
    (
        "get_spot_order_book_depth_v1",
        "/spot/v1/symbols/book",
        {"symbol": "BTC_USDT"},
        {"buys": [], "sells": []},
    ),
    (
        "submit_spot_batch_orders_v2",
        "/spot/v2/batch_orders",
        {"order_params": [{"symbol": "BTC_USDT", "side": "sell", "type": "market", "size": 1}]},
        {"responses": []},
    ),
    ("cancel_spot_orders_v1", "/spot/v1/cancel_orders", {"symbol": "BTC_USDT"}, {}),
    (
        "submit_sub_transfer_sub_to_sub_v1",
        "/account/sub-account/sub/v1/sub-to-sub",
        {"sub_account": "a", "currency": "BTC", "amount": 1, "request_no": "1"},
        {},
    ),
]


@pytest.mark.parametrize("case", _DEPRECATED, ids=[row[0] for row in _DEPRECATED])
@pytest.mark.usefixtures("fresh_warnings")
async def test_a_deprecated_call_warns_once_and_works(
    rest: RestClient, wire: _FakeWire, case: _Case, recwarn: pytest.WarningsRecorder
) -> None:
    """The warning names the replacement and points at the caller's line; the second call is silent."""
    name, path, arguments, data = case
    [endpoint] = [one for one in ENDPOINTS.values() if one.path == path]
    wire.replies[path] = _data(data) if data is not None else 30031
    for _ in range(2):
        if data is None:
            with pytest.raises(Exception, match="30031"):
                await getattr(rest, name)(**arguments)
        else:
            await getattr(rest, name)(**arguments)
    [warning] = list(recwarn)
    assert endpoint.deprecated
    assert warning.category is DeprecationWarning
    assert endpoint.deprecated in str(warning.message)
    assert warning.filename == __file__
    assert len(wire.sent) == 2


def test_every_deprecated_endpoint_is_tried_here() -> None:
    """The list above is whole."""
    spot = {one.path for one in ENDPOINTS.values() if one.deprecated and not one.path.startswith("/contract")}
    assert spot == {path for _, path, *_ in _DEPRECATED}


@pytest.mark.usefixtures("fresh_warnings")
async def test_call_warns_at_the_callers_line_too(rest: RestClient, wire: _FakeWire) -> None:
    """``client.call`` with a deprecated constant is no way around the warning."""
    wire.replies["/spot/v1/steps"] = _data({"steps": [1]})
    with pytest.warns(DeprecationWarning, match="SpotKlineStep") as caught:
        await rest.call(ENDPOINTS["market.kline_steps_v1"])
    assert caught[0].filename == __file__


# Quirks of replies ---------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["fundFrozen", "fundFroze"])
def test_either_spelling_of_the_frozen_fund_is_read(spelling: str) -> None:
    """Sources disagree about the name; the value is in one place."""
    row = {"currency": "BTC", "name": "Bitcoin", "available": "1", "frozen": "0", spelling: "2.5"}
    wallet = Reader[AccountWallet](AccountWallet).read(json.dumps({"wallet": [row]}).encode())
    assert str(wallet.wallet[0].fund_frozen) == "2.5"


@pytest.mark.parametrize("time", [1_655_345_808, 1_655_345_808_000])
def test_margin_records_tell_ms_whatever_was_sent(time: int) -> None:
    """Documents show seconds, a recorded reply ms."""
    loan = {
        "borrow_id": 1,
        "symbol": "BTC_USDT",
        "currency": "BTC",
        "borrow_amount": "1",
        "daily_interest": "0",
        "hourly_interest": "0",
        "interest_amount": "0",
        "create_time": time,
    }
    repaid = {
        "repay_id": "1",
        "symbol": "BTC_USDT",
        "currency": "BTC",
        "repaid_amount": "1",
        "repaid_principal": "1",
        "repaid_interest": "0",
        "repay_time": time,
    }
    assert (
        Reader[BorrowRecord](BorrowRecord).read(json.dumps(loan).encode()).create_time_ms == 1_655_345_808_000
    )
    assert (
        Reader[RepayRecord](RepayRecord).read(json.dumps(repaid).encode()).repay_time_ms == 1_655_345_808_000
    )


async def test_plain_json_comes_back_as_it_is(rest: RestClient, wire: _FakeWire) -> None:
    """A path nobody modelled, and a reply nobody recorded: any JSON, fractions exact."""
    wire.replies["/account/v1/get-deposit-account"] = _data({"account_type": "SPOT"})
    assert await rest.get_deposit_account_v1() == {"account_type": "SPOT"}
    wire.replies["/some/path"] = _data({"fee": 0.1, "rows": [1, None]})
    envelope = await rest.request("GET", "/some/path")
    assert str(envelope.data) == "{'fee': Decimal('0.1'), 'rows': [1, None]}"


# Lost algo orders ----------------------------------------------------------------------------

_FOUND = {
    "orderId": "7",
    "clientOrderId": "mine",
    "symbol": "BTC_USDT",
    "side": "buy",
    "orderMode": "trigger",
    "trigger_type": "limit",
    "state": "new",
    "cancelSource": "",
    "price": "8",
    "size": "1",
    "notional": "8",
    "createTime": 1,
    "updateTime": 1,
}
_SUBMIT = "POST /spot/v4/algo/submit_order"


def _algo_queries(sent: Sent) -> list[str]:
    assert all("/query/algo/" in path for _, path, _, _ in sent), "an algo order is not among the others"
    return [path.rsplit("/", 1)[1] for _, path, _, _ in sent]


async def test_a_lost_algo_order_is_found_among_algo_orders(rest: RestClient, wire: _FakeWire) -> None:
    """Elsewhere it would be missing, and a live order would be taken for none."""
    wire.lost = True
    with pytest.raises(OrderFateUnknown) as lost:
        await rest.submit_spot_algo_order_v4("BTC_USDT", **_ALGO, client_order_id="mine")
    assert [(order.client_order_id, order.symbol) for order in rest.pending_orders] == [("mine", "BTC_USDT")]
    wire.lost = False
    wire.sent.clear()
    wire.replies["/spot/v4/query/algo/client-order"] = 50005
    wire.replies["/spot/v4/query/algo/open-orders"] = _data([])
    wire.replies["/spot/v4/query/algo/history-orders"] = _data([_FOUND])
    order = await rest.resolve_order(lost.value)
    assert isinstance(order, SpotAlgoOrder)
    assert (order.order_id, rest.pending_orders) == ("7", ())
    assert _algo_queries(wire.sent) == ["client-order", "open-orders", "history-orders"]


async def test_a_pending_algo_order_is_found_by_its_ids(
    rest: RestClient, wire: _FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry in pending_orders tells what it is; absence is proven among algo orders."""
    monkeypatch.setattr(proof, "LOOKS", 1)
    monkeypatch.setattr(proof, "LOOKING_SECONDS", 0.0)
    rest._transport.pending["mine"] = PendingOrder("mine", "BTC_USDT", _SUBMIT, sent_ms=1_700_000_000_000)
    wire.replies["/spot/v4/query/algo/client-order"] = 50005
    wire.replies["/spot/v4/query/algo/open-orders"] = _data([])
    wire.replies["/spot/v4/query/algo/history-orders"] = _data([])
    assert await rest.resolve_order(symbol="BTC_USDT", client_order_id="mine") is None
    assert _algo_queries(wire.sent) == ["client-order", "open-orders", "history-orders"]


@pytest.mark.parametrize("reply", [_data({**_FOUND, "state": "canceled"}), 50005])
async def test_a_lost_algo_cancel_looks_at_the_algo_order(
    rest: RestClient, wire: _FakeWire, reply: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the exchange's id, in the space that id belongs to."""
    monkeypatch.setattr(proof, "LOOKS", 1)
    monkeypatch.setattr(proof, "LOOKING_SECONDS", 0.0)
    wire.lost = True
    with pytest.raises(OrderFateUnknown) as lost:
        await rest.cancel_spot_algo_order_v4("BTC_USDT", order_id="7", type="trigger")
    wire.lost = False
    wire.sent.clear()
    wire.replies["/spot/v4/query/algo/order"] = reply
    order = await rest.resolve_order(lost.value)
    assert (order.order_id if order is not None else None) == ("7" if isinstance(reply, dict) else None)
    assert _algo_queries(wire.sent) == ["order"]


async def test_an_algo_order_that_is_not_there_says_so(rest: RestClient, wire: _FakeWire) -> None:
    """50005 is OrderNotFound here as everywhere."""
    wire.replies["/spot/v4/query/algo/order"] = 50005
    with pytest.raises(OrderNotFound):
        await rest.get_spot_algo_order_by_id_v4("7")
