"""``bitmart exit-plan``: what is where, and the ordered steps to bring it to a withdrawal.

It reads and changes nothing. Each step is one that can be taken when those before it are done; its
commands are whole where the amounts are known now. After a step, the plan is asked for again.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
import uuid
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bitmart_async import LIVE
from bitmart_async.cli.holdings import ZERO, read_holdings
from bitmart_async.cli.where import the_place
from bitmart_async.models.enums import WithdrawAddressStatus, WithdrawAddressType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from bitmart_async.cli.holdings import Holdings
    from bitmart_async.cli.where import Where
    from bitmart_async.models.account import AccountCurrency, WithdrawAddress, WithdrawQuota
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
_MS_FROM: Final = 100_000_000_000
_LAST_MS: Final = 253_402_300_800_000
_EVM: Final = frozenset(
    {"ERC20", "ETH", "BEP20", "BSC", "MATIC", "POLYGON", "ARBITRUM", "OPTIMISM", "BASE", "AVAX C-CHAIN"}
)
"""Networks that have addresses of the EVM form, as far as their names are certain."""
_NO_MEMO: Final = _EVM | {"BTC", "BITCOIN", "OMNI", "TRC20", "TRX", "SOL", "SOLANA", "LTC", "DOGE", "BCH"}
"""Networks that know no memo or tag."""
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
            "not_seen": _not_seen(held),
            "unread": [{"what": what, "why": why} for what, why in held.unread],
        }
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        _show(console, held, found, todo, live=live)
    unread = {what for what, _ in held.unread}
    wallets = {"futures wallet"} if place.is_demo else {"futures wallet", "spot wallet", "funding wallet"}
    if wallets <= unread:
        errors.print(
            "No wallet could be read: this is no plan. bitmart doctor says what is wrong.", style="red"
        )
        return 1
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
                    "It closes at market, at whatever price there is: in a thin book that may cost much. Look at the "
                    "book first; a limit order of your own may do better."
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
    if held.auto_saving or held.auto_products:
        commands = ["bitmart call set_auto_saving_batch auto_subscribe=close"] if held.auto_saving else []
        commands += [
            f"bitmart call set_flexible_saving_auto_subscribe product_id={product} auto_subscribe=close"
            for product in held.auto_products
        ]
        made.append(
            Step(
                title="Switch automatic saving off",
                why="idle money goes back into savings by itself as long as it is on",
                commands=commands,
            )
        )
    if held.flexible:
        _redeem_flexible(held, made)
    if held.fixed:
        _redeem_fixed(held, made)


def _redeem_flexible(held: Holdings, made: list[Step]) -> None:
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
    made.append(
        Step(
            title="Redeem flexible savings",
            why=", ".join(f"{_plain(totals[coin])} {coin}" for coin in by_coin if totals.get(coin))
            or f"{len(held.flexible)} positions",
            commands=commands,
            notes=notes,
        )
    )


def _redeem_fixed(held: Holdings, made: list[Step]) -> None:
    notes = [
        "Ending early may cost interest; how much is documented nowhere. Waiting costs nothing if the term ends in "
        "time. To wait, see that it is not bound again at its end: bitmart call "
        "update_fixed_saving_auto_reinvest earn_id=ID auto_subscribe=close"
    ]
    for fixed in held.fixed:
        ends = fixed.expired_date * (1 if fixed.expired_date > _MS_FROM else 1000)  # the unit is unverified
        day = (
            datetime.fromtimestamp(ends / 1000, UTC).strftime("%Y-%m-%d")
            if 0 < ends < _LAST_MS
            else "unknown"
        )
        late = ", after the platform has closed" if ends > _CLOSES * 1000 else ""
        notes.append(
            f"{fixed.earn_id}: {_plain(fixed.amount)} {fixed.coin_name} for {fixed.lock_day} days, to {day}{late}."
        )
    made.append(
        Step(
            title="Redeem fixed savings early, or wait for their end",
            why=", ".join(f"{_plain(fixed.amount)} {fixed.coin_name}" for fixed in held.fixed),
            commands=[
                f"bitmart call redeem_fixed_saving_early earn_id={fixed.earn_id} request_no={_digits()}"
                for fixed in held.fixed
            ],
            notes=notes,
        )
    )


def _gather(held: Holdings, made: list[Step]) -> None:
    for sub in held.subs:
        commands = [
            f"bitmart call submit_main_transfer_sub_to_main_v1 sub_account={shlex.quote(sub.name)} currency={coin} "
            f"amount={_plain(free)} request_no={uuid.uuid4().hex}"
            for coin, (free, _) in sub.spot.items()
            if free > 0
        ]
        commands += [
            f"bitmart call submit_futures_sub_to_main_transfer_from_main sub_account={shlex.quote(sub.name)} "
            f"currency={coin} amount={_plain(free)} request_no={uuid.uuid4().hex}"
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
        (row.currency, row.available_balance)
        for row in held.futures
        if (row.available_balance or ZERO) >= _EARN_DECIMALS
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
        for row in sorted(where, key=lambda one: _by_fee(_fee(held, one))):
            _one_network(held, row, amount, step)
        if len(step.commands) > 1:
            step.notes.append(
                "These commands are alternatives: each sends all of it. Run one, to an address you still hold."
            )
        if step.commands:
            step.notes.append(
                "What is sent to a wrong address or network is lost. Send little first if it is much."
            )
        made.append(step)


def _one_network(held: Holdings, row: AccountCurrency, amount: Decimal, step: Step) -> None:
    quota = held.quotas.get(row.currency)
    least = quota.min_withdraw if quota is not None else row.withdraw_minsize
    fee = _fee(held, row)
    alone = len(held.networks_of(_coin(row))) == 1
    fitting = [(address, _fits(address, row, alone=alone)) for address in held.addresses]
    saved = [address for address, fits in fitting if fits]
    good = [address for address in saved if address.verify_status == WithdrawAddressStatus.VERIFIED]
    unclear = [address for address, fits in fitting if fits is None]
    text = f"{row.currency} ({row.network}): fee {_plain(fee)}, minimum {_plain(least)}"
    whole = _sendable(amount, quota)
    if whole <= 0 or (least is not None and whole < least):
        step.notes.append(f"{text}. Too little for it.")
        return
    if fee is not None and whole <= fee:
        step.notes.append(f"{text}. The fee would take all of it.")
        return
    for address in unclear:
        step.notes.append(
            f"The saved address {address.address} does not say its network: look it up on BitMart's site before you "
            f"send {row.currency} there."
        )
    if not good:
        if saved:
            step.notes.append(f"{text}. Its saved address is not verified: verify it on BitMart's site.")
        elif not unclear:
            step.notes.append(
                f"{text}. No saved address: add one on BitMart's site; the API withdraws to saved addresses only."
            )
        return
    for address in good:
        memo = f" address_memo={shlex.quote(address.memo)}" if address.memo else ""
        step.commands.append(
            f"bitmart call submit_withdrawal_v1 currency={row.currency} amount={_plain(whole)} "
            f"address={shlex.quote(address.address)}{memo}"
        )
        label = f" ({address.remark})" if address.remark else ""
        arrives = f"about {_plain(whole - fee)} arrive" if fee is not None else "what arrives is not known"
        step.notes.append(f"{text}; {arrives} at {address.address}{label}.")
        if not address.memo and row.network.upper() not in _NO_MEMO:
            step.notes.append(
                f"No memo or tag is saved with it. Where the receiver wants one on {row.network} (every exchange "
                f"does on XRP, XLM, TON, EOS, ATOM and others), coins sent without it are lost."
            )
    if whole < amount:
        step.notes.append(
            f"{_plain(amount - whole)} stay behind: more decimals than {row.currency} may have."
        )


def _sendable(amount: Decimal, quota: WithdrawQuota | None) -> Decimal:
    """What of an amount the exchange takes: so many decimals, and a multiple where there is such a rule."""
    if quota is None:
        return amount
    whole = amount.quantize(Decimal(1).scaleb(-quota.withdraw_precision), ROUND_DOWN)
    step = quota.withdraw_precision_ge_ten
    return whole - whole % step if step else whole


def _fee(held: Holdings, row: AccountCurrency) -> Decimal | None:
    quota = held.quotas.get(row.currency)
    return quota.withdraw_fee if quota is not None else row.withdraw_fee


def _by_fee(fee: Decimal | None) -> tuple[bool, Decimal]:
    """The cheapest first, what is not known last."""
    return fee is None, fee or ZERO


def _coin(row: AccountCurrency) -> str:
    return row.currency.split("-")[0]


def _fits(address: WithdrawAddress, row: AccountCurrency, *, alone: bool) -> bool | None:
    """Whether a saved address receives this coin on this network; None when the address does not say enough.

    A coin that is sent through another network than its address has is lost: nothing is guessed.
    """
    if address.currency and address.currency not in (row.currency, _coin(row)):
        return False
    if address.network:
        return address.network.upper() == row.network.upper()
    if address.address_type == WithdrawAddressType.EVM:
        return row.network.upper() in _EVM
    if not address.currency:
        return None
    if address.currency == row.currency and ("-" in row.currency or alone):
        return True
    return None if address.currency == _coin(row) else False


def _plain(amount: Decimal | None) -> str:
    if amount is None:
        return "unknown"
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _digits() -> str:
    """Twenty digits, as savings want them."""
    return f"{uuid.uuid4().int % 10**20:020d}"


def _not_seen(held: Holdings) -> list[str]:
    """What no reading with this key can show."""
    if not held.sub_names:
        return []
    return [
        f"Not seen from here: orders, positions, loans and savings of the sub-accounts ({', '.join(held.sub_names)}). "
        f"Run this with a key of each."
    ]


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
    for unseen in _not_seen(held):
        console.print(Text(f"\n{unseen}", style="yellow"))
    if held.unread:
        console.print("\n[bold]Could not be read[/], so that something may be missing above:")
        for what, why in held.unread:
            console.print(Padding(Text(f"{what}: {why}", style="yellow"), (0, 0, 0, 3)))
