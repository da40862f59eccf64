"""Parameters: their names, and what is refused before a byte is sent."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from types import MappingProxyType

import pytest

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import FuturesSide, OrderType, Side, SpotKlineStep
from bitmart_async.models.spot import SpotOrderRequest
from bitmart_async.ratelimit import Quota
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.futures_market import KLINES as FUTURES_KLINES
from bitmart_async.rest.futures_trading import CANCEL_ALL_AFTER, CANCEL_ORDER, MODIFY_LIMIT_ORDER
from bitmart_async.rest.futures_trading import SUBMIT_ORDER as FUTURES_SUBMIT
from bitmart_async.rest.params import Amount, Choice, Flag, NumberId, Text, Texts, Whole, snake
from bitmart_async.rest.spot_market import KLINES
from bitmart_async.rest.spot_trading import (
    BATCH_ORDERS,
    CANCEL_ORDERS,
    HISTORY_ORDERS,
    SUBMIT_ORDER,
)

LIMIT = {"symbol": "ABC_USDT", "side": "buy", "type": "limit", "size": "1", "price": "2"}
FUTURES_LIMIT = {"symbol": "ABCUSDT", "side": 1, "type": "limit", "size": 3, "price": "2"}


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        ("symbol", "symbol"),
        ("orderMode", "order_mode"),
        ("clientOrderIds", "client_order_ids"),
        ("from", "from_"),
        ("import", "import_"),
        ("recvWindow", "recv_window"),
        ("start_time", "start_time"),
        ("N", "n"),
    ],
)
def test_python_names(wire: str, name: str) -> None:
    """The wire name in snake_case; a keyword gets an underscore."""
    assert snake(wire) == name


def test_values_go_under_their_wire_names() -> None:
    """snake_case in, the exchange's spelling out; None is not sent."""
    wire = HISTORY_ORDERS.encode(
        {"symbol": None, "order_mode": "spot", "start_time": 1_700_000_000_000, "limit": 7}, strict=True
    )
    assert wire == {"orderMode": "spot", "startTime": 1_700_000_000_000, "limit": 7}


@pytest.mark.parametrize("strict", [True, False])
def test_unknown_names_are_refused(strict: bool) -> None:
    """A misspelled name is never sent: the exchange would ignore it. The text lists the right ones."""
    with pytest.raises(ParameterError, match=r"no parameter 'prise'.*price"):
        SUBMIT_ORDER.encode({**LIMIT, "prise": "1"}, strict=strict)


@pytest.mark.parametrize("name", ["symbol", "side", "type"])
@pytest.mark.parametrize("strict", [True, False])
def test_required_ones_are_required(name: str, strict: bool) -> None:
    """Missing and None are the same; the error names endpoint and parameter."""
    for given in ({**LIMIT, name: None}, {key: value for key, value in LIMIT.items() if key != name}):
        with pytest.raises(
            ParameterError, match=rf"POST /spot/v2/submit_order: {name} is required"
        ) as caught:
            SUBMIT_ORDER.encode(given, strict=strict)
        assert caught.value.endpoint == "POST /spot/v2/submit_order"


@pytest.mark.parametrize(("side", "kind"), [(Side.BUY, OrderType.LIMIT), ("buy", "limit")])
def test_enums_take_members_and_plain_values(side: Side | str, kind: OrderType | str) -> None:
    """A member and its value give the same bytes, plain str in both cases."""
    wire = SUBMIT_ORDER.encode({**LIMIT, "side": side, "type": kind}, strict=True)
    assert (wire["side"], wire["type"]) == ("buy", "limit")
    assert type(wire["side"]) is type(wire["type"]) is str


def test_enums_of_numbers() -> None:
    """The same for numbers; True is no number, and a text is not guessed at."""
    side = Choice("side", FuturesSide, required=True)
    for value in (FuturesSide.BUY_OPEN_LONG, 1):
        encoded = side.encode(value, strict=True)
        assert encoded == 1
        assert type(encoded) is int
    for wrong in ("1", True, 1.0, None):
        with pytest.raises(ParameterError, match="side"):
            side.encode(wrong, strict=False)
    assert Choice("step", SpotKlineStep).encode(15, strict=True) == 15


