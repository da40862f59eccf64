"""The rules of an incremental book, one by one, and its reads."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bitmart_async import topics
from bitmart_async.book import BookResult, BookTrouble, OrderBook
from bitmart_async.errors import BookNotReady, ParameterError, TopicError
from bitmart_async.numbers import level
from bitmart_async.websocket.channels import elements_of
from bitmart_async.websocket.events import Update
from bitmart_async.websocket.topics import Market, parse
from tests.property.test_books import FUTURES, SPOT, frame

_SAMPLES = Path(__file__).parents[3] / "shared" / "api" / "ws-samples"
ASKS = [(101.0, 1.0), (102.0, 2.0), (103.0, 3.0)]
BIDS = [(99.0, 1.0), (98.0, 2.0), (97.0, 4.0)]


def ready(topic: str = SPOT) -> OrderBook:
    """A book at version 10."""
    book = OrderBook(topic)
    assert book.apply(frame(topic, "snapshot", 10, ASKS, BIDS)) is BookResult.SNAPSHOT
    return book


@pytest.mark.parametrize(
    "topic",
    [SPOT, "futures/depthIncrease5:X", "futures/depthIncrease20:X", "futures/depthIncrease50:X@100ms"],
)
def test_topics_of_books(topic: str) -> None:
    assert OrderBook(topic).topic.text == topic


@pytest.mark.parametrize(
    "topic",
    [
        "spot/depth20:BTC_USDT",
        "spot/depth/increase50:BTC_USDT",
        "futures/depthIncrease30:X",
        "spot/depth/increase100",
    ],
)
def test_other_topics_are_refused(topic: str) -> None:
    """The error says which topics have a book."""
    with pytest.raises(TopicError, match=r"depth/increase100:SYMBOL and futures/depthIncrease5"):
        OrderBook(topic)


def test_builders_are_topics_of_books() -> None:
    assert OrderBook(topics.spot.depth_increase("BTC_USDT")).topic.text == SPOT
    assert OrderBook(topics.futures.depth_increase("BTCUSDT", 5)).topic.text == FUTURES


@pytest.mark.parametrize("topic", [SPOT, FUTURES])
def test_rules_of_versions(topic: str) -> None:
    """Old is dropped, next applied, further on a gap; then updates wait for a snapshot."""
    book = ready(topic)
    assert book.apply(frame(topic, "update", 10, [(101.0, 9.0)], [])) is BookResult.DROPPED
    assert book.best_ask == (101.0, 1.0)
    assert book.apply(frame(topic, "update", 11, [(101.0, 0.0), (100.5, 5.0)], [])) is BookResult.APPLIED
    assert (book.version, book.asks) == (11, [(100.5, 5.0), *ASKS[1:]])
    assert book.apply(frame(topic, "update", 13, [(100.4, 5.0)], [])) is BookResult.GAP
    assert book.needs_snapshot
    assert book.apply(frame(topic, "update", 14, [], [(99.5, 1.0)])) is BookResult.HELD
    with pytest.raises(BookNotReady, match="updates are missing") as caught:
        book.asks  # noqa: B018
    assert (caught.value.topic, caught.value.reason) == (topic, "gap")
    assert book.apply(frame(topic, "snapshot", 10, ASKS, BIDS)) is BookResult.DROPPED
    assert book.needs_snapshot
    assert book.apply(frame(topic, "snapshot", 12, ASKS, BIDS)) is BookResult.SNAPSHOT
    assert (book.version, book.best_bid, book.best_ask) == (14, (99.5, 1.0), (100.4, 5.0))


def test_quiet_frames() -> None:
    """Spot repeats the version, futures counts it; a spot frame that names a further one shows a loss."""
    spot, futures = ready(SPOT), ready(FUTURES)
    assert spot.apply(frame(SPOT, "update", 10, [], [])) is BookResult.QUIET
    assert futures.apply(frame(FUTURES, "update", 11, [], [])) is BookResult.APPLIED
    assert futures.version == 11
    assert spot.apply(frame(SPOT, "update", 11, [], [])) is BookResult.GAP


def test_a_quiet_frame_never_takes_the_place_of_an_update() -> None:
    """While a snapshot is missing, an empty spot frame is not kept under its version."""
    for order in ((0, 1), (1, 0)):
        book = OrderBook(SPOT)
        frames = [frame(SPOT, "update", 11, [(100.5, 5.0)], []), frame(SPOT, "update", 11, [], [])]
        for place in order:
            book.apply(frames[place])
        book.apply(frame(SPOT, "update", 12, [], [(99.5, 1.0)]))
        assert book.apply(frame(SPOT, "snapshot", 10, ASKS, BIDS)) is BookResult.SNAPSHOT
        assert (book.version, book.best_ask, book.best_bid) == (12, (100.5, 5.0), (99.5, 1.0))


@pytest.mark.parametrize("topic", [SPOT, FUTURES])
@pytest.mark.parametrize(
    ("asks", "bids", "result"),
    [
        ([(99.0, 1.0)], [], BookResult.CROSSED),  # locked is crossed
        ([], [(101.5, 1.0)], BookResult.CROSSED),
        ([(101.0, -1.0)], [], BookResult.INVALID),
        ([(0.0, 1.0)], [], BookResult.INVALID),
        ([], [(-5.0, 0.0)], BookResult.INVALID),
        ([], [(float("nan"), 1.0)], BookResult.INVALID),
        ([], [(98.5, float("nan"))], BookResult.INVALID),
        ([], [(98.5, float("inf"))], BookResult.INVALID),
        ([(price, 0.0) for price, _ in ASKS], [], BookResult.EMPTIED),
        ([], [(price, 0.0) for price, _ in BIDS], BookResult.EMPTIED),
    ],
)
def test_B2_what_cannot_be_is_not_served(topic: str, asks: Any, bids: Any, result: BookResult) -> None:
    """A crossed, negative or emptied book stops serving, and a snapshot makes it serve again."""
    book = ready(topic)
    assert book.apply(frame(topic, "update", 11, asks, bids)) is result
    assert book.trouble is BookTrouble(result.value)
    with pytest.raises(BookNotReady):
        book.best_bid  # noqa: B018
    assert book.apply(frame(topic, "snapshot", 11, ASKS, BIDS)) is BookResult.SNAPSHOT
    assert book.bids == BIDS


def test_an_empty_side_of_a_snapshot_is_served() -> None:
    """A contract without orders has been recorded: the exchange's own word. Updates may fill it again."""
    book = OrderBook(FUTURES)
    assert book.apply(frame(FUTURES, "snapshot", 3, [], [])) is BookResult.SNAPSHOT
    assert (book.asks, book.best_bid, book.mid, book.spread) == ([], None, None, None)
    assert book.imbalance() == 0.0
    assert book.apply(frame(FUTURES, "update", 4, [(5.0, 1.0)], [])) is BookResult.APPLIED
    assert book.best_ask == (5.0, 1.0)


