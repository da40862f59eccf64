"""One market's private topics and the connections they come on: pushes, and when some may be missing."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from bitmart_async.account.core import OrderNews
from bitmart_async.account.rows import futures_balance, futures_push, position_push, spot_balances, spot_push
from bitmart_async.errors import BitMartError, FrameUnreadable, StreamUnavailable, SubscriptionRefused
from bitmart_async.websocket import topics
from bitmart_async.websocket.subscription import when_ended

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    from bitmart_async.account.changes import Change
    from bitmart_async.account.core import MarketAccount, News
    from bitmart_async.websocket.client import WebsocketClient
    from bitmart_async.websocket.events import Event, Update
    from bitmart_async.websocket.subscription import Subscription

    Meaning: TypeAlias = Callable[[Update[Any]], Sequence[News]]

__all__ = ["EVENTS", "Feed", "futures_pushes", "spot_pushes"]

EVENTS: Final = ("reconnecting", "close", "live", "response", "stale", "gap", "exception")
"""What :meth:`Feed.hear` is to be told of."""
_LEAVE: Final = 0.5
"""Seconds to wait for the exchange to confirm that a topic is left."""
_ASK_AGAIN: Final = 60.0
"""Seconds until a topic the client has given up is subscribed anew."""


def spot_pushes() -> Mapping[str, Meaning]:
    """The private topics of spot, and what their updates mean."""
    return {
        topics.spot.orders().text: lambda update: [OrderNews(*spot_push(update.data))],
        topics.spot.balance().text: lambda update: spot_balances(update.data),
    }


def futures_pushes(currencies: Sequence[str]) -> Mapping[str, Meaning]:
    """The same of futures, with the balances of these coins."""
    return {
        topics.futures.order().text: lambda update: [OrderNews(*futures_push(update.data))],
        topics.futures.position().text: lambda update: [position_push(update.data)],
        **{
            topics.futures.asset(coin).text: lambda update: [futures_balance(update.data)]
            for coin in currencies
        },
    }


class Feed:
    """See the module's text.

    Args:
        pushes: The topics, and what an update of each means.
        tell: Passes changes on.
        stir: Tells that the account may be due to be read.
    """

    def __init__(
        self,
        ws: WebsocketClient,
        account: MarketAccount,
        pushes: Mapping[str, Meaning],
        *,
        tell: Callable[[Sequence[Change]], None],
        stir: Callable[[], None],
        logger: logging.Logger,
    ) -> None:
        self._ws = ws
        self._account = account
        self._pushes = pushes
        self._tell = tell
        self._stir = stir
        self._log = logger
        self._carriers: set[str] = set()
        """Connections our topics were seen on."""
        self._down: set[str] = set()
        """Connections and topics that bring nothing."""
        self._subscriptions: list[Subscription[object]] = []
        self._errands: set[asyncio.Task[None]] = set()
        self._closed = False

    # Topics ---------------------------------------------------------------------------------------------

    async def subscribe(self) -> None:
        """Subscribe every topic. Raises as WebsocketClient.subscribe() does."""
        for text in self._pushes:
            await self._take(text)

    async def _take(self, text: str) -> bool:
        """Subscribe a topic; whether it is still there by then."""
        subscription = await self._ws.subscribe(text, handler=functools.partial(self._push, text))
        self._subscriptions.append(subscription)
        when_ended(subscription, functools.partial(self._topic_lost, text))
        if not subscription.topics:
            self._topic_lost(text, None)
        return bool(subscription.topics)

    def _topic_lost(self, text: str, error: Exception | None) -> None:
        """The program or the exchange took a topic away: what it told is not seen any more."""
        if self._closed:
            return
        self._down.add(text)  # no connection brings it back
        why = f": {error}" if error is not None else ""
        if isinstance(error, SubscriptionRefused):
            why += f". It is asked for again every {_ASK_AGAIN:g} s"
            task = asyncio.get_running_loop().create_task(
                self._ask_again(text), name=f"bitmart account {text}"
            )
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)
        else:
            why += ". Make a new tracker to go on"
        self._tell(self._account.lost(f"{text} is no longer subscribed{why}"))
        self._stir()

    async def _ask_again(self, text: str) -> None:
        """Subscribe a refused topic anew, for as long as it is refused."""
        self._subscriptions = [one for one in self._subscriptions if one.topics]
        market = self._account.market.value
        while True:
            await asyncio.sleep(_ASK_AGAIN)
            try:
                if await self._take(text):
                    self._topic_back(text)
            except (SubscriptionRefused, StreamUnavailable) as error:
                self._log.info("account, %s: %s is still not served: %s", market, text, error)
            except BitMartError as error:
                self._log.warning("account, %s: %s is given up: %s", market, text, error)
                return
            else:
                return

    def _topic_back(self, text: str) -> None:
        """A topic that was refused is served again: what it would have told is read over REST."""
        if text in self._down:
            self._down.discard(text)
            if not self._down:
                self._account.back(asyncio.get_running_loop().time())
            self._stir()

    def close(self) -> set[asyncio.Task[None]]:
        """Nothing is heard any more; the tasks that are on their way out."""
        self._closed = True
        for errand in self._errands:
            errand.cancel()
        return set(self._errands)

    async def leave(self) -> None:
        """Leave the topics."""
        for subscription in self._subscriptions:
            with contextlib.suppress(TimeoutError):  # the exchange need not confirm
                async with asyncio.timeout(_LEAVE):
                    await subscription.unsubscribe()

    # Pushes ---------------------------------------------------------------------------------------------

    def _push(self, text: str, update: Update[Any]) -> None:
        if self._closed:
            return
        try:
            self._apply(self._pushes[text](update))
        except Exception:  # a push nobody could make sense of was missed
            if not self._closed:
                self._tell(self._account.doubt(f"a push of {update.topic} could not be understood"))
                self._stir()
            raise

    def _apply(self, news: Sequence[News]) -> None:
        account, now = self._account, asyncio.get_running_loop().time()
        before = account.state
        for one in news:
            told = account.push(one, now)
            if told:
                self._tell(told)
        if account.state is not before:
            self._stir()

    # Connections ----------------------------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """Something happened in the life of a connection of the client."""
        if not self._closed and self._concerns(event) and self._heed(event):
            self._stir()

    def _concerns(self, event: Event) -> bool:
        """Whether an event is about a connection our topics are on."""
        if not event.connection.startswith(f"{self._account.market.value}_private"):
            return False
        if event.name in ("live", "response") and not self._pushes.keys().isdisjoint(event.topics):
            self._carriers.add(event.connection)
        return event.connection in self._carriers or not self._carriers

    def _heed(self, event: Event) -> bool:
        """What an event means for the account; whether it means anything."""
        account, ours = self._account, sorted(self._pushes.keys() & set(event.topics))
        if event.name in ("reconnecting", "close"):
            self._down.add(event.connection)
            self._tell(account.lost(f"the connection {event.connection} was lost"))
        elif event.name == "live":
            self._live(event)
        elif event.name in ("stale", "gap") and ours:
            what = "nothing was heard on" if event.name == "stale" else "updates may be missing of"
            self._tell(account.doubt(f"{what} {', '.join(event.topics)}"))
        elif event.name == "response" and event.operation == "subscribe":
            for text in self._down.intersection(event.topics):
                self._topic_back(text)
        elif event.name == "exception" and isinstance(event.error, SubscriptionRefused) and ours:
            self._down.update(ours)
            self._tell(account.lost(f"the exchange refuses {', '.join(ours)}: {event.error}"))
        elif event.name == "exception" and isinstance(event.error, FrameUnreadable):
            self._tell(account.doubt("a private frame could not be read"))
        else:
            return False
        return True

    def _live(self, event: Event) -> None:
        was_down = event.connection in self._down
        self._down.discard(event.connection)
        if was_down and not self._down:
            self._account.back(asyncio.get_running_loop().time())
        elif event.gap is not None:
            self._tell(self._account.doubt(f"the connection {event.connection} was lost and is back"))
