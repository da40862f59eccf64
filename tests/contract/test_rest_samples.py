"""Every recorded or documented reply of the endpoints decodes, and no value of it is lost."""

from __future__ import annotations

import json

import pytest

from bitmart_async.rest import ENDPOINTS
from bitmart_async.rest.envelope import EnvelopeReader
from tests.kept import SHARED, assert_kept, needs_shared


def _rows(*, sample: bool | None = None) -> list[dict[str, object]]:
    """The endpoints we have; only those with a sample reply, or only those without."""
    if not SHARED.is_dir():
        return []
    rows = [
        row
        for name in ("rest-spot.json", "rest-futures.json")
        for row in json.loads((SHARED / name).read_text())
    ]
    return [row for row in rows if row["id"] in ENDPOINTS and sample in (None, row["sample"] is not None)]


@needs_shared
def test_the_catalogs_are_there() -> None:
    """The parametrised test below has something to do."""
    assert len(_rows()) == len(ENDPOINTS)


@needs_shared
@pytest.mark.parametrize("row", _rows(sample=True), ids=lambda row: row["id"])
def test_a_sample_decodes_without_loss(row: dict[str, object]) -> None:
    """The catalog's sample goes through the real reader and comes out whole."""
    endpoint = ENDPOINTS[str(row["id"])]
    sample = row["sample"]
    assert isinstance(sample, dict)
    data, message, trace = EnvelopeReader(endpoint.returns, inner=endpoint.inner).read(
        json.dumps(sample).encode()
    )
    assert message == sample.get("message", sample.get("msg"))
    assert trace == (sample.get("trace") or "")
    wire = sample.get("data")
    if endpoint.inner:
        wire = wire["data"]
    if endpoint.returns is type(None):
        assert data is None
        assert not wire
    else:
        assert_kept(wire, data)


@needs_shared
@pytest.mark.parametrize("row", _rows(sample=False), ids=lambda row: row["id"])
def test_a_shape_nobody_knows_is_not_pretended(row: dict[str, object]) -> None:
    """Where no source records a reply, plain JSON or nothing is returned, whatever comes."""
    endpoint = ENDPOINTS[str(row["id"])]
    assert endpoint.returns in (object, type(None))
    for data in ({}, None, {"account_type": "SPOT"}, ["SPOT"], "SPOT", True):
        reply = json.dumps({"code": 1000, "trace": "t", "message": "OK", "data": data}).encode()
        read, _, _ = EnvelopeReader(endpoint.returns).read(reply)
        assert read == (data if endpoint.returns is object else None)


@needs_shared
@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["id"])
def test_facts_agree_with_the_catalog(row: dict[str, object]) -> None:
    """Path, auth, quota and parameters are those of the catalog."""
    endpoint = ENDPOINTS[str(row["id"])]
    assert (endpoint.method, endpoint.path, endpoint.auth.value) == (row["http"], row["path"], row["auth"])
    quota = row["rate_limit"]
    if quota is None:
        assert endpoint.quota is None
    else:
        assert endpoint.quota is not None
        assert (endpoint.quota.requests, endpoint.quota.per, endpoint.quota.scope.value) == (
            quota["requests"],
            quota["seconds"],
            quota["scope"],
        )
    assert {param.wire: param.required for param in endpoint.params} == {
        param["name"]: param["required"] for param in row["params"]
    }
