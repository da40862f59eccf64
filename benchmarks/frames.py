"""The frames both sides of a comparison read: both markets, mixed by count, the same in every run.

Spot: 50 % depth/increase100 of about 20 levels, 20 % trade, 12 % ticker, 10 % depth50, 8 % kline.
Futures: 40 % depth50, 25 % trade, 20 % ticker, 15 % kline. The forms are those of the recorded frames of
the exchange; the depth changes of a round are one unbroken run of versions after a snapshot, so that a
local book can be kept from them.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

SYMBOLS = ("BTC", "ETH", "SOL", "XRP")
SPOT_MIX = {"depth/increase100": 50, "trade": 20, "ticker": 12, "depth50": 10, "kline1m": 8}
FUTURES_MIX = {"depth50": 40, "trade": 25, "ticker": 20, "klineBin1m": 15}
MIXES = {"spot": SPOT_MIX, "futures": FUTURES_MIX}
_MIDDLE, _WINDOW = 6_433_000, 100
_MS = 1_784_466_123_456
_encode = msgspec.json.Encoder().encode


@dataclass
class Script:
    """Frames of one round, and what they hold."""

    market: str
    frames: list[bytes]
    elements: int
    """Updates in them: a trade frame holds several."""
    topics: tuple[str, ...]

    def wire(self) -> list[bytes]:
        """Each frame with its websocket head."""
        return [wire(frame) for frame in self.frames]


def wire(frame: bytes) -> bytes:
    """A text frame as a server sends it."""
    size = len(frame)
    if size < 126:
        return bytes((0x81, size)) + frame
    if size < 65536:
        return b"\x81\x7e" + struct.pack("!H", size) + frame
    return b"\x81\x7f" + struct.pack("!Q", size) + frame


class _Market:
    """Prices that move a little, so that no two frames are alike."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.versions: dict[str, int] = {}
        self.books: dict[str, tuple[set[int], ...]] = {}

    def cents(self) -> int:
        return 6_423_000 + self.random.randrange(20_000)

    def price(self, cents: int) -> str:
        return f"{cents // 100}.{cents % 100:02d}"

    def size(self) -> str:
        return f"{self.random.randrange(1, 999_999) / 1e5:.5f}"

    def vol(self) -> str:
        return str(self.random.randrange(1, 99_999))

    # Spot ----------------------------------------------------------------------------------------

    def increase(self, symbol: str) -> dict[str, object]:
        """The next change of a book of 100 levels a side: of ten levels two go, two come, six have another size.

        A server sends the levels of its window alone, so each change is one of a book that is kept here.
        """
        version = self.versions[symbol] = self.versions.get(symbol, 3_000_000) + 1
        if version == 3_000_001:
            self.books[symbol] = tuple(
                {_MIDDLE + sign * step for step in range(1, _WINDOW + 1)} for sign in (1, -1)
            )
        asks, bids = (
            self.change(side, sign, whole=version == 3_000_001)
            for side, sign in zip(self.books[symbol], (1, -1), strict=True)
        )
        return {
            "asks": asks,
            "bids": bids,
            "ms_t": _MS + version,
            "symbol": symbol,
            "type": "snapshot" if version == 3_000_001 else "update",
            "version": version,
        }

    def change(self, side: set[int], sign: int, *, whole: bool) -> list[tuple[str, str]]:
        """Levels of one side, best first: all of them, or ten that change."""
        if whole:
            return [
                (self.price(cents), self.size()) for cents in sorted(side, key=lambda cents: cents * sign)
            ]
        gone = self.random.sample(sorted(side), 2)
        changed = dict.fromkeys(self.random.sample(sorted(side.difference(gone)), 6), "")
        side.difference_update(gone)
        while len(side) < _WINDOW:
            cents = _MIDDLE + sign * self.random.randint(1, _WINDOW * 4 // 3)
            if cents not in side and cents not in gone:
                side.add(cents)
                changed[cents] = ""
        levels = {cents: self.size() for cents in changed} | dict.fromkeys(gone, "0.00000")
        return [
            (self.price(cents), levels[cents]) for cents in sorted(levels, key=lambda cents: cents * sign)
        ]

    def spot_depth(self, symbol: str) -> dict[str, object]:
        middle = self.cents()
        return {
            "asks": [(self.price(middle + 1 + step), self.size()) for step in range(50)],
            "bids": [(self.price(middle - step), self.size()) for step in range(50)],
            "ms_t": _MS,
            "symbol": symbol,
        }

    def spot_trade(self, symbol: str) -> dict[str, object]:
        side = self.random.choice(("buy", "sell"))
        return {
            "symbol": symbol,
            "price": self.price(self.cents()),
            "side": side,
            "size": self.size(),
            "s_t": _MS // 1000,
            "ms_t": _MS,
        }

    def spot_ticker(self, symbol: str) -> dict[str, object]:
        cents = self.cents()
        return {
            "ask_px": self.price(cents + 1),
            "ask_sz": self.size(),
            "base_volume_24h": "582.08066",
            "bid_px": self.price(cents),
            "bid_sz": self.size(),
            "fluctuation": "-0.0101",
            "high_24h": "65003.04",
            "last_price": self.price(cents),
            "low_24h": "63000.00",
            "ms_t": _MS,
            "open_24h": "64003.03",
            "quote_volume_24h": "37793098.48",
            "s_t": _MS // 1000,
            "symbol": symbol,
        }

    def spot_kline(self, symbol: str) -> dict[str, object]:
        prices = [self.price(self.cents()) for _ in range(4)]
        return {"candle": [_MS // 60_000 * 60, *prices, self.size()], "symbol": symbol}

    # Futures -------------------------------------------------------------------------------------

    def futures_depth(self, symbol: str) -> dict[str, object]:
        way, cents = self.random.choice((1, 2)), self.cents()
        step = -1 if way == 1 else 1
        levels = [{"price": self.price(cents + step * place), "vol": self.vol()} for place in range(50)]
        return {"symbol": symbol, "way": way, "depths": levels, "ms_t": _MS}

    def futures_trade(self, symbol: str) -> dict[str, object]:
        return {
            "trade_id": 3_000_000_389_425_121 + self.random.randrange(1_000_000),
            "symbol": symbol,
            "deal_price": self.price(self.cents()),
            "deal_vol": self.vol(),
            "way": self.random.randrange(1, 9),
            "m": self.random.random() < 0.5,
            "created_at": "2026-07-19T18:17:14.656686827Z",
        }

    def futures_ticker(self, symbol: str) -> dict[str, object]:
        cents = self.cents()
        return {
            "symbol": symbol,
            "last_price": self.price(cents),
            "volume_24": "28626726",
            "range": "-0.0067632789384093",
            "mark_price": f"{cents / 100:.8f}",
            "index_price": f"{cents / 100 + 1:.8f}",
            "ask_price": self.price(cents + 1),
            "ask_vol": self.vol(),
            "bid_price": self.price(cents),
            "bid_vol": self.vol(),
        }

    def futures_kline(self, symbol: str) -> dict[str, object]:
        o, h, l, c = (self.price(self.cents()) for _ in range(4))  # noqa: E741 - the wire's names
        candle = {"o": o, "h": h, "l": l, "c": c, "v": self.vol(), "ts": _MS // 60_000 * 60}
        return {"symbol": symbol, "items": [candle]}

    # Frames --------------------------------------------------------------------------------------

    def frame(self, market: str, channel: str, symbol: str) -> tuple[bytes, int]:
        """A frame and the number of its elements. Both orders of the two members occur."""
        makers: dict[str, Callable[[str], dict[str, object]]] = (
            {"depth/increase100": self.increase, "depth50": self.spot_depth, "trade": self.spot_trade,
             "ticker": self.spot_ticker, "kline1m": self.spot_kline}
            if market == "spot"
            else {"depth50": self.futures_depth, "trade": self.futures_trade,
                  "ticker": self.futures_ticker, "klineBin1m": self.futures_kline}
        )  # fmt: skip
        make = makers[channel]
        if market == "spot":
            count = self.random.choice((1, 1, 2, 3)) if channel == "trade" else 1
            data: object = [make(symbol) for _ in range(count)]
            return _encode({"data": data, "table": f"spot/{channel}"}), count
        count = self.random.choice((1, 1, 2, 3)) if channel == "trade" else 1
        data = [make(symbol) for _ in range(count)] if channel == "trade" else make(symbol)
        return _encode({"group": f"futures/{channel}:{symbol}", "data": data}), count


def symbols(market: str, count: int = len(SYMBOLS)) -> list[str]:
    """Symbols in the market's spelling; beyond the known ones they are numbered."""
    names = [*SYMBOLS, *(f"COIN{number:03d}" for number in range(count))][:count]
    return [f"{name}_USDT" if market == "spot" else f"{name}USDT" for name in names]


def mixed(market: str, count: int, seed: int = 7, *, single: bool = False, without: str = "") -> Script:
    """Frames in the mix of the market, four symbols; ``single``: one element in each; ``without`` a channel."""
    source, names = _Market(seed), symbols(market)
    mix = {channel: weight for channel, weight in MIXES[market].items() if channel != without}
    channels = source.random.choices(list(mix), list(mix.values()), k=count)
    frames, elements = [], 0
    for channel in channels:
        symbol = source.random.choice(names)
        frame, held = source.frame(market, channel, symbol)
        while single and held > 1:
            frame, held = source.frame(market, channel, symbol)
        frames.append(frame)
        elements += held
    topics = tuple(f"{market}/{channel}:{name}" for channel in mix for name in names)
    return Script(market, frames, elements, topics)


def with_end(script: Script) -> Script:
    """The same, and a ticker of ``END`` behind it, by which a client of its own kind shows that it is done.

    That frame is not among the elements.
    """
    symbol = "END_USDT" if script.market == "spot" else "ENDUSDT"
    end, _ = _Market(1).frame(script.market, "ticker", symbol)
    return Script(script.market, [*script.frames, end], script.elements, script.topics)


def spread(market: str, channel: str, count: int, topics: int, seed: int = 7) -> Script:
    """Frames of one channel over so many symbols, in turn: one element each."""
    source, names = _Market(seed), symbols(market, topics)
    frames = []
    while len(frames) < count:
        frame, held = source.frame(market, channel, names[len(frames) % topics])
        if held == 1:
            frames.append(frame)
    return Script(market, frames, count, tuple(f"{market}/{channel}:{name}" for name in names))
