"""Who may call: the accounts and their keys."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Account", "Accounts", "Ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One customer, or one of the exchange's own traders (``house``), who has no key."""

    uid: int
    name: str
    key: str = ""
    secret: str = field(default="", repr=False)
    memo: str = field(default="", repr=False)
    house: bool = False


class Accounts:
    def __init__(self) -> None:
        self._by_key: dict[str, Account] = {}
        self._by_uid: dict[int, Account] = {}

    def add(self, account: Account) -> Account:
        self._by_uid[account.uid] = account
        if account.key:
            self._by_key[account.key] = account
        return account

    def with_key(self, key: str) -> Account | None:
        return self._by_key.get(key)

    def __getitem__(self, uid: int) -> Account:
        return self._by_uid[uid]


class Ids:
    """Counters for the ids the exchange hands out; each kind has the length it has on the wire."""

    def __init__(self) -> None:
        self.spot_orders = 212_751_308_355_553_320
        self.spot_trades = 125_277_182_593_091_639
        self.contract_orders = 231_116_359_426_639
        self.contract_trades = 3_000_001_703_796_731

    def spot_order(self) -> int:
        self.spot_orders += 1
        return self.spot_orders

    def spot_trade(self) -> int:
        self.spot_trades += 1
        return self.spot_trades

    def contract_order(self) -> int:
        self.contract_orders += 1
        return self.contract_orders

    def contract_trade(self) -> int:
        self.contract_trades += 1
        return self.contract_trades
