"""WebsocketClient against the sandbox: an exchange in good health."""

from __future__ import annotations

import asyncio
import json
import logging
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async.errors import (
    ClientClosed,
    ConfigurationError,
    CredentialsMissing,
    LoginRefused,
    ParameterError,
    SubscriptionRefused,
    TopicError,
)
from bitmart_async.models.streams_futures import FuturesOrderUpdate, FuturesStreamTrade
from bitmart_async.models.streams_spot import SpotStreamTicker, SpotStreamTrade
from bitmart_async.rest.clients import RestClient
from bitmart_async.websocket import topics
from bitmart_async.websocket.client import WebsocketClient
from bitmart_async.websocket.dialects import SPOT
from bitmart_async.websocket.events import Event, Gap
from bitmart_async.websocket.session import Timings
from bitmart_async.websocket.standing import Standing
from bitmart_async.websocket.topics import Market
from tests.scripted_ws import FAST, futures_ticker, our_tasks, serving, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bitmart_async.sandbox import Sandbox
    from bitmart_async.websocket.events import Update

_EVENTS = ("open", "authenticated", "response", "reconnecting", "reconnected", "live", "close", "exception")


def _client(sandbox: Sandbox, **options: Any) -> WebsocketClient:
    return WebsocketClient(**{"environment": sandbox.environment, **sandbox.keys, **FAST, **options})


@pytest.fixture
async def ws(sandbox: Sandbox) -> AsyncIterator[WebsocketClient]:
    async with _client(sandbox) as client:
        yield client
    assert our_tasks() == []


def _wire(sandbox: Sandbox, socket: str) -> list[tuple[str, list[str]]]:
    """Operations and arguments the sandbox received on a socket, in order; logins without arguments."""
    read: list[tuple[str, list[str]]] = []
    for message in sandbox.journal.messages(socket):
        if message.text.startswith("{"):
            body = json.loads(message.text)
            operation = body.get("op") or body["action"]
            if operation != "ping":
                read.append((operation, [] if operation in ("login", "access") else body["args"]))
    return read


def _listen(ws: WebsocketClient, *names: str) -> list[Event]:
    heard: list[Event] = []
    for name in names or _EVENTS:
        ws.on(name)(heard.append)
    return heard


async def test_topics_of_both_markets_and_privacies_go_to_their_sockets(
    sandbox: Sandbox, ws: WebsocketClient
) -> None:
    """One socket per market and privacy; private ones log in once, before any topic is asked for."""
    subscription = await ws.subscribe(
        [
            "spot/ticker:BTC_USDT",
            "spot/user/orders:ALL_SYMBOLS",
            "futures/trade:BTCUSDT",
            "futures/order",
            "futures/position",
        ]
    )
    assert len(subscription.topics) == 5
    assert _wire(sandbox, "spot_public") == [("subscribe", ["spot/ticker:BTC_USDT"])]
    assert _wire(sandbox, "futures_public") == [("subscribe", ["futures/trade:BTCUSDT"])]
    assert _wire(sandbox, "spot_private") == [("login", []), ("subscribe", ["spot/user/orders:ALL_SYMBOLS"])]
    assert _wire(sandbox, "futures_private") == [
        ("access", []),
        ("subscribe", ["futures/order", "futures/position"]),
    ]
    await ws.subscribe("futures/asset:USDT")
    assert _wire(sandbox, "futures_private")[-1] == ("subscribe", ["futures/asset:USDT"])
    assert (sandbox.seen.sessions, sandbox.seen.logins) == (4, 2)


