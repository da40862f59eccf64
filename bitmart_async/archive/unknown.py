"""Fields of a reply that the library's models do not have. Pure.

They are kept in the raw reply alone; naming them in the report lets nobody believe that the tables
hold all of it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["unknown_fields"]


def unknown_fields(wire: object, model: object, place: str = "") -> Iterator[str]:
    """Names of what stands in ``wire`` and has no field in ``model``, as ``outer.inner``.

    Args:
        wire: Decoded JSON.
        model: What the library made of it.
        place: Where it stands.
    """
    if isinstance(model, msgspec.Struct):
        if not isinstance(wire, dict):
            return
        names = _names(type(model))
        for key, item in cast("Mapping[str, object]", wire).items():
            name = names.get(key)
            if name is None:
                yield place + key
            elif isinstance(item, dict | list):
                yield from unknown_fields(
                    cast("object", item), cast("object", getattr(model, name)), f"{place}{key}."
                )
    elif isinstance(model, list | tuple) and isinstance(wire, list):
        rows = cast("list[object]", wire)
        for item, value in zip(rows, cast("list[object]", model), strict=False):
            yield from unknown_fields(item, value, place)


@cache
def _names(model: type[msgspec.Struct]) -> dict[str, str]:
    return {field.encode_name: field.name for field in msgspec.structs.fields(model)}
