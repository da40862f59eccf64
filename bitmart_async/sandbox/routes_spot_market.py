"""Public spot routes: currencies, pairs, quotation v3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .calls import Call, Handler, Json, Route
from .candles import Candle, open_time
from .listing import COINS
from .matching import Side
from .numbers import ATOM_PLACES, fixed
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth
from .spot_views import money_text, price_text, size_text, ticker_numbers

if TYPE_CHECKING:
    from .rules import SpotRules
    from .spot import SpotMarket

__all__ = ["ROUTES"]

_STEPS: Final = frozenset({1, 5, 15, 30, 60, 120, 240, 1_440, 10_080, 43_200})
_MAX_CANDLES: Final = 200
_LITE_REACH: Final = 1_000
_TICKER_COLUMNS: Final = (
    "last",
    "v_24h",
    "qv_24h",
    "open_24h",
    "high_24h",
    "low_24h",
    "fluctuation",
    "bid_px",
    "bid_sz",
    "ask_px",
    "ask_sz",
)


def _currencies(call: Call) -> Json:
    return {
        "currencies": [
            {
                "id": coin.code,
                "name": coin.name,
                "withdraw_enabled": True,
                "deposit_enabled": call.exchange.funding.deposits_open,
            }
            for coin in COINS.values()
        ]
    }


def _symbols(call: Call) -> Json:
    return {"symbols": list(call.exchange.spot.markets)}


def _details(call: Call) -> Json:
    return {"symbols": [_detail(market.rules) for market in call.exchange.spot.markets.values()]}


def _detail(rules: SpotRules) -> Json:
    return {
        "symbol": rules.symbol,
        "symbol_id": rules.symbol_id,
        "base_currency": rules.base,
        "quote_currency": rules.quote,
        "quote_increment": size_text(rules.min_size, rules),
        "base_min_size": size_text(rules.min_size, rules),
        "base_max_size": size_text(rules.max_size, rules),
        "price_min_precision": rules.price_decimals - 2,
        "price_max_precision": rules.price_decimals,
        "expiration": "NA",
        "min_buy_amount": money_text(rules.min_value),
        "min_sell_amount": money_text(rules.min_value),
        "trade_status": "trading",
    }


def _market(call: Call) -> SpotMarket:
    symbol = call.text("symbol", refuse=70001)
    market = call.exchange.spot.market(symbol)
    if market is None:
        raise Refusal(70002)
    return market


def _ticker(call: Call) -> Json:
    market = _market(call)
    numbers: dict[str, Json] = {"symbol": market.rules.symbol, **ticker_numbers(market, call.now_ms)}
    return {**numbers, "ts": str(call.now_ms)}


def _tickers(call: Call) -> Json:
    rows: list[Json] = []
    for symbol, market in call.exchange.spot.markets.items():
        numbers = ticker_numbers(market, call.now_ms)
        rows.append([symbol, *(numbers[name] for name in _TICKER_COLUMNS), str(call.now_ms)])
    return rows


def _books(call: Call) -> Json:
    market = _market(call)
    rules, limit = market.rules, call.within("limit", 35, 1, 50, 70002)

    def side(which: Side) -> list[Json]:
        return [
            [price_text(price, rules), size_text(lots, rules)]
            for price, lots in market.book.levels(which, limit)
        ]

    return {"ts": str(call.now_ms), "symbol": rules.symbol, "asks": side(Side.SELL), "bids": side(Side.BUY)}


def _trades(call: Call) -> Json:
    market = _market(call)
    rules, limit = market.rules, call.within("limit", 50, 1, 50, 70002)
    newest = list(market.trades)[::-1][:limit]
    return [
        [
            rules.symbol,
            str(trade.at_ms),
            price_text(trade.price, rules),
            size_text(trade.size, rules),
            "sell" if trade.buyer_made else "buy",
        ]
        for trade in newest
    ]


def _klines(call: Call) -> Json:
    return _candles(call, reach=None)


def _lite_klines(call: Call) -> Json:
    return _candles(call, reach=_LITE_REACH)


def _candles(call: Call, reach: int | None) -> Json:
    """Newest first without a lower bound, oldest first with one; both bounds count in."""
    market = _market(call)
    step = call.whole("step", 71005, 1)
    if step not in _STEPS:
        raise Refusal(71005)
    after, before = call.whole("after", 71001), call.whole("before", 71002)
    limit = call.within("limit", 100, 1, _MAX_CANDLES, 71004)
    now_s = call.now_ms // 1_000
    if after is not None and before is not None:
        if after > before:
            raise Refusal(71003)
        if before - after > _MAX_CANDLES * step * 60:
            raise Refusal(71004)
    since = 0 if after is None else after
    if reach is not None:
        since = max(since, open_time(step, now_s) - (reach - 1) * step * 60)
    rows = market.candles.rows(step, since, now_s if before is None else before, now_s)
    if after is None:
        return [_candle(row, market.rules) for row in rows[: -limit - 1 : -1]]
    return [_candle(row, market.rules) for row in rows[:limit]]


def _candle(row: Candle, rules: SpotRules) -> Json:
    return [
        str(row.start),
        *(price_text(p, rules) for p in (row.open, row.high, row.low, row.close)),
        size_text(row.volume, rules),
        fixed(row.turnover, ATOM_PLACES),
    ]


def _quotation(name: str, calls: int, handler: Handler) -> Route:
    return Route(
        method="GET",
        path=f"/spot/quotation/v3/{name}",
        auth=Auth.NONE,
        quota=Quota(calls, 2, "IP"),
        handler=handler,
        message="success",
    )


ROUTES = (
    Route(
        method="GET", path="/spot/v1/currencies", auth=Auth.NONE, quota=Quota(8, 2, "IP"), handler=_currencies
    ),
    Route(method="GET", path="/spot/v1/symbols", auth=Auth.NONE, quota=Quota(8, 2, "IP"), handler=_symbols),
    Route(
        method="GET",
        path="/spot/v1/symbols/details",
        auth=Auth.NONE,
        quota=Quota(12, 2, "IP"),
        handler=_details,
    ),
    _quotation("ticker", 15, _ticker),
    _quotation("tickers", 10, _tickers),
    _quotation("books", 15, _books),
    _quotation("trades", 15, _trades),
    _quotation("klines", 10, _klines),
    _quotation("lite-klines", 15, _lite_klines),
)
