"""T: what networks, name servers, edges and certificates do, with a proxy in between."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from bitmart_async import WebsocketClient
from bitmart_async.environments import Environment, local
from bitmart_async.errors import IpBanned, StreamUnavailable, TlsError
from bitmart_async.websocket import topics
from tests.conftest import KEYS
from tests.fast_time import fast_time, virtual_time
from tests.faultproxy import FaultProxy
from tests.paper_exchange import PaperExchange
from tests.scripted_ws import FAST, ScriptedServer, our_tasks, serving, trades, until
from tests.wall_clock import sleeping_machine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bitmart_async.websocket.events import Event, Update
    from bitmart_async.websocket.subscription import Subscription

_TRADES = topics.spot.trade("BTC_USDT")
_TOPIC = "spot/trade:BTC_USDT"


def _listen(ws: WebsocketClient, *names: str) -> list[Event]:
    heard: list[Event] = []
    for name in names:
        ws.on(name)(heard.append)
    return heard


def _through(port: int) -> Environment:
    return local(spot_rest=9, futures_rest=9, spot_streams=port, futures_streams=port)


@contextlib.asynccontextmanager
async def _proxied(
    **options: Any,
) -> AsyncIterator[tuple[ScriptedServer, FaultProxy, WebsocketClient]]:
    """A scripted spot server, a proxy before it, and a client of the proxy."""
    async with ScriptedServer() as server:
        port = int(server.environment.spot_public.split(":")[2].split("/")[0])
        async with FaultProxy(port) as proxy:
            async with WebsocketClient(environment=_through(proxy.port), **{**KEYS, **FAST, **options}) as ws:
                yield server, proxy, ws
            assert our_tasks() == []


@fast_time(20)
async def test_T1_a_black_hole_is_left_within_fifteen_seconds() -> None:
    """Bytes stop in both directions, the socket stays open: dropped by our own clock, without a goodbye."""
    async with _proxied(ping_interval=10.0, pong_timeout=5.0, connect_timeout=10.0) as (server, proxy, ws):
        lost = _listen(ws, "reconnecting")
        got: list[Update[Any]] = []
        await ws.subscribe(_TRADES, handler=got.append)
        loop = asyncio.get_running_loop()
        proxy.toxics.blackhole = True
        began = loop.time()
        await until(lambda: lost, 60)
        assert loop.time() - began <= 15.0 + 3.0  # three seconds at twenty times the speed for a busy machine
        assert "not a byte" in str(lost[0].error)
        proxy.toxics.blackhole = False
        await until(lambda: len(server.sessions) == 2 and server.last().topics, 60)
        await server.last().send(trades("BTC_USDT", "7"))
        await until(lambda: got, 60)


async def _read(subscription: Subscription[Any], seen: list[str]) -> None:
    async for update in subscription:
        seen.append(str(update.data.size))  # noqa: PERF401 - watched while it grows


async def test_T3_an_rst_after_any_number_of_bytes() -> None:
    """Cut in the handshake, the ack, a frame: never an error to the user beside the loss, and it comes back."""
    for cut in (10, 129, 135, 180, 300):
        async with _proxied() as (server, proxy, ws):
            errors = _listen(ws, "exception", "gap")
            proxy.toxics.limit_data = cut

            async def heal(proxy: FaultProxy = proxy) -> None:
                await until(lambda: proxy.connects >= 2)
                proxy.toxics.limit_data = None
                proxy.reset()

            healing = asyncio.create_task(heal())
            pending = asyncio.create_task(ws.subscribe(_TRADES))
            with contextlib.suppress(TimeoutError):
                await until(lambda server=server: server.sessions and server.last().topics, 1)
                await server.last().send(trades("BTC_USDT", *["1"] * 9))
            subscription = await asyncio.wait_for(pending, 5)
            await healing
            seen: list[str] = []
            reading = asyncio.create_task(_read(subscription, seen))
            async with asyncio.timeout(5):
                while "7" not in seen:  # what is sent into a socket that is just being reset is lost
                    await server.last().send(trades("BTC_USDT", "7"))
                    await asyncio.sleep(0.01)
            reading.cancel()
            assert set(seen) <= {"1", "7"}
            assert errors == []


@pytest.mark.parametrize(("status", "tries"), [(429, 2), (403, 4), (503, 4)])
def test_T8_an_edge_that_refuses_is_asked_rarely(status: int, tries: int) -> None:
    """429 waits a full minute; 403 and 503 are tried 30 to 60 s apart, and the third in a row is told."""

    @fast_time(400)
    async def run() -> None:
        times: list[float] = []

        def handshake(_: int) -> tuple[int, str] | None:
            times.append(asyncio.get_running_loop().time())
            return (status, "<html>blocked</html>") if len(times) <= tries else None

        options = {
            "connect_timeout": 400.0,
            "login_timeout": 400.0,
            "ack_timeout": 100.0,
            "ping_interval": 200.0,
        }
        async with serving(handshake=handshake, client=options) as (_, ws):
            heard = _listen(ws, "exception", "reconnecting")
            await ws.subscribe(_TOPIC)
            gaps = [after - before for before, after in zip(times, times[1:], strict=False)]  # noqa: RUF007
            lowest, highest = (60.0, 60.0) if status == 429 else (30.0, 60.0)
            assert len(gaps) == tries
            assert all(lowest - 1 <= gap <= highest + 20 for gap in gaps), gaps
            waits = [event for event in heard if event.name == "reconnecting"]
            assert all(lowest <= (event.delay or 0) <= highest for event in waits)
            assert all(isinstance(event.error, StreamUnavailable) for event in waits)
            assert {event.error.http_status for event in waits} == {status}  # type: ignore[union-attr]
            assert "blocked" in str(waits[0].error)  # a safe excerpt
            told = [event for event in heard if event.name == "exception"]
            assert len(told) == (0 if status == 429 else 1)

    run()


async def test_T8_418_stops_every_connection_to_the_host(log_lines: list[str]) -> None:
    """Public and private of the market end with IpBanned, the other market goes on; no more connects."""
    banned: list[bool] = []
    async with serving(handshake=lambda _: (418, "<html>banned</html>") if banned else None) as (server, ws):
        heard = _listen(ws, "exception", "close")
        spot = await ws.subscribe(_TOPIC)
        private = await ws.subscribe("spot/user/orders:ALL_SYMBOLS")
        futures = await ws.subscribe("futures/trade:BTCUSDT")
        banned.append(True)
        server.last("spot_public").abort()
        for lost in (spot, private):
            with pytest.raises(IpBanned) as caught:
                await asyncio.wait_for(anext(lost), 5)
        assert caught.value.http_status == 418
        assert 590 < (caught.value.retry_after or 0) <= 600
        assert isinstance(caught.value, StreamUnavailable)
        assert b"banned" in caught.value.raw
        assert "418" in str(caught.value)
        connects = server.connects
        for _ in range(3):
            with pytest.raises(IpBanned):
                await ws.subscribe("spot/ticker:BTC_USDT")
            with pytest.raises(IpBanned):
                await ws.subscribe("spot/user/balance:BALANCE_UPDATE")
        assert server.connects == connects
        await until(
            lambda: (
                {(event.name, event.connection) for event in heard}
                >= {("close", "spot_public"), ("close", "spot_private")}
            )
        )
        assert futures.topics == ("futures/trade:BTCUSDT",)
        assert ws.health().connection("futures_public").state == "live"
        banned.clear()


async def test_T8_a_ban_met_by_connect_all_and_rotate() -> None:
    """The same typed error from every call that opens a socket."""
    banned: list[bool] = []
    async with serving(handshake=lambda _: 418 if banned else None) as (_, ws):
        await ws.subscribe(_TOPIC)
        banned.append(True)
        with pytest.raises(IpBanned):
            await ws.rotate()
        with pytest.raises(IpBanned):
            await ws.connect_all()
        await until(lambda: our_tasks() == [])


# Names ----------------------------------------------------------------------------------------------


class _Names:
    """The loop's resolver, scripted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], Any]) -> None:
        self.asked = 0
        self.answer = answer
        real = asyncio.get_running_loop().getaddrinfo

        async def getaddrinfo(host: object, port: object, **options: Any) -> Any:
            if host != "localhost":
                return await real(host, port, **options)  # type: ignore[arg-type]
            self.asked += 1
            result = self.answer(self.asked)
            if asyncio.iscoroutine(result):
                result = await result
            if isinstance(result, BaseException):
                raise result
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", result))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


