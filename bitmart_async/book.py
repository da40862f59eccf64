"""An order book kept from incremental depth: a snapshot, then changes by version. Pure.

The same class serves live streams and recorded files: it is handed updates and says what each one did.

The rules, from the exchange's documents and records:

1. A snapshot replaces the book. One that is older than what was applied is dropped.
2. An update with the next version is applied; one with a version already applied is dropped; one further
   on is a gap: the book stops serving until a snapshot comes.
3. A size is the absolute size at its price; 0 removes the level. Levels are found by price.
4. A quiet spot book sends empty sides with the version unchanged: a sign of life. It never advances the
   book: when it names a version beyond ours, an update is missing. A quiet futures book sends empty sides
   with the next version, which counts.
5. Updates that come while a snapshot is missing are kept, and applied behind it where they continue it.

What is not served, although the versions fit: a book whose best bid is not below its best ask, a price or
size that cannot be, and a side that updates have emptied. A side that is empty in a snapshot is the
exchange's own word (a live contract without any order has been recorded) and is served as empty. That
updates take the last level of a side is possible too, but it is also what lost updates look like, so it is
believed only when a snapshot confirms it.

What is known of a side: the exchange sends the levels of a window (100 on spot, the topic's number on
futures), and never a level that does not change. The futures server has been seen to send levels as they
enter its window, so the best N levels are complete; what falls out of them is forgotten here. For spot
nobody has seen that. Its side is complete out to the worst price of the last full snapshot, the *edge*;
levels beyond it are true, but others may lie between them. :meth:`OrderBook.known_to` says where the edge
is, a best price beyond the edge is never served, and :attr:`OrderBook.worn` tells when a new snapshot is
due.
"""

from __future__ import annotations

import enum
import math
import re
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from bitmart_async.errors import BookNotReady, ParameterError, TopicError
from bitmart_async.models.enums import BookFrame
from bitmart_async.models.streams_futures import FuturesDepthIncrease
from bitmart_async.models.streams_spot import SpotDepthIncrease
from bitmart_async.numbers import level
from bitmart_async.websocket.topics import Market, Topic, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bitmart_async.websocket.events import Update

    _Data: TypeAlias = SpotDepthIncrease | FuturesDepthIncrease

__all__ = [
    "BookFill",
    "BookLevel",
    "BookReads",
    "BookResult",
    "BookSide",
    "BookSnapshot",
    "BookTrouble",
    "OrderBook",
]

BookLevel: TypeAlias = tuple[float, float]
"""Price and size; :func:`bitmart_async.numbers.level` gives either as the Decimal that was printed."""
BookSide: TypeAlias = Literal["bids", "asks"]

_TOPICS: Final = re.compile(r"spot/depth/increase(?P<spot>100)|futures/depthIncrease(?P<futures>5|20|50)")
_MOST_HELD: Final = 100
"""Updates kept for a snapshot to come: ten seconds of the busiest spot book."""
_OLD_IN_A_ROW: Final = 3
"""So many old updates without a new one: the exchange counts its versions anew."""
_INF: Final = math.inf


class BookResult(enum.StrEnum):
    """What an update did to a book."""

    SNAPSHOT = "snapshot"
    """It is the book now; kept updates that continue it are applied too."""
    APPLIED = "applied"
    """It was the next version."""
    QUIET = "quiet"
    """A sign of life without a change (spot)."""
    DROPPED = "dropped"
    """Older than the book, or of no known kind: nothing changed."""
    HELD = "held"
    """Kept for the snapshot the book needs."""
    GAP = "gap"
    """Updates are missing before it: the book needs a snapshot."""
    CROSSED = "crossed"
    """With it the best bid is not below the best ask: the book needs a snapshot."""
    EMPTIED = "emptied"
    """It took the last level known for sure of a side: the book needs a snapshot."""
    INVALID = "invalid"
    """It holds a price, size or version that cannot be: the book needs a snapshot."""
    IGNORED = "ignored"
    """Of another topic."""


_UPDATE, _APPLIED = BookFrame.UPDATE, BookResult.APPLIED
"""For the usual case: finding a member of an enum by its name costs as much as a level."""


class BookTrouble(enum.StrEnum):
    """Why a book is not served."""

    WAITING = "waiting"
    GAP = "gap"
    CROSSED = "crossed"
    EMPTIED = "emptied"
    INVALID = "invalid"
    DISCONNECTED = "disconnected"
    SILENT = "silent"
    REFUSED = "refused"
    CLOSED = "closed"


