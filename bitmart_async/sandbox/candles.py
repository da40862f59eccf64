"""Candles of one market, built from its trades over a seeded past.

One-minute candles are kept; longer ones are added up from them when asked for. Before the oldest kept
minute lies a made-up past, drawn once per candle length from the seed, so that a fresh sandbox can
answer for weeks and months too. Each candle opens where the one before it closed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Candle", "CandleSeries", "Day", "open_time"]

Value: TypeAlias = "Callable[[int, int], int]"
"""What so many lots are worth at a price in ticks, atoms."""
MINUTE: Final = 60
DAY_MINUTES: Final = 1_440
MONTH: Final = 43_200
WEEK: Final = 10_080
KEPT: Final = 6_000
PAST: Final = 1_500
OLDER: Final = 1_000


@dataclass(slots=True)
class Candle:
    start: int
    """Opening time, Unix seconds."""
    open: int
    high: int
    low: int
    close: int
    """Prices in ticks."""
    volume: int = 0
    """Lots or contracts."""
    turnover: int = 0
    """Atoms of the quote coin."""

    def print(self, price: int, size: int, value: int) -> None:
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += size
        self.turnover += value

    def absorb(self, later: Candle) -> None:
        self.high, self.low, self.close = max(self.high, later.high), min(self.low, later.low), later.close
        self.volume += later.volume
        self.turnover += later.turnover


class Day(NamedTuple):
    """The last 24 hours."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int


def open_time(minutes: int, at_s: int) -> int:
    """When the candle of this length that covers a moment opened. Weeks open on Monday, UTC."""
    if minutes == MONTH:
        day = datetime.fromtimestamp(at_s, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())
    offset = 4 * DAY_MINUTES * MINUTE if minutes == WEEK else 0  # the epoch was a Thursday
    length = minutes * MINUTE
    return (at_s - offset) // length * length + offset


class CandleSeries:
    """All candles of one market. Prices are ticks."""

    def __init__(self, seed: str, price: int, value: Value, now_s: int) -> None:
        self._seed = seed
        self._value = value
        self._older: dict[int, list[Candle]] = {}
        self._minutes = _walk_back(
            random.Random(seed),
            price,
            value,
            minutes=1,
            last_start=open_time(1, now_s),
            count=PAST,
            swing=0.0004,
        )
        self._day_key = -1
        self._day_closed: list[int] = []

    @property
    def last(self) -> int:
        return self._minutes[-1].close

    def add(self, price: int, size: int, value: int, at_ms: int) -> None:
        """Count a trade."""
        self._roll(at_ms // 1_000)
        self._minutes[-1].print(price, size, value)

    def current(self, minutes: int, now_s: int) -> Candle:
        """The candle of this length that is still forming."""
        self._roll(now_s)
        start = open_time(minutes, now_s)
        tail: list[Candle] = []
        for candle in reversed(self._minutes):
            if candle.start < start:
                break
            tail.append(candle)
        return next(iter(_add_up(minutes, reversed(tail))))

    def rows(self, minutes: int, since_s: int, until_s: int, now_s: int) -> list[Candle]:
        """Candles that opened in [since, until], oldest first."""
        self._roll(now_s)
        recent = _add_up(minutes, self._minutes)
        older: list[Candle] = []
        if since_s < recent[0].start:
            if minutes not in self._older:
                self._older[minutes] = _walk_back(
                    random.Random(f"{self._seed}/{minutes}"),
                    recent[0].open,
                    self._value,
                    minutes=minutes,
                    last_start=open_time(minutes, recent[0].start - 1),
                    count=OLDER,
                    swing=0.0004 * min(minutes, DAY_MINUTES) ** 0.5,
                )
            older = self._older[minutes]
        return [candle for candle in (*older, *recent) if since_s <= candle.start <= until_s]

    def day(self, now_s: int) -> Day:
        """The last 24 hours, to the minute."""
        self._roll(now_s)
        forming = self._minutes[-1]
        if self._day_key != forming.start:
            closed = self._minutes[-DAY_MINUTES:-1]
            self._day_key = forming.start
            self._day_closed = [
                closed[0].open,
                max(c.high for c in closed),
                min(c.low for c in closed),
                sum(c.volume for c in closed),
                sum(c.turnover for c in closed),
            ]
        first, high, low, volume, turnover = self._day_closed
        return Day(
            first,
            max(high, forming.high),
            min(low, forming.low),
            forming.close,
            volume + forming.volume,
            turnover + forming.turnover,
        )

    def _roll(self, now_s: int) -> None:
        """Open the candles of the minutes that have begun since, flat at the last price."""
        last = self._minutes[-1]
        now = open_time(1, now_s)
        missing = (now - last.start) // MINUTE
        if missing <= 0:
            return
        for number in range(max(1, missing - KEPT), missing + 1):
            start = last.start + number * MINUTE
            self._minutes.append(Candle(start, last.close, last.close, last.close, last.close))
        del self._minutes[:-KEPT]


def _add_up(minutes: int, candles: Iterable[Candle]) -> list[Candle]:
    """Longer candles from one-minute ones, which come oldest first."""
    result: list[Candle] = []
    for candle in candles:
        start = open_time(minutes, candle.start)
        if result and result[-1].start == start:
            result[-1].absorb(candle)
        else:
            result.append(
                Candle(
                    start, candle.open, candle.high, candle.low, candle.close, candle.volume, candle.turnover
                )
            )
    return result


def _walk_back(
    rng: random.Random,
    price: int,
    value: Value,
    *,
    minutes: int,
    last_start: int,
    count: int,
    swing: float,
) -> list[Candle]:
    """A made-up past that ends at a price, oldest first."""
    made: list[Candle] = []
    start, close = last_start, price
    for _ in range(count):
        opened = max(1, round(close * (1 + rng.gauss(0, swing))))
        edge = abs(rng.gauss(0, swing / 2))
        high = round(max(opened, close) * (1 + edge))
        low = max(1, round(min(opened, close) * (1 - edge)))
        volume = rng.randint(20_000, 90_000) * minutes
        made.append(
            Candle(start, opened, high, low, close, volume, value(max(1, (opened + close) // 2), volume))
        )
        start, close = open_time(minutes, start - 1), opened
    return made[::-1]
