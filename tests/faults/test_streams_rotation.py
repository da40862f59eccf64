"""Planned replacement of sockets, connecting ahead of time, silent topics, and what health() says of it."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from bitmart_async import FuturesClientV2, RestClient, WebsocketClient
from bitmart_async.errors import (
    ClientClosed,
    ConfigurationError,
    LoginRefused,
    ParameterError,
    StreamUnavailable,
)
from bitmart_async.websocket import topics
from tests.conftest import KEYS
from tests.scripted_ws import FAST, Message, Session, our_tasks, serving, ticker, trades, until
from tests.streams.conftest import sandbox, sandbox_options  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox
    from bitmart_async.websocket.events import Event, Update

_TICKER = "spot/ticker:BTC_USDT"
_TRADES = "spot/trade:BTC_USDT"


def _listen(ws: WebsocketClient, *names: str) -> list[Event]:
    heard: list[Event] = []
    for name in names:
        ws.on(name)(heard.append)
    return heard


# rotate() -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("traced", [True, False])
async def test_rotation_gives_every_trade_and_fill_once(sandbox: Sandbox, traced: bool) -> None:  # noqa: F811
    """A client that rotates all its sockets four times sees frame for frame what one sees that never does."""
    logger = None if traced else logging.Logger("untraced", level=logging.WARNING)
    wanted = [_TRADES, "futures/trade:BTCUSDT", "spot/user/orders:ALL_SYMBOLS", "futures/order"]
    async with (
        WebsocketClient(**sandbox.client_options, logger=logger) as ws,
        WebsocketClient(**sandbox.client_options, logger=logger) as steady,
        RestClient(**sandbox.client_options) as spot,
        FuturesClientV2(**sandbox.client_options) as futures,
    ):
        seen: list[Update[Any]] = []
        true: list[Update[Any]] = []
        await ws.subscribe(wanted, handler=seen.append)
        await steady.subscribe(wanted, handler=true.append)
        busy = True

        async def market() -> None:
            number = 0
            while busy:
                number += 1
                sandbox.tick("BTC_USDT", f"{64000 + number % 7}.00")
                sandbox.tick("BTCUSDT", f"{64000 + number % 5}.0")
                await asyncio.sleep(0.002)

        async def account() -> None:
            while busy:
                await spot.submit_spot_order_v2(symbol="BTC_USDT", side="buy", type="market", notional="10")
                await futures.submit_futures_order(
                    symbol="BTCUSDT", side=1, type="market", size=1, leverage="10", open_type="cross"
                )

        work = [asyncio.create_task(market()), asyncio.create_task(account())]
        for _ in range(4):
            await ws.rotate()
        busy = False
        await asyncio.gather(*work)
        await until(lambda: len(true) == len(seen) and len(true) > 100)
        for topic in wanted:
            mine = [update.raw for update in seen if update.topic == topic]
            theirs = [update.raw for update in true if update.topic == topic]
            assert theirs
            assert mine == theirs, topic
        for name in ("spot_public", "spot_private", "futures_public", "futures_private"):
            health = ws.health().connection(name)
            assert (health.generation, health.rotations, health.gaps, health.reconnects) == (5, 4, 0, 0)


async def test_rotation_restarts_an_incremental_book_from_its_snapshot(sandbox: Sandbox) -> None:  # noqa: F811
    """After the new socket's snapshot each version follows the one before; none is missing."""
    async with WebsocketClient(**sandbox.client_options) as ws:
        seen: list[Update[Any]] = []
        await ws.subscribe(topics.futures.depth_increase("BTCUSDT", 50, "100ms"), handler=seen.append)
        for number in range(3):
            for price in range(4):
                sandbox.tick("BTCUSDT", f"{64000 + 2 * price + number}.0")
                await asyncio.sleep(0.03)
            count = len(seen)
            moving = asyncio.create_task(ws.rotate())
            while not moving.done():
                sandbox.tick("BTCUSDT", f"{64000 + len(seen) % 9}.0")
                await asyncio.sleep(0.01)
            await moving
            sandbox.tick("BTCUSDT", f"{64020 + number}.0")
            await until(lambda: len(seen) > count + 1 and seen[-1].data.type != "snapshot")  # noqa: B023
        snapshots = [update for update in seen if update.data.type == "snapshot"]
        assert len(snapshots) == 4
        for before, after in itertools.pairwise(seen):
            if after.data.type != "snapshot":
                assert after.data.version == before.data.version + 1


