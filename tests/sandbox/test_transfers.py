"""Transfers between wallets and accounts: what leaves here arrives there, once."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from .life import FUTURES_SUB, PRIVATE, SPOT_SUB
from .wire import Wire, stream

if TYPE_CHECKING:
    from .wire import Frame

TO_CONTRACT, CONTRACT_LIST = "/account/v1/transfer-contract", "/account/v1/transfer-contract-list"
TO_FUND, FUND_CONTRACT = "/account/v1/transfer", PRIVATE + "account/v1/transfer"
MOVE: Frame = {"requestNo": "one", "amount": "5", "currency": "USDT", "subAccount": "sub1"}


def usdt(wire: Wire, wallet: str, name: str = "default") -> Decimal:
    balances = wire.sandbox.account(name).balances
    return balances[wallet, "USDT"].available if (wallet, "USDT") in balances else Decimal(0)


@pytest.mark.asyncio
async def test_wallets_of_one_account(wire: Wire) -> None:
    """Spot, futures and fund exchange coins both ways; the sum stays what it was."""
    await wire.data(TO_CONTRACT, {"currency": "USDT", "amount": "100", "type": "spot_to_contract"})
    await wire.data(TO_FUND, {"currency": "USDT", "amount": "30.5", "type": "spot_to_fund"})
    await wire.data(FUND_CONTRACT, {"currency": "USDT", "amount": "10.5", "type": "fund_to_contract"})
    assert [usdt(wire, name) for name in ("spot", "fund", "futures")] == [
        Decimal("99869.5"),
        Decimal(20),
        Decimal("50110.5"),
    ]
    await wire.data(FUND_CONTRACT, {"currency": "USDT", "amount": "110.5", "type": "contract_to_fund"})
    await wire.data(TO_FUND, {"currency": "USDT", "amount": "130.5", "type": "fund_to_spot"})
    assert [usdt(wire, name) for name in ("spot", "fund", "futures")] == [100_000, 0, 50_000]
    rows = (await wire.data(CONTRACT_LIST, {"page": 1, "limit": 10}))["records"]
    assert [(row["type"], row["amount"], row["state"]) for row in rows] == [
        ("spot_to_contract", "100", "FINISHED")
    ]
    flows = await wire.data(PRIVATE + "transaction-history", flow_type=1)
    assert [Decimal(row["amount"]) for row in flows] == [Decimal("-110.5"), Decimal("10.5"), 100, 50_000]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"amount": "100000.00000001"}, 60008),
        ({"amount": "0"}, 61000),
        ({"amount": "-1"}, 61000),
        ({"amount": "x"}, 60000),
        ({"amount": "0.001"}, 60000),
        ({"currency": "NOPE"}, 60002),
        ({"currency": "BTC"}, 60002),
        ({"type": "spot_to_moon"}, 60000),
        ({"currency": ""}, 60000),
    ],
)
async def test_refused_transfers(wire: Wire, changed: Frame, code: int) -> None:
    """A transfer that breaks a rule moves nothing and is not listed."""
    body = {"currency": "USDT", "amount": "1", "type": "spot_to_contract", **changed}
    assert await wire.refused(TO_CONTRACT, body) == (400, code)
    assert usdt(wire, "futures") == 50_000
    assert (await wire.data(CONTRACT_LIST, {"page": 1, "limit": 10}))["records"] == []


@pytest.mark.asyncio
async def test_lists_and_windows(wire: Wire) -> None:
    """The list wants whole numbers within its bounds; recvWindow is obeyed."""
    for body in (
        {"page": 1, "limit": 9},
        {"page": "1", "limit": 10},
        {"page": 1},
        {"page": 1, "limit": 10, "time_start": 5, "time_end": 5},
    ):
        assert await wire.refused(CONTRACT_LIST, body) == (400, 60000)
    assert await wire.refused(CONTRACT_LIST, {"page": 1, "limit": 10, "recvWindow": 60_001}) == (401, 30007)
    stamp = str(wire.sandbox.now_ms() - 10_000)
    _, envelope = await wire.post(CONTRACT_LIST, {"page": 1, "limit": 10}, X_BM_TIMESTAMP=stamp)
    assert envelope["code"] == 30007


@pytest.mark.asyncio
async def test_sub_accounts(wire: Wire) -> None:
    """Main and subs exchange coins on both markets; every account sees its own moves, newest first."""
    sub = Wire(wire.sandbox, wire.http, sub="sub1")
    for base, wallet in ((SPOT_SUB, "spot"), (FUTURES_SUB, "futures")):
        await wire.data(base + "main/v1/main-to-sub", {**MOVE, "requestNo": f"{wallet}1"})
        await wire.data(base + "main/v1/sub-to-main", {**MOVE, "requestNo": f"{wallet}2", "amount": "1"})
        await sub.data(
            base + "sub/v1/sub-to-main", {"requestNo": "s" + wallet, "amount": "1.5", "currency": "USDT"}
        )
        assert usdt(wire, wallet, "sub1") == Decimal("2.5")
        shown = await wire.data(base + "main/v1/wallet", subAccount="sub1")
        assert [(row["currency"], Decimal(row["available"])) for row in shown["wallet"]] == [
            ("USDT", Decimal("2.5"))
        ]
    await wire.data(
        SPOT_SUB + "main/v1/sub-to-sub",
        {"requestNo": "x", "amount": "0.5", "currency": "USDT", "fromAccount": "sub1", "toAccount": "sub2"},
    )
    assert usdt(wire, "spot", "sub2") == Decimal("0.5")
    asked = {"moveType": "spot to spot", "N": 10}
    rows = (await wire.data(SPOT_SUB + "v1/transfer-history", **asked))["historyList"]
    assert [(row["fromAccount"], row["toAccount"], row["amount"]) for row in rows] == [
        ("sub1", "default", "1.5"),
        ("sub1", "default", "1"),
        ("default", "sub1", "5"),
    ]
    assert (await wire.data(SPOT_SUB + "main/v1/transfer-list", accountName="sub2", **asked))["total"] == 1
    assert len(await sub.data(FUTURES_SUB + "v1/transfer-history", limit=2)) == 2
    names = (await wire.data(SPOT_SUB + "main/v1/subaccount-list"))["subAccountList"]
    assert [row["accountName"] for row in names] == ["sub1", "sub2"] == list(wire.sandbox.sub_accounts)


@pytest.mark.asyncio
async def test_sub_account_refusals(wire: Wire) -> None:
    """A requestNo serves once, names must exist, and each call is for its own kind of account."""
    sub, path = Wire(wire.sandbox, wire.http, sub="sub1"), SPOT_SUB + "main/v1/main-to-sub"
    assert await wire.refused(path, {**MOVE, "amount": "1000000"}) == (400, 61001)
    await wire.data(path, MOVE)  # a refused transfer has not used up its number
    assert await wire.refused(path, MOVE) == (400, 61004)
    assert await wire.refused(FUTURES_SUB + "main/v1/main-to-sub", MOVE) == (400, 61004)
    assert await wire.refused(path, {**MOVE, "requestNo": "2", "subAccount": "nobody"}) == (400, 61003)
    assert await wire.refused(path, {**MOVE, "requestNo": "2", "amount": "0"}) == (400, 61000)
    assert await wire.refused(path, {**MOVE, "requestNo": "2", "currency": "NOPE"}) == (400, 60002)
    assert await wire.refused(path, {**MOVE, "requestNo": "2" * 65}) == (400, 60000)
    assert await sub.refused(path, MOVE) == (403, 60026)
    assert await wire.refused(SPOT_SUB + "sub/v1/sub-to-main", {**MOVE, "requestNo": "2"}) == (403, 60027)
    assert usdt(wire, "spot", "sub1") == 5


@pytest.mark.asyncio
async def test_the_streams_hear_of_a_transfer(wire: Wire) -> None:
    """Both private streams push the new balances, spot with the cause."""
    sandbox = wire.sandbox
    async with (
        stream(sandbox.environment.spot_private) as spot,
        stream(sandbox.environment.futures_private) as futures,
    ):
        await spot.login(sandbox)
        await spot.send({"op": "subscribe", "args": ["spot/user/balance:BALANCE_UPDATE"]})
        await spot.read()
        await futures.login(sandbox)
        await futures.send({"action": "subscribe", "args": ["futures/asset:USDT"]})
        await futures.read()
        await wire.data(TO_CONTRACT, {"currency": "USDT", "amount": "7", "type": "spot_to_contract"})
        (row,) = await spot.data("spot/user/balance")
        assert row["event_type"] == "ACCOUNT_TRANSFER"
        assert Decimal(row["balance_details"][0]["av_bal"]) == 99_993
        assert Decimal((await futures.data("futures/asset:USDT"))["available_balance"]) == 50_007


@pytest.mark.asyncio
async def test_demo_funds(wire: Wire) -> None:
    """A claim puts new money on futures."""
    claimed = await wire.data(PRIVATE + "claim", {})
    assert usdt(wire, "futures") == 50_000 + Decimal(claimed["amount"])
