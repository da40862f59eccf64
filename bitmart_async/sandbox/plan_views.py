"""Plan, take-profit, stop-loss and trailing orders as REST and the stream print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .futures_views import preset_fields, price_text
from .numbers import short

if TYPE_CHECKING:
    from .calls import Json
    from .plan_orders import PlanOrder
    from .rules import ContractRules

__all__ = ["callback_text", "plan_history_row", "plan_push", "plan_row", "trailing_row"]

_PUSHED: Final = {"plan": "plan_order", "trailing": "trailing_order"}
_WATCHED: Final = {1: "last_price", 2: "fair_price"}


def callback_text(plan: PlanOrder) -> str:
    """Percent."""
    return short(plan.callback_ppm, 4)


def plan_row(plan: PlanOrder, rules: ContractRules, size: int) -> Json:
    """A waiting order as current-plan-order prints it.

    Args:
        size: Contracts, the position's for an order that closes all of it.
    """
    return {
        "order_id": str(plan.order_id),
        "client_order_id": plan.client_order_id,
        "symbol": plan.symbol,
        "side": plan.side,
        "type": plan.kind,
        "mode": plan.mode,
        "position_mode": plan.position_mode,
        "price_way": plan.price_way,
        "price_type": plan.price_type,
        "plan_category": plan.category,
        "size": str(size),
        "leverage": str(plan.leverage),
        "open_type": plan.open_type,
        "executive_price": price_text(plan.executive, rules),
        "trigger_price": price_text(plan.trigger, rules),
        "state": plan.state,
        "create_time": plan.created,
        "update_time": plan.updated,
        **preset_fields(plan.presets, rules),
    }


def _order_fields(plan: PlanOrder, rules: ContractRules) -> dict[str, Json]:
    """What the order lists show of an order that has no fills of its own."""
    trails = plan.kind == "trailing"
    return {
        "order_id": str(plan.order_id),
        "client_order_id": plan.client_order_id,
        "price": price_text(plan.executive, rules),
        "size": str(plan.size),
        "symbol": plan.symbol,
        "state": plan.state,
        "side": plan.side,
        "type": "trailing" if trails else "planorder",
        "account": "futures",
        "position_mode": plan.position_mode,
        "leverage": str(plan.leverage),
        "open_type": plan.open_type,
        "deal_avg_price": "0",
        "deal_size": "0",
        "create_time": plan.created,
        "update_time": plan.updated,
        "activation_price_type": plan.price_type if trails else 0,
        "activation_price": price_text(plan.trigger, rules) if trails else "0",
        "callback_rate": callback_text(plan) if trails else "0",
        **preset_fields(plan.presets, rules),
    }


def trailing_row(plan: PlanOrder, rules: ContractRules) -> Json:
    """A waiting trailing order as get-open-orders prints it."""
    return _order_fields(plan, rules)


def plan_history_row(plan: PlanOrder, rules: ContractRules) -> Json:
    """A fired or cancelled order as order-history prints it."""
    return {
        **_order_fields(plan, rules),
        "trigger_price": "0" if plan.kind == "trailing" else price_text(plan.trigger, rules),
        "execution_price": price_text(plan.executive, rules) if plan.executive else "Market price",
        "executive_order_id": str(plan.executive_order_id) if plan.executive_order_id else "",
    }


def plan_push(action: int, plan: PlanOrder, rules: ContractRules) -> Json:
    """An order as ``futures/order`` pushes it; a price that does not apply is a dash."""
    trails = plan.kind == "trailing"
    watched = _WATCHED[plan.price_type]
    price = price_text(plan.trigger, rules)
    execution = price_text(plan.executive, rules) if plan.executive else "Market price"
    return {
        "action": action,
        "order": {
            "order_id": str(plan.order_id),
            "client_order_id": plan.client_order_id,
            "price": price_text(plan.executive, rules),
            "size": str(plan.size),
            "symbol": plan.symbol,
            "state": plan.state,
            "side": plan.side,
            "type": _PUSHED.get(plan.kind, plan.kind),
            "leverage": str(plan.leverage),
            "open_type": plan.open_type,
            "deal_avg_price": "0",
            "deal_size": "0",
            "create_time": plan.created,
            "update_time": plan.updated,
            "plan_order_id": "",
            "last_trade": None,
            "trigger_price": "-" if trails else price,
            "trigger_price_type": "-" if trails else watched,
            "execution_price": "-" if trails else execution,
            "activation_price_type": watched if trails else "-",
            "activation_price": price if trails else "-",
            "callback_rate": callback_text(plan) if trails else "-",
            "position_mode": plan.position_mode,
        },
    }
