"""The commands and their options, on cyclopts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from bitmart_async import __version__
from bitmart_async.cli import USAGE, stream_commands, view_commands
from bitmart_async.cli.task import run_task
from bitmart_async.cli.where import Where

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

_LIVE = Where()

app = cyclopts.App(
    name="bitmart",
    help="BitMart from the shell: keep an account, call any method, find faults, run a BitMart of your own.",
    version=__version__,
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

    return run_task(lambda console: show(console, seed=seed))


@app.command
def sandbox(
    *,
    seed: int = 1,
    symbols: str = "all",
    speed: float = 1.0,
    host: str = "127.0.0.1",
    port: int = 0,
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
    symbols
        The markets, with commas between them, or all.
    speed
        Seconds of the market in one real second: 60 shows an hour in a minute.
    host
        Address to listen on.
    port
        The first of four TCP ports in a row: spot REST, futures REST, spot streams, futures streams.
        0 takes free ones.
    spot_rest
        TCP port of the spot REST host, whatever the option port says. So for the three others.
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

    row = [port + number if port else 0 for number in range(4)]
    ports = Ports(
        spot_rest=spot_rest or row[0],
        futures_rest=futures_rest or row[1],
        spot_streams=spot_streams or row[2],
        futures_streams=futures_streams or row[3],
    )
    return run_task(
        lambda console: serve(
            console,
            seed=seed,
            symbols=symbols,
            speed=speed,
            host=host,
            ports=ports,
            rate_limits=rate_limits,
            as_json=json,
        )
    )


archive_app = cyclopts.App(name="archive")
app.command(archive_app)


@archive_app.default
def archive(
    *,
    out: Path,
    since: datetime | None = None,
    symbols: Literal["all", "touched"] | None = None,
    retry_refused: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    where: Where = _LIVE,
) -> int:
    """Read everything the account can read into a folder, before it is gone.

    Wallets, orders, trades, movements, loans, savings and the rules they lived under: raw replies as they
    came, tables as CSV and Parquet, and a report of what is whole and what is not. Only reading calls are
    made. Interrupt it at any moment: the same command goes on where it stopped.

    Parameters
    ----------
    out
        The folder; it is made when it is not there.
    since
        How far back to ask, as 2024-01-31 (UTC). 2018-01-01 when not given, before the exchange opened.
    symbols
        Finished futures orders are asked for contract by contract: all of them (complete, slow), or only
        those the account has touched (an order cancelled unfilled may be missed).
    retry_refused
        Ask again for what was refused in an earlier run, after a key got more rights, say.
    json
        Print the report as JSON, and nothing else.
    """
    from bitmart_async.cli.archive import run as archive_run

    return run_task(
        lambda console: archive_run(
            console,
            where,
            out,
            since=None if since is None else since.replace(tzinfo=UTC),
            symbols=symbols,
            retry_refused=retry_refused,
            as_report=json,
        ),
        stopped="Stopped; what was read is kept. The same command goes on from here.",
    )


@archive_app.command(name="verify")
def archive_verify(path: Path, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Check a finished archive: hashes, raw replies, windows, and every table derived from them again.

    Parameters
    ----------
    path
        The folder.
    json
        Print the result as JSON, and nothing else.
    """
    from bitmart_async.cli.archive import verify

    return run_task(lambda console: verify(console, path, as_report=json))


@app.command
def call(
    method: str = "",
    /,
    *pairs: str,
    json: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="")] = False,
    params: Annotated[bool, Parameter(negative="")] = False,
    list: Annotated[bool, Parameter(name="--list", negative="")] = False,
    where: Where = _LIVE,
) -> int:
    """Call any REST method: bitmart call get_spot_ticker_v3 symbol=BTC_USDT

    Calls that change something ask before they are sent.

    Parameters
    ----------
    method
        A method of RestClient or FuturesClientV2. Unfinished names are answered with those that fit.
    pairs
        Its parameters as key=value; --params shows which there are.
    json
        Print the reply as it came.
    yes
        Send calls that change something without asking.
    params
        Show the method's parameters with types and meaning, and send nothing.
    list
        Show every method, and send nothing.
    """
    from bitmart_async.cli.call import call as make_call
    from bitmart_async.cli.call import list_all

    if list or not method:
        console = Console(highlight=False)
        if list:
            list_all(console)
            return 0
        app(["call", "--help"], console=console, result_action="return_value")
        console.print("\nEvery method: bitmart call --list")
        return USAGE
    return run_task(
        lambda console: make_call(console, where, method, pairs, yes=yes, as_it_came=json, describe=params)
    )


@app.command
def doctor(*, json: Annotated[bool, Parameter(negative="")] = False, where: Where = _LIVE) -> int:
    """Examine credentials, signature, clock, hosts, rights, limits and streams, and say what to do.

    Only reading calls are made. Ends with code 1 when something is wrong.

    Parameters
    ----------
    json
        Print the findings as JSON, and nothing else.
    """
    from bitmart_async.cli.doctor import run as examine

    return run_task(lambda console: examine(console, where, as_json=json))


@app.command(name="exit-plan")
def exit_plan(*, json: Annotated[bool, Parameter(negative="")] = False, where: Where = _LIVE) -> int:
    """Show what is open, borrowed, locked or held where, and the steps to bring it to a withdrawal.

    It reads everything and changes nothing. Minimums, fees and saved addresses are in the steps.

    Parameters
    ----------
    json
        Print the plan as JSON, and nothing else.
    """
    from bitmart_async.cli.exit_plan import run as plan

    return run_task(lambda console: plan(console, where, as_json=json))


@app.command
def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Print the completion script of a shell: commands, options, and the methods of bitmart call.

    For bash: bitmart completion bash > ~/.local/share/bash-completion/completions/bitmart

    Parameters
    ----------
    shell
        Which shell it is for.
    """
    from bitmart_async.cli.call import methods

    # The names are looked up when they are wanted: reading them takes longer than most commands.
    call.__annotations__["method"] = Literal[tuple(sorted(methods()))]
    print(app.generate_completion(shell=shell))
    return 0


stream_commands.register(app)
view_commands.register(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. Wrong usage is told in one line, and where help is."""
    try:
        result = app(
            list(arguments) or ["--help"],
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except cyclopts.CycloptsError as error:
        errors = Console(highlight=False, stderr=True)
        errors.print(Text(str(error), style="bold red"), soft_wrap=True)
        command = " ".join(("bitmart", *(error.command_chain or ())))
        errors.print(f"Help: {command} --help", soft_wrap=True)
        return USAGE
    return result if isinstance(result, int) else 0
