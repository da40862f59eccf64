"""What is refused before anything happens."""

from __future__ import annotations

import pytest

from bitmart_async.errors import ConfigurationError, ParameterError
from bitmart_async.websocket.options import check_consumer, check_seconds, check_silence, checked_timings
from bitmart_async.websocket.session import Timings

_DEFAULTS = {
    "connect_timeout": 10.0,
    "login_timeout": 10.0,
    "ack_timeout": 5.0,
    "ping_interval": 10.0,
    "pong_timeout": 5.0,
    "reconnect_delay": (0.5, 30.0),
    "linger": 10.0,
}


def test_usual_times_are_those_of_a_connection() -> None:
    """The defaults of a client are the defaults of a connection."""
    assert checked_timings(**_DEFAULTS) == Timings()  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [0, -1, float("inf"), float("nan")])
@pytest.mark.parametrize(
    "name",
    ["connect_timeout", "login_timeout", "ack_timeout", "ping_interval", "pong_timeout", "reconnect_delay"],
)
def test_a_time_that_is_none_is_refused_by_name(name: str, wrong: float) -> None:
    """Nothing, less, for ever and not a number: the text names the option."""
    value = (wrong, wrong) if name == "reconnect_delay" else wrong
    with pytest.raises(ConfigurationError, match=name):
        checked_timings(**{**_DEFAULTS, name: value})  # type: ignore[arg-type]


def test_bounds_that_have_a_reason() -> None:
    """Pings as often as the exchange takes messages for them; waits that grow; no linger is one."""
    assert checked_timings(**{**_DEFAULTS, "ping_interval": 0.2, "linger": 0.0}).linger == 0.0  # type: ignore[arg-type]
    for wrong in ({"ping_interval": 0.19}, {"reconnect_delay": (2.0, 1.0)}, {"linger": -0.1}):
        with pytest.raises(ConfigurationError):
            checked_timings(**{**_DEFAULTS, **wrong})  # type: ignore[arg-type]


def test_a_limit_that_is_not_given_is_none() -> None:
    """None is no limit; nought is no time."""
    check_seconds({"stale_after": None, "rotate_after": 0.1})
    check_silence(None)
    with pytest.raises(ConfigurationError, match="rotate_after"):
        check_seconds({"stale_after": None, "rotate_after": 0})
    with pytest.raises(ParameterError, match="stale_after"):
        check_silence(0)


def test_frames_go_to_a_plain_function_without_options_of_a_queue() -> None:
    """raw= takes what can be called in the read, alone."""

    def plain(topic: str, frame: bytes) -> None: ...
    async def later(topic: str, frame: bytes) -> None: ...

    check_consumer(None, plain, None, 1000)
    for handler, raw, overflow, size in (
        (None, later, None, 1000),
        (print, plain, None, 1000),
        (None, plain, "block", 1000),
        (None, plain, None, 999),
    ):
        with pytest.raises(ParameterError, match="raw="):
            check_consumer(handler, raw, overflow, size)  # type: ignore[arg-type]
