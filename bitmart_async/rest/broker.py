"""What a broker earns from the orders sent under its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.errors import ParameterError
from bitmart_async.models.broker import BrokerRebates
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.params import Whole
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Broker"]


def _seconds_window(given: Mapping[str, object]) -> None:
    """Start before end, both in seconds."""
    start, end = given.get("start_time"), given.get("end_time")
    for name, value in (("start_time", start), ("end_time", end)):
        if isinstance(value, int) and value > 100_000_000_000:
            raise ParameterError(f"{name}={value} looks like milliseconds; this endpoint takes Unix seconds")
    if isinstance(start, int) and isinstance(end, int) and start > end:
        raise ParameterError(f"start_time={start} must not be later than end_time={end}")


BROKER_REBATE = Endpoint(
    "broker.rebate",
    "GET",
    "/spot/v1/broker/rebate",
    Auth.KEYED,
    None,
    returns=BrokerRebates,
    params=(Whole("start_time", low=0), Whole("end_time", low=0)),
    rules=_seconds_window,
)


class Broker(Section):
    """Rebates. Orders count for a broker when the client that sends them has a ``broker_id``."""

    async def get_broker_rebate(
        self, *, start_time: int | None = None, end_time: int | None = None
    ) -> BrokerRebates:
        """Rebates by day and coin, of the last 180 days when no time is given.

        Args:
            start_time: Unix SECONDS.
            end_time: Unix SECONDS.

        Raises:
            CredentialsMissing: The client has no keys.
            PermissionDenied: The account is no broker's.

        A read: repeated when its answer is lost.

        Source: official Python SDK 2.8.0, broker_rebates. Quota unknown: the client's default applies.
        """
        return await self._call(BROKER_REBATE, start_time=start_time, end_time=end_time)
