"""Calling users' functions: plain ones at once, async ones through one ordered pump each.

A function that raises hurts nobody else: the error becomes an ``exception`` event, and one log line
per function and kind of error.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from bitmart_async.errors import ParameterError, SlowConsumer, StreamError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Coroutine

    from bitmart_async.websocket.mailbox import Mailbox

__all__ = [
    "Doubling",
    "Report",
    "Reporter",
    "being_cancelled",
    "check_handler",
    "guarded",
    "guarded_raw",
    "is_async",
    "let_out",
    "name_of",
    "pump",
]

T = TypeVar("T")

_MOST_KINDS = 1000

Report: TypeAlias = "Callable[[Exception, object, object], None]"
"""Told what was raised, by which handler, over which item."""


def is_async(handler: Callable[..., object]) -> bool:
    """Whether calling it gives a coroutine."""
    called = getattr(handler, "__call__", None)  # noqa: B004 - of an object whose class defines it async
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(called)


def check_handler(handler: object) -> None:
    """Refuse what would be called and do nothing: its body would never run."""
    if not callable(handler):
        raise ParameterError(f"a handler must be a function, not {type(handler).__name__}")
    for function in (handler, getattr(handler, "__call__", None)):  # noqa: B004 - as in is_async
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            raise ParameterError(
                f"the handler {name_of(handler)} contains yield, so calling it runs "
                f"nothing; use a plain function or async def without yield"
            )


def being_cancelled() -> bool:
    """Whether somebody cancels the running task, rather than a user's function let a CancelledError out."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def let_out(handler: object) -> StreamError:
    """The error of a handler that let a CancelledError out although nobody cancels its task."""
    return StreamError(
        f"the handler {name_of(handler)} raised CancelledError: something it waited for was cancelled"
    )


def name_of(handler: object) -> str:
    """How a handler is called in messages."""
    return getattr(handler, "__qualname__", None) or type(handler).__qualname__


def guarded(handler: Callable[[T], object], report: Report) -> Callable[[T], None]:
    """A function that calls a plain handler; what it raises goes to ``report``."""

    def call(item: T) -> None:
        try:
            result = handler(item)
        except asyncio.CancelledError:  # its own: a cancelled task only notices at an await
            report(let_out(handler), handler, item)
            return
        except Exception as error:
            report(error, handler, item)
            return
        if result is not None and inspect.iscoroutine(result):
            result.close()
            report(
                StreamError(
                    f"the handler {name_of(handler)} returned a coroutine that nobody "
                    f"awaits; define it with async def"
                ),
                handler,
                item,
            )

    return call


def guarded_raw(handler: Callable[[str, bytes], object], report: Report) -> Callable[[str, bytes], None]:
    """The same for a handler of raw frames."""

    def call(topic: str, frame: bytes) -> None:
        try:
            handler(topic, frame)
        except asyncio.CancelledError:
            report(let_out(handler), handler, topic)
        except Exception as error:
            report(error, handler, topic)

    return call


async def pump(
    mailbox: Mailbox[T],
    handler: Callable[[T], Coroutine[object, object, object]],
    report: Report,
) -> None:
    """Feed an async handler, in order, until its mailbox is closed and empty."""
    while True:
        try:
            item = await mailbox.get()
        except StopAsyncIteration:
            return
        except SlowConsumer:
            continue  # told as an event when it began
        except Exception:
            return  # its topics were taken away: told to whoever subscribed, or as an event
        try:
            await handler(item)
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            report(let_out(handler), handler, item)
        except Exception as error:
            report(error, handler, item)


class Reporter:
    """One log line per handler and kind of error."""

    def __init__(self, logger: logging.Logger) -> None:
        self._log = logger
        self._seen: set[tuple[str, str]] = set()

    def log(self, error: Exception, handler: object) -> None:
        """Log it, unless this handler has raised the like before."""
        key = (name_of(handler), type(error).__name__)
        if key not in self._seen:
            self._seen.add(key)
            self._log.error(
                "the handler %s raised %s; the stream goes on (further ones are not logged)",
                *key,
                exc_info=error,
            )


class Doubling:
    """Which of many alike are worth a log line: the first, the second, the fourth, the eighth."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def count(self, where: str, kind: str) -> int | None:
        """Count one; how many there were when it is worth a line, else None."""
        if len(self._counts) >= _MOST_KINDS:
            self._counts.clear()
        number = self._counts[where, kind] = self._counts.get((where, kind), 0) + 1
        return number if number & (number - 1) == 0 else None