@pytest.mark.parametrize("value", ["hold", "BUY", "", Side("hold")])
def test_unknown_enum_values_are_refused_only_when_strict(value: str) -> None:
    """Strict: refused with the list of members. Else: sent as it is, for values newer than this library."""
    with pytest.raises(ParameterError, match=r"'buy' \(Side.BUY\), 'sell' \(Side.SELL\)"):
        SUBMIT_ORDER.encode({**LIMIT, "side": value}, strict=True)
    assert SUBMIT_ORDER.encode({**LIMIT, "side": value}, strict=False)["side"] == str(value)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"limit": 0}, "at least 1"),
        ({"limit": 201}, "at most 200"),
        ({"start_time": -1}, "at least 0"),
        ({"recv_window": 0}, "at least 1"),
        ({"recv_window": 60_001}, "at most 60000"),
        ({"symbol": "ABCUSDT"}, "underscore"),
        ({"symbol": ""}, "underscore"),
        ({"start_time": 1_700_000_000}, "milliseconds"),
        ({"start_time": 1_700_000_000_001, "end_time": 1_700_000_000_000}, "must not be later"),
    ],
)
def test_ranges_are_checked_only_when_strict(given: dict[str, object], text: str) -> None:
    """Ranges, patterns and combinations: refused when strict, left to the exchange else."""
    with pytest.raises(ParameterError, match=text):
        HISTORY_ORDERS.encode(given, strict=True)
    assert HISTORY_ORDERS.encode(given, strict=False)


@pytest.mark.parametrize("edge", [{"limit": 1}, {"limit": 200}, {"recv_window": 1}, {"recv_window": 60_000}])
def test_the_ends_of_a_range_belong_to_it(edge: dict[str, object]) -> None:
    """Bounds are inclusive."""
    assert len(HISTORY_ORDERS.encode(edge, strict=True)) == 1


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("param", "value"),
    [
        (Text("t"), 5),
        (Text("t"), b"x"),
        (Whole("n"), "5"),
        (Whole("n"), 5.0),
        (Whole("n"), True),
        (Flag("f"), 1),
        (Flag("f"), "true"),
        (NumberId("i"), "12a"),
        (NumberId("i"), ""),
        (NumberId("i"), -5),
        (NumberId("i"), True),
        (Amount("a"), 0.5),
        (Amount("a"), "NaN"),
        (Texts("l", most=3), "abc"),
        (Texts("l", most=3), [1]),
        (Texts("l", most=3), [""]),
        (Texts("l", most=3), 5),
    ],
)
def test_types_are_checked_always(param: Text, value: object, strict: bool) -> None:
    """Also without strict validation no float price and no text where a number belongs is sent."""
    with pytest.raises(ParameterError, match=f"^{param.name}"):
        param.encode(value, strict=strict)


def test_good_values() -> None:
    """What each kind makes of a good value."""
    assert Amount("a").encode(Decimal("5e-7"), strict=True) == "0.0000005"
    assert NumberId("i").encode("220", strict=True) == NumberId("i").encode(220, strict=True) == 220
    assert Texts("l", most=2).encode(("a", "b"), strict=True) == ["a", "b"]
    assert Flag("f").encode(False, strict=True) is False
    for amount in (0, "-1"):
        with pytest.raises(ParameterError, match="above zero"):
            Amount("a").encode(amount, strict=True)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"type": "market", "price": None}, "pass notional="),
        ({"type": "market", "price": None, "size": None}, "needs notional="),
        ({"type": "market", "side": "sell", "price": None, "size": None}, "needs size="),
        ({"type": "market", "side": "sell", "price": None, "size": None, "notional": "5"}, "pass size="),
        ({"type": "market", "side": "sell"}, "no price="),
        ({"price": None}, "needs price="),
        ({"size": None, "price": None}, "needs price= and size="),
        ({"notional": "5"}, "market buys"),
        ({"client_order_id": "a-b"}, "letters and digits"),
        ({"client_order_id": "a" * 33}, "letters and digits"),
        ({"size": "0"}, "above zero"),
    ],
)
def test_spot_order_combinations(given: dict[str, object], text: str) -> None:
    """Orders the exchange would refuse, or read in another sense, are refused here when strict."""
    with pytest.raises(ParameterError, match=text):
        SUBMIT_ORDER.encode({**LIMIT, **given}, strict=True)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"price": None}, "needs price="),
        ({"type": "market"}, "no price="),
        ({"size": 0}, "at least 1"),
        ({"type": "market", "price": None, "mode": 4}, "MAKER_ONLY"),
        ({"symbol": "ABC_USDT"}, "no underscore"),
        ({"side": 2, "preset_stop_loss_price": "1"}, "open a position"),
        ({"size": "3"}, "whole number"),
        ({"size": Decimal(3)}, "whole number"),
    ],
)
def test_futures_order_combinations(given: dict[str, object], text: str) -> None:
    """The same for futures; a size there is whole contracts."""
    with pytest.raises(ParameterError, match=text):
        FUTURES_SUBMIT.encode({**FUTURES_LIMIT, **given}, strict=True)


