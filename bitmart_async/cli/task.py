"""How a command's work is run: to an exit code, its errors as one line."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bitmart_async import BitMartError, ConfigurationError
from bitmart_async.cli import INTERRUPTED, USAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["run_task"]


class _Console(Console):
    """Says a broken pipe as plain print does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def run_task(work: Callable[[Console], Coroutine[object, object, int]], *, stopped: str = "Stopped.") -> int:
    """Run a command to its exit code; its errors become one line, Ctrl-C a goodbye."""
    console, errors = _Console(highlight=False), Console(highlight=False, stderr=True)
    try:
        return asyncio.run(work(console))
    except KeyboardInterrupt:
        errors.print(stopped)
        return INTERRUPTED
    except ConfigurationError as error:
        errors.print(Text(str(error), style="red"), soft_wrap=True)
        return USAGE
    except BrokenPipeError:  # whoever reads has enough: `| head`. Python must not try to write the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (BitMartError, OSError) as error:
        errors.print(Text(f"{type(error).__name__}: {error}", style="red"), soft_wrap=True)
        return 1
