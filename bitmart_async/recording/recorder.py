"""Recorder: what a client's sockets bring, into files.

Frames are taken where they are read, before anything decodes them, together with the events around
them, and handed to :mod:`~bitmart_async.recording.disk`. Nothing here waits for the disk: when more waits than
may, frames are left out, counted, and a ``lost`` event stands in the recording in their place.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from bitmart_async._version import __version__
from bitmart_async.archive.lock import Lock
from bitmart_async.errors import BitMartError, ConfigurationError, SubscriptionRefused
from bitmart_async.recording.disk import DiskWriter
from bitmart_async.recording.format import FORMAT, Head, RecordedEvent, event_line, frame_line, head_line
from bitmart_async.websocket.dialects import FUTURES, SPOT, data_key
from bitmart_async.websocket.topics import Market, Topic, parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from bitmart_async.websocket.client import WebsocketClient
    from bitmart_async.websocket.events import Event, Gap, StreamData
    from bitmart_async.websocket.subscription import Subscription

__all__ = ["Recorder", "RecorderStats"]

_log = logging.getLogger("bitmart_async.recording")
_LEFT_OUT: Final = frozenset({"response", "update", "reconnect"})
"""Events the frames themselves tell of."""
_SLICE: Final = 100
"""Topics that are subscribed at a time: about one socket's worth."""
_MOST_KEYS: Final = 10_000


