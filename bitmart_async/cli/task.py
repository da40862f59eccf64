"""How a command's work is run: to an exit code, its errors as one line."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bitmart_async import BitMartError, ConfigurationError
from bitmart_async.cli import INTERRUPTED, USAGE
from bitmart_async.cli.log import nobody_reads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["run_task"]


class _Terminated(Exception):
    """SIGTERM ended the work, in good order."""


class _Console(Console):
    """Says a broken pipe as plain print does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def run_task(work: Callable[[Console], Coroutine[object, object, int]], *, stopped: str = "Stopped.") -> int:
    """Run a command to its exit code; its errors become one line, Ctrl-C and SIGTERM a goodbye."""
    console, errors = _Console(highlight=False), Console(highlight=False, stderr=True)
    try:
        return asyncio.run(_stoppable(work(console)))
    except (KeyboardInterrupt, _Terminated):
        errors.print(stopped)
        return INTERRUPTED
    except ConfigurationError as error:
        errors.print(Text(str(error), style="red"), soft_wrap=True)
        return USAGE
    except BrokenPipeError:  # whoever reads has enough: `| head`
        nobody_reads()
        return 0
    except (BitMartError, OSError) as error:
        errors.print(Text(f"{type(error).__name__}: {error}", style="red"), soft_wrap=True)
        return 1


async def _stoppable(work: Coroutine[object, object, int]) -> int:
    """Do the work until SIGTERM cancels it, as Ctrl-C does by itself; a second one ends the program at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    ended = False

    def end() -> None:
        nonlocal ended
        ended = True
        loop.remove_signal_handler(signal.SIGTERM)
        task.cancel()

    try:
        loop.add_signal_handler(signal.SIGTERM, end)
    except NotImplementedError:  # Windows knows no SIGTERM that a program could hear
        return await work
    try:
        return await work
    except asyncio.CancelledError:
        if ended:
            raise _Terminated from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
