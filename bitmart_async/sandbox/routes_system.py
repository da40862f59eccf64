"""Time and service state, served on both hosts."""

from __future__ import annotations

from .calls import Call, Json, Route
from .quotas import Quota
from .rules import LISTED_AT_MS
from .signatures import Auth

__all__ = ["ROUTES"]

_QUOTA = Quota(10, 1, "IP")


def _time(call: Call) -> Json:
    """The clock that judges timestamps, whatever the market's does."""
    return {"server_time": call.exchange.clock.gate_ms()}


def _service(call: Call) -> Json:
    """No maintenance in sight: the last one of each product is over."""
    rows: list[Json] = [
        {
            "title": f"{name} API upgrade",
            "service_type": kind,
            "status": "2",
            "start_time": LISTED_AT_MS,
            "end_time": LISTED_AT_MS + 3_600_000,
        }
        for name, kind in (("Spot", "spot"), ("Contract", "contract"), ("Account", "account"))
    ]
    return {"service": rows}


ROUTES = (
    Route(method="GET", path="/system/time", auth=Auth.NONE, quota=_QUOTA, handler=_time),
    Route(method="GET", path="/system/service", auth=Auth.NONE, quota=_QUOTA, handler=_service),
)
