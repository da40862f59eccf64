"""What a review found by attack: hostile hosts, careless handlers, answers that come late or twice."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from bitmart_async.environments import local
from bitmart_async.errors import (
    ConfigurationError,
    ParameterError,
    SlowConsumer,
    StreamError,
    StreamUnavailable,
    SubscriptionRefused,
)
from bitmart_async.websocket.client import WebsocketClient
from tests.conftest import CANARIES
from tests.scripted_ws import (
    FAST,
    KEYS,
    Message,
    ScriptedServer,
    Session,
    futures_ticker,
    our_tasks,
    own_order,
    serving,
    streams,
    ticker,
    until,
)

if TYPE_CHECKING:
    from bitmart_async.websocket.events import Event, Update

_TOPIC = "spot/ticker:BTC_USDT"
_ORDERS = "spot/user/orders:ALL_SYMBOLS"
_NAMELESS = {"errorCode": "92001", "errorMessage": "symbol not exist", "event": "subscribe"}


def _raise_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    future.result()


# Hosts --------------------------------------------------------------------------------------------


async def test_a_redirect_of_the_upgrade_is_not_followed() -> None:
    """Key and signature go to the host that was asked for, or nowhere."""
    visits: list[bytes] = []

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(await reader.read(1))
        writer.close()

    async def honest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # the client may leave first
            await reader.readuntil(b"\r\n\r\n")
            port = elsewhere.sockets[0].getsockname()[1]
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.2:{port}/x\r\n".encode())
            writer.write(b"Content-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    elsewhere = await asyncio.start_server(other, "127.0.0.2", 0)
    here = await asyncio.start_server(honest, "127.0.0.1", 0)
    port = here.sockets[0].getsockname()[1]
    environment = local(spot_rest=9, futures_rest=9, spot_streams=port, futures_streams=port)
    async with elsewhere, here:
        options = {"environment": environment, **KEYS, **FAST, "connect_timeout": 0.3}
        async with WebsocketClient(**options) as ws:
            with pytest.raises(StreamUnavailable, match=r"302, a redirect to ws://127\.0\.0\.2"):
                await ws.subscribe("futures/order")
    assert visits == []


async def test_a_close_reason_that_echoes_key_and_signature_is_masked(log_lines: list[str]) -> None:
    """Neither log nor event shows them, whole or cut."""
    signs: list[str] = []

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation != "login" or session.number > 1:
            return None
        signs.append(message.args[2])
        await session.close(4001, f"bad {message.args[0]} {message.args[2]}")
        return []

    async with serving(reply) as (_, ws):
        heard: list[Event] = []
        ws.on("reconnecting")(heard.append)
        await ws.subscribe("futures/order")
        shown = [str(event.error) for event in heard] + [line for line in log_lines if " > " not in line]
    assert any("4001 (bad *** ***)" in text for text in shown)
    assert not [text for text in shown if any(word in text for word in (*CANARIES, signs[0][:40]))]


async def test_an_address_the_edge_blocks_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the third 403 in a row; trying goes on at the same pace."""
    monkeypatch.setattr("bitmart_async.websocket.pacing.EDGE_WAIT", (0.01, 0.01))
    async with serving(handshake=lambda number: 403 if number <= 6 else None) as (server, ws):
        heard: list[Event] = []
        ws.on("exception")(heard.append)
        await ws.subscribe(_TOPIC)
        assert server.connects == 7
        (event,) = heard
        assert isinstance(event.error, StreamUnavailable)
        assert event.error.http_status == 403
        assert "blocked" in str(event.error)


async def test_a_login_that_is_never_answered_ends_the_subscribe() -> None:
    """However many sockets come and go meanwhile: all timeouts together, and no longer."""
    times = {"connect_timeout": 0.3, "login_timeout": 0.2, "ack_timeout": 0.1}
    async with serving(lambda _, message: [] if message.operation == "login" else None, client=times) as (
        server,
        ws,
    ):
        began = time.monotonic()
        with pytest.raises(StreamUnavailable, match="login was not answered"):
            await asyncio.wait_for(ws.subscribe(_ORDERS), 5)
        assert time.monotonic() - began < 1.5
        assert len(server.sessions) >= 2


