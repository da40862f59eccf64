"""Every method agrees with its endpoint: name, parameters, what is required, what is sent."""

from __future__ import annotations

import inspect
import json
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bitmart_async.errors import ParameterError
from bitmart_async.rest import _SECTIONS, ENDPOINTS
from bitmart_async.rest.clients import FuturesClientV2, RestClient
from bitmart_async.rest.params import Choice, Fields, Flag, Param, Rows, Text, Texts
from bitmart_async.rest.section import Section
from tests.kept import SHARED, needs_shared

if TYPE_CHECKING:
    from bitmart_async.models.base import OpenInt, OpenStr
    from bitmart_async.rest.endpoint import Endpoint


@dataclass
class _Reply:
    data: object = None


@dataclass
class FakeTransport:
    """Takes calls and remembers them."""

    calls: list[tuple[Endpoint[object], dict[str, object]]] = field(default_factory=list)

    async def call(self, endpoint: Endpoint[object], given: dict[str, object]) -> _Reply:
        self.calls.append((endpoint, dict(given)))
        return _Reply()


def section_classes() -> list[type[Section]]:
    """The classes that stand in the section modules themselves."""
    return [
        value
        for module in _SECTIONS
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Section) and value.__module__ == module.__name__
    ]


def methods() -> list[tuple[type[Section], str]]:
    """Every public coroutine method of a section; iterators and helpers are none."""
    return [
        (kind, name)
        for kind in section_classes()
        for name, member in vars(kind).items()
        if not name.startswith("_") and inspect.iscoroutinefunction(member)
    ]


def made(
    kind: type[Section], name: str, arguments: dict[str, object]
) -> tuple[Endpoint[object], dict[str, object]]:
    """The endpoint and the arguments a method hands to the transport."""
    section = kind()
    transport = FakeTransport()
    section._transport = transport  # type: ignore[assignment]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises(StopIteration):  # the stand-in never waits, so one step is the whole call
            getattr(section, name)(**arguments).send(None)
    [call] = transport.calls
    return call


def parameters(kind: type[Section], name: str) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(getattr(kind, name)).parameters)
    del found["self"]
    return found


def endpoint_of(kind: type[Section], name: str) -> Endpoint[object]:
    """Found by calling the method with a stand-in for every parameter."""
    return made(kind, name, {parameter: object() for parameter in parameters(kind, name)})[0]


def _values(param: Param) -> list[object]:
    """Values to try on a parameter: the first one that passes its own check is used."""
    if isinstance(param, Choice):
        kind: type[OpenStr] | type[OpenInt] = param._kind
        return list(kind)
    if isinstance(param, Rows):
        return [[{inner.name: value_of(inner) for inner in param.fields}]]  # unlikely together, see wire_of
    if isinstance(param, Texts):
        return [["1", "2"]]
    if isinstance(param, Flag):
        return [True]
    if isinstance(param, Text):
        return ["BTC_USDT", "BTCUSDT", "61", "12345678901234567890"]
    return [1, 10, "1", "1.5"]


def _alone(param: Param) -> Param:
    """The parameter without rules on combinations."""
    return (
        Rows(param.wire, param.fields, required=param.required, most=1) if isinstance(param, Rows) else param
    )


def value_of(param: Param) -> object:
    """A value the parameter takes."""
    for value in _values(param):
        try:
            _alone(param).encode(value, strict=True)
        except ParameterError:
            continue
        return value
    raise AssertionError(f"no value for {param}: add one to _values")


def wire_of(endpoint: Endpoint[object], given: dict[str, object]) -> dict[str, object]:
    """As sent, each parameter checked by itself: combinations have tests of their own."""
    return Fields([_alone(param) for param in endpoint.params], None).encode(given, strict=True)


_METHODS = methods()
_IDS = [f"{kind.__name__}.{name}" for kind, name in _METHODS]
each_method = pytest.mark.parametrize(("kind", "name"), _METHODS, ids=_IDS)


