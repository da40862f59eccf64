"""Everything that can go wrong, as one tree.

::

    BitMartError
    ├── ConfigurationError (ValueError)   an option that cannot be used
    │   └── CredentialsMissing            a private call or topic without keys, or half a set of keys
    ├── ParameterError (ValueError)       a call refused here; nothing was sent
    │   └── TopicError                    a topic nobody can parse
    ├── TransportError                    no usable answer
    │   ├── ConnectFailed                 nothing was sent: refused, no such host, connect timeout
    │   │   └── TlsError                  the certificate or host name does not fit; never retried
    │   ├── AnswerTimeout (TimeoutError)  the deadline passed
    │   ├── ConnectionLost                the connection broke before the whole answer was read
    │   ├── RedirectRefused               the host answered with a redirect; it is never followed
    │   ├── EdgeBlocked                   the network edge answered with a page instead of BitMart
    │   └── BadResponse                   an answer that cannot be read
    ├── HistoryIncomplete                 rows of a long list that cannot be read
    │   └── HistoryStopped                more requests than max_requests allows
    ├── Damaged                           a file of an archive or recording is not as it was written
    ├── ClientClosed                      the client is closed; nothing was sent
    ├── OrderNotFilled                    an order that was waited for ended in another way
    │   └── OrderStateUnknown             or nobody can tell how
    ├── OutcomeUnknown                    a change was sent and its answer lost: it may have happened
    │   └── OrderFateUnknown              the same for an order; resolve_order() finds the truth
    ├── ApiError                          BitMart understood and refused
    │   ├── AuthError                     key, secret, memo or signature
    │   ├── TimestampRejected             clock or recv_window
    │   ├── PermissionDenied              key, account or address may not do this
    │   │   └── RegionRestricted          not offered in this country
    │   ├── AccountUnavailable            account frozen, disabled or not opened
    │   ├── RateLimited                   too many calls
    │   │   └── IpBanned                  stop: the address or account is blocked for a while
    │   ├── BadRequest                    a parameter is wrong
    │   ├── SymbolUnavailable             symbol unknown, suspended or closed to the API
    │   ├── NotFound                      no such currency, account or path
    │   │   └── OrderNotFound             no such order (right after a submit this is not final)
    │   ├── InsufficientFunds             not enough balance or margin
    │   ├── OrderRejected                 the trading rules refuse the order
    │   ├── OrderStateConflict            the order is already final, or cannot be changed now
    │   ├── PositionConflict              the position is missing or in the wrong state
    │   ├── AlreadyExists                 the id was used before
    │   ├── Unavailable                   the function is closed for this currency or account
    │   ├── Maintenance                   planned downtime
    │   ├── EndpointRetired               the endpoint is gone
    │   └── SystemFault                   the exchange failed
    └── StreamError
        ├── LoginRefused                  the exchange refused the keys on a private socket
        ├── SubscriptionRefused           it refused topics; the others of the call stay subscribed
        ├── StreamUnavailable             no socket to the exchange could be opened
        ├── FrameUnreadable               a message nobody can decode; it is reported, nothing stops
        ├── SlowConsumer                  an iterator or handler fell behind its bounded queue
        └── BookNotReady                  an order book that cannot be trusted now was read

A stream raises TlsError and IpBanned too; both are then StreamUnavailable at the same time.

Library exceptions (aiohttp, websockets, msgspec, ssl) are translated once, at the edge, and kept as
``__cause__`` only where they carry no secret. Every error copies and pickles.
"""

from __future__ import annotations

import enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from bitmart_async.codes import ADVICE, Category, fact_of
from bitmart_async.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bitmart_async.websocket.subscription import Subscription

__all__ = [
    "AccountUnavailable",
    "AlreadyExists",
    "AnswerTimeout",
    "ApiError",
    "AuthError",
    "BadRequest",
    "BadResponse",
    "BitMartError",
    "BookNotReady",
    "ClientClosed",
    "ConfigurationError",
    "ConnectFailed",
    "ConnectionLost",
    "CredentialsMissing",
    "EdgeBlocked",
    "EndpointRetired",
    "Fate",
    "FrameUnreadable",
    "HistoryIncomplete",
    "HistoryStopped",
    "InsufficientFunds",
    "IpBanned",
    "LoginRefused",
    "Maintenance",
    "NotFound",
    "OrderFateUnknown",
    "OrderNotFilled",
    "OrderNotFound",
    "OrderRejected",
    "OrderResult",
    "OrderStateConflict",
    "OrderStateUnknown",
    "OutcomeUnknown",
    "ParameterError",
    "PermissionDenied",
    "PositionConflict",
    "RateLimited",
    "RedirectRefused",
    "RegionRestricted",
    "SlowConsumer",
    "StreamError",
    "StreamUnavailable",
    "SubscriptionRefused",
    "SymbolUnavailable",
    "SystemFault",
    "TimestampRejected",
    "TlsError",
    "TopicError",
    "TransportError",
    "Unavailable",
]


