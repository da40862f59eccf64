"""Recordings as tables: one per channel, and one of events; Parquet, and CSV on request.

The recording is read twice: first to see which channels there are and how wide their numbers are (CSV is
written on the way), then to write Parquet in groups of rows. One group per channel is all that is held.
A book's levels are rows of their own.
"""

from __future__ import annotations

import csv
import importlib
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from bitmart_async.archive.columns import PLACES, Column, columns_of, fits, iso
from bitmart_async.archive.parquet import abandoned
from bitmart_async.numbers import level
from bitmart_async.recording.disk import store_extra
from bitmart_async.recording.format import RecordedEvent, RecordedFrame
from bitmart_async.recording.reader import Recording
from bitmart_async.websocket.events import StreamData, Update
from bitmart_async.websocket.topics import model_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping


__all__ = ["ExportReport", "export_recording"]

_GROUP: Final = 10_000
"""Rows of one group in Parquet, and rows of a table held at most."""
_INT64: Final = 1 << 63
_STEP: Final = Decimal(1).scaleb(-PLACES)
_WIDE: Final = Context(prec=38)
_BOOK_FIELDS: Final = ("asks", "bids", "depths")
_MS: Final = frozenset({"ms_t", "create_time", "update_time", "last_fill_time"})
"""Fields that are Unix ms although their type says only that they are whole."""
_SIDES: Final = {1: "bid", 2: "ask"}
_EVENTS: Final = "events"
_EVENT_COLUMNS: Final = (
    Column(
        name="connection", kind="text", pick=lambda event: cast("RecordedEvent", event).connection or None
    ),
    Column(
        name="generation", kind="whole", pick=lambda event: cast("RecordedEvent", event).generation or None
    ),
    Column(name="name", kind="text", pick=lambda event: cast("RecordedEvent", event).name),
    Column(name="topics", kind="text", pick=lambda event: " ".join(cast("RecordedEvent", event).topics)),
    Column(name="error", kind="text", pick=lambda event: cast("RecordedEvent", event).error or None),
    Column(
        name="gap_started", kind="time", pick=lambda event: _gap_ms(cast("RecordedEvent", event), end=False)
    ),
    Column(name="gap_ended", kind="time", pick=lambda event: _gap_ms(cast("RecordedEvent", event), end=True)),
    Column(name="frames", kind="whole", pick=lambda event: cast("RecordedEvent", event).frames or None),
)


@dataclass(slots=True, kw_only=True)
class ExportReport:
    """What was written."""

    rows: dict[str, int] = field(default_factory=dict[str, int])
    """Rows by table."""
    frames: int = 0
    """Frames read."""
    unreadable: int = 0
    """Frames that cannot be decoded; they are in the recording alone."""
    damaged: list[str] = field(default_factory=list[str])
    """Places that cannot be read and files or frames that are missing, as the table of events has them."""
    wide: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By table: columns of numbers that Parquet has as text, because some value has too many digits."""


def export_recording(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    topics: Iterable[str] | None = None,
    csv: bool = False,
    salvage: bool = False,
    on_progress: Callable[[int], object] | None = None,
) -> ExportReport:
    """Write a recording as tables: ``OUT/spot_trade.parquet`` and so on, replacing what is there.

    Args:
        path: The recording.
        out: The folder for the tables; it is made when it is not there.
        topics: Only these; None: all that were recorded.
        csv: Write ``OUT/spot_trade.csv`` and so on too.
        salvage: Read past damaged places instead of raising; each is a row of the table of events.
        on_progress: Called with the number of frames read, every thousand; each is read twice.

    Raises:
        ConfigurationError: There is no recording, or pyarrow or zstandard is not installed.
        ParameterError: A topic was not recorded.
        Damaged: A file is not as it was written.
    """
    _arrow("pyarrow")
    folder, recording = Path(out), Recording(path, salvage=salvage)
    folder.mkdir(parents=True, exist_ok=True)
    chosen = None if topics is None else list(topics)
    report = ExportReport()
    count = _Count(on_progress)
    tables: dict[str, _Table] = {}
    try:
        for name, topic_of, received_ns, row in _rows(recording, chosen, report, count):
            table = tables.get(name)
            if table is None:
                table = tables[name] = _Table(name, row, folder, csv=csv)
            table.look(topic_of, received_ns, row)
        report.frames = count.frames
        _open_parquet(report, tables)
        left = dict(report.rows)  # a recorder may be at work: what it adds meanwhile is for the next export
        for name, topic_of, received_ns, row in _rows(recording, chosen, ExportReport(), count):
            if left.get(name):
                left[name] -= 1
                tables[name].write(topic_of, received_ns, row)
        for table in tables.values():
            table.close_parquet()
    except BaseException:
        for table in tables.values():
            table.abandon()
        raise
    for table in tables.values():
        table.settle()
    return report


def _open_parquet(report: ExportReport, tables: Mapping[str, _Table]) -> None:
    """What was seen decides what Parquet's columns are."""
    pa, parquet = _arrow("pyarrow"), _arrow("pyarrow.parquet")
    for table in tables.values():
        table.close_csv()
        report.rows[table.name] = table.rows
        wide = [column.name for column, over in zip(table.columns, table.wide, strict=True) if over]
        if wide:
            report.wide[table.name] = wide
        table.open_parquet(pa, parquet)


