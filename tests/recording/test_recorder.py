"""Recorder and Recording, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from bitmart_async import (
    ConfigurationError,
    OrderBook,
    ParameterError,
    RestClient,
    SubscriptionRefused,
    WebsocketClient,
    export_recording,
)
from bitmart_async.recording import RecordedEvent, RecordedFrame, Recorder, Recording
from bitmart_async.recording import disk as disk_module
from bitmart_async.sandbox import Sandbox
from tests.scripted_ws import ScriptedServer, streams, ticker, until

if TYPE_CHECKING:
    from pathlib import Path

    from bitmart_async import StreamData, Update

_BOOKS = ("spot/depth/increase100:BTC_USDT", "futures/depthIncrease50:BTCUSDT")
_OTHERS = (
    "spot/ticker:BTC_USDT",
    "spot/trade:BTC_USDT",
    "futures/trade:BTCUSDT",
    "futures/klineBin1m:BTCUSDT",
)


def _told(update: Update[StreamData]) -> tuple[str, str, object]:
    return update.topic, update.symbol, update.data


@pytest.mark.parametrize("compress", [False, True])
async def test_a_replay_gives_the_updates_and_the_books_that_were_live(
    tmp_path: Path, compress: bool
) -> None:
    """Every update comes again, equal and in order, binary frames included; a book fed from the recording is
    the live book at every version, across a lost connection too."""
    live: list[tuple[str, str, object]] = []
    books = {topic: OrderBook(topic) for topic in _BOOKS}
    versions: dict[tuple[str, int], object] = {}

    def keep(update: Update[StreamData]) -> None:
        live.append(_told(update))
        book = books.get(update.topic)
        if book is not None:
            book.apply(update)
            if book.trouble is None:
                versions[update.topic, book.version] = (book.bids, book.asks)

    topics = [*_BOOKS, *_OTHERS]
    async with (
        Sandbox(speed=20, compress=compress) as sandbox,
        WebsocketClient(**sandbox.client_options, reconnect_delay=(0.05, 0.1)) as ws,
    ):
        ws.on("update")(keep)
        async with Recorder(ws, topics, path=tmp_path) as recorder:
            await until(lambda: len(versions) > 30, 20)
            await sandbox.faults.cut("spot")
            before = len(live)
            await until(lambda: sum(topic == _BOOKS[0] for topic, _, _ in live[before:]) > 10, 20)
        assert recorder.stats.frames > 40
        assert recorder.stats.lost == 0
    recording = Recording(tmp_path)
    assert recording.topics == tuple(topics)
    events: list[str] = []
    again = {topic: OrderBook(topic) for topic in _BOOKS}
    replayed: list[tuple[str, str, object]] = []
    same: set[tuple[str, int]] = set()
    for update in recording.updates(on_event=lambda event: events.append(event.name)):
        replayed.append(_told(update))
        book = again.get(update.topic)
        if book is not None:
            book.apply(update)
            if book.trouble is None and (update.topic, book.version) in versions:
                assert versions[update.topic, book.version] == (book.bids, book.asks)
                same.add((update.topic, book.version))
    assert same >= versions.keys()
    assert replayed == live
    assert events[0] == "begin"
    assert events[-1] == "end"
    assert "reconnecting" in events
    summary = recording.summary()
    assert (summary.runs, summary.unfinished, summary.lost) == (1, 0, 0)
    assert summary.gaps == 1
    if compress:
        spot = [
            one for one in recording if isinstance(one, RecordedFrame) and one.connection == "spot_public"
        ]
        assert any(not frame.frame.startswith(b"{") for frame in spot)


async def test_what_the_exchange_refuses_is_noted_and_the_rest_recorded(tmp_path: Path) -> None:
    """One wrong symbol does not stop a recording; nothing but wrong ones does."""
    async with Sandbox(lively=False) as sandbox, WebsocketClient(**sandbox.client_options) as ws:
        async with Recorder(ws, ["spot/ticker:BTC_USDT", "spot/ticker:NO_SUCH"], path=tmp_path) as recorder:
            sandbox.tick("BTC_USDT", "64000.01")
            await until(lambda: "spot/ticker" in recorder.stats.channels)
            assert list(recorder.stats.refused) == ["spot/ticker:NO_SUCH"]
        with pytest.raises(SubscriptionRefused):
            async with Recorder(ws, "spot/ticker:NO_SUCH", path=tmp_path / "none"):
                raise AssertionError("must not begin")
    refused = [one for one in Recording(tmp_path) if isinstance(one, RecordedEvent) and one.name == "refused"]
    assert refused[0].topics == ("spot/ticker:NO_SUCH",)


async def test_files_follow_one_another_and_runs_too(tmp_path: Path) -> None:
    """Small files give many; a second run goes on behind the first; the whole is read in order."""
    async with ScriptedServer() as server:
        for run in range(2):
            async with streams(server) as ws:
                async with Recorder(ws, "spot/ticker:BTC_USDT", path=tmp_path, rotate_bytes=1) as recorder:
                    for number in range(3):
                        files = recorder.stats.files
                        await server.last("spot_public").send(ticker(last=str(10 * run + number)))
                        await until(lambda files=files: recorder.stats.files > files)
                assert not recorder.stats.waiting
    recording = Recording(tmp_path)
    assert len(recording.files) >= 8
    assert [file.name[:6] for file in recording.files] == [
        f"{n:06d}" for n in range(1, len(recording.files) + 1)
    ]
    assert [int(update.data.last_price) for update in recording.updates()] == [0, 1, 2, 10, 11, 12]  # type: ignore[union-attr]
    assert recording.summary().runs == 2
    one = Recording(recording.files[1])
    assert len(list(one.updates())) <= 1


async def test_a_slow_disk_costs_frames_that_are_counted_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Memory stays bounded while the disk does not answer; what is left out is counted, said once in the log,
    and stands in the recording as a ``lost`` event in its place; a slow write is marked too."""
    open_disk, held, real = threading.Event(), threading.Event(), disk_module.os.fsync
    open_disk.set()

    def fsync(number: int) -> None:
        if not open_disk.is_set():
            held.set()
            open_disk.wait(10)
        real(number)

    monkeypatch.setattr(disk_module.os, "fsync", fsync)
    monkeypatch.setattr(disk_module, "_SLOW_SECONDS", 0.001)
    caplog.set_level(logging.WARNING, "bitmart_async.recording")
    async with ScriptedServer() as server, streams(server) as ws:  # noqa: SIM117 - one ends before the other
        async with Recorder(ws, "spot/ticker:BTC_USDT", path=tmp_path, most_waiting=100_000) as recorder:
            open_disk.clear()
            session = server.last("spot_public")
            for number in range(600):
                await session.send(ticker(last=str(number)))
            await until(lambda: recorder.stats.frames + recorder.stats.lost > 600)
            stats = recorder.stats
            assert stats.lost > 100
            assert stats.waiting <= 110_000
            await until(held.is_set)
            await asyncio.sleep(0.01)  # ten times as long as counts as slow here
            open_disk.set()
            await until(lambda: recorder.stats.waiting == 0)
            await session.send(ticker(last="1000"))
            await until(
                lambda: recorder.stats.last_frame_ns and recorder.stats.frames + recorder.stats.lost > 601
            )
    assert sum("too slow" in line for line in caplog.messages) == 1
    records = list(Recording(tmp_path))
    lost = [one for one in records if isinstance(one, RecordedEvent) and one.name == "lost"]
    assert sum(event.frames for event in lost) == stats.lost
    prices = [int(update.data.last_price) for update in Recording(tmp_path).updates()]  # type: ignore[union-attr]
    assert prices[-1] == 1000
    assert len(prices) + stats.lost == 601
    assert any(isinstance(one, RecordedEvent) and one.name == "slow" for one in records)


