"""Exact numbers: text on the wire, integers inside.

Every amount of money is a whole number of atoms, 10**-8 of a coin; every price a whole number of
ticks, every size a whole number of lots. Nothing is ever rounded by accident: a rounding happens in
one named function, always to the exchange's favour or down to the last atom.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

__all__ = ["ATOM_PLACES", "MILLION", "ceil_div", "fee_of", "fixed", "read_decimal", "short", "whole_units"]

ATOM_PLACES = 8
MILLION = 1_000_000
_WIDEST = 40  # powers of ten; 1e999999999 would take the machine down, not buy anything


def read_decimal(value: object) -> Decimal | None:
    """The number a JSON value or query text stands for, None when it stands for none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _WIDEST:
        return None
    return number


def whole_units(number: Decimal, places: int) -> int | None:
    """The number in units of 10**-places; None when it is finer than that."""
    scaled = number.scaleb(places)
    units = int(scaled)
    return units if scaled == units else None


def fixed(units: int, places: int, shown: int | None = None) -> str:
    """Plain decimal text with a fixed number of places: ``fixed(640001, 1) == "64000.1"``.

    Args:
        shown: How many places to print when it is not ``places``; surplus ones are cut off.
    """
    if shown is not None:
        units = units * 10 ** (shown - places) if shown >= places else _cut(units, 10 ** (places - shown))
        places = shown
    sign, digits = ("-", -units) if units < 0 else ("", units)
    if places == 0:
        return f"{sign}{digits}"
    whole, part = divmod(digits, 10**places)
    return f"{sign}{whole}.{part:0{places}d}"


def short(units: int, places: int) -> str:
    """Plain decimal text without needless zeros: ``short(640000, 1) == "64000"``."""
    text = fixed(units, places)
    return text.rstrip("0").rstrip(".") if "." in text else text


def ceil_div(amount: int, by: int) -> int:
    """Division rounded up."""
    return -(-amount // by)


def fee_of(value: int, rate_ppm: int) -> int:
    """The fee on a value, both in atoms, rounded down so that fees of parts never exceed the whole's."""
    return value * rate_ppm // MILLION


def _cut(units: int, by: int) -> int:
    """Division towards zero."""
    return -(-units // by) if units < 0 else units // by
