"""Where a program stands in the stream of changes, as plain JSON: what a restart begins from.

The cursor is folded from the changes a program was given, one by one, so that it never runs ahead of
them: whatever was not given yet is found again by the next tracker.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, cast

from bitmart_async.account.changes import (
    BalanceChanged,
    Change,
    Filled,
    FillsMissing,
    OrderChanged,
    PositionChanged,
    Resynced,
)
from bitmart_async.account.core import OVERLAP_MS, MarketAccount
from bitmart_async.account.views import (
    AccountOrder,
    AccountPosition,
    CoinBalance,
    FillKey,
    OrderStatus,
    fill_key,
)
from bitmart_async.errors import ConfigurationError, ParameterError
from bitmart_async.models.enums import Leg, MarginMode, PositionMode, Side
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Place"]

_VERSION: Final = 1
_MOST: Final = 10_000
_KEPT_MS: Final = 2 * OVERLAP_MS


@dataclass(slots=True)
class _Market:
    through_ms: int
    orders: dict[str, AccountOrder] = field(default_factory=dict[str, AccountOrder])
    explained: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    fills: dict[FillKey, int] = field(default_factory=dict[FillKey, int])
    balances: dict[str, CoinBalance] = field(default_factory=dict[str, CoinBalance])
    positions: dict[tuple[str, Leg], AccountPosition] = field(
        default_factory=dict[tuple[str, Leg], AccountPosition]
    )

    def fold(self, change: Change) -> None:
        if isinstance(change, Filled):
            fill = change.fill
            self.fills[fill_key(fill)] = fill.at_ms
            self.explained[fill.order_id] = change.explained
        elif isinstance(change, OrderChanged):
            order = change.order
            self.orders[order.order_id] = replace(order, data=None)
            self.explained[order.order_id] = change.explained
        elif isinstance(change, FillsMissing):
            self.explained[change.order.order_id] = change.order.filled
        elif isinstance(change, BalanceChanged):
            self.balances[change.balance.currency] = replace(change.balance, data=None)
        elif isinstance(change, PositionChanged):
            key = change.position.symbol, change.position.side
            self.positions.pop(key, None)
            if change.position.size:
                self.positions[key] = replace(change.position, data=None)
        elif isinstance(change, Resynced):
            self.through_ms = change.through_ms
            self._prune()

    def _prune(self) -> None:
        """Forget what no look back will show again."""
        before = self.through_ms - _KEPT_MS
        over = [order for order in self.orders.values() if not order.open and order.updated_ms < before]
        for order in over:
            del self.orders[order.order_id]
        self.fills = dict([(key, at_ms) for key, at_ms in self.fills.items() if at_ms >= before][-_MOST:])
        active = {order_id for _, order_id in self.fills} | self.orders.keys()
        self.explained = {key: value for key, value in self.explained.items() if key in active}


class Place:
    """A program's place in the changes of both markets."""

    def __init__(self) -> None:
        self._markets: dict[Market, _Market] = {}
        self._accounts: dict[Market, str] = {}

    def claim(self, market: Market, whose: str) -> None:
        """A market of this account begins here. A cursor of an earlier release does not say whose it is.

        Raises:
            ConfigurationError: The place is one of another account.
        """
        known = self._accounts.get(market, "")
        if known and whose and known != whose:
            raise ConfigurationError(
                f"since= is the cursor of another account or key ({market.value}: {known}; this client: {whose}). "
                f"Two accounts would be merged: keep one cursor for each, or leave since= out to begin with the "
                f'account as it is now. If both are keys of one account, remove the cursor\'s entry "accounts".'
            )
        self._accounts[market] = whose or known

    def begin(self, account: MarketAccount) -> None:
        """A market's first complete look: what it showed is known and was not told."""
        if account.market in self._markets or account.through_ms is None:
            return
        market = self._markets[account.market] = _Market(account.through_ms)
        for order, explained in account.entries():
            market.orders[order.order_id] = replace(order, data=None)
            market.explained[order.order_id] = explained
        market.fills = dict(account.told_fills)
        market.balances = {key: replace(row, data=None) for key, row in account.balances.items()}
        market.positions = {key: replace(row, data=None) for key, row in account.positions.items()}

    def fold(self, change: Change) -> None:
        """The program was given this change."""
        market = self._markets.get(change.market)
        if market is not None:
            market.fold(change)

    def restore(self, account: MarketAccount) -> bool:
        """Let a market begin here; False when this place says nothing of it."""
        market = self._markets.get(account.market)
        if market is None:
            return False
        account.restore(
            market.through_ms,
            orders=[(order, market.explained.get(key, Decimal(0))) for key, order in market.orders.items()],
            owed={key: value for key, value in market.explained.items() if key not in market.orders},
            fills=market.fills,
            balances=market.balances.values(),
            positions=market.positions.values(),
        )
        return True

    # JSON -----------------------------------------------------------------------------------------------

    def dump(self) -> dict[str, object]:
        """As plain JSON."""
        accounts = {market.value: whose for market, whose in self._accounts.items() if whose}
        found: dict[str, object] = {"version": _VERSION, "accounts": accounts}
        for name, market in self._markets.items():
            found[name.value] = {
                "through_ms": market.through_ms,
                "orders": [_plain(order) for order in market.orders.values()],
                "explained": {key: str(value) for key, value in market.explained.items()},
                "fills": [[trade, order, at_ms] for (trade, order), at_ms in market.fills.items()],
                "balances": [_plain(row) for row in market.balances.values()],
                "positions": [_plain(row) for row in market.positions.values()],
            }
        return found

    @classmethod
    def load(cls, since: Mapping[str, object]) -> Place:
        """From what :meth:`dump` gave.

        Raises:
            ParameterError: It is something else.
        """
        place = cls()
        if since.get("version") != _VERSION:
            raise ParameterError(
                "since= must be what tracker.cursor() returned: it has no version this release can read"
            )
        try:
            for market in Market:
                if market.value in since:
                    place._markets[market] = _load(
                        cast("dict[str, list[dict[str, object]]]", since[market.value])
                    )
            for name, whose in cast("dict[str, object]", since.get("accounts") or {}).items():
                place._accounts[Market(name)] = str(whose)
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
            raise ParameterError(
                f"since= must be what tracker.cursor() returned; it cannot be read ({type(error).__name__})"
            ) from None
        return place


