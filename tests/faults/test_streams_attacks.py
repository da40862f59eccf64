"""Combinations nobody writes by chance: faults during rotations, odd greetings, floods, handlers that cancel."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async.book import BookTrouble
from bitmart_async.errors import BookNotReady, StreamUnavailable
from bitmart_async.websocket import topics
from bitmart_async.websocket.dialects import SPOT
from bitmart_async.websocket.session import Dead, Timings
from bitmart_async.websocket.session import Session as Conversation
from tests.scripted_ws import Message, Session, serving, ticker, trades, until
from tests.wall_clock import sleeping_machine

if TYPE_CHECKING:
    from bitmart_async.websocket.client import WebsocketClient
    from bitmart_async.websocket.events import Event, Update

_TRADES = topics.spot.trade("BTC_USDT")
_BOOK = "spot/depth/increase100:BTC_USDT"


def _listen(ws: WebsocketClient, *names: str) -> list[Event]:
    heard: list[Event] = []
    for name in names:
        ws.on(name)(heard.append)
    return heard


def _snapshot(version: int, kind: str = "snapshot") -> dict[str, Any]:
    row = {
        "symbol": "BTC_USDT",
        "type": kind,
        "asks": [["11", "1"]],
        "bids": [["10", "1"]],
        "ms_t": 1,
        "version": version,
    }
    return {"table": "spot/depth/increase100", "data": [row]}


def _deflated(text: str) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text.encode()) + packer.flush()


def test_T1_a_silent_peer_is_dead_fifteen_seconds_later_at_the_latest() -> None:
    """It falls silent right after a pong: a ping after 10 s, dead 5 s after that, not a tick sooner or later."""
    session = Conversation(SPOT, {}, Timings(), 0.0, None)
    assert session.poll(10.0) == ([b"ping"], [])
    session.heard = 10.01
    session.ponged(10.01)
    assert session.poll(20.0) == ([b"ping"], [])
    assert session.deadline(20.0) == 25.0
    assert session.poll(24.99) == ([], [])
    assert isinstance(session.poll(25.0)[1][0], Dead)


# Rotation -------------------------------------------------------------------------------------------


async def test_a_next_socket_that_dies_in_the_overlap_is_not_moved_to() -> None:
    """It had every topic and is lost while the old one is heard to its end: the old one goes on, no update
    is missing, and nobody reconnects."""

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if session.number == 1 and message.operation == "ping" and len(server.sessions) > 1:
            server.sessions[1].abort()
            await until(lambda: server.sessions[1].closed)
            await asyncio.sleep(0.05)
        return None

    async with serving(reply) as (server, ws):
        lost = _listen(ws, "reconnecting")
        got: list[Update[Any]] = []
        await ws.subscribe(_TRADES, handler=got.append)
        with pytest.raises(StreamUnavailable, match="could not be replaced"):
            await ws.rotate()
        await server.sessions[0].send(trades("BTC_USDT", "1"))
        await until(lambda: got)
        assert lost == []
        assert ws.health().connection("spot_public").generation == 1


async def test_too_much_in_the_overlap_is_the_next_sockets_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new socket floods while the old one keeps its pong back: the new one is given up."""
    from bitmart_async.websocket import handover

    monkeypatch.setattr(handover, "_MOST_KEPT", 20)

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if session.number == 1 and message.operation == "ping" and len(server.sessions) == 2:
            await server.sessions[1].send(*(trades("BTC_USDT", str(n)) for n in range(21)))
            await until(lambda: overfull(ws))
            return [trades("BTC_USDT", "77")]
        return None

    def overfull(ws: WebsocketClient) -> bool:
        connection = next(iter(ws._pool))
        return (handover := connection._intake.handover) is None or handover.overfull

    async with serving(reply) as (server, ws):
        lost = _listen(ws, "reconnecting")
        got: list[str] = []
        await ws.subscribe(_TRADES, handler=lambda update: got.append(str(update.data.size)))
        moving = asyncio.create_task(ws.rotate())
        await until(lambda: "77" in got)
        server.reply = None
        await server.sessions[1].send(trades("BTC_USDT", "99"))
        with pytest.raises(StreamUnavailable, match="could not be replaced"):
            await moving
        await server.sessions[0].send(trades("BTC_USDT", "78"))
        await until(lambda: got == ["77", "78"])
        assert lost == []


