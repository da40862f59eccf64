"""What an archive asks for: every list of the account, declared once.

Each :class:`Ask` becomes one table. It says which endpoint is read and how (one reply, pages or time
windows: the plans of :mod:`bitmart_async.rest.history`), what is sent along, for which values of a
parameter it is repeated, and what its rows name that other lists are asked for. Stages follow one
another: what the account holds now, then what happened, then what needs a symbol or a name found
before, then what is asked for completeness only.

``OMITTED`` has a written reason for every private read endpoint that is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar, cast

import msgspec

from bitmart_async.models import account, earn, futures, futures_affiliate, futures_plan, futures_wallet
from bitmart_async.models import margin as margin_models
from bitmart_async.models import spot as spot_models
from bitmart_async.models import subaccount as sub_models
from bitmart_async.models.base import Number
from bitmart_async.rest import (
    broker,
    futures_account,
    futures_market,
    futures_records,
    futures_subaccount,
    futures_trading,
    futures_transfer,
    margin,
    spot_account,
    spot_algo,
    spot_market,
    spot_trading,
    subaccount,
)
from bitmart_async.rest import earn as earn_rest
from bitmart_async.rest import funding as funding_rest
from bitmart_async.rest import futures_affiliate as affiliate
from bitmart_async.rest import futures_plan as plan_orders
from bitmart_async.rest.history import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from bitmart_async.models.broker import BrokerRebates
    from bitmart_async.rest.endpoint import Endpoint
    from bitmart_async.rest.history import Incomplete, Plan

__all__ = ["ASKS", "NAMED_BY", "OMITTED", "Ask", "Found", "Once"]

T = TypeVar("T")
RowT = TypeVar("RowT")

Found = dict[str, set[str]]
"""What was found so far, by kind: symbols, coins, sub-accounts, products, customers."""

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


# One reply --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Once(Generic[T, RowT]):
    """A list, or one object, that comes whole in one reply. A plan like those of the rest."""

    endpoint: Endpoint[T]
    rows: Callable[[T], Sequence[RowT]]
    start: str | None = None
    """Name of the time bound, where there is one."""
    end: str | None = None
    unit: int = 1
    """ms in one unit of the bounds."""
    key: Callable[[RowT], Hashable] | None = None

    def begin(
        self,
        given: Mapping[str, object],
        start: int | None,
        end: int | None,
        *,
        now_ms: int,
        incomplete: Incomplete,
    ) -> _OneReply[T, RowT]:
        """Start to read; see :class:`~bitmart_async.rest.history.Plan`."""
        del now_ms, incomplete
        bounds = {name: at for name, at in ((self.start, start), (self.end, end)) if name is not None}
        return _OneReply(self.rows, {**given, **bounds})


class _OneReply(Generic[T, RowT]):
    def __init__(self, rows: Callable[[T], Sequence[RowT]], params: Mapping[str, object]) -> None:
        self._rows = rows
        self._params = params
        self.asked: list[Asked] = []
        self.place = (1, 1)

    @property
    def params(self) -> Mapping[str, object] | None:
        return None if self.asked else self._params

    def take(self, data: T) -> Sequence[RowT]:
        rows = self._rows(data)
        self.asked.append(
            Asked(first=1, last=1, start=1, end=1, rows=len(rows), full=False, split=False, complete=True)
        )
        return rows

    def refuse(self, code: int) -> bool:
        del code
        return False


# What is asked ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One table of the archive."""

    table: str
    title: str
    host: Literal["spot", "futures"]
    stage: int
    plan: Plan[object, object]
    row: type[msgspec.Struct]
    """What a row is: its fields are the columns."""
    fixed: tuple[Mapping[str, object], ...]
    """Sent along; the list is read once for each."""
    over: str | None
    """A parameter the list is repeated for."""
    values: Callable[[Found], Iterable[str]] | None
    """Its values, from what was found in earlier stages."""
    spans: bool
    """Whether it is read in spans of time, the newest first, until the horizon or a refusal."""
    tells: Callable[[object], Iterable[tuple[str, str]]] | None
    """Kind and value of what a row names."""
    span_days: int
    """Length of a span: no endpoint refuses it."""
    sums: bool
    """Rows are sums over the time asked for: each span has its own, and says which it is."""
    full_range: bool
    """Whether it is read in one piece from the horizon to now: sums, and rows nothing tells apart."""
    same_ids: bool
    """Ids are the account's own whatever is sent along: a row that comes under two of ``fixed`` is one."""

    @property
    def endpoint(self) -> Endpoint[object]:
        """What is called."""
        return self.plan.endpoint

    @property
    def key(self) -> Callable[[object], object] | None:
        """A row's id, where rows have one."""
        return cast("Callable[[object], object] | None", getattr(self.plan, "key", None))


