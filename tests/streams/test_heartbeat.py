"""The heartbeat and the allowance of one socket, by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitmart_async.websocket.allowance import MESSAGES_PER_WINDOW, WINDOW_SECONDS, Allowance
from bitmart_async.websocket.heartbeat import LATE, REPRIEVE, Heartbeat


def _heartbeat() -> Heartbeat:
    return Heartbeat(interval=10.0, timeout=5.0, now=0.0)


def test_a_ping_is_due_every_interval() -> None:
    """Once per interval, whatever was heard."""
    heart = _heartbeat()
    assert [second for second in range(31) if heart.beat(second, heard=second)] == [10, 20, 30]


def test_silence_after_a_ping_is_death() -> None:
    """Nothing since the ping for the timeout, looked at in time; one byte later than the ping, and it lives."""
    heart = _heartbeat()
    assert heart.beat(10.0, heard=9.0)
    assert heart.deadline(heard=9.0) == 15.0
    assert not heart.dead(14.9, heard=9.0)
    assert heart.dead(15.0, heard=9.0)
    assert not heart.dead(15.0, heard=10.1)
    assert heart.deadline(heard=10.1) == float("inf")


def test_who_looks_late_reads_first() -> None:
    """A program that slept over the deadline has a second to read what came, once."""
    heart = _heartbeat()
    heart.beat(10.0, heard=9.0)
    woken = 15.0 + 2 * LATE
    assert not heart.dead(woken, heard=9.0)
    assert heart.deadline(heard=9.0) == woken + REPRIEVE
    assert heart.dead(woken + REPRIEVE, heard=9.0)


def test_time_in_which_nobody_reads_does_not_count() -> None:
    """The deadline moves by the pause."""
    heart = _heartbeat()
    heart.beat(10.0, heard=9.0)
    heart.pause()
    heart.resume(60.0)
    assert heart.deadline(heard=9.0) == 75.0


def test_a_probe_is_answered_by_its_own_pong() -> None:
    """Pongs answer the oldest ping; the round trip is that ping's; a probe may be stricter than a ping."""
    heart = _heartbeat()
    heart.beat(10.0, heard=10.0)
    probe = heart.probe(11.0, heard=10.5, timeout=0.5)
    assert heart.beat(11.0, heard=10.5)
    assert heart.deadline(heard=10.5) == 11.5
    heart.ponged(11.2)
    assert not heart.answered(probe)
    assert heart.round_trip == pytest.approx(1.2)
    heart.ponged(11.4)
    assert heart.answered(probe)
    assert heart.round_trip == pytest.approx(0.4)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=400),
    st.floats(0.2, 60),
)
def test_no_window_takes_more_than_the_exchange_allows(waits: list[float], ping_interval: float) -> None:
    """However often somebody wants to send: messages and pings together stay within every 10 s."""
    allowance, sent, now = Allowance(ping_interval), [0.0], 0.0
    allowance.take(now)
    for wait in waits:
        now += wait
        if allowance.room(now):
            allowance.take(now)
            sent.append(now)
        else:
            assert now < allowance.next_room(now) <= now + WINDOW_SECONDS
    pings = WINDOW_SECONDS / ping_interval
    for first in sent:
        within = sum(first <= one < first + WINDOW_SECONDS for one in sent)
        assert within + pings <= MESSAGES_PER_WINDOW
