"""USD-M futures: contracts, market data, account, orders. Sizes are whole contracts unless said."""

from __future__ import annotations

import msgspec

from bitmart_async.models.base import Id, Model, Ms, Number, Seconds, Whole
from bitmart_async.models.enums import (
    AccountKind,
    ContractStatus,
    FlowType,
    FuturesOrderState,
    FuturesSide,
    Leg,
    MarginMode,
    PositionMode,
    PositionType,
    PriceType,
)

__all__ = [
    "CancelAllAfterAck",
    "Contract",
    "ContractDetails",
    "FundingRate",
    "FundingRateHistory",
    "FundingRateRow",
    "FundingRates",
    "FuturesAsset",
    "FuturesBook",
    "FuturesCandle",
    "FuturesLevel",
    "FuturesMarketTrade",
    "FuturesOrder",
    "FuturesOrderAck",
    "FuturesOrderHistoryRow",
    "FuturesTrade",
    "FuturesTradeFee",
    "FuturesTransaction",
    "LeverageAck",
    "LeverageBracket",
    "LeverageBrackets",
    "LeverageRule",
    "LowLiquidity",
    "ModifyOrderAck",
    "OpenInterest",
    "Position",
    "PositionModeReply",
    "PositionRisk",
    "PositionV2",
    "TradfiInfo",
]


class LowLiquidity(Model, frozen=True, kw_only=True):
    """Bounds during a low-liquidity session."""

    mark_price_bound_ratio: Number | None = None
    """Fraction."""


class TradfiInfo(Model, frozen=True, kw_only=True):
    """Session of a contract on stocks, currencies or commodities."""

    market_group: str
    market_session_status: Whole
    """1 normal, 2 low liquidity."""
    next_session_switch_ts: Whole | None = None
    """Unix s or ms, unverified: take the unit by magnitude."""
    next_session_switch_status: int | None = None
    reduce_only: bool
    """Orders that open are refused while True."""
    low_liquidity_config: LowLiquidity | None = None


class Contract(Model, frozen=True, kw_only=True):
    """Trading rules and figures of one contract."""

    symbol: str
    product_type: Whole
    """1 perpetual, 2 dated."""
    open_timestamp: Ms
    """Listing, Unix ms."""
    expire_timestamp: Ms | None = None
    """Unix ms, 0 for perpetuals."""
    settle_timestamp: Ms | None = None
    """Unix ms, 0 without automatic settlement."""
    base_currency: str
    quote_currency: str
    """USDT or USDC; USD for coin-margined (inverse) contracts."""
    last_price: Number | None = None
    """None for a contract that never traded."""
    volume_24h: Number
    """Contracts."""
    turnover_24h: Number
    """Quote."""
    index_price: Number | None = None
    index_name: str
    contract_size: Number
    """Coins per contract (0.001 BTC for BTCUSDT); US dollars per contract for inverse ones."""
    min_leverage: Number
    max_leverage: Number
    price_precision: Number
    """Tick size, not a number of digits."""
    vol_precision: Number
    """Size step in contracts."""
    max_volume: Number
    """Largest limit order, contracts."""
    market_max_volume: Number | None = None
    """Largest market order, contracts."""
    min_volume: Number
    funding_rate: Number
    """Of the last settlement, fraction."""
    expected_funding_rate: Number | None = None
    """Estimate for the settlement at funding_time, fraction."""
    open_interest: Number
    """Contracts."""
    open_interest_value: Number
    """Quote."""
    high_24h: Number | None = None
    low_24h: Number | None = None
    change_24h: Number
    """Fraction: 0.015 is 1.5 %."""
    funding_interval_hours: int | None = None
    funding_time: Ms | None = None
    """Next settlement, Unix ms."""
    status: ContractStatus | None = None
    delist_time: Seconds | None = None
    """Unix SECONDS, unlike all other times here; 0 when not planned."""
    tradfi_info: TradfiInfo | None = None

    @property
    def inverse(self) -> bool:
        """Whether the contract is margined in its coin and quoted in US dollars."""
        return self.quote_currency == "USD"


class ContractDetails(Model, frozen=True, kw_only=True):
    """Contracts; without a symbol all of them, delisted ones included (about 1 MB: keep it)."""

    symbols: list[Contract]


class FuturesLevel(Model, frozen=True, kw_only=True, array_like=True):
    """One level of a book."""

    price: Number
    size: Number
    """Contracts."""
    cumulative_size: Number
    """Contracts from the best level to this one."""


class FuturesBook(Model, frozen=True, kw_only=True):
    """A snapshot of the book, at most 50 levels a side; an empty side is an empty list."""

    asks: list[FuturesLevel]
    """Best (lowest) first."""
    bids: list[FuturesLevel]
    """Best (highest) first."""
    timestamp: Ms
    """Unix ms."""
    symbol: str


