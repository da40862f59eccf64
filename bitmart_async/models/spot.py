"""Spot: market data, orders, trades, balances. Prices are in quote, sizes in base currency."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from bitmart_async.errors import OrderResult
from bitmart_async.models.base import Id, Model, Ms, Number, Seconds, Whole
from bitmart_async.models.enums import (
    AlgoOrderType,
    AlgoTriggerType,
    CancelSource,
    OrderMode,
    OrderState,
    OrderType,
    Side,
    StpMode,
    TradeRole,
)

__all__ = [
    "BatchOrderAck",
    "CancelAck",
    "CancelOrdersAck",
    "Currencies",
    "Currency",
    "SpotAlgoOrder",
    "SpotBook",
    "SpotCandle",
    "SpotFees",
    "SpotLevel",
    "SpotOrder",
    "SpotOrderAck",
    "SpotOrderRequest",
    "SpotPublicTrade",
    "SpotTicker",
    "SpotTickerRow",
    "SpotTrade",
    "SpotTradeFee",
    "SpotWallet",
    "SpotWalletRow",
    "Symbol",
    "SymbolNames",
    "Symbols",
]


class Currency(Model, frozen=True, kw_only=True):
    """A coin of the spot market. For chains, minimums and fees see the account currencies."""

    id: str
    """Ticker, e.g. BTC."""
    name: str
    withdraw_enabled: bool
    deposit_enabled: bool


class Currencies(Model, frozen=True, kw_only=True):
    """All spot coins; a delisted one is missing."""

    currencies: list[Currency]


class SymbolNames(Model, frozen=True, kw_only=True):
    """All spot pairs by name."""

    symbols: list[str]


class Symbol(Model, frozen=True, kw_only=True):
    """Trading rules of one pair."""

    symbol: str
    symbol_id: Id
    """A number on the wire; ids are text here."""
    base_currency: str
    quote_currency: str
    quote_increment: Number
    """Step, and minimum, of the order SIZE in base currency, whatever the name says."""
    base_min_size: Number
    base_max_size: Number | None = None
    price_min_precision: Whole
    """Decimals; can be negative."""
    price_max_precision: Whole
    """Decimals a price may have. The exchange cuts further ones without an error."""
    expiration: str
    min_buy_amount: Number
    """Least value of a buy, quote."""
    min_sell_amount: Number
    """Least value of a sell, quote."""
    trade_status: str
    """trading or pre-trade."""
    planned_down_time: str | None = None
    """Planned delisting; the unit is unverified, hence text."""


class Symbols(Model, frozen=True, kw_only=True):
    """Trading rules of all pairs. The exchange offers no filter: keep the reply."""

    symbols: list[Symbol]


class SpotTicker(Model, frozen=True, kw_only=True):
    """24-hour figures and best prices of one pair."""

    symbol: str
    last: Number
    v_24h: Number
    """Volume, base."""
    qv_24h: Number
    """Turnover, quote."""
    open_24h: Number
    high_24h: Number
    low_24h: Number
    fluctuation: Number
    """Change as a fraction: 0.05 is 5 %."""
    bid_px: Number
    bid_sz: Number
    ask_px: Number
    ask_sz: Number
    ts: Ms
    """Unix ms."""


class SpotTickerRow(SpotTicker, frozen=True, kw_only=True, array_like=True):
    """The same, from the list of all pairs, where each pair is an array."""


class SpotCandle(Model, frozen=True, kw_only=True, array_like=True):
    """One candle."""

    t: Seconds
    """Open time, Unix SECONDS; identifies the candle."""
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    """Base."""
    quote_volume: Number
    """Quote."""


class SpotLevel(Model, frozen=True, kw_only=True, array_like=True):
    """One level of a book."""

    price: Number
    amount: Number
    """Base."""


class SpotBook(Model, frozen=True, kw_only=True):
    """A snapshot of the book. It has no version: it cannot seed an incremental stream."""

    ts: Ms
    """Unix ms."""
    symbol: str
    asks: list[SpotLevel]
    """Best (lowest) first."""
    bids: list[SpotLevel]
    """Best (highest) first."""


class SpotPublicTrade(Model, frozen=True, kw_only=True, array_like=True):
    """A trade of anybody. There is no id: equal rows cannot be told apart."""

    symbol: str
    ts: Ms
    """Unix ms."""
    price: Number
    size: Number
    """Base."""
    side: Side
    """Of the taker, as far as is known."""


class SpotWalletRow(Model, frozen=True, kw_only=True):
    """Balance of one coin."""

    id: str
    """Ticker, e.g. BTC."""
    name: str
    available: Number
    frozen: Number
    """Held by open orders."""
    total: Number | None = None


class SpotWallet(Model, frozen=True, kw_only=True):
    """Spot balances."""

    wallet: list[SpotWalletRow]


class SpotFees(Model, frozen=True, kw_only=True):
    """Base fee rates by class of pair. For one pair ask get_actual_spot_trade_fee_rate_v1."""

    user_rate_type: Whole
    """0 normal, 1 VIP, 2 special VIP."""
    level: str
    taker_fee_rate_a: Number = msgspec.field(name="taker_fee_rate_A")
    maker_fee_rate_a: Number = msgspec.field(name="maker_fee_rate_A")
    taker_fee_rate_b: Number = msgspec.field(name="taker_fee_rate_B")
    maker_fee_rate_b: Number = msgspec.field(name="maker_fee_rate_B")
    taker_fee_rate_c: Number = msgspec.field(name="taker_fee_rate_C")
    maker_fee_rate_c: Number = msgspec.field(name="maker_fee_rate_C")
    taker_fee_rate_d: Number | None = msgspec.field(name="taker_fee_rate_D", default=None)
    maker_fee_rate_d: Number | None = msgspec.field(name="maker_fee_rate_D", default=None)


class SpotTradeFee(Model, frozen=True, kw_only=True):
    """Fee rates of one pair, as fractions: 0.001 is 0.1 %."""

    symbol: str
    buy_taker_fee_rate: Number
    sell_taker_fee_rate: Number
    buy_maker_fee_rate: Number
    sell_maker_fee_rate: Number


class SpotOrderAck(Model, frozen=True, kw_only=True):
    """The exchange took the order. Fills are reported by queries and the private stream."""

    order_id: Id
    """A number on the wire of margin orders."""


class BatchOrderAck(Model, frozen=True, kw_only=True, rename="camel"):
    """Ids of the orders that were taken, and what that says about each order sent.

    The reply holds nothing but ids. As many as orders were sent: all were accepted, and each has the id
    in its place (that the exchange keeps the order of the list is unverified; the client order id is
    certain). Fewer: nothing says which ones are missing, so the fate of each is UNKNOWN.
    """

    order_ids: list[str]
    results: tuple[OrderResult, ...] = msgspec.field(default=(), name="_results")
    """One per order, in the order given. Not from the wire."""


class CancelAck(Model, frozen=True, kw_only=True):
    """Answer to a cancel."""

    result: bool
    """True: accepted. False: the order was already filled or cancelled."""


class CancelOrdersAck(Model, frozen=True, kw_only=True, rename="camel"):
    """Answer to a batch of cancels. Success of the call says nothing: look at fail_ids."""

    success_ids: list[str]
    fail_ids: list[str]
    total_count: Whole
    success_count: Whole
    failed_count: Whole


class SpotOrder(Model, frozen=True, kw_only=True, rename="camel"):
    """One spot or isolated-margin order."""

    order_id: str
    client_order_id: str
    """Repeats order_id, or is empty, when none was given."""
    symbol: str
    side: Side
    order_mode: OrderMode
    type: OrderType
    state: OrderState
    cancel_source: CancelSource | None = None
    stp_mode: StpMode | None = None
    price: Number
    price_avg: Number
    """Average price of the fills, 0 before the first."""
    size: Number
    filled_size: Number
    notional: Number
    filled_notional: Number
    create_time: Ms
    """Unix ms."""
    update_time: Ms
    """Unix ms."""


class SpotAlgoOrder(Model, frozen=True, kw_only=True, rename="camel"):
    """One spot order that waits for a price. No source knows a field for that price in a reply."""

    order_id: str
    """In a space of its own: only the algo calls know it."""
    client_order_id: str
    symbol: str
    side: Side
    order_mode: AlgoOrderType
    """Kind of algo order, whatever the name says."""
    trigger_type: AlgoTriggerType = msgspec.field(name="trigger_type")
    state: OrderState
    """The values are not documented for algo orders."""
    cancel_source: CancelSource | None = None
    price: Number
    size: Number
    notional: Number
    create_time: Ms
    """Unix ms."""
    update_time: Ms
    """Unix ms."""


class SpotTrade(Model, frozen=True, kw_only=True, rename="camel"):
    """One fill of the account's own."""

    trade_id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    order_mode: OrderMode
    type: OrderType
    stp_mode: StpMode | None = None
    price: Number
    size: Number
    notional: Number
    fee: Number
    """In ``fee_coin_name``."""
    fee_coin_name: str
    trade_role: TradeRole
    create_time: Ms
    """Time of the fill, Unix ms."""
    update_time: Ms
    """Unix ms."""


class SpotOrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One order of a batch; the same rules as a single submit.

    Limit, limit_maker and ioc need ``price`` and ``size``; a market sell needs ``size``, a market buy
    ``notional``. A client order id is made when none is given.
    """

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
