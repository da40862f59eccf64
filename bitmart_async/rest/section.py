"""What every section of the API is made of: a class whose methods call through one door."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeVar

from bitmart_async.rest.iterate import History

if TYPE_CHECKING:
    from bitmart_async.rest.endpoint import Endpoint
    from bitmart_async.rest.history import Incomplete, Plan
    from bitmart_async.rest.transport import Transport

__all__ = ["Section", "warn_once"]

T = TypeVar("T")
RowT = TypeVar("RowT")

_warned: set[str] = set()


def warn_once(endpoint: Endpoint[object], *, stacklevel: int) -> None:
    """Warn of a deprecated endpoint, once per endpoint and process; to be asked only where ``deprecated`` is set.

    Args:
        endpoint: Its ``deprecated`` says what to use instead.
        stacklevel: As :func:`warnings.warn` counts from the caller of this function: the line to blame
            must be the user's, because Python hides this kind of warning everywhere else.
    """
    if endpoint.id not in _warned:
        _warned.add(endpoint.id)
        warnings.warn(
            f"{endpoint.label} is deprecated by the exchange: use {endpoint.deprecated}",
            DeprecationWarning,
            stacklevel=stacklevel + 1,
        )


class Section:
    """One section's methods, mixed into a client."""

    _transport: Transport

    async def _call(self, endpoint: Endpoint[T], /, **given: object) -> T:
        """The typed data of one call; see :meth:`~bitmart_async.rest.transport.Transport.call`."""
        if endpoint.deprecated:
            warn_once(endpoint, stacklevel=3)
        return (await self._transport.call(endpoint, given)).data

    def _iter(
        self,
        plan: Plan[T, RowT],
        /,
        start: int | None,
        end: int | None,
        max_requests: int,
        incomplete: Incomplete,
        **given: object,
    ) -> History[RowT]:
        """The rows of a long list; see :class:`~bitmart_async.rest.iterate.History`."""
        return History[RowT].begin(
            self._transport, plan, given, start, end, max_requests=max_requests, incomplete=incomplete
        )
