"""What is frozen when an archive begins, and which pieces of it are finished.

``archive.json`` says what the archive is of: the moment up to which it reads, how far back, for which
symbols. It never changes, so that a run that was killed is continued and not begun anew.
``journal.ndjson`` gains a line whenever a piece is finished; the last line about a piece counts. A
line that was cut off by a kill is dropped: its piece is finished again from the raw replies.
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import IO, TYPE_CHECKING, Literal

import msgspec

from bitmart_async.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FORMAT",
    "Done",
    "Head",
    "Journal",
    "read_head",
    "sync_folder",
    "write_file",
    "write_head",
]

FORMAT = 1


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive is of. Frozen when it begins."""

    format: int
    library: str
    """Version of bitmart_async that began it."""
    environment: str
    hosts: list[str]
    account: str
    """The account's number; empty where the exchange does not tell it."""
    key_print: str = ""
    """Tells one key from another and does not give it away; for exchanges that do not tell the account."""
    began_ms: int
    """Unix ms: the end of everything that is asked for."""
    since_ms: int
    """Unix ms: nothing older is asked for."""
    symbols: Literal["all", "touched"]
    """For lists that want a symbol: every contract, or those the account has touched."""
    clients: list[str]
    """``spot``, ``futures``: which hosts are asked."""
    shorter_days: int = 0
    """Days by which spans are shorter than the widest window there is; 0 in archives of before this was thought of."""


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the journal: a piece of the archive and how it ended."""

    unit: str
    state: Literal["done", "refused", "failed", "unreadable"]
    requests: int
    rows: int
    found: dict[str, list[str]] = {}
    """What its rows name that other pieces are asked for: symbols, coins, sub-accounts."""
    code: int | None = None
    reason: str = ""


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file or nothing: to a neighbour first, to the disk, then under its name."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Put a folder's names on the disk, where the system can do that."""
    if os.name != "posix":
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def read_head(path: Path) -> Head | None:
    """The head of the archive in a folder; None when there is none.

    Raises:
        ConfigurationError: There is one that this version cannot read.
    """
    try:
        content = (path / "archive.json").read_bytes()
    except FileNotFoundError:
        return None
    try:
        head = msgspec.json.decode(content, type=Head)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{path / 'archive.json'} cannot be read: {error}") from None
    if head.format != FORMAT:
        raise ConfigurationError(
            f"{path} is an archive of format {head.format}; this version of the library knows {FORMAT}"
        )
    return head


def write_head(path: Path, head: Head) -> None:
    """Begin an archive."""
    write_file(path / "archive.json", msgspec.json.format(msgspec.json.encode(head), indent=2) + b"\n")


class Journal:
    """The finished pieces."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.done: dict[str, Done] = {}
        """By unit, the last line about it."""
        self._file: IO[bytes] | None = None
        whole = 0
        if path.exists():
            for line in path.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = msgspec.json.decode(line, type=Done)
                except msgspec.MsgspecError:
                    break
                self.done[entry.unit] = entry
                whole += len(line)
        self._whole = whole

    def found(self) -> dict[str, set[str]]:
        """What the rows of all finished pieces name, by kind."""
        found: dict[str, set[str]] = defaultdict(set)
        for done in self.done.values():
            for kind, values in done.found.items():
                found[kind].update(values)
        return found

    def add(self, entry: Done) -> None:
        """Note that a piece is finished, on the disk before this returns."""
        if self._file is None:
            self._file = self._path.open("ab")
            self._file.truncate(self._whole)
        self._file.write(msgspec.json.encode(entry) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done[entry.unit] = entry

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None
