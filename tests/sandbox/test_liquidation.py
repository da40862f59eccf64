"""Funding and liquidation: who pays whom, what is closed, and what the account is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox.contract_orders import ContractOrder, ContractTicket
from bitmart_async.sandbox.events import ContractOrderChanged, Event
from bitmart_async.sandbox.exchange import Exchange
from bitmart_async.sandbox.futures import Setting
from bitmart_async.sandbox.ledger import CLEARING
from bitmart_async.sandbox.listing import CONTRACTS
from bitmart_async.sandbox.market import SeededMarket
from bitmart_async.sandbox.matching import Side
from bitmart_async.sandbox.positions import Position
from bitmart_async.sandbox.premium import PLACES, FundingMeter
from bitmart_async.sandbox.wallets import free

if TYPE_CHECKING:
    from bitmart_async.sandbox.rules import ContractRules

ATOM = 10**8
HOUR_MS = 3_600_000
BTCUSDT = next(rules for rules in CONTRACTS if rules.symbol == "BTCUSDT")
BTCUSD = next(rules for rules in CONTRACTS if rules.symbol == "BTCUSD")


@dataclass
class Desk:
    """An exchange with a still book, and what its default account does and hears."""

    exchange: Exchange = field(default_factory=lambda: Exchange(seed=2, symbols=["BTCUSDT", "BTCUSD"]))
    actions: list[int] = field(default_factory=list[int])

    def __post_init__(self) -> None:
        self.market = SeededMarket(self.exchange, 2)
        self.exchange.listen(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, ContractOrderChanged):
            self.actions.append(event.action)

    @property
    def uid(self) -> int:
        return self.exchange.default.uid

    def trade(
        self, side: int, size: int, *, symbol: str = "BTCUSDT", leverage: int = 10, mode: str = "isolated"
    ) -> ContractOrder:
        futures = self.exchange.futures
        if side in (1, 4) and not futures.positions(self.uid):
            futures.set_leverage(self.uid, symbol, Setting(leverage, mode))
        return futures.submit(
            self.exchange.default,
            ContractTicket(symbol=symbol, side=side, type="market", size=size),
            self.exchange.now_ms(),
        )

    def price(self, ticks: int, symbol: str = "BTCUSDT") -> None:
        self.market.print_at(symbol, ticks)
        self.exchange.advance(self.exchange.now_ms())

    def held(self, coin: str = "USDT") -> int:
        return sum(self.exchange.ledger.balance(self.uid, "futures", coin))

    def flows(self, kind: int) -> list[int]:
        return [flow.amount for flow in self.exchange.futures.flows(self.uid) if flow.kind == kind]

    def later(self, ms: int) -> None:
        self.exchange.clock.skew_ms += ms
        self.exchange.advance(self.exchange.now_ms())


def test_the_rate_is_held_near_interest_and_within_the_cap() -> None:
    """Without a premium it is the interest; a premium shows through, pulled by 0.05 %; the cap ends it."""
    for premium, rate in ((0, 1_000), (8_000, 3_000), (-8_000, -3_000), (10_000_000, 375_000)):
        meter = FundingMeter(BTCUSDT, 0)
        meter.note(10_000_000 + premium, 10_000_000, 0)
        assert meter.expected == rate * 10 ** (PLACES - 7), premium
    assert meter.settle(8 * HOUR_MS - 1) is None
    settlement = meter.settle(8 * HOUR_MS)
    assert settlement is not None
    assert meter.last == settlement.rate
    assert meter.settle(8 * HOUR_MS) is None


@pytest.mark.parametrize("side", [1, 4])
def test_funding_is_paid_at_its_time(side: int) -> None:
    """At a settlement longs pay shorts the rate on the value at the mark price, once; others get it."""
    desk = Desk()
    desk.trade(side, 500)
    market = desk.exchange.futures.markets["BTCUSDT"]
    before, clearing = desk.held(), desk.exchange.ledger.held(CLEARING, "USDT")
    desk.later(market.funding.next_ms - desk.exchange.now_ms() + 10)
    value = BTCUSDT.value_at(market.mark, 500)
    assert market.funding.last > 0
    paid = -value * market.funding.last / 10**PLACES * (1 if side == 1 else -1)
    assert abs(desk.held() - before - paid) <= 1
    assert desk.flows(3) == [desk.held() - before]
    assert 0 <= desk.exchange.ledger.held(CLEARING, "USDT") - clearing <= 3
    desk.later(HOUR_MS)
    assert len(desk.flows(3)) == 1
    desk.later(3 * 8 * HOUR_MS)
    assert len(desk.flows(3)) == 4


def test_an_isolated_position_is_taken_over_and_costs_its_margin() -> None:
    """Past its liquidation price it is gone with its margin and nothing else; orders on it are cancelled."""
    desk = Desk()
    desk.trade(1, 500, leverage=20)
    position = desk.exchange.futures.position(desk.uid, "BTCUSDT", "both")
    margin, before = position.margin, desk.held()
    at = position.liquidation_price(BTCUSDT, 0)
    order = desk.exchange.futures.submit(
        desk.exchange.default,
        ContractTicket(symbol="BTCUSDT", side=3, type="limit", size=100, price=Decimal(70_000)),
        desk.exchange.now_ms(),
    )
    desk.actions.clear()
    desk.price(at + 100)
    assert position.volume == 500
    desk.price(at - 100)
    assert (position.volume, position.margin, order.is_open) == (0, 0, False)
    assert before - desk.held() == margin
    assert desk.actions == [4, 7]
    taken = desk.exchange.futures.orders(desk.uid)[-1]
    assert (taken.type, taken.state, taken.side, taken.filled) == ("bankruptcy", 4, 3, 500)
    assert sum(desk.flows(2)) + sum(desk.flows(5)) == -margin
    assert -ATOM < sum(desk.flows(5)) <= 0  # what rounding to a tick left


def test_a_big_position_is_first_made_smaller() -> None:
    """Above the lowest bracket the desk closes down to the bracket below, in the book."""
    desk = Desk()
    desk.exchange.ledger.issue("USDT", 10**6 * ATOM, free(desk.uid, "futures"))
    desk.trade(1, 12_000, leverage=50)
    position = desk.exchange.futures.position(desk.uid, "BTCUSDT", "both")
    assert BTCUSDT.tier(position.cost).number == 2
    desk.actions.clear()
    desk.price(position.liquidation_price(BTCUSDT, 0) - 5)
    assert 6 in desk.actions
    kinds = [order.type for order in desk.exchange.futures.orders(desk.uid)]
    assert "liquidate" in kinds
    market = desk.exchange.futures.markets["BTCUSDT"]
    if position.volume:
        assert BTCUSDT.tier(position.worth(BTCUSDT, market.mark)).number == 1


def test_cross_positions_stand_together() -> None:
    """In cross mode the whole balance of the coin stands behind, and all of it goes."""
    desk = Desk()
    desk.trade(1, 7_000, leverage=20, mode="cross")
    position = desk.exchange.futures.position(desk.uid, "BTCUSDT", "both")
    spare = desk.exchange.futures.spare(position)
    at = position.liquidation_price(BTCUSDT, spare)
    assert at < position.liquidation_price(BTCUSDT, 0)
    desk.price(at + 300)
    assert position.volume == 7_000
    desk.price(at - 300)
    assert position.volume == 0
    assert desk.held() == 0
    assert desk.held("BTC") == ATOM


def test_an_inverse_contract_pays_in_its_coin() -> None:
    """A long of 640 contracts of 100 dollars gains 64000 x (1/entry - 1/exit) BTC, and is liquidated too."""
    desk = Desk()
    desk.trade(1, 640, symbol="BTCUSD", leverage=10)
    position = desk.exchange.futures.position(desk.uid, "BTCUSD", "both")
    entry = Decimal(64_000 * ATOM) / position.cost
    before = desk.held("BTC")
    desk.price(66_000_0, "BTCUSD")
    done = desk.trade(3, 640, symbol="BTCUSD")
    leave = Decimal(64_000 * ATOM) / done.filled_value
    gain = 64_000 * (1 / entry - 1 / leave) * ATOM
    fee = BTCUSD.value(66_000_0, 640) * 600 // 1_000_000
    assert gain > 0
    assert abs(desk.held("BTC") - before - (gain - fee)) < 20_000
    assert desk.held() == 50_000 * ATOM
    desk.trade(4, 640, symbol="BTCUSD", leverage=50)
    at = position.liquidation_price(BTCUSD, 0)
    assert position.direction is Side.SELL
    assert at > position.liquidation_price(BTCUSD, -position.margin // 2)
    desk.price(at + 200, "BTCUSD")
    assert position.volume == 0


@pytest.mark.parametrize("known", [BTCUSDT, BTCUSD], ids=["linear", "inverse"])
@pytest.mark.parametrize("direction", list(Side))
@pytest.mark.parametrize("leverage", [2, 10, 50])
def test_the_bankruptcy_price_loses_the_margin_and_no_more(
    known: ContractRules, direction: Side, leverage: int
) -> None:
    """At that tick the loss is within the margin, one tick further it is not."""
    position = Position(uid=1, symbol=known.symbol, leg="both", direction=direction)
    cost = known.value(640_002, 777)
    position.open(known, direction, 1, price=640_002, size=777, margin=cost // leverage)
    price = position.bankruptcy_price(known, position.margin)
    step = -1 if direction is Side.BUY else 1
    losses = []
    for at in (price, price + step):
        gain = known.gain(cost, known.value(at, 777))
        losses.append(gain if direction is Side.SELL else -gain)
    assert losses[0] <= position.margin < losses[1]


def test_leverage_ends_where_the_bracket_does() -> None:
    """A position larger than the leverage's bracket allows is refused."""
    desk = Desk()
    desk.exchange.ledger.issue("USDT", 10**6 * ATOM, free(desk.uid, "futures"))
    with pytest.raises(Exception, match="40029"):
        desk.trade(1, 12_000, leverage=100)
    assert desk.trade(1, 7_000, leverage=100).filled == 7_000


