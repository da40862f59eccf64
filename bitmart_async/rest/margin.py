"""Isolated margin: orders, accounts, transfers, loans.

Margin orders are queried and cancelled by the spot calls, with order_mode iso_margin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.models.enums import MarginTransferSide, OrderType, Side
from bitmart_async.models.margin import (
    BorrowAck,
    BorrowRecord,
    BorrowRecords,
    MarginAccounts,
    MarginPairs,
    MarginTransferAck,
    RepayAck,
    RepayRecord,
    RepayRecords,
)
from bitmart_async.models.spot import SpotOrderAck
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, Windowed, days
from bitmart_async.rest.params import Amount, Choice, Text, Whole, client_order_id, spot_symbol
from bitmart_async.rest.section import Section
from bitmart_async.rest.spot_trading import order_rules, time_window

if TYPE_CHECKING:
    from bitmart_async.rest.iterate import History
    from bitmart_async.rest.spot_trading import Money

__all__ = ["Margin"]

_KEY_2 = Quota(2, scope=Scope.KEY)
_RECORDS = Quota(150, scope=Scope.KEY)

_LOAN = (spot_symbol(required=True), Text("currency", required=True), Amount("amount", required=True))

MARGIN_SUBMIT_ORDER = Endpoint(
    "margin.submit_order",
    "POST",
    "/spot/v1/margin/submit_order",
    Auth.SIGNED,
    Quota(20, 1, Scope.UID),
    returns=SpotOrderAck,
    effect=Effect.ORDER,
    own_id="client_order_id",
    rules=order_rules,
    params=(
        spot_symbol(required=True),
        Choice("side", Side, required=True),
        Choice("type", OrderType, required=True),
        client_order_id("clientOrderId"),
        Amount("size"),
        Amount("price"),
        Amount("notional"),
    ),
)
MARGIN_ACCOUNT = Endpoint(
    "margin.account",
    "GET",
    "/spot/v1/margin/isolated/account",
    Auth.KEYED,
    Quota(12, scope=Scope.KEY),
    returns=MarginAccounts,
    params=(spot_symbol(),),
)
MARGIN_TRANSFER = Endpoint(
    "margin.transfer",
    "POST",
    "/spot/v1/margin/isolated/transfer",
    Auth.SIGNED,
    _KEY_2,
    returns=MarginTransferAck,
    effect=Effect.CHANGE,
    params=(*_LOAN, Choice("side", MarginTransferSide, required=True)),
)
MARGIN_BORROW = Endpoint(
    "margin.borrow",
    "POST",
    "/spot/v1/margin/isolated/borrow",
    Auth.SIGNED,
    _KEY_2,
    returns=BorrowAck,
    effect=Effect.CHANGE,
    params=_LOAN,
)
MARGIN_REPAY = Endpoint(
    "margin.repay",
    "POST",
    "/spot/v1/margin/isolated/repay",
    Auth.SIGNED,
    _KEY_2,
    returns=RepayAck,
    effect=Effect.CHANGE,
    params=_LOAN,
)
BORROW_RECORD = Endpoint(
    "margin.borrow_record",
    "GET",
    "/spot/v1/margin/isolated/borrow_record",
    Auth.KEYED,
    _RECORDS,
    returns=BorrowRecords,
    rules=time_window,
    params=(
        spot_symbol(required=True),
        Text("borrow_id"),
        Whole("start_time", low=0),
        Whole("end_time", low=0),
        Whole("N", low=1, high=100),
    ),
)
REPAY_RECORD = Endpoint(
    "margin.repay_record",
    "GET",
    "/spot/v1/margin/isolated/repay_record",
    Auth.KEYED,
    _RECORDS,
    returns=RepayRecords,
    rules=time_window,
    params=(
        spot_symbol(required=True),
        Text("repay_id"),
        Text("currency"),
        Whole("start_time", low=0),
        Whole("end_time", low=0),
        Whole("N", low=1, high=100),
    ),
)
MARGIN_PAIRS = Endpoint(
    "margin.pairs",
    "GET",
    "/spot/v1/margin/isolated/pairs",
    Auth.KEYED,
    _KEY_2,
    returns=MarginPairs,
    params=(
        Text(
            "symbol",
            pattern=r"[^\s_,]+_[^\s_,]+(,[^\s_,]+_[^\s_,]+)*",
            wanted="must be pairs like BTC_USDT, with commas between them and no spaces",
        ),
    ),
)

_WIDE = frozenset({50041})
BORROW_WINDOWS: Windowed[BorrowRecords, BorrowRecord] = Windowed(
    endpoint=BORROW_RECORD,
    rows=lambda data: data.records,
    at=lambda row: row.create_time_ms,
    key=lambda row: row.borrow_id,
    unit=1,
    cap=100,
    size="n",
    span=days(30),
    lookback=days(90),
    too_wide=_WIDE,
)
REPAY_WINDOWS: Windowed[RepayRecords, RepayRecord] = Windowed(
    endpoint=REPAY_RECORD,
    rows=lambda data: data.records,
    at=lambda row: row.repay_time_ms,
    key=lambda row: row.repay_id,
    unit=1,
    cap=100,
    size="n",
    span=days(30),
    lookback=days(90),
    too_wide=_WIDE,
)


class Margin(Section):
    """Isolated margin: one account per pair.

    Orders are sent at most once and raise :class:`OrderFateUnknown` when their answer is lost:
    ask ``resolve_order(error)``. Transfers, loans and repayments carry no id of your own and raise
    :class:`OutcomeUnknown`: look at the account and the records before repeating one. All calls raise
    CredentialsMissing without keys.
    """

    async def submit_margin_order_v1(
        self,
        symbol: str,
        *,
        side: Side | str,
        type: OrderType | str,
        size: Money | None = None,
        price: Money | None = None,
        notional: Money | None = None,
        client_order_id: str | None = None,
    ) -> SpotOrderAck:
        """Place one order on a pair's isolated-margin account. Never repeated.

        Query and cancel it by the spot calls.

        Args:
            symbol: Pair, like BTC_USDT.
            side: buy or sell.
            type: limit, limit_maker (post-only), ioc or market.
            size: Base currency. For limit, limit_maker, ioc and a market sell.
            price: Quote currency. For limit, limit_maker and ioc.
            notional: Quote currency to spend. For a market buy.
            client_order_id: Your own id, 1 to 32 letters and digits; made when not given.

        Raises:
            ParameterError: The order is refused here; nothing was sent.
            InsufficientFunds: The balance is too low (50020, 59010).
            OrderRejected: A trading rule refuses it (50006 to 50009, 51011, 51012 and others). With
                59009 the loan it needed was made and stands, though the order failed.
            AccountUnavailable: The margin account is not opened or not usable (51001, 51002).
            AlreadyExists: The client order id was used before (50042).
            OrderFateUnknown: The answer was lost.

        The documents contradict each other on whether a limit_maker that would match at once is
        refused, or accepted and then cancelled.

        Source: spot docs, "New Margin Order (v1)". 20 calls per 1 s per account.
        """
        return await self._call(
            MARGIN_SUBMIT_ORDER,
            symbol=symbol,
            side=side,
            type=type,
            size=size,
            price=price,
            notional=notional,
            client_order_id=client_order_id,
        )

    async def get_margin_account_details_v1(self, *, symbol: str | None = None) -> MarginAccounts:
        """Balances, debts and risk of isolated-margin accounts.

        Args:
            symbol: Pair; every account when not given.

        Raises:
            AccountUnavailable: The margin account is not opened or not usable (51001, 51002).

        A read: repeated when its answer is lost.

        Source: spot docs, "Get Margin Account Details (Isolated)". 12 calls per 2 s per key.
        """
        return await self._call(MARGIN_ACCOUNT, symbol=symbol)

    async def submit_margin_asset_transfer_v1(
        self, symbol: str, *, currency: str, amount: Money, side: MarginTransferSide | str
    ) -> MarginTransferAck:
        """Move money between spot and a pair's isolated-margin account. Never repeated.

        Args:
            symbol: Pair whose account it is.
            currency: Base or quote coin of the pair.
            amount: In the coin, at most 8 decimals.
            side: in (spot to margin) or out (margin to spot).

        Raises:
            InsufficientFunds: The giving side holds too little (50020).
            PermissionDenied: The margin wallet is under a restriction (59005).
            OutcomeUnknown: The answer was lost, or the wallets failed on the way (59003, 59004, 59006).
                Look at the balances first.

        Source: spot docs, "Margin Asset Transfer". 2 calls per 2 s per key.
        """
        return await self._call(MARGIN_TRANSFER, symbol=symbol, currency=currency, amount=amount, side=side)

    async def margin_borrow_v1(self, symbol: str, *, currency: str, amount: Money) -> BorrowAck:
        """Take a loan. Never repeated.

        Args:
            symbol: Pair whose account it is for.
            currency: Base or quote coin of the pair.
            amount: In the coin, at most 8 decimals.

        Raises:
            InsufficientFunds: It is more than the account may borrow (51004).
            BadRequest: It is less than the least loan (51005).
            PermissionDenied: The account is barred from borrowing (53010).
            OutcomeUnknown: The answer was lost. Look at get_margin_account_details_v1 first.

        Source: spot docs, "Margin Borrow (Isolated)". 2 calls per 2 s per key.
        """
        return await self._call(MARGIN_BORROW, symbol=symbol, currency=currency, amount=amount)

    async def margin_repay_v1(self, symbol: str, *, currency: str, amount: Money) -> RepayAck:
        """Repay a loan. Never repeated.

        Args:
            symbol: Pair whose account it is.
            currency: Base or quote coin of the pair.
            amount: In the coin, at most 8 decimals.

        Raises:
            InsufficientFunds: The balance does not cover it (50020).
            BadRequest: It is more than is owed (51006).
            OrderStateConflict: Nothing is owed (51024).
            OutcomeUnknown: The answer was lost. Look at get_margin_repay_record_v1 first.

        Source: spot docs, "Margin Repay (Isolated)". 2 calls per 2 s per key.
        """
        return await self._call(MARGIN_REPAY, symbol=symbol, currency=currency, amount=amount)

    async def get_margin_borrow_record_v1(
        self,
        symbol: str,
        *,
        borrow_id: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        n: int | None = None,
    ) -> BorrowRecords:
        """Loans of a pair. Their time is sent in seconds or ms: use ``create_time_ms``.

        Args:
            symbol: Pair.
            borrow_id: One loan, by the id the records show.
            start_time: Unix ms.
            end_time: Unix ms.
            n: The newest rows, 1 to 100, 50 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Get Borrow Record (Isolated)". 150 calls per 2 s per key.
        """
        return await self._call(
            BORROW_RECORD, symbol=symbol, borrow_id=borrow_id, start_time=start_time, end_time=end_time, n=n
        )

    def iter_margin_borrow_record_v1(
        self,
        symbol: str,
        *,
        borrow_id: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        n: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[BorrowRecord]:
        """Loans of a pair of any span, oldest first, each once.

        Args:
            symbol: Pair.
            borrow_id: One loan, by the id the records show.
            start_time: Unix ms, included; 90 days back when not given, 0 for all there is.
            end_time: Unix ms, included; now when not given.
            n: Rows of one reply, 1 to 100, 100 when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Get Borrow Record (Isolated)".
        """
        return self._iter(
            BORROW_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            borrow_id=borrow_id,
            n=n,
        )

    async def get_margin_repay_record_v1(
        self,
        symbol: str,
        *,
        repay_id: str | None = None,
        currency: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        n: int | None = None,
    ) -> RepayRecords:
        """Repayments of a pair. Their time is sent in seconds or ms: use ``repay_time_ms``.

        Args:
            symbol: Pair.
            repay_id: One repayment.
            currency: One coin of the pair.
            start_time: Unix ms.
            end_time: Unix ms.
            n: The newest rows, 1 to 100, 50 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Get Repayment Record (Isolated)". 150 calls per 2 s per key.
        """
        return await self._call(
            REPAY_RECORD,
            symbol=symbol,
            repay_id=repay_id,
            currency=currency,
            start_time=start_time,
            end_time=end_time,
            n=n,
        )

    def iter_margin_repay_record_v1(
        self,
        symbol: str,
        *,
        repay_id: str | None = None,
        currency: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        n: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[RepayRecord]:
        """Repayments of a pair of any span, oldest first, each once.

        Args:
            symbol: Pair.
            repay_id: One repayment.
            currency: One coin of the pair.
            start_time: Unix ms, included; 90 days back when not given, 0 for all there is.
            end_time: Unix ms, included; now when not given.
            n: Rows of one reply, 1 to 100, 100 when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Get Repayment Record (Isolated)".
        """
        return self._iter(
            REPAY_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            repay_id=repay_id,
            currency=currency,
            n=n,
        )

    async def get_margin_borrowing_rates_v1(self, *, symbol: str | None = None) -> MarginPairs:
        """What borrowing costs, and how much this account may still borrow.

        Args:
            symbol: One pair, or several with commas between them; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Get Trading Pair Borrowing Rate and Amount". 2 calls per 2 s per key.
        """
        return await self._call(MARGIN_PAIRS, symbol=symbol)
