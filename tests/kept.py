"""Compare decoded models with the JSON they came from: nothing may be lost on the way."""

from __future__ import annotations

import enum
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

SHARED = Path(__file__).parents[2] / "shared" / "api"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the collected wire facts (../shared/api) are not on this machine"
)

_NO_NUMBER = ("", "-", "market price", None)


def assert_kept(wire: object, model: object, place: str = "$") -> None:
    """Every value of ``wire`` stands in ``model``, whatever its name and type there."""
    if isinstance(model, msgspec.Struct):
        fields = msgspec.structs.fields(model)
        if isinstance(wire, list):
            assert len(wire) <= len(fields), f"{place}: columns beyond the model: {wire[len(fields) :]}"
            for item, field in zip(wire, fields, strict=False):
                assert_kept(item, getattr(model, field.name), f"{place}.{field.name}")
            return
        assert isinstance(wire, dict), f"{place}: {type(model).__name__} from {wire!r}"
        by_wire_name = {field.encode_name: field.name for field in fields}
        for key, item in wire.items():
            assert key in by_wire_name, f"{place}.{key}: lost, {type(model).__name__} has no such field"
            assert_kept(item, getattr(model, by_wire_name[key]), f"{place}.{key}")
    elif isinstance(model, list | tuple):
        rows = wire if isinstance(wire, list) else []
        assert len(rows) == len(model), f"{place}: {len(rows)} rows became {len(model)}"
        for index, (item, value) in enumerate(zip(rows, model, strict=True)):
            assert_kept(item, value, f"{place}[{index}]")
    elif isinstance(model, dict):
        assert isinstance(wire, dict)
        assert wire.keys() == model.keys(), f"{place}: keys differ"
        for key, value in model.items():
            assert_kept(wire[key], value, f"{place}.{key}")
    else:
        _assert_same(wire, model, place)


def _assert_same(wire: object, value: object, place: str) -> None:
    if value is None:
        assert wire in _NO_NUMBER, f"{place}: {wire!r} became None"
    elif isinstance(value, enum.Enum):
        assert str(value.value).lower() == str(wire).strip().lower(), f"{place}: {wire!r} became {value!r}"
    elif isinstance(value, bool):
        assert wire is value, f"{place}: {wire!r} became {value!r}"
    elif isinstance(value, Decimal | int | float):
        assert not isinstance(wire, bool), f"{place}: {wire!r} became {value!r}"
        assert Decimal(str(wire)) == Decimal(repr(value) if isinstance(value, float) else str(value)), (
            f"{place}: {wire!r} became {value!r}"
        )
    else:
        assert str(wire).strip() == str(value).strip(), f"{place}: {wire!r} became {value!r}"
