"""From raw replies back to rows. The same plan that asked is fed with what was answered.

Nothing about a list is believed that its raw replies do not show: the rows, which windows were full,
which were asked again, and whether all of it was read follow from the records alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from bitmart_async.archive.raw import Damaged
from bitmart_async.archive.unknown import unknown_fields
from bitmart_async.decoding import DecodeError
from bitmart_async.rest.envelope import EnvelopeReader, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bitmart_async.archive.journal import Head
    from bitmart_async.archive.raw import Record
    from bitmart_async.archive.units import Unit
    from bitmart_async.rest.endpoint import Endpoint
    from bitmart_async.rest.history import Reading

__all__ = ["Decoder", "Ended", "Replay", "plain"]


class Decoder:
    """Reads raw replies as the clients do."""

    def __init__(self, *, look: bool = False) -> None:
        """Args: look: Note in ``unknown`` what the models have no field for."""
        self._look = look
        self.unknown: set[str] = set()
        self._readers: dict[tuple[str, bool], EnvelopeReader[object]] = {}

    def read(self, endpoint: Endpoint[object], record: Record) -> object:
        """The typed data of a reply. Raises Damaged when it is not as it was received."""
        if not record.intact():
            raise Damaged(f"{record.unit}: a reply does not have the SHA-256 that was noted with it")
        bare = endpoint.bare and 200 <= record.http_status < 300
        reader = self._readers.get((endpoint.id, bare))
        if reader is None:
            reader = EnvelopeReader(endpoint.returns, inner=endpoint.inner, bare=bare)
            self._readers[endpoint.id, bare] = reader
        try:
            data = reader.read(record.raw)[0]
        except (DecodeError, Refusal) as error:
            raise Damaged(f"{record.unit}: a reply that was read once cannot be read: {error}") from None
        if self._look:
            wire: object = msgspec.json.decode(record.raw)
            for _ in range(0 if bare else 2 if endpoint.inner else 1):
                wire = cast("dict[str, object]", wire).get("data") if isinstance(wire, dict) else None
            self.unknown.update(unknown_fields(wire, data))
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the reading of a unit ended before its end."""

    code: int | None
    reason: str
    unreadable: bool


class Replay:
    """One unit, fed with its records."""

    def __init__(self, unit: Unit, head: Head, decoder: Decoder) -> None:
        self.unit = unit
        self.reading: Reading[object, object] = unit.begin(head)
        self.ended: Ended | None = None
        """Set when the last reply refused; None otherwise."""
        self._decoder = decoder

    def feed(self, record: Record, data: object = None) -> Sequence[object]:
        """Rows that are certain now.

        Args:
            data: What the client has read from this very reply already; None: it is read here.

        Raises:
            Damaged: The record is not the answer to what is asked for now.
        """
        params = self.reading.params
        if params is None or record.request != plain(params):
            raise Damaged(
                f"{record.unit}: a record answers another request than the plan makes. The archive was begun "
                f"by another version of the library, or changed since. Begin a new one in another folder."
            )
        self.ended = None
        if record.unreadable:
            self.ended = Ended(code=None, reason=record.message, unreadable=True)
            return ()
        if record.code is not None:
            if not self.reading.refuse(record.code):
                self.ended = Ended(code=record.code, reason=record.message, unreadable=False)
            return ()
        return self.reading.take(self._decoder.read(self.unit.ask.endpoint, record) if data is None else data)

    def rows(self, records: Iterable[Record]) -> Iterator[object]:
        """All rows of all records."""
        for record in records:
            yield from self.feed(record)

    @property
    def over(self) -> bool:
        """Whether the unit is read to its end."""
        return self.reading.params is None


def plain(params: object) -> dict[str, object]:
    """Parameters as a record holds them: plain values, and None left out."""
    given = cast("dict[str, object]", params)
    return {name: value for name, value in given.items() if value is not None}
