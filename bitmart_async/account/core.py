"""One market's account state, merged from pushes and REST. Pure: no I/O, handed the time.

**Orders** only move forward: by filled size, then state, then time (``views.version``). What is over
stays over. A change nobody could see is not told.

**Fills** are told once, by trade id and order id, and never more of them than the order says it
filled. That sum is the guard on everything else: a push whose order filled more than the fills known so
far proves that one was missed; a fill beyond the sum waits until the order itself has been read again.

**Gaps.** While the state is LIVE pushes are applied as they come. When something was or may have been
missed (the stream was lost, a fill is missing, a frame could not be read), the state leaves LIVE with
an :class:`AccountGap`, pushes are kept back, REST is read, what it shows is applied first, then the
pushes that waited, and only then the state is LIVE again. If REST cannot be read the pushes are applied
without it, late order being better than none, and the state stays what it is.

**What REST shows** is a :class:`Snapshot`: open orders, finished ones and fills since the last complete
look less :data:`OVERLAP_MS`. Lists are windows over creation times, so an open order that appears in
none of them is asked for by its id; absence from a list proves nothing. Only an order that its own query
does not know, :data:`LOOKS` times over :data:`LOOKING_SECONDS`, is GONE.

**Balances and positions** are states, not events: the last word counts. A coin pushed since the REST
call began keeps what was pushed.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from bitmart_async.account.changes import (
    AccountGap,
    AccountState,
    BalanceChanged,
    Change,
    Filled,
    FillsMissing,
    OrderChanged,
    PositionChanged,
    Resynced,
    ResyncFailed,
    UnknownState,
)
from bitmart_async.account.views import (
    ZERO,
    AccountFill,
    AccountOrder,
    AccountPosition,
    CoinBalance,
    OrderStatus,
    newer,
    same,
    version,
)
from bitmart_async.models.enums import Leg, PositionMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from bitmart_async.websocket.topics import Market

__all__ = ["MarketAccount", "News", "OrderNews", "OrderRef", "Snapshot"]

OVERLAP_MS: Final = 60_000
"""How far a look back goes beyond the last complete one."""
LOOKS: Final = 3
LOOKING_SECONDS: Final = 5.0
LOOK_AGAIN: Final = 2.5
"""Seconds between looks for what REST should show and does not."""
PAUSE: Final = 1.0
"""Seconds at least between the beginnings of two reconciles."""
LONGEST_RETRY: Final = 30.0
KEPT_KEYS: Final = 10_000
"""Ids of fills and of forgotten orders that are remembered, to tell a repetition."""
MOST_WAITING: Final = 10_000
"""Pushes kept back while REST is read."""
_NEVER: Final = float("-inf")

FillKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class OrderNews:
    """A push about an order."""

    order: AccountOrder
    fill: AccountFill | None


News: TypeAlias = "OrderNews | CoinBalance | AccountPosition"


@dataclass(frozen=True, slots=True)
class OrderRef:
    """An order to be asked for by id."""

    order_id: str
    symbol: str
    waits: bool = False
    own: bool = False
    """The id may also be one the user gave."""


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """What REST showed in one look."""

    began: float
    """When its first call was made, seconds of the caller's clock."""
    began_ms: int
    """The same by the exchange's clock."""
    since_ms: int
    """Where its windows begin."""
    epoch: int = 0
    """How many doubts there had been when it began."""
    orders: dict[str, AccountOrder] = field(default_factory=dict[str, AccountOrder])
    fills: dict[FillKey, AccountFill] = field(default_factory=dict[FillKey, AccountFill])
    balances: list[CoinBalance] | None = None
    positions: list[AccountPosition] | None = None
    asked: set[str] = field(default_factory=set[str])
    """Orders that were asked for by id."""
    not_found: set[str] = field(default_factory=set[str])
    """Those the exchange does not know."""
    cut: bool = False
    """Some questions were left for the next look."""

    def add_orders(self, orders: Iterable[AccountOrder]) -> None:
        """Add rows; of two rows of one order the newer counts."""
        for order in orders:
            known = self.orders.get(order.order_id)
            if known is None or version(order) > version(known):
                self.orders[order.order_id] = order

    def add_fills(self, fills: Iterable[AccountFill]) -> None:
        """Add rows."""
        for fill in fills:
            self.fills[fill.trade_id, fill.order_id] = fill


