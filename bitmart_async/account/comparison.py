"""One look by REST, compared with what is known of a market's orders and fills. Pure.

Lists are windows over creation times, so an open order that appears in none of them is asked for by its
id; absence from a list proves nothing. Only an order that its own query does not know, :data:`LOOKS`
times over :data:`LOOKING_SECONDS`, is GONE.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bitmart_async.account.changes import FillsMissing, UnknownState
from bitmart_async.account.snapshot import OrderRef
from bitmart_async.account.views import ZERO, AccountOrder, OrderStatus, fill_key, version

if TYPE_CHECKING:
    from decimal import Decimal

    from bitmart_async.account.changes import Change
    from bitmart_async.account.orders import Entry, Orders
    from bitmart_async.account.snapshot import Snapshot
    from bitmart_async.account.views import AccountFill
    from bitmart_async.websocket.topics import Market

__all__ = ["LOOKING_SECONDS", "LOOKS", "Comparison"]

LOOKS: Final = 3
LOOKING_SECONDS: Final = 5.0


class Comparison:
    """See the module's text.

    Args:
        first: Nothing was known before: what is shown is the beginning, not news.
    """

    def __init__(self, market: Market, orders: Orders, look: Snapshot, *, first: bool) -> None:
        self._market = market
        self._orders = orders
        self._look = look
        self._first = first
        self.doubtful = False
        """Whether some orders have to be looked at again."""
        self.repeated = 0
        """Fills beyond what their order filled: the same under another id."""

    # What is left to ask ------------------------------------------------------------------------------

    def unlisted(self, every: float) -> dict[str, OrderRef]:
        """Open orders that no list shows. One asked for in an earlier look of the same gap, or within
        one period of ``every`` seconds, is not asked for again before the others had their turn."""
        look = self._look
        refs: dict[str, OrderRef] = {}
        for order_id, entry in self._orders.open.items():
            fresh = entry.epoch == look.epoch and entry.asked > look.began - 0.9 * every
            if order_id not in look.orders and entry.heard < look.began and not (fresh and not entry.looks):
                refs[order_id] = OrderRef.to(entry.order)
        return refs

    def outgrown(self) -> dict[str, OrderRef]:
        """Orders with more new fills than they are known to have filled."""
        refs: dict[str, OrderRef] = {}
        sums: dict[str, Decimal] = {}
        for fill in self._new_fills():
            order_id = fill.order_id
            sums[order_id] = sums.get(order_id, ZERO) + fill.size
            known = self._newest(order_id)
            if known is None or self._orders.accounted(order_id) + sums[order_id] > known.filled:
                refs[order_id] = OrderRef(order_id, fill.symbol)
        return refs

    def short(self) -> list[OrderRef]:
        """Orders whose fills do not add up, so that their own fills must be asked for."""
        fresh: dict[str, Decimal] = {}
        for fill in self._new_fills():
            fresh[fill.order_id] = fresh.get(fill.order_id, ZERO) + fill.size
        known = [entry.order.order_id for entry in self._orders.entries()]
        found: list[OrderRef] = []
        for order_id in dict.fromkeys([*self._look.orders, *known]):
            order = self._newest(order_id)
            if order is None or not order.filled or self._is_old(order):
                continue
            if order.filled > self._orders.accounted(order_id) + fresh.get(order_id, ZERO):
                found.append(OrderRef.to(order))
        return found

    def _new_fills(self) -> list[AccountFill]:
        return [fill for key, fill in self._look.fills.items() if key not in self._orders.seen]

    def _newest(self, order_id: str) -> AccountOrder | None:
        """The newer of what is known and what is shown."""
        entry, row = self._orders.entry(order_id), self._look.orders.get(order_id)
        if entry is None or row is None:
            return row if entry is None else entry.order
        return row if version(row) > version(entry.order) else entry.order

    def _is_old(self, order: AccountOrder) -> bool:
        """Never heard of, and over or unchanged since before the window: not news."""
        return not self._orders.heard_of(order.order_id) and order.updated_ms < self._look.since_ms

    # What it shows ------------------------------------------------------------------------------------

    def merge(self) -> list[Change]:
        """Merge every order shown, with its fills."""
        told: list[Change] = []
        for order_id, fills in self._look.fills_by_order():
            told += self._merge(order_id, fills)
        return told

    def _merge(self, order_id: str, fills: list[AccountFill]) -> list[Change]:
        orders, look = self._orders, self._look
        row, entry, changed = look.orders.get(order_id), orders.entry(order_id), None
        if row is None and entry is None:
            if self._first:
                for fill in fills:
                    orders.see(fill)
                return []
            if order_id not in look.not_found:
                return []  # its order is asked for in the next look
            row = _from_fills(fills)
        silent = self._first or (row is not None and self._is_old(row))
        if row is not None:
            entry, changed = orders.merge(row, reconciled=True)
            entry.looks = 0
        assert entry is not None, "a row makes an entry"
        if order_id in look.asked:
            entry.asked, entry.epoch = look.began, look.epoch
        told: list[Change] = []
        if silent:
            self._take_as_known(entry, fills)
        else:
            told += self._offer(entry, fills)
            if changed is not None:
                told += orders.explained(changed, entry)
        orders.file(entry)
        return told

    def _take_as_known(self, entry: Entry, fills: list[AccountFill]) -> None:
        entry.accounted = max(entry.accounted, entry.order.filled)
        for fill in fills:
            self._orders.see(fill)

    def _offer(self, entry: Entry, fills: list[AccountFill]) -> list[Change]:
        told: list[Change] = []
        for fill in fills:
            if fill_key(fill) in self._orders.seen:
                continue
            filled = self._orders.offer(entry, fill, reconciled=True)
            if filled is not None:
                told.append(filled)
            elif entry.order.order_id in self._look.asked:
                self._orders.see(fill)  # read after the fills, and it has filled no more: a repetition
                self.repeated += 1
        return told

    # What it does not show ----------------------------------------------------------------------------

    def judge_absent(self, now: float) -> list[Change]:
        """Orders their own query does not know."""
        told: list[Change] = []
        for order_id in self._look.not_found:
            entry = self._orders.open.get(order_id)
            if entry is None or entry.heard >= self._look.began:
                continue
            entry.looks += 1
            if entry.looks == 1:
                entry.first_look = now
            if _early(entry.looks, entry.first_look, now):
                self.doubtful = True
                continue
            before = entry.order.status
            entry.order = replace(entry.order, status=OrderStatus.GONE)
            told.append(self._orders.changed(entry, before, reconciled=True))
            told.append(UnknownState(market=self._market, order=entry.order, reconciled=True))
            self._orders.file(entry)
        return told

    def judge_short(self, now: float) -> list[Change]:
        """Orders whose fills still do not add up."""
        told: list[Change] = []
        for entry in self._orders.entries():
            missing = entry.missing
            if missing <= 0:
                entry.short = 0
                continue
            if entry.heard >= self._look.began:  # a push may bring it, or show it missing by itself
                self.doubtful = True
                continue
            entry.short += 1
            if entry.short == 1:
                entry.first_short = now
            if _early(entry.short, entry.first_short, now):
                self.doubtful = True
                continue
            entry.accounted += missing
            entry.written_off += missing
            told.append(FillsMissing(market=self._market, order=entry.order, size=missing, reconciled=True))
        return told


def _early(looks: int, first: float, now: float) -> bool:
    """Too early to believe what a look did not show."""
    return looks < LOOKS or now - first < LOOKING_SECONDS


def _from_fills(fills: list[AccountFill]) -> AccountOrder:
    """An order of which there are fills and nothing else."""
    last = fills[-1]
    filled = sum((fill.size for fill in fills), ZERO)
    return AccountOrder(
        market=last.market,
        order_id=last.order_id,
        client_order_id="",
        symbol=last.symbol,
        side=last.side,
        type="",
        price=None,
        size=None,
        notional=None,
        filled=filled,
        average=sum((fill.price * fill.size for fill in fills), ZERO) / filled if filled else None,
        status=OrderStatus.GONE,
        raw_state="",
        created_ms=fills[0].at_ms,
        updated_ms=last.at_ms,
    )
