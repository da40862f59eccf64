"""Spot trading: orders over the matching book and the ledger.

The order of events in a submission: the rules look at the ticket; the money is frozen; the order is
announced as new; the book matches it; each fill is settled and announced by itself, taker first; what
cannot go on is cancelled and its money freed.

An order is paid out of one wallet and what it gets goes there: the spot wallet, or an isolated margin wallet.
Fees are paid in the quote coin on both sides. A buy freezes its value and the taker fee on it; a market
buy pays its fee on top of the amount to spend. A market buy spends whole lots only, so a remainder is
usual and the order then ends as ``partially_canceled``.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from . import accounts
from .candles import CandleSeries
from .events import Emit, SpotBalanceChanged, SpotOrderChanged, SpotTraded
from .ledger import FEES, Ledger, Overdrawn, Pocket
from .matching import Fill, MatchingBook, Outcome, Side, Stop, Tif
from .numbers import ATOM_PLACES, fee_of, whole_units
from .refusals import Refusal
from .spot_orders import CLIENT_ID_LENGTH, OPEN_STATES, SpotFill, SpotOrder, SpotTicket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .accounts import Account, Ids
    from .rules import Fees, SpotRules

__all__ = ["FORGOTTEN_AFTER_MS", "PublicTrade", "SpotEngine", "SpotMarket"]

FORGOTTEN_AFTER_MS = 20 * 60 * 1_000
"""An order cancelled without a fill can be read for so long."""
_TIFS = {"limit": Tif.GTC, "limit_maker": Tif.POST_ONLY, "ioc": Tif.IOC, "market": Tif.IOC}
_RECENT = 200


class PublicTrade(NamedTuple):
    at_ms: int
    price: int
    size: int
    buyer_made: bool


class SpotMarket:
    """One pair: its rules, book and history."""

    def __init__(self, rules: SpotRules, seed: int, now_s: int) -> None:
        self.rules = rules
        self.book = MatchingBook()
        self.candles = CandleSeries(f"{seed}/{rules.symbol}", rules.start_price, rules.value, now_s)
        self.trades: deque[PublicTrade] = deque(maxlen=_RECENT)
        self.suspended = False
        """Whether customers' new orders are refused."""

    @property
    def last(self) -> int:
        return self.candles.last

    @property
    def middle(self) -> int:
        """Twice the middle price in ticks, so that it stays whole."""
        bid, ask = self.book.best(Side.BUY), self.book.best(Side.SELL)
        return self.last * 2 if bid is None or ask is None else bid + ask


