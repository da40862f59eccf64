"""Long lists, read in pieces: which piece to ask for next, and when all of it is there. Pure, no I/O.

The exchange has no cursors. A list takes a time window (or a page number), answers at most so many
rows, and drops the others without a word. Whether the bounds of a window are included is documented
nowhere. So:

**One window at a time, oldest first.** The range asked for is cut into units, the endpoint's own
seconds or milliseconds. A window of whole units ``first..last`` is asked for with one unit more on
either side, so that its rows come whatever the bounds mean; rows of the neighbours are left to the
neighbours. A reply below the cap is everything. A full one may have lost rows: its rows are
discarded and a window half as wide is asked for. Thin replies widen the next window again.

**A single unit that comes back full** is asked for with tighter bounds, ``(u, u+1)``, ``(u-1, u)`` and
``(u, u)``. What these prove depends on the meaning of the bounds, of which nine are possible; every
row seen so far near a bound has ruled some out. The unit is complete when, under each meaning that
is left, replies below the cap cover all of it. If that cannot be shown: :class:`HistoryIncomplete`.

**Order and identity.** Rows come by their time, ascending; equal times by id, ascending; rows without
an id in the order of the exchange, oldest first. Each comes once: by its id, or, where there is none,
as often as one reply showed it. A row whose own time lies outside what was asked shows that the
exchange filters by another time than the row's (its last change, perhaps): it is given with the
window that brought it, once, rather than lost.

**New rows** that appear while reading may or may not be given; those that were there at the start are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, Literal, Protocol, TypeAlias, TypeVar, cast

from bitmart_async.errors import HistoryIncomplete, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bitmart_async.rest.endpoint import Endpoint

__all__ = [
    "MAX_REQUESTS", "Asked", "Incomplete", "Length", "Plan", "Progress", "Reading", "Windowed", "as_is",
    "candles", "covered", "days",
]  # fmt: skip

T = TypeVar("T")
RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)

Incomplete: TypeAlias = Literal["raise", "report"]
"""When rows cannot be had: raise HistoryIncomplete, or give what came, note it in ``asked`` and go on."""

Length: TypeAlias = "Callable[[Mapping[str, object]], int]"
"""A length of time in ms, which may depend on the call's parameters."""

MAX_REQUESTS: Final = 10_000
DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_OPENED_MS: Final = 1_483_228_800_000  # 2017-01-01: before the exchange existed
_MS_FROM: Final = 100_000_000_000  # smaller numbers are seconds, larger ones milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request of an iterator and what came of it.

    A range was read completely when the ``first..last`` of the records with ``complete`` fill it.
    """

    first: int
    """The part of the range it was for, in the endpoint's unit: first second or ms; page number."""
    last: int
    """Its last second or ms, included; page number."""
    start: int
    """The bounds as sent: one unit wider than the part, because their meaning is undocumented."""
    end: int
    rows: int
    """Rows of the reply."""
    full: bool
    """As many rows as a reply can have: there may be more."""
    split: bool
    """The part was asked for again, narrower."""
    complete: bool
    """With this reply every row of ``first..last`` was in hand."""
    refused: bool = False
    """The exchange refused the width of the window."""


class Progress(Protocol):
    """How far the reading of a list is."""

    @property
    def asked(self) -> Sequence[Asked]:
        """Every request so far."""
        ...

    @property
    def params(self) -> Mapping[str, object] | None:
        """Parameters of the next request; None when the list is read."""
        ...

    @property
    def place(self) -> tuple[int, int]:
        """The part of the range that is read now."""
        ...


class Reading(Progress, Protocol[T_contra, RowT_co]):
    """A list being read: what to ask next, fed with the replies."""

    def take(self, data: T_contra) -> Sequence[RowT_co]:
        """The reply to ``params``; returns the rows that are certain now. Raises HistoryIncomplete."""
        ...

    def refuse(self, code: int) -> bool:
        """The exchange refused ``params``; whether a narrower request may help."""
        ...


class Plan(Protocol[T, RowT_co]):
    """How one endpoint's list is read. One constant per endpoint."""

    @property
    def endpoint(self) -> Endpoint[T]:
        """What is called."""
        ...

    def begin(
        self,
        given: Mapping[str, object],
        start: int | None,
        end: int | None,
        *,
        now_ms: int,
        incomplete: Incomplete,
    ) -> Reading[T, RowT_co]:
        """Start to read. Raises ParameterError when the range makes no sense."""
        ...


def as_is(data: list[RowT]) -> list[RowT]:
    """For replies that are the list itself."""
    return data


