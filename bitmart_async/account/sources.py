"""Reading one market's account by REST for a look: lists first, then single orders. One call at a time.

The order of the calls matters. Open orders come before finished ones, so that an order that ends in
between is in both lists rather than in neither. Fills come after orders, so that those of an order just
seen are there. Single orders come last, because what they say must be newer than the fills it is
compared with. A look makes a bounded number of calls; what is left over is asked in the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from bitmart_async.account.rows import (
    futures_balance,
    futures_row,
    futures_trade,
    plan_row,
    position_row,
    spot_row,
    spot_trade,
    spot_wallet,
)
from bitmart_async.rest.proof import known
from bitmart_async.rest.resolve import MOST_FUTURES_ROWS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from bitmart_async.account.core import MarketAccount
    from bitmart_async.account.snapshot import OrderRef, Snapshot
    from bitmart_async.account.views import AccountOrder
    from bitmart_async.rest.clients import FuturesClientV2, RestClient

__all__ = ["FuturesSource", "Source", "SpotSource"]

RowT = TypeVar("RowT")

MOST_ORDERS: Final = 20
"""Single orders asked for in one look."""
MOST_FILLS: Final = 10
"""Orders whose fills are asked for in one look."""
_AHEAD_MS: Final = 60_000
"""How far windows reach into the future: the exchange's clock may be ahead of this machine's."""
_DAY_MS: Final = 86_400_000
_WEEK_MS: Final = 7 * _DAY_MS


class Source(Protocol):
    """Reads one market."""

    @property
    def whose(self) -> str:
        """Whose account it reads, as the client tells it."""
        ...

    def now_ms(self) -> int:
        """The exchange's clock."""
        ...

    async def read(self, account: MarketAccount, look: Snapshot) -> None:
        """Fill a snapshot. Raises BitMartError."""
        ...


async def _single_orders(
    refs: list[OrderRef], look: Snapshot, one: Callable[[OrderRef], Awaitable[list[AccountOrder]]]
) -> None:
    """Ask for orders that no list shows, as many as one look may."""
    room = max(0, MOST_ORDERS - len(look.asked))
    look.cut |= len([ref for ref in refs if not ref.own]) > room
    for ref in refs[:room]:
        look.asked.add(ref.order_id)
        found = await one(ref)
        look.add_orders(found)
        if not found:
            look.not_found.add(ref.order_id)


def _as_many_as_one_look_may(short: list[OrderRef], look: Snapshot) -> list[OrderRef]:
    """Of the orders whose fills are to be asked for."""
    look.cut |= len(short) > MOST_FILLS
    return short[:MOST_FILLS]


class SpotSource:
    """Spot and isolated margin.

    Args:
        days: How far back open orders are looked for when nothing is known yet.
    """

    def __init__(self, rest: RestClient, *, days: int) -> None:
        self._rest = rest
        self._days = days

    @property
    def whose(self) -> str:
        """Whose account it reads."""
        return self._rest.whose

    def now_ms(self) -> int:
        """The exchange's clock."""
        return self._rest.clock.now_ms()

    async def read(self, account: MarketAccount, look: Snapshot) -> None:
        """Fill a snapshot: see the module's text."""
        rest, until = self._rest, look.began_ms + _AHEAD_MS
        back = _WEEK_MS if account.through_ms is not None else self._days * _DAY_MS
        opened = rest.iter_spot_open_orders_v4(
            start_time=look.began_ms - back, end_time=until, incomplete="report"
        )
        look.add_orders([spot_row(row) async for row in opened])
        finished = rest.iter_spot_historic_orders_v4(
            start_time=look.since_ms, end_time=until, incomplete="report"
        )
        look.add_orders([spot_row(row) async for row in finished])
        trades = rest.iter_spot_account_trades_v4(
            start_time=look.since_ms, end_time=until, incomplete="report"
        )
        look.add_fills([spot_trade(row) async for row in trades])
        look.balances = [spot_wallet(row) for row in (await rest.get_spot_wallet_balance_v1()).wallet]
        await self._orders(account, look)
        await self._fills(account, look)
        await self._orders(account, look)

    async def _fills(self, account: MarketAccount, look: Snapshot) -> None:
        for ref in _as_many_as_one_look_may(account.lost_fills(look), look):
            rows = await known(self._rest.get_spot_account_order_trades_v4(ref.order_id))
            if rows is None:
                continue  # the exchange says "no such order" of an order without fills, too
            look.add_fills([spot_trade(row) for row in rows])
            look.asked.discard(ref.order_id)

    async def _orders(self, account: MarketAccount, look: Snapshot) -> None:
        await _single_orders(account.lost_orders(look), look, self._one)

    async def _one(self, ref: OrderRef) -> list[AccountOrder]:
        row = await known(self._rest.get_spot_order_by_id_v4(ref.order_id))
        if row is None and ref.own:
            row = await known(self._rest.get_spot_order_by_client_order_id_v4(ref.order_id))
        return [spot_row(row)] if row is not None else []