ASKS: Final[list[Ask]] = []


def _ask(
    table: str,
    title: str,
    plan: Plan[T, RowT],
    row: type[RowT],
    *,
    stage: int,
    fixed: Sequence[Mapping[str, object]] = (_NOTHING,),
    over: str | None = None,
    values: Callable[[Found], Iterable[str]] | None = None,
    spans: bool = False,
    span_days: int = 90,
    sums: bool = False,
    full_range: bool = False,
    same_ids: bool = False,
    tells: Callable[[RowT], Iterable[tuple[str, str]]] | None = None,
) -> None:
    futures_host = plan.endpoint.id.startswith("futures.")
    ASKS.append(
        Ask(
            table=table,
            title=title,
            host="futures" if futures_host else "spot",
            stage=stage,
            plan=cast("Plan[object, object]", plan),
            row=cast("type[msgspec.Struct]", row),
            fixed=tuple(fixed),
            over=over,
            values=values,
            spans=spans,
            span_days=span_days,
            sums=sums,
            full_range=full_range,
            same_ids=same_ids,
            tells=cast("Callable[[object], Iterable[tuple[str, str]]] | None", tells),
        )
    )


def _one(data: T) -> list[T]:
    return [data]


def _same(data: list[RowT]) -> list[RowT]:
    return data


class PlainReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply whose form nobody has published, as JSON."""

    reply: str


class RebateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One coin of one group of broker rebates."""

    group: str
    currency: str
    rebate_amount: Number


def _rebates(data: BrokerRebates) -> list[RebateRow]:
    return [
        RebateRow(group=group, currency=row.currency, rebate_amount=row.rebate_amount)
        for group, rows in data.rebates.items()
        for row in rows
    ]


def _found(*kinds: str) -> Callable[[Found], Iterable[str]]:
    return lambda found: set[str]().union(*(found.get(kind, ()) for kind in kinds))


def _untouched(found: Found) -> set[str]:
    return found.get("contract", set()) - found.get("futures_symbol", set())


def _coins(found: Found) -> set[str]:
    """Codes of the networks of every coin the account holds or has moved."""
    coins = found.get("coin", set())
    return {code for code in found.get("network", set()) if code in coins or code.split("-")[0] in coins}


def _holding(coin: str, *amounts: object) -> list[tuple[str, str]]:
    return [("coin", coin)] if any(amounts) else []


_KINDS = ({"account": "futures"}, {"account": "copy_trading"})
_BOTH_ACCOUNTS = tuple(MappingProxyType[str, object](dict(kind)) for kind in _KINDS)
_RECORD_TYPES = tuple(
    MappingProxyType[str, object]({"type": kind}) for kind in ("subscribe", "redeem", "interest")
)

