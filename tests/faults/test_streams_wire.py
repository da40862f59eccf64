"""W: what the exchange itself sends, or does not."""

from __future__ import annotations

import asyncio
import gc
import resource
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bitmart_async.errors import FrameUnreadable, LoginRefused, StreamError
from bitmart_async.websocket import topics
from tests.scripted_ws import (
    Message,
    ScriptedServer,
    Session,
    our_tasks,
    serving,
    streams,
    ticker,
    trades,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bitmart_async.websocket.client import WebsocketClient
    from bitmart_async.websocket.events import Event, Update

_TOPIC = "spot/ticker:BTC_USDT"
_REFUSED = {
    "spot": {"event": "login", "errorCode": "91002", "errorMessage": "API KEY not found"},
    "futures": {"action": "access", "success": False, "error": "access failed: openapi auth failed"},
}
_PASSING = {
    "spot": {"event": "login", "errorCode": "95000", "errorMessage": "system error"},
    "futures": {"action": "access", "success": False, "error": "authentication is temporarily unavailable"},
}
_CLOCK = {
    "spot": {"event": "login", "errorCode": "91022", "errorMessage": "timestamp expired"},
    "futures": {"action": "access", "success": False, "error": "access failed: invalid timestamp"},
}
_PRIVATE = {"spot": "spot/user/orders:ALL_SYMBOLS", "futures": "futures/order"}
_MARKETS = pytest.mark.parametrize("market", ["spot", "futures"])


def _listen(ws: WebsocketClient, *names: str) -> list[Event]:
    heard: list[Event] = []
    for name in names:
        ws.on(name)(heard.append)
    return heard


def _deflate(text: str) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(text.encode()) + packer.flush()


async def test_W1_heartbeats_of_every_form_reach_nobody() -> None:
    """Bare, quoted, empty, JSON, binary: signs of life, no updates, no errors."""
    async with serving() as (server, ws):
        errors, got = _listen(ws, "exception", "reconnecting"), []
        await ws.subscribe(["spot/trade:BTC_USDT", "futures/trade:BTCUSDT"], handler=got.append)
        spot, futures = server.last("spot"), server.last("futures")
        await spot.send(
            "pong",
            "ping",
            "",
            '"pong"',
            b"pong",
            b"",
            _deflate("pong"),
            '{"event":"pong"}',
            trades("BTC_USDT", "1"),
        )
        await futures.send(
            {"group": "System", "data": "pong+1"},
            {"data": "pong", "group": "System"},
            {"action": "pong"},
            "pong",
            b"",
            {"action": "ping"},
            '{"group":"futures/trade:BTCUSDT","data":[{"trade_id":1,"symbol":"BTCUSDT","deal_price":"1",'
            '"deal_vol":"1","created_at":"x"}]}',
        )
        await until(lambda: len(got) == 2)
        assert errors == []


@_MARKETS
async def test_W2_a_login_that_is_never_answered(market: str) -> None:
    """The socket is dropped after login_timeout; nothing private is asked for before an answer."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [] if message.operation == "login" and session.number <= 2 else None

    async with serving(reply, client={"login_timeout": 0.05}) as (server, ws):
        heard = _listen(ws, "reconnecting")
        await ws.subscribe(_PRIVATE[market])
        assert [session.operations for session in server.sessions] == [
            ["login"],
            ["login"],
            ["login", "subscribe"],
        ]
        assert "login was not answered" in str(heard[0].error)


@_MARKETS
async def test_W3_frames_before_the_login_answer_are_not_lost(market: str) -> None:
    """Data, pong and a stray error first: the answer is found by its kind, each stray is heeded once."""
    private = _PRIVATE[market]
    key = {"spot": '"table":"spot/user/orders"', "futures": '"group":"futures/order"'}[market]

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation != "login":
            return None
        stray = (
            {"errorCode": "90003", "errorMessage": "odd"}
            if market == "spot"
            else {"success": False, "error": "Invalid message: odd"}
        )
        return ["pong", f'{{"data":[],{key}}}', stray, session.pong(), session.logged_in()]

    async with serving(reply) as (server, ws):
        errors = _listen(ws, "exception")
        await ws.subscribe(private)
        assert server.last().operations == ["login", "subscribe"]
        assert [str(event.error) for event in errors if "odd" in str(event.error)] == [str(errors[0].error)]
        assert len(errors) == 1


@_MARKETS
async def test_W4_a_final_refusal_is_tried_once_and_public_topics_live(market: str) -> None:
    """One attempt, one error to the owner, one event; the public stream has no gap."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [_REFUSED[market]] if message.operation == "login" else None

    async with serving(reply) as (server, ws):
        heard = _listen(ws, "exception", "close", "reconnecting", "authenticated")
        ticks = await ws.subscribe(_TOPIC)
        with pytest.raises(LoginRefused) as caught:
            await ws.subscribe(_PRIVATE[market])
        assert caught.value.endpoint == f"{market}_private"
        await server.of("spot_public")[0].send(ticker())
        await anext(ticks)
        await until(lambda: server.of(f"{market}_private")[0].closed)
        assert [task for task in our_tasks() if "private" in task] == []
        assert server.connects == 2
        assert [session.number for session in server.of(f"{market}_private")] == [1]
        assert server.of(f"{market}_private")[0].operations == ["login"]
        assert [(event.name, event.connection) for event in heard] == [
            ("exception", f"{market}_private"),
            ("close", f"{market}_private"),
        ]


@_MARKETS
async def test_W4_keys_refused_later_end_the_iteration_of_private_topics(market: str) -> None:
    """A login that worked and no longer does: iterators raise, one attempt; a new subscribe tries again."""
    refuse: list[bool] = []

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [_REFUSED[market]] if message.operation == "login" and refuse else None

    async with serving(reply) as (server, ws):
        orders = await ws.subscribe(_PRIVATE[market])
        refuse.append(True)
        server.last().abort()
        with pytest.raises(LoginRefused):
            await asyncio.wait_for(anext(orders), 5)
        assert len(server.sessions) == 2
        refuse.clear()
        await ws.subscribe(_PRIVATE[market])
        assert len(server.sessions) == 3


@_MARKETS
async def test_W4_a_passing_refusal_is_tried_again(market: str) -> None:
    """The exchange is busy: backoff, and the subscribe succeeds in the end."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [_PASSING[market]] if message.operation == "login" and session.number < 4 else None

    async with serving(reply) as (server, ws):
        heard = _listen(ws, "exception", "reconnecting", "authenticated")
        await ws.subscribe(_PRIVATE[market])
        assert [session.operations for session in server.sessions] == [["login"]] * 3 + [
            ["login", "subscribe"]
        ]
        assert [event.name for event in heard] == ["reconnecting"] * 3 + ["authenticated"]


class _Clock:
    """The exchange's REST clock, two minutes ahead."""

    AHEAD_MS = 120_000

    def __init__(self) -> None:
        self.asked = 0
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        import time

        self.asked += 1
        now = int(time.time() * 1000) + self.AHEAD_MS
        return web.json_response({"message": "OK", "code": 1000, "trace": "t", "data": {"server_time": now}})


@pytest.fixture
async def rest_clock() -> AsyncIterator[_Clock]:
    clock = _Clock()
    app = web.Application()
    app.router.add_get("/system/time", clock.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    clock.port = runner.addresses[0][1]
    yield clock
    await runner.cleanup()


@_MARKETS
async def test_W5_a_refused_timestamp_is_measured_again(market: str, rest_clock: _Clock) -> None:
    """The clock is synced over REST, and the second login carries the exchange's time."""
    times: list[int] = []

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation != "login":
            return None
        times.append(int(message.args[1]))
        return [_CLOCK[market]] if len(times) == 1 else None

    async with serving(reply, rest=rest_clock.port) as (_, ws):
        errors = _listen(ws, "exception")
        await ws.subscribe(_PRIVATE[market])
        assert len(times) == 2
        assert rest_clock.asked >= 1
        assert 110_000 < times[1] - times[0] < 130_000
        assert errors == []


@_MARKETS
async def test_W5_a_timestamp_refused_twice_is_final(market: str, rest_clock: _Clock) -> None:
    """Once measured, the clock is not the fault: LoginRefused after two logins."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [_CLOCK[market]] if message.operation == "login" else None

    async with serving(reply, rest=rest_clock.port) as (server, ws):
        with pytest.raises(LoginRefused, match="clock"):
            await ws.subscribe(_PRIVATE[market])
        assert [session.operations for session in server.sessions] == [["login"], ["login"]]


async def test_W6_a_bomb_ends_the_socket_in_bounded_memory() -> None:
    """200 kB that would inflate to 200 MB: at most 8 MiB is made, the socket replaced, a gap told."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 300_000
    async with serving() as (server, ws):
        heard = _listen(ws, "live", "reconnecting")
        ticks = await ws.subscribe(_TOPIC)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await server.last().send(bomb)
        second = await server.session("spot_public", 2)
        await until(lambda: len(heard) == 3)
        assert "8 MiB" in str(heard[1].error)
        assert heard[2].gap is not None
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
        await second.send(ticker())
        await anext(ticks)


async def test_W6_a_frame_beyond_4_mib_ends_the_socket() -> None:
    """It is not read to its end; the next socket serves the topic."""
    async with serving() as (server, ws):
        ticks = await ws.subscribe(_TOPIC)
        await server.last().send(b"{" + bytes(4 * 1024 * 1024))
        second = await server.session("spot_public", 2)
        await until(lambda: second.topics)
        await second.send(ticker())
        await anext(ticks)
        gc.collect()  # what a library kept of the error must not turn up later as unhandled


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(_deflate(ticker())[:-9], id="cut"),
        pytest.param(b"\x01" + _deflate(ticker()), id="flipped"),
        pytest.param(b"\xff" * 50, id="noise"),
        pytest.param(ticker().replace('"', "'"), id="single quotes"),
        pytest.param(ticker()[:-20], id="half"),
        pytest.param("hello", id="word"),
        pytest.param("<html>502</html>", id="page"),
        pytest.param(
            '{"table":"spot/ticker","data":[{"symbol":"\ud83d"}]}'.encode("utf-8", "surrogatepass"),
            id="utf-8",
        ),
        pytest.param(_deflate("[[["), id="inflated nonsense"),
    ],
)
async def test_W7_an_unreadable_frame_is_reported_and_skipped(damaged: str | bytes) -> None:
    """The event carries the raw bytes; what follows is read on the same socket."""
    async with serving() as (server, ws):
        errors = _listen(ws, "exception")
        ticks = await ws.subscribe(_TOPIC)
        await server.last().send(damaged, ticker(last="7"))
        assert str((await anext(ticks)).data.last_price) == "7"  # type: ignore[union-attr]
        (event,) = errors
        assert isinstance(event.error, FrameUnreadable)
        assert event.connection == "spot_public"
        raw = damaged if isinstance(damaged, bytes) else damaged.encode()
        assert event.error.raw in (raw, b"[[[")
        assert len(server.sessions) == 1


