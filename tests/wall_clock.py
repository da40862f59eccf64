"""A wall clock of one's own for stream connections: one that jumps, and one that is told what to say."""

from __future__ import annotations

import time
import types
from typing import TYPE_CHECKING

from bitmart_async.websocket import connection, intake, keeper, link, outcomes, rotation, standing

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

_SLEEP_NS = 600_000_000_000


def set_wall_clock(monkeypatch: pytest.MonkeyPatch, time_ns: Callable[[], int]) -> None:
    """Let every part of a connection read this wall clock; the clock of its timers stays as it is."""
    wall = types.SimpleNamespace(time_ns=time_ns, monotonic=time.monotonic)
    for part in (connection, intake, keeper, link, outcomes, rotation, standing):
        monkeypatch.setattr(part, "time", wall)


def sleeping_machine(monkeypatch: pytest.MonkeyPatch, look_seconds: float) -> Callable[[], None]:
    """A machine on which connections look for a sleep so often; what is returned is one sleep of ten minutes."""
    slept, real = [0], time.time_ns
    set_wall_clock(monkeypatch, lambda: real() + slept[0] * _SLEEP_NS)
    for part in (connection, keeper):
        monkeypatch.setattr(part, "LOOK_SECONDS", look_seconds)

    def sleep() -> None:
        slept[0] += 1

    return sleep
