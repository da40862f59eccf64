"""The whole exchange as one object: accounts, ledger, engines, desks, and the news they make.

Pure state: it opens no socket and is handed the time by its clock. The wire faces read it and call its
engines; whatever happens is told to the listeners, in order, before the call that caused it returns.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from .accounts import Account, Accounts, Ids
from .algo import AlgoBook
from .clock import Clock
from .earn import EarnDesk
from .events import EVENTS, ContractOrderChanged, Event
from .funding import Desk
from .futures import FuturesEngine
from .ledger import Ledger, Pocket
from .liquidation import LiquidationDesk
from .listing import DEFAULT, listing
from .margin import MarginDesk
from .numbers import ATOM_PLACES
from .phases import Phase, reached
from .plans import PlanBook
from .rules import CONTRACT_FEES, SPOT_FEES
from .spot import SpotEngine
from .transfers import Transfers
from .wallets import Teller, free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


__all__ = ["CROWD", "DEFAULT_UID", "DESK", "HOUSE", "SUB_ACCOUNTS", "Exchange"]

DEFAULT_UID: Final = 1_001
HOUSE: Final = 1
"""The market makers."""
CROWD: Final = 2
"""Everybody else who trades."""
DESK: Final = 3
"""Who takes over what is liquidated; its wallets are the insurance fund."""
SUB_ACCOUNTS: Final = ("sub1", "sub2")
"""Of the default account. Their wallets are empty at first."""
_COIN: Final = 10**ATOM_PLACES
_START: Final = (("spot", "USDT", 100_000), ("spot", "BTC", 2), ("futures", "USDT", 50_000))
_SETTLED: Final = {"BTC": 1, "ETH": 20, "USDC": 50_000}
"""What the default account has of other coins on futures, when a contract is settled in them."""
_DEEP_POCKETS: Final = 10**12


class Exchange:
    def __init__(
        self,
        *,
        seed: int,
        clock: Clock | None = None,
        symbols: Iterable[str] | str = DEFAULT,
    ) -> None:
        self.seed = seed
        self.phase: Phase = "open"
        self.listing = listing(symbols)
        self.clock = clock if clock is not None else Clock()
        self.ledger = Ledger()
        self.accounts = Accounts()
        self.ids = Ids()
        self._listeners: dict[type[Event], list[Callable[[Event], None]]] = {}
        now_ms = self.clock.now_ms()
        self.spot = SpotEngine(
            self.listing.pairs, SPOT_FEES, self.ledger, self.ids, self._tell, seed=seed, now_ms=now_ms
        )
        self.futures = FuturesEngine(
            self.listing.contracts, CONTRACT_FEES, self.ledger, self.ids, self._tell, seed=seed, now_ms=now_ms
        )
        self.house = self._add_house(HOUSE, "house")
        self.crowd = self._add_house(CROWD, "crowd")
        self.liquidations = LiquidationDesk(
            self.futures, self.ledger, self._add_house(DESK, "liquidation desk")
        )
        self._add_desks()
        self.default = self.add_account(DEFAULT_UID, "default")
        for number, name in enumerate(SUB_ACCOUNTS, start=1):
            self.add_account(DEFAULT_UID + number, name, parent=DEFAULT_UID)
        for wallet, coin, amount in _START:
            self.teller.issue(coin, amount * _COIN, free(DEFAULT_UID, wallet), now_ms)
        for coin in {rules.coin for rules in self.listing.contracts} & _SETTLED.keys():
            self.teller.issue(coin, _SETTLED[coin] * _COIN, free(DEFAULT_UID, "futures"), now_ms)

    @property
    def settlement_coins(self) -> list[str]:
        """The coins of the futures wallet: the three it always shows, and what contracts are settled in."""
        return list(dict.fromkeys(("USDT", "BTC", "ETH", *(rules.coin for rules in self.listing.contracts))))

    def now_ms(self) -> int:
        return self.clock.now_ms()

    def listen(self, listener: Callable[[Event], None], *kinds: type[Event]) -> None:
        """Tell a listener of these kinds of events, or of all; one who came first is told first."""
        for kind in kinds or EVENTS:
            self._listeners.setdefault(kind, []).append(listener)

    def advance(self, now_ms: int) -> None:
        """Do what is due by now: funding, liquidations, switches, triggers, withdrawals, interest."""
        for market in self.futures.markets.values():
            pair = self.spot.markets[market.rules.index_pair]
            market.funding.note(
                market.mark * 10**pair.rules.price_decimals,
                pair.middle * 10**market.rules.price_decimals,
                now_ms,
            )
        self.futures.advance(now_ms)
        self.liquidations.advance(now_ms)
        self.plans.advance(now_ms)
        self.algo.advance(now_ms)
        self.margin.advance(now_ms)
        self.funding.advance(now_ms)
        self.earn.advance(now_ms)

    def enter(self, phase: Phase) -> None:
        """Go to a phase of the venue's life, forwards or back."""
        now_ms, before = self.now_ms(), self.phase
        self.phase = phase
        self.funding.deposits_open = not reached(phase, "deposits_suspended")
        self.spot.closed = reached(phase, "no_new_spot_orders")
        self.futures.closed = reached(phase, "trading_over")
        if self.futures.closed and not reached(before, "trading_over"):
            self.spot.cancel_everything(now_ms)
            self.algo.cancel_everything(now_ms)
            self.plans.cancel_everything(now_ms)
            self.futures.settle_everything(DESK, now_ms)

    def add_account(self, uid: int, name: str, parent: int | None = None) -> Account:
        """A customer with keys that follow from the seed, so that runs can be repeated."""
        return self.accounts.add(
            Account(
                uid=uid,
                name=name,
                key=self._word("key", name, 40),
                secret=self._word("secret", name, 64),
                memo=f"{name}memo",
                parent=parent,
            )
        )

    def spot_index(self, pair: str) -> int:
        """Twice the middle price of a spot pair, ticks."""
        return self.spot.markets[pair].middle

    def in_usdt(self, coin: str, atoms: int) -> int:
        """What so much of a coin is worth at the last price; dollars count as one, a coin unlisted as nothing."""
        if coin in ("USDT", "USDC"):
            return atoms
        market = self.spot.markets.get(f"{coin}_USDT")
        return 0 if market is None else market.rules.to_quote(atoms, market.last)

    def in_btc(self, coin: str, atoms: int) -> int:
        """The same in BTC."""
        if coin == "BTC":
            return atoms
        market = self.spot.markets["BTC_USDT"]
        return market.rules.to_base(self.in_usdt(coin, atoms), market.last)

    def _add_desks(self) -> None:
        self.plans = PlanBook(self.futures, self.accounts, self.ids, self._tell)
        self.listen(self.plans.on_event, ContractOrderChanged)
        self.algo = AlgoBook(self.spot, self.ledger, self.ids)
        self.teller = Teller(self.ledger, self.futures, self._tell)
        self.transfers = Transfers(self.teller)
        self.funding = Desk(self.teller)
        self.margin = MarginDesk(self.teller, self.spot, self.accounts, DESK)
        self.earn = EarnDesk(self.teller)

    def _add_house(self, uid: int, name: str) -> Account:
        for pair in self.listing.pairs:
            for coin in (pair.base, pair.quote):
                self.ledger.issue(coin, _DEEP_POCKETS * _COIN, Pocket(uid, "spot", "available"))
        for contract in self.listing.contracts:
            self.ledger.issue(contract.coin, _DEEP_POCKETS * _COIN, Pocket(uid, "futures", "available"))
        account = self.accounts.add(Account(uid=uid, name=name, house=True))
        self.futures.employ(account)
        return account

    def _word(self, kind: str, name: str, length: int) -> str:
        return hashlib.sha256(f"{self.seed}/{kind}/{name}".encode()).hexdigest()[:length]

    def _tell(self, event: Event) -> None:
        for listener in self._listeners.get(type(event), ()):
            listener(event)
