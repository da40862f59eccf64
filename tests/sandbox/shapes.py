"""Does a reply have the shape the catalog gives it? Names, JSON types, nothing missing, nothing more."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

Spec = dict[str, Any]


def faults(data: Any, response: Spec) -> list[str]:
    """What is wrong with the ``data`` of a reply, in words."""
    if not response:
        return [] if isinstance(data, dict) else [f"data is {data!r}"]
    if "$data" in response:
        return _value("data", data, response["$data"])
    return _fields("data", data, response)


def _fields(at: str, value: Any, fields: Spec) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at} is no object: {value!r}"]
    if any(name.startswith("<") for name in fields):  # names are data
        (spec,) = fields.values()
        dated = all(re.fullmatch(r"\d{4}-\d\d-\d\d", name) for name in value)
        return (
            []
            if dated and value == {}
            else [fault for name, item in value.items() for fault in _value(f"{at}.{name}", item, spec)]
            + ([] if dated else [f"{at} has names that are no dates: {sorted(value)}"])
        )
    found = [f"{at}.{name} is unknown" for name in value if name not in fields]
    for name, spec in fields.items():
        if name in value:
            found += _value(f"{at}.{name}", value[name], spec)
        elif not spec.get("optional"):
            found.append(f"{at}.{name} is missing")
    return found


def _value(at: str, value: Any, spec: Spec) -> list[str]:
    if value is None:
        return [] if spec.get("nullable") else [f"{at} is null"]
    kind = spec.get("type", "object")
    if kind == "object":
        return _fields(at, value, spec.get("fields", {}))
    if kind == "list":
        return _list(at, value, spec)
    if not _fits(kind, value, spec):
        return [f"{at} is no {kind}: {value!r}"]
    if "values" in spec and value not in spec["values"]:
        return [f"{at} is none of {spec['values']}: {value!r}"]
    return []


def _list(at: str, value: Any, spec: Spec) -> list[str]:
    if not isinstance(value, list):
        return [f"{at} is no list: {value!r}"]
    if "columns" in spec:
        if len(value) != len(spec["columns"]):
            return [f"{at} has {len(value)} columns, not {len(spec['columns'])}"]
        return [
            fault
            for item, column in zip(value, spec["columns"], strict=True)
            for fault in _value(f"{at}.{column['name']}", item, column)
        ]
    return [
        fault
        for number, item in enumerate(value)
        for fault in _value(f"{at}[{number}]", item, spec.get("items", {}))
    ]


def _fits(kind: str, value: Any, spec: Spec) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == "decimal-str":
        return isinstance(value, str) and (_is_number(value) or (value == "" and bool(spec.get("empty_ok"))))
    types = {"str": (str,), "int": (int,), "float": (int, float), "str|int": (str, int)}
    return isinstance(value, types[kind])


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
