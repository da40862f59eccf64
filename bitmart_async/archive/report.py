"""What an archive holds and what it does not, as data, JSON and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from bitmart_async.archive.columns import iso
from bitmart_async.archive.plan import ASKS, NAMED_BY
from bitmart_async.archive.units import lines
from bitmart_async.codes import ADVICE, fact_of
from bitmart_async.rest.history import Windowed, covered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bitmart_async.archive.journal import Done
    from bitmart_async.archive.plan import Ask
    from bitmart_async.archive.tables import Source, Table, UnitResult
    from bitmart_async.rest.history import Asked

__all__ = ["ArchiveReport", "Gap", "TableReport", "as_json", "as_markdown", "table_report"]


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was not read, or not provably."""

    kind: str
    """``refused``, ``failed``, ``unreadable`` or ``unproven``."""
    asked: dict[str, str]
    """What was sent along."""
    first: str = ""
    """The span it concerns, UTC; page numbers where there is no time; empty for all of it."""
    last: str = ""
    code: int | None = None
    """The exchange's, when it refused."""
    reason: str = ""


class TableReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One table of the archive and how it was read."""

    name: str
    title: str
    endpoint: str
    """Method and path."""
    state: str
    """``whole``, ``gaps`` (see them), ``refused`` (nothing could be read) or ``nothing to ask``."""
    lists: int
    """How many lists it was read as: one per symbol, sub-account or kind."""
    windows: int
    """Requests made: windows of time, pages, single replies."""
    rows: int
    splits: int = 0
    """Windows that were asked again in halves, because they came back full or were refused."""
    full: int = 0
    """Replies that held as many rows as a reply can."""
    repeated: int = 0
    """Rows that came in two pieces and were kept once."""
    oldest: str | None = None
    newest: str | None = None
    read_back_to: str | None = None
    """UTC: from here on every list of it was read. None where lists have no time, or nothing was read."""
    gaps: list[Gap] = []
    text_columns: list[str] = []
    """Columns of numbers that Parquet has as text."""
    unknown_fields: list[str] = []
    """Fields of the replies that the library does not know: only the raw replies have them."""


class ArchiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about an archive."""

    format: int
    library: str
    environment: str
    began: str
    """UTC: everything up to here was asked for."""
    since: str
    """UTC: nothing older was asked for."""
    symbols: str
    finished: bool
    """Nothing failed and could be had by running again. Refusals and what cannot be proven stay."""
    proven: bool
    """Every list that was not refused is provably whole."""
    rows: int
    requests: int
    tables: list[TableReport]
    omitted: dict[str, str]
    """Private read endpoints that are not asked, and why."""
    files: dict[str, str]
    """SHA-256 of every file."""


def table_report(ask: Ask, table: Table, source: Source) -> TableReport:
    """What is to be said about one table."""
    head, found, done = source.head, source.found, source.journal.done
    gaps: list[Gap] = []
    windows = splits = full = 0
    for result in table.units:
        windows += len(result.asked) + (result.code is not None)
        splits += sum(record.split for record in result.asked)
        full += sum(record.full for record in result.asked)
        gaps += _gaps(ask, result, done.get(result.unit.id))
    seen = {result.unit.id for result in table.units}
    every = lines(ask, found, head)
    for line in every:  # a list nothing of which was asked: the run ended before
        first = line.units[0]
        if first.id not in seen:
            gaps.append(Gap(kind="failed", asked=_said(line.params), reason="not asked yet"))
    gaps += _unnamed(ask, source)
    read = {result.unit.id for result in table.units if result.over}
    backs = [
        min(ends) if (ends := [u.first_ms for u in line.units if u.id in read and u.first_ms]) else None
        for line in every
    ]
    whole_from = None if None in backs else max((back for back in backs if back is not None), default=None)
    refused = [gap for gap in gaps if gap.kind != "unproven"]
    state = "whole"
    if not every and not gaps:
        state = "nothing to ask"
    elif not table.rows and refused and not any(result.over for result in table.units):
        state = "refused" if all(gap.kind == "refused" for gap in refused) else "gaps"
    elif gaps:
        state = "gaps"
    return TableReport(
        name=ask.table,
        title=ask.title,
        endpoint=ask.endpoint.label,
        state=state,
        lists=len(every),
        windows=windows,
        rows=table.rows,
        splits=splits,
        full=full,
        repeated=table.twice,
        oldest=None if table.oldest_ms is None else iso(table.oldest_ms),
        newest=None if table.newest_ms is None else iso(table.newest_ms),
        read_back_to=None if whole_from is None else iso(whole_from),
        gaps=gaps,
        text_columns=table.wide,
        unknown_fields=table.unknown,
    )


def _unnamed(ask: Ask, source: Source) -> list[Gap]:
    """Where the lists that name what to ask for could not be read: nobody knows what was not asked."""
    gaps: list[Gap] = []
    for other in ASKS:
        if other.table not in NAMED_BY.get(ask.table, ()):
            continue
        for line in lines(other, source.found, source.head):
            done = source.journal.done.get(line.units[0].id)
            if done is not None and done.state != "done":
                told = f" ({done.reason})" if done.reason else ""
                gaps.append(
                    Gap(
                        kind=done.state, asked={}, code=done.code,
                        reason=f"not all was asked: {other.table}, which names what to ask for, was not read{told}",
                    )
                )  # fmt: skip
                break
    return gaps


def _said(params: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items()}


