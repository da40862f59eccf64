"""``bitmart record``, ``replay`` and ``export``, through their real entry point."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from bitmart_async import Environment, Recording, WebsocketClient, local
from bitmart_async.recording import RecordedFrame
from bitmart_async.sandbox import Sandbox
from tests.cli.running import bitmart, where
from tests.scripted_ws import until

if TYPE_CHECKING:
    from pathlib import Path

_TOPICS = ("spot/depth/increase100:BTC_USDT", "spot/trade:BTC_USDT", "futures/trade:BTCUSDT")


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "bitmart_async", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip


def _frames(folder: Path) -> int:
    try:
        return sum(isinstance(record, RecordedFrame) for record in Recording(folder))
    except Exception:
        return 0


async def test_a_recording_is_made_shown_played_and_exported(tmp_path: Path) -> None:
    """From the shell alone: record for a while, look, replay as text and as JSON, export."""
    rec, out = str(tmp_path / "rec"), str(tmp_path / "tables")
    async with Sandbox(speed=20) as sandbox:
        place = where(tmp_path, sandbox)
        made = await bitmart("record", *_TOPICS, "futures/order", "--out", rec, "--for", "0.8", *place)
        wild = await bitmart(
            "record", "--all-futures", "--all-spot", "--out", rec, "--for", "0.3", "--json", *place
        )
    assert made.code == 0, made
    assert "spot/trade" in made.out
    assert "per second" in made.out
    assert wild.code == 0, wild
    assert json.loads(wild.out)["frames"] > 0
    assert "futures/ticker:BTCUSDT" in Recording(rec).topics
    told, shown, listed, tables = await asyncio.gather(
        bitmart("replay", rec, "--summary", "--json"),
        bitmart("replay", rec, _TOPICS[1], "--fast"),
        bitmart("replay", rec, "--fast", "--json"),
        bitmart("export", rec, "--out", out, "--csv"),
    )
    assert json.loads(told.out)["runs"] == 2
    assert json.loads(told.out)["unfinished"] == 0
    assert shown.code == 0, shown
    assert "spot/trade:BTC_USDT side" in shown.out
    assert "begin" in shown.out
    lines = listed.out.splitlines()
    updates = [row for row in map(json.loads, lines) if "topic" in row]
    assert [row["received_ns"] for row in updates] == [one.received_ns for one in Recording(rec).updates()]
    assert tables.code == 0, tables
    assert "spot_trade" in tables.out
    assert (tmp_path / "tables/spot_trade.parquet").exists()
    assert (tmp_path / "tables/spot_depth_increase100.csv").exists()


async def test_a_killed_recorder_loses_at_most_the_last_second(tmp_path: Path) -> None:
    """SIGKILL in the middle of a busy market: the recording opens, and holds all that came until a second before;
    the same command goes on in the same folder, and a half-written end is no matter."""
    async with Sandbox(speed=20) as sandbox, WebsocketClient(**sandbox.client_options) as ws:
        place = where(tmp_path, sandbox)
        seen: list[int] = []
        await ws.subscribe(_TOPICS[1], handler=lambda update: seen.append(update.received_ns))
        process = await _start("record", *_TOPICS, "--out", str(tmp_path / "rec"), *place)
        await until(lambda: _frames(tmp_path / "rec") > 100, 20)
        killed_ns = seen[-1]
        process.kill()
        await process.communicate()
        recording = Recording(tmp_path / "rec")
        trades = [update.received_ns for update in recording.updates(_TOPICS[1])]
        since = [one for one in seen if trades[0] + 50_000_000 < one < killed_ns - 1_000_000_000]
        assert len(trades) >= len(since)
        assert recording.summary().unfinished == 1
        with recording.files[-1].open("ab") as file:
            file.write(b"\x28\xb5\x2f\xfd\x04")  # a zstd frame that was being written
        assert len(list(recording.updates(_TOPICS[1]))) == len(trades)
        again = await bitmart("record", *_TOPICS, "--out", str(tmp_path / "rec"), "--for", "0.5", *place)
        assert again.code == 0, again
    assert len(list(Recording(tmp_path / "rec").updates(_TOPICS[1]))) > len(trades)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_X5_a_recorder_that_is_stopped_says_what_it_has(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C ends it in good order: everything is written, the rates are told, code 130."""
    async with Sandbox(speed=20) as sandbox:
        process = await _start("record", *_TOPICS, "--out", str(tmp_path / "rec"), *where(tmp_path, sandbox))
        await until(lambda: _frames(tmp_path / "rec") > 10, 20)
        process.send_signal(number)
        async with asyncio.timeout(5):
            out, err = await process.communicate()
    assert process.returncode == 130
    assert not err
    assert b"per second" in out
    assert Recording(tmp_path / "rec").summary().unfinished == 0


