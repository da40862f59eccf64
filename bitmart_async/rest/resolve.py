"""Finding out what became of an order whose answer was lost.

"Not found" right after a submit proves nothing: the request may still be under way, or the order not
yet visible. It becomes proof once the exchange can no longer accept the request (its timestamp has
left the window the exchange tolerates), and only after several looks over several seconds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from bitmart_async.errors import ApiError, OrderFateUnknown, OrderNotFound, ParameterError, api_error_class
from bitmart_async.models.enums import PlanTypeFilter
from bitmart_async.models.spot import SpotAlgoOrder, SpotOrder
from bitmart_async.rest.futures_plan import (
    CANCEL_PLAN_ORDER,
    MODIFY_PLAN_ORDER,
    SUBMIT_PLAN_ORDER,
    FuturesPlan,
)
from bitmart_async.rest.futures_tpsl import MODIFY_TPSL_ORDER, SUBMIT_TPSL_ORDER, FuturesTpSl
from bitmart_async.rest.futures_trading import FuturesTrading
from bitmart_async.rest.futures_trailing import CANCEL_TRAIL_ORDER, SUBMIT_TRAIL_ORDER
from bitmart_async.rest.spot_algo import ALGO_CANCEL_ORDER, ALGO_SUBMIT_ORDER, SpotAlgo
from bitmart_async.rest.spot_trading import BATCH_ORDERS, SpotTrading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bitmart_async.models.futures import FuturesOrder
    from bitmart_async.models.futures_plan import PlanOrder
    from bitmart_async.models.spot import SpotOrder
    from bitmart_async.rest.transport import PendingOrder, Transport

__all__ = ["FuturesResolve", "SpotResolve"]

OrderT = TypeVar("OrderT")

LOOKS = 3
"""Looks at least before absence is believed."""
LOOKING_SECONDS = 5.0
"""And over at least so long."""
ACCEPTED_FOR_MS = 60_000
"""How old a timestamp may be where recv_window does not apply."""
SLACK_MS = 1_000
"""How far the two clocks may differ without a refusal."""
MOST_PLAN_ORDERS = 100
"""The longest list of plan orders; there is no second page."""

_LISTED_BY = {
    SUBMIT_PLAN_ORDER.label: "get_futures_account_plan_orders",
    SUBMIT_TRAIL_ORDER.label: "get_futures_account_open_orders with type='trailing'",
}
_OF_PLAN_ORDERS = frozenset(endpoint.label for endpoint in (
    MODIFY_PLAN_ORDER, CANCEL_PLAN_ORDER, SUBMIT_TPSL_ORDER, MODIFY_TPSL_ORDER))


async def _look_until_proven(
    transport: Transport, client_order_id: str, look: Callable[[int], Awaitable[OrderT | None]],
) -> OrderT | None:
    """Look until the order shows up or its absence is proven; settles the pending entry."""
    loop = asyncio.get_running_loop()
    began, looks, pause = loop.time(), 0, 0.25
    record = transport.pending.get(client_order_id)
    sent_ms = record.sent_ms if record is not None else transport.clock.now_ms()
    final_ms = sent_ms + _window_ms(transport, record) + SLACK_MS
    while True:
        proof = transport.clock.now_ms() >= final_ms  # read before looking: what comes later is too late
        order = await look(sent_ms)
        looks += 1
        if order is not None:
            transport.pending.pop(client_order_id, None)
            return order
        if proof and looks >= LOOKS and loop.time() - began >= LOOKING_SECONDS:
            transport.pending.pop(client_order_id, None)
            return None
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _not_found(error: ApiError) -> bool:
    """Whether the exchange knows no such order; by code, for parse_exceptions=False has one class only."""
    return issubclass(api_error_class(error.code or 0, error.http_status), OrderNotFound)


def _window_ms(transport: Transport, record: PendingOrder | None) -> int:
    if record is not None and record.endpoint == BATCH_ORDERS.label:
        return transport.recv_window
    return ACCEPTED_FOR_MS


def _subject(error: OrderFateUnknown | None, symbol: str | None, client_order_id: str | None,
             ) -> tuple[str, str | None, str | None]:
    """Symbol, own id and exchange id of the order in question."""
    if error is not None:
        return error.symbol, error.client_order_id, error.order_id
    if not symbol or not client_order_id:
        raise ParameterError("give the OrderFateUnknown error, or symbol= and client_order_id=")
    return symbol, client_order_id, None


def _nothing_to_find(error: OrderFateUnknown | None) -> ParameterError:
    what = error.endpoint if error is not None else "the call"
    where = _LISTED_BY.get(what)
    if where is not None:
        return ParameterError(f"{what} carries no id of your own to look for. Compare the rows of {where}: "
                              f"side, size, prices and time.")
    return ParameterError(f"{what} concerns no single order. Look at pending_orders for a batch and resolve "
                          f"each id, or read the open orders of the symbol.")


class SpotResolve(SpotTrading, SpotAlgo):
    """resolve_order and pending_orders of spot, margin and algo orders."""

    @property
    def pending_orders(self) -> tuple[PendingOrder, ...]:
        """Orders that were sent and whose fate is open, oldest first."""
        return tuple(self._transport.pending.values())

    async def resolve_order(
        self, error: OrderFateUnknown | None = None, *, symbol: str | None = None,
        client_order_id: str | None = None,
    ) -> SpotOrder | SpotAlgoOrder | None:
        """Find out what became of an order whose answer was lost.

        Looks the order up, again and again, in open orders, history and trades. None, proof of
        absence, takes until the exchange can no longer accept the request: about a minute from when
        it was sent.

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
            BitMartError: A lookup failed for good; the order stays in pending_orders.
        """
        pair, own, order_id = _subject(error, symbol, client_order_id)
        algo = self._is_algo(error, own)
        if order_id is not None:
            return await (self._algo_by_id(order_id) if algo else self._by_id(order_id))
        if own is None:
            raise _nothing_to_find(error)
        if algo:
            return await _look_until_proven(self._transport, own,
                                            lambda sent: self._look_for_algo(pair, own, sent))
        return await _look_until_proven(self._transport, own, lambda sent: self._look(pair, own, sent))

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

    async def _look_for_algo(self, symbol: str, own: str, sent_ms: int) -> SpotAlgoOrder | None:
        try:
            return await self.get_spot_algo_order_by_client_order_id_v4(own)
        except ApiError as error:
            if not _not_found(error):
                raise
        # One index says no; the lists may know more.
        start = sent_ms - 60_000
        for rows in (self.get_spot_algo_open_orders_v4, self.get_spot_algo_history_orders_v4):
            for order in await rows(symbol=symbol or None, start_time=start):
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

    async def _look(self, symbol: str, own: str, sent_ms: int) -> SpotOrder | None:
        try:
            return await self.get_spot_order_by_client_order_id_v4(own)
        except ApiError as error:
            if not _not_found(error):
                raise
        # One index says no; the lists may know more.
        start = sent_ms - 60_000
        for rows in (self.get_spot_open_orders_v4, self.get_spot_historic_orders_v4):
            for order in await rows(symbol=symbol or None, start_time=start):
                if order.client_order_id == own:
                    return order
        for trade in await self.get_spot_account_trades_v4(symbol=symbol or None, start_time=start):
            if trade.client_order_id == own:
                return await self._by_id(trade.order_id)
        return None


class FuturesResolve(FuturesTrading, FuturesTpSl, FuturesPlan):
    """resolve_order and pending_orders of futures."""

    @property
    def pending_orders(self) -> tuple[PendingOrder, ...]:
        """Orders that were sent and whose fate is open, oldest first."""
        return tuple(self._transport.pending.values())

    async def resolve_order(
        self, error: OrderFateUnknown | None = None, *, symbol: str | None = None,
        client_order_id: str | None = None,
    ) -> FuturesOrder | PlanOrder | None:
        """Find out what became of an order whose answer was lost.

        Looks the order up, again and again, in open orders, history and trades, and among the plan
        orders where it may be one. None, proof of absence, takes until the exchange can no longer accept
        the request: about a minute from when it was sent.

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
            OrderFateUnknown: It may hide behind the 100 plan orders the exchange lists.
            BitMartError: A lookup failed for good; the order stays in pending_orders.
        """
        name, own, order_id = _subject(error, symbol, client_order_id)
        if order_id is not None:
            return await self._by_any_id(error, name, order_id)
        if own is None:
            raise _nothing_to_find(error)
        record = self._transport.pending.get(own)
        sender = error.endpoint if error is not None else record.endpoint if record is not None else None
        plan = sender is None or sender in _OF_PLAN_ORDERS

        async def look(sent_ms: int) -> FuturesOrder | PlanOrder | None:
            waiting = await self._waiting(name, client_order_id=own) if plan else None
            return waiting or await self._look(name, own, sent_ms)

        return await _look_until_proven(self._transport, own, look)

    async def _by_any_id(self, error: OrderFateUnknown | None, symbol: str, order_id: str,
                         ) -> FuturesOrder | PlanOrder | None:
        """By the exchange's id, wherever an order of this kind can be."""
        sender = error.endpoint if error is not None else ""
        if sender in _OF_PLAN_ORDERS:
            waiting = await self._waiting(symbol, order_id=order_id)
            if waiting is not None:
                return waiting
        order = await self._by_id(symbol, order_id)
        if order is None and (sender in _OF_PLAN_ORDERS or sender == CANCEL_TRAIL_ORDER.label):
            rows = await self.get_futures_account_open_orders(symbol)
            rows += await self.get_futures_account_order_history(symbol, order_id=order_id)
            order = next((row for row in rows if row.order_id == order_id), None)
        return order

    async def _waiting(self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None,
                       ) -> PlanOrder | None:
        """A plan or TP/SL order that waits for its trigger."""
        kind = PlanTypeFilter.PROFIT_LOSS if order_id is None else None  # only these carry an own id
        rows = await self.get_futures_account_plan_orders(symbol, plan_type=kind)
        for row in rows:
            if row.order_id == order_id or (client_order_id and row.client_order_id == client_order_id):
                return row
        if len(rows) >= MOST_PLAN_ORDERS:
            raise OrderFateUnknown(
                f"{symbol} has {len(rows)} plan orders or more and the exchange lists no further ones: "
                f"whether the order is among them cannot be proven. Ask again when there are fewer.",
                client_order_id=client_order_id, order_id=order_id, symbol=symbol)
        return None

    async def _by_id(self, symbol: str, order_id: str) -> FuturesOrder | None:
        try:
            return await self.get_futures_account_order(symbol, order_id=order_id)
        except ApiError as error:
            if _not_found(error):
                return None
            raise

    async def _look(self, symbol: str, own: str, sent_ms: int) -> FuturesOrder | None:
        for order in await self.get_futures_account_open_orders(symbol):
            if order.client_order_id == own:
                return order
        start, end = sent_ms // 1000 - 60, sent_ms // 1000 + 3600
        rows = await self.get_futures_account_order_history(symbol, client_order_id=own, start_time=start,
                                                            end_time=end)
        for row in rows:
            if row.client_order_id == own:
                return row
        trades = await self.get_futures_account_trades(symbol, client_order_id=own, start_time=start,
                                                       end_time=end)
        for trade in trades:  # rows carry no own id: believe the filter only where the order agrees
            found = await self._by_id(symbol, trade.order_id)
            if found is not None and found.client_order_id == own:
                return found
        return None
