"""Isolated margin: accounts, loans, repayments, rates. Amounts are in the coin named beside them."""

from __future__ import annotations

import msgspec

from bitmart_async.models.base import Id, Model, Number, Whole
from bitmart_async.models.enums import MarginRiskLevel

__all__ = [
    "BorrowAck",
    "BorrowRecord",
    "BorrowRecords",
    "MarginAccount",
    "MarginAccounts",
    "MarginAsset",
    "MarginPair",
    "MarginPairCoin",
    "MarginPairs",
    "MarginTransferAck",
    "RepayAck",
    "RepayRecord",
    "RepayRecords",
]

_MS_FROM = 100_000_000_000
"""Times below are seconds, times from here on ms."""


def _ms(time: int) -> int:
    return time * 1000 if time and time < _MS_FROM else time


class MarginAsset(Model, frozen=True, kw_only=True):
    """One side of an isolated-margin account."""

    currency: str
    borrow_enabled: bool
    borrowed: Number
    borrow_unpaid: Number
    """Principal still owed."""
    interest_unpaid: Number
    available: Number
    frozen: Number
    """Held by open orders."""
    net_asset: Number
    net_asset_btc: Number = msgspec.field(name="net_assetBTC")
    """The same in BTC."""
    total_asset: Number


class MarginAccount(Model, frozen=True, kw_only=True):
    """The isolated-margin account of one pair."""

    symbol: str
    risk_rate: Number
    """999 when nothing is owed."""
    risk_level: MarginRiskLevel
    buy_enabled: bool
    sell_enabled: bool
    liquidate_price: Number | None = None
    """Quote; None without debt, and it may be negative."""
    liquidate_rate: Number | None = None
    base: MarginAsset
    quote: MarginAsset


class MarginAccounts(Model, frozen=True, kw_only=True):
    """Isolated-margin accounts."""

    symbols: list[MarginAccount]


class MarginTransferAck(Model, frozen=True, kw_only=True):
    """The transfer was made."""

    transfer_id: Id


class BorrowAck(Model, frozen=True, kw_only=True):
    """The loan was made."""

    borrow_id: Id
    """Of another form than the ids in the borrow records."""


class RepayAck(Model, frozen=True, kw_only=True):
    """The repayment was made."""

    repay_id: Id


class BorrowRecord(Model, frozen=True, kw_only=True):
    """One loan."""

    borrow_id: Id
    symbol: str
    currency: str
    borrow_amount: Number
    """Principal."""
    daily_interest: Number
    """Fraction per day: 0.0005 is 0.05 %."""
    hourly_interest: Number
    """Fraction per hour."""
    interest_amount: Number
    """Interest so far."""
    create_time: Whole
    """As sent. The documents show Unix seconds, a recorded reply Unix ms: use ``create_time_ms``."""

    @property
    def create_time_ms(self) -> int:
        """Unix ms, whichever unit was sent."""
        return _ms(self.create_time)


class BorrowRecords(Model, frozen=True, kw_only=True):
    """Loans of one pair."""

    records: list[BorrowRecord]


class RepayRecord(Model, frozen=True, kw_only=True):
    """One repayment."""

    repay_id: Id
    repay_time: Whole
    """As sent. Documented in Unix seconds, but a sister call was recorded with ms: use ``repay_time_ms``."""
    symbol: str
    currency: str
    repaid_amount: Number
    """Principal and interest."""
    repaid_principal: Number
    repaid_interest: Number

    @property
    def repay_time_ms(self) -> int:
        """Unix ms, whichever unit was sent."""
        return _ms(self.repay_time)


class RepayRecords(Model, frozen=True, kw_only=True):
    """Repayments of one pair."""

    records: list[RepayRecord]


class MarginPairCoin(Model, frozen=True, kw_only=True):
    """What one side of a pair costs to borrow, and how much of it there is."""

    currency: str
    daily_interest: Number
    """Fraction per day: 0.00055 is 0.055 %."""
    hourly_interest: Number
    """Fraction per hour."""
    max_borrow_amount: Number
    min_borrow_amount: Number
    borrowable_amount: Number
    """What this account can still borrow."""


class MarginPair(Model, frozen=True, kw_only=True):
    """Borrowing terms of one pair."""

    symbol: str
    max_leverage: Number
    symbol_enabled: bool
    base: MarginPairCoin
    quote: MarginPairCoin


class MarginPairs(Model, frozen=True, kw_only=True):
    """Borrowing terms."""

    symbols: list[MarginPair]