def _rows(
    recording: Recording, topics: list[str] | None, report: ExportReport, count: _Count
) -> Iterator[tuple[str, str, int, object]]:
    """Every row: its table, its topic, when it was received, and what its columns pick from."""
    events: list[RecordedEvent] = []

    def unreadable(_: RecordedFrame, __: str) -> None:
        report.unreadable += 1

    def heed(event: RecordedEvent) -> None:
        events.append(event)
        if event.name in ("missing", "damaged"):
            report.damaged.append(event.error)

    updates = recording.updates(topics, on_event=heed, on_unreadable=unreadable, on_frame=count.one)
    for update in updates:
        if events:
            yield from ((_EVENTS, "", event.at_ns, event) for event in events)
            events.clear()
        name = f"{update.market.value}_{update.channel}".replace("/", "_")
        for row in _exploded(update):
            yield name, update.topic, update.received_ns, row
    yield from ((_EVENTS, "", event.at_ns, event) for event in events)


class _Level(msgspec.Struct, frozen=True):
    """A row of a book: one level, or an update without any."""

    update: Update[StreamData]
    side: str | None
    price: float | None
    size: float | None


def _exploded(update: Update[StreamData]) -> Iterator[object]:
    data = update.data
    names = [name for name in _BOOK_FIELDS if hasattr(data, name)]
    if not names:
        yield update
        return
    some = False
    for name in names:
        side = _SIDES.get(cast("int", getattr(data, "way", 0)), "") if name == "depths" else name[:-1]
        for price, size in cast("list[tuple[float, float]]", getattr(data, name)):
            some = True
            yield _Level(update, side, price, size)
    if not some:
        yield _Level(update, None, None, None)


def _columns(row: object) -> list[Column]:
    """The columns of a table, from its first row."""
    if isinstance(row, RecordedEvent):
        return list(_EVENT_COLUMNS)
    update = row.update if isinstance(row, _Level) else cast("Update[StreamData]", row)
    symbol = Column(name="symbol", kind="text", pick=lambda row: _update_of(row).symbol)
    model = model_of(update.market, update.channel)
    if model is None:
        return [symbol, Column(name="data", kind="text", pick=_as_json)]
    made = [
        _timed(replace(column, pick=_of_data(column.pick)))
        for column in columns_of(model)
        if column.name not in ("symbol", *_BOOK_FIELDS)
    ]
    if isinstance(row, _Level):
        made += [
            Column(name="side", kind="text", pick=lambda row: cast("_Level", row).side),
            Column(name="price", kind="number", pick=lambda row: _exact(cast("_Level", row).price)),
            Column(name="size", kind="number", pick=lambda row: _exact(cast("_Level", row).size)),
        ]
    return [symbol, *made]


def _update_of(row: object) -> Update[StreamData]:
    return row.update if isinstance(row, _Level) else cast("Update[StreamData]", row)


def _of_data(pick: Callable[[object], object]) -> Callable[[object], object]:
    return lambda row: pick((None, _update_of(row).data))


def _timed(column: Column) -> Column:
    if column.kind == "whole" and column.name.rpartition("_order_")[2] in _MS:
        return replace(column, kind="time")
    return column


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else level(value)


def _as_json(row: object) -> str:
    return msgspec.json.encode(_update_of(row).data, enc_hook=str).decode()


def _gap_ms(event: RecordedEvent, *, end: bool) -> int | None:
    if event.gap is None:
        return None
    return (event.gap.ended_ns if end else event.gap.started_ns) // 1_000_000


class _Count:
    """Frames read."""

    def __init__(self, told: Callable[[int], object] | None) -> None:
        self.frames = 0
        self._told = told

    def one(self, _: RecordedFrame) -> None:
        self.frames += 1
        if self._told is not None and self.frames % 1000 == 0:
            self._told(self.frames)


