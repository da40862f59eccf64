"""Views made from what the exchange sends: rows of REST, pushes of the private streams. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bitmart_async.account.views import (
    ZERO,
    AccountFill,
    AccountOrder,
    AccountPosition,
    CoinBalance,
    OrderStatus,
)
from bitmart_async.models.enums import (
    FuturesOrderAction,
    FuturesOrderState,
    FuturesSide,
    Leg,
    OrderState,
    PlanOrderState,
    PositionMode,
    PositionType,
    Side,
)
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from decimal import Decimal

    from bitmart_async.models.base import Model
    from bitmart_async.models.futures import (
        FuturesAsset,
        FuturesOrder,
        FuturesTrade,
        PositionV2,
    )
    from bitmart_async.models.futures_plan import PlanOrder
    from bitmart_async.models.spot import SpotOrder, SpotTrade, SpotWalletRow
    from bitmart_async.models.streams_futures import (
        FuturesAssetUpdate,
        FuturesOrderUpdate,
        FuturesPositionUpdate,
        FuturesStreamOrder,
    )
    from bitmart_async.models.streams_spot import SpotBalanceUpdate, SpotOrderUpdate

__all__ = [
    "futures_balance", "futures_push", "futures_row", "futures_trade", "plan_row", "position_push",
    "position_row", "spot_balances", "spot_push", "spot_row", "spot_trade", "spot_wallet",
]  # fmt: skip

_SPOT_STATES: Final = {
    OrderState.NEW: OrderStatus.NEW,
    OrderState.PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.CANCELED: OrderStatus.CANCELED,
    OrderState.PARTIALLY_CANCELED: OrderStatus.PARTIALLY_CANCELED,
    OrderState.FAILED: OrderStatus.FAILED,
}
_OLD_STATES: Final = {
    "4": OrderStatus.NEW,
    "5": OrderStatus.PARTIALLY_FILLED,
    "6": OrderStatus.FILLED,
    "8": OrderStatus.CANCELED,
    "12": OrderStatus.PARTIALLY_CANCELED,
}
_PLAN_TYPES: Final = frozenset(
    {"plan", "plan_order", "planorder", "take_profit", "stop_loss", "trailing", "trailing_order"}
)
"""Orders that wait for a price; REST and stream use different words."""


def _number(value: Decimal | None) -> Decimal:
    return value if value is not None else ZERO


def _some(value: Decimal | None) -> Decimal | None:
    """A number that matters; the exchange writes 0 where there is none."""
    return value if value else None


def _ms(*values: int | None) -> int:
    return next((value for value in values if value), 0)


def _spot_status(state: OrderState | None, old: str | None) -> tuple[OrderStatus, str]:
    if state is not None:
        return _SPOT_STATES.get(state, OrderStatus.UNKNOWN), str(state)
    return _OLD_STATES.get(old or "", OrderStatus.UNKNOWN), old or ""


def spot_push(update: SpotOrderUpdate) -> tuple[AccountOrder, AccountFill | None]:
    """An order of ``spot/user/orders``, with the fill it tells of."""
    status, raw = _spot_status(update.order_state, update.state)
    filled, value = _number(update.filled_size), _number(update.filled_notional)
    kind = (update.entrust_type or "").lower()
    order = AccountOrder(
        market=Market.SPOT,
        order_id=update.order_id,
        client_order_id=_own_id(update.client_order_id, update.order_id),
        symbol=update.symbol,
        side=update.side,
        type=kind if kind in ("limit_maker", "ioc") else update.type.lower(),
        price=_some(update.price),
        size=_some(update.size),
        notional=_some(update.notional),
        filled=filled,
        average=value / filled if filled else None,
        status=status,
        raw_state=raw,
        created_ms=_ms(update.create_time, update.ms_t),
        updated_ms=_ms(update.update_time, update.ms_t),
        data=update,
    )
    size = _number(update.last_fill_count)
    if not update.detail_id or update.detail_id == "0" or not size:
        return order, None
    return order, AccountFill(
        market=Market.SPOT,
        trade_id=update.detail_id,
        order_id=update.order_id,
        symbol=update.symbol,
        side=update.side,
        price=_number(update.last_fill_price),
        size=size,
        fee=update.deal_fee,
        fee_currency=update.deal_fee_coin_name or "",
        role={"M": "maker", "T": "taker"}.get(update.exec_type or "", ""),
        at_ms=_ms(update.last_fill_time, update.update_time, update.ms_t),
        data=update,
    )


def _own_id(client_order_id: str | None, order_id: str) -> str:
    """REST repeats the exchange's id where no own one was given."""
    return "" if client_order_id is None or client_order_id == order_id else client_order_id


