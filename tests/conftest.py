"""What every test is watched for: tasks left behind, unhandled errors, secrets in logs."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import zlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CANARY_KEY = "canarykey7f3a91d05c"
CANARY_SECRET = "canarysecret5be2c8417a"
CANARY_MEMO = "canarymemo90d4e6"
CANARIES = (CANARY_KEY, CANARY_SECRET, CANARY_MEMO)
KEYS = {"api_key": CANARY_KEY, "api_secret": CANARY_SECRET, "api_memo": CANARY_MEMO}


class _Ear(logging.Handler):
    """Hears every record of every logger, formatted with its traceback."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def _level(test: pytest.Item) -> int:
    ruled = os.environ.get("BITMART_TEST_TRACE")
    traced = ruled == "all" if ruled else bool(zlib.crc32(test.nodeid.encode()) & 1)
    return 1 if traced or test.get_closest_marker("traced") else logging.DEBUG


@pytest.fixture(autouse=True)
def log_lines(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Everything logged during the test; no canary secret may be in it.

    Logging each frame takes another way through the streams than not doing so. Every second test, by its name,
    goes without, unless it is marked ``traced``; BITMART_TEST_TRACE=all or none decides for all.
    """
    ear = _Ear()
    root, ours = logging.getLogger(), logging.getLogger("bitmart_async")
    before = root.level, ours.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    ours.setLevel(_level(request.node))
    try:
        yield ear.lines
    finally:
        root.removeHandler(ear)
        root.setLevel(before[0])
        ours.setLevel(before[1])
    told = [line for line in ear.lines if any(canary in line for canary in CANARIES)]
    assert not told, f"secrets in the log: {told}"


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> None:
    """An async test leaves no task running and nothing to the loop's exception handler."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_watched_loop")


@pytest.fixture
async def _watched_loop() -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    unhandled: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
    before = asyncio.all_tasks()
    yield
    left: set[asyncio.Task[object]] = set()
    for _ in range(50):  # tasks that are on their way out get a few turns, and no more
        left = {
            task
            for task in asyncio.all_tasks() - before
            if task is not asyncio.current_task() and not task.done()
        }
        if not left:
            break
        await asyncio.sleep(0.002)
    loop.set_exception_handler(None)
    assert not left, f"tasks left running: {left}"
    assert not unhandled, f"nobody handled: {unhandled}"


class _Written:
    """A request that was sent long ago, as aiohttp 3.14 wants to know of one."""

    output_size = 0


@pytest.fixture
def adapted_aioresponses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aioresponses 0.7.9 make the responses of aiohttp 3.14, which want one argument more."""
    import aioresponses.core
    from aiohttp import ClientResponse

    if "stream_writer" not in inspect.signature(ClientResponse.__init__).parameters:
        return

    class Adapted(ClientResponse):
        def __init__(self, *args: object, **kwargs: object) -> None:
            kwargs.setdefault("stream_writer", _Written())
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(aioresponses.core, "ClientResponse", Adapted)
