"""``python -m benchmarks.recorder``: what it costs to record a frame, and what the disk gets.

The neutral server of ``benchmarks.stream`` writes the spot mix as fast as it is taken. One process takes the
frames raw and drops them, the same process records them; CPU is that of the whole process, the
writing thread (line, zstd, write, fsync) included. Best of the rounds, in microseconds per frame.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.stream_server import scripts
from bitmart_async import Environment, Recorder, Recording, WebsocketClient

if TYPE_CHECKING:
    from collections.abc import Callable


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def environment(port: int, who: str) -> Environment:
    url = f"ws://127.0.0.1:{port}/api?who={who}"
    rest = f"http://127.0.0.1:{port}"
    return Environment(
        name="bench", spot_rest=rest, futures_rest=rest,
        spot_public=url, spot_private=url, futures_public=url, futures_private=url,
    )  # fmt: skip


async def main(count: int, rounds: int) -> None:
    script = scripts(count)["spot"]
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stream_server", str(count)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    port = int(server.stdout.readline())

    async def flood(who: str, taken: Callable[[], int]) -> tuple[float, float]:
        """Seconds of CPU and of the clock for one script."""
        assert server.stdin is not None
        assert server.stdout is not None
        goal, began, clock = taken() + count, cpu(), time.perf_counter()
        server.stdin.write(json.dumps({"do": "flood", "who": who, "script": "spot"}) + "\n")
        server.stdin.flush()
        while taken() < goal:
            await asyncio.sleep(0.002)
        took = cpu() - began, time.perf_counter() - clock
        await asyncio.to_thread(server.stdout.readline)
        return took

    figures: dict[str, list[tuple[float, float]]] = {"raw": [], "recorder": []}
    with tempfile.TemporaryDirectory() as folder:
        for mode, times in figures.items():
            async with AsyncExitStack() as stack:
                ws = await stack.enter_async_context(WebsocketClient(environment=environment(port, mode)))
                if mode == "raw":
                    seen = [0]

                    def one(_: str, __: bytes, seen: list[int] = seen) -> None:
                        seen[0] += 1

                    await ws.subscribe(list(script.topics), raw=one)
                    for _ in range(rounds):
                        times.append(await flood(mode, lambda seen=seen: seen[0]))
                    continue
                recorder = await stack.enter_async_context(Recorder(ws, script.topics, path=folder))
                for _ in range(rounds):
                    began = cpu()
                    _, took = await flood(mode, lambda r=recorder: r.stats.frames + r.stats.lost)
                    while recorder.stats.waiting:
                        await asyncio.sleep(0.01)
                    times.append((cpu() - began, took))
            if mode == "recorder":
                stats = recorder.stats
        server.stdin.close()
        server.wait()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        clock = time.perf_counter()
        frames = Recording(folder).summary().frames
        read = time.perf_counter() - clock
    for mode, times in figures.items():
        used, took = min(one for one, _ in times), min(one for _, one in times)
        print(f"{mode:<10} {used / count * 1e6:6.1f} us CPU per frame   {count / took:10,.0f} frames/s")
    print(
        f"{stats.bytes / stats.frames:,.0f} bytes per frame, {size / stats.frames:,.0f} on the disk; "
        f"{stats.lost:,} lost; "
        f"slowest write {stats.longest_write * 1000:.0f} ms; read back at {frames / read:,.0f} frames/s"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    asyncio.run(main(5_000 if given.quick else given.count, 2 if given.quick else given.rounds))
