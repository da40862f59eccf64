"""Futures orders that wait for a price: plan, take-profit, stop-loss, trailing, and presets."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .calls import Call, Handler, Json, Params, Route
from .contract_orders import MODES, NO_PRESETS, Presets
from .contract_rules import check_client_id, ticks_of
from .plan_orders import CLOSERS, FALLS, RISES, PlanOrder, closing_way
from .plan_views import plan_row
from .plans import check_leverage
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth

if TYPE_CHECKING:
    from collections.abc import Callable

    from .rules import ContractRules

__all__ = ["ROUTES", "integer", "read_presets"]

_LEAST_CALLBACK: Final = Decimal("0.1")
_MOST_CALLBACK: Final = Decimal(5)


def integer(params: Params, name: str, refuse: int, default: int | None = None) -> int:
    """A JSON integer; text is not taken for one."""
    value = params.params.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal(refuse, name)
    return value


def _choice(call: Call, name: str, choices: tuple[int, ...], default: int | None = None) -> int:
    value = integer(call, name, 40007, default)
    if value not in choices:
        raise Refusal(40007, name)
    return value


def read_presets(call: Call, rules: ContractRules, before: Presets = NO_PRESETS) -> Presets:
    """The presets a call names; what it does not name stays as it was."""
    values: list[int] = []
    for name, price, watched in (
        ("take_profit", before.take_profit, before.take_profit_type),
        ("stop_loss", before.stop_loss, before.stop_loss_type),
    ):
        given = call.get(f"preset_{name}_price")
        ticks = price if given is None else ticks_of(given, rules)
        kind = _choice(call, f"preset_{name}_price_type", (0, 1, 2), watched or 1) or 1
        values += [ticks, kind if ticks else 0]
    return Presets(*values)


def _rules(call: Call) -> ContractRules:
    return call.exchange.futures.tradable(call.text("symbol", refuse=40034)).rules


def _size(call: Call, rules: ContractRules, default: int | None = None) -> int:
    size = integer(call, "size", 40044, default)
    if default == 0 and size == 0:
        return 0
    if not rules.min_volume <= size <= rules.max_volume:
        raise Refusal(40044)
    return size


def _open_type(call: Call) -> str:
    open_type = call.text("open_type")
    if open_type not in ("cross", "isolated"):
        raise Refusal(40045)
    return open_type


def _executive(call: Call, rules: ContractRules) -> int:
    """Ticks; 0 when the price is missing or zero, which is at market."""
    given = call.number("executive_price", 40007)
    return 0 if not given else ticks_of(str(given), rules)


def _side(call: Call, sides: tuple[int, ...]) -> int:
    side = integer(call, "side", 40041)
    if side not in sides:
        raise Refusal(40041)
    return side


def _submit_plan(call: Call) -> Json:
    """The id is a JSON number here and text where the order is read back."""
    rules, kind = _rules(call), call.text("type") or "limit"
    if kind not in ("limit", "market", *CLOSERS):
        raise Refusal(40042)
    closes = kind in CLOSERS
    side = _side(call, (2, 3) if closes else (1, 2, 3, 4))
    mode = _choice(call, "mode", tuple(MODES), 1)
    executive = 0 if kind == "market" else _executive(call, rules)
    if kind == "limit" and not executive:
        raise Refusal(40007, "executive_price")
    category = _choice(call, "plan_category", (1, 2), 1)
    way = _choice(call, "price_way", (RISES, FALLS))
    plan = call.exchange.plans.submit(
        PlanOrder(
            order_id=0,
            client_order_id="",
            account=call.account,
            symbol=rules.symbol,
            kind=kind if closes else "plan",
            side=side,
            execution="limit" if executive else "market",
            mode=mode,
            size=0 if closes and category == 2 else _size(call, rules),
            leverage=check_leverage(call.number("leverage", 40040), rules),
            open_type=_open_type(call),
            position_mode=call.exchange.futures.position_mode(call.uid),
            price_type=_choice(call, "price_type", (1, 2)),
            price_way=way,
            trigger=ticks_of(call.get("trigger_price"), rules),
            executive=executive,
            category=category,
            presets=read_presets(call, rules),
            created=call.now_ms,
            updated=call.now_ms,
        )
    )
    return {"order_id": plan.order_id}


def _submit_closer(call: Call) -> Json:
    """Take-profit or stop-loss. Without a size, or in category 2, it is for the whole position."""
    rules, kind = _rules(call), call.text("type")
    if kind not in CLOSERS:
        raise Refusal(40042)
    side, own_id = _side(call, (2, 3)), call.text("client_order_id")
    check_client_id(own_id)
    category = _choice(call, "plan_category", (1, 2), 2)
    execution, executive = _execution(call, rules)
    plan = call.exchange.plans.submit(
        PlanOrder(
            order_id=0,
            client_order_id=own_id,
            account=call.account,
            symbol=rules.symbol,
            kind=kind,
            side=side,
            execution=execution,
            size=_size(call, rules, 0) if category == 1 else 0,
            leverage=0,
            open_type="cross",
            position_mode=call.exchange.futures.position_mode(call.uid),
            price_type=_choice(call, "price_type", (1, 2)),
            price_way=closing_way(kind, side),
            trigger=ticks_of(call.get("trigger_price"), rules),
            executive=executive,
            category=category,
            created=call.now_ms,
            updated=call.now_ms,
        )
    )
    return {"order_id": str(plan.order_id), "client_order_id": own_id}


def _execution(call: Call, rules: ContractRules) -> tuple[str, int]:
    """How a take-profit or stop-loss is carried out: as its category says, else by its price."""
    category, executive = call.text("category"), _executive(call, rules)
    if category not in ("", "limit", "market"):
        raise Refusal(40007, "category")
    if category == "limit" and not executive:
        raise Refusal(40007, "executive_price")
    if category == "market":
        executive = 0
    return ("limit" if executive else "market"), executive


def _submit_trail(call: Call) -> Json:
    rules, side = _rules(call), _side(call, (1, 2, 3, 4))
    callback = call.number("callback_rate", 40007)
    if callback is None or not _LEAST_CALLBACK <= callback <= _MOST_CALLBACK:
        raise Refusal(40007, "callback_rate")
    plan = call.exchange.plans.submit(
        PlanOrder(
            order_id=0,
            client_order_id="",
            account=call.account,
            symbol=rules.symbol,
            kind="trailing",
            side=side,
            execution="market",
            size=_size(call, rules),
            leverage=check_leverage(call.number("leverage", 40040), rules),
            open_type=_open_type(call),
            position_mode=call.exchange.futures.position_mode(call.uid),
            price_type=_choice(call, "activation_price_type", (1, 2)),
            price_way=RISES if side in (3, 4) else FALLS,
            trigger=ticks_of(call.get("activation_price"), rules),
            callback_ppm=int(callback.scaleb(4)),
            created=call.now_ms,
            updated=call.now_ms,
        )
    )
    return {"order_id": plan.order_id}


def _find(call: Call, fits: Callable[[PlanOrder], bool]) -> PlanOrder:
    """The working order the call names by either id."""
    rules = _rules(call)
    order_id, own_id = call.text("order_id"), call.text("client_order_id")
    if order_id:
        if not (order_id.isascii() and order_id.isdigit()):
            raise Refusal(40037)
        plan = call.exchange.plans.plan(call.uid, int(order_id))
    elif own_id:
        plan = call.exchange.plans.plan_by_client_id(call.uid, own_id)
    else:
        raise Refusal(40037)
    if plan is None or plan.symbol != rules.symbol or not fits(plan):
        raise Refusal(40035)
    if not plan.is_open:
        raise Refusal(40036)
    return plan


def _modify_plan(call: Call) -> Json:
    plan, rules = _find(call, lambda plan: plan.kind == "plan"), _rules(call)
    kind = call.text("type")
    if kind not in ("limit", "market"):
        raise Refusal(40042)
    trigger, price_type = ticks_of(call.get("trigger_price"), rules), _choice(call, "price_type", (1, 2))
    executive = _executive(call, rules) if kind == "limit" else 0
    if kind == "limit" and not executive:
        raise Refusal(40007, "executive_price")
    plan.execution, plan.executive, plan.trigger, plan.price_type = kind, executive, trigger, price_type
    call.exchange.plans.changed(plan, call.now_ms)
    return {"order_id": str(plan.order_id)}


def _modify_closer(call: Call) -> Json:
    """There is no size to change, but category 2 makes it one for the whole position."""
    plan, rules = _find(call, lambda plan: plan.kind in CLOSERS), _rules(call)
    trigger, price_type = ticks_of(call.get("trigger_price"), rules), _choice(call, "price_type", (1, 2))
    category = _choice(call, "plan_category", (1, 2), plan.category)
    if category == 1 and call.get("executive_price") is None:
        raise Refusal(40007, "executive_price")
    plan.execution, plan.executive = _execution(call, rules)
    plan.trigger, plan.price_type, plan.category = trigger, price_type, category
    if category == 2:
        plan.size = 0
    call.exchange.plans.changed(plan, call.now_ms)
    return {"order_id": str(plan.order_id)}


def _modify_presets(call: Call) -> Json:
    """Of a working order or a waiting plan; what is not named stays."""
    rules, wanted = _rules(call), call.text("order_id", refuse=40037)
    if not (wanted.isascii() and wanted.isdigit()):
        raise Refusal(40037)
    order = call.exchange.futures.order(call.uid, int(wanted))
    plan = call.exchange.plans.plan(call.uid, int(wanted))
    found = order or plan
    if found is None or found.symbol != rules.symbol:
        raise Refusal(40035)
    if not found.is_open or found.closes:
        raise Refusal(40036)
    found.presets = read_presets(call, rules, found.presets)
    found.updated = call.now_ms
    return {"order_id": wanted}


def _cancel_plan(call: Call) -> Json:
    """Without an id it cancels every plan, take-profit and stop-loss of the symbol."""
    return _cancel(call, lambda plan: plan.kind != "trailing")


def _cancel_trail(call: Call) -> Json:
    return _cancel(call, lambda plan: plan.kind == "trailing")


def _cancel(call: Call, fits: Callable[[PlanOrder], bool]) -> Json:
    plans = call.exchange.plans
    if call.text("order_id") or call.text("client_order_id"):
        plans.cancel(_find(call, fits), call.now_ms)
        return {}
    symbol = _rules(call).symbol
    for plan in plans.working(call.uid):
        if plan.symbol == symbol and fits(plan):
            plans.cancel(plan, call.now_ms)
    return {}


def _current(call: Call) -> Json:
    futures, symbol = call.exchange.futures, call.text("symbol")
    if symbol:
        futures.tradable(symbol)
    kind, plan_type = call.text("type"), call.text("plan_type")
    if kind not in ("", "limit", "market"):
        raise Refusal(40042)
    if plan_type not in ("", "plan", "profit_loss"):
        raise Refusal(40007, "plan_type")
    rows = [
        plan
        for plan in reversed(call.exchange.plans.working(call.uid))
        if plan.kind != "trailing"
        and symbol in ("", plan.symbol)
        and kind in ("", plan.execution)
        and plan_type in ("", "plan" if plan.kind == "plan" else "profit_loss")
    ]
    return [
        plan_row(
            plan,
            futures.markets[plan.symbol].rules,
            plan.size or futures.position(call.uid, plan.symbol, futures.leg(call.uid, plan.side)).volume,
        )
        for plan in rows[: call.within("limit", 100, 1, 100, 40007)]
    ]


def _signed(name: str, calls: int, handler: Handler) -> Route:
    return Route(
        method="POST",
        path=f"/contract/private/{name}",
        auth=Auth.SIGNED,
        quota=Quota(calls, 2, "UID"),
        handler=handler,
        message="Ok",
    )


ROUTES = (
    _signed("submit-plan-order", 24, _submit_plan),
    _signed("modify-plan-order", 24, _modify_plan),
    _signed("cancel-plan-order", 40, _cancel_plan),
    Route(
        method="GET",
        path="/contract/private/current-plan-order",
        auth=Auth.KEYED,
        quota=Quota(50, 2, "KEY"),
        handler=_current,
        message="Ok",
    ),
    _signed("submit-tp-sl-order", 24, _submit_closer),
    _signed("modify-tp-sl-order", 24, _modify_closer),
    _signed("modify-preset-plan-order", 24, _modify_presets),
    _signed("submit-trail-order", 24, _submit_trail),
    _signed("cancel-trail-order", 24, _cancel_trail),
)
