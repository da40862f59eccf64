"""Signed futures routes: orders, leverage, position mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .calls import Call, Handler, Json, Route
from .contract_orders import STP_MODES, ContractOrder, ContractTicket
from .contract_rules import ticks_of
from .futures import Setting
from .futures_views import price_text
from .matching import Side
from .quotas import Quota
from .refusals import Refusal
from .routes_plans import integer, read_presets
from .signatures import Auth

if TYPE_CHECKING:
    from .positions import Position

__all__ = ["ROUTES"]

_LEAST_TIMEOUT_S: Final = 5


def _position_mode(call: Call) -> Json:
    mode = call.text("position_mode")
    if mode not in ("hedge_mode", "one_way_mode"):
        raise Refusal(40007, "position_mode")
    call.exchange.futures.set_position_mode(call.uid, mode)
    return {"position_mode": mode}


def _leverage(call: Call) -> Json:
    futures, symbol = call.exchange.futures, call.text("symbol", refuse=40034)
    rules = futures.tradable(symbol).rules
    open_type = call.text("open_type")
    if open_type not in ("cross", "isolated"):
        raise Refusal(40045)
    leverage = call.whole("leverage", 40040, futures.setting(call.uid, symbol).leverage)
    assert leverage is not None, "there is a default"
    futures.set_leverage(call.uid, symbol, Setting(leverage, open_type))
    return {
        "symbol": symbol,
        "leverage": str(leverage),
        "open_type": open_type,
        "max_value": str(rules.max_leverage),
    }


def _submit(call: Call) -> Json:
    """The id is a JSON number here and text everywhere else; a market order has a word for a price."""
    futures = call.exchange.futures
    rules = futures.tradable(call.text("symbol", refuse=40034)).rules
    stp = integer(call, "stp_mode", 40007, 1)
    if stp not in STP_MODES:
        raise Refusal(40007, "stp_mode")
    order = futures.submit(
        call.account,
        ContractTicket(
            symbol=rules.symbol,
            side=integer(call, "side", 40041),
            type=call.text("type") or "limit",
            size=integer(call, "size", 40044),
            mode=integer(call, "mode", 40007, 1),
            price=call.number("price", 40007),
            leverage=call.number("leverage", 40040),
            open_type=call.text("open_type") or None,
            client_order_id=call.text("client_order_id"),
            stp=STP_MODES[stp],
            presets=read_presets(call, rules),
        ),
        call.now_ms,
    )
    price = "market price" if order.type == "market" else price_text(order.price, rules)
    return {"order_id": order.order_id, "price": price}


def _find(call: Call) -> ContractOrder:
    futures, symbol = call.exchange.futures, call.text("symbol", refuse=40034)
    futures.tradable(symbol)
    order_id, own = call.text("order_id"), call.text("client_order_id")
    if order_id:
        if not (order_id.isascii() and order_id.isdigit()):
            raise Refusal(40037)
        order = futures.order(call.uid, int(order_id))
    else:
        order = futures.order_by_client_id(call.uid, own)
    if order is None or order.symbol != symbol:
        raise Refusal(40035)
    if not order.is_open:
        raise Refusal(40036)
    return order


def _modify(call: Call) -> Json:
    if not call.text("order_id") and not call.text("client_order_id"):
        raise Refusal(40037)
    order = _find(call)
    if order.type != "limit":
        raise Refusal(40042)
    rules = call.exchange.futures.markets[order.symbol].rules
    price, size = call.get("price"), call.whole("size", 40044)
    if price is None and size is None:
        raise Refusal(40007, "price")
    call.exchange.futures.modify(
        order,
        order.price if price is None else ticks_of(price, rules),
        order.size if size is None else size,
        call.now_ms,
    )
    return {"order_id": order.order_id, "client_order_id": order.client_order_id}


def _cancel(call: Call) -> Json:
    """Without an id it cancels every order of the symbol, which is what the exchange does."""
    if not call.text("order_id") and not call.text("client_order_id"):
        return _cancel_symbol(call)
    call.exchange.futures.cancel(_find(call), call.now_ms)
    return {}


def _cancel_symbol(call: Call) -> Json:
    symbol = call.text("symbol", refuse=40034)
    call.exchange.futures.tradable(symbol)
    call.exchange.futures.cancel_symbol(call.uid, symbol, call.now_ms)
    return {}


def _cancel_all_after(call: Call) -> Json:
    symbol = call.text("symbol", refuse=40034)
    call.exchange.futures.tradable(symbol)
    timeout = integer(call, "timeout", 40007)
    if timeout != 0 and timeout < _LEAST_TIMEOUT_S:
        raise Refusal(40007, "timeout")
    deadline = call.now_ms + timeout * 1_000 if timeout else None
    call.exchange.futures.cancel_all_after(call.uid, symbol, deadline)
    now_s = call.now_ms // 1_000
    data: dict[str, Json] = {"result": True, "set_time": now_s}
    if timeout:
        data["cancel_time"] = now_s + timeout
    return data


def _close_all(call: Call) -> Json:
    """At market, after the closing orders that hold contracts of the position are gone."""
    if integer(call, "contractType", 40007) not in (1, 2):
        raise Refusal(40007, "contractType")
    symbol, side = call.text("symbol"), call.text("position_side")
    if symbol:
        call.exchange.futures.tradable(symbol)
    if side not in ("", "long", "short"):
        raise Refusal(40007, "position_side")
    if call.params["contractType"] == 2:  # nothing coin-margined is listed
        return {}
    for position in call.exchange.futures.positions(call.uid):
        name = "long" if position.direction is Side.BUY else "short"
        if symbol in ("", position.symbol) and side in ("", name):
            _close(call, position)
    return {}


def _close(call: Call, position: Position) -> None:
    futures = call.exchange.futures
    closing = 3 if position.direction is Side.BUY else 2
    for order in futures.open_orders(call.uid, position.symbol):
        if order.side == closing:
            futures.cancel(order, call.now_ms)
    futures.submit(
        call.account,
        ContractTicket(symbol=position.symbol, side=closing, type="market", size=position.volume),
        call.now_ms,
    )


def _signed(name: str, quota: Quota | None, handler: Handler) -> Route:
    return Route(
        method="POST",
        path=f"/contract/private/{name}",
        auth=Auth.SIGNED,
        quota=quota,
        handler=handler,
        message="Ok",
    )


ROUTES = (
    _signed("set-position-mode", Quota(2, 2, "KEY"), _position_mode),
    _signed("submit-leverage", Quota(24, 2, "KEY"), _leverage),
    _signed("submit-order", Quota(24, 2, "KEY"), _submit),
    _signed("modify-limit-order", Quota(24, 2, "UID"), _modify),
    _signed("cancel-order", Quota(40, 2, "KEY"), _cancel),
    _signed("cancel-orders", Quota(2, 2, "KEY"), _cancel_symbol),
    _signed("cancel-all-after", Quota(4, 2, "UID"), _cancel_all_after),
    _signed("close-all-position", None, _close_all),
)
