"""What the sandbox has seen: every request and stream message received, and counters to wait for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias, overload

__all__ = [
    "SOCKETS",
    "Entry",
    "Journal",
    "Request",
    "Seen",
    "SessionClosed",
    "SessionOpened",
    "SocketSeen",
    "StreamMessage",
    "Watch",
]

KEPT: Final = 100_000
SOCKETS: Final = ("spot_public", "spot_private", "futures_public", "futures_private")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One REST call as it came in."""

    host: str
    """``spot`` or ``futures``."""
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMessage:
    """One message a client sent on a stream. Logins are shown without their arguments in ``repr``."""

    socket: str
    session: int
    text: str = field(repr=False)
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    socket: str
    session: int
    headers: Mapping[str, str] = field(repr=False)
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed:
    socket: str
    session: int
    at_ms: int


Entry: TypeAlias = Request | StreamMessage | SessionOpened | SessionClosed


class Journal(Sequence[Entry]):
    """The newest entries, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)

    def requests(self, path: str | None = None) -> list[Request]:
        """The REST calls, or those of one path."""
        return [entry for entry in self._entries if isinstance(entry, Request) and path in (None, entry.path)]

    def messages(self, socket: str = "") -> list[StreamMessage]:
        """The stream messages of the sockets whose name starts so."""
        return [
            entry
            for entry in self._entries
            if isinstance(entry, StreamMessage) and entry.socket.startswith(socket)
        ]

    def newest(self, limit: int) -> list[Entry]:
        """At most so many entries, newest first."""
        return list(islice(reversed(self._entries), limit))

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        return list(self._entries)[index] if isinstance(index, slice) else self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))


@dataclass(slots=True)
class SocketSeen:
    """Counters of one kind of socket."""

    sessions: int = 0
    open_sessions: int = 0
    logins: int = 0
    messages: int = 0


@dataclass(slots=True)
class Seen:
    """Live counters of what has happened so far."""

    requests: int = 0
    over_limit: int = 0
    """REST calls refused for their rate limit, with 429 or 418."""
    orders: int = 0
    """Orders accepted, the makers' own not counted."""
    sockets: dict[str, SocketSeen] = field(default_factory=lambda: {name: SocketSeen() for name in SOCKETS})

    @property
    def sessions(self) -> int:
        """Stream sockets opened so far."""
        return sum(socket.sessions for socket in self.sockets.values())

    @property
    def open_sessions(self) -> int:
        return sum(socket.open_sessions for socket in self.sockets.values())

    @property
    def logins(self) -> int:
        """Logins accepted so far."""
        return sum(socket.logins for socket in self.sockets.values())

    @property
    def messages(self) -> int:
        """Stream messages received so far."""
        return sum(socket.messages for socket in self.sockets.values())

    def __str__(self) -> str:
        return (
            f"requests={self.requests} over_limit={self.over_limit} orders={self.orders} sessions={self.sessions} "
            f"open_sessions={self.open_sessions} logins={self.logins} messages={self.messages}"
        )


class Watch:
    """Lets tests wait until the counters say something."""

    def __init__(self) -> None:
        self.seen = Seen()
        self._waiting: list[tuple[Callable[[Seen], bool], asyncio.Future[None]]] = []

    def changed(self) -> None:
        """Wake whoever waits for what is now true. Call after every change of the counters."""
        for condition, waiter in self._waiting:
            if waiter.done():
                continue
            try:
                if condition(self.seen):
                    waiter.set_result(None)
            except Exception as error:  # the condition is the waiter's own code: its fault is his
                waiter.set_exception(error)

    async def until(self, condition: Callable[[Seen], bool], timeout: float) -> None:
        if condition(self.seen):
            return
        entry = (condition, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await entry[1]
        except TimeoutError:
            raise TimeoutError(f"the condition was not met within {timeout} s; seen: {self.seen}") from None
        finally:
            self._waiting.remove(entry)
