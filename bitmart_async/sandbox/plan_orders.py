"""Futures orders that wait for a price: plan, take-profit, stop-loss, trailing. Pure: when do they fire?

Prices to compare with are half ticks, since the mark price is the middle of the book. A trailing order
first waits for its activation price, then follows the best price since and fires when the market has come
back from there by its callback rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .contract_orders import FINISHED, NO_PRESETS, WORKING, Presets

if TYPE_CHECKING:
    from .accounts import Account

__all__ = ["CLOSERS", "FALLS", "RISES", "PlanOrder", "closing_way"]

RISES, FALLS = 1, 2
CLOSERS: Final = ("take_profit", "stop_loss")
_MILLION: Final = 1_000_000


def closing_way(kind: str, side: int) -> int:
    """Which way the price must go for a take-profit or stop-loss of this closing side."""
    return RISES if (kind == "take_profit") == (side == 3) else FALLS


@dataclass(slots=True, kw_only=True)
class PlanOrder:
    order_id: int
    client_order_id: str
    account: Account
    symbol: str
    kind: str
    """``plan``, ``take_profit``, ``stop_loss`` or ``trailing``."""
    side: int
    execution: str
    """What firing sends: ``limit`` or ``market``."""
    mode: int = 1
    size: int
    """Contracts; 0 is the whole position."""
    leverage: int
    open_type: str
    position_mode: str
    price_type: int
    """The price watched: 1 last, 2 mark."""
    price_way: int = RISES
    trigger: int = 0
    """Ticks; for a trailing order its activation price."""
    executive: int = 0
    """Ticks; 0 at market."""
    callback_ppm: int = 0
    category: int = 1
    presets: Presets = NO_PRESETS
    created: int
    updated: int
    state: int = WORKING
    executive_order_id: int = 0
    """The order it sent when it fired."""
    best: int = 0
    """Half ticks: the best price since a trailing order became active; 0 before."""

    @property
    def is_open(self) -> bool:
        return self.state != FINISHED

    @property
    def closes(self) -> bool:
        return self.side in (2, 3)

    def fires(self, price: int) -> bool:
        """Whether it fires at this price, half ticks. A trailing order remembers what it saw."""
        if self.kind != "trailing":
            return _reached(price, self.trigger * 2, self.price_way)
        if not self.best and not _reached(price, self.trigger * 2, self.price_way):
            return False
        if self.price_way == RISES:
            self.best = max(self.best, price)
            return price * _MILLION <= self.best * (_MILLION - self.callback_ppm)
        self.best = min(self.best or price, price)
        return price * _MILLION >= self.best * (_MILLION + self.callback_ppm)


def _reached(price: int, level: int, way: int) -> bool:
    return price >= level if way == RISES else price <= level
