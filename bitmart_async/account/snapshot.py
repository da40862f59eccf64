"""What REST showed of one market in one look."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bitmart_async.account.views import AccountFill, AccountOrder, FillKey, fill_key, version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bitmart_async.account.views import AccountPosition, CoinBalance

__all__ = ["OrderRef", "Snapshot"]


@dataclass(frozen=True, slots=True)
class OrderRef:
    """An order to be asked for by id."""

    order_id: str
    symbol: str
    waits: bool = False
    own: bool = False
    """The id may also be one the user gave."""

    @classmethod
    def to(cls, order: AccountOrder) -> OrderRef:
        """To an order that is known."""
        return cls(order.order_id, order.symbol, order.waits)


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """See the module's text."""

    began: float
    """When its first call was made, seconds of the caller's clock."""
    began_ms: int
    """The same by the exchange's clock."""
    since_ms: int
    """Where its windows begin."""
    epoch: int = 0
    """How many doubts there had been when it began."""
    orders: dict[str, AccountOrder] = field(default_factory=dict[str, AccountOrder])
    fills: dict[FillKey, AccountFill] = field(default_factory=dict[FillKey, AccountFill])
    balances: list[CoinBalance] | None = None
    positions: list[AccountPosition] | None = None
    asked: set[str] = field(default_factory=set[str])
    """Orders that were asked for by id."""
    not_found: set[str] = field(default_factory=set[str])
    """Those the exchange does not know."""
    cut: bool = False
    """Some questions were left for the next look."""

    def add_orders(self, orders: Iterable[AccountOrder]) -> None:
        """Add rows; of two rows of one order the newer counts."""
        for order in orders:
            known = self.orders.get(order.order_id)
            if known is None or version(order) > version(known):
                self.orders[order.order_id] = order

    def add_fills(self, fills: Iterable[AccountFill]) -> None:
        """Add rows."""
        for fill in fills:
            self.fills[fill_key(fill)] = fill

    def fills_by_order(self) -> list[tuple[str, list[AccountFill]]]:
        """Every order shown with its fills, the oldest first; by the last that happened to each."""
        groups: dict[str, list[AccountFill]] = {order_id: [] for order_id in self.orders}
        for fill in self.fills.values():
            groups.setdefault(fill.order_id, []).append(fill)
        for fills in groups.values():
            fills.sort(key=lambda fill: (fill.at_ms, len(fill.trade_id), fill.trade_id))

        def when(item: tuple[str, list[AccountFill]]) -> tuple[int, str]:
            order_id, fills = item
            times = [fill.at_ms for fill in fills]
            if order_id in self.orders:
                times.append(self.orders[order_id].updated_ms)
            return max(times), order_id

        return sorted(groups.items(), key=when)