# Stage 0: what there is now, and the rules it lives under.
_ask(
    "spot_wallet", "Spot wallet",
    Once(endpoint=spot_account.SPOT_WALLET, rows=lambda data: data.wallet), spot_models.SpotWalletRow,
    stage=0, tells=lambda row: _holding(row.id, row.available, row.frozen),
)  # fmt: skip
_ask(
    "account_wallet", "Spot and funding wallets, with a valuation",
    Once(endpoint=funding_rest.ACCOUNT_WALLET, rows=lambda data: data.wallet), account.AccountBalance,
    stage=0,
    fixed=(
        {"need_usd_valuation": True},
        {"need_usd_valuation": True, "source_account": "SPOT"},
        {"need_usd_valuation": True, "source_account": "FUND"},  # what this changes is unverified: ask all
    ),
    tells=lambda row: _holding(row.currency, row.available, row.frozen, row.fund_available, row.fund_frozen),
)  # fmt: skip
_ask(
    "margin_accounts", "Isolated margin wallets",
    Once(endpoint=margin.MARGIN_ACCOUNT, rows=lambda data: data.symbols), margin_models.MarginAccount,
    stage=0, tells=lambda row: [
        ("margin_symbol", row.symbol),
        *_holding(row.base.currency, row.base.total_asset, row.base.borrow_unpaid),
        *_holding(row.quote.currency, row.quote.total_asset, row.quote.borrow_unpaid),
    ],
)  # fmt: skip
_ask(
    "futures_wallet", "Futures wallet",
    Once(endpoint=futures_account.ASSETS, rows=_same), futures.FuturesAsset,
    stage=0, tells=lambda row: _holding(row.currency, row.equity, row.available_balance),
)  # fmt: skip
_ask(
    "earn_wallet", "Savings, by coin",
    Once(endpoint=earn_rest.EARN_ACCOUNT, rows=_same), earn.EarnAsset,
    stage=0, tells=lambda row: _holding(row.coin_name, row.total_user_sum),
)  # fmt: skip
_ask(
    "futures_positions", "Futures positions",
    Once(endpoint=futures_account.POSITIONS, rows=_same), futures.Position, stage=0, fixed=_BOTH_ACCOUNTS,
    tells=lambda row: [("futures_symbol", row.symbol)] if row.current_amount else [],
)  # fmt: skip
_ask(
    "futures_positions_v2", "Futures positions, second form",
    Once(endpoint=futures_account.POSITIONS_V2, rows=_same), futures.PositionV2,
    stage=0, fixed=_BOTH_ACCOUNTS,
    tells=lambda row: [("futures_symbol", row.symbol)] if row.position_amount else [],
)  # fmt: skip
_ask(
    "futures_position_risk", "Futures positions with their risk",
    Once(endpoint=futures_account.POSITION_RISK, rows=_same), futures.PositionRisk,
    stage=0, fixed=_BOTH_ACCOUNTS,
    tells=lambda row: [("futures_symbol", row.symbol)] if row.position_amt else [],
)  # fmt: skip
_ask(
    "futures_position_mode", "Position mode",
    Once(endpoint=futures_account.GET_POSITION_MODE, rows=_one), futures.PositionModeReply, stage=0,
)  # fmt: skip
_ask(
    "futures_open_orders", "Open futures orders",
    futures_trading.OPEN_ORDER_ROWS, futures.FuturesOrder,
    stage=0, tells=lambda row: [("futures_symbol", row.symbol)],
)  # fmt: skip
_ask(
    "futures_plan_orders", "Waiting plan, take-profit and stop-loss orders",
    plan_orders.PLAN_ORDER_ROWS, futures_plan.PlanOrder,
    stage=0, fixed=({"plan_type": "plan"}, {"plan_type": "profit_loss"}),
    tells=lambda row: [("futures_symbol", row.symbol)],
)  # fmt: skip
_ask(
    "account_info", "The account and its keys",
    Once(endpoint=funding_rest.ACCOUNT_INFO, rows=_one), account.AccountInfo, stage=0,
)  # fmt: skip
_ask(
    "deposit_account", "Where deposits are credited",
    Once(
        endpoint=funding_rest.GET_DEPOSIT_ACCOUNT,
        rows=lambda data: [PlainReply(reply=msgspec.json.encode(data).decode())],
    ),
    PlainReply, stage=0,
)  # fmt: skip
_ask(
    "withdraw_addresses", "Saved withdrawal addresses",
    Once(endpoint=funding_rest.WITHDRAW_ADDRESSES, rows=lambda data: data.rows), account.WithdrawAddress,
    stage=0,
)  # fmt: skip
_ask(
    "sub_accounts", "Sub-accounts",
    Once(endpoint=subaccount.SUB_LIST, rows=lambda data: data.sub_account_list), sub_models.SubAccount,
    stage=0, tells=lambda row: [("sub_account", row.account_name)],
)  # fmt: skip
_ask(
    "spot_fee_level", "Spot fee level",
    Once(endpoint=spot_account.USER_FEE, rows=_one), spot_models.SpotFees, stage=0,
)  # fmt: skip
_ask(
    "auto_saving", "Automatic saving",
    Once(endpoint=earn_rest.AUTO_SAVING_STATUS, rows=_one), earn.AutoSavingStatus, stage=0,
)  # fmt: skip
_ask(
    "flexible_positions", "Flexible savings held",
    earn_rest.FLEXIBLE_POSITION_PAGES, earn.FlexiblePosition,
    stage=0, tells=lambda row: [("product", row.product_id), ("coin", row.coin_name)],
)  # fmt: skip
_ask(
    "fixed_positions", "Fixed savings held",
    earn_rest.FIXED_POSITION_PAGES, earn.FixedPosition,
    stage=0, tells=lambda row: [("coin", row.coin_name)],
)  # fmt: skip
_ask(
    "flexible_products", "Flexible savings on offer",
    earn_rest.FLEXIBLE_PRODUCT_PAGES, earn.FlexibleProduct, stage=0,
)  # fmt: skip
_ask(
    "fixed_products", "Fixed savings on offer",
    earn_rest.FIXED_PRODUCT_PAGES, earn.FixedProduct, stage=0,
)  # fmt: skip
_ask(
    "spot_currencies", "Coins of the spot market",
    Once(endpoint=spot_market.CURRENCIES, rows=lambda data: data.currencies), spot_models.Currency, stage=0,
)  # fmt: skip
_ask(
    "spot_symbols", "Spot pairs and their rules",
    Once(endpoint=spot_market.SYMBOLS_DETAILS, rows=lambda data: data.symbols), spot_models.Symbol, stage=0,
)  # fmt: skip
_ask(
    "networks", "Coins and their networks",
    Once(endpoint=funding_rest.ACCOUNT_CURRENCIES, rows=lambda data: data.currencies),
    account.AccountCurrency, stage=0, tells=lambda row: [("network", row.currency)],
)  # fmt: skip
_ask(
    "margin_pairs", "Isolated margin pairs and their rates",
    Once(endpoint=margin.MARGIN_PAIRS, rows=lambda data: data.symbols), margin_models.MarginPair,
    stage=0, tells=lambda row: [("margin_symbol", row.symbol)],
)  # fmt: skip
_ask(
    "contracts", "Futures contracts and their rules",
    Once(endpoint=futures_market.CONTRACT_DETAILS, rows=lambda data: data.symbols), futures.Contract,
    stage=0, tells=lambda row: [("contract", row.symbol)],
)  # fmt: skip
_ask(
    "leverage_brackets", "Futures leverage brackets",
    Once(endpoint=futures_market.LEVERAGE_BRACKET, rows=lambda data: data.rules), futures.LeverageRule,
    stage=0,
)  # fmt: skip

