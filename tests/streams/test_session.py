"""One socket's conversation, as pure code with handed time."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from bitmart_async.codes import Category
from bitmart_async.websocket.dialects import (
    FUTURES,
    SPOT,
    Ack,
    Dialect,
    LoggedIn,
    LoginFailed,
    Ping,
    Pong,
    Refusal,
    Strange,
)
from bitmart_async.websocket.session import (
    Answered,
    Dead,
    GaveUp,
    Left,
    LoginAccepted,
    LoginRejected,
    Rejected,
    Session,
    Stray,
    Timings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMELESS = Refusal("", "", 92001, "Invalid symbol param", Category.SYMBOL)
_LOGIN = b'{"op":"login","args":["k","1","s"]}'


class Talk:
    """A session, its clock, and what it has sent."""

    def __init__(
        self, wanted: Iterable[str] = (), dialect: Dialect = SPOT, *, private: bool = False, **timings: float
    ) -> None:
        self.wanted = dict.fromkeys(wanted)
        self.now = 100.0
        self.session = Session(
            dialect, self.wanted, Timings(**timings), self.now, (lambda: _LOGIN) if private else None
        )
        self.sent: list[tuple[float, str, list[str]]] = []
        self.outcomes: list[object] = []

    def poll(self) -> list[tuple[str, list[str]]]:
        """Poll once; operations and topics of what is to be sent."""
        messages, outcomes = self.session.poll(self.now)
        self.outcomes += outcomes
        read = [_read(message) for message in messages]
        self.sent += [(self.now, *one) for one in read]
        return read

    def ask(self) -> tuple[str, list[str]]:
        """The one request that is due."""
        (request,) = [one for one in self.poll() if one[0] != "ping"]
        return request

    def hear(self, control: object) -> list[object]:
        self.session.heard = self.now
        outcomes: list[object] = list(self.session.receive(control, self.now))  # type: ignore[arg-type]
        self.outcomes += outcomes
        return outcomes

    def ack_all(self, request: tuple[str, list[str]]) -> None:
        for topic in request[1]:
            self.hear(Ack(request[0], topic))

    def settle(self) -> None:
        """Ack everything until nothing is left to ask."""
        for _ in range(100):
            for request in self.poll():
                if request[0] != "ping":
                    self.ack_all(request)
            if self.session.settled:
                return
        raise AssertionError("not settled")

    def pass_time(self, seconds: float, *, heard: bool = True) -> None:
        """Let time pass as the keeper does: poll at each deadline."""
        end = self.now + seconds
        while True:
            due = self.session.deadline(self.now)
            if due > end:
                break
            self.now = max(due, self.now + 0.0001)
            if heard:
                self.session.heard = self.now
            self.poll()
            if any(isinstance(outcome, Dead) for outcome in self.outcomes):
                return
        self.now = end


def _read(message: bytes) -> tuple[str, list[str]]:
    if message == b"ping":
        return "ping", []
    body = json.loads(message)
    return body.get("op") or body["action"], body.get("args", [])


def _topics(number: int, width: int = 0) -> list[str]:
    return [f"spot/ticker:C{index:0{width or 3}}_USDT" for index in range(number)]


# Asking -------------------------------------------------------------------------------------------


def test_topics_go_out_in_batches_of_twenty_one_message_at_a_time() -> None:
    """The next batch waits for the last answer of the one before."""
    talk = Talk(_topics(45))
    for size in (20, 20, 5):
        request = talk.ask()
        assert (request[0], len(request[1])) == ("subscribe", size)
        assert talk.poll() == []
        for topic in request[1][:-1]:
            talk.hear(Ack("subscribe", topic))
        assert talk.poll() == []
        talk.hear(Ack("subscribe", request[1][-1]))
    assert talk.session.settled
    assert [
        topics for _, operation, asked in talk.sent if operation == "subscribe" for topics in asked
    ] == _topics(45)


@pytest.mark.parametrize(("dialect", "most"), [(SPOT, 4096), (FUTURES, 2000)])
def test_a_message_stays_below_the_markets_bytes(dialect: Dialect, most: int) -> None:
    """Long topics make smaller batches; none is left out."""
    wanted = _topics(40, width=300)
    talk = Talk(wanted, dialect)
    asked: list[str] = []
    while not talk.session.settled:
        messages, _ = talk.session.poll(talk.now)
        (message,) = messages
        assert len(message) <= most
        request = _read(message)
        asked += request[1]
        talk.ack_all(request)
    assert asked == wanted


def test_what_has_to_go_goes_before_what_is_missing() -> None:
    """A full socket must have room before it takes more."""
    talk = Talk(["a"])
    talk.settle()
    del talk.wanted["a"]
    talk.wanted["b"] = None
    assert talk.ask() == ("unsubscribe", ["a"])
    assert talk.hear(Ack("unsubscribe", "a")) == [Left("a")]
    assert talk.ask() == ("subscribe", ["b"])


def test_an_unsubscribe_without_an_answer_is_over_after_ack_timeout() -> None:
    """Nobody waits for ever to leave; the exchange is asked once more, and then left alone."""
    talk = Talk(["a"])
    talk.settle()
    del talk.wanted["a"]
    talk.ask()
    talk.pass_time(5.0)
    assert Left("a") in talk.outcomes
    assert not talk.session.settled  # it has just been asked once more
    talk.outcomes.clear()
    talk.pass_time(5.0)
    assert talk.outcomes == []
    assert talk.session.settled


def test_a_topic_unwanted_while_it_is_asked_for_is_given_back() -> None:
    """The acknowledgement comes too late to be wanted: the server is told."""
    talk = Talk(["a"])
    talk.ask()
    del talk.wanted["a"]
    assert talk.hear(Ack("subscribe", "a")) == []
    assert talk.ask() == ("unsubscribe", ["a"])


def test_a_topic_whose_ack_was_lost_is_given_back_too() -> None:
    """The server may hold it although it never said so."""
    talk = Talk(["a"])
    talk.ask()
    del talk.wanted["a"]
    talk.pass_time(5.0)
    assert talk.sent[-1][1:] == ("unsubscribe", ["a"])


# Lost answers -------------------------------------------------------------------------------------


def test_a_lost_ack_is_asked_again_once_then_given_up() -> None:
    """Two silences end it; the others of the message are not touched."""
    talk = Talk(["a", "b", "c"])
    talk.ask()
    talk.hear(Ack("subscribe", "a"))
    talk.hear(Ack("subscribe", "c"))
    talk.pass_time(5.0)
    assert [one[1:] for one in talk.sent if one[1] == "subscribe"] == [
        ("subscribe", ["a", "b", "c"]),
        ("subscribe", ["b"]),
    ]
    talk.pass_time(5.0)
    assert [outcome for outcome in talk.outcomes if not isinstance(outcome, Answered)] == [GaveUp("b")]
    assert talk.session.held == {"a", "c"}


def test_data_confirms_a_topic() -> None:
    """A topic whose data comes is held, whatever became of its ack."""
    talk = Talk(["a", "b"])
    talk.ask()
    assert talk.session.asking
    assert talk.session.confirm("a", talk.now) == [Answered("a")]
    assert talk.session.confirm("a", talk.now) == []
    assert talk.hear(Ack("subscribe", "b")) == [Answered("b")]
    assert talk.session.settled
    assert not talk.session.asking


# Refusals -----------------------------------------------------------------------------------------


def test_a_named_refusal_concerns_that_topic_alone() -> None:
    """The rest of the message goes on."""
    talk = Talk(["a", "b"])
    talk.ask()
    refusal = Refusal("subscribe", "a", None, "Invalid channel", Category.SYMBOL)
    assert talk.hear(refusal) == [Rejected("a", refusal)]
    assert talk.hear(Ack("subscribe", "b")) == [Answered("b")]


def test_a_refusal_whose_text_names_the_topic_is_tied_to_it() -> None:
    """Even where the frame has no field for it."""
    talk = Talk(["spot/a:X", "spot/b:X"])
    talk.ask()
    refusal = Refusal("subscribe", "", 90004, "Invalid channel: not found spot/b:X", Category.BAD_REQUEST)
    assert talk.hear(refusal) == [Rejected("spot/b:X", refusal)]


def test_a_nameless_refusal_is_never_blamed_on_a_bystander() -> None:
    """The unanswered topics are asked one by one, and only the culprit is refused."""
    talk = Talk(["a", "bad", "c", "d"])
    talk.ask()
    talk.hear(Ack("subscribe", "a"))
    assert talk.hear(_NAMELESS) == []
    alone: list[list[str]] = []
    talk.now = talk.session.deadline(talk.now)
    while not talk.session.settled:
        _, topics = talk.ask()
        alone.append(topics)
        if topics == ["bad"]:
            talk.hear(_NAMELESS)
            talk.now = talk.session.deadline(talk.now)
            if len(alone) == 4:
                assert talk.poll() == []  # not a third time
                del talk.wanted["bad"]
                assert talk.ask() == ("unsubscribe", ["bad"])
                talk.hear(Ack("unsubscribe", "bad"))
        else:
            talk.hear(Ack("subscribe", topics[0]))
    assert alone == [["bad"], ["c"], ["d"], ["bad"]]  # the lost answers of c and d might have been errors
    assert [outcome for outcome in talk.outcomes if isinstance(outcome, Rejected | GaveUp | Stray)] == [
        GaveUp("bad", _NAMELESS)
    ]
    assert talk.session.held == {"a", "c", "d"}
    assert talk.now - 100 < 2.0


def test_a_late_nameless_error_is_not_blamed_on_the_topic_asked_next() -> None:
    """Answers that come after ack_timeout: good's ack and bad's error meet the second asking of good."""
    talk = Talk(["good", "bad"])
    talk.ask()
    talk.now += 5.0
    assert talk.ask() == ("subscribe", ["good"])
    talk.now += 0.2
    assert talk.hear(_NAMELESS) == []
    assert talk.hear(Ack("subscribe", "good")) == [Answered("good")]
    assert talk.ask() == ("subscribe", ["bad"])
    talk.hear(Ack("subscribe", "good"))
    assert talk.hear(_NAMELESS) == [Rejected("bad", _NAMELESS)]


def test_a_late_nameless_already_subscribed_confirms_nobody() -> None:
    """It answers the second asking of a, and meets the asking of b, which is then refused."""
    talk = Talk(["a", "b"])
    talk.ask()
    talk.hear(_NAMELESS)
    talk.now = talk.session.deadline(talk.now)
    assert talk.ask() == ("subscribe", ["a"])
    assert talk.hear(Ack("subscribe", "a")) == [Answered("a")]
    assert talk.ask() == ("subscribe", ["b"])
    assert talk.hear(Refusal("subscribe", "", 90008, "again", Category.DUPLICATE)) == []
    assert talk.hear(_NAMELESS) == [Rejected("b", _NAMELESS)]


def test_an_answer_that_never_came_is_no_longer_expected_later() -> None:
    """After three more ack_timeouts an error that names no topic is certain again."""
    talk = Talk(["lost"])
    talk.ask()
    talk.pass_time(5.0)
    talk.hear(Ack("subscribe", "lost"))
    talk.pass_time(16.0)
    talk.wanted["bad"] = None
    talk.ask()
    assert talk.hear(_NAMELESS) == [Rejected("bad", _NAMELESS)]


def test_a_named_refusal_withdraws_what_only_data_confirmed() -> None:
    """The data was another's; a topic the exchange itself has confirmed is not touched by a stray."""
    talk = Talk(["a", "b"])
    talk.ask()
    talk.session.confirm("a", talk.now)
    refusal = Refusal("subscribe", "a", 90004, "channel not exist", Category.BAD_REQUEST)
    assert talk.hear(refusal) == [Rejected("a", refusal)]
    assert talk.session.held == set()
    del talk.wanted["a"]
    talk.hear(Ack("subscribe", "b"))
    late = Refusal("subscribe", "b", 90004, "channel not exist", Category.BAD_REQUEST)
    assert talk.hear(late) == [Stray(late)]
    assert talk.session.settled


