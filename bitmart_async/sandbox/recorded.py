"""Recorded frames: which topic they belong to. The frame itself is passed on untouched."""

from __future__ import annotations

import msgspec

__all__ = ["topic_of"]


class _Element(msgspec.Struct):
    symbol: str = ""


class _SpotFrame(msgspec.Struct):
    table: str
    data: list[_Element]


class _Head(msgspec.Struct):
    table: str = ""
    group: str = ""


def topic_of(frame: str) -> str:
    """The topic of a data frame of either market.

    Raises:
        ValueError: It is no data frame: an acknowledgement, a pong, or not JSON.
    """
    try:
        head = msgspec.json.decode(frame, type=_Head)
        if head.group:
            return head.group
        spot = msgspec.json.decode(frame, type=_SpotFrame)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{frame[:80]!r} is no data frame: {error}") from None
    if not spot.data:
        raise ValueError(f"{frame[:80]!r} has no data, so that its symbol is not known")
    return f"{spot.table}:{spot.data[0].symbol}"
