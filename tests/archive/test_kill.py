"""The real command, killed for good at any moment and run again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shlex
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bitmart_async.archive import verify_archive
from bitmart_async.archive.journal import Journal
from bitmart_async.archive.lock import Lock
from bitmart_async.sandbox import Sandbox
from tests.archive.account import check_truth, dense, misbehave


async def _command(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "bitmart_async", "archive", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip


def _where(folder: Path, sandbox: Sandbox) -> str:
    path = folder / "sandbox.json"
    told = {"environment": asdict(sandbox.environment), **sandbox.keys, "rate_limits": False}
    path.write_text(json.dumps(told))
    return str(path)


async def test_a_killed_archive_is_continued_to_the_whole_truth(tmp_path: Path) -> None:
    """SIGKILL in the middle of reading, twice, with faults on the way: the last run ends with code 0,
    and exactly the truth lies in the tables."""
    rng = random.Random(11)
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        since = datetime.fromtimestamp(dense(sandbox, 320) / 1000, UTC).strftime("%Y-%m-%d")
        out = tmp_path / "out"
        options = ("--out", str(out), "--since", since, "--environment", _where(tmp_path, sandbox), "--json")
        for _ in range(2):
            misbehave(sandbox, rng)
            killed = await _command(*options)
            more = sandbox.seen.requests + rng.randrange(15, 70)
            await sandbox.until(lambda seen, more=more: seen.requests >= more, timeout=30)
            killed.send_signal(signal.SIGKILL)
            await killed.communicate()
            assert killed.returncode == -signal.SIGKILL
            assert not (out / "report.json").exists()
        before = sandbox.seen.requests
        last = await _command(*options)
        printed, errors = await last.communicate()
        assert last.returncode == 0, errors.decode()
        assert not errors
        report = json.loads(printed)
        assert report["finished"]
        assert report["proven"]
        assert sandbox.seen.requests - before < report["requests"], "what was read is not asked for again"
        check_truth(out, sandbox)
    found = await asyncio.to_thread(verify_archive, out)
    assert found.ok, found.problems


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_X5_a_signal_stops_it_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end with code 130 and one line, without a traceback; what was read is kept, and the
    folder is free for the next run."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        options = ("--out", str(tmp_path / "out"), "--environment", _where(tmp_path, sandbox))
        running = await _command(*options)
        await sandbox.until(lambda seen: seen.requests >= 20, timeout=30)
        running.send_signal(number)
        printed, errors = await asyncio.wait_for(running.communicate(), 10)
    assert running.returncode == 130
    assert errors == b"Stopped; what was read is kept. The same command goes on from here.\n"
    assert b"Traceback" not in printed
    assert Journal(tmp_path / "out" / "journal.ndjson").done
    Lock(tmp_path / "out").close()


async def test_a_log_shows_how_far_it_is(tmp_path: Path) -> None:
    """Without a terminal each list is a line with its rows and the time, waits and the end are told, nothing secret
    and no control character stands in it, and a second run says that it goes on."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        dense(sandbox, 40)
        sandbox.faults.drop_answer("/spot/v1/wallet", times=3)
        sandbox.faults.reply(
            "/spot/v1/user_fee", 200, b'{"code":30012,"message":"no right","trace":"t","data":{}}'
        )
        options = ("--out", str(tmp_path / "out"), "--environment", _where(tmp_path, sandbox), "--since")
        day = datetime.fromtimestamp(sandbox.now_ms() / 1000 - 40 * 86_400, UTC).strftime("%Y-%m-%d")
        first = await _command(*options, day)
        printed, errors = await first.communicate()
        again = await _command(*options, day)
        second, _ = await again.communicate()
        keys = sandbox.keys
        trades = sum(fill.market == "spot" for fill in sandbox.account().fills)
    assert (first.returncode, errors) == (0, b""), errors
    log = printed.decode()
    lines = log.splitlines()
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  "
    assert re.fullmatch(stamp + r"archive of sandbox in .*out", lines[0])
    assert re.fullmatch(stamp + r"[\d,]+ requests or more to make, .* or more", lines[1])
    assert re.search(stamp + rf"spot_trades: {trades:,} rows in [\d,]+ requests, finished\n", log)
    assert re.search(stamp + r"spot_wallet: 2 rows in 1 request, finished\n", log)
    assert re.search(stamp + r"waiting: spot_wallet: asking again in ", log)
    assert re.search(stamp + r"spot_fee_level: 0 rows in 1 request; a part was refused: code 30012: ", log)
    assert re.search(stamp + r"everything is read: .*; writing tables\n", log)
    assert "Check it: bitmart archive verify" in lines[-1]
    assert all(char.isprintable() for line in lines for char in line)
    assert not any(secret in log for secret in keys.values())
    begun = second.decode().splitlines()
    assert re.fullmatch(stamp + r"archive of sandbox in .*, going on with what was begun at .*Z", begun[0])
    assert "spot_trades:" not in second.decode(), "what was read before is not told again"


async def test_a_full_disk_ends_it_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """Files may not grow beyond 1 kB: code 1, a line that says what to do, and the next run stumbles over nothing."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        options = ("--out", str(tmp_path / "out"), "--environment", _where(tmp_path, sandbox))
        command = shlex.join([sys.executable, "-W", "error", "-m", "bitmart_async", "archive", *options])
        full = await asyncio.create_subprocess_shell(
            f"ulimit -f 1; exec {command}", executable="/bin/bash", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await full.communicate()
        assert full.returncode == 1
        assert b"the same command goes on" in errors
        assert b"Traceback" not in errors
        before = sandbox.seen.requests
        again = await _command(*options)
        await sandbox.until(lambda seen: seen.requests > before + 20, timeout=30)
        again.send_signal(signal.SIGTERM)
        await again.communicate()
        assert again.returncode == 130


async def test_a_log_nobody_reads_any_more_ends_no_archive(tmp_path: Path) -> None:
    """``bitmart archive | head -n 1`` reads on to the end: the files are what it is for."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        where = _where(tmp_path, sandbox)
        process = await asyncio.create_subprocess_shell(
            f"set -o pipefail; {sys.executable} -W error -m bitmart_async archive --out out --environment {where} "
            f"| head -n 1",
            executable="/bin/bash", cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, errors = await process.communicate()
    assert (process.returncode, errors, printed.count(b"\n")) == (0, b"", 1)
    assert json.loads((tmp_path / "out" / "report.json").read_bytes())["finished"]


def test_the_files_of_a_run_hold_no_part_files(tmp_path: Path) -> None:
    """Files are written under another name first; a reader never sees half of one."""
    from bitmart_async.archive.journal import write_file

    write_file(tmp_path / "a.json", b"1")
    write_file(tmp_path / "a.json", b"2")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert Path(tmp_path / "a.json").read_bytes() == b"2"
