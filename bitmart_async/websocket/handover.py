"""From one socket to its replacement without losing or repeating an update. Pure.

While both sockets have the topics, the old one's frames are delivered as ever and counted; the new one's
are kept. Once the old one has answered a ping that was sent after the new one had every topic, all it
will ever say about the time before has been read: it leaves, and what was kept is released without the
frames the old one had already brought. A frame is the same when its bytes are; two equal trades in two
frames are two, and stay two, because frames are counted per socket. The new socket may still be behind:
until it has answered a ping of its own, frames the old one had brought go on being left out.

Incremental books are not compared. A subscription begins with a snapshot, and the changes after it make
sense only together with it: all of the new socket's frames are released, and the book starts again from
that snapshot.
"""

from __future__ import annotations

import contextlib
import zlib
from collections import Counter, deque
from typing import TYPE_CHECKING

from bitmart_async.decoding import DecodeError
from bitmart_async.websocket.dialects import data_key, heartbeat
from bitmart_async.websocket.frames import MOST_INFLATED

if TYPE_CHECKING:
    from bitmart_async.websocket.dialects import Dialect
    from bitmart_async.websocket.session import Session

__all__ = ["Handover"]

_MOST_KEPT = 20_000
_MOST_BYTES = 32 * 1024 * 1024
_BOOK_CHANNELS = (b"depth/increase", b"depthIncrease")
"""Incremental books."""


class Handover:
    """What the two sockets have brought during the overlap.

    Args:
        old: The conversation on the socket that leaves.
        new: That on the one that replaces it.
    """

    def __init__(self, dialect: Dialect, old: Session, new: Session) -> None:
        self._dialect = dialect
        self._old = old
        self._new = new
        self._brought: Counter[int] = Counter()
        """Hashes of the old socket's frames that the new one has not brought yet."""
        self._kept: deque[tuple[bytes, bool]] = deque()
        self._bytes = 0
        self.done = False
        """Whether the old socket has left."""

    @property
    def overfull(self) -> bool:
        """Whether the new socket has brought more than is worth keeping: the overlap takes too long."""
        return len(self._kept) > _MOST_KEPT or self._bytes > _MOST_BYTES

    @property
    def caught_up(self) -> bool:
        """Whether the new socket has brought everything the old one had."""
        return self.done and not self._brought

    def admit(self, frame: bytes, session: Session) -> bool:
        """Whether a frame that came on one of them is to be read now."""
        text = _inflated(frame)
        if not self._is_data(text):
            return True
        if session is self._new:
            return self._admit_new(frame, text)
        if session is not self._old or self.done:
            return False  # of a socket that has been replaced
        self._brought[hash(frame)] += 1
        return True

    def _admit_new(self, frame: bytes, text: bytes) -> bool:
        chained = self._is_chained(text)
        if self.done:
            return chained or not self._known(frame)
        self._kept.append((frame, chained))
        self._bytes += len(frame)
        return False

    def finish(self) -> list[bytes]:
        """The old socket has left: the frames to deliver now, in order."""
        self.done = True
        kept, self._kept, self._bytes = self._kept, deque(), 0
        return [frame for frame, chained in kept if chained or not self._known(frame)]

    def _known(self, frame: bytes) -> bool:
        """Whether the old socket had brought it; each of its frames answers for one."""
        place = hash(frame)
        left = self._brought[place]
        if left > 1:
            self._brought[place] = left - 1
        else:
            del self._brought[place]
        return left > 0

    def _is_data(self, frame: bytes) -> bool:
        if not frame.startswith(b"{"):
            return heartbeat(frame) is None
        key = data_key(frame, self._dialect.heads)
        if key is not None:
            return key != b"System"
        try:
            return self._dialect.control(frame) is None
        except DecodeError:
            return True

    def _is_chained(self, frame: bytes) -> bool:
        """Whether it belongs to an incremental book."""
        key = data_key(frame, self._dialect.heads) or b""
        return any(channel in key for channel in _BOOK_CHANNELS)


def _inflated(frame: bytes) -> bytes:
    """A frame's text; the frame itself where it is no deflate stream, which its reader will say."""
    if not frame.startswith(b"{") and heartbeat(frame) is None:
        with contextlib.suppress(zlib.error):
            return zlib.decompressobj(-15).decompress(frame, MOST_INFLATED)
    return frame
