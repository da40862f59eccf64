"""``bitmart sandbox``: run it, print where it is, stop on Ctrl-C."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, TypedDict

from bitmart_async.cli import INTERRUPTED, USAGE
from bitmart_async.cli.stopping import stopping
from bitmart_async.sandbox import Sandbox

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Ports", "serve"]


class Ports(TypedDict):
    """TCP ports to listen on; 0 takes a free one."""

    spot_rest: int
    futures_rest: int
    spot_streams: int
    futures_streams: int


async def serve(
    console: Console,
    *,
    seed: int,
    symbols: str,
    speed: float,
    host: str,
    ports: Ports,
    rate_limits: bool,
    as_json: bool,
) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code.

    Args:
        symbols: Markets with commas between them, or ``all``.
    """
    console.soft_wrap = True  # URLs and lines to copy stay whole
    try:
        wanted = symbols if symbols == "all" else [name for name in symbols.split(",") if name]
        running = Sandbox(seed=seed, symbols=wanted, speed=speed, host=host, rate_limits=rate_limits, **ports)
        with stopping() as stop:
            async with running as sandbox:
                if as_json:
                    told = {"environment": asdict(sandbox.environment), **sandbox.keys}
                    print(json.dumps({**told, "rate_limits": rate_limits}), flush=True)
                else:
                    _print_where(console, sandbox)
                await stop.wait()
    except OSError as error:
        console.print(
            f"[red]The sandbox cannot listen on {host}:[/] {error.strerror or error}. Choose an address of "
            f"this machine and other ports, or 0 for free ones."
        )
        return 1
    except (OverflowError, ValueError) as error:
        console.print(f"[red]The sandbox cannot start:[/] {error}.")
        return USAGE
    if not as_json:
        console.print("Sandbox stopped.")
    return INTERRUPTED


def _print_where(console: Console, sandbox: Sandbox) -> None:
    urls = sandbox.environment
    console.print("[bold]A BitMart on this machine.[/] The market moves; the money is not real.\n")
    for name in (
        "spot_rest",
        "futures_rest",
        "spot_public",
        "spot_private",
        "futures_public",
        "futures_private",
    ):
        console.print(f"  {name:<16} [cyan]{getattr(urls, name)}[/]")
    console.print(f"  {'status page':<16} [cyan]{sandbox.status_url}[/]")
    console.print(f"  {'faults':<16} [cyan]{urls.spot_rest}/sandbox/faults[/]")
    console.print("\nKeys of its account (they work here and nowhere else):\n")
    for name, value in sandbox.keys.items():
        console.print(f"  export BITMART_{name.upper()}={value}")
    console.print("\nIn Python:\n")
    console.print("  from bitmart_async import Credentials, Environment, RestClient")
    console.print("  environment = Environment(name='sandbox',")
    for name in (
        "spot_rest",
        "futures_rest",
        "spot_public",
        "spot_private",
        "futures_public",
        "futures_private",
    ):
        end = ")" if name == "futures_private" else ","
        console.print(f"      {name}='{getattr(urls, name)}'{end}", markup=False)
    console.print("  rest = RestClient(environment=environment, credentials=Credentials.from_env())")
    console.print("\nCtrl-C stops it.")