async def test_a_server_that_deflates_its_answers_can_be_rotated() -> None:
    """Acks and pongs in binary frames are answers on the next socket too, not data to keep."""

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe":
            session.topics = dict.fromkeys(message.args, 1)
            return [_deflated(json.dumps(session.ack("subscribe", topic))) for topic in message.args]
        return [_deflated("pong")] if message.operation == "ping" else None

    async with serving(reply) as (server, ws):
        got: list[Update[Any]] = []
        await ws.subscribe(_TRADES, handler=got.append)
        await ws.rotate()
        await server.last().send(_deflated(trades("BTC_USDT", "1")))
        await until(lambda: got)
        assert ws.health().connection("spot_public").rotations == 1


# Greetings and floods -------------------------------------------------------------------------------


@pytest.mark.parametrize("greeting", [{"event": "login"}, {"event": "login", "errorCode": "91002"}])
async def test_W2_an_answer_before_the_login_is_no_answer(greeting: dict[str, str]) -> None:
    """The server greets with it: the login is sent all the same, and nothing private before its own answer."""

    async def opened(session: Session) -> None:
        await session.send(greeting)

    async with serving(opened=opened) as (server, ws):
        await ws.subscribe("spot/user/orders:ALL_SYMBOLS")
        assert server.last().operations == ["login", "subscribe"]


async def test_S7_a_flood_of_server_pings_starves_no_subscribe() -> None:
    """Pongs share the budget of messages: a thousand pings a second are answered now and then."""
    stop = asyncio.Event()

    async def flood(session: Session) -> None:
        while not stop.is_set():
            await session.send("ping")
            await asyncio.sleep(0.001)

    async with serving() as (server, ws):
        await ws.subscribe(_TRADES)
        flooding = asyncio.create_task(flood(server.last()))
        await until(lambda: server.last().sent("pong"))
        await asyncio.sleep(0.3)
        await ws.subscribe("spot/ticker:BTC_USDT")
        stop.set()
        await flooding
        assert 1 <= len(server.last().sent("pong")) <= 3


async def test_S7_acks_nobody_asked_for_fill_neither_memory_nor_the_budget() -> None:
    """Thousands of made-up topics: a few are left again, and a subscribe is answered at once."""
    async with serving() as (server, ws):
        await ws.subscribe(_TRADES)
        session = server.last()
        await session.send(*({"event": "subscribe", "topic": f"spot/ticker:X{n}"} for n in range(3000)))
        await ws.subscribe("spot/ticker:BTC_USDT")
        connection = next(iter(ws._pool))
        conversation = connection._standing.session
        assert conversation is not None
        assert len(conversation.held) <= 302
        await until(lambda: len(conversation.held) == 2)


# Cancellations --------------------------------------------------------------------------------------


async def test_a_connection_whose_task_is_cancelled_says_that_it_is_closed() -> None:
    """Somebody cancels every task of the program: an event tells it, a book is not served, and the next
    subscribe brings both back."""
    from tests.scripted_ws import our_tasks

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe":
            return [*session.usual(message), *([_snapshot(session.number)] if _BOOK in message.args else [])]
        return None

    async with serving(reply) as (_, ws):
        closed = _listen(ws, "close")
        book = await ws.order_book(_BOOK)
        await book.ready(5)
        for task in asyncio.all_tasks():
            if task.get_name() == "bitmart spot_public":
                task.cancel()
        await until(lambda: closed)
        assert closed[0].topics == (_BOOK,)
        assert book.trouble is BookTrouble.DISCONNECTED
        await ws.subscribe(_TRADES)
        await book.ready(5)
        assert book.version == 2
    assert our_tasks() == []


