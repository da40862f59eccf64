"""AccountTracker: the private streams and REST of both markets as one account that can be trusted.

The merging is in ``core``, the reading of REST in ``sources``. Here is what connects them: pushes and
the life of the private connections go into the core as they come, one task per market reads REST when
the core says that it is due, and every change the core tells goes to handlers, iterators, and whoever
waits for an order.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import random
import time
import weakref
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from bitmart_async.account.changes import AccountState, Resynced
from bitmart_async.account.core import MarketAccount, OrderNews
from bitmart_async.account.cursor import Place
from bitmart_async.account.handle import OrderHandle
from bitmart_async.account.sources import FuturesSource, SpotSource
from bitmart_async.account.views import futures_balance, futures_push, position_push, spot_balances, spot_push
from bitmart_async.errors import (
    BitMartError,
    ClientClosed,
    ConfigurationError,
    FrameUnreadable,
    ParameterError,
    SlowConsumer,
    StreamUnavailable,
    SubscriptionRefused,
)
from bitmart_async.websocket import topics
from bitmart_async.websocket.handlers import Reporter, being_cancelled, check_handler, is_async
from bitmart_async.websocket.subscription import when_ended
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from bitmart_async.account.changes import Change
    from bitmart_async.account.core import News, Snapshot
    from bitmart_async.account.sources import Source
    from bitmart_async.account.views import AccountFill, AccountOrder, AccountPosition, CoinBalance
    from bitmart_async.models.streams_futures import (
        FuturesAssetUpdate,
        FuturesOrderUpdate,
        FuturesPositionUpdate,
    )
    from bitmart_async.models.streams_spot import SpotBalanceUpdate, SpotOrderUpdate
    from bitmart_async.rest.clients import FuturesClientV2, RestClient
    from bitmart_async.websocket.client import WebsocketClient
    from bitmart_async.websocket.events import Event, Update
    from bitmart_async.websocket.subscription import Subscription

__all__ = ["AccountTracker", "Changes"]

T = TypeVar("T")

MOST_QUEUED: Final = 10_000
"""Changes kept for an iterator or an async handler that falls behind."""
_GRACE: Final = 0.3
"""Seconds a check waits for pushes on their way before it calls what it found missed."""
_CLOCK_MOVED_MS: Final = 5000
"""A clock that a look's own calls set by more: its windows, and the moment it reaches to, were of another time."""
_MOST_READS: Final = 3
"""For one look, while the clock moves."""
_LEAVE: Final = 0.5
"""Seconds to wait for the exchange to confirm that a topic is left."""
_ASK_AGAIN: Final = 60.0
"""Seconds until a topic the client has given up is subscribed anew."""
_EVENTS: Final = ("reconnecting", "close", "live", "response", "stale", "gap", "exception")
_WORST: Final = (AccountState.CLOSED, AccountState.OFFLINE, AccountState.RESYNCING, AccountState.LIVE)


