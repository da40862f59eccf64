"""``bitmart export``: a recording as tables."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bitmart_async import export_recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

__all__ = ["export"]


async def export(
    console: Console, path: Path, out: Path, *, topics: Sequence[str], csv: bool, as_json: bool
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
        report = await asyncio.to_thread(
            export_recording,
            path,
            out,
            topics=list(topics) or None,
            csv=csv,
            on_progress=lambda frames: progress.update(task, frames=frames),
        )
    if as_json:
        console.file.write(json.dumps(asdict(report)) + "\n")
        return 0
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
    kinds = "Parquet and CSV" if csv else "Parquet"
    console.print(f"{report.frames:,} frames as {kinds} in {out}", soft_wrap=True)
    return 0