@pytest.mark.parametrize("place", ["head", "tail"])
async def test_W7_a_key_with_broken_text_costs_nothing(place: str) -> None:
    """An escape beside bytes that are no UTF-8, in the name of a table: nobody's frame, and the socket stays."""
    async with serving() as (server, ws):
        got: list[Update[object]] = []
        await ws.subscribe(_TOPIC, handler=got.append)
        key = b'"table":"\x8f\\u0073"'
        damaged = b"{%b,%b}" % ((key, b'"data":[]') if place == "head" else (b'"data":[]', key))
        await server.last().send(damaged, ticker(last="7"))
        await until(lambda: got)
        assert len(server.sessions) == 1


async def test_W7_unexpected_content_is_reported_and_never_costs_the_socket() -> None:
    """Sound JSON of a wrong shape: each is told, however many, and the socket stays."""
    async with serving() as (server, ws):
        errors = _listen(ws, "exception")
        ticks = await ws.subscribe(_TOPIC)
        wrong = '{"data":[{"symbol":"BTC_USDT","last_price":"lots"}],"table":"spot/ticker"}'
        await server.last().send(*[wrong] * 5, ticker(last="7"))
        assert str((await anext(ticks)).data.last_price) == "7"  # type: ignore[union-attr]
        assert [type(event.error) for event in errors] == [FrameUnreadable] * 5
        assert {event.error.raw for event in errors if isinstance(event.error, FrameUnreadable)} == {
            wrong.encode()
        }
        assert len(server.sessions) == 1