async def test_a_full_disk_is_an_error_and_ends_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the disk is told by check() and when the block is left; the client goes on."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    def told(recorder: Recorder) -> bool:
        try:
            recorder.check()
        except OSError as error:
            return "No space" in str(error)
        return False

    async def record(server: ScriptedServer, ws: WebsocketClient) -> None:
        async with Recorder(ws, "spot/ticker:BTC_USDT", path=tmp_path) as recorder:
            monkeypatch.setattr(disk_module.os, "fsync", full)
            await server.last("spot_public").send(ticker())
            await until(lambda: told(recorder))

    async with ScriptedServer() as server, streams(server) as ws:
        with pytest.raises(OSError, match="No space"):
            await record(server, ws)
        assert (await ws.subscribe("spot/ticker:ETH_USDT")).topics
    Recording(tmp_path)


async def test_only_its_own_channels_are_recorded(tmp_path: Path) -> None:
    """A client that does other things too lends its sockets; what it hears beside does not come along."""
    async with Sandbox(speed=20) as sandbox, WebsocketClient(**sandbox.client_options) as ws:
        others: list[object] = []
        await ws.subscribe(["spot/trade:BTC_USDT", "futures/order"], handler=others.append)
        async with Recorder(ws, "spot/depth20:BTC_USDT", path=tmp_path) as recorder:
            await until(lambda: recorder.stats.channels.get("spot/depth20", 0) > 3 and len(others) > 2, 20)
    assert set(recorder.stats.channels) <= {"spot/depth20", "(other)"}