@pytest.mark.parametrize("made", [None, b"00", "00\n", asyncio.CancelledError])
async def test_a_sign_function_that_makes_no_signature_is_told(made: Any) -> None:
    """One clear, final error, without what the function returned; nothing is sent."""

    def sign(message: bytes, secret: str) -> Any:
        if made is asyncio.CancelledError:
            raise made(secret)
        return made

    async with serving(client={"sign": sign}) as (server, ws):
        with pytest.raises(StreamError, match="sign") as caught:
            await asyncio.wait_for(ws.subscribe("futures/order"), 5)
        assert "canary" not in repr(caught.value)
        assert len(server.sessions) == 1
        assert server.last().messages == []


# Handlers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_handler_that_lets_a_cancellation_out_is_a_handler_that_raises(kind: str) -> None:
    """It asked for the result of something cancelled: told, and the stream goes on."""
    async with serving() as (server, ws):
        errors: list[Event] = []
        seen: list[object] = []
        ws.on("exception")(errors.append)

        def plain(update: Update[Any]) -> None:
            seen.append(update)
            _raise_cancelled()

        async def later(update: Update[Any]) -> None:
            seen.append(update)
            task = asyncio.create_task(asyncio.sleep(9))
            task.cancel()
            await task

        await ws.subscribe(_TOPIC, handler=plain if kind == "plain" else later)
        for _ in range(3):
            await server.last().send(ticker())
        await until(lambda: len(seen) == len(errors) == 3)
        assert all("CancelledError" in str(event.error) for event in errors)
        await ws.subscribe("spot/ticker:ETH_USDT")
        assert len(server.sessions) == 1


@pytest.mark.parametrize("name", ["open", "authenticated", "response", "live"])
async def test_a_listener_that_lets_a_cancellation_out_hurts_nobody(name: str) -> None:
    """The connection goes on to live."""
    async with serving() as (server, ws):
        live = asyncio.Event()
        ws.on("live")(lambda _: live.set())
        ws.on(name)(lambda _: _raise_cancelled())
        await asyncio.wait_for(ws.subscribe("futures/order"), 5)
        await asyncio.wait_for(live.wait(), 5)
        assert len(server.sessions) == 1


async def test_a_cancelled_connection_begins_again_with_the_next_subscribe() -> None:
    """Whatever ends its task, its state is a legal one."""
    async with serving() as (server, ws):
        await ws.subscribe(_TOPIC)
        (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "bitmart spot_public"]
        task.cancel()
        await asyncio.wait({task})
        await asyncio.wait_for(ws.subscribe("spot/ticker:ETH_USDT"), 5)
        assert sorted(server.last().topics) == [_TOPIC, "spot/ticker:ETH_USDT"]


async def test_a_generator_is_no_handler() -> None:
    """Calling it would run nothing: refused at once."""

    async def handler(update: Any) -> Any:
        yield update

    async with serving() as (server, ws):
        with pytest.raises(ParameterError, match="yield"):
            await ws.subscribe(_TOPIC, handler=handler)
        for name in ("update", "live"):
            with pytest.raises(ParameterError, match="yield"):
                ws.on(name)(handler)
        assert server.connects == 0


# Consumers that fall behind -----------------------------------------------------------------------


async def test_one_blocking_consumer_of_two_sockets_hears_both_to_the_end() -> None:
    """Both readers wait for the same queue, and both go on."""
    async with serving() as (server, ws):
        both = await ws.subscribe([_TOPIC, "futures/ticker:BTCUSDT"], overflow="block", queue_size=2)
        got: list[str] = []

        async def read() -> None:
            async for update in both:
                got.append(update.topic)
                await asyncio.sleep(0.001)

        reader = asyncio.create_task(read())
        for number in range(40):
            await server.last("spot").send(ticker(last=str(number)))
            await server.last("futures").send(futures_ticker(last=str(number)))
        await until(lambda: len(got) == 80)
        assert got.count(_TOPIC) == 40
        await both.unsubscribe()
        await reader


