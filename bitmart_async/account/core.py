"""One market's account state, merged from pushes and REST. Pure: no I/O, handed the time.

The merging is in ``orders`` and ``holdings``, what REST shows is a ``Snapshot``, held against what is known
by ``comparison``. Here is when what is told, and how far it can be trusted.

**Gaps.** While the state is LIVE pushes are applied as they come. When something was or may have been
missed (the stream was lost, a fill is missing, a frame could not be read), the state leaves LIVE with
an :class:`AccountGap`, pushes are kept back, REST is read, what it shows is applied first, then the
pushes that waited, and only then the state is LIVE again. If REST cannot be read the pushes are applied
without it, late order being better than none, and the state stays what it is.

**A look** reaches back to the last complete one less :data:`OVERLAP_MS`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from bitmart_async.account.changes import AccountGap, AccountState, Resynced, ResyncFailed, UnknownState
from bitmart_async.account.comparison import Comparison
from bitmart_async.account.holdings import Holdings
from bitmart_async.account.orders import Orders
from bitmart_async.account.snapshot import OrderRef, Snapshot
from bitmart_async.account.views import AccountPosition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from bitmart_async.account.changes import Change
    from bitmart_async.account.views import AccountFill, AccountOrder, CoinBalance, FillKey
    from bitmart_async.models.enums import Leg
    from bitmart_async.websocket.topics import Market

__all__ = ["MarketAccount", "News", "OrderNews"]

OVERLAP_MS: Final = 60_000
"""How far a look back goes beyond the last complete one."""
LOOK_AGAIN: Final = 2.5
"""Seconds between looks for what REST should show and does not."""
PAUSE: Final = 1.0
"""Seconds at least between the beginnings of two reconciles."""
LONGEST_RETRY: Final = 30.0
MOST_WAITING: Final = 10_000
"""Pushes kept back while REST is read."""
_NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class OrderNews:
    """A push about an order."""

    order: AccountOrder
    fill: AccountFill | None


News: TypeAlias = "OrderNews | CoinBalance | AccountPosition"


class MarketAccount:
    """One market's state.

    Args:
        every: Seconds between checks against REST while nothing is wrong.
        keep: Finished orders and fills that stay readable.
    """

    def __init__(self, market: Market, *, every: float = 60.0, keep: int = 1000) -> None:
        self.market = market
        self._every = every
        self.state = AccountState.RESYNCING
        self.through_ms: int | None = None
        """Everything up to here is known; None before the first complete look."""
        self._orders = Orders(market, keep=keep)
        self._holdings = Holdings(market)
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
        return self._orders.find(any_id)

    @property
    def open_orders(self) -> list[AccountOrder]:
        """Orders that may still be filled, oldest first."""
        return sorted(
            (entry.order for entry in self._orders.open.values()),
            key=lambda order: (order.created_ms, order.order_id),
        )

    @property
    def fills(self) -> deque[AccountFill]:
        """The last fills that were told."""
        return self._orders.fills

    @property
    def balances(self) -> Mapping[str, CoinBalance]:
        """By coin."""
        return self._holdings.balances

    @property
    def positions(self) -> Mapping[tuple[str, Leg], AccountPosition]:
        """Those that hold something."""
        return self._holdings.positions

    # The stream ---------------------------------------------------------------------------------------

    def push(self, news: News, now: float) -> list[Change]:
        """Something was pushed."""
        self._hear(news, now)
        if self._holding:
            return self._hold(news, now)
        if self._skips(news):
            assert isinstance(news, OrderNews)
            if self.state is AccountState.LIVE:
                told = self.doubt(f"a fill of the order {news.order.order_id} is missing")
                self._waiting.append(news)
                return told
            self._again = True
        return self._apply(news, now)

    def _hear(self, news: News, now: float) -> None:
        """It is known by now, whenever it is merged: a look that began earlier does not overrule it."""
        if not isinstance(news, OrderNews):
            self._holdings.hear(news, now)
            if isinstance(news, AccountPosition):
                self.symbols[news.symbol] = None
            return
        self.symbols[news.order.symbol] = None
        entry = self._orders.entry(news.order.order_id)
        if entry is not None:
            entry.heard = now

    def _hold(self, news: News, now: float) -> list[Change]:
        self._waiting.append(news)
        if len(self._waiting) <= MOST_WAITING:
            return []
        oldest = self._waiting.popleft()
        return self._apply(oldest, now) if self.through_ms is not None else []

    def _skips(self, news: News) -> bool:
        """Whether a push shows that a fill before it was missed."""
        return isinstance(news, OrderNews) and self._orders.skips(news.order, news.fill)

    def _apply(self, news: News, now: float) -> list[Change]:
        if not isinstance(news, OrderNews):
            return self._holdings.push(news)
        told = self._orders.push(news.order, news.fill, now)
        if any(isinstance(change, UnknownState) for change in told):
            told += self.doubt(
                f"the order {news.order.order_id} is in the state {news.order.raw_state!r}, "
                f"which nobody has described"
            )
        return told

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
        """Orders that must be asked for by id, given the lists."""
        compared = self._compared(look)
        refs = compared.unlisted(self._every)
        if self.through_ms is not None:
            refs |= compared.outgrown()
            refs |= self._still_wanted(look)
        return [ref for ref in refs.values() if ref.order_id not in look.asked]

    def _still_wanted(self, look: Snapshot) -> dict[str, OrderRef]:
        self.wanted = {any_id: symbol for any_id, symbol in self.wanted.items() if self.find(any_id) is None}
        listed = {order.client_order_id for order in look.orders.values()} | look.orders.keys()
        return {
            any_id: OrderRef(any_id, symbol, own=True)
            for any_id, symbol in self.wanted.items()
            if any_id not in listed
        }

    def lost_fills(self, look: Snapshot) -> list[OrderRef]:
        """Orders whose fills do not add up, so that their own fills must be asked for."""
        return self._compared(look).short() if self.through_ms is not None else []

    def _compared(self, look: Snapshot) -> Comparison:
        return Comparison(self.market, self._orders, look, first=self.through_ms is None)

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
        first = self.through_ms is None
        compared = self._compared(look)
        told = compared.merge()
        news = len(told)
        told += compared.judge_absent(now)
        if not first:
            told += compared.judge_short(now)
        self.repeated += compared.repeated
        states = self._read_holdings(look)
        if not first:
            told += states
        self._note_symbols(look)
        unsettled = look.cut or compared.doubtful
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

    def _read_holdings(self, look: Snapshot) -> list[Change]:
        told: list[Change] = []
        if look.balances is not None:
            told += self._holdings.read_balances(look.balances, look.began)
        if look.positions is not None:
            told += self._holdings.read_positions(look.positions, look.began)
        return told

    def _note_symbols(self, look: Snapshot) -> None:
        seen = [order.symbol for order in look.orders.values()]
        seen += [fill.symbol for fill in look.fills.values() if self._orders.heard_of(fill.order_id)]
        seen += [row.symbol for row in look.positions or () if row.size]
        self.symbols.update(dict.fromkeys(seen))

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
            if not force and self._skips(news):
                break
            self._waiting.popleft()
            told += self._apply(news, now)
        return told

    # Restart ------------------------------------------------------------------------------------------

    @property
    def told_fills(self) -> Mapping[FillKey, int]:
        """Fills that were told or lie before the beginning, with their times."""
        return self._orders.seen

    def entries(self) -> list[tuple[AccountOrder, Decimal]]:
        """Every order that is still known, with its filled size that is accounted for."""
        return [(entry.order, entry.accounted) for entry in self._orders.entries()]

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
        known, held = list(orders), list(positions)
        self._orders.restore(known, owed, fills)
        self._holdings.restore(balances, held)
        seen = [order.symbol for order, _ in known] + [position.symbol for position in held]
        self.symbols.update(dict.fromkeys(seen))
