"""Parameters of a call: their wire names, and what is checked before anything is sent.

A parameter is declared once, next to its endpoint. Its Python name is the wire name in snake_case
(``orderMode`` is ``order_mode``; a Python keyword gets an underscore). ``encode`` turns a value into
what the JSON body or the query holds. Types are always checked (a float price is never sent);
enums, ranges, lengths and combinations only under ``strict_param_validation``.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias, cast

import msgspec

from bitmart_async.errors import ParameterError
from bitmart_async.numbers import exact, usual_text
from bitmart_async.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.models.base import OpenInt, OpenStr

__all__ = [
    "Amount",
    "Choice",
    "Fields",
    "Flag",
    "NumberId",
    "Param",
    "Rows",
    "Rules",
    "Text",
    "Texts",
    "Whole",
    "client_order_id",
    "order_size",
    "snake",
    "spot_symbol",
]

Rules: TypeAlias = "Callable[[Mapping[str, object]], None]"
"""Checks a combination of given parameters, by Python name; raises ParameterError."""

_MOST_DIGITS = 30
"""Of an id: no exchange counts further, and a number of thousands of digits has no text in Python."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(wire: str) -> str:
    """The Python name of a wire name."""
    name = _HUMP.sub("_", wire).lower()
    return name + "_" if keyword.iskeyword(name) else name


