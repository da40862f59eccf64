"""Code, sandbox and docs agree with the project's own catalog, endpoint by endpoint.

What is missing anywhere is named: a constant, a method, a parameter, a reply, a sandbox route, a docs row.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

import msgspec
import pytest

import bitmart_async
from bitmart_async.decoding import DecodeError
from bitmart_async.errors import ParameterError
from bitmart_async.rest import ENDPOINTS
from bitmart_async.rest.envelope import EnvelopeReader
from bitmart_async.rest.params import Rows, Whole, snake
from bitmart_async.sandbox.routes import FUTURES_ROUTES, SPOT_ROUTES
from tests.contract.catalog import BY_ID, KINDS, REPLIES, ROWS, Row
from tests.contract.test_methods import value_of
from tests.kept import SHARED, assert_kept, needs_shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bitmart_async.rest.endpoint import Endpoint
    from bitmart_async.rest.params import Param

DOCS = Path(__file__).parents[2] / "docs" / "endpoints.md"
ROUTES = {
    (client, route.path): route
    for client, table in (("RestClient", SPOT_ROUTES), ("FuturesClientV2", FUTURES_ROUTES))
    for route in table
}
each_row = pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
each_window = pytest.mark.parametrize(
    "row", [row for row in ROWS if row["window"]], ids=[row["id"] for row in ROWS if row["window"]]
)
UNVERIFIED_CAPS = {"futures.get_auto_repayment", "futures.get_cross_collateral_interest_log"}
"""One source caps the rows of a page, others ask for more: the exchange may decide."""
NOW_S = 1_780_000_000
DAY_S = 86_400


def test_the_catalog_is_whole() -> None:
    """145 endpoints, each once, and no constant, reply or documented call besides."""
    assert len(ROWS) == len(BY_ID) == 145
    assert set(ENDPOINTS) - set(BY_ID) == set(), "constants that are not in the catalog"
    assert set(REPLIES) - set(BY_ID) == set(), "replies of no endpoint"
    assert len(documented()) == 145


@each_row
def test_a_constant_has_the_facts(row: Row) -> None:
    """Method, path, auth, quota, effect and whether it is retired."""
    assert row["id"] in ENDPOINTS, "no endpoint constant"
    endpoint = ENDPOINTS[row["id"]]
    quota = endpoint.quota
    assert row["http"] == endpoint.method
    assert row["path"] == endpoint.path
    assert row["auth"] == endpoint.auth.value
    assert row["effect"] == endpoint.effect.value
    assert row["deprecated"] == bool(endpoint.deprecated)
    assert row["quota"] == (
        quota and {"requests": quota.requests, "per": quota.per, "scope": quota.scope.value}
    )


def assert_parameters(rows: Sequence[Row], params: Sequence[Param], place: str) -> None:
    by_wire = {param.wire: param for param in params}
    assert set(by_wire) == {row["name"] for row in rows}, f"{place}: parameters differ"
    for row in rows:
        param = by_wire[row["name"]]
        assert type(param) is KINDS[row["kind"]], f"{place}.{row['name']}: kind"
        assert param.required == row["required"], f"{place}.{row['name']}: required"
        assert ("fields" in row) == isinstance(param, Rows)
        if isinstance(param, Rows):
            assert_parameters(row["fields"], param.fields, f"{place}.{row['name']}")


@each_row
def test_a_constant_has_the_parameters(row: Row) -> None:
    """Each by wire name, with its kind and whether it is required; nested rows too."""
    assert_parameters(row["params"], ENDPOINTS[row["id"]].params, row["id"])


@each_row
def test_a_client_has_the_method(row: Row) -> None:
    """Under the catalog's name, with every parameter, and its docstring says which unit a time has."""
    client = getattr(bitmart_async, row["client"])
    method = getattr(client, row["method_name"], None)
    assert inspect.iscoroutinefunction(method), f"{row['client']} has no method {row['method_name']}"
    names = {snake(param["name"]) for param in row["params"]}
    assert set(inspect.signature(method).parameters) - {"self"} == names
    text = inspect.getdoc(method) or ""
    for param in row["params"]:
        if "unit" in param and param["name"] != "recvWindow":
            said = re.search(rf"^ +{snake(param['name'])}: (.*(?:\n {{8,}}.*)*)", text, re.MULTILINE)
            assert said is not None, f"{param['name']} is not described"
            assert told_unit(said[1], text) == param["unit"], f"{param['name']}: {said[1]!r}"


