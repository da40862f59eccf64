"""SIGINT and SIGTERM as an event, for commands that run until they are stopped and end in good order."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["stopping"]


@contextmanager
def stopping() -> Generator[asyncio.Event]:
    """An event that is set by the first SIGINT or SIGTERM; a second one ends the program at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def first() -> None:
        stop.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    try:
        for number in numbers:
            loop.add_signal_handler(number, first)
    except NotImplementedError:  # Windows: Ctrl-C is a KeyboardInterrupt there
        yield stop
        return
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
