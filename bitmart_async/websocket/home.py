"""Where a client belongs: one event loop of one process. Used elsewhere it would hang or corrupt a socket."""

from __future__ import annotations

import asyncio
import os

from bitmart_async.errors import ParameterError

__all__ = ["Home"]


class Home:
    """Set by the first call that needs a loop, checked by every later one."""

    def __init__(self) -> None:
        self._made_in = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def settled(self) -> bool:
        """Whether the client has been used in this process: only then is there anything to close."""
        return self._loop is not None and not self.forked

    @property
    def forked(self) -> bool:
        """Whether this process is a fork of the one the client was made in."""
        return os.getpid() != self._made_in

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The client's loop, once it has one."""
        return self._loop

    def check(self) -> None:
        """Raise ParameterError when the caller's loop or process is not the client's."""
        if self.forked:
            raise ParameterError(
                "this WebsocketClient was made before a fork, in another process: its sockets belong to that "
                "one. Make a client after the fork."
            )
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise ParameterError(
                "this WebsocketClient belongs to another event loop (of another thread, or of an earlier "
                "asyncio.run). Use it only there: asyncio.run_coroutine_threadsafe(coroutine, loop) calls it "
                "from another thread; for another loop make a client of its own."
            )
