"""The pure core: any mixture of lost, repeated, late and reordered news and looks ends in the truth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitmart_async import Market, Side
from bitmart_async.account.changes import (
    AccountGap,
    AccountState,
    Change,
    Filled,
    FillsMissing,
    OrderChanged,
    Resynced,
    ResyncFailed,
    UnknownState,
)
from bitmart_async.account.core import MarketAccount, OrderNews
from bitmart_async.account.cursor import Place
from bitmart_async.account.orders import KEPT_KEYS
from bitmart_async.account.views import AccountFill, AccountOrder, OrderStatus

if TYPE_CHECKING:
    from bitmart_async.account.snapshot import Snapshot

START_MS = 1_800_000_000_000


def order_of(number: int, **changed: Any) -> AccountOrder:
    order = AccountOrder(
        market=Market.SPOT, order_id=f"o{number}", client_order_id=f"own{number}", symbol="A_B", side=Side.BUY,
        type="limit", price=Decimal(7), size=Decimal(10), notional=None, filled=Decimal(0), average=None,
        status=OrderStatus.NEW, raw_state="new", created_ms=START_MS, updated_ms=START_MS,
    )  # fmt: skip
    return replace(order, **changed)


def fill_of(order: AccountOrder, trade: str, size: int, at_ms: int) -> AccountFill:
    return AccountFill(
        market=Market.SPOT, trade_id=trade, order_id=order.order_id, symbol=order.symbol, side=order.side,
        price=Decimal(7), size=Decimal(size), fee=None, fee_currency="", role="", at_ms=at_ms,
    )  # fmt: skip


@dataclass
class Exchange:
    """The truth: orders and fills, what was pushed about them, and what REST shows."""

    now: float = 1000.0
    orders: dict[str, AccountOrder] = field(default_factory=dict)
    fills: list[AccountFill] = field(default_factory=list)
    pushes: list[OrderNews] = field(default_factory=list)

    @property
    def now_ms(self) -> int:
        return START_MS + int(self.now * 1000)

    def act(self, what: int) -> None:
        """Something happens; one push tells of it."""
        opened = [order for order in self.orders.values() if order.open]
        if what < 3 or not opened:
            order = order_of(len(self.orders), created_ms=self.now_ms, updated_ms=self.now_ms)
            self._push(order, None)
            return
        order = opened[what % len(opened)]
        if what % 5 == 0:
            status = OrderStatus.PARTIALLY_CANCELED if order.filled else OrderStatus.CANCELED
            self._push(replace(order, status=status, updated_ms=self.now_ms), None)
            return
        assert order.size is not None
        size = min(1 + what % 6, int(order.size - order.filled))
        filled = order.filled + size
        done = filled == order.size
        order = replace(
            order,
            filled=filled,
            status=OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED,
            updated_ms=self.now_ms,
        )
        fill = fill_of(order, f"t{len(self.fills)}", size, self.now_ms)
        self.fills.append(fill)
        self._push(order, fill)

    def _push(self, order: AccountOrder, fill: AccountFill | None) -> None:
        self.orders[order.order_id] = order
        self.pushes.append(OrderNews(order, fill))

    def lists(self, look: Snapshot) -> None:
        look.add_orders(order for order in self.orders.values() if order.open)
        look.add_orders(
            order for order in self.orders.values() if not order.open and order.created_ms >= look.since_ms
        )

    def trades(self, look: Snapshot) -> None:
        look.add_fills(fill for fill in self.fills if fill.at_ms >= look.since_ms)

    def singles(self, account: MarketAccount, look: Snapshot) -> None:
        self._by_id(account, look)
        for ref in account.lost_fills(look):
            look.add_fills(fill for fill in self.fills if fill.order_id == ref.order_id)
            look.asked.discard(ref.order_id)
        self._by_id(account, look)

    def _by_id(self, account: MarketAccount, look: Snapshot) -> None:
        for ref in account.lost_orders(look):
            look.asked.add(ref.order_id)
            if ref.order_id in self.orders:
                look.add_orders([self.orders[ref.order_id]])
            else:
                look.not_found.add(ref.order_id)

    def look(self, account: MarketAccount) -> list[Change]:
        """A whole look in no time."""
        look = account.begin(self.now, self.now_ms)
        self.lists(look)
        self.trades(look)
        self.singles(account, look)
        return account.apply(look, self.now) + account.conclude(self.now)

    def settle(self, account: MarketAccount) -> list[Change]:
        """Looks until nothing is in doubt."""
        told: list[Change] = []
        for _ in range(6):
            self.now = max(self.now + 1, account.due)
            told += self.look(account)
            if account.state is AccountState.LIVE:
                break
        return told


def check(told: list[Change], exchange: Exchange, account: MarketAccount) -> None:
    """Every fill once, every order's last state, nothing backwards, nothing twice."""
    fills = [(change.fill.trade_id, change.fill.order_id) for change in told if isinstance(change, Filled)]
    assert len(fills) == len(set(fills))
    assert set(fills) == {(fill.trade_id, fill.order_id) for fill in exchange.fills}
    last: dict[str, AccountOrder] = {}
    for change in told:
        if isinstance(change, OrderChanged):
            order, before = change.order, last.get(change.order.order_id)
            if before is not None:
                assert order.filled >= before.filled
                assert not (before.status.final and not order.status.final)
                assert (order.status, order.filled) != (before.status, before.filled)
            last[order.order_id] = order
    assert {key: (order.status, order.filled) for key, order in last.items()} == {
        key: (order.status, order.filled) for key, order in exchange.orders.items()
    }
    assert {order.order_id for order in account.open_orders} == {
        order.order_id for order in exchange.orders.values() if order.open
    }
    gap, place, latest = (
        False,
        {fill.trade_id: at for at, fill in enumerate(exchange.fills)},
        dict[str, int](),
    )
    for change in told:
        if isinstance(change, Filled):  # in order per order, or a gap was announced
            at, order_id = place[change.fill.trade_id], change.fill.order_id
            assert gap or at > latest.get(order_id, -1)
            latest[order_id] = at
        if isinstance(change, AccountGap):
            assert not gap
            gap = True
        elif isinstance(change, Resynced) and change.live:
            gap = False
        elif isinstance(change, Filled | OrderChanged) and change.reconciled:
            assert gap


