"""Futures orders, fills and flows as the engine holds them: ticks, contracts, atoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .matching import Side, Stp, Tif

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "FINISHED",
    "MODES",
    "NO_PRESETS",
    "STP_MODES",
    "WORKING",
    "ContractFill",
    "ContractOrder",
    "ContractTicket",
    "Flow",
    "Presets",
]

MODES = {1: Tif.GTC, 2: Tif.FOK, 3: Tif.IOC, 4: Tif.POST_ONLY}
STP_MODES = {1: Stp.CANCEL_MAKER, 2: Stp.CANCEL_TAKER, 3: Stp.CANCEL_BOTH}
WORKING, FINISHED = 2, 4


class Presets(NamedTuple):
    """Take-profit and stop-loss an opening order leaves on its position. Ticks; 0 is none.

    The types say which price is watched: 1 the last, 2 the mark, 0 none.
    """

    take_profit: int = 0
    take_profit_type: int = 0
    stop_loss: int = 0
    stop_loss_type: int = 0


NO_PRESETS = Presets()


@dataclass(slots=True, kw_only=True)
class ContractTicket:
    """What a caller asks for, before the trading rules have looked at it. None is not given."""

    symbol: str
    side: int
    """1 buy to open, 2 buy to close, 3 sell to close, 4 sell to open."""
    type: str
    size: int
    mode: int = 1
    price: Decimal | None = None
    leverage: Decimal | None = None
    open_type: str | None = None
    client_order_id: str = ""
    stp: Stp = Stp.CANCEL_MAKER
    presets: Presets = NO_PRESETS
    plan_order_id: int = 0
    """The plan whose trigger sends it; 0 for a customer's own."""


@dataclass(slots=True, kw_only=True)
class ContractFill:
    """One account's side of one trade."""

    trade_id: int
    order_id: int
    client_order_id: str
    symbol: str
    side: int
    price: int
    size: int
    fee: int
    realised: int
    role: str
    """``Maker`` or ``Taker``."""
    at_ms: int


@dataclass(slots=True, kw_only=True)
class Flow:
    """One line of an account's statement. The amount is signed atoms."""

    symbol: str
    kind: int
    amount: int
    coin: str
    at_ms: int


@dataclass(slots=True, kw_only=True)
class ContractOrder:
    order_id: int
    client_order_id: str
    uid: int
    symbol: str
    side: int
    type: str
    mode: int
    price: int
    """Ticks; 0 for a market order."""
    size: int
    leverage: int
    open_type: str
    position_mode: str
    stp: Stp
    created: int
    updated: int
    state: int = WORKING
    filled: int = 0
    filled_value: int = 0
    frozen: int = 0
    """Atoms still held for its margin and fees."""
    presets: Presets = NO_PRESETS
    plan_order_id: int = 0
    forced: int = 0
    """For an order of the liquidation desk, the action its fills are pushed with."""

    @property
    def way(self) -> Side:
        return Side.BUY if self.side in (1, 2) else Side.SELL

    @property
    def closes(self) -> bool:
        """May only make a position smaller."""
        return self.side in (2, 3)

    @property
    def is_open(self) -> bool:
        return self.state != FINISHED
