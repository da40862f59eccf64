"""What an archive asks for, held against the catalog of endpoints."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import pytest

from bitmart_async.archive.columns import columns_of
from bitmart_async.archive.journal import FORMAT, Head
from bitmart_async.archive.plan import ASKS, OMITTED
from bitmart_async.archive.units import lines, windows_left
from bitmart_async.rest import ENDPOINTS, Auth, Effect
from bitmart_async.rest.history import Windowed

if TYPE_CHECKING:
    from bitmart_async.archive.plan import Ask

NOW = 1_795_000_000_123
HEAD = Head(
    format=FORMAT, library="0", environment="live", hosts=[], account="", began_ms=NOW, since_ms=1_514_764_800_000,
    symbols="all", clients=["spot", "futures"],
)  # fmt: skip
FOUND = {
    kind: {"AA", "BB"}
    for kind in ("futures_symbol", "contract", "margin_symbol", "spot_symbol", "sub_account", "coin")
} | {"product": {"1"}, "customer": {"7"}, "network": {"AA", "BB-TRC20", "CC"}}


def test_every_private_reading_endpoint_is_asked_or_has_a_reason() -> None:
    """Nothing the account can read is forgotten: each such endpoint is a table or stands in OMITTED."""
    asked = {ask.endpoint.id for ask in ASKS}
    private = {
        name
        for name, endpoint in ENDPOINTS.items()
        if endpoint.auth is not Auth.NONE and endpoint.effect is Effect.READ
    }
    assert not private - asked - set(OMITTED), "neither asked nor explained"
    assert not asked & set(OMITTED)
    assert set(OMITTED) <= private
    assert all(len(reason.split()) > 4 for reason in OMITTED.values())


def test_reference_data_is_asked() -> None:
    """Symbols, contracts, coins and their networks belong to the archive although they are public."""
    asked = {ask.endpoint.id for ask in ASKS}
    assert {
        "market.symbols_details", "market.currencies", "account.currencies", "futures.get_contract_details",
        "futures.get_leverage_bracket",
    } <= asked  # fmt: skip


def test_nothing_is_changed() -> None:
    """Every endpoint that is asked only reads."""
    assert {ask.endpoint.effect for ask in ASKS} == {Effect.READ}
    assert len({ask.table for ask in ASKS}) == len(ASKS)


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.table)
def test_every_request_passes_its_checks(ask: Ask) -> None:
    """The first request of every unit can be sent: parameters known, windows not too wide."""
    for line in lines(ask, FOUND, HEAD):
        for unit in line.units:
            params = unit.begin(HEAD).params
            assert params is not None
            given = dict(params)
            for name in ("user_id", "cid"):
                if name in given:
                    given[name] = "7"
            if "symbol" in given and ask.host == "spot":
                given["symbol"] = "BTC_USDT"
            ask.endpoint.encode(given, strict=True)


@pytest.mark.parametrize("ask", [ask for ask in ASKS if ask.spans], ids=lambda ask: ask.table)
def test_spans_cover_all_of_time_without_a_seam(ask: Ask) -> None:
    """The units of a list reach from the horizon to now, in the endpoint's own unit, none left out."""
    for line in lines(ask, FOUND, HEAD):
        oldest_first = line.units[::-1]
        assert oldest_first[0].first_ms == HEAD.since_ms
        assert oldest_first[-1].last_ms == NOW
        for one, next_one in pairwise(oldest_first):
            assert one.last_ms is not None
            assert next_one.first_ms == one.last_ms + 1
            assert next_one.first_ms % 86_400_000 == 0
        if isinstance(ask.plan, Windowed):
            unit = ask.plan.unit
            edges = [reading.begin(HEAD)._first for reading in oldest_first]  # type: ignore[attr-defined]
            ends = [reading.begin(HEAD)._last for reading in oldest_first]  # type: ignore[attr-defined]
            assert all(edge == end + 1 for edge, end in zip(edges[1:], ends, strict=False))
            assert ends[-1] == NOW // unit


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.table)
def test_every_field_has_a_column(ask: Ask) -> None:
    """No field of a row type is left out of the table, and times and numbers are typed."""
    columns = columns_of(ask.row)
    names = {column.name for column in columns}
    for field in msgspec.structs.fields(ask.row):
        assert any(name == field.name or name.startswith(field.name + "_") for name in names), field.name
    for column in columns:
        if column.name in ("create_time", "apply_time") and ask.table not in ("margin_borrows",):
            assert column.kind == "time"
        if column.name in ("price", "size", "amount", "available", "frozen", "fee"):
            assert column.kind == "number"


@pytest.mark.parametrize(
    "ask", [ask for ask in ASKS if ask.spans and isinstance(ask.plan, Windowed)], ids=lambda ask: ask.table
)
def test_as_many_requests_are_left_as_it_takes(ask: Ask) -> None:
    """Without a full window a span takes exactly the requests that were reckoned; one that the exchange answers at a
    time takes one. An archive begun with longer spans keeps them."""
    assert isinstance(ask.plan, Windowed)
    empty = replace(ask, plan=replace(ask.plan, rows=lambda _: []))
    for head in (HEAD, msgspec.structs.replace(HEAD, shorter_days=1)):
        for line in lines(empty, FOUND, head)[:1]:
            assert line.units[1].last_ms is not None
            assert line.units[1].first_ms is not None
            days = (line.units[1].last_ms + 1 - line.units[1].first_ms) / 86_400_000
            assert days == ask.span_days - head.shorter_days
            for unit in line.units:
                reading = unit.begin(head)
                left = windows_left(unit)
                asked = 0
                while reading.params is not None:
                    reading.take(None)
                    asked += 1
                assert asked == left
                if head.shorter_days and ask.plan.span(unit.params) >= ask.span_days * 86_400_000:
                    assert asked == 1
