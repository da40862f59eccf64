"""Live order books on real sockets: what the stream loses, reorders and spoils is never served."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async.book import BookTrouble
from bitmart_async.errors import BookNotReady, ParameterError, TopicError
from bitmart_async.numbers import level
from bitmart_async.rest.clients import FuturesClientV2
from bitmart_async.sandbox import Sandbox
from bitmart_async.websocket import refused
from bitmart_async.websocket.client import WebsocketClient
from tests.scripted_ws import FAST, our_tasks, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bitmart_async.book import BookReads
    from bitmart_async.websocket.events import Event
    from bitmart_async.websocket.order_books import BookChange, LiveOrderBook

SPOT = "spot/depth/increase100:BTC_USDT"
FUTURES = "futures/depthIncrease50:BTCUSDT@100ms"
BOTH = pytest.mark.parametrize("topic", [SPOT, FUTURES])


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=20, rate_limits=False) as running:
        yield running


@pytest.fixture
async def ws(sandbox: Sandbox) -> AsyncIterator[WebsocketClient]:
    async with WebsocketClient(environment=sandbox.environment, **FAST) as client:
        yield client
    assert our_tasks() == []


def levels(book: BookReads) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Bids and asks in printed decimals."""
    bids, asks = (tuple((level(p), level(s)) for p, s in side) for side in (book.bids, book.asks))
    return bids, asks


class Witness:
    """Compares every state a book serves with what the exchange published under that version."""

    def __init__(self, sandbox: Sandbox, book: LiveOrderBook) -> None:
        self._sandbox, self._book = sandbox, book
        self._truth: dict[int, Any] = {}
        self._served: dict[int, Any] = {}
        self._task = asyncio.create_task(self._look())
        self.note()
        book.on_change(self.note)

    async def _look(self) -> None:
        while True:  # the sandbox publishes every 50 ms at most
            published = self._sandbox.book(self._book.topic.text)
            self._truth[published.version] = published
            await asyncio.sleep(0.003)

    def note(self, _: BookChange | None = None) -> None:
        if self._book.trouble is None:
            self._served[self._book.version] = levels(self._book)

    def stop(self) -> int:
        """Compare; how many states were compared."""
        self._task.cancel()
        compared = self._served.keys() & self._truth.keys()
        for version in compared:
            truth = self._truth[version]
            assert self._served[version] == (truth.bids, truth.asks), version
        return len(compared)


async def caught_up(sandbox: Sandbox, book: LiveOrderBook) -> None:
    """Wait until the book is ready and at the exchange's version; then it is the exchange's."""

    def level_with_it() -> bool:
        return book.trouble is None and book.version == sandbox.book(book.topic.text).version

    await until(level_with_it)
    truth = sandbox.book(book.topic.text)
    assert levels(book) == (truth.bids, truth.asks)


@BOTH
async def test_B1_one_update_in_a_hundred_is_lost(sandbox: Sandbox, ws: WebsocketClient, topic: str) -> None:
    """The book stops serving at each gap, asks, and is the exchange's again; it never serves another."""
    told: list[Event] = []
    ws.on("resync")(told.append)
    async with await ws.order_book(topic) as book:
        await book.ready(timeout=5)
        witness = Witness(sandbox, book)
        sandbox.faults.lose_one_in(topic, 10, seed=3)  # so that a short test meets several
        await until(lambda: book.gaps >= 2 and book.trouble is None, timeout=15)
        sandbox.faults.lose_one_in(topic, 100)
        await caught_up(sandbox, book)
        assert witness.stop() >= 5
        assert book.gaps == book.resyncs == len(told)
        assert told[0].topics == (topic,)
        assert isinstance(told[0].error, BookNotReady)
        assert told[0].error.reason == "gap"


@BOTH
async def test_B1_a_gap_is_not_served(sandbox: Sandbox, ws: WebsocketClient, topic: str) -> None:
    """While the snapshot is missing every read says why and what to do; a request that is never answered
    ends in a new subscription."""
    async with await ws.order_book(topic) as book:
        await book.ready(timeout=5)

        @book.on_change
        def hush(change: BookChange) -> None:  # before the answer can come
            if change.reason is BookTrouble.GAP:
                sandbox.faults.mute(topic)

        sandbox.faults.lose(topic)
        await until(lambda: book.trouble is BookTrouble.GAP)
        with pytest.raises(BookNotReady, match=r"updates are missing.*await ready\(\)"):
            book.best_ask  # noqa: B018
        with pytest.raises(BookNotReady):
            await book.ready(timeout=0.01)
        socket = "spot_public" if topic == SPOT else "futures_public"

        def asked_anew() -> bool:
            texts = [message.text for message in sandbox.journal.messages(socket)]
            return sum('"subscribe"' in text for text in texts) >= 2 and any(
                '"unsubscribe"' in t for t in texts
            )

        await until(asked_anew, timeout=10)
        sandbox.faults.unmute(topic)
        await book.ready(timeout=10)
        await caught_up(sandbox, book)
        requests = [m for m in sandbox.journal.messages(socket) if '"request"' in m.text]
        assert 2 <= len(requests) <= 6