# Stage 1: what happened, where no symbol is needed.
_ask(
    "spot_trades", "Spot and margin trades",
    spot_trading.ACCOUNT_TRADE_WINDOWS, spot_models.SpotTrade,
    stage=1, spans=True,
    tells=lambda row: [("spot_symbol", row.symbol), *(("coin", coin) for coin in row.symbol.split("_"))],
)  # fmt: skip
_ask(
    "spot_orders", "Finished spot and margin orders",
    spot_trading.HISTORY_ORDER_WINDOWS, spot_models.SpotOrder,
    stage=1, spans=True, tells=lambda row: [("spot_symbol", row.symbol)],
)  # fmt: skip
_ask(
    "spot_open_orders", "Open spot and margin orders",
    spot_trading.OPEN_ORDER_WINDOWS, spot_models.SpotOrder,
    stage=1, spans=True, tells=lambda row: [("spot_symbol", row.symbol)],
)  # fmt: skip
_ask(
    "spot_algo_orders", "Finished algo orders",
    spot_algo.ALGO_HISTORY_WINDOWS, spot_models.SpotAlgoOrder,
    stage=1, spans=True, tells=lambda row: [("spot_symbol", row.symbol)],
)  # fmt: skip
_ask(
    "spot_algo_open_orders", "Waiting algo orders",
    spot_algo.ALGO_OPEN_WINDOWS, spot_models.SpotAlgoOrder,
    stage=1, spans=True, tells=lambda row: [("spot_symbol", row.symbol)],
)  # fmt: skip
_ask(
    "deposits_withdrawals", "Deposits and withdrawals",
    funding_rest.DEPOSIT_WITHDRAW_WINDOWS, account.DepositWithdrawRecord,
    stage=1, spans=True, fixed=({"operation_type": "deposit"}, {"operation_type": "withdraw"}),
    tells=lambda row: [("coin", row.currency.split("-")[0])],
)  # fmt: skip
_ask(
    "sub_transfers", "Transfers of the sub-accounts",
    subaccount.SUB_TRANSFER_ROWS, sub_models.SubTransfer, stage=1, fixed=({"move_type": "spot to spot"},),
)  # fmt: skip
_ask(
    "sub_transfer_history", "Transfers with this account, seen from it",
    subaccount.SUB_TRANSFER_HISTORY_ROWS, sub_models.SubTransfer,
    stage=1, fixed=({"move_type": "spot to spot"},),
)  # fmt: skip
_ask(
    "flexible_records", "Flexible savings: bought, redeemed, interest",
    earn_rest.FLEXIBLE_RECORD_PAGES, earn.FlexibleRecord,
    stage=1, spans=True, fixed=_RECORD_TYPES,
    tells=lambda row: [("product", row.product_id), ("coin", row.coin_name)],
)  # fmt: skip
_ask(
    "fixed_records", "Fixed savings: bought, redeemed, interest",
    earn_rest.FIXED_RECORD_PAGES, earn.FixedRecord,
    stage=1, spans=True, fixed=_RECORD_TYPES, tells=lambda row: [("coin", row.coin_name)],
)  # fmt: skip
_ask(
    "broker_rebates", "Broker rebates",
    Once(
        endpoint=broker.BROKER_REBATE, rows=_rebates, start="start_time", end="end_time", unit=1000,
        key=lambda row: (row.group, row.currency),
    ),
    RebateRow, stage=1, spans=True,
)  # fmt: skip
_ask(
    "futures_trades", "Futures trades",
    futures_trading.USER_TRADE_WINDOWS, futures.FuturesTrade,
    stage=1, spans=True, fixed=_BOTH_ACCOUNTS, same_ids=True,
    tells=lambda row: [("futures_symbol", row.symbol)],
)  # fmt: skip
_ask(
    "futures_transactions", "Futures account movements: profit, fees, funding, transfers",
    futures_account.TRANSACTION_WINDOWS, futures.FuturesTransaction,
    stage=1, spans=True, fixed=_BOTH_ACCOUNTS,
    tells=lambda row: [("futures_symbol", row.symbol)] if row.symbol else [],
)  # fmt: skip
_ask(
    "futures_transfers", "Transfers between spot and futures",
    futures_transfer.TRANSFER_PAGES, futures_wallet.FuturesTransfer, stage=1, spans=True,
)  # fmt: skip
_ask(
    "futures_sub_transfer_history", "Futures transfers with sub-accounts, seen from this account",
    futures_subaccount.TRANSFER_HISTORY_ROWS, futures_wallet.FuturesSubTransfer, stage=1,
)  # fmt: skip
_ask(
    "futures_auto_repayments", "Automatic repayments",
    futures_records.AUTO_REPAYMENT_PAGES, futures_wallet.AutoRepayment, stage=1, full_range=True,
)  # fmt: skip
_ask(
    "futures_interest", "Cross-collateral interest",
    futures_records.INTEREST_PAGES, futures_wallet.InterestRow, stage=1, spans=True, span_days=60,
)  # fmt: skip
_ask(
    "affiliate_rebates", "Affiliate rebates, sums by customer",
    affiliate.REBATE_PAGES, futures_affiliate.AffiliateRebate,
    stage=1, spans=True, sums=True, fixed=({"currency": "USDT"}, {"currency": "BTC"}, {"currency": "ETH"}),
)  # fmt: skip
_ask(
    "affiliate_customers", "Affiliate customers, with sums over sixty days each",
    affiliate.INVITEE_PAGES, futures_affiliate.AffiliateInvitee,
    stage=1, spans=True, span_days=60, sums=True, tells=lambda row: [("customer", row.cid)],
)  # fmt: skip

