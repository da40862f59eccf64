"""The route table: every path the sandbox serves, by host."""

from __future__ import annotations

from typing import Final

from . import (
    routes_algo,
    routes_earn,
    routes_funding,
    routes_futures_account,
    routes_futures_market,
    routes_futures_trading,
    routes_margin,
    routes_partners,
    routes_plans,
    routes_retired,
    routes_spot_account,
    routes_spot_market,
    routes_spot_trading,
    routes_sub_accounts,
    routes_system,
    routes_transfers,
)

__all__ = ["FUTURES_ROUTES", "SPOT_ROUTES"]

SPOT_ROUTES: Final = (
    *routes_system.ROUTES,
    *routes_spot_market.ROUTES,
    *routes_spot_account.ROUTES,
    *routes_spot_trading.ROUTES,
    *routes_algo.ROUTES,
    *routes_margin.ROUTES,
    *routes_funding.ROUTES,
    *routes_transfers.SPOT_ROUTES,
    *routes_sub_accounts.SPOT_ROUTES,
    *routes_earn.ROUTES,
    *routes_partners.SPOT_ROUTES,
    *routes_retired.ROUTES,
)
FUTURES_ROUTES: Final = (
    *routes_system.ROUTES,
    *routes_futures_market.ROUTES,
    *routes_futures_account.ROUTES,
    *routes_futures_trading.ROUTES,
    *routes_plans.ROUTES,
    *routes_transfers.FUTURES_ROUTES,
    *routes_sub_accounts.FUTURES_ROUTES,
    *routes_partners.FUTURES_ROUTES,
)
