"""The states of a connection, and which may follow which."""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["TRANSITIONS", "State"]


class State(enum.Enum):
    """Where a connection is in its life."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LOGGING_IN = "logging in"
    SUBSCRIBING = "subscribing"
    LIVE = "live"
    WAITING = "waiting"
    CLOSED = "closed"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.IDLE: frozenset({State.CONNECTING, State.CLOSED}),
    State.CONNECTING: frozenset(
        {State.LOGGING_IN, State.SUBSCRIBING, State.WAITING, State.IDLE, State.CLOSED}
    ),
    State.LOGGING_IN: frozenset({State.SUBSCRIBING, State.WAITING, State.IDLE, State.CLOSED}),
    State.SUBSCRIBING: frozenset({State.LIVE, State.WAITING, State.IDLE, State.CLOSED}),
    State.LIVE: frozenset({State.WAITING, State.IDLE, State.CLOSED}),
    State.WAITING: frozenset({State.CONNECTING, State.IDLE, State.CLOSED}),
    State.CLOSED: frozenset(),
}
