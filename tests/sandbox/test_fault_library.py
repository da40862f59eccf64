"""Faults of lines and frames, the storm, and names that do not exist."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bitmart_async.sandbox import Sandbox

from .wire import Wire, stream

if TYPE_CHECKING:
    from .wire import Stream

TICKER, TRADE, BOOK = "spot/ticker:BTC_USDT", "spot/trade:BTC_USDT", "spot/depth/increase100:BTC_USDT"


async def prices(sandbox: Sandbox, socket: Stream, wanted: list[str]) -> list[str]:
    """Tick through prices and read as many trades."""
    for price in wanted:
        sandbox.tick("BTC_USDT", last=price)
    return [(await socket.data("spot/trade"))[0]["price"] for _ in wanted]


@pytest.mark.asyncio
async def test_frames_out_of_order_twice_and_lost(sandbox: Sandbox) -> None:
    """One frame can come after the next, twice, or not at all; then all is as before."""
    async with stream(sandbox.environment.spot_public) as socket:
        await socket.send({"op": "subscribe", "args": [TRADE]})
        await socket.read()
        sandbox.faults.swap(TRADE)
        assert await prices(sandbox, socket, ["64001.00", "64002.00"]) == ["64002.00", "64001.00"]
        sandbox.faults.repeat(TRADE)
        sandbox.tick("BTC_USDT", last="64003.00")
        assert [(await socket.data("spot/trade"))[0]["price"] for _ in "12"] == ["64003.00"] * 2
        sandbox.faults.lose(TRADE)
        sandbox.tick("BTC_USDT", last="64004.00")
        assert await prices(sandbox, socket, ["64005.00"]) == ["64005.00"]


@pytest.mark.asyncio
async def test_a_gap_in_the_versions(sandbox: Sandbox) -> None:
    """A frame lost on an incremental book shows as a version that is missing."""
    async with stream(sandbox.environment.spot_public) as socket:
        await socket.send({"op": "subscribe", "args": [BOOK]})
        first = (await socket.data("spot/depth/increase100"))[0]["version"]
        sandbox.faults.lose(BOOK)
        versions: list[int] = []
        for price in ("64010.00", "64020.00", "64030.00"):
            sandbox.tick("BTC_USDT", last=price)
            await asyncio.sleep(0.16)  # the rhythm of the topic is 100 ms
        while first + 2 not in versions:
            versions.append((await socket.data("spot/depth/increase100"))[0]["version"])
        assert first + 1 not in versions


@pytest.mark.asyncio
async def test_a_stalled_socket_says_it_all_later(sandbox: Sandbox) -> None:
    """Nothing goes either way while a socket is stalled; afterwards everything does, in order."""
    async with stream(sandbox.environment.spot_public) as socket:
        await socket.send({"op": "subscribe", "args": [TRADE]})
        await socket.read()
        assert sandbox.faults.stall("spot_public") == 1
        await socket.send("ping")
        for price in ("64001.00", "64002.00"):
            sandbox.tick("BTC_USDT", last=price)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.read(), 0.1)
        assert sandbox.faults.resume("spot") == 1
        assert [(await socket.data("spot/trade"))[0]["price"] for _ in "12"] == ["64001.00", "64002.00"]
        assert await socket.read() == "pong"


@pytest.mark.asyncio
async def test_a_blackholed_socket_is_gone_without_a_word(sandbox: Sandbox) -> None:
    """It stays open and silent, new ones work, and clearing the faults cuts it."""
    async with stream(sandbox.environment.spot_public) as lost:
        await sandbox.until(lambda seen: seen.open_sessions == 1)
        assert sandbox.faults.blackhole() == 1
        await lost.send("ping")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lost.read(), 0.1)
        async with stream(sandbox.environment.spot_public) as fresh:
            await fresh.send("ping")
            assert await fresh.read() == "pong"
            assert sandbox.faults.resume() == 0
            await sandbox.faults.clear()
            with pytest.raises(ConnectionClosed):
                await lost.read()


@pytest.mark.asyncio
async def test_a_topic_that_lags(sandbox: Sandbox) -> None:
    """Its frames come late; other topics do not wait for them."""
    async with stream(sandbox.environment.spot_public) as socket:
        await socket.send({"op": "subscribe", "args": [TRADE, TICKER]})
        await socket.data("spot/ticker")
        sandbox.faults.lag(TRADE, 0.2)
        sandbox.tick("BTC_USDT", last="64001.00")
        tables = [(await socket.until(lambda f: "table" in f))["table"] for _ in "12"]
        assert tables == ["spot/ticker", "spot/trade"]


@pytest.mark.asyncio
async def test_handshakes_refused(sandbox: Sandbox) -> None:
    """The next handshake of a socket gets an HTTP status; others and the one after do not."""
    sandbox.faults.refuse_sockets("spot_public", status=429)
    async with stream(sandbox.environment.spot_private):
        pass
    with pytest.raises(InvalidStatus, match="429"):
        async with stream(sandbox.environment.spot_public):
            pass
    async with stream(sandbox.environment.spot_public):
        pass


@pytest.mark.asyncio
async def test_refusals_of_any_path(wire: Wire) -> None:
    """429, 418 and a page from the edge serve whatever is called next, in their order."""
    faults = wire.sandbox.faults
    faults.limit()
    faults.ban()
    for status, code in ((429, 30013), (418, 30017)):
        answer, reply = await wire.get("/system/time")
        assert (answer, reply["code"]) == (status, code)
    faults.edge("/system/time", status=403)
    async with wire.http.get(wire.base("/system/time") + "/system/time") as page:
        assert (page.status, page.headers["Server"]) == (403, "cloudflare")
        assert (await page.text()).startswith("<!DOCTYPE html>")
    assert (await wire.get("/system/time"))[0] == 200


@pytest.mark.asyncio
async def test_maintenance(wire: Wire) -> None:
    """Calls say so with HTTP 200, sockets are cut and refused, until it is over."""
    environment = wire.sandbox.environment
    async with stream(environment.futures_public) as socket:
        await wire.sandbox.until(lambda seen: seen.open_sessions == 1)
        await wire.sandbox.faults.maintenance()
        with pytest.raises(ConnectionClosed):
            await socket.read()
    status, reply = await wire.get("/system/time")
    assert (status, reply["code"]) == (200, 30016)
    with pytest.raises(InvalidStatus, match="503"):
        async with stream(environment.futures_public):
            pass
    await wire.sandbox.faults.maintenance(False)
    assert (await wire.get("/system/time"))[1]["code"] == 1000


@pytest.mark.asyncio
async def test_names_that_do_not_exist(sandbox: Sandbox) -> None:
    """A mistyped path, topic, socket, market or symbol is refused, with help."""
    faults = sandbox.faults
    with pytest.raises(ValueError, match=r"no path '/spot/v2/submit_ordr', perhaps '/spot/v2/submit_order'"):
        faults.delay("/spot/v2/submit_ordr", 1)
    for topic, why in (
        ("spot/tickr:BTC_USDT", "no channel spot/tickr"),
        ("spot/ticker:BTCUSDT", "no symbol BTCUSDT"),
        ("futures/ticker:BTC_USDT", "no such channel or symbol"),
        ("ticker", "starts with spot/ or futures/"),
    ):
        for act in (faults.mute, faults.swallow_ack, faults.refuse_topic, faults.lose, faults.swap):
            with pytest.raises(ValueError, match=why):
                act(topic)
    with pytest.raises(ValueError, match="no socket's name"):
        faults.stall("spot_pubic")
    with pytest.raises(ValueError, match="spot or futures"):
        faults.refuse_login("future")
    with pytest.raises(ValueError, match="no such fault: rain"):
        faults.storm(kinds=["cut", "rain"])
    with pytest.raises(KeyError, match=r"no market 'BTC-USDT'; it has BTC_USDT, BTCUSDT"):
        sandbox.tick("BTC-USDT", last="1")
    with pytest.raises(KeyError, match="no account 'sub3'"):
        sandbox.account("sub3")


@pytest.mark.asyncio
async def test_a_storm_is_the_same_every_time_and_ends() -> None:
    """One seed strikes the same blows; when it is over calls and sockets work again."""
    runs: list[list[str]] = []
    for seed in (3, 3, 4):
        async with Sandbox(lively=False) as sandbox, aiohttp.ClientSession() as http:
            wire = Wire(sandbox, http)
            async with sandbox.faults.storm(seed, every=0.002, lasting=0.005) as storm:
                await storm.until(40)
            runs.append(storm.log[:40])
            assert (await wire.get("/system/time"))[1]["code"] == 1000
            async with stream(sandbox.environment.spot_private) as socket:
                assert await socket.login(sandbox) == {"event": "login"}
                await socket.send({"op": "subscribe", "args": [TRADE]})
                assert await socket.read() == {"event": "subscribe", "topic": TRADE}
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert len({blow.split()[0] for blow in runs[0]}) > 6


@pytest.mark.asyncio
async def test_a_storm_strikes_what_is_subscribed(sandbox: Sandbox) -> None:
    """Faults of topics fall on those that are listened to."""
    async with stream(sandbox.environment.spot_public) as socket:
        await socket.send({"op": "subscribe", "args": [TICKER, TRADE]})
        await sandbox.until(lambda seen: seen.messages == 1)
        async with sandbox.faults.storm(every=0.002, lasting=0.01, kinds=["mute", "lose", "lag"]) as storm:
            await storm.until(12)
        assert {blow.split()[1] for blow in storm.log} == {TICKER, TRADE}


@pytest.mark.asyncio
@pytest.mark.parametrize("market", ["spot", "futures"])
async def test_nothing_is_written_to_a_peer_that_is_gone(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, market: str
) -> None:
    """A client that left while its socket was stalled, or that was cut between two pushes, costs no warning
    for each frame: asyncio logs every write to a connection that is gone."""
    symbol = "BTC_USDT" if market == "spot" else "BTCUSDT"
    asked = {"op": "subscribe", "args": [TRADE]}
    if market == "futures":
        asked = {"action": "subscribe", "args": ["futures/trade:BTCUSDT"]}
    url = sandbox.environment.spot_public if market == "spot" else sandbox.environment.futures_public
    async with stream(url) as left, stream(url) as cut:
        for socket in (left, cut):
            await socket.send(asked)
            await socket.read()
        assert sandbox.faults.stall(market) == 2
        for _ in range(30):
            sandbox.tick(symbol, last="64001.0")
        left.connection.transport.abort()
        await left.connection.wait_closed()
        sandbox.faults.resume(market)
        await sandbox.faults.cut(market)
        for _ in range(30):
            sandbox.tick(symbol, last="64002.0")
        await sandbox.until(lambda seen: not seen.sockets[f"{market}_public"].open_sessions)
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]
