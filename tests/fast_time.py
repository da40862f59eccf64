"""Two clocks for tests of long waits: one that jumps, one that runs fast.

``virtual_time`` jumps to the next timer as soon as nothing is ready: exact, and for tests without
sockets only, since it would overtake bytes on their way. ``fast_time`` runs evenly, ``speed`` times
as fast as the wall, for timers and real sockets alike. Both turn an async test into one that
pytest-asyncio leaves alone, and fail it when a task is left behind or an error is handled by nobody.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")

Ready = list[tuple[selectors.SelectorKey, int]]


class _FastSelector(selectors.DefaultSelector):
    speed = 1.0

    def select(self, timeout: float | None = None) -> Ready:
        return super().select(None if timeout is None else timeout / self.speed)


class FastLoop(asyncio.SelectorEventLoop):
    """``time()`` runs ``speed`` times as fast as the wall."""

    def __init__(self, speed: float) -> None:
        selector = _FastSelector()
        selector.speed = speed
        self._speed = speed
        super().__init__(selector)

    def time(self) -> float:
        return super().time() * self._speed


class _JumpingSelector(selectors.DefaultSelector):
    now = 1000.0

    def select(self, timeout: float | None = None) -> Ready:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """``time()`` stands still while anything is ready, and jumps to the next timer otherwise."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9  # timers fire when their time has come, not a tick before

    def time(self) -> float:
        return self._jumping.now


def run_on(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    scenario: Callable[[], Coroutine[object, object, T]],
) -> T:
    """Run a scenario on a loop of this kind."""
    unhandled: list[dict[str, object]] = []
    left: set[asyncio.Task[object]] = set()

    async def main() -> T:
        result = await scenario()
        for _ in range(20):  # tasks that are on their way out get a few turns
            await asyncio.sleep(0)
        left.update(asyncio.all_tasks() - {asyncio.current_task()})  # type: ignore[arg-type]
        return result

    loop = loop_factory()  # not asyncio.Runner: it unsets the thread's loop, which pytest-asyncio keeps there
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
    try:
        result = loop.run_until_complete(main())
    finally:
        loop.run_until_complete(_cancel_all())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    assert not left, f"tasks left running: {left}"
    assert not unhandled, f"nobody handled: {unhandled}"
    return result


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def virtual_time(test: Callable[P, Coroutine[object, object, T]]) -> Callable[P, T]:
    """Run an async test without sockets in no time, with exact timers."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_on(JumpingLoop, lambda: test(*args, **kwargs))

    return run


def fast_time(speed: float) -> Callable[[Callable[P, Coroutine[object, object, T]]], Callable[P, T]]:
    """Run an async test with sockets ``speed`` times as fast."""

    def decorate(test: Callable[P, Coroutine[object, object, T]]) -> Callable[P, T]:
        @functools.wraps(test)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            return run_on(lambda: FastLoop(speed), lambda: test(*args, **kwargs))

        return run

    return decorate