@pytest.mark.parametrize("value", [0, 5, 3600])
def test_the_dead_mans_switch_takes_off_and_five_or_more(value: int) -> None:
    """0 switches it off; 1 to 4 seconds are refused."""
    assert CANCEL_ALL_AFTER.encode({"symbol": "ABCUSDT", "timeout": value}, strict=True)["timeout"] == value
    with pytest.raises(ParameterError, match="5 or more"):
        CANCEL_ALL_AFTER.encode({"symbol": "ABCUSDT", "timeout": 1 + value % 4}, strict=True)


def test_windows_in_the_wrong_unit_are_refused() -> None:
    """Seconds where milliseconds belong, and the other way round, would return nothing without a word."""
    with pytest.raises(ParameterError, match="looks like milliseconds"):
        FUTURES_KLINES.encode(
            {"symbol": "ABCUSDT", "start_time": 1_700_000_000_000, "end_time": 1_700_000_100_000}, strict=True
        )
    with pytest.raises(ParameterError, match="seconds"):
        KLINES.encode({"symbol": "ABC_USDT", "after": 1_700_000_000_000}, strict=True)


ROW = {"side": "buy", "type": "limit", "size": "1", "price": Decimal("1E-7"), "client_order_id": "mine1"}
WIRE_ROW = {"side": "buy", "type": "limit", "size": "1", "price": "0.0000001", "clientOrderId": "mine1"}


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        OrderedDict(ROW),
        MappingProxyType(ROW),
        SpotOrderRequest(
            side=Side.BUY, type=OrderType.LIMIT, size=1, price="0.0000001", client_order_id="mine1"
        ),
    ],
)
def test_batch_rows_are_mappings_or_structs(row: object) -> None:
    """Any mapping and the request struct give the same wire row."""
    wire = BATCH_ORDERS.encode({"symbol": "ABC_USDT", "order_params": [row]}, strict=True)
    assert wire == {"symbol": "ABC_USDT", "orderParams": [WIRE_ROW]}


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], "1 to 10 rows"),
        ([ROW] * 11, "1 to 10 rows"),
        ([ROW, {**ROW, "size": 0.1}], r"order_params\[1\].*float"),
        ([{**ROW, "prise": 1}], r"order_params\[0\].*prise"),
        ("abc", "list of rows"),
        (ROW, "list of rows"),
        ([5], r"order_params\[0\].*struct or a mapping"),
        ([{**ROW, "price": None}], r"order_params\[0\].*price="),
    ],
)
def test_a_wrong_row_is_named_by_its_place(rows: object, text: str) -> None:
    """The error of a batch says which row."""
    with pytest.raises(ParameterError, match=text):
        BATCH_ORDERS.encode({"symbol": "ABC_USDT", "order_params": rows}, strict=True)


@pytest.mark.parametrize("endpoint", [CANCEL_ORDER, MODIFY_LIMIT_ORDER])
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "ids",
    [
        {},
        {"order_id": None},
        {"order_id": ""},
        {"client_order_id": ""},
        {"order_id": " ", "client_order_id": None},
        {"order_id": "\t"},
    ],
)
def test_O10_no_id_is_refused_even_without_strict(
    endpoint: Endpoint[object],
    strict: bool,
    ids: dict[str, object],
) -> None:
    """A cancel without an id would hit the whole symbol: no option lets it through."""
    with pytest.raises(ParameterError, match="cancel_all_futures_orders"):
        endpoint.encode(
            {"symbol": "ABCUSDT", "price": "1", **ids}
            if endpoint is MODIFY_LIMIT_ORDER
            else {"symbol": "ABCUSDT", **ids},
            strict=strict,
        )


def test_spot_cancels_name_exactly_one_kind_of_id() -> None:
    """None and both are refused."""
    for ids in ({}, {"order_ids": ["1"], "client_order_ids": ["a"]}):
        with pytest.raises(ParameterError, match="exactly one"):
            CANCEL_ORDERS.encode({"symbol": "ABC_USDT", **ids}, strict=True)


def test_a_parameter_error_is_a_value_error() -> None:
    """So that code which knows only Python's own errors catches it too."""
    endpoint = Endpoint("x", "GET", "/x", Auth.NONE, Quota(1), returns=object, params=(Whole("n", low=1),))
    with pytest.raises(ValueError, match="GET /x: n=0"):
        endpoint.encode({"n": 0}, strict=True)
