"""What makes a sandbox go on: who looks at the clock, lets the makers act, and has the feeds push.

With a running clock two tasks do it, twenty times a second each way at most; a fast clock is looked at no
more often, so that its market moves in longer strides. With a stepped clock nothing happens but in
:meth:`Driver.advance`, which walks through the time in many small strides.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from .market import PAUSE

if TYPE_CHECKING:
    from .exchange import Exchange
    from .market import SeededMarket
    from .streams import StreamFace

__all__ = ["Driver"]

_BEAT: Final = 0.05
"""Seconds between two looks at what is due."""
_LEAST_PAUSE: Final = 0.02
_SWEEP_MS: Final = 1_000
_MOST_STRIDES: Final = 1_000
_BREATH: Final = 20
"""Strides after which everybody else in the loop gets a turn."""


class Feed(Protocol):
    def advance(self, now_ms: int) -> None: ...


class Driver:
    def __init__(
        self,
        exchange: Exchange,
        market: SeededMarket,
        feeds: tuple[Feed, ...],
        faces: tuple[StreamFace, ...],
        *,
        speed: float,
        lively: bool,
        stepped: bool,
    ) -> None:
        self._exchange = exchange
        self._market = market
        self._feeds = feeds
        self._faces = faces
        self._speed = speed
        self._lively = lively
        self._stepped = stepped
        self._idle = 0.0
        """Seconds stepped since the makers' last act."""

    def start(self) -> list[asyncio.Task[None]]:
        """The tasks of a running clock."""
        tasks = [asyncio.create_task(self._beat(), name="sandbox heartbeat")]
        if self._lively and not self._stepped:
            tasks.append(asyncio.create_task(self._trade(), name="sandbox makers"))
        return tasks

    def look(self) -> None:
        """Do and push what is due."""
        now_ms = self._exchange.now_ms()
        self._exchange.advance(now_ms)
        for feed in self._feeds:
            feed.advance(now_ms)

    async def advance(self, seconds: float) -> None:
        """Walk through so much of the market's time, as fast as the machine can."""
        strides = max(1, min(_MOST_STRIDES, round(seconds / _BEAT)))
        left = round(seconds * 1_000_000_000)
        for number in range(strides, 0, -1):
            stride = left // number
            left -= stride
            self._exchange.clock.step(stride)
            self._idle += stride / 1_000_000_000
            if self._lively and self._stepped and self._idle >= PAUSE:
                self._market.act(self._idle)
                self._idle = 0.0
            self.look()
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _beat(self) -> None:
        """Look at the clock, and close what is idle."""
        swept = 0
        while True:
            self.look()
            gate_ms = self._exchange.clock.gate_ms()
            if gate_ms - swept >= _SWEEP_MS:
                swept = gate_ms
                for face in self._faces:
                    face.sweep(gate_ms)
            await asyncio.sleep(_BEAT)

    async def _trade(self) -> None:
        while True:
            pause = max(_LEAST_PAUSE, self._market.pause() / self._speed)
            await asyncio.sleep(pause)
            self._market.act(pause * self._speed)
