"""Prints what a thousand reconnects left behind. A process of its own, because the heap of one that has run
other tests grows and shrinks by megabytes for reasons of its own."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bitmart_async.websocket import pacing
from tests.scripted_ws import ScriptedServer, our_tasks, streams, until

if TYPE_CHECKING:
    from bitmart_async.websocket.events import Event


def _memory() -> int:
    """Resident memory of this process, KiB."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


async def _main() -> None:
    pacing.Pacer.CONNECTS = 10_000  # type: ignore[misc]
    pacing.random.uniform = lambda low, high: 0.0  # type: ignore[attr-defined]
    silent = logging.Logger("reconnects", level=logging.CRITICAL + 1)
    async with ScriptedServer() as server:
        async with streams(server, logger=silent) as ws:
            live = asyncio.Event()
            generation = 0

            def heard(event: Event) -> None:
                nonlocal generation
                generation = event.generation
                live.set()

            ws.on("live")(heard)
            await ws.subscribe("spot/trade:BTC_USDT")

            async def reconnect(times: int) -> None:
                for _ in range(times):
                    await until(lambda: server.sessions and server.sessions[-1].topics)
                    live.clear()
                    server.sessions[-1].abort()
                    await live.wait()
                    del server.sessions[:-1]

            await reconnect(200)
            gc.collect()
            tasks, descriptors, memory = our_tasks(), _descriptors(), _memory()
            await reconnect(1000)
            await until(lambda: _descriptors() <= descriptors)
            gc.collect()
            found = {
                "reconnects": generation - 1,
                "KiB more": _memory() - memory,
                "tasks before": tasks,
                "tasks after": our_tasks(),
                "descriptors more": _descriptors() - descriptors,
            }
        found["tasks when closed"] = our_tasks()
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(_main())
