"""Lines to the disk, by a thread of its own: whoever brings them never waits.

What waits is bounded in bytes. What does not fit is refused here and counted by the caller. Every
half second, or as soon as there is much, the thread packs what waits into one zstd frame, writes it and
puts it on the disk; a process that is killed loses what had not been written by then, under a second.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bitmart_async.archive.journal import sync_folder
from bitmart_async.errors import ConfigurationError
from bitmart_async.text import install_extra

if TYPE_CHECKING:
    import io
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SUFFIX", "DiskWriter", "number_of", "store_extra"]

SUFFIX: Final = ".ndjson.zst"
_FLUSH_SECONDS: Final = 0.5
_SLOW_SECONDS = 1.0
_CHUNK: Final = 1 << 20
"""Bytes that are written without waiting for the clock."""
_LEVEL: Final = 3
_OVERHEAD: Final = 200
"""Bytes of memory a waiting frame costs beside its own."""

Waiting = tuple[str, int, bytes, int, int]


def store_extra(name: str) -> ConfigurationError:
    """The error for a library that is not installed."""
    return ConfigurationError(f"recordings need the library {name}: {install_extra('store')}")


class DiskWriter:
    """See the module's text.

    Args:
        folder: Where the files go; numbers go on behind those that are there.
        head: Makes the first line of a file from its number within this run.
        line: Makes the line of a frame.
        most_waiting: Bytes.
        rotate_bytes: A file that has become so large is followed by a new one.
        rotate_seconds: So is one that is so old.
        slow: Told by the thread when a write took longer than a second; returns a line about it.

    Raises:
        ConfigurationError: zstandard is not installed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        head: Callable[[int], bytes],
        line: Callable[[str, int, bytes, int, int], bytes],
        most_waiting: int,
        rotate_bytes: int,
        rotate_seconds: float,
        slow: Callable[[float], bytes],
    ) -> None:
        try:
            import zstandard
        except ModuleNotFoundError:
            raise store_extra("zstandard") from None
        self._compress = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress
        self._folder = folder
        self._head = head
        self._line = line
        self._most_waiting = most_waiting
        self._rotate_bytes = rotate_bytes
        self._rotate_seconds = rotate_seconds
        self._slow = slow
        self._waiting: deque[Waiting | bytes] = deque()
        self._brought = 0
        """Bytes accepted; only the bringing side changes it."""
        self._done = 0
        """Bytes written; only the thread changes it."""
        self._wake = threading.Event()
        self._stop = False
        self._number = max((number_of(path) for path in folder.glob(f"*{SUFFIX}")), default=0)
        self._file: io.FileIO | None = None
        self._opened = 0.0
        self._size = 0
        self.parts = 0
        """Files of this run."""
        self.written = 0
        """Bytes in them."""
        self.kept = 0
        """Frames in them."""
        self.longest_write = 0.0
        """Seconds."""
        self.error: Exception | None = None
        """Why it has ended before its time."""
        self._thread = threading.Thread(target=self._run, name="bitmart recorder", daemon=True)

    def start(self) -> None:
        """Open the first file and begin. Raises OSError."""
        self._next_file()
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Bytes that wait to be written."""
        return self._brought - self._done

    def put(
        self, connection: str, generation: int, frame: bytes, received_ns: int, monotonic_ns: int
    ) -> bool:
        """Take a frame; False when there is no room for it."""
        size = len(frame) + _OVERHEAD
        waiting = self._brought - self._done
        if waiting + size > self._most_waiting or self.error is not None:
            return False
        self._waiting.append((connection, generation, frame, received_ns, monotonic_ns))
        self._brought += size
        if waiting < _CHUNK <= waiting + size:
            self._wake.set()
        return True

    def put_line(self, line: bytes) -> None:
        """Take a line that is made already, whatever waits: an event."""
        self._waiting.append(line)
        self._brought += len(line) + _OVERHEAD

    def close(self) -> None:
        """Write everything and end; waits for it. Idempotent."""
        self._stop = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    # In the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                self._wake.wait(_FLUSH_SECONDS)
                self._wake.clear()
                last = self._stop
                self._write()
                if last and not self._waiting:
                    return
        except Exception as error:  # whatever it is: whoever brings lines must hear of it
            self.error = error
        finally:
            if self._file is not None:
                self._file.close()

    def _write(self) -> None:
        """Everything that waits, in frames of about a chunk."""
        while self._waiting:
            lines: list[bytes] = []
            size = taken = count = 0
            while self._waiting and size < _CHUNK:
                item = self._waiting.popleft()
                if isinstance(item, bytes):
                    taken += len(item) + _OVERHEAD
                    line = item
                else:
                    taken += len(item[2]) + _OVERHEAD
                    count += 1
                    line = self._line(*item)
                lines.append(line)
                size += len(line)
            began = time.monotonic()
            self._put_down(self._compress(b"".join(lines)))
            self._done += taken
            self.kept += count
            took = time.monotonic() - began
            self.longest_write = max(self.longest_write, took)
            if (
                took > _SLOW_SECONDS and not self._stop
            ):  # at the end a line about each write would be one more
                self.put_line(self._slow(took))
            if self._size >= self._rotate_bytes or time.monotonic() - self._opened >= self._rotate_seconds:
                self._next_file()

    def _put_down(self, data: bytes) -> None:
        assert self._file is not None, "opened by start()"
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
            os.fsync(self._file.fileno())
            gone = os.fstat(self._file.fileno()).st_nlink == 0
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._file.name)) from None
        if gone:  # what is written to it goes nowhere, and no system call says so
            raise FileNotFoundError(
                errno.ENOENT, "the file was deleted while it was written", str(self._file.name)
            )
        self._size += len(data)
        self.written += len(data)

    def _next_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._number += 1
        self.parts += 1
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self._folder / f"{self._number:06d}-{stamp}{SUFFIX}"
        self._file = path.open("xb", buffering=0)
        self._opened, self._size = time.monotonic(), 0
        self._put_down(self._compress(self._head(self.parts)))
        sync_folder(self._folder)


def number_of(path: Path) -> int:
    """A file's place in its recording; 0 for a stranger."""
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() else 0
