"""One socket's conversation with the exchange, without the socket: what to send, what was meant.

Pure: it is handed the time and the frames, and says what to send and when to look again. The order of
events on a socket:

1. A private socket logs in, and sends nothing else before the answer.
2. The session compares what is wanted with what is held, and asks for the difference: first what has
   to go, then what is missing, in messages of up to 20 topics and the market's size in bytes. One
   message is in flight at a time, because errors often do not say what they are about.
3. A message ends when each of its topics is answered. A topic is also answered by its data. After
   ``ack_timeout`` the unanswered topics are asked again, one by one; a topic unanswered twice is given
   up. An error that names no topic starts the same asking one by one, so that nobody is refused for
   another's fault; while an earlier message is owed an answer, the error may be that one. A topic that
   was asked for may be held even when its answer is lost: once nobody wants it, the server is told so
   all the same.
4. On request a held topic's present state is asked for (``request``), or the topic is left and taken
   again (``renew``). A request has no answer but data; an error that names no topic may be its answer.
5. Every ``ping_interval`` a ping goes out, whatever else flows; when not a byte has come
   ``pong_timeout`` after one, the socket is dead.

The wanted set belongs to the connection and outlives the session; it is the only truth, so any order
of subscribe, unsubscribe, loss and reconnect ends in what is wanted now.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from bitmart_async.codes import ALREADY_SUBSCRIBED, Category
from bitmart_async.websocket.allowance import Allowance
from bitmart_async.websocket.dialects import Ack, LoggedIn, LoginFailed, Ping, Refusal
from bitmart_async.websocket.heartbeat import LATE, REPRIEVE, Heartbeat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable

    from bitmart_async.websocket.dialects import Control, Dialect

__all__ = [
    "Answered",
    "Dead",
    "GaveUp",
    "Left",
    "LoginAccepted",
    "LoginRejected",
    "Outcome",
    "Rejected",
    "Session",
    "Stray",
    "Timings",
]

TOPICS_PER_MESSAGE = 20
_GRACE = 0.5
"""Seconds for acks still under way after an error that names no topic."""
_DEBT_LASTS = 3.0
"""Times ack_timeout: an answer later than that is lost rather than late."""
_MOST_HELD = 300
"""Topics believed to be held that nobody asked for; well above what one socket takes."""
_PONG_SECONDS = 1.0
"""Between two answers to the server's pings: a flood of them must not use up the messages of a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """All times of a connection, in seconds."""

    connect_timeout: float = 10.0
    login_timeout: float = 10.0
    ack_timeout: float = 5.0
    ping_interval: float = 10.0
    pong_timeout: float = 5.0
    reconnect_first: float = 0.5
    reconnect_cap: float = 30.0
    linger: float = 10.0


@dataclass(frozen=True, slots=True)
class LoginAccepted:
    """Private topics may be asked for."""


@dataclass(frozen=True, slots=True)
class LoginRejected:
    """The exchange refused the login."""

    failure: LoginFailed


@dataclass(frozen=True, slots=True)
class Answered:
    """A topic is held."""

    topic: str


@dataclass(frozen=True, slots=True)
class Left:
    """A topic is no longer held."""

    topic: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The exchange refused a topic."""

    topic: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class GaveUp:
    """A topic was asked for twice and never answered, or with an error that may have been another's."""

    topic: str
    doubtful: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """The socket is of no more use."""

    why: str
    login_lost: bool = False
    """The exchange accepted the login and then said that one is needed."""


@dataclass(frozen=True, slots=True)
class Stray:
    """An error or a frame that answers nothing we asked."""

    what: Control


Outcome: TypeAlias = LoginAccepted | LoginRejected | Answered | Left | Rejected | GaveUp | Dead | Stray


@dataclass(slots=True)
class _Message:
    """The one request in flight."""

    operation: str
    open: set[str]
    deadline: float
    nameless: list[Refusal] = field(default_factory=list[Refusal])
    doubtful: Refusal | None = None
    """An error that names no topic, and may as well answer an earlier message."""


@dataclass(slots=True)
class _Debt:
    """An answer an earlier message never got: it may come yet, and be taken for an answer to the next."""

    operation: str
    topics: frozenset[str]
    """Whom it may be about."""
    lapses: float
    """When it is no longer expected."""


