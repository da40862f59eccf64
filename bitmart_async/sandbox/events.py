"""What the engine tells: each event is emitted the moment it is true, in the order things happen.

Listeners are called at once and must read what they need before they return: orders and positions in
an event are the engine's own objects and change later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, get_args

if TYPE_CHECKING:
    from .contract_orders import ContractFill, ContractOrder
    from .matching import Side
    from .plan_orders import PlanOrder
    from .spot_orders import SpotFill, SpotOrder

__all__ = [
    "EVENTS",
    "ContractAssetChanged",
    "ContractOrderChanged",
    "ContractPositionChanged",
    "ContractTraded",
    "Emit",
    "Event",
    "PlanOrderChanged",
    "SpotBalanceChanged",
    "SpotOrderChanged",
    "SpotTraded",
]


@dataclass(slots=True)
class SpotTraded:
    symbol: str
    price: int
    size: int
    taker: Side
    at_ms: int


@dataclass(slots=True)
class SpotOrderChanged:
    order: SpotOrder
    fill: SpotFill | None


@dataclass(slots=True)
class SpotBalanceChanged:
    uid: int
    coins: tuple[str, ...]
    at_ms: int
    cause: str = "TRANSACTION_COMPLETED"
    """In the wire's words; transfers, deposits and withdrawals have their own."""


@dataclass(slots=True)
class ContractTraded:
    symbol: str
    trade_id: int
    price: int
    size: int
    way: int
    buyer_made: bool
    at_ns: int


@dataclass(slots=True)
class ContractOrderChanged:
    """``action`` is the number the wire gives the reason.

    1 match, 2 submitted, 3 cancelled, 4 cancelled by liquidation, 6 partial liquidation, 7 bankruptcy.
    """

    action: int
    order: ContractOrder
    fill: ContractFill | None


@dataclass(slots=True)
class PlanOrderChanged:
    """``action`` as for an order; 1 is that it fired."""

    action: int
    plan: PlanOrder


@dataclass(slots=True)
class ContractPositionChanged:
    uid: int
    symbol: str


@dataclass(slots=True)
class ContractAssetChanged:
    uid: int
    coin: str


Event: TypeAlias = (
    SpotTraded
    | SpotOrderChanged
    | SpotBalanceChanged
    | ContractTraded
    | ContractOrderChanged
    | PlanOrderChanged
    | ContractPositionChanged
    | ContractAssetChanged
)
EVENTS: Final[tuple[type[Event], ...]] = get_args(Event)
Emit: TypeAlias = Callable[[Event], None]