def told_unit(said: str, text: str) -> str | None:
    """The unit a parameter's description names first; ``as start_time`` points to another line."""
    for words in (said, text):
        found = re.search(r"\bms\b|millisecond|\bseconds\b", words, re.IGNORECASE)
        if found is not None:
            return "s" if found[0].lower() == "seconds" else "ms"
    return None


@each_row
def test_the_sandbox_has_the_route(row: Row) -> None:
    """On the same host, with the same method, auth and quota."""
    route = ROUTES.get((row["client"], row["path"]))
    assert route is not None, "no sandbox route"
    assert route.method == row["http"]
    assert route.auth.name == row["auth"]
    quota = route.quota
    assert row["quota"] == (quota and {"requests": quota.calls, "per": quota.seconds, "scope": quota.scope})
    assert route.recv_window == any(param["name"] == "recvWindow" for param in row["params"])


def documented() -> dict[tuple[str, str], list[str]]:
    """(Client, method) to the cells of its row in docs/endpoints.md."""
    found: dict[tuple[str, str], list[str]] = {}
    client = "RestClient"
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            client = "FuturesClientV2" if line == "## Futures" else "RestClient"
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            key = (client, cells[0].strip("`"))
            assert key not in found, f"{key} is documented twice"
            found[key] = cells[1:]
    return found


@each_row
def test_the_docs_have_a_row(row: Row) -> None:
    """With the call, auth and quota, and in a few words what it does."""
    cells = documented().get((row["client"], row["method_name"]))
    assert cells is not None, "no row in docs/endpoints.md"
    call, auth, quota, what = cells
    assert call == f"`{row['http']} {row['path']}`"
    assert auth == row["auth"]
    limit = row["quota"]
    assert quota == (f"{limit['requests']} / {limit['per']} s per {limit['scope']}" if limit else "unknown")
    assert len(what) > 8
    assert what.endswith("(*retired*)") == row["deprecated"]


def data_of(endpoint: Endpoint[object], reply: Row) -> Any:
    wire = reply.get("data")
    return wire["data"] if endpoint.inner else wire


@each_row
def test_a_reply_decodes_without_loss(row: Row) -> None:
    """The reply kept for this endpoint goes through the real reader and comes out whole."""
    assert row["id"] in REPLIES, "no reply in tests/data/replies"
    endpoint, reply = ENDPOINTS[row["id"]], REPLIES[row["id"]]
    reader = EnvelopeReader(endpoint.returns, inner=endpoint.inner)
    data, message, trace = reader.read(json.dumps(reply).encode())
    assert message == reply.get("message", reply.get("msg"))
    assert trace == (reply.get("trace") or "")
    wire = data_of(endpoint, reply)
    if endpoint.returns is type(None):
        assert data is None
        assert not wire
    else:
        assert_kept(wire, data)


