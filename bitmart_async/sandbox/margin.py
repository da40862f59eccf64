"""Isolated margin: one wallet per customer and pair, loans into it, interest for every hour begun.

Interest is reckoned when somebody looks: a loan remembers until when its interest is charged. A
repayment pays interest first, then principal, the oldest loan first. Principal comes from and goes back
to the lending pocket, interest goes to the exchange. Nobody is liquidated; what protects the lender is
that borrowing, and taking coins out while something is owed, stop at a fixed ratio.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from .ledger import FEES, LENDING, Ledger, Overdrawn
from .listing import COINS
from .numbers import ATOM_PLACES, ceil_div
from .refusals import Refusal
from .wallets import Teller, free, margin_wallet

if TYPE_CHECKING:
    from .rules import SpotRules
    from .spot import SpotEngine

__all__ = [
    "HOURLY",
    "LIQUIDATION_RATIO",
    "MAX_LEVERAGE",
    "MIN_BORROW",
    "Loan",
    "MarginDesk",
    "Repayment",
    "most_lent",
]

_COIN: Final[int] = 10**ATOM_PLACES
HOURLY: Final = 2_291
"""Interest per hour, in 10**-8 of the principal."""
_HOUR_MS: Final = 3_600_000
MAX_LEVERAGE: Final = 5
MIN_BORROW: Final = 1
LIQUIDATION_RATIO: Final = (11, 10)
_TAKE_OUT_RATIO: Final = 2
"""Assets must stay this many times the debts when coins are taken out."""


@dataclass(slots=True, kw_only=True)
class Loan:
    number: str
    uid: int
    symbol: str
    coin: str
    borrowed: int
    principal: int
    """Still owed."""
    interest: int = 0
    """Still owed."""
    interest_total: int = 0
    charged_until: int
    at_ms: int

    def accrue(self, now_ms: int) -> None:
        """Charge the hours begun since the last look."""
        if not self.principal or now_ms < self.charged_until:
            return
        hours = (now_ms - self.charged_until) // _HOUR_MS + 1
        due = ceil_div(self.principal * HOURLY * hours, 10**8)
        self.interest += due
        self.interest_total += due
        self.charged_until += hours * _HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Repayment:
    number: str
    uid: int
    symbol: str
    coin: str
    principal: int
    interest: int
    at_ms: int


def most_lent(coin: str) -> int:
    """The most of a coin that one isolated account may owe, atoms."""
    return COINS[coin].lent * _COIN


class Debt(NamedTuple):
    """What is owed of one coin, atoms."""

    borrowed: int
    principal: int
    interest: int

    @property
    def total(self) -> int:
        return self.principal + self.interest


class MarginDesk:
    def __init__(self, teller: Teller, spot: SpotEngine) -> None:
        self._teller = teller
        self._ledger: Ledger = teller.ledger
        self._spot = spot
        self._loans: list[Loan] = []
        self._repayments: list[Repayment] = []
        self._numbers = 0

    # Reading

    def loans(self, uid: int, symbol: str, now_ms: int) -> list[Loan]:
        """Every loan ever taken, oldest first, interest up to now."""
        rows = [loan for loan in self._loans if loan.uid == uid and loan.symbol == symbol]
        for loan in rows:
            loan.accrue(now_ms)
        return rows

    def repayments(self, uid: int, symbol: str) -> list[Repayment]:
        """Oldest first."""
        return [row for row in self._repayments if row.uid == uid and row.symbol == symbol]

    def debt(self, uid: int, symbol: str, coin: str, now_ms: int) -> Debt:
        rows = [loan for loan in self.loans(uid, symbol, now_ms) if loan.coin == coin]
        return Debt(
            sum(loan.borrowed for loan in rows if loan.principal or loan.interest),
            sum(loan.principal for loan in rows),
            sum(loan.interest for loan in rows),
        )

    def worth(self, uid: int, symbol: str, now_ms: int) -> tuple[int, int]:
        """(assets, debts) of one isolated account, atoms of the quote coin."""
        rules = self._spot.markets[symbol].rules
        assets = debts = 0
        for coin in (rules.base, rules.quote):
            held = self._ledger.balance(uid, margin_wallet(symbol), coin)
            assets += self._in_quote(rules, coin, held.available + held.frozen)
            debts += self._in_quote(rules, coin, self.debt(uid, symbol, coin, now_ms).total)
        return assets, debts

    def borrowable(self, uid: int, symbol: str, coin: str, now_ms: int) -> int:
        """What may still be borrowed of a coin: leverage times what is owned, less what is owed."""
        rules = self._spot.markets[symbol].rules
        assets, debts = self.worth(uid, symbol, now_ms)
        room = max(0, (assets - debts) * (MAX_LEVERAGE - 1) - debts)
        if coin == rules.base:
            room = rules.to_base(room, self._spot.markets[symbol].last)
        owed = self.debt(uid, symbol, coin, now_ms).principal
        return max(0, min(room, most_lent(coin) - owed))

    # Changing

    def transfer(self, uid: int, symbol: str, coin: str, amount: int, *, inwards: bool, now_ms: int) -> str:
        """Between the spot wallet and the isolated one; its id."""
        outside, inside = free(uid, "spot"), free(uid, margin_wallet(symbol))
        if not inwards:
            assets, debts = self.worth(uid, symbol, now_ms)
            left = assets - self._in_quote(self._spot.markets[symbol].rules, coin, amount)
            if debts and left < _TAKE_OUT_RATIO * debts:
                raise Refusal(59006)
        try:
            self._teller.move(coin, amount, *((outside, inside) if inwards else (inside, outside)), now_ms)
        except Overdrawn:
            raise Refusal(50020) from None
        return self._number("transfer", uid, now_ms)

    def borrow(self, uid: int, symbol: str, coin: str, amount: int, now_ms: int) -> str:
        if amount < MIN_BORROW:
            raise Refusal(51005)
        if amount > self.borrowable(uid, symbol, coin, now_ms):
            raise Refusal(51004)
        self._ledger.move(coin, amount, LENDING, free(uid, margin_wallet(symbol)))
        number = self._number("borrow", uid, now_ms)
        loan = Loan(
            number=number,
            uid=uid,
            symbol=symbol,
            coin=coin,
            borrowed=amount,
            principal=amount,
            charged_until=now_ms,
            at_ms=now_ms,
        )
        loan.accrue(now_ms)
        self._loans.append(loan)
        return number

    def repay(self, uid: int, symbol: str, coin: str, amount: int, now_ms: int) -> str:
        owed = self.debt(uid, symbol, coin, now_ms)
        if not owed.total:
            raise Refusal(51024)
        if amount > owed.total:
            raise Refusal(51006)
        source = free(uid, margin_wallet(symbol))
        if self._ledger.held(source, coin) < amount:
            raise Refusal(50020)
        principal = interest = 0
        for loan in self.loans(uid, symbol, now_ms):
            if loan.coin == coin:
                paid = min(amount - principal - interest, loan.interest)
                loan.interest -= paid
                interest += paid
                paid = min(amount - principal - interest, loan.principal)
                loan.principal -= paid
                principal += paid
        self._ledger.move(coin, interest, source, FEES)
        self._ledger.move(coin, principal, source, LENDING)
        number = self._number("repay", uid, now_ms)
        self._repayments.append(
            Repayment(
                number=number,
                uid=uid,
                symbol=symbol,
                coin=coin,
                principal=principal,
                interest=interest,
                at_ms=now_ms,
            )
        )
        return number

    # Inside

    def _in_quote(self, rules: SpotRules, coin: str, amount: int) -> int:
        if coin == rules.quote:
            return amount
        return rules.to_quote(amount, self._spot.markets[rules.symbol].last)

    def _number(self, kind: str, uid: int, now_ms: int) -> str:
        """32 hex characters, as the exchange's ids of loans are."""
        self._numbers += 1
        return hashlib.sha256(f"{kind}/{uid}/{now_ms}/{self._numbers}".encode()).hexdigest()[:32]
