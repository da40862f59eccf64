"""One call as it will be sent: its parameters checked, its orders named, its body made. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import cast
from urllib.parse import quote_plus

import msgspec

from bitmart_async.errors import Fate, ParameterError
from bitmart_async.rest.batch import Sent
from bitmart_async.rest.endpoint import Endpoint
from bitmart_async.text import one_line

__all__ = ["Call", "prepare"]

_encode = msgspec.json.Encoder().encode


class Call(msgspec.Struct, eq=False):
    """One call on its way. A msgspec struct, because one is made for every call."""

    endpoint: Endpoint[object]
    arguments: dict[str, object]
    query: str
    body: bytes | None
    orders: tuple[Sent, ...]
    """Client order id and symbol of each order it submits."""
    ids_made: bool = False
    """Whether an id is ours: then no other call can have used it."""
    sent_ms: int = 0
    """Exchange time just before the last send, Unix ms."""
    measured: int = 0
    """How often the clock had been measured when it was last signed."""
    queued: float = 0.0
    """Seconds spent waiting for the rate limit; they do not count against the deadline."""
    sends: int = 0
    """How often it left this machine, as far as is known."""
    entered: set[str] = msgspec.field(default_factory=set[str])
    """Its ids that it has entered in ``pending``."""

    @property
    def symbol(self) -> str:
        """The symbol it is about, where it names one."""
        return str(self.arguments.get("symbol", ""))


def prepare(
    endpoint: Endpoint[object], given: Mapping[str, object], *, recv_window: int, strict: bool
) -> Call:
    """Check and encode; the body made here is the one that is signed and sent. Raises ParameterError."""
    filled = given
    orders: tuple[Sent, ...] = ()
    made = False
    if endpoint.takes_recv_window or endpoint.is_batch:
        filled = own = dict(given)
        if endpoint.takes_recv_window and own.get("recv_window") is None:
            own["recv_window"] = recv_window
        if endpoint.is_batch:
            orders, made = _name_rows(endpoint.own_id, own)
    try:
        arguments = endpoint.encode(filled, strict=strict)
        if endpoint.own_wire:
            orders, made = _name_order(endpoint.own_wire, arguments)
        if endpoint.in_query:
            query = "&".join(
                [f"{_name_in_query(name)}={_in_query(value)}" for name, value in arguments.items()]
            )
            return Call(endpoint, arguments, query, None, orders, made)
        return Call(endpoint, arguments, "", _encode(arguments), orders, made)
    except ParameterError:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        what = one_line(str(error), 100)
    raise ParameterError(
        f"{endpoint.label}: a parameter cannot be sent as JSON or text ({what}). Nothing was sent.",
        endpoint=endpoint.label,
        fate=Fate.NOT_SENT,
    )


def _in_query(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if text.isidentifier() and text.isascii() else quote_plus(text)


_name_in_query = lru_cache(maxsize=1_000)(_in_query)  # the same few names again and again


def _name_order(name: str, arguments: dict[str, object]) -> tuple[tuple[Sent, ...], bool]:
    """See that the order has an id of our own; return it, and whether it was made here."""
    own = arguments.get(name)
    made = own is None
    if made:
        own = arguments[name] = new_order_id()
    return ((str(own), str(arguments.get("symbol") or "")),), made


def _name_rows(own_id: str, given: dict[str, object]) -> tuple[tuple[Sent, ...], bool]:
    """The same for a batch, before its check; ``own_id`` is ``rows.field``: an id inside each row."""
    outer, _, inner = own_id.partition(".")
    symbol = str(given.get("symbol") or "")
    made = False
    rows = given.get(outer)
    if isinstance(rows, str | bytes) or not hasattr(rows, "__iter__"):
        return (), False  # the check of the parameters says what is wrong
    filled: list[object] = []
    orders: list[Sent] = []
    for row in cast("list[object]", rows):
        fields: object = msgspec.structs.asdict(row) if isinstance(row, msgspec.Struct) else row
        if isinstance(fields, Mapping):
            named = cast("Mapping[str, object]", fields)
            own = named.get(inner)
            if not own:
                own, made = new_order_id(), True
            orders.append((str(own), str(named.get("symbol") or symbol)))
            filled.append({**named, inner: own})
        else:
            filled.append(row)
    given[outer] = filled
    return tuple(orders), made


def new_order_id() -> str:
    """A fresh client order id: 32 letters and digits."""
    return os.urandom(16).hex()
