"""Recording: what was recorded, in order, as records or as updates, at any pace."""

from __future__ import annotations

import asyncio
import importlib
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bitmart_async.archive.raw import Damaged, frames
from bitmart_async.decoding import DecodeError
from bitmart_async.errors import ConfigurationError, ParameterError
from bitmart_async.recording.decode import FrameDecoder, data_text
from bitmart_async.recording.disk import SUFFIX, number_of, store_extra
from bitmart_async.recording.format import (
    Head,
    LineUnreadable,
    RecordedEvent,
    RecordedFrame,
    read_head,
    read_line,
)

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from bitmart_async.recording.format import Record
    from bitmart_async.websocket.events import StreamData, Update

__all__ = ["Recording", "RecordingSummary"]

_log = logging.getLogger("bitmart_async.recording")
_YIELD_EVERY = 500
"""Updates handed out in one go before other tasks get their turn."""


@dataclass(slots=True, kw_only=True)
class RecordingSummary:
    """What a whole recording holds."""

    files: int = 0
    runs: int = 0
    """How often a recorder was started into this folder."""
    unfinished: int = 0
    """Runs that did not end by themselves: the recorder was killed, or is still at work."""
    frames: int = 0
    bytes: int = 0
    """In the frames."""
    lost: int = 0
    """Frames the recorder left out because its disk was too slow."""
    gaps: int = 0
    """Times in which updates may have been lost before they reached the recorder."""
    first_ns: int | None = None
    """Receipt of the first frame, Unix nanoseconds."""
    last_ns: int | None = None
    topics: tuple[str, ...] = ()
    events: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return 0.0 if self.first_ns is None or self.last_ns is None else (self.last_ns - self.first_ns) / 1e9


