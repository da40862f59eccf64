"""Lists in numbered pages, and lists of one reply. Pure, as :mod:`bitmart_async.rest.history` is.

Pages are read until a short one. New rows push others from one page to the next, so rows come once by
their id; a page that brings nothing new although there should be more ends the reading with
:class:`HistoryIncomplete`, as does a single reply that is full.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from bitmart_async.errors import HistoryIncomplete
from bitmart_async.rest.history import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from bitmart_async.rest.endpoint import Endpoint
    from bitmart_async.rest.history import Incomplete

__all__ = ["Capped", "Paged"]

T = TypeVar("T")
RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged(Generic[T, RowT]):
    """A list in numbered pages, read until a short page.

    Args:
        key: A row's id, or whatever tells rows apart; None where nothing does. Equal rows then come as
            often as one page shows them; a total that is not reached tells when that was too few.
        cap: Rows of a page, sent as ``size``.
        doubts: Smaller pages that some source claims: pages of exactly so many rows are not the last.
        total: Rows of the whole list, where the reply says so.
        start, end: Names of the time bounds, where the endpoint has some. An end is always sent, so
            that new rows do not push the others from page to page.
        unit: ms in one unit of these bounds.
    """

    endpoint: Endpoint[T]
    rows: Callable[[T], Sequence[RowT]]
    key: Callable[[RowT], Hashable] | None
    cap: int
    page: str = "page"
    size: str = "size"
    first: int = 1
    doubts: tuple[int, ...] = ()
    total: Callable[[T], int | None] | None = None
    start: str | None = None
    end: str | None = None
    unit: int = 1

    def begin(
        self,
        given: Mapping[str, object],
        start: int | None,
        end: int | None,
        *,
        now_ms: int,
        incomplete: Incomplete,
    ) -> Pages[T, RowT]:
        """Start to read; see :class:`Plan`."""
        params = dict(given)
        if self.start is not None:
            params[self.start] = start
        if self.end is not None:
            params[self.end] = now_ms // self.unit + 1 if end is None and start is not None else end
        if params.get(self.size) is None:
            params[self.size] = self.cap
        return Pages(self, params, incomplete)


class Pages(Generic[T, RowT]):
    """Reads page after page; see :class:`Windows`."""

    def __init__(self, plan: Paged[T, RowT], params: dict[str, object], incomplete: Incomplete) -> None:
        self._plan = plan
        self._params = params
        size = params[plan.size]
        self._size = size if isinstance(size, int) else plan.cap
        self._page = plan.first
        self._over = False
        self._report = incomplete == "report"
        self._seen: set[Hashable] = set()
        self._total: int | None = None  # the least that was said: rows that came or went since do not count
        self.asked: list[Asked] = []

    @property
    def place(self) -> tuple[int, int]:
        """The page that is read now, twice."""
        return self._page, self._page

    @property
    def params(self) -> Mapping[str, object] | None:
        """Parameters of the next request; None at the end."""
        return None if self._over else {**self._params, self._plan.page: self._page}

    def take(self, data: T) -> Sequence[RowT]:
        """The reply to ``params``; returns the rows of it that are new."""
        rows = self._plan.rows(data)
        self._total = _least(self._total, self._plan.total(data) if self._plan.total is not None else None)
        total = self._total
        fresh: list[RowT] = []
        for key, row in zip(self._keys(rows), rows, strict=True):
            if key not in self._seen:
                self._seen.add(key)
                fresh.append(row)
        full = len(rows) >= self._size or len(rows) in self._plan.doubts
        seen = len(self._seen)
        # The total is believed when it says that rows are missing, not when it says to stop early.
        over = (not full and (total is None or seen >= total)) or (
            not fresh and total is not None and seen >= total
        )
        stuck = not over and not fresh
        page = self._page
        self.asked.append(
            Asked(
                first=page,
                last=page,
                start=page,
                end=page,
                rows=len(rows),
                full=full,
                split=False,
                complete=not stuck,
            )
        )
        if stuck and not self._report:
            known = "" if total is None else f" of {total}"
            raise HistoryIncomplete(
                f"{self._plan.endpoint.label}: page {page} brought nothing new although the list has more "
                f"rows: {seen}{known} came. Narrow the call with its filters, or pass incomplete='report' to "
                f"end there.",
                endpoint=self._plan.endpoint.label,
                window=(page, page),
                rows=seen,
            )
        self._page += 1
        self._over = over or stuck
        return fresh

    def _keys(self, rows: Sequence[RowT]) -> list[Hashable]:
        """What tells the rows of a page apart."""
        key = self._plan.key
        if key is not None:
            return [key(row) for row in rows]
        copies = Counter[str]()
        keys: list[Hashable] = []
        for row in rows:
            text = repr(row)
            copies[text] += 1
            keys.append((text, copies[text]))
        return keys

    def refuse(self, code: int) -> bool:
        """Pages cannot be made narrower."""
        del code
        return False


def _least(known: int | None, new: int | None) -> int | None:
    return new if known is None else known if new is None else min(known, new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capped(Generic[T, RowT]):
    """A list without window or page: one reply, which may be full."""

    endpoint: Endpoint[T]
    rows: Callable[[T], Sequence[RowT]]
    cap: int
    size: str

    def begin(
        self,
        given: Mapping[str, object],
        start: int | None,
        end: int | None,
        *,
        now_ms: int,
        incomplete: Incomplete,
    ) -> Reply[T, RowT]:
        """Start to read; see :class:`Plan`."""
        del start, end, now_ms
        wanted = given.get(self.size)
        size = wanted if isinstance(wanted, int) else self.cap
        return Reply(self, {**given, self.size: size}, size, incomplete)


class Reply(Generic[T, RowT]):
    """Reads the one reply; see :class:`Windows`."""

    def __init__(
        self, plan: Capped[T, RowT], params: Mapping[str, object], size: int, incomplete: Incomplete
    ) -> None:
        self._plan = plan
        self._params = params
        self._size = size
        self._over = False
        self._report = incomplete == "report"
        self.place = (1, 1)
        self.asked: list[Asked] = []

    @property
    def params(self) -> Mapping[str, object] | None:
        """Parameters of the request; None when it was made."""
        return None if self._over else self._params

    def take(self, data: T) -> Sequence[RowT]:
        """The reply; its rows, oldest first."""
        rows = self._plan.rows(data)
        full = len(rows) >= self._size
        self.asked.append(
            Asked(first=1, last=1, start=1, end=1, rows=len(rows), full=full, split=False, complete=not full)
        )
        if full and not self._report:
            raise HistoryIncomplete(
                f"{self._plan.endpoint.label}: {len(rows)} rows came, the most a reply can have, and the "
                f"exchange offers no way to ask for the others. Narrow the call with its filters (symbol by "
                f"symbol), or pass incomplete='report' to take these.",
                endpoint=self._plan.endpoint.label,
                window=(1, 1),
                rows=len(rows),
            )
        self._over = True
        return list(reversed(rows))

    def refuse(self, code: int) -> bool:
        """A single request cannot be made narrower."""
        del code
        return False
