"""Frames known at a glance: a mark never leads a frame to a feed that is not its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitmart_async.websocket.dialects import FUTURES, SPOT, data_key
from bitmart_async.websocket.feeds import Feed
from bitmart_async.websocket.marks import TAIL_SIZE, Marks, mark_of
from bitmart_async.websocket.routes import Routes
from bitmart_async.websocket.topics import Market, parse
from tests.scripted_ws import futures_ticker, serving, until

if TYPE_CHECKING:
    from bitmart_async.websocket.events import Update

_ANY = Routes(Market.SPOT)
_ANY.add(parse("spot/ticker:BTC_USDT"))
_FEED = _ANY.feed(b"spot/ticker")

_frames = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [
                b'{"data":',
                b'{"table":"',
                b'{"group":"',
                b',"table":"',
                b',"group":"',
                b"spot/trade",
                b'"}',
                b'","data":',
                b"[]",
                b'{"data":[]',
                b'"',
                b"}",
                b"\\",
                b"futures/x:Y",
            ]
        ),
        max_size=7,
    ).map(b"".join),
)


def _learned(frames: list[bytes], heads: tuple[bytes, bytes]) -> Marks:
    assert isinstance(_FEED, Feed)
    marks = Marks()
    for frame in frames:
        key = data_key(frame, heads)
        if key is not None:
            marks.learn(frame, key, heads, _FEED)
    return marks


@given(frame=_frames, tail=st.binary(max_size=12))
def test_a_mark_says_what_the_key_says(frame: bytes, tail: bytes) -> None:
    """Frames with the mark of a known key are frames of that key, whatever else they hold."""
    for dialect in (SPOT, FUTURES):
        marks = _learned([frame], dialect.heads)
        for mark in marks.feeds:
            for other in (frame + tail, tail + frame, frame[:9] + tail + frame[9:], mark + tail, tail + mark):
                if mark_of(other) == mark:
                    assert data_key(other, dialect.heads) == data_key(frame, dialect.heads)


@given(frames=st.lists(_frames, max_size=4), other=_frames)
def test_a_known_length_finds_what_the_search_finds(frames: list[bytes], other: bytes) -> None:
    """The length that the last bytes of a frame promise leads to its own mark or to none."""
    for dialect in (SPOT, FUTURES):
        marks = _learned(frames, dialect.heads)
        for frame in (*frames, other):
            size = marks.sizes.get(frame[-TAIL_SIZE:])
            if frame.startswith(b'{"data":') and size and frame[-size:] in marks.feeds:
                assert frame[-size:] == mark_of(frame)


@pytest.mark.parametrize("form", ['{"data":[1],"%s":"%s"}', '{"%s":"%s","data":[1]}'])
def test_both_plain_forms_have_a_mark(form: str) -> None:
    """The two orders in which the exchange writes a data frame are known by their marks."""
    for dialect, name, key in (
        (SPOT, "table", "spot/depth/increase100"),
        (FUTURES, "group", "futures/trade:BTCUSDT"),
    ):
        frame = (form % (name, key)).encode()
        assert data_key(frame, dialect.heads) == key.encode()
        assert list(_learned([frame], dialect.heads).feeds) == [mark_of(frame)]


async def test_frames_that_end_alike_are_told_apart() -> None:
    """The last bytes of these groups are the same, their lengths are not: each update reaches its topic, again and
    again, and so do the two forms of one topic."""
    topics = ["futures/ticker:BTCUSDT", "futures/trade:BTCUSDT"]
    trade = {"symbol": "BTCUSDT", "deal_price": "1", "deal_vol": "2", "way": 1, "m": True, "trade_id": 5,
             "created_at": "2026-07-19T18:17:14.656686827Z"}  # fmt: skip
    data: dict[str, Any] = {
        topics[0]: json.loads(futures_ticker())["data"],
        topics[1]: [trade],
    }
    async with serving() as (server, ws):
        got: list[Update[Any]] = []
        await ws.subscribe(topics, handler=got.append)
        sent: list[str] = []
        for turn in range(12):
            topic = topics[turn % 5 % 2]
            members = [("data", data[topic]), ("group", topic)]
            await server.last().send(
                json.dumps(dict(members[:: 1 if turn % 4 else -1]), separators=(",", ":"))
            )
            sent.append(topic)
        await until(lambda: len(got) == len(sent))
        assert [update.topic for update in got] == sent


def test_a_length_is_known_only_where_the_last_bytes_tell() -> None:
    """Two marks that end alike and differ in length have none."""
    ticker, trade = (
        f'{{"data":[1],"group":"futures/{name}:BTCUSDT"}}'.encode() for name in ("ticker", "trade")
    )
    assert _learned([trade], FUTURES.heads).sizes == {trade[-TAIL_SIZE:]: len(mark_of(trade))}
    assert _learned([trade, ticker, trade], FUTURES.heads).sizes == {trade[-TAIL_SIZE:]: 0}
