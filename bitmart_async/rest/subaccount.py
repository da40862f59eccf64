"""Sub-accounts on the spot host: transfers, balances, names. Open to verified organisations only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.models.enums import SubTransferType
from bitmart_async.models.subaccount import SubAccounts, SubTransfer, SubTransfers, SubWallet
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete
from bitmart_async.rest.pages import Capped
from bitmart_async.rest.params import Amount, Choice, Text, Whole
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from bitmart_async.rest.iterate import History
    from bitmart_async.rest.spot_trading import Money

__all__ = ["SubAccounting"]

_KEY_2 = Quota(2, scope=Scope.KEY)
_KEY_8 = Quota(8, scope=Scope.KEY)

_MOVE = (
    Text("requestNo", required=True, pattern=r".{1,64}", wanted="must be 1 to 64 characters"),
    Amount("amount", required=True),
    Text("currency", required=True),
)
_SUB = Text("subAccount", required=True)
_KIND = Choice("moveType", SubTransferType, required=True)
_NEWEST = Whole("N", required=True, low=1, high=100)

MAIN_SUB_TO_MAIN = Endpoint(
    "sub_account.main_sub_to_main",
    "POST",
    "/account/sub-account/main/v1/sub-to-main",
    Auth.SIGNED,
    _KEY_2,
    returns=type(None),
    effect=Effect.CHANGE,
    params=(*_MOVE, _SUB),
)
SUB_SUB_TO_MAIN = Endpoint(
    "sub_account.sub_sub_to_main",
    "POST",
    "/account/sub-account/sub/v1/sub-to-main",
    Auth.SIGNED,
    _KEY_2,
    returns=type(None),
    effect=Effect.CHANGE,
    params=_MOVE,
)
MAIN_MAIN_TO_SUB = Endpoint(
    "sub_account.main_main_to_sub",
    "POST",
    "/account/sub-account/main/v1/main-to-sub",
    Auth.SIGNED,
    _KEY_2,
    returns=type(None),
    effect=Effect.CHANGE,
    params=(*_MOVE, _SUB),
)
MAIN_SUB_TO_SUB = Endpoint(
    "sub_account.main_sub_to_sub",
    "POST",
    "/account/sub-account/main/v1/sub-to-sub",
    Auth.SIGNED,
    _KEY_2,
    returns=type(None),
    effect=Effect.CHANGE,
    params=(*_MOVE, Text("fromAccount", required=True), Text("toAccount", required=True)),
)
SUB_SUB_TO_SUB = Endpoint(
    "sub_account.sub_sub_to_sub",
    "POST",
    "/account/sub-account/sub/v1/sub-to-sub",
    Auth.SIGNED,
    _KEY_2,
    returns=type(None),
    effect=Effect.CHANGE,
    params=(*_MOVE, _SUB),
    deprecated="submit_main_transfer_sub_to_sub_v1 with the main account's key",
)
SUB_TRANSFER_LIST = Endpoint(
    "sub_account.transfer_list",
    "GET",
    "/account/sub-account/main/v1/transfer-list",
    Auth.KEYED,
    _KEY_8,
    returns=SubTransfers,
    params=(_KIND, Text("accountName"), _NEWEST),
)
SUB_TRANSFER_HISTORY = Endpoint(
    "sub_account.transfer_history",
    "GET",
    "/account/sub-account/v1/transfer-history",
    Auth.KEYED,
    _KEY_8,
    returns=SubTransfers,
    params=(_KIND, _NEWEST),
)
SUB_WALLET = Endpoint(
    "sub_account.wallet",
    "GET",
    "/account/sub-account/main/v1/wallet",
    Auth.KEYED,
    Quota(12, scope=Scope.KEY),
    returns=SubWallet,
    params=(_SUB, Text("currency")),
)
SUB_LIST = Endpoint(
    "sub_account.list",
    "GET",
    "/account/sub-account/main/v1/subaccount-list",
    Auth.KEYED,
    _KEY_8,
    returns=SubAccounts,
)

SUB_TRANSFER_ROWS: Capped[SubTransfers, SubTransfer] = Capped(
    endpoint=SUB_TRANSFER_LIST, rows=lambda data: data.history_list, cap=100, size="n"
)
SUB_TRANSFER_HISTORY_ROWS: Capped[SubTransfers, SubTransfer] = Capped(
    endpoint=SUB_TRANSFER_HISTORY, rows=lambda data: data.history_list, cap=100, size="n"
)


class SubAccounting(Section):
    """Spot money of main and sub-accounts. Accounts are named by their user names.

    Every transfer carries a ``request_no`` of yours, 1 to 64 characters and never used before, a UUID
    for example. Transfers are sent at most once. When the answer is lost they raise
    :class:`OutcomeUnknown`: call again with the SAME number, and AlreadyExists (61004) then says that
    the first one was taken. All calls raise CredentialsMissing without keys, and PermissionDenied for
    accounts that are no verified organisation (61006).
    """

    async def submit_main_transfer_sub_to_main_v1(
        self, sub_account: str, *, currency: str, amount: Money, request_no: str
    ) -> None:
        """Move money from a sub-account to the main account, with the MAIN account's key.

        Args:
            sub_account: User name of the giving sub-account.
            currency: Coin, like USDT.
            amount: In the coin.
            request_no: Your own unique id, 1 to 64 characters.

        Raises:
            InsufficientFunds: The sub-account holds too little (61001).
            NotFound: There is no such sub-account (61003).
            AlreadyExists: The request_no was used before (61004).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.

        Sent at most once.

        Source: spot docs, "Sub-Account to Main-Account (For Main Account)". 2 calls per 2 s per key.
        """
        return await self._call(
            MAIN_SUB_TO_MAIN, sub_account=sub_account, currency=currency, amount=amount, request_no=request_no
        )

    async def submit_sub_transfer_sub_to_main_v1(
        self, currency: str, *, amount: Money, request_no: str
    ) -> None:
        """Move money from this sub-account to its main account, with the SUB-account's key.

        Args:
            currency: Coin, like USDT.
            amount: In the coin.
            request_no: Your own unique id, 1 to 64 characters.

        Raises:
            InsufficientFunds: This account holds too little (61001).
            PermissionDenied: The key is a main account's (60027).
            AlreadyExists: The request_no was used before (61004).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.

        Sent at most once.

        Source: spot docs, "Sub-Account to Main-Account (For Sub-Account)". 2 calls per 2 s per key.
        """
        return await self._call(SUB_SUB_TO_MAIN, currency=currency, amount=amount, request_no=request_no)

    async def submit_main_transfer_main_to_sub_v1(
        self, sub_account: str, *, currency: str, amount: Money, request_no: str
    ) -> None:
        """Move money from the main account to a sub-account, with the MAIN account's key.

        Args:
            sub_account: User name of the receiving sub-account.
            currency: Coin, like USDT.
            amount: In the coin.
            request_no: Your own unique id, 1 to 64 characters.

        Raises:
            InsufficientFunds: The main account holds too little (61001).
            NotFound: There is no such sub-account (61002, 61003).
            AlreadyExists: The request_no was used before (61004).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.

        Sent at most once.

        Source: spot docs, "Main-Account to Sub-Account (For Main Account)". 2 calls per 2 s per key.
        """
        return await self._call(
            MAIN_MAIN_TO_SUB, sub_account=sub_account, currency=currency, amount=amount, request_no=request_no
        )

    async def submit_main_transfer_sub_to_sub_v1(
        self, *, from_account: str, to_account: str, currency: str, amount: Money, request_no: str
    ) -> None:
        """Move money between two sub-accounts, with the MAIN account's key.

        Args:
            from_account: User name of the giving sub-account.
            to_account: User name of the receiving sub-account.
            currency: Coin, like USDT.
            amount: In the coin.
            request_no: Your own unique id, 1 to 64 characters.

        Raises:
            InsufficientFunds: The giving account holds too little (61001).
            NotFound: There is no such sub-account (61002, 61003).
            AlreadyExists: The request_no was used before (61004).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.

        Sent at most once.

        Source: spot docs, "Sub-Account to Sub-Account (For Main Account)". 2 calls per 2 s per key.
        """
        return await self._call(
            MAIN_SUB_TO_SUB,
            from_account=from_account,
            to_account=to_account,
            currency=currency,
            amount=amount,
            request_no=request_no,
        )

    async def submit_sub_transfer_sub_to_sub_v1(
        self, sub_account: str, *, currency: str, amount: Money, request_no: str
    ) -> None:
        """Move money from this sub-account to another, with the SUB-account's key.

        Deprecated: it left the documents in 2024. Use submit_main_transfer_sub_to_sub_v1 with the main
        account's key. Warns once.

        Args:
            sub_account: User name of the receiving sub-account.
            currency: Coin, like USDT.
            amount: In the coin.
            request_no: Your own unique id, 1 to 64 characters.

        Raises:
            InsufficientFunds: This account holds too little (61001).
            AlreadyExists: The request_no was used before (61004).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.
            EndpointRetired: It is switched off (30031).

        Sent at most once.

        Source: official Postman collection of 2025-10, "Sub-Account to Sub-Account (For Sub-Account)".
        2 calls per 2 s per key.
        """
        return await self._call(
            SUB_SUB_TO_SUB, sub_account=sub_account, currency=currency, amount=amount, request_no=request_no
        )

    async def get_sub_transfers_v1(
        self, *, move_type: SubTransferType | str, n: int, account_name: str | None = None
    ) -> SubTransfers:
        """Transfers of sub-accounts in the last 3 months, with the MAIN account's key.

        Args:
            move_type: "spot to spot", the only value known.
            n: The newest rows, 1 to 100.
            account_name: User name of one sub-account; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Get Sub-Account Transfer History (For Main Account)". 8 calls per 2 s per key.
        """
        return await self._call(SUB_TRANSFER_LIST, move_type=move_type, n=n, account_name=account_name)

    def iter_sub_transfers_v1(
        self,
        *,
        move_type: SubTransferType | str,
        n: int | None = None,
        account_name: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SubTransfer]:
        """Transfers of sub-accounts in the last 3 months, oldest first, with the MAIN account's key.

        With 100 or more it raises, as only 100 are shown.

        Args:
            move_type: "spot to spot", the only value known.
            n: Rows that are enough to raise, 1 to 100, 100 when not given.
            account_name: User name of one sub-account; all when not given.
            max_requests: As everywhere; one is made here.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Get Sub-Account Transfer History (For Main Account)".
        """
        return self._iter(
            SUB_TRANSFER_ROWS,
            None,
            None,
            max_requests,
            incomplete,
            move_type=move_type,
            n=n,
            account_name=account_name,
        )

    async def get_account_sub_transfers_v1(self, *, move_type: SubTransferType | str, n: int) -> SubTransfers:
        """Transfers of the key's own account in the last 3 months; main or sub-account.

        Args:
            move_type: "spot to spot", the only value known.
            n: The newest rows, 1 to 100.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Get Account Spot Asset Transfer History (For Main/Sub Account)". 8 calls per
        2 s per key.
        """
        return await self._call(SUB_TRANSFER_HISTORY, move_type=move_type, n=n)

    def iter_account_sub_transfers_v1(
        self,
        *,
        move_type: SubTransferType | str,
        n: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SubTransfer]:
        """Transfers of the key's own account in the last 3 months, oldest first.

        With 100 or more it raises, as only 100 are shown.

        Args:
            move_type: "spot to spot", the only value known.
            n: Rows that are enough to raise, 1 to 100, 100 when not given.
            max_requests: As everywhere; one is made here.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Get Account Spot Asset Transfer History (For Main/Sub Account)".
        """
        return self._iter(
            SUB_TRANSFER_HISTORY_ROWS, None, None, max_requests, incomplete, move_type=move_type, n=n
        )

    async def get_sub_spot_wallet_balances_v1(
        self, sub_account: str, *, currency: str | None = None
    ) -> SubWallet:
        """Spot balances above zero of a sub-account, with the MAIN account's key.

        Args:
            sub_account: User name.
            currency: One coin; all when not given.

        Raises:
            NotFound: There is no such sub-account (61003).

        A read: repeated when its answer is lost.

        Source: spot docs, "Get Sub-Account Spot Wallet Balance (For Main Account)". 12 calls per 2 s per
        key.
        """
        return await self._call(SUB_WALLET, sub_account=sub_account, currency=currency)

    async def get_sub_accounts_v1(self) -> SubAccounts:
        """Names and states of all sub-accounts, with the MAIN account's key.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Get Sub-Account List (For Main Account)". 8 calls per 2 s per key.
        """
        return await self._call(SUB_LIST)
