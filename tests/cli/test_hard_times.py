"""The commands about streams in bad company: a full disk, damaged files, a lost exchange, a log nobody reads."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from bitmart_async import Recording
from bitmart_async.cli.stopping import in_thread
from bitmart_async.sandbox import Sandbox
from tests.cli.running import bitmart, where
from tests.recording.test_damage import record_a_run
from tests.scripted_ws import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TOPICS = ("spot/depth/increase100:BTC_USDT", "spot/trade:BTC_USDT", "futures/trade:BTCUSDT")


async def _start(*arguments: str, shell: str = "exec {}") -> asyncio.subprocess.Process:
    """Start the command, in a line of a shell."""
    command = shlex.join([sys.executable, "-W", "error", "-m", "bitmart_async", *arguments])
    return await asyncio.create_subprocess_shell(
        shell.format(command),
        executable="/bin/bash",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip


async def test_a_full_disk_says_what_is_kept_and_what_is_not(tmp_path: Path) -> None:
    """The recorder ends with code 1, names the file, how many frames are kept and how many are not; exactly these are
    in the recording, and the same command goes on behind them."""
    rec = tmp_path / "rec"
    async with Sandbox(speed=20) as sandbox:
        place = where(tmp_path, sandbox)
        process = await _start("record", *_TOPICS, "--out", str(rec), *place, shell="ulimit -f 4; exec {}")
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode == 1
        line = next(line for line in out.decode().splitlines() if "are kept in" in line)
        lost = err.decode()
        found = Recording(rec).summary()
        assert f" {found.frames:,} frames in 1 files are kept" in line
        assert "that came after them are lost" in line
        assert "File too large" in lost
        assert str(Recording(rec).files[0]) in lost
        again = await bitmart("record", *_TOPICS, "--out", str(rec), "--for", "0.5", *place)
    assert again.code == 0, again
    now = Recording(rec).summary()
    assert (now.runs, now.unfinished, now.damaged) == (2, 1, ())
    assert now.frames > found.frames


async def test_damage_is_one_line_and_salvage_reads_past_it(tmp_path: Path) -> None:
    """replay, export and --summary of a damaged recording: code 1, no traceback, what is missing and the way past."""
    rec = tmp_path / "rec"
    record_a_run(rec)
    file = sorted(rec.glob("*.zst"))[1]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    path, out = str(rec), str(tmp_path / "out")
    plain, past, told, tables, salvaged = await asyncio.gather(
        bitmart("replay", path, "--fast"),
        bitmart("replay", path, "--fast", "--salvage"),
        bitmart("replay", path, "--summary"),
        bitmart("export", path, "--out", out),
        bitmart("export", path, "--out", out, "--salvage"),
    )
    for done in (plain, past, told, tables, salvaged):
        assert done.code == 1, done
        assert "Traceback" not in done.err + done.out
        assert file.name in done.out + done.err
    for done in (plain, tables):
        assert "--salvage" in done.err
    for done in (past, told, salvaged):
        assert "1 of the 48 frames this run took are not in its files" in done.out
    assert "47 updates" in past.out
    assert "-- 1970-01-01 UTC" in past.out


async def test_a_log_of_a_view_and_of_a_recorder_tells_of_the_outage(tmp_path: Path) -> None:
    """The exchange goes away and comes back: lines between the others say so, with the gap; a recorder whose log
    nobody reads records on."""
    rec = tmp_path / "rec"
    async with Sandbox(speed=20) as sandbox:
        place = where(tmp_path, sandbox)
        view = await _start("trades", "BTC_USDT", *place)
        recorder = await _start("record", *_TOPICS, "--out", str(rec), *place)
        silent = await _start(
            "record", *_TOPICS, "--for", "1.5", "--out", str(tmp_path / "silent"), *place,
            shell="set -o pipefail; {} | head -n 0",
        )  # fmt: skip
        seen = {id(view): b"", id(recorder): b""}

        async def read_until(process: asyncio.subprocess.Process, text: bytes) -> None:
            assert process.stdout is not None
            while text not in seen[id(process)]:
                seen[id(process)] += await process.stdout.readline()

        async with asyncio.timeout(40):
            await read_until(view, b" x ")
            await read_until(recorder, b"recording 3 topics")
            await until(lambda: list(rec.glob("*.zst")) and Recording(rec).summary().frames > 5, 20)
            await sandbox.faults.cut()
            for process in (view, recorder):
                await read_until(process, b"spot_public: connection lost, trying again")
                await read_until(process, b"spot_public: back; updates of ")
                process.send_signal(signal.SIGTERM)
                _, err = await process.communicate()
                assert process.returncode == 130, err
                assert not err
            assert (await silent.communicate(), silent.returncode) == ((b"", b""), 0)
    assert Recording(tmp_path / "silent").summary().frames > 5


async def test_work_in_a_thread_ends_with_its_command() -> None:
    """Ctrl-C during an export or a check does not wait for its end: it is told to stop at its next step."""
    steps, ended = threading.Event(), threading.Event()

    def work(go_on: Callable[[], None]) -> None:
        try:
            while True:
                go_on()
                steps.set()
        finally:
            ended.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(steps.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert await in_thread(lambda go_on: go_on() or 7) == 7


async def test_a_recording_across_midnight_says_the_day(tmp_path: Path) -> None:
    """Lines have the time of day alone; a line of its own says when another day begins, and nothing is lost there."""
    midnight = 20_000 * 86_400 * 1_000_000_000
    record_a_run(tmp_path / "rec", since_ns=midnight - 20)
    played, tables = await asyncio.gather(
        bitmart("replay", str(tmp_path / "rec"), "--fast"),
        bitmart("export", str(tmp_path / "rec"), "--out", str(tmp_path / "out"), "--csv"),
    )
    assert (played.code, tables.code) == (0, 0), (played, tables)
    lines = played.out.splitlines()
    days = [number for number, line in enumerate(lines) if line.endswith(" UTC")]
    assert [lines[number] for number in days] == ["-- 2024-10-03 UTC", "-- 2024-10-04 UTC"]
    assert days[1] - days[0] == 21, "the begin and the frames before midnight stand between them"
    assert sum(line.startswith("23:59:59.999 ") for line in lines) == 20, "seconds are cut, not rounded"
    assert "48 updates" in played.out
    rows = (tmp_path / "out" / "spot_ticker.csv").read_text().splitlines()[1:]
    assert [row[:10] for row in rows] == ["2024-10-03"] * 19 + ["2024-10-04"] * 29
    assert rows[19].startswith("2024-10-04T00:00:00.000000000Z")


async def test_options_that_cannot_be_are_told_in_one_line(tmp_path: Path) -> None:
    """No number, topics with --serve: code 2 and a sentence, without a traceback."""
    record_a_run(tmp_path / "rec")
    for done in await asyncio.gather(
        bitmart("record", _TOPICS[0], "--out", str(tmp_path / "x"), "--rotate-mb", "nan", "--sandbox"),
        bitmart("record", _TOPICS[0], "--out", str(tmp_path / "x"), "--rotate-minutes", "-1", "--sandbox"),
        bitmart("replay", str(tmp_path / "rec"), _TOPICS[0], "--serve"),
    ):
        assert done.code == 2, done
        assert done.err.count("\n") == 1, done