def _gaps(ask: Ask, result: UnitResult, done: Done | None) -> list[Gap]:
    unit = result.unit
    asked = _said(unit.params)
    if result.over:
        if covered(result.asked):
            return []
        return [_unproven(ask, asked, record) for record in _open(result.asked)]
    first = "" if unit.first_ms is None else iso(unit.first_ms)
    last = "" if unit.last_ms is None else iso(unit.last_ms)
    if done is None:
        return [Gap(kind="failed", asked=asked, first=first, last=last, reason="not finished yet")]
    if done.state == "done":  # the journal says more than the replies show
        return [
            Gap(
                kind="failed",
                asked=asked,
                first=first,
                last=last,
                reason="kept replies are missing; run again",
            )
        ]
    code = result.code if result.code is not None else done.code
    return [
        Gap(
            kind=done.state, asked=asked, first=first, last=last, code=code,
            reason=result.reason or done.reason,
        )
    ]  # fmt: skip


def _open(asked: Sequence[Asked]) -> list[Asked]:
    return [record for record in asked if not record.complete and not record.split]


def _unproven(ask: Ask, asked: dict[str, str], record: Asked) -> Gap:
    unit: int = getattr(ask.plan, "unit", 1)
    timed = isinstance(ask.plan, Windowed)
    return Gap(
        kind="unproven",
        asked=asked,
        first=iso(record.first * unit) if timed else str(record.first),
        last=iso((record.last + 1) * unit - 1) if timed else str(record.last),
        reason=f"{record.rows} rows came, as many as a reply can have, and it cannot be asked for in smaller "
        f"pieces: there may be more",
    )


def as_json(report: ArchiveReport) -> bytes:
    """The report for programs."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


_MOST_GAPS: Final = 20


def as_markdown(report: ArchiveReport) -> str:
    """The report for people."""
    whole = sum(table.state == "whole" for table in report.tables)
    unread = [table for table in report.tables if table.state in ("gaps", "refused")]
    out = [
        "# Account archive",
        "",
        f"{report.rows:,} rows in {len(report.tables)} tables, from {report.requests:,} replies of "
        f"{report.environment}. Read up to {_short(report.began)}, back to {_short(report.since)} where the "
        f"exchange answers so far back. What happens later is not in it: archive again, into another folder.",
        "",
        f"- Provably whole: {whole} tables.",
        f"- With gaps or refused: {len(unread)} tables; each gap is named below.",
        "- " + (
            "Nothing is left to ask." if report.finished
            else "**Not finished:** run the same command again to go on."
        ),
        *(
            ["- Refused lists are asked for again with `--retry-refused`, after the key got more rights, say."]
            if any(gap.kind == "refused" for table in unread for gap in table.gaps)
            else []
        ),
        f"- Contracts asked for finished orders: {report.symbols}.",
        "",
        "A list is whole when replies below their largest size cover all of its span, whatever the bounds of a "
        "window mean. It says nothing about rows the exchange itself no longer gives, nor about unfilled futures "
        "orders and margin loans of contracts and pairs that it no longer lists and nothing else names.",
        "",
        "| table | rows | oldest | newest | read back to | requests | full | split | state |",
        "|---|---:|---|---|---|---:|---:|---:|---|",
    ]  # fmt: skip
    out += [
        f"| {table.name} | {table.rows:,} | {_short(table.oldest)} | {_short(table.newest)} | "
        f"{_short(table.read_back_to)} | {table.windows:,} | {table.full:,} | {table.splits:,} | {table.state} |"
        for table in report.tables
    ]
    out += ["", "## Not read, or not provably", ""]
    if not unread:
        out.append("Nothing.")
    for table in unread:
        out += [f"### {table.name}", "", f"{table.title}: `{table.endpoint}`", ""]
        out += [f"- {_gap_line(gap)}" for gap in table.gaps[:_MOST_GAPS]]
        if len(table.gaps) > _MOST_GAPS:
            out.append(f"- and {len(table.gaps) - _MOST_GAPS} more, in report.json")
        out.append("")
    wide = [table for table in report.tables if table.text_columns]
    if wide:
        out += ["## Numbers kept as text in Parquet", ""]
        out += [f"- {table.name}: {', '.join(table.text_columns)}" for table in wide]
        out.append("")
    unknown = [table for table in report.tables if table.unknown_fields]
    if unknown:
        out += ["## Fields that this library does not know: only in `raw/`", ""]
        out += [f"- {table.name}: {', '.join(table.unknown_fields)}" for table in unknown]
        out.append("")
    out += ["## Not asked, and why nothing is missing for it", ""]
    out += [f"- `{name}`: {why}" for name, why in report.omitted.items()]
    out += [
        "",
        "## Files",
        "",
        "`raw/` has every reply as it came, `csv/` and `parquet/` its rows. `bitmart archive verify DIR` "
        "checks them against each other and against the hashes in `report.json`.",
        "",
    ]
    return "\n".join(out)


def _short(moment: str | None) -> str:
    return "" if moment is None else moment[:19].replace("T", " ")


def _gap_line(gap: Gap) -> str:
    what = ", ".join(f"{name}={value}" for name, value in gap.asked.items())
    span = f"{_short(gap.first)} to {_short(gap.last)}" if gap.first else ""
    where = " ".join(part for part in (what, span) if part)
    why = gap.reason
    if gap.code is not None:
        fact = fact_of(gap.code, None)
        why = f"Code {gap.code} {gap.reason}".strip() + f": {fact.meaning}. {ADVICE[fact.category]}"
    return f"{gap.kind}{': ' + where if where else ''}. {why}"