class FuturesSource:
    """USD-M futures. Finished orders can only be read contract by contract.

    Args:
        symbols: Contracts whose finished orders are read, beside those seen so far.
    """

    def __init__(self, futures: FuturesClientV2, *, symbols: Iterable[str]) -> None:
        self._futures = futures
        self._symbols = tuple(symbols)

    @property
    def whose(self) -> str:
        """Whose account it reads."""
        return self._futures.whose

    def now_ms(self) -> int:
        """The exchange's clock."""
        return self._futures.clock.now_ms()

    async def read(self, account: MarketAccount, look: Snapshot) -> None:
        """Fill a snapshot: see the module's text."""
        futures = self._futures
        since, until = look.since_ms // 1000, (look.began_ms + _AHEAD_MS) // 1000
        opened = await self._whole(account, futures.get_futures_account_open_orders)
        look.add_orders([futures_row(row) for row in opened])
        plans = await self._whole(account, futures.get_futures_account_plan_orders)
        look.add_orders([plan_row(row) for row in plans])
        seen = [order.symbol for order in look.orders.values()]
        for symbol in dict.fromkeys([*self._symbols, *account.symbols, *seen]):
            finished = futures.iter_futures_account_order_history(
                symbol, start_time=since, end_time=until, incomplete="report"
            )
            look.add_orders([futures_row(row) async for row in finished])
        trades = futures.iter_futures_account_trades(start_time=since, end_time=until, incomplete="report")
        look.add_fills([futures_trade(row) async for row in trades])
        look.balances = [futures_balance(row) for row in await futures.get_futures_account_assets()]
        look.positions = [position_row(row) for row in await futures.get_futures_account_positions_v2()]
        await self._orders(account, look)
        await self._fills(account, look, since, until)
        await self._orders(account, look)

    async def _fills(self, account: MarketAccount, look: Snapshot, since: int, until: int) -> None:
        for ref in _as_many_as_one_look_may(account.lost_fills(look), look):
            order = look.orders.get(ref.order_id) or account.find(ref.order_id)
            since = min(since, (order.created_ms if order is not None else look.since_ms) // 1000 - 60)
            rows = await self._futures.get_futures_account_trades(
                ref.symbol, order_id=ref.order_id, start_time=since, end_time=until
            )
            look.add_fills([futures_trade(row) for row in rows if row.order_id == ref.order_id])
            look.asked.discard(ref.order_id)

    async def _whole(
        self, account: MarketAccount, rows_of: Callable[[str | None], Awaitable[list[RowT]]]
    ) -> list[RowT]:
        """All rows of a list; a full one hides others, which are then asked for contract by contract."""
        rows = await rows_of(None)
        if len(rows) >= MOST_FUTURES_ROWS:
            for symbol in dict.fromkeys([*self._symbols, *account.symbols]):
                rows += await rows_of(symbol)
        return rows

    async def _orders(self, account: MarketAccount, look: Snapshot) -> None:
        await _single_orders([ref for ref in account.lost_orders(look) if ref.symbol], look, self._one)

    async def _one(self, ref: OrderRef) -> list[AccountOrder]:
        futures = self._futures
        if not ref.waits and (not ref.own or ref.order_id.isdigit()):
            row = await known(futures.get_futures_account_order(ref.symbol, order_id=ref.order_id))
            if row is not None:
                return [futures_row(row)]
        rows = await futures.get_futures_account_order_history(ref.symbol, order_id=ref.order_id)
        if ref.own and not rows:
            rows = await futures.get_futures_account_order_history(ref.symbol, client_order_id=ref.order_id)
        return [futures_row(row) for row in rows if ref.order_id in (row.order_id, row.client_order_id)]