# Stage 2: what needs a symbol, a coin or a name that was found.
_ask(
    "futures_orders", "Finished futures orders, plan and take-profit orders among them",
    futures_trading.ORDER_HISTORY_WINDOWS, futures.FuturesOrderHistoryRow,
    stage=2, spans=True, over="symbol", values=_found("futures_symbol"), fixed=_BOTH_ACCOUNTS,
    same_ids=True,
)  # fmt: skip
_ask(
    "futures_open_orders_by_symbol", "Open futures orders, contract by contract: a reply has at most 100",
    futures_trading.OPEN_ORDER_ROWS, futures.FuturesOrder,
    stage=2, over="symbol", values=_found("futures_symbol"),
)  # fmt: skip
_ask(
    "futures_plan_orders_by_symbol", "Waiting plan and stop orders, contract by contract",
    plan_orders.PLAN_ORDER_ROWS, futures_plan.PlanOrder,
    stage=2, over="symbol", values=_found("futures_symbol"),
    fixed=({"plan_type": "plan"}, {"plan_type": "profit_loss"}),
)  # fmt: skip
_ask(
    "margin_borrows", "Margin loans",
    margin.BORROW_WINDOWS, margin_models.BorrowRecord,
    stage=2, spans=True, over="symbol", values=_found("margin_symbol"),
)  # fmt: skip
_ask(
    "margin_repayments", "Margin repayments",
    margin.REPAY_WINDOWS, margin_models.RepayRecord,
    stage=2, spans=True, over="symbol", values=_found("margin_symbol"),
)  # fmt: skip
_ask(
    "sub_wallets", "Spot wallets of the sub-accounts",
    Once(endpoint=subaccount.SUB_WALLET, rows=lambda data: data.wallet), sub_models.SubBalance,
    stage=2, over="sub_account", values=_found("sub_account"),
)  # fmt: skip
_ask(
    "futures_sub_wallets", "Futures wallets of the sub-accounts",
    Once(endpoint=futures_subaccount.SUB_WALLET, rows=lambda data: data.wallet),
    futures_wallet.FuturesSubWalletRow, stage=2, over="sub_account", values=_found("sub_account"),
)  # fmt: skip
_ask(
    "futures_sub_transfers", "Futures transfers of the sub-accounts",
    futures_subaccount.SUB_TRANSFER_ROWS, futures_wallet.FuturesSubTransfer,
    stage=2, over="sub_account", values=_found("sub_account"),
)  # fmt: skip
_ask(
    "spot_trade_fees", "Spot fees of the pairs traded",
    Once(endpoint=spot_account.TRADE_FEE, rows=_one), spot_models.SpotTradeFee,
    stage=2, over="symbol", values=_found("spot_symbol"),
)  # fmt: skip
_ask(
    "futures_trade_fees", "Futures fees of the contracts traded",
    Once(endpoint=futures_account.TRADE_FEE_RATE, rows=_one), futures.FuturesTradeFee,
    stage=2, over="symbol", values=_found("futures_symbol"),
)  # fmt: skip
_ask(
    "deposit_addresses", "Deposit addresses of the coins held or moved",
    Once(endpoint=funding_rest.DEPOSIT_ADDRESS, rows=_one), account.DepositAddress,
    stage=2, over="currency", values=_coins,
)  # fmt: skip
_ask(
    "withdraw_rules", "Withdrawal minimum, fee and allowance of the coins held or moved",
    Once(endpoint=funding_rest.WITHDRAW_QUOTA, rows=_one), account.WithdrawQuota,
    stage=2, over="currency", values=_coins,
)  # fmt: skip
_ask(
    "auto_subscriptions", "Automatic saving by product",
    Once(endpoint=earn_rest.FLEXIBLE_AUTO_STATUS, rows=_one), earn.AutoSubscribeStatus,
    stage=2, over="product_id", values=_found("product"),
)  # fmt: skip
_ask(
    "affiliate_trades", "Trades of affiliate customers",
    affiliate.TRADE_PAGES, futures_affiliate.AffiliateTrade,
    stage=2, full_range=True, over="user_id", values=_found("customer"), fixed=({"type": 1}, {"type": 2}),
)  # fmt: skip
_ask(
    "affiliate_customer_accounts", "Balances of affiliate customers",
    Once(endpoint=affiliate.CUSTOMER_INFO, rows=_one), futures_affiliate.AffiliateCustomer,
    stage=2, over="user_id", values=_found("customer"),
)  # fmt: skip
_ask(
    "affiliate_movements", "Deposits and withdrawals of affiliate customers",
    affiliate.MOVEMENT_PAGES, futures_affiliate.AffiliateMovement,
    stage=2, spans=True, span_days=60, over="cid", values=_found("customer"),
)  # fmt: skip

