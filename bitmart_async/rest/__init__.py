"""REST: endpoints as values, one transport, two clients.

``ENDPOINTS`` holds every endpoint constant by its catalog id, for ``client.call``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from bitmart_async.rest import (
    broker,
    earn,
    funding,
    futures_account,
    futures_affiliate,
    futures_market,
    futures_plan,
    futures_records,
    futures_subaccount,
    futures_tpsl,
    futures_trading,
    futures_trailing,
    futures_transfer,
    margin,
    spot_account,
    spot_algo,
    spot_legacy,
    spot_market,
    spot_trading,
    subaccount,
    system,
)
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.envelope import Envelope

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENDPOINTS", "Auth", "Effect", "Endpoint", "Envelope"]

_SECTIONS = (
    system,
    spot_market,
    spot_account,
    spot_trading,
    spot_algo,
    spot_legacy,
    margin,
    funding,
    subaccount,
    earn,
    broker,
    futures_market,
    futures_account,
    futures_trading,
    futures_plan,
    futures_tpsl,
    futures_trailing,
    futures_transfer,
    futures_subaccount,
    futures_affiliate,
    futures_records,
)

ENDPOINTS: Final[Mapping[str, Endpoint[object]]] = MappingProxyType(
    {
        value.id: cast("Endpoint[object]", value)
        for section in _SECTIONS
        for value in vars(section).values()
        if isinstance(value, Endpoint)
    }
)
