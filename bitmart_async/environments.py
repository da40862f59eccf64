"""Every URL the library talks to, and the rule about which hosts may receive a key.

An :class:`Environment` is a frozen value with six URLs. ``LIVE`` is the exchange, ``DEMO`` its
futures demo (spot has none, so its spot URLs are the live ones), :func:`local` a BitMart on this
machine; a running sandbox offers its own as ``sandbox.environment``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import cast
from urllib.parse import urlsplit

from bitmart_async.errors import ConfigurationError
from bitmart_async.text import one_line

__all__ = ["DEMO", "LIVE", "Environment", "local"]

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_TRUSTED_DOMAIN = "bitmart.com"
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")  # other letters are how look-alikes and parser quarrels begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where one BitMart lives: two REST hosts and four stream sockets.

    A URL must belong to bitmart.com (``https``/``wss``) or to this machine, so that a typing error
    cannot hand a key to a stranger; ``any_host=True`` lifts the rule about hosts, never the one
    about encryption: off this machine only ``https`` and ``wss`` are accepted.

    Raises:
        ValueError: A URL breaks these rules. The text names the field and says what to do.
    """

    name: str
    """Shown in logs and errors."""
    spot_rest: str
    """Base URL of spot, margin, account, earn and sub-account calls."""
    futures_rest: str
    """Base URL of USD-M futures calls."""
    spot_public: str
    spot_private: str
    futures_public: str
    futures_private: str
    any_host: bool = False
    """Accept hosts other than bitmart.com and this machine."""

    @classmethod
    def from_json(cls, text: str | bytes) -> Environment:
        """Where a sandbox is that runs already: what ``bitmart sandbox --json`` printed.

        The same without the keys around it, the object ``environment`` alone, is read too.
        ``Credentials.from_json`` reads the keys.

        Raises:
            ValueError: It is something else, a URL is missing, or one breaks the rules above; the text says what.
        """
        from bitmart_async.told import read_told

        told = read_told(text)
        found = told.get("environment", told)
        if not isinstance(found, dict):
            raise ValueError("'environment' must be an object with a name and six URLs")  # noqa: TRY004 - a text
        given = cast("dict[str, object]", found)
        known = [field.name for field in fields(cls)]
        if missing := [name for name in known if name not in given and name != "any_host"]:
            raise ValueError(f"the environment lacks {', '.join(missing)}: it needs a name and six URLs")
        if strange := [name for name in given if name not in known]:
            raise ValueError(
                f"an environment has no {one_line(', '.join(strange))}; it has {', '.join(known)}"
            )
        for name, value in given.items():
            kind, words = (bool, "true or false") if name == "any_host" else (str, "text")
            if not isinstance(value, kind):
                raise ValueError(f"{name} of the environment must be {words}")  # noqa: TRY004 - a text
        return cls(**given)  # type: ignore[arg-type]  # looked at above

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name in ("name", "any_host"):
                continue
            url = str(getattr(self, field.name))
            check_url(
                url,
                what=f"Environment.{field.name}",
                any_host=self.any_host,
                schemes=("https", "http") if field.name.endswith("_rest") else ("wss", "ws"),
            )


def check_url(url: str, *, what: str, schemes: tuple[str, str], any_host: bool = False) -> None:
    """Refuse a URL that could leak a key: a foreign host, or no encryption off this machine.

    Args:
        schemes: The encrypted scheme, then the plain one (loopback only).
    """
    secure, plain = schemes
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - reading it is what validates it
    except ValueError as error:
        raise ValueError(f"{what}: {url!r} is not a URL ({error})") from None
    if parts.scheme not in schemes or not _HOST.fullmatch(host):
        raise ValueError(f"{what}: {url!r} must look like {secure}://host")
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url or parts.fragment:
        raise ValueError(f"{what}: {url!r} holds characters that no such URL has")
    if parts.query and secure == "https":
        raise ValueError(f"{what}: {url!r} has a query; give the host, and at most a path")
    if parts.username or parts.password:
        raise ValueError(f"{what}: the URL carries a user name or password; remove it")
    if host in _LOOPBACK:
        return
    if parts.scheme != secure:
        raise ValueError(
            f"{what}: {url!r} is not encrypted; use {secure}:// ({plain}:// is for this machine only)"
        )
    trusted = host == _TRUSTED_DOMAIN or host.endswith("." + _TRUSTED_DOMAIN)
    if not trusted and not any_host:
        raise ValueError(
            f"{what}: {host!r} is neither bitmart.com nor this machine; if you mean it, "
            f"pass an Environment(..., any_host=True)"
        )


LIVE = Environment(
    name="live",
    spot_rest="https://api-cloud.bitmart.com",
    futures_rest="https://api-cloud-v2.bitmart.com",
    spot_public="wss://ws-manager-compress.bitmart.com/api?protocol=1.1",
    spot_private="wss://ws-manager-compress.bitmart.com/user?protocol=1.1",
    futures_public="wss://openapi-ws-v2.bitmart.com/api?protocol=1.1",
    futures_private="wss://openapi-ws-v2.bitmart.com/user?protocol=1.1",
)
"""The exchange itself."""

DEMO = Environment(
    name="demo",
    spot_rest=LIVE.spot_rest,
    futures_rest="https://demo-api-cloud-v2.bitmart.com",
    spot_public=LIVE.spot_public,
    spot_private=LIVE.spot_private,
    futures_public="wss://openapi-wsdemo-v2.bitmart.com/api?protocol=1.1",
    futures_private="wss://openapi-wsdemo-v2.bitmart.com/user?protocol=1.1",
)
"""Futures with play money; live keys work there. Spot stays live: the exchange has no spot demo."""


def chosen_environment(environment: Environment | None, *, demo_trading: bool) -> Environment:
    """What a client's two options mean together. Raises ConfigurationError."""
    if environment is None:
        return DEMO if demo_trading else LIVE
    if demo_trading:
        raise ConfigurationError(
            "give demo_trading=True or environment=, not both: demo_trading means environment=DEMO"
        )
    given = cast("object", environment)  # what callers really pass
    if not isinstance(given, Environment):
        raise ConfigurationError(
            f"environment={given!r}: must be an Environment: bitmart_async.LIVE or DEMO, the .environment of a "
            f"sandbox, or one of your own"
        )
    return environment


def local(
    *,
    spot_rest: int,
    futures_rest: int,
    spot_streams: int,
    futures_streams: int,
    host: str = "127.0.0.1",
    name: str = "local",
) -> Environment:
    """A BitMart on this machine, by its four ports (TCP), without encryption.

    Paths are those of the exchange: ``/api`` for public and ``/user`` for private streams.
    """
    return Environment(
        name=name,
        spot_rest=f"http://{host}:{spot_rest}",
        futures_rest=f"http://{host}:{futures_rest}",
        spot_public=f"ws://{host}:{spot_streams}/api?protocol=1.1",
        spot_private=f"ws://{host}:{spot_streams}/user?protocol=1.1",
        futures_public=f"ws://{host}:{futures_streams}/api?protocol=1.1",
        futures_private=f"ws://{host}:{futures_streams}/user?protocol=1.1",
    )
