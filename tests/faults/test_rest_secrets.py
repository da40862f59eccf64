"""Z1, Z3: no secret in any text the client makes, and no text of the server that could do harm."""

from __future__ import annotations

import pickle
import traceback
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bitmart_async.credentials import Credentials
from bitmart_async.errors import ApiError, BitMartError, EdgeBlocked, RedirectRefused
from bitmart_async.rest.clients import FuturesClientV2, RestClient
from tests.conftest import CANARIES, KEYS
from tests.faults.rest_world import BY_OWN_ID, HTML_PAGE, ORDER, PING, SUBMIT, TAKEN, TIME, spot, spot_order
from tests.scripted_http import (
    HTML,
    ScriptedServer,
    answer,
    bad_chunk,
    bad_gzip,
    cut_chunk,
    drop,
    half_body,
    never,
    ok,
    redirect,
    refusal,
    reset,
    wrong_length,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripted_http import Behaviour

FAULTS: dict[str, Behaviour] = {
    "drop": drop(),
    "reset": reset(),
    "never": never(),
    "half": half_body(TAKEN),
    "too long": wrong_length(TAKEN, 999),
    "cut chunk": cut_chunk(TAKEN),
    "bad chunk": bad_chunk(TAKEN),
    "bad gzip": bad_gzip(TAKEN),
    "html": answer(HTML_PAGE, 403, HTML),
    "garbage": answer(b"\xff\x00{"),
    "redirect": redirect("http://127.0.0.1:9/"),
    "refused": answer(refusal(50020)),
    "signature": answer(refusal(30005), 401),
    "clock": answer(refusal(30007)),
    "limited": answer(refusal(30013), 429),
    "banned": answer(refusal(30017), 418),
    "fault": answer(refusal(50022), 500),
    "fine": answer(TAKEN),
    "not http": lambda exchange: exchange.send(b"\x00\r\n\r\n"),
}


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all behind it, suppressed or not."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        here = todo.pop()
        if here is not None and id(here) not in seen:
            seen.add(id(here))
            yield here
            todo += [here.__cause__, here.__context__]


def texts(error: BaseException) -> Iterator[str]:
    """Everything an error can be made to say."""
    yield "".join(traceback.format_exception(error))
    for one in chain(error):
        yield from (str(one), repr(one), repr(one.args), repr(vars(one)))
    if isinstance(error, BitMartError):
        yield pickle.dumps(error).decode("latin-1")


def assert_silent(*said: str) -> None:
    told = [text[:300] for text in said if any(canary in text for canary in CANARIES)]
    assert not told, told


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("own_session", [True, False])
async def test_Z1_no_fault_makes_a_call_tell(
    fault: Behaviour, own_session: bool, log_lines: list[str]
) -> None:
    """Orders, signed and keyed reads under every fault: errors and their chain, pickles, logs, reprs."""
    async with (
        aiohttp.ClientSession() as session,
        spot(timeout=0.4, max_retries=0, **({} if own_session else {"session": session})) as (server, client),
    ):
        for call, at in (
            (lambda: client.submit_spot_order_v2(**ORDER), SUBMIT),
            (lambda: client.get_spot_order_by_client_order_id_v4("mine"), BY_OWN_ID),
            (lambda: client.get_spot_wallet_balance_v1(), ("GET", "/spot/v1/wallet")),
        ):
            server.on(*at, fault)
            try:
                result = await call()
            except BitMartError as error:
                assert_silent(*texts(error))
            else:
                assert_silent(repr(result))
        assert_silent(
            repr(client), repr(client.pending_orders), repr(client.clock), repr(client.rate_limit_use())
        )
        assert_silent(*log_lines)


async def test_Z1_no_failed_connection_tells(log_lines: list[str]) -> None:
    """The errors before a byte was sent, and those of making a client."""
    async with ScriptedServer() as gone:
        url = gone.url
    async with RestClient(**KEYS, base_url=url) as client:
        with pytest.raises(BitMartError) as caught:
            await client.submit_spot_order_v2(**ORDER)
        assert_silent(*texts(caught.value))
    for options in (
        {**KEYS, "base_url": "http://evil.example"},
        {**KEYS, "recv_window": 0},
        {**KEYS, "credentials": Credentials(**KEYS)},
        {**KEYS, "api_memo": " "},
    ):
        with pytest.raises(BitMartError) as caught:
            FuturesClientV2(**options)  # type: ignore[arg-type]
        assert_silent(*texts(caught.value))
    assert_silent(*log_lines)


async def test_Z1_the_envelope_and_its_request_tell_nothing(log_lines: list[str]) -> None:
    """A whole reply can be shown and logged: it holds nothing of the request."""
    async with spot() as (server, client):
        server.on(*BY_OWN_ID, answer(ok(spot_order("mine"))))
        server.on(*TIME, answer(ok({"server_time": 1})))
        envelope = await client.request("POST", BY_OWN_ID[1], auth="SIGNED", params={"clientOrderId": "mine"})
        assert_silent(repr(envelope), repr(envelope.headers), *log_lines)
        assert any("HTTP 200" in line for line in log_lines)


def test_Z1_a_client_is_not_pickled() -> None:
    """A pickle of a client would be a file with a secret: refused, whatever stops it first."""
    with pytest.raises(TypeError) as caught:
        pickle.dumps(RestClient(**KEYS))
    assert_silent(*texts(caught.value))


NASTY = "first\nWARNING forged line\r\x1b[31mred\x00\u202egnp" + "A" * 2**20


async def test_Z3_a_refusal_in_hostile_words_stays_one_short_line(log_lines: list[str]) -> None:
    """Newlines, ANSI, direction marks and a megabyte in message and trace: escaped and cut to 200."""
    async with spot() as (server, client):
        server.on(
            "GET", "/test/ping", answer(refusal(50020, NASTY).replace(b'"trace-no"', b'"t\\u001b[2J\\n"'))
        )
        with pytest.raises(ApiError) as caught:
            await client.call(PING)
        error = caught.value
        assert len(error.message) <= 200
        assert all(text.isprintable() for text in (str(error), error.message, error.trace))
        assert len(str(error)) < 1000
        assert all(line.isprintable() and len(line) < 1000 for line in log_lines)


async def test_Z3_pages_headers_and_targets_are_escaped_too() -> None:
    """The excerpt of a page, the ray id and a redirect's target: printable, short."""
    async with spot() as (server, client):
        page = b"<html>\x1b[31m\n" + b"B" * 2**20
        server.on("GET", "/test/ping", answer(page, 403, {**HTML, "CF-RAY": "r" * 500}))
        with pytest.raises(EdgeBlocked) as caught:
            await client.call(PING)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 700
        server.on("GET", "/test/ping", redirect("http://x/" + "c" * 5000))
        with pytest.raises(RedirectRefused) as refused:
            await client.call(PING)
        assert len(str(refused.value)) < 500
