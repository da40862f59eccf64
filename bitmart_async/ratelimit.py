"""Rate limits: a strict sliding window per endpoint and scope, first come first served.

The promise: no ``per`` seconds ever hold more than ``requests`` calls as the exchange counts them.
The exchange counts a call when it arrives, which is some time between our sending it and our
reading the answer. So a place in the window is taken when a call is let through, kept while it is
under way, and given back ``per`` seconds after its answer: whenever it arrived, it has left the
exchange's window by then.

Scopes: IP is shared by everything on this machine that shares the object, KEY and UID by everything
with the same key (the exchange counts UID over all keys of an account; a client knows only its
own). The table's figures are corrected by the reply headers; 429 pauses a window for its length,
418 stops a whole host.
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bitmart_async.errors import Fate, IpBanned

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Quota", "RateLimitState", "RateLimits", "Scope", "Use"]

BAN_SECONDS = 600.0
"""How long a host is left alone after 418. The exchange documents no length: unverified."""
LONGEST_WINDOW = 3600.0
"""Seconds: a reply header that says more is not believed."""
MOST_CALLS = 1_000_000
"""In one window: a reply header that says more is not believed."""
MOST_GATES = 1_000
"""Windows kept: ``client.request`` takes any path, and a window nobody uses is soon like a new one."""


class Scope(enum.Enum):
    """What the exchange counts calls by."""

    IP = "IP"
    KEY = "KEY"
    UID = "UID"


@dataclass(frozen=True, slots=True)
class Quota:
    """``requests`` calls per ``per`` seconds."""

    requests: int
    per: float = 2.0
    scope: Scope = Scope.IP


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """What one reply's headers said."""

    used: int
    """Calls used in the window. The header is called Remaining but counts upwards."""
    limit: int
    """Calls allowed in the window."""
    window: float
    """Length of the window in seconds. The header is called Reset but is no moment in time."""
    mode: str
    """What is counted, e.g. ``IP``; empty when the header is absent."""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> RateLimitState | None:
        """Read X-BM-RateLimit-*; None when they are absent or make no sense."""
        used = headers.get("X-BM-RateLimit-Remaining")
        limit = headers.get("X-BM-RateLimit-Limit")
        window = headers.get("X-BM-RateLimit-Reset")
        if used is None or limit is None or window is None:
            return None
        return _state(used, limit, window, headers.get("X-BM-RateLimit-Mode", ""))


@lru_cache(maxsize=128)  # the same few texts come again and again
def _state(used: str, limit: str, window: str, mode: str) -> RateLimitState | None:
    try:
        state = RateLimitState(int(used), int(limit), float(window), mode)
    except ValueError:
        return None
    # A moment in time, NaN or inf in Reset would close a window for good; numbers of hundreds of
    # digits fit into no float.
    sane = 0 < state.limit <= MOST_CALLS and 0 <= state.used <= MOST_CALLS
    return state if sane and 0 < state.window <= LONGEST_WINDOW else None


@dataclass(frozen=True, slots=True)
class Use:
    """How much of one window is in use now."""

    used: int
    limit: int
    per: float
    waiting: int
    """Calls queued for a place."""
    paused_for: float
    """Seconds until the window opens again after a 429; 0 when it is open."""


class Window:
    """One strict sliding window. Pure: it is handed the time."""

    __slots__ = ("_done", "_paused_until", "_under_way", "per", "requests")

    def __init__(self, requests: int, per: float) -> None:
        self.requests = requests
        self.per = per
        self._done: deque[float] = deque()
        self._under_way = 0
        self._paused_until = float("-inf")

    def delay(self, now: float) -> float | None:
        """Seconds until one more call may go, 0.0 for now, None: not before one comes back."""
        done, past = self._done, now - self.per
        while done and done[0] <= past:
            done.popleft()
        pause = self._paused_until - now if self._paused_until > now else 0.0
        used = len(done) + self._under_way
        if used < self.requests:
            return pause
        over = used - self.requests  # places that must come free before ours does
        if over >= len(self._done):
            return None
        return max(pause, self._done[over] + self.per - now)

    def take(self) -> None:
        """One call goes out."""
        self._under_way += 1

    def give_back(self, now: float, *, sent: bool = True) -> None:
        """One call came back (or never left: ``sent=False`` frees its place at once)."""
        self._under_way -= 1
        if sent:
            self._done.append(now)

    def pause(self, until: float) -> None:
        """Let nothing through before ``until``."""
        self._paused_until = max(self._paused_until, until)

    def correct(self, state: RateLimitState, now: float) -> None:
        """Believe the exchange where it is stricter: a lower rate, more calls used."""
        if state.limit / state.window < self.requests / self.per:
            self.requests, self.per = state.limit, state.window
        if state.window > self.per:
            return  # more calls in a longer window say nothing about ours
        missing = min(state.used, self.requests) - self.used(now)
        if missing > 0:
            self._done.extend([now] * missing)  # calls of another program with the same key or address

    def used(self, now: float) -> int:
        """Places taken now."""
        self.delay(now)
        return len(self._done) + self._under_way

    def paused_for(self, now: float) -> float:
        """Seconds until a pause ends."""
        return max(0.0, self._paused_until - now)

    def idle(self, now: float) -> bool:
        """Whether it holds nothing that a new window would not."""
        return self.used(now) == 0 and not self.paused_for(now)


