"""Topics that should bring data and do not, although their socket is well. Pure: handed the time.

A topic may have a limit of seconds without data. Past it the topic is stale: it is told, and asked for
anew. Silent for as long again, its socket is to be replaced. A replacement that brings no data either is
not repeated at once: each further round takes twice as long, up to sixteen times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bitmart_async.websocket.feeds import Route

__all__ = ["Silence", "Stale"]

_MOST_DOUBLINGS = 4


@dataclass(slots=True)
class _Watch:
    limit: float
    data_ns: int | None
    """The route's last data when looked at last."""
    since: float
    """When data last came, or the topic was last held anew."""
    looked: float
    stale: bool = False
    """Found silent, and no data since."""
    renewed: bool = False
    """Asked for anew on this socket."""
    rounds: int = 0
    """Replaced sockets that brought nothing."""

    @property
    def due(self) -> float:
        return self.since + self.limit * 2.0 ** min(self.rounds, _MOST_DOUBLINGS)


@dataclass(frozen=True, slots=True)
class Stale:
    """What a look found."""

    renew: tuple[str, ...] = ()
    """Topics that have just become stale."""
    replace: tuple[str, ...] = ()
    """Topics that were asked for anew, in vain."""


class Silence:
    """The limits of one connection's topics."""

    def __init__(self) -> None:
        self._watches: dict[str, _Watch] = {}

    def __bool__(self) -> bool:
        return bool(self._watches)

    def is_stale(self, route: Route) -> bool:
        """Whether a topic has been found stale and has brought nothing since."""
        watch = self._watches.get(route.text)
        return watch is not None and watch.stale and watch.data_ns == route.data_ns

    def limit(self, route: Route, seconds: float | None, now: float) -> None:
        """Set, change or (None) take away the limit of a topic."""
        if seconds is None:
            self._watches.pop(route.text, None)
            return
        watch = self._watches.get(route.text)
        if watch is None:
            self._watches[route.text] = _Watch(seconds, route.data_ns, now, now)
        else:
            watch.limit = seconds

    def limit_of(self, text: str) -> float | None:
        """The limit of a topic; None when it has none."""
        watch = self._watches.get(text)
        return watch.limit if watch is not None else None

    def forget(self, text: str) -> None:
        """The topic is gone."""
        self._watches.pop(text, None)

    def begin(self, now: float) -> None:
        """A new socket has every topic: silence before it does not count."""
        for watch in self._watches.values():
            watch.since = watch.looked = now
            watch.renewed = False

    def due(self) -> float:
        """When to look again."""
        return min((watch.due for watch in self._watches.values()), default=math.inf)

    def look(self, routes: Iterable[Route], now: float, wall_ns: int) -> Stale:
        """What has become of the topics since the last look."""
        renew: list[str] = []
        replace: list[str] = []
        for route in routes:
            watch = self._watches.get(route.text)
            if watch is None:
                continue
            if route.data_ns != watch.data_ns:
                watch.data_ns = route.data_ns
                # between the last look and now; the wall clock says when, unless it jumped meanwhile
                ago = (wall_ns - (route.data_ns or 0)) / 1e9
                watch.since = now - min(max(ago, 0.0), now - watch.looked)
                watch.rounds = 0
                watch.stale = watch.renewed = False
            watch.looked = now
            if now < watch.due:
                continue
            watch.since = now
            if watch.renewed:
                watch.renewed = False
                watch.rounds += 1
                replace.append(route.text)
            else:
                watch.stale = watch.renewed = True
                renew.append(route.text)
        return Stale(tuple(renew), tuple(replace))