def times_in(shape: msgspec.inspect.Type, place: str) -> Iterator[tuple[str, str | None]]:
    """(Wire path, unit) of every field; the unit is None where it is not annotated as a time."""
    if isinstance(shape, msgspec.inspect.UnionType):
        for kind in shape.types:
            yield from times_in(kind, place)
    elif isinstance(shape, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        yield from times_in(shape.item_type, f"{place or '$'}[]")
    elif isinstance(shape, msgspec.inspect.DictType):
        yield from times_in(shape.value_type, f"{place}{{}}")
    elif isinstance(shape, msgspec.inspect.StructType):
        kind: type = get_origin(shape.cls) or shape.cls
        notes = {
            name: note
            for base in reversed(kind.__mro__)
            for name, note in vars(base).get("__annotations__", {}).items()
        }
        for field in shape.fields:
            at = f"{place}.{field.encode_name}" if place else field.encode_name
            unit = {"Ms": "ms", "Seconds": "s"}.get(str(notes[field.name]).split(" |")[0])
            yield at, unit
            yield from times_in(field.type, at)


@each_row
def test_a_model_has_the_units_of_its_times(row: Row) -> None:
    """Each time of a reply is typed with the catalog's unit, and no other field is typed as a time."""
    returns = ENDPOINTS[row["id"]].returns
    if returns in (object, type(None), bool):
        assert row["times"] == {}
        return
    found = dict(times_in(msgspec.inspect.type_info(returns), ""))
    for path, unit in row["times"].items():
        assert path in found, f"{path}: no such field"
        assert found.pop(path) == (None if unit == "s|ms" else unit), path
    assert [path for path, unit in found.items() if unit] == []


@each_window
def test_a_window_names_its_parameters(row: Row) -> None:
    """Bounds, page and size are parameters, the bounds in the window's unit, the size capped at its rows."""
    window, params = row["window"], {param["name"]: param for param in row["params"]}
    assert window["style"] in ("time-window", "page", "limit-only")
    assert (window["style"] == "page") == (window["page"] is not None)
    assert (window["unit"] is None) == (window["bounds"] is None)
    for name in window["bounds"] or ():
        assert params[name]["unit"] == window["unit"]
    for name in filter(None, (window["page"], window["size"])):
        assert params[name]["kind"] == "whole"
    if window["size"] is not None and window["max_rows"] is not None:
        [size] = [param for param in ENDPOINTS[row["id"]].params if param.wire == window["size"]]
        assert isinstance(size, Whole)
        assert size._high == (None if row["id"] in UNVERIFIED_CAPS else window["max_rows"])


def encoded(row: Row, **given: int) -> dict[str, object]:
    """A strict encoding with valid values for everything required, and the given ones."""
    endpoint = ENDPOINTS[row["id"]]
    values = {param.name: value_of(param) for param in endpoint.params if param.required}
    return endpoint.encode({**values, **given}, strict=True)


@each_window
def test_a_window_is_checked_before_sending(row: Row) -> None:
    """A right window passes; the wrong unit, a reversed one and one too wide are refused."""
    window = row["window"]
    if window["bounds"] is None:
        return
    scale = 1 if window["unit"] == "s" else 1_000
    start, end = (snake(name) for name in window["bounds"])

    def bounds(first: int, last: int) -> dict[str, int]:
        return {start: first * scale, end: last * scale}

    sent = encoded(row, **bounds(NOW_S - 3_600, NOW_S))
    assert [sent[name] for name in window["bounds"]] == [(NOW_S - 3_600) * scale, NOW_S * scale]
    with pytest.raises(ParameterError):
        encoded(row, **bounds(NOW_S, NOW_S - 3_600))
    other = 1_000 if scale == 1 else 1
    with pytest.raises(ParameterError, match=r"second"):
        encoded(row, **{start: (NOW_S - 3_600) * other, end: NOW_S * other})
    if (widest := window["widest"]) and "days" in widest:
        with pytest.raises(ParameterError, match=str(widest["days"])):
            encoded(row, **bounds(NOW_S - (widest["days"] + 1) * DAY_S, NOW_S))


def shared_rows() -> dict[str, Row]:
    if not SHARED.is_dir():
        return {}
    return {
        row["id"]: row
        for file in ("rest-spot.json", "rest-futures.json")
        for row in json.loads((SHARED / file).read_text())
    }


TYPES = {
    "text": {"str"},
    "texts": {"list[str]"},
    "whole": {"int"},
    "amount": {"decimal-str", "str"},
    "choice": {"str", "int"},
    "flag": {"bool"},
    "rows": {"list[object]"},
    "number-id": {"int"},
}


def assert_same_parameters(mine: Sequence[Row], theirs: Sequence[Row]) -> None:
    assert {row["name"]: (row["required"], row.get("unit")) for row in mine} == {
        row["name"]: (row["required"], unit if (unit := row.get("unit")) in ("s", "ms") else None)
        for row in theirs
    }
    kinds = {row["name"]: row["type"] for row in theirs}
    queries = {row["name"] for row in theirs if row["in"] == "query"}
    fields = {row["name"]: row.get("fields", []) for row in theirs}
    for row in mine:
        printed = row["name"] in queries and kinds[row["name"]] == "str"  # in a query all is text
        assert printed or kinds[row["name"]] in TYPES[row["kind"]], f"{row['name']}: {kinds[row['name']]}"
        if "fields" in row and fields[row["name"]]:
            assert_same_parameters(row["fields"], fields[row["name"]])


def assert_same_window(mine: Row | None, theirs: Row | None) -> None:
    assert (mine is None) == (theirs is None)
    if mine is None or theirs is None:
        return
    assert (mine["style"], mine["max_rows"]) == (theirs["style"], theirs["max_limit"])
    for part in ("widest", "lookback", "when_no_times"):
        if mine[part]:
            text = f"{theirs['max_window'] if part == 'widest' else theirs['lookback']}"
            assert str(next(iter(mine[part].values()))) in text, f"{part}: {text}"
    if re.search(r"\d", str(theirs["max_window"])):
        assert mine["widest"]
    if re.search(r"\d", str(theirs["lookback"])):
        assert mine["lookback"] or mine["when_no_times"] or mine["widest"]


@needs_shared
def test_the_collected_facts_are_145_too() -> None:
    """The same endpoints, none more, none fewer."""
    assert set(shared_rows()) == set(BY_ID)


@needs_shared
@pytest.mark.parametrize("theirs", shared_rows().values(), ids=lambda row: row["id"])
def test_the_catalog_agrees_with_the_collected_facts(theirs: Row) -> None:
    """Every fact of the catalog that was collected from the sources is the one collected."""
    mine = BY_ID[theirs["id"]]
    for name in ("method_name", "http", "path", "auth"):
        assert mine[name] == theirs[name]
    assert mine["deprecated"] == bool(theirs["deprecated"])
    quota, limit = mine["quota"], theirs["rate_limit"]
    assert (quota and tuple(quota.values())) == (
        limit and (limit["requests"], limit["seconds"], limit["scope"])
    )
    assert (mine["effect"] == "read") or theirs["http"] == "POST"
    assert_same_parameters(mine["params"], theirs["params"])
    assert_same_window(mine["window"], theirs["pagination"])
    assert mine["times"] == dict(their_times(theirs["response"]))


def their_times(response: Row) -> Iterator[tuple[str, str]]:
    def fields(specs: Row, place: str) -> Iterator[tuple[str, str]]:
        for name, spec in specs.items():
            if isinstance(spec, dict):
                yield from value(spec, f"{place}.{name}" if place else name)

    def value(spec: Row, place: str) -> Iterator[tuple[str, str]]:
        if spec.get("unit") in ("s", "ms", "s|ms"):
            yield place, spec["unit"]
        yield from fields(spec.get("fields", {}), place)
        if "items" in spec:
            yield from value(spec["items"], f"{place}[]")
        for column in spec.get("columns", ()):
            yield from value(column, f"{place}.{column['name']}")

    if "$data" in response:
        yield from value(response["$data"], "$")
    else:
        yield from fields(response, "")


def test_a_lost_value_would_be_seen() -> None:
    """The comparison itself is not blind: an altered reply is told from the model of the true one."""
    endpoint, reply = ENDPOINTS["market.ticker_v3"], REPLIES["market.ticker_v3"]
    data, _, _ = EnvelopeReader(endpoint.returns).read(json.dumps(reply).encode())
    with pytest.raises(AssertionError, match="lost"):
        assert_kept({**reply["data"], "brand_new": "1"}, data)
    with pytest.raises(AssertionError, match="became"):
        assert_kept({**reply["data"], "last": "0.1"}, data)
    with pytest.raises(DecodeError):
        EnvelopeReader(endpoint.returns).read(b'{"code":1000,"data":[]}')
