"""Keys with fewer rights and markets that stand still refuse what they should, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox.permissions import PERMISSIONS, READ, permission_for

from .wire import Wire, stream

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox

FACTS = Path(__file__).parents[3] / "shared" / "api"
SUBMIT, CONTRACT = "/spot/v2/submit_order", "/contract/private/submit-order"
ORDER = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "50000"}
LONG = {"symbol": "BTCUSDT", "side": 1, "type": "limit", "price": "50000", "size": 1}


@pytest.mark.skipif(not FACTS.exists(), reason="the collected facts are not at hand")
@pytest.mark.parametrize("file", ["rest-spot.json", "rest-futures.json"])
def test_permissions_are_those_of_the_facts(file: str) -> None:
    """Each path of which the permission is known asks for that one."""
    for row in json.loads((FACTS / file).read_text()):
        if row["permission"] in PERMISSIONS and row["auth"] != "NONE":
            assert permission_for(row["http"], row["path"]) == row["permission"], row["path"]


@pytest.mark.asyncio
async def test_a_key_without_a_permission(wire: Wire) -> None:
    """What it may not do is refused with 30012; reading and what it may do go on."""
    sandbox = wire.sandbox
    sandbox.restrict_key(permissions=["future-trade"])
    assert await wire.refused(SUBMIT, ORDER) == (403, 30012)
    assert (await wire.post(CONTRACT, LONG))[1]["code"] == 1000
    assert (await wire.get("/spot/v1/wallet"))[1]["code"] == 1000
    assert (await wire.post("/spot/v4/query/open-orders", {}))[1]["code"] == 1000
    sandbox.restrict_key()
    assert (await wire.post(SUBMIT, ORDER))[1]["code"] == 1000
    with pytest.raises(ValueError, match="no such permission: spot"):
        sandbox.restrict_key(permissions=["spot"])
    assert permission_for("GET", "/spot/v1/wallet") == READ


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("held", "refusal", "login"),
    [
        ({"frozen": True}, (401, 30003), "91003"),
        ({"expired": True}, (403, 30011), "91004"),
        ({"addresses": ["10.1.2.3"]}, (403, 30010), None),
    ],
)
async def test_a_key_that_is_held(
    wire: Wire, held: dict[str, object], refusal: tuple[int, int], login: str | None
) -> None:
    """A frozen or expired key, or a call from elsewhere, is refused everywhere but on public paths."""
    wire.sandbox.restrict_key(**held)  # type: ignore[arg-type]
    assert await wire.refused("/spot/v1/wallet") == refusal
    assert await wire.refused(SUBMIT, ORDER) == refusal
    assert (await wire.get("/system/time"))[1]["code"] == 1000
    assert (await Wire(wire.sandbox, wire.http, sub="sub1").get("/spot/v1/wallet"))[1]["code"] == 1000
    async with stream(wire.sandbox.environment.spot_private) as socket:
        assert (await socket.login(wire.sandbox)).get("errorCode") == login


@pytest.mark.asyncio
async def test_a_suspended_market(wire: Wire) -> None:
    """New orders are refused, those that wait can be cancelled, other markets trade on."""
    sandbox = wire.sandbox
    number = await wire.spot("buy", size="0.01", price="50000")
    sandbox.suspend("BTC_USDT")
    assert await wire.refused(SUBMIT, ORDER) == (400, 50040)
    assert (await wire.post(CONTRACT, LONG))[1]["code"] == 1000
    cancelled = await wire.post("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": number})
    assert cancelled[1]["code"] == 1000
    sandbox.suspend("BTCUSDT")
    assert await wire.refused(CONTRACT, LONG) == (400, 40015)
    for symbol in ("BTC_USDT", "BTCUSDT"):
        sandbox.suspend(symbol, on=False)
    assert (await wire.post(SUBMIT, ORDER))[1]["code"] == 1000


@pytest.mark.asyncio
async def test_names_must_exist(sandbox: Sandbox) -> None:
    """An account or a market that is not there is told."""
    with pytest.raises(KeyError, match="no market"):
        sandbox.suspend("BTC")
    with pytest.raises(KeyError, match="no account"):
        sandbox.restrict_key("sub7")
