"""USD-M futures trading: orders and positions over the matching book and the ledger.

An opening order freezes its margin and taker fee at the worst price it can meet; a closing order
reserves contracts of its position. A fill in one-way mode first closes what is opposite, then opens.
Realised profit and loss is exchanged with the clearing pocket; a loss eats the margin set free, then the
free balance, and what is still missing is borne by the clearing pocket.

Plan, take-profit, stop-loss and trailing orders wait elsewhere (``plans``) and come here when they fire.
Who is liquidated, and when, is decided in ``liquidation``; what that does to orders and positions is done
here. Funding is paid at the settlement times of each contract: who owes pays out of the free balance, then
out of the position's margin; what the two sides' rounding leaves over stays in the clearing pocket.

A limit order of one-way mode that meets the market in the same sweep as a reduce-only order of the same
account is not netted against it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from . import accounts
from .candles import CandleSeries
from .contract_orders import FINISHED, MODES, ContractFill, ContractOrder, ContractTicket, Flow
from .contract_rules import check_ticket, trade_way
from .events import (
    ContractAssetChanged,
    ContractOrderChanged,
    ContractPositionChanged,
    ContractTraded,
    Emit,
)
from .ledger import CLEARING, FEES, Ledger, Overdrawn, Pocket
from .matching import Fill, MatchingBook, Outcome, Side, Stp
from .numbers import ATOM_PLACES, ceil_div, fee_of
from .positions import Position, initial_margin
from .premium import PLACES, FundingMeter
from .refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .accounts import Account, Ids
    from .rules import ContractRules, Fees

__all__ = ["BANKRUPT", "LIQUIDATED", "PARTLY", "ContractMarket", "FuturesEngine", "PublicDeal", "Setting"]

_RECENT = 200
SUBMITTED, MATCHED, CANCELLED = 2, 1, 3
LIQUIDATED, PARTLY, BANKRUPT = 4, 6, 7
"""Why an order was cancelled or made by the liquidation desk."""
TRANSFER, REALISED, FUNDING, COMMISSION, CLEARANCE = 1, 2, 3, 4, 5
_OPPOSITE = {Side.BUY: 4, Side.SELL: 1}


class PublicDeal(NamedTuple):
    at_ms: int
    price: int
    size: int
    buyer_made: bool


class Setting(NamedTuple):
    """How an account trades one contract."""

    leverage: int
    open_type: str


class ContractMarket:
    """One contract: its rules, book and history."""

    def __init__(self, rules: ContractRules, seed: int, now_ms: int) -> None:
        self.rules = rules
        self.book = MatchingBook()
        name = f"{seed}/{rules.symbol}"
        self.candles = CandleSeries(name, rules.start_price, rules.value, now_ms // 1_000)
        self.marks = CandleSeries(f"{name}/mark", rules.start_price, rules.value, now_ms // 1_000)
        self.funding = FundingMeter(rules, now_ms)
        self.trades: deque[PublicDeal] = deque(maxlen=_RECENT)
        self.open_interest = 0
        """Contracts held: the longs of all accounts, the house's included."""
        self.suspended = False
        """Whether customers' new orders are refused."""

    @property
    def last(self) -> int:
        return self.candles.last

    @property
    def mark(self) -> int:
        """The mark price in half ticks: the middle of the book, or the last price without one."""
        bid, ask = self.book.best(Side.BUY), self.book.best(Side.SELL)
        return self.last * 2 if bid is None or ask is None else bid + ask


