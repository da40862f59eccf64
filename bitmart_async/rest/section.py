"""What every section of the API is made of: a class whose methods call through one door."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from bitmart_async.rest.endpoint import Endpoint
    from bitmart_async.rest.transport import Transport

__all__ = ["Section"]

T = TypeVar("T")


class Section:
    """One section's methods, mixed into a client."""

    _transport: Transport

    async def _call(self, endpoint: Endpoint[T], /, **given: object) -> T:
        """The typed data of one call; see :meth:`~bitmart_async.rest.transport.Transport.call`."""
        return (await self._transport.call(endpoint, given)).data
