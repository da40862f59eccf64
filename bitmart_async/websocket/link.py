"""One socket with its conversation and its tasks, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from typing import TYPE_CHECKING

from bitmart_async.websocket.sleep import SleepWatch

if TYPE_CHECKING:
    from collections.abc import Generator

    from bitmart_async.errors import BitMartError
    from bitmart_async.websocket.session import Session
    from bitmart_async.websocket.transport import Transport

__all__ = ["Bell", "Chores", "Final", "Link", "SocketEnded", "loop_runs", "outcome_of"]

_ROTATE_EARLY = 0.8
"""A planned rotation comes after this part of its time at the earliest: clients must not rotate in step."""


class SocketEnded(Exception):
    """A socket is of no more use; the text says why."""

    def __init__(self, why: str, *, login_lost: bool = False) -> None:
        super().__init__(why)
        self.login_lost = login_lost


class Final(Exception):
    """Trying again cannot help."""

    def __init__(self, error: BitMartError) -> None:
        super().__init__(str(error))
        self.error = error


class Link:
    """One socket with its conversation."""

    __slots__ = ("generation", "keeper", "opened", "parting", "reader", "session", "settled", "transport")

    def __init__(self, generation: int, transport: Transport, session: Session, opened: float) -> None:
        self.generation = generation
        self.transport = transport
        self.session = session
        self.opened = opened
        self.keeper: asyncio.Task[None] | None = None
        self.reader: asyncio.Task[None] | None = None
        """Of a socket that is to replace another; the first one is read by the connection's own task."""
        self.settled = asyncio.Event()
        """It has every topic; of a socket that is to replace another."""
        self.parting = False
        """It is being closed because nothing is wanted."""

    def heard_ns(self) -> int:
        """When the last byte came on it, in Unix nanoseconds."""
        ago = asyncio.get_running_loop().time() - self.session.heard
        return time.time_ns() - int(ago * 1e9)

    async def drop(self) -> None:
        """End it and its tasks; what they ended with has been told where it matters."""
        self.transport.abort()
        tasks = {task for task in (self.keeper, self.reader) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            outcome_of(task)

    @property
    def ended(self) -> bool:
        """Whether its reader or its keeper has given it up."""
        return any(task is not None and task.done() for task in (self.keeper, self.reader))

    def check(self) -> None:
        """Raise what it ended with."""
        for task in (self.keeper, self.reader):
            why = outcome_of(task)
            if why is not None:
                raise why


class Chores:
    """What a keeper remembers of its socket beside the conversation."""

    __slots__ = ("idle_since", "rotate_at", "sleep")

    def __init__(self, opened: float, wall_ns: int, rotate_after: float | None) -> None:
        self.idle_since: float | None = None
        self.sleep = SleepWatch(opened, wall_ns)
        self.rotate_at = math.inf
        if rotate_after is not None:
            self.rotate_at = opened + random.uniform(_ROTATE_EARLY, 1.0) * rotate_after  # noqa: S311 - jitter


def outcome_of(task: asyncio.Task[None] | None) -> BaseException | None:
    """What a task has ended with."""
    return task.exception() if task is not None and task.done() and not task.cancelled() else None


def loop_runs() -> bool:
    """Whether there is still a loop: a program that ended without closing only has its coroutines collected."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Bell:
    """Wakes every keeper."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()

    def set(self) -> None:
        """Ring."""
        for event in self._events:
            event.set()

    @contextlib.contextmanager
    def heard_by(self, event: asyncio.Event) -> Generator[None]:
        """Ring also here, for a while."""
        self._events.add(event)
        try:
            yield
        finally:
            self._events.discard(event)
