"""How a client reaches its exchange: where that is, with whose keys, by which way and by which clock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bitmart_async.errors import BitMartError, CredentialsMissing
from bitmart_async.websocket.sockets import chosen_transport, open_websocket
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    import logging
    import ssl
    from collections.abc import Iterable

    from bitmart_async.clock import Clock
    from bitmart_async.environments import Environment
    from bitmart_async.signing import Signer
    from bitmart_async.websocket.topics import Topic
    from bitmart_async.websocket.transport import Transport

__all__ = ["Access"]

_MEASURE_SECONDS = 5.0
"""For each request of a measurement of the clock."""
_HEX_SIGN = re.compile(r"[0-9a-f]{32,}")
"""A signature, or what a cut has left of it."""


class Access:
    """See the module's text.

    Args:
        signer: None: without keys, for public topics only.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        signer: Signer | None,
        clock: Clock,
        proxy: str | None,
        ssl_context: ssl.SSLContext | None,
        logger: logging.Logger,
    ) -> None:
        self.environment = environment
        self.signer = signer
        self.clock = clock
        self._proxy = proxy
        self._ssl = ssl_context
        self._log = logger
        self._transport = chosen_transport()

    async def open(self, url: str, timeout: float) -> Transport:
        """Open a socket within so many seconds. Raises StreamUnavailable."""
        return await open_websocket(
            url, timeout, transport=self._transport, ssl_context=self._ssl, proxy=self._proxy
        )

    async def measure_clock(self, market: Market) -> bool:
        """Measure the clock over REST; False when that failed."""
        from bitmart_async.rest.clients import FuturesClientV2, RestClient

        kind = RestClient if market is Market.SPOT else FuturesClientV2
        try:
            async with kind(
                environment=self.environment,
                clock=self.clock,
                proxy=self._proxy,
                ssl_context=self._ssl,
                timeout=_MEASURE_SECONDS,
                logger=self._log,
            ) as rest:
                await rest.sync_clock()
        except BitMartError as error:
            self._log.warning("the clock could not be measured: %s", type(error).__name__)
            return False
        return True

    def check_keys(self, topics: Iterable[Topic[object]]) -> None:
        """Raise CredentialsMissing when a topic is private and there are no keys."""
        private = [topic.text for topic in topics if topic.private]
        if private and self.signer is None:
            raise CredentialsMissing(
                f"{', '.join(private)}: private topics need keys, and this client has "
                f"none. Nothing was sent. Pass api_key=, api_secret= and api_memo=, or "
                f"credentials=Credentials.from_env()."
            )

    def mask(self, text: str) -> str:
        """The text without secrets and signatures."""
        if self.signer is not None:
            text = self.signer.mask(text)
        return _HEX_SIGN.sub("***", text)
