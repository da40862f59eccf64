"""Rows as tables: CSV for every program, Parquet beside it. Both are written anew from the raw replies.

A table is written in one pass over the raw replies, Parquet in groups of rows; a second pass is made when
a number turns out to be wider than a Parquet column. Nothing but one reply's rows, one group and the ids of one
line are held. The same replies give the same bytes.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Final, cast

from bitmart_async.archive.columns import columns_of, iso
from bitmart_async.archive.journal import sync_folder
from bitmart_async.archive.parquet import ParquetFile, too_wide
from bitmart_async.archive.replay import Decoder, Replay
from bitmart_async.archive.units import lines
from bitmart_async.rest.pages import Paged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bitmart_async.archive.journal import Head, Journal
    from bitmart_async.archive.plan import Ask, Found
    from bitmart_async.archive.raw import RawFile
    from bitmart_async.archive.units import Unit
    from bitmart_async.rest.history import Asked

__all__ = ["Source", "Table", "UnitResult", "digest", "write_table"]

_FROM: Final = "asked_from"
_TO: Final = "asked_to"

Pair = tuple[dict[str, object], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What tables are made from."""

    head: Head
    found: Found
    journal: Journal
    raw: RawFile | None
    """The table's raw replies; None when nothing was asked."""


@dataclass(slots=True, kw_only=True)
class UnitResult:
    """What a unit's raw replies show."""

    unit: Unit
    rows: int = 0
    """Rows it gave, before those that another unit of the list gave as well were left out."""
    over: bool
    """Read to its end."""
    asked: tuple[Asked, ...] = ()
    code: int | None = None
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Table:
    """A table as it was written."""

    name: str
    rows: int = 0
    oldest_ms: int | None = None
    newest_ms: int | None = None
    twice: int = 0
    """Rows that came again and were left out: the same id in the same list."""
    wide: list[str] = field(default_factory=list[str])
    """Columns of numbers that Parquet has as text, because some value has too many digits."""
    unknown: list[str] = field(default_factory=list[str])
    """Fields of the replies that are no columns: only the raw replies have them."""
    units: list[UnitResult] = field(default_factory=list[UnitResult])


def digest(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        found = sha256()
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def write_table(ask: Ask, source: Source, folder: Path, *, durable: bool = True) -> Table:
    """Write ``csv/NAME.csv`` and ``parquet/NAME.parquet`` in a folder. Raises Damaged.

    Args:
        durable: On the disk before this returns; False for what is only compared.
    """
    asked = [*([ask.over] if ask.over else []), *(name for fixed in ask.fixed for name in fixed)]
    if ask.sums:
        asked += [_FROM, _TO]
    columns = columns_of(ask.row, list(dict.fromkeys(asked)))
    table = Table(name=ask.table)
    wide = [False] * len(columns)
    parquet_path = folder / "parquet" / f"{ask.table}.parquet"
    parquet = ParquetFile(parquet_path, columns, wide)
    try:
        csv_path = folder / "csv" / f"{ask.table}.csv"
        csv_path.parent.mkdir(parents=True, exist_ok=True)
        beside = csv_path.with_name(csv_path.name + ".part")
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([column.name for column in columns])
            for pair in _rows(ask, source, table):
                values = [column.pick(pair) for column in columns]
                writer.writerow([column.text(value) for column, value in zip(columns, values, strict=True)])
                for number, value in enumerate(values):
                    if not wide[number] and too_wide(columns[number], value):
                        wide[number] = True
                _note_time(table, ask, pair[1])
                if not any(wide):
                    parquet.add(values)
        _put_in_place(beside, csv_path, durable=durable)
        if any(wide):  # rare: numbers beyond what a column takes; written again, with text where needed
            parquet.close()
            parquet = ParquetFile(parquet_path, columns, wide)
            for pair in _rows(ask, source, Table(name=ask.table)):
                parquet.add([column.pick(pair) for column in columns])
        parquet.close()
    except BaseException:
        parquet.abandon()
        raise
    _put_in_place(parquet.beside, parquet_path, durable=durable)
    table.wide = [column.name for column, over in zip(columns, wide, strict=True) if over]
    return table


def _put_in_place(beside: Path, path: Path, *, durable: bool) -> None:
    """Give a whole file its name."""
    if durable:
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
    beside.replace(path)
    if durable:
        sync_folder(path.parent)


def _rows(ask: Ask, source: Source, table: Table) -> Iterator[Pair]:
    """Every row of a table once, in its order: line by line, each from its oldest unit on."""
    decoder, raw = Decoder(look=True), source.raw
    seen: set[bytes] = set()
    seam = isinstance(ask.plan, Paged) and ask.spans and ask.key is None
    value = ""
    for line in lines(ask, source.found, source.head):
        if not ask.same_ids or line.value != value:
            seen = set()
            value = line.value
        given = dict(line.params)
        before: Counter[bytes] = Counter()  # rows without ids of the span before: a seam is asked for twice
        for unit in reversed(line.units):
            if unit.id not in source.journal.done and (raw is None or not raw.count(unit.id)):
                continue  # not asked: an earlier refusal ended the line
            if ask.sums and unit.first_ms is not None and unit.last_ms is not None:
                given = {**line.params, _FROM: iso(unit.first_ms), _TO: iso(unit.last_ms)}
            replay = Replay(unit, source.head, decoder)
            result = UnitResult(unit=unit, over=False)
            here: Counter[bytes] = Counter()
            for row in replay.rows(raw.records(unit.id) if raw is not None else ()):
                result.rows += 1
                if ask.key is not None and not ask.sums and len(line.units) * len(ask.fixed) > 1:
                    mark = blake2b(repr(ask.key(row)).encode(), digest_size=16).digest()
                    if mark in seen:
                        table.twice += 1
                        continue
                    seen.add(mark)
                elif seam:
                    mark = blake2b(repr(row).encode(), digest_size=16).digest()
                    here[mark] += 1
                    if here[mark] <= before[mark]:
                        table.twice += 1
                        continue
                table.rows += 1
                yield given, row
            result.over = replay.over
            result.asked = tuple(replay.reading.asked)
            if replay.ended is not None:
                result.code, result.reason = replay.ended.code, replay.ended.reason
            table.units.append(result)
            before = here
    table.unknown = sorted(decoder.unknown)


def _note_time(table: Table, ask: Ask, row: object) -> None:
    at = getattr(ask.plan, "at", None)
    ms = cast("int | None", at(row)) if at is not None else _own_time(row)
    if ms is not None:
        table.oldest_ms = ms if table.oldest_ms is None else min(table.oldest_ms, ms)
        table.newest_ms = ms if table.newest_ms is None else max(table.newest_ms, ms)


def _own_time(row: object) -> int | None:
    for name, factor in (("time", 1), ("timestamp", 1), ("submission_time", 1000)):
        value = getattr(row, name, None)
        if isinstance(value, int):
            return value * factor
    return None