def _named(port: int) -> Environment:
    environment = _through(port)
    return dataclasses.replace(
        environment, spot_public=environment.spot_public.replace("127.0.0.1", "localhost")
    )


def _port(server: ScriptedServer) -> int:
    return int(server.environment.spot_public.split(":")[2].split("/")[0])


async def test_T9_a_name_that_fails_and_heals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again for every attempt, for ever; the first good answer connects."""
    async with ScriptedServer() as server:
        names = _Names(
            monkeypatch,
            lambda asked: socket.gaierror(socket.EAI_AGAIN, "try again") if asked < 5 else _port(server),
        )
        async with WebsocketClient(environment=_named(1), **FAST) as ws:
            lost = _listen(ws, "reconnecting")
            await ws.subscribe(_TOPIC)
            assert names.asked == 5
            assert len(lost) == 4
            assert all("no connection" in str(event.error) for event in lost)


@pytest.mark.parametrize("hanging", ["coroutine", "thread"])
async def test_T10_a_lookup_that_hangs(monkeypatch: pytest.MonkeyPatch, hanging: str) -> None:
    """The connect deadline includes it, and close() waits for no lookup, not even one in a thread."""
    release = asyncio.Event()
    if hanging == "coroutine":
        names = _Names(monkeypatch, lambda _: release.wait())
    else:
        stop = __import__("threading").Event()
        names = _Names(monkeypatch, lambda _: asyncio.get_running_loop().run_in_executor(None, stop.wait, 5))
        names.answer = lambda _: _in_thread(stop)
    ws = WebsocketClient(
        environment=_named(1), **{**FAST, "connect_timeout": 0.2, "reconnect_delay": (9.0, 9.0)}
    )
    with pytest.raises(StreamUnavailable, match=r"no stream within 0\.2 s"):
        await ws.subscribe(_TOPIC)
    pending = asyncio.create_task(ws.subscribe(_TOPIC))
    await until(lambda: names.asked >= 1)
    began = time.monotonic()
    await ws.aclose()
    assert time.monotonic() - began < 2.0
    assert our_tasks() == []
    assert isinstance((await asyncio.gather(pending, return_exceptions=True))[0], Exception)
    if hanging == "thread":
        stop.set()


async def _in_thread(stop: Any) -> int:
    await asyncio.get_running_loop().run_in_executor(None, stop.wait, 5)
    return 1


async def test_T11_an_address_that_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one answers 502, the name then gives the new one: used within two attempts."""
    async with ScriptedServer(handshake=lambda _: 502) as old, ScriptedServer() as new:
        names = _Names(monkeypatch, lambda asked: _port(old) if asked == 1 else _port(new))
        async with WebsocketClient(environment=_named(1), **FAST) as ws:
            await ws.subscribe(_TOPIC)
            assert names.asked == 2
            assert (old.connects, new.connects) == (1, 1)