def _live(exchange: Exchange) -> MarketAccount:
    account = MarketAccount(Market.SPOT)
    exchange.settle(account)
    assert account.state is AccountState.LIVE
    return account


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["act", "act", "act", "wait", "lose", "back", "begin", "lists", "trades", "end", "fail", "look"]
        ),
        st.integers(0, 150),
        st.sampled_from(["push", "push", "push", "push", "drop", "twice", "late", "later"]),
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_P_any_mixture_of_news_and_looks_ends_in_the_truth(steps: list[tuple[str, int, str]]) -> None:
    """Pushes dropped, repeated, late or out of order, looks interrupted anywhere, the stream lost and back."""
    exchange = Exchange()
    account = _live(exchange)
    told: list[Change] = []
    late: list[OrderNews] = []
    look: Snapshot | None = None
    up = True
    for what, number, how in steps:
        exchange.now += 0.01
        if what == "act":
            exchange.act(number)
            news = exchange.pushes[-1]
            if how in ("late", "later"):
                late.insert(0 if how == "later" else len(late), news)
            for _ in range({"push": 1, "twice": 2}.get(how, 0) if up else 0):
                told += account.push(news, exchange.now)
        elif what == "wait":
            exchange.now += number
            while late and number % 2 and up:
                told += account.push(late.pop(), exchange.now)
        elif what == "lose":
            told += account.lost("cut")
            up = False
            late.clear()
        elif what == "back":
            account.back(exchange.now)
            up = True
        elif what == "look":
            exchange.now += number
            told += exchange.look(account)
        elif what == "begin":
            look = account.begin(exchange.now, exchange.now_ms)
        elif look is not None and what == "lists":
            exchange.lists(look)
        elif look is not None and what == "trades":
            exchange.trades(look)
        elif look is not None and what == "end":
            exchange.lists(look)
            exchange.trades(look)
            exchange.singles(account, look)
            told += account.apply(look, exchange.now) + account.conclude(exchange.now)
            look = None
        elif look is not None and what == "fail":
            told += account.failed(OSError("no"), exchange.now)
            look = None
    if not up:
        account.back(exchange.now)
    for news in late:
        told += account.push(news, exchange.now)
    told += exchange.settle(account)
    for news in exchange.pushes[-50:]:  # P2: replays change nothing
        assert account.push(news, exchange.now) == []
    assert account.state is AccountState.LIVE
    check(told, exchange, account)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=30), st.data())
