"""How far an archive is: what is left, how fast it goes, and who is told.

The time left is reckoned from the exchange's rate limits and from what requests of a list have taken so
far. Stages follow one another, the lists of a stage share the places of the workers in their order, and
lists of one endpoint share its limit.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bitmart_async.archive.plan import Ask

__all__ = ["WORKERS", "ArchiveProgress", "Course", "seconds_left"]

WORKERS: Final = 6
"""Lists that are read at a time."""
_UNKNOWN: Final = 0.25
"""Seconds a request takes by the limits where nobody knows the limit: the client's own is 8 per 2 s."""
_SPAN: Final = 50
"""Requests of a list after which its pace forgets older ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveProgress:
    """How far it is. Figures are of what is known now: full windows and new symbols add to them."""

    phase: Literal["reading", "writing"]
    requests: int
    """Made so far, by this run."""
    left: int
    """Requests that are left at least."""
    seconds_left: float
    """What these take at the exchange's rate limits and the speed seen so far."""
    rows: int
    """Read so far, by this run."""
    doing: tuple[str, ...]
    """Tables that are read or written now."""
    waiting: str = ""
    """Why nothing moves for a while, if it is known; else empty."""
    table: str = ""
    """The list this call is about; empty when it is about none."""
    event: Literal["", "begun", "finished", "refused", "failed"] = ""
    """What became of that list: ``refused`` when the exchange refused a part of it or answered what nobody can
    read, ``failed`` when a part got no answer."""
    table_requests: int = 0
    """Made for that list so far, by this run."""
    table_rows: int = 0
    """Of that list so far, by this run."""
    reason: str = ""
    """Of ``refused`` and ``failed``: the first reason."""


@dataclass(slots=True)
class _List:
    """What this run did about one list."""

    left: int = 0
    requests: int = 0
    rows: int = 0
    pace: float = 0.0
    """Seconds of a request, the wait for the rate limit included."""
    timed: int = 0
    refused: str = ""
    failed: str = ""


@dataclass(slots=True)
class Course:
    """The course of one run, and telling it."""

    asks: Sequence[Ask]
    tell: Callable[[ArchiveProgress], None] | None
    _lists: dict[str, _List] = field(default_factory=lambda: defaultdict(_List))
    _doing: dict[str, None] = field(default_factory=dict[str, None])

    def left_of(self, table: str) -> int:
        """Requests a list has left at least."""
        return self._lists[table].left

    def set_left(self, table: str, left: int) -> None:
        """So many requests are left of a list."""
        self._lists[table].left = left

    @property
    def left(self) -> int:
        """Requests that are left at least."""
        return sum(one.left for one in self._lists.values())

    def timed(self, table: str, seconds: float) -> None:
        """A request of a list took so long."""
        one = self._lists[table]
        one.timed += 1
        one.pace += (seconds - one.pace) / min(one.timed, _SPAN)

    # Telling

    def begun(self, table: str) -> None:
        """A list is taken up."""
        self._doing[table] = None
        one = self._lists[table]
        one.refused = one.failed = ""
        self._say(table=table, event="begun")

    def ended(self, table: str) -> None:
        """A list is over, whole or not."""
        self._doing.pop(table, None)
        one = self._lists[table]
        if one.failed:
            self._say(table=table, event="failed", reason=one.failed)
        elif one.refused:
            self._say(table=table, event="refused", reason=one.refused)
        else:
            self._say(table=table, event="finished")

    def dropped(self, table: str) -> None:
        """A list is left in the middle: the run ends."""
        self._doing.pop(table, None)

    def replied(self, table: str, rows: int) -> None:
        """A reply of a list with so many new rows is kept."""
        one = self._lists[table]
        one.requests += 1
        one.rows += rows
        self._say(table=table)

    def missed(self, table: str, state: Literal["refused", "failed"], reason: str) -> None:
        """A piece of a list could not be read; told when the list is over."""
        one = self._lists[table]
        if state == "failed":
            one.failed = one.failed or reason
        else:
            one.refused = one.refused or reason

    def waits(self, table: str, why: str) -> None:
        """A list waits."""
        self._say(table=table, waiting=why)

    def writes(self, table: str) -> None:
        """A table is written."""
        self._say(phase="writing", table=table)

    def _say(
        self,
        *,
        phase: Literal["reading", "writing"] = "reading",
        table: str,
        event: Literal["", "begun", "finished", "refused", "failed"] = "",
        waiting: str = "",
        reason: str = "",
    ) -> None:
        if self.tell is None:
            return
        reading = phase == "reading"
        one = self._lists[table]
        self.tell(
            ArchiveProgress(
                phase=phase,
                requests=sum(each.requests for each in self._lists.values()),
                left=self.left if reading else 0,
                seconds_left=self._seconds_left() if reading else 0.0,
                rows=sum(each.rows for each in self._lists.values()),
                doing=tuple(self._doing) if reading else (table,),
                waiting=waiting,
                table=table,
                event=event,
                table_requests=one.requests,
                table_rows=one.rows,
                reason=reason,
            )
        )

    def _seconds_left(self) -> float:
        left = {table: one.left for table, one in self._lists.items()}
        paces = {table: one.pace for table, one in self._lists.items() if one.timed}
        return seconds_left(self.asks, left, paces)


def seconds_left(asks: Sequence[Ask], left: Mapping[str, int], paces: Mapping[str, float]) -> float:
    """How long so many requests of each list take. Pure.

    Args:
        left: Requests by table.
        paces: Seconds a request of a table has taken, where some have been made.
    """
    usual = min(paces.values(), default=0.0)
    stages: dict[int, list[Ask]] = defaultdict(list)
    for ask in asks:
        if left.get(ask.table, 0):
            stages[ask.stage].append(ask)
    total = 0.0
    for stage in stages.values():
        places = [0.0] * WORKERS
        shared: dict[str, float] = defaultdict(float)
        for ask in stage:
            quota = ask.endpoint.quota
            by_limit = _UNKNOWN if quota is None else quota.per / quota.requests
            takes = left[ask.table] * max(by_limit, paces.get(ask.table, usual))
            shared[ask.endpoint.label] += takes
            heapq.heapreplace(places, places[0] + takes)
        total += max(*places, *shared.values())
    return total
