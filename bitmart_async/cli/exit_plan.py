"""``bitmart exit-plan``: what is where, and the ordered steps to bring it to a withdrawal.

It reads and changes nothing. Each step is one that can be taken when those before it are done; its
commands are whole where the amounts are known now. After a step, the plan is asked for again.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bitmart_async import LIVE
from bitmart_async.cli.holdings import ZERO, read_holdings
from bitmart_async.cli.where import the_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from bitmart_async.cli.holdings import Holdings
    from bitmart_async.cli.where import Where
    from bitmart_async.models.account import AccountCurrency, WithdrawAddress
    from bitmart_async.models.margin import MarginAsset

__all__ = ["Step", "balances", "run", "steps"]

_CLOSES: Final = 1_801_411_140
"""2027-01-31 15:59 UTC, by the exchange's notice 53544595916059."""
_NOTICE: Final = (
    "The exchange has announced (notice 53544595916059): no trading since 2026-08-26 01:00 UTC, and the platform "
    "closes on 2027-01-31 15:59 UTC. Where trading is closed, positions and orders may already be settled by the "
    "exchange, and what cannot be sold must be withdrawn as it is. Which calls still answer is not known here."
)
_PLACES: Final = ("spot", "funding", "margin", "futures", "savings", "sub-accounts")
_EARN_DECIMALS: Final = Decimal("0.00000001")


@dataclass(slots=True, kw_only=True)
class Step:
    """One thing to do."""

    title: str
    why: str
    commands: list[str] = field(default_factory=list[str])
    """`bitmart` commands, ready to run; the words in capitals are yours to fill in."""
    notes: list[str] = field(default_factory=list[str])


async def run(console: Console, where: Where, *, as_json: bool) -> int:
    """Show the plan; returns the exit code."""
    errors = type(console)(stderr=True, highlight=False)
    async with the_place(where, errors, keys=True) as place:
        if as_json or not console.is_terminal:
            held = await read_holdings(place)
        else:
            with console.status(f"Reading the account on {place.environment.name}"):
                held = await read_holdings(place)
        live = place.environment.name == LIVE.name
    found, todo = balances(held), steps(held)
    for step in todo:  # they must go where the plan was made, not to the live exchange
        step.commands = [f"{command}{where.option()}" for command in step.commands]
    if as_json:
        told = {
            "environment": place.environment.name,
            "balances": {coin: {k: str(v) for k, v in row.items()} for coin, row in found.items()},
            "steps": [asdict(step) for step in todo],
            "unread": [{"what": what, "why": why} for what, why in held.unread],
        }
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return 0
    _show(console, held, found, todo, live=live)
    return 0


# What is where ------------------------------------------------------------------------------------


def balances(held: Holdings) -> dict[str, dict[str, Decimal]]:
    """By coin: what lies in each place, what of it is locked, what is owed, and its worth in USD."""
    found: dict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for row in held.spot:
        found[row.id]["spot"] += (row.available or ZERO) + (row.frozen or ZERO)
        found[row.id]["locked"] += row.frozen or ZERO
    for balance in held.wallets:
        coin = found[balance.currency]
        if not held.spot:
            coin["spot"] += (balance.available or ZERO) + (balance.frozen or ZERO)
        coin["funding"] += (balance.fund_available or ZERO) + (balance.fund_frozen or ZERO)
        coin["locked"] += balance.fund_frozen or ZERO
        if balance.available_usd_valuation:
            coin["usd"] += balance.available_usd_valuation
    for account in held.margin:
        for asset in (account.base, account.quote):
            found[asset.currency]["margin"] += asset.total_asset or ZERO
            found[asset.currency]["owed"] += _owed(asset)
    for wallet in held.futures:
        found[wallet.currency]["futures"] += wallet.equity or ZERO
        found[wallet.currency]["locked"] += (wallet.frozen_balance or ZERO) + (
            wallet.position_deposit or ZERO
        )
    for saving in held.savings:
        found[saving.coin_name]["savings"] += saving.total_user_sum or ZERO
    for sub in held.subs:
        for wallets in (sub.spot, sub.futures):
            for name, (free, frozen) in wallets.items():
                found[name]["sub-accounts"] += free + frozen
                found[name]["locked"] += frozen
    return {
        coin: {name: value for name, value in row.items() if value}
        for coin, row in sorted(found.items())
        if any(row.values())
    }


def _owed(asset: MarginAsset) -> Decimal:
    return (asset.borrow_unpaid or ZERO) + (asset.interest_unpaid or ZERO)


# What to do ---------------------------------------------------------------------------------------


