"""Keeps the futures orders that wait for a price, and sends them to the engine when it has come.

Nothing is frozen or reserved while one waits. One that fires ends, and the order it sends carries its id;
what is then refused ends as cancelled. A take-profit or stop-loss closes no more than the position still
has free, one for the whole position takes the contracts back from other closing orders first, and when
the position is gone it is cancelled. The presets of an opening order become a take-profit and a stop-loss
as soon as that order is finished with something filled.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .contract_orders import FINISHED, NO_PRESETS, ContractOrder, ContractTicket
from .events import ContractOrderChanged, Emit, Event, PlanOrderChanged
from .futures import CANCELLED, MATCHED, SUBMITTED
from .plan_orders import CLOSERS, PlanOrder, closing_way
from .refusals import Refusal

if TYPE_CHECKING:
    from .accounts import Accounts, Ids
    from .futures import FuturesEngine
    from .positions import Position
    from .rules import ContractRules

__all__ = ["PlanBook", "check_leverage"]

_MOST: Final = 100


class PlanBook:
    def __init__(self, futures: FuturesEngine, accounts: Accounts, ids: Ids, emit: Emit) -> None:
        self._futures = futures
        self._accounts = accounts
        self._ids = ids
        self._emit = emit
        self._plans: dict[int, PlanOrder] = {}
        self._working: dict[int, PlanOrder] = {}
        self._opened: list[ContractOrder] = []

    # Reading

    def plan(self, uid: int, order_id: int) -> PlanOrder | None:
        found = self._plans.get(order_id)
        return found if found is not None and found.account.uid == uid else None

    def plan_by_client_id(self, uid: int, client_order_id: str) -> PlanOrder | None:
        return next(
            (plan for plan in self.plans(uid) if client_order_id and plan.client_order_id == client_order_id),
            None,
        )

    def plans(self, uid: int) -> list[PlanOrder]:
        """Oldest first."""
        return [plan for plan in self._plans.values() if plan.account.uid == uid]

    def working(self, uid: int) -> list[PlanOrder]:
        return [plan for plan in self._working.values() if plan.account.uid == uid]

    # Changing

    def submit(self, plan: PlanOrder) -> PlanOrder:
        """Keep an order until its price comes; it gets its id here."""
        self._futures.check_open(plan.account)
        if len(self.working(plan.account.uid)) >= _MOST:
            raise Refusal(40028)
        uid = plan.account.uid
        if plan.client_order_id and (
            self.plan_by_client_id(uid, plan.client_order_id)
            or self._futures.order_by_client_id(uid, plan.client_order_id)
        ):
            raise Refusal(40050)
        if plan.kind in CLOSERS:
            position = self._position(plan)
            if position is None:
                raise Refusal(40021)
            if plan.size > position.volume:
                raise Refusal(40020)
            plan.leverage, plan.open_type = position.leverage, position.open_type
        plan.order_id = self._ids.contract_order()
        self._plans[plan.order_id] = self._working[plan.order_id] = plan
        self._announce(SUBMITTED, plan)
        return plan

    def changed(self, plan: PlanOrder, now_ms: int) -> None:
        """Tell of new prices."""
        plan.updated = now_ms
        self._announce(SUBMITTED, plan)

    def cancel(self, plan: PlanOrder, now_ms: int) -> None:
        self._end(plan, now_ms)
        self._announce(CANCELLED, plan)

    def cancel_everything(self, now_ms: int) -> None:
        """Cancel whatever waits."""
        for plan in list(self._working.values()):
            self.cancel(plan, now_ms)

    def on_event(self, event: Event) -> None:
        """Note the opening orders whose presets are due."""
        if (
            isinstance(event, ContractOrderChanged)
            and not event.order.is_open
            and event.order.filled
            and not event.order.closes
            and event.order.presets != NO_PRESETS
        ):
            self._opened.append(event.order)

    def advance(self, now_ms: int) -> None:
        """Place presets, drop what has no position left, fire what is due."""
        opened, self._opened = self._opened, []
        for order in opened:
            self._place_presets(order, now_ms)
        for plan in list(self._working.values()):
            if not plan.is_open:
                continue
            if plan.kind in CLOSERS and self._position(plan) is None:
                self.cancel(plan, now_ms)
                continue
            market = self._futures.markets[plan.symbol]
            if plan.fires(market.last * 2 if plan.price_type == 1 else market.mark):
                self._fire(plan, market.rules, now_ms)

    # Inside

    def _position(self, plan: PlanOrder) -> Position | None:
        """The position a closing plan would make smaller."""
        uid = plan.account.uid
        position = self._futures.position(uid, plan.symbol, self._futures.leg(uid, plan.side))
        long_wanted = plan.side == 3
        is_long = position.direction.value == "buy"
        return position if position.volume and is_long == long_wanted else None

    def _fire(self, plan: PlanOrder, rules: ContractRules, now_ms: int) -> None:
        self._end(plan, now_ms)
        try:
            ticket = self._ticket(plan, rules, now_ms)
            self._announce(MATCHED, plan)
            child = self._futures.submit(plan.account, ticket, now_ms)
        except Refusal:
            self._announce(CANCELLED, plan)
        else:
            plan.executive_order_id = child.order_id

    def _ticket(self, plan: PlanOrder, rules: ContractRules, now_ms: int) -> ContractTicket:
        size = self._closing_size(plan, now_ms) if plan.kind in CLOSERS else plan.size
        return ContractTicket(
            symbol=plan.symbol,
            side=plan.side,
            type=plan.execution,
            size=size,
            price=Decimal(plan.executive).scaleb(-rules.price_decimals) if plan.executive else None,
            mode=plan.mode if plan.execution == "limit" else 1,
            presets=plan.presets,
            leverage=None if plan.closes else Decimal(plan.leverage),
            open_type=None if plan.closes else plan.open_type,
            plan_order_id=plan.order_id,
        )

    def _closing_size(self, plan: PlanOrder, now_ms: int) -> int:
        position = self._position(plan)
        if position is None:
            raise Refusal(40021)
        if not plan.size:
            for order in self._futures.open_orders(plan.account.uid, plan.symbol):
                if order.side == plan.side:
                    self._futures.cancel(order, now_ms)
            return position.volume
        size = min(plan.size, position.volume - position.frozen)
        if size <= 0:
            raise Refusal(40020)
        return size

    def _place_presets(self, order: ContractOrder, now_ms: int) -> None:
        presets, account = order.presets, self._accounts[order.uid]
        side = 3 if order.side == 1 else 2
        for kind, trigger, price_type in (
            ("take_profit", presets.take_profit, presets.take_profit_type),
            ("stop_loss", presets.stop_loss, presets.stop_loss_type),
        ):
            if not trigger:
                continue
            plan = PlanOrder(
                order_id=0,
                client_order_id="",
                account=account,
                symbol=order.symbol,
                kind=kind,
                side=side,
                execution="market",
                size=order.filled,
                leverage=order.leverage,
                open_type=order.open_type,
                position_mode=order.position_mode,
                price_type=price_type,
                trigger=trigger,
                price_way=closing_way(kind, side),
                created=now_ms,
                updated=now_ms,
            )
            try:
                self.submit(plan)
            except Refusal:  # the position is gone, or smaller, already
                continue

    def _end(self, plan: PlanOrder, now_ms: int) -> None:
        self._working.pop(plan.order_id, None)
        plan.state, plan.updated = FINISHED, now_ms

    def _announce(self, action: int, plan: PlanOrder) -> None:
        self._emit(PlanOrderChanged(action, plan))


def check_leverage(leverage: Decimal | None, rules: ContractRules) -> int:
    """A leverage the contract allows; a plan order must name one."""
    if leverage is None or leverage != int(leverage):
        raise Refusal(40040)
    if leverage > rules.max_leverage:
        raise Refusal(40029)
    if leverage < rules.min_leverage:
        raise Refusal(40030)
    return int(leverage)