class _Table:
    """One table while it is written."""

    def __init__(self, name: str, row: object, folder: Path, *, csv: bool) -> None:
        self.name = name
        self.columns = _columns(row)
        self.wide = [False] * len(self.columns)
        self.rows = 0
        self._folder = folder
        self._file = (folder / f"{name}.csv.part").open("w", encoding="utf-8", newline="") if csv else None
        self._csv = _csv_writer(self._file) if self._file is not None else None
        if self._csv is not None:
            self._csv.writerow(["received", *self._lead(), *(column.name for column in self.columns)])
        self._writer: Any = None
        self._pa: Any = None
        self._types: list[Any] = []
        self._schema: Any = None
        self._group: list[list[object]] = []

    def _lead(self) -> list[str]:
        return [] if self.name == _EVENTS else ["topic"]

    def look(self, topic: str, received_ns: int, row: object) -> None:
        """The first time round: how wide its numbers are, and CSV."""
        self.rows += 1
        values = [column.pick(row) for column in self.columns]
        for number, value in enumerate(values):
            if not self.wide[number] and _too_wide(self.columns[number], value):
                self.wide[number] = True
        if self._csv is not None:
            lead = [iso_ns(received_ns), *([topic] if self._lead() else [])]
            self._csv.writerow(
                [*lead, *(column.text(value) for column, value in zip(self.columns, values, strict=True))]
            )

    def close_csv(self) -> None:
        if self._file is not None:
            self._file.close()

    def open_parquet(self, pa: Any, parquet: Any) -> None:
        kinds = {
            "text": pa.string(),
            "number": pa.decimal128(38, PLACES),
            "whole": pa.int64(),
            "flag": pa.bool_(),
            "time": pa.timestamp("ms", tz="UTC"),
        }
        lead = [("received", pa.timestamp("ns", tz="UTC")), *((name, pa.string()) for name in self._lead())]
        own = [
            (column.name, kinds["text"] if over else kinds[column.kind])
            for column, over in zip(self.columns, self.wide, strict=True)
        ]
        self._pa, self._schema = pa, pa.schema([*lead, *own])
        self._types = [kind for _, kind in (*lead, *own)]
        self._group = [[] for _ in self._types]
        self._writer = parquet.ParquetWriter(
            self._folder / f"{self.name}.parquet.part", self._schema, compression="zstd"
        )

    def write(self, topic: str, received_ns: int, row: object) -> None:
        """The second time round: Parquet."""
        values: list[object] = [received_ns, *([topic] if self._lead() else [])]
        for column, over in zip(self.columns, self.wide, strict=True):
            value = column.pick(row)
            if over and value is not None:
                value = column.text(value)
            elif column.kind == "number" and isinstance(value, Decimal):
                value = value.quantize(_STEP, context=_WIDE)
            values.append(value)
        for cells, value in zip(self._group, values, strict=True):
            cells.append(value)
        if len(self._group[0]) >= _GROUP:
            self._put()

    def _put(self) -> None:
        arrays = [
            self._pa.array(cells, type=kind) for cells, kind in zip(self._group, self._types, strict=True)
        ]
        self._writer.write_table(
            self._pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=_GROUP
        )
        self._group = [[] for _ in self._types]

    def close_parquet(self) -> None:
        if self._writer is not None:
            if self._group and self._group[0]:
                self._put()
            self._writer.close()
            self._writer = None

    def abandon(self) -> None:
        """It cannot be written: leave what was there before, and nothing half."""
        if self._file is not None:
            self._file.close()
        if self._writer is not None:
            abandoned(self._writer)
            self._writer = None
        for kind in ("parquet", "csv"):
            (self._folder / f"{self.name}.{kind}.part").unlink(missing_ok=True)

    def settle(self) -> None:
        """Everything is written: give the files their names."""
        for kind in ("parquet", "csv"):
            part = self._folder / f"{self.name}.{kind}.part"
            if part.exists():
                part.replace(part.with_suffix(""))


def _csv_writer(file: Any) -> Any:
    return csv.writer(file, lineterminator="\n")


def iso_ns(ns: int) -> str:
    """A moment in UTC, to the nanosecond."""
    return f"{iso(ns // 1_000_000)[:-1]}{ns % 1_000_000:06d}Z"


def _too_wide(column: Column, value: object) -> bool:
    if column.kind == "number":
        return isinstance(value, Decimal) and not fits(value)
    if column.kind in ("whole", "time"):
        return value is not None and not (isinstance(value, int) and -_INT64 <= value < _INT64)
    return False


def _arrow(name: str) -> Any:
    """A module of pyarrow. Raises ConfigurationError when it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise store_extra("pyarrow") from None
