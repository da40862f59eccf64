"""L, W, X: load, memory, damaged frames, cancellation, forgetting to close, and misuse."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
import types
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async import WebsocketClient
from bitmart_async.errors import (
    BitMartError,
    FrameUnreadable,
    ParameterError,
    SlowConsumer,
    SubscriptionRefused,
)
from bitmart_async.websocket import topics
from bitmart_async.websocket.advice import advice
from tests.conftest import KEYS
from tests.fast_time import run_on
from tests.scripted_ws import (
    FAST,
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
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from bitmart_async.websocket.events import Event, Update

_TOPIC = "spot/trade:BTC_USDT"
_TRADES = topics.spot.trade("BTC_USDT")
_KB = 1024
_linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's /proc")


def _listen(ws: WebsocketClient, *names: str) -> list[Event]:
    heard: list[Event] = []
    for name in names:
        ws.on(name)(heard.append)
    return heard


def _memory(field: str) -> int:
    """VmRSS or VmHWM of this process, in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise KeyError(field)


def _size(update: Update[Any]) -> int:
    return int(update.data.size)


class _Peak:
    """The most memory used since it began, beyond what was used then."""

    def __enter__(self) -> _Peak:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
        self._before = _memory("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.kib = _memory("VmHWM") - self._before


# Load -----------------------------------------------------------------------------------------------


@_linux
@pytest.mark.parametrize("private", [False, True])
async def test_L1_a_slow_consumer_holds_nobody_up(private: bool) -> None:
    """0.2 s per update against thousands a second: the reader never waits, pings go out on time, memory is
    bounded; public losses are counted, private ones are an error."""
    async with serving(client={"ping_interval": 0.2, "pong_timeout": 2.0}) as (server, ws):
        told = _listen(ws, "exception")
        lost = _listen(ws, "reconnecting")
        fast: list[int] = []
        slow: list[int] = []

        async def plod(update: Update[Any]) -> None:
            slow.append(_size(update))
            await asyncio.sleep(0.2)

        held = await ws.subscribe(_TOPIC, handler=plod, is_private=private)
        await ws.subscribe(_TOPIC, handler=lambda update: fast.append(_size(update)), is_private=private)
        session = server.last()
        total = 10_000
        with _Peak() as peak:
            for start in range(0, total, 20):
                await session.send(trades("BTC_USDT", *(str(start + one) for one in range(20))))
                if start % 1000 == 0:
                    await asyncio.sleep(0.05)
            await until(lambda: len(fast) == total)
        assert fast == list(range(total))
        assert len(slow) <= 10
        assert peak.kib <= 16 * _KB
        assert held.queued <= 1000
        assert held.dropped + held.queued + len(slow) == total
        await until(lambda: len(session.sent("ping")) >= 3)
        assert lost == []
        assert {type(event.error) for event in told} == {SlowConsumer}
        assert all(_TOPIC in event.topics for event in told)


async def test_slow_consumers_and_unreadable_frames_are_logged_at_doubling_counts(
    log_lines: list[str],
) -> None:
    """Each is an event with its topics; of a hundred alike, seven lines are logged."""
    async with serving() as (server, ws):
        told = _listen(ws, "exception")
        await ws.subscribe([_TOPIC, "spot/ticker:BTC_USDT"])
        bad = '{"table":"spot/trade","data":[{"size":[]}]}'
        await server.last().send(*[bad] * 100)
        await until(lambda: len(told) == 100)
        assert {event.topics for event in told} == {(_TOPIC,)}
        assert ws.health().connection("spot_public").unreadable == 100
    lines = [line for line in log_lines if "cannot be read" in line]
    assert len(lines) == 7
    assert "(64 so far" in lines[-1]


async def test_L2_every_error_of_a_handler_names_its_topic() -> None:
    """Also the later ones, which are not logged any more."""
    async with serving() as (server, ws):
        told = _listen(ws, "exception")

        def bad(update: Update[Any]) -> None:
            raise RuntimeError("no")

        async def bad_too(update: Update[Any]) -> None:
            raise RuntimeError("no")

        await ws.subscribe(_TOPIC, handler=bad)
        await ws.subscribe("spot/ticker:BTC_USDT", handler=bad_too)
        await server.last().send(trades("BTC_USDT", "1"), ticker(), trades("BTC_USDT", "2"), ticker())
        await until(lambda: len(told) == 4)
        assert sorted(event.topics for event in told) == [("spot/ticker:BTC_USDT",)] * 2 + [(_TOPIC,)] * 2


@_linux
def test_L4_a_thousand_reconnects_leave_nothing_behind() -> None:
    """Memory at most 2 MiB more, tasks and file descriptors as before."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.a_thousand_reconnects"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left = json.loads(done.stdout)
    assert left["reconnects"] == 1200
    assert left["tasks after"] == left["tasks before"] != []
    assert left["descriptors more"] <= 0
    assert left["KiB more"] <= 2 * _KB
    assert left["tasks when closed"] == []


# Damaged frames -------------------------------------------------------------------------------------


@_linux
async def test_W6_a_bomb_costs_sixteen_mib_at_most() -> None:
    """200 kB that would inflate to 200 MB: the socket is left with 1009 or aborted, the gap is told."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    async with serving() as (server, ws):
        live, lost = _listen(ws, "live"), _listen(ws, "reconnecting")
        await ws.subscribe(_TOPIC)
        with _Peak() as peak:
            await server.last().send(bomb)
            await until(lambda: len(live) == 2)
        assert peak.kib <= 16 * _KB
        assert "8 MiB" in str(lost[0].error)
        assert live[1].gap is not None


@_linux
async def test_W6_a_frame_beyond_the_cap_is_refused_with_1009() -> None:
    """Four MiB and a byte: our close says 1009, and not more than the cap was kept."""
    async with serving() as (server, ws):
        live = _listen(ws, "live")
        await ws.subscribe(_TOPIC)
        first = server.last()
        frame = b"{" + bytes(4 * 1024 * 1024)
        with _Peak() as peak:
            await first.send(frame)
            await until(lambda: len(live) == 2)
        await until(lambda: first.closed)
        assert first.connection.close_code == 1009
        assert live[1].gap is not None
        assert peak.kib <= 16 * _KB


@pytest.mark.parametrize("private", [False, True])
async def test_W7_topics_of_a_damaged_frame_are_marked(private: bool) -> None:
    """The event gap names the topics that may miss updates: one's own when the frame says whose it is, all
    of the socket when it does not; the reader lives, the counters are right; the third replaces it."""
    async with serving() as (server, ws):
        gaps, errors, live = _listen(ws, "gap"), _listen(ws, "exception"), _listen(ws, "live")
        got: list[Update[Any]] = []
        wanted = [_TOPIC, "spot/ticker:BTC_USDT"]
        await ws.subscribe(wanted, handler=got.append, is_private=private)
        name = "spot_private" if private else "spot_public"
        await server.last().send('{"table":"spot/trade","data":[{"size":"x"}]}')
        await server.last().send(zlib.compress(b"not raw deflate"), trades("BTC_USDT", "1"))
        await until(lambda: got)
        assert [event.topics for event in gaps] == [(_TOPIC,), tuple(wanted)]
        assert all(event.connection == name and event.gap is not None for event in gaps)
        assert all(isinstance(event.error, FrameUnreadable) for event in (*gaps, *errors))
        health = ws.health().connection(name)
        assert (health.unreadable, health.gaps, health.reconnects) == (2, 2, 0)
        await server.last().send("{", "{")
        await until(lambda: len(live) == 2)
        assert live[1].gap is not None
        assert ws.health().connection(name).reconnects == 1


# Refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("spot/kline7m:BTC_USDT", "'7m' is no interval of kline; there are 1m, 5m"),
        ("futures/klineBin1M:BTCUSDT", "'1M' is no interval"),
        ("spot/depth7:BTC_USDT", "'7' is no number of levels of depth; there are 5, 20, 50."),
        ("spot/depth/increase50:BTC_USDT", "there are 100"),
        ("futures/depthAll100:BTCUSDT", "there are 5, 20, 50"),
        ("futures/depth20:BTCUSDT@50ms", "@50ms is no known speed"),
        ("spot/user/orders:BTC_USDT", "takes ALL_SYMBOLS"),
        ("spot/user/balance:USDT", "takes BALANCE_UPDATE"),
        ("spot/ticker", "needs a symbol"),
        ("spot/ticker:BTCUSDT", "underscore, BTC_USDT"),
        ("futures/ticker:BTC_USDT", "without an underscore"),
        ("futures/bookTicker:BTCUSDT", "no channel 'bookTicker'"),
        ("spot/ticker:NOPE_USDT", "may not list NOPE_USDT"),
        ("futures/order", "may not offer it to this account"),
        ("futures/order:BTCUSDT", "takes no symbol: futures/order."),
        ("futures/asset", "needs a coin after a colon: futures/asset:USDT."),
        ("spot/ticker:btc_usdt", "upper case: spot/ticker:BTC_USDT."),
    ],
)
async def test_a_refusal_says_which_part_of_the_topic_looks_wrong(topic: str, said: str) -> None:
    """Interval, level, speed, filter, symbol or channel: not always the symbol."""
    assert said in advice(topic)

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation != "subscribe":
            return None
        if session.spot:
            return [{"event": "subscribe", "topic": topic, "errorCode": "92001", "errorMessage": "no"}]
        return [{"action": "subscribe", "group": topic, "success": False, "error": "Invalid channel: no"}]

    async with serving(reply) as (_, ws):
        with pytest.raises(SubscriptionRefused) as caught:
            await ws.subscribe(topic)
        assert said in str(caught.value)


