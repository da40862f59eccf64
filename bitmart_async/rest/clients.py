"""The two REST clients: the sections mixed, options, life cycle."""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit

from bitmart_async.clock import Clock
from bitmart_async.credentials import key_print, settle
from bitmart_async.environments import check_url, chosen_environment
from bitmart_async.errors import BadResponse, ConfigurationError, ParameterError
from bitmart_async.ratelimit import RateLimits
from bitmart_async.rest.broker import Broker
from bitmart_async.rest.dead_mans_switch import FuturesSwitch
from bitmart_async.rest.earn import Earn
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.funding import Funding
from bitmart_async.rest.futures_account import FuturesAccount
from bitmart_async.rest.futures_affiliate import FuturesAffiliate
from bitmart_async.rest.futures_market import FuturesMarket
from bitmart_async.rest.futures_records import FuturesRecords
from bitmart_async.rest.futures_subaccount import FuturesSubaccount
from bitmart_async.rest.futures_trailing import FuturesTrailing
from bitmart_async.rest.futures_transfer import FuturesMoney
from bitmart_async.rest.margin import Margin
from bitmart_async.rest.params import Param
from bitmart_async.rest.resolve import FuturesResolve, SpotResolve
from bitmart_async.rest.section import Section, warn_once
from bitmart_async.rest.spot_account import SpotAccount
from bitmart_async.rest.spot_legacy import SpotLegacy
from bitmart_async.rest.spot_market import SpotMarket
from bitmart_async.rest.subaccount import SubAccounting
from bitmart_async.rest.system import SYSTEM_TIME, System
from bitmart_async.rest.transport import Transport
from bitmart_async.rest.wire import Wire
from bitmart_async.signing import Signer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    import aiohttp

    from bitmart_async.credentials import Credentials
    from bitmart_async.environments import Environment
    from bitmart_async.ratelimit import Use
    from bitmart_async.rest.envelope import Envelope

__all__ = ["FuturesClientV2", "RestClient"]

T = TypeVar("T")

_METHODS = ("GET", "POST", "PUT", "DELETE")
_PATH = re.compile(r"/(?!/)[!-~]*")


