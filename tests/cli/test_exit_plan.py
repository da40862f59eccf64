"""``bitmart exit-plan``: its steps, taken one after the other, bring everything to a withdrawal."""

from __future__ import annotations

import json
import shlex
from decimal import Decimal
from typing import TYPE_CHECKING

from bitmart_async import Credentials, FuturesClientV2, RateLimits, RestClient
from bitmart_async.cli.call import methods, parameters
from bitmart_async.cli.exit_plan import Step, balances, steps
from bitmart_async.cli.holdings import Holdings, read_holdings
from bitmart_async.cli.life import live_a_little
from bitmart_async.cli.where import Place, Unmetered
from bitmart_async.models.account import AccountCurrency, WithdrawAddress, WithdrawQuota
from bitmart_async.models.earn import FixedPosition, FlexiblePosition
from bitmart_async.models.enums import WithdrawAddressStatus, WithdrawAddressType
from bitmart_async.models.spot import SpotWalletRow
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


def _coin(code: str, network: str, fee: str | None = "1", least: str | None = "10") -> AccountCurrency:
    return AccountCurrency(
        currency=code, name=code, network=network, withdraw_enabled=True, deposit_enabled=True,
        withdraw_minsize=None if least is None else Decimal(least),
        withdraw_fee=None if fee is None else Decimal(fee),
    )  # fmt: skip


def _address(
    address: str,
    kind: int = 0,
    *,
    currency: str | None = None,
    network: str | None = None,
    memo: str | None = None,
) -> WithdrawAddress:
    return WithdrawAddress(
        currency=currency, network=network, address=address, memo=memo, address_type=WithdrawAddressType(kind),
        verify_status=WithdrawAddressStatus.VERIFIED,
    )  # fmt: skip


def _withdrawal(
    amount: str, networks: list[AccountCurrency], addresses: list[WithdrawAddress], **more: object
) -> Step:
    coin = networks[0].currency.split("-")[0]
    wallet = [SpotWalletRow(id=coin, name=coin, available=Decimal(amount), frozen=Decimal(0))]
    held = Holdings(spot=wallet, networks=networks, addresses=addresses, **more)  # type: ignore[arg-type]
    (step,) = steps(held)
    return step


def test_no_command_sends_to_an_address_of_another_or_an_unsaid_network() -> None:
    """An address without a network is told, not used, where a coin has several; one for all coins of a network is
    used; an EVM address is used on EVM networks alone."""
    usdt = [_coin("USDT-ERC20", "ERC20"), _coin("USDT-TRC20", "TRC20")]
    step = _withdrawal("100", usdt, [_address("unclear", currency="USDT")])
    assert not step.commands
    assert any("unclear does not say its network" in note for note in step.notes)
    step = _withdrawal("100", usdt, [_address("universal", 1, network="trc20"), _address("0xevm", 2)])
    assert [command.split()[3:] for command in step.commands] == [
        ["currency=USDT-ERC20", "amount=100", "address=0xevm"],
        ["currency=USDT-TRC20", "amount=100", "address=universal"],
    ]
    assert any("alternatives" in note for note in step.notes)
    step = _withdrawal("100", usdt, [_address("other", currency="BTC", network="TRC20")])
    assert not step.commands


def test_memos_fees_decimals_and_what_a_shell_would_do() -> None:
    """A missing memo is warned of where a network has such; an unknown fee is not called nothing; an amount is
    rounded down before it is held against the minimum; values from outside are quoted."""
    step = _withdrawal("50", [_coin("XRP", "XRP", fee=None)], [_address("rX", currency="XRP", network="XRP")])
    assert any("No memo or tag" in note for note in step.notes)
    assert any("fee unknown" in note and "what arrives is not known" in note for note in step.notes)
    saved = _address("r$(x)", currency="XRP", network="XRP", memo="1; rm x")
    step = _withdrawal("50", [_coin("XRP", "XRP")], [saved])
    assert shlex.split(step.commands[0])[5:] == ["address=r$(x)", "address_memo=1; rm x"]
    assert not any("No memo" in note for note in step.notes)
    quota = WithdrawQuota(
        today_available_withdraw_btc=Decimal(1), min_withdraw=Decimal(20), withdraw_precision=0,
        withdraw_fee=Decimal(1), withdraw_precision_ge_ten=10,
    )  # fmt: skip
    xrp = _address("rX", currency="XRP", network="XRP", memo="1")
    step = _withdrawal("37.5", [_coin("XRP", "XRP")], [xrp], quotas={"XRP": quota})
    assert "amount=30 " in step.commands[0]
    assert any("7.5 stay behind" in note for note in step.notes)
    step = _withdrawal("19.9", [_coin("XRP", "XRP")], [xrp], quotas={"XRP": quota})
    assert not step.commands
    assert any("Too little" in note for note in step.notes)


def test_savings_do_not_swallow_what_was_redeemed() -> None:
    """Automatic saving is switched off before anything is redeemed; ending a term early is a step of its own that
    names its price and its end."""
    flexible = FlexiblePosition(
        earn_id="1", product_id="9", coin_id="3", coin_name="USDT", product_tag="", apy=Decimal(0),
        total_profit=Decimal(0), auto_subscribe=True, additional_apy=Decimal(0), has_tier_rate=False,
    )  # fmt: skip
    fixed = FixedPosition(
        earn_id="2", product_id="8", coin_id="3", coin_name="USDT", amount=Decimal(40),
        estimated_interest=Decimal(1), expired_date=1_830_000_000_000, product_tag="", apy=Decimal(0), lock_day=90,
        total_profit=Decimal(0), subscribe_type="", additional_apy=Decimal(0),
    )  # fmt: skip
    made = steps(Holdings(flexible=[flexible], fixed=[fixed], auto_saving=True, auto_products=["9"]))
    assert [step.title.split(",")[0] for step in made] == [
        "Switch automatic saving off", "Redeem flexible savings", "Redeem fixed savings early",
    ]  # fmt: skip
    assert made[0].commands == [
        "bitmart call set_auto_saving_batch auto_subscribe=close",
        "bitmart call set_flexible_saving_auto_subscribe product_id=9 auto_subscribe=close",
    ]
    assert "may cost interest" in made[2].notes[0]
    assert "to 2027-12-28, after the platform has closed" in made[2].notes[1]
    for step in made:
        for command in step.commands:
            words = command.replace("AMOUNT", "1").split()
            assert parameters(methods()[words[2]].endpoint, words[3:]) is not None


async def test_a_key_that_is_not_taken_is_no_empty_account(tmp_path: Path) -> None:
    """When no wallet can be read the command ends with code 1 and says so; --json stays JSON."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        options = where(tmp_path, sandbox)
        path = tmp_path / "sandbox.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "api_key": "b" * 40}))
        done = await bitmart("exit-plan", "--json", *options)
    assert done.code == 1
    assert "this is no plan" in done.err
    assert json.loads(done.out)["balances"] == {}