async def test_L2_an_async_book_handler_that_lets_a_cancellation_out_is_called_again() -> None:
    """It is a handler that raises: told, and it gets the next change."""

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe":
            return [*session.usual(message), _snapshot(1)]
        return None

    async with serving(reply) as (server, ws):
        errors = _listen(ws, "exception")
        book = await ws.order_book(_BOOK)
        await book.ready(5)
        versions: list[int] = []

        @book.on_change
        async def bad(change: Any) -> None:
            versions.append(change.version)
            raise asyncio.CancelledError

        await until(lambda: versions == [1])
        await server.last().send(_snapshot(2, "update"))
        await until(lambda: versions == [1, 2])
        assert len(errors) == 2


# Books ----------------------------------------------------------------------------------------------


async def test_T17_a_book_is_not_served_after_a_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it shows is as old as the sleep was long: unreadable at once, and again readable with the next
    word of the exchange."""
    sleep = sleeping_machine(monkeypatch, 0.05)
    hold = asyncio.Event()

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe":
            return [*session.usual(message), _snapshot(1)]
        if message.operation == "request":
            await hold.wait()
            return [_snapshot(5)]
        return None

    async with serving(reply) as (_, ws):
        gaps = _listen(ws, "gap")
        book = await ws.order_book(_BOOK)
        await book.ready(5)
        sleep()
        await until(lambda: gaps)
        with pytest.raises(BookNotReady):
            _ = book.best_bid
        assert book.trouble is BookTrouble.SILENT
        hold.set()
        await book.ready(5)
        assert book.version == 5


@pytest.mark.parametrize("first", [0, 2**53, 2**63 - 1])
async def test_B3_a_snapshot_of_an_absurd_version_does_not_lock_a_book(first: int) -> None:
    """The versions after it are small: it is given up for them, and served as they say."""
    seen: list[str] = []

    async def reply(session: Session, message: Message) -> list[Any] | None:
        seen.append(message.operation)
        if message.operation == "subscribe":
            return [*session.usual(message), _snapshot(first if seen.count("subscribe") == 1 else 7)]
        return [_snapshot(7)] if message.operation == "request" else None

    async with serving(reply, client={"ack_timeout": 0.1}) as (server, ws):
        book = await ws.order_book(_BOOK)
        await book.ready(5)
        assert book.version == first
        for version in (7, 8, 9, 10):
            await server.last().send(_snapshot(version, "update"))
        await until(lambda: book.trouble is None and book.version in (7, 10))


async def test_L3_two_tasks_on_one_subscription_are_told_apart() -> None:
    """The second one to wait is refused; the first one goes on."""
    from bitmart_async.errors import ParameterError

    async with serving() as (server, ws):
        ticks = await ws.subscribe("spot/ticker:BTC_USDT")
        first = asyncio.create_task(anext(ticks))
        await asyncio.sleep(0)
        with pytest.raises(ParameterError, match="another task"):
            await anext(ticks)
        await server.last().send(ticker())
        assert (await first).symbol == "BTC_USDT"


@pytest.mark.parametrize("event", ["live", "response", "exception"])
async def test_X1_a_listener_may_subscribe_unsubscribe_and_close(event: str) -> None:
    """An async listener of any event does all of it; nothing hangs, and nothing is left."""
    async with serving() as (server, ws):
        done = asyncio.Event()

        @ws.on(event)
        async def act(_: Event) -> None:
            if done.is_set():
                return
            done.set()
            added = await ws.subscribe("spot/ticker:ETH_USDT")
            await added.unsubscribe()
            await ws.rotate()
            await ws.aclose()

        await ws.subscribe("spot/ticker:BTC_USDT")
        if event == "exception":
            await server.last().send("{no json")
        async with asyncio.timeout(5):
            await done.wait()
            await until(lambda: ws._pool.closed and all(session.closed for session in server.sessions))
