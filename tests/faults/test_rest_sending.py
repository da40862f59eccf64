"""What is sent: headers by auth level, signatures over the very bytes, and nothing that was not asked for."""

from __future__ import annotations

import hashlib
import hmac
import logging
from decimal import Decimal
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitmart_async.clock import Clock
from bitmart_async.errors import ConfigurationError, CredentialsMissing, Fate, ParameterError
from bitmart_async.rest import ENDPOINTS, Auth
from bitmart_async.rest.clients import FuturesClientV2, RestClient
from tests.conftest import CANARY_KEY, CANARY_MEMO, CANARY_SECRET, KEYS
from tests.fast_time import FastLoop, run_on
from tests.faults.rest_world import (
    BY_OWN_ID,
    FUTURES_ORDER,
    FUTURES_SUBMIT,
    OPEN,
    ORDER,
    PING,
    SUBMIT,
    TAKEN,
    TIME,
    futures,
    spot,
    spot_order,
)
from tests.scripted_http import ScriptedServer, answer, ok

if TYPE_CHECKING:
    from tests.scripted_http import Seen

PLUMBING = {"host", "accept", "accept-encoding", "user-agent", "content-length", "connection"}
WALLET = ("GET", "/spot/v1/wallet")


def ours(seen: Seen) -> set[str]:
    """The headers of a request without those every HTTP client sends."""
    return set(seen.headers) - PLUMBING


def verified(seen: Seen) -> bool:
    """Check the signature with code of this test's own, over the bytes that arrived."""
    line = b"#".join([seen.headers["x-bm-timestamp"].encode(), CANARY_MEMO.encode(), seen.body])
    expected = hmac.new(CANARY_SECRET.encode(), line, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, seen.headers["x-bm-sign"])


async def test_a_public_call_carries_no_credential() -> None:
    """NONE: no credential header, even though the client has keys."""
    async with spot() as (server, client):
        server.on(*TIME, answer(ok({"server_time": 5})))
        await client.get_system_time()
        assert ours(server.seen[0]) == set()


async def test_a_keyed_call_carries_the_key_alone() -> None:
    """KEYED: X-BM-KEY and nothing else of ours."""
    async with spot() as (server, client):
        server.on(*WALLET, answer(ok({"wallet": []})))
        await client.get_spot_wallet_balance_v1()
        assert ours(server.seen[0]) == {"x-bm-key"}
        assert server.seen[0].headers["x-bm-key"] == CANARY_KEY


async def test_a_signed_call_carries_key_time_and_signature() -> None:
    """SIGNED: the three, the content type, a body; the time is the clock's, unpadded."""
    clock = Clock(lambda: 1_700_000_000.5, lambda: 0.0)
    async with spot(clock=clock) as (server, client):
        server.on(*SUBMIT, answer(TAKEN))
        await client.submit_spot_order_v2(**ORDER)
        seen = server.seen[0]
        assert ours(seen) == {"x-bm-key", "x-bm-timestamp", "x-bm-sign", "content-type"}
        assert seen.headers["content-type"] == "application/json"
        assert seen.headers["x-bm-timestamp"] == "1700000000500"
        assert verified(seen)


async def test_a_signed_get_signs_the_empty_body() -> None:
    """GET and DELETE have their parameters in the query and sign no body."""
    async with spot() as (server, client):
        server.on("GET", "/any", answer(ok()))
        await client.request("GET", "/any", auth="SIGNED", params={"a": "x y", "n": 5})
        seen = server.seen[0]
        assert ours(seen) == {"x-bm-key", "x-bm-timestamp", "x-bm-sign"}
        assert seen.query == {"a": "x y", "n": "5"}
        assert seen.body == b""
        assert verified(seen)


async def test_the_user_agent_is_our_own() -> None:
    """The edge network refuses the default names of HTTP libraries, also over the user's session."""
    async with aiohttp.ClientSession() as session, spot(session=session) as (server, client):
        server.on("GET", "/test/ping", answer(ok()))
        await client.call(PING)
        assert server.seen[0].headers["user-agent"].startswith("bitmart-async/")


async def test_the_broker_id_is_sent_only_when_given() -> None:
    """An option, on every call; what cannot be a header is refused when the client is made."""
    async with spot(broker_id="myBroker1") as (server, client):
        server.on(*TIME, answer(ok({"server_time": 5})))
        await client.get_system_time()
        assert server.seen[0].headers["x-bm-broker-id"] == "myBroker1"
    for wrong in ("", "a b", "x\r\nX-Evil: 1", "é"):
        with pytest.raises(ConfigurationError, match="broker_id"):
            RestClient(broker_id=wrong)


