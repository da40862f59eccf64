"""Coins and the chains they travel on, as data. A new row here is a new way in and out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from .numbers import ATOM_PLACES
from .refusals import Refusal

__all__ = ["NETWORKS", "WITHDRAWAL_DAY_BTC", "Network", "deposit_address", "network"]

WITHDRAWAL_DAY_BTC: Final = 100
"""What an account may withdraw on one day of UTC, in whole BTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One coin on one chain. Money in atoms."""

    code: str
    """How the wire names it: the coin, with the chain glued on when there are several."""
    coin: str
    name: str
    chain: str
    contract: str | None = None
    is_open: bool = True
    min_deposit: int
    min_withdrawal: int
    fee: int
    decimals: int = 8


_COIN: Final = 10**ATOM_PLACES

_FIRST: Final = (
    Network(
        code="BTC",
        coin="BTC",
        name="Bitcoin",
        chain="BTC",
        min_deposit=_COIN // 10_000,
        min_withdrawal=_COIN // 1_000,
        fee=_COIN // 2_000,
    ),
    Network(
        code="ETH",
        coin="ETH",
        name="Ethereum",
        chain="ETH",
        min_deposit=_COIN // 1_000,
        min_withdrawal=_COIN // 100,
        fee=_COIN // 500,
    ),
    Network(
        code="USDT",
        coin="USDT",
        name="Tether USD",
        chain="OMNI",
        is_open=False,
        min_deposit=_COIN,
        min_withdrawal=10 * _COIN,
        fee=10 * _COIN,
    ),
    Network(
        code="USDT-TRC20",
        coin="USDT",
        name="USDT-TRC20",
        chain="TRC20",
        min_deposit=_COIN,
        contract="TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        min_withdrawal=10 * _COIN,
        fee=_COIN,
        decimals=6,
    ),
    Network(
        code="USDT-ERC20",
        coin="USDT",
        name="USDT-ERC20",
        chain="ERC20",
        min_deposit=_COIN,
        contract="0xdac17f958d2ee523a2206206994597c13d831ec7",
        min_withdrawal=26 * _COIN,
        fee=5 * _COIN,
        decimals=6,
    ),
)
NETWORKS: Final = (
    *_FIRST,
    *(
        Network(
            code=coin,
            coin=coin,
            name=coin,
            chain=chain,
            min_deposit=least * _COIN,
            min_withdrawal=10 * least * _COIN,
            fee=least * _COIN // 2,
            decimals=6,
        )
        for coin, chain, least in (
            ("USDC", "ERC20", 1),
            ("SOL", "SOL", 1),
            ("XRP", "XRP", 1),
            ("DOGE", "DOGE", 10),
            ("LTC", "LTC", 1),
            ("ADA", "ADA", 2),
            ("LINK", "ERC20", 1),
            ("TRX", "TRC20", 5),
            ("BMX", "ERC20", 5),
        )
    ),
)
_BY_CODE: Final = {row.code: row for row in NETWORKS}


def network(code: str) -> Network:
    """The row of a code.

    Raises:
        Refusal: No such currency.
    """
    row = _BY_CODE.get(code)
    if row is None:
        raise Refusal(60002)
    return row


def deposit_address(seed: int, uid: int, row: Network) -> str:
    """The account's address on a chain: always the same, and nobody's on any real one."""
    digest = hashlib.sha256(f"{seed}/{uid}/{row.chain}".encode()).hexdigest()
    heads = {"BTC": "bc1qsandbox", "TRC20": "Tsandbox"}
    return heads.get(row.chain, "0x5a9d") + digest[:30]
