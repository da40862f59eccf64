"""Moves between the wallets of customers: the ledger's movement, and the news of it on the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .events import Emit, SpotBalanceChanged
from .ledger import FEES, Ledger, Pocket

if TYPE_CHECKING:
    from .futures import FuturesEngine

__all__ = ["DEPOSIT", "TRANSFER", "WITHDRAWAL", "Teller", "free", "held_back", "margin_wallet"]

TRANSFER: Final = "ACCOUNT_TRANSFER"
DEPOSIT: Final = "ACCOUNT_RECHARGE"
WITHDRAWAL: Final = "ACCOUNT_WITHDRAWAL"


def free(uid: int, wallet: str) -> Pocket:
    return Pocket(uid, wallet, "available")


def held_back(uid: int, wallet: str) -> Pocket:
    return Pocket(uid, wallet, "frozen")


def margin_wallet(symbol: str) -> str:
    """The isolated margin wallet of a spot pair."""
    return f"margin:{symbol}"


class Teller:
    """Every movement has two sides, and both owners are told.

    All methods raise Overdrawn when the source holds too little; nothing has moved then.
    """

    def __init__(self, ledger: Ledger, futures: FuturesEngine, emit: Emit) -> None:
        self.ledger = ledger
        self._futures = futures
        self._emit = emit

    def move(
        self,
        coin: str,
        amount: int,
        source: Pocket,
        target: Pocket,
        now_ms: int,
        *,
        cause: str = TRANSFER,
    ) -> None:
        """Carry coins from one customer's pocket to another."""
        self.ledger.move(coin, amount, source, target)
        self._tell(source, coin, -amount, now_ms, cause)
        if target[:2] != source[:2]:
            self._tell(target, coin, amount, now_ms, cause)

    def issue(self, coin: str, amount: int, target: Pocket, now_ms: int, *, cause: str = DEPOSIT) -> None:
        """Coins come from outside."""
        self.ledger.issue(coin, amount, target)
        self._tell(target, coin, amount, now_ms, cause)

    def retire(self, coin: str, amount: int, source: Pocket, now_ms: int) -> None:
        """Coins leave the exchange."""
        self.ledger.retire(coin, amount, source)
        self._tell(source, coin, -amount, now_ms, WITHDRAWAL)

    def charge(self, coin: str, amount: int, source: Pocket) -> None:
        """Take a fee or interest."""
        self.ledger.move(coin, amount, source, FEES)

    def _tell(self, pocket: Pocket, coin: str, amount: int, now_ms: int, cause: str) -> None:
        if pocket.wallet == "spot":
            self._emit(SpotBalanceChanged(pocket.owner, (coin,), now_ms, cause))
        elif pocket.wallet == "futures":
            self._futures.note_transfer(pocket.owner, coin, amount, now_ms)
