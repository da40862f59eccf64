"""One process per folder: a lock on a file, which ends with the process however that ends.

POSIX has ``flock``, Windows ``msvcrt.locking``. Both are told by an error number whether another process
holds the lock, or whether the file system gives none at all; these are two different troubles.
"""

from __future__ import annotations

import errno
import importlib
from typing import IO, TYPE_CHECKING, Final, Protocol, cast

from bitmart_async.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Lock", "System", "system"]

_HELD: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
"""What the systems answer when another process has it. Windows: EACCES at once, EDEADLK after waiting."""


class System(Protocol):
    """How an operating system locks an open file. ``take`` raises OSError when it cannot."""

    def take(self, file: IO[bytes]) -> None:
        """Lock it, or raise at once."""
        ...

    def free(self, file: IO[bytes]) -> None:
        """Let go of what was taken."""
        ...


class _Flock(Protocol):
    LOCK_EX: int
    LOCK_NB: int
    LOCK_UN: int

    def flock(self, number: int, how: int, /) -> None: ...


class _Msvcrt(Protocol):
    LK_NBLCK: int
    LK_UNLCK: int

    def locking(self, number: int, mode: int, count: int, /) -> None: ...


class _Posix:
    def __init__(self, module: _Flock) -> None:
        self._module = module

    def take(self, file: IO[bytes]) -> None:
        self._module.flock(file.fileno(), self._module.LOCK_EX | self._module.LOCK_NB)

    def free(self, file: IO[bytes]) -> None:
        self._module.flock(file.fileno(), self._module.LOCK_UN)


class _Windows:
    """Locks the file's first byte, which need not be there. The place is that of the file's position."""

    def __init__(self, module: _Msvcrt) -> None:
        self._module = module

    def take(self, file: IO[bytes]) -> None:
        file.seek(0)
        self._module.locking(file.fileno(), self._module.LK_NBLCK, 1)

    def free(self, file: IO[bytes]) -> None:
        file.seek(0)
        self._module.locking(file.fileno(), self._module.LK_UNLCK, 1)


def system() -> System:
    """That of this machine, by the module its Python has."""
    try:
        return _Posix(cast("_Flock", importlib.import_module("fcntl")))
    except ModuleNotFoundError:
        return _Windows(cast("_Msvcrt", importlib.import_module("msvcrt")))


class Lock:
    """Holds a folder for one process, until it is closed or the process ends in any way."""

    def __init__(self, path: Path, kind: str = "archive", *, by: System | None = None) -> None:
        """Take it, or raise at once; ``by`` instead of this machine's way.

        Raises:
            ConfigurationError: Another process holds it, or the file system has no locks.
        """
        self._system = system() if by is None else by
        self._file = (path / f"{kind}.lock").open("ab")
        try:
            self._system.take(self._file)
        except OSError as error:
            self._file.close()
            if error.errno in _HELD:
                raise ConfigurationError(
                    f"another process is writing the {kind} in {path}; wait for it or give another folder"
                ) from None
            raise ConfigurationError(
                f"{path} cannot be locked against a second process ({error.strerror or error}): give a folder "
                f"on a disk of this machine"
            ) from None

    def close(self) -> None:
        """Let go; idempotent."""
        if not self._file.closed:
            try:
                self._system.free(self._file)
            finally:
                self._file.close()
