"""Transfers: between the wallets of one account, and between a main account and its sub-accounts.

A transfer is done when the call returns. A requestNo serves one account once, whether its transfer was
on spot or on futures; a transfer that was refused has not used it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .ledger import Overdrawn
from .listing import COINS
from .refusals import Refusal
from .wallets import Teller, free

if TYPE_CHECKING:
    from .accounts import Account

__all__ = ["ContractTransfer", "SubTransfer", "Transfers", "known_coin"]

_REQUEST_LENGTH: Final = 64


def known_coin(coin: str) -> str:
    """The coin, if it is listed."""
    if coin not in COINS:
        raise Refusal(60002)
    return coin


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTransfer:
    """Spot to futures or back, one account."""

    transfer_id: int
    uid: int
    coin: str
    amount: int
    kind: str
    """``spot_to_contract`` or ``contract_to_spot``."""
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubTransfer:
    """Between two accounts of one family, same wallet on both sides."""

    source: Account
    target: Account
    wallet: str
    coin: str
    amount: int
    at_ms: int

    def concerns(self, uid: int) -> bool:
        return uid in (self.source.uid, self.target.uid)


class Transfers:
    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._to_contract: list[ContractTransfer] = []
        self._to_sub: list[SubTransfer] = []
        self._request_numbers: set[tuple[int, str]] = set()
        self._next_id = 902_463_535_961_567_232

    def between_wallets(self, uid: int, coin: str, amount: int, way: tuple[str, str], now_ms: int) -> None:
        """Move an account's own coins from the first wallet to the second."""
        source, target = way
        if "futures" in (source, target) and coin != "USDT":
            raise Refusal(60002)
        try:
            self._teller.move(coin, amount, free(uid, source), free(uid, target), now_ms)
        except Overdrawn:
            raise Refusal(60008) from None

    def contract(self, uid: int, coin: str, amount: int, kind: str, now_ms: int) -> None:
        """The kind of transfer that is listed."""
        wallets = ("spot", "futures") if kind == "spot_to_contract" else ("futures", "spot")
        self.between_wallets(uid, coin, amount, wallets, now_ms)
        self._next_id += 1
        self._to_contract.append(
            ContractTransfer(
                transfer_id=self._next_id, uid=uid, coin=coin, amount=amount, kind=kind, at_ms=now_ms
            )
        )

    def between_accounts(
        self,
        source: Account,
        target: Account,
        wallet: str,
        coin: str,
        amount: int,
        *,
        caller: int,
        request_no: str,
        now_ms: int,
    ) -> None:
        """Move coins between a main account and a sub-account, or two sub-accounts."""
        if not 0 < len(request_no) <= _REQUEST_LENGTH:
            raise Refusal(60000, "requestNo")
        if (caller, request_no) in self._request_numbers:
            raise Refusal(61004)
        if wallet == "futures" and coin != "USDT":
            raise Refusal(60002)
        try:
            self._teller.move(coin, amount, free(source.uid, wallet), free(target.uid, wallet), now_ms)
        except Overdrawn:
            raise Refusal(61001) from None
        self._request_numbers.add((caller, request_no))
        self._to_sub.append(
            SubTransfer(source=source, target=target, wallet=wallet, coin=coin, amount=amount, at_ms=now_ms)
        )

    def contract_transfers(self, uid: int) -> list[ContractTransfer]:
        """Newest first."""
        return [row for row in reversed(self._to_contract) if row.uid == uid]

    def sub_transfers(self, uid: int, wallet: str) -> list[SubTransfer]:
        """Those an account took part in, newest first."""
        return [row for row in reversed(self._to_sub) if row.wallet == wallet and row.concerns(uid)]

    def family_transfers(self, main: int, wallet: str) -> list[SubTransfer]:
        """Those of a main account and all its sub-accounts, newest first."""
        return [
            row
            for row in reversed(self._to_sub)
            if row.wallet == wallet and main in (row.source.family, row.target.family)
        ]
