"""One order, to be waited for by id, before or after anybody has spoken of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from bitmart_async.account.views import AccountOrder, OrderStatus
from bitmart_async.errors import OrderNotFilled, OrderStateUnknown
from bitmart_async.numbers import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.account.desk import Desk
    from bitmart_async.websocket.topics import Market

__all__ = ["OrderHandle"]

T = TypeVar("T")

_PATIENCE: Final = 2.0
"""Seconds until an order nobody has spoken of is looked for by REST."""


class OrderHandle:
    """Made by ``tracker.order(id)``."""

    def __init__(self, desk: Desk, any_id: str, symbol: str, market: Market | None) -> None:
        self._desk = desk
        self.id = any_id
        """As given: the exchange's id or your own."""
        self._symbol = symbol
        self._market = market

    @property
    def order(self) -> AccountOrder | None:
        """What is known of it now; None: nobody has spoken of it yet."""
        return self._desk.find(self.id, self._symbol, self._market)

    @property
    def status(self) -> OrderStatus | None:
        """Its status now; None: nobody has spoken of it yet."""
        order = self.order
        return order.status if order is not None else None

    async def known(self, *, timeout: float | None = None) -> AccountOrder:
        """Wait until anybody speaks of it: a push, or REST.

        Raises:
            TimeoutError: Nobody did, in so many seconds.
            ClientClosed: The tracker was closed meanwhile.
        """
        return await self._until(lambda order: order, timeout)

    async def filled(self, *, timeout: float | None = None) -> AccountOrder:
        """Wait until it is filled, and return it so.

        A spot market buy also counts as filled when it ends as partially_canceled with something
        bought: the rest is too small to buy anything with. See ``AccountOrder.complete``.

        Raises:
            OrderNotFilled: It ended in another way; ``status`` and ``filled`` say how far it came.
            OrderStateUnknown: Nobody can tell how it ended.
            TimeoutError: It is still open after so many seconds; it stays open.
            ClientClosed: The tracker was closed meanwhile.
        """
        return await self._until(self._is_filled, timeout)

    async def done(self, *, timeout: float | None = None) -> AccountOrder:
        """Wait until it is over, filled or not, and return it so.

        Raises:
            OrderStateUnknown: Nobody can tell how it ended.
            TimeoutError: It is still open after so many seconds; it stays open.
            ClientClosed: The tracker was closed meanwhile.
        """
        return await self._until(self._is_over, timeout)

    def _is_filled(self, order: AccountOrder) -> AccountOrder | None:
        if order.complete:
            return order
        if self._is_over(order) is None:
            return None
        raise OrderNotFilled(
            f"the order {order.order_id} of {order.symbol} ended as {order.status.value}, "
            f"{plain(order.filled, 'filled')} filled",
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            status=order.status.value,
            filled=plain(order.filled, "filled"),
        )

    def _is_over(self, order: AccountOrder) -> AccountOrder | None:
        if order.status.final:
            return order
        confirmed = self._desk.is_live(order.market)
        if order.status is OrderStatus.GONE or (order.status is OrderStatus.UNKNOWN and confirmed):
            why = (
                "the exchange shows it nowhere any more"
                if order.status is OrderStatus.GONE
                else f"its state {order.raw_state!r} is described nowhere"
            )
            raise OrderStateUnknown(
                f"how the order {order.order_id} of {order.symbol} ended cannot be told: {why}. Last seen "
                f"with {plain(order.filled, 'filled')} filled; look it up on the web site.",
                order_id=order.order_id,
                client_order_id=order.client_order_id,
                symbol=order.symbol,
                status=order.status.value,
                filled=plain(order.filled, "filled"),
            )
        return None

    async def _until(self, check: Callable[[AccountOrder], T | None], timeout: float | None) -> T:
        look = asyncio.get_running_loop().call_later(_PATIENCE, self._look_for)
        try:
            async with asyncio.timeout(timeout):
                return await self._passed(check)
        except TimeoutError:
            raise TimeoutError(self._too_long(timeout)) from None
        finally:
            look.cancel()

    async def _passed(self, check: Callable[[AccountOrder], T | None]) -> T:
        while True:
            news = self._desk.news_of(self.id)
            try:
                order = self.order
                result = check(order) if order is not None else None
                if result is not None:
                    return result
                await news
            finally:
                news.cancel()

    def _too_long(self, timeout: float | None) -> str:
        order = self.order
        if order is None:
            return f"nobody has spoken of the order {self.id} within {timeout:g} s"
        return (
            f"the order {order.order_id} of {order.symbol} is still {order.status.value} after {timeout:g} s, "
            f"{plain(order.filled, 'filled')} filled"
        )

    def _look_for(self) -> None:
        if self.order is None:
            self._desk.look_for(self.id, self._symbol, self._market)

    def __repr__(self) -> str:
        status = self.status
        return f"<OrderHandle {self.id} {status.value if status is not None else 'not known yet'}>"
