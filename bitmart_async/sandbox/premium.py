"""The funding rate of one contract, measured and settled. Pure: it moves no money.

The premium of the mark price over the index is sampled as time goes and averaged since the last
settlement. The rate is that average, pulled towards the interest rate by at most 0.05 %, and held within
the contract's cap. At every settlement the rate in force becomes the one charged and the measuring starts
anew. The formula is the usual one of such contracts; the exchange's own was not found.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from .rules import ContractRules

__all__ = ["PLACES", "FundingMeter", "Settlement", "rate_text"]

PLACES: Final = 12
_ONE: Final[int] = 10**PLACES
_SAMPLE_MS: Final = 5_000
_PULL: Final = 5 * 10 ** (PLACES - 4)
_INTEREST: Final = 10 ** (PLACES - 4)
"""For eight hours."""
_HOUR_MS: Final = 3_600_000


class Settlement(NamedTuple):
    at_ms: int
    rate: int
    """In 10**-12; a positive one is paid by longs to shorts."""


class FundingMeter:
    def __init__(self, rules: ContractRules, now_ms: int) -> None:
        self._length = rules.funding_hours * _HOUR_MS
        self.cap = int(rules.funding_cap.scaleb(PLACES))
        """The rate is between this and its negative."""
        self._interest = _INTEREST * rules.funding_hours // 8
        self._total = self._count = 0
        self._sampled = now_ms - _SAMPLE_MS
        self.next_ms = (now_ms // self._length + 1) * self._length
        """When the next settlement is due."""
        first = Settlement(self.next_ms - self._length, int(rules.funding_rate.scaleb(PLACES)))
        self.settled = [first]
        """What was charged so far, oldest first; the first row lies before the sandbox began."""

    def note(self, mark: int, index: int, now_ms: int) -> None:
        """Look at the premium. Both prices in the same unit."""
        if now_ms - self._sampled >= _SAMPLE_MS:
            self._sampled = now_ms
            self._total += (mark - index) * _ONE // index
            self._count += 1

    @property
    def expected(self) -> int:
        """The rate if it were settled now."""
        premium = self._total // self._count if self._count else 0
        pulled = premium + max(-_PULL, min(_PULL, self._interest - premium))
        return max(-self.cap, min(self.cap, pulled))

    @property
    def last(self) -> int:
        """The rate charged last."""
        return self.settled[-1].rate

    def settle(self, now_ms: int) -> Settlement | None:
        """The settlement that is due by now, if one is; ask again until there is none."""
        if now_ms < self.next_ms:
            return None
        due = Settlement(self.next_ms, self.expected)
        self.settled.append(due)
        self.next_ms += self._length
        self._total = self._count = 0
        return due


def rate_text(rate: int) -> str:
    """A rate as the wire prints it."""
    return f"{Decimal(rate).scaleb(-PLACES).normalize():f}"