@dataclass(slots=True)
class _Entry:
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


class MarketAccount:
    """One market's state.

    Args:
        every: Seconds between checks against REST while nothing is wrong.
        keep: Finished orders and fills that stay readable.
    """

    def __init__(self, market: Market, *, every: float = 60.0, keep: int = 1000) -> None:
        self.market = market
        self._every = every
        self._keep = keep
        self.state = AccountState.RESYNCING
        self.through_ms: int | None = None
        """Everything up to here is known; None before the first complete look."""
        self.orders: dict[str, _Entry] = {}
        self._finished: OrderedDict[str, _Entry] = OrderedDict()
        self._ended: OrderedDict[str, tuple[AccountOrder, Decimal]] = OrderedDict()
        self._own_ids: dict[str, str] = {}
        self._owed: dict[str, Decimal] = {}
        """After a restart: what fills told of orders that were themselves not told yet."""
        self._seen: OrderedDict[FillKey, int] = OrderedDict()
        self.fills: deque[AccountFill] = deque(maxlen=keep)
        self.balances: dict[str, CoinBalance] = {}
        self.positions: dict[tuple[str, Leg], AccountPosition] = {}
        self._position_ms: dict[tuple[str, Leg], int] = {}
        self._coin_heard: dict[str, float] = {}
        self._position_heard: dict[tuple[str, Leg], float] = {}
        self.wanted: dict[str, str] = {}
        """Ids somebody waits for that nobody has spoken of, with their symbol or none."""
        self.symbols: dict[str, None] = {}
        """Every symbol seen so far."""
        self._stream = True
        self._holding = True
        """Pushes are kept back until REST has been read."""
        self._waiting: deque[News] = deque()
        self._again = False
        self._epoch = 0
        """Counts doubts: what was asked for before the last one must be asked for again."""
        self._failures = 0
        self._outcome = 0, False
        """Of the last look: changes of orders and fills, and whether something is still in doubt."""
        self._last_begin = _NEVER
        self._last_done = _NEVER
        self.due = _NEVER
        """When to read REST next."""
        self.repeated = 0
        """Fills REST showed beyond what their order filled: the same under another id."""

    # Reading ------------------------------------------------------------------------------------------

    def find(self, any_id: str) -> AccountOrder | None:
        """An order by the exchange's id or the user's."""
        entry = self._entry(any_id) or self._entry(self._own_ids.get(any_id, ""))
        return entry.order if entry is not None else None

    def _entry(self, order_id: str) -> _Entry | None:
        return self.orders.get(order_id) or self._finished.get(order_id)

    @property
    def open_orders(self) -> list[AccountOrder]:
        """Orders that may still be filled, oldest first."""
        return sorted(
            (entry.order for entry in self.orders.values()),
            key=lambda order: (order.created_ms, order.order_id),
        )

    # The stream ---------------------------------------------------------------------------------------

    def push(self, news: News, now: float) -> list[Change]:
        """Something was pushed."""
        if isinstance(news, CoinBalance):
            self._coin_heard[news.currency] = now
        elif isinstance(news, AccountPosition):
            self._position_heard[news.symbol, news.side] = now
            self.symbols[news.symbol] = None
        else:
            self.symbols[news.order.symbol] = None
            entry = self._entry(news.order.order_id)
            if entry is not None:
                entry.heard = now
        if self._holding:
            return self._hold(news, now)
        if isinstance(news, OrderNews) and self._skips(news):
            if self.state is AccountState.LIVE:
                told = self.doubt(f"a fill of the order {news.order.order_id} is missing")
                self._waiting.append(news)
                return told
            self._again = True
        return self._apply(news, now)

    def _hold(self, news: News, now: float) -> list[Change]:
        self._waiting.append(news)
        if len(self._waiting) <= MOST_WAITING:
            return []
        oldest = self._waiting.popleft()
        return self._apply(oldest, now) if self.through_ms is not None else []

    def lost(self, reason: str) -> list[Change]:
        """The stream is gone."""
        was, self.state = self.state, AccountState.OFFLINE
        self._stream, self._holding, self._again = False, True, True
        self._epoch += 1
        return [AccountGap(market=self.market, reason=reason)] if was is AccountState.LIVE else []

    def back(self, now: float) -> None:
        """The stream is there again, every topic acknowledged."""
        self._stream = True
        if self.state is AccountState.OFFLINE:
            self.state = AccountState.RESYNCING
        if self.state is AccountState.RESYNCING:
            self._holding = self._again = True
            self._epoch += 1
            self._ask(now)

    def doubt(self, reason: str) -> list[Change]:
        """Something was or may have been missed although the stream is there."""
        self._again = True
        self._epoch += 1
        if self.state is not AccountState.LIVE:
            return []
        self.state, self._holding = AccountState.RESYNCING, True
        self.due = self._last_begin + PAUSE
        return [AccountGap(market=self.market, reason=reason)]

    def want(self, any_id: str, symbol: str, now: float) -> None:
        """Somebody waits for an order nobody has spoken of: look for it."""
        self.wanted[any_id] = symbol
        self._ask(now)

    def check(self, now: float) -> None:
        """Somebody wants to know now: read REST, however the last look went."""
        self.due = min(self.due, max(now, self._last_begin + PAUSE))

    def _ask(self, now: float) -> None:
        if not self._failures:
            self.due = min(self.due, max(now, self._last_begin + PAUSE)) if self.due > now else now

    # REST: when and what ------------------------------------------------------------------------------

    def begin(self, now: float, now_ms: int) -> Snapshot:
        """A look by REST begins."""
        self._last_begin, self._again = now, False
        if self.state is not AccountState.LIVE:
            self._holding = True
        known = self.through_ms if self.through_ms is not None else now_ms
        since_ms = min(known, now_ms) - OVERLAP_MS
        return Snapshot(began=now, began_ms=now_ms, since_ms=since_ms, epoch=self._epoch)

    def lost_orders(self, look: Snapshot) -> list[OrderRef]:
        """Orders that must be asked for by id, given the lists: see the module's text.

        An order asked for in an earlier look of the same gap, or within one period, is not asked for
        again before the others had their turn.
        """
        refs: dict[str, OrderRef] = {}
        for order_id, entry in self.orders.items():
            fresh = entry.epoch == look.epoch and entry.asked > look.began - 0.9 * self._every
            if order_id not in look.orders and entry.heard < look.began and not (fresh and not entry.looks):
                refs[order_id] = _ref(entry.order)
        if self.through_ms is None:
            return list(refs.values())
        sums: dict[str, Decimal] = {}
        for key, fill in look.fills.items():
            if key not in self._seen:
                sums[fill.order_id] = sums.get(fill.order_id, ZERO) + fill.size
                known = self._known(fill.order_id, look)
                accounted = self._accounted(fill.order_id)
                if known is None or accounted + sums[fill.order_id] > known.filled:
                    refs[fill.order_id] = OrderRef(fill.order_id, fill.symbol)
        listed = {order.client_order_id for order in look.orders.values()} | look.orders.keys()
        for any_id, symbol in list(self.wanted.items()):
            if self.find(any_id) is not None:
                del self.wanted[any_id]
            elif any_id not in listed:
                refs[any_id] = OrderRef(any_id, symbol, own=True)
        return [ref for ref in refs.values() if ref.order_id not in look.asked]

    def lost_fills(self, look: Snapshot) -> list[OrderRef]:
        """Orders whose fills do not add up, so that their own fills must be asked for."""
        if self.through_ms is None:
            return []
        return [_ref(order) for order, _ in self._deficits(look) if not self._is_old(order, look)]

    def _deficits(self, look: Snapshot) -> list[tuple[AccountOrder, Decimal]]:
        fresh: dict[str, Decimal] = {}
        for key, fill in look.fills.items():
            if key not in self._seen:
                fresh[fill.order_id] = fresh.get(fill.order_id, ZERO) + fill.size
        found: list[tuple[AccountOrder, Decimal]] = []
        ids = dict.fromkeys([*look.orders, *self.orders, *self._finished])
        for order_id in ids:
            order = self._known(order_id, look)
            if order is not None and order.filled:
                missing = order.filled - self._accounted(order_id) - fresh.get(order_id, ZERO)
                if missing > 0:
                    found.append((order, missing))
        return found

    def _known(self, order_id: str, look: Snapshot) -> AccountOrder | None:
        entry, row = self._entry(order_id), look.orders.get(order_id)
        if entry is None or row is None:
            return row if entry is None else entry.order
        return row if version(row) > version(entry.order) else entry.order

    def _accounted(self, order_id: str) -> Decimal:
        entry = self._entry(order_id)
        if entry is not None:
            return entry.accounted
        ended = self._ended.get(order_id)
        return ended[1] if ended is not None else self._owed.get(order_id, ZERO)

    def _is_old(self, order: AccountOrder, look: Snapshot) -> bool:
        """Never heard of, and over or unchanged since before the window: not news."""
        order_id = order.order_id
        unheard = self._entry(order_id) is None and not (order_id in self._ended or order_id in self._owed)
        return unheard and order.updated_ms < look.since_ms

    # REST: what came of it ----------------------------------------------------------------------------

    def failed(self, error: Exception, now: float, jitter: float = 1.0) -> list[Change]:
        """REST could not be read."""
        self._failures += 1
        delay = min(LONGEST_RETRY, 2.0 ** (self._failures - 1)) * jitter
        self.due = now + delay
        told: list[Change] = []
        if self.state is AccountState.LIVE and now - self._last_done > 2 * self._every:
            told += self.doubt("the account could not be checked by REST for too long")
        if self.through_ms is not None and self.state is not AccountState.LIVE:
            told += self._drain(now, force=True)
            self._holding = False
        self.due = now + delay
        told.append(ResyncFailed(market=self.market, error=error, retry_in=delay))
        return told

    def apply(self, look: Snapshot, now: float) -> list[Change]:
        """REST was read: merge it. Then call :meth:`conclude`."""
        told: list[Change] = []
        first = self.through_ms is None
        for order_id, fills in self._by_order(look):
            told += self._apply_rows(order_id, fills, look, first=first)
        news = len(told)
        unsettled = look.cut
        unsettled |= self._judge_absent(look, now, told)
        unsettled |= not first and self._judge_short(look, now, told)
        self._apply_states(look, told, first=first)
        if not look.cut:
            self.through_ms = max(self.through_ms or 0, look.began_ms)
        self._failures, self._last_done = 0, now
        if self.state is AccountState.LIVE:
            if news or unsettled:
                told.insert(0, AccountGap(market=self.market, reason="REST shows what was never pushed"))
            if unsettled:
                self.state, self._holding = AccountState.RESYNCING, False
        self._outcome = news, unsettled
        return told

    def conclude(self, now: float) -> list[Change]:
        """After :meth:`apply`: the pushes that waited, and what the state is now."""
        news, unsettled = self._outcome
        told: list[Change] = []
        stuck = False
        if self.state is not AccountState.LIVE:
            told += self._drain(now, force=not self._stream)
            stuck = bool(self._waiting)
        if self.state is AccountState.RESYNCING and (self._again or stuck or unsettled):
            self._holding = self._again or stuck
            self.due = max(now, self._last_begin + PAUSE) if self._holding else now + LOOK_AGAIN
            return told
        if self._stream:
            self.state, self._holding = AccountState.LIVE, False
        self.due = now + self._every
        if self.through_ms is not None:
            live = self.state is AccountState.LIVE
            told.append(
                Resynced(
                    market=self.market, reconciled=True, through_ms=self.through_ms, found=news, live=live
                )
            )
        return told

    def _drain(self, now: float, *, force: bool) -> list[Change]:
        """The pushes that waited, up to one that shows that another is missing."""
        told: list[Change] = []
        while self._waiting:
            news = self._waiting[0]
            if not force and isinstance(news, OrderNews) and self._skips(news):
                break
            self._waiting.popleft()
            told += self._apply(news, now)
        return told

    def _by_order(self, look: Snapshot) -> list[tuple[str, list[AccountFill]]]:
        groups: dict[str, list[AccountFill]] = {order_id: [] for order_id in look.orders}
        for fill in look.fills.values():
            groups.setdefault(fill.order_id, []).append(fill)
        for fills in groups.values():
            fills.sort(key=lambda fill: (fill.at_ms, len(fill.trade_id), fill.trade_id))

        def when(item: tuple[str, list[AccountFill]]) -> tuple[int, str]:
            order = look.orders.get(item[0])
            times = [fill.at_ms for fill in item[1]] + ([order.updated_ms] if order is not None else [])
            return max(times), item[0]

        return sorted(groups.items(), key=when)

    def _apply_rows(
        self, order_id: str, fills: list[AccountFill], look: Snapshot, *, first: bool
    ) -> list[Change]:
        row = look.orders.get(order_id)
        entry = self._entry(order_id)
        if row is None and entry is None:
            if first:
                for fill in fills:
                    self._see(fill)
                return []
            if order_id not in look.not_found:
                return []  # its order is asked for in the next look
            row = _from_fills(fills)
        silent = first or (row is not None and self._is_old(row, look))
        told: list[Change] = []
        if row is not None:
            entry, changed = self._merge(row, reconciled=True)
        else:
            changed = None
        assert entry is not None, "a row makes an entry"
        self.symbols[entry.order.symbol] = None
        if row is not None:
            entry.looks = 0
        if order_id in look.asked:
            entry.asked, entry.epoch = look.began, look.epoch
        if silent:
            entry.accounted = max(entry.accounted, entry.order.filled)
            for fill in fills:
                self._see(fill)
            self._file(entry)
            return []
        for fill in fills:
            if (fill.trade_id, fill.order_id) in self._seen:
                continue
            filled = self._offer(entry, fill, reconciled=True)
            if filled is not None:
                told.append(filled)
            elif order_id in look.asked:  # read after the fills, and it has filled no more: a repetition
                self._see(fill)
                self.repeated += 1
        if changed is not None:
            changed = replace(changed, explained=entry.accounted)
            told.append(changed)
            if changed.order.status is OrderStatus.UNKNOWN:
                told.append(UnknownState(market=self.market, order=changed.order, reconciled=True))
        self._file(entry)
        return told

    def _judge_absent(self, look: Snapshot, now: float, told: list[Change]) -> bool:
        """Orders their own query does not know; whether some are still in doubt."""
        doubtful = False
        for order_id in look.not_found:
            entry = self.orders.get(order_id)
            if entry is None or entry.heard >= look.began:
                continue
            entry.looks += 1
            if entry.looks == 1:
                entry.first_look = now
            if entry.looks < LOOKS or now - entry.first_look < LOOKING_SECONDS:
                doubtful = True
                continue
            before = entry.order.status
            entry.order = replace(entry.order, status=OrderStatus.GONE)
            told.append(self._changed(entry, before, reconciled=True))
            told.append(UnknownState(market=self.market, order=entry.order, reconciled=True))
            self._file(entry)
        return doubtful

    def _judge_short(self, look: Snapshot, now: float, told: list[Change]) -> bool:
        """Orders whose fills still do not add up; whether some are still in doubt."""
        doubtful = False
        for entry in (*self.orders.values(), *self._finished.values()):
            missing = entry.order.filled - entry.accounted
            if missing <= 0:
                entry.short = 0
                continue
            if entry.heard >= look.began:  # a push may bring it, or show it missing by itself
                doubtful = True
                continue
            entry.short += 1
            if entry.short == 1:
                entry.first_short = now
            if entry.short < LOOKS or now - entry.first_short < LOOKING_SECONDS:
                doubtful = True
                continue
            entry.accounted += missing
            entry.written_off += missing
            told.append(FillsMissing(market=self.market, order=entry.order, size=missing, reconciled=True))
        return doubtful

    def _apply_states(self, look: Snapshot, told: list[Change], *, first: bool) -> None:
        if look.balances is not None:
            rows = {row.currency: row for row in look.balances}
            for coin, known in self.balances.items():
                if coin not in rows:  # a wallet without the coin holds none of it
                    rows[coin] = replace(known, available=ZERO, frozen=ZERO, margin=ZERO, at_ms=None)
            for coin, row in rows.items():
                if self._coin_heard.get(coin, _NEVER) < look.began:
                    changes = self._set_balance(row, reconciled=True)
                    told += [] if first else changes
        if look.positions is not None:
            held = {(row.symbol, row.side): row for row in look.positions if row.size}
            for key, was in self.positions.items():
                if key not in held:
                    held[key] = replace(was, size=ZERO, updated_ms=was.updated_ms + 1)
            for key, position in held.items():
                self.symbols[position.symbol] = None
                if self._position_heard.get(key, _NEVER) < look.began:
                    changes = self._set_position(position, reconciled=True)
                    told += [] if first else changes

    # Merging ------------------------------------------------------------------------------------------

    def _skips(self, news: OrderNews) -> bool:
        """Whether a push shows that a fill before it was missed."""
        order, fill = news.order, news.fill
        entry, ended = self._entry(order.order_id), self._ended.get(order.order_id)
        known = entry.order.filled if entry is not None else ended[0].filled if ended is not None else ZERO
        accounted = self._accounted(order.order_id)
        if fill is not None and (fill.trade_id, fill.order_id) not in self._seen:
            accounted += fill.size
        return max(known, order.filled) > accounted

    def _apply(self, news: News, now: float) -> list[Change]:
        if isinstance(news, CoinBalance):
            return self._set_balance(news, reconciled=False)
        if isinstance(news, AccountPosition):
            return self._push_position(news)
        entry, changed = self._merge(news.order, reconciled=False)
        entry.heard, entry.looks = max(entry.heard, now), 0
        told: list[Change] = []
        if news.fill is not None and (news.fill.trade_id, news.fill.order_id) not in self._seen:
            filled = self._offer(entry, news.fill, reconciled=False)
            if filled is not None:
                told.append(filled)
            else:  # it was filled before this tracker began, or is known under another id
                self._see(news.fill)
        if changed is not None:
            changed = replace(changed, explained=entry.accounted)
            told.append(changed)
            if changed.order.status is OrderStatus.UNKNOWN:
                told.append(UnknownState(market=self.market, order=changed.order))
                told += self.doubt(
                    f"the order {changed.order.order_id} is in the state {changed.order.raw_state!r}, "
                    f"which nobody has described"
                )
        self._file(entry)
        return told

    def _merge(self, row: AccountOrder, *, reconciled: bool) -> tuple[_Entry, OrderChanged | None]:
        """The order's entry with this news in it, and what to tell of it."""
        entry = self._entry(row.order_id)
        before: AccountOrder | None
        if entry is None:
            ended = self._ended.pop(row.order_id, None)
            if ended is None:
                entry, before = _Entry(row, self._owed.pop(row.order_id, ZERO)), None
            else:
                before = ended[0]
                entry = _Entry(before, ended[1])
        else:
            before = entry.order
        if before is not None:
            if version(row) > version(before) or (before.data is None and version(row) == version(before)):
                entry.order = newer(before, row)
            elif row.client_order_id and not before.client_order_id:
                entry.order = replace(before, client_order_id=row.client_order_id)
        self._place(entry)
        if before is not None and same(before, entry.order):
            return entry, None
        return entry, self._changed(
            entry, before.status if before is not None else None, reconciled=reconciled
        )

    def _changed(self, entry: _Entry, before: OrderStatus | None, *, reconciled: bool) -> OrderChanged:
        return OrderChanged(
            market=self.market,
            order=entry.order,
            before=before,
            explained=entry.accounted,
            reconciled=reconciled,
        )

    def _offer(self, entry: _Entry, fill: AccountFill, *, reconciled: bool) -> Filled | None:
        """Take a fill that the order's filled size covers."""
        if entry.accounted + fill.size > entry.order.filled:
            if entry.written_off < fill.size:
                return None
            entry.written_off -= fill.size
        else:
            entry.accounted += fill.size
        self._see(fill)
        self.fills.append(fill)
        return Filled(
            market=self.market,
            fill=fill,
            order=entry.order,
            explained=entry.accounted,
            reconciled=reconciled,
        )

    def _see(self, fill: AccountFill) -> None:
        self._seen[fill.trade_id, fill.order_id] = fill.at_ms
        if len(self._seen) > KEPT_KEYS:
            self._seen.popitem(last=False)

    def _place(self, entry: _Entry) -> None:
        order = entry.order
        if order.order_id not in self._finished:
            self.orders[order.order_id] = entry
        if order.client_order_id:
            self._own_ids[order.client_order_id] = order.order_id

    def _file(self, entry: _Entry) -> None:
        """Put an order where its state belongs; forget the oldest of those that are over."""
        order_id = entry.order.order_id
        if entry.order.open:
            self._finished.pop(order_id, None)
            self.orders[order_id] = entry
            return
        self.orders.pop(order_id, None)
        self._finished[order_id] = entry
        while len(self._finished) > self._keep:
            old_id, old = self._finished.popitem(last=False)
            self._ended[old_id] = (replace(old.order, data=None), old.accounted)
            if self._own_ids.get(old.order.client_order_id) == old_id:
                del self._own_ids[old.order.client_order_id]
            if len(self._ended) > KEPT_KEYS:
                self._ended.popitem(last=False)

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
        return [BalanceChanged(market=self.market, balance=row, before=known, reconciled=reconciled)]

    def _push_position(self, row: AccountPosition) -> list[Change]:
        told: list[Change] = []
        if row.position_mode is PositionMode.ONE_WAY and row.size:
            other = Leg.SHORT if row.side is Leg.LONG else Leg.LONG
            known = self.positions.get((row.symbol, other))
            if known is not None and known.updated_ms <= row.updated_ms:  # one contract, one position
                told += self._set_position(
                    replace(known, size=ZERO, updated_ms=row.updated_ms), reconciled=False
                )
        return told + self._set_position(row, reconciled=False)

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
        return [PositionChanged(market=self.market, position=row, before=known, reconciled=reconciled)]

    # Restart ------------------------------------------------------------------------------------------

    @property
    def told_fills(self) -> Mapping[FillKey, int]:
        """Fills that were told or lie before the beginning, with their times."""
        return self._seen

    def entries(self) -> list[tuple[AccountOrder, Decimal]]:
        """Every order that is still known, with its filled size that is accounted for."""
        return [(entry.order, entry.accounted) for entry in (*self.orders.values(), *self._finished.values())]

    def restore(
        self,
        through_ms: int,
        *,
        orders: Iterable[tuple[AccountOrder, Decimal]],
        owed: Mapping[str, Decimal],
        fills: Mapping[FillKey, int],
        balances: Iterable[CoinBalance],
        positions: Iterable[AccountPosition],
    ) -> None:
        """Begin where another tracker ended, instead of with what REST shows now."""
        self.through_ms = through_ms
        for order, accounted in orders:
            entry = _Entry(order, accounted)
            self.symbols[order.symbol] = None
            self._place(entry)
            self._file(entry)
        self._owed.update(owed)
        self._seen.update(fills)
        self.balances = {balance.currency: balance for balance in balances}
        for position in positions:
            self.positions[position.symbol, position.side] = position
            self.symbols[position.symbol] = None


def _ref(order: AccountOrder) -> OrderRef:
    return OrderRef(order.order_id, order.symbol, order.waits)


def _amounts(balance: CoinBalance) -> tuple[Decimal, Decimal, Decimal]:
    return balance.available, balance.frozen, balance.margin


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
