"""The savings products as data, and how they earn. Money in atoms, rates in millionths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .numbers import ATOM_PLACES

__all__ = ["FIXED", "FLEXIBLE", "Product"]

_COIN: Final = 10**ATOM_PLACES
_YEAR: Final = 365
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product; ``lock_days`` is 0 for a flexible one."""

    product_id: str
    coin: str
    coin_id: int
    tag: str = ""
    apy_ppm: int
    least: int
    most: int
    lock_days: int = 0
    bonus_upto: int = 0
    """Up to this amount a better rate is paid; 0 when there is no such tier."""
    bonus_ppm: int = 0

    def interest(self, amount: int, days: int) -> int:
        """Rounded down, as what is paid out always is."""
        low = min(amount, self.bonus_upto)
        yearly = low * self.bonus_ppm + (amount - low) * self.apy_ppm
        return yearly * days // (_YEAR * _MILLION)


FLEXIBLE: Final = {
    row.product_id: row
    for row in (
        Product(
            product_id="1001",
            coin="USDT",
            coin_id=1,
            apy_ppm=50_000,
            least=_COIN,
            most=100_000 * _COIN,
            bonus_upto=500 * _COIN,
            bonus_ppm=80_000,
        ),
        Product(
            product_id="1002", coin="BTC", coin_id=2, apy_ppm=10_000, least=_COIN // 1_000, most=10 * _COIN
        ),
    )
}
FIXED: Final = {
    row.product_id: row
    for row in (
        Product(
            product_id="2001",
            coin="USDT",
            coin_id=1,
            tag="hot",
            apy_ppm=80_000,
            least=_COIN,
            most=100_000 * _COIN,
            lock_days=30,
        ),
        Product(
            product_id="2002",
            coin="BTC",
            coin_id=2,
            apy_ppm=15_000,
            least=_COIN // 1_000,
            most=10 * _COIN,
            lock_days=7,
        ),
    )
}
