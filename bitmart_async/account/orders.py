"""Orders and fills of one market, merged from whatever tells of them. Pure.

**Orders** only move forward: by filled size, then state, then time (``views.version``). What is over
stays over. A change nobody could see is not told.

**Fills** are told once, by trade id and order id, and never more of them than the order says it
filled. That sum is the guard on everything else: a push whose order filled more than the fills known so
far proves that one was missed; a fill beyond the sum waits until the order itself has been read again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bitmart_async.account.changes import Filled, OrderChanged, UnknownState
from bitmart_async.account.views import ZERO, OrderStatus, fill_key, newer, same, version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from bitmart_async.account.changes import Change
    from bitmart_async.account.views import AccountFill, AccountOrder, FillKey
    from bitmart_async.websocket.topics import Market

__all__ = ["Entry", "Orders"]

KEPT_KEYS: Final = 10_000
"""Ids of fills and of forgotten orders that are remembered, to tell a repetition."""
_NEVER: Final = float("-inf")


@dataclass(slots=True)
class Entry:
    """What is known of one order."""

    order: AccountOrder
    accounted: Decimal
    """Filled size that fills told of, or that was filled before the tracker began."""
    written_off: Decimal = ZERO
    """Part of it that no fill was ever shown for."""
    heard: float = _NEVER
    """When the stream last spoke of it."""
    asked: float = _NEVER
    """When it was last asked for by id."""
    epoch: int = -1
    """How many doubts there had been then."""
    looks: int = 0
    """How often its own query did not know it."""
    first_look: float = 0.0
    short: int = 0
    """How often its fills did not add up."""
    first_short: float = 0.0

    @property
    def missing(self) -> Decimal:
        """Filled size that nothing accounts for."""
        return self.order.filled - self.accounted


class Orders:
    """See the module's text.

    Args:
        keep: Finished orders and fills that stay readable.
    """

    def __init__(self, market: Market, *, keep: int) -> None:
        self._market = market
        self._keep = keep
        self.open: dict[str, Entry] = {}
        self._finished: OrderedDict[str, Entry] = OrderedDict()
        self._ended: OrderedDict[str, tuple[AccountOrder, Decimal]] = OrderedDict()
        """Finished orders that are not readable any more, with their filled size that is accounted for."""
        self._own_ids: dict[str, str] = {}
        self._owed: dict[str, Decimal] = {}
        """After a restart: what fills told of orders that were themselves not told yet."""
        self._seen: OrderedDict[FillKey, int] = OrderedDict()
        self.fills: deque[AccountFill] = deque(maxlen=keep)
        """The last that were told."""

    # Reading ------------------------------------------------------------------------------------------

    def find(self, any_id: str) -> AccountOrder | None:
        """An order by the exchange's id or the user's."""
        entry = self.entry(any_id) or self.entry(self._own_ids.get(any_id, ""))
        return entry.order if entry is not None else None

    def entry(self, order_id: str) -> Entry | None:
        """What is known of an order, unless it ended long ago."""
        return self.open.get(order_id) or self._finished.get(order_id)

    def entries(self) -> list[Entry]:
        """Of every order that is still readable, open ones first."""
        return [*self.open.values(), *self._finished.values()]

    def heard_of(self, order_id: str) -> bool:
        """Whether anybody ever spoke of an order, as far as is remembered."""
        return self.entry(order_id) is not None or order_id in self._ended or order_id in self._owed

    def filled(self, order_id: str) -> Decimal:
        """What an order is known to have filled."""
        entry = self.entry(order_id)
        if entry is not None:
            return entry.order.filled
        return self._ended[order_id][0].filled if order_id in self._ended else ZERO

    def accounted(self, order_id: str) -> Decimal:
        """The part of it that is accounted for."""
        entry = self.entry(order_id)
        if entry is not None:
            return entry.accounted
        if order_id in self._ended:
            return self._ended[order_id][1]
        return self._owed.get(order_id, ZERO)

    @property
    def seen(self) -> Mapping[FillKey, int]:
        """Fills that were told or lie before the beginning, with their times."""
        return self._seen

    def skips(self, order: AccountOrder, fill: AccountFill | None) -> bool:
        """Whether a push shows that a fill before it was missed."""
        accounted = self.accounted(order.order_id)
        if fill is not None and fill_key(fill) not in self._seen:
            accounted += fill.size
        return max(self.filled(order.order_id), order.filled) > accounted

    # Merging ------------------------------------------------------------------------------------------

    def push(self, order: AccountOrder, fill: AccountFill | None, now: float) -> list[Change]:
        """The stream spoke of an order."""
        entry, changed = self.merge(order, reconciled=False)
        entry.heard, entry.looks = max(entry.heard, now), 0
        told: list[Change] = []
        if fill is not None and fill_key(fill) not in self._seen:
            filled = self.offer(entry, fill, reconciled=False)
            if filled is not None:
                told.append(filled)
            else:  # it was filled before this tracker began, or is known under another id
                self.see(fill)
        if changed is not None:
            told += self.explained(changed, entry)
        self.file(entry)
        return told

    def merge(self, row: AccountOrder, *, reconciled: bool) -> tuple[Entry, OrderChanged | None]:
        """The order's entry with this news in it, and what to tell of it. Then call :meth:`file`."""
        entry, before = self._entry_for(row)
        if before is not None:
            if version(row) > version(before) or (before.data is None and version(row) == version(before)):
                entry.order = newer(before, row)
            elif row.client_order_id and not before.client_order_id:
                entry.order = replace(before, client_order_id=row.client_order_id)
        self._place(entry)
        if before is not None and same(before, entry.order):
            return entry, None
        return entry, self.changed(
            entry, before.status if before is not None else None, reconciled=reconciled
        )

    def _entry_for(self, row: AccountOrder) -> tuple[Entry, AccountOrder | None]:
        """The order's entry, made where there is none, and what was known of it."""
        entry = self.entry(row.order_id)
        if entry is not None:
            return entry, entry.order
        if row.order_id in self._ended:
            before, accounted = self._ended.pop(row.order_id)
            return Entry(before, accounted), before
        return Entry(row, self._owed.pop(row.order_id, ZERO)), None

    def changed(self, entry: Entry, before: OrderStatus | None, *, reconciled: bool) -> OrderChanged:
        """What to tell of an order that changed."""
        return OrderChanged(
            market=self._market,
            order=entry.order,
            before=before,
            explained=entry.accounted,
            reconciled=reconciled,
        )

    def explained(self, changed: OrderChanged, entry: Entry) -> list[Change]:
        """The same after the fills that came with it were offered."""
        changed = replace(changed, explained=entry.accounted)
        if changed.order.status is not OrderStatus.UNKNOWN:
            return [changed]
        unknown = UnknownState(market=self._market, order=changed.order, reconciled=changed.reconciled)
        return [changed, unknown]

    def offer(self, entry: Entry, fill: AccountFill, *, reconciled: bool) -> Filled | None:
        """Take a fill that the order's filled size covers."""
        if entry.accounted + fill.size > entry.order.filled:
            if entry.written_off < fill.size:
                return None
            entry.written_off -= fill.size
        else:
            entry.accounted += fill.size
        self.see(fill)
        self.fills.append(fill)
        return Filled(
            market=self._market,
            fill=fill,
            order=entry.order,
            explained=entry.accounted,
            reconciled=reconciled,
        )

    def see(self, fill: AccountFill) -> None:
        """Remember a fill, so that it is not told again."""
        self._seen[fill_key(fill)] = fill.at_ms
        if len(self._seen) > KEPT_KEYS:
            self._seen.popitem(last=False)

    def _place(self, entry: Entry) -> None:
        order = entry.order
        if order.order_id not in self._finished:
            self.open[order.order_id] = entry
        if order.client_order_id:
            self._own_ids[order.client_order_id] = order.order_id

    def file(self, entry: Entry) -> None:
        """Put an order where its state belongs; forget the oldest of those that are over."""
        order_id = entry.order.order_id
        if entry.order.open:
            self._finished.pop(order_id, None)
            self.open[order_id] = entry
            return
        self.open.pop(order_id, None)
        self._finished[order_id] = entry
        while len(self._finished) > self._keep:
            self._forget(*self._finished.popitem(last=False))

    def _forget(self, order_id: str, entry: Entry) -> None:
        self._ended[order_id] = (replace(entry.order, data=None), entry.accounted)
        if self._own_ids.get(entry.order.client_order_id) == order_id:
            del self._own_ids[entry.order.client_order_id]
        if len(self._ended) > KEPT_KEYS:
            self._ended.popitem(last=False)

    # Restart ------------------------------------------------------------------------------------------

    def restore(
        self,
        orders: Iterable[tuple[AccountOrder, Decimal]],
        owed: Mapping[str, Decimal],
        fills: Mapping[FillKey, int],
    ) -> None:
        """Begin with what another tracker knew."""
        for order, accounted in orders:
            entry = Entry(order, accounted)
            self._place(entry)
            self.file(entry)
        self._owed.update(owed)
        self._seen.update(fills)
