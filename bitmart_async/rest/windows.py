"""Time windows of queries: start before end, in the right unit, no longer than the exchange takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.rest.params import Rules

__all__ = ["ms_window", "seconds_window_of"]

_MAGNITUDE = 100_000_000_000
"""Unix seconds stay below until the year 5138, Unix ms were above from 1973 on."""
_DAY = 86_400


def seconds_window_of(
    start: str = "start_time", end: str = "end_time", *, most_days: int | None = None
) -> Rules:
    """A rule for a window in Unix seconds.

    Args:
        start: Python name of the parameter where the window begins.
        end: Python name of the parameter where it ends.
        most_days: The longest window the exchange takes.
    """

    def rule(given: Mapping[str, object]) -> None:
        for name in (start, end):
            value = given.get(name)
            if isinstance(value, int) and value > _MAGNITUDE:
                raise ParameterError(
                    f"{name}={value} looks like milliseconds; this endpoint takes Unix seconds"
                )
        first, last = given.get(start), given.get(end)
        if isinstance(first, int) and isinstance(last, int):
            if first >= last:
                raise ParameterError(f"{start}={first} must be earlier than {end}={last}")
            if most_days is not None and last - first > most_days * _DAY:
                raise ParameterError(
                    f"{start}= and {end}= are more than {most_days} days apart; ask in several windows"
                )

    return rule


def ms_window(start: str, end: str) -> Rules:
    """A rule for a window in Unix milliseconds; names as in :func:`seconds_window_of`."""

    def rule(given: Mapping[str, object]) -> None:
        for name in (start, end):
            value = given.get(name)
            if isinstance(value, int) and 0 < value < _MAGNITUDE:
                raise ParameterError(
                    f"{name}={value} looks like seconds; this endpoint takes Unix milliseconds"
                )
        first, last = given.get(start), given.get(end)
        if isinstance(first, int) and isinstance(last, int) and first >= last:
            raise ParameterError(f"{start}={first} must be earlier than {end}={last}")

    return rule
