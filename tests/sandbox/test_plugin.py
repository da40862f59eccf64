"""The pytest plugin serves users' tests in either mode of pytest-asyncio."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TEST = """
import pytest

@pytest.fixture
def sandbox_options():
    return {"lively": False, "seed": 9}

@pytest.mark.asyncio
async def test_it(sandbox):
    assert sandbox.environment.name == "sandbox"
    assert sandbox.now_ms() > 0
"""
CLIENTS = """
from decimal import Decimal

import pytest
from bitmart_async import topics

@pytest.mark.asyncio
async def test_they_reach_it(sandbox, sandbox_rest, sandbox_futures, sandbox_ws):
    order = await sandbox_rest.submit_spot_order_v2(
        "BTC_USDT", side="buy", type="limit", size=Decimal("0.01"), price=Decimal(50000)
    )
    assert sandbox.account().open_orders[0].order_id == order.order_id
    assets = await sandbox_futures.get_futures_account_assets()
    assert {row.currency for row in assets} >= {"USDT"}
    tickers = await sandbox_ws.subscribe(topics.spot.ticker("BTC_USDT"))
    sandbox.tick("BTC_USDT", last="64001.00")
    assert (await anext(aiter(tickers))).data.symbol == "BTC_USDT"
"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("mode", "plugin", "test"),
    [
        ("strict", "bitmart_async.sandbox.pytest_plugin", TEST),
        ("auto", "bitmart_async.pytest_plugin", TEST + CLIENTS),
    ],
)
async def test_the_fixtures(tmp_path: Path, mode: str, plugin: str, test: str) -> None:
    """A project that names a plugin gets a running sandbox with its own options, and clients for it."""
    (tmp_path / "conftest.py").write_text(f'pytest_plugins = ["{plugin}"]')
    (tmp_path / "test_it.py").write_text(test)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "-o",
        f"asyncio_mode={mode}",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