async def test_rotation_keeps_a_live_order_book_true(sandbox: Sandbox) -> None:  # noqa: F811
    """A live book goes over to the new socket without being in doubt, and equals one that never moved."""
    async with (
        WebsocketClient(**sandbox.client_options) as ws,
        WebsocketClient(**sandbox.client_options) as steady,
    ):
        text = "futures/depthIncrease50:BTCUSDT@100ms"
        book, true = await ws.order_book(text), await steady.order_book(text)
        await asyncio.gather(book.ready(), true.ready())
        for number in range(3):
            moving = asyncio.create_task(ws.rotate())
            while not moving.done():
                sandbox.tick("BTCUSDT", f"{64000 + number}.0")
                await asyncio.sleep(0.01)
            await moving
        sandbox.tick("BTCUSDT", "64010.0")
        await until(lambda: book.version == true.version and book.best_bid == true.best_bid)
        assert (book.bids, book.asks) == (true.bids, true.asks)
        assert book.resyncs == 0


@pytest.mark.parametrize("late", ["old", "new"])
async def test_rotation_waits_for_the_slower_socket(late: str) -> None:
    """Whichever socket lags, each trade is given once and in order; equal trades stay as many as they are."""
    held: list[str] = []
    numbers = ["1", "2", "2", "3", "3", "3", "4"]

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if session.number == 2 and message.operation == "subscribe":
            await session.send(*session.usual(message))
            old, new = server.sessions[0], session
            fast, slow = (new, old) if late == "old" else (old, new)
            await fast.send(*(trades("BTC_USDT", number) for number in numbers))
            held.extend(numbers)
            server.reply = slow_reply
            slow_of.append(slow)
            return []
        return None

    slow_of: list[Session] = []

    async def slow_reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "ping" and session in slow_of and held:
            sizes, held[:] = list(held), []
            await session.send(*(trades("BTC_USDT", number) for number in sizes))
        return None

    async with serving(reply) as (server, ws):
        got: list[int] = []
        topic = topics.spot.trade("BTC_USDT")
        await ws.subscribe(topic, handler=lambda update: got.append(int(update.data.size)))
        await ws.rotate()
        await until(lambda: not held)
        await server.last().send(trades("BTC_USDT", "9"))
        await until(lambda: got[-1:] == [9])
        assert got == [1, 2, 2, 3, 3, 3, 4, 9]
        await until(lambda: server.sessions[0].closed)


async def test_rotation_that_fails_leaves_the_old_socket_in_use() -> None:
    """Refused, unanswered or lost: the caller is told, an event too, and no update is missed."""
    trouble: list[str] = []

    def reply(session: Session, message: Message) -> list[Any] | None:
        if session.number > 1 and message.operation == trouble[0]:
            if trouble[0] == "subscribe":
                session.abort()
            return []
        return None

    async with serving(
        reply,
        client={"login_timeout": 0.1, "ack_timeout": 0.1},
        handshake=lambda number: 500 if number > 1 and trouble == ["handshake"] else None,
    ) as (server, ws):
        errors = _listen(ws, "exception", "reconnecting")
        got: list[Update[Any]] = []
        await ws.subscribe(_TRADES, handler=got.append, is_private=True)
        for number, kind in enumerate(("handshake", "login", "subscribe"), 1):
            trouble[:] = [kind]
            with pytest.raises(StreamUnavailable, match="could not be replaced"):
                await ws.rotate("spot_private")
            await server.sessions[0].send(trades("BTC_USDT", str(number)))
            await until(lambda: len(got) == number)  # noqa: B023 - waited for here
        assert [event.name for event in errors] == ["exception"] * 3
        assert ws.health().connection("spot_private").generation == 1
        trouble[:] = ["nothing"]
        await ws.rotate()
        assert ws.health().connection("spot_private").rotations == 1


async def test_rotation_is_overtaken_by_a_loss() -> None:
    """The old socket dies while the new one logs in: told, and the connection comes back by itself."""

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if session.number == 2 and message.operation == "login":
            server.sessions[0].abort()
            return []
        return None

    async with serving(reply) as (server, ws):
        live = _listen(ws, "live")
        await ws.subscribe("futures/order")
        with pytest.raises(StreamUnavailable, match="lost or closed"):
            await ws.rotate()
        await until(lambda: len(live) == 2)
        assert live[1].gap is not None
        assert list(server.last().topics) == ["futures/order"]


async def test_rotation_takes_topics_that_come_and_go_meanwhile() -> None:
    """Subscribed and left during the overlap: the new socket holds what is wanted in the end."""
    gate = asyncio.Event()

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if session.number == 2 and message.operation == "subscribe":
            await gate.wait()
        return None

    async with serving(reply) as (server, ws):
        await ws.subscribe([_TRADES, _TICKER])
        moving = asyncio.create_task(ws.rotate())
        await until(lambda: len(server.sessions) == 2 and server.last().sent("subscribe"))
        added = await ws.subscribe("spot/trade:ETH_USDT")
        await ws.unsubscribe(_TICKER)
        gate.set()
        await moving
        await until(lambda: sorted(server.last().topics) == sorted([_TRADES, "spot/trade:ETH_USDT"]))
        await server.last().send(trades("ETH_USDT", "5"))
        assert (await anext(added)).symbol == "ETH_USDT"


