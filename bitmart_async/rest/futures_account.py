"""The futures account: balances, positions, modes, leverage, fees and its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bitmart_async.models.enums import AccountKind, FlowType, MarginMode, PositionMode
from bitmart_async.models.futures import (
    FuturesAsset,
    FuturesTradeFee,
    FuturesTransaction,
    LeverageAck,
    Position,
    PositionModeReply,
    PositionRisk,
    PositionV2,
)
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.futures_market import contract
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, Windowed, as_is, days
from bitmart_async.rest.params import Amount, Choice, Whole
from bitmart_async.rest.section import Section
from bitmart_async.rest.spot_trading import time_window

if TYPE_CHECKING:
    from decimal import Decimal

    from bitmart_async.rest.iterate import History

    Money: TypeAlias = Decimal | int | str

__all__ = ["FuturesAccount"]

_POSITIONS = Quota(6, scope=Scope.KEY)
_OF_ACCOUNT = (contract(), Choice("account", AccountKind))

ASSETS = Endpoint(
    "futures.get_account_assets",
    "GET",
    "/contract/private/assets-detail",
    Auth.KEYED,
    Quota(12, scope=Scope.KEY),
    returns=list[FuturesAsset],
)
TRADE_FEE_RATE = Endpoint(
    "futures.get_trade_fee_rate",
    "GET",
    "/contract/private/trade-fee-rate",
    Auth.KEYED,
    Quota(2, scope=Scope.KEY),
    returns=FuturesTradeFee,
    params=(contract(required=True),),
)
POSITIONS = Endpoint(
    "futures.get_positions",
    "GET",
    "/contract/private/position",
    Auth.KEYED,
    _POSITIONS,
    returns=list[Position],
    params=_OF_ACCOUNT,
)
POSITIONS_V2 = Endpoint(
    "futures.get_positions_v2",
    "GET",
    "/contract/private/position-v2",
    Auth.KEYED,
    _POSITIONS,
    returns=list[PositionV2],
    params=_OF_ACCOUNT,
)
POSITION_RISK = Endpoint(
    "futures.get_position_risk",
    "GET",
    "/contract/private/position-risk",
    Auth.KEYED,
    Quota(24, scope=Scope.KEY),
    returns=list[PositionRisk],
    params=_OF_ACCOUNT,
)
GET_POSITION_MODE = Endpoint(
    "futures.get_position_mode",
    "GET",
    "/contract/private/get-position-mode",
    Auth.KEYED,
    Quota(2, scope=Scope.KEY),
    returns=PositionModeReply,
)
SET_POSITION_MODE = Endpoint(
    "futures.set_position_mode",
    "POST",
    "/contract/private/set-position-mode",
    Auth.SIGNED,
    Quota(2, scope=Scope.KEY),
    returns=PositionModeReply,
    effect=Effect.CHANGE,
    params=(Choice("position_mode", PositionMode, required=True),),
)
SET_LEVERAGE = Endpoint(
    "futures.set_leverage",
    "POST",
    "/contract/private/submit-leverage",
    Auth.SIGNED,
    Quota(24, scope=Scope.KEY),
    returns=LeverageAck,
    effect=Effect.CHANGE,
    params=(contract(required=True), Amount("leverage"), Choice("open_type", MarginMode, required=True)),
)
TRANSACTIONS = Endpoint(
    "futures.get_transaction_history",
    "GET",
    "/contract/private/transaction-history",
    Auth.KEYED,
    _POSITIONS,
    returns=list[FuturesTransaction],
    rules=time_window,
    params=(
        contract(),
        Choice("flow_type", FlowType),
        Choice("account", AccountKind),
        Whole("start_time", low=0),
        Whole("end_time", low=0),
        Whole("page_size", low=1, high=1000),
    ),
)

TRANSACTION_WINDOWS: Windowed[list[FuturesTransaction], FuturesTransaction] = Windowed(
    endpoint=TRANSACTIONS,
    rows=as_is,
    at=lambda row: row.time,
    key=None,
    unit=1,
    cap=1000,
    size="page_size",
    span=days(7),
    lookback=days(7),
    too_wide=frozenset({40039}),
)


class FuturesAccount(Section):
    """The futures account. All calls raise CredentialsMissing without keys."""

    async def get_futures_account_assets(self) -> list[FuturesAsset]:
        """Futures balances, one row per coin, unused coins included.

        Raises:
            AccountUnavailable: Futures trading is not opened for the account (40046).

        A read: repeated when its answer is lost.

        Source: futures V2 docs, "Get Contract Assets". 12 calls per 2 s per key.
        """
        return await self._call(ASSETS)

    async def get_futures_trade_fee_rate(self, symbol: str) -> FuturesTradeFee:
        """Fee rates of one contract.

        Args:
            symbol: Contract, like BTCUSDT.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Trade Fee Rate". 2 calls per 2 s per key.
        """
        return await self._call(TRADE_FEE_RATE, symbol=symbol)

    async def get_futures_account_positions(
        self,
        symbol: str | None = None,
        *,
        account: AccountKind | str | None = None,
    ) -> list[Position]:
        """Positions, older form: no liquidation price.

        Args:
            symbol: Contract; all when not given.
            account: futures or copy_trading; futures when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Current Position". 6 calls per 2 s per key.
        """
        return await self._call(POSITIONS, symbol=symbol, account=account)

    async def get_futures_account_positions_v2(
        self,
        symbol: str | None = None,
        *,
        account: AccountKind | str | None = None,
    ) -> list[PositionV2]:
        """Positions with liquidation price. With a symbol, rows come even when flat: test current_amount.

        Args:
            symbol: Contract; only those with a position when not given.
            account: futures or copy_trading; futures when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Current Position V2". 6 calls per 2 s per key.
        """
        return await self._call(POSITIONS_V2, symbol=symbol, account=account)

    async def get_position_risk_details(
        self,
        symbol: str | None = None,
        *,
        account: AccountKind | str | None = None,
    ) -> list[PositionRisk]:
        """Risk figures of positions.

        Args:
            symbol: Contract; all when not given.
            account: futures or copy_trading; futures when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Current Position Risk Details". 24 calls per 2 s per key.
        """
        return await self._call(POSITION_RISK, symbol=symbol, account=account)

    async def get_position_mode(self) -> PositionModeReply:
        """Hedge or one-way mode of the account.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Position Mode". 2 calls per 2 s per key.
        """
        return await self._call(GET_POSITION_MODE)

    async def set_position_mode(self, position_mode: PositionMode | str) -> PositionModeReply:
        """Switch the whole account between hedge and one-way mode.

        Args:
            position_mode: hedge_mode or one_way_mode.

        Raises:
            ApiError: A position or an order is open (40059).
            OutcomeUnknown: The answer was lost; read get_position_mode.

        Sent at most once.

        Source: futures V2 docs, "Set Position Mode". 2 calls per 2 s per key.
        """
        return await self._call(SET_POSITION_MODE, position_mode=position_mode)

    async def set_futures_leverage(
        self,
        symbol: str,
        *,
        open_type: MarginMode | str,
        leverage: Money | None = None,
    ) -> LeverageAck:
        """Set leverage and margin mode of a contract; there is no separate call for the mode.

        Args:
            symbol: Contract, like BTCUSDT.
            open_type: cross or isolated.
            leverage: How many times; what happens without it is unverified.

        Raises:
            ApiError: An open position or order has other settings (40012 or 40040).
            OutcomeUnknown: The answer was lost; setting the same again is harmless.

        Sent at most once.

        Source: futures V2 docs, "Submit Leverage". 24 calls per 2 s per key.
        """
        return await self._call(SET_LEVERAGE, symbol=symbol, leverage=leverage, open_type=open_type)

    async def get_futures_account_transaction_history(
        self,
        *,
        symbol: str | None = None,
        flow_type: FlowType | int | None = None,
        account: AccountKind | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        page_size: int | None = None,
    ) -> list[FuturesTransaction]:
        """Changes of the futures balance, the last 7 days when no time is given. There is no cursor.

        Args:
            symbol: Contract; all when not given.
            flow_type: Kind of record; all when not given.
            account: futures or copy_trading; futures when not given.
            start_time: Unix MILLISECONDS, unlike order history and trades.
            end_time: Unix MILLISECONDS.
            page_size: Rows, 1 to 1000, 100 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Transaction History". 6 calls per 2 s per key.
        """
        return await self._call(
            TRANSACTIONS,
            symbol=symbol,
            flow_type=flow_type,
            account=account,
            start_time=start_time,
            end_time=end_time,
            page_size=page_size,
        )

    def iter_futures_account_transaction_history(
        self,
        *,
        symbol: str | None = None,
        flow_type: FlowType | int | None = None,
        account: AccountKind | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        page_size: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesTransaction]:
        """Changes of the futures balance of any span, oldest first. Rows have no id: equal ones all come.

        Args:
            symbol: Contract; all when not given.
            flow_type: Kind of record; all when not given.
            account: futures or copy_trading; futures when not given.
            start_time: Unix MILLISECONDS, included; 7 days back when not given, 0 for all there is.
            end_time: Unix MILLISECONDS, included; now when not given.
            page_size: Rows of one reply, 1 to 1000, 1000 when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get Transaction History".
        """
        return self._iter(
            TRANSACTION_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            flow_type=flow_type,
            account=account,
            page_size=page_size,
        )
