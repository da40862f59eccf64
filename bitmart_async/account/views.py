"""One view of orders, fills, balances and positions over both markets, whatever told of them.

Each view keeps the model it was made from in ``data``: nothing the exchange said is lost. Money is
Decimal. Sizes are coins on spot and contracts on futures. A word for a state that nobody has described
becomes ``OrderStatus.UNKNOWN`` with the word in ``raw_state``, never a guess.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from bitmart_async.models.enums import Leg, MarginMode, PositionMode, Side
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from bitmart_async.models.base import Model

__all__ = ["AccountFill", "AccountOrder", "AccountPosition", "CoinBalance", "OrderStatus"]

ZERO: Final = Decimal(0)


class OrderStatus(enum.StrEnum):
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


FillKey: TypeAlias = tuple[str, str]
"""A fill's trade id and order id: only both together are its own."""


def fill_key(fill: AccountFill) -> FillKey:
    """What tells a fill from every other of its market."""
    return fill.trade_id, fill.order_id


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
