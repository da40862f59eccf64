"""Balances and positions of one market. Pure.

They are states, not events: the last word counts. What was pushed since a REST call began stays as it was
pushed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bitmart_async.account.changes import BalanceChanged, PositionChanged
from bitmart_async.account.views import ZERO, CoinBalance
from bitmart_async.models.enums import Leg, PositionMode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from bitmart_async.account.changes import Change
    from bitmart_async.account.views import AccountPosition
    from bitmart_async.websocket.topics import Market

__all__ = ["Holdings"]

_NEVER: Final = float("-inf")


class Holdings:
    """See the module's text."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.balances: dict[str, CoinBalance] = {}
        self.positions: dict[tuple[str, Leg], AccountPosition] = {}
        """Those that hold something."""
        self._position_ms: dict[tuple[str, Leg], int] = {}
        self._heard: dict[str | tuple[str, Leg], float] = {}
        """When a coin, or a position, was last pushed."""

    # The stream ---------------------------------------------------------------------------------------

    def hear(self, row: CoinBalance | AccountPosition, now: float) -> None:
        """A state was pushed, and is merged now or later."""
        self._heard[row.currency if isinstance(row, CoinBalance) else (row.symbol, row.side)] = now

    def push(self, row: CoinBalance | AccountPosition) -> list[Change]:
        """Merge a state that was pushed."""
        if isinstance(row, CoinBalance):
            return self._set_balance(row, reconciled=False)
        told: list[Change] = []
        if row.position_mode is PositionMode.ONE_WAY and row.size:
            other = Leg.SHORT if row.side is Leg.LONG else Leg.LONG
            known = self.positions.get((row.symbol, other))
            if known is not None and known.updated_ms <= row.updated_ms:  # one contract, one position
                closed = replace(known, size=ZERO, updated_ms=row.updated_ms)
                told += self._set_position(closed, reconciled=False)
        return told + self._set_position(row, reconciled=False)

    # REST ---------------------------------------------------------------------------------------------

    def read_balances(self, shown: Iterable[CoinBalance], began: float) -> list[Change]:
        """REST showed all balances, in a look that began then."""
        rows = {row.currency: row for row in shown}
        for coin, known in self.balances.items():
            if coin not in rows:  # a wallet without the coin holds none of it
                rows[coin] = replace(known, available=ZERO, frozen=ZERO, margin=ZERO, at_ms=None)
        told: list[Change] = []
        for coin, row in rows.items():
            if self._heard.get(coin, _NEVER) < began:
                told += self._set_balance(row, reconciled=True)
        return told

    def read_positions(self, shown: Iterable[AccountPosition], began: float) -> list[Change]:
        """REST showed all positions, in a look that began then."""
        held = {(row.symbol, row.side): row for row in shown if row.size}
        for key, was in self.positions.items():
            if key not in held:
                held[key] = replace(was, size=ZERO, updated_ms=was.updated_ms + 1)
        told: list[Change] = []
        for key, position in held.items():
            if self._heard.get(key, _NEVER) < began:
                told += self._set_position(position, reconciled=True)
        return told

    # Merging ------------------------------------------------------------------------------------------

    def _set_balance(self, row: CoinBalance, *, reconciled: bool) -> list[Change]:
        known = self.balances.get(row.currency)
        if known is not None and row.at_ms is not None and row.at_ms < (known.at_ms or 0):
            return []
        if row.at_ms is None and known is not None and known.at_ms is not None:
            row = replace(row, at_ms=known.at_ms)  # REST tells no time; older pushes stay older
        self.balances[row.currency] = row
        if known is not None and _amounts(known) == _amounts(row):
            return []
        if known is None and not any(_amounts(row)):
            return []
        return [BalanceChanged(market=self._market, balance=row, before=known, reconciled=reconciled)]

    def _set_position(self, row: AccountPosition, *, reconciled: bool) -> list[Change]:
        key = (row.symbol, row.side)
        if row.updated_ms < self._position_ms.get(key, 0):
            return []
        self._position_ms[key] = row.updated_ms
        known = self.positions.pop(key, None)
        if row.size:
            self.positions[key] = row
        elif known is None:
            return []
        if known is not None and (known.size, known.entry_price) == (row.size, row.entry_price):
            return []
        return [PositionChanged(market=self._market, position=row, before=known, reconciled=reconciled)]

    # Restart ------------------------------------------------------------------------------------------

    def restore(self, balances: Iterable[CoinBalance], positions: Iterable[AccountPosition]) -> None:
        """Begin with what another tracker knew."""
        self.balances = {balance.currency: balance for balance in balances}
        self.positions = {(position.symbol, position.side): position for position in positions}


def _amounts(balance: CoinBalance) -> tuple[Decimal, Decimal, Decimal]:
    return balance.available, balance.frozen, balance.margin
