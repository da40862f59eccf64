"""Algo orders on spot: a trigger or a take-profit/stop-loss waits for a price and then sends an order.

Which way the price must go follows from where the trigger lies when the order is placed: above the last
price it fires when the price has risen there, otherwise when it has fallen there. Nothing is frozen while
it waits; that the account could pay for it is checked when it is placed, and again when it fires. One
that fires counts as ``filled``; when the order it sends is refused it ends as ``canceled`` by the system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .matching import Side
from .refusals import Refusal
from .spot_orders import CLIENT_ID_LENGTH, SpotTicket
from .wallets import free

if TYPE_CHECKING:
    from decimal import Decimal

    from .accounts import Account, Ids
    from .ledger import Ledger
    from .spot import SpotEngine, SpotMarket

__all__ = ["AlgoBook", "AlgoOrder", "AlgoTicket"]

_KINDS: Final = ("trigger", "tp/sl")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoTicket:
    """What a caller asks for. None is not given."""

    symbol: str
    side: str
    kind: str
    trigger_type: str
    trigger_price: Decimal | None
    price: Decimal | None
    size: Decimal | None
    notional: Decimal | None
    client_order_id: str


@dataclass(slots=True, kw_only=True)
class AlgoOrder:
    order_id: int
    account: Account
    ticket: AlgoTicket
    trigger: int
    """Ticks."""
    rises: bool
    created: int
    updated: int
    state: str = "new"
    cancel_source: str = ""

    @property
    def is_open(self) -> bool:
        return self.state == "new"

    def fires(self, last: int) -> bool:
        return last >= self.trigger if self.rises else last <= self.trigger


class AlgoBook:
    """All algo orders of spot."""

    def __init__(self, spot: SpotEngine, ledger: Ledger, ids: Ids) -> None:
        self._spot = spot
        self._ledger = ledger
        self._ids = ids
        self._orders: dict[int, AlgoOrder] = {}
        self._waiting: dict[int, AlgoOrder] = {}

    # Reading

    def order(self, uid: int, order_id: int) -> AlgoOrder | None:
        found = self._orders.get(order_id)
        return found if found is not None and found.account.uid == uid else None

    def order_by_client_id(self, uid: int, client_order_id: str) -> AlgoOrder | None:
        return next(
            (
                order
                for order in self.orders(uid)
                if client_order_id and order.ticket.client_order_id == client_order_id
            ),
            None,
        )

    def orders(self, uid: int) -> list[AlgoOrder]:
        """Oldest first."""
        return [order for order in self._orders.values() if order.account.uid == uid]

    # Changing

    def submit(self, account: Account, ticket: AlgoTicket, now_ms: int) -> AlgoOrder:
        """Keep an order until its price comes."""
        market = self._spot.market(ticket.symbol)
        if market is None:
            raise Refusal(50001)
        self._spot.check_open(account)
        self._check(account, ticket, market)
        assert ticket.trigger_price is not None, "it was checked"
        trigger = int(ticket.trigger_price.scaleb(market.rules.price_decimals))
        if trigger <= 0:
            raise Refusal(50008)
        order = AlgoOrder(
            order_id=self._ids.algo_order(),
            account=account,
            ticket=ticket,
            trigger=trigger,
            rises=trigger > market.last,
            created=now_ms,
            updated=now_ms,
        )
        self._orders[order.order_id] = self._waiting[order.order_id] = order
        return order

    def cancel(self, order: AlgoOrder, now_ms: int, source: str = "user") -> None:
        self._end(order, "canceled", now_ms)
        order.cancel_source = source

    def cancel_everything(self, now_ms: int) -> None:
        """Cancel whatever waits, as the exchange itself."""
        for order in list(self._waiting.values()):
            self.cancel(order, now_ms, "system")

    def advance(self, now_ms: int) -> None:
        """Send the orders whose price has come."""
        for order in list(self._waiting.values()):
            if not order.fires(self._spot.markets[order.ticket.symbol].last):
                continue
            self._end(order, "filled", now_ms)
            try:
                self._spot.submit(order.account, _child(order.ticket), now_ms)
            except Refusal:
                order.state, order.cancel_source = "canceled", "system"

    # Inside

    def _end(self, order: AlgoOrder, state: str, now_ms: int) -> None:
        self._waiting.pop(order.order_id, None)
        order.state, order.updated = state, now_ms

    def _check(self, account: Account, ticket: AlgoTicket, market: SpotMarket) -> None:
        if ticket.kind not in _KINDS:
            raise Refusal(52001)
        if ticket.side not in ("buy", "sell"):
            raise Refusal(52002)
        if ticket.trigger_type not in ("limit", "market"):
            raise Refusal(50021, "trigger_type")
        if ticket.trigger_price is None:
            raise Refusal(50028, "trigger_price")
        self._check_client_id(account, ticket.client_order_id)
        rules, at_market = market.rules, ticket.trigger_type == "market"
        if not at_market and ticket.price is None:
            raise Refusal(50011)
        if at_market and ticket.side == "buy":
            if ticket.notional is None:
                raise Refusal(50012)
            needed, coin = ticket.notional, rules.quote
        else:
            if ticket.size is None:
                raise Refusal(50010)
            if ticket.size.scaleb(rules.size_decimals) < rules.min_size:
                raise Refusal(50006)
            needed, coin = ticket.size, rules.base
            if ticket.side == "buy" and ticket.price is not None:
                needed, coin = ticket.size * ticket.price, rules.quote
        if needed.scaleb(8) > self._ledger.held(free(account.uid, "spot"), coin):
            raise Refusal(50020)

    def _check_client_id(self, account: Account, client_order_id: str) -> None:
        if len(client_order_id) > CLIENT_ID_LENGTH:
            raise Refusal(50037)
        if client_order_id and not (client_order_id.isascii() and client_order_id.isalnum()):
            raise Refusal(50038)
        if self.order_by_client_id(account.uid, client_order_id) is not None:
            raise Refusal(50042)


def _child(ticket: AlgoTicket) -> SpotTicket:
    """The order a fired one sends."""
    at_market = ticket.trigger_type == "market"
    spends = at_market and ticket.side == Side.BUY.value
    return SpotTicket(
        symbol=ticket.symbol,
        side=ticket.side,
        type=ticket.trigger_type,
        price=None if at_market else ticket.price,
        size=None if spends else ticket.size,
        notional=ticket.notional if spends else None,
    )
