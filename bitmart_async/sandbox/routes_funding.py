"""Deposits, withdrawals, currencies with their chains, and what the exchange knows of the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .calls import Call, Form, Handler, Json, Route
from .networks import NETWORKS, WITHDRAWAL_DAY_BTC, Network, deposit_address, network
from .numbers import ATOM_PLACES, fixed, short
from .quotas import Quota
from .refusals import Refusal
from .rules import LISTED_AT_MS
from .signatures import Auth

if TYPE_CHECKING:
    from .funding import Movement

__all__ = ["ROUTES"]

_SPAN_MS: Final = 90 * 86_400_000
_COIN: Final[int] = 10**ATOM_PLACES
_MOST_ROWS: Final = 1_000
_MOST_CODES: Final = 20
_SOURCES: Final = {"": ("spot", "fund"), "SPOT": ("spot",), "FUND": ("fund",)}


def _money(atoms: int) -> str:
    return short(atoms, ATOM_PLACES)


def _only_main(call: Call, refuse: int = 60026) -> None:
    if call.account.parent is not None:
        raise Refusal(refuse)


def _quota_left(call: Call) -> int:
    today = call.exchange.funding.withdrawn_today(call.uid, call.now_ms)
    used = sum(call.exchange.in_btc(entry.network.coin, entry.amount) for entry in today)
    return WITHDRAWAL_DAY_BTC * _COIN - used


def _currencies(call: Call) -> Json:
    wanted = [code for code in call.text("currencies").split(",") if code]
    if len(wanted) > _MOST_CODES:
        raise Refusal(60000, "currencies")
    for code in wanted:
        network(code)
    return {"currencies": [_currency(call, row) for row in NETWORKS if not wanted or row.code in wanted]}


def _currency(call: Call, row: Network) -> Json:
    pair = call.exchange.spot.market(f"{row.coin}_USDT")
    worth = row.fee if pair is None else pair.rules.to_quote(row.fee, pair.last)
    return {
        "currency": row.code,
        "name": row.name,
        "contract_address": row.contract,
        "network": row.chain,
        "withdraw_enabled": row.is_open,
        "deposit_enabled": row.is_open and call.exchange.funding.deposits_open,
        "withdraw_minsize": _money(row.min_withdrawal),
        "recharge_minsize": _money(row.min_deposit),
        "withdraw_minfee": None,
        "withdraw_fee": _money(row.fee),
        "withdraw_fee_estimate": _money(worth),
    }


def _address(call: Call) -> Json:
    _only_main(call)
    row = network(call.text("currency", refuse=60000))
    if not row.is_open or not call.exchange.funding.deposits_open:
        raise Refusal(60003)
    return {
        "currency": row.code,
        "chain": row.code,
        "address_memo": "",
        "address": deposit_address(call.exchange.seed, call.uid, row),
    }


def _charge(call: Call) -> Json:
    _only_main(call)
    row = network(call.text("currency", refuse=60000))
    return {
        "today_available_withdraw_BTC": fixed(_quota_left(call), ATOM_PLACES, 4),
        "min_withdraw": fixed(row.min_withdrawal, ATOM_PLACES),
        "withdraw_precision": row.decimals,
        "withdraw_fee": fixed(row.fee, ATOM_PLACES),
        "withdraw_Precision_GeTen": None,
    }


def _apply(call: Call) -> Json:
    _only_main(call, 60054)
    row = network(call.text("currency", refuse=60000))
    if not row.is_open:
        raise Refusal(60004)
    amount = call.amount("amount", 60000, positive=61000)
    wallets = _SOURCES.get(call.text("sourceAccount"))
    if wallets is None:
        raise Refusal(60000, "sourceAccount")
    address, receiver = call.text("address"), None
    if address:
        _check_address(call, row, address)
    else:
        receiver = _receiver(call)
    if amount % 10 ** (ATOM_PLACES - row.decimals):
        raise Refusal(60006)
    if amount < row.min_withdrawal:
        raise Refusal(60005)
    if call.exchange.in_btc(row.coin, amount) > _quota_left(call):
        raise Refusal(60064)
    entry = call.exchange.funding.withdraw(
        call.uid,
        row,
        amount,
        address=address,
        memo=call.text("address_memo"),
        receiver=receiver,
        wallets=wallets,
        now_ms=call.now_ms,
    )
    return {"withdraw_id": str(entry.number)}


def _check_address(call: Call, row: Network, address: str) -> None:
    saved = next(
        (
            entry
            for entry in call.exchange.funding.address_book()
            if (entry.network, entry.coin, entry.address) == (row.chain, row.coin, address)
        ),
        None,
    )
    if saved is None:
        raise Refusal(60007)
    if not saved.verified:
        raise Refusal(60015)
    if saved.memo != call.text("address_memo"):
        raise Refusal(60014)


def _receiver(call: Call) -> int:
    """Another BitMart account: by CID, or by user name where the exchange takes e-mail or phone."""
    kind, value = call.whole("type", 60000), call.text("value")
    if kind not in (1, 2, 3) or not value or (kind == 3 and not call.text("areaCode")):
        raise Refusal(60000, "address")
    accounts = call.exchange.accounts
    if kind == 1:
        found = accounts.customer(int(value)) if value.isascii() and value.isdigit() else None
    else:
        found = accounts.named(value)
    if found is None:
        raise Refusal(60053)
    if found is call.account:
        raise Refusal(60065)
    return found.uid


def _address_book(call: Call) -> Json:
    return {
        "list": [
            {
                "currency": entry.coin,
                "network": entry.network,
                "address": entry.address,
                "memo": entry.memo,
                "remark": entry.remark,
                "addressType": 0,
                "verifyStatus": int(entry.verified),
            }
            for entry in call.exchange.funding.address_book()
        ]
    }


def _history(call: Call) -> Json:
    _only_main(call)
    kind, code = call.text("operation_type"), call.text("currency")
    if kind not in ("deposit", "withdraw"):
        raise Refusal(60000, "operation_type")
    if code:
        network(code)
    limit = call.whole("N", 60000)
    if limit is None or not 1 <= limit <= _MOST_ROWS:
        raise Refusal(60000, "N")
    start, end = call.whole("startTime", 60000), call.whole("endTime", 60000)
    until = call.now_ms if end is None else end
    since = call.now_ms - _SPAN_MS if start is None else start
    if until - since > _SPAN_MS:
        raise Refusal(60066 if start is None or end is None else 60067)
    rows = [
        entry
        for entry in call.exchange.funding.movements(call.uid, deposits=kind == "deposit")
        if since <= entry.applied <= until and code in ("", entry.network.code)
    ]
    return {"records": [_record(entry) for entry in rows[:limit]]}


def _record(entry: Movement) -> Json:
    number = str(entry.number)
    return {
        "withdraw_id": "" if entry.is_deposit else number,
        "deposit_id": number if entry.is_deposit else "",
        "operation_type": "deposit" if entry.is_deposit else "withdraw",
        "currency": entry.network.code,
        "apply_time": entry.applied,
        "arrival_amount": fixed(entry.amount - entry.fee, ATOM_PLACES),
        "fee": fixed(entry.fee, ATOM_PLACES),
        "status": entry.status,
        "address": entry.address,
        "address_memo": entry.memo,
        "tx_id": entry.tx_id,
    }


def _detail(call: Call) -> Json:
    _only_main(call)
    wanted = call.text("id", refuse=60000)
    number = int(wanted) if wanted.isascii() and wanted.isdigit() else -1
    entry = call.exchange.funding.movement(call.uid, number)
    if entry is None:
        raise Refusal(60010)
    return {"record": _record(entry)}


def _deposit_account(call: Call) -> Json:
    return {"account_type": call.exchange.funding.deposit_account(call.uid)}


def _set_deposit_account(call: Call) -> Json:
    _only_main(call)
    call.exchange.funding.set_deposit_account(call.uid, call.text("account_type", refuse=60000))
    return {}


def _info(call: Call) -> Json:
    account = call.account
    return {
        "cid": str(account.uid),
        "account_type": "main" if account.parent is None else "sub",
        "parent_cid": None if account.parent is None else str(account.parent),
        "account_status": "active",
        "kyc_level": "2",
        "register_time": LISTED_AT_MS,
        "broker_id": "",
        "api_keys": [
            {
                "access_key_masked": f"{account.key[:3]}****{account.key[-3:]}",
                "is_current": True,
                "permissions": ["read-only", "spot-trade", "futures-trade", "withdraw", "finance"],
                "ip_whitelist": [],
                "api_key_label": account.name,
                "api_key_created_time": LISTED_AT_MS,
                "api_key_expire_time": call.now_ms + _SPAN_MS,
                "api_key_status": "active",
            }
        ],
    }


def _get(path: str, calls: int, handler: Handler) -> Route:
    return Route(method="GET", path=path, auth=Auth.KEYED, quota=Quota(calls, 2, "KEY"), handler=handler)


ROUTES = (
    Route(
        method="GET",
        path="/account/v1/currencies",
        auth=Auth.NONE,
        quota=Quota(2, 2, "IP"),
        handler=_currencies,
    ),
    _get("/account/v1/deposit/address", 2, _address),
    _get("/account/v1/withdraw/charge", 2, _charge),
    _get("/account/v1/withdraw/address/list", 2, _address_book),
    _get("/account/v2/deposit-withdraw/history", 8, _history),
    _get("/account/v1/deposit-withdraw/detail", 8, _detail),
    Route(
        method="POST",
        path="/account/v1/withdraw/apply",
        auth=Auth.SIGNED,
        quota=Quota(8, 2, "KEY"),
        handler=_apply,
    ),
    Route(
        method="GET",
        path="/account/v1/get-deposit-account",
        auth=Auth.KEYED,
        quota=None,
        handler=_deposit_account,
    ),
    Route(
        method="POST",
        path="/account/v1/set-deposit-account",
        auth=Auth.SIGNED,
        quota=None,
        handler=_set_deposit_account,
    ),
    Route(
        method="GET",
        path="/uapi-key/v1/account/info",
        auth=Auth.KEYED,
        quota=None,
        handler=_info,
        form=Form.UAPI,
    ),
)
