"""One writer per folder, on every system; Windows as far as another machine can try it."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING

import pytest

from bitmart_async.archive.lock import Lock, system
from bitmart_async.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


class _Msvcrt:
    """What Windows documents of ``msvcrt.locking``: bytes from the file's position on, for one handle at a time."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self) -> None:
        self.held: dict[tuple[int, int], int] = {}
        """By file and byte: the handle that has it."""

    def locking(self, number: int, mode: int, count: int) -> None:
        at = os.lseek(number, 0, os.SEEK_CUR)
        for byte in range(at, at + count):
            place = os.fstat(number).st_ino, byte
            if mode == self.LK_UNLCK:
                assert self.held.pop(place) == number, "only what was locked is unlocked"
            elif self.held.setdefault(place, number) != number:
                raise OSError(errno.EACCES, "Permission denied")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> _Msvcrt:
    """A Python as Windows has it: without fcntl, with msvcrt."""
    fake = _Msvcrt()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    return fake


def test_on_windows_a_folder_has_one_writer(tmp_path: Path, windows: _Msvcrt) -> None:
    """Where there is no fcntl, msvcrt locks the first byte of the file, whatever stands in it, and it is unlocked
    before the file is closed."""
    (tmp_path / "archive.lock").write_bytes(b"odd")
    first = Lock(tmp_path)
    assert [byte for _, byte in windows.held] == [0]
    with pytest.raises(ConfigurationError, match="another process is writing the archive"):
        Lock(tmp_path)
    Lock(tmp_path, "recording").close()
    first.close()
    first.close()
    assert not windows.held
    Lock(tmp_path).close()


def test_the_way_is_chosen_by_what_python_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """fcntl where there is one; msvcrt without it; a Python with neither says so instead of not locking."""
    assert type(system()).__name__ == "_Posix"
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", _Msvcrt())
    assert type(system()).__name__ == "_Windows"
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    with pytest.raises(ModuleNotFoundError):
        system()


def test_a_file_system_without_locks_is_no_other_process(tmp_path: Path) -> None:
    """Some network folders refuse every lock: the error says that, and what to do."""

    def take(file: IO[bytes]) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), file.name)

    with pytest.raises(
        ConfigurationError, match=r"cannot be locked .*No locks available.*a disk of this machine"
    ):
        Lock(tmp_path, by=SimpleNamespace(take=take, free=take))


async def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    """SIGKILL leaves no lock behind."""
    code = (
        "import pathlib, sys, time; from bitmart_async.archive.lock import Lock; "
        "lock = Lock(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    with pytest.raises(ConfigurationError, match="another process"):
        Lock(tmp_path)
    holder.send_signal(signal.SIGKILL)
    await holder.communicate()
    Lock(tmp_path).close()
