"""USD-M futures: transfers, sub-accounts, interest and repayments, demo money."""

from __future__ import annotations

import msgspec

from bitmart_async.models.base import Id, Model, Ms, Number, Seconds, Whole
from bitmart_async.models.enums import FuturesTransferType, TransferState

__all__ = [
    "AutoRepayment",
    "AutoRepayments",
    "DemoClaim",
    "FuturesSubTransfer",
    "FuturesSubWallet",
    "FuturesSubWalletRow",
    "FuturesTransfer",
    "FuturesTransferAck",
    "FuturesTransfers",
    "InterestLog",
    "InterestRow",
]


class FuturesTransferAck(Model, frozen=True, kw_only=True):
    """The exchange took the transfer."""

    currency: str
    amount: Number


class FuturesTransfer(Model, frozen=True, kw_only=True):
    """One transfer between spot wallet and futures."""

    transfer_id: Id
    currency: str
    amount: Number
    type: FuturesTransferType
    state: TransferState
    timestamp: Ms
    """Unix ms."""


class FuturesTransfers(Model, frozen=True, kw_only=True):
    """One page of transfers. There is no total: a page with fewer rows than asked for is the last."""

    records: list[FuturesTransfer]


class FuturesSubTransfer(Model, frozen=True, kw_only=True, rename="camel"):
    """One transfer between main and sub-account. There is no id: equal rows cannot be told apart."""

    from_account: str
    """User name, or the word main."""
    from_wallet_type: str
    """future is the only known value."""
    to_account: str
    """User name, or the word main."""
    to_wallet_type: str
    """future is the only known value."""
    currency: str
    amount: Number
    submission_time: Seconds
    """Unix SECONDS."""


class FuturesSubWalletRow(Model, frozen=True, kw_only=True):
    """Futures balance of one coin of a sub-account."""

    currency: str
    name: str
    available: Number
    frozen: Number
    """Held by orders and positions; what exactly counts is unverified."""


class FuturesSubWallet(Model, frozen=True, kw_only=True):
    """Futures balances of a sub-account; coins without balance are missing."""

    wallet: list[FuturesSubWalletRow]


class AutoRepayment(Model, frozen=True, kw_only=True):
    """One automatic repayment: a debt in one coin, paid with another."""

    to_coin_code: str
    """Coin of the debt."""
    to_amount: Number
    """In to_coin_code."""
    from_coin_code: str
    """Coin paid with."""
    from_amount: Number
    """In from_coin_code."""
    time: str
    """As the exchange writes it, likely Unix seconds: the form is unverified, hence text."""
    type: str
    """AUTO_REPAY is the only known value."""
    liquidation_fee: Number
    """The coin is unverified."""


class AutoRepayments(Model, frozen=True, kw_only=True):
    """One page of repayments."""

    repayments: list[AutoRepayment] = msgspec.field(name="list")
    total: Whole
    """Rows on all pages."""


class InterestRow(Model, frozen=True, kw_only=True):
    """Interest on one liability of cross collateral."""

    id: Id
    account_id: Id
    coin_code: str
    rate: Number
    """Fraction: 0.0001 is 0.01 %; for which period is unverified."""
    interest: Number
    """In coin_code."""
    liability: Number
    """In coin_code."""
    interest_time: Whole
    """Unix s or ms, unverified: take the unit by magnitude."""
    created_at: str
    """The form is unverified, hence text."""
    updated_at: str
    """The form is unverified, hence text."""
    interest_free_amount: Number
    """In coin_code."""


class InterestLog(Model, frozen=True, kw_only=True):
    """One page of interest."""

    items: list[InterestRow]
    total: Whole
    """Rows on all pages."""


class DemoClaim(Model, frozen=True, kw_only=True):
    """Demo money was granted."""

    currency: str
    """Shown as USDT."""
    amount: Number
    """The balance afterwards or the sum granted: sources disagree, unverified."""
