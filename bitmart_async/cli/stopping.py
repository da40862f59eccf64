"""SIGINT and SIGTERM as an event, for commands that run until they are stopped and end in good order."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from contextlib import AbstractAsyncContextManager

__all__ = ["in_thread", "opened", "stopping"]

T = TypeVar("T")


class _Halted(Exception):
    """The work in a thread was told to end."""


async def in_thread(work: Callable[[Callable[[], None]], T]) -> T:
    """Do slow work beside the loop. It is given a function to call now and then, which ends it with the command."""
    halt = threading.Event()

    def go_on() -> None:
        if halt.is_set():
            raise _Halted

    task = asyncio.ensure_future(asyncio.to_thread(work, go_on))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        halt.set()
        await asyncio.wait({task})
        task.exception()  # _Halted, or it had ended by itself: nobody waits for either
        raise


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


@asynccontextmanager
async def opened(
    context: AbstractAsyncContextManager[T], stop: asyncio.Event
) -> AsyncGenerator[T | None, None]:
    """A context that may take long to open; None when somebody stopped it meanwhile. Closing is not hurried."""
    async with AsyncExitStack() as stack:
        opening = asyncio.ensure_future(stack.enter_async_context(context))
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            if not opening.done():
                opening.cancel()
                await asyncio.wait({opening})
        yield None if opening.cancelled() else opening.result()
