"""Who may call: the accounts and their keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .permissions import Restriction

__all__ = ["MOST_UNFILLED", "Account", "Accounts", "Ids"]

MOST_UNFILLED = 100_000
"""Customers' orders of a market that ended without a fill and are kept. A bot that moves its quotes for a month makes
millions of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One customer, or one of the exchange's own traders (``house``), who has no key."""

    uid: int
    name: str
    key: str = ""
    secret: str = field(default="", repr=False)
    memo: str = field(default="", repr=False)
    house: bool = False
    parent: int | None = None
    """The main account of a sub-account."""

    @property
    def family(self) -> int:
        """The main account it belongs to, itself for a main account."""
        return self.uid if self.parent is None else self.parent


class Accounts:
    def __init__(self) -> None:
        self._by_key: dict[str, Account] = {}
        self._by_uid: dict[int, Account] = {}
        self.restrictions: dict[int, Restriction] = {}
        """What is held against the keys of accounts, by uid."""

    def add(self, account: Account) -> Account:
        self._by_uid[account.uid] = account
        if account.key:
            self._by_key[account.key] = account
        return account

    def with_key(self, key: str) -> Account | None:
        return self._by_key.get(key)

    def __getitem__(self, uid: int) -> Account:
        return self._by_uid[uid]

    def customer(self, uid: int) -> Account | None:
        """A customer, not one of the exchange's own traders."""
        account = self._by_uid.get(uid)
        return None if account is None or account.house else account

    def named(self, name: str) -> Account | None:
        """The customer of that user name."""
        return next(
            (account for account in self._by_uid.values() if account.name == name and not account.house), None
        )

    def customers(self) -> list[Account]:
        """All but the exchange's own traders."""
        return [account for account in self._by_uid.values() if not account.house]

    def subs(self, main: int) -> list[Account]:
        return [account for account in self._by_uid.values() if account.parent == main]


class Ids:
    """Counters for the ids the exchange hands out; each kind has the length it has on the wire."""

    def __init__(self) -> None:
        self.spot_orders = 212_751_308_355_553_320
        self.spot_trades = 125_277_182_593_091_639
        self.contract_orders = 231_116_359_426_639
        self.contract_trades = 3_000_001_703_796_731
        self.algo_orders = 137_478_201_134_228_132

    def spot_order(self) -> int:
        self.spot_orders += 1
        return self.spot_orders

    def spot_trade(self) -> int:
        self.spot_trades += 1
        return self.spot_trades

    def contract_order(self) -> int:
        self.contract_orders += 1
        return self.contract_orders

    def algo_order(self) -> int:
        self.algo_orders += 1
        return self.algo_orders

    def contract_trade(self) -> int:
        self.contract_trades += 1
        return self.contract_trades
