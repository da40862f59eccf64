"""What a batch's answer says about each of its orders. Pure.

The two replies differ: v4 names the ids of the orders taken and nothing else, v2 has a row with a code
for each. Whatever an answer does not say plainly stays UNKNOWN: an order that may live is never called
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from bitmart_async.errors import Fate, OrderResult
from bitmart_async.models.spot import BatchOrderAck
from bitmart_async.models.spot_legacy import BatchOrderResults
from bitmart_async.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bitmart_async.models.spot_legacy import BatchOrderResult

__all__ = ["all_alike", "read_results"]

Sent = tuple[str, str]
"""Client order id and symbol of one order."""


def read_results(
    data: object, sent: Sequence[Sent], refused_as: Callable[[int], Fate], mask: Callable[[str], str]
) -> object:
    """``data`` with the fate of each order sent, where it is the answer to a batch.

    Args:
        refused_as: What a refusal with this code proves about one order.
        mask: Takes secrets out of the exchange's words.
    """
    if isinstance(data, BatchOrderAck):
        return msgspec.structs.replace(data, results=_by_ids(data.order_ids, sent))
    if isinstance(data, BatchOrderResults):
        return msgspec.structs.replace(data, results=_by_rows(data.responses, sent, refused_as, mask))
    return data


def all_alike(
    sent: Sequence[Sent], fate: Fate, code: int | None = None, message: str = ""
) -> tuple[OrderResult, ...]:
    """The same fate for every order: the call failed as a whole."""
    return tuple(OrderResult(own, symbol, fate, None, code, message) for own, symbol in sent)


def _by_ids(ids: Sequence[str], sent: Sequence[Sent]) -> tuple[OrderResult, ...]:
    # An id of nothing but zeros and blanks stands for an order that was not taken.
    whole = len(ids) == len(sent) == len({one for one in ids if one.strip("0 ")})
    if not whole:
        return all_alike(sent, Fate.UNKNOWN)
    return tuple(
        OrderResult(own, symbol, Fate.ACCEPTED, taken) for (own, symbol), taken in zip(sent, ids, strict=True)
    )


def _by_rows(
    rows: Sequence[BatchOrderResult],
    sent: Sequence[Sent],
    refused_as: Callable[[int], Fate],
    mask: Callable[[str], str],
) -> tuple[OrderResult, ...]:
    if len(rows) != len(sent):
        return all_alike(sent, Fate.UNKNOWN)
    results: list[OrderResult] = []
    for (own, symbol), row in zip(sent, rows, strict=True):
        order_id = row.data.order_id if row.data is not None else ""
        code = cast("int | None", row.code)  # any number may be blank, see models/base.py
        if code == 0 and order_id.strip("0 "):
            results.append(OrderResult(own, symbol, Fate.ACCEPTED, order_id))
            continue
        # Success without an id, a refusal with one, no code at all: no proof of either.
        plain = bool(code) and not order_id.strip("0 ")
        fate = refused_as(code) if code is not None and plain else Fate.UNKNOWN
        results.append(OrderResult(own, symbol, fate, order_id or None, code, one_line(mask(row.msg))))
    return tuple(results)
