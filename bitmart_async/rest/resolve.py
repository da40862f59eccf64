"""Finding out what became of an order whose answer was lost.

"Not found" right after a submit proves nothing: the request may still be under way, or the order not
yet visible. It becomes proof once the exchange can no longer accept the request (its timestamp has
left the window the exchange tolerates), and only after several looks over several seconds. For an id
the exchange itself gave the several looks are enough: that order was taken before. A list that came
back full proves nothing, because the order may be the next row: then the fate stays unknown. A cancel
that is still under way is like a submit: until the exchange can no longer accept it, an order that is
open may yet be cancelled, so it is looked at again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, cast

from bitmart_async.errors import ApiError, OrderFateUnknown, OrderNotFound, ParameterError, api_error_class
from bitmart_async.models.enums import FuturesOrderState, OrderState, PlanOrderState, PlanTypeFilter
from bitmart_async.rest.futures_plan import (
    CANCEL_PLAN_ORDER,
    MODIFY_PLAN_ORDER,
    SUBMIT_PLAN_ORDER,
    FuturesPlan,
)
from bitmart_async.rest.futures_tpsl import MODIFY_TPSL_ORDER, SUBMIT_TPSL_ORDER, FuturesTpSl
from bitmart_async.rest.futures_trading import CANCEL_ORDER as FUTURES_CANCEL_ORDER
from bitmart_async.rest.futures_trading import MODIFY_LIMIT_ORDER, FuturesTrading
from bitmart_async.rest.futures_trailing import CANCEL_TRAIL_ORDER, SUBMIT_TRAIL_ORDER
from bitmart_async.rest.spot_algo import ALGO_CANCEL_ORDER, ALGO_SUBMIT_ORDER, SpotAlgo
from bitmart_async.rest.spot_trading import CANCEL_ORDER as SPOT_CANCEL_ORDER
from bitmart_async.rest.spot_trading import SpotTrading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bitmart_async.models.futures import FuturesOrder
    from bitmart_async.models.futures_plan import PlanOrder
    from bitmart_async.models.spot import SpotAlgoOrder, SpotOrder
    from bitmart_async.rest.pending import PendingOrder
    from bitmart_async.rest.transport import Transport

__all__ = ["FuturesResolve", "SpotResolve"]

OrderT = TypeVar("OrderT")
RowT = TypeVar("RowT")

LOOKS = 3
"""Looks at least before absence is believed."""
LOOKING_SECONDS = 5.0
"""And over at least so long."""
ACCEPTED_FOR_MS = 60_000
"""How old a timestamp may be where recv_window does not apply."""
SLACK_MS = 1_000
"""How far the two clocks may differ without a refusal."""
MOST_FUTURES_ROWS = 100
"""The longest list of open futures orders and of plan orders; there is no second page."""
MOST_ROWS = 200
"""The longest list of everything else that is looked through here."""

_LISTED_BY = {
    SUBMIT_PLAN_ORDER.label: "get_futures_account_plan_orders",
    SUBMIT_TRAIL_ORDER.label: "get_futures_account_open_orders with type='trailing'",
}
_OF_PLAN_ORDERS = frozenset(
    endpoint.label
    for endpoint in (MODIFY_PLAN_ORDER, CANCEL_PLAN_ORDER, SUBMIT_TPSL_ORDER, MODIFY_TPSL_ORDER)
)
_CANCELS = frozenset(
    endpoint.label
    for endpoint in (
        SPOT_CANCEL_ORDER,
        ALGO_CANCEL_ORDER,
        FUTURES_CANCEL_ORDER,
        CANCEL_PLAN_ORDER,
        CANCEL_TRAIL_ORDER,
    )
)
_OF_OLD_ORDERS = _CANCELS | {MODIFY_LIMIT_ORDER.label, MODIFY_PLAN_ORDER.label, MODIFY_TPSL_ORDER.label}
"""Calls about an order that may have been placed long before."""
_OLD_MS = 7 * 86_400_000
_FINAL: tuple[object, ...] = (
    OrderState.FILLED,
    OrderState.CANCELED,
    OrderState.PARTIALLY_CANCELED,
    OrderState.FAILED,
    FuturesOrderState.FINISHED,
    PlanOrderState.FINISHED,
)


class _Look:
    """One look for an order: since when, and what could not be seen."""

    __slots__ = ("blind", "sent_ms", "since_ms")

    def __init__(self, sent_ms: int, since_ms: int) -> None:
        self.sent_ms = sent_ms
        self.since_ms = since_ms
        """Since when it may have been placed."""
        self.blind: list[str] = []
        """Why the order may exist although it was not found."""

    def rows(self, rows: list[RowT], most: int, what: str) -> list[RowT]:
        """The rows; a full list is noted."""
        if len(rows) >= most:
            self.blind.append(
                f"the list of {what} came back full ({len(rows)} rows), and the order may be behind it"
            )
        return rows


async def _look_until_proven(
    transport: Transport,
    symbol: str,
    look: Callable[[_Look], Awaitable[OrderT | None]],
    *,
    client_order_id: str | None = None,
    order_id: str | None = None,
    error: OrderFateUnknown | None = None,
) -> OrderT | None:
    """Look until the order shows up or its absence is proven; settles the pending entry.

    After a lost cancel an open order has shown up only when that cancel can no longer arrive.

    Raises:
        OrderFateUnknown: The time for proof has come, and the last look did not see everything.
    """
    loop = asyncio.get_running_loop()
    began, looks, pause = loop.time(), 0, 0.25
    record = transport.pending.get(client_order_id or "")
    lost_ms = error.sent_ms if error is not None else None
    now_ms = transport.clock.now_ms()
    sent_ms = record.sent_ms if record is not None else now_ms if lost_ms is None else lost_ms
    sender = error.endpoint if error is not None else ""
    since_ms = max(0, sent_ms - (_OLD_MS if sender in _OF_OLD_ORDERS else 60_000))
    cancelled_until_ms = lost_ms + ACCEPTED_FOR_MS + SLACK_MS if lost_ms and sender in _CANCELS else 0
    # An id the exchange gave is one it knew: there is no request left that could still arrive.
    final_ms = sent_ms + _window_ms(record) + SLACK_MS if order_id is None else sent_ms
    while True:
        now_ms = transport.clock.now_ms()  # read before looking: what comes later is too late
        proof = now_ms >= final_ms
        this = _Look(sent_ms, since_ms)
        order = await look(this)
        looks += 1
        if order is not None and (now_ms >= cancelled_until_ms or _is_final(order)):
            transport.pending.pop(client_order_id or "", None)
            return order
        if order is None and proof and looks >= LOOKS and loop.time() - began >= LOOKING_SECONDS:
            if this.blind:
                raise OrderFateUnknown(
                    f"whether there is such an order of {symbol or 'any symbol'} cannot be proven: "
                    f"{this.blind[0]}. Ask again later, or look it up on the web site.",
                    client_order_id=client_order_id,
                    order_id=order_id,
                    symbol=symbol,
                )
            transport.pending.pop(client_order_id or "", None)
            return None
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _is_final(order: object) -> bool:
    """Whether nothing can happen to it any more; a state nobody knows is no final one."""
    state = getattr(order, "state", None)
    return any(state is final for final in _FINAL)


def _not_found(error: ApiError) -> bool:
    """Whether the exchange knows no such order; by code, for parse_exceptions=False has one class only."""
    return issubclass(api_error_class(error.code or 0, error.http_status), OrderNotFound)


def _window_ms(record: PendingOrder | None) -> int:
    """How long the exchange accepts the request: what was sent with it decides."""
    if record is not None and record.recv_window is not None:
        return record.recv_window
    return ACCEPTED_FOR_MS


def _subject(
    error: OrderFateUnknown | None,
    symbol: str | None,
    client_order_id: str | None,
) -> tuple[str, str | None, str | None]:
    """Symbol, own id and exchange id of the order in question."""
    given = cast("object", error)  # what callers really pass
    if given is not None and not isinstance(given, OrderFateUnknown):
        raise ParameterError(
            f"resolve_order takes the OrderFateUnknown of a lost order, not {type(given).__name__}; "
            f"or give symbol= and client_order_id="
        )
    if error is not None:
        return error.symbol, error.client_order_id, error.order_id
    if not symbol or not client_order_id:
        raise ParameterError("give the OrderFateUnknown error, or symbol= and client_order_id=")
    return symbol, client_order_id, None


def _nothing_to_find(error: OrderFateUnknown | None) -> ParameterError:
    what = error.endpoint if error is not None else "the call"
    where = _LISTED_BY.get(what)
    if where is not None:
        return ParameterError(
            f"{what} carries no id of your own to look for. Compare the rows of {where}: "
            f"side, size, prices and time."
        )
    return ParameterError(
        f"{what} concerns no single order. Look at pending_orders for a batch and resolve "
        f"each id, or read the open orders of the symbol."
    )


class SpotResolve(SpotTrading, SpotAlgo):
    """resolve_order and pending_orders of spot, margin and algo orders."""

    @property
    def pending_orders(self) -> tuple[PendingOrder, ...]:
        """Orders that were sent and whose fate is open, oldest first.

        Of a batch those orders stand here whose ``results`` say UNKNOWN: all of them when the answer names
        fewer orders than were sent, since nothing says which of them were taken.
        """
        return tuple(self._transport.pending.values())

    async def resolve_order(
        self,
        error: OrderFateUnknown | None = None,
        *,
        symbol: str | None = None,
        client_order_id: str | None = None,
    ) -> SpotOrder | SpotAlgoOrder | None:
        """Find out what became of an order whose answer was lost.

        Looks the order up, again and again, in open orders, history and trades. None, proof of
        absence, takes until the exchange can no longer accept the request: about a minute from when
        it was sent (its recv_window where one was sent with it). For a cancel by the exchange's order_id
        it takes 5 seconds.

        A lost cancel may arrive later than its error: an order that is still open is looked at again
        until a minute has passed since the cancel was sent. Returned as open then, it was not cancelled by
        that call. A lost change may likewise arrive within the minute: the order is returned as it is now.

        Algo orders have ids of their own and are looked up as such when the error, or the entry in
        pending_orders, says that it is one.

        Args:
            error: What the submit or cancel raised; or give the two below.
            symbol: Pair of the order.
            client_order_id: The id it was sent under.

        Returns:
            The order as the exchange has it (a SpotAlgoOrder for an algo order, a SpotOrder for all
            others), or None once it is proven that there is none.

        Raises:
            ParameterError: The call concerned no single order (a batch, a cancel of all).
            OrderFateUnknown: It may hide behind a list that came back full; it stays in pending_orders.
            BitMartError: A lookup failed for good; the order stays in pending_orders.
        """
        pair, own, order_id = _subject(error, symbol, client_order_id)
        algo = self._is_algo(error, own)

        async def look(this: _Look) -> SpotOrder | SpotAlgoOrder | None:
            if order_id is not None:
                return await (self._algo_by_id(order_id) if algo else self._by_id(order_id))
            if own is None:
                raise _nothing_to_find(error)
            return await (self._look_for_algo(pair, own, this) if algo else self._look(pair, own, this))

        return await _look_until_proven(
            self._transport, pair, look, client_order_id=own, order_id=order_id, error=error
        )

    def _is_algo(self, error: OrderFateUnknown | None, own: str | None) -> bool:
        """Whether to look among the algo orders: elsewhere one is absent, and that proves nothing."""
        record = self._transport.pending.get(own or "")
        endpoint = error.endpoint if error is not None else record.endpoint if record is not None else ""
        return endpoint in (ALGO_SUBMIT_ORDER.label, ALGO_CANCEL_ORDER.label)

    async def _algo_by_id(self, order_id: str) -> SpotAlgoOrder | None:
        try:
            return await self.get_spot_algo_order_by_id_v4(order_id)
        except ApiError as error:
            if _not_found(error):
                return None
            raise

    async def _look_for_algo(self, symbol: str, own: str, this: _Look) -> SpotAlgoOrder | None:
        try:
            return await self.get_spot_algo_order_by_client_order_id_v4(own)
        except ApiError as error:
            if not _not_found(error):
                raise
        # One index says no; the lists may know more.
        start = this.since_ms
        for rows, what in (
            (self.get_spot_algo_open_orders_v4, "open algo orders"),
            (self.get_spot_algo_history_orders_v4, "finished algo orders"),
        ):
            for order in this.rows(await rows(symbol=symbol or None, start_time=start), MOST_ROWS, what):
                if order.client_order_id == own:
                    return order
        return None

    async def _by_id(self, order_id: str) -> SpotOrder | None:
        try:
            return await self.get_spot_order_by_id_v4(order_id)
        except ApiError as error:
            if _not_found(error):
                return None
            raise

    async def _look(self, symbol: str, own: str, this: _Look) -> SpotOrder | None:
        try:
            return await self.get_spot_order_by_client_order_id_v4(own)
        except ApiError as error:
            if not _not_found(error):
                raise
        # One index says no; the lists may know more.
        start = this.since_ms
        for rows, what in (
            (self.get_spot_open_orders_v4, "open orders"),
            (self.get_spot_historic_orders_v4, "finished orders"),
        ):
            for order in this.rows(await rows(symbol=symbol or None, start_time=start), MOST_ROWS, what):
                if order.client_order_id == own:
                    return order
        trades = await self.get_spot_account_trades_v4(symbol=symbol or None, start_time=start)
        for trade in this.rows(trades, MOST_ROWS, "trades"):
            if trade.client_order_id == own:
                found = await self._by_id(trade.order_id)
                if found is None:
                    this.blind.append(f"it has trades, and its order {trade.order_id} cannot be read")
                return found
        return None


class FuturesResolve(FuturesTrading, FuturesTpSl, FuturesPlan):
    """resolve_order and pending_orders of futures."""

    @property
    def pending_orders(self) -> tuple[PendingOrder, ...]:
        """Orders that were sent and whose fate is open, oldest first."""
        return tuple(self._transport.pending.values())

    async def resolve_order(
        self,
        error: OrderFateUnknown | None = None,
        *,
        symbol: str | None = None,
        client_order_id: str | None = None,
    ) -> FuturesOrder | PlanOrder | None:
        """Find out what became of an order whose answer was lost.

        Looks the order up, again and again, in open orders, history and trades, and among the plan
        orders where it may be one. None, proof of absence, takes until the exchange can no longer accept
        the request: about a minute from when it was sent. For a change or cancel by the exchange's
        order_id it takes 5 seconds.

        A lost cancel may arrive later than its error: an order that is still open is looked at again
        until a minute has passed since the cancel was sent. Returned as open then, it was not cancelled by
        that call. A lost change may likewise arrive within the minute: the order is returned as it is now.

        Args:
            error: What the submit or cancel raised; or give the two below.
            symbol: Contract of the order.
            client_order_id: The id it was sent under.

        Returns:
            The order as the exchange has it (a PlanOrder as long as it waits for its trigger), or None
            once it is proven that there is none.

        Raises:
            ParameterError: The call concerned no single order (a cancel of all), or one without any id
                to look for (a plan or trailing order).
            OrderFateUnknown: It may hide behind a list that came back full (of open and of plan orders
                the exchange lists 100); it stays in pending_orders.
            BitMartError: A lookup failed for good; the order stays in pending_orders.
        """
        name, own, order_id = _subject(error, symbol, client_order_id)
        record = self._transport.pending.get(own or "")
        sender = error.endpoint if error is not None else record.endpoint if record is not None else None
        plan = sender is None or sender in _OF_PLAN_ORDERS

        async def look(this: _Look) -> FuturesOrder | PlanOrder | None:
            if order_id is not None:
                return await self._by_any_id(sender or "", name, order_id, this)
            if own is None:
                raise _nothing_to_find(error)
            waiting = await self._waiting(name, this, client_order_id=own) if plan else None
            return waiting or await self._look(name, own, this)

        return await _look_until_proven(
            self._transport, name, look, client_order_id=own, order_id=order_id, error=error
        )

    async def _by_any_id(
        self,
        sender: str,
        symbol: str,
        order_id: str,
        this: _Look,
    ) -> FuturesOrder | PlanOrder | None:
        """By the exchange's id, wherever an order of this kind can be."""
        if sender in _OF_PLAN_ORDERS:
            waiting = await self._waiting(symbol, this, order_id=order_id)
            if waiting is not None:
                return waiting
        order = await self._by_id(symbol, order_id)
        if order is None and (sender in _OF_PLAN_ORDERS or sender == CANCEL_TRAIL_ORDER.label):
            rows = [
                *this.rows(
                    await self.get_futures_account_open_orders(symbol), MOST_FUTURES_ROWS, "open orders"
                ),
                *this.rows(
                    await self.get_futures_account_order_history(symbol, order_id=order_id),
                    MOST_ROWS,
                    "finished orders",
                ),
            ]
            order = next((row for row in rows if row.order_id == order_id), None)
        return order

    async def _waiting(
        self, symbol: str, this: _Look, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> PlanOrder | None:
        """A plan or TP/SL order that waits for its trigger."""
        kind = PlanTypeFilter.PROFIT_LOSS if order_id is None else None  # only these carry an own id
        rows = await self.get_futures_account_plan_orders(symbol, plan_type=kind)
        for row in this.rows(rows, MOST_FUTURES_ROWS, "plan orders"):
            if row.order_id == order_id or (client_order_id and row.client_order_id == client_order_id):
                return row
        return None

    async def _by_id(self, symbol: str, order_id: str) -> FuturesOrder | None:
        try:
            return await self.get_futures_account_order(symbol, order_id=order_id)
        except ApiError as error:
            if _not_found(error):
                return None
            raise

    async def _look(self, symbol: str, own: str, this: _Look) -> FuturesOrder | None:
        opened = await self.get_futures_account_open_orders(symbol)
        for order in this.rows(opened, MOST_FUTURES_ROWS, "open orders"):
            if order.client_order_id == own:
                return order
        start, end = this.since_ms // 1000, this.sent_ms // 1000 + 3600
        rows = await self.get_futures_account_order_history(
            symbol, client_order_id=own, start_time=start, end_time=end
        )
        for row in this.rows(rows, MOST_ROWS, "finished orders"):
            if row.client_order_id == own:
                return row
        trades = await self.get_futures_account_trades(
            symbol, client_order_id=own, start_time=start, end_time=end
        )
        # Rows carry no own id: believe the filter only where the order agrees.
        for order_id in dict.fromkeys(trade.order_id for trade in this.rows(trades, MOST_ROWS, "trades")):
            found = await self._by_id(symbol, order_id)
            if found is None:
                this.blind.append(f"there are trades of the order {order_id}, which cannot be read")
            elif found.client_order_id == own:
                return found
        return None