def test_P7_a_cursor_taken_anywhere_loses_and_repeats_nothing(acts: list[int], data: st.DataObject) -> None:
    """Killed after any change, restarted from the cursor saved with it: each change is told once in all."""
    exchange = Exchange()
    exchange.act(0)
    exchange.act(7)
    before = list(exchange.fills)
    account, place = MarketAccount(Market.SPOT), Place()
    look = account.begin(exchange.now, exchange.now_ms)
    exchange.lists(look)
    exchange.trades(look)
    account.apply(look, exchange.now)
    place.begin(account)
    account.conclude(exchange.now)
    told: list[Change] = []
    for act in acts:
        exchange.now += 1
        exchange.act(act)
        if data.draw(st.booleans()):
            told += account.push(exchange.pushes[-1], exchange.now)
    exchange.now += 1
    told += exchange.settle(account)
    killed = data.draw(st.integers(0, len(told)))
    for change in told[:killed]:
        place.fold(change)
    place = Place.load(place.dump())
    second = MarketAccount(Market.SPOT)
    assert place.restore(second)
    rest = exchange.settle(second)
    fills = [c.fill.trade_id for c in told[:killed] + rest if isinstance(c, Filled)]
    assert sorted(fills) == sorted(fill.trade_id for fill in exchange.fills if fill not in before)
    state: dict[str, tuple[OrderStatus, Decimal]] = {}
    for change in told[:killed] + rest:
        if isinstance(change, OrderChanged):
            news = change.order.status, change.order.filled
            assert state.get(change.order.order_id) != news
            state[change.order.order_id] = news
    for order_id, (status, filled) in state.items():
        assert (status, filled) == (exchange.orders[order_id].status, exchange.orders[order_id].filled)
    assert {order.order_id for order in second.open_orders} == {
        order.order_id for order in exchange.orders.values() if order.open
    }


def test_P9_an_unknown_state_is_never_taken_for_a_known_one() -> None:
    """UNKNOWN with the raw word, told, and a look is asked for; a look that knows better mends it."""
    exchange = Exchange()
    account = _live(exchange)
    exchange.act(0)
    account.push(exchange.pushes[0], exchange.now)
    true = exchange.orders["o0"]
    weird = replace(true, status=OrderStatus.UNKNOWN, raw_state="99", updated_ms=exchange.now_ms + 5)
    told = account.push(OrderNews(weird, None), exchange.now)
    assert [type(change) for change in told] == [OrderChanged, UnknownState, AccountGap]
    assert account.state is AccountState.RESYNCING
    shown = account.find("own0")
    assert shown is not None
    assert (shown.status, shown.raw_state, shown.open) == (OrderStatus.UNKNOWN, "99", True)
    exchange.orders["o0"] = replace(weird)  # REST does not know better
    told = exchange.settle(account)
    assert account.state is AccountState.LIVE
    shown = account.find("o0")
    assert shown is not None
    assert shown.status is OrderStatus.UNKNOWN
    exchange.orders["o0"] = replace(true, status=OrderStatus.CANCELED, updated_ms=weird.updated_ms)
    exchange.settle(account)
    shown = account.find("o0")
    assert shown is not None
    assert shown.status is OrderStatus.CANCELED


