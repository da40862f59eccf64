"""One view of orders, fills, balances and positions over both markets, whatever told of them.

Each view keeps the model it was made from in ``data``: nothing the exchange said is lost. Money is
Decimal. Sizes are coins on spot and contracts on futures. A word for a state that nobody has described
becomes ``OrderStatus.UNKNOWN`` with the word in ``raw_state``, never a guess.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bitmart_async.models.enums import (
    FuturesOrderAction,
    FuturesOrderState,
    FuturesSide,
    Leg,
    MarginMode,
    OrderState,
    PlanOrderState,
    PositionMode,
    PositionType,
    Side,
)
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
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
    )
    from bitmart_async.models.streams_spot import SpotBalanceUpdate, SpotOrderUpdate

__all__ = ["AccountFill", "AccountOrder", "AccountPosition", "CoinBalance", "OrderStatus"]

ZERO: Final = Decimal(0)


class OrderStatus(enum.Enum):
    """Where an order is in its life, in the same words for both markets."""

    PENDING = "pending"
    """Futures: taken, not yet approved."""
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    PARTIALLY_CANCELED = "partially_canceled"
    """Partly filled, the rest cancelled. Also how a spot market buy usually ends, with a small rest unspent."""
    CANCELED = "canceled"
    FAILED = "failed"
    TRIGGERED = "triggered"
    """A plan order that fired; the order it sent has an id of its own."""
    UNKNOWN = "unknown"
    """The exchange used a word nobody has described: see ``raw_state``. Not believed to be over."""
    GONE = "gone"
    """The exchange no longer shows it anywhere, and nothing tells how it ended. Never assumed: it was
    looked up by its id several times over several seconds."""

    @property
    def final(self) -> bool:
        """Whether the exchange has said that it is over. GONE and UNKNOWN are not final: nobody knows."""
        return self in _FINAL


_FINAL: Final = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.PARTIALLY_CANCELED,
        OrderStatus.CANCELED,
        OrderStatus.FAILED,
        OrderStatus.TRIGGERED,
    }
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOrder:
    """One order of the account."""

    market: Market
    order_id: str
    client_order_id: str
    """Empty when none was given."""
    symbol: str
    side: Side
    type: str
    """As the exchange writes it, in lower case."""
    price: Decimal | None
    """Quote; None for market orders."""
    size: Decimal | None
    """Coins on spot, contracts on futures; None for a spot market buy, which has a ``notional``."""
    notional: Decimal | None
    """Quote amount of a spot market buy."""
    filled: Decimal
    """Cumulative, in the unit of size."""
    average: Decimal | None
    """Average price of the fills, None before the first."""
    status: OrderStatus
    raw_state: str
    """The exchange's own word or number for the state."""
    created_ms: int
    updated_ms: int
    waits: bool = False
    """Whether it waits for a trigger: plan, take-profit, stop-loss and trailing orders."""
    data: Model | None = None
    """What it was made from; None right after a restart from a cursor."""

    @property
    def open(self) -> bool:
        """Whether it may still be filled, as far as is known."""
        return not self.status.final and self.status is not OrderStatus.GONE

    @property
    def complete(self) -> bool:
        """Whether it got all it can get: filled, or a spot market buy that ended with a rest too small
        to buy anything with (the exchange calls that partially_canceled)."""
        if self.status is OrderStatus.FILLED:
            return True
        spends = self.market is Market.SPOT and self.type == "market" and self.side is Side.BUY
        return spends and self.status is OrderStatus.PARTIALLY_CANCELED and self.filled > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFill:
    """One fill of an order."""

    market: Market
    trade_id: str
    order_id: str
    symbol: str
    side: Side
    price: Decimal
    size: Decimal
    """Coins on spot, contracts on futures."""
    fee: Decimal | None
    """Positive is paid."""
    fee_currency: str
    """Empty where the exchange does not say: futures trades from REST."""
    role: str
    """maker or taker; empty where the exchange does not say: futures fills from the stream."""
    at_ms: int
    data: Model | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinBalance:
    """What the account has of one coin in one market."""

    market: Market
    currency: str
    available: Decimal
    frozen: Decimal
    """Held by open orders."""
    margin: Decimal
    """Futures: inside positions."""
    at_ms: int | None = None
    """Time of the change by the exchange; None where it does not say."""
    data: Model | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPosition:
    """One futures position. Size 0: it has been closed."""

    symbol: str
    side: Leg
    """LONG or SHORT, in one-way mode too."""
    size: Decimal
    """Contracts."""
    entry_price: Decimal | None
    liquidation_price: Decimal | None
    margin_mode: MarginMode | None
    position_mode: PositionMode | None
    updated_ms: int
    data: Model | None = None


def version(order: AccountOrder) -> tuple[Decimal, int, int, int]:
    """What makes one piece of news about an order newer than another: filled, then state, then time.

    A word nobody knows ranks below a known one of the same time, so that a look by REST mends it.
    """
    stage = 2 if order.status.final else 0 if order.status is OrderStatus.PENDING else 1
    known = 0 if order.status in (OrderStatus.UNKNOWN, OrderStatus.GONE) else 1
    return order.filled, stage, order.updated_ms, known


def same(one: AccountOrder, other: AccountOrder) -> bool:
    """Whether a program could see no difference between two states of an order."""

    def visible(order: AccountOrder) -> tuple[object, ...]:
        raw = order.raw_state if order.status is OrderStatus.UNKNOWN else ""
        price = None if order.type == "market" else order.price
        return order.status, raw, order.filled, order.size, price

    return visible(one) == visible(other)


def newer(known: AccountOrder, news: AccountOrder) -> AccountOrder:
    """News with a higher version over what is known: what is over stays over."""
    own = news.client_order_id or known.client_order_id
    status = news.status
    if known.status.final and not status.final:
        if news.size is not None and news.filled >= news.size:
            status = OrderStatus.FILLED
        elif known.status is OrderStatus.CANCELED and news.filled > 0:
            status = OrderStatus.PARTIALLY_CANCELED
        else:
            status = known.status
    return replace(
        news,
        client_order_id=own,
        status=status,
        notional=news.notional if news.notional is not None else known.notional,
    )


# From the models --------------------------------------------------------------------------------------


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
    filled, size = _number(row.deal_size), _number(row.size)
    plan = row.type in _PLAN_TYPES
    fired = plan and not filled and update.action is FuturesOrderAction.MATCH
    status, raw = _futures_status(row.state, filled, size, fired=fired)
    order = AccountOrder(
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
        data=update,
    )
    last = row.last_trade
    if last is None or not last.last_trade_id or last.last_trade_id == "0" or not _number(last.fill_qty):
        return order, None
    return order, AccountFill(
        market=Market.FUTURES,
        trade_id=last.last_trade_id,
        order_id=row.order_id,
        symbol=row.symbol,
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
    filled, size = _number(row.deal_size), _number(row.size)
    plan = row.type in _PLAN_TYPES
    born = getattr(row, "executive_order_id", None)
    fired = plan and bool(born) and born != "0"
    status, raw = _futures_status(row.state, filled, size, fired=fired)
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
        data=row,
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
