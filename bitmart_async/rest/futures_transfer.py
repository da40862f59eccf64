"""Money between futures and the account's other wallets; demo money."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import FundingTransferType, FuturesTransferType
from bitmart_async.models.futures_wallet import (
    DemoClaim,
    FuturesTransfer,
    FuturesTransferAck,
    FuturesTransfers,
)
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete
from bitmart_async.rest.pages import Paged
from bitmart_async.rest.params import Amount, Choice, Text, Whole
from bitmart_async.rest.section import Section
from bitmart_async.rest.spot_trading import recv_window
from bitmart_async.rest.windows import ms_window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from bitmart_async.rest.iterate import History

    Money: TypeAlias = Decimal | int | str

__all__ = ["FuturesMoney"]


def _all_three(given: Mapping[str, object]) -> None:
    """The exchange's SDKs call all three optional; a transfer needs each of them."""
    missing = [name for name in ("currency", "amount", "type") if given.get(name) is None]
    if missing:
        raise ParameterError(f"give {' and '.join(name + '=' for name in missing)}")


_ONE = Quota(1, scope=Scope.KEY)

TRANSFER = Endpoint(
    "futures.transfer",
    "POST",
    "/account/v1/transfer-contract",
    Auth.SIGNED,
    _ONE,
    returns=FuturesTransferAck,
    effect=Effect.CHANGE,
    params=(
        Text("currency", required=True),
        Amount("amount", required=True, low="0.01", high="10000000000"),
        Choice("type", FuturesTransferType, required=True),
        recv_window(),
    ),
)
TRANSFERS = Endpoint(
    "futures.get_transfer_list",
    "POST",
    "/account/v1/transfer-contract-list",
    Auth.SIGNED,
    _ONE,
    returns=FuturesTransfers,
    effect=Effect.READ,
    rules=ms_window("time_start", "time_end"),
    params=(
        Text("currency"),
        Whole("time_start", low=0),
        Whole("time_end", low=0),
        Whole("page", required=True, low=1, high=1000),
        Whole("limit", required=True, low=10, high=100),
        recv_window(),
    ),
)
FUNDING_ACCOUNT_TRANSFER = Endpoint(
    "futures.funding_account_transfer",
    "POST",
    "/contract/private/account/v1/transfer",
    Auth.SIGNED,
    None,
    returns=type(None),
    effect=Effect.CHANGE,
    guard=_all_three,
    params=(Text("currency"), Amount("amount"), Choice("type", FundingTransferType)),
)
CLAIM_DEMO_FUNDS = Endpoint(
    "futures.claim_demo_funds",
    "POST",
    "/contract/private/claim",
    Auth.SIGNED,
    None,
    returns=DemoClaim,
    effect=Effect.CHANGE,
)

TRANSFER_PAGES: Paged[FuturesTransfers, FuturesTransfer] = Paged(
    endpoint=TRANSFERS,
    rows=lambda data: data.records,
    key=lambda row: row.transfer_id or repr(row),
    cap=100,
    size="limit",
    start="time_start",
    end="time_end",
)


class FuturesMoney(Section):
    """Transfers. Those that move money are sent at most once, and carry no id of your own.

    All calls raise CredentialsMissing without keys. The demo has none of them but the claim.
    """

    async def submit_futures_transfer(
        self,
        *,
        currency: str,
        amount: Money,
        type: FuturesTransferType | str,
        recv_window: int | None = None,
    ) -> FuturesTransferAck:
        """Move money between the spot wallet and futures. Never repeated.

        Args:
            currency: USDT is the only documented one.
            amount: In currency, 0.01 to 10000000000.
            type: spot_to_contract or contract_to_spot.
            recv_window: ms; the client's when not given.

        Raises:
            InsufficientFunds: The paying wallet holds too little (60008, 61001).
            NotFound: No such coin (60002).
            OutcomeUnknown: The answer was lost; look in get_futures_transfers before sending again.

        Source: futures V2 docs, "Transfer". 1 call per 2 s per key.
        """
        return await self._call(
            TRANSFER, currency=currency, amount=amount, type=type, recv_window=recv_window
        )

    async def get_futures_transfers(
        self,
        *,
        page: int,
        limit: int,
        currency: str | None = None,
        time_start: int | None = None,
        time_end: int | None = None,
        recv_window: int | None = None,
    ) -> FuturesTransfers:
        """Transfers between spot wallet and futures, page by page; all of them when no time is given.

        A page with fewer rows than limit is the last: there is no total. A read, although a POST.

        Args:
            page: 1 to 1000.
            limit: Rows of a page, 10 to 100.
            currency: Coin; all when not given.
            time_start: Unix MILLISECONDS.
            time_end: Unix MILLISECONDS.
            recv_window: ms; the client's when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Transfer List". 1 call per 2 s per key.
        """
        return await self._call(
            TRANSFERS,
            currency=currency,
            time_start=time_start,
            time_end=time_end,
            page=page,
            limit=limit,
            recv_window=recv_window,
        )

    def iter_futures_transfers(
        self,
        *,
        limit: int | None = None,
        currency: str | None = None,
        time_start: int | None = None,
        time_end: int | None = None,
        recv_window: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesTransfer]:
        """Transfers between spot wallet and futures, page after page, each once; all when no time is given.

        Args:
            limit: Rows of a page, 10 to 100, 100 when not given.
            currency: Coin; all when not given.
            time_start: Unix MILLISECONDS.
            time_end: Unix MILLISECONDS; now when only time_start is given.
            recv_window: ms; the client's when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get Transfer List".
        """
        return self._iter(
            TRANSFER_PAGES,
            time_start,
            time_end,
            max_requests,
            incomplete,
            limit=limit,
            currency=currency,
            recv_window=recv_window,
        )

    async def submit_futures_funding_account_transfer(
        self,
        *,
        currency: str,
        amount: Money,
        type: FundingTransferType | str,
    ) -> None:
        """Move money between the funding account and futures. Never repeated.

        Args:
            currency: Like USDT.
            amount: In currency.
            type: fund_to_contract or contract_to_fund.

        Raises:
            InsufficientFunds: The paying account holds too little (60008, 61001).
            OutcomeUnknown: The answer was lost. No list of these transfers is documented: compare the
                balances before sending again.

        Source: official Python SDK 2.8.0, post_account_transfer. Quota unknown: the client's default applies.
        """
        return await self._call(FUNDING_ACCOUNT_TRANSFER, currency=currency, amount=amount, type=type)

    async def submit_futures_simulated_claim(self) -> DemoClaim:
        """Ask for demo money. It exists on the demo only: use a client with ``demo_trading=True``.

        Raises:
            OutcomeUnknown: The answer was lost; look at get_futures_account_assets.

        Sent at most once.

        Source: futures V2 docs, "Claim". Quota unknown: the client's default applies.
        """
        return await self._call(CLAIM_DEMO_FUNDS)
