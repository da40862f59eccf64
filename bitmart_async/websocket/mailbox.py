"""The bounded queue between the reader of a socket and a consumer, with four ways to overflow.

=============  ====================================================================================
policy         when the queue is full
=============  ====================================================================================
block          the reader waits for the consumer (the whole connection waits with it), unless an
               answer of the exchange is due: then it reads on for a while
drop_oldest    the oldest update is dropped and counted
latest         only the newest update per topic and symbol is kept; the others are counted
raise          the consumer gets SlowConsumer after what is queued; the rest is dropped and counted
=============  ====================================================================================

Until somebody takes the first update nobody can be slow: the newest are kept, whatever the policy. Under
``raise`` the first take says how many were lost before it; under ``block`` the loss is told when it begins.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar, get_args

from bitmart_async.errors import ParameterError, SlowConsumer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Self

__all__ = ["Mailbox", "Overflow", "Pressure", "check_overflow"]

T = TypeVar("T")

Overflow: TypeAlias = Literal["block", "drop_oldest", "latest", "raise"]


def check_overflow(overflow: str, queue_size: int) -> None:
    """Refuse a policy or a size that does not exist."""
    if overflow not in get_args(Overflow):
        raise ParameterError(f"overflow={overflow!r}: must be one of {', '.join(get_args(Overflow))}")
    if isinstance(queue_size, bool) or queue_size < 1:
        raise ParameterError(f"queue_size={queue_size!r}: must be 1 or more")


_MOST_BEYOND = 10_000
"""Updates kept beyond the queue's size for a reader that has to read on."""


class Pressure:
    """Set by a mailbox that is filling up: the reader should let its consumer run."""

    __slots__ = ("high",)

    def __init__(self) -> None:
        self.high = False


