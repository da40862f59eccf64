"""Nothing appears and nothing vanishes, in the ledger and in whole exchanges full of orders."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmart_async.sandbox.contract_orders import ContractTicket
from bitmart_async.sandbox.exchange import CROWD, HOUSE, Exchange
from bitmart_async.sandbox.ledger import EXCHANGE, FEES, TREASURY, Ledger, Overdrawn, Pocket
from bitmart_async.sandbox.market import SeededMarket
from bitmart_async.sandbox.refusals import Refusal
from bitmart_async.sandbox.spot_orders import SpotTicket

MOVES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 500)), max_size=50)
POCKETS = [
    TREASURY,
    FEES,
    Pocket(1, "spot", "available"),
    Pocket(1, "spot", "frozen"),
    Pocket(2, "spot", "available"),
]


@given(MOVES)
def test_the_ledger_sums_to_zero(moves: list[tuple[int, int, int]]) -> None:
    """Whatever is moved, the sum over all pockets is zero and only the treasury owes."""
    ledger = Ledger()
    for source, target, amount in moves:
        with contextlib.suppress(Overdrawn):
            ledger.move("USDT", amount, POCKETS[source], POCKETS[target])
        assert ledger.total("USDT") == 0
        assert all(held >= 0 for pocket, _, held in ledger if pocket != TREASURY)


def test_an_overdrawn_pocket_keeps_what_it_has() -> None:
    """A movement that cannot be paid changes nothing and says what was missing."""
    ledger = Ledger()
    ledger.issue("USDT", 5, POCKETS[2])
    with pytest.raises(Overdrawn, match="5 atoms of USDT, 6 were wanted"):
        ledger.move("USDT", 6, POCKETS[2], POCKETS[3])
    assert ledger.held(POCKETS[2], "USDT") == 5
    with pytest.raises(ValueError, match="never negative"):
        ledger.move("USDT", -1, POCKETS[2], POCKETS[3])


SPOT = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["buy", "sell"]),
        "type": st.sampled_from(["limit", "market", "limit_maker", "ioc"]),
        "price": st.integers(63_990, 64_010),
        "size": st.integers(1, 300_000),
        "cancel": st.booleans(),
    }
)
CONTRACTS = st.fixed_dictionaries(
    {
        "side": st.integers(1, 4),
        "type": st.sampled_from(["limit", "market"]),
        "mode": st.integers(1, 4),
        "price": st.integers(63_990, 64_010),
        "size": st.integers(1, 5_000),
        "cancel": st.booleans(),
        "hedge": st.booleans(),
        "act": st.booleans(),
    }
)


def check(exchange: Exchange) -> None:
    """Sums are zero, nobody owes, and what is frozen or margin is what orders and positions hold."""
    ledger, spot, futures = exchange.ledger, exchange.spot, exchange.futures
    for coin in ("USDT", "BTC"):
        assert ledger.total(coin) == 0
    assert all(held >= 0 for pocket, _, held in ledger if pocket.owner != EXCHANGE)
    for uid in (HOUSE, CROWD, exchange.default.uid):
        frozen = {"USDT": 0, "BTC": 0}
        for order in spot.open_orders(uid):
            frozen["USDT" if order.side == "buy" else "BTC"] += order.frozen
        for coin, amount in frozen.items():
            assert ledger.balance(uid, "spot", coin).frozen == amount
        held = ledger.balance(uid, "futures", "USDT")
        assert held.frozen == sum(order.frozen for order in futures.open_orders(uid))
        assert held.margin == sum(position.margin for position in futures.positions(uid))
        for leg in ("long", "short", "both"):
            position = futures.position(uid, "BTCUSDT", leg)
            assert 0 <= position.frozen <= position.volume
    longs = sum(
        (1 if p.direction == "buy" else -1) * p.volume
        for uid in (HOUSE, CROWD, exchange.default.uid)
        for p in futures.positions(uid)
    )
    assert longs == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(SPOT, max_size=12))
def test_spot_trading_conserves(rows: list[dict[str, object]]) -> None:
    """Spot orders of every kind, accepted or refused, leave the books balanced and the freezes exact."""
    exchange = Exchange(seed=7)
    market = SeededMarket(exchange, 7)
    for row in rows:
        size, price = Decimal(str(row["size"])).scaleb(-5), Decimal(str(row["price"]))
        buys_at_market = row["type"] == "market" and row["side"] == "buy"
        with contextlib.suppress(Refusal):
            order = exchange.spot.submit(
                exchange.default,
                SpotTicket(
                    symbol="BTC_USDT",
                    side=str(row["side"]),
                    type=str(row["type"]),
                    size=None if buys_at_market else size,
                    price=price,
                    notional=(size * price).quantize(Decimal("1e-8")) if buys_at_market else None,
                ),
                exchange.now_ms(),
            )
            if row["cancel"] and order.is_open:
                exchange.spot.cancel(order, exchange.now_ms())
        market.act()
        check(exchange)


@settings(max_examples=40, deadline=None)
@given(st.lists(CONTRACTS, max_size=12))
def test_futures_trading_conserves(rows: list[dict[str, object]]) -> None:
    """Futures orders in both modes leave the books balanced, margins exact and open interest even."""
    exchange = Exchange(seed=8)
    market = SeededMarket(exchange, 8)
    futures, account = exchange.futures, exchange.default
    for row in rows:
        with contextlib.suppress(Refusal):
            futures.set_position_mode(account.uid, "hedge_mode" if row["hedge"] else "one_way_mode")
        with contextlib.suppress(Refusal):
            order = futures.submit(
                account,
                ContractTicket(
                    symbol="BTCUSDT",
                    side=int(str(row["side"])),
                    type=str(row["type"]),
                    size=int(str(row["size"])),
                    mode=int(str(row["mode"])),
                    price=Decimal(str(row["price"])),
                ),
                exchange.now_ms(),
            )
            if row["cancel"] and order.is_open:
                futures.cancel(order, exchange.now_ms())
        if row["act"]:
            market.act()
        check(exchange)


def test_the_same_seed_gives_the_same_market() -> None:
    """Two exchanges with one seed trade the same prices and sizes; another seed does not."""
    runs: list[list[tuple[int, int]]] = []
    for seed in (5, 5, 6):
        exchange = Exchange(seed=seed)
        market = SeededMarket(exchange, seed)
        for _ in range(60):
            market.act()
        check(exchange)
        runs.append([(deal.price, deal.size) for deal in exchange.futures.markets["BTCUSDT"].trades])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert len(runs[0]) > 5
