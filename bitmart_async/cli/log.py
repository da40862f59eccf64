"""Lines of a log on standard output, for commands that work on when nobody reads them any more."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.console import Console

__all__ = ["Log", "duration", "nobody_reads", "stamped", "whoever_reads"]


def stamped(text: str, now: float) -> str:
    """A line of a log; ``now`` is Unix seconds."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC  {text}"


def duration(seconds: float) -> str:
    """A time as people say it."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def nobody_reads() -> None:
    """The pipe is broken: let standard output lead nowhere, so that Python does not try to write the rest."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)


@contextmanager
def whoever_reads() -> Generator[None, None, None]:
    """What is printed inside may be lost: the work it tells of is done, or goes on."""
    try:
        yield
    except BrokenPipeError:
        nobody_reads()


class Log:
    """Prints lines with the time before them; ``quiet`` prints nothing."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Print a line now."""
        self.lines([stamped(text, time.time())])

    def lines(self, stamped_lines: list[str]) -> None:
        """Print lines that say themselves when."""
        if not self._quiet:
            with whoever_reads():
                for line in stamped_lines:
                    self._console.print(Text(line), soft_wrap=True)
