"""Which hosts may receive a key (Z2)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from bitmart_async.environments import DEMO, LIVE, Environment, check_url, local
from bitmart_async.errors import ConfigurationError
from bitmart_async.rest.clients import FuturesClientV2, RestClient
from bitmart_async.websocket.client import WebsocketClient

REST = ("https", "http")

HOSTILE = [
    "https://evil.example",
    "https://bitmart.com.evil.example",
    "https://evilbitmart.com",
    "https://api-cloud.bitmart.com@evil.example",
    "https://user:pw@api-cloud.bitmart.com",
    "http://api-cloud.bitmart.com",
    "http://127.0.0.1.evil.example",
    "ftp://api-cloud.bitmart.com",
    "api-cloud.bitmart.com",
    "https://",
    "",
    "https://evil.example#.bitmart.com",
    "https://10.0.0.1",
    "https://evil.example\\.bitmart.com",
    "https://evil.example\n.bitmart.com",
    "https://api cloud.bitmart.com",
    "https://bitmаrt.com",  # noqa: RUF001 - a Cyrillic a, on purpose
    "https://bitmart.com.",
    "https://api-cloud.bitmart.com:99999",
    "https://api-cloud.bitmart.com?x=1",
    "https://api-cloud.bitmart.com/#x",
    "https://0x7f000001",
    "http://0.0.0.0:80",
    "https://[::ffff:1.2.3.4]",
]


@pytest.mark.parametrize("client", [RestClient, FuturesClientV2])
@pytest.mark.parametrize("url", HOSTILE)
def test_Z2_a_foreign_or_unencrypted_base_url_is_refused(client: type[RestClient], url: str) -> None:
    """A client is not even made for a host that is neither bitmart.com nor this machine."""
    with pytest.raises(ConfigurationError, match="base_url"):
        client(base_url=url)


@pytest.mark.parametrize("url", HOSTILE)
def test_Z2_the_same_in_an_environment(url: str) -> None:
    """The rule holds for every URL of an environment, and the text names the field."""
    with pytest.raises(ValueError, match=r"Environment\.futures_rest"):
        dataclasses.replace(LIVE, futures_rest=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api-cloud.bitmart.com",
        "https://bitmart.com/",
        "https://API-Cloud.BitMart.com",
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:5",
        "https://api-cloud.bitmart.com/prefix",
    ],
)
def test_Z2_bitmart_and_this_machine_are_taken(url: str) -> None:
    """What the rule is there to let through."""
    check_url(url, what="x", schemes=REST)
    assert url.rstrip("/") in repr(RestClient(base_url=url))


def test_Z2_any_host_lifts_the_host_rule_only() -> None:
    """Opted out, a foreign host is taken; without encryption it is still refused."""
    mine = dataclasses.replace(LIVE, name="mine", spot_rest="https://proxy.example", any_host=True)
    assert "https://proxy.example" in repr(RestClient(environment=mine))
    assert "https://other.example" in repr(RestClient(environment=mine, base_url="https://other.example"))
    with pytest.raises(ValueError, match="not encrypted"):
        dataclasses.replace(mine, spot_rest="http://proxy.example")


@pytest.mark.parametrize("field", ["spot_public", "spot_private", "futures_public", "futures_private"])
def test_Z2_streams_want_wss_off_this_machine(field: str) -> None:
    """The same rule with the schemes of streams."""
    for url in ("ws://ws-manager-compress.bitmart.com/api", "wss://evil.example/api", "https://bitmart.com"):
        with pytest.raises(ValueError, match=field):
            dataclasses.replace(LIVE, **{field: url})


def test_local_builds_the_paths_of_the_exchange() -> None:
    """Four ports make six URLs."""
    here = local(spot_rest=1, futures_rest=2, spot_streams=3, futures_streams=4)
    assert here == Environment(
        name="local",
        spot_rest="http://127.0.0.1:1",
        futures_rest="http://127.0.0.1:2",
        spot_public="ws://127.0.0.1:3/api?protocol=1.1",
        spot_private="ws://127.0.0.1:3/user?protocol=1.1",
        futures_public="ws://127.0.0.1:4/api?protocol=1.1",
        futures_private="ws://127.0.0.1:4/user?protocol=1.1",
    )


TOLD = {"environment": dataclasses.asdict(LIVE), "api_key": "k", "api_secret": "s", "api_memo": "m"}


@pytest.mark.parametrize("told", [TOLD, TOLD["environment"]], ids=["with keys", "alone"])
def test_an_environment_is_read_from_json(told: object) -> None:
    """What `bitmart sandbox --json` prints leads back to the same environment, as text and as bytes."""
    assert Environment.from_json(json.dumps(told)) == LIVE
    assert Environment.from_json(json.dumps(told).encode()) == LIVE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is no JSON"),
        (b"\xff\xfe", "it is no JSON"),
        ("[1]", "no JSON object"),
        ('{"environment": 5}', "'environment' must be an object"),
        ('{"environment": {"name": "x"}}', "lacks spot_rest, futures_rest, spot_public"),
        ("{}", "lacks name, spot_rest"),
        (json.dumps({**dataclasses.asdict(LIVE), "spot_rset": "x"}), "no spot_rset"),
        (
            json.dumps({**dataclasses.asdict(LIVE), "spot_rest": 5}),
            "spot_rest of the environment must be text",
        ),
        (
            json.dumps({**dataclasses.asdict(LIVE), "any_host": "no"}),
            "any_host of the environment must be true",
        ),
        (
            json.dumps({**dataclasses.asdict(LIVE), "spot_rest": "https://evil.example"}),
            "neither bitmart.com",
        ),
    ],
)
def test_Z2_what_is_no_environment_is_told(text: str | bytes, said: str) -> None:
    """The error says what is missing or wrong; the rules about hosts hold for a file too."""
    with pytest.raises(ValueError, match=said):
        Environment.from_json(text)


def test_demo_is_futures_only() -> None:
    """Demo keeps spot on the live hosts, and a spot client refuses it with a sentence."""
    assert DEMO.spot_rest == LIVE.spot_rest
    assert DEMO.futures_rest != LIVE.futures_rest
    assert DEMO.futures_rest in repr(FuturesClientV2(demo_trading=True))
    with pytest.raises(ConfigurationError, match="no demo for spot"):
        RestClient(demo_trading=True)
    with pytest.raises(ConfigurationError, match="not both"):
        FuturesClientV2(demo_trading=True, environment=LIVE)


@pytest.mark.parametrize("client", [RestClient, FuturesClientV2, WebsocketClient])
def test_a_name_is_no_environment(client: Any) -> None:
    """Refused when the client is made, with what would be right."""
    with pytest.raises(ConfigurationError, match="environment='sandbox': must be an Environment"):
        client(environment="sandbox")


def test_an_environment_is_frozen() -> None:
    """A URL cannot be exchanged behind a client's back."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        LIVE.spot_rest = "https://evil.example"  # type: ignore[misc]