def steps(held: Holdings) -> list[Step]:
    """What to do, in the order in which it can be done. Pure."""
    made: list[Step] = []
    _cancel(held, made)
    _close(held, made)
    _repay(held, made)
    _redeem(held, made)
    _gather(held, made)
    _withdraw(held, made)
    if held.under_way:
        made.append(
            Step(
                title="Wait for what is under way",
                why=", ".join(
                    f"{row.operation_type} of {_plain(row.arrival_amount)} {row.currency}"
                    for row in held.under_way
                ),
                commands=["bitmart call get_deposit_withdraw_history_v2 operation_type=withdraw n=100"],
            )
        )
    return made


def _cancel(held: Holdings, made: list[Step]) -> None:
    frozen = [row.id for row in held.spot if row.frozen]
    if held.orders or held.algo_orders or (frozen and not held.under_way):
        commands = ["bitmart call cancel_all_spot_orders"] if held.orders or frozen else []
        kinds = sorted({str(order.order_mode) for order in held.algo_orders})
        commands += [f"bitmart call cancel_all_spot_algo_orders_v4 type={kind}" for kind in kinds]
        made.append(
            Step(
                title="Cancel spot orders",
                why=f"{len(held.orders)} orders and {len(held.algo_orders)} algo orders of the last seven days "
                f"are open" + (f"; {', '.join(frozen)} are held" if frozen else ""),
                commands=commands,
                notes=["Older orders are not listed here; the command cancels them too."],
            )
        )
    symbols = sorted({order.symbol for order in held.futures_orders if order.type != "trailing"})
    trailing = [order for order in held.futures_orders if order.type == "trailing"]
    if held.futures_orders or held.plan_orders:
        commands = [f"bitmart call cancel_all_futures_orders symbol={symbol}" for symbol in symbols]
        commands += [
            f"bitmart call cancel_futures_plan_order symbol={plan.symbol} order_id={plan.order_id}"
            for plan in held.plan_orders
        ]
        commands += [
            f"bitmart call cancel_futures_trail_order symbol={order.symbol} order_id={order.order_id}"
            for order in trailing
        ]
        notes = ["The exchange lists at most 100: ask again afterwards."]
        made.append(
            Step(
                title="Cancel futures orders",
                why=f"{len(held.futures_orders)} orders and {len(held.plan_orders)} plan or stop orders wait",
                commands=commands,
                notes=notes if max(len(held.futures_orders), len(held.plan_orders)) >= 100 else [],
            )
        )


def _close(held: Holdings, made: list[Step]) -> None:
    for position in held.positions:
        kind = 2 if position.symbol.endswith("USD") else 1
        made.append(
            Step(
                title=f"Close the position in {position.symbol}",
                why=f"{_plain(position.position_amount)} contracts {position.position_side}, unrealised "
                f"{_plain(position.unrealized_pnl)}, margin {_plain(position.initial_margin)}",
                commands=[
                    f"bitmart call close_all_futures_positions contract_type={kind} symbol={position.symbol}"
                ],
                notes=[
                    "It closes at market, at whatever price there is. A limit order of your own may do better."
                ],
            )
        )


def _repay(held: Holdings, made: list[Step]) -> None:
    for account in held.margin:
        commands: list[str] = []
        notes: list[str] = []
        owed = [asset for asset in (account.base, account.quote) if _owed(asset) > 0]
        for asset in owed:
            missing = _owed(asset) - (asset.available or ZERO)
            if missing > 0:
                if held.free.get(asset.currency, ZERO) < missing:
                    notes.append(
                        f"{_plain(missing)} {asset.currency} are missing to repay: buy or deposit them first."
                    )
                commands.append(
                    f"bitmart call submit_margin_asset_transfer_v1 symbol={account.symbol} "
                    f"currency={asset.currency} amount={_plain(missing)} side=in"
                )
            commands.append(
                f"bitmart call margin_repay_v1 symbol={account.symbol} currency={asset.currency} "
                f"amount={_plain(_owed(asset))}"
            )
        if owed:
            debts = ", ".join(f"{_plain(_owed(asset))} {asset.currency}" for asset in owed)
            notes.append("Interest grows by the hour: look again for a rest.")
            made.append(
                Step(
                    title=f"Repay the loans of {account.symbol}",
                    why=f"{debts} owed, interest included; nothing leaves the margin wallet safely before",
                    commands=commands,
                    notes=notes,
                )
            )
        out = [
            asset for asset in (account.base, account.quote) if (asset.available or ZERO) - _owed(asset) > 0
        ]
        if out:
            made.append(
                Step(
                    title=f"Move what is left in {account.symbol} margin to spot",
                    why=", ".join(
                        f"{_plain(asset.available - _owed(asset))} {asset.currency}" for asset in out
                    ),
                    commands=[
                        f"bitmart call submit_margin_asset_transfer_v1 symbol={account.symbol} "
                        f"currency={asset.currency} amount={_plain(asset.available - _owed(asset))} side=out"
                        for asset in out
                    ],
                )
            )


