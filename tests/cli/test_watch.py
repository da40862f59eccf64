"""``bitmart book``, ``ticker``, ``trades``, ``orders``, ``positions``, through their real entry point."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shlex
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from bitmart_async import WebsocketClient, topics
from bitmart_async.sandbox import Sandbox
from tests.cli.running import bitmart, where

if TYPE_CHECKING:
    from pathlib import Path


async def test_one_look_at_each(tmp_path: Path) -> None:
    """--once prints what there is and ends, for people or as JSON; spot and futures by the symbol's form."""
    async with Sandbox(speed=20) as sandbox:
        place = where(tmp_path, sandbox)
        commands = (
            ("book", "BTC_USDT"), ("book", "BTCUSDT"), ("ticker", "BTC_USDT"), ("ticker", "BTCUSDT"),
            ("trades", "BTC_USDT"), ("orders",), ("positions",),
        )  # fmt: skip
        told = await asyncio.gather(*(bitmart(*one, "--once", "--json", *place) for one in commands))
        shown = await bitmart("book", "BTC_USDT", "--once", *place)
    for one, done in zip(commands, told, strict=True):
        assert done.code == 0, (one, done)
        assert not done.err, (one, done)
    book, contract, spot, futures, trades, orders, positions = (json.loads(one.out) for one in told)
    assert len(book["bids"]) >= 20
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])
    assert contract["symbol"] == "BTCUSDT"
    assert float(spot["last_price"]) > 0
    assert "mark_price" in futures
    assert trades[0]["symbol"] == "BTC_USDT"
    assert orders == positions == []
    assert shown.code == 0, shown
    assert "spread" in shown.out


async def test_a_sandbox_of_its_own_has_orders_to_show() -> None:
    """--sandbox needs nothing else: the account has lived a little."""
    orders, positions = await asyncio.gather(
        bitmart("orders", "BTC_USDT", "--sandbox", "--once"), bitmart("positions", "--sandbox", "--once")
    )
    assert orders.code == 0, orders
    assert "51000.00" in orders.out
    assert "52000" not in orders.out  # of the contract
    assert positions.code == 0, positions
    assert "long" in positions.out


async def test_a_reader_that_has_enough_ends_it(tmp_path: Path) -> None:
    """``| head``: the command ends with code 0 and no word about it."""
    async with Sandbox(speed=20) as sandbox:
        place = shlex.join(where(tmp_path, sandbox))
        process = await asyncio.create_subprocess_shell(
            f"set -o pipefail; {sys.executable} -W error -m bitmart_async trades BTC_USDT {place} | head -n 1",
            executable="/bin/bash",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(20):
            out, err = await process.communicate()
    assert out.count(b"\n") == 1
    assert (process.returncode, err) == (0, b"")


async def test_lines_where_nobody_looks(tmp_path: Path) -> None:
    """Into a pipe it prints a line per change until it is stopped, with code 130."""
    async with Sandbox(speed=20) as sandbox:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", "bitmart_async", "trades", "BTC_USDT", *where(tmp_path, sandbox),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(20):
            lines = [await process.stdout.readline() for _ in range(3)]
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
    assert all(b" x " in line for line in lines)
    assert process.returncode == 130
    assert not err


async def test_each_trade_once_as_json(tmp_path: Path) -> None:
    """``trades --json`` into a pipe: each line the trades since the one before, none twice, none left out."""
    sent: list[str] = []
    async with Sandbox(speed=50) as sandbox, WebsocketClient(environment=sandbox.environment) as ws:
        await ws.subscribe(
            topics.futures.trade("BTCUSDT"), handler=lambda update: sent.append(update.data.trade_id)
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", "bitmart_async", "trades", "BTCUSDT", "--json",
            *where(tmp_path, sandbox),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        ids: list[str] = []
        async with asyncio.timeout(30):
            while len(ids) < 30:
                news = json.loads(await process.stdout.readline())
                assert news
                ids += [trade["trade_id"] for trade in news]
            process.send_signal(signal.SIGINT)
            await process.communicate()
    assert ids == sent[sent.index(ids[0]) : sent.index(ids[-1]) + 1]


@pytest.mark.parametrize("width", [80, 120])
async def test_a_terminal_shows_a_footer(tmp_path: Path, width: int) -> None:
    """On a terminal the view is drawn again and again, with age, rate, round trip and gaps below; Ctrl-C ends it."""
    async with Sandbox(speed=20) as sandbox:
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", "bitmart_async", "book", "BTCUSDT", *where(tmp_path, sandbox),
            stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(width), "LINES": "24"},
        )  # fmt: skip
        os.close(theirs)
        os.set_blocking(ours, False)
        seen = b""
        try:
            async with asyncio.timeout(20):
                while b"gaps" not in seen or b"spread" not in seen:
                    await asyncio.sleep(0.02)
                    try:
                        seen += os.read(ours, 65536)
                    except BlockingIOError:
                        continue
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(10):
                while process.returncode is None:
                    try:
                        seen += os.read(ours, 65536)
                    except (BlockingIOError, OSError):
                        await asyncio.sleep(0.02)
                assert await process.wait() == 130
        finally:
            os.close(ours)
    assert b"last message" in seen
    assert b"round trip" in seen
    assert b"Traceback" not in seen


async def test_what_cannot_be_watched_is_told() -> None:
    """No symbol, no keys, positions of a pair, spot in the demo: code 2 and a sentence."""
    nothing, keyless, pair, demo = await asyncio.gather(
        bitmart("book"), bitmart("orders"), bitmart("positions", "BTC_USDT", "--sandbox"),
        bitmart("ticker", "BTC_USDT", "--demo"),
    )  # fmt: skip
    assert (nothing.code, keyless.code, pair.code, demo.code) == (2, 2, 2, 2)
    assert nothing.err.splitlines()[-1] == "Help: bitmart book --help"
    assert "BITMART_API_KEY" in keyless.err
    assert "contracts" in pair.err
    assert "futures alone" in demo.err
