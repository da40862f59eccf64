"""What subscribe() returns: topics that belong together, and their updates as an async iterator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, cast

from bitmart_async.errors import ParameterError
from bitmart_async.text import first_few

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType
    from typing import Self

    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.mailbox import Mailbox
    from bitmart_async.websocket.routes import RawSink, Sink

__all__ = ["Subscription"]

DataT_co = TypeVar("DataT_co", covariant=True)


class Subscription(Generic[DataT_co]):
    """Live topics of one subscribe() call.

    Iterate it (once, from one task) when neither handler nor raw was given. Iteration ends when its topics are
    unsubscribed or the client is closed, and raises when the exchange takes them away. Topics are
    shared: two subscriptions of one topic cost one subscription on the wire, and each gets every update.
    """

    def __init__(
        self,
        topics: tuple[str, ...],
        sink: Sink | None,
        mailbox: Mailbox[Update[object]] | None,
        leave: Callable[[Subscription[object]], Awaitable[None]],
        raw_sink: RawSink | None = None,
    ) -> None:
        self._topics = dict.fromkeys(topics)
        self._sink = sink
        self.raw_sink = raw_sink
        """Where the frames of its topics go, when it wants frames."""
        self._mailbox = mailbox
        self._leave = leave
        self._iterable = True
        self.given = False
        """Whether subscribe() has returned: what is refused before that it raises itself."""
        self.stale_after: float | None = None
        """Seconds its topics may be without data; None: the client's option counts."""
        self.ended: Callable[[Exception | None], None] | None = None
        """Told when the last topic is gone, with the reason where there is one."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics it still has."""
        return tuple(self._topics)

    @property
    def dropped(self) -> int:
        """Updates lost because the consumer fell behind; see ``overflow=``."""
        return self._mailbox.dropped if self._mailbox is not None else 0

    @property
    def queued(self) -> int:
        """Updates waiting for the consumer."""
        return len(self._mailbox) if self._mailbox is not None else 0

    @property
    def queued_since_ns(self) -> int | None:
        """When the oldest update that waits for the consumer was received, Unix ns; None: none waits."""
        oldest = self._mailbox.oldest if self._mailbox is not None else None
        return oldest.received_ns if oldest is not None else None

    async def unsubscribe(self) -> None:
        """Leave all topics; returns when the exchange has confirmed those nobody else has. Idempotent."""
        await self._leave(cast("Subscription[object]", self))

    def __aiter__(self) -> Self:
        if self._mailbox is None or not self._iterable:
            raise ParameterError(
                "this subscription has a handler, which gets its updates; "
                "subscribe without handler= to iterate"
            )
        return self

    def __anext__(self) -> Coroutine[object, object, Update[DataT_co]]:
        """The next update.

        Raises:
            SlowConsumer: Under ``overflow="raise"``: updates were lost; iteration can go on.
            SubscriptionRefused: The exchange took a topic away: it had accepted it, and then refused it for
                ten minutes. While others are left, iteration can go on.
            LoginRefused: The exchange no longer accepts the keys.
        """
        if self._mailbox is None or not self._iterable:
            raise ParameterError("this subscription has a handler; it cannot be iterated")
        return cast("Coroutine[object, object, Update[DataT_co]]", self._mailbox.get())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.unsubscribe()

    def __repr__(self) -> str:
        return f"<Subscription {first_few(self.topics) or 'without topics'}>"

    # Used by the client ----------------------------------------------------------------------

    @property
    def sink(self) -> Sink | None:
        """Where its updates go, unless it wants frames."""
        return self._sink

    def serve_handler(self) -> Mailbox[Update[object]] | None:
        """The mailbox of an async handler; it is then not for iterating."""
        self._iterable = False
        return self._mailbox

    def lose(self, topic: str, error: Exception | None = None) -> None:
        """A topic is gone; with the last one the iteration ends."""
        known = topic in self._topics
        self._topics.pop(topic, None)
        if self._topics:
            told = known and self.given and error is not None
            if told and self._mailbox is not None and self._iterable:
                assert error is not None
                self._mailbox.note(error)
            return
        if self._mailbox is not None:
            self._mailbox.close(error)
        ended, self.ended = self.ended, None
        if ended is not None:
            ended(error)
