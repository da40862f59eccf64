"""Spot streams: what one element of a frame holds. Prices in quote, sizes in base currency.

Book levels are ``(price, size)`` pairs of floats, for their cost; :func:`bitmart_async.numbers.level`
gives the Decimal the exchange printed. Everything else that is money is Decimal.
"""

from __future__ import annotations

import msgspec

from bitmart_async.models.base import Blank, Finite, Id, Model, Ms, Number, Seconds, Whole
from bitmart_async.models.enums import BookFrame, OrderState, Side

__all__ = [
    "SpotBalanceChange",
    "SpotBalanceUpdate",
    "SpotBookTicker",
    "SpotDepth",
    "SpotDepthIncrease",
    "SpotKline",
    "SpotOrderUpdate",
    "SpotStreamCandle",
    "SpotStreamTicker",
    "SpotStreamTrade",
]


class SpotStreamTicker(Model, frozen=True, kw_only=True, gc=False):
    """``spot/ticker``: at once, then on change, at most every 500 ms."""

    symbol: str
    last_price: Number
    open_24h: Number
    high_24h: Number
    low_24h: Number
    base_volume_24h: Number
    quote_volume_24h: Number
    fluctuation: Number
    """24-hour change as a fraction: 0.01 is 1 %."""
    bid_px: Number
    bid_sz: Number
    ask_px: Number
    ask_sz: Number
    ms_t: int | None = None
    """Time of the push, Unix ms."""
    s_t: int | None = None
    """The same in seconds; announced for removal."""


class SpotBookTicker(Model, frozen=True, kw_only=True, gc=False):
    """``spot/bookTicker``: best prices on every change. No payload was ever recorded: unverified."""

    symbol: str
    bid_px: Number
    bid_sz: Number
    ask_px: Number
    ask_sz: Number
    ms_t: int | None = None
    """Unix ms."""


class SpotStreamCandle(Model, frozen=True, kw_only=True, array_like=True, gc=False):
    """The six figures of a candle."""

    t: Seconds
    """Open time, Unix SECONDS. Not always on the interval's grid in old records."""
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    """Base, as far as is known."""


class SpotKline(Model, frozen=True, kw_only=True, gc=False):
    """``spot/kline{interval}``: the candle in progress; the same open time repeats while it forms."""

    symbol: str
    candle: SpotStreamCandle


class SpotDepth(Model, frozen=True, kw_only=True, gc=False):
    """``spot/depth{levels}``: the whole book of that many levels, best price first."""

    symbol: str
    asks: list[tuple[Finite, Finite]]
    bids: list[tuple[Finite, Finite]]
    ms_t: int | None = None
    """Unix ms."""


class SpotDepthIncrease(Model, frozen=True, kw_only=True, gc=False):
    """``spot/depth/increase100``: a snapshot, then changes. Size 0 removes a level.

    A quiet book sends empty sides with an unchanged version.
    """

    symbol: str
    asks: list[tuple[Finite, Finite]]
    bids: list[tuple[Finite, Finite]]
    ms_t: int | None = None
    """Unix ms."""
    type: BookFrame
    version: Whole


class SpotStreamTrade(Model, frozen=True, kw_only=True, gc=False):
    """``spot/trade``: one trade of anybody, oldest first within a frame. There is no id."""

    symbol: str
    side: Side
    """Of the taker."""
    price: Number
    size: Number
    ms_t: Ms
    """Unix ms."""
    s_t: int | None = None
    """The same in seconds; announced for removal."""


class SpotOrderUpdate(Model, frozen=True, kw_only=True, gc=False):
    """``spot/user/order`` and ``spot/user/orders``: one order after a change of its state.

    "0" in the last-fill fields means no fill yet.
    """

    symbol: str
    order_id: Id
    client_order_id: str | None = None
    side: Side
    type: str
    """limit or market; other clients also saw limit_maker and ioc here."""
    entrust_type: str | None = None
    """normal, limit_maker or ioc; upper and lower case occur."""
    order_mode: str | None = None
    """spot, iso_margin, or the older "0"."""
    price: Blank
    size: Blank
    notional: Blank = None
    """Quote amount of a market buy, else None."""
    filled_size: Number
    """Cumulative."""
    filled_notional: Number
    """Cumulative."""
    order_state: OrderState | None = None
    state: str | None = None
    """Older form: 4 accepted, 5 partly filled, 6 filled, 8 cancelled, 12 cancelled after a fill."""
    order_type: str | None = None
    """Older form: 0 regular, 1 maker only, 2 FOK, 3 IOC."""
    margin_trading: str | None = None
    """Older form: 0 spot."""
    ms_t: Ms
    """Creation, Unix ms."""
    create_time: int | None = None
    """Unix ms."""
    update_time: int | None = None
    """Unix ms."""
    last_fill_price: Blank = None
    last_fill_count: Blank = None
    """Size of the last fill."""
    last_fill_time: int | None = None
    """Unix ms, 0: none."""
    exec_type: str | None = None
    """Role in the last fill: M maker, T taker."""
    detail_id: Id | None = None
    """Trade id of the last fill, empty: none."""
    deal_fee: Blank = msgspec.field(name="dealFee", default=None)
    deal_fee_coin_name: str | None = None


class SpotBalanceChange(Model, frozen=True, kw_only=True, gc=False):
    """One currency after a change."""

    ccy: str
    av_bal: Number
    """Available."""
    fz_bal: Number
    """Frozen."""


class SpotBalanceUpdate(Model, frozen=True, kw_only=True, gc=False):
    """``spot/user/balance``: what changed, and why."""

    event_type: str
    """TRANSACTION_COMPLETED, ACCOUNT_RECHARGE, ACCOUNT_WITHDRAWAL, ACCOUNT_TRANSFER, BMX_DEDUCTION;
    spaces may follow: see :attr:`cause`."""
    event_time: Ms
    """Unix ms."""
    account_type: str | None = None
    balance_details: list[SpotBalanceChange]

    @property
    def cause(self) -> str:
        """``event_type`` without the spaces the exchange sometimes adds."""
        return self.event_type.strip()