def _redeem(held: Holdings, made: list[Step]) -> None:
    if not (held.flexible or held.fixed):
        return
    totals = {saving.coin_name: saving.total_user_sum or ZERO for saving in held.savings}
    by_coin: defaultdict[str, list[str]] = defaultdict(list)
    for position in held.flexible:
        by_coin[position.coin_name].append(position.earn_id)
    for fixed in held.fixed:
        if fixed.coin_name in totals:
            totals[fixed.coin_name] -= fixed.amount or ZERO
    commands: list[str] = []
    notes: list[str] = []
    for coin, ids in by_coin.items():
        amount = _plain(totals[coin]) if len(ids) == 1 and totals.get(coin, ZERO) > 0 else "AMOUNT"
        if amount == "AMOUNT":
            notes.append(f"The exchange does not tell how much of {coin} lies in each position.")
        commands += [
            f"bitmart call redeem_flexible_saving earn_id={number} amount={amount} request_no={_digits()}"
            for number in ids
        ]
    for fixed in held.fixed:
        commands.append(
            f"bitmart call redeem_fixed_saving_early earn_id={fixed.earn_id} request_no={_digits()}"
        )
        notes.append(
            f"{_plain(fixed.amount)} {fixed.coin_name} are fixed for {fixed.lock_day} days: ending early may cost "
            f"interest (how much is documented nowhere); waiting costs nothing if the term ends in time."
        )
    made.append(
        Step(
            title="Redeem savings",
            why=", ".join(
                f"{_plain(saving.total_user_sum)} {saving.coin_name}"
                for saving in held.savings
                if saving.total_user_sum
            )
            or f"{len(held.flexible)} flexible and {len(held.fixed)} fixed positions",
            commands=commands,
            notes=notes,
        )
    )


def _gather(held: Holdings, made: list[Step]) -> None:
    for sub in held.subs:
        commands = [
            f"bitmart call submit_main_transfer_sub_to_main_v1 sub_account={sub.name} currency={coin} "
            f"amount={_plain(free)} request_no={uuid.uuid4().hex}"
            for coin, (free, _) in sub.spot.items()
            if free > 0
        ]
        commands += [
            f"bitmart call submit_futures_sub_to_main_transfer_from_main sub_account={sub.name} currency={coin} "
            f"amount={_plain(free)} request_no={uuid.uuid4().hex}"
            for coin, (free, _) in sub.futures.items()
            if free > 0
        ]
        locked = [
            coin for wallet in (sub.spot, sub.futures) for coin, (_, held_back) in wallet.items() if held_back
        ]
        notes = (
            [f"{', '.join(locked)} are held there: run this plan with the sub-account's own key."]
            if locked
            else []
        )
        made.append(
            Step(
                title=f"Bring home what sub-account {sub.name} has",
                why=", ".join(
                    f"{_plain(free + frozen)} {coin}"
                    for wallet in (sub.spot, sub.futures)
                    for coin, (free, frozen) in wallet.items()
                    if free + frozen
                ),
                commands=commands,
                notes=notes,
            )
        )
    moving = [
        (row.currency, row.available_balance) for row in held.futures if (row.available_balance or ZERO) > 0
    ]
    if moving:
        made.append(
            Step(
                title="Move futures money to spot",
                why=", ".join(f"{_plain(amount)} {coin} free on futures" for coin, amount in moving),
                commands=[
                    f"bitmart call submit_futures_transfer currency={coin} "
                    f"amount={_plain(amount.quantize(_EARN_DECIMALS, ROUND_DOWN))} type=contract_to_spot"
                    for coin, amount in moving
                ],
                notes=["Open positions hold their margin back; what is needed for them is refused."]
                if held.positions
                else [],
            )
        )


def _withdraw(held: Holdings, made: list[Step]) -> None:
    for coin, amount in sorted(held.free.items()):
        networks = held.networks_of(coin)
        where = [row for row in networks if row.withdraw_enabled]
        step = Step(
            title=f"Withdraw {coin}", why=f"{_plain(amount)} {coin} are free in spot and funding wallet"
        )
        if made:
            step.notes.append("Last for each coin: the steps above may add to it.")
        if not where:
            step.notes.append(
                "No network of it is open for withdrawals, or none could be read. Look again later, or sell it "
                "for a coin that can leave, where trading is open."
            )
            made.append(step)
            continue
        for row in sorted(where, key=lambda one: _fee(held, one)):
            _one_network(held, row, amount, step)
        made.append(step)


