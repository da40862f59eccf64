"""A random walk over everything that moves money: nothing appears, nothing vanishes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from bitmart_async.sandbox.algo import AlgoTicket
from bitmart_async.sandbox.clock import Clock
from bitmart_async.sandbox.contract_orders import ContractTicket
from bitmart_async.sandbox.earn import REINVESTMENTS
from bitmart_async.sandbox.earn_products import FIXED, FLEXIBLE
from bitmart_async.sandbox.exchange import Exchange
from bitmart_async.sandbox.ledger import EXCHANGE, LENDING
from bitmart_async.sandbox.market import SeededMarket
from bitmart_async.sandbox.networks import NETWORKS
from bitmart_async.sandbox.plan_orders import PlanOrder
from bitmart_async.sandbox.refusals import Refusal
from bitmart_async.sandbox.spot_orders import SpotTicket
from bitmart_async.sandbox.wallets import margin_wallet

if TYPE_CHECKING:
    from collections.abc import Callable

PAIR, CONTRACT, COIN = "BTC_USDT", "BTCUSDT", 10**8
STEPS = st.lists(
    st.tuples(st.sampled_from([*range(13), 5, 11, 12]), st.integers(1, 40_000), st.integers(0, 7)),
    min_size=1,
    max_size=14,
)
WALLETS = ("spot", "futures", "fund")
BEGINNING = ((4, 40_000, 1), (4, 20_000, 0), (5, 3_000, 1), (8, 900, 0), (0, 40_000, 1), (2, 50, 0))
"""Coins and a loan in the margin wallet, a long position, a withdrawal, so that more can happen."""


@dataclass
class Walk:
    """Each method is one kind of step, with a size and a choice."""

    exchange: Exchange
    market: SeededMarket
    count: int = 0

    @property
    def now(self) -> int:
        return self.exchange.now_ms()

    def transfer(self, size: int, choice: int) -> None:
        coin = "USDT" if choice % 2 else "BTC"
        way = (WALLETS[choice % 3], WALLETS[(choice + 1 + choice // 3 % 2) % 3])
        self.exchange.transfers.between_wallets(
            self.exchange.default.uid, coin, size * COIN // 100, way, self.now
        )

    def family(self, size: int, choice: int) -> None:
        accounts = self.exchange.accounts
        people = [self.exchange.default, *accounts.subs(self.exchange.default.uid)]
        source, target = people[choice % 3], people[(choice + 1) % 3]
        self.exchange.transfers.between_accounts(
            source,
            target,
            "spot" if choice < 4 else "futures",
            "USDT",
            size * COIN // 10,
            caller=source.uid,
            request_no=str(self.count),
            now_ms=self.now,
        )

    def withdraw(self, size: int, choice: int) -> None:
        self.exchange.funding.withdraw(
            self.exchange.default.uid,
            NETWORKS[3],
            size * COIN,
            address="x",
            receiver=1_002 if choice % 2 else None,
            wallets=("spot", "fund"),
            now_ms=self.now,
        )

    def deposit(self, size: int, choice: int) -> None:
        self.exchange.funding.deposit(self.exchange.default.uid, NETWORKS[choice % 5], size, self.now)

    def margin_transfer(self, size: int, choice: int) -> None:
        coin, amount = ("USDT", size * COIN // 10) if choice % 2 else ("BTC", size * COIN // 40_000)
        self.exchange.margin.transfer(
            self.exchange.default.uid, PAIR, coin, amount, inwards=choice < 5, now_ms=self.now
        )

    def borrow(self, size: int, choice: int) -> None:
        coin, amount = ("USDT", size * COIN) if choice % 2 else ("BTC", size * COIN // 20_000)
        desk, uid = self.exchange.margin, self.exchange.default.uid
        if choice < 4:
            desk.borrow(uid, PAIR, coin, amount, self.now)
        else:
            desk.repay(uid, PAIR, coin, min(amount, desk.debt(uid, PAIR, coin, self.now).total), self.now)

    def margin_order(self, size: int, choice: int) -> None:
        self.exchange.spot.submit(
            self.exchange.default,
            SpotTicket(
                symbol=PAIR,
                side="buy" if choice % 2 else "sell",
                type="limit",
                size=Decimal(size).scaleb(-6).quantize(Decimal("1e-5")),
                price=Decimal(63_900 + 50 * choice),
                wallet=margin_wallet(PAIR),
            ),
            self.now,
        )

    def algo(self, size: int, choice: int) -> None:
        self.exchange.algo.submit(
            self.exchange.default,
            AlgoTicket(
                symbol=PAIR,
                side="buy" if choice % 2 else "sell",
                kind="trigger",
                trigger_type="limit",
                trigger_price=Decimal(63_700 + 100 * choice),
                price=Decimal(64_000),
                size=Decimal("0.01"),
                notional=None,
                client_order_id="",
            ),
            self.now,
        )

    def position(self, size: int, choice: int) -> None:
        self.exchange.futures.submit(
            self.exchange.default,
            ContractTicket(symbol=CONTRACT, side=1 + choice % 4, type="market", size=1 + size // 100),
            self.now,
        )

    def plan(self, size: int, choice: int) -> None:
        kind = ("plan", "take_profit", "stop_loss", "trailing")[choice % 4]
        self.exchange.plans.submit(
            PlanOrder(
                order_id=0,
                client_order_id="",
                account=self.exchange.default,
                symbol=CONTRACT,
                kind=kind,
                side=2 + choice // 4 if kind != "plan" else 1 + 3 * (choice // 4),
                execution="market",
                size=1 + size // 500,
                leverage=10,
                open_type="cross",
                position_mode="one_way_mode",
                price_type=1,
                price_way=1 + choice % 2,
                trigger=640_000 + (choice - 4) * 500,
                callback_ppm=1_000,
                created=self.now,
                updated=self.now,
            )
        )

    def save(self, size: int, choice: int) -> None:
        earn, uid = self.exchange.earn, self.exchange.default.uid
        number = f"{self.count:020d}"
        held = [*earn.positions(uid, fixed=False), *earn.positions(uid, fixed=True)]
        if choice > 5 and held:
            earn.redeem(held[0], None, request_no=number, now_ms=self.now)
        else:
            product = [*FLEXIBLE.values(), *FIXED.values()][choice % 4]
            earn.subscribe(
                uid,
                product,
                size * COIN // 10,
                request_no=number,
                now_ms=self.now,
                reinvest=REINVESTMENTS[choice % 3],
            )

    def time(self, size: int, choice: int) -> None:
        self.exchange.clock.skew_ms += (size * 1_000, size * 100_000)[choice % 2]

    def price(self, size: int, choice: int) -> None:
        if choice % 2:
            self.market.print_at(CONTRACT, 640_000 + (size - 20_000) // 8)
        else:
            self.market.print_at(PAIR, 6_400_000 + (size - 20_000) * 2)

    def step(self, kind: int, size: int, choice: int) -> None:
        self.count += 1
        kinds: list[Callable[[int, int], None]] = [
            self.transfer,
            self.family,
            self.withdraw,
            self.deposit,
            self.margin_transfer,
            self.borrow,
            self.margin_order,
            self.algo,
            self.position,
            self.plan,
            self.save,
            self.time,
            self.price,
        ]
        with contextlib.suppress(Refusal):
            kinds[kind](size, choice)
        self.exchange.advance(self.now)


def check(exchange: Exchange) -> None:
    """Sums are zero, no customer owes, and what is set aside is what orders, loans and savings say."""
    ledger, uid, now = exchange.ledger, exchange.default.uid, exchange.now_ms()
    wallet = margin_wallet(PAIR)
    for coin in ("USDT", "BTC", "ETH"):
        assert ledger.total(coin) == 0
        lent = sum(loan.principal for loan in exchange.margin.loans(uid, PAIR, now) if loan.coin == coin)
        assert ledger.held(LENDING, coin) == -lent
        saved = sum(
            row.amount
            for fixed in (False, True)
            for row in exchange.earn.positions(uid, fixed=fixed)
            if row.product.coin == coin
        )
        assert ledger.balance(uid, "earn", coin).available == saved
        frozen = sum(
            order.frozen
            for order in exchange.spot.open_orders(uid)
            if order.wallet == wallet and (coin == "USDT") == (order.side == "buy")
        )
        assert coin == "ETH" or ledger.balance(uid, wallet, coin).frozen == frozen
    for pocket, coin, held in ledger:
        assert held >= 0 or pocket.owner == EXCHANGE, (pocket, coin, held)
    under_way = [row for row in exchange.funding.movements(uid, deposits=False) if row.status < 3]
    spot_frozen = sum(
        order.frozen
        for order in exchange.spot.open_orders(uid)
        if order.wallet == "spot" and order.side == "buy"
    )
    held_back = sum(ledger.balance(uid, name, "USDT").frozen for name in ("spot", "fund"))
    assert held_back == spot_frozen + sum(row.amount for row in under_way)
    futures = ledger.balance(uid, "futures", "USDT")
    assert futures.frozen == sum(order.frozen for order in exchange.futures.open_orders(uid))
    assert futures.margin == sum(position.margin for position in exchange.futures.positions(uid))


@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_all_desks_conserve(steps: list[tuple[int, int, int]]) -> None:
    """Transfers, withdrawals, loans, savings, triggers and the passing of time leave the books balanced."""
    exchange = Exchange(seed=9, clock=Clock())
    walk = Walk(exchange, SeededMarket(exchange, 9))
    for kind, size, choice in BEGINNING:
        walk.step(kind, size, choice)
    for kind, size, choice in steps:
        walk.step(kind, size, choice)
        check(exchange)
