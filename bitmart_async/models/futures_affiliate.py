"""USD-M futures: what an affiliate sees of rebates and invitees."""

from __future__ import annotations

import msgspec

from bitmart_async.models.base import Id, Model, Ms, Number, Whole
from bitmart_async.models.enums import (
    AffiliateCopyTrade,
    AffiliateMarginMode,
    AffiliateOrderType,
    AffiliateUserType,
    FuturesSide,
    MoneyMovement,
    RebateStatus,
)

__all__ = [
    "AffiliateApiRebate",
    "AffiliateCustomer",
    "AffiliateInviteCheck",
    "AffiliateInvitee",
    "AffiliateInvitees",
    "AffiliateMovement",
    "AffiliateMovements",
    "AffiliateRebate",
    "AffiliateRebates",
    "AffiliateTrade",
    "AffiliateTrades",
    "AffiliateUserRebate",
]


class AffiliateRebate(Model, frozen=True, kw_only=True):
    """Rebates one invitee's trades brought, in one coin."""

    rebate_coin: str
    trade_user_id: Id
    total_rebate_amount: Number
    """In rebate_coin."""
    user_type: AffiliateUserType


class AffiliateRebates(Model, frozen=True, kw_only=True):
    """One page of rebates, with the sums."""

    total: Whole
    """Rows on all pages."""
    page: Whole
    size: Whole
    btc_rebate_sum: Number
    """BTC."""
    usdt_rebate_sum: Number
    """USDT."""
    eth_rebate_sum: Number
    """ETH."""
    rebate_detail_page_data: list[AffiliateRebate]


class AffiliateTrade(Model, frozen=True, kw_only=True):
    """One trade of an invitee. There is no id: equal rows cannot be told apart."""

    user_id: Id
    user_type: AffiliateUserType
    """That the values mean the same as in rebates is unverified."""
    create_time: Ms
    """Unix ms, although the query takes seconds."""
    symbol: str
    leverage: Number
    open_type: AffiliateMarginMode
    """Numbers here, words everywhere else."""
    way: FuturesSide
    category: AffiliateOrderType
    select_copy_trade: AffiliateCopyTrade
    deal_price: Number
    """Quote."""
    deal_vol: Number
    """Contracts."""
    fee: Number
    """Quote."""
    realised_profit: Number
    """Quote, signed."""


class AffiliateTrades(Model, frozen=True, kw_only=True):
    """One page of an invitee's trades."""

    total: Whole
    """Rows on all pages."""
    page: Whole
    size: Whole
    trades: list[AffiliateTrade] = msgspec.field(name="list")


class AffiliateUserRebate(Model, frozen=True, kw_only=True):
    """What one customer traded and what it brought."""

    cid: Id
    back_rate: Number
    """Fraction: 0.3 is 30 %."""
    trading_vol_total: Number
    """Since the beginning, quote."""
    trading_fee_total: Number
    """Since the beginning, quote."""
    rebate_total: Number
    """Since the beginning, quote."""
    trading_vol: Number
    """Inside the window, quote."""
    trading_fee: Number
    """Inside the window, quote."""
    rebate: Number
    """Inside the window, quote."""


class AffiliateApiRebate(Model, frozen=True, kw_only=True):
    """Fees and rebates of one customer's trading over the API."""

    api_trading_fee_total: Number
    """Quote."""
    api_rebate_total: Number
    """Quote."""


class AffiliateInviteCheck(Model, frozen=True, kw_only=True, rename="camel"):
    """Whether a customer is one's invitee."""

    is_invite_user: bool


class AffiliateInvitee(Model, frozen=True, kw_only=True, rename="camel"):
    """One invitee. Rates are fractions by the only example known."""

    cid: Id
    rebate_total: Number
    """USDT."""
    trading_vol_total: Number
    """USDT."""
    cashback_rate: Number
    trading_fee_total: Number
    """USDT."""
    back_rate: Number
    status: RebateStatus
    account_asset_total: Number | None = None
    """USDT; missing in older replies."""


class AffiliateInvitees(Model, frozen=True, kw_only=True):
    """One page of invitees."""

    total: Whole
    """Rows on all pages."""
    page: Whole
    size: Whole
    users: list[AffiliateInvitee] = msgspec.field(name="list")


class AffiliateCustomer(Model, frozen=True, kw_only=True, rename="camel"):
    """Futures money of one customer."""

    futures_account_asset_total_usdt: Number
    """USDT."""
    futures_account_right_usdt: Number
    """Equity, USDT."""


class AffiliateMovement(Model, frozen=True, kw_only=True, rename="camel"):
    """One deposit or withdrawal of an invitee."""

    date_time: Whole
    """Unix s or ms, unverified: take the unit by magnitude."""
    cid: Id
    remark: str
    parent_cid: Id
    user_type: AffiliateUserType
    """That the values mean the same as in rebates is unverified."""
    type: MoneyMovement
    method: Whole
    """The meaning is published nowhere."""
    amount: Number
    """In coin."""
    coin: str


class AffiliateMovements(Model, frozen=True, kw_only=True):
    """One page of deposits and withdrawals."""

    total: Whole
    """Rows on all pages."""
    page: Whole
    size: Whole
    movements: list[AffiliateMovement] = msgspec.field(name="list")
