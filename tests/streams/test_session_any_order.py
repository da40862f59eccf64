"""Whatever happens in whatever order, the server ends with what is wanted."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from bitmart_async.codes import Category
from bitmart_async.websocket.dialects import SPOT, Ack, Control, LoggedIn, Refusal
from bitmart_async.websocket.session import (
    Answered,
    Dead,
    GaveUp,
    LoginRejected,
    Outcome,
    Rejected,
    Session,
    Timings,
)

_TOPICS = [f"spot/user/order:T{number}" for number in range(4)]
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("want"), st.sampled_from(_TOPICS)),
        st.tuples(st.just("unwant"), st.sampled_from(_TOPICS)),
        st.tuples(st.just("refuse"), st.sampled_from(_TOPICS)),
        st.tuples(st.just("allow"), st.sampled_from(_TOPICS)),
        st.tuples(st.sampled_from(["work", "answer", "lose", "time"]), st.integers(1, 12)),
        st.tuples(st.sampled_from(["work", "answer", "lose", "drop", "again"]), st.integers(1, 3)),
    ),
    max_size=50,
)


class _World:
    """A connection's wanted set, its present session, and an exchange that holds what it took."""

    def __init__(self, private: bool, named: bool) -> None:
        self.private, self.named = private, named
        self.wanted: dict[str, None] = {}
        self.aside: set[str] = set()
        """Refused after they had been held: to be asked for again."""
        self.ever_held: set[str] = set()
        self.refused: set[str] = set()
        self.ever_refused: set[str] = set()
        self.silences = 0
        self.now = 0.0
        self.connect()

    def connect(self) -> None:
        self.session = Session(
            SPOT,
            self.wanted,
            Timings(),
            self.now,
            (lambda: b'{"op":"login","args":[]}') if self.private else None,
            refused_before=self.aside,
        )
        self.holds: set[str] = set()
        self.answers: list[Control] = []

    def heed(self, outcomes: list[Outcome]) -> None:
        """As the connection does it."""
        for outcome in outcomes:
            if isinstance(outcome, Rejected):
                assert outcome.topic in self.ever_refused  # never a bystander
                self.wanted.pop(outcome.topic, None)
                if outcome.topic in self.ever_held:
                    self.aside.add(outcome.topic)
            elif isinstance(outcome, Answered):
                self.ever_held.add(outcome.topic)
                self.aside.discard(outcome.topic)
            elif isinstance(outcome, GaveUp):
                assert self.silences  # only silence makes it give up
                self.wanted.pop(outcome.topic, None)
            elif isinstance(outcome, Dead):
                self.connect()
                return
            assert not isinstance(outcome, LoginRejected)

    def work(self) -> None:
        messages, outcomes = self.session.poll(self.now)
        self.heed(outcomes)
        for message in messages:
            if message == b"ping":
                self.session.heard = self.now
                continue
            body = json.loads(message)
            if body["op"] == "login":
                self.answers.append(LoggedIn())
                continue
            for topic in body["args"]:
                if body["op"] == "unsubscribe":
                    self.holds.discard(topic)
                elif topic in self.refused and topic not in self.holds:  # what it serves it does not refuse
                    self.answers.append(
                        Refusal(
                            "subscribe" if self.named else "",
                            topic if self.named else "",
                            92001,
                            "Invalid symbol param",
                            Category.SYMBOL,
                        )
                    )
                    continue
                else:
                    self.holds.add(topic)
                self.answers.append(Ack(body["op"], topic))

    def answer(self, number: int) -> None:
        self.session.heard = self.now
        for _ in range(min(number, len(self.answers))):
            session = self.session
            self.heed(session.receive(self.answers.pop(0), self.now))
            if session is not self.session:
                return

    def step(self, what: str, argument: str | int) -> None:
        match what, argument:
            case "want", str(topic):
                self.wanted[topic] = None
            case "unwant", str(topic):
                self.wanted.pop(topic, None)
                self.aside.discard(topic)
                self.ever_held.discard(topic)
            case "again", _:
                self.wanted |= dict.fromkeys(sorted(self.aside))
            case "refuse", str(topic):
                self.refused.add(topic)
                self.ever_refused.add(topic)
            case "allow", str(topic):
                self.refused.discard(topic)
            case "work", _:
                self.work()
            case "answer", int(number):
                self.answer(number)
            case "lose", int(number):
                self.silences += 1
                del self.answers[:number]
            case "drop", _:
                self.connect()
            case "time", int(number):
                self.silences += bool(self.answers)
                self.now += number / 2
                self.session.heard = self.now
                self.work()
            case _:
                raise AssertionError(what)


@given(steps=_STEPS, private=st.booleans(), named=st.booleans())
@settings(max_examples=600, deadline=None)
def test_the_server_ends_with_the_wanted_set(
    steps: list[tuple[str, str | int]], private: bool, named: bool
) -> None:
    """Any order of want, unwant, refusals, lost answers and reconnects: server set == wanted set."""
    world = _World(private, named)
    for what, argument in steps:
        world.step(what, argument)
    put_aside = set(world.aside)
    world.refused.clear()
    world.step("again", 1)
    for _ in range(400):
        world.work()
        world.answer(1000)
        if world.session.settled and not world.answers:
            break
        world.now = max(world.now, world.session.deadline(world.now))
        world.session.heard = world.now
    assert world.session.settled
    assert world.holds == set(world.wanted)
    if not world.silences:
        assert put_aside <= world.holds  # what was served once is held again when it is served again
    assert world.session.held == world.holds