class Fate(enum.StrEnum):
    """What is known about a change (an order, a transfer). An error never says ACCEPTED."""

    ACCEPTED = "accepted"
    """The exchange took it. Of orders in a batch only: elsewhere a call that returns says it."""
    NOT_SENT = "not sent"
    """No byte of it left this machine: safe to repeat."""
    NOT_ACCEPTED = "not accepted"
    """The exchange refused it: nothing happened there."""
    UNKNOWN = "unknown"
    """It was sent and no proof of either came back: look before repeating."""


class OrderResult(NamedTuple):
    """What is known of one order of a batch."""

    client_order_id: str
    """The id it was sent under, yours or one made for it."""
    symbol: str
    fate: Fate
    """UNKNOWN: it stays in ``pending_orders``; ``resolve_order(symbol=, client_order_id=)`` tells."""
    order_id: str | None = None
    """The exchange's id of an accepted order, where the reply names it."""
    code: int | None = None
    """Why it was not accepted, or why nobody knows; None where nothing was said."""
    message: str = ""
    """BitMart's own words, made safe to print."""


class BitMartError(Exception):
    """Root of the tree. The attributes hold what is known; absent facts are None or empty."""

    def __init__(
        self,
        text: str = "",
        *,
        endpoint: str = "",
        code: int | None = None,
        message: str = "",
        trace: str = "",
        http_status: int | None = None,
        retry_after: float | None = None,
        raw: bytes = b"",
        fate: Fate | None = None,
    ) -> None:
        super().__init__(text)
        self.endpoint = endpoint
        """Method and path, e.g. ``POST /spot/v2/submit_order``; for streams the connection's name."""
        self.code = code
        """BitMart's own number, None when the error is not the exchange's."""
        self.message = one_line(message)
        """BitMart's own words, made safe to print."""
        self.trace = one_line(trace)
        """The exchange's id of this call: quote it to their support."""
        self.http_status = http_status
        self.retry_after = retry_after
        """Seconds to wait before trying again, when that is known."""
        self.raw = raw
        """The untouched reply body."""
        self.fate = self._usual_fate if fate is None else fate
        """For calls that change something: whether it happened."""
        self.results: tuple[OrderResult, ...] = ()
        """For a batch of orders: one per order, in the order given."""

    def __reduce__(self) -> tuple[object, ...]:
        state = {name: value for name, value in self.__dict__.items() if name not in self._live}
        return _rebuild, (type(self), self.args, state)

    _usual_fate: Fate | None = None
    _live: frozenset[str] = frozenset()  # attributes tied to this process, left out of pickles


def _rebuild(kind: type[BitMartError], args: tuple[object, ...], state: dict[str, object]) -> BitMartError:
    error = kind.__new__(kind, *args)
    error.args = args
    for name in getattr(kind, "_live", ()):
        state.setdefault(name, None)
    error.__dict__.update(state)
    return error


class ConfigurationError(BitMartError, ValueError):
    """An option that cannot be used; the text says which and what would be right."""


class CredentialsMissing(ConfigurationError):
    """A private call or topic without keys, or an incomplete set of keys. Nothing was sent."""


class ParameterError(BitMartError, ValueError):
    """A call refused here, before a byte was sent; the text names the parameter, ``fate`` is NOT_SENT."""

    _usual_fate = Fate.NOT_SENT


class TopicError(ParameterError):
    """A topic that cannot be parsed, or whose market is unknown."""


class TransportError(BitMartError):
    """No usable answer. For calls that change something see also :class:`OutcomeUnknown`."""


class ConnectFailed(TransportError):
    """No connection, so nothing was sent: host down or unknown, or the connect deadline passed."""


class TlsError(ConnectFailed):
    """The certificate or host name does not fit. Final: retrying cannot help, and is not safe."""


class AnswerTimeout(TransportError, TimeoutError):
    """The deadline passed before the whole answer was read."""


class ConnectionLost(TransportError):
    """The connection broke before the whole answer was read."""


