"""A connection's login: its message, and what a refusal means.

A public connection has none. A timestamp that is refused once means that the clock is measured and the login
tried again; refused once more, or for any other reason that lasts, it is final. No text that may hold a
secret leaves this file unmasked.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bitmart_async.errors import ConfigurationError, LoginRefused, StreamError
from bitmart_async.websocket.link import Final, SocketEnded

if TYPE_CHECKING:
    from bitmart_async.signing import Signer
    from bitmart_async.websocket.dialects import LoginFailed
    from bitmart_async.websocket.pacing import Backoff
    from bitmart_async.websocket.standing import Standing

__all__ = ["Login"]


class Login:
    """See the module's text.

    Args:
        signer: None on public connections.
        backoff: Begins anew when only the clock was wrong.
    """

    def __init__(self, standing: Standing, signer: Signer | None, backoff: Backoff) -> None:
        self._standing = standing
        self._signer = signer
        self._backoff = backoff
        self.trusted = True
        """Topics may be asked for behind a login that is not answered yet."""
        self.clock_doubted = False
        """The last login's timestamp was refused."""

    @property
    def needed(self) -> bool:
        """Whether sockets of this connection log in."""
        return self._signer is not None

    def message(self) -> bytes:
        """What is sent to log in. Raises Final when it cannot be signed."""
        assert self._signer is not None
        standing = self._standing
        try:
            return standing.dialect.login(self._signer, standing.hooks.now_ms())
        except ConfigurationError as error:  # the signer's own words about the user's sign function
            why = str(error)
        except (Exception, asyncio.CancelledError) as error:  # whose words may hold the secret
            why = f"the sign function raised {type(error).__name__}"
        raise Final(StreamError(f"{standing.name}: no login is possible: {why}", endpoint=standing.name))

    def accepted(self) -> None:
        """The exchange took it."""
        self.clock_doubted = False

    def rejected(self, failure: LoginFailed) -> None:
        """The exchange refused it. Raises SocketEnded when another socket may do better, else Final."""
        standing = self._standing
        code = f" {failure.code}" if failure.code is not None else ""
        said = standing.said(failure.text)
        if failure.verdict == "passing":
            raise SocketEnded(f"the login is not possible now:{code} {said}")
        if failure.verdict == "clock" and not self.clock_doubted:
            self.clock_doubted = True
            self._backoff.reset()
            raise SocketEnded(f"the login's timestamp was refused{code}; the clock is measured again")
        self.clock_doubted = False
        raise Final(
            LoginRefused(
                f"{standing.name}: BitMart refused the login:{code} {said}. Check api_key, api_secret and "
                f"api_memo, the key's address list and expiry, and this machine's clock. Private topics are "
                f"off until the next subscribe; public ones go on.",
                endpoint=standing.name,
                code=failure.code,
                message=said,
            )
        )
