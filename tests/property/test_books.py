"""A book against a model exchange whose frames an adversary drops, repeats, reorders, delays and spoils."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bitmart_async.book import BookResult, BookTrouble, OrderBook
from bitmart_async.errors import BookNotReady
from bitmart_async.models.enums import BookFrame
from bitmart_async.models.streams_futures import FuturesDepthIncrease, FuturesStreamLevel
from bitmart_async.models.streams_spot import SpotDepthIncrease
from bitmart_async.websocket.events import Update
from bitmart_async.websocket.topics import parse

if TYPE_CHECKING:
    from bitmart_async.book import BookLevel

SPOT = "spot/depth/increase100:BTC_USDT"
FUTURES = "futures/depthIncrease5:BTCUSDT"
_MIDDLE = 30


def frame(topic: str, kind: str, version: int, asks: list[BookLevel], bids: list[BookLevel]) -> Update[Any]:
    """An update as the client makes it."""
    parsed = parse(topic)
    what: dict[str, Any] = {"symbol": parsed.symbol, "version": version, "type": BookFrame(kind), "ms_t": 7}
    data: SpotDepthIncrease | FuturesDepthIncrease
    if topic.startswith("spot"):
        data = SpotDepthIncrease(asks=asks, bids=bids, **what)
    else:
        levels = [[FuturesStreamLevel(*pair) for pair in side] for side in (asks, bids)]
        data = FuturesDepthIncrease(asks=levels[0], bids=levels[1], **what)
    return Update(topic, parsed.channel, parsed.market, parsed.symbol, data, 0, b"")


class Exchange:
    """A true book on ticks, and what its stream says of it.

    Args:
        whole: Every change is sent, wherever it is (one reading of the spot documents). Otherwise the
            best ``window`` levels are kept up to date, as the futures server was seen to do.
        farewell: Levels that leave the window are sent with size 0.
    """

    def __init__(self, topic: str, window: int, *, whole: bool, farewell: bool) -> None:
        self.topic, self.window, self.whole, self.farewell = topic, window, whole, farewell
        self.asks: dict[int, float] = {_MIDDLE + n: float(n) for n in range(1, window + 3)}
        self.bids: dict[int, float] = {_MIDDLE - n: float(n) for n in range(1, window + 3)}
        self.version = 40
        self.truth: dict[int, tuple[dict[int, float], dict[int, float]]] = {}
        self._record()

    def _record(self) -> None:
        self.truth[self.version] = (dict(self.asks), dict(self.bids))

    def _view(self, side: dict[int, float], *, bids: bool) -> dict[int, float]:
        return dict(sorted(side.items(), reverse=bids)[: self.window])

    def views(self, version: int) -> tuple[list[BookLevel], list[BookLevel]]:
        """The best levels at a version, asks and bids, best first."""
        asks, bids = self.truth[version]
        return _floats(self._view(asks, bids=False)), _floats(self._view(bids, bids=True))

    def change(self, changes: list[tuple[int, int]]) -> Update[Any]:
        """New sizes at ticks; on which side they are is up to the present middle."""
        asks, bids = dict(self.asks), dict(self.bids)
        before = self._view(asks, bids=False), self._view(bids, bids=True)
        changed: tuple[dict[int, float], dict[int, float]] = ({}, {})
        for tick, size in changes:
            low = max(bids, default=0)
            high = min(asks, default=99)
            number = 0 if tick < high else 1 if tick > low else None
            if number is None:
                continue
            side = bids if number == 0 else asks
            if size and tick not in (asks if side is bids else bids):
                side[tick] = size / 4
            else:
                side.pop(tick, None)
            changed[1 - number][tick] = side.get(tick, 0.0)
        if max(bids, default=0) >= min(asks, default=99):
            return self.quiet()
        self.asks, self.bids = asks, bids
        after = self._view(asks, bids=False), self._view(bids, bids=True)
        if self.whole:
            said = [_floats(one) for one in changed]
        else:
            said = []
            for was, now in zip(before, after, strict=True):
                news = {tick: size for tick, size in now.items() if was.get(tick) != size}
                gone = {tick: 0.0 for tick in was if tick not in now}
                if not self.farewell:
                    side = asks if now is after[0] else bids
                    gone = {tick: 0.0 for tick in gone if tick not in side}
                said.append(_floats(news | gone))
        if self.topic.startswith("spot") and not said[0] and not said[1]:
            return self.quiet()
        self.version += 1
        self._record()
        return frame(self.topic, "update", self.version, said[0], said[1])

    def quiet(self) -> Update[Any]:
        """A sign of life."""
        if self.topic.startswith("futures"):
            self.version += 1
            self._record()
        return frame(self.topic, "update", self.version, [], [])

    def snapshot(self) -> Update[Any]:
        asks, bids = self.views(self.version)
        return frame(self.topic, "snapshot", self.version, asks, bids)

    def restart(self) -> None:
        """The exchange counts anew."""
        self.version = 1
        self.truth.clear()
        self._record()


def _floats(side: dict[int, float]) -> list[BookLevel]:
    return [(tick / 10, size) for tick, size in side.items()]


_CHANGES = st.lists(
    st.tuples(st.integers(_MIDDLE - 9, _MIDDLE + 9), st.integers(0, 3)), min_size=1, max_size=4
)


class Books(RuleBasedStateMachine):
    """Whenever the book serves, it is the true one at its version; after a snapshot it serves again."""

    @initialize(
        kind=st.sampled_from(["spot whole", "spot window", "futures farewell", "futures silent farewell"])
    )
    def start(self, kind: str) -> None:
        topic = SPOT if kind.startswith("spot") else FUTURES
        self.book = OrderBook(topic)
        self.book._window = 5  # spot's is 100: too many for a model to visit its edge
        self.exchange = Exchange(
            topic, 5, whole=kind == "spot whole", farewell=kind != "futures silent farewell"
        )
        self.wire: list[Update[Any]] = [self.exchange.snapshot()]
        self.reached = 0

    @rule(days=st.lists(st.one_of(_CHANGES, st.just([])), min_size=1, max_size=5))
    def trade(self, days: list[list[tuple[int, int]]]) -> None:
        """Pushes of the exchange; without a change a quiet one."""
        self.wire += [self.exchange.change(changes) for changes in days]

    @precondition(lambda self: self.wire)
    @rule(count=st.integers(1, 8))
    def deliver(self, count: int) -> None:
        for update in self.wire[:count]:
            self.book.apply(update)
            self.holds()
        del self.wire[:count]

    @precondition(lambda self: self.wire)
    @rule(what=st.sampled_from(["drop", "repeat", "delay"]), of=st.integers(0, 2), place=st.integers(1, 4))
    def disturb(self, what: str, of: int, place: int) -> None:
        of = min(of, len(self.wire) - 1)
        update = self.wire[of] if what == "repeat" else self.wire.pop(of)
        if what != "drop":
            self.wire.insert(of + place, update)

    @precondition(lambda self: self.wire)
    @rule(
        spoil=st.sampled_from(["crossed", "negative", "no price", "infinite", "no version"]),
        of=st.integers(0, 3),
    )
    def spoil(self, spoil: str, of: int) -> None:
        old = self.wire[min(of, len(self.wire) - 1)].data
        if not self.exchange.truth.get(old.version) or not self.exchange.truth[old.version][0]:
            return
        bids = [tuple(one) for one in old.bids]
        bad = {
            "crossed": (min(self.exchange.truth[old.version][0]) / 10, 1.0),
            "negative": (1.0, -1.0),
            "no price": (0.0, 1.0),
            "infinite": (1.0, math.inf),
            "no version": (1.0, 1.0),
        }[spoil]
        version: Any = None if spoil == "no version" else old.version
        asks = [tuple(one) for one in old.asks]
        self.wire[min(of, len(self.wire) - 1)] = frame(
            self.exchange.topic, old.type.value, version, asks, [*bids, bad]
        )

    @precondition(lambda self: self.book.needs_snapshot)
    @rule()
    def request(self) -> None:
        self.wire.append(self.exchange.snapshot())

    @rule(how=st.sampled_from(["heal", "heal", "reconnect", "reconnect and count anew"]))
    def recover(self, how: str) -> None:
        """A new connection; or, when what is under way has come, a snapshot: then it serves the present."""
        if how == "heal":
            for update in self.wire:
                self.book.apply(update)
                self.holds()
        else:
            self.book.reset()
            self.reached = 0
            if how.endswith("anew"):
                self.exchange.restart()
        self.wire = []
        assert self.book.apply(self.exchange.snapshot()) is BookResult.SNAPSHOT
        assert self.book.version == self.exchange.version
        self.holds()

    @invariant()
    def holds(self) -> None:
        """What it serves is the truth; what it cannot vouch for it does not serve."""
        if not hasattr(self, "book"):
            return
        book = self.book
        if book.needs_snapshot:
            with pytest.raises(BookNotReady):
                book.best_bid  # noqa: B018 - the read is the test
            return
        assert book.version >= self.reached, "it went back in time"
        self.reached = book.version
        asks, bids = self.exchange.views(book.version)
        if self.exchange.whole:  # out to its edge
            far_ask, far_bid = book.known_to("asks") or math.inf, book.known_to("bids") or 0.0
            true_asks, true_bids = (_floats(side) for side in self.exchange.truth[book.version])
            within = [one for one in sorted(true_asks) if one[0] <= far_ask][:5]
            assert [one for one in book.asks if one[0] <= far_ask] == within
            within = [one for one in sorted(true_bids, reverse=True) if one[0] >= far_bid][:5]
            assert [one for one in book.bids if one[0] >= far_bid] == within
        else:
            assert book.asks == asks
            assert book.bids == bids
        assert book.best_ask == (asks[0] if asks else None)
        assert book.best_bid == (bids[0] if bids else None)
        assert book.spread is None or book.spread > 0


Books.TestCase.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_B1_B2_B3_whatever_the_stream_does = Books.TestCase  # noqa: N816 - the ids of fault rows


def test_the_adversary_has_something_to_bite() -> None:
    """The model's own bad frames are refused one by one: a machine that checks nothing would not show it."""
    for topic in (SPOT, FUTURES):
        book, exchange = OrderBook(topic), Exchange(topic, 5, whole=False, farewell=True)
        book.apply(exchange.snapshot())
        lost = frame(topic, "update", exchange.version + 2, [(3.2, 1.0)], [])
        assert book.apply(lost) is BookResult.GAP
        assert book.trouble is BookTrouble.GAP
        assert book.apply(exchange.snapshot()) is BookResult.GAP  # what was kept shows the hole
        assert book.apply(exchange.snapshot()) is BookResult.SNAPSHOT