class FuturesMarketTrade(Model, frozen=True, kw_only=True):
    """A trade of anybody. There is no id: equal rows cannot be told apart."""

    symbol: str
    price: Number
    qty: Number
    """Coins, NOT contracts."""
    quote_qty: Number
    """Price times qty."""
    time: Seconds
    """Unix SECONDS."""
    is_buyer_maker: bool
    """True: the buyer was resting, the seller took."""


class OpenInterest(Model, frozen=True, kw_only=True):
    """Open interest of one contract."""

    timestamp: Ms
    """Unix ms."""
    symbol: str
    open_interest: Number
    """Contracts; can carry a fraction."""
    open_interest_value: Number
    """Quote."""
    open_interest_24h: Number | None = None
    open_interest_value_24h: Number | None = None


class FundingRate(Model, frozen=True, kw_only=True):
    """Funding of one contract. Trap: ``rate_value`` is the PAST rate, ``expected_rate`` the coming one."""

    timestamp: Ms
    """Of the reply, Unix ms."""
    symbol: str
    rate_value: Number
    """Charged at the previous settlement, fraction."""
    expected_rate: Number
    """Estimate for the settlement at funding_time, fraction."""
    funding_time: Ms | None = None
    """Coming settlement, Unix ms."""
    funding_upper_limit: Number | None = None
    funding_lower_limit: Number | None = None


class FundingRates(Model, frozen=True, kw_only=True):
    """Funding of all contracts that traded in the last 24 hours."""

    rates: list[FundingRate] = msgspec.field(name="list")


class FundingRateRow(Model, frozen=True, kw_only=True):
    """One past settlement."""

    symbol: str
    funding_rate: Number
    """Fraction."""
    funding_time: Ms
    """Unix ms."""


class FundingRateHistory(Model, frozen=True, kw_only=True):
    """At most the newest 100 settlements, newest first; older ones cannot be read."""

    rates: list[FundingRateRow] = msgspec.field(name="list")


class FuturesCandle(Model, frozen=True, kw_only=True):
    """One candle of the last or the mark price."""

    timestamp: Seconds
    """Open time, Unix SECONDS."""
    open_price: Number
    close_price: Number
    high_price: Number
    low_price: Number
    volume: Number
    """Contracts; about 0 for mark prices."""


class LeverageBracket(Model, frozen=True, kw_only=True):
    """One tier. Maintenance margin = notional x maint_margin_ratio - cum."""

    bracket: Whole
    """Tier, from 1."""
    initial_leverage: Whole
    """Highest leverage of the tier."""
    notional_cap: Number
    """Quote."""
    notional_floor: Number
    """Quote."""
    maint_margin_ratio: Number
    """Fraction."""
    cum: Number
    """Quote."""


class LeverageRule(Model, frozen=True, kw_only=True):
    """Tiers of one contract."""

    symbol: str
    brackets: list[LeverageBracket]


class LeverageBrackets(Model, frozen=True, kw_only=True):
    """Tiers of the contracts asked for."""

    rules: list[LeverageRule]


class FuturesAsset(Model, frozen=True, kw_only=True):
    """Futures balance of one coin; unused coins appear with zeros."""

    currency: str
    available_balance: Number
    frozen_balance: Number
    """Held by open orders."""
    position_deposit: Number
    """Margin inside positions."""
    equity: Number
    """Balance plus unrealised profit."""
    unrealized: Number


class FuturesTradeFee(Model, frozen=True, kw_only=True):
    """Fee rates of one contract, fractions."""

    symbol: str
    taker_fee_rate: Number
    maker_fee_rate: Number


class Position(Model, frozen=True, kw_only=True):
    """One position, older form. It has no liquidation price: see get_futures_account_positions_v2."""

    symbol: str
    leverage: Number
    timestamp: Ms
    """Of the reply, Unix ms."""
    current_fee: Number
    """Fees so far, quote."""
    open_timestamp: Ms
    """Unix ms."""
    current_value: Number
    """At the last price, quote."""
    mark_price: Number
    mark_value: Number | None = None
    """At the mark price, quote."""
    position_value: Number
    """At the entry price, quote."""
    position_cross: Number
    """Margin held for the position, quote; the name misleads."""
    maintenance_margin: Number
    margin_type: MarginMode | None = None
    position_mode: PositionMode | None = None
    close_vol: Number
    """Contracts."""
    close_avg_price: Number
    open_avg_price: Number
    entry_price: Number
    current_amount: Number
    """Size in contracts, never negative; 0: no position."""
    unrealized_value: Number
    realized_value: Number
    position_type: PositionType
    account: AccountKind | None = None


class PositionV2(Model, frozen=True, kw_only=True):
    """One position, newer form; with a symbol asked for, rows come even when flat."""

    symbol: str
    leverage: Number
    timestamp: Ms
    """Of the reply, Unix ms."""
    current_fee: Number
    open_timestamp: Ms
    """Unix ms."""
    current_value: Number
    mark_price: Number
    mark_value: Number | None = None
    position_value: Number
    position_cross: Number
    maintenance_margin: Number
    close_vol: Number
    close_avg_price: Number
    open_avg_price: Number
    entry_price: Number
    current_amount: Number
    """Size in contracts, never negative. THE field to test for an open position."""
    realized_value: Number
    account: AccountKind | None = None
    position_amount: Number
    """Signed in one-way mode; not to be trusted when flat."""
    open_type: MarginMode
    position_side: Leg
    unrealized_pnl: Number
    liquidation_price: Number
    """0 without a position."""
    max_notional_value: Number
    """Cap at the present leverage, quote."""
    initial_margin: Number


