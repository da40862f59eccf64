"""Rounding, limits, contracts and coins, symbols and times of bitmart_async.trading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bitmart_async
from bitmart_async import FuturesSide, ParameterError, Side, trading
from bitmart_async.decoding import Reader
from bitmart_async.models.futures import Contract
from bitmart_async.models.spot import Symbol

D = Decimal


def contract(**changes: object) -> Contract:
    """BTCUSDT as the exchange sent it, with changes."""
    wire = {
        "symbol": "BTCUSDT",
        "product_type": 1,
        "open_timestamp": 1594080000123,
        "expire_timestamp": 0,
        "settle_timestamp": 0,
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "last_price": "63547.4",
        "volume_24h": "110938430",
        "turnover_24h": "7004836342.6944",
        "index_price": "63587.85404255",
        "index_name": "BTCUSDT",
        "contract_size": "0.001",
        "min_leverage": "1",
        "max_leverage": "100",
        "price_precision": "0.1",
        "vol_precision": "1",
        "max_volume": "1000000",
        "market_max_volume": "500000",
        "min_volume": "1",
        "funding_rate": "0.0000801",
        "expected_funding_rate": "-0.0000035",
        "open_interest": "278214",
        "open_interest_value": "17555316.9355496",
        "high_24h": "64109.4",
        "low_24h": "61857.6",
        "change_24h": "0.0239264900886327",
        "funding_interval_hours": 8,
        "funding_time": 1726819200000,
        "status": "Trading",
        "delist_time": 0,
        **changes,
    }
    return Reader[Contract](Contract).read(msgspec.json.encode(wire))


def pair(**changes: object) -> Symbol:
    """A pair in the exchange's form."""
    wire = {
        "symbol": "ETH_USDT",
        "symbol_id": 1024,
        "base_currency": "ETH",
        "quote_currency": "USDT",
        "quote_increment": "0.0001",
        "base_min_size": "0.001",
        "base_max_size": "1000",
        "price_min_precision": 2,
        "price_max_precision": 2,
        "expiration": "NA",
        "min_buy_amount": "5",
        "min_sell_amount": "6",
        "trade_status": "trading",
        **changes,
    }
    return Reader[Symbol](Symbol).read(msgspec.json.encode(wire))


INVERSE: dict[str, object] = {"symbol": "BTCUSD", "quote_currency": "USD", "contract_size": "100"}
RULES = [
    pair(),
    contract(),
    pair(price_max_precision=0, quote_increment="1.00000000"),
    pair(price_max_precision=-2, quote_increment="0.5"),
    contract(price_precision="0.05", vol_precision="10"),
    contract(price_precision="5E-8"),
    pair(price_max_precision=12, quote_increment="1E-8"),
]

amounts = st.builds(
    lambda digits, places: D(digits).scaleb(-places), st.integers(1, 10**15), st.integers(0, 12)
)
rule_sets = st.sampled_from(RULES)
directions = st.sampled_from(["down", "up", "nearest"])


def tick(rules: Any) -> Decimal:
    return rules.price_precision if isinstance(rules, Contract) else D(1).scaleb(-rules.price_max_precision)


def step(rules: Any) -> Decimal:
    return rules.vol_precision if isinstance(rules, Contract) else rules.quote_increment


def on_grid(value: Decimal, unit: Decimal) -> bool:
    with localcontext() as context:
        context.prec = 200
        return D(value) % unit == 0


# Rounding ---------------------------------------------------------------------------------------


@given(amounts, rule_sets, directions)
def test_a_rounded_price_is_on_the_grid_and_near(price: Decimal, rules: Any, direction: Any) -> None:
    """Less than one step away, on the side asked for, and rounding again changes nothing."""
    unit = tick(rules)
    try:
        rounded = trading.round_price(price, rules, rounding=direction)
    except ParameterError:
        assert price < unit
        assert direction != "up"
        return
    assert on_grid(rounded, unit)
    with localcontext() as context:
        context.prec = 200
        distance = rounded - price
        assert abs(distance) < unit
        assert direction != "down" or distance <= 0
        assert direction != "up" or distance >= 0
        assert direction != "nearest" or abs(distance) * 2 <= unit
    assert trading.round_price(rounded, rules, rounding=direction) == rounded


