"""Where a command works, and as whom: live, the demo, a sandbox of its own, or one that runs already.

Secrets come from the environment variables or a hidden prompt, never from the command line, where
other programs and the shell's history would see them.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from bitmart_async import (
    DEMO,
    LIVE,
    ConfigurationError,
    Credentials,
    CredentialsMissing,
    Environment,
    FuturesClientV2,
    RateLimits,
    RestClient,
    WebsocketClient,
)
from bitmart_async.ratelimit import Gate, Window
from bitmart_async.told import read_told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from rich.console import Console

    from bitmart_async import Quota, RateLimitState

__all__ = ["VARIABLES", "Place", "Where", "at_the_keyboard", "the_place"]

VARIABLES = ("BITMART_API_KEY", "BITMART_API_SECRET", "BITMART_API_MEMO")
_PLACE = Group("Where", sort_key=1)


@Parameter(name="*", group=_PLACE)
@dataclass(frozen=True, kw_only=True)
class Where:
    """The exchange a command works with; live when nothing is given."""

    sandbox: Annotated[bool, Parameter(negative="")] = False
    """Start a BitMart on this machine, with an account that has lived a little. No keys needed."""
    demo: Annotated[bool, Parameter(negative="")] = False
    """The futures demo: play money, futures only."""
    environment: Annotated[Path | None, Parameter(name="--environment")] = None
    """A file with what `bitmart sandbox --json` printed: a sandbox that runs already."""

    def option(self) -> str:
        """What a command of the same place ends with, as a shell reads it; empty for live."""
        if self.environment is not None:
            return f" --environment {shlex.quote(str(self.environment))}"
        return " --sandbox" if self.sandbox else " --demo" if self.demo else ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a command works, opened."""

    environment: Environment
    credentials: Credentials | None
    rate_limits: RateLimits
    keys_from: str = ""
    """Where the credentials come from, for people; empty for the environment variables or the keyboard."""

    @property
    def is_demo(self) -> bool:
        """Whether there is futures alone."""
        return self.environment.name == DEMO.name

    def rest(self) -> RestClient:
        """A client of the spot host."""
        return RestClient(
            environment=self.environment, credentials=self.credentials, rate_limits=self.rate_limits
        )

    def futures(self) -> FuturesClientV2:
        """A client of the futures host."""
        return FuturesClientV2(
            environment=self.environment, credentials=self.credentials, rate_limits=self.rate_limits
        )

    def streams(self, ping_interval: float = 10.0) -> WebsocketClient:
        """A client of the streams."""
        return WebsocketClient(
            environment=self.environment, credentials=self.credentials, ping_interval=ping_interval
        )


@asynccontextmanager
async def the_place(
    where: Where, console: Console, *, keys: bool, lively: bool = False
) -> AsyncGenerator[Place, None]:
    """Open what the options name.

    Args:
        keys: Whether the command needs credentials: then they are asked for when they are nowhere.
        lively: Whether the market of a sandbox of its own goes on moving.

    Raises:
        ConfigurationError: Two places at once, a file that cannot be read, or no credentials.
    """
    chosen = [name for name in ("sandbox", "demo", "environment") if getattr(where, name)]
    if len(chosen) > 1:
        raise ConfigurationError(f"give one of --{' and --'.join(chosen)}, not both")
    if where.sandbox:
        from bitmart_async.cli.life import live_a_little
        from bitmart_async.sandbox import Sandbox

        async with Sandbox(lively=lively, rate_limits=False) as sandbox:
            place = Place(
                environment=sandbox.environment,
                credentials=Credentials(**sandbox.keys),
                rate_limits=Unmetered(),
                keys_from="the sandbox",
            )
            if keys or not lively:
                await live_a_little(place, sandbox)
            yield place
        return
    if where.environment is not None:
        yield _running(where.environment)
        return
    yield Place(
        environment=DEMO if where.demo else LIVE,
        credentials=_credentials(console, needed=keys),
        rate_limits=RateLimits(),
    )


@contextmanager
def at_the_keyboard() -> Generator[None, None, None]:
    """Let Ctrl-C end a question at once: asyncio would only note it and wait for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except EOFError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)


def _credentials(console: Console, *, needed: bool) -> Credentials | None:
    """From the variables, or asked for where somebody can answer."""
    given = [name for name in VARIABLES if os.environ.get(name)]
    if given or not (needed and sys.stdin.isatty()):
        return Credentials.from_env() if needed or len(given) == len(VARIABLES) else None
    console.print(
        "No BITMART_API_KEY, BITMART_API_SECRET and BITMART_API_MEMO in the environment. "
        "What you type here is not shown and not kept."
    )
    with at_the_keyboard():
        parts = [console.input(f"{name.removeprefix('BITMART_')}: ", password=True) for name in VARIABLES]
    return Credentials(*(part.strip() for part in parts))


def _running(path: Path) -> Place:
    """What `bitmart sandbox --json` printed into a file."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror or error}. Make it with: bitmart sandbox --json > {path}"
        ) from None
    try:
        environment = Environment.from_json(text)
        credentials = Credentials.from_json(text)
        metered = read_told(text).get("rate_limits", True) is not False
    except CredentialsMissing as error:
        raise CredentialsMissing(f"{path}: {error}") from None
    except ValueError as error:
        raise ConfigurationError(
            f"{path}: {error}. Make it with: bitmart sandbox --json > {shlex.quote(str(path))}"
        ) from None
    return Place(
        environment=environment,
        credentials=credentials,
        rate_limits=RateLimits() if metered else Unmetered(),
        keys_from=str(path),
    )


class Unmetered(RateLimits):
    """For a sandbox that counts no calls."""

    def gate(self, name: str, quota: Quota | None, *, host: str, key: str) -> Gate:
        """A gate that is always open."""
        return Gate(_Wide(1_000_000, 2.0))


class _Wide(Window):
    def correct(self, state: RateLimitState, now: float) -> None:
        """What the reply headers say is what a sandbox shows, not what it enforces."""
