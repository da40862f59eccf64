"""The sandbox itself: four ports, one exchange, and the life of both."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Final, Self, TypedDict

from aiohttp import web

from ..environments import Environment, local
from .clock import Clock
from .driver import Driver
from .events import ContractOrderChanged, Event, SpotOrderChanged
from .exchange import Exchange
from .fault_door import FaultDoor
from .fault_script import FaultScript
from .faults import Faults
from .futures_feed import FuturesFeed
from .futures_socket import FuturesSocket
from .hub import Hub
from .journal import Journal, Seen, Watch
from .listing import COINS, DEFAULT
from .market import SeededMarket
from .networks import NETWORKS
from .numbers import ATOM_PLACES, read_decimal, whole_units
from .permissions import PERMISSIONS, Restriction
from .phases import PHASES, Phase, reached
from .recorded import topic_of
from .rest import RestFace
from .routes import FUTURES_ROUTES, SPOT_ROUTES
from .spot_feed import SpotFeed
from .spot_socket import SpotSocket
from .status_page import StatusPage
from .streams import FUTURES_LIMITS, SPOT_LIMITS, StreamFace
from .truth import AccountTruth, BookTruth
from .wallets import free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from .accounts import Account

__all__ = ["Keys", "Sandbox"]

_REST_STOP: Final = 0.1
_FASTEST: Final = 100_000
_EARLIEST_MS: Final = 1_514_764_800_000
_LATEST_MS: Final = 4_102_444_800_000


class Keys(TypedDict):
    """The three credentials of an account, named as the clients name them."""

    api_key: str
    api_secret: str
    api_memo: str


def _keys(account: Account) -> Keys:
    return Keys(api_key=account.key, api_secret=account.secret, api_memo=account.memo)


def _atoms(amount: str, coin: str) -> int:
    number = read_decimal(amount)
    atoms = None if number is None else whole_units(number, ATOM_PLACES)
    if atoms is None or atoms <= 0:
        raise ValueError(f"{amount!r} is not an amount of {coin}: above 0, 8 decimals")
    return atoms


class ClientOptions(Keys):
    """What a client needs to reach the sandbox as its default account."""

    environment: Environment


class Sandbox:
    """A BitMart on this machine, from ``async with`` to its end.

    Args:
        seed: Decides keys, past prices and the makers' acts: the same seed, the same sequence.
        symbols: The markets, spot pairs and contracts alike: ``["ETH_USDT", "ETHUSDT"]``, or ``"all"`` for
            the two dozen there are. BTC_USDT and the index pair of every contract come along.
        speed: Seconds of the market in one real second: candles, funding, interest, withdrawals and the
            makers follow. Timestamps of calls are judged by real time at any speed.
        stepped: The market's time stands still but for :meth:`advance`.
        begins_ms: When the market's clock begins, Unix ms; now, when not given. With a stepped clock a fixed
            time gives every run frames of the same values, candles, funding times and all.
        replay: Public topics carry only what :meth:`feed` is given, of any symbol; private ones, and REST,
            work as ever on the sandbox's own market.
        lively: With False nobody acts after the first book stands, so that tests are deterministic.
        host: The address to listen on.
        spot_rest: Port; 0 for a free one. So for the three others.
        rate_limits: Whether quotas, message rates and connection limits are enforced.
        compress: Whether spot data frames are binary, raw DEFLATE.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        symbols: Iterable[str] | str = DEFAULT,
        speed: float = 1.0,
        stepped: bool = False,
        begins_ms: int | None = None,
        replay: bool = False,
        lively: bool = True,
        host: str = "127.0.0.1",
        spot_rest: int = 0,
        futures_rest: int = 0,
        spot_streams: int = 0,
        futures_streams: int = 0,
        rate_limits: bool = True,
        compress: bool = False,
    ) -> None:
        if not 0 < speed <= _FASTEST:
            raise ValueError(f"speed must be above zero and at most {_FASTEST}, not {speed}")
        if begins_ms is not None and not _EARLIEST_MS <= begins_ms <= _LATEST_MS:
            raise ValueError(f"begins_ms is a time in Unix ms between 2018 and 2100, not {begins_ms}")
        if stepped and speed != 1.0:
            raise ValueError("a stepped clock has no speed; give one or the other")
        self._host = host
        self._ports = {
            "spot_rest": spot_rest,
            "futures_rest": futures_rest,
            "spot_streams": spot_streams,
            "futures_streams": futures_streams,
        }
        self._settings = f"seed {seed}\n{'stepped' if stepped else f'speed {speed:g}'}"
        self._watch = Watch()
        clock = Clock(speed=speed, stepped=stepped, begins_ms=begins_ms)
        self._exchange = Exchange(seed=seed, symbols=symbols, clock=clock)
        self._market = SeededMarket(self._exchange, seed)
        self.journal = Journal()
        """Everything received, oldest first."""
        self._environment: Environment | None = None
        self._runners: list[web.ServerRunner] = []
        self._tasks: list[asyncio.Task[None]] = []
        script = FaultScript()
        self._build(script, replay=replay, rate_limits=rate_limits, compress=compress)
        self.faults = Faults(
            script,
            self._exchange.clock,
            {route.path for route in (*SPOT_ROUTES, *FUTURES_ROUTES)},
            dict(zip(("spot", "futures"), self._streams, strict=True)),
        )
        """Misbehaviour to order."""
        self._driver = Driver(
            self._exchange,
            self._market,
            (self._spot_feed, self._futures_feed),
            self._streams,
            speed=speed,
            lively=lively,
            stepped=stepped,
        )

    # For users

    @property
    def status_url(self) -> str:
        """A page for people: books, accounts, connections and what came in last."""
        return f"{self.environment.spot_rest}/status"

    @property
    def environment(self) -> Environment:
        """The URLs to point a client at."""
        if self._environment is None:
            raise RuntimeError("the sandbox is not running; use it as `async with Sandbox() as sandbox:`")
        return self._environment

    @property
    def client_options(self) -> ClientOptions:
        """Environment and keys in one: ``RestClient(**sandbox.client_options)``."""
        return {"environment": self.environment, **self.keys}

    @property
    def keys(self) -> Keys:
        """Credentials of the default account."""
        return _keys(self._exchange.default)

    @property
    def sub_accounts(self) -> dict[str, Keys]:
        """Credentials of the default account's sub-accounts, by user name."""
        exchange = self._exchange
        return {account.name: _keys(account) for account in exchange.accounts.subs(exchange.default.uid)}

    @property
    def seen(self) -> Seen:
        """Counters of what has happened so far."""
        return self._watch.seen

    async def until(self, condition: Callable[[Seen], bool], timeout: float = 5.0) -> None:
        """Wait until a condition over :attr:`seen` holds.

        Raises:
            TimeoutError: It does not, in this many seconds. The text shows the counters.
        """
        await self._watch.until(condition, timeout)

    def account(self, name: str = "default") -> AccountTruth:
        """What an account really owns, ordered and traded: the default one's, or a sub-account's by name.

        Raises:
            KeyError: No such account.
        """
        account = self._exchange.accounts.named(name)
        if account is None:
            raise KeyError(f"there is no account {name!r}; there are default, {', '.join(self.sub_accounts)}")
        return AccountTruth(self._exchange, account.uid)

    def book(self, topic: str) -> BookTruth:
        """What has been published of an incremental depth topic, whatever was lost on the way.

        Raises:
            KeyError: Nobody ever subscribed the topic.
        """
        feed = self._spot_feed if topic.startswith("spot/") else self._futures_feed
        return feed.published(topic)

    def now_ms(self) -> int:
        """The market's clock: what orders, trades and candles are dated by."""
        return self._exchange.now_ms()

    def gate_ms(self) -> int:
        """The clock that judges timestamps, and that ``/system/time`` answers: real time, with any skew."""
        return self._exchange.clock.gate_ms()

    async def advance(self, seconds: float) -> None:
        """Let so much of the market's time pass at once, with all that falls due and is pushed in it.

        With ``stepped=True`` this is the only way time passes, and the makers act on the way; otherwise
        the market's clock is put ahead. A long walk is done in at most 1,000 strides, each looked at once.

        Raises:
            ValueError: Time does not go back.
        """
        if not seconds >= 0:
            raise ValueError(f"time does not go back: {seconds} s")
        await self._driver.advance(seconds)

    @property
    def phase(self) -> Phase:
        """How far the venue is on its way to the end; assign to it to go there.

        ``open``; ``deposits_suspended``; ``no_new_spot_orders``; ``trading_over``: orders are cancelled
        and positions closed; ``closed``: every call is refused and every socket cut.
        """
        return self._exchange.phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        if phase not in PHASES:
            raise ValueError(f"{phase!r} is no phase: it is one of {', '.join(PHASES)}")
        self._exchange.enter(phase)
        if reached(phase, "closed"):
            for face in self._streams:
                face.cut("")

    def tick(self, symbol: str, last: str) -> None:
        """Let the market trade at a price, and push trade and ticker now.

        The makers move there first, so orders in between are filled on the way.

        Raises:
            KeyError: No such market.
            ValueError: The price is no number, is too low, or has more decimals than the market.
        """
        ticks = self._ticks(symbol, last)
        self._market.print_at(symbol, ticks)
        now_ms = self.now_ms()
        self._exchange.advance(now_ms)
        if symbol in self._exchange.spot.markets:
            self._spot_feed.force_ticker(symbol, now_ms)
        else:
            self._futures_feed.force_ticker(symbol, now_ms)

    def grant(self, coin: str, amount: str, *, wallet: str = "spot", account: str = "default") -> None:
        """Give an account coins out of nothing, in any of its wallets; no deposit is recorded.

        Args:
            wallet: ``spot``, ``futures``, ``fund``, or say ``margin:BTC_USDT``.
            account: ``default``, or a sub-account's name.

        Raises:
            KeyError: No such account or coin.
            ValueError: The amount is no number above zero with at most 8 decimals, or no such wallet.
        """
        owner = self._exchange.accounts.named(account)
        if owner is None:
            raise KeyError(
                f"there is no account {account!r}; there are default, {', '.join(self.sub_accounts)}"
            )
        if coin not in COINS:
            raise KeyError(f"there is no coin {coin!r}; there are {', '.join(COINS)}")
        wallets = ("spot", "futures", "fund", *(f"margin:{pair}" for pair in self._exchange.spot.markets))
        if wallet not in wallets:
            raise ValueError(f"{wallet!r} is no wallet: it is one of {', '.join(wallets)}")
        self._exchange.teller.issue(coin, _atoms(amount, coin), free(owner.uid, wallet), self.now_ms())

    def suspend(self, symbol: str, on: bool = True) -> None:
        """Stop the trading of one market, or with False let it go on; what waits in its book stays.

        New orders are refused, on spot with 50040 and on futures with 40015; cancelling works.

        Raises:
            KeyError: No such market.
        """
        spot, futures = self._exchange.spot.markets, self._exchange.futures.markets
        market = spot.get(symbol) or futures.get(symbol)
        if market is None:
            raise KeyError(f"this sandbox has no market {symbol!r}; it has {', '.join([*spot, *futures])}")
        market.suspended = on

    def restrict_key(
        self,
        account: str = "default",
        *,
        permissions: Iterable[str] | None = None,
        addresses: Iterable[str] | None = None,
        frozen: bool = False,
        expired: bool = False,
    ) -> None:
        """Hold something against an account's key; without anything, what was held is forgotten.

        Args:
            permissions: What it may do beside reading: ``spot-trade``, ``margin-trade``, ``withdraw``,
                ``future-trade``, ``finance``, ``inter-account transfer``. Other calls are refused with 30012.
            addresses: Where calls may come from; others are refused with 30010.
            frozen: Calls are refused with 30003, logins with 91003.
            expired: Calls are refused with 30011, logins with 91004.

        Raises:
            KeyError: No such account.
            ValueError: No such permission.
        """
        owner = self._exchange.accounts.named(account)
        if owner is None:
            raise KeyError(
                f"there is no account {account!r}; there are default, {', '.join(self.sub_accounts)}"
            )
        allowed = None if permissions is None else frozenset(permissions)
        if unknown := sorted((allowed or frozenset()) - set(PERMISSIONS)):
            raise ValueError(f"no such permission: {', '.join(unknown)}; there are {', '.join(PERMISSIONS)}")
        self._exchange.accounts.restrictions[owner.uid] = Restriction(
            permissions=allowed,
            addresses=None if addresses is None else frozenset(addresses),
            frozen=frozen,
            expired=expired,
        )

    def feed(self, frames: Iterable[str]) -> int:
        """Push recorded data frames, as they are and at once; says how many reached somebody.

        When to push which is the caller's to decide. With ``replay=True`` nothing else is pushed on public
        topics; without it the recording is mixed into the sandbox's own market.

        Args:
            frames: The text of data frames of either market, as a socket received them.

        Raises:
            ValueError: One of them is no data frame; those before it are pushed.
        """
        reached = 0
        for frame in frames:
            topic = topic_of(frame)
            hub = self._hubs.get(topic.partition("/")[0])
            if hub is None:
                raise ValueError(f"{topic!r} is a topic of neither market")
            # the exchange writes a speed behind topics that were asked for without one
            reached += (hub.replay(topic, frame) or hub.replay(topic.partition("@")[0], frame)) > 0
        return reached

    def deposit(self, currency: str, amount: str) -> str:
        """Let coins arrive for the default account, in the wallet it has chosen; the deposit's id.

        Args:
            currency: A coin with its chain where it has several: ``BTC``, ``USDT-TRC20``.

        Raises:
            KeyError: No such currency.
            ValueError: The amount is no number above zero with at most 8 decimals.
            RuntimeError: Deposits are suspended.
        """
        row = next((row for row in NETWORKS if row.code == currency), None)
        if row is None:
            codes = ", ".join(row.code for row in NETWORKS)
            raise KeyError(f"there is no currency {currency!r}; there are {codes}")
        atoms = _atoms(amount, currency)
        exchange = self._exchange
        if not exchange.funding.deposits_open:
            raise RuntimeError(f"deposits are suspended in the phase {exchange.phase}")
        return str(exchange.funding.deposit(exchange.default.uid, row, atoms, self.now_ms()).number)

    # Life

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every socket and port. Harmless when repeated.

        If the exchange itself broke while it ran, its error is raised here, after everything is closed.
        """
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(face.stop() for face in self._streams))
        runners, self._runners = self._runners, []
        for runner in runners:
            await runner.cleanup()
        self._environment = None
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    # Inside

    def _build(self, faults: FaultScript, *, replay: bool, rate_limits: bool, compress: bool) -> None:
        exchange, watch = self._exchange, self._watch
        numbers = count(1)
        spot_hub = Hub("spot", faults, exchange.clock, compress=compress)
        futures_hub = Hub("futures", faults, exchange.clock, compress=False)
        self._hubs = {"spot": spot_hub, "futures": futures_hub}
        self._spot_feed = SpotFeed(exchange, spot_hub, replay=replay)
        self._futures_feed = FuturesFeed(exchange, futures_hub, replay=replay)
        self._streams = (
            StreamFace(
                spot_hub,
                SpotSocket(exchange, spot_hub, self._spot_feed, faults, watch),
                SPOT_LIMITS,
                exchange,
                faults,
                journal=self.journal,
                watch=watch,
                numbers=numbers,
                enforced=rate_limits,
            ),
            StreamFace(
                futures_hub,
                FuturesSocket(exchange, futures_hub, self._futures_feed, faults, watch),
                FUTURES_LIMITS,
                exchange,
                faults,
                journal=self.journal,
                watch=watch,
                numbers=numbers,
                enforced=rate_limits,
            ),
        )
        page = StatusPage(exchange, (spot_hub, futures_hub), self.journal, self._settings)
        door = FaultDoor(lambda: self.faults)
        self._rest = tuple(
            RestFace(
                host,
                routes,
                exchange,
                faults,
                journal=self.journal,
                watch=watch,
                page=page,
                door=door,
                rate_limits=rate_limits,
            )
            for host, routes in (("spot", SPOT_ROUTES), ("futures", FUTURES_ROUTES))
        )
        exchange.listen(self._count, SpotOrderChanged, ContractOrderChanged)

    async def _start(self) -> None:
        ports = self._ports
        rest = [
            await self._listen(face, ports[name])
            for face, name in zip(self._rest, ("spot_rest", "futures_rest"), strict=True)
        ]
        streams = [
            await face.start(self._host, ports[name])
            for face, name in zip(self._streams, ("spot_streams", "futures_streams"), strict=True)
        ]
        self._environment = local(
            spot_rest=rest[0],
            futures_rest=rest[1],
            spot_streams=streams[0],
            futures_streams=streams[1],
            host=self._host,
            name="sandbox",
        )
        self._tasks = self._driver.start()

    async def _listen(self, face: RestFace, port: int) -> int:
        runner = web.ServerRunner(web.Server(face.handle, access_log=None), shutdown_timeout=_REST_STOP)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, self._host, port).start()
        return int(runner.addresses[0][1])

    def _count(self, event: Event) -> None:
        new_spot = isinstance(event, SpotOrderChanged) and event.fill is None and event.order.state == "new"
        new_contract = (
            isinstance(event, ContractOrderChanged)
            and event.action == 2
            and event.order.updated == event.order.created
        )
        if new_spot or new_contract:
            self._watch.seen.orders += 1
            self._watch.changed()

    def _ticks(self, symbol: str, last: str) -> int:
        spot, futures = self._exchange.spot.markets, self._exchange.futures.markets
        if symbol not in spot and symbol not in futures:
            raise KeyError(
                f"this sandbox has no market {symbol!r}; it has {', '.join([*spot, *futures])} "
                f"(others with the option symbols)"
            )
        rules = spot[symbol].rules if symbol in spot else futures[symbol].rules
        number = read_decimal(last)
        ticks = None if number is None else whole_units(number, rules.price_decimals)
        if ticks is None or ticks <= 0:
            raise ValueError(f"{last!r} is not a price of {symbol}: at most {rules.price_decimals} decimals")
        return ticks
