"""The matching book keeps its three promises, whatever comes in."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bitmart_async.sandbox.matching import Fill, MatchingBook, Side, Stop, Stp, Tif

ORDERS = st.lists(
    st.fixed_dictionaries(
        {
            "side": st.sampled_from(Side),
            "price": st.one_of(st.none(), st.integers(95, 105)),
            "size": st.integers(1, 9),
            "owner": st.integers(1, 3),
            "tif": st.sampled_from(Tif),
            "stp": st.sampled_from(Stp),
            "cancel": st.integers(0, 40),
        }
    ),
    max_size=60,
)


@dataclass
class Model:
    """A slow and obvious matcher: one list in order of arrival."""

    waiting: list[list[int]] = field(default_factory=list)  # [id, owner, is_buy, price, size]

    def best(self, side: Side) -> list[int] | None:
        mine = [row for row in self.waiting if bool(row[2]) == (side is Side.BUY)]
        return min(mine, key=lambda r: -r[3] if r[2] else r[3], default=None)

    def run(self, order_id: int, owner: int, side: Side, price: int | None, size: int) -> list[Fill]:
        fills: list[Fill] = []
        while size:
            row = self.best(side.opposite)
            if row is None:
                break
            if price is not None and (row[3] > price if side is Side.BUY else row[3] < price):
                break
            lots = min(size, row[4])
            fills.append(Fill(row[0], order_id, row[3], lots))
            size -= lots
            row[4] -= lots
            if not row[4]:
                self.waiting.remove(row)
        if size and price is not None:
            self.waiting.append([order_id, owner, side is Side.BUY, price, size])
        return fills


@settings(max_examples=150, deadline=None)
@given(ORDERS)
def test_it_agrees_with_an_obvious_matcher(orders: list[dict[str, object]]) -> None:
    """Plain orders fill at the same prices, in the same order, as in a matcher too simple to be wrong."""
    book, model = MatchingBook(), Model()
    for number, row in enumerate(orders, 1):
        side, price, size, owner = row["side"], row["price"], row["size"], row["owner"]
        assert isinstance(side, Side)
        outcome = book.submit(number, owner, side, price=price, size=size)  # type: ignore[arg-type]
        assert outcome.fills == model.run(number, owner, side, price, size)  # type: ignore[arg-type]
        cancel = row["cancel"]
        assert (book.cancel(cancel) is not None) == any(r[0] == cancel for r in model.waiting)  # type: ignore[arg-type]
        model.waiting = [r for r in model.waiting if r[0] != cancel]
    assert sorted(order.order_id for order in book) == sorted(row[0] for row in model.waiting)


@settings(max_examples=150, deadline=None)
@given(ORDERS)
def test_never_crossed_and_nothing_lost(orders: list[dict[str, object]]) -> None:
    """After every order the book is uncrossed, and asked = filled + resting + left over."""
    book = MatchingBook()
    for number, row in enumerate(orders, 1):
        side, price, size, tif, stp = row["side"], row["price"], row["size"], row["tif"], row["stp"]
        assert isinstance(side, Side)
        assert isinstance(size, int)
        before = sum(order.size for order in book)
        outcome = book.submit(number, row["owner"], side, price=price, size=size, tif=tif, stp=stp)  # type: ignore[arg-type]
        filled = sum(fill.size for fill in outcome.fills)
        assert filled + outcome.rested + outcome.left == size
        removed = sum(order.size for order in outcome.removed)
        assert sum(order.size for order in book) == before - filled - removed + outcome.rested
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
        if tif is Tif.FOK:
            assert filled in (0, size)
        if tif is Tif.POST_ONLY:
            assert not filled
        if outcome.rested:
            assert tif in (Tif.GTC, Tif.POST_ONLY)
        for which in Side:
            levels = book.levels(which)
            assert levels == sorted(levels, reverse=which is Side.BUY)
            assert all(lots > 0 for _, lots in levels)


def test_the_older_order_is_first() -> None:
    """Among equal prices the one that came first is filled first."""
    book = MatchingBook()
    for number in (1, 2, 3):
        book.submit(number, 1, Side.SELL, price=100, size=5)
    outcome = book.submit(4, 2, Side.BUY, price=100, size=8)
    assert outcome.fills == [Fill(1, 4, 100, 5), Fill(2, 4, 100, 3)]


def test_a_smaller_size_keeps_the_place() -> None:
    """An order made smaller stays where it is in the queue."""
    book = MatchingBook()
    book.submit(1, 1, Side.SELL, price=100, size=5)
    book.submit(2, 1, Side.SELL, price=100, size=5)
    assert book.shrink(1, 2)
    assert book.submit(3, 2, Side.BUY, price=100, size=3).fills == [Fill(1, 3, 100, 2), Fill(2, 3, 100, 1)]


def test_a_budget_buys_whole_lots_only() -> None:
    """A budget is spent as far as it buys whole lots; the rest is left."""
    book = MatchingBook()
    book.submit(1, 1, Side.SELL, price=30, size=2)
    book.submit(2, 1, Side.SELL, price=40, size=9)
    outcome = book.submit(3, 2, Side.BUY, budget=150)
    assert outcome.fills == [Fill(1, 3, 30, 2), Fill(2, 3, 40, 2)]
    assert (outcome.left, outcome.stop) == (10, Stop.LIQUIDITY)


def test_nobody_trades_with_himself_who_forbids_it() -> None:
    """Each mode of self-trade prevention takes out whom it says."""
    for stp, maker_stays, taker_rests in (
        (Stp.CANCEL_MAKER, False, True),
        (Stp.CANCEL_TAKER, True, False),
        (Stp.CANCEL_BOTH, False, False),
    ):
        book = MatchingBook()
        book.submit(1, 1, Side.SELL, price=100, size=5)
        outcome = book.submit(2, 1, Side.BUY, price=100, size=5, stp=stp)
        assert not outcome.fills
        assert (book.get(1) is not None, book.get(2) is not None) == (maker_stays, taker_rests)
