"""The closed sets of the wire. Replies may hold values that are not listed here: see OpenStr."""

from __future__ import annotations

from bitmart_async.models.base import OpenInt, OpenStr

__all__ = [
    "AccountKind",
    "AccountTransferType",
    "AffiliateContractType",
    "AffiliateCopyTrade",
    "AffiliateMarginMode",
    "AffiliateOrderType",
    "AffiliateUserType",
    "AlgoOrderType",
    "AlgoTriggerType",
    "ApiAccountStatus",
    "ApiAccountType",
    "ApiKeyStatus",
    "BookFrame",
    "CancelSource",
    "CloseContractType",
    "ContractStatus",
    "DepositAccount",
    "EarnMaturity",
    "EarnRecordType",
    "EarnSwitch",
    "EarnSwitchState",
    "ExecutionType",
    "FlowType",
    "FundingOperation",
    "FundingStatus",
    "FundingTransferType",
    "FuturesKlineStep",
    "FuturesOrderAction",
    "FuturesOrderMode",
    "FuturesOrderState",
    "FuturesOrderType",
    "FuturesSide",
    "FuturesStpMode",
    "FuturesTransferType",
    "Leg",
    "MarginMode",
    "MarginRiskLevel",
    "MarginTransferSide",
    "MoneyMovement",
    "OpenOrderState",
    "OpenOrderType",
    "OrderMode",
    "OrderState",
    "OrderType",
    "PlanCategory",
    "PlanOrderState",
    "PlanOrderType",
    "PlanTypeFilter",
    "PositionMode",
    "PositionType",
    "PriceType",
    "PriceWay",
    "QueryState",
    "RebateStatus",
    "Side",
    "SourceAccount",
    "SpotKlineStep",
    "StpMode",
    "SubAccountStatus",
    "SubTransferType",
    "TpSlType",
    "TradeRole",
    "TransferState",
    "WithdrawAccountType",
    "WithdrawAddressStatus",
    "WithdrawAddressType",
]


class Side(OpenStr):
    """Spot order side."""

    BUY = "buy"
    SELL = "sell"


class OrderType(OpenStr):
    """Spot order type."""

    LIMIT = "limit"
    """Rests until filled or cancelled."""
    MARKET = "market"
    """A buy spends ``notional`` (quote), a sell sells ``size`` (base)."""
    LIMIT_MAKER = "limit_maker"
    """Post-only: the system cancels it when it would match at once."""
    IOC = "ioc"
    """Limit; whatever does not fill at once is cancelled."""


class OrderMode(OpenStr):
    """Which account a spot order belongs to."""

    SPOT = "spot"
    ISO_MARGIN = "iso_margin"


class OrderState(OpenStr):
    """Spot order state."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    PARTIALLY_CANCELED = "partially_canceled"
    """Partly filled, the rest cancelled. Also how a market buy usually ends: with a small rest unspent."""
    FAILED = "failed"


class QueryState(OpenStr):
    """Which orders a spot query looks at."""

    OPEN = "open"
    HISTORY = "history"


class CancelSource(OpenStr):
    """Who cancelled a spot order; empty when nobody did."""

    NOBODY = ""
    USER = "user"
    SYSTEM = "system"
    STP = "stp"


class StpMode(OpenStr):
    """Spot self-trade prevention: what happens when an order meets one of the same account."""

    NONE = "none"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_TAKER = "cancel_taker"
    CANCEL_BOTH = "cancel_both"


class TradeRole(OpenStr):
    """Whether a fill took liquidity or gave it."""

    TAKER = "taker"
    MAKER = "maker"


class SpotKlineStep(OpenInt):
    """Length of a spot candle in minutes."""

    M1 = 1
    M5 = 5
    M15 = 15
    M30 = 30
    H1 = 60
    H2 = 120
    H4 = 240
    D1 = 1440
    W1 = 10080
    MONTH = 43200


class AlgoOrderType(OpenStr):
    """Kind of a spot algo order."""

    TP_SL = "tp/sl"
    """Take-profit or stop-loss: side and trigger price decide which."""
    TRIGGER = "trigger"
    """Plan order: an order that is sent when the trigger price is reached."""


class AlgoTriggerType(OpenStr):
    """What a spot algo order sends once its trigger price is reached."""

    LIMIT = "limit"
    MARKET = "market"


class MarginTransferSide(OpenStr):
    """Direction of a transfer between spot and an isolated-margin account."""

    IN = "in"
    """Spot to margin."""
    OUT = "out"
    """Margin to spot."""


class MarginRiskLevel(OpenStr):
    """How near an isolated-margin account is to liquidation; digits in a text on the wire."""

    LOW = "1"
    MEDIUM = "2"
    HIGH = "3"


class SourceAccount(OpenStr):
    """Which wallet of the main account."""

    SPOT = "SPOT"
    FUND = "FUND"


class DepositAccount(OpenStr):
    """Which wallet deposits are credited to."""

    SPOT = "SPOT"
    CONTRACT = "CONTRACT"
    """The futures wallet."""
    FUND = "FUND"


class AccountTransferType(OpenStr):
    """Direction of a transfer between the spot and the funding wallet."""

    SPOT_TO_FUND = "spot_to_fund"
    FUND_TO_SPOT = "fund_to_spot"


class FundingOperation(OpenStr):
    """Money coming in or going out."""

    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"


class FundingStatus(OpenInt):
    """How far a deposit or withdrawal is."""

    CREATED = 0
    SUBMITTED = 1
    PROCESSING = 2
    DONE = 3
    CANCELED = 4
    FAILED = 5


class WithdrawAddressType(OpenInt):
    """What an address of the address book may receive."""

    STANDARD = 0
    """One coin on one network."""
    UNIVERSAL = 1
    """Any coin on one network."""
    EVM = 2
    """Coins on EVM networks."""


class WithdrawAddressStatus(OpenInt):
    """Whether the API may withdraw to an address."""

    UNVERIFIED = 0
    VERIFIED = 1


class WithdrawAccountType(OpenInt):
    """How a withdrawal to another BitMart account names its receiver."""

    CID = 1
    """BitMart's account id."""
    EMAIL = 2
    PHONE = 3
    """Needs the area code as well."""