async def test_the_users_sign_function_signs_the_bytes_sent() -> None:
    """A signing service sees timestamp, memo and the exact body; what it returns is sent."""
    heard: list[bytes] = []

    def sign(message: bytes, secret: str) -> str:
        assert secret == CANARY_SECRET
        heard.append(message)
        return "feed" * 16

    async with spot(sign=sign) as (server, client):
        server.on(*SUBMIT, answer(TAKEN))
        await client.submit_spot_order_v2(**ORDER)
        seen = server.seen[0]
        assert seen.headers["x-bm-sign"] == "feed" * 16
        assert heard == [f"{seen.headers['x-bm-timestamp']}#{CANARY_MEMO}#".encode() + seen.body]


def _broken(message: bytes, secret: str) -> str:
    raise LookupError(f"token removed, secret {secret}")


@pytest.mark.parametrize(
    "sign",
    [
        _broken,
        lambda message, secret: "f00d\n",
        lambda message, secret: "f00d\r\nX-Other: 1",
        lambda message, secret: None,
        lambda message, secret: b"f00d",
        lambda message, secret: "",
        lambda message, secret: secret,
    ],
    ids=["raises", "newline", "second header", "None", "bytes", "empty", "the secret"],
)
async def test_a_sign_function_that_fails_sends_nothing(sign: Any) -> None:
    """One clear error, NOT_SENT, without the function's words (they may hold the secret); nothing pending."""
    async with spot(sign=sign) as (server, client):
        server.on(*SUBMIT, answer(TAKEN))
        with pytest.raises(ConfigurationError, match="sign=") as caught:
            await client.submit_spot_order_v2(**ORDER)
        assert caught.value.fate is Fate.NOT_SENT
        assert caught.value.__context__ is None
        told = "".join(TracebackException.from_exception(caught.value, capture_locals=True).format())
        assert not [secret for secret in KEYS.values() if secret in told]
        assert client.pending_orders == ()
        assert server.seen == []
        assert next(iter(client.rate_limit_use().values())).used == 0