async def test_W7_three_damaged_frames_in_a_minute_replace_the_socket() -> None:
    """The stream itself is then in doubt."""
    async with serving() as (server, ws):
        ticks = await ws.subscribe(_TOPIC)
        await server.last().send("{", "{", "{")
        second = await server.session("spot_public", 2)
        await until(lambda: second.topics)
        await second.send(ticker(last="7"))
        assert str((await anext(ticks)).data.last_price) == "7"  # type: ignore[union-attr]


# Defects of other clients ---------------------------------------------------------------------------


async def test_a_refused_spot_login_is_not_taken_for_success() -> None:
    """Its frame still says event "login": no private topic is asked for, and it is not tried for ever."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [_REFUSED["spot"]] if message.operation == "login" else None

    async with serving(reply) as (server, ws):
        heard = _listen(ws, "authenticated")
        with pytest.raises(LoginRefused) as caught:
            await ws.subscribe("spot/user/balance:BALANCE_UPDATE")
        assert caught.value.code == 91002
        assert heard == []
        assert [message.operation for message in server.last().messages] == ["login"]
        assert len(server.sessions) == 1


@_MARKETS
async def test_a_socket_lost_between_login_and_its_answer_costs_nothing(market: str) -> None:
    """The private topics live on the next socket, after a login of its own."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "login" and session.number == 1:
            session.abort()
            return []
        return None

    async with serving(reply) as (server, ws):
        await ws.subscribe(_PRIVATE[market])
        assert [session.operations for session in server.sessions] == [["login"], ["login", "subscribe"]]
        assert list(server.last().topics) == [_PRIVATE[market]]