_WHY: Final = {
    BookTrouble.WAITING: "no snapshot has come yet",
    BookTrouble.GAP: "updates are missing",
    BookTrouble.CROSSED: "its best bid was not below its best ask",
    BookTrouble.EMPTIED: "updates took the last level known for sure of a side",
    BookTrouble.INVALID: "an update held a price, size or version that cannot be",
    BookTrouble.DISCONNECTED: "the connection is lost; it comes back by itself",
    BookTrouble.SILENT: "nothing has come for too long",
    BookTrouble.REFUSED: "the exchange refuses its topic",
    BookTrouble.CLOSED: "it is closed",
}
_LOST: Final = {
    BookTrouble.GAP: BookResult.GAP,
    BookTrouble.CROSSED: BookResult.CROSSED,
    BookTrouble.EMPTIED: BookResult.EMPTIED,
    BookTrouble.INVALID: BookResult.INVALID,
}


def not_ready(topic: str, trouble: BookTrouble, advice: str) -> BookNotReady:
    """The error of a read."""
    text = f"the book of {topic} cannot be read: {_WHY[trouble]}. {advice}"
    return BookNotReady(text, topic=topic, reason=trouble.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSnapshot:
    """A book at one moment, as a value."""

    topic: str
    symbol: str
    version: int
    updated_ms: int | None
    """The exchange's time of the last push, Unix ms."""
    bids: tuple[BookLevel, ...]
    """Best first."""
    asks: tuple[BookLevel, ...]
    """Best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFill:
    """What a market order would get from the known levels, fees and everybody else left aside."""

    filled: float
    """Size the levels hold for it; less than was asked for when they end before."""
    cost: float
    """Price times size over all levels it takes."""
    average: float | None
    """cost / filled; None when nothing fills."""
    worst: float | None
    """Price of the last level it takes."""
    complete: bool
    """Whether all of it fills."""


class BookReads(ABC):
    """How a book is read. Every read of a book that cannot be trusted raises BookNotReady."""

    __slots__ = ()

    @abstractmethod
    def _serving(self) -> BookReads:
        """The book that holds the levels, once it is known that it may be read. Raises BookNotReady."""

    def _rows(self, side: BookSide, levels: int | None = None) -> list[BookLevel]:
        """The levels of a side as they stand, best first."""
        return self._serving()._rows(side, levels)

    def _best(self, side: BookSide) -> BookLevel | None:
        """The best level of a side as it stands."""
        return self._serving()._best(side)

    def _edge(self, side: BookSide) -> float | None:
        """See known_to()."""
        return self._serving()._edge(side)

    def _stamp(self) -> tuple[Topic[object], int, int | None]:
        """Topic, version, and the exchange's time."""
        return self._serving()._stamp()

    @property
    def bids(self) -> list[BookLevel]:
        """Bids as (price, size), best first, at most the topic's number of levels."""
        return self._serving()._rows("bids")

    @property
    def asks(self) -> list[BookLevel]:
        """Asks as (price, size), best first, at most the topic's number of levels."""
        return self._serving()._rows("asks")

    @property
    def best_bid(self) -> BookLevel | None:
        """The highest bid; None when the exchange says there is none."""
        return self._serving()._best("bids")

    @property
    def best_ask(self) -> BookLevel | None:
        """The lowest ask; None when the exchange says there is none."""
        return self._serving()._best("asks")

    @property
    def mid(self) -> float | None:
        """Half way between best bid and best ask; None when a side is empty."""
        book = self._serving()
        bid, ask = book._best("bids"), book._best("asks")
        return None if bid is None or ask is None else float((level(bid[0]) + level(ask[0])) / 2)

    @property
    def spread(self) -> float | None:
        """Best ask less best bid, exact to the printed digits; None when a side is empty."""
        book = self._serving()
        bid, ask = book._best("bids"), book._best("asks")
        return None if bid is None or ask is None else float(level(ask[0]) - level(bid[0]))

    @property
    def version(self) -> int:
        """The exchange's version of this topic."""
        return self._serving()._stamp()[1]

    @property
    def updated_ms(self) -> int | None:
        """The exchange's time of the last push, Unix ms; None when it named none."""
        return self._serving()._stamp()[2]

    def imbalance(self, levels: int = 5) -> float:
        """(bid size - ask size) / (bid size + ask size) over the best levels: from -1, all asks, to 1."""
        book = self._serving()
        bids = math.fsum(size for _, size in book._rows("bids", _at_least_one(levels)))
        asks = math.fsum(size for _, size in book._rows("asks", levels))
        return (bids - asks) / (bids + asks) if bids or asks else 0.0

    def depth(self, side: BookSide, *, levels: int | None = None, within: float | None = None) -> float:
        """Size of a side, summed from the best level on.

        Args:
            side: bids or asks.
            levels: Only so many levels.
            within: Only levels no further than this from the side's best price.
        """
        rows = self._serving()._rows(_side(side), None if levels is None else _at_least_one(levels))
        if within is not None and rows:
            if not within >= 0:
                raise ParameterError(f"within={within!r}: must be a distance in price, 0 or more")
            best, far = level(rows[0][0]), level(float(within)) if within < _INF else None
            if far is not None and side == "asks":
                limit = float(best + far)
                rows = [row for row in rows if row[0] <= limit]
            elif far is not None:
                limit = float(best - far)
                rows = [row for row in rows if row[0] >= limit]
        return math.fsum(size for _, size in rows)

    def fill(self, side: Literal["buy", "sell"], size: float) -> BookFill:
        """What a market order of this size would get: a buy takes asks, a sell takes bids.

        Args:
            side: buy or sell.
            size: In the book's unit: base currency on spot, contracts on futures.
        """
        if side not in ("buy", "sell"):
            raise ParameterError(f"side={side!r}: must be 'buy' or 'sell'")
        if not 0 < size < _INF:
            raise ParameterError(f"size={size!r}: must be more than 0")
        left, worst = level(float(size)), None
        cost = filled = level(0.0)
        for price, offered in self._serving()._rows("asks" if side == "buy" else "bids"):
            taken = min(left, level(offered))
            cost += taken * level(price)
            filled += taken
            left -= taken
            worst = price
            if not left:
                break
        average = float(cost / filled) if filled else None
        return BookFill(
            filled=float(filled), cost=float(cost), average=average, worst=worst, complete=not left
        )

    def known_to(self, side: BookSide) -> float | None:
        """The price out to which no level of a side can be missing; None: the whole side is known."""
        return self._serving()._edge(_side(side))

    def snapshot(self) -> BookSnapshot:
        """The book at this moment, as a value that nothing changes."""
        book = self._serving()
        topic, version, updated_ms = book._stamp()
        return BookSnapshot(
            topic=topic.text,
            symbol=topic.symbol,
            version=version,
            updated_ms=updated_ms,
            bids=tuple(book._rows("bids")),
            asks=tuple(book._rows("asks")),
        )


class OrderBook(BookReads):
    """One book, from updates of its topic in the order they came.

    Args:
        topic: ``spot/depth/increase100:SYMBOL`` or ``futures/depthIncrease5|20|50:SYMBOL[@speed]``, as
            text or from a builder.

    Raises:
        TopicError: Another topic.
    """

    __slots__ = (
        "_ask_edge",
        "_ask_prices",
        "_asks",
        "_bid_edge",
        "_bid_prices",
        "_bids",
        "_channel",
        "_counts_empty",
        "_held",
        "_model",
        "_olds",
        "_pair",
        "_symbol",
        "_trouble",
        "_window",
        "last_version",
        "pushed_ms",
        "topic",
    )

    def __init__(self, topic: str | Topic[object]) -> None:
        self.topic: Topic[object] = topic if isinstance(topic, Topic) else parse(topic)
        """What it is the book of."""
        match = _TOPICS.fullmatch(f"{self.topic.market.value}/{self.topic.channel}")
        if match is None or not self.topic.symbol:
            raise TopicError(
                f"{self.topic.text} has no incremental book; spot/depth/increase100:SYMBOL and "
                f"futures/depthIncrease5, 20 or 50:SYMBOL have"
            )
        spot = self.topic.market is Market.SPOT
        self._channel, self._symbol = self.topic.channel, self.topic.symbol
        self._window = int(match["spot"] or match["futures"])
        self._model: type[_Data] = SpotDepthIncrease if spot else FuturesDepthIncrease
        self._pair: Callable[[object], BookLevel] | None = None if spot else attrgetter("price", "vol")
        self._counts_empty = not spot
        self.reset()

    def reset(self) -> None:
        """Forget everything, the version too: for updates of a new connection or a new subscription."""
        self._forget_levels()
        self.last_version = -1
        """Version of the last snapshot or update applied, -1 before the first; readable at any time."""
        self.pushed_ms: int | None = None
        """The exchange's time in it, Unix ms."""
        self._held: dict[int, _Data] = {}
        self._olds = 0
        self._trouble: BookTrouble | None = BookTrouble.WAITING

    def _forget_levels(self) -> None:
        self._asks: dict[float, float] = {}
        self._bids: dict[float, float] = {}
        self._ask_prices: list[float] = []
        self._bid_prices: list[float] = []
        self._ask_edge, self._bid_edge = _INF, -_INF

    @property
    def trouble(self) -> BookTrouble | None:
        """Why it cannot be read; None when it can."""
        return self._trouble

    @property
    def needs_snapshot(self) -> bool:
        """Whether it cannot be read before a snapshot comes."""
        return self._trouble is not None

    @property
    def worn(self) -> bool:
        """Whether less than half of the last snapshot's window is left within its edge (spot)."""
        half = self._window // 2
        if self._ask_edge < _INF and bisect_right(self._ask_prices, self._ask_edge) < half:
            return True
        prices = self._bid_prices
        return self._bid_edge > -_INF and len(prices) - bisect_left(prices, self._bid_edge) < half

    # Updates -------------------------------------------------------------------------------------

    def apply(self, update: Update[object]) -> BookResult:
        """Take the next update of the stream or file; says what it did.

        Updates of other topics are ignored, so a file of many may be fed as it is.

        Raises:
            ParameterError: The update's data is not the channel's model.
        """
        if update.channel != self._channel or update.symbol != self._symbol:
            return BookResult.IGNORED
        data: Any = update.data
        if type(data) is not self._model:
            raise ParameterError(
                f"data of {update.topic} must be a {self._model.__name__}, not {type(data).__name__}"
            )
        if (
            data.version == self.last_version + 1
            and self._trouble is None
            and data.type is _UPDATE
            and (self._counts_empty or data.asks or data.bids)
        ):
            return self._advance(data)
        return self._unusual(data, data.version)

    def _unusual(self, data: _Data, version: int | None) -> BookResult:
        if not data.type.known:
            return BookResult.DROPPED
        if version is None or version < 0:
            return self._lose(BookTrouble.INVALID)
        if data.type is BookFrame.SNAPSHOT:
            return self._older(version) if version < self.last_version else self._replace(data)
        changes = self._counts_empty or bool(data.asks or data.bids)
        if self._trouble is not None:
            return self._hold(data, version) if changes else BookResult.DROPPED
        if version > self.last_version:
            if changes:
                self._hold(data, version)
            return self._lose(BookTrouble.GAP)
        if version == self.last_version and not changes:
            self._olds = 0
            return BookResult.QUIET
        self._olds += 1
        return self._lose(BookTrouble.GAP) if self._olds >= _OLD_IN_A_ROW else BookResult.DROPPED

    def _older(self, version: int) -> BookResult:
        """An old snapshot: a delayed one, or of a socket that lags behind the one before. What follows it is
        old as well, for as many versions as it is behind; further than that the versions were not counted."""
        behind = self.last_version - version
        if self._trouble is None and behind <= _MOST_HELD:
            self._olds = -behind
        return BookResult.DROPPED

    def _hold(self, data: _Data, version: int) -> BookResult:
        """Keep it for the snapshot; of too many the oldest goes, which the snapshot most likely covers."""
        if version <= self.last_version:
            return BookResult.DROPPED
        held = self._held
        held.setdefault(version, data)
        if len(held) > _MOST_HELD:
            del held[min(held)]
        return BookResult.HELD

    def _lose(self, trouble: BookTrouble) -> BookResult:
        self._trouble = trouble
        self._olds = 0
        return _LOST[trouble]

    def _replace(self, data: _Data) -> BookResult:
        """Take a snapshot, then what was kept and continues it."""
        self._forget_levels()
        asks, bids = self._pairs(data)
        if not (_change(self._asks, self._ask_prices, asks) and _change(self._bids, self._bid_prices, bids)):
            return self._lose(BookTrouble.INVALID)
        if self._ask_prices and self._bid_prices and self._bid_prices[-1] >= self._ask_prices[0]:
            return self._lose(BookTrouble.CROSSED)
        self._trim()
        if not self._counts_empty:  # spot: a full window may have more behind it
            if len(self._ask_prices) == self._window:
                self._ask_edge = self._ask_prices[-1]
            if len(self._bid_prices) == self._window:
                self._bid_edge = self._bid_prices[0]
        self.last_version, self.pushed_ms = data.version, data.ms_t
        self._trouble, self._olds = None, 0
        held, self._held = self._held, {}
        while held:
            following = held.pop(self.last_version + 1, None)
            if following is None:
                break
            result = self._advance(following)
            if result is not BookResult.APPLIED:
                return result
        # what is further on shows that an update between was lost; kept once more it could spoil the next
        # snapshot too, so it is forgotten
        return self._lose(BookTrouble.GAP) if _beyond(held, self.last_version) else BookResult.SNAPSHOT

    def _pairs(self, data: Any) -> tuple[Iterable[BookLevel], Iterable[BookLevel]]:
        pair, asks, bids = self._pair, data.asks, data.bids
        return (asks, bids) if pair is None else (map(pair, asks), map(pair, bids))

    def _advance(self, data: _Data) -> BookResult:
        """Apply the next version, and look at what it made of the book."""
        ask_prices, bid_prices = self._ask_prices, self._bid_prices
        had_asks, had_bids = bool(ask_prices), bool(bid_prices)
        asks, bids = self._pairs(data)
        if not (_change(self._asks, ask_prices, asks) and _change(self._bids, bid_prices, bids)):
            return self._lose(BookTrouble.INVALID)
        if (had_asks and not ask_prices) or (had_bids and not bid_prices):
            return self._lose(BookTrouble.EMPTIED)
        if ask_prices and bid_prices and bid_prices[-1] >= ask_prices[0]:
            return self._lose(BookTrouble.CROSSED)
        if (ask_prices and ask_prices[0] > self._ask_edge) or (
            bid_prices and bid_prices[-1] < self._bid_edge
        ):
            return self._lose(BookTrouble.EMPTIED)
        if len(ask_prices) > self._window or len(bid_prices) > self._window:
            self._trim()
        self.last_version, self.pushed_ms = data.version, data.ms_t
        self._olds = 0
        return _APPLIED

    def _trim(self) -> None:
        """Forget what lies beyond the window: nobody tells when it changes."""
        window, prices = self._window, self._ask_prices
        if len(prices) > window:
            for price in prices[window:]:
                del self._asks[price]
            del prices[window:]
            self._ask_edge = min(self._ask_edge, prices[-1]) if not self._counts_empty else _INF
        prices = self._bid_prices
        excess = len(prices) - window
        if excess > 0:
            for price in prices[:excess]:
                del self._bids[price]
            del prices[:excess]
            self._bid_edge = max(self._bid_edge, prices[0]) if not self._counts_empty else -_INF

    # Reading -------------------------------------------------------------------------------------

    def _serving(self) -> OrderBook:
        if self._trouble is not None:
            raise not_ready(self.topic.text, self._trouble, "It is read again after the next snapshot.")
        return self

    def _rows(self, side: BookSide, levels: int | None = None) -> list[BookLevel]:
        if side == "asks":
            asks = self._asks
            return [(price, asks[price]) for price in self._ask_prices[:levels]]
        bids = self._bids
        prices = self._bid_prices[::-1] if levels is None else self._bid_prices[: -levels - 1 : -1]
        return [(price, bids[price]) for price in prices]

    def _best(self, side: BookSide) -> BookLevel | None:
        if side == "asks":
            return (self._ask_prices[0], self._asks[self._ask_prices[0]]) if self._ask_prices else None
        return (self._bid_prices[-1], self._bids[self._bid_prices[-1]]) if self._bid_prices else None

    def _edge(self, side: BookSide) -> float | None:
        if self._counts_empty:  # futures: the server keeps its window, so a full one is known to its end
            prices = self._ask_prices if side == "asks" else self._bid_prices
            if len(prices) < self._window:
                return None
            return prices[-1] if side == "asks" else prices[0]
        edge = self._ask_edge if side == "asks" else self._bid_edge
        return None if math.isinf(edge) else edge

    def _stamp(self) -> tuple[Topic[object], int, int | None]:
        return self.topic, self.last_version, self.pushed_ms

    def __repr__(self) -> str:
        state = self._trouble.value if self._trouble is not None else f"version {self.last_version}"
        return f"<OrderBook {self.topic.text} {state}>"


def _change(sizes: dict[float, float], prices: list[float], levels: Iterable[BookLevel]) -> bool:
    """Set the sizes of levels; False when one of them cannot be, and what is there then is worth nothing.

    The book's hot loop. That a level is new shows in the length of the dict, which costs less than to ask for it.
    """
    known = len(sizes)
    for price, size in levels:
        if size > 0.0:
            if size == _INF:
                return False
            sizes[price] = size
            if len(sizes) != known:
                if not 0.0 < price < _INF:
                    return False
                insort(prices, price)
                known += 1
        elif size == 0.0:
            if sizes.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]
                known -= 1
            elif not 0.0 < price < _INF:
                return False
        else:
            return False
    return True


def _beyond(held: Iterable[int], version: int) -> bool:
    return any(one > version for one in held)


def _side(side: BookSide) -> BookSide:
    if side not in ("bids", "asks"):
        raise ParameterError(f"side={side!r}: must be 'bids' or 'asks'")
    return side


def _at_least_one(levels: int) -> int:
    if isinstance(levels, bool) or levels < 1:
        raise ParameterError(f"levels={levels!r}: must be 1 or more")
    return levels
