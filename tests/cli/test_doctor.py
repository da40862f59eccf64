"""``bitmart doctor``: each fault is found and comes with what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bitmart_async.cli.doctor import clock_finding, rights
from bitmart_async.models.account import AccountInfo, ApiKey
from bitmart_async.models.enums import ApiAccountStatus, ApiAccountType, ApiKeyStatus
from bitmart_async.sandbox import Sandbox
from tests.cli.running import bitmart, where

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000_000


async def test_a_sound_place_is_found_sound(tmp_path: Path) -> None:
    """Hosts, clocks, key, signature, rights and streams are looked at; code 0, and JSON says the same."""
    async with Sandbox(lively=False) as sandbox:
        place = where(tmp_path, sandbox)
        done = await bitmart("doctor", *place)
        assert done.code == 0, done
        for subject in ("spot host", "futures host clock", "signature on spot", "rights", "futures login"):
            assert subject in done.out
        told = json.loads((await bitmart("doctor", "--json", *place)).out)
    assert told["ok"]
    assert {finding["grade"] for finding in told["findings"]} <= {"ok", "note"}


async def test_a_wrong_secret_is_told_from_a_wrong_key(tmp_path: Path) -> None:
    """The key is taken, the signature is not: the finding says so and what to copy again."""
    async with Sandbox(lively=False) as sandbox:
        place = where(tmp_path, sandbox)
        file = tmp_path / "sandbox.json"
        told = json.loads(file.read_text()) | {"api_secret": "f" * 64}
        file.write_text(json.dumps(told))
        done = await bitmart("doctor", "--json", *place)
    found = {finding["subject"]: finding for finding in json.loads(done.out)["findings"]}
    assert done.code == 1
    assert found["key on spot"]["grade"] == "ok"
    assert found["signature on spot"]["grade"] == "wrong"
    assert "memo" in found["signature on spot"]["advice"]
    assert "f" * 64 not in done.out


async def test_a_wrong_clock_is_found(tmp_path: Path) -> None:
    """An exchange whose clock is two minutes away: the offset is measured and judged."""
    async with Sandbox(lively=False) as sandbox:
        sandbox.faults.skew(-120_000)
        done = await bitmart("doctor", "--json", *where(tmp_path, sandbox))
    found = {finding["subject"]: finding for finding in json.loads(done.out)["findings"]}
    assert done.code == 1
    assert found["spot host clock"]["grade"] == "wrong"
    assert "NTP" in found["spot host clock"]["advice"]


async def test_an_unreachable_exchange_is_told_without_a_traceback(tmp_path: Path) -> None:
    """Nothing listens: both hosts are wrong, with what to check; half a set of keys is named."""
    async with Sandbox(lively=False) as sandbox:
        place = where(tmp_path, sandbox)
    done = await bitmart("doctor", *place)
    assert done.code == 1
    assert "no connection" in done.out
    assert "Traceback" not in done.out + done.err
    half = await bitmart("doctor", "--json", BITMART_API_KEY="abc")
    assert "BITMART_API_SECRET" in half.out


@pytest.mark.parametrize(("offset", "grade"), [(0, "ok"), (-900, "ok"), (-1100, "wrong"), (5200, "wrong")])
def test_what_an_offset_means(offset: float, grade: str) -> None:
    """More than a second ahead is refused by the exchange, and later than recv_window."""
    assert clock_finding("clock", offset).grade == grade


@pytest.mark.parametrize(
    ("permissions", "expires", "grades"),
    [
        (["read-only"], NOW + 90 * 86_400_000, {"rights": "ok", "expiry": "ok"}),
        (["read-only", "withdraw"], NOW + 3 * 86_400_000, {"rights": "note", "expiry": "note"}),
        (["read-only"], (NOW - 1) // 1000, {"rights": "ok", "expiry": "wrong"}),
    ],
)
def test_what_a_key_may_do_and_how_long(permissions: list[str], expires: int, grades: dict[str, str]) -> None:
    """A key that may withdraw is worth a word, one that ends soon too; seconds and ms are told apart."""
    key = ApiKey(
        access_key_masked="a***b", is_current=True, permissions=permissions, ip_whitelist=["10.0.0.1"],
        api_key_label="x", api_key_created_time=1, api_key_expire_time=expires,
        api_key_status=ApiKeyStatus("active"),
    )  # fmt: skip
    info = AccountInfo(
        cid="1", account_type=ApiAccountType("main"), account_status=ApiAccountStatus("active"), kyc_level="2",
        register_time=1, broker_id="", api_keys=[key],
    )  # fmt: skip
    found = {finding.subject: finding.grade for finding in rights(info, NOW)}
    assert found | grades == found


async def test_it_says_whose_keys_were_examined(tmp_path: Path) -> None:
    """With a sandbox's file the keys of the environment are not looked at, and that is said; without the file
    a file that is not there is told with the command that makes it."""
    async with Sandbox(lively=False) as sandbox:
        place = where(tmp_path, sandbox)
        wrong = {"BITMART_API_KEY": "k" * 40, "BITMART_API_SECRET": "s" * 64, "BITMART_API_MEMO": "m"}
        done = await bitmart("doctor", "--json", *place, **wrong)
        plain = await bitmart("doctor", "--json", *place)
    found = {finding["subject"]: finding for finding in json.loads(done.out)["findings"]}
    assert found["credentials"]["grade"] == "note"
    assert str(tmp_path / "sandbox.json") in found["credentials"]["found"]
    assert "BITMART_API_SECRET" in found["credentials"]["found"]
    assert "Not used" in found["credentials"]["found"]
    found = {finding["subject"]: finding for finding in json.loads(plain.out)["findings"]}
    assert found["credentials"]["grade"] == "ok"
    assert "Not used" not in found["credentials"]["found"]
    missing = tmp_path / "nowhere.json"
    told = await bitmart("call", "get_system_time", "--environment", str(missing))
    assert told.code == 2
    assert "No such file" in told.err
    assert f"bitmart sandbox --json > {missing}" in told.err


async def test_errors_name_nothing_the_command_line_does_not_have(tmp_path: Path) -> None:
    """Where nobody listens, the error says so without naming parameters of the library."""
    async with Sandbox(lively=False) as sandbox:
        place = where(tmp_path, sandbox)
    done = await bitmart("call", "get_system_time", *place)
    assert done.code == 1
    assert "no connection" in done.err
    assert "base_url" not in done.err