@pytest.mark.asyncio
async def test_the_price_shown_for_a_cross_position_knows_the_others() -> None:
    """Liquidation of two cross positions of one coin comes at the price shown, not before: what the other
    one has lost, and needs itself, is counted."""
    desk = Desk(Exchange(seed=2, symbols=["BTCUSDT", "ETHUSDT"]))
    futures = desk.exchange.futures
    ether = futures.markets["ETHUSDT"]
    desk.trade(1, 2_000, leverage=20, mode="cross")
    futures.set_leverage(desk.uid, "ETHUSDT", Setting(20, "cross"))
    desk.trade(1, 100_000_000 // ether.rules.start_price * 10, symbol="ETHUSDT")
    bitcoin = futures.position(desk.uid, "BTCUSDT", "both")
    spare = desk.exchange.ledger.held(free(desk.uid, "futures"), "USDT")
    alone = bitcoin.liquidation_price(BTCUSDT, spare)
    desk.price(ether.rules.start_price * 97 // 100, "ETHUSDT")
    at = bitcoin.liquidation_price(BTCUSDT, futures.spare(bitcoin))
    assert abs(at - alone) > 300
    desk.actions.clear()
    desk.price(at + 100)
    assert desk.actions == []
    desk.price(at - 100)
    assert {6, 7} & set(desk.actions)
