"""Ten minutes of a hard life in virtual time: every event seen exactly once, or its loss announced.

``BITMART_LIFE_SEED`` and ``BITMART_LIFE_SEEDS`` choose the first seed and how many; a failure prints its
seed. Further actors join in ``ACTORS``: each gets the life, and is asked at the end. A live order book is
one of them; its pushes are also lost, repeated, swapped and spoilt.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async import BookNotReady, BookTrouble, WebsocketClient
from bitmart_async.errors import BitMartError
from tests.conftest import KEYS
from tests.fast_time import JumpingLoop, run_on
from tests.paper_book import PaperBook
from tests.paper_exchange import LATENCY, PaperExchange
from tests.scripted_ws import our_tasks
from tests.wall_clock import set_wall_clock

if TYPE_CHECKING:
    from bitmart_async.websocket.events import Event, Update

_FIRST = int(os.environ.get("BITMART_LIFE_SEED", "1"))
_SEEDS = range(_FIRST, _FIRST + int(os.environ.get("BITMART_LIFE_SEEDS", "2")))
_SECONDS = 600.0
_STALE = 5.0
_PUBLIC = [f"spot/trade:P{number}_USDT" for number in range(5)]
_PRIVATE = [f"spot/trade:Q{number}_USDT" for number in range(3)]
"""Subscribed as private: their form does not matter here, their socket and login do."""


class Life:
    """One client, one exchange, one random schedule of faults, and the books about both."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.exchange = PaperExchange()
        silent = logging.Logger(
            "life", level=logging.CRITICAL + 1
        )  # frames that are not traced go the fast way
        self.ws = WebsocketClient(
            **KEYS, ping_interval=5.0, pong_timeout=3.0, reconnect_delay=(0.2, 5.0), logger=silent
        )
        self.exchange.serve(self.ws)
        self.seen: dict[int, int] = {}
        self.events: list[tuple[float, Event]] = []
        self.mutes: list[tuple[str, float, float]] = []
        self.done: list[str] = []
        for name in ("live", "stale", "gap", "response", "exception", "close", "reconnecting"):
            self.ws.on(name)(lambda event: self.events.append((self.now, event)))

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def see(self, update: Update[Any]) -> None:
        number = int(update.data.size)
        self.seen[number] = self.seen.get(number, 0) + 1

    # Faults

    async def cut(self) -> None:
        """Lose one socket, or all."""
        victims = sorted(self.exchange.sockets, key=lambda socket: socket.kind)
        for victim in victims if self.random.random() < 0.2 else victims[:1] if victims else ():
            victim.abort()

    async def stall(self) -> None:
        """One socket falls silent and stays open."""
        sockets = sorted(self.exchange.sockets, key=lambda socket: socket.kind)
        if sockets:
            self.random.choice(sockets).stalled = True

    async def mute(self) -> None:
        """One public topic brings nothing for longer than its limit, while pongs go on."""
        topic = self.random.choice(_PUBLIC)
        began = self.now
        self.exchange.muted.add(topic)
        await asyncio.sleep(self.random.uniform(_STALE + 1, 4 * _STALE))
        self.exchange.muted.discard(topic)
        self.mutes.append((topic, began, self.now))

    async def refuse(self) -> None:
        """Nobody gets in for some seconds, and somebody has to."""
        self.exchange.refused = "maintenance"
        await self.cut()
        await asyncio.sleep(self.random.uniform(0.5, 8.0))
        self.exchange.refused = ""

    async def swallow(self) -> None:
        """The next requests are lost, and a socket with them so that there are some."""
        self.exchange.swallow = self.random.randint(1, 2)
        await self.cut()

    async def rotate(self) -> None:
        """All sockets are replaced as planned, or the try is told to have failed."""
        with contextlib.suppress(BitMartError):
            await self.ws.rotate()

    async def come_and_go(self) -> None:
        """A further topic for a moment."""
        with contextlib.suppress(BitMartError):
            other = await self.ws.subscribe("spot/trade:R_USDT")
            await asyncio.sleep(self.random.uniform(0.0, 2.0))
            await other.unsubscribe()

    # The whole

    async def live(self) -> None:
        faults = [self.cut, self.stall, self.mute, self.refuse, self.swallow, self.rotate, self.come_and_go]
        async with self.ws:
            await self.ws.subscribe(_PUBLIC, handler=self.see, stale_after=_STALE)
            await self.ws.subscribe(_PRIVATE, handler=self.see, is_private=True)
            actors = [actor() for actor in ACTORS]
            for actor in actors:
                await actor.begin(self)
            market = asyncio.create_task(self._publish())
            ends = self.now + _SECONDS
            while self.now < ends:
                await asyncio.sleep(self.random.expovariate(1 / 6.0))
                fault = self.random.choice(faults)
                self.done.append(fault.__name__)
                await fault()
            await asyncio.sleep(60.0)  # calm
            for actor in actors:
                await actor.end(self)
            market.cancel()
            self.exchange.release()
            await asyncio.sleep(1.0)
            self._check()
            for actor in actors:
                actor.check(self)
        assert our_tasks() == []

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(self.random.expovariate(20.0))
            copies = 1 if self.random.random() < 0.02 else 0
            hold_back = self.random.random() < 0.02
            self.exchange.publish(self.random.choice(_PUBLIC + _PRIVATE), copies=copies, hold_back=hold_back)

    def _check(self) -> None:
        health = self.ws.health()
        assert health.live, health
        names = {one.topic: one_of.name for one_of in health.connections for one in one_of.topics}
        gaps = [
            (event.connection, event.gap.started_ns / 1e9 - 5 * LATENCY, event.gap.ended_ns / 1e9)
            for _, event in self.events
            if event.gap is not None
        ]
        stale = [(text, at) for at, event in self.events if event.name == "stale" for text in event.topics]
        renewals = [(text, at, self._acknowledged(text, at)) for text, at in stale]
        lost = 0
        for at, topic, number in self.exchange.published:
            seen = self.seen.get(number, 0)
            assert seen <= 1 + self.exchange.copies.get(number, 0), f"{topic} {number} was seen {seen} times"
            if seen:
                continue
            lost += 1
            told = any(name == names[topic] and start <= at <= end for name, start, end in gaps)
            muted = any(text == topic and start <= at <= end for text, start, end in self.mutes)
            renewed = any(text == topic and start <= at <= end for text, start, end in renewals)
            assert told or muted or renewed, f"{topic} {number} at {at:.3f} was lost and nobody said so"
        for topic, start, end in self.mutes:
            whole = [
                event for at, event in self.events if event.name == "reconnecting" and start - 10 <= at <= end
            ]
            assert whole or any(text == topic and start <= at <= end + 1 for text, at in stale), (
                topic,
                start,
                end,
            )
        assert len(self.exchange.published) > 8000
        assert lost < len(self.exchange.published) * 0.4  # it did live, most of the time
        assert len(set(self.done)) == 7

    def _acknowledged(self, text: str, after: float) -> float:
        """When a topic that was asked for anew was acknowledged, there or on the next socket."""
        return min(
            at
            for at, event in self.events
            if at > after
            and text in event.topics
            and (event.name == "live" or event.operation == "subscribe")
        )