def _now() -> float:
    """The running loop's time, so that windows and timers agree."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


class SentAway(Exception):
    """The caller's client was closed while it queued. Internal: the transport makes an error of it."""


class Gate:
    """A window with a queue: callers pass in the order they came."""

    __slots__ = ("_timer", "_waiting", "dropped", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.dropped = False
        """Whether it was forgotten while nobody used it: who kept it must ask for the one of today."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Callers queued."""
        return len(self._waiting)

    def enter_at_once(self, now: float) -> bool:
        """Take a place if one is free and nobody waits; pair with :meth:`leave`."""
        if self._waiting or self.window.delay(now) != 0.0:
            return False
        self.window.take()
        return True

    async def enter(self, line: set[asyncio.Future[None]] | None = None) -> None:
        """Wait for a place and take it; pair with :meth:`leave`.

        Args:
            line: Holds the caller while it queues; whoever puts :class:`SentAway` into it ends the wait.
        """
        if self.enter_at_once(_now()):
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if line is not None:
            line.add(turn)
        self._serve()
        try:
            await turn
        except (asyncio.CancelledError, SentAway):
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                # the place was granted as the caller left
                self.leave(sent=False)
            else:
                if turn in self._waiting:  # else _serve ran between the cancel and this line, and dropped it
                    self._waiting.remove(turn)
                self._serve()
            raise
        finally:
            if line is not None:
                line.discard(turn)

    def leave(self, *, sent: bool = True) -> None:
        """The call is over."""
        self.window.give_back(_now(), sent=sent)
        if self._waiting:
            self._serve()

    def _serve(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            delay = self.window.delay(_now())
            if delay is None:
                return  # leave() calls again
            if delay > 0:
                self._timer = asyncio.get_running_loop().call_later(delay, self._serve)
                return
            turn = self._waiting.popleft()
            if not turn.done():
                self.window.take()
                turn.set_result(None)


class RateLimits:
    """All windows of one or more clients. Share one object between clients of the same key.

    Args:
        default: For endpoints whose quota nobody knows: 8 calls per 2 seconds, per key or address.
    """

    def __init__(self, default: Quota | None = None) -> None:
        self.default = default or Quota(8)
        self._gates: dict[tuple[str, str], Gate] = {}
        self._banned: dict[str, float] = {}

    def gate(self, name: str, quota: Quota | None, *, host: str, key: str) -> Gate:
        """The gate of one endpoint for one caller.

        Args:
            name: Method and path.
            key: The API key, or empty for public calls.
        """
        counted_by = "" if quota is not None and quota.scope is Scope.IP else key
        quota = quota or self.default
        owner = (f"{host} {name}", counted_by)
        gate = self._gates.get(owner)
        if gate is None:
            if len(self._gates) >= MOST_GATES:
                self._drop_idle()
            gate = self._gates[owner] = Gate(Window(quota.requests, quota.per))
        return gate

    def _drop_idle(self) -> None:
        now = _now()
        for owner, gate in tuple(self._gates.items()):
            if not gate.waiting and gate.window.idle(now):
                gate.dropped = True
                del self._gates[owner]

    def ban(self, host: str, seconds: float = BAN_SECONDS) -> None:
        """Send nothing more to ``host`` for a while."""
        until = _now() + seconds
        self._banned[host] = max(until, self._banned.get(host, until))

    def check_ban(self, host: str, endpoint: str) -> None:
        """Raise :class:`IpBanned` while ``host`` is to be left alone."""
        if not self._banned:
            return
        left = self._banned.get(host, 0.0) - _now()
        if left > 0:
            raise IpBanned(
                f"{host} has blocked this address",
                endpoint=endpoint,
                code=30017,
                message="not sent: the host blocked this address earlier",
                http_status=418,
                retry_after=left,
                fate=Fate.NOT_SENT,
            )

    def use(self) -> dict[str, Use]:
        """How full each window is now, by host, method and path.

        Windows counted by key carry the key's last characters, at most four and at most a quarter of it.
        """
        view: dict[str, Use] = {}
        now = _now()
        for (name, key), gate in self._gates.items():
            window = gate.window
            row = f"{name} (key …{key[len(key) - min(4, len(key) // 4) :]})" if key else name
            twins = sum(other == row or other.startswith(f"{row} #") for other in view)
            view[f"{row} #{twins + 1}" if twins else row] = Use(
                window.used(now), window.requests, window.per, gate.waiting, window.paused_for(now)
            )
        return view