def test_as_many_nameless_errors_as_open_topics_settle_the_last_one() -> None:
    """Everybody else has answered, so there is no doubt and no second asking."""
    talk = Talk(["a", "bad"])
    talk.ask()
    talk.hear(_NAMELESS)
    assert talk.hear(Ack("subscribe", "a")) == [Answered("a"), Rejected("bad", _NAMELESS)]


def test_already_subscribed_is_an_acknowledgement() -> None:
    """90008 without a topic, one topic open: it is held."""
    talk = Talk(["a"])
    talk.ask()
    again = Refusal("subscribe", "", 90008, "again", Category.DUPLICATE)
    assert talk.hear(again) == [Answered("a")]


def test_an_error_that_answers_nothing_is_a_stray() -> None:
    """It is told, and changes nothing."""
    talk = Talk(["a"])
    assert talk.hear(_NAMELESS) == [Stray(_NAMELESS)]
    request = talk.ask()
    elsewhere = Refusal("subscribe", "z", None, "Invalid channel", Category.SYMBOL)
    assert talk.hear(elsewhere) == [Stray(elsewhere)]
    assert talk.hear(Strange()) == [Stray(Strange())]
    talk.ack_all(request)
    assert talk.session.settled


def test_a_passing_refusal_ends_the_socket_and_refuses_nobody() -> None:
    """A fault of the exchange is no verdict about a topic."""
    talk = Talk(["a"])
    talk.ask()
    (outcome,) = talk.hear(Refusal("subscribe", "a", 95000, "internal", Category.SYSTEM))
    assert isinstance(outcome, Dead)


