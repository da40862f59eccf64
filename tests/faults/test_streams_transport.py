"""T: what the network does to a stream."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import looptime
import pytest

from bitmart_async.environments import local
from bitmart_async.errors import StreamUnavailable
from bitmart_async.websocket import topics
from bitmart_async.websocket.client import WebsocketClient
from bitmart_async.websocket.pacing import Pacer
from tests.scripted_ws import FAST, Message, Session, futures_ticker, serving, ticker, trades, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitmart_async.websocket.events import Event, Update

_TOPIC = "spot/ticker:BTC_USDT"


def _names(ws: WebsocketClient, *names: str) -> list[Event]:
    heard: list[Event] = []
    for name in names:
        ws.on(name)(heard.append)
    return heard


async def test_T1_a_half_open_socket_is_dropped_and_replaced() -> None:
    """The peer falls silent with the socket open: no byte after a ping, and a new socket takes over."""
    silent: list[Session] = []

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [] if session in silent else None

    async with serving(reply, client={"ping_interval": 0.2, "pong_timeout": 0.1}) as (server, ws):
        heard = _names(ws, "reconnecting", "live")
        ticks = await ws.subscribe(_TOPIC)
        first = server.last()
        await until(lambda: len(first.sent("ping")) >= 2)
        assert [event.name for event in heard] == ["live"]
        silent.append(first)
        began = time.monotonic()
        second = await server.session("spot_public", 2)
        assert time.monotonic() - began < 2
        await until(lambda: heard[-1].name == "live")
        assert "not a byte" in str(heard[-2].error)
        await until(lambda: first.closed)
        await second.send(ticker(last="7"))
        assert str((await anext(ticks)).data.last_price) == "7"  # type: ignore[union-attr]


@pytest.mark.parametrize("sent", [1, 3, 40, 200])
async def test_T3_a_reset_inside_a_frame_leaves_no_trace_of_the_frame(sent: int) -> None:
    """The piece is discarded: no update, no error, one gap, and the next socket serves the topic."""
    async with serving() as (server, ws):
        heard = _names(ws, "exception", "live")
        ticks = await ws.subscribe(_TOPIC)
        server.last().abort_in_frame(ticker(last="666"), sent)
        second = await server.session("spot_public", 2)
        await until(lambda: len(heard) == 2)
        assert [event.name for event in heard] == ["live", "live"]
        assert heard[1].gap is not None
        await second.send(ticker(last="7"))
        assert str((await anext(ticks)).data.last_price) == "7"  # type: ignore[union-attr]


@pytest.mark.parametrize("code", [1000, 1001, None, 1008, 1011, 1012, 1013, 4000])
async def test_T4_every_close_we_did_not_ask_for_reconnects(code: int | None) -> None:
    """Whatever code the server gives, or none: the topic comes back, and so does its login."""
    async with serving() as (server, ws):
        heard = _names(ws, "reconnecting", "reconnect", "reconnected")
        await ws.subscribe([_TOPIC, "futures/order"])
        for session in tuple(server.sessions):
            if code is None:
                session.connection.transport.abort()
            else:
                await session.close(code, "so be it")
        spot, futures = await server.session("spot_public", 2), await server.session("futures_private", 2)
        await until(lambda: spot.topics and futures.topics)
        assert futures.operations == ["login", "subscribe"]
        assert [event.name for event in heard].count("reconnecting") == 2
        assert [event.name for event in heard].count("reconnect") == 2
        if code is not None:
            assert f"closed with {code} (so be it)" in str(heard[0].error)


def test_T5_thirty_connects_a_minute_at_most() -> None:
    """Over all connections to a host, in any minute, however many want to connect at once."""
    pacer, times = Pacer(), []

    async def storm() -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < 400:
            await pacer.turn()
            times.append(loop.time())

    async def storms() -> None:
        await asyncio.gather(*(storm() for _ in range(4)))

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(storms())
    assert len(times) >= 180
    for start in times:
        assert len([at for at in times if start <= at < start + 60.0]) <= 30


async def test_T5_accept_then_close_backs_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that closes right after the upgrade: waits grow to their cap, and connects are counted."""
    delays: list[float] = []
    bounds: list[float] = []

    def uniform(low: float, high: float) -> float:
        bounds.append(high)
        return low

    monkeypatch.setattr("bitmart_async.websocket.pacing.random.uniform", uniform)

    async def opened(session: Session) -> None:
        await session.close(1000)

    async with serving(opened=opened, client={"reconnect_delay": (0.5, 30.0)}) as (server, ws):
        ws.on("reconnecting")(lambda event: delays.append(event.delay or 0.0))
        pending = asyncio.create_task(ws.subscribe(_TOPIC))
        await until(lambda: server.connects == 30)
        await until(lambda: len(delays) == 30)
        assert bounds[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
        for _ in range(50):
            await asyncio.sleep(0)
        assert server.connects == 30  # the 31st waits for the minute to pass
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port whose connects are taken by the kernel and never answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield int(listener.getsockname()[1])


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose backlog is full: further SYNs are dropped."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        yield int(address[1])
        for filler in fillers:
            filler.close()


async def _ends_in_time(port: int) -> list[Event]:
    environment = local(spot_rest=port, futures_rest=port, spot_streams=port, futures_streams=port)
    async with WebsocketClient(environment=environment, **{**FAST, "connect_timeout": 0.2}) as ws:
        heard = _names(ws, "reconnecting", "open")
        began = time.monotonic()
        with pytest.raises(StreamUnavailable, match=r"no stream within 0\.2 s"):
            await ws.subscribe(_TOPIC)
        assert time.monotonic() - began < 1.0
        await until(lambda: heard)
        return heard


async def test_T6_a_dropped_syn_ends_at_connect_timeout(full_port: int) -> None:
    """The attempt counts as a failure and the next one backs off; the caller is told."""
    heard = await _ends_in_time(full_port)
    assert {event.name for event in heard} == {"reconnecting"}
    assert heard[0].delay is not None


async def test_T7_a_host_that_never_answers_ends_at_connect_timeout(deaf_port: int) -> None:
    """One deadline covers TCP and upgrade."""
    heard = await _ends_in_time(deaf_port)
    assert {event.name for event in heard} == {"reconnecting"}
    assert isinstance(heard[0].error, StreamUnavailable)


async def test_T7_nothing_stays_subscribed_after_stream_unavailable(deaf_port: int) -> None:
    """The caller who was refused owns nothing: the connection gives up trying for it."""
    environment = local(
        spot_rest=deaf_port, futures_rest=deaf_port, spot_streams=deaf_port, futures_streams=deaf_port
    )
    async with WebsocketClient(environment=environment, **{**FAST, "connect_timeout": 0.05}) as ws:
        with pytest.raises(StreamUnavailable):
            await ws.subscribe([_TOPIC, "spot/trade:BTC_USDT"])
        await until(
            lambda: not any(task.get_name().startswith("bitmart spot") for task in asyncio.all_tasks())
        )


async def test_T7_a_subscribe_pending_when_the_host_dies_is_told() -> None:
    """The socket is lost before the acknowledgement and never comes back: nobody waits for ever."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe" and "spot/trade:BTC_USDT" in message.args:
            refuse.append(True)
            session.abort()
            return []
        return None

    refuse: list[bool] = []
    async with serving(
        reply, client={"connect_timeout": 0.3}, handshake=lambda _: 500 if refuse else None
    ) as (_, ws):
        await ws.subscribe(_TOPIC)
        with pytest.raises(StreamUnavailable, match="500"):
            async with asyncio.timeout(5):
                await ws.subscribe("spot/trade:BTC_USDT")


async def test_T15_slices_and_fragments_read_like_whole_frames() -> None:
    """Byte by byte on TCP, or as fragments of a websocket message: the same updates in the same order."""
    async with serving() as (server, ws):
        got: list[Update[Any]] = []
        await ws.subscribe(topics.spot.trade("BTC_USDT"), handler=got.append)
        session = server.last()
        await session.send_in_bytes(trades("BTC_USDT", "1", "2"))
        await session.send_in_fragments(trades("BTC_USDT", "3"), 7)
        await session.send(trades("BTC_USDT", "4"))
        await session.send_in_fragments(trades("BTC_USDT", "5"), 1)
        await until(lambda: len(got) == 5)
        assert [int(update.data.size) for update in got] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("blocked", [0.35, 1.0])
async def test_T18_a_handler_that_blocks_the_loop_costs_no_connection(
    blocked: float, log_lines: list[str]
) -> None:
    """Longer than pong_timeout: what came is read before the peer is judged; one warning names it."""
    async with serving(client={"ping_interval": 0.2, "pong_timeout": 0.2}) as (server, ws):
        heard = _names(ws, "reconnecting")
        seen: list[object] = []

        def rude(update: Update[Any]) -> None:
            seen.append(update)
            if len(seen) <= 2:
                time.sleep(blocked)

        await ws.subscribe("futures/ticker:BTCUSDT", handler=rude)
        session = server.last()
        for _ in range(3):
            await session.send(futures_ticker())
        await until(lambda: len(seen) == 3)
        pings = len(session.sent("ping"))
        await until(lambda: len(session.sent("ping")) > pings + 2)
        assert heard == []
        assert len(server.sessions) == 1
    warnings = [line for line in log_lines if "held the event loop" in line]
    assert len(warnings) == 1
    assert "futures/ticker:BTCUSDT" in warnings[0]


async def test_T18_of_several_who_came_together_the_slow_one_is_named_when_it_is_slow_again(
    log_lines: list[str],
) -> None:
    """The first time its batch is named, of which it is one; from then on each frame is timed."""
    async with serving() as (server, ws):
        quick: list[object] = []
        slow: list[object] = []

        def rude(update: Update[Any]) -> None:
            time.sleep(0.3)
            slow.append(update)

        names = ("futures/ticker:BTCUSDT", "futures/ticker:ETHUSDT")
        await ws.subscribe(names[0], handler=quick.append)
        await ws.subscribe(names[1], handler=rude)
        for turn in (1, 2, 3):
            server.last().send_at_once(futures_ticker(), futures_ticker("ETHUSDT"), futures_ticker())
            await until(lambda turn=turn: (len(quick), len(slow)) == (2 * turn, turn))  # type: ignore[misc]
    warned = [line for line in log_lines if "held the event loop" in line]
    assert f"the handlers of {names[1]} held" in warned[-1]
    if os.environ.get("BITMART_ASYNC_TRANSPORT") != "plain":  # there each frame comes alone
        assert len(warned) == 2
        assert f"handlers among those of {names[0]}, {names[1]} held" in warned[0]
