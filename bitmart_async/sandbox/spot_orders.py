"""Spot orders and fills as the engine holds them: ticks, lots, atoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .matching import Side, Stp

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["CLIENT_ID_LENGTH", "OPEN_STATES", "SpotFill", "SpotOrder", "SpotTicket", "order_mode"]

OPEN_STATES = frozenset({"new", "partially_filled"})
CLIENT_ID_LENGTH = 32


def order_mode(wallet: str) -> str:
    """What the wire calls trading out of this wallet."""
    return "spot" if wallet == "spot" else "iso_margin"


@dataclass(slots=True, kw_only=True)
class SpotTicket:
    """What a caller asks for, before the trading rules have looked at it. None is not given."""

    symbol: str
    side: str
    type: str
    price: Decimal | None = None
    size: Decimal | None = None
    notional: Decimal | None = None
    client_order_id: str = ""
    stp: Stp = Stp.NONE
    wallet: str = "spot"
    """Where the money comes from and goes to: ``spot`` or an isolated margin wallet."""


@dataclass(slots=True, kw_only=True)
class SpotFill:
    """One account's side of one trade."""

    trade_id: int
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    type: str
    stp: Stp
    price: int
    size: int
    value: int
    fee: int
    """Atoms of the quote coin, whichever side."""
    role: str
    """``maker`` or ``taker``."""
    wallet: str
    at_ms: int


@dataclass(slots=True, kw_only=True)
class SpotOrder:
    order_id: int
    client_order_id: str
    uid: int
    symbol: str
    side: Side
    type: str
    """``limit``, ``market``, ``limit_maker`` or ``ioc``."""
    stp: Stp
    wallet: str
    price: int
    """Ticks; 0 for a market order."""
    size: int
    """Lots; 0 for a market buy."""
    notional: int
    """Atoms: price times size of a limit order, the amount to spend of a market buy."""
    created: int
    updated: int
    state: str = "new"
    filled: int = 0
    filled_value: int = 0
    fees: int = 0
    frozen: int = 0
    """Atoms still held for it: of the quote coin for a buy, of the base coin for a sell."""
    cancel_source: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES
