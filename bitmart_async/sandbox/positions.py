"""The arithmetic of one futures position: margin, average price, profit. Pure: it moves no money.

A position remembers what its contracts cost in total. Taking some out takes the same share of the cost
and of the margin with it, rounded down, so the shares always add up to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from .matching import Side
from .numbers import ATOM_PLACES, MILLION, ceil_div

if TYPE_CHECKING:
    from .rules import ContractRules

__all__ = ["Closed", "Position", "initial_margin"]

ATOM: Final[int] = 10**ATOM_PLACES


class Closed(NamedTuple):
    """What taking contracts out of a position sets free."""

    margin: int
    profit: int


def initial_margin(value: int, leverage: int) -> int:
    return ceil_div(value, leverage)


@dataclass(slots=True, kw_only=True)
class Position:
    uid: int
    symbol: str
    leg: str
    """``long`` or ``short`` in hedge mode, ``both`` in one-way mode."""
    direction: Side
    """``buy`` is long."""
    open_type: str = "cross"
    leverage: int = 1
    volume: int = 0
    cost: int = 0
    """Atoms the contracts held were worth when they came in."""
    margin: int = 0
    frozen: int = 0
    """Contracts promised to closing orders."""
    opened_volume: int = 0
    opened_value: int = 0
    closed_volume: int = 0
    closed_value: int = 0
    realised: int = 0
    fees: int = 0
    funding: int = 0
    """Funding received less funding paid."""
    created: int = 0
    updated: int = 0

    def open(
        self,
        rules: ContractRules,
        direction: Side,
        now_ms: int,
        *,
        price: int,
        size: int,
        margin: int,
    ) -> None:
        """Take contracts in. A flat position starts a new life."""
        if not self.volume:
            self.direction = direction
            self.created = now_ms
            self.opened_volume = self.opened_value = self.closed_volume = self.closed_value = 0
            self.realised = self.fees = self.funding = 0
        assert self.direction is direction, "a position has one direction"
        value = rules.value(price, size)
        self.volume += size
        self.cost += value
        self.margin += margin
        self.opened_volume += size
        self.opened_value += value
        self.updated = now_ms

    def close(self, rules: ContractRules, price: int, size: int, now_ms: int) -> Closed:
        """Take contracts out."""
        assert 0 < size <= self.volume, "cannot close what is not held"
        cost, margin = self.cost * size // self.volume, self.margin * size // self.volume
        value = rules.value(price, size)
        gain = rules.gain(cost, value)
        profit = gain if self.direction is Side.BUY else -gain
        self.volume -= size
        self.cost -= cost
        self.margin -= margin
        self.closed_volume += size
        self.closed_value += value
        self.realised += profit
        self.updated = now_ms
        return Closed(margin, profit)

    @property
    def long_volume(self) -> int:
        """Contracts it adds to the open interest, which counts each pair of sides once."""
        return self.volume if self.direction is Side.BUY else 0

    def worth(self, rules: ContractRules, half_ticks: int) -> int:
        """What the contracts are worth at a price given in half ticks, atoms."""
        return rules.value_at(half_ticks, self.volume) if self.volume else 0

    def unrealised(self, rules: ContractRules, half_ticks: int) -> int:
        gain = rules.gain(self.cost, self.worth(rules, half_ticks))
        return gain if self.direction is Side.BUY else -gain

    def liquidation_price(self, rules: ContractRules, spare: int) -> int:
        """Ticks at which margin and spare balance are down to the maintenance margin; 0 when never.

        Args:
            spare: What else stands behind the position in cross mode, else 0.
        """
        if not self.volume:
            return 0
        tier, at = rules.tier(self.cost), 0
        for _ in range(2):  # the maintenance margin there is that of the bracket it gets to
            cushion = self.margin + spare + int(tier.deduct * ATOM)
            if self._falls(rules):
                at = (self.cost - cushion) * MILLION // (MILLION - tier.ratio_ppm)
            else:
                at = (self.cost + cushion) * MILLION // (MILLION + tier.ratio_ppm)
            tier = rules.tier(max(at, 0))
        return max(0, rules.price_of(at, self.volume))

    def bankruptcy_price(self, rules: ContractRules, behind: int) -> int:
        """The last price in ticks at which closing it all loses no more than stands behind it; 0 for none."""
        at = self.cost - behind if self._falls(rules) else self.cost + behind
        if at <= 0:
            return 0
        price = max(1, rules.price_of(at, self.volume))
        step = 1 if self.direction is Side.BUY else -1
        while self._gain_at(rules, price) < -behind:
            price += step
        while price - step >= 1 and self._gain_at(rules, price - step) >= -behind:
            price -= step
        return price

    def _gain_at(self, rules: ContractRules, price: int) -> int:
        gain = rules.gain(self.cost, rules.value(price, self.volume))
        return gain if self.direction is Side.BUY else -gain

    def _falls(self, rules: ContractRules) -> bool:
        """Whether it loses while its value falls; an inverse contract's value rises when the price falls."""
        return (self.direction is Side.BUY) != rules.inverse
