"""The dead man's switch: orders that go when the program that placed them no longer answers for them.

The exchange keeps a timer per contract: when it runs out, every open order of the contract is
cancelled. :class:`DeadMansSwitch` sets it, sets it again every third of its length for as long as the
program says that it is healthy, and takes it off at a clean end. It needs nothing of this machine
to work: a killed process, a lost network or a stopped loop all end in the exchange's timer.

:class:`SwitchPlan` is the pure part: when to ask again, and what is guaranteed now. Its rule for the
state is about the worst case. A refresh that was sent at ``t`` and confirmed holds the timer until
``t + timeout`` at least; a refresh without an answer proves nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import inspect
from typing import TYPE_CHECKING, Literal, Protocol, cast

from bitmart_async.errors import (
    BadResponse,
    BitMartError,
    OutcomeUnknown,
    ParameterError,
    RateLimited,
    SystemFault,
    TransportError,
)
from bitmart_async.rest.futures_trading import FuturesTrading

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from bitmart_async.models.futures import CancelAllAfterAck

__all__ = ["DeadMansSwitch", "FuturesSwitch", "SwitchPlan", "SwitchState"]

LEAST_TIMEOUT = 5
_PASSING = (TransportError, OutcomeUnknown, RateLimited, SystemFault, TimeoutError)
"""Failures that another try may mend."""
_EXIT_SECONDS = 2.0
"""How long the end of a broken program may be held up by cancelling its orders."""
_DISARM_TRIES = 3


class SwitchState(enum.StrEnum):
    """What stands between the open orders and the death of this program."""

    OFF = "off"
    """Not armed yet, or taken off at a clean end."""
    ARMED = "armed"
    """The timer is set and the last refresh was confirmed."""
    FAILING = "failing"
    """Refreshes fail; the timer is still running, and will cancel the orders unless one succeeds."""
    HELD = "held"
    """Not healthy: the timer is running out on purpose."""
    EXPIRED = "expired"
    """No refresh was confirmed in time: the open orders are cancelled, or will be at any moment. Orders
    placed from now on are NOT guarded until the state is ARMED again."""
    LEFT = "left"
    """The block ended with an error: the timer runs out and cancels the orders."""


class SwitchPlan:
    """When to refresh and what is guaranteed. Pure; every time is in seconds of one clock."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.every = timeout / 3
        """Between refreshes."""
        self.retry = min(2.0, timeout / 10)
        """Between tries of a refresh that failed."""
        self.due = 0.0
        """When to refresh next."""
        self.confirmed: float | None = None
        """When the last confirmed refresh was sent."""
        self._failing = False
        self._held = False

    def succeeded(self, sent: float) -> None:
        """A refresh sent then was confirmed."""
        self.confirmed, self.due = sent, sent + self.every
        self._failing = self._held = False

    def failed(self, now: float) -> None:
        """A refresh was refused, or its answer lost."""
        self._failing, self._held = True, False
        self.due = now + self.retry

    def hold(self, now: float) -> None:
        """The program is not healthy: do not refresh, look again soon."""
        self._held = True
        self.due = now + self.retry

    def limit(self, now: float) -> float:
        """How long a refresh begun now may take: so long that another try still fits, if any does."""
        left = self.expires - now
        return min(self.every, left) if left > 0 else self.every

    @property
    def expires(self) -> float:
        """When the guarantee ends without another confirmed refresh."""
        return 0.0 if self.confirmed is None else self.confirmed + self.timeout

    def state(self, now: float) -> SwitchState:
        """What is guaranteed now."""
        if self.confirmed is None:
            return SwitchState.OFF
        if now >= self.expires:
            return SwitchState.EXPIRED
        if self._held:
            return SwitchState.HELD
        return SwitchState.FAILING if self._failing else SwitchState.ARMED


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Exchange(Protocol):
    async def cancel_all_futures_orders_after(self, symbol: str, *, timeout: int) -> CancelAllAfterAck: ...
    async def cancel_all_futures_orders(self, symbol: str) -> None: ...


