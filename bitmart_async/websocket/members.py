"""Which subscriptions have which topics: how they come to them, share them, and lose them.

A topic is on the wire once, whoever has it. The last subscription that leaves it takes it from the wire.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bitmart_async.errors import ClientClosed, SubscriptionRefused
from bitmart_async.websocket.advice import advice
from bitmart_async.websocket.pool import Kind
from bitmart_async.websocket.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bitmart_async.errors import BitMartError
    from bitmart_async.websocket.connection import Connection
    from bitmart_async.websocket.feeds import Sink
    from bitmart_async.websocket.pool import Pool
    from bitmart_async.websocket.subscription import Member
    from bitmart_async.websocket.topics import Topic

__all__ = ["Members", "Refusals", "refusals_in"]

_MOST_ADVISED = 3
"""Refused topics about which an error says what looks wrong."""


class Members:
    """The subscriptions of one client.

    Args:
        stale_after: Seconds a public topic may be silent, where its subscriptions do not say.
    """

    def __init__(self, pool: Pool, stale_after: float | None) -> None:
        self._pool = pool
        self._stale_after = stale_after
        self._by_topic: dict[str, list[Member]] = {}
        self._for_all: list[Sink] = []
        """Who gets the updates of every topic."""

    # How they come -------------------------------------------------------------------------------

    async def join(self, member: Member, topics: Iterable[Topic[object]]) -> Subscription[object]:
        """Give topics to a subscription; returns when every one is acknowledged.

        Raises:
            SubscriptionRefused: Some are refused; the others stay.
            BitMartError: No socket, no login; none stays.
        """
        answers = {topic.text: self._place(member, topic) for topic in topics}
        try:
            await asyncio.wait(answers.values())
            member.given = True
            refused = refusals_in(answers)
        except BaseException:
            self._withdraw(member, answers)
            raise
        subscription: Subscription[object] = Subscription(member, self.leave)
        if refused:
            self._withdraw(member, refused.why)  # where others have it, it stays theirs
            raise refused.error(subscription if subscription.topics else None)
        return subscription

    def _place(self, member: Member, topic: Topic[object]) -> asyncio.Future[None]:
        text = topic.text
        connection = self._pool.holding(text) or self._pool.with_room(Kind(topic.market, topic.private))
        self._by_topic.setdefault(text, []).append(member)
        connection.routes.add(topic)
        self._serve(text, connection)
        return connection.want(topic)

    def give_all(self, sink: Sink) -> None:
        """Hand over every update of every topic from now on."""
        self._for_all.append(sink)
        for connection in self._pool:
            for route in connection.routes.all():
                self._serve(route.text, connection)

    def _serve(self, text: str, connection: Connection) -> None:
        """Tell a connection who gets a topic, and how long it may be silent."""
        route = connection.routes.get(text)
        if route is not None:
            members = self._by_topic.get(text, ())
            sinks = [member.sink for member in members if member.sink is not None]
            raw_sinks = [member.raw_sink for member in members if member.raw_sink is not None]
            connection.routes.serve(text, (*sinks, *self._for_all), tuple(raw_sinks))
            connection.limit_silence(text, self._limit_of(route.topic))

    def _limit_of(self, topic: Topic[object]) -> float | None:
        """How long a topic may be silent: the least that any of its subscriptions asked for."""
        members = self._by_topic.get(topic.text, ())
        asked = [member.stale_after for member in members if member.stale_after is not None]
        return min(asked, default=None if topic.private else self._stale_after)

    # How they go ---------------------------------------------------------------------------------

    async def leave(self, member: Member) -> None:
        """Take all topics from a subscription; returns when the exchange has confirmed."""
        await _all_done(self._withdraw(member, tuple(member.topics)))

    async def disband(self, topics: Iterable[Topic[object]]) -> None:
        """Take topics from all who have them; returns when the exchange has confirmed."""
        gone: list[asyncio.Future[None]] = []
        for topic in topics:
            self._lose(topic.text)
            gone += self._unwant(topic.text)
        await _all_done(gone)

    def lost(self, text: str, error: BitMartError) -> None:
        """The exchange no longer serves a topic."""
        self._lose(text, error)

    def end(self) -> None:
        """The client is closed: nobody iterates it for ever."""
        for text in tuple(self._by_topic):
            self._lose(text)

    def _lose(self, text: str, error: BitMartError | None = None) -> None:
        for member in self._by_topic.pop(text, ()):
            member.lose(text, error)

    def _withdraw(self, member: Member, texts: Iterable[str]) -> list[asyncio.Future[None]]:
        """Take topics from a subscription; the futures of those nobody else has."""
        gone: list[asyncio.Future[None]] = []
        for text in texts:
            others = self._by_topic.get(text, [])
            if member in others:
                others.remove(member)
            member.lose(text)
            if not others:
                self._by_topic.pop(text, None)
                gone += self._unwant(text)
            elif (connection := self._pool.holding(text)) is not None:
                self._serve(text, connection)
        return gone

    def _unwant(self, text: str) -> list[asyncio.Future[None]]:
        connection = self._pool.holding(text)
        return [connection.unwant(text)] if connection is not None else []

    # How they are --------------------------------------------------------------------------------

    def load(self, text: str) -> tuple[int, int, int | None]:
        """Updates waiting for a topic's consumers (the fullest queue), dropped by all, and since when one waits."""
        members = self._by_topic.get(text, ())
        since = [one.queued_since_ns for one in members if one.queued_since_ns is not None]
        waiting = max((one.queued for one in members), default=0)
        return waiting, sum(one.dropped for one in members), min(since, default=None)


class Refusals:
    """The topics of one call that were refused; true when there are any."""

    def __init__(self) -> None:
        self.why: dict[str, str] = {}
        """By topic."""
        self.code: int | None = None

    def __bool__(self) -> bool:
        return bool(self.why)

    def add(self, error: SubscriptionRefused) -> None:
        """One more."""
        self.why.update(error.refused)
        self.code = error.code

    def error(self, left: Subscription[object] | None) -> SubscriptionRefused:
        """What is raised; ``left`` has the topics that were accepted."""
        listed = "; ".join(f"{text}: {why}" for text, why in self.why.items())
        kept = "the other topics of the call are subscribed" if left is not None else "none is subscribed"
        advised = " ".join(map(advice, list(self.why)[:_MOST_ADVISED]))
        return SubscriptionRefused(
            f"the exchange refused {listed} ({kept}). {advised}",
            refused=self.why,
            subscription=left,
            code=self.code,
        )


def refusals_in(answers: Mapping[str, asyncio.Future[None]]) -> Refusals:
    """Which topics were refused. Raises the first error that is no refusal of a topic."""
    refused = Refusals()
    for text, answer in answers.items():
        if answer.cancelled():
            raise ClientClosed(
                f"{text} was given up before it was acknowledged: it was unsubscribed or "
                f"the client closed meanwhile"
            )
        error = answer.exception()
        if isinstance(error, SubscriptionRefused):
            refused.add(error)
        elif error is not None:
            raise error
    return refused


async def _all_done(futures: list[asyncio.Future[None]]) -> None:
    if futures:
        await asyncio.wait(futures)
