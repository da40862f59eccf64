"""Futures orders, positions, fills and tickers as REST and the streams print them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from .matching import Side
from .numbers import ATOM_PLACES, fixed, short
from .positions import Position, initial_margin

if TYPE_CHECKING:
    from .calls import Json
    from .contract_orders import ContractFill, ContractOrder, Flow, Presets
    from .exchange import Exchange
    from .futures import ContractMarket, FuturesEngine
    from .rules import ContractRules

__all__ = [
    "asset_push",
    "asset_row",
    "average_of",
    "fill_row",
    "flow_row",
    "funding_times",
    "index_text",
    "mark_text",
    "money",
    "order_push",
    "order_row",
    "position_push",
    "position_risk_row",
    "position_row",
    "position_v2_row",
    "preset_fields",
    "price_text",
    "rfc3339",
    "ticker_push",
]

_FLOW_NAMES: Final = {
    1: "Transfer",
    2: "Realized PNL",
    3: "Funding Fee",
    4: "Commission Fee",
    5: "Liquidation Clearance",
}


def price_text(ticks: int, rules: ContractRules) -> str:
    return short(ticks, rules.price_decimals)


def money(atoms: int) -> str:
    return short(atoms, ATOM_PLACES)


def average_of(value: int, contracts: int, rules: ContractRules) -> str:
    """Average price of contracts worth so many atoms in total."""
    if not contracts:
        return "0"
    return short(rules.price_of(value, contracts, 10**8), rules.price_decimals + 8)


def mark_text(market: ContractMarket) -> str:
    return short(market.mark * 5, market.rules.price_decimals + 1)


def index_text(exchange: Exchange, rules: ContractRules) -> str:
    pair = exchange.spot.markets[rules.index_pair]
    return short(pair.middle * 5, pair.rules.price_decimals + 1)


def rfc3339(at_ns: int) -> str:
    seconds, nanos = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


def funding_times(rules: ContractRules, now_ms: int) -> tuple[int, int]:
    """The settlement before now and the one to come, ms."""
    length = rules.funding_hours * 3_600_000
    before = now_ms // length * length
    return before, before + length


def order_row(order: ContractOrder, rules: ContractRules, *, history: bool = False) -> Json:
    row: dict[str, Json] = {
        "order_id": str(order.order_id),
        "client_order_id": order.client_order_id,
        "price": price_text(order.price, rules),
        "size": str(order.size),
        "symbol": order.symbol,
        "state": order.state,
        "side": order.side,
        "type": order.type,
        "account": "futures",
        "position_mode": order.position_mode,
        "leverage": str(order.leverage),
        "open_type": order.open_type,
        "deal_avg_price": average_of(order.filled_value, order.filled, rules),
        "deal_size": str(order.filled),
        "create_time": order.created,
        "update_time": order.updated,
        "activation_price_type": 0,
        "activation_price": "0" if history else "",
        "callback_rate": "0" if history else "",
        **preset_fields(order.presets, rules),
    }
    if history:
        row["trigger_price"] = "0"
        row["execution_price"] = "0"
    return row


def preset_fields(presets: Presets, rules: ContractRules) -> dict[str, Json]:
    return {
        "preset_take_profit_price_type": presets.take_profit_type,
        "preset_stop_loss_price_type": presets.stop_loss_type,
        "preset_take_profit_price": price_text(presets.take_profit, rules) if presets.take_profit else "",
        "preset_stop_loss_price": price_text(presets.stop_loss, rules) if presets.stop_loss else "",
    }


def order_push(action: int, order: ContractOrder, fill: ContractFill | None, rules: ContractRules) -> Json:
    """An order as ``futures/order`` pushes it; a price that does not apply is a dash."""
    last: Json = None
    if fill is not None:
        last = {
            "lastTradeID": fill.trade_id,
            "fillQty": str(fill.size),
            "fillPrice": price_text(fill.price, rules),
            "fee": money(-fill.fee),
            "feeCcy": rules.coin,
        }
    return {
        "action": action,
        "order": {
            "order_id": str(order.order_id),
            "client_order_id": order.client_order_id,
            "price": price_text(order.price, rules),
            "size": str(order.size),
            "symbol": order.symbol,
            "state": order.state,
            "side": order.side,
            "type": order.type,
            "leverage": str(order.leverage),
            "open_type": order.open_type,
            "deal_avg_price": average_of(order.filled_value, order.filled, rules),
            "deal_size": str(order.filled),
            "create_time": order.created,
            "update_time": order.updated,
            "plan_order_id": str(order.plan_order_id) if order.plan_order_id else "",
            "last_trade": last,
            "trigger_price": "-",
            "trigger_price_type": "-",
            "execution_price": "-",
            "activation_price_type": "-",
            "activation_price": "-",
            "callback_rate": "-",
            "position_mode": order.position_mode,
        },
    }


def fill_row(fill: ContractFill, rules: ContractRules) -> Json:
    return {
        "order_id": str(fill.order_id),
        "trade_id": str(fill.trade_id),
        "symbol": fill.symbol,
        "side": fill.side,
        "price": price_text(fill.price, rules),
        "vol": str(fill.size),
        "exec_type": fill.role,
        "profit": fill.realised > 0,
        "create_time": fill.at_ms,
        "realised_profit": money(fill.realised),
        "paid_fees": money(fill.fee),
        "account": "futures",
    }


def flow_row(flow: Flow) -> Json:
    return {
        "time": str(flow.at_ms),
        "type": _FLOW_NAMES[flow.kind],
        "amount": fixed(flow.amount, ATOM_PLACES),
        "asset": flow.coin,
        "symbol": flow.symbol,
        "tran_id": str(flow.at_ms),
        "flow_type": flow.kind,
        "account": "futures",
    }


def asset_row(engine: FuturesEngine, exchange: Exchange, uid: int, coin: str) -> Json:
    held = exchange.ledger.balance(uid, "futures", coin)
    open_profit = sum(
        position.unrealised(market.rules, market.mark)
        for position in engine.positions(uid)
        if (market := engine.markets[position.symbol]).rules.coin == coin
    )
    return {
        "currency": coin,
        "position_deposit": money(held.margin),
        "frozen_balance": money(held.frozen),
        "available_balance": money(held.available),
        "equity": money(held.available + held.frozen + held.margin + open_profit),
        "unrealized": money(open_profit),
    }


def asset_push(exchange: Exchange, uid: int, coin: str) -> Json:
    held = exchange.ledger.balance(uid, "futures", coin)
    return {
        "currency": coin,
        "available_balance": money(held.available),
        "position_deposit": money(held.margin),
        "frozen_balance": money(held.frozen),
    }


def position_push(engine: FuturesEngine, position: Position) -> Json:
    market = engine.markets[position.symbol]
    rules = market.rules
    return {
        "symbol": position.symbol,
        "hold_volume": str(position.volume),
        "position_type": 1 if position.direction is Side.BUY else 2,
        "open_type": 1 if position.open_type == "isolated" else 2,
        "frozen_volume": str(position.frozen),
        "close_volume": str(position.closed_volume),
        "hold_avg_price": average_of(position.cost, position.volume, rules),
        "close_avg_price": average_of(position.closed_value, position.closed_volume, rules),
        "open_avg_price": average_of(position.opened_value, position.opened_volume, rules),
        "liquidate_price": price_text(position.liquidation_price(rules, engine.spare(position)), rules),
        "create_time": position.created,
        "update_time": position.updated,
        "position_mode": engine.position_mode(position.uid),
    }


def _common(engine: FuturesEngine, position: Position, now_ms: int) -> dict[str, Json]:
    """What position and position-v2 share."""
    market = engine.markets[position.symbol]
    rules = market.rules
    return {
        "symbol": position.symbol,
        "leverage": str(position.leverage),
        "timestamp": now_ms,
        "current_fee": money(position.fees),
        "open_timestamp": position.created if position.volume else 0,
        "current_value": money(position.worth(rules, market.last * 2)),
        "mark_price": mark_text(market),
        "mark_value": money(position.worth(rules, market.mark)),
        "position_value": money(position.cost),
        "position_cross": money(position.margin),
        "maintenance_margin": money(rules.maintenance(position.worth(rules, market.mark))),
        "close_vol": str(position.closed_volume),
        "close_avg_price": average_of(position.closed_value, position.closed_volume, rules),
        "open_avg_price": average_of(position.opened_value, position.opened_volume, rules),
        "entry_price": average_of(position.cost, position.volume, rules),
        "current_amount": str(position.volume),
        "realized_value": money(position.realised),
        "account": "futures",
    }


def position_row(engine: FuturesEngine, position: Position, now_ms: int) -> Json:
    market = engine.markets[position.symbol]
    return {
        **_common(engine, position, now_ms),
        "margin_type": position.open_type.capitalize(),
        "position_mode": engine.position_mode(position.uid),
        "unrealized_value": money(position.unrealised(market.rules, market.mark)),
        "position_type": 1 if position.direction is Side.BUY else 2,
    }


def position_v2_row(engine: FuturesEngine, position: Position, now_ms: int) -> Json:
    market = engine.markets[position.symbol]
    rules = market.rules
    negative = position.leg == "both" and position.direction is Side.SELL and position.volume
    return {
        **_common(engine, position, now_ms),
        "position_amount": f"-{position.volume}" if negative else str(position.volume),
        "open_type": position.open_type,
        "position_side": position.leg,
        "unrealized_pnl": money(position.unrealised(rules, market.mark)),
        "liquidation_price": price_text(position.liquidation_price(rules, engine.spare(position)), rules),
        "max_notional_value": str(rules.room(position.leverage)),
        "initial_margin": money(initial_margin(position.cost, position.leverage)),
    }


def position_risk_row(engine: FuturesEngine, position: Position, now_ms: int) -> Json:
    market = engine.markets[position.symbol]
    rules = market.rules
    return {
        "symbol": position.symbol,
        "position_amt": str(position.volume),
        "mark_price": mark_text(market),
        "unrealized_profit": money(position.unrealised(rules, market.mark)),
        "liquidation_price": price_text(position.liquidation_price(rules, engine.spare(position)), rules),
        "leverage": str(position.leverage),
        "max_notional_value": str(rules.room(position.leverage)),
        "margin_type": position.open_type.capitalize(),
        "isolated_margin": money(position.margin if position.open_type == "isolated" else 0),
        "position_side": "Long" if position.direction is Side.BUY else "Short",
        "notional": money(position.worth(rules, market.mark)),
        "update_time": now_ms,
        "account": "futures",
    }


def ticker_push(exchange: Exchange, market: ContractMarket, now_ms: int) -> dict[str, Json]:
    rules, day = market.rules, market.candles.day(now_ms // 1_000)
    bid, ask = market.book.levels(Side.BUY, 1), market.book.levels(Side.SELL, 1)
    return {
        "symbol": rules.symbol,
        "last_price": price_text(day.close, rules),
        "volume_24": str(day.volume),
        "range": short((day.close - day.open) * 10**16 // day.open, 16),
        "mark_price": mark_text(market),
        "index_price": index_text(exchange, rules),
        "ask_price": price_text(ask[0][0], rules) if ask else "0",
        "ask_vol": str(ask[0][1]) if ask else "0",
        "bid_price": price_text(bid[0][0], rules) if bid else "0",
        "bid_vol": str(bid[0][1]) if bid else "0",
    }
