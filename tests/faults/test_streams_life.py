"""L, X, Z: load, ends, and secrets."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async.errors import (
    BitMartError,
    LoginRefused,
    SlowConsumer,
    StreamUnavailable,
    SubscriptionRefused,
)
from bitmart_async.websocket import topics
from tests.conftest import CANARIES
from tests.scripted_ws import (
    FAST,
    KEYS,
    Message,
    ScriptedServer,
    Session,
    our_tasks,
    own_order,
    serving,
    streams,
    trades,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitmart_async.websocket.client import WebsocketClient
    from bitmart_async.websocket.events import Event, Update

_TRADES = "spot/trade:BTC_USDT"


def _fds() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting only


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_L2_a_handler_that_always_raises_hurts_nobody(kind: str, log_lines: list[str]) -> None:
    """Each error is an event, one log line tells of all, and the other consumers miss nothing."""
    async with serving() as (server, ws):
        errors: list[Event] = []
        others: list[Update[Any]] = []
        ws.on("exception")(errors.append)

        def bad(update: Update[Any]) -> None:
            raise RuntimeError("no")

        async def bad_later(update: Update[Any]) -> None:
            raise RuntimeError("no")

        @ws.on("exception")
        def worse(event: Event) -> None:
            raise ValueError("an event handler may fail too")

        await ws.subscribe(_TRADES, handler=bad if kind == "plain" else bad_later)
        await ws.subscribe(_TRADES, handler=others.append)
        for number in range(20):
            await server.last().send(trades("BTC_USDT", str(number)))
        await until(lambda: len(others) == 20 and len(errors) == 20)
        assert {type(event.error) for event in errors} == {RuntimeError}
    assert len([line for line in log_lines if "raised RuntimeError" in line]) == 1
    assert len([line for line in log_lines if "raised ValueError" in line]) == 1


async def _flood(session: Session, number: int) -> None:
    for start in range(0, number, 10):
        await session.send(trades("BTC_USDT", *(str(index) for index in range(start, start + 10))))


async def test_L3_a_burst_keeps_its_order_and_counts_its_losses() -> None:
    """50,000 trades: plain handlers and blocking iterators get all, each policy loses what it counts."""
    total = 50_000
    async with serving() as (server, ws):
        topic = topics.spot.trade("BTC_USDT")
        plain: list[int] = []
        await ws.subscribe(topic, handler=lambda update: plain.append(int(update.data.size)))
        blocking = await ws.subscribe(topic, overflow="block", queue_size=50)
        dropping = await ws.subscribe(topic, overflow="drop_oldest", queue_size=100)
        latest = await ws.subscribe(topic, overflow="latest")
        got: list[int] = []

        async def read() -> None:
            async for update in blocking:
                got.append(int(update.data.size))  # noqa: PERF401 - watched while it grows

        reader = asyncio.create_task(read())
        await _flood(server.last(), total)
        await until(lambda: len(got) == total, 30)
        assert plain == got == list(range(total))
        assert blocking.dropped == 0
        assert (dropping.dropped, dropping.queued) == (total - 100, 100)
        assert [int((await anext(dropping)).data.size) for _ in range(100)] == list(range(total - 100, total))
        assert (latest.queued, latest.dropped) == (1, total - 1)
        assert int((await anext(latest)).data.size) == total - 1
        await blocking.unsubscribe()
        await reader


async def test_L3_a_slow_consumer_of_private_topics_is_told() -> None:
    """raise is their policy: an unbroken row, then SlowConsumer with the number lost, an event, and on."""
    topic = topics.spot.orders()
    async with serving() as (server, ws):
        heard: list[Event] = []
        ws.on("exception")(heard.append)
        orders = await ws.subscribe(topic, queue_size=10)
        await server.last().send(own_order(0))
        assert (await anext(orders)).data.order_id == "0"
        await server.last().send(*(own_order(number) for number in range(1, 31)))
        await until(lambda: orders.dropped == 20)
        assert [(await anext(orders)).data.order_id for _ in range(10)] == [
            str(number) for number in range(1, 11)
        ]
        with pytest.raises(SlowConsumer) as caught:
            await anext(orders)
        assert caught.value.dropped == 20
        assert [type(event.error) for event in heard] == [SlowConsumer]
        await server.last().send(own_order(99))
        assert (await anext(orders)).data.order_id == "99"


async def test_L3_a_blocked_reader_is_no_dead_socket() -> None:
    """The consumer that asked for block stops reading for longer than pong_timeout: no reconnect, no loss."""
    async with serving(client={"ping_interval": 0.2, "pong_timeout": 0.05}) as (server, ws):
        slow = await ws.subscribe(topics.spot.trade("BTC_USDT"), overflow="block", queue_size=2)
        session = server.last()
        await session.send(trades("BTC_USDT", "0"))
        await anext(slow)
        for number in range(1, 10):
            await session.send(trades("BTC_USDT", str(number)))
        pings = len(session.sent("ping"))
        await until(lambda: len(session.sent("ping")) > pings + 5)
        assert [int((await anext(slow)).data.size) for _ in range(9)] == list(range(1, 10))
        assert len(server.sessions) == 1


async def test_L4_a_hundred_reconnects_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tasks and file descriptors after as before."""
    monkeypatch.setattr("bitmart_async.websocket.pacing.Pacer.CONNECTS", 1000)
    async with serving(client={"reconnect_delay": (0.001, 0.001)}) as (server, ws):
        await ws.subscribe([_TRADES, "futures/order"])
        await until(lambda: all(session.topics for session in server.sessions))
        gc.collect()
        tasks, fds = our_tasks(), _fds()
        for number in range(2, 52):
            for name in ("spot_public", "futures_private"):
                server.last(name).abort()
            for name in ("spot_public", "futures_private"):
                session = await server.session(name, number)
                await until(lambda: session.topics)  # noqa: B023 - waited for here
        await until(lambda: sum(not session.closed for session in server.sessions) == 2)
        gc.collect()
        assert our_tasks() == tasks
        assert _fds() <= fds