# Cancellation ---------------------------------------------------------------------------------------


class _Bombed:
    """Runs a coroutine and cancels its task at the nth time it waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], nth: int) -> None:
        self._coroutine = coroutine
        self._left = nth
        self.exploded = False

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._coroutine.__await__()
        value: Any = None
        raised: BaseException | None = None
        while True:
            try:
                waited = steps.send(value) if raised is None else steps.throw(raised)
            except StopIteration as end:
                return end.value
            self._left -= 1
            if self._left == 0:
                self.exploded = True
                task = asyncio.current_task()
                assert task is not None
                asyncio.get_running_loop().call_soon(task.cancel)
            raised = None
            try:
                value = yield waited
            except BaseException as error:
                raised = error


async def _await(thing: Awaitable[Any]) -> Any:
    return await thing


_OPERATIONS: dict[str, Callable[[WebsocketClient], Coroutine[Any, Any, Any]]] = {
    "subscribe": lambda ws: ws.subscribe([_TOPIC, "futures/order"]),
    "connect_all": lambda ws: ws.connect_all(),
    "unsubscribe": lambda ws: ws.unsubscribe("spot/ticker:BTC_USDT"),
    "rotate": lambda ws: ws.rotate(),
    "aclose": lambda ws: ws.aclose(),
}


@pytest.mark.parametrize("operation", _OPERATIONS)
async def test_X2_cancelled_at_every_wait(operation: str) -> None:
    """The nth wait for every n: the cancellation comes out, nothing is half-done, and the client goes on."""
    nth = 0
    async with ScriptedServer() as server:
        while True:
            nth += 1
            assert nth < 200
            async with streams(server, linger=0.01) as ws:
                kept = await ws.subscribe(["spot/ticker:BTC_USDT", "spot/ticker:ETH_USDT"])
                bombed = _Bombed(_OPERATIONS[operation](ws), nth)
                (result,) = await asyncio.gather(asyncio.create_task(_await(bombed)), return_exceptions=True)
                if bombed.exploded and result is not None and not isinstance(result, BitMartError):
                    assert isinstance(result, asyncio.CancelledError) or not isinstance(result, BaseException)
                if operation == "aclose":
                    await asyncio.wait_for(ws.aclose(), 2)
                    assert [update async for update in kept] == []
                else:
                    await _goes_on(
                        ws, server, operation, cancelled=isinstance(result, asyncio.CancelledError)
                    )
            assert our_tasks() == []
            if not bombed.exploded:
                break
    assert nth > 1


async def _goes_on(ws: WebsocketClient, server: ScriptedServer, operation: str, *, cancelled: bool) -> None:
    """What is wanted is what the server holds, and a further subscribe works."""
    again = await asyncio.wait_for(ws.subscribe(_TOPIC), 5)
    await again.unsubscribe()
    wanted = {"spot/ticker:BTC_USDT", "spot/ticker:ETH_USDT"}
    if operation == "unsubscribe":
        wanted.discard("spot/ticker:BTC_USDT")  # left before the first wait
    if operation == "subscribe" and not cancelled:
        wanted |= {_TOPIC, "futures/order"}

    def held() -> set[str]:
        return {topic for session in server.sessions if not session.closed for topic in session.topics}

    await until(lambda: held() == wanted)


# Ends and misuse ------------------------------------------------------------------------------------


def _program(body: str, port: int) -> subprocess.CompletedProcess[str]:
    code = f"""