AMOUNTS = st.decimals(min_value=Decimal("1e-12"), max_value=Decimal("1e12"), places=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(size=AMOUNTS, price=AMOUNTS, own=st.from_regex(r"\A[A-Za-z0-9]{1,32}\Z"))
def test_O11_every_signature_fits_the_bytes(size: Decimal, price: Decimal, own: str) -> None:
    """Any price, size and id: plain decimal text on the wire, and the server verifies each signature."""

    async def scenario() -> None:
        async with spot() as (server, client):
            server.on(*SUBMIT, answer(TAKEN))
            await client.submit_spot_order_v2(
                "ABC_USDT", side="buy", type="limit", size=size, price=price, client_order_id=own
            )
            seen = server.seen[0]
            assert verified(seen)
            assert seen.json == {
                "symbol": "ABC_USDT",
                "side": "buy",
                "type": "limit",
                "size": f"{size:f}",
                "price": f"{price:f}",
                "client_order_id": own,
            }

    run_on(lambda: FastLoop(1), scenario)


@pytest.mark.parametrize("number", [7e-05, 0.1 + 0.2, "1,5", "NaN", "1e999"])
async def test_O11_what_is_no_price_is_not_sent(number: object) -> None:
    """Refused with advice before a byte leaves."""
    async with spot() as (server, client):
        with pytest.raises(ParameterError, match="price") as caught:
            await client.submit_spot_order_v2(**{**ORDER, "price": number})
        assert caught.value.fate is Fate.NOT_SENT
        with pytest.raises(ParameterError, match="size"):
            await client.submit_spot_order_v2(**{**ORDER, "size": number})
        assert server.connections == 0


async def test_O11_coins_for_contracts_are_refused_with_advice() -> None:
    """Futures sizes are whole contracts: half a coin is told what to do, and nothing is sent."""
    async with futures() as (server, client):
        for size in ("0.5", Decimal("0.5"), 0.5, True):
            with pytest.raises(ParameterError, match="contracts, not coins") as caught:
                await client.submit_futures_order(**{**FUTURES_ORDER, "size": size})
            assert "coins_to_contracts" in str(caught.value)
            assert caught.value.fate is Fate.NOT_SENT
        assert server.connections == 0


async def test_O11_floats_hide_nowhere() -> None:
    """Not deep inside the body of an unmodelled call either; Decimals there go as plain text."""
    async with spot() as (server, client):
        server.on("POST", "/x", answer(ok()))
        with pytest.raises(ParameterError, match="float"):
            await client.request("POST", "/x", auth="SIGNED", params={"deep": [{"price": 7e-05}]})
        assert server.connections == 0
        await client.request("POST", "/x", auth="SIGNED", params={"deep": [{"price": Decimal("7e-05")}]})
        assert server.seen[0].json == {"deep": [{"price": "0.00007"}]}
        assert verified(server.seen[0])


PRIVATE = [endpoint for endpoint in ENDPOINTS.values() if endpoint.auth is not Auth.NONE]


@pytest.mark.filterwarnings("ignore:.*deprecated by the exchange:DeprecationWarning")
async def test_a_private_call_without_keys_sends_nothing() -> None:
    """Every private endpoint, on either client: CredentialsMissing before a connection is opened."""
    async with ScriptedServer() as server:
        for kind in (RestClient, FuturesClientV2):
            async with kind(base_url=server.url) as client:
                for endpoint in PRIVATE:
                    with pytest.raises(CredentialsMissing, match="api_key=") as caught:
                        await client.call(endpoint)
                    assert caught.value.fate is Fate.NOT_SENT
                    assert caught.value.endpoint == endpoint.label
                with pytest.raises(CredentialsMissing):
                    await client.request("GET", "/x", auth="KEYED")
        assert len(PRIVATE) > 20
        assert server.connections == 0


@pytest.mark.parametrize("method", ["cancel_futures_order", "update_futures_limit_order"])
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("ids", [{}, {"order_id": ""}, {"order_id": None, "client_order_id": " "}])
async def test_O10_cancel_without_an_id_sends_nothing(method: str, strict: bool, ids: dict[str, str]) -> None:
    """Futures would cancel the whole symbol: refused here, whatever the options."""
    async with futures(strict_param_validation=strict) as (server, client):
        extra = {"price": "5"} if method.startswith("update") else {}
        with pytest.raises(ValueError, match="cancel_all_futures_orders"):
            await getattr(client, method)("ABCUSDT", **ids, **extra)
        assert server.connections == 0
        server.on("POST", "/contract/private/cancel-orders", answer(ok()))
        await client.cancel_all_futures_orders("ABCUSDT")
        assert server.seen[0].json == {"symbol": "ABCUSDT"}


async def test_recv_window_goes_only_where_it_is_known() -> None:
    """v4 calls carry the client's value or the call's own; others never do."""
    async with spot(recv_window=4321) as (server, client):
        server.on(*SUBMIT, answer(TAKEN))
        server.on(*OPEN, answer(ok([])))
        server.on(*BY_OWN_ID, answer(ok(spot_order("mine"))))
        await client.submit_spot_order_v2(**ORDER)
        await client.get_spot_open_orders_v4()
        await client.get_spot_order_by_client_order_id_v4("mine", recv_window=9)
        assert [seen.json.get("recvWindow") for seen in server.seen] == [None, 4321, 9]
    async with futures(recv_window=4321) as (server, contracts):
        server.on(*FUTURES_SUBMIT, answer(ok({"order_id": 5, "price": "7"})))
        await contracts.submit_futures_order(**FUTURES_ORDER)
        assert "recvWindow" not in server.seen[0].json


def test_every_endpoint_that_lists_recv_window_is_one_that_knows_it() -> None:
    """By the limits page: spot v4, and the two futures transfers."""
    known = {endpoint.path for endpoint in ENDPOINTS.values() if endpoint.takes_recv_window}
    assert {path for path in known if not path.startswith("/spot/v4/")} <= {
        "/account/v1/transfer-contract",
        "/account/v1/transfer-contract-list",
    }
    assert "/spot/v4/query/order" in known


@pytest.mark.parametrize("value", [0, -1, 60_001, True, 5.5, "5000", None])
def test_a_recv_window_out_of_range_is_refused(value: object) -> None:
    """When the client is made."""
    with pytest.raises(ConfigurationError, match="recv_window"):
        RestClient(recv_window=value)  # type: ignore[arg-type]


async def test_without_strict_validation_the_exchange_judges() -> None:
    """Unknown enum values, ranges and combinations go out as given; types stay checked."""
    async with spot(strict_param_validation=False) as (server, client):
        server.on(*SUBMIT, answer(TAKEN))
        await client.submit_spot_order_v2(
            "ABCUSDT", side="hold", type="brandnew", size=0, client_order_id="a-b"
        )
        assert server.seen[0].json == {
            "symbol": "ABCUSDT",
            "side": "hold",
            "type": "brandnew",
            "size": "0",
            "client_order_id": "a-b",
        }
        with pytest.raises(ParameterError, match="float"):
            await client.submit_spot_order_v2(**{**ORDER, "size": 0.5})
        assert len(server.seen) == 1


async def test_an_order_carries_an_id_of_ours() -> None:
    """Given none, one is made: 32 letters and digits, never the same twice; also in each row of a batch."""
    async with spot() as (server, client):
        server.on(*SUBMIT, answer(TAKEN))
        server.on("POST", "/spot/v4/batch_orders", answer(ok({"code": 0, "data": {"orderIds": ["1", "2"]}})))
        row = {"side": "sell", "type": "market", "size": 1}
        for _ in range(2):
            await client.submit_spot_order_v2(**ORDER)
        await client.submit_spot_batch_orders_v4(
            "ABC_USDT", order_params=iter([row, {**row, "client_order_id": "my1"}])
        )
        made = [seen.json["client_order_id"] for seen in server.seen[:2]]
        rows = server.seen[2].json["orderParams"]
        assert isinstance(rows, list)
        made += [row["clientOrderId"] for row in rows]
        assert made[-1] == "my1"
        assert all(isinstance(own, str) and len(own) == 32 and own.isalnum() for own in made[:-1])
        assert len(set(made)) == 4
        assert client.pending_orders == ()


@pytest.mark.parametrize(
    ("method", "path", "auth"),
    [
        ("PATCH", "/x", "NONE"),
        ("GET", "x", "NONE"),
        ("GET", "//evil.example/x", "NONE"),
        ("GET", "/x?a=1", "NONE"),
        ("GET", "/x#y", "NONE"),
        ("GET", "/x y", "NONE"),
        ("GET", "/x\r\nX-Evil: 1", "NONE"),
        ("GET", "/é", "NONE"),
        ("GET", "/x", "MAYBE"),
    ],
)
async def test_an_unmodelled_call_is_checked_too(method: str, path: str, auth: str) -> None:
    """Wrong verb, a path that could go elsewhere or smuggle a header, an unknown auth level: not sent."""
    async with spot() as (server, client):
        with pytest.raises(ParameterError):
            await client.request(method, path, auth=auth)
        assert server.connections == 0


async def test_unmodelled_calls_leave_nothing_behind() -> None:
    """Any number of them keeps one decoder: no memory grows with calls."""
    async with spot() as (server, client):
        server.on("GET", "/any", answer(ok({"x": 1})))
        for number in range(7):
            envelope = await client.request("GET", "/any", params={"n": number})
        assert envelope.data == {"x": 1}
        assert len(client._transport._readers) == 1


async def test_Z4_the_environments_proxy_and_netrc_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Set in the environment, neither is used: the call goes straight, without an Authorization header."""
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login joe password pass\n")
    async with ScriptedServer() as trap, spot() as (server, client):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, trap.url)
        monkeypatch.setenv("NETRC", str(netrc))
        server.on("GET", "/test/ping", answer(ok()))
        await client.call(PING)
        assert ours(server.seen[0]) == set()
        assert trap.connections == 0


async def test_a_session_of_the_user_is_used_and_not_closed() -> None:
    """Two clients share it; closing them leaves it open; its own habits do not change ours."""
    async with aiohttp.ClientSession(headers={"X-Mine": "1"}, raise_for_status=True) as session:
        for _ in range(2):
            async with spot(session=session) as (server, client):
                server.on(*SUBMIT, answer(TAKEN, status=200))
                server.on("GET", "/test/ping", answer(ok(), status=400))
                await client.submit_spot_order_v2(**ORDER)
                assert (await client.call(PING)).http_status == 400  # the code decides, not raise_for_status
                assert server.seen[0].headers["x-mine"] == "1"
            assert not session.closed


async def test_closing_is_idempotent_and_final() -> None:
    """A closed client sends nothing more and says so; debug logs hold one line per answer."""
    async with spot(logger=logging.getLogger("bitmart_async.mine")) as (server, client):
        server.on("GET", "/test/ping", answer(ok()))
        await client.call(PING)
        await client.aclose()
        await client.aclose()
        with pytest.raises(Exception, match="closed") as caught:
            await client.call(PING)
        assert getattr(caught.value, "fate", None) is Fate.NOT_SENT
        assert len(server.seen) == 1
        await server.until(lambda: server.open == 0)


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_keep_alive_reuses_connections(keep_alive: bool) -> None:
    """On: one connection for calls in a row. Off: one each."""
    async with spot(keep_alive=keep_alive) as (server, client):
        server.on("GET", "/test/ping", answer(ok()))
        for _ in range(3):
            await client.call(PING)
        assert server.connections == (1 if keep_alive else 3)


def test_half_a_set_of_keys_or_odd_options_make_no_client() -> None:
    """Options are checked when the client is made."""
    for wrong in ({"timeout": 0}, {"timeout": -1}, {"max_retries": -1}, {"api_key": KEYS["api_key"]}):
        with pytest.raises(ConfigurationError):
            RestClient(**wrong)  # type: ignore[arg-type]