# Login --------------------------------------------------------------------------------------------


def test_nothing_private_is_asked_before_the_login_is_accepted() -> None:
    """Login, its answer, then topics."""
    talk = Talk(["p"], private=True)
    assert talk.poll() == [("login", ["k", "1", "s"])]
    assert talk.poll() == []
    assert talk.hear(Pong()) == [Stray(Pong())]
    assert talk.poll() == []
    assert talk.hear(LoggedIn()) == [LoginAccepted()]
    assert talk.hear(LoggedIn()) == []
    assert talk.poll() == [("subscribe", ["p"])]


def test_a_login_without_an_answer_ends_the_socket() -> None:
    """After login_timeout, whatever else is heard."""
    talk = Talk(["p"], private=True, login_timeout=3.0)
    talk.poll()
    talk.pass_time(2.9)
    assert talk.outcomes == []
    talk.pass_time(0.2)
    assert isinstance(talk.outcomes[0], Dead)
    assert "login" in talk.outcomes[0].why


def test_a_refused_login_is_told_and_one_after_acceptance_is_a_stray() -> None:
    """A late login error does not undo the login."""
    failure = LoginFailed(91002, "API KEY not found", "final")
    talk = Talk(["p"], private=True)
    talk.poll()
    assert talk.hear(failure) == [LoginRejected(failure)]
    accepted = Talk(["p"], private=True)
    accepted.poll()
    accepted.hear(LoggedIn())
    assert accepted.hear(failure) == [Stray(failure)]


