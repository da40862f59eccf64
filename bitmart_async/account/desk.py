"""Both markets of a tracker side by side, and an order sought in them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitmart_async.account.changes import AccountState
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.account.core import MarketAccount
    from bitmart_async.account.feed import Feed
    from bitmart_async.account.looks import Looks
    from bitmart_async.account.views import AccountOrder
    from bitmart_async.account.waiting import Waiters

__all__ = ["Desk", "Side"]


@dataclass(frozen=True, slots=True)
class Side:
    """One market: what is known, what pushes it, what reads it."""

    account: MarketAccount
    feed: Feed
    looks: Looks


class Desk:
    """What the handle of an order asks of its tracker."""

    def __init__(self, sides: Mapping[Market, Side], waiters: Waiters) -> None:
        self._sides = sides
        self._waiters = waiters

    def find(self, any_id: str, symbol: str, market: Market | None) -> AccountOrder | None:
        """An order by the exchange's id or your own; None when nobody has spoken of it."""
        for side in self._sides.values():
            order = side.account.find(any_id) if market in (None, side.account.market) else None
            if order is not None and symbol in ("", order.symbol):
                return order
        return None

    def news_of(self, any_id: str) -> asyncio.Future[None]:
        """Ends with the next news of the order, or of the whole account. Raises ClientClosed."""
        return self._waiters.news_of(any_id)

    def look_for(self, any_id: str, symbol: str, market: Market | None) -> None:
        """Ask REST for an order nobody has spoken of; futures only with its symbol."""
        for side in self._sides.values():
            account = side.account
            if market in (None, account.market) and (account.market is Market.SPOT or symbol):
                account.want(any_id, symbol, asyncio.get_running_loop().time())
                side.looks.stir()

    def is_live(self, market: Market) -> bool:
        """Whether everything is known of a market."""
        side = self._sides.get(market)
        return side is not None and side.account.state is AccountState.LIVE