import asyncio, gc, sys, warnings
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
warnings.simplefilter("always")
from bitmart_async import WebsocketClient
from bitmart_async.environments import local
env = local(spot_rest=9, futures_rest=9, spot_streams={port}, futures_streams={port})
{textwrap.dedent(body)}
"""
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("how", ["run", "loop", "collected"])
async def test_X4_a_program_that_never_closes_is_told_once(how: str) -> None:
    """One ResourceWarning that names the client; no traceback, no task destroyed while pending."""
    body = {
        "run": """
            async def main():
                ws = WebsocketClient(environment=env)
                await ws.subscribe("spot/ticker:BTC_USDT", handler=print)
            asyncio.run(main())
        """,
        "loop": """
            async def main():
                global ws
                ws = WebsocketClient(environment=env)
                await ws.subscribe("spot/ticker:BTC_USDT")
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
        """,
        "collected": """
            async def main():
                ws = WebsocketClient(environment=env)
                await ws.subscribe("spot/ticker:BTC_USDT")
            asyncio.run(main())
            gc.collect()
            print("goes on")
        """,
    }[how]
    async with ScriptedServer() as server:
        port = int(server.environment.spot_public.split(":")[2].split("/")[0])
        done = await asyncio.to_thread(_program, body, port)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("was never closed") == 1, done.stderr
    assert "<WebsocketClient local public only> was never closed" in done.stderr
    assert "Traceback" not in done.stderr
    assert "destroyed" not in done.stderr


async def test_X6_another_loop_or_thread_is_told() -> None:
    """Calls and iteration from the wrong loop are refused in words; the right one is not disturbed."""
    async with serving() as (server, ws):
        mine = await ws.subscribe(_TRADES)
        errors: list[str] = []

        async def misuse() -> None:
            for call in (
                ws.subscribe("spot/ticker:BTC_USDT"),
                ws.unsubscribe(_TOPIC),
                ws.connect_all(),
                ws.rotate(),
                ws.aclose(),
                anext(mine),
            ):
                try:
                    await call
                except ParameterError as error:
                    errors.append(str(error))

        thread = threading.Thread(target=lambda: asyncio.run(misuse()))
        thread.start()
        await asyncio.to_thread(thread.join)
        assert len(errors) == 6
        assert all("another event loop" in error for error in errors)
        assert "run_coroutine_threadsafe" in errors[0]
        assert mine.topics == (_TOPIC,)
        await server.last().send(trades("BTC_USDT", "1"))
        assert (await anext(mine)).symbol == "BTC_USDT"
        assert server.last().operations == ["subscribe"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_X6_a_forked_client_is_told() -> None:
    """In the child: refused in words, and no warning about the parent's client."""
    body = """
        import os
        async def use(ws):
            try:
                await ws.subscribe("spot/ticker:BTC_USDT")
            except ValueError as error:
                print(error)
        ws = WebsocketClient(environment=env)
        if os.fork() == 0:
            asyncio.run(use(ws))
        else:
            os.wait()
    """
    done = _program(body, 9)
    assert "before a fork" in done.stdout, done.stderr
    assert "Make a client after the fork" in done.stdout
    assert "never closed" not in done.stderr


def test_X6_a_second_run_is_another_loop() -> None:
    """A client kept across two asyncio.run() calls is refused in the second."""
    kept = types.SimpleNamespace()

    async def first() -> None:
        kept.ws = WebsocketClient(**KEYS, **FAST)  # type: ignore[arg-type]
        with pytest.raises(ParameterError, match="there is no connection"):
            await kept.ws.rotate("spot_public")

    async def second() -> None:
        with pytest.raises(ParameterError, match=r"earlier\s+asyncio.run"):
            await kept.ws.subscribe(_TOPIC)

    run_on(asyncio.new_event_loop, first)
    run_on(asyncio.new_event_loop, second)
