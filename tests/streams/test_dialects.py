"""The two wire languages: every form of login answer, acknowledgement, error and heartbeat."""

from __future__ import annotations

import json

import pytest

from bitmart_async.codes import Category
from bitmart_async.credentials import Credentials
from bitmart_async.decoding import DecodeError
from bitmart_async.signing import Signer
from bitmart_async.websocket.dialects import (
    FUTURES,
    SPOT,
    Ack,
    LoggedIn,
    LoginFailed,
    Pong,
    Refusal,
    Strange,
    data_key,
    heartbeat,
    unusual_key,
)

_SIGNER = Signer(
    Credentials(
        "80618e45710812162b04892c7ee5ead4a3cc3e56",
        "6c6c98544461bbe71db2bca4c6d7fd0021e0ba9efc215f9c6ad41852df9d9df9",
        "test001",
    )
)
_SIGN = "3ceeb7e1b8cb165a975e28a2e2dfaca4d30b358873c0351c1a071d8c83314556"


def test_the_login_is_the_documented_worked_example() -> None:
    """Key, timestamp and signature of the documents; only futures adds "web"."""
    args = [_SIGNER.api_key, "1589267764859", _SIGN]
    assert json.loads(SPOT.login(_SIGNER, 1589267764859)) == {"op": "login", "args": args}
    assert json.loads(FUTURES.login(_SIGNER, 1589267764859)) == {"action": "access", "args": [*args, "web"]}


def test_requests_and_pings() -> None:
    """Each market's own form."""
    assert SPOT.request("subscribe", ["spot/ticker:X"]) == b'{"op":"subscribe","args":["spot/ticker:X"]}'
    assert FUTURES.request("unsubscribe", ["a", "b"]) == b'{"action":"unsubscribe","args":["a","b"]}'
    assert (SPOT.ping, FUTURES.ping) == (b"ping", b'{"action":"ping"}')


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        ('{"event":"login"}', LoggedIn()),
        ('{"event":"login","errorCode":"91005","errorMessage":"already"}', LoggedIn()),
        (
            '{"event":"login","errorCode":"91002","errorMessage":"API KEY not found"}',
            LoginFailed(91002, "API KEY not found", "final"),
        ),
        (
            '{"errorMessage":"Param sign is wrong","errorCode":"91011","event":"login"}',
            LoginFailed(91011, "Param sign is wrong", "final"),
        ),
        (
            '{"errorMessage":"Param sign is wrong","errorCode":"91011"}',
            LoginFailed(91011, "Param sign is wrong", "final"),
        ),
        ('{"event":"login","errorCode":91022,"errorMessage":"late"}', LoginFailed(91022, "late", "clock")),
        (
            '{"event":"login","errorCode":"95000","errorMessage":"busy"}',
            LoginFailed(95000, "busy", "passing"),
        ),
        ('{"event":"login","errorCode":"x","errorMessage":"odd"}', LoginFailed(None, "odd", "final")),
        (
            '{"event":"error","message":"Invalid sign","errorCode":30013}',
            LoginFailed(30013, "Invalid sign", "final"),
        ),
        ('{"event":"subscribe","topic":"spot/ticker:X"}', Ack("subscribe", "spot/ticker:X")),
        ('{"topic":"spot/ticker:X","event":"unsubscribe"}', Ack("unsubscribe", "spot/ticker:X")),
        (
            '{"event":"subscribe","topic":"spot/ticker:X","errorCode":"90008","errorMessage":"again"}',
            Ack("subscribe", "spot/ticker:X"),
        ),
        (
            '{"event":"subscribe","errorCode":"90004","errorMessage":"Invalid channel param"}',
            Refusal("subscribe", "", 90004, "Invalid channel param", Category.BAD_REQUEST),
        ),
        (
            '{"errorMessage":"Invalid symbol param","errorCode":"92001"}',
            Refusal("", "", 92001, "Invalid symbol param", Category.SYMBOL),
        ),
        (
            '{"event":"subscribe","topic":"spot/user/order:X","errorCode":"91006","errorMessage":"login"}',
            Refusal("subscribe", "spot/user/order:X", 91006, "login", Category.AUTH),
        ),
        ('{"event":"pong"}', Pong()),
        ('{"hello":1}', Strange()),
        ('{"symbol":1,"table":"spot/ticker","data":[]}', None),
    ],
)
def test_spot_frames_mean(frame: str, meaning: object) -> None:
    """An errorCode decides before the event: a refused login still says event "login"."""
    assert SPOT.control(frame.encode()) == meaning


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        ('{"action":"access","success":true}', LoggedIn()),
        (
            '{"action":"access","success":false,"error":"access failed: openapi auth: apiKey 88**** failed"}',
            LoginFailed(None, "access failed: openapi auth: apiKey 88**** failed", "final"),
        ),
        (
            '{"action":"access","success":false,"error":"timestamp expired"}',
            LoginFailed(None, "timestamp expired", "clock"),
        ),
        (
            '{"action":"access","success":false,"error":"authentication is temporarily unavailable"}',
            LoginFailed(None, "authentication is temporarily unavailable", "passing"),
        ),
        ('{"action":"access"}', Strange()),
        (
            '{"action":"subscribe","group":"futures/order","success":true,"request":{}}',
            Ack("subscribe", "futures/order"),
        ),
        (
            '{"action":"unsubscribe","group":"futures/order","success":true}',
            Ack("unsubscribe", "futures/order"),
        ),
        (
            '{"action":"subscribe","group":"futures/x:Y","success":false,'
            '"error":"Invalid channel: not found futures/x:Y"}',
            Refusal(
                "subscribe", "futures/x:Y", None, "Invalid channel: not found futures/x:Y", Category.SYMBOL
            ),
        ),
        (
            '{"action":"subscribe","group":"futures/order","success":false,'
            '"error":"futures/order need authenication"}',
            Refusal("subscribe", "futures/order", None, "futures/order need authenication", Category.AUTH),
        ),
        (
            '{"success":false,"error":"Invalid message: message must be JSON: ping"}',
            Refusal("", "", None, "Invalid message: message must be JSON: ping", Category.BAD_REQUEST),
        ),
        ('{"group":"System","data":"pong+e0d8adb4"}', Pong()),
        ('{"data":"pong+e0d8adb4","group":"System"}', Pong()),
        ('{"action":"pong"}', Pong()),
        ('{"x":1,"group":"futures/ticker","data":{}}', None),
    ],
)
def test_futures_frames_mean(frame: str, meaning: object) -> None:
    """Success decides; the group names the topic."""
    assert FUTURES.control(frame.encode()) == meaning


