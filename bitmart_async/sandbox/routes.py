"""The route table: every path the sandbox serves, by host."""

from __future__ import annotations

from typing import Final

from . import (
    routes_futures_account,
    routes_futures_market,
    routes_futures_trading,
    routes_spot_account,
    routes_spot_market,
    routes_spot_trading,
    routes_system,
)

__all__ = ["FUTURES_ROUTES", "SPOT_ROUTES"]

SPOT_ROUTES: Final = (
    *routes_system.ROUTES, *routes_spot_market.ROUTES, *routes_spot_account.ROUTES,
    *routes_spot_trading.ROUTES,
)
FUTURES_ROUTES: Final = (
    *routes_system.ROUTES, *routes_futures_market.ROUTES, *routes_futures_account.ROUTES,
    *routes_futures_trading.ROUTES,
)