async def test_rotate_after_replaces_sockets_by_themselves() -> None:
    """Again and again, without a reconnect event, a gap, or a task left over."""
    async with serving(client={"rotate_after": 0.15}) as (server, ws):
        lost = _listen(ws, "reconnecting", "close", "exception")
        live = _listen(ws, "live")
        await ws.subscribe(_TRADES)
        await until(lambda: len(live) >= 4)
        assert [event.generation for event in live[:4]] == [1, 2, 3, 4]
        assert all(event.gap is None for event in live)
        assert lost == []
        await until(lambda: sum(not session.closed for session in server.sessions) == 1)


async def test_rotate_and_limits_refuse_what_cannot_be() -> None:
    """A connection that is not there; times that are none."""
    async with serving() as (_, ws):
        with pytest.raises(ParameterError, match="none yet"):
            await ws.rotate("spot_public")
        await ws.rotate()
        with pytest.raises(ParameterError, match="stale_after"):
            await ws.subscribe(_TRADES, stale_after=0)
    for option in ("stale_after", "rotate_after"):
        with pytest.raises(ConfigurationError, match=option):
            WebsocketClient(**{option: -1.0})  # type: ignore[arg-type]


# connect_all() --------------------------------------------------------------------------------------


async def test_connect_all_opens_and_keeps_the_four_connections(sandbox: Sandbox) -> None:  # noqa: F811
    """Live and logged in before the first subscribe, still there after the linger, back after a cut."""
    async with WebsocketClient(**sandbox.client_options, linger=0.05, reconnect_delay=(0.01, 0.02)) as ws:
        heard = _listen(ws, "authenticated", "close")
        live = _listen(ws, "live")
        await ws.connect_all()
        health = ws.health()
        assert {one.name: one.state for one in health.connections} == dict.fromkeys(
            ("spot_public", "futures_public", "spot_private", "futures_private"), "live"
        )
        assert health.live
        assert {event.connection for event in heard} == {"spot_private", "futures_private"}
        await asyncio.sleep(0.15)  # three times the linger
        await (await ws.subscribe("futures/order")).unsubscribe()
        assert {one.generation for one in ws.health().connections} == {1}
        await sandbox.faults.cut()
        await until(lambda: len(live) == 8)
        assert all(event.name == "authenticated" for event in heard)
    assert our_tasks() == []


async def test_connect_all_without_keys_opens_the_public_ones() -> None:
    """Nothing private is tried."""
    async with serving(client=dict.fromkeys(KEYS)) as (server, ws):
        await ws.connect_all()
        assert sorted(session.name for session in server.sessions) == ["futures_public", "spot_public"]


