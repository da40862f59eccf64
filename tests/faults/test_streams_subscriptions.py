"""S: the wanted set is the only truth."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async import WebsocketClient
from bitmart_async.errors import SubscriptionRefused
from bitmart_async.websocket import refused, topics
from tests.fast_time import virtual_time
from tests.paper_exchange import PaperExchange
from tests.scripted_ws import Message, Session, futures_ticker, serving, ticker, trades, until

if TYPE_CHECKING:
    from bitmart_async.websocket.events import Event, Update

_MARKETS = pytest.mark.parametrize("market", ["spot", "futures"])


def _topics(market: str, number: int, width: int = 3) -> list[str]:
    if market == "spot":
        return [f"spot/ticker:C{index:0{width}}_USDT" for index in range(number)]
    return [f"futures/ticker:C{index:0{width}}USDT" for index in range(number)]


def _refusal(session: Session, topic: str, *, named: bool) -> dict[str, Any]:
    if session.spot:
        named_part = {"topic": topic} if named else {}
        return {
            "event": "subscribe",
            "errorCode": "92001",
            "errorMessage": "Invalid symbol param",
            **named_part,
        }
    named_part = {"action": "subscribe", "group": topic} if named else {}
    return {"success": False, "error": "Invalid channel: not found", **named_part}


def _refusing(*bad: str, named: bool = True) -> Any:
    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation != "subscribe" or not set(message.args) & set(bad):
            return None
        good = Message(message.text, "subscribe", tuple(topic for topic in message.args if topic not in bad))
        return [
            *(_refusal(session, topic, named=named) for topic in message.args if topic in bad),
            *session.usual(good),
        ]

    return reply


@_MARKETS
async def test_S1_a_lost_ack_is_asked_again(market: str) -> None:
    """Silence for ack_timeout, one more request for that topic alone, and the subscribe succeeds."""
    wanted = _topics(market, 3)

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe" and len(message.args) == 3:
            return [
                frame
                for frame, topic in zip(session.usual(message), message.args, strict=True)
                if topic != wanted[1]
            ]
        return None

    async with serving(reply, client={"ack_timeout": 0.05}) as (server, ws):
        await ws.subscribe(wanted)
        assert [message.args for message in server.last().sent("subscribe")] == [tuple(wanted), (wanted[1],)]
        assert len(server.sessions) == 1


async def test_S1_the_first_data_confirms() -> None:
    """The ack is lost and data comes: that is an answer too, and nothing is asked again."""

    def reply(session: Session, message: Message) -> list[Any] | None:
        return [ticker()] if message.operation == "subscribe" else None

    async with serving(reply, client={"ack_timeout": 30.0}) as (server, ws):
        ticks = await asyncio.wait_for(ws.subscribe("spot/ticker:BTC_USDT"), 5)
        await anext(ticks)
        assert server.last().operations == ["subscribe"]


@_MARKETS
async def test_S1_never_an_answer_is_an_error(market: str) -> None:
    """Asked twice in vain: refused, named, told not to be held, and the others live."""
    wanted = _topics(market, 3)

    def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe" and wanted[1] in message.args:
            return [
                frame
                for frame, topic in zip(session.usual(message), message.args, strict=True)
                if topic != wanted[1]
            ]
        return None

    async with serving(reply, client={"ack_timeout": 0.05}) as (server, ws):
        with pytest.raises(SubscriptionRefused, match="no answer") as caught:
            await ws.subscribe(wanted)
        assert caught.value.topics == (wanted[1],)
        await until(lambda: list(server.last().topics) == [wanted[0], wanted[2]])


@_MARKETS
@pytest.mark.parametrize("named", [True, False])
async def test_S2_one_refused_topic_of_twenty_is_refused_alone(market: str, named: bool) -> None:
    """Nineteen live, one error that names it, and after a loss it is not asked for again."""
    wanted = _topics(market, 20)
    async with serving(_refusing(wanted[7], named=named)) as (server, ws):
        with pytest.raises(SubscriptionRefused) as caught:
            await ws.subscribe(wanted)
        assert caught.value.topics == (wanted[7],)
        others = [topic for topic in wanted if topic != wanted[7]]
        assert list(caught.value.subscription.topics) == others
        assert sorted(server.last().topics) == others
        server.last().abort()
        await until(lambda: len(server.sessions) == 2 and sorted(server.last().topics) == others)
        assert wanted[7] not in [topic for message in server.last().messages for topic in message.args]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused topics are asked for again in hundredths of a second, and twice."""
    monkeypatch.setattr(refused, "FIRST_SECONDS", 0.02)
    monkeypatch.setattr(refused, "LONGEST_SECONDS", 0.1)
    monkeypatch.setattr(refused, "MOST_TRIES", 2)


