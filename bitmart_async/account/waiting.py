"""Who waits for news of an order, or for the account to be read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bitmart_async.account.changes import Filled, FillsMissing, OrderChanged, Resynced, UnknownState
from bitmart_async.errors import ClientClosed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bitmart_async.account.changes import Change

__all__ = ["Waiters"]

_ABOUT_ORDERS = (OrderChanged, Filled, UnknownState, FillsMissing)


class Waiters:
    """Those of one tracker."""

    def __init__(self) -> None:
        self._by_order: dict[str, set[asyncio.Future[None]]] = {}
        self._ready: set[asyncio.Future[None]] = set()
        self._closed = False

    def __contains__(self, any_id: object) -> bool:
        """Whether anybody waits for news of an order."""
        return any_id in self._by_order

    def __len__(self) -> int:
        return len(self._by_order) + len(self._ready)

    def news_of(self, any_id: str) -> asyncio.Future[None]:
        """A future that ends with the next news of an order, by either id. Raises ClientClosed."""
        if self._closed:
            raise ClientClosed(
                "the account tracker is closed; what becomes of the order is not seen any more"
            )
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._by_order.setdefault(any_id, set())
        waiting.add(news)

        def done(_: asyncio.Future[None]) -> None:
            waiting.discard(news)
            if not waiting and self._by_order.get(any_id) is waiting:
                del self._by_order[any_id]

        news.add_done_callback(done)
        return news

    async def resynced(self) -> None:
        """Wait until a market has been read."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ready.add(news)
        try:
            await news
        finally:
            self._ready.discard(news)

    def wake(self, change: Change) -> None:
        """A change was told: whom does it concern?"""
        if isinstance(change, _ABOUT_ORDERS):
            for any_id in (change.order.order_id, change.order.client_order_id):
                _end(self._by_order.get(any_id, ()))
        elif isinstance(change, Resynced):
            _end(self._ready)
            self._end_orders()

    def close(self) -> None:
        """Nothing more comes: who waits is to look why."""
        self._closed = True
        _end(self._ready)
        self._end_orders()

    def _end_orders(self) -> None:
        for waiting in tuple(self._by_order.values()):
            _end(waiting)


def _end(waiting: Iterable[asyncio.Future[None]]) -> None:
    for news in tuple(waiting):
        if not news.done():
            news.set_result(None)
