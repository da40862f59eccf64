"""AccountTracker: the private streams and REST of both markets as one account that can be trusted.

The merging is in ``core``. Here is put together what surrounds it, for each market: ``feed`` brings pushes
and the life of the private connections into the core as they come, ``looks`` reads REST when the core says
that it is due; every change the core tells goes to ``consumers``, and to whoever waits for an order
(``waiting``, ``desk``, ``handle``).
"""

from __future__ import annotations

import asyncio
import functools
import logging
import weakref
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from bitmart_async.account.changes import AccountGap, AccountState, FillsMissing, ResyncFailed, UnknownState
from bitmart_async.account.consumers import Consumers
from bitmart_async.account.core import MarketAccount
from bitmart_async.account.cursor import Place
from bitmart_async.account.desk import Desk, Side
from bitmart_async.account.feed import EVENTS, Feed, futures_pushes, spot_pushes
from bitmart_async.account.handle import OrderHandle
from bitmart_async.account.looks import Looks
from bitmart_async.account.sources import FuturesSource, SpotSource
from bitmart_async.account.waiting import Waiters
from bitmart_async.errors import ClientClosed, ConfigurationError, ParameterError
from bitmart_async.websocket.handlers import check_handler, is_async
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from bitmart_async.account.changes import Change
    from bitmart_async.account.consumers import Changes
    from bitmart_async.account.feed import Meaning
    from bitmart_async.account.sources import Source
    from bitmart_async.account.views import AccountFill, AccountOrder, AccountPosition, CoinBalance
    from bitmart_async.rest.clients import FuturesClientV2, RestClient
    from bitmart_async.websocket.client import WebsocketClient
    from bitmart_async.websocket.events import Event

__all__ = ["AccountTracker"]

T = TypeVar("T")

_WORST: Final = (AccountState.CLOSED, AccountState.OFFLINE, AccountState.RESYNCING, AccountState.LIVE)
_LAST_WORK: Final = 1.0
"""Seconds that handlers and looks get to end by themselves."""