@given(amounts, rule_sets)
def test_a_side_never_pays_more_than_meant(price: Decimal, rules: Any) -> None:
    """A buy is never above, a sell never below the price meant."""
    assert trading.round_price(price, rules, side="sell") >= price
    if price >= tick(rules):
        assert trading.round_price(price, rules, side="buy") <= price


@given(st.one_of(amounts, st.just(D(0))), rule_sets)
def test_a_rounded_size_never_exceeds(size: Decimal, rules: Any) -> None:
    """Down, by less than a step, to the grid; again changes nothing."""
    rounded = trading.round_size(size, rules)
    assert on_grid(D(rounded), step(rules))
    with localcontext() as context:
        context.prec = 200
        assert 0 <= size - rounded < step(rules)
    assert trading.round_size(rounded, rules) == rounded
    assert isinstance(rounded, int if isinstance(rules, Contract) else Decimal)


@given(amounts)
def test_the_programs_decimal_context_does_not_matter(price: Decimal) -> None:
    """A low precision set elsewhere in the program does not change a price."""
    wide = trading.round_price(price, contract(), rounding="up")
    with localcontext() as context:
        context.prec = 3
        assert trading.round_price(price, contract(), rounding="up") == wide
        assert trading.contracts_to_coins("123456789", contract()) == D("123456.789")


@pytest.mark.parametrize(
    ("side", "price"),
    [
        ("buy", "63547.3"),
        (Side.BUY, "63547.3"),
        (1, "63547.3"),
        (FuturesSide.BUY_CLOSE_SHORT, "63547.3"),
        ("sell", "63547.4"),
        (Side.SELL, "63547.4"),
        (3, "63547.4"),
        (FuturesSide.SELL_OPEN_SHORT, "63547.4"),
        (None, "63547.4"),
    ],
)
def test_a_price_by_side(side: Any, price: str) -> None:
    """Buys go down, sells up, without either to the nearer step."""
    assert format(trading.round_price("63547.37", contract(), side=side), "f") == price


def test_prices_and_sizes_as_printed() -> None:
    """Spot counts decimals, futures has a tick; the text has the step's digits."""
    assert str(trading.round_price("2345.678", pair())) == "2345.68"
    assert str(trading.round_price("2345.675", pair())) == "2345.68"
    assert trading.round_price("2345.678", pair(price_max_precision=-2)) == 2300
    assert str(trading.round_size("1.23456", pair())) == "1.2345"
    assert trading.round_size("19.9", contract(vol_precision="10")) == 10
    assert trading.round_size("0.9", contract()) == 0
    assert trading.round_size("2.7", contract(vol_precision="0.1")) == 2
    assert trading.round_size("1.5", pair(quote_increment="0", base_min_size="0.5")) == D("1.5")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: trading.round_price(63547.37, contract()), "float"),
        (lambda: trading.round_size(0.1, pair()), "float"),
        (lambda: trading.contracts_to_coins(1.0, contract()), "float"),
        (lambda: trading.coins_to_contracts(0.1, contract()), "float"),
        (lambda: trading.coins_to_contracts("1", contract(**INVERSE), price=1.5), "float"),
        (lambda: trading.check_order(pair(), side="buy", size=0.1, price="5"), "float"),
        (lambda: trading.round_price("0.04", contract()), "less than one step"),
        (lambda: trading.round_price("0", contract()), "above zero"),
        (lambda: trading.round_price("1", contract(), side="buy", rounding="up"), "not both"),
        (lambda: trading.round_price("1", contract(), side=5), "buy or sell"),
        (lambda: trading.round_price("1", contract(), side=True), "buy or sell"),
        (lambda: trading.round_price("1", contract(), rounding="floor"), "'down', 'up' or 'nearest'"),
        (lambda: trading.round_price("1", contract(price_precision="")), "no usable price_precision"),
        (lambda: trading.round_price("1", pair(price_max_precision="")), "no price_max_precision"),
        (lambda: trading.round_size("-1", contract()), "negative"),
        (lambda: trading.round_size("1", contract(vol_precision="0.3")), "no whole number"),
        (lambda: trading.contracts_to_coins("-1", contract()), "negative"),
        (lambda: trading.coins_to_contracts("-1", contract()), "negative"),
        (lambda: trading.coins_to_contracts("1", contract(**INVERSE)), "needs price="),
        (lambda: trading.contracts_to_coins("1", contract(**INVERSE), price="0"), "above zero"),
        (lambda: trading.coins_to_contracts("0.0015", contract()), r"1\.5 contracts"),
        (lambda: trading.check_order(contract(), side="long"), "buy or sell"),
    ],
)
def test_what_is_refused(call: Any, says: str) -> None:
    """Mistakes are told, never rounded away."""
    with pytest.raises(ParameterError, match=says):
        call()


