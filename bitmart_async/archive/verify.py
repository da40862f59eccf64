"""Checking a finished archive against itself: hashes, raw replies, windows, tables, report."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bitmart_async.archive.journal import Journal, read_head
from bitmart_async.archive.parquet import arrow
from bitmart_async.archive.plan import ASKS
from bitmart_async.archive.raw import Damaged, RawFile
from bitmart_async.archive.report import ArchiveReport, table_report
from bitmart_async.archive.tables import Source, digest, write_table
from bitmart_async.archive.units import lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from bitmart_async.archive.plan import Ask
    from bitmart_async.archive.report import TableReport
    from bitmart_async.archive.tables import Table

    OnTable: TypeAlias = Callable[[str], None] | None

__all__ = ["Verification", "verify_archive"]


@dataclass(slots=True, kw_only=True)
class Verification:
    """What the check of an archive found."""

    tables: int = 0
    rows: int = 0
    replies: int = 0
    files: int = 0
    problems: list[str] = field(default_factory=list[str])
    """What is wrong, in whole sentences; empty when the archive is as it was made and complete."""
    gaps: list[str] = field(default_factory=list[str])
    """What the archive itself says it could not read or prove."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong. Gaps that the report names are no fault of the archive."""
        return not self.problems


def verify_archive(path: str | Path, on_table: OnTable = None) -> Verification:
    """Check an archive; nothing in it is changed.

    Every file against its SHA-256 in ``report.json``; every reply against the SHA-256 noted with it;
    every list by feeding its replies to the plan that asked for them, so that each request must be the
    one the plan makes, windows must cover the span and no full one may be left unresolved; every table
    by deriving it from the raw replies again; the report by deriving its figures.

    Args:
        path: The folder.
        on_table: Called with the name of each table before it is checked.

    Raises:
        ConfigurationError: There is no archive there, or a library is missing.
    """
    out = Path(path)
    arrow("pyarrow")
    found = Verification()
    head = read_head(out)
    if head is None:
        found.problems.append(f"{out} holds no archive: archive.json is missing.")
        return found
    try:
        report = msgspec.json.decode((out / "report.json").read_bytes(), type=ArchiveReport)
    except FileNotFoundError:
        found.problems.append("report.json is missing: the archive is not finished. Run the archive again.")
        return found
    except msgspec.MsgspecError as error:
        found.problems.append(f"report.json cannot be read: {error}.")
        return found
    _check_files(out, report, found)
    journal = Journal(out / "journal.ndjson")
    source = Source(head=head, found=journal.found(), journal=journal, raw=None)
    _check_tables(out, source, report, found, on_table)
    for table in report.tables:
        for gap in table.gaps:
            where = ", ".join(f"{name}={value}" for name, value in gap.asked.items())
            code = "" if gap.code is None else f"code {gap.code} "
            said = (table.name, gap.kind, where, gap.first, code + gap.reason)
            found.gaps.append(" ".join(part for part in said if part))
    if not report.finished:
        found.problems.append("The archive is not finished: some lists got no answer. Run it again.")
    return found


def _check_files(out: Path, report: ArchiveReport, found: Verification) -> None:
    for name, expected in report.files.items():
        found.files += 1
        try:
            now = digest(out / name)
        except FileNotFoundError:
            found.problems.append(f"{name} is missing.")
            continue
        if now != expected:
            found.problems.append(f"{name} is not the file that was written: its SHA-256 differs.")
    for folder in ("raw", "csv", "parquet"):
        here = out / folder
        for path in sorted(here.iterdir()) if here.is_dir() else ():
            if path.relative_to(out).as_posix() not in report.files and path.suffix != ".part":
                found.problems.append(f"{folder}/{path.name} is not named in report.json.")


def _check_tables(
    out: Path, source: Source, report: ArchiveReport, found: Verification, on_table: OnTable
) -> None:
    told = {table.name: table for table in report.tables}
    with tempfile.TemporaryDirectory(prefix="bitmart-verify-") as folder:
        for ask in ASKS:
            if ask.table not in told:
                continue
            if on_table is not None:
                on_table(ask.table)
            path = out / "raw" / f"{ask.table}.ndjson.zst"
            raw: RawFile | None = None
            try:
                raw = RawFile(path, writable=False) if path.exists() else None
                again = _derive(ask, replace(source, raw=raw), Path(folder), told[ask.table], found)
                _same_files(ask.table, out, Path(folder), found)
                _check_units(ask, again, source, found)
            except Damaged as damage:
                found.problems.append(f"{ask.table}: {damage}.")
            finally:
                if raw is not None:
                    raw.close()


def _derive(ask: Ask, source: Source, folder: Path, told: TableReport, found: Verification) -> Table:
    """The table and its part of the report, from the raw replies again."""
    raw = source.raw
    if raw is not None:
        if raw.torn:
            found.problems.append(f"raw/{raw.path.name} ends in {raw.torn} bytes that are no record.")
        found.replies += sum(raw.count(unit) for unit in raw.units)
        _check_records(raw)
    again = write_table(ask, source, folder, durable=False)
    found.tables += 1
    found.rows += again.rows
    if table_report(ask, again, source) != told:
        found.problems.append(f"{ask.table}: report.json does not say what the raw replies show.")
    return again


def _same_files(table: str, out: Path, folder: Path, found: Verification) -> None:
    for name in (f"csv/{table}.csv", f"parquet/{table}.parquet"):
        one, other = folder / name, out / name
        if other.exists() and digest(one) != digest(other) and not _same_rows(one, other):
            found.problems.append(f"{name} does not hold the rows that the raw replies hold.")
        one.unlink()


def _check_records(raw: RawFile) -> None:
    for unit in raw.units:
        for record in raw.records(unit):
            if not record.intact():
                raise Damaged(f"{unit}: a reply does not have the SHA-256 that was noted with it")


def _same_rows(one: Path, other: Path) -> bool:
    """Whether two Parquet files hold the same, though another version of the library wrote one."""
    if one.suffix != ".parquet":
        return False
    parquet = arrow("pyarrow.parquet")
    try:
        second = parquet.ParquetFile(other)
    except (OSError, arrow("pyarrow").ArrowException):  # not even a Parquet file any more
        return False
    first = parquet.ParquetFile(one)
    if not first.schema_arrow.equals(second.schema_arrow):
        return False
    if first.metadata.num_rows != second.metadata.num_rows:
        return False
    try:
        return all(
            a.equals(b) for a, b in zip(first.iter_batches(10_000), second.iter_batches(10_000), strict=True)
        )
    except (OSError, arrow("pyarrow").ArrowException):
        return False


def _check_units(ask: Ask, table: Table, source: Source, found: Verification) -> None:
    """Whether what the journal calls finished is, and no span was left out."""
    results = {result.unit.id: result for result in table.units}
    for line in lines(ask, source.found, source.head):
        ended = False
        for unit in line.units:
            done, result = source.journal.done.get(unit.id), results.get(unit.id)
            if done is None or result is None:
                if not ended:
                    found.problems.append(f"{unit.id} was never asked for.")
                break
            if done.state == "done" and not result.over:
                found.problems.append(f"{unit.id}: the replies end before its span is covered.")
            if done.rows != result.rows:
                found.problems.append(
                    f"{unit.id}: the journal counts {done.rows} rows, the replies hold {result.rows}."
                )
            ended = done.state != "done"
            if ended:
                break
