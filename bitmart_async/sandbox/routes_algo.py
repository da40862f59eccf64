"""Signed spot routes: algo orders. Their ids are a space of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .algo import AlgoTicket
from .calls import Call, Handler, Json, Route
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth

if TYPE_CHECKING:
    from decimal import Decimal

    from .algo import AlgoOrder

__all__ = ["ROUTES"]

_KINDS: Final = ("trigger", "tp/sl")
_ROWS: Final = 200


def _submit(call: Call) -> Json:
    symbol, side, kind = call.text("symbol"), call.text("side"), call.text("type")
    if not (symbol and side and kind):
        raise Refusal(50028)
    order = call.exchange.algo.submit(
        call.account,
        AlgoTicket(
            symbol=symbol,
            side=side,
            kind=kind,
            trigger_type=call.text("trigger_type").lower() or "limit",
            trigger_price=call.number("trigger_price", 50021),
            price=call.number("price", 50021),
            size=call.number("size", 50021),
            notional=call.number("notional", 50021),
            client_order_id=call.text("client_order_id"),
        ),
        call.now_ms,
    )
    return {"order_id": str(order.order_id)}


def _kind(call: Call) -> str:
    kind = call.text("type", refuse=50028)
    if kind not in _KINDS:
        raise Refusal(50021, "type")
    return kind


def _cancel(call: Call) -> Json:
    """The type must be sent and fit the order."""
    kind, order = _kind(call), _by_id(call, call.text("order_id", refuse=50028))
    if order is None or order.ticket.symbol != call.text("symbol", refuse=50028) or order.ticket.kind != kind:
        raise Refusal(50005)
    if not order.is_open:
        raise Refusal(50030 if order.state == "canceled" else 50036)
    call.exchange.algo.cancel(order, call.now_ms)
    return {"result": True}


def _cancel_all(call: Call) -> Json:
    kind, symbol = _kind(call), call.text("symbol")
    if symbol and call.exchange.spot.market(symbol) is None:
        raise Refusal(50001)
    for order in call.exchange.algo.orders(call.uid):
        if order.is_open and order.ticket.kind == kind and symbol in ("", order.ticket.symbol):
            call.exchange.algo.cancel(order, call.now_ms)
    return {}


def _by_id(call: Call, order_id: str) -> AlgoOrder | None:
    number = int(order_id) if order_id.isascii() and order_id.isdigit() else -1
    return call.exchange.algo.order(call.uid, number)


def _found(call: Call, order: AlgoOrder | None) -> Json:
    wanted = call.text("queryState")
    if wanted not in ("", "open", "history"):
        raise Refusal(52003)
    if order is None or (wanted and (wanted == "open") != order.is_open):
        raise Refusal(50005)
    return _row(order)


def _query(call: Call) -> Json:
    return _found(call, _by_id(call, call.text("orderId")))


def _query_client(call: Call) -> Json:
    return _found(call, call.exchange.algo.order_by_client_id(call.uid, call.text("clientOrderId")))


def _row(order: AlgoOrder) -> Json:
    ticket = order.ticket
    notional = ticket.notional
    if notional is None and ticket.price is not None and ticket.size is not None:
        notional = ticket.price * ticket.size
    return {
        "orderId": str(order.order_id),
        "clientOrderId": ticket.client_order_id or str(order.order_id),
        "symbol": ticket.symbol,
        "side": ticket.side,
        "orderMode": ticket.kind,
        "trigger_type": ticket.trigger_type,
        "state": order.state,
        "cancelSource": order.cancel_source,
        "price": _text(ticket.price),
        "size": _text(ticket.size),
        "notional": _text(notional),
        "createTime": order.created,
        "updateTime": order.updated,
    }


def _text(number: Decimal | None) -> str:
    return "0" if number is None else f"{number:f}"


def _listed(call: Call, *, still_open: bool) -> Json:
    symbol, mode = call.text("symbol"), call.text("orderMode")
    if symbol and call.exchange.spot.market(symbol) is None:
        raise Refusal(50001)
    if mode not in ("", *_KINDS):
        raise Refusal(52000)
    start, end = call.whole("startTime", 50041), call.whole("endTime", 50041)
    since, until = start or 0, call.now_ms if end is None else end
    if since > until:
        raise Refusal(52004)
    limit = call.whole("limit", 50021, _ROWS)
    if limit is None or not 1 <= limit <= _ROWS:
        raise Refusal(50021, "limit")
    rows = [
        order
        for order in reversed(call.exchange.algo.orders(call.uid))
        if order.is_open == still_open
        and since <= order.created <= until
        and symbol in ("", order.ticket.symbol)
        and mode in ("", order.ticket.kind)
    ]
    return [_row(order) for order in rows[:limit]]


def _open(call: Call) -> Json:
    return _listed(call, still_open=True)


def _history(call: Call) -> Json:
    return _listed(call, still_open=False)


def _change(name: str, calls: int, handler: Handler) -> Route:
    return Route(
        method="POST",
        path=f"/spot/v4/algo/{name}",
        auth=Auth.SIGNED,
        quota=Quota(calls, 2, "KEY"),
        handler=handler,
    )


def _read(name: str, calls: int, handler: Handler) -> Route:
    return Route(
        method="POST",
        path=f"/spot/v4/query/algo/{name}",
        auth=Auth.SIGNED,
        quota=Quota(calls, 2, "KEY"),
        handler=handler,
        message="success",
        recv_window=True,
    )


ROUTES = (
    _change("submit_order", 10, _submit),
    _change("cancel_order", 10, _cancel),
    _change("cancel_all", 5, _cancel_all),
    _read("order", 40, _query),
    _read("client-order", 40, _query_client),
    _read("open-orders", 20, _open),
    _read("history-orders", 20, _history),
)