class RedirectRefused(TransportError):
    """The host answered with a redirect. It is never followed: it could carry the key elsewhere."""


class EdgeBlocked(TransportError):
    """The edge network in front of BitMart answered with a page: not an answer of the exchange."""


class BadResponse(TransportError):
    """An answer that is not what BitMart sends: not JSON, cut, or in an unknown shape."""


class ClientClosed(BitMartError):
    """The client is closed; make a new one. Nothing was sent."""


class OrderNotFilled(BitMartError):
    """An order that was waited for ended without being filled: cancelled, in part or whole, or failed.

    Attributes:
        order_id: The exchange's id.
        client_order_id: The user's own, or empty.
        symbol: Pair or contract.
        status: How it ended, a word of OrderStatus.
        filled: What was filled before, as plain decimal text: part of it may be bought or sold.
    """

    def __init__(
        self,
        text: str = "",
        *,
        order_id: str = "",
        client_order_id: str = "",
        symbol: str = "",
        status: str = "",
        filled: str = "0",
    ) -> None:
        super().__init__(text)
        self.order_id, self.client_order_id, self.symbol = order_id, client_order_id, symbol
        self.status, self.filled = status, filled


class OrderStateUnknown(OrderNotFilled):
    """Nobody can tell how an order ended, or whether it did: the exchange shows it nowhere, or in a state
    that nobody has described. It is neither filled nor cancelled by assumption: look it up by hand."""


class OutcomeUnknown(BitMartError):
    """A change was sent and its answer lost: it may have happened. It was not and is not repeated.

    ``__cause__`` says how the answer was lost.
    """


class OrderFateUnknown(OutcomeUnknown):
    """An order (or a cancel) was sent and its answer lost. Ask ``client.resolve_order(error)``."""

    def __init__(
        self,
        text: str = "",
        *,
        client_order_id: str | None = None,
        order_id: str | None = None,
        symbol: str = "",
        endpoint: str = "",
        code: int | None = None,
        message: str = "",
        trace: str = "",
        http_status: int | None = None,
        raw: bytes = b"",
        sent_ms: int | None = None,
    ) -> None:
        super().__init__(
            text,
            endpoint=endpoint,
            code=code,
            message=message,
            trace=trace,
            http_status=http_status,
            raw=raw,
            fate=Fate.UNKNOWN,
        )
        self.client_order_id = client_order_id
        """The id the order was sent under; None where the endpoint has none."""
        self.order_id = order_id
        """For cancels and changes by the exchange's own id."""
        self.symbol = symbol
        self.sent_ms = sent_ms
        """Exchange time just before it was last sent, Unix ms; None where resolve_order itself raises."""


class HistoryIncomplete(BitMartError):
    """Rows of a long list cannot be read: more of them share one smallest window than a reply can hold."""

    def __init__(
        self,
        text: str = "",
        *,
        endpoint: str = "",
        window: tuple[int, int] = (0, 0),
        rows: int = 0,
    ) -> None:
        super().__init__(text, endpoint=endpoint)
        self.window = window
        """First and last second, millisecond or page that could not be read; all before it was given."""
        self.rows = rows
        """Rows of it that did come."""


class HistoryStopped(HistoryIncomplete):
    """``max_requests`` were sent and the range is not read; ``window`` is where to go on."""


class ApiError(BitMartError):
    """BitMart understood the call and refused it; ``code``, ``message`` and ``trace`` say why."""

    def __str__(self) -> str:
        fact = fact_of(self.code or 0, self.http_status)
        status = f", HTTP {self.http_status}" if self.http_status not in (None, 200) else ""
        return (
            f"{self.endpoint}: code {self.code}{status}: {fact.meaning} "
            f"[BitMart says: {self.message or 'nothing'}; trace {self.trace or 'none'}]. "
            f"{ADVICE[fact.category]}"
        )


class AuthError(ApiError):
    """The exchange does not accept the key, the secret, the memo or the signature."""


class TimestampRejected(ApiError):
    """This machine's clock and the exchange's differ too much, or recv_window is out of range."""


class PermissionDenied(ApiError):
    """The key, the account or this address may not do this."""


class RegionRestricted(PermissionDenied):
    """Not offered in the account's or caller's country."""


class AccountUnavailable(ApiError):
    """The account is frozen, disabled or not opened for this market."""


class RateLimited(ApiError):
    """Too many calls; ``retry_after`` is the length of the window in seconds."""


class IpBanned(RateLimited):
    """Blocked for a while after ignoring the limits. The client sends nothing more until then."""