def test_P9_an_order_that_vanished_is_gone_and_not_cancelled() -> None:
    """In no list, and its own query does not know it: looked for three times over five seconds, then GONE."""
    exchange = Exchange()
    account = _live(exchange)
    exchange.act(0)
    account.push(exchange.pushes[0], exchange.now)
    vanished = exchange.orders.pop("o0")
    began = exchange.now = exchange.now + 60
    told = exchange.look(account)
    assert [type(change) for change in told] == [AccountGap]
    for _ in range(2):
        assert account.state is AccountState.RESYNCING
        assert account.find("o0") == vanished
        exchange.now = account.due
        told = exchange.look(account)
    assert account.state is AccountState.LIVE
    assert exchange.now - began >= 5
    assert [type(change) for change in told] == [OrderChanged, UnknownState, Resynced]
    shown = account.find("o0")
    assert shown is not None
    assert (shown.status, shown.status.final, shown.open) == (OrderStatus.GONE, False, False)
    assert account.open_orders == []
    exchange.orders["o0"] = replace(vanished, updated_ms=exchange.now_ms)  # it was there after all
    account.push(OrderNews(exchange.orders["o0"], None), exchange.now)
    assert [order.status for order in account.open_orders] == [OrderStatus.NEW]


def test_fills_that_are_never_shown_are_told_missing_and_late_ones_still_count() -> None:
    """The order says it filled more than its fills: after three looks that is told; the account is LIVE again."""
    exchange = Exchange()
    account = _live(exchange)
    exchange.act(0)
    exchange.act(7)
    hidden = exchange.fills.pop()
    told = account.push(exchange.pushes[0], exchange.now)
    told += account.push(OrderNews(exchange.pushes[1].order, None), exchange.now)
    assert account.state is AccountState.RESYNCING
    while account.state is not AccountState.LIVE:
        exchange.now = max(exchange.now + 1, account.due)
        told += exchange.look(account)
    missing = [change for change in told if isinstance(change, FillsMissing)]
    assert [change.size for change in missing] == [hidden.size]
    exchange.fills.append(hidden)
    exchange.now += 60
    late = exchange.look(account)
    assert [type(change) for change in late] == [AccountGap, Filled, Resynced]
    exchange.now += 60
    assert [type(change) for change in exchange.look(account)] == [Resynced]


def test_more_orders_than_one_look_may_ask_for_all_get_their_turn() -> None:
    """Fifty open orders that no list shows, twenty questions a look: asked in turn, and the state is LIVE."""
    exchange = Exchange()
    account = _live(exchange)
    for _ in range(50):
        exchange.act(0)
        account.push(exchange.pushes[-1], exchange.now)
    exchange.now += 30
    account.doubt("a test")
    asked: list[str] = []
    for _ in range(5):
        look = account.begin(exchange.now, exchange.now_ms)
        exchange.trades(look)
        refs = account.lost_orders(look)
        look.cut = len(refs) > 20
        for ref in refs[:20]:
            look.asked.add(ref.order_id)
            asked.append(ref.order_id)
            look.add_orders([exchange.orders[ref.order_id]])
        told = account.apply(look, exchange.now) + account.conclude(exchange.now)
        if account.state is AccountState.LIVE:
            break
        exchange.now = account.due
    assert account.state is AccountState.LIVE
    assert sorted(asked) == sorted(exchange.orders)
    assert [type(change) for change in told] == [Resynced]
    exchange.now += 60  # a period later they are asked for again
    look = account.begin(exchange.now, exchange.now_ms)
    assert len(account.lost_orders(look)) == 50


