"""Several accounts do at random whatever an account can do, in both markets, while prices jump and time
passes; after every step the books of the whole exchange are audited."""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bitmart_async.sandbox.clock import Clock
from bitmart_async.sandbox.contract_orders import ContractTicket
from bitmart_async.sandbox.earn_products import FIXED, FLEXIBLE
from bitmart_async.sandbox.exchange import CROWD, DESK, HOUSE, Exchange
from bitmart_async.sandbox.futures import REALISED, ContractMarket, Setting
from bitmart_async.sandbox.ledger import CLEARING, EXCHANGE, LENDING
from bitmart_async.sandbox.market import SeededMarket
from bitmart_async.sandbox.matching import Side, Stp
from bitmart_async.sandbox.networks import NETWORKS
from bitmart_async.sandbox.refusals import Refusal
from bitmart_async.sandbox.spot_orders import SpotTicket
from bitmart_async.sandbox.wallets import free, margin_wallet

if TYPE_CHECKING:
    from bitmart_async.sandbox.positions import Position

SYMBOLS = ["BTC_USDT", "ETH_USDT", "BTCUSDT", "BTCUSD"]
ATOM = 10**8
WHO = st.integers(0, 2)
SIZE = st.integers(1, 1_000)
AWAY = st.integers(-30, 30)
"""A price, in steps of a ten-thousandth away from where the market opened."""


