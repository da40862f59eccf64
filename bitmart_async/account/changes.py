"""What an AccountTracker tells: one small frozen object per change, each told once."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from bitmart_async.account.views import (
        AccountFill,
        AccountOrder,
        AccountPosition,
        CoinBalance,
        OrderStatus,
    )
    from bitmart_async.websocket.topics import Market

__all__ = [
    "AccountGap", "AccountState", "BalanceChanged", "Change", "Filled", "FillsMissing", "OrderChanged",
    "PositionChanged", "ResyncFailed", "Resynced", "UnknownState",
]  # fmt: skip


class AccountState(enum.StrEnum):
    """How far what a tracker shows can be trusted."""

    LIVE = "live"
    """Complete up to now, but for what is on its way."""
    RESYNCING = "resyncing"
    """Something was missed, or may have been; it is being fetched."""
    OFFLINE = "offline"
    """No private stream: nothing is pushed. REST is asked once per ``reconcile_every``."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Base of all changes."""

    market: Market
    reconciled: bool = False
    """Found by asking REST, not pushed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged(Change):
    """An order is new, or its status, filled size, price or size changed."""

    order: AccountOrder
    before: OrderStatus | None
    """None: it was not known."""
    explained: Decimal
    """How much of ``order.filled`` fills have told of, up to now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled(Change):
    """One fill. Told before the OrderChanged it causes."""

    fill: AccountFill
    order: AccountOrder
    """The order with this fill in it."""
    explained: Decimal
    """How much of ``order.filled`` is told by fills, this one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChanged(Change):
    """A balance is different now. It tells what is, it is not a ledger: two changes at once may be one."""

    balance: CoinBalance
    before: CoinBalance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged(Change):
    """A position changed in size, side or entry price. Size 0: closed."""

    position: AccountPosition
    before: AccountPosition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownState(Change):
    """An order whose state nobody knows: an unknown word (UNKNOWN), or no trace of it (GONE)."""

    order: AccountOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsMissing(Change):
    """The exchange says an order filled more than the fills it shows, several times over seconds."""

    order: AccountOrder
    size: Decimal
    """What no fill explains. Should one turn up later, it is told as Filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountGap(Change):
    """The state is no longer LIVE: events were missed, or may have been. Resynced ends it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResyncFailed(Change):
    """REST could not be read; it is tried again. The state stays what it is, never better."""

    error: Exception
    retry_in: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resynced(Change):
    """REST was read and everything up to ``through_ms`` is told; also after a check that found nothing."""

    through_ms: int
    """Unix ms by the exchange's clock."""
    found: int
    """Changes of orders and fills the stream had not shown."""
    live: bool
    """Whether the state is LIVE now; False while the stream is down."""
