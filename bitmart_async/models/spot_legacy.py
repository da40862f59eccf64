"""Replies of the v1 and v2 spot endpoints that newer versions replace."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from bitmart_async.errors import OrderResult
from bitmart_async.models.base import Model, Ms, Number, Seconds, Whole
from bitmart_async.models.enums import OrderType, Side, StpMode
from bitmart_async.models.spot import SpotOrderAck

__all__ = [
    "BatchOrderResult",
    "BatchOrderResults",
    "KlineSteps",
    "LegacyBook",
    "LegacyCandle",
    "LegacyCandles",
    "LegacyLevel",
    "LegacyTicker",
    "LegacyTickers",
    "SpotOrderRequestV2",
]


class LegacyTicker(Model, frozen=True, kw_only=True):
    """24-hour figures and best prices of one pair."""

    symbol: str
    last_price: Number
    quote_volume_24h: Number
    """Turnover, quote."""
    base_volume_24h: Number
    """Volume, base."""
    high_24h: Number
    low_24h: Number
    open_24h: Number
    close_24h: Number
    best_ask: Number
    best_ask_size: Number
    """Base."""
    best_bid: Number
    best_bid_size: Number
    """Base."""
    fluctuation: Number
    """Change as a fraction: 0.05 is 5 %."""
    timestamp: Ms
    """Unix ms."""
    url: str
    """The pair's page on the exchange's site."""


class LegacyTickers(Model, frozen=True, kw_only=True):
    """The same of all pairs."""

    tickers: list[LegacyTicker]


class KlineSteps(Model, frozen=True, kw_only=True):
    """Candle lengths."""

    steps: list[Whole]
    """Minutes."""


class LegacyCandle(Model, frozen=True, kw_only=True):
    """One candle."""

    timestamp: Seconds
    """Open time, Unix SECONDS."""
    open: Number
    high: Number
    low: Number
    close: Number
    last_price: Number
    volume: Number
    """Base."""
    quote_volume: Number | None = None
    """Quote; older replies have none."""


class LegacyCandles(Model, frozen=True, kw_only=True):
    """Candles of a window."""

    klines: list[LegacyCandle]


class LegacyLevel(Model, frozen=True, kw_only=True):
    """One level of a book."""

    amount: Number
    """Base."""
    total: Number
    """Base, summed from the best level down to this one."""
    price: Number
    count: Whole
    """Orders at the level."""


class LegacyBook(Model, frozen=True, kw_only=True):
    """A snapshot of the book."""

    timestamp: Ms | None = None
    """Unix ms; older replies have none."""
    buys: list[LegacyLevel]
    """Best (highest) first."""
    sells: list[LegacyLevel]
    """Best (lowest) first."""


class BatchOrderResult(Model, frozen=True, kw_only=True):
    """What became of one order of a v2 batch."""

    code: Whole
    """0: taken. Anything else: refused, ``msg`` says why."""
    msg: str
    data: SpotOrderAck | None = None
    """None when it was refused."""


class BatchOrderResults(Model, frozen=True, kw_only=True):
    """One row per order. The call succeeds even when orders are refused: look at every code."""

    responses: list[BatchOrderResult]
    results: tuple[OrderResult, ...] = msgspec.field(default=(), name="_results")
    """One per order, in the order given, read from the row in its place: that is the only sense such rows
    can have, though no recording proves it. Not from the wire."""


class SpotOrderRequestV2(msgspec.Struct, frozen=True, kw_only=True):
    """One order of a v2 batch; the same rules as a single submit.

    Limit, limit_maker and ioc need ``price`` and ``size``; a market sell needs ``size``, a market buy
    ``notional``. A client order id is made when none is given.
    """

    symbol: str
    side: Side | str
    type: OrderType | str
    size: Decimal | int | str | None = None
    """Base."""
    price: Decimal | int | str | None = None
    """Quote."""
    notional: Decimal | int | str | None = None
    """Quote amount to spend."""
    client_order_id: str | None = None
    stp_mode: StpMode | str | None = None
