"""The listed markets and their trading rules, as data.

A new symbol is a new row here and nothing else. Prices are ticks (10**-price_decimals), spot sizes
lots (10**-size_decimals), contract sizes whole contracts, money atoms (see ``numbers``).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .numbers import ATOM_PLACES

__all__ = [
    "BASE_RATES",
    "COINS",
    "CONTRACTS",
    "CONTRACT_FEES",
    "LISTED_AT_MS",
    "SPOT_FEES",
    "SPOT_PAIRS",
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

    def __post_init__(self) -> None:
        assert self.price_decimals + self.size_decimals <= ATOM_PLACES, "a value would need half atoms"

    def value(self, ticks: int, lots: int) -> int:
        """Atoms of the quote coin that so many lots cost."""
        return ticks * lots * self.value_unit

    @property
    def value_unit(self) -> int:
        """Atoms of the quote coin in one lot at one tick."""
        return int(10 ** (ATOM_PLACES - self.price_decimals - self.size_decimals))

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
    """One tier of the maintenance margin. Money in whole quote coins."""

    number: int
    leverage: int
    floor: int
    cap: int
    ratio_ppm: int
    deduct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRules:
    """One linear perpetual contract."""

    symbol: str
    base: str
    quote: str
    contract_size: Decimal
    """Coins per contract."""
    price_decimals: int
    min_volume: int
    max_volume: int
    market_max_volume: int
    min_leverage: int
    max_leverage: int
    funding_hours: int
    funding_rate: Decimal
    funding_cap: Decimal
    start_price: int
    """Where the makers open the market, ticks."""
    index_pair: str
    """The spot pair whose middle price is the index."""
    brackets: tuple[Bracket, ...]

    @property
    def value_unit(self) -> int:
        """Atoms of the quote coin in one contract at one tick."""
        return int(self.contract_size.scaleb(ATOM_PLACES - self.price_decimals))

    def value(self, ticks: int, contracts: int) -> int:
        return ticks * contracts * self.value_unit

    def maintenance(self, value: int) -> int:
        """Maintenance margin of a position of this value, atoms."""
        atoms: int = 10**ATOM_PLACES
        tier = next((b for b in self.brackets if value <= b.cap * atoms), self.brackets[-1])
        return max(0, value * tier.ratio_ppm // 1_000_000 - tier.deduct * atoms)


COINS: Final = (Coin("BTC", "Bitcoin"), Coin("ETH", "Ethereum"), Coin("USDT", "Tether USD"))

SPOT_PAIRS: Final = (
    SpotRules(
        symbol="BTC_USDT",
        symbol_id=53,
        base="BTC",
        quote="USDT",
        price_decimals=2,
        size_decimals=5,
        min_size=1,
        max_size=200 * 10**5,
        max_price=10_000_000_00,
        min_value=5 * 10**ATOM_PLACES,
        start_price=64_000_25,
    ),
)

CONTRACTS: Final = (
    ContractRules(
        symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        contract_size=Decimal("0.001"),
        price_decimals=1,
        min_volume=1,
        max_volume=1_000_000,
        market_max_volume=500_000,
        min_leverage=1,
        max_leverage=100,
        funding_hours=8,
        funding_rate=Decimal("0.0000801"),
        funding_cap=Decimal("0.0375"),
        start_price=64_000_2,
        index_pair="BTC_USDT",
        brackets=(
            Bracket(number=1, leverage=100, floor=0, cap=500_000, ratio_ppm=5_000, deduct=0),
            Bracket(number=2, leverage=50, floor=500_000, cap=1_000_000, ratio_ppm=10_000, deduct=2_500),
            Bracket(number=3, leverage=20, floor=1_000_000, cap=10_000_000, ratio_ppm=25_000, deduct=17_500),
        ),
    ),
)

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
