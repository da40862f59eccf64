"""WebsocketClient: topics to connections, updates to their consumers, events to their listeners."""

from __future__ import annotations

import asyncio
import logging
import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeVar, cast, overload

from bitmart_async.clock import Clock
from bitmart_async.credentials import settle
from bitmart_async.environments import DEMO, LIVE
from bitmart_async.errors import (
    BitMartError,
    ClientClosed,
    ConfigurationError,
    CredentialsMissing,
    FrameUnreadable,
    ParameterError,
    SlowConsumer,
    StreamUnavailable,
    SubscriptionRefused,
    TopicError,
)
from bitmart_async.signing import Signer
from bitmart_async.websocket.advice import advice
from bitmart_async.websocket.connection import Connection
from bitmart_async.websocket.consumers import Consumers
from bitmart_async.websocket.dialects import FUTURES, SPOT
from bitmart_async.websocket.events import EVENT_NAMES, Event, Update
from bitmart_async.websocket.handlers import Doubling, Reporter, check_handler, guarded, is_async
from bitmart_async.websocket.health import StreamHealth
from bitmart_async.websocket.home import Home
from bitmart_async.websocket.hooks import Hooks
from bitmart_async.websocket.mailbox import Mailbox, check_overflow
from bitmart_async.websocket.order_books import BookPort, BookWire, LiveOrderBook
from bitmart_async.websocket.pacing import Pacer
from bitmart_async.websocket.session import Timings
from bitmart_async.websocket.sockets import chosen_transport, open_websocket
from bitmart_async.websocket.subscription import Member, Subscription
from bitmart_async.websocket.topics import Market, Topic, parse

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
    from types import TracebackType
    from typing import Self

    from bitmart_async.credentials import Credentials
    from bitmart_async.environments import Environment
    from bitmart_async.errors import BookNotReady, IpBanned
    from bitmart_async.websocket.events import StreamData
    from bitmart_async.websocket.mailbox import Overflow
    from bitmart_async.websocket.routes import Sink
    from bitmart_async.websocket.transport import Transport

__all__ = ["WebsocketClient"]

T = TypeVar("T")
DataT = TypeVar("DataT")

_CAPACITY = {
    (Market.SPOT, False): 115,
    (Market.SPOT, True): 100,
    (Market.FUTURES, False): 100,
    (Market.FUTURES, True): 100,
}
"""Topics per socket. Documented for spot; for futures the largest number seen to run."""
_REQUESTABLE = re.compile(r"spot/depth/increase100|futures/(depthIncrease(5|20|50)|fundingRate)")
_HEX_SIGN = re.compile(r"[0-9a-f]{32,}")
"""A signature, or what a cut has left of it."""
_SHORTEST_PING_INTERVAL = 0.2
"""Seconds: half of the exchange's 100 messages per 10 s are then pings."""


