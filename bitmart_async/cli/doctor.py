"""``bitmart doctor``: what works between this machine, this key and the exchange, and what to do about the rest."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal

from rich.table import Table
from rich.text import Text

from bitmart_async import (
    AuthError,
    BitMartError,
    Clock,
    ConfigurationError,
    ConnectFailed,
    EdgeBlocked,
    IpBanned,
    PermissionDenied,
    TimestampRejected,
    TlsError,
    WebsocketClient,
    __version__,
    topics,
)
from bitmart_async.cli.where import VARIABLES, the_place
from bitmart_async.text import install_extra

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from rich.console import Console

    from bitmart_async import FuturesClientV2, RestClient
    from bitmart_async.cli.where import Place, Where
    from bitmart_async.models.account import AccountInfo, ApiKey

__all__ = ["Finding", "examine", "run"]

Grade = Literal["ok", "note", "wrong", "skipped"]

_FAST_MS: Final = 1_000
"""A clock more than this ahead is refused by the calls that know recv_window."""
_SLOW_MS: Final = 5_000
_SOON_DAYS: Final = 14
_PATIENCE: Final = 12.0
_MS_FROM: Final = 100_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    grade: Grade
    found: str
    advice: str = ""


async def run(console: Console, where: Where, *, as_json: bool) -> int:
    """Examine; returns the exit code: 0 when nothing is wrong."""
    findings = [_machine(), *_extras()]
    errors = type(console)(stderr=True, highlight=False)
    try:
        async with the_place(where, errors, keys=False) as place:
            with (
                contextlib.nullcontext() if as_json else console.status(f"Examining {place.environment.name}")
            ):
                findings += await examine(place)
    except ConfigurationError as error:
        findings.append(
            Finding(subject="credentials", grade="wrong", found=str(error), advice="Set all three or none.")
        )
    wrong = sum(finding.grade == "wrong" for finding in findings)
    if as_json:
        sys.stdout.write(
            json.dumps({"ok": not wrong, "findings": [asdict(one) for one in findings]}, indent=2) + "\n"
        )
    else:
        _show(console, findings)
        console.print("[green]Nothing is wrong.[/]" if not wrong else f"[bold red]{wrong} to mend.[/]")
    return 1 if wrong else 0


def _show(console: Console, findings: Iterable[Finding]) -> None:
    marks = {"ok": ("ok", "green"), "note": ("note", "yellow"), "wrong": ("wrong", "bold red")}
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        mark, style = marks.get(finding.grade, ("skip", "dim"))
        text = Text(finding.found)
        if finding.advice:
            text.append(f"\n{finding.advice}", style="cyan")
        table.add_row(Text(mark, style=style), finding.subject, text)
    console.print(table)


def _machine() -> Finding:
    return Finding(
        subject="library",
        grade="ok",
        found=f"bitmart-async {__version__}, Python {platform.python_version()}, {platform.system()}",
    )


def _extras() -> list[Finding]:
    missing = [
        (extra, name)
        for extra, names in (("store", ("pyarrow", "zstandard")),)
        for name in names
        if importlib.util.find_spec(name) is None
    ]
    if not missing:
        return []
    extra = missing[0][0]
    return [
        Finding(
            subject="extras",
            grade="note",
            found=f"{', '.join(name for _, name in missing)} not installed: bitmart archive needs them.",
            advice=f"{install_extra(extra).capitalize()}.",
        )
    ]


# What is looked at ------------------------------------------------------------------------------


async def examine(place: Place) -> list[Finding]:
    """Hosts, clock, key, signature, rights, limits, streams, in this order."""
    findings: list[Finding] = [_keys(place)]
    async with contextlib.AsyncExitStack() as stack:
        futures = await stack.enter_async_context(place.futures())
        rest = None if place.is_demo else await stack.enter_async_context(place.rest())
        reached = False
        for name, client in (("spot host", rest), ("futures host", futures)):
            if client is not None:
                found, good = await _host(name, client)
                findings += found
                reached = reached or good
        if not reached:
            return findings
        if place.credentials is not None:
            findings += await _key(rest, futures)
        findings.append(_limits(rest, futures))
    findings += await _streams(place)
    return findings


def _keys(place: Place) -> Finding:
    if place.credentials is not None:
        if place.keys_from:
            unused = [name for name in VARIABLES if os.environ.get(name)]
            return Finding(
                subject="credentials",
                grade="note" if unused else "ok",
                found=f"Key, secret and memo of {place.keys_from}."
                + (f" Not used: {', '.join(unused)} of the environment." if unused else ""),
                advice="Leave --sandbox and --environment away to examine those." if unused else "",
            )
        return Finding(
            subject="credentials", grade="ok", found="Key, secret and memo are in the environment."
        )
    given = [name for name in VARIABLES if os.environ.get(name)]
    if given:
        return Finding(
            subject="credentials",
            grade="wrong",
            found=f"Only {' and '.join(given)} set.",
            advice="Private calls need all three of BITMART_API_KEY, BITMART_API_SECRET and BITMART_API_MEMO.",
        )
    return Finding(
        subject="credentials",
        grade="note",
        found="None in the environment: only public calls are examined.",
        advice="Set BITMART_API_KEY, BITMART_API_SECRET and BITMART_API_MEMO to examine a key.",
    )


async def _host(name: str, client: RestClient | FuturesClientV2) -> tuple[list[Finding], bool]:
    """Reachability, the service's own word about itself, and the clock."""
    try:
        await client.get_system_time()  # the first call pays for connection and TLS
        began = time.monotonic()
        await client.get_system_time()
        took = (time.monotonic() - began) * 1000
    except BitMartError as error:
        return [_failed(name, error)], False
    findings = [Finding(subject=name, grade="ok", found=f"Answers in {took:.0f} ms.")]
    findings += await _status(name, client)
    try:
        offset = await client.sync_clock()
    except BitMartError as error:
        findings.append(_failed(f"{name} clock", error))
    else:
        findings.append(clock_finding(f"{name} clock", offset))
    return findings, True


