"""What a trader computes before and after a call: steps, limits, contracts, symbols, times.

Pure functions over the trading rules the exchange sends (a spot ``Symbol``, a futures ``Contract``)::

    rules = (await futures.get_futures_contract_details("BTCUSDT")).symbols[0]
    size = trading.coins_to_contracts("0.05", rules, rounding="down")
    price = trading.round_price("63547.37", rules, side=1)
    problems = trading.check_order(rules, side=1, size=size, price=price)

Money goes in as Decimal, int or text and comes out as Decimal; floats are refused. All arithmetic is
exact, whatever the decimal context of the program, with one documented exception.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, overload

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import ContractStatus
from bitmart_async.models.futures import Contract
from bitmart_async.models.spot import Symbol
from bitmart_async.numbers import exact
from bitmart_async.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "QUOTES",
    "Rounding",
    "Rules",
    "check_order",
    "coins_to_contracts",
    "contracts_to_coins",
    "datetime_to_ms",
    "datetime_to_seconds",
    "futures_symbol",
    "ms_to_datetime",
    "round_price",
    "round_size",
    "seconds_to_datetime",
    "spot_symbol",
    "text_to_ns",
    "unix_ms",
]

Rounding: TypeAlias = Literal["down", "up", "nearest"]
"""Towards zero, away from zero, or to the nearer step (the upper one from exactly between)."""
Rules: TypeAlias = Symbol | Contract
"""Trading rules of a spot pair or of a contract."""
Money: TypeAlias = Decimal | int | str

QUOTES: tuple[str, ...] = ("USDT", "USDC", "BTC", "ETH")
"""Quote currencies :func:`spot_symbol` knows when it is told no others."""

_EXACT = Context(prec=300, rounding=ROUND_HALF_EVEN)
"""Wide enough for every number :func:`~bitmart_async.numbers.exact` lets through."""
_COIN_DIGITS = Context(prec=28, rounding=ROUND_HALF_EVEN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAGNITUDE = 100_000_000_000


# Steps ------------------------------------------------------------------------------------------


def round_price(
    price: Money,
    rules: Rules,
    *,
    side: str | int | None = None,
    rounding: Rounding | None = None,
) -> Decimal:
    """A price the exchange takes unchanged. Spot cuts further decimals without a word.

    Args:
        price: Quote per coin, above zero.
        rules: Of the pair or contract.
        side: Rounds to the order's advantage: a buy down, a sell up. buy or sell; for contracts
            also 1 and 2 (buy), 3 and 4 (sell).
        rounding: Says so directly; without either of the two it is nearest.

    Raises:
        ParameterError: Side and rounding both given, or the price would become 0, which some calls
            take for a market order.
    """
    number = exact(price, "price")
    if number <= 0:
        raise ParameterError(f"price={number} must be above zero")
    if side is not None and rounding is not None:
        raise ParameterError("give side= or rounding=, not both")
    if side is not None:
        rounding = "down" if _buys(side) else "up"
    rounded = _to_step(number, _tick(rules), rounding or "nearest")
    if rounded == 0:
        raise ParameterError(f"price={number} is less than one step ({_tick(rules):f}) of {rules.symbol}")
    return rounded


@overload
def round_size(size: Money, rules: Contract) -> int: ...
@overload
def round_size(size: Money, rules: Symbol) -> Decimal: ...
def round_size(size: Money, rules: Rules) -> Decimal | int:
    """The largest size of the grid that is not above ``size``; 0 when that is less than one step.

    Args:
        size: Spot: base currency. Futures: contracts, not coins.
        rules: Of the pair or contract.

    Returns:
        Spot: Decimal. Futures: int, as the orders want it.
    """
    number = exact(size, "size")
    if number < 0:
        raise ParameterError(f"size={number} must not be negative")
    rounded = _to_step(number, _size_step(rules), "down")
    return int(rounded) if isinstance(rules, Contract) else rounded


def _tick(rules: Rules) -> Decimal:
    """The price step."""
    if isinstance(rules, Symbol):
        decimals = _known(rules.price_max_precision, "price_max_precision", rules.symbol)
        return Decimal(1).scaleb(-decimals, _EXACT)
    return _step(rules.price_precision, "price_precision", rules.symbol)


def _size_step(rules: Rules) -> Decimal:
    """The size step; of a contract a whole number, because orders take no other."""
    if isinstance(rules, Symbol):
        increment = cast("Decimal | None", rules.quote_increment)
        if increment:
            return _step(increment, "quote_increment", rules.symbol)
        return _step(rules.base_min_size, "base_min_size", rules.symbol)
    step = _step(rules.vol_precision, "vol_precision", rules.symbol)
    if step == step.to_integral_value():
        return step
    if _multiple(Decimal(1), step):
        return Decimal(1)
    raise ParameterError(f"vol_precision={step} of {rules.symbol} leaves no whole number of contracts")


def _known(value: int | None, name: str, symbol: str) -> int:
    if value is None:
        raise ParameterError(f"the rules of {symbol} have no {name}")
    return value


def _step(value: Decimal | None, name: str, symbol: str) -> Decimal:
    if value is None or value <= 0:
        raise ParameterError(f"the rules of {symbol} have no usable {name}: {value}")
    return value


def _to_step(value: Decimal, step: Decimal, rounding: Rounding) -> Decimal:
    """``value``, not negative, on the grid of ``step``."""
    if rounding not in ("down", "up", "nearest"):
        raise ParameterError(f"rounding={one_line(repr(rounding), 60)}: must be 'down', 'up' or 'nearest'")
    with localcontext(_EXACT):
        units, rest = divmod(value, step)
        if (rounding == "up" and rest) or (rounding == "nearest" and 2 * rest >= step):
            units += 1
        return units * step


def _multiple(value: Decimal, step: Decimal) -> bool:
    with localcontext(_EXACT):
        return value % step == 0


def _buys(side: str | int) -> bool:
    """Whether a side is a buy: spot's words or futures' numbers."""
    if not isinstance(side, bool):
        if side in ("buy", 1, 2):
            return True
        if side in ("sell", 3, 4):
            return False
    raise ParameterError(f"side={one_line(repr(side), 60)}: must be buy or sell, or 1 to 4 for contracts")


# Refusals foreseen ------------------------------------------------------------------------------


def check_order(
    rules: Rules,
    *,
    side: str | int,
    type: str = "limit",
    size: Money | None = None,
    price: Money | None = None,
    notional: Money | None = None,
    leverage: Money | None = None,
    last_price: Money | None = None,
) -> list[str]:
    """Why the exchange would refuse an order, one sentence each; an empty list: nothing was found.

    It looks at the trading rules alone: balance, positions and the distance from the market are
    the exchange's to judge.

    Args:
        rules: Of the pair or contract, fresh: the exchange changes them.
        side: buy or sell; for contracts also 1 to 4.
        type: limit or market; on spot also limit_maker and ioc.
        size: Spot: base currency. Futures: contracts.
        price: Quote per coin; for orders that have one.
        notional: What a spot market buy spends, quote.
        leverage: For contracts.
        last_price: To estimate the value of a spot market sell, quote per coin.

    Raises:
        ParameterError: A value is no number, or a float.
    """
    numbers = {
        name: exact(value, name)
        for name, value in (
            ("size", size),
            ("price", price),
            ("notional", notional),
            ("leverage", leverage),
            ("last_price", last_price),
        )
        if value is not None
    }
    if isinstance(rules, Symbol):
        return _check_spot(rules, numbers, buy=_buys(side), market=str(type) == "market")
    _buys(side)
    return _check_contract(rules, numbers, market=str(type) == "market")


def _check_price(rules: Rules, price: Decimal | None) -> list[str]:
    if price is None:
        return ["a limit order needs a price"]
    if price <= 0:
        return [f"the price {price:f} is not above zero"]
    if not _multiple(price, _tick(rules)):
        cut = "; the exchange would cut it silently" if isinstance(rules, Symbol) else ""
        return [f"the price {price:f} is not a multiple of {_tick(rules):f}{cut}"]
    return []


def _check_size(rules: Rules, size: Decimal | None, least: Decimal | None, most: Decimal | None) -> list[str]:
    if size is None:
        return ["the order needs a size"]
    if size <= 0:
        return [f"the size {size:f} is not above zero"]
    found: list[str] = []
    if least is not None and size < least:
        found.append(f"the size {size:f} is less than the least size {least:f}")
    if most is not None and most > 0 and size > most:
        found.append(f"the size {size:f} is more than the largest size {most:f}")
    if not _multiple(size, _size_step(rules)):
        found.append(f"the size {size:f} is not a multiple of {_size_step(rules):f}")
    return found


def _check_spot(rules: Symbol, given: dict[str, Decimal], *, buy: bool, market: bool) -> list[str]:
    found: list[str] = []
    if rules.trade_status != "trading":
        found.append(f"{rules.symbol} is not trading: {rules.trade_status}")
    size, price, notional = given.get("size"), given.get("price"), given.get("notional")
    if "leverage" in given:
        found.append("spot orders have no leverage")
    if market and buy:
        if size is not None:
            found.append("a market buy spends notional, it has no size")
        if notional is None:
            return [*found, "a market buy needs notional, the amount to spend"]
    else:
        if notional is not None:
            found.append("notional is for market buys")
        found += _check_size(rules, size, rules.base_min_size, rules.base_max_size)
    if market and price is not None:
        found.append("a market order has no price")
    if not market:
        found += _check_price(rules, price)
    worth = price if not market else given.get("last_price")
    value: Decimal | None = notional if market and buy else None
    if value is None and size is not None and worth is not None and size > 0 and worth > 0:
        with localcontext(_EXACT):
            value = size * worth
    least = cast("Decimal | None", rules.min_buy_amount if buy else rules.min_sell_amount)
    if value is not None and least is not None and value < least:
        found.append(f"the value {value:f} {rules.quote_currency} is less than the least value {least:f}")
    return found


def _check_contract(rules: Contract, given: dict[str, Decimal], *, market: bool) -> list[str]:
    found: list[str] = []
    if rules.status is ContractStatus.DELISTED:
        found.append(f"{rules.symbol} is delisted")
    most = cast("Decimal | None", rules.max_volume)
    if market and rules.market_max_volume is not None:
        most = rules.market_max_volume
    found += _check_size(rules, given.get("size"), cast("Decimal | None", rules.min_volume), most)
    price = given.get("price")
    if not market:
        found += _check_price(rules, price)
    elif price is not None:
        found.append("a market order has no price")
    if "notional" in given:
        found.append("futures orders have no notional")
    leverage = given.get("leverage")
    low, high = cast("tuple[Decimal | None, Decimal | None]", (rules.min_leverage, rules.max_leverage))
    if leverage is not None and low is not None and leverage < low:
        found.append(f"the leverage {leverage:f} is less than {low:f}")
    if leverage is not None and high is not None and leverage > high:
        found.append(f"the leverage {leverage:f} is more than {high:f}")
    return found


# Contracts and coins ----------------------------------------------------------------------------


def contracts_to_coins(contracts: Money, rules: Contract, *, price: Money | None = None) -> Decimal:
    """How many coins a number of contracts is.

    Args:
        contracts: 0 or more.
        rules: Of the contract.
        price: Quote per coin; inverse contracts, which are worth dollars, need it.

    Returns:
        Coins: exact for linear contracts, to 28 digits for inverse ones.
    """
    number = exact(contracts, "contracts")
    if number < 0:
        raise ParameterError(f"contracts={number} must not be negative")
    worth = _step(rules.contract_size, "contract_size", rules.symbol)
    with localcontext(_EXACT):
        total = number * worth
    return _COIN_DIGITS.divide(total, _price_of(rules, price)) if rules.inverse else total


def coins_to_contracts(
    coins: Money,
    rules: Contract,
    *,
    price: Money | None = None,
    rounding: Rounding | None = None,
) -> int:
    """How many contracts a number of coins is.

    Args:
        coins: 0 or more.
        rules: Of the contract.
        price: Quote per coin; inverse contracts, which are worth dollars, need it.
        rounding: What to do with a part of a contract; without it a part is refused.

    Raises:
        ParameterError: The coins are no whole number of contracts (of size steps) and rounding is not given.
    """
    number = exact(coins, "coins")
    if number < 0:
        raise ParameterError(f"coins={number} must not be negative")
    worth = _step(rules.contract_size, "contract_size", rules.symbol)
    step = _size_step(rules)
    with localcontext(_EXACT):
        value = number * _price_of(rules, price) if rules.inverse else number
        rounded = _to_step(value, step * worth, rounding or "down")
        if rounding is None and rounded != value:
            raise ParameterError(
                f"coins={number:f} are {_COIN_DIGITS.divide(value, worth):f} contracts of {rules.symbol}, "
                f"and only multiples of {step:f} can be ordered; pass rounding='down', 'up' or 'nearest'"
            )
        return int(rounded / worth)


def _price_of(rules: Contract, price: Money | None) -> Decimal:
    if price is None:
        raise ParameterError(f"{rules.symbol} is an inverse contract, worth dollars: it needs price=")
    number = exact(price, "price")
    if number <= 0:
        raise ParameterError(f"price={number} must be above zero")
    return number


# Symbols ----------------------------------------------------------------------------------------

_SEPARATORS = ("_", "-", "/")


def spot_symbol(symbol: str, quotes: Iterable[str] = QUOTES) -> str:
    """A spot pair in the exchange's spelling: BTCUSDT, BTC-USDT, BTC/USDT and BTC_USDT are BTC_USDT.

    Letters keep their case.

    Args:
        symbol: The pair.
        quotes: Quote currencies to split at where nothing separates; the exchange's own are
            ``{rule.quote_currency for rule in symbols}`` of get_spot_trading_pair_details_v1.

    Raises:
        ParameterError: No known quote ends it, or more than one does.
    """
    parts = _parts(symbol)
    if len(parts) == 1:
        names = {quotes} if isinstance(quotes, str) else set(quotes)
        fits = [name for name in names if name and symbol.endswith(name) and symbol != name]
        if len(fits) != 1:
            why = (
                f"could end with {' or '.join(sorted(fits))}" if fits else "ends with no known quote currency"
            )
            raise ParameterError(
                f"symbol={one_line(repr(symbol), 60)} {why}; write it with an underscore, like BTC_USDT"
            )
        parts = [symbol.removesuffix(fits[0]), fits[0]]
    return "_".join(parts)


def futures_symbol(symbol: str) -> str:
    """A contract in the exchange's spelling: BTC_USDT, BTC-USDT, BTC/USDT and BTCUSDT are BTCUSDT.

    Letters keep their case.
    """
    return "".join(_parts(symbol))


def _parts(symbol: str) -> list[str]:
    if not isinstance(symbol, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError(f"a symbol is text, not {type(symbol).__name__}")
    separator = next((mark for mark in _SEPARATORS if mark in symbol), None)
    parts = [symbol] if separator is None else symbol.split(separator)
    if len(parts) > 2 or not all(parts) or any(char.isspace() for char in symbol):
        raise ParameterError(f"symbol={one_line(repr(symbol), 60)} is no pair like BTC_USDT")
    return parts


# Times ------------------------------------------------------------------------------------------

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def ms_to_datetime(ms: int) -> datetime:
    """Unix milliseconds as a datetime in UTC, exact."""
    return _from_unix(ms, timedelta(milliseconds=1), "ms")


def seconds_to_datetime(seconds: int) -> datetime:
    """Unix seconds as a datetime in UTC, exact."""
    return _from_unix(seconds, timedelta(seconds=1), "seconds")


def datetime_to_ms(moment: datetime) -> int:
    """A datetime as Unix milliseconds; parts of a millisecond are cut off.

    Raises:
        ParameterError: The datetime has no time zone, so that it could mean any of 24 hours.
    """
    return _since_epoch(moment) // timedelta(milliseconds=1)


def datetime_to_seconds(moment: datetime) -> int:
    """A datetime as Unix seconds; parts of a second are cut off. Raises as :func:`datetime_to_ms`."""
    return _since_epoch(moment) // timedelta(seconds=1)


def unix_ms(time: int) -> int:
    """Unix seconds or milliseconds, told apart by magnitude, as milliseconds.

    For the few reply fields whose unit nobody has verified; right for times after 3 March 1973.
    """
    number = _whole(time, "time")
    return number * 1000 if abs(number) < _MAGNITUDE else number


def text_to_ns(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 text such as created_at of a futures trade, which datetime would cut.

    Raises:
        ParameterError: The text has another form, or no time zone.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ParameterError(f"{one_line(repr(text), 60)} is no time like 2026-08-03T03:36:46.854049505Z")
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError as error:
        raise ParameterError(f"{one_line(repr(text), 60)}: {error}") from None
    return _since_epoch(moment) // timedelta(seconds=1) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def _whole(value: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError(f"{name}={one_line(repr(value), 60)}: must be a whole number (an int)")
    return value


def _from_unix(value: int, unit: timedelta, name: str) -> datetime:
    try:
        return _EPOCH + _whole(value, name) * unit
    except OverflowError:
        raise ParameterError(f"{name}={value} lies outside the years 1 to 9999") from None


def _since_epoch(moment: datetime) -> timedelta:
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ParameterError(f"{moment!r} has no time zone; say which is meant, e.g. datetime.now(UTC)")
    return moment - _EPOCH