class FuturesEngine:
    def __init__(
        self,
        contracts: Iterable[ContractRules],
        fees: Fees,
        ledger: Ledger,
        ids: Ids,
        emit: Emit,
        *,
        seed: int,
        now_ms: int,
    ) -> None:
        self.markets = {rules.symbol: ContractMarket(rules, seed, now_ms) for rules in contracts}
        self.fees = fees
        self._ledger = ledger
        self._ids = ids
        self._emit = emit
        self._orders: dict[int, ContractOrder] = {}
        self._owned: defaultdict[int, dict[int, ContractOrder]] = defaultdict(dict)
        self._unfilled: deque[ContractOrder] = deque()
        """Customers' orders that ended without a fill, in the order they did."""
        self._working: defaultdict[int, dict[int, ContractOrder]] = defaultdict(dict)
        self._by_client_id: dict[tuple[int, str], int] = {}
        self._fills: dict[int, list[ContractFill]] = {}
        self._flows: dict[int, list[Flow]] = {}
        self._positions: dict[tuple[int, str, str], Position] = {}
        self._held: dict[tuple[int, str, str], Position] = {}
        self._settings: dict[tuple[int, str], Setting] = {}
        self._hedged: set[int] = set()
        self._deadlines: dict[tuple[int, str], int] = {}
        self._house: set[int] = set()
        self.closed = False
        """Whether customers' new orders are refused."""

    # Reading

    def tradable(self, symbol: str) -> ContractMarket:
        market = self.markets.get(symbol)
        if market is None:
            raise Refusal(40034)
        return market

    def order(self, uid: int, order_id: int) -> ContractOrder | None:
        order = self._orders.get(order_id)
        return order if order is not None and order.uid == uid else None

    def order_by_client_id(self, uid: int, client_order_id: str) -> ContractOrder | None:
        order_id = self._by_client_id.get((uid, client_order_id))
        return None if order_id is None else self.order(uid, order_id)

    def orders(self, uid: int) -> list[ContractOrder]:
        """Every order of the account, oldest first."""
        return list(self._owned[uid].values())

    def open_orders(self, uid: int, symbol: str | None = None) -> list[ContractOrder]:
        """Oldest first."""
        return [order for order in self._working[uid].values() if symbol in (None, order.symbol)]

    def fills(self, uid: int) -> list[ContractFill]:
        return self._fills.get(uid, [])

    def flows(self, uid: int) -> list[Flow]:
        return self._flows.get(uid, [])

    def position_mode(self, uid: int) -> str:
        return "hedge_mode" if uid in self._hedged else "one_way_mode"

    def setting(self, uid: int, symbol: str) -> Setting:
        return self._settings.get((uid, symbol), Setting(10, "cross"))

    def legs(self, uid: int) -> tuple[str, ...]:
        return ("long", "short") if uid in self._hedged else ("both",)

    def position(self, uid: int, symbol: str, leg: str) -> Position:
        """The position, an empty one when there is none yet."""
        key = (uid, symbol, leg)
        if key not in self._positions:
            direction = Side.SELL if leg == "short" else Side.BUY
            setting = self.setting(uid, symbol)
            self._positions[key] = Position(
                uid=uid,
                symbol=symbol,
                leg=leg,
                direction=direction,
                leverage=setting.leverage,
                open_type=setting.open_type,
            )
        return self._positions[key]

    def positions(self, uid: int) -> list[Position]:
        """Positions that hold something."""
        return [p for (owner, _, _), p in self._held.items() if owner == uid]

    def exposed(self) -> list[Position]:
        """The customers' positions that hold something."""
        return [p for (owner, _, _), p in self._held.items() if owner not in self._house]

    def spare(self, position: Position) -> int:
        """What stands behind a position beside its own margin, at the mark prices of now.

        In cross mode that is the rest of the wallet, with what orders hold, and what the other cross
        positions of the same coin are worth above their maintenance margin, or below it.
        """
        if position.open_type != "cross":
            return 0
        coin = self.markets[position.symbol].rules.coin
        held = self._ledger.balance(position.uid, "futures", coin)
        spare = held.available + held.frozen
        for other in self.positions(position.uid):
            market = self.markets[other.symbol]
            if other is position or other.open_type != "cross" or market.rules.coin != coin:
                continue
            kept = market.rules.maintenance(other.worth(market.rules, market.mark))
            spare += other.margin + other.unrealised(market.rules, market.mark) - kept
        return spare

    # Settings

    def set_position_mode(self, uid: int, mode: str) -> None:
        if mode != self.position_mode(uid):
            if self.positions(uid) or self.open_orders(uid):
                raise Refusal(40059)
            (self._hedged.add if mode == "hedge_mode" else self._hedged.discard)(uid)

    def set_leverage(self, uid: int, symbol: str, setting: Setting) -> None:
        """Change leverage and margin mode, which open positions and orders forbid."""
        rules = self.tradable(symbol).rules
        if setting.leverage > rules.max_leverage:
            raise Refusal(40029)
        if setting.leverage < rules.min_leverage:
            raise Refusal(40030)
        if setting == self.setting(uid, symbol):
            return
        if any(p.symbol == symbol for p in self.positions(uid)) or self.open_orders(uid, symbol):
            raise Refusal(40040)
        self._settings[uid, symbol] = setting
        for leg in ("long", "short", "both"):
            position = self.position(uid, symbol, leg)
            position.leverage, position.open_type = setting

    def note_transfer(self, uid: int, coin: str, amount: int, now_ms: int) -> None:
        """Coins came into the wallet, or with a negative amount left it."""
        self._flow(uid, Flow(symbol="", kind=TRANSFER, amount=amount, coin=coin, at_ms=now_ms))
        self._emit(ContractAssetChanged(uid, coin))

    def leg(self, uid: int, side: int) -> str:
        """The position an order of this side belongs to."""
        if uid not in self._hedged:
            return "both"
        return "long" if side in (1, 3) else "short"

    def cancel_all_after(self, uid: int, symbol: str, deadline_ms: int | None) -> None:
        """Arm the dead man's switch, or with None take it off."""
        if deadline_ms is None:
            self._deadlines.pop((uid, symbol), None)
        else:
            self._deadlines[uid, symbol] = deadline_ms

    def advance(self, now_ms: int) -> None:
        """Do what is due: fire the switches that ran out, note the mark price, settle funding."""
        for (uid, symbol), deadline in list(self._deadlines.items()):
            if deadline <= now_ms:
                del self._deadlines[uid, symbol]
                self.cancel_symbol(uid, symbol, now_ms)
        for market in self.markets.values():
            market.marks.add(market.mark // 2, 0, 0, now_ms)
            while (settlement := market.funding.settle(now_ms)) is not None:
                self._pay_funding(market, settlement.rate, settlement.at_ms)

    # Orders

    def submit(self, account: Account, ticket: ContractTicket, now_ms: int) -> ContractOrder:
        """Take an order and match it.

        Raises:
            Refusal: It breaks a rule or cannot be paid; nothing has changed.
        """
        market = self.tradable(ticket.symbol)
        self.check_open(account)
        if market.suspended and account.uid not in self._house:
            raise Refusal(40015)
        price = check_ticket(ticket, market.rules)
        if ticket.client_order_id and (account.uid, ticket.client_order_id) in self._by_client_id:
            raise Refusal(40050)
        setting = self.setting(account.uid, ticket.symbol)
        own_id = f"PLAN_{ticket.plan_order_id}" if ticket.plan_order_id else ticket.client_order_id
        order = ContractOrder(
            order_id=0,
            client_order_id=own_id,
            uid=account.uid,
            symbol=ticket.symbol,
            side=ticket.side,
            type=ticket.type,
            mode=ticket.mode,
            price=price,
            size=ticket.size,
            leverage=setting.leverage,
            open_type=setting.open_type,
            position_mode=self.position_mode(account.uid),
            stp=ticket.stp,
            created=now_ms,
            updated=now_ms,
            presets=ticket.presets,
            plan_order_id=ticket.plan_order_id,
        )
        if order.closes:
            self._reserve(order)
        else:
            wished = Setting(
                int(ticket.leverage) if ticket.leverage is not None else setting.leverage,
                ticket.open_type or setting.open_type,
            )
            self.set_leverage(account.uid, ticket.symbol, wished)
            order.leverage, order.open_type = wished
            self._freeze(order, market, order.size, 42000)
        self._keep(order)
        if order.client_order_id:
            self._by_client_id[account.uid, order.client_order_id] = order.order_id
        self._announce(SUBMITTED, order, None)
        self._tell_asset(order)
        self._match(order, market, order.size, now_ms)
        return order

    def check_open(self, account: Account) -> None:
        """Raises a Refusal when new orders of this account are not taken any more."""
        if self.closed and account.uid not in self._house:
            raise Refusal(40015)

    def settle_everything(self, desk: int, now_ms: int) -> None:
        """The end of trading: orders are cancelled, positions closed with the desk at the mark price."""
        for uid in [uid for uid in self._working if uid not in self._house]:
            for order in self.open_orders(uid):
                self.cancel(order, now_ms)
        for position in self.exposed():
            mark = self.markets[position.symbol].mark
            self.take_over(position, max(1, mark // 2), desk, now_ms, kind="market", action=MATCHED)

    def cancel(self, order: ContractOrder, now_ms: int, action: int = CANCELLED) -> None:
        """Take an open order out of the book and free what it holds."""
        self.markets[order.symbol].book.cancel(order.order_id)
        self._end(order, now_ms, action)

    def cancel_symbol(self, uid: int, symbol: str, now_ms: int) -> int:
        orders = self.open_orders(uid, symbol)
        for order in orders:
            self.cancel(order, now_ms)
        return len(orders)

    def modify(self, order: ContractOrder, price: int, size: int, now_ms: int) -> None:
        """Give a resting order another price or size. Only a smaller size keeps its place in the queue."""
        market = self.markets[order.symbol]
        resting = market.book.get(order.order_id)
        if resting is None:
            raise Refusal(40036)
        left = size - order.filled
        if left <= 0 or size > market.rules.max_volume:
            raise Refusal(40044)
        before = (order.price, order.size)
        self._unhold(order)
        order.price, order.size = price, size
        try:
            if order.closes:
                self._reserve(order)
            else:
                self._freeze(order, market, left, 40027)
        except Refusal:
            order.price, order.size = before
            self._hold_again(order, market)
            raise
        order.updated = now_ms
        in_place = price == before[0] and left <= resting.size and market.book.shrink(order.order_id, left)
        self._announce(SUBMITTED, order, None)
        self._tell_asset(order)
        if not in_place:
            market.book.cancel(order.order_id)
            self._match(order, market, left, now_ms)

    # What the liquidation desk may do

    def reduce(self, position: Position, size: int, price: int, now_ms: int) -> int:
        """Close a part of a position in the book, at a price or better; says how many contracts it was."""
        order = self._forced(position, "liquidate", size, price, action=PARTLY, now_ms=now_ms)
        position.frozen += size
        self._match(order, self.markets[order.symbol], size, now_ms)
        return order.filled

    def take_over(
        self,
        position: Position,
        price: int,
        desk: int,
        now_ms: int,
        *,
        kind: str = "bankruptcy",
        action: int = BANKRUPT,
    ) -> None:
        """Hand a whole position to the desk at a price, without a fee and past the book."""
        size, uid = position.volume, position.uid
        order = self._forced(position, kind, size, price, action=action, now_ms=now_ms)
        counter = self._forced(position, kind, size, price, action=action, now_ms=now_ms, uid=desk)
        fill = Fill(counter.order_id, order.order_id, price, size)
        trade_id, rules = self._ids.contract_trade(), self.markets[position.symbol].rules
        position.frozen += size
        for side, role in ((order, "Taker"), (counter, "Maker")):
            self._apply(side, rules, fill, now_ms, trade_id=trade_id, role=role, fee=0)
        self._trim_closers(uid, position.symbol, now_ms)

    def clear(self, uid: int, symbol: str, amount: int, target: Pocket, now_ms: int) -> None:
        """Take what a liquidated position has left of its margin."""
        coin = self.markets[symbol].rules.coin
        taken = self._ledger.move_up_to(coin, amount, _available(uid), target)
        if taken:
            self._flow(uid, Flow(symbol=symbol, kind=CLEARANCE, amount=-taken, coin=coin, at_ms=now_ms))
            self._emit(ContractAssetChanged(uid, coin))

    def employ(self, account: Account) -> None:
        """This account is the house's own: nobody is told of its orders, and nobody liquidates it."""
        self._house.add(account.uid)

    def unwind(self, account: Account, now_ms: int) -> None:
        """Let the desk close in the market what it has taken over."""
        for position in self.positions(account.uid):
            market = self.markets[position.symbol]
            if market.book.best(position.direction) is None:
                continue  # nobody is there to take it
            self.submit(
                account,
                ContractTicket(
                    symbol=position.symbol,
                    side=_OPPOSITE[position.direction],
                    type="market",
                    size=min(position.volume, market.rules.market_max_volume),
                ),
                now_ms,
            )

    def _forced(
        self,
        position: Position,
        kind: str,
        size: int,
        price: int,
        *,
        action: int,
        now_ms: int,
        uid: int | None = None,
    ) -> ContractOrder:
        """An order of the desk: the customer's side closes, the desk's own takes the other side."""
        long = position.direction is Side.BUY
        order = ContractOrder(
            order_id=0,
            client_order_id="",
            uid=position.uid if uid is None else uid,
            symbol=position.symbol,
            side=(3 if long else 2) if uid is None else (1 if long else 4),
            type=kind,
            mode=3,
            price=price,
            size=size,
            leverage=position.leverage,
            open_type=position.open_type,
            position_mode=self.position_mode(position.uid if uid is None else uid),
            stp=Stp.NONE,
            created=now_ms,
            updated=now_ms,
            forced=action,
        )
        self._keep(order)
        return order

    def _keep(self, order: ContractOrder) -> None:
        order.order_id = self._ids.contract_order()
        self._orders[order.order_id] = order
        self._owned[order.uid][order.order_id] = order
        self._working[order.uid][order.order_id] = order

    # Inside: funding

    def _pay_funding(self, market: ContractMarket, rate: int, at_ms: int) -> None:
        """Those who owe pay first, so that the clearing pocket holds what the others get."""
        due: list[tuple[Position, int]] = []
        for position in self._held.values():
            if position.symbol == market.rules.symbol:
                owed = market.rules.value_at(market.mark, position.volume) * rate
                due.append((position, owed if position.direction is Side.BUY else -owed))
        for position, owed in sorted(due, key=lambda entry: -entry[1]):
            if owed > 0:
                paid = -self._pay_out_of(position, market.rules.coin, ceil_div(owed, 10**PLACES))
            else:
                paid = -owed // 10**PLACES
                self._ledger.move(market.rules.coin, paid, CLEARING, _available(position.uid))
            position.funding += paid
            if paid and position.uid not in self._house:
                self._flow(
                    position.uid,
                    Flow(
                        symbol=position.symbol,
                        kind=FUNDING,
                        amount=paid,
                        coin=market.rules.coin,
                        at_ms=at_ms,
                    ),
                )
                self._emit(ContractAssetChanged(position.uid, market.rules.coin))

    def _pay_out_of(self, position: Position, coin: str, amount: int) -> int:
        """Take from the free balance, then from the position's margin, as far as it goes."""
        paid = self._ledger.move_up_to(coin, amount, _available(position.uid), CLEARING)
        rest = min(amount - paid, position.margin)
        self._ledger.move(coin, rest, _margin(position.uid), CLEARING)
        position.margin -= rest
        return paid + rest

    # Inside: holding money and contracts

    def _leg(self, order: ContractOrder) -> str:
        if order.position_mode != "hedge_mode":
            return "both"
        return "long" if order.side in (1, 3) else "short"

    def _reserve(self, order: ContractOrder) -> None:
        """Promise contracts of the position to a closing order."""
        position = self.position(order.uid, order.symbol, self._leg(order))
        if not position.volume or position.direction is order.way:
            raise Refusal(40021)
        wanted = order.size - order.filled
        if wanted > position.volume - position.frozen:
            raise Refusal(40020)
        position.frozen += wanted
        order.open_type, order.leverage = position.open_type, position.leverage

    def _freeze(self, order: ContractOrder, market: ContractMarket, size: int, poor: int) -> None:
        """Hold margin and fee for what the order can open at the worst price it can meet."""
        rules = market.rules
        if order.position_mode != "hedge_mode":
            position = self.position(order.uid, order.symbol, "both")
            if position.volume and position.direction is not order.way:
                size = max(0, size - position.volume)
        value = self._dearest(order, market, size)
        held = self.position(order.uid, order.symbol, self._leg(order))
        before = held.cost if held.volume and held.direction is order.way else 0
        room = rules.room(order.leverage) * 10**ATOM_PLACES
        if size and before + value > room and order.uid not in self._house:
            raise Refusal(40029)
        amount = initial_margin(value, order.leverage) + fee_of(value, self.fees.taker_ppm)
        try:
            self._ledger.move(rules.coin, amount, _available(order.uid), _frozen(order.uid))
        except Overdrawn:
            raise Refusal(poor) from None
        order.frozen = amount

    @staticmethod
    def _dearest(order: ContractOrder, market: ContractMarket, size: int) -> int:
        """The most that so many contracts may be worth when it is filled."""
        rules, near = market.rules, market.book.best(order.way.opposite)
        far = order.price or market.book.worst_price(order.way, order.size) or market.last
        takes = near is not None and (near <= far if order.way is Side.BUY else near >= far)
        return max(rules.value(far, size), rules.value(near if near is not None and takes else far, size))

    def _unhold(self, order: ContractOrder) -> None:
        coin = self.markets[order.symbol].rules.coin
        self._ledger.move(coin, order.frozen, _frozen(order.uid), _available(order.uid))
        order.frozen = 0
        if order.closes:
            position = self.position(order.uid, order.symbol, self._leg(order))
            position.frozen -= min(position.frozen, order.size - order.filled)

    def _hold_again(self, order: ContractOrder, market: ContractMarket) -> None:
        """Back to what was held before a change that could not be paid."""
        if order.closes:
            self._reserve(order)
        else:
            self._freeze(order, market, order.size - order.filled, 40027)

    # Inside: matching and settling

    def _match(self, order: ContractOrder, market: ContractMarket, size: int, now_ms: int) -> None:
        outcome = market.book.submit(
            order.order_id,
            order.uid,
            order.way,
            price=order.price or None,
            size=size,
            tif=MODES[order.mode],
            stp=order.stp,
        )
        self._settle_all(order, market, outcome, now_ms)

    def _settle_all(
        self,
        order: ContractOrder,
        market: ContractMarket,
        outcome: Outcome,
        now_ms: int,
    ) -> None:
        touched: dict[int, None] = {}
        for fill in outcome.fills:
            maker = self._orders[fill.maker_id]
            touched.update({order.uid: None, maker.uid: None})
            self._settle(order, maker, market, fill, now_ms)
        for gone in outcome.removed:
            self._end(self._orders[gone.order_id], now_ms, CANCELLED)
        if outcome.left:
            self._end(order, now_ms, CANCELLED)
        for uid in touched:
            self._trim_closers(uid, order.symbol, now_ms)

    def _settle(
        self,
        taker: ContractOrder,
        maker: ContractOrder,
        market: ContractMarket,
        fill: Fill,
        now_ms: int,
    ) -> None:
        trade_id = self._ids.contract_trade()
        value = market.rules.value(fill.price, fill.size)
        market.candles.add(fill.price, fill.size, value, now_ms)
        buyer_made = maker.way is Side.BUY
        market.trades.append(PublicDeal(now_ms, fill.price, fill.size, buyer_made))
        for order, role in ((taker, "Taker"), (maker, "Maker")):
            rate = self.fees.taker_ppm if role == "Taker" else self.fees.maker_ppm
            self._apply(
                order, market.rules, fill, now_ms, trade_id=trade_id, role=role, fee=fee_of(value, rate)
            )
        self._emit(
            ContractTraded(
                market.rules.symbol,
                trade_id,
                fill.price,
                fill.size,
                trade_way(taker.side, maker.side),
                buyer_made,
                now_ms * 1_000_000 + trade_id % 1_000_000,
            )
        )

    def _apply(
        self,
        order: ContractOrder,
        rules: ContractRules,
        fill: Fill,
        now_ms: int,
        *,
        trade_id: int,
        role: str,
        fee: int,
    ) -> None:
        """One account's side of a fill: close what is opposite, open the rest, pay the fee, tell."""
        position = self.position(order.uid, order.symbol, self._leg(order))
        if order.closes:
            position.frozen -= min(position.frozen, fill.size)
        before = position.long_volume
        opposite = bool(position.volume) and position.direction is not order.way
        closing = min(fill.size, position.volume) if opposite else 0
        realised, settled = self._close(position, rules, fill.price, closing, now_ms) if closing else (0, 0)
        if fill.size > closing:
            self._open(order, position, rules, now_ms, price=fill.price, size=fill.size - closing)
        self.markets[order.symbol].open_interest += position.long_volume - before
        self._note_held(position)
        paid = self._draw(order, rules.coin, fee, FEES)
        position.fees += fee
        order.filled += fill.size
        order.filled_value += rules.value(fill.price, fill.size)
        order.updated = now_ms
        mine = ContractFill(
            trade_id=trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            price=fill.price,
            size=fill.size,
            fee=fee,
            realised=realised,
            role=role,
            at_ms=now_ms,
        )
        if order.filled == order.size:
            self._finish(order)
            self._free(order)
        if order.uid not in self._house:
            self._fills.setdefault(order.uid, []).append(mine)
            if closing:
                self._flow(
                    order.uid,
                    Flow(symbol=order.symbol, kind=REALISED, amount=settled, coin=rules.coin, at_ms=now_ms),
                )
            if paid:
                self._flow(
                    order.uid,
                    Flow(symbol=order.symbol, kind=COMMISSION, amount=-paid, coin=rules.coin, at_ms=now_ms),
                )
            self._announce(order.forced or MATCHED, order, mine)
            self._emit(ContractPositionChanged(order.uid, order.symbol))
            self._tell_asset(order)

    def _close(
        self, position: Position, rules: ContractRules, price: int, size: int, now_ms: int
    ) -> tuple[int, int]:
        """(profit or loss, what of it was settled): the two differ when a loss is more than there is."""
        closed = position.close(rules, price, size, now_ms)
        available = _available(position.uid)
        self._ledger.move(rules.coin, closed.margin, _margin(position.uid), available)
        if closed.profit >= 0:
            self._ledger.move(rules.coin, closed.profit, CLEARING, available)
            return closed.profit, closed.profit
        return closed.profit, -self._ledger.move_up_to(rules.coin, -closed.profit, available, CLEARING)

    def _open(
        self,
        order: ContractOrder,
        position: Position,
        rules: ContractRules,
        now_ms: int,
        *,
        price: int,
        size: int,
    ) -> None:
        wanted = initial_margin(rules.value(price, size), order.leverage)
        margin = self._draw(order, rules.coin, wanted, _margin(order.uid))
        position.leverage, position.open_type = order.leverage, order.open_type
        position.open(rules, order.way, now_ms, price=price, size=size, margin=margin)

    def _draw(self, order: ContractOrder, coin: str, amount: int, target: Pocket) -> int:
        """Pay from what the order froze, then from the free balance, as far as it goes."""
        paid = min(amount, order.frozen)
        self._ledger.move(coin, paid, _frozen(order.uid), target)
        order.frozen -= paid
        return paid + self._ledger.move_up_to(coin, amount - paid, _available(order.uid), target)

    def _trim_closers(self, uid: int, symbol: str, now_ms: int) -> None:
        """Cancel the newest closing orders that promise more than the position still holds."""
        for leg in self.legs(uid):
            position = self.position(uid, symbol, leg)
            if position.frozen <= position.volume:
                continue
            for order in reversed(self.open_orders(uid, symbol)):
                if order.closes and self._leg(order) == leg and position.frozen > position.volume:
                    self.cancel(order, now_ms)

    def _note_held(self, position: Position) -> None:
        key = (position.uid, position.symbol, position.leg)
        if position.volume:
            self._held[key] = position
        else:
            self._held.pop(key, None)

    def _finish(self, order: ContractOrder) -> None:
        order.state = FINISHED
        self._working[order.uid].pop(order.order_id, None)

    def _end(self, order: ContractOrder, now_ms: int, action: int) -> None:
        self._finish(order)
        order.updated = now_ms
        self._unhold(order)
        self._free(order)
        self._announce(order.forced or action, order, None)
        self._tell_asset(order)
        if not order.filled and order.uid not in self._house:
            self._unfilled.append(order)
            if len(self._unfilled) > accounts.MOST_UNFILLED:
                self._drop(self._unfilled.popleft())

    def _drop(self, order: ContractOrder) -> None:
        """The oldest that ended without a fill makes room."""
        self._orders.pop(order.order_id, None)
        self._owned[order.uid].pop(order.order_id, None)
        self._by_client_id.pop((order.uid, order.client_order_id), None)

    def _free(self, order: ContractOrder) -> None:
        coin = self.markets[order.symbol].rules.coin
        self._ledger.move(coin, order.frozen, _frozen(order.uid), _available(order.uid))
        order.frozen = 0
        if order.uid in self._house:  # nobody reads them back, and there are many
            self._orders.pop(order.order_id, None)
            self._owned[order.uid].pop(order.order_id, None)

    # Inside: the news

    def _announce(self, action: int, order: ContractOrder, fill: ContractFill | None) -> None:
        if order.uid not in self._house:
            self._emit(ContractOrderChanged(action, order, fill))

    def _tell_asset(self, order: ContractOrder) -> None:
        if order.uid not in self._house:
            self._emit(ContractAssetChanged(order.uid, self.markets[order.symbol].rules.coin))

    def _flow(self, uid: int, flow: Flow) -> None:
        self._flows.setdefault(uid, []).append(flow)


def _available(uid: int) -> Pocket:
    return Pocket(uid, "futures", "available")


def _frozen(uid: int) -> Pocket:
    return Pocket(uid, "futures", "frozen")


def _margin(uid: int) -> Pocket:
    return Pocket(uid, "futures", "margin")