class _Client(Section):
    """What both clients share. Every option is keyword-only and has one meaning in all clients."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        api_memo: str | None = None,
        credentials: Credentials | None = None,
        environment: Environment | None = None,
        demo_trading: bool = False,
        base_url: str | None = None,
        recv_window: int = 5000,
        strict_param_validation: bool = True,
        parse_exceptions: bool = True,
        keep_alive: bool = True,
        timeout: float = 15.0,
        max_retries: int = 2,
        session: aiohttp.ClientSession | None = None,
        sign: Callable[[bytes, str], str] | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        rate_limits: RateLimits | None = None,
        broker_id: str | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        """Make a client; nothing is sent before the first call.

        Args:
            api_key: With api_secret and api_memo: the account. None of the three: public calls only.
            credentials: The three in one object, e.g. ``Credentials.from_env()``.
            environment: LIVE (when not given), DEMO, a sandbox's, or your own.
            demo_trading: Futures with play money. Refused by RestClient: spot has no demo.
            base_url: Replaces this client's one REST URL.
            recv_window: ms a call may be late, 1 to 60000; sent to endpoints that know it.
            strict_param_validation: Check enums, ranges and combinations before anything is sent.
            parse_exceptions: False: refusals raise plain ApiError, not the classified subclass.
            keep_alive: Reuse connections.
            timeout: Seconds for a whole call, repeats included, waiting for the rate limit not.
            max_retries: How often a read is repeated. 0: one send, except that a ``session`` of your
                own may repeat a GET, PUT or DELETE once when the connection breaks: aiohttp's habit.
            session: Your aiohttp session; it is used and never closed.
            sign: Your own HMAC: ``sign(message, secret)`` returns lower-case hex.
            proxy: URL of an HTTP proxy. The environment's proxy settings are not used.
            ssl_context: For certificates of your own.
            clock: A Clock to share.
            rate_limits: A RateLimits to share between clients of one key.
            broker_id: Sent as X-BM-BROKER-ID; nothing is sent when not given.
            logger: Instead of the logger ``bitmart_async``.

        Raises:
            ConfigurationError: An option cannot be used; the text says why.
            CredentialsMissing: Only a part of the credentials is given.
        """
        settled = settle(credentials, api_key, api_secret, api_memo)
        url = self._url(environment, base_url, demo_trading=demo_trading)
        whole = cast("object", recv_window)  # what callers really pass
        if isinstance(whole, bool) or not isinstance(whole, int) or not 1 <= whole <= 60_000:
            raise ConfigurationError(f"recv_window={recv_window!r}: must be 1 to 60000 milliseconds, an int")
        if broker_id is not None and not re.fullmatch(r"[!-~]+", broker_id):
            raise ConfigurationError("broker_id must be plain ASCII text: it goes into a header")
        if timeout <= 0:
            raise ConfigurationError(f"timeout={timeout!r}: must be more than 0 seconds")
        if max_retries < 0:
            raise ConfigurationError(f"max_retries={max_retries!r}: must be 0 or more")
        signer = Signer(settled, sign) if settled is not None else None
        self._transport = Transport(
            url,
            Wire(
                session=session,
                keep_alive=keep_alive,
                proxy=proxy,
                ssl_context=ssl_context,
                mask=signer.mask if signer is not None else str,
            ),
            signer=signer,
            clock=clock or Clock(),
            limits=rate_limits or RateLimits(),
            timeout=timeout,
            max_retries=max_retries,
            recv_window=recv_window,
            strict=strict_param_validation,
            parse_exceptions=parse_exceptions,
            broker_id=broker_id,
            logger=logger or logging.getLogger("bitmart_async"),
            server_time=_server_time,
        )
        self._transport.wire.owner = repr(self)

    @staticmethod
    def _rest_url(environment: Environment) -> str:
        raise AssertionError("each client has one REST host")

    @classmethod
    def _url(cls, environment: Environment | None, base_url: str | None, *, demo_trading: bool) -> str:
        chosen = chosen_environment(environment, demo_trading=demo_trading)
        if base_url is None:
            return cls._rest_url(chosen)
        try:
            check_url(base_url, what="base_url", schemes=("https", "http"), any_host=chosen.any_host)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        return base_url

    async def call(self, endpoint: Endpoint[T], /, **params: object) -> Envelope[T]:
        """Make one call and get the whole reply: data, code, message, trace, headers, raw bytes.

        Args:
            endpoint: A constant beside its method, or ``bitmart_async.rest.ENDPOINTS[id]``.
            params: The endpoint's parameters, in snake_case.
        """
        if endpoint.deprecated:
            warn_once(endpoint, stacklevel=2)
        return await self._transport.call(endpoint, params)

    async def request(
        self,
        method: str,
        path: str,
        *,
        auth: Auth | str = Auth.NONE,
        params: Mapping[str, object] | None = None,
    ) -> Envelope[object]:
        """Call a path nobody has modelled.

        GET counts as a read and may be repeated; everything else is sent at most once (see
        ``max_retries`` about PUT and DELETE over a session of your own).

        Args:
            method: GET, POST, PUT or DELETE.
            path: From the slash on, like ``/spot/v1/symbols``.
            auth: NONE, KEYED or SIGNED, as Auth or by name.
            params: By wire name: the query of GET and DELETE, the JSON body of POST and PUT. Decimals
                go as text; floats are refused.

        Returns:
            The reply; ``data`` is plain JSON.
        """
        verb = method.upper()
        if verb not in _METHODS:
            raise ParameterError(f"method={method!r}: must be one of {', '.join(_METHODS)}")
        if not _PATH.fullmatch(path) or "?" in path or "#" in path:
            raise ParameterError(
                f"path={path!r}: must begin with one slash and hold no query (use params=), "
                f"no blanks and nothing but ASCII"
            )
        try:
            level = auth if isinstance(auth, Auth) else Auth[auth.upper()]
        except KeyError:
            raise ParameterError(f"auth={auth!r}: must be NONE, KEYED or SIGNED") from None
        given = dict(params or {})
        if not all(isinstance(cast("object", name), str) for name in given):
            raise ParameterError("params= must have text for keys: the names of the wire")
        endpoint: Endpoint[object] = Endpoint(
            f"request.{verb} {path}",
            verb,
            path,
            level,
            None,
            returns=object,
            params=[_Raw(name) for name in given],
            effect=Effect.READ if verb == "GET" else Effect.CHANGE,
        )
        return await self._transport.call(endpoint, {raw.name: given[raw.wire] for raw in endpoint.params})

    async def sync_clock(self) -> float:
        """Measure the offset to the exchange's clock; done by itself when the exchange complains.

        Returns:
            Exchange minus this machine, ms.
        """
        return await self._transport.clock.sync(partial(_server_time, self._transport))

    @property
    def clock(self) -> Clock:
        """The clock that stamps signed calls."""
        return self._transport.clock

    @property
    def whose(self) -> str:
        """The REST host and a fingerprint of the API key: tells accounts apart and gives no key away.

        Empty without keys. Two keys of one account have two fingerprints.
        """
        signer = self._transport.signer
        if signer is None:
            return ""
        return (
            f"{urlsplit(self._transport.base_url).hostname} {key_print(signer.api_key, b'bitmart account')}"
        )

    def rate_limit_use(self) -> dict[str, Use]:
        """How full each rate-limit window is now."""
        return self._transport.limits.use()

    async def aclose(self) -> None:
        """Close the connections; idempotent. A session you brought stays open.

        Calls that wait for the rate limit end at once with ClientClosed, unsent. Of an order that is
        under way nobody knows the fate: it raises OrderFateUnknown. Later calls raise ClientClosed.
        """
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        keys = "with keys" if self._transport.signer is not None else "public only"
        return f"<{type(self).__name__} {self._transport.base_url} {keys}>"


async def _server_time(transport: Transport) -> int:
    """The exchange's time, Unix ms. No method: the transport must not hold the client it belongs to."""
    envelope = await transport.call(SYSTEM_TIME, {})
    theirs = cast("int | None", envelope.data.server_time)  # any number may be blank, see models/base.py
    if theirs is None:
        raise BadResponse(
            f"{SYSTEM_TIME.label}: the exchange told no time.",
            endpoint=SYSTEM_TIME.label,
            http_status=envelope.http_status,
            raw=envelope.raw,
        )
    return theirs


