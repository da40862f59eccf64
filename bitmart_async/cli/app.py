"""The commands and their options, on cyclopts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from bitmart_async import __version__
from bitmart_async.cli import USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

app = cyclopts.App(
    name="bitmart",
    help="BitMart for asyncio programs: a demo and a BitMart on your own machine.",
    version=__version__,
    help_on_error=True,
)


@app.command
def demo(*, seed: int = 1) -> int:
    """See it all in about ten seconds: REST, streams, orders and a lost connection. No keys, no internet.

    Parameters
    ----------
    seed
        The sandbox's market is the same for the same seed.
    """
    from bitmart_async.cli.demo import show

    return asyncio.run(show(Console(highlight=False), seed=seed))


@app.command
def sandbox(
    *,
    seed: int = 1,
    speed: float = 1.0,
    host: str = "127.0.0.1",
    spot_rest: int = 0,
    futures_rest: int = 0,
    spot_streams: int = 0,
    futures_streams: int = 0,
    rate_limits: bool = True,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run a BitMart on this machine until Ctrl-C; prints its URLs and keys.

    Parameters
    ----------
    seed
        The market is the same for the same seed.
    speed
        How busy the market is; 1 is a few trades a second.
    host
        Address to listen on.
    spot_rest
        TCP port of the spot REST host; 0 takes a free one.
    futures_rest
        TCP port of the futures REST host.
    spot_streams
        TCP port of the spot streams.
    futures_streams
        TCP port of the futures streams.
    rate_limits
        Enforce the exchange's limits.
    json
        Print one line of JSON for another program, and nothing else.
    """
    from bitmart_async.cli.sandbox import Ports, serve

    ports = Ports(
        spot_rest=spot_rest,
        futures_rest=futures_rest,
        spot_streams=spot_streams,
        futures_streams=futures_streams,
    )
    return asyncio.run(
        serve(
            Console(highlight=False, soft_wrap=True),
            seed=seed,
            speed=speed,
            host=host,
            ports=ports,
            rate_limits=rate_limits,
            as_json=json,
        )
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        result = app(
            list(arguments) or ["--help"], exit_on_error=False, print_error=True, result_action="return_value"
        )
    except cyclopts.CycloptsError:
        return USAGE
    return result if isinstance(result, int) else 0