class SpotEngine:
    def __init__(
        self,
        pairs: Iterable[SpotRules],
        fees: Fees,
        ledger: Ledger,
        ids: Ids,
        emit: Emit,
        *,
        seed: int,
        now_ms: int,
    ) -> None:
        self.markets = {rules.symbol: SpotMarket(rules, seed, now_ms // 1_000) for rules in pairs}
        self.fees = fees
        self._ledger = ledger
        self._ids = ids
        self._emit = emit
        self._orders: dict[int, SpotOrder] = {}
        self._owned: defaultdict[int, dict[int, SpotOrder]] = defaultdict(dict)
        self._working: defaultdict[int, dict[int, SpotOrder]] = defaultdict(dict)
        self._by_client_id: dict[tuple[int, str], int] = {}
        self._fills: dict[int, list[SpotFill]] = {}
        self._unfilled: deque[SpotOrder] = deque()
        """Customers' orders that ended without a fill, in the order they did."""
        self._house: set[int] = set()
        self.closed = False
        """Whether customers' new orders are refused."""

    # Reading

    def market(self, symbol: str) -> SpotMarket | None:
        return self.markets.get(symbol)

    def order(self, uid: int, order_id: int, now_ms: int) -> SpotOrder | None:
        order = self._orders.get(order_id)
        if order is None or order.uid != uid or _forgotten(order, now_ms):
            return None
        return order

    def was_here(self, uid: int, order_id: int, client_order_id: str) -> bool:
        """Whether an order that is not found any more was one of the account."""
        order = self._orders.get(self._by_client_id.get((uid, client_order_id), order_id))
        return order is not None and order.uid == uid

    def order_by_client_id(self, uid: int, client_order_id: str, now_ms: int) -> SpotOrder | None:
        order_id = self._by_client_id.get((uid, client_order_id))
        return None if order_id is None else self.order(uid, order_id, now_ms)

    def orders(self, uid: int) -> list[SpotOrder]:
        """Every order of the account that is still known, oldest first."""
        return list(self._owned[uid].values())

    def open_orders(self, uid: int, symbol: str | None = None) -> list[SpotOrder]:
        """Oldest first."""
        return [order for order in self._working[uid].values() if symbol in (None, order.symbol)]

    def fills(self, uid: int) -> list[SpotFill]:
        """Every fill of the account, oldest first."""
        return self._fills.get(uid, [])

    # Changing

    def submit(self, account: Account, ticket: SpotTicket, now_ms: int) -> SpotOrder:
        """Take an order and match it.

        Raises:
            Refusal: It breaks a rule or cannot be paid; nothing has changed.
        """
        market = self._tradable(ticket.symbol)
        self.check_open(account)
        if market.suspended and not account.house:
            raise Refusal(50040)
        order = self._draft(account, ticket, market.rules, now_ms)
        self._freeze(order, market.rules)
        if account.house:
            self._house.add(account.uid)
        self._orders[order.order_id] = order
        self._owned[order.uid][order.order_id] = order
        self._working[order.uid][order.order_id] = order
        if order.client_order_id:
            self._by_client_id[account.uid, order.client_order_id] = order.order_id
        self._announce(order, None)
        self._tell_balance(order, market.rules, now_ms)
        spends = order.type == "market" and order.side is Side.BUY
        outcome = market.book.submit(
            order.order_id,
            order.uid,
            order.side,
            price=order.price or None,
            size=None if spends else order.size,
            tif=_TIFS[order.type],
            stp=order.stp,
            budget=order.notional // market.rules.value_unit if spends else 0,
        )
        self._settle_all(order, market, outcome, now_ms)
        return order

    def check_open(self, account: Account) -> None:
        """Raises a Refusal when new orders of this account are not taken any more."""
        if self.closed and not account.house:
            raise Refusal(51008)

    def cancel_everything(self, now_ms: int) -> None:
        """Cancel every customer's open orders, as the exchange itself."""
        for uid in [uid for uid in self._working if uid not in self._house]:
            for order in self.open_orders(uid):
                self.cancel(order, now_ms, "system")

    def cancel(self, order: SpotOrder, now_ms: int, source: str = "user") -> None:
        """Take an open order out of the book and free its money."""
        self.markets[order.symbol].book.cancel(order.order_id)
        self._end(order, now_ms, source)

    # The rules

    def _tradable(self, symbol: str) -> SpotMarket:
        market = self.markets.get(symbol)
        if market is None:
            raise Refusal(50001)
        return market

    def _draft(self, account: Account, ticket: SpotTicket, rules: SpotRules, now_ms: int) -> SpotOrder:
        if ticket.type not in _TIFS:
            raise Refusal(52001)
        if ticket.side not in ("buy", "sell"):
            raise Refusal(52002)
        self._check_client_id(account, ticket.client_order_id)
        side = Side(ticket.side)
        price, size, notional = 0, 0, 0
        if ticket.type == "market" and side is Side.BUY:
            notional = _notional(ticket, rules)
        else:
            size = _size(ticket, rules)
            if ticket.type != "market":
                price = _price(ticket, rules)
                notional = rules.value(price, size)
                if notional < rules.min_value:
                    raise Refusal(51011)
            elif size * self.markets[rules.symbol].last * rules.value_unit < rules.min_value:
                raise Refusal(51011)
        return SpotOrder(
            order_id=self._ids.spot_order(),
            client_order_id=ticket.client_order_id,
            uid=account.uid,
            symbol=rules.symbol,
            side=side,
            type=ticket.type,
            stp=ticket.stp,
            wallet=ticket.wallet,
            price=price,
            size=size,
            notional=notional,
            created=now_ms,
            updated=now_ms,
        )

    def _check_client_id(self, account: Account, client_order_id: str) -> None:
        if not client_order_id:
            return
        if len(client_order_id) > CLIENT_ID_LENGTH:
            raise Refusal(50037)
        if not (client_order_id.isascii() and client_order_id.isalnum()):
            raise Refusal(50038)
        if (account.uid, client_order_id) in self._by_client_id:
            raise Refusal(50042)

    # The money

    def _freeze(self, order: SpotOrder, rules: SpotRules) -> None:
        if order.side is Side.SELL:
            coin, amount = rules.base, rules.base_atoms(order.size)
        else:
            coin, amount = rules.quote, order.notional + fee_of(order.notional, self.fees.taker_ppm)
        try:
            self._ledger.move(coin, amount, _available(order), _frozen(order))
        except Overdrawn:
            raise Refusal(50020) from None
        order.frozen = amount

    def _settle_all(self, order: SpotOrder, market: SpotMarket, outcome: Outcome, now_ms: int) -> None:
        for fill in outcome.fills:
            self._settle(order, market, fill, now_ms)
        for gone in outcome.removed:
            self._end(self._orders[gone.order_id], now_ms, "stp")
        if outcome.rested:
            return
        if outcome.left:
            self._end(order, now_ms, "stp" if outcome.stop is Stop.STP else "system")

    def _settle(self, taker: SpotOrder, market: SpotMarket, fill: Fill, now_ms: int) -> None:
        """Exchange the coins of one fill, take both fees, announce it."""
        rules, maker = market.rules, self._orders[fill.maker_id]
        value, base = rules.value(fill.price, fill.size), rules.base_atoms(fill.size)
        trade_id = self._ids.spot_trade()
        buyer, seller = (taker, maker) if taker.side is Side.BUY else (maker, taker)
        self._ledger.move(rules.quote, value, _frozen(buyer), _available(seller))
        self._ledger.move(rules.base, base, _frozen(seller), _available(buyer))
        buyer.frozen -= value
        seller.frozen -= base
        for order, role in ((taker, "taker"), (maker, "maker")):
            rate = self.fees.taker_ppm if role == "taker" else self.fees.maker_ppm
            fee = fee_of(value, rate)
            source = _frozen(order) if order.side is Side.BUY else _available(order)
            self._ledger.move(rules.quote, fee, source, FEES)
            if order.side is Side.BUY:
                order.frozen -= fee
            self._record(order, fill, now_ms, role=role, trade_id=trade_id, value=value, fee=fee)
        market.candles.add(fill.price, fill.size, value, now_ms)
        market.trades.append(PublicTrade(now_ms, fill.price, fill.size, maker.side is Side.BUY))
        self._emit(SpotTraded(rules.symbol, fill.price, fill.size, taker.side, now_ms))
        for order in {(order.uid, order.wallet): order for order in (taker, maker)}.values():
            self._tell_balance(order, rules, now_ms)

    def _record(
        self,
        order: SpotOrder,
        fill: Fill,
        now_ms: int,
        *,
        role: str,
        trade_id: int,
        value: int,
        fee: int,
    ) -> None:
        order.filled += fill.size
        order.filled_value += value
        order.fees += fee
        order.updated = now_ms
        done = order.filled == order.size if order.size else order.filled_value == order.notional
        order.state = "filled" if done else "partially_filled"
        mine = SpotFill(
            trade_id=trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            stp=order.stp,
            price=fill.price,
            size=fill.size,
            value=value,
            fee=fee,
            role=role,
            wallet=order.wallet,
            at_ms=now_ms,
        )
        if order.uid not in self._house:
            self._fills.setdefault(order.uid, []).append(mine)
        if done:
            self._free(order)
        self._announce(order, mine)

    def _end(self, order: SpotOrder, now_ms: int, source: str) -> None:
        order.state = "partially_canceled" if order.filled else "canceled"
        order.cancel_source = source
        order.updated = now_ms
        self._free(order)
        self._announce(order, None)
        self._tell_balance(order, self.markets[order.symbol].rules, now_ms)
        if not order.filled and order.uid not in self._house:
            self._unfilled.append(order)
            while len(self._unfilled) > accounts.MOST_UNFILLED and _forgotten(self._unfilled[0], now_ms):
                self._drop(self._unfilled.popleft())

    def _drop(self, order: SpotOrder) -> None:
        """Nobody can read it any more."""
        self._orders.pop(order.order_id, None)
        self._owned[order.uid].pop(order.order_id, None)
        self._by_client_id.pop((order.uid, order.client_order_id), None)

    def _free(self, order: SpotOrder) -> None:
        rules = self.markets[order.symbol].rules
        coin = rules.quote if order.side is Side.BUY else rules.base
        self._ledger.move(coin, order.frozen, _frozen(order), _available(order))
        order.frozen = 0
        self._working[order.uid].pop(order.order_id, None)
        if order.uid in self._house:  # nobody reads them back, and there are many
            self._orders.pop(order.order_id, None)
            self._owned[order.uid].pop(order.order_id, None)

    # The news

    def _announce(self, order: SpotOrder, fill: SpotFill | None) -> None:
        if order.uid not in self._house:
            self._emit(SpotOrderChanged(order, fill))

    def _tell_balance(self, order: SpotOrder, rules: SpotRules, now_ms: int) -> None:
        if order.uid not in self._house and order.wallet == "spot":
            self._emit(SpotBalanceChanged(order.uid, (rules.base, rules.quote), now_ms))


def _available(order: SpotOrder) -> Pocket:
    return Pocket(order.uid, order.wallet, "available")


def _frozen(order: SpotOrder) -> Pocket:
    return Pocket(order.uid, order.wallet, "frozen")


def _forgotten(order: SpotOrder, now_ms: int) -> bool:
    return order.state not in OPEN_STATES and not order.filled and now_ms - order.updated > FORGOTTEN_AFTER_MS


def _notional(ticket: SpotTicket, rules: SpotRules) -> int:
    if ticket.notional is None:
        if ticket.size is not None:
            raise Refusal(50021, "size")
        raise Refusal(50012)
    if ticket.size is not None:
        raise Refusal(50021, "size")
    atoms = whole_units(ticket.notional, ATOM_PLACES)
    if atoms is None:
        raise Refusal(50021, "notional")
    if atoms < rules.min_value:
        raise Refusal(51012)
    return atoms


def _size(ticket: SpotTicket, rules: SpotRules) -> int:
    if ticket.size is None:
        raise Refusal(50010)
    lots = whole_units(ticket.size, rules.size_decimals)
    if ticket.size.scaleb(rules.size_decimals) < 1:  # less than one step
        raise Refusal(50006)
    if lots is None:
        raise Refusal(50021, "size")
    if lots < rules.min_size:
        raise Refusal(50006)
    if lots > rules.max_size:
        raise Refusal(50007)
    return lots


def _price(ticket: SpotTicket, rules: SpotRules) -> int:
    """Decimals a price may not have are cut off without a word, as the exchange does."""
    if ticket.price is None:
        raise Refusal(50011)
    ticks = int(ticket.price.scaleb(rules.price_decimals))
    if ticks <= 0:
        raise Refusal(50008)
    if ticks > rules.max_price:
        raise Refusal(50025)
    return ticks