async def test_connect_all_tells_what_is_wrong() -> None:
    """Refused keys are LoginRefused, with the public connections kept; no host is StreamUnavailable."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        refused = {"event": "login", "errorCode": "91002", "errorMessage": "API KEY not found"}
        return [refused] if message.operation == "login" and session.spot else None

    async with serving(reply, client={"linger": 0.02}) as (_, ws):
        with pytest.raises(LoginRefused):
            await ws.connect_all()
        states = {one.name: one.state for one in ws.health().connections}
        assert states["spot_private"] == "idle"
        assert [states[name] for name in ("spot_public", "futures_public", "futures_private")] == ["live"] * 3
    async with serving(handshake=lambda _: 500, client={"connect_timeout": 0.1, "linger": 0.01}) as (_, ws):
        with pytest.raises(StreamUnavailable, match="500"):
            await ws.connect_all()
        await until(lambda: our_tasks() == [])  # given up, nothing goes on


async def test_connect_all_can_be_cancelled_and_closed() -> None:
    """Nothing stays half-done."""
    async with serving(handshake=lambda _: 500, client={"linger": 0.01}) as (_, ws):
        opening = asyncio.create_task(ws.connect_all())
        await asyncio.sleep(0.02)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await until(lambda: our_tasks() == [])
        opening = asyncio.create_task(ws.connect_all())
        await asyncio.sleep(0.02)
        await ws.aclose()
        with pytest.raises(ClientClosed):
            await opening


# Silent topics --------------------------------------------------------------------------------------


async def test_T2_a_muted_topic_is_told_renewed_and_moved(sandbox: Sandbox) -> None:  # noqa: F811
    """Pongs go on and one topic does not: stale within the limit, asked for anew, then on a new socket;
    its data comes back, and the other topics miss nothing."""
    async with WebsocketClient(**sandbox.client_options, ping_interval=0.2) as ws:
        stale = _listen(ws, "stale")
        trouble = _listen(ws, "reconnecting", "exception", "close", "gap")
        quiet: list[Update[Any]] = []
        others: list[Update[Any]] = []
        await ws.subscribe(_TICKER, handler=quiet.append, stale_after=0.3)
        await ws.subscribe(_TRADES, handler=others.append)
        moves = 0

        async def market() -> None:
            nonlocal moves
            while True:
                moves += 1
                sandbox.tick("BTC_USDT", f"{64000 + moves % 9}.00")
                await asyncio.sleep(0.02)

        market_task = asyncio.create_task(market())
        await until(lambda: len(quiet) > 3)
        assert stale == []
        sandbox.faults.mute(_TICKER)
        await until(lambda: stale)
        assert (stale[0].topics, stale[0].connection, stale[0].generation) == ((_TICKER,), "spot_public", 1)
        health = ws.health()
        assert health.topic(_TICKER).stale
        assert not health.topic(_TRADES).stale
        assert not health.live
        await until(lambda: ws.health().connection("spot_public").generation == 2)
        sandbox.faults.unmute(_TICKER)
        count = len(quiet)
        await until(lambda: len(quiet) > count)
        assert ws.health().live
        market_task.cancel()
        sent = [
            message.text for message in sandbox.journal.messages("spot_public") if _TICKER in message.text
        ]
        assert [json.loads(text)["op"] for text in sent] == [
            "subscribe",
            "unsubscribe",
            "subscribe",
            "subscribe",
        ]
        await until(lambda: len(others) >= moves - 1)
        assert trouble == []


async def test_T2_renewing_alone_may_help() -> None:
    """Data comes back with the second subscribe: the socket stays, and the next silence begins anew."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe" and len(session.sent("subscribe")) == 2:
            return [*session.usual(message), ticker(last="7")]
        return None

    async with serving(reply, client={"stale_after": 0.15}) as (server, ws):
        stale = _listen(ws, "stale")
        got: list[Update[Any]] = []
        await ws.subscribe(_TICKER, handler=got.append)
        await until(lambda: got)
        assert len(stale) == 1
        assert server.last().operations == ["subscribe", "unsubscribe", "subscribe"]
        assert not ws.health().topic(_TICKER).stale
        await until(lambda: len(stale) == 2)
        assert len(server.sessions) == 1


async def test_T2_private_topics_have_a_limit_only_of_their_own() -> None:
    """An account may be quiet for days: the client's option is for public topics."""
    async with serving(client={"stale_after": 0.05}) as (_, ws):
        stale = _listen(ws, "stale")
        await ws.subscribe("futures/order")
        await ws.subscribe(_TICKER)
        await until(lambda: stale)
        assert {event.topics for event in stale} == {(_TICKER,)}
        await ws.subscribe("futures/position", stale_after=0.05)
        await until(lambda: ("futures/position",) in {event.topics for event in stale})


# health() -------------------------------------------------------------------------------------------


async def test_health_tells_the_state_of_every_connection_and_topic() -> None:
    """Ages, round trip, counters, queues and drops; and it is JSON."""
    async with serving(client={"ping_interval": 0.2}) as (server, ws):
        assert ws.health().connections == ()
        assert ws.health().live
        slow = await ws.subscribe([_TRADES, _TICKER], overflow="drop_oldest", queue_size=2)
        await server.last().send(
            *(trades("BTC_USDT", str(number)) for number in range(5)),
            '{"table":"spot/trade","data":[{"size":[]}]}',
        )
        await until(lambda: ws.health().connection("spot_public").unreadable)
        await until(lambda: ws.health().connection("spot_public").round_trip is not None)
        health = ws.health()
        (connection,) = health.connections
        assert (connection.name, connection.state, connection.down_for) == ("spot_public", "live", None)
        assert connection.frame_age is not None
        assert connection.frame_age < 5
        assert 0 < (connection.round_trip or 0) < 1
        assert (connection.reconnects, connection.rotations, connection.gaps, connection.unreadable) == (
            0,
            0,
            1,
            1,
        )
        topic = health.topic(_TRADES)
        assert (topic.held, topic.updates, topic.queued, topic.dropped) == (True, 5, 2, 3)
        assert topic.data_age is not None
        assert topic.data_age < 5
        assert health.topic(_TICKER).data_age is None
        assert (
            json.loads(msgspec.json.encode(msgspec.to_builtins(health)))["connections"][0]["name"]
            == "spot_public"
        )
        for missing in (health.topic, health.connection):
            with pytest.raises(KeyError):
                missing("nothing")
        server.last().abort()
        await until(lambda: ws.health().connection("spot_public").reconnects == 1)
        await until(lambda: ws.health().live)
        assert ws.health().connection("spot_public").gaps == 2
        await slow.unsubscribe()
    assert FAST
