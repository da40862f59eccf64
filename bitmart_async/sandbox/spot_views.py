"""Spot orders and fills as REST and the streams print them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .matching import Side
from .numbers import ATOM_PLACES, fixed
from .spot_orders import order_mode

if TYPE_CHECKING:
    from .accounts import Account
    from .calls import Json
    from .events import SpotBalanceChanged
    from .ledger import Ledger
    from .rules import SpotRules
    from .spot import SpotMarket
    from .spot_orders import SpotFill, SpotOrder

__all__ = ["balance_push", "fill_row", "order_push", "order_row", "ticker_numbers"]

_OLD_STATES = {
    "new": "4",
    "partially_filled": "5",
    "filled": "6",
    "canceled": "8",
    "partially_canceled": "12",
}
_OLD_TYPES = {"limit": "0", "market": "0", "limit_maker": "1", "ioc": "3"}
_ENTRUST = {"limit": "normal", "market": "normal", "limit_maker": "limit_maker", "ioc": "ioc"}


def price_text(ticks: int, rules: SpotRules) -> str:
    return fixed(ticks, rules.price_decimals)


def size_text(lots: int, rules: SpotRules) -> str:
    return fixed(lots, rules.size_decimals)


def money_text(atoms: int) -> str:
    return fixed(atoms, ATOM_PLACES)


def average_text(order: SpotOrder, rules: SpotRules) -> str:
    """Average fill price, cut to the price's decimals; 0.00 before the first fill."""
    if not order.filled:
        return price_text(0, rules)
    return price_text(order.filled_value // rules.value(1, order.filled), rules)


def order_row(order: SpotOrder, rules: SpotRules) -> Json:
    """An order as the v4 queries print it. Without an own id the exchange repeats its own."""
    return {
        "orderId": str(order.order_id),
        "clientOrderId": order.client_order_id or str(order.order_id),
        "symbol": order.symbol,
        "side": order.side.value,
        "orderMode": order_mode(order.wallet),
        "type": order.type,
        "state": order.state,
        "cancelSource": order.cancel_source,
        "stpMode": order.stp.value,
        "price": price_text(order.price, rules),
        "priceAvg": average_text(order, rules),
        "size": size_text(order.size, rules),
        "filledSize": size_text(order.filled, rules),
        "notional": money_text(order.notional),
        "filledNotional": money_text(order.filled_value),
        "createTime": order.created,
        "updateTime": order.updated,
    }


def fill_row(fill: SpotFill, rules: SpotRules) -> Json:
    return {
        "tradeId": str(fill.trade_id),
        "orderId": str(fill.order_id),
        "clientOrderId": fill.client_order_id or str(fill.order_id),
        "symbol": fill.symbol,
        "side": fill.side.value,
        "orderMode": order_mode(fill.wallet),
        "type": fill.type,
        "stpMode": fill.stp.value,
        "price": price_text(fill.price, rules),
        "size": size_text(fill.size, rules),
        "notional": money_text(fill.value),
        "fee": money_text(fill.fee),
        "feeCoinName": rules.quote,
        "tradeRole": fill.role,
        "createTime": fill.at_ms,
        "updateTime": fill.at_ms,
    }


def order_push(order: SpotOrder, fill: SpotFill | None, rules: SpotRules) -> Json:
    """An order as the private streams push it: everything is text, times too."""
    is_market_buy = order.type == "market" and order.side is Side.BUY
    return {
        "symbol": order.symbol,
        "side": order.side.value,
        "type": "market" if order.type == "market" else "limit",
        "notional": money_text(order.notional) if is_market_buy else "",
        "size": size_text(order.size, rules),
        "ms_t": str(order.created),
        "price": price_text(order.price, rules),
        "filled_notional": money_text(order.filled_value),
        "filled_size": size_text(order.filled, rules),
        "margin_trading": "0" if order.wallet == "spot" else "1",
        "state": _OLD_STATES[order.state],
        "order_id": str(order.order_id),
        "order_type": _OLD_TYPES[order.type],
        "last_fill_time": str(fill.at_ms) if fill else "0",
        "last_fill_price": price_text(fill.price, rules) if fill else "0",
        "last_fill_count": size_text(fill.size, rules) if fill else "0",
        "exec_type": ("M" if fill.role == "maker" else "T") if fill else "",
        "detail_id": str(fill.trade_id) if fill else "",
        "client_order_id": order.client_order_id,
        "create_time": str(order.created),
        "update_time": str(order.updated),
        "order_mode": order_mode(order.wallet),
        "entrust_type": _ENTRUST[order.type],
        "order_state": order.state,
        "dealFee": money_text(fill.fee if fill else 0),
        "deal_fee_coin_name": rules.quote,
    }


def balance_push(event: SpotBalanceChanged, ledger: Ledger) -> Json:
    details: list[Json] = []
    for coin in event.coins:
        balance = ledger.balance(event.uid, "spot", coin)
        details.append(
            {"ccy": coin, "av_bal": money_text(balance.available), "fz_bal": money_text(balance.frozen)}
        )
    return {"event_type": event.cause, "event_time": str(event.at_ms), "balance_details": details}


def wallet_rows(account: Account, ledger: Ledger) -> list[tuple[str, str, str]]:
    """(coin, available, frozen) of every coin the account has ever held on spot."""
    rows: list[tuple[str, str, str]] = []
    for coin in ledger.coins(account.uid, "spot"):
        balance = ledger.balance(account.uid, "spot", coin)
        rows.append((coin, money_text(balance.available), money_text(balance.frozen)))
    return rows


def ticker_numbers(market: SpotMarket, now_ms: int) -> dict[str, str]:
    """The figures of a ticker under their v3 names; REST and stream rename as they need."""
    rules, day = market.rules, market.candles.day(now_ms // 1_000)
    bid, ask = market.book.levels(Side.BUY, 1), market.book.levels(Side.SELL, 1)
    change = (day.close - day.open) * 100_000 // day.open
    return {
        "last": price_text(day.close, rules),
        "v_24h": size_text(day.volume, rules),
        "qv_24h": fixed(day.turnover, ATOM_PLACES, 2),
        "open_24h": price_text(day.open, rules),
        "high_24h": price_text(day.high, rules),
        "low_24h": price_text(day.low, rules),
        "fluctuation": fixed(change, 5),
        "bid_px": price_text(bid[0][0], rules) if bid else "0",
        "bid_sz": size_text(bid[0][1], rules) if bid else "0",
        "ask_px": price_text(ask[0][0], rules) if ask else "0",
        "ask_sz": size_text(ask[0][1], rules) if ask else "0",
    }
