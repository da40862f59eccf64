"""Time and peak memory of archiving and verifying an account with many rows.

    python -m benchmarks.archive            100,000 rows and more
    python -m benchmarks.archive --rows 20000

A sandbox in a process of its own holds an account that has traded for sixty days, with crowds of equal
times; the real command reads it in another process, whose peak memory is the figure. The sandbox counts no
calls, so that the time is the work and not the waiting; live, the rate limits decide.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

from bitmart_async.sandbox import Sandbox
from bitmart_async.sandbox.contract_orders import ContractTicket
from bitmart_async.sandbox.spot_orders import SpotTicket

DAY = 86_400_000


def _live(sandbox: Sandbox, count: int) -> int:
    """Trade ``count`` times on both markets together; rows on the books."""
    rng = random.Random(5)
    now = sandbox.now_ms()
    exchange = sandbox._exchange
    times = sorted(
        [now - 20 * DAY + rng.randrange(60_000) for _ in range(count // 4)]
        + [now - 30 * DAY] * 180
        + [now - rng.randrange(60 * DAY) for _ in range(count - count // 4 - 180)]
    )
    for number, at in enumerate(times):
        if number % 4 == 3:
            side = 3 if number % 8 == 7 else 1
            ticket = ContractTicket(symbol="BTCUSDT", side=side, type="market", size=1)
            exchange.futures.submit(exchange.default, ticket, at)
            continue
        sells = (number - number // 4) % 2 == 1
        way = "sell" if sells else "buy"
        amount = {"size": Decimal("0.001")} if sells else {"notional": Decimal(65)}
        exchange.spot.submit(
            exchange.default, SpotTicket(symbol="BTC_USDT", side=way, type="market", **amount), at
        )
    account = sandbox.account()
    # Orders that ended without a fill are forgotten by the exchange after a while; nobody can read those.
    kept = [order for order in account.orders if order.filled]
    return len(kept) + len(account.fills) + len(exchange.futures.flows(exchange.default.uid))


async def _serve(count: int) -> None:
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        rows = _live(sandbox, count)
        told = {"environment": asdict(sandbox.environment), **sandbox.keys, "rate_limits": False}
        print(json.dumps({**told, "rows": rows}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def _measured(*arguments: str) -> tuple[float, float, float, str]:
    """Wall seconds, CPU seconds and peak MiB of one command."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "bitmart_async", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, out
    took = time.perf_counter() - began
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.serve))
        return
    trades = max(1_000, int(options.rows / 2.12))  # an order, a fill and some movements each
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.archive", "--serve", str(trades)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        told = json.loads(server.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            where = Path(folder) / "sandbox.json"
            where.write_text(json.dumps(told))
            since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 65 * 86_400))
            out = str(Path(folder) / "out")
            idle = _measured("archive", "--help")
            read = _measured("archive", "--out", out, "--environment", str(where), "--since", since, "--json")
            report = json.loads(read[3])
            again = _measured("archive", "verify", out, "--json")
            size = {
                kind: sum(path.stat().st_size for path in (Path(out) / kind).iterdir()) / 2**20
                for kind in ("raw", "csv", "parquet")
            }
    finally:
        server.stdin.close()
        server.wait(10)
    print(f"{report['rows']:,} rows from {report['requests']:,} replies, proven: {report['proven']}")
    for table in report["tables"]:
        for gap in table.get("gaps", []):
            print(
                f"  {gap['kind']} {table['name']} {gap['asked']} {gap.get('first', '')} {gap.get('reason', '')}"
            )
    print(f"sandbox's truth: {told['rows']:,} filled orders, fills and movements")
    print(f"{'':<18}{'wall s':>8}{'CPU s':>8}{'peak MiB':>10}")
    for name, (wall, cpu, peak, _) in (("only --help", idle), ("archive", read), ("archive verify", again)):
        print(f"{name:<18}{wall:>8.1f}{cpu:>8.1f}{peak:>10.0f}")
    print("MiB on disk: " + ", ".join(f"{kind} {amount:.1f}" for kind, amount in size.items()))
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