class _Raw(Param):
    """A parameter of an unmodelled path: sent as it is, except that money must be exact."""

    __slots__ = ()

    def __init__(self, wire: str) -> None:
        super().__init__(wire)
        self.name = wire

    def encode(self, value: object, *, strict: bool) -> object:
        return _exact_json(value, self.wire)


def _exact_json(value: object, name: str) -> object:
    from decimal import Decimal

    from bitmart_async.numbers import plain

    if isinstance(value, float | Decimal):
        return plain(cast("Decimal", value), name)
    if isinstance(value, dict):
        return {
            str(key): _exact_json(item, str(key)) for key, item in cast("dict[object, object]", value).items()
        }
    if isinstance(value, list | tuple):
        return [_exact_json(item, name) for item in cast("list[object]", value)]
    return value


class RestClient(
    System,
    SpotMarket,
    SpotAccount,
    SpotResolve,
    SpotLegacy,
    Margin,
    Funding,
    SubAccounting,
    Earn,
    Broker,
    _Client,
):
    """Spot, margin, account, earn, sub-account, broker and system calls on the spot host."""

    @staticmethod
    def _rest_url(environment: Environment) -> str:
        return environment.spot_rest

    @classmethod
    def _url(cls, environment: Environment | None, base_url: str | None, *, demo_trading: bool) -> str:
        if demo_trading:
            raise ConfigurationError(
                "BitMart has no demo for spot: demo_trading=True works with "
                "FuturesClientV2. For spot without money use the sandbox."
            )
        return super()._url(environment, base_url, demo_trading=False)


class FuturesClientV2(
    System,
    FuturesMarket,
    FuturesAccount,
    FuturesResolve,
    FuturesTrailing,
    FuturesMoney,
    FuturesSubaccount,
    FuturesAffiliate,
    FuturesRecords,
    FuturesSwitch,
    _Client,
):
    """USD-M futures calls on the futures host, or on its demo."""

    @staticmethod
    def _rest_url(environment: Environment) -> str:
        return environment.futures_rest
