"""The exchange's clock and maintenance notices; the same on both hosts."""

from __future__ import annotations

from bitmart_async.models.system import SystemStatus, SystemTime
from bitmart_async.ratelimit import Quota
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.section import Section

__all__ = ["FUTURES_SYSTEM_STATUS", "FUTURES_SYSTEM_TIME", "SYSTEM_STATUS", "SYSTEM_TIME", "System"]

_QUOTA = Quota(10, 1)

SYSTEM_TIME = Endpoint("system.time", "GET", "/system/time", Auth.NONE, _QUOTA, returns=SystemTime)
SYSTEM_STATUS = Endpoint("system.service", "GET", "/system/service", Auth.NONE, _QUOTA, returns=SystemStatus)
FUTURES_SYSTEM_TIME = Endpoint(
    "futures.get_system_time", "GET", "/system/time", Auth.NONE, _QUOTA, returns=SystemTime
)
FUTURES_SYSTEM_STATUS = Endpoint(
    "futures.get_system_status", "GET", "/system/service", Auth.NONE, _QUOTA, returns=SystemStatus
)


class System(Section):
    """Clock and status."""

    async def get_system_time(self) -> SystemTime:
        """The exchange's clock, Unix ms.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get System Time"; the futures host answers it too. 10 calls per 1 s per IP.
        """
        return await self._call(SYSTEM_TIME)

    async def get_system_status(self) -> SystemStatus:
        """Maintenance notices of spot, futures and account services; status 2 means it is over.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get System Service Status". 10 calls per 1 s per IP.
        """
        return await self._call(SYSTEM_STATUS)