async def test_a_folder_takes_one_recorder_at_a_time(tmp_path: Path) -> None:
    """The second is refused before anything is sent, and so are options that cannot be."""
    async with ScriptedServer() as server, streams(server) as ws:
        async with Recorder(ws, "spot/ticker:BTC_USDT", path=tmp_path):
            with pytest.raises(ConfigurationError, match="another process"):
                await Recorder(ws, "spot/trade:BTC_USDT", path=tmp_path).__aenter__()
        with pytest.raises(ConfigurationError, match="at least one"):
            Recorder(ws, [], path=tmp_path)
        with pytest.raises(ConfigurationError, match="most_waiting"):
            Recorder(ws, "spot/ticker:BTC_USDT", path=tmp_path, most_waiting=1)
    with pytest.raises(ConfigurationError, match="no recording"):
        Recording(tmp_path / "elsewhere")
    with pytest.raises(ParameterError, match="was not recorded"):
        list(Recording(tmp_path).updates("spot/ticker:ETH_USDT"))


async def test_many_topics_go_over_several_sockets(tmp_path: Path) -> None:
    """More topics than a socket may hold are spread over as many as it takes, and all of them are recorded."""
    async with Sandbox(symbols="all", speed=20) as sandbox, RestClient(**sandbox.client_options) as rest:
        pairs = [row.symbol for row in (await rest.get_spot_trading_pair_details_v1()).symbols]
        channels = (
            "ticker",
            "depth5",
            "depth20",
            "depth50",
            "kline1m",
            "kline5m",
            "kline15m",
            "kline30m",
            "kline1H",
            "kline1D",
            "kline1W",
        )
        topics = [f"spot/{channel}:{pair}" for channel in channels for pair in pairs]
        assert len(topics) > 115
        async with (
            WebsocketClient(**sandbox.client_options) as ws,
            Recorder(ws, topics, path=tmp_path) as recorder,
        ):
            sockets = [one.name for one in ws.health().connections]
            await until(lambda: recorder.stats.frames >= 2 * len(topics), 20)
    assert sockets == ["spot_public", "spot_public_2"]
    recording = Recording(tmp_path)
    used = {record.connection for record in recording if isinstance(record, RecordedFrame)}
    assert used == set(sockets)
    assert {update.topic for update in recording.updates()} == set(topics)


@pytest.mark.parametrize("library", ["zstandard", "pyarrow"])
async def test_a_missing_library_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    """Who did not install the extra is told which one, before anything is sent or written."""
    for name in list(sys.modules):
        if name == library or name.startswith(f"{library}."):
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigurationError, match=rf"{library}.*extra 'store'.*'\.\[store\]'"):
        export_recording(tmp_path, tmp_path / "out")
    if library == "zstandard":
        async with ScriptedServer() as server, streams(server) as ws:
            with pytest.raises(ConfigurationError, match="extra 'store'"):
                await Recorder(ws, "spot/ticker:BTC_USDT", path=tmp_path / "rec").__aenter__()
            assert not server.sessions


async def test_a_replay_keeps_the_pace(tmp_path: Path) -> None:
    """At speed n the same updates come in a n-th of the time; None does not wait at all."""
    async with ScriptedServer() as server, streams(server) as ws:  # noqa: SIM117 - one ends before the other
        async with Recorder(ws, "spot/ticker:BTC_USDT", path=tmp_path) as recorder:
            for number in range(3):
                await server.last("spot_public").send(ticker(last=str(number)))
                await until(lambda number=number: recorder.stats.channels.get("spot/ticker", 0) > number)
                await asyncio.sleep(0.1)  # time is what is recorded here
    recording = Recording(tmp_path)
    records = list(recording)
    span = (records[-1].monotonic_ns - records[0].monotonic_ns) / 1e9
    loop = asyncio.get_running_loop()
    for speed in (2.0, 10.0):
        began = loop.time()
        prices = [int(update.data.last_price) async for update in recording.replay(speed=speed)]  # type: ignore[union-attr]
        assert prices == [0, 1, 2]
        assert loop.time() - began >= span / speed * 0.99
    assert [update.raw async for update in recording.replay(speed=None)]
    with pytest.raises(ParameterError, match="speed"):
        [update async for update in recording.replay(speed=0)]
