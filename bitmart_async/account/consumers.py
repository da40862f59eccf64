"""Who is told of an account's changes, and which of them everybody has been given."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bitmart_async.errors import SlowConsumer
from bitmart_async.websocket.handlers import Reporter, being_cancelled

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import Self

    from bitmart_async.account.changes import Change
    from bitmart_async.account.cursor import Place

__all__ = ["Changes"]

T = TypeVar("T")

MOST_QUEUED: Final = 10_000
"""Changes kept for an iterator or an async handler that falls behind."""


class Changes(Generic[T]):
    """An async iterator over changes, from the moment it was made; one task may read it.

    It ends when the tracker is closed, and raises SlowConsumer when it fell 10,000 changes behind.
    Drop it, or call ``close()``, when it is no longer read.
    """

    def __init__(self, given: int) -> None:
        self._items: deque[tuple[int, T]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._error: SlowConsumer | None = None
        self.given = given
        """Number of the last change that was handed out."""

    def put(self, number: int, change: T) -> bool:
        """Queue one; False when there is no room: then it is over."""
        if self._closed:
            return True
        if len(self._items) >= MOST_QUEUED:
            self._error = SlowConsumer(
                f"more than {MOST_QUEUED} account changes waited to be read; the rest is lost to this "
                f"consumer. The cursor stays at the last one it got.",
                dropped=1,
            )
            self.close()
            return False
        self._items.append((number, change))
        self._stir()
        return True

    def close(self) -> None:
        """No more changes; those that are queued are still given."""
        self._closed = True
        self._stir()

    @property
    def closed(self) -> bool:
        """Whether nothing more is queued."""
        return self._closed

    def _stir(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next change.

        Raises:
            SlowConsumer: Changes were lost to it.
        """
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._closed:
                raise StopAsyncIteration
            if self._waiter is not None and not self._waiter.done():
                raise RuntimeError("another task is reading these changes; give each task its own")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self.given, change = self._items.popleft()
        return change


class _Handler:
    """A plain function."""

    __slots__ = ("call", "given")

    def __init__(self, call: Callable[[Change], object], given: int) -> None:
        self.call = call
        self.given = given


class Consumers:
    """Those of one tracker. Changes are numbered in the order in which they are told.

    Args:
        place: Where the program stands: it is led over each change that every consumer was given.
    """

    def __init__(self, place: Place, logger: logging.Logger) -> None:
        self._place = place
        self._log = logger
        self._reporter = Reporter(logger)
        self._handlers: list[_Handler] = []
        self._iterators: weakref.WeakSet[Changes[Change]] = weakref.WeakSet()
        self._number = 0
        self._trail: deque[tuple[int, Change]] = deque()
        """Changes that not every consumer was given."""
        self._frozen = False
        self._closed = False

    def handle(self, handler: Callable[[Change], object]) -> None:
        """Call a plain function at every change from now on."""
        self._handlers.append(_Handler(handler, self._number))

    def iterate(self) -> Changes[Change]:
        """The changes from now on."""
        changes: Changes[Change] = Changes(self._number)
        if self._closed:
            changes.close()
        else:
            self._iterators.add(changes)
        return changes

    async def pump(self, changes: Changes[Change], handler: Callable[[Change], object]) -> None:
        """Call an async function with each change, in order, until there are no more."""
        try:
            async for change in changes:
                try:
                    await handler(change)  # type: ignore[misc]  # is_async: it returns a coroutine
                except asyncio.CancelledError as error:
                    if being_cancelled():
                        raise
                    self._reporter.log(RuntimeError(repr(error)), handler)
                except Exception as error:
                    self._reporter.log(error, handler)
        except SlowConsumer as error:
            self._reporter.log(error, handler)

    def tell(self, change: Change) -> None:
        """Give a change to all."""
        self._number += 1
        if not self._frozen:
            self._trail.append((self._number, change))
        for handler in tuple(self._handlers):
            handler.given = self._number
            self._call(handler, change)
        for iterator in tuple(self._iterators):
            if not iterator.put(self._number, change):
                self._freeze(iterator)

    def _call(self, handler: _Handler, change: Change) -> None:
        try:
            handler.call(change)
        except asyncio.CancelledError as error:  # its own: nobody is told less, or checked no more, for it
            self._reporter.log(RuntimeError(repr(error)), handler.call)
        except Exception as error:
            self._reporter.log(error, handler.call)

    def dump(self) -> dict[str, object]:
        """The place up to which every consumer was given everything, as plain JSON."""
        self.fold()
        return self._place.dump()

    def fold(self) -> None:
        """Lead the place over what every consumer was given."""
        given = [handler.given for handler in self._handlers]
        given += [changes.given for changes in self._iterators if not changes.closed]
        self._fold_up_to(min(given, default=self._number))

    def _fold_up_to(self, number: int) -> None:
        while self._trail and self._trail[0][0] <= number:
            self._place.fold(self._trail.popleft()[1])

    def _freeze(self, slow: Changes[Change]) -> None:
        """A consumer lost changes: the cursor stays where it was, so that a restart gives them again."""
        self._log.error("a consumer of account changes fell too far behind; the cursor stays where it was")
        self._fold_up_to(slow.given)
        self._trail.clear()
        self._frozen = True

    def close(self) -> None:
        """No more changes; those that are queued are still given."""
        self._closed = True
        for changes in tuple(self._iterators):
            changes.close()
