"""Every listed market has plausible rules and a lively book, the same from the same seed."""

from __future__ import annotations

from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox import Sandbox
from bitmart_async.sandbox.exchange import Exchange
from bitmart_async.sandbox.listing import ALL, CONTRACTS, SPOT_PAIRS, listing
from bitmart_async.sandbox.market import SeededMarket
from bitmart_async.sandbox.matching import Side

if TYPE_CHECKING:
    from .wire import Wire


def test_every_market_is_lively() -> None:
    """Spread of a few basis points, 50 levels and more on both sides, trades of very unlike sizes."""
    exchange = Exchange(seed=3, symbols=ALL)
    market = SeededMarket(exchange, 3)
    for _ in range(400):
        market.act()
    for one in (*exchange.spot.markets.values(), *exchange.futures.markets.values()):
        name, book = one.rules.symbol, one.book
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is not None
        assert ask is not None
        assert 0 < ask - bid <= max(3, bid * 30 // 10_000), name
        assert abs(bid - one.rules.start_price) < one.rules.start_price // 50, name
        for side in Side:
            assert 50 <= len(book.levels(side)) <= 100, name
        sizes = [trade.size for trade in one.trades]
        assert len(sizes) > 40, name
        assert max(sizes) > 5 * median(sizes), name
    btc = exchange.spot.markets["BTC_USDT"].trades
    assert len(btc) > len(exchange.spot.markets["BMX_USDT"].trades)


def test_the_same_seed_gives_the_same_two_dozen_markets() -> None:
    """Prices and sizes of every market depend on the seed alone."""
    runs: list[list[tuple[int, int]]] = []
    for seed in (5, 5, 6):
        exchange = Exchange(seed=seed, symbols=ALL)
        market = SeededMarket(exchange, seed)
        for _ in range(60):
            market.act()
        every = (*exchange.spot.markets.values(), *exchange.futures.markets.values())
        runs.append([(trade.price, trade.size) for one in every for trade in one.trades])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_brackets_keep_the_maintenance_margin_continuous() -> None:
    """Where one bracket ends and the next begins, both ask the same margin."""
    for rules in CONTRACTS:
        for lower, upper in zip(rules.brackets, rules.brackets[1:], strict=False):
            edge = lower.cap * 10**8
            assert lower.cap == upper.floor
            assert lower.leverage > upper.leverage
            below = edge * lower.ratio_ppm // 1_000_000 - int(lower.deduct * 10**8)
            above = edge * upper.ratio_ppm // 1_000_000 - int(upper.deduct * 10**8)
            assert below == above == rules.maintenance(edge)
        assert rules.room(rules.max_leverage) == rules.brackets[0].cap


def test_symbols_are_chosen() -> None:
    """A contract brings its index pair; BTC_USDT is always there; a name unknown is told, with the choice."""
    chosen = listing(["ETHUSDT", "SOL_USDT"])
    assert [row.symbol for row in chosen.pairs] == ["BTC_USDT", "ETH_USDT", "SOL_USDT"]
    assert [row.symbol for row in chosen.contracts] == ["ETHUSDT"]
    everything = listing(ALL)
    assert (everything.pairs, everything.contracts) == (SPOT_PAIRS, CONTRACTS)
    assert len(SPOT_PAIRS) == len(CONTRACTS) == 12
    with pytest.raises(ValueError, match=r"no market BTC-USDT; it has BTC_USDT, ETH_USDT"):
        Sandbox(symbols="BTC-USDT")


class TestAllMarkets:
    @pytest.fixture
    def sandbox_options(self) -> dict[str, object]:
        return {"lively": False, "rate_limits": False, "symbols": "all"}

    @pytest.mark.asyncio
    async def test_the_details_are_those_of_the_rules(self, wire: Wire) -> None:
        """Details and brackets of every market are listed, an inverse contract in dollars."""
        pairs = (await wire.data("/spot/v1/symbols/details"))["symbols"]
        assert [row["symbol"] for row in pairs] == [rules.symbol for rules in SPOT_PAIRS]
        rows = (await wire.data("/contract/public/details"))["symbols"]
        assert [row["symbol"] for row in rows] == [rules.symbol for rules in CONTRACTS]
        inverse = next(row for row in rows if row["symbol"] == "BTCUSD")
        assert (inverse["base_currency"], inverse["quote_currency"]) == ("BTC", "USD")
        assert (inverse["contract_size"], inverse["price_precision"]) == ("100", "0.1")
        for row in rows:
            assert Decimal(row["last_price"]) % Decimal(row["price_precision"]) == 0
            assert Decimal(row["market_max_volume"]) * 2 == Decimal(row["max_volume"])
        brackets = (await wire.data("/contract/public/leverage-bracket"))["rules"]
        assert [row["symbol"] for row in brackets] == [rules.symbol for rules in CONTRACTS]
        assets = {row["currency"] for row in await wire.data("/contract/private/assets-detail")}
        assert assets == {"USDT", "BTC", "ETH", "USDC"}

    @pytest.mark.asyncio
    async def test_any_of_them_can_be_traded(self, wire: Wire) -> None:
        """A market order is filled on a cheap pair, on a pair quoted in BTC, and on an inverse contract."""
        for symbol, size in (("DOGE_USDT", "500"), ("ETH_BTC", "0.5")):
            body = {"symbol": symbol, "side": "buy", "type": "market", "notional": size}
            if symbol == "ETH_BTC":
                body = {"symbol": symbol, "side": "buy", "type": "limit", "size": size, "price": "0.05"}
            assert (await wire.post("/spot/v2/submit_order", body))[1]["code"] == 1000
        order = {"symbol": "BTCUSD", "side": 1, "type": "market", "size": 20, "leverage": "10"}
        status, reply = await wire.post("/contract/private/submit-order", order | {"open_type": "isolated"})
        assert (status, reply["code"]) == (200, 1000)
        held = wire.sandbox.account()
        assert {fill.symbol for fill in held.fills} == {"DOGE_USDT", "ETH_BTC", "BTCUSD"}
        (position,) = held.positions
        assert (position.symbol, position.volume) == ("BTCUSD", 20)
        assert abs(position.cost - Decimal(2_000) / 64_005) < Decimal("1e-5")  # 20 x 100 dollars, in BTC

    @pytest.mark.asyncio
    async def test_grants(self, wire: Wire) -> None:
        """Coins can be given to any wallet; a name that does not exist is refused."""
        sandbox = wire.sandbox
        sandbox.grant("ETH", "1.5", wallet="futures", account="sub1")
        assert sandbox.account("sub1").balances["futures", "ETH"].available == Decimal("1.5")
        for coin, wallet, account, error in (
            ("NIX", "spot", "default", KeyError),
            ("BTC", "spot", "sub9", KeyError),
            ("BTC", "sopt", "default", ValueError),
        ):
            with pytest.raises(error):
                sandbox.grant(coin, "1", wallet=wallet, account=account)
        with pytest.raises(ValueError, match="8 decimals"):
            sandbox.grant("BTC", "0")
