"""Transfers between the wallets of one account, and the demo's free money."""

from __future__ import annotations

from typing import Final

from .calls import Call, Json, Route
from .numbers import ATOM_PLACES, short
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth
from .transfers import known_coin
from .wallets import free

__all__ = ["CONTRACT_TRANSFERS", "FUTURES_ROUTES", "SPOT_ROUTES"]

_LEAST: Final = 10**ATOM_PLACES // 100
_MOST: Final = 10**10 * 10**ATOM_PLACES
_CLAIM: Final = 10_000 * 10**ATOM_PLACES
_WALLETS: Final = {
    "spot_to_fund": ("spot", "fund"),
    "fund_to_spot": ("fund", "spot"),
    "fund_to_contract": ("fund", "futures"),
    "contract_to_fund": ("futures", "fund"),
}


def _asked(call: Call) -> tuple[str, int]:
    coin = known_coin(call.text("currency", refuse=60000))
    return coin, call.amount("amount", 60000, positive=61000)


def _between(call: Call, kinds: tuple[str, str]) -> Json:
    coin, amount = _asked(call)
    kind = call.text("type")
    if kind not in kinds:
        raise Refusal(60000, "type")
    call.exchange.transfers.between_wallets(call.uid, coin, amount, _WALLETS[kind], call.now_ms)
    return {}


def _spot_fund(call: Call) -> Json:
    return _between(call, ("spot_to_fund", "fund_to_spot"))


def _fund_contract(call: Call) -> Json:
    return _between(call, ("fund_to_contract", "contract_to_fund"))


def _contract(call: Call) -> Json:
    coin, amount = _asked(call)
    kind = call.text("type")
    if kind not in ("spot_to_contract", "contract_to_spot"):
        raise Refusal(60000, "type")
    if not _LEAST <= amount <= _MOST:
        raise Refusal(60000, "amount")
    call.exchange.transfers.contract(call.uid, coin, amount, kind, call.now_ms)
    return {"currency": coin, "amount": short(amount, ATOM_PLACES)}


def _contract_list(call: Call) -> Json:
    """Page and limit are JSON integers here; text is refused."""
    page, limit = call.params.get("page"), call.params.get("limit")
    if type(page) is not int or type(limit) is not int or not 1 <= page <= 1_000 or not 10 <= limit <= 100:
        raise Refusal(60000, "page, limit")
    start, end = call.whole("time_start", 60000, 0), call.whole("time_end", 60000, call.now_ms)
    assert start is not None
    assert end is not None
    if end <= start:
        raise Refusal(60000, "time_end")
    coin = call.text("currency")
    rows = [
        row
        for row in call.exchange.transfers.contract_transfers(call.uid)
        if start <= row.at_ms <= end and coin in ("", row.coin)
    ]
    return {
        "records": [
            {
                "transfer_id": str(row.transfer_id),
                "currency": row.coin,
                "amount": short(row.amount, ATOM_PLACES),
                "type": row.kind,
                "state": "FINISHED",
                "timestamp": row.at_ms,
            }
            for row in rows[(page - 1) * limit : page * limit]
        ]
    }


def _claim(call: Call) -> Json:
    """What is claimed, each time the same."""
    call.exchange.teller.issue("USDT", _CLAIM, free(call.uid, "futures"), call.now_ms)
    return {"currency": "USDT", "amount": short(_CLAIM, ATOM_PLACES)}


CONTRACT_TRANSFERS = (
    Route(
        method="POST",
        path="/account/v1/transfer-contract",
        auth=Auth.SIGNED,
        quota=Quota(1, 2, "KEY"),
        handler=_contract,
        recv_window=True,
    ),
    Route(
        method="POST",
        path="/account/v1/transfer-contract-list",
        auth=Auth.SIGNED,
        quota=Quota(1, 2, "KEY"),
        handler=_contract_list,
        recv_window=True,
    ),
)
"""Served on both hosts: documented on the futures one, called by old clients on the spot one."""
SPOT_ROUTES = (
    Route(method="POST", path="/account/v1/transfer", auth=Auth.SIGNED, quota=None, handler=_spot_fund),
    *CONTRACT_TRANSFERS,
)
FUTURES_ROUTES = (
    *CONTRACT_TRANSFERS,
    Route(
        method="POST",
        path="/contract/private/account/v1/transfer",
        auth=Auth.SIGNED,
        quota=None,
        handler=_fund_contract,
        message="Ok",
    ),
    Route(method="POST", path="/contract/private/claim", auth=Auth.SIGNED, quota=None, handler=_claim),
)