# Contracts and coins ----------------------------------------------------------------------------


@given(st.integers(0, 10**12))
def test_linear_contracts_go_there_and_back(number: int) -> None:
    """Whole contracts become coins exactly, and the same contracts again."""
    coins = trading.contracts_to_coins(number, contract())
    assert coins == D(number) / 1000
    assert trading.coins_to_contracts(coins, contract()) == number


@given(st.integers(0, 10**9), st.decimals(min_value=D("0.01"), max_value=D("1e6"), places=2))
def test_inverse_contracts_go_there_and_back(number: int, price: Decimal) -> None:
    """Coins of an inverse contract have 28 digits: rounding to the nearest finds the contracts again."""
    rules = contract(**INVERSE)
    coins = trading.contracts_to_coins(number, rules, price=price)
    assert trading.coins_to_contracts(coins, rules, price=price, rounding="nearest") == number


@given(amounts, st.sampled_from(["1", "10"]))
def test_coins_are_never_exceeded(coins: Decimal, unit: str) -> None:
    """Rounded down, the contracts are at most the coins, by less than one step; up, at least."""
    rules = contract(vol_precision=unit)
    down = trading.coins_to_contracts(coins, rules, rounding="down")
    up = trading.coins_to_contracts(coins, rules, rounding="up")
    with localcontext() as context:
        context.prec = 200
        assert trading.contracts_to_coins(down, rules) <= coins <= trading.contracts_to_coins(up, rules)
    assert up - down in (0, int(unit))
    assert down % int(unit) == 0


def test_inverse_contracts_are_worth_dollars() -> None:
    """100 dollars each: at 50000 dollars one is 0.002 coins."""
    rules = contract(**INVERSE)
    assert trading.contracts_to_coins(1, rules, price=50000) == D("0.002")
    assert trading.coins_to_contracts("0.002", rules, price=50000) == 1
    assert trading.coins_to_contracts("0.0039", rules, price=50000, rounding="down") == 1


# Refusals foreseen ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_order", "reasons"),
    [
        ({"side": "buy", "size": "1", "price": "5"}, []),
        ({"side": "sell", "size": "1", "price": "5"}, ["the value 5 USDT is less than the least value 6"]),
        (
            {"side": "buy", "size": "0.0009", "price": "9999.999"},
            [
                "the size 0.0009 is less than the least size 0.001",
                "the price 9999.999 is not a multiple of 0.01; the exchange would cut it silently",
            ],
        ),
        (
            {"side": "buy", "size": "1000.0001", "price": "5"},
            ["the size 1000.0001 is more than the largest size 1000"],
        ),
        ({"side": "buy", "size": "1.00005", "price": "5"}, ["the size 1.00005 is not a multiple of 0.0001"]),
        ({"side": "buy"}, ["the order needs a size", "a limit order needs a price"]),
        (
            {"side": "buy", "size": "0", "price": "-1"},
            [
                "the size 0 is not above zero",
                "the price -1 is not above zero",
            ],
        ),
        ({"side": "buy", "type": "market", "notional": "5"}, []),
        (
            {"side": "buy", "type": "market", "notional": "4.99"},
            ["the value 4.99 USDT is less than the least value 5"],
        ),
        (
            {"side": "buy", "type": "market", "size": "1"},
            [
                "a market buy spends notional, it has no size",
                "a market buy needs notional, the amount to spend",
            ],
        ),
        ({"side": "sell", "type": "market", "size": "1"}, []),
        (
            {"side": "sell", "type": "market", "size": "1", "last_price": "5.99"},
            ["the value 5.99 USDT is less than the least value 6"],
        ),
        ({"side": "sell", "type": "market", "size": "1", "price": "7"}, ["a market order has no price"]),
        ({"side": "sell", "size": "1", "price": "7", "notional": "7"}, ["notional is for market buys"]),
        (
            {"side": "buy", "type": "ioc", "size": "1", "price": "7", "leverage": 2},
            ["spot orders have no leverage"],
        ),
    ],
)
def test_spot_orders(given_order: dict[str, Any], reasons: list[str]) -> None:
    """Each rule of the pair gives its own sentence."""
    assert trading.check_order(pair(), **given_order) == reasons