async def test_L4_subscribe_cycles_leave_nothing_behind() -> None:
    """Joining and leaving with an async handler keeps no task and no queue."""
    async with serving(client={"ping_interval": 60.0}) as (server, ws):

        async def handler(update: Update[Any]) -> None: ...

        await ws.subscribe("spot/ticker:BTC_USDT")
        await ws.subscribe(_TRADES)
        before = our_tasks()
        for _ in range(300):
            subscription = await ws.subscribe(_TRADES, handler=handler)
            await subscription.unsubscribe()
        await until(lambda: our_tasks() == before)
        gc.collect()
        from bitmart_async.websocket.mailbox import Mailbox

        alive = [thing for thing in gc.get_objects() if isinstance(thing, Mailbox)]
        assert len(alive) < 20
        assert len(server.sessions) == 1


# Ends ---------------------------------------------------------------------------------------------


def _stuck(where: str) -> dict[str, Any]:
    """A server that keeps a client in a state."""

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if (where, message.operation) in {("logging in", "login"), ("subscribing", "subscribe")}:
            return []
        if where == "leaving" and message.operation == "unsubscribe":
            return []
        return None

    async def opened(session: Session) -> None:
        if where == "deaf":
            await session.connection.wait_closed()

    def handshake(number: int) -> int | None:
        return 500 if where == "waiting" else None

    return {"reply": reply, "opened": opened, "handshake": handshake}


@pytest.mark.parametrize(
    "where",
    ["idle", "starting", "connecting", "deaf", "logging in", "subscribing", "leaving", "live", "waiting"],
)
async def test_X1_close_ends_every_state_within_two_seconds(where: str) -> None:
    """Idempotent, nothing left, whoever waits is told."""
    script = _stuck(where)
    async with ScriptedServer(
        script["reply"], opened=script["opened"], handshake=script["handshake"]
    ) as server:
        ws = streams(server, reconnect_delay=(5.0, 5.0))
        task: asyncio.Task[Any] | None = None
        if where in ("live", "leaving"):
            subscription = await ws.subscribe("futures/order")
            if where == "leaving":
                task = asyncio.create_task(subscription.unsubscribe())
                await until(lambda: server.last().sent("unsubscribe"))
        elif where != "idle":
            task = asyncio.create_task(ws.subscribe("futures/order"))
            await asyncio.sleep(0)
            if where == "connecting":
                await asyncio.sleep(0)
            elif where == "waiting":
                await until(lambda: server.connects)
            elif where in ("deaf", "logging in"):
                await until(lambda: server.sessions)
            elif where == "subscribing":
                await until(lambda: server.sessions and server.last().sent("subscribe"))
        began = time.monotonic()
        await asyncio.gather(ws.aclose(), ws.aclose())
        await ws.aclose()
        assert time.monotonic() - began < 2.0
        assert our_tasks() == []
        if task is not None:
            (result,) = await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 2)
            assert result is None or isinstance(result, BitMartError)
        await until(lambda: all(session.closed for session in server.sessions))


async def test_X1_a_handler_may_close_the_client() -> None:
    """From inside an update or an event, without waiting for itself."""
    async with ScriptedServer() as server:
        ws = streams(server)
        done = asyncio.Event()

        async def enough(update: Update[Any]) -> None:
            await ws.aclose()
            done.set()

        await ws.subscribe(_TRADES, handler=enough)
        await server.last().send(trades("BTC_USDT", "1"))
        await asyncio.wait_for(done.wait(), 3)
        await until(lambda: our_tasks() == [])


