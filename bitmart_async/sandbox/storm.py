"""A seeded storm of faults: bad luck that can be repeated."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .faults import Faults

__all__ = ["KINDS", "Storm"]

_SOCKETS: Final = ("", "spot", "futures", "spot_public", "spot_private", "futures_public", "futures_private")
KINDS: Final = (
    "cut",
    "stall",
    "blackhole",
    "refuse_sockets",
    "refuse_login",
    "swallow_login",
    "mute",
    "lose",
    "repeat",
    "swap",
    "spoil",
    "lag",
    "swallow_ack",
    "limit",
    "edge",
    "unavailable",
    "delay",
    "drop_answer",
)
_OF_TOPICS: Final = ("mute", "lose", "repeat", "swap", "spoil", "lag", "swallow_ack")


class Storm:
    """Runs while its ``async with`` lasts. :attr:`log` tells what it did."""

    def __init__(
        self,
        faults: Faults,
        topics: Callable[[], list[str]],
        seed: int,
        *,
        every: float,
        lasting: float,
        kinds: tuple[str, ...],
    ) -> None:
        self._faults = faults
        self._topics = topics
        self._rng = random.Random(seed)
        self._every = every
        self._lasting = lasting
        self._kinds = kinds
        self._task: asyncio.Task[None] | None = None
        self._healing: set[asyncio.TimerHandle] = set()
        self._struck = asyncio.Event()
        self.log: list[str] = []
        """The faults so far, oldest first: ``cut spot_public``."""

    async def until(self, blows: int) -> None:
        """Wait until so many faults have struck."""
        while len(self.log) < blows:
            self._struck.clear()
            await self._struck.wait()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._rage(), name="sandbox storm")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for timer in self._healing:
            timer.cancel()
        await self._faults.clear()

    async def _rage(self) -> None:
        while True:
            await asyncio.sleep(min(self._rng.expovariate(1 / self._every), 5 * self._every))
            await self._strike(self._rng.choice(self._kinds))
            self._struck.set()

    async def _strike(self, kind: str) -> None:
        rng, faults = self._rng, self._faults
        where, lasting, times = rng.choice(_SOCKETS), rng.random() * self._lasting, rng.randint(1, 3)
        topics = self._topics()
        topic = rng.choice(topics) if topics else ""
        if kind in _OF_TOPICS:
            if not topic:
                return
            self.log.append(f"{kind} {topic}")
            self._bend(kind, topic, lasting, times)
            return
        self.log.append(f"{kind} {where}".rstrip())
        if kind == "cut":
            await faults.cut(where)
        elif kind == "stall":
            faults.stall(where)
            self._later(lasting, lambda: faults.resume(where))
        elif kind == "blackhole":
            faults.blackhole(where)
        elif kind == "refuse_sockets":
            faults.refuse_sockets(where, rng.choice((403, 429, 503)))
        elif kind in ("refuse_login", "swallow_login"):
            market = rng.choice(("spot", "futures"))
            if kind == "refuse_login":
                faults.refuse_login(market, "95000", "Internal error")
            else:
                faults.swallow_login(market)
        elif kind == "limit":
            faults.limit()
        elif kind == "edge":
            faults.edge()
        elif kind == "unavailable":
            faults.reply("*", 503, b'{"message":"Service unavailable","code":30014,"trace":"scripted"}')
        elif kind == "delay":
            faults.delay("*", lasting)
        else:
            faults.drop_answer("*", after=rng.random() < 0.5)

    def _bend(self, kind: str, topic: str, lasting: float, times: int) -> None:
        faults = self._faults
        if kind == "mute":
            faults.mute(topic)
            self._later(lasting, lambda: faults.unmute(topic))
        elif kind == "lag":
            faults.lag(topic, lasting)
            self._later(2 * lasting, lambda: faults.lag(topic, 0))
        elif kind == "lose":
            faults.lose(topic, times)
        elif kind == "repeat":
            faults.repeat(topic, times)
        elif kind == "swap":
            faults.swap(topic)
        elif kind == "spoil":
            faults.spoil(topic, lambda _: {"data": "spoiled"})
        else:
            faults.swallow_ack(topic)

    def _later(self, seconds: float, heal: Callable[[], object]) -> None:
        def run() -> None:
            self._healing.discard(timer)
            heal()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._healing.add(timer)
