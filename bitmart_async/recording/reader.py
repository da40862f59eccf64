"""Recording: what was recorded, in order, as records or as updates, at any pace."""

from __future__ import annotations

import asyncio
import importlib
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bitmart_async.archive.raw import Damaged, frames, next_frame
from bitmart_async.decoding import DecodeError
from bitmart_async.errors import ConfigurationError, ParameterError
from bitmart_async.recording.decode import FrameDecoder, data_text
from bitmart_async.recording.disk import SUFFIX, number_of, store_extra
from bitmart_async.recording.format import (
    FORMAT,
    Head,
    LineUnreadable,
    RecordedEvent,
    RecordedFrame,
    read_head,
    read_line,
)

if TYPE_CHECKING:
    import io
    import os
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from bitmart_async.recording.format import Record
    from bitmart_async.websocket.events import StreamData, Update

__all__ = ["Recording", "RecordingSummary"]

_log = logging.getLogger("bitmart_async.recording")
_FIRST_PIECES = 3
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
    missing: int = 0
    """Frames that were recorded and are not in these files any more, as far as the end of their run tells."""
    damaged: tuple[str, ...] = ()
    """Places that cannot be read, and files that are not there; each in a sentence."""
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
    iteration begins anew and holds one piece of a file in memory. Files of a run that are gone, and frames that its
    end counts and the files do not hold, are told by an event ``missing``.

    Args:
        path: The folder a recorder wrote, or one of its files.
        salvage: Read past places that cannot be read, each told by an event ``damaged``, instead of raising.

    Raises:
        ConfigurationError: There is no recording, or zstandard is not installed.
        Damaged: A file is not as it was written.
    """

    def __init__(self, path: str | os.PathLike[str], *, salvage: bool = False) -> None:
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
        self._salvage = salvage
        self._whole = self._path.is_dir()
        """Whether the files of a run are all meant to be here."""
        heads: list[tuple[Path, Head]] = []
        for file in self._files:
            before = heads[-1][1] if heads else None
            head = _salvaged_head(file, before) if salvage else _head_of(file)
            if head is not None:
                heads.append((file, head))
        self._files = [file for file, _ in heads]
        self._heads = _settled([head for _, head in heads])
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
        for _, record in self._walk():
            yield record

    def _walk(self) -> Iterator[tuple[Head, Record]]:
        """Every record with its file's head, and what is found to be missing."""
        check = _Completeness()
        for number, (file, head) in enumerate(zip(self._files, self._heads, strict=True)):
            last = number + 1 == len(self._heads) or self._heads[number + 1].run != head.run
            if self._whole and (gap := check.file(head)) is not None:
                yield head, gap
            for record in _records(file, check, salvage=self._salvage, torn=self._whole and not last):
                short = check.record(record)
                if self._whole and short is not None:
                    yield head, short
                yield head, record

    def summary(self, *, on_progress: Callable[[int], object] | None = None) -> RecordingSummary:
        """Read all of it and count. Raises Damaged, unless it is salvaged.

        Args:
            on_progress: Called with the number of frames read, every thousand.
        """
        found = RecordingSummary(
            files=len(self._files), runs=len({head.run for head in self._heads}), topics=self.topics
        )
        for record in self:
            if isinstance(record, RecordedFrame):
                found.frames += 1
                found.bytes += len(record.frame)
                found.first_ns = record.received_ns if found.first_ns is None else found.first_ns
                found.last_ns = record.received_ns
                if on_progress is not None and found.frames % 1000 == 0:
                    on_progress(found.frames)
                continue
            found.events[record.name] = found.events.get(record.name, 0) + 1
            found.gaps += record.gap is not None
            found.lost += record.frames if record.name == "lost" else 0
            if record.name in ("missing", "damaged"):
                found.missing += record.frames
                found.damaged += (record.error,)
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
        for head, record in self._walk():
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