def test_a_bad_snapshot_is_not_served() -> None:
    book = ready()
    assert book.apply(frame(SPOT, "snapshot", 20, ASKS, [(101.0, 1.0)])) is BookResult.CROSSED
    assert book.needs_snapshot
    assert book.apply(frame(SPOT, "snapshot", 20, ASKS, BIDS)) is BookResult.SNAPSHOT


def test_versions_that_begin_again_are_noticed() -> None:
    """Three old updates in a row are no delayed ones: the book asks for a snapshot, a reset takes it."""
    book = ready()
    updates = [frame(SPOT, "update", version, [(101.0, 7.0)], []) for version in (2, 3, 4)]
    assert [book.apply(one) for one in updates] == [BookResult.DROPPED, BookResult.DROPPED, BookResult.GAP]
    book.reset()
    assert book.apply(frame(SPOT, "snapshot", 5, ASKS, BIDS)) is BookResult.SNAPSHOT


def test_what_is_kept_is_bounded() -> None:
    """Without a snapshot for hours the memory stays; the newest updates are kept."""
    book = OrderBook(FUTURES)
    for version in range(1000):
        book.apply(frame(FUTURES, "update", version, [(102.5, float(version + 1))], []))
    assert len(book._held) == 100
    book.apply(frame(FUTURES, "snapshot", 950, ASKS, BIDS))
    assert (book.version, book.asks[2]) == (999, (102.5, 1000.0))


def test_the_window_of_spot() -> None:
    """Beyond the worst price of a full snapshot levels may be missing: a best price there is not served."""
    asks = [(200.0 + n, 1.0) for n in range(100)]
    bids = [(199.0 - n, 1.0) for n in range(100)]
    book = OrderBook(SPOT)
    book.apply(frame(SPOT, "snapshot", 1, asks, bids))
    assert (book.known_to("asks"), book.known_to("bids")) == (299.0, 100.0)
    book.apply(frame(SPOT, "update", 2, [(310.0, 5.0), *((price, 0.0) for price, _ in asks[:50])], []))
    assert not book.worn
    book.apply(frame(SPOT, "update", 3, [(250.0, 0.0)], []))
    assert book.worn
    assert book.best_ask == (251.0, 1.0)
    rest = [(price, 0.0) for price, _ in asks[51:]]
    assert book.apply(frame(SPOT, "update", 4, rest, [])) is BookResult.EMPTIED


def test_the_edge_moves_in_when_levels_are_pushed_out() -> None:
    """What was forgotten beyond the window is not known any more: the edge is the last level kept."""
    asks = [(200.0 + n, 1.0) for n in range(100)]
    bids = [(190.0 - n, 1.0) for n in range(100)]
    book = OrderBook(SPOT)
    book.apply(frame(SPOT, "snapshot", 1, asks, bids))
    book.apply(frame(SPOT, "update", 2, [(199.0, 1.0), (198.0, 1.0)], [(191.0, 1.0)]))
    assert (book.known_to("asks"), book.known_to("bids")) == (297.0, 92.0)
    assert (len(book.asks), len(book.bids)) == (100, 100)


