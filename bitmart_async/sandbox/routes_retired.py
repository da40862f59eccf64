"""Spot paths of old API versions that the exchange has switched off: 200, and a code that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .calls import Call, Json, Route
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ROUTES"]


def _gone(call: Call) -> Json:
    raise Refusal(30031)


_PUBLIC: Final = (
    ("/spot/v2/ticker", 2),
    ("/spot/v1/ticker_detail", 12),
    ("/spot/v1/steps", 2),
    ("/spot/v1/symbols/kline", 12),
    ("/spot/v1/symbols/book", 12),
)
_SIGNED: Final[Iterable[tuple[str, Quota | None]]] = (
    ("/spot/v2/batch_orders", None),
    ("/spot/v1/cancel_orders", Quota(4, 2, "KEY")),
    ("/account/sub-account/sub/v1/sub-to-sub", Quota(2, 2, "KEY")),
)

ROUTES = (
    *(
        Route(method="GET", path=path, auth=Auth.NONE, quota=Quota(calls, 2, "IP"), handler=_gone)
        for path, calls in _PUBLIC
    ),
    *(
        Route(method="POST", path=path, auth=Auth.SIGNED, quota=quota, handler=_gone)
        for path, quota in _SIGNED
    ),
)