class AccountTracker:
    """Balances, orders, fills and positions, merged from REST and the private streams.

    ::

        async with AccountTracker(ws=ws, rest=rest, futures=futures) as tracker:
            await tracker.ready()
            ack = await rest.submit_spot_order_v2(...)
            order = await tracker.order(ack.order_id).filled(timeout=30)

    Every private event is told exactly once, in order per order, or ``state`` is not LIVE and an
    AccountGap has said so; ``Resynced`` then says that everything is told. Orders never move back.
    """

    def __init__(
        self,
        *,
        ws: WebsocketClient,
        rest: RestClient | None = None,
        futures: FuturesClientV2 | None = None,
        since: Mapping[str, object] | None = None,
        futures_symbols: Sequence[str] = (),
        futures_currencies: Sequence[str] = ("USDT",),
        open_order_days: int = 30,
        reconcile_every: float = 60.0,
        keep: int = 1000,
        logger: logging.Logger | None = None,
    ) -> None:
        """Make a tracker; nothing is sent before ``async with``.

        Args:
            ws: Carries the private topics; with the account's keys.
            rest: Reads spot; without it spot is not tracked.
            futures: Reads futures; without it futures are not tracked.
            since: What ``cursor()`` gave another tracker of this account: what happened since then is
                told, marked reconciled. Without it the account as it is now is where changes begin.
            futures_symbols: Contracts whose finished orders are read. Those of orders, fills and
                positions are added by themselves; the exchange has no list over all contracts.
            futures_currencies: Coins whose futures balance is pushed. REST shows all at every check.
            open_order_days: How far back open spot orders are looked for at the first look, in steps of
                a week, one call each.
            reconcile_every: Seconds between checks against REST, 5 or more.
            keep: Finished orders, and fills, that stay readable, per market.
            logger: Instead of the logger ``bitmart_async``.

        Raises:
            ConfigurationError: An option cannot be used, or ``since`` is a cursor of another account.
            ParameterError: ``since`` is no cursor.
        """
        if rest is None and futures is None:
            raise ConfigurationError("give rest= to track spot, futures= to track futures, or both")
        if not 5 <= reconcile_every < float("inf"):
            raise ConfigurationError(f"reconcile_every={reconcile_every!r}: must be 5 seconds or more")
        if keep < 1 or open_order_days < 1:
            raise ConfigurationError("keep= and open_order_days= must be 1 or more")
        self._ws = ws
        self._log = logger or logging.getLogger("bitmart_async")
        self._place = Place.load(since) if since else Place()
        self._consumers = Consumers(self._place, self._log)
        self._waiters = Waiters()
        self._sides: dict[Market, Side] = {}
        self._desk = Desk(self._sides, self._waiters)
        make = functools.partial(self._add_side, every=reconcile_every, keep=keep)
        if rest is not None:
            make(Market.SPOT, SpotSource(rest, days=open_order_days), spot_pushes())
        if futures is not None:
            source = FuturesSource(futures, symbols=futures_symbols)
            make(Market.FUTURES, source, futures_pushes(futures_currencies))
        self._workers: list[asyncio.Task[None]] = []
        self._pumps: list[asyncio.Task[None]] = []
        self._closed = False
        self._started = False

    def _add_side(
        self, market: Market, source: Source, pushes: Mapping[str, Meaning], *, every: float, keep: int
    ) -> None:
        account = MarketAccount(market, every=every, keep=keep)
        self._place.claim(market, source.whose)
        self._place.restore(account)
        looks = Looks(
            account,
            source,
            tell=self._tell,
            begun=self._place.begin,
            waited_for=self._waiters,
            logger=self._log,
        )
        feed = Feed(self._ws, account, pushes, tell=self._tell, stir=looks.stir, logger=self._log)
        self._sides[market] = Side(account, feed, looks)

    # What is known --------------------------------------------------------------------------------------

    @property
    def state(self) -> AccountState:
        """The worse of both markets'."""
        if self._closed:
            return AccountState.CLOSED
        states = {side.account.state for side in self._sides.values()}
        return next(state for state in _WORST if state in states)

    def state_of(self, market: Market) -> AccountState:
        """How far one market can be trusted; CLOSED when it is not tracked."""
        side = self._sides.get(market)
        return AccountState.CLOSED if self._closed or side is None else side.account.state

    @property
    def live(self) -> bool:
        """Whether everything is known, in every tracked market."""
        return self.state is AccountState.LIVE

    @property
    def balances(self) -> Mapping[tuple[Market, str], CoinBalance]:
        """By market and coin, ``tracker.balances[Market.SPOT, "USDT"]``."""
        return MappingProxyType(
            {
                (market, coin): balance
                for market, side in self._sides.items()
                for coin, balance in side.account.balances.items()
            }
        )

    @property
    def orders(self) -> tuple[AccountOrder, ...]:
        """Open orders, spot first, oldest first; those in an unknown state among them."""
        return tuple(order for side in self._sides.values() for order in side.account.open_orders)

    @property
    def fills(self) -> tuple[AccountFill, ...]:
        """The last ``keep`` fills of each market that were told, in the order they were."""
        return tuple(fill for side in self._sides.values() for fill in side.account.fills)

    @property
    def positions(self) -> tuple[AccountPosition, ...]:
        """Futures positions that hold something."""
        return tuple(
            position for side in self._sides.values() for position in side.account.positions.values()
        )

    def order(self, any_id: str, *, symbol: str = "", market: Market | None = None) -> OrderHandle:
        """An order to look at or to wait for, whether or not anybody has spoken of it yet.

        Args:
            any_id: The exchange's id or your own.
            symbol: Only an order of this symbol is meant. Futures: also lets REST look for an order no
                push has spoken of.
            market: Only an order of this market is meant; for an id of your own that both markets know.
        """
        if not any_id:
            raise ParameterError("an order needs an id: the exchange's, or your own")
        return OrderHandle(self._desk, any_id, symbol, market)

    async def ready(self, *, timeout: float | None = None) -> None:
        """Wait until everything is known: the state is LIVE.

        Raises:
            TimeoutError: It is not, after so many seconds.
            ClientClosed: The tracker was closed meanwhile.
        """
        try:
            async with asyncio.timeout(timeout):
                while not self.live:
                    if self._closed or not self._started:
                        raise ClientClosed("this tracker is not running; use it with `async with`")
                    await self._waiters.resynced()
        except TimeoutError:
            raise TimeoutError(f"the account is still {self.state.value} after {timeout:g} s") from None

    async def resync(self, *, timeout: float | None = None) -> None:
        """Compare with REST now; returns when a reconcile that began after this call has ended.

        What it found has been told by then. A check is made every ``reconcile_every`` seconds anyway; call
        this where you cannot wait for it: before a program ends, or when a call was refused for a reason the
        tracker did not show (a cancel of an order that is filled already).

        Calls of several tasks share a look. In each market it costs the calls of one, a second after the
        last one at the earliest.

        Raises:
            BitMartError: REST could not be read; what the call for it raised.
            TimeoutError: It has not ended after so many seconds.
            ClientClosed: The tracker is not running, or was closed meanwhile.
        """
        if self._closed or not self._started:
            raise ClientClosed("this tracker is not running; use it with `async with`")
        asked = [side.looks.ask() for side in self._sides.values()]
        try:
            async with asyncio.timeout(timeout):
                await asyncio.gather(*asked)
        except TimeoutError:
            raise TimeoutError(f"no look at REST has ended within {timeout:g} s") from None

    # Changes --------------------------------------------------------------------------------------------

    def on_change(self, handler: Callable[[Change], T]) -> Callable[[Change], T]:
        """Call a function at every change from now on; also a decorator.

        A plain function is called at once, before anything else happens; an async one is called by a
        task of its own, in order. One that raises is logged, once per kind of error, and hurts nobody.
        """
        check_handler(handler)
        if is_async(handler):
            work = self._consumers.pump(self.changes(), handler)
            self._pumps.append(asyncio.get_running_loop().create_task(work, name="bitmart account handler"))
        else:
            self._consumers.handle(handler)
        return handler

    def changes(self) -> Changes[Change]:
        """The changes from now on, as an async iterator."""
        return self._consumers.iterate()

    def cursor(self) -> dict[str, object]:
        """Where the program stands, as plain JSON to keep: ``AccountTracker(since=...)`` goes on there.

        It covers exactly what every handler and iterator was given, the change being handled included.
        Save it together with what you made of the change, and a killed program loses nothing and is told
        nothing twice. Before the first look it is the ``since`` it began with.
        """
        return self._consumers.dump()

    def _tell(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._log_change(change)
            self._consumers.tell(change)
            self._waiters.wake(change)
        self._consumers.fold()

    def _log_change(self, change: Change) -> None:
        if isinstance(change, AccountGap):
            why = change.reason
        elif isinstance(change, ResyncFailed):
            why = str(change.error)
        elif isinstance(change, UnknownState | FillsMissing):
            why = f"order {change.order.order_id}"
        else:
            return
        self._log.warning("account, %s: %s: %s", change.market.value, type(change).__name__, why)

    # Life -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Subscribe the private topics and begin to read REST.

        Raises:
            CredentialsMissing: The WebsocketClient has no keys.
            LoginRefused: The exchange refused them.
            SubscriptionRefused: It refused a topic.
            StreamUnavailable: No stream within the client's timeouts.
        """
        if self._closed or self._started:
            raise ClientClosed("this tracker was used before; make a new one")
        self._started = True
        self._listen()
        try:
            for side in self._sides.values():
                await side.feed.subscribe()
        except BaseException:
            await self.aclose()
            raise
        loop = asyncio.get_running_loop()
        for market, side in self._sides.items():
            task = loop.create_task(side.looks.run(), name=f"bitmart account {market.value}")
            self._workers.append(task)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the topics and end every iteration and wait; idempotent. The clients stay open."""
        if self._closed:
            return
        self._closed = True
        for worker in self._workers:
            worker.cancel()
        self._consumers.close()
        self._waiters.close()
        ending = {*self._workers, *self._pumps}
        for side in self._sides.values():
            side.looks.close()
            ending |= side.feed.close()
        ending.discard(asyncio.current_task())
        try:
            if ending:
                _, late = await asyncio.wait(ending, timeout=_LAST_WORK)
                for task in late:
                    task.cancel()
        finally:
            for side in self._sides.values():
                await side.feed.leave()

    def _listen(self) -> None:
        """Hear of the private connections; weakly, for the client has no way to stop hearing."""
        trackers = _listening.get(self._ws)
        if trackers is None:
            trackers = _listening[self._ws] = weakref.WeakSet[AccountTracker]()
            for name in EVENTS:
                self._ws.on(name)(functools.partial(_pass_on, trackers))
        trackers.add(self)

    def _hear(self, event: Event) -> None:
        for side in self._sides.values():
            side.feed.hear(event)

    def __repr__(self) -> str:
        return f"<AccountTracker {', '.join(f'{m.value} {self.state_of(m).value}' for m in self._sides)}>"


_listening: weakref.WeakKeyDictionary[WebsocketClient, weakref.WeakSet[AccountTracker]]
_listening = weakref.WeakKeyDictionary()
"""Whom a client's events go to: it is listened to once, however many trackers come and go."""


def _pass_on(trackers: weakref.WeakSet[AccountTracker], event: Event) -> None:
    for tracker in tuple(trackers):
        tracker._hear(event)  # pyright: ignore[reportPrivateUsage]