def test_an_old_order_cancelled_in_a_gap_is_asked_for_again() -> None:
    """Asked for a moment before the gap, in no list since: what was true before the gap does not count."""
    exchange = Exchange()
    account = _live(exchange)
    exchange.act(0)
    account.push(exchange.pushes[0], exchange.now)
    for _ in range(4):  # its creation leaves the window
        exchange.now += 60
        exchange.look(account)
    look = account.begin(exchange.now, exchange.now_ms)  # no list shows it
    exchange.singles(account, look)
    assert look.asked == {"o0"}
    account.apply(look, exchange.now)
    account.conclude(exchange.now)
    exchange.now += 1
    account.lost("cut")
    exchange.act(0 + 5)
    account.back(exchange.now)
    exchange.now += 1
    told = exchange.look(account)
    assert [type(change) for change in told] == [OrderChanged, Resynced]
    assert account.open_orders == []


def test_a_fill_under_another_id_is_not_counted_twice() -> None:
    """REST and stream disagree about a trade's id: the order's filled size decides, once."""
    exchange = Exchange()
    account = _live(exchange)
    exchange.act(0)
    exchange.act(7)
    told = [change for news in exchange.pushes for change in account.push(news, exchange.now)]
    assert len([change for change in told if isinstance(change, Filled)]) == 1
    exchange.fills[0] = replace(exchange.fills[0], trade_id="another")
    exchange.now += 60
    assert [type(change) for change in exchange.look(account)] == [Resynced]
    assert account.repeated == 1


def test_P6_failures_back_off_and_never_claim_health() -> None:
    """RESYNCING as long as REST fails, each failure told with its wait; pushes still come through."""
    exchange = Exchange()
    account = _live(exchange)
    told = account.doubt("a test")
    waits = []
    for number in range(8):
        account.begin(exchange.now, exchange.now_ms)
        exchange.act(0)
        assert account.push(exchange.pushes[-1], exchange.now) == []
        failed = account.failed(OSError("no"), exchange.now)
        assert [type(change) for change in failed] == [OrderChanged, ResyncFailed]
        assert account.state is AccountState.RESYNCING
        waits.append(failed[-1].retry_in)  # type: ignore[attr-defined]
        assert account.due == exchange.now + waits[-1]
        exchange.now = account.due
        told += failed
        assert number < 8
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    told += exchange.look(account)
    assert account.state is AccountState.LIVE
    check(told, exchange, account)


def test_checks_that_keep_failing_end_the_claim_of_health() -> None:
    """A failed check alone is told; without any check for two periods the state is no longer LIVE."""
    exchange = Exchange()
    account = _live(exchange)
    exchange.now += 60
    told = account.failed(OSError("no"), exchange.now)
    assert account.state is AccountState.LIVE
    assert [type(change) for change in told] == [ResyncFailed]
    exchange.now += 61
    account.begin(exchange.now, exchange.now_ms)
    told = account.failed(OSError("no"), exchange.now)
    assert [type(change) for change in told] == [AccountGap, ResyncFailed]
    assert account.state is AccountState.RESYNCING


def test_P2_memory_is_bounded() -> None:
    """Fills, finished orders and their ids are kept up to stated numbers; what is forgotten is not told anew."""
    exchange = Exchange()
    account = MarketAccount(Market.SPOT, keep=50)
    exchange.settle(account)
    for number in range(KEPT_KEYS + 500):
        order = order_of(number, filled=Decimal(10), status=OrderStatus.FILLED)
        account.push(OrderNews(order, fill_of(order, f"t{number}", 10, START_MS)), exchange.now)
    assert len(account.fills) == 50
    assert len(account.told_fills) == KEPT_KEYS
    assert len(account.entries()) == 50
    assert len(account._orders._ended) <= KEPT_KEYS
    assert len(account._orders._own_ids) <= 50
    old = order_of(KEPT_KEYS, filled=Decimal(10), status=OrderStatus.FILLED)
    assert account.push(OrderNews(old, fill_of(old, f"t{KEPT_KEYS}", 10, START_MS)), exchange.now) == []
