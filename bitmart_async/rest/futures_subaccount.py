"""Futures money of sub-accounts: transfers, balances, records."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bitmart_async.models.futures_wallet import FuturesSubTransfer, FuturesSubWallet
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, as_is
from bitmart_async.rest.pages import Capped
from bitmart_async.rest.params import Amount, Text, Whole
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from decimal import Decimal

    from bitmart_async.rest.iterate import History

    Money: TypeAlias = Decimal | int | str

__all__ = ["FuturesSubaccount"]

_QUOTA = Quota(8, scope=Scope.KEY)
_FROM_SUB = (
    Text("requestNo", required=True, pattern=r".{1,64}", wanted="must be 1 to 64 characters"),
    Amount("amount", required=True),
    Text("currency", required=True),
)
_FROM_MAIN = (*_FROM_SUB, Text("subAccount", required=True))
_LIMIT = Whole("limit", required=True, low=1, high=100)

SUB_TO_MAIN_FROM_MAIN = Endpoint(
    "futures.sub_to_main_from_main",
    "POST",
    "/account/contract/sub-account/main/v1/sub-to-main",
    Auth.SIGNED,
    _QUOTA,
    returns=type(None),
    effect=Effect.CHANGE,
    params=_FROM_MAIN,
)
MAIN_TO_SUB_FROM_MAIN = Endpoint(
    "futures.main_to_sub_from_main",
    "POST",
    "/account/contract/sub-account/main/v1/main-to-sub",
    Auth.SIGNED,
    _QUOTA,
    returns=type(None),
    effect=Effect.CHANGE,
    params=_FROM_MAIN,
)
SUB_TO_MAIN_FROM_SUB = Endpoint(
    "futures.sub_to_main_from_sub",
    "POST",
    "/account/contract/sub-account/sub/v1/sub-to-main",
    Auth.SIGNED,
    _QUOTA,
    returns=type(None),
    effect=Effect.CHANGE,
    params=_FROM_SUB,
)
SUB_WALLET = Endpoint(
    "futures.get_sub_wallet",
    "GET",
    "/account/contract/sub-account/main/v1/wallet",
    Auth.KEYED,
    Quota(12, scope=Scope.KEY),
    returns=FuturesSubWallet,
    params=(Text("subAccount", required=True), Text("currency")),
)
SUB_TRANSFERS = Endpoint(
    "futures.get_sub_transfers",
    "GET",
    "/account/contract/sub-account/main/v1/transfer-list",
    Auth.KEYED,
    _QUOTA,
    returns=list[FuturesSubTransfer],
    params=(Text("subAccount", required=True), _LIMIT),
)
TRANSFER_HISTORY = Endpoint(
    "futures.get_transfer_history",
    "GET",
    "/account/contract/sub-account/v1/transfer-history",
    Auth.KEYED,
    _QUOTA,
    returns=list[FuturesSubTransfer],
    params=(_LIMIT,),
)

SUB_TRANSFER_ROWS: Capped[list[FuturesSubTransfer], FuturesSubTransfer] = Capped(
    endpoint=SUB_TRANSFERS, rows=as_is, cap=100, size="limit"
)
TRANSFER_HISTORY_ROWS: Capped[list[FuturesSubTransfer], FuturesSubTransfer] = Capped(
    endpoint=TRANSFER_HISTORY, rows=as_is, cap=100, size="limit"
)


class FuturesSubaccount(Section):
    """Sub-accounts, for accounts verified as an institution: others get PermissionDenied (61006, 61007).

    Make one ``request_no`` per transfer and keep it. The exchange refuses a second use with
    :class:`AlreadyExists` (61004): after a lost answer the same call can be made again without paying
    twice, and AlreadyExists then says that the first one had arrived.
    All calls raise CredentialsMissing without keys.
    """

    async def submit_futures_sub_to_main_transfer_from_main(
        self,
        *,
        request_no: str,
        amount: Money,
        currency: str,
        sub_account: str,
    ) -> None:
        """Fetch futures money from a sub-account, with the main account's key. Never repeated by itself.

        Args:
            request_no: Your own id of this transfer, 1 to 64 characters, e.g. a UUID.
            amount: In currency.
            currency: USDT is the only documented one.
            sub_account: User name of the sub-account.

        Raises:
            InsufficientFunds: The sub-account holds too little (60008, 61001).
            NotFound: No such sub-account or coin (61003, 60002).
            AlreadyExists: The request_no was used before (61004).
            PermissionDenied: Not an institution (61006, 61007).
            OutcomeUnknown: The answer was lost; call again with the same request_no.

        Source: futures V2 docs, "Sub-Account to Main-Account (For Main Account)". 8 calls per 2 s per key.
        """
        return await self._call(
            SUB_TO_MAIN_FROM_MAIN,
            request_no=request_no,
            amount=amount,
            currency=currency,
            sub_account=sub_account,
        )

    async def submit_futures_main_to_sub_transfer_from_main(
        self,
        *,
        request_no: str,
        amount: Money,
        currency: str,
        sub_account: str,
    ) -> None:
        """Give futures money to a sub-account, with the main account's key. Never repeated by itself.

        Args:
            request_no: Your own id of this transfer, 1 to 64 characters, e.g. a UUID.
            amount: In currency.
            currency: USDT is the only documented one.
            sub_account: User name of the sub-account.

        Raises:
            InsufficientFunds: The main account holds too little (60008, 61001).
            NotFound: No such sub-account or coin (61003, 60002).
            AlreadyExists: The request_no was used before (61004).
            PermissionDenied: Not an institution (61006, 61007).
            OutcomeUnknown: The answer was lost; call again with the same request_no.

        Source: futures V2 docs, "Main-Account to Sub-Account (For Main Account)". 8 calls per 2 s per key.
        """
        return await self._call(
            MAIN_TO_SUB_FROM_MAIN,
            request_no=request_no,
            amount=amount,
            currency=currency,
            sub_account=sub_account,
        )

    async def submit_futures_sub_to_main_sub_from_sub(
        self,
        *,
        request_no: str,
        amount: Money,
        currency: str,
    ) -> None:
        """Give futures money to the main account, with the sub-account's own key. Never repeated by itself.

        Args:
            request_no: Your own id of this transfer, 1 to 64 characters, e.g. a UUID.
            amount: In currency.
            currency: USDT is the only documented one.

        Raises:
            InsufficientFunds: The sub-account holds too little (60008, 61001).
            AlreadyExists: The request_no was used before (61004).
            PermissionDenied: The key is not a sub-account's (60027), or not an institution (61006, 61007).
            OutcomeUnknown: The answer was lost; call again with the same request_no.

        Source: futures V2 docs, "Sub-Account to Main-Account (For Sub-Account)". 8 calls per 2 s per key.
        """
        return await self._call(SUB_TO_MAIN_FROM_SUB, request_no=request_no, amount=amount, currency=currency)

    async def get_futures_sub_wallet(
        self, sub_account: str, *, currency: str | None = None
    ) -> FuturesSubWallet:
        """Futures balances of a sub-account, with the main account's key; coins without balance are missing.

        Args:
            sub_account: User name of the sub-account.
            currency: Coin; all when not given.

        Raises:
            NotFound: No such sub-account (61003).

        A read: repeated when its answer is lost.

        Source: futures V2 docs, "Get Sub-Account Futures Wallet Balance". 12 calls per 2 s per key.
        """
        return await self._call(SUB_WALLET, sub_account=sub_account, currency=currency)

    async def get_futures_sub_transfers(self, sub_account: str, *, limit: int) -> list[FuturesSubTransfer]:
        """The newest futures transfers of one sub-account, with the main account's key.

        Older than the newest 100 cannot be read.

        Args:
            sub_account: User name of the sub-account.
            limit: Rows, 1 to 100.

        Raises:
            NotFound: No such sub-account (61003).

        A read: repeated when its answer is lost.

        Source: futures V2 docs, "Get Sub-Account Transfer History". 8 calls per 2 s per key.
        """
        return await self._call(SUB_TRANSFERS, sub_account=sub_account, limit=limit)

    def iter_futures_sub_transfers(
        self,
        sub_account: str,
        *,
        limit: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesSubTransfer]:
        """Futures transfers of one sub-account, oldest first, with the main account's key.

        With 100 or more it raises, as only the newest 100 are shown.

        Args:
            sub_account: User name of the sub-account.
            limit: Rows that are enough to raise, 1 to 100, 100 when not given.
            max_requests: As everywhere; one is made here.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get Sub-Account Transfer History".
        """
        return self._iter(
            SUB_TRANSFER_ROWS, None, None, max_requests, incomplete, sub_account=sub_account, limit=limit
        )

    async def get_futures_sub_transfer_history(self, *, limit: int) -> list[FuturesSubTransfer]:
        """The newest futures transfers of the account whose key is used, main or sub.

        Older than the newest 100 cannot be read.

        Args:
            limit: Rows, 1 to 100.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Account Futures Asset Transfer History". 8 calls per 2 s per key.
        """
        return await self._call(TRANSFER_HISTORY, limit=limit)

    def iter_futures_sub_transfer_history(
        self,
        *,
        limit: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesSubTransfer]:
        """Futures transfers of the account whose key is used, oldest first.

        With 100 or more it raises, as only the newest 100 are shown.

        Args:
            limit: Rows that are enough to raise, 1 to 100, 100 when not given.
            max_requests: As everywhere; one is made here.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get Account Futures Asset Transfer History".
        """
        return self._iter(TRANSFER_HISTORY_ROWS, None, None, max_requests, incomplete, limit=limit)