def spot_row(row: SpotOrder) -> AccountOrder:
    """An order of the v4 queries."""
    status, raw = _spot_status(row.state, None)
    market_buy = row.type == "market" and row.side is Side.BUY
    return AccountOrder(
        market=Market.SPOT,
        order_id=row.order_id,
        client_order_id=_own_id(row.client_order_id, row.order_id),
        symbol=row.symbol,
        side=row.side,
        type=str(row.type).lower(),
        price=_some(row.price),
        size=_some(row.size),
        notional=_some(row.notional) if market_buy else None,
        filled=_number(row.filled_size),
        average=_some(row.price_avg),
        status=status,
        raw_state=raw,
        created_ms=_ms(row.create_time),
        updated_ms=_ms(row.update_time, row.create_time),
        data=row,
    )


def spot_trade(row: SpotTrade) -> AccountFill:
    """A fill of the v4 queries."""
    return AccountFill(
        market=Market.SPOT,
        trade_id=row.trade_id,
        order_id=row.order_id,
        symbol=row.symbol,
        side=row.side,
        price=_number(row.price),
        size=_number(row.size),
        fee=row.fee,
        fee_currency=row.fee_coin_name,
        role=str(row.trade_role),
        at_ms=_ms(row.create_time, row.update_time),
        data=row,
    )


def spot_balances(update: SpotBalanceUpdate) -> list[CoinBalance]:
    """The coins of ``spot/user/balance``."""
    return [
        CoinBalance(
            market=Market.SPOT,
            currency=change.ccy,
            available=_number(change.av_bal),
            frozen=_number(change.fz_bal),
            margin=ZERO,
            at_ms=_ms(update.event_time) or None,
            data=update,
        )
        for change in update.balance_details
    ]


def spot_wallet(row: SpotWalletRow) -> CoinBalance:
    """A coin of the wallet."""
    return CoinBalance(
        market=Market.SPOT,
        currency=row.id,
        available=_number(row.available),
        frozen=_number(row.frozen),
        margin=ZERO,
        data=row,
    )


def _way(side: FuturesSide) -> Side:
    if side in (FuturesSide.BUY_OPEN_LONG, FuturesSide.BUY_CLOSE_SHORT):
        return Side.BUY
    return Side.SELL if side.known else Side(str(side))


def _futures_status(
    state: FuturesOrderState, filled: Decimal, size: Decimal, *, fired: bool
) -> tuple[OrderStatus, str]:
    raw, number = str(state), int(state)
    if number == FuturesOrderState.APPROVAL:
        return OrderStatus.PENDING, raw
    if number == FuturesOrderState.WORKING:
        return (OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW), raw
    if number != FuturesOrderState.FINISHED:
        return OrderStatus.UNKNOWN, raw
    if size > 0 and filled >= size:
        return OrderStatus.FILLED, raw
    if fired:
        return OrderStatus.TRIGGERED, raw
    return (OrderStatus.PARTIALLY_CANCELED if filled else OrderStatus.CANCELED), raw


def futures_push(update: FuturesOrderUpdate) -> tuple[AccountOrder, AccountFill | None]:
    """An order of ``futures/order``, with the fill it tells of."""
    row = update.order
    fired = update.action is FuturesOrderAction.MATCH and not row.deal_size
    order = _futures_order(row, fired=fired, data=update)
    last = row.last_trade
    if last is None or not last.last_trade_id or last.last_trade_id == "0" or not _number(last.fill_qty):
        return order, None
    return order, AccountFill(
        market=Market.FUTURES,
        trade_id=last.last_trade_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        price=_number(last.fill_price),
        size=_number(last.fill_qty),
        fee=-_number(last.fee),
        fee_currency=last.fee_ccy,
        role="",
        at_ms=order.updated_ms,
        data=update,
    )


