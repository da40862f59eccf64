"""Wallets, coins and networks, deposits, withdrawals, transfers between wallets, the account itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.errors import ParameterError
from bitmart_async.models.account import (
    AccountCurrencies,
    AccountInfo,
    AccountWallet,
    DepositAddress,
    DepositWithdrawDetail,
    DepositWithdrawHistory,
    DepositWithdrawRecord,
    WithdrawAddresses,
    WithdrawalAck,
    WithdrawQuota,
)
from bitmart_async.models.enums import (
    AccountTransferType,
    DepositAccount,
    FundingOperation,
    SourceAccount,
    WithdrawAccountType,
)
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, Windowed, days
from bitmart_async.rest.params import Amount, Choice, Flag, Text, Whole
from bitmart_async.rest.section import Section
from bitmart_async.rest.spot_trading import time_window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.rest.iterate import History
    from bitmart_async.rest.spot_trading import Money

__all__ = ["Funding"]

_DAY_MS = 86_400_000


def _one_destination(given: Mapping[str, object]) -> None:
    """A chain address or a BitMart account: given both, the exchange would silently take the chain."""
    chain = [name for name in ("address", "address_memo", "destination") if given.get(name) is not None]
    account = [name for name in ("type", "value", "area_code") if given.get(name) is not None]
    if chain and account:
        raise ParameterError(
            f"{chain[0]}= is for a withdrawal to a chain address and {account[0]}= for one to a BitMart "
            f"account: give one of the two sets"
        )
    if account:
        if given.get("type") is None or not given.get("value"):
            raise ParameterError("a withdrawal to a BitMart account needs type= and value=")
    elif not given.get("address"):
        raise ParameterError(
            "say where to: address= (and address_memo= where the coin has one) for a chain "
            "address, or type= and value= for a BitMart account"
        )


def _area_code(given: Mapping[str, object]) -> None:
    phone = given.get("type") == WithdrawAccountType.PHONE
    if phone and "area_code" not in given:
        raise ParameterError("type PHONE needs area_code=, the country's prefix without the plus, like 61")
    if not phone and "area_code" in given:
        raise ParameterError("area_code= is for type PHONE")


def _history_window(given: Mapping[str, object]) -> None:
    """Less than 90 days, when both ends are given; the exchange judges the rest."""
    time_window(given)
    start, end = given.get("start_time"), given.get("end_time")
    if isinstance(start, int) and isinstance(end, int) and end - start >= 90 * _DAY_MS:
        raise ParameterError("from start_time to end_time must be less than 90 days")


_KEY_2 = Quota(2, scope=Scope.KEY)
_KEY_8 = Quota(8, scope=Scope.KEY)
_KEY_12 = Quota(12, scope=Scope.KEY)

ACCOUNT_WALLET = Endpoint(
    "account.wallet",
    "GET",
    "/account/v1/wallet",
    Auth.KEYED,
    _KEY_12,
    returns=AccountWallet,
    params=(Text("currency"), Flag("needUsdValuation"), Choice("sourceAccount", SourceAccount)),
)
ACCOUNT_INFO = Endpoint(
    "account.info", "GET", "/uapi-key/v1/account/info", Auth.KEYED, None, returns=AccountInfo
)
ACCOUNT_TRANSFER = Endpoint(
    "account.transfer",
    "POST",
    "/account/v1/transfer",
    Auth.SIGNED,
    None,
    returns=type(None),
    effect=Effect.CHANGE,
    params=(
        Text("currency", required=True),
        Amount("amount", required=True),
        Choice("type", AccountTransferType, required=True),
    ),
)
ACCOUNT_CURRENCIES = Endpoint(
    "account.currencies",
    "GET",
    "/account/v1/currencies",
    Auth.NONE,
    Quota(2),
    returns=AccountCurrencies,
    params=(
        Text(
            "currencies",
            pattern=r"[^\s,]+(,[^\s,]+){0,19}",
            wanted="must be 1 to 20 codes with commas between them and no spaces",
        ),
    ),
)
DEPOSIT_ADDRESS = Endpoint(
    "account.deposit_address",
    "GET",
    "/account/v1/deposit/address",
    Auth.KEYED,
    _KEY_2,
    returns=DepositAddress,
    params=(Text("currency", required=True),),
)
WITHDRAW_QUOTA = Endpoint(
    "account.withdraw_charge",
    "GET",
    "/account/v1/withdraw/charge",
    Auth.KEYED,
    _KEY_2,
    returns=WithdrawQuota,
    params=(Text("currency", required=True),),
)
WITHDRAW = Endpoint(
    "account.withdraw_apply",
    "POST",
    "/account/v1/withdraw/apply",
    Auth.SIGNED,
    _KEY_8,
    returns=WithdrawalAck,
    effect=Effect.CHANGE,
    rules=_area_code,
    guard=_one_destination,
    params=(
        Text("currency", required=True),
        Amount("amount", required=True),
        Text("address"),
        Text("address_memo"),
        Text("destination"),
        Choice("type", WithdrawAccountType),
        Text("value"),
        Text("areaCode", pattern=r"[0-9]+", wanted="must be digits, without the plus"),
        Choice("sourceAccount", SourceAccount),
    ),
)
WITHDRAW_ADDRESSES = Endpoint(
    "account.withdraw_address_list",
    "GET",
    "/account/v1/withdraw/address/list",
    Auth.KEYED,
    _KEY_2,
    returns=WithdrawAddresses,
)
DEPOSIT_WITHDRAW_HISTORY = Endpoint(
    "account.deposit_withdraw_history",
    "GET",
    "/account/v2/deposit-withdraw/history",
    Auth.KEYED,
    _KEY_8,
    returns=DepositWithdrawHistory,
    rules=_history_window,
    params=(
        Text("currency"),
        Choice("operation_type", FundingOperation, required=True),
        Whole("startTime", low=0),
        Whole("endTime", low=0),
        Whole("N", required=True, low=1, high=1000),
    ),
)
DEPOSIT_WITHDRAW_DETAIL = Endpoint(
    "account.deposit_withdraw_detail",
    "GET",
    "/account/v1/deposit-withdraw/detail",
    Auth.KEYED,
    _KEY_8,
    returns=DepositWithdrawDetail,
    params=(Text("id", required=True),),
)
GET_DEPOSIT_ACCOUNT = Endpoint(
    "account.get_deposit_account", "GET", "/account/v1/get-deposit-account", Auth.KEYED, None, returns=object
)
SET_DEPOSIT_ACCOUNT = Endpoint(
    "account.set_deposit_account",
    "POST",
    "/account/v1/set-deposit-account",
    Auth.SIGNED,
    None,
    returns=type(None),
    effect=Effect.CHANGE,
    params=(Choice("account_type", DepositAccount, required=True),),
)

DEPOSIT_WITHDRAW_WINDOWS: Windowed[DepositWithdrawHistory, DepositWithdrawRecord] = Windowed(
    endpoint=DEPOSIT_WITHDRAW_HISTORY,
    rows=lambda data: data.records,
    at=lambda row: row.apply_time,
    key=lambda row: row.withdraw_id or row.deposit_id or repr(row),
    unit=1,
    cap=1000,
    size="n",
    doubts=(100,),
    span=days(90),
    lookback=days(90),
    too_wide=frozenset({60066, 60067}),
)


class Funding(Section):
    """The main account's money outside of trading.

    Transfers and withdrawals carry no id of your own: they are sent at most once, and when their
    answer is lost they raise :class:`OutcomeUnknown`. Look at balances or at
    get_deposit_withdraw_history_v2 before repeating one. All calls but get_account_currencies_v1 raise
    CredentialsMissing without keys.
    """

    async def get_account_balances_v1(
        self,
        *,
        currency: str | None = None,
        need_usd_valuation: bool | None = None,
        source_account: SourceAccount | str | None = None,
    ) -> AccountWallet:
        """Balances above zero.

        Args:
            currency: One coin; all when not given.
            need_usd_valuation: True: also the worth in USD.
            source_account: SPOT or FUND. Only one SDK knows this parameter; its effect is unverified.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Get Account Balance". 12 calls per 2 s per key.
        """
        return await self._call(
            ACCOUNT_WALLET,
            currency=currency,
            need_usd_valuation=need_usd_valuation,
            source_account=source_account,
        )

    async def get_account_info_v1(self) -> AccountInfo:
        """The account behind the key, and its keys: kind, status, permissions, IP addresses.

        New in 2026; no recorded reply was found, the shape is that of another client's types.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_account_info. Quota unknown: the client's default applies.
        """
        return await self._call(ACCOUNT_INFO)

    async def submit_account_transfer_v1(
        self, currency: str, *, amount: Money, type: AccountTransferType | str
    ) -> None:
        """Move money between the spot and the funding wallet. Never repeated.

        For the futures wallet see the futures client's transfer.

        Args:
            currency: Coin, like USDT.
            amount: In the coin.
            type: spot_to_fund or fund_to_spot.

        Raises:
            InsufficientFunds: The giving wallet holds too little (60008).
            OutcomeUnknown: The answer was lost: a repeat could move the money twice.

        Source: official Python SDK 2.8.0, post_account_transfer. Quota unknown: the client's default
        applies.
        """
        return await self._call(ACCOUNT_TRANSFER, currency=currency, amount=amount, type=type)

    async def get_account_currencies_v1(self, *, currencies: str | None = None) -> AccountCurrencies:
        """Coins by network: minimums, fees, whether deposits and withdrawals are open. Public.

        Args:
            currencies: One code, or up to 20 with commas between them; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get Currencies". 2 calls per 2 s per IP.
        """
        return await self._call(ACCOUNT_CURRENCIES, currencies=currencies)

    async def get_account_deposit_address_v1(self, currency: str) -> DepositAddress:
        """Where to send a deposit. Not for sub-accounts.

        Args:
            currency: Code with its network, like USDT-TRC20: take it from get_account_currencies_v1.

        Raises:
            NotFound: There is no such coin (60002).
            Unavailable: Deposits of the coin are closed (60003) or not offered (60012).
            PermissionDenied: The account may not deposit (60020), or is a sub-account (60026).

        A read: repeated when its answer is lost.

        Source: spot docs, "Deposit Address". 2 calls per 2 s per key.
        """
        return await self._call(DEPOSIT_ADDRESS, currency=currency)

    async def get_account_withdraw_quota_v1(self, currency: str) -> WithdrawQuota:
        """What may be withdrawn today. Needs the withdraw permission although it only reads.

        Args:
            currency: Code with its network, like USDT-TRC20.

        Raises:
            PermissionDenied: The key lacks the permission (30012), or is a sub-account's (60026).

        A read: repeated when its answer is lost.

        Source: spot docs, "Withdraw Quota". 2 calls per 2 s per key.
        """
        return await self._call(WITHDRAW_QUOTA, currency=currency)

    async def submit_withdrawal_v1(
        self,
        currency: str,
        *,
        amount: Money,
        address: str | None = None,
        address_memo: str | None = None,
        destination: str | None = None,
        type: WithdrawAccountType | int | None = None,
        value: str | None = None,
        area_code: str | None = None,
        source_account: SourceAccount | str | None = None,
    ) -> WithdrawalAck:
        """Withdraw to a chain address or to another BitMart account. Never repeated. Not for sub-accounts.

        Give ``address`` or ``type`` and ``value``. Both together are refused here, whatever the
        client's options: the exchange would take the address.

        Args:
            currency: Code with its network, like USDT-TRC20: take it from get_account_currencies_v1.
            amount: In the coin.
            address: Chain address, a verified one of the address book.
            address_memo: Tag or memo of the address. Money sent without a needed memo may be lost.
            destination: A remark for a chain withdrawal; the official SDKs send "To Digital Address".
            type: How value names a BitMart account: 1 CID, 2 e-mail, 3 phone.
            value: The receiver's CID, e-mail or phone number.
            area_code: Country prefix of the phone number, digits only.
            source_account: SPOT or FUND: the wallet to take it from; one after the other when not given.

        Raises:
            ParameterError: The destination is missing, incomplete or ambiguous; nothing was sent.
            InsufficientFunds: The balance does not cover it (60008).
            BadRequest: Amount, decimals, step, address or memo do not fit (60005, 60006, 60009, 60011,
                60013, 60014), or receiver and sender do not (60053, 60065).
            PermissionDenied: The address is not in the book or not verified (60007, 60015), or the
                account may not withdraw (60021, 60022, 60054, 60064, 61007).
            Unavailable: Withdrawals of the coin are closed (60004, 60056).
            OutcomeUnknown: The answer was lost. Look at get_deposit_withdraw_history_v2 first.

        Source: spot docs, "Withdraw". 8 calls per 2 s per key.
        """
        return await self._call(
            WITHDRAW,
            currency=currency,
            amount=amount,
            address=address,
            address_memo=address_memo,
            destination=destination,
            type=type,
            value=value,
            area_code=area_code,
            source_account=source_account,
        )

    async def get_withdraw_address_list(self) -> WithdrawAddresses:
        """The address book. The API withdraws to its verified addresses only.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Withdraw Address". 2 calls per 2 s per key.
        """
        return await self._call(WITHDRAW_ADDRESSES)

    async def get_deposit_withdraw_history_v2(
        self,
        operation_type: FundingOperation | str,
        *,
        n: int,
        currency: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> DepositWithdrawHistory:
        """Deposits or withdrawals of a window of less than 90 days. Not for sub-accounts.

        Args:
            operation_type: deposit or withdraw.
            n: The newest rows, 1 to 1000.
            currency: One coin; all when not given.
            start_time: Unix ms, 90 days ago when not given. For older rows give both times.
            end_time: Unix ms, now when not given.

        Raises:
            BadRequest: The window is too long (60066, 60067).

        A read: repeated when its answer is lost.

        Source: spot docs, "Get Deposit And Withdraw History (V2)". 8 calls per 2 s per key.
        """
        return await self._call(
            DEPOSIT_WITHDRAW_HISTORY,
            operation_type=operation_type,
            n=n,
            currency=currency,
            start_time=start_time,
            end_time=end_time,
        )

    def iter_deposit_withdraw_history_v2(
        self,
        operation_type: FundingOperation | str,
        *,
        n: int | None = None,
        currency: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[DepositWithdrawRecord]:
        """Deposits or withdrawals of any span, oldest first, each once. Not for sub-accounts.

        Args:
            operation_type: deposit or withdraw.
            n: Rows of one reply, 1 to 1000, 1000 when not given.
            currency: One coin; all when not given.
            start_time: Unix ms, included; 90 days back when not given, 0 for all there is.
            end_time: Unix ms, included; now when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Get Deposit And Withdraw History (V2)".
        """
        return self._iter(
            DEPOSIT_WITHDRAW_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            operation_type=operation_type,
            n=n,
            currency=currency,
        )

    async def get_deposit_withdraw_detail_v1(self, id: str) -> DepositWithdrawDetail:
        """One deposit or withdrawal. Not for sub-accounts.

        Args:
            id: A withdraw_id or a deposit_id.

        Raises:
            NotFound: There is none with this id (60010).

        A read: repeated when its answer is lost.

        Source: spot docs, "Get A Deposit Or Withdraw Detail". 8 calls per 2 s per key.
        """
        return await self._call(DEPOSIT_WITHDRAW_DETAIL, id=id)

    async def get_deposit_account_v1(self) -> object:
        """Which wallet deposits are credited to.

        Returns:
            Plain JSON: no source records the reply's shape.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_deposit_account. Quota unknown: the client's default
        applies.
        """
        return await self._call(GET_DEPOSIT_ACCOUNT)

    async def set_deposit_account_v1(self, account_type: DepositAccount | str) -> None:
        """Choose the wallet deposits are credited to. Not for sub-accounts.

        The reply's shape is unknown; success is all that is reported.

        Args:
            account_type: SPOT, CONTRACT (futures) or FUND.

        Raises:
            OutcomeUnknown: The answer was lost; setting it again does no harm.

        Sent at most once.

        Source: official Python SDK 2.8.0, post_set_deposit_account. Quota unknown: the client's default
        applies.
        """
        return await self._call(SET_DEPOSIT_ACCOUNT, account_type=account_type)
