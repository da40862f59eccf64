"""``bitmart exit-plan``: its steps, taken one after the other, bring everything to a withdrawal."""

from __future__ import annotations

import json
import shlex
from decimal import Decimal
from typing import TYPE_CHECKING

from bitmart_async import Credentials, FuturesClientV2, RateLimits, RestClient
from bitmart_async.cli.call import methods, parameters
from bitmart_async.cli.exit_plan import balances, steps
from bitmart_async.cli.holdings import read_holdings
from bitmart_async.cli.life import live_a_little
from bitmart_async.cli.where import Place, Unmetered
from bitmart_async.rest.endpoint import Effect
from bitmart_async.sandbox import Sandbox
from tests.cli.running import bitmart, where

if TYPE_CHECKING:
    from pathlib import Path


def _place(sandbox: Sandbox, limits: RateLimits | None = None) -> Place:
    return Place(
        environment=sandbox.environment,
        credentials=Credentials(**sandbox.keys),
        rate_limits=limits or Unmetered(),
    )


async def _obey(place: Place, command: str) -> None:
    """Carry out one command of the plan, as the shell would."""
    words = command.split()
    assert words[:2] == ["bitmart", "call"]
    method = methods()[words[2]]
    async with (
        FuturesClientV2(
            environment=place.environment, credentials=place.credentials, rate_limits=place.rate_limits
        )
        if method.futures
        else RestClient(
            environment=place.environment, credentials=place.credentials, rate_limits=place.rate_limits
        ) as client
    ):
        await client.call(method.endpoint, **parameters(method.endpoint, words[3:]))


async def test_the_plan_leads_out() -> None:
    """An account with orders, a position, a loan, savings, money on sub-accounts and in every wallet: taking
    the first step again and again, as its commands say, ends with nothing but dust anywhere."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        place = _place(sandbox)
        await live_a_little(place, sandbox)
        taken: list[str] = []
        for _ in range(30):
            todo = steps(await read_holdings(place))
            if not todo or not todo[0].commands or todo[0].title.startswith("Wait"):
                break
            for command in todo[0].commands[:1] if todo[0].title.startswith("Withdraw") else todo[0].commands:
                await _obey(place, command)
            taken.append(todo[0].title)
        truth = sandbox.account()
        assert not truth.open_orders
        assert not truth.positions
        for (wallet, coin), amount in truth.balances.items():
            least = Decimal("0.001") if coin == "BTC" else Decimal(10)
            held_back = amount.frozen if wallet in ("spot", "fund") else Decimal(0)  # on its way out
            assert amount.available + amount.margin + amount.frozen - held_back < least, (
                wallet,
                coin,
                amount,
            )
        assert [title.split()[0] for title in dict.fromkeys(taken)] == [
            "Cancel", "Cancel", "Close", "Repay", "Move", "Redeem", "Bring", "Move", "Withdraw", "Withdraw",
        ]  # fmt: skip


async def test_it_changes_nothing_and_every_command_is_one() -> None:
    """Reading for the plan sends no changing call; each command names a method and fits its parameters."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        place = _place(sandbox)
        await live_a_little(place, sandbox)
        before = len(sandbox.journal)
        held = await read_holdings(place)
        paths = {(request.method, request.path) for request in sandbox.journal.requests()[before:]}
        changing = {
            (m.endpoint.method, m.endpoint.path)
            for m in methods().values()
            if m.endpoint.effect is not Effect.READ
        }
        assert paths
        assert not paths & changing
        assert not held.unread
        commands = [command.split() for step in steps(held) for command in step.commands]
        assert len(commands) > 8
        for words in commands:
            method = methods()[words[2]]
            assert parameters(method.endpoint, words[3:]) is not None
        found = balances(held)
        truth = sandbox.account().balances
        assert found["USDT"]["funding"] == truth["fund", "USDT"].available == Decimal(500)
        assert found["USDT"]["sub-accounts"] == Decimal(75)
        assert found["USDT"]["owed"] > 1500


async def test_what_is_refused_is_told_and_the_rest_is_planned(tmp_path: Path) -> None:
    """A key without the right to see savings still gets a plan; the command ends with code 0 and says what it
    could not read. JSON holds the same plan."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        refusal = b'{"code":30012,"message":"no permission","trace":"t","data":{}}'
        sandbox.faults.reply("/newearn/cloud/v1/earn", 200, refusal, times=2)
        sandbox.faults.reply("/spot/v1/wallet", 200, refusal, times=2)
        done = await bitmart("exit-plan", *where(tmp_path, sandbox))
        assert done.code == 0, done
        assert "Could not be read" in done.out
        assert "savings" in done.out
        assert "Withdraw USDT" in done.out
        told = json.loads((await bitmart("exit-plan", "--json", *where(tmp_path, sandbox))).out)
    assert [row["what"] for row in told["unread"]] == ["spot wallet", "savings"]
    assert any(step["title"] == "Withdraw USDT" for step in told["steps"])


async def test_printed_commands_go_to_the_exchange_that_was_examined(tmp_path: Path) -> None:
    """Each printed command repeats the option of the place, as a shell reads it: run as printed, it must not
    go to the live exchange. The first is run as printed."""
    folder = tmp_path / "with a space"
    folder.mkdir()
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        await live_a_little(_place(sandbox), sandbox)
        place = where(folder, sandbox)
        done = await bitmart("exit-plan", "--json", *place)
        printed = [command for step in json.loads(done.out)["steps"] for command in step["commands"]]
        assert len(printed) > 8
        assert all(shlex.split(command)[-2:] == place for command in printed)
        shown = await bitmart("exit-plan", *place)
        lines = [line.strip() for line in shown.out.splitlines() if line.strip().startswith("$ ")]
        assert len(lines) == len(printed)
        assert all(shlex.split(line)[-2:] == place for line in lines)
        before = len(sandbox.journal.requests())
        ran = await bitmart(*shlex.split(printed[0])[1:], "--yes")
        assert ran.code == 0, ran
        assert len(sandbox.journal.requests()) > before