@pytest.mark.parametrize("frame", [b"[]", b"5", b"{", b'{"event":"\xff"}'])
def test_what_is_no_object_is_a_decode_error(frame: bytes) -> None:
    """Nothing but DecodeError escapes."""
    for dialect in (SPOT, FUTURES):
        with pytest.raises(DecodeError):
            dialect.control(frame)


@pytest.mark.parametrize("frame", [b"pong", b"ping", b"", b" PONG\n", b'"pong"'])
def test_heartbeats_that_are_no_json(frame: bytes) -> None:
    """Every bare form is a sign of life."""
    assert heartbeat(frame)


@pytest.mark.parametrize(
    ("frame", "key"),
    [
        (b'{"table":"spot/ticker","data":[1]}', b"spot/ticker"),
        (b'{"data":[{"a":"b"}],"table":"spot/ticker"}', b"spot/ticker"),
        (b'{"data":[{"x":",\\"table\\":\\"no"}],"table":"spot/trade"}', b"spot/trade"),
        (b'{"event":"subscribe","topic":"t"}', None),
        (b'{"table":"spot/ticker","other":1,"data":[]}', None),
        (b'{"data":[]}', None),
    ],
)
def test_the_key_of_a_data_frame_is_read_without_decoding(frame: bytes, key: bytes | None) -> None:
    """First or last member; anything else is looked at in full."""
    assert data_key(frame, SPOT.heads) == key


def test_the_key_of_an_unusual_data_frame() -> None:
    """It is found wherever it stands."""
    assert unusual_key(b'{"table":"spot/ticker","other":1,"data":[]}') == b"spot/ticker"
    assert unusual_key(b'{"x":1,"group":"futures/order","data":[]}') == b"futures/order"
    assert unusual_key(b'{"x":1}') is None


@pytest.mark.parametrize("code", ["9" * 5000, "9" * 400, int("9" * 400), True, None, [1]])
def test_an_absurd_error_code_is_an_error_without_a_code(code: object) -> None:
    """Longer than Python converts, or no number at all: reported like any other, and it costs no socket."""
    frame = json.dumps({"errorCode": code, "errorMessage": "x"}).encode()
    assert SPOT.control(frame) == Refusal("", "", None, "x", Category.BAD_REQUEST)