class WebsocketClient:
    """All streams of one environment, public and private.

    Public and private topics are told apart by their names; a private connection logs in once per
    socket, before any private topic is asked for. There is one connection per market and privacy until
    the exchange's limits ask for more. Lost connections come back by themselves with their topics.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        api_memo: str | None = None,
        credentials: Credentials | None = None,
        environment: Environment | None = None,
        demo_trading: bool = False,
        sign: Callable[[bytes, str], str] | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        logger: logging.Logger | None = None,
        connect_timeout: float = 10.0,
        login_timeout: float = 10.0,
        ack_timeout: float = 5.0,
        ping_interval: float = 10.0,
        pong_timeout: float = 5.0,
        reconnect_delay: tuple[float, float] = (0.5, 30.0),
        linger: float = 10.0,
        stale_after: float | None = None,
        rotate_after: float | None = None,
    ) -> None:
        """Make a client; nothing is opened before the first subscribe. All times are in seconds.

        Args:
            api_key: With api_secret and api_memo: the account. None of the three: public topics only.
            credentials: The three in one object, e.g. ``Credentials.from_env()``.
            environment: LIVE (when not given), DEMO, a sandbox's, or your own.
            demo_trading: Demo hosts for futures, live ones for spot, as the exchange does it.
            sign: Your own HMAC: ``sign(message, secret)`` returns lower-case hex.
            proxy: URL of an HTTP proxy. The environment's proxy settings are not used.
            ssl_context: For certificates of your own.
            clock: A Clock to share with the REST clients.
            logger: Instead of the logger ``bitmart_async``. Level 5 shows each frame, secrets masked.
            connect_timeout: For name lookup, TCP, TLS and upgrade; also how long subscribe() waits for
                a socket before it raises StreamUnavailable. When sockets open and are lost again, it
                waits for connect_timeout + login_timeout + 2 * ack_timeout.
            login_timeout: For the answer to a login.
            ack_timeout: For the answer to a subscribe; asked once more before it is given up.
            ping_interval: Between heartbeats, whatever else flows; 0.2 or more.
            pong_timeout: Without any byte after a heartbeat: the socket is dropped and replaced.
            reconnect_delay: First and longest wait before a reconnect, with full jitter.
            linger: How long a socket without topics stays open.
            stale_after: A public topic without data for so long is told as ``stale`` and asked for anew, and
                its socket replaced when that does not help. For topics that push all the time; None: never.
                Private topics are silent as long as the account is: give it to their subscribe() instead.
            rotate_after: A socket is replaced by a new one after at most so long, as :meth:`rotate` does;
                None: never.

        Raises:
            ConfigurationError: An option cannot be used; the text says why.
            CredentialsMissing: Only a part of the credentials is given.
        """
        settled = settle(credentials, api_key, api_secret, api_memo)
        if demo_trading and environment is not None:
            raise ConfigurationError("give demo_trading=True or environment=, not both")
        self._environment = environment or (DEMO if demo_trading else LIVE)
        first, cap = reconnect_delay
        timings = {
            "connect_timeout": connect_timeout,
            "login_timeout": login_timeout,
            "ack_timeout": ack_timeout,
            "ping_interval": ping_interval,
            "pong_timeout": pong_timeout,
            "reconnect_delay[0]": first,
            "reconnect_delay[1]": cap,
        }
        limits = {"stale_after": stale_after, "rotate_after": rotate_after}
        timings |= {name: seconds for name, seconds in limits.items() if seconds is not None}
        for name, seconds in timings.items():
            if not 0 < seconds < float("inf"):
                raise ConfigurationError(f"{name}={seconds!r}: must be more than 0 seconds")
        if ping_interval < _SHORTEST_PING_INTERVAL:
            raise ConfigurationError(
                f"ping_interval={ping_interval!r}: must be {_SHORTEST_PING_INTERVAL:g} "
                f"or more; the exchange takes 100 messages per 10 s, pings included"
            )
        if first > cap or linger < 0:
            raise ConfigurationError("reconnect_delay must be (first, longest) and linger 0 or more")
        self._timings = Timings(
            connect_timeout=connect_timeout,
            login_timeout=login_timeout,
            ack_timeout=ack_timeout,
            ping_interval=ping_interval,
            pong_timeout=pong_timeout,
            reconnect_first=first,
            reconnect_cap=cap,
            linger=linger,
        )
        self._stale_after = stale_after
        self._rotate_after = rotate_after
        self._signer = Signer(settled, sign) if settled is not None else None
        self._transport = chosen_transport()
        self._proxy = proxy
        self._ssl = ssl_context
        self._clock = clock or Clock()
        self._log = logger or logging.getLogger("bitmart_async")
        self._reporter = Reporter(self._log)
        self._connections: dict[tuple[Market, bool], list[Connection]] = {}
        self._pacers: dict[str, Pacer] = {}
        self._subscriptions: dict[str, list[Member]] = {}
        self._listeners: dict[str, list[Callable[[Event], None]]] = {}
        self._update_sinks: list[Sink] = []
        self._event_taps: list[Callable[[Event], None]] = []
        self._taps: list[Callable[[str, int, bytes, int], None]] = []
        self._mailboxes: list[Mailbox[Event]] = []
        self._books: dict[str, list[BookPort]] = {}
        self._books_told = False
        """Whether the books hear of lost and found connections."""
        self._closed = False
        self._home = Home()
        self._alike = Doubling()
        self._consumers = Consumers(
            self._log, self._home, emit=self._emit, failed=self._handler_failed, block=self._block
        )

    # Events --------------------------------------------------------------------------------------

    @overload
    def on(  # type: ignore[overload-overlap]
        self, name: Literal["update"]
    ) -> Callable[[Callable[[Update[StreamData]], T]], Callable[[Update[StreamData]], T]]: ...
    @overload
    def on(self, name: str) -> Callable[[Callable[[Event], T]], Callable[[Event], T]]: ...

    def on(self, name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Decorator: call a function, plain or async, at every event of a name.

        ``update`` handlers get the Update of every topic; all others get the Event. Names: open,
        authenticated, response, update, reconnecting (older name reconnect), reconnected, live, stale,
        gap, resync, close, exception.

        Raises:
            ParameterError: There is no such event, or the handler is a generator.
        """
        if name not in EVENT_NAMES:
            raise ParameterError(f"there is no event {name!r}; there are: {', '.join(EVENT_NAMES)}")

        def register(handler: Callable[..., T]) -> Callable[..., T]:
            check_handler(handler)
            if name == "update":
                self._update_sinks.append(self._consumers.everything(handler))
                self._refresh_routes()
            else:
                self._listeners.setdefault(name, []).append(self._listener_for(handler))
            return handler

        return register

    def tap(
        self,
        function: Callable[[str, int, bytes, int], object],
        *,
        events: Callable[[Event], object] | None = None,
    ) -> Callable[[], None]:
        """Call a plain function with every frame of every socket, as it came, before it is decoded.

        Data, acknowledgements, errors and signs of life alike; binary frames are still deflated. It is called in
        the read, in order, and holds the event loop while it runs. While a socket is replaced without a gap
        (:meth:`rotate`), what both sockets bring comes once.

        Args:
            function: Takes the connection's name, its generation, the frame, and when it was received
                (Unix nanoseconds by this machine's clock).
            events: Called with every event but updates, in order with the frames around it.

        Returns:
            A function that ends it; idempotent.
        """
        plain: list[Callable[..., object]] = [function] if events is None else [function, events]
        for given in plain:
            check_handler(given)
            if is_async(given):
                raise ParameterError("a tap is a plain function: it is called in the read")
        listener = None if events is None else guarded(events, self._listener_failed)

        def call(connection: str, generation: int, frame: bytes, received_ns: int) -> None:
            try:
                function(connection, generation, frame, received_ns)
            except Exception as error:
                self._handler_failed(error, function, frame)

        def end() -> None:
            if call in self._taps:
                self._taps.remove(call)
                if listener is not None:
                    self._event_taps.remove(listener)
                look()

        def look() -> None:
            for connection in self._all_connections():
                connection.look_again()

        self._taps.append(call)
        if listener is not None:
            self._event_taps.append(listener)
        look()
        return end

    @property
    def environment(self) -> Environment:
        """Where it connects to."""
        return self._environment

    async def events(self) -> AsyncIterator[Event]:
        """All events but updates, as they happen, until the client is closed."""
        box: Mailbox[Event] = Mailbox("drop_oldest", 1000, key=lambda event: event.name, told=lambda _: None)
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

    def _listener_for(self, handler: Callable[[Event], object]) -> Callable[[Event], None]:
        if not is_async(handler):
            return guarded(handler, self._listener_failed)
        box: Mailbox[Event] = Mailbox("drop_oldest", 1000, key=lambda event: event.name, told=lambda _: None)
        self._consumers.serve(
            box, cast("Callable[[Event], Coroutine[object, object, object]]", handler), self._listener_failed
        )
        return box.put

    def _listener_failed(self, error: Exception, handler: object, _: object) -> None:
        """An event handler raised: logged only, or an exception handler that raises would call itself."""
        self._reporter.log(error, handler)

    def _emit(self, event: Event) -> None:
        if event.name == "exception" and event.error is not None:
            self._log_exception(event, event.error)
        for listener in tuple(self._listeners.get(event.name, ())):
            listener(event)
        if event.name != "reconnect":  # the older name is for listeners only
            for tap in tuple(self._event_taps):
                tap(event)
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

    # Topics --------------------------------------------------------------------------------------

    @overload
    async def subscribe(  # type: ignore[overload-overlap]
        self,
        topics: Topic[DataT] | Sequence[Topic[DataT]],
        market: Market | str | None = None,
        *,
        is_private: bool | None = None,
        handler: Callable[[Update[DataT]], object] | None = None,
        overflow: Overflow | None = None,
        queue_size: int = 1000,
        stale_after: float | None = None,
    ) -> Subscription[DataT]: ...
    @overload
    async def subscribe(
        self,
        topics: str | Sequence[str | Topic[object]],
        market: Market | str | None = None,
        *,
        is_private: bool | None = None,
        handler: Callable[[Update[StreamData]], object] | None = None,
        overflow: Overflow | None = None,
        queue_size: int = 1000,
        stale_after: float | None = None,
    ) -> Subscription[StreamData]: ...
    @overload
    async def subscribe(
        self,
        topics: str | Topic[object] | Sequence[str | Topic[object]],
        market: Market | str | None = None,
        *,
        is_private: bool | None = None,
        raw: Callable[[str, bytes], object],
        stale_after: float | None = None,
    ) -> Subscription[StreamData]: ...

    async def subscribe(
        self,
        topics: str | Topic[object] | Sequence[str | Topic[object]],
        market: Market | str | None = None,
        *,
        is_private: bool | None = None,
        handler: Callable[..., object] | None = None,
        raw: Callable[[str, bytes], object] | None = None,
        overflow: Overflow | None = None,
        queue_size: int = 1000,
        stale_after: float | None = None,
    ) -> Subscription[object]:
        """Subscribe topics of any market and privacy; returns when every one is acknowledged.

        Args:
            topics: One or several, as text (``spot/ticker:BTC_USDT``) or from the builders
                ``topics.spot`` and ``topics.futures``, which give updates their type.
            market: spot or futures, for topics written without it.
            is_private: Overrides what the topic's name says.
            handler: Called with each Update instead of iterating. A plain function is called straight
                from the read and holds the event loop while it runs; an async one runs by itself, in order.
            raw: Instead of a handler: a plain function, called with the topic and the bytes of each data
                frame, inflated where it came deflated, undecoded. A frame about several of the topics
                comes once for each of them. For recorders and decoders of one's own: numbers are not looked at.
            overflow: What happens when an async handler or an iterator falls behind queue_size updates:
                block (the reader waits), drop_oldest, latest (one per topic and symbol), raise. When not
                given: drop_oldest, and raise as soon as a private topic is among them.
            queue_size: Updates kept for the consumer.
            stale_after: Seconds these topics may be without data; see the client's option, which it
                overrides. The least of all subscriptions of a topic counts.

        Raises:
            TopicError: A topic is malformed; nothing was sent.
            CredentialsMissing: A private topic, and the client has no keys; nothing was sent.
            SubscriptionRefused: The exchange refused some; ``error.subscription`` has the others.
            LoginRefused: The exchange refused the keys; nothing of this call stays subscribed.
            StreamUnavailable: No socket within connect_timeout, or none that lasts and serves within
                connect_timeout + login_timeout + 2 * ack_timeout; nothing of this call stays subscribed.
            TlsError: The host's certificate does not fit; tried once.
            IpBanned: The host answered 418 to this address; nothing is sent there for ``retry_after`` seconds.
            ParameterError: The handler is a generator, raw is async or comes with options of a handler, or an
                option does not exist.
            ClientClosed: The client is closed.
        """
        self._check_open()
        wanted = self._parse_all(topics, market, is_private)
        self._check_keys(wanted)
        check_overflow(overflow or "drop_oldest", queue_size)
        if stale_after is not None and not 0 < stale_after < float("inf"):
            raise ParameterError(f"stale_after={stale_after!r}: must be more than 0 seconds")
        if handler is not None:
            check_handler(handler)
        if raw is not None:
            check_handler(raw)
            if is_async(raw):
                raise ParameterError("raw= takes a plain function: frames are handed over as they are read")
            if handler is not None or overflow is not None or queue_size != 1000:
                raise ParameterError(
                    "raw= goes without handler=, overflow= and queue_size=; subscribe twice for both"
                )
        policy: Overflow = overflow or ("raise" if any(topic.private for topic in wanted) else "drop_oldest")
        member = self._consumers.subscription(
            tuple(topic.text for topic in wanted), handler, policy, queue_size, raw=raw
        )
        subscription: Subscription[object] = Subscription(member, self._leave)
        member.stale_after = stale_after
        answers = {topic.text: self._place(topic, member) for topic in wanted}
        try:
            await asyncio.wait(answers.values())
        except asyncio.CancelledError:
            self._withdraw(member, list(answers))
            raise
        member.given = True
        refused: dict[str, str] = {}
        code: int | None = None
        for text, answer in answers.items():
            error = (
                ClientClosed(
                    f"{text} was given up before it was acknowledged: it was unsubscribed or "
                    f"the client closed meanwhile"
                )
                if answer.cancelled()
                else answer.exception()
            )
            if isinstance(error, SubscriptionRefused):
                refused.update(error.refused)
                code = error.code
            elif error is not None:
                self._withdraw(member, list(answers))
                raise error
        if refused:
            self._withdraw(member, list(refused))  # where others have it, it stays theirs
            left = subscription if subscription.topics else None
            listed = "; ".join(f"{text}: {why}" for text, why in refused.items())
            kept = "the other topics of the call are subscribed" if left else "none is subscribed"
            raise SubscriptionRefused(
                f"the exchange refused {listed} ({kept}). {' '.join(map(advice, list(refused)[:3]))}",
                refused=refused,
                subscription=left,
                code=code,
            )
        return subscription

    async def unsubscribe(
        self, topics: str | Topic[object] | Sequence[str | Topic[object]], market: Market | str | None = None
    ) -> None:
        """Leave topics in all subscriptions; returns when the exchange has confirmed. Idempotent."""
        self._home.check()
        gone: list[asyncio.Future[None]] = []
        for topic in self._parse_all(topics, market, None):
            for subscription in self._subscriptions.pop(topic.text, []):
                subscription.lose(topic.text)
            gone += self._unplace(topic.text)
        if gone:
            await asyncio.wait(gone)

    async def request(
        self, topics: str | Topic[object] | Sequence[str | Topic[object]], market: Market | str | None = None
    ) -> None:
        """Ask for the present state of subscribed topics: a book's snapshot, a funding rate.

        The exchange documents it for ``spot/depth/increase100``, ``futures/depthIncrease5|20|50`` and
        ``futures/fundingRate``. The state comes as an ordinary update. No acknowledgement is documented,
        so this returns at once; a refusal is told as an ``exception`` event. While the connection is
        down nothing is asked: subscribing again brings the state anyway.

        Raises:
            ParameterError: A topic knows no request, or is not subscribed. Nothing was sent.
            ClientClosed: The client is closed.
        """
        self._check_open()
        asked = self._parse_all(topics, market, None)
        for topic in asked:
            if not _REQUESTABLE.fullmatch(f"{topic.market.value}/{topic.channel}"):
                raise ParameterError(
                    f"{topic.text} knows no request; spot/depth/increase100, futures/depthIncrease5, 20 or "
                    f"50 and futures/fundingRate do"
                )
            if self._connection_of(topic.text) is None:
                raise ParameterError(f"{topic.text} is not subscribed; subscribe it first")
        for topic in asked:
            connection = self._connection_of(topic.text)
            assert connection is not None, topic.text
            connection.request(topic.text)

    async def order_book(
        self, topic: str | Topic[object], *, stale_after: float | None = 15.0
    ) -> LiveOrderBook:
        """A book that keeps itself up to date; returns when its topic is subscribed.

        Await its ``ready()`` before the first read. Books of one topic share the subscription.

        Args:
            topic: ``spot/depth/increase100:SYMBOL`` or ``futures/depthIncrease5|20|50:SYMBOL[@speed]``.
            stale_after: Seconds without a sign of life after which the book is not read any more; None:
                never. 15 is as long as a dead socket takes to be noticed. Futures books push every
                second, quiet spot books at intervals nobody has documented; a book that is quiet for half
                of the time is asked for its state.

        Raises:
            TopicError: The topic has no incremental book.
            ParameterError: stale_after is not a time.
            SubscriptionRefused: The exchange refused the topic.
            StreamUnavailable: As for :meth:`subscribe`.
            ClientClosed: The client is closed.
        """
        self._check_open()
        wire = BookWire(
            request=self._request_book,
            renew=self._renew_book,
            resync=self._book_lost,
            failed=self._handler_failed,
            keep=self._consumers.keep,
            patience=self._timings.ack_timeout,
            logger=self._log,
        )
        book = LiveOrderBook(topic, wire, stale_after)
        port, text = wire.port, book.topic.text
        if not self._books_told:
            self._books_told = True
            self.on("reconnecting")(self._books_disconnected)
            self.on("close")(self._books_disconnected)
            self.on("live")(self._books_connected)
            self.on("gap")(self._books_missed)
            self.on("exception")(self._books_refused)
        late = self._connection_of(text) is not None
        self._living_books([text])  # forgets those that are closed
        self._books.setdefault(text, []).append(port)
        try:
            subscription = await self.subscribe(book.topic, handler=port.take)
        except BaseException:
            self._forget_book(text, port)
            raise
        port.begin(subscription, late)
        return book

    def _request_book(self, text: str) -> None:
        connection = self._connection_of(text)
        if connection is not None:
            connection.request(text)

    def _renew_book(self, text: str) -> None:
        connection = self._connection_of(text)
        if connection is not None:
            connection.renew(text)

    def _book_lost(self, error: BookNotReady) -> None:
        connection = self._connection_of(error.topic)
        self._emit(
            Event(
                name="resync",
                connection=connection.name if connection is not None else "",
                generation=connection.generation if connection is not None else 0,
                topics=(error.topic,),
                error=error,
            )
        )

    def _books_disconnected(self, event: Event) -> None:
        for book in self._living_books(event.topics):
            book.disconnected()

    def _books_connected(self, event: Event) -> None:
        for book in self._living_books(event.topics):
            book.connected()

    def _books_refused(self, event: Event) -> None:
        if isinstance(event.error, SubscriptionRefused):
            for book in self._living_books(event.topics):
                book.refused(event.error)

    def _books_missed(self, event: Event) -> None:
        if isinstance(event.error, SubscriptionRefused):  # the topic had been refused, and is back
            self._books_connected(event)
            return
        if event.gap is not None and event.gap.seconds > 0:  # of a frame that cannot be read it is none
            for book in self._living_books(event.topics):
                book.overslept(event.gap.seconds)

    def _living_books(self, texts: Iterable[str]) -> list[BookPort]:
        found: list[BookPort] = []
        for text in texts:
            living = [book for book in self._books.get(text, ()) if not book.ended()]
            if living:
                self._books[text] = living
                found += living
            else:
                self._books.pop(text, None)
        return found

    def _forget_book(self, text: str, book: BookPort) -> None:
        books = self._books.get(text, [])
        if book in books:
            books.remove(book)

    def _parse_all(
        self,
        topics: str | Topic[object] | Sequence[str | Topic[object]],
        market: Market | str | None,
        is_private: bool | None,
    ) -> list[Topic[object]]:
        if not isinstance(topics, str | Topic | Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TopicError(
                f"topics must be one or several of text like 'spot/ticker:BTC_USDT' or builders like "
                f"topics.spot.ticker('BTC_USDT'), not {type(topics).__name__}"
            )
        listed = [topics] if isinstance(topics, str | Topic) else list(topics)
        if not listed:
            raise ParameterError("give at least one topic")
        parsed: dict[str, Topic[object]] = {}
        for one in listed:
            topic = (
                one
                if isinstance(one, Topic) and is_private is None
                else parse(str(one) if isinstance(one, Topic) else one, market, is_private=is_private)
            )
            parsed[topic.text] = topic
        return list(parsed.values())

    def _check_keys(self, topics: Iterable[Topic[object]]) -> None:
        private = [topic.text for topic in topics if topic.private]
        if private and self._signer is None:
            raise CredentialsMissing(
                f"{', '.join(private)}: private topics need keys, and this client has "
                f"none. Nothing was sent. Pass api_key=, api_secret= and api_memo=, or "
                f"credentials=Credentials.from_env()."
            )

    def _block(self, text: str, box: Mailbox[Update[object]]) -> None:
        connection = self._connection_of(text)
        if connection is not None:
            connection.block(box)

    def _handler_failed(self, error: Exception, handler: object, item: object) -> None:
        self._reporter.log(error, handler)
        topic = item.topic if isinstance(item, Update) else item  # a raw handler's item is its topic
        topics = (topic,) if isinstance(topic, str) else ()
        event = Event(name="exception", connection="", generation=0, topics=topics, error=error)
        for listener in tuple(self._listeners.get("exception", ())):
            listener(event)
        for box in tuple(self._mailboxes):
            box.put(event)

    # Connections ---------------------------------------------------------------------------------

    def _place(self, topic: Topic[object], member: Member) -> asyncio.Future[None]:
        connection = self._connection_of(topic.text) or self._room_for(topic.market, private=topic.private)
        self._subscriptions.setdefault(topic.text, []).append(member)
        connection.routes.add(topic)
        self._refresh(topic.text, connection)
        return connection.want(topic)

    def _refresh(self, text: str, connection: Connection) -> None:
        route = connection.routes.get(text)
        if route is not None:
            holders = self._subscriptions.get(text, ())
            sinks = [holder.sink for holder in holders if holder.sink is not None]
            raw_sinks = [holder.raw_sink for holder in holders if holder.raw_sink is not None]
            connection.routes.serve(text, (*sinks, *self._update_sinks), tuple(raw_sinks))
            connection.limit_silence(text, self._limit_of(route.topic))

    def _limit_of(self, topic: Topic[object]) -> float | None:
        """How long a topic may be silent: the least that any of its subscriptions asked for."""
        asked = [
            subscription.stale_after
            for subscription in self._subscriptions.get(topic.text, ())
            if subscription.stale_after is not None
        ]
        return min(asked, default=None if topic.private else self._stale_after)

    def _refresh_routes(self) -> None:
        for connection in self._all_connections():
            for route in connection.routes.all():
                self._refresh(route.text, connection)

    def _all_connections(self) -> Iterable[Connection]:
        return [connection for group in self._connections.values() for connection in group]

    def _connection_of(self, text: str) -> Connection | None:
        for connection in self._all_connections():
            if text in connection.routes:
                return connection
        return None

    def _room_for(self, market: Market, *, private: bool) -> Connection:
        """The first connection of a kind with room for one topic more, made when there is none."""
        group = self._connections.setdefault((market, private), [])
        for connection in group:
            if len(connection.routes) < connection.capacity:
                return connection
        kind = f"{market.value}_{'private' if private else 'public'}"
        name = kind if not group else f"{kind}_{len(group) + 1}"
        url: str = getattr(self._environment, kind)
        host = url.split("/")[2]
        connection = Connection(
            name,
            url,
            SPOT if market is Market.SPOT else FUTURES,
            signer=self._signer if private else None,
            timings=self._timings,
            pacer=self._pacers.setdefault(host, Pacer(host)),
            capacity=_CAPACITY[market, private],
            rotate_after=self._rotate_after,
            hooks=Hooks(
                open_socket=self._open,
                emit=self._emit,
                topic_lost=self._topic_lost,
                banned=lambda error: self._banned(host, error),
                resync=lambda: self._resync(market),
                now_ms=self._clock.now_ms,
                logger=self._log,
                mask=self._mask,
                pressure=self._consumers.pressure,
                taps=self._taps,
            ),
        )
        group.append(connection)
        return connection

    async def _open(self, url: str, timeout: float) -> Transport:
        return await open_websocket(
            url, timeout, transport=self._transport, ssl_context=self._ssl, proxy=self._proxy
        )

    async def _resync(self, market: Market) -> bool:
        """Measure the clock over REST: a login's timestamp was refused."""
        from bitmart_async.rest.clients import FuturesClientV2, RestClient

        kind = RestClient if market is Market.SPOT else FuturesClientV2
        try:
            async with kind(
                environment=self._environment,
                clock=self._clock,
                proxy=self._proxy,
                ssl_context=self._ssl,
                timeout=5.0,
                logger=self._log,
            ) as rest:
                await rest.sync_clock()
        except BitMartError as error:
            self._log.warning("the clock could not be measured: %s", type(error).__name__)
            return False
        return True

    def _mask(self, text: str) -> str:
        if self._signer is not None:
            text = self._signer.mask(text)
        return _HEX_SIGN.sub("***", text)

    def _banned(self, host: str, error: IpBanned) -> None:
        """A host refuses this address: no connection to it goes on."""
        for connection in self._all_connections():
            if connection.host == host:
                connection.stop(error)

    def _topic_lost(self, text: str, error: BitMartError) -> None:
        for subscription in self._subscriptions.pop(text, []):
            subscription.lose(text, error)

    def _withdraw(self, member: Member, texts: list[str]) -> list[asyncio.Future[None]]:
        """Take a subscription out of its topics; the futures of those nobody else has."""
        gone: list[asyncio.Future[None]] = []
        for text in texts:
            holders = self._subscriptions.get(text, [])
            if member in holders:
                holders.remove(member)
            member.lose(text)
            if holders:
                connection = self._connection_of(text)
                if connection is not None:
                    self._refresh(text, connection)
            else:
                self._subscriptions.pop(text, None)
                gone += self._unplace(text)
        return gone

    def _unplace(self, text: str) -> list[asyncio.Future[None]]:
        connection = self._connection_of(text)
        return [connection.unwant(text)] if connection is not None else []

    async def _leave(self, member: Member) -> None:
        gone = self._withdraw(member, list(member.topics))
        if gone:
            await asyncio.wait(gone)

    # Life ----------------------------------------------------------------------------------------

    async def connect_all(self) -> None:
        """Open the connections before the first subscribe, log in where there are keys, and keep them open.

        Both markets' public connections, and the private ones when the client has keys. Returns when each
        is live; they stay open without topics, and come back when lost, until the client is closed.
        Cancelled or failed, it keeps those that were live by then.

        Raises:
            LoginRefused: The exchange refused the keys.
            StreamUnavailable: A host cannot be reached within connect_timeout.
            TlsError: A host's certificate does not fit.
            IpBanned: A host answered 418 to this address.
            ClientClosed: The client is closed.
        """
        self._check_open()
        kinds = [(market, private) for private in (False, True) for market in Market]
        kept: dict[Connection, asyncio.Future[None]] = {}
        for market, private in kinds:
            if private and self._signer is None:
                continue
            group = self._connections.get((market, private))
            connection = group[0] if group else self._room_for(market, private=private)
            kept[connection] = connection.keep()
        try:
            await asyncio.wait(kept.values())
        finally:
            for connection, live in kept.items():
                if not live.done() or live.cancelled() or live.exception() is not None:
                    connection.unkeep()
        if self._closed:
            raise ClientClosed("the client was closed before its connections were live")
        for connection, live in kept.items():
            if live.cancelled():  # by another connect_all() that was cancelled
                raise StreamUnavailable(
                    f"{connection.name}: given up before it was live", endpoint=connection.name
                )
            live.result()

    async def rotate(self, connection: str | None = None) -> None:
        """Replace sockets by new ones without losing or repeating an update.

        Each new socket is opened, logged in and given every topic beside the old one, which leaves only
        then. Updates that arrive on both are given once; incremental books start again from the new
        socket's snapshot. Connections that are not live are left alone: their next socket is new anyway.

        Args:
            connection: A name, such as ``spot_private``; None: all, one after another.

        Raises:
            ParameterError: There is no connection of that name.
            StreamUnavailable: A new socket did not become live; the old one goes on.
            IpBanned: The host answered 418.
        """
        self._check_open()
        chosen = [one for one in self._all_connections() if connection in (None, one.name)]
        if connection is not None and not chosen:
            names = ", ".join(one.name for one in self._all_connections()) or "none yet"
            raise ParameterError(f"there is no connection {connection!r}; there are: {names}")
        for one in chosen:
            await one.rotate()

    def health(self) -> StreamHealth:
        """How every connection and topic is now; cheap, and nothing is sent."""
        return StreamHealth(
            connections=tuple(connection.health(self._load) for connection in self._all_connections())
        )

    def _load(self, text: str) -> tuple[int, int, int | None]:
        """Updates waiting for a topic's consumers (the fullest queue), dropped by all, and since when one waits."""
        holders = self._subscriptions.get(text, ())
        since = [one.queued_since_ns for one in holders if one.queued_since_ns is not None]
        waiting = max((one.queued for one in holders), default=0)
        return waiting, sum(one.dropped for one in holders), min(since, default=None)

    def _check_open(self) -> None:
        self._home.check()
        if self._closed:
            raise ClientClosed("this client is closed; make a new one")
        self._consumers.start_pending()

    async def aclose(self) -> None:
        """Close every connection and end every iteration; idempotent, two seconds at most."""
        self._home.check()
        self._closed = True
        try:
            await asyncio.gather(*(connection.aclose() for connection in self._all_connections()))
        finally:  # cancelled or not: nobody iterates a closed client for ever
            self._end_consumers()
        await self._consumers.end()

    def _end_consumers(self) -> None:
        for holders in self._subscriptions.values():
            for subscription in holders:
                for text in tuple(subscription.topics):
                    subscription.lose(text)
        self._subscriptions.clear()
        for box in tuple(self._mailboxes):
            box.close()
        self._consumers.close()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and self._home.settled and self._connections:
            for connection in self._all_connections():
                connection.abandon()
            warnings.warn(
                f"{self!r} was never closed; use `async with`, or await its aclose()",
                ResourceWarning,
                stacklevel=1,
                source=self,
            )

    def __repr__(self) -> str:
        keys = "with keys" if self._signer is not None else "public only"
        return f"<WebsocketClient {self._environment.name} {keys}>"