class ApiAccountType(OpenStr):
    """Kind of account a key belongs to."""

    MAIN = "main"
    SUB = "sub"


class ApiAccountStatus(OpenStr):
    """Whether an account may be used."""

    ACTIVE = "active"
    FROZEN = "frozen"


class ApiKeyStatus(OpenStr):
    """Whether a key may be used."""

    ACTIVE = "active"
    FROZEN = "frozen"
    EXPIRED = "expired"


class SubAccountStatus(OpenInt):
    """Whether a sub-account may be used."""

    DISABLED = 0
    """By BitMart."""
    NORMAL = 1
    FROZEN = 2
    """By the main account."""


class SubTransferType(OpenStr):
    """Kind of transfer between main and sub-accounts. One is known."""

    SPOT_TO_SPOT = "spot to spot"


class EarnRecordType(OpenStr):
    """Kind of a savings record."""

    SUBSCRIBE = "subscribe"
    REDEEM = "redeem"
    INTEREST = "interest"


class EarnMaturity(OpenStr):
    """What happens to fixed savings at the end of their term."""

    OFF = "OFF"
    """Paid out."""
    REINVEST_FLEXIBLE = "REINVEST_FLEXIBLE"
    REINVEST_FIXED = "REINVEST_FIXED"


class EarnSwitch(OpenStr):
    """How a savings switch is set. It is read as EarnSwitchState."""

    OPEN = "open"
    """On."""
    CLOSE = "close"
    """Off."""


class EarnSwitchState(OpenStr):
    """How a savings switch reads."""

    ON = "ON"
    OFF = "OFF"


class FuturesKlineStep(OpenInt):
    """Length of a futures candle in minutes."""

    M1 = 1
    M3 = 3
    M5 = 5
    M15 = 15
    M30 = 30
    H1 = 60
    H2 = 120
    H4 = 240
    H6 = 360
    H12 = 720
    D1 = 1440
    D3 = 4320
    W1 = 10080


class FuturesSide(OpenInt):
    """Futures order side. In one-way mode: 1 buy, 2 buy reduce-only, 3 sell reduce-only, 4 sell."""

    BUY_OPEN_LONG = 1
    BUY_CLOSE_SHORT = 2
    SELL_CLOSE_LONG = 3
    SELL_OPEN_SHORT = 4


class FuturesOrderType(OpenStr):
    """What may be submitted. Replies know more types, therefore orders carry the type as text."""

    LIMIT = "limit"
    MARKET = "market"


class FuturesOrderMode(OpenInt):
    """Time in force of a futures order."""

    GTC = 1
    FOK = 2
    IOC = 3
    MAKER_ONLY = 4


class FuturesOrderState(OpenInt):
    """Futures order state. FINISHED means filled or cancelled: compare deal_size with size."""

    APPROVAL = 1
    WORKING = 2
    FINISHED = 4


class FuturesOrderAction(OpenInt):
    """Why futures/order pushed."""

    MATCH = 1
    """Partly or wholly filled: compare deal_size with size."""
    SUBMIT = 2
    CANCEL = 3
    CANCEL_BY_LIQUIDATION = 4
    CANCEL_BY_ADL = 5
    PARTIAL_LIQUIDATION = 6
    BANKRUPTCY = 7
    PASSIVE_ADL = 8
    ACTIVE_ADL = 9


class FuturesStpMode(OpenInt):
    """Futures self-trade prevention."""

    CANCEL_MAKER = 1
    CANCEL_TAKER = 2
    CANCEL_BOTH = 3


class MarginMode(OpenStr):
    """Margin shared by all positions, or kept apart per position."""

    CROSS = "cross"
    ISOLATED = "isolated"

    @classmethod
    def _missing_(cls, value: object) -> OpenStr:
        if isinstance(value, str) and value != value.lower():
            return cls(value.lower())  # some endpoints spell it Cross and Isolated
        return super()._missing_(value)


