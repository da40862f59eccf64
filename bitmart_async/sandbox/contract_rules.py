"""What an incoming futures order must look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .contract_orders import MODES, ContractTicket
from .numbers import read_decimal, whole_units
from .refusals import Refusal

if TYPE_CHECKING:
    from .rules import ContractRules

__all__ = ["check_client_id", "check_ticket", "ticks_of", "trade_way"]

CLIENT_ID_LENGTH: Final = 32
_WAYS: Final = {(1, 4): 1, (1, 3): 2, (2, 4): 3, (2, 3): 4, (4, 1): 5, (4, 2): 6, (3, 1): 7, (3, 2): 8}


def trade_way(taker_side: int, maker_side: int) -> int:
    """The number the wire gives this pair of order sides."""
    return _WAYS[taker_side, maker_side]


def ticks_of(price: object, rules: ContractRules) -> int:
    """A price in ticks. Prices finer than a tick are refused, unlike on spot."""
    number = read_decimal(price)
    if number is None or number <= 0:
        raise Refusal(40007, "price")
    ticks = whole_units(number, rules.price_decimals)
    if ticks is None:
        raise Refusal(40043)
    return ticks


def check_ticket(ticket: ContractTicket, rules: ContractRules) -> int:
    """The limit price in ticks, 0 for a market order.

    Raises:
        Refusal: Some field is not one the exchange takes.
    """
    if ticket.side not in (1, 2, 3, 4):
        raise Refusal(40041)
    if ticket.type not in ("limit", "market"):
        raise Refusal(40042)
    if ticket.mode not in MODES or (ticket.mode == 4 and ticket.type == "market"):
        raise Refusal(40007, "mode")
    if ticket.open_type not in (None, "cross", "isolated"):
        raise Refusal(40045)
    if ticket.leverage is not None and ticket.leverage != int(ticket.leverage):
        raise Refusal(40040)
    check_client_id(ticket.client_order_id)
    most = rules.market_max_volume if ticket.type == "market" else rules.max_volume
    if not rules.min_volume <= ticket.size <= most:
        raise Refusal(40044)
    if ticket.type == "market":
        return 0
    if ticket.price is None:
        raise Refusal(40007, "price")
    return ticks_of(str(ticket.price), rules)


def check_client_id(client_order_id: str) -> None:
    """Letters and digits, at most 32; empty is none."""
    if len(client_order_id) > CLIENT_ID_LENGTH:
        raise Refusal(40049)
    if client_order_id and not (client_order_id.isascii() and client_order_id.isalnum()):
        raise Refusal(40048)
