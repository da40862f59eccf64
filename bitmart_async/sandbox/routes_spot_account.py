"""Private spot routes that only read: wallets and fees."""

from __future__ import annotations

from typing import Final

from .calls import Call, Json, Route
from .listing import COINS
from .numbers import ATOM_PLACES, fixed, short
from .quotas import Quota
from .refusals import Refusal
from .rules import BASE_RATES
from .signatures import Auth
from .spot_views import wallet_rows

__all__ = ["ROUTES"]

_NAMES: Final = {coin.code: coin.name for coin in COINS.values()}


def _spot_wallet(call: Call) -> Json:
    return {
        "wallet": [
            {"id": coin, "available": available, "name": _NAMES[coin], "frozen": frozen}
            for coin, available, frozen in wallet_rows(call.account, call.exchange.ledger)
        ]
    }


def _wallet(call: Call) -> Json:
    wanted = call.text("currency")
    if wanted and wanted not in _NAMES:
        raise Refusal(51000)
    valued = call.text("needUsdValuation") == "true" or call.get("needUsdValuation") is True
    ledger, rows = call.exchange.ledger, list[Json]()
    spot = {coin: (free, frozen) for coin, free, frozen in wallet_rows(call.account, ledger)}
    for coin in sorted({*spot, *ledger.coins(call.uid, "fund")}):
        if wanted in ("", coin):
            available, frozen = spot.get(coin, (fixed(0, ATOM_PLACES), fixed(0, ATOM_PLACES)))
            fund = ledger.balance(call.uid, "fund", coin)
            rows.append(
                {
                    "currency": coin,
                    "name": _NAMES[coin],
                    "available": available,
                    "available_usd_valuation": _usd(call, coin) if valued else None,
                    "frozen": frozen,
                    "unAvailable": frozen,
                    "fundAvailable": fixed(fund.available, ATOM_PLACES),
                    "fundFrozen": fixed(fund.frozen, ATOM_PLACES),
                }
            )
    return {"wallet": rows}


def _usd(call: Call, coin: str) -> str:
    atoms = call.exchange.ledger.balance(call.uid, "spot", coin).available
    market = call.exchange.spot.market(f"{coin}_USDT")
    if market is None:
        return fixed(atoms, 8)
    return fixed(atoms * market.last // 10**market.rules.price_decimals, 8)


def _user_fee(call: Call) -> Json:
    data: dict[str, Json] = {"user_rate_type": 0, "level": "LV1"}
    for kind, fees in BASE_RATES.items():
        data[f"taker_fee_rate_{kind}"] = short(fees.taker_ppm, 6)
        data[f"maker_fee_rate_{kind}"] = short(fees.maker_ppm, 6)
    return data


def _trade_fee(call: Call) -> Json:
    symbol = call.text("symbol", refuse=50028)
    if call.exchange.spot.market(symbol) is None:
        raise Refusal(50001)
    fees = call.exchange.spot.fees
    taker, maker = short(fees.taker_ppm, 6), short(fees.maker_ppm, 6)
    return {
        "symbol": symbol,
        "buy_taker_fee_rate": taker,
        "sell_taker_fee_rate": taker,
        "buy_maker_fee_rate": maker,
        "sell_maker_fee_rate": maker,
    }


ROUTES = (
    Route(
        method="GET", path="/spot/v1/wallet", auth=Auth.KEYED, quota=Quota(12, 2, "KEY"), handler=_spot_wallet
    ),
    Route(
        method="GET", path="/account/v1/wallet", auth=Auth.KEYED, quota=Quota(12, 2, "KEY"), handler=_wallet
    ),
    Route(
        method="GET", path="/spot/v1/user_fee", auth=Auth.KEYED, quota=Quota(2, 2, "KEY"), handler=_user_fee
    ),
    Route(
        method="GET", path="/spot/v1/trade_fee", auth=Auth.KEYED, quota=Quota(2, 2, "KEY"), handler=_trade_fee
    ),
)