class Changes(Generic[T]):
    """An async iterator over changes, from the moment it was made; one task may read it.

    It ends when the tracker is closed, and raises SlowConsumer when it fell 10,000 changes behind.
    Drop it, or call ``close()``, when it is no longer read.
    """

    def __init__(self, given: int) -> None:
        self._items: deque[tuple[int, T]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._error: SlowConsumer | None = None
        self.given = given
        """Number of the last change that was handed out."""

    def put(self, number: int, change: T) -> bool:
        """Queue one; False when there is no room: then it is over."""
        if self._closed:
            return True
        if len(self._items) >= MOST_QUEUED:
            self._error = SlowConsumer(
                f"more than {MOST_QUEUED} account changes waited to be read; the rest is lost to this "
                f"consumer. The cursor stays at the last one it got.",
                dropped=1,
            )
            self.close()
            return False
        self._items.append((number, change))
        self._stir()
        return True

    def close(self) -> None:
        """No more changes; those that are queued are still given."""
        self._closed = True
        self._stir()

    @property
    def closed(self) -> bool:
        """Whether nothing more is queued."""
        return self._closed

    def _stir(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next change.

        Raises:
            SlowConsumer: Changes were lost to it.
        """
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._closed:
                raise StopAsyncIteration
            if self._waiter is not None and not self._waiter.done():
                raise RuntimeError("another task is reading these changes; give each task its own")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self.given, change = self._items.popleft()
        return change


class _Handler:
    __slots__ = ("call", "given")

    def __init__(self, call: Callable[[Change], object], given: int) -> None:
        self.call = call
        self.given = given


class _Side:
    """One market of a tracker."""

    def __init__(self, market: Market, account: MarketAccount, source: Source) -> None:
        self.market = market
        self.account = account
        self.source = source
        self.topics: set[str] = set()
        self.carriers: set[str] = set()
        """Connections our topics were seen on."""
        self.down: set[str] = set()
        """Connections and topics that bring nothing."""
        self.stir = asyncio.Event()
        self.subscriptions: list[Subscription[object]] = []
        self.asked: list[asyncio.Future[None]] = []
        """Who waits for a look that has not begun."""
        self.asking: list[asyncio.Future[None]] = []
        """Who waits for what the present look, or the one it makes necessary, comes to."""

    def carries(self, event: Event) -> bool:
        """Whether an event is about a connection our topics are on."""
        if not event.connection.startswith(f"{self.market.value}_private"):
            return False
        if event.name in ("live", "response") and self.topics & set(event.topics):
            self.carriers.add(event.connection)
        return event.connection in self.carriers or not self.carriers


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
        self._reporter = Reporter(self._log)
        self._currencies = tuple(futures_currencies)
        self._place = Place.load(since) if since else Place()
        self._sides: dict[Market, _Side] = {}
        sources: list[tuple[Market, Source]] = []
        if rest is not None:
            sources.append((Market.SPOT, SpotSource(rest, days=open_order_days)))
        if futures is not None:
            sources.append((Market.FUTURES, FuturesSource(futures, symbols=futures_symbols)))
        for market, source in sources:
            account = MarketAccount(market, every=reconcile_every, keep=keep)
            self._place.claim(market, source.whose)
            self._place.restore(account)
            self._sides[market] = _Side(market, account, source)
        self._tasks: list[asyncio.Task[None]] = []
        self._handlers: list[_Handler] = []
        self._iterators: weakref.WeakSet[Changes[Change]] = weakref.WeakSet()
        self._number = 0
        self._trail: deque[tuple[int, Change]] = deque()
        """Changes that not every consumer was given."""
        self._frozen = False
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._ready: set[asyncio.Future[None]] = set()
        self._closed = False
        self._started = False

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
        return OrderHandle(self, any_id, symbol, market)

    async def ready(self, *, timeout: float | None = None) -> None:
        """Wait until everything is known: the state is LIVE.

        Raises:
            TimeoutError: It is not, after so many seconds.
            ClientClosed: The tracker was closed meanwhile.
        """
        async with asyncio.timeout(timeout):
            while not self.live:
                if self._closed or not self._started:
                    raise ClientClosed("this tracker is not running; use it with `async with`")
                news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._ready.add(news)
                try:
                    await news
                finally:
                    self._ready.discard(news)

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
        loop = asyncio.get_running_loop()
        asked: list[asyncio.Future[None]] = []
        for side in self._sides.values():
            asked.append(loop.create_future())
            side.asked.append(asked[-1])
            side.account.check(loop.time())
            side.stir.set()
        async with asyncio.timeout(timeout):
            await asyncio.gather(*asked)

    # Changes --------------------------------------------------------------------------------------------

    def on_change(self, handler: Callable[[Change], T]) -> Callable[[Change], T]:
        """Call a function at every change from now on; also a decorator.

        A plain function is called at once, before anything else happens; an async one is called by a
        task of its own, in order. One that raises is logged, once per kind of error, and hurts nobody.
        """
        check_handler(handler)
        if is_async(handler):
            changes = self.changes()
            self._tasks.append(
                asyncio.get_running_loop().create_task(
                    self._pump(changes, handler), name="bitmart account handler"
                )
            )
        else:
            self._handlers.append(_Handler(handler, self._number))
        return handler

    def changes(self) -> Changes[Change]:
        """The changes from now on, as an async iterator."""
        changes: Changes[Change] = Changes(self._number)
        if self._closed:
            changes.close()
        else:
            self._iterators.add(changes)
        return changes

    async def _pump(self, changes: Changes[Change], handler: Callable[[Change], object]) -> None:
        try:
            async for change in changes:
                try:
                    await handler(change)  # type: ignore[misc]  # is_async: it returns a coroutine
                except asyncio.CancelledError as error:
                    if being_cancelled():
                        raise
                    self._reporter.log(RuntimeError(repr(error)), handler)
                except Exception as error:
                    self._reporter.log(error, handler)
        except SlowConsumer as error:
            self._reporter.log(error, handler)

    def cursor(self) -> dict[str, object]:
        """Where the program stands, as plain JSON to keep: ``AccountTracker(since=...)`` goes on there.

        It covers exactly what every handler and iterator was given, the change being handled included.
        Save it together with what you made of the change, and a killed program loses nothing and is told
        nothing twice. Before the first look it is the ``since`` it began with.
        """
        self._fold()
        return self._place.dump()

    def _fold(self) -> None:
        consumers = [handler.given for handler in self._handlers]
        consumers += [changes.given for changes in self._iterators if not changes.closed]
        given = min(consumers, default=self._number)
        while self._trail and self._trail[0][0] <= given:
            self._place.fold(self._trail.popleft()[1])

    def _tell(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._number += 1
            if not self._frozen:
                self._trail.append((self._number, change))
            self._log_change(change)
            for handler in tuple(self._handlers):
                handler.given = self._number
                try:
                    handler.call(change)
                except (
                    asyncio.CancelledError
                ) as error:  # its own: nobody is told less, or checked no more, for it
                    self._reporter.log(RuntimeError(repr(error)), handler.call)
                except Exception as error:
                    self._reporter.log(error, handler.call)
            for iterator in tuple(self._iterators):
                if not iterator.put(self._number, change):
                    self._freeze(iterator)
            self._wake(change)
        self._fold()

    def _freeze(self, slow: Changes[Change]) -> None:
        """A consumer lost changes: the cursor stays where it was, so that a restart gives them again."""
        self._log.error("a consumer of account changes fell too far behind; the cursor stays where it was")
        while self._trail and self._trail[0][0] <= slow.given:
            self._place.fold(self._trail.popleft()[1])
        self._trail.clear()
        self._frozen = True

    def _log_change(self, change: Change) -> None:
        name = type(change).__name__
        if name in ("AccountGap", "UnknownState", "FillsMissing", "ResyncFailed"):
            self._log.warning("account, %s: %s", change.market.value, _said(change))

    # Waiting for orders, see handle.Book ----------------------------------------------------------------

    def find_order(self, any_id: str, symbol: str, market: Market | None) -> AccountOrder | None:
        """An order by the exchange's id or your own; None when nobody has spoken of it."""
        for side in self._sides.values():
            order = side.account.find(any_id) if market in (None, side.market) else None
            if order is not None and symbol in ("", order.symbol):
                return order
        return None

    def order_news(self, any_id: str) -> asyncio.Future[None]:
        """A future that ends with the next news of an order."""
        if self._closed:
            raise ClientClosed(
                "the account tracker is closed; what becomes of the order is not seen any more"
            )
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiters.setdefault(any_id, set())
        waiting.add(news)

        def done(_: asyncio.Future[None]) -> None:
            waiting.discard(news)
            if not waiting and self._waiters.get(any_id) is waiting:
                del self._waiters[any_id]

        news.add_done_callback(done)
        return news

    def look_for(self, any_id: str, symbol: str, market: Market | None) -> None:
        """Ask REST for an order nobody has spoken of."""
        for side in self._sides.values():
            if market in (None, side.market) and (side.market is Market.SPOT or symbol):
                side.account.want(any_id, symbol, asyncio.get_running_loop().time())
                side.stir.set()

    def _wake(self, change: Change) -> None:
        order = getattr(change, "order", None)
        if order is not None:
            ids = [order.order_id, order.client_order_id]
        elif type(change).__name__ == "Resynced":
            ids = list(self._waiters)
            for news in self._ready:
                _end(news)
        else:
            return
        for any_id in ids:
            for news in tuple(self._waiters.get(any_id, ())):
                _end(news)

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
                await self._subscribe(side)
        except BaseException:
            await self.aclose()
            raise
        loop = asyncio.get_running_loop()
        for side in self._sides.values():
            self._tasks.append(
                loop.create_task(self._work(side), name=f"bitmart account {side.market.value}")
            )
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
        for task in self._tasks:
            if task.get_name() != "bitmart account handler":
                task.cancel()
        for changes in tuple(self._iterators):
            changes.close()
        for waiting in [*self._waiters.values(), self._ready]:
            for news in tuple(waiting):
                _end(news)
        for side in self._sides.values():
            for asked in (*side.asked, *side.asking):
                if not asked.done():
                    asked.set_exception(ClientClosed("the account tracker was closed meanwhile"))
        others = {task for task in self._tasks if task is not asyncio.current_task()}
        try:
            if others:
                _, late = await asyncio.wait(others, timeout=1.0)
                for task in late:
                    task.cancel()
        finally:
            for side in self._sides.values():
                for subscription in side.subscriptions:
                    with contextlib.suppress(TimeoutError):  # the exchange need not confirm
                        async with asyncio.timeout(_LEAVE):
                            await subscription.unsubscribe()

    async def _subscribe(self, side: _Side) -> None:
        handlers: dict[str, Callable[[Update[Any]], None]]
        if side.market is Market.SPOT:
            handlers = {
                topics.spot.orders().text: self._on_spot_order,
                topics.spot.balance().text: self._on_spot_balance,
            }
        else:
            handlers = {
                topics.futures.order().text: self._on_futures_order,
                topics.futures.position().text: self._on_position,
                **{topics.futures.asset(coin).text: self._on_asset for coin in self._currencies},
            }
        side.topics = set(handlers)
        for text, handler in handlers.items():
            await self._take(side, text, self._understanding(side, handler))

    async def _take(self, side: _Side, text: str, handler: Callable[[Update[Any]], None]) -> bool:
        """Subscribe a topic; whether it is still there by then."""
        subscription = await self._ws.subscribe(text, handler=handler)
        side.subscriptions.append(subscription)
        when_ended(subscription, functools.partial(self._topic_lost, side, text, handler))
        if not subscription.topics:
            self._topic_lost(side, text, handler, None)
        return bool(subscription.topics)

    def _topic_lost(
        self, side: _Side, text: str, handler: Callable[[Update[Any]], None], error: Exception | None
    ) -> None:
        """The program or the exchange took a topic away: what it told is not seen any more."""
        if self._closed:
            return
        side.down.add(text)  # no connection brings it back
        why = f": {error}" if error is not None else ""
        if isinstance(error, SubscriptionRefused):
            why += f". It is asked for again every {_ASK_AGAIN:g} s"
            task = asyncio.get_running_loop().create_task(
                self._ask_again(side, text, handler), name=f"bitmart account {text}"
            )
            self._tasks.append(task)
            task.add_done_callback(self._tasks.remove)
        else:
            why += ". Make a new tracker to go on"
        self._tell(side.account.lost(f"{text} is no longer subscribed{why}"))
        side.stir.set()

    async def _ask_again(self, side: _Side, text: str, handler: Callable[[Update[Any]], None]) -> None:
        """Subscribe a refused topic anew, for as long as it is refused."""
        side.subscriptions = [one for one in side.subscriptions if one.topics]
        while True:
            await asyncio.sleep(_ASK_AGAIN)
            try:
                if await self._take(side, text, handler):
                    self._topic_back(side, text)
            except (SubscriptionRefused, StreamUnavailable) as error:
                self._log.info("account, %s: %s is still not served: %s", side.market.value, text, error)
            except BitMartError as error:
                self._log.warning("account, %s: %s is given up: %s", side.market.value, text, error)
                return
            else:
                return

    def _topic_back(self, side: _Side, text: str) -> None:
        """A topic that was refused is served again: what it would have told is read over REST."""
        if text in side.down:
            side.down.discard(text)
            if not side.down:
                side.account.back(asyncio.get_running_loop().time())
            side.stir.set()

    def _understanding(
        self, side: _Side, handler: Callable[[Update[Any]], None]
    ) -> Callable[[Update[Any]], None]:
        """A handler of pushes; one it raises over was missed."""

        def push(update: Update[Any]) -> None:
            try:
                handler(update)
            except Exception:
                if not self._closed:
                    self._tell(side.account.doubt(f"a push of {update.topic} could not be understood"))
                    side.stir.set()
                raise

        return push

    def _listen(self) -> None:
        """Hear of the private connections; weakly, for the client has no way to stop hearing."""
        trackers = _listening.get(self._ws)
        if trackers is None:
            trackers = _listening[self._ws] = weakref.WeakSet[AccountTracker]()
            for name in _EVENTS:
                self._ws.on(name)(functools.partial(_pass_on, trackers))
        trackers.add(self)

    def _hear(self, event: Event) -> None:
        if self._closed:
            return
        for side in self._sides.values():
            if side.carries(event):
                self._on_side_event(side, event)

    def _on_side_event(self, side: _Side, event: Event) -> None:
        account = side.account
        if event.name in ("reconnecting", "close"):
            side.down.add(event.connection)
            self._tell(account.lost(f"the connection {event.connection} was lost"))
        elif event.name == "live":
            was_down = event.connection in side.down
            side.down.discard(event.connection)
            if was_down and not side.down:
                account.back(asyncio.get_running_loop().time())
            elif event.gap is not None:
                self._tell(account.doubt(f"the connection {event.connection} was lost and is back"))
        elif event.name in ("stale", "gap") and side.topics & set(event.topics):
            what = "nothing was heard on" if event.name == "stale" else "updates may be missing of"
            self._tell(account.doubt(f"{what} {', '.join(event.topics)}"))
        elif event.name == "response" and event.operation == "subscribe":
            for text in side.down.intersection(event.topics):
                self._topic_back(side, text)
            return
        elif event.name == "exception" and isinstance(event.error, SubscriptionRefused):
            refused = side.topics.intersection(event.topics)
            if not refused:
                return
            side.down |= refused
            self._tell(account.lost(f"the exchange refuses {', '.join(sorted(refused))}: {event.error}"))
        elif event.name == "exception" and isinstance(event.error, FrameUnreadable):
            self._tell(account.doubt("a private frame could not be read"))
        else:
            return
        side.stir.set()

    # Pushes ---------------------------------------------------------------------------------------------

    def _push(self, market: Market, news: Sequence[News]) -> None:
        if self._closed:
            return
        side, now = self._sides[market], asyncio.get_running_loop().time()
        before = side.account.state
        for one in news:
            told = side.account.push(one, now)
            if told:
                self._tell(told)
        if side.account.state is not before:
            side.stir.set()

    def _on_spot_order(self, update: Update[SpotOrderUpdate]) -> None:
        self._push(Market.SPOT, [OrderNews(*spot_push(update.data))])

    def _on_spot_balance(self, update: Update[SpotBalanceUpdate]) -> None:
        self._push(Market.SPOT, spot_balances(update.data))

    def _on_futures_order(self, update: Update[FuturesOrderUpdate]) -> None:
        self._push(Market.FUTURES, [OrderNews(*futures_push(update.data))])

    def _on_position(self, update: Update[FuturesPositionUpdate]) -> None:
        self._push(Market.FUTURES, [position_push(update.data)])

    def _on_asset(self, update: Update[FuturesAssetUpdate]) -> None:
        self._push(Market.FUTURES, [futures_balance(update.data)])

    # REST -----------------------------------------------------------------------------------------------

    async def _work(self, side: _Side) -> None:
        """Read REST whenever the core says that it is due, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            wait = side.account.due - loop.time()
            if wait <= 0:
                await self._look(side)
                continue
            side.stir.clear()
            try:
                async with asyncio.timeout(wait):
                    await side.stir.wait()
            except TimeoutError:
                continue

    async def _look(self, side: _Side) -> None:
        account, loop = side.account, asyncio.get_running_loop()
        for any_id in [one for one in account.wanted if one not in self._waiters]:
            del account.wanted[any_id]  # nobody waits for it any more
        told: list[Change] = []
        side.asking += side.asked
        side.asked.clear()
        failure: Exception | None = None
        try:
            look = await self._read(side)
            if account.state is AccountState.LIVE:
                await asyncio.sleep(_GRACE)
            told = account.apply(look, loop.time())
            self._place.begin(account)  # before the pushes that waited: those are told
            told += account.conclude(loop.time())
        except Exception as error:  # whatever it is: without this task nothing would be claimed truly
            if not isinstance(error, BitMartError):
                self._log.exception(
                    "account, %s: reading REST failed in an unforeseen way", side.market.value
                )
            failure = error
            told += account.failed(error, loop.time(), random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._tell(told)
        if failure is not None or any(isinstance(change, Resynced) for change in told):
            self._answer(side, failure)
        if side.asked:
            account.check(loop.time())

    def _answer(self, side: _Side, failure: Exception | None) -> None:
        """Tell who asked for a look what came of it."""
        for asked in side.asking:
            if not asked.done():
                if failure is None:
                    asked.set_result(None)
                else:
                    asked.set_exception(failure)
        side.asking.clear()

    async def _read(self, side: _Side) -> Snapshot:
        """Read REST once; again when it was only then found out how late it is."""
        loop = asyncio.get_running_loop()
        reads = 0
        while True:
            began_ms, began = side.source.now_ms(), time.monotonic()
            look = side.account.begin(loop.time(), began_ms)
            await side.source.read(side.account, look)
            moved_ms = side.source.now_ms() - began_ms - (time.monotonic() - began) * 1000
            reads += 1
            if abs(moved_ms) < _CLOCK_MOVED_MS or reads == _MOST_READS:
                return look

    def __repr__(self) -> str:
        return f"<AccountTracker {', '.join(f'{m.value} {self.state_of(m).value}' for m in self._sides)}>"


_listening: weakref.WeakKeyDictionary[WebsocketClient, weakref.WeakSet[AccountTracker]]
_listening = weakref.WeakKeyDictionary()
"""Whom a client's events go to: it is listened to once, however many trackers come and go."""


def _pass_on(trackers: weakref.WeakSet[AccountTracker], event: Event) -> None:
    for tracker in tuple(trackers):
        tracker._hear(event)  # pyright: ignore[reportPrivateUsage]


def _end(news: asyncio.Future[None]) -> None:
    if not news.done():
        news.set_result(None)


def _said(change: Change) -> str:
    reason: object = getattr(change, "reason", None) or getattr(change, "error", None)
    if reason is not None:
        return f"{type(change).__name__}: {reason}"
    order: AccountOrder | None = getattr(change, "order", None)
    return f"{type(change).__name__}: order {order.order_id if order is not None else '?'}"
