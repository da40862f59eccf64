"""The course of an archive as lines of a log, for where nobody looks at a terminal. Pure: it is handed the time.

A line says when, in UTC. A list that is over within two seconds is one line, a longer one two. While lists are
read a line a minute says how far it is; waits are told when they begin, at most every ten seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bitmart_async.cli.log import duration, stamped
from bitmart_async.text import one_line

if TYPE_CHECKING:
    from bitmart_async.archive import ArchiveProgress

__all__ = ["ArchiveLines"]

_LONG: Final = 2.0
_EVERY: Final = 60.0
_WAITS_EVERY: Final = 10.0


class ArchiveLines:
    """Which lines an archive's progress makes."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}
        """Lists whose begin was not told yet, and when it was."""
        self._first: dict[str, tuple[int, int]] = {}
        """Requests and rows of a list when it was taken up this time."""
        self._told = 0.0
        self._waited = 0.0
        self._started = False
        self._writing = False

    def take(self, now: ArchiveProgress, at: float) -> list[str]:
        """The lines to print now; ``at`` is Unix seconds."""
        lines = [*self._overview(now, at), *self._late_begins(at)]
        if now.phase == "writing":
            if not self._writing:
                self._writing = True
                self._told = at
                lines.append(
                    f"everything is read: {now.requests:,} requests, {now.rows:,} rows; writing tables"
                )
            elif at - self._told >= _EVERY:
                self._told = at
                lines.append(f"writing {now.table}")
            return [stamped(line, at) for line in lines]
        if now.event == "begun":
            self._begun[now.table] = at
            self._first[now.table] = now.table_requests, now.table_rows
        elif now.event:
            lines += self._over(now)
        if now.waiting and at - self._waited >= _WAITS_EVERY:
            self._waited = at
            lines.append(f"waiting: {now.table}: {one_line(now.waiting)}")
        return [stamped(line, at) for line in lines]

    def _overview(self, now: ArchiveProgress, at: float) -> list[str]:
        if not self._started:
            self._started = True
            self._told = at
            return [f"{now.left:,} requests or more to make, {duration(now.seconds_left)} or more"]
        if now.phase == "writing" or at - self._told < _EVERY:
            return []
        self._told = at
        return [
            f"{now.requests:,} requests made, {now.left:,} or more left, {duration(now.seconds_left)} or more; "
            f"{now.rows:,} rows; reading {', '.join(now.doing)}"
        ]

    def _late_begins(self, at: float) -> list[str]:
        late = [table for table, begun in self._begun.items() if at - begun >= _LONG]
        for table in late:
            del self._begun[table]
        return [f"{table}: begun" for table in late]

    def _over(self, now: ArchiveProgress) -> list[str]:
        self._begun.pop(now.table, None)
        requests, rows = self._first.pop(now.table, (0, 0))
        requests, rows = now.table_requests - requests, now.table_rows - rows
        if not requests and now.event != "failed":
            return []  # read by an earlier run
        said = f"{now.table}: {_count(rows, 'row')} in {_count(requests, 'request')}"
        if now.event == "refused":
            return [f"{said}; a part was refused: {one_line(now.reason)}"]
        if now.event == "failed":
            return [f"{said}; a part got no answer: {one_line(now.reason)}"]
        return [f"{said}, finished"]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
