"""Futures streams: what one element of a frame holds. Sizes in contracts, prices in quote per coin.

Book levels are float pairs, for their cost; :func:`bitmart_async.numbers.level` gives the Decimal the
exchange printed. Everything else that is money is Decimal.
"""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - msgspec may look at it

import msgspec

from bitmart_async.models.base import Blank, Finite, Id, Model, Ms, Number, Seconds, Whole
from bitmart_async.models.enums import (
    BookFrame,
    FuturesOrderAction,
    FuturesOrderState,
    FuturesSide,
    MarginMode,
    PositionMode,
    PositionType,
    Side,
)

__all__ = [
    "FuturesAssetUpdate",
    "FuturesBookTicker",
    "FuturesDepth",
    "FuturesDepthAll",
    "FuturesDepthIncrease",
    "FuturesFunding",
    "FuturesKline",
    "FuturesOrderUpdate",
    "FuturesPositionUpdate",
    "FuturesStreamLevel",
    "FuturesStreamOrder",
    "FuturesStreamTicker",
    "FuturesStreamTrade",
    "LastTrade",
]


class FuturesStreamTicker(Model, frozen=True, kw_only=True, gc=False):
    """``futures/ticker``: every 1 s by the documents, every 2 to 3 s as observed. It carries no time."""

    symbol: str
    last_price: Number
    volume_24: Number
    """Contracts."""
    range: Number
    """24-hour change as a fraction: 0.01 is 1 %."""
    mark_price: Number | None = None
    index_price: Number | None = None
    ask_price: Number | None = None
    ask_vol: Number | None = None
    bid_price: Number | None = None
    bid_vol: Number | None = None


class FuturesFunding(Model, frozen=True, kw_only=True, rename="camel", gc=False):
    """``futures/fundingRate``: at once, then every minute."""

    symbol: str
    funding_rate: Number
    """The last settled rate, fraction."""
    funding_time: Ms
    """Time of the push, Unix ms, whatever the documents say: use next_funding_time."""
    next_funding_rate: Number
    """Forecast for the next settlement, fraction."""
    next_funding_time: Ms
    """Next settlement, Unix ms."""
    funding_upper_limit: Number | None = msgspec.field(name="funding_upper_limit", default=None)
    funding_lower_limit: Number | None = msgspec.field(name="funding_lower_limit", default=None)
    ts: Ms
    """Unix ms."""


class FuturesStreamLevel(msgspec.Struct, frozen=True, gc=False):
    """One level; unpacks like a pair: ``price, vol = level``."""

    price: Finite
    vol: Finite
    """Contracts."""

    def __iter__(self) -> Iterator[float]:
        yield self.price
        yield self.vol


class FuturesDepth(Model, frozen=True, kw_only=True, gc=False):
    """``futures/depth{levels}``: ONE side of the book per frame; it replaces that side."""

    symbol: str
    way: Whole
    """1 bids, 2 asks."""
    depths: list[FuturesStreamLevel]
    """Best price first."""
    ms_t: int | None = None
    """Unix ms."""


class FuturesDepthAll(Model, frozen=True, kw_only=True, gc=False):
    """``futures/depthAll{levels}``: both sides, best price first."""

    symbol: str
    asks: list[FuturesStreamLevel]
    bids: list[FuturesStreamLevel]
    ms_t: int | None = None
    """Unix ms."""


class FuturesDepthIncrease(Model, frozen=True, kw_only=True, gc=False):
    """``futures/depthIncrease{levels}``: a snapshot, then changes. Size 0 removes a level.

    A quiet book sends empty sides with the version advanced.
    """

    symbol: str
    asks: list[FuturesStreamLevel]
    bids: list[FuturesStreamLevel]
    ms_t: int | None = None
    """Unix ms."""
    version: Whole
    type: BookFrame


class FuturesBookTicker(Model, frozen=True, kw_only=True, gc=False):
    """``futures/bookticker``: best prices; one frame per second observed."""

    symbol: str
    best_bid_price: Number
    best_bid_vol: Number
    best_ask_price: Number
    best_ask_vol: Number
    ms_t: int | None = None
    """Unix ms."""


