"""What the sandbox pushes has the fields and JSON types of the recorded and documented frames, channel by channel."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.kept import SHARED, needs_shared
from tests.sandbox.wire import Frame, Stream, Wire, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitmart_async.sandbox import Sandbox

PAIR, CONTRACT = "BTC_USDT", "BTCUSDT"
TOPICS = {
    "spot_public": [
        f"spot/{channel}:{PAIR}"
        for channel in ("ticker", "bookTicker", "trade", "depth5", "depth20", "depth50", "kline1m")
    ]
    + [f"spot/depth/increase100:{PAIR}"],
    "spot_private": [
        f"spot/user/order:{PAIR}",
        "spot/user/orders:ALL_SYMBOLS",
        "spot/user/balance:BALANCE_UPDATE",
    ],
    "futures_public": [
        f"futures/{channel}:{CONTRACT}"
        for channel in (
            "ticker",
            "trade",
            "bookticker",
            "depth20",
            "depthAll20",
            "depthIncrease20",
            "klineBin1m",
        )
    ]
    + [f"futures/fundingRate:{CONTRACT}", "futures/ticker"],
    "futures_private": ["futures/order", "futures/position", "futures/asset:USDT"],
}
FLAT_CANDLE = re.compile(r"futures/(markPriceKlineBin|klineBin)\.(?!items|symbol)")
"""The documents print a futures candle flat; every recording has a list, and so has the sandbox."""
Shape = dict[str, set[str]]


def channel(frame: Frame) -> str:
    """``futures/depth20:BTCUSDT@200ms`` is ``futures/depth``: levels, intervals, both order channels share a form."""
    name = str(frame.get("table") or frame["group"]).partition(":")[0].partition("@")[0]
    if name == "spot/user/orders":
        return "spot/user/order"
    return re.sub(r"(?<!increase)\d+[a-zA-Z]?$", "", name)


def shape(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every path of a value with the JSON type at its end."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from shape(inner, f"{path}.{name}")
    elif isinstance(value, list):
        yield path, "list"
        for inner in value:
            yield from shape(inner, f"{path}[]")
    else:
        yield path, type(value).__name__


def recorded() -> Shape:
    """The shapes of all frames that were collected."""
    found: Shape = {}
    for file in (SHARED / "ws-samples").glob("*.json"):
        for text in json.loads(file.read_text()).get("frames", []):
            frame = json.loads(text) if text.startswith("{") else {}
            if (
                frame.get("data")
                and ("table" in frame or "group" in frame)
                and frame.get("group") != "System"
            ):
                for path, kind in shape(frame["data"], channel(frame)):
                    found.setdefault(path, set()).add(kind)
    return found


async def listen(socket: Stream, name: str, sandbox: Sandbox) -> None:
    if name.endswith("private"):
        await socket.login(sandbox)
    word = "op" if name.startswith("spot") else "action"
    await socket.send({word: "subscribe", "args": TOPICS[name]})
    wanted = {topic.partition(":")[0] if name.startswith("spot") else topic for topic in TOPICS[name]}
    while wanted:
        frame = await socket.read()
        if isinstance(frame, dict) and "data" in frame:
            wanted.discard(frame.get("table") or frame["group"])


@needs_shared
async def test_fields_and_types_are_the_recorded_ones(sandbox: Sandbox) -> None:
    """No field too few, none too many, none of another JSON type."""
    environment = sandbox.environment
    async with (
        aiohttp.ClientSession() as http,
        stream(environment.spot_public) as spot,
        stream(environment.spot_private) as own_spot,
        stream(environment.futures_public) as futures,
        stream(environment.futures_private) as own_futures,
    ):
        wire, sockets = Wire(sandbox, http), (spot, own_spot, futures, own_futures)
        tasks = [
            asyncio.create_task(listen(socket, name, sandbox))
            for socket, name in zip(sockets, TOPICS, strict=True)
        ]
        for topics in TOPICS.values():
            await sandbox.until(
                lambda _, topics=topics: any(topics[-1] in sent.text for sent in sandbox.journal.messages())
            )
        sandbox.tick(PAIR, "64010.25")
        sandbox.tick(CONTRACT, "64010.5")
        await wire.spot("sell", size="0.01", price="70000")
        await wire.spot("sell", "market", size="0.01")
        await wire.contract(1, 2)
        await wire.contract(1, 1, price="60000")
        await asyncio.gather(*tasks)
    ours: Shape = {}
    for socket in sockets:
        for frame in socket.frames:
            if isinstance(frame, dict) and "data" in frame:
                for path, kind in shape(frame["data"], channel(frame)):
                    ours.setdefault(path, set()).add(kind)
    theirs = {path: kinds for path, kinds in recorded().items() if not FLAT_CANDLE.match(path)}
    channels = {re.split(r"[.\[]", path)[0] for path in ours}
    assert len(channels) >= 15
    assert {path for path in theirs if re.split(r"[.\[]", path)[0] in channels} == set(ours)
    assert {path: kinds - theirs[path] for path, kinds in ours.items() if kinds - theirs[path]} == {}
