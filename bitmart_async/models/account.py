"""Wallets, coins and networks, deposits, withdrawals, and what a key may do."""

from __future__ import annotations

import msgspec

from bitmart_async.models.base import Id, Model, Ms, Number, Whole
from bitmart_async.models.enums import (
    ApiAccountStatus,
    ApiAccountType,
    ApiKeyStatus,
    FundingOperation,
    FundingStatus,
    WithdrawAddressStatus,
    WithdrawAddressType,
)

__all__ = [
    "AccountBalance",
    "AccountCurrencies",
    "AccountCurrency",
    "AccountInfo",
    "AccountWallet",
    "ApiKey",
    "DepositAddress",
    "DepositWithdrawDetail",
    "DepositWithdrawHistory",
    "DepositWithdrawRecord",
    "WithdrawAddress",
    "WithdrawAddresses",
    "WithdrawQuota",
    "WithdrawalAck",
]


class AccountBalance(Model, frozen=True, kw_only=True):
    """Balance of one coin."""

    currency: str
    name: str
    available: Number
    frozen: Number
    """Held by open orders."""
    un_available: Number | None = msgspec.field(name="unAvailable", default=None)
    """Held by open orders or for other reasons."""
    available_usd_valuation: Number | None = None
    """USD; only when asked for."""
    fund_available: Number | None = msgspec.field(name="fundAvailable", default=None)
    """In the funding wallet."""
    fund_frozen: Number | None = msgspec.field(name="fundFrozen", default=None)
    """Held in the funding wallet."""
    fund_froze: Number | None = msgspec.field(name="fundFroze", default=None)
    """The same under another spelling: sources disagree, ``fund_frozen`` has the value of either."""

    def __post_init__(self) -> None:
        if self.fund_frozen is None and self.fund_froze is not None:
            msgspec.structs.force_setattr(self, "fund_frozen", self.fund_froze)


class AccountWallet(Model, frozen=True, kw_only=True):
    """Balances above zero."""

    wallet: list[AccountBalance]


class ApiKey(Model, frozen=True, kw_only=True):
    """One key of the account. The units of its times are unverified."""

    access_key_masked: str
    is_current: bool
    """Whether this call was made with it."""
    permissions: list[str]
    ip_whitelist: list[str]
    api_key_label: str
    api_key_created_time: Whole
    """Unix time; the unit is unverified, ms as far as is known."""
    api_key_expire_time: Whole
    """Unix time; the unit is unverified, ms as far as is known."""
    api_key_status: ApiKeyStatus


class AccountInfo(Model, frozen=True, kw_only=True):
    """The account behind the key. No recorded reply was found: the shape is unverified."""

    cid: Id
    """Account id."""
    account_type: ApiAccountType
    parent_cid: str | None = None
    """Account id of the main account; None for a main account."""
    account_status: ApiAccountStatus
    kyc_level: str
    register_time: Whole
    """Unix time; the unit is unverified, ms as far as is known."""
    broker_id: str
    api_keys: list[ApiKey]


class AccountCurrency(Model, frozen=True, kw_only=True):
    """A coin on one network. Amounts and ``withdraw_fee`` are in the coin."""

    currency: str
    """Code to withdraw and deposit with: the network is part of it (USDT-TRC20) where there are several.
    A bare USDT is the OMNI network."""
    name: str
    contract_address: str | None = None
    network: str
    withdraw_enabled: bool
    deposit_enabled: bool
    withdraw_minsize: Number | None = None
    """Least withdrawal."""
    withdraw_maxsize: Number | None = None
    """Most per withdrawal; not sent by all versions."""
    recharge_minsize: Number | None = None
    """Least deposit."""
    withdraw_minfee: Number | None = None
    """USD; on its way out since 2025, often None."""
    withdraw_fee: Number | None = None
    withdraw_fee_estimate: Number | None = None
    """The fee in USD."""


class AccountCurrencies(Model, frozen=True, kw_only=True):
    """One row per coin and network."""

    currencies: list[AccountCurrency]


class DepositAddress(Model, frozen=True, kw_only=True):
    """Where to send a deposit."""

    currency: str
    chain: str
    address: str
    address_memo: str
    """Tag or payment id; empty where the coin has none. Money sent without a needed memo may be lost."""


class WithdrawQuota(Model, frozen=True, kw_only=True):
    """What may be withdrawn today, and how."""

    today_available_withdraw_btc: Number = msgspec.field(name="today_available_withdraw_BTC")
    """What is left of today's allowance, in BTC."""
    min_withdraw: Number
    withdraw_precision: Whole
    """Decimals an amount may have."""
    withdraw_fee: Number
    withdraw_precision_ge_ten: Whole | None = msgspec.field(name="withdraw_Precision_GeTen", default=None)
    """An amount must be a multiple of this; None: no such rule."""


class WithdrawalAck(Model, frozen=True, kw_only=True):
    """The exchange took the withdrawal."""

    withdraw_id: Id


class WithdrawAddress(Model, frozen=True, kw_only=True):
    """One entry of the address book."""

    currency: str | None = None
    """Only for standard addresses; None or empty otherwise."""
    network: str | None = None
    """Only for standard and universal addresses; None or empty otherwise."""
    address: str
    memo: str | None = None
    remark: str | None = None
    address_type: WithdrawAddressType = msgspec.field(name="addressType")
    verify_status: WithdrawAddressStatus = msgspec.field(name="verifyStatus")
    """The API withdraws to verified addresses only."""


class WithdrawAddresses(Model, frozen=True, kw_only=True):
    """The address book."""

    rows: list[WithdrawAddress] = msgspec.field(name="list")
    """``list`` on the wire."""


class DepositWithdrawRecord(Model, frozen=True, kw_only=True):
    """One deposit or withdrawal. Amounts are in the coin."""

    withdraw_id: Id
    """Empty on a deposit."""
    deposit_id: Id
    """Empty on a withdrawal."""
    operation_type: FundingOperation
    currency: str
    """Code with network, like USDT-TRC20."""
    apply_time: Ms
    """Unix ms."""
    arrival_amount: Number
    """What arrives, the fee taken off."""
    fee: Number
    status: FundingStatus
    address: str | None = None
    address_memo: str | None = None
    tx_id: str
    """Transaction on the chain; empty before there is one."""


class DepositWithdrawHistory(Model, frozen=True, kw_only=True):
    """Deposits or withdrawals."""

    records: list[DepositWithdrawRecord]


class DepositWithdrawDetail(Model, frozen=True, kw_only=True):
    """One deposit or withdrawal."""

    record: DepositWithdrawRecord
