"""Silent topics and sleeping machines, without a socket: exact times."""

from __future__ import annotations

import pytest

from bitmart_async.websocket.feeds import Route
from bitmart_async.websocket.sleep import SleepWatch
from bitmart_async.websocket.staleness import Silence, Stale
from bitmart_async.websocket.topics import parse

_NS = 1_000_000_000
_TEXT = "spot/ticker:BTC_USDT"


def _watched(limit: float = 10.0) -> tuple[Silence, Route]:
    silence, route = Silence(), Route(parse(_TEXT))
    silence.limit(route, limit, 100.0)
    silence.begin(100.0)
    return silence, route


def test_T2_silence_is_found_at_the_limit_and_not_before() -> None:
    """Ten seconds after the last data, told once; after ten more the socket is to be replaced."""
    silence, route = _watched()
    assert silence.due() == 110.0
    route.data_ns = 5 * _NS
    assert silence.look([route], 110.0, 5 * _NS + 4 * _NS) == Stale()  # data came four seconds ago, at 106
    assert silence.due() == 116.0
    assert silence.look([route], 115.9, 0) == Stale()
    assert silence.look([route], 116.0, 0) == Stale(renew=(_TEXT,))
    assert silence.is_stale(route)
    assert silence.look([route], 125.9, 0) == Stale()
    assert silence.look([route], 126.0, 0) == Stale(replace=(_TEXT,))


def test_T2_replacements_in_vain_come_ever_later() -> None:
    """A topic that never brings anything must not cost its neighbours a socket every few seconds."""
    silence, route = _watched()
    now, replaced = 100.0, []
    while len(replaced) < 7:
        now = silence.due()
        if silence.look([route], now, 0).replace:
            replaced.append(now)
            silence.begin(now)
    gaps = [after - before for before, after in zip(replaced, replaced[1:], strict=False)]  # noqa: RUF007
    assert gaps == [40.0, 80.0, 160.0, 320.0, 320.0, 320.0]
    route.data_ns = 1
    silence.look([route], now + 1, _NS)
    assert not silence.is_stale(route)
    assert silence.due() == pytest.approx(now + 10, abs=1.0)


@pytest.mark.parametrize("wall", [0, 10**30])
def test_T2_a_jump_of_the_wall_clock_makes_nothing_stale(wall: int) -> None:
    """Data since the last look is no older than that look, whatever the wall clock says."""
    silence, route = _watched()
    silence.look([route], 109.0, 0)
    route.data_ns = 5 * _NS
    assert silence.look([route], 110.0, wall) == Stale()
    assert 119.0 <= silence.due() <= 120.0


def test_T2_limits_come_and_go() -> None:
    """Without a limit a topic is never looked at; a changed one counts from the last data."""
    silence, route = _watched()
    silence.limit(route, 3.0, 105.0)
    assert silence.due() == 103.0
    silence.limit(route, None, 105.0)
    assert silence.due() == float("inf")
    assert silence.look([route], 1000.0, 0) == Stale()
    assert not silence
    silence.limit(route, 3.0, 105.0)
    silence.forget(_TEXT)
    assert not silence


def test_T17_sleep_is_a_wall_clock_that_went_on_alone() -> None:
    """More than 30 s of drift between two looks; a clock that is set by less, or back, is no sleep."""
    watch = SleepWatch(50.0, 1000 * _NS)
    assert watch.slept(51.0, 1001 * _NS) is None
    assert watch.slept(52.0, 1032 * _NS) is None  # set by 30 s
    assert watch.slept(53.0, 900 * _NS) is None  # set back
    assert watch.slept(54.0, 1501 * _NS) == (900 * _NS, 1501 * _NS)
    assert watch.slept(55.0, 1502 * _NS) is None
