"""Private futures routes that read with the key alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from .calls import Call, Handler, Json, Route
from .futures_views import (
    asset_row,
    fill_row,
    flow_row,
    order_row,
    position_risk_row,
    position_row,
    position_v2_row,
)
from .numbers import short
from .plan_orders import PlanOrder
from .plan_views import plan_history_row, trailing_row
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth

if TYPE_CHECKING:
    from collections.abc import Callable

    from .contract_orders import ContractOrder
    from .positions import Position

__all__ = ["ROUTES"]

_WEEK_MS: Final = 7 * 86_400_000
_QUARTER_MS: Final = 90 * 86_400_000
_ROWS: Final = 200
_Row = TypeVar("_Row")


def _symbol(call: Call) -> str:
    """The symbol filter; an unknown one is refused."""
    symbol = call.text("symbol")
    if symbol:
        call.exchange.futures.tradable(symbol)
    return symbol


def _assets(call: Call) -> Json:
    return [
        asset_row(call.exchange.futures, call.exchange, call.uid, coin)
        for coin in call.exchange.settlement_coins
    ]


def _fee_rate(call: Call) -> Json:
    symbol = call.text("symbol", refuse=40034)
    call.exchange.futures.tradable(symbol)
    fees = call.exchange.futures.fees
    return {
        "symbol": symbol,
        "taker_fee_rate": short(fees.taker_ppm, 6),
        "maker_fee_rate": short(fees.maker_ppm, 6),
    }


def _mode(call: Call) -> Json:
    return {"position_mode": call.exchange.futures.position_mode(call.uid)}


def _held(call: Call) -> list[Position]:
    symbol = _symbol(call)
    return [p for p in call.exchange.futures.positions(call.uid) if symbol in ("", p.symbol)]


def _positions(call: Call) -> Json:
    if call.text("account") == "copy_trading":
        return []
    return [position_row(call.exchange.futures, p, call.now_ms) for p in _held(call)]


def _positions_v2(call: Call) -> Json:
    """With a symbol every leg is listed, flat ones too."""
    futures, symbol = call.exchange.futures, _symbol(call)
    if call.text("account") == "copy_trading":
        return []
    rows = _held(call)
    if symbol:
        rows = [futures.position(call.uid, symbol, leg) for leg in futures.legs(call.uid)]
    return [position_v2_row(futures, position, call.now_ms) for position in rows]


def _risk(call: Call) -> Json:
    if call.text("account") == "copy_trading":
        return []
    return [position_risk_row(call.exchange.futures, p, call.now_ms) for p in _held(call)]


def _flows(call: Call) -> Json:
    """Milliseconds in the query, unlike its neighbours."""
    symbol = _symbol(call)
    kind = call.whole("flow_type", 40007, 0)
    rows = [
        flow
        for flow in call.exchange.futures.flows(call.uid)
        if symbol in ("", flow.symbol) and kind in (0, flow.kind)
    ]
    limit = call.within("page_size", 100, 1, 1_000, 40007)
    return [flow_row(flow) for flow in _windowed(call, rows, lambda flow: flow.at_ms, unit_ms=1, limit=limit)]


def _windowed(
    call: Call,
    rows: list[_Row],
    at: Callable[[_Row], int],
    *,
    unit_ms: int,
    limit: int,
    widest_ms: int | None = None,
) -> list[_Row]:
    """Newest first, within start_time and end_time, or the last 7 days when neither is given."""
    if call.text("account") == "copy_trading":
        return []
    start, end = call.whole("start_time", 40039), call.whole("end_time", 40039)
    since = call.now_ms - _WEEK_MS if start is None and end is None else (start or 0) * unit_ms
    until = call.now_ms if end is None else end * unit_ms + unit_ms - 1
    if start is not None and end is not None and end <= start:
        raise Refusal(40039)
    if widest_ms is not None and start is not None and until - since > widest_ms + unit_ms:
        raise Refusal(40039)
    kept = [row for row in reversed(rows) if since <= at(row) <= until]
    kept.sort(key=at, reverse=True)
    return kept[:limit]


def _order(call: Call) -> Json:
    futures, symbol = call.exchange.futures, call.text("symbol", refuse=40034)
    rules = futures.tradable(symbol).rules
    order_id = call.text("order_id", refuse=40037)
    if not (order_id.isascii() and order_id.isdigit()):
        raise Refusal(40037)
    order = futures.order(call.uid, int(order_id))
    if order is None or order.symbol != symbol:
        raise Refusal(40035)
    return order_row(order, rules)


def _history(call: Call) -> Json:
    """Seconds in the query, milliseconds in the rows; row 201 and later are silently dropped.

    Plans that have fired or were cancelled are here too.
    """
    futures, symbol = call.exchange.futures, call.text("symbol", refuse=40034)
    rules = futures.tradable(symbol).rules
    order_id, own = call.text("order_id"), call.text("client_order_id")
    known: list[ContractOrder | PlanOrder] = [*futures.orders(call.uid), *call.exchange.plans.plans(call.uid)]
    known.sort(key=lambda order: order.order_id)
    rows = [
        order
        for order in known
        if order.symbol == symbol
        and not order.is_open
        and order_id in ("", str(order.order_id))
        and own in ("", order.client_order_id)
    ]
    rows = _windowed(
        call, rows, lambda order: order.created, unit_ms=1_000, limit=_ROWS, widest_ms=_QUARTER_MS
    )
    return [
        plan_history_row(row, rules) if isinstance(row, PlanOrder) else order_row(row, rules, history=True)
        for row in rows
    ]


def _open_orders(call: Call) -> Json:
    futures, symbol = call.exchange.futures, _symbol(call)
    kind, state = call.text("type"), call.text("order_state") or "all"
    if kind not in ("", "limit", "market", "trailing"):
        raise Refusal(40042)
    if state not in ("all", "partially_filled"):
        raise Refusal(40007, "order_state")
    rows = [
        order
        for order in futures.open_orders(call.uid, symbol or None)
        if kind in ("", order.type) and (state == "all" or order.filled)
    ]
    trailing = [
        plan
        for plan in call.exchange.plans.working(call.uid)
        if plan.kind == "trailing"
        and kind in ("", "trailing")
        and symbol in ("", plan.symbol)
        and state == "all"
    ]
    shown = [
        *(order_row(order, futures.markets[order.symbol].rules) for order in rows[::-1]),
        *(trailing_row(plan, futures.markets[plan.symbol].rules) for plan in trailing[::-1]),
    ]
    return shown[: call.within("limit", 100, 1, 100, 40007)]


def _trades(call: Call) -> Json:
    futures, symbol = call.exchange.futures, _symbol(call)
    order_id, own = call.text("order_id"), call.text("client_order_id")
    rows = [
        fill
        for fill in futures.fills(call.uid)
        if symbol in ("", fill.symbol)
        and order_id in ("", str(fill.order_id))
        and own in ("", fill.client_order_id)
    ]
    rows = _windowed(call, rows, lambda fill: fill.at_ms, unit_ms=1_000, limit=_ROWS, widest_ms=_QUARTER_MS)
    return [fill_row(fill, futures.markets[fill.symbol].rules) for fill in rows]


def _private(name: str, calls: int, handler: Handler) -> Route:
    return Route(
        method="GET",
        path=f"/contract/private/{name}",
        auth=Auth.KEYED,
        quota=Quota(calls, 2, "KEY"),
        handler=handler,
        message="Ok",
    )


ROUTES = (
    _private("assets-detail", 12, _assets),
    _private("trade-fee-rate", 2, _fee_rate),
    _private("get-position-mode", 2, _mode),
    _private("position", 6, _positions),
    _private("position-v2", 6, _positions_v2),
    _private("position-risk", 24, _risk),
    _private("transaction-history", 6, _flows),
    _private("order", 50, _order),
    _private("order-history", 6, _history),
    _private("get-open-orders", 50, _open_orders),
    _private("trades", 6, _trades),
)
