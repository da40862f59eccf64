"""Sub-accounts on both hosts: their transfers, wallets and lists. Times in these rows are seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .calls import Call, Handler, Json, Route
from .listing import COINS
from .numbers import ATOM_PLACES, fixed, short
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth
from .transfers import SubTransfer, known_coin

if TYPE_CHECKING:
    from .accounts import Account

__all__ = ["FUTURES_ROUTES", "SPOT_ROUTES"]

_NAMES: Final = {coin.code: coin.name for coin in COINS.values()}
_MOST_ROWS: Final = 100


def _main(call: Call) -> Account:
    """The caller, who must be a main account."""
    if call.account.parent is not None:
        raise Refusal(60026)
    return call.account


def _sub(call: Call, name: str) -> Account:
    """A sub-account of the caller's, by user name."""
    wanted = call.text(name, refuse=60000)
    found = next((sub for sub in call.exchange.accounts.subs(_main(call).uid) if sub.name == wanted), None)
    if found is None:
        raise Refusal(61003)
    return found


def _parent(call: Call) -> Account:
    """The main account of the caller, who must be a sub-account."""
    if call.account.parent is None:
        raise Refusal(60027)
    return call.exchange.accounts[call.account.parent]


def _move(call: Call, source: Account, target: Account, wallet: str) -> Json:
    coin = known_coin(call.text("currency", refuse=60000))
    call.exchange.transfers.between_accounts(
        source,
        target,
        wallet,
        coin,
        call.amount("amount", 60000, positive=61000),
        caller=call.uid,
        request_no=call.text("requestNo", refuse=60000),
        now_ms=call.now_ms,
    )
    return {}


def _wallet(call: Call, wallet: str) -> Json:
    """Coins above zero only."""
    sub, wanted, ledger = _sub(call, "subAccount"), call.text("currency"), call.exchange.ledger
    if wanted:
        known_coin(wanted)
    rows: list[Json] = []
    for coin in ledger.coins(sub.uid, wallet):
        held = ledger.balance(sub.uid, wallet, coin)
        if wanted in ("", coin) and (held.available or held.frozen):
            rows.append(
                {
                    "currency": coin,
                    "name": _NAMES[coin],
                    "available": fixed(held.available, ATOM_PLACES),
                    "frozen": fixed(held.frozen, ATOM_PLACES),
                }
            )
    return {"wallet": rows}


def _limit(call: Call, name: str) -> int:
    limit = call.whole(name, 60000)
    if limit is None or not 1 <= limit <= _MOST_ROWS:
        raise Refusal(60000, name)
    return limit


def _row(row: SubTransfer) -> Json:
    wallet = "future" if row.wallet == "futures" else row.wallet
    return {
        "fromAccount": row.source.name,
        "fromWalletType": wallet,
        "toAccount": row.target.name,
        "toWalletType": wallet,
        "currency": row.coin,
        "amount": short(row.amount, ATOM_PLACES),
        "submissionTime": row.at_ms // 1_000,
    }


# Spot


def _spot_sub_to_main(call: Call) -> Json:
    return _move(call, _sub(call, "subAccount"), _main(call), "spot")


def _spot_main_to_sub(call: Call) -> Json:
    return _move(call, _main(call), _sub(call, "subAccount"), "spot")


def _spot_sub_to_sub(call: Call) -> Json:
    source, target = _sub(call, "fromAccount"), _sub(call, "toAccount")
    if source is target:
        raise Refusal(60000, "toAccount")
    return _move(call, source, target, "spot")


def _spot_from_sub(call: Call) -> Json:
    return _move(call, call.account, _parent(call), "spot")


def _listed(call: Call, rows: list[SubTransfer]) -> Json:
    if call.text("moveType") != "spot to spot":
        raise Refusal(60000, "moveType")
    limit = _limit(call, "N")
    return {"total": len(rows), "historyList": [_row(row) for row in rows[:limit]]}


def _spot_list(call: Call) -> Json:
    rows = call.exchange.transfers.family_transfers(_main(call).uid, "spot")
    if call.text("accountName"):
        sub = _sub(call, "accountName")
        rows = [row for row in rows if row.concerns(sub.uid)]
    return _listed(call, rows)


def _spot_history(call: Call) -> Json:
    return _listed(call, call.exchange.transfers.sub_transfers(call.uid, "spot"))


def _spot_wallet(call: Call) -> Json:
    return _wallet(call, "spot")


def _subs(call: Call) -> Json:
    return {
        "subAccountList": [
            {"accountName": sub.name, "status": 1} for sub in call.exchange.accounts.subs(_main(call).uid)
        ]
    }


# Futures


def _futures_sub_to_main(call: Call) -> Json:
    return _move(call, _sub(call, "subAccount"), _main(call), "futures")


def _futures_main_to_sub(call: Call) -> Json:
    return _move(call, _main(call), _sub(call, "subAccount"), "futures")


def _futures_from_sub(call: Call) -> Json:
    return _move(call, call.account, _parent(call), "futures")


def _futures_wallet(call: Call) -> Json:
    return _wallet(call, "futures")


def _futures_list(call: Call) -> Json:
    """A bare list, where spot wraps it."""
    sub = _sub(call, "subAccount")
    rows = call.exchange.transfers.sub_transfers(sub.uid, "futures")
    return [_row(row) for row in rows[: _limit(call, "limit")]]


def _futures_history(call: Call) -> Json:
    rows = call.exchange.transfers.sub_transfers(call.uid, "futures")
    return [_row(row) for row in rows[: _limit(call, "limit")]]


def _post(path: str, calls: int, handler: Handler) -> Route:
    return Route(method="POST", path=path, auth=Auth.SIGNED, quota=Quota(calls, 2, "KEY"), handler=handler)


def _get(path: str, calls: int, handler: Handler) -> Route:
    return Route(method="GET", path=path, auth=Auth.KEYED, quota=Quota(calls, 2, "KEY"), handler=handler)


SPOT_ROUTES = (
    _post("/account/sub-account/main/v1/sub-to-main", 2, _spot_sub_to_main),
    _post("/account/sub-account/main/v1/main-to-sub", 2, _spot_main_to_sub),
    _post("/account/sub-account/main/v1/sub-to-sub", 2, _spot_sub_to_sub),
    _post("/account/sub-account/sub/v1/sub-to-main", 2, _spot_from_sub),
    _get("/account/sub-account/main/v1/transfer-list", 8, _spot_list),
    _get("/account/sub-account/v1/transfer-history", 8, _spot_history),
    _get("/account/sub-account/main/v1/wallet", 12, _spot_wallet),
    _get("/account/sub-account/main/v1/subaccount-list", 8, _subs),
)
FUTURES_ROUTES = (
    _post("/account/contract/sub-account/main/v1/sub-to-main", 8, _futures_sub_to_main),
    _post("/account/contract/sub-account/main/v1/main-to-sub", 8, _futures_main_to_sub),
    _post("/account/contract/sub-account/sub/v1/sub-to-main", 8, _futures_from_sub),
    _get("/account/contract/sub-account/main/v1/wallet", 12, _futures_wallet),
    _get("/account/contract/sub-account/main/v1/transfer-list", 8, _futures_list),
    _get("/account/contract/sub-account/v1/transfer-history", 8, _futures_history),
)
