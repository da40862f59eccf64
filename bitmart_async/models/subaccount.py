"""Sub-accounts of the main account: names, balances, transfers."""

from __future__ import annotations

from bitmart_async.models.base import Model, Number, Seconds, Whole
from bitmart_async.models.enums import SubAccountStatus

__all__ = ["SubAccount", "SubAccounts", "SubBalance", "SubTransfer", "SubTransfers", "SubWallet"]


class SubAccount(Model, frozen=True, kw_only=True, rename="camel"):
    """One sub-account."""

    account_name: str
    """User name: what the other calls want as ``sub_account``."""
    status: SubAccountStatus


class SubAccounts(Model, frozen=True, kw_only=True, rename="camel"):
    """All sub-accounts."""

    sub_account_list: list[SubAccount]


class SubBalance(Model, frozen=True, kw_only=True):
    """Spot balance of one coin."""

    currency: str
    name: str
    available: Number
    frozen: Number


class SubWallet(Model, frozen=True, kw_only=True):
    """Spot balances above zero of a sub-account."""

    wallet: list[SubBalance]


class SubTransfer(Model, frozen=True, kw_only=True, rename="camel"):
    """One transfer between accounts. There is no id: equal rows cannot be told apart."""

    from_account: str
    """User name."""
    from_wallet_type: str
    """spot, the only one known."""
    to_account: str
    """User name."""
    to_wallet_type: str
    """spot, the only one known."""
    currency: str
    amount: Number
    submission_time: Seconds
    """Unix SECONDS."""


class SubTransfers(Model, frozen=True, kw_only=True, rename="camel"):
    """Transfers of the last 3 months."""

    total: Whole
    history_list: list[SubTransfer]
