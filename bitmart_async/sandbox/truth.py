"""Read access to an account's true state, for tests that compare it with what a client believes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from .matching import Side
from .numbers import ATOM_PLACES

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["AccountTruth", "BalanceTruth", "BookTruth", "FillTruth", "OrderTruth", "PositionTruth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTruth:
    market: str
    """``spot`` or ``futures``."""
    order_id: str
    client_order_id: str
    symbol: str
    side: str
    """``buy`` or ``sell``."""
    type: str
    is_open: bool
    state: str
    """The word the engine uses; futures orders are ``working`` or ``finished``."""
    price: Decimal
    size: Decimal
    """Coins on spot (0 for a market buy), contracts on futures."""
    filled: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTruth:
    market: str
    trade_id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: str
    price: Decimal
    size: Decimal
    fee: Decimal
    role: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceTruth:
    available: Decimal
    frozen: Decimal
    margin: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionTruth:
    symbol: str
    leg: str
    """``long``, ``short`` or, in one-way mode, ``both``."""
    is_long: bool
    volume: int
    cost: Decimal
    margin: Decimal
    realised: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTruth:
    """What the exchange has published of an incremental depth topic."""

    version: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    """Price and size, best first."""
    asks: tuple[tuple[Decimal, Decimal], ...]


class AccountTruth:
    """One account as the engine sees it now. Every property is read afresh."""

    def __init__(self, exchange: Exchange, uid: int) -> None:
        self._exchange = exchange
        self.uid = uid

    @property
    def orders(self) -> list[OrderTruth]:
        """Every order, spot first, each market's oldest first."""
        return [*self._spot_orders(), *self._futures_orders()]

    @property
    def open_orders(self) -> list[OrderTruth]:
        return [order for order in self.orders if order.is_open]

    @property
    def fills(self) -> list[FillTruth]:
        """Every fill, spot first, each market's oldest first."""
        return [*self._spot_fills(), *self._futures_fills()]

    @property
    def balances(self) -> dict[tuple[str, str], BalanceTruth]:
        """By wallet and coin: ``balances["spot", "USDT"].available``.

        Wallets are ``spot``, ``futures``, ``fund``, ``earn`` and, say, ``margin:BTC_USDT``.
        """
        ledger = self._exchange.ledger
        return {
            (wallet, coin): BalanceTruth(
                **{
                    name: _money(amount)
                    for name, amount in ledger.balance(self.uid, wallet, coin)._asdict().items()
                }
            )
            for wallet in ledger.wallets(self.uid)
            for coin in ledger.coins(self.uid, wallet)
        }

    @property
    def positions(self) -> list[PositionTruth]:
        """Positions that hold something."""
        return [
            PositionTruth(
                symbol=p.symbol,
                leg=p.leg,
                is_long=p.direction is Side.BUY,
                volume=p.volume,
                cost=_money(p.cost),
                margin=_money(p.margin),
                realised=_money(p.realised),
            )
            for p in self._exchange.futures.positions(self.uid)
        ]

    def _spot_orders(self) -> list[OrderTruth]:
        rows: list[OrderTruth] = []
        for order in self._exchange.spot.orders(self.uid):
            rules = self._exchange.spot.markets[order.symbol].rules
            rows.append(
                OrderTruth(
                    market="spot",
                    order_id=str(order.order_id),
                    client_order_id=order.client_order_id,
                    symbol=order.symbol,
                    side=order.side.value,
                    type=order.type,
                    is_open=order.is_open,
                    state=order.state,
                    price=_number(order.price, rules.price_decimals),
                    size=_number(order.size, rules.size_decimals),
                    filled=_number(order.filled, rules.size_decimals),
                )
            )
        return rows

    def _futures_orders(self) -> list[OrderTruth]:
        rows: list[OrderTruth] = []
        for order in self._exchange.futures.orders(self.uid):
            rules = self._exchange.futures.markets[order.symbol].rules
            rows.append(
                OrderTruth(
                    market="futures",
                    order_id=str(order.order_id),
                    client_order_id=order.client_order_id,
                    symbol=order.symbol,
                    side=order.way.value,
                    type=order.type,
                    is_open=order.is_open,
                    state="working" if order.is_open else "finished",
                    price=_number(order.price, rules.price_decimals),
                    size=Decimal(order.size),
                    filled=Decimal(order.filled),
                )
            )
        return rows

    def _spot_fills(self) -> list[FillTruth]:
        rows: list[FillTruth] = []
        for fill in self._exchange.spot.fills(self.uid):
            rules = self._exchange.spot.markets[fill.symbol].rules
            rows.append(
                FillTruth(
                    market="spot",
                    trade_id=str(fill.trade_id),
                    order_id=str(fill.order_id),
                    client_order_id=fill.client_order_id,
                    symbol=fill.symbol,
                    side=fill.side.value,
                    price=_number(fill.price, rules.price_decimals),
                    size=_number(fill.size, rules.size_decimals),
                    fee=_money(fill.fee),
                    role=fill.role,
                    at_ms=fill.at_ms,
                )
            )
        return rows

    def _futures_fills(self) -> list[FillTruth]:
        rows: list[FillTruth] = []
        for fill in self._exchange.futures.fills(self.uid):
            rules = self._exchange.futures.markets[fill.symbol].rules
            rows.append(
                FillTruth(
                    market="futures",
                    trade_id=str(fill.trade_id),
                    order_id=str(fill.order_id),
                    client_order_id=fill.client_order_id,
                    symbol=fill.symbol,
                    side="buy" if fill.side in (1, 2) else "sell",
                    price=_number(fill.price, rules.price_decimals),
                    size=Decimal(fill.size),
                    fee=_money(fill.fee),
                    role=fill.role.lower(),
                    at_ms=fill.at_ms,
                )
            )
        return rows


def _number(units: int, places: int) -> Decimal:
    return Decimal(units).scaleb(-places)


def _money(atoms: int) -> Decimal:
    return _number(atoms, ATOM_PLACES)
