"""Replies as they came, in files that only grow. One file per table, one record per reply.

A record is a zstd frame of its own that holds one line of JSON: what was asked, when the answer came,
its SHA-256 and its bytes. ``zstdcat raw/spot_trades.ndjson.zst`` reads a file. A process that is
killed while it writes leaves half a frame at the end; the next one cuts it off and asks again.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

import msgspec

from bitmart_async.errors import BitMartError, ConfigurationError
from bitmart_async.text import install_extra

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Damaged", "RawFile", "Record", "frames", "next_frame", "store_extra"]

_CHUNK = 1 << 18
_LEVEL = 6
_MAGIC = b"\x28\xb5\x2f\xfd"
"""What a zstd frame begins with."""


class Damaged(BitMartError):
    """A file of an archive or a recording is not as it was written; the text says where."""


def store_extra(name: str) -> ConfigurationError:
    """The error for a library that is not installed."""
    return ConfigurationError(f"an archive needs the library {name}: {install_extra('store')}")


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reply and what was asked for."""

    unit: str
    """The piece of the archive it belongs to."""
    endpoint: str
    """Catalog id."""
    method: str
    path: str
    request: dict[str, object]
    """Parameters in snake_case, as the library takes them."""
    received_ms: int
    """When it came, this machine's clock, Unix ms."""
    http_status: int
    sha256: str
    """Of the body, as it is kept here."""
    body: str
    """The reply as it came; base64 when ``encoded``."""
    encoded: bool = False
    masked: bool = False
    """The reply held the key or the secret; three stars stand in its place."""
    code: int | None = None
    """The exchange's code when it refused; None when it answered."""
    message: str = ""
    """What it said when it refused, or why the reply cannot be read."""
    unreadable: bool = False

    @property
    def raw(self) -> bytes:
        """The body's bytes."""
        return base64.b64decode(self.body) if self.encoded else self.body.encode()

    def intact(self) -> bool:
        """Whether the body is the one that was hashed."""
        return hashlib.sha256(self.raw).hexdigest() == self.sha256


def record(
    *,
    unit: str,
    endpoint: str,
    method: str,
    path: str,
    request: Mapping[str, object],
    received_ms: int,
    http_status: int,
    raw: bytes,
    secrets: tuple[str, ...] = (),
    code: int | None = None,
    message: str = "",
    unreadable: bool = False,
) -> Record:
    """Make a record; ``secrets`` are taken out of the body. One in quotes leaves its quotes behind."""
    clean = raw
    for secret in secrets:
        stars = '"***"' if secret.startswith('"') else "***"
        clean = clean.replace(secret.encode(), stars.encode())
        message = message.replace(secret, stars)
    try:
        body, encoded = clean.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(clean).decode(), True
    return Record(
        unit=unit,
        endpoint=endpoint,
        method=method,
        path=path,
        request={name: value for name, value in request.items() if value is not None},
        received_ms=received_ms,
        http_status=http_status,
        sha256=hashlib.sha256(clean).hexdigest(),
        body=body,
        encoded=encoded,
        masked=clean != raw,
        code=code,
        message=message,
        unreadable=unreadable,
    )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


class _Head(msgspec.Struct):
    unit: str


_head = msgspec.json.Decoder(_Head).decode