# Certificates ---------------------------------------------------------------------------------------


class _Tls:
    """A TLS server that may ignore the goodbye."""

    def __init__(self, certificate: trustme.LeafCert, far: int, *, rude: bool = False) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        self.attempts = 0
        self.far = far
        self.rude = rude
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> _Tls:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self.tasks.add(asyncio.create_task(self._accept()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            peer, _ = await loop.sock_accept(self._listener)
            self.attempts += 1
            self.tasks.add(asyncio.create_task(self._serve(peer)))

    async def _serve(self, peer: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far)

        async def flush() -> None:
            if data := outgoing.read():
                await loop.sock_sendall(peer, data)

        async def down() -> None:
            while data := await far_reader.read(65536):
                tls.write(data)
                await flush()
            if self.rude:  # the far side is done: go on talking instead of a goodbye
                while True:
                    tls.write(b"\x81\x04pong")
                    await flush()
                    await asyncio.sleep(0.01)

        downward: asyncio.Task[None] | None = None
        try:
            while data := await loop.sock_recv(peer, 65536):
                incoming.write(data)
                with contextlib.suppress(ssl.SSLWantReadError):
                    if downward is None:
                        tls.do_handshake()
                        downward = asyncio.create_task(down())
                    while piece := tls.read(65536):
                        far_writer.write(piece)
                await flush()
        except (OSError, ssl.SSLError):
            return
        finally:
            if downward is not None:
                downward.cancel()
                await asyncio.gather(downward, return_exceptions=True)
            far_writer.transport.abort()
            peer.close()


def _secure(port: int) -> Environment:
    environment = _through(port)
    return dataclasses.replace(environment, spot_public=f"wss://127.0.0.1:{port}/api?protocol=1.1")


@pytest.mark.parametrize("wrong", ["host", "expired", "unknown"])
async def test_T12_a_certificate_that_does_not_fit_is_tried_once(wrong: str) -> None:
    """TlsError after exactly one attempt, and nothing goes on by itself; the cause is named."""
    import datetime

    authority, stranger = trustme.CA(), trustme.CA()
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = {
        "host": lambda: authority.issue_cert("elsewhere.test"),
        "expired": lambda: authority.issue_cert("127.0.0.1", not_before=past, not_after=past),
        "unknown": lambda: stranger.issue_cert("127.0.0.1"),
    }[wrong]()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with ScriptedServer() as server, _Tls(certificate, _port(server)) as tls:
        async with WebsocketClient(environment=_secure(tls.port), ssl_context=context, **FAST) as ws:
            heard = _listen(ws, "exception", "close", "reconnecting")
            with pytest.raises(TlsError, match="certificate") as caught:
                await ws.subscribe(_TOPIC)
            assert isinstance(caught.value, StreamUnavailable)
            await until(lambda: our_tasks() == [])
            assert tls.attempts == 1
            assert [event.name for event in heard] == ["exception", "close"]
        assert server.sessions == []


async def test_T13_a_tls_peer_that_ignores_the_goodbye(log_lines: list[str]) -> None:
    """It goes on sending and never closes: ours ends within two seconds all the same, without noise."""
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with (
        ScriptedServer() as server,
        _Tls(authority.issue_cert("127.0.0.1"), _port(server), rude=True) as tls,
    ):
        ws = WebsocketClient(environment=_secure(tls.port), ssl_context=context, **FAST)
        got: list[Update[Any]] = []
        await ws.subscribe(_TRADES, handler=got.append)
        await server.last().send(trades("BTC_USDT", "1"))
        await until(lambda: got)
        began = time.monotonic()
        await ws.aclose()
        assert time.monotonic() - began < 2.0
        assert our_tasks() == []
    assert [line for line in log_lines if " ERROR " in line] == []


# Slow and forgetful lines ---------------------------------------------------------------------------


@fast_time(20)
async def test_T14_a_slow_line_is_no_dead_line() -> None:
    """Two seconds of latency, jitter, 2 kB/s: bytes flow, so nothing is dropped in a minute; the round trip
    is reported."""
    async with _proxied(
        connect_timeout=30.0, login_timeout=30.0, ack_timeout=20.0, ping_interval=10.0, pong_timeout=5.0
    ) as (server, proxy, ws):
        lost = _listen(ws, "reconnecting", "exception")
        proxy.toxics.latency, proxy.toxics.jitter, proxy.toxics.bandwidth = 2.0, 0.3, 2_000
        got: list[Update[Any]] = []
        await ws.subscribe(_TRADES, handler=got.append)
        loop = asyncio.get_running_loop()
        ends = loop.time() + 60.0
        sent = 0
        while loop.time() < ends:
            sent += 1
            await server.last().send(trades("BTC_USDT", str(sent)))
            await asyncio.sleep(0.5)
        await until(lambda: len(got) == sent, 60)
        assert lost == []
        assert len(server.sessions) == 1
        assert 3.9 <= (ws.health().connection("spot_public").round_trip or 0) <= 10.0


async def test_T15_slices_change_nothing() -> None:
    """One byte per packet in both directions: the same updates in the same order."""
    async with _proxied(connect_timeout=5.0, ack_timeout=5.0) as (server, proxy, ws):
        proxy.toxics.slice = 1
        got: list[Update[Any]] = []
        await ws.subscribe(_TRADES, handler=got.append)
        for number in range(30):
            await server.last().send(trades("BTC_USDT", str(number)))
        await until(lambda: len(got) == 30)
        assert [int(update.data.size) for update in got] == list(range(30))


@fast_time(120)
async def test_T16_a_line_that_forgets_idle_flows_keeps_ours() -> None:
    """Flows silent for 30 s are forgotten on the way: a text ping every 10 s keeps ten quiet minutes whole."""
    async with _proxied(connect_timeout=60.0, ack_timeout=60.0, ping_interval=10.0, pong_timeout=60.0) as (
        server,
        proxy,
        ws,
    ):
        lost = _listen(ws, "reconnecting")
        got: list[Update[Any]] = []
        await ws.subscribe(_TRADES, handler=got.append)
        proxy.toxics.idle = 30.0
        await until(lambda: len(server.last().sent("ping")) >= 59, 700)
        await server.last().send(trades("BTC_USDT", "7"))
        await until(lambda: got, 30)
        assert (lost, proxy.forgotten, len(server.sessions)) == ([], 0, 1)


# Sleep ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["alive", "dead"])
async def test_T17_a_machine_that_slept(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock jumps ten minutes and the timers' does not: a ping at once, the clock measured again
    for the private connection, a gap told; a socket that died meanwhile is replaced within seconds."""
    sleep = sleeping_machine(monkeypatch, 0.05)
    monkeypatch.setattr("bitmart_async.websocket.keeper._PROBE_SECONDS", 0.1)
    resyncs: list[object] = []

    async def resync(market: object) -> bool:
        resyncs.append(market)
        return True

    async with _proxied(ping_interval=60.0, pong_timeout=5.0) as (server, proxy, ws):
        monkeypatch.setattr(ws._access, "measure_clock", resync)
        gaps, live = _listen(ws, "gap"), _listen(ws, "live")
        lost = _listen(ws, "reconnecting")
        await ws.subscribe(_TRADES, is_private=True)
        proxy.toxics.blackhole = line == "dead"
        sleep()
        await until(lambda: gaps)
        assert gaps[0].topics == (_TOPIC,)
        assert gaps[0].gap is not None
        assert 599 < gaps[0].gap.seconds < 610
        await until(lambda: resyncs)
        if line == "alive":
            await until(lambda: server.last().sent("ping"))
            await until(lambda: ws.health().connection("spot_private").round_trip is not None)
            assert (lost, len(server.sessions)) == ([], 1)
        else:
            await until(lambda: lost)
            proxy.toxics.blackhole = False
            await until(lambda: len(live) == 2)
        assert len(gaps) == 1
        assert len(resyncs) == 1


async def test_T17_a_machine_that_slept_does_not_wait_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Woken in the wait before a reconnect: it tries at once."""
    sleep = sleeping_machine(monkeypatch, 0.02)
    monkeypatch.setattr("bitmart_async.websocket.pacing.random.uniform", lambda low, high: high)
    async with _proxied(reconnect_delay=(600.0, 600.0)) as (server, proxy, ws):
        lost = _listen(ws, "reconnecting")
        await ws.subscribe(_TRADES)
        proxy.reset()
        await until(lambda: lost)
        assert ws.health().connection("spot_public").state == "waiting"
        sleep()
        await until(lambda: len(server.sessions) == 2 and ws.health().live)


# Refused for hours ----------------------------------------------------------------------------------


def test_W8_two_hours_of_maintenance() -> None:
    """Down is visible, tries go on at the cap, memory stays flat, and it is back within cap + 1 s."""
    import gc
    import tracemalloc

    @virtual_time
    async def run() -> None:
        loop = asyncio.get_running_loop()
        exchange = PaperExchange()
        silent = logging.Logger(
            "maintenance", level=logging.CRITICAL + 1
        )  # the test keeps every line it hears
        ws = WebsocketClient(reconnect_delay=(0.5, 30.0), logger=silent)
        times: list[float] = []

        async def opener(url: str, timeout: float) -> Any:
            times.append(loop.time())
            return await exchange.open(url, timeout)

        ws._access.open = opener  # type: ignore[method-assign]
        live: list[float] = []
        ws.on("live")(lambda _: live.append(loop.time()))
        await ws.subscribe(_TRADES)
        exchange.refused = "maintenance"
        down_from = loop.time()
        for one in tuple(exchange.sockets):
            one.abort()
        await asyncio.sleep(3600)
        state = ws.health().connection("spot_public")
        assert state.state in ("waiting", "connecting")
        assert 3590 <= (state.down_for or 0) <= 3600
        assert "maintenance" in state.last_error
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await asyncio.sleep(3599)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert grown < 200_000
        tries = [at for at in times if at > down_from + 600]
        assert len(tries) > 6600 / 30
        assert max(after - before for before, after in zip(tries, tries[1:], strict=False)) <= 31.0  # noqa: RUF007
        exchange.refused = ""
        healed = loop.time()
        await asyncio.sleep(33)
        assert healed < live[-1] <= healed + 31.0
        assert ws.health().live
        await ws.aclose()

    run()