def _plain(row: AccountOrder | CoinBalance | AccountPosition) -> dict[str, object]:
    plain: dict[str, object] = {}
    for name in (entry.name for entry in fields(row)):
        value: object = getattr(row, name)
        if value is None or name == "data":
            continue
        if isinstance(value, (Market, OrderStatus, Leg, Side, MarginMode, PositionMode)):
            value = value.value
        plain[name] = str(value) if isinstance(value, Decimal) else value
    return plain


def _load(raw: dict[str, list[dict[str, object]]]) -> _Market:
    whole = cast("dict[str, object]", raw)
    market = _Market(int(cast("int", whole["through_ms"])))
    for row in raw["orders"]:
        order = _order(row)
        market.orders[order.order_id] = order
    explained = cast("dict[str, str]", whole["explained"])
    market.explained = {key: Decimal(value) for key, value in explained.items()}
    for trade, order_id, at_ms in cast("list[tuple[str, str, int]]", whole["fills"]):
        market.fills[trade, order_id] = int(at_ms)
    for row in raw["balances"]:
        balance = _balance(row)
        market.balances[balance.currency] = balance
    for row in raw["positions"]:
        position = _position(row)
        market.positions[position.symbol, position.side] = position
    return market


def _text(row: dict[str, object], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _whole(row: dict[str, object], name: str) -> int:
    value = row[name]
    if not isinstance(value, int):
        raise TypeError(name)
    return value


def _number(row: dict[str, object], name: str) -> Decimal | None:
    return Decimal(_text(row, name)) if name in row else None


def _order(row: dict[str, object]) -> AccountOrder:
    return AccountOrder(
        market=Market(_text(row, "market")),
        order_id=_text(row, "order_id"),
        client_order_id=_text(row, "client_order_id"),
        symbol=_text(row, "symbol"),
        side=Side(_text(row, "side")),
        type=_text(row, "type"),
        price=_number(row, "price"),
        size=_number(row, "size"),
        notional=_number(row, "notional"),
        filled=Decimal(_text(row, "filled")),
        average=_number(row, "average"),
        status=OrderStatus(_text(row, "status")),
        raw_state=_text(row, "raw_state"),
        created_ms=_whole(row, "created_ms"),
        updated_ms=_whole(row, "updated_ms"),
        waits=bool(row["waits"]),
    )


def _balance(row: dict[str, object]) -> CoinBalance:
    return CoinBalance(
        market=Market(_text(row, "market")),
        currency=_text(row, "currency"),
        available=Decimal(_text(row, "available")),
        frozen=Decimal(_text(row, "frozen")),
        margin=Decimal(_text(row, "margin")),
        at_ms=_whole(row, "at_ms") if "at_ms" in row else None,
    )


def _position(row: dict[str, object]) -> AccountPosition:
    return AccountPosition(
        symbol=_text(row, "symbol"),
        side=Leg(_text(row, "side")),
        size=Decimal(_text(row, "size")),
        entry_price=_number(row, "entry_price"),
        liquidation_price=_number(row, "liquidation_price"),
        margin_mode=MarginMode(_text(row, "margin_mode")) if "margin_mode" in row else None,
        position_mode=PositionMode(_text(row, "position_mode")) if "position_mode" in row else None,
        updated_ms=_whole(row, "updated_ms"),
    )