def _one_network(held: Holdings, row: AccountCurrency, amount: Decimal, step: Step) -> None:
    quota = held.quotas.get(row.currency)
    least = quota.min_withdraw if quota is not None else row.withdraw_minsize
    fee = _fee(held, row)
    saved = [address for address in held.addresses if _for(address, row)]
    good = [address for address in saved if address.verify_status == 1]
    text = f"{row.currency} ({row.network}): fee {_plain(fee)}, minimum {_plain(least)}"
    if least is not None and amount < least:
        step.notes.append(f"{text}. Too little for it.")
        return
    if amount <= fee:
        step.notes.append(f"{text}. The fee would take all of it.")
        return
    if not good:
        step.notes.append(
            f"{text}. "
            + (
                "Its saved address is not verified: verify it on BitMart's site."
                if saved
                else "No saved address: add one on BitMart's site; the API withdraws to saved addresses only."
            )
        )
        return
    decimals = quota.withdraw_precision if quota is not None else None
    whole = amount if decimals is None else amount.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)
    for address in good:
        memo = f" address_memo={address.memo}" if address.memo else ""
        step.commands.append(
            f"bitmart call submit_withdrawal_v1 currency={row.currency} amount={_plain(whole)} "
            f"address={address.address}{memo}"
        )
        label = f" ({address.remark})" if address.remark else ""
        step.notes.append(f"{text}; about {_plain(whole - fee)} arrive at {address.address}{label}.")


def _fee(held: Holdings, row: AccountCurrency) -> Decimal:
    quota = held.quotas.get(row.currency)
    fee = quota.withdraw_fee if quota is not None else row.withdraw_fee
    return fee if fee is not None else ZERO


def _for(address: WithdrawAddress, row: AccountCurrency) -> bool:
    """Whether a saved address is one of this coin on this network; one that names neither is left out."""
    coin = address.currency in (row.currency, row.currency.split("-")[0])
    return coin and address.network in (None, "", row.network)


def _plain(amount: Decimal | None) -> str:
    if amount is None:
        return "unknown"
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _digits() -> str:
    """Twenty digits, as savings want them."""
    return f"{uuid.uuid4().int % 10**20:020d}"


# Showing ------------------------------------------------------------------------------------------


def _show_balances(console: Console, found: Mapping[str, Mapping[str, Decimal]]) -> None:
    if not found:
        console.print("Nothing is held that could be read.\n")
        return
    columns = [name for name in (*_PLACES, "locked", "owed") if any(row.get(name) for row in found.values())]
    cells = [
        [coin, *(_plain(row[name]) if name in row else "" for name in columns)] for coin, row in found.items()
    ]
    heads = ["coin", *columns]
    if sum(max(len(row[n]) for row in [heads, *cells]) + 2 for n in range(len(heads))) > console.width:
        for row in cells:  # too wide: a line for each place
            console.print(Text(row[0], style="bold"))
            for name, cell in zip(columns, row[1:], strict=True):
                if cell:
                    console.print(Text(f"  {name:<13} {cell}"))
        console.print()
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    for row in cells:
        table.add_row(*row)
    console.print(table)
    console.print()


def _show(
    console: Console,
    held: Holdings,
    found: Mapping[str, Mapping[str, Decimal]],
    todo: list[Step],
    *,
    live: bool,
) -> None:
    if live:
        left = int((_CLOSES - time.time()) / 86_400)
        console.print(Text(f"{_NOTICE} {max(left, 0)} days are left.\n", style="yellow"))
    _show_balances(console, found)
    for number, step in enumerate(todo, 1):
        console.print(Text(f"{number}. {step.title}", style="bold"))
        console.print(Padding(Text(step.why), (0, 0, 0, 3)))
        for command in step.commands:
            console.print(Text(f"   $ {command}", style="green"), soft_wrap=True)
        for note in step.notes:
            console.print(Padding(Text(note, style="dim"), (0, 0, 0, 3)))
    if todo:
        console.print(
            "\nNothing was changed. Run one step, then this again: amounts and order follow what is there then."
        )
    if held.unread:
        console.print("\n[bold]Could not be read[/], so that something may be missing above:")
        for what, why in held.unread:
            console.print(Padding(Text(f"{what}: {why}", style="yellow"), (0, 0, 0, 3)))
