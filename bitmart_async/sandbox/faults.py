"""Scripted misbehaviour: what to do wrong, how often. Pure bookkeeping; the wire faces ask and obey."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .calls import Json
    from .clock import Clock

    _Push: TypeAlias = Callable[[Json], list[Json]]

__all__ = ["Faults", "RestFault", "StreamFault"]


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


class Faults:
    """Everything that can be made to go wrong. Times count calls; each script serves in order."""

    def __init__(self, clock: Clock, cut: Callable[[str], Awaitable[int]]) -> None:
        self._clock = clock
        self._cut = cut
        self._rest: defaultdict[str, deque[RestFault]] = defaultdict(deque)
        self._login_refusals: dict[str, StreamFault] = {}
        self._topic_refusals: dict[str, StreamFault] = {}
        self._swallowed_logins: defaultdict[str, int] = defaultdict(int)
        self._swallowed_acks: defaultdict[str, int] = defaultdict(int)
        self._muted: set[str] = set()
        self._pushes: defaultdict[str, deque[_Push]] = defaultdict(deque)
        self._lossy: dict[str, tuple[int, random.Random]] = {}
        self._late: dict[str, Json] = {}

    # REST

    def reply(
        self,
        path: str,
        status: int = 503,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        after: bool = False,
    ) -> None:
        """Answer the next calls of a path with this; with ``after`` the call is executed all the same."""
        self._rest[path].append(
            RestFault(times=times, after=after, status=status, body=body, headers=dict(headers or {}))
        )

    def drop_answer(self, path: str, times: int = 1, after: bool = True) -> None:
        """Close the connection of the next calls without an answer; with ``after`` they were executed."""
        self._rest[path].append(RestFault(times=times, after=after, drop=True))

    def delay(self, path: str, seconds: float, times: int = 1) -> None:
        """Answer the next calls correctly, but late; they are executed after the wait."""
        self._rest[path].append(RestFault(times=times, delay=seconds))

    def take_rest(self, path: str) -> RestFault | None:
        """The script for a call that has come in, used up by one."""
        queue = self._rest.get(path)
        if not queue:
            return None
        fault = queue[0]
        fault.times -= 1
        if fault.times <= 0:
            queue.popleft()
        return fault

    # The clock

    def skew(self, ms: int) -> None:
        """Let the exchange's clock run this far ahead of the machine's; 0 sets it right."""
        self._clock.skew_ms = ms

    # Streams

    async def cut(self, sockets: str = "") -> int:
        """Abort every stream socket whose name starts so, without a goodbye; says how many."""
        return await self._cut(sockets)

    def refuse_login(
        self,
        market: str,
        code: str = "91002",
        text: str = "",
        times: int = 1,
    ) -> None:
        """Refuse the next logins of a market, ``spot`` or ``futures``, whatever they say.

        Futures has no codes; without a text each market uses its own for an unknown key.
        """
        self._login_refusals[market] = StreamFault(code, text, times)

    def swallow_login(self, market: str, times: int = 1) -> None:
        """Answer the next logins of a market with silence. They do not count as logged in."""
        self._swallowed_logins[market] += times

    def swallow_ack(self, topic: str, times: int = 1) -> None:
        """Subscribe the next askers of a topic without acknowledging it."""
        self._swallowed_acks[topic] += times

    def refuse_topic(
        self,
        topic: str,
        code: str = "90004",
        text: str = "",
        times: int | None = None,
    ) -> None:
        """Refuse a topic from now on, or so many times; without a text in the market's usual words."""
        self._topic_refusals[topic] = StreamFault(code, text, times)

    def mute(self, topic: str) -> None:
        """Send nothing more on a topic; who subscribes is acknowledged as ever."""
        self._muted.add(topic)

    def unmute(self, topic: str) -> None:
        self._muted.discard(topic)

    def is_muted(self, topic: str) -> bool:
        return topic in self._muted

    def lose(self, topic: str, times: int = 1) -> None:
        """Do not send the next pushes of a topic. A book's versions count them all the same."""
        self._pushes[topic].extend([_nothing] * times)

    def lose_one_in(self, topic: str, number: int, seed: int = 1) -> None:
        """Lose one in so many pushes of a topic, at random, from now on; 0 ends it."""
        if number:
            self._lossy[topic] = number, random.Random(seed)
        else:
            self._lossy.pop(topic, None)

    def repeat(self, topic: str, times: int = 1) -> None:
        """Send the next pushes of a topic twice each."""
        self._pushes[topic].extend([_twice] * times)

    def swap(self, topic: str, times: int = 1) -> None:
        """Send the next push of a topic after the one that follows it; so many pairs."""

        def keep(frame: Json) -> list[Json]:
            self._late[topic] = frame
            return []

        def release(frame: Json) -> list[Json]:
            return [frame, self._late.pop(topic)]

        self._pushes[topic].extend([keep, release] * times)

    def spoil(self, topic: str, change: Callable[[Json], Json], times: int = 1) -> None:
        """Let a function change the next pushes of a topic: it gets a frame's object and returns one."""

        def spoiled(frame: Json) -> list[Json]:
            return [change(frame)]

        self._pushes[topic].extend([spoiled] * times)

    def disturbed(self, topic: str, frame: Json) -> list[Json]:
        """What to send instead of a push."""
        script = self._pushes.get(topic)
        if script:
            return script.popleft()(frame)
        if topic in self._lossy:
            number, chance = self._lossy[topic]
            return [] if chance.randrange(number) == 0 else [frame]
        return [frame]

    def take_login_refusal(self, market: str) -> StreamFault | None:
        return _take(self._login_refusals, market)

    def take_topic_refusal(self, topic: str) -> StreamFault | None:
        return _take(self._topic_refusals, topic)

    def swallows_login(self, market: str) -> bool:
        return _use(self._swallowed_logins, market)

    def swallows_ack(self, topic: str) -> bool:
        return _use(self._swallowed_acks, topic)


def _nothing(_: Json) -> list[Json]:
    return []


def _twice(frame: Json) -> list[Json]:
    return [frame, frame]


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
