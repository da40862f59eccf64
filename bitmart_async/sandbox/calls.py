"""One REST call on its way through the exchange, and the rows of the route table.

A handler is a plain function of a :class:`Call`: it reads parameters, uses the engines and returns the
``data`` of the answer, or raises a Refusal. It knows neither sockets nor headers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias, cast

from .numbers import ATOM_PLACES, read_decimal, whole_units
from .refusals import Refusal

if TYPE_CHECKING:
    from decimal import Decimal

    from .accounts import Account
    from .exchange import Exchange
    from .quotas import Quota
    from .signatures import Auth

__all__ = ["Call", "Form", "Handler", "Json", "Params", "Route"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


@dataclass(slots=True)
class Params:
    """Named values of a JSON object or a query, read with the exchange's tolerance."""

    params: dict[str, Json]

    def get(self, name: str) -> Json:
        """The raw value; None when it is missing or empty."""
        value = self.params.get(name)
        return None if value == "" else value

    def text(self, name: str, refuse: int | None = None) -> str:
        """A text, or a number as text; "" when missing, unless that is refused with a code."""
        value = self.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
        if value is not None or refuse is not None:
            raise Refusal(refuse if refuse is not None else 50021, name)
        return ""

    def number(self, name: str, refuse: int) -> Decimal | None:
        """A number; None when missing; what is no number is refused with the code."""
        value = self.get(name)
        if value is None:
            return None
        number = read_decimal(value)
        if number is None:
            raise Refusal(refuse, name)
        return number

    def whole(self, name: str, refuse: int, default: int | None = None) -> int | None:
        """A whole number; the default when missing."""
        number = self.number(name, refuse)
        if number is None:
            return default
        if number != int(number):
            raise Refusal(refuse, name)
        return int(number)

    def within(self, name: str, default: int, least: int, most: int, refuse: int) -> int:
        """A whole number, held inside a range: what is beyond it is served as the edge."""
        value = self.whole(name, refuse, default)
        assert value is not None, "there is a default"
        return min(max(value, least), most)

    def amount(self, name: str, refuse: int, *, positive: int) -> int:
        """Money in atoms. Missing or too fine is refused with the first code, zero or less with the other."""
        number = self.number(name, refuse)
        if number is None:
            raise Refusal(refuse, name)
        if number <= 0:
            raise Refusal(positive)
        atoms = whole_units(number, ATOM_PLACES)
        if atoms is None:
            raise Refusal(refuse, name)
        return atoms

    def flag(self, name: str) -> bool:
        """True of JSON, or the word in a query."""
        return self.get(name) in (True, "true")

    def texts(self, name: str) -> list[str]:
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Refusal(50021, name)
        return [str(item) for item in value]

    def rows(self, name: str) -> list[dict[str, Json]]:
        """A list of objects."""
        value = self.get(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Refusal(50028, name)
        return cast("list[dict[str, Json]]", value)


@dataclass(slots=True)
class Call(Params):
    """The parameters are the query of a GET, the JSON body of a POST."""

    exchange: Exchange
    caller: Account | None
    now_ms: int

    @property
    def account(self) -> Account:
        """Who calls. Only private routes may ask."""
        assert self.caller is not None, "a public route has no account"
        return self.caller

    @property
    def uid(self) -> int:
        return self.account.uid


Handler: TypeAlias = Callable[[Call], Json]


class Form(Enum):
    """The envelope around a success; a few families have one of their own."""

    STANDARD = "code, message, trace, data"
    STRING_CODE = "code as text, message, data, success, requestId, a trace of null"
    ERRNO = "errno, message, data, success"
    UAPI = "code, msg, data, errorData, success"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of the route table: all the REST face needs to know about a path."""

    method: str
    path: str
    auth: Auth
    quota: Quota | None
    """None where no limit was ever published."""
    handler: Handler
    message: str = "OK"
    """What a success says; the exchange words it differently from family to family."""
    form: Form = Form.STANDARD
    recv_window: bool = False
    """Whether the endpoint knows recvWindow, and with it the stricter rule about time."""
