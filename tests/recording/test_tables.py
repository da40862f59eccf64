"""Recordings as Parquet and CSV."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pyarrow.parquet as pq

from bitmart_async import WebsocketClient, export_recording
from bitmart_async.numbers import level
from bitmart_async.recording import Recorder, Recording
from bitmart_async.sandbox import Sandbox
from tests.scripted_ws import ScriptedServer, streams, ticker, until

if TYPE_CHECKING:
    from pathlib import Path

    from bitmart_async.models.streams_spot import SpotDepthIncrease, SpotStreamTrade

_TOPICS = [
    "spot/depth/increase100:BTC_USDT", "spot/trade:BTC_USDT", "spot/kline1m:BTC_USDT", "spot/ticker:BTC_USDT",
    "futures/depth20:BTCUSDT", "futures/trade:BTCUSDT", "futures/klineBin1m:BTCUSDT", "futures/ticker:BTCUSDT",
]  # fmt: skip


def _rows(path: Path) -> list[dict[str, object]]:
    """Without the nanoseconds, which datetime cannot hold."""
    return cast("list[dict[str, object]]", pq.read_table(path).drop_columns(["received"]).to_pylist())


async def test_tables_hold_every_update_exactly(tmp_path: Path) -> None:
    """One table per channel; a trade is a row, a book's level is a row; numbers are those of the frames to the
    last digit, times are UTC; CSV and Parquet say the same; events have a table too."""
    async with Sandbox(speed=20) as sandbox, WebsocketClient(**sandbox.client_options) as ws:  # noqa: SIM117
        async with Recorder(ws, _TOPICS, path=tmp_path / "rec") as recorder:
            await until(lambda: len(recorder.stats.channels) >= 9 and recorder.stats.frames > 80, 20)
    out = tmp_path / "tables"
    report = export_recording(tmp_path / "rec", out, csv=True)
    updates = list(Recording(tmp_path / "rec").updates())
    assert report.unreadable == 0
    assert not report.wide
    assert not list(out.glob("*.part"))
    assert set(report.rows) >= {"spot_trade", "spot_depth_increase100", "futures_klineBin1m", "events"}

    table = pq.read_table(out / "spot_trade.parquet")
    trades = [update for update in updates if update.channel == "trade" and update.market.value == "spot"]
    assert table.num_rows == len(trades) == report.rows["spot_trade"]
    for row, update in zip(_rows(out / "spot_trade.parquet"), trades, strict=True):
        data = cast("SpotStreamTrade", update.data)
        assert (row["price"], row["size"], row["side"]) == (data.price, data.size, str(data.side.value))
        assert row["ms_t"] == datetime.fromtimestamp(data.ms_t / 1000, UTC)
        assert row["topic"] == update.topic
    received = table.column("received").cast("int64").to_pylist()
    assert received == [update.received_ns for update in trades]

    book = _rows(out / "spot_depth_increase100.parquet")
    expected: list[tuple[object, ...]] = []
    for update in updates:
        if update.channel == "depth/increase100":
            data = cast("SpotDepthIncrease", update.data)
            levels = [("ask", *one) for one in data.asks] + [("bid", *one) for one in data.bids]
            expected += [(data.version, side, level(p), level(s)) for side, p, s in levels] or [
                (data.version, None, None, None)
            ]
    assert [(row["version"], row["side"], row["price"], row["size"]) for row in book] == expected

    for name, rows in report.rows.items():
        with (out / f"{name}.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        parquet = _rows(out / f"{name}.parquet")
        assert len(lines) == len(parquet) == rows
        for line, row in zip(lines[:50], parquet[:50], strict=True):
            for key, value in row.items():
                if isinstance(value, Decimal):
                    assert Decimal(line[key]) == value
                elif isinstance(value, str):
                    assert line[key] == value
                elif value is None:
                    assert not line[key]
    assert len(_rows(out / "futures_depth20.parquet")) > 20
    assert {row["side"] for row in _rows(out / "futures_depth20.parquet")} == {
        "bid",
        "ask",
    }
    names = [row["name"] for row in _rows(out / "events.parquet")]
    assert names[0] == "begin"
    assert names[-1] == "end"


async def test_a_number_too_wide_for_parquet_is_text_and_odd_channels_are_json(tmp_path: Path) -> None:
    """Nothing is rounded: the column becomes text and the report says so. Frames nobody can read are counted."""
    wide = "1" + "0" * 30 + ".5"
    async with ScriptedServer() as server, streams(server) as ws:
        topics = ["spot/ticker:BTC_USDT", "spot/novelty:BTC_USDT"]
        async with Recorder(ws, topics, path=tmp_path / "rec") as recorder:
            session = server.last("spot_public")
            await session.send(ticker(last=wide))
            await session.send('{"table":"spot/novelty","data":[{"symbol":"BTC_USDT","x":[1,"a"]}]}')
            await session.send('{"table":"spot/ticker","data":[{"symbol":"BTC_USDT","last_price":"x"}]}')
            await until(lambda: recorder.stats.frames >= 5)
    report = export_recording(tmp_path / "rec", tmp_path / "out")
    assert report.wide == {"spot_ticker": ["last_price"]}
    assert report.unreadable == 1
    assert _rows(tmp_path / "out/spot_ticker.parquet")[0]["last_price"] == wide
    odd = _rows(tmp_path / "out/spot_novelty.parquet")[0]
    assert odd["data"] == '{"symbol":"BTC_USDT","x":[1,"a"]}'
    only = export_recording(tmp_path / "rec", tmp_path / "one", topics=["spot/novelty:BTC_USDT"])
    assert set(only.rows) == {"spot_novelty", "events"}