def futures_row(row: FuturesOrder) -> AccountOrder:
    """An order of the order queries."""
    born = getattr(row, "executive_order_id", None)
    return _futures_order(row, fired=bool(born) and born != "0", data=row)


def _futures_order(row: FuturesOrder | FuturesStreamOrder, *, fired: bool, data: Model) -> AccountOrder:
    """``fired``: if it is a plan order, it has sent its order."""
    filled, size = _number(row.deal_size), _number(row.size)
    plan = row.type in _PLAN_TYPES
    status, raw = _futures_status(row.state, filled, size, fired=plan and fired)
    return AccountOrder(
        market=Market.FUTURES,
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        symbol=row.symbol,
        side=_way(row.side),
        type=row.type.lower(),
        price=_some(row.price),
        size=size,
        notional=None,
        filled=filled,
        average=_some(row.deal_avg_price),
        status=status,
        raw_state=raw,
        created_ms=_ms(row.create_time),
        updated_ms=_ms(row.update_time, row.create_time),
        waits=plan and not filled,
        data=data,
    )


def plan_row(row: PlanOrder) -> AccountOrder:
    """A plan or TP/SL order that waits."""
    known = row.state.known
    approval = row.state is PlanOrderState.APPROVAL
    return AccountOrder(
        market=Market.FUTURES,
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        symbol=row.symbol,
        side=_way(row.side),
        type=row.type.lower(),
        price=None,
        size=_number(row.size),
        notional=None,
        filled=ZERO,
        average=None,
        status=OrderStatus.UNKNOWN if not known else OrderStatus.PENDING if approval else OrderStatus.NEW,
        raw_state=str(row.state),
        created_ms=_ms(row.create_time),
        updated_ms=_ms(row.update_time, row.create_time),
        waits=True,
        data=row,
    )


def futures_trade(row: FuturesTrade) -> AccountFill:
    """A fill of the trades query."""
    return AccountFill(
        market=Market.FUTURES,
        trade_id=row.trade_id,
        order_id=row.order_id,
        symbol=row.symbol,
        side=_way(row.side),
        price=_number(row.price),
        size=_number(row.vol),
        fee=row.paid_fees,
        fee_currency="",
        role=row.exec_type.lower(),
        at_ms=_ms(row.create_time),
        data=row,
    )


def futures_balance(row: FuturesAsset | FuturesAssetUpdate) -> CoinBalance:
    """A coin of the futures wallet, from REST or the stream."""
    return CoinBalance(
        market=Market.FUTURES,
        currency=row.currency,
        available=_number(row.available_balance),
        frozen=_number(row.frozen_balance),
        margin=_number(row.position_deposit),
        data=row,
    )


def position_push(update: FuturesPositionUpdate) -> AccountPosition:
    """A position of ``futures/position``."""
    return AccountPosition(
        symbol=update.symbol,
        side=Leg.SHORT if update.position_type is PositionType.SHORT else Leg.LONG,
        size=_number(update.hold_volume),
        entry_price=_some(update.hold_avg_price),
        liquidation_price=_some(update.liquidate_price),
        margin_mode=update.margin_mode,
        position_mode=update.position_mode,
        updated_ms=_ms(update.update_time, update.create_time),
        data=update,
    )


def position_row(row: PositionV2) -> AccountPosition:
    """A position of the positions query; in one-way mode the sign of its amount tells the direction."""
    net = row.position_side is Leg.BOTH
    short = _number(row.position_amount) < 0 if net else row.position_side is Leg.SHORT
    return AccountPosition(
        symbol=row.symbol,
        side=Leg.SHORT if short else Leg.LONG,
        size=_number(row.current_amount),
        entry_price=_some(row.entry_price),
        liquidation_price=_some(row.liquidation_price),
        margin_mode=row.open_type,
        position_mode=PositionMode.ONE_WAY if net else PositionMode.HEDGE,
        updated_ms=_ms(row.timestamp),
        data=row,
    )
