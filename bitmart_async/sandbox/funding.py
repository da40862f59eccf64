"""Deposits and withdrawals.

A withdrawal is created, then submitted, processed and done as the clock goes. Its amount, the fee
included, is frozen at once; when it is done the fee goes to the exchange and the rest leaves it, or is
credited to the other customer when it went to a BitMart account. Addresses lead nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .refusals import Refusal
from .wallets import WITHDRAWAL, Teller, free, held_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .networks import Network

__all__ = ["DEPOSIT_WALLETS", "DONE", "Desk", "Movement", "SavedAddress"]

CREATED, SUBMITTED, PROCESSING, DONE = 0, 1, 2, 3
_STEPS: Final = ((1_000, SUBMITTED), (2_000, PROCESSING), (5_000, DONE))
"""Milliseconds after the application at which a withdrawal gets there."""
DEPOSIT_WALLETS: Final = {"SPOT": "spot", "CONTRACT": "futures", "FUND": "fund"}
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedAddress:
    """An entry of the address book."""

    network: str
    coin: str
    address: str
    memo: str
    remark: str
    verified: bool


@dataclass(slots=True, kw_only=True)
class Movement:
    """One deposit or withdrawal."""

    number: int
    uid: int
    is_deposit: bool
    network: Network
    amount: int
    """What leaves or enters the wallets, the fee included."""
    fee: int = 0
    address: str = ""
    memo: str = ""
    receiver: int | None = None
    """The account it goes to, when it stays in the house."""
    applied: int
    status: int = CREATED
    tx_id: str = ""
    sources: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """The wallets it is drawn from, and how much from each."""


class Desk:
    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._movements: dict[int, Movement] = {}
        self._under_way: dict[int, Movement] = {}
        self._credited_to: dict[int, str] = {}
        self._next = 1_679_951
        self.deposits_open = True

    # Reading

    def movement(self, uid: int, number: int) -> Movement | None:
        found = self._movements.get(number)
        return found if found is not None and found.uid == uid else None

    def movements(self, uid: int, *, deposits: bool) -> Iterator[Movement]:
        """Newest first."""
        return (
            row for row in reversed(self._movements.values()) if row.uid == uid and row.is_deposit == deposits
        )

    def address_book(self) -> tuple[SavedAddress, ...]:
        """Everybody has the same two places to withdraw to, and one not verified yet."""
        return _ADDRESSES

    def deposit_account(self, uid: int) -> str:
        return self._credited_to.get(uid, "SPOT")

    def withdrawn_today(self, uid: int, now_ms: int) -> list[Movement]:
        """Since midnight UTC."""
        midnight = now_ms // _DAY_MS * _DAY_MS
        return [row for row in self.movements(uid, deposits=False) if row.applied >= midnight]

    # Changing

    def set_deposit_account(self, uid: int, name: str) -> None:
        if name not in DEPOSIT_WALLETS:
            raise Refusal(60001)
        self._credited_to[uid] = name

    def deposit(self, uid: int, row: Network, amount: int, now_ms: int) -> Movement:
        """Coins arrive from outside, confirmed.

        Raises:
            Refusal: Deposits are suspended.
        """
        if not self.deposits_open:
            raise Refusal(60003)
        wallet = self._deposit_wallet(uid, row)
        self._teller.issue(row.coin, amount, free(uid, wallet), now_ms)
        return self._add(
            Movement(
                number=0, uid=uid, is_deposit=True, network=row, amount=amount, applied=now_ms, status=DONE
            )
        )

    def withdraw(
        self,
        uid: int,
        row: Network,
        amount: int,
        *,
        address: str = "",
        memo: str = "",
        receiver: int | None = None,
        wallets: tuple[str, ...],
        now_ms: int,
    ) -> Movement:
        """Apply for a withdrawal and freeze its amount, wallet by wallet.

        Raises:
            Refusal: The wallets together hold less.
        """
        missing = amount
        sources: list[tuple[str, int]] = []
        for wallet in wallets:
            part = min(missing, self._teller.ledger.held(free(uid, wallet), row.coin))
            if part:
                sources.append((wallet, part))
                missing -= part
        if missing:
            raise Refusal(60008)
        for wallet, part in sources:
            self._teller.move(
                row.coin, part, free(uid, wallet), held_back(uid, wallet), now_ms, cause=WITHDRAWAL
            )
        entry = self._add(
            Movement(
                number=0,
                uid=uid,
                is_deposit=False,
                network=row,
                amount=amount,
                address=address,
                memo=memo,
                fee=0 if receiver is not None else row.fee,
                receiver=receiver,
                applied=now_ms,
                sources=sources,
            )
        )
        self._under_way[entry.number] = entry
        return entry

    def advance(self, now_ms: int) -> None:
        for entry in list(self._under_way.values()):
            for after, status in _STEPS:
                if entry.status < status and now_ms - entry.applied >= after:
                    entry.status = status
            if entry.status == DONE:
                del self._under_way[entry.number]
                self._finish(entry, now_ms)

    # Inside

    def _finish(self, entry: Movement, now_ms: int) -> None:
        entry.tx_id = f"sandbox-{entry.number}"
        fee_left = entry.fee
        for wallet, part in entry.sources:
            source, coin = held_back(entry.uid, wallet), entry.network.coin
            fee = min(fee_left, part)
            fee_left -= fee
            self._teller.charge(coin, fee, source)
            if entry.receiver is None:
                self._teller.retire(coin, part - fee, source, now_ms)
                continue
            target = free(entry.receiver, self._deposit_wallet(entry.receiver, entry.network))
            self._teller.move(coin, part - fee, source, target, now_ms, cause=WITHDRAWAL)
        if entry.receiver is not None:
            self._add(
                Movement(
                    number=0,
                    uid=entry.receiver,
                    is_deposit=True,
                    network=entry.network,
                    amount=entry.amount,
                    applied=now_ms,
                    status=DONE,
                    tx_id=entry.tx_id,
                )
            )

    def _deposit_wallet(self, uid: int, row: Network) -> str:
        wallet = DEPOSIT_WALLETS[self.deposit_account(uid)]
        return "spot" if wallet == "futures" and row.coin != "USDT" else wallet

    def _add(self, entry: Movement) -> Movement:
        self._next += 1
        entry.number = self._next
        if entry.is_deposit and not entry.tx_id:
            entry.tx_id = f"sandbox-{entry.number}"
        self._movements[entry.number] = entry
        return entry


_ADDRESSES: Final = (
    SavedAddress(
        network="TRC20",
        coin="USDT",
        address="TSandboxNowhere11111111111111111111",
        memo="",
        remark="nowhere",
        verified=True,
    ),
    SavedAddress(
        network="BTC",
        coin="BTC",
        address="bc1qsandboxnowhere0000000000000000000000",
        memo="",
        remark="nowhere",
        verified=True,
    ),
    SavedAddress(
        network="ETH",
        coin="ETH",
        address="0x0000000000000000000000000000000000000000",
        memo="12",
        remark="not verified yet",
        verified=False,
    ),
)
