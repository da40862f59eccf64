"""A recording is served as it was, and nothing else on its topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox import Sandbox

from .wire import stream

if TYPE_CHECKING:
    from .wire import Stream

SPOT = '{"data":[{"symbol":"OLD_USDT","price":"1.5","side":"buy","size":"2","s_t":1,"ms_t":1000}],"table":"spot/trade"}'
FUTURES = (
    '{"group":"futures/depthIncrease5:OLDUSDT","data":{"symbol":"OLDUSDT","version":7,"type":"snapshot"}}'
)


async def subscribed(socket: Stream, operation: str, *topics: str) -> None:
    await socket.send({operation: "subscribe", "args": list(topics)})
    for _ in topics:
        await socket.read()


@pytest.mark.asyncio
async def test_a_recording_is_served_untouched() -> None:
    """Frames of symbols the sandbox never heard of reach whoever subscribed them, and only those frames do."""
    async with Sandbox(replay=True, speed=50) as sandbox:
        environment = sandbox.environment
        async with stream(environment.spot_public) as spot, stream(environment.futures_public) as futures:
            await subscribed(spot, "op", "spot/trade:OLD_USDT", "spot/depth/increase100:BTC_USDT")
            await subscribed(futures, "action", "futures/depthIncrease5:OLDUSDT", "futures/ticker:BTCUSDT")
            sandbox.tick("BTC_USDT", last="64001.00")
            sandbox.tick("BTCUSDT", last="64001.0")
            other = SPOT.replace("OLD_USDT", "NEW_USDT")
            assert sandbox.feed([SPOT, other, FUTURES]) == 2
            assert await spot.connection.recv() == SPOT
            assert await futures.connection.recv() == FUTURES
            await spot.send("ping")
            assert await spot.read() == "pong"


@pytest.mark.asyncio
async def test_what_is_no_data_is_told(sandbox: Sandbox) -> None:
    """An acknowledgement, a pong or another exchange's frame in a recording is refused."""
    for frame in ("pong", '{"event":"subscribe","topic":"x"}', '{"data":[],"table":"spot/trade"}'):
        with pytest.raises(ValueError, match="data"):
            sandbox.feed([frame])
    with pytest.raises(ValueError, match="neither market"):
        sandbox.feed(['{"group":"options/x","data":[]}'])