def test_no_more_levels_than_the_window() -> None:
    """What better levels push out of it is forgotten: nobody tells when it changes."""
    book = OrderBook(FUTURES)
    asks = [(200.0 + n, 1.0) for n in range(5)]
    book.apply(frame(FUTURES, "snapshot", 1, asks, BIDS))
    book.apply(frame(FUTURES, "update", 2, [(199.0, 1.0)], []))
    assert [price for price, _ in book.asks] == [199.0, 200.0, 201.0, 202.0, 203.0]
    assert (book.known_to("asks"), book.known_to("bids")) == (203.0, None)


def test_reads() -> None:
    """Prices and sums are those of the printed numbers."""
    book = OrderBook(SPOT)
    asks, bids = [(0.3, 0.1), (0.4, 0.2), (0.7, 0.3)], [(0.2, 0.5), (0.1, 0.7)]
    book.apply(frame(SPOT, "snapshot", 1, asks, bids))
    assert (book.mid, book.spread, book.updated_ms) == (0.25, 0.1, 7)
    assert book.depth("asks") == 0.6
    assert book.depth("asks", within=0.1) == book.depth("asks", levels=2)
    assert book.depth("bids", within=0.1) == 1.2
    assert book.imbalance(1) == (0.5 - 0.1) / 0.6
    bought = book.fill("buy", 0.2)
    assert (bought.filled, bought.cost, bought.average, bought.worst) == (0.2, 0.07, 0.35, 0.4)
    assert bought.complete
    sold = book.fill("sell", 5)
    assert (sold.filled, sold.complete, sold.worst) == (1.2, False, 0.1)
    value = book.snapshot()
    assert (value.asks, value.bids, value.version) == (tuple(asks), tuple(bids), 1)
    book.apply(frame(SPOT, "update", 2, [(0.3, 0.0)], []))
    assert value.asks[0] == (0.3, 0.1)


def test_wrong_arguments_are_named() -> None:
    book = ready()
    for call in (
        lambda: book.depth("ask"),  # type: ignore[arg-type]
        lambda: book.depth("asks", levels=0),
        lambda: book.depth("asks", within=-1.0),
        lambda: book.imbalance(0),
        lambda: book.fill("bids", 1),  # type: ignore[arg-type]
        lambda: book.fill("buy", 0),
    ):
        with pytest.raises(ParameterError):
            call()
    with pytest.raises(ParameterError, match="SpotDepthIncrease"):
        book.apply(Update(SPOT, "depth/increase100", Market.SPOT, "BTC_USDT", {"no": "model"}, 0, b""))


def test_updates_of_others_are_ignored() -> None:
    """A file of many topics may be fed as it is."""
    book = ready(FUTURES)
    assert book.apply(frame("futures/depthIncrease20:BTCUSDT", "update", 11, [], [])) is BookResult.IGNORED
    assert book.apply(frame("futures/depthIncrease5:ETHUSDT", "update", 11, [], [])) is BookResult.IGNORED
    assert (
        book.apply(frame("futures/depthIncrease5:BTCUSDT@100ms", "update", 11, [], [])) is BookResult.APPLIED
    )


@pytest.mark.skipif(not _SAMPLES.exists(), reason="the collected samples are not at hand")
@pytest.mark.parametrize("name", ["spot-depth-increase100", "futures-depthIncrease"])
def test_recorded_frames_make_books(name: str) -> None:
    """Every recorded frame is applied; each recorded level is in the book with its printed digits."""
    books: dict[str, OrderBook] = {}
    results = []
    for text in json.loads((_SAMPLES / f"{name}.json").read_text())["frames"]:
        body = json.loads(text)
        if "data" not in body:
            continue
        for raw in body["data"] if isinstance(body["data"], list) else [body["data"]]:
            key = body.get("group") or f"{body['table']}:{raw['symbol']}"
            topic = parse(key)
            book = books.setdefault(key, OrderBook(topic))
            (data,) = elements_of(topic.market, topic.channel).read(text.encode())
            update = Update(key, topic.channel, topic.market, raw["symbol"], data, 0, b"")
            results.append(book.apply(update))
            if book.needs_snapshot:
                continue
            for side in ("asks", "bids"):
                held = {level(price): level(size) for price, size in getattr(book, side)}
                for row in raw[side]:
                    price, size = (row["price"], row["vol"]) if isinstance(row, dict) else row
                    assert held.get(Decimal(price), Decimal(0)) == Decimal(size)
    assert BookResult.SNAPSHOT in results
    assert BookResult.APPLIED in results
