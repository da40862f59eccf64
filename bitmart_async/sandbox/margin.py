"""Isolated margin: one wallet per customer and pair, loans into it, interest for every hour begun.

Interest is reckoned when somebody looks: a loan remembers until when its interest is charged. A
repayment pays interest first, then principal, the oldest loan first. Principal comes from and goes back
to the lending pocket, interest goes to the exchange. Borrowing, and taking coins out while something is
owed, stop at a fixed ratio.

An account whose assets are down to 1.1 times its debts is liquidated: its orders are cancelled, what it
has is traded at market for what it owes, and the debts are repaid. If that is not enough the liquidation
desk takes what is left and pays the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from .ledger import FEES, LENDING, Ledger, Overdrawn
from .listing import COINS
from .numbers import ATOM_PLACES, ceil_div
from .refusals import Refusal
from .spot_orders import SpotTicket
from .wallets import Teller, free, margin_wallet

if TYPE_CHECKING:
    from .accounts import Accounts
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

    @property
    def owes(self) -> bool:
        return self.principal > 0 or self.interest > 0

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
    def __init__(self, teller: Teller, spot: SpotEngine, accounts: Accounts, desk: int) -> None:
        self._accounts = accounts
        self._desk = desk
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

    def advance(self, now_ms: int) -> None:
        """Liquidate the accounts that owe too much."""
        for uid, symbol in {(loan.uid, loan.symbol): None for loan in self._loans if loan.owes}:
            assets, debts = self.worth(uid, symbol, now_ms)
            if assets * LIQUIDATION_RATIO[1] <= debts * LIQUIDATION_RATIO[0]:
                self._liquidate(uid, symbol, now_ms)

    def _liquidate(self, uid: int, symbol: str, now_ms: int) -> None:
        wallet, market = margin_wallet(symbol), self._spot.markets[symbol]
        rules = market.rules
        for order in self._spot.open_orders(uid, symbol):
            if order.wallet == wallet:
                self._spot.cancel(order, now_ms, "system")
        for coin in (rules.base, rules.quote):
            missing = self.debt(uid, symbol, coin, now_ms).total - self._held(uid, symbol, coin)
            if missing > 0:
                with contextlib.suppress(Refusal):  # too little to trade, or the market is closed
                    self._trade_for(uid, rules, coin, missing, now_ms)
        for coin in (rules.base, rules.quote):
            owed = self.debt(uid, symbol, coin, now_ms).total
            if paid := min(owed, self._held(uid, symbol, coin)):
                self.repay(uid, symbol, coin, paid, now_ms)
        if any(loan.owes for loan in self.loans(uid, symbol, now_ms)):
            self._write_off(uid, symbol, now_ms)

    def _trade_for(self, uid: int, rules: SpotRules, coin: str, missing: int, now_ms: int) -> None:
        """Sell all of the base coin, or buy as much of it as is missing."""
        fee = 1_000_000 + self._spot.fees.taker_ppm
        size: Decimal | None = None
        notional: Decimal | None = None
        if coin == rules.quote:
            lots = self._held(uid, rules.symbol, rules.base) // rules.base_atoms(1)
            size = Decimal(lots).scaleb(-rules.size_decimals)
        else:
            most = self._held(uid, rules.symbol, rules.quote) * 1_000_000 // fee - 1
            wanted = rules.to_quote(missing, self._spot.markets[rules.symbol].last) * 102 // 100
            notional = Decimal(min(most, wanted)).scaleb(-ATOM_PLACES)
        self._spot.submit(
            self._accounts[uid],
            SpotTicket(
                symbol=rules.symbol,
                side="sell" if size is not None else "buy",
                type="market",
                size=size,
                notional=notional,
                wallet=margin_wallet(rules.symbol),
            ),
            now_ms,
        )

    def _write_off(self, uid: int, symbol: str, now_ms: int) -> None:
        """The desk takes what is left and pays what is still owed."""
        rules, purse = self._spot.markets[symbol].rules, free(self._desk, "spot")
        for coin in (rules.base, rules.quote):
            self._ledger.move(coin, self._held(uid, symbol, coin), free(uid, margin_wallet(symbol)), purse)
        for loan in self.loans(uid, symbol, now_ms):
            self._ledger.move(loan.coin, loan.interest, purse, FEES)
            self._ledger.move(loan.coin, loan.principal, purse, LENDING)
            loan.interest = loan.principal = 0

    def _held(self, uid: int, symbol: str, coin: str) -> int:
        return self._ledger.held(free(uid, margin_wallet(symbol)), coin)

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
