"""What users receive: updates (one element of data) and events (the life of connections)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from bitmart_async.models.base import Model  # noqa: TC001 - read at run time, for users' get_type_hints
from bitmart_async.text import first_few
from bitmart_async.websocket.topics import Market

__all__ = ["EVENT_NAMES", "Event", "Gap", "StreamData", "Update"]

DataT_co = TypeVar("DataT_co", covariant=True)

StreamData: TypeAlias = "Model | JSON"
"""Data of a topic given as text: a model, or plain JSON for a channel nobody has described."""

JSON: TypeAlias = "dict[str, object] | list[object] | str | int | bool | None"


class Update(msgspec.Struct, Generic[DataT_co], frozen=True, gc=False):
    """One element of data: one ticker, one trade, one candle, one order."""

    topic: str
    """As subscribed, even where the exchange answers on an alias (``@100ms``)."""
    channel: str
    market: Market
    symbol: str
    """From the data where it is there, else from the topic; empty when neither has one."""
    data: DataT_co
    received_ns: int
    """When its frame was read here, Unix nanoseconds by this machine's clock."""
    raw: bytes
    """The frame it came in (shared by all elements of that frame), inflated."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a connection: private events in it were not pushed and are never replayed."""

    started_ns: int
    """Last byte before the loss, Unix nanoseconds."""
    ended_ns: int
    """Live again, Unix nanoseconds."""

    @property
    def seconds(self) -> float:
        """How long nothing was heard."""
        return (self.ended_ns - self.started_ns) / 1e9


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Event:
    """Something in the life of a connection."""

    name: str
    """One of :data:`EVENT_NAMES`."""
    connection: str
    """spot_public, spot_private, futures_public or futures_private, numbered from the second on."""
    generation: int
    """Counts the sockets of a connection, from 1."""
    topics: tuple[str, ...] = ()
    """Topics concerned."""
    error: Exception | None = None
    """What went wrong, where something did."""
    gap: Gap | None = None
    """Of ``live``: the time without data; None when nothing was lost. Of ``gap``: when updates may be lost."""
    operation: str = ""
    """Of ``response``: subscribe or unsubscribe."""
    delay: float | None = None
    """Of ``reconnecting``: seconds until the next try."""

    def __repr__(self) -> str:
        """What is there; of many topics the first few."""
        said = [f"{self.name!r}"]
        if self.connection:
            said.append(f"{self.connection} generation {self.generation}")
        if self.topics:
            said.append(f"{len(self.topics)} topics: {first_few(self.topics)}")
        said += [f"operation={self.operation!r}"] if self.operation else []
        said += [f"gap of {self.gap.seconds:.1f} s"] if self.gap is not None else []
        said += [f"delay={self.delay:.1f}"] if self.delay is not None else []
        said += [f"error={type(self.error).__name__}({str(self.error)!r})"] if self.error is not None else []
        return f"<Event {', '.join(said)}>"


EVENT_NAMES: Final = (
    "open",
    "authenticated",
    "response",
    "update",
    "reconnecting",
    "reconnect",
    "reconnected",
    "live",
    "stale",
    "gap",
    "resync",
    "close",
    "exception",
)
"""What ``ws.on(name)`` takes. ``reconnect`` is the older name of ``reconnecting``."""
