"""Live order books: an OrderBook fed by a subscription, which asks for a snapshot whenever it needs one.

What is done about a book that needs a snapshot, in this order, each for ``ack_timeout``: it is requested;
requested once more (no acknowledgement is documented, so a lost request looks like a slow one); the topic
is left and taken again, which brings a snapshot by itself, and the book begins anew whatever its versions.
After that from the start, each round taking twice as long, up to sixteen times.

A lost connection makes the book unreadable at once; the snapshot of the new subscription makes it readable
again. A book of which nothing is heard for half of ``stale_after`` is asked for its state, so that a quiet
one stays readable; after the whole it is not read any more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bitmart_async.book import BookReads, BookResult, BookTrouble, OrderBook, not_ready
from bitmart_async.errors import BookNotReady, ParameterError, SubscriptionRefused
from bitmart_async.websocket.handlers import being_cancelled, check_handler, guarded, is_async, let_out
from bitmart_async.websocket.subscription import when_ended

if TYPE_CHECKING:
    import logging
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
    from types import TracebackType
    from typing import Self

    from bitmart_async.book import BookLevel
    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.handlers import Report
    from bitmart_async.websocket.subscription import Subscription
    from bitmart_async.websocket.topics import Topic

__all__ = ["BookChange", "BookPort", "BookWire", "LiveOrderBook"]

HandlerT = TypeVar("HandlerT", bound="Callable[[BookChange], object]")

_REQUESTS = 2
"""Before the topic is left and taken again."""
_MOST_DOUBLINGS = 4
_LOOK_SECONDS = 7.5
"""How often a book without stale_after is looked at."""
_SHORTEST_LOOK = 0.01
_ADVICE = "It repairs itself: await ready(), or look at trouble before reading."
_CLOSED_ADVICE = "Make a new one with ws.order_book()."
_AWAY = frozenset({BookTrouble.DISCONNECTED, BookTrouble.REFUSED})
"""Until the topic's next snapshot."""
_APPLIED, _SNAPSHOT = BookResult.APPLIED, BookResult.SNAPSHOT  # as in book.py: found once, not per update
_LOSSES = frozenset({BookResult.GAP, BookResult.CROSSED, BookResult.EMPTIED, BookResult.INVALID})


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChange:
    """The state of a book after it changed."""

    ready: bool
    """Whether it can be read."""
    reason: BookTrouble | None
    """Why it cannot."""
    version: int
    """Of the last update applied; -1 before the first."""
    updated_ms: int | None
    """The exchange's time of it, Unix ms."""
    best_bid: BookLevel | None
    """None when there is none, or when the book cannot be read."""
    best_ask: BookLevel | None
    """As best_bid."""
    merged: int
    """Changes since the consumer's last one that this one stands for too."""


class BookPort:
    """What a client tells a live book. ``take`` gets its updates, straight from the read."""

    def __init__(
        self,
        *,
        take: Callable[[Update[object]], None],
        begin: Callable[[Subscription[object], bool], None],
        connected: Callable[[], None],
        disconnected: Callable[[], None],
        overslept: Callable[[float], None],
        refused: Callable[[Exception], None],
        ended: Callable[[], bool],
    ) -> None:
        self.take = take
        self.begin = begin
        self.connected = connected
        self.disconnected = disconnected
        self.overslept = overslept
        self.refused = refused
        self.ended = ended


class BookWire:
    """What a live book needs of its client, and (``port``) what the client needs of it.

    Args:
        request: Asks for a topic's present state.
        renew: Leaves a topic and takes it again.
        resync: Tells that a book needs a snapshot, and why.
        failed: Told what a handler raised.
        keep: Holds a task until it is done.
        patience: Seconds for an answer of the exchange.
    """

    def __init__(
        self,
        *,
        request: Callable[[str], None],
        renew: Callable[[str], None],
        resync: Callable[[BookNotReady], None],
        failed: Report,
        keep: Callable[[asyncio.Task[None]], None],
        patience: float,
        logger: logging.Logger,
    ) -> None:
        self.request = request
        self.renew = renew
        self.resync = resync
        self.failed = failed
        self.keep = keep
        self.patience = patience
        self.log = logger
        self.port: BookPort
        """Made by the book."""