async def _status(name: str, client: RestClient | FuturesClientV2) -> list[Finding]:
    try:
        status = await client.get_system_status()
    except BitMartError as error:
        return [_failed(f"{name} service", error)]
    down = [service for service in status.service if str(service.status) != "2"]
    return [
        Finding(
            subject=f"{name} service",
            grade="note",
            found=f"{service.title}: status {service.status} (0 waiting to start, 1 under way).",
            advice="Planned work: see the exchange's notices.",
        )
        for service in down
    ]


def clock_finding(subject: str, offset: float) -> Finding:
    """What an offset, exchange minus this machine in ms, means."""
    if offset < -_FAST_MS:
        return Finding(
            subject=subject,
            grade="wrong",
            found=f"This machine is {-offset:.0f} ms ahead; more than {_FAST_MS} ms is refused (30007).",
            advice="Set the clock (NTP). The clients measure and correct it after the first refusal.",
        )
    if offset > _SLOW_MS:
        return Finding(
            subject=subject,
            grade="wrong",
            found=f"This machine is {offset:.0f} ms behind; later than recv_window, {_SLOW_MS} ms, is refused.",
            advice="Set the clock (NTP). The clients measure and correct it after the first refusal.",
        )
    return Finding(subject=subject, grade="ok", found=f"{offset:+.0f} ms from this machine's.")


async def _key(rest: RestClient | None, futures: FuturesClientV2) -> list[Finding]:
    """The key alone, then the signature, then what it may do."""
    findings: list[Finding] = []
    if rest is not None:
        findings.append(
            await _try("key on spot", "The exchange takes the key.", rest.get_spot_wallet_balance_v1)
        )
        findings.append(
            await _try(
                "signature on spot",
                "The signature is right: secret and memo belong to the key.",
                lambda: rest.get_spot_open_orders_v4(limit=1),
            )
        )
    findings.append(
        await _try("key on futures", "The exchange takes the key.", futures.get_futures_account_assets)
    )
    if rest is None:
        return findings
    findings.append(
        await _try(
            "signature on futures",
            "The signature is right here too.",
            lambda: futures.get_futures_transfers(page=1, limit=10),
        )
    )
    try:
        findings += rights(await rest.get_account_info_v1(), int(time.time() * 1000))
    except BitMartError as error:
        findings.append(
            Finding(
                subject="rights",
                grade="note",
                found=f"The exchange does not tell what the key may do: {error}",
            )
        )
    return findings