class Session:
    """See the module's text.

    Args:
        wanted: The connection's wanted topics, in order; read live.
        login: Makes the login message; None on public sockets.
        trust_login: Take "login needed" for a lost login (and the socket for dead) rather than for a
            refusal of the topic.
        refused_before: Topics whose refusal is no news, read live: it never costs the socket.
    """

    def __init__(
        self,
        dialect: Dialect,
        wanted: Collection[str],
        timings: Timings,
        now: float,
        login: Callable[[], bytes] | None,
        *,
        trust_login: bool = True,
        refused_before: Container[str] = (),
    ) -> None:
        self._dialect = dialect
        self._wanted = wanted
        self._timings = timings
        self._login = login
        self._logged_in = login is None
        self._trust_login = trust_login
        self._refused_before = refused_before
        self._login_deadline: float | None = None
        self.held: set[str] = set()
        """Topics the server has confirmed."""
        self._asked: set[str] = set()
        """Topics asked for and neither confirmed nor refused: the server may hold them."""
        self._message: _Message | None = None
        self._one_by_one: deque[str] = deque()
        self._requests: dict[str, None] = {}
        """Held topics whose present state is to be asked for."""
        self._renewing: set[str] = set()
        """Held topics that are left only to be taken again."""
        self._unanswered: set[str] = set()
        self._by_data: set[str] = set()
        """Topics held because data came, not because the exchange said so."""
        self._debts: deque[_Debt] = deque()
        self._pong_owed = False
        self._next_pong = now
        self.heard = now
        """When the last byte came; stamped by the reader."""
        self._heartbeat = Heartbeat(timings.ping_interval, timings.pong_timeout, now)
        self._allowance = Allowance(timings.ping_interval)
        self._unleft: set[str] = set()
        """Topics whose unsubscribe was not answered, and is to be repeated."""
        self._paused_since: float | None = None

    def pause(self, now: float) -> None:
        """The reader waits for a consumer: silence is our own, and nothing is judged."""
        self._paused_since = now

    def resume(self, now: float) -> None:
        """The reader reads on: every deadline moves by the time it did not."""
        if self._paused_since is None:
            return
        pause, self._paused_since = now - self._paused_since, None
        self.heard = now
        self._heartbeat.resume(pause)
        if self._login_deadline is not None:
            self._login_deadline += pause
        if self._message is not None:
            self._message.deadline += pause
        for debt in self._debts:
            debt.lapses += pause

    def paused_for(self, now: float) -> float | None:
        """Seconds the reader has waited for a consumer; None: it reads."""
        return None if self._paused_since is None else now - self._paused_since

    @property
    def paused(self) -> bool:
        """Whether the reader waits for a consumer."""
        return self._paused_since is not None

    @property
    def expecting(self) -> bool:
        """Whether an answer is due, for which somebody may be waiting."""
        return not self._logged_in or self.asking

    @property
    def asking(self) -> bool:
        """Whether a topic is still unanswered; read once per frame."""
        return self._message is not None or bool(self._one_by_one)

    @property
    def logged_in(self) -> bool:
        """Whether subscribing is allowed."""
        return self._logged_in

    @property
    def settled(self) -> bool:
        """Whether what is wanted is what is held."""
        return self._logged_in and self._message is None and not self._missing() and not self._leaving()

    def probe(self, now: float, pong_timeout: float | None = None) -> int:
        """Send a ping now; the number :meth:`echoed` is asked about.

        Args:
            pong_timeout: Seconds without a byte after it that end the socket; None leaves that as it is.
        """
        return self._heartbeat.probe(now, self.heard, pong_timeout)

    def echoed(self, ping: int) -> bool:
        """Whether the ping of this number has been answered."""
        return self._heartbeat.answered(ping)

    def ponged(self, now: float) -> None:
        """A pong came: it answers the oldest ping."""
        self._heartbeat.ponged(now)

    @property
    def round_trip(self) -> float | None:
        """Seconds between a ping and its pong, at the last one."""
        return self._heartbeat.round_trip

    def _missing(self) -> list[str]:
        return [topic for topic in self._wanted if topic not in self.held]

    def _leaving(self) -> list[str]:
        return [
            topic
            for topic in (*self.held, *(self._asked - self.held))
            if topic not in self._wanted or topic in self._renewing
        ]

    def request(self, topic: str) -> bool:
        """Ask for a held topic's present state; False when it is not held: then subscribing brings it."""
        if not self.holds(topic):
            return False
        self._requests[topic] = None
        return True

    def renew(self, topic: str) -> bool:
        """Leave a held topic and take it again; False when it is not held: then it is taken anyway."""
        if not self.holds(topic):
            return False
        self._renewing.add(topic)
        return True

    def holds(self, topic: str) -> bool:
        """Whether ``topic`` is confirmed and not just being given back."""
        return topic in self.held and not self._in_flight("unsubscribe", topic)

    def may_hold(self, topic: str) -> bool:
        """Whether the server may have ``topic``, confirmed or not: it has to be told before it is gone."""
        return topic in self.held or topic in self._asked

    def _in_flight(self, operation: str, topic: str) -> bool:
        message = self._message
        return message is not None and message.operation == operation and topic in message.open

    # What to send ------------------------------------------------------------------------------

    def poll(self, now: float) -> tuple[list[bytes], list[Outcome]]:
        """Messages to send now, and what became clear by the passing of time."""
        outcomes: list[Outcome] = []
        dead = self._dead(now)
        if dead is not None:
            return [], [dead]
        messages: list[bytes] = []
        if self._heartbeat.beat(now, self.heard):
            messages.append(self._dialect.ping)
        if self._pong_owed:
            messages += self._due_pong(now)
        if not self._logged_in:
            if self._login is not None and self._login_deadline is None:
                messages.append(self._login())
                self._allowance.take(now)
                self._login_deadline = now + self._timings.login_timeout
            return messages, outcomes
        if self._message is not None and now >= self._message.deadline and not self.paused:
            outcomes += self._give_up_waiting(now)
        if any(isinstance(outcome, GaveUp | Rejected) for outcome in outcomes):
            return messages, outcomes  # the wanted set changes by them: do not ask for the topic again
        if self._message is None and self._allowance.room(now):
            request = self._next_request(now)
            if request is not None:
                messages.append(request)
                self._allowance.take(now)
        if self._requests and self._allowance.room(now):
            messages += self._due_requests(now)
        return messages, outcomes

    def _due_pong(self, now: float) -> list[bytes]:
        """The answer to the server's pings; what cannot be sent now is not owed any longer."""
        self._pong_owed = False
        if self._dialect.pong is None or now < self._next_pong or not self._allowance.room(now):
            return []
        self._allowance.take(now)
        self._next_pong = now + _PONG_SECONDS
        return [self._dialect.pong]

    def deadline(self, now: float) -> float:
        """When to poll again at the latest."""
        times = [self._heartbeat.next_ping()]
        if not self.paused:
            times.append(self._heartbeat.deadline(self.heard))
            if self._login_deadline is not None and not self._logged_in:
                times.append(self._login_deadline)
            if self._message is not None:
                times.append(self._message.deadline)
        if self._message is None and self._logged_in and not self.settled:
            times.append(self._allowance.next_room(now))
        if self._requests and self._logged_in:
            times.append(self._allowance.next_room(now))
        return min(times)

    def _dead(self, now: float) -> Dead | None:
        if self.paused:
            self._heartbeat.pause()
            return None
        if self._login_deadline is not None and not self._logged_in and now >= self._login_deadline:
            if now > self._login_deadline + LATE:
                self._login_deadline = now + REPRIEVE
                return None
            return Dead(f"the login was not answered within {self._timings.login_timeout:g} s")
        if not self._heartbeat.dead(now, self.heard):
            return None
        return Dead(f"not a byte within {self._timings.pong_timeout:g} s after a ping")

    def _due_requests(self, now: float) -> list[bytes]:
        """One message for the topics whose present state is asked for; no answer is documented."""
        topics = [topic for topic in self._requests if topic in self._wanted and self.holds(topic)]
        batch, message = self._fitting("request", topics)
        self._requests = dict.fromkeys(topics[len(batch) :])
        if not batch:
            return []
        lapses = now + _DEBT_LASTS * self._timings.ack_timeout
        self._debts.append(_Debt("request", frozenset(batch), lapses))
        self._allowance.take(now)
        return [message]

    def _next_request(self, now: float) -> bytes | None:
        leaving = self._leaving()
        if leaving:
            return self._ask("unsubscribe", leaving, now)
        while self._one_by_one:
            topic = self._one_by_one.popleft()
            if topic in self._wanted and topic not in self.held:
                return self._ask("subscribe", [topic], now)
        missing = self._missing()
        return self._ask("subscribe", missing, now) if missing else None

    def _ask(self, operation: str, topics: list[str], now: float) -> bytes:
        batch, request = self._fitting(operation, topics)
        self._message = _Message(operation, set(batch), now + self._timings.ack_timeout)
        if operation == "subscribe":
            self._asked.update(batch)
        return request

    def _fitting(self, operation: str, topics: list[str]) -> tuple[list[str], bytes]:
        """As many of the topics as one message takes, and that message."""
        batch = topics[:TOPICS_PER_MESSAGE]
        request = self._dialect.request(operation, batch)
        while len(request) > self._dialect.most_bytes and len(batch) > 1:
            batch = batch[:-1]
            request = self._dialect.request(operation, batch)
        return batch, request

    def _give_up_waiting(self, now: float) -> list[Outcome]:
        """The message's time is over: ask its open topics one by one, give up those asked before."""
        message, self._message = self._message, None
        assert message is not None
        outcomes: list[Outcome] = []
        lapses = now + _DEBT_LASTS * self._timings.ack_timeout
        for _ in range(len(message.open) - len(message.nameless)):
            self._debts.append(_Debt(message.operation, frozenset(message.open), lapses))
        if message.operation == "unsubscribe":
            return [outcome for topic in message.open for outcome in self._not_left(topic, message)]
        certain = len(message.open) == 1 and len(message.nameless) == 1
        for topic in sorted(message.open, key=_order(self._wanted)):
            if certain:
                outcomes.append(self._reject(topic, message.nameless[0]))
            elif topic in self._unanswered:
                self._unanswered.discard(topic)
                outcomes.append(GaveUp(topic, message.doubtful))
            else:
                if not message.nameless:
                    self._unanswered.add(topic)
                self._one_by_one.append(topic)
        return outcomes

    def _not_left(self, topic: str, message: _Message) -> list[Outcome]:
        """An unsubscribe was not answered: who waited is told, and it is repeated once, then forgotten.

        A refused one is not repeated: whatever still comes has no subscriber.
        """
        repeated = topic in self._unleft
        self._forget(topic)
        if not (repeated or message.nameless or topic in self._wanted):
            self._unleft.add(topic)
            self._asked.add(topic)  # not held: whoever wants it again meanwhile has to ask
        return [] if repeated else [Left(topic)]

    # What was meant ----------------------------------------------------------------------------

    def receive(self, control: Control, now: float) -> list[Outcome]:
        """What a control frame means here."""
        if isinstance(control, Ack):
            self._pay_named(control.operation, control.topic, now)
            return self._acked(control, now)
        if isinstance(control, Ping):
            self._pong_owed = self._dialect.pong is not None
            return []
        if isinstance(control, LoggedIn | LoginFailed) and self._login_deadline is None:
            return [Stray(control)]  # it answers nothing: no login was sent
        if isinstance(control, LoggedIn):
            if self._logged_in:
                return []
            self._logged_in = True
            return [LoginAccepted()]
        if isinstance(control, LoginFailed):
            return [Stray(control)] if self._logged_in else [LoginRejected(control)]
        if isinstance(control, Refusal):
            return self._refused(control, now)
        return [Stray(control)]

    def confirm(self, topic: str, now: float) -> list[Outcome]:
        """Data came for a topic: it is held, whether or not its ack is lost."""
        if topic in self.held:
            return []
        if self._in_flight("subscribe", topic):
            lapses = now + _DEBT_LASTS * self._timings.ack_timeout
            self._debts.append(_Debt("subscribe", frozenset({topic}), lapses))
        outcomes = self._acked(Ack("subscribe", topic), now)
        self._by_data.add(topic)
        return outcomes

    def _pay_named(self, operation: str, topic: str, now: float) -> None:
        """A named answer came: it is the earliest one that is owed for its topic."""
        self._drop_lapsed(now)
        for debt in self._debts:
            if topic in debt.topics and operation in ("", debt.operation):
                if self._in_flight(debt.operation, topic):
                    debt.topics = frozenset({topic})  # it ends the present message, whose own one is owed now
                else:
                    self._debts.remove(debt)
                return

    def _pays_nameless(self, refusal: Refusal, now: float) -> bool:
        """Whether an error that names no topic may answer an earlier message; then it is taken for that."""
        self._drop_lapsed(now)
        for debt in self._debts:
            if refusal.operation in ("", debt.operation):
                self._debts.remove(debt)
                return True
        return False

    def _drop_lapsed(self, now: float) -> None:
        while self._debts and self._debts[0].lapses <= now:
            self._debts.popleft()

    def _acked(self, ack: Ack, now: float) -> list[Outcome]:
        topic, message = ack.topic, self._message
        self._by_data.discard(topic)
        outcomes: list[Outcome] = []
        if ack.operation == "unsubscribe":
            self._forget(topic)
            outcomes.append(Left(topic))
        elif topic in self._wanted and topic not in self.held:
            self._hold(topic)
            outcomes.append(Answered(topic))
        elif topic and topic not in self._wanted and (topic in self._asked or len(self.held) < _MOST_HELD):
            self._hold(topic)  # the server has it all the same, and must be told
        if message is not None and message.operation == ack.operation and topic in message.open:
            message.open.discard(topic)
            outcomes += self._close_if_answered(message, now)
        return outcomes

    def _refused(self, refusal: Refusal, now: float) -> list[Outcome]:
        message = self._message
        known = message.open | self._by_data if message is not None else self._by_data
        topic = refusal.topic or _named_in(refusal.text, known)
        if topic:
            self._pay_named(refusal.operation, topic, now)
            if topic in self._by_data and refusal.operation in ("", "subscribe"):
                self._by_data.discard(topic)  # the data was another's, whatever it looked like
                self.held.discard(topic)
                return [self._reject(topic, refusal)] if topic in self._wanted else []
        elif self._pays_nameless(refusal, now):
            if message is not None and len(message.open) == 1:
                message.doubtful = refusal
                message.deadline = min(message.deadline, now + _GRACE)
            return []
        if message is None or (refusal.operation and refusal.operation != message.operation):
            return [Stray(refusal)]
        if topic and topic not in message.open:
            return [Stray(refusal)]
        if topic:
            message.open.discard(topic)
            if message.operation == "subscribe":
                return [self._reject(topic, refusal), *self._close_if_answered(message, now)]
            self._forget(topic)
            return [Left(topic), *self._close_if_answered(message, now)]
        if len(message.open) == 1 and refusal.code == ALREADY_SUBSCRIBED:
            return self._acked(Ack(message.operation, next(iter(message.open))), now)
        message.nameless.append(refusal)
        outcomes = self._close_if_answered(message, now)
        if not outcomes and self._message is message:
            message.deadline = min(message.deadline, now + _GRACE)
        return outcomes

    def _close_if_answered(self, message: _Message, now: float) -> list[Outcome]:
        """End the message when every topic is answered, if only by as many nameless errors."""
        if not message.open:
            self._message = None
            return [Stray(refusal) for refusal in message.nameless]
        if len(message.open) == 1 and len(message.nameless) == 1:
            return self._give_up_waiting(now)
        return []

    def _hold(self, topic: str) -> None:
        self.held.add(topic)
        self._asked.discard(topic)
        self._unanswered.discard(topic)
        self._unleft.discard(topic)

    def _forget(self, topic: str) -> None:
        self.held.discard(topic)
        self._renewing.discard(topic)
        self._by_data.discard(topic)
        self._unanswered.discard(topic)
        self._unleft.discard(topic)
        if not self._in_flight("subscribe", topic):  # an old answer says nothing about a new request
            self._asked.discard(topic)

    def _reject(self, topic: str, refusal: Refusal) -> Outcome:
        self._asked.discard(topic)
        self._unanswered.discard(topic)
        if topic in self._refused_before:
            return Rejected(topic, refusal)
        if refusal.category is Category.SYSTEM:
            return Dead(f"the exchange cannot serve {topic} now: {refusal.text}")
        if refusal.category is Category.AUTH and self._trust_login and self._login is not None:
            return Dead(f"the exchange forgot the login: {refusal.text}", login_lost=True)
        return Rejected(topic, refusal)


def _named_in(text: str, topics: Iterable[str]) -> str:
    """The one of ``topics`` that stands in an error's text."""
    named = [topic for topic in topics if topic in text.replace("[", " ").replace("]", " ").split()]
    return named[0] if len(named) == 1 else ""


def _order(wanted: Collection[str]) -> Callable[[str], int]:
    places = {topic: place for place, topic in enumerate(wanted)}
    return lambda topic: places.get(topic, len(places))