@pytest.mark.parametrize("who", ["another", "the consumer"])
async def test_a_blocked_reader_reads_on_while_an_answer_is_due(who: str) -> None:
    """A subscribe is acknowledged although a consumer is full, even when that consumer makes it."""
    async with serving() as (server, ws):
        gate, done = asyncio.Event(), asyncio.Event()
        got: list[int] = []

        async def handler(update: Update[Any]) -> None:
            if not got and who == "the consumer":
                await gate.wait()
                await ws.subscribe("spot/ticker:ETH_USDT")
                done.set()
            elif who == "another":
                await done.wait()
            got.append(int(update.data.last_price))

        await ws.subscribe(_TOPIC, handler=handler, overflow="block", queue_size=1)
        await server.last().send(*(ticker(last=str(number)) for number in range(9)))
        (connection,) = ws._pool
        await until(lambda: (session := connection._standing.session) is not None and session.paused)
        gate.set()
        if who == "another":
            await asyncio.wait_for(ws.subscribe("spot/ticker:ETH_USDT"), 5)
            done.set()
        await until(lambda: got == list(range(9)))
        assert server.last().topics == {_TOPIC: 1, "spot/ticker:ETH_USDT": 1}


async def test_a_burst_in_one_read_loses_nothing_to_a_waiting_consumer() -> None:
    """3000 private pushes at once, three times the queue: the reader lets the iterator run."""
    async with serving() as (server, ws):
        orders = await ws.subscribe(_ORDERS)
        got: list[object] = []
        slow: list[SlowConsumer] = []

        async def read() -> None:
            try:
                async for update in orders:
                    got.append(update)  # noqa: PERF401 - watched while it grows
            except SlowConsumer as error:
                slow.append(error)

        reader = asyncio.create_task(read())
        frames = b"".join(
            WireFrame(Opcode.TEXT, own_order(number).encode()).serialize(mask=False) for number in range(3000)
        )
        server.last().connection.transport.write(frames)
        await until(lambda: slow or len(got) == 3000)
        assert (slow, orders.dropped) == ([], 0)
        await orders.unsubscribe()
        await reader


# Answers ------------------------------------------------------------------------------------------


async def test_late_answers_refuse_the_culprit_alone() -> None:
    """Every answer comes after ack_timeout, the error first and without a topic: good is kept."""
    good, bad = "spot/ticker:GOOD_USDT", "spot/ticker:BAD_USDT"
    late: list[asyncio.Task[None]] = []

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation != "subscribe":
            return None

        async def answer() -> None:
            await asyncio.sleep(0.25)
            for topic in sorted(message.args):  # the bad one first
                await session.send(_NAMELESS if topic == bad else session.ack("subscribe", topic))

        late.append(asyncio.create_task(answer()))
        return []

    async with serving(reply, client={"ack_timeout": 0.2}) as (_, ws):
        with pytest.raises(SubscriptionRefused) as caught:
            await ws.subscribe([good, bad])
        assert caught.value.topics == (bad,)
        await asyncio.gather(*late)


