"""USD-M futures: plan orders, take-profit and stop-loss orders, trailing orders. Sizes are contracts."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from bitmart_async.models.base import Id, Model, Ms, Number
from bitmart_async.models.enums import (
    FuturesOrderMode,
    FuturesSide,
    MarginMode,
    PlanCategory,
    PlanOrderState,
    PositionMode,
    PriceType,
    PriceWay,
)

__all__ = ["PlanOrder", "PlanOrderAck", "TpSlOrderAck", "TrailingOrderAck"]


class PlanOrderAck(Model, frozen=True, kw_only=True):
    """The exchange took the plan order or the change. Whether a change keeps the id is unverified."""

    order_id: Id
    """A number on the wire of a submit; ids are text here."""


class TpSlOrderAck(Model, frozen=True, kw_only=True):
    """The exchange took the TP/SL order."""

    order_id: Id
    client_order_id: str = ""
    """The id it was sent under."""


class TrailingOrderAck(Model, frozen=True, kw_only=True):
    """The exchange took the trailing order."""

    order_id: Id
    """A number on the wire; ids are text here."""


class PlanOrder(Model, frozen=True, kw_only=True):
    """One working plan or TP/SL order."""

    order_id: Id
    client_order_id: str = ""
    """Empty for plan orders, which cannot carry one."""
    symbol: str
    side: FuturesSide
    type: str
    """plan, take_profit or stop_loss; one source shows market: text, therefore."""
    mode: FuturesOrderMode
    position_mode: PositionMode | None = None
    price_way: PriceWay
    price_type: PriceType
    """The price the trigger watches."""
    plan_category: PlanCategory | None = None
    """For TP/SL orders."""
    size: Number
    """Contracts."""
    leverage: Number
    """0 on closing orders."""
    open_type: MarginMode
    executive_price: str = ""
    """A number in quote, 0 or words for a market execution: text, therefore. See limit_price."""
    trigger_price: Number
    """Quote."""
    state: PlanOrderState
    preset_take_profit_price_type: PriceType | None = None
    preset_stop_loss_price_type: PriceType | None = None
    preset_take_profit_price: Number | None = None
    """Quote."""
    preset_stop_loss_price: Number | None = None
    """Quote."""
    create_time: Ms
    """Unix ms."""
    update_time: Ms
    """Unix ms."""

    @property
    def limit_price(self) -> Decimal | None:
        """The price it will be placed at, quote; None for a market execution."""
        try:
            price = Decimal(self.executive_price)
        except InvalidOperation:
            return None
        return price if price.is_finite() and price > 0 else None