class Mailbox(Generic[T]):
    """A few producers, one consumer, no task.

    Args:
        key: Of an update, for the policy ``latest``.
        told: Called once when an overflow begins, with the mailbox.
        pressure: Shared with the readers.
        loop: Where its producers run; nobody may wait in another.
    """

    __slots__ = (
        "_calm_below",
        "_closed",
        "_error",
        "_half",
        "_items",
        "_key",
        "_latest",
        "_loop",
        "_lost",
        "_notes",
        "_overflow",
        "_plain",
        "_pressure",
        "_readers",
        "_size",
        "_told",
        "_waiter",
        "dropped",
        "taken",
    )

    def __init__(
        self,
        overflow: Overflow,
        size: int,
        *,
        key: Callable[[T], Hashable],
        told: Callable[[Mailbox[T]], None],
        pressure: Pressure | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._overflow = overflow
        self._size = size
        self._half = size // 2
        self._pressure = pressure or Pressure()
        self._key = key
        self._told = told
        self._calm_below = 0
        """A queue shorter than this takes an update without further questions."""
        self._items: deque[T] = deque()
        self._latest: dict[Hashable, T] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._loop = loop
        self._readers: set[asyncio.Event] = set()
        self._notes: deque[Exception] = deque()
        """To be raised once each, without an end."""
        self._plain = False
        """Whether an update that waits is given without further questions."""
        self._lost = 0  # since the consumer was last told
        self._closed = False
        self._error: Exception | None = None
        self.dropped = 0
        """Updates lost to this consumer since it began."""
        self.taken = False
        """Whether the consumer has ever asked."""
        self._look()

    def _look(self) -> None:
        """Something has changed that the quick ways of putting and getting must know."""
        calm = not self._lost
        self._calm_below = self._half if calm and self._overflow != "latest" and not self._closed else 0
        self._plain = calm and self.taken and not self._readers and not self._notes

    def __len__(self) -> int:
        return len(self._latest) if self._overflow == "latest" else len(self._items)

    @property
    def oldest(self) -> T | None:
        """What the consumer gets next; None when nothing waits."""
        if self._overflow == "latest":
            return next(iter(self._latest.values()), None)
        return self._items[0] if self._items else None

    @property
    def full(self) -> bool:
        """Whether a reader under the policy ``block`` has to wait."""
        return self._overflow == "block" and self.taken and len(self._items) >= self._size

    @property
    def overfull(self) -> bool:
        """Whether a reader has to wait even when it had better read on."""
        return self.full and len(self._items) >= self._size + _MOST_BEYOND

    def put(self, item: T) -> None:
        """Add an update; never waits."""
        items = self._items
        if len(items) < self._calm_below:
            items.append(item)
            if self._waiter is not None:
                self._wake()
            return
        if self._closed:
            return
        if self._overflow == "latest":
            self._put_latest(item)
        elif self._overflow == "raise" and self.taken and (self._lost or len(self._items) >= self._size):
            self._lose()  # what comes after a loss waits until the consumer knows of it
        elif len(self._items) < self._size or self.full:  # a blocked reader finishes its frame
            self._items.append(item)
            if len(self._items) > self._half:
                self._pressure.high = True  # not once it is full: then it is slow, and yielding is in vain
        else:
            self._items.popleft()
            self._items.append(item)
            self._lose()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _put_latest(self, item: T) -> None:
        key = self._key(item)
        if self._latest.pop(key, None) is not None:
            self.dropped += 1  # by design of the policy: counted, not told
        elif len(self._latest) >= self._size:
            del self._latest[next(iter(self._latest))]
            self._lose()
        self._latest[key] = item

    def _lose(self) -> None:
        self.dropped += 1
        self._lost += 1
        if self._lost == 1:
            self._look()
            if self.taken or self._overflow == "block":  # which promises that nothing is lost
                self._told(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next update.

        Raises:
            Exception: What was given to :meth:`note`; the next get goes on.
            SlowConsumer: Under ``raise``: updates were lost. The next get goes on after them.
            StopAsyncIteration: Closed, and nothing is left.
        """
        if self._plain and self._items:
            return self._items.popleft()
        if not self.taken:
            self.taken = True
            lost, self._lost = self._lost, 0
            self._look()
            if lost and self._overflow == "raise":  # nobody was slow, but nothing may go missing unsaid
                raise SlowConsumer(
                    f"{lost} updates came and went before the iteration began: only the newest "
                    f"{self._size} are kept until then. Iterate at once, raise queue_size=, or use "
                    f"a handler.",
                    dropped=lost,
                )
        while True:
            if self._notes:
                note = self._notes.popleft()
                self._look()
                raise note
            if self._items or self._latest:
                return self._take()
            if self._lost and self._overflow == "raise":
                lost, self._lost = self._lost, 0
                self._look()
                raise SlowConsumer(
                    f"{lost} updates were lost: the consumer fell behind its queue of "
                    f"{self._size}. Do less per update, raise queue_size=, or choose another "
                    f"overflow=.",
                    dropped=lost,
                )
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._closed:
                raise StopAsyncIteration
            if self._waiter is not None:
                raise ParameterError(
                    "this subscription is already being iterated by another task; "
                    "subscribe again to have a second iterator"
                )
            loop = asyncio.get_running_loop()
            if self._loop is not None and self._loop is not loop:
                raise ParameterError(
                    "this subscription belongs to another event loop, the one it was subscribed in; "
                    "iterate it there"
                )
            waiter = self._waiter = loop.create_future()
            try:
                await waiter
            finally:
                if self._waiter is waiter:  # nobody woke it: it was cancelled
                    self._waiter = None

    get = __anext__

    def _take(self) -> T:
        latest = self._overflow == "latest"
        item = self._latest.pop(next(iter(self._latest))) if latest else self._items.popleft()
        if self._lost and self._overflow != "raise" and not self._items and not self._latest:
            self._lost = 0  # only who has caught up can fall behind anew
            self._look()
        if self._readers and len(self._items) <= self._half:
            self._tell_readers()
        return item

    def tell_room(self, reader: asyncio.Event) -> None:
        """Set an event once the consumer has made room (policy ``block``); several readers may wait."""
        if self.full and not self._closed:
            self._readers.add(reader)
            self._look()
        else:
            reader.set()

    def _tell_readers(self) -> None:
        for reader in self._readers:
            reader.set()
        self._readers.clear()
        self._look()

    def note(self, error: Exception) -> None:
        """Raise an error at the next get, once; what is queued and what comes is given all the same."""
        if self._closed or error in self._notes:
            return
        self._notes.append(error)
        self._look()
        self._wake()

    def close(self, error: Exception | None = None) -> None:
        """No more updates: the consumer gets what is queued, then the end, or ``error``."""
        if self._closed:
            return
        self._closed = True
        if error is not None and error in self._notes:  # it is the end now, and told then
            self._notes.remove(error)
        self._error = error
        self._tell_readers()
        self._wake()