async def test_any_client_can_connect_to_the_past(tmp_path: Path) -> None:
    """``replay --serve``: a client that subscribes gets the recorded frames, byte for byte and in order, and the
    server ends with the recording."""
    rec = str(tmp_path / "rec")
    async with Sandbox(speed=20) as sandbox:
        made = await bitmart("record", *_TOPICS, "--out", rec, "--for", "1", *where(tmp_path, sandbox))
    assert made.code == 0, made
    process = await _start("replay", rec, "--serve", "--speed", "5", "--json")
    assert process.stdout is not None
    environment = Environment(**json.loads(await process.stdout.readline())["environment"])
    heard: dict[str, list[bytes]] = {topic: [] for topic in _TOPICS}
    async with WebsocketClient(environment=environment) as ws:
        await ws.subscribe(list(_TOPICS), raw=lambda topic, frame: heard[topic].append(frame))
        async with asyncio.timeout(10):
            _, err = await process.communicate()
    assert process.returncode == 0
    assert not err
    for topic in _TOPICS:
        assert heard[topic] == [update.raw for update in Recording(rec).updates(topic)]
        assert heard[topic]


async def test_mistakes_are_told(tmp_path: Path) -> None:
    """No topic, a wrong topic, no recording, a topic that was not recorded, a folder in use: code 2 or 1, a line."""
    commands = ("record", "replay", "export")
    for command, nothing in zip(commands, await asyncio.gather(*map(bitmart, commands)), strict=True):
        assert nothing.code == 2, nothing
        assert nothing.err.splitlines()[-1] == f"Help: bitmart {command} --help"
    none, empty = await asyncio.gather(
        bitmart("record", "--out", str(tmp_path / "rec"), "--sandbox"), bitmart("replay", str(tmp_path))
    )
    assert none.code == 2
    assert "at least one topic" in none.err
    assert empty.code == 2
    assert "no recording" in empty.err
    async with Sandbox(lively=False) as sandbox:
        place = where(tmp_path, sandbox)
        odd, malformed = await asyncio.gather(
            bitmart("record", "spot/tickr:NO_SUCH", "--out", str(tmp_path / "a"), "--for", "1", *place),
            bitmart("record", "nonsense", "--out", str(tmp_path / "b"), *place),
        )
        assert odd.code == 1, odd
        assert "spot/tickr:NO_SUCH" in odd.err
        assert malformed.code in (1, 2)
        assert "Traceback" not in malformed.err + odd.err


@pytest.mark.parametrize("command", [("record", "--out"), ("trades",)])
async def test_X5_a_host_that_never_answers_is_left_at_once(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Ctrl-C while the first socket is still being opened does not wait for the timeout."""
    came = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    told = {"api_key": "k", "api_secret": "s", "api_memo": "m", "environment": asdict(
        local(spot_rest=port, futures_rest=port, spot_streams=port, futures_streams=port)
    )}  # fmt: skip
    (tmp_path / "e.json").write_text(json.dumps(told))
    place = ["--environment", str(tmp_path / "e.json")]
    rest = ["spot/trade:BTC_USDT", "--out", str(tmp_path / "rec")] if command[0] == "record" else ["BTC_USDT"]
    process = await _start(command[0], *rest, *place)
    try:
        async with asyncio.timeout(8):
            await came.wait()
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
        server.close()
        await server.wait_closed()
    assert process.returncode == 130, err