def test_login_needed_after_a_login_means_a_lost_login() -> None:
    """The socket is replaced; only when that has been tried the topic is refused."""
    refusal = Refusal("subscribe", "p", None, "futures/order need authenication", Category.AUTH)
    talk = Talk(["p"], private=True)
    talk.poll()
    talk.hear(LoggedIn())
    talk.ask()
    (outcome,) = talk.hear(refusal)
    assert isinstance(outcome, Dead)
    assert outcome.login_lost
    again = Session(FUTURES, {"p": None}, Timings(), 0.0, lambda: _LOGIN, trust_login=False)
    again.poll(0.0)
    again.receive(LoggedIn(), 0.0)
    again.poll(0.0)
    assert again.receive(refusal, 0.0) == [Rejected("p", refusal)]


# Heartbeat ----------------------------------------------------------------------------------------


def test_a_ping_goes_out_every_interval_whatever_else_flows() -> None:
    """Data does not replace it."""
    talk = Talk(["a"])
    talk.settle()
    talk.pass_time(60.0)
    pings = [at for at, operation, _ in talk.sent if operation == "ping"]
    assert [round(at) for at in pings] == [110, 120, 130, 140, 150, 160]


def test_silence_after_a_ping_is_death_and_any_byte_is_life() -> None:
    """pong_timeout after an unanswered ping; the answer need not be a pong."""
    talk = Talk()
    talk.pass_time(14.9, heard=False)
    assert talk.outcomes == []
    talk.pass_time(0.2, heard=False)
    assert isinstance(talk.outcomes[0], Dead)
    alive = Talk()
    alive.pass_time(12.0, heard=False)
    alive.session.heard = alive.now
    alive.pass_time(7.9, heard=False)
    assert alive.outcomes == []


def test_silence_before_the_ping_does_not_count() -> None:
    """A quiet market is no dead socket."""
    talk = Talk(ping_interval=10.0, pong_timeout=0.5)
    talk.pass_time(10.4, heard=False)
    assert talk.outcomes == []


