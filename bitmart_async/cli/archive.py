"""``bitmart archive`` and ``bitmart archive verify``: progress, a summary, the right exit code."""

from __future__ import annotations

import errno
import sys
import time
from typing import TYPE_CHECKING, Literal

import msgspec
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bitmart_async.archive import Archive, Damaged, verify_archive
from bitmart_async.archive.columns import iso
from bitmart_async.archive.journal import read_head
from bitmart_async.archive.report import as_json
from bitmart_async.cli.archive_lines import ArchiveLines
from bitmart_async.cli.log import Log, duration, whoever_reads
from bitmart_async.cli.stopping import in_thread
from bitmart_async.cli.where import the_place
from bitmart_async.errors import CredentialsMissing
from bitmart_async.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console

    from bitmart_async.archive import ArchiveProgress, ArchiveReport, Verification
    from bitmart_async.cli.where import Where

__all__ = ["run", "verify"]


class DamagedArchive(OSError):
    """A kept reply is not as it was received."""


_SANDBOX_DAYS = 60
_SHOWN = 12
_NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_WAIT_SHOWN = 60
"""Characters of a reason to wait, on a terminal."""


async def run(
    console: Console,
    where: Where,
    out: Path,
    *,
    since: datetime | None,
    symbols: Literal["all", "touched"] | None,
    retry_refused: bool,
    as_report: bool,
) -> int:
    """Archive an account; returns the exit code."""
    async with the_place(where, console, keys=True) as place:
        if place.credentials is None:
            raise CredentialsMissing("an archive needs credentials")
        back: int | None = None if since is None else int(since.timestamp() * 1000)
        if where.sandbox and back is None:
            known = read_head(out)
            back = known.since_ms if known else int(time.time() - _SANDBOX_DAYS * 86_400) * 1000
        if console.is_terminal or as_report:
            shown: _Screen | _Lines = _Screen(console, quiet=as_report)
        else:
            shown = _Lines(console, place.environment.name, out)
        with shown as screen:
            try:
                report = await Archive(
                    out,
                    credentials=place.credentials,
                    environment=place.environment,
                    since=back,
                    symbols=symbols,
                    retry_refused=retry_refused,
                    rate_limits=place.rate_limits,
                    on_progress=screen.update,
                ).run()
            except Damaged as damage:
                raise DamagedArchive(
                    f"{damage}\nA file below {out / 'raw'} was changed. Move that one file away and run the same "
                    f"command again: what it held is asked for anew, as far as the exchange still gives it."
                ) from None
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                raise OSError(
                    f"{error}. What was read is kept in {out}: when its disk takes more, the same command goes on."
                ) from None
    if as_report:
        sys.stdout.write(as_json(report).decode())
    else:
        with whoever_reads():
            _summary(console, report, out)
    return 0 if report.finished else 1


class _Lines:
    """A log: where nobody looks at a terminal."""

    def __init__(self, console: Console, environment: str, out: Path) -> None:
        self._log = Log(console, quiet=False)
        self._lines = ArchiveLines()
        head = read_head(out)
        goes_on = "" if head is None else f", going on with what was begun at {iso(head.began_ms)[:19]}Z"
        self._log.say(f"archive of {environment} in {out}{goes_on}")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def update(self, now: ArchiveProgress) -> None:
        """Say what is new."""
        self._log.lines(self._lines.take(now, time.time()))


class _Screen:
    """One line that moves while the archive is read and written."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=quiet,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> _Screen:
        self._progress.start()
        self._task = self._progress.add_task("Reading", total=None, count="", left="")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, now: ArchiveProgress) -> None:
        """Show how far it is."""
        assert self._task is not None, "entered before it is used"
        if now.phase == "writing":
            self._progress.update(
                self._task, description="Writing tables", total=None, count=f"{now.rows:,} rows", left=""
            )
            return
        total = now.requests + now.left
        ahead = f"{duration(now.seconds_left)} or more left" if now.left else ""
        self._progress.update(
            self._task,
            description="Reading",
            total=total,
            completed=now.requests,
            count=f"{now.requests:,}/{total:,} requests, {now.rows:,} rows,",
            left=one_line(now.waiting, _WAIT_SHOWN) or ahead,
        )


def _summary(console: Console, report: ArchiveReport, out: Path) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("table", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("oldest")
    table.add_column("newest")
    table.add_column("")
    for row in report.tables:
        if not row.rows and row.state != "refused":
            continue
        colour = {"whole": "green", "gaps": "yellow", "refused": "red"}.get(row.state, "dim")
        table.add_row(
            row.name,
            f"{row.rows:,}",
            (row.oldest or "")[:10],
            (row.newest or "")[:10],
            Text("" if row.state == "whole" else row.state, style=colour),
        )
    console.print(table)
    empty = sum(not row.rows and row.state != "refused" for row in report.tables)
    console.print(f"and {empty} tables without rows\n", style="dim")
    gaps = [(row, gap) for row in report.tables for gap in row.gaps]
    for row, gap in gaps[:_SHOWN]:
        said = ", ".join(f"{name}={value}" for name, value in gap.asked.items())
        code = "" if gap.code is None else f"code {gap.code}: "
        line = f"{gap.kind}  {row.name} {said} {gap.first[:10]}  {code}{gap.reason}"
        console.print(Text(" ".join(line.split()), style="yellow"), soft_wrap=not console.is_terminal)
    if len(gaps) > _SHOWN:
        console.print(f"and {len(gaps) - _SHOWN} more, in REPORT.md", style="yellow")
    proven = "every list that was not refused is provably whole" if report.proven else "see the gaps above"
    console.print(
        f"{report.rows:,} rows from {report.requests:,} replies of {report.environment}; {proven}.",
        highlight=False,
        soft_wrap=not console.is_terminal,
    )
    if report.finished:
        console.print(
            f"Everything up to {report.began[:19].replace('T', ' ')} UTC was asked for. For what happens later, "
            f"archive into another folder.",
            highlight=False,
            soft_wrap=not console.is_terminal,
        )
        console.print(f"Report: {out / 'REPORT.md'}\nCheck it: bitmart archive verify {out}", soft_wrap=True)
    else:
        console.print("[bold red]Not finished:[/] some lists got no answer. Run the same command again.")


async def verify(console: Console, path: Path, *, as_report: bool) -> int:
    """Check an archive; returns the exit code."""
    with Progress(
        SpinnerColumn(),
        TextColumn("Checking {task.fields[table]}"),
        console=console,
        disable=as_report or not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task("", table="")

        def work(go_on: Callable[[], None]) -> Verification:
            def tell(table: str) -> None:
                go_on()
                progress.update(task, table=table)

            return verify_archive(path, tell)

        found = await in_thread(work)
    if as_report:
        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode({"ok": found.ok, **_told(found)}), indent=2).decode()
            + "\n"
        )
        return 0 if found.ok else 1
    for problem in found.problems:
        console.print(Text(problem, style="red"))
    for gap in found.gaps:
        console.print(Text(f"known gap: {gap}", style="yellow"))
    console.print(
        f"{found.tables} tables, {found.rows:,} rows, {found.replies:,} replies, {found.files} files: "
        + ("as they were made." if found.ok else f"[bold red]{len(found.problems)} problems.[/]")
    )
    return 0 if found.ok else 1


def _told(found: object) -> dict[str, object]:
    names = ("tables", "rows", "replies", "files", "problems", "gaps")
    return {name: getattr(found, name) for name in names}
