"""Reading one market by REST whenever its account says that it is due, and telling who asked for it."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final

from bitmart_async.account.changes import AccountState, Resynced
from bitmart_async.errors import BitMartError, ClientClosed

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Container, Sequence

    from bitmart_async.account.changes import Change
    from bitmart_async.account.core import MarketAccount
    from bitmart_async.account.snapshot import Snapshot
    from bitmart_async.account.sources import Source

__all__ = ["Looks"]

_GRACE: Final = 0.3
"""Seconds a check waits for pushes on their way before it calls what it found missed."""
_CLOCK_MOVED_MS: Final = 5000
"""A clock that a look's own calls set by more: its windows, and the moment it reaches to, were of another time."""
_MOST_READS: Final = 3
"""For one look, while the clock moves."""


class Looks:
    """See the module's text.

    Args:
        tell: Passes changes on.
        begun: Told of the account when what a look showed is in it, before the pushes that waited are.
        waited_for: The ids of orders somebody waits for.
    """

    def __init__(
        self,
        account: MarketAccount,
        source: Source,
        *,
        tell: Callable[[Sequence[Change]], None],
        begun: Callable[[MarketAccount], None],
        waited_for: Container[str],
        logger: logging.Logger,
    ) -> None:
        self._account = account
        self.source = source
        self._tell = tell
        self._begun = begun
        self._waited_for = waited_for
        self._log = logger
        self._stirred = asyncio.Event()
        self._asked: list[asyncio.Future[None]] = []
        """Who waits for a look that has not begun."""
        self.answering: list[asyncio.Future[None]] = []
        """Who waits for what the present look, or the one it makes necessary, comes to."""

    def stir(self) -> None:
        """When the next look is due may have changed."""
        self._stirred.set()

    def ask(self) -> asyncio.Future[None]:
        """Look now; the future ends with a look that began after this call, or raises why it failed."""
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[None] = loop.create_future()
        self._asked.append(asked)
        self._account.check(loop.time())
        self.stir()
        return asked

    async def run(self) -> None:
        """Look whenever it is due, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            wait = self._account.due - loop.time()
            if wait <= 0:
                await self._look()
                continue
            self._stirred.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._stirred.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        account, loop = self._account, asyncio.get_running_loop()
        for any_id in [one for one in account.wanted if one not in self._waited_for]:
            del account.wanted[any_id]
        told: list[Change] = []
        self.answering += self._asked
        self._asked.clear()
        failure: Exception | None = None
        try:
            look = await self._read()
            if account.state is AccountState.LIVE:
                await asyncio.sleep(_GRACE)
            told = account.apply(look, loop.time())
            self._begun(account)
            told += account.conclude(loop.time())
        except Exception as error:  # whatever it is: without this task nothing would be claimed truly
            if not isinstance(error, BitMartError):
                self._log.exception(
                    "account, %s: reading REST failed in an unforeseen way", account.market.value
                )
            failure = error
            told += account.failed(error, loop.time(), random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._tell(told)
        if failure is not None or any(isinstance(change, Resynced) for change in told):
            self._answer(failure)
        if self._asked:
            account.check(loop.time())

    async def _read(self) -> Snapshot:
        """Read REST once; again when it was only then found out how late it is."""
        loop = asyncio.get_running_loop()
        reads = 0
        while True:
            began_ms, began = self.source.now_ms(), time.monotonic()
            look = self._account.begin(loop.time(), began_ms)
            await self.source.read(self._account, look)
            moved_ms = self.source.now_ms() - began_ms - (time.monotonic() - began) * 1000
            reads += 1
            if abs(moved_ms) < _CLOCK_MOVED_MS or reads == _MOST_READS:
                return look

    def _answer(self, failure: Exception | None) -> None:
        for asked in self.answering:
            if asked.done():
                continue
            if failure is None:
                asked.set_result(None)
            else:
                asked.set_exception(failure)
        self.answering.clear()

    def close(self) -> None:
        """Nobody looks any more; who asked is told so."""
        self.answering += self._asked
        self._asked.clear()
        self._answer(ClientClosed("the account tracker was closed meanwhile"))
