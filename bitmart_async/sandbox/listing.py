"""The markets there are, as data: a new market is a new row here and nothing else.

The values are our own; the form is the exchange's. Prices are where the makers open the market.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .numbers import ATOM_PLACES
from .rules import Bracket, Coin, ContractRules, SpotRules

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ALL", "COINS", "CONTRACTS", "DEFAULT", "SPOT_PAIRS", "Listing", "listing"]

ALL: Final = "all"
DEFAULT: Final = ("BTC_USDT", "BTCUSDT")
"""What a sandbox trades unless told otherwise: it starts at once, and a test knows what it meets."""

COINS: Final = {
    coin.code: coin
    for coin in (
        Coin("BTC", "Bitcoin", 2),
        Coin("ETH", "Ethereum", 40),
        Coin("USDT", "Tether USD", 50_000),
        Coin("USDC", "USD Coin", 50_000),
        Coin("SOL", "Solana", 600),
        Coin("XRP", "XRP", 80_000),
        Coin("DOGE", "Dogecoin", 400_000),
        Coin("LTC", "Litecoin", 600),
        Coin("ADA", "Cardano", 100_000),
        Coin("LINK", "Chainlink", 4_000),
        Coin("TRX", "TRON", 300_000),
        Coin("BMX", "BitMart Token", 100_000),
    )
}


def _rounded(number: Decimal) -> int:
    """To one digit, as such limits are written."""
    return int(Decimal(f"{number:.0e}"))


def _pair(symbol: str, number: int, price: str, size_decimals: int, least: str = "5") -> SpotRules:
    """A spot pair; its price is written with as many decimals as the market has."""
    base, quote = symbol.split("_")
    start = Decimal(price)
    decimals = -int(start.as_tuple().exponent)
    ticks = int(start.scaleb(decimals))
    dearest = 200 if quote == "BTC" else 12_800_000
    return SpotRules(
        symbol=symbol,
        symbol_id=number,
        base=base,
        quote=quote,
        price_decimals=decimals,
        size_decimals=size_decimals,
        min_size=1,
        max_size=_rounded(dearest / start) * 10**size_decimals,
        max_price=_rounded(start * 150) * 10**decimals if start > 1 else 10_000 * 10**decimals,
        min_value=int(Decimal(least).scaleb(ATOM_PLACES)),
        start_price=ticks,
    )


def _tiers(*rows: tuple[int, int, int]) -> tuple[Bracket, ...]:
    """Brackets from (leverage, cap, maintenance in ppm); what is deducted keeps the margin continuous."""
    made: list[Bracket] = []
    floor, ratio_before, deduct = 0, 0, Decimal(0)
    for number, (leverage, cap, ratio) in enumerate(rows, start=1):
        if made:
            deduct += Decimal(floor * (ratio - ratio_before)).scaleb(-6)
        made.append(
            Bracket(number=number, leverage=leverage, floor=floor, cap=cap, ratio_ppm=ratio, deduct=deduct)
        )
        floor, ratio_before = cap, ratio
    return tuple(made)


_DEEP: Final = _tiers((100, 500_000, 5_000), (50, 1_000_000, 10_000), (20, 10_000_000, 25_000))
_MIDDLE: Final = _tiers((75, 100_000, 6_500), (50, 500_000, 10_000), (20, 2_000_000, 25_000))
_SMALL: Final = _tiers(
    (50, 10_000, 10_000), (25, 100_000, 20_000), (20, 200_000, 25_000), (5, 1_000_000, 100_000)
)


def _contract(
    symbol: str,
    quote: str,
    size: str,
    price: str,
    tiers: tuple[Bracket, ...],
    *,
    hours: int = 8,
    inverse: bool = False,
    rate: str = "0.0001",
    cap: str = "0.0375",
    index: str = "",
) -> ContractRules:
    base = symbol.removesuffix(quote)
    start, contract_size = Decimal(price), Decimal(size)
    decimals = -int(start.as_tuple().exponent)
    worth = contract_size if inverse else contract_size * start
    most = _rounded(64_000_000 / worth)
    return ContractRules(
        symbol=symbol,
        base=base,
        quote=quote,
        inverse=inverse,
        contract_size=contract_size,
        price_decimals=decimals,
        max_volume=most,
        market_max_volume=most // 2,
        max_leverage=tiers[0].leverage,
        funding_hours=hours,
        funding_rate=Decimal(rate),
        funding_cap=Decimal(cap),
        start_price=int(start.scaleb(decimals)),
        index_pair=index or f"{base}_USDT",
        brackets=tiers,
    )


SPOT_PAIRS: Final = (
    _pair("BTC_USDT", 53, "64000.25", 5),
    _pair("ETH_USDT", 51, "3125.40", 4),
    _pair("SOL_USDT", 1_917, "148.230", 3),
    _pair("XRP_USDT", 192, "0.61520", 1),
    _pair("DOGE_USDT", 1_080, "0.123450", 0),
    _pair("LTC_USDT", 60, "71.580", 3),
    _pair("ADA_USDT", 1_221, "0.45360", 1),
    _pair("LINK_USDT", 1_138, "14.2350", 2),
    _pair("TRX_USDT", 268, "0.162340", 1),
    _pair("BMX_USDT", 17, "0.38420", 1),
    _pair("BTC_USDC", 2_410, "64010.50", 5),
    _pair("ETH_BTC", 52, "0.048832", 2, "0.0001"),
)

CONTRACTS: Final = (
    _contract("BTCUSDT", "USDT", "0.001", "64000.2", _DEEP, rate="0.0000801"),
    _contract("ETHUSDT", "USDT", "0.01", "3125.35", _DEEP, rate="0.0000645"),
    _contract("SOLUSDT", "USDT", "0.1", "148.21", _MIDDLE),
    _contract("XRPUSDT", "USDT", "10", "0.6151", _MIDDLE),
    _contract("DOGEUSDT", "USDT", "10", "0.12344", _MIDDLE),
    _contract("LTCUSDT", "USDT", "0.1", "71.57", _MIDDLE),
    _contract("ADAUSDT", "USDT", "10", "0.4535", _SMALL, hours=4, cap="0.02"),
    _contract("LINKUSDT", "USDT", "1", "14.233", _SMALL, hours=4, cap="0.02"),
    _contract("TRXUSDT", "USDT", "10", "0.16233", _SMALL, hours=4, cap="0.02"),
    _contract("BTCUSDC", "USDC", "0.001", "64008.1", _MIDDLE, index="BTC_USDC"),
    _contract(
        "BTCUSD",
        "USD",
        "100",
        "64005.5",
        _tiers((100, 10, 5_000), (50, 50, 10_000), (20, 200, 25_000)),
        inverse=True,
    ),
    _contract(
        "ETHUSD",
        "USD",
        "10",
        "3125.75",
        _tiers((75, 200, 6_500), (50, 1_000, 10_000), (20, 4_000, 25_000)),
        inverse=True,
    ),
)


class Listing:
    """The markets one sandbox trades."""

    def __init__(self, pairs: Iterable[SpotRules], contracts: Iterable[ContractRules]) -> None:
        self.pairs, self.contracts = tuple(pairs), tuple(contracts)


def listing(symbols: Iterable[str] | str = DEFAULT) -> Listing:
    """The markets of these symbols, in the order of the tables; ``"all"`` is every one.

    A contract brings its index pair along, and BTC_USDT is always there: balances are valued by it.

    Raises:
        ValueError: There is no such market.
    """
    pairs = {row.symbol: row for row in SPOT_PAIRS}
    contracts = {row.symbol: row for row in CONTRACTS}
    if isinstance(symbols, str):
        symbols = [*pairs, *contracts] if symbols == ALL else [symbols]
    wanted = {*symbols, DEFAULT[0]}
    if unknown := sorted(wanted - pairs.keys() - contracts.keys()):
        raise ValueError(
            f"the sandbox has no market {', '.join(unknown)}; it has {', '.join([*pairs, *contracts])}"
        )
    wanted |= {contracts[symbol].index_pair for symbol in wanted & contracts.keys()}
    return Listing(
        (row for row in SPOT_PAIRS if row.symbol in wanted),
        (row for row in CONTRACTS if row.symbol in wanted),
    )
