"""Asking again for what a topic says: ``request``, and leaving a topic to take it again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bitmart_async.codes import Category
from bitmart_async.errors import ParameterError
from bitmart_async.websocket.allowance import MESSAGES_PER_WINDOW
from bitmart_async.websocket.client import WebsocketClient
from bitmart_async.websocket.dialects import FUTURES, SPOT, Ack, Refusal
from bitmart_async.websocket.session import Answered, GaveUp, Left, Rejected, Stray
from tests.scripted_ws import FAST
from tests.streams.test_session import Talk

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox

SPOT_BOOK = "spot/depth/increase100:BTC_USDT"
BOOK = "futures/depthIncrease50:BTCUSDT"
_NAMELESS = Refusal("", "", 92001, "Invalid symbol param", Category.SYMBOL)


def _held(*topics: str) -> Talk:
    talk = Talk(topics)
    talk.ack_all(talk.ask())
    talk.outcomes.clear()
    return talk


def test_a_request_goes_out_once_and_waits_for_nothing() -> None:
    """One message for all topics asked for; while it is unanswered the session is settled all the same."""
    talk = _held("spot/a:X", "spot/b:X")
    assert talk.session.request("spot/a:X")
    assert talk.session.request("spot/b:X")
    assert talk.session.request("spot/a:X")
    assert talk.session.deadline(talk.now) == talk.now
    assert talk.poll() == [("request", ["spot/a:X", "spot/b:X"])]
    assert talk.session.settled
    assert not talk.session.expecting
    assert talk.poll() == []


def test_what_is_not_held_is_not_requested() -> None:
    """Subscribing brings the state; a topic that left meanwhile is not asked for."""
    talk = Talk(["spot/a:X"])
    assert not talk.session.request("spot/a:X")
    talk.ack_all(talk.ask())
    assert talk.session.request("spot/a:X")
    talk.wanted.clear()
    assert talk.poll() == [("unsubscribe", ["spot/a:X"])]


def test_requests_keep_the_rate() -> None:
    """However often somebody asks, no window of 10 s has more messages than the exchange takes."""
    talk = _held("spot/a:X")
    for _ in range(3 * MESSAGES_PER_WINDOW):
        talk.session.request("spot/a:X")
        talk.poll()
        talk.now += 0.001
    sent = [one for one in talk.sent if one[1] == "request"]
    assert 10 < len(sent) < MESSAGES_PER_WINDOW
    assert talk.session.deadline(talk.now) > talk.now + 5


def test_a_requests_error_is_nobody_elses() -> None:
    """An error that names no topic while a request may still be refused does not condemn a new topic."""
    talk = _held("spot/a:X")
    talk.session.request("spot/a:X")
    talk.wanted["spot/new:X"] = None
    assert talk.poll() == [("subscribe", ["spot/new:X"]), ("request", ["spot/a:X"])]
    talk.hear(_NAMELESS)
    talk.now += 1
    assert talk.ask() == ("subscribe", ["spot/new:X"])
    talk.hear(Ack("subscribe", "spot/new:X"))
    assert [type(one) for one in talk.outcomes] == [Answered]
    assert not any(isinstance(one, Rejected | GaveUp) for one in talk.outcomes)


def test_a_refused_request_is_told() -> None:
    """The topic stays held; the error goes to everybody."""
    talk = _held("spot/a:X")
    talk.session.request("spot/a:X")
    talk.poll()
    refusal = Refusal("request", "spot/a:X", 90004, "Invalid channel param", Category.BAD_REQUEST)
    assert talk.hear(refusal) == [Stray(refusal)]
    assert talk.session.holds("spot/a:X")


@pytest.mark.parametrize("dialect", [SPOT, FUTURES])
def test_a_topic_is_renewed(dialect: object) -> None:
    """It is left and taken again, once, and nothing else is touched."""
    talk = Talk(["x/a:X", "x/b:X"], dialect)  # type: ignore[arg-type]
    talk.ack_all(talk.ask())
    talk.outcomes.clear()
    assert talk.session.renew("x/a:X")
    request = talk.ask()
    assert request == ("unsubscribe", ["x/a:X"])
    assert not talk.session.holds("x/a:X")
    talk.ack_all(request)
    request = talk.ask()
    assert request == ("subscribe", ["x/a:X"])
    talk.ack_all(request)
    assert talk.outcomes == [Left("x/a:X"), Answered("x/a:X")]
    assert talk.poll() == []
    assert talk.session.settled


def test_a_renewal_whose_answers_are_lost_ends_all_the_same() -> None:
    """The unsubscribe unanswered: the topic is asked for again; it never stays away."""
    talk = _held("spot/a:X")
    talk.session.renew("spot/a:X")
    assert talk.ask() == ("unsubscribe", ["spot/a:X"])
    talk.now += 6
    talk.session.heard = talk.now
    assert ("subscribe", ["spot/a:X"]) in talk.poll()


@pytest.mark.parametrize("topic", [SPOT_BOOK, BOOK, "futures/fundingRate:BTCUSDT"])
async def test_request_brings_the_present_state(sandbox: Sandbox, topic: str) -> None:
    """ws.request() gives a further snapshot, as an ordinary update."""
    async with WebsocketClient(environment=sandbox.environment, **FAST) as ws:
        updates = await ws.subscribe(topic)
        first = await anext(updates)
        await ws.request(topic)
        async with asyncio.timeout(5):
            again = await anext(updates)
            while getattr(again.data, "type", "snapshot") != "snapshot":  # a quiet book's sign of life
                again = await anext(updates)
        assert type(again.data) is type(first.data)


async def test_request_refuses_what_cannot_be_asked(sandbox: Sandbox) -> None:
    """A channel without request, and a topic nobody holds, are refused before anything is sent."""
    async with WebsocketClient(environment=sandbox.environment, **FAST) as ws:
        await ws.subscribe("spot/ticker:BTC_USDT", handler=lambda _: None)
        with pytest.raises(ParameterError, match="knows no request"):
            await ws.request("spot/ticker:BTC_USDT")
        with pytest.raises(ParameterError, match="not subscribed"):
            await ws.request(SPOT_BOOK)
    await asyncio.sleep(0)
    assert not [m for m in sandbox.journal.messages("spot_public") if "request" in m.text]
