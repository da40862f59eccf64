"""What may be given to a WebsocketClient and to its subscribe(), checked before anything happens."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from bitmart_async.errors import ConfigurationError, ParameterError
from bitmart_async.websocket.events import EVENT_NAMES
from bitmart_async.websocket.handlers import check_handler, is_async
from bitmart_async.websocket.mailbox import check_overflow
from bitmart_async.websocket.session import Timings

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.websocket.mailbox import Overflow

__all__ = [
    "QUEUE_SIZE",
    "check_consumer",
    "check_event_name",
    "check_plain",
    "check_seconds",
    "check_silence",
    "checked_timings",
]

QUEUE_SIZE = 1000
"""Updates kept for a consumer, unless subscribe() is told otherwise."""
_SHORTEST_PING_INTERVAL = 0.2
"""Seconds: half of the exchange's 100 messages per 10 s are then pings."""


def checked_timings(
    *,
    connect_timeout: float,
    login_timeout: float,
    ack_timeout: float,
    ping_interval: float,
    pong_timeout: float,
    reconnect_delay: tuple[float, float],
    linger: float,
) -> Timings:
    """The times of a client's connections. Raises ConfigurationError."""
    first, longest = reconnect_delay
    check_seconds(
        {
            "connect_timeout": connect_timeout,
            "login_timeout": login_timeout,
            "ack_timeout": ack_timeout,
            "ping_interval": ping_interval,
            "pong_timeout": pong_timeout,
            "reconnect_delay[0]": first,
            "reconnect_delay[1]": longest,
        }
    )
    if ping_interval < _SHORTEST_PING_INTERVAL:
        raise ConfigurationError(
            f"ping_interval={ping_interval!r}: must be {_SHORTEST_PING_INTERVAL:g} "
            f"or more; the exchange takes 100 messages per 10 s, pings included"
        )
    if first > longest or linger < 0:
        raise ConfigurationError("reconnect_delay must be (first, longest) and linger 0 or more")
    return Timings(
        connect_timeout=connect_timeout,
        login_timeout=login_timeout,
        ack_timeout=ack_timeout,
        ping_interval=ping_interval,
        pong_timeout=pong_timeout,
        reconnect_first=first,
        reconnect_cap=longest,
        linger=linger,
    )


def check_seconds(given: dict[str, float | None]) -> None:
    """Each is a time; None is one that is not given. Raises ConfigurationError."""
    for name, seconds in given.items():
        if seconds is not None and not 0 < seconds < inf:
            raise ConfigurationError(f"{name}={seconds!r}: must be more than 0 seconds")


def check_event_name(name: str) -> None:
    """There is such an event. Raises ParameterError."""
    if name not in EVENT_NAMES:
        raise ParameterError(f"there is no event {name!r}; there are: {', '.join(EVENT_NAMES)}")


def check_silence(stale_after: float | None) -> None:
    """How long topics of one subscription may be silent. Raises ParameterError."""
    if stale_after is not None and not 0 < stale_after < inf:
        raise ParameterError(f"stale_after={stale_after!r}: must be more than 0 seconds")


def check_consumer(
    handler: Callable[..., object] | None,
    raw: Callable[[str, bytes], object] | None,
    overflow: Overflow | None,
    queue_size: int,
) -> None:
    """Whoever is to get the updates of a subscription, or its frames. Raises ParameterError."""
    check_overflow(overflow or "drop_oldest", queue_size)
    if handler is not None:
        check_handler(handler)
    if raw is None:
        return
    check_plain(raw, "raw= takes a plain function: frames are handed over as they are read")
    if handler is not None or overflow is not None or queue_size != QUEUE_SIZE:
        raise ParameterError(
            "raw= goes without handler=, overflow= and queue_size=; subscribe twice for both"
        )


def check_plain(function: Callable[..., object], advice: str) -> None:
    """It can be called in the read. Raises ParameterError, with the advice where it is async."""
    check_handler(function)
    if is_async(function):
        raise ParameterError(advice)
