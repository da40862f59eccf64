"""Spot orders: submit (v2, batch v4), cancel (v3, v4) and query (v4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import OrderMode, OrderType, QueryState, Side, StpMode
from bitmart_async.models.spot import (
    BatchOrderAck,
    CancelAck,
    CancelOrdersAck,
    SpotOrder,
    SpotOrderAck,
    SpotOrderRequest,
    SpotTrade,
)
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, Windowed, as_is, days
from bitmart_async.rest.params import Amount, Choice, Rows, Text, Texts, Whole, client_order_id, spot_symbol
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from bitmart_async.rest.iterate import History

    Money: TypeAlias = Decimal | int | str

__all__ = ["SpotTrading"]


def order_rules(given: Mapping[str, object]) -> None:
    """Price, size and notional as the order type wants them."""
    kind, side = str(given.get("type")), str(given.get("side"))
    if kind == "market":
        wanted, refused = ("notional", "size") if side == "buy" else ("size", "notional")
        if refused in given:
            why = (
                "a spot market buy spends quote currency: pass notional= (the amount to spend) "
                "instead of size="
                if side == "buy"
                else "a spot market sell sells base currency: pass size= instead of notional="
            )
            raise ParameterError(why)
        if wanted not in given:
            raise ParameterError(f"a spot market {side} needs {wanted}=")
        if "price" in given:
            raise ParameterError("a market order has no price=; use type='limit' or 'ioc' to bound the price")
        return
    if "price" not in given or "size" not in given:
        missing = [name for name in ("price", "size") if name not in given]
        raise ParameterError(f"a {kind} order needs {' and '.join(name + '=' for name in missing)}")
    if "notional" in given:
        raise ParameterError(f"notional= is for market buys; a {kind} order takes price= and size=")


def _one_id(given: Mapping[str, object]) -> None:
    if ("order_id" in given) == ("client_order_id" in given):
        raise ParameterError(
            "give exactly one of order_id= and client_order_id= "
            "(to cancel all orders use cancel_all_spot_orders)"
        )


def _one_list(given: Mapping[str, object]) -> None:
    if ("order_ids" in given) == ("client_order_ids" in given):
        raise ParameterError(
            "give exactly one of order_ids= and client_order_ids= "
            "(to cancel all orders use cancel_all_spot_orders)"
        )


def time_window(given: Mapping[str, object]) -> None:
    """Start before end, both in milliseconds."""
    start, end = given.get("start_time"), given.get("end_time")
    for name, value in (("start_time", start), ("end_time", end)):
        if isinstance(value, int) and 0 < value < 100_000_000_000:
            raise ParameterError(f"{name}={value} looks like seconds; this endpoint takes Unix milliseconds")
    if isinstance(start, int) and isinstance(end, int) and start > end:
        raise ParameterError(f"start_time={start} must not be later than end_time={end}")


def recv_window() -> Whole:
    """How late a call may arrive, ms."""
    return Whole("recvWindow", low=1, high=60000)


_UID = Quota(40, scope=Scope.UID)
_QUERY = Quota(50, scope=Scope.KEY)
_LIST = Quota(12, scope=Scope.KEY)

_HISTORY = (
    spot_symbol(),
    Choice("orderMode", OrderMode),
    Whole("startTime", low=0),
    Whole("endTime", low=0),
    Whole("limit", low=1, high=200),
    recv_window(),
)

SUBMIT_ORDER = Endpoint(
    "spot.submit_order",
    "POST",
    "/spot/v2/submit_order",
    Auth.SIGNED,
    _UID,
    returns=SpotOrderAck,
    effect=Effect.ORDER,
    own_id="client_order_id",
    rules=order_rules,
    params=(
        spot_symbol(required=True),
        Choice("side", Side, required=True),
        Choice("type", OrderType, required=True),
        client_order_id(),
        Amount("size"),
        Amount("price"),
        Amount("notional"),
        Choice("stpMode", StpMode),
    ),
)
BATCH_ORDERS = Endpoint(
    "spot.batch_orders_v4",
    "POST",
    "/spot/v4/batch_orders",
    Auth.SIGNED,
    _UID,
    returns=BatchOrderAck,
    effect=Effect.ORDER,
    own_id="order_params.client_order_id",
    inner=True,
    params=(
        spot_symbol(required=True),
        Rows(
            "orderParams",
            (
                Choice("side", Side, required=True),
                Choice("type", OrderType, required=True),
                client_order_id("clientOrderId"),
                Amount("size"),
                Amount("price"),
                Amount("notional"),
                Choice("stpMode", StpMode),
            ),
            required=True,
            most=10,
            rules=order_rules,
        ),
        recv_window(),
    ),
)
CANCEL_ORDER = Endpoint(
    "spot.cancel_order",
    "POST",
    "/spot/v3/cancel_order",
    Auth.SIGNED,
    _UID,
    returns=CancelAck,
    effect=Effect.ORDER,
    rules=_one_id,
    params=(spot_symbol(required=True), Text("order_id"), client_order_id()),
)
CANCEL_ORDERS = Endpoint(
    "spot.cancel_orders_v4",
    "POST",
    "/spot/v4/cancel_orders",
    Auth.SIGNED,
    _UID,
    returns=CancelOrdersAck,
    effect=Effect.ORDER,
    rules=_one_list,
    params=(
        spot_symbol(required=True),
        Texts("orderIds", most=10),
        Texts("clientOrderIds", most=10),
        recv_window(),
    ),
)
CANCEL_ALL = Endpoint(
    "spot.cancel_all",
    "POST",
    "/spot/v4/cancel_all",
    Auth.SIGNED,
    Quota(1, 3, Scope.UID),
    returns=type(None),
    effect=Effect.ORDER,
    params=(spot_symbol(), Choice("side", Side)),
)
QUERY_ORDER = Endpoint(
    "spot.query_order",
    "POST",
    "/spot/v4/query/order",
    Auth.SIGNED,
    _QUERY,
    returns=SpotOrder,
    params=(Text("orderId", required=True), Choice("queryState", QueryState), recv_window()),
)
QUERY_CLIENT_ORDER = Endpoint(
    "spot.query_client_order",
    "POST",
    "/spot/v4/query/client-order",
    Auth.SIGNED,
    _QUERY,
    returns=SpotOrder,
    params=(Text("clientOrderId", required=True), Choice("queryState", QueryState), recv_window()),
)
OPEN_ORDERS = Endpoint(
    "spot.open_orders",
    "POST",
    "/spot/v4/query/open-orders",
    Auth.SIGNED,
    _LIST,
    returns=list[SpotOrder],
    params=_HISTORY,
    rules=time_window,
)
HISTORY_ORDERS = Endpoint(
    "spot.history_orders",
    "POST",
    "/spot/v4/query/history-orders",
    Auth.SIGNED,
    _LIST,
    returns=list[SpotOrder],
    params=_HISTORY,
    rules=time_window,
)
ACCOUNT_TRADES = Endpoint(
    "spot.trades",
    "POST",
    "/spot/v4/query/trades",
    Auth.SIGNED,
    _LIST,
    returns=list[SpotTrade],
    params=_HISTORY,
    rules=time_window,
)
ORDER_TRADES = Endpoint(
    "spot.order_trades",
    "POST",
    "/spot/v4/query/order-trades",
    Auth.SIGNED,
    _LIST,
    returns=list[SpotTrade],
    params=(Text("orderId", required=True), recv_window()),
)


def _order_windows(
    endpoint: Endpoint[list[SpotOrder]],
    *,
    doubts: tuple[int, ...] = (),
) -> Windowed[list[SpotOrder], SpotOrder]:
    return Windowed(
        endpoint=endpoint,
        rows=as_is,
        at=lambda row: row.create_time,
        key=lambda row: row.order_id,
        unit=1,
        cap=200,
        size="limit",
        doubts=doubts,
        span=days(7),
        lookback=days(7),
        too_wide=_WIDE,
    )


_WIDE = frozenset({50041})  # the widest window is not documented: what is refused is asked for in halves
OPEN_ORDER_WINDOWS = _order_windows(OPEN_ORDERS, doubts=(100,))
HISTORY_ORDER_WINDOWS = _order_windows(HISTORY_ORDERS)
ACCOUNT_TRADE_WINDOWS: Windowed[list[SpotTrade], SpotTrade] = Windowed(
    endpoint=ACCOUNT_TRADES,
    rows=as_is,
    at=lambda row: row.create_time,
    key=lambda row: (row.trade_id, row.order_id),  # both sides of a self-trade may share one trade id
    unit=1,
    cap=200,
    size="limit",
    span=days(7),
    lookback=days(7),
    too_wide=_WIDE,
)


class SpotTrading(Section):
    """Spot orders.

    Calls that place or cancel are sent at most once. When their answer is lost they raise
    :class:`OrderFateUnknown`: ask ``resolve_order(error)``. Queries are reads and are repeated,
    although the exchange takes them as POST. All calls raise CredentialsMissing without keys.
    """

    async def submit_spot_order_v2(
        self,
        symbol: str,
        *,
        side: Side | str,
        type: OrderType | str,
        size: Money | None = None,
        price: Money | None = None,
        notional: Money | None = None,
        client_order_id: str | None = None,
        stp_mode: StpMode | str | None = None,
    ) -> SpotOrderAck:
        """Place one order. Never repeated: a lost answer may hide a live order.

        Args:
            symbol: Pair, like BTC_USDT.
            side: buy or sell.
            type: limit, limit_maker (post-only), ioc or market.
            size: Base currency. For limit, limit_maker, ioc and a market sell.
            price: Quote currency. For limit, limit_maker and ioc.
            notional: Quote currency to spend. For a market buy.
            client_order_id: Your own id, 1 to 32 letters and digits; made when not given.
            stp_mode: Self-trade prevention. Sources disagree about the default: send it when it matters.

        Raises:
            ParameterError: The order is refused here; nothing was sent.
            InsufficientFunds: The balance is too low (50020).
            OrderRejected: A trading rule refuses it (50006 to 50009, 51011, 51012 and others).
            AlreadyExists: The client order id was used before (50042).
            OrderFateUnknown: The answer was lost.

        A limit_maker that would match at once is accepted and then cancelled by the system.

        Source: spot docs, "New Order (v2)". 40 calls per 2 s per account.
        """
        return await self._call(
            SUBMIT_ORDER,
            symbol=symbol,
            side=side,
            type=type,
            size=size,
            price=price,
            notional=notional,
            client_order_id=client_order_id,
            stp_mode=stp_mode,
        )

    async def submit_spot_batch_orders_v4(
        self,
        symbol: str,
        *,
        order_params: Sequence[SpotOrderRequest | Mapping[str, object]],
        recv_window: int | None = None,
    ) -> BatchOrderAck:
        """Place 1 to 10 orders of one pair. Each is judged by itself; never repeated.

        ``results`` has one entry per order, in the order given: its client order id and its fate. The
        exchange names only the orders it took, so when some are missing the fate of each is UNKNOWN: they
        stay in ``pending_orders``, and ``resolve_order(symbol=, client_order_id=)`` tells, one by one.
        Every error has ``results`` as well, unless the call was refused here before it was tried.

        Args:
            symbol: Pair, like BTC_USDT.
            order_params: SpotOrderRequest or mappings with the same keys.
            recv_window: ms the call may be late, 1 to 60000.

        Raises:
            ParameterError: An order is refused here; nothing was sent.
            ApiError: The exchange refused the batch.
            OrderFateUnknown: The answer was lost: each order of it is open in ``pending_orders``.

        Source: spot docs, "New Batch Order (v4)". 40 calls per 2 s per account.
        """
        return await self._call(
            BATCH_ORDERS, symbol=symbol, order_params=order_params, recv_window=recv_window
        )

    async def cancel_spot_order_v3(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> CancelAck:
        """Cancel one order. ``result`` False: it was already filled or cancelled.

        Args:
            symbol: Pair, like BTC_USDT.
            order_id: The exchange's id; this or client_order_id.
            client_order_id: Your own id; this or order_id.

        Raises:
            OrderNotFound: No such order (50005).
            OrderStateConflict: It is already final (50030 to 50032).
            OrderFateUnknown: The answer was lost; the order may or may not be cancelled.

        Sent at most once.

        Source: spot docs, "Cancel Order (v3)". 40 calls per 2 s per account.
        """
        return await self._call(
            CANCEL_ORDER, symbol=symbol, order_id=order_id, client_order_id=client_order_id
        )

    async def cancel_spot_batch_orders_v4(
        self,
        symbol: str,
        *,
        order_ids: Sequence[str] | None = None,
        client_order_ids: Sequence[str] | None = None,
        recv_window: int | None = None,
    ) -> CancelOrdersAck:
        """Cancel up to 10 orders of one pair. The call succeeds even when every id fails: read fail_ids.

        Args:
            symbol: Pair, like BTC_USDT.
            order_ids: The exchange's ids; this or client_order_ids.
            client_order_ids: Your own ids; this or order_ids.
            recv_window: ms the call may be late, 1 to 60000.

        Raises:
            ParameterError: No ids, both kinds, or more than 10; nothing was sent.
            ApiError: The exchange refused the whole call; nothing was cancelled.
            OrderFateUnknown: The answer was lost; each order may or may not be cancelled.

        Sent at most once.

        Source: spot docs, "Cancel Batch Order (v4)". 40 calls per 2 s per account.
        """
        return await self._call(
            CANCEL_ORDERS,
            symbol=symbol,
            order_ids=order_ids,
            client_order_ids=client_order_ids,
            recv_window=recv_window,
        )

    async def cancel_all_spot_orders(
        self, *, symbol: str | None = None, side: Side | str | None = None
    ) -> None:
        """Cancel every open order: of a pair, of a side, or of the whole account when neither is given.

        Args:
            symbol: Pair; every pair when not given.
            side: buy or sell; both when not given.

        Raises:
            OrderFateUnknown: The answer was lost. A repeat would also hit orders placed since.

        Sent at most once.

        Source: spot docs, "Cancel All Order (v4)". 1 call per 3 s per account.
        """
        return await self._call(CANCEL_ALL, symbol=symbol, side=side)

    async def get_spot_order_by_id_v4(
        self,
        order_id: str,
        *,
        query_state: QueryState | str | None = None,
        recv_window: int | None = None,
    ) -> SpotOrder:
        """One order by the exchange's id. One cancelled without a fill is gone after about 20 minutes.

        Args:
            order_id: The exchange's id.
            query_state: open or history; both (slower) when not given.
            recv_window: ms the call may be late, 1 to 60000.

        Raises:
            OrderNotFound: No such order (50005).

        A read: repeated when its answer is lost.

        Source: spot docs, "Query Order By Id (v4)". 50 calls per 2 s per key.
        """
        return await self._call(
            QUERY_ORDER, order_id=order_id, query_state=query_state, recv_window=recv_window
        )

    async def get_spot_order_by_client_order_id_v4(
        self,
        client_order_id: str,
        *,
        query_state: QueryState | str | None = None,
        recv_window: int | None = None,
    ) -> SpotOrder:
        """One order by your own id. One cancelled without a fill is gone after about 20 minutes.

        Args:
            client_order_id: Your own id.
            query_state: open or history; both (slower) when not given.
            recv_window: ms the call may be late, 1 to 60000.

        Raises:
            OrderNotFound: No such order (50005).

        A read: repeated when its answer is lost.

        Source: spot docs, "Query Order By clientOrderId (v4)". 50 calls per 2 s per key.
        """
        return await self._call(
            QUERY_CLIENT_ORDER,
            client_order_id=client_order_id,
            query_state=query_state,
            recv_window=recv_window,
        )

    async def get_spot_open_orders_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: OrderMode | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
    ) -> list[SpotOrder]:
        """Open orders. Without times only those of the last 7 days: older ones need start_time.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: spot or iso_margin; both when not given.
            start_time: Unix ms.
            end_time: Unix ms.
            limit: Rows, 1 to 200, 200 when not given. There is no cursor.
            recv_window: ms the call may be late, 1 to 60000.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Current Open Orders (v4)". 12 calls per 2 s per key.
        """
        return await self._call(
            OPEN_ORDERS,
            symbol=symbol,
            order_mode=order_mode,
            start_time=start_time,
            end_time=end_time,
            limit=limit,
            recv_window=recv_window,
        )

    def iter_spot_open_orders_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: OrderMode | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SpotOrder]:
        """Open orders, however many, oldest first. Orders older than 7 days need start_time.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: spot or iso_margin; both when not given.
            start_time: Unix ms, included; 7 days back when not given, 0 for all there is.
            end_time: Unix ms, included; now when not given.
            limit: Rows of one reply, 1 to 200, 200 when not given.
            recv_window: ms the call may be late, 1 to 60000.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Current Open Orders (v4)".
        """
        return self._iter(
            OPEN_ORDER_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            order_mode=order_mode,
            limit=limit,
            recv_window=recv_window,
        )

    async def get_spot_historic_orders_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: OrderMode | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
    ) -> list[SpotOrder]:
        """Finished orders, the last 7 days when no time is given.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: spot or iso_margin; both when not given.
            start_time: Unix ms.
            end_time: Unix ms.
            limit: Rows, 1 to 200, 200 when not given. There is no cursor.
            recv_window: ms the call may be late, 1 to 60000.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Account Orders (v4)". 12 calls per 2 s per key.
        """
        return await self._call(
            HISTORY_ORDERS,
            symbol=symbol,
            order_mode=order_mode,
            start_time=start_time,
            end_time=end_time,
            limit=limit,
            recv_window=recv_window,
        )

    def iter_spot_historic_orders_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: OrderMode | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SpotOrder]:
        """Finished orders of any span, oldest first by ``create_time``, each once.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: spot or iso_margin; both when not given.
            start_time: Unix ms, included; 7 days back when not given, 0 for all there is.
            end_time: Unix ms, included; now when not given.
            limit: Rows of one reply, 1 to 200, 200 when not given.
            recv_window: ms the call may be late, 1 to 60000.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Account Orders (v4)".
        """
        return self._iter(
            HISTORY_ORDER_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            order_mode=order_mode,
            limit=limit,
            recv_window=recv_window,
        )

    async def get_spot_account_trades_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: OrderMode | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
    ) -> list[SpotTrade]:
        """The account's fills, the last 7 days when no time is given.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: spot or iso_margin; both when not given.
            start_time: Unix ms.
            end_time: Unix ms.
            limit: Rows, 1 to 200, 200 when not given. There is no cursor.
            recv_window: ms the call may be late, 1 to 60000.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: spot docs, "Account Trade List (v4)". 12 calls per 2 s per key.
        """
        return await self._call(
            ACCOUNT_TRADES,
            symbol=symbol,
            order_mode=order_mode,
            start_time=start_time,
            end_time=end_time,
            limit=limit,
            recv_window=recv_window,
        )

    def iter_spot_account_trades_v4(
        self,
        *,
        symbol: str | None = None,
        order_mode: OrderMode | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
        recv_window: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SpotTrade]:
        """The account's fills of any span, oldest first, each once.

        Args:
            symbol: Pair; every pair when not given.
            order_mode: spot or iso_margin; both when not given.
            start_time: Unix ms, included; 7 days back when not given, 0 for all there is.
            end_time: Unix ms, included; now when not given.
            limit: Rows of one reply, 1 to 200, 200 when not given.
            recv_window: ms the call may be late, 1 to 60000.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Account Trade List (v4)".
        """
        return self._iter(
            ACCOUNT_TRADE_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            order_mode=order_mode,
            limit=limit,
            recv_window=recv_window,
        )

    async def get_spot_account_order_trades_v4(
        self,
        order_id: str,
        *,
        recv_window: int | None = None,
    ) -> list[SpotTrade]:
        """Fills of one order.

        Args:
            order_id: The exchange's id; a client order id does not work here.
            recv_window: ms the call may be late, 1 to 60000.

        Raises:
            OrderNotFound: No such order, or one without fills (50005 stands for both).

        A read: repeated when its answer is lost.

        Source: spot docs, "Order Trade List (v4)". 12 calls per 2 s per key.
        """
        return await self._call(ORDER_TRADES, order_id=order_id, recv_window=recv_window)
