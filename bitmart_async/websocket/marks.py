"""Data frames known at a glance: a memo from the bytes around their key to where they go.

A plain data frame names its key in its first or its last member, so the *mark* of a frame, from one end to the
member ``data`` or back to it, says everything: equal marks, equal keys. The memo is asked once per frame, by the
loop in ``intake.py``, which writes :func:`mark_of` out instead of calling it; for marks at the end it knows their
lengths by their last bytes, which saves the search for the quotation mark before the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bitmart_async.websocket.feeds import Feed

__all__ = ["BEFORE_KEY", "DATA_FIRST", "HEAD_SIZE", "LONGEST_KEY", "TAIL_SIZE", "Marks", "mark_of"]

DATA_FIRST: Final = b'{"data":'
HEAD_SIZE: Final = 10
"""Of ``{"table":"`` and ``{"group":"``: the key begins there."""
BEFORE_KEY: Final = 9
"""Of ``,"table":`` and ``,"group":``: so far before the key's quotation mark a mark at the end begins. Of
``","data":`` as well: so far after the key a mark at the start ends."""
TAIL_SIZE: Final = 8
"""Bytes that tell the marks at the end apart, nearly always."""
_MOST: Final = 4096
"""Marks remembered; a server that makes up new keys for ever must not fill the memory."""
LONGEST_KEY: Final = 256
"""Bytes of a key that is remembered: a few kilobytes inflate to a key of megabytes."""


def mark_of(frame: bytes) -> bytes:
    """The bytes around a data frame's key; for any other frame, whatever stands there."""
    if frame.startswith(DATA_FIRST):
        return frame[frame.rfind(b'"', 0, -2) - BEFORE_KEY :]
    return frame[: frame.find(b'"', HEAD_SIZE) + BEFORE_KEY]


class Marks:
    """See the module's text."""

    __slots__ = ("feeds", "sizes")

    def __init__(self) -> None:
        self.feeds: dict[bytes, Feed] = {}
        """By mark. This and ``sizes`` are cleared, never replaced: readers hold them."""
        self.sizes: dict[bytes, int] = {}
        """Lengths of the marks at the end, by their last bytes; 0 where these are not enough to tell."""

    def learn(self, frame: bytes, key: bytes, heads: tuple[bytes, bytes], feed: Feed) -> None:
        """Remember where frames with this frame's mark go, if every such frame is a data frame of this key."""
        head, tail = heads
        mark = mark_of(frame)
        if len(key) > LONGEST_KEY or mark not in (head + key + b'","data":', tail + key + b'"}'):
            return
        if len(self.feeds) >= _MOST:
            self.clear()
        self.feeds[mark] = feed
        if frame.startswith(DATA_FIRST):
            size = len(mark)
            known = self.sizes.setdefault(mark[-TAIL_SIZE:], size)
            if known != size:
                self.sizes[mark[-TAIL_SIZE:]] = 0

    def clear(self) -> None:
        """Forget all."""
        self.feeds.clear()
        self.sizes.clear()