@dataclass(slots=True, kw_only=True)
class RecorderStats:
    """What a recorder has done so far."""

    began_ns: int
    """Unix nanoseconds."""
    seconds: float = 0.0
    frames: int = 0
    """Frames taken."""
    bytes: int = 0
    """In them."""
    lost: int = 0
    """Frames that found no room, because the disk was too slow; marked in the recording. When the disk has refused
    a write and the recorder has ended: also those that were not written any more, without a mark."""
    waiting: int = 0
    """Bytes that are not written yet."""
    files: int = 0
    written: int = 0
    """Bytes on the disk."""
    longest_write: float = 0.0
    """Seconds the slowest write took."""
    gaps: int = 0
    """Times in which updates may have been lost before they came here."""
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Topics the exchange does not serve, and its words."""
    channels: dict[str, int] = field(default_factory=dict[str, int])
    """Frames by channel; ``(other)`` are acknowledgements, signs of life and binary frames."""
    last_frame_ns: int | None = None
    """When the last one came, Unix nanoseconds."""


class Recorder:
    """Records topics while its ``async with`` block runs.

    The topics are subscribed through the client, which may do other things meanwhile; frames of channels
    that are none of the recorder's are left out. A topic the exchange refuses is noted and left out, unless
    all are refused. Leaving the block writes everything that came.

    Args:
        ws: The client whose sockets are recorded. It stays open.
        topics: One or several, as ``ws.subscribe`` takes them.
        path: The folder; it is made when it is not there, and what it has already is kept.
        rotate_bytes: A file that has become so large on the disk is followed by a new one.
        rotate_seconds: So is one that is so old.
        most_waiting: Bytes of memory for frames the disk has not taken yet.

    Raises:
        ConfigurationError: zstandard is not installed, another process records into the folder, or an option
            cannot be used.
        TopicError: A topic is malformed.
    """

    def __init__(
        self,
        ws: WebsocketClient,
        topics: str | Topic[object] | Iterable[str | Topic[object]],
        *,
        path: str | os.PathLike[str],
        rotate_bytes: int = 256 * 1024 * 1024,
        rotate_seconds: float = 3600.0,
        most_waiting: int = 64 * 1024 * 1024,
    ) -> None:
        given: list[str | Topic[object]] = [topics] if isinstance(topics, str | Topic) else list(topics)
        parsed = [one if isinstance(one, Topic) else parse(one) for one in given]
        self._topics = {topic.text: topic for topic in parsed}
        if not self._topics:
            raise ConfigurationError("give a recorder at least one topic")
        for name, value, least in (
            ("rotate_bytes", rotate_bytes, 1),
            ("rotate_seconds", rotate_seconds, 0.1),
            ("most_waiting", most_waiting, 100_000),
        ):
            if not value >= least:
                raise ConfigurationError(f"{name}={value!r}: must be {least:g} or more")
        self._ws = ws
        self._path = Path(path)
        self._rotate_bytes, self._rotate_seconds = rotate_bytes, rotate_seconds
        self._most_waiting = most_waiting
        self._wanted = _Wanted(self._topics.values())
        self._disk: DiskWriter | None = None
        self._lock: Lock | None = None
        self._subscriptions: list[Subscription[StreamData]] = []
        self._untap = _nothing
        self._counts: Counter[bytes | None] = Counter()
        self._lost: Counter[tuple[str, int]] = Counter()
        """Frames left out since the last mark, by connection and generation."""
        self._stats = RecorderStats(began_ns=time.time_ns())
        self._began = time.monotonic()

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    @property
    def stats(self) -> RecorderStats:
        """What has been done so far."""
        stats, disk = self._stats, self._disk
        if disk is not None:
            stats.waiting, stats.files, stats.written = disk.waiting, disk.parts, disk.written
            stats.longest_write = disk.longest_write
            if self._lock is not None:
                stats.seconds = time.monotonic() - self._began
        stats.channels = self._wanted.by_channel(self._counts)
        return stats

    def check(self) -> None:
        """Raise what the disk has refused: nothing is recorded from then on.

        Raises:
            OSError: The disk is full, say.
        """
        if self._disk is not None and self._disk.error is not None:
            raise self._disk.error

    async def __aenter__(self) -> Self:
        self._path.mkdir(parents=True, exist_ok=True)
        self._lock = Lock(self._path, "recording")
        try:
            now = time.time_ns()
            self._disk = DiskWriter(
                self._path,
                head=partial(
                    _make_head, f"{now:x}-{os.getpid():x}", self._ws.environment.name, tuple(self._topics)
                ),
                line=frame_line,
                slow=_slow,
                most_waiting=self._most_waiting,
                rotate_bytes=self._rotate_bytes,
                rotate_seconds=self._rotate_seconds,
            )
            self._disk.start()
            self._stats = RecorderStats(began_ns=now)
            self._began = time.monotonic()
            self._note("begin", topics=tuple(self._topics))
            self._untap = self._ws.tap(self._take, events=self._heed)
            await self._subscribe()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._untap()  # first: what comes while topics are being left is nobody's
        try:
            for subscription in self._subscriptions:
                await subscription.unsubscribe()
        except BitMartError as refused:  # a client that is closed already, a socket that is gone
            _log.debug("the topics of %s were not left: %s", self._path, refused)
        finally:
            await self._close()
        if kind is None:
            self.check()

    async def _subscribe(self) -> None:
        wanted = list(self._topics.values())
        refused: SubscriptionRefused | None = None
        for first in range(0, len(wanted), _SLICE):
            try:
                subscription = await self._ws.subscribe(wanted[first : first + _SLICE], raw=_ignore)
            except SubscriptionRefused as error:
                refused = error
                self._stats.refused.update(error.refused)
                for topic, why in error.refused.items():
                    self._note("refused", topics=(topic,), error=why)
                if error.subscription is None:
                    continue
                subscription = cast("Subscription[StreamData]", error.subscription)
            self._subscriptions.append(subscription)
        if not self._subscriptions and refused is not None:
            raise refused

    async def _close(self) -> None:
        self._untap()
        lock, self._lock = self._lock, None
        try:
            if self._disk is not None:
                self._stats.seconds = time.monotonic() - self._began
                self._mark_lost()
                self._note("end", frames=self._stats.frames)
                await asyncio.to_thread(self._disk.close)
                if self._disk.error is not None:  # what waited was taken, and is not there
                    self._stats.lost += self._stats.frames - self._disk.kept
                    self._stats.frames = self._disk.kept
        finally:
            if lock is not None:
                lock.close()

    # In the read ---------------------------------------------------------------------------------

    def _take(self, connection: str, generation: int, frame: bytes, received_ns: int) -> None:
        key = data_key(frame, FUTURES.heads if connection[0] == "f" else SPOT.heads)
        if key is not None and not self._wanted.has(key):
            return
        disk, stats = self._disk, self._stats
        assert disk is not None, "tapped after it was opened"
        if self._lost and disk.waiting < self._most_waiting / 2:
            self._mark_lost()
        if self._lost or not disk.put(connection, generation, frame, received_ns, time.monotonic_ns()):
            if not self._lost:
                _log.warning("%s: the disk is too slow; frames are left out of the recording", self._path)
            self._lost[connection, generation] += 1
            stats.lost += 1
            return
        stats.frames += 1
        stats.bytes += len(frame)
        stats.last_frame_ns = received_ns
        if len(self._counts) < _MOST_KEYS or key in self._counts:
            self._counts[key] += 1

    def _mark_lost(self) -> None:
        """Say in the recording how much is missing here."""
        for (connection, generation), count in self._lost.items():
            self._note("lost", connection=connection, generation=generation, frames=count)
        self._lost.clear()

    def _heed(self, event: Event) -> None:
        if event.name in _LEFT_OUT:
            return
        if event.gap is not None:
            self._stats.gaps += 1
        error = "" if event.error is None else f"{type(event.error).__name__}: {event.error}"
        self._note(
            event.name,
            connection=event.connection,
            generation=event.generation,
            topics=event.topics,
            error=error,
            gap=event.gap,
            seconds=event.delay,
        )

    def _note(
        self,
        name: str,
        *,
        connection: str = "",
        generation: int = 0,
        topics: tuple[str, ...] = (),
        error: str = "",
        gap: Gap | None = None,
        frames: int = 0,
        seconds: float | None = None,
    ) -> None:
        assert self._disk is not None, "opened before"
        event = RecordedEvent(
            name=name,
            connection=connection,
            generation=generation,
            at_ns=time.time_ns(),
            monotonic_ns=time.monotonic_ns(),
            topics=topics,
            error=error,
            gap=gap,
            frames=frames,
            seconds=seconds,
        )
        self._disk.put_line(event_line(event))


class _Wanted:
    """Which keys of data frames belong to the topics."""

    def __init__(self, topics: Iterable[Topic[object]]) -> None:
        self._names: set[str] = set()
        for topic in topics:
            if topic.market is Market.FUTURES:
                self._names.add(topic.text.partition("@")[0])
            else:
                self._names.add(f"spot/{topic.channel}")
                if topic.channel in ("user/order", "user/orders"):  # the exchange uses both for either
                    self._names |= {"spot/user/order", "spot/user/orders"}
        self._known: dict[bytes, bool] = {}

    def has(self, key: bytes) -> bool:
        """Whether a frame of this key is to be kept."""
        known = self._known.get(key)
        if known is None:
            text = key.decode("utf-8", "replace").replace("\\/", "/").partition("@")[0]
            known = key == b"System" or text in self._names or text.partition(":")[0] in self._names
            if len(self._known) < _MOST_KEYS:
                self._known[key] = known
        return known

    @staticmethod
    def by_channel(counts: Counter[bytes | None]) -> dict[str, int]:
        """Frames by channel."""
        found: Counter[str] = Counter()
        for key, count in counts.items():
            text = "(other)" if key is None or key == b"System" else key.decode("utf-8", "replace")
            found[text.partition(":")[0].partition("@")[0]] += count
        return dict(found.most_common())


def _make_head(run: str, environment: str, topics: tuple[str, ...], part: int) -> bytes:
    return head_line(
        Head(
            format=FORMAT,
            run=run,
            part=part,
            t=time.time_ns(),
            m=time.monotonic_ns(),
            environment=environment,
            topics=topics,
            library=__version__,
        )
    )


def _slow(seconds: float) -> bytes:
    _log.warning("a write to the recording took %.1f s: the disk is slow", seconds)
    return event_line(
        RecordedEvent(name="slow", at_ns=time.time_ns(), monotonic_ns=time.monotonic_ns(), seconds=seconds)
    )


def _ignore(_: str, __: bytes) -> None:
    """The frames are taken by the tap, as they came; this says that nobody wants them decoded."""


def _nothing() -> None:
    """No tap to end."""