class _Completeness:
    """Whether a run's files and frames are all there. Pure.

    The files of a run are numbered, and its end counts its frames; a run that was killed has no end.
    """

    def __init__(self) -> None:
        self._run = ""
        self._part = 1
        self._frames = 0
        self._at_ns = self._monotonic_ns = 0

    def file(self, head: Head) -> RecordedEvent | None:
        """The next file; an event when others should have come before it."""
        if head.run != self._run:
            self._run, self._part, self._frames = head.run, 1, 0
        expected, self._part = self._part, head.part + 1
        self._at_ns, self._monotonic_ns = head.t, head.m
        if head.part <= expected:
            return None
        files = f"file {expected}" if head.part == expected + 1 else f"files {expected} to {head.part - 1}"
        return self.event("missing", f"{files} of this run: not there")

    def record(self, record: Record) -> RecordedEvent | None:
        """The next record; an event when it is the end of a run that counts more frames than came."""
        if isinstance(record, RecordedFrame):
            self._frames += 1
            self._at_ns, self._monotonic_ns = record.received_ns, record.monotonic_ns
            return None
        if record.name == "end" and record.frames > self._frames:
            missing = record.frames - self._frames
            text = f"{missing:,} of the {record.frames:,} frames this run took are not in its files"
            return self.event("missing", text, frames=missing)
        return None

    def event(self, name: str, error: str, *, frames: int = 0) -> RecordedEvent:
        """An event at the place where the reading is."""
        return RecordedEvent(
            name=name, at_ns=self._at_ns, monotonic_ns=self._monotonic_ns, error=error, frames=frames
        )


def _head_of(file: Path) -> Head | None:
    """What a file begins with; None when it was killed before its first line was down."""
    with file.open("rb") as opened:
        for _, _, content in frames(opened):
            try:
                return read_head(content.partition(b"\n")[0])
            except LineUnreadable as error:
                raise Damaged(f"{file.name}: {error}") from None
    return None


def _salvaged_head(file: Path, before: Head | None) -> Head | None:
    """The same of a file that may be damaged: then it follows the one before, or is a run of its own."""
    try:
        return _head_of(file)
    except Damaged:
        begin = _begin_of(file)
        if before is not None and begin is None:
            return msgspec.structs.replace(before, part=before.part + 1)
        topics = begin.topics if begin is not None else ()
        return Head(format=FORMAT, run=file.name, part=1, t=0, m=0, environment="", topics=topics, library="")


def _settled(heads: list[Head]) -> list[Head]:
    """A file that lost its head is the one before the next, when that is not the first of its run."""
    settled = heads[-1:]
    for head in reversed(heads[:-1]):
        after = settled[0]
        if not head.library and after.part > 1:
            settled.insert(0, msgspec.structs.replace(after, part=after.part - 1, t=head.t, m=head.m))
        else:
            settled.insert(0, head)
    return settled


def _begin_of(file: Path) -> RecordedEvent | None:
    """The event a run begins with, if it is among the first pieces of a file: it names the topics too."""
    with file.open("rb") as opened:
        for _, content in islice(_pieces(file, opened, salvage=True, torn=False), _FIRST_PIECES):
            for line in content.split(b"\n") if isinstance(content, bytes) else ():
                with suppress(LineUnreadable):
                    record = read_line(line)
                    if isinstance(record, RecordedEvent) and record.name == "begin":
                        return record
    return None


def _records(file: Path, check: _Completeness, *, salvage: bool, torn: bool) -> Iterator[Record]:
    """The records of a file; with ``torn`` half a piece at its end is damage and no kill."""
    with file.open("rb") as opened:
        for offset, content in _pieces(file, opened, salvage=salvage, torn=torn):
            if isinstance(content, str):
                yield check.event("damaged", content)
                continue
            for number, line in enumerate(content.split(b"\n")):
                if not line or (number == offset == 0 and _is_head(line)):
                    continue
                try:
                    yield read_line(line)
                except LineUnreadable as error:
                    text = f"{file.name}: at byte {offset}: {error}"
                    if not salvage:
                        raise Damaged(text) from None
                    yield check.event("damaged", text)


def _is_head(line: bytes) -> bool:
    try:
        read_head(line)
    except LineUnreadable:
        return False
    return True


def _pieces(
    file: Path, opened: io.BufferedReader, *, salvage: bool, torn: bool
) -> Iterator[tuple[int, bytes | str]]:
    """Offset and content of every piece of a file; text instead where some cannot be read."""
    at = 0
    while True:
        try:
            for offset, length, content in frames(opened, at):
                yield offset, content
                at = offset + length
            left = file.stat().st_size - at
            if not torn or not left:
                return
            raise Damaged(f"{file.name}: its last {left:,} bytes are half a record, and the run went on")
        except Damaged as damage:
            if not salvage:
                raise
            found = next_frame(opened, at + 1)
            size = (file.stat().st_size if found is None else found) - at
            yield at, f"{damage}; {size:,} bytes left out"
            if found is None:
                return
            at = found
