"""What ``ws.health()`` reports: plain frozen values, made when asked.

Nothing is counted per frame for it: the times come from stamps the reader sets anyway, and the updates
of a topic are counted where they are handed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ConnectionHealth", "Counters", "StreamHealth", "TopicHealth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicHealth:
    """One subscribed topic."""

    topic: str
    held: bool
    """Whether the exchange has acknowledged it on the present socket."""
    stale: bool
    """Whether it was found silent beyond its ``stale_after`` and has brought nothing since."""
    data_age: float | None
    """Seconds since its last data, by this machine's clock; None: none came yet."""
    updates: int
    """Updates handed over since it was subscribed."""
    queued: int
    """Updates waiting in the fullest queue of its consumers."""
    dropped: int
    """Updates its consumers have lost because they fell behind."""
    behind: float | None = None
    """Seconds the oldest update in a queue of its consumers has waited; None: none waits."""
    refused: str = ""
    """Why the exchange refuses it, although it had served it before: it is asked for again. Else empty."""
    refused_code: int | None = None
    """The code of that refusal, where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionHealth:
    """One connection."""

    name: str
    state: str
    """idle, connecting, logging in, subscribing, live, waiting or closed."""
    down_for: float | None
    """Seconds without a socket, while it tries to get one; None when it has one, or wants none."""
    generation: int
    """Counts its sockets, from 1."""
    frame_age: float | None
    """Seconds since the last byte on the present socket."""
    round_trip: float | None
    """Seconds between the last answered ping and its answer; None: none was answered on this socket."""
    reconnects: int
    """Sockets that were lost and replaced."""
    rotations: int
    """Sockets that were replaced as planned, without a gap."""
    gaps: int
    """Times in which updates may have been lost: after a loss, a damaged frame, a sleep of the machine."""
    unreadable: int
    """Frames that could not be decoded."""
    last_error: str
    """Why the last socket was lost or refused, empty when there was none."""
    held_up: float | None = None
    """Seconds its reader has waited for a consumer under ``overflow="block"``; None: it reads."""
    topics: tuple[TopicHealth, ...] = ()

    @property
    def live(self) -> bool:
        """Whether it is live, or not wanted, and no topic is stale or refused."""
        well = self.state in ("live", "idle")
        return well and not any(topic.stale or topic.refused for topic in self.topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHealth:
    """All connections of a client; ``msgspec.to_builtins(health)`` makes it JSON."""

    connections: tuple[ConnectionHealth, ...] = ()

    @property
    def live(self) -> bool:
        """Whether every connection that is wanted is live, and no topic stale or refused."""
        return all(connection.live for connection in self.connections)

    def connection(self, name: str) -> ConnectionHealth:
        """One connection by name. Raises KeyError."""
        for connection in self.connections:
            if connection.name == name:
                return connection
        raise KeyError(name)

    def topic(self, text: str) -> TopicHealth:
        """One topic, wherever it is. Raises KeyError."""
        for connection in self.connections:
            for topic in connection.topics:
                if topic.topic == text:
                    return topic
        raise KeyError(text)


@dataclass(slots=True)
class Counters:
    """What a connection counts of its rare events."""

    reconnects: int = 0
    rotations: int = 0
    gaps: int = 0
    unreadable: int = field(default=0)
