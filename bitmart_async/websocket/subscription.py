"""What subscribe() returns: topics that belong together, and their updates as an async iterator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, cast

from bitmart_async.errors import ParameterError
from bitmart_async.text import first_few

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from types import TracebackType
    from typing import Self

    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.feeds import RawSink, Sink
    from bitmart_async.websocket.mailbox import Mailbox

__all__ = ["Member", "Subscription", "when_ended"]

DataT_co = TypeVar("DataT_co", covariant=True)


class Member:
    """A subscription as its client holds it: who gets what, and how it ends."""

    def __init__(
        self,
        topics: tuple[str, ...],
        sink: Sink | None,
        mailbox: Mailbox[Update[object]] | None,
        raw_sink: RawSink | None = None,
    ) -> None:
        self.topics = dict.fromkeys(topics)
        """Those it still has, in order."""
        self.sink = sink
        """Where its updates go, unless it wants frames."""
        self.raw_sink = raw_sink
        """Where the frames of its topics go, when it wants frames."""
        self.mailbox = mailbox
        self.iterable = mailbox is not None
        """False when a handler is served from the mailbox."""
        self.given = False
        """Whether subscribe() has returned: what is refused before that it raises itself."""
        self.stale_after: float | None = None
        """Seconds its topics may be without data; None: the client's option counts."""
        self.ended: Callable[[Exception | None], None] | None = None
        """Told when the last topic is gone, with the reason where there is one."""

    @property
    def queued(self) -> int:
        """Updates waiting for the consumer."""
        return len(self.mailbox) if self.mailbox is not None else 0

    @property
    def queued_since_ns(self) -> int | None:
        """When the oldest update that waits was received, Unix ns; None: none waits."""
        oldest = self.mailbox.oldest if self.mailbox is not None else None
        return oldest.received_ns if oldest is not None else None

    @property
    def dropped(self) -> int:
        """Updates lost because the consumer fell behind."""
        return self.mailbox.dropped if self.mailbox is not None else 0

    def lose(self, topic: str, error: Exception | None = None) -> None:
        """A topic is gone; with the last one the iteration ends."""
        known = topic in self.topics
        self.topics.pop(topic, None)
        if self.topics:
            if known and self.given and error is not None and self.iterable and self.mailbox is not None:
                self.mailbox.note(error)
            return
        if self.mailbox is not None:
            self.mailbox.close(error)
        ended, self.ended = self.ended, None
        if ended is not None:
            ended(error)


class Subscription(Generic[DataT_co]):
    """Live topics of one subscribe() call.

    Iterate it (once, from one task) when neither handler nor raw was given. Iteration ends when its topics are
    unsubscribed or the client is closed, and raises when the exchange takes them away. Topics are
    shared: two subscriptions of one topic cost one subscription on the wire, and each gets every update.
    """

    def __init__(self, member: Member, leave: Callable[[Member], Awaitable[None]]) -> None:
        self._member = member
        self._leave = leave

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics it still has."""
        return tuple(self._member.topics)

    @property
    def dropped(self) -> int:
        """Updates lost because the consumer fell behind; see ``overflow=``."""
        return self._member.dropped

    @property
    def queued(self) -> int:
        """Updates waiting for the consumer."""
        return self._member.queued

    async def unsubscribe(self) -> None:
        """Leave all topics; returns when the exchange has confirmed those nobody else has. Idempotent."""
        await self._leave(self._member)

    def __aiter__(self) -> AsyncIterator[Update[DataT_co]]:
        return self._iterated()  # itself: one call less per update

    def __anext__(self) -> Coroutine[object, object, Update[DataT_co]]:
        """The next update.

        Raises:
            SlowConsumer: Under ``overflow="raise"``: updates were lost; iteration can go on.
            SubscriptionRefused: The exchange took a topic away: it had accepted it, and then refused it for
                ten minutes. While others are left, iteration can go on.
            LoginRefused: The exchange no longer accepts the keys.
        """
        return self._iterated().get()

    def _iterated(self) -> Mailbox[Update[DataT_co]]:
        mailbox = self._member.mailbox
        if mailbox is None or not self._member.iterable:
            raise ParameterError(
                "this subscription has a handler, which gets its updates; it cannot be iterated. Subscribe "
                "without handler= to iterate"
            )
        return cast("Mailbox[Update[DataT_co]]", mailbox)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.unsubscribe()

    def __repr__(self) -> str:
        return f"<Subscription {first_few(self.topics) or 'without topics'}>"


def when_ended(subscription: Subscription[object], told: Callable[[Exception | None], None]) -> None:
    """Call a function when the last topic of a subscription is gone, with the reason where there is one."""
    subscription._member.ended = told  # pyright: ignore[reportPrivateUsage]
