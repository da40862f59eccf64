"""Spot algo orders: take-profit, stop-loss and plan orders (v4).

Their ids live in a space of their own: the other spot calls do not find them. Submit and cancel take
snake_case, the queries camelCase, all of v4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import AlgoOrderType, AlgoTriggerType, QueryState, Side
from bitmart_async.models.spot import CancelAck, SpotAlgoOrder, SpotOrderAck
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, Windowed, as_is, days
from bitmart_async.rest.params import Amount, Choice, Text, Whole, client_order_id, spot_symbol
from bitmart_async.rest.section import Section
from bitmart_async.rest.spot_trading import order_rules, recv_window, time_window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.rest.iterate import History
    from bitmart_async.rest.spot_trading import Money

__all__ = ["SpotAlgo"]


def _algo_rules(given: Mapping[str, object]) -> None:
    """A trigger, and what the order sent then needs."""
    missing = [f"{name}=" for name in ("trigger_price", "trigger_type") if name not in given]
    if missing:
        raise ParameterError(f"an algo order needs {' and '.join(missing)}")
    if given["trigger_type"] == AlgoTriggerType.MARKET and "price" in given:
        raise ParameterError("price= is for trigger_type limit; a market order takes the price it finds")
    order_rules({**given, "type": given["trigger_type"]})


_KEY_10 = Quota(10, scope=Scope.KEY)
_KEY_20 = Quota(20, scope=Scope.KEY)
_KEY_40 = Quota(40, scope=Scope.KEY)

_LIST = (
    spot_symbol(),
    Choice("orderMode", AlgoOrderType),
    Whole("startTime", low=0),
    Whole("endTime", low=0),
    Whole("limit", low=1, high=200),
    recv_window(),
)

ALGO_SUBMIT_ORDER = Endpoint(
    "spot.algo_submit_order",
    "POST",
    "/spot/v4/algo/submit_order",
    Auth.SIGNED,
    _KEY_10,
    returns=SpotOrderAck,
    effect=Effect.ORDER,
    own_id="client_order_id",
    rules=_algo_rules,
    params=(
        spot_symbol(required=True),
        Choice("side", Side, required=True),
        Choice("type", AlgoOrderType, required=True),
        client_order_id(),
        Amount("trigger_price"),
        Choice("trigger_type", AlgoTriggerType),
        Amount("price"),
        Amount("notional"),
        Amount("size"),
    ),
)
ALGO_CANCEL_ORDER = Endpoint(
    "spot.algo_cancel_order",
    "POST",
    "/spot/v4/algo/cancel_order",
    Auth.SIGNED,
    _KEY_10,
    returns=CancelAck,
    effect=Effect.ORDER,
    params=(
        spot_symbol(required=True),
        Text("order_id", required=True),
        Choice("type", AlgoOrderType, required=True),
    ),
)
ALGO_CANCEL_ALL = Endpoint(
    "spot.algo_cancel_all",
    "POST",
    "/spot/v4/algo/cancel_all",
    Auth.SIGNED,
    Quota(5, scope=Scope.KEY),
    returns=type(None),
    effect=Effect.ORDER,
    params=(Choice("type", AlgoOrderType, required=True), spot_symbol()),
)
ALGO_QUERY_ORDER = Endpoint(
    "spot.algo_query_order",
    "POST",
    "/spot/v4/query/algo/order",
    Auth.SIGNED,
    _KEY_40,
    returns=SpotAlgoOrder,
    params=(Text("orderId", required=True), Choice("queryState", QueryState), recv_window()),
)
ALGO_QUERY_CLIENT_ORDER = Endpoint(
    "spot.algo_query_client_order",
    "POST",
    "/spot/v4/query/algo/client-order",
    Auth.SIGNED,
    _KEY_40,
    returns=SpotAlgoOrder,
    params=(Text("clientOrderId", required=True), Choice("queryState", QueryState), recv_window()),
)
ALGO_OPEN_ORDERS = Endpoint(
    "spot.algo_open_orders",
    "POST",
    "/spot/v4/query/algo/open-orders",
    Auth.SIGNED,
    _KEY_20,
    returns=list[SpotAlgoOrder],
    params=_LIST,
    rules=time_window,
)
ALGO_HISTORY_ORDERS = Endpoint(
    "spot.algo_history_orders",
    "POST",
    "/spot/v4/query/algo/history-orders",
    Auth.SIGNED,
    _KEY_20,
    returns=list[SpotAlgoOrder],
    params=_LIST,
    rules=time_window,
)


def _windows(endpoint: Endpoint[list[SpotAlgoOrder]]) -> Windowed[list[SpotAlgoOrder], SpotAlgoOrder]:
    return Windowed(
        endpoint=endpoint,
        rows=as_is,
        at=lambda row: row.create_time,
        key=lambda row: row.order_id,
        unit=1,
        cap=200,
        size="limit",
        span=days(7),
        lookback=days(7),
        too_wide=frozenset({50041}),
    )


ALGO_OPEN_WINDOWS = _windows(ALGO_OPEN_ORDERS)
ALGO_HISTORY_WINDOWS = _windows(ALGO_HISTORY_ORDERS)


class SpotAlgo(Section):
    """Spot orders that wait for a price. New in 2026; their quotas are known from another client only.

    Calls that place or cancel are sent at most once and raise :class:`OrderFateUnknown` when their
    answer is lost: ask ``resolve_order(error)``. All calls raise CredentialsMissing without keys.
    """

    async def submit_spot_algo_order_v4(
        self,
        symbol: str,
        *,
        side: Side | str,
        type: AlgoOrderType | str,
        trigger_price: Money | None = None,
        trigger_type: AlgoTriggerType | str | None = None,
        size: Money | None = None,
        price: Money | None = None,
        notional: Money | None = None,
        client_order_id: str | None = None,
    ) -> SpotOrderAck:
        """Place one order that is sent when the price is reached. Never repeated.

        Whether a tp/sl order takes profit or stops a loss follows from ``side`` and from where
        ``trigger_price`` lies. One order has one leg: there is no pair of which one cancels the other.

        Args:
            symbol: Pair, like BTC_USDT.
            side: buy or sell.
            type: tp/sl or trigger.
            trigger_price: Quote currency: the price that sets it off.
            trigger_type: limit or market: the order sent then.
            size: Base currency. For limit and a market sell.
            price: Quote currency. For limit.
            notional: Quote currency to spend. For a market buy.
            client_order_id: Your own id, 1 to 32 letters and digits; made when not given.

        Raises:
            ParameterError: The order is refused here; nothing was sent. The exchange calls the trigger
                conditionally required without naming the conditions; it is always asked for here,
                unless the client was made with strict_param_validation=False.
            InsufficientFunds: The balance is too low (50020).
            OrderRejected: A trading rule refuses it (50006 to 50009, 51011, 51012 and others).
            AlreadyExists: The client order id was used before (50042).
            OrderFateUnknown: The answer was lost.

        Source: official Python SDK 2.8.0, v4_algo_submit_order. 10 calls per 2 s per key.
        """
        return await self._call(
            ALGO_SUBMIT_ORDER,
            symbol=symbol,
            side=side,
            type=type,
            trigger_price=trigger_price,
            trigger_type=trigger_type,
            size=size,
            price=price,
            notional=notional,
            client_order_id=client_order_id,
        )

    async def cancel_spot_algo_order_v4(
        self, symbol: str, *, order_id: str, type: AlgoOrderType | str
    ) -> CancelAck:
        """Cancel one algo order.

        Args:
            symbol: Pair, like BTC_USDT.
            order_id: The exchange's id; a client order id is not documented here.
            type: tp/sl or trigger, as the order was placed.

        Raises:
            OrderNotFound: No such order (50005).
            OrderStateConflict: It is already final (50030, 50032) or cannot be cancelled now (50036).
            OrderFateUnknown: The answer was lost; the order may or may not be cancelled.

        Sent at most once.

        Source: official Python SDK 2.8.0, v4_algo_cancel_order. 10 calls per 2 s per key.
        """
        return await self._call(ALGO_CANCEL_ORDER, symbol=symbol, order_id=order_id, type=type)

    async def cancel_all_spot_algo_orders_v4(
        self, type: AlgoOrderType | str, *, symbol: str | None = None
    ) -> None:
        """Cancel every algo order of one kind: of a pair, or of the whole account.

        Args:
            type: tp/sl or trigger; clearing both kinds takes two calls.
            symbol: Pair; every pair when not given.

        Raises:
            OrderFateUnknown: The answer was lost. A repeat would also hit orders placed since.

        Sent at most once.

        Source: official Python SDK 2.8.0, v4_algo_cancel_all. 5 calls per 2 s per key.
        """
        return await self._call(ALGO_CANCEL_ALL, type=type, symbol=symbol)

    async def get_spot_algo_order_by_id_v4(
        self, order_id: str, *, query_state: QueryState | str | None = None, recv_window: int | None = None
    ) -> SpotAlgoOrder:
        """One algo order by the exchange's id.

        Args:
            order_id: The exchange's id.
            query_state: open or history; both (slower) when not given.
            recv_window: ms the call may be late, 1 to 60000.

        Raises:
            OrderNotFound: No such algo order (50005).

        A read: repeated when its answer is lost.

        Source: official Python SDK 2.8.0, v4_query_algo_order_by_id. 40 calls per 2 s per key.
        """
        return await self._call(
            ALGO_QUERY_ORDER, order_id=order_id, query_state=query_state, recv_window=recv_window
        )

    async def get_spot_algo_order_by_client_order_id_v4(
        self,
        client_order_id: str,
        *,
        query_state: QueryState | str | None = None,
        recv_window: int | None = None,
    ) -> SpotAlgoOrder:
        """One algo order by your own id.

        Args:
            client_order_id: Your own id.
            query_state: open or history; both (slower) when not given.
            recv_window: ms the call may be late, 1 to 60000.

        Raises:
            OrderNotFound: No such algo order (50005).

        A read: repeated when its answer is lost.

        Source: official Python SDK 2.8.0, v4_query_algo_order_by_client_id. 40 calls per 2 s per key.
        """
        return await self._call(
            ALGO_QUERY_CLIENT_ORDER,
            client_order_id=client_order_id,
            query_state=query_state,
            recv_window=recv_window,
        )

    async def get_spot_algo_open_orders_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: AlgoOrderType | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
    ) -> list[SpotAlgoOrder]:
        """Waiting algo orders. How far back they go without times is not documented.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: tp/sl or trigger; both when not given. Not spot or iso_margin as in other calls.
            start_time: Unix ms.
            end_time: Unix ms.
            limit: Rows, 1 to 200, 200 when not given. There is no cursor.
            recv_window: ms the call may be late, 1 to 60000.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, v4_query_algo_open_orders. 20 calls per 2 s per key.
        """
        return await self._call(
            ALGO_OPEN_ORDERS,
            symbol=symbol,
            order_mode=order_mode,
            start_time=start_time,
            end_time=end_time,
            limit=limit,
            recv_window=recv_window,
        )

    def iter_spot_algo_open_orders_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: AlgoOrderType | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SpotAlgoOrder]:
        """Waiting algo orders, however many, oldest first. Those older than 7 days need start_time.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: tp/sl or trigger; both when not given. Not spot or iso_margin as in other calls.
            start_time: Unix ms, included; 7 days back when not given, 0 for all there is.
            end_time: Unix ms, included; now when not given.
            limit: Rows of one reply, 1 to 200, 200 when not given.
            recv_window: ms the call may be late, 1 to 60000.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, v4_query_algo_open_orders.
        """
        return self._iter(
            ALGO_OPEN_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            order_mode=order_mode,
            limit=limit,
            recv_window=recv_window,
        )

    async def get_spot_algo_history_orders_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: AlgoOrderType | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
    ) -> list[SpotAlgoOrder]:
        """Finished algo orders. How far back they go without times is not documented.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: tp/sl or trigger; both when not given. Not spot or iso_margin as in other calls.
            start_time: Unix ms.
            end_time: Unix ms.
            limit: Rows, 1 to 200, 200 when not given. There is no cursor.
            recv_window: ms the call may be late, 1 to 60000.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, v4_query_algo_history_orders. 20 calls per 2 s per key.
        """
        return await self._call(
            ALGO_HISTORY_ORDERS,
            symbol=symbol,
            order_mode=order_mode,
            start_time=start_time,
            end_time=end_time,
            limit=limit,
            recv_window=recv_window,
        )

    def iter_spot_algo_history_orders_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: AlgoOrderType | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SpotAlgoOrder]:
        """Finished algo orders of any span, oldest first by ``create_time``, each once.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: tp/sl or trigger; both when not given. Not spot or iso_margin as in other calls.
            start_time: Unix ms, included; 7 days back when not given, 0 for all there is.
            end_time: Unix ms, included; now when not given.
            limit: Rows of one reply, 1 to 200, 200 when not given.
            recv_window: ms the call may be late, 1 to 60000.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, v4_query_algo_history_orders.
        """
        return self._iter(
            ALGO_HISTORY_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            order_mode=order_mode,
            limit=limit,
            recv_window=recv_window,
        )
