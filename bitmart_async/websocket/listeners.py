"""Who hears of a client's events, and who sees its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from bitmart_async.errors import FrameUnreadable, SlowConsumer
from bitmart_async.websocket.events import Event, Update
from bitmart_async.websocket.handlers import Doubling, Reporter, guarded, is_async
from bitmart_async.websocket.mailbox import Mailbox
from bitmart_async.websocket.options import QUEUE_SIZE, check_plain

if TYPE_CHECKING:
    import logging
    from collections.abc import AsyncIterator, Callable, Coroutine

    from bitmart_async.websocket.handlers import Report

    Serve: TypeAlias = Callable[
        [Mailbox[Event], Callable[[Event], Coroutine[object, object, object]], Report], None
    ]

__all__ = ["Listeners"]


class Listeners:
    """Those of one client: handlers of one event, iterators over all, and taps."""

    def __init__(self, logger: logging.Logger) -> None:
        self._log = logger
        self._reporter = Reporter(logger)
        self._alike = Doubling()
        self._by_name: dict[str, list[Callable[[Event], None]]] = {}
        self._mailboxes: list[Mailbox[Event]] = []
        self._event_taps: list[Callable[[Event], None]] = []
        self.frame_taps: list[Callable[[str, int, bytes, int], None]] = []
        """Called with every frame; read live by the connections."""

    # Who listens ---------------------------------------------------------------------------------

    def add(self, name: str, handler: Callable[[Event], object], serve: Serve) -> None:
        """Let a function hear of every event of a name.

        Args:
            serve: Feeds an async handler from a mailbox.
        """
        if not is_async(handler):
            self.add_plain(name, handler)
            return
        box = _event_mailbox()
        serve(
            box, cast("Callable[[Event], Coroutine[object, object, object]]", handler), self._listener_failed
        )
        self._by_name.setdefault(name, []).append(box.put)

    def add_plain(self, name: str, handler: Callable[[Event], object]) -> None:
        """The same for a plain function."""
        self._by_name.setdefault(name, []).append(guarded(handler, self._listener_failed))

    async def iterate(self) -> AsyncIterator[Event]:
        """All events, as they happen, until :meth:`close`."""
        box = _event_mailbox()
        self._mailboxes.append(box)
        try:
            while True:
                try:
                    event = await box.get()
                except StopAsyncIteration:
                    return
                yield event
        finally:
            self._mailboxes.remove(box)

    def tap(
        self, function: Callable[[str, int, bytes, int], object], events: Callable[[Event], object] | None
    ) -> Callable[[], None]:
        """Show a plain function every frame, and another one every event; the function that ends it."""
        advice = "a tap is a plain function: it is called in the read"
        check_plain(function, advice)
        if events is not None:
            check_plain(events, advice)
        listener = None if events is None else guarded(events, self._listener_failed)

        def call(connection: str, generation: int, frame: bytes, received_ns: int) -> None:
            try:
                function(connection, generation, frame, received_ns)
            except Exception as error:
                self.handler_failed(error, function, frame)

        def end() -> None:
            if call in self.frame_taps:
                self.frame_taps.remove(call)
                if listener is not None:
                    self._event_taps.remove(listener)

        self.frame_taps.append(call)
        if listener is not None:
            self._event_taps.append(listener)
        return end

    def close(self) -> None:
        """No more events."""
        for box in tuple(self._mailboxes):
            box.close()

    # What they hear ------------------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Tell an event to all whom it concerns."""
        if event.name == "exception" and event.error is not None:
            self._log_exception(event, event.error)
        self._tell(event)
        if event.name != "reconnect":  # the older name is for listeners only
            for tap in tuple(self._event_taps):
                tap(event)
            self._put(event)

    def handler_failed(self, error: Exception, handler: object, item: object) -> None:
        """A handler of updates or frames raised: logged, and told as an event."""
        self._reporter.log(error, handler)
        topic = item.topic if isinstance(item, Update) else item  # a raw handler's item is its topic
        topics = (topic,) if isinstance(topic, str) else ()
        event = Event(name="exception", connection="", generation=0, topics=topics, error=error)
        self._tell(event)
        self._put(event)

    def _listener_failed(self, error: Exception, handler: object, _: object) -> None:
        """An event handler raised: logged only, or an exception handler that raises would call itself."""
        self._reporter.log(error, handler)

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._by_name.get(event.name, ())):
            listener(event)

    def _put(self, event: Event) -> None:
        for box in tuple(self._mailboxes):
            box.put(event)

    def _log_exception(self, event: Event, error: Exception) -> None:
        """What can come in a flood is logged at the first, second, fourth, eighth time."""
        if not isinstance(error, FrameUnreadable | SlowConsumer):
            self._log.warning("%s: %s", event.connection, error)
            return
        where = event.connection or ", ".join(event.topics)
        number = self._alike.count(where, type(error).__name__)
        if number is not None:
            self._log.warning("%s: %s (%d so far; not each is logged)", where, error, number)


def _event_mailbox() -> Mailbox[Event]:
    return Mailbox("drop_oldest", QUEUE_SIZE, key=lambda event: event.name, told=lambda _: None)
