"""The live books of one client: how one is opened, and what each hears of its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.errors import SubscriptionRefused
from bitmart_async.websocket.events import Event
from bitmart_async.websocket.order_books import BookWire, LiveOrderBook

if TYPE_CHECKING:
    import asyncio
    import logging
    from collections.abc import Awaitable, Callable, Iterable

    from bitmart_async.errors import BookNotReady
    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.listeners import Listeners
    from bitmart_async.websocket.order_books import BookPort
    from bitmart_async.websocket.pool import Pool
    from bitmart_async.websocket.subscription import Subscription
    from bitmart_async.websocket.topics import Topic

__all__ = ["LiveBooks"]


class LiveBooks:
    """See the module's text.

    Args:
        subscribe: Subscribes a topic with a plain handler.
        keep: Holds a task until it is done.
        patience: Seconds for an answer of the exchange.
    """

    def __init__(
        self,
        pool: Pool,
        listeners: Listeners,
        *,
        subscribe: Callable[
            [Topic[object], Callable[[Update[object]], None]], Awaitable[Subscription[object]]
        ],
        keep: Callable[[asyncio.Task[None]], None],
        patience: float,
        logger: logging.Logger,
    ) -> None:
        self._pool = pool
        self._listeners = listeners
        self._subscribe = subscribe
        self._keep = keep
        self._patience = patience
        self._log = logger
        self._by_topic: dict[str, list[BookPort]] = {}
        self._listening = False

    async def open(self, topic: str | Topic[object], stale_after: float | None) -> LiveOrderBook:
        """A new book; returns when its topic is subscribed."""
        wire = self._wire()
        book = LiveOrderBook(topic, wire, stale_after)
        port, text = wire.port, book.topic.text
        self._listen()
        late = self._pool.holding(text) is not None
        self._living([text])  # forgets those that are closed
        self._by_topic.setdefault(text, []).append(port)
        try:
            subscription = await self._subscribe(book.topic, port.take)
        except BaseException:
            self._forget(text, port)
            raise
        port.begin(subscription, late)
        return book

    # What a book asks for ------------------------------------------------------------------------

    def _wire(self) -> BookWire:
        return BookWire(
            request=self._request,
            renew=self._renew,
            resync=self._tell_resync,
            failed=self._listeners.handler_failed,
            keep=self._keep,
            patience=self._patience,
            logger=self._log,
        )

    def _request(self, text: str) -> None:
        connection = self._pool.holding(text)
        if connection is not None:
            connection.request(text)

    def _renew(self, text: str) -> None:
        connection = self._pool.holding(text)
        if connection is not None:
            connection.renew(text)

    def _tell_resync(self, error: BookNotReady) -> None:
        connection = self._pool.holding(error.topic)
        self._listeners.emit(
            Event(
                name="resync",
                connection=connection.name if connection is not None else "",
                generation=connection.generation if connection is not None else 0,
                topics=(error.topic,),
                error=error,
            )
        )

    # What a book hears ---------------------------------------------------------------------------

    def _listen(self) -> None:
        """Hear of lost and found connections, from the first book on."""
        if self._listening:
            return
        self._listening = True
        for name, hear in (
            ("reconnecting", self._disconnected),
            ("close", self._disconnected),
            ("live", self._connected),
            ("gap", self._missed),
            ("exception", self._refused),
        ):
            self._listeners.add_plain(name, hear)

    def _disconnected(self, event: Event) -> None:
        for book in self._living(event.topics):
            book.disconnected()

    def _connected(self, event: Event) -> None:
        for book in self._living(event.topics):
            book.connected()

    def _refused(self, event: Event) -> None:
        if isinstance(event.error, SubscriptionRefused):
            for book in self._living(event.topics):
                book.refused(event.error)

    def _missed(self, event: Event) -> None:
        if isinstance(event.error, SubscriptionRefused):  # the topic had been refused, and is back
            self._connected(event)
        elif event.gap is not None and event.gap.seconds > 0:  # of a frame that cannot be read it is none
            for book in self._living(event.topics):
                book.overslept(event.gap.seconds)

    def _living(self, texts: Iterable[str]) -> list[BookPort]:
        """The books of topics; those that are closed are forgotten."""
        found: list[BookPort] = []
        for text in texts:
            living = [book for book in self._by_topic.pop(text, ()) if not book.ended()]
            if living:
                self._by_topic[text] = living
                found += living
        return found

    def _forget(self, text: str, book: BookPort) -> None:
        books = self._by_topic.get(text, [])
        if book in books:
            books.remove(book)