def frames(file: io.BufferedReader, start: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Offset, length and content of every whole frame; half a frame at the end is left out.

    Raises:
        Damaged: Bytes in the middle are no frame, or one without an end has others behind it.
    """
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    file.seek(start)
    buffer, offset = b"", start
    while True:
        frame = decompressor.decompressobj()
        parts: list[bytes] = []
        fed = 0
        chunk = buffer
        try:
            while not frame.eof:
                if not chunk:
                    chunk = file.read(_CHUNK)
                    if not chunk:  # the end, or half a frame, or one whose damage swallows the rest
                        if fed and next_frame(file, offset + 1, end=offset + fed) is not None:
                            raise Damaged(f"{file.name}: the record at byte {offset} has no end")
                        return
                parts.append(frame.decompress(chunk))
                fed += len(chunk)
                chunk = b""
        except zstandard.ZstdError as error:
            raise Damaged(f"{file.name}: no record at byte {offset}: {error}") from None
        buffer = frame.unused_data
        length = fed - len(buffer)
        yield offset, length, b"".join(parts)
        offset += length


def next_frame(file: io.BufferedReader, start: int, *, end: int | None = None) -> int | None:
    """Where the next whole frame begins, at ``start`` or behind, and ends before ``end``; None without one."""
    file.seek(start)
    base, before = start, b""
    while chunk := file.read(_CHUNK):
        window = before + chunk
        at = window.find(_MAGIC)
        while at >= 0:
            here = base - len(before) + at
            if _whole(file, here, end):
                return here
            at = window.find(_MAGIC, at + 1)
        before = window[-len(_MAGIC) + 1 :]
        base += len(chunk)
        file.seek(base)
    return None


def _whole(file: io.BufferedReader, start: int, end: int | None) -> bool:
    import zstandard

    file.seek(start)
    frame = zstandard.ZstdDecompressor().decompressobj()
    at = start
    try:
        while not frame.eof:
            chunk = file.read(_CHUNK)
            if not chunk:
                return False
            frame.decompress(chunk)
            at += len(chunk)
    except zstandard.ZstdError:
        return False
    return end is None or at - len(frame.unused_data) <= end


class RawFile:
    """One file of raw replies: where each unit's records are, and a way to add one."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        """Open a file, index it and, to write, cut off half a record at its end. Raises Damaged."""
        try:
            import zstandard
        except ModuleNotFoundError:
            raise store_extra("zstandard") from None
        self.path = path
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._end = 0
        self._writer = path.open("ab") if writable else None
        self._reader = path.open("rb")
        self._dirty = False
        try:
            self._index()
        except BaseException:
            self.close()
            raise
        self.torn = path.stat().st_size - self._end
        """Bytes of half a record at the end."""
        if self._writer is not None and self.torn:
            self._writer.truncate(self._end)
            self._writer.seek(self._end)
        self._compress = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress
        self._decompress = zstandard.ZstdDecompressor().decompress

    def _index(self) -> None:
        for offset, length, content in frames(self._reader):
            try:
                unit = _head(content).unit
            except msgspec.MsgspecError as error:
                raise Damaged(
                    f"{self.path.name}: the record at byte {offset} cannot be read: {error}"
                ) from None
            self._places.setdefault(unit, []).append((offset, length))
            self._end = offset + length

    @property
    def units(self) -> list[str]:
        """Every unit that has records."""
        return list(self._places)

    def count(self, unit: str) -> int:
        """How many records a unit has."""
        return len(self._places.get(unit, ()))

    def records(self, unit: str) -> Iterator[Record]:
        """A unit's records in the order they came. Raises Damaged."""
        for offset, length in list(self._places.get(unit, ())):
            self._reader.seek(offset)
            content = self._decompress(self._reader.read(length))
            try:
                yield _decode(content)
            except msgspec.MsgspecError as error:
                raise Damaged(f"{self.path.name}: the record at byte {offset}: {error}") from None

    def add(self, new: Record) -> None:
        """Write one record at the end; it survives this process, :meth:`sync` makes it survive the machine."""
        if self._writer is None:
            raise ValueError(f"{self.path.name} is open for reading only")
        frame = self._compress(_encode(new) + b"\n")
        self._writer.write(frame)
        self._writer.flush()
        self._places.setdefault(new.unit, []).append((self._end, len(frame)))
        self._end += len(frame)
        self._dirty = True

    def sync(self) -> None:
        """Put everything written so far on the disk."""
        if self._dirty and self._writer is not None:
            os.fsync(self._writer.fileno())
            self._dirty = False

    def close(self) -> None:
        """Close it; idempotent."""
        if self._writer is not None:
            if not self._writer.closed:
                self.sync()
            self._writer.close()
        self._reader.close()