class Walk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange(seed=11, clock=Clock(stepped=True), symbols=SYMBOLS)
        self.market = SeededMarket(self.exchange, 11)
        self.count = 0
        subs = self.exchange.accounts.subs(self.exchange.default.uid)
        self.accounts = [self.exchange.default, *subs]
        for account in self.accounts:
            for wallet, coin, coins in (
                ("spot", "BTC", 3), ("spot", "ETH", 40), ("spot", "USDT", 90_000), ("futures", "USDT", 20_000),
                ("futures", "BTC", 1), (margin_wallet("BTC_USDT"), "USDT", 5_000),
            ):  # fmt: skip
                self.exchange.teller.issue(coin, coins * ATOM, free(account.uid, wallet), self.now)

        self.kept: defaultdict[str, int] = defaultdict(int)
        """What rounding of funding left in the clearing pocket, less what those who owed could not pay."""
        pay = self.exchange.futures._pay_funding

        def watched(market: ContractMarket, rate: int, at_ms: int) -> None:
            expected, coin = self._funding_due(market, rate), market.rules.coin
            before = {uid: sum(self._futures_wallet(uid, coin)) for uid in expected}
            clearing = self.exchange.ledger.held(CLEARING, coin)
            pay(market, rate, at_ms)
            for uid, amount in expected.items():
                assert sum(self._futures_wallet(uid, coin)) - before[uid] == amount, (uid, coin)
            left = -sum(expected.values())
            assert self.exchange.ledger.held(CLEARING, coin) - clearing == left
            self.kept[coin] += left

        self.exchange.futures._pay_funding = watched  # type: ignore[method-assign]
        self._begin()

    def _futures_wallet(self, uid: int, coin: str) -> tuple[int, int, int]:
        return self.exchange.ledger.balance(uid, "futures", coin)

    def _funding_due(self, market: ContractMarket, rate: int) -> defaultdict[int, int]:
        """What each account gets (below zero: pays) at a settlement: the payer's fraction of an atom is
        rounded up, the receiver's down, and nobody pays more than is free or in the position."""
        owed: list[tuple[Fraction, Position]] = []
        for uid in self.everybody:
            for position in self.exchange.futures.positions(uid):
                if position.symbol == market.rules.symbol:
                    share = Fraction(position.worth(market.rules, market.mark) * rate, 10**12)
                    owed.append((share if position.direction is Side.BUY else -share, position))
        due: defaultdict[int, int] = defaultdict(int)
        for share, position in sorted(owed, key=lambda entry: -entry[0]):
            amount = math.ceil(share)  # a receiver's is negative, and rounded towards zero too
            free_now = self._futures_wallet(position.uid, market.rules.coin)[0] + min(0, due[position.uid])
            due[position.uid] -= min(amount, free_now + position.margin)
        return due

    @property
    def everybody(self) -> list[int]:
        return [HOUSE, CROWD, DESK, *(account.uid for account in self.accounts)]

    def _begin(self) -> None:
        """Positions that a jump of the price liquidates, in all three ways, and a loan that it endangers."""
        futures = self.exchange.futures
        for account, symbol, side, size, setting in (
            (self.accounts[0], "BTCUSDT", 1, 8_200, Setting(50, "isolated")),
            (self.accounts[1], "BTCUSDT", 4, 5_500, Setting(20, "cross")),
            (self.accounts[2], "BTCUSD", 1, 1_200, Setting(50, "isolated")),
            (self.accounts[2], "BTCUSDT", 1, 1_000, Setting(10, "cross")),
        ):
            futures.set_leverage(account.uid, symbol, setting)
            ticket = ContractTicket(symbol=symbol, side=side, type="market", size=size)
            assert futures.submit(account, ticket, self.now).filled == size
        uid, wallet = self.accounts[0].uid, margin_wallet("BTC_USDT")
        self.exchange.margin.borrow(uid, "BTC_USDT", "USDT", 15_000 * ATOM, self.now)
        self.exchange.spot.submit(
            self.accounts[0],
            SpotTicket(symbol="BTC_USDT", side="buy", type="market", notional=Decimal(19_000), wallet=wallet),
            self.now,
        )
        self.market.act()

    @property
    def now(self) -> int:
        return self.exchange.now_ms()

    # What accounts do

    @rule(
        who=WHO, symbol=st.sampled_from(SYMBOLS[:2]), buy=st.booleans(), size=SIZE, away=AWAY, borrowed=st.booleans(),
        type=st.sampled_from(["limit", "market", "limit_maker", "ioc"]), stp=st.sampled_from(list(Stp)),
    )  # fmt: skip
    def spot_order(
        self, *, who: int, symbol: str, buy: bool, size: int, away: int, borrowed: bool, type: str, stp: Stp
    ) -> None:
        rules = self.exchange.spot.markets[symbol].rules
        amount = Decimal(size).scaleb(-3)
        price = Decimal(rules.start_price + rules.start_price * away // 10_000).scaleb(-rules.price_decimals)
        spends = buy and type == "market"
        wallet = margin_wallet(symbol) if borrowed else "spot"
        with contextlib.suppress(Refusal):
            self.exchange.spot.submit(
                self.accounts[who],
                SpotTicket(
                    symbol=symbol, side="buy" if buy else "sell", type=type, stp=stp, wallet=wallet,
                    price=None if type == "market" else price,
                    size=None if spends else amount, notional=amount * 40_000 if spends else None,
                ),
                self.now,
            )  # fmt: skip

    @rule(who=WHO, keep=st.integers(0, 3))
    def cancel(self, who: int, keep: int) -> None:
        uid = self.accounts[who].uid
        for order in self.exchange.spot.open_orders(uid)[keep:]:
            self.exchange.spot.cancel(order, self.now)
        for contract in self.exchange.futures.open_orders(uid)[keep:]:
            self.exchange.futures.cancel(contract, self.now)

    @rule(
        who=WHO, symbol=st.sampled_from(SYMBOLS[2:]), side=st.integers(1, 4), size=SIZE, away=AWAY,
        mode=st.integers(1, 4), market=st.booleans(), stp=st.sampled_from(list(Stp)[1:]),
    )  # fmt: skip
    def contract(
        self, *, who: int, symbol: str, side: int, size: int, away: int, mode: int, market: bool, stp: Stp
    ) -> None:
        rules = self.exchange.futures.markets[symbol].rules
        price = Decimal(rules.start_price + rules.start_price * away // 10_000).scaleb(-rules.price_decimals)
        with contextlib.suppress(Refusal):
            self.exchange.futures.submit(
                self.accounts[who],
                ContractTicket(
                    symbol=symbol, side=side, size=size, stp=stp,
                    type="market" if market else "limit", mode=1 if market else mode,
                    price=None if market else price,
                ),
                self.now,
            )  # fmt: skip

    @rule(
        who=WHO, symbol=st.sampled_from(SYMBOLS[2:]), leverage=st.sampled_from([2, 20, 50, 100]),
        cross=st.booleans(), hedge=st.booleans(),
    )  # fmt: skip
    def prepare(self, who: int, symbol: str, leverage: int, cross: bool, hedge: bool) -> None:
        futures, uid = self.exchange.futures, self.accounts[who].uid
        with contextlib.suppress(Refusal):
            futures.set_position_mode(uid, "hedge_mode" if hedge else "one_way_mode")
        with contextlib.suppress(Refusal):
            futures.set_leverage(uid, symbol, Setting(leverage, "cross" if cross else "isolated"))

    @rule(who=WHO, whole=st.integers(1, 20_000), back=st.booleans())
    def borrow(self, who: int, whole: int, back: bool) -> None:
        uid, desk = self.accounts[who].uid, self.exchange.margin
        with contextlib.suppress(Refusal):
            if back:
                owed = desk.debt(uid, "BTC_USDT", "USDT", self.now).total
                desk.repay(uid, "BTC_USDT", "USDT", min(owed, whole * ATOM), self.now)
            else:
                desk.borrow(uid, "BTC_USDT", "USDT", whole * ATOM, self.now)

    @rule(who=WHO, whole=st.integers(1, 5_000), way=st.integers(0, 4))
    def move_money(self, who: int, whole: int, way: int) -> None:
        exchange, account = self.exchange, self.accounts[who]
        self.count += 1
        number = f"{self.count:020d}"
        other = self.accounts[(who + 1) % 3]
        with contextlib.suppress(Refusal):
            if way == 0:
                exchange.transfers.between_wallets(
                    account.uid, "USDT", whole * ATOM, ("spot", "futures"), self.now
                )
            elif way == 1:
                exchange.transfers.between_accounts(
                    account, other, "futures", "USDT", whole * ATOM,
                    caller=account.uid, request_no=number, now_ms=self.now,
                )  # fmt: skip
            elif way == 2:
                exchange.funding.withdraw(
                    account.uid, NETWORKS[3], whole * ATOM, address="x", wallets=("spot",), now_ms=self.now
                )
            elif way == 3:
                exchange.funding.deposit(account.uid, NETWORKS[3], whole * ATOM, self.now)
            else:
                product = [*FLEXIBLE.values(), *FIXED.values()][whole % 4]
                exchange.earn.subscribe(
                    account.uid, product, whole * ATOM // 100, request_no=number, now_ms=self.now
                )

    # What happens to them

    @rule(
        symbol=st.sampled_from(SYMBOLS), percent=st.sampled_from([-60, -20, -5, -2, -1, 0, 1, 2, 5, 20, 80])
    )
    def price(self, symbol: str, percent: int) -> None:
        spot, futures = self.exchange.spot.markets, self.exchange.futures.markets
        rules = spot[symbol].rules if symbol in spot else futures[symbol].rules
        self.market.print_at(symbol, rules.start_price * (100 + percent) // 100)
        self.exchange.advance(self.now)

    @rule(who=WHO)
    def empty_the_futures_wallet(self, who: int) -> None:
        """So that funding has to be paid out of the margin."""
        uid = self.accounts[who].uid
        held = self.exchange.ledger.balance(uid, "futures", "USDT").available
        if held:
            self.exchange.transfers.between_wallets(uid, "USDT", held, ("futures", "spot"), self.now)

    @rule(symbol=st.sampled_from(SYMBOLS), down=st.booleans())
    def crash(self, symbol: str, down: bool) -> None:
        """So far that whoever owes cannot pay."""
        self.price(symbol, -50 if down else 60)

    @rule(minutes=st.sampled_from([1, 70, 500, 1_500]))
    def time(self, minutes: int) -> None:
        self.exchange.clock.step(minutes * 60 * 10**9)
        self.exchange.advance(self.now)

    @precondition(lambda self: self.count < 200)
    @rule()
    def act(self) -> None:
        self.market.act()

    # The audit

    @invariant()
    def nothing_appears_or_vanishes(self) -> None:
        ledger = self.exchange.ledger
        for coin in ("USDT", "BTC", "ETH"):
            assert ledger.total(coin) == 0
            lent = sum(
                loan.principal
                for account in self.accounts
                for loan in self.exchange.margin.loans(account.uid, "BTC_USDT", self.now)
                if loan.coin == coin
            )
            assert ledger.held(LENDING, coin) == -lent
        for pocket, coin, held in ledger:
            assert held >= 0 or pocket.owner == EXCHANGE, (pocket, coin, held)

    @invariant()
    def what_is_set_aside_is_what_orders_and_positions_say(self) -> None:
        exchange, ledger = self.exchange, self.exchange.ledger
        for uid in (account.uid for account in self.accounts):
            aside: defaultdict[tuple[str, str], int] = defaultdict(int)
            for order in exchange.spot.open_orders(uid):
                rules = exchange.spot.markets[order.symbol].rules
                aside[order.wallet, rules.quote if order.side is Side.BUY else rules.base] += order.frozen
            for entry in exchange.funding.movements(uid, deposits=False):
                if entry.status < 3:
                    aside["spot", entry.network.coin] += entry.amount
            for contract in exchange.futures.open_orders(uid):
                coin = exchange.futures.markets[contract.symbol].rules.coin
                aside["futures", coin] += contract.frozen
            margin: defaultdict[str, int] = defaultdict(int)
            for position in exchange.futures.positions(uid):
                margin[exchange.futures.markets[position.symbol].rules.coin] += position.margin
                assert 0 <= position.frozen <= position.volume
            for wallet in ledger.wallets(uid):
                for coin in ledger.coins(uid, wallet):
                    held = ledger.balance(uid, wallet, coin)
                    assert held.frozen == aside[wallet, coin], (uid, wallet, coin)
                    assert held.margin == (margin[coin] if wallet == "futures" else 0)

    @invariant()
    def fills_add_up(self) -> None:
        exchange = self.exchange
        for uid in (account.uid for account in self.accounts):
            got: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
            for fill in exchange.spot.fills(uid):
                for number, amount in enumerate((fill.size, fill.value, fill.fee)):
                    got[fill.order_id][number] += amount
            for order in exchange.spot.orders(uid):
                assert got[order.order_id] == [order.filled, order.filled_value, order.fees]
                assert order.filled <= order.size or not order.size
                resting = exchange.spot.markets[order.symbol].book.get(order.order_id)
                assert (resting.size if resting else 0) == (order.size - order.filled if order.is_open else 0)
            net: defaultdict[str, int] = defaultdict(int)
            taken: defaultdict[int, int] = defaultdict(int)
            for deal in exchange.futures.fills(uid):
                net[deal.symbol] += deal.size if deal.side in (1, 2) else -deal.size
                taken[deal.order_id] += deal.size
            for contract in exchange.futures.orders(uid):
                assert taken[contract.order_id] == contract.filled <= contract.size
                waits = exchange.futures.markets[contract.symbol].book.get(contract.order_id)
                left = contract.size - contract.filled if contract.is_open else 0
                assert (waits.size if waits else 0) == left
            for position in exchange.futures.positions(uid):
                net[position.symbol] -= position.volume * (1 if position.direction is Side.BUY else -1)
            assert not any(net.values()), net

    @invariant()
    def books_are_uncrossed_and_open_interest_is_even(self) -> None:
        exchange = self.exchange
        for market in (*exchange.spot.markets.values(), *exchange.futures.markets.values()):
            bid, ask = market.book.best(Side.BUY), market.book.best(Side.SELL)
            assert bid is None or ask is None or bid < ask
        net: defaultdict[str, int] = defaultdict(int)
        longs: defaultdict[str, int] = defaultdict(int)
        for uid in self.everybody:
            for position in exchange.futures.positions(uid):
                net[position.symbol] += position.volume * (1 if position.direction is Side.BUY else -1)
                longs[position.symbol] += position.volume if position.direction is Side.BUY else 0
        assert not any(net.values()), net
        for symbol, contracts in exchange.futures.markets.items():
            assert contracts.open_interest == longs[symbol], symbol

    @invariant()
    def the_clearing_pocket_stands_between_the_two_sides(self) -> None:
        """It holds what those whose positions are open paid each other so far: what longs gave for their
        contracts less what shorts got, the rounding of funding, less losses nobody could pay."""
        exchange = self.exchange
        cost = short_of = 0
        for uid in self.everybody:
            for position in exchange.futures.positions(uid):
                if exchange.futures.markets[position.symbol].rules.coin == "USDT":
                    cost += position.cost if position.direction is Side.BUY else -position.cost
        for account in self.accounts:
            short_of -= sum(
                fill.realised for fill in exchange.futures.fills(account.uid) if fill.symbol == "BTCUSDT"
            )
            short_of += sum(
                flow.amount
                for flow in exchange.futures.flows(account.uid)
                if flow.kind == REALISED and flow.coin == "USDT"
            )
        assert short_of >= 0
        assert exchange.ledger.held(CLEARING, "USDT") == self.kept["USDT"] - cost - short_of

    @invariant()
    def the_statement_is_the_balance(self) -> None:
        """Every change of a futures wallet has its line: transfers, profits, fees, funding, clearance."""
        for account in self.accounts:
            stated: defaultdict[str, int] = defaultdict(int)
            for flow in self.exchange.futures.flows(account.uid):
                stated[flow.coin] += flow.amount
            for coin in ("USDT", "BTC"):
                assert stated[coin] == sum(self.exchange.ledger.balance(account.uid, "futures", coin))


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
