"""The command line, through its real entry point."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from bitmart_async import Credentials, Environment, RestClient


def _bitmart(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "bitmart_async", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "100", **env},
    )


def test_without_arguments_it_helps() -> None:
    """A newcomer who types only the name learns what there is."""
    done = _bitmart()
    assert done.returncode == 0
    assert "demo" in done.stdout
    assert "sandbox" in done.stdout


def test_a_wrong_option_is_refused() -> None:
    """A spelling mistake ends with code 2; two lines say what it is and where help is, and nothing hides them."""
    done = _bitmart("sandbox", "--sed", "1")
    assert done.returncode == 2
    assert not done.stdout
    mistake, help_line = done.stderr.splitlines()
    assert "--sed" in mistake
    assert help_line == "Help: bitmart sandbox --help"
    verify = _bitmart("archive", "verify")
    assert verify.returncode == 2
    assert verify.stderr.splitlines()[-1] == "Help: bitmart archive verify --help"


def test_an_unknown_command_is_refused() -> None:
    """The same for a command, with the one that was probably meant."""
    done = _bitmart("exitplan")
    assert done.returncode == 2
    assert 'Did you mean "exit-plan"?' in done.stderr
    assert done.stderr.splitlines()[-1] == "Help: bitmart --help"


def test_version() -> None:
    """--version prints the package's version."""
    import bitmart_async

    assert _bitmart("--version").stdout.strip() == bitmart_async.__version__


@pytest.mark.parametrize("seed", ["1", "7"])
def test_demo_shows_the_whole_way(seed: str) -> None:
    """The demo ends well within a quarter of a minute and shows prices, fills, a position and the way back."""
    done = _bitmart("demo", "--seed", seed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    for expected in (
        "server time",
        "spot BTC_USDT",
        "futures BTCUSDT",
        "spot_private",
        "futures_private",
        "limit buy",
        "market sell",
        "fill, pushed",
        "balance USDT",
        "position, pushed",
        "live again",
        "Done in",
    ):
        assert expected in done.stdout, f"{expected!r} is missing:\n{done.stdout}"
    spot, futures = done.stdout.split("4  Futures")
    for market in (spot, futures):
        assert "fee paid " in market
        assert "fee paid -" not in market, "what was paid is told alike on both markets"
    assert "sign of fees" in futures
    assert float(done.stdout.split("Done in ")[1].split()[0]) < 15


def test_the_missing_extra_is_named() -> None:
    """Without cyclopts and rich the command says which extra to install."""
    code = (
        "import sys; sys.modules['cyclopts'] = None; from bitmart_async.cli import main; sys.exit(main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert "extra 'cli'" in done.stderr
    assert "'.[cli]'" in done.stderr


async def _started(*arguments: str) -> tuple[asyncio.subprocess.Process, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-m",
        "bitmart_async",
        "sandbox",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return process, await process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_X5_sandbox_serves_until_interrupted(number: signal.Signals) -> None:
    """``bitmart sandbox --json`` tells another program where it is and with which keys; a signal ends it
    cleanly with code 130."""
    process, line = await _started("--json", "--seed", "3")
    told = json.loads(line)
    environment = Environment(**told["environment"])
    keys = Credentials(told["api_key"], told["api_secret"], told["api_memo"])
    async with RestClient(environment=environment, credentials=keys) as rest:
        wallet = await rest.get_spot_wallet_balance_v1()
    assert {row.id for row in wallet.wallet} >= {"BTC", "USDT"}
    process.send_signal(number)
    async with asyncio.timeout(5):
        _, errors = await process.communicate()
    assert process.returncode == 130
    assert not errors


async def test_sandbox_prints_its_urls_and_keys() -> None:
    """A person sees the six URLs and the three variables to export."""
    process, first = await _started()
    assert process.stdout is not None
    text = first.decode()
    async with asyncio.timeout(20):
        while "Ctrl-C" not in text:
            text += (await process.stdout.readline()).decode()
    process.send_signal(signal.SIGINT)
    await process.communicate()
    for name in (
        "spot_rest",
        "futures_rest",
        "spot_public",
        "spot_private",
        "futures_public",
        "futures_private",
        "BITMART_API_KEY=",
        "BITMART_API_SECRET=",
        "BITMART_API_MEMO=",
        "/status",
    ):
        assert name in text


async def test_sandbox_takes_four_ports_in_a_row() -> None:
    """``--port`` is the first of four, ``--symbols`` the markets, ``--speed`` a clock that runs fast."""
    import socket

    for first in range(41_000, 60_000, 10):
        try:
            for number in range(4):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", first + number))
        except OSError:
            continue
        break
    arguments = ("--json", "--port", str(first), "--symbols", "ETHUSDT,SOL_USDT", "--speed", "60")
    process, line = await _started(*arguments)
    environment = Environment(**json.loads(line)["environment"])
    async with RestClient(environment=environment) as rest:
        assert (await rest.get_spot_trading_pairs_v1()).symbols == ["BTC_USDT", "ETH_USDT", "SOL_USDT"]
    process.send_signal(signal.SIGINT)
    await process.communicate()
    urls = (
        environment.spot_rest,
        environment.futures_rest,
        environment.spot_public,
        environment.futures_public,
    )
    for number, url in enumerate(urls):
        assert f":{first + number}" in url


def test_a_taken_port_is_told() -> None:
    """A port that is in use ends with code 1 and says what to do."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = _bitmart("sandbox", "--spot-rest", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "ports" in done.stdout


@pytest.mark.parametrize(
    "option", [("--speed", "-1"), ("--host", "300.1.1.1"), ("--spot-rest", "70000"), ("--symbols", "NIX")]
)
def test_a_senseless_option_is_told_in_one_line(option: tuple[str, str]) -> None:
    """No traceback: one sentence that says what is wrong, and a code other than 0."""
    done = _bitmart("sandbox", *option)
    assert done.returncode in (1, 2)
    assert "The sandbox cannot" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