# Stage 3: for completeness. An order that was never filled leaves no trace elsewhere.
_ask(
    "futures_orders_untouched", "Finished futures orders of contracts that nothing else names",
    futures_trading.ORDER_HISTORY_WINDOWS, futures.FuturesOrderHistoryRow,
    stage=3, spans=True, over="symbol", values=_untouched,
)  # fmt: skip

_CONTRACTS = ("futures_trades", "futures_transactions")
NAMED_BY: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "futures_orders": _CONTRACTS,
        "futures_open_orders_by_symbol": _CONTRACTS,
        "futures_plan_orders_by_symbol": _CONTRACTS,
        "futures_trade_fees": _CONTRACTS,
        "futures_orders_untouched": ("contracts",),
        "spot_trade_fees": ("spot_trades",),
        "margin_borrows": ("margin_accounts", "margin_pairs"),
        "margin_repayments": ("margin_accounts", "margin_pairs"),
        "sub_wallets": ("sub_accounts",),
        "futures_sub_wallets": ("sub_accounts",),
        "futures_sub_transfers": ("sub_accounts",),
        "deposit_addresses": ("account_wallet", "networks"),
        "withdraw_rules": ("account_wallet", "networks"),
        "auto_subscriptions": ("flexible_positions",),
        "affiliate_trades": ("affiliate_customers",),
        "affiliate_customer_accounts": ("affiliate_customers",),
        "affiliate_movements": ("affiliate_customers",),
    }
)
"""By table, the tables without which nobody knows all that it is to be asked for."""

OMITTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "spot.query_order": "one order by its id; spot_orders and spot_open_orders have every order",
        "spot.query_client_order": "one order by its own id; the lists have every order",
        "spot.order_trades": "the trades of one order; spot_trades has every trade",
        "spot.algo_query_order": "one algo order by its id; the lists have every algo order",
        "spot.algo_query_client_order": "one algo order by its own id; the lists have every algo order",
        "account.deposit_withdraw_detail": "one record by its id, the same fields as deposits_withdrawals",
        "futures.get_order": "one order by its id; futures_orders and futures_open_orders have every order",
        "futures.get_affiliate_rebate_user": "sums over the rows of affiliate_customers",
        "futures.get_affiliate_rebate_api": "sums over trades of one customer by API; affiliate_trades has all",
        "futures.check_affiliate_invite": "whether one id is a customer; affiliate_customers lists them all",
    }
)
"""Private read endpoints that are not asked, and why nothing is missing for it."""