async def test_binary_frames_keep_their_place_among_text_frames() -> None:
    """Inflating takes longer for a large frame, and nothing overtakes it."""
    async with serving() as (server, ws):
        got: list[Update[Any]] = []
        await ws.subscribe(topics.spot.trade("BTC_USDT"), handler=got.append)
        frames: list[str | bytes] = []
        for number in range(0, 300, 3):
            large = trades("BTC_USDT", str(number), *["9999"] * 200)
            frames += [
                _deflate(large),
                trades("BTC_USDT", str(number + 1)),
                _deflate(trades("BTC_USDT", str(number + 2))),
            ]
        await server.last().send(*frames)
        await until(lambda: len([1 for update in got if int(update.data.size) != 9999]) == 300)
        assert [int(update.data.size) for update in got if int(update.data.size) != 9999] == list(range(300))


async def test_a_handler_that_raises_does_not_end_the_stream() -> None:
    """Plain or async, every time: the error becomes an event, the next update comes."""
    async with serving() as (server, ws):
        errors, seen = _listen(ws, "exception"), []

        def plain(update: Update[Any]) -> None:
            seen.append("plain")
            raise RuntimeError("mine")

        async def later(update: Update[Any]) -> None:
            seen.append("async")
            raise LookupError("mine too")

        await ws.subscribe(_TOPIC, handler=plain)
        await ws.subscribe(_TOPIC, handler=later)
        for _ in range(3):
            await server.last().send(ticker())
        await until(lambda: len(seen) == 6 and len(errors) == 6)
        assert {type(event.error) for event in errors} == {RuntimeError, LookupError}
        assert len(server.sessions) == 1


async def test_a_sign_function_that_raises_is_told_and_leaks_nothing() -> None:
    """The caller gets an error without the words of the function, which has seen the secret."""

    def sign(message: bytes, secret: str) -> str:
        raise ValueError(f"cannot sign with {secret}")

    async with ScriptedServer() as server:
        async with streams(server, sign=sign) as ws:
            with pytest.raises(StreamError, match="ValueError") as caught:
                await ws.subscribe("futures/order")
            assert "canary" not in repr(caught.value)
        assert len(server.sessions) == 1