def _refusing_now(bad: list[str]) -> Any:
    def reply(session: Session, message: Message) -> list[Any] | None:
        return _refusing(*bad)(session, message) if bad else None  # type: ignore[no-any-return]

    return reply


async def test_S2_a_topic_refused_after_a_reconnect_stays_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was held before: it is asked for again, health() says why, the others live, its gap is told."""
    monkeypatch.setattr(refused, "FIRST_SECONDS", 0.2)
    bad: list[str] = []
    async with serving(_refusing_now(bad)) as (server, ws):
        heard: list[Event] = []
        for name in ("exception", "gap", "live"):
            ws.on(name)(heard.append)
        lost, kept = await ws.subscribe("spot/trade:A_USDT"), await ws.subscribe("spot/trade:B_USDT")
        bad.append("spot/trade:A_USDT")
        server.last().abort()
        await until(lambda: len(server.sessions) == 2 and list(server.last().topics) == ["spot/trade:B_USDT"])
        await until(lambda: ws.health().connection("spot_public").state == "live")
        await server.last().send(trades("B_USDT", "1"))
        await anext(kept)
        topic = ws.health().topic("spot/trade:A_USDT")
        assert (topic.refused, topic.refused_code, topic.held) == ("Invalid symbol param", 92001, False)
        assert not ws.health().live
        assert not ws.health().connection("spot_public").live
        bad.clear()
        await until(lambda: ws.health().live)
        assert ws.health().topic("spot/trade:A_USDT").refused == ""
        await server.last().send(trades("A_USDT", "1"))
        assert (await asyncio.wait_for(anext(lost), 5)).symbol == "A_USDT"
        told = [(event.name, event.topics) for event in heard]
        assert told == [
            ("live", ("spot/trade:A_USDT",)),
            ("exception", ("spot/trade:A_USDT",)),
            ("live", ("spot/trade:B_USDT",)),
            ("gap", ("spot/trade:A_USDT",)),
        ]
        assert isinstance(heard[1].error, SubscriptionRefused)
        before, after = heard[2].gap, heard[3].gap
        assert before is not None
        assert after is not None
        assert (after.started_ns, after.ended_ns > before.ended_ns) == (before.started_ns, True)


@pytest.mark.usefixtures("soon")
async def test_S2_a_topic_refused_again_and_again_is_given_up() -> None:
    """Its owner gets the error, with other topics in the same iterator too; those go on."""
    bad: list[str] = []
    async with serving(_refusing_now(bad)) as (server, ws):
        heard: list[Event] = []
        ws.on("exception")(heard.append)
        alone = await ws.subscribe("spot/trade:A_USDT")
        both = await ws.subscribe(["spot/trade:A_USDT", "spot/trade:B_USDT"])
        bad.append("spot/trade:A_USDT")
        server.last().abort()
        with pytest.raises(SubscriptionRefused, match="given up"):
            await asyncio.wait_for(anext(alone), 5)
        with pytest.raises(SubscriptionRefused, match="given up"):
            await asyncio.wait_for(anext(both), 5)
        assert both.topics == ("spot/trade:B_USDT",)
        await server.last().send(trades("B_USDT", "1"))
        assert (await asyncio.wait_for(anext(both), 5)).symbol == "B_USDT"
        assert [event.topics for event in heard] == [("spot/trade:A_USDT",)] * 2
        asked = [m.args for m in server.last().sent("subscribe") if "spot/trade:A_USDT" in m.args]
        assert len(asked) == 3
        assert ws.health().live


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("code", ["92001", "95000"])
async def test_S2_a_topic_refused_again_costs_no_socket(code: str) -> None:
    """Whatever the code: the second refusal of a topic ends no socket, and no waiting iterator hears of it twice."""
    bad: list[str] = []

    def reply(session: Session, message: Message) -> list[Any] | None:
        frames = _refusing_now(bad)(session, message)
        if frames is not None and len(asked) > 0:
            frames[0]["errorCode"] = code
        asked.extend(message.args if frames is not None else ())
        return frames  # type: ignore[no-any-return]

    asked: list[str] = []
    async with serving(reply) as (server, ws):
        lost = await ws.subscribe("spot/trade:A_USDT")
        bad.append("spot/trade:A_USDT")
        server.last().abort()
        with pytest.raises(SubscriptionRefused, match="given up"):
            await asyncio.wait_for(anext(lost), 5)
        assert (len(asked), len(server.sessions)) == (3, 2)


async def test_S2_whoever_joins_a_refused_topic_asks_at_once() -> None:
    """Its own refusal is its own; who had the topic keeps it. Once it is served both have it."""
    bad: list[str] = []
    async with serving(_refusing_now(bad)) as (server, ws):
        first = await ws.subscribe("spot/trade:A_USDT")
        bad.append("spot/trade:A_USDT")
        server.last().abort()
        await until(lambda: ws.health().topic("spot/trade:A_USDT").refused)
        await until(lambda: ws.health().connection("spot_public").state == "live")
        with pytest.raises(SubscriptionRefused):
            await ws.subscribe("spot/trade:A_USDT")
        assert first.topics == ("spot/trade:A_USDT",)
        bad.clear()
        second = await ws.subscribe("spot/trade:A_USDT")
        await server.last().send(trades("A_USDT", "1"))
        assert {(await asyncio.wait_for(anext(one), 5)).symbol for one in (first, second)} == {"A_USDT"}
        bad.append("spot/trade:A_USDT")
        server.last().abort()
        await until(lambda: ws.health().topic("spot/trade:A_USDT").refused)
        await first.unsubscribe()
        await second.unsubscribe()
        assert ws.health().connection("spot_public").topics == ()
        assert ws.health().live


async def test_S2_the_only_topic_refused_leaves_a_live_connection() -> None:
    """A connection whose only topic was refused at once is not `subscribing` until it closes."""
    async with serving(_refusing("spot/trade:A_USDT")) as (_, ws):
        with pytest.raises(SubscriptionRefused):
            await ws.subscribe("spot/trade:A_USDT")
        await until(lambda: ws.health().live)


@pytest.mark.parametrize(
    ("market", "private", "capacity"),
    [("spot", False, 115), ("spot", True, 100), ("futures", False, 100), ("futures", True, 100)],
)
async def test_S3_a_full_socket_is_joined_by_another(market: str, private: bool, capacity: int) -> None:
    """Batches of 20 at most, below the bytes, never beyond the capacity; together the wanted set."""
    wanted = _topics(market, 130, width=60)
    most = 4096 if market == "spot" else 2000

    async with serving() as (server, ws):
        names: set[str] = set()
        ws.on("open")(lambda event: names.add(event.connection))
        subscription = await ws.subscribe(wanted, is_private=private)
        assert [len(session.topics) for session in server.sessions] == [capacity, 130 - capacity]
        assert sorted(topic for session in server.sessions for topic in session.topics) == sorted(wanted)
        for session in server.sessions:
            for message in session.sent("subscribe"):
                assert len(message.args) <= 20
                assert len(message.text) <= most
        kind = f"{market}_{'private' if private else 'public'}"
        assert names == {kind, f"{kind}_2"}
        await subscription.unsubscribe()
        assert [session.topics for session in server.sessions] == [{}, {}]


@pytest.mark.parametrize("how", ["abort", "close"])
async def test_S4_a_loss_in_the_middle_of_the_replay_starts_it_again(how: str) -> None:
    """The whole wanted set goes to the new socket, each topic once."""
    wanted = _topics("spot", 50)
    lose: list[bool] = []

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if lose and session.number in (2, 3) and len(session.sent("subscribe")) == session.number:
            await session.send(*session.usual(message)[:5])
            session.abort() if how == "abort" else await session.close(1012)
            return []
        return None

    async with serving(reply) as (server, ws):
        got: list[Update[Any]] = []
        await ws.subscribe(wanted, handler=got.append)
        lose.append(True)
        server.last().abort()
        await until(lambda: len(server.sessions) == 4 and len(server.last().topics) == 50)
        assert server.last().topics == dict.fromkeys(wanted, 1)
        assert [len(message.args) for message in server.last().sent("subscribe")] == [20, 20, 10]
        await server.last().send(*(ticker(topic.partition(":")[2]) for topic in wanted))
        await until(lambda: len(got) == 50)


@pytest.mark.parametrize("when", ["connecting", "logging in", "asked", "replaying", "waiting"])
async def test_S5_what_is_unsubscribed_meanwhile_is_never_resurrected(when: str) -> None:
    """In every state the wanted set is the only truth: the topic is not held in the end."""
    gate = asyncio.Event()
    reached = asyncio.Event()
    lost: list[bool] = []

    async def reply(session: Session, message: Message) -> list[Any] | None:
        at = {
            "logging in": message.operation == "login" and lost,
            "asked": message.operation == "subscribe" and not lost,
            "replaying": message.operation == "subscribe" and lost and len(session.sent("subscribe")) == 2,
        }
        if at.get(when):
            reached.set()
            await gate.wait()
        return None

    async def opened(session: Session) -> None:
        if when == "connecting" and lost:
            reached.set()
            await gate.wait()

    wanted = [f"spot/user/order:C{number}_USDT" for number in range(30)]
    gone = wanted[25]
    delay = {"reconnect_delay": (0.3, 0.3)} if when == "waiting" else {}
    async with serving(reply, opened=opened, client=delay) as (server, ws):
        ws.on("reconnecting")(lambda _: reached.set() if when == "waiting" else None)
        pending = asyncio.create_task(ws.subscribe(wanted))
        if when == "asked":
            await reached.wait()
            leaving = asyncio.create_task(ws.unsubscribe(gone))
            await asyncio.sleep(0)
            gate.set()
            await leaving
            with pytest.raises(Exception, match="given up"):
                await pending
            await until(lambda: server.last().topics == {})  # the call as a whole was refused
            return
        await pending
        lost.append(True)
        server.last().abort()
        await asyncio.wait_for(reached.wait(), 5)
        leaving = asyncio.create_task(ws.unsubscribe(gone))
        await asyncio.sleep(0)
        gate.set()
        await asyncio.wait_for(leaving, 5)
        if when == "waiting":
            assert len(server.sessions) == 1
        await until(lambda: len(server.sessions) == 2 and len(server.last().topics) == 29)
        assert gone not in server.last().topics


async def test_S6_two_consumers_of_one_topic_through_five_reconnects() -> None:
    """One leaves and rejoins; one subscription on the wire, each consumer each message once."""
    async with serving() as (server, ws):
        first: list[int] = []
        second: list[int] = []
        topic = topics.spot.trade("BTC_USDT")
        await ws.subscribe(topic, handler=lambda update: first.append(int(update.data.size)))
        sent = 0
        expected: list[int] = []
        for round_ in range(1, 6):
            other = await ws.subscribe(topic, handler=lambda update: second.append(int(update.data.size)))
            for _ in range(3):
                sent += 1
                expected.append(sent)
                await server.last().send(trades("BTC_USDT", str(sent)))
            await until(lambda: first[-1:] == [sent] and second[-1:] == [sent])  # noqa: B023 - waited for here
            await other.unsubscribe()
            sent += 1
            await server.last().send(trades("BTC_USDT", str(sent)))
            await until(lambda: first[-1] == sent)  # noqa: B023
            server.last().abort()
            session = await server.session("spot_public", round_ + 1)
            await until(lambda: session.topics)  # noqa: B023
        assert first == list(range(1, sent + 1))
        assert second == expected
        assert [session.topics for session in server.sessions] == [{"spot/trade:BTC_USDT": 1}] * 6


async def test_S7_the_budget_of_messages_is_kept() -> None:
    """A program that asks for far more waits its turn; pings still go out; never above 100 in 10 s."""
    async with serving(client={"ping_interval": 0.5, "pong_timeout": 5.0}) as (server, ws):

        async def join_and_leave(topic: str) -> None:
            while True:
                await (await ws.subscribe(topic)).unsubscribe()

        crowd = [asyncio.create_task(join_and_leave(topic)) for topic in _topics("futures", 10)]
        session = await server.session("futures_public")
        await until(lambda: len(session.sent("ping")) >= 4)
        asked = len(session.operations)
        await until(lambda: len(session.sent("ping")) >= 6)
        assert len(session.operations) == asked  # the budget is used up, and kept
        assert asked >= 70
        assert len(session.messages) <= 100
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)


async def test_two_connections_ask_only_for_their_own_topics() -> None:
    """Leaving a topic of the second socket tells the second socket."""
    wanted = _topics("futures", 101)
    async with serving() as (server, ws):
        got: list[Update[Any]] = []
        await ws.subscribe(wanted, handler=got.append)
        first, second = server.sessions
        await second.send(futures_ticker("C100USDT"))
        await until(lambda: got)
        await ws.unsubscribe(wanted[100])
        assert (len(first.topics), len(second.topics)) == (100, 0)
        assert json.loads(second.messages[-1].text)["args"] == [wanted[100]]


async def test_S6_rejoining_during_an_unsubscribe_waits_for_its_own_answer() -> None:
    """The topic is still held while it is given back: that is no acknowledgement of the new subscribe."""
    gate = asyncio.Event()

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "unsubscribe":
            await gate.wait()
        return None

    async with serving(reply, client={"ack_timeout": 5.0}) as (server, ws):
        first = await ws.subscribe("spot/trade:BTC_USDT")
        leaving = asyncio.create_task(first.unsubscribe())
        await until(lambda: server.last().sent("unsubscribe"))
        joining = asyncio.create_task(ws.subscribe("spot/trade:BTC_USDT"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not joining.done()
        gate.set()
        await asyncio.wait_for(asyncio.gather(leaving, joining), 5)
        assert server.last().operations == ["subscribe", "unsubscribe", "subscribe"]
        assert list(server.last().topics) == ["spot/trade:BTC_USDT"]


async def test_S5_an_ack_nobody_waits_for_is_answered_at_once() -> None:
    """The topic was given up before its ack came: it is unsubscribed now, not with the next ping."""
    gate = asyncio.Event()

    async def reply(session: Session, message: Message) -> list[Any] | None:
        if message.operation == "subscribe":
            await gate.wait()
        return None

    async with serving(reply, client={"ack_timeout": 60.0, "ping_interval": 60.0}) as (server, ws):
        pending = asyncio.create_task(ws.subscribe("spot/trade:BTC_USDT"))
        await until(lambda: server.sessions and server.last().sent("subscribe"))
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        gate.set()
        await until(lambda: server.last().operations == ["subscribe", "unsubscribe"], 3)


def test_S7_three_hundred_topics_come_and_go_within_the_budget() -> None:
    """300 topics, every one left and taken again one by one, and a reconnect: no socket ever hears more than
    100 messages in 10 s, pings come on time all along, and in the end the wanted set is held."""

    @virtual_time
    async def run() -> None:
        exchange = PaperExchange()
        wanted = [f"spot/trade:C{number}_USDT" for number in range(300)]
        async with WebsocketClient(
            ping_interval=0.5, reconnect_delay=(0.1, 0.2), connect_timeout=900, ack_timeout=300
        ) as ws:
            exchange.serve(ws)
            await ws.subscribe(wanted)
            for socket in tuple(exchange.sockets):
                socket.abort()

            async def restless(topic: str) -> None:
                await ws.unsubscribe(topic)
                await ws.subscribe(topic)

            for topic in wanted:
                await restless(topic)
            assert sorted(topic for socket in exchange.sockets for topic in socket.topics) == sorted(wanted)
        assert len(exchange.ever) == 6
        for socket in exchange.ever:
            times = [at for at, _ in socket.messages]
            for first in range(len(times) - 100):
                assert times[first + 100] - times[first] > 10.0 - 0.001
            pings = [at for at, operation in socket.messages if operation == "ping"]
            assert all(after - before <= 0.501 for before, after in itertools.pairwise(pings))
        assert max(len(socket.messages) for socket in exchange.ever) > 200  # it was much, and it was paced

    run()
