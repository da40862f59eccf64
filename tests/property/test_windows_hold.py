"""The rate-limit promise under random traffic (R13)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from bitmart_async.ratelimit import RateLimitState, Window

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Call:
    """One call of the simulation; times in whole ms, so that nothing is rounded."""

    comes: int
    lasts: int
    sent: bool = True
    went: int = -1

    @property
    def answered(self) -> int:
        return self.went + self.lasts


def simulate(window: Window, calls: Sequence[Call]) -> list[Call]:
    """Pass the calls through the window in their order; returns those that went, with their times."""
    waiting = deque(sorted(calls, key=lambda call: call.comes))
    under_way: list[Call] = []
    gone: list[Call] = []
    now = 0
    while waiting or under_way:
        for call in [call for call in under_way if call.answered <= now]:
            under_way.remove(call)
            window.give_back(now, sent=call.sent)
        delay: float | None = None
        while waiting and waiting[0].comes <= now:
            delay = window.delay(now)
            if delay != 0:
                break
            call = waiting.popleft()
            call.went = now
            window.take()
            under_way.append(call)
            gone.append(call)
        coming = [call.answered for call in under_way]
        if waiting and waiting[0].comes > now:
            coming.append(waiting[0].comes)
        elif waiting and delay:
            coming.append(now + int(delay))
        if coming:
            now = max(now, min(coming))
        else:
            assert not waiting, "a caller would wait for ever"
    return gone


CALLS = st.lists(st.builds(Call, comes=st.integers(0, 6000), lasts=st.integers(0, 3000)), max_size=60)


@settings(max_examples=400, deadline=None)
@given(CALLS, st.integers(1, 12), st.sampled_from([500, 1000, 2000, 3000]))
def test_R13_no_window_ever_holds_more(calls: list[Call], requests: int, per: int) -> None:
    """However late the exchange counts a call between its send and its answer, no ``per`` ms hold too many.

    For each window that ends just after a send, every call that can be counted in it is: the worst
    exchange there is.
    """
    gone = simulate(Window(requests, per), calls)
    assert len(gone) == len(calls)
    assert [call.comes for call in gone] == sorted(call.comes for call in calls)
    for last in gone:
        begin = last.went - per + 1  # the half-open window (went - per, went] on whole ms
        countable = [call for call in gone if call.went <= last.went and call.answered >= begin]
        assert len(countable) <= requests


@settings(max_examples=200, deadline=None)
@given(CALLS, st.integers(1, 6))
def test_a_free_window_holds_nobody_up(calls: list[Call], requests: int) -> None:
    """A call waits only while ``requests`` others are under way or were answered less than ``per`` ago."""
    per = 2000
    gone = simulate(Window(requests, per), calls)
    for index, call in enumerate(gone):
        if call.went == call.comes:
            continue
        just_before = call.went - 1
        holding = [other for other in gone[:index] if other.answered > just_before - per]
        queued_with_me = [other for other in gone[:index] if other.went == call.went]
        assert len(holding) >= requests or queued_with_me


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["take", "back", "unsent", "correct", "pause"]),
            st.integers(0, 3000),
            st.integers(0, 40),
            st.integers(1, 40),
        ),
        max_size=60,
    )
)
def test_the_books_of_a_window_stay_in_order(steps: list[tuple[str, int, int, int]]) -> None:
    """Through any mix of traffic, corrections and pauses: never over, always an end in sight."""
    window, now, under_way = Window(8, 2000), 0, 0
    for what, later, used, limit in steps:
        now += later
        if what == "take" and window.delay(now) == 0.0:
            window.take()
            under_way += 1
        elif what in ("back", "unsent") and under_way:
            under_way -= 1
            window.give_back(now, sent=what == "back")
        elif what == "correct":
            window.correct(RateLimitState(used, limit, 2000, "IP"), now)
        elif what == "pause":
            window.pause(now + later)
        assert under_way <= window.used(now) <= 8
        delay = window.delay(now)
        assert delay is None or delay >= 0.0
        assert delay is not None or under_way
    while under_way:
        under_way -= 1
        window.give_back(now)
    end = window.delay(now)
    assert end is not None
    assert window.delay(now + int(end) + 1) == 0.0
