"""What is to go wrong, as the wire faces ask for it. Pure bookkeeping: each script is used up as it serves."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from .calls import Json

    Push: TypeAlias = Callable[[Json], list[Json]]

__all__ = ["ANY_PATH", "FaultScript", "RestFault", "StreamFault"]

ANY_PATH: Final = "*"


@dataclass(slots=True, kw_only=True)
class RestFault:
    """What happens to a REST call instead of, or after, its execution."""

    times: int
    after: bool = False
    """The engine executes the call first."""
    delay: float = 0.0
    """Seconds to wait before anything else."""
    drop: bool = False
    """Close the connection without a word."""
    status: int | None = None
    """The answer to give; None gives the true one."""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class StreamFault:
    """A refusal on a stream. Spot shows code and text, futures the text alone."""

    code: str
    text: str
    times: int | None
    """None is for ever."""


class FaultScript:
    def __init__(self) -> None:
        self.maintenance = False
        self.rest: defaultdict[str, deque[RestFault]] = defaultdict(deque)
        self.login_refusals: dict[str, StreamFault] = {}
        self.topic_refusals: dict[str, StreamFault] = {}
        self.swallowed_logins: defaultdict[str, int] = defaultdict(int)
        self.swallowed_acks: defaultdict[str, int] = defaultdict(int)
        self.handshakes: deque[tuple[str, int]] = deque()
        """Socket name's beginning and HTTP status of handshakes to refuse."""
        self.muted: set[str] = set()
        self.pushes: defaultdict[str, deque[Push]] = defaultdict(deque)
        """What is sent instead of the next pushes of a topic."""
        self.lossy: dict[str, tuple[int, random.Random]] = {}
        self.lags: dict[str, float] = {}

    def take_rest(self, path: str) -> RestFault | None:
        """The script for a call that has come in, used up by one."""
        queue = self.rest.get(path) or self.rest.get(ANY_PATH)
        if not queue:
            return None
        fault = queue[0]
        fault.times -= 1
        if fault.times <= 0:
            queue.popleft()
        return fault

    def take_handshake(self, socket: str) -> int | None:
        """The status to refuse this handshake with, used up by one."""
        for number, (sockets, status) in enumerate(self.handshakes):
            if socket.startswith(sockets):
                del self.handshakes[number]
                return status
        return None

    def take_login_refusal(self, market: str) -> StreamFault | None:
        return _take(self.login_refusals, market)

    def take_topic_refusal(self, topic: str) -> StreamFault | None:
        return _take(self.topic_refusals, topic)

    def swallows_login(self, market: str) -> bool:
        return _use(self.swallowed_logins, market)

    def swallows_ack(self, topic: str) -> bool:
        return _use(self.swallowed_acks, topic)

    def is_muted(self, topic: str) -> bool:
        return topic in self.muted

    def disturbed(self, topic: str, frame: Json) -> list[Json]:
        """What to send instead of a push."""
        script = self.pushes.get(topic)
        if script:
            return script.popleft()(frame)
        if topic in self.lossy:
            number, chance = self.lossy[topic]
            return [] if chance.randrange(number) == 0 else [frame]
        return [frame]

    def clear(self) -> None:
        """Forget everything."""
        self.maintenance = False
        self.handshakes.clear()
        self.muted.clear()
        for table in (
            self.rest,
            self.login_refusals,
            self.topic_refusals,
            self.swallowed_logins,
            self.swallowed_acks,
            self.pushes,
            self.lossy,
            self.lags,
        ):
            table.clear()


def _take(table: dict[str, StreamFault], name: str) -> StreamFault | None:
    fault = table.get(name)
    if fault is not None and fault.times is not None:
        fault.times -= 1
        if fault.times <= 0:
            del table[name]
    return fault


def _use(table: dict[str, int], name: str) -> bool:
    if not table.get(name):
        return False
    table[name] -= 1
    return True