def test_every_endpoint_has_exactly_one_method() -> None:
    """No constant without a method, no endpoint called by two, no method that a client lacks."""
    called = [endpoint_of(kind, name) for kind, name in _METHODS]
    assert len(called) == len(set(called))
    labels = {endpoint.label for endpoint in called}
    forgotten = {name for name, endpoint in ENDPOINTS.items() if endpoint not in called}
    assert all(ENDPOINTS[name].label in labels for name in forgotten), forgotten  # the clock is on both hosts
    for kind, name in _METHODS:
        assert issubclass(RestClient, kind) or issubclass(FuturesClientV2, kind), (
            f"no client has {kind.__name__}"
        )
        assert any(
            getattr(client, name, None) is vars(kind)[name] for client in (RestClient, FuturesClientV2)
        ), f"{kind.__name__}.{name} is hidden by another section's method"


@each_method
def test_a_signature_is_that_of_its_endpoint(kind: type[Section], name: str) -> None:
    """Same names; required without a default, optional with None; one subject may be positional.

    A guarded endpoint may demand more than the exchange does: that is what the guard is for.
    """
    endpoint = endpoint_of(kind, name)
    found = parameters(kind, name)
    assert set(found) == {param.name for param in endpoint.params}
    for param in endpoint.params:
        default = found[param.name].default
        stricter = endpoint.guard is not None and default is inspect.Parameter.empty
        assert stricter or default is (inspect.Parameter.empty if param.required else None), (
            f"{param.name}={default!r}"
        )
    assert sum(one.kind is not inspect.Parameter.KEYWORD_ONLY for one in found.values()) <= 1


FILLED_IN = {"submit_futures_tpsl_order": {"plan_category"}}
"""What a method says by itself when the caller does not, because the exchange's default is dangerous."""


@each_method
def test_a_method_sends_what_it_was_given(kind: type[Section], name: str) -> None:
    """With the required parameters, and with all: each arrives under its own wire name."""
    endpoint = endpoint_of(kind, name)
    demanded = {
        param for param, found in parameters(kind, name).items() if found.default is inspect.Parameter.empty
    }
    for chosen in ([param for param in endpoint.params if param.name in demanded], list(endpoint.params)):
        stand_ins: dict[str, object] = {param.name: object() for param in chosen}
        _, passed = made(kind, name, stand_ins)
        sent = {key: value for key, value in passed.items() if value is not None}
        assert {key: value for key, value in sent.items() if key in stand_ins} == stand_ins
        assert sent.keys() - stand_ins.keys() <= FILLED_IN.get(name, set())
        values = {param.name: value_of(param) for param in chosen}
        _, given = made(kind, name, values)
        wire = wire_of(endpoint, given)
        assert wire.keys() - FILLED_IN.get(name, set()) == {param.wire for param in chosen} - FILLED_IN.get(
            name, set()
        )
        for rows in (param for param in chosen if isinstance(param, Rows)):
            [row] = wire[rows.wire]  # type: ignore[misc]
            assert row.keys() == {inner.wire for inner in rows.fields}


@each_method
def test_a_docstring_tells_every_parameter_and_its_source(kind: type[Section], name: str) -> None:
    """Whoever reads the help of a method learns what each parameter means and where that is known from."""
    text = inspect.getdoc(getattr(kind, name)) or ""
    assert "Source: " in text
    for parameter in parameters(kind, name):
        assert f"    {parameter}: " in text, f"{parameter} is not described"
    if endpoint_of(kind, name).deprecated:
        assert "Deprecated" in text


@needs_shared
def test_methods_are_named_as_in_the_catalog() -> None:
    """The name of a method is the catalog's."""
    rows = {
        row["id"]: row["method_name"]
        for file in ("rest-spot.json", "rest-futures.json")
        for row in json.loads((SHARED / file).read_text())
    }
    for kind, name in _METHODS:
        assert name == rows[endpoint_of(kind, name).id]


@needs_shared
def test_deprecated_is_what_the_catalog_says() -> None:
    """A deprecated endpoint names what to use instead, and no other endpoint warns."""
    rows = {
        row["id"]: bool(row["deprecated"])
        for file in ("rest-spot.json", "rest-futures.json")
        for row in json.loads((SHARED / file).read_text())
    }
    for name, endpoint in ENDPOINTS.items():
        assert bool(endpoint.deprecated) == rows[name], name
