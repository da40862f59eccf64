"""How the answers to one subscribe() are read."""

from __future__ import annotations

import asyncio

import pytest

from bitmart_async.errors import ClientClosed, LoginRefused, SubscriptionRefused
from bitmart_async.websocket.members import refusals_in
from tests.fast_time import virtual_time


def _answers(*errors: Exception | None) -> dict[str, asyncio.Future[None]]:
    answers = {}
    for number, error in enumerate(errors):
        answer = answers[f"spot/ticker:X{number}"] = asyncio.get_running_loop().create_future()
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)
    return answers


def _refusal(topic: str, code: int) -> SubscriptionRefused:
    return SubscriptionRefused(refused={topic: "no such symbol"}, code=code)


@virtual_time
async def test_refusals_of_one_call_are_told_together() -> None:
    """Each refused topic is named with its reason, the last code stands, and the accepted ones are said to stay."""
    refused = refusals_in(_answers(None, _refusal("spot/ticker:X1", 1), _refusal("spot/ticker:X2", 2)))
    error = refused.error(None)
    assert error.refused == {"spot/ticker:X1": "no such symbol", "spot/ticker:X2": "no such symbol"}
    assert error.code == 2
    assert "none is subscribed" in str(error)
    assert not refusals_in(_answers(None, None))


@virtual_time
async def test_what_ends_a_whole_call_comes_before_refusals() -> None:
    """Refused keys, or a topic that was given up, are raised whatever else was answered."""
    with pytest.raises(LoginRefused):
        refusals_in(_answers(_refusal("spot/ticker:X0", 1), LoginRefused("wrong key"), None))
    answers = _answers(None)
    given_up = answers["spot/ticker:Y"] = asyncio.get_running_loop().create_future()
    given_up.cancel()
    with pytest.raises(ClientClosed, match="spot/ticker:Y was given up"):
        refusals_in(answers)
