"""An account with a dense past, and what the sandbox knows to be true of it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from bitmart_async.sandbox.networks import NETWORKS
from tests.contract.test_history import DAY, Unlimited, past, trade_futures, trade_spot

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from bitmart_async.sandbox import Sandbox

__all__ = ["DAY", "Unlimited", "check_truth", "dense", "misbehave", "rows"]

_HTML = b"<html>edge</html>"
_BUSY = b'{"code":30013,"message":"Request too many requests","trace":"t","data":{}}'
_DOWN = b'{"code":30014,"message":"Service unavailable","trace":"t","data":{}}'
_PATHS = (
    "/spot/v4/query/trades",
    "/spot/v4/query/history-orders",
    "/contract/private/trades",
    "/contract/private/order-history",
    "/contract/private/transaction-history",
    "/account/v2/deposit-withdraw/history",
    "/spot/v1/wallet",
    "/account/v1/transfer-contract-list",
)


def dense(sandbox: Sandbox, count: int) -> int:
    """Orders and fills on both markets, crowds within one instant, deposits; how far back, Unix ms."""
    now = sandbox.now_ms()
    trade_spot(sandbox, past(now, count, 21 * DAY))
    trade_futures(sandbox, past(now, count // 2 * 2, 21 * DAY))
    exchange = sandbox._exchange
    network = next(row for row in NETWORKS if row.code == "BTC")
    for number in range(120):
        exchange.funding.deposit(exchange.default.uid, network, 1000 + number, now - 5 * DAY - number // 60)
    return now - 25 * DAY


def misbehave(sandbox: Sandbox, rng: random.Random) -> None:
    """One fault on one path: a page, a lost or late answer, too many requests, a system fault, rubbish."""
    path = rng.choice(_PATHS)
    faults = sandbox.faults
    kind = rng.randrange(6)
    if kind == 0:
        faults.reply(path, 503, _HTML)
    elif kind == 1:
        faults.drop_answer(path, times=rng.randrange(1, 4))
    elif kind == 2:
        faults.reply(path, 429, _BUSY)
    elif kind == 3:
        faults.reply(path, 200, _DOWN)
    elif kind == 4:
        faults.reply(path, 200, b'{"code":1000,"data":[{"tra')
    else:
        faults.delay(path, 0.05)


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    """A table's rows, from its CSV."""
    with (folder / "csv" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check_truth(folder: Path, sandbox: Sandbox) -> None:
    """Every order, fill, movement and deposit of the account is in its table, once, in order of time."""
    truth = sandbox.account()
    exchange = sandbox._exchange
    uid = exchange.default.uid
    for market in ("spot", "futures"):
        fills = [fill for fill in truth.fills if fill.market == market]
        got = rows(folder, f"{market}_trades")
        size = "size" if market == "spot" else "vol"
        assert sorted((row["trade_id"], float(row["price"]), float(row[size])) for row in got) == sorted(
            (fill.trade_id, float(fill.price), float(fill.size)) for fill in fills
        )
        assert [row["create_time"] for row in got] == sorted(row["create_time"] for row in got)
        orders = [order for order in truth.orders if order.market == market]
        ended = {order.order_id for order in orders if not order.is_open}
        listed = [row["order_id"] for row in rows(folder, f"{market}_orders")]
        assert len(listed) == len(set(listed))
        assert set(listed) == ended
    flows = exchange.futures.flows(uid)
    got = rows(folder, "futures_transactions")
    assert len(got) == len(flows)
    deposits = [row for row in rows(folder, "deposits_withdrawals") if row["operation_type"] == "deposit"]
    assert sorted(row["deposit_id"] for row in deposits) == sorted(
        str(entry.number) for entry in exchange.funding.movements(uid, deposits=True)
    )
