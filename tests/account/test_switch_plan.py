"""The pure part of the dead man's switch: when it asks again, and what it dares to promise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bitmart_async.rest.dead_mans_switch import SwitchPlan, SwitchState

STEPS = st.lists(
    st.tuples(st.sampled_from(["ok", "fail", "hold"]), st.floats(0.01, 20, allow_nan=False)), max_size=40
)


@given(timeout=st.integers(5, 120), steps=STEPS)
def test_it_never_promises_more_than_was_confirmed(timeout: int, steps: list[tuple[str, float]]) -> None:
    """Guarding is claimed only less than a timeout after a confirmed refresh was sent; a try is always near."""
    plan, now, last_ok = SwitchPlan(timeout), 0.0, None
    for what, wait in steps:
        sent, now = now, now + wait
        if what == "ok":
            plan.succeeded(sent)
            last_ok = sent
        elif what == "fail":
            plan.failed(now)
        else:
            plan.hold(now)
        state = plan.state(now)
        if last_ok is None:
            assert state is SwitchState.OFF
        elif now >= last_ok + timeout:
            assert state is SwitchState.EXPIRED
        else:
            assert (
                state
                is {
                    "ok": SwitchState.ARMED,
                    "fail": SwitchState.FAILING,
                    "hold": SwitchState.HELD,
                }[what]
            )
        assert plan.due <= now + timeout / 3
        assert 0 < plan.limit(now) <= timeout / 3


def test_failures_are_tried_several_times_within_the_timeout() -> None:
    """With refreshes a third apart and quick failures, nine tries or more come before the timer runs out."""
    plan = SwitchPlan(30)
    plan.succeeded(0.0)
    now, tries = plan.due, 0
    while now < plan.expires:
        tries += 1
        plan.failed(now)
        now = plan.due
    assert tries >= 9
