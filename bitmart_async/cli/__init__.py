"""The command ``bitmart``. Its libraries come with the extra ``cli``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bitmart_async.text import install_extra

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

USAGE = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 success, 1 the task failed, 2 wrong usage or a missing extra, 130 stopped by Ctrl-C or SIGTERM.
    """
    try:
        try:
            from bitmart_async.cli.app import run
        except ModuleNotFoundError as missing:
            if missing.name not in ("cyclopts", "rich"):
                raise
            print(
                f"The command line needs the libraries of its extra: {install_extra('cli')}", file=sys.stderr
            )
            return USAGE
        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # at any moment, while its modules are read too
        return INTERRUPTED