class FuturesStreamTrade(Model, frozen=True, kw_only=True, gc=False):
    """``futures/trade``: one trade of anybody, newest first within a frame."""

    trade_id: Id
    symbol: str
    deal_price: Number
    deal_vol: Number
    """Contracts."""
    way: int | None = None
    """Pair of order sides, 1 to 8. It does not tell the taker: see :attr:`taker_side`."""
    m: bool | None = None
    """True: the buyer was resting."""
    created_at: str
    """RFC 3339, UTC, up to nanoseconds; text, because datetime would cut it."""

    @property
    def taker_side(self) -> Side | None:
        """Side of the taker, None where the exchange does not say."""
        if self.m is None:
            return None
        return Side.SELL if self.m else Side.BUY


class FuturesKline(Model, frozen=True, kw_only=True, gc=False):
    """``futures/klineBin{interval}`` and ``futures/markPriceKlineBin{interval}``: one candle.

    The same open time repeats while it forms. Both shapes of the wire, a list of candles and a flat
    one, come out like this.
    """

    symbol: str
    ts: Seconds
    """Open time, Unix SECONDS. A second off the grid in records before 2025."""
    open: Number = msgspec.field(name="o")
    high: Number = msgspec.field(name="h")
    low: Number = msgspec.field(name="l")
    close: Number = msgspec.field(name="c")
    volume: Number = msgspec.field(name="v")
    """Contracts; means little for mark prices."""


class FuturesAssetUpdate(Model, frozen=True, kw_only=True, gc=False):
    """``futures/asset``: one currency after a change."""

    currency: str
    available_balance: Number
    position_deposit: Number
    """Margin inside positions."""
    frozen_balance: Number
    """Held by open orders."""


class FuturesPositionUpdate(Model, frozen=True, kw_only=True, gc=False):
    """``futures/position``: one position, on change and every 10 s. hold_volume 0: closed."""

    symbol: str
    hold_volume: Number
    position_type: PositionType
    open_type: Whole
    """1 isolated, 2 cross; see :attr:`margin_mode`."""
    frozen_volume: Number
    """Contracts held by closing orders."""
    close_volume: Number
    hold_avg_price: Number
    close_avg_price: Number
    open_avg_price: Number
    liquidate_price: Number
    """0 is possible."""
    create_time: Ms
    """Unix ms."""
    update_time: Ms
    """Unix ms."""
    position_mode: PositionMode | None = None

    @property
    def margin_mode(self) -> MarginMode:
        """``open_type`` in words; this channel alone sends a number."""
        return {1: MarginMode.ISOLATED, 2: MarginMode.CROSS}.get(
            self.open_type, MarginMode(str(self.open_type))
        )


class LastTrade(Model, frozen=True, kw_only=True, rename="camel"):
    """The last fill of an order."""

    last_trade_id: Id = msgspec.field(name="lastTradeID")
    fill_qty: Number
    """Contracts."""
    fill_price: Number
    fee: Number
    """Negative in the documented sample."""
    fee_ccy: str


class FuturesStreamOrder(Model, frozen=True, kw_only=True, gc=False):
    """The order inside a push. FINISHED with deal_size below size is a cancel."""

    order_id: Id
    client_order_id: str = ""
    price: Blank
    size: Number
    symbol: str
    state: FuturesOrderState
    side: FuturesSide
    type: str
    """limit, market, plan_order, trailing_order, take_profit, stop_loss."""
    leverage: Blank = None
    open_type: MarginMode | None = None
    deal_avg_price: Number
    """0 before the first fill."""
    deal_size: Number
    """Filled contracts, cumulative."""
    create_time: Ms
    """Unix ms."""
    update_time: Ms
    """Unix ms; can be a little before create_time."""
    plan_order_id: str = ""
    """The plan order that triggered this one, empty: none."""
    last_trade: LastTrade | None = None
    trigger_price: Blank = None
    trigger_price_type: str | None = None
    """last_price, fair_price or "-"."""
    execution_price: str | None = None
    """A number, "-", or words for a market execution: text, therefore."""
    activation_price: Blank = None
    activation_price_type: str | None = None
    callback_rate: Blank = None
    position_mode: PositionMode | None = None


class FuturesOrderUpdate(Model, frozen=True, kw_only=True, gc=False):
    """``futures/order``: one order after a change of state or a fill, and why it was pushed."""

    action: FuturesOrderAction
    order: FuturesStreamOrder