async def test_updates_are_typed(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """A builder's topic gives its model; the update says where it comes from."""
    trades = await ws.subscribe(topics.spot.trade("BTC_USDT"))
    contracts = await ws.subscribe(topics.futures.trade("BTCUSDT"))
    sandbox.tick("BTC_USDT", "64100.00")
    sandbox.tick("BTCUSDT", "64100.1")
    spot, futures = await anext(trades), await anext(contracts)
    assert isinstance(spot.data, SpotStreamTrade)
    assert isinstance(futures.data, FuturesStreamTrade)
    assert (spot.data.price, futures.data.deal_price) == (Decimal("64100.00"), Decimal("64100.1"))
    assert (spot.topic, spot.channel, spot.market, spot.symbol) == (
        "spot/trade:BTC_USDT",
        "trade",
        Market.SPOT,
        "BTC_USDT",
    )
    assert spot.received_ns > 0
    assert json.loads(spot.raw)["table"] == "spot/trade"


async def test_a_filled_order_is_seen_on_the_private_streams(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """The account's order and balance arrive on the socket that logged in."""
    orders = await ws.subscribe(topics.spot.orders())
    balances = await ws.subscribe(topics.spot.balance())
    async with RestClient(environment=sandbox.environment, **sandbox.keys) as rest:
        placed = await rest.submit_spot_order_v2("BTC_USDT", side="buy", type="market", notional=Decimal(100))
    update = await anext(orders)
    assert (update.symbol, update.data.order_id) == ("BTC_USDT", placed.order_id)
    balance = await anext(balances)
    assert {change.ccy for change in balance.data.balance_details} & {"BTC", "USDT"}
    assert balance.symbol == ""


async def test_two_subscribers_of_a_topic_share_it(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """One subscription on the wire, each gets every update; only the last to leave unsubscribes."""
    first = await ws.subscribe("futures/trade:BTCUSDT")
    second = await ws.subscribe("futures/trade:BTCUSDT")
    assert _wire(sandbox, "futures_public") == [("subscribe", ["futures/trade:BTCUSDT"])]
    sandbox.tick("BTCUSDT", "64010.0")
    assert (await anext(first)).raw == (await anext(second)).raw
    await first.unsubscribe()
    assert [update async for update in first] == []
    sandbox.tick("BTCUSDT", "64020.0")
    update = await anext(second)
    assert update.data.deal_price == Decimal("64020.0")  # type: ignore[union-attr]
    assert len(_wire(sandbox, "futures_public")) == 1
    await second.unsubscribe()
    await second.unsubscribe()
    assert _wire(sandbox, "futures_public")[1:] == [("unsubscribe", ["futures/trade:BTCUSDT"])]


async def test_unsubscribe_returns_when_the_exchange_has_confirmed(
    sandbox: Sandbox, ws: WebsocketClient
) -> None:
    """It leaves all subscriptions of the topic, twice is fine, and others go on."""
    heard = _listen(ws, "response")
    both = await ws.subscribe(["spot/ticker:BTC_USDT", "spot/trade:BTC_USDT"])
    await ws.unsubscribe("spot/ticker:BTC_USDT")
    assert (heard[-1].operation, heard[-1].topics) == ("unsubscribe", ("spot/ticker:BTC_USDT",))
    assert both.topics == ("spot/trade:BTC_USDT",)
    await ws.unsubscribe("spot/ticker:BTC_USDT")
    assert [operation for operation, _ in _wire(sandbox, "spot_public")] == ["subscribe", "unsubscribe"]


async def test_leaving_and_joining_at_once_hangs_nobody(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """One leaves a topic while another joins it, in any order of their tasks."""
    for _ in range(5):
        old = await ws.subscribe("spot/trade:BTC_USDT")
        async with asyncio.timeout(3):
            _, new = await asyncio.gather(old.unsubscribe(), ws.subscribe("spot/trade:BTC_USDT"))
        sandbox.tick("BTC_USDT", "64100.00")
        assert (await asyncio.wait_for(anext(new), 3)).symbol == "BTC_USDT"
        async with asyncio.timeout(3):
            newer, _ = await asyncio.gather(ws.subscribe("spot/trade:BTC_USDT"), new.unsubscribe())
            await newer.unsubscribe()


async def test_a_socket_without_topics_lingers_and_closes(sandbox: Sandbox) -> None:
    """After linger it is closed, told as close and not as a loss; the next topic opens another."""
    async with _client(sandbox, linger=0.05) as ws:
        heard = _listen(ws, "open", "close", "reconnecting", "live", "exception")
        for round_ in (1, 2, 3):
            subscription = await ws.subscribe("spot/ticker:BTC_USDT")
            await subscription.unsubscribe()
            await sandbox.until(lambda seen: seen.open_sessions == 0)
            await until(lambda wanted=round_: [event.name for event in heard].count("close") == wanted)
    assert [event.name for event in heard] == ["open", "live", "close"] * 3


async def test_a_socket_that_lingers_is_used_again(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """Leaving one topic and taking another costs no connect."""
    await (await ws.subscribe("spot/ticker:BTC_USDT")).unsubscribe()
    await ws.subscribe("spot/trade:BTC_USDT")
    assert sandbox.seen.sessions == 1


async def test_events_come_in_the_order_of_a_life(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """open, authenticated, response per topic, live; after a loss reconnecting first, and the gap last."""
    heard = _listen(ws)
    await ws.subscribe(["futures/order", "futures/position"])
    assert [event.name for event in heard] == ["open", "authenticated", "response", "response", "live"]
    assert {(event.connection, event.generation) for event in heard} == {("futures_private", 1)}
    assert heard[-1].topics == ("futures/order", "futures/position")
    assert heard[-1].gap is None
    heard.clear()
    await sandbox.faults.cut("futures")
    await until(lambda: heard and heard[-1].name == "live")
    assert [event.name for event in heard] == [
        "reconnecting",
        "open",
        "reconnected",
        "authenticated",
        "response",
        "response",
        "live",
    ]
    assert heard[0].error is not None
    assert heard[0].delay is not None
    gap = heard[-1].gap
    assert gap is not None
    assert gap.started_ns < gap.ended_ns
    assert heard[-1].generation == 2
    heard.clear()
    await ws.aclose()
    assert [event.name for event in heard] == ["close"]


async def test_events_are_iterable_and_end_with_the_client(sandbox: Sandbox) -> None:
    """events() gives what on() gives, updates left out, and stops at the close."""
    ws = _client(sandbox)
    names: list[str] = []

    async def watch() -> None:
        async for event in ws.events():
            names.append(event.name)  # noqa: PERF401 - watched while it grows

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await ws.subscribe("spot/ticker:BTC_USDT")
    await ws.aclose()
    await asyncio.wait_for(watcher, 2)
    assert names == ["open", "response", "live", "close"]


async def test_update_handlers_hear_every_topic_in_order(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """Plain and async ones, registered before or after the subscribe; an iterator misses nothing."""
    plain: list[Update[Any]] = []
    slow: list[Update[Any]] = []
    own: list[Update[Any]] = []

    @ws.on("update")
    async def slowly(update: Update[Any]) -> None:
        await asyncio.sleep(0)
        slow.append(update)

    iterator = await ws.subscribe("futures/trade:BTCUSDT")
    await ws.subscribe("spot/trade:BTC_USDT", handler=own.append)
    ws.on("update")(plain.append)
    for number in range(10):
        sandbox.tick("BTCUSDT", f"{64000 + number}.1")
        sandbox.tick("BTC_USDT", f"{64000 + number}.10")
    await until(lambda: len(plain) == len(slow) >= 20 and len(own) >= 10)
    prices = [update.data.deal_price for update in slow if update.topic == "futures/trade:BTCUSDT"]
    assert prices == [Decimal(f"{64000 + number}.1") for number in range(10)]
    assert [update.data.price for update in own] == [Decimal(f"{64000 + number}.10") for number in range(10)]
    assert [(await anext(iterator)).data.deal_price for _ in range(10)] == prices  # type: ignore[union-attr]
    assert {update.topic for update in plain} == {"futures/trade:BTCUSDT", "spot/trade:BTC_USDT"}


async def test_async_handlers_run_in_order(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """One at a time per subscription, however long each takes."""
    running, seen = 0, []

    async def handler(update: Update[SpotStreamTrade]) -> None:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.001)
        running -= 1
        seen.append(update.data.price)

    subscription = await ws.subscribe(topics.spot.trade("BTC_USDT"), handler=handler)
    for number in range(20):
        sandbox.tick("BTC_USDT", f"{64000 + number}.00")
    await until(lambda: len(seen) >= 20)
    assert seen == sorted(seen)
    with pytest.raises(ParameterError, match="handler"):
        subscription.__aiter__()
    with pytest.raises(ParameterError, match="handler"):
        await anext(subscription)


async def test_refused_topics_are_named_and_the_others_live(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """The error lists what was refused and holds the subscription of what was not."""
    for wrong, right in (
        ("spot/ticker:NOPE_USDT", "spot/ticker:BTC_USDT"),
        ("futures/trade:NOPEUSDT", "futures/trade:BTCUSDT"),
    ):
        with pytest.raises(SubscriptionRefused) as caught:
            await ws.subscribe([wrong, right])
        assert caught.value.topics == (wrong,)
        assert wrong in str(caught.value)
        live = caught.value.subscription
        assert live is not None
        assert live.topics == (right,)
        with pytest.raises(SubscriptionRefused) as alone:
            await ws.subscribe(wrong)
        assert alone.value.subscription is None
    sandbox.tick("BTCUSDT", "64100.1")
    assert (await anext(live)).topic == "futures/trade:BTCUSDT"


async def test_a_refused_subscribe_with_a_handler_tells_once(
    sandbox: Sandbox, ws: WebsocketClient, log_lines: list[str]
) -> None:
    """The caller gets the error; no handler is said to have raised it."""
    heard = _listen(ws, "exception")

    async def handler(update: Update[Any]) -> None: ...

    with pytest.raises(SubscriptionRefused):
        await ws.subscribe("spot/ticker:NOPE_USDT", handler=handler)
    await until(lambda: "bitmart handler" not in our_tasks())
    assert heard == []
    assert not [line for line in log_lines if "the handler" in line]


async def test_refused_keys_are_told_once_and_public_topics_live(sandbox: Sandbox) -> None:
    """Wrong keys raise LoginRefused from subscribe; nothing of the call stays, other calls are untouched."""
    async with _client(sandbox, api_key="wrong-key-000000000000") as ws:
        tickers = await ws.subscribe("spot/trade:BTC_USDT")
        for topic in ("spot/user/orders:ALL_SYMBOLS", "futures/order"):
            with pytest.raises(LoginRefused, match="api_key"):
                await ws.subscribe([topic, "spot/ticker:BTC_USDT"])
        sandbox.tick("BTC_USDT", "64100.00")
        assert (await anext(tickers)).topic == "spot/trade:BTC_USDT"
        await until(lambda: _wire(sandbox, "spot_public")[-1] == ("unsubscribe", ["spot/ticker:BTC_USDT"]))
    assert [operation for operation, _ in _wire(sandbox, "spot_private")] == ["login"]


async def test_private_topics_without_keys_send_nothing(sandbox: Sandbox) -> None:
    """CredentialsMissing comes before a byte leaves, and no topic of the call is subscribed."""
    async with WebsocketClient(environment=sandbox.environment) as ws:
        with pytest.raises(CredentialsMissing, match="futures/order"):
            await ws.subscribe(["spot/ticker:BTC_USDT", "futures/order"])
    assert sandbox.seen.sessions == 0
    with pytest.raises(CredentialsMissing):
        WebsocketClient(environment=sandbox.environment, api_key="only-a-key")


async def test_a_closed_client_says_so(sandbox: Sandbox) -> None:
    """Closing twice is fine; subscribing afterwards is ClientClosed, and iterations end."""
    ws = _client(sandbox)
    subscription = await ws.subscribe("spot/trade:BTC_USDT")
    await ws.aclose()
    await ws.aclose()
    assert [update async for update in subscription] == []
    with pytest.raises(ClientClosed):
        await ws.subscribe("spot/ticker:BTC_USDT")
    with pytest.raises(ClientClosed):
        async with ws:
            pass
    await sandbox.until(lambda seen: seen.open_sessions == 0)
    assert our_tasks() == []


async def test_what_cannot_be_meant_is_refused_here(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """Wrong names, topics, policies and options raise at once; nothing is sent."""
    with pytest.raises(ParameterError, match="no event 'updates'"):
        ws.on("updates")
    for wrong in ([], "spot"):
        with pytest.raises(ParameterError):
            await ws.subscribe(wrong)
    with pytest.raises(TopicError):
        await ws.subscribe("futures/ticker", "spot")
    with pytest.raises(ParameterError, match="overflow"):
        await ws.subscribe("spot/ticker:BTC_USDT", overflow="explode")  # type: ignore[call-overload]
    with pytest.raises(ParameterError, match="queue_size"):
        await ws.subscribe("spot/ticker:BTC_USDT", queue_size=0)
    for options in (
        {"ping_interval": 0},
        {"reconnect_delay": (2, 1)},
        {"linger": -1},
        {"demo_trading": True},
        {"connect_timeout": float("inf")},
        {"ack_timeout": float("nan")},
    ):
        with pytest.raises(ConfigurationError):
            _client(sandbox, **options)
    assert sandbox.seen.sessions == 0


async def test_the_market_argument_and_the_privacy_override(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """A topic may be written without its market, and its socket may be forced."""
    await ws.subscribe("ticker:BTC_USDT", "spot")
    assert _wire(sandbox, "spot_public") == [("subscribe", ["spot/ticker:BTC_USDT"])]
    with pytest.raises(SubscriptionRefused, match="authenication"):
        await ws.subscribe("futures/order", is_private=False)
    assert _wire(sandbox, "futures_public") == [("subscribe", ["futures/order"])]


async def test_compressed_frames_read_like_plain_ones() -> None:
    """A server that sends raw deflate is the same to the user."""
    from bitmart_async.sandbox import Sandbox

    async with (
        Sandbox(seed=1, lively=False, rate_limits=False, compress=True) as sandbox,
        _client(sandbox) as ws,
    ):
        ticks = await ws.subscribe(topics.spot.ticker("BTC_USDT"))
        update = await anext(ticks)
        assert isinstance(update.data, SpotStreamTicker)
        assert update.raw.startswith(b"{")


async def test_a_client_may_be_set_up_before_a_loop_runs(sandbox: Sandbox) -> None:
    """Async handlers registered at import time are served once the loop runs."""
    seen: list[Update[Any]] = []

    async def handler(update: Update[Any]) -> None:
        seen.append(update)

    def make() -> WebsocketClient:
        client = _client(sandbox)
        client.on("update")(handler)
        return client

    ws = await asyncio.to_thread(make)
    async with ws:
        await ws.subscribe("spot/ticker:BTC_USDT")
        await until(lambda: seen)


async def test_futures_orders_carry_their_order(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """The order of a push is inside it, and the update takes its symbol from there."""
    from bitmart_async.rest.clients import FuturesClientV2

    orders = await ws.subscribe(topics.futures.order())
    async with FuturesClientV2(environment=sandbox.environment, **sandbox.keys) as futures:
        await futures.submit_futures_order(
            symbol="BTCUSDT", side=1, type="limit", price=Decimal(60000), size=1
        )
    update = await anext(orders)
    assert isinstance(update.data, FuturesOrderUpdate)
    assert update.symbol == update.data.order.symbol == "BTCUSDT"


async def test_health_says_how_late_a_blocking_consumer_is(sandbox: Sandbox, ws: WebsocketClient) -> None:
    """While the reader waits for a consumer: since when, and how old the oldest waiting update is."""
    go = asyncio.Event()

    async def slow(_: object) -> None:
        await go.wait()

    await ws.subscribe("spot/trade:BTC_USDT", handler=slow, overflow="block", queue_size=2)
    for price in range(64000, 64010):
        sandbox.tick("BTC_USDT", f"{price}.00")
    await until(lambda: ws.health().connection("spot_public").held_up is not None)
    await until(lambda: (ws.health().topic("spot/trade:BTC_USDT").behind or 0) > 0.05)
    go.set()
    await until(lambda: ws.health().connection("spot_public").held_up is None)
    await until(lambda: ws.health().topic("spot/trade:BTC_USDT").behind is None)


async def test_a_lost_connection_is_a_warning_with_reason_and_next_try(
    sandbox: Sandbox, ws: WebsocketClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The first of an outage, the second, the fourth; and one line when it is back."""
    await ws.subscribe("spot/trade:BTC_USDT")
    caplog.set_level("WARNING", "bitmart_async")
    await sandbox.faults.cut("spot_public")
    await until(lambda: any("live again after" in line for line in caplog.messages))
    first, second = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert first.startswith("spot_public: no connection: ")
    assert "next try in 0." in first
    assert second.startswith("spot_public: live again after ")


def test_an_outage_is_logged_at_doubling_counts(caplog: pytest.LogCaptureFixture) -> None:
    """Forty refused connects are six lines, with the count."""
    hooks = SimpleNamespace(log=logging.getLogger("bitmart_async"))
    standing = Standing("spot_public", SPOT, Timings(), hooks)  # type: ignore[arg-type]
    for _ in range(40):
        standing.tell_outage("HTTP 503", 45.0)
    assert len(caplog.messages) == 6
    assert caplog.messages[-1] == "spot_public: no connection: HTTP 503; next try in 45.0 s (try 32)"


def test_an_event_of_many_topics_is_shown_short() -> None:
    """A count and the first few, not 115 names."""
    texts = tuple(f"spot/ticker:C{number}_USDT" for number in range(115))
    event = Event(
        name="gap",
        connection="spot_public",
        generation=2,
        topics=texts,
        gap=Gap(0, 10**9),
        error=OSError("x"),
    )
    assert repr(event) == (
        "<Event 'gap', spot_public generation 2, 115 topics: spot/ticker:C0_USDT, spot/ticker:C1_USDT, "
        "spot/ticker:C2_USDT and 112 more, gap of 1.0 s, error=OSError('x')>"
    )


async def test_a_consumer_that_stops_under_block_is_told(
    monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    """Who breaks out of an iteration holds the whole connection: the log says so once, and it goes on when he does."""
    monkeypatch.setattr("bitmart_async.websocket.intake._HELD_SECONDS", 0.3)
    async with serving(client={"ping_interval": 0.2}) as (server, ws):
        others: list[object] = []
        await ws.subscribe("futures/ticker:ETHUSDT", handler=others.append)
        held = await ws.subscribe("futures/ticker:BTCUSDT", overflow="block", queue_size=2)
        sent = 0
        async with asyncio.timeout(10):
            while not any("nothing has been read for" in line for line in log_lines):
                await server.last().send(futures_ticker(), futures_ticker("ETHUSDT"))
                sent += 1
                if sent == 1:
                    await anext(held)  # and no more
                await asyncio.sleep(0.005)
            for _ in range(sent - 1):
                await anext(held)
        await until(lambda: len(others) == sent)
        assert (held.dropped, held.queued) == (0, 0)
    assert sum("nothing has been read for" in line for line in log_lines) == 1


async def test_block_tells_what_is_lost_before_the_first_iteration() -> None:
    """Nothing may go missing unsaid under a policy that promises to lose nothing."""
    async with serving() as (server, ws):
        errors: list[Event] = []
        ws.on("exception")(errors.append)
        late = await ws.subscribe("futures/ticker:BTCUSDT", overflow="block", queue_size=2)
        await server.last().send(*[futures_ticker()] * 5)
        await until(lambda: late.dropped == 3)
        (event,) = errors
        assert event.topics == ("futures/ticker:BTCUSDT",)
        assert "nobody has begun to take the updates of futures/ticker:BTCUSDT" in str(event.error)
