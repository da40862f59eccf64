"""WebsocketClient: topics to connections, updates to their consumers, events to their listeners."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from bitmart_async.clock import Clock
from bitmart_async.credentials import settle
from bitmart_async.environments import chosen_environment
from bitmart_async.errors import ClientClosed, ParameterError
from bitmart_async.signing import Signer
from bitmart_async.websocket.access import Access
from bitmart_async.websocket.connection import Connection
from bitmart_async.websocket.consumers import Consumers
from bitmart_async.websocket.dialects import FUTURES, SPOT
from bitmart_async.websocket.handlers import check_handler
from bitmart_async.websocket.home import Home
from bitmart_async.websocket.hooks import Hooks
from bitmart_async.websocket.listeners import Listeners
from bitmart_async.websocket.live_books import LiveBooks
from bitmart_async.websocket.members import Members
from bitmart_async.websocket.options import (
    check_consumer,
    check_event_name,
    check_seconds,
    check_silence,
    checked_timings,
)
from bitmart_async.websocket.pool import Kind, Pool
from bitmart_async.websocket.topics import Market, Topic, knows_request, parse_all

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Sequence
    from types import TracebackType
    from typing import Self

    from bitmart_async.credentials import Credentials
    from bitmart_async.environments import Environment
    from bitmart_async.websocket.events import Event, StreamData, Update
    from bitmart_async.websocket.health import StreamHealth
    from bitmart_async.websocket.mailbox import Mailbox, Overflow
    from bitmart_async.websocket.order_books import LiveOrderBook
    from bitmart_async.websocket.pacing import Pacer
    from bitmart_async.websocket.subscription import Subscription

__all__ = ["WebsocketClient"]

T = TypeVar("T")
DataT = TypeVar("DataT")


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
            reconnect_delay: A wait before a reconnect is drawn from 0 up to a bound: the first of these,
                doubled with each failure, until it is the second.
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
        chosen = chosen_environment(environment, demo_trading=demo_trading)
        self._timings = checked_timings(
            connect_timeout=connect_timeout,
            login_timeout=login_timeout,
            ack_timeout=ack_timeout,
            ping_interval=ping_interval,
            pong_timeout=pong_timeout,
            reconnect_delay=reconnect_delay,
            linger=linger,
        )
        check_seconds({"stale_after": stale_after, "rotate_after": rotate_after})
        self._rotate_after = rotate_after
        self._log = logger or logging.getLogger("bitmart_async")
        self._access = Access(
            chosen,
            signer=Signer(settled, sign) if settled is not None else None,
            clock=clock or Clock(),
            proxy=proxy,
            ssl_context=ssl_context,
            logger=self._log,
        )
        self._home = Home()
        self._listeners = Listeners(self._log)
        self._consumers = Consumers(
            self._log,
            self._home,
            emit=self._listeners.emit,
            failed=self._listeners.handler_failed,
            block=self._block,
        )
        self._pool = Pool(self._access.environment, self._connection)
        self._members = Members(self._pool, stale_after)
        self._books = LiveBooks(
            self._pool,
            self._listeners,
            subscribe=lambda topic, handler: self.subscribe(topic, handler=handler),
            keep=self._consumers.keep,
            patience=self._timings.ack_timeout,
            logger=self._log,
        )

    def _connection(self, kind: Kind, name: str, pacer: Pacer) -> Connection:
        access = self._access
        return Connection(
            name,
            kind.url(access.environment),
            SPOT if kind.market is Market.SPOT else FUTURES,
            signer=access.signer if kind.private else None,
            timings=self._timings,
            pacer=pacer,
            capacity=kind.capacity,
            rotate_after=self._rotate_after,
            hooks=Hooks(
                open_socket=access.open,
                emit=self._listeners.emit,
                topic_lost=self._members.lost,
                banned=self._pool.stop,
                resync=lambda: access.measure_clock(kind.market),
                now_ms=access.clock.now_ms,
                logger=self._log,
                mask=access.mask,
                pressure=self._consumers.pressure,
                taps=self._listeners.frame_taps,
            ),
        )

    def _block(self, text: str, box: Mailbox[Update[object]]) -> None:
        connection = self._pool.holding(text)
        if connection is not None:
            connection.block(box)

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
        check_event_name(name)

        def register(handler: Callable[..., T]) -> Callable[..., T]:
            check_handler(handler)
            if name == "update":
                self._members.give_all(self._consumers.everything(handler))
            else:
                self._listeners.add(name, handler, self._consumers.serve)
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
        end_tap = self._listeners.tap(function, events)
        self._pool.look_again()

        def end() -> None:
            end_tap()
            self._pool.look_again()

        return end

    @property
    def environment(self) -> Environment:
        """Where it connects to."""
        return self._access.environment

    def events(self) -> AsyncIterator[Event]:
        """All events but updates, as they happen, until the client is closed."""
        return self._listeners.iterate()

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
        wanted = parse_all(topics, market, is_private=is_private)
        self._access.check_keys(wanted)
        check_consumer(handler, raw, overflow, queue_size)
        check_silence(stale_after)
        policy: Overflow = overflow or ("raise" if any(topic.private for topic in wanted) else "drop_oldest")
        texts = tuple(topic.text for topic in wanted)
        member = self._consumers.subscription(texts, handler, policy, queue_size, raw=raw)
        member.stale_after = stale_after
        return await self._members.join(member, wanted)

    async def unsubscribe(
        self, topics: str | Topic[object] | Sequence[str | Topic[object]], market: Market | str | None = None
    ) -> None:
        """Leave topics in all subscriptions; returns when the exchange has confirmed. Idempotent."""
        self._home.check()
        await self._members.disband(parse_all(topics, market))

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
        asked: list[tuple[Topic[object], Connection]] = []
        for topic in parse_all(topics, market):
            if not knows_request(topic):
                raise ParameterError(
                    f"{topic.text} knows no request; spot/depth/increase100, futures/depthIncrease5, 20 or "
                    f"50 and futures/fundingRate do"
                )
            connection = self._pool.holding(topic.text)
            if connection is None:
                raise ParameterError(f"{topic.text} is not subscribed; subscribe it first")
            asked.append((topic, connection))
        for topic, connection in asked:
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
        return await self._books.open(topic, stale_after)

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
        await self._pool.keep(
            Kind(market, private)
            for private in ((False, True) if self._access.signer is not None else (False,))
            for market in Market
        )

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
        await self._pool.rotate(connection)

    def health(self) -> StreamHealth:
        """How every connection and topic is now; cheap, and nothing is sent."""
        return self._pool.health(self._members.load)

    def _check_open(self) -> None:
        self._home.check()
        if self._pool.closed:
            raise ClientClosed("this client is closed; make a new one")
        self._consumers.start_pending()

    async def aclose(self) -> None:
        """Close every connection and end every iteration; idempotent, two seconds at most."""
        self._home.check()
        try:
            await self._pool.aclose()
        finally:  # cancelled or not: nobody iterates a closed client for ever
            self._members.end()
            self._listeners.close()
            self._consumers.close()
        await self._consumers.end()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        pool: Pool | None = getattr(self, "_pool", None)  # None: an option was refused
        if pool and not pool.closed and self._home.settled:
            pool.abandon()
            warnings.warn(
                f"{self!r} was never closed; use `async with`, or await its aclose()",
                ResourceWarning,
                stacklevel=1,
                source=self,
            )

    def __repr__(self) -> str:
        keys = "with keys" if self._access.signer is not None else "public only"
        return f"<WebsocketClient {self._access.environment.name} {keys}>"
