"""What is known of each order of a batch: n results for n orders, and nothing claimed without proof."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async import Fate, OrderFateUnknown, OrderResult, RestClient
from bitmart_async.errors import BitMartError, ConnectFailed, EndpointRetired, InsufficientFunds
from bitmart_async.sandbox import Sandbox
from tests.conftest import KEYS
from tests.fast_time import fast_time
from tests.faults.rest_world import BATCH, BY_OWN_ID, NOT_FOUND, script_absent, spot, spot_order
from tests.faults.test_rest_orders import ROWS, steady
from tests.scripted_http import answer, drop, ok, refusal, reply

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH_V2 = ("POST", "/spot/v2/batch_orders")
ROWS_V2 = [
    {**row, "symbol": symbol} for row, symbol in zip(ROWS, ("A_USDT", "B_USDT", "C_USDT"), strict=True)
]
OWN = ["row0", "row1", "row2"]


def v4(*ids: str) -> bytes:
    return ok({"code": 0, "msg": "success", "data": {"orderIds": list(ids)}})


def v2(*rows: tuple[int, str | None]) -> bytes:
    """Code and order id of each row."""
    return ok(
        {
            "responses": [
                {
                    "code": code,
                    "msg": f"said {code}",
                    **({"data": {"order_id": order_id}} if order_id else {}),
                }
                for code, order_id in rows
            ]
        }
    )


def fates(results: Sequence[OrderResult]) -> list[Fate]:
    assert [result.client_order_id for result in results] == OWN
    return [result.fate for result in results]


async def test_O9_all_accepted() -> None:
    """As many ids as orders: each is accepted, under its own id, and nothing stays pending."""
    async with spot() as (server, client):
        server.on(*BATCH, answer(v4("11", "12", "13")))
        reply_ = await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)
        assert reply_.order_ids == ["11", "12", "13"]  # as before
        assert fates(reply_.results) == [Fate.ACCEPTED] * 3
        assert [result.order_id for result in reply_.results] == ["11", "12", "13"]
        assert {result.symbol for result in reply_.results} == {"ABC_USDT"}
        assert client.pending_orders == ()
        assert pickle.loads(pickle.dumps(reply_)) == reply_


@pytest.mark.parametrize(
    "ids", [(), ("11",), ("11", "12"), ("11", "12", "12"), ("11", "0", "13"), ("11", "", "13"), tuple("1234")]
)
async def test_O9_ids_that_do_not_fit_prove_nothing(ids: tuple[str, ...]) -> None:
    """Fewer, doubled, blank or more ids than orders: each is unknown, pending, and resolved by itself."""
    async with spot() as (server, client):
        server.on(*BATCH, answer(v4(*ids)))
        results = (await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)).results
        assert fates(results) == [Fate.UNKNOWN] * 3
        assert [order.client_order_id for order in client.pending_orders] == OWN
        server.on(*BY_OWN_ID, reply(lambda seen: ok(spot_order(str(seen.json["clientOrderId"])))))
        for left, result in enumerate(results, 1):
            found = await client.resolve_order(symbol=result.symbol, client_order_id=result.client_order_id)
            assert found is not None
            assert len(client.pending_orders) == len(OWN) - left


async def test_O9_made_ids_are_told() -> None:
    """An order without an id of the caller's gets one, and its result says which."""
    async with spot() as (server, client):
        server.on(*BATCH, answer(v4("11", "12")))
        rows = [{key: value for key, value in row.items() if key != "client_order_id"} for row in ROWS[:2]]
        results = (await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=rows)).results
        sent = [row["clientOrderId"] for row in server.seen[0].json["orderParams"]]
        assert [result.client_order_id for result in results] == sent


async def v2_batch(client: RestClient) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return await client.submit_spot_batch_orders_v2(ROWS_V2)


async def test_O9_mixed_rows_of_v2() -> None:
    """A row has a code: taken, refused, or refused in a way that proves nothing."""
    async with spot() as (server, client):
        server.on(*BATCH_V2, answer(v2((0, "11"), (50020, None), (50022, None))))
        reply_ = await v2_batch(client)
        assert fates(reply_.results) == [Fate.ACCEPTED, Fate.NOT_ACCEPTED, Fate.UNKNOWN]
        taken, refused, open_ = reply_.results
        assert (taken.order_id, taken.symbol) == ("11", "A_USDT")
        assert (refused.order_id, refused.code, refused.message) == (None, 50020, "said 50020")
        assert open_.code == 50022
        (pending,) = client.pending_orders
        assert (pending.client_order_id, pending.symbol) == ("row2", "C_USDT")


@pytest.mark.parametrize(
    "rows",
    [
        ((0, "11"), (50020, None)),
        ((0, None), (0, None), (0, None)),
        ((50020, "11"), (50020, "12"), (50020, "13")),
        ((0, "0"), (50022, None), (30014, None)),
    ],
    ids=["fewer rows", "success without ids", "refusals with ids", "system codes"],
)
async def test_O9_rows_that_prove_nothing(rows: tuple[tuple[int, str | None], ...]) -> None:
    """Whatever contradicts itself is unknown."""
    async with spot() as (server, client):
        server.on(*BATCH_V2, answer(v2(*rows)))
        assert fates((await v2_batch(client)).results) == [Fate.UNKNOWN] * 3
        assert [order.client_order_id for order in client.pending_orders] == OWN