@pytest.mark.parametrize(
    ("given_order", "reasons"),
    [
        ({"side": 1, "size": 1, "price": "63547.4"}, []),
        (
            {"side": 4, "size": 1_000_001, "price": "63547.4"},
            ["the size 1000001 is more than the largest size 1000000"],
        ),
        (
            {"side": 1, "type": "market", "size": 500_001},
            ["the size 500001 is more than the largest size 500000"],
        ),
        ({"side": 1, "type": "market", "size": 500_000}, []),
        (
            {"side": 1, "size": "0.5", "price": "63547.45"},
            [
                "the size 0.5 is less than the least size 1",
                "the size 0.5 is not a multiple of 1",
                "the price 63547.45 is not a multiple of 0.1",
            ],
        ),
        ({"side": "buy", "type": "market", "size": 1, "price": "5"}, ["a market order has no price"]),
        ({"side": 2, "size": 1, "price": "5", "leverage": "100.5"}, ["the leverage 100.5 is more than 100"]),
        ({"side": 2, "size": 1, "price": "5", "leverage": "0.5"}, ["the leverage 0.5 is less than 1"]),
        ({"side": 2, "size": 1, "price": "5", "notional": 5}, ["futures orders have no notional"]),
    ],
)
def test_futures_orders(given_order: dict[str, Any], reasons: list[str]) -> None:
    """Each rule of the contract gives its own sentence; market orders have a limit of their own."""
    assert trading.check_order(contract(), **given_order) == reasons


def test_closed_markets() -> None:
    """A pair before its opening and a delisted contract are told."""
    order: dict[str, Any] = {"side": "buy", "size": 10, "price": 10}
    assert trading.check_order(pair(trade_status="pre-trade"), **order) == [
        "ETH_USDT is not trading: pre-trade"
    ]
    assert trading.check_order(contract(status="Delisted"), **order) == ["BTCUSDT is delisted"]
    assert trading.check_order(contract(market_max_volume=""), side=1, type="market", size=1_000_000) == []


@given(amounts, amounts, st.sampled_from(RULES), st.sampled_from(["buy", "sell"]))
def test_rounded_orders_have_no_step_to_complain_about(
    price: Decimal, size: Decimal, rules: Any, side: str
) -> None:
    """What round_price and round_size made is never refused for its steps."""
    if price < tick(rules):
        return
    reasons = trading.check_order(
        rules,
        side=side,
        size=trading.round_size(size, rules),
        price=trading.round_price(price, rules, side=side),
    )
    assert not [reason for reason in reasons if "multiple" in reason]


# Symbols ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["BTCUSDT", "BTC-USDT", "BTC_USDT", "BTC/USDT"])
def test_spellings(spelling: str) -> None:
    """Every usual spelling becomes the exchange's, on either market."""
    assert trading.spot_symbol(spelling) == "BTC_USDT"
    assert trading.futures_symbol(spelling) == "BTCUSDT"


def test_quotes() -> None:
    """Quotes may be the caller's own; separators need none."""
    assert trading.spot_symbol("ETHBTC") == "ETH_BTC"
    assert trading.spot_symbol("BTCEUR", ["EUR"]) == "BTC_EUR"
    assert trading.spot_symbol("BTCEUR", "EUR") == "BTC_EUR"
    assert trading.spot_symbol("A_B-C") == "A_B-C"
    assert trading.spot_symbol("USDT_XYZ") == "USDT_XYZ"


@pytest.mark.parametrize(
    ("text", "quotes", "says"),
    [
        ("BTCBUSD", ("USD", "BUSD"), "could end with BUSD or USD"),
        ("BTCEUR", trading.QUOTES, "no known quote"),
        ("USDT", trading.QUOTES, "no known quote"),
        ("btcusdt", trading.QUOTES, "no known quote"),
        ("", trading.QUOTES, "no pair"),
        ("_USDT", trading.QUOTES, "no pair"),
        ("BTC_", trading.QUOTES, "no pair"),
        ("A_B_C", trading.QUOTES, "no pair"),
        ("BTC USDT", trading.QUOTES, "no pair"),
        (5, trading.QUOTES, "text"),
    ],
)
def test_symbols_nobody_can_read(text: Any, quotes: Any, says: str) -> None:
    """Nothing is guessed: two readings are as wrong as none."""
    with pytest.raises(ParameterError, match=says):
        trading.spot_symbol(text, quotes)


