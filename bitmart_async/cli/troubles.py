"""What the connections of a stream went through, as lines: so that nothing goes missing without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.text import first_few, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async import Event, WebsocketClient

__all__ = ["Troubles", "trouble_of"]


class Troubles:
    """Says when a connection is lost, comes back, lost updates or ends; each loss once, not each try."""

    def __init__(self, ws: WebsocketClient, say: Callable[[str], None]) -> None:
        self._say = say
        self._down: set[str] = set()
        self._last: dict[str, str] = {}
        for name in ("reconnecting", "live", "gap", "stale", "close", "exception"):
            ws.on(name)(self._heed)

    def _heed(self, event: Event) -> None:
        if event.name == "reconnecting":
            if event.connection in self._down:
                return
            self._down.add(event.connection)
        elif event.name == "live":
            self._down.discard(event.connection)
        line = trouble_of(event)
        if line and self._last.get(event.connection) != line:
            self._last[event.connection] = line
            self._say(line)


def trouble_of(event: Event) -> str:
    """One event in a line; empty when nothing is amiss."""
    why = "" if event.error is None else f": {one_line(str(event.error))}"
    if event.name == "reconnecting":
        return f"{event.connection}: connection lost, trying again{why}"
    if event.name == "close":
        return f"{event.connection}: closed for good{why}" if why else ""
    if event.name == "stale":
        return f"{event.connection}: nothing comes for {first_few(event.topics)}"
    if event.name == "exception":
        return f"{event.connection}{why}".removeprefix(": ") if why else ""
    if event.gap is None:
        return ""
    again = "back; " if event.name == "live" else ""
    of = f" of {first_few(event.topics)}" if event.name == "gap" and event.topics else ""
    return f"{event.connection}: {again}updates{of} of {event.gap.seconds:.1f} s may be missing{why}"