class PositionRisk(Model, frozen=True, kw_only=True):
    """Risk figures of one position."""

    symbol: str
    position_amt: Number
    """Contracts."""
    mark_price: Number
    unrealized_profit: Number
    liquidation_price: Number
    leverage: Number
    max_notional_value: Number
    margin_type: MarginMode
    isolated_margin: Number | None = None
    position_side: Leg
    notional: Number
    update_time: Whole
    """Unix s or ms: the documents disagree, take the unit by magnitude."""
    account: AccountKind | None = None


class PositionModeReply(Model, frozen=True, kw_only=True):
    """Position mode in force, for the whole account."""

    position_mode: PositionMode


class LeverageAck(Model, frozen=True, kw_only=True):
    """Leverage and margin mode now in force."""

    symbol: str
    leverage: Number
    open_type: MarginMode
    max_value: Number
    """Highest leverage or a cap of the notional: sources disagree, unverified."""


class FuturesTransaction(Model, frozen=True, kw_only=True):
    """One change of the futures balance."""

    symbol: str
    """Empty for transfers."""
    flow_type: FlowType | None = None
    type: str
    """Kind in words."""
    amount: Number
    """Signed."""
    asset: str
    account: AccountKind | None = None
    time: Ms
    """Unix ms."""
    tran_id: str
    """Not unique: different rows can share one."""


class FuturesOrderAck(Model, frozen=True, kw_only=True):
    """The exchange took the order. Fills are reported by queries and the private stream."""

    order_id: Id
    price: Number | None = None
    """The limit price; None for a market order, where the exchange writes words."""


class ModifyOrderAck(Model, frozen=True, kw_only=True):
    """The exchange took the change. Whether the order keeps its id and place is unverified."""

    order_id: Id
    client_order_id: str = ""


class CancelAllAfterAck(Model, frozen=True, kw_only=True):
    """State of the dead man's switch."""

    result: bool
    set_time: Seconds
    """Unix SECONDS."""
    cancel_time: Seconds | None = None
    """When the orders would be cancelled, Unix SECONDS."""


class FuturesOrder(Model, frozen=True, kw_only=True):
    """One futures order. No state says cancelled: FINISHED with deal_size below size is a cancel."""

    order_id: str
    client_order_id: str
    """Empty when none was given; PLAN_<id> for orders born from a plan order."""
    symbol: str
    price: Number | None = None
    """0 for market orders."""
    size: Number
    """Contracts."""
    state: FuturesOrderState
    side: FuturesSide
    type: str
    """limit, market, trailing, liquidate, bankruptcy, adl, planorder and others."""
    position_mode: PositionMode | None = None
    account: AccountKind | None = None
    leverage: Number
    """0 on closing orders."""
    open_type: MarginMode
    deal_avg_price: Number
    """0 before the first fill."""
    deal_size: Number
    """Filled contracts."""
    create_time: Ms
    """Unix ms."""
    update_time: Ms
    """Unix ms."""
    activation_price: Number | None = None
    callback_rate: Number | None = None
    """Percent: 1 is 1 %."""
    activation_price_type: PriceType | None = None
    preset_take_profit_price_type: PriceType | None = None
    preset_stop_loss_price_type: PriceType | None = None
    preset_take_profit_price: Number | None = None
    preset_stop_loss_price: Number | None = None

    @property
    def filled(self) -> bool:
        """Whether every contract of it is filled."""
        return self.size > 0 and self.deal_size >= self.size

    @property
    def canceled(self) -> bool:
        """Whether it ended without filling wholly."""
        return self.state is FuturesOrderState.FINISHED and not self.filled


class FuturesOrderHistoryRow(FuturesOrder, frozen=True, kw_only=True):
    """A finished order, with what a plan order adds."""

    trigger_price: Number | None = None
    execution_price: str | None = None
    """A number, or words for a market execution: text, therefore."""
    executive_order_id: str | None = None
    """The order a triggered plan order created."""


class FuturesTrade(Model, frozen=True, kw_only=True):
    """One fill of the account's own. The fee is in the quote coin for linear contracts."""

    order_id: str
    trade_id: str
    symbol: str
    side: FuturesSide
    price: Number
    vol: Number
    """Contracts."""
    exec_type: str
    """Taker or Maker."""
    profit: bool
    """Whether the fill realised a gain."""
    realised_profit: Number
    """Quote, signed."""
    paid_fees: Number
    """Quote; positive is paid."""
    account: AccountKind | None = None
    create_time: Ms
    """Unix ms."""
