"""Proving that an order does not exist.

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
from typing import TYPE_CHECKING, TypeVar

from bitmart_async.errors import ApiError, OrderFateUnknown, OrderNotFound, api_error_class
from bitmart_async.models.enums import FuturesOrderState, OrderState, PlanOrderState
from bitmart_async.rest.futures_plan import CANCEL_PLAN_ORDER, MODIFY_PLAN_ORDER
from bitmart_async.rest.futures_tpsl import MODIFY_TPSL_ORDER
from bitmart_async.rest.futures_trading import CANCEL_ORDER as FUTURES_CANCEL_ORDER
from bitmart_async.rest.futures_trading import MODIFY_LIMIT_ORDER
from bitmart_async.rest.futures_trailing import CANCEL_TRAIL_ORDER
from bitmart_async.rest.spot_algo import ALGO_CANCEL_ORDER
from bitmart_async.rest.spot_trading import CANCEL_ORDER as SPOT_CANCEL_ORDER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bitmart_async.rest.pending import PendingOrder
    from bitmart_async.rest.transport import Transport

__all__ = ["Look", "known", "look_until_proven"]

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


class Look:
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


async def look_until_proven(
    transport: Transport,
    symbol: str,
    look: Callable[[Look], Awaitable[OrderT | None]],
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
        this = Look(sent_ms, since_ms)
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


def _window_ms(record: PendingOrder | None) -> int:
    """How long the exchange accepts the request: what was sent with it decides."""
    if record is not None and record.recv_window is not None:
        return record.recv_window
    return ACCEPTED_FOR_MS


async def known(asked: Awaitable[OrderT]) -> OrderT | None:
    """The order that is asked for; None when the exchange says that it knows no such order."""
    try:
        return await asked
    except ApiError as error:
        # by code, for parse_exceptions=False has one class only
        if issubclass(api_error_class(error.code or 0, error.http_status), OrderNotFound):
            return None
        raise
