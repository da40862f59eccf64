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

from collections import Counter, deque

__all__ = ["Handover"]

_MOST_KEPT = 20_000
_MOST_BYTES = 32 * 1024 * 1024


class Handover:
    """What the two sockets have brought during the overlap."""

    def __init__(self) -> None:
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

    def old(self, frame: bytes) -> None:
        """A data frame came on the old socket, and is delivered."""
        self._brought[hash(frame)] += 1

    def new(self, frame: bytes, *, chained: bool) -> bool:
        """A data frame came on the new socket; whether to deliver it now.

        Args:
            chained: It belongs to an incremental book.
        """
        if not self.done:
            self._kept.append((frame, chained))
            self._bytes += len(frame)
            return False
        return chained or not self._known(frame)

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
