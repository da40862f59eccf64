"""Spot balances and fees."""

from __future__ import annotations

from bitmart_async.models.spot import SpotFees, SpotTradeFee, SpotWallet
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.params import spot_symbol
from bitmart_async.rest.section import Section

__all__ = ["SpotAccount"]

SPOT_WALLET = Endpoint(
    "account.spot_wallet",
    "GET",
    "/spot/v1/wallet",
    Auth.KEYED,
    Quota(12, scope=Scope.KEY),
    returns=SpotWallet,
)
USER_FEE = Endpoint(
    "account.user_fee", "GET", "/spot/v1/user_fee", Auth.KEYED, Quota(2, scope=Scope.KEY), returns=SpotFees
)
TRADE_FEE = Endpoint(
    "account.trade_fee",
    "GET",
    "/spot/v1/trade_fee",
    Auth.KEYED,
    Quota(2, scope=Scope.KEY),
    returns=SpotTradeFee,
    params=(spot_symbol(required=True),),
)


class SpotAccount(Section):
    """What the spot account holds and pays. All calls are reads."""

    async def get_spot_wallet_balance_v1(self) -> SpotWallet:
        """Spot balances of all coins.

        Raises:
            CredentialsMissing: The client has no keys.

        A read: repeated when its answer is lost.

        Source: spot docs, "Get Spot Wallet Balance (V1)". 12 calls per 2 s per key.
        """
        return await self._call(SPOT_WALLET)

    async def get_basic_spot_fee_rate_v1(self) -> SpotFees:
        """Base fee rates by class of pair; no endpoint tells a pair's class.

        Raises:
            CredentialsMissing: The client has no keys.

        A read: repeated when its answer is lost.

        Source: spot docs, "Get Basic Fee Rate (V1)". 2 calls per 2 s per key.
        """
        return await self._call(USER_FEE)

    async def get_actual_spot_trade_fee_rate_v1(self, symbol: str) -> SpotTradeFee:
        """Fee rates of one pair.

        Args:
            symbol: Pair, like BTC_USDT.

        Raises:
            CredentialsMissing: The client has no keys.

        A read: repeated when its answer is lost.

        Source: spot docs, "Get Actual Trade Fee Rate (V1)". 2 calls per 2 s per key.
        """
        return await self._call(TRADE_FEE, symbol=symbol)
