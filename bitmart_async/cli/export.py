"""``bitmart export``: a recording as tables."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bitmart_async import export_recording
from bitmart_async.archive.raw import Damaged
from bitmart_async.cli.replay import SALVAGE, tell_damage
from bitmart_async.cli.stopping import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import Console

    from bitmart_async import ExportReport

__all__ = ["export"]


async def export(
    console: Console,
    path: Path,
    out: Path,
    *,
    topics: Sequence[str],
    csv: bool,
    salvage: bool,
    as_json: bool,
) -> int:
    """Write the tables; returns the exit code."""
    with Progress(
        SpinnerColumn(),
        TextColumn("Exporting, {task.fields[frames]:,} frames read"),
        TimeElapsedColumn(),
        console=console,
        disable=as_json or not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=None, frames=0)

        def work(go_on: Callable[[], None]) -> ExportReport:
            def tell(frames: int) -> None:
                go_on()
                progress.update(task, frames=frames)

            chosen = list(topics) or None
            return export_recording(path, out, topics=chosen, csv=csv, salvage=salvage, on_progress=tell)

        try:
            report = await in_thread(work)
        except OSError as error:
            raise OSError(f"{error}. No table in {out} was made or replaced.") from None
        except Damaged as damage:
            raise Damaged(f"{damage}. {SALVAGE}") from None
    code = 1 if report.damaged else 0
    if as_json:
        console.file.write(json.dumps(asdict(report)) + "\n")
        return code
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("table", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("")
    for name, rows in sorted(report.rows.items()):
        wide = report.wide.get(name)
        table.add_row(name, f"{rows:,}", f"text, too many digits: {', '.join(wide)}" if wide else "")
    console.print(table)
    if report.unreadable:
        console.print(
            Text(
                f"{report.unreadable:,} frames cannot be decoded; only the recording has them", style="yellow"
            )
        )
    tell_damage(console, report.damaged)
    kinds = "Parquet and CSV" if csv else "Parquet"
    console.print(f"{report.frames:,} frames as {kinds} in {out}", soft_wrap=True)
    return code
