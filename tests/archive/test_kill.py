"""The real command, killed for good at any moment and run again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bitmart_async.archive import verify_archive
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


async def test_X5_a_signal_stops_it_and_says_how_to_go_on(tmp_path: Path) -> None:
    """Ctrl-C ends with code 130 and one line, without a traceback."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        running = await _command("--out", str(tmp_path / "out"), "--environment", _where(tmp_path, sandbox))
        await sandbox.until(lambda seen: seen.requests >= 20, timeout=30)
        running.send_signal(signal.SIGINT)
        printed, errors = await asyncio.wait_for(running.communicate(), 10)
    assert running.returncode == 130
    assert b"The same command goes on from here" in errors
    assert b"Traceback" not in printed + errors
    assert (tmp_path / "out" / "journal.ndjson").exists()


def test_the_files_of_a_run_hold_no_part_files(tmp_path: Path) -> None:
    """Files are written under another name first; a reader never sees half of one."""
    from bitmart_async.archive.journal import write_file

    write_file(tmp_path / "a.json", b"1")
    write_file(tmp_path / "a.json", b"2")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert Path(tmp_path / "a.json").read_bytes() == b"2"