class BadRequest(ApiError):
    """A parameter is missing or wrong."""


class SymbolUnavailable(ApiError):
    """The symbol is unknown, suspended, delisted or closed to the API."""


class NotFound(ApiError):
    """No such currency, account, record or path."""


class OrderNotFound(NotFound):
    """No such order. Right after a submit that may be too early to be true: see resolve_order()."""


class InsufficientFunds(ApiError):
    """Not enough balance or margin."""


class OrderRejected(ApiError):
    """The trading rules refuse the order: size, price, precision, leverage."""


class OrderStateConflict(ApiError):
    """The order is already final, or cannot be changed in its state."""


class PositionConflict(ApiError):
    """The position is missing, too small or in the wrong state."""


class AlreadyExists(ApiError):
    """The id was used before: the first request with it counts."""


class Unavailable(ApiError):
    """The function is closed for this currency or account."""


class Maintenance(ApiError):
    """Planned downtime."""


class EndpointRetired(ApiError):
    """The exchange has switched this endpoint off."""


class SystemFault(ApiError):
    """The exchange failed. A call that changes something may nevertheless have happened."""


class StreamError(BitMartError):
    """Something about the streams."""


class LoginRefused(StreamError):
    """The exchange refused the keys on a private socket. Public topics go on."""


class SubscriptionRefused(StreamError):
    """The exchange refused some topics of a call; the others are subscribed and stay.

    Attributes:
        refused: Topic to the reason given.
        subscription: The live Subscription of the topics that were accepted, or None.
    """

    _live = frozenset({"subscription"})

    def __init__(
        self,
        text: str = "",
        *,
        refused: Mapping[str, str] | None = None,
        subscription: Subscription[object] | None = None,
        endpoint: str = "",
        code: int | None = None,
    ) -> None:
        super().__init__(text, endpoint=endpoint, code=code)
        self.refused: dict[str, str] = dict(refused or {})
        self.subscription = subscription

    @property
    def topics(self) -> Sequence[str]:
        """The refused topics."""
        return tuple(self.refused)


class StreamUnavailable(StreamError):
    """No socket could be opened: host down or unknown, handshake refused, deadline passed."""


class FrameUnreadable(StreamError):
    """A message that cannot be decoded. ``raw`` holds its bytes; nothing else stops."""


class SlowConsumer(StreamError):
    """A consumer fell behind its bounded queue; ``dropped`` updates are lost to it."""

    def __init__(self, text: str = "", *, dropped: int = 0) -> None:
        super().__init__(text)
        self.dropped = dropped


class BookNotReady(StreamError):
    """An order book was read while it cannot be trusted; the text says why and what to do.

    Attributes:
        topic: Which book.
        reason: The value of a :class:`~bitmart_async.BookTrouble`: ``gap``, ``silent`` and so on.
    """

    def __init__(self, text: str = "", *, topic: str = "", reason: str = "") -> None:
        super().__init__(text)
        self.topic = topic
        self.reason = reason


_BY_CATEGORY: Final[Mapping[Category, type[ApiError]]] = MappingProxyType(
    {
        Category.AUTH: AuthError,
        Category.TIMESTAMP: TimestampRejected,
        Category.PERMISSION: PermissionDenied,
        Category.REGION: RegionRestricted,
        Category.ACCOUNT_STATE: AccountUnavailable,
        Category.RATE_LIMIT: RateLimited,
        Category.BAD_REQUEST: BadRequest,
        Category.SYMBOL: SymbolUnavailable,
        Category.NOT_FOUND: NotFound,
        Category.INSUFFICIENT_FUNDS: InsufficientFunds,
        Category.ORDER_REJECTED: OrderRejected,
        Category.ORDER_STATE: OrderStateConflict,
        Category.POSITION: PositionConflict,
        Category.DUPLICATE: AlreadyExists,
        Category.UNAVAILABLE: Unavailable,
        Category.MAINTENANCE: Maintenance,
        Category.RETIRED: EndpointRetired,
        Category.SYSTEM: SystemFault,
    }
)

_BY_CODE: Final[Mapping[int, type[ApiError]]] = MappingProxyType(
    {
        30017: IpBanned,
        40035: OrderNotFound,
        40037: OrderNotFound,
        50005: OrderNotFound,
    }
)


def api_error_class(code: int, http_status: int | None) -> type[ApiError]:
    """The class for a refusal: by code, then by HTTP status, then by the code's range."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if http_status == 418:
        return IpBanned
    return _BY_CATEGORY[fact_of(code, http_status).category]