def _crossed(frame: Any) -> Any:
    data = frame["data"][0] if isinstance(frame["data"], list) else frame["data"]
    low = "0.1" if isinstance(frame["data"], list) else {"price": "0.1", "vol": "3"}
    return _with(frame, data | {"asks": [*data["asks"], [low, "1"] if isinstance(low, str) else low]})


def _negative(frame: Any) -> Any:
    spot = isinstance(frame["data"], list)
    data = frame["data"][0] if spot else frame["data"]
    bad = ["0.2", "-1"] if spot else {"price": "0.2", "vol": "-1"}
    return _with(frame, data | {"bids": [*data["bids"], bad]})


def _with(frame: Any, data: Any) -> Any:
    return frame | {"data": [data] if isinstance(frame["data"], list) else data}


@BOTH
@pytest.mark.parametrize(
    ("spoiled", "why"), [(_crossed, BookTrouble.CROSSED), (_negative, BookTrouble.INVALID)]
)
async def test_B2_what_cannot_be_is_not_served(
    sandbox: Sandbox, ws: WebsocketClient, topic: str, spoiled: Any, why: BookTrouble
) -> None:
    """A crossed or negative update makes the book ask for a snapshot; no handler ever sees it crossed."""
    seen: list[BookChange] = []
    async with await ws.order_book(topic) as book:
        await book.ready(timeout=5)
        witness = Witness(sandbox, book)
        book.on_change(seen.append)
        sandbox.faults.spoil(topic, spoiled)
        await until(lambda: book.troubles.get(why) and book.trouble is None)
        await caught_up(sandbox, book)
        witness.stop()
    assert any(change.reason is why for change in seen)
    for change in seen:
        if change.ready:
            assert change.best_bid is not None
            assert change.best_ask is not None
            assert change.best_bid[0] < change.best_ask[0]


@BOTH
async def test_B3_reordered_and_repeated_updates(sandbox: Sandbox, ws: WebsocketClient, topic: str) -> None:
    """Updates that come twice or in the wrong order are dropped or kept; the book is the exchange's."""
    async with await ws.order_book(topic) as book:
        await book.ready(timeout=5)
        witness = Witness(sandbox, book)
        sandbox.faults.repeat(topic, 2)
        await asyncio.sleep(0)
        version = book.version
        await until(lambda: book.trouble is None and book.version > version + 2)
        assert book.gaps == 0
        sandbox.faults.swap(topic)
        await until(lambda: book.gaps == 1 and book.trouble is None)
        await caught_up(sandbox, book)
        assert witness.stop() >= 2


@BOTH
async def test_a_lost_connection_is_told_at_once(sandbox: Sandbox, ws: WebsocketClient, topic: str) -> None:
    """Between the cut and the new snapshot nothing can be read; then it is the exchange's book."""
    async with await ws.order_book(topic) as book:
        await book.ready(timeout=5)
        told: list[str] = []

        def read(change: BookChange) -> None:
            if change.reason is BookTrouble.DISCONNECTED:  # within it: a reconnect may take no time at all
                with pytest.raises(BookNotReady) as caught:
                    book.snapshot()
                told.append(str(caught.value))

        book.on_change(read)
        await sandbox.faults.cut()
        await until(lambda: told)
        assert "comes back by itself" in told[0]
        await book.ready(timeout=5)
        assert book.resyncs == 0
        await caught_up(sandbox, book)


