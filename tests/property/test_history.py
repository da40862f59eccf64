"""Long lists against a model of the exchange: any rows, any cap, any meaning of the bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bitmart_async.errors import HistoryIncomplete
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.history import Asked, Windowed, Windows, as_is, covered, days
from bitmart_async.rest.pages import Capped, Paged

ENDPOINT: Endpoint[list[object]] = Endpoint("test.rows", "GET", "/rows", Auth.NONE, None, returns=list)


class Row(NamedTuple):
    at: int
    id: str


@dataclass
class Model:
    """A list as the exchange keeps it."""

    rows: list[Row]
    unit: int
    cap: int
    start_means: int
    """0: from the unit's first instant, 1: from behind it, 2: from the next unit."""
    end_means: int
    """0: through the whole unit, 1: through its first instant, 2: before it."""
    newest_first: bool
    arrivals: list[tuple[int, Row]] = field(default_factory=list)
    requests: int = 0

    def answer(self, start: int, end: int) -> list[Row]:
        self.requests += 1
        self.rows += [row for after, row in self.arrivals if after == self.requests]
        low = (start + 1) * self.unit if self.start_means == 2 else start * self.unit + self.start_means
        high = end * self.unit + (self.unit - 1, 0, -1)[self.end_means]
        found = sorted((row for row in self.rows if low <= row.at <= high), reverse=self.newest_first)
        return found[: self.cap]


def plan(unit: int, *, keyed: bool = True, equal_bounds: bool = True, exact: bool = False) -> Windowed:
    return Windowed(
        endpoint=ENDPOINT, rows=as_is, at=lambda row: row.at, key=(lambda row: row.id) if keyed else None,
        unit=unit, cap=1, span=days(1), lookback=days(1), start="start", end="end",
        equal_bounds=equal_bounds, exact=exact, too_wide=frozenset({1}),
    )  # fmt: skip


def read(windows: Windows, model: Model) -> tuple[list[Row], HistoryIncomplete | None]:
    got: list[Row] = []
    while (params := windows.params) is not None:
        assert model.requests < 20_000
        try:
            got += windows.take(model.answer(params["start"], params["end"]))
        except HistoryIncomplete as error:
            return got, error
    return got, None


@st.composite
def models(draw: st.DrawFn, *, fine: bool, arrivals: bool = False) -> tuple[Model, int, int]:
    unit = 1 if fine else 10
    first = draw(st.integers(1, 40))
    last = first + draw(st.integers(0, draw(st.sampled_from([0, 3, 60, 2000]))))
    instants = st.integers(max(0, (first - 3) * unit), (last + 4) * unit)
    busy = draw(st.lists(instants, min_size=1, max_size=4))
    times = draw(st.lists(st.one_of(instants, st.sampled_from(busy)), max_size=40))
    meanings = st.sampled_from([0, 2] if fine else [0, 1, 2])
    model = Model(
        rows=[Row(at, f"{number:03}") for number, at in enumerate(times)],
        unit=unit,
        cap=draw(st.integers(1, 12)),
        start_means=draw(meanings),
        end_means=draw(meanings),
        newest_first=draw(st.booleans()),
    )
    if arrivals:
        new = draw(st.lists(st.tuples(st.integers(1, 30), instants), max_size=8))
        model.arrivals = [(after, Row(at, f"new{number}")) for number, (after, at) in enumerate(new)]
    return model, first, last


