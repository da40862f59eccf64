"""Public futures routes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from .calls import Call, Handler, Json, Route
from .futures_views import funding_times, index_text, money, price_text
from .matching import Side
from .numbers import fixed, short
from .premium import PLACES, rate_text
from .quotas import Quota
from .refusals import Refusal
from .rules import LISTED_AT_MS, ContractRules
from .signatures import Auth

if TYPE_CHECKING:
    from .candles import CandleSeries
    from .futures import ContractMarket

__all__ = ["ROUTES"]

_STEPS: Final = frozenset({1, 3, 5, 15, 30, 60, 120, 240, 360, 720, 1_440, 4_320, 10_080})
_MAX_CANDLES: Final = 500
_DEPTH: Final = 50


def _market(call: Call) -> ContractMarket:
    return call.exchange.futures.tradable(call.text("symbol", refuse=40034))


def _details(call: Call) -> Json:
    symbol, markets = call.text("symbol"), call.exchange.futures.markets
    if symbol and symbol not in markets:
        raise Refusal(40012)
    return {"symbols": [_detail(call, market) for name, market in markets.items() if symbol in ("", name)]}


def _detail(call: Call, market: ContractMarket) -> Json:
    rules, day = market.rules, market.candles.day(call.now_ms // 1_000)
    return {
        "symbol": rules.symbol,
        "product_type": 1,
        "open_timestamp": LISTED_AT_MS,
        "expire_timestamp": 0,
        "settle_timestamp": 0,
        "base_currency": rules.base,
        "quote_currency": rules.quote,
        "last_price": price_text(market.last, rules),
        "volume_24h": str(day.volume),
        "turnover_24h": money(day.turnover),
        "index_price": index_text(call.exchange, rules),
        "index_name": rules.symbol,
        "contract_size": f"{rules.contract_size:f}",
        "min_leverage": str(rules.min_leverage),
        "max_leverage": str(rules.max_leverage),
        "price_precision": price_text(1, rules),
        "vol_precision": "1",
        "max_volume": str(rules.max_volume),
        "market_max_volume": str(rules.market_max_volume),
        "min_volume": str(rules.min_volume),
        "funding_rate": rate_text(market.funding.last),
        "expected_funding_rate": rate_text(market.funding.expected),
        "open_interest": str(market.open_interest),
        "open_interest_value": money(rules.value(market.last, market.open_interest)),
        "high_24h": price_text(day.high, rules),
        "low_24h": price_text(day.low, rules),
        "change_24h": short((day.close - day.open) * 10**16 // day.open, 16),
        "funding_interval_hours": rules.funding_hours,
        "funding_time": funding_times(rules, call.now_ms)[1],
        "status": "Trading",
        "delist_time": 0,
    }


def _depth(call: Call) -> Json:
    """A side without orders is null, not an empty list."""
    market = _market(call)

    def side(which: Side) -> Json:
        rows: list[Json] = []
        total = 0
        for price, contracts in market.book.levels(which, _DEPTH):
            total += contracts
            rows.append([price_text(price, market.rules), str(contracts), str(total)])
        return rows or None

    return {
        "asks": side(Side.SELL),
        "bids": side(Side.BUY),
        "timestamp": call.now_ms,
        "symbol": market.rules.symbol,
    }


def _trades(call: Call) -> Json:
    """Sizes are coins here, not contracts, and times are seconds."""
    market = _market(call)
    rules, limit = market.rules, call.within("limit", 50, 1, 100, 40007)
    return [
        {
            "symbol": rules.symbol,
            "price": price_text(deal.price, rules),
            "qty": f"{(deal.size * rules.contract_size).normalize():f}",
            "quote_qty": money(rules.value(deal.price, deal.size)),
            "time": deal.at_ms // 1_000,
            "is_buyer_maker": deal.buyer_made,
        }
        for deal in list(market.trades)[::-1][:limit]
    ]


def _open_interest(call: Call) -> Json:
    market = _market(call)
    return {
        "timestamp": call.now_ms,
        "symbol": market.rules.symbol,
        "open_interest": str(market.open_interest),
        "open_interest_value": money(market.rules.value(market.last, market.open_interest)),
    }


def _funding(market: ContractMarket, now_ms: int) -> Json:
    rules, meter = market.rules, market.funding
    return {
        "timestamp": now_ms,
        "symbol": rules.symbol,
        "rate_value": rate_text(meter.last),
        "expected_rate": rate_text(meter.expected),
        "funding_time": funding_times(rules, now_ms)[1],
        "funding_upper_limit": rate_text(meter.cap),
        "funding_lower_limit": rate_text(-meter.cap),
    }


def _funding_rate(call: Call) -> Json:
    return _funding(_market(call), call.now_ms)


def _funding_rate_v2(call: Call) -> Json:
    symbol, markets = call.text("symbol"), call.exchange.futures.markets
    if symbol and symbol not in markets:
        raise Refusal(40034)
    return {
        "list": [_funding(market, call.now_ms) for name, market in markets.items() if symbol in ("", name)]
    }


def _funding_history(call: Call) -> Json:
    """Newest first. What lies before the sandbox began is made up from the seed."""
    market, limit = _market(call), call.within("limit", 100, 1, 100, 40007)
    rules, settled = market.rules, market.funding.settled[::-1][:limit]
    rows = [(row.at_ms, row.rate) for row in settled]
    while len(rows) < limit:
        at = rows[-1][0] - rules.funding_hours * 3_600_000
        dice = random.Random(f"{call.exchange.seed}/funding/{at}")
        rows.append((at, dice.randint(-50_000_000, 100_000_000)))
    return {
        "list": [
            {"symbol": rules.symbol, "funding_rate": fixed(rate, PLACES), "funding_time": str(at)}
            for at, rate in rows
        ]
    }


def _kline(call: Call) -> Json:
    market = _market(call)
    return _candles(call, market, market.candles)


def _mark_kline(call: Call) -> Json:
    market = _market(call)
    return _candles(call, market, market.marks, volumes=False)


def _candles(call: Call, market: ContractMarket, series: CandleSeries, *, volumes: bool = True) -> Json:
    step = call.whole("step", 40038, 1)
    if step not in _STEPS:
        raise Refusal(40038)
    start, end = call.whole("start_time", 40039), call.whole("end_time", 40039)
    if start is None or end is None or start > end:
        raise Refusal(40039)
    rules = market.rules
    return [
        {
            "timestamp": row.start,
            "open_price": price_text(row.open, rules),
            "close_price": price_text(row.close, rules),
            "high_price": price_text(row.high, rules),
            "low_price": price_text(row.low, rules),
            "volume": str(row.volume) if volumes else "0",
        }
        for row in series.rows(step, start, end, call.now_ms // 1_000)[:_MAX_CANDLES]
    ]


def _brackets(call: Call) -> Json:
    symbol, markets = call.text("symbol"), call.exchange.futures.markets
    if symbol and symbol not in markets:
        raise Refusal(40034)
    return {
        "rules": [_bracket_rule(market.rules) for name, market in markets.items() if symbol in ("", name)]
    }


def _bracket_rule(rules: ContractRules) -> Json:
    return {
        "symbol": rules.symbol,
        "brackets": [
            {
                "bracket": tier.number,
                "initial_leverage": tier.leverage,
                "notional_cap": str(tier.cap),
                "notional_floor": str(tier.floor),
                "maint_margin_ratio": short(tier.ratio_ppm, 6),
                "cum": f"{tier.deduct.normalize():f}",
            }
            for tier in rules.brackets
        ],
    }


def _public(name: str, handler: Handler, calls: int = 12) -> Route:
    return Route(
        method="GET",
        path=f"/contract/public/{name}",
        auth=Auth.NONE,
        quota=Quota(calls, 2, "IP"),
        handler=handler,
        message="Ok",
    )


ROUTES = (
    _public("details", _details),
    _public("depth", _depth),
    _public("market-trade", _trades),
    _public("open-interest", _open_interest, calls=2),
    _public("funding-rate", _funding_rate),
    _public("funding-rate-v2", _funding_rate_v2),
    _public("funding-rate-history", _funding_history),
    _public("kline", _kline),
    _public("markprice-kline", _mark_kline),
    _public("leverage-bracket", _brackets),
)
