"""Finding out what became of an order whose answer was lost: where it may be found.

When absence is believed is said in ``proof``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from bitmart_async.errors import OrderFateUnknown, ParameterError
from bitmart_async.models.enums import PlanTypeFilter
from bitmart_async.rest.futures_plan import (
    CANCEL_PLAN_ORDER,
    MODIFY_PLAN_ORDER,
    SUBMIT_PLAN_ORDER,
    FuturesPlan,
)
from bitmart_async.rest.futures_tpsl import MODIFY_TPSL_ORDER, SUBMIT_TPSL_ORDER, FuturesTpSl
from bitmart_async.rest.futures_trading import FuturesTrading
from bitmart_async.rest.futures_trailing import CANCEL_TRAIL_ORDER, SUBMIT_TRAIL_ORDER
from bitmart_async.rest.proof import Look, known, look_until_proven
from bitmart_async.rest.spot_algo import ALGO_CANCEL_ORDER, ALGO_SUBMIT_ORDER, SpotAlgo
from bitmart_async.rest.spot_trading import SpotTrading

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bitmart_async.models.futures import FuturesOrder
    from bitmart_async.models.futures_plan import PlanOrder
    from bitmart_async.models.spot import SpotAlgoOrder, SpotOrder
    from bitmart_async.rest.pending import PendingOrder

__all__ = ["FuturesResolve", "SpotResolve"]

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


class _Owned(Protocol):
    """A row that carries the id its order was sent under."""

    @property
    def client_order_id(self) -> str: ...


RowT = TypeVar("RowT", bound=_Owned)


class _SpotList(Protocol[RowT]):
    """A query of spot orders."""

    def __call__(self, *, symbol: str | None, start_time: int) -> Awaitable[list[RowT]]: ...


async def _listed(own: str, symbol: str, this: Look, *lists: tuple[_SpotList[RowT], str]) -> RowT | None:
    """The order of that id in the first list that shows it: one index said no, the lists may know more."""
    for rows, what in lists:
        shown = await rows(symbol=symbol or None, start_time=this.since_ms)
        for order in this.rows(shown, MOST_ROWS, what):
            if order.client_order_id == own:
                return order
    return None


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

        async def look(this: Look) -> SpotOrder | SpotAlgoOrder | None:
            if order_id is not None:
                if algo:
                    return await known(self.get_spot_algo_order_by_id_v4(order_id))
                return await known(self.get_spot_order_by_id_v4(order_id))
            if own is None:
                raise _nothing_to_find(error)
            return await (self._look_for_algo(pair, own, this) if algo else self._look(pair, own, this))

        return await look_until_proven(
            self._transport, pair, look, client_order_id=own, order_id=order_id, error=error
        )

    def _is_algo(self, error: OrderFateUnknown | None, own: str | None) -> bool:
        """Whether to look among the algo orders: elsewhere one is absent, and that proves nothing."""
        record = self._transport.pending.get(own or "")
        endpoint = error.endpoint if error is not None else record.endpoint if record is not None else ""
        return endpoint in (ALGO_SUBMIT_ORDER.label, ALGO_CANCEL_ORDER.label)

    async def _look_for_algo(self, symbol: str, own: str, this: Look) -> SpotAlgoOrder | None:
        return await known(self.get_spot_algo_order_by_client_order_id_v4(own)) or await _listed(
            own,
            symbol,
            this,
            (self.get_spot_algo_open_orders_v4, "open algo orders"),
            (self.get_spot_algo_history_orders_v4, "finished algo orders"),
        )

    async def _look(self, symbol: str, own: str, this: Look) -> SpotOrder | None:
        return (
            await known(self.get_spot_order_by_client_order_id_v4(own))
            or await _listed(
                own,
                symbol,
                this,
                (self.get_spot_open_orders_v4, "open orders"),
                (self.get_spot_historic_orders_v4, "finished orders"),
            )
            or await self._look_among_trades(symbol, own, this)
        )

    async def _look_among_trades(self, symbol: str, own: str, this: Look) -> SpotOrder | None:
        trades = await self.get_spot_account_trades_v4(symbol=symbol or None, start_time=this.since_ms)
        for trade in this.rows(trades, MOST_ROWS, "trades"):
            if trade.client_order_id == own:
                found = await known(self.get_spot_order_by_id_v4(trade.order_id))
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

        async def look(this: Look) -> FuturesOrder | PlanOrder | None:
            if order_id is not None:
                return await self._by_any_id(sender or "", name, order_id, this)
            if own is None:
                raise _nothing_to_find(error)
            waiting = await self._waiting(name, this, client_order_id=own) if plan else None
            return waiting or await self._look(name, own, this)

        return await look_until_proven(
            self._transport, name, look, client_order_id=own, order_id=order_id, error=error
        )

    async def _by_any_id(
        self,
        sender: str,
        symbol: str,
        order_id: str,
        this: Look,
    ) -> FuturesOrder | PlanOrder | None:
        """By the exchange's id, wherever an order of this kind can be."""
        if sender in _OF_PLAN_ORDERS:
            waiting = await self._waiting(symbol, this, order_id=order_id)
            if waiting is not None:
                return waiting
        order = await known(self.get_futures_account_order(symbol, order_id=order_id))
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
        self, symbol: str, this: Look, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> PlanOrder | None:
        """A plan or TP/SL order that waits for its trigger."""
        kind = PlanTypeFilter.PROFIT_LOSS if order_id is None else None  # only these carry an own id
        rows = await self.get_futures_account_plan_orders(symbol, plan_type=kind)
        for row in this.rows(rows, MOST_FUTURES_ROWS, "plan orders"):
            if row.order_id == order_id or (client_order_id and row.client_order_id == client_order_id):
                return row
        return None

    async def _look(self, symbol: str, own: str, this: Look) -> FuturesOrder | None:
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
            found = await known(self.get_futures_account_order(symbol, order_id=order_id))
            if found is None:
                this.blind.append(f"there are trades of the order {order_id}, which cannot be read")
            elif found.client_order_id == own:
                return found
        return None
