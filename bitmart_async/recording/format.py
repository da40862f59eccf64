"""What a line of a recording is. Pure.

A recording is a folder of files ``000001-20261120T200000Z.ndjson.zst``. Each is a row of zstd frames, and
each of these holds whole lines of JSON; half a frame at the end is what a killed process was writing.
The first line of a file tells of the recording; every other line is a frame or an event:

=====  =========================================================================================
key    value
=====  =========================================================================================
t      when it was received, Unix nanoseconds by this machine's clock
m      the same moment on the monotonic clock, nanoseconds; comparable within one run of a recorder
c      the connection: ``spot_public``, ``futures_private_2``
g      its generation: counts its sockets
f      the frame, when it is JSON text: its very bytes
s      the frame, when it is other text, as a JSON string
b      the frame, when it is not UTF-8, in base64
e      the event's name; ``about`` holds what belongs to it
=====  =========================================================================================
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from bitmart_async.websocket.events import Gap

__all__ = [
    "FORMAT",
    "About",
    "Head",
    "LineUnreadable",
    "Record",
    "RecordedEvent",
    "RecordedFrame",
    "event_line",
    "frame_line",
    "head_line",
    "read_head",
    "read_line",
]

FORMAT: Final = "bitmart-recording/1"


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """A frame as it came from a socket."""

    connection: str
    generation: int
    """Counts the sockets of the connection, from 1."""
    received_ns: int
    """Unix nanoseconds, by the clock of the machine that recorded."""
    monotonic_ns: int
    """The same moment on its monotonic clock; comparable within one run of a recorder."""
    frame: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """Something that happened while it was recorded.

    The names are those of ``ws.on()``, and from the recorder itself: ``begin`` and ``end`` of a run; ``refused``,
    topics the exchange does not serve; ``lost``, frames that are missing here because the disk was too slow;
    ``slow``, a write that took long. From whoever reads it: ``missing``, a file or frames that the recording had and
    has no more; ``damaged``, a place that cannot be read, when it is read with ``salvage=True``.
    """

    name: str
    connection: str = ""
    """Empty when it concerns all."""
    generation: int = 0
    at_ns: int
    """Unix nanoseconds."""
    monotonic_ns: int
    topics: tuple[str, ...] = ()
    error: str = ""
    gap: Gap | None = None
    """When updates may be missing."""
    frames: int = 0
    """Of ``lost`` and ``missing``: how many are missing; of ``end``: how many the run has recorded."""
    seconds: float | None = None
    """Of ``reconnecting``: until the next try; of ``slow``: how long the write took."""


Record: TypeAlias = RecordedFrame | RecordedEvent


class About(msgspec.Struct, frozen=True, omit_defaults=True):
    """What belongs to an event."""

    topics: tuple[str, ...] = ()
    error: str = ""
    gap: tuple[int, int] | None = None
    frames: int = 0
    seconds: float | None = None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a file."""

    format: str
    run: str
    """Names one run of a recorder: its files share it."""
    part: int
    """Counts the files of a run, from 1."""
    t: int
    m: int
    environment: str
    topics: tuple[str, ...]
    """As subscribed; what was refused is told by an event."""
    library: str


class LineUnreadable(Exception):
    """A line is none of a recording; the text says why."""


class _Line(msgspec.Struct):
    t: int
    m: int
    c: str = ""
    g: int = 0
    f: msgspec.Raw = msgspec.Raw()
    s: str | None = None
    b: str | None = None
    e: str | None = None
    about: About = About()


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Line).decode
_decode_head: Final = msgspec.json.Decoder(Head).decode
_check: Final = msgspec.json.Decoder(msgspec.Raw).decode


def head_line(head: Head) -> bytes:
    """The first line of a file."""
    return _encode(head) + b"\n"


def frame_line(connection: str, generation: int, frame: bytes, received_ns: int, monotonic_ns: int) -> bytes:
    """The line of a frame; ``read_line`` gives the same bytes back, whatever they are."""
    return b'{"t":%d,"m":%d,"c":"%s","g":%d,%s}\n' % (
        received_ns, monotonic_ns, connection.encode(), generation, _told(frame),
    )  # fmt: skip


def _told(frame: bytes) -> bytes:
    if _embeds(frame):
        return b'"f":' + frame
    try:
        return b'"s":' + _encode(frame.decode())
    except UnicodeDecodeError:
        return b'"b":"' + base64.b64encode(frame) + b'"'


def _embeds(frame: bytes) -> bool:
    """Whether it is JSON that can stand in a line and be cut out again, byte for byte."""
    if b"\n" in frame or b"\r" in frame:
        return False
    try:
        if not frame.isascii():
            frame.decode()
        return len(bytes(_check(frame))) == len(frame)  # blanks around it would not come back
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def event_line(event: RecordedEvent) -> bytes:
    """The line of an event."""
    gap = None if event.gap is None else (event.gap.started_ns, event.gap.ended_ns)
    about = About(event.topics, event.error, gap, event.frames, event.seconds)
    line: dict[str, object] = {"t": event.at_ns, "m": event.monotonic_ns}
    if event.connection:
        line |= {"c": event.connection, "g": event.generation}
    return _encode(line | {"e": event.name, "about": about}) + b"\n"


def read_head(line: bytes) -> Head:
    """The first line of a file. Raises LineUnreadable."""
    try:
        head = _decode_head(line)
    except msgspec.MsgspecError as error:
        raise LineUnreadable(f"it does not begin like a recording: {error}") from None
    if head.format != FORMAT:
        raise LineUnreadable(f"its format is {head.format!r}; this library reads {FORMAT!r}")
    return head


def read_line(line: bytes) -> Record:
    """Any other line. Raises LineUnreadable."""
    try:
        read = _decode(line)
        if read.e is not None:
            about = read.about
            return RecordedEvent(
                name=read.e, connection=read.c, generation=read.g, at_ns=read.t, monotonic_ns=read.m,
                topics=about.topics, error=about.error, gap=None if about.gap is None else Gap(*about.gap),
                frames=about.frames, seconds=about.seconds,
            )  # fmt: skip
        frame = bytes(read.f)
        if frame:
            pass  # its very bytes
        elif read.s is not None:
            frame = read.s.encode()
        elif read.b is not None:
            frame = base64.b64decode(read.b, validate=True)
        else:
            raise LineUnreadable("a line holds neither frame nor event")
    except (msgspec.MsgspecError, ValueError) as error:
        raise LineUnreadable(f"a line cannot be read: {error}") from None
    return RecordedFrame(read.c, read.g, read.t, read.m, frame)