async def test_a_silent_book_is_not_read(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """Asked for its state after half the time, unreadable after the whole; the first sign ends it."""
    async with await ws.order_book(FUTURES, stale_after=0.4) as book:
        await book.ready(timeout=5)
        sandbox.faults.mute(FUTURES)
        await until(lambda: book.trouble is BookTrouble.SILENT)
        with pytest.raises(BookNotReady, match="nothing has come"):
            book.mid  # noqa: B018
        await until(lambda: book.troubles.get(BookTrouble.SILENT))
        sandbox.faults.unmute(FUTURES)
        await book.ready(timeout=5)
        await caught_up(sandbox, book)


async def test_a_quiet_book_stays_readable() -> None:
    """Nobody trades: the book asks for its state now and then, and serves it."""
    async with (
        Sandbox(lively=False) as sandbox,
        WebsocketClient(environment=sandbox.environment, **FAST) as ws,
        await ws.order_book(SPOT, stale_after=0.3) as book,
    ):
        await book.ready(timeout=5)
        await asyncio.sleep(0.8)
        assert book.trouble is None
        assert not book.troubles
        asked = [m for m in sandbox.journal.messages("spot_public") if '"request"' in m.text]
        assert 3 <= len(asked) <= 8


async def test_two_books_share_a_subscription(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """The second has its snapshot by request; closing one leaves the other its topic."""
    first = await ws.order_book(FUTURES)
    await first.ready(timeout=5)
    second = await ws.order_book(FUTURES)
    await second.ready(timeout=5)
    texts = [message.text for message in sandbox.journal.messages("futures_public")]
    assert sum('"subscribe"' in text for text in texts) == 1
    await first.aclose()
    with pytest.raises(BookNotReady, match="closed"):
        await first.ready()
    await caught_up(sandbox, second)
    await second.aclose()
    await second.aclose()


async def test_changes_are_conflated(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """A slow consumer gets the newest state, and how many it stands for; closing ends the iteration."""
    book = await ws.order_book(FUTURES)
    got: list[BookChange] = []

    async def slow(change: BookChange) -> None:
        got.append(change)
        await asyncio.sleep(0.25)

    book.on_change(slow)
    await until(lambda: len(got) >= 4)
    assert got[-1].merged > 0
    assert [change.version for change in got] == sorted({change.version for change in got})
    versions = []
    async for change in book.changes():
        versions.append(change.version)
        if len(versions) == 3:
            await book.aclose()
    assert versions == sorted(versions)
    assert book.trouble is BookTrouble.CLOSED


async def test_handlers_that_raise_hurt_nobody(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """Their error is an exception event; the book goes on."""
    errors: list[Event] = []
    ws.on("exception")(errors.append)
    book = await ws.order_book(FUTURES)

    async def bad_async(_: BookChange) -> None:
        raise RuntimeError("async")

    @book.on_change
    def bad(_: BookChange) -> None:
        raise RuntimeError("plain")

    book.on_change(bad_async)
    await until(lambda: {str(event.error) for event in errors} >= {"plain", "async"})
    await caught_up(sandbox, book)


async def test_a_topic_taken_away_closes_its_book(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """Unsubscribing the topic from under it, or closing the client: reads and waits say so."""
    book = await ws.order_book(FUTURES)
    waiting = asyncio.create_task(_wait_for_end(book))
    await ws.unsubscribe(FUTURES)
    await asyncio.wait_for(waiting, 5)
    other = await ws.order_book(SPOT)
    await ws.aclose()
    with pytest.raises(BookNotReady, match="closed"):
        other.bids  # noqa: B018


async def _wait_for_end(book: LiveOrderBook) -> None:
    async for _ in book.changes():
        pass


async def test_what_cannot_be_a_book(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """Refused before anything is sent."""
    with pytest.raises(TopicError):
        await ws.order_book("spot/depth20:BTC_USDT")
    with pytest.raises(ParameterError, match="stale_after"):
        await ws.order_book(SPOT, stale_after=0)
    assert not sandbox.journal.messages("spot_public")


async def test_a_hundred_books_at_once() -> None:
    """Books of every contract at every depth and speed: all ready; after a cut ready again, each the truth."""
    async with (
        Sandbox(lively=False, symbols="all") as sandbox,
        WebsocketClient(environment=sandbox.environment, **FAST) as ws,
        FuturesClientV2(environment=sandbox.environment) as futures,
    ):
        contracts = [one.symbol for one in (await futures.get_futures_contract_details()).symbols]
        names = [
            f"futures/depthIncrease{depth}:{symbol}{speed}"
            for symbol in contracts
            for depth in (5, 20, 50)
            for speed in ("", "@100ms", "@200ms")
        ][:100]
        assert len(names) == 100
        books = await asyncio.gather(*(ws.order_book(name) for name in names))
        for _ in range(2):
            await asyncio.gather(*(book.ready(timeout=10) for book in books))
            for book in books:
                truth = sandbox.book(book.topic.text)
                assert levels(book) == (truth.bids, truth.asks)
            await sandbox.faults.cut("futures_public")
            await until(lambda: all(book.troubles for book in books))


@BOTH
async def test_a_refused_book_says_so_and_comes_back(
    topic: str, sandbox: Sandbox, ws: WebsocketClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused at a reconnect: reads raise with reason `refused`; served again it is readable; given up it ends."""
    monkeypatch.setattr(refused, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(refused, "MOST_TRIES", 1)
    book = await ws.order_book(topic)
    await book.ready(timeout=5)
    sandbox.faults.refuse_topic(topic, times=1)
    await sandbox.faults.cut("")
    await until(lambda: book.trouble is BookTrouble.REFUSED)
    with pytest.raises(BookNotReady, match="repairs itself") as raised:
        book.snapshot()
    assert raised.value.reason == "refused"
    await book.ready(timeout=5)
    assert book.best_bid is not None
    sandbox.faults.refuse_topic(topic)
    await sandbox.faults.cut("")
    with pytest.raises(BookNotReady, match="given up"):
        await _ended(book)
    assert [change.reason async for change in book.changes()] == [BookTrouble.REFUSED]


async def _ended(book: LiveOrderBook) -> None:
    """Wait until a book has ended, and read it."""
    await until(lambda: book._ended)
    book.snapshot()