class _Watcher:
    """One consumer of changes: how many it has not seen, and how to wake it."""

    __slots__ = ("unseen", "waiter")

    def __init__(self) -> None:
        self.unseen = 0
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class LiveOrderBook(BookReads):
    """A book that keeps itself up to date. Made by :meth:`WebsocketClient.order_book`.

    Read it like an :class:`OrderBook`. While it cannot be trusted (no snapshot yet, a gap, a lost
    connection, silence) every read raises BookNotReady; ``await ready()`` waits until it can be read.
    """

    def __init__(self, topic: str | Topic[object], wire: BookWire, stale_after: float | None) -> None:
        if stale_after is not None and not stale_after > 0:
            raise ParameterError(f"stale_after={stale_after!r}: must be more than 0 seconds, or None")
        self._core = OrderBook(topic)
        self._wire = wire
        self._stale_after = stale_after
        self._loop = asyncio.get_running_loop()
        self._subscription: Subscription[object] | None = None
        self._outside: BookTrouble | None = None
        """A trouble that is not the updates'."""
        self._ended = False
        self._refusal = ""
        """What the exchange said when it refused the topic."""
        wire.port = BookPort(
            take=self._take,
            begin=self._begin,
            connected=self._connected,
            disconnected=self._disconnected,
            overslept=self._overslept,
            refused=self._refused,
            ended=lambda: self._ended,
        )
        self._heard = self._loop.time()
        self._probed = False
        self._silent_told = False
        self._attempts = 0
        """Snapshots asked for since the book was last in order."""
        self._rounds = 0
        self._timer: asyncio.TimerHandle | None = None
        self._watchers: set[_Watcher] = set()
        self._handlers: list[Callable[[BookChange], None]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._troubles: Counter[BookTrouble] = Counter()
        self.resyncs = 0
        """How often it needed a snapshot it had not got by itself."""

    # What users ask ------------------------------------------------------------------------------

    @property
    def topic(self) -> Topic[object]:
        """What it is the book of."""
        return self._core.topic

    @property
    def trouble(self) -> BookTrouble | None:
        """Why it cannot be read; None when it can."""
        if self._outside is not None:
            return self._outside
        if self._core.trouble is None and self._silent:
            return BookTrouble.SILENT
        return self._core.trouble

    @property
    def troubles(self) -> Mapping[BookTrouble, int]:
        """How often it could not be read, by reason."""
        return dict(self._troubles)

    @property
    def gaps(self) -> int:
        """How often updates were missing."""
        return self._troubles[BookTrouble.GAP]

    async def ready(self, timeout: float | None = None) -> None:
        """Wait until it can be read.

        Raises:
            BookNotReady: It could not within ``timeout`` seconds, or it is closed.
        """
        with contextlib.suppress(TimeoutError):  # the read at the end says what is wrong
            async with asyncio.timeout(timeout):
                while self.trouble is not None and not self._ended:
                    waiter: asyncio.Future[None] = self._loop.create_future()
                    self._waiting.append(waiter)
                    try:
                        await waiter
                    finally:
                        if waiter in self._waiting:
                            self._waiting.remove(waiter)
        self._serving()

    async def changes(self) -> AsyncIterator[BookChange]:
        """Changes, the latest state each time: whoever is slow misses states, never the newest.

        The first one is the present state. A book that stops or begins to be readable changes, too.
        Iteration ends when the book is closed.
        """
        watcher = _Watcher()
        watcher.unseen = 1
        self._watchers.add(watcher)
        try:
            while True:
                if not watcher.unseen:
                    if self._ended:
                        return
                    watcher.waiter = self._loop.create_future()
                    try:
                        await watcher.waiter
                    finally:
                        watcher.waiter = None
                    continue
                merged, watcher.unseen = watcher.unseen - 1, 0
                yield self._change(merged)
        finally:
            self._watchers.discard(watcher)

    def on_change(self, handler: HandlerT) -> HandlerT:
        """Call a function at every change; usable as a decorator.

        A plain one is called straight from the read, once per change. An async one runs by itself and
        gets the latest state each time, as from :meth:`changes`.

        Raises:
            ParameterError: The handler is a generator.
        """
        check_handler(handler)
        guard = guarded(handler, self._wire.failed)
        if not is_async(handler):
            self._handlers.append(guard)
            return handler
        task = self._loop.create_task(self._serve(handler), name="bitmart book handler")
        self._wire.keep(task)
        return handler

    async def _serve(self, handler: Callable[[BookChange], object]) -> None:
        run: Callable[[BookChange], Coroutine[object, object, object]] = handler  # type: ignore[assignment]
        async for change in self.changes():
            try:
                await run(change)
            except asyncio.CancelledError:
                if being_cancelled():
                    raise
                self._wire.failed(let_out(handler), handler, change)
            except Exception as error:
                self._wire.failed(error, handler, change)

    async def aclose(self) -> None:
        """Leave the topic; reads raise from now on. Idempotent."""
        self._close(None)
        if self._subscription is not None:
            await self._subscription.unsubscribe()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        trouble = self.trouble
        state = trouble.value if trouble is not None else f"version {self._core.last_version}"
        return f"<LiveOrderBook {self.topic.text} {state}>"

    # What the client says ------------------------------------------------------------------------

    def _take(self, update: Update[object]) -> None:
        """An update of the topic, straight from the read."""
        result = self._core.apply(update)
        if result is _APPLIED or result is _SNAPSHOT:
            self._heard = self._loop.time()
            self._probed = self._silent_told = False
            if result is _SNAPSHOT:
                self._in_order()
            self._tell()
        elif result is BookResult.QUIET:
            was_silent, self._heard = self._silent, self._loop.time()
            self._probed = self._silent_told = False
            if was_silent:
                self._tell()
        elif result in _LOSSES:
            self._lost(self._core.trouble or BookTrouble.GAP)

    def _begin(self, subscription: Subscription[object], late: bool) -> None:
        """The topic is subscribed; ``late``: it already was, so no snapshot comes by itself."""
        self._subscription = subscription
        when_ended(subscription, self._close)
        if not subscription.topics:
            self._close(None)
        elif self._core.trouble is None:
            self._look_later()
        elif late or self._core.trouble is not BookTrouble.WAITING:
            self._ask()
        else:
            self._ask_later()

    def _disconnected(self) -> None:
        """The connection is lost: what comes next is of another one."""
        if self._outside is not None:
            return
        self._core.reset()
        self._outside = BookTrouble.DISCONNECTED
        self._troubles[BookTrouble.DISCONNECTED] += 1
        self._attempts = self._rounds = 0
        self._schedule(None)
        self._tell()

    def _overslept(self, seconds: float) -> None:
        """The machine slept for so long: what is known is older than its timers say."""
        limit = self._stale_after
        if limit is None or seconds < limit or self.trouble is not None:
            return
        self._heard, self._probed, self._silent_told = self._loop.time() - limit, True, True
        self._lost(BookTrouble.SILENT)

    def _connected(self) -> None:
        """The topic is held again: its snapshot has come, or is due."""
        if self._outside in _AWAY and not self._ended:
            self._ask_later()

    def _refused(self, error: Exception) -> None:
        """The exchange refuses the topic, which it had served; it is asked for again."""
        if self._ended:
            return
        self._disconnected()
        self._outside, self._refusal = BookTrouble.REFUSED, str(error)
        self._troubles[BookTrouble.REFUSED] += 1
        self._schedule(None)
        self._tell()

    def _close(self, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended, self._outside = True, BookTrouble.CLOSED
        if isinstance(error, SubscriptionRefused):
            self._outside, self._refusal = BookTrouble.REFUSED, str(error)
        self._schedule(None)
        if error is not None:
            self._wire.log.warning("the book of %s ended: %s", self.topic.text, error)
        self._tell()

    # Repair --------------------------------------------------------------------------------------

    def _lost(self, trouble: BookTrouble) -> None:
        """It cannot be read until a snapshot comes: say so, and ask for one."""
        self._troubles[trouble] += 1
        self.resyncs += 1
        self._wire.resync(not_ready(self.topic.text, trouble, "A snapshot is asked for."))
        self._tell()
        if self._subscription is not None and self._attempts < _REQUESTS:
            self._ask()  # further ones wait for their turn: a snapshot that is bad itself must not be a loop

    def _in_order(self) -> None:
        self._attempts = self._rounds = 0
        if self._outside in _AWAY and not self._ended:
            self._outside = None
        if self._subscription is not None:
            self._look_later()

    def _overdue(self) -> None:
        """No snapshot came in time; where an update made it readable meanwhile, none is needed."""
        if self.trouble is None:
            self._in_order()
        else:
            self._ask()

    def _ask(self) -> None:
        """Ask for a snapshot, in the way that is due."""
        self._attempts += 1
        if self._attempts <= _REQUESTS:
            self._wire.request(self.topic.text)
        else:
            self._wire.log.warning("no snapshot of %s came; it is subscribed anew", self.topic.text)
            self._attempts = 0
            self._rounds += 1
            self._core.reset()
            self._wire.renew(self.topic.text)
        self._ask_later()

    def _ask_later(self) -> None:
        doublings = min(self._rounds, _MOST_DOUBLINGS)
        self._schedule(self._loop.time() + self._wire.patience * 2.0**doublings, self._overdue)

    @property
    def _silent(self) -> bool:
        limit = self._stale_after
        return limit is not None and self._loop.time() - self._heard >= limit

    def _look_later(self) -> None:
        limit = self._stale_after
        if limit is None:
            due = self._loop.time() + _LOOK_SECONDS
        else:
            due = self._heard + (limit if self._probed else limit / 2)
        self._schedule(max(due, self._loop.time() + _SHORTEST_LOOK), self._look)

    def _look(self) -> None:
        """Whether it is still heard of, and whether its window is worn."""
        if self._silent:
            if not self._silent_told:
                self._silent_told = True
                self._lost(BookTrouble.SILENT)
            return
        limit = self._stale_after
        quiet = limit is not None and self._loop.time() - self._heard >= limit / 2
        if (quiet and not self._probed) or self._core.worn:
            self._probed = quiet
            self._wire.request(self.topic.text)
        self._look_later()

    def _schedule(self, due: float | None, then: Callable[[], None] | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None and then is not None:
            self._timer = self._loop.call_at(due, then)

    # Telling -------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """The state changed: wake who waits for it."""
        if self._waiting:
            for waiter in self._waiting:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiting.clear()
        for watcher in self._watchers:
            watcher.unseen += 1
            watcher.wake()
        if self._handlers:
            change = self._change(0)
            for handler in self._handlers:
                handler(change)

    def _change(self, merged: int) -> BookChange:
        trouble, core = self.trouble, self._core
        return BookChange(
            ready=trouble is None,
            reason=trouble,
            version=core.last_version,
            updated_ms=core.pushed_ms,
            best_bid=core.best_bid if trouble is None else None,
            best_ask=core.best_ask if trouble is None else None,
            merged=merged,
        )

    def _serving(self) -> BookReads:
        trouble = self.trouble
        if trouble is not None:
            advice = _CLOSED_ADVICE if self._ended else _ADVICE
            if trouble is BookTrouble.REFUSED:
                advice = f"{self._refusal}. {advice}"
            raise not_ready(self.topic.text, trouble, advice)
        return self._core
