"""Savings: money goes from the spot wallet to the earn pocket and comes back, with interest.

A flexible position earns for every full day and can be left at any time. A fixed one pays its interest
with the principal when its term ends, or nothing when it is left early; at the end it can roll on, into
the same product or into the flexible one of its coin, and then only the interest is paid out. Interest
comes from the treasury and is paid to the spot wallet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .earn_products import FIXED, FLEXIBLE, Product
from .ledger import Overdrawn
from .refusals import Refusal
from .wallets import TRANSFER, Teller, free

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DAY_MS", "REINVESTMENTS", "EarnDesk", "EarnPosition", "EarnRecord", "product_of"]

DAY_MS: Final = 86_400_000
REINVESTMENTS: Final = ("OFF", "REINVEST_FLEXIBLE", "REINVEST_FIXED")
_REQUEST_DIGITS: Final = 20


@dataclass(slots=True, kw_only=True)
class EarnPosition:
    earn_id: str
    uid: int
    product: Product
    amount: int
    since: int
    """When it was opened or rolled on; a flexible one's last day of interest."""
    profit: int = 0
    latest_profit: int = 0
    reinvest: str = "OFF"

    @property
    def matures(self) -> int:
        return self.since + self.product.lock_days * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnRecord:
    record_id: str
    uid: int
    product: Product
    kind: str
    """``subscribe``, ``redeem`` or ``interest``."""
    amount: int
    request_no: str
    at_ms: int


class EarnDesk:
    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._positions: dict[str, EarnPosition] = {}
        self._records: list[EarnRecord] = []
        self._request_numbers: set[tuple[int, str]] = set()
        self._automatic: dict[tuple[int, str], bool] = {}
        self._next = 200_000

    # Reading

    def positions(self, uid: int, *, fixed: bool) -> list[EarnPosition]:
        return [
            row for row in self._positions.values() if row.uid == uid and bool(row.product.lock_days) == fixed
        ]

    def position(self, uid: int, earn_id: str, *, fixed: bool) -> EarnPosition:
        found = self._positions.get(earn_id)
        if found is None or found.uid != uid or bool(found.product.lock_days) != fixed:
            raise Refusal(60000, "earnId")
        return found

    def records(self, uid: int, *, fixed: bool) -> list[EarnRecord]:
        """Newest first."""
        return [
            row for row in reversed(self._records) if row.uid == uid and bool(row.product.lock_days) == fixed
        ]

    def automatic(self, uid: int, product_id: str) -> bool:
        return self._automatic.get((uid, product_id), False)

    # Changing

    def set_automatic(self, uid: int, product_ids: Iterable[str], *, on: bool) -> None:
        for product_id in product_ids:
            self._automatic[uid, product_id] = on

    def subscribe(
        self,
        uid: int,
        product: Product,
        amount: int,
        *,
        request_no: str,
        now_ms: int,
        reinvest: str = "OFF",
    ) -> EarnPosition:
        self._check_number(uid, request_no)
        held = next((row for row in self.positions(uid, fixed=False) if row.product is product), None)
        if amount < product.least:
            raise Refusal(60005)
        if amount + (held.amount if held else 0) > product.most:
            raise Refusal(60009)
        try:
            self._teller.move(product.coin, amount, free(uid, "spot"), free(uid, "earn"), now_ms)
        except Overdrawn:
            raise Refusal(60008) from None
        self._request_numbers.add((uid, request_no))
        position = self._put(uid, product, amount, now_ms, reinvest)
        self._record("subscribe", position, amount, now_ms, request_no=request_no)
        return position

    def redeem(
        self,
        position: EarnPosition,
        amount: int | None,
        *,
        request_no: str,
        now_ms: int,
    ) -> None:
        """Take an amount out, or with None everything; a fixed position loses its interest."""
        self._check_number(position.uid, request_no)
        amount = position.amount if amount is None else amount
        if amount > position.amount:
            raise Refusal(60008)
        self._request_numbers.add((position.uid, request_no))
        self._take(position, amount, request_no, now_ms)

    def advance(self, now_ms: int) -> None:
        """Pay the interest of full days, end the terms that are over."""
        for position in list(self._positions.values()):
            product = position.product
            if product.lock_days:
                while position.earn_id in self._positions and now_ms >= position.matures:
                    self._mature(position, now_ms)
            elif (days := (now_ms - position.since) // DAY_MS) > 0:
                self._pay(position, product.interest(position.amount, days), now_ms)
                position.since += days * DAY_MS

    # Inside

    def _mature(self, position: EarnPosition, now_ms: int) -> None:
        product, ended = position.product, position.matures
        self._pay(position, product.interest(position.amount, product.lock_days), now_ms)
        if position.reinvest == "REINVEST_FIXED":
            position.since = ended
            return
        flexible = next((row for row in FLEXIBLE.values() if row.coin == product.coin), None)
        if position.reinvest == "REINVEST_FLEXIBLE" and flexible is not None:
            del self._positions[position.earn_id]
            self._put(position.uid, flexible, position.amount, ended, "OFF")
            return
        self._take(position, position.amount, "", now_ms)

    def _put(self, uid: int, product: Product, amount: int, now_ms: int, reinvest: str) -> EarnPosition:
        if not product.lock_days:
            for position in self.positions(uid, fixed=False):
                if position.product is product:
                    position.amount += amount
                    return position
        self._next += 1
        position = EarnPosition(
            earn_id=str(self._next), uid=uid, product=product, amount=amount, since=now_ms, reinvest=reinvest
        )
        self._positions[position.earn_id] = position
        return position

    def _take(self, position: EarnPosition, amount: int, request_no: str, now_ms: int) -> None:
        uid, coin = position.uid, position.product.coin
        self._teller.move(coin, amount, free(uid, "earn"), free(uid, "spot"), now_ms)
        position.amount -= amount
        if not position.amount:
            del self._positions[position.earn_id]
        self._record("redeem", position, amount, now_ms, request_no=request_no)

    def _pay(self, position: EarnPosition, amount: int, now_ms: int) -> None:
        self._teller.issue(position.product.coin, amount, free(position.uid, "spot"), now_ms, cause=TRANSFER)
        position.profit += amount
        position.latest_profit = amount
        self._record("interest", position, amount, now_ms)

    def _record(
        self,
        kind: str,
        position: EarnPosition,
        amount: int,
        now_ms: int,
        *,
        request_no: str = "",
    ) -> None:
        self._records.append(
            EarnRecord(
                record_id=str(len(self._records) + 1),
                uid=position.uid,
                product=position.product,
                kind=kind,
                amount=amount,
                request_no=request_no,
                at_ms=now_ms,
            )
        )

    def _check_number(self, uid: int, request_no: str) -> None:
        if len(request_no) != _REQUEST_DIGITS or not (request_no.isascii() and request_no.isdigit()):
            raise Refusal(60000, "requestNo")
        if (uid, request_no) in self._request_numbers:
            raise Refusal(61004)


def product_of(product_id: str, *, fixed: bool) -> Product:
    """The product of an id."""
    product = (FIXED if fixed else FLEXIBLE).get(product_id)
    if product is None:
        raise Refusal(60000, "productId")
    return product
