"""Whatever bytes come in, only the library's own errors come out (D3)."""

from __future__ import annotations

import json
import os
from decimal import Decimal

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitmart_async.decoding import DecodeError
from bitmart_async.rest import ENDPOINTS
from bitmart_async.rest.envelope import EnvelopeReader, Refusal

READERS = {
    name: EnvelopeReader(endpoint.returns, inner=endpoint.inner) for name, endpoint in ENDPOINTS.items()
}
INPUTS = int(os.environ.get("BITMART_D3_INPUTS", "4500"))
"""Of the three tests together; the full number is 100000 and takes minutes."""
FAST = settings(max_examples=INPUTS // 3, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Shapes of the wire with values of our own.
SAMPLES = {
    "system.time": {"server_time": 1_700_000_000_123},
    "account.spot_wallet": {"wallet": [{"id": "ABC", "name": "Abc", "available": "1.5", "frozen": "0"}]},
    "spot.query_order": {
        "orderId": "5",
        "clientOrderId": "mine",
        "symbol": "ABC_USDT",
        "side": "buy",
        "orderMode": "spot",
        "type": "limit",
        "state": "new",
        "price": "1.5",
        "priceAvg": "0",
        "size": "2",
        "filledSize": "0",
        "notional": "3",
        "filledNotional": "0",
        "createTime": 1,
        "updateTime": 2,
    },
    "spot.batch_orders_v4": {"code": 0, "msg": "success", "data": {"orderIds": ["1", "2"]}},
    "spot.books": {"ts": "1", "symbol": "ABC_USDT", "asks": [["1", "2"]], "bids": [["0.9", "1"]]},
}

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "",
            "-",
            "NaN",
            "nAn",
            "-inf",
            "market",
            "1e400",
            "--5",
            "٣",
            "9" * 400,
            [],
            {},
            [[]],
            [None],
            {"data": {}},
            10**40,
            -1,
            10**400,
            "\x1b[31m",
        ]
    ),
)
RAW_NUMBERS = st.sampled_from(
    [
        b"1e400",
        b"1e999999999",
        b"-1e-999999999",
        b"NaN",
        b"Infinity",
        b"-",
        b"0x1",
        b"00",
        b"9" * 5000,
        b"1.0000000000000000000000000001",
    ]
)


def only_ours(raw: bytes) -> None:
    """Every reader is fed; what is returned holds no NaN and no Infinity."""
    for reader in READERS.values():
        try:
            data, message, trace = reader.read(raw)
        except (DecodeError, Refusal):
            continue
        assert isinstance(message, str)
        assert isinstance(trace, str)
        assert_finite(msgspec.to_builtins(data, builtin_types=(Decimal,)))


def assert_finite(value: object) -> None:
    if isinstance(value, Decimal):
        assert value.is_finite()
    elif isinstance(value, float):
        assert value - value == 0
    elif isinstance(value, dict):
        for item in value.values():
            assert_finite(item)
    elif isinstance(value, list | tuple):
        for item in value:
            assert_finite(item)


def places(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Every path inside a JSON value."""
    found = [at]
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*at, index))
    return found


def put(value: object, at: tuple[object, ...], odd: object) -> object:
    """The value with one place replaced."""
    if not at:
        return odd
    copied = dict(value) if isinstance(value, dict) else list(value)  # type: ignore[call-overload]
    copied[at[0]] = put(copied[at[0]], at[1:], odd)
    return copied


@FAST
@given(st.binary(max_size=300))
def test_D3_random_bytes(raw: bytes) -> None:
    """Random bodies through the readers of all endpoints."""
    only_ours(raw)


@FAST
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_D3_samples_with_odd_values(name: str, data: st.DataObject) -> None:
    """A reply as it should be, with up to three values exchanged for odd ones, at any depth."""
    reply: object = {"code": 1000, "message": "OK", "trace": "t", "data": SAMPLES[name]}
    for _ in range(data.draw(st.integers(1, 3))):
        reply = put(reply, data.draw(st.sampled_from(places(reply))), data.draw(ODD))
    only_ours(json.dumps(reply).encode())


@FAST
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_D3_samples_with_damaged_bytes(name: str, data: st.DataObject) -> None:
    """The same with bytes flipped, cut out, doubled, or put in as raw numbers no JSON library expects."""
    raw = bytearray(json.dumps({"code": 1000, "message": "OK", "data": SAMPLES[name]}).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        kind = data.draw(st.sampled_from(["flip", "cut", "double", "number"]))
        if kind == "flip":
            raw[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
        elif kind == "cut":
            del raw[at : at + data.draw(st.integers(1, 30))]
        elif kind == "double":
            raw[at:at] = raw[: data.draw(st.integers(1, 60))]
        else:
            colon = raw.find(b":", at)
            raw[colon + 1 : colon + 1] = data.draw(RAW_NUMBERS) + b","
    only_ours(bytes(raw))


JSON_ANY = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["code", "message", "msg", "trace", "data", "errno", "success", "server_time", "symbol"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(FAST, max_examples=400)
@given(
    st.dictionaries(
        st.sampled_from(["code", "message", "msg", "trace", "data", "errno", "success"]), JSON_ANY
    )
)
def test_D3_any_json_in_the_envelope(reply: dict[str, object]) -> None:
    """Envelopes with anything in any of their fields."""
    only_ours(json.dumps(reply).encode())