def rights(info: AccountInfo, now_ms: int) -> list[Finding]:
    """What the account and its current key are good for."""
    findings = [
        Finding(
            subject="account",
            grade="ok" if str(info.account_status) == "active" else "wrong",
            found=f"{info.account_type} account, {info.account_status}, KYC level {info.kyc_level or 'unknown'}.",
            advice="" if str(info.account_status) == "active" else "Ask BitMart's support.",
        )
    ]
    current = next((key for key in info.api_keys if key.is_current), None)
    if current is None:
        return findings
    findings.append(_permissions(current))
    findings.append(
        Finding(
            subject="IP addresses",
            grade="ok" if current.ip_whitelist else "note",
            found=f"Bound to {', '.join(current.ip_whitelist)}."
            if current.ip_whitelist
            else "Not bound to any.",
            advice=""
            if current.ip_whitelist
            else "A key without a whitelist works from everywhere, and may end earlier: bind it on the site.",
        )
    )
    ends = current.api_key_expire_time  # the unit is unverified: taken by its size
    ends_ms = ends * 1000 if ends and ends < _MS_FROM else ends
    left = (ends_ms - now_ms) / 86_400_000 if ends_ms else None
    if left is not None:
        findings.append(
            Finding(
                subject="expiry",
                grade="ok" if left > _SOON_DAYS else "wrong" if left <= 0 else "note",
                found=f"The key ends in {left:.0f} days." if left > 0 else "The key has ended.",
                advice="" if left > _SOON_DAYS else "Renew it on the site.",
            )
        )
    return findings


def _permissions(key: ApiKey) -> Finding:
    may = ", ".join(key.permissions) or "nothing"
    withdraws = any("withdraw" in permission.lower() for permission in key.permissions)
    return Finding(
        subject="rights",
        grade="note" if withdraws else "ok",
        found=f"The key may: {may}.",
        advice="It may withdraw. For reading and archiving a read-only key is enough, and safer."
        if withdraws
        else "",
    )


async def _try(subject: str, good: str, call: Callable[[], Awaitable[object]]) -> Finding:
    try:
        await call()
    except BitMartError as error:
        return _failed(subject, error)
    return Finding(subject=subject, grade="ok", found=good)


def _failed(subject: str, error: BitMartError) -> Finding:
    advice = ""
    for kind, text in (
        (TlsError, "Something between here and BitMart changes the connection, or the clock is far off."),
        (ConnectFailed, "Check network, DNS, firewall and proxy; BitMart may not be served from this place."),
        (EdgeBlocked, "The network edge refuses this address: wait a minute, or use another address."),
        (IpBanned, "Stop calling for ten minutes at least."),
        (TimestampRejected, "Set this machine's clock (NTP)."),
        (AuthError, "Copy key, secret and memo again; the memo is the name the key was given."),
        (PermissionDenied, "Give the key the right on the site, and put this machine's address on its list."),
    ):
        if isinstance(error, kind):
            advice = text
            break
    return Finding(subject=subject, grade="wrong", found=str(error), advice=advice)


def _limits(rest: RestClient | None, futures: FuturesClientV2) -> Finding:
    use = {**(rest.rate_limit_use() if rest is not None else {}), **futures.rate_limit_use()}
    paused = [name for name, window in use.items() if window.paused_for > 0]
    fullest = max(use.items(), key=lambda item: item[1].used / item[1].limit, default=None)
    if paused:
        return Finding(
            subject="rate limits",
            grade="wrong",
            found=f"The exchange has paused {', '.join(paused)}.",
            advice="Another program uses the same key or address: share one client, or slow down.",
        )
    if fullest is None:
        return Finding(subject="rate limits", grade="ok", found="Nothing is counted here.")
    name, window = fullest
    return Finding(
        subject="rate limits",
        grade="ok",
        found=f"Fullest after these calls: {name}, {window.used} of {window.limit} per {window.per:g} s.",
    )


async def _streams(place: Place) -> list[Finding]:
    """The sockets: public ones on both markets, and a private login."""
    checks = [("futures stream", str(topics.futures.ticker("BTCUSDT")))]
    if not place.is_demo:
        checks.insert(0, ("spot stream", str(topics.spot.ticker("BTC_USDT"))))
    if place.credentials is not None:
        if not place.is_demo:
            checks.append(("spot login", str(topics.spot.balance())))
        checks.append(("futures login", str(topics.futures.position())))
    async with WebsocketClient(
        environment=place.environment, credentials=place.credentials, clock=Clock()
    ) as ws:
        return [await _stream(ws, subject, topic) for subject, topic in checks]


async def _stream(ws: WebsocketClient, subject: str, topic: str) -> Finding:
    began = time.monotonic()
    try:
        async with asyncio.timeout(_PATIENCE):
            await ws.subscribe(topic)
    except BitMartError as error:
        return _failed(subject, error)
    except TimeoutError:
        return Finding(
            subject=subject,
            grade="wrong",
            found=f"No answer within {_PATIENCE:g} s.",
            advice="Check firewall and proxy: streams need wss:// through.",
        )
    return Finding(
        subject=subject,
        grade="ok",
        found=f"{topic} acknowledged in {(time.monotonic() - began) * 1000:.0f} ms.",
    )
