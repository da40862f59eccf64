"""Signed spot routes: orders and their queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from .calls import Call, Handler, Json, Params, Route
from .matching import Stp
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth
from .spot_orders import SpotFill, SpotOrder, SpotTicket, order_mode
from .spot_views import fill_row, order_row

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROUTES"]

_WEEK_MS: Final = 7 * 86_400_000
_BATCH: Final = 10
_ROWS: Final = 200
_Row = TypeVar("_Row", SpotFill, SpotOrder)


def _ticket(row: dict[str, Json], symbol: str, id_name: str) -> SpotTicket:
    """The order a JSON object asks for. Names in another letter case are not seen, as on the exchange."""
    fields = Params(row)
    side, kind = fields.text("side"), fields.text("type")
    if not (symbol and side and kind):
        raise Refusal(50028)
    stp = fields.text("stpMode") or Stp.NONE.value
    if stp not in {mode.value for mode in Stp}:
        raise Refusal(50021, "stpMode")
    return SpotTicket(
        symbol=symbol,
        side=side,
        type=kind,
        price=fields.number("price", 50021),
        size=fields.number("size", 50021),
        notional=fields.number("notional", 50021),
        client_order_id=fields.text(id_name),
        stp=Stp(stp),
    )


def _submit(call: Call) -> Json:
    ticket = _ticket(call.params, call.text("symbol"), "client_order_id")
    order = call.exchange.spot.submit(call.account, ticket, call.now_ms)
    return {"order_id": str(order.order_id)}


def _batch(call: Call) -> Json:
    """Orders are judged one by one; if none is taken the inner code says why the last was refused."""
    symbol, rows = call.text("symbol", refuse=50028), call.rows("orderParams")
    if not 1 <= len(rows) <= _BATCH:
        raise Refusal(50033)
    if call.exchange.spot.market(symbol) is None:
        raise Refusal(50001)
    taken: list[Json] = []
    refused: Refusal | None = None
    for row in rows:
        try:
            order = call.exchange.spot.submit(
                call.account, _ticket(row, symbol, "clientOrderId"), call.now_ms
            )
        except Refusal as refusal:
            refused = refusal
        else:
            taken.append(str(order.order_id))
    if refused is not None and not taken:
        return {"code": refused.code, "msg": refused.text, "data": {"orderIds": []}}
    return {"code": 0, "msg": "success", "data": {"orderIds": taken}}


def _find(call: Call, order_id: str, client_order_id: str) -> SpotOrder | None:
    if order_id:
        return call.exchange.spot.order(call.uid, _number(order_id), call.now_ms)
    return call.exchange.spot.order_by_client_id(call.uid, client_order_id, call.now_ms)


def _number(order_id: str) -> int:
    return int(order_id) if order_id.isascii() and order_id.isdigit() else -1


def _cancel(call: Call) -> Json:
    order_id, client_order_id = call.text("order_id"), call.text("client_order_id")
    if not order_id and not client_order_id:
        raise Refusal(50039)
    order = _find(call, order_id, client_order_id)
    if order is None and call.exchange.spot.was_here(call.uid, _number(order_id), client_order_id):
        raise Refusal(50032)  # that it is this code for what is forgotten, no source says
    if order is None or order.symbol != call.text("symbol", refuse=50028):
        raise Refusal(50005)
    if not order.is_open:
        raise Refusal(50031 if order.state == "filled" else 50030)
    call.exchange.spot.cancel(order, call.now_ms)
    return {"result": True}


def _cancel_many(call: Call) -> Json:
    symbol = call.text("symbol", refuse=50028)
    if call.exchange.spot.market(symbol) is None:
        raise Refusal(50001)
    ids, own = call.texts("orderIds"), call.texts("clientOrderIds")
    if bool(ids) == bool(own):
        raise Refusal(50039 if not ids else 50021)
    if len(ids or own) > _BATCH:
        raise Refusal(50033)
    good: list[Json] = []
    bad: list[Json] = []
    for wanted in ids or own:
        order = _find(call, wanted if ids else "", wanted)
        if order is None or order.symbol != symbol or not order.is_open:
            bad.append(wanted)
        else:
            call.exchange.spot.cancel(order, call.now_ms)
            good.append(wanted)
    return {
        "successIds": good,
        "failIds": bad,
        "totalCount": len(good) + len(bad),
        "successCount": len(good),
        "failedCount": len(bad),
    }


def _cancel_all(call: Call) -> Json:
    symbol, side = call.text("symbol"), call.text("side")
    if symbol and call.exchange.spot.market(symbol) is None:
        raise Refusal(50001)
    if side not in ("", "buy", "sell"):
        raise Refusal(52002)
    for order in call.exchange.spot.open_orders(call.uid, symbol or None):
        if side in ("", order.side.value):
            call.exchange.spot.cancel(order, call.now_ms)
    return {}


def _state_fits(call: Call, order: SpotOrder) -> bool:
    wanted = call.text("queryState")
    if wanted not in ("", "open", "history"):
        raise Refusal(52003)
    return not wanted or (wanted == "open") == order.is_open


def _query(call: Call, id_name: str) -> Json:
    wanted = call.text(id_name)
    order = _find(call, wanted, "") if id_name == "orderId" else _find(call, "", wanted)
    if not wanted or order is None or not _state_fits(call, order):
        raise Refusal(50005)
    return order_row(order, call.exchange.spot.markets[order.symbol].rules)


def _query_order(call: Call) -> Json:
    return _query(call, "orderId")


def _query_client_order(call: Call) -> Json:
    return _query(call, "clientOrderId")


def _windowed(call: Call, rows: list[_Row], at: Callable[[_Row], int]) -> list[_Row]:
    """Newest first, within the time asked for, or the last 7 days when no time is given."""
    symbol, mode = call.text("symbol"), call.text("orderMode")
    if symbol and call.exchange.spot.market(symbol) is None:
        raise Refusal(50001)
    if mode not in ("", "spot", "iso_margin"):
        raise Refusal(52000)
    start, end = call.whole("startTime", 50041), call.whole("endTime", 50041)
    limit = call.whole("limit", 50021, _ROWS)
    if limit is None or not 1 <= limit <= _ROWS:
        raise Refusal(50021, "limit")
    if start is None and end is None:
        start = call.now_ms - _WEEK_MS
    since, until = start or 0, call.now_ms if end is None else end
    if since > until:
        raise Refusal(52004)
    kept = [
        row
        for row in rows
        if since <= at(row) <= until and symbol in ("", row.symbol) and mode in ("", order_mode(row.wallet))
    ]
    kept.sort(key=at, reverse=True)
    return kept[:limit]


def _orders(call: Call, *, still_open: bool) -> Json:
    spot = call.exchange.spot
    rows = [
        order
        for order in spot.orders(call.uid)
        if order.is_open == still_open and spot.order(call.uid, order.order_id, call.now_ms)
    ]
    rows.reverse()  # so that among equal times the newest stays first
    return [
        order_row(order, spot.markets[order.symbol].rules)
        for order in _windowed(call, rows, lambda order: order.created)
    ]


def _open_orders(call: Call) -> Json:
    return _orders(call, still_open=True)


def _history_orders(call: Call) -> Json:
    return _orders(call, still_open=False)


def _trades(call: Call) -> Json:
    spot = call.exchange.spot
    rows = _windowed(call, spot.fills(call.uid)[::-1], lambda fill: fill.at_ms)
    return [fill_row(fill, spot.markets[fill.symbol].rules) for fill in rows]


def _order_trades(call: Call) -> Json:
    """An order without fills is answered like an order that does not exist."""
    spot, wanted = call.exchange.spot, call.text("orderId")
    rows = [fill for fill in spot.fills(call.uid) if str(fill.order_id) == wanted]
    if not rows:
        raise Refusal(50005)
    return [fill_row(fill, spot.markets[fill.symbol].rules) for fill in rows]


def _post(path: str, quota: Quota, handler: Handler, *, message: str = "OK", window: bool = False) -> Route:
    return Route(
        method="POST",
        path=path,
        auth=Auth.SIGNED,
        quota=quota,
        handler=handler,
        message=message,
        recv_window=window,
    )


def _read(name: str, calls: int, handler: Handler) -> Route:
    return _post(f"/spot/v4/query/{name}", Quota(calls, 2, "KEY"), handler, message="success", window=True)


ROUTES = (
    _post("/spot/v2/submit_order", Quota(40, 2, "UID"), _submit),
    _post("/spot/v4/batch_orders", Quota(40, 2, "UID"), _batch, window=True),
    _post("/spot/v3/cancel_order", Quota(40, 2, "UID"), _cancel),
    _post("/spot/v4/cancel_orders", Quota(40, 2, "UID"), _cancel_many, window=True),
    _post("/spot/v4/cancel_all", Quota(1, 3, "UID"), _cancel_all),
    _read("order", 50, _query_order),
    _read("client-order", 50, _query_client_order),
    _read("open-orders", 12, _open_orders),
    _read("history-orders", 12, _history_orders),
    _read("trades", 12, _trades),
    _read("order-trades", 12, _order_trades),
)