async def test_an_error_without_a_topic_starts_the_asking_one_by_one_soon() -> None:
    """Not only after ack_timeout."""

    def reply(_: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe" and (len(message.args) > 1 or "BAD" in message.args[0]):
            return [_NAMELESS]
        return None

    async with serving(reply, client={"ack_timeout": 60.0}) as (_, ws):
        with pytest.raises(SubscriptionRefused) as caught:
            await asyncio.wait_for(ws.subscribe([_TOPIC, "spot/ticker:BAD_USDT", "spot/ticker:C_USDT"]), 5)
        assert caught.value.topics == ("spot/ticker:BAD_USDT",)


async def test_data_of_one_topic_does_not_confirm_another() -> None:
    """A push for a pair may be the pair's or that of all orders; the refusal of all orders is heard."""
    pair = "spot/user/order:BTC_USDT"
    refusal = {
        "errorCode": "90004",
        "errorMessage": "channel not exist",
        "topic": _ORDERS,
        "event": "subscribe",
    }

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation != "subscribe":
            return None
        return [session.ack("subscribe", pair), own_order(1, "spot/user/order"), refusal]

    async with serving(reply) as (_, ws):
        with pytest.raises(SubscriptionRefused) as caught:
            await ws.subscribe([pair, _ORDERS])
        assert caught.value.topics == (_ORDERS,)


async def test_a_newcomer_during_an_outage_does_not_cost_the_holder_its_topic() -> None:
    """The acks of the second socket are lost: it is replaced, and both have the topic."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [] if session.number == 2 and message.operation == "subscribe" else None

    async with serving(reply, client={"ack_timeout": 0.05, "reconnect_delay": (0.05, 0.05)}) as (server, ws):
        holder = await ws.subscribe(_TOPIC)
        waiting = asyncio.Event()
        ws.on("reconnecting")(lambda _: waiting.set())
        server.last().abort()
        await waiting.wait()
        newcomer = await asyncio.wait_for(ws.subscribe(_TOPIC), 5)
        assert holder.topics == newcomer.topics == (_TOPIC,)
        assert len(server.sessions) == 3


# Frames, ends, options ----------------------------------------------------------------------------


async def test_an_escaped_slash_in_a_key_is_a_slash() -> None:
    """Legal JSON of both markets, at the head and at the end of a frame."""
    async with serving() as (server, ws):
        got: list[str] = []
        both = [_TOPIC, "futures/ticker:BTCUSDT"]
        await ws.subscribe(both, handler=lambda update: got.append(update.topic))
        await server.last("spot").send(ticker().replace("spot/", "spot\\/"))
        await server.last("futures").send(futures_ticker().replace("futures/", "futures\\/"))
        await until(lambda: len(got) == 2)
        assert sorted(got) == ["futures/ticker:BTCUSDT", _TOPIC]


@pytest.mark.parametrize("ping", ["ping", '"ping"', '{"event":"ping"}'])
async def test_W1_a_server_ping_is_answered(ping: str) -> None:
    """With spot's pong."""
    async with serving() as (server, ws):
        await ws.subscribe(_TOPIC)
        await server.last().send(ping)
        await until(lambda: server.last().operations[-1:] == ["pong"])


async def test_leaving_needs_no_keys() -> None:
    """A topic that was subscribed as public is left by its name alone."""
    keyless = {"api_key": None, "api_secret": None, "api_memo": None}
    async with serving(client=keyless) as (server, ws):
        await ws.subscribe("futures/order", is_private=False)
        await ws.unsubscribe("futures/order")
        assert server.last().topics == {}


async def test_X1_a_handler_that_resists_its_end_does_not_hold_the_close() -> None:
    """Two seconds at most, whatever a handler does with its cancellation."""
    release = asyncio.Event()
    async with ScriptedServer() as server:
        ws = streams(server)
        began = asyncio.Event()

        async def stubborn(update: Update[Any]) -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                await release.wait()

        await ws.subscribe(_TOPIC, handler=stubborn)
        await server.last().send(ticker())
        await began.wait()
        started = time.monotonic()
        await ws.aclose()
        assert time.monotonic() - started < 2.0
        release.set()
        await until(lambda: our_tasks() == [])


async def test_X1_a_cancelled_close_ends_every_iteration() -> None:
    """Without waiting for a second close."""
    async with ScriptedServer() as server:
        ws = streams(server)
        ticks = await ws.subscribe(_TOPIC)
        waiting = asyncio.create_task(anext(ticks, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        closing = asyncio.create_task(ws.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert await asyncio.wait_for(waiting, 2) is None
        await ws.aclose()
        assert our_tasks() == []


def test_a_ping_interval_that_would_fill_the_message_budget_is_refused() -> None:
    """0.2 s is the shortest: half of the exchange's messages are then pings."""
    with pytest.raises(ConfigurationError, match="ping_interval"):
        WebsocketClient(ping_interval=0.1)
    WebsocketClient(ping_interval=0.2)


async def test_a_voluntary_close_is_no_gap() -> None:
    """The socket closed because nothing was wanted; the next one is a new beginning."""
    async with serving(client={"linger": 0.0}) as (server, ws):
        heard: list[Event] = []
        for name in ("live", "reconnected"):
            ws.on(name)(heard.append)
        await (await ws.subscribe(_TOPIC)).unsubscribe()
        await until(lambda: server.last().closed)
        await ws.subscribe(_TOPIC)
        await until(lambda: len(heard) == 2)
        assert [(event.name, event.gap) for event in heard] == [("live", None), ("live", None)]
