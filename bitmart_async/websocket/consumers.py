"""Who gets the updates: handlers with their queues and pumps, iterators, and how they all end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, cast

from bitmart_async.errors import SlowConsumer
from bitmart_async.websocket.events import Event
from bitmart_async.websocket.handlers import guarded, guarded_raw, is_async, pump
from bitmart_async.websocket.mailbox import Mailbox, Pressure
from bitmart_async.websocket.subscription import Member

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Coroutine

    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.feeds import Sink
    from bitmart_async.websocket.handlers import Report
    from bitmart_async.websocket.home import Home
    from bitmart_async.websocket.mailbox import Overflow

__all__ = ["Consumers"]

T = TypeVar("T")

_END_SECONDS = 0.6
_CANCEL_SECONDS = 0.2


class Consumers:
    """The consumers of one client.

    Args:
        emit: Passes an event on.
        failed: Told what a handler of updates raised.
        block: Lets the reader that brought an update wait for a full mailbox.
    """

    def __init__(
        self,
        logger: logging.Logger,
        home: Home,
        *,
        emit: Callable[[Event], None],
        failed: Report,
        block: Callable[[str, Mailbox[Update[object]]], None],
    ) -> None:
        self._log = logger
        self._home = home
        self._emit = emit
        self._failed = failed
        self._block = block
        self.pressure = Pressure()
        """Set when a queue is filling up; shared with the readers."""
        self._pumps: set[asyncio.Task[None]] = set()
        self._boxes: set[Mailbox[Update[object]] | Mailbox[Event]] = set()
        self._pending: list[Callable[[], None]] = []

    def subscription(
        self,
        texts: tuple[str, ...],
        handler: Callable[..., object] | None,
        overflow: Overflow,
        queue_size: int,
        *,
        raw: Callable[[str, bytes], object] | None = None,
    ) -> Member:
        """A subscription with the consumer it was given, or an iterator."""
        if raw is not None:
            return Member(texts, None, None, guarded_raw(raw, self._failed))
        if handler is not None and not is_async(handler):
            return Member(texts, guarded(handler, self._failed), None)
        box = self._mailbox(overflow, queue_size, handler or "an iterator", texts)
        member = Member(texts, self._put(box, overflow), box)
        if handler is not None:
            member.iterable = False
            self._serve_updates(box, handler)
        return member

    def everything(self, handler: Callable[..., object]) -> Sink:
        """Where every update goes for a handler of ``update``."""
        if not is_async(handler):
            return guarded(handler, self._failed)
        box = self._mailbox("drop_oldest", 1000, handler, ("every topic",))
        self._serve_updates(box, handler)
        return box.put

    def _serve_updates(self, box: Mailbox[Update[object]], handler: Callable[..., object]) -> None:
        run = cast("Callable[[Update[object]], Coroutine[object, object, object]]", handler)
        self.serve(box, run, self._failed)

    def _mailbox(
        self, overflow: Overflow, size: int, owner: object, texts: tuple[str, ...]
    ) -> Mailbox[Update[object]]:
        def told(box: Mailbox[Update[object]]) -> None:
            who = getattr(owner, "__qualname__", str(owner))
            of = f"{', '.join(texts[:3])}"
            if box.taken:
                what = f"{who} falls behind on {of}: more than {size} updates wait, further ones are dropped"
            else:
                what = f"nobody has begun to take the updates of {of}: more than {size} wait, the oldest are dropped"
            error = SlowConsumer(f"{what} and counted (overflow={overflow!r})", dropped=box.dropped)
            self._emit(Event(name="exception", connection="", generation=0, topics=texts, error=error))

        return Mailbox(
            overflow,
            size,
            key=lambda update: (update.topic, update.symbol),
            told=told,
            pressure=self.pressure,
            loop=self._home.loop,
        )

    def _put(self, box: Mailbox[Update[object]], overflow: Overflow) -> Sink:
        if overflow != "block":
            return box.put

        def put(update: Update[object]) -> None:
            box.put(update)
            if box.full:
                self._block(update.topic, box)

        return put

    # Pumps ---------------------------------------------------------------------------------------

    def serve(
        self,
        box: Mailbox[T],
        handler: Callable[[T], Coroutine[object, object, object]],
        report: Report,
    ) -> None:
        """Feed an async handler: from now on, or from the first subscribe when no loop runs yet."""
        kept = cast("Mailbox[Event]", box)

        def start() -> None:
            task = asyncio.get_running_loop().create_task(pump(box, handler, report), name="bitmart handler")
            self.keep(task)
            task.add_done_callback(lambda _: self._boxes.discard(kept))

        self._boxes.add(kept)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._pending.append(start)
        else:
            start()

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task that serves a consumer, and end it with the others."""
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)

    def start_pending(self) -> None:
        """A loop runs: start what waited for it."""
        while self._pending:
            self._pending.pop(0)()

    def close(self) -> None:
        """No more updates: handlers get what is queued."""
        for box in tuple(self._boxes):
            box.close()

    async def end(self) -> None:
        """Wait for handlers that are at work, and cancel those that take long."""
        others = {task for task in self._pumps if task is not asyncio.current_task()}
        if not others:
            return
        _, late = await asyncio.wait(others, timeout=_END_SECONDS)
        for task in late:
            task.cancel()
        if late:
            _, stubborn = await asyncio.wait(late, timeout=_CANCEL_SECONDS)
            if stubborn:
                self._log.warning(
                    "%d async handlers go on after they were cancelled; the client is closed without them",
                    len(stubborn),
                )