async def test_X1_a_cancelled_close_can_be_repeated() -> None:
    """Cancelling aclose() at its first wait leaves a client that still closes."""

    async def reply(session: Session, message: Message) -> list[Any] | None:
        return None

    async with ScriptedServer(reply) as server:
        ws = streams(server)
        await ws.subscribe(_TRADES)
        closing = asyncio.create_task(ws.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await asyncio.wait_for(ws.aclose(), 2)
        assert our_tasks() == []


@pytest.mark.parametrize("phase", ["handshake", "login", "replay", "data", "close"])
async def test_X3_a_cut_in_any_phase_ends_live_or_closed(phase: str) -> None:
    """Three cuts in a row in the same phase, and it is live within seconds; a cut close still closes."""
    cuts = 3

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if session.number <= cuts and (phase, message.operation) in {
            ("login", "login"),
            ("replay", "subscribe"),
        }:
            session.abort()
            return []
        return None

    async def opened(session: Session) -> None:
        if phase == "handshake" and session.number <= cuts:
            session.abort()

    async with serving(reply, opened=opened) as (server, ws):
        live = asyncio.Event()
        orders = await asyncio.wait_for(ws.subscribe("futures/order"), 5)
        if phase == "data":
            ws.on("live")(lambda _: live.set())
            for number in range(1, cuts + 1):
                live.clear()
                server.last().abort_in_frame('{"group":"futures/order","data":[]}', 9)
                await asyncio.wait_for(live.wait(), 5)
                assert len(server.sessions) == number + 1
        await until(lambda: server.last().topics)
        if phase == "close":
            server.last().abort()
            await asyncio.wait_for(ws.aclose(), 2)
            assert [update async for update in orders] == []


# Secrets ------------------------------------------------------------------------------------------


def _shown(thing: object) -> Iterator[str]:
    yield repr(thing)
    yield str(thing)
    if isinstance(thing, BaseException):
        yield "".join(traceback.format_exception(thing))
        yield repr(pickle.loads(pickle.dumps(thing)).__dict__)
        yield repr(vars(thing))


async def _through_everything(ws: WebsocketClient, server: ScriptedServer) -> list[object]:
    """Login, refusals that echo the key, damaged frames, losses; everything a user could see."""
    seen: list[object] = [ws]
    for name in ("open", "authenticated", "response", "live", "reconnecting", "close", "exception"):
        ws.on(name)(seen.append)
    for wanted in (["spot/ticker:NOPE", _TRADES], "futures/order", "spot/user/balance:BALANCE_UPDATE"):
        try:
            seen.append(await ws.subscribe(wanted))
        except (SubscriptionRefused, LoginRefused, StreamUnavailable) as error:
            seen.append(error)
    session = server.last("spot_public")
    await session.send(_echo("92001"), '{"success":1}', b"\x00\xff", trades("BTC_USDT", "1"))
    session.abort()
    await server.session("spot_public", session.number + 1)
    seen += ws._pool
    return seen


def _echo(code: str, **more: str) -> dict[str, str]:
    return {"errorCode": code, "errorMessage": f"key {KEYS['api_key']} secret {KEYS['api_secret']}", **more}


@pytest.mark.traced
@pytest.mark.parametrize("login", ["accepted", "refused", "passing", "lost"])
async def test_Z1_no_secret_is_ever_shown(login: str, log_lines: list[str]) -> None:
    """Key, secret and memo are in no log line down to level 5, no repr, no error, no traceback, no pickle,
    even when the exchange echoes them."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "login" and session.number == 1:
            if login == "refused":
                return [
                    _echo("91002", event="login")
                    if session.spot
                    else {"action": "access", "success": False, "error": f"access failed: {KEYS['api_key']}"}
                ]
            if login == "passing":
                return [
                    _echo("95000", event="login")
                    if session.spot
                    else {
                        "action": "access",
                        "success": False,
                        "error": f"{KEYS['api_key']} authentication is temporarily unavailable",
                    }
                ]
            if login == "lost":
                session.abort()
                return []
        if "spot/ticker:NOPE" in message.args:
            good = [topic for topic in message.args if topic != "spot/ticker:NOPE"]
            return [
                _echo("92001", event="subscribe", topic="spot/ticker:NOPE"),
                *session.usual(Message(message.text, "subscribe", tuple(good))),
            ]
        return None

    async with serving(reply) as (server, ws):
        seen = await _through_everything(ws, server)
    assert len(seen) >= 8
    assert any("spot_public > " in line for line in log_lines)  # level 5 was on
    for thing in seen:
        for text in _shown(thing):
            assert not any(canary in text for canary in CANARIES), text
    for event in seen:
        for text in _shown(getattr(event, "error", None)):
            assert not any(canary in text for canary in CANARIES), text
    assert not [line for line in log_lines if any(canary in line for canary in CANARIES)]
    assert FAST  # the options themselves hold no secret