class DeadMansSwitch:
    """Made by :meth:`FuturesSwitch.dead_mans_switch`; use it with ``async with``."""

    def __init__(
        self,
        exchange: _Exchange,
        symbols: Sequence[str],
        *,
        timeout: int,
        healthy: Callable[[], bool] | None,
        on_change: Callable[[SwitchState], object] | None,
        on_error: Literal["leave", "cancel"],
        logger: logging.Logger,
    ) -> None:
        self._exchange = exchange
        self.symbols = tuple(dict.fromkeys(symbols))
        """The guarded contracts."""
        self.timeout = timeout
        """Seconds from the program's last sign of life to the cancel."""
        self._healthy = healthy
        self._on_change = on_change
        self._on_error = on_error
        self._log = logger
        self._plan = SwitchPlan(timeout)
        self._task: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()
        self._ended: SwitchState | None = SwitchState.OFF
        self._told = SwitchState.OFF
        self._complained: set[str] = set()
        self.last_error: Exception | None = None
        """Why the last refresh failed; None after a success."""

    @property
    def state(self) -> SwitchState:
        """What is guaranteed at this moment."""
        return self._ended or self._plan.state(self._now())

    @property
    def guarding(self) -> bool:
        """Whether orders placed now go when this program dies."""
        return self.state in (SwitchState.ARMED, SwitchState.FAILING, SwitchState.HELD)

    async def __aenter__(self) -> Self:
        """Arm it. Raises what the exchange says when that fails for good, or for a whole timeout."""
        if self._task is not None:
            raise ParameterError("this switch is in use; make another one for another block")
        until = self._now() + self.timeout
        while True:
            try:
                await self._set_timers(min(float(self.timeout), max(1.0, until - self._now())))
                break
            except _PASSING as error:
                if self._now() + self._plan.retry >= until:
                    raise
                self._complain("arming the dead man's switch failed, trying again", error)
            await asyncio.sleep(self._plan.retry)
        self._ended = None
        self._tell()
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="bitmart dead man's switch")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it off after a clean end; after an error leave it to run out (see ``on_error``)."""
        task, self._task = self._task, None
        try:
            if error is None:  # a refresh under way could arrive after the disarm, and arm it again
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._plan.every):
                        await self._asking.acquire()
        finally:
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        if error is None:
            await self._disarm()
            self._ended = SwitchState.OFF
        else:
            self._ended = SwitchState.LEFT
            if self._on_error == "cancel":
                await self._cancel_orders()
        self._tell()

    # Inside ------------------------------------------------------------------------------------------

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _set_timers(self, seconds: float) -> None:
        """Set the timer of every contract; what it proves counts from before the first send."""
        sent = self._now()
        async with asyncio.timeout(seconds):
            for symbol in self.symbols:
                ack = await self._exchange.cancel_all_futures_orders_after(symbol, timeout=self.timeout)
                if not ack.result:
                    raise BadResponse(f"the exchange answered that the timer of {symbol} is not set")
        self._plan.succeeded(sent)
        self.last_error = None

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(max(0.0, self._plan.due - self._now()))
            if not self._is_healthy():
                self._plan.hold(self._now())
            else:
                try:
                    async with self._asking:
                        await self._set_timers(self._plan.limit(self._now()))
                except (Exception, asyncio.CancelledError) as error:  # the orders depend on this task
                    if isinstance(error, asyncio.CancelledError):
                        if _being_cancelled():
                            raise
                        error = OutcomeUnknown("something the refresh waited for was cancelled")
                    self.last_error = error
                    self._plan.failed(self._now())
                    self._complain("the dead man's switch could not be refreshed", error)
            self._tell()

    def _is_healthy(self) -> bool:
        if self._healthy is None:
            return True
        try:
            answer = cast("object", self._healthy())
        except (Exception, asyncio.CancelledError) as error:  # a program that cannot tell is not healthy
            self._complain("healthy= raised, which counts as not healthy", error)
            return False
        if inspect.iscoroutine(answer):  # true as an object, whatever it would have said
            answer.close()
            self._complain(
                "healthy= counts as not healthy",
                ParameterError("it returned a coroutine, which nobody awaits; give a plain function"),
            )
            return False
        return bool(answer)

    def _tell(self) -> None:
        state = self.state
        if state is self._told:
            return
        self._told = state
        grave = state in (SwitchState.EXPIRED, SwitchState.FAILING, SwitchState.HELD, SwitchState.LEFT)
        (self._log.warning if grave else self._log.info)(
            "dead man's switch of %s: %s", ", ".join(self.symbols), state.value
        )
        if self._on_change is not None:
            try:
                self._on_change(state)
            except (Exception, asyncio.CancelledError):
                self._log.exception("on_change= of the dead man's switch raised")

    def _complain(self, what: str, error: BaseException) -> None:
        """One log line per kind of failure."""
        key = f"{what} {type(error).__name__}"
        if key not in self._complained:
            self._complained.add(key)
            self._log.warning("%s: %s: %s", what, type(error).__name__, error)

    async def _disarm(self) -> None:
        for symbol in self.symbols:
            for left in reversed(range(_DISARM_TRIES)):
                try:
                    async with asyncio.timeout(self._plan.every):
                        await self._exchange.cancel_all_futures_orders_after(symbol, timeout=0)
                    break
                except _PASSING as error:
                    if not left:
                        self._ended = SwitchState.LEFT
                        self._tell()
                        raise
                    self._complain("taking off the dead man's switch failed, trying again", error)
                    await asyncio.sleep(self._plan.retry)

    async def _cancel_orders(self) -> None:
        """Cancel now what the timer would cancel later; when it fails, the timer still does."""
        try:
            async with asyncio.timeout(_EXIT_SECONDS):
                for symbol in self.symbols:
                    await self._exchange.cancel_all_futures_orders(symbol)
        except (BitMartError, TimeoutError) as error:
            self._complain("the orders could not be cancelled at once; the timer will", error)

    def __repr__(self) -> str:
        return f"<DeadMansSwitch {', '.join(self.symbols)} {self._told.value}>"


class FuturesSwitch(FuturesTrading):
    """The switch as a method of the client."""

    def dead_mans_switch(
        self,
        symbols: str | Sequence[str],
        *,
        timeout: int = 30,
        healthy: Callable[[], bool] | None = None,
        on_change: Callable[[SwitchState], object] | None = None,
        on_error: Literal["leave", "cancel"] = "leave",
    ) -> DeadMansSwitch:
        """Cancel all orders of contracts when this program dies: ``async with futures.dead_mans_switch(...)``.

        The exchange's timer is set on entry and refreshed every third of the timeout for as long as
        ``healthy()`` is true. A clean end of the block takes it off and leaves the orders alone. An end
        by an exception leaves it running: the exchange cancels the orders within the timeout, which
        needs nothing more from this machine. Plan orders: unverified whether the exchange counts them.

        Args:
            symbols: Contracts, like BTCUSDT. Every open order of theirs is meant, whoever placed it.
            timeout: Seconds, 5 or more.
            healthy: Asked before every refresh, e.g. ``lambda: tracker.live``. False (or an error) lets
                the timer run out.
            on_change: Called with every new SwitchState; EXPIRED says that new orders are not guarded.
            on_error: ``"cancel"`` also cancels the orders at once when the block ends with an exception.

        Raises:
            ParameterError: Nothing was sent.

        Entering raises what the exchange answers when it cannot be armed, leaving cleanly when it cannot
        be taken off: then the orders will be cancelled. Two switches for one contract disturb each other.

        Source: futures V2 docs, "Cancel All After". 4 calls per 2 s per account.
        """
        listed = [symbols] if isinstance(symbols, str) else list(symbols)
        if not listed or not all(listed):
            raise ParameterError("symbols= must name at least one contract, like BTCUSDT")
        whole = cast("object", timeout)  # what callers really pass
        if isinstance(whole, bool) or not isinstance(whole, int) or whole < LEAST_TIMEOUT:
            raise ParameterError(f"timeout={timeout!r}: must be {LEAST_TIMEOUT} or more whole seconds")
        if on_error not in ("leave", "cancel"):
            raise ParameterError(f"on_error={on_error!r}: must be 'leave' or 'cancel'")
        for name, function in (("healthy", healthy), ("on_change", on_change)):
            if inspect.iscoroutinefunction(function):
                raise ParameterError(f"{name}= takes a plain function: an async one would never run")
        return DeadMansSwitch(
            self,
            listed,
            timeout=timeout,
            healthy=healthy,
            on_change=on_change,
            on_error=on_error,
            logger=self._transport.log,
        )