@pytest.mark.parametrize("pong_timeout", [5.0, 0.3])
@pytest.mark.parametrize("late", [0.6, 30.0])
def test_a_late_poll_reads_before_it_judges(pong_timeout: float, late: float) -> None:
    """The program was busy past the deadline: what came meanwhile must be read first."""
    talk = Talk(pong_timeout=pong_timeout)
    talk.now += 10.0
    assert talk.poll() == [("ping", [])]
    talk.now += pong_timeout + late
    talk.poll()
    assert talk.outcomes == []
    talk.session.heard = talk.now  # the pong was in the buffer all along
    talk.pass_time(pong_timeout - 0.1, heard=False)
    assert talk.outcomes == []


@pytest.mark.parametrize("pong_timeout", [5.0, 0.3])
def test_the_reprieve_is_short(pong_timeout: float) -> None:
    """When nothing came meanwhile either, the peer is dead a second later."""
    talk = Talk(pong_timeout=pong_timeout)
    talk.now += 10.0
    talk.poll()
    talk.now += pong_timeout + 3.0
    talk.poll()
    assert talk.outcomes == []
    talk.pass_time(1.1, heard=False)
    assert isinstance(talk.outcomes[0], Dead)


def test_a_late_poll_does_not_condemn_an_answered_login() -> None:
    """The answer to a login may lie unread while the program is busy."""
    talk = Talk(["p"], private=True, login_timeout=2.0, ping_interval=60.0)
    talk.poll()
    talk.now += 4.0
    talk.poll()
    assert talk.outcomes == []
    talk.hear(LoggedIn())
    assert talk.outcomes == [LoginAccepted()]


def test_a_reader_that_waits_for_its_consumer_hears_nothing_and_is_not_dead() -> None:
    """Silence of our own making is no sign."""
    talk = Talk()
    talk.session.pause(talk.now)
    talk.pass_time(120.0, heard=False)
    assert talk.outcomes == []


def test_nothing_is_judged_while_the_reader_waits_for_its_consumer() -> None:
    """The deadlines of a login and of a message move by the pause."""
    talk = Talk(["p"], private=True, ping_interval=1000.0)
    talk.poll()
    talk.session.pause(talk.now)
    talk.pass_time(60.0, heard=False)
    talk.session.resume(talk.now)
    talk.pass_time(9.0, heard=False)
    assert talk.outcomes == []
    talk.hear(LoggedIn())
    talk.ask()
    talk.session.pause(talk.now)
    talk.pass_time(60.0, heard=False)
    talk.session.resume(talk.now)
    talk.pass_time(4.9, heard=False)
    assert [message[1] for message in talk.sent] == ["login", "subscribe"]
    talk.pass_time(0.2, heard=False)
    assert [message[1] for message in talk.sent] == ["login", "subscribe", "subscribe"]


@pytest.mark.parametrize(("dialect", "answer"), [(SPOT, [b"pong"]), (FUTURES, [])])
def test_a_servers_ping_is_answered_where_an_answer_is_known(dialect: Dialect, answer: list[bytes]) -> None:
    """Once per look, however many came."""
    talk = Talk(dialect=dialect)
    assert talk.hear(Ping()) == talk.hear(Ping()) == []
    assert talk.session.poll(talk.now) == (answer, [])
    assert talk.session.poll(talk.now) == ([], [])


# Pace ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ping_interval", [10.0, 1.0, 0.2])
def test_no_ten_seconds_see_more_than_a_hundred_messages(ping_interval: float) -> None:
    """However many requests are due, and pings always have their place."""
    talk = Talk(ping_interval=ping_interval)
    for number in range(400):
        talk.wanted[f"t{number}"] = None
        for _ in range(200):
            requests = [one for one in talk.poll() if one[0] != "ping"]
            if requests:
                break
            talk.now = talk.session.deadline(talk.now)
            talk.session.heard = talk.now
        talk.ack_all(requests[0])
    times = [at for at, _, _ in talk.sent]
    assert len(times) >= 400
    for index, start in enumerate(times):
        inside = [at for at in times[index:] if at < start + 10.0]
        assert len(inside) <= 100
    pings = [at for at, operation, _ in talk.sent if operation == "ping"]
    assert all(later - earlier <= ping_interval + 0.01 for earlier, later in pairwise(pings))