class Recording:
    """A recording in a folder, or one file of it. Opening reads only the first line of each file.

    Iterate it for the records as they were taken: ``RecordedFrame`` and ``RecordedEvent``, oldest first. Each
    iteration begins anew and holds one piece of a file in memory.

    Args:
        path: The folder a recorder wrote, or one of its files.

    Raises:
        ConfigurationError: There is no recording, or zstandard is not installed.
        Damaged: A file is not as it was written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            importlib.import_module("zstandard")  # to say at once what is missing
        except ModuleNotFoundError:
            raise store_extra("zstandard") from None
        self._path = Path(path)
        if self._path.is_dir():
            found = [one for one in self._path.glob(f"*{SUFFIX}") if number_of(one)]
            self._files = sorted(found, key=number_of)
        else:
            self._files = [self._path] if self._path.is_file() else []
        heads = [(file, _head_of(file)) for file in self._files]
        self._files = [file for file, head in heads if head is not None]
        self._heads = [head for _, head in heads if head is not None]
        if not self._files:
            raise ConfigurationError(f"there is no recording in {self._path}")

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    @property
    def files(self) -> tuple[Path, ...]:
        """Its files, oldest first."""
        return tuple(self._files)

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic that was subscribed for it."""
        return tuple(dict.fromkeys(topic for head in self._heads for topic in head.topics))

    @property
    def environment(self) -> str:
        """Name of the environment it was recorded in: live, demo, sandbox."""
        return self._heads[0].environment

    def __iter__(self) -> Iterator[Record]:
        for file in self._files:
            yield from _records(file)

    def summary(self) -> RecordingSummary:
        """Read all of it and count. Raises Damaged."""
        found = RecordingSummary(
            files=len(self._files), runs=len({head.run for head in self._heads}), topics=self.topics
        )
        for record in self:
            if isinstance(record, RecordedFrame):
                found.frames += 1
                found.bytes += len(record.frame)
                found.first_ns = record.received_ns if found.first_ns is None else found.first_ns
                found.last_ns = record.received_ns
                continue
            found.events[record.name] = found.events.get(record.name, 0) + 1
            found.gaps += record.gap is not None
            found.lost += record.frames if record.name == "lost" else 0
        found.unfinished = found.runs - found.events.get("end", 0)
        return found

    def updates(
        self,
        topics: str | Iterable[str] | None = None,
        *,
        on_event: Callable[[RecordedEvent], object] | None = None,
        on_unreadable: Callable[[RecordedFrame, str], object] | None = None,
        on_frame: Callable[[RecordedFrame], object] | None = None,
    ) -> Iterator[Update[StreamData]]:
        """The updates in it, as a client would have handed them over, oldest first.

        Args:
            topics: Only these; None: all that were recorded.
            on_event: Called with each event in its place: a gap, a lost socket, frames the recorder left out.
            on_unreadable: Called with a frame that cannot be decoded, and why. Without it, it is logged.
            on_frame: Called with each frame before it is decoded.

        Raises:
            ParameterError: A topic was not recorded.
            Damaged: A file is not as it was written.
        """
        decoder = FrameDecoder(self.chosen(topics))
        for record in self:
            if isinstance(record, RecordedEvent):
                if on_event is not None:
                    on_event(record)
                continue
            if on_frame is not None:
                on_frame(record)
            yield from _decoded(decoder, record, on_unreadable)

    async def replay(
        self,
        *,
        speed: float | None = 1.0,
        topics: str | Iterable[str] | None = None,
        on_event: Callable[[RecordedEvent], object] | None = None,
    ) -> AsyncIterator[Update[StreamData]]:
        """The updates in it, at the pace they came in.

        Args:
            speed: 1 is the recorded pace, 10 ten times as fast; None: as fast as they are taken. Between two
                runs of a recorder there is no wait.
            topics: As for :meth:`updates`.
            on_event: As for :meth:`updates`.

        Raises:
            ParameterError: The speed is not above 0, or a topic was not recorded.
            Damaged: A file is not as it was written.
        """
        decoder = FrameDecoder(self.chosen(topics))
        count = 0
        async for record in self.paced(speed=speed):
            if isinstance(record, RecordedEvent):
                if on_event is not None:
                    on_event(record)
                continue
            for update in _decoded(decoder, record, None):
                yield update
                count += 1
                if count % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)

    async def paced(self, *, speed: float | None = 1.0) -> AsyncIterator[Record]:
        """The records in it, at the pace they came in; see :meth:`replay`."""
        if speed is not None and not 0 < speed < float("inf"):
            raise ParameterError(f"speed={speed!r}: must be above 0; None is as fast as possible")
        loop = asyncio.get_running_loop()
        begun_ns, begun = 0, 0.0
        run = ""
        for file, head in zip(self._files, self._heads, strict=True):
            for record in _records(file):
                if speed is not None:
                    if run != head.run:
                        run, begun_ns, begun = head.run, record.monotonic_ns, loop.time()
                    wait = begun + (record.monotonic_ns - begun_ns) / 1e9 / speed - loop.time()
                    if wait > 0:
                        await asyncio.sleep(wait)
                yield record

    async def data_frames(self, *, speed: float | None = 1.0) -> AsyncIterator[str]:
        """The data frames in it as text, inflated where they came deflated, at the pace they came in.

        ``Sandbox(replay=True).feed([text])`` serves them to any client.

        Args:
            speed: As for :meth:`replay`.
        """
        async for record in self.paced(speed=speed):
            if isinstance(record, RecordedFrame):
                text = data_text(record)
                if text is not None:
                    yield text

    def chosen(self, topics: str | Iterable[str] | None) -> list[str]:
        """These topics, or all that were recorded. Raises ParameterError for one that was not."""
        recorded = self.topics
        if topics is None:
            return list(recorded)
        chosen = [topics] if isinstance(topics, str) else [str(topic) for topic in topics]
        for topic in chosen:
            if topic not in recorded:
                listed = ", ".join(recorded[:8]) + (", ..." if len(recorded) > 8 else "")
                raise ParameterError(f"{topic} was not recorded in {self._path}; there are: {listed}")
        return chosen


def _decoded(
    decoder: FrameDecoder,
    record: RecordedFrame,
    on_unreadable: Callable[[RecordedFrame, str], object] | None,
) -> Iterator[Update[StreamData]]:
    try:
        updates = decoder.read(record)
    except DecodeError as error:
        if on_unreadable is not None:
            on_unreadable(record, str(error))
        else:
            _log.warning("a recorded frame of %d bytes cannot be read: %s", len(record.frame), error)
        return
    yield from updates


def _head_of(file: Path) -> Head | None:
    """What a file begins with; None when it was killed before its first line was down."""
    with file.open("rb") as opened:
        for _, _, content in frames(opened):
            try:
                return read_head(content.partition(b"\n")[0])
            except LineUnreadable as error:
                raise Damaged(f"{file.name}: {error}") from None
    return None


def _records(file: Path) -> Iterator[Record]:
    with file.open("rb") as opened:
        for number, (offset, _, content) in enumerate(frames(opened)):
            for line in content.split(b"\n")[1 if number == 0 else 0 :]:
                if not line:
                    continue  # behind the last one
                try:
                    yield read_line(line)
                except LineUnreadable as error:
                    raise Damaged(f"{file.name}: at byte {offset}: {error}") from None
