"""What a market's rules are made of, and the arithmetic they imply.

Prices are ticks (10**-price_decimals), spot sizes lots (10**-size_decimals), contract sizes whole
contracts, money atoms (see ``numbers``). The markets themselves are in ``listing``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .numbers import ATOM_PLACES

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "BASE_RATES",
    "CONTRACT_FEES",
    "LISTED_AT_MS",
    "SPOT_FEES",
    "Bracket",
    "Coin",
    "ContractRules",
    "Fees",
    "SpotRules",
]

LISTED_AT_MS: Final = 1_594_080_000_123


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Maker and taker rates in millionths."""

    maker_ppm: int
    taker_ppm: int


@dataclass(frozen=True, slots=True)
class Coin:
    code: str
    name: str
    lent: int
    """The most of it that one isolated account may owe, whole coins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotRules:
    """One spot pair."""

    symbol: str
    symbol_id: int
    base: str
    quote: str
    price_decimals: int
    size_decimals: int
    min_size: int
    """Lots."""
    max_size: int
    """Lots."""
    max_price: int
    """Ticks."""
    min_value: int
    """Least value of an order, atoms of the quote coin."""
    start_price: int
    """Where the makers open the market, ticks."""

    value_unit: int = field(init=False)
    """Atoms of the quote coin in one lot at one tick."""

    def __post_init__(self) -> None:
        assert self.price_decimals + self.size_decimals <= ATOM_PLACES, "a value would need half atoms"
        unit = 10 ** (ATOM_PLACES - self.price_decimals - self.size_decimals)
        object.__setattr__(self, "value_unit", unit)

    def value(self, ticks: int, lots: int) -> int:
        """Atoms of the quote coin that so many lots cost."""
        return ticks * lots * self.value_unit

    @property
    def _tick_part(self) -> int:
        return int(10**self.price_decimals)

    def to_quote(self, atoms: int, ticks: int) -> int:
        """What so many atoms of the base coin are worth at a price, rounded down."""
        return atoms * ticks // self._tick_part

    def to_base(self, atoms: int, ticks: int) -> int:
        """How many atoms of the base coin so many of the quote coin buy at a price, rounded down."""
        return atoms * self._tick_part // ticks

    def base_atoms(self, lots: int) -> int:
        return lots * int(10 ** (ATOM_PLACES - self.size_decimals))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """One tier of the maintenance margin. Money in whole settlement coins."""

    number: int
    leverage: int
    floor: int
    cap: int
    ratio_ppm: int
    deduct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRules:
    """One perpetual contract.

    A linear one is a number of coins, worth its price in the quote coin, and settled in that. An inverse
    one is a number of quote dollars, worth that many dollars of coins, and settled in the coin: the
    higher the price, the less it is worth, so that profits have the other sign.
    """

    symbol: str
    base: str
    quote: str
    inverse: bool = False
    contract_size: Decimal
    """Coins per contract; quote dollars for an inverse one."""
    price_decimals: int
    min_volume: int = 1
    max_volume: int
    market_max_volume: int
    min_leverage: int = 1
    max_leverage: int
    funding_hours: int = 8
    funding_rate: Decimal
    """The rate of the last settlement before the sandbox began."""
    funding_cap: Decimal
    start_price: int
    """Where the makers open the market, ticks."""
    index_pair: str
    """The spot pair whose middle price is the index."""
    brackets: tuple[Bracket, ...]
    """Money in whole settlement coins, the lowest tier first."""

    value_unit: int = field(init=False)
    """Atoms of the quote coin in one contract at one tick; of an inverse contract, its value in atoms of
    the coin times the price in ticks."""

    def __post_init__(self) -> None:
        decimals = self.price_decimals if self.inverse else -self.price_decimals
        object.__setattr__(self, "value_unit", int(self.contract_size.scaleb(ATOM_PLACES + decimals)))
        assert self.value_unit, "a contract is worth at least an atom a tick"

    @property
    def coin(self) -> str:
        """The coin it is settled in: margin, profit, fees and funding."""
        return self.base if self.inverse else self.quote

    def value(self, ticks: int, contracts: int) -> int:
        """What contracts are worth at a price, atoms of the settlement coin."""
        if self.inverse:
            return self.value_unit * contracts // ticks
        return ticks * contracts * self.value_unit

    def value_at(self, half_ticks: int, contracts: int) -> int:
        """The same at a price in half ticks."""
        if self.inverse:
            return 2 * self.value_unit * contracts // half_ticks
        return half_ticks * contracts * self.value_unit // 2

    def price_of(self, value: int, contracts: int, scale: int = 1) -> int:
        """The price in ticks times ``scale``, rounded down, at which contracts are worth so much."""
        if self.inverse:
            return self.value_unit * contracts * scale // value if value > 0 else 0
        return value * scale // (contracts * self.value_unit)

    def gain(self, cost: int, value: int) -> int:
        """What a long position won that cost so much and is worth so much now."""
        return cost - value if self.inverse else value - cost

    def tier(self, value: int) -> Bracket:
        """The bracket a position of this value is in."""
        atoms: int = 10**ATOM_PLACES
        return next((b for b in self.brackets if value <= b.cap * atoms), self.brackets[-1])

    def maintenance(self, value: int) -> int:
        """Maintenance margin of a position of this value, atoms."""
        tier = self.tier(value)
        return max(0, value * tier.ratio_ppm // 1_000_000 - int(tier.deduct * 10**ATOM_PLACES))

    def room(self, leverage: int) -> int:
        """The largest position, in whole settlement coins, that this leverage allows."""
        fitting = [bracket.cap for bracket in self.brackets if bracket.leverage >= leverage]
        return max(fitting, default=self.brackets[0].cap)


SPOT_FEES: Final = Fees(maker_ppm=600, taker_ppm=800)
"""What an account pays on a class A pair."""
BASE_RATES: Final = {
    "A": Fees(maker_ppm=1_000, taker_ppm=1_000),
    "B": Fees(maker_ppm=2_500, taker_ppm=2_500),
    "C": Fees(maker_ppm=4_000, taker_ppm=4_000),
    "D": Fees(maker_ppm=6_000, taker_ppm=6_000),
}
"""List prices by class of pair, before any discount."""
CONTRACT_FEES: Final = Fees(maker_ppm=200, taker_ppm=600)