async def test_O9_one_id_twice_is_settled_by_its_worst_row() -> None:
    """Refused as duplicate of a row whose fate is open: the id stays pending."""
    async with spot() as (server, client):
        server.on(*BATCH_V2, answer(v2((50022, None), (50042, None))))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            results = (await client.submit_spot_batch_orders_v2([ROWS_V2[0], ROWS_V2[0]])).results
        assert [result.fate for result in results] == [Fate.UNKNOWN, Fate.NOT_ACCEPTED]
        assert [order.client_order_id for order in client.pending_orders] == ["row0"]


@pytest.mark.parametrize(
    ("behaviour", "kind", "fate"),
    [
        (drop(), OrderFateUnknown, Fate.UNKNOWN),
        (answer(b"", 500), OrderFateUnknown, Fate.UNKNOWN),
        (answer(refusal(50022)), OrderFateUnknown, Fate.UNKNOWN),
        (answer(refusal(50020)), InsufficientFunds, Fate.NOT_ACCEPTED),
        (answer(refusal(30031)), EndpointRetired, Fate.NOT_ACCEPTED),
    ],
    ids=["lost", "500", "50022", "50020", "retired"],
)
async def test_O9_when_the_whole_call_fails_each_order_is_told(
    behaviour: Any, kind: type[BitMartError], fate: Fate
) -> None:
    """The error has a result for each order; pickled too."""
    async with spot() as (server, client):
        for path in (BATCH, BATCH_V2):
            server.on(*path, behaviour)
        with pytest.raises(kind) as caught:
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)
        assert fates(caught.value.results) == [fate] * 3
        assert pickle.loads(pickle.dumps(caught.value)).results == caught.value.results
        with pytest.raises(kind) as caught:
            await v2_batch(client)
        assert fates(caught.value.results) == [fate] * 3
        assert [result.symbol for result in caught.value.results] == ["A_USDT", "B_USDT", "C_USDT"]
        assert len(client.pending_orders) == (3 if fate is Fate.UNKNOWN else 0)


async def test_O9_unsent() -> None:
    """No connection: each order is NOT_SENT."""
    async with RestClient(**KEYS, base_url="http://127.0.0.1:1", timeout=2) as client:
        with pytest.raises(ConnectFailed) as caught:
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)
        assert fates(caught.value.results) == [Fate.NOT_SENT] * 3
        assert client.pending_orders == ()


@fast_time(60)
async def test_O9_a_row_that_was_refused_is_proven_absent() -> None:
    """Of a batch that names one id, one order is found and the others end as None."""
    import asyncio

    async with spot(timeout=15, clock=steady(asyncio.get_running_loop().time)) as (server, client):
        server.on(*BATCH, answer(v4("991")))
        script_absent(server)
        found = ok(spot_order("row1"))
        server.on(
            *BY_OWN_ID, reply(lambda seen: found if seen.json["clientOrderId"] == "row1" else NOT_FOUND)
        )
        results = (await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)).results
        verdicts = await asyncio.gather(
            *(
                client.resolve_order(symbol=result.symbol, client_order_id=result.client_order_id)
                for result in results
            )
        )
        assert [order is not None for order in verdicts] == [False, True, False]
        assert client.pending_orders == ()


async def test_O9_on_the_sandbox_the_verdicts_are_the_truth() -> None:
    """All taken; one too small; none taken; the answer lost: results, and what resolve_order finds."""
    row = {"side": "buy", "type": "limit", "size": "0.01", "price": "60000"}
    async with Sandbox(seed=1, lively=False) as sandbox, RestClient(**sandbox.client_options) as client:

        async def send(*sizes: str) -> tuple[OrderResult, ...]:
            rows = [{**row, "size": size} for size in sizes]
            return (await client.submit_spot_batch_orders_v4("BTC_USDT", order_params=rows)).results

        for result in await send("0.01", "0.02"):
            assert result.fate is Fate.ACCEPTED
            order = await client.get_spot_order_by_client_order_id_v4(result.client_order_id)
            assert order.order_id == result.order_id
        assert client.pending_orders == ()

        mixed = await send("0.01", "0.00000001")
        assert [result.fate for result in mixed] == [Fate.UNKNOWN] * 2
        taken = await client.resolve_order(symbol="BTC_USDT", client_order_id=mixed[0].client_order_id)
        assert taken is not None
        assert [order.client_order_id for order in client.pending_orders] == [mixed[1].client_order_id]

        with pytest.raises(BitMartError) as caught:
            await send("0.00000001", "0.00000001")
        assert [result.fate for result in caught.value.results] == [Fate.NOT_ACCEPTED] * 2

        sandbox.faults.drop_answer("/spot/v4/batch_orders")
        with pytest.raises(OrderFateUnknown) as lost:
            await send("0.01", "0.02")
        for result in lost.value.results:
            assert result.fate is Fate.UNKNOWN
            found = await client.resolve_order(symbol=result.symbol, client_order_id=result.client_order_id)
            assert found is not None
        assert [order.client_order_id for order in client.pending_orders] == [mixed[1].client_order_id]
