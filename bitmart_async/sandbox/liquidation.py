"""Who is liquidated on futures, and in which order it happens.

An isolated position is due when its margin and unrealised profit are down to its maintenance margin at the
mark price; cross positions of one coin are due together when all the account has of that coin is. Then:

1. The open orders that tie up money of the position, in cross mode of the coin, are cancelled (action 4).
2. A position above the lowest bracket is first made smaller, in the book, down to the cap of the bracket
   below (action 6), as long as that is enough.
3. Otherwise the desk takes the position over at the price at which nothing of its margin is left (action 7),
   in cross mode the better positions at the mark price before the worst one, and what rounding leaves of
   the margin goes to the desk as liquidation clearance.

The desk is an account of the house. It closes what it took over in the market; what it wins and loses by
that is the insurance fund. Auto-deleveraging does not exist: the fund is deep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .futures import LIQUIDATED
from .ledger import Pocket
from .wallets import free

if TYPE_CHECKING:
    from .accounts import Account
    from .futures import FuturesEngine
    from .ledger import Ledger
    from .positions import Position

__all__ = ["LiquidationDesk"]

_ROUNDS: Final = 10
_ATOM: Final[int] = 10**8


class LiquidationDesk:
    def __init__(self, futures: FuturesEngine, ledger: Ledger, account: Account) -> None:
        self._futures = futures
        self._ledger = ledger
        self._account = account

    def advance(self, now_ms: int) -> None:
        """Liquidate what is due, then close what the desk holds."""
        exposed = self._futures.exposed()
        crossed: dict[tuple[int, str], None] = {}
        for position in exposed:
            if position.open_type == "cross":
                crossed[position.uid, self._coin(position)] = None
            elif position.volume and self._isolated_due(position):
                self._liquidate(position, now_ms)
        for uid, coin in crossed:
            if self._cross_due(uid, coin):
                self._liquidate_cross(uid, coin, now_ms)
        if self._futures.positions(self._account.uid) and not self._futures.closed:
            self._futures.unwind(self._account, now_ms)

    # When

    def _isolated_due(self, position: Position) -> bool:
        return position.margin + self._unrealised(position) <= self._maintenance(position)

    def _cross_due(self, uid: int, coin: str) -> bool:
        rows = self._cross(uid, coin)
        held = self._ledger.balance(uid, "futures", coin)
        equity = held.available + held.frozen + sum(p.margin + self._unrealised(p) for p in rows)
        return bool(rows) and equity <= sum(self._maintenance(p) for p in rows)

    def _cross(self, uid: int, coin: str) -> list[Position]:
        return [
            p
            for p in self._futures.positions(uid)
            if p.open_type == "cross" and p.volume and self._coin(p) == coin
        ]

    def _coin(self, position: Position) -> str:
        return self._futures.markets[position.symbol].rules.coin

    def _unrealised(self, position: Position) -> int:
        market = self._futures.markets[position.symbol]
        return position.unrealised(market.rules, market.mark)

    def _maintenance(self, position: Position) -> int:
        market = self._futures.markets[position.symbol]
        return market.rules.maintenance(position.worth(market.rules, market.mark))

    # What then

    def _liquidate(self, position: Position, now_ms: int) -> None:
        for order in self._futures.open_orders(position.uid, position.symbol):
            self._futures.cancel(order, now_ms, LIQUIDATED)
        for _ in range(_ROUNDS):
            if not self._step_down(position, position.margin, now_ms):
                break
            if not position.volume or not self._isolated_due(position):
                return
        self._take(position, position.margin, now_ms)

    def _liquidate_cross(self, uid: int, coin: str, now_ms: int) -> None:
        for order in self._futures.open_orders(uid):
            if self._futures.markets[order.symbol].rules.coin == coin:
                self._futures.cancel(order, now_ms, LIQUIDATED)
        for _ in range(_ROUNDS):
            rows = sorted(self._cross(uid, coin), key=self._unrealised)
            if not any(self._step_down(p, self._behind(p, coin), now_ms) for p in rows):
                break
            if not self._cross_due(uid, coin):
                return
        rows = sorted(self._cross(uid, coin), key=self._unrealised)
        for position in rows[:0:-1]:
            self._futures.take_over(position, self._mark(position), self._account.uid, now_ms)
        if rows:
            self._take(rows[0], self._behind(rows[0], coin), now_ms)

    def _behind(self, position: Position, coin: str) -> int:
        return position.margin + self._ledger.held(free(position.uid, "futures"), coin)

    def _mark(self, position: Position) -> int:
        return max(1, self._futures.markets[position.symbol].mark // 2)

    def _step_down(self, position: Position, behind: int, now_ms: int) -> bool:
        """Close down to the bracket below; False when there is none, or nobody to trade with."""
        market = self._futures.markets[position.symbol]
        rules, worth = market.rules, position.worth(market.rules, market.mark)
        number = rules.tier(worth).number
        if number == 1:
            return False
        kept = position.volume * rules.brackets[number - 2].cap * _ATOM // worth
        limit = position.bankruptcy_price(rules, behind) or self._mark(position)
        return self._futures.reduce(position, position.volume - kept, limit, now_ms) > 0

    def _take(self, position: Position, behind: int, now_ms: int) -> None:
        """Take a position over so that nothing stays behind it."""
        uid, symbol, coin = position.uid, position.symbol, self._coin(position)
        rules = self._futures.markets[symbol].rules
        others = self._ledger.held(free(uid, "futures"), coin) - (behind - position.margin)
        price = position.bankruptcy_price(rules, behind) or self._mark(position)
        self._futures.take_over(position, price, self._account.uid, now_ms)
        left = self._ledger.held(free(uid, "futures"), coin) - others
        if left > 0:
            self._futures.clear(uid, symbol, left, Pocket(self._account.uid, "futures", "available"), now_ms)
