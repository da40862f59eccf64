"""Who owns what, to the atom.

Money only ever moves from one pocket to another, so the sum over all pockets of a coin is zero, always:
what accounts hold was issued by the treasury, whose pocket is as far below zero. Fees go to the
exchange's pocket. The clearing pocket stands between the two sides of a futures contract: it takes
realised losses and pays realised gains, and over a closed contract comes out even. The lending pocket is
as far below zero as customers owe principal on their loans.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CLEARING", "EXCHANGE", "FEES", "LENDING", "TREASURY", "Balance", "Ledger", "Overdrawn", "Pocket"]

EXCHANGE: Final = 0
"""The owner of the pockets that belong to no customer."""


class Pocket(NamedTuple):
    """One place where an owner's coins can lie."""

    owner: int
    wallet: str
    """``spot``, ``futures``, ``fund``, ``earn``, ``margin:BTC_USDT`` or one of the exchange's own."""
    state: str
    """``available``, ``frozen`` (behind an open order) or ``margin`` (inside a position)."""


TREASURY: Final = Pocket(EXCHANGE, "treasury", "available")
CLEARING: Final = Pocket(EXCHANGE, "clearing", "available")
FEES: Final = Pocket(EXCHANGE, "fees", "available")
LENDING: Final = Pocket(EXCHANGE, "lending", "available")
_MAY_OWE: Final = frozenset({TREASURY, CLEARING, LENDING})


class Balance(NamedTuple):
    """What one owner has of one coin in one wallet, in atoms."""

    available: int
    frozen: int
    margin: int


class Overdrawn(Exception):
    """A pocket holds less than was to be taken out. Nothing has moved."""

    def __init__(self, pocket: Pocket, coin: str, wanted: int, held: int) -> None:
        super().__init__(pocket, coin, wanted, held)
        self.pocket, self.coin, self.wanted, self.held = pocket, coin, wanted, held

    def __str__(self) -> str:
        return f"{self.pocket} holds {self.held} atoms of {self.coin}, {self.wanted} were wanted"


class Ledger:
    """All pockets of the exchange."""

    def __init__(self) -> None:
        self._held: defaultdict[tuple[Pocket, str], int] = defaultdict(int)

    def move(self, coin: str, amount: int, source: Pocket, target: Pocket) -> None:
        """Carry atoms from one pocket to another.

        Raises:
            Overdrawn: The source holds less, and is not one that may owe.
        """
        if amount < 0:
            raise ValueError(f"an amount is never negative: {amount} {coin}")
        held = self._held[source, coin]
        if held < amount and source not in _MAY_OWE:
            raise Overdrawn(source, coin, amount, held)
        self._held[source, coin] = held - amount
        self._held[target, coin] += amount

    def move_up_to(self, coin: str, amount: int, source: Pocket, target: Pocket) -> int:
        """Carry as much of the amount as is there; says how much that was."""
        moved = min(amount, max(0, self._held[source, coin]))
        self.move(coin, moved, source, target)
        return moved

    def issue(self, coin: str, amount: int, target: Pocket) -> None:
        """Put new coins into circulation."""
        self.move(coin, amount, TREASURY, target)

    def retire(self, coin: str, amount: int, source: Pocket) -> None:
        """Take coins out of circulation: they have left the exchange."""
        self.move(coin, amount, source, TREASURY)

    def held(self, pocket: Pocket, coin: str) -> int:
        return self._held.get((pocket, coin), 0)

    def balance(self, owner: int, wallet: str, coin: str) -> Balance:
        return Balance(
            *(self.held(Pocket(owner, wallet, state), coin) for state in ("available", "frozen", "margin"))
        )

    def coins(self, owner: int, wallet: str) -> list[str]:
        """The coins this owner ever had in this wallet, in alphabetical order."""
        return sorted({coin for pocket, coin in self._held if pocket[:2] == (owner, wallet)})

    def wallets(self, owner: int) -> list[str]:
        """The wallets this owner ever had coins in, in alphabetical order."""
        return sorted({pocket.wallet for pocket, _ in self._held if pocket.owner == owner})

    def total(self, coin: str) -> int:
        """Sum over all pockets: zero, or something was made from nothing."""
        return sum(amount for (_, held), amount in self._held.items() if held == coin)

    def __iter__(self) -> Iterator[tuple[Pocket, str, int]]:
        for (pocket, coin), amount in list(self._held.items()):
            yield pocket, coin, amount
