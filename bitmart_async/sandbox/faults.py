"""Misbehaviour to order: every fault a network or an exchange can have, by hand or as a seeded storm.

A name that does not exist is refused at once, so that a test with a typing error does not pass for want of
a fault. Scripts of one path serve in the order they were given.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Protocol

from .fault_script import ANY_PATH, FaultScript, RestFault, StreamFault
from .journal import SOCKETS
from .storm import KINDS, Storm

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from .calls import Json
    from .clock import Clock

__all__ = ["Faults"]

_MARKETS: Final = ("spot", "futures")
_MOST_TIMES: Final = 1_000_000
_MOST_MS: Final = 100 * 365 * 86_400_000
"""A century; more is a slip, and numbers past 64 bits fit into no reply."""
_EDGE_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>503 | Cloudflare</title></head><body><h1>Error</h1>"
    b"<p>Performance &amp; security by Cloudflare</p></body></html>"
)


class _Sockets(Protocol):
    """The stream server of one market."""

    def cut(self, sockets: str) -> int: ...
    def hold(self, sockets: str, *, deaf: bool) -> int: ...
    def resume(self, sockets: str) -> int: ...
    def heal(self) -> None: ...
    def topic_fault(self, topic: str) -> str: ...
    @property
    def topics(self) -> list[str]: ...


class Faults:
    """Everything that can be made to go wrong.

    ``path`` is a REST path of the exchange, or ``"*"`` for whatever is called next. ``sockets`` is the
    beginning of a socket's name: ``spot_public``, ``futures``, or ``""`` for all. ``times`` counts calls.

    Every fault raises ``ValueError`` for a name that does not exist and for a number that makes no sense.
    """

    def __init__(
        self,
        script: FaultScript,
        clock: Clock,
        paths: Collection[str],
        markets: Mapping[str, _Sockets],
    ) -> None:
        self._script = script
        self._clock = clock
        self._paths = paths
        self._markets = markets

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
        fault = RestFault(
            times=_times(times), after=after, status=_status(status), body=body, headers=dict(headers or {})
        )
        self._add(path, fault)

    def drop_answer(self, path: str, times: int = 1, after: bool = True) -> None:
        """Close the connection of the next calls without an answer; with ``after`` they were executed."""
        self._add(path, RestFault(times=_times(times), after=after, drop=True))

    def delay(self, path: str, seconds: float, times: int = 1) -> None:
        """Answer the next calls correctly, but late; they are executed after the wait."""
        self._add(path, RestFault(times=_times(times), delay=_seconds(seconds)))

    def limit(self, path: str = ANY_PATH, times: int = 1) -> None:
        """Refuse the next calls with 429, as one too many."""
        self.reply(path, 429, _refusal(30013, "Request too many requests"), times=times)

    def ban(self, path: str = ANY_PATH, times: int = 1) -> None:
        """Refuse the next calls with 418, as from an address that is shut out."""
        self.reply(path, 418, _refusal(30017, "Your account is temporarily denied access"), times=times)

    def edge(self, path: str = ANY_PATH, status: int = 503, times: int = 1) -> None:
        """Answer the next calls with a page of HTML from the edge before the exchange."""
        self.reply(
            path,
            status,
            _EDGE_PAGE,
            headers={"Server": "cloudflare", "CF-RAY": "8a1b2c3d4e5f-FRA"},
            times=times,
        )

    async def maintenance(self, on: bool = True) -> None:
        """Answer every call with 30016, cut every socket and let none in; with False all is well again."""
        self._script.maintenance = on
        if on:
            await self.cut()

    # The clock

    def skew(self, ms: int) -> None:
        """Let the exchange's clocks run this far ahead of the machine's; 0 sets them right."""
        if abs(ms) > _MOST_MS:
            raise ValueError(f"ms={ms}: a clock can be wrong by {_MOST_MS} ms (a century) at most")
        self._clock.skew_ms = ms

    # Sockets

    async def cut(self, sockets: str = "") -> int:
        """Reset every open socket whose name starts so, without a goodbye; says how many."""
        cut = sum(face.cut(_sockets(sockets)) for face in self._markets.values())
        await asyncio.sleep(0)
        return cut

    def blackhole(self, sockets: str = "") -> int:
        """Let the open sockets stay open and hear and say nothing for ever; says how many.

        They end when they are cut, or with the sandbox; new sockets work.
        """
        return sum(face.hold(_sockets(sockets), deaf=True) for face in self._markets.values())

    def stall(self, sockets: str = "") -> int:
        """Hold back whatever goes either way on the open sockets, until :meth:`resume`; says how many."""
        return sum(face.hold(_sockets(sockets), deaf=False) for face in self._markets.values())

    def resume(self, sockets: str = "") -> int:
        """Let stalled sockets go on, with all they missed, in order; says how many."""
        return sum(face.resume(_sockets(sockets)) for face in self._markets.values())

    def refuse_sockets(self, sockets: str = "", status: int = 503, times: int = 1) -> None:
        """Answer the next handshakes with an HTTP status instead of a socket."""
        self._script.handshakes.extend([(_sockets(sockets), _status(status))] * _times(times))

    # Logins and topics

    def refuse_login(self, market: str, code: str = "91002", text: str = "", times: int = 1) -> None:
        """Refuse the next logins of a market, ``spot`` or ``futures``, whatever they say.

        Futures has no codes; without a text each market uses its own for an unknown key.
        """
        self._script.login_refusals[_market(market)] = StreamFault(code, text, _times(times))

    def swallow_login(self, market: str, times: int = 1) -> None:
        """Answer the next logins of a market with silence. They do not count as logged in."""
        self._script.swallowed_logins[_market(market)] += _times(times)

    def swallow_ack(self, topic: str, times: int = 1) -> None:
        """Subscribe the next askers of a topic without acknowledging it."""
        self._script.swallowed_acks[self._topic(topic)] += _times(times)

    def refuse_topic(
        self,
        topic: str,
        code: str = "90004",
        text: str = "",
        times: int | None = None,
    ) -> None:
        """Refuse a topic from now on, or so many times; without a text in the market's usual words."""
        refusal = StreamFault(code, text, None if times is None else _times(times))
        self._script.topic_refusals[self._topic(topic)] = refusal

    def mute(self, topic: str) -> None:
        """Send nothing more on a topic; who subscribes is acknowledged as ever."""
        self._script.muted.add(self._topic(topic))

    def unmute(self, topic: str) -> None:
        """End :meth:`mute`."""
        self._script.muted.discard(self._topic(topic))

    def lose(self, topic: str, times: int = 1) -> None:
        """Do not send the next pushes of a topic. A book's versions count them all the same."""
        self._script.pushes[self._topic(topic)].extend([_nothing] * _times(times))

    def lose_one_in(self, topic: str, number: int, seed: int = 1) -> None:
        """Lose one in so many pushes of a topic, at random, from now on; 0 ends it."""
        if number < 0:
            raise ValueError(f"number={number}: one in 2, in 100 or so, or 0 to end it")
        if number:
            self._script.lossy[self._topic(topic)] = number, random.Random(seed)
        else:
            self._script.lossy.pop(self._topic(topic), None)

    def repeat(self, topic: str, times: int = 1) -> None:
        """Send the next pushes of a topic twice each."""
        self._script.pushes[self._topic(topic)].extend([_twice] * _times(times))

    def swap(self, topic: str, times: int = 1) -> None:
        """Send the next push of a topic after the one that follows it; so many pairs."""
        late: list[Json] = []

        def keep(frame: Json) -> list[Json]:
            late.append(frame)
            return []

        def release(frame: Json) -> list[Json]:
            return [frame, late.pop()]

        self._script.pushes[self._topic(topic)].extend([keep, release] * _times(times))

    def spoil(self, topic: str, change: Callable[[Json], Json], times: int = 1) -> None:
        """Let a function change the next pushes of a topic: it gets a frame's object and returns one."""

        def spoiled(frame: Json) -> list[Json]:
            return [change(frame)]

        self._script.pushes[self._topic(topic)].extend([spoiled] * _times(times))

    def lag(self, topic: str, seconds: float) -> None:
        """Send every frame of a topic so late from now on; 0 ends it."""
        if _seconds(seconds):
            self._script.lags[self._topic(topic)] = seconds
        else:
            self._script.lags.pop(self._topic(topic), None)

    # All of it

    async def clear(self) -> None:
        """Forget every script, let stalled sockets go on, cut blackholed ones, set the clock right."""
        self._script.clear()
        self._clock.skew_ms = 0
        for face in self._markets.values():
            face.heal()
        await asyncio.sleep(0)

    def storm(
        self,
        seed: int = 1,
        *,
        every: float = 0.5,
        lasting: float = 1.0,
        kinds: Sequence[str] = KINDS,
    ) -> Storm:
        """Faults at random while an ``async with`` lasts; its end heals everything.

        Args:
            seed: The same seed, the same sequence of faults; on which topics also depends on what is
                subscribed.
            every: Seconds between two faults, on average.
            lasting: How long a fault that lasts does so at most, seconds.
            kinds: What may happen; all that needs no clock by default.

        Raises:
            ValueError: There is no such kind, or a number makes no sense.
        """
        if not 0 < every < math.inf:
            raise ValueError(f"every={every}: give seconds above 0")
        _seconds(lasting, "lasting")
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            raise ValueError(f"no such fault: {', '.join(unknown)}; there are {', '.join(KINDS)}")
        return Storm(self, self._listened, seed, every=every, lasting=lasting, kinds=tuple(kinds))

    # Inside

    def _listened(self) -> list[str]:
        return sorted(topic for face in self._markets.values() for topic in face.topics)

    def _add(self, path: str, fault: RestFault) -> None:
        if path != ANY_PATH and path not in self._paths:
            near = get_close_matches(path, self._paths, n=1)
            raise ValueError(f"the exchange has no path {path!r}{_meant(near)}; '*' is any")
        self._script.rest[path].append(fault)

    def _topic(self, topic: str) -> str:
        face = self._markets.get(topic.partition("/")[0])
        wrong = "it starts with spot/ or futures/" if face is None else face.topic_fault(topic)
        if wrong:
            raise ValueError(f"the exchange has no topic {topic!r}: {wrong}")
        return topic


def _nothing(_: Json) -> list[Json]:
    return []


def _twice(frame: Json) -> list[Json]:
    return [frame, frame]


def _refusal(code: int, text: str) -> bytes:
    return json.dumps({"message": text, "code": code, "trace": "scripted", "data": {}}).encode()


def _meant(near: list[str]) -> str:
    return f", perhaps {near[0]!r}" if near else ""


def _sockets(beginning: str) -> str:
    if not any(name.startswith(beginning) for name in SOCKETS):
        raise ValueError(f"no socket's name starts with {beginning!r}; there are {', '.join(SOCKETS)}")
    return beginning


def _times(times: int) -> int:
    if not 1 <= times <= _MOST_TIMES:
        raise ValueError(f"times={times}: give 1 to {_MOST_TIMES}")
    return times


def _seconds(seconds: float, name: str = "seconds") -> float:
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{name}={seconds}: give 0 or more seconds, and an end")
    return seconds


def _status(status: int) -> int:
    if not 200 <= status <= 599:
        raise ValueError(f"status={status}: an HTTP status that ends a call is 200 to 599")
    return status


def _market(name: str) -> str:
    if name not in _MARKETS:
        raise ValueError(f"{name!r} is no market: it is spot or futures")
    return name
