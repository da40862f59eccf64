"""The pieces an archive is read in. Pure.

A line is one list as it is asked for: a table, what is sent along, and one value of the parameter it
is repeated for. A list that reaches back in time is cut into spans at fixed dates, so that two archives
of one account cut it alike; a unit is one span, or the whole of a list that has no time. Spans are a day
shorter than the sixty or ninety days the exchange answers at a time: windows are asked for a little
wider than they are, so that a span of ninety days would take two requests. Units of a line are asked
newest first: what is young is safe first, and a refusal of what is too old ends the line without hurting
the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from bitmart_async.rest.history import Windowed
from bitmart_async.rest.pages import Paged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.archive.journal import Head
    from bitmart_async.archive.plan import Ask, Found
    from bitmart_async.rest.history import Reading

__all__ = ["Line", "Unit", "lines", "windows_left"]

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One piece: finished or not, never half."""

    id: str
    """Names it in journal and raw files."""
    ask: Ask
    params: Mapping[str, object]
    first_ms: int | None
    """Its span, Unix ms, both ends included; None for a list without time."""
    last_ms: int | None

    def begin(self, head: Head) -> Reading[object, object]:
        """Start to read it from the first request on."""
        plan = self.ask.plan
        unit: int = getattr(plan, "unit", 1)
        start = None if self.first_ms is None else -(-self.first_ms // unit)
        end = None if self.last_ms is None else self.last_ms // unit
        if isinstance(plan, Paged) and start is not None and end is not None and not self.ask.sums:
            # Nobody knows whether bounds count in. What comes twice is sorted out by ids, or where rows
            # have none by counting equal rows of two spans that follow one another.
            start, end = max(0, start - (plan.key is not None)), end + 1
        return plan.begin(dict(self.params), start, end, now_ms=head.began_ms, incomplete="report")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One list as it is asked for: its units, the newest first."""

    ask: Ask
    params: Mapping[str, object]
    value: str
    """Of the parameter it is repeated for; empty without one."""
    units: list[Unit] = field(default_factory=list[Unit])


def lines(ask: Ask, found: Found, head: Head) -> list[Line]:
    """Every line of a table, from what was found so far; always in the same order."""
    values = sorted(ask.values(found)) if ask.values is not None else [""]
    made: list[Line] = []
    for value in values:
        for fixed in ask.fixed:
            params = dict(fixed) if ask.over is None else {ask.over: value, **fixed}
            made.append(Line(ask=ask, params=params, value=value, units=_units(ask, params, head)))
    return made


def _units(ask: Ask, params: Mapping[str, object], head: Head) -> list[Unit]:
    name = f"{ask.table}?{urlencode({key: str(value) for key, value in params.items()})}"
    if not ask.spans and not ask.full_range:
        return [Unit(id=name, ask=ask, params=params, first_ms=None, last_ms=None)]
    edges: list[tuple[int, int]] = []
    if ask.full_range:
        edges.append((head.since_ms, head.began_ms))
    else:
        last, span = head.began_ms, (ask.span_days - head.shorter_days) * _DAY_MS
        while last >= head.since_ms:
            first = max(last // span * span, head.since_ms)
            edges.append((first, last))
            last = first - 1
    return [
        Unit(id=f"{name}#{first}-{last}", ask=ask, params=params, first_ms=first, last_ms=last)
        for first, last in edges
    ]


def windows_left(unit: Unit, place_ms: int | None = None) -> int:
    """How many requests a unit takes at least, from a moment on when it has begun."""
    plan = unit.ask.plan
    if not isinstance(plan, Windowed) or unit.first_ms is None or unit.last_ms is None:
        return 1
    width: int = plan.span(unit.params) - 2 * plan.unit  # one further out on either side is asked for
    first = unit.first_ms if place_ms is None else place_ms
    return max(1, -(-(unit.last_ms - first + 1) // width))
