"""The orders that were sent and whose fate is open. Pure: handed the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from bitmart_async.rest.call import Call

__all__ = ["Pending", "PendingOrder"]


class PendingOrder(msgspec.Struct, frozen=True):
    """An order that was sent and whose fate is open."""

    client_order_id: str | None
    """None where the endpoint has no such id; then only ``symbol`` narrows the search."""
    symbol: str
    endpoint: str
    sent_ms: int
    """Exchange time just before it was last sent, Unix ms."""
    recv_window: int | None = None
    """ms after ``sent_ms`` in which the exchange accepts it; None where it was not sent."""
    calls: int = 1
    """Calls under this id whose fate is open."""


class Pending(dict[str, PendingOrder]):
    """Open orders by client order id, oldest first."""

    def enter(self, call: Call, now_ms: int) -> None:
        """Record the orders about to be sent, with the time of this send: proof of absence counts from it."""
        call.sent_ms = now_ms
        if not call.orders:
            return
        window = call.arguments.get("recvWindow")
        for own, symbol in call.orders:
            before = self.pop(own, None)  # so that the oldest stays first
            accepted = window if isinstance(window, int) else None
            calls = 1
            if before is not None:  # the longer window of the two, None being the longest
                calls = before.calls + (own not in call.entered)
                known = accepted is not None and before.recv_window is not None
                accepted = max(accepted or 0, before.recv_window or 0) if known else None
            self[own] = PendingOrder(own, symbol, call.endpoint.label, now_ms, accepted, calls)
            call.entered.add(own)

    def keep(self, call: Call, now_ms: int) -> None:
        """See that the ids of a lost call are there: another call under the same id may have ended."""
        if not call.entered.issubset(self):
            self.enter(call, now_ms)

    def refused(self, call: Call, ids: set[str]) -> None:
        """``call`` took none of these: they are settled, unless another call under the same id is open."""
        for own in ids & call.entered:
            order = self.get(own)
            if order is not None and order.calls > 1:
                self[own] = msgspec.structs.replace(order, calls=order.calls - 1)
            else:
                self.pop(own, None)