class Actor:
    """Something else that lives this life."""

    async def begin(self, life: Life) -> None:
        """Subscribe what it needs."""

    async def end(self, life: Life) -> None:
        """Come to rest."""

    def check(self, life: Life) -> None:
        """Assert what it promises, after a minute of calm."""


class BookActor(Actor):
    """A live order book: whatever it serves is what the exchange had at that version, and not long ago."""

    _OLDEST = 10.0
    """Seconds: a dead socket is noticed by then (a ping every 5 s, 3 s for an answer)."""

    async def begin(self, life: Life) -> None:
        self.paper = PaperBook("BOOK_USDT", life.random)
        self.versions: dict[int, float] = {}
        life.exchange.books[self.paper.topic] = self.paper
        self.book = await life.ws.order_book(self.paper.topic)
        self.wrong: list[AssertionError] = []
        self.book.on_change(lambda change: self._read_in_handler(life))
        self.served = self.refused = 0
        self.pushing = asyncio.create_task(self._push(life))

    async def _push(self, life: Life) -> None:
        held_back: list[str] = []
        while True:
            await asyncio.sleep(life.random.expovariate(5.0))
            fault = life.random.random()
            frame = self.paper.crossed() if fault < 0.005 else self.paper.move()
            self.versions[self.paper.version] = life.now
            if 0.005 <= fault < 0.015:
                continue  # lost
            if 0.015 <= fault < 0.03 and not held_back:
                held_back.append(frame)
                continue
            frames = [frame, frame] if 0.03 <= fault < 0.05 else [frame]
            life.exchange.push(self.paper.topic, *frames, *held_back)
            held_back.clear()
            self.read(life)

    def read(self, life: Life) -> None:
        """Read it as a bot would, at any moment."""
        try:
            seen = self.book.snapshot()
        except BookNotReady:
            self.refused += 1
            return
        self.served += 1
        assert (list(seen.bids), list(seen.asks)) == self.paper.history[seen.version], seen.version
        following = self.versions.get(seen.version + 1, life.now)
        assert life.now - following <= self._OLDEST, f"served {life.now - following:.1f} s after it was past"

    def _read_in_handler(self, life: Life) -> None:
        try:
            self.read(life)
        except AssertionError as error:  # the client would keep what a handler raises
            self.wrong.append(error)

    async def end(self, life: Life) -> None:
        self.pushing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.pushing  # what a read found wrong is raised here
        life.exchange.push(self.paper.topic, self.paper.move())
        await asyncio.sleep(20.0)

    def check(self, life: Life) -> None:
        self.read(life)
        assert not self.wrong, self.wrong[0]
        assert self.book.version == self.paper.version
        assert self.served > 2000
        assert self.refused > 0
        assert self.book.gaps > 5
        assert self.book.troubles[BookTrouble.CROSSED] > 0


ACTORS: list[type[Actor]] = [BookActor]


@pytest.mark.parametrize("seed", _SEEDS)
def test_ten_minutes_of_a_hard_life(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts, stalls, mutes, refusals, lost answers, copies, swaps and rotations: nothing lost unsaid."""
    print(f"BITMART_LIFE_SEED={seed}")

    def wall() -> int:
        return int(asyncio.get_running_loop().time() * 1e9)

    set_wall_clock(monkeypatch, wall)
    state = random.getstate()
    random.seed(seed)  # the client's jitter
    try:
        run_on(JumpingLoop, lambda: Life(seed).live())
    finally:
        random.setstate(state)