@given(st.from_regex(r"[A-Z0-9]{1,10}", fullmatch=True), st.sampled_from(trading.QUOTES))
def test_a_spot_symbol_goes_to_futures_and_back(base: str, quote: str) -> None:
    """Where a reading is found at all, it is the right one, and stable."""
    symbol = trading.spot_symbol(f"{base}_{quote}")
    assert symbol == f"{base}_{quote}"
    assert trading.spot_symbol(trading.futures_symbol(symbol)) == symbol


# Times ------------------------------------------------------------------------------------------

moments = st.datetimes(timezones=st.just(UTC))


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_ms_go_there_and_back(ms: int) -> None:
    """Every ms of the years 1 to 9999 survives, exactly."""
    moment = trading.ms_to_datetime(ms)
    assert moment.utcoffset() == timedelta(0)
    assert trading.datetime_to_ms(moment) == ms
    assert trading.datetime_to_seconds(moment) == ms // 1000
    assert trading.seconds_to_datetime(ms // 1000) <= moment


@given(moments)
def test_parts_of_a_ms_are_cut(moment: datetime) -> None:
    """Never later than the moment, by less than one ms."""
    back = trading.ms_to_datetime(trading.datetime_to_ms(moment))
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)


@given(
    moments.filter(lambda moment: 1 < moment.year < 9999),
    st.integers(0, 999_999_999),
    st.integers(-14 * 60, 14 * 60),
)
def test_nanoseconds_of_a_text(moment: datetime, nanoseconds: int, minutes: int) -> None:
    """All nine digits count, in any time zone."""
    local = moment.replace(microsecond=0).astimezone(timezone(timedelta(minutes=minutes)))
    text = f"{local:%H:%M:%S}.{nanoseconds:09d}{local.isoformat()[-6:]}"
    assert trading.text_to_ns(f"{local.date().isoformat()}T{text}") == (
        trading.datetime_to_seconds(moment) * 10**9 + nanoseconds
    )


def test_times_as_the_exchange_writes_them() -> None:
    """A futures trade's created_at, with and without digits, and a moment in another zone."""
    assert trading.text_to_ns("2026-08-03T03:36:46.854049505Z") == 1785728206854049505
    assert trading.text_to_ns("1970-01-01T00:00:01.5Z") == 1_500_000_000
    assert trading.text_to_ns("1970-01-01T01:00:00+01:00") == 0
    assert trading.datetime_to_ms(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0
    assert (trading.unix_ms(1770739200), trading.unix_ms(1770739200000)) == (1770739200000, 1770739200000)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: trading.datetime_to_ms(datetime(2026, 1, 1)), "no time zone"),
        (lambda: trading.datetime_to_seconds(datetime(2026, 1, 1)), "no time zone"),
        (lambda: trading.ms_to_datetime(1.5), "whole number"),
        (lambda: trading.ms_to_datetime(True), "whole number"),
        (lambda: trading.ms_to_datetime(10**30), "years"),
        (lambda: trading.seconds_to_datetime(1785728206854), "years"),
        (lambda: trading.unix_ms("1"), "whole number"),
        (lambda: trading.text_to_ns("2026-08-03T03:36:46.854049505"), "no time like"),
        (lambda: trading.text_to_ns("2026-08-03T03:36:46.8540495051Z"), "no time like"),
        (lambda: trading.text_to_ns("2026-13-03T03:36:46Z"), "month"),
        (lambda: trading.text_to_ns("yesterday"), "no time like"),
    ],
)
def test_times_nobody_can_read(call: Any, says: str) -> None:
    """A time that could mean several moments is refused."""
    with pytest.raises(ParameterError, match=says):
        call()


def test_the_module_is_one_import_away() -> None:
    """``bitmart_async.trading`` is there without importing it by name."""
    assert bitmart_async.trading is trading
    assert set(trading.__all__) <= set(vars(trading))