def in_range(rows: list[Row], unit: int, first: int, last: int) -> list[Row]:
    return sorted(row for row in rows if first <= row.at // unit <= last)


def windows_of(model: Model, first: int, last: int, span: int, **options: bool) -> Windows:
    keyed = options.pop("keyed", True)
    return Windows(plan(model.unit, keyed=keyed, **options), {}, first, last, cap=model.cap, span=span,
                   incomplete="raise")  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(made=models(fine=True), span=st.integers(3, 500))
def test_every_row_once_in_order_or_one_instant_is_too_full(made: tuple[Model, int, int], span: int) -> None:
    """Each row of the range comes once, in order; only an instant that fills a reply cannot be read."""
    model, first, last = made
    windows = windows_of(model, first, last, span)
    got, error = read(windows, model)
    expected = in_range(model.rows, model.unit, first, last)
    if error is None:
        assert got == expected
        assert covered(windows.asked)
    else:
        at = error.window[0]
        assert got == [row for row in expected if row.at < at]
        assert sum(row.at == at for row in model.rows) >= model.cap
        assert not covered(windows.asked)


@settings(max_examples=600, deadline=None)
@given(made=models(fine=False), span=st.integers(3, 500), equal_bounds=st.booleans())
def test_bounds_coarser_than_the_rows(made: tuple[Model, int, int], span: int, equal_bounds: bool) -> None:
    """The same where bounds are seconds and rows carry ms; three seconds may have to fit a reply."""
    model, first, last = made
    windows = windows_of(model, first, last, span, equal_bounds=equal_bounds)
    got, error = read(windows, model)
    expected = in_range(model.rows, model.unit, first, last)
    if error is None:
        assert got == expected
        assert covered(windows.asked)
    else:
        at = error.window[0]
        assert got == [row for row in expected if row.at // model.unit < at]
        assert sum(abs(row.at // model.unit - at) <= 1 for row in model.rows) >= model.cap


@settings(max_examples=400, deadline=None)
@given(made=models(fine=True, arrivals=True), span=st.integers(3, 500))
def test_rows_that_arrive_while_reading(made: tuple[Model, int, int], span: int) -> None:
    """New rows, wherever they appear, neither hide nor repeat those that were there at the start."""
    model, first, last = made
    there = list(model.rows)
    got, error = read(windows_of(model, first, last, span), model)
    assert len(set(got)) == len(got)
    assert set(got) <= set(in_range(model.rows, 1, first, last))
    old = [row for row in got if row in there]
    if error is None:
        assert old == in_range(there, 1, first, last)
    else:
        assert old == [row for row in in_range(there, 1, first, last) if row.at < error.window[0]]
        assert sum(row.at == error.window[0] for row in model.rows) >= model.cap


@settings(max_examples=300, deadline=None)
@given(made=models(fine=True), span=st.integers(3, 500))
def test_rows_without_an_id(made: tuple[Model, int, int], span: int) -> None:
    """Equal rows come as often as the exchange has them."""
    model, first, last = made
    model.rows = [Row(row.at, "same") for row in model.rows]
    got, error = read(windows_of(model, first, last, span, keyed=False), model)
    expected = in_range(model.rows, 1, first, last)
    assert got == (expected if error is None else [row for row in expected if row.at < error.window[0]])


@settings(max_examples=200, deadline=None)
@given(made=models(fine=True), span=st.integers(3, 500))
def test_report_goes_on(made: tuple[Model, int, int], span: int) -> None:
    """With incomplete="report" all windows are read, and the records say which are not complete."""
    model, first, last = made
    windows = Windows(plan(1), {}, first, last, cap=model.cap, span=span, incomplete="report")
    got, error = read(windows, model)
    assert error is None
    assert got == sorted(set(got))
    holes = {record.first for record in windows.asked if not record.complete and not record.split}
    assert [row for row in got if row.at not in holes] == [
        row for row in in_range(model.rows, 1, first, last) if row.at not in holes
    ]
    assert covered(windows.asked) == (not holes)


@settings(max_examples=200, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(1, 300), st.integers(0, 200)), max_size=30),
    cap=st.integers(4, 12), span=st.integers(3, 200),
)  # fmt: skip
def test_an_exchange_that_filters_by_another_time(
    changes: list[tuple[int, int]], cap: int, span: int
) -> None:
    """When windows are cut by the last change, each row still comes once, though not in order."""
    made = {f"{number:03}": (at, at + later) for number, (at, later) in enumerate(changes)}
    assume(all(sum(abs(change - at) <= 1 for _, change in made.values()) < cap for at in range(1, 501)))
    windows = Windows(plan(1), {}, 1, 500, cap=cap, span=span, incomplete="raise")
    got: list[Row] = []
    while (params := windows.params) is not None:
        found = [
            Row(at, name) for name, (at, change) in made.items() if params["start"] <= change <= params["end"]
        ]
        got += windows.take(found[:cap])
    assert sorted(got) == sorted(Row(at, name) for name, (at, _) in made.items())


def test_a_refused_width_is_halved() -> None:
    """A window the exchange calls too wide is asked for narrower, and so are those after it."""
    windows = Windows(plan(1), {}, 1, 10 * 86_400_000, cap=10, span=7 * 86_400_000, incomplete="raise")
    widest = 86_400_000
    requests = 0
    while (params := windows.params) is not None:
        requests += 1
        if params["end"] - params["start"] > widest:
            assert windows.refuse(1)
        else:
            windows.take([])
    assert requests == 3 + 12
    assert sum(record.refused for record in windows.asked) == 3
    assert covered(windows.asked)


def test_other_refusals_are_not_ours() -> None:
    """A code that says nothing about the width is left to the caller, as is one an hour cannot cure."""
    windows = Windows(plan(1), {}, 1, 3_600_000, cap=10, span=7 * 86_400_000, incomplete="raise")
    assert not windows.refuse(2)
    assert not windows.refuse(1)


def test_a_doubtful_cap_splits() -> None:
    """A reply of exactly as many rows as some source calls the cap is not believed."""
    doubtful = Windowed(
        endpoint=ENDPOINT, rows=as_is, at=lambda row: row.at, key=lambda row: row.id, unit=1, cap=10,
        doubts=(5,), span=days(1), lookback=days(1), start="start", end="end",
    )  # fmt: skip
    model = Model([Row(at, f"{at:03}") for at in range(10, 100)], 1, 5, 0, 0, newest_first=True)
    windows = Windows(doubtful, {}, 1, 200, cap=10, span=500, incomplete="raise")
    assert read(windows, model) == (model.rows, None)


class PageServer:
    def __init__(self, ids: list[int], most: int) -> None:
        self.ids, self.most = ids, most

    def answer(self, page: int, size: int) -> dict[str, object]:
        size = min(size, self.most)
        return {"total": len(self.ids), "list": self.ids[(page - 1) * size : page * size]}


def paged(*, total: bool, doubts: tuple[int, ...] = ()) -> Paged:
    return Paged(
        endpoint=ENDPOINT, rows=lambda data: data["list"], key=lambda row: row, cap=10, doubts=doubts,
        total=(lambda data: data["total"]) if total else None,
    )  # fmt: skip


def read_pages(plan: Paged, server: PageServer, arrivals: list[int] | None = None) -> list[int]:
    reading = plan.begin({}, None, None, now_ms=0, incomplete="raise")
    got: list[int] = []
    while (params := reading.params) is not None:
        got += reading.take(server.answer(params["page"], params["size"]))
        if arrivals:
            server.ids.insert(0, arrivals.pop())
    assert covered(reading.asked)
    return got


@given(count=st.integers(0, 65), total=st.booleans(), new=st.integers(0, 20))
def test_pages_until_a_short_one(count: int, total: bool, new: int) -> None:
    """Every row of a list in pages comes once, also when new rows push the others on."""
    server = PageServer(list(range(count)), 10)
    got = read_pages(paged(total=total), server, list(range(1000, 1000 + new)))
    assert len(set(got)) == len(got)
    assert [row for row in got if row < 1000] == list(range(count))


@given(count=st.integers(0, 65))
def test_pages_smaller_than_asked_for(count: int) -> None:
    """An exchange that cuts pages shorter than asked is seen through by the total, or by a doubt."""
    assert read_pages(paged(total=True), PageServer(list(range(count)), 4)) == list(range(count))
    assert read_pages(paged(total=False, doubts=(4,)), PageServer(list(range(count)), 4)) == list(
        range(count)
    )


def test_a_page_that_repeats_is_told() -> None:
    """An exchange that ignores the page number does not keep a reader for ever, nor end it in silence."""
    reading = paged(total=False).begin({}, None, None, now_ms=0, incomplete="raise")
    assert list(reading.take({"list": list(range(10))})) == list(range(10))
    with pytest.raises(HistoryIncomplete, match="page 2 brought nothing new"):
        reading.take({"list": list(range(10))})
    reading = paged(total=False).begin({}, None, None, now_ms=0, incomplete="report")
    reading.take({"list": list(range(10))})
    assert list(reading.take({"list": list(range(10))})) == []
    assert reading.params is None
    assert not covered(reading.asked)


def test_one_reply_below_its_cap_is_everything() -> None:
    """A list that cannot be divided is complete when its reply is not full, and raises when it is."""
    capped: Capped = Capped(endpoint=ENDPOINT, rows=as_is, cap=3, size="limit")
    reading = capped.begin({}, None, None, now_ms=0, incomplete="raise")
    assert reading.params == {"limit": 3}
    assert reading.take([2, 1]) == [1, 2]
    assert reading.params is None
    with pytest.raises(HistoryIncomplete) as caught:
        capped.begin({}, None, None, now_ms=0, incomplete="raise").take([3, 2, 1])
    assert caught.value.rows == 3


def test_thin_windows_widen_again() -> None:
    """After a crowd the windows grow back, so that a quiet year costs few requests."""
    crowd = [Row(100_000, f"{number:03}") for number in range(9)] + [
        Row(100_001, f"{n:03}") for n in range(9, 18)
    ]
    model = Model(crowd, 1, 10, 0, 0, newest_first=True)
    windows = Windows(plan(1), {}, 1, 10_000_000, cap=10, span=1_000_000, incomplete="raise")
    assert read(windows, model) == (crowd, None)
    assert model.requests < 70
    assert all(later.first >= earlier.first for earlier, later in pairwise(windows.asked))
    assert isinstance(windows.asked[0], Asked)