class Param:
    """One parameter. Subclasses say what values it takes."""

    __slots__ = ("name", "required", "wire")

    def __init__(self, wire: str, *, required: bool = False) -> None:
        self.wire = wire
        self.name = snake(wire)
        self.required = required

    def encode(self, value: object, *, strict: bool) -> object:
        """The value as it goes on the wire. Raises ParameterError."""
        raise AssertionError("a Param is one of its subclasses")

    def wrong(self, value: object, wanted: str) -> ParameterError:
        """The error for a value that does not fit."""
        try:
            shown = repr(value)
        except ValueError:  # an int of thousands of digits has no text in Python
            shown = type(value).__name__
        return ParameterError(f"{self.name}={one_line(shown, 60)}: {wanted}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.wire!r})"


class Text(Param):
    """Text, such as a symbol or an id."""

    __slots__ = ("_fits", "_wanted")

    def __init__(
        self,
        wire: str,
        *,
        required: bool = False,
        pattern: str = r".+",
        wanted: str = "must be text that is not empty",
    ) -> None:
        super().__init__(wire, required=required)
        self._fits = re.compile(pattern).fullmatch
        self._wanted = wanted

    def encode(self, value: object, *, strict: bool) -> object:
        if not isinstance(value, str):
            raise self.wrong(value, f"must be text, not {type(value).__name__}")
        if strict and not self._fits(value):
            raise self.wrong(value, self._wanted)
        return value


class Whole(Param):
    """A whole number: a count, a time, a size in contracts.

    Args:
        what: What it counts, for the message to who passes something else.
    """

    __slots__ = ("_high", "_low", "_what")

    def __init__(
        self,
        wire: str,
        *,
        required: bool = False,
        low: int | None = None,
        high: int | None = None,
        what: str = "",
    ) -> None:
        super().__init__(wire, required=required)
        self._low, self._high, self._what = low, high, what

    def encode(self, value: object, *, strict: bool) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(value, f"must be a whole number{self._what} (an int)")
        if strict and self._low is not None and value < self._low:
            raise self.wrong(value, f"must be at least {self._low}")
        if strict and self._high is not None and value > self._high:
            raise self.wrong(value, f"must be at most {self._high}")
        return int(value)


class NumberId(Param):
    """An id that is text in Python and a number on the wire."""

    __slots__ = ()

    def encode(self, value: object, *, strict: bool) -> object:
        number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_MOST_DIGITS
        text = str(value) if number else value
        plain = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
        if not plain:
            raise self.wrong(value, "must be the exchange's id, digits only")
        return int(cast("str", text))


class Amount(Param):
    """Money, a price or a size: exact, sent as plain decimal text; above zero unless ``low`` is given."""

    __slots__ = ("_high", "_low", "_only_positive", "_positive")

    def __init__(
        self,
        wire: str,
        *,
        required: bool = False,
        positive: bool = True,
        low: str | None = None,
        high: str | None = None,
    ) -> None:
        super().__init__(wire, required=required)
        self._positive = positive and low is None
        self._low = None if low is None else Decimal(low)
        self._high = None if high is None else Decimal(high)
        self._only_positive = self._positive and high is None

    def encode(self, value: object, *, strict: bool) -> object:
        if self._only_positive:
            usual = usual_text(value)  # the same text as below, at a third of the cost
            if usual is not None and usual.strip("0."):
                return usual
        number = exact(value, self.name)  # type: ignore[arg-type]
        if not strict:
            return format(number, "f")
        if self._positive and number <= 0:
            raise self.wrong(value, "must be above zero")
        if self._low is not None and number < self._low:
            raise self.wrong(value, f"must be at least {self._low}")
        if self._high is not None and number > self._high:
            raise self.wrong(value, f"must be at most {self._high}")
        return format(number, "f")


class Choice(Param):
    """One of an enum's values, given as member or as its plain wire value."""

    __slots__ = ("_kind", "_known", "_plain")

    def __init__(self, wire: str, kind: type[OpenStr] | type[OpenInt], *, required: bool = False) -> None:
        super().__init__(wire, required=required)
        self._kind = kind
        self._plain: type[int] | type[str] = int if issubclass(kind, int) else str
        self._known = frozenset(member.value for member in kind)

    @property
    def values(self) -> tuple[str, ...]:
        """The known values, as text."""
        return tuple(str(member.value) for member in self._kind)

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers on the wire."""
        return self._plain is int

    def encode(self, value: object, *, strict: bool) -> object:
        if type(value) is self._plain and value in self._known:
            return value
        if isinstance(value, bool) or not isinstance(value, self._plain):
            raise self.wrong(value, f"must be {self._listed()}")
        # A member hashes by its name: compare and send what it stands for.
        plain: object = value.value if isinstance(value, Enum) else self._plain(value)
        if strict and plain not in self._known:
            raise self.wrong(value, f"must be {self._listed()}")
        return plain

    def _listed(self) -> str:
        members = [f"{member.value!r} ({self._kind.__name__}.{member.name})" for member in self._kind]
        return "one of " + ", ".join(members)


class Flag(Param):
    """True or False."""

    __slots__ = ()

    def encode(self, value: object, *, strict: bool) -> object:
        if not isinstance(value, bool):
            raise self.wrong(value, "must be True or False")
        return value


class Texts(Param):
    """A list of texts, such as ids."""

    __slots__ = ("_most",)

    def __init__(self, wire: str, *, required: bool = False, most: int) -> None:
        super().__init__(wire, required=required)
        self._most = most

    def encode(self, value: object, *, strict: bool) -> object:
        given = value
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise self.wrong(given, "must be a list of texts")
        texts = list(cast("Iterable[object]", value))
        if not all(isinstance(text, str) and text for text in texts):
            raise self.wrong(given, "must hold texts that are not empty")
        if strict and not 1 <= len(texts) <= self._most:
            raise self.wrong(given, f"must hold 1 to {self._most} entries, not {len(texts)}")
        return texts


class Rows(Param):
    """A list of nested objects, each a request struct or a mapping with the same snake_case keys."""

    __slots__ = ("_fields", "_most")

    def __init__(
        self,
        wire: str,
        fields: Sequence[Param],
        *,
        required: bool = False,
        most: int,
        rules: Rules | None = None,
    ) -> None:
        super().__init__(wire, required=required)
        self._fields = Fields(fields, rules)
        self._most = most

    @property
    def fields(self) -> Sequence[Param]:
        """The parameters inside one row."""
        return tuple(self._fields.by_name.values())

    def encode(self, value: object, *, strict: bool) -> object:
        given = value
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            raise self.wrong(given, "must be a list of rows")
        rows = list(cast("Iterable[object]", value))
        if strict and not 1 <= len(rows) <= self._most:
            raise ParameterError(f"{self.name} must hold 1 to {self._most} rows, not {len(rows)}")
        return [self._row(row, f"{self.name}[{index}]", strict=strict) for index, row in enumerate(rows)]

    def _row(self, row: object, place: str, *, strict: bool) -> dict[str, object]:
        if isinstance(row, msgspec.Struct):
            given = msgspec.structs.asdict(row)
        elif isinstance(row, Mapping):
            given = {str(key): item for key, item in cast("Mapping[object, object]", row).items()}
        else:
            raise ParameterError(f"{place} must be a request struct or a mapping, not {type(row).__name__}")
        try:
            return self._fields.encode(given, strict=strict)
        except ParameterError as error:
            raise ParameterError(f"{place}: {error}") from None


class Fields:
    """The parameters of one object on the wire, and the rules for their combinations."""

    __slots__ = ("_required", "_rules", "_ways", "by_name")

    def __init__(self, params: Iterable[Param], rules: Rules | None) -> None:
        self.by_name = {param.name: param for param in params}
        self._ways = {param.name: (param.wire, param.encode) for param in self.by_name.values()}
        self._required = tuple(param for param in self.by_name.values() if param.required)
        self._rules = rules

    def encode(self, given: Mapping[str, object], *, strict: bool) -> dict[str, object]:
        """Wire names to wire values; None is not sent. Raises ParameterError."""
        wire: dict[str, object] = {}
        ways = self._ways
        blank = False
        for name, value in given.items():
            if value is None:
                blank = True
                continue
            way = ways.get(name)
            if way is None:
                raise ParameterError(
                    f"there is no parameter {one_line(name, 60)!r}; there are: {', '.join(ways) or 'none'}"
                )
            wire[way[0]] = way[1](value, strict=strict)
        for param in self._required:
            if param.wire not in wire:
                raise ParameterError(f"{param.name} is required")
        if strict and self._rules is not None:
            told = {name: value for name, value in given.items() if value is not None} if blank else given
            self._rules(told)
        return wire


def client_order_id(wire: str = "client_order_id") -> Text:
    """The caller's own order id."""
    return Text(wire, pattern=r"[A-Za-z0-9]{1,32}", wanted="must be 1 to 32 letters and digits")


def spot_symbol(*, required: bool = False) -> Text:
    """A spot pair."""
    return Text(
        "symbol",
        required=required,
        pattern=r"[^\s_]+_[^\s_]+",
        wanted="a spot pair has an underscore, like BTC_USDT",
    )


def order_size(wire: str = "size", *, required: bool = False) -> Whole:
    """A size in contracts: whole, at least one."""
    counts = " of contracts, not coins; bitmart_async.trading.coins_to_contracts converts"
    return Whole(wire, required=required, low=1, what=counts)