class PositionMode(OpenStr):
    """Long and short side by side, or one net position per contract."""

    HEDGE = "hedge_mode"
    ONE_WAY = "one_way_mode"


class PositionType(OpenInt):
    """Direction of a position."""

    LONG = 1
    SHORT = 2


class Leg(OpenStr):
    """Direction of a position as newer endpoints spell it; BOTH is the net position of one-way mode."""

    BOTH = "both"
    LONG = "long"
    SHORT = "short"

    @classmethod
    def _missing_(cls, value: object) -> OpenStr:
        if isinstance(value, str) and value != value.lower():
            return cls(value.lower())  # position-risk spells it Long and Short
        return super()._missing_(value)


class PriceType(OpenInt):
    """The price a trigger watches; 0 in replies: not set."""

    UNSET = 0
    LAST = 1
    MARK = 2


class AccountKind(OpenStr):
    """Which futures book."""

    FUTURES = "futures"
    COPY_TRADING = "copy_trading"


class ContractStatus(OpenStr):
    """Whether a contract is listed. Trading is no promise of a live book."""

    TRADING = "Trading"
    DELISTED = "Delisted"


class CloseContractType(OpenInt):
    """Which contracts close_all_futures_positions closes."""

    USDT_MARGINED = 1
    COIN_MARGINED = 2


class OpenOrderType(OpenStr):
    """Filter of open futures orders."""

    LIMIT = "limit"
    MARKET = "market"
    TRAILING = "trailing"


class OpenOrderState(OpenStr):
    """Filter of open futures orders."""

    ALL = "all"
    PARTIALLY_FILLED = "partially_filled"


class FlowType(OpenInt):
    """Kind of a futures account record; ALL only as a filter."""

    ALL = 0
    TRANSFER = 1
    REALIZED_PNL = 2
    FUNDING_FEE = 3
    COMMISSION = 4
    LIQUIDATION_CLEARANCE = 5


class BookFrame(OpenStr):
    """Kind of an incremental book frame."""

    SNAPSHOT = "snapshot"
    UPDATE = "update"


class PriceWay(OpenInt):
    """From which side the price has to come to the trigger. It does not follow from the order's side."""

    RISING = 1
    """Fires when the price is at or above the trigger."""
    FALLING = 2
    """Fires when the price is at or below the trigger."""


class PlanOrderType(OpenStr):
    """What a plan order places when its trigger fires."""

    LIMIT = "limit"
    MARKET = "market"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"


class TpSlType(OpenStr):
    """Which leg a TP/SL order is."""

    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"


class ExecutionType(OpenStr):
    """How a triggered order is executed; also a filter of plan orders."""

    LIMIT = "limit"
    MARKET = "market"


class PlanCategory(OpenInt):
    """How much of a position a TP/SL order closes."""

    QUANTITY = 1
    """The given size."""
    POSITION = 2
    """All of it."""


class PlanTypeFilter(OpenStr):
    """Filter of working plan orders."""

    PLAN = "plan"
    PROFIT_LOSS = "profit_loss"
    """TP/SL orders."""


class PlanOrderState(OpenInt):
    """State of a plan or TP/SL order."""

    APPROVAL = 1
    WORKING = 2
    """Waits for its trigger."""
    FINISHED = 4
    """Triggered or cancelled."""


class FuturesTransferType(OpenStr):
    """Direction between spot wallet and futures."""

    SPOT_TO_CONTRACT = "spot_to_contract"
    CONTRACT_TO_SPOT = "contract_to_spot"


class FundingTransferType(OpenStr):
    """Direction between funding account and futures."""

    FUND_TO_CONTRACT = "fund_to_contract"
    CONTRACT_TO_FUND = "contract_to_fund"


class TransferState(OpenStr):
    """How far a transfer between wallets is."""

    PROCESSING = "PROCESSING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class AffiliateContractType(OpenInt):
    """Which contracts an affiliate query looks at."""

    USDT_MARGINED = 1
    COIN_MARGINED = 2


class AffiliateUserType(OpenInt):
    """How an invitee came."""

    INDIRECT = 0
    DIRECT = 1


class AffiliateMarginMode(OpenInt):
    """Margin mode as numbers, in affiliate trades only."""

    ISOLATED = 1
    CROSS = 2


class AffiliateOrderType(OpenInt):
    """Order type as numbers, in affiliate trades only."""

    LIMIT = 1
    MARKET = 2


class AffiliateCopyTrade(OpenInt):
    """Whether an invitee's trade was copy trading. Trap: 2 means no."""

    YES = 1
    NO = 2


class RebateStatus(OpenInt):
    """Whether a rebate has been paid out."""

    NOT_PAID = 0
    PAID = 1


class MoneyMovement(OpenInt):
    """Kind of an invitee's money movement."""

    DEPOSIT = 1
    WITHDRAWAL = 2
