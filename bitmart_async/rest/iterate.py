"""The async iterator behind every ``iter_`` method: asks, feeds the plan, hands out rows."""

from __future__ import annotations

from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from bitmart_async.errors import ApiError, HistoryStopped, ParameterError
from bitmart_async.rest.history import covered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from bitmart_async.rest.history import Asked, Incomplete, Plan, Progress, Reading
    from bitmart_async.rest.transport import Transport

__all__ = ["History"]

T = TypeVar("T")
RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)


class _Source(Protocol[RowT_co]):
    """What a History reads from."""

    @property
    def label(self) -> str: ...
    @property
    def progress(self) -> Progress: ...
    async def next_rows(self) -> Sequence[RowT_co] | None: ...


class _Feed(Generic[T, RowT]):
    """One list on its way: the plan's state and the call that feeds it."""

    def __init__(self, transport: Transport, plan: Plan[T, RowT], reading: Reading[T, RowT]) -> None:
        self._transport = transport
        self._plan = plan
        self._reading = reading
        if reading.params is not None:  # what cannot be sent is refused here, not at the first row
            plan.endpoint.encode(reading.params, strict=transport.strict)

    @property
    def label(self) -> str:
        return self._plan.endpoint.label

    @property
    def progress(self) -> Progress:
        return self._reading

    async def next_rows(self) -> Sequence[RowT] | None:
        """Rows of one more request, None at the end."""
        params = self._reading.params
        if params is None:
            return None
        try:
            envelope = await self._transport.call(self._plan.endpoint, params)
        except ApiError as error:
            if error.code is not None and self._reading.refuse(error.code):
                return ()
            raise
        return self._reading.take(envelope.data)


class History(Generic[RowT]):
    """The rows of a long list, each once, oldest first: ``async for row in client.iter_...(...)``.

    Nothing is sent before the first row is asked for. After an error it can be asked again and goes on
    where it stopped, as it does after a cancel. One task at a time may read it.
    """

    def __init__(
        self, source: _Source[RowT], max_requests: int, given: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        self._source = source
        self._most = max_requests
        self._given = {name: value for name, value in given.items() if value is not None}
        self._closed = False
        self._rows: deque[RowT] = deque()
        self._busy = False

    @classmethod
    def begin(
        cls,
        transport: Transport,
        plan: Plan[T, RowT],
        given: Mapping[str, object],
        start: int | None,
        end: int | None,
        *,
        max_requests: int,
        incomplete: Incomplete,
    ) -> History[RowT]:
        """What the ``iter_`` methods call. Raises ParameterError."""
        label = plan.endpoint.label
        if incomplete not in ("raise", "report"):
            raise ParameterError(
                f"{label}: incomplete={incomplete!r}: must be 'raise' or 'report'", endpoint=label
            )
        if isinstance(max_requests, bool) or max_requests < 1:
            raise ParameterError(f"{label}: max_requests={max_requests!r}: must be 1 or more", endpoint=label)
        reading = plan.begin(given, start, end, now_ms=transport.clock.now_ms(), incomplete=incomplete)
        return History[RowT](_Feed(transport, plan, reading), max_requests, given)

    @property
    def endpoint(self) -> str:
        """Method and path of every request."""
        return self._source.label

    @property
    def given(self) -> Mapping[str, object]:
        """The parameters of the list beside its range, as they were given: a symbol, a filter, a step."""
        return MappingProxyType(self._given)

    @property
    def asked(self) -> Sequence[Asked]:
        """Every request so far and what came of it: with ``endpoint`` and ``given`` the proof of the rows."""
        return tuple(self._source.progress.asked)

    @property
    def complete(self) -> bool:
        """Whether the end is reached and every row of the range was given."""
        over = self._source.progress.params is None and not self._rows and not self._closed
        return over and covered(self._source.progress.asked)

    async def all(self) -> list[RowT]:
        """The rows that are left, as a list."""
        return [row async for row in self]

    async def aclose(self) -> None:
        """End the reading: rows not yet taken are dropped, nothing more is sent. Not needed, but allowed."""
        if self._busy:
            raise RuntimeError("another task is reading this history; cancel that task")
        self._closed = self._closed or not self.complete
        self._rows.clear()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RowT:
        if self._busy:
            raise RuntimeError("another task is reading this history; give each task its own")
        self._busy = True
        try:
            while not self._rows:
                if self._closed:
                    raise StopAsyncIteration
                self._check_bound()
                rows = await self._source.next_rows()
                if rows is None:
                    raise StopAsyncIteration
                self._rows.extend(rows)
            return self._rows.popleft()
        finally:
            self._busy = False

    def _check_bound(self) -> None:
        reading = self._source.progress
        if len(reading.asked) >= self._most and reading.params is not None:
            raise HistoryStopped(
                f"{self._source.label}: stopped after {self._most} requests with the range not yet read. All "
                f"before {reading.place[0]} was given: go on from there, or pass a larger max_requests=.",
                endpoint=self._source.label,
                window=reading.place,
                rows=0,
            )

    def __repr__(self) -> str:
        given = "".join(f" {name}={value!r}" for name, value in self._given.items())
        return f"<History {self._source.label}{given}, {len(self._source.progress.asked)} requests so far>"