def days(count: int) -> Length:
    """So many days."""
    return lambda _: count * DAY_MS


def candles(count: int) -> Length:
    """So many candles of the length asked for with ``step``."""

    def length(given: Mapping[str, object]) -> int:
        step = given.get("step")
        return count * (int(step) if isinstance(step, int) else 1) * 60_000

    return length


# Time windows ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowed(Generic[T, RowT]):
    """A list that takes a time window.

    Args:
        rows: The rows of a reply.
        at: A row's time, Unix ms: the time the exchange filters by.
        key: A row's id; None where rows have none.
        unit: ms in one unit of the bounds: 1000 where they are seconds, 1 where they are ms.
        cap: Most rows of a reply; sent as ``size``, where the endpoint has such a parameter.
        doubts: Smaller caps that some source claims: replies of exactly so many rows count as full.
        span: Widest window that may be asked for.
        lookback: How far back to begin when no start is given.
        equal_bounds: Whether start may equal end.
        too_wide: Codes by which the exchange refuses the width of a window.
        exact: The exchange is known to filter by ``at``: rows outside the window are padding.
    """

    endpoint: Endpoint[T]
    rows: Callable[[T], Sequence[RowT]]
    at: Callable[[RowT], int | None]
    key: Callable[[RowT], Hashable] | None
    unit: int
    cap: int
    span: Length
    lookback: Length
    start: str = "start_time"
    end: str = "end_time"
    size: str | None = None
    doubts: tuple[int, ...] = ()
    equal_bounds: bool = True
    too_wide: frozenset[int] = frozenset()
    exact: bool = False

    def begin(
        self,
        given: Mapping[str, object],
        start: int | None,
        end: int | None,
        *,
        now_ms: int,
        incomplete: Incomplete,
    ) -> Windows[T, RowT]:
        """Start to read; see :class:`Plan`."""
        first, last = self._range(given, start, end, now_ms)
        params = dict(given)
        cap = self.cap
        if self.size is not None:
            wanted = params.get(self.size)
            if isinstance(wanted, int) and 0 < wanted < cap:
                cap = wanted
            params[self.size] = cap if wanted is None else wanted
        return Windows(
            self,
            params,
            first,
            last,
            cap=cap,
            span=max(3, self.span(given) // self.unit),
            incomplete=incomplete,
        )

    def _range(
        self, given: Mapping[str, object], start: int | None, end: int | None, now_ms: int
    ) -> tuple[int, int]:
        label = self.endpoint.label
        seconds = self.unit == 1000
        for name, value in ((self.start, start), (self.end, end)):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(cast("object", value), int) or value < 0:
                raise ParameterError(
                    f"{label}: {name}={value!r}: must be a whole number, Unix "
                    f"{'seconds' if seconds else 'milliseconds'}",
                    endpoint=label,
                )
            if seconds and value > _MS_FROM:
                raise ParameterError(
                    f"{label}: {name}={value} looks like milliseconds; this endpoint takes Unix seconds",
                    endpoint=label,
                )
            if not seconds and 0 < value < _MS_FROM:
                raise ParameterError(
                    f"{label}: {name}={value} looks like seconds; this endpoint takes Unix milliseconds",
                    endpoint=label,
                )
        last = now_ms // self.unit if end is None else min(end, (now_ms + DAY_MS) // self.unit)
        first = last - self.lookback(given) // self.unit if start is None else start
        if first > last:
            raise ParameterError(
                f"{label}: {self.start}={first} must not be later than {self.end}={last}"
                f"{'' if end is not None else ' (now)'}",
                endpoint=label,
            )
        return max(first, min(last, _OPENED_MS // self.unit)), last


@dataclass(slots=True)
class _Unit:
    """A single unit whose reply was full, and what was tried since."""

    untried: list[tuple[int, int]]
    whole: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Bounds whose replies were below the cap."""


class Windows(Generic[T, RowT]):
    """Reads one range window by window. A state machine: ``params``, then ``take`` or ``refuse``."""

    def __init__(
        self,
        plan: Windowed[T, RowT],
        params: Mapping[str, object],
        first: int,
        last: int,
        *,
        cap: int,
        span: int,
        incomplete: Incomplete,
    ) -> None:
        self._plan = plan
        self._params = params
        self._from, self._last = first, last
        self._caps = (cap, *(doubt for doubt in plan.doubts if doubt < cap))
        self._first = first  # where the window begins that is asked for now
        self._widest = span - 2  # units; the bounds lie one further out on either side
        self._width = self._widest
        self._fences = [last]  # ends of full windows: what crowds them lies before, so none is crossed
        self._report = incomplete == "report"
        self._unit: _Unit | None = None
        self._rows: _Collected[RowT] = _Collected(plan)
        self._recent: list[tuple[int, set[Hashable]]] = []  # end and keys of replies that overlap what comes
        # What the bounds may mean, in pieces: a unit is its first instant and the rest of it.
        # start: 0 from the first instant, 1 from behind it, 2 from the next unit.
        # end: 0 through the whole unit, 1 through its first instant, 2 before it.
        fine = plan.unit == 1  # a unit is one instant, so the middle meanings fall away
        self._starts = {0, 2} if fine else {0, 1, 2}
        self._ends = {0, 2} if fine else {0, 1, 2}
        self._pieces = (0,) if fine else (0, 1)
        self.asked: list[Asked] = []

    @property
    def place(self) -> tuple[int, int]:
        """The window that is read now, in the endpoint's unit, both ends included."""
        return self._first, min(self._first + self._width - 1, self._fences[-1])

    def _bounds(self) -> tuple[int, int]:
        if self._unit is not None:
            return self._unit.untried[0]
        first, last = self.place
        return max(0, first - 1), last + 1

    @property
    def params(self) -> Mapping[str, object] | None:
        """Parameters of the next request; None at the end."""
        if self._first > self._last:
            return None
        start, end = self._bounds()
        return {**self._params, self._plan.start: start, self._plan.end: end}

    def take(self, data: T) -> Sequence[RowT]:
        """The reply to ``params``; returns rows that are complete now."""
        rows = self._plan.rows(data)
        first, last = self.place
        start, end = self._bounds()
        full = len(rows) >= self._caps[0] or len(rows) in self._caps
        self._learn(rows, start, end)
        if self._unit is None and not full:
            self._rows.add(rows)
            self._note(len(rows), full=False)
            return self._finish(start, end, len(rows))
        if last > first:
            self._note(len(rows), full=True, split=True)
            self._width = (last - first + 2) // 2
            if last < self._fences[-1]:
                self._fences.append(last)
            return ()
        return self._take_unit(rows, start, end, full=full)

    def _take_unit(self, rows: Sequence[RowT], start: int, end: int, *, full: bool) -> Sequence[RowT]:
        """A reply to one of the requests for a single unit."""
        at = self._first
        if self._unit is None:
            tries = [(at, at + 1), (max(0, at - 1), at), (at, at)]
            self._unit = _Unit(tries if self._plan.equal_bounds else tries[:2])
        else:
            self._unit.untried.pop(0)
        self._rows.add(rows)
        if not full:
            self._unit.whole.append((start, end))
        proven = self._proven(at, self._unit.whole)
        over = proven or not self._unit.untried
        self._note_bounds(start, end, len(rows), full=full, split=not over, complete=proven)
        if not over:
            return ()
        self._unit = None
        if not proven and not self._report:
            most = self._rows.clear()
            what = "second" if self._plan.unit == 1000 else "millisecond"
            raise HistoryIncomplete(
                f"{self._plan.endpoint.label}: the {what} {at} holds more rows than one reply can "
                f"have ({self._caps[0]}), so that some cannot be read; {most} came. All before it was given. "
                f"Narrow the call with its filters, or pass incomplete='report' to go on with the rows that "
                f"come.",
                endpoint=self._plan.endpoint.label,
                window=(at, at),
                rows=most,
            )
        return self._finish(max(0, at - 1), at + 1, self._caps[0])

    def refuse(self, code: int) -> bool:
        """The exchange refused the window; True when a narrower one is tried."""
        first, last = self.place
        width = last - first + 1
        if code not in self._plan.too_wide or width * self._plan.unit <= _HOUR_MS:
            return False
        start, end = self._bounds()
        self.asked.append(
            Asked(
                first=first,
                last=last,
                start=start,
                end=end,
                rows=0,
                full=False,
                split=True,
                complete=False,
                refused=True,
            )
        )
        self._width = self._widest = (width + 1) // 2
        return True

    # What the bounds mean

    def _piece(self, row: RowT) -> int | None:
        at = self._plan.at(row)
        if at is None:  # a blank where a time belongs
            return None
        unit, rest = divmod(at, self._plan.unit)
        return 2 * unit + (1 if rest else 0)

    def _learn(self, rows: Iterable[RowT], start: int, end: int) -> None:
        """A row close to a bound rules out the meanings under which it would not have come."""
        near = [
            piece
            for piece in map(self._piece, rows)
            if piece is not None and 2 * start <= piece <= 2 * end + 1
        ]
        if not near:
            return
        lowest, highest = min(near), max(near)
        self._starts = {meaning for meaning in self._starts if 2 * start + meaning <= lowest} or self._starts
        self._ends = {meaning for meaning in self._ends if highest <= 2 * end + 1 - meaning} or self._ends

    def _proven(self, at: int, whole: Sequence[tuple[int, int]]) -> bool:
        """Whether replies below the cap cover all of a unit, whatever the bounds mean."""
        return all(
            any(2 * start + low <= 2 * at + piece <= 2 * end + 1 - high for start, end in whole)
            for low in self._starts
            for high in self._ends
            for piece in self._pieces
        )

    # A finished window

    def _finish(self, start: int, end: int, count: int) -> Sequence[RowT]:
        first, last = self.place
        self._recent = [(until, keys) for until, keys in self._recent if until >= start]
        seen = [keys for _, keys in self._recent]
        kept: list[RowT] = []
        keys: set[Hashable] = set()
        for key, row in self._rows.items():
            place = self._plan.at(row)
            unit = None if place is None else place // self._plan.unit
            inside = unit is not None and first <= unit <= last
            if not inside and not self._stray(unit, start, end):
                continue
            keys.add(key)
            if inside or not any(key in earlier for earlier in seen):
                kept.append(row)
        self._rows.clear()
        self._recent.append((end, keys))
        self._first = last + 1
        while len(self._fences) > 1 and self._fences[-1] <= last:
            self._fences.pop()
        for factor in (8, 2):
            if factor * count < self._caps[0]:
                self._width = min(factor * self._width, self._widest)
                break
        return _in_order(kept, self._plan)

    def _stray(self, unit: int | None, start: int, end: int) -> bool:
        """Whether a row outside the window is to be kept, because no other window would bring it."""
        if self._plan.exact:
            return False
        if unit is None or unit < start or unit > end:
            return True  # not even in what was asked for: the exchange filters by another time
        return self._from <= unit < self._first  # came too late for the window before, or as above

    def _note(self, rows: int, *, full: bool, split: bool = False) -> None:
        self._note_bounds(*self._bounds(), rows, full=full, split=split, complete=not full)

    def _note_bounds(
        self, start: int, end: int, rows: int, *, full: bool, split: bool, complete: bool
    ) -> None:
        first, last = self.place
        self.asked.append(
            Asked(
                first=first,
                last=last,
                start=start,
                end=end,
                rows=rows,
                full=full,
                split=split,
                complete=complete,
            )
        )


class _Collected(Generic[RowT]):
    """The rows of one window, from one reply or several, each as often as it is there."""

    def __init__(self, plan: Windowed[T, RowT]) -> None:
        self._key = plan.key
        self._by_key: dict[Hashable, list[RowT]] = {}

    def add(self, rows: Iterable[RowT]) -> None:
        if self._key is not None:
            for row in rows:
                self._by_key[self._key(row)] = [row]
            return
        copies = Counter[Hashable](repr(row) for row in rows)
        for row in rows:
            known = self._by_key.setdefault(repr(row), [])
            if len(known) < copies[repr(row)]:
                known.append(row)

    def items(self) -> list[tuple[Hashable, RowT]]:
        return [(key, row) for key, rows in self._by_key.items() for row in rows]

    def clear(self) -> int:
        count = sum(map(len, self._by_key.values()))
        self._by_key.clear()
        return count


def _in_order(rows: list[RowT], plan: Windowed[T, RowT]) -> list[RowT]:
    """Oldest first. Rows without an id keep the exchange's order, which is newest first, turned round."""
    key = plan.key
    if key is not None:
        rows.sort(key=lambda row: (plan.at(row) or 0, _rank(key(row))))
        return rows
    if len(rows) > 1 and (plan.at(rows[0]) or 0) >= (plan.at(rows[-1]) or 0):
        rows.reverse()
    rows.sort(key=lambda row: plan.at(row) or 0)
    return rows


def _rank(key: Hashable) -> list[tuple[int, str]]:
    """Sorts ids that are numbers as numbers."""
    parts = cast("tuple[Hashable, ...]", key) if isinstance(key, tuple) else (key,)
    return [(len(text), text) for text in map(str, parts)]


def covered(asked: Iterable[Asked]) -> bool:
    """Whether the requests together have every row of the range they began to read."""
    records = list(asked)
    whole = sorted((record.first, record.last) for record in records if record.complete)
    if not whole or whole[0][0] > min(record.first for record in records):
        return False
    reached = whole[0][1]
    for first, last in whole:
        if first > reached + 1:
            return False
        reached = max(reached, last)
    return reached >= max(record.last for record in records)
